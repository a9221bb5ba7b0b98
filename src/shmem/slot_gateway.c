/*-------------------------------------------------------------------------
 *
 * slot_gateway.c
 *	  The gateway's side of the slots.
 *
 * Purpose: see the lower half of slot.h.
 * Runs in: the gateway.
 * Locks:	one slot's lock at a time, 'pool' below it.
 * Never:	throw, palloc, or wake an owner while holding a lock.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "miscadmin.h"
#include "pool.h"
#include "slot.h"
#include "slot_state.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"

static bool begin(int slot, RecoSlotRequest *request);
static void lose(int slot);
static bool is_mine(const RecoSlot *slot, uint32 generation);
static bool owner_is_dead(const RecoSlot *slot);

/*
 * Takes over. What a former gateway left behind is answered before anything new can
 * come, so that nothing new is mistaken for it.
 */
void
reco_slots_serve(void)
{
	reco_slots_lose_all();

	SpinLockAcquire(&reco_shared->gateway_lock);
	reco_shared->gateway_procno = RECO_MY_PROC_NUMBER;
	reco_shared->gateway_pid = MyProcPid;
	SpinLockRelease(&reco_shared->gateway_lock);
}

/* Ends all that is under way; afterwards no slot is queued, running or listed. */
void
reco_slots_lose_all(void)
{
	/* before 18, an error's locks are still held when the process exits */
	if (proc_exit_inprogress)
		LWLockReleaseAll();

	/* from here on nothing is queued or listed */
	SpinLockAcquire(&reco_shared->gateway_lock);
	reco_shared->gateway_pid = 0;
	reco_shared->gateway_procno = -1;
	SpinLockRelease(&reco_shared->gateway_lock);

	while (reco_slots_next() >= 0)
		;
	for (int i = 0; i < reco_shared->nslots; i++)
		lose(i);
}

/* Takes the first slot off the list. */
int
reco_slots_next(void)
{
	int			slot;

	SpinLockAcquire(&reco_shared->gateway_lock);
	slot = reco_shared->submitted_head;
	if (slot >= 0)
	{
		reco_shared->submitted_head = reco_slots[slot].next;
		if (reco_shared->submitted_head < 0)
			reco_shared->submitted_tail = -1;
		reco_slots[slot].listed = false;
		reco_slots[slot].next = -1;
	}
	SpinLockRelease(&reco_shared->gateway_lock);
	return slot;
}

/* Does what the state of a slot asks for. */
RecoSlotNext
reco_slot_look(int slot, RecoSlotRequest *request)
{
	RecoSlot   *s = &reco_slots[slot];
	RecoSlotNext next = RECO_SLOT_NOTHING;
	int			wake = -1;

	memset(request, 0, sizeof(*request));
	LWLockAcquire(&s->lock, LW_EXCLUSIVE);
	request->generation = s->generation;
	if (s->state == RECO_SLOT_QUEUED)
	{
		bool		detached = s->detached;

		if (begin(slot, request))
			next = detached ? RECO_SLOT_DETACHED : RECO_SLOT_BEGIN;
		if (detached)
			reco_slot_to_free(slot);
		else if (next == RECO_SLOT_NOTHING)
		{
			reco_slot_to_done(slot);
			wake = s->owner_procno;
		}
	}
	else if (s->state == RECO_SLOT_RUNNING && s->abandoned)
	{
		reco_slot_to_free(slot);
		next = RECO_SLOT_GONE;
	}
	LWLockRelease(&s->lock);

	if (wake >= 0)
		SetLatch(&GetPGProcByNumber(wake)->procLatch);
	return next;
}

/* Adds a record to an answer. */
bool
reco_slot_append(int slot, uint32 generation, const void *record, Size len, bool large)
{
	RecoSlot   *s = &reco_slots[slot];
	bool		appended = false;

	LWLockAcquire(&s->lock, LW_EXCLUSIVE);
	if (is_mine(s, generation) && !s->abandoned)
	{
		appended = reco_pool_append(&s->answer, &s->answer_last, &s->answer_len, record,
									len, large);
		s->crowded |= !appended && !large;
	}
	LWLockRelease(&s->lock);
	return appended;
}

/* Ends a request; the owner reads the answer, or has left, and then it goes. */
void
reco_slot_finish(int slot, uint32 generation)
{
	RecoSlot   *s = &reco_slots[slot];
	int			wake = -1;

	LWLockAcquire(&s->lock, LW_EXCLUSIVE);
	if (is_mine(s, generation))
	{
		if (s->abandoned)
			reco_slot_to_free(slot);
		else
		{
			reco_slot_to_done(slot);
			wake = s->owner_procno;
		}
	}
	LWLockRelease(&s->lock);

	if (wake >= 0)
		SetLatch(&GetPGProcByNumber(wake)->procLatch);
}

/*
 * Frees what dead owners left. An owner's exit does so itself, so this finds only
 * what a bug left behind. What is running is freed as if it had been abandoned: it
 * is listed, and the next look finds it.
 */
int
reco_slots_sweep(void)
{
	int			swept = 0;
	int			gateway = -1;

	for (int i = 0; i < reco_shared->nslots; i++)
	{
		RecoSlot   *s = &reco_slots[i];

		/* a glance without the lock, as most are free */
		if (*(volatile RecoSlotState *) &s->state == RECO_SLOT_FREE)
			continue;

		LWLockAcquire(&s->lock, LW_EXCLUSIVE);
		if (s->state != RECO_SLOT_FREE && !s->abandoned && !s->detached &&
			owner_is_dead(s))
		{
			if (s->state != RECO_SLOT_RUNNING || !reco_slot_to_abandoned(i, &gateway))
				reco_slot_to_free(i);
			swept++;
		}
		LWLockRelease(&s->lock);
	}
	if (gateway >= 0)
		SetLatch(&GetPGProcByNumber(gateway)->procLatch);
	return swept;
}

/* QUEUED -> RUNNING with a copy of the request; false when there is no memory. */
static bool
begin(int slot, RecoSlotRequest *request)
{
	RecoSlot   *s = &reco_slots[slot];

	request->bytes = malloc(s->request_len);
	if (request->bytes == NULL)
		return false;
	request->len = s->request_len;
	reco_pool_read(s->request, request->bytes, request->len);
	request->owner = s->detached ? -1 : s->owner_procno;
	request->database = s->database;
	request->submitted_at = s->submitted_at;
	request->deadline = s->deadline;
	reco_slot_to_running(slot);
	return true;
}

/* Ends one slot as it is: keys without an answer are lost. */
static void
lose(int slot)
{
	RecoSlot   *s = &reco_slots[slot];
	int			wake = -1;

	LWLockAcquire(&s->lock, LW_EXCLUSIVE);
	if ((s->state == RECO_SLOT_RUNNING && s->abandoned) ||
		(s->state == RECO_SLOT_QUEUED && s->detached))
		reco_slot_to_free(slot);
	else if (s->state == RECO_SLOT_QUEUED || s->state == RECO_SLOT_RUNNING)
	{
		reco_slot_to_done(slot);
		wake = s->owner_procno;
	}
	LWLockRelease(&s->lock);

	if (wake >= 0)
		SetLatch(&GetPGProcByNumber(wake)->procLatch);
}

/* Is it still what the gateway began? */
static bool
is_mine(const RecoSlot *slot, uint32 generation)
{
	return slot->state == RECO_SLOT_RUNNING && slot->generation == generation;
}

/* Has another process, or none, the owner's place? */
static bool
owner_is_dead(const RecoSlot *slot)
{
	return GetPGProcByNumber(slot->owner_procno)->pid != slot->owner_pid;
}
