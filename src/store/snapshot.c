/*-------------------------------------------------------------------------
 *
 * snapshot.c
 *	  reco.snapshot: taking it, and removing from it.
 *
 * Purpose: see snapshot.h. Restoring is in snapshot_restore.c.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of its statements, and those of snapshot.h.
 * Never:	write a chunk that is as it was; scan a table for every few chunks where an
 *			index finds their rows.
 *
 * Each table is one sub-select with the same columns: which chunk a row belongs to, when
 * it was used, until when it is valid, how large it is, a hash that changes when it does,
 * and what is kept of it. All statements are made around that. When a row was used is
 * not kept, or reading would make chunks new.
 *
 *-------------------------------------------------------------------------
 */
#include "snapshot.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "cache.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "logged.h"
#include "snapshot_parts.h"
#include "sql.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#define DENYING			2		/* objsubid of our lock; cache.c has another */
#define BUCKET_SHIFT	54
#define BUCKET(digest)	"(" digest " >> 54)::int"
#define FIRST_DIGEST(bucket)	"(" bucket "::bigint << 54)"

#define DENIED_ROWS \
	"SELECT 'denied'::text AS category, hashtextextended(deny_key, 0) AS digest," \
	" CASE WHEN by_hand THEN 'infinity' ELSE used_at END AS used_at, denied_until AS until," \
	" 100 + octet_length(deny_key) + octet_length(server) + octet_length(reason)" \
	"  + octet_length(request) AS size," \
	" hash_record_extended(ROW(deny_key, server, by_hand, reason, request, denied_at," \
	"  denied_until), 0) AS state," \
	" json_build_array(deny_key, server, by_hand, reason, request, denied_at, denied_until)" \
	"  AS entry FROM reco.deny_list"

#define IDS_ROWS \
	"SELECT 'ids'::text AS category, hashtextextended(spotify_id, 0) AS digest, used_at," \
	" usable_until AS until, 180 + octet_length(spotify_id) + octet_length(server) AS size," \
	" hash_record_extended(ROW(spotify_id, server, reccobeats_id, recorded_as, isrc, fetched_at," \
	"  fresh_until, usable_until), 0) AS state," \
	" json_build_array(spotify_id, server, reccobeats_id, recorded_as, isrc, fetched_at," \
	"  fresh_until, usable_until) AS entry FROM reco.id_registry"

/* a value that was replaced has another time; so its bytes need not be read */
#define CACHE_ROWS \
	"SELECT category, digest, used_at, usable_until AS until, 120 + size AS size," \
	" hash_record_extended(ROW(digest, variant, size, absent, fetched_at, fresh_until," \
	"  usable_until), 0) AS state," \
	" json_build_array(key, absent, fetched_at, fresh_until, usable_until, value) AS entry" \
	" FROM reco.cache WHERE category <> ALL ('{ids,denied}')"

#define ALL_OF(rows)	"FROM (" rows ") AS r WHERE r.until > $1"

#define SUM(rows) \
	{ \
		.text = "SELECT coalesce(sum(r.size), 0)::bigint " ALL_OF(rows), .nargs = 1, \
		.types = {TIMESTAMPTZOID} \
	}

#define EDGE(rows) \
	{ \
		.text = "SELECT t.used_at, t.digest, t.total FROM (SELECT r.used_at, r.digest," \
				" (sum(r.size) OVER (ORDER BY r.used_at DESC, r.digest DESC))::bigint" \
				" AS total " ALL_OF(rows) ") AS t WHERE t.total <= $2" \
				" ORDER BY t.total DESC LIMIT 1", \
		.nargs = 2, .types = {TIMESTAMPTZOID, INT8OID} \
	}

#define CHANGED(rows, mine) \
	{ \
		.text = "SELECT coalesce(n.category, s.category), coalesce(n.bucket, s.bucket)," \
				" coalesce(n.bytes, 0) FROM" \
				" (SELECT r.category, " BUCKET("r.digest") " AS bucket, count(*) AS entries," \
				"  sum(r.size)::bigint AS bytes, bit_xor(r.state) AS state " ALL_OF(rows) \
				"  AND (r.used_at, r.digest) >= ($2, $3) GROUP BY 1, 2) AS n" \
				" FULL JOIN (SELECT category, bucket, entries, state FROM reco.snapshot" \
				"  WHERE " mine ") AS s ON s.category = n.category AND s.bucket = n.bucket" \
				" WHERE n.state IS DISTINCT FROM s.state" \
				"  OR n.entries IS DISTINCT FROM s.entries ORDER BY 1, 2", \
		.nargs = 3, .types = {TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID} \
	}

#define WRITE(rows_of_asked) \
	{ \
		.text = "WITH asked AS (SELECT * FROM unnest($1, $2) AS a (category, bucket))," \
				" made AS (SELECT a.category, a.bucket, count(*)::int AS entries," \
				"  bit_xor(r.state) AS state," \
				"  json_agg(r.entry ORDER BY r.digest, r.state)::text AS content" \
				"  FROM asked AS a " rows_of_asked \
				"  WHERE r.until > $3 AND (r.used_at, r.digest) >= ($4, $5) GROUP BY 1, 2)," \
				" gone AS (DELETE FROM reco.snapshot AS s USING asked AS a" \
				"  WHERE s.category = a.category AND s.bucket = a.bucket AND NOT EXISTS" \
				"  (SELECT FROM made AS m WHERE m.category = a.category AND m.bucket = a.bucket))" \
				" INSERT INTO reco.snapshot (category, bucket, entries, state, hash, content)" \
				" SELECT category, bucket, entries, state, hashtextextended(content, 0), content" \
				" FROM made ON CONFLICT (category, bucket) DO UPDATE SET" \
				" entries = excluded.entries, state = excluded.state, hash = excluded.hash," \
				" content = excluded.content", \
		.nargs = 5, \
		.types = {TEXTARRAYOID, INT4ARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID} \
	}

/* by one scan for all chunks */
#define BY_SCAN(rows) \
	"JOIN (" rows ") AS r ON r.category = a.category AND " BUCKET("r.digest") \
	" = a.bucket"

/* by a range of the index for each; OFFSET 0 keeps the planner at that */
#define BY_INDEX(rows) \
	"CROSS JOIN LATERAL (SELECT * FROM (" rows ") AS c WHERE c.category = a.category" \
	" AND c.digest >= " FIRST_DIGEST("a.bucket") \
	" AND c.digest <= " FIRST_DIGEST("a.bucket") " + 18014398509481983 OFFSET 0) AS r"

static RecoStatement sum_statements[] = {
	SUM(DENIED_ROWS), SUM(IDS_ROWS), SUM(CACHE_ROWS)};
static RecoStatement edge_statements[] = {
	EDGE(DENIED_ROWS), EDGE(IDS_ROWS), EDGE(CACHE_ROWS)};
static RecoStatement changed_statements[] = {
	CHANGED(DENIED_ROWS, RECO_SNAPSHOT_DENIED), CHANGED(IDS_ROWS, RECO_SNAPSHOT_IDS),
	CHANGED(CACHE_ROWS, RECO_SNAPSHOT_REST)};
static RecoStatement write_statements[] = {
	WRITE(BY_SCAN(DENIED_ROWS)), WRITE(BY_SCAN(IDS_ROWS)), WRITE(BY_INDEX(CACHE_ROWS))};
static RecoStatement clear_statements[] = {
	{.text = "DELETE FROM reco.snapshot WHERE " RECO_SNAPSHOT_DENIED},
	{.text = "DELETE FROM reco.snapshot WHERE " RECO_SNAPSHOT_IDS},
	{.text = "DELETE FROM reco.snapshot WHERE " RECO_SNAPSHOT_REST}};

static RecoStatement taken_statement = {
	.text = "UPDATE reco.snapshot_state SET taken_at = $2 WHERE source = $1"
	" AND taken_at IS DISTINCT FROM $2",
	.nargs = 2,
	.types = {TEXTOID, TIMESTAMPTZOID},
};

static RecoStatement taken_at_statement = {
	.text = "SELECT max(taken_at) FROM reco.snapshot_state",
};

/*
 * Which chunks are meant: $1 = category, $2 = key, NULL = all. Of the denials those stay
 * in their chunks that were made by hand, or have another key than $3. Who invalidates
 * shall not fail over a chunk that is damaged: that goes as a whole.
 */
#define MEANT \
	"($1 IS NULL OR s.category = $1) AND ($2 IS NULL" \
	" OR s.bucket = " BUCKET("hashtextextended(split_part($2, chr(31), 1), 0)") ")"

static RecoStatement remove_statement = {
	.text = "WITH kept AS (SELECT s.category, s.bucket, count(*)::int AS entries,"
	"  json_agg(e.entry)::text AS content FROM reco.snapshot AS s"
	"  CROSS JOIN LATERAL jsonb_array_elements(CASE WHEN s.hash = hashtextextended(s.content, 0)"
	"   THEN s.content::jsonb ELSE '[]' END) AS e (entry)"
	"  WHERE s.category = 'denied' AND " MEANT " AND CASE WHEN $3 IS NULL"
	"   THEN (e.entry ->> 2)::boolean ELSE e.entry ->> 0 <> $3 END GROUP BY 1, 2),"
	" changed AS (UPDATE reco.snapshot AS s SET entries = k.entries, state = 0,"
	"  content = k.content, hash = hashtextextended(k.content, 0) FROM kept AS k"
	"  WHERE s.category = k.category AND s.bucket = k.bucket)"
	" DELETE FROM reco.snapshot AS s WHERE " MEANT " AND NOT EXISTS (SELECT FROM kept AS k"
	"  WHERE s.category = k.category AND s.bucket = k.bucket)",
	.nargs = 3,
	.types = {TEXTOID, TEXTOID, TEXTOID},
};

static int64 sum_of(RecoSnapshotSource source, TimestampTz now);
static void remove_chunks(const char *category, const char *asked, const char *allowed);
static void run_on_latest(RecoStatement *statement, Datum *arguments, const char *nulls);
static Datum array_of(const RecoSnapshotChunk *chunks, int nchunks, bool categories);

const char *
reco_snapshot_table(RecoSnapshotSource source)
{
	static const char *const names[] = {"deny_list", "id_registry", "cache"};

	StaticAssertStmt(lengthof(names) == RECO_NSNAPSHOTS, "a name for each");
	return names[source];
}

/* Sorts by use only where not all of the table fits. */
void
reco_snapshot_cut(RecoSnapshotSource source, int64 bytes, RecoSnapshotCut *cut)
{
	Datum		arguments[2];
	RecoSql		sql;

	cut->now = GetCurrentTimestamp();
	cut->used_at = DT_NOBEGIN;
	cut->digest = PG_INT64_MIN;
	cut->bytes = sum_of(source, cut->now);
	if (cut->bytes <= bytes)
		return;
	cut->used_at = DT_NOEND;
	cut->digest = PG_INT64_MAX;
	cut->bytes = 0;
	arguments[0] = TimestampTzGetDatum(cut->now);
	arguments[1] = Int64GetDatum(Max(bytes, 0));
	reco_sql_begin(&sql);
	reco_sql_run(&edge_statements[source], arguments, NULL, true, 1);
	if (SPI_processed == 1)
	{
		HeapTuple	tuple = SPI_tuptable->vals[0];
		TupleDesc	columns = SPI_tuptable->tupdesc;
		bool		isnull;

		cut->used_at = DatumGetTimestampTz(SPI_getbinval(tuple, columns, 1, &isnull));
		cut->digest = DatumGetInt64(SPI_getbinval(tuple, columns, 2, &isnull));
		cut->bytes = DatumGetInt64(SPI_getbinval(tuple, columns, 3, &isnull));
	}
	reco_sql_end(&sql);
}

static int64
sum_of(RecoSnapshotSource source, TimestampTz now)
{
	Datum		argument = TimestampTzGetDatum(now);
	RecoSql		sql;
	bool		isnull;
	int64		sum;

	reco_sql_begin(&sql);
	reco_sql_run(&sum_statements[source], &argument, NULL, true, 1);
	sum = DatumGetInt64(
		SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	reco_sql_end(&sql);
	return sum;
}

/* Compares all chunks of a table with what it has now; writes nothing. */
RecoSnapshotChunk *
reco_snapshot_changed(RecoSnapshotSource source, const RecoSnapshotCut *cut, int *nchunks)
{
	Datum		arguments[3];
	RecoSnapshotChunk *chunks;
	RecoSql		sql;

	arguments[0] = TimestampTzGetDatum(cut->now);
	arguments[1] = TimestampTzGetDatum(cut->used_at);
	arguments[2] = Int64GetDatum(cut->digest);
	reco_sql_begin(&sql);
	reco_sql_run(&changed_statements[source], arguments, NULL, true, 0);
	chunks = reco_snapshot_chunks(sql.caller, nchunks);
	reco_sql_end(&sql);
	return chunks;
}

/* Writes chunks. */
void
reco_snapshot_write(RecoSnapshotSource source, const RecoSnapshotChunk *chunks,
					int nchunks, const RecoSnapshotCut *cut)
{
	Datum		arguments[5];
	RecoSql		sql;

	if (nchunks == 0)
		return;
	arguments[0] = array_of(chunks, nchunks, true);
	arguments[1] = array_of(chunks, nchunks, false);
	arguments[2] = TimestampTzGetDatum(cut->now);
	arguments[3] = TimestampTzGetDatum(cut->used_at);
	arguments[4] = Int64GetDatum(cut->digest);
	reco_sql_begin(&sql);
	/* a plan that was made for a small table is kept for a large one */
	if (source == RECO_SNAPSHOT_CACHE)
		reco_sql_set("enable_seqscan", "off");
	run_on_latest(&write_statements[source], arguments, NULL);
	reco_sql_end(&sql);
}

/* Names or buckets of chunks as an array. */
static Datum
array_of(const RecoSnapshotChunk *chunks, int nchunks, bool categories)
{
	Datum	   *values = palloc(sizeof(Datum) * nchunks);

	for (int i = 0; i < nchunks; i++)
		values[i] = categories ? CStringGetTextDatum(chunks[i].category)
							   : Int32GetDatum(chunks[i].bucket);
	if (categories)
		return PointerGetDatum(
			construct_array(values, nchunks, TEXTOID, -1, false, TYPALIGN_INT));
	return PointerGetDatum(
		construct_array(values, nchunks, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

/* Chunks as the last statement told them. */
RecoSnapshotChunk *
reco_snapshot_chunks(MemoryContext context, int *nchunks)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	RecoSnapshotChunk *chunks;

	*nchunks = (int) SPI_processed;
	chunks = palloc0(sizeof(RecoSnapshotChunk) * Max(*nchunks, 1));
	for (int i = 0; i < *nchunks; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	columns = SPI_tuptable->tupdesc;
		bool		isnull;

		chunks[i].category =
			TextDatumGetCString(SPI_getbinval(tuple, columns, 1, &isnull));
		chunks[i].bucket = DatumGetInt32(SPI_getbinval(tuple, columns, 2, &isnull));
		chunks[i].bytes = DatumGetInt64(SPI_getbinval(tuple, columns, 3, &isnull));
	}
	MemoryContextSwitchTo(old);
	return chunks;
}

void
reco_snapshot_clear(RecoSnapshotSource source)
{
	RecoSql		sql;

	reco_sql_begin(&sql);
	reco_sql_run(&clear_statements[source], NULL, NULL, false, 0);
	reco_sql_end(&sql);
}

void
reco_snapshot_note_taken(RecoSnapshotSource source, TimestampTz at)
{
	Datum		arguments[2];
	RecoSql		sql;

	arguments[0] = CStringGetTextDatum(reco_snapshot_table(source));
	arguments[1] = TimestampTzGetDatum(at);
	reco_sql_begin(&sql);
	reco_sql_run(&taken_statement, arguments, at == 0 ? " n" : NULL, false, 0);
	reco_sql_end(&sql);
}

TimestampTz
reco_snapshot_taken_at(void)
{
	RecoSql		sql;
	bool		isnull;
	Datum		at;
	TimestampTz taken_at;

	reco_sql_begin(&sql);
	reco_sql_run(&taken_at_statement, NULL, NULL, true, 1);
	at = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	taken_at = isnull ? 0 : DatumGetTimestampTz(at);
	reco_sql_end(&sql);
	return taken_at;
}

void
reco_snapshot_remove(const char *category, const char *asked)
{
	remove_chunks(category, asked, NULL);
}

void
reco_snapshot_allow(const char *deny_key)
{
	remove_chunks("denied", deny_key, deny_key);
}

/*
 * Removes chunks. Those that were written since the transaction's own snapshot are
 * removed, too, and are no reason to fail.
 */
static void
remove_chunks(const char *category, const char *asked, const char *allowed)
{
	const char *const texts[] = {category, asked, allowed};
	Datum		arguments[3] = {0};
	char		nulls[4] = "   ";
	RecoSql		sql;

	for (int i = 0; i < lengthof(texts); i++)
		if (texts[i] == NULL)
			nulls[i] = 'n';
		else
			arguments[i] = CStringGetTextDatum(texts[i]);
	if (category == NULL || strcmp(category, "denied") == 0)
		reco_snapshot_lock_denials();
	reco_sql_begin(&sql);
	run_on_latest(&remove_statement, arguments, nulls);
	reco_sql_end(&sql);
}

/* Runs a statement on what is committed now, whatever the transaction's isolation. */
static void
run_on_latest(RecoStatement *statement, Datum *arguments, const char *nulls)
{
	SPIPlanPtr	plan;
	int			code;

	if (!IsolationUsesXactSnapshot())
	{
		reco_sql_run(statement, arguments, nulls, false, 0);
		return;
	}
	plan = SPI_prepare(statement->text, statement->nargs, statement->types);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	code = SPI_execute_snapshot(plan, arguments, nulls, GetLatestSnapshot(),
								InvalidSnapshot, false, true, 0);
	if (code < 0)
		elog(ERROR, "SPI_execute_snapshot failed: %s", SPI_result_code_string(code));
}

void
reco_snapshot_lock_denials(void)
{
	LockDatabaseObject(ExtensionRelationId, reco_sql_extension(), DENYING, ExclusiveLock);
}

/*
 * Copies the chunk of a denial. The keeper, which might write over that what it sees, is
 * kept out until the commit. Where it has not restored the table yet, the chunk has rows
 * that the table lacks, and stays; it is copied when that is done.
 */
void
reco_snapshot_keep_denial(const char *deny_key)
{
	RecoSnapshotChunk chunk = {"denied", 0, 0};
	RecoSnapshotCut cut = {GetCurrentTimestamp(), DT_NOBEGIN, PG_INT64_MIN, 0};
	Datum		digest;

	reco_cache_forbid_writing();
	if (reco_logged_is("deny_list") || !reco_snapshot_is_alive())
		return;
	reco_snapshot_lock_denials();
	digest = DirectFunctionCall2Coll(hashtextextended, C_COLLATION_OID,
									 CStringGetTextDatum(deny_key), Int64GetDatum(0));
	chunk.bucket = (int32) (DatumGetInt64(digest) >> BUCKET_SHIFT);
	reco_snapshot_write(RECO_SNAPSHOT_DENY_LIST, &chunk, 1, &cut);
}
