/*-------------------------------------------------------------------------
 *
 * change.c
 *	  Which state of the catalogue a snapshot sees.
 *
 * Purpose: every statement that writes reco.track leaves a row in
 *			reco.change, but for what the keeper learns from services. A reader's
 *			token is a hash over the rows that its snapshot sees: MVCC itself says
 *			what is committed, rolled back or the reader's own.
 * Runs in: any process with a database and a transaction.
 * Locks:	row locks of reco.change, taken only with SKIP LOCKED.
 * Never:	delete under REPEATABLE READ, where a concurrent delete is an error.
 *
 *-------------------------------------------------------------------------
 */
#include "change.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "store/patience.h"
#include "store/sql.h"
#include "store/stale.h"
#include "utils/builtins.h"

#define MAX_TRIES	10

static RecoStatement note_statement = {
	.text = "INSERT INTO reco.change (what) VALUES ($1) ON CONFLICT DO NOTHING RETURNING change_id",
	.nargs = 1,
	.types = {TEXTOID},
};

/* All but its own: ids of two processes need not grow with time. */
static RecoStatement prune_statement = {
	.text = "DELETE FROM reco.change WHERE what = $1 AND change_id IN"
	" (SELECT change_id FROM reco.change WHERE what = $1 AND change_id <> $2"
	"  FOR UPDATE SKIP LOCKED)",
	.nargs = 2,
	.types = {TEXTOID, INT8OID},
};

static RecoStatement token_statement = {
	.text = "SELECT change_id FROM reco.change WHERE what = $1 OR ($1 IS NULL AND what <> '"
	RECO_CHANGE_LEARNED "') ORDER BY change_id",
	.nargs = 1,
	.types = {TEXTOID},
};

/* The transaction that changed the catalogue last in this process. */
static FullTransactionId changed_in = {0};

/* Does this transaction write what services told? */
static bool learning = false;

static void note(const char *what);

/* Notes a change of this transaction. */
void
reco_change_note(const char *what)
{
	if (learning)
		return;
	reco_stale_all();
	note(what);
	if (strcmp(what, "catalogue") == 0)
		changed_in = GetTopFullTransactionId();
}

/* Notes that there is something new in the catalogue that makes no list invalid. */
void
reco_change_note_learned(void)
{
	note(RECO_CHANGE_LEARNED);
}

/* Leaves a row, in place of the older ones. */
static void
note(const char *what)
{
	Datum		values[2];
	RecoSql		sql;
	int			tries = 0;
	bool		isnull;

	values[0] = CStringGetTextDatum(what);
	reco_sql_begin(&sql);

	/* an id that another process made too leaves no row; the next one will */
	do
		reco_sql_run(&note_statement, values, NULL, false, 0);
	while (SPI_processed == 0 && ++tries < MAX_TRIES);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("could not make a unique id for a change of the catalogue"),
				 errhint("Check that \"reco.node_id\" differs between nodes.")));
	values[1] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (!IsolationUsesXactSnapshot())
		reco_sql_run(&prune_statement, values, NULL, false, 0);
	reco_sql_end(&sql);
}

static void
stop_learning(XactEvent event, void *arg)
{
	learning = false;
}

void
reco_change_begin_learning(void)
{
	static bool registered = false;

	if (!registered)
		RegisterXactCallback(stop_learning, NULL);
	registered = true;
	learning = true;
}

bool
reco_change_is_learning(void)
{
	return learning;
}

bool
reco_change_is_mine(void)
{
	return FullTransactionIdIsValid(changed_in) &&
		FullTransactionIdEquals(changed_in, GetTopFullTransactionIdIfAny());
}

/* Reads the token of the state that the current snapshot sees. */
bool
reco_change_read(const char *what, uint64 *token)
{
	Datum		value = what == NULL ? (Datum) 0 : CStringGetTextDatum(what);
	RecoSql		sql;

	*token = 0;
	if (!reco_patience_lock(RECO_READS(CHANGE)))
		return false;
	reco_sql_begin(&sql);
	reco_sql_run(&token_statement, &value, what == NULL ? "n" : NULL, true, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		int64 id = DatumGetInt64(
			SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));

		*token = hash_combine64(*token, (uint64) id + 1);
	}
	reco_sql_end(&sql);
	return true;
}
