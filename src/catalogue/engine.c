/*-------------------------------------------------------------------------
 *
 * engine.c
 *	  The embedded engine: answers from the local catalogue.
 *
 * Purpose: see engine.h. Questions about names, listeners and facts are SQL;
 *			questions about fit and nearness are scans, and all scans of a turn
 *			share one pass.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of its SELECTs.
 * Never:	keep SPI, a snapshot or memory of the transaction after a call.
 *
 *-------------------------------------------------------------------------
 */
#include "engine.h"

#include <math.h>

#include "miscadmin.h"
#include "names.h"
#include "scan.h"
#include "store/listener.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#define MAX_FITS			8	/* of one run */
#define ARTIST_POOL			4096	/* best tracks that artists are found among */
#define ARTIST_BEST			3	/* of an artist's tracks, that stand for it */
#define COMMON_LABEL		500 /* a label on more tracks is no title word */
#define MAX_TEXT_WORDS		6
#define TEXT_FACTOR			0.2f	/* a full match of words, against genre evidence */

struct RecoEngine
{
	MemoryContext context;
	RecoMatrix *matrix;			/* held until the context ends; NULL = not yet */
	RecoBackground background;
	int			nfits;
	RecoScanFit fits[MAX_FITS];
	const char *listener;		/* whose history is in hand */
	RecoListened *listened;
	int			nlistened;
};

/* One scan of a turn: the question it answers, and its query. */
typedef struct Scan
{
	RecoEngineQuestion *question;
	RecoScanFit *prepared;
	int			query;			/* index into the turn's queries */
} Scan;

static void answer_scans(RecoEngine *engine, Scan *scans, int nscans);
static void answer_other(RecoEngine *engine, RecoEngineQuestion *question);
static bool is_scan(const RecoEngineQuestion *question);

/* Opens an engine whose answers live in 'context'. */
RecoEngine *
reco_engine_open(MemoryContext context)
{
	RecoEngine *engine = MemoryContextAllocZero(context, sizeof(RecoEngine));

	engine->context = context;
	engine->background = reco_fit_typical;
	return engine;
}

const RecoBackground *
reco_engine_background(RecoEngine *engine)
{
	return &engine->background;
}

uint32
reco_engine_tracks(const RecoEngine *engine)
{
	return engine->matrix == NULL ? 0 : engine->matrix->plane.nrows;
}

/* Takes hold of the catalogue, once a run. */
static void
need_matrix(RecoEngine *engine, TimestampTz give_up)
{
	if (engine->matrix != NULL)
		return;
	engine->matrix = reco_matrix_acquire(give_up);
	reco_matrix_hold_until(engine->matrix, engine->context);
	reco_scan_background(engine->matrix, &engine->background);
}

/* Returns a fit made ready, once a run; what is not asked for any more makes room. */
static RecoScanFit *
prepared_fit(RecoEngine *engine, const RecoFit *fit)
{
	RecoScanFit *prepared;

	for (int i = 0; i < engine->nfits; i++)
		if (engine->fits[i].fit == fit)
			return &engine->fits[i];
	if (engine->nfits == MAX_FITS)
		elog(ERROR, "too many fits in one run");
	prepared = &engine->fits[engine->nfits++];
	reco_scan_prepare(engine->matrix, &engine->background, fit, prepared);
	return prepared;
}

/* Answers all questions. */
void
reco_engine_answer(RecoEngine *engine, RecoEngineQuestion *questions, int nquestions,
				   TimestampTz give_up)
{
	MemoryContext old = MemoryContextSwitchTo(engine->context);
	Scan	   *scans = palloc(sizeof(Scan) * Max(nquestions, 1));
	int			nscans = 0;

	for (int i = 0; i < nquestions; i++)
	{
		RecoEngineQuestion *question = &questions[i];
		bool		late = give_up != 0 && GetCurrentTimestamp() >= give_up;

		memset(question->answer, 0, sizeof(RecoAnswer));
		CHECK_FOR_INTERRUPTS();

		/* the search for what fits is what there is to answer at all: never late */
		if (late && question->kind != RECO_ENGINE_TRACK_SEARCH &&
			question->kind != RECO_ENGINE_TRACK_FACTS)
			continue;
		if (question->kind != RECO_ENGINE_TRACK_FACTS && question->key->fit != NULL)
			need_matrix(engine, give_up);
		if (is_scan(question))
		{
			scans[nscans].prepared = prepared_fit(engine, question->key->fit);
			scans[nscans++].question = question;
		}
		else
			answer_other(engine, question);
		question->answer->done = true;
		question->answer->partial = engine->matrix != NULL && !engine->matrix->complete;
	}
	if (nscans > 0)
		answer_scans(engine, scans, nscans);
	MemoryContextSwitchTo(old);
}

static bool
is_scan(const RecoEngineQuestion *question)
{
	switch (question->kind)
	{
		case RECO_ENGINE_TRACK_SEARCH:
		case RECO_ENGINE_ARTIST_SEARCH:
			return question->key->name == NULL;
		case RECO_ENGINE_RECOMMENDATION:
			return true;
		default:
			return false;
	}
}

/* Does a query around seeds differ from the query of its fit? */
static bool
is_near(const RecoEngineQuestion *question)
{
	return question->kind == RECO_ENGINE_RECOMMENDATION &&
		question->key->nseeds + question->key->nnegatives > 0;
}

/* How many rows a question needs. */
static uint32
rows_needed(const RecoEngineQuestion *question)
{
	if (question->kind == RECO_ENGINE_ARTIST_SEARCH)
		return Max(ARTIST_POOL, question->key->limit * ARTIST_BEST);
	return question->key->limit;
}

/* Adds the tracks whose title or artist holds the words to an answer. */
static void
add_text_matches(RecoEngine *engine, const Scan *scan, const RecoScanQuery *query)
{
	const RecoKey *key = scan->question->key;
	RecoAnswer *answer = scan->question->answer;
	const char *words[MAX_TEXT_WORDS];
	int			nwords = 0;
	int			nfound;
	RecoName   *names;
	HTAB	   *by_row;
	HASHCTL		control = {0};
	struct
	{
		uint32		row;
		RecoTrack  *track;
	}		   *entry;

	for (int i = 0; i < key->nwords && nwords < MAX_TEXT_WORDS; i++)
	{
		const RecoTerm *term = reco_matrix_term(engine->matrix, key->words[i]);

		if (term == NULL || term->tracks <= COMMON_LABEL)
			words[nwords++] = key->words[i];
	}
	names = reco_names_words(words, nwords, engine->matrix->token, &nfound);
	if (nfound == 0)
		return;

	control.keysize = sizeof(uint32);
	control.entrysize = sizeof(*entry);
	control.hcxt = CurrentMemoryContext;
	by_row = hash_create("reco text matches", nfound, &control,
						 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (int i = 0; i < nfound; i++)
	{
		uint32		row = reco_matrix_row(engine->matrix, names[i].artist_id, names[i].track_id);
		float		score;
		bool		found;

		if (row == RECO_NO_ROW)
			continue;
		reco_kernel_score(&engine->matrix->plane, query, &row, 1, &score);
		if (!(score > -INFINITY))
			continue;
		entry = hash_search(by_row, &row, HASH_ENTER, &found);
		if (!found)
			entry->track = reco_scan_track(engine->matrix, scan->prepared, row, score);
		entry->track->text_match += 1.0f / Max(key->nwords, 1);
		entry->track->score += TEXT_FACTOR / Max(key->nwords, 1);
	}

	/* tracks of the scan take their match over; the others join */
	for (int i = 0; i < answer->ntracks; i++)
	{
		RecoTrack  *track = answer->tracks[i];
		uint32		row = reco_matrix_row(engine->matrix, track->artist_id, track->track_id);
		bool		found;

		entry = hash_search(by_row, &row, HASH_FIND, &found);
		if (!found)
			continue;
		track->text_match = entry->track->text_match;
		track->score = entry->track->score;
		hash_search(by_row, &row, HASH_REMOVE, NULL);
	}
	answer->tracks = repalloc_huge(answer->tracks, sizeof(RecoTrack *) *
								   (answer->ntracks + hash_get_num_entries(by_row) + 1));
	{
		HASH_SEQ_STATUS status;

		hash_seq_init(&status, by_row);
		while ((entry = hash_seq_search(&status)) != NULL)
			answer->tracks[answer->ntracks++] = entry->track;
	}
	hash_destroy(by_row);
}

/* Higher score first, then by id. */
static int
by_score(const void *a, const void *b)
{
	const RecoTrack *x = *(RecoTrack *const *) a;
	const RecoTrack *y = *(RecoTrack *const *) b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return strcmp(x->track_id, y->track_id);
}

/* Answers with the rows that a query found. */
static void
answer_tracks(RecoEngine *engine, const Scan *scan, const RecoScanQuery *query)
{
	RecoAnswer *answer = scan->question->answer;
	uint32		n = Min(query->nhits, (uint32) Max(scan->question->key->limit, 0));

	answer->tracks = MemoryContextAllocExtended(CurrentMemoryContext,
												sizeof(RecoTrack *) * Max(n, 1), MCXT_ALLOC_HUGE);
	for (uint32 i = 0; i < n; i++)
		answer->tracks[i] = reco_scan_track(engine->matrix, scan->prepared, query->hits[i].row,
											query->hits[i].score);
	answer->ntracks = (int) n;
	if (scan->question->kind == RECO_ENGINE_TRACK_SEARCH && scan->question->key->nwords > 0)
	{
		add_text_matches(engine, scan, query);
		qsort(answer->tracks, answer->ntracks, sizeof(RecoTrack *), by_score);
	}
}

typedef struct ArtistScore
{
	uint32		artist;
	int			n;
	float		sum;
} ArtistScore;

/* Better mean of its best tracks first, then by id. */
static int
by_mean(const void *a, const void *b)
{
	const ArtistScore *x = a;
	const ArtistScore *y = b;
	float		mean_x = x->sum / ARTIST_BEST;
	float		mean_y = y->sum / ARTIST_BEST;

	if (mean_x != mean_y)
		return mean_x > mean_y ? -1 : 1;
	return x->artist < y->artist ? -1 : x->artist > y->artist;
}

/* Answers with the artists whose tracks fit best. */
static void
answer_artists(RecoEngine *engine, const Scan *scan, const RecoScanQuery *query)
{
	const RecoMatrix *matrix = engine->matrix;
	RecoAnswer *answer = scan->question->answer;
	uint32		nhits = Min(query->nhits, rows_needed(scan->question));
	float		least = nhits > 0 ? query->hits[nhits - 1].score : 0;
	ArtistScore *scores = palloc(sizeof(ArtistScore) * Max(nhits, 1));
	const char **ids;
	RecoName   *names;
	int			n = 0;
	int			nnames;

	{
		HTAB	   *seen;
		HASHCTL		control = {0};
		struct
		{
			uint32		artist;
			int			index;
		}		   *entry;

		control.keysize = sizeof(uint32);
		control.entrysize = sizeof(*entry);
		control.hcxt = CurrentMemoryContext;
		seen = hash_create("reco artists", 1024, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		for (uint32 i = 0; i < nhits; i++)
		{
			uint32		artist = matrix->artist_no[query->hits[i].row];
			bool		found;

			entry = hash_search(seen, &artist, HASH_ENTER, &found);
			if (!found)
			{
				entry->index = n;
				scores[n].artist = artist;
				scores[n].n = 0;
				scores[n++].sum = 0;
			}
			if (scores[entry->index].n < ARTIST_BEST)
			{
				scores[entry->index].n++;
				scores[entry->index].sum += query->hits[i].score;
			}
		}
		hash_destroy(seen);
	}
	/* a track that is not among the best counts as the worst of them */
	for (int i = 0; i < n; i++)
		scores[i].sum += (ARTIST_BEST - scores[i].n) * least;
	qsort(scores, n, sizeof(ArtistScore), by_mean);
	n = Min(n, scan->question->key->limit);

	ids = palloc(sizeof(char *) * Max(n, 1));
	for (int i = 0; i < n; i++)
		ids[i] = matrix->artist_ids[scores[i].artist];
	names = reco_names_artist_ids(ids, n, &nnames);
	answer->artists = palloc(sizeof(RecoArtist *) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		RecoArtist *artist = palloc0(sizeof(RecoArtist));

		artist->artist_id = ids[i];
		artist->popularity = -1;
		artist->score = scores[i].sum / ARTIST_BEST;
		artist->genre_match = Max(0, Min(1, scan->prepared->by_artist[scores[i].artist]));
		for (int k = 0; k < nnames; k++)
		{
			if (strcmp(names[k].artist_id, ids[i]) == 0)
			{
				artist->name = names[k].name;
				artist->popularity = names[k].popularity;
			}
		}
		answer->artists[answer->nartists++] = artist;
	}
}

/* Runs the scans of a turn in one pass; questions of one fit share a query. */
static void
answer_scans(RecoEngine *engine, Scan *scans, int nscans)
{
	RecoScanQuery *queries = palloc(sizeof(RecoScanQuery) * nscans);
	int			nqueries = 0;

	for (int i = 0; i < nscans; i++)
	{
		uint32		k = rows_needed(scans[i].question);

		scans[i].query = -1;
		for (int j = 0; j < i && !is_near(scans[i].question); j++)
			if (scans[j].prepared == scans[i].prepared && !is_near(scans[j].question))
				scans[i].query = scans[j].query;
		if (scans[i].query < 0)
		{
			scans[i].query = nqueries++;
			if (is_near(scans[i].question))
				reco_scan_near(engine->matrix, &engine->background, scans[i].prepared,
							   scans[i].question->key, &queries[scans[i].query]);
			else
				queries[scans[i].query] = scans[i].prepared->query;
			queries[scans[i].query].k = 0;
		}
		queries[scans[i].query].k = Max(queries[scans[i].query].k, k);
	}
	for (int i = 0; i < nqueries; i++)
		reco_scan_room(engine->matrix, &queries[i], queries[i].k);
	reco_scan_run(engine->matrix, queries, nqueries);
	for (int i = 0; i < nscans; i++)
	{
		if (scans[i].question->kind == RECO_ENGINE_ARTIST_SEARCH)
			answer_artists(engine, &scans[i], &queries[scans[i].query]);
		else
			answer_tracks(engine, &scans[i], &queries[scans[i].query]);
	}
}

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
	RecoName   *names = reco_names_tracks(key->name, key->artist, key->exact, Max(key->limit, 1),
										  &n);
	const char **ids = palloc(sizeof(char *) * Max(n, 1));

	for (int i = 0; i < n; i++)
		ids[i] = names[i].track_id;
	if (n > 0)
		answer_facts(ids, n, answer);
}

/* Answers with an artist's best-fitting tracks. */
static void
answer_artist_tracks(RecoEngine *engine, const RecoKey *key, RecoAnswer *answer)
{
	const RecoMatrix *matrix = engine->matrix;
	RecoScanFit *prepared = prepared_fit(engine, key->fit);
	uint32		artist = reco_matrix_artist(matrix, key->id);
	uint32		first;
	uint32		n;
	uint32	   *rows;
	float	   *scores;

	if (artist == RECO_NO_ROW)
		return;
	first = matrix->artist_first[artist];
	n = matrix->artist_first[artist + 1] - first;
	rows = palloc(sizeof(uint32) * Max(n, 1));
	scores = palloc(sizeof(float) * Max(n, 1));
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
		answer->tracks[answer->ntracks++] = reco_scan_track(matrix, prepared, rows[best],
															scores[best]);
		scores[best] = -INFINITY;
	}
	pfree(rows);
	pfree(scores);
}

/* Reads a listener's history, once a run. */
static void
need_listener(RecoEngine *engine, const char *user_id)
{
	if (engine->listener != NULL && strcmp(engine->listener, user_id) == 0)
		return;
	engine->listened = reco_listener_tracks(user_id, &engine->nlistened);
	engine->listener = pstrdup(user_id);
}

static int
events_of(const RecoListened *listened)
{
	return (listened->plays > 0 ? RECO_EVENT_PLAYED : 0) |
		(listened->liked ? RECO_EVENT_LIKED : 0) | (listened->skipped ? RECO_EVENT_SKIPPED : 0);
}

/* Answers with the listener's most played tracks that the catalogue knows. */
static void
answer_top_tracks(RecoEngine *engine, const RecoKey *key, RecoAnswer *answer)
{
	const char **ids = palloc(sizeof(char *) * Max(engine->nlistened, 1));
	int			n = 0;
	int			next = 0;

	for (int i = 0; i < engine->nlistened && n < key->limit; i++)
		if (engine->listened[i].artist_id != NULL && !engine->listened[i].skipped)
			ids[n++] = engine->listened[i].track_id;
	if (n == 0)
		return;
	answer_facts(ids, n, answer);
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
static void
answer_other(RecoEngine *engine, RecoEngineQuestion *question)
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
			need_listener(engine, key->id);
			answer_top_tracks(engine, key, answer);
			break;
		case RECO_ENGINE_USER_TOP_ARTISTS:
			need_listener(engine, key->id);
			answer_top_artists(engine, key, answer);
			break;
		case RECO_ENGINE_USER_HISTORY:
			need_listener(engine, key->id);
			answer_history(engine, answer);
			break;
		case RECO_ENGINE_TRACK_FACTS:
			answer_facts(key->ids, key->nids, answer);
			break;
		case RECO_ENGINE_RECOMMENDATION:
			break;				/* a scan */
	}
}
