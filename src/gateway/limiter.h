/*-------------------------------------------------------------------------
 *
 * limiter.h
 *	  How often and how many at once: token bucket, window, quota, concurrency.
 *
 * Purpose: decide whether a call may go now, and if not, when to ask again; learn
 *			from what the service says.
 * Runs in: the gateway, and plain C programs (no server header).
 * Locks:	none: the gateway is the only writer of a lane's limits.
 * Never:	sleep: every limit is a time.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_LIMITER_H
#define RECO_LIMITER_H

#include "shmem/lane.h"

/* What a lane may do, after the strictest of all who name it. */
typedef struct RecoLimitRules
{
	int			rate_count;		/* 0 = no limit known */
	int64_t		rate_window_us;
	int			burst;			/* 0 = rate_count/6, at least 1 */
	int			max_concurrency;
	int			daily_quota;	/* 0 = no limit known */
} RecoLimitRules;

/* The burst that the rules come to: 1 .. rate_count. */
extern int	reco_limiter_burst(const RecoLimitRules *rules);

/*
 * Sets a fresh limit up. The bucket starts full; after a crash it starts empty, and
 * nothing goes before a full window (rules) has gone by since 'made_at'.
 */
extern void reco_limiter_start(RecoLimit *limit, const RecoLimitRules *rules, int64_t now,
							   bool after_crash, int64_t made_at);

typedef enum RecoLimitVerdict
{
	RECO_LIMIT_GO = 0,
	RECO_LIMIT_WAIT,			/* a moment: bucket, window, or 429; see 'until' */
	RECO_LIMIT_FULL,			/* concurrency: until a call ends */
	RECO_LIMIT_QUOTA			/* for hours; see 'until' */
} RecoLimitVerdict;

/*
 * May a call go at 'now', with 'in_flight' under way? Takes nothing. Background
 * calls never take the last third of burst, window, concurrency and quota, nor of an
 * hour's part of that (upstream/budget.h).
 */
extern RecoLimitVerdict reco_limiter_ask(RecoLimit *limit, const RecoLimitRules *rules,
										 int64_t now, int in_flight, bool background,
										 int64_t *until);

/* Takes what one call costs. */
extern void reco_limiter_take(RecoLimit *limit, const RecoLimitRules *rules, int64_t now);

/*
 * What an answer taught: limited (halves the concurrency, blocks until Retry-After,
 * or a guess: 5 s and 30 s with 'jitter' of 0..1), quota, time-out (halves), else a
 * success, which lets the concurrency grow slowly. Times only move forward.
 */
extern void reco_limiter_learn(RecoLimit *limit, const RecoLimitRules *rules,
							   RecoOutcome outcome, int64_t retry_after_us, int64_t now,
							   double jitter);

#endif							/* RECO_LIMITER_H */
