/*-------------------------------------------------------------------------
 *
 * cache.h
 *	  reco.cache and reco.cache_policy: all SQL on them.
 *
 * Purpose: read and write values by sets, expire, evict, invalidate; read policies.
 * Runs in: any process with a database and a transaction; writing: the keeper, and
 *			reco_cache_invalidate.
 * Locks:	those of its statements; and one of our own, so that nothing is written
 *			between an invalidation's look and its commit.
 * Never:	read the table on a standby, unless it was made logged.
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

/*
 * Reads the policy of a category by name. A category without a row is not kept, nor is
 * any while somebody has the table alone: this never waits.
 */
extern void reco_cache_policy(const char *category, RecoCachePolicy *policy);

/* A category as the table of policies has it. */
typedef struct RecoCacheCategory
{
	const char *name;
	RecoCachePolicy policy;
	int64		max_entries;
	int64		max_bytes;
} RecoCacheCategory;

/* Reads all of them, by name, into the current context. */
extern RecoCacheCategory *reco_cache_categories(int *ncategories);

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
 * current context. None while somebody has the table alone: this never waits; nor on a
 * standby, unless the table was made logged.
 */
extern RecoCacheRow *reco_cache_read(const char *category, const char *const *keys,
									 int nkeys, int *nfound);

/*
 * Keeps the keeper from writing until the transaction ends; waits for a batch of it
 * that is under way. Any number of transactions may at once.
 */
extern void reco_cache_forbid_writing(void);

/* Keeps out those, until the transaction ends. False = there are some; never waits. */
extern bool reco_cache_begin_writing(void);

/* The same, and waits for them. */
extern void reco_cache_write_alone(void);

/* Writes rows, set-based; an older row is replaced, a newer one stays. */
extern void reco_cache_write(const RecoCacheRow *rows, int nrows);

/* Notes that rows were in use just now; those that are noted as such lately stay. */
extern void reco_cache_touch(const char *const *categories, const char *const *keys,
							 int nrows);

/* Rows of a category: how many, and more where that was asked for. */
typedef struct RecoCacheCount
{
	const char *category;
	int64		entries;
	int64		bytes;
	TimestampTz oldest;			/* 0 = none */
} RecoCacheCount;

/* Counts all rows, of each category that has any. On a standby as when reading. */
extern RecoCacheCount *reco_cache_count(int *ncounts);

/* Deletes expired rows, up to 'most'; returns how many of each category. */
extern RecoCacheCount *reco_cache_expire(int64 most, int *ncounts);

/*
 * Deletes the least recently used rows of categories that are over their limit of
 * entries or bytes, up to 'most' of each, and a few more than needed, so that not every
 * new row takes this; returns how many of each category. Counts when enough was written
 * since it counted last, or that is long ago.
 */
extern RecoCacheCount *reco_cache_evict(int64 most, int *ncounts);

/* Has it count anew: others have written. */
extern void reco_cache_forget_counts(void);

/*
 * Deletes rows: NULL = all; returns how many. 'asked' is a key, or what stands before
 * one of a key's separators: then whoever answered.
 */
extern int64 reco_cache_delete(const char *category, const char *asked);

#endif							/* RECO_STORE_CACHE_H */
