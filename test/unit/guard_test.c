/*-------------------------------------------------------------------------
 *
 * guard_test.c
 *	  Tests of the guardrails, and of what is tried after a refusal.
 *
 * Purpose: each finding alone and all at once; whatever goes in, what comes out has
 *			none; each tier comes once, and asks for less than the one before.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	use real songs.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/upstream/guard.c src/upstream/service.c src/upstream/message.c
			src/upstream/json.c src/upstream/buffer.c src/upstream/outcome.c
			src/upstream/reccobeats.c
			src/upstream/reccobeats_check.c src/upstream/spotify.c
			src/upstream/spotify_error.c
			src/upstream/spotify_read.c src/upstream/spotify_request.c
			src/upstream/spotify_token.c src/upstream/gemini.c src/upstream/openai.c
			src/upstream/model.c src/upstream/completion.c src/upstream/header.c */
#include "upstream/guard.h"

#include <stdio.h>
#include <string.h>

#include "tap.h"
#include "upstream/service.h"

#define MOST	12				/* ids of a list here */

static char ids[MOST + 1][23];
static const char *seeds[MOST];
static const char *negatives[MOST];
static RecoGuarded request;

/* A request with so many seeds and negatives, all different. */
static void
make(int nseeds, int nnegatives, int size)
{
	request = (RecoGuarded){nseeds, seeds, nnegatives, negatives, size};
	for (int i = 0; i <= MOST; i++)
		snprintf(ids[i], sizeof(ids[i]), "%022d", i);
	for (int i = 0; i < MOST; i++)
	{
		seeds[i] = ids[i];
		negatives[i] = ids[MOST - i];
	}
}

/* Mends it: what was found, and how many ids are left? */
static bool
mends(unsigned found, int nseeds, int nnegatives, int size)
{
	unsigned	got = reco_guard_mend(&request);
	bool		good = got == found && request.nseeds == nseeds &&
		request.nnegatives == nnegatives && request.size == size;

	if (!good)
		printf("# found %x, %d seeds, %d negatives, %d tracks\n", got, request.nseeds,
			   request.nnegatives, request.size);
	return good && (reco_guard_mend(&request) == (found & RECO_GUARD_EMPTY));
}

static void
test_findings(void)
{
	make(5, 2, 40);
	ok(mends(0, 5, 2, 40), "nothing to be found");
	make(1, 0, 1);
	ok(mends(0, 1, 0, 1), "the least");

	make(5, 0, 100);
	seeds[1] = "";
	seeds[3] = " \t";
	ok(mends(RECO_GUARD_BLANK, 3, 0, 100), "blank seeds");
	make(3, 0, 10);
	seeds[0] = NULL;
	ok(mends(RECO_GUARD_BLANK, 2, 0, 10), "no seed at all is a blank one");
	make(4, 1, 20);
	seeds[0] = "spotify:track:x";
	negatives[0] = "000000000000000000000-";
	ok(mends(RECO_GUARD_ID, 3, 0, 20), "malformed ids");
	make(3, 0, 20);
	seeds[1] = "7b1f0c52-4d0e-4f7a-9a55-0f2f6c1e9d31";
	seeds[2] = "7B1F0C52-4D0E-4F7A-9A55-0F2F6C1E9D31";
	ok(mends(RECO_GUARD_TWICE, 2, 0, 20), "UUIDs are ids, and the same in any case");
	make(9, 0, 20);
	ok(mends(RECO_GUARD_MANY, 5, 0, 20) && strcmp(seeds[4], ids[4]) == 0,
	   "too many seeds: the first ones stay");
	make(2, 0, 0);
	ok(mends(RECO_GUARD_TRACKS, 2, 0, 1), "no tracks");
	make(2, 0, 101);
	ok(mends(RECO_GUARD_TRACKS, 2, 0, 100), "too many tracks");
	make(2, 0, -7);
	ok(mends(RECO_GUARD_TRACKS, 2, 0, 1), "fewer than none");
	make(5, 2, 20);
	negatives[1] = ids[0];
	ok(mends(RECO_GUARD_OVERLAP, 5, 1, 20), "a negative that is a seed");
	make(4, 2, 20);
	ok(mends(RECO_GUARD_NEGATIVES, 4, 1, 20), "half as many negatives as seeds");
	make(2, 1, 20);
	ok(mends(RECO_GUARD_NEGATIVES, 2, 0, 20), "of two seeds none is allowed");
	make(3, 3, 20);
	ok(mends(RECO_GUARD_NEGATIVES, 3, 1, 20), "of three, one");
	make(0, 2, 20);
	ok(mends(RECO_GUARD_NEGATIVES | RECO_GUARD_EMPTY, 0, 0, 20), "no seeds");
	make(1, 0, 20);
	seeds[0] = "?";
	ok(mends(RECO_GUARD_ID | RECO_GUARD_EMPTY, 0, 0, 20), "none that is one");
}

static void
test_all_at_once(void)
{
	make(7, 4, 1000);
	seeds[0] = " ";
	seeds[1] = "no id";
	seeds[3] = seeds[2];
	negatives[0] = seeds[4];
	negatives[1] = negatives[2];
	ok(mends(RECO_GUARD_BLANK | RECO_GUARD_ID | RECO_GUARD_TWICE | RECO_GUARD_TRACKS |
				 RECO_GUARD_OVERLAP | RECO_GUARD_NEGATIVES,
			 4, 1, 100),
	   "all findings are made, and mended");

	/* a seed that goes makes a negative one too many */
	make(5, 2, 20);
	seeds[4] = "";
	ok(mends(RECO_GUARD_BLANK | RECO_GUARD_NEGATIVES, 4, 1, 20),
	   "what one rule takes away, another one counts");
}

/* One id of a few, and of what is none. */
static const char *
draw_id(void)
{
	static const char *const strange[] = {
		"", " ", NULL, "x", "\xFF\xFE", "0000000000000000000000 ",
		"7b1f0c52-4d0e-4f7a-9a55-0f2f6c1e9d31", "7B1F0C52-4D0E-4F7A-9A55-0F2F6C1E9D31"
	};
	uint64_t	n = tap_draw();

	return n % 4 == 0 ? strange[n / 4 % 8] : ids[n / 4 % MOST];
}

/* Is a list of ids one that may be sent? */
static bool
is_good(const char *const *list, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (!list[i] ||
			(!reco_is_spotify_id(list[i], strlen(list[i])) &&
			 !reco_is_uuid(list[i], strlen(list[i]))))
			return false;
		for (int k = 0; k < i; k++)
			if (strcmp(list[i], list[k]) == 0)
				return false;
	}
	return n <= RECO_GUARD_SEEDS;
}

static void
test_anything(void)
{
	int			wrong = 0;
	int			empty = 0;

	make(0, 0, 0);
	for (int turn = 0; turn < 200000; turn++)
	{
		unsigned	found;

		request = (RecoGuarded){(int) (tap_draw() % (MOST + 1)), seeds,
								(int) (tap_draw() % (MOST + 1)), negatives,
								(int) (tap_draw() % 300) - 100};
		for (int i = 0; i < request.nseeds; i++)
			seeds[i] = draw_id();
		for (int i = 0; i < request.nnegatives; i++)
			negatives[i] = draw_id();
		found = reco_guard_mend(&request);
		empty += (found & RECO_GUARD_EMPTY) != 0;
		if (((found & RECO_GUARD_EMPTY) != 0) != (request.nseeds == 0) ||
			!is_good(seeds, request.nseeds) || !is_good(negatives, request.nnegatives) ||
			(request.nnegatives > 0 && 2 * request.nnegatives >= request.nseeds) ||
			request.size < 1 || request.size > 100 ||
			(reco_guard_mend(&request) & ~(unsigned) RECO_GUARD_EMPTY) != 0)
			wrong++;
	}
	ok(wrong == 0, "whatever goes in, what comes out is without a finding");
	ok(empty > 100 && empty < 100000, "some of it was empty: %d", empty);
}

/* Falls back until nothing is left; the tiers as digits. */
static const char *
tiers(int nseeds, int nnegatives, bool blamed)
{
	static char text[16];
	RecoTier	tier = RECO_TIER_ASKED;
	int			n = 0;

	make(nseeds, nnegatives, 20);
	while (tier != RECO_TIER_LOCAL && n < 10)
	{
		int			before = 10 * request.nseeds + request.nnegatives;
		RecoTier	next = reco_guard_fall_back(&request, tier, blamed);

		if (next <= tier || reco_guard_mend(&request) != 0 ||
			(next != RECO_TIER_LOCAL &&
			 10 * request.nseeds + request.nnegatives >= before))
			return "no way down";
		tier = next;
		n += snprintf(text + n, sizeof(text) - (size_t) n, "%d", tier);
	}
	return text;
}

static void
test_tiers(void)
{
	ok(strcmp(tiers(5, 2, false), "2345") == 0, "four tiers, without blame three of them");
	ok(strcmp(tiers(5, 2, true), "135") == 0, "with blame the negatives go at once");
	ok(strcmp(tiers(5, 1, false), "345") == 0, "one negative cannot be fewer");
	ok(strcmp(tiers(5, 0, true), "35") == 0, "none to be blamed");
	ok(strcmp(tiers(3, 1, false), "45") == 0, "three seeds are three");
	ok(strcmp(tiers(3, 1, true), "15") == 0, "and blame");
	ok(strcmp(tiers(1, 0, false), "5") == 0, "nothing to try");
	make(5, 2, 20);
	ok(reco_guard_fall_back(&request, RECO_TIER_ASKED, false) == RECO_TIER_FEWER &&
		   request.nseeds == 5 && request.nnegatives == 1, "fewer negatives");
	ok(reco_guard_fall_back(&request, RECO_TIER_FEWER, true) == RECO_TIER_SEEDS &&
		   request.nseeds == 3 && request.nnegatives == 1, "then three seeds");
	ok(reco_guard_fall_back(&request, RECO_TIER_SEEDS, false) == RECO_TIER_PLAIN &&
		   request.nseeds == 3 && request.nnegatives == 0, "then no negatives");
	ok(reco_guard_fall_back(&request, RECO_TIER_PLAIN, false) == RECO_TIER_LOCAL,
	   "then the embedded engine");
	for (int i = 0; i < RECO_NTIERS; i++)
		ok(reco_tier_name(i)[0] != '\0', "tier %d has a name", i);
	for (int i = 0; i < RECO_GUARD_NFINDINGS; i++)
		ok(reco_guard_finding_name(i)[0] != '\0', "finding %d has a name", i);
}

int
main(void)
{
	test_findings();
	test_all_at_once();
	test_anything();
	test_tiers();
	return tap_done();
}
