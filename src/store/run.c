/*-------------------------------------------------------------------------
 *
 * run.c
 *	  reco.run: writing, reading, trimming.
 *
 * Purpose: see run.h.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of its statements.
 * Never:	count the table for every few rows: that is done when, by what was written
 *			since, there may be too many, or after a while.
 *
 * Ids grow with time, so the index on them tells the oldest rows, too.
 *
 *-------------------------------------------------------------------------
 */
#include "run.h"

#include "access/htup_details.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "id.h"
#include "sql.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#define RECOUNT_US		(60 * INT64CONST(1000000))	/* others may have written */
#define MARGIN			20		/* one part in so many more than needed goes */
#define JSONBARRAY		3807	/* jsonb[], which has no name in C */

static RecoStatement write_statement = {
	.text = "INSERT INTO reco.run (user_id, run_id, role_id, started, record, tracks)"
	" SELECT n.user_id, n.run_id, n.role_id, n.started, n.record - 'tracks',"
	"  coalesce(n.record -> 'tracks', '[]')"
	" FROM unnest($1, $2, $3, $4, $5) AS n (user_id, run_id, role_id, started, record)"
	" ON CONFLICT (user_id, run_id) DO NOTHING",
	.nargs = 5,
	.types = {TEXTARRAYOID, INT8ARRAYOID, OIDARRAYOID, TIMESTAMPTZARRAYOID, JSONBARRAY},
};

static RecoStatement read_statement = {
	.text = "SELECT record || jsonb_build_object('tracks', tracks) FROM reco.run"
	" WHERE run_id = $1 ORDER BY started DESC",
	.nargs = 1,
	.types = {INT8OID},
};

static RecoStatement count_statement = {.text = "SELECT count(*) FROM reco.run"};

static RecoStatement expire_statement = {
	.text = "DELETE FROM reco.run WHERE ctid = ANY (ARRAY("
	" SELECT ctid FROM reco.run WHERE run_id < $1 ORDER BY run_id LIMIT $2))",
	.nargs = 2,
	.types = {INT8OID, INT8OID},
};

static RecoStatement evict_statement = {
	.text = "DELETE FROM reco.run WHERE ctid = ANY (ARRAY("
	" SELECT ctid FROM reco.run ORDER BY run_id LIMIT $1))",
	.nargs = 1,
	.types = {INT8OID},
};

/* What was counted last, and at most so many more since. */
static struct
{
	Oid			extension;		/* InvalidOid = nothing was counted */
	TimestampTz next;			/* count again, whatever was written */
	int64		rows;
} last;

static int64 count_rows(void);
static int64 run_deleting(RecoStatement *statement, const Datum *arguments);

/* An array of a column's values. */
static Datum
array_of(Datum *values, int n, Oid type, int16 length, bool by_value, char align)
{
	return PointerGetDatum(construct_array(values, n, type, length, by_value, align));
}

/* Writes rows. */
void
reco_run_write(const RecoRunRow *rows, int nrows)
{
	Datum	   *columns[5];
	Datum		arguments[5];
	RecoSql		sql;

	if (nrows == 0 || RecoveryInProgress())
		return;
	for (int c = 0; c < lengthof(columns); c++)
		columns[c] = palloc(sizeof(Datum) * nrows);
	for (int i = 0; i < nrows; i++)
	{
		columns[0][i] = CStringGetTextDatum(rows[i].user_id);
		columns[1][i] = Int64GetDatum(rows[i].run_id);
		columns[2][i] = ObjectIdGetDatum(rows[i].role);
		columns[3][i] = TimestampTzGetDatum(rows[i].started);
		columns[4][i] = JsonbPGetDatum(rows[i].record);
	}
	arguments[0] = array_of(columns[0], nrows, TEXTOID, -1, false, TYPALIGN_INT);
	arguments[1] = array_of(columns[1], nrows, INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
							TYPALIGN_DOUBLE);
	arguments[2] = array_of(columns[2], nrows, OIDOID, sizeof(Oid), true, TYPALIGN_INT);
	arguments[3] = array_of(columns[3], nrows, TIMESTAMPTZOID, sizeof(TimestampTz),
							FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
	arguments[4] = array_of(columns[4], nrows, JSONBOID, -1, false, TYPALIGN_INT);

	reco_sql_begin(&sql);
	reco_sql_run(&write_statement, arguments, NULL, false, 0);
	reco_sql_end(&sql);
	last.rows += nrows;
}

/* Reads the records of an id, also what was committed after the query began. */
List *
reco_run_read(int64 run_id)
{
	Datum		arguments[1];
	List	   *records = NIL;
	MemoryContext old;
	RecoSql		sql;

	arguments[0] = Int64GetDatum(run_id);
	PushActiveSnapshot(GetLatestSnapshot());
	reco_sql_begin(&sql);
	reco_sql_run(&read_statement, arguments, NULL, true, 0);
	old = MemoryContextSwitchTo(sql.caller);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		Datum		value =
			SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);

		if (!isnull)
			records = lappend(records, DatumGetJsonbPCopy(value));
	}
	MemoryContextSwitchTo(old);
	reco_sql_end(&sql);
	PopActiveSnapshot();
	return records;
}

/* Deletes what is too old or too much. */
int64
reco_run_trim(TimestampTz before, int64 rows, int64 most)
{
	Datum		arguments[2];
	int64		deleted;

	if (RecoveryInProgress())
		return 0;
	arguments[0] = Int64GetDatum(reco_id_floor(before));
	arguments[1] = Int64GetDatum(most);
	deleted = run_deleting(&expire_statement, arguments);
	last.rows -= deleted;

	if (last.extension != reco_sql_extension() || GetCurrentTimestamp() >= last.next ||
		last.rows > rows)
	{
		last.rows = count_rows();
		last.extension = reco_sql_extension();
		last.next = GetCurrentTimestamp() + RECOUNT_US;
	}
	if (last.rows > rows && deleted < most)
	{
		int64		removed;

		arguments[0] = Int64GetDatum(Min(last.rows - rows + rows / MARGIN, most));
		removed = run_deleting(&evict_statement, arguments);
		last.rows -= removed;
		deleted += removed;
	}
	return deleted;
}

static int64
count_rows(void)
{
	bool		isnull;
	int64		rows;
	RecoSql		sql;

	reco_sql_begin(&sql);
	reco_sql_run(&count_statement, NULL, NULL, true, 0);
	rows = DatumGetInt64(
		SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	reco_sql_end(&sql);
	return rows;
}

/* Runs a statement that deletes; a plan for a small table is kept for a large one. */
static int64
run_deleting(RecoStatement *statement, const Datum *arguments)
{
	int64		deleted;
	RecoSql		sql;

	reco_sql_begin(&sql);
	reco_sql_set("enable_seqscan", "off");
	reco_sql_run(statement, arguments, NULL, false, 0);
	deleted = (int64) SPI_processed;
	reco_sql_end(&sql);
	return deleted;
}
