/*-------------------------------------------------------------------------
 *
 * listener_token.c
 *	  Listeners' refresh tokens: all SQL on reco.listener_token.
 *
 * Purpose: see listener_token.h.
 * Runs in: any process with a database and a transaction; replacing: the keeper.
 * Locks:	those of its statements. The keeper never waits for a row.
 * Never:	put a token into a statement's text: it is a parameter.
 *
 *-------------------------------------------------------------------------
 */
#include "listener_token.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "id.h"
#include "patience.h"
#include "sql.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

/* consents are ordered by time, and in any case by who came later */
static RecoStatement put_statement = {
	.text = "INSERT INTO reco.listener_token AS t (user_id, server, consent, token)"
	" VALUES ($1, $2, $3, $4) ON CONFLICT (user_id, server) DO UPDATE SET"
	"  consent = greatest(excluded.consent, t.consent + 1), token = excluded.token,"
	"  connected_at = now(), rotated_at = NULL",
	.nargs = 4,
	.types = {TEXTOID, TEXTOID, INT8OID, TEXTOID},
};

static RecoStatement erase_statement = {
	.text = "DELETE FROM reco.listener_token WHERE user_id = $1 AND ($2 IS NULL OR server = $2)",
	.nargs = 2,
	.types = {TEXTOID, TEXTOID},
};

static RecoStatement get_statement = {
	.text = "SELECT consent, token, xmin FROM reco.listener_token"
	" WHERE user_id = $1 AND server = $2",
	.nargs = 2,
	.types = {TEXTOID, TEXTOID},
};

static RecoStatement replace_statement = {
	.text = "WITH l AS MATERIALIZED (SELECT ctid FROM reco.listener_token"
	"  WHERE user_id = $1 AND server = $2 AND consent = $3 FOR UPDATE SKIP LOCKED)"
	" UPDATE reco.listener_token AS t SET token = $4, rotated_at = clock_timestamp()"
	" FROM l WHERE t.ctid = l.ctid",
	.nargs = 4,
	.types = {TEXTOID, TEXTOID, INT8OID, TEXTOID},
};

static RecoStatement exists_statement = {
	.text = "SELECT 1 FROM reco.listener_token WHERE user_id = $1 AND server = $2 AND consent = $3",
	.nargs = 3,
	.types = {TEXTOID, TEXTOID, INT8OID},
};

/* Stores a token. */
void
reco_listener_token_put(const char *user_id, const char *server, const char *token)
{
	Datum		arguments[4];
	RecoSql		sql;

	arguments[0] = CStringGetTextDatum(user_id);
	arguments[1] = CStringGetTextDatum(server);
	arguments[2] = Int64GetDatum(reco_id_new());
	arguments[3] = CStringGetTextDatum(token);
	reco_sql_begin(&sql);
	reco_sql_run(&put_statement, arguments, NULL, false, 0);
	reco_sql_end(&sql);
}

/* Erases tokens. */
int64
reco_listener_token_erase(const char *user_id, const char *server)
{
	Datum		arguments[2] = {0};
	char		nulls[] = "  ";
	int64		erased;
	RecoSql		sql;

	arguments[0] = CStringGetTextDatum(user_id);
	if (server != NULL)
		arguments[1] = CStringGetTextDatum(server);
	else
		nulls[1] = 'n';
	reco_sql_begin(&sql);
	reco_sql_run(&erase_statement, arguments, nulls, false, 0);
	erased = (int64) SPI_processed;
	reco_sql_end(&sql);
	return erased;
}

/*
 * Finds a token. An older snapshot would bring one that is dead by now, or erased, so
 * the latest one is looked through.
 */
bool
reco_listener_token_get(const char *user_id, const char *server, RecoListenerToken *token)
{
	Datum		arguments[2];
	bool		found = false;
	RecoSql		sql;

	if (!reco_patience_lock(RECO_READS(LISTENER_TOKEN)))
		return false;
	arguments[0] = CStringGetTextDatum(user_id);
	arguments[1] = CStringGetTextDatum(server);
	reco_sql_begin(&sql);
	PushActiveSnapshot(GetLatestSnapshot());
	reco_sql_run(&get_statement, arguments, NULL, true, 1);
	if (SPI_processed == 1)
	{
		HeapTuple	tuple = SPI_tuptable->vals[0];
		TupleDesc	row = SPI_tuptable->tupdesc;
		bool		isnull;
		TransactionId writer =
			DatumGetTransactionId(SPI_getbinval(tuple, row, 3, &isnull));

		found = !TransactionIdIsCurrentTransactionId(writer);
		if (found)
		{
			MemoryContext old = MemoryContextSwitchTo(sql.caller);

			token->consent =
				(uint64) DatumGetInt64(SPI_getbinval(tuple, row, 1, &isnull));
			token->token = TextDatumGetCString(SPI_getbinval(tuple, row, 2, &isnull));
			MemoryContextSwitchTo(old);
		}
	}
	PopActiveSnapshot();
	reco_sql_end(&sql);
	return found;
}

/* Replaces a token, if its consent is still there and nobody changes it. */
RecoListenerTokenEnd
reco_listener_token_replace(const char *user_id, const char *server, uint64 consent,
							const char *token)
{
	RecoListenerTokenEnd end = RECO_TOKEN_WRITTEN;
	Datum		arguments[4];
	RecoSql		sql;

	arguments[0] = CStringGetTextDatum(user_id);
	arguments[1] = CStringGetTextDatum(server);
	arguments[2] = Int64GetDatum((int64) consent);
	arguments[3] = CStringGetTextDatum(token);
	reco_sql_begin(&sql);
	reco_sql_run(&replace_statement, arguments, NULL, false, 0);
	if (SPI_processed == 0)
	{
		reco_sql_run(&exists_statement, arguments, NULL, true, 1);
		end = SPI_processed == 0 ? RECO_TOKEN_UNWANTED : RECO_TOKEN_LOCKED;
	}
	reco_sql_end(&sql);
	return end;
}
