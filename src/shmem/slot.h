/*-------------------------------------------------------------------------
 *
 * slot.h
 *	  Questions on their way between a backend and the gateway.
 *
 * Purpose: a slot carries one request there and its answers back; both are
 *			chains of blocks from one pool. Nothing is ever waited for but the
 *			own latch.
 * Runs in: backends (upper half), the gateway (lower half).
 * Locks:	a slot's own 'lock' for its fields; 'pool' and 'gateway_lock' of
 *			shared.h below it.
 * Never:	leave a slot behind: cancel, terminate, FATAL and a dead gateway all
 *			end here.
 *
 *	 FREE --claim--> CLAIMED --queue--> QUEUED --begin--> RUNNING --finish--> DONE
 *	  ^                 |                  |                 |                 |
 *	  +---- release ----+------------------+-----------------+--- release -----+
 *
 * Only the owner frees; what it leaves RUNNING is marked 'abandoned' and freed by
 * the gateway, at once. Every time a slot is freed, its generation moves, so that a
 * reference to it from before means nothing. The gateway's list is a list of slots
 * to look at, whatever their state: a slot that was freed may still stand in it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_SLOT_H
#define RECO_SLOT_H

#include "shared.h"

/* Interactive comes first; background classes never take the last third. */
typedef enum RecoPriority
{
	RECO_PRIORITY_INTERACTIVE = 0,
	RECO_PRIORITY_REFRESH,
	RECO_PRIORITY_PREFETCH,
	RECO_PRIORITY_WARM,
	RECO_NPRIORITIES
} RecoPriority;

extern const char *reco_priority_name(RecoPriority priority);
extern int	reco_priority_of(const char *name); /* -1 = none */

typedef enum RecoSlotState
{
	RECO_SLOT_FREE = 0,
	RECO_SLOT_CLAIMED,
	RECO_SLOT_QUEUED,
	RECO_SLOT_RUNNING,
	RECO_SLOT_DONE
} RecoSlotState;

#define RECO_BLOCK_SIZE		4096	/* bytes, the link to the next one included */
#define RECO_NO_BLOCK		0xFFFFFFFFu

struct RecoSlot
{
	LWLock		lock;
	RecoSlotState state;
	uint32		generation;
	bool		abandoned;		/* the owner is gone; the gateway frees it */
	bool		detached;		/* nobody will wait: the gateway frees it as it begins */
	bool		listed;			/* stands in the gateway's list; under gateway_lock */
	int			next;			/* in that list */
	int			next_free;		/* in the list of free slots; under 'pool' */
	int			owner_procno;
	int			owner_pid;
	Oid			database;
	int64		submitted_at;	/* monotonic us */
	int64		deadline;		/* monotonic us */
	uint32		request;		/* first block; wiped when freed */
	uint32		request_len;
	uint32		answer;			/* first block */
	uint32		answer_last;	/* last block */
	uint32		answer_len;		/* whole records only */
	bool		crowded;		/* a record found no memory: some keys have none */
};

/* A slot that a backend owns, as long as the generation is right. */
typedef struct RecoSlotRef
{
	int			slot;			/* -1 = none */
	uint32		generation;
} RecoSlotRef;

/* ---- backends ---- */

/*
 * Submits a request (bytes of wire.h). Never waits. Otherwise false, and why:
 * busy (no slot or memory), lost (no gateway runs), unconfigured (not preloaded).
 */
extern PGDLLEXPORT bool reco_slot_submit(const void *request, Size len, int64 deadline,
										 RecoSlotRef *ref, RecoOutcome *why);

/*
 * Submits a request whose answers nobody waits for: they go to the buffer. Never waits;
 * false and why as above.
 */
extern bool reco_slot_submit_detached(const void *request, Size len, int64 deadline,
									  RecoOutcome *why);

/*
 * Waits until all of the slots are done, or any with 'any', or the gateway is
 * gone, or until 'until' (monotonic us). Raises what cancels the backend; the
 * slots are then given back. Returns how many are done.
 */
extern PGDLLEXPORT int reco_slots_wait(const RecoSlotRef *refs, int nrefs, bool any,
									   int64 until);

extern bool reco_slot_is_done(RecoSlotRef ref);

/*
 * Copies the answers that are there (records of wire.h) into palloc'd memory and
 * gives the slot back, whatever its state; 'done' tells whether these are all.
 */
extern PGDLLEXPORT char *reco_slot_take(RecoSlotRef *ref, Size *len, bool *done);

/* Has a slot an answer that is not whole, for want of memory? */
extern bool reco_slot_is_crowded(RecoSlotRef ref);

/* Copies what is there likewise, and leaves the slot as it is. */
extern char *reco_slot_peek(RecoSlotRef ref, Size *len);

/* Gives a slot back, unread. */
extern void reco_slot_release(RecoSlotRef *ref);

/* How many slots this backend owns: 0 outside of a call. For tests. */
extern int	reco_slots_owned(void);

/* ---- the gateway ---- */

/* Says that this process is the gateway, answers what a former one left behind. */
extern void reco_slots_serve(void);

/* Answers all that is under way as lost, wakes its owners. At exit, too. */
extern void reco_slots_lose_all(void);

/* The next slot to look at, or -1: newly queued, or abandoned. */
extern int	reco_slots_next(void);

/* What a slot asks. The bytes are malloc'd; wipe and free them. */
typedef struct RecoSlotRequest
{
	uint32		generation;
	int			owner;			/* number of its process; -1 = nobody waits */
	Oid			database;
	int64		submitted_at;
	int64		deadline;
	char	   *bytes;
	Size		len;
} RecoSlotRequest;

typedef enum RecoSlotNext
{
	RECO_SLOT_NOTHING = 0,		/* freed, or nothing to do */
	RECO_SLOT_BEGIN,			/* QUEUED -> RUNNING, 'request' is filled in */
	RECO_SLOT_DETACHED,			/* QUEUED -> FREE, 'request' is filled in */
	RECO_SLOT_GONE				/* it was RUNNING and abandoned; freed now */
} RecoSlotNext;

extern RecoSlotNext reco_slot_look(int slot, RecoSlotRequest *request);

/*
 * Appends one record; false when there is no memory (counted), or the owner left. A value
 * ('large') leaves some memory to the small records that say that there was none.
 */
extern bool reco_slot_append(int slot, uint32 generation, const void *record, Size len,
							 bool large);

/* RUNNING -> DONE, and wakes the owner. */
extern void reco_slot_finish(int slot, uint32 generation);

/* Gives back slots whose owner died without doing so; returns how many. */
extern int	reco_slots_sweep(void);

#endif							/* RECO_SLOT_H */
