/*-------------------------------------------------------------------------
 *
 * quality.h
 *	  Is a list good enough?
 *
 * Purpose: one figure from cohesion, coverage, confidence and diversity.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	generate anything anew.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_QUALITY_H
#define RECO_QUALITY_H

#include "rank.h"

#define RECO_QUALITY_ENOUGH		0.75f	/* overall, from which a list is left alone */
#define RECO_QUALITY_COHESION	0.6f	/* likewise its cohesion */
#define RECO_QUALITY_OUTLIER	0.3f	/* cohesion of a track, below which it is out */

typedef struct RecoQuality
{
	float		overall;		/* .35 cohesion + .25 coverage + .2 confidence
								 * + .2 diversity */
	float		cohesion;
	float		coverage;
	float		confidence;
	float		diversity;
} RecoQuality;

/* Judges a list of n candidates for a target of 'size'. */
extern RecoQuality reco_quality_judge(RecoCandidate *const *list, int n, int size,
									  float confidence);

#endif							/* RECO_QUALITY_H */
