/*-------------------------------------------------------------------------
 *
 * job_run.c
 *	  One job, done in transactions of its own.
 *
 * Purpose: see job_run.h.
 * Runs in: a job worker.
 * Locks:	AccessShareLock on the extension in each transaction; those of store/job.h.
 * Never:	have a snapshot, a lock or a user's rights where the run waits; do what the
 *			role that queued the job could not.
 *
 * The run comes by at each call of the seam: then what began since is told, to the
 * job's row and to who listens, and the transaction ends. A row that is not marked as
 * this worker's any more, or an extension that is not what it was, ends the run.
 *
 *-------------------------------------------------------------------------
 */
#include "job_run.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "common/pg_prng.h"
#include "guc.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "pipeline/record.h"
#include "pipeline/request_options.h"
#include "pipeline/result.h"
#include "pipeline/result_rows.h"
#include "session.h"
#include "shmem/slot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#define LONGEST_PAUSE_S	3600
#define PAUSE_GROWS		4		/* times, after each failure */

/* A job under way. */
typedef struct Work
{
	const RecoJob *job;
	Oid			extension;
	MemoryContext context;
	int			nbegun;			/* stages */
	int			ntold;			/* of these */
	RecoStage	begun[RECO_NSTAGES];
} Work;

static bool taken = false;

static void begin_part(Work *work);
static void end_part(Work *work, const char *synchronous);
static void at_the_seam(void *arg, RecoPause how);
static void note_stage(void *arg, int stage);
static void tell_stages(Work *work);
static void tell(const RecoJob *job, const char *state, const char *stage, int percent,
				 int64 run_id);
static RecoRequest *read_request(const RecoJob *job);
static void finish(Work *work, RecoRun *run);
static void end_taken(const char *why);

bool
reco_job_was_taken(void)
{
	return taken;
}

/* Makes the list that was asked for. */
void
reco_job_run(const RecoJob *job, Oid extension, MemoryContext context)
{
	Work		work = {.job = job, .extension = extension, .context = context};
	RecoRequest *request;
	RecoRun    *run;

	taken = false;
	MemoryContextSwitchTo(context);
	begin_part(&work);
	request = read_request(job);
	request->priority = RECO_PRIORITY_PREFETCH;
	request->progress = note_stage;
	request->progress_arg = &work;
	run = reco_result_make(request, context, &reco_result_rows, at_the_seam, &work);
	finish(&work, run);
}

/* Begins a transaction with the rights of the role that queued the job. */
static void
begin_part(Work *work)
{
	Oid			extension;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	if (!reco_session_lock_extension(&extension) || extension != work->extension ||
		!reco_session_is_our_version())
		end_taken("the extension is being changed");
	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(work->job->role)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the role that queued the job does not exist any more"),
				 errhint("Queue it again, as another role.")));
	SetUserIdAndSecContext(work->job->role,
						   SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	MemoryContextSwitchTo(work->context);
}

/* Ends it. The rights go first: a transaction must not begin with them. */
static void
end_part(Work *work, const char *synchronous)
{
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, 0);
	(void) set_config_option("synchronous_commit", synchronous, PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
	CommitTransactionCommand();
	pgstat_report_stat(false);
	MemoryContextSwitchTo(work->context);
}

/* Ends a run that is nobody's fault. */
static void
end_taken(const char *why)
{
	taken = true;
	ereport(ERROR, (errcode(ERRCODE_OPERATOR_INTERVENTION), errmsg("%s", why)));
}

/* The run asks the seam, or waits: it holds nothing of the transaction. */
static void
at_the_seam(void *arg, RecoPause how)
{
	Work	   *work = arg;

	if (how != RECO_PAUSE_ENTER)
	{
		tell_stages(work);
		end_part(work, "off");
	}
	CHECK_FOR_INTERRUPTS();
	if (!reco_database_continue())
		end_taken("the database is needed");
	if (how != RECO_PAUSE_LEAVE)
		begin_part(work);
}

/* A stage of the run begins. */
static void
note_stage(void *arg, int stage)
{
	Work	   *work = arg;

	if (work->nbegun < RECO_NSTAGES)
		work->begun[work->nbegun++] = (RecoStage) stage;
}

static int
percent_of(int nbegun)
{
	return 100 * (nbegun - 1) / RECO_NSTAGES;
}

/* Tells the stages that began since, in the transaction. */
static void
tell_stages(Work *work)
{
	if (work->ntold == work->nbegun)
		return;
	for (int i = work->ntold; i < work->nbegun; i++)
		tell(work->job, "running", reco_run_stage_name(work->begun[i]), percent_of(i + 1),
			 0);
	work->ntold = work->nbegun;
	if (!reco_job_note(work->job, reco_run_stage_name(work->begun[work->nbegun - 1]),
					   percent_of(work->nbegun)))
		end_taken("the job was cancelled");
}

/* Tells who listens. */
static void
tell(const RecoJob *job, const char *state, const char *stage, int percent, int64 run_id)
{
	reco_job_tell(job->job_id, job->kind, state, stage, percent, run_id);
}

/* A member of the arguments; NULL = there is none. */
static JsonbValue *
member(const RecoJob *job, const char *name)
{
	return getKeyJsonValueFromContainer(&job->arguments->root, name, (int) strlen(name),
										NULL);
}

/* A number among the arguments. */
static int
number(const RecoJob *job, const char *name, int otherwise)
{
	JsonbValue *value = member(job, name);

	return value == NULL || value->type != jbvNumeric
		? otherwise
		: DatumGetInt32(
			  DirectFunctionCall1(numeric_int4, NumericGetDatum(value->val.numeric)));
}

/* Makes the arguments a request again; they were checked when they were queued. */
static RecoRequest *
read_request(const RecoJob *job)
{
	RecoRequest *request = reco_request_new();
	JsonbValue *prompt = member(job, "prompt");
	JsonbValue *options = member(job, "options");

	if (prompt != NULL && prompt->type == jbvString)
		request->prompt = pnstrdup(prompt->val.string.val, prompt->val.string.len);
	else
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("job " INT64_FORMAT " has no prompt", job->job_id),
				 errhint("Table reco.job is written by functions only; queue it again.")));
	request->user_id = job->user_id;
	request->size = number(job, "size", request->size);
	request->deadline_ms = number(job, "deadline_ms", request->deadline_ms);
	if (options != NULL)
		reco_request_read_options(JsonbValueToJsonb(options), request);
	request->repeat_days = number(job, "repeat_days", request->repeat_days);
	return request;
}

/* The job is done: so it says, with the run's record, in one transaction. */
static void
finish(Work *work, RecoRun *run)
{
	static uint32 wait_event = 0;
	bool		locked;

	/* whoever has the row locked may cancel it yet, or not */
	for (;;)
	{
		SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, 0);
		tell_stages(work);
		if (reco_job_end(work->job, RECO_JOB_DONE, run->run_id, NULL, 0, &locked))
			break;
		if (!locked)
			end_taken("the job was cancelled");
		end_part(work, "off");
		(void) reco_session_wait(100, reco_wait_event(&wait_event, "RecoJobMain"));
		CHECK_FOR_INTERRUPTS();
		if (!reco_database_continue())
			end_taken("the database is needed");
		begin_part(work);
	}
	reco_record_write(run);
	tell(work->job, "done", NULL, 100, run->run_id);
	end_part(work, "local");
}

/* When a job is tried again: after a pause that grows, and varies. */
static TimestampTz
next_attempt(int failures)
{
	double		pause = reco_guc_job_pause / 1000.0 * pow(PAUSE_GROWS, failures);

	pause = Min(pause, LONGEST_PAUSE_S) *
		(0.75 + 0.5 * pg_prng_double(&pg_global_prng_state));
	return GetCurrentTimestamp() + (int64) (pause * USECS_PER_SEC);
}

bool
reco_job_failed(const RecoJob *job, const ErrorData *error, bool innocent)
{
	RecoJobEnd	end = innocent							   ? RECO_JOB_GIVEN_BACK
		: job->failures + 1 >= reco_guc_job_attempts ? RECO_JOB_FAILED
													 : RECO_JOB_AGAIN;
	bool		locked;

	if (reco_job_end(job, end, 0, innocent ? NULL : error->message,
					 end == RECO_JOB_AGAIN ? next_attempt(job->failures) : 0, &locked))
		tell(job, end == RECO_JOB_FAILED ? "failed" : "queued", NULL, 0, 0);
	return !locked;
}
