/*-------------------------------------------------------------------------
 *
 * keeper_facts.h
 *	  What services told becomes a part of the catalogue.
 *
 * Purpose: take answers from a round of the keeper, and write what they tell of tracks,
 *			artists and features, in transactions of their own: so that whoever has the
 *			catalogue locked keeps nothing else from being written.
 * Runs in: the keeper of a database.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_KEEPER_FACTS_H
#define RECO_KEEPER_FACTS_H

#include "compat.h"

#include "shmem/cached.h"

/*
 * Takes an answer of a round, if it tells of anything; it counts once that round is
 * committed. Begin forgets those of a round that was not.
 */
extern void reco_keeper_facts_begin(Oid extension);
extern void reco_keeper_facts_take(const RecoCachedUnwritten *entry);
extern void reco_keeper_facts_committed(void);

/*
 * Due: in how many ms there may be something to do. Step: does a little, in a
 * transaction as a round is; returns whether more follows at once. Done: after its
 * commit; returns whether all that failed was done since. Failed: after an ERROR in it.
 */
extern int64 reco_keeper_facts_due(void);
extern bool reco_keeper_facts_step(Oid extension);
extern bool reco_keeper_facts_done(void);
extern void reco_keeper_facts_failed(void);

#endif							/* RECO_KEEPER_FACTS_H */
