/*-------------------------------------------------------------------------
 *
 * cached_pool.c
 *	  The buffer's memory: free entries, and blocks in chains.
 *
 * Purpose: see cached_parts.h.
 * Runs in: any process that has the library preloaded, the gateway too.
 * Locks:	'pool', below that of a partition; none other is taken here.
 * Never:	copy bytes while holding 'pool'; throw.
 *
 * Blocks are small, so that the features of a track fill one and a list of 12 kB
 * wastes no more than the rest of its last one. What was never used is in no list, so
 * that a large buffer costs no memory until it is needed.
 *
 *-------------------------------------------------------------------------
 */
#include "cached_parts.h"

#define BLOCK_DATA	(RECO_CACHED_BLOCK - sizeof(uint32))

typedef struct Block
{
	uint32		next;
	char		data[BLOCK_DATA];
} Block;

StaticAssertDecl(sizeof(Block) == RECO_CACHED_BLOCK, "a block has another size");

static Block *blocks = NULL;	/* where this process sees them */

static uint32 take_entry(void);
static void take_blocks(uint32 n, RecoCachedPiece *piece);
static uint32 block_at(uint32 first, Size *offset);

/* Says where the blocks are; 'fresh' makes them and all entries free. */
void
reco_cached_pool_attach(char *memory, bool fresh)
{
	RecoCachedBuffer *buffer = reco_cached_buffer;

	blocks = (Block *) memory;
	if (!fresh)
		return;
	buffer->free_block = RECO_CACHED_NONE;
	buffer->unused_block = 0;
	buffer->nfree_blocks = buffer->nblocks;
	buffer->free_entry = RECO_CACHED_NONE;
	buffer->unused_entry = 0;
	buffer->nfree_entries = buffer->nentries;
}

uint32
reco_cached_blocks_for(Size len)
{
	return (uint32) ((len + BLOCK_DATA - 1) / BLOCK_DATA);
}

/* Takes both or neither. */
bool
reco_cached_take(uint32 nblocks, RecoCachedPiece *piece)
{
	RecoCachedBuffer *buffer = reco_cached_buffer;
	bool		taken = false;

	LWLockAcquire(&buffer->pool, LW_EXCLUSIVE);
	if (buffer->nfree_entries > 0 && buffer->nfree_blocks >= nblocks)
	{
		piece->entry = take_entry();
		take_blocks(nblocks, piece);
		taken = true;
	}
	LWLockRelease(&buffer->pool);
	return taken;
}

/* Gives a chain and an entry back, where there are such. */
void
reco_cached_give(RecoCachedPiece *piece)
{
	RecoCachedBuffer *buffer = reco_cached_buffer;
	uint32		n = 0;

	if (piece->first != RECO_CACHED_NONE)
		for (uint32 b = piece->first;; b = blocks[b].next)
		{
			n++;
			if (b == piece->last)
				break;
		}
	else if (piece->entry == RECO_CACHED_NONE)
		return;

	LWLockAcquire(&buffer->pool, LW_EXCLUSIVE);
	if (n > 0)
	{
		blocks[piece->last].next = buffer->free_block;
		buffer->free_block = piece->first;
		buffer->nfree_blocks += n;
		Assert(buffer->nfree_blocks <= buffer->nblocks);
	}
	if (piece->entry != RECO_CACHED_NONE)
	{
		reco_cached_entries[piece->entry].next = buffer->free_entry;
		buffer->free_entry = piece->entry;
		buffer->nfree_entries++;
		Assert(buffer->nfree_entries <= buffer->nentries);
	}
	LWLockRelease(&buffer->pool);
	piece->entry = piece->first = piece->last = RECO_CACHED_NONE;
}

/* Copies bytes into a chain that is long enough. */
void
reco_cached_write(uint32 first, Size offset, const char *from, Size len)
{
	uint32		block = block_at(first, &offset);

	while (len > 0)
	{
		Size		part = Min(len, BLOCK_DATA - offset);

		memcpy(blocks[block].data + offset, from, part);
		from += part;
		len -= part;
		offset = 0;
		block = blocks[block].next;
	}
}

void
reco_cached_read(uint32 first, Size offset, char *to, Size len)
{
	uint32		block = block_at(first, &offset);

	while (len > 0)
	{
		Size		part = Min(len, BLOCK_DATA - offset);

		memcpy(to, blocks[block].data + offset, part);
		to += part;
		len -= part;
		offset = 0;
		block = blocks[block].next;
	}
}

bool
reco_cached_begins(uint32 first, const char *bytes, Size len)
{
	for (uint32 block = first; len > 0; block = blocks[block].next)
	{
		Size		part = Min(len, BLOCK_DATA);

		if (memcmp(blocks[block].data, bytes, part) != 0)
			return false;
		bytes += part;
		len -= part;
	}
	return true;
}

static uint32
take_entry(void)
{
	RecoCachedBuffer *buffer = reco_cached_buffer;
	uint32		entry = buffer->free_entry;

	if (entry != RECO_CACHED_NONE)
		buffer->free_entry = reco_cached_entries[entry].next;
	else
	{
		entry = buffer->unused_entry++;
		pg_atomic_init_u32(&reco_cached_entries[entry].touched, 0);
	}
	Assert(entry < buffer->nentries);
	buffer->nfree_entries--;
	return entry;
}

/* Takes blocks that are there, as a chain. */
static void
take_blocks(uint32 n, RecoCachedPiece *piece)
{
	RecoCachedBuffer *buffer = reco_cached_buffer;

	piece->first = RECO_CACHED_NONE;
	piece->last = RECO_CACHED_NONE;
	for (uint32 i = 0; i < n; i++)
	{
		uint32		block = buffer->free_block;

		if (block != RECO_CACHED_NONE)
			buffer->free_block = blocks[block].next;
		else
			block = buffer->unused_block++;
		Assert(block < buffer->nblocks);

		/* in the order of the pool: neighbours in memory follow each other */
		blocks[block].next = RECO_CACHED_NONE;
		if (piece->first == RECO_CACHED_NONE)
			piece->first = block;
		else
			blocks[piece->last].next = block;
		piece->last = block;
	}
	buffer->nfree_blocks -= n;
}

/* The block that holds a byte of a chain; the offset is then one within it. */
static uint32
block_at(uint32 first, Size *offset)
{
	uint32		block = first;

	for (; *offset >= BLOCK_DATA; *offset -= BLOCK_DATA)
		block = blocks[block].next;
	return block;
}
