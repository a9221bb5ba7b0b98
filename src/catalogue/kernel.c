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
 * How a scan works.  Rows come in blocks of 16 and tiles of 8 blocks, and every
 * query looks at a tile while it is in the first-level cache.
 *
 * Reading the floats of all rows costs about as much as copying them, so a scan
 * reads the sketch first: one byte per value, x ~ lo + step * code, off by at
 * most 'half'.  From the codes follows an upper bound of a row's score
 * (fit_column), which is again a quadratic form, so the same loop evaluates it.
 * A row whose bound does not come before the k-th best hit so far is done with;
 * a tile where that holds for all rows with the largest looked-up terms added
 * is done with as a whole.  What remains (two rows in a thousand) is scored
 * from its floats.  A query or a plane for which no bound can be given (no
 * sketch, coefficients that are not finite) reads the floats of all rows.
 *
 * A row's score is one fixed sequence of float operations, wherever it is
 * computed: c, then the columns in ascending order, then the group's term, then
 * the set's.  Multiply-add is never contracted (the pragma below): a CPU with
 * the fused instruction would round differently from one without.  So scores
 * are the same bit for bit on all of them, and equal scores are ordered by row.
 *
 * A score that is NaN is no hit: it comes before no limit.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel.h"

#include <math.h>
#include <string.h>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

/*
 * Compiles a loop for three generations of x86-64 and lets the dynamic linker
 * choose.  clang 14 takes the "arch=" names but always chooses the first one,
 * so it gets names of instruction sets.  RECO_KERNEL_PLAIN switches it off.
 */
#if defined(RECO_KERNEL_PLAIN) || !defined(__x86_64__) || !defined(__gnu_linux__) ||      \
	!defined(__GLIBC__)
#define CLONED
#elif defined(__clang__)
#if __clang_major__ >= 14
#define CLONED __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define CLONED
#endif
#elif defined(__GNUC__) && __GNUC__ >= 12
#define CLONED                                                                            \
	__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONED
#endif

#if defined(__GNUC__)
#define INLINED static inline __attribute__((always_inline))
#else
#define INLINED static inline
#endif

#define LANES		 RECO_KERNEL_LANES
#define TILE_BLOCKS	 8
#define TILE_ROWS	 (TILE_BLOCKS * LANES)
#define TILE_MANY	 24			/* rows in doubt that justify scoring a tile */
#define TOGETHER	 16			/* queries in one pass */
#define SPARE		 64			/* least number of pushes between two shrinks */
#define CODE_MAX	 254		/* largest code of a value */
#define CODE_OUTSIDE 255		/* in column 0: the row is not in the sketch */

/*
 * Allowance for rounding, relative to the sum of the terms' magnitudes: a score
 * and its bound go through fewer than 64 roundings of at most 2^-24 each.
 */
#define ROUNDING (64.0 / 16777216.0)

/* What a query looks like through the sketch: an upper bound of its score. */
typedef struct RecoGlance
{
	bool		usable;
	float		a[RECO_KERNEL_MAXCOLUMNS];	/* by code, not by value */
	float		b[RECO_KERNEL_MAXCOLUMNS];
	float		absent[RECO_KERNEL_MAXCOLUMNS]; /* added where unmeasured */
	float		c;
	double		lookups;		/* most that group and set can add */
	float		lo[RECO_KERNEL_MAXRANGES];	/* codes of the ranges, widened */
	float		hi[RECO_KERNEL_MAXRANGES];
} RecoGlance;

/* A tile, widened once for all queries. */
typedef struct RecoTile
{
	size_t		block;			/* first block */
	size_t		nblocks;
	bool		outside;		/* some row is not in the sketch */
	uint16_t	incomplete;		/* columns that are somewhere unmeasured */
	float		codes[TILE_ROWS * RECO_KERNEL_MAXCOLUMNS] __attribute__((aligned(64)));
} RecoTile;

static void scan_together(const RecoPlane *plane, uint32_t first, uint32_t end,
						  RecoScanQuery *queries, int nqueries);
static void glance(const RecoPlane *plane, RecoScanQuery *query, RecoGlance *g);
static void fit_column(RecoGlance *g, const RecoPlane *plane, const RecoScanQuery *query,
					   uint32_t column, double *constant, double *size);
static void load_tile(const RecoPlane *plane, size_t block, size_t nblocks, bool widen,
					  RecoTile *tile);
static bool glance_tile(const RecoPlane *plane, const RecoScanQuery *query,
						const RecoGlance *g, const RecoTile *tile, float *bound);
static void try_rows(const RecoPlane *plane, RecoScanQuery *query, const RecoTile *tile,
					 const float *bound);
static void score_tile(const RecoPlane *plane, RecoScanQuery *query,
					   const RecoTile *tile);
static void try_row(const RecoPlane *plane, RecoScanQuery *query, uint32_t row);
static float score_row(const RecoPlane *plane, const RecoScanQuery *query, uint32_t row);
static bool in_ranges(const RecoPlane *plane, const RecoScanQuery *query, uint32_t row);
static void push(RecoScanQuery *query, float score, uint32_t row);
static void keep_best(RecoHit *hits, size_t n, size_t k);
static void sort_hits(RecoHit *hits, size_t n);
static void encode_row(RecoPlane *plane, uint32_t row, const float *values,
					   uint32_t missing_mask);

/* Says whether a hit comes before another one; never when its score is NaN. */
INLINED bool
before(float score, uint32_t row, float other, uint32_t other_row)
{
	return score > other || (score == other && row < other_row);
}

INLINED size_t
blocks_of(uint32_t nrows)
{
	return ((size_t) nrows + LANES - 1) / LANES;
}

INLINED size_t
offset_of(const RecoPlane *plane, uint32_t row, uint32_t column)
{
	return ((size_t) (row / LANES) * plane->ncolumns + column) * LANES + row % LANES;
}

INLINED bool
is_missing(const RecoPlane *plane, uint32_t row, uint32_t column)
{
	size_t		block = row / LANES;

	return (plane->missing[block * plane->ncolumns + column] >> (row % LANES)) & 1;
}

size_t
reco_kernel_room(uint32_t k)
{
	return 2 * (size_t) k + SPARE;
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
	return blocks_of(nrows) * ncolumns * LANES;
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

		plane->values[offset_of(plane, row, f)] = absent ? 0.0f : values[f];
		*missing = absent ? (*missing | lane) : (*missing & ~lane);
		plane->incomplete[block] =
			*missing ? (plane->incomplete[block] | column)
					 : (plane->incomplete[block] & ~column);
	}
	if (plane->sketched)
		encode_row(plane, row, values, missing_mask);
}

/*
 * Fits each column's codes to mean ± 5 standard deviations of its values, cut
 * to their range, so that a few wild values do not cost the others precision.
 */
void
reco_kernel_sketch(RecoPlane *plane)
{
	plane->sketched = false;
	if (!plane->sketch || plane->ncolumns == 0)
		return;

	for (uint32_t f = 0; f < plane->ncolumns; f++)
	{
		double		n = 0;
		double		sum = 0;
		double		squares = 0;
		double		lo = 0;
		double		hi = 0;
		double		mean;
		double		reach;

		for (uint32_t row = 0; row < plane->nrows; row++)
		{
			double		x = plane->values[offset_of(plane, row, f)];

			if (!isfinite(x) || is_missing(plane, row, f))
				continue;
			lo = n == 0 || x < lo ? x : lo;
			hi = n == 0 || x > hi ? x : hi;
			n += 1;
			sum += x;
			squares += x * x;
		}
		mean = n > 0 ? sum / n : 0;
		reach = 5 * sqrt(fmax(0, n > 0 ? squares / n - mean * mean : 0));
		lo = fmax(lo, mean - reach);
		hi = fmin(hi, mean + reach);
		plane->sketch_lo[f] = (float) lo;
		plane->sketch_step[f] = hi > lo ? (float) ((hi - lo) / CODE_MAX) : 0.0f;
		plane->sketch_half[f] = plane->sketch_step[f] * 0.50001f;
	}

	plane->sketched = true;
	for (uint32_t row = 0; row < plane->nrows; row++)
	{
		float		values[RECO_KERNEL_MAXCOLUMNS];
		uint32_t	missing_mask = 0;

		for (uint32_t f = 0; f < plane->ncolumns; f++)
		{
			values[f] = plane->values[offset_of(plane, row, f)];
			missing_mask |= (uint32_t) is_missing(plane, row, f) << f;
		}
		encode_row(plane, row, values, missing_mask);
	}
}

void
reco_kernel_begin(RecoScanQuery *queries, int nqueries)
{
	for (int i = 0; i < nqueries; i++)
	{
		queries[i].nhits = 0;
		queries[i].limit = queries[i].k > 0 ? queries[i].floor : INFINITY;
		queries[i].limit_row = 0;
		queries[i].bounded = false;
	}
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
reco_kernel_end(RecoScanQuery *queries, int nqueries)
{
	for (int i = 0; i < nqueries; i++)
	{
		RecoScanQuery *query = &queries[i];

		keep_best(query->hits, query->nhits, query->k);
		if (query->nhits > query->k)
			query->nhits = query->k;
		sort_hits(query->hits, query->nhits);
	}
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

/*
 * The loops that the compiler vectorises.  Each is compiled for several CPUs,
 * works on whole blocks, and does the same float operations on all of them.
 */

/* Turns codes into floats. */
CLONED static void
widen(const uint8_t *restrict codes, size_t n, float *restrict out)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (float) codes[i];
}

/* The quadratic form of complete blocks, with ncolumns known or not. */
INLINED void
sum_blocks(const float *restrict x, size_t nblocks, uint32_t ncolumns,
		   const float *restrict a, const float *restrict b, float c, float *restrict out)
{
	for (size_t block = 0; block < nblocks; block++)
	{
		for (int i = 0; i < LANES; i++)
		{
			float		sum = c;

			for (uint32_t f = 0; f < ncolumns; f++)
				sum += (a[f] * x[f * LANES + i] + b[f]) * x[f * LANES + i];
			out[i] = sum;
		}
		x += ncolumns * LANES;
		out += LANES;
	}
}

/*
 * The same for any number of columns.  Ten and twelve, the widths in use, are
 * unrolled; the others take one column of a block at a time.
 */
CLONED static void
sum(const float *restrict x, size_t nblocks, uint32_t ncolumns, const float *restrict a,
	const float *restrict b, float c, float *restrict out)
{
	if (ncolumns == 10)
		sum_blocks(x, nblocks, 10, a, b, c, out);
	else if (ncolumns == 12)
		sum_blocks(x, nblocks, 12, a, b, c, out);
	else
		for (size_t block = 0; block < nblocks; block++, out += LANES)
		{
			for (int i = 0; i < LANES; i++)
				out[i] = c;
			for (uint32_t f = 0; f < ncolumns; f++, x += LANES)
				for (int i = 0; i < LANES; i++)
					out[i] += (a[f] * x[i] + b[f]) * x[i];
		}
}

static const uint32_t lane_bits[LANES] = {
	1u << 0, 1u << 1, 1u << 2,	1u << 3,  1u << 4,	1u << 5,  1u << 6,	1u << 7,
	1u << 8, 1u << 9, 1u << 10, 1u << 11, 1u << 12, 1u << 13, 1u << 14, 1u << 15};

/* The quadratic form of one block with unmeasured values. */
CLONED static void
sum_incomplete(const float *restrict x, const uint16_t *restrict missing,
			   uint32_t ncolumns, const float *restrict a, const float *restrict b,
			   const float *restrict m, float c, float *restrict out)
{
	for (int i = 0; i < LANES; i++)
		out[i] = c;
	for (uint32_t f = 0; f < ncolumns; f++, x += LANES)
	{
		uint32_t	bits = missing[f];

		for (int i = 0; i < LANES; i++)
		{
			float		term = (a[f] * x[i] + b[f]) * x[i];

			out[i] += bits & lane_bits[i] ? m[f] : term;
		}
	}
}

/* Adds to one block what its unmeasured values are worth. */
CLONED static void
add_absent(const uint16_t *restrict missing, uint32_t ncolumns, uint32_t incomplete,
		   const float *restrict absent, float *restrict out)
{
	for (uint32_t f = 0; f < ncolumns; f++)
	{
		uint32_t	bits = missing[f];

		if (!(incomplete >> f & 1))
			continue;
		for (int i = 0; i < LANES; i++)
			out[i] += bits & lane_bits[i] ? absent[f] : 0.0f;
	}
}

CLONED static void
add_bias(const uint32_t *restrict ids, const float *restrict bias, size_t n,
		 float *restrict out)
{
	for (size_t i = 0; i < n; i++)
		out[i] += bias[ids[i]];
}

/* The same, with the allowance for the rounding of what it is added to. */
CLONED static void
add_bias_bound(const uint32_t *restrict ids, const float *restrict bias, size_t n,
			   float *restrict out)
{
	for (size_t i = 0; i < n; i++)
	{
		float		x = bias[ids[i]];

		out[i] += x + (float) ROUNDING * fabsf(x);
	}
}

CLONED static void
forbid_flags(const uint16_t *restrict flags, uint16_t forbid, size_t n,
			 float *restrict out)
{
	for (size_t i = 0; i < n; i++)
		out[i] = flags[i] & forbid ? -INFINITY : out[i];
}

/* Says whether any of n (a multiple of LANES) scores is above a bar. */
CLONED static bool
any_above(const float *restrict scores, size_t n, float bar)
{
	int			above[LANES] = {0};
	int			any = 0;

	for (size_t i = 0; i < n; i += LANES)
		for (int j = 0; j < LANES; j++)
			above[j] |= scores[i + j] > bar;
	for (int j = 0; j < LANES; j++)
		any |= above[j];
	return any != 0;
}

/* No entry of a bias, allowance included, is above the result; NaN counts not. */
CLONED static float
most_of(const float *restrict bias, size_t n)
{
	float		most[LANES];
	float		result = -INFINITY;
	size_t		i = 0;

	for (int j = 0; j < LANES; j++)
		most[j] = -INFINITY;
	for (; i + LANES <= n; i += LANES)
		for (int j = 0; j < LANES; j++)
			most[j] = bias[i + j] > most[j] ? bias[i + j] : most[j];
	for (; i < n; i++)
		most[0] = bias[i] > most[0] ? bias[i] : most[0];
	for (int j = 0; j < LANES; j++)
		result = most[j] > result ? most[j] : result;
	return isfinite(result) ? result + 2 * (float) ROUNDING * fabsf(result) : result;
}

/* One pass of at most TOGETHER queries over rows first .. end - 1. */
static void
scan_together(const RecoPlane *plane, uint32_t first, uint32_t end,
			  RecoScanQuery *queries, int nqueries)
{
	RecoGlance	glances[TOGETHER];
	RecoTile	tile;
	bool		widen_tiles = false;
	uint32_t	row = first;
	size_t		block;

	for (int i = 0; i < nqueries; i++)
	{
		glance(plane, &queries[i], &glances[i]);
		widen_tiles |= glances[i].usable;
	}

	/* Rows that do not fill a block go one by one. */
	for (; row < end && row % LANES != 0; row++)
		for (int i = 0; i < nqueries; i++)
			try_row(plane, &queries[i], row);

	for (block = row / LANES; block < end / LANES; block += tile.nblocks)
	{
		size_t		left = end / LANES - block;

		load_tile(plane, block, left < TILE_BLOCKS ? left : TILE_BLOCKS, widen_tiles,
				  &tile);
		for (int i = 0; i < nqueries; i++)
		{
			float		bound[TILE_ROWS] __attribute__((aligned(64)));

			if (!glances[i].usable)
				score_tile(plane, &queries[i], &tile);
			else if (glance_tile(plane, &queries[i], &glances[i], &tile, bound))
				try_rows(plane, &queries[i], &tile, bound);
		}
		row = (uint32_t) (block + tile.nblocks) * LANES;
	}

	for (; row < end; row++)
		for (int i = 0; i < nqueries; i++)
			try_row(plane, &queries[i], row);
}

/* The float below x; -inf and NaN stay. */
static float
below(float x)
{
	return isnan(x) ? x : nextafterf(x, -INFINITY);
}

/* What a score at or behind this row must be above to be a hit. */
INLINED float
bar_of(const RecoScanQuery *query, uint32_t row)
{
	return row >= query->limit_row ? query->limit : below(query->limit);
}

/*
 * Works out what the query looks like through the sketch.  Not usable when
 * there is none, or when the numbers are so large that floats may overflow.
 */
static void
glance(const RecoPlane *plane, RecoScanQuery *query, RecoGlance *g)
{
	double		constant = query->c;
	double		size = 2 * fabs(query->c);

	if (!query->bounded)
	{
		query->group_most = plane->ngroups ? -INFINITY : INFINITY;
		query->set_most = plane->nsets ? -INFINITY : INFINITY;
		if (!plane->group || !query->group_bias)
			query->group_most = 0;
		else if (plane->ngroups)
			query->group_most = most_of(query->group_bias, plane->ngroups);
		if (!plane->set || !query->set_bias)
			query->set_most = 0;
		else if (plane->nsets)
			query->set_most = most_of(query->set_bias, plane->nsets);
		query->bounded = true;
	}

	g->usable = plane->sketched;
	if (!g->usable)
		return;
	for (uint32_t f = 0; f < plane->ncolumns; f++)
		fit_column(g, plane, query, f, &constant, &size);
	constant += ROUNDING * size + 1e-30;
	g->c = (float) constant;
	g->lookups = (double) query->group_most + query->set_most;
	g->usable = size < 1e30;	/* and so not NaN */

	for (int i = 0; i < query->nranges; i++)
	{
		uint32_t	f = query->ranges[i].column;
		double		lo = -INFINITY;
		double		hi = INFINITY;

		if (f < plane->ncolumns && plane->sketch_step[f] > 0)
		{
			lo = ((double) query->ranges[i].lo - plane->sketch_lo[f]) /
				plane->sketch_step[f];
			hi = ((double) query->ranges[i].hi - plane->sketch_lo[f]) /
				plane->sketch_step[f];
		}
		g->lo[i] = isnan(lo) ? -INFINITY : (float) fmax(-1, fmin(lo - 1, 1000));
		g->hi[i] = isnan(hi) ? INFINITY : (float) fmax(-1000, fmin(hi + 1, 1000));
	}
}

/*
 * Bounds one column's term t(x) = a·x² + b·x from above by a quadratic form of
 * the code q, where |x - y| <= h for y = lo + step·q.
 *
 * For a >= 0: t(x) <= t(y) + |t'(y)|·h + a·h², and |t'| is largest at an end.
 *
 * For a < 0, write w = -a and s = b / 2w (the peak).  Then t(x) = w·s² -
 * w·(x - s)², and with u = |y - s|, (x - s)² >= u² - 2·h·u where that is not
 * negative, and >= 0.  For each e in (0, 1], 2·h·u <= e·u² + h²/e, so
 * t(x) <= w·s² - w·(1 - e)·u² + w·h²·(1/e - 1) after taking the -h² that the
 * square also has.  The bound is tight at u = h/e; e is chosen so that this is
 * an eighth of the column's range from the peak (or from where the range comes
 * nearest to it), as the best rows tend to be there.
 */
static void
fit_column(RecoGlance *g, const RecoPlane *plane, const RecoScanQuery *query,
		   uint32_t column, double *constant, double *size)
{
	double		a = query->a[column];
	double		b = query->b[column];
	double		m = query->m[column];
	double		lo = plane->sketch_lo[column];
	double		step = plane->sketch_step[column];
	double		h = plane->sketch_half[column];
	double		hi = lo + CODE_MAX * step;
	double		x = fmax(fabs(lo), fabs(hi)) + h;
	double		scale = 1;
	double		more = 0;
	double		at_zero;

	if (a < 0 && h > 0)
	{
		double		peak = b / (-2 * a);
		double		near = fmax(0, fmax(lo - peak, peak - hi)) + (hi - lo) / 8;
		double		e = near > h ? h / near : 1;

		scale = 1 - e;
		more = e * (b * b / (-4 * a)) - a * h * h * (1 / e - 1);
	}
	else if (h > 0)
		more = fmax(fabs(2 * a * lo + b), fabs(2 * a * hi + b)) * h + a * h * h;

	g->a[column] = (float) (scale * a * step * step);
	g->b[column] = (float) (scale * (2 * a * lo + b) * step);
	at_zero = scale * (a * lo * lo + b * lo) + more;
	g->absent[column] = (float) (m - at_zero + (isfinite(m) ? ROUNDING * fabs(m) : 0));
	*constant += at_zero;
	*size += fabs(a) * x * x + fabs(b) * x + fabs(at_zero);
	*size += fabs((double) g->a[column]) * CODE_MAX * CODE_MAX;
	*size += fabs((double) g->b[column]) * CODE_MAX;
	/* Out of bounds where a step on the way may overflow or underflow. */
	if (!(fabs(a) < 1e30 && fabs(b) < 1e30 && x < 1e15))
		*size = INFINITY;
}

/* Prepares a tile for all queries. */
static void
load_tile(const RecoPlane *plane, size_t block, size_t nblocks, bool widen_it,
		  RecoTile *tile)
{
	size_t		stride = (size_t) plane->ncolumns * LANES;
	int			outside = 0;

	tile->block = block;
	tile->nblocks = nblocks;
	tile->incomplete = 0;
	for (size_t i = 0; i < nblocks; i++)
		tile->incomplete |= plane->incomplete[block + i];
	tile->outside = false;
	if (!widen_it || plane->ncolumns == 0)
		return;

	widen(plane->sketch + block * stride, nblocks * stride, tile->codes);
	for (size_t i = 0; i < nblocks; i++)
		for (int j = 0; j < LANES; j++)
			outside |= tile->codes[i * stride + j] > CODE_MAX;
	tile->outside = outside != 0;
}

/* Leaves out rows whose code is outside a range for certain. */
static void
glance_ranges(const RecoPlane *plane, const RecoScanQuery *query, const RecoGlance *g,
			  const RecoTile *tile, float *bound)
{
	size_t		stride = (size_t) plane->ncolumns * LANES;

	for (int r = 0; r < query->nranges; r++)
	{
		const float *codes = tile->codes + (size_t) query->ranges[r].column * LANES;

		if (query->ranges[r].column >= plane->ncolumns)
			continue;
		for (size_t i = 0; i < tile->nblocks; i++)
			for (int j = 0; j < LANES; j++)
			{
				float		code = codes[i * stride + j];
				float	   *to = &bound[i * LANES + j];

				*to = (code >= g->lo[r] && code <= g->hi[r]) || *to == INFINITY
					? *to
					: -INFINITY;
			}
	}
}

/*
 * Bounds the scores of a tile's rows from above.  Returns whether a row may be
 * a hit; only then 'bound' is filled.
 */
static bool
glance_tile(const RecoPlane *plane, const RecoScanQuery *query, const RecoGlance *g,
			const RecoTile *tile, float *bound)
{
	size_t		first = tile->block * LANES;
	size_t		n = tile->nblocks * LANES;
	size_t		stride = (size_t) plane->ncolumns * LANES;
	float		bar = bar_of(query, (uint32_t) first);

	sum(tile->codes, tile->nblocks, plane->ncolumns, g->a, g->b, g->c, bound);
	for (size_t i = 0; tile->outside && i < tile->nblocks; i++)
		for (int j = 0; j < LANES; j++)
			if (tile->codes[i * stride + j] > CODE_MAX)
				bound[i * LANES + j] = INFINITY;
	for (size_t i = 0; tile->incomplete && i < tile->nblocks; i++)
	{
		size_t		block = tile->block + i;

		if (plane->incomplete[block])
			add_absent(plane->missing + block * plane->ncolumns, plane->ncolumns,
					   plane->incomplete[block], g->absent, bound + i * LANES);
	}

	if (!any_above(bound, n, below((float) (bar - g->lookups))))
		return false;

	if (plane->group && query->group_bias)
		add_bias_bound(plane->group + first, query->group_bias, n, bound);
	if (plane->set && query->set_bias)
		add_bias_bound(plane->set + first, query->set_bias, n, bound);
	if (plane->flags && query->forbid)
		forbid_flags(plane->flags + first, query->forbid, n, bound);
	if (query->nranges > 0)
		glance_ranges(plane, query, g, tile, bound);
	return any_above(bound, n, bar);
}

/* Scores the rows of a tile that may be hits: one by one, or all if many. */
static void
try_rows(const RecoPlane *plane, RecoScanQuery *query, const RecoTile *tile,
		 const float *bound)
{
	uint32_t	first = (uint32_t) (tile->block * LANES);
	float		bar = bar_of(query, first);
	int			many = 0;

	for (size_t i = 0; i < tile->nblocks * LANES; i++)
		many += bound[i] > bar;
	if (many > TILE_MANY)
	{
		score_tile(plane, query, tile);
		return;
	}
	for (size_t i = 0; i < tile->nblocks; i++)
	{
		int			any = 0;

		for (int j = 0; j < LANES; j++)
			any |= bound[i * LANES + j] > bar;
		for (int j = 0; any && j < LANES; j++)
			if (bound[i * LANES + j] > bar)
				try_row(plane, query, first + (uint32_t) (i * LANES) + j);
	}
}

/* Scores all rows of a tile from their floats. */
static void
score_tile(const RecoPlane *plane, RecoScanQuery *query, const RecoTile *tile)
{
	float		scores[TILE_ROWS] __attribute__((aligned(64)));
	size_t		first = tile->block * LANES;
	size_t		n = tile->nblocks * LANES;
	size_t		stride = (size_t) plane->ncolumns * LANES;
	float		bar = bar_of(query, (uint32_t) first);

	sum(plane->values + tile->block * stride, tile->nblocks, plane->ncolumns, query->a,
		query->b, query->c, scores);
	for (size_t i = 0; tile->incomplete && i < tile->nblocks; i++)
	{
		size_t		block = tile->block + i;

		if (plane->incomplete[block])
			sum_incomplete(plane->values + block * stride,
						   plane->missing + block * plane->ncolumns, plane->ncolumns,
						   query->a, query->b, query->m, query->c, scores + i * LANES);
	}
	if (plane->group && query->group_bias)
		add_bias(plane->group + first, query->group_bias, n, scores);
	if (plane->set && query->set_bias)
		add_bias(plane->set + first, query->set_bias, n, scores);
	if (plane->flags && query->forbid)
		forbid_flags(plane->flags + first, query->forbid, n, scores);
	if (!any_above(scores, n, bar))
		return;
	for (size_t i = 0; i < n; i++)
		if (scores[i] > bar && in_ranges(plane, query, (uint32_t) (first + i)))
			push(query, scores[i], (uint32_t) (first + i));
}

/* Scores one row from its floats. */
static void
try_row(const RecoPlane *plane, RecoScanQuery *query, uint32_t row)
{
	if (plane->flags && (plane->flags[row] & query->forbid))
		return;
	if (in_ranges(plane, query, row))
		push(query, score_row(plane, query, row), row);
}

/* The same operations in the same order as score_tile's. */
static float
score_row(const RecoPlane *plane, const RecoScanQuery *query, uint32_t row)
{
	const float *x = plane->values + offset_of(plane, row, 0);
	bool		incomplete = plane->incomplete[row / LANES] != 0;
	float		score = query->c;

	for (uint32_t f = 0; f < plane->ncolumns; f++, x += LANES)
	{
		if (incomplete && is_missing(plane, row, f))
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

		if (f >= plane->ncolumns || is_missing(plane, row, f))
			return false;
		x = plane->values[offset_of(plane, row, f)];
		if (!(x >= query->ranges[i].lo && x <= query->ranges[i].hi))
			return false;
	}
	return true;
}

/*
 * Keeps a hit that comes before the limit.  The buffer holds twice what is
 * asked for; when it is full, the better half stays and sets the limit.
 */
static void
push(RecoScanQuery *query, float score, uint32_t row)
{
	if (!before(score, row, query->limit, query->limit_row))
		return;
	query->hits[query->nhits].score = score;
	query->hits[query->nhits++].row = row;
	if (query->nhits == reco_kernel_room(query->k))
	{
		keep_best(query->hits, query->nhits, query->k);
		query->nhits = query->k;
		query->limit = query->hits[query->k - 1].score;
		query->limit_row = query->hits[query->k - 1].row;
	}
}

INLINED bool
hit_before(const RecoHit *a, const RecoHit *b)
{
	return before(a->score, a->row, b->score, b->row);
}

INLINED void
swap_hits(RecoHit *a, RecoHit *b)
{
	RecoHit		t = *a;

	*a = *b;
	*b = t;
}

/*
 * Moves the best k of n hits to the front, the k-th at k - 1 (quickselect with
 * the median of three).  Sorts what is left if that takes too many rounds, so
 * that no order of the input makes it quadratic.
 */
static void
keep_best(RecoHit *hits, size_t n, size_t k)
{
	size_t		lo = 0;
	size_t		hi = n;			/* the k-th is in lo .. hi - 1 */
	int			rounds = 0;

	if (k == 0 || k > n)
		return;
	for (size_t i = n; i > 0; i /= 2)
		rounds += 2;
	while (hi - lo > 3 && rounds-- > 0)
	{
		RecoHit    *middle = &hits[lo + (hi - lo) / 2];
		RecoHit		pivot;
		size_t		i = lo;
		size_t		j = hi - 1;

		if (hit_before(middle, &hits[lo]))
			swap_hits(middle, &hits[lo]);
		if (hit_before(&hits[hi - 1], middle))
			swap_hits(middle, &hits[hi - 1]);
		if (hit_before(middle, &hits[lo]))
			swap_hits(middle, &hits[lo]);
		pivot = *middle;
		for (;;)
		{
			while (hit_before(&hits[i], &pivot))
				i++;
			while (hit_before(&pivot, &hits[j]))
				j--;
			if (i >= j)
				break;
			swap_hits(&hits[i++], &hits[j--]);
		}
		/* lo .. i - 1 is not behind the pivot, j + 1 .. hi - 1 not before it */
		if (k - 1 <= j)
			hi = j + 1;
		else
			lo = j + 1;
	}
	sort_hits(hits + lo, hi - lo);
}

/* Heap sort, best first: in place, and never worse than n·log(n). */
static void
sort_hits(RecoHit *hits, size_t n)
{
	size_t		start = n / 2;

	while (n > 1)
	{
		size_t		root;
		size_t		child;

		if (start > 0)
			start--;
		else
			swap_hits(&hits[0], &hits[--n]);
		for (root = start; (child = 2 * root + 1) < n; root = child)
		{
			if (child + 1 < n && hit_before(&hits[child], &hits[child + 1]))
				child++;
			if (!hit_before(&hits[root], &hits[child]))
				break;
			swap_hits(&hits[root], &hits[child]);
		}
	}
}

/* Writes one row's codes.  A row that they cannot describe is 'outside'. */
static void
encode_row(RecoPlane *plane, uint32_t row, const float *values, uint32_t missing_mask)
{
	bool		outside = false;

	for (uint32_t f = 0; f < plane->ncolumns; f++)
	{
		double		lo = plane->sketch_lo[f];
		double		step = plane->sketch_step[f];
		double		code = 0;

		if (!((missing_mask >> f) & 1))
		{
			if (step > 0)
				code = rint(((double) values[f] - lo) / step);
			if (!(code >= 0 && code <= CODE_MAX))
				code = 0;
			if (!(fabs(values[f] - (lo + step * code)) <= plane->sketch_half[f]))
				outside = true;
		}
		plane->sketch[offset_of(plane, row, f)] = (uint8_t) code;
	}
	if (outside)
		plane->sketch[offset_of(plane, row, 0)] = CODE_OUTSIDE;
}
