/*-------------------------------------------------------------------------
 *
 * strategy.h
 *	  Three ways to candidates, behind one interface.
 *
 * Purpose: a strategy says what it wants to know, and makes of the answers a
 *			list of tracks, best first.
 * Runs in: wherever a run does.
 * Locks:	none.
 * Never:	let one strategy's failure drop another's candidates.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_STRATEGY_H
#define RECO_STRATEGY_H

#include "run.h"

#define RECO_STRATEGY_MAXASKS	3

/* What a strategy found, best first. */
typedef struct RecoFound
{
	int			n;
	int			size;
	RecoTrack **tracks;
} RecoFound;

typedef struct RecoStrategy
{
	RecoStrategyId id;

	/* Fills at most RECO_STRATEGY_MAXASKS asks; returns how many. */
	int (*ask)(RecoRun *run, RecoAsk *asks);

	/* Makes the answers into tracks; those that timed out are empty. */
	void (*collect)(RecoRun *run, const RecoAsk *asks, int nasks, RecoFound *found);

	/* Once all nodes are done: adds what rests on others, too. NULL = nothing does. */
	void (*conclude)(RecoRun *run, RecoFound *found);
} RecoStrategy;

extern const RecoStrategy reco_strategy_user_anchors;
extern const RecoStrategy reco_strategy_artist_discovery;
extern const RecoStrategy reco_strategy_seed_based;

/* The share of the list that a strategy may fill before others had theirs. */
extern float reco_strategy_share(const RecoRun *run, RecoStrategyId strategy);

/* How many tracks to ask for around one seed. */
extern int	reco_strategy_near_limit(const RecoRun *run);

/* The strategy whose stage is at work, as a node of the run. */
extern int	reco_strategy_ask(RecoRun *run, RecoAsk *asks);
extern void reco_strategy_take(RecoRun *run, RecoAsk *asks, int nasks);

/* Puts together what all found, and ranks it. */
extern void reco_strategy_merge(RecoRun *run);
extern void reco_strategy_rank(RecoRun *run);

/* Adds what a wider search brought to the candidates, ranked; returns how many. */
extern int	reco_strategy_widen(RecoRun *run);

/* For collect: appends a track; takes lists in turns, first of each first. */
extern void reco_found_add(RecoFound *found, RecoTrack *track);
extern void reco_found_add_in_turns(RecoFound *found, const RecoAnswer *const *answers,
									int nanswers);

#endif							/* RECO_STRATEGY_H */
