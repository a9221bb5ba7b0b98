/*-------------------------------------------------------------------------
 *
 * shared.h
 *	  Shared memory: what there is, how large, and who may touch it.
 *
 * Purpose: lay out all of reco's shared memory in one piece, sized by settings.
 * Runs in: postmaster (hooks); any process that has the library preloaded.
 * Locks:	see RecoShared, field by field.
 * Never:	hold a lock of ours while waiting, or two of them but in the order
 *			lanes, slot, pool.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_SHARED_H
#define RECO_SHARED_H

#include "compat.h"

#include "chore_failure.h"
#include "database.h"
#include "datatype/timestamp.h"
#include "lane.h"
#include "storage/lwlock.h"
#include "storage/spin.h"

#define RECO_NPROCESSES 64		/* rows of reco_stat_worker */

typedef enum RecoProcessKind
{
	RECO_PROCESS_GATEWAY = 0,
	RECO_PROCESS_LAUNCHER,
	RECO_PROCESS_KEEPER,
	RECO_PROCESS_JOB_WORKER		/* and those after it: one for each of a database's */
} RecoProcessKind;

/* One process of ours; 'processes' protects all fields. */
typedef struct RecoProcess
{
	bool		used;
	RecoProcessKind kind;
	int			pid;			/* 0 = it ended; the row stays to tell why */
	Oid			database;
	TimestampTz started;
	int			starts;			/* since the server started */
	char		state[64];
	char		last_error[256];
	TimestampTz last_error_at;
} RecoProcess;

typedef struct RecoSlot RecoSlot;	/* slot.h */

typedef struct RecoShared
{
	/* set once by the postmaster */
	int			nslots;
	int			nlanes;
	uint32		nblocks;
	int			tranche;
	bool		after_crash;	/* the last memory was lost without a shutdown */
	int64		made_at;		/* monotonic us */

	LWLock		lanes;			/* 'used', 'key' and names of lanes */
	LWLock		processes;		/* 'process' */
	LWLock		pool;			/* free blocks and free slots, see slot.h */
	LWLock		runs;			/* the table of run_flight.c */
	LWLock		matrices;		/* the table of matrix_shared.c */
	LWLock		stages;			/* whose each row of stage_stat.c is */
	LWLock		asked;			/* the table of asked.c */
	LWLock		wishes;			/* the tables of wish.c; no other is taken below it */

	/* the gateway: 'gateway_lock' (a spinlock, for a few instructions) */
	slock_t		gateway_lock;
	int			gateway_pid;	/* 0 = not running */
	int			gateway_procno; /* whose latch to set */
	int			submitted_head; /* slots that the gateway shall look at; -1 = none */
	int			submitted_tail;

	/* free slots and blocks: 'pool' */
	int			free_slot;
	uint32		free_block;
	uint32		unused_block;	/* this and all after it were never used, nor listed */
	uint32		nfree_blocks;
	int			nfree_slots;
	uint64		refused_slots;	/* questions that found no slot */
	uint64		refused_blocks; /* ... or no memory */

	/* databases and their workers: 'databases', below which no other is taken */
	LWLock		databases;
	int			launcher_pid;	/* 0 = not running */
	int			launcher_procno;	/* whose latch to set */
	bool		ask_all;		/* the launcher shall look at every database */
	RecoDatabase database[RECO_NDATABASES];
	RecoChoreFailure chore_failure[RECO_CHORE_FAILURES];	/* likewise 'databases' */

	RecoProcess process[RECO_NPROCESSES];
} RecoShared;

/* NULL where the library was not preloaded. */
extern PGDLLIMPORT RecoShared *reco_shared;
extern PGDLLIMPORT RecoSlot *reco_slots;	/* nslots */
extern PGDLLIMPORT RecoLane *reco_lanes;	/* nlanes */

/* Installs the hooks; from _PG_init while preloading. */
extern void reco_shared_install(void);

/* The memory that is asked for, in bytes. */
extern Size reco_shared_size(void);

/* Microseconds on a clock that is never set back, the same in all processes. */
extern PGDLLEXPORT int64 reco_now_us(void);

/* Wakes the gateway, if it runs. */
extern void reco_gateway_wake(void);

/* Turns a monotonic time into one of the calendar; 0 stays 0. */
extern TimestampTz reco_calendar_time(int64 monotonic_us);

/* Rows of reco_stat_worker. Each kind and database has one row. */
extern void reco_process_begin(RecoProcessKind kind, Oid database);
extern void reco_process_end(RecoProcessKind kind, Oid database, const char *error);
extern void reco_process_state(RecoProcessKind kind, Oid database, const char *state);
extern void reco_process_error(RecoProcessKind kind, Oid database, const char *error);
extern void reco_process_forget(RecoProcessKind kind, Oid database);
extern const char *reco_process_kind_name(RecoProcessKind kind);

/*
 * Finds a lane, or claims a free one; the least recently asked one gives way when
 * all are used and it has nothing blocked. -1 = none is to be had. Gateway only.
 */
extern int	reco_lane_claim(uint64 key, RecoService service, const char *server,
						   const char *base_url, uint64 fingerprint);

/* When the last endpoint of a lane has quota again; 0 = none lacks any. */
extern int64 reco_lane_exhausted_until(const RecoLane *lane);

/* Sets all figures to 0; limits, breakers and what was learned stay. */
extern void reco_lanes_reset(void);

#endif							/* RECO_SHARED_H */
