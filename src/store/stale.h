/*-------------------------------------------------------------------------
 *
 * stale.h
 *	  What a transaction makes of results that are kept.
 *
 * Purpose: remove results from the buffer when the transaction commits that made them
 *			invalid, and not before.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of cached.h, at commit.
 * Never:	throw at commit.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_STALE_H
#define RECO_STALE_H

#include "compat.h"

/* All results of this database go at commit. */
extern void reco_stale_all(void);

/* The results of one listener go at commit, or become stale ('gone' false). */
extern void reco_stale_listener(const char *user_id, bool gone);

#endif							/* RECO_STALE_H */
