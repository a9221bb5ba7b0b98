/*-------------------------------------------------------------------------
 *
 * care.h
 *	  What keeper and job workers do as they go, all of it at once.
 *
 * Purpose: expire and evict, copy to the snapshot, bound the history, in a transaction of
 *			the caller's: for whoever would rather say when, and where no keeper runs.
 * Runs in: any process with a database and a transaction that may write.
 * Locks:	row locks; of the snapshot, those of store/cache.h, to the transaction's end.
 * Never:	take a snapshot of tables that are not restored yet.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_CARE_H
#define RECO_CARE_H

#include "compat.h"

/* Deletes what has expired, and what is beyond the limits; how many rows. */
extern int64 reco_care_expire(void);

/* Deletes records of runs and jobs that are too many or too old; how many rows. */
extern int64 reco_care_history(void);

/* Copies what has changed; how many chunks. */
extern int64 reco_care_snapshot(void);

/* Lets all upstreams try anew what they were found to refuse; how many there were. */
extern int	reco_care_reprobe(void);

#endif							/* RECO_CARE_H */
