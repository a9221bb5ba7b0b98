/*-------------------------------------------------------------------------
 *
 * limit_state.c
 *	  What of a lane's limits outlives a crash.
 *
 * Purpose: see limit_state.h.
 * Runs in: any process that has the library preloaded.
 * Locks:	'lock' for all fields but the counters; 'lanes' of shared.h, shared, alone.
 * Never:	throw in the gateway.
 *
 *-------------------------------------------------------------------------
 */
#include "limit_state.h"

#include "guc.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "shared.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "utils/timestamp.h"

#define HOUR_US		INT64CONST(3600000000)
#define LONGEST_US	(49 * HOUR_US)	/* a deadline further ahead is a clock's mistake */
#define LOOK_MS		200			/* while waiting: whether a keeper is there */

/* How far a database is. */
typedef struct Progress
{
	Oid			database;		/* InvalidOid = free */
	bool		known;
	uint64		written;
} Progress;

typedef struct Limits
{
	LWLock		lock;
	pg_atomic_uint64 version;	/* of 'state' */
	pg_atomic_uint64 noted;
	pg_atomic_uint32 forget;	/* what was refused; 1 = the gateway shall */
	Progress	progress[RECO_NDATABASES];
	ConditionVariable written;
	int			nstates;
	RecoLimitState state[FLEXIBLE_ARRAY_MEMBER];	/* as many as lanes */
} Limits;

static Limits *limits = NULL;

static Progress *progress_of(Oid database);
static void merge(RecoLimitState *state, const RecoLimitState *other);
static RecoLimitState *place_for(uint64 lane_key);
static int64 monotonic(TimestampTz time, int64 now);
static void add_count(RecoLimit *limit, const RecoLimitState *state, int64 now);
static bool describe(const RecoLane *lane, RecoLimitState *state, int64 now);

Size
reco_limits_size(void)
{
	return CACHELINEALIGN(
		add_size(offsetof(Limits, state),
				 mul_size(reco_guc_gateway_upstreams, sizeof(RecoLimitState))));
}

/* Fills the table in. */
void
reco_limits_attach(char *memory, bool fresh, int tranche)
{
	limits = (Limits *) memory;
	if (!fresh)
		return;
	memset(memory, 0, reco_limits_size());
	LWLockInitialize(&limits->lock, tranche);
	pg_atomic_init_u64(&limits->version, 1);
	pg_atomic_init_u64(&limits->noted, 0);
	pg_atomic_init_u32(&limits->forget, 0);
	ConditionVariableInit(&limits->written);
}

bool
reco_limits_are_known(Oid database)
{
	Progress   *progress;
	bool		known;

	LWLockAcquire(&limits->lock, LW_EXCLUSIVE);
	progress = progress_of(database);
	known = progress != NULL && progress->known;
	LWLockRelease(&limits->lock);
	return known;
}

/* Puts here what the tables of a database know. */
void
reco_limits_put(Oid database, const RecoLimitState *states, int nstates)
{
	Progress   *progress;

	LWLockAcquire(&limits->lock, LW_EXCLUSIVE);
	for (int i = 0; i < nstates; i++)
	{
		RecoLimitState *state = place_for(states[i].lane_key);

		if (state != NULL)
			merge(state, &states[i]);
	}
	progress = progress_of(database);
	if (progress != NULL)
		progress->known = true;
	LWLockRelease(&limits->lock);
	if (nstates > 0)
		pg_atomic_fetch_add_u64(&limits->version, 1);
}

/* The latest deadline that a state has. */
static TimestampTz
latest(const RecoLimitState *state)
{
	TimestampTz time = Max(state->blocked_until, state->quota_until);

	for (int i = 0; i < RECO_MAXENDPOINTS; i++)
		time = Max(time, Max(state->exhausted_until[i], state->refused_until[i]));
	return time;
}

/* The state of a lane, a free place, or that whose time is over first; NULL = none is. */
static RecoLimitState *
place_for(uint64 lane_key)
{
	RecoLimitState *first = NULL;

	for (int i = 0; i < limits->nstates; i++)
	{
		if (limits->state[i].lane_key == lane_key)
			return &limits->state[i];
		if (first == NULL || latest(&limits->state[i]) < latest(first))
			first = &limits->state[i];
	}
	if (limits->nstates < reco_shared->nlanes)
		first = &limits->state[limits->nstates++];
	else if (first == NULL || latest(first) > GetCurrentTimestamp())
		return NULL;
	memset(first, 0, sizeof(*first));
	first->lane_key = lane_key;
	return first;
}

static void
merge(RecoLimitState *state, const RecoLimitState *other)
{
	state->blocked_until = Max(state->blocked_until, other->blocked_until);
	state->quota_until = Max(state->quota_until, other->quota_until);
	for (int i = 0; i < RECO_MAXENDPOINTS; i++)
	{
		state->exhausted_until[i] =
			Max(state->exhausted_until[i], other->exhausted_until[i]);
		state->refused_until[i] = Max(state->refused_until[i], other->refused_until[i]);
	}
	if (other->updated_at > state->updated_at)
	{
		state->updated_at = other->updated_at;
		state->hour_at = other->hour_at;
		memcpy(state->hours, other->hours, sizeof(state->hours));
	}
}

/* The monotonic time of one of the calendar; 0 = it is over, or there is none. */
static int64
monotonic(TimestampTz time, int64 now)
{
	TimestampTz calendar = GetCurrentTimestamp();

	if (time == 0 || time <= calendar)
		return 0;
	return now + Min(time - calendar, LONGEST_US);
}

/* Takes what is known into a lane. */
void
reco_limits_take(RecoLane *lane)
{
	uint64		version = pg_atomic_read_u64(&limits->version);
	int64		now = reco_now_us();

	if (lane->limits_version == version)
		return;
	LWLockAcquire(&limits->lock, LW_SHARED);
	for (int i = 0; i < limits->nstates; i++)
	{
		const RecoLimitState *state = &limits->state[i];

		if (state->lane_key != lane->key)
			continue;
		lane->limit.blocked_until =
			Max(lane->limit.blocked_until, monotonic(state->blocked_until, now));
		lane->limit.quota_until =
			Max(lane->limit.quota_until, monotonic(state->quota_until, now));
		for (int e = 0; e < RECO_MAXENDPOINTS; e++)
		{
			int64		exhausted = monotonic(state->exhausted_until[e], now);
			int64		refused = monotonic(state->refused_until[e], now);

			lane->exhausted_until[e] = Max(lane->exhausted_until[e], exhausted);
			lane->refused_until[e] = Max(lane->refused_until[e], refused);
			if (exhausted > 0)
				lane->capabilities.exhausted |= 1u << e;
			if (refused > 0)
				lane->capabilities.refused |= 1u << e;
		}

		/* calls of before this server's start are no others than those of now */
		if (!lane->count_taken)
			add_count(&lane->limit, state, now);
		lane->count_taken = true;
	}
	LWLockRelease(&limits->lock);
	lane->limits_version = version;
}

/*
 * Adds calls of before to the count of the day, each at the latest time that it can have
 * had: hours of a clock that began anew begin at other minutes.
 */
static void
add_count(RecoLimit *limit, const RecoLimitState *state, int64 now)
{
	int64		age = GetCurrentTimestamp() - state->hour_at;

	if (state->hour_at == 0 || age < 0)
		return;
	for (int i = 0; i < RECO_LIMIT_HOURS; i++)
	{
		int64		end = now - age - i * HOUR_US + HOUR_US - 1;
		int64		number = end < 0 ? 0 : Min(end / HOUR_US, limit->hour);

		if (now - end < RECO_LIMIT_HOURS * HOUR_US &&
			limit->hour - number < RECO_LIMIT_HOURS && state->hours[i] > 0)
			limit->hours[number % RECO_LIMIT_HOURS] += (uint32) state->hours[i];
	}
}

/* Has it written at once. */
void
reco_limits_note(void)
{
	pg_atomic_fetch_add_u64(&limits->noted, 1);
	reco_database_wake_all();
}

uint64
reco_limits_noted(void)
{
	return pg_atomic_read_u64(&limits->noted);
}

/*
 * Forgets what services refuse. What tables know goes here and now, so that no lane takes
 * it from here afterwards; lanes are the gateway's.
 */
int
reco_limits_forget_refused(void)
{
	RecoLane   *copy = palloc(sizeof(RecoLane));
	int			n = 0;

	for (int i = 0; i < reco_shared->nlanes; i++)
	{
		LWLockAcquire(&reco_shared->lanes, LW_SHARED);
		memcpy(copy, &reco_lanes[i], sizeof(RecoLane));
		LWLockRelease(&reco_shared->lanes);
		copy->capabilities.exhausted = 0;
		if (copy->used &&
			(copy->app_refused_until > reco_now_us() ||
			 memcmp(&copy->capabilities, &(RecoCapabilities){0},
					sizeof(RecoCapabilities)) != 0))
			n++;
	}
	pfree(copy);
	LWLockAcquire(&limits->lock, LW_EXCLUSIVE);
	for (int i = 0; i < limits->nstates; i++)
		memset(limits->state[i].refused_until, 0, sizeof(limits->state[i].refused_until));
	LWLockRelease(&limits->lock);
	pg_atomic_write_u32(&limits->forget, 1);
	reco_gateway_wake();
	return n;
}

bool
reco_limits_asked_to_forget(void)
{
	return pg_atomic_read_u32(&limits->forget) != 0 &&
		pg_atomic_exchange_u32(&limits->forget, 0) != 0;
}

/* What there is to write. */
int
reco_limits_read(RecoLimitState *states)
{
	RecoLane   *copy = palloc(sizeof(RecoLane));
	int64		now = reco_now_us();
	int			n = 0;

	for (int i = 0; i < reco_shared->nlanes; i++)
	{
		LWLockAcquire(&reco_shared->lanes, LW_SHARED);
		memcpy(copy, &reco_lanes[i], sizeof(RecoLane));
		LWLockRelease(&reco_shared->lanes);

		if (!copy->used || copy->limits_version == 0)
			continue;

		/* what it has not taken yet shall not be written over */
		reco_limits_take(copy);
		if (describe(copy, &states[n], now))
			n++;
	}
	pfree(copy);
	return n;
}

/* A time that lies ahead, by the calendar; 0 = it does not. */
static TimestampTz
ahead(int64 time, int64 now)
{
	return time > now ? reco_calendar_time(time) : 0;
}

/* What a lane has to remember; false = nothing. */
static bool
describe(const RecoLane *lane, RecoLimitState *state, int64 now)
{
	const RecoLimit *limit = &lane->limit;
	bool		counts = false;

	memset(state, 0, sizeof(*state));
	state->lane_key = lane->key;
	state->fingerprint = lane->fingerprint;
	state->service = lane->service;
	strlcpy(state->base_url, lane->base_url, sizeof(state->base_url));
	for (char *c = state->base_url; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';			/* databases of any encoding write it */
	state->blocked_until = ahead(limit->blocked_until, now);
	state->quota_until = ahead(limit->quota_until, now);
	for (int e = 0; e < RECO_MAXENDPOINTS; e++)
	{
		state->exhausted_until[e] = ahead(lane->exhausted_until[e], now);
		state->refused_until[e] = ahead(lane->refused_until[e], now);
	}
	for (int i = 0; lane->keep_until > now && i < RECO_LIMIT_HOURS; i++)
		if (limit->hour - i >= 0)
		{
			state->hours[i] =
				(int32) Min(limit->hours[(limit->hour - i) % RECO_LIMIT_HOURS],
							PG_INT32_MAX);
			counts |= state->hours[i] > 0;
		}
	if (counts)
		state->hour_at = reco_calendar_time(Max(limit->hour * HOUR_US, 1));
	return counts || latest(state) > 0;
}

/* A keeper has written all that was noted up to a number. */
void
reco_limits_written(Oid database, uint64 noted)
{
	Progress   *progress;

	LWLockAcquire(&limits->lock, LW_EXCLUSIVE);
	progress = progress_of(database);
	if (progress != NULL)
		progress->written = Max(progress->written, noted);
	LWLockRelease(&limits->lock);
	ConditionVariableBroadcast(&limits->written);
}

/* Waits until all is written that was noted by now. */
void
reco_limits_wait(Oid database, int64 until)
{
	static uint32 wait_event = 0;
	uint32		event = reco_wait_event(&wait_event, "RecoLimitsWritten");
	uint64		noted = reco_limits_noted();

	ConditionVariablePrepareToSleep(&limits->written);
	for (;;)
	{
		int64		ms = (until - reco_now_us() + 999) / 1000;
		Progress   *progress;
		bool		written;

		LWLockAcquire(&limits->lock, LW_EXCLUSIVE);
		progress = progress_of(database);
		written = progress == NULL || progress->written >= noted;
		LWLockRelease(&limits->lock);
		if (written || ms <= 0 || reco_database_keeper(database) == 0)
			break;
		(void) ConditionVariableTimedSleep(&limits->written, Min(ms, LOOK_MS), event);
	}
	ConditionVariableCancelSleep();
	SetLatch(MyLatch);			/* an event may have been for somebody else */
}

/* Forgets how far a database is that goes, or whose extension does. */
void
reco_limits_forget(Oid database)
{
	Progress   *progress;

	if (reco_shared == NULL)
		return;
	LWLockAcquire(&limits->lock, LW_EXCLUSIVE);
	progress = progress_of(database);
	if (progress != NULL)
		memset(progress, 0, sizeof(*progress));
	LWLockRelease(&limits->lock);
	ConditionVariableBroadcast(&limits->written);
}

/* How far a database is; NULL = there is no room for it. */
static Progress *
progress_of(Oid database)
{
	Progress   *unused = NULL;

	for (int i = 0; i < RECO_NDATABASES; i++)
	{
		if (limits->progress[i].database == database)
			return &limits->progress[i];
		if (unused == NULL && !OidIsValid(limits->progress[i].database))
			unused = &limits->progress[i];
	}
	if (unused != NULL)
		unused->database = database;
	return unused;
}
