/*-------------------------------------------------------------------------
 *
 * registry.c
 *	  reco.id_registry: which id ReccoBeats has for a track of Spotify's.
 *
 * Purpose: see registry.h. Expiry and eviction are in cache_care.c.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of its statements; a look-up never waits for the table.
 * Never:	read the table on a standby, unless it was made logged; write what is no id.
 *
 * A row is an answer of reccobeats.c in parts: {"id", "spotify_id", "isrc"}. It is put
 * together again in the same form, so nobody can tell where an answer was kept.
 *
 *-------------------------------------------------------------------------
 */
#include "registry.h"

#include "access/htup_details.h"
#include "cache_parts.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "logged.h"
#include "patience.h"
#include "sql.h"
#include "upstream/reccobeats.h"
#include "utils/builtins.h"

#define NCOLUMNS	7			/* of a row that is read */

/* OFFSET 0 keeps the planner at a look-up per id, however it takes the table to be */
static RecoStatement read_statement = {
	.text = "SELECT k.nth, r.* FROM unnest($1) WITH ORDINALITY AS k (asked, nth)"
	" CROSS JOIN LATERAL (SELECT reccobeats_id::text, recorded_as, isrc, fetched_at,"
	"  fresh_until, usable_until FROM reco.id_registry WHERE spotify_id = k.asked"
	"  AND server = $2 AND usable_until > $3 AND (reccobeats_id IS NULL OR NOT $4)"
	"  OFFSET 0) AS r",
	.nargs = 4,
	.types = {TEXTARRAYOID, TEXTOID, TIMESTAMPTZOID, BOOLOID},
};

/* two keys of the buffer can be one in this database's encoding */
static RecoStatement write_statement = {
	.text = "INSERT INTO reco.id_registry AS r (spotify_id, server, reccobeats_id,"
	" recorded_as, isrc, fetched_at, fresh_until, usable_until, used_at)"
	" SELECT DISTINCT ON (n.id, n.server) n.id, n.server, n.uuid::uuid, n.named, n.isrc,"
	"  n.fetched, n.fresh, n.usable, clock_timestamp()"
	" FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)"
	"  AS n (id, server, uuid, named, isrc, fetched, fresh, usable)"
	" ORDER BY n.id, n.server, n.fetched DESC"
	" ON CONFLICT (spotify_id, server) DO UPDATE SET"
	"  reccobeats_id = excluded.reccobeats_id, recorded_as = excluded.recorded_as,"
	"  isrc = excluded.isrc, fetched_at = excluded.fetched_at,"
	"  fresh_until = excluded.fresh_until, usable_until = excluded.usable_until,"
	"  used_at = excluded.used_at WHERE excluded.fetched_at >= r.fetched_at",
	.nargs = 8,
	.types = {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
			  TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID},
};

static RecoStatement touch_statement = {
	.text = "UPDATE reco.id_registry AS r SET used_at = $3, hits = r.hits + 1"
	" WHERE r.ctid = ANY (ARRAY(SELECT l.ctid FROM unnest($1, $2) AS n (id, server)"
	"  CROSS JOIN LATERAL (SELECT ctid FROM reco.id_registry WHERE spotify_id = n.id"
	"   AND server = n.server AND used_at < $3 - interval '1 minute' OFFSET 0) AS l))",
	.nargs = 3,
	.types = {TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID},
};

static RecoStatement delete_all_statement = {.text = "DELETE FROM reco.id_registry"};

static RecoStatement delete_statement = {
	.text = "DELETE FROM reco.id_registry WHERE spotify_id = $1"
	" AND ($2 = '' OR server = $2)",
	.nargs = 2,
	.types = {TEXTOID, TEXTOID},
};

static RecoStatement count_statement = {
	.text = "SELECT count(reccobeats_id), count(*) - count(reccobeats_id),"
	" count(*) FILTER (WHERE fresh_until < $1 + interval '1 day'), min(fetched_at)"
	" FROM reco.id_registry WHERE usable_until > $1",
	.nargs = 1,
	.types = {TIMESTAMPTZOID},
};

/* A row in its parts, in the current context; NULL where it has no such part. */
typedef struct Parts
{
	char	   *id;
	char	   *server;
	char	   *uuid;
	char	   *named;
	char	   *isrc;
} Parts;

static bool take_apart(const RecoCacheRow *row, Parts *parts);
static const char *put_together(const char *uuid, const char *named, const char *isrc);

/* Reads what is known of some ids. */
RecoRegistryRow *
reco_registry_read(const char *const *ids, int nids, const char *server, bool missing,
				   int *nfound)
{
	Datum		arguments[4];
	RecoRegistryRow *rows;
	MemoryContext old;
	RecoSql		sql;

	*nfound = 0;
	if (nids == 0 || !reco_logged_can_read("id_registry") ||
		!reco_patience_try(RECO_READS(ID_REGISTRY)))
		return palloc0(sizeof(RecoRegistryRow));
	arguments[0] = reco_cache_texts(ids, nids);
	arguments[1] = CStringGetTextDatum(server);
	arguments[2] = TimestampTzGetDatum(GetCurrentTimestamp());
	arguments[3] = BoolGetDatum(missing);
	reco_sql_begin(&sql);
	reco_sql_run(&read_statement, arguments, NULL, true, 0);
	old = MemoryContextSwitchTo(sql.caller);
	*nfound = (int) SPI_processed;
	rows = palloc0(sizeof(RecoRegistryRow) * Max(*nfound, 1));
	for (int i = 0; i < *nfound; i++)
	{
		RecoCacheRow *row = &rows[i].row;
		Datum		values[NCOLUMNS];
		bool		nulls[NCOLUMNS];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
		rows[i].nth = (int) DatumGetInt64(values[0]) - 1;
		row->category = "ids";
		row->key = ids[rows[i].nth];
		row->absent = nulls[1];
		if (!row->absent)
			row->value = put_together(TextDatumGetCString(values[1]),
									  nulls[2] ? NULL : TextDatumGetCString(values[2]),
									  nulls[3] ? NULL : TextDatumGetCString(values[3]));
		row->fetched_at = DatumGetTimestampTz(values[4]);
		row->fresh_until = DatumGetTimestampTz(values[5]);
		row->usable_until = DatumGetTimestampTz(values[6]);
	}
	MemoryContextSwitchTo(old);
	reco_sql_end(&sql);
	return rows;
}

bool
reco_registry_takes(const RecoCacheRow *row)
{
	Parts		parts;

	return take_apart(row, &parts);
}

/* Writes rows. */
void
reco_registry_write(const RecoCacheRow *rows, int nrows)
{
	const char **lists[5];
	RecoCacheRow *taken = palloc(sizeof(RecoCacheRow) * Max(nrows, 1));
	Datum		arguments[8];
	int			n = 0;
	RecoSql		sql;

	for (int l = 0; l < lengthof(lists); l++)
		lists[l] = palloc(sizeof(char *) * Max(nrows, 1));
	for (int i = 0; i < nrows; i++)
	{
		Parts		parts;

		if (!take_apart(&rows[i], &parts))
			continue;
		lists[0][n] = parts.id;
		lists[1][n] = parts.server;
		lists[2][n] = parts.uuid;
		lists[3][n] = parts.named;
		lists[4][n] = parts.isrc;
		taken[n++] = rows[i];
	}
	if (n == 0)
		return;
	for (int l = 0; l < lengthof(lists); l++)
		arguments[l] = reco_cache_texts(lists[l], n);
	arguments[5] = reco_cache_times(taken, n, offsetof(RecoCacheRow, fetched_at));
	arguments[6] = reco_cache_times(taken, n, offsetof(RecoCacheRow, fresh_until));
	arguments[7] = reco_cache_times(taken, n, offsetof(RecoCacheRow, usable_until));
	reco_sql_begin(&sql);
	reco_sql_run(&write_statement, arguments, NULL, false, 0);
	reco_sql_end(&sql);
}

/* Notes that rows were in use. */
void
reco_registry_touch(const char *const *keys, int nkeys)
{
	const char **ids = palloc(sizeof(char *) * Max(nkeys, 1));
	const char **servers = palloc(sizeof(char *) * Max(nkeys, 1));
	Datum		arguments[3];
	int			n = 0;
	RecoSql		sql;

	for (int i = 0; i < nkeys; i++)
	{
		char	   *id;
		char	   *server;

		if (!reco_cache_cut_key(keys[i], &id, &server))
			continue;
		ids[n] = id;
		servers[n++] = server;
	}
	if (n == 0)
		return;
	arguments[0] = reco_cache_texts(ids, n);
	arguments[1] = reco_cache_texts(servers, n);
	arguments[2] = TimestampTzGetDatum(GetCurrentTimestamp());
	reco_sql_begin(&sql);
	reco_sql_run(&touch_statement, arguments, NULL, false, 0);
	reco_sql_end(&sql);
}

/* Deletes rows of an id, whoever answered unless the key says who, or all. */
int64
reco_registry_delete(const char *asked)
{
	Datum		arguments[2] = {0};
	char	   *id;
	char	   *server;

	if (asked != NULL)
	{
		(void) reco_cache_cut_key(asked, &id, &server);
		arguments[0] = CStringGetTextDatum(id);
		arguments[1] = CStringGetTextDatum(server);
	}
	return reco_cache_run_delete(asked == NULL ? &delete_all_statement
											   : &delete_statement,
								 arguments);
}

/* Counts the rows that are usable. */
void
reco_registry_count(RecoRegistryCount *count)
{
	Datum		arguments[1] = {TimestampTzGetDatum(GetCurrentTimestamp())};
	Datum		values[4];
	bool		nulls[4];
	RecoSql		sql;

	memset(count, 0, sizeof(*count));
	if (!reco_logged_can_read("id_registry"))
		return;
	reco_sql_begin(&sql);
	reco_sql_run(&count_statement, arguments, NULL, true, 0);
	heap_deform_tuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, values, nulls);
	count->validated = DatumGetInt64(values[0]);
	count->missing = DatumGetInt64(values[1]);
	count->expiring = DatumGetInt64(values[2]);
	count->oldest = nulls[3] ? 0 : DatumGetTimestampTz(values[3]);
	reco_sql_end(&sql);
}

/* Takes a row apart; false = its key or its value is not of the registry's form. */
static bool
take_apart(const RecoCacheRow *row, Parts *parts)
{
	RecoReccobeatsId id;

	memset(parts, 0, sizeof(*parts));
	if (!reco_cache_cut_key(row->key, &parts->id, &parts->server))
		return false;
	if (row->absent)
		return true;
	if (row->value == NULL || !reco_reccobeats_read_id(row->value, &id))
		return false;
	parts->uuid = pstrdup(id.uuid);
	parts->named = id.spotify_id[0] == '\0' ? NULL : pstrdup(id.spotify_id);
	parts->isrc = id.isrc[0] == '\0' ? NULL : pstrdup(id.isrc);
	return true;
}

/* Makes the answer of a row's parts; none of them has anything to be escaped. */
static const char *
put_together(const char *uuid, const char *named, const char *isrc)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfo(&json, "{\"id\":\"%s\"", uuid);
	if (named != NULL)
		appendStringInfo(&json, ",\"spotify_id\":\"%s\"", named);
	if (isrc != NULL)
		appendStringInfo(&json, ",\"isrc\":\"%s\"", isrc);
	appendStringInfoChar(&json, '}');
	return json.data;
}
