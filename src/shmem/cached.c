/*-------------------------------------------------------------------------
 *
 * cached.c
 *	  The buffer: laying it out, putting, getting, and what became of the written.
 *
 * Purpose: see cached.h.
 * Runs in: any process that has the library preloaded. The gateway puts.
 * Locks:	the partition's: shared to read, exclusively to change. Memory is taken and
 *			filled before, and given back after that.
 * Never:	allocate, throw or copy a value into the buffer while a partition is locked.
 *
 *-------------------------------------------------------------------------
 */
#include "cached.h"

#include "cached_parts.h"
#include "guc.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#define MOST_TRIES		8		/* others may take what was just freed */
#define MOST_LEN		(64 * 1024 * 1024)	/* bytes of a value */

RecoCachedBuffer *reco_cached_buffer = NULL;
RecoCachedEntry *reco_cached_entries = NULL;
uint32	   *reco_cached_buckets = NULL;
RecoCachedCount *reco_cached_counts = NULL;

/* How the memory is divided. */
typedef struct Layout
{
	uint32		nentries;
	uint32		nbuckets;
	uint32		nblocks;
	Size		entries;		/* where they begin */
	Size		buckets;
	Size		blocks;
} Layout;

static void lay_out(Layout *layout);
static void make(const Layout *layout, int tranche);
static bool crowds_out(RecoCategory category, int row, Size len);
static bool make_piece(const RecoCachedKey *key, Size keylen,
					   const RecoCachedValue *value, TimestampTz now,
					   RecoCachedPiece *piece);
static bool place(const RecoCachedKey *key, Size keylen, const RecoCachedValue *value,
				  bool written, int row, TimestampTz now, RecoCachedPiece *piece);
static RecoCachedEntry *add_entry(const RecoCachedKey *key, uint64 hash, Size keylen,
								  uint32 number);
static void count_put(RecoCategory category, bool dropped);

Size
reco_cached_size(void)
{
	return (Size) reco_guc_buffer_memory * 1024;
}

/* Finds the parts, and fills them in when they are fresh. */
void
reco_cached_attach(char *memory, bool fresh, int tranche)
{
	Layout		layout;

	lay_out(&layout);
	reco_cached_buffer = (RecoCachedBuffer *) memory;
	reco_cached_entries = (RecoCachedEntry *) (memory + layout.entries);
	reco_cached_buckets = (uint32 *) (memory + layout.buckets);
	reco_cached_counts = reco_cached_buffer->counts;
	if (fresh)
		make(&layout, tranche);
	reco_cached_pool_attach(memory + layout.blocks, fresh);
}

/* Puts a value; the partition is locked only to exchange a chain for another one. */
bool
reco_cached_put(const RecoCachedKey *key, const RecoCachedValue *value, bool written,
				uint64 epoch)
{
	TimestampTz now = GetCurrentTimestamp();
	Size		keylen = strlen(key->key);
	RecoCachedPartition *partition;
	RecoCachedPiece piece;
	bool		put = false;
	int			row;

	if (reco_cached_buffer == NULL || value->usable_until <= now)
		return false;
	row = reco_cached_row(key->database, true);
	if (row < 0 || (!written && crowds_out(key->category, row, keylen + value->len)) ||
		!make_piece(key, keylen, value, now, &piece))
	{
		count_put(key->category, true);
		return false;
	}

	partition = reco_cached_partition(reco_cached_hash(key, keylen));
	LWLockAcquire(&partition->lock, LW_EXCLUSIVE);
	if (reco_cached_row_is_at(row, key->database, epoch))
		put = place(key, keylen, value, written, row, now, &piece);
	LWLockRelease(&partition->lock);
	reco_cached_give(&piece);

	if (!put)
		return false;
	count_put(key->category, false);
	if (!written)
		reco_database_wake_writer(key->database);
	return true;
}

/* Is a value that nobody wrote refused, however small it is? */
bool
reco_cached_refuses(Oid database, RecoCategory category)
{
	int row = reco_cached_buffer == NULL ? -1 : reco_cached_row(database, false);

	if (row < 0 || !crowds_out(category, row, 1))
		return false;
	count_put(category, true);
	return true;
}

/* Copies a value, as far as there is room for it. */
bool
reco_cached_copy(const RecoCachedKey *key, RecoCachedValue *value, char *room, Size size)
{
	TimestampTz now = GetCurrentTimestamp();
	Size		keylen = strlen(key->key);
	RecoCachedPartition *partition;
	RecoCachedEntry *entry;
	uint64		hash;
	bool		found;

	if (reco_cached_buffer == NULL || keylen > RECO_CACHED_MAXKEY)
		return false;
	hash = reco_cached_hash(key, keylen);
	partition = reco_cached_partition(hash);

	LWLockAcquire(&partition->lock, LW_SHARED);
	entry = reco_cached_find(key, hash, keylen);
	found = entry != NULL && entry->usable_until > now;
	if (found)
	{
		value->absent = entry->absent;
		value->fetched_at = entry->fetched_at;
		value->fresh_until = entry->fresh_until;
		value->usable_until = entry->usable_until;
		value->len = entry->len;
		value->version = entry->version;
		value->value = entry->len <= size ? room : NULL;
		if (value->value != NULL)
			reco_cached_read(entry->first, keylen, room, entry->len);
		if (pg_atomic_read_u32(&entry->touched) != 1)
			pg_atomic_write_u32(&entry->touched, 1);
	}
	LWLockRelease(&partition->lock);
	return found;
}

/*
 * Gets a value. How much memory it takes is seen under the lock; the memory is made
 * without, and then the value may be another one, so it is looked up again.
 */
bool
reco_cached_get(const RecoCachedKey *key, RecoCachedValue *value)
{
	char	   *room = NULL;
	Size		size = 0;

	while (reco_cached_copy(key, value, room, size == 0 ? 0 : size - 1))
	{
		if (value->value != NULL)
		{
			room[value->len] = '\0';
			value->value = value->absent ? NULL : room;
			return true;
		}
		if (room != NULL)
			pfree(room);
		size = value->len + 1;
		room = palloc(size);
	}
	if (room != NULL)
		pfree(room);
	return false;
}

/* Makes an entry a clean one, if it is still what was written. */
void
reco_cached_written(Oid database, Oid extension, RecoCategory category, const char *key,
					uint64 version)
{
	RecoCachedKey looked_for = {database, extension, category, key};
	Size		keylen = strlen(key);
	RecoCachedPartition *partition;
	RecoCachedEntry *entry;
	uint64		hash;

	if (reco_cached_buffer == NULL)
		return;
	hash = reco_cached_hash(&looked_for, keylen);
	partition = reco_cached_partition(hash);
	LWLockAcquire(&partition->lock, LW_EXCLUSIVE);
	entry = reco_cached_find(&looked_for, hash, keylen);
	if (entry != NULL && !entry->written && entry->version == version)
	{
		reco_cached_delist(partition, entry);
		reco_cached_row_end(entry->row);
		entry->written = true;
		reco_cached_enlist(partition, entry);
	}
	LWLockRelease(&partition->lock);
}

/* The blocks that there are, and those that are free, in bytes. */
void
reco_cached_memory(int64 *total, int64 *unused)
{
	*total = 0;
	*unused = 0;
	if (reco_cached_buffer == NULL)
		return;
	*total = (int64) reco_cached_buffer->nblocks * RECO_CACHED_BLOCK;
	LWLockAcquire(&reco_cached_buffer->pool, LW_SHARED);
	*unused = (int64) reco_cached_buffer->nfree_blocks * RECO_CACHED_BLOCK;
	LWLockRelease(&reco_cached_buffer->pool);
}

/* Divides the memory: an entry for each so many bytes, and blocks of what is left. */
static void
lay_out(Layout *layout)
{
	Size		size = reco_cached_size();

	layout->nentries = (uint32) (size / RECO_CACHED_PER_ENTRY);
	layout->nbuckets = layout->nentries / RECO_CACHED_PARTITIONS;
	layout->entries = CACHELINEALIGN(sizeof(RecoCachedBuffer));
	layout->buckets =
		layout->entries + CACHELINEALIGN(layout->nentries * sizeof(RecoCachedEntry));
	layout->blocks = layout->buckets +
		CACHELINEALIGN((Size) layout->nbuckets * RECO_CACHED_PARTITIONS * sizeof(uint32));
	Assert(layout->blocks < size);
	layout->nblocks = (uint32) ((size - layout->blocks) / RECO_CACHED_BLOCK);
}

/* Fills in all but the pool. */
static void
make(const Layout *layout, int tranche)
{
	RecoCachedBuffer *buffer = reco_cached_buffer;
	RecoCachedList empty = {RECO_CACHED_NONE, RECO_CACHED_NONE};

	memset(buffer, 0, sizeof(*buffer));
	buffer->nentries = layout->nentries;
	buffer->nbuckets = layout->nbuckets;
	buffer->nblocks = layout->nblocks;
	pg_atomic_init_u32(&buffer->evict_hand, 0);
	pg_atomic_init_u32(&buffer->record_blocks, 0);
	pg_atomic_init_u64(&buffer->last_epoch, 0);
	LWLockInitialize(&buffer->rows, tranche);
	LWLockInitialize(&buffer->pool, tranche);
	for (int i = 0; i < RECO_NDATABASES; i++)
	{
		pg_atomic_init_u32(&buffer->row[i].database, InvalidOid);
		pg_atomic_init_u64(&buffer->row[i].epoch, 0);
		pg_atomic_init_u64(&buffer->row[i].waiting, 0);
		pg_atomic_init_u32(&buffer->row[i].record_blocks, 0);
		pg_atomic_init_u64(&buffer->row[i].used_at, 0);
		pg_atomic_init_u64(&buffer->row[i].moved_at, 0);
	}
	for (int p = 0; p < RECO_CACHED_PARTITIONS; p++)
	{
		RecoCachedPartition *partition = &buffer->partition[p];

		LWLockInitialize(&partition->lock, tranche);
		partition->clean = empty;
		for (int i = 0; i < RECO_NDATABASES; i++)
			partition->waiting[i] = empty;
	}
	for (int c = 0; c < RECO_NCATEGORIES; c++)
		for (int i = 0; i < RECO_CACHED_NCOUNTERS; i++)
			pg_atomic_init_u64(reco_cached_counters(c) + i, 0);
	reco_cached_load_counters();
	memset(reco_cached_buckets, 0xFF,
		   (Size) buffer->nbuckets * RECO_CACHED_PARTITIONS * sizeof(uint32));
}

pg_atomic_uint64 *
reco_cached_counters(RecoCategory category)
{
	return (pg_atomic_uint64 *) &reco_cached_counts[category];
}

/*
 * Takes memory for a value and fills it in; false = it is not to be had. One value may
 * have a quarter of the buffer at most.
 */
static bool
make_piece(const RecoCachedKey *key, Size keylen, const RecoCachedValue *value,
		   TimestampTz now, RecoCachedPiece *piece)
{
	Size		len = value->absent ? 0 : value->len;
	uint32		nblocks;

	if (keylen > RECO_CACHED_MAXKEY || len > MOST_LEN)
		return false;
	nblocks = reco_cached_blocks_for(keylen + len);
	if (nblocks > reco_cached_buffer->nblocks / 4)
		return false;
	for (int tries = 0; !reco_cached_take(nblocks, piece); tries++)
		if (tries >= MOST_TRIES || !reco_cached_evict(nblocks, now))
			return false;

	reco_cached_write(piece->first, 0, key->key, keylen);
	if (len > 0)
		reco_cached_write(piece->first, keylen, value->value, len);
	return true;
}

/*
 * Do run records that wait take their half already? Else a burst of lists that are made
 * faster than their records are written takes all memory from what the next lists are
 * made of. An eighth is each database's own, whatever another one's keeper leaves lying.
 */
static bool
crowds_out(RecoCategory category, int row, Size len)
{
	RecoCachedBuffer *buffer = reco_cached_buffer;
	uint32		blocks = reco_cached_blocks_for(len);

	return category == RECO_CATEGORY_RUN &&
		pg_atomic_read_u32(&buffer->record_blocks) + blocks > buffer->nblocks / 2 &&
		pg_atomic_read_u32(&buffer->row[row].record_blocks) + blocks >
		buffer->nblocks / 8;
}

/*
 * Makes a filled piece an entry's, under the lock; what is no longer needed is in
 * 'piece' afterwards. What comes from a table never takes the place of something that
 * is at least as new.
 */
static bool
place(const RecoCachedKey *key, Size keylen, const RecoCachedValue *value, bool written,
	  int row, TimestampTz now, RecoCachedPiece *piece)
{
	uint64		hash = reco_cached_hash(key, keylen);
	RecoCachedPartition *partition = reco_cached_partition(hash);
	RecoCachedEntry *entry = reco_cached_find(key, hash, keylen);
	uint32		old_first = RECO_CACHED_NONE;
	uint32		old_last = RECO_CACHED_NONE;

	if (written && entry != NULL && entry->usable_until > now &&
		entry->fetched_at >= value->fetched_at)
		return true;
	if (!written && !reco_cached_row_begin(row, key->database))
		return false;

	if (entry == NULL)
	{
		entry = add_entry(key, hash, keylen, piece->entry);
		piece->entry = RECO_CACHED_NONE;
	}
	else
	{
		old_first = entry->first;
		old_last = entry->last;
		reco_cached_delist(partition, entry);
		if (!entry->written)
			reco_cached_row_end(entry->row);
	}
	entry->first = piece->first;
	entry->last = piece->last;
	entry->len = value->absent ? 0 : (uint32) value->len;
	entry->row = row;
	entry->absent = value->absent;
	entry->written = written;
	entry->fetched_at = value->fetched_at;
	entry->fresh_until = value->fresh_until;
	entry->usable_until = value->usable_until;
	entry->version = ++partition->version;
	reco_cached_enlist(partition, entry);
	piece->first = old_first;
	piece->last = old_last;
	return true;
}

/* Makes a free entry that of a key, in its bucket. */
static RecoCachedEntry *
add_entry(const RecoCachedKey *key, uint64 hash, Size keylen, uint32 number)
{
	uint32	   *bucket = reco_cached_bucket(hash);
	RecoCachedEntry *entry = &reco_cached_entries[number];

	entry->hash = hash;
	entry->database = key->database;
	entry->extension = key->extension;
	entry->category = key->category;
	entry->keylen = (uint32) keylen;
	pg_atomic_write_u32(&entry->touched, 0);
	entry->next = *bucket;
	*bucket = number;
	return entry;
}

static void
count_put(RecoCategory category, bool dropped)
{
	RecoCachedCount *count;

	if (category < 0 || category >= RECO_NCATEGORIES)
		return;
	count = &reco_cached_counts[category];
	pg_atomic_fetch_add_u64(dropped ? &count->dropped : &count->puts, 1);
}

const char *
reco_category_name(RecoCategory category)
{
	switch (category)
	{
		case RECO_CATEGORY_RESULT:
			return "result";
		case RECO_CATEGORY_ARTIFACTS:
			return "artifacts";
		case RECO_CATEGORY_DENIED:
			return "denied";
		case RECO_CATEGORY_RUN:
			return "run";
		case RECO_CATEGORY_POPULAR:
			return "popular_mood";
		default:
			return reco_operation_name(category);
	}
}

RecoCategory
reco_category_of(const char *name)
{
	if (reco_operation_of(name) >= 0)
		return reco_operation_of(name);
	for (RecoCategory category = RECO_NOPERATIONS; category < RECO_NCATEGORIES;
		 category++)
		if (strcmp(name, reco_category_name(category)) == 0)
			return category;
	return -1;
}

bool
reco_category_is_kept(RecoCategory category)
{
	if (category >= RECO_NOPERATIONS)
		return category != RECO_CATEGORY_RUN;
	return category >= 0 && category != RECO_OP_PROBE &&
		category != RECO_OP_RB_ARTIST_TRACKS;
}
