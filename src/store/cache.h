/*-------------------------------------------------------------------------
 *
 * cache.h
 *	  reco.cache and reco.cache_policy: all SQL on them.
 *
 * Purpose: read and write values by sets, expire, evict, invalidate; read policies.
 * Runs in: any process with a database and a transaction; writing: the keeper, and
 *			reco_cache_invalidate.
 * Locks:	those of its statements.
 * Never:	read or write the unlogged table on a standby.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_STORE_CACHE_H
#define RECO_STORE_CACHE_H

#include "compat.h"

#include "utils/timestamp.h"

/* How long values of a category may be used. */
typedef struct RecoCachePolicy
{
	int64		fresh_us;		/* 0 = the category is not kept at all */
	int64		usable_us;		/* at least fresh_us */
	int64		absent_us;		/* how long "there is no such thing" is believed */
	double		jitter;			/* share by which each value's time varies, 0 .. 0.5 */
} RecoCachePolicy;

/* Reads the policy of a category by name; a category without a row is not kept. */
extern void reco_cache_policy(const char *category, RecoCachePolicy *policy);

/* One row. */
typedef struct RecoCacheRow
{
	const char *category;
	const char *key;
	bool		absent;
	const char *value;			/* JSON in the database's encoding; NULL where absent */
	TimestampTz fetched_at;
	TimestampTz fresh_until;
	TimestampTz usable_until;
} RecoCacheRow;

/*
 * Reads the usable rows of some keys of a category, set-based, in any order, into the
 * current context. None on a standby.
 */
extern RecoCacheRow *reco_cache_read(const char *category, const char *const *keys,
									 int nkeys, int *nfound);

/* Writes rows, set-based; an older row is replaced, a newer one stays. */
extern void reco_cache_write(const RecoCacheRow *rows, int nrows);

/* Deletes expired rows, up to 'most'; returns how many. */
extern int64 reco_cache_expire(int64 most);

/*
 * Deletes the least recently used rows of categories that are over their limit of
 * entries or bytes, up to 'most'; returns how many.
 */
extern int64 reco_cache_evict(int64 most);

/* Deletes rows: NULL = all; returns how many. */
extern int64 reco_cache_delete(const char *category, const char *key);

#endif							/* RECO_STORE_CACHE_H */
