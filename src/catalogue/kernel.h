/*-------------------------------------------------------------------------
 *
 * kernel.h
 *	  Exact top-k scans over a dense float32 matrix: several queries, one pass.
 *
 * Purpose: score every row of a matrix by a diagonal quadratic form plus two
 *			looked-up terms, and keep the best k of each query.
 * Runs in: any process, and plain C programs (no server header, no palloc,
 *			no errors; the caller owns all memory).
 * Locks:	none; a plane is read-only while it is scanned.
 * Never:	throw, allocate, or depend on the CPU it was compiled on.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_KERNEL_H
#define RECO_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECO_KERNEL_LANES		16	/* rows in a block */
#define RECO_KERNEL_MAXCOLUMNS	16
#define RECO_KERNEL_MAXRANGES	4

/*
 * A matrix of nrows × ncolumns floats, stored in blocks of RECO_KERNEL_LANES
 * rows, column by column inside a block: the value of (row, column) is
 * values[(row / LANES) * ncolumns * LANES + column * LANES + row % LANES].
 * An unmeasured value is stored as 0 and has its bit in 'missing'.
 */
typedef struct RecoPlane
{
	uint32_t	nrows;
	uint32_t	ncolumns;
	float	   *values;			/* nblocks * ncolumns * LANES, 64-byte aligned */
	uint16_t   *missing;		/* nblocks * ncolumns: bit i = lane i unmeasured */
	uint16_t   *incomplete;		/* nblocks: bit c = some lane of column c
								 * unmeasured; 0 = block is complete */
	const uint32_t *group;		/* nrows (rounded up to LANES): index into a
								 * query's group_bias; NULL = none */
	const uint32_t *set;		/* likewise for set_bias; NULL = none */
	const uint16_t *flags;		/* likewise, compared with a query's forbid;
								 * NULL = none */
	uint32_t	ngroups;		/* every entry of 'group' is below this, and
								 * group_bias has as many entries; 0 = not
								 * known, which costs speed only */
	uint32_t	nsets;			/* likewise for 'set' and set_bias */

	/*
	 * The sketch: one byte per value, from which a scan sees that most rows
	 * cannot be hits without reading their floats.  It changes the speed and
	 * never the result.  Laid out like 'values', but with four columns in a
	 * word, the first of them lowest.  NULL = none.  It counts from
	 * reco_kernel_sketch on; the rest is that function's own.
	 */
	uint32_t   *sketch;			/* nblocks * (ncolumns + 3) / 4 * LANES */
	bool		sketched;
	bool		grouped;		/* 'group' ascends, so it must not change without
								 * reco_kernel_sketch */
	float		sketch_lo[RECO_KERNEL_MAXCOLUMNS];	/* value of code 0 */
	float		sketch_step[RECO_KERNEL_MAXCOLUMNS];	/* from code to code */
	float		sketch_half[RECO_KERNEL_MAXCOLUMNS];	/* largest error */
	uint8_t		sketch_mean[RECO_KERNEL_MAXCOLUMNS];	/* where unmeasured */
} RecoPlane;

/* One hit. Order: higher score first, then lower row. */
typedef struct RecoHit
{
	float		score;
	uint32_t	row;
} RecoHit;

/*
 * What one query asks.  The score of row r is
 *
 *	c + Σ_measured ((a[f]·x + b[f])·x) + Σ_missing m[f]
 *	  + group_bias[group[r]] + set_bias[set[r]]
 *
 * A row is no hit when flags[r] & forbid, when a range's column is outside
 * lo..hi (unmeasured = outside), or when its score is at or below 'floor'.
 */
typedef struct RecoScanQuery
{
	float		a[RECO_KERNEL_MAXCOLUMNS];
	float		b[RECO_KERNEL_MAXCOLUMNS];
	float		m[RECO_KERNEL_MAXCOLUMNS];
	float		c;
	const float *group_bias;	/* NULL = 0 */
	const float *set_bias;		/* NULL = 0 */
	uint16_t	forbid;
	float		floor;			/* -INFINITY = none */
	int			nranges;
	struct
	{
		uint16_t	column;
		float		lo;
		float		hi;
	}			ranges[RECO_KERNEL_MAXRANGES];
	uint32_t	k;				/* how many to keep, >= 1 */
	RecoHit    *hits;			/* room for reco_kernel_room(k) hits */
	uint32_t	nhits;			/* out: at most k, best first */

	/* The scan's own, set up by reco_kernel_begin. */
	float		limit;			/* a hit must come before (limit, limit_row) */
	uint32_t	limit_row;
	bool		bounded;		/* are the two below known? */
	float		group_most;		/* no group_bias is above */
	float		set_most;
} RecoScanQuery;

/* Where a value is in 'values'. */
static inline size_t
reco_kernel_offset(const RecoPlane *plane, uint32_t row, uint32_t column)
{
	size_t		block = row / RECO_KERNEL_LANES;

	return (block * plane->ncolumns + column) * RECO_KERNEL_LANES +
		row % RECO_KERNEL_LANES;
}

static inline bool
reco_kernel_is_missing(const RecoPlane *plane, uint32_t row, uint32_t column)
{
	size_t		block = row / RECO_KERNEL_LANES;

	return (plane->missing[block * plane->ncolumns + column] >>
			(row % RECO_KERNEL_LANES)) &
		1;
}

/* How many hits a query's buffer must have room for to keep the best k. */
extern size_t reco_kernel_room(uint32_t k);

/*
 * Scans rows [first, first + count) for all queries in one pass; 'first' is a
 * multiple of LANES.  Callable slice by slice, so that a caller can look at its
 * deadline in between: reco_kernel_begin once, reco_kernel_scan for each slice,
 * reco_kernel_end once (which sorts the hits).
 */
extern void reco_kernel_begin(RecoScanQuery *queries, int nqueries);
extern void reco_kernel_scan(const RecoPlane *plane, uint32_t first, uint32_t count,
							 RecoScanQuery *queries, int nqueries);
extern void reco_kernel_end(RecoScanQuery *queries, int nqueries);

/*
 * Scores the given rows only; scores[i] = -INFINITY where row i is no hit.
 * The same arithmetic as the scan.
 */
extern void reco_kernel_score(const RecoPlane *plane, const RecoScanQuery *query,
							  const uint32_t *rows, uint32_t nrows, float *scores);

/*
 * Sizes in bytes of a plane's arrays, for whoever allocates them.  They (and
 * the RecoPlane itself) start as zeroes.
 */
extern size_t reco_kernel_values_size(uint32_t nrows, uint32_t ncolumns);
extern size_t reco_kernel_missing_size(uint32_t nrows, uint32_t ncolumns);
extern size_t reco_kernel_incomplete_size(uint32_t nrows);
extern size_t reco_kernel_sketch_size(uint32_t nrows, uint32_t ncolumns);

/*
 * Writes one row (and its sketch, once there is one); missing_mask bit f =
 * column f unmeasured.
 */
extern void reco_kernel_store(RecoPlane *plane, uint32_t row, const float *values,
							  uint32_t missing_mask);

/*
 * Fits the sketch to the rows stored so far.  Call it when a plane is loaded,
 * and again when much of it has been rewritten: a later value outside the
 * fitted range is found as exactly as any other, only not as fast.
 */
extern void reco_kernel_sketch(RecoPlane *plane);

#endif							/* RECO_KERNEL_H */
