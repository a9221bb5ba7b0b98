/*-------------------------------------------------------------------------
 *
 * likeness.h
 *	  How alike two tracks are, value by value; and one track to many at once.
 *
 * Purpose: tell each candidate's likeness to all that a listener plays, which is most
 *			of the work of ranking for one who has a history.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	give another number to one of many than to the same track alone.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_LIKENESS_H
#define RECO_LIKENESS_H

#include <math.h>

#include "catalogue/fit.h"
#include "catalogue/track.h"
#include "reco.h"

#define RECO_LIKENESS_MOST	64	/* tracks side by side; whole groups of lanes */
#define RECO_LIKENESS_LANES	8
#define RECO_LIKENESS_KEYS	12

/* How far apart two values are that have nothing in common, as 1 / distance. */
extern const float reco_likeness_farness[RECO_NCOLUMNS];

/* How alike two values of a column are: 1 = the same, 0 = nothing in common. */
static inline float
reco_likeness_of(int column, float difference)
{
	float		alike = 1 - fabsf(difference) * reco_likeness_farness[column];

	return alike > 0 ? alike : 0;
}

/* How alike two keys are, around the circle. */
extern float reco_likeness_of_keys(int a, int b);

/* Of two tracks: the weighted mean over what both have; -1 = nothing in common. */
extern float reco_likeness(const RecoTrack *a, const RecoTrack *b);

/* Tracks side by side; what one does not have weighs nothing. */
typedef struct RecoLikenessLanes
{
	float		values[RECO_NCOLUMNS][RECO_LIKENESS_LANES];
	float		weights[RECO_NCOLUMNS][RECO_LIKENESS_LANES];
	float		keys[RECO_LIKENESS_KEYS][RECO_LIKENESS_LANES];	/* weighted */
	float		key_weights[RECO_LIKENESS_LANES];
} RecoLikenessLanes;

typedef struct RecoLikenessPack
{
	int			n;
	RecoLikenessLanes lanes[RECO_LIKENESS_MOST / RECO_LIKENESS_LANES];
} RecoLikenessPack;

/* Puts up to RECO_LIKENESS_MOST tracks side by side; the others are left out. */
extern void reco_likeness_pack(RecoTrack *const *tracks, int n, RecoLikenessPack *pack);

/*
 * Tells how alike a track is to each of them; its key is below RECO_LIKENESS_KEYS. There
 * is room for RECO_LIKENESS_MOST.
 */
extern void reco_likeness_to_all(const RecoLikenessPack *pack, const RecoTrack *track,
								 float *likeness);

#endif							/* RECO_LIKENESS_H */
