/*-------------------------------------------------------------------------
 *
 * errand.c
 *	  Something that is to be done in another database: the side that asks.
 *
 * Purpose: see errand.h. The order is in a segment of dynamic shared memory.
 * Runs in: a backend.
 * Locks:	none.
 * Never:	leave the process behind when the wait is cut short.
 *
 *-------------------------------------------------------------------------
 */
#include "errand.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/ipc.h"

static BackgroundWorkerHandle *start(dsm_segment *segment);
static void raise_error(const RecoErrand *errand);

void
reco_errand(const char *database, void *order, Size size)
{
	dsm_segment *segment = dsm_create(offsetof(RecoErrand, order) + size, 0);
	RecoErrand *errand = dsm_segment_address(segment);
	BackgroundWorkerHandle *handle;

	memset(errand, 0, offsetof(RecoErrand, order));
	strlcpy(errand->database, database, sizeof(errand->database));
	errand->size = size;
	memcpy(errand->order, order, size);
	handle = start(segment);
	PG_TRY();
	{
		if (WaitForBackgroundWorkerShutdown(handle) == BGWH_POSTMASTER_DIED)
			proc_exit(1);
	}
	PG_CATCH();
	{
		TerminateBackgroundWorker(handle);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (!errand->done)
		raise_error(errand);
	memcpy(order, errand->order, size);
	dsm_detach(segment);
}

static BackgroundWorkerHandle *
start(dsm_segment *segment)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(segment));
	strlcpy(worker.bgw_library_name, "reco", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "reco_errand_main", BGW_MAXLEN);
	snprintf(worker.bgw_name, BGW_MAXLEN, "reco errand of process %d", MyProcPid);
	strlcpy(worker.bgw_type, "reco errand", BGW_MAXLEN);
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("no background worker is free to go to pg_cron's database"),
				 errhint("Try again, or set max_worker_processes to at least %d and "
						 "restart the server.",
						 max_worker_processes + 1)));
	return handle;
}

/*
 * A text of that database in the encoding of this one, with question marks for what this
 * one has no letter for.
 */
static char *
own_text(const char *text, int encoding)
{
	int			own = GetDatabaseEncoding();
	Oid			conversion = encoding == PG_SQL_ASCII || own == PG_SQL_ASCII
		? InvalidOid
		: FindDefaultConversionProc(encoding, own);
	int			left = (int) strlen(text);
	char	   *result = palloc(left * MAX_CONVERSION_GROWTH + 1);
	char	   *end = result;

	if (encoding == own)
		return pstrdup(text);
	while (left > 0)
	{
		int			len = 0;

		if (OidIsValid(conversion))
		{
			len = pg_do_encoding_conversion_buf(conversion, encoding, own,
												(unsigned char *) text, left,
												(unsigned char *) end,
												left * MAX_CONVERSION_GROWTH + 1, true);
			end += strlen(end);
		}
		else if (!IS_HIGHBIT_SET(*text))
		{
			*end++ = *text;
			len = 1;
		}
		if (len < left && (OidIsValid(conversion) || len == 0))
		{
			*end++ = '?';
			len += Min(pg_encoding_mblen(encoding, text + len), left - len);
		}
		text += len;
		left -= len;
	}
	*end = '\0';
	return result;
}

/* Raises what went wrong there. */
static void
raise_error(const RecoErrand *errand)
{
	if (errand->message[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg(errand->begun ? "the process in database \"%s\" ended before it was done"
									  : "could not connect to database \"%s\"",
						errand->database),
				 errhint("It is where pg_cron has its jobs (cron.database_name); see the "
						 "server's log.")));
	ereport(ERROR,
			(errcode(errand->sqlerrcode),
			 errmsg_internal("%s", own_text(errand->message, errand->encoding)),
			 errand->detail[0] == '\0'
				 ? 0
				 : errdetail_internal("%s", own_text(errand->detail, errand->encoding)),
			 errand->hint[0] == '\0'
				 ? 0
				 : errhint("%s", own_text(errand->hint, errand->encoding))));
}
