/*-------------------------------------------------------------------------
 *
 * trip.c
 *	  One HTTP request: which keys go, and what becomes of them.
 *
 * Purpose: gather flights that fit into one call, build and send it, read the
 *			answer, learn from it; then end each flight or queue it again.
 * Runs in: the gateway.
 * Locks:	none.
 * Never:	repeat what may not be repeated, beyond a deadline or the budget.
 *
 *-------------------------------------------------------------------------
 */
#include "parts.h"

#include "breaker.h"
#include "upstream/message.h"

#define MOST_WAYS		4		/* times a call is built anew as capabilities change */
#define KEY_REFUSED_US	((int64) 60 * 1000 * 1000)

/* What to do with the flights of a trip that failed. */
typedef struct Failure
{
	RecoOutcome outcome;
	bool		retry;			/* after a pause, within the budget */
	int			most_retries;
	int64		retry_at;		/* to be told; 0 = not known */
	const char *message;
} Failure;

static RecoTrip *make(RecoGatewayLane *lane, RecoFlight *first);
static int gather(RecoGatewayLane *lane, RecoFlight *first, RecoFlight **flights,
				  int most);
static void say_why_not(const RecoTrip *trip, Failure *failure);
static void send_off(RecoTrip *trip, const char *secret, int64 now);
static void ended(void *owner, RecoTransferResult *result);
static void read_answer(RecoTrip *trip, const RecoTransferResult *result);
static void take_answers(RecoTrip *trip, const RecoSplit *split);
static void fail(RecoTrip *trip, const Failure *failure);
static void deny(RecoTrip *trip, const char *reason);
static void fail_as_said(RecoTrip *trip, const RecoSplit *split);
static void fail_below_http(RecoTrip *trip, const RecoTransferResult *result);
static void abandon(RecoTrip *trip, int64 now);
static void give_back(RecoTrip *trip);

/* Sends a flight, and others that fit into the same call. */
void
reco_trip_begin(RecoGatewayLane *lane, RecoFlight *first, int64 now)
{
	RecoTrip   *trip = make(lane, first);
	RecoTokenAnswer token = {0};
	Failure		failure = {RECO_OUTCOME_BUSY, .message = "the gateway is out of memory"};

	if (trip == NULL)
	{
		reco_flight_end(first, failure.outcome, NULL, 0, 0, failure.message);
		return;
	}
	if (!reco_service_build(&trip->call, &trip->request))
	{
		say_why_not(trip, &failure);
		fail(trip, &failure);
		give_back(trip);
		return;
	}
	switch (reco_token_acquire(lane, trip->request.auth, trip->question, now, &token))
	{
		case RECO_TOKEN_READY:
			trip->holder = token.holder;
			if (trip->holder != NULL)
			{
				trip->holder->trips++;
				trip->token_serial = trip->holder->serial;
			}

			/* a model of one's own may need no key */
			if (token.secret == NULL && trip->request.auth == RECO_AUTH_BEARER_KEY)
				trip->request.auth = RECO_AUTH_NONE;
			send_off(trip, token.secret, now);
			return;
		case RECO_TOKEN_PENDING:
			for (int i = 0; i < trip->call.nkeys; i++)
				if (trip->flights[i] != NULL)
					reco_flight_park(trip->flights[i], token.holder);
			break;
		case RECO_TOKEN_FAILED:
			failure.outcome = token.outcome;
			failure.message = token.message;
			failure.retry_at = token.retry_at;
			fail(trip, &failure);
			break;
	}
	give_back(trip);
}

/* Says why no request can be built: for want of quota only, or in any case. */
static void
say_why_not(const RecoTrip *trip, Failure *failure)
{
	RecoCapabilities capabilities = *trip->call.capabilities;
	RecoCall	call = trip->call;
	RecoHttpRequest request;

	failure->outcome = RECO_OUTCOME_DENIED;
	failure->message = "no endpoint that could answer this is open to the app";
	if (capabilities.exhausted == 0)
		return;
	capabilities.exhausted = 0;
	call.capabilities = &capabilities;
	if (!reco_service_build(&call, &request))
		return;
	failure->outcome = RECO_OUTCOME_QUOTA;
	failure->message = "the quota of the endpoint is used up";
	failure->retry_at = trip->lane->shared->exhausted_until[request.endpoint];
	reco_http_request_free(&request);
}

/* Makes a trip of a flight and of those that may share its call. */
static RecoTrip *
make(RecoGatewayLane *lane, RecoFlight *first)
{
	RecoTrip   *trip = calloc(1, sizeof(RecoTrip));
	RecoQuestion *question =
		dlist_container(RecoWaiter, node, dlist_head_node(&first->waiters))->question;
	const RecoOptions *options = &question->wire.options;
	int			most = !first->batching
		? 1
		: reco_service_batch_max(options->service, first->operation, options,
								 &lane->shared->capabilities);

	most = Max(1, Min(most, RECO_WIRE_MAXKEYS));
	if (trip == NULL)
		return NULL;
	trip->flights = calloc(most, sizeof(RecoFlight *));
	trip->keys = calloc(most, sizeof(char *));
	if (trip->flights == NULL || trip->keys == NULL)
	{
		free(trip->flights);
		free(trip->keys);
		free(trip);
		return NULL;
	}
	trip->lane = lane;
	trip->question = question;
	question->refs++;
	trip->call.operation = first->operation;
	trip->call.options = options;
	trip->call.capabilities = &lane->shared->capabilities;
	trip->call.keys = trip->keys;
	trip->call.nkeys = gather(lane, first, trip->flights, most);
	for (int i = 0; i < trip->call.nkeys; i++)
	{
		RecoFlight *flight = trip->flights[i];

		trip->keys[i] = strdup(flight->key);
		reco_flight_move(flight, RECO_FLIGHT_ON_TRIP);
		flight->trip = trip;
	}
	for (int i = 0; i < trip->call.nkeys; i++)
		if (trip->keys[i] == NULL)
		{
			/* all that was taken goes but the first, which the caller ends */
			for (int k = 0; k < trip->call.nkeys; k++)
				if (trip->flights[k] != first)
					reco_flight_queue(trip->flights[k], 1);
			reco_flight_move(first, RECO_FLIGHT_NOWHERE);
			first->trip = NULL;
			give_back(trip);
			return NULL;
		}
	return trip;
}

/* Takes a flight and up to 'most' in all out of the queue; no key twice. */
static int
gather(RecoGatewayLane *lane, RecoFlight *first, RecoFlight **flights, int most)
{
	int			n = 0;

	reco_flight_unqueue(first);
	flights[n++] = first;
	for (int class = 0; class < RECO_NPRIORITIES && n < most; class ++)
	{
		RecoHeap   *heap = &lane->heaps[class][first->operation];

		/* the root each time: the earliest deadlines go first */
		while (n < most && heap->n > 0)
		{
			RecoFlight *flight = heap->flights[0];
			bool		twin = !flight->batching || flight->variant != first->variant;

			/* the same key of another database must not stand in one request twice */
			for (int i = 0; i < n && !twin; i++)
				twin = strcmp(flights[i]->key, flight->key) == 0;
			if (twin)
				break;
			reco_flight_unqueue(flight);
			flights[n++] = flight;
		}
	}
	return n;
}

/* Sends the request. */
static void
send_off(RecoTrip *trip, const char *secret, int64 now)
{
	RecoGatewayLane *lane = trip->lane;
	RecoLane   *shared = lane->shared;

	trip->started_at = now;
	trip->transfer =
		reco_transfer_start(&trip->request, &trip->question->wire.options, secret,
							(int64) trip->question->wire.options.timeout_ms * 1000,
							lane->index, ended, trip);
	if (trip->transfer == NULL)
	{
		Failure		failure = {
			RECO_OUTCOME_BUSY,
			.message = "the request could not be started: no memory, or a secret that "
			"cannot be sent"
		};

		fail(trip, &failure);
		give_back(trip);
		return;
	}
	dlist_push_tail(&lane->trips, &trip->node);
	shared->sent_at = now;
	reco_limiter_take(&shared->limit, &lane->rules, now);
	trip->epoch = reco_breaker_begin(&shared->breaker);
	reco_retry_count_call(&lane->budget, now);
	shared->in_flight = ++lane->in_flight;
	shared->counters[RECO_LANE_CALLS]++;
	shared->counters[RECO_LANE_KEYS] += trip->call.nkeys;
	for (int i = 0; i < trip->call.nkeys; i++)
		reco_histogram_add(&shared->queue, now - trip->flights[i]->asked_at);
	trip->number = reco_trip_number();
	trip->sends = 1;
	reco_trip_tell(trip);
}

/* A flight left. */
void
reco_trip_leave(RecoTrip *trip, RecoFlight *flight)
{
	int			left = 0;

	for (int i = 0; i < trip->call.nkeys; i++)
	{
		if (trip->flights[i] == flight)
			trip->flights[i] = NULL;
		left += trip->flights[i] != NULL;
	}
	reco_flight_move(flight, RECO_FLIGHT_NOWHERE);
	flight->trip = NULL;
	if (left == 0)
		abandon(trip, reco_now_us());
}

/* Does anybody wait for anything that a trip brings? */
static bool
is_awaited(const RecoTrip *trip)
{
	for (int i = 0; i < trip->call.nkeys; i++)
		if (trip->flights[i] != NULL && !dlist_is_empty(&trip->flights[i]->waiters))
			return true;
	return false;
}

/* Ends trips that nobody has waited for for too long. */
int64
reco_trips_end_orphans(RecoGatewayLane *lane, int64 now)
{
	int64		next = PG_INT64_MAX;
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &lane->trips)
	{
		RecoTrip   *trip = dlist_container(RecoTrip, node, iter.cur);
		int64		until = trip->started_at + reco_trip_patience(trip);

		if (is_awaited(trip))
			continue;
		if (now < until)
		{
			next = Min(next, until);
			continue;
		}
		for (int i = 0; i < trip->call.nkeys; i++)
		{
			RecoFlight *flight = trip->flights[i];

			trip->flights[i] = NULL;
			if (flight != NULL)
				reco_flight_end(flight, RECO_OUTCOME_CANCELLED, NULL, 0, 0, NULL);
		}
		abandon(trip, now);
	}
	return next;
}

/* Ends a trip that nobody waits for any longer. */
static void
abandon(RecoTrip *trip, int64 now)
{
	RecoGatewayLane *lane = trip->lane;

	dlist_delete(&trip->node);
	reco_transfer_abort(trip->transfer);
	trip->transfer = NULL;
	lane->shared->in_flight = --lane->in_flight;
	if (now - trip->started_at >= reco_trip_patience(trip))
	{
		reco_breaker_end(&lane->shared->breaker, trip->epoch, false, now,
						 reco_gateway_dice());
		reco_limiter_learn(&lane->shared->limit, &lane->rules, RECO_OUTCOME_TIMEOUT, -1,
						   now, reco_gateway_dice());
	}
	else
		reco_breaker_forget(&lane->shared->breaker, trip->epoch);
	give_back(trip);
}

/* The transfer ended. */
static void
ended(void *owner, RecoTransferResult *result)
{
	RecoTrip   *trip = owner;
	RecoGatewayLane *lane = trip->lane;
	RecoLane   *shared = lane->shared;

	dlist_delete(&trip->node);
	shared->in_flight = --lane->in_flight;
	trip->answered_at = result->ended_at;
	trip->sends = Max(1, result->sends);

	/* libcurl may have sent a request again whose connection had died */
	for (int i = 1; i < result->sends; i++)
	{
		reco_limiter_take(&shared->limit, &lane->rules, reco_now_us());
		shared->counters[RECO_LANE_CALLS]++;
	}
	shared->counters[RECO_LANE_BYTES_SENT] += result->bytes_sent;
	shared->counters[RECO_LANE_BYTES_RECEIVED] += result->bytes_received;
	shared->counters[result->new_connection ? RECO_LANE_OPENED : RECO_LANE_REUSED]++;
	reco_histogram_add(&shared->network, result->ended_at - result->started_at);
	shared->last_status =
		result->end == RECO_TRANSFER_ANSWERED ? result->response.status : 0;
	if (result->response.date > 0)
	{
		shared->clock_skew_s = result->response.date - (int64) time(NULL);
		shared->clock_seen = true;
	}
	if (result->end == RECO_TRANSFER_ANSWERED)
		read_answer(trip, result);
	else
	{
		reco_trip_learn(trip, result, NULL);
		reco_trip_tell(trip);
		fail_below_http(trip, result);
	}
	reco_transfer_free(trip->transfer);
	trip->transfer = NULL;
	give_back(trip);
}

/* Reads what the service answered. */
static void
read_answer(RecoTrip *trip, const RecoTransferResult *result)
{
	RecoSplit	split;

	memset(&split, 0, sizeof(split));
	split.retry_after_ms = -1;
	split.capabilities = trip->lane->shared->capabilities;
	reco_service_split(&trip->call, &trip->request, &result->response, &split);
	reco_question_hide(trip->question, split.message);
	reco_message_hide(split.message, trip->holder != NULL ? trip->holder->access : NULL);
	reco_trip_learn(trip, result, &split);
	reco_trip_tell(trip);
	if (split.outcome == RECO_OUTCOME_FRESH && split.answers != NULL)
		take_answers(trip, &split);
	else
		fail_as_said(trip, &split);
	reco_split_free(&split);
}

/* Ends each flight with its own answer. */
static void
take_answers(RecoTrip *trip, const RecoSplit *split)
{
	for (int i = 0; i < trip->call.nkeys; i++)
	{
		RecoFlight *flight = trip->flights[i];
		const RecoKeyAnswer *answer = &split->answers[i];

		if (flight == NULL)
			continue;
		trip->flights[i] = NULL;
		reco_flight_move(flight, RECO_FLIGHT_NOWHERE);
		if (i < split->nanswers)
			reco_flight_keep(flight, answer->outcome, answer->value, answer->value_len);
		if (i < split->nanswers)
			reco_flight_end(flight, answer->outcome, answer->value, answer->value_len, 0,
							NULL);
		else
			reco_flight_end(flight, RECO_OUTCOME_MALFORMED, NULL, 0, 0,
							"the answer says nothing about the key");
	}
}

/* Until when a limit or a quota holds, as was learned; 0 = it is neither. */
static int64
retry_at(const RecoTrip *trip, const RecoSplit *split)
{
	const RecoLane *shared = trip->lane->shared;

	if (split->outcome == RECO_OUTCOME_LIMITED)
		return shared->limit.blocked_until;
	if (split->outcome != RECO_OUTCOME_QUOTA)
		return 0;
	return split->endpoint_exhausted ? shared->exhausted_until[trip->request.endpoint]
									 : shared->limit.quota_until;
}

/* Remembers that what the flights ask for is refused for good. */
static void
deny(RecoTrip *trip, const char *reason)
{
	for (int i = 0; i < trip->call.nkeys; i++)
		if (trip->flights[i] != NULL)
			reco_flight_deny(trip->flights[i], reason);
}

/* Fails, or repeats, as the service's answer asks for. */
static void
fail_as_said(RecoTrip *trip, const RecoSplit *split)
{
	RecoGatewayLane *lane = trip->lane;
	RecoLane   *shared = lane->shared;
	int64		now = reco_now_us();
	Failure		failure = {.outcome = split->outcome, .message = split->message};
	int			nrefused = 0;

	if (split->outcome == RECO_OUTCOME_FRESH)
		failure.outcome = RECO_OUTCOME_MALFORMED;
	failure.retry = split->retry || split->truncated;
	/* what cannot be read once is seldom read better */
	failure.most_retries = split->outcome == RECO_OUTCOME_MALFORMED ? 1 : RECO_RETRY_MOST;
	reco_lane_note_error(lane, split->message);
	if (split->permanent)
	{
		failure.retry_at = RECO_WIRE_NEVER;
		deny(trip, split->message);
	}
	else
		failure.retry_at = retry_at(trip, split);
	if (split->outcome == RECO_OUTCOME_UNAUTHORISED && !split->token_expired &&
		(trip->request.auth == RECO_AUTH_BEARER_KEY ||
		 trip->request.auth == RECO_AUTH_GOOGLE_KEY))
		shared->unauthorised_until = now + KEY_REFUSED_US;

	for (int i = 0; i < trip->call.nkeys; i++)
	{
		RecoFlight *flight = trip->flights[i];
		bool		again = false;

		if (flight == NULL || dlist_is_empty(&flight->waiters))
			continue;
		if (split->token_expired && trip->holder != NULL && !flight->refreshed)
			again = flight->refreshed = true;
		else if (split->token_expired && trip->holder != NULL)
			nrefused++;
		else if (flight->ways < MOST_WAYS &&
				 (split->other_way || reco_trip_has_learned_way(trip, i, split)))
			again = ++flight->ways > 0;
		else if (split->outcome == RECO_OUTCOME_LIMITED && !flight->limited &&
				 flight->deadline > failure.retry_at)
			again = flight->limited = true;
		if (again)
		{
			trip->flights[i] = NULL;
			reco_flight_queue(flight, 0);
		}
	}
	if (split->token_expired && trip->holder != NULL)
	{
		/* a new token that is refused as well: something else is wrong */
		if (nrefused > 0 && trip->holder->user_id == NULL &&
			trip->token_serial == trip->holder->serial)
			shared->unauthorised_until = now + KEY_REFUSED_US;
		reco_token_refused(trip->holder, trip->token_serial);
	}
	fail(trip, &failure);
}

/* Fails, or repeats, where there is no answer. */
static void
fail_below_http(RecoTrip *trip, const RecoTransferResult *result)
{
	Failure		failure = {
		.outcome = RECO_OUTCOME_UNAVAILABLE,
		.retry = result->repeatable,
		.most_retries = RECO_RETRY_MOST,
		.message = result->message
	};

	switch (result->end)
	{
		case RECO_TRANSFER_TIMEOUT:
			failure.outcome = RECO_OUTCOME_TIMEOUT;
			break;
		case RECO_TRANSFER_FORBIDDEN_ADDRESS:
			failure.outcome = RECO_OUTCOME_DENIED;
			failure.retry = false;
			break;
		case RECO_TRANSFER_BAD_CERTIFICATE:
			failure.retry = false;
			break;
		case RECO_TRANSFER_TOO_LARGE:
			failure.outcome = RECO_OUTCOME_MALFORMED;
			failure.retry = false;
			break;
		case RECO_TRANSFER_NO_CONNECTION:
		case RECO_TRANSFER_FAILED:
		case RECO_TRANSFER_ANSWERED:
			break;
	}
	reco_lane_note_error(trip->lane, result->message);
	fail(trip, &failure);
}

/* Ends the flights that are left on a trip, or queues them for a retry. */
static void
fail(RecoTrip *trip, const Failure *failure)
{
	RecoGatewayLane *lane = trip->lane;
	int64		now = reco_now_us();
	int			retries = 0;
	int64		pause = 0;
	int64		latest = 0;
	bool		allowed;

	for (int i = 0; i < trip->call.nkeys; i++)
		if (trip->flights[i] != NULL)
		{
			retries = Max(retries, trip->flights[i]->retries);
			latest = Max(latest, trip->flights[i]->deadline);
		}
	allowed = failure->retry && retries < failure->most_retries;
	if (allowed)
	{
		pause = reco_retry_pause_us(retries + 1, reco_gateway_dice());
		allowed = latest > now + pause && reco_retry_allow(&lane->budget, now);
	}
	if (allowed)
		lane->shared->counters[RECO_LANE_RETRIES]++;
	for (int i = 0; i < trip->call.nkeys; i++)
	{
		RecoFlight *flight = trip->flights[i];

		if (flight == NULL)
			continue;
		trip->flights[i] = NULL;
		if (allowed && now + pause < flight->deadline &&
			!dlist_is_empty(&flight->waiters))
		{
			flight->retries = retries + 1;
			reco_flight_queue(flight, pause);
		}
		else
		{
			reco_flight_move(flight, RECO_FLIGHT_NOWHERE);
			reco_flight_end(flight, failure->outcome, NULL, 0, failure->retry_at,
							failure->message);
		}
	}
}

/* Frees a trip that has no transfer under way. */
static void
give_back(RecoTrip *trip)
{
	reco_http_request_free(&trip->request);
	for (int i = 0; i < trip->call.nkeys; i++)
		free((char *) trip->keys[i]);
	free(trip->keys);
	free(trip->flights);
	if (trip->holder != NULL)
		trip->holder->trips--;
	reco_question_release(trip->question);
	free(trip);
}
