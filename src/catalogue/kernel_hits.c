/*-------------------------------------------------------------------------
 *
 * kernel_hits.c
 *	  The best k hits of a query so far, and the limit they set.
 *
 * Purpose: keep the best k of any number of hits in room for a few more.
 * Runs in: any process, and plain C programs.
 * Locks:	none.
 * Never:	let a NaN in: it comes before no limit, so nothing here compares one.
 *
 *-------------------------------------------------------------------------
 */
#include "catalogue/kernel_hits.h"

#include <math.h>

#define SPARE 16				/* least number of pushes between two shrinks */

static void keep_best(RecoHit *hits, size_t n, size_t k);
static void sort_hits(RecoHit *hits, size_t n);

/* Says whether a hit comes before another one; never when its score is NaN. */
static inline bool
before(float score, uint32_t row, float other, uint32_t other_row)
{
	return score > other || (score == other && row < other_row);
}

size_t
reco_kernel_room(uint32_t k)
{
	return (size_t) k + k / 4 + SPARE;
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

/*
 * Keeps a hit that comes before the limit.  The buffer holds a quarter more than
 * what is asked for; when it is full, the best stay and the last of them is the
 * limit.
 */
void
reco_kernel_push(RecoScanQuery *query, float score, uint32_t row)
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

/* -infinity and NaN stay: nothing is above NaN. */
float
reco_kernel_bar(const RecoScanQuery *query, uint32_t row)
{
	float		limit = query->limit;

	return row >= query->limit_row || isnan(limit) ? limit : nextafterf(limit, -INFINITY);
}

static inline bool
hit_before(const RecoHit *a, const RecoHit *b)
{
	return before(a->score, a->row, b->score, b->row);
}

static inline void
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
