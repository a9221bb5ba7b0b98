/*-------------------------------------------------------------------------
 *
 * breaker.h
 *	  The circuit breaker: closed, open, half-open with probes.
 *
 * Purpose: stop asking what is known to fail, and find out when it works again.
 * Runs in: the gateway, and plain C programs (no server header).
 * Locks:	none: the gateway is the only writer.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_BREAKER_H
#define RECO_BREAKER_H

#include "shmem/lane.h"

#define RECO_BREAKER_FAILURES	5	/* in a row open it */
#define RECO_BREAKER_LEAST		10	/* so many in the window before a share counts */
#define RECO_BREAKER_SHARE		0.5 /* of the window failed or slow */
#define RECO_BREAKER_OPEN_US	((int64_t) 2 * 1000 * 1000)	/* at first; doubles ... */
#define RECO_BREAKER_MOST_US	((int64_t) 60 * 1000 * 1000)	/* ... up to this */
#define RECO_BREAKER_PROBES		1	/* at once */
#define RECO_BREAKER_GOOD		2	/* probes in a row close it */

/* May a call go? Turns open into half-open when its time has come. 'until': when to
 * ask again, where it may not. */
extern bool reco_breaker_allows(RecoBreaker *breaker, int64_t now, int64_t *until);

/* A call goes (in half-open: it is a probe). Returns the epoch, for its end: a call from
 * before the breaker opened, or turned half-open, then tells nothing. */
extern uint32_t reco_breaker_begin(RecoBreaker *breaker);

/* A call ended: well, or failed or was slow. 'jitter' is 0..1. */
extern void reco_breaker_end(RecoBreaker *breaker, uint32_t epoch, bool good, int64_t now,
							 double jitter);

/* A call ended without telling anything (cancelled, 4xx): a probe's place is free. */
extern void reco_breaker_forget(RecoBreaker *breaker, uint32_t epoch);

extern const char *reco_breaker_state_name(RecoBreakerState state);

#endif							/* RECO_BREAKER_H */
