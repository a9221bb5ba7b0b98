/*-------------------------------------------------------------------------
 *
 * quality.c
 *	  Is a list good enough?
 *
 * Purpose: see quality.h.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	generate anything anew.
 *
 *-------------------------------------------------------------------------
 */
#include "quality.h"

#include <math.h>
#include <string.h>

#define ENOUGH_ARTISTS	0.7f	/* unique artists per track */
#define MAX_DECADES		64

/* Unique artists per track, against .7. */
static float
artist_diversity(RecoCandidate *const *list, int n)
{
	int			unique = 0;

	for (int i = 0; i < n; i++)
	{
		int			k = 0;

		while (k < i && strcmp(list[k]->track->artist_id, list[i]->track->artist_id) != 0)
			k++;
		unique += k == i;
	}
	return fminf(1, (float) unique / n / ENOUGH_ARTISTS);
}

/*
 * How spread genres or decades are: 1 − Σ share², against what a handful of
 * them would give. Tracks of which nothing is known do not count.
 */
static float
spread(const int *counts, int ncounts)
{
	int			total = 0;
	float		squares = 0;

	for (int i = 0; i < ncounts; i++)
		total += counts[i];
	if (total < 2)
		return 0.5f;
	for (int i = 0; i < ncounts; i++)
		squares += (float) counts[i] * counts[i] / ((float) total * total);
	return fminf(1, (1 - squares) / 0.6f);
}

static float
decade_spread(RecoCandidate *const *list, int n)
{
	int			counts[MAX_DECADES] = {0};

	for (int i = 0; i < n; i++)
	{
		int			decade;

		if ((list[i]->track->missing >> RECO_YEAR) & 1)
			continue;
		decade = ((int) list[i]->track->values[RECO_YEAR] - 1800) / 10;
		counts[decade < 0 ? 0 : decade >= MAX_DECADES ? MAX_DECADES - 1 : decade]++;
	}
	return spread(counts, MAX_DECADES);
}

static float
genre_spread(RecoCandidate *const *list, int n)
{
	const char *genres[128];
	int			counts[128] = {0};
	int			ngenres = 0;

	for (int i = 0; i < n; i++)
	{
		int			g = 0;

		if (list[i]->track->ngenres == 0)
			continue;
		while (g < ngenres && strcmp(genres[g], list[i]->track->genres[0]) != 0)
			g++;
		if (g == 128)
			continue;
		if (g == ngenres)
			genres[ngenres++] = list[i]->track->genres[0];
		counts[g]++;
	}
	return spread(counts, ngenres);
}

RecoQuality
reco_quality_judge(RecoCandidate *const *list, int n, int size, float confidence)
{
	RecoQuality quality;

	memset(&quality, 0, sizeof(quality));
	quality.confidence = confidence;
	if (n > 0)
	{
		for (int i = 0; i < n; i++)
			quality.cohesion += list[i]->cohesion / n;
		quality.coverage = fminf(1, (float) n / size);
		quality.diversity = 0.6f * artist_diversity(list, n) +
			0.2f * genre_spread(list, n) + 0.2f * decade_spread(list, n);
	}
	quality.overall = 0.35f * quality.cohesion + 0.25f * quality.coverage +
		0.2f * quality.confidence + 0.2f * quality.diversity;
	return quality;
}
