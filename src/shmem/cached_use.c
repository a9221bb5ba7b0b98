/*-------------------------------------------------------------------------
 *
 * cached_use.c
 *	  The buffer by what was read, and by what was asked for whoever answered.
 *
 * Purpose: see cached_use.h.
 * Runs in: the keeper; backends that invalidate.
 * Locks:	one partition after another, for a stretch of buckets at a time.
 * Never:	allocate or throw while a partition is locked.
 *
 *-------------------------------------------------------------------------
 */
#include "cached_use.h"

#include "cached_parts.h"

#include "utils/timestamp.h"

#define STRETCH			512		/* buckets that are looked at while a lock is held */
#define ROOM			(64 * 1024) /* bytes of the keys of one stretch */
#define MOST_UNWRITTEN	32		/* servers that answered the same, in one moment */
#define TOLD			2		/* value of 'touched': 1 = read, since then told */

/* What is collected. */
typedef struct Collection
{
	Oid			database;
	Oid			extension;
	RecoCachedUse *uses;
	int			n;
	int			most;
	char	   *room;			/* for the keys of one stretch */
	Size		left;
} Collection;

/* Keys that are told. */
typedef struct KeyList
{
	const RecoCachedKey *of;	/* its key does not count */
	TimestampTz at;
	char	  **keys;
	int			n;
	int			most;
	char	   *room;			/* for keys */
	Size		left;
} KeyList;

static void make_room(KeyList *list);
static bool list_bucket(KeyList *list, uint32 number);
static void collect_bucket(Collection *collection, uint32 number);
static int	remove_from_bucket(RecoCachedPartition *partition, uint32 number,
							  const RecoCachedKey *key, Size len);
static bool is_asked(const RecoCachedEntry *entry, const char *asked, Size len);

/* Tells what is in use, a stretch of buckets after another. */
int
reco_cached_used(Oid database, Oid extension, RecoCachedUse *uses, int most)
{
	static uint64 hand = 0;		/* bucket, of all partitions in turn */
	RecoCachedBuffer *buffer = reco_cached_buffer;
	Collection	collection = {database, extension, uses, 0, most, NULL, 0};
	uint64		total;
	uint64		looked = 0;

	if (buffer == NULL)
		return 0;
	total = (uint64) buffer->nbuckets * RECO_CACHED_PARTITIONS;
	while (looked < total && collection.n < most)
	{
		uint32		begin;
		uint32		end;
		int			before = collection.n;
		RecoCachedPartition *partition;

		hand %= total;
		partition = &buffer->partition[hand / buffer->nbuckets];
		begin = (uint32) (hand % buffer->nbuckets);
		end = begin + Min(STRETCH, buffer->nbuckets - begin);
		if (collection.room == NULL)
			collection.room = palloc(ROOM);
		if (collection.left == 0)
			collection.left = ROOM;

		LWLockAcquire(&partition->lock, LW_SHARED);
		for (uint32 b = begin; b < end; b++)
			collect_bucket(&collection, reco_cached_buckets[hand - begin + b]);
		LWLockRelease(&partition->lock);

		hand += end - begin;
		looked += end - begin;
		if (collection.n > before)
		{
			collection.room = NULL; /* the keys stay in it */
			collection.left = 0;
		}
	}
	return collection.n;
}

/* Collects the entries of a bucket that were read, as far as there is room. */
static void
collect_bucket(Collection *collection, uint32 number)
{
	for (; number != RECO_CACHED_NONE; number = reco_cached_entries[number].next)
	{
		RecoCachedEntry *entry = &reco_cached_entries[number];
		RecoCachedUse *use;
		char	   *key;

		if (entry->database != collection->database ||
			entry->extension != collection->extension || !entry->written ||
			entry->category == RECO_CATEGORY_RUN ||
			pg_atomic_read_u32(&entry->touched) != 1)
			continue;
		if (collection->n == collection->most || collection->left < entry->keylen + 1)
			return;
		key = collection->room + (ROOM - collection->left);
		reco_cached_read(entry->first, 0, key, entry->keylen);
		key[entry->keylen] = '\0';
		collection->left -= entry->keylen + 1;
		use = &collection->uses[collection->n++];
		use->category = entry->category;
		use->key = key;
		use->nhead = Min(entry->len, RECO_CACHED_HEAD);
		reco_cached_read(entry->first, entry->keylen, use->head, use->nhead);
		pg_atomic_write_u32(&entry->touched, TOLD);
	}
}

/* Tells the keys, a stretch of buckets after another. */
char	  **
reco_cached_keys(const RecoCachedKey *of, TimestampTz at, int *nkeys)
{
	RecoCachedBuffer *buffer = reco_cached_buffer;
	KeyList		list = {of, at, NULL, 0, 0, NULL, 0};

	*nkeys = 0;
	if (buffer == NULL)
		return NULL;
	for (int p = 0; p < RECO_CACHED_PARTITIONS; p++)
	{
		RecoCachedPartition *partition = &buffer->partition[p];
		uint32	   *places = reco_cached_buckets + (Size) p * buffer->nbuckets;
		uint32		begin = 0;

		while (begin < buffer->nbuckets)
		{
			uint32		b = begin;
			uint32		end = begin + Min(STRETCH, buffer->nbuckets - begin);

			make_room(&list);
			LWLockAcquire(&partition->lock, LW_SHARED);
			while (b < end && list_bucket(&list, places[b]))
				b++;
			LWLockRelease(&partition->lock);

			/* a bucket that is too full even for new room is left out */
			begin = b > begin ? b : begin + 1;
		}
	}
	*nkeys = list.n;
	return list.keys;
}

/* Makes room for the keys of a stretch, or of what is left of it. */
static void
make_room(KeyList *list)
{
	if (list->most - list->n < STRETCH)
	{
		list->most = Max(2 * list->most, 2 * STRETCH);
		list->keys = list->keys == NULL
			? palloc(sizeof(char *) * list->most)
			: repalloc_huge(list->keys, sizeof(char *) * list->most);
	}
	if (list->left < ROOM / 2)
	{
		list->room = palloc(ROOM);
		list->left = ROOM;
	}
}

/* Lists the entries of a bucket; false = there is no room, and none of them is listed. */
static bool
list_bucket(KeyList *list, uint32 number)
{
	int			n = list->n;
	Size		left = list->left;

	for (; number != RECO_CACHED_NONE; number = reco_cached_entries[number].next)
	{
		RecoCachedEntry *entry = &reco_cached_entries[number];
		char	   *key;

		if (entry->database != list->of->database ||
			entry->extension != list->of->extension ||
			entry->category != list->of->category ||
			(entry->written && entry->fresh_until <= list->at))
			continue;
		if (list->n == list->most || list->left < entry->keylen + 1)
		{
			list->n = n;
			list->left = left;
			return false;
		}
		key = list->room + (ROOM - list->left);
		reco_cached_read(entry->first, 0, key, entry->keylen);
		key[entry->keylen] = '\0';
		list->left -= entry->keylen + 1;
		list->keys[list->n++] = key;
	}
	return true;
}

/* Moves the epoch first: what comes later with an older one finds it moved. */
int64
reco_cached_remove_asked(Oid database, Oid extension, RecoCategory category,
						 const char *asked)
{
	RecoCachedBuffer *buffer = reco_cached_buffer;
	Size		len = strlen(asked);
	int64		removed = 0;

	if (buffer == NULL || !OidIsValid(database))
		return 0;
	reco_cached_row_move(database);
	for (int p = 0; p < RECO_CACHED_PARTITIONS; p++)
	{
		RecoCachedPartition *partition = &buffer->partition[p];
		uint32	   *places = reco_cached_buckets + (Size) p * buffer->nbuckets;

		for (uint32 begin = 0; begin < buffer->nbuckets; begin += STRETCH)
		{
			uint32		end = begin + Min(STRETCH, buffer->nbuckets - begin);

			LWLockAcquire(&partition->lock, LW_EXCLUSIVE);
			for (uint32 b = begin; b < end; b++)
			{
				RecoCachedKey key = {database, extension, category, asked};

				removed += remove_from_bucket(partition, places[b], &key, len);
			}
			LWLockRelease(&partition->lock);
		}
	}
	return removed;
}

/* Tells what waits; the keys of a stretch of buckets are copied while it is locked. */
char **
reco_cached_unwritten(Oid database, Oid extension, RecoCategory category,
					  const char *asked, int *nkeys)
{
	RecoCachedBuffer *buffer = reco_cached_buffer;
	Size		len = strlen(asked);
	char	   *room = palloc(MOST_UNWRITTEN * (RECO_CACHED_MAXKEY + 1));
	char	  **keys = palloc(sizeof(char *) * MOST_UNWRITTEN);
	int			n = 0;

	*nkeys = 0;
	for (int p = 0; buffer != NULL && p < RECO_CACHED_PARTITIONS; p++)
	{
		RecoCachedPartition *partition = &buffer->partition[p];
		int			row = reco_cached_row(database, false);
		uint32		number;

		LWLockAcquire(&partition->lock, LW_SHARED);
		number = row < 0 ? RECO_CACHED_NONE : partition->waiting[row].head;
		for (; number != RECO_CACHED_NONE && n < MOST_UNWRITTEN;
			 number = reco_cached_entries[number].after)
		{
			RecoCachedEntry *entry = &reco_cached_entries[number];

			if (entry->database != database || entry->extension != extension ||
				entry->category != category || !is_asked(entry, asked, len))
				continue;
			keys[n] = room + (Size) n * (RECO_CACHED_MAXKEY + 1);
			reco_cached_read(entry->first, 0, keys[n], entry->keylen);
			keys[n++][entry->keylen] = '\0';
		}
		LWLockRelease(&partition->lock);
	}
	*nkeys = n;
	return keys;
}

static int
remove_from_bucket(RecoCachedPartition *partition, uint32 number,
				   const RecoCachedKey *key, Size len)
{
	int			removed = 0;

	while (number != RECO_CACHED_NONE)
	{
		RecoCachedEntry *entry = &reco_cached_entries[number];

		number = entry->next;
		if (entry->database != key->database ||
			(OidIsValid(key->extension) && entry->extension != key->extension) ||
			!reco_cached_is_of(entry, key->category) || !is_asked(entry, key->key, len))
			continue;
		reco_cached_discard(partition, entry);
		removed++;
	}
	return removed;
}

/* Is an entry's key what people ask for, or that and a separator? */
static bool
is_asked(const RecoCachedEntry *entry, const char *asked, Size len)
{
	char		next;

	if (entry->keylen < len || !reco_cached_begins(entry->first, asked, len))
		return false;
	if (entry->keylen == len)
		return true;
	reco_cached_read(entry->first, len, &next, 1);
	return next == RECO_CACHED_SEPARATOR;
}
