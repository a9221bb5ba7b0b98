/*-------------------------------------------------------------------------
 *
 * denied.c
 *	  reco.deny_list: recommendations that are not asked for.
 *
 * Purpose: see denied.h. Expiry and eviction are in cache_care.c.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of its statements; a look-up never waits for the table.
 * Never:	read the table on a standby, unless it was made logged.
 *
 *-------------------------------------------------------------------------
 */
#include "denied.h"

#include "access/htup_details.h"
#include "cache_parts.h"
#include "catalog/pg_type.h"
#include "logged.h"
#include "mb/pg_wchar.h"
#include "patience.h"
#include "snapshot.h"
#include "sql.h"
#include "upstream/denial.h"
#include "utils/builtins.h"

static RecoStatement read_statement = {
	.text = "SELECT k.nth, d.* FROM unnest($1) WITH ORDINALITY AS k (asked, nth)"
	" CROSS JOIN LATERAL (SELECT by_hand, reason, request, denied_at, denied_until"
	"  FROM reco.deny_list WHERE deny_key = k.asked AND server = ANY (ARRAY['', $2])"
	"  AND denied_until > $3 OFFSET 0) AS d",
	.nargs = 3,
	.types = {TEXTARRAYOID, TEXTOID, TIMESTAMPTZOID},
};

static RecoStatement write_statement = {
	.text = "INSERT INTO reco.deny_list AS d"
	" (deny_key, server, reason, request, denied_at, denied_until, used_at)"
	" SELECT DISTINCT ON (n.key, n.server) n.*, clock_timestamp()"
	" FROM unnest($1, $2, $3, $4, $5, $6)"
	"  AS n (key, server, reason, request, denied_at, denied_until)"
	" ORDER BY n.key, n.server, n.denied_at DESC"
	" ON CONFLICT (deny_key, server) DO UPDATE SET reason = excluded.reason,"
	"  request = excluded.request, denied_at = excluded.denied_at,"
	"  denied_until = excluded.denied_until, used_at = excluded.used_at"
	"  WHERE excluded.denied_at >= d.denied_at AND NOT d.by_hand",
	.nargs = 6,
	.types = {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID,
			  TIMESTAMPTZARRAYOID},
};

static RecoStatement touch_statement = {
	.text = "UPDATE reco.deny_list AS d SET used_at = $3, hits = d.hits + 1"
	" WHERE d.ctid = ANY (ARRAY(SELECT l.ctid FROM unnest($1, $2) AS n (key, server)"
	"  CROSS JOIN LATERAL (SELECT ctid FROM reco.deny_list WHERE deny_key = n.key"
	"   AND server = n.server AND used_at < $3 - interval '1 minute' OFFSET 0) AS l))",
	.nargs = 3,
	.types = {TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID},
};

static RecoStatement delete_all_statement = {
	.text = "DELETE FROM reco.deny_list WHERE NOT by_hand",
};

static RecoStatement delete_statement = {
	.text = "DELETE FROM reco.deny_list WHERE deny_key = $1 AND NOT by_hand"
	" AND ($2 = '' OR server = $2)",
	.nargs = 2,
	.types = {TEXTOID, TEXTOID},
};

static RecoStatement add_statement = {
	.text = "INSERT INTO reco.deny_list AS d (deny_key, server, by_hand, reason, request,"
	"  denied_at, denied_until, used_at)"
	" VALUES ($1, '', true, $2, $3, clock_timestamp(), $4, clock_timestamp())"
	" ON CONFLICT (deny_key, server) DO UPDATE SET reason = excluded.reason,"
	"  request = excluded.request, denied_at = excluded.denied_at,"
	"  denied_until = excluded.denied_until",
	.nargs = 4,
	.types = {TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID},
};

static RecoStatement allow_statement = {
	.text = "DELETE FROM reco.deny_list WHERE deny_key = $1 RETURNING server",
	.nargs = 1,
	.types = {TEXTOID},
};

static RecoStatement list_statement = {
	.text = "SELECT deny_key, server, by_hand, reason, request, denied_at, denied_until,"
	" used_at, hits FROM reco.deny_list WHERE denied_until > $1"
	" ORDER BY denied_at DESC, deny_key, server",
	.nargs = 1,
	.types = {TIMESTAMPTZOID},
};

/* A row in its parts, in the current context. */
typedef struct Parts
{
	char	   *key;
	char	   *server;
	char	   *reason;
	char	   *request;
} Parts;

static bool take_apart(const RecoCacheRow *row, Parts *parts);
static char *take_text(char *text);

/* Reads the denials of some keys. */
RecoDeniedRow *
reco_denied_read(const char *const *keys, int nkeys, const char *server, int *nfound)
{
	Datum		arguments[3];
	RecoDeniedRow *rows;
	MemoryContext old;
	RecoSql		sql;

	*nfound = 0;
	if (nkeys == 0 || !reco_logged_can_read("deny_list") ||
		!reco_patience_try(RECO_READS(DENY_LIST)))
		return palloc0(sizeof(RecoDeniedRow));
	arguments[0] = reco_cache_texts(keys, nkeys);
	arguments[1] = CStringGetTextDatum(server);
	arguments[2] = TimestampTzGetDatum(GetCurrentTimestamp());
	reco_sql_begin(&sql);
	reco_sql_run(&read_statement, arguments, NULL, true, 0);
	old = MemoryContextSwitchTo(sql.caller);
	*nfound = (int) SPI_processed;
	rows = palloc0(sizeof(RecoDeniedRow) * Max(*nfound, 1));
	for (int i = 0; i < *nfound; i++)
	{
		Datum		values[6];
		bool		nulls[6];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
		rows[i].nth = (int) DatumGetInt64(values[0]) - 1;
		rows[i].by_hand = DatumGetBool(values[1]);
		rows[i].reason = TextDatumGetCString(values[2]);
		rows[i].request = TextDatumGetCString(values[3]);
		rows[i].denied_at = DatumGetTimestampTz(values[4]);
		rows[i].denied_until = DatumGetTimestampTz(values[5]);
	}
	MemoryContextSwitchTo(old);
	reco_sql_end(&sql);
	return rows;
}

bool
reco_denied_takes(const RecoCacheRow *row)
{
	Parts		parts;

	return take_apart(row, &parts);
}

/* Writes rows. */
void
reco_denied_write(const RecoCacheRow *rows, int nrows)
{
	const char **lists[4];
	RecoCacheRow *taken = palloc(sizeof(RecoCacheRow) * Max(nrows, 1));
	Datum		arguments[6];
	int			n = 0;
	RecoSql		sql;

	for (int l = 0; l < lengthof(lists); l++)
		lists[l] = palloc(sizeof(char *) * Max(nrows, 1));
	for (int i = 0; i < nrows; i++)
	{
		Parts		parts;

		if (!take_apart(&rows[i], &parts))
			continue;
		lists[0][n] = parts.key;
		lists[1][n] = parts.server;
		lists[2][n] = parts.reason;
		lists[3][n] = parts.request;
		taken[n++] = rows[i];
	}
	if (n == 0)
		return;
	for (int l = 0; l < lengthof(lists); l++)
		arguments[l] = reco_cache_texts(lists[l], n);
	arguments[4] = reco_cache_times(taken, n, offsetof(RecoCacheRow, fetched_at));
	arguments[5] = reco_cache_times(taken, n, offsetof(RecoCacheRow, usable_until));
	reco_sql_begin(&sql);
	reco_sql_run(&write_statement, arguments, NULL, false, 0);
	reco_sql_end(&sql);
}

/* Notes that rows were in use. */
void
reco_denied_touch(const char *const *keys, int nkeys)
{
	const char **names = palloc(sizeof(char *) * Max(nkeys, 1));
	const char **servers = palloc(sizeof(char *) * Max(nkeys, 1));
	Datum		arguments[3];
	int			n = 0;
	RecoSql		sql;

	for (int i = 0; i < nkeys; i++)
	{
		char	   *name;
		char	   *server;

		if (!reco_cache_cut_key(keys[i], &name, &server))
			continue;
		names[n] = name;
		servers[n++] = server;
	}
	if (n == 0)
		return;
	arguments[0] = reco_cache_texts(names, n);
	arguments[1] = reco_cache_texts(servers, n);
	arguments[2] = TimestampTzGetDatum(GetCurrentTimestamp());
	reco_sql_begin(&sql);
	reco_sql_run(&touch_statement, arguments, NULL, false, 0);
	reco_sql_end(&sql);
}

/* Deletes what services refused. */
int64
reco_denied_delete(const char *asked)
{
	Datum		arguments[2] = {0};
	char	   *key;
	char	   *server;

	if (asked != NULL)
	{
		(void) reco_cache_cut_key(asked, &key, &server);
		arguments[0] = CStringGetTextDatum(key);
		arguments[1] = CStringGetTextDatum(server);
	}
	return reco_cache_run_delete(asked == NULL ? &delete_all_statement
											   : &delete_statement,
								 arguments);
}

/* Denies by hand. */
void
reco_denied_add(const char *key, const char *reason, const char *request,
				TimestampTz until)
{
	Datum arguments[4] = {CStringGetTextDatum(key), CStringGetTextDatum(reason),
						  CStringGetTextDatum(request), TimestampTzGetDatum(until)};
	RecoSql		sql;

	reco_sql_begin(&sql);
	reco_sql_run(&add_statement, arguments, NULL, false, 0);
	reco_sql_end(&sql);
}

/* Deletes all denials of a key, so that not even a crash brings them back. */
char **
reco_denied_allow(const char *key, int *nservers)
{
	Datum		arguments[1] = {CStringGetTextDatum(key)};
	char	  **servers;
	MemoryContext old;
	RecoSql		sql;

	reco_sql_begin(&sql);
	reco_sql_run(&allow_statement, arguments, NULL, false, 0);
	old = MemoryContextSwitchTo(sql.caller);
	*nservers = (int) SPI_processed;
	servers = palloc(sizeof(char *) * Max(*nservers, 1));
	for (int i = 0; i < *nservers; i++)
		servers[i] = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
	MemoryContextSwitchTo(old);
	reco_sql_end(&sql);
	reco_snapshot_allow(key);
	return servers;
}

/* Reads all that hold. */
RecoDenial *
reco_denied_list(int *n)
{
	Datum		arguments[1] = {TimestampTzGetDatum(GetCurrentTimestamp())};
	RecoDenial *list;
	MemoryContext old;
	RecoSql		sql;

	*n = 0;
	if (!reco_logged_can_read("deny_list"))
		return palloc0(sizeof(RecoDenial));
	reco_sql_begin(&sql);
	reco_sql_run(&list_statement, arguments, NULL, true, 0);
	old = MemoryContextSwitchTo(sql.caller);
	*n = (int) SPI_processed;
	list = palloc0(sizeof(RecoDenial) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		Datum		values[9];
		bool		nulls[9];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
		list[i].key = TextDatumGetCString(values[0]);
		list[i].server = TextDatumGetCString(values[1]);
		list[i].by_hand = DatumGetBool(values[2]);
		list[i].reason = TextDatumGetCString(values[3]);
		list[i].request = TextDatumGetCString(values[4]);
		list[i].denied_at = DatumGetTimestampTz(values[5]);
		list[i].denied_until = DatumGetTimestampTz(values[6]);
		list[i].used_at = DatumGetTimestampTz(values[7]);
		list[i].hits = DatumGetInt64(values[8]);
		if (list[i].server[0] == '\0')
			list[i].server = NULL;
	}
	MemoryContextSwitchTo(old);
	reco_sql_end(&sql);
	return list;
}

/* Takes a row apart; false = it is not what the gateway writes of a refusal. */
static bool
take_apart(const RecoCacheRow *row, Parts *parts)
{
	char	   *reason = NULL;
	char	   *request = NULL;
	bool		read;

	memset(parts, 0, sizeof(*parts));
	if (row->absent || row->value == NULL ||
		!reco_cache_cut_key(row->key, &parts->key, &parts->server) ||
		parts->server[0] == '\0')
		return false;
	read = reco_denial_read(row->value, &reason, &request);
	parts->reason = take_text(reason);
	parts->request = take_text(request);
	return read && parts->reason != NULL && parts->request != NULL;
}

/*
 * Copies a text of malloc's into the current context. It is UTF-8 by now; what is no
 * ASCII of a refusal's words becomes a question mark in other encodings.
 */
static char *
take_text(char *text)
{
	char	   *copy = text == NULL ? NULL : pstrdup(text);

	free(text);
	for (char *c = copy; c != NULL && *c != '\0' && GetDatabaseEncoding() != PG_UTF8; c++)
		if (IS_HIGHBIT_SET(*c))
			*c = '?';
	return copy;
}
