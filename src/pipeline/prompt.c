/*-------------------------------------------------------------------------
 *
 * prompt.c
 *	  What a prompt means: reading its words.
 *
 * Purpose: find phrases and what stands before them (negation, degree), years
 *			and tempo, and runs of words that may be names.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	fail on any words.
 *
 *-------------------------------------------------------------------------
 */
#include "mood.h"

#include <stdlib.h>
#include <string.h>

#include "catalogue/facet.h"

#define NEGATION_REACH		3	/* meaningful words that a negation covers */
#define DEGREE_REACH		2	/* words until the one it means */
#define VERY				1.5f
#define SLIGHTLY			0.6f
#define BPM_SPREAD			4.0f
#define MAX_NAME_WORDS		6
#define MAX_FACET_TEXT		4096

typedef struct Reader
{
	const RecoWords *words;
	RecoMood   *mood;
	bool		negated[RECO_MOOD_MAXWORDS];
	float		degree[RECO_MOOD_MAXWORDS];
	bool		spent[RECO_MOOD_MAXWORDS];	/* grammar, years: no content */
} Reader;

static const char *const negations[] = {
	"not", "no", "without", "never", "nothing", "none", "dont", "isnt", "arent", "avoid", "except",
	"minus", "hardly", "sans", NULL
};
static const char *const stronger[] = {
	"very", "really", "super", "extremely", "so", "too", "highly", "ultra", "totally", "pure",
	"incredibly", NULL
};
static const char *const weaker[] = {
	"slightly", "somewhat", "little", "bit", "fairly", "mildly", "rather", "quite", NULL
};
static const char *const borders[] = {	/* end the reach of a negation */
	"but", "and", "just", "only", "yet", "still", "while", "because", "please", NULL
};
static const char *const likenesses[] = {"like", "similar", NULL};
static const char *const authors[] = {"by", "featuring", "feat", NULL};
static const char *const fillers[] = {	/* say nothing about music */
	"song", "songs", "music", "track", "tracks", "tune", "tunes", "playlist", "playlists", "mix",
	"something", "some", "want", "need", "give", "play", "please", "list", "make", "feel", "thing",
	"things", "everything", "get", "let", "put", "hear", "listen", "listening", "help", "minutes",
	"hour", "hours", "like", "similar", "kind", "sort", "lot", "anything", "one", "would", "best",
	"top", "since", "until", "till", "pre", "newer", "older", "later", "earlier", "onward",
	"onwards", "ultimate", "collection", "presents", "y", "en", "de", "el", "la", NULL
};
static const char *const voices[] = {
	"vocals", "vocal", "lyrics", "lyric", "singing", "voices", "voice", "singers", NULL
};
static char instrumental[] = "instrument";	/* the stem of "instrumental" */
static const char *const joiners[] = {	/* may stand inside a name */
	"of", "the", "and", "a", "in", "to", "de", "la", "los", "el", "n", NULL
};

static const struct
{
	const char *name;
	int			from;
}			decades[] = {
	{"twenties", 1920}, {"thirties", 1930}, {"forties", 1940}, {"fifties", 1950},
	{"sixties", 1960}, {"seventies", 1970}, {"eighties", 1980}, {"nineties", 1990},
	{"noughties", 2000},
};

static bool
among(const char *word, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(word, *list) == 0)
			return true;
	return false;
}

/* The first year of what a word says: a decade's length in *years; 0 = none. */
static int
years_of(const char *fold, int *years)
{
	size_t		digits = strspn(fold, "0123456789");
	int			number = digits > 0 && digits <= 4 ? atoi(fold) : -1;

	*years = 10;
	for (size_t i = 0; i < sizeof(decades) / sizeof(decades[0]); i++)
		if (strcmp(fold, decades[i].name) == 0)
			return decades[i].from;
	if (digits == 2 && strcmp(fold + 2, "s") == 0 && number % 10 == 0)
		return number >= 30 ? 1900 + number : 2000 + number;
	if (digits == 4 && strcmp(fold + 4, "s") == 0 && number >= 1900 && number < 2050 &&
		number % 10 == 0)
		return number;
	*years = 1;
	if (digits == 4 && fold[4] == '\0' && number >= 1920 && number < 2050)
		return number;
	return 0;
}

/* The word before, articles and their like passed over; "" for none. */
static const char *
word_before(const RecoWords *words, int i)
{
	static const char *const passed[] = {"the", "about", "around", "year", "years", "than", NULL};

	while (--i >= 0)
		if (!among(words->words[i].fold, passed))
			return words->words[i].fold;
	return "";
}

/* The word after, "and" passed over; "" for none. */
static const char *
word_after(const RecoWords *words, int i)
{
	if (++i < words->nwords && strcmp(words->words[i].fold, "and") == 0)
		i++;
	return i < words->nwords ? words->words[i].fold : "";
}

/*
 * Sets one bound of the era, the other is 0. Of two bounds that leave nothing between
 * them, the one that was said last stands.
 */
static void
set_era(RecoMood *mood, int from, int to)
{
	bool		contradicts;

	if (from != 0)
		mood->era_from = from;
	else
		mood->era_to = to;
	contradicts = mood->era_to != 0 && mood->era_from > mood->era_to;
	if (contradicts && from != 0)
		mood->era_to = 0;
	else if (contradicts)
		mood->era_from = 0;
}

/* Reads decades, years and what bounds them. */
static void
read_era(Reader *reader)
{
	static const char *const before_words[] = {"before", "pre", "older", "earlier", NULL};
	static const char *const after_words[] = {"after", "post", "newer", "later", NULL};
	static const char *const on_words[] = {"on", "onwards", "onward", "newer", "later", "up", NULL};
	RecoMood   *mood = reader->mood;

	for (int i = 0; i < reader->words->nwords; i++)
	{
		const char *before = word_before(reader->words, i);
		const char *after = word_after(reader->words, i);
		int			years;
		int			from = years_of(reader->words->words[i].fold, &years);
		int			to = from + years - 1;

		if (from == 0)
			continue;
		reader->spent[i] = true;
		if (reader->negated[i])
		{
			mood->years_ruled_out = true;
			continue;
		}
		if (among(before, after_words))
			set_era(mood, to + 1, 0);
		else if (strcmp(before, "since") == 0 || among(after, on_words))
			set_era(mood, from, 0);
		else if (strcmp(after, "older") == 0 || strcmp(after, "earlier") == 0)
			set_era(mood, 0, to);
		else if (among(before, before_words))
			set_era(mood, 0, from - 1);
		else if (strcmp(before, "until") == 0 || strcmp(before, "till") == 0)
			set_era(mood, 0, to);
		else
		{
			if (mood->era_from == 0 || from < mood->era_from)
				mood->era_from = from;
			if (to > mood->era_to)
				mood->era_to = to;
		}
	}
}

/* Reads "170 bpm". */
static void
read_tempo(Reader *reader)
{
	for (int i = 0; i + 1 < reader->words->nwords; i++)
	{
		const RecoWord *word = &reader->words->words[i];
		int			bpm = word->number ? atoi(word->fold) : 0;
		RecoTarget *tempo = &reader->mood->targets[RECO_TEMPO];

		if (strcmp(word[1].fold, "bpm") != 0 || bpm < 20 || bpm > 250)
			continue;
		tempo->mean = (float) bpm;
		tempo->sd = BPM_SPREAD;
		tempo->weight = 1;
		reader->spent[i] = reader->spent[i + 1] = true;
	}
}

/* Marks the words that negations and degrees reach. */
static void
read_grammar(Reader *reader)
{
	int			negation = 0;	/* words left in its reach */
	int			degree = 0;
	float		amount = 1;

	for (int i = 0; i < reader->words->nwords; i++)
	{
		const RecoWord *word = &reader->words->words[i];

		reader->degree[i] = 1;
		/* quotes open inside a sentence: nothing by "Somebody" */
		if ((word->gap == RECO_GAP_SENTENCE && word->quote == 0) ||
			among(word->fold, borders))
			negation = degree = 0;
		if (among(word->fold, negations))
		{
			const char *next = i + 1 < reader->words->nwords ? word[1].fold : "";

			/* "nothing but jazz", "not only jazz" want jazz */
			negation = strcmp(next, "but") == 0 || strcmp(next, "only") == 0 ? 0
				: NEGATION_REACH;
			reader->spent[i] = true;
		}
		else if (among(word->fold, stronger) || among(word->fold, weaker))
		{
			amount = among(word->fold, stronger) ? VERY : SLIGHTLY;
			degree = DEGREE_REACH;
			reader->spent[i] = true;
		}
		else
		{
			reader->negated[i] = negation > 0;
			if (degree > 0)
			{
				reader->degree[i] = amount;
				degree = word->stem != NULL ? 0 : degree - 1;
			}
			if (negation > 0 && word->stem != NULL)
				negation--;
		}
	}
}

/* Adds a mention, unless it overlaps one. */
static void
add_mention(Reader *reader, int word, int nwords, RecoMentionKind kind)
{
	RecoMood   *mood = reader->mood;
	RecoMention *mention;

	for (int i = 0; i < mood->nmentions; i++)
		if (word < mood->mentions[i].word + mood->mentions[i].nwords &&
			word + nwords > mood->mentions[i].word)
			return;
	if (mood->nmentions == RECO_MOOD_MAXMENTIONS || nwords < 1)
		return;
	mention = &mood->mentions[mood->nmentions++];
	mention->word = word;
	mention->nwords = nwords;
	mention->kind = kind;
	mention->negated = reader->negated[word];
	mention->resolved = false;
}

/* How many words from 'first' on are written as a name is. */
static int
name_length(const RecoWords *words, int first)
{
	int			last = first - 1;

	for (int i = first; i < words->nwords && i < first + MAX_NAME_WORDS; i++)
	{
		const RecoWord *word = &words->words[i];

		if (i > first && word->gap)
			break;
		if (word->capital || (word->number && i > first))
			last = i;
		else if (!among(word->fold, joiners))
			break;
	}
	return last - first + 1;
}

/* Finds names in quotes. */
static void
read_quoted(Reader *reader)
{
	const RecoWords *words = reader->words;

	for (int i = 0; i < words->nwords; i++)
	{
		int			quote = words->words[i].quote;
		int			end = i;

		if (quote == 0)
			continue;
		while (end < words->nwords && words->words[end].quote == quote)
			end++;
		add_mention(reader, i, end - i, RECO_MENTION_QUOTED);
		i = end - 1;
	}
}

/* Finds names behind "like" and "by". */
static void
read_named(Reader *reader)
{
	const RecoWords *words = reader->words;

	for (int i = 0; i + 1 < words->nwords; i++)
	{
		bool		by = among(words->words[i].fold, authors);
		int			first = i + 1;
		int			end;
		int			n;

		if (!(by || among(words->words[i].fold, likenesses)) || words->words[first].gap)
			continue;
		if (strcmp(words->words[first].fold, "to") == 0 && first + 1 < words->nwords)
			first++;
		n = name_length(words, first);
		if (n > 0)
		{
			add_mention(reader, first, n, by ? RECO_MENTION_BY : RECO_MENTION_LIKE);
			continue;
		}

		/* in lower case: up to the next border, and only if the name exists */
		for (end = first; end < words->nwords && end < first + MAX_NAME_WORDS; end++)
			if ((end > first && words->words[end].gap) ||
				among(words->words[end].fold, borders))
				break;
		add_mention(reader, first, end - first, RECO_MENTION_GUESS);
	}
}

/* Finds runs of capitals, unless everything is written with them. */
static void
read_capitals(Reader *reader)
{
	const RecoWords *words = reader->words;
	int			content = 0;
	int			capitals = 0;

	for (int i = 0; i < words->nwords; i++)
	{
		const RecoWord *word = &words->words[i];

		content += word->stem != NULL && !word->number;
		capitals += word->stem != NULL && !word->number && word->capital;
	}
	if (capitals * 4 > content * 3 && content > 2)
		return;
	for (int i = 0; i < words->nwords; i++)
	{
		int			n;

		if (!words->words[i].capital || reader->spent[i])
			continue;
		n = name_length(words, i);
		if (n >= 2)
			add_mention(reader, i, n, RECO_MENTION_GUESS);
		i += n > 0 ? n - 1 : 0;
	}
}

/* Adds a phrase, unless the prompt has said it before. */
static void
add_phrase(RecoMood *mood, const RecoPhrase *phrase)
{
	for (int i = 0; i < mood->nphrases; i++)
		if (mood->phrases[i].negated == phrase->negated &&
			strcmp(mood->phrases[i].stem, phrase->stem) == 0)
			return;
	if (mood->nphrases < RECO_MOOD_MAXPHRASES)
		mood->phrases[mood->nphrases++] = *phrase;
}

/* Makes phrases of the words that are left: each, and each two in a row. */
static void
read_phrases(Reader *reader, char *(*join)(const char *a, const char *b))
{
	int			last = -1;

	for (int i = 0; i < reader->words->nwords; i++)
	{
		const RecoWord *word = &reader->words->words[i];
		RecoPhrase	phrase;

		if (word->gap != RECO_GAP_NONE)
			last = -1;
		if (word->stem == NULL || reader->spent[i] || among(word->fold, fillers))
			continue;
		memset(&phrase, 0, sizeof(phrase));
		phrase.stem = word->stem;
		phrase.word = i;
		phrase.nwords = 1;
		phrase.degree = reader->degree[i];
		phrase.negated = reader->negated[i];
		if (phrase.negated && among(word->fold, voices))
		{
			/* who wants no voices wants instruments */
			phrase.stem = instrumental;
			phrase.negated = false;
		}
		add_phrase(reader->mood, &phrase);
		if (last >= 0 && reader->negated[last] == reader->negated[i])
		{
			phrase.stem = join(reader->words->words[last].stem, word->stem);
			phrase.word = last;
			phrase.nwords = i - last + 1;
			phrase.negated = reader->negated[i];
			add_phrase(reader->mood, &phrase);
		}
		last = i;
	}
}

/* Reads which themes and regions the wanted and the unwanted words name. */
static void
read_facets(Reader *reader)
{
	char		wanted[MAX_FACET_TEXT];
	char		unwanted[MAX_FACET_TEXT];
	size_t		used[2] = {0, 0};

	for (int i = 0; i < reader->words->nwords; i++)
	{
		bool		negated = reader->negated[i];
		char	   *text = negated ? unwanted : wanted;
		size_t		len = strlen(reader->words->words[i].fold);

		if (used[negated] + len + 2 > MAX_FACET_TEXT)
			continue;
		memcpy(text + used[negated], reader->words->words[i].fold, len);
		used[negated] += len;
		text[used[negated]++] = ' ';
	}
	wanted[used[0]] = unwanted[used[1]] = '\0';
	reader->mood->asked = reco_facet_of_prompt(wanted);
	reader->mood->excluded =
		(uint16_t) (reco_facet_of_prompt(unwanted) & ~reader->mood->asked);
}

/* Reads words into phrases, mentions, era and facets. */
void
reco_mood_read(const RecoWords *words, RecoMood *mood,
			   char *(*join)(const char *a, const char *b))
{
	Reader		reader;
	RecoWords	bounded = *words;

	memset(mood, 0, sizeof(*mood));
	memset(&reader, 0, sizeof(reader));
	if (bounded.nwords > RECO_MOOD_MAXWORDS)
		bounded.nwords = RECO_MOOD_MAXWORDS;
	mood->words = words;
	reader.words = &bounded;
	reader.mood = mood;
	read_grammar(&reader);
	read_era(&reader);
	read_tempo(&reader);
	read_quoted(&reader);
	read_named(&reader);
	read_capitals(&reader);
	read_phrases(&reader, join);
	read_facets(&reader);
}
