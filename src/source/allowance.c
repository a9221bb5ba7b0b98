/*-------------------------------------------------------------------------
 *
 * allowance.c
 *	  What a run may ask of a server: calls, and keys in one of them.
 *
 * Purpose: see allowance.h.
 * Runs in: any process with a database and a transaction.
 * Locks:	'lanes' of shared.h and that of limit_state.h, one after another, for moments.
 * Never:	keep a secret.
 *
 *-------------------------------------------------------------------------
 */
#include "allowance.h"

#include "guc.h"
#include "shmem/limit_state.h"
#include "shmem/shared.h"
#include "store/limit_state.h"
#include "upstream/spotify.h"

#define HOUR_US		((int64) 3600 * 1000 * 1000)

/* Copies what counts of a lane; of one that nobody has claimed yet, what tables know. */
static RecoLane *
copy_of_lane(uint64 key)
{
	RecoLane   *copy = palloc0(sizeof(RecoLane));

	copy->key = key;
	copy->limit.hour = reco_now_us() / HOUR_US;
	LWLockAcquire(&reco_shared->lanes, LW_SHARED);
	for (int i = 0; i < reco_shared->nlanes; i++)
		if (reco_lanes[i].used && reco_lanes[i].key == key)
			*copy = reco_lanes[i];
	LWLockRelease(&reco_shared->lanes);
	reco_limits_take(copy);
	return copy;
}

/* How many calls were sent in the present hour, and in those before it. */
static void
count_hours(const RecoLimit *limit, int64 *before, int64 *now)
{
	int64		hour = reco_now_us() / HOUR_US;

	*before = *now = 0;
	for (int64 h = Max(0, limit->hour - RECO_LIMIT_HOURS + 1); h <= limit->hour; h++)
		if (h == hour)
			*now += limit->hours[h % RECO_LIMIT_HOURS];
		else if (h > hour - RECO_LIMIT_HOURS)
			*before += limit->hours[h % RECO_LIMIT_HOURS];
}

/* Finds out what a run may ask. */
void
reco_allowance_read(const RecoServer *server, int budget, bool background,
					RecoAllowance *allowance)
{
	RecoProblem problem;
	RecoSecret *secret;
	RecoLane   *lane;
	int64		before;
	int64		now;

	memset(allowance, 0, sizeof(*allowance));
	allowance->calls = budget;
	if (reco_shared == NULL)
		return;
	secret = reco_server_unlock(server, &problem);
	if (secret == NULL)
		return;
	(void) reco_limit_state_load(false);
	lane = copy_of_lane(secret->lane_key);
	reco_server_lock(secret);
	allowance->capabilities = lane->capabilities;
	count_hours(&lane->limit, &before, &now);
	allowance->calls =
		reco_budget_share(budget, server->options.daily_quota, background, before, now);
	allowance->by_quota = allowance->calls < budget;
	pfree(lane);
}

/* Would a batch be the first one of which it is not known whether the app may have it? */
static bool
is_unknown(const RecoServer *server, const RecoAllowance *allowance,
		   RecoOperation operation)
{
	return server->options.service == RECO_SPOTIFY &&
		server->options.access == RECO_ACCESS_AUTO &&
		(operation == RECO_OP_TRACKS || operation == RECO_OP_ARTISTS) &&
		!reco_spotify_is_extended(&server->options, &allowance->capabilities);
}

static int
keys_per_call(const RecoServer *server, const RecoAllowance *allowance,
			  RecoOperation operation)
{
	return reco_guc_batching
		? Max(1,
			  reco_service_batch_max(server->options.service, operation, &server->options,
									 &allowance->capabilities))
		: 1;
}

int
reco_allowance_keys(const RecoServer *server, const RecoAllowance *allowance,
					RecoOperation operation, int calls)
{
	int			each = keys_per_call(server, allowance, operation);

	if (calls <= 0)
		return 0;
	if (each > 1 && is_unknown(server, allowance, operation))
		return Max(1, calls - 1);
	return calls > RECO_BUDGET_UNLIMITED / each ? RECO_BUDGET_UNLIMITED : calls * each;
}

int
reco_allowance_cost(const RecoServer *server, const RecoAllowance *allowance,
					RecoOperation operation, int nkeys)
{
	int			each = keys_per_call(server, allowance, operation);

	if (nkeys > 1 && each > 1 && is_unknown(server, allowance, operation))
		return nkeys + 1;
	return (nkeys + each - 1) / each;
}
