/*-------------------------------------------------------------------------
 *
 * limit_state.h
 *	  What of a lane's limits outlives a crash.
 *
 * Purpose: carry deadlines and the day's count between lanes, whose clock begins anew
 *			with the machine, and tables, whose does not: what tables know before a lane
 *			is claimed, and how far each database's keeper has written what lanes know.
 * Runs in: any process that has the library preloaded.
 * Locks:	one LWLock of its own, below which no other of ours is taken; 'lanes' of
 *			shared.h, shared, alone; none while waiting.
 * Never:	make a deadline longer than any that a service can say, whatever clocks do.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_LIMIT_STATE_H
#define RECO_LIMIT_STATE_H

#include "compat.h"

#include "datatype/timestamp.h"
#include "lane.h"

/* Times are of the calendar; 0 = none. */
typedef struct RecoLimitState
{
	uint64		lane_key;
	uint64		fingerprint;
	RecoService service;
	char		base_url[256];
	TimestampTz blocked_until;
	TimestampTz quota_until;
	TimestampTz exhausted_until[RECO_MAXENDPOINTS];
	TimestampTz refused_until[RECO_MAXENDPOINTS];
	TimestampTz hour_at;		/* when the newest hour of the count began */
	int32		hours[RECO_LIMIT_HOURS];	/* calls; the newest one first */
	TimestampTz updated_at;		/* the newest row's count holds */
} RecoLimitState;

/* For shared.c. */
extern Size reco_limits_size(void);
extern void reco_limits_attach(char *memory, bool fresh, int tranche);

/* Was what the tables of a database know put here since the server started? */
extern bool reco_limits_are_known(Oid database);

/* Puts it here; of several databases the later deadlines hold, and the newest count. */
extern void reco_limits_put(Oid database, const RecoLimitState *states, int nstates);

/* Forgets a database. */
extern void reco_limits_forget(Oid database);

/* Takes what is known into a lane that is set up: the gateway's own, or a copy. */
extern void reco_limits_take(RecoLane *lane);

/* Of the gateway: a deadline was set that shall be written at once. */
extern void reco_limits_note(void);

/*
 * What services were found to refuse is to be asked for anew: tells of how many lanes
 * there is any, has the gateway forget it, and what tables knew. Of the gateway: is that
 * to be done? It takes the request.
 */
extern int	reco_limits_forget_refused(void);
extern bool reco_limits_asked_to_forget(void);

/* What there is to write: lanes that have something to remember; nlanes at most. */
extern int	reco_limits_read(RecoLimitState *states);

/* The number of the last deadline; and that a keeper has written all up to one. */
extern uint64 reco_limits_noted(void);
extern void reco_limits_written(Oid database, uint64 noted);

/* Waits until a keeper has written what was noted by now; at most until then. */
extern void reco_limits_wait(Oid database, int64 until);

#endif							/* RECO_LIMIT_STATE_H */
