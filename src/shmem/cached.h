/*-------------------------------------------------------------------------
 *
 * cached.h
 *	  The buffer: values in shared memory, on their way to the tables and after.
 *
 * Purpose: make what a service answered visible to every backend the moment it
 *			arrives; hold it until the keeper has written it, and longer while there is
 *			room.
 * Runs in: any process that has the library preloaded. The gateway and backends put,
 *			backends get, the keeper drains.
 * Locks:	one of RECO_CACHED_PARTITIONS LWLocks for an entry, then 'pool' of its own
 *			for memory. No other lock of ours is taken below them.
 * Never:	wait for memory: a full buffer drops what is clean and oldest, else the new
 *			value, and counts it. Never throw in the gateway: get is for backends only,
 *			copy for both.
 *
 * An entry is found by (database, extension, category, key): two databases, or an
 * extension that was dropped and made again, never see each other's.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_CACHED_H
#define RECO_CACHED_H

#include "compat.h"

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "upstream/service.h"

#define RECO_CACHED_PARTITIONS	16
#define RECO_CACHED_MAXKEY		4096	/* bytes; longer keys are not kept */

/*
 * What is kept: a row of reco.cache_policy for each operation, for what runs leave, and
 * for recommendations that are refused; and the records of runs. RECO_OP_IDS goes to
 * reco.id_registry, the denied to reco.deny_list, records to reco.run, all else to
 * reco.cache.
 */
typedef int RecoCategory;

#define RECO_CATEGORY_RESULT	RECO_NOPERATIONS
#define RECO_CATEGORY_ARTIFACTS	(RECO_NOPERATIONS + 1)
#define RECO_CATEGORY_DENIED	(RECO_NOPERATIONS + 2)	/* key: see upstream/denial.h */
#define RECO_CATEGORY_RUN		(RECO_NOPERATIONS + 3)	/* records; in reco.run */
#define RECO_CATEGORY_POPULAR	(RECO_NOPERATIONS + 4)	/* candidates of popular moods */
#define RECO_NCATEGORIES		(RECO_NOPERATIONS + 5)

#define RECO_CATEGORY_ANSWERS	(-2)	/* where -1 means all: all but records */

extern const char *reco_category_name(RecoCategory category);
extern RecoCategory reco_category_of(const char *name); /* -1 = none */

/* Is it one that reco.cache_policy may have a row of? A listener's own is not kept. */
extern bool reco_category_is_kept(RecoCategory category);

typedef struct RecoCachedKey
{
	Oid			database;
	Oid			extension;
	RecoCategory category;
	const char *key;			/* UTF-8 */
} RecoCachedKey;

/* One value with its times. Times are of the calendar, in us. */
typedef struct RecoCachedValue
{
	bool		absent;			/* the service knows no such thing; value is NULL */
	TimestampTz fetched_at;
	TimestampTz fresh_until;
	TimestampTz usable_until;
	const char *value;			/* JSON as UTF-8, NUL-terminated */
	Size		len;
	uint64		version;		/* moves with every put of the entry */
} RecoCachedValue;

/* For shared.c: how much memory, and filling it in. */
extern Size reco_cached_size(void);
extern void reco_cached_attach(char *memory, bool fresh, int tranche);

/*
 * Puts a value, replacing an older one. 'written' = it comes from the table, or need not
 * go there. False = there is no room, or the key is too long; counted. Never throws.
 * A value that was fetched before the invalidation epoch 'epoch' moved is dropped: take
 * the epoch before the question is asked. So is, not counted, one that has expired. What
 * is 'written' leaves a value alone that is at least as new (true, then).
 */
extern PGDLLEXPORT bool reco_cached_put(const RecoCachedKey *key,
										const RecoCachedValue *value, bool written,
										uint64 epoch);

/*
 * Whether a put of such a value that is not written would be dropped for want of room,
 * which counts as one: so who has to make it first may spare that. Run records are, when
 * those that wait have their half of the buffer (and this database's an eighth).
 */
extern bool reco_cached_refuses(Oid database, RecoCategory category);


/* Finds a value; copied into the current memory context. Expired ones are not found. */
extern PGDLLEXPORT bool reco_cached_get(const RecoCachedKey *key, RecoCachedValue *value);

/*
 * The same for the gateway: copies as far as it fits in 'room', the value not terminated;
 * 'value->value' is 'room' if all of it did. Never throws, takes no memory.
 */
extern bool reco_cached_copy(const RecoCachedKey *key, RecoCachedValue *value, char *room,
							 Size size);

/* The epoch of a database's invalidations; moves with each. */
extern PGDLLEXPORT uint64 reco_cached_epoch(Oid database);

/* When it moved last, by the calendar; 0 = never since the server started. */
extern TimestampTz reco_cached_moved_at(Oid database);

/*
 * Removes entries: category -1 = all, key NULL = all. Returns how many; moves the
 * epoch of the database. With 'extension' InvalidOid, those of all incarnations.
 */
extern PGDLLEXPORT int64 reco_cached_remove(Oid database, Oid extension,
											RecoCategory category, const char *key);

/* One entry that waits to be written. */
typedef struct RecoCachedUnwritten
{
	RecoCategory category;
	char	   *key;
	RecoCachedValue value;
} RecoCachedUnwritten;

/*
 * Copies up to 'most' entries (and up to 'bytes') of a database and extension that wait
 * to be written, oldest first as far as that is cheap, into the current context; one
 * at least, however large. Expired ones, and those of an earlier extension, are gone
 * then: the caller holds the extension's lock. Strings are not to be freed one by one.
 */
extern PGDLLEXPORT int reco_cached_drain(Oid database, Oid extension,
										 RecoCachedUnwritten *entries, int most,
										 Size bytes);

/* Says that an entry was written and committed; if it changed meanwhile, it waits on. */
extern PGDLLEXPORT void reco_cached_written(Oid database, Oid extension,
											RecoCategory category, const char *key,
											uint64 version);

/* How many entries of a database wait to be written. Cheap. */
extern PGDLLEXPORT int64 reco_cached_waiting(Oid database);

/*
 * Counters per category, since the last reset or crash; all databases. Puts, dropped and
 * evicted are counted by the buffer, coalesced by whoever lets askers wait for each
 * other, all else by whoever looks values up.
 */
typedef struct RecoCachedCount
{
	pg_atomic_uint64 hits;		/* fresh ones, from here */
	pg_atomic_uint64 table_hits;	/* fresh ones, from the table */
	pg_atomic_uint64 stale;		/* usable ones */
	pg_atomic_uint64 misses;
	pg_atomic_uint64 absent;	/* known not to exist */
	pg_atomic_uint64 puts;
	pg_atomic_uint64 dropped;	/* no room */
	pg_atomic_uint64 evicted;	/* from here, after they were written */
	pg_atomic_uint64 table_evicted; /* from the table, because there were too many */
	pg_atomic_uint64 expired;	/* from the table, because their time was over */
	pg_atomic_uint64 coalesced; /* waited for what was under way for another asker */
} RecoCachedCount;

/* All of them, as an array. */
#define RECO_CACHED_NCOUNTERS	(sizeof(RecoCachedCount) / sizeof(pg_atomic_uint64))

extern pg_atomic_uint64 *reco_cached_counters(RecoCategory category);

extern PGDLLEXPORT RecoCachedCount
	*reco_cached_counts; /* RECO_NCATEGORIES; NULL = not preloaded */

/* Entries and bytes in the buffer now, of one category or of all (-1). */
extern PGDLLEXPORT void reco_cached_usage(Oid database, RecoCategory category,
										  int64 *entries, int64 *bytes, int64 *unwritten);
extern PGDLLEXPORT void reco_cached_memory(int64 *total, int64 *unused);

#endif							/* RECO_CACHED_H */
