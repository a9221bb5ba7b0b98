/*-------------------------------------------------------------------------
 *
 * keeper_wishes.h
 *	  What backends wished for becomes jobs.
 *
 * Purpose: queue wishes (shmem/wish.h), as long as not too many of them wait.
 * Runs in: the keeper of a database, in a transaction of the caller's.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_KEEPER_WISHES_H
#define RECO_KEEPER_WISHES_H

#include "compat.h"

/* Queues what is wished; whether there may be more. The others: what became of that. */
extern bool reco_keeper_queue_wishes(Oid extension);
extern void reco_keeper_wishes_committed(void);
extern void reco_keeper_wishes_failed(void);

#endif							/* RECO_KEEPER_WISHES_H */
