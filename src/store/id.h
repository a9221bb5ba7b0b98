/*-------------------------------------------------------------------------
 *
 * id.h
 *	  64-bit ids without a sequence.
 *
 * Purpose: ids of what we make (listens, feedback, changes, runs): ordered by
 *			time, with the node in them, so that tables can be spread.
 * Runs in: any process.
 * Locks:	none.
 * Never:	go backwards within a process. Two processes can meet in the random
 *			part: every table has a unique key, its writers try again.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_ID_H
#define RECO_ID_H

#include "compat.h"

#include "datatype/timestamp.h"

/* 41 bits of milliseconds since 2024-01-01 UTC, 8 of reco.node_id, 14 random. */
extern int64 reco_id_new(void);

/* The smallest id that may have been made at a time or later. */
extern int64 reco_id_floor(TimestampTz time);

/* When an id was made, to the millisecond. */
extern TimestampTz reco_id_time(int64 id);

#endif							/* RECO_ID_H */
