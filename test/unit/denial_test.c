/*-------------------------------------------------------------------------
 *
 * denial_test.c
 *	  Tests of the key of the deny list, and of questions taken apart.
 *
 * Purpose: the same combination has one key, however it is written; another one has
 *			another; what is noted and what is cut up comes back whole.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	use real songs.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/upstream/denial.c src/upstream/list.c src/upstream/service.c
			src/upstream/message.c src/upstream/json.c src/upstream/buffer.c
			src/upstream/outcome.c src/upstream/reccobeats.c
			src/upstream/reccobeats_check.c src/upstream/spotify.c
			src/upstream/spotify_error.c src/upstream/spotify_read.c
			src/upstream/spotify_request.c src/upstream/spotify_token.c
			src/upstream/gemini.c src/upstream/openai.c src/upstream/model.c
			src/upstream/completion.c src/upstream/header.c */
#include "upstream/denial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "upstream/list.h"

#define A	"1QWN1ij3rsgeKkHInkAz6Y"
#define B	"4O6BcWzUa12zRnhLmcxVkB"
#define C	"3oYF9SBFbkCDrMOlXfxUaZ"
#define U	"7b1f0c52-4d0e-4f7a-9a55-0f2f6c1e9d31"

/* The key of a question; "" where it has none. */
static const char *
key_of(const char *question)
{
	static char keys[4][RECO_DENIAL_KEY];
	static int	n = 0;
	char	   *key = keys[++n % 4];

	if (!reco_denial_key(question, key))
		key[0] = '\0';
	return key;
}

static bool
same(const char *a, const char *b)
{
	return strlen(key_of(a)) == 32 && strcmp(key_of(a), key_of(b)) == 0;
}

static void
test_one_key(void)
{
	const char *first = "{\"seeds\":[\"" A "\",\"" B "\",\"" U "\"],\"negative_seeds\":[\"" C
		"\"],\"size\":40,\"targets\":{\"energy\":0.5,\"tempo\":120}}";

	ok(same(first, first), "a key has 32 digits");
	ok(same(first, "{\"targets\":{\"tempo\":1.2e2,\"energy\":\"0.50\"},\"size\":3,"
			"\"negative_seeds\":[\"" C "\"],\"seeds\":[\"7B1F0C52-4D0E-4F7A-9A55-0F2F6C1E9D31\",\""
			B "\",\"" A "\",\"" B "\"]}"),
	   "order, size, case of a UUID, an id twice and how numbers are written do not matter");
	ok(same("{\"seeds\":[\"" A "\"]}", "{\"seeds\":[\"" A "\"],\"negative_seeds\":[],"
			"\"targets\":{},\"size\":7}"), "nor do empty members");
	ok(same("{\"seeds\":[\"" A "\"],\"targets\":{\"key\":0}}",
			"{\"seeds\":[\"" A "\"],\"targets\":{\"key\":-0.0}}"), "0 is 0");
}

static void
test_other_keys(void)
{
	static const char *const questions[] = {
		"{\"seeds\":[\"" A "\"]}",
		"{\"seeds\":[\"" B "\"]}",
		"{\"seeds\":[\"" A "\",\"" B "\"]}",
		"{\"seeds\":[\"" A "\"],\"negative_seeds\":[\"" B "\"]}",
		"{\"seeds\":[\"" B "\"],\"negative_seeds\":[\"" A "\"]}",
		"{\"seeds\":[\"" A "\"],\"targets\":{\"energy\":0.5}}",
		"{\"seeds\":[\"" A "\"],\"targets\":{\"energy\":0.51}}",
		"{\"seeds\":[\"" A "\"],\"targets\":{\"valence\":0.5}}",
		"{\"seeds\":[\"" A "\"],\"feature_weight\":2}",
		"{\"seeds\":[\"" A "\"],\"targets\":{\"energy\":0.5},\"feature_weight\":2}",
		"{\"seeds\":[\"1qwn1ij3rsgeKkHInkAz6Y\"]}",
	};
	int			equal = 0;
	int			n = sizeof(questions) / sizeof(questions[0]);

	for (int i = 0; i < n; i++)
		for (int k = 0; k < i; k++)
			equal += same(questions[i], questions[k]);
	ok(equal == 0, "%d combinations, as many keys", n);
	ok(key_of("") [0] == '\0' && key_of("[]")[0] == '\0' && key_of("{}")[0] == '\0' &&
		   key_of("{\"seeds\":[]}")[0] == '\0' && key_of("{\"seeds\":[7]}")[0] == '\0' &&
		   key_of("{\"seeds\":[\"\"]}")[0] == '\0' &&
		   key_of("{\"seeds\":[\"" A "\"],\"targets\":[]}")[0] == '\0' &&
		   key_of("{\"seeds\":[\"" A "\"],\"targets\":{\"energy\":\"x\"}}")[0] == '\0',
	   "what is no question has none");
}

/* Keys of many lists of random ids: all different, and all bits in use. */
static void
test_spread(void)
{
	static char keys[20000][RECO_DENIAL_KEY];
	int			counts[32] = {0};
	int			twice = 0;
	int			flat = 0;

	for (int i = 0; i < 20000; i++)
	{
		char		question[100];

		snprintf(question, sizeof(question), "{\"seeds\":[\"%022d\"]}", i);
		if (!reco_denial_key(question, keys[i]))
			twice++;
		for (int d = 0; d < 32; d++)
			counts[d] += keys[i][d] == '0';
	}
	qsort(keys, 20000, sizeof(keys[0]), (int (*)(const void *, const void *)) strcmp);
	for (int i = 1; i < 20000; i++)
		twice += strcmp(keys[i], keys[i - 1]) == 0;
	for (int d = 0; d < 32; d++)
		flat += counts[d] < 1000 || counts[d] > 1500;
	ok(twice == 0, "20000 keys are different");
	ok(flat == 0, "and each digit is as often 0 as it should be");
}

static void
test_notes(void)
{
	RecoBuffer	out = {0};
	char	   *reason;
	char	   *request;

	reco_denial_write(&out, "size \"must\" be \xC3\xA4", "{\"seeds\":[\"" A "\"]}");
	ok(reco_denial_read(out.data, &reason, &request) &&
		   strcmp(reason, "size \"must\" be \xC3\xA4") == 0 &&
		   strcmp(request, "{\"seeds\":[\"" A "\"]}") == 0, "what is noted comes back");
	reco_buffer_free(&out, false);
	free(reason);
	free(request);
	ok(!reco_denial_read("no JSON", &reason, &request) && !reason && !request, "or nothing does");
	ok(reco_denial_read("{}", &reason, &request) && !reason && !request, "not even a reason");
	ok(reco_denial_blames_negatives("getRecommendation.negativeSeeds: size") &&
		   reco_denial_blames_negatives("Too many Negative seeds") &&
		   !reco_denial_blames_negatives("seeds: size") && !reco_denial_blames_negatives("") &&
		   !reco_denial_blames_negatives(NULL), "whom a reason blames");
}

static void
test_lists(void)
{
	RecoBuffer	out = {0};
	RecoList	list;

	ok(reco_list_read("{\"size\":7,\"negative_seeds\":[\"" C "\"],\"seeds\":[\"" A "\",\"" B
					  "\"],\"targets\":{\"energy\":0.5}}", &list) &&
		   list.nseeds == 2 && list.nnegatives == 1 && strcmp(list.seeds[1], B) == 0 &&
		   strcmp(list.negatives[0], C) == 0, "a question in its parts");
	reco_list_write(&out, (const char *const *) list.seeds + 1, 1, NULL, 0, list.rest);
	ok(strcmp(out.data, "{\"seeds\":[\"" B "\"],\"size\":7,\"targets\":{\"energy\":0.5}}") == 0,
	   "and together again");
	reco_list_free(&list);
	reco_buffer_reset(&out);
	ok(reco_list_read("{\"seeds\":[\"" A "\"]}", &list) && list.rest[0] == '\0',
	   "nothing but seeds");
	reco_list_write(&out, (const char *const *) list.seeds, 1, NULL, 0, list.rest);
	ok(strcmp(out.data, "{\"seeds\":[\"" A "\"]}") == 0, "is as it was");
	reco_list_free(&list);
	reco_buffer_free(&out, false);
	ok(!reco_list_read("[]", &list) && !reco_list_read("", &list), "what is no question");
	ok(reco_list_read("{\"seeds\":\"x\"}", &list) && list.nseeds == 0, "a list that is none");
	reco_list_free(&list);
	ok(reco_list_read("{\"seeds\":[1,null,\"" A "\"]}", &list) && list.nseeds == 1,
	   "ids that are none");
	reco_list_free(&list);
}

int
main(void)
{
	test_one_key();
	test_other_keys();
	test_spread();
	test_notes();
	test_lists();
	return tap_done();
}
