/*-------------------------------------------------------------------------
 *
 * pool.h
 *	  Free slots, and the blocks that hold requests and answers.
 *
 * Purpose: take and give back; copy bytes into and out of chains of blocks.
 * Runs in: any process that has the library preloaded.
 * Locks:	'pool' of shared.h, taken inside for as long as the lists are touched.
 *			The bytes of a chain belong to whoever holds the lock of its slot.
 * Never:	give a block back that still holds what somebody wrote.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_POOL_H
#define RECO_POOL_H

#include "slot.h"

/* Bytes of shared memory for so many blocks. */
extern Size reco_pool_size(uint32 nblocks);

/* Says where the blocks are; 'fresh' makes all of them, and all slots, free. */
extern void reco_pool_attach(void *memory, bool fresh);

/*
 * Takes a free slot and a chain of blocks for a request of 'len' bytes: both, or
 * false. What was missing is counted.
 */
extern bool reco_pool_claim(Size len, int *slot, uint32 *first);

/*
 * Makes a chain of 'len' bytes longer by 'more', and copies them there. False when
 * there are not enough blocks (counted); nothing has changed then. What is 'large' does
 * not get the last of them.
 */
extern bool reco_pool_append(uint32 *first, uint32 *last, uint32 *len, const void *bytes,
							 Size more, bool large);

/* Is so little left that what can be done without should not take any? */
extern bool reco_pool_is_short(void);

/* Copies bytes into a chain, from its beginning; and the first 'len' ones out of it. */
extern void reco_pool_write(uint32 first, const void *bytes, Size len);
extern void reco_pool_read(uint32 first, void *bytes, Size len);

/* Overwrites a chain of 'len' bytes and gives it back; the chain is then empty. */
extern void reco_pool_drop(uint32 *first, uint32 *len);

/* Gives a slot back. */
extern void reco_pool_release(int slot);

#endif							/* RECO_POOL_H */
