/*-------------------------------------------------------------------------
 *
 * database.h
 *	  Databases that have the extension, and their workers: a keeper, job workers.
 *
 * Purpose: let launcher, workers and backends of one database find each other.
 * Runs in: any process that has the library preloaded.
 * Locks:	'databases' of shared.h for all fields.
 * Never:	wait while holding it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_DATABASE_H
#define RECO_DATABASE_H

#include "compat.h"

#include "datatype/timestamp.h"

#define RECO_NDATABASES	64
#define RECO_MAX_JOB_WORKERS	8	/* of a database */

/* A database has a seat for each of its workers: the keeper's, then the job workers'. */
#define RECO_SEAT_KEEPER	0
#define RECO_NSEATS			(1 + RECO_MAX_JOB_WORKERS)

typedef enum RecoWorkerState
{
	RECO_WORKER_NONE = 0,
	RECO_WORKER_WANTED,			/* the launcher shall look whether it is needed */
	RECO_WORKER_STARTING,
	RECO_WORKER_RUNNING,
	RECO_WORKER_STOPPING,		/* it was told to let go of the database */
	RECO_WORKER_HELD			/* nobody starts one while there are 'holders' */
} RecoWorkerState;

/* Why a worker ends. */
typedef enum RecoWorkerEnd
{
	RECO_WORKER_FAILED = 0,		/* by an error or a signal: again, after a pause */
	RECO_WORKER_NOT_NEEDED,		/* the extension is not there, or fewer workers do */
	RECO_WORKER_LET_GO,			/* it was told to, or keepers are switched off */
	RECO_WORKER_TERMINATED		/* by SIGTERM, from outside: again in a moment */
} RecoWorkerEnd;

typedef struct RecoSeat
{
	RecoWorkerState state;
	int			pid;			/* 0 = none */
	int			procno;			/* whose latch to set */
	TimestampTz not_before;		/* of the next start */
	int			failures;		/* in a row */
	int			refusals;		/* likewise: no process was free */
	TimestampTz entered;		/* when the worker came */
	uint32		generation;		/* of the worker; one with an older number is too late */
	bool		again;			/* something changed while a worker was there */
	int64		claim;			/* by which its jobs are marked; 0 = none yet */
	int64		job;			/* that it is at; 0 = none */
	int64		interrupted;	/* the job that it is, or was, interrupted at */
	int64		died;			/* claim of the last one that an error ended, at a job */
	bool		yields;			/* it shall make room for another, after its job */
	bool		gathers;		/* a keeper that takes what comes without being woken */
} RecoSeat;

typedef struct RecoDatabase
{
	Oid			database;		/* InvalidOid = free */
	Oid			extension;		/* as the keeper found it */
	int			holders;		/* commands that need the database alone */
	TimestampTz served;			/* when a job worker was started here last */
	RecoSeat	seats[RECO_NSEATS];
} RecoDatabase;

/* A worker that is to start: how the launcher tells it whose it is, in bgw_extra. */
typedef struct RecoWorkerOrder
{
	Oid			database;
	int			seat;
	uint32		generation;
} RecoWorkerOrder;

/*
 * Wakes the keeper of a database, or its job workers, if there are any; never waits,
 * never throws.
 */
extern void reco_database_wake(Oid database);
extern void reco_database_wake_job_workers(Oid database);

/*
 * The same for what the keeper has to write: one that gathers finds it anyway. Call it
 * after that is where the keeper looks.
 */
extern void reco_database_wake_writer(Oid database);

/* This keeper will look at what there is to write; from 'false' on it may have looked. */
extern void reco_database_gather(bool gathers);

extern void reco_database_wake_all(void);

/* For shared.c: fills in the table. */
extern void reco_database_make(void);

/*
 * Of commands, see launcher_hooks.c. Ask: the extension of a database may have come or
 * gone; with 'known_only' a database without a row is left alone. False = the table is
 * full. Ask all: of every database. Both are safe after a commit.
 */
extern bool reco_database_ask(Oid database, bool known_only);
extern void reco_database_ask_all(void);

/* Hold: no worker starts until it is released as often. False = the table is full. */
extern bool reco_database_hold(Oid database);
extern void reco_database_release(Oid database);

/*
 * Tells the workers of a held database to go; returns a pid, 0 = there is none. An
 * insistent call also interrupts one that still connects.
 */
extern int	reco_database_dismiss(Oid database, bool insistent);

/* The pid of any worker; of the keeper; 0 = there is none. */
extern int	reco_database_occupant(Oid database);
extern int	reco_database_keeper(Oid database);

/*
 * Interrupts the job worker that is at a job; with 0, all of the database that are at
 * one. They look what became of it. Safe after a commit. A signal that comes late finds
 * the worker at another job, which it is not for.
 */
extern void reco_database_interrupt_job(Oid database, int64 job);

/* Of a job worker, also in a signal handler: is it the job that it is at? */
extern bool reco_database_is_interrupted(void);

/* Marks by which job workers of a database that live have claimed jobs; their number. */
extern int	reco_database_claims(Oid database, int64 *claims);

/* Marks of those that an error ended at a job, as far as is known. */
extern int	reco_database_died(Oid database, int64 *claims);

/* How many job workers there are, and how many are wanted and have none. */
extern int	reco_database_job_workers(Oid database, int *wanted);

/* Of the launcher. Serve: it can be asked from here on. */
extern void reco_database_serve(void);
extern void reco_database_unserve(void);

/* Whether all databases shall be looked at; takes the request. */
extern bool reco_database_asked_all(void);

/*
 * Takes a seat that is due as being started, a keeper's first, and others if wanted, of
 * the database that had none for longest; false = none is.
 */
extern bool reco_database_take(TimestampTz now, bool job_workers, RecoWorkerOrder *due);

/* When the next seat is due; 0 = none. 'waiting' is how many wait for a worker. */
extern TimestampTz reco_database_next_due(bool job_workers, int *waiting);

/*
 * There is no process for a worker: it waits. For a keeper, and for the first job worker
 * of a database when another one had its turn, a job worker shall make room: one of many
 * or at no job if there is one. It comes back when it can.
 */
extern void reco_database_refuse(const RecoWorkerOrder *order);

/* A process may be free: who was refused is due. */
extern void reco_database_retry(void);

/* Shall this job worker make room? */
extern bool reco_database_yields(void);

/* A worker that was to start did not. */
extern void reco_database_not_started(const RecoWorkerOrder *order);

/* A database that is not there needs no row. */
extern void reco_database_forget(const RecoWorkerOrder *order);

/*
 * The state of a keeper, RECO_WORKER_NONE without a row, and its failures in a row; those
 * of any seat.
 */
extern RecoWorkerState reco_database_state(Oid database, int *failures);
extern int	reco_database_failures(const RecoWorkerOrder *order);

/* How often no process was free for it, in a row. */
extern int	reco_database_refusals(const RecoWorkerOrder *order);

/* Of a worker, in this order. False = it is too late, or has to go. */
extern bool reco_database_enter(const RecoWorkerOrder *order, int64 claim);
extern bool reco_database_continue(void);
extern void reco_database_found(Oid extension, int job_workers);
extern void reco_database_at_job(int64 job);
extern void reco_database_well(void);
extern void reco_database_leave(RecoWorkerEnd end);

#endif							/* RECO_DATABASE_H */
