/*-------------------------------------------------------------------------
 *
 * listener.c
 *	  What listeners played and judged: reco.listen, reco.feedback.
 *
 * Purpose: see listener.h.
 * Runs in: any process with a database and a transaction.
 * Locks:	row locks of its INSERTs.
 * Never:	let two processes' ids meet: an INSERT that finds its id taken makes
 *			another.
 *
 *-------------------------------------------------------------------------
 */
#include "listener.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "id.h"
#include "patience.h"
#include "sql.h"
#include "utils/builtins.h"

#define MAX_TRIES	10

/* What a listener played and judged, with the artist where that can be looked up. */
#define LISTENED(artist, joined) \
	"WITH played AS (SELECT track_id, count(*) AS plays, max(at) AS last FROM" \
	"  reco.listen WHERE user_id = $1 AND at >= least($2, (SELECT coalesce(min(at), $2) FROM" \
	"   (SELECT at FROM reco.listen WHERE user_id = $1 ORDER BY at DESC LIMIT 1000) AS l))" \
	"  GROUP BY track_id)," \
	" judged AS (SELECT DISTINCT ON (track_id) track_id, event FROM reco.feedback" \
	"  WHERE user_id = $1 ORDER BY track_id, at DESC, feedback_id DESC)" \
	" SELECT e.track_id, " artist ", e.plays::int, e.liked, e.skipped, e.last FROM" \
	" (SELECT coalesce(p.track_id, j.track_id) AS track_id, coalesce(p.plays, 0) AS plays," \
	"   coalesce(j.event IN ('like', 'save'), false) AS liked," \
	"   coalesce(j.event IN ('skip', 'dislike'), false) AS skipped, p.last" \
	"  FROM played AS p FULL JOIN judged AS j ON j.track_id = p.track_id" \
	"  WHERE p.track_id IS NOT NULL OR j.event <> 'clear') AS e" joined \
	" ORDER BY e.plays + CASE WHEN e.liked THEN 3 ELSE 0 END DESC, e.last DESC NULLS LAST," \
	" e.track_id"

static RecoStatement tracks_statement = {
	.text = LISTENED("t.artist_id", " LEFT JOIN reco.track AS t ON t.track_id = e.track_id"),
	.nargs = 2,
	.types = {TEXTOID, TIMESTAMPTZOID},
};

/* Where the catalogue cannot be read: what a rule rests on is here all the same. */
static RecoStatement bare_statement = {
	.text = LISTENED("NULL::text", ""),
	.nargs = 2,
	.types = {TEXTOID, TIMESTAMPTZOID},
};

static RecoStatement play_statement = {
	.text = "INSERT INTO reco.listen (user_id, listen_id, track_id, at) VALUES ($1, $2, $3, $4)"
	" ON CONFLICT (user_id, listen_id) DO NOTHING",
	.nargs = 4,
	.types = {TEXTOID, INT8OID, TEXTOID, TIMESTAMPTZOID},
};

static RecoStatement listened_statement = {
	.text = "SELECT max(listen_id) FROM reco.listen WHERE user_id = $1",
	.nargs = 1,
	.types = {TEXTOID},
};

static RecoStatement judged_statement = {
	.text = "SELECT max(feedback_id), count(*),"
	" bit_xor(hashtextextended(track_id || chr(31) || event || chr(31) || at::text, feedback_id))"
	" FROM reco.feedback WHERE user_id = $1",
	.nargs = 1,
	.types = {TEXTOID},
};

static RecoStatement known_statement = {
	.text = "SELECT EXISTS (SELECT FROM reco.listen WHERE user_id = $1)"
	" OR EXISTS (SELECT FROM reco.feedback WHERE user_id = $1),"
	" EXISTS (SELECT FROM reco.listener_token WHERE user_id = $1)",
	.nargs = 1,
	.types = {TEXTOID},
};

static RecoStatement judge_statement = {
	.text = "INSERT INTO reco.feedback (user_id, feedback_id, track_id, event)"
	" VALUES ($1, $2, $3, $4) ON CONFLICT (user_id, feedback_id) DO NOTHING",
	.nargs = 4,
	.types = {TEXTOID, INT8OID, TEXTOID, TEXTOID},
};

static int64 insert_with_id(RecoStatement *statement, Datum *values);

/* Reads what a listener played and judged. */
RecoListened *
reco_listener_tracks(const char *user_id, TimestampTz since, int *nfound)
{
	Datum		arguments[2];
	RecoListened *tracks;
	MemoryContext old;
	RecoStatement *statement = &tracks_statement;
	RecoSql		sql;

	*nfound = 0;
	if (!reco_patience_lock(RECO_READS(LISTEN) | RECO_READS(FEEDBACK)))
		return NULL;
	if (!reco_patience_lock(RECO_READS(TRACK)))
		statement = &bare_statement;
	arguments[0] = CStringGetTextDatum(user_id);
	arguments[1] = TimestampTzGetDatum(since);
	reco_sql_begin(&sql);
	reco_sql_run(statement, arguments, NULL, true, 0);
	old = MemoryContextSwitchTo(sql.caller);
	*nfound = (int) SPI_processed;
	tracks = palloc0(sizeof(RecoListened) * Max(*nfound, 1));
	for (int i = 0; i < *nfound; i++)
	{
		Datum		values[6];
		bool		nulls[6];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
		tracks[i].track_id = TextDatumGetCString(values[0]);
		tracks[i].artist_id = nulls[1] ? NULL : TextDatumGetCString(values[1]);
		tracks[i].plays = DatumGetInt32(values[2]);
		tracks[i].liked = DatumGetBool(values[3]);
		tracks[i].skipped = DatumGetBool(values[4]);
		tracks[i].last_played = nulls[5] ? 0 : DatumGetTimestampTz(values[5]);
	}
	MemoryContextSwitchTo(old);
	reco_sql_end(&sql);
	return tracks;
}

/* Tells the states of a listener's judgements apart. */
uint64
reco_listener_judged(const char *user_id)
{
	Datum		argument = CStringGetTextDatum(user_id);
	uint64		state = 0;
	RecoSql		sql;

	if (user_id[0] == '\0' || !reco_patience_lock(RECO_READS(FEEDBACK)))
		return 0;
	reco_sql_begin(&sql);
	reco_sql_run(&judged_statement, &argument, NULL, true, 1);
	for (int column = 1; column <= 3; column++)
	{
		bool		isnull;
		Datum value =
			SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);

		if (!isnull)
			state = hash_combine64(state, (uint64) DatumGetInt64(value));
	}
	reco_sql_end(&sql);
	return state;
}

/* Tells when a listener's newest play was written. */
TimestampTz
reco_listener_listened_at(const char *user_id)
{
	Datum		argument = CStringGetTextDatum(user_id);
	TimestampTz at = 0;
	RecoSql		sql;
	bool		isnull;
	Datum		id;

	if (!reco_patience_lock(RECO_READS(LISTEN)))
		return DT_NOEND;
	reco_sql_begin(&sql);
	reco_sql_run(&listened_statement, &argument, NULL, true, 1);
	id = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (!isnull)
		at = reco_id_time(DatumGetInt64(id));
	reco_sql_end(&sql);
	return at;
}

/* Tells whether anything is known of a listener; a look into three indexes. */
bool
reco_listener_known(const char *user_id, RecoListenerKnown *known)
{
	Datum		argument;
	bool		isnull;
	RecoSql		sql;

	memset(known, 0, sizeof(*known));
	if (user_id[0] == '\0')
		return true;
	if (!reco_patience_lock(RECO_READS(LISTEN) | RECO_READS(FEEDBACK) |
							RECO_READS(LISTENER_TOKEN)))
		return false;
	argument = CStringGetTextDatum(user_id);
	reco_sql_begin(&sql);
	reco_sql_run(&known_statement, &argument, NULL, true, 1);
	known->listened = DatumGetBool(
		SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	known->connected = DatumGetBool(
		SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	reco_sql_end(&sql);
	return true;
}

/* Writes a play. */
int64
reco_listener_play(const char *user_id, const char *track_id, TimestampTz at)
{
	Datum		values[4];

	values[0] = CStringGetTextDatum(user_id);
	values[2] = CStringGetTextDatum(track_id);
	values[3] = TimestampTzGetDatum(at);
	return insert_with_id(&play_statement, values);
}

/* Writes a judgement. */
int64
reco_listener_judge(const char *user_id, const char *track_id, const char *event)
{
	Datum		values[4];

	values[0] = CStringGetTextDatum(user_id);
	values[2] = CStringGetTextDatum(track_id);
	values[3] = CStringGetTextDatum(event);
	return insert_with_id(&judge_statement, values);
}

/* Runs an INSERT with a new id as its second value, again while the id is taken. */
static int64
insert_with_id(RecoStatement *statement, Datum *values)
{
	RecoSql		sql;

	for (int tries = 0; tries < MAX_TRIES; tries++)
	{
		int64		id = reco_id_new();
		bool		done;

		values[1] = Int64GetDatum(id);
		reco_sql_begin(&sql);
		reco_sql_run(statement, values, NULL, false, 0);
		done = SPI_processed == 1;
		reco_sql_end(&sql);
		if (done)
			return id;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("could not make a unique id in %d tries", MAX_TRIES),
			 errhint("Check that \"reco.node_id\" differs between nodes.")));
}
