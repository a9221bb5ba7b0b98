/*-------------------------------------------------------------------------
 *
 * prefetch.c
 *	  reco_prefetch: what a listener will be asked about is asked now.
 *
 * Purpose: queue it, best effort, and at once.
 * Runs in: a backend.
 * Locks:	those of store/job.h, and 'wishes' of shared.h for a moment.
 * Never:	fail for want of a service, a worker or a free turn: it says so, and that is all.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "funcapi.h"
#include "guc.h"
#include "miscadmin.h"
#include "options.h"
#include "pipeline/ahead.h"
#include "shmem/shared.h"
#include "shmem/wish.h"
#include "store/job.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/tuplestore.h"

#define MOST_A_MINUTE	5
#define MINUTE_US		((int64) 60 * 1000 * 1000)

PG_FUNCTION_INFO_V1(reco_prefetch);
PG_FUNCTION_INFO_V1(reco_stat_wish);

static bool is_of_use(void);
static bool may(const char *user_id);

/* Queues a prefetch; NULL = there will be none. */
Datum
reco_prefetch(PG_FUNCTION_ARGS)
{
	char	   *user_id = reco_argument_user(fcinfo, 0, false);
	RecoJobOrder order = {.kind = "prefetch", .priority = RECO_JOB_MENDS};

	reco_require_writable("reco_prefetch");
	if (!is_of_use() || !may(user_id))
		PG_RETURN_NULL();
	order.user_id = user_id;
	order.arguments = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
	order.key = reco_job_key(GetUserId(), order.arguments);
	PG_RETURN_INT64(reco_job_queue(&order));
}

/* Is there a worker to ask, and a service to be asked? */
static bool
is_of_use(void)
{
	if (reco_shared == NULL)
		ereport(NOTICE,
				(errmsg("nothing is prefetched: library \"reco\" is not preloaded"),
				 errhint(
					 "Add reco to shared_preload_libraries and restart the server.")));
	else if (!reco_guc_keeper || reco_guc_job_workers == 0)
		ereport(NOTICE,
				(errmsg("nothing is prefetched: there are no job workers"),
				 errhint("Set \"%s\" and run SELECT pg_reload_conf().",
						 reco_guc_keeper ? "reco.job_workers" : "reco.keeper")));
	else if (!reco_guc_cache)
		ereport(NOTICE,
				(errmsg("nothing is prefetched: nothing of it would be kept"),
				 errhint("Set \"reco.cache\" to on.")));
	else if (!reco_ahead_has_service(GetUserId()))
		ereport(NOTICE,
				(errmsg("nothing is prefetched: there is no service that would tell "
						"anything of a listener or of tracks"),
				 errhint("Create a server of kind spotify or reccobeats, with a user mapping "
						 "that this role may use; reco_doctor() shows what is missing.")));
	else
		return true;
	return false;
}

/* Has the listener a turn left in this minute? */
static bool
may(const char *user_id)
{
	bool		crowded;

	if (reco_wish_may(MyDatabaseId, user_id, MOST_A_MINUTE, MINUTE_US, &crowded))
		return true;
	if (crowded)
		ereport(NOTICE, (errmsg("nothing is prefetched: too many listeners came in the "
								"last minute")));
	else
		ereport(
			NOTICE,
			(errmsg("nothing is prefetched: %d times a minute are enough for a listener",
					MOST_A_MINUTE)));
	return false;
}

/* Counts of what was wished: a row for each kind of which something was. */
Datum
reco_stat_wish(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	RecoWishCounts counts[RECO_NWISHES];

	InitMaterializedSRF(fcinfo, 0);
	reco_wishes_read(MyDatabaseId, counts);
	for (int k = 0; k < RECO_NWISHES; k++)
	{
		Datum		values[3];
		bool		nulls[3] = {false};

		if (counts[k].wished + counts[k].dropped == 0)
			continue;
		values[0] = CStringGetTextDatum(reco_wish_name(k));
		values[1] = Int64GetDatum(counts[k].wished);
		values[2] = Int64GetDatum(counts[k].dropped);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
