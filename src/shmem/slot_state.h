/*-------------------------------------------------------------------------
 *
 * slot_state.h
 *	  The transitions of a slot, one function each.
 *
 * Purpose: what slot.c (backends) and slot_gateway.c share.
 * Runs in: any process that has the library preloaded; for this room only.
 * Locks:	each but reco_slot_to_claimed wants the slot's lock held exclusively;
 *			'pool' and 'gateway_lock' are taken inside.
 * Never:	throw, or wake somebody: the caller does, without the lock.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_SLOT_STATE_H
#define RECO_SLOT_STATE_H

#include "slot.h"

/* FREE -> CLAIMED: the pool gave this slot and a chain. Returns with its lock held. */
extern void reco_slot_to_claimed(int slot, uint32 request, Size len, int64 deadline);

/*
 * CLAIMED -> QUEUED, and into the gateway's list; 'gateway' is whom to wake. False
 * when no gateway runs: the slot stays claimed.
 */
extern bool reco_slot_to_queued(int slot, int *gateway);

/* QUEUED -> RUNNING: the request is given back, overwritten. */
extern void reco_slot_to_running(int slot);

/* QUEUED or RUNNING -> DONE. */
extern void reco_slot_to_done(int slot);

/*
 * RUNNING -> RUNNING, abandoned, and into the gateway's list; 'gateway' is whom to
 * wake. False when no gateway runs: the slot is as before.
 */
extern bool reco_slot_to_abandoned(int slot, int *gateway);

/* Any -> FREE. */
extern void reco_slot_to_free(int slot);

/* Is nobody there who will ever answer? */
extern bool reco_gateway_is_gone(void);

#endif							/* RECO_SLOT_STATE_H */
