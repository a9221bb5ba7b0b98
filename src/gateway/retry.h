/*-------------------------------------------------------------------------
 *
 * retry.h
 *	  When to ask again, and whether that may be.
 *
 * Purpose: full jitter between attempts, and a budget: retries are at most a
 *			tenth of the calls of the last minute, a small floor apart.
 * Runs in: the gateway, and plain C programs (no server header).
 * Locks:	none.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_RETRY_H
#define RECO_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#define RECO_RETRY_MOST		2	/* tries beyond the first */
#define RECO_RETRY_FLOOR	3	/* retries a minute that are always allowed */
#define RECO_RETRY_SHARE	0.1
#define RECO_RETRY_SECONDS	60

typedef struct RecoRetryBudget
{
	int64_t		second;			/* number of the newest second */
	uint32_t	calls[RECO_RETRY_SECONDS];
	uint32_t	retries[RECO_RETRY_SECONDS];
} RecoRetryBudget;

extern void reco_retry_count_call(RecoRetryBudget *budget, int64_t now_us);

/* May there be one more retry? Counts it if so. */
extern bool reco_retry_allow(RecoRetryBudget *budget, int64_t now_us);

/* The pause before the n-th retry (1, 2, ...) in us: uniform in 0 .. min(8 s,
 * 0.25 s * 2^(n-1)), at least 1 ms; 'dice' is 0..1. */
extern int64_t reco_retry_pause_us(int n, double dice);

#endif							/* RECO_RETRY_H */
