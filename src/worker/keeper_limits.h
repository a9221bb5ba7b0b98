/*-------------------------------------------------------------------------
 *
 * keeper_limits.h
 *	  What the keeper writes of services' limits.
 *
 * Purpose: write deadlines at once, and the day's counts now and then. All keepers write
 *			all of it, so that it outlives any one database.
 * Runs in: the keeper of a database, in a transaction of the caller's.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_KEEPER_LIMITS_H
#define RECO_KEEPER_LIMITS_H

#include "compat.h"

/*
 * Writes what there is to write, if it may, and in any case forgets what an earlier round
 * did; true = the transaction should end now. The second one is for after its commit.
 */
extern bool reco_keeper_keep_limits(bool may);
extern void reco_keeper_limits_committed(void);

#endif							/* RECO_KEEPER_LIMITS_H */
