/*-------------------------------------------------------------------------
 *
 * chore_process.c
 *	  A process that does a chore: the keeper's side.
 *
 * Purpose: see chore_process.h.
 * Runs in: the keeper of a database.
 * Locks:	none.
 * Never:	wait for it; signal a process that has ended.
 *
 *-------------------------------------------------------------------------
 */
#include "chore_process.h"

#include <signal.h>

#include "common/hashfn.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "store/chore.h"
#include "utils/memutils.h"

#define COMPARED	150			/* bytes of an error */

static BackgroundWorkerHandle *handle = NULL;	/* NULL = there is none */

bool
reco_chore_process_start(int chore, Oid extension, uint32 logged)
{
	RecoChoreOrder order = {MyDatabaseId, extension, chore, MyProcPid, logged};
	const char *name = reco_chore_kind((RecoChore) chore)->name;
	BackgroundWorker worker;
	MemoryContext old;
	bool		started;

	Assert(handle == NULL);
	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	strlcpy(worker.bgw_library_name, "reco", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "reco_chore_main", BGW_MAXLEN);
	snprintf(worker.bgw_name, BGW_MAXLEN, "reco chore \"%s\" for database %u", name,
			 MyDatabaseId);
	strlcpy(worker.bgw_type, "reco chore", BGW_MAXLEN);
	StaticAssertStmt(sizeof(order) <= sizeof(worker.bgw_extra), "an order is too long");
	memcpy(worker.bgw_extra, &order, sizeof(order));
	old = MemoryContextSwitchTo(TopMemoryContext);
	started = RegisterDynamicBackgroundWorker(&worker, &handle);
	MemoryContextSwitchTo(old);
	if (!started)
		handle = NULL;
	return started;
}

bool
reco_chore_process_is_there(void)
{
	pid_t		pid;

	if (handle == NULL)
		return false;
	if (GetBackgroundWorkerPid(handle, &pid) != BGWH_STOPPED)
		return true;
	pfree(handle);
	handle = NULL;
	return false;
}

/* One that has not come yet finds the extension locked, and ends. */
void
reco_chore_process_interrupt(void)
{
	pid_t		pid;

	if (handle != NULL && GetBackgroundWorkerPid(handle, &pid) == BGWH_STARTED)
		kill(pid, SIGINT);
}

/* One that only begins looks for the keeper after this signal can reach it. */
void
reco_chore_process_leave(void)
{
	pid_t		pid;

	if (handle == NULL)
		return;
	if (GetBackgroundWorkerPid(handle, &pid) == BGWH_STARTED)
		kill(pid, SIGINT);
	else
		TerminateBackgroundWorker(handle);
}

uint32
reco_chore_process_digest(const char *message)
{
	return hash_bytes((const unsigned char *) message, (int) strnlen(message, COMPARED)) |
		1;
}
