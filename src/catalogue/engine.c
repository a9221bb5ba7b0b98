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
#include "engine_parts.h"

#include <math.h>

#include "miscadmin.h"
#include "names.h"
#include "scan.h"
#include "store/patience.h"
#include "utils/memutils.h"

#define ARTIST_POOL			2048	/* best tracks that artists are found among */

/* One scan of a turn: the question it answers, and its query. */
typedef struct Scan
{
	RecoEngineQuestion *question;
	RecoScanFit *prepared;
	int			query;			/* index into the turn's queries */
} Scan;

static void answer_scans(RecoEngine *engine, Scan *scans, int nscans);
static void start_query(RecoEngine *engine, const Scan *scan, RecoScanQuery *query);
static void answer_scan(RecoEngine *engine, Scan *scan, const RecoScanQuery *query);
static void count_expired(RecoEngineQuestion *questions, int nquestions);
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

bool
reco_engine_is_partial(const RecoEngine *engine)
{
	return engine->matrix != NULL && engine->state == RECO_MATRIX_PART;
}

bool
reco_engine_is_behind(const RecoEngine *engine)
{
	return engine->matrix != NULL && engine->state == RECO_MATRIX_BEHIND;
}

/* Takes hold of the catalogue, once a run. */
void
reco_engine_need_matrix(RecoEngine *engine, TimestampTz give_up)
{
	if (engine->matrix != NULL)
		return;
	engine->matrix = reco_matrix_acquire(give_up, false, &engine->state);
	reco_matrix_hold_until(engine->matrix, engine->context);
	reco_scan_background(engine->matrix, &engine->background);
}

/* Returns a fit made ready, once a run. */
RecoScanFit *
reco_engine_fit(RecoEngine *engine, const RecoFit *fit)
{
	RecoScanFit *prepared;

	for (int i = 0; i < engine->nfits; i++)
		if (engine->fits[i].fit == fit)
			return &engine->fits[i];
	if (engine->nfits == RECO_ENGINE_MAXFITS)
		elog(ERROR, "too many fits in one run");
	prepared = &engine->fits[engine->nfits++];
	reco_scan_prepare(engine->matrix, &engine->background, fit, prepared);
	return prepared;
}

bool
reco_engine_match(RecoEngine *engine, const RecoFit *fit, const RecoTrack *track,
				  uint32 *row, float *match)
{
	uint32		artist;

	*row = RECO_NO_ROW;
	if (engine->matrix == NULL || track->artist_id == NULL)
		return false;
	artist = reco_matrix_artist(engine->matrix, track->artist_id);
	if (artist == RECO_NO_ROW)
		return false;
	*row = reco_matrix_row(engine->matrix, track->artist_id, track->track_id);
	*match =
		reco_scan_match(engine->matrix, reco_engine_fit(engine, fit), artist, *row);
	return true;
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
		int			refusals;

		memset(question->answer, 0, sizeof(RecoAnswer));
		CHECK_FOR_INTERRUPTS();

		/* the search for what fits is what there is to answer at all: never late */
		if (late && !question->key->required &&
			question->kind != RECO_ENGINE_TRACK_SEARCH &&
			question->kind != RECO_ENGINE_TRACK_FACTS)
			continue;
		if (question->kind != RECO_ENGINE_TRACK_FACTS && question->key->fit != NULL)
			reco_engine_need_matrix(engine, give_up);
		refusals = reco_patience_refusals();
		if (is_scan(question))
		{
			scans[nscans].prepared = reco_engine_fit(engine, question->key->fit);
			scans[nscans++].question = question;
		}
		else
			reco_engine_lookup(engine, question);

		/* a table that could not be read is one that did not answer */
		question->answer->done = reco_patience_refusals() == refusals;
		question->answer->partial = reco_engine_is_partial(engine);
	}
	if (nscans > 0)
		answer_scans(engine, scans, nscans);
	count_expired(questions, nquestions);
	MemoryContextSwitchTo(old);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Counts tracks whose time is over, in answers that a service may be spared by. */
static void
count_expired(RecoEngineQuestion *questions, int nquestions)
{
	const char **ids;
	const char **expired;
	int			n = 0;
	int			nexpired;

#define MAY_BE_ENOUGH(question)                                                       \
	((question)->kind == RECO_ENGINE_ARTIST_TRACKS && (question)->key->enough > 0 && \
	 (question)->answer->ntracks >= (question)->key->enough)
	for (int i = 0; i < nquestions; i++)
		n += MAY_BE_ENOUGH(&questions[i]) ? questions[i].answer->ntracks : 0;
	if (n == 0)
		return;
	ids = palloc(sizeof(char *) * n);
	n = 0;
	for (int i = 0; i < nquestions; i++)
		for (int t = 0; MAY_BE_ENOUGH(&questions[i]) && t < questions[i].answer->ntracks;
			 t++)
			ids[n++] = questions[i].answer->tracks[t]->track_id;
	expired = reco_names_expired(ids, n, &nexpired);
	for (int i = 0; i < nquestions && nexpired > 0; i++)
		for (int t = 0; MAY_BE_ENOUGH(&questions[i]) && t < questions[i].answer->ntracks;
			 t++)
			questions[i].answer->expired +=
				bsearch(&questions[i].answer->tracks[t]->track_id, expired, nexpired,
						sizeof(char *), by_text) != NULL;
#undef MAY_BE_ENOUGH
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
		return Max(ARTIST_POOL, question->key->limit * RECO_ENGINE_ARTIST_BEST);
	return question->key->limit;
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

	answer->tracks =
		MemoryContextAllocExtended(CurrentMemoryContext, sizeof(RecoTrack *) * Max(n, 1),
								   MCXT_ALLOC_HUGE);
	for (uint32 i = 0; i < n; i++)
		answer->tracks[i] = reco_scan_track(engine->matrix, scan->prepared,
											query->hits[i].row, query->hits[i].score);
	answer->ntracks = (int) n;
	if (scan->question->kind == RECO_ENGINE_TRACK_SEARCH &&
		scan->question->key->nwords > 0)
	{
		reco_engine_add_text(engine, scan->question->key, scan->prepared, query, answer);
		qsort(answer->tracks, answer->ntracks, sizeof(RecoTrack *), by_score);
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
		scans[i].query = -1;
		if (is_near(scans[i].question) && reco_scan_has_pool(scans[i].prepared))
			continue;
		for (int j = 0; j < i && !is_near(scans[i].question); j++)
			if (scans[j].prepared == scans[i].prepared && !is_near(scans[j].question))
				scans[i].query = scans[j].query;
		if (scans[i].query < 0)
		{
			scans[i].query = nqueries++;
			start_query(engine, &scans[i], &queries[scans[i].query]);
		}
		queries[scans[i].query].k =
			Max(queries[scans[i].query].k, rows_needed(scans[i].question));
	}
	for (int i = 0; i < nqueries; i++)
		reco_scan_room(engine->matrix, &queries[i], queries[i].k);
	if (nqueries > 0)
		reco_scan_run(engine->matrix, queries, nqueries);
	for (int i = 0; i < nscans; i++)
		answer_scan(engine, &scans[i],
					scans[i].query >= 0 ? &queries[scans[i].query] : NULL);
}

/* Makes the query of a question; how many rows it wants comes later. */
static void
start_query(RecoEngine *engine, const Scan *scan, RecoScanQuery *query)
{
	if (is_near(scan->question))
		reco_scan_near(engine->matrix, &engine->background, scan->prepared,
					   scan->question->key, query);
	else
		*query = scan->prepared->query;
	query->k = 0;
}

/* Answers one question: from the hits of its query, or from the pool. */
static void
answer_scan(RecoEngine *engine, Scan *scan, const RecoScanQuery *query)
{
	RecoScanQuery near;

	if (query == NULL)
	{
		start_query(engine, scan, &near);
		near.k = rows_needed(scan->question);
		reco_scan_pool(scan->prepared, &near);
		query = &near;
	}
	else if (scan->question->kind == RECO_ENGINE_TRACK_SEARCH)
		reco_scan_keep_pool(engine->matrix, scan->prepared, query,
							scan->question->key->limit);
	if (scan->question->kind == RECO_ENGINE_ARTIST_SEARCH)
		reco_engine_find_artists(engine, scan->question->key, scan->prepared, query,
								 scan->question->answer);
	else
		answer_tracks(engine, scan, query);
}
