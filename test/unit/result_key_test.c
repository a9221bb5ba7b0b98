/*-------------------------------------------------------------------------
 *
 * result_key_test.c
 *	  Tests of the keys of results.
 *
 * Purpose: every option that changes a list changes the keys, the order of lists does
 *			not; what of a prompt's phrases and names is in its key.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	use a stemmer: here every word is its own stem. Real prompts are test/t/149.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/features.c src/pipeline/mood.c src/pipeline/prompt.c
	src/pipeline/result_key.c src/catalogue/facet.c src/catalogue/fit.c */
#include "pipeline/result_key.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define MAX_WORDS	64
#define MANY		200000

static RecoWord word[MAX_WORDS];
static RecoWords words = {.words = word};
static char folds[MAX_WORDS][32];
static char joined[256][72];
static int	njoined;
static RecoResultReading reading;
static RecoRequest request;

static char *
join(const char *a, const char *b)
{
	char	   *to = joined[njoined++ % 256];

	snprintf(to, sizeof(joined[0]), "%s %s", a, b);
	return to;
}

/* Splits a prompt the simple way, and reads it; no two words are understood. */
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
			gap = strchr("\",.", *at) != NULL ? RECO_GAP_SENTENCE : gap;
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
		next->written = next->fold = next->stem = fold;
		if (strcmp(fold, "the") == 0 || strcmp(fold, "by") == 0)
			next->stem = NULL;
		next->gap = gap;
		next->quote = quote;
		gap = RECO_GAP_NONE;
		words.nwords++;
	}
	memset(&reading, 0, sizeof(reading));
	reco_mood_read(&words, &reading.mood, join);
}

/* Does a prompt's canonical text read so? */
static bool
reads(const char *prompt, const char *wanted)
{
	char		text[1024];

	read_prompt(prompt);
	reco_result_prompt(&reading, text, sizeof(text));
	if (strcmp(text, wanted) == 0)
		return true;
	printf("# %s: %s\n", prompt, text);
	return false;
}

/* The same, with two words understood and the first mention as told. */
static bool
reads_with(const char *prompt, const char *pair, RecoResultName name, const char *wanted)
{
	char		text[1024];

	read_prompt(prompt);
	for (int i = 0; i < reading.mood.nphrases; i++)
		reading.mood.phrases[i].understood |=
			strcmp(reading.mood.phrases[i].stem, pair) == 0;
	reading.names[0] = name;
	reco_result_prompt(&reading, text, sizeof(text));
	if (strcmp(text, wanted) == 0)
		return true;
	printf("# %s: %s\n", prompt, text);
	return false;
}

static void
test_prompts(void)
{
	ok(reads("calm happy", "+calm\n+happy\n"), "phrases are sorted");
	ok(reads("Happy, the calm", "+calm\n+happy\n"), "stop words, stops and capitals are nothing");
	ok(reads("not sad", "-sad\n"), "what is not wanted is told apart");
	ok(reads("very calm, slightly sad", "+calm*1.5\n+sad*0.600000024\n"), "and how much");
	ok(reads("from 1980 to 1989", "+from\n+to\nyears 1980 to 1989\n"), "years");
	ok(reads("170 bpm", "tempo 170\n"), "tempo");
	ok(reads("french, no christmas", "-christmas\n+french\nfacets 80 but 1\n"),
	   "themes and regions");
	ok(reads("a b c d e f g", "in order\n+a\n+b\n+c\n+d\n+e\n+f\n+g\n"),
	   "where only the first words are looked for, their order is kept");
	ok(reads("f e d c b a", "+a\n+b\n+c\n+d\n+e\n+f\n"), "and not before");
	ok(reads("", ""), "a prompt of nothing");
	ok(reads_with("hip hop", "hip hop", RECO_RESULT_PERHAPS, "+hip\n+hip hop (12)\n+hop\n"),
	   "two words that say something together count together");
	ok(reads_with("hop, hip hop", "hip hop", RECO_RESULT_PERHAPS, "+hip\n+hip hop (1)\n+hop\n"),
	   "and which of them stand there first");
}

static void
test_names(void)
{
	ok(reads("like Dune Choir", "+choir @0+1:1\n+dune @0+0:1\nlike 2: dune choir\n"),
	   "a name keeps its words in order, and the phrases their place in it");
	ok(reads_with("calm, like Dune Choir", "", RECO_RESULT_ARTIST,
				  "+calm\nartist 2: dune choir\n"),
	   "an artist's are no phrases");
	ok(reads_with("calm Dune Choir", "", RECO_RESULT_NOBODY, "+calm\n+choir\n+dune\n"),
	   "nobody's are nothing but phrases");
	ok(reads_with("not by Dune Choir", "", RECO_RESULT_ARTIST, "without artist 2: dune choir\n"),
	   "who is not wanted");
	ok(reads("\"river\" by Dune Choir",
			 "+choir @1+1:1\n+dune @1+0:1\n+river @0+0:1\n"
			 "quoted 1 in quotes by the next: river\nby 2: dune choir\n"),
	   "whose a track is");
}

static void
new_request(void)
{
	memset(&request, 0, sizeof(request));
	request.user_id = "ana";
	request.prompt = "calm";
	request.size = 20;
	request.familiarity = 0.5f;
	request.min_popularity = request.max_popularity = -1;
	for (int s = 0; s < RECO_NSTRATEGIES; s++)
		request.strategies[s] = true;
}

/* Do both keys differ from those of the plain request? */
static bool
differs(void)
{
	static char plain[RECO_RESULT_KEYSIZE];
	static char plain_raw[RECO_RESULT_KEYSIZE];
	char		key[RECO_RESULT_KEYSIZE];
	char		raw[RECO_RESULT_KEYSIZE];

	reco_result_key(&request, &reading, 1, key);
	reco_result_raw_key(&request, 1, raw);
	if (plain[0] == '\0')
	{
		strcpy(plain, key);
		strcpy(plain_raw, raw);
	}
	new_request();
	return strcmp(key, plain) != 0 && strcmp(raw, plain_raw) != 0;
}

#define option_counts(name, ...)            \
	do                                      \
	{                                       \
		__VA_ARGS__;                        \
		ok(differs(), "%s is in both keys", name); \
	} while (0)

static void
test_options(void)
{
	static const char *ids[] = {"b", "a"};

	new_request();
	read_prompt("calm");
	ok(!differs(), "the same request has the same keys");
	option_counts("size", request.size = 21);
	option_counts("the listener", request.user_id = "bob");
	option_counts("seed", request.seed = 7);
	option_counts("order", request.by_score = true);
	for (int s = 0; s < RECO_NSTRATEGIES; s++)
		option_counts("a strategy", request.strategies[s] = false);
	option_counts("familiarity", request.familiarity = 0.500001f);
	option_counts("repeat_days", request.repeat_days = 1);
	option_counts("era from", request.era_from = 1980);
	option_counts("era to", request.era_to = 1980);
	option_counts("min_popularity", request.min_popularity = 0);
	option_counts("max_popularity", request.max_popularity = 0);
	option_counts("ranked", request.ranked = 1);
	option_counts("negative_tracks", request.negative_tracks = ids, request.nnegative = 1);
	option_counts("exclude_artists", request.exclude_artists = ids, request.nexclude = 1);
	option_counts("include_artists", request.include_artists = ids, request.ninclude = 1);
	request.deadline_ms = 7;
	ok(!differs(), "the deadline is in neither");
}

/* The key of a request with two lists. */
static const char *
key_of_lists(const char **negative, int nnegative, const char **exclude, int nexclude)
{
	static char keys[2][RECO_RESULT_KEYSIZE];
	static int	turn;
	char	   *key = keys[turn++ % 2];

	new_request();
	request.negative_tracks = negative;
	request.nnegative = nnegative;
	request.exclude_artists = exclude;
	request.nexclude = nexclude;
	reco_result_settle(&request);
	reco_result_raw_key(&request, 1, key);
	return key;
}

static void
test_lists(void)
{
	const char *ab[] = {"a", "b"};
	const char *bab[] = {"b", "a", "b"};
	const char *joint[] = {"aN1:b"};
	const char *plain[] = {"aNb"};
	const char *a[] = {"a"};
	const char *b[] = {"b"};

	ok(strcmp(key_of_lists(ab, 2, NULL, 0), key_of_lists(bab, 3, NULL, 0)) == 0,
	   "the order of a list and what is in it twice do not matter");
	ok(request.nnegative == 2 && strcmp(request.negative_tracks[0], "a") == 0,
	   "nor to the run");
	ok(strcmp(key_of_lists(ab, 2, NULL, 0), key_of_lists(joint, 1, NULL, 0)) != 0 &&
		   strcmp(key_of_lists(ab, 2, NULL, 0), key_of_lists(plain, 1, NULL, 0)) != 0,
	   "two elements are not one that looks like them");
	ok(strcmp(key_of_lists(a, 1, b, 1), key_of_lists(b, 1, a, 1)) != 0,
	   "what is in which list matters");
}

static void
test_keys(void)
{
	char		key[RECO_RESULT_KEYSIZE];
	char		other[RECO_RESULT_KEYSIZE];
	char		user[RECO_RESULT_MAXUSER + 2];

	new_request();
	read_prompt("calm");
	reco_result_key(&request, &reading, 1, key);
	ok(key[0] == 'p' && strlen(key) == 37 && strcmp(key + 33, " ana") == 0,
	   "a key tells its kind and its listener");
	reco_result_key(&request, &reading, 2, other);
	ok(strcmp(key, other) != 0, "the generation is in the key");
	reco_result_raw_key(&request, 1, other);
	ok(other[0] == 'r' && strcmp(key, other) != 0, "raw keys are of another kind");
	request.prompt = "Calm";
	reco_result_raw_key(&request, 1, key);
	ok(strcmp(key, other) != 0, "and of every byte");

	memset(user, 'u', sizeof(user));
	user[RECO_RESULT_MAXUSER] = '\0';
	request.user_id = user;
	reco_result_raw_key(&request, 1, key);
	ok(strlen(key) == RECO_RESULT_KEYSIZE - 6, "the longest id fits");
	user[RECO_RESULT_MAXUSER] = 'v';
	user[RECO_RESULT_MAXUSER + 1] = '\0';
	reco_result_raw_key(&request, 1, key);
	user[RECO_RESULT_MAXUSER] = 'w';
	reco_result_raw_key(&request, 1, other);
	ok(strlen(key) == 34 && strcmp(key, other) != 0, "a longer one is in the hash alone");

	read_prompt("calm happy");
	memset(user, '#', sizeof(user));
	ok(reco_result_prompt(&reading, user, 8) == 13 && strcmp(user, "+calm\n+") == 0 &&
		   user[8] == '#',
	   "a text that does not fit is cut, and its length told");
	ok(reco_result_prompt(&reading, NULL, 0) == 13, "or only told");
}

static int
compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, 33);
}

/* Keys of many prompts that differ by little: each half of the hash must, too. */
static void
test_collisions(void)
{
	char(*keys)[33] = malloc(sizeof(*keys) * MANY);
	char		prompt[32];
	int			same = 0;

	new_request();
	for (int i = 0; i < MANY; i++)
	{
		char		key[RECO_RESULT_KEYSIZE];

		snprintf(prompt, sizeof(prompt), "%d calm %d", i % 500, i / 500);
		request.prompt = prompt;
		reco_result_raw_key(&request, 1, key);
		memcpy(keys[i], key, 33);
	}
	for (int half = 0; half < 2; half++)
	{
		/* either half in front */
		for (int i = 0; half > 0 && i < MANY; i++)
			memcpy(keys[i] + 1, keys[i] + 17, 16);
		qsort(keys, MANY, sizeof(*keys), compare_keys);
		for (int i = 1; i < MANY; i++)
			same += memcmp(keys[i], keys[i - 1], 17) == 0;
	}
	ok(same == 0, "%d prompts have as many keys, by either half", MANY);
	free(keys);
}

int
main(void)
{
	test_prompts();
	test_names();
	test_options();
	test_lists();
	test_keys();
	test_collisions();
	return tap_done();
}
