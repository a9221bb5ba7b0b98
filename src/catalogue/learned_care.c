/*-------------------------------------------------------------------------
 *
 * learned_care.c
 *	  The part of the catalogue that services told: what goes, and figures.
 *
 * Purpose: see learned.h. How long what was told is kept without being told again, is
 *			what reco.cache_policy says of its kind: 'usable'.
 * Runs in: the keeper.
 * Locks:	those of its statements; rows that somebody has locked wait for another time.
 * Never:	remove what somebody imported or wrote; count the table for every few rows.
 *
 *-------------------------------------------------------------------------
 */
#include "learned.h"

#include "catalog/pg_type.h"
#include "store/sql.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define RECOUNT_US		(600 * INT64CONST(1000000))
#define MARGIN			20		/* one part in so many more than needed goes */
#define LONGEST_ID		256

#define SERVICES		"'{spotify,reccobeats}'::text[]"

/* the index on fetched_at has the rows with expires_at only */
#define LEARNED			"expires_at IS NOT NULL AND source = ANY (" SERVICES ")"
#define OLDEST(relation, which, limit)                                               \
	"DELETE FROM " relation " WHERE ctid = ANY (ARRAY(SELECT ctid FROM " relation   \
	" WHERE " LEARNED which " ORDER BY fetched_at LIMIT " limit " FOR UPDATE SKIP LOCKED))"
#define EXPIRED(category) \
	" AND expires_at <= now() AND fetched_at <= now() -" \
	" (SELECT usable FROM reco.cache_policy WHERE category = '" category "')"

/* What is learned of, by table. */
typedef struct Kind
{
	RecoStatement expire;
	RecoStatement evict;
	RecoStatement count;
	Oid			extension;		/* of what was counted last; InvalidOid = nothing */
	TimestampTz next;			/* count again, whatever was written */
	int64		rows;			/* counted, and an upper limit of what was added since */
} Kind;

static Kind kinds[] = {
	{
		.expire = {.text = OLDEST("reco.track", EXPIRED("tracks"), "$1"),
			.nargs = 1, .types = {INT8OID}},
		.evict = {.text = OLDEST("reco.track", "", "$1"), .nargs = 1, .types = {INT8OID}},
		.count = {.text = "SELECT count(*) FROM reco.track WHERE " LEARNED},
	},
	{
		.expire = {.text = OLDEST("reco.artist", EXPIRED("artists"), "$1"),
			.nargs = 1, .types = {INT8OID}},
		.evict = {.text = OLDEST("reco.artist", "", "$1"), .nargs = 1, .types = {INT8OID}},
		.count = {.text = "SELECT count(*) FROM reco.artist WHERE " LEARNED},
	},
};

static RecoStatement sweep_statement = {
	.text =
		"WITH page AS (SELECT track_id, features, features_source, features_fetched_at,"
		"  features_expires_at FROM reco.track WHERE track_id > $1 ORDER BY track_id LIMIT $2),"
		" due AS (SELECT t.track_id FROM reco.track AS t JOIN page USING (track_id, features_fetched_at)"
		"  JOIN reco.cache_policy AS p ON p.category = 'features'"
		"  WHERE page.features_source = ANY (" SERVICES
		") AND page.features_expires_at <= now()"
		"   AND page.features_fetched_at <= now() -"
		"    CASE page.features WHEN 'absent' THEN p.absent ELSE p.usable END"
		"  FOR UPDATE OF t SKIP LOCKED),"
		" gone AS (UPDATE reco.track AS t SET features = 'unknown', features_source = NULL,"
		"  features_fetched_at = NULL, features_expires_at = NULL, acousticness = NULL,"
		"  danceability = NULL, energy = NULL, instrumentalness = NULL, liveness = NULL,"
		"  speechiness = NULL, valence = NULL, loudness = NULL, tempo = NULL, key = NULL, mode = NULL"
		"  FROM due WHERE t.track_id = due.track_id RETURNING 1)"
		" SELECT (SELECT max(track_id) FROM page), (SELECT count(*) FROM page),"
		"  (SELECT count(*) FROM gone)",
	.nargs = 2,
	.types = {TEXTOID, INT4OID},
};

static RecoStatement note_statement = {
	.text = "UPDATE reco.learn_state SET tracks = tracks + $1, artists = artists + $2,"
	" features = features + $3, skipped = skipped + $4, lost = lost + $5,"
	" removed = removed + $6,"
	" learned_at = CASE WHEN $1 + $2 + $3 > 0 THEN clock_timestamp() ELSE learned_at END,"
	" published_at = CASE WHEN $7 THEN clock_timestamp() ELSE published_at END,"
	" lexicon_at = CASE WHEN $8 THEN clock_timestamp() ELSE lexicon_at END",
	.nargs = 8,
	.types = {INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, BOOLOID, BOOLOID},
};

/* How far the look at features has come: the id of a track. */
static char swept[LONGEST_ID] = "";

static int64 trim_kind(Kind *kind, int64 rows, int most);
static int64 count_rows(Kind *kind);
static int64 run_deleting(RecoStatement *statement, int64 most);

/* Removes what is out of date, and what is too much. */
bool
reco_learned_trim(int64 tracks, int most, RecoLearnedCounts *counts)
{
	bool		more = false;

	for (int k = 0; k < lengthof(kinds); k++)
	{
		int64		removed = trim_kind(&kinds[k], tracks, most);

		counts->removed += removed;
		more = more || removed >= most;
	}
	return more;
}

/* Removes rows of one table; it has as many artists, at most, as tracks. */
static int64
trim_kind(Kind *kind, int64 rows, int most)
{
	int64		removed = run_deleting(&kind->expire, most);

	kind->rows -= removed;
	if (kind->extension != reco_sql_extension() || GetCurrentTimestamp() >= kind->next ||
		kind->rows > rows)
	{
		kind->rows = count_rows(kind);
		kind->extension = reco_sql_extension();
		kind->next = GetCurrentTimestamp() + RECOUNT_US;
	}
	if (kind->rows > rows && removed < most)
	{
		int64 evicted =
			run_deleting(&kind->evict,
						 Min(kind->rows - rows + rows / MARGIN, most - removed));

		kind->rows -= evicted;
		removed += evicted;
	}
	return removed;
}

static int64
count_rows(Kind *kind)
{
	bool		isnull;
	int64		rows;
	RecoSql		sql;

	reco_sql_begin(&sql);
	reco_sql_set("enable_seqscan", "off");
	reco_sql_run(&kind->count, NULL, NULL, true, 0);
	rows = DatumGetInt64(
		SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	reco_sql_end(&sql);
	return rows;
}

/* Runs a statement that deletes; a plan for a small table is kept for a large one. */
static int64
run_deleting(RecoStatement *statement, int64 most)
{
	Datum		argument = Int64GetDatum(most);
	int64		deleted;
	RecoSql		sql;

	reco_sql_begin(&sql);
	reco_sql_set("enable_seqscan", "off");
	reco_sql_run(statement, &argument, NULL, false, 0);
	deleted = (int64) SPI_processed;
	reco_sql_end(&sql);
	return deleted;
}

/* Looks at the next tracks. */
bool
reco_learned_sweep(int most, RecoLearnedCounts *counts)
{
	Datum		arguments[2] = {CStringGetTextDatum(swept), Int32GetDatum(most)};
	Datum		values[3];
	bool		nulls[3] = {false};
	int64		looked_at;
	RecoSql		sql;

	reco_sql_begin(&sql);
	reco_sql_set("enable_seqscan", "off");
	reco_sql_run(&sweep_statement, arguments, NULL, false, 0);
	for (int i = 0; i < lengthof(values); i++)
		values[i] =
			SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1, &nulls[i]);
	looked_at = DatumGetInt64(values[1]);
	counts->removed += DatumGetInt64(values[2]);

	/* one whose id is longer than any that is imported is looked at again, and no more */
	if (nulls[0] || looked_at < most ||
		strlcpy(swept, TextDatumGetCString(values[0]), LONGEST_ID) >= LONGEST_ID)
		swept[0] = '\0';
	reco_sql_end(&sql);
	return swept[0] != '\0';
}

/* Adds to the figures. */
void
reco_learned_note(const RecoLearnedCounts *counts, bool published, bool lexicon)
{
	Datum		arguments[8];
	RecoSql		sql;

	kinds[0].rows += counts->tracks;
	kinds[1].rows += counts->artists;
	arguments[0] = Int64GetDatum(counts->tracks);
	arguments[1] = Int64GetDatum(counts->artists);
	arguments[2] = Int64GetDatum(counts->features);
	arguments[3] = Int64GetDatum(counts->skipped);
	arguments[4] = Int64GetDatum(counts->lost);
	arguments[5] = Int64GetDatum(counts->removed);
	arguments[6] = BoolGetDatum(published);
	arguments[7] = BoolGetDatum(lexicon);
	reco_sql_begin(&sql);
	reco_sql_run(&note_statement, arguments, NULL, false, 0);
	reco_sql_end(&sql);
}
