/*-------------------------------------------------------------------------
 *
 * keeper_teach.h
 *	  Answers of language models wait until the lexicon can be taught.
 *
 * Purpose: take answers from a round of the keeper, and teach the lexicon what they say,
 *			now or in a later round: whoever has its tables locked, or refuses its rows,
 *			keeps nothing else from being written.
 * Runs in: the keeper of a database, in a transaction of the caller's.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_KEEPER_TEACH_H
#define RECO_KEEPER_TEACH_H

#include "compat.h"

#include "shmem/cached.h"

/*
 * Takes an answer of a round, if it is one of a language model; it counts once that round
 * is committed. Begin forgets what a round did that was not.
 */
extern void reco_keeper_teach_begin(Oid extension);
extern void reco_keeper_teach_take(const RecoCachedUnwritten *entry);
extern void reco_keeper_teach_committed(void);

/* Teaches some of those that wait, if it can; whether more could follow at once. */
extern bool reco_keeper_teach(void);

#endif							/* RECO_KEEPER_TEACH_H */
