/*-------------------------------------------------------------------------
 *
 * kernel_test.c
 *	  Tests of the scan kernel: hand-made cases, and random planes against a
 *	  naive scan.
 *
 * Purpose: show that a scan returns exactly the best k rows, in order, with the
 *			naive scan's scores, whatever the plane and the query look like.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	depend on the C library's random numbers: a failure must repeat.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/catalogue/kernel.c src/catalogue/kernel_hits.c
			src/catalogue/kernel_loops.c src/catalogue/kernel_sketch.c */
#include "catalogue/kernel.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LANES RECO_KERNEL_LANES

static int	ntests = 0;
static int	nfailed = 0;
static uint64_t seed;

static void
ok(bool good, const char *name)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++ntests, name);
	nfailed += !good;
}

/* splitmix64 */
static uint64_t
draw(void)
{
	uint64_t	z = (seed += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* Uniform in 0 .. 1. */
static float
unit(void)
{
	return (float) (draw() >> 40) / (float) (1 << 24);
}

static uint32_t
below(uint32_t n)
{
	return (uint32_t) (draw() % n);
}

static void *
zeroes(size_t size)
{
	void	   *p = aligned_alloc(64, (size + 127) / 64 * 64);

	if (!p)
		abort();
	return memset(p, 0, (size + 127) / 64 * 64);
}

static RecoPlane
make_plane(uint32_t nrows, uint32_t ncolumns)
{
	RecoPlane	plane = {.nrows = nrows, .ncolumns = ncolumns};

	plane.values = zeroes(reco_kernel_values_size(nrows, ncolumns));
	plane.missing = zeroes(reco_kernel_missing_size(nrows, ncolumns));
	plane.incomplete = zeroes(reco_kernel_incomplete_size(nrows));
	plane.sketch = zeroes(reco_kernel_sketch_size(nrows, ncolumns));
	return plane;
}

static void
free_plane(RecoPlane *plane)
{
	free(plane->values);
	free(plane->missing);
	free(plane->incomplete);
	free(plane->sketch);
	free((void *) plane->group);
	free((void *) plane->set);
	free((void *) plane->flags);
}

static RecoScanQuery
make_query(uint32_t k)
{
	RecoScanQuery query = {.k = k, .floor = -INFINITY};

	query.hits = malloc(reco_kernel_room(k) * sizeof(RecoHit));
	if (!query.hits)
		abort();
	return query;
}

/* The naive scan, in the order that kernel.h promises.  Returns whether a hit. */
static bool
naive_score(const RecoPlane *plane, const RecoScanQuery *query, uint32_t row,
			float *score, double *exact)
{
	float		sum = query->c;
	double		real = query->c;
	size_t		block = row / LANES;
	uint32_t	lane = row % LANES;

	for (uint32_t f = 0; f < plane->ncolumns; f++)
	{
		float		x = plane->values[(block * plane->ncolumns + f) * LANES + lane];
		bool		absent = plane->missing[block * plane->ncolumns + f] >> lane & 1;
		volatile float square = query->a[f] * x;	/* no fused multiply-add */
		volatile float term = (square + query->b[f]) * x;

		sum += absent ? query->m[f] : term;
		real += absent ? query->m[f] : ((double) query->a[f] * x + query->b[f]) * x;
		for (int i = 0; i < query->nranges; i++)
			if (query->ranges[i].column == f &&
				(absent || !(x >= query->ranges[i].lo && x <= query->ranges[i].hi)))
				return false;
	}
	if (plane->group && query->group_bias)
	{
		sum += query->group_bias[plane->group[row]];
		real += query->group_bias[plane->group[row]];
	}
	if (plane->set && query->set_bias)
	{
		sum += query->set_bias[plane->set[row]];
		real += query->set_bias[plane->set[row]];
	}
	if (plane->flags && (plane->flags[row] & query->forbid))
		return false;
	*score = sum;
	*exact = real;
	return sum > query->floor;
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

/* Compares a query's hits with the naive scan's; prints the first difference. */
static bool
agrees(const RecoPlane *plane, const RecoScanQuery *query)
{
	RecoHit    *hits = malloc(((size_t) plane->nrows + 1) * sizeof(RecoHit));
	uint32_t	n = 0;
	bool		good = true;

	for (uint32_t row = 0; row < plane->nrows; row++)
	{
		float		score;
		double		exact;

		if (!naive_score(plane, query, row, &score, &exact))
			continue;
		if (isfinite(score) && fabs(score - exact) > 1e-3 * (1 + fabs(exact)))
			good = false;
		hits[n].score = score;
		hits[n++].row = row;
	}
	qsort(hits, n, sizeof(RecoHit), compare_hits);
	n = n < query->k ? n : query->k;
	if (n != query->nhits)
	{
		printf("# %u hits instead of %u\n", query->nhits, n);
		good = false;
	}
	for (uint32_t i = 0; good && i < n; i++)
		if (hits[i].row != query->hits[i].row || hits[i].score != query->hits[i].score)
		{
			printf("# hit %u: row %u score %.9g instead of row %u score %.9g\n", i,
				   query->hits[i].row, query->hits[i].score, hits[i].row, hits[i].score);
			good = false;
		}
	free(hits);
	return good;
}

static void
run(const RecoPlane *plane, RecoScanQuery *queries, int nqueries)
{
	reco_kernel_begin(queries, nqueries);
	reco_kernel_scan(plane, 0, plane->nrows, queries, nqueries);
	reco_kernel_end(queries, nqueries);
}

/* Scans without and with the sketch. */
static bool
run_agrees(RecoPlane *plane, RecoScanQuery *query)
{
	bool		good;

	plane->sketched = false;
	run(plane, query, 1);
	good = agrees(plane, query);
	reco_kernel_sketch(plane);
	run(plane, query, 1);
	return agrees(plane, query) && good;
}

/* How wild a random plane or query is. */
typedef enum
{
	WILD_MISSING = 1,
	WILD_LOOKUPS = 2,
	WILD_FILTERS = 4,
	WILD_TIES = 8,
	WILD_NUMBERS = 16,
	WILD_SCALES = 32
} Wild;

static float
wild_number(void)
{
	static const float numbers[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 1e-42f, 0};

	return numbers[below(7)];
}

static void
fill_plane(RecoPlane *plane, int wild)
{
	uint32_t	rounded = (plane->nrows + LANES - 1) / LANES * LANES;
	uint32_t   *group = zeroes(rounded * sizeof(uint32_t));
	uint32_t   *set = zeroes(rounded * sizeof(uint32_t));
	uint16_t   *flags = zeroes(rounded * sizeof(uint16_t));
	bool		scattered = below(5) == 0;

	for (uint32_t row = 0; row < plane->nrows; row++)
	{
		float		values[RECO_KERNEL_MAXCOLUMNS] = {0};
		uint32_t	missing = 0;

		for (uint32_t f = 0; f < plane->ncolumns; f++)
		{
			values[f] = unit();
			if (wild & WILD_TIES)
				values[f] = (float) below(3);
			if (wild & WILD_SCALES)
				values[f] = values[f] * powf(10, f % 5) - 60 * (f % 3);
			if ((wild & WILD_NUMBERS) && below(200) == 0)
				values[f] = wild_number();
			if ((wild & WILD_MISSING) && below(10) == 0)
				missing |= 1u << f;
		}
		if ((wild & WILD_MISSING) && below(20) == 0)
			missing = 0xffff;
		reco_kernel_store(plane, row, values, missing);
		if (row > 0)
			group[row] = scattered ? below(row + 1) : group[row - 1] + (below(7) == 0);
		set[row] = below(50);
		flags[row] = (uint16_t) (1u << below(16));
		plane->ngroups = plane->ngroups > group[row] ? plane->ngroups : group[row] + 1;
	}
	plane->nsets = 50;
	if (below(4) == 0)
		plane->ngroups = plane->nsets = 0;
	plane->group = group;
	plane->set = set;
	plane->flags = flags;
}

/* The lookups are as long as any plane's rows. */
static void
fill_query(const RecoPlane *plane, RecoScanQuery *query, int wild)
{
	float	   *group_bias = zeroes((plane->nrows + 1) * sizeof(float));
	float	   *set_bias = zeroes(50 * sizeof(float));

	for (uint32_t f = 0; f < plane->ncolumns; f++)
	{
		float		scale = wild & WILD_SCALES ? powf(10, f % 5) : 1;
		float		w = unit() / scale / scale;
		float		s = (unit() * 1.4f - 0.2f) * scale;

		query->a[f] = below(8) == 0 ? w : -w;
		query->b[f] = 2 * w * s;
		query->c -= w * s * s;
		query->m[f] = unit() - 0.7f;
		if (wild & WILD_TIES)
		{
			query->a[f] = -1;
			query->b[f] = (float) below(4);
		}
		if ((wild & WILD_NUMBERS) && below(20) == 0)
			query->a[f] = wild_number();
		if ((wild & WILD_NUMBERS) && below(20) == 0)
			query->m[f] = wild_number();
	}
	for (uint32_t i = 0; i <= plane->nrows; i++)
		group_bias[i] = below(9) == 0 ? unit() - 0.5f : 0;
	for (int i = 0; i < 50; i++)
		set_bias[i] = unit() * 0.2f;
	if (wild & WILD_NUMBERS)
	{
		group_bias[below(plane->nrows + 1)] = wild_number();
		set_bias[below(50)] = wild_number();
	}
	query->group_bias = group_bias;
	query->set_bias = set_bias;
	if (!(wild & WILD_LOOKUPS) || below(3) == 0)
		query->group_bias = (free(group_bias), NULL);
	if (!(wild & WILD_LOOKUPS) || below(3) == 0)
		query->set_bias = (free(set_bias), NULL);
	if (wild & WILD_FILTERS)
	{
		query->forbid = (uint16_t) draw();
		query->nranges = (int) below(RECO_KERNEL_MAXRANGES + 1);
		for (int i = 0; i < query->nranges; i++)
		{
			query->ranges[i].column = (uint16_t) below(plane->ncolumns);
			query->ranges[i].lo = unit() * 0.5f;
			query->ranges[i].hi = below(2) ? INFINITY : 0.5f + unit();
		}
		if (below(2))
			query->floor = -unit();
	}
}

static void
free_query(RecoScanQuery *query)
{
	free((void *) query->group_bias);
	free((void *) query->set_bias);
	free(query->hits);
}

/* Random planes and queries of one kind, several queries in one pass. */
static void
test_random(const char *name, int wild, int rounds)
{
	bool		good = true;

	seed = 1000 + (uint64_t) wild;
	for (int round = 0; good && round < rounds; round++)
	{
		static const uint32_t widths[] = {10, 12, 1, 7, 16};
		RecoPlane	plane = make_plane(below(6000), widths[below(5)]);
		RecoScanQuery queries[20];
		int			nqueries = 1 + (int) below(20);

		fill_plane(&plane, wild);
		for (int i = 0; i < nqueries; i++)
		{
			queries[i] = make_query(1 + below(i % 5 == 4 ? 9000 : 40));
			fill_query(&plane, &queries[i], wild);
		}
		for (int pass = 0; pass < 2; pass++)
		{
			run(&plane, queries, nqueries);
			for (int i = 0; i < nqueries; i++)
				good = agrees(&plane, &queries[i]) && good;
			if (pass == 0)
				reco_kernel_sketch(&plane);
		}
		if (!good)
			printf("# %s: round %d\n", name, round);
		for (int i = 0; i < nqueries; i++)
			free_query(&queries[i]);
		free_plane(&plane);
	}
	ok(good, name);
}

/* Slices of any size, first to last and last to first, change nothing. */
static void
test_slices(void)
{
	bool		good = true;

	seed = 2;
	for (int round = 0; round < 12; round++)
	{
		RecoPlane	plane = make_plane(3000 + below(100), 10);
		RecoScanQuery query = make_query(1 + below(60));
		uint32_t	slice = LANES * (1 + below(20));
		uint32_t	nslices = (plane.nrows + slice - 1) / slice;

		fill_plane(&plane, round % 2 ? WILD_TIES : WILD_MISSING | WILD_LOOKUPS);
		fill_query(&plane, &query, round % 2 ? WILD_TIES : WILD_LOOKUPS);
		if (round % 3)
			reco_kernel_sketch(&plane);
		for (int backwards = 0; backwards < 2; backwards++)
		{
			reco_kernel_begin(&query, 1);
			for (uint32_t i = 0; i < nslices; i++)
				reco_kernel_scan(&plane, (backwards ? nslices - 1 - i : i) * slice, slice,
								 &query, 1);
			reco_kernel_end(&query, 1);
			good = agrees(&plane, &query) && good;
		}
		free_query(&query);
		free_plane(&plane);
	}
	ok(good, "slices in any order give the same hits");
}

/* Rewritten rows, also far outside of the fitted range. */
static void
test_rewrite(void)
{
	RecoPlane	plane = make_plane(5000, 12);
	RecoScanQuery query = make_query(50);
	bool		good = true;

	seed = 3;
	fill_plane(&plane, WILD_MISSING);
	fill_query(&plane, &query, 0);
	reco_kernel_sketch(&plane);
	for (int i = 0; i < 400; i++)
	{
		float		values[12];

		for (int f = 0; f < 12; f++)
			values[f] = i % 3 ? unit() : unit() * 8 - 4;
		reco_kernel_store(&plane, below(plane.nrows), values, i % 4 ? 0 : below(4096));
		if (i % 40 == 0)
		{
			run(&plane, &query, 1);
			good = agrees(&plane, &query) && good;
		}
	}
	run(&plane, &query, 1);
	ok(agrees(&plane, &query) && good, "rewritten rows are found");
	reco_kernel_sketch(&plane);
	run(&plane, &query, 1);
	ok(agrees(&plane, &query), "and found after fitting the sketch again");
	free_query(&query);
	free_plane(&plane);
}

/* reco_kernel_score says what the scan says. */
static void
test_score(void)
{
	RecoPlane	plane = make_plane(1000, 10);
	RecoScanQuery query = make_query(1000);
	uint32_t	rows[1001];
	float		scores[1001];
	bool		good = true;

	seed = 4;
	fill_plane(&plane, WILD_MISSING | WILD_LOOKUPS);
	fill_query(&plane, &query, WILD_LOOKUPS);
	query.forbid = 0x00ff;
	query.floor = -0.5f;
	run(&plane, &query, 1);
	for (uint32_t i = 0; i <= 1000; i++)
		rows[i] = i;
	reco_kernel_score(&plane, &query, rows, 1001, scores);
	for (uint32_t i = 0; i < query.nhits; i++)
	{
		good = good && scores[query.hits[i].row] == query.hits[i].score;
		scores[query.hits[i].row] = -INFINITY;
	}
	for (uint32_t i = 0; i <= 1000; i++)
		good = good && scores[i] == -INFINITY;
	ok(good && query.nhits > 10, "single rows score as in a scan, others are no hits");
	free_query(&query);
	free_plane(&plane);
}

/* Three columns, forty rows, row r = (r / 32, 1, 0): no rounding anywhere. */
static void
test_by_hand(void)
{
	RecoPlane	plane = make_plane(40, 3);
	RecoScanQuery query = make_query(3);
	float		bias[40] = {0};
	uint32_t   *group = zeroes(48 * sizeof(uint32_t));
	uint16_t   *flags = zeroes(48 * sizeof(uint16_t));

	for (uint32_t row = 0; row < 40; row++)
	{
		float		values[3] = {row / 32.0f, 1, 0};

		group[row] = row / 2;
		flags[row] = row == 16 ? 4 : 1;
		reco_kernel_store(&plane, row, values, row == 39 ? 1 : 0);
	}
	query.a[0] = -1;			/* -(x - 0.5)² */
	query.b[0] = 1;
	query.c = -0.25f;
	query.m[0] = -10;
	ok(run_agrees(&plane, &query) && query.nhits == 3 && query.hits[0].row == 16 &&
		   query.hits[1].row == 15 && query.hits[2].row == 17,
	   "the nearest three; the lower row first where equal");

	query.m[0] = 1;
	ok(run_agrees(&plane, &query) && query.hits[0].row == 39,
	   "an unmeasured value counts m");
	query.m[0] = -10;

	plane.flags = flags;
	query.forbid = 4;
	ok(run_agrees(&plane, &query) && query.hits[0].row == 15, "a forbidden row is no hit");

	query.forbid = 0xffff;
	ok(run_agrees(&plane, &query) && query.nhits == 0, "all rows may be forbidden");
	query.forbid = 0;

	query.nranges = 1;
	query.ranges[0].column = 0;
	query.ranges[0].lo = 0.9f;
	query.ranges[0].hi = 2;
	ok(run_agrees(&plane, &query) && query.nhits == 3 && query.hits[0].row == 29,
	   "a range leaves out the rows outside of it and the unmeasured one");
	query.ranges[0].column = 9;
	run(&plane, &query, 1);
	ok(query.nhits == 0, "no row is inside a range of a column that is not there");
	query.nranges = 0;

	bias[3] = 1;
	plane.group = group;
	query.group_bias = bias;
	ok(run_agrees(&plane, &query) && query.hits[0].row == 7 && query.hits[1].row == 6,
	   "a group's term lifts its rows");
	plane.ngroups = 20;
	bias[8] = -INFINITY;
	ok(run_agrees(&plane, &query) && query.hits[2].row == 15, "and may exclude them");

	query.floor = 0.5f;
	ok(run_agrees(&plane, &query) && query.nhits == 2, "the floor is exclusive of less");
	query.floor = query.hits[0].score;
	ok(run_agrees(&plane, &query) && query.nhits == 0, "and of what equals it");
	query.floor = NAN;
	ok(run_agrees(&plane, &query) && query.nhits == 0, "nothing is above a NaN floor");
	free(query.hits);
	free_plane(&plane);
}

static void
test_edges(void)
{
	RecoPlane	empty = make_plane(0, 10);
	RecoPlane	plane = make_plane(777, 10);
	RecoScanQuery query = make_query(5);
	RecoScanQuery all = make_query(10000);

	seed = 5;
	ok(run_agrees(&empty, &query) && query.nhits == 0, "a plane without rows");
	fill_plane(&plane, 0);
	ok(run_agrees(&plane, &all) && all.nhits == 777 && all.hits[776].row == 776,
	   "k above nrows with all scores equal gives all rows in order");
	ok(run_agrees(&plane, &query) && query.hits[4].row == 4,
	   "all scores equal: the lowest rows");
	query.c = INFINITY;
	ok(run_agrees(&plane, &query) && query.nhits == 5, "an infinite score is a hit");
	query.c = NAN;
	ok(run_agrees(&plane, &query) && query.nhits == 0, "NaN scores are no hits");
	query.c = -INFINITY;
	ok(run_agrees(&plane, &query) && query.nhits == 0, "nor is -infinity");
	query.c = 0;
	reco_kernel_begin(&query, 1);
	reco_kernel_scan(&plane, 800, 100, &query, 1);
	reco_kernel_scan(&plane, 16, 0, &query, 1);
	reco_kernel_scan(&plane, 768, UINT32_MAX, &query, 1);
	reco_kernel_end(&query, 1);
	ok(query.nhits == 5 && query.hits[0].row == 768, "slices past the end are cut");
	query.k = 0;
	run(&plane, &query, 1);
	ok(query.nhits == 0, "k = 0 keeps nothing");
	query.k = 1;
	query.b[0] = 1;
	ok(run_agrees(&plane, &query) && query.nhits == 1, "k = 1 keeps the best");
	free(all.hits);
	free(query.hits);
	free_plane(&empty);
	free_plane(&plane);
}

int
main(void)
{
	test_by_hand();
	test_edges();
	test_random("random planes", 0, 20);
	test_random("with unmeasured values", WILD_MISSING, 20);
	test_random("with groups and sets", WILD_LOOKUPS, 20);
	test_random("with flags, ranges and floors", WILD_FILTERS | WILD_MISSING, 20);
	test_random("with many equal scores", WILD_TIES | WILD_LOOKUPS, 20);
	test_random("with columns of different scales", WILD_SCALES | WILD_MISSING, 20);
	test_random("with NaN, infinities and huge numbers", WILD_NUMBERS, 40);
	test_random("with everything", 63, 40);
	test_random("with everything but ties", 63 & ~WILD_TIES, 40);
	test_slices();
	test_rewrite();
	test_score();
	printf("1..%d\n", ntests);
	return nfailed > 0;
}
