/*-------------------------------------------------------------------------
 *
 * lane.h
 *	  What is remembered of each upstream: limits, breakers, figures.
 *
 * Purpose: the state of a lane that must outlive the gateway's process; the
 *			functions that work on limits and breakers are the gateway's.
 * Runs in: written by the gateway; read by any backend.
 * Locks:	'lanes' of shared.h: exclusive to claim or name a lane, shared to read
 *			names. Numbers have one writer, the gateway, and are read unlocked.
 * Never:	hold a pointer, a descriptor or a secret.
 *
 * All times are monotonic microseconds (reco_now_us), 0 = never.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_LANE_H
#define RECO_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "histogram.h"
#include "upstream/service.h"

/*
 * Sends of the last window, in slices: the current one and as many before it as
 * cover a whole window.
 */
#define RECO_LIMIT_SLICES	65
#define RECO_LIMIT_HOURS	25

typedef struct RecoLimit
{
	bool		ready;			/* has been set up */
	double		tokens;
	int64_t		refilled_at;
	int64_t		not_before;		/* after a crash: no send before a full window went by */
	int64_t		slice;			/* number of the newest slice */
	int64_t		slice_us;		/* length of one */
	uint32_t	sends[RECO_LIMIT_SLICES];	/* by slice number modulo */
	int64_t		hour;			/* number of the newest hour */
	uint32_t	hours[RECO_LIMIT_HOURS];	/* by hour modulo, for the daily quota */
	int64_t		blocked_until;	/* the service said so, or we guess: 429 */
	int64_t		quota_until;	/* the service's quota is used up */
	int			strikes;		/* limited answers in a row without a time */
	int			quota_strikes;	/* quota answers in a row without a time */
	double		concurrency;	/* how many at once, as learned */
	int64_t		halved_at;		/* when concurrency was last halved */
} RecoLimit;

typedef enum RecoBreakerState
{
	RECO_BREAKER_CLOSED = 0,
	RECO_BREAKER_OPEN,
	RECO_BREAKER_HALF_OPEN
} RecoBreakerState;

#define RECO_BREAKER_SECONDS	20

typedef struct RecoBreaker
{
	RecoBreakerState state;
	uint32_t	epoch;			/* moves when it opens and when it turns half-open */
	int64_t		until;			/* open: when probes may go */
	int64_t		open_us;		/* how long it was opened for last; doubles */
	int			probes;			/* half-open: under way */
	int			probes_good;	/* half-open: successes in a row */
	int			failures;		/* closed: in a row */
	int64_t		second;			/* number of the newest second below */
	uint16_t	good[RECO_BREAKER_SECONDS];
	uint16_t	bad[RECO_BREAKER_SECONDS];	/* failed, or slow */
} RecoBreaker;

/* Counters of a lane. Columns of reco_stat_upstream. */
typedef enum RecoLaneCounter
{
	RECO_LANE_CALLS = 0,		/* HTTP requests sent, token requests not among them */
	RECO_LANE_KEYS,				/* keys in them */
	RECO_LANE_QUESTIONS,		/* keys asked for by sessions */
	RECO_LANE_RETRIES,
	RECO_LANE_COALESCED,		/* keys that joined another's flight */
	RECO_LANE_EXPIRED,			/* keys dropped unsent at their deadline */
	RECO_LANE_TOKENS,			/* token requests sent */
	RECO_LANE_BYTES_SENT,
	RECO_LANE_BYTES_RECEIVED,
	RECO_LANE_OPENED,			/* connections */
	RECO_LANE_REUSED,			/* calls on a connection that was there */
	RECO_LANE_NCOUNTERS
} RecoLaneCounter;

typedef struct RecoLane
{
	bool		used;
	uint64_t	key;			/* of (service, base_url, credential) */
	uint64_t	fingerprint;	/* of the credential */
	RecoService service;
	char		server[64];		/* who named it first */
	char		base_url[256];
	int64_t		seen_at;		/* last question */
	int64_t		sent_at;		/* last call; 0 = none yet */
	int64_t		keep_until;		/* the day's count is of use until then */
	uint64_t	limits_version; /* of limit_state.h, as was taken; 0 = nothing yet */
	bool		count_taken;	/* of it, the day's count */

	RecoLimit	limit;
	RecoBreaker breaker;
	int64_t		refused_until[RECO_MAXENDPOINTS];	/* by endpoint, for a day */
	int64_t		exhausted_until[RECO_MAXENDPOINTS]; /* likewise, its quota */
	RecoCapabilities capabilities;
	int64_t		learned_at;		/* the capabilities: learned anew after a day */
	int64_t		app_refused_until;
	int64_t		unauthorised_until;
	int			unpromised;		/* listeners' tokens that found no room in promise.h */

	/* figures */
	uint64_t	counters[RECO_LANE_NCOUNTERS];
	uint64_t	outcomes[RECO_NOUTCOMES];	/* of keys, as told to sessions */
	RecoHistogram queue;		/* from the question to the send */
	RecoHistogram network;		/* from the send to the answer */
	RecoHistogram total;		/* from the question to its end */
	int			queued;			/* now */
	int			in_flight;		/* calls now */
	int			connections;	/* open now */
	int64_t		clock_skew_s;	/* the service's clock less ours, as last seen */
	bool		clock_seen;
	int			last_status;	/* HTTP, 0 = none yet or no answer */
	char		last_error[RECO_MESSAGE_SIZE];	/* printable, no secret */
	int64_t		last_error_at;
} RecoLane;

#endif							/* RECO_LANE_H */
