/*-------------------------------------------------------------------------
 *
 * keeper_popular.h
 *	  A keeper's work on popular moods: learn them, have them made again in time.
 *
 * Purpose: write what was asked (shmem/asked.h) into reco.popular_mood, take in what is
 *			asked most, let go what is not; queue jobs for candidates that are due.
 * Runs in: the keeper of a database, in a transaction of the caller's.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_KEEPER_POPULAR_H
#define RECO_KEEPER_POPULAR_H

#include "compat.h"

/* In so many ms there is something to do. */
extern int64 reco_keeper_popular_due(void);

/*
 * Does it; false = there is no more of it now. Once its transaction has ended, one of the
 * other two is called.
 */
extern bool reco_keeper_popular_step(Oid extension);
extern void reco_keeper_popular_committed(void);
extern void reco_keeper_popular_failed(void);

#endif							/* RECO_KEEPER_POPULAR_H */
