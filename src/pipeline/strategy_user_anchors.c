/*-------------------------------------------------------------------------
 *
 * strategy_user_anchors.c
 *	  User anchors: around what was mentioned, and what the listener plays.
 *
 * Purpose: nearest neighbours of the anchors within the mood, and tracks of the
 *			mentioned and the listener's artists that fit.
 * Runs in: wherever a run does.
 * Locks:	none.
 * Never:	ask anything for somebody of whom nothing is known.
 *
 *-------------------------------------------------------------------------
 */
#include "strategy.h"

#define OWN_ARTISTS		5		/* of the listener's, that fit or not */
#define OWN_TRACKS		4		/* of each */
#define ENOUGH_OF_NAMED	10		/* tracks of who was named: more are not asked for */

static int
ask(RecoRun *run, RecoAsk *asks)
{
	RecoKey    *near = palloc0(sizeof(RecoKey) * Max(run->nanchors, 1));
	int			nown = Min(run->ntop_artists, OWN_ARTISTS);
	RecoKey    *artists = palloc0(sizeof(RecoKey) * Max(run->nmentioned + nown, 1));
	int			n = 0;

	if (run->nanchors + run->nmentioned + nown == 0)
		return 0;
	for (int i = 0; i < run->nanchors; i++)
	{
		near[i].fit = run->sought;
		near[i].seeds = &run->anchors[i];
		near[i].nseeds = 1;
		near[i].limit = reco_strategy_near_limit(run);
	}
	for (int i = 0; i < run->nmentioned + nown; i++)
	{
		bool		mentioned = i < run->nmentioned;

		artists[n].id = mentioned ? run->mentioned[i]
								  : run->top_artists[i - run->nmentioned]->artist_id;
		artists[n].fit = run->sought;
		artists[n].enough = mentioned ? ENOUGH_OF_NAMED : OWN_TRACKS;
		artists[n++].limit = mentioned ? run->request->size : OWN_TRACKS;
	}
	asks[0].kind = RECO_KIND_RECOMMENDATION;
	asks[0].nkeys = run->nanchors;
	asks[0].keys = near;
	asks[1].kind = RECO_KIND_ARTIST_TRACKS;
	asks[1].nkeys = n;
	asks[1].keys = artists;
	return 2;
}

static void
collect(RecoRun *run, const RecoAsk *asks, int nasks, RecoFound *found)
{
	const RecoAnswer **answers;
	int			n = 0;

	if (nasks == 0)
		return;
	answers = palloc(sizeof(RecoAnswer *) * (asks[0].nkeys + asks[1].nkeys + 1));
	if (run->request->familiarity < 0.5f)
	{
		/* the known is what the listener plays, itself */
		RecoAnswer *own = palloc0(sizeof(RecoAnswer));

		own->tracks = run->top_tracks;
		own->ntracks = run->ntop_tracks;
		answers[n++] = own;
	}
	for (int a = 1; a >= 0; a--)
		for (int k = 0; k < asks[a].nkeys; k++)
			answers[n++] = &asks[a].values[k].answer;
	reco_found_add_in_turns(found, answers, n);
}

const RecoStrategy reco_strategy_user_anchors = {
	.id = RECO_USER_ANCHORS,
	.ask = ask,
	.collect = collect,
};
