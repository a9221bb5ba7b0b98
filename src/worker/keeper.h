/*-------------------------------------------------------------------------
 *
 * keeper.h
 *	  The process that writes: one per database with the extension.
 *
 * Purpose: drain the buffer into the tables in short transactions of its own; expire and
 *			evict; keep the shared matrix up to date.
 * Runs in: a background worker with a database.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_KEEPER_H
#define RECO_KEEPER_H

#include "compat.h"

/*
 * One round of work, inside a transaction that the caller begins and commits; returns
 * whether there is more to do at once. The caller holds the extension's lock.
 */
extern bool reco_keeper_round(void);

/* Did the round do nothing, because somebody's invalidation is not committed yet? */
extern bool reco_keeper_is_held_up(void);

/* After the commit of a round: what was written may leave the buffer. */
extern void reco_keeper_committed(void);

/*
 * keeper_matrix.c: the shared matrix. Due: in how many ms there may be something to do.
 * Step: does a little, in a transaction as a round is; returns whether more follows.
 * Failed: after an ERROR in a step. Leave: the process ends for good.
 */
extern int64 reco_keeper_matrix_due(void);
extern bool reco_keeper_matrix_step(Oid extension);
extern void reco_keeper_matrix_failed(const char *message);
extern void reco_keeper_matrix_leave(void);

/* There is something that a matrix should take in, though no list depends on it. */
extern void reco_keeper_matrix_look(void);

#endif							/* RECO_KEEPER_H */
