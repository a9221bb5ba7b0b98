/*-------------------------------------------------------------------------
 *
 * histogram.c
 *	  A latency histogram of fixed size, four steps per power of two.
 *
 * Purpose: see histogram.h.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none: one writer; a reader may see a count that is one behind.
 * Never:	trust that 'n' is the sum of the counts: the writer may be between them.
 *
 *-------------------------------------------------------------------------
 */
#include "histogram.h"

#include <math.h>

/* Counts one duration; what is negative counts as 0. */
void
reco_histogram_add(RecoHistogram *histogram, int64_t us)
{
	uint64_t	duration = us > 0 ? (uint64_t) us : 0;

	histogram->counts[reco_histogram_bucket(duration)]++;
	histogram->n++;
	histogram->sum_us += duration;
	if (duration > histogram->max_us)
		histogram->max_us = duration;
}

/*
 * Finds the bucket in which the one of that rank stands, and returns its middle, but
 * never more than the largest seen.
 */
double
reco_histogram_percentile(const RecoHistogram *histogram, double p)
{
	uint64_t	total = 0;
	uint64_t	seen = 0;
	double		rank;

	for (int i = 0; i < RECO_HISTOGRAM_BUCKETS; i++)
		total += histogram->counts[i];
	if (total == 0)
		return -1;

	/* also where p is no number */
	rank = p > 0 ? ceil(fmin(p, 1) * (double) total) : 1;
	for (int i = 0; i < RECO_HISTOGRAM_BUCKETS; i++)
	{
		uint64_t	low;
		uint64_t	high;

		seen += histogram->counts[i];
		if (histogram->counts[i] == 0 || (double) seen < rank)
			continue;
		if (seen == total && rank >= (double) total)
			break;
		reco_histogram_bounds(i, &low, &high);
		return fmin(((double) low + (double) high) / 2, (double) histogram->max_us);
	}
	return (double) histogram->max_us;
}

/* The bucket of a duration: its power of two, and which quarter of that. */
int
reco_histogram_bucket(uint64_t us)
{
	int			power = 0;

	if (us >> 32)
		return RECO_HISTOGRAM_BUCKETS - 1;
	while (us >> (power + 1))
		power++;
	if (us == 0)
		return 0;
	return power * 4 + (int) (((us << 2) >> power) & 3);
}

/* The least and the largest duration of a bucket. */
void
reco_histogram_bounds(int bucket, uint64_t *low, uint64_t *high)
{
	uint64_t	power = UINT64_C(1) << (bucket / 4);
	uint64_t	quarter = (uint64_t) (bucket % 4);

	/* of 1, and of 2, there are no quarters: rounded up to whole ones */
	*low = power + (power * quarter + 3) / 4;
	*high = power + (power * (quarter + 1) + 3) / 4 - 1;
}
