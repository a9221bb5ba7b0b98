/*-------------------------------------------------------------------------
 *
 * stale.h
 *	  What a transaction makes of results that are kept.
 *
 * Purpose: make results invalid when the transaction commits that has changed what they
 *			rest on, and not before.
 * Runs in: any process with a database and a transaction.
 * Locks:	none.
 * Never:	throw at commit.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_STALE_H
#define RECO_STALE_H

#include "compat.h"

/* All results of this database become invalid at commit. */
extern void reco_stale_all(void);

/* The results of one listener become invalid at commit, or stale ('gone' false). */
extern void reco_stale_listener(const char *user_id, bool gone);

#endif							/* RECO_STALE_H */
