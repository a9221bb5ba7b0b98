/*-------------------------------------------------------------------------
 *
 * result_epoch.h
 *	  When results became invalid: for all of a database, and by listener.
 *
 * Purpose: let a commit make results invalid without touching them: a result carries the
 *			epochs it was made in, and a reader compares.
 * Runs in: any process that has the library preloaded.
 * Locks:	none: each number is atomic.
 * Never:	let an epoch come twice. Two listeners may share one: that costs a result.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_RESULT_EPOCH_H
#define RECO_RESULT_EPOCH_H

#include "compat.h"

#include "datatype/timestamp.h"

/* The state that a result is made in. */
typedef struct RecoResultEpoch
{
	uint64		all;
	uint64		listener;
	TimestampTz moved_at;		/* when the later of them moved; 0 = never */
	TimestampTz stale_at;		/* results from before are stale; 0 = none are */
} RecoResultEpoch;

/* For shared.c: how much memory, and filling it in. */
extern Size reco_result_epochs_size(void);
extern void reco_result_epochs_attach(char *memory, bool fresh);

extern void reco_result_epoch_read(Oid database, const char *user_id,
								   RecoResultEpoch *epoch);

/* Makes results invalid, or stale; safe after a commit. NULL = of all listeners. */
extern void reco_result_epoch_move(Oid database, const char *user_id);
extern void reco_result_epoch_age(Oid database, const char *user_id);

#endif							/* RECO_RESULT_EPOCH_H */
