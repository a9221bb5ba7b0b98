/*-------------------------------------------------------------------------
 *
 * job_left.c
 *	  Jobs whose worker is gone.
 *
 * Purpose: find them, put them back into the queue or end them, and tell who listens.
 * Runs in: a job worker, in a transaction.
 * Locks:	row locks; passes over rows that others have locked.
 * Never:	take a job from a worker that lives.
 *
 * Claims. A worker marks its jobs with a number that it has in shared memory as long as
 * it lives (database.h). A job that is marked with another one was left by a dead worker.
 * The marks are read from the table first: one that is there, and not in shared memory
 * after that, is dead, whatever came meanwhile.
 *
 *-------------------------------------------------------------------------
 */
#include "job.h"

#include "catalog/pg_type.h"
#include "id.h"
#include "miscadmin.h"
#include "shmem/shared.h"
#include "sql.h"
#include "utils/array.h"
#include "utils/timestamp.h"

static RecoStatement claims_statement = {
	.text = "SELECT DISTINCT claim FROM reco.job WHERE state = 'running'",
};

static RecoStatement take_over_statement = {
	.text =
		"UPDATE reco.job AS j SET claim = NULL, stage = NULL,"
		"  attempts = CASE WHEN n.died THEN j.attempts ELSE j.attempts - 1 END,"
		"  state = CASE WHEN n.dead THEN 'failed' ELSE 'queued' END,"
		"  finished = CASE WHEN n.dead THEN $3 END,"
		"  error = CASE WHEN n.dead THEN 'its worker died ' || (j.attempts - j.failures) || ' times' ELSE j.error END"
		" FROM (SELECT user_id, job_id, claim = ANY ($4) AS died, claim = ANY ($4) AND attempts - failures >= $2 AS dead FROM reco.job"
		"  WHERE state = 'running' AND claim = ANY ($1) FOR UPDATE SKIP LOCKED) AS n"
		" WHERE j.user_id = n.user_id AND j.job_id = n.job_id"
		" RETURNING j.job_id, j.kind, j.state",
	.nargs = 4,
	.types = {INT8ARRAYOID, INT4OID, TIMESTAMPTZOID, INT8ARRAYOID},
};

/* The marks in the table. */
static int64 *
find_claims(int *n)
{
	int64	   *claims;
	RecoSql		sql;

	reco_sql_begin(&sql);
	reco_sql_set("enable_seqscan", "off");
	reco_sql_run(&claims_statement, NULL, NULL, false, 0);
	*n = (int) SPI_processed;
	claims = MemoryContextAlloc(sql.caller, sizeof(int64) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		bool		isnull;

		claims[i] = DatumGetInt64(
			SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	}
	reco_sql_end(&sql);
	return claims;
}

static bool
is_among(int64 claim, const int64 *claims, int n)
{
	for (int i = 0; i < n; i++)
		if (claims[i] == claim)
			return true;
	return false;
}

/* Did a worker that is not there any more die? Claims grow with time. */
static bool
died(int64 claim)
{
	int64		fallen[RECO_NSEATS] = {0};

	return is_among(claim, fallen, reco_database_died(MyDatabaseId, fallen)) ||
		(reco_shared->after_crash &&
		 claim < reco_id_floor(reco_calendar_time(reco_shared->made_at)));
}

static Datum
array_of_claims(Datum *claims, int n)
{
	return PointerGetDatum(construct_array(claims, n, INT8OID, sizeof(int64),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* Tells who listens what became of a job: nobody else will. */
static void
tell(HeapTuple row, TupleDesc columns)
{
	bool		isnull;
	int64		job_id = DatumGetInt64(SPI_getbinval(row, columns, 1, &isnull));

	reco_job_tell(job_id, SPI_getvalue(row, columns, 2), SPI_getvalue(row, columns, 3),
				  NULL, 0, 0);
}

int64
reco_job_take_over(int64 own, bool own_died, int most_deaths)
{
	int			n;
	int64	   *claims = find_claims(&n);
	int64		alive[RECO_NSEATS];
	int			nalive = reco_database_claims(MyDatabaseId, alive);
	Datum	   *gone = palloc(sizeof(Datum) * Max(n, 1));
	Datum	   *dead = palloc(sizeof(Datum) * Max(n, 1));
	int			ngone = 0;
	int			ndead = 0;
	int64		taken;
	Datum		arguments[4];
	RecoSql		sql;

	for (int i = 0; i < n; i++)
	{
		if (claims[i] != own && is_among(claims[i], alive, nalive))
			continue;
		gone[ngone++] = Int64GetDatum(claims[i]);
		if (claims[i] == own ? own_died : died(claims[i]))
			dead[ndead++] = Int64GetDatum(claims[i]);
	}
	if (ngone == 0)
		return 0;
	arguments[0] = array_of_claims(gone, ngone);
	arguments[1] = Int32GetDatum(most_deaths);
	arguments[2] = TimestampTzGetDatum(GetCurrentTimestamp());
	arguments[3] = array_of_claims(dead, ndead);
	reco_sql_begin(&sql);
	reco_sql_set("enable_seqscan", "off");
	reco_sql_run(&take_over_statement, arguments, NULL, false, 0);
	taken = (int64) SPI_processed;
	for (int64 i = 0; i < taken; i++)
		tell(SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
	reco_sql_end(&sql);
	return taken;
}
