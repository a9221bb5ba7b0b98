/*-------------------------------------------------------------------------
 *
 * strategy_artist_discovery.c
 *	  Artist discovery: a few tracks each of the artists that suit the mood.
 *
 * Purpose: A artists, clamp(⌊4T/A⌋ + 2, 4, 10) tracks of each; what does not
 *			cohere with the mood is out.
 * Runs in: wherever a run does.
 * Locks:	none.
 * Never:	drop a track for what was not measured.
 *
 *-------------------------------------------------------------------------
 */
#include "strategy.h"

#define LEAST_TRACKS		4
#define MOST_TRACKS			10
#define LEAST_COHESION		0.2f

static int
ask(RecoRun *run, RecoAsk *asks)
{
	RecoKey    *keys = palloc0(sizeof(RecoKey) * Max(run->nartists, 1));
	int			each;

	if (run->nartists == 0)
		return 0;
	each = 4 * run->request->size / run->nartists + 2;
	each = Max(LEAST_TRACKS, Min(MOST_TRACKS, each));
	for (int i = 0; i < run->nartists; i++)
	{
		keys[i].id = run->artists[i]->artist_id;
		keys[i].fit = run->sought;
		keys[i].limit = keys[i].enough = each;
	}
	asks[0].kind = RECO_KIND_ARTIST_TRACKS;
	asks[0].nkeys = run->nartists;
	asks[0].keys = keys;
	return 1;
}

static void
collect(RecoRun *run, const RecoAsk *asks, int nasks, RecoFound *found)
{
	const RecoAnswer **answers;

	if (nasks == 0)
		return;
	answers = palloc(sizeof(RecoAnswer *) * asks[0].nkeys);
	for (int i = 0; i < asks[0].nkeys; i++)
	{
		RecoAnswer *answer = &asks[0].values[i].answer;
		int			kept = 0;

		for (int t = 0; t < answer->ntracks; t++)
		{
			bool		comparable;
			float cohesion =
				reco_rank_cohesion(answer->tracks[t], run->fit.targets, &comparable);

			if (comparable && cohesion < LEAST_COHESION)
				run->pruned[RECO_RULE_COHESION]++;
			else
				answer->tracks[kept++] = answer->tracks[t];
		}
		answer->ntracks = kept;
		answers[i] = answer;
	}
	reco_found_add_in_turns(found, answers, asks[0].nkeys);
}

const RecoStrategy reco_strategy_artist_discovery = {
	.id = RECO_ARTIST_DISCOVERY,
	.ask = ask,
	.collect = collect,
};
