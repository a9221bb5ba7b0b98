/*-------------------------------------------------------------------------
 *
 * limiter.c
 *	  How often and how many at once.
 *
 * Purpose: see limiter.h.
 * Runs in: the gateway, and plain C programs (no server header).
 * Locks:	none: the gateway is the only writer of a lane's limits.
 * Never:	sleep; forget a send that may still be inside a window.
 *
 * Two guards stand behind one another. The bucket shapes: it lets bursts through
 * and then spreads what is left of N over the window. The window count proves: it
 * holds the sends of the last window, or a little more, in slices; a call goes
 * only if they are fewer than N. So no window of length W, wherever it begins, has
 * more than N sends, however rules change.
 *
 * The bucket's refill is (N - burst)/W as long as that uses 95 % of N; then the
 * bucket alone would hold the limit. A larger burst would waste the rate (with
 * burst = N nothing would ever be refilled), so the refill is never below 95 % of N
 * in W, and the window count alone holds the limit.
 *
 * What the service says is a time: 'blocked_until', 'quota_until'. It only moves
 * forward.
 *
 *-------------------------------------------------------------------------
 */
#include "limiter.h"

#include <math.h>
#include <string.h>

#include "upstream/budget.h"

#define SECOND	((int64_t) 1000 * 1000)
#define HOUR	(3600 * SECOND)

#define USED_AT_LEAST	0.95	/* of N in each window */
#define SLICE_AT_FIRST	SECOND	/* where no rate is known */
#define HALVE_EVERY		SECOND	/* at most: calls under way tell nothing new */
#define LEAST_BLOCK		SECOND	/* for "Retry-After: 0" */
#define MOST_STRIKES	10
#define QUOTA_MOST_HOURS	24

static void advance(RecoLimit *limit, const RecoLimitRules *rules, int64_t now);
static void reslice(RecoLimit *limit, int64_t slice_us, int64_t window_us, int64_t now);
static void refill(RecoLimit *limit, const RecoLimitRules *rules, int64_t now);
static void roll(uint32_t *cells, int ncells, int64_t *newest, int64_t number);
static int64_t cells_have_room(const uint32_t *cells, int ncells, int64_t newest,
							   int64_t cell_us, int64_t allowed);
static int64_t bucket_has_room(const RecoLimit *limit, const RecoLimitRules *rules,
							   int64_t now, bool background);
static int64_t hour_has_room(const RecoLimit *limit, int quota);
static int64_t share(int64_t whole, bool background);
static int	most_at_once(const RecoLimit *limit, const RecoLimitRules *rules);
static double refill_per_us(const RecoLimitRules *rules);
static void halve(RecoLimit *limit, const RecoLimitRules *rules, int64_t now);
static void block(RecoLimit *limit, int64_t retry_after_us, int64_t now, double jitter);
static void block_for_quota(RecoLimit *limit, int64_t retry_after_us, int64_t now);
static void grow(RecoLimit *limit, const RecoLimitRules *rules);

static inline bool
has_rate(const RecoLimitRules *rules)
{
	return rules->rate_count > 0 && rules->rate_window_us > 0;
}

/* The later of two times. */
static inline int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* A time and a duration; stays at the end of time. */
static inline int64_t
plus(int64_t time, int64_t us)
{
	return us > INT64_MAX - time ? INT64_MAX : time + us;
}

/* Says how long a slice is, so that 64 of them cover a window. */
static inline int64_t
slice_length(const RecoLimitRules *rules)
{
	int64_t		n = RECO_LIMIT_SLICES - 1;

	return rules->rate_window_us / n + (rules->rate_window_us % n != 0);
}

/* Says how many may go at once, after a pause. */
int
reco_limiter_burst(const RecoLimitRules *rules)
{
	int			burst = rules->burst > 0 ? rules->burst : rules->rate_count / 6;

	if (burst > rules->rate_count)
		burst = rules->rate_count;
	return burst > 0 ? burst : 1;
}

/* Sets a limit up, see limiter.h. What was sent in the day before a crash is lost. */
void
reco_limiter_start(RecoLimit *limit, const RecoLimitRules *rules, int64_t now,
				   bool after_crash, int64_t made_at)
{
	memset(limit, 0, sizeof(*limit));
	limit->ready = true;
	limit->refilled_at = now;
	limit->slice_us = has_rate(rules) ? slice_length(rules) : SLICE_AT_FIRST;
	limit->slice = now / limit->slice_us;
	limit->hour = now / HOUR;
	limit->concurrency = rules->max_concurrency;
	if (after_crash && has_rate(rules))
		limit->not_before = plus(made_at, rules->rate_window_us);
	if (!after_crash)
		limit->tokens = reco_limiter_burst(rules);
}

/* Says whether a call may go, see limiter.h. */
RecoLimitVerdict
reco_limiter_ask(RecoLimit *limit, const RecoLimitRules *rules, int64_t now,
				 int in_flight, bool background, int64_t *until)
{
	int64_t		quota;
	int64_t		wait;

	advance(limit, rules, now);
	now = limit->refilled_at;

	quota = limit->quota_until;
	if (rules->daily_quota > 0)
		quota = later(quota,
					  cells_have_room(limit->hours, RECO_LIMIT_HOURS, limit->hour, HOUR,
									  share(rules->daily_quota, background)));
	if (rules->daily_quota > 0 && background)
		quota = later(quota, hour_has_room(limit, rules->daily_quota));
	if (quota > now)
	{
		*until = quota;
		return RECO_LIMIT_QUOTA;
	}

	wait = later(limit->not_before, limit->blocked_until);
	if (has_rate(rules))
	{
		wait =
			later(wait,
				  cells_have_room(limit->sends, RECO_LIMIT_SLICES, limit->slice,
								  limit->slice_us, share(rules->rate_count, background)));
		wait = later(wait, bucket_has_room(limit, rules, now, background));
	}
	if (wait > now)
	{
		*until = wait;
		return RECO_LIMIT_WAIT;
	}

	if (in_flight >= share(most_at_once(limit, rules), background))
	{
		/* no time brings it: a call has to end */
		*until = INT64_MAX;
		return RECO_LIMIT_FULL;
	}
	*until = now;
	return RECO_LIMIT_GO;
}

/* Counts a send. */
void
reco_limiter_take(RecoLimit *limit, const RecoLimitRules *rules, int64_t now)
{
	advance(limit, rules, now);
	limit->sends[limit->slice % RECO_LIMIT_SLICES]++;
	limit->hours[limit->hour % RECO_LIMIT_HOURS]++;
	if (has_rate(rules))
		limit->tokens -= 1;
}

/* Learns from an answer, see limiter.h. What tells nothing about limits is ignored. */
void
reco_limiter_learn(RecoLimit *limit, const RecoLimitRules *rules, RecoOutcome outcome,
				   int64_t retry_after_us, int64_t now, double jitter)
{
	advance(limit, rules, now);
	now = limit->refilled_at;

	switch (outcome)
	{
		case RECO_OUTCOME_LIMITED:
			/* while blocked, it was under way before that, and tells nothing new */
			if (now >= limit->blocked_until)
				halve(limit, rules, now);
			block(limit, retry_after_us, now, jitter);
			break;
		case RECO_OUTCOME_QUOTA:
			block_for_quota(limit, retry_after_us, now);
			break;
		case RECO_OUTCOME_TIMEOUT:
			halve(limit, rules, now);
			break;
		case RECO_OUTCOME_FRESH:
		case RECO_OUTCOME_ABSENT:
		case RECO_OUTCOME_REFUSED:
			if (now >= limit->blocked_until)
				limit->strikes = 0;
			if (now >= limit->quota_until)
				limit->quota_strikes = 0;
			grow(limit, rules);
			break;
		default:
			break;
	}
}

/* ---- time goes on ---- */

/*
 * Brings counts and bucket up to 'now', under these rules. A clock that is behind
 * what was seen before counts as that; 'refilled_at' is then the time to go by.
 */
static void
advance(RecoLimit *limit, const RecoLimitRules *rules, int64_t now)
{
	if (!limit->ready)
		reco_limiter_start(limit, rules, now, false, 0);
	now = later(now, limit->refilled_at);

	roll(limit->hours, RECO_LIMIT_HOURS, &limit->hour, now / HOUR);
	/* without a rate, counting goes on in the slices there are */
	if (has_rate(rules) && slice_length(rules) != limit->slice_us)
		reslice(limit, slice_length(rules), rules->rate_window_us, now);
	else
		roll(limit->sends, RECO_LIMIT_SLICES, &limit->slice, now / limit->slice_us);
	refill(limit, rules, now);
}

/* Makes 'number' the newest cell of a ring; what is older than the ring is dropped. */
static void
roll(uint32_t *cells, int ncells, int64_t *newest, int64_t number)
{
	if (number - *newest >= ncells)
		memset(cells, 0, sizeof(*cells) * ncells);
	else
		for (int64_t i = *newest + 1; i <= number; i++)
			cells[i % ncells] = 0;
	if (number > *newest)
		*newest = number;
}

/* Puts sends at a time into the slices, where they reach back that far. */
static void
count_at(RecoLimit *limit, int64_t time, uint64_t sends)
{
	int64_t		number = time / limit->slice_us;
	uint32_t   *cell;

	if (time < 0 || number <= limit->slice - RECO_LIMIT_SLICES)
		return;
	cell = &limit->sends[number % RECO_LIMIT_SLICES];
	*cell = sends > UINT32_MAX - *cell ? UINT32_MAX : *cell + (uint32_t) sends;
}

/*
 * Counts in slices of another length. Sends keep the latest time that they can
 * have had, so that none leaves the window too early; what is older than the old
 * slices reach is known from the hours only.
 */
static void
reslice(RecoLimit *limit, int64_t slice_us, int64_t window_us, int64_t now)
{
	RecoLimit	old = *limit;
	int64_t		reach = (old.slice - RECO_LIMIT_SLICES + 1) * old.slice_us;
	int64_t		nhours = window_us / HOUR + 2;
	uint64_t	known = 0;
	uint64_t	all = 0;

	memset(limit->sends, 0, sizeof(limit->sends));
	limit->slice_us = slice_us;
	limit->slice = now / slice_us;
	for (int i = 0; i < RECO_LIMIT_SLICES; i++)
	{
		int64_t		number = old.slice - i;
		int64_t		last = (number + 1) * old.slice_us - 1;

		if (number < 0)
			break;
		count_at(limit, last < now ? last : now, old.sends[number % RECO_LIMIT_SLICES]);
		known += old.sends[number % RECO_LIMIT_SLICES];
	}

	for (int i = 0; i < RECO_LIMIT_HOURS && i < nhours && limit->hour - i >= 0; i++)
		all += limit->hours[(limit->hour - i) % RECO_LIMIT_HOURS];
	if (all > known)
		count_at(limit, reach - 1, all - known);
}

/* Fills the bucket for the time that has gone by. */
static void
refill(RecoLimit *limit, const RecoLimitRules *rules, int64_t now)
{
	if (has_rate(rules))
	{
		limit->tokens += (double) (now - limit->refilled_at) * refill_per_us(rules);
		limit->tokens = fmin(limit->tokens, reco_limiter_burst(rules));
	}
	limit->refilled_at = now;
}

static double
refill_per_us(const RecoLimitRules *rules)
{
	double		n = rules->rate_count;

	return fmax(n - reco_limiter_burst(rules), USED_AT_LEAST * n) / rules->rate_window_us;
}

/* ---- is there room? ---- */

/*
 * What of a budget may be used: all of it, or for background calls without the
 * last third. One is left to them in any case, or they would never go.
 */
static int64_t
share(int64_t whole, bool background)
{
	if (!background)
		return whole;
	return whole > 1 ? whole * 2 / 3 : whole;
}

/*
 * Tells when a ring has room for one more under 'allowed': 0 = now. A cell leaves
 * the ring when a cell that is a whole ring younger begins.
 */
static int64_t
cells_have_room(const uint32_t *cells, int ncells, int64_t newest, int64_t cell_us,
				int64_t allowed)
{
	int64_t		sum = 0;
	int64_t		number = newest - ncells;

	for (int i = 0; i < ncells; i++)
		sum += cells[i];
	if (sum < allowed)
		return 0;
	while (sum >= allowed && number < newest)
	{
		number++;
		/* before the clock's beginning there is nothing */
		if (number >= 0)
			sum -= cells[number % ncells];
	}
	return (number + ncells) * cell_us;
}

/*
 * Tells when the background may use one more call of a quota, for its part of the hour: 0
 * = now. Runs that began at the same time know nothing of each other.
 */
static int64_t
hour_has_room(const RecoLimit *limit, int quota)
{
	int64_t		now = limit->hours[limit->hour % RECO_LIMIT_HOURS];
	int64_t		before = -now;

	for (int i = 0; i < RECO_LIMIT_HOURS; i++)
		before += limit->hours[i];
	return now < reco_budget_hour(quota, true, before) ? 0 : (limit->hour + 1) * HOUR;
}

/* Tells when the bucket has a token for a call: 0 = now. */
static int64_t
bucket_has_room(const RecoLimit *limit, const RecoLimitRules *rules, int64_t now,
				bool background)
{
	int64_t		burst = reco_limiter_burst(rules);
	/* sums of small refills end a hair below what they come to */
	double		wanted = (double) (burst - share(burst, background) + 1) - 1e-9;
	double		wait;

	if (limit->tokens >= wanted)
		return 0;
	wait = ceil((wanted - limit->tokens) / refill_per_us(rules));
	return plus(now, wait < 1e18 ? (int64_t) wait : (int64_t) 1e18);
}

/* How many calls may be under way: what was learned, where anything was. */
static int
most_at_once(const RecoLimit *limit, const RecoLimitRules *rules)
{
	int			most = rules->max_concurrency;

	if (limit->halved_at != 0 && limit->concurrency < most)
		most = (int) limit->concurrency;
	return most > 1 ? most : 1;
}

/* ---- learning ---- */

/* Halves the concurrency, but not twice for what was under way at the same time. */
static void
halve(RecoLimit *limit, const RecoLimitRules *rules, int64_t now)
{
	if (limit->halved_at != 0 && now - limit->halved_at < HALVE_EVERY)
		return;
	limit->concurrency = fmax(1, most_at_once(limit, rules) / 2.0);
	limit->halved_at = later(now, 1);
}

/* Grows by one in as many successes as there are calls at once. */
static void
grow(RecoLimit *limit, const RecoLimitRules *rules)
{
	/* a cap that nothing was learned under is followed at once, up and down */
	if (limit->halved_at == 0)
		limit->concurrency = rules->max_concurrency;
	else
		limit->concurrency += 1 / fmax(1, limit->concurrency);
	limit->concurrency = fmax(1, fmin(limit->concurrency, rules->max_concurrency));
}

/*
 * Blocks for as long as the service says. Without a time: 5 s and up to as much
 * again, so that many who were limited together do not come back together; then
 * 30 s, then 60 s each time (upstreams.md A.4).
 */
static void
block(RecoLimit *limit, int64_t retry_after_us, int64_t now, double jitter)
{
	static const int guesses[] = {5, 30, 60};
	int			strike;

	if (retry_after_us >= 0)
	{
		limit->strikes = 0;
		limit->blocked_until =
			later(limit->blocked_until, plus(now, later(retry_after_us, LEAST_BLOCK)));
		return;
	}
	/* an answer to a call from before the block is not another strike */
	if (now < limit->blocked_until)
		return;
	strike = limit->strikes < 2 ? limit->strikes : 2;
	jitter = jitter > 0 ? fmin(jitter, 1) : 0;
	limit->blocked_until = plus(now, (int64_t) ((guesses[strike] + 5 * jitter) * SECOND));
	if (limit->strikes < MOST_STRIKES)
		limit->strikes++;
}

/*
 * Closes the lane until the quota is there again. Without a time it is a guess: an
 * hour, then twice as long each time, up to a day, which is how services count.
 */
static void
block_for_quota(RecoLimit *limit, int64_t retry_after_us, int64_t now)
{
	int			hours;

	if (retry_after_us >= 0)
	{
		limit->quota_strikes = 0;
		limit->quota_until =
			later(limit->quota_until, plus(now, later(retry_after_us, LEAST_BLOCK)));
		return;
	}
	if (now < limit->quota_until)
		return;
	hours = 1 << (limit->quota_strikes < 5 ? limit->quota_strikes : 5);
	hours = hours < QUOTA_MOST_HOURS ? hours : QUOTA_MOST_HOURS;
	limit->quota_until = plus(now, hours * HOUR);
	if (limit->quota_strikes < MOST_STRIKES)
		limit->quota_strikes++;
}
