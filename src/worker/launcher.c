/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  The process that starts workers: in each database with the extension.
 *
 * Purpose: find the databases that have the extension, start a keeper in each, and job
 *			workers where that found the extension; start again what died.
 * Runs in: the launcher, connected to no database; registration in the postmaster.
 * Locks:	AccessShareLock on pg_database, while it is read; those of database.h.
 * Never:	look into a database itself: a keeper does, and ends where nothing is to do.
 *			Never wait but for the latch.
 *
 * An ERROR ends the process; the next one, after RESTART_S, finds all it needs in the
 * table of database.h. It is connected to no database rather than not at all because it
 * reads pg_database; nobody waits for such a session to end.
 *
 *-------------------------------------------------------------------------
 */
#include "launcher.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "guc.h"
#include "miscadmin.h"
#include "parts.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "shmem/matrix_shared.h"
#include "shmem/shared.h"
#include "shmem/wish.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#define RESTART_S	5			/* after the launcher died */

/* A worker that was started, or is about to. */
typedef struct Started
{
	RecoWorkerOrder order;
	BackgroundWorkerHandle *handle;
} Started;

/* All in 'life', a memory context as old as the process. */
static MemoryContext life = NULL;
static List *started = NIL;		/* of Started */
static List *unseen = NIL;		/* oids of databases that nobody looked into yet */
static Oid	looking_at = InvalidOid;	/* the one of these that somebody looks into */
static bool told_full = false;	/* no room in the table */
static bool no_worker = false;	/* none was free for the last keeper */
static int	told_workers = 0;	/* how many would do, as was said while one waits */

static void turn(void);
static void see_who_ended(void);
static void look_at_one(void);
static void start_due(void);
static bool start(const RecoWorkerOrder *due);
static void tell_workers(const RecoWorkerOrder *due);
static const char *title(const RecoWorkerOrder *order);
static List *list_databases(void);
static bool is_connectable(Form_pg_database form);
static long next_turn(void);
static void at_exit(int code, Datum arg);

/* Registers the launcher with the postmaster, and the hooks. */
void
reco_launcher_register(void)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = RESTART_S;
	strlcpy(worker.bgw_library_name, "reco", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "reco_launcher_main", BGW_MAXLEN);
	strlcpy(worker.bgw_name, "reco launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "reco launcher", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
	reco_launcher_install_hooks();
}

/* Runs the process. */
void
reco_launcher_main(Datum arg)
{
	static uint32 wait_event = 0;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	SetConfigOption("default_transaction_isolation", "read committed", PGC_SUSET,
					PGC_S_OVERRIDE);
	SetConfigOption("application_name", "reco launcher", PGC_USERSET, PGC_S_OVERRIDE);

	life =
		AllocSetContextCreate(TopMemoryContext, "reco launcher", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(life);
	before_shmem_exit(at_exit, (Datum) 0);
	reco_process_begin(RECO_PROCESS_LAUNCHER, InvalidOid);
	reco_database_serve();
	reco_process_state(RECO_PROCESS_LAUNCHER, InvalidOid, "serving");

	for (;;)
	{
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		turn();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 next_turn(), reco_wait_event(&wait_event, "RecoLauncherMain"));
	}
}

/* Nobody can ask it any more. */
static void
at_exit(int code, Datum arg)
{
	reco_database_unserve();
	reco_process_end(RECO_PROCESS_LAUNCHER, InvalidOid,
					 code == 0 ? NULL : "ended by a signal or an error; see the server's log");
}

/* Does what there is to do. */
static void
turn(void)
{
	see_who_ended();
	if (!reco_guc_keeper)
		return;
	if (reco_database_asked_all())
	{
		List	   *databases = list_databases();

		list_free(unseen);
		unseen = NIL;
		told_full = false;
		for (int i = 0; i < list_length(databases); i++)
			unseen = lappend_oid(unseen, list_nth_oid(databases, i));
		list_free(databases);
	}
	look_at_one();
	start_due();
}

/*
 * Forgets workers that ended. Those that ran have said so in the table; of those that
 * never came so far the postmaster knows.
 */
static void
see_who_ended(void)
{
	for (int i = list_length(started) - 1; i >= 0; i--)
	{
		Started    *one = list_nth(started, i);
		pid_t		pid;

		if (GetBackgroundWorkerPid(one->handle, &pid) != BGWH_STOPPED)
			continue;
		reco_database_not_started(&one->order);
		reco_database_retry();
		if (reco_database_failures(&one->order) == 1)
			ereport(LOG,
					(errmsg("%s of database with OID %u ended unexpectedly",
							title(&one->order), one->order.database),
					 errdetail("It is started again, after pauses of up to a minute; this is "
							   "not repeated until it ran well.")));
		started = list_delete_nth_cell(started, i);
		pfree(one->handle);
		pfree(one);
	}
}

/*
 * Asks for a keeper in the next database that nobody looked into, one at a time, so
 * that a server with many databases is not busy with that.
 */
static void
look_at_one(void)
{
	while (unseen != NIL && !no_worker)
	{
		int			failures;
		RecoWorkerState state = reco_database_state(looking_at, &failures);

		if (failures == 0 &&
			(state == RECO_WORKER_WANTED || state == RECO_WORKER_STARTING))
			return;
		looking_at = linitial_oid(unseen);
		if (reco_database_state(looking_at, &failures) == RECO_WORKER_NONE &&
			!reco_database_ask(looking_at, false))
		{
			if (!told_full)
				ereport(LOG,
						(errmsg("reco has keepers in %d databases, and cannot have more",
								RECO_NDATABASES),
						 errdetail("What is learned in others is not kept in tables.")));
			told_full = true;
			return;
		}
		unseen = list_delete_first(unseen);
	}
}

/*
 * Starts the workers that are due. Job workers come when all databases were looked at,
 * so that they take no keeper's place.
 */
static void
start_due(void)
{
	RecoWorkerOrder due;
	List	   *databases = NIL;

	while (reco_database_take(GetCurrentTimestamp(), unseen == NIL, &due))
	{
		/* one that is not in the list may have been made since */
		if (!list_member_oid(databases, due.database))
		{
			list_free(databases);
			databases = list_databases();
		}
		if (!list_member_oid(databases, due.database))
		{
			reco_database_forget(&due);
			reco_matrix_forget(due.database);
			reco_wishes_forget(due.database);
			no_worker = false;
			continue;
		}
		if (start(&due))
			no_worker = false;
		else
		{
			no_worker = no_worker || due.seat == RECO_SEAT_KEEPER;
			reco_database_refuse(&due);
			tell_workers(&due);
		}
	}
	list_free(databases);
}

static const char *
title(const RecoWorkerOrder *order)
{
	return order->seat == RECO_SEAT_KEEPER ? "reco keeper" : "reco job worker";
}

/* Starts a worker; false = there is no free background worker. */
static bool
start(const RecoWorkerOrder *due)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;
	Started    *one;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	strlcpy(worker.bgw_library_name, "reco", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name,
			due->seat == RECO_SEAT_KEEPER ? "reco_keeper_main" : "reco_job_worker_main",
			BGW_MAXLEN);
	snprintf(worker.bgw_name, BGW_MAXLEN, "%s for database %u", title(due),
			 due->database);
	strlcpy(worker.bgw_type, title(due), BGW_MAXLEN);
	StaticAssertStmt(sizeof(*due) <= sizeof(worker.bgw_extra), "an order is too long");
	memcpy(worker.bgw_extra, due, sizeof(*due));
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
		return false;

	one = palloc(sizeof(Started));
	one->order = *due;
	one->handle = handle;
	started = lappend(started, one);
	return true;
}

/*
 * Says how many background workers would do, once until nobody waits for one or more
 * would. After the first failure others may yet come: of databases that are looked at
 * right now, and a keeper, for which a job worker makes room.
 */
static void
tell_workers(const RecoWorkerOrder *due)
{
	int			waiting;

	(void) reco_database_next_due(true, &waiting);
	if (reco_database_refusals(due) < 2 || max_worker_processes + waiting <= told_workers)
		return;
	told_workers = max_worker_processes + waiting;
	ereport(LOG,
			(errmsg("reco could not start a %s: no background worker is free",
					due->seat == RECO_SEAT_KEEPER ? "keeper" : "job worker"),
			 due->seat == RECO_SEAT_KEEPER
				 ? errdetail("What is learned is not kept in tables until one is; it is "
							 "tried again.")
				 : errdetail("Jobs wait for those that run, or until one is; it is tried "
							 "again."),
			 errhint("Set max_worker_processes to at least %d and restart the server.",
					 told_workers)));
}

/* The databases that take connections, as a list of oids in 'life'. */
static List *
list_databases(void)
{
	List	   *databases = NIL;
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tuple;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);

		if (is_connectable(form))
		{
			MemoryContext saved = MemoryContextSwitchTo(life);

			databases = lappend_oid(databases, form->oid);
			MemoryContextSwitchTo(saved);
		}
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(life);
	return databases;
}

/* One whose DROP was interrupted has a limit of -2 connections. */
static bool
is_connectable(Form_pg_database form)
{
	return form->datallowconn && form->datconnlimit >= -1;
}

/* How long nothing is to do, in ms; -1 = until somebody asks. */
static long
next_turn(void)
{
	int			waiting;
	TimestampTz due = reco_database_next_due(unseen == NIL, &waiting);

	if (waiting == 0 && unseen == NIL)
		told_workers = 0;
	if (!reco_guc_keeper || due == 0)
		return -1;
	return Max(1, TimestampDifferenceMilliseconds(GetCurrentTimestamp(), due) + 1);
}
