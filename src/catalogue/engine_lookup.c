/*-------------------------------------------------------------------------
 *
 * engine_lookup.c
 *	  The embedded engine: what is no scan.
 *
 * Purpose: names, facts, an artist's tracks, what a listener plays.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of its SELECTs.
 * Never:	keep SPI, a snapshot or memory of the transaction after a call.
 *
 *-------------------------------------------------------------------------
 */
#include "engine_parts.h"

#include <math.h>

#include "names.h"
#include "store/patience.h"

/* Tracks that are looked up where it is not known whether the catalogue has them. */
#define BRIEF_MORE		4

/* Turns found names into an answer of artists. */
static void
answer_named_artists(const RecoKey *key, RecoAnswer *answer)
{
	int			n;
	RecoName   *names = reco_names_artists(key->name, key->exact, Max(key->limit, 1), &n);

	answer->artists = palloc(sizeof(RecoArtist *) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		RecoArtist *artist = palloc0(sizeof(RecoArtist));

		artist->artist_id = names[i].artist_id;
		artist->name = names[i].name;
		artist->popularity = names[i].popularity;
		artist->fuzzy = names[i].fuzzy;
		answer->artists[answer->nartists++] = artist;
	}
}

/* Tells all that is known of tracks, in the order asked for. */
static void
answer_facts(const char *const *ids, int nids, RecoAnswer *answer)
{
	int			n;
	RecoTrack **tracks = reco_names_facts(ids, nids, &n);

	answer->tracks = palloc(sizeof(RecoTrack *) * Max(nids, 1));
	for (int i = 0; i < nids; i++)
	{
		int			low = 0;
		int			high = n;

		/* they come ordered by id */
		while (low < high)
		{
			int			middle = (low + high) / 2;
			int			order = strcmp(tracks[middle]->track_id, ids[i]);

			if (order == 0)
			{
				answer->tracks[answer->ntracks++] = tracks[middle];
				break;
			}
			if (order < 0)
				low = middle + 1;
			else
				high = middle;
		}
	}
}

static void
answer_named_tracks(const RecoKey *key, RecoAnswer *answer)
{
	int			n;
	RecoName *names =
		reco_names_tracks(key->name, key->artist, key->exact, Max(key->limit, 1), &n);
	const char **ids = palloc(sizeof(char *) * Max(n, 1));

	for (int i = 0; i < n; i++)
		ids[i] = names[i].track_id;
	if (n > 0)
		answer_facts(ids, n, answer);
}

/* Answers with the best-fitting of an artist's rows. */
static void
answer_rows(RecoEngine *engine, const RecoKey *key, uint32 first, uint32 n,
			RecoAnswer *answer)
{
	const RecoMatrix *matrix = engine->matrix;
	RecoScanFit *prepared = reco_engine_fit(engine, key->fit);
	uint32	   *rows = palloc(sizeof(uint32) * Max(n, 1));
	float	   *scores = palloc(sizeof(float) * Max(n, 1));

	for (uint32 i = 0; i < n; i++)
		rows[i] = first + i;
	reco_kernel_score(&matrix->plane, &prepared->query, rows, n, scores);
	answer->tracks = palloc(sizeof(RecoTrack *) * Max(n, 1));

	/* the few best of a few: no heap is worth its lines */
	while (answer->ntracks < key->limit)
	{
		uint32		best = n;

		for (uint32 i = 0; i < n; i++)
			if (scores[i] > -INFINITY && (best == n || scores[i] > scores[best]))
				best = i;
		if (best == n)
			break;
		answer->tracks[answer->ntracks++] =
			reco_scan_track(matrix, prepared, rows[best], scores[best]);
		scores[best] = -INFINITY;
	}
	pfree(rows);
	pfree(scores);
}

/* Answers with an artist's best-fitting tracks. */
static void
answer_artist_tracks(RecoEngine *engine, const RecoKey *key, RecoAnswer *answer)
{
	const RecoMatrix *matrix = engine->matrix;
	uint32		artist = reco_matrix_artist(matrix, key->id);

	if (artist != RECO_NO_ROW)
		answer_rows(engine, key, matrix->artist_first[artist],
					matrix->artist_first[artist + 1] - matrix->artist_first[artist],
					answer);
}

/* Tells where the tracks of a track's artist stand. */
bool
reco_engine_artist_rows(const RecoEngine *engine, const RecoTrack *track, uint32 *first,
						uint32 *nrows)
{
	const RecoMatrix *matrix = engine->matrix;
	uint32		artist;

	if (matrix == NULL || track->row >= matrix->plane.nrows)
		return false;
	artist = matrix->artist_no[track->row];
	*first = matrix->artist_first[artist];
	*nrows = matrix->artist_first[artist + 1] - *first;
	return true;
}

/* Answers with the best-fitting of rows that were an artist's, if they still are. */
bool
reco_engine_artist_again(RecoEngine *engine, const RecoKey *key, uint32 first,
						 uint32 nrows, TimestampTz give_up, RecoAnswer *answer)
{
	MemoryContext old = MemoryContextSwitchTo(engine->context);
	const RecoMatrix *matrix;
	uint32		artist;
	bool		found;

	reco_engine_need_matrix(engine, give_up);
	matrix = engine->matrix;
	found = first < matrix->plane.nrows;
	artist = found ? matrix->artist_no[first] : 0;
	found = found && matrix->artist_first[artist] == first &&
		matrix->artist_first[artist + 1] - first == nrows &&
		strcmp(reco_matrix_artist_id(matrix, artist), key->id) == 0;
	if (found)
		answer_rows(engine, key, first, nrows, answer);
	MemoryContextSwitchTo(old);
	return found;
}

/* Reads a listener's history, once a run. */
static void
need_listener(RecoEngine *engine, const RecoKey *key)
{
	int			refusals = reco_patience_refusals();

	if (engine->listener != NULL && strcmp(engine->listener, key->id) == 0 &&
		engine->since == key->since &&
		engine->brief == (key->brief && key->since == DT_NOEND))
		return;
	engine->brief = key->brief && key->since == DT_NOEND;
	engine->listened = engine->brief
		? reco_listener_brief(key->id, &engine->nlistened)
		: reco_listener_tracks(key->id, key->since, &engine->nlistened);
	engine->since = key->since;
	engine->listener = reco_patience_refusals() == refusals ? pstrdup(key->id) : NULL;
}

static int
events_of(const RecoListened *listened)
{
	return (listened->plays > 0 ? RECO_EVENT_PLAYED : 0) |
		(listened->liked ? RECO_EVENT_LIKED : 0) |
		(listened->skipped ? RECO_EVENT_SKIPPED : 0);
}

/* Answers with the listener's most played tracks that the catalogue knows. */
static void
answer_top_tracks(RecoEngine *engine, const RecoKey *key, RecoAnswer *answer)
{
	const char **ids = palloc(sizeof(char *) * Max(engine->nlistened, 1));
	int			most = engine->brief ? key->limit + BRIEF_MORE : key->limit;
	int			n = 0;
	int			next = 0;

	for (int i = 0; i < engine->nlistened && n < most; i++)
		if ((engine->brief || engine->listened[i].artist_id != NULL) &&
			!engine->listened[i].skipped)
			ids[n++] = engine->listened[i].track_id;
	if (n == 0)
		return;
	answer_facts(ids, n, answer);
	answer->ntracks = Min(answer->ntracks, key->limit);
	for (int i = 0; i < engine->nlistened && next < answer->ntracks; i++)
	{
		RecoTrack  *track = answer->tracks[next];

		if (strcmp(track->track_id, engine->listened[i].track_id) != 0)
			continue;
		track->events = events_of(&engine->listened[i]);
		track->plays = engine->listened[i].plays;
		track->last_played = engine->listened[i].last_played;
		next++;
	}
}

/* Answers with the artists whom the listener plays most. */
static void
answer_top_artists(RecoEngine *engine, const RecoKey *key, RecoAnswer *answer)
{
	answer->artists = palloc(sizeof(RecoArtist *) * Max(engine->nlistened, 1));
	for (int i = 0; i < engine->nlistened; i++)
	{
		const RecoListened *listened = &engine->listened[i];
		RecoArtist *artist = NULL;

		if (listened->artist_id == NULL || listened->skipped)
			continue;
		for (int k = 0; artist == NULL && k < answer->nartists; k++)
			if (strcmp(answer->artists[k]->artist_id, listened->artist_id) == 0)
				artist = answer->artists[k];
		if (artist == NULL)
		{
			if (answer->nartists == key->limit)
				continue;		/* tracks come most loved first, so do artists */
			artist = palloc0(sizeof(RecoArtist));
			artist->artist_id = listened->artist_id;
			artist->popularity = -1;
			answer->artists[answer->nartists++] = artist;
		}
		artist->score += listened->plays + (listened->liked ? 3 : 0);
	}
}

/* Answers with all that the listener played lately, liked or skipped. */
static void
answer_history(RecoEngine *engine, RecoAnswer *answer)
{
	answer->tracks = palloc(sizeof(RecoTrack *) * Max(engine->nlistened, 1));
	for (int i = 0; i < engine->nlistened; i++)
	{
		const RecoListened *listened = &engine->listened[i];
		RecoTrack  *track = palloc0(sizeof(RecoTrack));

		track->track_id = listened->track_id;
		track->artist_id = listened->artist_id;
		track->missing = (1 << RECO_NCOLUMNS) - 1;
		track->events = events_of(listened);
		track->plays = listened->plays;
		track->last_played = listened->last_played;
		answer->tracks[answer->ntracks++] = track;
	}
}

/* Answers what is no scan. */
void
reco_engine_lookup(RecoEngine *engine, RecoEngineQuestion *question)
{
	const RecoKey *key = question->key;
	RecoAnswer *answer = question->answer;

	switch (question->kind)
	{
		case RECO_ENGINE_TRACK_SEARCH:
			answer_named_tracks(key, answer);
			break;
		case RECO_ENGINE_ARTIST_SEARCH:
			answer_named_artists(key, answer);
			break;
		case RECO_ENGINE_ARTIST_TRACKS:
			answer_artist_tracks(engine, key, answer);
			break;
		case RECO_ENGINE_USER_TOP_TRACKS:
			need_listener(engine, key);
			answer_top_tracks(engine, key, answer);
			break;
		case RECO_ENGINE_USER_TOP_ARTISTS:
			need_listener(engine, key);
			answer_top_artists(engine, key, answer);
			break;
		case RECO_ENGINE_USER_HISTORY:
			need_listener(engine, key);
			answer_history(engine, answer);
			break;
		case RECO_ENGINE_TRACK_FACTS:
			answer_facts(key->ids, key->nids, answer);
			break;
		case RECO_ENGINE_RECOMMENDATION:
			break;				/* a scan */
	}
}
