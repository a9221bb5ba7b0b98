/*-------------------------------------------------------------------------
 *
 * cached_entry.c
 *	  The buffer's entries: finding them, listing them, making room.
 *
 * Purpose: see cached_parts.h.
 * Runs in: any process that has the library preloaded, the gateway too.
 * Locks:	the caller holds the partition's, exclusively for all that changes; evicting
 *			takes those of partitions, one after another.
 * Never:	evict what waits to be written and is still of use.
 *
 * Eviction is a clock: the list of clean entries of a partition is its face. One that
 * was read since it was looked at last goes to the end of the list, once.
 *
 *-------------------------------------------------------------------------
 */
#include "cached_parts.h"

#include "common/hashfn.h"

#define MOST_CHANCES	64		/* entries passed over while a lock is held */
#define MOST_VICTIMS	8		/* entries evicted while a lock is held */
#define MOST_LOOKS		64		/* unwritten entries looked at, in want of others */

static Size evict_clean(RecoCachedPartition *partition, Size wanted);
static Size evict_expired(RecoCachedPartition *partition, int row, TimestampTz now);
static Size blocks_of(const RecoCachedEntry *entry);
static RecoCachedList *list_of(RecoCachedPartition *partition,
							   const RecoCachedEntry *entry);
static uint32 number_of(const RecoCachedEntry *entry);

/* The hash of all that an entry is found by. */
uint64
reco_cached_hash(const RecoCachedKey *key, Size keylen)
{
	uint32		owner[3] = {key->database, key->extension, (uint32) key->category};
	uint64 seed = hash_bytes_extended((const unsigned char *) owner, sizeof(owner), 0);

	return hash_bytes_extended((const unsigned char *) key->key, (int) keylen, seed);
}

RecoCachedPartition *
reco_cached_partition(uint64 hash)
{
	return &reco_cached_buffer->partition[hash % RECO_CACHED_PARTITIONS];
}

/* Where the first entry of a bucket stands. */
uint32 *
reco_cached_bucket(uint64 hash)
{
	Size		nbuckets = reco_cached_buffer->nbuckets;
	Size		part = hash % RECO_CACHED_PARTITIONS;

	return &reco_cached_buckets[part * nbuckets +
								(hash / RECO_CACHED_PARTITIONS) % nbuckets];
}

/* Finds an entry, expired or not; NULL = none. */
RecoCachedEntry *
reco_cached_find(const RecoCachedKey *key, uint64 hash, Size keylen)
{
	uint32		number = *reco_cached_bucket(hash);

	while (number != RECO_CACHED_NONE)
	{
		RecoCachedEntry *entry = &reco_cached_entries[number];

		if (entry->hash == hash && entry->database == key->database &&
			entry->extension == key->extension && entry->category == key->category &&
			entry->keylen == keylen && reco_cached_begins(entry->first, key->key, keylen))
			return entry;
		number = entry->next;
	}
	return NULL;
}

bool
reco_cached_is_of(const RecoCachedEntry *entry, RecoCategory asked)
{
	return asked >= 0					? entry->category == asked
		: asked == RECO_CATEGORY_ANSWERS ? entry->category != RECO_CATEGORY_RUN
										 : true;
}

/* Counts the blocks of run records that wait to be written. */
static void
count_record(const RecoCachedEntry *entry, int sign)
{
	int32		blocks = sign * (int32) blocks_of(entry);

	if (entry->written || entry->category != RECO_CATEGORY_RUN)
		return;
	pg_atomic_fetch_add_u32(&reco_cached_buffer->record_blocks, blocks);
	pg_atomic_fetch_add_u32(&reco_cached_buffer->row[entry->row].record_blocks, blocks);
}

/* Puts an entry into the list of clean ones or into that of its database. */
void
reco_cached_enlist(RecoCachedPartition *partition, RecoCachedEntry *entry)
{
	RecoCachedList *list = list_of(partition, entry);
	uint32		number = number_of(entry);

	count_record(entry, 1);
	if (entry->written && entry->category == RECO_CATEGORY_RUN)
	{
		entry->before = RECO_CACHED_NONE;
		entry->after = list->head;
		if (list->head == RECO_CACHED_NONE)
			list->tail = number;
		else
			reco_cached_entries[list->head].before = number;
		list->head = number;
		return;
	}
	entry->before = list->tail;
	entry->after = RECO_CACHED_NONE;
	if (list->tail == RECO_CACHED_NONE)
		list->head = number;
	else
		reco_cached_entries[list->tail].after = number;
	list->tail = number;
}

/* Takes an entry out of its list; the counter of those that wait is the caller's. */
void
reco_cached_delist(RecoCachedPartition *partition, RecoCachedEntry *entry)
{
	RecoCachedList *list = list_of(partition, entry);

	count_record(entry, -1);
	if (entry->before == RECO_CACHED_NONE)
		list->head = entry->after;
	else
		reco_cached_entries[entry->before].after = entry->after;
	if (entry->after == RECO_CACHED_NONE)
		list->tail = entry->before;
	else
		reco_cached_entries[entry->after].before = entry->before;
}

void
reco_cached_discard(RecoCachedPartition *partition, RecoCachedEntry *entry)
{
	uint32	   *place = reco_cached_bucket(entry->hash);
	RecoCachedPiece piece = {number_of(entry), entry->first, entry->last};

	Assert(LWLockHeldByMeInMode(&partition->lock, LW_EXCLUSIVE));
	while (*place != piece.entry)
		place = &reco_cached_entries[*place].next;
	*place = entry->next;
	reco_cached_delist(partition, entry);
	if (!entry->written)
		reco_cached_row_end(entry->row);
	reco_cached_give(&piece);
}

/*
 * Makes room: clean entries of the partitions in turn, and if these do not do, expired
 * ones that nobody wrote. A look at a list without its lock only saves the lock.
 */
bool
reco_cached_evict(uint32 nblocks, TimestampTz now)
{
	static uint32 turn = 0;		/* which partition's unwritten ones to look at */
	RecoCachedBuffer *buffer = reco_cached_buffer;
	int			fruitless = 0;
	bool		any = false;
	Size		freed = 0;

	while (fruitless < RECO_CACHED_PARTITIONS && (freed < nblocks || !any))
	{
		uint32		hand = pg_atomic_fetch_add_u32(&buffer->evict_hand, 1);
		RecoCachedPartition *partition =
			&buffer->partition[hand % RECO_CACHED_PARTITIONS];
		Size		got = 0;

		if (*(volatile uint32 *) &partition->clean.head != RECO_CACHED_NONE)
			got = evict_clean(partition, nblocks > freed ? nblocks - freed : 1);
		fruitless = got > 0 ? 0 : fruitless + 1;
		any = any || got > 0;
		freed += got;
	}
	if (any)
		return true;

	turn++;
	for (int row = 0; row < RECO_NDATABASES; row++)
		if (pg_atomic_read_u64(&buffer->row[row].waiting) > 0)
			freed += evict_expired(&buffer->partition[turn % RECO_CACHED_PARTITIONS], row,
								   now);
	return freed > 0;
}

/* Evicts some clean entries; returns how many blocks they had, an empty one counts 1. */
static Size
evict_clean(RecoCachedPartition *partition, Size wanted)
{
	Size		freed = 0;
	int			chances = 0;

	LWLockAcquire(&partition->lock, LW_EXCLUSIVE);
	for (int victims = 0; victims < MOST_VICTIMS && freed < wanted;)
	{
		RecoCachedEntry *entry;

		if (partition->clean.head == RECO_CACHED_NONE)
			break;
		entry = &reco_cached_entries[partition->clean.head];
		if (pg_atomic_read_u32(&entry->touched) != 0 && chances++ < MOST_CHANCES)
		{
			pg_atomic_write_u32(&entry->touched, 0);
			reco_cached_delist(partition, entry);
			reco_cached_enlist(partition, entry);
			continue;
		}
		freed += blocks_of(entry);
		if (entry->category >= 0 && entry->category < RECO_NCATEGORIES)
			pg_atomic_fetch_add_u64(&reco_cached_counts[entry->category].evicted, 1);
		reco_cached_discard(partition, entry);
		victims++;
	}
	LWLockRelease(&partition->lock);
	return freed;
}

/*
 * Frees what expired among the first entries that wait; the others go to the end, so
 * that the next time is for others.
 */
static Size
evict_expired(RecoCachedPartition *partition, int row, TimestampTz now)
{
	Size		freed = 0;

	LWLockAcquire(&partition->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MOST_LOOKS; i++)
	{
		RecoCachedEntry *entry;

		if (partition->waiting[row].head == RECO_CACHED_NONE)
			break;
		entry = &reco_cached_entries[partition->waiting[row].head];
		if (entry->usable_until <= now)
		{
			freed += blocks_of(entry);
			reco_cached_discard(partition, entry);
			continue;
		}
		reco_cached_delist(partition, entry);
		reco_cached_enlist(partition, entry);
	}
	LWLockRelease(&partition->lock);
	return freed;
}

static Size
blocks_of(const RecoCachedEntry *entry)
{
	return Max(reco_cached_blocks_for((Size) entry->keylen + entry->len), 1);
}

static RecoCachedList *
list_of(RecoCachedPartition *partition, const RecoCachedEntry *entry)
{
	return entry->written ? &partition->clean : &partition->waiting[entry->row];
}

static uint32
number_of(const RecoCachedEntry *entry)
{
	return (uint32) (entry - reco_cached_entries);
}
