/*-------------------------------------------------------------------------
 *
 * cached_sweep.c
 *	  The buffer as a whole: draining, removing, counting what is there.
 *
 * Purpose: see cached.h.
 * Runs in: backends and the keeper.
 * Locks:	one partition after another, for a stretch of entries at a time.
 * Never:	allocate or throw while a partition is locked.
 *
 *-------------------------------------------------------------------------
 */
#include "cached_parts.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#define STRETCH			512		/* buckets that are swept while a lock is held */
#define MOST_BYTES		(256 * 1024 * 1024) /* of a drain */

/* Which entries; as the arguments of reco_cached_remove and _usage say. */
typedef struct Filter
{
	Oid			database;		/* InvalidOid = all */
	Oid			extension;		/* InvalidOid = all */
	RecoCategory category;		/* -1 = all, RECO_CATEGORY_ANSWERS */
	const char *key;			/* NULL = all */
	Size		keylen;
} Filter;

/* What a sweep does, and what it found. */
typedef struct Sweep
{
	Filter		filter;
	bool		remove;
	int64		entries;
	int64		bytes;
	int64		unwritten;
} Sweep;

/* A drain on its way. */
typedef struct Drain
{
	Oid			database;
	Oid			extension;
	int			row;
	TimestampTz now;
	RecoCachedUnwritten *entries;
	int			n;
	int			most;
	Size		bytes;			/* left */
	bool		full;
} Drain;

static void sweep_all(Sweep *sweep);
static void sweep_bucket(RecoCachedPartition *partition, uint32 *place, Sweep *sweep);
static bool matches(const RecoCachedEntry *entry, const Filter *filter);
static void drain_partition(Drain *drain, RecoCachedPartition *partition);
static Size measure(Drain *drain, RecoCachedPartition *partition, int *n);
static void copy(Drain *drain, RecoCachedPartition *partition, char *memory, Size size,
				 int most);
static Size size_of(const RecoCachedEntry *entry);

/* Moves the epoch first: what comes later with an older one finds it moved. */
int64
reco_cached_remove(Oid database, Oid extension, RecoCategory category, const char *key)
{
	Sweep		sweep = {{database, extension, category, key, 0}, true, 0, 0, 0};

	if (reco_cached_buffer == NULL || !OidIsValid(database))
		return 0;
	if (key != NULL)
		sweep.filter.keylen = strlen(key);
	reco_cached_row_move(database);

	if (key != NULL && category >= 0 && OidIsValid(extension))
	{
		RecoCachedKey looked_for = {database, extension, category, key};
		uint64		hash = reco_cached_hash(&looked_for, sweep.filter.keylen);
		RecoCachedPartition *partition = reco_cached_partition(hash);

		LWLockAcquire(&partition->lock, LW_EXCLUSIVE);
		sweep_bucket(partition, reco_cached_bucket(hash), &sweep);
		LWLockRelease(&partition->lock);
	}
	else
		sweep_all(&sweep);
	return sweep.entries;
}

/* Counts entries; 'database' InvalidOid means those of all. */
void
reco_cached_usage(Oid database, RecoCategory category, int64 *entries, int64 *bytes,
				  int64 *unwritten)
{
	Sweep		sweep = {{database, InvalidOid, category, NULL, 0}, false, 0, 0, 0};

	if (reco_cached_buffer != NULL)
		sweep_all(&sweep);
	*entries = sweep.entries;
	*bytes = sweep.bytes;
	*unwritten = sweep.unwritten;
}

/*
 * Drains one partition after another, the oldest entries of each first. The next drain
 * begins behind the one where this one was full, so that all have their turn.
 */
int
reco_cached_drain(Oid database, Oid extension, RecoCachedUnwritten *entries, int most,
				  Size bytes)
{
	static int	turn = 0;
	Drain		drain = {0};
	int			begin = turn;

	if (reco_cached_buffer == NULL || most <= 0)
		return 0;
	drain.database = database;
	drain.extension = extension;
	drain.row = reco_cached_row(database, false);
	if (drain.row < 0 || reco_cached_waiting(database) == 0)
		return 0;
	drain.now = GetCurrentTimestamp();
	drain.entries = entries;
	drain.most = most;
	drain.bytes = Min(bytes, MOST_BYTES);

	for (int i = 0; i < RECO_CACHED_PARTITIONS && !drain.full; i++)
	{
		int			p = (begin + i) % RECO_CACHED_PARTITIONS;

		drain_partition(&drain, &reco_cached_buffer->partition[p]);
		turn = (p + 1) % RECO_CACHED_PARTITIONS;
	}
	return drain.n;
}

static void
sweep_all(Sweep *sweep)
{
	RecoCachedBuffer *buffer = reco_cached_buffer;
	LWLockMode	mode = sweep->remove ? LW_EXCLUSIVE : LW_SHARED;

	for (int p = 0; p < RECO_CACHED_PARTITIONS; p++)
	{
		RecoCachedPartition *partition = &buffer->partition[p];
		uint32	   *places = reco_cached_buckets + (Size) p * buffer->nbuckets;

		for (uint32 begin = 0; begin < buffer->nbuckets; begin += STRETCH)
		{
			uint32		end = begin + Min(STRETCH, buffer->nbuckets - begin);

			LWLockAcquire(&partition->lock, mode);
			for (uint32 b = begin; b < end; b++)
				sweep_bucket(partition, &places[b], sweep);
			LWLockRelease(&partition->lock);
		}
	}
}

/* Counts the entries of a bucket that are meant, and removes them if that is wanted. */
static void
sweep_bucket(RecoCachedPartition *partition, uint32 *place, Sweep *sweep)
{
	uint32		number = *place;

	while (number != RECO_CACHED_NONE)
	{
		RecoCachedEntry *entry = &reco_cached_entries[number];

		number = entry->next;
		if (!matches(entry, &sweep->filter))
			continue;
		sweep->entries++;
		sweep->bytes +=
			(int64) reco_cached_blocks_for((Size) entry->keylen + entry->len) *
			RECO_CACHED_BLOCK;
		if (!entry->written)
			sweep->unwritten++;
		if (sweep->remove)
			reco_cached_discard(partition, entry);
	}
}

static bool
matches(const RecoCachedEntry *entry, const Filter *filter)
{
	if (OidIsValid(filter->database) && entry->database != filter->database)
		return false;
	if (OidIsValid(filter->extension) && entry->extension != filter->extension)
		return false;
	if (!reco_cached_is_of(entry, filter->category))
		return false;
	return filter->key == NULL ||
		(entry->keylen == filter->keylen &&
		 reco_cached_begins(entry->first, filter->key, filter->keylen));
}

/* Measures, makes memory without the lock, and copies what is still there. */
static void
drain_partition(Drain *drain, RecoCachedPartition *partition)
{
	int			n;
	Size		size = measure(drain, partition, &n);

	if (n > 0)
		copy(drain, partition, palloc(size), size, n);
}

/*
 * How many entries of a partition are to be drained, and how much memory they take. On
 * the way there, those that nobody will ever want go: expired ones, and those of an
 * extension that is no more (its successor has drained).
 */
static Size
measure(Drain *drain, RecoCachedPartition *partition, int *n)
{
	Size		size = 0;
	uint32		number;

	*n = 0;
	LWLockAcquire(&partition->lock, LW_EXCLUSIVE);
	number = partition->waiting[drain->row].head;
	while (number != RECO_CACHED_NONE)
	{
		RecoCachedEntry *entry = &reco_cached_entries[number];

		number = entry->after;
		if (entry->database != drain->database)
			continue;			/* the row has just passed on */
		if (entry->usable_until <= drain->now || entry->extension != drain->extension)
		{
			reco_cached_discard(partition, entry);
			continue;
		}
		/* the first one always, or a large one would wait for ever */
		if (drain->n + *n >= drain->most ||
			(drain->n + *n > 0 && size + size_of(entry) > drain->bytes))
		{
			drain->full = true;
			break;
		}
		size += size_of(entry);
		(*n)++;
	}
	LWLockRelease(&partition->lock);
	return size;
}

/* Copies up to so many entries into memory of that size. */
static void
copy(Drain *drain, RecoCachedPartition *partition, char *memory, Size size, int most)
{
	uint32		number;

	LWLockAcquire(&partition->lock, LW_SHARED);
	number = partition->waiting[drain->row].head;
	for (; most > 0 && number != RECO_CACHED_NONE; most--)
	{
		RecoCachedEntry *entry = &reco_cached_entries[number];
		RecoCachedUnwritten *to = &drain->entries[drain->n];

		number = entry->after;
		if (entry->database != drain->database || entry->extension != drain->extension)
			continue;
		if (size_of(entry) > size)
			break;
		to->category = entry->category;
		to->key = memory;
		reco_cached_read(entry->first, 0, memory, entry->keylen);
		memory[entry->keylen] = '\0';
		memory += entry->keylen + 1;
		reco_cached_read(entry->first, entry->keylen, memory, entry->len);
		memory[entry->len] = '\0';
		to->value.absent = entry->absent;
		to->value.fetched_at = entry->fetched_at;
		to->value.fresh_until = entry->fresh_until;
		to->value.usable_until = entry->usable_until;
		to->value.value = entry->absent ? NULL : memory;
		to->value.len = entry->len;
		to->value.version = entry->version;
		memory += entry->len + 1;

		size -= size_of(entry);
		drain->bytes -= Min(drain->bytes, size_of(entry));
		drain->n++;
	}
	LWLockRelease(&partition->lock);
}

/* What a copy of an entry takes. */
static Size
size_of(const RecoCachedEntry *entry)
{
	return (Size) entry->keylen + 1 + entry->len + 1;
}
