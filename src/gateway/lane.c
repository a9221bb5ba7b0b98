/*-------------------------------------------------------------------------
 *
 * lane.c
 *	  The queue of one upstream: who goes next, and whether now.
 *
 * Purpose: keep flights by class and deadline, ask limits and breaker before each
 *			send, answer at once what cannot go in time.
 * Runs in: the gateway.
 * Locks:	'lanes' of shared.h when a lane is claimed.
 * Never:	let one lane wait for another.
 *
 *-------------------------------------------------------------------------
 */
#include "parts.h"

#include <math.h>

#include "breaker.h"
#include "shmem/limit_state.h"

#define HOLD_US		((int64) 3000)	/* a key waits so long for others to share its call */
#define DAY_US		((int64) 24 * 3600 * 1000 * 1000)
#define FORGET_US	((int64) 600 * 1000 * 1000) /* after that, a namer counts no more */

/* What became of the attempt to send a flight. */
typedef enum Step
{
	STEP_NEXT = 0,				/* it went, or was answered: look at the next */
	STEP_WAIT,					/* not before 'until', for others to join */
	STEP_LIMITED,				/* ... for a limit */
	STEP_BUSY,					/* not before a call ends, for a limit */
	STEP_FULL					/* ... for there is no room */
} Step;

static void set_up(RecoGatewayLane *lane, const RecoQuestion *question);
static void name(RecoGatewayLane *lane, const RecoQuestion *question, int64 now);
static void take_strictest(RecoLimitRules *rules, const RecoLimitRules *other);
static void learn_anew(RecoLane *shared, int64 now);
static void release_delayed(RecoGatewayLane *lane, int64 now, int64 *next);
static void note_held(RecoGatewayLane *lane, RecoPriority priority, bool held, int64 now);
static bool is_answered(RecoGatewayLane *lane, RecoFlight *flight, int64 now);
static Step send_if_allowed(RecoGatewayLane *lane, RecoFlight *flight, int64 now,
							int64 *until);
static bool holds_back(RecoGatewayLane *lane, RecoFlight *flight, int64 now,
					   int64 *until);

/* Finds or makes the lane of a question. */
RecoGatewayLane *
reco_lane_of(const RecoQuestion *question)
{
	const RecoWireRequest *wire = &question->wire;
	RecoGatewayLane *lane;
	int64		now = reco_now_us();
	int			index;

	index = reco_lane_claim(wire->lane_key, wire->options.service, wire->server,
							wire->options.base_url, wire->fingerprint);
	if (index < 0)
		return NULL;
	lane = &reco_gateway_lanes[index];
	if (lane->key != wire->lane_key)
	{
		/* a lane that gave way has nothing under way, but may hold tokens */
		if (lane->key != 0)
			reco_token_forget(lane);
		lane->index = index;
		lane->shared = &reco_lanes[index];
		set_up(lane, question);
	}
	name(lane, question, now);
	learn_anew(lane->shared, now);
	if (!lane->shared->limit.ready)
		reco_limiter_start(&lane->shared->limit, &lane->rules, now,
						   reco_shared->after_crash, reco_shared->made_at);
	reco_limits_take(lane->shared);
	return lane;
}

/* Sets the process's side of a lane up; the shared side is as it was left. */
static void
set_up(RecoGatewayLane *lane, const RecoQuestion *question)
{
	lane->key = question->wire.lane_key;
	memset(lane->namers, 0, sizeof(lane->namers));
	memset(&lane->budget, 0, sizeof(lane->budget));
	memset(&lane->app, 0, sizeof(lane->app));
	memset(lane->held_since, 0, sizeof(lane->held_since));
	dlist_init(&lane->trips);
	dlist_init(&lane->delayed);
	dlist_init(&lane->listeners);
	dlist_init(&lane->app.parked);
	lane->app.lane = lane;
	lane->nlisteners = 0;
	lane->tokens_from = 0;
	lane->queued = lane->in_flight = 0;
	lane->shared->queued = lane->shared->in_flight = lane->shared->connections = 0;
	lane->shared->breaker.probes = 0;
}

/* Calls per second that rules allow; none known is the most. */
static double
speed(const RecoLimitRules *rules)
{
	return rules->rate_count == 0
		? HUGE_VAL
		: rules->rate_count * 1e6 / (double) rules->rate_window_us;
}

/*
 * Finds the place of whoever asks among those who name the lane: its own, a free or
 * forgotten one, else that of the least strict.
 */
static RecoLaneNamer *
place_of(RecoGatewayLane *lane, const RecoQuestion *question, int64 now)
{
	RecoLaneNamer *place = NULL;

	for (int i = 0; i < RECO_LANE_NAMERS; i++)
	{
		RecoLaneNamer *other = &lane->namers[i];

		if (other->seen_at > 0 && other->database == question->database &&
			other->server_id == question->wire.server_id)
			return other;
		if (other->seen_at <= now - FORGET_US || other->seen_at == 0)
			other->seen_at = 0;
		if (place == NULL ||
			(place->seen_at > 0 &&
			 (other->seen_at == 0 || speed(&other->rules) > speed(&place->rules))))
			place = other;
	}
	return place;
}

/* Notes who names the lane and under which rules; the strictest of all count. */
static void
name(RecoGatewayLane *lane, const RecoQuestion *question, int64 now)
{
	const RecoOptions *options = &question->wire.options;
	RecoLaneNamer *namer = place_of(lane, question, now);

	namer->database = question->database;
	namer->server_id = question->wire.server_id;
	namer->seen_at = now;
	namer->rules.rate_count = options->rate_count;
	namer->rules.rate_window_us = options->rate_window_us;
	namer->rules.burst = options->burst;
	namer->rules.max_concurrency = options->max_concurrency;
	namer->rules.daily_quota = options->daily_quota;

	lane->rules = namer->rules;
	for (int i = 0; i < RECO_LANE_NAMERS; i++)
		if (lane->namers[i].seen_at > 0)
			take_strictest(&lane->rules, &lane->namers[i].rules);

	/* the day's count must not be forgotten with the lane */
	if (lane->rules.daily_quota > 0)
		lane->shared->keep_until = now + DAY_US + DAY_US / 24;
}

/* Of two numbers where 0 means "none", the smaller. */
static int
least_set(int a, int b)
{
	return a == 0 ? b : b == 0 ? a : Min(a, b);
}

/*
 * Makes rules as strict as others are: the slower of two rates, with the smaller
 * burst, so that the shorter of their windows holds as well.
 */
static void
take_strictest(RecoLimitRules *rules, const RecoLimitRules *other)
{
	if (other->rate_count > 0)
	{
		int			burst = reco_limiter_burst(other);

		if (rules->rate_count > 0)
			burst = Min(burst, reco_limiter_burst(rules));
		if (speed(other) < speed(rules))
		{
			rules->rate_count = other->rate_count;
			rules->rate_window_us = other->rate_window_us;
		}
		rules->burst = burst;
	}
	rules->max_concurrency = least_set(rules->max_concurrency, other->max_concurrency);
	rules->daily_quota = least_set(rules->daily_quota, other->daily_quota);
}

/*
 * After a day, what an app may do is learned anew, endpoint by endpoint; quotas when
 * their time is over.
 */
static void
learn_anew(RecoLane *shared, int64 now)
{
	RecoCapabilities *capabilities = &shared->capabilities;

	for (int i = 0; i < RECO_MAXENDPOINTS; i++)
	{
		if (shared->refused_until[i] <= now)
			capabilities->refused &= ~(1u << i);
		if (shared->exhausted_until[i] <= now)
			capabilities->exhausted &= ~(1u << i);
	}
	if (shared->learned_at != 0 && now - shared->learned_at > DAY_US)
	{
		RecoCapabilities kept = {
			.refused = capabilities->refused,
			.exhausted = capabilities->exhausted
		};

		*capabilities = kept;
		shared->learned_at = 0;
	}
}

/*
 * Somebody wants to know what services refuse by now: forgets what was found, in all
 * lanes; not quotas, which have a time. Keepers write that it is forgotten.
 */
void
reco_lanes_forget_refused(void)
{
	if (!reco_limits_asked_to_forget())
		return;
	for (int i = 0; i < reco_shared->nlanes; i++)
	{
		RecoLane   *lane = &reco_lanes[i];

		if (!lane->used)
			continue;
		memset(lane->refused_until, 0, sizeof(lane->refused_until));
		lane->app_refused_until = 0;
		lane->learned_at = 0;
		lane->capabilities =
			(RecoCapabilities){.exhausted = lane->capabilities.exhausted};
	}
	reco_limits_note();
}

/* Sends what may be sent. */
int64
reco_lane_pump(RecoGatewayLane *lane, int64 now)
{
	int64		next = reco_token_pump(lane, now);
	Step		step = STEP_NEXT;

	next = Min(next, reco_trips_end_orphans(lane, now));
	release_delayed(lane, now, &next);
	for (int class = 0; class < RECO_NPRIORITIES; class ++)
	{
		RecoFlight *flight = NULL;

		/* what is full for one class is full for those below */
		if (step != STEP_BUSY && step != STEP_FULL)
			step = STEP_NEXT;
		while (step == STEP_NEXT && (flight = reco_lane_first(lane, class)) != NULL)
		{
			int64		until = PG_INT64_MAX;

			if (!is_answered(lane, flight, now))
				step = send_if_allowed(lane, flight, now, &until);
			if (step == STEP_WAIT || step == STEP_LIMITED)
				next = Min(next, Max(until, now + 1));
		}
		note_held(lane, class, step == STEP_LIMITED || step == STEP_BUSY, now);
	}
	lane->shared->connections = reco_transfer_connections(lane->index);
	return next;
}

/* Notes whether a limit holds a class back from now on. */
static void
note_held(RecoGatewayLane *lane, RecoPriority priority, bool held, int64 now)
{
	int64	   *since = &lane->held_since[priority];

	if (*since > 0)
		lane->held_us[priority] += Max(0, now - *since);
	*since = held ? now : 0;
}

/* How long limits have held a class back. */
int64
reco_lane_held(const RecoGatewayLane *lane, RecoPriority priority, int64 now)
{
	int64		since = lane->held_since[priority];

	return lane->held_us[priority] + (since > 0 ? Max(0, now - since) : 0);
}

/* Puts into the queue what has waited long enough. */
static void
release_delayed(RecoGatewayLane *lane, int64 now, int64 *next)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &lane->delayed)
	{
		RecoFlight *flight = dlist_container(RecoFlight, node, iter.cur);

		if (flight->not_before > now)
			*next = Min(*next, flight->not_before);
		else
		{
			reco_flight_unqueue(flight);
			reco_flight_queue(flight, 0);
		}
	}
}

/* Answers a flight that cannot succeed; true if it did. */
static bool
is_answered(RecoGatewayLane *lane, RecoFlight *flight, int64 now)
{
	RecoLane   *shared = lane->shared;
	bool		probe = flight->operation == RECO_OP_PROBE;

	if (flight->deadline <= now)
	{
		shared->counters[RECO_LANE_EXPIRED]++;
		reco_flight_end(flight, RECO_OUTCOME_TIMEOUT, NULL, 0, 0,
						"the deadline came before it could be sent");
	}
	else if (shared->limit.quota_until > now)
		reco_flight_end(flight, RECO_OUTCOME_QUOTA, NULL, 0, shared->limit.quota_until,
						"the service's quota is used up");
	else if (shared->limit.blocked_until > now &&
			 shared->limit.blocked_until >= flight->deadline)
		reco_flight_end(flight, RECO_OUTCOME_LIMITED, NULL, 0,
						shared->limit.blocked_until, "the service limits us");
	else if (!probe && shared->app_refused_until > now)
		reco_flight_end(flight, RECO_OUTCOME_DENIED, NULL, 0, shared->app_refused_until,
						"the service refused the app a while ago");
	else if (!probe && shared->unauthorised_until > now)
		reco_flight_end(flight, RECO_OUTCOME_UNAUTHORISED, NULL, 0,
						shared->unauthorised_until,
						"the service refused the credential a moment ago");
	else
		return false;
	return true;
}

/* Asks limits, breaker and the others in the queue; sends the flight if it may go. */
static Step
send_if_allowed(RecoGatewayLane *lane, RecoFlight *flight, int64 now, int64 *until)
{
	RecoLane   *shared = lane->shared;
	bool		background = flight->priority != RECO_PRIORITY_INTERACTIVE;

	if (!reco_gateway_has_room(lane))
		return STEP_FULL;
	switch (reco_limiter_ask(&shared->limit, &lane->rules, now, lane->in_flight,
							 background, until))
	{
		case RECO_LIMIT_FULL:
			return STEP_BUSY;
		case RECO_LIMIT_QUOTA:
			reco_flight_end(
				flight, RECO_OUTCOME_QUOTA, NULL, 0, *until,
				background
					? "the background's part of our own quota is used up (option daily_quota)"
					: "our own quota of the day is used up (option daily_quota)");
			return STEP_NEXT;
		case RECO_LIMIT_WAIT:
			if (*until < flight->deadline)
				return STEP_LIMITED;
			reco_flight_end(flight, RECO_OUTCOME_LIMITED, NULL, 0, *until,
							"our own limit lets it go after its deadline only");
			return STEP_NEXT;
		case RECO_LIMIT_GO:
			break;
	}
	if (holds_back(lane, flight, now, until))
		return STEP_WAIT;
	if (flight->operation != RECO_OP_PROBE &&
		!reco_breaker_allows(&shared->breaker, now, until))
	{
		reco_flight_end(flight, RECO_OUTCOME_UNAVAILABLE, NULL, 0, *until,
						"the circuit breaker is open");
		return STEP_NEXT;
	}
	reco_trip_begin(lane, flight, now);
	return STEP_NEXT;
}

/*
 * Does a key wait a moment for others to share its call? Not when the lane is idle,
 * nor when there are enough.
 */
static bool
holds_back(RecoGatewayLane *lane, RecoFlight *flight, int64 now, int64 *until)
{
	RecoWaiter *waiter =
		dlist_container(RecoWaiter, node, dlist_head_node(&flight->waiters));
	const RecoOptions *options = &waiter->question->wire.options;
	int			most;
	int			n = 0;

	most = reco_service_batch_max(options->service, flight->operation, options,
								  &lane->shared->capabilities);
	if (most <= 1 || !flight->batching || lane->in_flight == 0 ||
		now - flight->asked_at >= HOLD_US)
		return false;
	for (int class = 0; class < RECO_NPRIORITIES; class ++)
		n += lane->heaps[class][flight->operation].n;
	if (n >= most)
		return false;
	*until = Min(flight->asked_at + HOLD_US, flight->deadline);
	return true;
}

/* ---- heaps ---- */

/* Does a come before b? */
static bool
is_before(const RecoFlight *a, const RecoFlight *b)
{
	return a->deadline != b->deadline ? a->deadline < b->deadline : a->number < b->number;
}

/* The first flight of a class. */
RecoFlight *
reco_lane_first(RecoGatewayLane *lane, RecoPriority priority)
{
	RecoFlight *first = NULL;

	for (int i = 0; i < RECO_NOPERATIONS; i++)
	{
		RecoHeap   *heap = &lane->heaps[priority][i];

		if (heap->n > 0 && (first == NULL || is_before(heap->flights[0], first)))
			first = heap->flights[0];
	}
	return first;
}

static void
put(RecoHeap *heap, int i, RecoFlight *flight)
{
	heap->flights[i] = flight;
	flight->heap_index = i;
}

/* Moves a flight towards the root until its parent comes before it. */
static void
sift_up(RecoHeap *heap, int i)
{
	RecoFlight *flight = heap->flights[i];

	while (i > 0 && is_before(flight, heap->flights[(i - 1) / 2]))
	{
		put(heap, i, heap->flights[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(heap, i, flight);
}

/* Moves a flight away from the root until it comes before its children. */
static void
sift_down(RecoHeap *heap, int i)
{
	RecoFlight *flight = heap->flights[i];

	for (int child = 2 * i + 1; child < heap->n; child = 2 * i + 1)
	{
		if (child + 1 < heap->n &&
			is_before(heap->flights[child + 1], heap->flights[child]))
			child++;
		if (!is_before(heap->flights[child], flight))
			break;
		put(heap, i, heap->flights[child]);
		i = child;
	}
	put(heap, i, flight);
}

/* Adds a flight; false = no memory. */
bool
reco_heap_push(RecoHeap *heap, RecoFlight *flight)
{
	if (heap->n == heap->size)
	{
		int			size = heap->size == 0 ? 64 : heap->size * 2;
		RecoFlight **more = realloc(heap->flights, sizeof(RecoFlight *) * size);

		if (more == NULL)
			return false;
		heap->flights = more;
		heap->size = size;
	}
	heap->flights[heap->n] = flight;
	sift_up(heap, heap->n++);
	return true;
}

/* Takes a flight out, wherever it stands. */
void
reco_heap_remove(RecoHeap *heap, RecoFlight *flight)
{
	int			i = flight->heap_index;
	RecoFlight *last = heap->flights[--heap->n];

	flight->heap_index = -1;
	if (last == flight)
		return;
	put(heap, i, last);
	sift_up(heap, i);
	sift_down(heap, last->heap_index);
}
