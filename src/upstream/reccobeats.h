/*-------------------------------------------------------------------------
 *
 * reccobeats.h
 *	  ReccoBeats' endpoints, caps and ids.
 *
 * Purpose: what the tables in service.c share with the adapter.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	renumber: the numbers are bits of capabilities in shared memory.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_RECCOBEATS_H
#define RECO_RECCOBEATS_H

#include "service.h"

typedef enum RecoReccobeatsEndpoint
{
	RECO_RECCOBEATS_TRACK = 0,	/* several, by ids */
	RECO_RECCOBEATS_FEATURES,	/* several, by ids */
	RECO_RECCOBEATS_RECOMMENDATION,
	RECO_RECCOBEATS_ARTIST_TRACK,
	RECO_RECCOBEATS_NENDPOINTS
} RecoReccobeatsEndpoint;

#define RECO_RECCOBEATS_BATCH_MAX	40

/* Judges the key of RECO_OP_RECOMMENDATION; 'why' gets a static text. */
extern bool reco_reccobeats_check(const char *key, const char **why);

#endif							/* RECO_RECCOBEATS_H */
