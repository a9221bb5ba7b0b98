/*-------------------------------------------------------------------------
 *
 * keeper_main.c
 *	  The keeper's process: connection, rounds, transactions, recovery.
 *
 * Purpose: call reco_keeper_round() in short transactions as long as the database has
 *			the extension; leave when it has not, or when it is told to.
 * Runs in: a background worker with a database.
 * Locks:	AccessShareLock on the extension, for one transaction, and only if nobody
 *			waits for it: so DROP EXTENSION never meets a round, nor waits for long.
 * Never:	wait but for the latch, or inside a transaction; depend on a setting that
 *			ALTER DATABASE or ALTER ROLE may have changed.
 *
 * An ERROR does not end the process: the transaction is rolled back and the next round
 * comes after a pause that grows, and the error is in the log once until a round
 * succeeds. A full disk or a locked table may last for hours, and a process that
 * started anew would say so every time. What does end it (a signal) the launcher mends.
 *
 *-------------------------------------------------------------------------
 */
#include "keeper.h"
#include "keeper_chores.h"
#include "keeper_facts.h"
#include "keeper_popular.h"
#include "keeper_promises.h"
#include "keeper_wishes.h"

#include "access/xact.h"
#include "guc.h"
#include "miscadmin.h"
#include "parts.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "session.h"
#include "shmem/matrix_shared.h"
#include "shmem/shared.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#define WATCH_MS		200		/* between looks whether a chore is in somebody's way */
#define GATHER_MS		5		/* after it was woken, for more to come */
#define PAUSE_MS		1000	/* after the first error; doubles */
#define LONGEST_PAUSE_MS	60000
#define WELL_MS			60000	/* after that the launcher's pauses begin anew */

/* How a round went. */
typedef enum Round
{
	ROUND_DONE,					/* nothing is left to do */
	ROUND_MORE,
	ROUND_BUSY,					/* somebody changes the extension */
	ROUND_OTHER_VERSION,
	ROUND_GONE,					/* there is no extension */
	ROUND_FAILED
} Round;

/* What there is to do; each has its rounds, and its errors. */
typedef enum Work
{
	WORK_TABLES = 0,			/* keeper.c */
	WORK_MATRIX,				/* keeper_matrix.c */
	WORK_FACTS,					/* keeper_facts.c */
	WORK_POPULAR,				/* keeper_popular.c */
	WORK_CHORES,				/* keeper_chores.c */
	WORK_WATCH,					/* is the extension free? */
	NWORKS
} Work;

static void look_up(void);
static Round try_round(Work work);
static Round do_round(Work work);
static bool care_for_matrix(Round round);
static bool learn(Round round);
static void care_for_moods(Round round);
static bool do_chores(Round round);
static void work_again(Work work);
static void recover(Work work);
static void note_round(Round round);
static void say(const char *state);
static void wait_after(Round round);
static void watch(void);
static void wait_ms(int64 ms, bool until_woken);
pg_noreturn static void leave(RecoWorkerEnd how);
static void at_exit(int code, Datum arg);

static MemoryContext turn = NULL;	/* reset before each round */
static RecoWorkerEnd end = RECO_WORKER_FAILED;
static bool shown = false;		/* it has a row in reco_stat_worker */
static int	failures = 0;		/* rounds in a row */
static char last_error[NWORKS][256] =
	{"", "", "", "", "", ""}; /* that was logged; '' = none since a good round */
static TimestampTz started = 0;

/* Runs the process. */
void
reco_keeper_main(Datum arg)
{
	RecoWorkerOrder order;

	memcpy(&order, MyBgworkerEntry->bgw_extra, sizeof(order));
	reco_session_begin(&order, 0, "reco keeper", at_exit);
	turn = AllocSetContextCreate(TopMemoryContext, "reco keeper turn",
								 ALLOCSET_DEFAULT_SIZES);
	started = GetCurrentTimestamp();
	for (;;)
	{
		Round		round;
		bool		more;

		look_up();
		round = try_round(WORK_TABLES);
		note_round(round);
		if (round == ROUND_BUSY)
			reco_keeper_chores_interrupt();
		if (round == ROUND_GONE)
			leave(RECO_WORKER_NOT_NEEDED);
		more = learn(round);
		more = do_chores(round) || more;
		more = care_for_matrix(round) || more;
		care_for_moods(round);
		if (!more && round != ROUND_MORE)
			wait_after(round);
	}
}

/* Sees what it is told from outside, between two rounds. */
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
	if (!reco_guc_keeper)
		leave(RECO_WORKER_LET_GO);
}

/*
 * Does a step for the matrix where one is due; returns whether another one is. After an
 * error with the tables, which are to be let alone for a while, all of them.
 */
static bool
care_for_matrix(Round round)
{
	Round		done;

	if (round == ROUND_BUSY || round == ROUND_OTHER_VERSION)
		return false;
	do
	{
		if (reco_keeper_matrix_due() > 0)
			return false;
		done = try_round(WORK_MATRIX);
		if (done == ROUND_DONE)
			work_again(WORK_MATRIX);
		if (round == ROUND_FAILED)
			look_up();
	} while (round == ROUND_FAILED && done == ROUND_MORE);
	return done == ROUND_MORE;
}

/*
 * Does a step for what services told, where one is due; returns whether another one is.
 * An error with the tables may be one of these, too: then nothing is tried.
 */
static bool
learn(Round round)
{
	Round		done;

	if ((round != ROUND_DONE && round != ROUND_MORE) || reco_keeper_facts_due() > 0)
		return false;
	done = try_round(WORK_FACTS);
	if ((done == ROUND_DONE || done == ROUND_MORE) && reco_keeper_facts_done())
		work_again(WORK_FACTS);
	return done == ROUND_MORE;
}

/* Learns popular moods, and has them made again, where that is due. */
static void
care_for_moods(Round round)
{
	if ((round != ROUND_DONE && round != ROUND_MORE) || reco_keeper_popular_due() > 0)
		return;
	if (try_round(WORK_POPULAR) == ROUND_DONE)
		work_again(WORK_POPULAR);
}

/* Does a chore, or looks whose they are, where that is due; whether more may be. */
static bool
do_chores(Round round)
{
	Round		done;

	if ((round != ROUND_DONE && round != ROUND_MORE) || reco_keeper_chores_due() > 0)
		return false;
	done = try_round(WORK_CHORES);
	if ((done == ROUND_DONE || done == ROUND_MORE) && reco_keeper_chores_done())
		work_again(WORK_CHORES);
	return done == ROUND_MORE;
}

/* Says that something works again, if it was said that it does not. */
static void
work_again(Work work)
{
	if (last_error[work][0] == '\0')
		return;
	if (work == WORK_MATRIX)
		ereport(LOG, (errmsg("reco keeper reads the catalogue again")));
	else if (work == WORK_POPULAR)
		ereport(LOG, (errmsg("reco keeper cares for popular moods again")));
	else if (work == WORK_CHORES)
		ereport(LOG, (errmsg("reco keeper does its chores again")));
	else
		ereport(LOG, (errmsg("reco keeper learns again")));
	last_error[work][0] = '\0';
}

/* Does a round; an ERROR in it is recovered from. */
static Round
try_round(Work work)
{
	volatile Round round = ROUND_FAILED;

	MemoryContextSwitchTo(turn);
	MemoryContextReset(turn);
	PG_TRY();
	{
		CHECK_FOR_INTERRUPTS();
		round = do_round(work);
	}
	PG_CATCH();
	{
		recover(work);
		round = ROUND_FAILED;
	}
	PG_END_TRY();
	return round;
}

/* One transaction, and what follows its commit. */
static Round
do_round(Work work)
{
	static const char *const activities[NWORKS] = {
		[WORK_TABLES] = "reco: keeping what was learned",
		[WORK_MATRIX] = "reco: reading the catalogue",
		[WORK_FACTS] = "reco: writing what services told",
		[WORK_POPULAR] = "reco: looking at popular moods",
		[WORK_CHORES] = "reco: doing a chore",
		[WORK_WATCH] = "reco: looking who waits"
	};
	Round		round = ROUND_DONE;
	bool		more;
	Oid			extension;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	if (!reco_session_lock_extension(&extension))
		round = OidIsValid(extension) ? ROUND_BUSY : ROUND_GONE;
	else if (!reco_session_is_our_version())
		round = ROUND_OTHER_VERSION;
	else
	{
		pgstat_report_activity(STATE_RUNNING, activities[work]);
		more = work == WORK_TABLES ? reco_keeper_round()
			: work == WORK_MATRIX  ? reco_keeper_matrix_step(extension)
			: work == WORK_FACTS   ? reco_keeper_facts_step(extension)
			: work == WORK_CHORES  ? reco_keeper_chores_step(extension)
			: work == WORK_POPULAR ? reco_keeper_popular_step(extension)
								   : false;
		if (more)
			round = ROUND_MORE;
	}
	CommitTransactionCommand();
	MemoryContextSwitchTo(turn);
	if (work == WORK_TABLES && (round == ROUND_DONE || round == ROUND_MORE))
		reco_keeper_committed();
	if (work == WORK_POPULAR && round == ROUND_DONE)
		reco_keeper_popular_committed();
	if (OidIsValid(extension))
		reco_database_found(extension, reco_guc_job_workers);
	pgstat_report_stat(true);
	pgstat_report_activity(STATE_IDLE, NULL);
	return round;
}

/*
 * Returns to where a round may begin. An error is logged unless it is the same as
 * before, or the process is told to go, which interrupts its statement.
 */
static void
recover(Work work)
{
	ErrorData  *error;
	char	   *last = last_error[work];

	HOLD_INTERRUPTS();
	error = reco_session_recover(turn);

	/* the matrix' errors may name a segment, each another one */
	if (reco_database_continue() &&
		(work == WORK_MATRIX
			 ? last[0] == '\0'
			 : strncmp(last, error->message, sizeof(last_error[work]) - 1) != 0))
	{
		EmitErrorReport();
		strlcpy(last, error->message, sizeof(last_error[work]));
		if (shown)
			reco_process_error(RECO_PROCESS_KEEPER, MyDatabaseId, error->message);
	}
	FlushErrorState();
	if (work == WORK_MATRIX)
		reco_keeper_matrix_failed(error->message);
	if (work == WORK_TABLES)
		reco_keeper_wishes_failed();
	if (work == WORK_FACTS)
		reco_keeper_facts_failed();
	if (work == WORK_POPULAR)
		reco_keeper_popular_failed();
	if (work == WORK_CHORES)
		reco_keeper_chores_failed(error->message);
	pgstat_report_activity(STATE_IDLE, NULL);
	RESUME_INTERRUPTS();
}

/* Tells what changed: in the log, in reco_stat_worker, to the launcher. */
static void
note_round(Round round)
{
	static bool told_version = false;

	failures = round == ROUND_FAILED ? failures + 1 : 0;
	switch (round)
	{
		case ROUND_DONE:
		case ROUND_MORE:
			if (last_error[WORK_TABLES][0] != '\0')
				ereport(LOG, (errmsg("reco keeper works again")));
			last_error[WORK_TABLES][0] = '\0';
			told_version = false;
			say(reco_keeper_is_held_up() ? "waiting: an invalidation is open" : "running");
			if (started != 0 &&
				TimestampDifferenceExceeds(started, GetCurrentTimestamp(), WELL_MS))
			{
				reco_database_well();
				started = 0;
			}
			break;
		case ROUND_OTHER_VERSION:
			if (!told_version)
				ereport(
					LOG,
					(errmsg("reco keeper waits: the extension is not of version %s, as "
							"the library is",
							RECO_VERSION),
					 errhint("Run ALTER EXTENSION reco UPDATE; if the library is the "
							 "older one, restart the server.")));
			told_version = true;
			say("waiting: the extension has another version than the library");
			break;
		case ROUND_FAILED:
			say("pausing after an error");
			break;
		case ROUND_BUSY:
		case ROUND_GONE:
			break;
	}
}

/* Shows its state, if it changed. Who found no extension never is in the view. */
static void
say(const char *state)
{
	static const char *said = NULL;

	if (!shown)
		reco_process_begin(RECO_PROCESS_KEEPER, MyDatabaseId);
	shown = true;
	if (said == NULL || strcmp(said, state) != 0)
		reco_process_state(RECO_PROCESS_KEEPER, MyDatabaseId, state);
	said = state;
}

/* Waits for the next round. */
static void
wait_after(Round round)
{
	if (round == ROUND_FAILED)
	{
		wait_ms(Min(LONGEST_PAUSE_MS, PAUSE_MS << Min(failures - 1, 10)), false);
		return;
	}

	/* while the extension cannot be used, nothing is done for the matrix either */
	if (round != ROUND_DONE)
	{
		wait_ms(reco_guc_keeper_interval, true);
		return;
	}
	wait_ms(Min(reco_guc_keeper_interval,
				Min(reco_keeper_chores_due(),
					Min(reco_keeper_matrix_due(), reco_keeper_facts_due()))),
			true);
	reco_database_gather(true);
	wait_ms(GATHER_MS, false);
	reco_database_gather(false);
}

/* Has a chore stop that somebody waits for who changes or drops the extension. */
static void
watch(void)
{
	if (try_round(WORK_WATCH) == ROUND_BUSY)
		reco_keeper_chores_interrupt();
}

/*
 * Waits for a time, or until somebody wakes it. Whoever needs the database, the
 * settings, or a barrier never waits for it; nor, for long, who needs the extension.
 */
static void
wait_ms(int64 ms, bool until_woken)
{
	static uint32 wait_event = 0;
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);

	for (;;)
	{
		int64		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);
		bool		watches = reco_keeper_chores_under_way() && left > WATCH_MS;

		if (left <= 0)
			return;
		if (!reco_session_wait(watches ? WATCH_MS : left,
							   reco_wait_event(&wait_event, "RecoKeeperMain")))
		{
			if (!watches)
				return;
			watch();
			continue;
		}
		if (!reco_database_continue())
			leave(RECO_WORKER_LET_GO);
		QueryCancelPending = false; /* nothing is under way */
		CHECK_FOR_INTERRUPTS();
		if (until_woken || ConfigReloadPending || reco_keeper_has_promises())
			return;
	}
}

/* Ends the process in good order. */
static void
leave(RecoWorkerEnd how)
{
	reco_keeper_matrix_leave();
	end = how;
	proc_exit(0);
}

/* Whatever ends the process, the table learns of it, and the launcher. */
static void
at_exit(int code, Datum arg)
{
	LWLockReleaseAll();
	if (OidIsValid(MyDatabaseId))
		reco_matrix_note_building(false);
	if (shown && end == RECO_WORKER_NOT_NEEDED)
		reco_process_forget(RECO_PROCESS_KEEPER, MyDatabaseId);
	else if (shown)
		reco_process_end(RECO_PROCESS_KEEPER, MyDatabaseId,
						 code == 0 ? NULL : "ended by a signal or an error; see the server's log");
	reco_database_leave(end);
	reco_keeper_chores_leave();
}
