/*-------------------------------------------------------------------------
 *
 * snapshot.h
 *	  reco.snapshot: a logged copy of the unlogged tables; all SQL on it.
 *
 * Purpose: take it chunk by chunk, only what has changed; give the rows back after a
 *			crash has emptied the tables; remove from it what is invalid.
 * Runs in: any process with a database and a transaction; taking it and restoring: the
 *			keeper.
 * Locks:	those of its statements. Who takes it or restores holds the lock of cache.h
 *			against invalidations; who removes something from it shares that. Another
 *			lock, taken after that one, is had by one who changes denials at a time.
 * Never:	touch an unlogged table on a standby.
 *
 * A chunk has the rows of one category whose keys' hashes begin with the same ten bits,
 * as one JSON text, which the server compresses. What tells a chunk from what the table
 * has is a hash over its rows' keys and times: so nothing is written of what stayed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_SNAPSHOT_H
#define RECO_SNAPSHOT_H

#include "compat.h"

#include "datatype/timestamp.h"

/* A table that is copied; those come first that are worth more. */
typedef enum RecoSnapshotSource
{
	RECO_SNAPSHOT_DENY_LIST = 0,
	RECO_SNAPSHOT_ID_REGISTRY,
	RECO_SNAPSHOT_CACHE
} RecoSnapshotSource;

#define RECO_NSNAPSHOTS		(RECO_SNAPSHOT_CACHE + 1)

/* The table's name in schema reco. */
extern const char *reco_snapshot_table(RecoSnapshotSource source);

typedef struct RecoSnapshotChunk
{
	const char *category;
	int32		bucket;
	int64		bytes;			/* of its rows, before compression */
} RecoSnapshotChunk;

/* Which rows of a table go into a snapshot: those used last, as many as fit. */
typedef struct RecoSnapshotCut
{
	TimestampTz now;			/* what has expired by then does not */
	TimestampTz used_at;		/* the one used the longest ago */
	int64		digest;			/* where several were used at that time */
	int64		bytes;			/* of all of them */
} RecoSnapshotCut;

/* Tells what of a table fits into so many bytes. */
extern void reco_snapshot_cut(RecoSnapshotSource source, int64 bytes,
							  RecoSnapshotCut *cut);

/* Tells the chunks that are not as the table is, in the current context. */
extern RecoSnapshotChunk *reco_snapshot_changed(RecoSnapshotSource source,
												const RecoSnapshotCut *cut, int *nchunks);

/* Writes chunks of one table as it is now; those that are empty now go. */
extern void reco_snapshot_write(RecoSnapshotSource source,
								const RecoSnapshotChunk *chunks, int nchunks,
								const RecoSnapshotCut *cut);

/* Removes all chunks of a table. */
extern void reco_snapshot_clear(RecoSnapshotSource source);

/* Notes when a table was copied; 0 = it is not. */
extern void reco_snapshot_note_taken(RecoSnapshotSource source, TimestampTz at);

/* When a snapshot was taken last; 0 = never. */
extern TimestampTz reco_snapshot_taken_at(void);

/*
 * Are the unlogged tables those that were filled before? Recovery empties a mark with
 * them, which a TRUNCATE of theirs leaves alone.
 */
extern bool reco_snapshot_is_alive(void);
extern void reco_snapshot_set_alive(void);

/* What became of the chunks of a table. */
typedef struct RecoSnapshotRestored
{
	int64		rows;			/* are in the table now */
	int64		dropped;		/* were valid no more */
	int64		damaged;		/* chunks that could not be read */
} RecoSnapshotRestored;

/*
 * Tells the next chunks behind one (NULL = from the first on), up to 'most' and so many
 * bytes, in the current context.
 */
extern RecoSnapshotChunk *reco_snapshot_next(const char *category, int32 bucket, int most,
											 int64 bytes, int *nchunks);

/* Which table has the rows of a category. */
extern RecoSnapshotSource reco_snapshot_source_of(const char *category);

/*
 * Puts the rows of a chunk back into their table, where there are no newer ones. False =
 * it is damaged. One that was made up to look sound raises an ERROR of class 22 or 23.
 */
extern bool reco_snapshot_restore(const RecoSnapshotChunk *chunk,
								  RecoSnapshotRestored *restored);

extern void reco_snapshot_note_restored(RecoSnapshotSource source, TimestampTz from,
										const RecoSnapshotRestored *restored);

/*
 * Removes what may hold a key: NULL = all. 'asked' is as for reco_cache_delete(). What
 * else was in these chunks is copied again with the next snapshot; what was denied by
 * hand stays. Sees what was committed last, whatever the transaction's isolation.
 */
extern void reco_snapshot_remove(const char *category, const char *asked);

/* Removes all denials of a key, those by hand, too. */
extern void reco_snapshot_allow(const char *deny_key);

/*
 * Keeps others, until the transaction ends, from changing what the snapshot has of
 * denials: each writes whole chunks. After reco_cache_forbid_writing(), and before any
 * row of reco.deny_list is locked; waits for whoever is at it.
 */
extern void reco_snapshot_lock_denials(void);

/* A denial was made or changed by hand: it is in the snapshot with this transaction. */
extern void reco_snapshot_keep_denial(const char *deny_key);

#endif							/* RECO_SNAPSHOT_H */
