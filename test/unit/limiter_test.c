/*-------------------------------------------------------------------------
 *
 * limiter_test.c
 *	  Tests of the limiter: no window over its limit, and hardly one unused.
 *
 * Purpose: over random rules and loads, check the exact times of all sends by
 *			sliding a window over them; check quotas, blocks and learning.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	look at a real clock.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/gateway/limiter.c src/upstream/budget.c */
#include "gateway/limiter.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define MS		((int64_t) 1000)
#define SECOND	(1000 * MS)
#define HOUR	(3600 * SECOND)

#define MOST_SENDS	200000

static int64_t sends[MOST_SENDS];
static int	nsends;

/* Uniform in 0 .. n-1. */
static int64_t
below(int64_t n)
{
	return (int64_t) (tap_draw() % (uint64_t) n);
}

static RecoLimitRules
rules_of(int count, int64_t window_us, int burst)
{
	RecoLimitRules rules = {count, window_us, burst, 1000, 0};

	return rules;
}

static RecoLimitRules
random_rules(void)
{
	static const int counts[] = {1, 2, 3, 5, 9, 10, 30, 90, 180, 1000};
	static const int64_t windows[] = {20 * MS,	   100 * MS,	SECOND,
									  30 * SECOND, 60 * SECOND, HOUR};
	RecoLimitRules rules = rules_of(counts[below(10)], windows[below(6)], 0);

	rules.rate_window_us += below(rules.rate_window_us);
	if (below(2))
		rules.burst = 1 + (int) below(2 * rules.rate_count);
	return rules;
}

/* Asks, and sends if that may be. */
static bool
try_send(RecoLimit *limit, const RecoLimitRules *rules, int64_t now, bool background,
		 int64_t *until)
{
	if (reco_limiter_ask(limit, rules, now, 0, background, until) != RECO_LIMIT_GO)
		return false;
	reco_limiter_take(limit, rules, now);
	if (nsends < MOST_SENDS)
		sends[nsends++] = now;
	return true;
}

/* The most sends in any closed window of this length; 'from' is the first that counts
 * as the last one of a window. */
static int
most_in_window(int64_t window_us, int from)
{
	int			most = 0;
	int			first = 0;

	for (int last = 0; last < nsends; last++)
	{
		while (sends[first] < sends[last] - window_us)
			first++;
		if (last >= from && last - first + 1 > most)
			most = last - first + 1;
	}
	return most;
}

/* Random arrivals: rushes, trickles and pauses. */
static void
test_random_load(void)
{
	int			over = 0;
	int			total = 0;

	for (int round = 0; round < 400; round++)
	{
		RecoLimitRules rules = random_rules();
		RecoLimit	limit;
		int64_t		now = 1 + below(100 * HOUR);
		int64_t		until;
		int64_t		gap = 1;

		nsends = 0;
		reco_limiter_start(&limit, &rules, now, false, 0);
		for (int i = 0; i < 3000; i++)
		{
			if (below(50) == 0)
				gap = 1 +
					below(rules.rate_window_us / (1 + below(3 * rules.rate_count)) + 1);
			if (below(500) == 0)
				now += below(3 * rules.rate_window_us);
			now += below(gap + 1);
			(void) try_send(&limit, &rules, now, below(4) == 0, &until);
		}
		if (most_in_window(rules.rate_window_us, 0) > rules.rate_count)
			over++;
		total += nsends;
	}
	ok(over == 0, "random load: no window of 400 rules has more than N sends");
	ok(total > 10000, "random load: %d sends went", total);
}

/* Load without end; who waits sleeps until he is told to, and is a little late. */
static void
test_saturated(void)
{
	int			over = 0;
	int			unused = 0;
	int			vain = 0;

	for (int round = 0; round < 300; round++)
	{
		RecoLimitRules rules = random_rules();
		RecoLimit	limit;
		int64_t		start = 1 + below(100 * HOUR);
		int64_t		now = start;
		int64_t		until;
		int			asked = 0;
		/* from the first sends on, and in the long run */
		int64_t		warm = round % 2 ? 3 * rules.rate_window_us : 0;
		int			used = 0;

		nsends = 0;
		reco_limiter_start(&limit, &rules, now, false, 0);
		while (now <= start + warm + 10 * rules.rate_window_us)
		{
			if (!try_send(&limit, &rules, now, false, &until))
			{
				if (until <= now)
					vain++;
				now = until + below(rules.rate_window_us / rules.rate_count / 200 + 1);
			}
			asked++;
		}
		for (int i = 0; i < nsends; i++)
			used += sends[i] >= start + warm &&
				sends[i] <= start + warm + 10 * rules.rate_window_us;
		if (used < 9 * rules.rate_count)
		{
			printf("# %d of 10 * %d / %lld us, burst %d\n", used, rules.rate_count,
				   (long long) rules.rate_window_us, rules.burst);
			unused++;
		}
		over += most_in_window(rules.rate_window_us, 0) > rules.rate_count;
		/* a wait brings a send, but for the last us */
		vain += asked > 3 * nsends + 10;
	}
	ok(over == 0, "saturated: no window has more than N sends");
	ok(unused == 0, "saturated: ten windows have at least 90 %% of 10 N sends");
	ok(vain == 0, "saturated: 'until' is when the next one may go");
}

/* 'until' is not late either: just before it, nothing may go. */
static void
test_until_is_exact(void)
{
	int			early = 0;
	int			late = 0;

	for (int round = 0; round < 300; round++)
	{
		RecoLimitRules rules = random_rules();
		RecoLimit	limit;
		RecoLimit	copy;
		int64_t		now = 1 + below(100 * HOUR);
		int64_t		until;
		int64_t		unused;

		nsends = 0;
		reco_limiter_start(&limit, &rules, now, false, 0);
		for (int i = 0; i < 200; i++)
		{
			bool		background = below(2);

			if (try_send(&limit, &rules, now, background, &until))
				continue;
			copy = limit;
			if (until - 2 > now &&
				reco_limiter_ask(&copy, &rules, until - 2, 0, background, &unused) ==
					RECO_LIMIT_GO)
				late++;
			/* a count of slices can take the bucket's place, but nothing is missed */
			copy = limit;
			if (reco_limiter_ask(&copy, &rules, until + 1, 0, background, &unused) !=
				RECO_LIMIT_GO)
				early++;
			now = until + 1;
		}
	}
	ok(late == 0, "until: before it, nothing goes");
	ok(early == 0, "until: then, one goes");
}

/* Rules that change from one call to the next, at any time. */
static void
test_rules_change(void)
{
	int			over = 0;
	int			went = 0;

	for (int round = 0; round < 400; round++)
	{
		RecoLimitRules rules = random_rules();
		RecoLimit	limit;
		int64_t		now = 1 + below(100 * HOUR);
		int64_t		until;

		nsends = 0;
		reco_limiter_start(&limit, &rules, now, false, 0);
		for (int change = 0; change < 6; change++)
		{
			int			from = nsends;

			for (int i = 0; i < 300; i++)
			{
				now += below(rules.rate_window_us / rules.rate_count + 1);
				(void) try_send(&limit, &rules, now, false, &until);
			}
			/* any window that ends with a send under these rules, whatever was before */
			over += rules.rate_count > 0 &&
				most_in_window(rules.rate_window_us, from) > rules.rate_count;
			went += nsends > from;
			rules = random_rules();
		}
	}
	ok(over == 0, "rules change: a send is within the new N, counting those before");
	ok(went > 1000, "rules change: %d of 2400 stretches had sends", went);
}

static void
test_change_by_hand(void)
{
	RecoLimitRules wide = rules_of(100, SECOND, 100);
	RecoLimitRules narrow = rules_of(10, 60 * SECOND, 10);
	RecoLimitRules none = rules_of(0, 0, 0);
	RecoLimit	limit;
	int64_t		now = HOUR + HOUR / 2;
	int64_t		until;

	nsends = 0;
	reco_limiter_start(&limit, &wide, now, false, 0);
	for (int i = 0; i < 50; i++)
		(void) try_send(&limit, &wide, now, false, &until);
	ok(nsends == 50, "change: 50 at once under 100/s");
	now += 20 * SECOND;
	ok(!try_send(&limit, &narrow, now, false, &until), "change: too many for 10/60s");
	ok(until > now + 30 * SECOND && until < now + 62 * SECOND,
	   "change: until they have left the window");
	ok(try_send(&limit, &narrow, until, false, &until), "change: then one goes");

	now = 5 * HOUR;
	reco_limiter_start(&limit, &none, now, false, 0);
	for (int i = 0; i < 500; i++)
		(void) try_send(&limit, &none, now + i * SECOND / 10, false, &until);
	ok(nsends == 551, "change: no rate, no limit");
	now += 51 * SECOND;
	ok(!try_send(&limit, &narrow, now, false, &until),
	   "change: what went without a limit counts under the next");
	ok(try_send(&limit, &narrow, now + 61 * SECOND, false, &until),
	   "change: a window later, one goes");
}

static void
test_crash(void)
{
	RecoLimitRules rules = rules_of(90, 30 * SECOND, 0);
	RecoLimit	limit;
	int64_t		made_at = 1000 * SECOND;
	int64_t		until;

	reco_limiter_start(&limit, &rules, made_at + SECOND, true, made_at);
	ok(reco_limiter_ask(&limit, &rules, made_at + SECOND, 0, false, &until) ==
		   RECO_LIMIT_WAIT,
	   "crash: nothing goes at first");
	ok(until == made_at + 30 * SECOND, "crash: a full window since the memory was made");
	ok(reco_limiter_ask(&limit, &rules, until - 1, 0, false, &until) == RECO_LIMIT_WAIT,
	   "crash: nothing before it is full");
	ok(reco_limiter_ask(&limit, &rules, until, 0, false, &until) == RECO_LIMIT_GO,
	   "crash: then it goes");

	nsends = 0;
	reco_limiter_start(&limit, &rules, made_at + 31 * SECOND, true, made_at);
	ok(!try_send(&limit, &rules, made_at + 31 * SECOND, false, &until),
	   "crash: the bucket starts empty");
	ok(until < made_at + 32 * SECOND, "crash: and fills");

	reco_limiter_start(&limit, &rules, made_at, false, made_at);
	while (try_send(&limit, &rules, made_at, false, &until))
		;
	ok(nsends == 15, "no crash: the bucket starts full, with a sixth of N");
}

/* Background calls leave a third, of each budget. */
static void
test_background(void)
{
	RecoLimitRules rules = rules_of(90, 30 * SECOND, 90);
	RecoLimit	limit;
	int64_t		now = 3 * HOUR;
	int64_t		until;
	int			over = 0;

	nsends = 0;
	reco_limiter_start(&limit, &rules, now, false, 0);
	while (try_send(&limit, &rules, now, true, &until))
		;
	ok(nsends == 60, "background: two thirds of the burst");
	while (try_send(&limit, &rules, now, false, &until))
		;
	ok(nsends == 90, "background: the last third is there for others");

	for (int round = 0; round < 200; round++)
	{
		rules = random_rules();
		nsends = 0;
		reco_limiter_start(&limit, &rules, now, false, 0);
		for (int i = 0; i < 2000; i++)
		{
			if (!try_send(&limit, &rules, now, true, &until))
				now = until;
		}
		over += rules.rate_count > 1 &&
			most_in_window(rules.rate_window_us, 0) > rules.rate_count * 2 / 3;
		over += nsends < 100;
	}
	ok(over == 0, "background: never the last third of a window, but never starved");

	rules = rules_of(0, 0, 0);
	rules.max_concurrency = 10;
	reco_limiter_start(&limit, &rules, now, false, 0);
	ok(reco_limiter_ask(&limit, &rules, now, 5, true, &until) == RECO_LIMIT_GO &&
		   reco_limiter_ask(&limit, &rules, now, 6, true, &until) == RECO_LIMIT_FULL,
	   "background: two thirds of the calls at once");
	ok(reco_limiter_ask(&limit, &rules, now, 9, false, &until) == RECO_LIMIT_GO &&
		   reco_limiter_ask(&limit, &rules, now, 10, false, &until) == RECO_LIMIT_FULL,
	   "others: all of them");
	rules.max_concurrency = 1;
	ok(reco_limiter_ask(&limit, &rules, now, 0, true, &until) == RECO_LIMIT_GO,
	   "background: one of one");

	rules.max_concurrency = 10;
	rules.daily_quota = 100;
	nsends = 0;
	while (try_send(&limit, &rules, now, true, &until))
		;
	ok(nsends == 12, "background: a sixth of two thirds of the day's quota in an hour");
	for (int h = 0; h < 23; h++)
	{
		now += HOUR;
		while (try_send(&limit, &rules, now, true, &until))
			;
	}
	ok(nsends == 66, "background: two thirds of the day's quota");
	while (try_send(&limit, &rules, now, false, &until))
		;
	ok(nsends == 100, "others: all of it");
}

/* A quota holds in any 24 hours, not from midnight to midnight. */
static void
test_daily_quota(void)
{
	int			over = 0;
	int			idle = 0;

	for (int round = 0; round < 50; round++)
	{
		RecoLimitRules rules = rules_of(0, 0, 0);
		RecoLimit	limit;
		int64_t		start = 1 + below(100 * HOUR);
		int64_t		now = start;
		int64_t		until;

		rules.daily_quota = 1 + (int) below(600);
		nsends = 0;
		reco_limiter_start(&limit, &rules, now, false, 0);
		while (now < start + 240 * HOUR)
		{
			RecoLimitVerdict verdict;

			now += below(HOUR / 60);
			verdict = reco_limiter_ask(&limit, &rules, now, 0, false, &until);
			if (verdict == RECO_LIMIT_GO)
				(void) try_send(&limit, &rules, now, false, &until);
			else if (verdict == RECO_LIMIT_QUOTA && until > now &&
					 until <= now + 25 * HOUR)
				now = until;
			else
				over++;
		}
		over += most_in_window(24 * HOUR, 0) > rules.daily_quota;
		idle += nsends < 9 * rules.daily_quota;
	}
	ok(over == 0, "quota: no 24 hours have more");
	ok(idle == 0, "quota: ten days use nine of them, at least");
}

static void
test_blocks(void)
{
	RecoLimitRules rules = rules_of(0, 0, 0);
	RecoLimit	limit;
	int64_t		now = HOUR;
	int64_t		until;

	reco_limiter_start(&limit, &rules, now, false, 0);
	reco_limiter_learn(&limit, &rules, RECO_OUTCOME_LIMITED, 16 * SECOND, now, 0.5);
	ok(reco_limiter_ask(&limit, &rules, now, 0, false, &until) == RECO_LIMIT_WAIT &&
	   until == now + 16 * SECOND, "Retry-After is obeyed to the us");
	reco_limiter_learn(&limit, &rules, RECO_OUTCOME_LIMITED, 2 * SECOND, now + 1, 0.5);
	ok(limit.blocked_until == now + 16 * SECOND, "a shorter one does not move it back");
	reco_limiter_learn(&limit, &rules, RECO_OUTCOME_FRESH, -1, now + 2, 0.5);
	ok(limit.blocked_until == now + 16 * SECOND, "nor does a success");
	reco_limiter_learn(&limit, &rules, RECO_OUTCOME_LIMITED, 48 * HOUR, now + 2, 0.5);
	ok(limit.blocked_until == now + 2 + 48 * HOUR, "48 hours are a time like others");
	reco_limiter_learn(&limit, &rules, RECO_OUTCOME_LIMITED, INT64_MAX, now + 3, 0.5);
	ok(limit.blocked_until == INT64_MAX, "absurd: the end of time, no overflow");

	reco_limiter_start(&limit, &rules, now, false, 0);
	reco_limiter_learn(&limit, &rules, RECO_OUTCOME_LIMITED, 0, now, 0.5);
	ok(limit.blocked_until == now + SECOND, "\"Retry-After: 0\" is no invitation");
}

static void
test_guesses(void)
{
	RecoLimitRules rules = rules_of(0, 0, 0);
	RecoLimit	limit;
	static const int wanted[] = {5, 30, 60, 60, 60};
	static const int hours[] = {1, 2, 4, 8, 16, 24, 24};
	int64_t		now = HOUR;
	bool		good = true;

	reco_limiter_start(&limit, &rules, now, false, 0);
	for (int i = 0; i < 5; i++)
	{
		reco_limiter_learn(&limit, &rules, RECO_OUTCOME_LIMITED, -1, now, 0);
		good = good && limit.blocked_until == now + wanted[i] * SECOND;
		/* the others that were under way */
		reco_limiter_learn(&limit, &rules, RECO_OUTCOME_LIMITED, -1, now + 1, 0);
		good = good && limit.blocked_until == now + wanted[i] * SECOND;
		now = limit.blocked_until;
	}
	ok(good, "no time said: 5 s, 30 s, then 60 s, once a block");
	reco_limiter_learn(&limit, &rules, RECO_OUTCOME_FRESH, -1, now, 0);
	reco_limiter_learn(&limit, &rules, RECO_OUTCOME_LIMITED, -1, now, 1);
	ok(limit.blocked_until == now + 10 * SECOND,
	   "a success begins anew; jitter adds up to 5 s");
	reco_limiter_learn(&limit, &rules, RECO_OUTCOME_LIMITED, -1, limit.blocked_until,
					   NAN);
	ok(limit.blocked_until == now + 40 * SECOND, "jitter that is no number is none");
	now = limit.blocked_until;

	good = true;
	for (int i = 0; i < 7; i++)
	{
		int64_t		until;

		reco_limiter_learn(&limit, &rules, RECO_OUTCOME_QUOTA, -1, now, 0.5);
		reco_limiter_learn(&limit, &rules, RECO_OUTCOME_QUOTA, -1, now + 1, 0.5);
		good = good && limit.quota_until == now + hours[i] * HOUR;
		good = good &&
			reco_limiter_ask(&limit, &rules, now + 2, 0, false, &until) ==
				RECO_LIMIT_QUOTA &&
			until == limit.quota_until;
		now = limit.quota_until;
	}
	ok(good, "quota without a time: 1 h, doubling to 24 h");
	reco_limiter_learn(&limit, &rules, RECO_OUTCOME_QUOTA, 48925 * SECOND, now, 0.5);
	ok(limit.quota_until == now + 48925 * SECOND, "quota with a time: that");
}

static void
test_concurrency(void)
{
	RecoLimitRules rules = rules_of(0, 0, 0);
	RecoLimit	limit;
	int64_t		now = HOUR;
	int64_t		until;
	int			successes = 0;

	rules.max_concurrency = 16;
	reco_limiter_start(&limit, &rules, now, false, 0);
	for (int i = 0; i < 16; i++)
		reco_limiter_learn(&limit, &rules, RECO_OUTCOME_TIMEOUT, -1, now + i, 0);
	near(limit.concurrency, 8, "16 time-outs at once halve it once");
	reco_limiter_learn(&limit, &rules, RECO_OUTCOME_TIMEOUT, -1, now + SECOND, 0);
	near(limit.concurrency, 4, "another a second later halves it again");
	ok(reco_limiter_ask(&limit, &rules, now, 3, false, &until) == RECO_LIMIT_GO &&
		   reco_limiter_ask(&limit, &rules, now, 4, false, &until) == RECO_LIMIT_FULL &&
		   until > now + HOUR,
	   "four go at once, and no time brings a fifth");

	now += 10 * SECOND;
	reco_limiter_learn(&limit, &rules, RECO_OUTCOME_LIMITED, 30 * SECOND, now, 0);
	near(limit.concurrency, 2, "limited halves it");
	reco_limiter_learn(&limit, &rules, RECO_OUTCOME_LIMITED, 25 * SECOND,
					   now + 5 * SECOND, 0);
	near(limit.concurrency, 2, "what was under way and is limited too does not");

	now += 60 * SECOND;
	while (limit.concurrency < 16 && successes < 10000)
	{
		reco_limiter_learn(&limit, &rules, RECO_OUTCOME_FRESH, -1, now, 0);
		successes++;
	}
	ok(successes > 100 && successes < 200, "it grows slowly: 2 to 16 in %d successes", successes);
	reco_limiter_learn(&limit, &rules, RECO_OUTCOME_FRESH, -1, now, 0);
	near(limit.concurrency, 16, "not beyond what is allowed");

	for (int i = 1; i < 20; i++)
		reco_limiter_learn(&limit, &rules, RECO_OUTCOME_TIMEOUT, -1, now + i * SECOND, 0);
	near(limit.concurrency, 1, "never below one");
	reco_limiter_learn(&limit, &rules, RECO_OUTCOME_UNAVAILABLE, -1, now + HOUR, 0);
	near(limit.concurrency, 1, "a broken service teaches nothing about it");

	reco_limiter_start(&limit, &rules, now, false, 0);
	rules.max_concurrency = 30;
	ok(reco_limiter_ask(&limit, &rules, now, 29, false, &until) == RECO_LIMIT_GO,
	   "a higher cap counts at once where nothing was learned");
	rules.max_concurrency = 3;
	ok(reco_limiter_ask(&limit, &rules, now, 3, false, &until) == RECO_LIMIT_FULL,
	   "and a lower one always");
}

static void
test_clock(void)
{
	RecoLimitRules rules = rules_of(10, SECOND, 10);
	RecoLimit	limit;
	int64_t		now = 10 * SECOND;
	int64_t		until;

	nsends = 0;
	reco_limiter_start(&limit, &rules, now, false, 0);
	while (try_send(&limit, &rules, now, false, &until))
		;
	ok(!try_send(&limit, &rules, now - 5 * SECOND, false, &until) && nsends == 10,
	   "a clock that goes back brings nothing");
	now += 300000 * HOUR;
	while (try_send(&limit, &rules, now, false, &until))
		;
	ok(nsends == 20, "a clock that jumps far brings one burst");

	memset(&limit, 0, sizeof(limit));
	ok(try_send(&limit, &rules, now, false, &until), "a limit that was never set up works");
	ok(reco_limiter_burst(&rules) == 10, "burst: as it is said");
	rules.burst = 99;
	ok(reco_limiter_burst(&rules) == 10, "burst: at most N");
	rules.burst = 0;
	rules.rate_count = 5;
	ok(reco_limiter_burst(&rules) == 1, "burst: at least one");
}

int
main(void)
{
	test_random_load();
	test_saturated();
	test_until_is_exact();
	test_rules_change();
	test_change_by_hand();
	test_crash();
	test_background();
	test_daily_quota();
	test_blocks();
	test_guesses();
	test_concurrency();
	test_clock();
	return tap_done();
}
