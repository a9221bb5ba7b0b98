/*-------------------------------------------------------------------------
 *
 * result_key.c
 *	  Which requests share a result.
 *
 * Purpose: see result_key.h. A prompt is written down in one way, whichever way it
 *			was said, and hashed together with the options.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	leave out what a later stage of the pipeline looks at.
 *
 * Two requests with one key differ in nothing that the stages behind the reading see,
 * but for the order of their phrases. That order matters where a stage takes only the
 * first few of them (ORDERED_WORDS, ORDERED_PHRASES): then it is in the key.
 *
 *-------------------------------------------------------------------------
 */
#include "result_key.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORDERED_WORDS	6		/* more are not all looked for in titles */
#define ORDERED_PHRASES RECO_FIT_MAXBANNED	/* more are not all banned */
#define MAX_NUMBER		64		/* bytes of what put() formats */

/* Where a key is made: a hash of all that is put, and as much text as is wanted. */
typedef struct Sink
{
	uint64_t	a;
	uint64_t	b;
	char	   *text;			/* NULL = only the hash */
	size_t		size;
	size_t		len;
} Sink;

/* A phrase with what else of it counts. */
typedef struct Entry
{
	const RecoPhrase *phrase;
	int			name;			/* of the mention that it stands in, or -1 */
	int			offset;			/* where in it */
	bool		covers_first;	/* of two words: the first is itself a phrase, here */
	bool		covers_last;
} Entry;

static void put_bytes(Sink *sink, const char *bytes, size_t len);
static void put_text(Sink *sink, const char *text);
static void put(Sink *sink, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void put_options(Sink *sink, const RecoRequest *request, uint64_t generation);
static void put_prompt(Sink *sink, const RecoResultReading *reading);
static void put_names(Sink *sink, const RecoResultReading *reading);
static int	collect(const RecoResultReading *reading, Entry *entries);
static int	compare_entries(const void *a, const void *b);
static void finish(const Sink *sink, char kind, const char *user_id, char *key);

static int
compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Sorts a list and drops what is twice. */
static void
settle(const char **list, int *n)
{
	int			kept = 0;

	if (*n < 2)
		return;
	qsort(list, *n, sizeof(char *), compare_strings);
	for (int i = 0; i < *n; i++)
		if (i == 0 || strcmp(list[i], list[kept - 1]) != 0)
			list[kept++] = list[i];
	*n = kept;
}

/* Sorts the lists among the options. */
void
reco_result_settle(RecoRequest *request)
{
	settle(request->negative_tracks, &request->nnegative);
	settle(request->exclude_artists, &request->nexclude);
	settle(request->include_artists, &request->ninclude);
}

/* Makes the key by the raw text. */
void
reco_result_raw_key(const RecoRequest *request, uint64_t generation, char *key)
{
	Sink		sink = {0};

	put_options(&sink, request, generation);
	put_bytes(&sink, request->prompt, strlen(request->prompt));
	finish(&sink, 'r', request->user_id, key);
}

/* Makes the key by what the prompt means. */
void
reco_result_key(const RecoRequest *request, const RecoResultReading *reading,
				uint64_t generation, char *key)
{
	Sink		sink = {0};

	put_options(&sink, request, generation);
	put_prompt(&sink, reading);
	finish(&sink, RECO_RESULT_BY_MEANING, request->user_id, key);
}

/* Writes what of a prompt is in its key. */
size_t
reco_result_prompt(const RecoResultReading *reading, char *text, size_t size)
{
	Sink		sink = {.text = text, .size = size};

	put_prompt(&sink, reading);
	if (size > 0)
		text[sink.len < size ? sink.len : size - 1] = '\0';
	return sink.len;
}

/* Takes bytes into both halves of the hash; each step is a bijection of each half. */
static void
put_bytes(Sink *sink, const char *bytes, size_t len)
{
	uint64_t	a = sink->a;
	uint64_t	b = sink->b;

	for (size_t i = 0; i < len; i++)
	{
		a = (a ^ (unsigned char) bytes[i]) * UINT64_C(0x9E3779B97F4A7C15);
		b = (b + (unsigned char) bytes[i] + 1) * UINT64_C(0xD1342543DE82EF95);
		a ^= a >> 29;
		b ^= b >> 32;
	}
	sink->a = a;
	sink->b = b;
	for (size_t i = 0; i < len && sink->len + i + 1 < sink->size; i++)
		sink->text[sink->len + i] = bytes[i];
	sink->len += len;
}

static void
put_text(Sink *sink, const char *text)
{
	put_bytes(sink, text, strlen(text));
}

/* Puts something short. */
static void
put(Sink *sink, const char *format, ...)
{
	char		text[MAX_NUMBER];
	va_list		arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	put_text(sink, text);
}

/* Puts a list, so that no two lists read the same. */
static void
put_list(Sink *sink, char name, const char *const *list, int n)
{
	for (int i = 0; i < n; i++)
	{
		put(sink, "%c%zu:", name, strlen(list[i]));
		put_text(sink, list[i]);
	}
}

/* Puts everything of a request but the prompt; what is at its default is left out. */
static void
put_options(Sink *sink, const RecoRequest *request, uint64_t generation)
{
	int			left_out = 0;

	put(sink, "g%llx n%d u%zu:", (unsigned long long) generation, request->size,
		strlen(request->user_id));
	put_text(sink, request->user_id);
	for (int s = 0; s < RECO_NSTRATEGIES; s++)
		left_out |= request->strategies[s] ? 0 : 1 << s;
	if (request->ranked != 0)
		put(sink, "k%d", request->ranked);
	if (request->seed != 0)
		put(sink, "s%lld", (long long) request->seed);
	if (request->by_score)
		put_text(sink, "o");
	if (left_out != 0)
		put(sink, "l%x", left_out);
	if (request->familiarity != 0.5f)
		put(sink, "f%.9g", (double) request->familiarity);
	if (request->repeat_days != 0)
		put(sink, "d%d", request->repeat_days);
	if (request->era_from != 0 || request->era_to != 0)
		put(sink, "e%d-%d", request->era_from, request->era_to);
	if (request->min_popularity >= 0 || request->max_popularity >= 0)
		put(sink, "p%d-%d", request->min_popularity, request->max_popularity);
	put_list(sink, 'N', request->negative_tracks, request->nnegative);
	put_list(sink, 'X', request->exclude_artists, request->nexclude);
	put_list(sink, 'I', request->include_artists, request->ninclude);
	put_text(sink, "\n");
}

/* Puts a prompt: its phrases, its names, the rest. */
static void
put_prompt(Sink *sink, const RecoResultReading *reading)
{
	const RecoMood *mood = &reading->mood;
	const RecoTarget *tempo = &mood->targets[RECO_TEMPO];
	Entry		entries[RECO_MOOD_MAXPHRASES];
	int			n = collect(reading, entries);
	int			wanted = 0;

	for (int i = 0; i < n; i++)
		wanted += entries[i].phrase->nwords == 1 && !entries[i].phrase->negated;
	if (wanted > ORDERED_WORDS || n > ORDERED_PHRASES)
		put_text(sink, "in order\n");
	else
		qsort(entries, n, sizeof(Entry), compare_entries);
	for (int i = 0; i < n; i++)
	{
		const RecoPhrase *phrase = entries[i].phrase;

		put_text(sink, phrase->negated ? "-" : "+");
		put_text(sink, phrase->stem);
		if (phrase->degree != 1)
			put(sink, "*%.9g", (double) phrase->degree);
		if (phrase->nwords > 1)
			put(sink, " (%s%s)", entries[i].covers_first ? "1" : "",
				entries[i].covers_last ? "2" : "");
		if (entries[i].name >= 0)
			put(sink, " @%d%+d:%d", entries[i].name, entries[i].offset, phrase->nwords);
		put_text(sink, "\n");
	}
	put_names(sink, reading);
	if (mood->era_from != 0 || mood->era_to != 0)
		put(sink, "years %d to %d\n", mood->era_from, mood->era_to);
	if (tempo->weight > 0)
		put(sink, "tempo %.9g\n", (double) tempo->mean);
	if (mood->asked != 0 || mood->excluded != 0)
		put(sink, "facets %x but %x\n", mood->asked, mood->excluded);
}

/* Does "by" and the next name follow a name that may be a title? */
static bool
is_by_next(const RecoMood *mood, int m)
{
	const RecoMention *mention = &mood->mentions[m];
	int			end = mention->word + mention->nwords;

	return mention->kind != RECO_MENTION_GUESS && m + 1 < mood->nmentions &&
		end + 1 == mood->mentions[m + 1].word && end < mood->words->nwords &&
		strcmp(mood->words->words[end].fold, "by") == 0;
}

/* Puts the names, in the order in which the pipeline asks for them. */
static void
put_names(Sink *sink, const RecoResultReading *reading)
{
	static const char *const kinds[] = {"quoted", "like", "by", "perhaps"};
	const RecoMood *mood = &reading->mood;

	for (int m = 0; m < mood->nmentions; m++)
	{
		const RecoMention *mention = &mood->mentions[m];

		if (reading->names[m] == RECO_RESULT_NOBODY)
			continue;
		put_text(sink, mention->negated ? "without " : "");
		put_text(sink,
				 reading->names[m] == RECO_RESULT_ARTIST ? "artist"
														 : kinds[mention->kind]);
		put(sink, " %d%s%s:", mention->nwords,
			mood->words->words[mention->word].quote > 0 ? " in quotes" : "",
			is_by_next(mood, m) ? " by the next" : "");
		for (int w = mention->word; w < mention->word + mention->nwords; w++)
		{
			put_text(sink, " ");
			put_text(sink, mood->words->words[w].written);
		}
		put_text(sink, "\n");
	}
}

/*
 * The mention that a phrase stands in, and so goes with if it is a name: numbered
 * among those that may be one. -1 = none.
 */
static int
mention_of(const RecoResultReading *reading, const RecoPhrase *phrase, int *number)
{
	const RecoMood *mood = &reading->mood;

	*number = 0;
	for (int m = 0; m < mood->nmentions; m++)
	{
		const RecoMention *mention = &mood->mentions[m];

		if (reading->names[m] == RECO_RESULT_NOBODY)
			continue;
		if (phrase->word < mention->word + mention->nwords &&
			phrase->word + phrase->nwords > mention->word)
			return m;
		(*number)++;
	}
	return -1;
}

/* Is the word at a place itself a phrase? */
static bool
is_phrase(const RecoMood *mood, int word)
{
	for (int i = 0; i < mood->nphrases; i++)
		if (mood->phrases[i].nwords == 1 && mood->phrases[i].word == word)
			return true;
	return false;
}

/*
 * Collects the phrases that count: not those of an artist's name, which goes from the
 * words, and not two words that say nothing together.
 */
static int
collect(const RecoResultReading *reading, Entry *entries)
{
	const RecoMood *mood = &reading->mood;
	int			n = 0;

	for (int i = 0; i < mood->nphrases; i++)
	{
		const RecoPhrase *phrase = &mood->phrases[i];
		Entry	   *entry = &entries[n];
		int			number;
		int			m = mention_of(reading, phrase, &number);

		if ((phrase->nwords > 1 && !phrase->understood) ||
			(m >= 0 && reading->names[m] == RECO_RESULT_ARTIST))
			continue;
		memset(entry, 0, sizeof(*entry));
		entry->phrase = phrase;
		entry->name = m >= 0 ? number : -1;
		entry->offset = m >= 0 ? phrase->word - mood->mentions[m].word : 0;
		if (phrase->nwords > 1)
		{
			entry->covers_first = is_phrase(mood, phrase->word);
			entry->covers_last = is_phrase(mood, phrase->word + phrase->nwords - 1);
		}
		n++;
	}
	return n;
}

static int
compare_entries(const void *a, const void *b)
{
	const Entry *x = a;
	const Entry *y = b;
	int			order = strcmp(x->phrase->stem, y->phrase->stem);

	if (order != 0)
		return order;
	if (x->phrase->negated != y->phrase->negated)
		return x->phrase->negated ? 1 : -1;
	return x->phrase->word - y->phrase->word;
}

/* Writes the key: what it is of, the hash, the listener. */
static void
finish(const Sink *sink, char kind, const char *user_id, char *key)
{
	snprintf(key, RECO_RESULT_KEYSIZE, "%c%016llx%016llx %s", kind,
			 (unsigned long long) sink->a, (unsigned long long) sink->b,
			 strlen(user_id) > RECO_RESULT_MAXUSER ? "" : user_id);
}
