/*-------------------------------------------------------------------------
 *
 * change.h
 *	  Which state of the catalogue a snapshot sees.
 *
 * Purpose: let an in-memory copy know whether it is still what the tables say.
 * Runs in: any process with a database and a transaction.
 * Locks:	row locks of reco.change, taken only with SKIP LOCKED.
 * Never:	make one writer of the catalogue wait for another.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_CHANGE_H
#define RECO_CHANGE_H

#include "compat.h"

/*
 * Notes that this transaction changed 'what' (catalogue, lexicon): a new row,
 * and committed older rows go.
 */
extern void reco_change_note(const char *what);

/*
 * What a transaction writes from here to its end was told by services: it is no change,
 * and makes no list that is kept invalid. Of the keeper. Now and then it notes that
 * copies in memory should take that in.
 */
#define RECO_CHANGE_LEARNED	"learned"

extern void reco_change_begin_learning(void);
extern bool reco_change_is_learning(void);
extern void reco_change_note_learned(void);

/* Has this very transaction changed the catalogue? */
extern bool reco_change_is_mine(void);

/*
 * A number that stands for the state of 'what' (NULL = of all but what was learned) in
 * the current snapshot: equal while no change was committed (or rolled back) in between.
 * False = nobody can tell now, see store/patience.h.
 */
extern bool reco_change_read(const char *what, uint64 *token);

#endif							/* RECO_CHANGE_H */
