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
	RECO_KEEPER_HELD			/* nobody starts one before 'not_before' */
} RecoKeeperState;

typedef struct RecoDatabase
{
	Oid			database;		/* InvalidOid = free */
	Oid			extension;		/* as the keeper found it */
	RecoKeeperState state;
	int			keeper_pid;		/* 0 = none */
	int			keeper_procno;	/* whose latch to set */
	TimestampTz not_before;		/* of the next start */
	int			failures;		/* in a row */
} RecoDatabase;

/* Wakes the keeper of a database, if there is one; never waits, never throws. */
extern void reco_database_wake(Oid database);

#endif							/* RECO_DATABASE_H */
