/*-------------------------------------------------------------------------
 *
 * snapshot_restore.c
 *	  reco.snapshot: giving the rows back.
 *
 * Purpose: see snapshot.h.
 * Runs in: the keeper; looking at the mark in any process with a database.
 * Locks:	those of its statements.
 * Never:	put a row back that is invalid by now, or in the place of a newer one.
 *
 * A list's key has the state of what the list rests on, so one that is out of date is
 * never found, whatever was restored. What is known to be so is not restored at all: it
 * is older than a change of the catalogue, or than a judgement of its listener.
 *
 *-------------------------------------------------------------------------
 */
#include "snapshot.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "snapshot_parts.h"
#include "sql.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* clocks are set back */
#define SOON		"$3 + interval '1 minute'"

/* the entries of a chunk */
#define ENTRIES                                                                         \
	"FROM reco.snapshot AS s CROSS JOIN LATERAL jsonb_array_elements(s.content::jsonb)" \
	" AS e (entry) WHERE s.category = $1 AND s.bucket = $2"

#define IS_KEPT(category)                                                              \
	"EXISTS (SELECT FROM reco.cache_policy WHERE category = " category " AND fresh > '0')"

/* the listener of a list: its key ends with a separator and a hash of 33 characters */
#define LISTENER	"left(e.key, -34)"

/* the first id that may have been made at a time; see id.h */
#define FIRST_ID(at)                                                            \
	"CASE WHEN isfinite(" at ") THEN ((EXTRACT(epoch FROM " at ") * 1000)::bigint" \
	" - 1704067200000) << 22 ELSE 0 END"

static RecoStatement restore_statements[] = {
	{
		.text = "WITH e AS (SELECT e.entry ->> 0 AS deny_key, e.entry ->> 1 AS server,"
		"  (e.entry ->> 2)::boolean AS by_hand, e.entry ->> 3 AS reason,"
		"  e.entry ->> 4 AS request, (e.entry ->> 5)::timestamptz AS denied_at,"
		"  (e.entry ->> 6)::timestamptz AS denied_until " ENTRIES "),"
		" valid AS (SELECT e.* FROM e WHERE e.denied_until > $3 AND e.deny_key <> ''"
		"  AND (e.by_hand OR (e.denied_at <= " SOON " AND " IS_KEPT("$1") "))),"
		" put AS (INSERT INTO reco.deny_list"
		"  (deny_key, server, by_hand, reason, request, denied_at, denied_until)"
		"  SELECT * FROM valid ON CONFLICT (deny_key, server) DO NOTHING RETURNING 1)"
		" SELECT (SELECT count(*) FROM valid), (SELECT count(*) FROM e)",
		.nargs = 3,
		.types = {TEXTOID, INT4OID, TIMESTAMPTZOID},
	},
	{
		.text = "WITH e AS (SELECT e.entry ->> 0 AS spotify_id, e.entry ->> 1 AS server,"
		"  (e.entry ->> 2)::uuid AS reccobeats_id, e.entry ->> 3 AS recorded_as,"
		"  e.entry ->> 4 AS isrc, (e.entry ->> 5)::timestamptz AS fetched_at,"
		"  (e.entry ->> 6)::timestamptz AS fresh_until,"
		"  (e.entry ->> 7)::timestamptz AS usable_until " ENTRIES "),"
		" valid AS (SELECT e.* FROM e WHERE e.usable_until > $3 AND e.fetched_at <= " SOON
		"  AND e.spotify_id <> '' AND " IS_KEPT("$1") "),"
		" put AS (INSERT INTO reco.id_registry (spotify_id, server, reccobeats_id,"
		"  recorded_as, isrc, fetched_at, fresh_until, usable_until, used_at)"
		"  SELECT valid.*, clock_timestamp() FROM valid"
		"  ON CONFLICT (spotify_id, server) DO NOTHING RETURNING 1)"
		" SELECT (SELECT count(*) FROM valid), (SELECT count(*) FROM e)",
		.nargs = 3,
		.types = {TEXTOID, INT4OID, TIMESTAMPTZOID},
	},
	{
		.text = "WITH e AS (SELECT $1 AS category, e.entry ->> 0 AS key,"
		"  (e.entry ->> 1)::boolean AS absent, (e.entry ->> 2)::timestamptz AS fetched_at,"
		"  (e.entry ->> 3)::timestamptz AS fresh_until,"
		"  (e.entry ->> 4)::timestamptz AS usable_until, e.entry ->> 5 AS value " ENTRIES "),"
		" valid AS (SELECT e.category, e.key, e.absent, e.fetched_at,"
		"  CASE WHEN $1 = 'result' AND EXISTS (SELECT FROM reco.listen AS l"
		"   WHERE l.user_id = " LISTENER " AND l.listen_id >= " FIRST_ID("e.fetched_at") ")"
		"  THEN least(e.fresh_until, e.fetched_at) ELSE e.fresh_until END AS fresh_until,"
		"  e.usable_until, e.value FROM e WHERE e.usable_until > $3"
		"  AND e.fetched_at <= " SOON " AND octet_length(e.key) <= 4096"
		"  AND e.absent = (e.value IS NULL) AND " IS_KEPT("$1")
		"  AND ($1 <> 'result' OR (octet_length(e.value) > 32"
		"   AND e.fetched_at > coalesce((SELECT max(changed_at) FROM reco.change"
		"    WHERE what <> 'learned'), '-infinity')"
		"   AND NOT EXISTS (SELECT FROM reco.feedback AS f WHERE f.user_id = " LISTENER
		"    AND (f.at >= e.fetched_at OR f.feedback_id >= " FIRST_ID("e.fetched_at") "))))),"
		" put AS (INSERT INTO reco.cache (category, key, absent, fetched_at, fresh_until,"
		"  usable_until, value, used_at) SELECT valid.*, clock_timestamp() FROM valid"
		"  ON CONFLICT (category, digest, variant) DO NOTHING RETURNING 1)"
		" SELECT (SELECT count(*) FROM valid), (SELECT count(*) FROM e)",
		.nargs = 3,
		.types = {TEXTOID, INT4OID, TIMESTAMPTZOID},
	}};

static RecoStatement next_statement = {
	.text = "SELECT category, bucket, pg_column_size(content)::bigint FROM reco.snapshot"
	" WHERE (category, bucket) > ($1, $2) ORDER BY category, bucket LIMIT $3",
	.nargs = 3,
	.types = {TEXTOID, INT4OID, INT4OID},
};

static RecoStatement is_sound_statement = {
	.text = "SELECT hash = hashtextextended(content, 0) FROM reco.snapshot"
	" WHERE category = $1 AND bucket = $2",
	.nargs = 2,
	.types = {TEXTOID, INT4OID},
};

static RecoStatement alive_statement = {.text = "SELECT FROM reco.alive LIMIT 1"};

static RecoStatement set_alive_statement = {
	.text = "INSERT INTO reco.alive DEFAULT VALUES"};

static RecoStatement restored_statement = {
	.text = "UPDATE reco.snapshot_state SET restored_at = now(), restored_from = $2,"
	" restored = $3, dropped = $4, damaged = $5 WHERE source = $1",
	.nargs = 5,
	.types = {TEXTOID, TIMESTAMPTZOID, INT8OID, INT8OID, INT8OID},
};

bool
reco_snapshot_is_alive(void)
{
	RecoSql		sql;
	bool		alive;

	if (RecoveryInProgress())
		return false;
	reco_sql_begin(&sql);
	reco_sql_run(&alive_statement, NULL, NULL, true, 1);
	alive = SPI_processed > 0;
	reco_sql_end(&sql);
	return alive;
}

void
reco_snapshot_set_alive(void)
{
	RecoSql		sql;

	reco_sql_begin(&sql);
	reco_sql_run(&set_alive_statement, NULL, NULL, false, 0);
	reco_sql_end(&sql);
}

RecoSnapshotSource
reco_snapshot_source_of(const char *category)
{
	if (strcmp(category, "denied") == 0)
		return RECO_SNAPSHOT_DENY_LIST;
	return strcmp(category, "ids") == 0 ? RECO_SNAPSHOT_ID_REGISTRY : RECO_SNAPSHOT_CACHE;
}

/* Tells the next chunks; one at least, however large, if there is one. */
RecoSnapshotChunk *
reco_snapshot_next(const char *category, int32 bucket, int most, int64 bytes,
				   int *nchunks)
{
	Datum		arguments[3];
	RecoSnapshotChunk *chunks;
	RecoSql		sql;

	arguments[0] = CStringGetTextDatum(category == NULL ? "" : category);
	arguments[1] = Int32GetDatum(bucket);
	arguments[2] = Int32GetDatum(most);
	reco_sql_begin(&sql);
	reco_sql_run(&next_statement, arguments, NULL, true, 0);
	chunks = reco_snapshot_chunks(sql.caller, nchunks);
	reco_sql_end(&sql);
	for (int i = 0; i < *nchunks; i++)
	{
		if (i > 0 && bytes < chunks[i].bytes)
			*nchunks = i;
		bytes -= chunks[i].bytes;
	}
	return chunks;
}

/* Restores a chunk. */
bool
reco_snapshot_restore(const RecoSnapshotChunk *chunk, RecoSnapshotRestored *restored)
{
	Datum		arguments[3];
	RecoSql		sql;
	bool		isnull;
	bool		sound;

	arguments[0] = CStringGetTextDatum(chunk->category);
	arguments[1] = Int32GetDatum(chunk->bucket);
	arguments[2] = TimestampTzGetDatum(GetCurrentTimestamp());
	reco_sql_begin(&sql);
	reco_sql_run(&is_sound_statement, arguments, NULL, true, 1);
	sound = SPI_processed == 1 &&
		DatumGetBool(
				SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	if (sound)
	{
		HeapTuple	tuple;
		TupleDesc	columns;
		int64		valid;

		reco_sql_run(&restore_statements[reco_snapshot_source_of(chunk->category)],
					 arguments, NULL, false, 0);
		tuple = SPI_tuptable->vals[0];
		columns = SPI_tuptable->tupdesc;
		valid = DatumGetInt64(SPI_getbinval(tuple, columns, 1, &isnull));
		restored->rows += valid;
		restored->dropped +=
			DatumGetInt64(SPI_getbinval(tuple, columns, 2, &isnull)) - valid;
	}
	reco_sql_end(&sql);
	return sound;
}

void
reco_snapshot_note_restored(RecoSnapshotSource source, TimestampTz from,
							const RecoSnapshotRestored *restored)
{
	Datum		arguments[5];
	RecoSql		sql;

	arguments[0] = CStringGetTextDatum(reco_snapshot_table(source));
	arguments[1] = TimestampTzGetDatum(from);
	arguments[2] = Int64GetDatum(restored->rows);
	arguments[3] = Int64GetDatum(restored->dropped);
	arguments[4] = Int64GetDatum(restored->damaged);
	reco_sql_begin(&sql);
	reco_sql_run(&restored_statement, arguments, from == 0 ? " n" : NULL, false, 0);
	reco_sql_end(&sql);
}
