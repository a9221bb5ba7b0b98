/*-------------------------------------------------------------------------
 *
 * breaker_test.c
 *	  Tests of the circuit breaker: each transition, and that it never gets stuck.
 *
 * Purpose: closed opens on failures in a row or on a share of them; open lets a
 *			probe through when its time has come; probes close it or open it
 *			again for twice as long.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	look at a real clock.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/gateway/breaker.c */
#include "gateway/breaker.h"

#include <string.h>

#include "tap.h"

#define SECOND	((int64_t) 1000 * 1000)

static RecoBreaker breaker;
static int64_t now;

static bool
allows(void)
{
	int64_t		until;

	return reco_breaker_allows(&breaker, now, &until);
}

/* One call that goes and ends. */
static void
call(bool good)
{
	reco_breaker_end(&breaker, reco_breaker_begin(&breaker), good, now, 0);
}

static void
fresh(void)
{
	memset(&breaker, 0, sizeof(breaker));
	now = 1007 * SECOND;
}

/* Opens it by failures. */
static void
break_it(void)
{
	fresh();
	for (int i = 0; i < RECO_BREAKER_FAILURES; i++)
		call(false);
}

static void
test_closed(void)
{
	fresh();
	ok(allows() && breaker.state == RECO_BREAKER_CLOSED, "zeros are a closed breaker");
	for (int i = 0; i < RECO_BREAKER_FAILURES - 1; i++)
		call(false);
	ok(allows(), "four failures do not open it");
	call(true);
	for (int i = 0; i < RECO_BREAKER_FAILURES - 1; i++)
		call(false);
	ok(allows(), "a success between them begins the count anew");
	call(false);
	ok(!allows() && breaker.state == RECO_BREAKER_OPEN, "five in a row open it");

	fresh();
	for (int i = 0; i < RECO_BREAKER_LEAST / 2 - 1; i++)
	{
		call(false);
		call(true);
	}
	ok(allows(), "half failed, of eight: too few to tell");
	call(true);
	call(false);
	ok(!allows(), "half failed, of ten: open");

	fresh();
	for (int i = 0; i < 300; i++)
	{
		call(i % 3 != 0);
		now += SECOND / 10;
	}
	ok(allows(), "a third failed: closed");

	fresh();
	for (int i = 0; i < 4; i++)
		call(false);
	now += (RECO_BREAKER_SECONDS + 1) * SECOND;
	for (int i = 0; i < 5; i++)
		call(true);
	call(false);
	call(true);
	for (int i = 0; i < 4; i++)
		call(false);
	ok(allows(), "failures of more than 20 s ago are forgotten");

	fresh();
	for (int i = 0; i < 200000; i++)
		call(i % 4 != 0);
	ok(allows(), "many calls a second do not overflow");
	for (int i = 0; i < 200000 && allows(); i++)
		call(i % 4 == 0);
	ok(!allows(), "and still open it");
}

static void
test_open(void)
{
	int64_t		until;
	uint32_t	before;

	fresh();
	before = reco_breaker_begin(&breaker);
	for (int i = 0; i < RECO_BREAKER_FAILURES; i++)
		call(false);
	ok(!reco_breaker_allows(&breaker, now, &until) && until == now + RECO_BREAKER_OPEN_US,
	   "open for two seconds at first, and says until when");
	reco_breaker_end(&breaker, before, true, now, 0);
	reco_breaker_end(&breaker, before, false, now + 1, 0);
	reco_breaker_end(&breaker, reco_breaker_begin(&breaker), false, now + 1, 0);
	ok(breaker.state == RECO_BREAKER_OPEN && breaker.until == until,
	   "calls from before tell nothing");
	now = until - 1;
	ok(!allows(), "open until then");
	now = until;
	ok(allows() && breaker.state == RECO_BREAKER_HALF_OPEN, "then half-open");
}

static void
test_half_open(void)
{
	int64_t		until;
	uint32_t	probe;

	break_it();
	now = breaker.until;
	ok(allows(), "a probe may go");
	ok(allows(), "asking takes nothing");
	probe = reco_breaker_begin(&breaker);
	ok(!reco_breaker_allows(&breaker, now, &until) && until > now && until < now + SECOND,
	   "a second one may not, but may ask again soon");
	reco_breaker_forget(&breaker, probe);
	ok(allows(), "a probe that tells nothing gives its place back");
	reco_breaker_forget(&breaker, probe);
	ok(breaker.probes == 0, "and not more than that");
	reco_breaker_end(&breaker, probe, false, now, 0);
	ok(breaker.state == RECO_BREAKER_HALF_OPEN && breaker.probes == 0,
	   "a probe ends once");
	call(true);
	ok(breaker.state == RECO_BREAKER_HALF_OPEN && allows(), "one good probe is not enough");
	call(true);
	ok(breaker.state == RECO_BREAKER_CLOSED && breaker.open_us == 0, "two close it");
	for (int i = 0; i < RECO_BREAKER_FAILURES; i++)
		call(false);
	ok(breaker.until == now + RECO_BREAKER_OPEN_US, "and all begins anew");
}

static void
test_doubling(void)
{
	int64_t		wanted = RECO_BREAKER_OPEN_US;
	bool		good = true;

	break_it();
	for (int i = 0; i < 10; i++)
	{
		good =
			good && breaker.state == RECO_BREAKER_OPEN && breaker.until == now + wanted;
		now = breaker.until;
		good = good && allows();
		/* a good probe before the bad one changes nothing */
		if (i % 2)
			call(true);
		call(false);
		wanted = wanted * 2 < RECO_BREAKER_MOST_US ? wanted * 2 : RECO_BREAKER_MOST_US;
	}
	ok(good, "a bad probe opens it for twice as long, up to a minute");

	break_it();
	breaker.state = RECO_BREAKER_CLOSED;
	breaker.open_us = 0;
	for (int i = 0; i < RECO_BREAKER_FAILURES; i++)
		reco_breaker_end(&breaker, breaker.epoch, false, now, 1);
	ok(breaker.until > now + RECO_BREAKER_OPEN_US &&
		   breaker.until < now + 2 * RECO_BREAKER_OPEN_US,
	   "jitter makes it a little longer");
	ok(breaker.open_us == RECO_BREAKER_OPEN_US, "which is not doubled");
}

/* Calls that began in another state than they end in. */
static void
test_epochs(void)
{
	int64_t		until;
	uint32_t	closed;
	uint32_t	open;
	uint32_t	probe;

	fresh();
	closed = reco_breaker_begin(&breaker);
	for (int i = 0; i < RECO_BREAKER_FAILURES; i++)
		call(false);
	open = reco_breaker_begin(&breaker);	/* whoever asks no leave */
	now = breaker.until;
	(void) allows();
	probe = reco_breaker_begin(&breaker);
	ok(closed != open && open != probe && closed != probe,
	   "the epoch moves when it opens, and when it turns half-open");
	reco_breaker_end(&breaker, closed, false, now, 0);
	reco_breaker_end(&breaker, open, false, now, 0);
	ok(breaker.state == RECO_BREAKER_HALF_OPEN && breaker.probes == 1,
	   "a failure from before is none of the probe");
	for (int i = 0; i < RECO_BREAKER_GOOD; i++)
	{
		reco_breaker_end(&breaker, closed, true, now, 0);
		reco_breaker_end(&breaker, open, true, now, 0);
	}
	ok(breaker.state == RECO_BREAKER_HALF_OPEN && breaker.probes_good == 0,
	   "a success from before does not close it");
	reco_breaker_forget(&breaker, closed);
	ok(!reco_breaker_allows(&breaker, now, &until),
	   "what is forgotten of before frees no place");
	reco_breaker_end(&breaker, probe, true, now, 0);
	call(true);
	for (int i = 0; i < RECO_BREAKER_FAILURES; i++)
		reco_breaker_end(&breaker, i % 2 ? closed : open, false, now, 0);
	ok(breaker.state == RECO_BREAKER_CLOSED && allows(),
	   "nor do failures from before open it again once it is closed");
	ok(reco_breaker_begin(&breaker) == probe, "closing does not move the epoch");
	for (int i = 0; i < RECO_BREAKER_FAILURES; i++)
		reco_breaker_end(&breaker, probe, false, now, 0);
	ok(breaker.state == RECO_BREAKER_OPEN, "so calls of then count");
}

/* Its process may die with a probe under way; the state lives on. */
static void
test_lost_probe(void)
{
	break_it();
	now = breaker.until;
	(void) allows();
	reco_breaker_begin(&breaker);
	now += RECO_BREAKER_MOST_US - 1;
	ok(!allows(), "a probe may take long");
	now += 1;
	ok(allows(), "but not for ever");
}

/* Whatever happens: never more probes than allowed, never closed for good. */
static void
test_random(void)
{
	int			wrong = 0;
	int			seen[3] = {0, 0, 0};
	uint32_t	epochs[8] = {0};	/* calls end in another order than they began */

	fresh();
	for (int i = 0; i < 200000; i++)
	{
		int64_t		until;
		bool		healthy = (i / 1000) % 2;

		now += (int64_t) (tap_draw() % (uint64_t) SECOND);
		if (reco_breaker_allows(&breaker, now, &until))
			epochs[tap_draw() % 8] = reco_breaker_begin(&breaker);
		else
			wrong += until <= now || until > now + 2 * RECO_BREAKER_MOST_US;
		wrong += breaker.probes < 0 || breaker.probes > RECO_BREAKER_PROBES;
		if (tap_draw() % 8 == 0)
			reco_breaker_forget(&breaker, epochs[tap_draw() % 8]);
		else if (tap_draw() % 4)
			reco_breaker_end(&breaker, epochs[tap_draw() % 8], healthy, now, tap_unit());
		seen[breaker.state]++;
	}
	ok(wrong == 0, "at random: probes stay in bounds, 'until' is ahead");
	ok(seen[0] > 10000 && seen[1] > 10000 && seen[2] > 100,
	   "at random: closed %d, open %d, half-open %d", seen[0], seen[1], seen[2]);
}

static void
test_names(void)
{
	ok(strcmp(reco_breaker_state_name(RECO_BREAKER_CLOSED), "closed") == 0 &&
		   strcmp(reco_breaker_state_name(RECO_BREAKER_OPEN), "open") == 0 &&
		   strcmp(reco_breaker_state_name(RECO_BREAKER_HALF_OPEN), "half-open") == 0 &&
		   reco_breaker_state_name((RecoBreakerState) 99) != NULL,
	   "states have names");
}

int
main(void)
{
	test_closed();
	test_open();
	test_half_open();
	test_doubling();
	test_epochs();
	test_lost_probe();
	test_random();
	test_names();
	return tap_done();
}
