/*-------------------------------------------------------------------------
 *
 * strategy_seed_based.c
 *	  Seed based: what is near the seeds, and what fits the mood alone.
 *
 * Purpose: seeds in chunks of three, at most five negatives and never as many
 *			as seeds; the mood's targets are sent along. The search for what fits
 *			the mood is one more list: the mood is its seed.
 * Runs in: wherever a run does.
 * Locks:	none.
 * Never:	ask for a chunk without a seed.
 *
 *-------------------------------------------------------------------------
 */
#include "strategy.h"

#define CHUNK			3
#define MAX_NEGATIVES	5

static int
ask(RecoRun *run, RecoAsk *asks)
{
	int			nchunks = (run->nseeds + CHUNK - 1) / CHUNK;
	RecoKey    *keys = palloc0(sizeof(RecoKey) * Max(nchunks, 1));

	if (nchunks == 0)
		return 0;
	for (int i = 0; i < nchunks; i++)
	{
		keys[i].fit = run->sought;
		keys[i].seeds = &run->seeds[i * CHUNK];
		keys[i].nseeds = Min(CHUNK, run->nseeds - i * CHUNK);
		keys[i].negatives = run->negatives;
		keys[i].nnegatives = Min(Min(run->nnegatives, MAX_NEGATIVES), keys[i].nseeds - 1);
		keys[i].limit = reco_strategy_near_limit(run);
	}
	asks[0].kind = RECO_KIND_RECOMMENDATION;
	asks[0].nkeys = nchunks;
	asks[0].keys = keys;
	return 1;
}

static void
collect(RecoRun *run, const RecoAsk *asks, int nasks, RecoFound *found)
{
	run->nlooked = nasks > 0 ? asks[0].nkeys : 0;
	run->looked = palloc(sizeof(RecoAnswer *) * Max(run->nlooked, 1));
	for (int i = 0; i < run->nlooked; i++)
		run->looked[i] = &asks[0].values[i].answer;
}

/* What fits was searched for once more meanwhile, if a model made the mood surer. */
static void
conclude(RecoRun *run, RecoFound *found)
{
	const RecoAnswer **answers = palloc(sizeof(RecoAnswer *) * (run->nlooked + 1));
	RecoAnswer *pool = palloc0(sizeof(RecoAnswer));

	pool->ntracks = run->npool;
	pool->tracks = run->pool;
	answers[0] = pool;
	for (int i = 0; i < run->nlooked; i++)
		answers[i + 1] = run->looked[i];
	reco_found_add_in_turns(found, answers, run->nlooked + 1);
}

const RecoStrategy reco_strategy_seed_based = {
	.id = RECO_SEED_BASED,
	.ask = ask,
	.collect = collect,
	.conclude = conclude,
};
