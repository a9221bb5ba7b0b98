/*-------------------------------------------------------------------------
 *
 * budget_test.c
 *	  Tests of the budget of calls, and of how a day's quota is shared out.
 *
 * Purpose: a budget is read as it is written, or refused; whatever was spent, no hour
 *			takes the others' part, and no run its hour's.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	look at a real clock.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/upstream/budget.c */
#include "upstream/budget.h"

#include <string.h>

#include "tap.h"

#define DAY		24

/* Is a text a budget of these numbers? */
static bool
reads(const char *text, int spotify, int reccobeats, int model)
{
	RecoBudget	budget;
	const char *wrong;

	return reco_budget_parse(text, &budget, &wrong) &&
		budget.calls[RECO_BUDGET_SPOTIFY] == spotify &&
		budget.calls[RECO_BUDGET_RECCOBEATS] == reccobeats &&
		budget.calls[RECO_BUDGET_MODEL] == model;
}

/* Is a text refused, from there on? */
static bool
stops_at(const char *text, const char *where)
{
	RecoBudget	budget;
	const char *wrong = NULL;

	return !reco_budget_parse(text, &budget, &wrong) && wrong != NULL &&
		strcmp(wrong, where) == 0;
}

static void
test_parse(void)
{
	static const char *const bad[] = {
		"spotify", "spotify=", "spotify=x", "spotify=-1", "spotify=1 2", "spotify=1,",
		",spotify=1", "spotify=99999999999", "spotify==1", "=1", "12", "spotify=1;model=1"
	};

	ok(reads(RECO_BUDGET_DEFAULT, 12, 6, 1), "the default is what it says");
	ok(reads("", 12, 6, 1) && reads("  ", 12, 6, 1), "nothing said: the same");
	ok(reads("model=0", 12, 6, 0), "what is not named has its default");
	ok(reads(" Spotify = 3 ,\treccobeats=unlimited ", 3, RECO_BUDGET_UNLIMITED, 1),
	   "blanks and case do not matter, no limit has a word");
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		RecoBudget	budget;
		const char *wrong = NULL;

		ok(!reco_budget_parse(bad[i], &budget, &wrong) && wrong != NULL, "\"%s\" is none",
		   bad[i]);
	}
	ok(stops_at("spotify=1, deezer=2", "deezer=2"), "it is said where it stops");
	ok(stops_at("model=1, model=2", "model=2"), "nothing is named twice");
	ok(reco_budget_kind(RECO_GEMINI) == RECO_BUDGET_MODEL &&
		   reco_budget_kind(RECO_OPENAI) == RECO_BUDGET_MODEL &&
		   reco_budget_kind(RECO_RECCOBEATS) == RECO_BUDGET_RECCOBEATS &&
		   reco_budget_kind(RECO_SPOTIFY) == RECO_BUDGET_SPOTIFY,
	   "models share a number");
	for (int k = 0; k < RECO_NBUDGETS; k++)
	{
		char		text[40];
		int			wanted[RECO_NBUDGETS] = {12, 6, 1};

		snprintf(text, sizeof(text), "%s=7", reco_budget_kind_name(k));
		wanted[k] = 7;
		ok(reads(text, wanted[0], wanted[1], wanted[2]), "\"%s\" is read as written", text);
	}
}

/* Sends of the hours before the present one that are still of the day. */
static int64_t
of_the_day(const int64_t *hours, int now)
{
	int64_t		sum = 0;

	for (int h = now - DAY + 1; h < now; h++)
		if (h >= 0)
			sum += hours[h];
	return sum;
}

/* As many runs an hour as come; each spends what it may. Returns the hour's calls. */
static int64_t
spend(int64_t *hours, int now, int quota, int budget, int runs, int *starved)
{
	int64_t		before = of_the_day(hours, now);

	for (int r = 0; r < runs; r++)
	{
		int			may = reco_budget_share(budget, quota, false, before, hours[now]);

		*starved += may == 0;
		hours[now] += may;
	}
	return hours[now];
}

static void
test_share(void)
{
	int64_t		hours[10 * DAY] = {0};
	int			starved = 0;
	int64_t		day = 0;
	bool		held = true;

	ok(reco_budget_share(12, 0, false, 1000, 1000) == 12, "no quota: the budget");
	ok(reco_budget_share(12, 500, false, 0, 0) == 12, "a fresh day: the budget");
	ok(reco_budget_share(12, 500, false, 500, 0) == 0 &&
		   reco_budget_share(12, 500, false, 600, 9) == 0,
	   "nothing left: nothing");
	ok(reco_budget_share(12, 1, false, 0, 0) == 1 &&
		   reco_budget_share(12, 1, false, 0, 1) == 0,
	   "a quota of one is one call");
	ok(reco_budget_share(RECO_BUDGET_UNLIMITED, 600, false, 0, 0) == 25,
	   "no budget: a quarter of an hour that is a sixth of the day");
	ok(reco_budget_share(12, 600, false, 300, 40) == 3, "as an hour wears on, less");
	ok(reco_budget_share(RECO_BUDGET_UNLIMITED, 600, true, 0, 0) == 17 &&
		   reco_budget_share(12, 600, true, 400, 0) == 0 &&
		   reco_budget_share(12, 600, true, 0, 67) == 0 &&
		   reco_budget_share(12, 600, false, 0, 67) == 9 &&
		   reco_budget_share(12, 1, true, 0, 0) == 1,
	   "the background stops at two thirds, of the day and of the hour");
	ok(reco_budget_share(0, 600, false, 0, 0) == 0, "a budget of none is none");

	/* a morning that takes all it gets, and an evening that comes after it */
	for (int h = 0; h < 12; h++)
		spend(hours, h, 600, 12, 1000, &starved);
	starved = 0;
	spend(hours, 12, 600, 12, 3, &starved);
	ok(of_the_day(hours, 12) <= 600 - 600 / 10 && starved == 0 && hours[12] >= 3,
	   "a busy morning leaves something for the evening");

	/* any load, for ten days: never more than the quota in a day, each hour its sixth */
	memset(hours, 0, sizeof(hours));
	for (int h = 0; h < 10 * DAY; h++)
	{
		int64_t		left = 600 - of_the_day(hours, h);
		int64_t		used = spend(hours, h, 600, 12, 1000, &starved);

		held &= used <= (left + 5) / 6 && used + of_the_day(hours, h) <= 600;
		if (h >= 9 * DAY)
			day += used;
	}
	ok(held, "no hour takes more than a sixth of what was left");
	ok(day > 600 * 3 / 4, "and a steady load gets more than three quarters of a day");

	/* what is asked rarely is asked in full */
	memset(hours, 0, sizeof(hours));
	for (int h = 0; h < DAY; h++)
		spend(hours, h, 600, 12, 1, &starved);
	ok(of_the_day(hours, DAY) + hours[0] >= 24 * 11, "a run an hour has its budget");
}

int
main(void)
{
	test_parse();
	test_share();
	return tap_done();
}
