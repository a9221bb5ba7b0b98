/*-------------------------------------------------------------------------
 *
 * names.c
 *	  Finding tracks and artists by what they are called.
 *
 * Purpose: see names.h.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of its SELECTs.
 * Never:	trust physical order: every result is ordered by its own content.
 *
 *-------------------------------------------------------------------------
 */
#include "names.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "store/patience.h"
#include "store/sql.h"
#include "text.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#define LIKENESS	"0.5"		/* least trigram similarity of a misspelt name */

static RecoStatement artist_statement = {
	.text = "SELECT artist_id, name, popularity FROM reco.artist WHERE name_fold = $1"
	" ORDER BY popularity DESC NULLS LAST, artist_id LIMIT $2",
	.nargs = 2,
	.types = {TEXTOID, INT4OID},
};

static RecoStatement artist_ids_statement = {
	.text = "SELECT artist_id, name, popularity FROM reco.artist WHERE artist_id = ANY ($1)"
	" ORDER BY artist_id",
	.nargs = 1,
	.types = {TEXTARRAYOID},
};

static RecoStatement is_artist_statement = {
	.text = "SELECT bool_and(expires_at IS NOT NULL) FROM reco.artist WHERE name_fold = $1",
	.nargs = 1,
	.types = {TEXTOID},
};

static RecoStatement expired_statement = {
	.text = "SELECT track_id FROM reco.track WHERE track_id = ANY ($1)"
	" AND expires_at <= now() ORDER BY track_id",
	.nargs = 1,
	.types = {TEXTARRAYOID},
};

static RecoStatement title_statement = {
	.text = "SELECT t.track_id, t.artist_id, t.artist, t.popularity FROM reco.track t"
	" WHERE t.title_fold = $1 AND ($2 = '' OR EXISTS (SELECT FROM reco.artist a"
	"  WHERE a.artist_id = t.artist_id AND a.name_fold = $2))"
	" ORDER BY t.popularity DESC NULLS LAST, t.track_id LIMIT $3",
	.nargs = 3,
	.types = {TEXTOID, TEXTOID, INT4OID},
};

/* One more hit than is allowed tells that the word is common. */
static RecoStatement word_statement = {
	.text = "SELECT w.word, t.track_id, t.artist_id"
	" FROM unnest($1::text[]::tsquery[]) WITH ORDINALITY AS w (query, word),"
	" LATERAL (SELECT track_id, artist_id FROM reco.track WHERE search @@ w.query LIMIT $2) AS t"
	" ORDER BY w.word, t.track_id",
	.nargs = 2,
	.types = {TEXTARRAYOID, INT4OID},
};

static RecoStatement facts_statement = {
	.text =
		"SELECT track_id, artist_id, title, artist, album, isrc,"
		" CASE WHEN release_date BETWEEN '0001-01-01' AND '9999-12-31' THEN to_char(release_date,"
	"  CASE release_precision WHEN 'year' THEN 'YYYY' WHEN 'month' THEN 'YYYY-MM'"
	"   ELSE 'YYYY-MM-DD' END) END,"
		" artist_ids, genres, facets, dup_key, key,"
		" acousticness, danceability, energy, instrumentalness, liveness, speechiness, valence,"
		" loudness, tempo, mode::real, popularity::real, CASE WHEN isfinite(release_date) THEN"
		"  extract(year FROM release_date)::real END,"
		" COALESCE(expires_at <= now(), false), array_position('{unknown,absent}', features),"
		" COALESCE(features_expires_at <= now(), false)"
		" FROM reco.track WHERE track_id = ANY ($1) ORDER BY track_id",
	.nargs = 1,
	.types = {TEXTARRAYOID},
};

enum
{
	FACT_TRACK = 0,
	FACT_ARTIST_ID,
	FACT_TITLE,
	FACT_ARTIST,
	FACT_ALBUM,
	FACT_ISRC,
	FACT_RELEASE,
	FACT_ARTIST_IDS,
	FACT_GENRES,
	FACT_FACETS,
	FACT_DUP,
	FACT_KEY,
	FACT_FEATURES,
	FACT_EXPIRED = FACT_FEATURES + RECO_NCOLUMNS,
	FACT_STATE,
	FACT_FEATURES_EXPIRED,
	NFACTS
};

/* Words that too many tracks carry, of one state of the catalogue. */
static HTAB *common_words = NULL;
static uint64 common_words_catalogue = 0;

static char *text_of(HeapTuple tuple, int column);
static RecoName *collect(const RecoSql *sql, bool tracks, bool fuzzy, int *nfound);
static const char **strings_of(Datum array, int *n);
static RecoName *fuzzy_artists(const char *fold, int limit, int *nfound);
static RecoName *fuzzy_tracks(const char *fold, const char *artist, int limit,
							  int *nfound);
static bool is_common(const char *stem, uint64 catalogue, bool note);

/* Makes a text[] of strings. */
static Datum
array_of(const char *const *strings, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		elements[i] = CStringGetTextDatum(strings[i]);
	return PointerGetDatum(
		construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Finds artists by name. */
RecoName *
reco_names_artists(const char *name, bool exact, int limit, int *nfound)
{
	RecoTextTools tools;
	char	   *fold;
	Datum		values[2];
	RecoName   *names;
	RecoSql		sql;

	*nfound = 0;
	if (!reco_patience_lock(RECO_READS(ARTIST)))
		return NULL;
	reco_text_open(&tools);
	fold = reco_text_fold(&tools, name);
	values[0] = CStringGetTextDatum(fold);
	values[1] = Int32GetDatum(limit);
	reco_sql_begin(&sql);
	reco_sql_run(&artist_statement, values, NULL, true, 0);
	names = collect(&sql, false, false, nfound);
	reco_sql_end(&sql);
	if (*nfound == 0 && !exact && strlen(fold) >= 4)
		return fuzzy_artists(fold, limit, nfound);
	return names;
}

/* Is there an artist of this very name? */
bool
reco_names_is_artist(const char *name, bool *learned)
{
	RecoTextTools tools;
	Datum		value;
	bool		isnull;
	RecoSql		sql;

	*learned = false;
	if (!reco_patience_lock(RECO_READS(ARTIST)))
		return false;
	reco_text_open(&tools);
	value = CStringGetTextDatum(reco_text_fold(&tools, name));
	reco_sql_begin(&sql);
	reco_sql_run(&is_artist_statement, &value, NULL, true, 0);
	*learned = DatumGetBool(
		SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	reco_sql_end(&sql);
	*learned = *learned && !isnull;
	return !isnull;
}

/* Tells which tracks' time is over. */
const char **
reco_names_expired(const char *const *ids, int nids, int *nfound)
{
	Datum		value = array_of(ids, nids);
	const char **expired;
	MemoryContext old;
	RecoSql		sql;

	*nfound = 0;
	if (!reco_patience_lock(RECO_READS(TRACK)))
		return NULL;
	reco_sql_begin(&sql);
	reco_sql_run(&expired_statement, &value, NULL, true, 0);
	*nfound = (int) SPI_processed;
	old = MemoryContextSwitchTo(sql.caller);
	expired = palloc(sizeof(char *) * Max(*nfound, 1));
	for (int i = 0; i < *nfound; i++)
		expired[i] = text_of(SPI_tuptable->vals[i], 1);
	MemoryContextSwitchTo(old);
	reco_sql_end(&sql);
	return expired;
}

/* Finds tracks by title, and by artist where one is given. */
RecoName *
reco_names_tracks(const char *title, const char *artist, bool exact, int limit,
				  int *nfound)
{
	RecoTextTools tools;
	char	   *fold;
	char	   *artist_fold;
	Datum		values[3];
	RecoName   *names;
	RecoSql		sql;

	*nfound = 0;
	if (!reco_patience_lock(RECO_READS(TRACK) | RECO_READS(ARTIST)))
		return NULL;
	reco_text_open(&tools);
	fold = reco_text_fold(&tools, title);
	artist_fold = artist ? reco_text_fold(&tools, artist) : "";
	values[0] = CStringGetTextDatum(fold);
	values[1] = CStringGetTextDatum(artist_fold);
	values[2] = Int32GetDatum(limit);
	reco_sql_begin(&sql);
	reco_sql_run(&title_statement, values, NULL, true, 0);
	names = collect(&sql, true, false, nfound);
	reco_sql_end(&sql);
	if (*nfound == 0 && !exact && strlen(fold) >= 6)
		return fuzzy_tracks(fold, artist_fold, limit, nfound);
	return names;
}

/*
 * Runs a statement that needs pg_trgm's operators, which live in whatever schema
 * the extension was put into; so its text is made when it runs. The threshold of
 * the % operator is a setting of pg_trgm; it is set for this bracket only.
 */
static RecoName *
run_fuzzy(const char *text, int nargs, Oid *types, Datum *values, bool tracks,
		  int *nfound)
{
	RecoName   *names;
	RecoSql		sql;

	reco_sql_begin(&sql);
	reco_sql_set("pg_trgm.similarity_threshold", LIKENESS);
	if (SPI_execute_with_args(text, nargs, types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_with_args failed");
	names = collect(&sql, tracks, true, nfound);
	reco_sql_end(&sql);
	return names;
}

static RecoName *
fuzzy_artists(const char *fold, int limit, int *nfound)
{
	const char *trgm = reco_sql_schema_of("pg_trgm");
	Oid			types[2] = {TEXTOID, INT4OID};
	Datum		values[2];

	values[0] = CStringGetTextDatum(fold);
	values[1] = Int32GetDatum(limit);
	return run_fuzzy(
		psprintf("SELECT artist_id, name, popularity FROM reco.artist"
				 " WHERE name_fold OPERATOR(%s.%%) $1"
				 " ORDER BY %s.similarity(name_fold, $1) DESC, artist_id LIMIT $2",
				 trgm, trgm),
		2, types, values, false, nfound);
}

static RecoName *
fuzzy_tracks(const char *fold, const char *artist, int limit, int *nfound)
{
	const char *trgm = reco_sql_schema_of("pg_trgm");
	Oid			types[3] = {TEXTOID, INT4OID, TEXTOID};
	Datum		values[3];

	values[0] = CStringGetTextDatum(fold);
	values[1] = Int32GetDatum(limit);
	values[2] = CStringGetTextDatum(artist);
	return run_fuzzy(psprintf("SELECT t.track_id, t.artist_id, t.artist, t.popularity"
							  " FROM reco.track t WHERE t.title_fold OPERATOR(%s.%%) $1"
							  " AND ($3 = '' OR EXISTS (SELECT FROM reco.artist a"
							  "  WHERE a.artist_id = t.artist_id AND a.name_fold = $3))"
							  " ORDER BY %s.similarity(t.title_fold, $1) DESC,"
							  " t.popularity DESC NULLS LAST, t.track_id LIMIT $2",
							  trgm, trgm),
					 3, types, values, true, nfound);
}

/* Makes a tsquery's text of a stem, for artists (A) and titles (B). */
static char *
query_of(const char *stem)
{
	StringInfoData query;

	initStringInfo(&query);
	appendStringInfoChar(&query, '\'');
	for (const char *c = stem; *c; c++)
	{
		if (*c == '\'' || *c == '\\')
			appendStringInfoChar(&query, *c);
		appendStringInfoChar(&query, *c);
	}
	appendStringInfoString(&query, "':AB");
	return query.data;
}

/* Finds tracks whose artist or title holds one of the stems. */
RecoName *
reco_names_words(const char *const *stems, int nstems, uint64 catalogue, int *nfound)
{
	const char **queries = palloc(sizeof(char *) * Max(nstems, 1));
	int		   *numbers = palloc(sizeof(int) * Max(nstems, 1));
	int			nqueries = 0;
	Datum		values[2];
	RecoName   *names;
	int			n;
	RecoSql		sql;

	*nfound = 0;
	for (int i = 0; i < nstems; i++)
	{
		if (is_common(stems[i], catalogue, false))
			continue;
		numbers[nqueries] = i;
		queries[nqueries++] = query_of(stems[i]);
	}
	if (nqueries == 0 || !reco_patience_lock(RECO_READS(TRACK)))
		return NULL;

	values[0] = array_of(queries, nqueries);
	values[1] = Int32GetDatum(RECO_NAMES_COMMON + 1);
	reco_sql_begin(&sql);
	reco_sql_set("enable_seqscan", "off");	/* the planner cannot see the words */
	reco_sql_run(&word_statement, values, NULL, true, 0);
	n = (int) SPI_processed;
	names = MemoryContextAllocZero(sql.caller, sizeof(RecoName) * Max(n, 1));
	for (int i = 0; i < n;)
	{
		HeapTuple  *rows = SPI_tuptable->vals;
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		int64		word = DatumGetInt64(SPI_getbinval(rows[i], desc, 1, &isnull));
		int			end = i;
		MemoryContext old;

		while (end < n &&
			   DatumGetInt64(SPI_getbinval(rows[end], desc, 1, &isnull)) == word)
			end++;
		if (end - i > RECO_NAMES_COMMON)
		{
			(void) is_common(stems[numbers[word - 1]], catalogue, true);
			i = end;
			continue;
		}
		old = MemoryContextSwitchTo(sql.caller);
		for (; i < end; i++)
		{
			names[*nfound].track_id = text_of(rows[i], 2);
			names[*nfound].artist_id = text_of(rows[i], 3);
			names[*nfound].word = numbers[word - 1];
			(*nfound)++;
		}
		MemoryContextSwitchTo(old);
	}
	reco_sql_end(&sql);
	return names;
}

/* Remembers common words of one state of the catalogue. */
static bool
is_common(const char *stem, uint64 catalogue, bool note)
{
	uint64 hash = DatumGetUInt64(
		hash_any_extended((const unsigned char *) stem, (int) strlen(stem), 0));
	bool		found;

	if (common_words == NULL || common_words_catalogue != catalogue)
	{
		HASHCTL		control = {0};

		if (common_words != NULL)
			hash_destroy(common_words);
		common_words = NULL;
		control.keysize = sizeof(uint64);
		control.entrysize = sizeof(uint64);
		common_words = hash_create("reco common words", 256, &control, HASH_ELEM | HASH_BLOBS);
		common_words_catalogue = catalogue;
	}
	hash_search(common_words, &hash, note ? HASH_ENTER : HASH_FIND, &found);
	return found;
}

/* Finds artists by id. */
RecoName *
reco_names_artist_ids(const char *const *ids, int nids, int *nfound)
{
	Datum		value = array_of(ids, nids);
	RecoName   *names;
	RecoSql		sql;

	*nfound = 0;
	if (!reco_patience_lock(RECO_READS(ARTIST)))
		return NULL;
	reco_sql_begin(&sql);
	reco_sql_run(&artist_ids_statement, &value, NULL, true, 0);
	names = collect(&sql, false, false, nfound);
	reco_sql_end(&sql);
	return names;
}

/* Tells all that is known of tracks. */
RecoTrack **
reco_names_facts(const char *const *ids, int nids, int *nfound)
{
	Datum		value = array_of(ids, nids);
	MemoryContext old;
	RecoTrack **tracks;
	RecoSql		sql;

	*nfound = 0;
	if (!reco_patience_lock(RECO_READS(TRACK)))
		return NULL;
	reco_sql_begin(&sql);
	reco_sql_run(&facts_statement, &value, NULL, true, 0);
	*nfound = (int) SPI_processed;
	old = MemoryContextSwitchTo(sql.caller);
	tracks = palloc(sizeof(RecoTrack *) * Max(*nfound, 1));
	for (int i = 0; i < *nfound; i++)
	{
		Datum		values[NFACTS];
		bool		nulls[NFACTS];
		RecoTrack  *track = palloc0(sizeof(RecoTrack));

#define TEXT_FACT(which) (nulls[which] ? NULL : TextDatumGetCString(values[which]))
		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
		track->has_facts = true;
		track->track_id = TEXT_FACT(FACT_TRACK);
		track->artist_id = TEXT_FACT(FACT_ARTIST_ID);
		track->title = TEXT_FACT(FACT_TITLE);
		track->artist = TEXT_FACT(FACT_ARTIST);
		track->album = TEXT_FACT(FACT_ALBUM);
		track->isrc = TEXT_FACT(FACT_ISRC);
		track->release = TEXT_FACT(FACT_RELEASE);
#undef TEXT_FACT
		if (!nulls[FACT_ARTIST_IDS])
			track->artist_ids = strings_of(values[FACT_ARTIST_IDS], &track->nartist_ids);
		track->genres = strings_of(values[FACT_GENRES], &track->ngenres);
		track->facets = (uint16) DatumGetInt32(values[FACT_FACETS]);
		track->dup_key = DatumGetInt64(values[FACT_DUP]);
		track->key = nulls[FACT_KEY] ? -1 : DatumGetInt16(values[FACT_KEY]);
		for (int f = 0; f < RECO_NCOLUMNS; f++)
		{
			if (nulls[FACT_FEATURES + f])
				track->missing |= 1 << f;
			else
				track->values[f] = DatumGetFloat4(values[FACT_FEATURES + f]);
		}
		track->expired = DatumGetBool(values[FACT_EXPIRED]);
		track->measured =
			nulls[FACT_STATE] ? RECO_MEASURED : DatumGetInt32(values[FACT_STATE]) - 1;
		track->measured_expired = DatumGetBool(values[FACT_FEATURES_EXPIRED]);
		tracks[i] = track;
	}
	MemoryContextSwitchTo(old);
	reco_sql_end(&sql);
	return tracks;
}

/* Copies a text[] as strings; NULL elements are left out. */
static const char **
strings_of(Datum array, int *n)
{
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	const char **strings;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, &count);
	strings = palloc(sizeof(char *) * Max(count, 1));
	*n = 0;
	for (int i = 0; i < count; i++)
		if (!nulls[i])
			strings[(*n)++] = TextDatumGetCString(elements[i]);
	return strings;
}

/* Returns a text column as a string, NULL for NULL. */
static char *
text_of(HeapTuple tuple, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(tuple, SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/* Copies (track,) artist, name, popularity rows into the caller's context. */
static RecoName *
collect(const RecoSql *sql, bool tracks, bool fuzzy, int *nfound)
{
	MemoryContext old = MemoryContextSwitchTo(sql->caller);
	RecoName   *names;
	int			column = tracks ? 1 : 0;

	*nfound = (int) SPI_processed;
	names = palloc0(sizeof(RecoName) * Max(*nfound, 1));
	for (int i = 0; i < *nfound; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		bool		isnull;
		Datum		popularity;

		if (tracks)
			names[i].track_id = text_of(tuple, 1);
		names[i].artist_id = text_of(tuple, column + 1);
		names[i].name = text_of(tuple, column + 2);
		popularity = SPI_getbinval(tuple, SPI_tuptable->tupdesc, column + 3, &isnull);
		names[i].popularity = isnull ? -1 : DatumGetInt16(popularity);
		names[i].fuzzy = fuzzy;
	}
	MemoryContextSwitchTo(old);
	return names;
}
