/*-------------------------------------------------------------------------
 *
 * trip_learn.c
 *	  What a trip teaches about its lane.
 *
 * Purpose: tell limits, breaker and capabilities how a call went.
 * Runs in: the gateway.
 * Locks:	none.
 * Never:	blame a service for what is our own trouble.
 *
 *-------------------------------------------------------------------------
 */
#include "parts.h"

#include "breaker.h"
#include "shmem/limit_state.h"

#define DAY_US			((int64) 24 * 3600 * 1000 * 1000)
#define APP_REFUSED_US	((int64) 3600 * 1000 * 1000)
#define EXHAUSTED_US	((int64) 3600 * 1000 * 1000)	/* if it does not say */
#define LEAST_US		((int64) 1000 * 1000)	/* for "Retry-After: 0" */
#define SHORT_US		((int64) 1000 * 1000)	/* a cool-down that may be forgotten */
#define LEAST_ANSWERS	20		/* before their time is taken as usual */

static void learn(RecoTrip *trip, const RecoTransferResult *result,
				  const RecoSplit *split);

/* The deadlines of a lane as one number, which moves when one of them does. */
static int64
deadlines_of(const RecoLane *lane)
{
	int64		sum = lane->limit.quota_until;

	for (int i = 0; i < RECO_MAXENDPOINTS; i++)
		sum += lane->exhausted_until[i] + lane->refused_until[i];
	return sum;
}

/* Learns from how a call ended; what must outlive a crash is written at once. */
void
reco_trip_learn(RecoTrip *trip, const RecoTransferResult *result, const RecoSplit *split)
{
	RecoLane   *shared = trip->lane->shared;
	int64		before = deadlines_of(shared);
	int64		blocked = shared->limit.blocked_until;

	learn(trip, result, split);
	if (deadlines_of(shared) != before ||
		(shared->limit.blocked_until > blocked &&
		 shared->limit.blocked_until > reco_now_us() + SHORT_US))
		reco_limits_note();
}

/* Learns that an endpoint is closed, or has no quota. */
static void
learn_endpoint(const RecoTrip *trip, const RecoSplit *split, int64 now)
{
	RecoLane   *shared = trip->lane->shared;

	if (split->endpoint_refused)
	{
		shared->capabilities.refused |= 1u << trip->request.endpoint;
		shared->refused_until[trip->request.endpoint] = now + DAY_US;
	}
	if (split->endpoint_exhausted)
	{
		int64	   *until = &shared->exhausted_until[trip->request.endpoint];
		int64		said = split->retry_after_ms * 1000;

		*until = Max(*until, now + (said < 0 ? EXHAUSTED_US : Max(said, LEAST_US)));
	}
}

/* Learns about limits, the breaker, and what the app may do. */
static void
learn(RecoTrip *trip, const RecoTransferResult *result, const RecoSplit *split)
{
	RecoGatewayLane *lane = trip->lane;
	RecoLane   *shared = lane->shared;
	int64		now = reco_now_us();
	double		dice = reco_gateway_dice();
	int64		took = result->ended_at - result->started_at;
	bool slow = took > (int64) trip->question->wire.options.timeout_ms * 500;
	RecoOutcome outcome = split != NULL ? split->outcome
		: result->end == RECO_TRANSFER_TIMEOUT ? RECO_OUTCOME_TIMEOUT
											   : RECO_OUTCOME_UNAVAILABLE;

	/* what we are short of ourselves says nothing about the service */
	if (split == NULL && result->ours)
	{
		reco_breaker_forget(&shared->breaker, trip->epoch);
		return;
	}
	if (split == NULL || !split->endpoint_exhausted)
		reco_limiter_learn(&shared->limit, &lane->rules, outcome,
						   split == NULL || split->retry_after_ms < 0
							   ? -1
							   : split->retry_after_ms * 1000,
						   now, dice);
	switch (outcome)
	{
		case RECO_OUTCOME_LIMITED:
		case RECO_OUTCOME_QUOTA:
			reco_breaker_forget(&shared->breaker, trip->epoch);
			break;
		case RECO_OUTCOME_UNAVAILABLE:
		case RECO_OUTCOME_TIMEOUT:
			/* an address that may not be asked says nothing about the service */
			if (split == NULL && result->end == RECO_TRANSFER_FORBIDDEN_ADDRESS)
				reco_breaker_forget(&shared->breaker, trip->epoch);
			else
				reco_breaker_end(&shared->breaker, trip->epoch, false, now, dice);
			break;
		default:
			reco_breaker_end(&shared->breaker, trip->epoch, !slow, now, dice);
			break;
	}
	if (split == NULL)
		return;
	if (outcome == RECO_OUTCOME_FRESH)
		shared->app_refused_until = shared->unauthorised_until = 0;
	if (memcmp(&shared->capabilities, &split->capabilities, sizeof(RecoCapabilities)) !=
		0)
	{
		shared->capabilities = split->capabilities;
		if (shared->learned_at == 0)
			shared->learned_at = now;
	}
	learn_endpoint(trip, split, now);
	if (split->app_refused)
		shared->app_refused_until = now + APP_REFUSED_US;
}

/*
 * How long an answer may take before a call that nobody waits for any longer counts
 * as one that hangs: three times what nearly all answers take, a second at least;
 * as long as little is known, a tenth of the time-out. So a service that hangs is
 * found out however short its callers' patience is, and a slow one is not blamed.
 */
int64
reco_trip_patience(const RecoTrip *trip)
{
	const RecoHistogram *network = &trip->lane->shared->network;
	int64		timeout = (int64) trip->question->wire.options.timeout_ms * 1000;

	if (network->n < LEAST_ANSWERS)
		return Max((int64) 2000 * 1000, timeout / 10);
	return Min(timeout / 2,
			   Max((int64) 1000 * 1000,
				   (int64) (3 * reco_histogram_percentile(network, 0.95))));
}

/*
 * Is an endpoint closed by which a key was asked for, and opens what the key has learned
 * since then another one?
 */
bool
reco_trip_has_learned_way(const RecoTrip *trip, int key, const RecoSplit *split)
{
	const char *keys[1] = {trip->flights[key]->key};
	RecoCall	call = trip->call;
	RecoHttpRequest request;
	bool		other;

	if ((split->outcome != RECO_OUTCOME_DENIED && !split->endpoint_exhausted) ||
		strcmp(keys[0], trip->keys[key]) == 0)
		return false;
	call.keys = keys;
	call.nkeys = 1;
	if (!reco_service_build(&call, &request))
		return false;
	other = request.endpoint != trip->request.endpoint;
	reco_http_request_free(&request);
	return other;
}

/* Notes what went wrong with a lane. */
void
reco_lane_note_error(RecoGatewayLane *lane, const char *message)
{
	if (message == NULL || message[0] == '\0')
		return;
	strlcpy(lane->shared->last_error, message, sizeof(lane->shared->last_error));
	lane->shared->last_error_at = reco_now_us();
}
