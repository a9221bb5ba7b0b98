/*-------------------------------------------------------------------------
 *
 * chore_main.c
 *	  A process that does a chore, beside the keeper that has it done.
 *
 * Purpose: do one chore in one transaction, as the keeper's; tell the keeper if it fails.
 * Runs in: a background worker with a database, for as long as the chore lasts.
 * Locks:	AccessShareLock on the extension; the chore's row; those of its function.
 * Never:	wait for a lock on the extension; outlive its keeper, which has it stop when
 *			somebody needs the extension or the database.
 *
 * A chore may last for minutes, and what the keeper does meanwhile cannot wait: promises,
 * the buffer. Nor may it be a job's: those are promised to somebody, too.
 *
 *-------------------------------------------------------------------------
 */
#include "parts.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "chore_process.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "session.h"
#include "shmem/chore_failure.h"
#include "storage/ipc.h"
#include "store/chore.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

static void do_it(const RecoChoreOrder *order);
static void tell(const RecoChoreOrder *order, const ErrorData *error);

/* Runs the process. */
void
reco_chore_main(Datum arg)
{
	RecoChoreOrder order;
	MemoryContext context;

	memcpy(&order, MyBgworkerEntry->bgw_extra, sizeof(order));
	pqsignal(SIGTERM, die);
	pqsignal(SIGINT, SIG_IGN);	/* while it connects, it could only say so in the log */
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(order.database, InvalidOid, 0);
	reco_session_settle("reco chore");
	context =
		AllocSetContextCreate(TopMemoryContext, "reco chore", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	pqsignal(SIGINT, StatementCancelHandler);
	PG_TRY();
	{
		/* a keeper that ends leaves its seat, and interrupts then */
		if (reco_database_keeper(order.database) == order.keeper)
			do_it(&order);
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		tell(&order, reco_session_recover(context));
		FlushErrorState();
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	pgstat_report_stat(true);
	proc_exit(0);
}

/* One transaction. Whose the chore is, and whether it is due, may have changed. */
static void
do_it(const RecoChoreOrder *order)
{
	RecoChore	chore = (RecoChore) order->chore;
	RecoChoreState state;
	TimestampTz next;
	Oid			extension;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	if (!RecoveryInProgress() && reco_session_lock_extension(&extension) &&
		extension == order->extension && reco_session_is_our_version() &&
		reco_chore_lock(chore, false, &state))
	{
		next = reco_chore_next(chore, &state);
		pgstat_report_activity(STATE_RUNNING,
							   psprintf("reco: chore \"%s\"",
										reco_chore_kind(chore)->name));
		if (next != 0 && next <= GetCurrentTimestamp())
			(void) reco_chore_do(chore, "keeper");
	}
	CommitTransactionCommand();
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* Tells the keeper, and the log once; who was interrupted has nothing to tell. */
static void
tell(const RecoChoreOrder *order, const ErrorData *error)
{
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		return;
	if (reco_chore_process_digest(error->message) != order->logged)
		EmitErrorReport();
	reco_chore_failure_tell(order->chore, "keeper", error->message);
}
