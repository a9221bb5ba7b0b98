/*-------------------------------------------------------------------------
 *
 * kernel_sketch.h
 *	  A byte per value, from which a query's scores are bounded from above.
 *
 * Purpose: let a scan pass over most rows without reading their floats.
 * Runs in: any process, and plain C programs.
 * Locks:	none.
 * Never:	bound a score too low: hits would be lost without a trace.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_KERNEL_SKETCH_H
#define RECO_KERNEL_SKETCH_H

#include "catalogue/kernel.h"

#define RECO_KERNEL_CODE_MAX	 254	/* largest code of a value */
#define RECO_KERNEL_CODE_OUTSIDE 255	/* in column 0: the row has no codes */

/*
 * Allowance for rounding, relative to the sum of the terms' magnitudes: a score
 * and its bound each go through fewer than 64 roundings of at most 2^-24.
 */
#define RECO_KERNEL_ROUNDING (64.0 / 16777216.0)

/* What a query looks like through the sketch: an upper bound of its score. */
typedef struct RecoGlance
{
	bool		usable;
	float		a[RECO_KERNEL_MAXCOLUMNS];	/* of codes, not of values */
	float		b[RECO_KERNEL_MAXCOLUMNS];
	float		absent[RECO_KERNEL_MAXCOLUMNS]; /* added where unmeasured */
	double		absences;		/* most that these can add */
	float		c;
	double		most;			/* no row's bound is above, but for look-ups */
	float		lo[RECO_KERNEL_MAXRANGES];	/* codes of the ranges, widened */
	float		hi[RECO_KERNEL_MAXRANGES];
} RecoGlance;

/* Works out what a query looks like through the sketch. */
extern void reco_kernel_glance(const RecoPlane *plane, RecoScanQuery *query,
							   RecoGlance *g);

/* No entry of a bias, allowance for rounding included, is above the result. */
extern float reco_kernel_most_of(const float *bias, size_t n);

/* Writes the codes of one row. */
extern void reco_kernel_encode(RecoPlane *plane, uint32_t row, const float *values,
							   uint32_t missing_mask);

#endif							/* RECO_KERNEL_SKETCH_H */
