/*-------------------------------------------------------------------------
 *
 * pool.c
 *	  Free slots, and the blocks that hold requests and answers.
 *
 * Purpose: see pool.h.
 * Runs in: any process that has the library preloaded.
 * Locks:	'pool', below the lock of a slot; none other is taken here.
 * Never:	copy or overwrite bytes while holding 'pool'; throw.
 *
 * A chain of len bytes has exactly as many blocks as these need. Blocks that were
 * never used are not in the list of free ones, so that a large pool costs no memory
 * until it is needed.
 *
 *-------------------------------------------------------------------------
 */
#include "pool.h"

#include "storage/shmem.h"
#include "upstream/buffer.h"

#define BLOCK_DATA	(RECO_BLOCK_SIZE - sizeof(uint32))

/* Blocks that large records do not get, and below which memory is short. */
#define KEPT_BLOCKS		(reco_shared->nblocks / 16)
#define SHORT_BLOCKS	(reco_shared->nblocks / 4)

typedef struct RecoBlock
{
	uint32		next;
	char		data[BLOCK_DATA];
} RecoBlock;

StaticAssertDecl(sizeof(RecoBlock) == RECO_BLOCK_SIZE, "a block has another size");

static RecoBlock *blocks = NULL;	/* where this process sees them */

static Size blocks_for(Size len);
static bool take_blocks(Size n, Size spare, uint32 *first, uint32 *last);

Size
reco_pool_size(uint32 nblocks)
{
	return mul_size(nblocks, sizeof(RecoBlock));
}

/* Attaches to the blocks; a fresh pool has all slots and blocks free. */
void
reco_pool_attach(void *memory, bool fresh)
{
	blocks = memory;
	if (!fresh)
		return;

	reco_shared->free_block = RECO_NO_BLOCK;
	reco_shared->unused_block = 0;
	reco_shared->nfree_blocks = reco_shared->nblocks;
	reco_shared->nfree_slots = reco_shared->nslots;
	reco_shared->free_slot = 0;
	for (int i = 0; i < reco_shared->nslots; i++)
		reco_slots[i].next_free = i + 1 < reco_shared->nslots ? i + 1 : -1;
}

/* Takes a slot and a chain, or neither. */
bool
reco_pool_claim(Size len, int *slot, uint32 *first)
{
	uint32		last;
	bool		claimed = false;

	LWLockAcquire(&reco_shared->pool, LW_EXCLUSIVE);
	if (reco_shared->free_slot < 0)
		reco_shared->refused_slots++;
	else if (take_blocks(blocks_for(len), 0, first, &last))
	{
		*slot = reco_shared->free_slot;
		reco_shared->free_slot = reco_slots[*slot].next_free;
		reco_shared->nfree_slots--;
		claimed = true;
	}
	LWLockRelease(&reco_shared->pool);
	return claimed;
}

/* Appends bytes to a chain, or nothing of them. */
bool
reco_pool_append(uint32 *first, uint32 *last, uint32 *len, const void *bytes, Size more,
				 bool large)
{
	Size		used = *len - (*len == 0 ? 0 : (blocks_for(*len) - 1) * BLOCK_DATA);
	Size		room = *len == 0 ? 0 : BLOCK_DATA - used;
	uint32		new_first = RECO_NO_BLOCK;
	uint32		new_last = RECO_NO_BLOCK;

	if (more > room)
	{
		bool		taken = false;

		LWLockAcquire(&reco_shared->pool, LW_EXCLUSIVE);
		if (more <= PG_UINT32_MAX - *len)
			taken = take_blocks(blocks_for(more - room), large ? KEPT_BLOCKS : 0,
								&new_first, &new_last);
		else
			reco_shared->refused_blocks++;
		LWLockRelease(&reco_shared->pool);
		if (!taken)
			return false;
	}

	if (room > 0)
		memcpy(blocks[*last].data + used, bytes, Min(room, more));
	if (new_first != RECO_NO_BLOCK)
	{
		reco_pool_write(new_first, (const char *) bytes + room, more - room);
		if (*len == 0)
			*first = new_first;
		else
			blocks[*last].next = new_first;
		*last = new_last;
	}
	*len += more;
	return true;
}

/* A glance will do: who asks can go without. */
bool
reco_pool_is_short(void)
{
	return reco_shared->nfree_blocks < SHORT_BLOCKS;
}

/* Copies bytes into a chain that is long enough. */
void
reco_pool_write(uint32 first, const void *bytes, Size len)
{
	const char *from = bytes;

	for (uint32 block = first; len > 0; block = blocks[block].next)
	{
		Size		part = Min(len, BLOCK_DATA);

		memcpy(blocks[block].data, from, part);
		from += part;
		len -= part;
	}
}

/* Copies the beginning of a chain. */
void
reco_pool_read(uint32 first, void *bytes, Size len)
{
	char	   *to = bytes;

	for (uint32 block = first; len > 0; block = blocks[block].next)
	{
		Size		part = Min(len, BLOCK_DATA);

		memcpy(to, blocks[block].data, part);
		to += part;
		len -= part;
	}
}

/*
 * Gives a chain back, overwritten: requests hold credentials, and an answer may hold
 * a listener's token.
 */
void
reco_pool_drop(uint32 *first, uint32 *len)
{
	uint32		block = *first;
	uint32		last = RECO_NO_BLOCK;
	Size		left = *len;
	uint32		n = 0;

	while (left > 0)
	{
		Size		part = Min(left, BLOCK_DATA);

		reco_wipe(blocks[block].data, part);
		left -= part;
		last = block;
		block = blocks[block].next;
		n++;
	}
	if (n > 0)
	{
		LWLockAcquire(&reco_shared->pool, LW_EXCLUSIVE);
		blocks[last].next = reco_shared->free_block;
		reco_shared->free_block = *first;
		reco_shared->nfree_blocks += n;
		Assert(reco_shared->nfree_blocks <= reco_shared->nblocks);
		LWLockRelease(&reco_shared->pool);
	}
	*first = RECO_NO_BLOCK;
	*len = 0;
}

/* Puts a slot into the list of free ones. */
void
reco_pool_release(int slot)
{
	LWLockAcquire(&reco_shared->pool, LW_EXCLUSIVE);
	reco_slots[slot].next_free = reco_shared->free_slot;
	reco_shared->free_slot = slot;
	reco_shared->nfree_slots++;
	Assert(reco_shared->nfree_slots <= reco_shared->nslots);
	LWLockRelease(&reco_shared->pool);
}

static Size
blocks_for(Size len)
{
	return (len + BLOCK_DATA - 1) / BLOCK_DATA;
}

/* Takes a chain of n blocks, or counts that it is not to be had. */
static bool
take_blocks(Size n, Size spare, uint32 *first, uint32 *last)
{
	Assert(LWLockHeldByMeInMode(&reco_shared->pool, LW_EXCLUSIVE));
	if (n + spare > reco_shared->nfree_blocks)
	{
		reco_shared->refused_blocks++;
		return false;
	}

	*first = RECO_NO_BLOCK;
	*last = RECO_NO_BLOCK;
	for (Size i = 0; i < n; i++)
	{
		uint32		block = reco_shared->free_block;

		if (block != RECO_NO_BLOCK)
			reco_shared->free_block = blocks[block].next;
		else
			block = reco_shared->unused_block++;
		Assert(block < reco_shared->nblocks);
		blocks[block].next = *first;
		*first = block;
		if (i == 0)
			*last = block;
	}
	reco_shared->nfree_blocks -= n;
	return true;
}
