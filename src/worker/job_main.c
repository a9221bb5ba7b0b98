/*-------------------------------------------------------------------------
 *
 * job_main.c
 *	  A job worker's process: claims, waits, recovery.
 *
 * Purpose: claim the job whose turn it is and do it, as long as the database has the
 *			extension and there shall be so many workers; sleep while nothing is due.
 * Runs in: a background worker with a database.
 * Locks:	see session.c and store/job.h; none while it waits.
 * Never:	wait but for the latch, or inside a transaction; look for work while nobody
 *			queued any and nothing is due.
 *
 * An ERROR in a job is the job's: it is in its row, not in the log. An ERROR beside one
 * is logged once, and looked past after a pause that grows. What ends the process leaves
 * its job marked with a claim that nobody has; whoever comes next finds that.
 *
 *-------------------------------------------------------------------------
 */
#include "job_run.h"
#include "parts.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "guc.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "session.h"
#include "shmem/shared.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "tcop/tcopprot.h"
#include "store/chore.h"
#include "store/id.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define LONGEST_MS		60000	/* without a look: clocks are set, rows edited */
#define LEAST_MS		100		/* while others have what is due */
#define BUSY_MS			200		/* while the extension is being changed */
#define VERSION_MS		5000	/* while it has another version */
#define PAUSE_MS		1000	/* after the first error; doubles */
#define LONGEST_PAUSE_MS	60000
#define WELL_MS			60000	/* after that the launcher's pauses begin anew */
#define MOST_DEATHS		10		/* of workers, at one job */
#define TRIM_JOBS		500		/* or so many jobs */
#define MOST_TRIMMED	20000	/* in one transaction */

/* How a look for work went. */
typedef enum Look
{
	LOOK_CLAIMED,
	LOOK_MORE,					/* look again at once */
	LOOK_NOTHING,
	LOOK_BUSY,					/* somebody changes the extension */
	LOOK_OTHER_VERSION,
	LOOK_GONE,					/* there is no extension */
	LOOK_FAILED
} Look;

static MemoryContext turn = NULL;	/* reset before each look */
static RecoWorkerEnd end = RECO_WORKER_FAILED;
static RecoWorkerOrder order;
static int64 claim = 0;
static bool shown = false;		/* it has a row in reco_stat_worker */
static int	failures = 0;		/* looks in a row */
static char last_error[256] = "";
static TimestampTz started = 0;
static TimestampTz next_due = 0;
static TimestampTz next_trim = 0;
static int	ended = 1;			/* jobs since the history was looked at; perhaps */
static bool unnoted = false;	/* a failure of the last job, in its row */
static volatile sig_atomic_t told = false;	/* to go, by SIGTERM */

static void on_term(SIGNAL_ARGS);
static void on_interrupt(SIGNAL_ARGS);

static void look_up(void);
static Look try_look(RecoJob **job, Oid *extension);
static Look look(RecoJob **job, Oid *extension);
static bool trim(void);
static void note_look(Look how);
static void work(const RecoJob *job, Oid extension);
static void settle(const RecoJob *job, const ErrorData *error, bool innocent,
				   Oid extension);
static bool write_failure(const RecoJob *job, const ErrorData *error, bool innocent,
						  Oid extension);
static void log_once(const ErrorData *error);
static void say(const char *state);
static void wait_after(Look how);
static void wait_ms(int64 ms, bool until_woken);
static RecoProcessKind my_kind(void);
pg_noreturn static void leave(RecoWorkerEnd how);
static void at_exit(int code, Datum arg);

/* Runs the process. */
void
reco_job_worker_main(Datum arg)
{
	memcpy(&order, MyBgworkerEntry->bgw_extra, sizeof(order));
	claim = reco_id_new();
	reco_session_begin(&order, claim, "reco job worker", at_exit);
	pqsignal(SIGTERM, on_term);
	pqsignal(SIGUSR2, on_interrupt);
	turn = AllocSetContextCreate(TopMemoryContext, "reco job worker turn",
								 ALLOCSET_DEFAULT_SIZES);
	started = GetCurrentTimestamp();
	for (;;)
	{
		RecoJob    *job = NULL;
		Oid			extension = InvalidOid;
		Look		how;

		look_up();
		how = try_look(&job, &extension);
		note_look(how);
		if (how == LOOK_GONE)
			leave(RECO_WORKER_NOT_NEEDED);
		if (how == LOOK_CLAIMED)
			work(job, extension);
		else if (how != LOOK_MORE)
			wait_after(how);
	}
}

/* Who ends it in good order is no failure of its, nor of the job's. */
static void
on_term(SIGNAL_ARGS)
{
	told = true;
	die(postgres_signal_arg);
}

/* As SIGINT, but for the job only that it was sent for. */
static void
on_interrupt(SIGNAL_ARGS)
{
	if (reco_database_is_interrupted())
		StatementCancelHandler(postgres_signal_arg);
}

/* Sees what it is told from outside, between two jobs. */
static void
look_up(void)
{
	ResetLatch(MyLatch);
	if (!reco_database_continue())
		leave(RECO_WORKER_LET_GO);
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
	if (!reco_guc_keeper || reco_database_yields())
		leave(RECO_WORKER_LET_GO);
	if (order.seat > reco_guc_job_workers)
		leave(RECO_WORKER_NOT_NEEDED);
}

/* Looks for a job; an ERROR in that is recovered from. */
static Look
try_look(RecoJob **job, Oid *extension)
{
	volatile Look how = LOOK_FAILED;

	MemoryContextSwitchTo(turn);
	MemoryContextReset(turn);
	PG_TRY();
	{
		CHECK_FOR_INTERRUPTS();
		how = look(job, extension);
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		log_once(reco_session_recover(turn));
		FlushErrorState();
		RESUME_INTERRUPTS();
		how = LOOK_FAILED;
	}
	PG_END_TRY();
	pgstat_report_activity(STATE_IDLE, NULL);
	return how;
}

/* One transaction: what dead workers left, a claim, the history. */
static Look
look(RecoJob **job, Oid *extension)
{
	Look		how = LOOK_NOTHING;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	if (!reco_session_lock_extension(extension))
		how = OidIsValid(*extension) ? LOOK_BUSY : LOOK_GONE;
	else if (!reco_session_is_our_version())
		how = LOOK_OTHER_VERSION;
	else if (!RecoveryInProgress())
	{
		pgstat_report_activity(STATE_RUNNING, "reco: looking for a job");
		(void) set_config_option("synchronous_commit", "local", PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
		(void) reco_job_take_over(claim, unnoted, MOST_DEATHS);
		MemoryContextSwitchTo(turn);
		*job = reco_job_claim(claim);
		how = *job != NULL ? LOOK_CLAIMED : LOOK_NOTHING;
		if (*job == NULL)
			next_due = reco_job_next_due();
		if (trim() && how == LOOK_NOTHING)
			how = LOOK_MORE;
	}
	CommitTransactionCommand();
	MemoryContextSwitchTo(turn);
	unnoted = unnoted && how != LOOK_CLAIMED && how != LOOK_NOTHING && how != LOOK_MORE;
	if (OidIsValid(*extension))
		reco_database_found(*extension, 0);
	pgstat_report_stat(how != LOOK_CLAIMED);
	return how;
}

/* Keeps the history within its bounds; whether there is more to delete. */
static bool
trim(void)
{
	TimestampTz now = GetCurrentTimestamp();
	int64 age = (int64) reco_guc_job_history_age * SECS_PER_MINUTE * USECS_PER_SEC;

	if (now < next_trim && ended < TRIM_JOBS)
		return false;
	if (!reco_chore_is_crons(RECO_CHORE_HISTORY) &&
		reco_job_trim(now - age, reco_guc_job_history, MOST_TRIMMED) >= MOST_TRIMMED)
		return true;
	next_trim = now + reco_guc_history_interval * USECS_PER_SEC;
	ended = 0;
	return false;
}

/* Tells what changed: in the log, in reco_stat_worker, to the launcher. */
static void
note_look(Look how)
{
	failures = how == LOOK_FAILED ? failures + 1 : 0;
	switch (how)
	{
		case LOOK_CLAIMED:
		case LOOK_MORE:
		case LOOK_NOTHING:
			if (last_error[0] != '\0')
				ereport(LOG, (errmsg("reco job worker works again")));
			last_error[0] = '\0';
			say(how == LOOK_CLAIMED ? "at a job" : "idle");
			if (started != 0 &&
				TimestampDifferenceExceeds(started, GetCurrentTimestamp(), WELL_MS))
			{
				reco_database_well();
				started = 0;
			}
			break;
		case LOOK_OTHER_VERSION:
			say("waiting: the extension has another version than the library");
			break;
		case LOOK_FAILED:
			say("pausing after an error");
			break;
		case LOOK_BUSY:
		case LOOK_GONE:
			break;
	}
}

/* Does a job, in memory of its own. Until it ends, others can interrupt it. */
static void
work(const RecoJob *job, Oid extension)
{
	MemoryContext context =
		AllocSetContextCreate(TopMemoryContext, "reco job", ALLOCSET_DEFAULT_SIZES);
	ErrorData  *volatile error = NULL;
	bool		innocent;

	pgstat_report_activity(STATE_RUNNING, psprintf("reco: %s", job->kind));
	reco_database_at_job(job->job_id);
	PG_TRY();
	{
		reco_job_run(job, extension, context);
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		error = reco_session_recover(turn);
		FlushErrorState();
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	innocent = reco_job_was_taken() ||
		(error != NULL && error->sqlerrcode == ERRCODE_QUERY_CANCELED &&
		 reco_database_is_interrupted());
	reco_database_at_job(0);
	QueryCancelPending = false;
	MemoryContextSwitchTo(turn);
	MemoryContextDelete(context);
	ended++;
	if (error != NULL)
		settle(job, error, innocent, extension);
	pgstat_report_activity(STATE_IDLE, NULL);
}

/*
 * A job ended in an ERROR. Where the extension is not what it was, its table is let
 * alone: the next look finds the job, marked with this worker's own claim. 'innocent' =
 * not the job's fault.
 */
static void
settle(const RecoJob *job, const ErrorData *error, bool innocent, Oid extension)
{
	int			tries = 0;

	unnoted = !innocent;
	while (!write_failure(job, error, innocent, extension) && reco_database_continue() &&
		   tries++ < 100)
		wait_ms(LEAST_MS, false);
}

/* Notes it in a transaction; false = try again. */
static bool
write_failure(const RecoJob *job, const ErrorData *error, bool innocent, Oid extension)
{
	volatile bool written = true;

	PG_TRY();
	{
		Oid			now;
		bool		is_ours;

		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		innocent = innocent || !reco_database_continue();
		is_ours = reco_session_lock_extension(&now) && now == extension &&
			reco_session_is_our_version();
		if (is_ours)
			written = reco_job_failed(job, error, innocent);
		CommitTransactionCommand();
		unnoted = unnoted && is_ours && !written && !innocent;
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		log_once(reco_session_recover(turn));
		FlushErrorState();
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(turn);
	return written;
}

/* Logs an error that is not the last one again, unless the process is told to go. */
static void
log_once(const ErrorData *error)
{
	if (!reco_database_continue() ||
		strncmp(last_error, error->message, sizeof(last_error) - 1) == 0)
		return;
	EmitErrorReport();
	strlcpy(last_error, error->message, sizeof(last_error));
	if (shown)
		reco_process_error(my_kind(), MyDatabaseId, error->message);
}

/* Its row in reco_stat_worker: one for each seat. */
static RecoProcessKind
my_kind(void)
{
	return (RecoProcessKind) (RECO_PROCESS_JOB_WORKER + order.seat - 1);
}

/* Shows its state, if it changed. Who found no extension never is in the view. */
static void
say(const char *state)
{
	static const char *said = NULL;

	if (!shown)
		reco_process_begin(my_kind(), MyDatabaseId);
	shown = true;
	if (said == NULL || strcmp(said, state) != 0)
		reco_process_state(my_kind(), MyDatabaseId, state);
	said = state;
}

/* Waits for the next look. */
static void
wait_after(Look how)
{
	int64		ms = LONGEST_MS;

	switch (how)
	{
		case LOOK_FAILED:
			wait_ms(Min(LONGEST_PAUSE_MS, PAUSE_MS << Min(failures - 1, 10)), false);
			return;
		case LOOK_BUSY:
			wait_ms(BUSY_MS, true);
			return;
		case LOOK_OTHER_VERSION:
			wait_ms(VERSION_MS, true);
			return;
		default:
			break;
	}
	if (ended > 0)
		ms = Min(ms,
				 Max(TimestampDifferenceMilliseconds(GetCurrentTimestamp(), next_trim),
					 LEAST_MS));
	if (next_due != 0)
		ms = Min(ms,
				 Max(TimestampDifferenceMilliseconds(GetCurrentTimestamp(), next_due) + 1,
					 LEAST_MS));
	wait_ms(ms, true);
}

/* Waits for a time, or until somebody wakes it. */
static void
wait_ms(int64 ms, bool until_woken)
{
	static uint32 wait_event = 0;
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);

	for (;;)
	{
		int64		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);

		if (left <= 0 ||
			!reco_session_wait(left, reco_wait_event(&wait_event, "RecoJobMain")))
			return;
		if (!reco_database_continue())
			leave(RECO_WORKER_LET_GO);
		QueryCancelPending = false; /* nothing is under way */
		CHECK_FOR_INTERRUPTS();
		if (until_woken || ConfigReloadPending)
			return;
	}
}

/* Ends the process in good order. */
static void
leave(RecoWorkerEnd how)
{
	end = how;
	proc_exit(0);
}

/* Whatever ends the process, the table learns of it, and the launcher. */
static void
at_exit(int code, Datum arg)
{
	LWLockReleaseAll();
	if (end == RECO_WORKER_FAILED && told)
		end = RECO_WORKER_TERMINATED;
	if (shown && end == RECO_WORKER_NOT_NEEDED)
		reco_process_forget(my_kind(), MyDatabaseId);
	else if (shown)
		reco_process_end(my_kind(), MyDatabaseId,
						 code == 0 ? NULL : "ended by a signal or an error; see the server's log");
	reco_database_leave(end);
}
