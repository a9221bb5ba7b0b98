/*-------------------------------------------------------------------------
 *
 * order_test.c
 *	  Tests of the order: a permutation, and an arc of energy.
 *
 * Purpose: random lists of 0 to 120 tracks are permuted, whatever was not
 *			measured; the arc is the one that the energies call for; a list
 *			peaks late and closes below its peak.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	pin more than domain.md says.
 *
 *-------------------------------------------------------------------------
 */
#include "pipeline/order.h"

#include <string.h>

#include "tap.h"

#define MOST 120

static RecoTrack tracks[MOST];
static RecoTrack *list[MOST];

/* Makes n tracks with energies from low to high, else all alike. */
static void
make(int n, float low, float high)
{
	memset(tracks, 0, sizeof(tracks));
	for (int i = 0; i < n; i++)
	{
		RecoTrack  *track = &tracks[i];

		track->values[RECO_ENERGY] = n > 1 ? low + (high - low) * i / (n - 1) : low;
		track->values[RECO_VALENCE] = track->values[RECO_DANCEABILITY] = 0.5f;
		track->values[RECO_ACOUSTICNESS] = 0.3f;
		track->values[RECO_TEMPO] = 120;
		track->values[RECO_POPULARITY] = 50;
		track->key = -1;
		list[i] = track;
	}
}

static bool
is_permutation(const int *order, int n)
{
	bool		seen[MOST] = {false};

	for (int i = 0; i < n; i++)
	{
		if (order[i] < 0 || order[i] >= n || seen[order[i]])
			return false;
		seen[order[i]] = true;
	}
	return true;
}

static void
test_permutation(void)
{
	int			bad = 0;
	int			unsteady = 0;

	for (int n = 0; n <= MOST; n++)
		for (int round = 0; round < 40; round++)
		{
			int			order[MOST];
			int			again[MOST];

			make(n, 0, 1);
			for (int i = 0; i < n; i++)
			{
				for (int f = 0; f < RECO_NCOLUMNS; f++)
					tracks[i].values[f] = round % 4 == 0 ? 0.5f : tap_unit();
				tracks[i].missing = round % 3 == 0 ? (uint32_t) tap_draw() & 0xFFF : 0;
				if (round % 8 == 1)
					tracks[i].missing = 0xFFF;
			}
			reco_order_arc(list, n, order);
			reco_order_arc(list, n, again);
			bad += !is_permutation(order, n);
			unsteady += n > 0 && memcmp(order, again, sizeof(int) * n) != 0;
		}
	ok(bad == 0, "0 to 120 tracks are permuted (%d of 4840 are not)", bad);
	ok(unsteady == 0, "and the same way again (%d are not)", unsteady);
}

static void
test_arcs(void)
{
	int			order[MOST];

	make(20, 0.8f, 0.95f);
	ok(reco_order_arc(list, 20, order) == RECO_ARC_SUSTAINED, "mean energy above .75 is sustained");
	make(20, 0.1f, 0.4f);
	ok(reco_order_arc(list, 20, order) == RECO_ARC_AMBIENT, "mean energy below .35 is ambient");
	make(20, 0.2f, 0.9f);
	ok(reco_order_arc(list, 20, order) == RECO_ARC_ROLLERCOASTER,
	   "energies more than .5 apart are a rollercoaster");
	make(20, 0.4f, 0.7f);
	ok(reco_order_arc(list, 20, order) == RECO_ARC_CLASSIC, "else a classic build");
	make(20, 0.3f, 0.95f);
	for (int i = 0; i < 19; i++)
		tracks[i].values[RECO_ENERGY] = 0.9f;
	ok(reco_order_arc(list, 20, order) == RECO_ARC_SUSTAINED,
	   "the mean comes before the range");
	make(20, 0.9f, 0.9f);
	for (int i = 0; i < 20; i++)
		tracks[i].missing = 0xFFF;
	ok(reco_order_arc(list, 20, order) == RECO_ARC_CLASSIC,
	   "what was not measured stands in the middle, whatever its value says");
	ok(strcmp(reco_order_arc_name(RECO_ARC_CLASSIC), "classic") == 0 &&
	   strcmp(reco_order_arc_name(RECO_ARC_ROLLERCOASTER), "rollercoaster") == 0,
	   "arcs have names");
}

/* Mean energy of places [from, to). */
static float
mean_energy(const int *order, int from, int to)
{
	float		sum = 0;

	for (int i = from; i < to; i++)
		sum += tracks[order[i]].values[RECO_ENERGY];
	return sum / (to - from);
}

static void
test_phases(void)
{
	static const struct
	{
		float		low;
		float		high;
		const char *name;
	}			cases[] = {
		{0.4f, 0.7f, "classic"}, {0.7f, 0.95f, "sustained"}, {0.15f, 0.95f, "rollercoaster"}
	};
	int			order[MOST];

	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++)
	{
		int			peak = 0;

		make(60, cases[c].low, cases[c].high);
		reco_order_arc(list, 60, order);
		for (int i = 1; i < 60; i++)
			if (tracks[order[i]].values[RECO_ENERGY] >
				tracks[order[peak]].values[RECO_ENERGY])
				peak = i;
		ok(peak >= 30, "%s: the high point comes in the second half", cases[c].name);
		ok(peak < 54, "%s: but not at the end", cases[c].name);
		ok(mean_energy(order, 55, 60) < mean_energy(order, peak - 4, peak + 1),
		   "%s: the closing lies below the peak", cases[c].name);
		ok(mean_energy(order, 55, 60) < mean_energy(order, 0, 60),
		   "%s: and below the mean", cases[c].name);
	}
	make(60, 0.4f, 0.7f);
	reco_order_arc(list, 60, order);
	ok(mean_energy(order, 0, 6) < mean_energy(order, 6, 16) &&
		   mean_energy(order, 6, 16) < mean_energy(order, 36, 46),
	   "classic: opening below build, build below high");

	/* an ambient list has no peak to speak of, but it sinks */
	make(60, 0.05f, 0.4f);
	reco_order_arc(list, 60, order);
	ok(mean_energy(order, 32, 40) > mean_energy(order, 0, 60),
	   "ambient: the high phase lies above the mean");
	ok(mean_energy(order, 40, 50) < mean_energy(order, 32, 40) &&
		   mean_energy(order, 50, 60) < mean_energy(order, 40, 50),
	   "ambient: then it sinks, and sinks");
}

static void
test_small(void)
{
	int			order[MOST] = {-1};

	make(1, 0.5f, 0.5f);
	reco_order_arc(list, 1, order);
	ok(order[0] == 0, "one track comes first");
	order[0] = -1;
	ok(reco_order_arc(list, 0, order) == RECO_ARC_CLASSIC && order[0] == -1,
	   "none is a classic, and nothing is written");
	make(3, 0.4f, 0.7f);
	reco_order_arc(list, 3, order);
	ok(is_permutation(order, 3), "three tracks, fewer than phases");
	make(10, 0.5f, 0.5f);
	reco_order_arc(list, 10, order);
	ok(is_permutation(order, 10), "ten alike");
}

int
main(void)
{
	test_permutation();
	test_arcs();
	test_phases();
	test_small();
	return tap_done();
}
