/*-------------------------------------------------------------------------
 *
 * flight.c
 *	  One upstream call per key, however many ask.
 *
 * Purpose: find the flight of a key or make it; let waiters come and go; end it
 *			with one answer for all of them.
 * Runs in: the gateway.
 * Locks:	none.
 * Never:	let two databases, or two listeners, share an answer.
 *
 * Nobody leads a flight: whoever waits last is as good as whoever asked first.
 * So when the first asker is cancelled, nothing has to be handed over, and the
 * call that is under way goes on for the others.
 *
 *-------------------------------------------------------------------------
 */
#include "parts.h"

#include "common/hashfn.h"
#include "shmem/cached.h"
#include "upstream/denial.h"
#include "utils/timestamp.h"

#define NBUCKETS 4096

static dlist_head buckets[NBUCKETS];
static bool buckets_ready = false;
static uint64 next_number = 1;

static uint64 hash_of(const RecoQuestion *question, const char *key,
					  const char *listener);
static RecoFlight *find(const RecoQuestion *question, const char *key,
						const char *listener, uint64 hash);
static RecoFlight *make(RecoQuestion *question, const char *key, const char *listener,
						uint64 hash);
static bool is_same(RecoOperation operation, const char *a, const char *b);
static void learn_key(RecoFlight *flight, const char *key);
static void count_coalesced(const RecoQuestion *question);
static bool answer_from_buffer(RecoWaiter *waiter, const char *key);
static void note_joined(RecoWaiter *waiter);
static void note_cache(RecoFlight *flight, const RecoWireCache *wire);
static void destroy(RecoFlight *flight);

/* Lets a key wait for its flight. */
bool
reco_flight_join(RecoQuestion *question, int key)
{
	const RecoWireRequest *wire = &question->wire;
	RecoWaiter *waiter = &question->waiters[key];
	const char *listener = reco_operation_is_listeners(wire->operation)
		? (wire->listener.user_id != NULL ? wire->listener.user_id : "")
		: NULL;
	uint64		hash = hash_of(question, wire->keys[key], listener);
	RecoFlight *flight = NULL;
	RecoPriority priority = Max(0, Min(RECO_NPRIORITIES - 1, wire->priority));

	if (wire->single_flight)
		flight = find(question, wire->keys[key], listener, hash);
	if (flight != NULL)
	{
		learn_key(flight, wire->keys[key]);
		count_coalesced(question);
	}
	else if (wire->single_flight && answer_from_buffer(waiter, wire->keys[key]))
		return true;
	else
	{
		flight = make(question, wire->keys[key], listener, hash);
		if (flight == NULL)
			return false;
		flight->priority = priority;
		flight->deadline = question->deadline;
	}
	waiter->flight = flight;
	dlist_push_tail(&flight->waiters, &waiter->node);
	note_joined(waiter);

	/* who comes later may have more time, or be in more of a hurry */
	if (flight->place == RECO_FLIGHT_NOWHERE || priority < flight->priority ||
		question->deadline > flight->deadline)
	{
		bool		queued = flight->place == RECO_FLIGHT_QUEUED;

		if (queued)
			reco_flight_unqueue(flight);
		flight->priority = Min(flight->priority, priority);
		flight->deadline = Max(flight->deadline, question->deadline);
		if (queued || flight->place == RECO_FLIGHT_NOWHERE)
			reco_flight_queue(flight, 0);
	}
	return true;
}

/*
 * Notes what a flight has behind it that is not this waiter's: its own time before it
 * came here was spent in the queue. One that comes late is told of the trip.
 */
static void
note_joined(RecoWaiter *waiter)
{
	RecoFlight *flight = waiter->flight;

	reco_flight_times(waiter, &waiter->before);
	waiter->before.queued -= Max(0, reco_now_us() - waiter->question->asked_at);
	if (flight->place == RECO_FLIGHT_ON_TRIP && flight->trip->number > 0)
		reco_trip_tell_late(flight->trip, waiter);
}

/* A key that says more opens more ways to ask, if the one that is tried now is closed. */
static void
learn_key(RecoFlight *flight, const char *key)
{
	char	   *copy;

	if (strlen(flight->key) > reco_operation_key_len(flight->operation, flight->key) ||
		strlen(key) <= strlen(flight->key) || (copy = strdup(key)) == NULL)
		return;
	reco_wipe(flight->key, strlen(flight->key));
	free(flight->key);
	flight->key = copy;
}

static void
count_coalesced(const RecoQuestion *question)
{
	question->lane->shared->counters[RECO_LANE_COALESCED]++;
	pg_atomic_fetch_add_u64(&reco_cached_counts[question->wire.operation].coalesced, 1);
}

/* The hash of what makes two questions one. */
static uint64
hash_of(const RecoQuestion *question, const char *key, const char *listener)
{
	size_t		len = reco_operation_key_len(question->wire.operation, key);
	uint64		hash = hash_bytes_extended((const unsigned char *) key, (int) len,
									  question->lane->key + question->wire.operation);

	hash = hash_combine64(hash, question->database);
	hash = hash_combine64(hash, question->variant);
	if (listener != NULL)
		hash = hash_combine64(hash,
							  hash_bytes_extended((const unsigned char *) listener,
												  (int) strlen(listener), 1));
	return hash;
}

/* Do two keys ask for the same? */
static bool
is_same(RecoOperation operation, const char *a, const char *b)
{
	size_t		len = reco_operation_key_len(operation, a);

	return reco_operation_key_len(operation, b) == len && memcmp(a, b, len) == 0;
}

/* Finds the flight of a key. */
static RecoFlight *
find(const RecoQuestion *question, const char *key, const char *listener, uint64 hash)
{
	dlist_iter	iter;

	if (!buckets_ready)
	{
		for (int i = 0; i < NBUCKETS; i++)
			dlist_init(&buckets[i]);
		buckets_ready = true;
	}
	dlist_foreach(iter, &buckets[hash % NBUCKETS])
	{
		RecoFlight *flight = dlist_container(RecoFlight, bucket, iter.cur);

		if (flight->hash == hash && flight->lane == question->lane &&
			flight->operation == question->wire.operation &&
			flight->database == question->database &&
			flight->variant == question->variant &&
			is_same(flight->operation, flight->key, key) &&
			(listener == NULL) == (flight->listener == NULL) &&
			(listener == NULL || strcmp(listener, flight->listener) == 0))
			return flight;
	}
	return NULL;
}

/* Makes a flight that is nowhere yet. */
static RecoFlight *
make(RecoQuestion *question, const char *key, const char *listener, uint64 hash)
{
	RecoFlight *flight = calloc(1, sizeof(RecoFlight));

	if (flight == NULL)
		return NULL;
	flight->key = strdup(key);
	flight->listener = listener == NULL ? NULL : strdup(listener);
	if (flight->key == NULL || (listener != NULL && flight->listener == NULL))
	{
		free(flight->key);
		free(flight->listener);
		free(flight);
		return NULL;
	}
	flight->operation = question->wire.operation;
	if (question->wire.cache.on || question->wire.cache.deny_us > 0)
		note_cache(flight, &question->wire.cache);
	flight->lane = question->lane;
	flight->database = question->database;
	flight->variant = question->variant;
	flight->batching = question->wire.batching;
	flight->hash = hash;
	flight->asked_at = flight->since = question->asked_at;
	flight->number = next_number++;
	flight->heap_index = -1;
	dlist_init(&flight->waiters);
	flight->shared = question->wire.single_flight;
	if (flight->shared)
		dlist_push_head(&buckets[hash % NBUCKETS], &flight->bucket);
	return flight;
}

/*
 * Answers a key whose flight has ended between the asker's look into the buffer and now.
 * A value that is too large to be copied at once is left alone: then it is asked for.
 */
static bool
answer_from_buffer(RecoWaiter *waiter, const char *key)
{
	static char room[64 * 1024];
	static char name[RECO_CACHED_MAXKEY + 1];
	const RecoQuestion *question = waiter->question;
	const RecoWireCache *wire = &question->wire.cache;
	RecoCachedKey cached = {question->database, wire->extension, question->wire.operation,
							name};
	RecoCachedValue value;

	if (!wire->on ||
		snprintf(name, sizeof(name), "%s%.*s%s", wire->prefix,
				 (int) reco_operation_key_len(question->wire.operation, key), key,
				 wire->suffix) >= sizeof(name) ||
		!reco_cached_copy(&cached, &value, room, sizeof(room)) || value.value == NULL ||
		value.fresh_until <= GetCurrentTimestamp())
		return false;
	count_coalesced(question);
	reco_question_answer(waiter, value.absent ? RECO_OUTCOME_ABSENT : RECO_OUTCOME_FRESH,
						 value.absent ? NULL : room, value.absent ? 0 : value.len, 0,
						 NULL);
	return true;
}

/* Notes how the answer is to be kept; without memory it is not. */
static void
note_cache(RecoFlight *flight, const RecoWireCache *wire)
{
	RecoFlightCache *cache = &flight->cache;
	size_t		key_len = reco_operation_key_len(flight->operation, flight->key);
	size_t		size = strlen(wire->prefix) + key_len + strlen(wire->suffix) + 1;

	cache->key = malloc(size);
	if (cache->key == NULL)
		return;
	snprintf(cache->key, size, "%s%.*s%s", wire->prefix, (int) key_len, flight->key,
			 wire->suffix);
	cache->suffix = cache->key + strlen(wire->prefix) + key_len;
	cache->on = wire->on;
	cache->deny_us = wire->deny_us;
	cache->extension = wire->extension;
	cache->fresh_us = wire->fresh_us;
	cache->usable_us = wire->usable_us;
	cache->absent_us = wire->absent_us;
	cache->jitter = wire->jitter;
	cache->epoch = wire->epoch;
}

/*
 * Keeps what came of a flight in the buffer. Times vary, so that what was asked
 * together does not expire together.
 */
void
reco_flight_keep(const RecoFlight *flight, RecoOutcome outcome, const char *value,
				 size_t value_len)
{
	const RecoFlightCache *cache = &flight->cache;
	RecoCachedKey key = {flight->database, cache->extension, flight->operation,
						 cache->key};
	RecoCachedValue kept = {.absent = outcome == RECO_OUTCOME_ABSENT};
	double		share = 1 + cache->jitter * (2 * reco_gateway_dice() - 1);
	int64		fresh_us = kept.absent ? cache->absent_us : cache->fresh_us;
	int64		usable_us = kept.absent ? cache->absent_us : cache->usable_us;

	if (cache->key == NULL || !cache->on || fresh_us <= 0 ||
		(outcome != RECO_OUTCOME_FRESH && outcome != RECO_OUTCOME_ABSENT))
		return;
	kept.fetched_at = GetCurrentTimestamp();
	kept.fresh_until = kept.fetched_at + (int64) (fresh_us * share);
	kept.usable_until = kept.fetched_at + (int64) (Max(usable_us, fresh_us) * share);
	kept.value = kept.absent ? NULL : value;
	kept.len = kept.absent ? 0 : value_len;
	(void) reco_cached_put(&key, &kept, false, cache->epoch);
}

/*
 * Keeps that a recommendation was refused for good, so that nobody asks for it again.
 * Its key in the buffer is that of the deny list, with who refused behind it.
 */
void
reco_flight_deny(const RecoFlight *flight, const char *reason)
{
	const RecoFlightCache *cache = &flight->cache;
	RecoCachedKey key = {flight->database, cache->extension, RECO_CATEGORY_DENIED, NULL};
	RecoCachedValue kept = {0};
	RecoBuffer	name = {0};
	RecoBuffer	value = {0};
	char		hash[RECO_DENIAL_KEY];
	double		share = 1 + cache->jitter * (2 * reco_gateway_dice() - 1);

	if (cache->key == NULL || cache->deny_us <= 0 || !reco_denial_key(flight->key, hash))
		return;
	reco_buffer_puts(&name, hash);
	reco_buffer_puts(&name, cache->suffix);
	reco_denial_write(&value, reason[0] == '\0' ? "refused" : reason, flight->key);
	if (!name.failed && !value.failed)
	{
		key.key = name.data;
		kept.fetched_at = GetCurrentTimestamp();
		kept.fresh_until = kept.fetched_at + (int64) (cache->deny_us * share);
		kept.usable_until = kept.fresh_until;
		kept.value = value.data;
		kept.len = value.len;
		(void) reco_cached_put(&key, &kept, false, cache->epoch);
	}
	reco_buffer_free(&name, false);
	reco_buffer_free(&value, false);
}

/* Takes a waiter away. */
void
reco_flight_leave(RecoWaiter *waiter)
{
	RecoFlight *flight = waiter->flight;
	RecoQuestion *question = waiter->question;
	RecoLane   *lane = question->lane->shared;
	bool		expired = reco_now_us() >= question->deadline;

	dlist_delete(&waiter->node);
	waiter->flight = NULL;
	lane->outcomes[expired ? RECO_OUTCOME_TIMEOUT : RECO_OUTCOME_CANCELLED]++;
	reco_histogram_add(&lane->total, reco_now_us() - question->asked_at);
	if (!dlist_is_empty(&flight->waiters))
		return;

	/* what is under way and will be kept goes on; reco_trips_end_orphans sees to it */
	if (flight->place == RECO_FLIGHT_ON_TRIP && flight->cache.key != NULL &&
		flight->cache.on)
		return;
	if (flight->place == RECO_FLIGHT_ON_TRIP)
		reco_trip_leave(flight->trip, flight);
	else
	{
		if (expired)
			lane->counters[RECO_LANE_EXPIRED]++;
		reco_flight_unqueue(flight);
	}
	destroy(flight);
}

/* Tells all who wait. */
void
reco_flight_end(RecoFlight *flight, RecoOutcome outcome, const char *value,
				size_t value_len, int64 retry_at, const char *message)
{
	reco_flight_unqueue(flight);
	while (!dlist_is_empty(&flight->waiters))
	{
		RecoWaiter *waiter =
			dlist_container(RecoWaiter, node, dlist_pop_head_node(&flight->waiters));

		reco_question_answer(waiter, outcome, value, value_len, retry_at, message);
	}
	destroy(flight);
}

static void
destroy(RecoFlight *flight)
{
	if (flight->shared)
		dlist_delete(&flight->bucket);
	reco_wipe(flight->key, strlen(flight->key));
	free(flight->key);
	free(flight->cache.key);
	free(flight->listener);
	free(flight);
}

/* Puts a flight into its lane's queue, now or later. */
void
reco_flight_queue(RecoFlight *flight, int64 pause)
{
	RecoGatewayLane *lane = flight->lane;

	reco_flight_move(flight, RECO_FLIGHT_NOWHERE);
	flight->trip = NULL;
	if (pause > 0)
	{
		flight->not_before = reco_now_us() + pause;
		reco_flight_move(flight, RECO_FLIGHT_DELAYED);
		dlist_push_tail(&lane->delayed, &flight->node);
	}
	else if (reco_heap_push(&lane->heaps[flight->priority][flight->operation], flight))
		reco_flight_move(flight, RECO_FLIGHT_QUEUED);
	else
	{
		/* without memory it waits for a better time, as after a failure */
		flight->not_before = reco_now_us() + 100 * 1000;
		reco_flight_move(flight, RECO_FLIGHT_DELAYED);
		dlist_push_tail(&lane->delayed, &flight->node);
	}
	lane->shared->queued = ++lane->queued;
}

/* Lets a flight wait for a token. */
void
reco_flight_park(RecoFlight *flight, RecoTokenHolder *holder)
{
	reco_flight_move(flight, RECO_FLIGHT_PARKED);
	flight->trip = NULL;
	dlist_push_tail(&holder->parked, &flight->node);
	flight->lane->shared->queued = ++flight->lane->queued;
}

/* Takes a flight out of wherever it waits. */
void
reco_flight_unqueue(RecoFlight *flight)
{
	RecoGatewayLane *lane = flight->lane;

	switch (flight->place)
	{
		case RECO_FLIGHT_QUEUED:
			reco_heap_remove(&lane->heaps[flight->priority][flight->operation], flight);
			lane->shared->queued = --lane->queued;
			break;
		case RECO_FLIGHT_DELAYED:
		case RECO_FLIGHT_PARKED:
			dlist_delete(&flight->node);
			lane->shared->queued = --lane->queued;
			break;
		case RECO_FLIGHT_NOWHERE:
		case RECO_FLIGHT_ON_TRIP:
			break;
	}
	reco_flight_move(flight, RECO_FLIGHT_NOWHERE);
}

/* Adds the time that a flight has spent where it is. */
static void
add_time(const RecoFlight *flight, int64 now, RecoWireTimes *times)
{
	int64		us = Max(0, now - flight->since);
	int64		part;

	switch (flight->place)
	{
		case RECO_FLIGHT_NOWHERE:
			times->queued += us;
			break;
		case RECO_FLIGHT_QUEUED:
			part = reco_lane_held(flight->lane, flight->priority, now) - flight->held;
			part = Max(0, Min(part, us));
			times->limited += part;
			times->queued += us - part;
			break;
		case RECO_FLIGHT_DELAYED:
		case RECO_FLIGHT_PARKED:
			times->limited += us;
			break;
		case RECO_FLIGHT_ON_TRIP:
			part = flight->trip->answered_at;
			part = part > 0 ? Max(0, Min(now - part, us)) : 0;
			times->parsed += part;
			times->network += us - part;
			break;
	}
}

/* Moves a flight to another place. */
void
reco_flight_move(RecoFlight *flight, RecoFlightPlace place)
{
	int64		now = reco_now_us();

	add_time(flight, now, &flight->times);
	flight->since = Max(now, flight->since);
	flight->held = reco_lane_held(flight->lane, flight->priority, now);
	flight->place = place;
}

/* Where a waiter's time went until now. */
void
reco_flight_times(const RecoWaiter *waiter, RecoWireTimes *times)
{
	RecoWireTimes before = waiter->before;	/* 'times' may be the same */

	*times = waiter->flight->times;
	add_time(waiter->flight, reco_now_us(), times);
	times->queued -= before.queued;
	times->limited -= before.limited;
	times->network -= before.network;
	times->parsed -= before.parsed;
}
