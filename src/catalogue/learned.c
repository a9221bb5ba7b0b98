/*-------------------------------------------------------------------------
 *
 * learned.c
 *	  The part of the catalogue that services told: writing it.
 *
 * Purpose: see learned.h. A row that is told again is written again only if it changed,
 *			or a quarter of its time is over: the same few tracks are told all day.
 * Runs in: the keeper.
 * Locks:	those of its statements.
 * Never:	touch a row whose source is no service, but for features that nobody knows,
 *			and those that it has from a service.
 *
 *-------------------------------------------------------------------------
 */
#include "learned.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "change.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "store/sql.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#define MOST_FAILURES	50		/* rows of a kind that are looked for, in one step */

#define SERVICES		"'{spotify,reccobeats}'::text[]"
#define TOLD_AT \
	"('2000-01-01 00:00:00+00'::timestamptz + n.fetched * interval '1 microsecond')"
#define VARIED			"(1 + p.jitter * (2 * random() - 1))"

/* Was it told again, as it was, before a quarter of its time is over? Then it stays. */
#define IS_OLD(old)		old ".fetched_at < n.at - p.fresh / 4"

/* who knows more stays, until it may not be used any more */
#define YIELDS(old) \
	old ".source = ANY (" SERVICES ") AND " old ".fetched_at < n.at" \
	" AND (n.source = 'spotify' OR " old ".source = 'reccobeats'" \
	"  OR " old ".fetched_at <= now() - p.usable)"

/*
 * $1 = the rows, $2 and $3 = the first one and the last. They are taken out before their
 * members are read: what is wrong with one concerns no part without it.
 */
#define ROWS_ARGUMENTS	.nargs = 3, .types = {JSONBOID, INT4OID, INT4OID}
#define ROWS \
	"jsonb_to_recordset(jsonb_path_query_array($1, '$[$first to $last]'," \
	" jsonb_build_object('first', $2, 'last', $3)))"

static RecoStatement artists_statement = {
	.text =
		"WITH n AS (SELECT DISTINCT ON (n.artist_id) n.artist_id, n.name, n.popularity,"
		"  COALESCE(n.whole, false) AS whole, n.source, " TOLD_AT " AS at,"
		"  CASE WHEN cardinality(n.genres) > 0 THEN ARRAY(SELECT DISTINCT lower(btrim(x)) COLLATE \"C\""
		"   FROM unnest(n.genres) AS x WHERE btrim(x) <> '' ORDER BY 1) END AS genres"
		" FROM " ROWS " AS n (artist_id text, name text, genres text[],"
		"  popularity int, whole bool, source text, fetched bigint)"
		" ORDER BY n.artist_id, n.whole DESC NULLS LAST, n.source DESC, n.fetched DESC)"
		" INSERT INTO reco.artist AS a"
		" (artist_id, name, genres, popularity, source, fetched_at, expires_at)"
		" SELECT n.artist_id, n.name, n.genres, n.popularity, n.source, n.at, n.at + p.fresh * " VARIED
		" FROM n JOIN reco.cache_policy AS p ON p.category = 'artists' AND n.at + p.fresh > now()"
		" LEFT JOIN reco.artist AS o ON o.artist_id = n.artist_id"
		" WHERE o.artist_id IS NULL OR (" YIELDS(
			"o") "  AND (n.whole OR (o.genres IS NULL AND o.popularity IS NULL))"
				 "  AND (o.name <> n.name OR (n.whole AND o.genres IS DISTINCT FROM n.genres) OR " IS_OLD(
					 "o") "))"
						  " ORDER BY n.artist_id"
						  " ON CONFLICT (artist_id) DO UPDATE SET name = excluded.name, genres = excluded.genres,"
						  "  popularity = excluded.popularity, source = excluded.source,"
						  "  fetched_at = excluded.fetched_at, expires_at = excluded.expires_at"
						  " WHERE a.source = ANY (" SERVICES
						  ") RETURNING artist_id, genres IS NOT NULL",
	ROWS_ARGUMENTS,
};

/* The tracks that are there get what their artists' genres are by now. */
static RecoStatement genres_statement = {
	.text = "UPDATE reco.track AS t SET genres = a.genres FROM reco.artist AS a"
	" WHERE a.artist_id = ANY (ARRAY(SELECT n.artist_id FROM " ROWS
	"   AS n (artist_id text, whole bool) WHERE n.whole))"
	"  AND a.genres IS NOT NULL AND t.artist_id = a.artist_id"
	"  AND t.source = ANY (" SERVICES ") AND t.genres <> a.genres",
	ROWS_ARGUMENTS,
};

/* Behind the service's ids come those that an import gives artists without one. */
#define ARTIST_IDS \
	"n.ids || ARRAY(SELECT 'name:' || CASE WHEN octet_length(f.name) > 250 THEN md5(f.name) ELSE f.name END" \
	" FROM unnest(n.artists) WITH ORDINALITY AS u (name, nth)" \
	" CROSS JOIN LATERAL (SELECT reco.fold(u.name) AS name OFFSET 0) AS f ORDER BY u.nth)"

#define EACH_TRACK(F) \
	F(artist_id) F(title) F(artist) F(artist_ids) F(album) F(album_id) F(isrc) \
	F(release_date) F(release_precision) F(duration_ms) F(explicit)
#define NAME_OF(c)		#c ", "
#define NEW_OF(c)		"n." #c ", "
#define OLD_OF(c)		"o." #c ", "
#define SET_OF(c)		#c " = excluded." #c ", "

static RecoStatement tracks_statement = {
	.text = "WITH n AS (SELECT n.*, n.artist_ids[1] AS artist_id FROM"
	" (SELECT DISTINCT ON (n.track_id) n.track_id, n.title, n.album, n.album_id, n.isrc,"
	"  n.released AS release_date, n.precision AS release_precision, n.duration_ms, n.explicit,"
	"  n.popularity, n.source, " TOLD_AT " AS at, " ARTIST_IDS " AS artist_ids,"
	"  array_to_string(n.artists, ', ') AS artist"
	" FROM " ROWS " AS n (track_id text, title text, artists text[],"
	"  ids text[], album text, album_id text, isrc text, released date, precision text,"
	"  duration_ms int, explicit bool, popularity int, source text, fetched bigint)"
	" ORDER BY n.track_id, n.source DESC, n.fetched DESC) AS n)"
	" INSERT INTO reco.track AS t (" EACH_TRACK(NAME_OF)
	" track_id, popularity, genres, source, fetched_at, expires_at) SELECT " EACH_TRACK(NEW_OF)
	" n.track_id, n.popularity, COALESCE(a.genres, '{}'), n.source, n.at, n.at + p.fresh * " VARIED
	" FROM n JOIN reco.cache_policy AS p ON p.category = 'tracks' AND n.at + p.fresh > now()"
	" LEFT JOIN reco.artist AS a ON a.artist_id = n.artist_id"
	" LEFT JOIN reco.track AS o ON o.track_id = n.track_id"
	" WHERE o.track_id IS NULL OR (" YIELDS("o") " AND (" IS_OLD("o")
	"  OR ROW(" EACH_TRACK(NEW_OF) "1) IS DISTINCT FROM ROW(" EACH_TRACK(OLD_OF) "1)))"
	" ORDER BY n.track_id"
	" ON CONFLICT (track_id) DO UPDATE SET " EACH_TRACK(SET_OF)
	" popularity = excluded.popularity, genres = excluded.genres, source = excluded.source,"
	"  fetched_at = excluded.fetched_at, expires_at = excluded.expires_at"
	" WHERE t.source = ANY (" SERVICES ") RETURNING track_id",
	ROWS_ARGUMENTS,
};

#define EACH_FEATURE(F) \
	F(acousticness) F(danceability) F(energy) F(instrumentalness) F(liveness) \
	F(speechiness) F(valence) F(loudness) F(tempo) F(key) F(mode)
#define REAL_OF(c)		", " #c " real"
#define SET_NEW_OF(c)	", " #c " = n." #c
#define SET_NULL_OF(c)	", " #c " = NULL"
#define NEW_FEATURE_OF(c)	", n." #c
#define OLD_FEATURE_OF(c)	", t." #c "::real"

/* That a track is absent is believed for a time of its own, and not of one measured. */
static RecoStatement features_statement = {
	.text = "UPDATE reco.track AS t SET features = n.state" EACH_FEATURE(SET_NEW_OF) ","
	"  features_source = n.source, features_fetched_at = n.at,"
	"  features_expires_at = n.at + n.fresh * " VARIED
	" FROM (SELECT DISTINCT ON (n.track_id) n.*, " TOLD_AT " AS at,"
	"  CASE WHEN n.absent THEN 'absent' ELSE 'measured' END AS state,"
	"  CASE WHEN n.absent THEN p.absent ELSE p.fresh END AS fresh, p.jitter"
	"  FROM " ROWS " AS n (track_id text, absent bool, source text,"
	"   fetched bigint" EACH_FEATURE(REAL_OF) ")"
	"  JOIN reco.cache_policy AS p ON p.category = 'features'"
	"  ORDER BY n.track_id, n.absent, n.fetched DESC) AS n"
	"  CROSS JOIN LATERAL (SELECT n.jitter, n.fresh) AS p"
	" WHERE t.track_id = n.track_id AND n.at + n.fresh > now()"
	"  AND ((t.features = 'unknown' AND t.features_source IS NULL)"
	"   OR (t.features_source = ANY (" SERVICES ") AND t.features_fetched_at < n.at"
	"    AND (NOT n.absent OR t.features <> 'measured' OR t.features_expires_at <= now())"
	"    AND (t.features_fetched_at < n.at - n.fresh / 4 OR t.features_expires_at <= now()"
	"     OR ROW(n.state" EACH_FEATURE(NEW_FEATURE_OF) ")"
	"      IS DISTINCT FROM ROW(t.features" EACH_FEATURE(OLD_FEATURE_OF) "))))",
	ROWS_ARGUMENTS,
};

static RecoStatement kept_statement = {
	.text = "SELECT t.track_id, c.value, c.fetched_at FROM reco.track AS t"
	" CROSS JOIN LATERAL (SELECT value, fetched_at FROM reco.cache WHERE category = 'features'"
	"  AND digest = hashtextextended(t.track_id, 0) AND split_part(key, chr(31), 1) = t.track_id"
	"  AND usable_until > now() ORDER BY absent, fetched_at DESC LIMIT 1 OFFSET 0) AS c"
	" WHERE t.features = 'unknown' AND t.features_source IS NULL AND t.track_id = ANY"
	"  (ARRAY(SELECT n.track_id FROM jsonb_to_recordset($1) AS n (track_id text)))",
	.nargs = 1,
	.types = {JSONBOID},
};

/* Runs a statement over rows of a document; adds how many it wrote. */
typedef struct Writing
{
	RecoStatement *statement;
	Datum		rows;
	int64	   *written;
	RecoLearnedCounts *counts;
	bool		artists;		/* it tells of genres */
	int			nfailed;		/* rows that were found to be why it fails */
} Writing;

static void write_rows(RecoStatement *statement, const RecoLearnedRows *rows,
					   int64 *written, RecoLearnedCounts *counts);
static void write_part(Writing *writing, int first, int last);
static bool try_part(Writing *writing, int first, int last);
static void run_part(Writing *writing, int first, int last);
static bool is_about_rows(int sqlstate);

static bool
lock_table(const char *table, LOCKMODE mode)
{
	Oid			relation = get_relname_relid(table, get_namespace_oid("reco", true));

	return !OidIsValid(relation) || ConditionalLockRelationOid(relation, mode);
}

/* Locks the tables, or does not. */
bool
reco_learned_lock(void)
{
	return lock_table("artist", RowExclusiveLock) &&
		lock_table("track", RowExclusiveLock);
}

bool
reco_learned_lock_lexicon(void)
{
	return lock_table("mood_term", ShareRowExclusiveLock);
}

void
reco_learned_artists(const RecoLearnedRows *rows, RecoLearnedCounts *counts)
{
	write_rows(&artists_statement, rows, &counts->artists, counts);
	write_rows(&genres_statement, rows, &counts->labelled, counts);
}

void
reco_learned_tracks(const RecoLearnedRows *rows, RecoLearnedCounts *counts)
{
	write_rows(&tracks_statement, rows, &counts->tracks, counts);
}

void
reco_learned_features(const RecoLearnedRows *rows, RecoLearnedCounts *counts)
{
	write_rows(&features_statement, rows, &counts->features, counts);
}

/* Finds answers about features that came before their tracks. */
RecoLearnedAnswer *
reco_learned_kept(const RecoLearnedRows *tracks, int *nfound)
{
	Oid			cache = get_relname_relid("cache", get_namespace_oid("reco", false));
	Datum		argument;
	RecoLearnedAnswer *answers;
	MemoryContext old;
	RecoSql		sql;

	*nfound = 0;
	if (tracks->n == 0 || !ConditionalLockRelationOid(cache, AccessShareLock))
		return NULL;
	argument = DirectFunctionCall1(jsonb_in, CStringGetDatum(tracks->json));
	reco_sql_begin(&sql);
	reco_sql_set("enable_seqscan", "off");
	reco_sql_run(&kept_statement, &argument, NULL, true, 0);
	old = MemoryContextSwitchTo(sql.caller);
	*nfound = (int) SPI_processed;
	answers = palloc0(sizeof(RecoLearnedAnswer) * Max(*nfound, 1));
	for (int i = 0; i < *nfound; i++)
	{
		Datum		values[3];
		bool		nulls[3];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
		answers[i].track_id = TextDatumGetCString(values[0]);
		answers[i].value = nulls[1] ? NULL : TextDatumGetCString(values[1]);
		answers[i].fetched_at = DatumGetTimestampTz(values[2]);
	}
	MemoryContextSwitchTo(old);
	reco_sql_end(&sql);
	return answers;
}

/* Writes all rows of a document, but those that cannot be written. */
static void
write_rows(RecoStatement *statement, const RecoLearnedRows *rows, int64 *written,
		   RecoLearnedCounts *counts)
{
	Writing		writing = {
		.statement = statement,
		.written = written,
		.counts = counts,
		.artists = statement == &artists_statement
	};

	if (rows->n == 0)
		return;
	writing.rows = DirectFunctionCall1(jsonb_in, CStringGetDatum(rows->json));
	write_part(&writing, 0, rows->n - 1);
}

/*
 * Writes a part of the rows; where that fails for what is in them, its halves. Where too
 * many rows fail, parts that do are skipped as they are.
 */
static void
write_part(Writing *writing, int first, int last)
{
	CHECK_FOR_INTERRUPTS();
	if (try_part(writing, first, last))
		return;
	if (first == last || writing->nfailed >= MOST_FAILURES)
	{
		writing->counts->skipped += last - first + 1;
		writing->nfailed++;
		return;
	}
	write_part(writing, first, first + (last - first) / 2);
	write_part(writing, first + (last - first) / 2 + 1, last);
}

/* Writes a part in a subtransaction; false = something in it cannot be written. */
static bool
try_part(Writing *writing, int first, int last)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		run_part(writing, first, last);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (error == NULL)
		return true;

	/* it goes on outside of the subtransaction, or the caller would stay inside */
	if (!is_about_rows(error->sqlerrcode))
		ReThrowError(error);
	if (first == last)
		ereport(DEBUG1,
				(errmsg_internal("reco keeper skips what a service told: %s",
								 error->message)));
	FreeErrorData(error);
	return false;
}

/* Is an error one of the data? All others pass, or concern all rows. */
static bool
is_about_rows(int sqlstate)
{
	int			category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == ERRCODE_DATA_EXCEPTION ||
		category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION ||
		category == ERRCODE_PROGRAM_LIMIT_EXCEEDED ||
		sqlstate == ERRCODE_RAISE_EXCEPTION ||
		sqlstate == ERRCODE_UNTRANSLATABLE_CHARACTER;
}

static void
run_part(Writing *writing, int first, int last)
{
	Datum		arguments[3] = {writing->rows, Int32GetDatum(first), Int32GetDatum(last)};
	RecoSql		sql;

	reco_sql_begin(&sql);
	reco_sql_run(writing->statement, arguments, NULL, false, 0);
	*writing->written += (int64) SPI_processed;
	for (uint64 i = 0; writing->artists && i < SPI_processed; i++)
	{
		bool		isnull;

		writing->counts->genres |= DatumGetBool(
			SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull));
	}
	reco_sql_end(&sql);
}
