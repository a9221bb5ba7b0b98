/*-------------------------------------------------------------------------
 *
 * errand_main.c
 *	  Something that is to be done in another database: the process that goes there.
 *
 * Purpose: do what a backend ordered (store/errand.h), with the rights of its role, in
 *			one transaction; say how it went; end.
 * Runs in: a background worker in pg_cron's database, where the extension need not be.
 * Locks:	those of store/cron.h; none of ours.
 * Never:	give the role a way to the rights that the process connected with; wait for
 *			long: who ordered it waits.
 *
 *-------------------------------------------------------------------------
 */
#include "parts.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "store/cron.h"
#include "store/errand.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

#define MOST_MS		30000		/* statement_timeout would be for clients' statements */

static void settle(void);
static void do_it(RecoErrand *errand);
static void note_error(RecoErrand *errand, const ErrorData *error);
static void put_text(char *place, Size size, const char *text);

/* Runs the process. */
void
reco_errand_main(Datum arg)
{
	dsm_segment *segment;
	RecoErrand *errand;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	segment = dsm_attach(DatumGetUInt32(arg));
	if (segment == NULL)
		proc_exit(0);			/* who ordered it waits no more */
	errand = dsm_segment_address(segment);
	BackgroundWorkerInitializeConnection(errand->database, NULL, 0);
	errand->begun = true;
	settle();
	MemoryContextSwitchTo(
		AllocSetContextCreate(TopMemoryContext, "reco errand", ALLOCSET_DEFAULT_SIZES));
	PG_TRY();
	{
		enable_timeout_after(STATEMENT_TIMEOUT, MOST_MS);
		do_it(errand);
		disable_timeout(STATEMENT_TIMEOUT, false);
	}
	PG_CATCH();
	{
		MemoryContext context;

		HOLD_INTERRUPTS();
		disable_all_timeouts(false);
		QueryCancelPending = false;
		context = MemoryContextSwitchTo(TopMemoryContext);
		note_error(errand, CopyErrorData());
		MemoryContextSwitchTo(context);
		AbortOutOfAnyTransaction();
		FlushErrorState();
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	proc_exit(0);
}

/* Sets what ALTER DATABASE may have changed there. */
static void
settle(void)
{
	static const char *const settings[][2] = {
		{"application_name", "reco errand"},
		{"lock_timeout", "10s"},
		{"default_transaction_read_only", "off"},
		{"default_transaction_isolation", "read committed"},
		{"search_path", "pg_catalog, pg_temp"},
		{"row_security", "on"},
	};

	for (int i = 0; i < lengthof(settings); i++)
		SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET, PGC_S_OVERRIDE);
}

/*
 * One transaction. Looking needs no rights: pg_cron shows a role its own jobs only, and
 * only ours are looked for.
 */
static void
do_it(RecoErrand *errand)
{
	RecoCronOrder order;

	if (errand->size != sizeof(order))
		elog(ERROR, "an order of %zu bytes is not one of this library", errand->size);
	memcpy(&order, errand->order, sizeof(order));
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	pgstat_report_activity(STATE_RUNNING, "reco: asking pg_cron");
	if (order.what != RECO_CRON_LOOK)
		SetUserIdAndSecContext(order.role,
							   SECURITY_LOCAL_USERID_CHANGE |
								   SECURITY_RESTRICTED_OPERATION);
	reco_cron_do(&order);

	/* a transaction must not begin, nor end, with the role's rights */
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, 0);
	PopActiveSnapshot();
	CommitTransactionCommand();
	pgstat_report_stat(true);
	memcpy(errand->order, &order, sizeof(order));
	errand->done = true;
}

/* What was cancelled here is not the statement of who ordered it. */
static void
note_error(RecoErrand *errand, const ErrorData *error)
{
	bool		cancelled = error->sqlerrcode == ERRCODE_QUERY_CANCELED;

	errand->sqlerrcode = cancelled ? ERRCODE_OPERATOR_INTERVENTION : error->sqlerrcode;
	errand->encoding = GetDatabaseEncoding();
	put_text(errand->message, sizeof(errand->message), error->message);
	put_text(errand->detail, sizeof(errand->detail),
			 cancelled ? psprintf("That was in database \"%s\".", errand->database)
					   : error->detail);
	put_text(errand->hint, sizeof(errand->hint), error->hint);
}

/* As much as there is room for, in whole characters. */
static void
put_text(char *place, Size size, const char *text)
{
	int len = text == NULL ? 0 : pg_mbcliplen(text, (int) strlen(text), (int) size - 1);

	if (len > 0)
		memcpy(place, text, len);
	place[len] = '\0';
}
