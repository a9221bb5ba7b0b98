/*-------------------------------------------------------------------------
 *
 * import_sql.c
 *	  The statements of an import.
 *
 * Purpose: see import_sql.h.
 * Runs in: a backend, inside a bracket of store/sql.h.
 * Locks:	those of the statements.
 * Never:	let the order of the source's rows decide: where rows of one track
 *			differ, the greatest value counts, so that a second import of the same
 *			rows changes nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "import_sql.h"

/* Joined members, each once and sorted; rows of one have them like that already. */
#define MEMBERS(joined) \
	"COALESCE(CASE WHEN g.n = 1 THEN pg_catalog.string_to_array(" joined ", E'\\x1f') " \
	"ELSE ARRAY(SELECT DISTINCT x FROM pg_catalog.unnest(" \
	"pg_catalog.string_to_array(" joined ", E'\\x1f')) AS x ORDER BY x) END, '{}')"

/* Two lists as one; the old array itself when the new one brings nothing. */
#define UNION_OF(old, new) \
	"CASE WHEN " old " IS NULL THEN " new " WHEN " new " <@ " old " THEN " old " " \
	"ELSE ARRAY(SELECT DISTINCT x COLLATE \"C\" FROM pg_catalog.unnest(" old " || " new ") AS x " \
	"WHERE x IS NOT NULL ORDER BY 1) END"

#define EACH_FEATURE(F) \
	F(acousticness) F(danceability) F(energy) F(instrumentalness) F(liveness) \
	F(speechiness) F(valence) F(loudness) F(tempo) F(key) F(mode)
#define EACH_PLAIN(F) \
	F(album) F(album_id) F(isrc) F(duration_ms) F(explicit) F(popularity) \
	F(time_signature)

#define MAX_OF(c)		"max(i." #c ") AS " #c ", "
#define GROUP_OF(c)		", g." #c
#define COALESCE_OF(c)	"COALESCE(m." #c ", t." #c ") AS " #c ", "

/* What somebody imports is not mixed with what a service measured. */
#define FEATURE_OF(c) \
	"COALESCE(m." #c                                                                    \
	", CASE WHEN NOT l.measured OR v.features_source IS NULL THEN v." #c " END) AS " #c \
	", "
#define OR_NOT_NULL(c)	" OR m." #c " IS NOT NULL"
#define NAME_OF(c)		", " #c
#define NEW_OF(c)		", f." #c
#define OLD_OF(c)		", t." #c
#define COLUMN_OF(c)	", m." #c
#define SET_OF(c)		", " #c " = excluded." #c

/* Years alone do not replace a day of the same year. */
#define KEEPS_RELEASE \
	"(m.release IS NULL OR " \
	"(m.release / 100000000 < CASE t.release_precision WHEN 'day' THEN 3 WHEN 'month' THEN 2 " \
	"ELSE 1 END AND m.release / 10000 % 10000 = pg_catalog.date_part('year', t.release_date)))"

#define COMPARED(OF, alias) \
	alias ".artist_id, " alias ".title, " alias ".artist, " alias ".artist_ids, " \
	alias ".release_date, " alias ".release_precision, " alias ".genres, " alias ".tags, " \
	alias ".features" EACH_PLAIN(OF) EACH_FEATURE(OF)

#define SERVICES	"'{spotify,reccobeats}'::pg_catalog.text[]"

/*
 * A row that a service told is none that is merged: its content is the service's. Only
 * its features stay, as long as the service lets them, where the source has none.
 *
 * OFFSET 0 keeps the planner from writing an expression out at each of its uses,
 * here and below.
 */
const char *const reco_import_sql_group =
"SELECT g.track_id, g.title, g.album, g.album_id, g.isrc, g.release, g.explicit,"
" g.artist_popularity" EACH_FEATURE(GROUP_OF)
", g.duration_ms, g.popularity, g.time_signature, "
MEMBERS("g.genres") " AS genres, " MEMBERS("g.tags") " AS tags, "
MEMBERS("g.artist_genres") " AS artist_genres,"
" pg_catalog.starts_with(g.artists, '1') AS ids_given, pg_catalog.string_to_array("
"pg_catalog.split_part(pg_catalog.substr(g.artists, 2), E'\\x1e', 1), E'\\x1f') AS names,"
" pg_catalog.string_to_array(pg_catalog.split_part(g.artists, E'\\x1e', 2), E'\\x1f') AS ids"
" FROM (SELECT i.track_id, count(*) AS n, max(i.title) AS title, max(i.artists) AS artists,"
" max(i.album) AS album, max(i.album_id) AS album_id, max(i.isrc) AS isrc,"
" max(i.release) AS release, pg_catalog.bool_or(i.explicit) AS explicit, "
EACH_FEATURE(MAX_OF) MAX_OF(duration_ms) MAX_OF(popularity) MAX_OF(time_signature)
" max(i.artist_popularity) AS artist_popularity,"
" pg_catalog.string_agg(i.genres, E'\\x1f') AS genres,"
" pg_catalog.string_agg(i.tags, E'\\x1f') AS tags,"
" pg_catalog.string_agg(i.artist_genres, E'\\x1f') AS artist_genres"
" FROM imported AS i GROUP BY i.track_id OFFSET 0) AS g";

const char *const reco_import_sql_merge =
"SELECT f.*, CASE WHEN t.track_id IS NULL THEN 'n'::pg_catalog.\"char\""
" WHEN ROW(" COMPARED(NEW_OF, "f") ") IS DISTINCT FROM ROW(" COMPARED(OLD_OF, "t") ")"
" OR f.features_source IS DISTINCT FROM t.features_source"
" THEN 'u'::pg_catalog.\"char\" ELSE 's'::pg_catalog.\"char\" END AS status,"
/* artists of the source, unless better known ones stay */
" CASE WHEN NOT l.keeps_artist THEN m.ids END AS ids,"
" CASE WHEN NOT l.keeps_artist THEN m.names END AS names,"
" m.artist_genres, m.artist_popularity,"
" pg_catalog.cardinality(l.genres) > 100 OR pg_catalog.cardinality(l.tags) > 500 AS over_limit"
" FROM grouped AS m LEFT JOIN reco.track AS v ON v.track_id = m.track_id"
" LEFT JOIN LATERAL (SELECT v.* WHERE v.source <> ALL (" SERVICES ")) AS t ON true"
" CROSS JOIN LATERAL ("
" SELECT (false" EACH_FEATURE(OR_NOT_NULL) ") AS measured,"
" t.track_id IS NOT NULL AND NOT m.ids_given"
" AND NOT pg_catalog.starts_with(t.artist_id, 'name:') AS keeps_artist, "
KEEPS_RELEASE " AS keeps_release, "
UNION_OF("t.genres", "m.genres") " AS genres, "
UNION_OF("t.tags", "m.tags") " AS tags OFFSET 0) AS l"
" CROSS JOIN LATERAL ("
" SELECT m.track_id, m.title,"
" CASE WHEN l.keeps_artist THEN t.artist_id ELSE m.ids[1] END AS artist_id,"
" CASE WHEN l.keeps_artist THEN t.artist"
" ELSE pg_catalog.array_to_string(m.names, ', ') END AS artist,"
" CASE WHEN l.keeps_artist THEN t.artist_ids"
" WHEN pg_catalog.cardinality(m.ids) > 1 THEN m.ids END AS artist_ids,"
" CASE WHEN l.keeps_release THEN t.release_date ELSE pg_catalog.make_date("
"m.release / 10000 % 10000, m.release / 100 % 100, m.release % 100) END AS release_date,"
" CASE WHEN l.keeps_release THEN t.release_precision"
" ELSE (ARRAY['year', 'month', 'day'])[m.release / 100000000] END AS release_precision, "
EACH_PLAIN(COALESCE_OF) EACH_FEATURE(FEATURE_OF)
" CASE WHEN l.measured THEN 'measured' ELSE COALESCE(v.features, 'unknown') END AS features,"
" CASE WHEN NOT l.measured THEN v.features_source END AS features_source,"
" CASE WHEN NOT l.measured THEN v.features_fetched_at END AS features_fetched_at,"
" CASE WHEN NOT l.measured THEN v.features_expires_at END AS features_expires_at,"
" l.genres[:100] AS genres, l.tags[:500] AS tags OFFSET 0) AS f";

const char *const reco_import_sql_artists =
"SELECT f.*, CASE WHEN t.artist_id IS NULL THEN 'n'::pg_catalog.\"char\""
" WHEN ROW(f.name, f.genres, f.popularity) IS DISTINCT FROM"
" ROW(t.name, t.genres, t.popularity) THEN 'u'::pg_catalog.\"char\""
" ELSE 's'::pg_catalog.\"char\" END AS status"
" FROM (SELECT u.id, max(u.name) AS name, max(m.artist_popularity) AS popularity,"
" pg_catalog.string_agg(pg_catalog.array_to_string(m.artist_genres, E'\\x1f'), E'\\x1f')"
" FILTER (WHERE pg_catalog.cardinality(m.artist_genres) > 0) AS genres"
" FROM merged AS m, unnest(m.ids, m.names) AS u (id, name)"
" GROUP BY u.id) AS a"
" LEFT JOIN reco.artist AS t ON t.artist_id = a.id AND t.source <> ALL (" SERVICES ")"
" CROSS JOIN LATERAL (SELECT CASE WHEN a.genres IS NOT NULL THEN"
" ARRAY(SELECT DISTINCT x COLLATE \"C\" FROM pg_catalog.unnest("
"pg_catalog.string_to_array(a.genres, E'\\x1f')) AS x ORDER BY 1) END AS genres OFFSET 0) AS g"
" CROSS JOIN LATERAL (SELECT a.id AS artist_id, a.name,"
" CASE WHEN g.genres IS NULL THEN t.genres ELSE (" UNION_OF("t.genres", "g.genres") ")[:100]"
" END AS genres,"
" COALESCE(a.popularity, t.popularity) AS popularity OFFSET 0) AS f";

const char *const reco_import_sql_count_tracks =
"SELECT count(*) FILTER (WHERE status = 'n'), count(*) FILTER (WHERE status = 'u'),"
" count(*) FILTER (WHERE status = 's'), count(*) FILTER (WHERE features = 'measured'),"
" count(*) FILTER (WHERE over_limit) FROM merged";

const char *const reco_import_sql_count_artists =
"SELECT count(*) FILTER (WHERE status = 'n'), count(*) FILTER (WHERE status = 'u'),"
" count(*) FILTER (WHERE status = 's') FROM artists";

/* GROUP BY hashes, where count(DISTINCT) would sort */
const char *const reco_import_sql_count_words =
"SELECT"
" (SELECT count(*) FROM (SELECT x FROM merged, pg_catalog.unnest(genres) AS x GROUP BY x) AS g),"
" (SELECT count(*) FROM (SELECT x FROM merged, pg_catalog.unnest(tags) AS x GROUP BY x) AS t)";

const char *const reco_import_sql_write_artists =
"INSERT INTO reco.artist (artist_id, name, genres, popularity, source)"
" SELECT a.artist_id, a.name, a.genres, a.popularity, $1 FROM artists AS a"
" WHERE a.status <> 's' ORDER BY a.artist_id"
" ON CONFLICT (artist_id) DO UPDATE SET name = excluded.name, genres = excluded.genres,"
" popularity = excluded.popularity, source = excluded.source, fetched_at = excluded.fetched_at,"
" expires_at = NULL";

const char *const reco_import_sql_write_tracks =
"INSERT INTO reco.track (track_id, artist_id, title, artist, artist_ids, release_date,"
" release_precision, genres, tags, features, features_source, features_fetched_at,"
" features_expires_at, source" EACH_PLAIN(NAME_OF) EACH_FEATURE(NAME_OF)
") SELECT m.track_id, m.artist_id, m.title, m.artist, m.artist_ids, m.release_date,"
" m.release_precision, m.genres, m.tags, m.features, m.features_source, m.features_fetched_at,"
" m.features_expires_at, $1"
EACH_PLAIN(COLUMN_OF) EACH_FEATURE(COLUMN_OF)
" FROM merged AS m WHERE m.status <> 's' ORDER BY m.track_id"
" ON CONFLICT (track_id) DO UPDATE SET artist_id = excluded.artist_id, title = excluded.title,"
" artist = excluded.artist, artist_ids = excluded.artist_ids,"
" release_date = excluded.release_date, release_precision = excluded.release_precision,"
" genres = excluded.genres, tags = excluded.tags, features = excluded.features,"
" features_source = excluded.features_source,"
" features_fetched_at = excluded.features_fetched_at,"
" features_expires_at = excluded.features_expires_at,"
" source = excluded.source, fetched_at = excluded.fetched_at, expires_at = NULL"
EACH_PLAIN(SET_OF) EACH_FEATURE(SET_OF);

/* our own GIN indexes: what is still pending would slow each search down */
const char *const reco_import_sql_clean_indexes =
"SELECT pg_catalog.gin_clean_pending_list(i.indexrelid) FROM pg_catalog.pg_index AS i"
" JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid"
" JOIN pg_catalog.pg_am AS a ON a.oid = c.relam"
" WHERE i.indrelid IN ('reco.track'::pg_catalog.regclass, 'reco.artist'::pg_catalog.regclass)"
" AND a.amname = 'gin' AND i.indisready ORDER BY i.indexrelid";

const char *const reco_import_sql_analyze = "ANALYZE reco.artist, reco.track";
