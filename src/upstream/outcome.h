/*-------------------------------------------------------------------------
 *
 * outcome.h
 *	  How a question to a service can end.
 *
 * Purpose: one enum for all that can become of a key, from the socket to SQL.
 * Runs in: any process, and plain C programs (no server header).
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_OUTCOME_H
#define RECO_OUTCOME_H

#include <stdbool.h>

/* Order is the order of columns in statistics; names are in outcome.c. */
typedef enum RecoOutcome
{
	RECO_OUTCOME_FRESH = 0,		/* here it is */
	RECO_OUTCOME_ABSENT,		/* the service knows no such thing, and said so */
	RECO_OUTCOME_DENIED,		/* forbidden: app, listener, endpoint or address */
	RECO_OUTCOME_REJECTED,		/* the service calls the question wrong (400, 413) */
	RECO_OUTCOME_REFUSED,		/* a language model will not answer that */
	RECO_OUTCOME_LIMITED,		/* a short limit: ours, or the service's 429 */
	RECO_OUTCOME_QUOTA,			/* a limit of hours: ours for the day, or the service's */
	RECO_OUTCOME_UNAVAILABLE,	/* 5xx, no connection, breaker open, an HTML page */
	RECO_OUTCOME_TIMEOUT,		/* the deadline, or the upstream's time-out, came first */
	RECO_OUTCOME_MALFORMED,		/* an answer that cannot be read: cut, no JSON */
	RECO_OUTCOME_UNAUTHORISED,	/* the credential or token is refused */
	RECO_OUTCOME_CANCELLED,		/* nobody waits any longer */
	RECO_OUTCOME_BUSY,			/* no slot, memory or connection of ours is free */
	RECO_OUTCOME_LOST,			/* the gateway ended meanwhile; ask again */
	RECO_OUTCOME_UNCONFIGURED,	/* no server, no mapping or no gateway for this */
	RECO_NOUTCOMES
} RecoOutcome;

extern const char *reco_outcome_name(RecoOutcome outcome);

/* Is it worth asking the same again, soon? */
extern bool reco_outcome_is_retryable(RecoOutcome outcome);

#endif							/* RECO_OUTCOME_H */
