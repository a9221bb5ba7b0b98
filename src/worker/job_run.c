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
#include "job_ahead.h"
#include "job_kind.h"
#include "job_warm.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "pipeline/record.h"
#include "pipeline/request_options.h"
#include "session.h"
#include "store/patience.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#define LONGEST_PAUSE_S	3600
#define PAUSE_GROWS		4		/* times, after each failure */
#define BACK_MS			1000	/* until a job that was given back may be claimed */
#define PATIENCE_US		((int64) 60 * 1000 * 1000) /* of a job, with locked tables */
#define LONGEST_NAP_MS	200
#define LOCKED_MS		100		/* between two looks at a row that is locked */
#define MOST_PERCENT	99		/* of what is not done */

/* Where in a run each stage begins, in percent of a usual one that asks services. */
static const int percents[RECO_NSTAGES] = {
	[RECO_STAGE_OPEN] = 0,
	[RECO_STAGE_MOOD] = 1,
	[RECO_STAGE_MODEL] = 2,
	[RECO_STAGE_TOP_TRACKS] = 5,
	[RECO_STAGE_TOP_ARTISTS] = 10,
	[RECO_STAGE_NAMES] = 15,
	[RECO_STAGE_DISCOVER] = 20,
	[RECO_STAGE_ANCHORS] = 35,
	[RECO_STAGE_SEEDS] = 45,
	[RECO_STAGE_USER_ANCHORS] = 50,
	[RECO_STAGE_ARTIST_DISCOVERY] = 60,
	[RECO_STAGE_SEED_BASED] = 70,
	[RECO_STAGE_RANK] = 85,
	[RECO_STAGE_RULES] = 90,
	[RECO_STAGE_QUALITY] = 92,
	[RECO_STAGE_ORDER] = 95,
	[RECO_STAGE_KEEP] = 98,
};

static bool taken = false;

static void begin_part(RecoJobWork *work);
static void begin_transaction(RecoJobWork *work);
static void nap(int64 ms);
static void end_part(RecoJobWork *work, const char *synchronous);
static void note_stage(void *arg, int stage);
static void tell_progress(RecoJobWork *work);
static void tell(const RecoJob *job, const char *state, const char *stage, int percent,
				 int64 run_id);
static void finish(RecoJobWork *work, RecoRun *run);
static void end_taken(const char *why);

/* What a worker does. */
static const RecoJobKind kinds[] = {
	{"generate", RECO_PRIORITY_PREFETCH, reco_job_make_anew, true},
	{"complete", RECO_PRIORITY_REFRESH, reco_job_make_anew, true},
	{"refresh", RECO_PRIORITY_REFRESH, reco_job_make_anew, true},
	{"hydrate", RECO_PRIORITY_REFRESH, reco_job_hydrate, false},
	{"prefetch", RECO_PRIORITY_PREFETCH, reco_job_prefetch, false},
	{"warm", RECO_PRIORITY_WARM, reco_job_warm, true},
	{"prewarm", RECO_PRIORITY_PREFETCH, reco_job_prewarm, true},
};

const RecoJobKind *
reco_job_kind(const char *name)
{
	for (int k = 0; k < lengthof(kinds); k++)
		if (strcmp(kinds[k].name, name) == 0)
			return &kinds[k];
	return NULL;
}

bool
reco_job_was_taken(void)
{
	return taken;
}

/* Does the job, whatever its kind, and says so. */
void
reco_job_run(const RecoJob *job, Oid extension, MemoryContext context)
{
	RecoJobWork work = {.job = job, .extension = extension, .context = context};
	RecoRun    *run;

	taken = false;
	CHECK_FOR_INTERRUPTS();
	MemoryContextSwitchTo(context);
	work.patience_us = PATIENCE_US;
	work.kind = reco_job_kind(job->kind);
	if (work.kind == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("job " INT64_FORMAT " is of an unknown kind: \"%s\"", job->job_id,
						job->kind),
				 errhint("Table reco.job is written by functions only.")));
	begin_part(&work);
	reco_patience_begin(0);
	run = work.kind->work(&work);
	reco_patience_end();
	finish(&work, run);
}

/*
 * Begins a transaction with the rights of the role that queued the job. What it may read
 * is locked first: a table that somebody has locked is waited for between transactions,
 * and gone without when patience ends. So no statement waits.
 */
static void
begin_part(RecoJobWork *work)
{
	int64		ms = 1;

	for (;;)
	{
		begin_transaction(work);
		if (reco_patience_hold(RECO_READS_ALL) == 0 || work->patience_us <= 0)
			break;
		end_part(work, "off");
		nap(ms);
		work->patience_us -= ms * 1000;
		ms = Min(2 * ms, LONGEST_NAP_MS);
	}
	SetUserIdAndSecContext(work->job->role,
						   SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
}

/* Waits outside a transaction. */
static void
nap(int64 ms)
{
	static uint32 wait_event = 0;

	(void) reco_session_wait(ms, reco_wait_event(&wait_event, "RecoJobMain"));
	CHECK_FOR_INTERRUPTS();
	if (!reco_database_continue())
		end_taken("the database is needed");
}

static void
begin_transaction(RecoJobWork *work)
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
	MemoryContextSwitchTo(work->context);
}

/* Ends it. The rights go first: a transaction must not begin with them. */
static void
end_part(RecoJobWork *work, const char *synchronous)
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

/* The work asks the seam, or waits: it holds nothing of the transaction. */
void
reco_job_pause(void *arg, RecoPause how)
{
	RecoJobWork *work = arg;

	if (how != RECO_PAUSE_ENTER)
	{
		tell_progress(work);
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
	reco_job_progress(arg, reco_run_stage_name((RecoStage) stage), percents[stage]);
}

void
reco_job_progress(RecoJobWork *work, const char *stage, int percent)
{
	work->percent = Max(work->percent, Min(percent, MOST_PERCENT));
	work->nsteps = Min(work->nsteps + 1, lengthof(work->steps));
	work->steps[work->nsteps - 1] = (RecoJobStep){stage, work->percent};
}

/* Tells what began since, in the transaction. */
static void
tell_progress(RecoJobWork *work)
{
	const RecoJobStep *last;

	if (work->nsteps == 0)
		return;
	last = &work->steps[work->nsteps - 1];
	for (int i = 0; i < work->nsteps; i++)
		tell(work->job, "running", work->steps[i].stage, work->steps[i].percent, 0);
	if (!reco_job_note(work->job, last->stage, last->percent))
		end_taken("the job was cancelled");
	work->nsteps = 0;
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

int
reco_job_number(const RecoJob *job, const char *name, int otherwise)
{
	JsonbValue *value = member(job, name);

	return value == NULL || value->type != jbvNumeric
		? otherwise
		: DatumGetInt32(
			  DirectFunctionCall1(numeric_int4, NumericGetDatum(value->val.numeric)));
}

char *
reco_job_text(const RecoJob *job, const char *name)
{
	JsonbValue *value = member(job, name);

	return value == NULL || value->type != jbvString
		? NULL
		: pnstrdup(value->val.string.val, value->val.string.len);
}

/* Makes the arguments a request again; they were checked when they were queued. */
RecoRequest *
reco_job_request(RecoJobWork *work)
{
	const RecoJob *job = work->job;
	RecoRequest *request = reco_request_new();
	JsonbValue *options = member(job, "options");

	request->prompt = reco_job_text(job, "prompt");
	if (request->prompt == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("job " INT64_FORMAT " has no prompt", job->job_id),
				 errhint("Table reco.job is written by functions only; queue it again.")));
	request->user_id = job->user_id;
	request->size = reco_job_number(job, "size", request->size);
	request->deadline_ms = reco_job_number(job, "deadline_ms", request->deadline_ms);
	if (options != NULL)
		reco_request_read_options(JsonbValueToJsonb(options), request);
	request->repeat_days = reco_job_number(job, "repeat_days", request->repeat_days);
	reco_job_attach(work, request);
	return request;
}

void
reco_job_attach(RecoJobWork *work, RecoRequest *request)
{
	request->priority = work->kind->priority;
	request->progress = note_stage;
	request->progress_arg = work;
}

/*
 * The job is done: so it says, with its run's record, in one transaction. A run that
 * nobody asked for and nobody can be given is not on record: it would take the place of
 * somebody's.
 */
static void
finish(RecoJobWork *work, RecoRun *run)
{
	bool		is_seen = run != NULL && (run->published || !run->request->ahead);
	int64		run_id = is_seen && work->kind->is_recorded ? run->run_id : 0;
	bool		locked;

	/* whoever has the row locked may cancel it yet, or not */
	for (;;)
	{
		SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, 0);
		tell_progress(work);
		if (reco_job_end(work->job, RECO_JOB_DONE, run_id, NULL, 0, &locked))
			break;
		if (!locked)
			end_taken("the job was cancelled");
		end_part(work, "off");
		nap(LOCKED_MS);
		begin_part(work);
	}
	if (run_id != 0)
		reco_record_write(run);
	tell(work->job, "done", NULL, 100, run_id);
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
					 end == RECO_JOB_AGAIN
						 ? next_attempt(job->failures)
						 : TimestampTzPlusMilliseconds(GetCurrentTimestamp(), BACK_MS),
					 &locked))
		tell(job, end == RECO_JOB_FAILED ? "failed" : "queued", NULL, 0, 0);
	return !locked;
}
