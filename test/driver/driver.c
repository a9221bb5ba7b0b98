/*-------------------------------------------------------------------------
 *
 * driver.c
 *	  Runs the pipeline as a job worker will: a transaction per call of the seam.
 *
 * Purpose: CALL driver_generate(user, prompt, size, mode) puts the list into the
 *			table driver_list. Modes: commit; scribble (the transaction's memory
 *			is overwritten as well); insert (a track comes at every third call);
 *			empty (all tracks go for a while).
 * Runs in: a backend, outside a transaction block.
 * Locks:	those of its statements.
 * Never:	go on when the run held a snapshot or a pin at the seam.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "pipeline/run.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(driver_generate);

typedef struct Driver
{
	const char *mode;
	int pauses;
	bool removed;
} Driver;

static void
run_sql(const char *sql)
{
	int code = SPI_execute(sql, false, 0);

	if (code < 0)
		elog(ERROR, "driver: %s: %s", sql, SPI_result_code_string(code));
}

/* Fills memory that goes with the transaction with something that nobody expects. */
static void
scribble(MemoryContext context)
{
	for (int i = 0; i < 200; i++)
	{
		Size size = (Size) 16 << (i % 14);

		memset(MemoryContextAlloc(context, size), 0x7E, size);
	}
}

/* What the run must not do, and what may happen meanwhile. */
static void
at_the_seam(void *arg, RecoPause how)
{
	Driver *driver = arg;
	const char *mode = driver->mode;

	if (how == RECO_PAUSE_ENTER)
		return;

	driver->pauses++;

	/* nothing of the run's may be left: SPI is ours alone, no snapshot, no pin */
	if (SPI_tuptable != NULL)
		elog(ERROR, "driver: the run left an SPI result");
	if (ActiveSnapshotSet())
		elog(ERROR, "driver: the run holds a snapshot");
	SPI_commit();

	if (strcmp(mode, "scribble") == 0)
	{
		scribble(TopTransactionContext);
		scribble(CurTransactionContext);
		SPI_commit();
		scribble(TopTransactionContext);
	}
	else if (strcmp(mode, "insert") == 0 && driver->pauses % 3 == 0)
		run_sql(
			"INSERT INTO reco.track (track_id, artist_id, title, artist, features, energy)"
			" SELECT 'driver' || pg_catalog.clock_timestamp()::text, artist_id, 'New', artist,"
			" 'measured', 0.5 FROM reco.track ORDER BY track_id LIMIT 1");
	else if (strcmp(mode, "empty") == 0 && driver->pauses % 2 == 0)
	{
		run_sql(driver->removed ? "INSERT INTO reco.track SELECT * FROM driver_kept"
								: "CREATE TABLE driver_kept AS SELECT * FROM reco.track");
		run_sql(driver->removed ? "DROP TABLE driver_kept" : "TRUNCATE reco.track");
		driver->removed = !driver->removed;
	}
	SPI_commit();

	/* a pin that the commit found is a WARNING of its own; this is an ERROR */
	AtEOXact_Buffers(true);
}

Datum
driver_generate(PG_FUNCTION_ARGS)
{
	MemoryContext context =
		AllocSetContextCreate(TopMemoryContext, "driver run", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	RecoRequest *request = palloc0(sizeof(RecoRequest));
	CallContext *call = (CallContext *) fcinfo->context;
	Driver driver = {0};
	RecoRun *run = NULL;
	bool snapshot;

	request->user_id = text_to_cstring(PG_GETARG_TEXT_PP(0));
	request->prompt = text_to_cstring(PG_GETARG_TEXT_PP(1));
	request->size = PG_GETARG_INT32(2);
	driver.mode = text_to_cstring(PG_GETARG_TEXT_PP(3));
	request->deadline_ms = 60 * 1000;
	request->familiarity = 0.5f;
	request->min_popularity = request->max_popularity = -1;
	for (int s = 0; s < RECO_NSTRATEGIES; s++)
		request->strategies[s] = true;
	MemoryContextSwitchTo(old);

	if (call == NULL || !IsA(call, CallContext) || call->atomic)
		elog(ERROR, "driver: must be called outside a transaction block");
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "driver: SPI_connect_ext failed");

	/* the portal's snapshot goes with the first commit */
	SPI_commit();
	snapshot = ActiveSnapshotSet();
	if (snapshot)
		elog(ERROR, "driver: a snapshot after commit");

	PG_TRY();
	{
		run = reco_run_execute(request, context, at_the_seam, &driver);
		if (ActiveSnapshotSet())
			elog(ERROR, "driver: a snapshot after the run");
		SPI_commit();
		if (driver.removed)
		{
			run_sql("INSERT INTO reco.track SELECT * FROM driver_kept");
			run_sql("DROP TABLE driver_kept");
		}
		run_sql("TRUNCATE driver_list");
		for (int i = 0; i < run->nlist; i++)
		{
			Oid types[4] = {INT4OID, TEXTOID, FLOAT4OID, INT4OID};
			Datum values[4];

			values[0] = Int32GetDatum(i + 1);
			values[1] = CStringGetTextDatum(run->list[i]->track->track_id);
			values[2] = Float4GetDatum(run->list[i]->score);
			values[3] = Int32GetDatum(driver.pauses);
			SPI_execute_with_args("INSERT INTO driver_list VALUES ($1, $2, $3, $4)", 4,
								  types, values, NULL, false, 0);
		}
		SPI_commit();
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(TopMemoryContext);
		error = CopyErrorData();
		FlushErrorState();
		SPI_rollback();
		if (driver.removed)
		{
			run_sql("INSERT INTO reco.track SELECT * FROM driver_kept");
			run_sql("DROP TABLE driver_kept");
			SPI_commit();
		}
		MemoryContextDelete(context);
		ReThrowError(error);
	}
	PG_END_TRY();
	MemoryContextDelete(context);
	SPI_finish();
	PG_RETURN_VOID();
}
