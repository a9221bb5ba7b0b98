/*-------------------------------------------------------------------------
 *
 * keeper_model.h
 *	  What language models said, on its way into the lexicon.
 *
 * Purpose: tie the answers that the keeper writes into reco.cache to the words of their
 *			prompts.
 * Runs in: the keeper of a database, in a transaction of the caller's.
 * Locks:	those of reco_lexicon_teach.
 * Never:	keep the answers from being written.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_KEEPER_MODEL_H
#define RECO_KEEPER_MODEL_H

#include "compat.h"

#include "shmem/cached.h"

/* Learns from those of some entries that are answers of a model to a run's question. */
extern void reco_keeper_teach(const RecoCachedUnwritten *entries, int nentries);

#endif							/* RECO_KEEPER_MODEL_H */
