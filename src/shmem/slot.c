/*-------------------------------------------------------------------------
 *
 * slot.c
 *	  A backend's side of the slots.
 *
 * Purpose: see the upper half of slot.h.
 * Runs in: backends and workers that ask.
 * Locks:	one slot's lock at a time, 'pool' below it; none while waiting.
 * Never:	own a slot that is not in 'owned': cancel gives back what is there, and
 *			so do an aborted (sub)transaction and the end of the process, by
 *			FATAL too.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pool.h"
#include "slot.h"
#include "slot_state.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/memutils.h"

#define LONGEST_WAIT	INT64CONST(3600000)	/* ms; then looks, and waits again */

/* What this process owns. */
typedef struct RecoOwned
{
	RecoSlotRef ref;
	SubTransactionId subtransaction;	/* invalid = none when it was submitted */
} RecoOwned;

static RecoOwned *owned = NULL;
static int	nowned = 0;
static int	owned_size = 0;

static bool submit(const void *request, Size len, int64 deadline, bool detached,
				   RecoSlotRef *ref, RecoOutcome *why);
static void prepare_to_own(void);
static void own(RecoSlotRef ref);
static void disown(RecoSlotRef ref);
static void wake_gateway(int procno);
static int	wait_until_done(const RecoSlotRef *refs, int nrefs, bool any, int64 until,
						   volatile bool *consumed);
static int	count_done(const RecoSlotRef *refs, int nrefs, int *pending);
static void lose_own(RecoSlotRef ref);
static bool lock_own(RecoSlotRef ref);
static void give_back(RecoSlotRef ref);
static char *copy_answer(RecoSlotRef ref, Size *len, bool *done);
static void report_no_memory(Size len);
static void release_all(void);
static void at_exit(int code, Datum arg);
static void at_transaction_end(XactEvent event, void *arg);
static void at_subtransaction_end(SubXactEvent event, SubTransactionId mine,
								  SubTransactionId parent, void *arg);

/* Submits a request. */
bool
reco_slot_submit(const void *request, Size len, int64 deadline, RecoSlotRef *ref,
				 RecoOutcome *why)
{
	return submit(request, len, deadline, false, ref, why);
}

bool
reco_slot_submit_detached(const void *request, Size len, int64 deadline, RecoOutcome *why)
{
	RecoSlotRef ref;

	return submit(request, len, deadline, true, &ref, why);
}

/* Hands a request over; one that is detached is nobody's from then on. */
static bool
submit(const void *request, Size len, int64 deadline, bool detached, RecoSlotRef *ref,
	   RecoOutcome *why)
{
	uint32		first;
	int			slot;
	int			gateway = -1;
	bool		queued;

	Assert(len > 0);
	ref->slot = -1;
	ref->generation = 0;
	if (reco_shared == NULL)
	{
		*why = RECO_OUTCOME_UNCONFIGURED;
		return false;
	}
	if (reco_gateway_is_gone())
	{
		*why = RECO_OUTCOME_LOST;
		return false;
	}

	prepare_to_own();			/* the last thing that can throw */
	if (len > PG_UINT32_MAX || !reco_pool_claim(len, &slot, &first))
	{
		*why = RECO_OUTCOME_BUSY;
		return false;
	}
	reco_pool_write(first, request, len);
	reco_slot_to_claimed(slot, first, len, deadline);
	ref->slot = slot;
	ref->generation = reco_slots[slot].generation;
	reco_slots[slot].detached = detached;
	queued = reco_slot_to_queued(slot, &gateway);
	if (!queued)
		reco_slot_to_free(slot);
	LWLockRelease(&reco_slots[slot].lock);

	if (!queued)
	{
		ref->slot = -1;
		*why = RECO_OUTCOME_LOST;
		return false;
	}
	if (!detached)
		own(*ref);
	wake_gateway(gateway);
	return true;
}

/* Waits for answers. */
int
reco_slots_wait(const RecoSlotRef *refs, int nrefs, bool any, int64 until)
{
	volatile bool consumed = false;
	int			ndone = 0;

	if (reco_shared == NULL)
		return 0;

	PG_TRY();
	{
		ndone = wait_until_done(refs, nrefs, any, until, &consumed);
	}
	PG_CATCH();
	{
		for (int i = 0; i < nrefs; i++)
			give_back(refs[i]);
		SetLatch(MyLatch);
		PG_RE_THROW();
	}
	PG_END_TRY();

	/* the event may have been meant for somebody else in this process */
	if (consumed)
		SetLatch(MyLatch);
	return ndone;
}

/* Tells whether an answer is complete, without waiting for anything. */
bool
reco_slot_is_done(RecoSlotRef ref)
{
	int			pending;

	return reco_shared != NULL && count_done(&ref, 1, &pending) == 1;
}

bool
reco_slot_is_crowded(RecoSlotRef ref)
{
	bool		crowded;

	if (reco_shared == NULL || ref.slot < 0 || !lock_own(ref))
		return false;
	crowded = reco_slots[ref.slot].crowded;
	LWLockRelease(&reco_slots[ref.slot].lock);
	return crowded;
}

/* Takes what is there. */
char *
reco_slot_take(RecoSlotRef *ref, Size *len, bool *done)
{
	char	   *bytes;

	*len = 0;
	*done = false;
	if (reco_shared == NULL || ref->slot < 0)
		return palloc0(1);

	bytes = copy_answer(*ref, len, done);
	reco_slot_release(ref);
	if (bytes == NULL)
		report_no_memory(*len);
	return bytes;
}

/* Reads what is there so far. */
char *
reco_slot_peek(RecoSlotRef ref, Size *len)
{
	bool		done = false;
	char	   *bytes;

	*len = 0;
	if (reco_shared == NULL || ref.slot < 0)
		return palloc0(1);
	bytes = copy_answer(ref, len, &done);
	if (bytes == NULL)
		report_no_memory(*len);
	return bytes;
}

static void
report_no_memory(Size len)
{
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
			 errdetail("An answer of %zu bytes could not be read.", len)));
}

void
reco_slot_release(RecoSlotRef *ref)
{
	give_back(*ref);
	ref->slot = -1;
}

int
reco_slots_owned(void)
{
	return nowned;
}

static const char *const priority_names[RECO_NPRIORITIES] = {
	"interactive", "refresh", "prefetch", "warm",
};

const char *
reco_priority_name(RecoPriority priority)
{
	return priority_names[priority];
}

int
reco_priority_of(const char *name)
{
	for (int i = 0; i < RECO_NPRIORITIES; i++)
	{
		if (strcmp(name, priority_names[i]) == 0)
			return i;
	}
	return -1;
}

/*
 * The loop of reco_slots_wait. Looks after each reset of the latch, so nothing that
 * came before is missed.
 */
static int
wait_until_done(const RecoSlotRef *refs, int nrefs, bool any, int64 until,
				volatile bool *consumed)
{
	static uint32 wait_event = 0;

	for (;;)
	{
		bool		gone;
		int			pending;
		int			ndone;
		int64		ms;
		int			events;

		CHECK_FOR_INTERRUPTS();
		gone = reco_gateway_is_gone();
		ndone = count_done(refs, nrefs, &pending);
		if (pending == 0 || (any && ndone > 0))
			return ndone;
		if (gone)
		{
			for (int i = 0; i < nrefs; i++)
				lose_own(refs[i]);
			return count_done(refs, nrefs, &pending);
		}

		ms = (until - reco_now_us() + 999) / 1000;
		if (ms <= 0)
			return ndone;
		events =
			WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					  Min(ms, LONGEST_WAIT), reco_wait_event(&wait_event, "RecoGateway"));
		if (events & WL_LATCH_SET)
		{
			*consumed = true;
			ResetLatch(MyLatch);
		}
	}
}

/*
 * Counts. Reads a slot's state without its lock: it is ours, so nobody but us moves
 * it on from DONE, and whoever reads the answer takes the lock.
 */
static int
count_done(const RecoSlotRef *refs, int nrefs, int *pending)
{
	int			ndone = 0;

	*pending = 0;
	for (int i = 0; i < nrefs; i++)
	{
		volatile RecoSlot *slot;

		if (refs[i].slot < 0)
			continue;
		slot = &reco_slots[refs[i].slot];
		if (slot->generation != refs[i].generation)
			continue;
		if (slot->state == RECO_SLOT_DONE)
			ndone++;
		else
			(*pending)++;
	}
	return ndone;
}

/*
 * Ends a request when no gateway runs. The gateway does so for all when it ends, and
 * before it begins; but it may be about to.
 */
static void
lose_own(RecoSlotRef ref)
{
	RecoSlotState state;

	if (!lock_own(ref))
		return;
	state = reco_slots[ref.slot].state;
	if ((state == RECO_SLOT_QUEUED || state == RECO_SLOT_RUNNING) &&
		reco_gateway_is_gone())
		reco_slot_to_done(ref.slot);
	LWLockRelease(&reco_slots[ref.slot].lock);
}

/* Locks a slot if the reference is good. */
static bool
lock_own(RecoSlotRef ref)
{
	RecoSlot   *slot;

	if (ref.slot < 0)
		return false;
	slot = &reco_slots[ref.slot];
	LWLockAcquire(&slot->lock, LW_EXCLUSIVE);
	if (slot->state != RECO_SLOT_FREE && slot->generation == ref.generation &&
		slot->owner_pid == MyProcPid && !slot->abandoned)
		return true;
	LWLockRelease(&slot->lock);
	return false;
}

/* Gives a slot back, whatever its state. Does not throw. */
static void
give_back(RecoSlotRef ref)
{
	int			gateway = -1;

	if (lock_own(ref))
	{
		/* what is not running, the gateway does not know */
		if (reco_slots[ref.slot].state != RECO_SLOT_RUNNING ||
			!reco_slot_to_abandoned(ref.slot, &gateway))
			reco_slot_to_free(ref.slot);
		LWLockRelease(&reco_slots[ref.slot].lock);
	}
	disown(ref);
	wake_gateway(gateway);
}

/*
 * Copies an answer. Memory is taken without the lock, so the answer may have grown
 * meanwhile. NULL = there is not enough memory.
 */
static char *
copy_answer(RecoSlotRef ref, Size *len, bool *done)
{
	for (;;)
	{
		RecoSlot   *slot;
		char	   *bytes;
		bool		copied;

		bytes = palloc_extended(*len + 1, MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
		if (bytes == NULL)
			return NULL;
		if (!lock_own(ref))
		{
			*len = 0;
			bytes[0] = '\0';
			return bytes;
		}
		slot = &reco_slots[ref.slot];
		copied = slot->answer_len <= *len;
		*len = slot->answer_len;
		if (copied)
		{
			reco_pool_read(slot->answer, bytes, *len);
			bytes[*len] = '\0';
			*done = slot->state == RECO_SLOT_DONE;
		}
		LWLockRelease(&slot->lock);
		if (copied)
			return bytes;
		pfree(bytes);
	}
}

static void
wake_gateway(int procno)
{
	if (procno >= 0)
		SetLatch(&GetPGProcByNumber(procno)->procLatch);
}

/*
 * Sees to it that one more slot can be owned, and that all are given back however
 * the process or the transaction ends.
 */
static void
prepare_to_own(void)
{
	static bool registered = false;

	if (!registered)
	{
		before_shmem_exit(at_exit, (Datum) 0);
		RegisterXactCallback(at_transaction_end, NULL);
		RegisterSubXactCallback(at_subtransaction_end, NULL);
		registered = true;
	}
	if (owned == NULL)
	{
		owned = MemoryContextAlloc(TopMemoryContext, 16 * sizeof(RecoOwned));
		owned_size = 16;
	}
	else if (nowned == owned_size)
	{
		owned = repalloc(owned, 2 * owned_size * sizeof(RecoOwned));
		owned_size *= 2;
	}
}

static void
own(RecoSlotRef ref)
{
	owned[nowned].ref = ref;
	owned[nowned].subtransaction =
		IsTransactionState() ? GetCurrentSubTransactionId() : InvalidSubTransactionId;
	nowned++;
}

static void
disown(RecoSlotRef ref)
{
	for (int i = 0; i < nowned; i++)
	{
		if (owned[i].ref.slot == ref.slot && owned[i].ref.generation == ref.generation)
		{
			owned[i] = owned[--nowned];
			return;
		}
	}
}

static void
release_all(void)
{
	while (nowned > 0)
		give_back(owned[nowned - 1].ref);
}

/* The end of the process. Before 18, an error's locks are still held. */
static void
at_exit(int code, Datum arg)
{
	LWLockReleaseAll();
	release_all();
}

/* A transaction that failed takes its questions with it; one that commits does not. */
static void
at_transaction_end(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_PARALLEL_ABORT)
		release_all();
}

/* The same for a subtransaction: what asked in it was left by an error. */
static void
at_subtransaction_end(SubXactEvent event, SubTransactionId mine, SubTransactionId parent,
					  void *arg)
{
	for (int i = nowned - 1; i >= 0; i--)
	{
		if (owned[i].subtransaction != mine)
			continue;
		if (event == SUBXACT_EVENT_ABORT_SUB)
			give_back(owned[i].ref);
		else if (event == SUBXACT_EVENT_COMMIT_SUB)
			owned[i].subtransaction = parent;
	}
}
