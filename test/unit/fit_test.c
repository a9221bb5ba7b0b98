/*-------------------------------------------------------------------------
 *
 * fit_test.c
 *	  Tests of the fit: the same evidence for one track and for the scan.
 *
 * Purpose: hand-made evidence, and random targets whose quadratic form, worked
 *			out here, must say what reco_fit_evidence says.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	run the kernel: the form alone is what is tested.
 *
 *-------------------------------------------------------------------------
 */
#include "catalogue/fit.h"

#include <string.h>

#include "tap.h"

#define ALL_MISSING ((1u << RECO_NCOLUMNS) - 1)

/* What the columns of a matrix are scaled by, in this test. */
static const float offset[RECO_NCOLUMNS] = {0, 0, 0, 0, 0, 0, 0, -60, 0, 0, 0, 1900};
static const float range[RECO_NCOLUMNS] = {1, 1, 1, 1, 1, 1, 1, 65, 250, 1, 100, 150};

static void
test_by_hand(void)
{
	RecoFit		fit;
	float		values[RECO_NCOLUMNS] = {0};
	const RecoBackground *typical = &reco_fit_typical;
	double		sd0 = typical->sd[RECO_ENERGY];
	double		z0 = (0.3 - typical->mean[RECO_ENERGY]) / sd0;

	memset(&fit, 0, sizeof(fit));
	ok(reco_fit_evidence(&fit, typical, values, 0) == 0, "no targets, no evidence");
	near(reco_fit_mood(0), 0.5, "no evidence is even odds");
	near(reco_fit_mood(4), 1 / (1 + exp(-1)), "evidence of four is odds of e to one");
	ok(reco_fit_mood(1e9) <= 1 && reco_fit_mood(-1e9) >= 0, "a mood stays in 0..1");

	fit.targets[RECO_ENERGY] = (RecoTarget){0.3f, 0.11f, 0.8f};
	values[RECO_ENERGY] = 0.3f;
	near(reco_fit_evidence(&fit, typical, values, 0),
		 0.8 * (log(sd0 / 0.11) + 0.5 * z0 * z0),
		 "evidence at the target is the log of both densities' ratio");
	ok(reco_fit_evidence(&fit, typical, values, ALL_MISSING) == 0,
	   "what is not measured is no evidence");
	ok(reco_fit_evidence(&fit, typical, values, ALL_MISSING & ~(1u << RECO_ENERGY)) > 0,
	   "one measured value is enough");
	values[RECO_ENERGY] = 0.95f;
	ok(reco_fit_evidence(&fit, typical, values, 0) < 0, "far from the target speaks against it");

	fit.targets[RECO_ENERGY] =
		(RecoTarget){typical->mean[RECO_ENERGY], typical->sd[RECO_ENERGY], 1};
	near(reco_fit_evidence(&fit, typical, values, 0), 0,
		 "a target like the catalogue says nothing");

	fit.targets[RECO_ENERGY] = (RecoTarget){0.3f, 0, 1};
	values[RECO_ENERGY] = 0.3f;
	ok(isfinite(reco_fit_evidence(&fit, typical, values, 0)), "a spread of zero is finite");
}

static void
test_tightness(void)
{
	const RecoBackground *typical = &reco_fit_typical;
	RecoTarget	same = {typical->mean[RECO_TEMPO], typical->sd[RECO_TEMPO], 1};
	RecoTarget	tight = {same.mean, same.sd / 2, 1};
	RecoTarget	tighter = {same.mean, same.sd / 4, 1};
	RecoTarget	off = {same.mean + same.sd, same.sd, 1};
	RecoTarget	point = {same.mean, 0, 1};

	near(reco_fit_tightness(&same, typical, RECO_TEMPO), 0, "the catalogue itself is not tight");
	near(reco_fit_tightness(&tight, typical, RECO_TEMPO), 0.5 * (0.25 - 1) + log(2),
		 "half the spread");
	near(reco_fit_tightness(&off, typical, RECO_TEMPO), 0.5, "one spread off");
	ok(reco_fit_tightness(&tighter, typical, RECO_TEMPO) >
	   reco_fit_tightness(&tight, typical, RECO_TEMPO), "a quarter of it is tighter");
	ok(isfinite(reco_fit_tightness(&point, typical, RECO_TEMPO)), "a point is finite");
}

/* The quadratic form of a query, as kernel.h defines it. */
static double
form(const RecoScanQuery *query, const float *values, uint32_t missing)
{
	double		sum = query->c;

	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		double		x = (values[f] - offset[f]) / range[f];

		sum += (missing >> f) & 1 ? query->m[f] : (query->a[f] * x + query->b[f]) * x;
	}
	return sum;
}

static void
test_query(void)
{
	int			wrong = 0;
	int			order = 0;
	RecoScanQuery query;
	RecoFit		none;

	for (int round = 0; round < 2000; round++)
	{
		RecoFit		fit;
		float		values[RECO_NCOLUMNS];
		uint32_t	missing = (uint32_t) (tap_draw() & tap_draw()) & ALL_MISSING;
		double		evidence;

		memset(&fit, 0, sizeof(fit));
		memset(&query, 0, sizeof(query));
		for (int f = 0; f < RECO_NCOLUMNS; f++)
		{
			float		sd = reco_fit_typical.sd[f];

			values[f] = reco_fit_typical.mean[f] + sd * (4 * tap_unit() - 2);
			if (tap_unit() < 0.5f)
				continue;
			fit.targets[f].mean = reco_fit_typical.mean[f] + sd * (2 * tap_unit() - 1);
			fit.targets[f].sd = sd * (0.3f + tap_unit());
			fit.targets[f].weight = tap_unit();
		}
		reco_fit_query(&fit, &reco_fit_typical, 2, offset, range, &query);
		evidence = 2 * reco_fit_evidence(&fit, &reco_fit_typical, values, missing);
		wrong +=
			fabs(form(&query, values, missing) - evidence) > 1e-2 + 1e-3 * fabs(evidence);
		order += fabs(form(&query, values, ALL_MISSING)) > 1e-2;
	}
	ok(wrong == 0, "the quadratic form says what the evidence says (%d of 2000 differ)", wrong);
	ok(order == 0, "a track without a measured value gets nothing (%d of 2000 do)", order);

	memset(&none, 0, sizeof(none));
	memset(&query, 0, sizeof(query));
	query.c = 7;
	query.a[3] = 1;
	reco_fit_query(&none, &reco_fit_typical, 1, offset, range, &query);
	ok(query.c == 7 && query.a[3] == 1, "no targets leave a query as it was");
}

int
main(void)
{
	test_by_hand();
	test_tightness();
	test_query();
	return tap_done();
}
