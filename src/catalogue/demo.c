/*-------------------------------------------------------------------------
 *
 * demo.c
 *	  Fills the tables with the made-up world.
 *
 * Purpose: replace the demo catalogue, in batches of rows.
 * Runs in: backend, in a transaction that may write.
 * Locks:	ShareUpdateExclusiveLock on reco.artist, so that two calls take turns;
 *			then RowExclusiveLock on the tables it fills.
 * Never:	touch a row that it did not make: tracks and artists have source 'demo',
 *			listeners' rows have one of our names and a track whose id begins with
 *			'demo:'.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "reco.h"
#include "catalogue/demo_made.h"
#include "catalogue/lexicon.h"
#include "store/sql.h"

#define BATCH_ROWS	5000
#define MAX_COLUMNS	27

/* Rows on their way into a table: one array per column. */
typedef struct Batch
{
	const char *command;
	int			ncolumns;
	Oid			types[MAX_COLUMNS]; /* of the elements */
	Datum	   *values[MAX_COLUMNS];
	bool	   *nulls[MAX_COLUMNS];
	int			nrows;
	int			column;			/* of the value that comes next */
	int64		inserted;
	SPIPlanPtr	plan;
	MemoryContext context;		/* of the rows; reset with every batch */
} Batch;

static int64 clear_catalogue(void);
static void set_locally(const char *name, const char *value);
static int64 run_command(const char *command);
static void insert_artists(const RecoDemoWorld *world, RecoDemoReport *report);
static void insert_tracks(const RecoDemoWorld *world, RecoDemoReport *report);
static void insert_listeners(const RecoDemoWorld *world, RecoDemoReport *report);
static void add_track(Batch *batch, const RecoDemoWorld *world,
					  const RecoDemoTrack *track);
static void add_features(Batch *batch, const RecoDemoTrack *track);
static void batch_begin(Batch *batch, const char *command, const Oid *types,
						int ncolumns);
static void batch_add(Batch *batch, Datum value, bool null);
static void batch_add_text(Batch *batch, const char *value);
static void batch_end_row(Batch *batch);
static void batch_flush(Batch *batch);
static void batch_end(Batch *batch);
static const char *join_playlists(const RecoDemoTrack *track);

/* Lists come as text, joined by ';', which no name of ours contains. */
static const char insert_artist[] =
	"INSERT INTO reco.artist (artist_id, name, genres, popularity, source)"
	" SELECT r.artist_id, r.name, pg_catalog.string_to_array(r.genres, ';'),"
	" r.popularity, 'demo'"
	" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2),"
	" pg_catalog.unnest($3), pg_catalog.unnest($4))"
	" AS r (artist_id, name, genres, popularity)"
	" ON CONFLICT (artist_id) DO NOTHING";

static const char insert_track[] =
	"INSERT INTO reco.track (track_id, artist_id, title, artist, artist_ids, album,"
	" album_id, isrc, release_date, release_precision, duration_ms, explicit, genres,"
	" tags, popularity, features, acousticness, danceability, energy,"
	" instrumentalness, liveness, speechiness, valence, loudness, tempo, key, mode,"
	" time_signature, source)"
	" SELECT r.track_id, r.artist_ids[1], r.title, r.artist, r.artist_ids, r.album,"
	" r.album_id, r.isrc, r.release_date, r.release_precision, r.duration_ms,"
	" r.explicit, pg_catalog.string_to_array(r.genres, ';'),"
	" pg_catalog.string_to_array(r.tags, ';'), r.popularity, r.features,"
	" r.acousticness, r.danceability, r.energy, r.instrumentalness, r.liveness,"
	" r.speechiness, r.valence, r.loudness, r.tempo, r.key, r.mode,"
	" r.time_signature, 'demo'"
	" FROM (SELECT u.*, pg_catalog.string_to_array(u.ids, ';') AS artist_ids"
	" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2),"
	" pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5),"
	" pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8),"
	" pg_catalog.unnest($9), pg_catalog.unnest($10), pg_catalog.unnest($11),"
	" pg_catalog.unnest($12), pg_catalog.unnest($13), pg_catalog.unnest($14),"
	" pg_catalog.unnest($15), pg_catalog.unnest($16), pg_catalog.unnest($17),"
	" pg_catalog.unnest($18), pg_catalog.unnest($19), pg_catalog.unnest($20),"
	" pg_catalog.unnest($21), pg_catalog.unnest($22), pg_catalog.unnest($23),"
	" pg_catalog.unnest($24), pg_catalog.unnest($25), pg_catalog.unnest($26),"
	" pg_catalog.unnest($27))"
	" AS u (track_id, title, artist, ids, album, album_id, isrc, release_date,"
	" release_precision, duration_ms, explicit, genres, tags, popularity, features,"
	" acousticness, danceability, energy, instrumentalness, liveness, speechiness,"
	" valence, loudness, tempo, key, mode, time_signature)) AS r"
	" ON CONFLICT (track_id) DO NOTHING";

static const Oid track_types[] = {
	TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, DATEOID, TEXTOID,
	INT4OID, BOOLOID, TEXTOID, TEXTOID, INT2OID, TEXTOID, FLOAT4OID, FLOAT4OID,
	FLOAT4OID, FLOAT4OID, FLOAT4OID, FLOAT4OID, FLOAT4OID, FLOAT4OID, FLOAT4OID,
	INT2OID, INT2OID, INT2OID};

/* Histories end at the full hour, so that a call twice in a row makes the same. */
static const char insert_listen[] =
	"INSERT INTO reco.listen (user_id, track_id, at)"
	" SELECT r.user_id, r.track_id, pg_catalog.date_trunc('hour', pg_catalog.now())"
	" - pg_catalog.make_interval(secs => r.ago)"
	" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2),"
	" pg_catalog.unnest($3)) WITH ORDINALITY AS r (user_id, track_id, ago, nth)"
	" ORDER BY r.nth";

static const char insert_feedback[] =
	"INSERT INTO reco.feedback (user_id, track_id, at, event)"
	" SELECT r.user_id, r.track_id, pg_catalog.date_trunc('hour', pg_catalog.now())"
	" - pg_catalog.make_interval(secs => r.ago), r.event"
	" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2),"
	" pg_catalog.unnest($3), pg_catalog.unnest($4))"
	" WITH ORDINALITY AS r (user_id, track_id, ago, event, nth)"
	" ORDER BY r.nth";

/* Replaces the demo catalogue. */
void
reco_demo_build(int ntracks, int32 seed, RecoDemoReport *report)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "reco demo", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	RecoDemoWorld *world = reco_demo_world_make(ntracks, seed);
	RecoSql		sql;

	MemoryContextSwitchTo(caller);
	memset(report, 0, sizeof(*report));
	reco_sql_begin(&sql);

	/*
	 * Text indexes take new words in bulk much faster than a few at a time.  The
	 * bracket's end puts the settings back.
	 */
	set_locally("gin_pending_list_limit", "64MB");

	run_command("LOCK TABLE reco.artist IN SHARE UPDATE EXCLUSIVE MODE");
	report->replaced = clear_catalogue();
	insert_artists(world, report);
	insert_tracks(world, report);
	insert_listeners(world, report);

	run_command("SELECT pg_catalog.gin_clean_pending_list(i.indexrelid)"
				" FROM pg_catalog.pg_index i"
				" JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
				" JOIN pg_catalog.pg_am a ON a.oid = c.relam"
				" WHERE a.amname = 'gin' AND i.indrelid IN"
				" ('reco.artist'::pg_catalog.regclass, 'reco.track'::pg_catalog.regclass)");

	/* nobody else has seen these rows yet: plans would be made for empty tables */
	run_command("ANALYZE reco.artist, reco.track, reco.listen, reco.feedback");
	reco_sql_end(&sql);

	MemoryContextDelete(context);
	reco_lexicon_learn();
}

/* Deletes what an earlier call made; returns the number of tracks. */
static int64
clear_catalogue(void)
{
	static const char *const of_listeners[] = {
		"DELETE FROM reco.listen WHERE user_id = ANY ($1)"
		" AND track_id >= 'demo:' AND track_id < 'demo;'",
		"DELETE FROM reco.feedback WHERE user_id = ANY ($1)"
		" AND track_id >= 'demo:' AND track_id < 'demo;'",
	};
	Oid			type = TEXTARRAYOID;
	Datum	   *names = palloc(reco_demo_ntastes * sizeof(Datum));
	Datum		value;

	for (int i = 0; i < reco_demo_ntastes; i++)
		names[i] = CStringGetTextDatum(reco_demo_tastes[i].name);
	value = PointerGetDatum(
		construct_array(names, reco_demo_ntastes, TEXTOID, -1, false, TYPALIGN_INT));
	for (int i = 0; i < (int) lengthof(of_listeners); i++)
	{
		if (SPI_execute_with_args(of_listeners[i], 1, &type, &value, NULL, false, 0) < 0)
			elog(ERROR, "could not delete listeners' rows: %s",
				 SPI_result_code_string(SPI_result));
	}
	run_command("DELETE FROM reco.artist WHERE source = 'demo'"
				" AND artist_id >= 'demo:' AND artist_id < 'demo;'");
	return run_command("DELETE FROM reco.track WHERE source = 'demo'"
					   " AND track_id >= 'demo:' AND track_id < 'demo;'");
}

/* Changes a setting until the bracket ends. */
static void
set_locally(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
}

/* Runs one command; returns the number of rows it touched. */
static int64
run_command(const char *command)
{
	int			code = SPI_execute(command, false, 0);

	if (code < 0)
		elog(ERROR, "could not run \"%s\": %s", command, SPI_result_code_string(code));
	return (int64) SPI_processed;
}

static void
insert_artists(const RecoDemoWorld *world, RecoDemoReport *report)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, INT2OID};
	Batch		batch;
	MemoryContext old;

	batch_begin(&batch, insert_artist, types, lengthof(types));
	old = MemoryContextSwitchTo(batch.context);
	for (int i = 0; i < world->nartists; i++)
	{
		const RecoDemoArtist *artist = &world->artists[i];
		char		genres[RECO_DEMO_TEXT_SIZE] = "";

		for (int g = 0; g < artist->ngenres; g++)
		{
			if (g > 0)
				strlcat(genres, ";", sizeof(genres));
			strlcat(genres, reco_demo_genres[artist->genres[g]].name, sizeof(genres));
		}
		batch_add_text(&batch, psprintf("demo:%d:a%04d", world->seed, i + 1));
		batch_add_text(&batch, artist->name);
		batch_add_text(&batch, genres);
		batch_add(&batch, Int16GetDatum(artist->popularity), artist->popularity < 0);
		batch_end_row(&batch);
	}
	MemoryContextSwitchTo(old);
	batch_end(&batch);
	report->artists = batch.inserted;
}

static void
insert_tracks(const RecoDemoWorld *world, RecoDemoReport *report)
{
	bool	   *used = palloc0(reco_demo_nplaylists * sizeof(bool));
	RecoDemoTrack track;
	Batch		batch;
	MemoryContext old;

	batch_begin(&batch, insert_track, track_types, lengthof(track_types));
	old = MemoryContextSwitchTo(batch.context);
	for (int i = 0; i < world->nartists; i++)
	{
		for (int nth = 0; nth < world->artists[i].ntracks; nth++)
		{
			CHECK_FOR_INTERRUPTS();
			reco_demo_track_make(world, i, nth, &track);
			for (int p = 0; p < track.nplaylists; p++)
				used[track.playlists[p]] = true;
			add_track(&batch, world, &track);
			batch_end_row(&batch);
		}
	}
	MemoryContextSwitchTo(old);
	batch_end(&batch);
	report->tracks = batch.inserted;
	for (int p = 0; p < reco_demo_nplaylists; p++)
		report->playlists += used[p] ? 1 : 0;
}

/* Adds the columns of one track, in the order of track_types. */
static void
add_track(Batch *batch, const RecoDemoWorld *world, const RecoDemoTrack *track)
{
	static const char *const precisions[] = {NULL, "year", "month", "day"};
	const RecoDemoArtist *artist = &world->artists[track->artist];
	const char *names = artist->name;
	char	   *ids = psprintf("demo:%d:a%04d", world->seed, track->artist + 1);
	char		genres[RECO_DEMO_TEXT_SIZE] = "";
	int			month = track->precision >= 2 ? track->month : 1;
	int			day = track->precision >= 3 ? track->day : 1;

	if (track->guest >= 0)
	{
		names = psprintf("%s, %s", artist->name, world->artists[track->guest].name);
		ids = psprintf("%s;demo:%d:a%04d", ids, world->seed, track->guest + 1);
	}
	for (int g = 0; g < track->ngenres; g++)
	{
		if (g > 0)
			strlcat(genres, ";", sizeof(genres));
		strlcat(genres, track->genres[g], sizeof(genres));
	}

	batch_add_text(batch, psprintf("demo:%d:t%05u", world->seed, track->number));
	batch_add_text(batch, track->title);
	batch_add_text(batch, names);
	batch_add_text(batch, ids);
	batch_add_text(batch, track->album);
	batch_add_text(batch, psprintf("demo:%d:b%05u", world->seed, track->album_number));
	batch_add_text(batch, track->isrc[0] != '\0' ? track->isrc : NULL);
	batch_add(batch,
			  DateADTGetDatum(date2j(track->year, month, day) - POSTGRES_EPOCH_JDATE),
			  false);
	batch_add_text(batch, precisions[track->precision]);
	batch_add(batch, Int32GetDatum(track->duration_ms), false);
	batch_add(batch, BoolGetDatum(track->explicit_words), false);
	batch_add_text(batch, genres);
	batch_add_text(batch, join_playlists(track));
	batch_add(batch, Int16GetDatum(track->popularity), track->popularity < 0);
	add_features(batch, track);
}

/* Adds what was measured; the only place where numbers become fractions. */
static void
add_features(Batch *batch, const RecoDemoTrack *track)
{
	static const char *const states[] = {"unknown", "absent", "measured"};
	bool		null = track->state != RECO_FEATURES_MEASURED;

	batch_add_text(batch, states[track->state]);
	batch_add(batch, Float4GetDatum((float4) track->acousticness / 1000.0f), null);
	batch_add(batch, Float4GetDatum((float4) track->danceability / 1000.0f), null);
	batch_add(batch, Float4GetDatum((float4) track->energy / 1000.0f), null);
	batch_add(batch, Float4GetDatum((float4) track->instrumentalness / 1000.0f), null);
	batch_add(batch, Float4GetDatum((float4) track->liveness / 1000.0f), null);
	batch_add(batch, Float4GetDatum((float4) track->speechiness / 1000.0f), null);
	batch_add(batch, Float4GetDatum((float4) track->valence / 1000.0f), null);
	batch_add(batch, Float4GetDatum((float4) track->loudness / 100.0f), null);
	batch_add(batch, Float4GetDatum((float4) track->tempo / 100.0f), null);
	batch_add(batch, Int16GetDatum(track->key), null);
	batch_add(batch, Int16GetDatum(track->mode), null);
	batch_add(batch, Int16GetDatum(track->time_signature), null);
}

/* Gives every listener a history. */
static void
insert_listeners(const RecoDemoWorld *world, RecoDemoReport *report)
{
	static const Oid types[] = {TEXTOID, TEXTOID, FLOAT8OID, TEXTOID};
	RecoDemoEvent *events = palloc(RECO_DEMO_MAX_EVENTS * sizeof(RecoDemoEvent));
	int			nlisteners = reco_demo_listener_count(world->ntracks);
	Batch		listens;
	Batch		feedback;

	batch_begin(&listens, insert_listen, types, 3);
	batch_begin(&feedback, insert_feedback, types, 4);
	for (int i = 0; i < nlisteners; i++)
	{
		int			n = reco_demo_listener_make(world, i, events);

		CHECK_FOR_INTERRUPTS();
		report->listeners[i] = reco_demo_tastes[i].name;
		for (int e = 0; e < n; e++)
		{
			Batch	   *batch = events[e].judgement == NULL ? &listens : &feedback;

			batch_add_text(batch, reco_demo_tastes[i].name);
			batch_add_text(batch,
						   psprintf("demo:%d:t%05u", world->seed, events[e].track));
			batch_add(batch, Float8GetDatum(events[e].seconds_ago), false);
			if (events[e].judgement != NULL)
				batch_add_text(batch, events[e].judgement);
			batch_end_row(batch);
		}
	}
	batch_end(&listens);
	batch_end(&feedback);
	report->listens = listens.inserted;
	report->feedback = feedback.inserted;
	report->nlisteners = nlisteners;
}

/* Prepares for rows of the given columns. */
static void
batch_begin(Batch *batch, const char *command, const Oid *types, int ncolumns)
{
	Oid			arguments[MAX_COLUMNS];

	memset(batch, 0, sizeof(*batch));
	batch->command = command;
	batch->ncolumns = ncolumns;
	for (int c = 0; c < ncolumns; c++)
	{
		batch->types[c] = types[c];
		batch->values[c] = palloc(BATCH_ROWS * sizeof(Datum));
		batch->nulls[c] = palloc(BATCH_ROWS * sizeof(bool));
		arguments[c] = get_array_type(types[c]);
	}
	batch->plan = SPI_prepare(command, ncolumns, arguments);
	if (batch->plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	batch->context = AllocSetContextCreate(CurrentMemoryContext, "reco demo batch",
										   ALLOCSET_DEFAULT_SIZES);
}

/* Adds the next column's value. */
static void
batch_add(Batch *batch, Datum value, bool null)
{
	Assert(batch->column < batch->ncolumns);
	batch->values[batch->column][batch->nrows] = null ? (Datum) 0 : value;
	batch->nulls[batch->column][batch->nrows] = null;
	batch->column++;
}

static void
batch_add_text(Batch *batch, const char *value)
{
	MemoryContext old = MemoryContextSwitchTo(batch->context);

	if (value == NULL)
		batch_add(batch, (Datum) 0, true);
	else
		batch_add(batch, CStringGetTextDatum(value), false);
	MemoryContextSwitchTo(old);
}

/* Ends a row, and writes the batch when it is full. */
static void
batch_end_row(Batch *batch)
{
	Assert(batch->column == batch->ncolumns);
	batch->column = 0;
	if (++batch->nrows == BATCH_ROWS)
		batch_flush(batch);
}

/* Writes the rows of the batch, and forgets them. */
static void
batch_flush(Batch *batch)
{
	Datum		arguments[MAX_COLUMNS];
	MemoryContext old;
	int			code;

	if (batch->nrows == 0)
		return;
	old = MemoryContextSwitchTo(batch->context);
	for (int c = 0; c < batch->ncolumns; c++)
	{
		int			lower = 1;
		int16		length;
		bool		by_value;
		char		alignment;

		get_typlenbyvalalign(batch->types[c], &length, &by_value, &alignment);
		arguments[c] = PointerGetDatum(
			construct_md_array(batch->values[c], batch->nulls[c], 1, &batch->nrows,
							   &lower, batch->types[c], length, by_value, alignment));
	}
	MemoryContextSwitchTo(old);

	code = SPI_execute_plan(batch->plan, arguments, NULL, false, 0);
	if (code < 0)
		elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(code));
	batch->inserted += SPI_processed;
	batch->nrows = 0;
	MemoryContextReset(batch->context);

	/* SPI leaves its own context behind, where the next rows would pile up */
	MemoryContextSwitchTo(old);
}

/* Writes what is left, and gives the batch's memory back. */
static void
batch_end(Batch *batch)
{
	batch_flush(batch);
	(void) SPI_freeplan(batch->plan);
	MemoryContextDelete(batch->context);
	for (int c = 0; c < batch->ncolumns; c++)
	{
		pfree(batch->values[c]);
		pfree(batch->nulls[c]);
	}
}

/* The names of a track's playlists, joined; '' is an empty list. */
static const char *
join_playlists(const RecoDemoTrack *track)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int p = 0; p < track->nplaylists; p++)
		appendStringInfo(&names, "%s%s", p > 0 ? ";" : "",
						 reco_demo_playlists[track->playlists[p]].name);
	return names.data;
}
