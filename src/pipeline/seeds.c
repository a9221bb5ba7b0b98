/*-------------------------------------------------------------------------
 *
 * seeds.c
 *	  Where a run starts from: anchors, seeds, negative seeds.
 *
 * Purpose: anchors are the tracks that define the list (named, of named artists, the
 *			listener's own); the pool of seeds is scored by seed fit, and the
 *			best clamp(T/3, 5, 10) of it are looked around.
 * Runs in: wherever a run does.
 * Locks:	none.
 * Never:	seed a list with a track that was skipped.
 *
 *-------------------------------------------------------------------------
 */
#include "run.h"

#define LEAST_SEEDS			5
#define MOST_SEEDS			10
#define MAX_ANCHORS			5
#define MAX_NEGATIVE_SEEDS	5
#define FIT_SHARE			0.7f	/* of an anchor's fit; the rest is popularity */

/* One track on its way to be a seed. */
typedef struct SeedScore
{
	RecoTrack  *track;
	float		score;
} SeedScore;

static int
by_seed_score(const void *a, const void *b)
{
	const SeedScore *x = a;
	const SeedScore *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return strcmp(x->track->track_id, y->track->track_id);
}

/* An anchor's worth: fit, and popularity where it is known. */
static float
anchor_score(const RecoTrack *track, const RecoTarget *targets)
{
	float		fit = reco_rank_seed_fit(track, targets);

	fit = Max(fit, 0) * 0.5f + track->genre_match * 0.5f;
	if ((track->missing >> RECO_POPULARITY) & 1)
		return fit;
	return FIT_SHARE * fit + (1 - FIT_SHARE) * track->values[RECO_POPULARITY] / 100;
}

/* Chooses anchors: what was named, the best of named artists, the listener's own. */
static void
choose_anchors(RecoRun *run)
{
	int			nmore = run->nartist_tracks + run->ntop_tracks;
	SeedScore  *scores = palloc(sizeof(SeedScore) * Max(nmore, 1));
	int			n = 0;

	run->anchors = palloc(sizeof(RecoTrack *) * (run->nmentioned_tracks + MAX_ANCHORS));
	for (int i = 0; i < run->nmentioned_tracks; i++)
		run->anchors[run->nanchors++] = run->mentioned_tracks[i];
	run->nanchors_named = run->nanchors;

	/* who names something means that; otherwise the listener's own count */
	for (int i = 0; i < nmore; i++)
	{
		bool		own = i >= run->nartist_tracks;

		if (own && (run->nmentioned_tracks > 0 || run->nartist_tracks > 0))
			break;
		scores[n].track =
			own ? run->top_tracks[i - run->nartist_tracks] : run->artist_tracks[i];
		scores[n].score = anchor_score(scores[n].track, run->fit.targets);
		n++;
	}
	qsort(scores, n, sizeof(SeedScore), by_seed_score);
	for (int i = 0; i < n && i < MAX_ANCHORS; i++)
		run->anchors[run->nanchors++] = scores[i].track;
}

/* Chooses the seeds: clamp(T/3, 5, 10) of all that may be one, by seed fit. */
static void
choose_seeds(RecoRun *run)
{
	int			npool = Min(run->npool, 4 * MOST_SEEDS);
	int			total = run->nanchors + run->ntop_tracks + npool;
	SeedScore  *scores = palloc(sizeof(SeedScore) * Max(total, 1));
	int			n = 0;
	int			wanted = Max(LEAST_SEEDS, Min(MOST_SEEDS, run->request->size / 3));

	for (int i = 0; i < total; i++)
	{
		bool		anchor = i < run->nanchors;
		bool		own = !anchor && i < run->nanchors + run->ntop_tracks;
		RecoTrack  *track = anchor ? run->anchors[i]
			: own ? run->top_tracks[i - run->nanchors]
								  : run->pool[i - run->nanchors - run->ntop_tracks];
		bool		known = false;

		for (int k = 0; !known && k < n; k++)
			known = strcmp(scores[k].track->track_id, track->track_id) == 0;
		if (known)
			continue;
		scores[n].track = track;

		/* a named track comes first; the pool fits the labels, the listener's may not */
		scores[n].score = anchor_score(track, run->fit.targets) + (own ? 0.1f : 0) +
			(i < run->nanchors_named ? 1 : 0);
		n++;
	}
	qsort(scores, n, sizeof(SeedScore), by_seed_score);
	run->nseeds = Min(n, wanted);
	run->seeds = palloc(sizeof(RecoTrack *) * Max(run->nseeds, 1));
	for (int i = 0; i < run->nseeds; i++)
		run->seeds[i] = scores[i].track;
}

/* Chooses the anchors, and asks for the negative seeds: lately skipped, or given. */
int
reco_seeds_ask_anchors(RecoRun *run, RecoAsk *asks)
{
	const char **ids = palloc(sizeof(char *) * MAX_NEGATIVE_SEEDS);
	RecoKey    *key = palloc0(sizeof(RecoKey));
	RecoStageRecord *record = &run->stages[RECO_STAGE_ANCHORS];

	record->in = run->nmentioned_tracks + run->nartist_tracks + run->ntop_tracks;
	choose_anchors(run);
	record->out = run->nanchors;
	for (int i = 0; i < run->request->nnegative && key->nids < MAX_NEGATIVE_SEEDS; i++)
		ids[key->nids++] = run->request->negative_tracks[i];
	for (int i = 0; i < run->nhistory && key->nids < MAX_NEGATIVE_SEEDS; i++)
		if (run->history[i]->events & RECO_EVENT_SKIPPED)
			ids[key->nids++] = run->history[i]->track_id;
	key->ids = ids;
	asks[0].kind = RECO_KIND_TRACK_FACTS;
	asks[0].nkeys = 1;
	asks[0].keys = key;
	return key->nids > 0 ? 1 : 0;
}

void
reco_seeds_take_anchors(RecoRun *run, RecoAsk *asks, int nasks)
{
	if (nasks == 0)
		return;
	run->negatives = asks[0].values[0].answer.tracks;
	run->nnegatives = asks[0].values[0].answer.ntracks;
}

/* Chooses the seeds among all that may be one. */
void
reco_seeds_build_pool(RecoRun *run, RecoAsk *asks, int nasks)
{
	RecoStageRecord *record = &run->stages[RECO_STAGE_SEEDS];

	record->in = run->npool + run->ntop_tracks + run->nmentioned_tracks;
	choose_seeds(run);
	record->out = run->nseeds;
}
