/*-------------------------------------------------------------------------
 *
 * kernel.c
 *	  Exact top-k scans over a dense float32 matrix: several queries, one pass.
 *
 * Purpose: answer "which k rows score best" over a million rows in less time
 *			than it takes to copy them.
 * Runs in: any process, and plain C programs.
 * Locks:	none; a plane is read-only while it is scanned.
 * Never:	let a result depend on the CPU, on the slices, on the sketch or on
 *			the other queries of the pass.
 *
 * How a scan works.  Rows come in blocks of 16 and tiles of 16 blocks, and every
 * query looks at a tile while it is in the first-level cache.
 *
 * Reading the floats of all rows costs about as much as copying them, so a scan
 * reads the sketch first (kernel_sketch.c): one byte per value, from which an
 * upper bound of a row's score follows by the same quadratic form that gives the
 * score itself.  A tile whose rows cannot come before the k-th best hit so far,
 * with the largest looked-up terms added, is done with.  Of the others, parts of
 * four blocks get a closer look, with the terms that their rows look up and with
 * the filters.  Rows that are still in doubt (about one in a thousand) are
 * scored from their floats.  A query for which no bound can be given (no sketch,
 * numbers that are not finite) reads the floats of all rows.
 *
 * A row's score is one fixed sequence of float operations, wherever it is
 * computed: c, then the columns in ascending order, then the group's term, then
 * the set's.  Multiply-add is never contracted.  So scores are the same bit for
 * bit on all CPUs, and equal scores are ordered by row.
 *
 *-------------------------------------------------------------------------
 */
#include "catalogue/kernel.h"
#include "catalogue/kernel_hits.h"
#include "catalogue/kernel_loops.h"
#include "catalogue/kernel_sketch.h"

#include <math.h>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#if defined(__GNUC__)
#define PREFETCH(address) __builtin_prefetch(address)
#define ALIGNED			  __attribute__((aligned(64)))
#else
#define PREFETCH(address) ((void) 0)
#define ALIGNED
#endif

#define LANES		RECO_KERNEL_LANES
#define TILE_BLOCKS 16
#define TILE_ROWS	(TILE_BLOCKS * LANES)
#define PART_BLOCKS 4
#define PART_ROWS	(PART_BLOCKS * LANES)
#define PART_MANY	16			/* rows in doubt that justify scoring a part */
#define TOGETHER	16			/* queries in one pass */

/* Some blocks of the plane. */
typedef struct RecoTile
{
	size_t		block;			/* first block */
	size_t		nblocks;
	uint32_t	noutside;		/* rows that are not in the sketch */
	uint16_t	outside[TILE_ROWS];
	bool		incomplete;		/* some value is unmeasured */
	const uint32_t *words;		/* their sketch; NULL = not looked at */
} RecoTile;

static void scan_together(const RecoPlane *plane, uint32_t first, uint32_t end,
						  RecoScanQuery *queries, int nqueries);
static void load_tile(const RecoPlane *plane, size_t block, size_t nblocks, bool sketch,
					  RecoTile *tile);
static void scan_tile(const RecoPlane *plane, RecoScanQuery *query, const RecoGlance *g,
					  const RecoTile *tile);
static bool glance_part(const RecoPlane *plane, const RecoScanQuery *query,
						const RecoGlance *g, double lookups, size_t block, size_t nblocks,
						const uint32_t *words, float *bound);
static void try_part(const RecoPlane *plane, RecoScanQuery *query, size_t block,
					 size_t nblocks, const float *bound);
static void score_part(const RecoPlane *plane, RecoScanQuery *query, size_t block,
					   size_t nblocks);
static void score_missing(const RecoPlane *plane, const RecoScanQuery *query,
						  size_t block, float *scores);
static void try_row(const RecoPlane *plane, RecoScanQuery *query, uint32_t row);
static float score_row(const RecoPlane *plane, const RecoScanQuery *query, uint32_t row);
static bool in_ranges(const RecoPlane *plane, const RecoScanQuery *query, uint32_t row);

static size_t
blocks_of(uint32_t nrows)
{
	return ((size_t) nrows + LANES - 1) / LANES;
}

size_t
reco_kernel_values_size(uint32_t nrows, uint32_t ncolumns)
{
	return blocks_of(nrows) * ncolumns * LANES * sizeof(float);
}

size_t
reco_kernel_missing_size(uint32_t nrows, uint32_t ncolumns)
{
	return blocks_of(nrows) * ncolumns * sizeof(uint16_t);
}

size_t
reco_kernel_incomplete_size(uint32_t nrows)
{
	return blocks_of(nrows) * sizeof(uint16_t);
}

size_t
reco_kernel_sketch_size(uint32_t nrows, uint32_t ncolumns)
{
	return blocks_of(nrows) * RECO_KERNEL_WORDS(ncolumns) * LANES * sizeof(uint32_t);
}

void
reco_kernel_store(RecoPlane *plane, uint32_t row, const float *values,
				  uint32_t missing_mask)
{
	size_t		block = row / LANES;
	uint16_t	lane = (uint16_t) (1u << (row % LANES));

	for (uint32_t f = 0; f < plane->ncolumns; f++)
	{
		uint16_t   *missing = &plane->missing[block * plane->ncolumns + f];
		uint16_t	column = (uint16_t) (1u << f);
		bool		absent = (missing_mask >> f) & 1;

		plane->values[reco_kernel_offset(plane, row, f)] = absent ? 0.0f : values[f];
		*missing = absent ? (*missing | lane) : (*missing & ~lane);
		plane->incomplete[block] = *missing ? (plane->incomplete[block] | column)
											: (plane->incomplete[block] & ~column);
	}
	if (plane->sketched)
		reco_kernel_encode(plane, row, values, missing_mask);
}

void
reco_kernel_scan(const RecoPlane *plane, uint32_t first, uint32_t count,
				 RecoScanQuery *queries, int nqueries)
{
	uint32_t	end = plane->nrows;

	if (first >= end)
		return;
	if (count < end - first)
		end = first + count;
	for (int i = 0; i < nqueries; i += TOGETHER)
		scan_together(plane, first, end, queries + i,
					  nqueries - i < TOGETHER ? nqueries - i : TOGETHER);
}

void
reco_kernel_score(const RecoPlane *plane, const RecoScanQuery *query,
				  const uint32_t *rows, uint32_t nrows, float *scores)
{
	for (uint32_t i = 0; i < nrows; i++)
	{
		uint32_t	row = rows[i];

		scores[i] = -INFINITY;
		if (row < plane->nrows &&
			!(plane->flags && (plane->flags[row] & query->forbid)) &&
			in_ranges(plane, query, row))
		{
			float		score = score_row(plane, query, row);

			if (score > query->floor)
				scores[i] = score;
		}
	}
}

/* One pass of at most TOGETHER queries over rows first .. end - 1. */
static void
scan_together(const RecoPlane *plane, uint32_t first, uint32_t end,
			  RecoScanQuery *queries, int nqueries)
{
	RecoGlance	glances[TOGETHER];
	RecoTile	tile;
	bool		sketch = false;
	uint32_t	row = first;

	for (int i = 0; i < nqueries; i++)
	{
		reco_kernel_glance(plane, &queries[i], &glances[i]);
		sketch |= glances[i].usable;
	}

	/* Rows that do not fill a block go one by one. */
	for (; row < end && row % LANES != 0; row++)
		for (int i = 0; i < nqueries; i++)
			try_row(plane, &queries[i], row);

	while (end - row >= LANES)
	{
		size_t		left = (end - row) / LANES;

		load_tile(plane, row / LANES, left < TILE_BLOCKS ? left : TILE_BLOCKS, sketch,
				  &tile);
		for (int i = 0; i < nqueries; i++)
		{
			if (glances[i].usable)
				scan_tile(plane, &queries[i], &glances[i], &tile);
			else
				for (size_t at = 0; at < tile.nblocks; at += PART_BLOCKS)
					score_part(plane, &queries[i], tile.block + at,
							   tile.nblocks - at < PART_BLOCKS ? tile.nblocks - at
															   : PART_BLOCKS);
		}
		row += (uint32_t) tile.nblocks * LANES;
	}

	for (; row < end; row++)
		for (int i = 0; i < nqueries; i++)
			try_row(plane, &queries[i], row);
}

/* Prepares a tile for all queries; for looking at its sketch, or not. */
static void
load_tile(const RecoPlane *plane, size_t block, size_t nblocks, bool sketch,
		  RecoTile *tile)
{
	size_t		stride = (size_t) RECO_KERNEL_WORDS(plane->ncolumns) * LANES;

	tile->block = block;
	tile->nblocks = nblocks;
	tile->noutside = 0;
	tile->incomplete = false;
	tile->words = NULL;
	if (!sketch)
		return;

	tile->words = plane->sketch + block * stride;
	for (size_t i = 0; i < nblocks; i++)
		tile->incomplete |= plane->incomplete[block + i] != 0;
	if (!reco_kernel_any_code(tile->words, nblocks, plane->ncolumns,
							  RECO_KERNEL_CODE_OUTSIDE))
		return;
	for (size_t i = 0; i < nblocks * LANES; i++)
	{
		uint32_t	word = tile->words[i / LANES * stride + i % LANES];

		tile->outside[tile->noutside] = (uint16_t) i;
		tile->noutside += (word & 0xff) == RECO_KERNEL_CODE_OUTSIDE;
	}
}

/* A float that is less than x; NaN for infinity, which nothing is above. */
static inline float
less(double x)
{
	return (float) (x - 1e-6 * fabs(x) - 1e-30);
}

/*
 * The most that the groups of some blocks can add.  Where rows of a group stand
 * together, as those of an artist do, these are few.
 */
static double
group_most_of(const RecoPlane *plane, const RecoScanQuery *query, size_t block,
			  size_t nblocks)
{
	size_t		row = block * LANES;
	uint32_t	first;
	uint32_t	last;

	if (!plane->group || !query->group_bias || !plane->grouped)
		return query->group_most;
	first = plane->group[row];
	last = plane->group[row + nblocks * LANES - 1];
	return reco_kernel_most_of(query->group_bias + first, last - first + 1);
}

/* Looks for hits in a tile through the sketch. */
static void
scan_tile(const RecoPlane *plane, RecoScanQuery *query, const RecoGlance *g,
		  const RecoTile *tile)
{
	float		bound[TILE_ROWS] ALIGNED;
	size_t		stride = (size_t) RECO_KERNEL_WORDS(plane->ncolumns) * LANES;
	double lookups =
		group_most_of(plane, query, tile->block, tile->nblocks) + query->set_most;
	double		most = lookups + (tile->incomplete ? g->absences : 0);
	uint32_t	row = (uint32_t) (tile->block * LANES);

	/* In a search for a genre, most tiles have none of its artists. */
	if (tile->noutside == 0 && g->most + lookups < less(reco_kernel_bar(query, row)))
		return;
	reco_kernel_sum_codes(tile->words, tile->nblocks, plane->ncolumns, g->a, g->b, g->c,
						  bound);
	for (uint32_t i = 0; i < tile->noutside; i++)
		bound[tile->outside[i]] = INFINITY;

	if (!reco_kernel_any_above(bound, tile->nblocks * LANES,
							   less(reco_kernel_bar(query, row) - most)))
		return;
	for (size_t at = 0; at < tile->nblocks; at += PART_BLOCKS)
	{
		size_t n = tile->nblocks - at < PART_BLOCKS ? tile->nblocks - at : PART_BLOCKS;

		lookups = group_most_of(plane, query, tile->block + at, n) + query->set_most;
		most = lookups + (tile->incomplete ? g->absences : 0);
		if (reco_kernel_any_above(bound + at * LANES, n * LANES,
								  less(reco_kernel_bar(query, row) - most)) &&
			glance_part(plane, query, g, lookups, tile->block + at, n,
						tile->words + at * stride, bound + at * LANES))
			try_part(plane, query, tile->block + at, n, bound + at * LANES);
	}
}

/*
 * Completes the bounds of some blocks by all that depends on the row, dearest
 * last.  Returns whether a row may be a hit.
 */
static bool
glance_part(const RecoPlane *plane, const RecoScanQuery *query, const RecoGlance *g,
			double lookups, size_t block, size_t nblocks, const uint32_t *words,
			float *bound)
{
	size_t		first = block * LANES;
	size_t		n = nblocks * LANES;
	double		bar = reco_kernel_bar(query, (uint32_t) first);
	bool		incomplete = false;

	for (size_t i = 0; i < nblocks; i++)
		if (plane->incomplete[block + i])
		{
			reco_kernel_add_absent(plane->missing + (block + i) * plane->ncolumns,
								   plane->ncolumns, g->absent, bound + i * LANES);
			incomplete = true;
		}
	if (incomplete && !reco_kernel_any_above(bound, n, less(bar - lookups)))
		return false;

	if (plane->group && query->group_bias)
	{
		reco_kernel_add_bias_slack(plane->group + first, query->group_bias,
								   (float) RECO_KERNEL_ROUNDING, n, bound);
		if (!reco_kernel_any_above(bound, n, less(bar - query->set_most)))
			return false;
	}
	if (plane->set && query->set_bias)
		reco_kernel_add_bias_slack(plane->set + first, query->set_bias,
								   (float) RECO_KERNEL_ROUNDING, n, bound);
	if (plane->flags && query->forbid)
		reco_kernel_leave_flags(plane->flags + first, query->forbid, n, bound);
	for (int i = 0; i < query->nranges; i++)
		if (query->ranges[i].column < plane->ncolumns)
			reco_kernel_leave_range(words, nblocks, plane->ncolumns,
									query->ranges[i].column, g->lo[i], g->hi[i], bound);
	return reco_kernel_any_above(bound, n, (float) bar);
}

/* Scores the rows of some blocks that may be hits: one by one, or all if many. */
static void
try_part(const RecoPlane *plane, RecoScanQuery *query, size_t block, size_t nblocks,
		 const float *bound)
{
	uint32_t	first = (uint32_t) (block * LANES);
	float		bar = reco_kernel_bar(query, first);
	uint32_t	rows[PART_ROWS + 1];
	uint32_t	n = 0;

	for (uint32_t i = 0; i < nblocks * LANES; i++)
	{
		rows[n] = first + i;
		n += bound[i] > bar;
	}
	if (n > PART_MANY)
	{
		score_part(plane, query, block, nblocks);
		return;
	}
	/* Ask for all their floats, so that the waits for memory overlap. */
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t f = 0; f < plane->ncolumns; f++)
			PREFETCH(plane->values + reco_kernel_offset(plane, rows[i], f));
	for (uint32_t i = 0; i < n; i++)
		try_row(plane, query, rows[i]);
}

/* Scores all rows of at most PART_BLOCKS blocks from their floats. */
static void
score_part(const RecoPlane *plane, RecoScanQuery *query, size_t block, size_t nblocks)
{
	float		scores[PART_ROWS] ALIGNED;
	size_t		first = block * LANES;
	size_t		n = nblocks * LANES;
	float		bar = reco_kernel_bar(query, (uint32_t) first);

	reco_kernel_sum_values(plane->values + first * plane->ncolumns, nblocks,
						   plane->ncolumns, query->a, query->b, query->c, scores);
	if (plane->group && query->group_bias)
		reco_kernel_add_bias(plane->group + first, query->group_bias, n, scores);
	if (plane->set && query->set_bias)
		reco_kernel_add_bias(plane->set + first, query->set_bias, n, scores);
	for (size_t i = 0; i < nblocks; i++)
		if (plane->incomplete[block + i])
			score_missing(plane, query, block + i, scores + i * LANES);
	if (plane->flags && query->forbid)
		reco_kernel_leave_flags(plane->flags + first, query->forbid, n, scores);
	if (!reco_kernel_any_above(scores, n, bar))
		return;
	for (size_t i = 0; i < n; i++)
		if (scores[i] > bar && in_ranges(plane, query, (uint32_t) (first + i)))
			reco_kernel_push(query, scores[i], (uint32_t) (first + i));
}

/* Scores the rows of a block that have unmeasured values again. */
static void
score_missing(const RecoPlane *plane, const RecoScanQuery *query, size_t block,
			  float *scores)
{
	uint32_t	missing = 0;

	for (uint32_t f = 0; f < plane->ncolumns; f++)
		missing |= plane->missing[block * plane->ncolumns + f];
	for (uint32_t lane = 0; missing; lane++, missing >>= 1)
		if (missing & 1)
			scores[lane] = score_row(plane, query, (uint32_t) block * LANES + lane);
}

/* Scores one row from its floats. */
static void
try_row(const RecoPlane *plane, RecoScanQuery *query, uint32_t row)
{
	if (plane->flags && (plane->flags[row] & query->forbid))
		return;
	if (in_ranges(plane, query, row))
		reco_kernel_push(query, score_row(plane, query, row), row);
}

/* The same operations in the same order as score_part's. */
static float
score_row(const RecoPlane *plane, const RecoScanQuery *query, uint32_t row)
{
	const float *x = plane->values + reco_kernel_offset(plane, row, 0);
	bool		incomplete = plane->incomplete[row / LANES] != 0;
	float		score = query->c;

	for (uint32_t f = 0; f < plane->ncolumns; f++, x += LANES)
	{
		if (incomplete && reco_kernel_is_missing(plane, row, f))
			score += query->m[f];
		else
			score += (query->a[f] * *x + query->b[f]) * *x;
	}
	if (plane->group && query->group_bias)
		score += query->group_bias[plane->group[row]];
	if (plane->set && query->set_bias)
		score += query->set_bias[plane->set[row]];
	return score;
}

static bool
in_ranges(const RecoPlane *plane, const RecoScanQuery *query, uint32_t row)
{
	for (int i = 0; i < query->nranges; i++)
	{
		uint32_t	f = query->ranges[i].column;
		float		x;

		if (f >= plane->ncolumns || reco_kernel_is_missing(plane, row, f))
			return false;
		x = plane->values[reco_kernel_offset(plane, row, f)];
		if (!(x >= query->ranges[i].lo && x <= query->ranges[i].hi))
			return false;
	}
	return true;
}
