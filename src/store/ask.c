/*-------------------------------------------------------------------------
 *
 * ask.c
 *	  reco.ask: when lists that were kept were given.
 *
 * Purpose: see ask.h. A row holds no question: that is in the record of the run that made
 *			the list, and without it the row is of no use.
 * Runs in: the keeper, in a transaction.
 * Locks:	those of its statements.
 * Never:	grow with how often a list is asked for.
 *
 *-------------------------------------------------------------------------
 */
#include "ask.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "sql.h"
#include "utils/array.h"
#include "utils/builtins.h"

static RecoStatement write_statement = {
	.text =
		"INSERT INTO reco.ask (user_id, run_id, at)"
		" SELECT DISTINCT r.user_id, r.run_id, $3"
		" FROM unnest($1, $2) AS n (user_id, run_id)"
		" JOIN reco.run AS r ON r.user_id = n.user_id AND r.run_id = n.run_id"
		" WHERE NOT EXISTS (SELECT FROM reco.ask AS a WHERE a.user_id = n.user_id"
		"  AND a.run_id = n.run_id AND a.at > $3 - interval '5 min')"
		" ON CONFLICT DO NOTHING",
	.nargs = 3,
	.types = {TEXTARRAYOID, INT8ARRAYOID, TIMESTAMPTZOID},
};

static RecoStatement expire_statement = {
	.text = "DELETE FROM reco.ask WHERE ctid = ANY (ARRAY("
	" SELECT ctid FROM reco.ask WHERE at < $1 ORDER BY at LIMIT $2))",
	.nargs = 2,
	.types = {TIMESTAMPTZOID, INT8OID},
};

static RecoStatement evict_statement = {
	.text = "DELETE FROM reco.ask WHERE ctid = ANY (ARRAY("
	" SELECT ctid FROM reco.ask ORDER BY at DESC OFFSET $1 LIMIT $2))",
	.nargs = 2,
	.types = {INT8OID, INT8OID},
};

/* Runs a statement; a plan for a small table is kept for a large one. */
static int64
run_changing(RecoStatement *statement, const Datum *arguments)
{
	int64		changed;
	RecoSql		sql;

	reco_sql_begin(&sql);
	reco_sql_set("enable_seqscan", "off");
	reco_sql_run(statement, arguments, NULL, false, 0);
	changed = (int64) SPI_processed;
	reco_sql_end(&sql);
	return changed;
}

void
reco_ask_write(const char *const *user_ids, const int64 *run_ids, int n)
{
	Datum	   *users = palloc(sizeof(Datum) * Max(n, 1));
	Datum	   *runs = palloc(sizeof(Datum) * Max(n, 1));
	Datum		arguments[3];

	if (n == 0 || RecoveryInProgress())
		return;
	for (int i = 0; i < n; i++)
	{
		users[i] = CStringGetTextDatum(user_ids[i]);
		runs[i] = Int64GetDatum(run_ids[i]);
	}
	arguments[0] =
		PointerGetDatum(construct_array(users, n, TEXTOID, -1, false, TYPALIGN_INT));
	arguments[1] = PointerGetDatum(construct_array(runs, n, INT8OID, sizeof(int64),
												   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	arguments[2] = TimestampTzGetDatum(GetCurrentTimestamp());
	(void) run_changing(&write_statement, arguments);
}

int64
reco_ask_trim(TimestampTz before, int64 rows, int64 most)
{
	Datum		arguments[2];
	int64		deleted;

	if (RecoveryInProgress())
		return 0;
	arguments[0] = TimestampTzGetDatum(before);
	arguments[1] = Int64GetDatum(most);
	deleted = run_changing(&expire_statement, arguments);
	if (deleted < most)
	{
		arguments[0] = Int64GetDatum(rows);
		arguments[1] = Int64GetDatum(most - deleted);
		deleted += run_changing(&evict_statement, arguments);
	}
	return deleted;
}
