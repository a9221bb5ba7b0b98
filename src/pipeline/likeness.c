/*-------------------------------------------------------------------------
 *
 * likeness.c
 *	  How alike two tracks are, value by value; and one track to many at once.
 *
 * Purpose: see likeness.h. Each lane adds the same numbers in the same order as
 *			reco_likeness does.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	contract a multiplication and an addition: that rounds otherwise.
 *
 *-------------------------------------------------------------------------
 */
#include "likeness.h"

#include <stdlib.h>
#include <string.h>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("O3", "fp-contract=off", "no-trapping-math")
#endif

/* As the scan kernel does (catalogue/kernel_loops.c). */
#if defined(__GNUC__) && __GNUC__ >= 12 && !defined(__clang__) && defined(__x86_64__) && \
	defined(__GLIBC__) && !defined(RECO_KERNEL_PLAIN)
#define CLONED __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define CLONED
#endif

const float reco_likeness_farness[RECO_NCOLUMNS] = {
	[RECO_ACOUSTICNESS] = 1, [RECO_DANCEABILITY] = 1, [RECO_ENERGY] = 1,
	[RECO_INSTRUMENTALNESS] = 1, [RECO_LIVENESS] = 1, [RECO_SPEECHINESS] = 1,
	[RECO_VALENCE] = 1, [RECO_LOUDNESS] = 1 / 30.0f, [RECO_TEMPO] = 1 / 60.0f,
	[RECO_MODE] = 1, [RECO_POPULARITY] = 1 / 100.0f, [RECO_YEAR] = 1 / 40.0f,
};

/* How alike two keys are. */
float
reco_likeness_of_keys(int a, int b)
{
	int			d = abs(a - b);

	d = d < 12 - d ? d : 12 - d;
	return d == 0 ? 1 : d == 1 ? 0.8f : 0.3f;
}

/* How alike two tracks are. */
float
reco_likeness(const RecoTrack *a, const RecoTrack *b)
{
	float		sum = 0;
	float		weights = 0;

	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		if (((a->missing | b->missing) >> f) & 1)
			continue;
		sum += reco_fit_weights[f] * reco_likeness_of(f, a->values[f] - b->values[f]);
		weights += reco_fit_weights[f];
	}
	if (a->key >= 0 && b->key >= 0)
	{
		sum += reco_fit_weights[RECO_KEY] * reco_likeness_of_keys(a->key, b->key);
		weights += reco_fit_weights[RECO_KEY];
	}
	return weights > 0 ? sum / weights : -1;
}

/* Puts tracks side by side. */
void
reco_likeness_pack(RecoTrack *const *tracks, int n, RecoLikenessPack *pack)
{
	int			groups;

	pack->n = n < RECO_LIKENESS_MOST ? n : RECO_LIKENESS_MOST;
	groups = (pack->n + RECO_LIKENESS_LANES - 1) / RECO_LIKENESS_LANES;
	memset(pack->lanes, 0, sizeof(RecoLikenessLanes) * groups);
	for (int i = 0; i < pack->n; i++)
	{
		const RecoTrack *track = tracks[i];
		RecoLikenessLanes *lanes = &pack->lanes[i / RECO_LIKENESS_LANES];
		int			lane = i % RECO_LIKENESS_LANES;

		for (int f = 0; f < RECO_NCOLUMNS; f++)
		{
			if ((track->missing >> f) & 1)
				continue;
			lanes->values[f][lane] = track->values[f];
			lanes->weights[f][lane] = reco_fit_weights[f];
		}
		for (int key = 0; key < RECO_LIKENESS_KEYS && track->key >= 0; key++)
			lanes->keys[key][lane] =
				reco_fit_weights[RECO_KEY] * reco_likeness_of_keys(key, track->key);
		if (track->key >= 0)
			lanes->key_weights[lane] = reco_fit_weights[RECO_KEY];
	}
}

/* A group of lanes in registers; GCC and clang make of it what the CPU has. */
typedef float Lanes __attribute__((vector_size(sizeof(float) * RECO_LIKENESS_LANES)));
typedef int32_t Bits __attribute__((vector_size(sizeof(float) * RECO_LIKENESS_LANES)));

#define LOAD(lanes, from)	memcpy(&(lanes), (from), sizeof(Lanes))

/*
 * Tells how alike a track is to each of many: by group of lanes, sums of what is alike,
 * and of what that weighs.
 */
CLONED void
reco_likeness_to_all(const RecoLikenessPack *pack, const RecoTrack *track,
					 float *likeness)
{
	for (int first = 0; first < pack->n; first += RECO_LIKENESS_LANES)
	{
		const RecoLikenessLanes *group = &pack->lanes[first / RECO_LIKENESS_LANES];
		Lanes		sums = {0};
		Lanes		weights = {0};
		Lanes		lanes;
		Lanes		weight;

		for (int f = 0; f < RECO_NCOLUMNS; f++)
		{
			if ((track->missing >> f) & 1)
				continue;
			LOAD(lanes, group->values[f]);
			LOAD(weight, group->weights[f]);
			lanes = track->values[f] - lanes;
			lanes = (Lanes) ((Bits) lanes & 0x7FFFFFFF);	/* without its sign */
			lanes = 1 - lanes * reco_likeness_farness[f];
			lanes = (Lanes) ((Bits) lanes & (Bits) (lanes > 0));
			sums += weight * lanes;
			weights += weight;
		}
		if (track->key >= 0)
		{
			LOAD(lanes, group->keys[track->key]);
			LOAD(weight, group->key_weights);
			sums += lanes;
			weights += weight;
		}
		for (int i = 0; i < RECO_LIKENESS_LANES; i++)
			likeness[first + i] = weights[i] > 0 ? sums[i] / weights[i] : -1;
	}
}
