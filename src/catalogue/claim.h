/*-------------------------------------------------------------------------
 *
 * claim.h
 *	  Rows of a service that somebody changes by hand.
 *
 * Purpose: what somebody wrote into a row that a service told is his or hers from then
 *			on: no service overwrites it, and it is not removed when it expires.
 * Runs in: a backend that writes the catalogue.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_CLAIM_H
#define RECO_CLAIM_H

#include "compat.h"

#include "commands/trigger.h"

/* The row that is about to be written, as it is then. */
extern HeapTuple reco_claim_row(TriggerData *trigger, HeapTuple tuple);

#endif							/* RECO_CLAIM_H */
