/*-------------------------------------------------------------------------
 *
 * mood_test.c
 *	  Tests of the mood: reading words, weighing what the lexicon says.
 *
 * Purpose: negation, degree, era, tempo, mentions and facets on words split by
 *			hand; targets, confidence and labels from evidence made by hand.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	use a stemmer: here every word is its own stem.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/features.c src/pipeline/mood.c src/pipeline/prompt.c
	src/catalogue/facet.c src/catalogue/fit.c */
#include "pipeline/mood.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue/facet.h"
#include "tap.h"

#define MAX_WORDS 400

static RecoWord word[MAX_WORDS];
static RecoWords words = {.words = word};
static char folds[MAX_WORDS][32];
static RecoMood mood;
static char joined[256][72];
static int	njoined;

static char *
join(const char *a, const char *b)
{
	char	   *to = joined[njoined++ % 256];

	snprintf(to, sizeof(joined[0]), "%s %s", a, b);
	return to;
}

static bool
is_stop(const char *fold)
{
	static const char *const stops[] = {"the",	"a",	"an",	  "and",   "but",
										"or",	"of",	"in",	  "to",	   "for",
										"by",	"with", "from",	  "is",	   "not",
										"no",	"very", "so",	  "too",   "i",
										"me",	"some", "it",	  "at",	   "on",
										"just", "only", "before", "after", "between",
										NULL};

	for (int i = 0; stops[i]; i++)
		if (strcmp(fold, stops[i]) == 0)
			return true;
	return false;
}

/* Splits a prompt the simple way, and reads it. */
static void
read_prompt(const char *prompt)
{
	RecoGap		gap = RECO_GAP_NONE;
	int			quote = 0;
	int			pairs = 0;

	words.nwords = 0;
	njoined = 0;
	for (const char *at = prompt; *at;)
	{
		RecoWord   *next = &word[words.nwords];
		char	   *fold = folds[words.nwords];
		int			len = 0;

		if (!isalnum((unsigned char) *at))
		{
			if (*at == '"')
				quote = quote ? 0 : ++pairs;
			gap = strchr("\",.;:!?()", *at) != NULL ? RECO_GAP_SENTENCE : gap;
			at++;
			continue;
		}
		memset(next, 0, sizeof(*next));
		next->capital = isupper((unsigned char) *at);
		next->number = true;
		while (isalnum((unsigned char) *at) && len < 31)
		{
			next->number &= isdigit((unsigned char) *at) != 0;
			fold[len++] = (char) tolower((unsigned char) *at++);
		}
		fold[len] = '\0';
		next->written = next->fold = fold;
		next->stem = is_stop(fold) ? NULL : fold;
		next->gap = gap;
		next->quote = quote;
		gap = RECO_GAP_NONE;
		words.nwords++;
	}
	reco_mood_read(&words, &mood, join);
}

/* The phrase of a stem, or one that no prompt has. */
static const RecoPhrase *
phrase(const char *stem)
{
	static const RecoPhrase none = {.degree = -1};

	for (int i = 0; i < mood.nphrases; i++)
		if (strcmp(mood.phrases[i].stem, stem) == 0)
			return &mood.phrases[i];
	return &none;
}

static bool
wanted(const char *stem)
{
	return phrase(stem)->degree > 0 && !phrase(stem)->negated;
}

static bool
unwanted(const char *stem)
{
	return phrase(stem)->degree > 0 && phrase(stem)->negated;
}

/* Is the n-th mention these words? */
static bool
mentions(int n, const char *name, bool likely)
{
	char		text[256] = "";

	if (n >= mood.nmentions || (mood.mentions[n].kind < RECO_MENTION_GUESS) != likely)
		return false;
	for (int i = 0; i < mood.mentions[n].nwords; i++)
	{
		strcat(text, i ? " " : "");
		strcat(text, word[mood.mentions[n].word + i].fold);
	}
	return strcmp(text, name) == 0;
}

static bool
era(int from, int to)
{
	return mood.era_from == from && mood.era_to == to;
}

static void
test_phrases(void)
{
	read_prompt("");
	ok(mood.nphrases == 0 && mood.nmentions == 0 && era(0, 0) && mood.confidence == 0, "no words");
	read_prompt("rainy sunday, calm");
	ok(wanted("rainy") && wanted("sunday") && wanted("calm"), "each word");
	ok(wanted("rainy sunday"), "and each two in a row");
	read_prompt("some songs for the gym please");
	ok(mood.nphrases == 1 && wanted("gym"), "fillers and stop words say nothing");
	read_prompt("hip hop");
	ok(mood.nphrases == 3 && phrase("hip hop")->nwords == 2, "two words reach over two");
	read_prompt("rock and roll");
	ok(phrase("rock roll")->nwords == 3 && phrase("rock roll")->word == 0,
	   "two words over a stop word reach over three");
}

static void
test_negation(void)
{
	read_prompt("not sad");
	ok(unwanted("sad"), "not");
	read_prompt("calm, no drums");
	ok(wanted("calm") && unwanted("drums"), "no, behind a comma");
	read_prompt("calm, no vocals");
	ok(wanted("calm") && wanted("instrument") && phrase("vocals")->degree < 0,
	   "no vocals wants instruments");
	read_prompt("no rap, calm");
	ok(unwanted("rap") && wanted("calm"), "a comma ends its reach");
	read_prompt("no rap but calm");
	ok(unwanted("rap") && wanted("calm"), "but ends its reach");
	ok(phrase("rap calm")->degree < 0, "what is wanted and what is not make no two words");
	read_prompt("nothing too loud");
	ok(unwanted("loud"), "nothing too");
	read_prompt("without rap or heavy metal sunshine");
	ok(unwanted("rap") && unwanted("heavy") && unwanted("metal") && wanted("sunshine"),
	   "it reaches three words that mean something, no fourth");
	read_prompt("nothing but jazz");
	ok(wanted("jazz"), "nothing but");
	read_prompt("not only jazz");
	ok(wanted("jazz"), "not only");
	read_prompt("sad not");
	ok(wanted("sad"), "not behind it reaches nothing before it");
	read_prompt("no hip hop");
	ok(unwanted("hip hop"), "two words are not wanted together");
	read_prompt("dont play rap");
	ok(unwanted("rap"), "don't");
	read_prompt("not");
	ok(mood.nphrases == 0, "not, and nothing else");
}

static void
test_degree(void)
{
	read_prompt("very calm");
	ok(phrase("calm")->degree > 1, "very");
	read_prompt("very, calm");
	ok(phrase("calm")->degree == 1, "very and a comma");
	read_prompt("slightly sad");
	ok(phrase("sad")->degree < 1 && phrase("sad")->degree > 0, "slightly");
	read_prompt("a bit sad and calm");
	ok(phrase("sad")->degree < 1 && phrase("calm")->degree == 1, "one word is meant, no more");
	read_prompt("not very calm");
	ok(unwanted("calm"), "not very");
	read_prompt("calm");
	ok(phrase("calm")->degree == 1, "plain");
}

static void
test_era(void)
{
	static const struct
	{
		const char *prompt;
		int			from;
		int			to;
	}			cases[] = {
		{"calm", 0, 0}, {"80s pop", 1980, 1989}, {"1980s pop", 1980, 1989},
		{"pop from the eighties", 1980, 1989}, {"nineties", 1990, 1999}, {"20s", 2020, 2029},
		{"30s swing", 1930, 1939}, {"10s", 2010, 2019}, {"1994", 1994, 1994},
		{"1975 to 1985", 1975, 1985}, {"between 1985 and 1975", 1975, 1985},
		{"80s and 90s", 1980, 1999}, {"since 2010", 2010, 0}, {"after 2010", 2011, 0},
		{"until 1969", 0, 1969}, {"before 1970", 0, 1969}, {"since 1990 until 1995", 1990, 1995},
		{"99 luftballons", 0, 0}, {"85s", 0, 0}, {"1985s", 0, 0}, {"3000", 0, 0}, {"12", 0, 0},
		{"no 80s", 0, 0}, {"since the 90s", 1990, 0}, {"before the 80s", 0, 1979},
		{"after the 70s", 1980, 0}, {"80s, since 2000", 2000, 0}, {"90s, before 1970", 0, 1969},
		{"80s 97 90s on", 1990, 0}
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		read_prompt(cases[i].prompt);
		ok(era(cases[i].from, cases[i].to), "era of \"%s\" (%d to %d)", cases[i].prompt,
		   mood.era_from, mood.era_to);
	}
	read_prompt("80s pop");
	ok(mood.nphrases == 1 && wanted("pop"), "a decade is no phrase");
}

static void
test_tempo(void)
{
	read_prompt("running at 170 bpm");
	near(mood.targets[RECO_TEMPO].mean, 170, "170 bpm");
	ok(mood.targets[RECO_TEMPO].weight == 1 && mood.targets[RECO_TEMPO].sd > 0, "said outright");
	ok(wanted("running") && phrase("170")->degree < 0 && phrase("bpm")->degree < 0, "is no phrase");
	read_prompt("2000 bpm");
	ok(mood.targets[RECO_TEMPO].weight == 0, "2000 bpm is none");
	read_prompt("0 bpm");
	ok(mood.targets[RECO_TEMPO].weight == 0, "0 bpm is none");
	read_prompt("bpm");
	ok(mood.targets[RECO_TEMPO].weight == 0, "bpm alone is none");
}

static void
test_mentions(void)
{
	read_prompt("songs like Radio Head");
	ok(mentions(0, "radio head", true) && mood.nmentions == 1, "like, and capitals");
	read_prompt("something similar to Nina Simone please");
	ok(mentions(0, "nina simone", true), "similar to");
	read_prompt("\"Paper Moon\" and more");
	ok(mentions(0, "paper moon", true), "quotes");
	read_prompt("\"paper moon\" by Ella");
	ok(mentions(0, "paper moon", true) && mentions(1, "ella", true), "a title by an artist");
	read_prompt("\"one\" \"two\"");
	ok(mentions(0, "one", true) && mentions(1, "two", true), "two quotations");
	read_prompt("calm evening with Glass Harbor playing");
	ok(mentions(0, "glass harbor", false), "a run of capitals is a guess");
	read_prompt("a calm evening at home with The Wall of Sound tonight");
	ok(mentions(0, "the wall of sound", false), "small words inside a name");
	read_prompt("Calm evening");
	ok(mood.nmentions == 0, "one capital is a sentence");
	read_prompt("Rainy Sunday Morning Coffee");
	ok(mood.nmentions == 0, "where all are capitals they tell nothing");
	read_prompt("Songs Like Glass Harbor");
	ok(mentions(0, "glass harbor", true), "but like still does");
	read_prompt("songs like glass harbor, calm");
	ok(mentions(0, "glass harbor", false), "in lower case, up to the comma");
	read_prompt("songs like glass harbor but calm");
	ok(mentions(0, "glass harbor", false), "or to a but");
	read_prompt("nothing like Glass Harbor");
	ok(mood.nmentions == 0 || mood.mentions[0].negated, "what is not wanted is not named");
	read_prompt("songs by");
	ok(mood.nmentions == 0, "by, and nothing");
	read_prompt("like");
	ok(mood.nmentions == 0, "like, and nothing");
	read_prompt("\"");
	ok(mood.nmentions == 0 && mood.nphrases == 0, "a quote alone");
	read_prompt("\"a\" \"b\" \"c\" \"d\" \"e\" \"f\" \"g\" \"h\" \"i\" \"j\" \"k\"");
	ok(mood.nmentions == RECO_MOOD_MAXMENTIONS, "eleven quotations are eight mentions");

	read_prompt("calm \"paper moon\" evening");
	mood.mentions[0].resolved = true;
	reco_mood_drop_mentions(&mood);
	ok(mood.nphrases == 2 && wanted("calm") && wanted("evening"),
	   "the words of a found name are no phrases, nor what overlaps them");
	read_prompt("calm \"paper moon\" evening");
	reco_mood_drop_mentions(&mood);
	ok(wanted("paper") && wanted("moon") && phrase("moon evening")->degree < 0,
	   "those of one that was not found are");
}

static void
test_overlaps(void)
{
	bool		apart = true;

	read_prompt("\"Glass Harbor\" like Glass Harbor by Glass Harbor and the Glass Harbor Band");
	for (int i = 0; i < mood.nmentions; i++)
	{
		apart &= mood.mentions[i].nwords > 0 && mood.mentions[i].word >= 0 &&
			mood.mentions[i].word + mood.mentions[i].nwords <= words.nwords;
		for (int k = 0; k < i; k++)
			apart &= mood.mentions[i].word >=
					mood.mentions[k].word + mood.mentions[k].nwords ||
				mood.mentions[k].word >= mood.mentions[i].word + mood.mentions[i].nwords;
	}
	ok(apart && mood.nmentions >= 3, "mentions do not overlap");
}

static void
test_facets(void)
{
	read_prompt("christmas songs");
	ok(mood.asked == 1 && mood.excluded == 0, "christmas is asked for");
	read_prompt("calm, no christmas");
	ok(mood.asked == 0 && mood.excluded == 1, "christmas is not wanted");
	read_prompt("bossa nova");
	ok((mood.asked & RECO_REGIONS) != 0, "a region of two words");
	read_prompt("lost and ghost");
	ok(mood.asked == 0, "lost is no soundtrack");
	read_prompt("christmas but no christmas");
	ok(mood.asked == 1 && mood.excluded == 0, "what is both is asked for");
}

static void
test_overflow(void)
{
	char		prompt[MAX_WORDS * 8] = "";
	char		next[16];
	bool		inside = true;

	for (int i = 0; i < 300; i++)
	{
		snprintf(next, sizeof(next), "w%c%c ", 'a' + i / 26, 'a' + i % 26);
		strcat(prompt, next);
	}
	read_prompt(prompt);
	ok(mood.nphrases == RECO_MOOD_MAXPHRASES, "300 words fill the phrases, and no more");
	for (int i = 0; i < mood.nphrases; i++)
		inside &= mood.phrases[i].word + mood.phrases[i].nwords <= RECO_MOOD_MAXWORDS;
	ok(inside, "and stay inside what is read");
	reco_mood_weigh(&mood, NULL, 0, &reco_fit_typical, 1000);
	ok(mood.confidence == 0, "none of them is understood");
}

/* Weighs the last prompt with evidence made by hand. */
static RecoTarget happy[RECO_NCOLUMNS] = {[RECO_VALENCE] = {0.85f, 0.15f, 0.9f}};
static RecoTarget sad[RECO_NCOLUMNS] = {[RECO_VALENCE] = {0.2f, 0.2f, 0.9f}};
static RecoTarget hard[RECO_NCOLUMNS] =
	{[RECO_ENERGY] = {0.9f, 0.1f, 1}, [RECO_TEMPO] = {150, 10, 1}};
static RecoTarget vague[RECO_NCOLUMNS] = {[RECO_VALENCE] = {0.5f, 0.24f, 1}};

static void
weigh(const char *prompt)
{
	const RecoMoodEvidence evidence[] = {
		{.stem = "happy", .tracks = 60, .targets = happy},
		{.stem = "sad", .tracks = 60, .targets = sad},
		{.stem = "hard", .tracks = 60, .targets = hard},
		{.stem = "techno", .learned = true, .tracks = 100, .targets = hard},
		{.stem = "pop", .learned = true, .tracks = 9000, .targets = happy},
		{.stem = "vague", .tracks = 60, .targets = vague},
		{.stem = "hip hop", .learned = true, .tracks = 500, .targets = hard}
	};

	read_prompt(prompt);
	reco_mood_weigh(&mood, evidence, 7, &reco_fit_typical, 10000);
}

static float
valence(const char *prompt)
{
	weigh(prompt);
	return mood.targets[RECO_VALENCE].mean;
}

static void
test_targets(void)
{
	double		mean0 = reco_fit_typical.mean[RECO_VALENCE];
	double		sd0 = reco_fit_typical.sd[RECO_VALENCE];

	near(valence("happy"), 0.85, "one word's target is its own");
	near(mood.targets[RECO_VALENCE].sd, 0.15, "and its spread");
	near(mood.targets[RECO_VALENCE].weight, 0.9, "and its weight");
	ok(mood.targets[RECO_ENERGY].weight == 0, "what is not said has no weight");
	ok(mood.emotion == RECO_EMOTION_POSITIVE && !mood.learned, "happy is positive, and built in");
	near(valence("not happy"), fmin(0.85 - 0.15 - sd0, mean0), "not happy lies on the other side");
	ok(mood.targets[RECO_VALENCE].weight < 0.9f, "and says less");
	ok(valence("not sad") > mean0 && valence("not sad") < 0.85f,
	   "not sad is above the middle, but not happy");
	ok(valence("very happy") > 0.85f && valence("very happy") <= 1, "very happy is happier");
	ok(valence("very sad") < 0.2f && valence("very sad") >= 0, "very sad is sadder");
	ok(valence("happy sad") > 0.2f && valence("happy sad") < 0.85f, "both are in between");
	near(valence("happy sad"), valence("sad happy"), "nobody is the last writer");
	ok(valence("happy slightly sad") > valence("happy sad"), "slightly sad pulls less");
	ok(valence("happy very sad") < valence("happy sad"), "very sad pulls more");
	weigh("sad");
	ok(mood.emotion == RECO_EMOTION_NEGATIVE, "sad is negative");
	weigh("hard");
	ok(mood.energy_level == RECO_LEVEL_HIGH && mood.emotion == RECO_EMOTION_NEUTRAL,
	   "hard has high energy and no emotion");
	weigh("hard 90 bpm");
	near(mood.targets[RECO_TEMPO].mean, 90, "what is said outright is not averaged");
	weigh("techno");
	ok(mood.learned, "techno was learned");
	weigh("no techno");
	ok(!mood.learned && mood.targets[RECO_ENERGY].weight == 0,
	   "no techno is not the opposite of techno");
	ok(phrase("techno")->understood && phrase("techno")->tracks == 100, "but it is understood");
	weigh("nonsense");
	ok(mood.emotion == RECO_EMOTION_NEUTRAL && mood.energy_level == RECO_LEVEL_MEDIUM,
	   "nonsense is neutral");
	ok(strcmp(reco_mood_emotion_name(RECO_EMOTION_NEGATIVE), "negative") == 0 &&
	   strcmp(reco_mood_level_name(RECO_LEVEL_LOW), "low") == 0, "names are in step");
}

static void
test_confidence(void)
{
	float		clear;

	weigh("happy");
	clear = mood.confidence;
	ok(clear > 0.9f && clear <= 1, "a clear word");
	weigh("happy nonsense");
	near(mood.confidence, clear / 2, "one of two words");
	weigh("nonsense");
	near(mood.confidence, 0, "none");
	weigh("vague");
	ok(mood.confidence < 0.1f, "a word that means what everything means");
	weigh("80s");
	near(mood.confidence, 1, "a decade is understood");
	weigh("hip hop");
	ok(mood.confidence > 0.9f, "a word is understood as half of two");
	weigh("\"paper moon\"");
	mood.mentions[0].resolved = true;
	reco_mood_drop_mentions(&mood);
	reco_mood_weigh(&mood, NULL, 0, &reco_fit_typical, 1000);
	near(mood.confidence, 1, "a name that was found is understood");
}

static void
test_labels(void)
{
	float		sum = 0;

	weigh("techno pop nonsense, not sad");
	for (int i = 0; i < mood.nphrases; i++)
		sum += mood.phrases[i].weight;
	near(sum, 1, "label weights sum up to one");
	ok(phrase("techno")->weight > phrase("pop")->weight, "the rarer label weighs more");
	ok(phrase("sad")->weight == 0, "what is not wanted is no label");
	weigh("no techno");
	ok(phrase("techno")->weight == 0, "even where nothing else is said");
}

int
main(void)
{
	test_phrases();
	test_negation();
	test_degree();
	test_era();
	test_tempo();
	test_mentions();
	test_overlaps();
	test_facets();
	test_overflow();
	test_targets();
	test_confidence();
	test_labels();
	return tap_done();
}
