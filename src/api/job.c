/*-------------------------------------------------------------------------
 *
 * job.c
 *	  reco_generate_async, reco_job, reco_job_cancel: queued work.
 *
 * Purpose: arguments into a job, a job's row into columns.
 * Runs in: a backend.
 * Locks:	those of store/job.h.
 * Never:	show a role another one's job, unless it may read all statistics; tell apart a
 *			job of somebody else's and one that there is not; queue what nobody will do.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "funcapi.h"
#include "guc.h"
#include "miscadmin.h"
#include "options.h"
#include "pipeline/request_options.h"
#include "shmem/shared.h"
#include "store/job.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(reco_generate_async);
PG_FUNCTION_INFO_V1(reco_job);
PG_FUNCTION_INFO_V1(reco_job_cancel);

static void require_records(void);
static void find_job(FunctionCallInfo fcinfo, bool to_read, RecoJobFacts *facts);

/* Queues a generation. */
Datum
reco_generate_async(PG_FUNCTION_ARGS)
{
	RecoRequest *request = reco_request_from(fcinfo);
	RecoJobOrder order = {.kind = "generate", .priority = RECO_JOB_ASKED};

	if (strlen(request->user_id) > RECO_MAX_ID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("user_id must not be longer than %d bytes", RECO_MAX_ID),
				 errhint("Use the id that the application knows the listener by.")));
	reco_require_writable("reco_generate_async");
	reco_require_job_workers("reco_generate_async");
	require_records();
	order.user_id = request->user_id;
	order.arguments = DatumGetJsonbP(
		DirectFunctionCall1(jsonb_in, CStringGetDatum(reco_request_arguments(request))));
	order.key = reco_job_key(GetUserId(), order.arguments);
	PG_RETURN_INT64(reco_job_queue(&order));
}

/* Raises an ERROR where nobody would ever see the list. */
static void
require_records(void)
{
	if (reco_guc_run_history == 0)
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("reco_generate_async needs records of runs, and there shall be none"),
			 errhint("Set \"reco.run_history\"; reco_generate works without.")));
}

/* Finds the job that the first argument names, if the role may see it. */
static void
find_job(FunctionCallInfo fcinfo, bool to_read, RecoJobFacts *facts)
{
	int64		job_id;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("job_id must not be null"),
				 errhint("reco_generate_async returns it.")));
	job_id = PG_GETARG_INT64(0);
	if (!reco_job_read(job_id, facts) ||
		!(has_privs_of_role(GetUserId(), facts->role) ||
		  (to_read && has_privs_of_role(GetUserId(), ROLE_PG_MONITOR))))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no job " INT64_FORMAT, job_id),
				 errhint("Only the role that queued a job can see it; how long jobs that "
						 "ended are kept, say reco.job_history and reco.job_history_age.")));
}

static void
put_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL;
	values[column] = text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

/* A number of 64 bits, or a time; 0 is NULL. */
static void
put_number_or_null(Datum *values, bool *nulls, int column, int64 value)
{
	nulls[column] = value == 0;
	values[column] = Int64GetDatum(value);
}

/* How a job stands. */
Datum
reco_job(PG_FUNCTION_ARGS)
{
	RecoJobFacts facts;
	TupleDesc	desc;
	Datum		values[12];
	bool		nulls[12] = {false};
	HeapTuple	tuple;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	find_job(fcinfo, true, &facts);
	put_text(values, nulls, 0, facts.kind);
	put_text(values, nulls, 1, facts.user_id);
	put_text(values, nulls, 2, facts.state);
	put_text(values, nulls, 3, facts.stage);
	values[4] = Int32GetDatum(facts.percent);
	put_number_or_null(values, nulls, 5, facts.run_id);
	put_text(values, nulls, 6, facts.error);
	values[7] = Int32GetDatum(facts.attempts);
	put_number_or_null(values, nulls, 8, facts.created);
	put_number_or_null(values, nulls, 9, facts.run_after);
	put_number_or_null(values, nulls, 10, facts.started);
	put_number_or_null(values, nulls, 11, facts.finished);
	tuple = heap_form_tuple(BlessTupleDesc(desc), values, nulls);
	PG_RETURN_DATUM(HeapTupleGetDatum(tuple));
}

/* Cancels one's own job, wherever it is. */
Datum
reco_job_cancel(PG_FUNCTION_ARGS)
{
	RecoJobFacts facts;

	reco_require_writable("reco_job_cancel");
	find_job(fcinfo, false, &facts);
	if (!reco_job_cancel_open(&facts))
		PG_RETURN_BOOL(false);

	reco_job_tell(facts.job_id, facts.kind, "cancelled", NULL, 0, 0);
	PG_RETURN_BOOL(true);
}
