/*-------------------------------------------------------------------------
 *
 * popular_fit.c
 *	  A list for one listener from the candidates of a popular mood.
 *
 * Purpose: see popular_fit.h. It is a run that begins where the strategies have ended:
 *			what the listener plays and judged is asked for, then it goes on as each does.
 * Runs in: a caller's backend.
 * Locks:	those of SELECTs.
 * Never:	change what is kept; deliver less than was asked for where a run of its own
 *			might find more.
 *
 *-------------------------------------------------------------------------
 */
#include "popular_fit.h"

#include "deadline.h"
#include "popular.h"
#include "strategy.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define LEAST_US	((int64) 1000 * 1000)
#define SCRATCH_BYTES	(64 * 1024) /* of memory for fits */
#define SOME_FACTOR	6			/* candidates ranked by taste, of a list's size */

static MemoryContext scratch(void);
static RecoRun *fit(const RecoPopular *popular, int most, const RecoRequest *request,
					const RecoPopularListener *listener, RecoOrigin origin,
					MemoryContext context);
static void copy_candidates(RecoRun *run, const RecoPopular *popular, int most,
							RecoOrigin origin);
static void ask_listener(RecoRun *run, const RecoPopularListener *listener,
						 const RecoPopular *popular);
static void exclude(RecoRun *run);
static void rank(RecoRun *run, const RecoPopular *popular);

/* Rates candidates: as reco_strategy_rank does for who has no history. */
void
reco_popular_rate(RecoPopular *popular)
{
	RecoRanking *ranking = &popular->ranking;

	ranking->fit = &popular->fit;
	ranking->background = &popular->background;
	ranking->has_words = popular->has_words;
	ranking->has_labels = popular->has_labels;
	for (int i = 0; i < popular->ncandidates && !ranking->has_labels; i++)
		ranking->has_labels = popular->candidates[i].track->genre_match > 0;
	ranking->familiarity = 0.5f;	/* no wish: see popular.c */
	ranking->era_from = popular->era_from;
	ranking->era_to = popular->era_to;
	reco_rank_rate(ranking, popular->candidates, popular->ncandidates);
}

/*
 * Where a fit works. It is not given back to the system between two fits: that takes
 * longer than much of the work.
 */
static MemoryContext
scratch(void)
{
	static MemoryContext context = NULL;

	if (context == NULL)
		context = AllocSetContextCreate(TopMemoryContext, "reco popular fit", 0,
										SCRATCH_BYTES, 4 * SCRATCH_BYTES);
	MemoryContextReset(context);
	return context;
}

/* Makes a run of what is kept. */
RecoRun *
reco_popular_fit_run(const RecoPopular *popular, const RecoRequest *request,
					 const RecoPopularListener *listener, RecoOrigin origin)
{
	const RecoListenerKnown *known = &listener->known;
	MemoryContext context = scratch();
	int			most = popular->ncandidates;
	RecoRun    *run;

	if (most < request->size)
		return NULL;
	if (known->listened || known->connected)
		most = Min(most, SOME_FACTOR * request->size);
	run = fit(popular, most, request, listener, origin, context);
	if (run == NULL && most < popular->ncandidates)
		run = fit(popular, popular->ncandidates, request, listener, origin, context);
	return run;
}

/* Makes it of the first few; NULL = too few of them may be listed. */
static RecoRun *
fit(const RecoPopular *popular, int most, const RecoRequest *request,
	const RecoPopularListener *listener, RecoOrigin origin, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	const RecoListenerKnown *known = &listener->known;
	RecoPopularMark *mark;
	RecoRun    *run;

	run = reco_run_begin(context, request);

	/* all of it is at hand, so it is no matter of the deadline */
	run->give_up = Max(run->give_up, run->started + LEAST_US);
	mark = palloc(sizeof(RecoPopularMark));
	mark->prompt = pstrdup(popular->prompt);
	mark->run_id = popular->run_id;
	mark->age_us = run->started - popular->made_at;
	run->popular = mark;
	reco_run_begin_stage(run, RECO_STAGE_OPEN);
	run->source = reco_source_open(context, NULL, NULL);
	reco_source_spare(run->source, known->connected);
	copy_candidates(run, popular, most, origin);
	reco_run_end_stage(run);
	if (known->listened || known->connected)
		ask_listener(run, listener, popular);
	exclude(run);
	rank(run, popular);
	reco_run_deliver(run);
	if (run->nlist == request->size && run->complete)
		reco_run_conclude(run);
	else
		run = NULL;
	MemoryContextSwitchTo(old);
	return run;
}

/* Copies what is kept, as far as a run writes into it. */
static void
copy_candidates(RecoRun *run, const RecoPopular *popular, int most, RecoOrigin origin)
{
	RecoTrack  *tracks = palloc(sizeof(RecoTrack) * most);

	run->mood = popular->mood;
	run->fit = popular->fit;
	run->era_from = popular->era_from;
	run->era_to = popular->era_to;
	run->has_words = popular->has_words;
	run->nseeds = popular->nseeds;
	run->seeds = popular->seeds;
	run->ncandidates = most;
	run->candidates = palloc(sizeof(RecoCandidate) * (most + 1));
	memcpy(run->candidates, popular->candidates, sizeof(RecoCandidate) * most);
	for (int i = 0; i < run->ncandidates; i++)
	{
		tracks[i] = *popular->candidates[i].track;
		tracks[i].origin = origin;
		run->candidates[i].track = &tracks[i];
	}

	/* there is nothing to widen: too few candidates are another run's business */
	run->pool_limit = 1;
	for (int s = 0; s < RECO_NSTRATEGIES; s++)
	{
		run->strategies[s].asked = run->strategies[s].finished = true;
		for (int i = 0; i < run->ncandidates; i++)
			run->strategies[s].candidates += run->candidates[i].ranks[s] > 0;
	}
}

/*
 * Takes what the listener plays and judged as it is kept, or asks for it; artists are
 * those of the top tracks.
 */
static void
ask_listener(RecoRun *run, const RecoPopularListener *listener,
			 const RecoPopular *popular)
{
	RecoAsk		asks[2];
	int			n;

	reco_run_begin_stage(run, RECO_STAGE_TOP_TRACKS);
	if (reco_popular_listener_take(listener, popular, run))
	{
		run->stages[RECO_STAGE_TOP_TRACKS].reused = lengthof(asks);
		run->stages[RECO_STAGE_TOP_TRACKS].out = run->ntop_tracks;
	}
	else
	{
		n = reco_seeds_ask_top_tracks(run, asks);
		reco_run_resolve(run, asks, n);
		reco_seeds_take_top_tracks(run, asks, n);
	}
	run->top_artists = palloc(sizeof(RecoArtist *) * Max(run->ntop_tracks, 1));
	for (int i = 0; i < run->ntop_tracks; i++)
	{
		RecoArtist *artist = palloc0(sizeof(RecoArtist));

		artist->artist_id = run->top_tracks[i]->artist_id;
		artist->name = run->top_tracks[i]->artist;
		artist->popularity = -1;
		run->top_artists[run->ntop_artists++] = artist;
	}
	reco_run_end_stage(run);
}

/* Leaves out whom the caller excludes: by id, and by name in any credit. */
static void
exclude(RecoRun *run)
{
	const RecoRequest *request = run->request;

	if (request->nexclude == 0)
		return;
	run->excluded = palloc(sizeof(char *) * request->nexclude);
	for (int i = 0; i < request->nexclude; i++)
	{
		run->excluded[run->nexcluded++] = request->exclude_artists[i];
		reco_run_exclude_name(run, request->exclude_artists[i]);
	}
	reco_rules_sort(run->excluded, run->nexcluded);
}

/* Ranks them, as they were ranked for nobody, and by the listener's taste. */
static void
rank(RecoRun *run, const RecoPopular *popular)
{
	reco_run_begin_stage(run, RECO_STAGE_RANK);
	run->background = &popular->background;
	run->has_labels = popular->has_labels;
	run->rated = &popular->ranking;
	reco_strategy_rank(run);
	run->stages[RECO_STAGE_RANK].in = run->stages[RECO_STAGE_RANK].out = run->ncandidates;
	reco_run_end_stage(run);
}
