/*-------------------------------------------------------------------------
 *
 * breaker.c
 *	  The circuit breaker: closed, open, half-open with probes.
 *
 * Purpose: see breaker.h.
 * Runs in: the gateway, and plain C programs (no server header).
 * Locks:	none: the gateway is the only writer.
 * Never:	stay half-open for ever: a probe that nobody reports gives its place
 *			back after a while.
 *
 *	 CLOSED --trip--> OPEN --half_open--> HALF_OPEN --close--> CLOSED
 *					   ^					  |
 *					   +-------- trip --------+
 *
 *-------------------------------------------------------------------------
 */
#include "breaker.h"

#include <string.h>

#define SECOND	((int64_t) 1000 * 1000)

#define ASK_AGAIN_US	(SECOND / 4)	/* while a probe is under way */
#define PROBE_LOST_US	RECO_BREAKER_MOST_US	/* then nobody will report it */
#define JITTER			0.25	/* of the time that it is open */

static void trip(RecoBreaker *breaker, int64_t now, double jitter);
static void half_open(RecoBreaker *breaker);
static void close_again(RecoBreaker *breaker);
static void count(RecoBreaker *breaker, bool good, int64_t now);
static bool is_failing(const RecoBreaker *breaker);

/* Says whether a call may go, see breaker.h. */
bool
reco_breaker_allows(RecoBreaker *breaker, int64_t now, int64_t *until)
{
	*until = now;
	if (breaker->state == RECO_BREAKER_OPEN)
	{
		if (now < breaker->until)
		{
			*until = breaker->until;
			return false;
		}
		half_open(breaker);
	}
	if (breaker->state == RECO_BREAKER_HALF_OPEN)
	{
		/* the process that sent them may have died */
		if (breaker->probes >= RECO_BREAKER_PROBES && now >= breaker->until)
			breaker->probes = 0;
		if (breaker->probes >= RECO_BREAKER_PROBES)
		{
			*until = now + ASK_AGAIN_US;
			return false;
		}
		breaker->until = now + PROBE_LOST_US;
	}
	return true;
}

/* Notes that a call goes. */
uint32_t
reco_breaker_begin(RecoBreaker *breaker)
{
	if (breaker->state == RECO_BREAKER_HALF_OPEN)
		breaker->probes++;
	return breaker->epoch;
}

/* Notes how a call ended. Calls from before it opened tell nothing new. */
void
reco_breaker_end(RecoBreaker *breaker, uint32_t epoch, bool good, int64_t now,
				 double jitter)
{
	if (epoch != breaker->epoch)
		return;
	switch (breaker->state)
	{
		case RECO_BREAKER_CLOSED:
			count(breaker, good, now);
			if (is_failing(breaker))
				trip(breaker, now, jitter);
			break;
		case RECO_BREAKER_OPEN:
			break;
		case RECO_BREAKER_HALF_OPEN:
			if (breaker->probes == 0)
				break;
			breaker->probes--;
			if (!good)
				trip(breaker, now, jitter);
			else if (++breaker->probes_good >= RECO_BREAKER_GOOD)
				close_again(breaker);
			break;
	}
}

/* Notes that a call ended without telling anything. */
void
reco_breaker_forget(RecoBreaker *breaker, uint32_t epoch)
{
	if (epoch == breaker->epoch && breaker->state == RECO_BREAKER_HALF_OPEN &&
		breaker->probes > 0)
		breaker->probes--;
}

/* Names a state, for people. */
const char *
reco_breaker_state_name(RecoBreakerState state)
{
	switch (state)
	{
		case RECO_BREAKER_CLOSED:
			return "closed";
		case RECO_BREAKER_OPEN:
			return "open";
		case RECO_BREAKER_HALF_OPEN:
			return "half-open";
	}
	return "unknown";
}

/* ---- one function per transition ---- */

/* CLOSED, HALF_OPEN -> OPEN, for twice as long as the last time. */
static void
trip(RecoBreaker *breaker, int64_t now, double jitter)
{
	int64_t		open_us = breaker->open_us;

	if (open_us <= 0)
		open_us = RECO_BREAKER_OPEN_US;
	else
		open_us = open_us < RECO_BREAKER_MOST_US / 2 ? open_us * 2 : RECO_BREAKER_MOST_US;
	if (!(jitter > 0))
		jitter = 0;
	if (jitter > 1)
		jitter = 1;
	breaker->state = RECO_BREAKER_OPEN;
	breaker->epoch++;
	breaker->open_us = open_us;
	breaker->until = now + open_us + (int64_t) (JITTER * jitter * (double) open_us);
	breaker->probes = 0;
	breaker->probes_good = 0;
	breaker->failures = 0;
}

/* OPEN -> HALF_OPEN */
static void
half_open(RecoBreaker *breaker)
{
	breaker->state = RECO_BREAKER_HALF_OPEN;
	breaker->epoch++;
	breaker->probes = 0;
	breaker->probes_good = 0;
}

/* HALF_OPEN -> CLOSED: as if nothing had been, but for those that are under way. */
static void
close_again(RecoBreaker *breaker)
{
	uint32_t	epoch = breaker->epoch;

	memset(breaker, 0, sizeof(*breaker));
	breaker->epoch = epoch;
}

/* ---- the last seconds ---- */

/* Counts a call into the cell of its second. */
static void
count(RecoBreaker *breaker, bool good, int64_t now)
{
	int64_t		second = now / SECOND;
	int			cell;

	if (second - breaker->second >= RECO_BREAKER_SECONDS)
	{
		memset(breaker->good, 0, sizeof(breaker->good));
		memset(breaker->bad, 0, sizeof(breaker->bad));
	}
	else
	{
		for (int64_t i = breaker->second + 1; i <= second; i++)
		{
			breaker->good[i % RECO_BREAKER_SECONDS] = 0;
			breaker->bad[i % RECO_BREAKER_SECONDS] = 0;
		}
	}
	if (second > breaker->second)
		breaker->second = second;

	cell = (int) (breaker->second % RECO_BREAKER_SECONDS);
	if (breaker->good[cell] == UINT16_MAX || breaker->bad[cell] == UINT16_MAX)
	{
		/* the share is what counts */
		breaker->good[cell] /= 2;
		breaker->bad[cell] /= 2;
	}
	if (good)
	{
		breaker->good[cell]++;
		breaker->failures = 0;
	}
	else
	{
		breaker->bad[cell]++;
		breaker->failures++;
	}
}

/* Says whether a closed breaker has seen enough. */
static bool
is_failing(const RecoBreaker *breaker)
{
	int			good = 0;
	int			bad = 0;

	for (int i = 0; i < RECO_BREAKER_SECONDS; i++)
	{
		good += breaker->good[i];
		bad += breaker->bad[i];
	}
	if (breaker->failures >= RECO_BREAKER_FAILURES)
		return true;
	return good + bad >= RECO_BREAKER_LEAST && bad >= RECO_BREAKER_SHARE * (good + bad);
}
