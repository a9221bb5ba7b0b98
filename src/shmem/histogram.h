/*-------------------------------------------------------------------------
 *
 * histogram.h
 *	  A latency histogram of fixed size, four steps per power of two.
 *
 * Purpose: count durations such that percentiles are right within a fifth, in
 *			memory that never grows.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none: one writer; a reader may see a count that is one behind.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_HISTOGRAM_H
#define RECO_HISTOGRAM_H

#include <stdint.h>

#define RECO_HISTOGRAM_BUCKETS	128 /* 1 us .. 2^32 us, more than an hour */

typedef struct RecoHistogram
{
	uint64_t	counts[RECO_HISTOGRAM_BUCKETS];
	uint64_t	n;
	uint64_t	sum_us;
	uint64_t	max_us;
} RecoHistogram;

/* The bucket of a duration, and the least and the largest duration of a bucket. */
extern int	reco_histogram_bucket(uint64_t us);
extern void reco_histogram_bounds(int bucket, uint64_t *low, uint64_t *high);

extern void reco_histogram_add(RecoHistogram *histogram, int64_t us);

/* The duration below which the share 'p' (0..1) of all lies, in us; -1 when empty. */
extern double reco_histogram_percentile(const RecoHistogram *histogram, double p);

#endif							/* RECO_HISTOGRAM_H */
