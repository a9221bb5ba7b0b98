/*-------------------------------------------------------------------------
 *
 * kernel_fuzz.c
 *	  Fuzzes the scan kernel: random planes and queries against a naive scan.
 *
 * Purpose: make a plane and a few queries of the input's bytes, and see that a
 *			scan returns the very hits, in the very order, that sorting all rows'
 *			scores gives; and that those scores are the formula's.
 * Runs in: a libFuzzer program.
 * Locks:	none.
 * Never:	give the kernel a byte more than it says it needs.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/catalogue/kernel.c src/catalogue/kernel_hits.c
			src/catalogue/kernel_loops.c src/catalogue/kernel_sketch.c */
#include "catalogue/kernel.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LANES	 RECO_KERNEL_LANES
#define MAX_ROWS 600
#define NQUERIES 3

#define check(condition)                                 \
	do                                                   \
	{                                                    \
		if (!(condition))                                \
		{                                                \
			fprintf(stderr, "failed: %s\n", #condition); \
			abort();                                     \
		}                                                \
	} while (0)

/* The input's bytes, one after another; then a sequence that they begin. */
typedef struct Dice
{
	const uint8_t *data;
	size_t size;
	size_t at;
	uint32_t state;
} Dice;

static uint32_t
roll(Dice *dice, uint32_t below)
{
	if (dice->at < dice->size)
		dice->state = dice->state * 31 + dice->data[dice->at++] + 1;
	else
		dice->state = dice->state * 1664525 + 1013904223;
	return (dice->state >> 8) % below;
}

static float
number(Dice *dice, float low, float high)
{
	return low + (high - low) * (float) roll(dice, 1001) / 1000;
}

static void
make_plane(Dice *dice, RecoPlane *plane)
{
	uint32_t rounded;
	uint32_t *group;
	uint32_t *set;
	uint16_t *flags;
	bool coarse = roll(dice, 4) == 0;

	memset(plane, 0, sizeof(*plane));
	plane->nrows = roll(dice, MAX_ROWS + 1);
	plane->ncolumns = 1 + roll(dice, RECO_KERNEL_MAXCOLUMNS);
	rounded = (plane->nrows + LANES - 1) / LANES * LANES;
	if (rounded == 0)
		rounded = LANES;
	plane->values =
		aligned_alloc(64,
					  (reco_kernel_values_size(rounded, plane->ncolumns) + 63) / 64 * 64);
	memset(plane->values, 0, reco_kernel_values_size(rounded, plane->ncolumns));
	plane->missing = calloc(1, reco_kernel_missing_size(rounded, plane->ncolumns));
	plane->incomplete = calloc(1, reco_kernel_incomplete_size(rounded));
	group = calloc(rounded, sizeof(uint32_t));
	set = calloc(rounded, sizeof(uint32_t));
	flags = calloc(rounded, sizeof(uint16_t));
	plane->ngroups = 1 + roll(dice, 40);
	plane->nsets = 1 + roll(dice, 9);
	for (uint32_t row = 0; row < plane->nrows; row++)
	{
		float values[RECO_KERNEL_MAXCOLUMNS];
		uint32_t missing = 0;

		for (uint32_t f = 0; f < plane->ncolumns; f++)
		{
			values[f] = coarse ? (float) roll(dice, 3) / 2 : number(dice, -0.5f, 1.5f);
			if (roll(dice, 12) == 0)
			{
				missing |= 1u << f;
				values[f] = 0;
			}
		}
		reco_kernel_store(plane, row, values, missing);
		group[row] = roll(dice, plane->ngroups);
		set[row] = roll(dice, plane->nsets);
		flags[row] = roll(dice, 8) == 0 ? (uint16_t) roll(dice, 65536) : 0;
	}
	plane->group = group;
	plane->set = set;
	plane->flags = flags;
	if (roll(dice, 3) > 0)
	{
		plane->sketch = calloc(1, reco_kernel_sketch_size(rounded, plane->ncolumns));
		reco_kernel_sketch(plane);
	}
}

static void
make_query(Dice *dice, const RecoPlane *plane, RecoScanQuery *query)
{
	float *group_bias = malloc(sizeof(float) * plane->ngroups);
	float *set_bias = malloc(sizeof(float) * plane->nsets);

	memset(query, 0, sizeof(*query));
	for (uint32_t f = 0; f < plane->ncolumns; f++)
	{
		query->a[f] = roll(dice, 3) ? number(dice, -20, 2) : 0;
		query->b[f] = roll(dice, 3) ? number(dice, -10, 10) : 0;
		query->m[f] = roll(dice, 3) ? number(dice, -3, 1) : 0;
	}
	query->c = number(dice, -1, 1);
	for (uint32_t i = 0; i < plane->ngroups; i++)
		group_bias[i] = roll(dice, 15) == 0 ? -INFINITY : number(dice, 0, 1);
	for (uint32_t i = 0; i < plane->nsets; i++)
		set_bias[i] = roll(dice, 15) == 0 ? -INFINITY : number(dice, 0, 1);
	query->group_bias = group_bias;
	query->set_bias = set_bias;
	query->forbid = roll(dice, 2) ? (uint16_t) roll(dice, 65536) : 0;
	query->floor = roll(dice, 3) ? -INFINITY : number(dice, -5, 5);
	query->nranges = (int) roll(dice, RECO_KERNEL_MAXRANGES + 1) % 3;
	for (int i = 0; i < query->nranges; i++)
	{
		query->ranges[i].column = (uint16_t) roll(dice, plane->ncolumns);
		query->ranges[i].lo = number(dice, -0.5f, 0.8f);
		query->ranges[i].hi = number(dice, 0.2f, 1.5f);
	}
	query->k = 1 + roll(dice, roll(dice, 2) ? 20 : MAX_ROWS);
	query->hits = malloc(sizeof(RecoHit) * reco_kernel_room(query->k));
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

/* Is a row out, whatever its score? */
static bool
is_out(const RecoPlane *plane, const RecoScanQuery *query, uint32_t row)
{
	if (plane->flags[row] & query->forbid)
		return true;
	for (int i = 0; i < query->nranges; i++)
	{
		float x = plane->values[reco_kernel_offset(plane, row, query->ranges[i].column)];

		if (reco_kernel_is_missing(plane, row, query->ranges[i].column) ||
			!(x >= query->ranges[i].lo && x <= query->ranges[i].hi))
			return true;
	}
	return false;
}

/* The formula, in double; *size is the sum of the terms' sizes. */
static double
formula(const RecoPlane *plane, const RecoScanQuery *query, uint32_t row, double *size)
{
	double score = query->c;

	*size = fabs(query->c);
	for (uint32_t f = 0; f < plane->ncolumns; f++)
	{
		double x = plane->values[reco_kernel_offset(plane, row, f)];
		bool missing = reco_kernel_is_missing(plane, row, f);

		score += missing ? query->m[f] : (query->a[f] * x + query->b[f]) * x;
		*size += missing ? fabs(query->m[f])
						 : fabs(query->a[f] * x * x) + fabs(query->b[f] * x);
	}
	*size += 2;
	return score + query->group_bias[plane->group[row]] +
		query->set_bias[plane->set[row]];
}

/* The hits are the best of all rows, by the scores that single rows get. */
static void
check_hits(const RecoPlane *plane, const RecoScanQuery *query)
{
	uint32_t *rows = malloc(sizeof(uint32_t) * (plane->nrows + 1));
	float *scores = malloc(sizeof(float) * (plane->nrows + 1));
	RecoHit *all = malloc(sizeof(RecoHit) * (plane->nrows + 1));
	uint32_t n = 0;

	for (uint32_t row = 0; row < plane->nrows; row++)
		rows[row] = row;
	reco_kernel_score(plane, query, rows, plane->nrows, scores);
	for (uint32_t row = 0; row < plane->nrows; row++)
	{
		double size;
		double exact = formula(plane, query, row, &size);

		if (is_out(plane, query, row) || !(scores[row] > query->floor))
			continue;
		check(fabs(exact - scores[row]) < 1e-5 * size);
		all[n].row = row;
		all[n++].score = scores[row];
	}
	qsort(all, n, sizeof(RecoHit), compare_hits);
	if (n > query->k)
		n = query->k;
	check(query->nhits == n);
	for (uint32_t i = 0; i < n; i++)
		check(query->hits[i].row == all[i].row && query->hits[i].score == all[i].score);
	free(rows);
	free(scores);
	free(all);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Dice dice = {data, size, 0, 12345};
	RecoPlane plane;
	RecoScanQuery queries[NQUERIES];
	int nqueries = 1 + (int) roll(&dice, NQUERIES);
	uint32_t slice = LANES * (1 + roll(&dice, 20));

	make_plane(&dice, &plane);
	for (int i = 0; i < nqueries; i++)
		make_query(&dice, &plane, &queries[i]);
	reco_kernel_begin(queries, nqueries);
	for (uint32_t row = 0; row < plane.nrows; row += slice)
		reco_kernel_scan(&plane, row,
						 plane.nrows - row < slice ? plane.nrows - row : slice, queries,
						 nqueries);
	reco_kernel_end(queries, nqueries);
	for (int i = 0; i < nqueries; i++)
	{
		check_hits(&plane, &queries[i]);
		free((void *) queries[i].group_bias);
		free((void *) queries[i].set_bias);
		free(queries[i].hits);
	}
	free(plane.values);
	free(plane.missing);
	free(plane.incomplete);
	free(plane.sketch);
	free((void *) plane.group);
	free((void *) plane.set);
	free((void *) plane.flags);
	return 0;
}
