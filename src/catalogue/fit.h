/*-------------------------------------------------------------------------
 *
 * fit.h
 *	  What to look for, and how well a track fits it.
 *
 * Purpose: one formula for "fits the mood", for the dense scan (as a quadratic
 *			form) and for single tracks (as numbers that can be explained).
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	score what was not measured.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_FIT_H
#define RECO_FIT_H

#include "kernel.h"
#include "reco.h"

#define RECO_FIT_MAXTERMS	64
#define RECO_FIT_MAXBANNED	16

/* A word that should be among a track's genres and tags, or its artist's. */
typedef struct RecoFitTerm
{
	const char *stem;
	float		weight;			/* relative to the other terms' */
} RecoFitTerm;

/* What to look for. Targets are in the features' own units. */
typedef struct RecoFit
{
	RecoTarget	targets[RECO_NCOLUMNS];
	int			nterms;
	RecoFitTerm terms[RECO_FIT_MAXTERMS];
	int			nbanned;
	const char *banned[RECO_FIT_MAXBANNED]; /* stems of genres that exclude */
	uint16_t	forbid;			/* facets that exclude */
	int			era_from;		/* years, inclusive; 0 = open */
	int			era_to;
	int			min_popularity; /* -1 = open */
	int			max_popularity;
} RecoFit;

/* The catalogue at large, in the features' own units. */
typedef struct RecoBackground
{
	float		mean[RECO_NCOLUMNS];
	float		sd[RECO_NCOLUMNS];
} RecoBackground;

/* How much each feature counts where a prompt does not say. */
extern const float reco_fit_weights[RECO_NFEATURES];

/* A typical catalogue, where nothing is known about this one yet. */
extern const RecoBackground reco_fit_typical;

/*
 * How much likelier these values are under the targets than in the catalogue at
 * large: Σ weight · (log N(x; target) − log N(x; background)) over what is
 * measured; 0 = no evidence either way.
 */
extern double reco_fit_evidence(const RecoFit *fit, const RecoBackground *background,
								const float *values, uint32_t missing);

/* Evidence as 0..1; .5 = no evidence. */
extern double reco_fit_mood(double evidence);

/* Keeps a value inside what the feature can be. */
extern float reco_fit_clamp(int column, float value);

/* How tight a target is: its Kullback-Leibler divergence from the background. */
extern double reco_fit_tightness(const RecoTarget *target,
								 const RecoBackground *background, int column);

/*
 * The same evidence as a query's quadratic form over scaled columns, but without
 * the bound on how unusual a value may count
 * (value = (raw − offset) / range), times 'factor'; adds to what is there.
 */
extern void reco_fit_query(const RecoFit *fit, const RecoBackground *background,
						   float factor, const float *offset, const float *range,
						   RecoScanQuery *query);

#endif							/* RECO_FIT_H */
