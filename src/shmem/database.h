/*-------------------------------------------------------------------------
 *
 * database.h
 *	  Databases that have the extension, and their keepers.
 *
 * Purpose: let launcher, keepers and backends of one database find each other.
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

typedef enum RecoKeeperState
{
	RECO_KEEPER_NONE = 0,
	RECO_KEEPER_WANTED,			/* the launcher shall look whether it is needed */
	RECO_KEEPER_STARTING,
	RECO_KEEPER_RUNNING,
	RECO_KEEPER_STOPPING,		/* it was told to let go of the database */
	RECO_KEEPER_HELD			/* nobody starts one while there are 'holders' */
} RecoKeeperState;

/* Why a keeper ends. */
typedef enum RecoKeeperEnd
{
	RECO_KEEPER_FAILED = 0,		/* by an error or a signal: again, after a pause */
	RECO_KEEPER_NOT_NEEDED,		/* the extension is not there */
	RECO_KEEPER_LET_GO,			/* it was told to, or keepers are switched off */
} RecoKeeperEnd;

typedef struct RecoDatabase
{
	Oid			database;		/* InvalidOid = free */
	Oid			extension;		/* as the keeper found it */
	RecoKeeperState state;
	int			keeper_pid;		/* 0 = none */
	int			keeper_procno;	/* whose latch to set */
	TimestampTz not_before;		/* of the next start */
	int			failures;		/* in a row */
	uint32		generation;		/* of the keeper; one with an older number is too late */
	int			holders;		/* commands that need the database alone */
	bool		again;			/* something changed while a keeper was there */
} RecoDatabase;

/* Wakes the keeper of a database, if there is one; never waits, never throws. */
extern void reco_database_wake(Oid database);

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

/* Hold: no keeper starts until it is released as often. False = the table is full. */
extern bool reco_database_hold(Oid database);
extern void reco_database_release(Oid database);

/*
 * Tells the keeper of a held database to go; returns its pid, 0 = there is none. An
 * insistent call also interrupts one that still connects.
 */
extern int	reco_database_dismiss(Oid database, bool insistent);
extern int	reco_database_keeper(Oid database);

/* Of the launcher. Serve: it can be asked from here on. */
extern void reco_database_serve(void);
extern void reco_database_unserve(void);

/* Whether all databases shall be looked at; takes the request. */
extern bool reco_database_asked_all(void);

/* Takes a row that is due as being started; false = none is. */
extern bool reco_database_take(TimestampTz now, RecoDatabase *due);

/* When the next row is due; 0 = none. 'waiting' is how many wait for a keeper. */
extern TimestampTz reco_database_next_due(int *waiting);

/* A keeper that was to start did not; returns the failures in a row, 0 = it did. */
extern int	reco_database_not_started(Oid database, uint32 generation);

/* A database that is not there needs no row. */
extern void reco_database_forget(Oid database, uint32 generation);

/* The state of a database, RECO_KEEPER_NONE without a row; and its failures. */
extern RecoKeeperState reco_database_state(Oid database, int *failures);

/* Of the keeper, in this order. False = it is too late, or has to go. */
extern bool reco_database_enter(Oid database, uint32 generation);
extern bool reco_database_continue(void);
extern void reco_database_found(Oid extension);
extern void reco_database_well(void);
extern void reco_database_leave(RecoKeeperEnd end);

#endif							/* RECO_DATABASE_H */
