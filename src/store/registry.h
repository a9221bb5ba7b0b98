/*-------------------------------------------------------------------------
 *
 * registry.h
 *	  reco.id_registry: which id ReccoBeats has for a track of Spotify's.
 *
 * Purpose: read and write ids by sets, one statement for any number of them.
 * Runs in: any process with a database and a transaction; writing: the keeper, and
 *			reco_cache_invalidate.
 * Locks:	those of its statements.
 * Never:	read the table on a standby, unless it was made logged.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_STORE_REGISTRY_H
#define RECO_STORE_REGISTRY_H

#include "compat.h"

#include "cache.h"

/* What the registry says of one id. */
typedef struct RecoRegistryRow
{
	int			nth;			/* of the ids that were asked for */
	RecoCacheRow row;			/* key: the id; absent: it is missing at ReccoBeats */
} RecoRegistryRow;

/*
 * Reads what is usable of some ids that a server answered, by one statement, in any
 * order, into the current context. None on a standby, or while somebody has the table
 * alone: this never waits. With 'missing' only those that are missing.
 */
extern RecoRegistryRow *reco_registry_read(const char *const *ids, int nids,
										   const char *server, bool missing, int *nfound);

/* Can an entry of the buffer be a row? */
extern bool reco_registry_takes(const RecoCacheRow *row);

/* As reco_cache_write, _touch and _delete do for all categories. */
extern void reco_registry_write(const RecoCacheRow *rows, int nrows);
extern void reco_registry_touch(const char *const *keys, int nkeys);
extern int64 reco_registry_delete(const char *asked);

/* Figures of the table; all 0 where it cannot be read. */
typedef struct RecoRegistryCount
{
	int64		validated;
	int64		missing;
	int64		expiring;		/* no longer fresh within a day from now */
	TimestampTz oldest;			/* 0 = none */
} RecoRegistryCount;

extern void reco_registry_count(RecoRegistryCount *count);

#endif							/* RECO_STORE_REGISTRY_H */
