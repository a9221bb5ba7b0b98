/*-------------------------------------------------------------------------
 *
 * retry_test.c
 *	  Tests of the retry budget and of the pauses between attempts.
 *
 * Purpose: retries are at most a tenth of the calls of the last minute, three
 *			apart; pauses are uniform below a bound that doubles.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	look at a real clock.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/gateway/retry.c */
#include "gateway/retry.h"

#include <string.h>

#include "tap.h"

#define SECOND	((int64_t) 1000 * 1000)

static RecoRetryBudget budget;

/* How many retries are allowed at once. */
static int
allowed(int64_t now)
{
	int			n = 0;

	while (n < 100000 && reco_retry_allow(&budget, now))
		n++;
	return n;
}

static void
test_budget(void)
{
	int64_t		now = 5000 * SECOND;

	ok(allowed(now) == RECO_RETRY_FLOOR, "without calls: three");
	ok(allowed(now + 59 * SECOND) == 0, "none more in the same minute");
	ok(allowed(now + 60 * SECOND) == RECO_RETRY_FLOOR, "three again in the next");

	memset(&budget, 0, sizeof(budget));
	for (int i = 0; i < 1000; i++)
		reco_retry_count_call(&budget, now + i * SECOND / 50);
	now += 20 * SECOND;
	ok(allowed(now) == 100, "1000 calls: 100");
	now += 40 * SECOND;
	ok(allowed(now) == 0, "while they are of the last minute");
	now += 21 * SECOND;
	ok(allowed(now) == RECO_RETRY_FLOOR, "calls of a minute ago bring none");
	now += 100000000 * SECOND;
	ok(allowed(now) == RECO_RETRY_FLOOR, "a clock that jumps far");
	ok(allowed(now - 10 * SECOND) == 0, "a clock that goes back");
}

/* Every call fails and asks for retries: they stay at a tenth in any minute. */
static void
test_outage(void)
{
	static int64_t retries[100000];
	int64_t		now = 0;
	int			ncalls = 0;
	int			nretries = 0;
	int			first = 0;
	int			over = 0;

	memset(&budget, 0, sizeof(budget));
	while (now < 600 * SECOND)
	{
		now += (int64_t) (tap_draw() % 20000);
		reco_retry_count_call(&budget, now);
		ncalls++;
		for (int i = 0; i < RECO_RETRY_MOST; i++)
			if (nretries < 100000 && reco_retry_allow(&budget, now))
				retries[nretries++] = now;
	}
	ok(nretries <= ncalls / 10 + 1 && nretries > ncalls / 12,
	   "an outage: %d retries of %d calls", nretries, ncalls);
	/* about 100 calls a second: 6000 a minute, and at most a tenth of them */
	for (int last = 0; last < nretries; last++)
	{
		while (retries[first] < retries[last] - 59 * SECOND)
			first++;
		over += last - first + 1 > 660;
	}
	ok(over == 0, "and in no minute more than their share");
}

static void
test_pauses(void)
{
	bool		good = true;
	double		sum = 0;
	int64_t		most = 250000;

	for (int n = 1; n <= 40; n++)
	{
		good = good && reco_retry_pause_us(n, 1) == most;
		good = good && reco_retry_pause_us(n, 0) == 1000;
		good = good && reco_retry_pause_us(n, 0.5) == most / 2;
		most = most * 2 < 8 * SECOND ? most * 2 : 8 * SECOND;
	}
	ok(good, "0.25 s, doubling to 8 s, scaled by the dice, and at least 1 ms");
	ok(reco_retry_pause_us(1, NAN) == 1000 && reco_retry_pause_us(1, -1) == 1000 &&
		   reco_retry_pause_us(1, 7) == 250000 && reco_retry_pause_us(0, 1) == 250000 &&
		   reco_retry_pause_us(INT32_MAX, 1) == 8 * SECOND,
	   "nonsense stays within bounds");
	for (int i = 0; i < 10000; i++)
		sum += reco_retry_pause_us(2, tap_unit()) / 1e6 / 10000;
	ok(sum > 0.24 && sum < 0.26, "full jitter: the mean is half the bound");
}

int
main(void)
{
	test_budget();
	test_outage();
	test_pauses();
	return tap_done();
}
