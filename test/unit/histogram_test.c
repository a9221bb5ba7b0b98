/*-------------------------------------------------------------------------
 *
 * histogram_test.c
 *	  Tests of the latency histogram.
 *
 * Purpose: percentiles against those of the sorted durations, for durations of
 *			every size; what is at the edges.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	test which bucket a duration falls into.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/shmem/histogram.c */
#include "shmem/histogram.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define NDURATIONS	5000

static const double shares[] = {0.0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0};

static int	compare(const void *a, const void *b);
static double worst_error(int shift);
static void test_empty(void);
static void test_one(void);
static void test_small(void);
static void test_edges(void);
static void test_shares(void);

int
main(void)
{
	test_empty();
	test_one();
	test_small();
	test_edges();
	for (int shift = 32; shift < 64; shift += 4)
	{
		double		worst = worst_error(shift);

		ok(worst <= 0.2, "durations below 2^%d us are right within a fifth", 64 - shift);
		if (worst > 0.2)
			printf("# off by %.3f\n", worst);
	}
	test_shares();
	return tap_done();
}

static int
compare(const void *a, const void *b)
{
	int64_t		left = *(const int64_t *) a;
	int64_t		right = *(const int64_t *) b;

	return left < right ? -1 : left > right;
}

/*
 * Draws durations of all sizes below 2^(64 - shift), and returns how far off, as a
 * share of the true one, the worst percentile is.
 */
static double
worst_error(int shift)
{
	static int64_t durations[NDURATIONS];
	RecoHistogram histogram;
	double		worst = 0;

	memset(&histogram, 0, sizeof(histogram));
	for (int i = 0; i < NDURATIONS; i++)
	{
		int			size = (int) (tap_draw() % (uint64_t) (64 - shift));

		durations[i] = (int64_t) (tap_draw() >> shift >> size);
		reco_histogram_add(&histogram, durations[i]);
	}
	qsort(durations, NDURATIONS, sizeof(durations[0]), compare);
	for (int i = 0; i < (int) (sizeof(shares) / sizeof(shares[0])); i++)
	{
		int			rank = (int) ceil(shares[i] * NDURATIONS);
		int64_t		wanted = durations[rank > 0 ? rank - 1 : 0];
		double		got = reco_histogram_percentile(&histogram, shares[i]);

		/* 0 is told as 1: a duration is not counted finer */
		if (fabs(got - (double) wanted) > 1)
			worst = fmax(worst, fabs(got - (double) wanted) / (double) wanted);
	}
	return worst;
}

static void
test_empty(void)
{
	RecoHistogram histogram;

	memset(&histogram, 0, sizeof(histogram));
	near(reco_histogram_percentile(&histogram, 0.5), -1, "an empty one has no median");
}

/* A single duration is every percentile, exactly. */
static void
test_one(void)
{
	const int64_t durations[] = {1, 2, 3, 4, 1000, 123456, INT64_C(5000000000)};

	for (int i = 0; i < (int) (sizeof(durations) / sizeof(durations[0])); i++)
	{
		RecoHistogram histogram;

		memset(&histogram, 0, sizeof(histogram));
		reco_histogram_add(&histogram, durations[i]);
		ok(reco_histogram_percentile(&histogram, 0) == (double) durations[i] &&
			   reco_histogram_percentile(&histogram, 0.5) == (double) durations[i] &&
			   reco_histogram_percentile(&histogram, 1) == (double) durations[i],
		   "%lld us alone is every percentile", (long long) durations[i]);
	}
}

/* Below 8 us each duration has a bucket of its own. */
static void
test_small(void)
{
	RecoHistogram histogram;
	bool		exact = true;

	memset(&histogram, 0, sizeof(histogram));
	for (int us = 1; us < 8; us++)
		reco_histogram_add(&histogram, us);
	for (int us = 1; us < 8; us++)
		exact &= reco_histogram_percentile(&histogram, us / 7.0) == us;
	ok(exact, "durations below 8 us are told exactly");
}

static void
test_edges(void)
{
	RecoHistogram histogram;

	memset(&histogram, 0, sizeof(histogram));
	reco_histogram_add(&histogram, 0);
	reco_histogram_add(&histogram, -5);
	reco_histogram_add(&histogram, INT64_MIN);
	ok(histogram.n == 3 && histogram.sum_us == 0 && histogram.max_us == 0,
	   "what is negative counts as 0");
	near(reco_histogram_percentile(&histogram, 0.5), 0, "and is told as 0");

	reco_histogram_add(&histogram, INT64_C(1) << 32);
	reco_histogram_add(&histogram, INT64_MAX);
	ok(histogram.n == 5 && histogram.max_us == INT64_MAX, "what is huge is counted");
	ok(reco_histogram_percentile(&histogram, 1) == (double) INT64_MAX,
	   "the largest is told as it is");
	near(reco_histogram_percentile(&histogram, -1),
		 reco_histogram_percentile(&histogram, 0), "a share below 0 is 0");
	near(reco_histogram_percentile(&histogram, 7) - (double) INT64_MAX, 0,
		 "a share above 1 is 1");
	near(reco_histogram_percentile(&histogram, NAN),
		 reco_histogram_percentile(&histogram, 0), "a share that is no number is 0");
}

/* Ninety of one, ten of another: the step is where it belongs. */
static void
test_shares(void)
{
	RecoHistogram histogram;
	double		low;
	double		high;

	memset(&histogram, 0, sizeof(histogram));
	for (int i = 0; i < 100; i++)
		reco_histogram_add(&histogram, i < 90 ? 1000 : 64000);
	low = reco_histogram_percentile(&histogram, 0.9);
	high = reco_histogram_percentile(&histogram, 0.91);
	ok(fabs(low - 1000) <= 200, "the 90th of a hundred is one of the ninety");
	ok(fabs(high - 64000) <= 12800, "the 91st is one of the ten");
	ok(histogram.sum_us == 90 * 1000 + 10 * 64000, "the sum is exact");
}
