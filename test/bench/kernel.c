/*-------------------------------------------------------------------------
 *
 * kernel.c
 *	  Benchmark of the scan kernel against a copy of its matrix.
 *
 * Purpose: print how long exact top-100 queries take, as ratios to memcpy of
 *			the matrix into touched memory, measured in turns in the same run.
 * Runs in: a plain C program, built from this and src/catalogue/kernel*.c:
 *			kernel_bench [rows] [runs].  Without rows, it measures 1,000,000 and
 *			28,356 rows.
 * Locks:	none.
 * Never:	time a result that is wrong: hits are compared with a naive scan's,
 *			and a difference ends it with exit code 1.
 *
 *-------------------------------------------------------------------------
 */
#include "catalogue/kernel.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LANES	 RECO_KERNEL_LANES
#define NCOLUMNS 10
#define NQUERIES 8
#define NSETS	 64
#define K		 100

/* What is measured; each once a round, so that all see the same machine. */
typedef enum
{
	TIME_MEMCPY,
	TIME_QUERY1,				/* features only */
	TIME_QUERY4,
	TIME_QUERY8,
	TIME_FULL1,					/* with groups, sets, flags and a range */
	TIME_FULL8,
	TIME_FLOATS1,				/* features only, without the sketch */
	TIME_NAIVE,
	NTIMES
} Time;

static const char *const time_names[NTIMES] = {
	"memcpy",  "kernel.1query", "kernel.4queries",		  "kernel.8queries",
	"full.1query", "full.8queries", "floats.1query", "rows.1query"};

/* A catalogue: the plane, and the same values row by row. */
typedef struct Catalogue
{
	RecoPlane	plane;
	float	   *rows;
	uint32_t	ngroups;
	RecoScanQuery plain[NQUERIES];
	RecoScanQuery full[NQUERIES];
	RecoHit    *naive;
	double	   *times[NTIMES];
} Catalogue;

static uint64_t seed = 42;

/* Uniform in 0 .. 1 (splitmix64). */
static float
unit(void)
{
	uint64_t	z = (seed += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return (float) ((z ^ (z >> 31)) >> 40) / (float) (1 << 24);
}

/* The process's own time, so that a busy machine does not count. */
static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/* Memory that is there: every page is written. */
static void *
touched(size_t size)
{
	void	   *p = aligned_alloc(64, (size + 127) / 64 * 64);

	if (!p)
		abort();
	return memset(p, 0, (size + 127) / 64 * 64);
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

static double
median(double *times, int n)
{
	qsort(times, n, sizeof(double), compare_doubles);
	return n % 2 ? times[n / 2] : (times[n / 2 - 1] + times[n / 2]) / 2;
}

/*
 * Artists of 1 to 20 tracks that scatter around the artist; one row in twenty
 * has no audio features, as in a real catalogue.
 */
static void
fill(Catalogue *cat, uint32_t nrows)
{
	RecoPlane  *plane = &cat->plane;
	uint32_t	rounded = (nrows + LANES - 1) / LANES * LANES;
	uint32_t   *group = touched(rounded * sizeof(uint32_t));
	uint32_t   *set = touched(rounded * sizeof(uint32_t));
	uint16_t   *flags = touched(rounded * sizeof(uint16_t));
	float		centre[NCOLUMNS] = {0};
	uint32_t	left = 0;

	plane->nrows = nrows;
	plane->ncolumns = NCOLUMNS;
	plane->values = touched(reco_kernel_values_size(nrows, NCOLUMNS));
	plane->missing = touched(reco_kernel_missing_size(nrows, NCOLUMNS));
	plane->incomplete = touched(reco_kernel_incomplete_size(nrows));
	plane->sketch = touched(reco_kernel_sketch_size(nrows, NCOLUMNS));
	cat->rows = touched((size_t) nrows * NCOLUMNS * sizeof(float));
	for (uint32_t row = 0; row < nrows; row++, left--)
	{
		float	   *values = cat->rows + (size_t) row * NCOLUMNS;

		if (left == 0)
		{
			left = 1 + (uint32_t) (unit() * 20);
			cat->ngroups++;
			for (int f = 0; f < NCOLUMNS; f++)
				centre[f] = unit();
		}
		for (int f = 0; f < NCOLUMNS; f++)
			values[f] = fminf(1, fmaxf(0, centre[f] + 0.5f * (unit() - unit())));
		group[row] = cat->ngroups - 1;
		set[row] = (uint32_t) (unit() * NSETS);
		flags[row] = unit() < 0.1f ? 1 : 0;
		reco_kernel_store(plane, row, values, unit() < 0.05f ? 0x3ff : 0);
	}
	plane->group = group;
	plane->set = set;
	plane->flags = flags;
	plane->ngroups = cat->ngroups;
	plane->nsets = NSETS;
	reco_kernel_sketch(plane);
}

/* -Σ w·(x - s)², like any query; the full ones look up and filter as well. */
static void
make_queries(Catalogue *cat)
{
	for (int i = 0; i < NQUERIES; i++)
	{
		RecoScanQuery *query = &cat->plain[i];
		float	   *group_bias = touched(cat->ngroups * sizeof(float));
		float	   *set_bias = touched(NSETS * sizeof(float));

		memset(query, 0, sizeof(*query));
		for (int f = 0; f < NCOLUMNS; f++)
		{
			float		w = 0.25f + unit();
			float		s = unit();

			query->a[f] = -w;
			query->b[f] = 2 * w * s;
			query->c -= w * s * s;
			query->m[f] = -w * ((s - 0.5f) * (s - 0.5f) + 0.12f);
		}
		query->floor = -INFINITY;
		query->k = K;
		query->hits = touched(reco_kernel_room(K) * sizeof(RecoHit));
		cat->full[i] = *query;
		query = &cat->full[i];
		for (uint32_t g = 0; g < cat->ngroups; g++)
			group_bias[g] = unit() < 0.01f ? 0.1f * unit() : 0;
		for (int s = 0; s < NSETS; s++)
			set_bias[s] = 0.1f * unit();
		query->group_bias = group_bias;
		query->set_bias = set_bias;
		query->forbid = 1;
		query->nranges = 1;
		query->ranges[0].column = (uint16_t) i;
		query->ranges[0].lo = 0.2f;
		query->ranges[0].hi = INFINITY;
	}
	cat->naive = touched(cat->plane.nrows * sizeof(RecoHit));
}

static void
scan(const Catalogue *cat, RecoScanQuery *queries, int nqueries)
{
	reco_kernel_begin(queries, nqueries);
	reco_kernel_scan(&cat->plane, 0, cat->plane.nrows, queries, nqueries);
	reco_kernel_end(queries, nqueries);
}

/*
 * What one would write first: row by row, the distance, a heap's worth of best
 * rows.  Timed as the comparison; unmeasured values are not looked at.
 */
static void
scan_rows(const Catalogue *cat, const RecoScanQuery *query, RecoHit *best)
{
	int			n = 0;

	for (uint32_t row = 0; row < cat->plane.nrows; row++)
	{
		const float *x = cat->rows + (size_t) row * NCOLUMNS;
		float		sum = query->c;
		int			at;

		for (int f = 0; f < NCOLUMNS; f++)
			sum += (query->a[f] * x[f] + query->b[f]) * x[f];
		if (n == K && !(sum > best[K - 1].score))
			continue;
		at = n < K ? n++ : K - 1;
		for (; at > 0 && best[at - 1].score < sum; at--)
			best[at] = best[at - 1];
		best[at].score = sum;
		best[at].row = row;
	}
}

static int
compare_hits(const void *a, const void *b)
{
	const RecoHit *x = a;
	const RecoHit *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

/* Returns how many of a query's hits are those of scoring and sorting all rows. */
static uint32_t
count_right(const Catalogue *cat, const RecoScanQuery *query)
{
	const RecoPlane *plane = &cat->plane;
	uint32_t	n = 0;
	uint32_t	right = 0;

	for (uint32_t row = 0; row < plane->nrows; row++)
	{
		const float *x = cat->rows + (size_t) row * NCOLUMNS;
		bool		absent = plane->missing[row / LANES * NCOLUMNS] >> row % LANES & 1;
		float		sum = query->c;

		if ((plane->flags[row] & query->forbid) ||
			(query->nranges &&
			 (absent || x[query->ranges[0].column] < query->ranges[0].lo)))
			continue;
		for (int f = 0; f < NCOLUMNS; f++)
		{
			volatile float square = query->a[f] * x[f]; /* no fused multiply-add */
			volatile float term = (square + query->b[f]) * x[f];

			sum += absent ? query->m[f] : term;
		}
		if (query->group_bias)
			sum += query->group_bias[plane->group[row]];
		if (query->set_bias)
			sum += query->set_bias[plane->set[row]];
		cat->naive[n].score = sum;
		cat->naive[n++].row = row;
	}
	qsort(cat->naive, n, sizeof(RecoHit), compare_hits);
	for (uint32_t i = 0; i < query->nhits && i < n; i++)
		right += query->hits[i].row == cat->naive[i].row &&
			query->hits[i].score == cat->naive[i].score;
	return right;
}

static bool
check(const Catalogue *cat)
{
	uint32_t	right = 0;
	uint32_t	wanted = 0;

	for (int i = 0; i < NQUERIES; i++)
	{
		wanted += 2 * K;
		scan(cat, (RecoScanQuery *) &cat->plain[i], 1);
		right += count_right(cat, &cat->plain[i]);
		scan(cat, (RecoScanQuery *) &cat->full[i], 1);
		right += count_right(cat, &cat->full[i]);
	}
	printf("recall %.4f (%u of %u hits, in order)\n", (double) right / wanted, right,
		   wanted);
	return right == wanted;
}

static void
measure(Catalogue *cat, int runs)
{
	size_t		size = (size_t) cat->plane.nrows * NCOLUMNS * sizeof(float);
	char	   *copy = touched(size);

	for (int run = -2; run < runs; run++)
		for (int what = 0; what < NTIMES; what++)
		{
			RecoScanQuery *plain = &cat->plain[(run + 2) % (NQUERIES / 2)];
			RecoHit		best[K];
			double		start = now_ms();

			switch (what)
			{
				case TIME_MEMCPY:
					memcpy(copy, cat->rows, size);
					__asm__ volatile("" : : "r"(copy) : "memory");
					break;
				case TIME_QUERY1:
					scan(cat, plain, 1);
					break;
				case TIME_QUERY4:
					scan(cat, plain, 4);
					break;
				case TIME_QUERY8:
					scan(cat, cat->plain, 8);
					break;
				case TIME_FULL1:
					scan(cat, &cat->full[(run + 2) % NQUERIES], 1);
					break;
				case TIME_FULL8:
					scan(cat, cat->full, 8);
					break;
				case TIME_FLOATS1:
					cat->plane.sketched = false;
					scan(cat, plain, 1);
					cat->plane.sketched = true;
					break;
				case TIME_NAIVE:
					scan_rows(cat, plain, best);
					break;
			}
			if (run >= 0)
				cat->times[what][run] = now_ms() - start;
		}
	free(copy);
}

static bool
bench(uint32_t nrows, int runs, bool goals)
{
	Catalogue	cat = {0};
	double		ms[NTIMES];

	printf("# %u rows x %d columns (%.1f MB), top-%d, median of %d runs\n", nrows,
		   NCOLUMNS, nrows * (NCOLUMNS * sizeof(float) / 1e6), K, runs);
	for (int i = 0; i < NTIMES; i++)
		cat.times[i] = touched(runs * sizeof(double));
	fill(&cat, nrows);
	make_queries(&cat);
	if (!check(&cat))
		return false;
	measure(&cat, runs);
	for (int i = 0; i < NTIMES; i++)
	{
		ms[i] = median(cat.times[i], runs);
		printf("time %s.%u %.3f ms\n", time_names[i], nrows, ms[i]);
	}
	for (int i = TIME_QUERY1; i < NTIMES; i++)
		printf("ratio %s_over_memcpy%s %.2f%s\n", time_names[i], goals ? "" : ".small",
			   ms[i] / ms[TIME_MEMCPY],
			   goals && i == TIME_QUERY1 ? " (goal <= 0.6)" : "");
	printf("ratio kernel.further_over_first%s %.2f\n", goals ? "" : ".small",
		   (ms[TIME_QUERY8] - ms[TIME_QUERY1]) / 7 / ms[TIME_QUERY1]);
	printf("ratio kernel.1query_over_rows%s %.2f\n", goals ? "" : ".small",
		   ms[TIME_QUERY1] / ms[TIME_NAIVE]);
	return true;
}

int
main(int argc, char **argv)
{
	int			rows = argc > 1 ? atoi(argv[1]) : 0;
	int			runs = argc > 2 ? atoi(argv[2]) : 101;

	if (argc > 3 || rows < 0 || runs < 1 || (argc > 1 && rows < K))
	{
		fprintf(stderr, "usage: %s [rows (at least %d)] [runs]\n", argv[0], K);
		return 2;
	}
	if (rows > 0)
		return bench((uint32_t) rows, runs, rows == 1000000) ? 0 : 1;
	return bench(1000000, runs, true) && bench(28356, runs, false) ? 0 : 1;
}
