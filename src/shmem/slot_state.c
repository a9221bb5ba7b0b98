/*-------------------------------------------------------------------------
 *
 * slot_state.c
 *	  The transitions of a slot, one function each.
 *
 * Purpose: see slot_state.h.
 * Runs in: any process that has the library preloaded.
 * Locks:	the slot's lock is the caller's; 'pool' and 'gateway_lock' below it.
 * Never:	throw; more than a few instructions under the spinlock.
 *
 *-------------------------------------------------------------------------
 */
#include "slot_state.h"

#include "miscadmin.h"
#include "pool.h"
#include "storage/proc.h"

#define holds_lock(slot) LWLockHeldByMeInMode(&reco_slots[slot].lock, LW_EXCLUSIVE)

static bool list_for_gateway(int slot, int *gateway);

void
reco_slot_to_claimed(int slot, uint32 request, Size len, int64 deadline)
{
	RecoSlot   *s = &reco_slots[slot];

	LWLockAcquire(&s->lock, LW_EXCLUSIVE);
	Assert(s->state == RECO_SLOT_FREE);
	Assert(s->answer == RECO_NO_BLOCK && s->answer_len == 0);
	s->state = RECO_SLOT_CLAIMED;
	s->abandoned = false;
	s->owner_procno = RECO_MY_PROC_NUMBER;
	s->owner_pid = MyProcPid;
	s->database = MyDatabaseId;
	s->submitted_at = reco_now_us();
	s->deadline = deadline;
	s->request = request;
	s->request_len = len;
}

bool
reco_slot_to_queued(int slot, int *gateway)
{
	Assert(holds_lock(slot));
	Assert(reco_slots[slot].state == RECO_SLOT_CLAIMED);
	if (!list_for_gateway(slot, gateway))
		return false;
	reco_slots[slot].state = RECO_SLOT_QUEUED;
	return true;
}

void
reco_slot_to_running(int slot)
{
	RecoSlot   *s = &reco_slots[slot];

	Assert(holds_lock(slot));
	Assert(s->state == RECO_SLOT_QUEUED);
	reco_pool_drop(&s->request, &s->request_len);
	s->state = RECO_SLOT_RUNNING;
}

void
reco_slot_to_done(int slot)
{
	RecoSlot   *s = &reco_slots[slot];

	Assert(holds_lock(slot));
	Assert(s->state == RECO_SLOT_QUEUED || s->state == RECO_SLOT_RUNNING);
	Assert(!s->abandoned);
	reco_pool_drop(&s->request, &s->request_len);
	s->state = RECO_SLOT_DONE;
}

bool
reco_slot_to_abandoned(int slot, int *gateway)
{
	Assert(holds_lock(slot));
	Assert(reco_slots[slot].state == RECO_SLOT_RUNNING);
	if (!list_for_gateway(slot, gateway))
		return false;
	reco_slots[slot].abandoned = true;
	return true;
}

void
reco_slot_to_free(int slot)
{
	RecoSlot   *s = &reco_slots[slot];

	Assert(holds_lock(slot));
	Assert(s->state != RECO_SLOT_FREE);
	reco_pool_drop(&s->request, &s->request_len);
	reco_pool_drop(&s->answer, &s->answer_len);
	s->answer_last = RECO_NO_BLOCK;
	s->state = RECO_SLOT_FREE;
	s->generation++;
	s->abandoned = s->detached = s->crowded = false;
	s->owner_pid = 0;
	s->owner_procno = -1;

	/* whoever claims it now waits a moment for its lock */
	reco_pool_release(slot);
}

/* Reads one number; what it means is settled under a lock, where that matters. */
bool
reco_gateway_is_gone(void)
{
	return *(volatile int *) &reco_shared->gateway_pid == 0;
}

/*
 * Appends a slot to what the gateway shall look at, unless it stands there already.
 * In one step with the test whether there is a gateway: one that ends first says so,
 * then looks through all slots.
 */
static bool
list_for_gateway(int slot, int *gateway)
{
	RecoSlot   *s = &reco_slots[slot];
	bool		there;

	SpinLockAcquire(&reco_shared->gateway_lock);
	there = reco_shared->gateway_pid != 0;
	*gateway = reco_shared->gateway_procno;
	if (there && !s->listed)
	{
		s->listed = true;
		s->next = -1;
		if (reco_shared->submitted_tail < 0)
			reco_shared->submitted_head = slot;
		else
			reco_slots[reco_shared->submitted_tail].next = slot;
		reco_shared->submitted_tail = slot;
	}
	SpinLockRelease(&reco_shared->gateway_lock);
	return there;
}
