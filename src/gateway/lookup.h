/*-------------------------------------------------------------------------
 *
 * lookup.h
 *	  How many names are being resolved, and for whom.
 *
 * Purpose: libcurl resolves each name in a thread of its own, and leaves that
 *			behind when nobody waits any longer: cap them, such that a name that
 *			hangs takes its own upstream's share only.
 * Runs in: the gateway.
 * Locks:	none.
 * Never:	palloc or ereport: libcurl calls.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_LOOKUP_H
#define RECO_LOOKUP_H

#include "compat.h"

/* How many there may be, under way or left behind: in all, and of one lane. The last
 * share is kept for lanes that have none. */
#define RECO_LOOKUP_MOST		32
#define RECO_LOOKUP_SHARE		(RECO_LOOKUP_MOST / 4)

/* Sets up for so many lanes. ERROR where memory is short. */
extern void reco_lookup_open(int nlanes);

/* Notes that a lane begins to resolve a name; false = it may not. */
extern bool reco_lookup_begin(int lane);

/* A lookup ended, or was abandoned with its thread. */
extern void reco_lookup_end(int lane, bool abandoned);

/* How many a lane has under way. */
extern int	reco_lookup_under_way(int lane);

/* How many have ended or were abandoned so far: others may begin when it moves. */
extern uint64 reco_lookup_ends(void);

/* After libcurl has worked: threads that start from now on resolve nothing. */
extern void reco_lookup_settle(void);

#endif							/* RECO_LOOKUP_H */
