/*-------------------------------------------------------------------------
 *
 * prewarm.c
 *	  reco_prewarm: have lists made before they are asked for.
 *
 * Purpose: look at what became of earlier predictions, predict an hour, and queue as many
 *			of the likeliest lists as its budget of calls allows.
 * Runs in: a backend.
 * Locks:	those of store/prewarm.h and store/job.h.
 * Never:	queue a list that no service would have a part in, or with the rights of a
 *			role that never asked for it.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalog/pg_authid.h"
#include "guc.h"
#include "miscadmin.h"
#include "options.h"
#include "pipeline/result.h"
#include "shmem/stage_stat.h"
#include "store/job.h"
#include "store/prewarm.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#define LEAD_US			(15 * (int64) USECS_PER_MINUTE) /* so long before lists are made */
#define UNKNOWN_CALLS	8		/* of a list, where no record tells */

PG_FUNCTION_INFO_V1(reco_prewarm);

static TimestampTz hour_of(FunctionCallInfo fcinfo);
static int	queue_all(TimestampTz hour, RecoPrewarmRow *rows, int nrows);
static bool may_ask(Oid role);
static void queue_one(TimestampTz hour, RecoPrewarmRow *row);

/* Predicts and queues. */
Datum
reco_prewarm(PG_FUNCTION_ARGS)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz hour;
	int64 age = (int64) reco_guc_run_history_age * SECS_PER_MINUTE * USECS_PER_SEC;
	RecoPrewarmRow *rows;
	int			nrows;

	reco_require_writable("reco_prewarm");
	hour = hour_of(fcinfo);
	if (reco_guc_prewarm_budget == 0 || reco_guc_most_calls() == 0)
		PG_RETURN_INT32(0);
	reco_require_job_workers("reco_prewarm");
	reco_prewarm_judge(Max(reco_stage_stat_hit_us(MyDatabaseId), 0) / 1000);
	reco_prewarm_trim(now - age, reco_guc_run_history);
	reco_prewarm_predict(hour, reco_guc_prewarm_budget,
						 Min(UNKNOWN_CALLS, reco_guc_most_calls()));
	rows = reco_prewarm_open(hour, &nrows);
	PG_RETURN_INT32(queue_all(hour, rows, nrows));
}

/* The hour that is meant: the next full one, unless the argument says which. */
static TimestampTz
hour_of(FunctionCallInfo fcinfo)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz hour;

	if (PG_ARGISNULL(0))
		return DatumGetTimestampTz(
			DirectFunctionCall2(timestamptz_trunc,
								PointerGetDatum(cstring_to_text("hour")),
								TimestampTzGetDatum(now + USECS_PER_HOUR)));
	hour = PG_GETARG_TIMESTAMPTZ(0);
	if (hour <= now - USECS_PER_HOUR || hour > now + USECS_PER_DAY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the hour must not be over, nor begin later than in a day"),
				 errhint("Leave argument \"at\" out for the next full hour.")));
	return hour;
}

/* Queues what the budget allows, likeliest first; returns how many. */
static int
queue_all(TimestampTz hour, RecoPrewarmRow *rows, int nrows)
{
	int			left = reco_guc_prewarm_budget - reco_prewarm_promised(hour);
	int			queued = 0;

	for (int i = 0; i < nrows && left > 0; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (rows[i].expected > left || !may_ask(rows[i].role))
			continue;
		queue_one(hour, &rows[i]);
		left -= rows[i].expected;
		queued++;
	}
	reco_prewarm_queued(hour, rows, nrows);
	return queued;
}

/* Is the role still there, and are there servers that answer it? */
static bool
may_ask(Oid role)
{
	return SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role)) &&
		reco_result_servers(role) != 0;
}

static void
queue_one(TimestampTz hour, RecoPrewarmRow *row)
{
	RecoJobOrder order = {.kind = "prewarm", .priority = RECO_JOB_AHEAD};
	char *which =
		psprintf("{\"hour\": \"" INT64_FORMAT "\", \"key\": \"%s\"}", hour, row->key);
	Datum		prediction = DirectFunctionCall1(jsonb_in, CStringGetDatum(which));

	order.user_id = row->user_id;
	order.key = row->key;
	order.role = row->role;
	order.run_after = hour - LEAD_US;
	if (row->arguments != NULL)
		prediction =
			DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(row->arguments), prediction);
	order.arguments = DatumGetJsonbP(prediction);
	row->job_id = reco_job_queue(&order);
}
