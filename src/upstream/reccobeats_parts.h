/*-------------------------------------------------------------------------
 *
 * reccobeats_parts.h
 *	  What the files of ReccoBeats share; nobody else includes it.
 *
 * Purpose: the features as the service has them, and when two ids are one.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	take two of Spotify's ids for one because of their case.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_RECCOBEATS_PARTS_H
#define RECO_RECCOBEATS_PARTS_H

#include <stdbool.h>

#include "json.h"

#define RECO_RECCOBEATS_NTARGETS		12
#define RECO_RECCOBEATS_NFEATURES		11	/* popularity is a target, no audio feature */
#define RECO_RECCOBEATS_DEFAULT_SIZE	20

/* A feature, with the range in which a target or a value means something. */
typedef struct RecoReccobeatsFeature
{
	const char *name;
	double		low;
	double		high;
	bool		whole;
	double		unknown;		/* says "not known", though in range of a target */
} RecoReccobeatsFeature;

extern const RecoReccobeatsFeature reco_reccobeats_features[RECO_RECCOBEATS_NTARGETS];

/* Is the id in a list of ids? */
extern bool reco_reccobeats_has_id(const json_t *list, const char *id);

/* UUIDs are the same in any case, Spotify's ids are not; 'b' may be NULL. */
extern bool reco_reccobeats_same_id(const char *a, const char *b);

#endif							/* RECO_RECCOBEATS_PARTS_H */
