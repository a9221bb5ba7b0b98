/*-------------------------------------------------------------------------
 *
 * session.c
 *	  What our processes with a database have in common.
 *
 * Purpose: see session.h.
 * Runs in: keepers, job workers, processes that do chores.
 * Locks:	AccessShareLock on the extension, for one transaction, and only if nobody
 *			waits for it: so DROP EXTENSION never meets a worker, nor waits for long.
 * Never:	depend on a setting that ALTER DATABASE or ALTER ROLE may have changed.
 *
 *-------------------------------------------------------------------------
 */
#include "session.h"

#include "access/xact.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/lwlock.h"
#include "store/sql.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/timeout.h"

/*
 * Connects, as the bootstrap superuser: SQL then runs as the extension's owner. What is
 * to be done at the end is registered first, so that it is done last, when the process
 * has left the list of sessions and nobody finds it in the way.
 */
void
reco_session_begin(const RecoWorkerOrder *order, int64 claim, const char *name,
				   void (*at_exit)(int, Datum))
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	on_shmem_exit(at_exit, (Datum) 0);
	if (!reco_database_enter(order, claim))
		proc_exit(0);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(order->database, InvalidOid, 0);
	reco_session_settle(name);
}

/*
 * Sets what must not depend on anyone. Waits for a lock are shorter than the time after
 * which a deadlock is looked for: our process is the one that gives way. Nor does it wait
 * for a standby: what it writes can be learned again.
 */
void
reco_session_settle(const char *name)
{
	static const char *const settings[][2] = {
		{"statement_timeout", "0"},
		{"lock_timeout", "500ms"},
		{"idle_in_transaction_session_timeout", "0"},
		{"idle_session_timeout", "0"},
		{"transaction_timeout", "0"},
		{"default_transaction_read_only", "off"},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_deferrable", "off"},
		{"synchronous_commit", "off"},
		{"search_path", "pg_catalog, pg_temp"},
		{"row_security", "off"},
		{"max_parallel_workers_per_gather", "0"},
		{"jit", "off"},
		{"zero_damaged_pages", "off"},
	};

	SetConfigOption("application_name", name, PGC_SUSET, PGC_S_OVERRIDE);
	for (int i = 0; i < lengthof(settings); i++)
		if (GetConfigOption(settings[i][0], true, false) != NULL)
			SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET, PGC_S_OVERRIDE);
}

/*
 * Locks the extension for the transaction. False: it is not there (InvalidOid), or
 * somebody drops or changes it right now.
 */
bool
reco_session_lock_extension(Oid *extension)
{
	LOCKTAG		tag;

	*extension = get_extension_oid("reco", true);
	if (!OidIsValid(*extension))
		return false;
	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, ExtensionRelationId, *extension, 0);
	if (LockAcquire(&tag, AccessShareLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
		return false;

	/* it may have been dropped before we had the lock */
	AcceptInvalidationMessages();
	return get_extension_oid("reco", true) == *extension;
}

bool
reco_session_is_our_version(void)
{
	const char *version = reco_sql_version();

	return version != NULL && strcmp(version, RECO_VERSION) == 0;
}

/* Returns to where a transaction may begin. */
ErrorData *
reco_session_recover(MemoryContext context)
{
	ErrorData  *error;

	disable_all_timeouts(false);
	QueryCancelPending = false;
	MemoryContextSwitchTo(context);
	error = CopyErrorData();

	/* whoever hears of transactions that fail hears of this one too, had it none */
	if (!IsTransactionState() && !IsAbortedTransactionBlockState())
		StartTransactionCommand();
	AbortOutOfAnyTransaction(); /* an ERROR may come from a subtransaction, too */

	/* what is left where there was no transaction */
	LWLockReleaseAll();
	pgstat_report_wait_end();
	MemoryContextSwitchTo(context);
	return error;
}

/* Waits for the latch. */
bool
reco_session_wait(int64 ms, uint32 wait_event)
{
	int events = WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms,
						   wait_event);

	if (!(events & WL_LATCH_SET))
		return false;
	ResetLatch(MyLatch);
	return true;
}
