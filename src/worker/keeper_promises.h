/*-------------------------------------------------------------------------
 *
 * keeper_promises.h
 *	  What the keeper writes before all else: listeners' new refresh tokens.
 *
 * Purpose: keep promises (shmem/promise.h) in transactions that are flushed.
 * Runs in: the keeper of a database, in a transaction of the caller's.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_KEEPER_PROMISES_H
#define RECO_KEEPER_PROMISES_H

#include "compat.h"

/*
 * Writes what is promised, if it may, and in any case forgets what an earlier round did;
 * true = the transaction should end now, and nothing else be done in it. The second one
 * is for after its commit.
 */
extern bool reco_keeper_keep_promises(Oid extension, bool may);
extern void reco_keeper_promises_committed(void);

/* Does something wait that a pause after an error should not hold up? */
extern bool reco_keeper_has_promises(void);

#endif							/* RECO_KEEPER_PROMISES_H */
