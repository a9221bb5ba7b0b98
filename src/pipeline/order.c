/*-------------------------------------------------------------------------
 *
 * order.c
 *	  The order of a list: an arc of energy.
 *
 * Purpose: see order.h. Each phase takes, of the tracks that are left, those
 *			that suit it best: its level of energy and its role (opening, peak,
 *			closing); inside a phase energy rises or falls as the arc does.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	lose or double a track.
 *
 *-------------------------------------------------------------------------
 */
#include "order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NPHASES			6
#define MAX_TRACKS		512		/* more than any list has */
#define UNKNOWN_ENERGY	0.5f	/* where a track without energy stands: the middle */

/* What an arc asks of each phase. */
typedef struct Phase
{
	float		share;			/* of the list; mid takes the rest */
	float		energy;			/* 0 = lowest of the list .. 1 = highest */
	float		opening;		/* how much each potential counts */
	float		peak;
	float		closing;
	int			direction;		/* +1 = rising inside, -1 = falling */
} Phase;

static const Phase arcs[][NPHASES] = {
	[RECO_ARC_CLASSIC] = {
		{1 / 10.0f, 0.35f, 0.5f, 0, 0, 1}, {1 / 6.0f, 0.55f, 0, 0, 0, 1}, {0, 0.65f, 0, 0, 0, 1},
		{1 / 6.0f, 1.0f, 0, 0.5f, 0, 1}, {1 / 8.0f, 0.45f, 0, 0, 0, -1},
		{1 / 10.0f, 0.1f, 0, 0, 0.5f, -1}},
	[RECO_ARC_SUSTAINED] = {
		{1 / 10.0f, 0.5f, 0.5f, 0, 0, 1}, {1 / 6.0f, 0.7f, 0, 0, 0, 1}, {0, 0.8f, 0, 0.2f, 0, 1},
		{1 / 4.0f, 1.0f, 0, 0.5f, 0, 1}, {1 / 10.0f, 0.6f, 0, 0, 0, -1},
		{1 / 12.0f, 0.3f, 0, 0, 0.5f, -1}},
	[RECO_ARC_AMBIENT] = {
		{1 / 8.0f, 0.5f, 0.4f, 0, 0, -1}, {1 / 6.0f, 0.6f, 0, 0, 0, 1}, {0, 0.5f, 0, 0, 0, -1},
		{1 / 8.0f, 0.9f, 0, 0.2f, 0, 1}, {1 / 6.0f, 0.3f, 0, 0, 0, -1},
		{1 / 6.0f, 0.0f, 0, 0, 0.4f, -1}},
	[RECO_ARC_ROLLERCOASTER] = {
		{1 / 10.0f, 0.5f, 0.5f, 0, 0, 1}, {1 / 6.0f, 0.9f, 0, 0.3f, 0, 1}, {0, 0.4f, 0, 0, 0, -1},
		{1 / 6.0f, 1.0f, 0, 0.5f, 0, 1}, {1 / 8.0f, 0.4f, 0, 0, 0, -1},
		{1 / 10.0f, 0.1f, 0, 0, 0.5f, -1}},
};

/* What order needs to know of one track. */
typedef struct Placed
{
	int			index;
	float		energy;
	float		level;			/* energy, 0 = lowest of the list .. 1 = highest */
	float		opening;
	float		peak;
	float		closing;
	bool		taken;
} Placed;

static float
value_of(const RecoTrack *track, int feature, float unknown)
{
	return (track->missing >> feature) & 1 ? unknown : track->values[feature];
}

/* Works out a track's energy and what it is good for. */
static void
describe(const RecoTrack *track, Placed *placed)
{
	float		energy = value_of(track, RECO_ENERGY, UNKNOWN_ENERGY);
	float		valence = value_of(track, RECO_VALENCE, 0.5f);
	float		danceability = value_of(track, RECO_DANCEABILITY, 0.5f);
	float		tempo = value_of(track, RECO_TEMPO, 120);
	float		popularity = value_of(track, RECO_POPULARITY, 50) / 100;
	float		acousticness = value_of(track, RECO_ACOUSTICNESS, 0.3f);
	float		momentum = (fminf(tempo / 2, 100) / 100 + danceability) / 2;
	float		weight = 2 * fabsf(valence - 0.5f); /* emotional */

	placed->energy = energy;
	placed->opening =
		0.4f * popularity + 0.3f * valence + 0.3f * (1 - fabsf(energy - 0.55f));
	placed->peak = 0.5f * energy + 0.3f * momentum + 0.2f * popularity;
	placed->closing = 0.4f * (1 - energy) + 0.3f * acousticness + 0.3f * weight;
}

static int
by_energy(const void *a, const void *b)
{
	const Placed *x = a;
	const Placed *y = b;

	if (x->energy != y->energy)
		return x->energy < y->energy ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* Names the arc that a list's energies call for. */
static RecoArc
arc_of(const Placed *placed, int n)
{
	float		sum = 0;

	for (int i = 0; i < n; i++)
		sum += placed[i].energy;
	if (sum / n > 0.75f)
		return RECO_ARC_SUSTAINED;
	if (sum / n < 0.35f)
		return RECO_ARC_AMBIENT;
	if (placed[n - 1].energy - placed[0].energy > 0.5f)
		return RECO_ARC_ROLLERCOASTER;
	return RECO_ARC_CLASSIC;
}

/* How many tracks each phase takes; all of them together n. */
static void
divide(const Phase *phases, int n, int *counts)
{
	int			left = n;

	for (int p = 0; p < NPHASES; p++)
	{
		counts[p] = (int) lroundf(phases[p].share * n);
		left -= counts[p];
	}
	counts[2] += left;

	/* a list of very few has no middle to take from */
	for (int p = NPHASES - 1; counts[2] < 0; p = (p + NPHASES - 1) % NPHASES)
	{
		if (p == 2 || counts[p] == 0)
			continue;
		counts[p]--;
		counts[2]++;
	}
}

/* Takes the tracks that suit a phase best into 'chosen', and sorts them. */
static void
fill_phase(const Phase *phase, int count, Placed *placed, int n, Placed *chosen)
{
	for (int c = 0; c < count; c++)
	{
		int			best = -1;
		float		best_fit = 0;

		for (int i = 0; i < n; i++)
		{
			float		fit = -fabsf(placed[i].level - phase->energy) +
				phase->opening * placed[i].opening + phase->peak * placed[i].peak +
				phase->closing * placed[i].closing;

			if (placed[i].taken || (best >= 0 && fit <= best_fit))
				continue;
			best = i;
			best_fit = fit;
		}
		placed[best].taken = true;
		chosen[c] = placed[best];
	}
	qsort(chosen, count, sizeof(Placed), by_energy);
	for (int i = 0; phase->direction < 0 && i < count / 2; i++)
	{
		Placed		swap = chosen[i];

		chosen[i] = chosen[count - 1 - i];
		chosen[count - 1 - i] = swap;
	}
}

/* Orders a list by its arc. */
RecoArc
reco_order_arc(RecoTrack *const *tracks, int n, int *order)
{
	Placed		placed[MAX_TRACKS];
	Placed		chosen[MAX_TRACKS];
	int			counts[NPHASES];
	int			at[NPHASES];
	/* the high point and both ends choose first, then what lies between */
	static const int choose[NPHASES] = {3, 0, 5, 1, 4, 2};
	RecoArc		arc;

	if (n > MAX_TRACKS)
		n = MAX_TRACKS;
	if (n <= 0)
		return RECO_ARC_CLASSIC;
	memset(placed, 0, sizeof(Placed) * n);
	for (int i = 0; i < n; i++)
	{
		placed[i].index = i;
		describe(tracks[i], &placed[i]);
	}
	qsort(placed, n, sizeof(Placed), by_energy);
	for (int i = 0; i < n; i++)
		placed[i].level = n > 1 ? (float) i / (n - 1) : 0.5f;
	arc = arc_of(placed, n);
	divide(arcs[arc], n, counts);
	at[0] = 0;
	for (int p = 1; p < NPHASES; p++)
		at[p] = at[p - 1] + counts[p - 1];
	for (int c = 0; c < NPHASES; c++)
	{
		int			p = choose[c];

		fill_phase(&arcs[arc][p], counts[p], placed, n, &chosen[at[p]]);
	}
	for (int i = 0; i < n; i++)
		order[i] = chosen[i].index;
	return arc;
}

const char *
reco_order_arc_name(RecoArc arc)
{
	static const char *const names[] = {"classic", "sustained", "ambient", "rollercoaster"};

	return names[arc];
}
