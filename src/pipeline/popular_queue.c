/*-------------------------------------------------------------------------
 *
 * popular_queue.c
 *	  When the candidates of popular moods are made, and queueing that.
 *
 * Purpose: see popular_queue.h.
 * Runs in: a caller's backend; the keeper.
 * Locks:	those of store/job.h.
 * Never:	leave candidates to the last moment: a job may have to wait for others.
 *
 *-------------------------------------------------------------------------
 */
#include "popular_queue.h"

#include "common/hashfn.h"
#include "json_write.h"
#include "miscadmin.h"
#include "store/job.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#define DEADLINE_MS		60000	/* nobody waits, and all that is asked shall come */
#define EARLIEST		0.5		/* of the time that candidates are fresh */
#define LAST_FROM		0.8		/* the last moment varies from mood to mood */
#define LAST_TO			0.95

#define UNIX_EPOCH_US	((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

/* A number of 0..1 that is another for each mood, and each time. */
static double
share_of(const RecoPopularState *state)
{
	uint64 hash = hash_combine64(state->digest, (uint64) state->fetched_at);

	return (double) (hash_bytes_extended((unsigned char *) &hash, sizeof(hash), 0) >>
					 11) /
		(double) (UINT64CONST(1) << 53);
}

/* When candidates are made again. */
TimestampTz
reco_popular_due(const RecoPopularState *state, const int64 *hours)
{
	double		fresh = (double) (state->fresh_until - state->fetched_at);
	double		share = share_of(state);
	TimestampTz earliest = state->fetched_at + (int64) (fresh * EARLIEST);
	TimestampTz last =
		state->fetched_at + (int64) (fresh * (LAST_FROM + (LAST_TO - LAST_FROM) * share));
	int64		first_hour = (earliest + UNIX_EPOCH_US) / USECS_PER_HOUR;
	int64		last_hour = (last + UNIX_EPOCH_US) / USECS_PER_HOUR;
	int64		best = last_hour;
	TimestampTz from;
	TimestampTz to;

	for (int64 hour = last_hour - 1;
		 hour >= Max(first_hour, last_hour - RECO_POPULAR_HOURS + 1); hour--)
		if (hours[hour % RECO_POPULAR_HOURS] < hours[best % RECO_POPULAR_HOURS])
			best = hour;
	if (best == last_hour)
		return last;
	from = Max(earliest, best * USECS_PER_HOUR - UNIX_EPOCH_US);
	to = Min(last, (best + 1) * USECS_PER_HOUR - UNIX_EPOCH_US);
	return from + (int64) ((double) (to - from) * share);
}

/* Queues the job. */
bool
reco_popular_queue(const char *prompt, uint64 digest)
{
	RecoJobOrder order = {.kind = "warm", .user_id = "", .priority = RECO_JOB_AHEAD};
	StringInfoData json;
	bool		is_new;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	put_string(&json, "prompt", prompt);
	put_id(&json, "size", RECO_POPULAR_SIZE);
	put_id(&json, "deadline_ms", DEADLINE_MS);
	put_id(&json, "repeat_days", 0);
	appendStringInfoChar(&json, '}');
	order.arguments =
		DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)));
	order.key = psprintf("%u %016llx", GetUserId(), (unsigned long long) digest);
	order.is_new = &is_new;
	(void) reco_job_queue(&order);
	return is_new;
}
