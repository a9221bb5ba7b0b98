/*-------------------------------------------------------------------------
 *
 * order.h
 *	  The order of a list: an arc of energy.
 *
 * Purpose: opening, build, mid, high, descent, closure.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	lose or double a track: the result is a permutation.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_ORDER_H
#define RECO_ORDER_H

#include "catalogue/track.h"

typedef enum RecoArc
{
	RECO_ARC_CLASSIC = 0,		/* builds up, then comes down */
	RECO_ARC_SUSTAINED,			/* mean energy above .75 */
	RECO_ARC_AMBIENT,			/* mean energy below .35 */
	RECO_ARC_ROLLERCOASTER		/* energies more than .5 apart */
} RecoArc;

/*
 * Fills order[0..n-1] with a permutation of 0..n-1: the index of the track that
 * comes first, second, and so on. Returns the arc.
 */
extern RecoArc reco_order_arc(RecoTrack *const *tracks, int n, int *order);

extern const char *reco_order_arc_name(RecoArc arc);

#endif							/* RECO_ORDER_H */
