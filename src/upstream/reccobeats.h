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

/* Is it the name of a target: a feature, or popularity? */
extern bool reco_reccobeats_has_target(const char *name);

/* An answer to RECO_OP_IDS in its parts; "" where one is not there, or is none. */
typedef struct RecoReccobeatsId
{
	char		uuid[37];
	char		spotify_id[23]; /* that its record names */
	char		isrc[13];
} RecoReccobeatsId;

/* Reads such an answer; false = it has no uuid. */
extern bool reco_reccobeats_read_id(const char *value, RecoReccobeatsId *id);

#endif							/* RECO_RECCOBEATS_H */
