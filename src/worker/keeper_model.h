/*-------------------------------------------------------------------------
 *
 * keeper_model.h
 *	  What language models said, on its way into the lexicon.
 *
 * Purpose: tie the answers that the keeper writes into reco.cache to the words of their
 *			prompts. When, and what becomes of an ERROR: see keeper_teach.h.
 * Runs in: the keeper of a database, in a transaction of the caller's.
 * Locks:	those of its SELECTs, and of reco_lexicon_teach.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_KEEPER_MODEL_H
#define RECO_KEEPER_MODEL_H

#include "compat.h"

/* An answer to a question. */
typedef struct RecoKeeperAnswer
{
	Size		size;			/* of all of it */
	char	   *key;			/* the question; UTF-8 */
	char	   *value;			/* JSON; likewise */
	Size		len;
} RecoKeeperAnswer;

/*
 * Learns from those of some answers that are a model's to a run's question. False =
 * nothing was written, since the table is locked.
 */
extern bool reco_keeper_learn(RecoKeeperAnswer *const *answers, int nanswers);

#endif							/* RECO_KEEPER_MODEL_H */
