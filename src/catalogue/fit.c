/*-------------------------------------------------------------------------
 *
 * fit.c
 *	  What to look for, and how well a track fits it.
 *
 * Purpose: see fit.h. A target is a Gaussian; evidence for a value is the log
 *			likelihood ratio against the catalogue at large, so a target that
 *			is as wide as the catalogue says nothing and a tight one says much.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	divide by a spread of zero.
 *
 *-------------------------------------------------------------------------
 */
#include "fit.h"

#include <math.h>

#define MIN_SPREAD			0.12	/* of the background's: no target is tighter */
#define MOST_UNUSUAL		2.0		/* spreads from the catalogue's mean that count */
#define EVIDENCE_SCALE		4.0		/* evidence of this much is odds of e : 1 */

const RecoBackground reco_fit_typical = {
	.mean = {0.25f, 0.6f, 0.65f, 0.12f, 0.19f, 0.1f, 0.5f, -8, 120, 0.6f, 40, 2005},
	.sd = {0.27f, 0.17f, 0.22f, 0.27f, 0.16f, 0.11f, 0.24f, 4.5f, 28, 0.49f, 22, 16},
};

const float reco_fit_weights[RECO_NFEATURES] = {
	[RECO_ACOUSTICNESS] = 0.6f, [RECO_DANCEABILITY] = 0.6f, [RECO_ENERGY] = 0.8f,
	[RECO_INSTRUMENTALNESS] = 0.5f, [RECO_LIVENESS] = 0.2f, [RECO_SPEECHINESS] = 0.3f,
	[RECO_VALENCE] = 0.8f, [RECO_LOUDNESS] = 0.3f, [RECO_TEMPO] = 0.4f,
	[RECO_MODE] = 0.4f,
	[RECO_POPULARITY] = 0.1f, [RECO_YEAR] = 0.2f, [RECO_KEY] = 0.2f,
};

/* The spread that counts: a target is never absurdly tight. */
static double
spread(const RecoTarget *target, const RecoBackground *background, int column)
{
	double		least = background->sd[column] * MIN_SPREAD;

	return target->sd > least ? target->sd : least;
}

double
reco_fit_evidence(const RecoFit *fit, const RecoBackground *background,
				  const float *values, uint32_t missing)
{
	double		evidence = 0;

	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		const RecoTarget *target = &fit->targets[f];
		double		sd;
		double		z;
		double		z0;

		if (target->weight <= 0 || ((missing >> f) & 1))
			continue;
		sd = spread(target, background, f);
		z = (values[f] - target->mean) / sd;
		z0 = (values[f] - background->mean[f]) / background->sd[f];

		/* what is rare everywhere is not the better for it */
		z0 = fmin(fabs(z0), MOST_UNUSUAL);
		evidence +=
			target->weight * (log(background->sd[f] / sd) + 0.5 * (z0 * z0 - z * z));
	}
	return evidence;
}

float
reco_fit_clamp(int column, float value)
{
	float		low = column == RECO_LOUDNESS ? -60 : 0;
	float		high = column == RECO_LOUDNESS	  ? 5
		: column == RECO_TEMPO	   ? 250
		: column == RECO_POPULARITY ? 100
		: column == RECO_YEAR	   ? 2100
										 : 1;

	return value < low ? low : value > high ? high : value;
}

double
reco_fit_mood(double evidence)
{
	return 1 / (1 + exp(-evidence / EVIDENCE_SCALE));
}

double
reco_fit_tightness(const RecoTarget *target, const RecoBackground *background, int column)
{
	double		sd0 = background->sd[column];
	double		ratio = spread(target, background, column) / sd0;
	double		shift = (target->mean - background->mean[column]) / sd0;

	return 0.5 * (ratio * ratio + shift * shift - 1) - log(ratio);
}

void
reco_fit_query(const RecoFit *fit, const RecoBackground *background, float factor,
			   const float *offset, const float *range, RecoScanQuery *query)
{
	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		const RecoTarget *target = &fit->targets[f];
		double		sd;
		double		sd0;
		double		mean;
		double		mean0;
		double		weight = factor * target->weight;

		if (target->weight <= 0)
			continue;

		/* in scaled units */
		sd = spread(target, background, f) / range[f];
		sd0 = background->sd[f] / range[f];
		mean = (target->mean - offset[f]) / range[f];
		mean0 = (background->mean[f] - offset[f]) / range[f];

		query->a[f] += (float) (weight * 0.5 * (1 / (sd0 * sd0) - 1 / (sd * sd)));
		query->b[f] += (float) (weight * (mean / (sd * sd) - mean0 / (sd0 * sd0)));

		/*
		 * What the constant adds where the value is measured, an unmeasured one
		 * must not get: its share of c is taken back through m.
		 */
		{
			double constant = weight *
				(log(sd0 / sd) +
				 0.5 * (mean0 * mean0 / (sd0 * sd0) - mean * mean / (sd * sd)));

			query->c += (float) constant;
			query->m[f] -= (float) constant;
		}
	}
}
