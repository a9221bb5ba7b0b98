/*-------------------------------------------------------------------------
 *
 * job.c
 *	  Work that was promised: the table reco.job.
 *
 * Purpose: see job.h.
 * Runs in: any process with a database and a transaction.
 * Locks:	row locks. Whoever looks for a job passes over rows that others have locked.
 * Never:	throw at commit; wait for a row that a caller's transaction has locked.
 *
 * Turns. A job has a turn, a time: when it was queued, but a minute after the listener's
 * last one that waits. Jobs are claimed in the order of their turns, so the jobs of
 * listeners who queue many alternate with those of others, and nobody's wait for ever:
 * whatever comes later than a job's turn comes after it. What failed gets a new turn.
 *
 *-------------------------------------------------------------------------
 */
#include "job.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "common/hashfn.h"
#include "id.h"
#include "miscadmin.h"
#include "shmem/shared.h"
#include "sql.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#define MAX_TRIES		10
#define MOST_CANCELLED	32		/* in one transaction; of more, all workers look */

/* The minute stands in both statements that give a turn. */
static RecoStatement queue_statement = {
	.text = "INSERT INTO reco.job (user_id, job_id, kind, key, role_id, arguments, priority,"
	"  created, run_after, turn)"
	" SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, greatest($9, (SELECT max(turn) + interval '1 min'"
	"   FROM reco.job WHERE user_id = $1 AND priority = $7 AND state = 'queued'))"
	" ON CONFLICT DO NOTHING RETURNING job_id",
	.nargs = 9,
	.types = {TEXTOID, INT8OID, TEXTOID, TEXTOID, OIDOID, JSONBOID, INT2OID,
			  TIMESTAMPTZOID, TIMESTAMPTZOID},
};

static RecoStatement open_statement = {
	.text = "SELECT job_id FROM reco.job WHERE user_id = $1 AND kind = $2 AND key = $3"
	" AND state IN ('queued', 'running')",
	.nargs = 3,
	.types = {TEXTOID, TEXTOID, TEXTOID},
};

static RecoStatement read_statement = {
	.text =
		"SELECT role_id, kind, user_id, state, stage, percent::int, attempts, created, run_after,"
		" started, finished, run_id, error FROM reco.job WHERE job_id = $1 ORDER BY created DESC LIMIT 1",
	.nargs = 1,
	.types = {INT8OID},
};

static RecoStatement cancel_statement = {
	.text = "UPDATE reco.job SET state = 'cancelled', finished = $3, stage = NULL, claim = NULL"
	" WHERE user_id = $1 AND job_id = $2 AND state IN ('queued', 'running')",
	.nargs = 3,
	.types = {TEXTOID, INT8OID, TIMESTAMPTZOID},
};

static RecoStatement claim_statement = {
	.text = "UPDATE reco.job AS j SET state = 'running', claim = $1, attempts = j.attempts + 1,"
	"  started = $2, stage = NULL, percent = 0"
	" FROM (SELECT user_id, job_id FROM reco.job WHERE state = 'queued' AND run_after <= $2"
	"  ORDER BY priority, turn, job_id LIMIT 1 FOR UPDATE SKIP LOCKED) AS n"
	" WHERE j.user_id = n.user_id AND j.job_id = n.job_id"
	" RETURNING j.job_id, j.role_id, j.kind, j.user_id, j.arguments, j.attempts, j.failures",
	.nargs = 2,
	.types = {INT8OID, TIMESTAMPTZOID},
};

static RecoStatement due_statement = {
	.text = "SELECT min(run_after) FROM reco.job WHERE state = 'queued'",
};

static RecoStatement waiting_statement = {
	.text = "SELECT count(*) FROM (SELECT FROM reco.job"
	" WHERE state = 'queued' AND priority = $1 LIMIT $2) AS j",
	.nargs = 2,
	.types = {INT2OID, INT8OID},
};

static RecoStatement note_statement = {
	.text = "UPDATE reco.job AS j SET stage = $4, percent = $5"
	" FROM (SELECT user_id, job_id FROM reco.job WHERE user_id = $1 AND job_id = $2"
	"  AND state = 'running' AND claim = $3 FOR UPDATE SKIP LOCKED) AS n"
	" WHERE j.user_id = n.user_id AND j.job_id = n.job_id",
	.nargs = 5,
	.types = {TEXTOID, INT8OID, INT8OID, TEXTOID, INT2OID},
};

static RecoStatement mine_statement = {
	.text =
		"SELECT FROM reco.job WHERE user_id = $1 AND job_id = $2 AND state = 'running' AND claim = $3",
	.nargs = 3,
	.types = {TEXTOID, INT8OID, INT8OID},
};

static RecoStatement end_statement = {
	.text =
		"UPDATE reco.job AS j SET state = $4, claim = NULL, stage = NULL,"
		"  percent = CASE $4 WHEN 'done' THEN 100 ELSE 0 END,"
		"  finished = CASE WHEN $4 <> 'queued' THEN $5 END, run_id = $6, error = coalesce($7, j.error),"
		"  run_after = coalesce($8, j.run_after), failures = j.failures + $9, attempts = j.attempts - $10,"
		"  turn = CASE WHEN $8 IS NULL OR $10 > 0 THEN j.turn ELSE greatest($8, (SELECT max(turn) + interval '1 min'"
		"   FROM reco.job WHERE user_id = $1 AND priority = j.priority AND state = 'queued')) END"
		" FROM (SELECT user_id, job_id FROM reco.job WHERE user_id = $1 AND job_id = $2"
		"  AND state = 'running' AND claim = $3 FOR UPDATE SKIP LOCKED) AS n"
		" WHERE j.user_id = n.user_id AND j.job_id = n.job_id",
	.nargs = 10,
	.types = {TEXTOID, INT8OID, INT8OID, TEXTOID, TIMESTAMPTZOID, INT8OID, TEXTOID,
			  TIMESTAMPTZOID, INT4OID, INT4OID},
};

static RecoStatement expire_statement = {
	.text =
		"DELETE FROM reco.job WHERE ctid = ANY (ARRAY("
		" SELECT ctid FROM reco.job WHERE finished < $1 ORDER BY finished LIMIT $2 FOR UPDATE SKIP LOCKED))",
	.nargs = 2,
	.types = {TIMESTAMPTZOID, INT8OID},
};

static RecoStatement evict_statement = {
	.text = "DELETE FROM reco.job WHERE ctid = ANY (ARRAY("
	" SELECT ctid FROM reco.job WHERE finished IS NOT NULL ORDER BY finished DESC"
	"  OFFSET $1 LIMIT $2 FOR UPDATE SKIP LOCKED))",
	.nargs = 2,
	.types = {INT8OID, INT8OID},
};

/* What the commit shall tell workers. */
static bool queued = false;
static int64 cancelled[MOST_CANCELLED];
static int	ncancelled = 0;

static void watch(void);
static void at_transaction_end(XactEvent event, void *arg);
static int64 run_changing(RecoStatement *statement, const Datum *arguments,
						  const char *nulls);

/* Lists of two roles may come from different services. */
char *
reco_job_key(Oid role, Jsonb *arguments)
{
	const char *text =
		psprintf("%u %s", role,
				 JsonbToCString(NULL, &arguments->root, VARSIZE(arguments)));
	const unsigned char *bytes = (const unsigned char *) text;
	int			len = (int) strlen(text);

	return psprintf("%016llx%016llx",
					(unsigned long long) hash_bytes_extended(bytes, len, 0),
					(unsigned long long) hash_bytes_extended(bytes, len, 1));
}

/* Queues a job, unless it is open. */
int64
reco_job_queue(const RecoJobOrder *order)
{
	TimestampTz now = GetCurrentTimestamp();
	Datum		arguments[9];
	Datum		key[3];
	int64		job_id = 0;
	bool		is_new = false;
	RecoSql		sql;

	arguments[0] = key[0] = CStringGetTextDatum(order->user_id);
	arguments[2] = key[1] = CStringGetTextDatum(order->kind);
	arguments[3] = key[2] = CStringGetTextDatum(order->key);
	arguments[4] = ObjectIdGetDatum(OidIsValid(order->role) ? order->role : GetUserId());
	arguments[5] = JsonbPGetDatum(order->arguments);
	arguments[6] = Int16GetDatum(order->priority);
	arguments[7] = TimestampTzGetDatum(now);
	arguments[8] = TimestampTzGetDatum(Max(now, order->run_after));
	watch();
	reco_sql_begin(&sql);
	for (int tries = 0; tries < MAX_TRIES && job_id == 0; tries++)
	{
		int64		id = reco_id_new();

		arguments[1] = Int64GetDatum(id);
		reco_sql_run(&queue_statement, arguments, NULL, false, 0);
		if (SPI_processed > 0)
		{
			job_id = id;
			queued = is_new = true;
			break;
		}

		/* it is open, unless it ended just now */
		reco_sql_run(&open_statement, key, NULL, false, 1);
		if (SPI_processed > 0)
		{
			bool		isnull;

			job_id = DatumGetInt64(
				SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		}
	}
	reco_sql_end(&sql);
	if (order->is_new != NULL)
		*order->is_new = is_new;
	if (job_id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not queue the job: others queue and end the same one"),
				 errhint("Try again.")));
	return job_id;
}

/* A column's text, in the caller's context; NULL = it is null. */
static char *
text_of(int column, MemoryContext context)
{
	char *text = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);

	return text == NULL ? NULL : MemoryContextStrdup(context, text);
}

/* A column's value; 0 = it is null. */
static Datum
value_of(int column)
{
	bool		isnull;
	Datum		value =
		SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? (Datum) 0 : value;
}

/* A time, or another number of 64 bits; 0 = it is null. */
static int64
number_of(int column)
{
	bool		isnull;
	Datum		value =
		SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

bool
reco_job_read(int64 job_id, RecoJobFacts *facts)
{
	Datum		arguments[1];
	bool		found;
	RecoSql		sql;

	memset(facts, 0, sizeof(*facts));
	facts->job_id = job_id;
	arguments[0] = Int64GetDatum(job_id);
	reco_sql_begin(&sql);
	reco_sql_run(&read_statement, arguments, NULL, false, 1);
	found = SPI_processed > 0;
	if (found)
	{
		facts->role = DatumGetObjectId(value_of(1));
		facts->kind = text_of(2, sql.caller);
		facts->user_id = text_of(3, sql.caller);
		facts->state = text_of(4, sql.caller);
		facts->stage = text_of(5, sql.caller);
		facts->percent = DatumGetInt32(value_of(6));
		facts->attempts = DatumGetInt32(value_of(7));
		facts->created = number_of(8);
		facts->run_after = number_of(9);
		facts->started = number_of(10);
		facts->finished = number_of(11);
		facts->run_id = number_of(12);
		facts->error = text_of(13, sql.caller);
	}
	reco_sql_end(&sql);
	return found;
}

bool
reco_job_cancel_open(const RecoJobFacts *job)
{
	Datum		arguments[3];

	arguments[0] = CStringGetTextDatum(job->user_id);
	arguments[1] = Int64GetDatum(job->job_id);
	arguments[2] = TimestampTzGetDatum(GetCurrentTimestamp());
	if (run_changing(&cancel_statement, arguments, NULL) == 0)
		return false;
	watch();
	if (ncancelled < MOST_CANCELLED)
		cancelled[ncancelled] = job->job_id;
	ncancelled++;
	return true;
}

RecoJob *
reco_job_claim(int64 claim)
{
	Datum		arguments[2];
	RecoJob    *job = NULL;
	RecoSql		sql;

	arguments[0] = Int64GetDatum(claim);
	arguments[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	reco_sql_begin(&sql);
	reco_sql_set("enable_seqscan", "off");
	reco_sql_run(&claim_statement, arguments, NULL, false, 0);
	if (SPI_processed > 0)
	{
		MemoryContext old = MemoryContextSwitchTo(sql.caller);

		job = palloc0(sizeof(RecoJob));
		job->claim = claim;
		job->job_id = number_of(1);
		job->role = DatumGetObjectId(value_of(2));
		job->kind = text_of(3, sql.caller);
		job->user_id = text_of(4, sql.caller);
		job->arguments = DatumGetJsonbPCopy(value_of(5));
		job->attempts = DatumGetInt32(value_of(6));
		job->failures = DatumGetInt32(value_of(7));
		MemoryContextSwitchTo(old);
	}
	reco_sql_end(&sql);
	return job;
}

int
reco_job_waiting(RecoJobPriority priority, int most)
{
	Datum		arguments[2];
	int			n;
	RecoSql		sql;

	arguments[0] = Int16GetDatum((int16) priority);
	arguments[1] = Int64GetDatum(most);
	reco_sql_begin(&sql);
	reco_sql_set("enable_seqscan", "off");
	reco_sql_run(&waiting_statement, arguments, NULL, false, 0);
	n = (int) number_of(1);
	reco_sql_end(&sql);
	return n;
}

TimestampTz
reco_job_next_due(void)
{
	TimestampTz due;
	RecoSql		sql;

	reco_sql_begin(&sql);
	reco_sql_set("enable_seqscan", "off");
	reco_sql_run(&due_statement, NULL, NULL, false, 0);
	due = number_of(1);
	reco_sql_end(&sql);
	return due;
}

/* Is a job still this worker's? As committed. */
static bool
is_mine(const RecoJob *job)
{
	Datum		arguments[3];

	arguments[0] = CStringGetTextDatum(job->user_id);
	arguments[1] = Int64GetDatum(job->job_id);
	arguments[2] = Int64GetDatum(job->claim);
	return run_changing(&mine_statement, arguments, NULL) > 0;
}

bool
reco_job_note(const RecoJob *job, const char *stage, int percent)
{
	Datum		arguments[5];

	arguments[0] = CStringGetTextDatum(job->user_id);
	arguments[1] = Int64GetDatum(job->job_id);
	arguments[2] = Int64GetDatum(job->claim);
	arguments[3] = CStringGetTextDatum(stage);
	arguments[4] = Int16GetDatum((int16) percent);
	return run_changing(&note_statement, arguments, NULL) > 0 || is_mine(job);
}

bool
reco_job_end(const RecoJob *job, RecoJobEnd end, int64 run_id, const char *error,
			 TimestampTz run_after, bool *locked)
{
	static const char *const states[] = {"done", "failed", "queued", "queued"};
	bool		failed = end == RECO_JOB_FAILED || end == RECO_JOB_AGAIN;
	Datum		arguments[10] = {0};
	char		nulls[11] = "          ";

	arguments[0] = CStringGetTextDatum(job->user_id);
	arguments[1] = Int64GetDatum(job->job_id);
	arguments[2] = Int64GetDatum(job->claim);
	arguments[3] = CStringGetTextDatum(states[end]);
	arguments[4] = TimestampTzGetDatum(GetCurrentTimestamp());
	arguments[5] = Int64GetDatum(run_id);
	nulls[5] = run_id == 0 ? 'n' : ' ';
	if (error != NULL)
		arguments[6] = CStringGetTextDatum(error);
	nulls[6] = error == NULL ? 'n' : ' ';
	arguments[7] = TimestampTzGetDatum(run_after);
	nulls[7] = end == RECO_JOB_AGAIN || end == RECO_JOB_GIVEN_BACK ? ' ' : 'n';
	arguments[8] = Int32GetDatum(failed ? 1 : 0);
	arguments[9] = Int32GetDatum(end == RECO_JOB_GIVEN_BACK ? 1 : 0);
	*locked = false;
	if (run_changing(&end_statement, arguments, nulls) > 0)
	{
		queued = queued || end == RECO_JOB_AGAIN || end == RECO_JOB_GIVEN_BACK;
		watch();
		return true;
	}
	*locked = is_mine(job);
	return false;
}

/* The names of stages and states need no quotes inside. */
void
reco_job_tell(int64 job_id, const char *kind, const char *state, const char *stage,
			  int percent, int64 run_id)
{
	char	   *run = run_id == 0 ? "null" : psprintf("\"" INT64_FORMAT "\"", run_id);
	char	   *at = stage == NULL ? "null" : psprintf("\"%s\"", stage);
	char	   *json = psprintf("{\"job\": \"" INT64_FORMAT "\", \"kind\": \"%s\","
						  " \"state\": \"%s\", \"stage\": %s, \"percent\": %d,"
						  " \"run_id\": %s}",
						  job_id, kind, state, at, percent, run);

	Async_Notify("reco_progress", json);
	pfree(json);
}

int64
reco_job_trim(TimestampTz before, int64 rows, int64 most)
{
	Datum		arguments[2];
	int64		deleted;

	arguments[0] = TimestampTzGetDatum(before);
	arguments[1] = Int64GetDatum(most);
	deleted = run_changing(&expire_statement, arguments, NULL);
	arguments[0] = Int64GetDatum(rows);
	return deleted + run_changing(&evict_statement, arguments, NULL);
}

/* Runs a statement; a plan for a small table is kept for a large one. */
static int64
run_changing(RecoStatement *statement, const Datum *arguments, const char *nulls)
{
	int64		changed;
	RecoSql		sql;

	reco_sql_begin(&sql);
	reco_sql_set("enable_seqscan", "off");
	reco_sql_run(statement, arguments, nulls, false, 0);
	changed = (int64) SPI_processed;
	reco_sql_end(&sql);
	return changed;
}

/* Has the end of the transaction seen; registered once per process. */
static void
watch(void)
{
	static bool registered = false;

	if (!registered)
		RegisterXactCallback(at_transaction_end, NULL);
	registered = true;
}

/*
 * Wakes workers for what was queued, and interrupts those whose job was cancelled. What a
 * subtransaction did that was rolled back counts too: they look, and find nothing. What
 * is prepared, COMMIT PREPARED wakes them for.
 */
static void
at_transaction_end(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
		event != XACT_EVENT_PREPARE)
		return;
	if (event == XACT_EVENT_COMMIT && queued)
		reco_database_wake_job_workers(MyDatabaseId);
	if (event == XACT_EVENT_COMMIT && ncancelled > MOST_CANCELLED)
		reco_database_interrupt_job(MyDatabaseId, 0);
	else if (event == XACT_EVENT_COMMIT)
		for (int i = 0; i < ncancelled; i++)
			reco_database_interrupt_job(MyDatabaseId, cancelled[i]);
	queued = false;
	ncancelled = 0;
}
