/*-------------------------------------------------------------------------
 *
 * keeper_snapshot.h
 *	  A keeper's work on the snapshot: take it, restore from it.
 *
 * Purpose: one short step in each transaction, when it is time.
 * Runs in: the keeper of a database, in a transaction of the caller's.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_KEEPER_SNAPSHOT_H
#define RECO_KEEPER_SNAPSHOT_H

#include "compat.h"

/* Is there a step to do now? */
extern bool reco_keeper_snapshot_is_due(Oid extension);

/*
 * Does a step. The caller holds the lock of store/cache.h against invalidations, and
 * does nothing else in the transaction.
 */
extern void reco_keeper_snapshot_step(void);

/* After the commit of a step. */
extern void reco_keeper_snapshot_committed(void);

#endif							/* RECO_KEEPER_SNAPSHOT_H */
