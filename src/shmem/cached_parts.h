/*-------------------------------------------------------------------------
 *
 * cached_parts.h
 *	  The buffer inside: what the files cached_*.c share.
 *
 * Purpose: the layout of the buffer in shared memory, and who may touch what.
 * Runs in: any process that has the library preloaded.
 * Locks:	'rows' alone; the lock of one partition, then 'pool'. Never two partitions.
 * Never:	include this from another room, or from a file that is not cached*.c.
 *
 * A key's hash names its partition and its bucket there. An entry stands in its
 * bucket, and in one of two kinds of lists of its partition: that of the clean ones,
 * which may be evicted, or that of those which wait to be written, one per database.
 * Key and value are bytes of one chain of blocks, the key first.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_CACHED_PARTS_H
#define RECO_CACHED_PARTS_H

#include "cached.h"

#include "database.h"
#include "port/atomics.h"
#include "storage/lwlock.h"

#define RECO_CACHED_NONE	0xFFFFFFFFu /* no entry, no block */
#define RECO_CACHED_BLOCK	256		/* bytes, the link to the next one included */
#define RECO_CACHED_PER_ENTRY	512 /* bytes of the buffer for which there is an entry */

/* What is kept about one value. The lock of its partition protects all fields. */
typedef struct RecoCachedEntry
{
	uint64		hash;
	Oid			database;
	Oid			extension;
	RecoCategory category;
	uint32		keylen;
	uint32		len;			/* of the value; 0 where it is absent */
	uint32		first;			/* block */
	uint32		last;			/* block */
	uint32		next;			/* in its bucket, or in the list of free entries */
	uint32		after;			/* in its list */
	uint32		before;
	int			row;			/* of its database; while it waits to be written */
	bool		absent;
	bool		written;		/* clean: it may be evicted */
	pg_atomic_uint32 touched;	/* somebody read it; set under the shared lock */
	TimestampTz fetched_at;
	TimestampTz fresh_until;
	TimestampTz usable_until;
	uint64		version;
} RecoCachedEntry;

typedef struct RecoCachedList
{
	uint32		head;			/* the oldest */
	uint32		tail;
} RecoCachedList;

typedef struct RecoCachedPartition
{
	LWLock		lock;
	RecoCachedList clean;
	uint64		version;		/* the last one given to an entry */
	RecoCachedList waiting[RECO_NDATABASES];
} RecoCachedPartition;

/*
 * One database. 'rows' is held to change which one; all else is atomic. A row with
 * nothing waiting gives way to another database: then its epoch has moved, too.
 */
typedef struct RecoCachedRow
{
	pg_atomic_uint32 database;	/* InvalidOid = free */
	pg_atomic_uint64 epoch;
	pg_atomic_uint64 waiting;	/* entries in all partitions' lists of this row */
	pg_atomic_uint32 record_blocks; /* as below, of this database */
	pg_atomic_uint64 used_at;	/* as a TimestampTz; the least recent one gives way */
	pg_atomic_uint64 moved_at;	/* when the epoch moved; TimestampTz */
} RecoCachedRow;

typedef struct RecoCachedBuffer
{
	/* set once by the postmaster */
	uint32		nentries;
	uint32		nblocks;
	uint32		nbuckets;		/* of each partition */

	pg_atomic_uint32 evict_hand;	/* partition that evicts next */
	pg_atomic_uint64 last_epoch;	/* of any database */
	pg_atomic_uint32 record_blocks; /* of run records that wait to be written */

	LWLock		rows;
	RecoCachedRow row[RECO_NDATABASES];

	/* free memory: 'pool' */
	LWLock		pool;
	uint32		free_block;
	uint32		unused_block;	/* this and all after it were never used, nor listed */
	uint32		nfree_blocks;
	uint32		free_entry;
	uint32		unused_entry;
	uint32		nfree_entries;

	RecoCachedPartition partition[RECO_CACHED_PARTITIONS];
	RecoCachedCount counts[RECO_NCATEGORIES];
} RecoCachedBuffer;

/* Bytes in the pool: a chain, and an entry that has none yet. */
typedef struct RecoCachedPiece
{
	uint32		entry;
	uint32		first;
	uint32		last;
} RecoCachedPiece;

/* Where this process sees them; NULL = not preloaded. */
extern RecoCachedBuffer *reco_cached_buffer;
extern RecoCachedEntry *reco_cached_entries;
extern uint32 *reco_cached_buckets; /* nbuckets of each partition in turn */

/*
 * ---- cached_saved.c: the counters, over a clean restart. The postmaster loads them into
 * fresh memory, and saves them when it ends; not after a crash.
 */
extern void reco_cached_load_counters(void);

/* ---- cached_pool.c: free entries, free blocks, bytes in chains ---- */

extern void reco_cached_pool_attach(char *blocks, bool fresh);
extern uint32 reco_cached_blocks_for(Size len);

/* Takes an entry and a chain for so many blocks: both, or false. */
extern bool reco_cached_take(uint32 nblocks, RecoCachedPiece *piece);

/* Gives back what there is of a piece. */
extern void reco_cached_give(RecoCachedPiece *piece);

/* Copies bytes into a chain or out of it, from byte 'offset' on. */
extern void reco_cached_write(uint32 first, Size offset, const char *from, Size len);
extern void reco_cached_read(uint32 first, Size offset, char *to, Size len);

/* Does a chain begin with these bytes? */
extern bool reco_cached_begins(uint32 first, const char *bytes, Size len);

/* ---- cached_entry.c: entries in their partitions; its lock is held ---- */

extern uint64 reco_cached_hash(const RecoCachedKey *key, Size keylen);
extern RecoCachedPartition *reco_cached_partition(uint64 hash);
extern uint32 *reco_cached_bucket(uint64 hash);
extern RecoCachedEntry *reco_cached_find(const RecoCachedKey *key, uint64 hash,
										 Size keylen);

/* Is a category what was asked for, -1 and RECO_CATEGORY_ANSWERS included? */
extern bool reco_cached_is_of(const RecoCachedEntry *entry, RecoCategory asked);

/*
 * Puts an entry at the end of the list that it belongs to, or takes it out. A record
 * that is written goes to the head: it makes room first, for nobody waits for it.
 */
extern void reco_cached_enlist(RecoCachedPartition *partition, RecoCachedEntry *entry);
extern void reco_cached_delist(RecoCachedPartition *partition, RecoCachedEntry *entry);

/* Removes an entry; its memory is free. */
extern void reco_cached_discard(RecoCachedPartition *partition, RecoCachedEntry *entry);

/*
 * Frees at least an entry, and so many blocks as far as that can be done; false =
 * nothing was freed. No lock is held.
 */
extern bool reco_cached_evict(uint32 nblocks, TimestampTz now);

/* ---- cached_database.c: epochs, and how many entries wait ---- */

/* The row of a database, -1 = none; with 'claim' only when all rows have work left. */
extern int	reco_cached_row(Oid database, bool claim);

/* One entry more waits; false = the row is no longer the database's. */
extern bool reco_cached_row_begin(int row, Oid database);
extern void reco_cached_row_end(int row);

/* Is the row still the database's, with no invalidation since 'epoch'? */
extern bool reco_cached_row_is_at(int row, Oid database, uint64 epoch);

/* Makes older epochs of the database void. */
extern void reco_cached_row_move(Oid database);

#endif							/* RECO_CACHED_PARTS_H */
