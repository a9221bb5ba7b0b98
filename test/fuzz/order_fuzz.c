/*-------------------------------------------------------------------------
 *
 * order_fuzz.c
 *	  Fuzzes the order of a list: every track is placed exactly once.
 *
 * Purpose: make tracks of the input's bytes, some without any feature, and see
 *			that the order is a permutation, and the same when asked again.
 * Runs in: a libFuzzer program.
 * Locks:	none.
 * Never:	judge whether the order is a good one.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/features.c src/pipeline/order.c */
#include "pipeline/order.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 100

#define check(condition)                                 \
	do                                                   \
	{                                                    \
		if (!(condition))                                \
		{                                                \
			fprintf(stderr, "failed: %s\n", #condition); \
			abort();                                     \
		}                                                \
	} while (0)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const float high[RECO_NCOLUMNS] = {1, 1, 1, 1, 1, 1, 1, 5, 250, 1, 100, 2026};
	RecoTrack *tracks[MOST];
	char ids[MOST][8];
	int *order;
	int *again;
	bool placed[MOST] = {false};
	int n = size > 0 ? data[0] % (MOST + 1) : 0;
	RecoArc arc;

	for (int i = 0; i < n; i++)
	{
		tracks[i] = calloc(1, sizeof(RecoTrack));
		snprintf(ids[i], sizeof(ids[i]), "t%d", i);
		tracks[i]->track_id = tracks[i]->artist_id = ids[i];
		for (int f = 0; f < RECO_NCOLUMNS; f++)
		{
			uint8_t b = data[(1 + i * RECO_NCOLUMNS + f) % size];

			tracks[i]->values[f] = (float) b / 255 * high[f];
			if (b % 9 == 0)
				tracks[i]->missing |= 1u << f;
		}
		if (data[i % size] % 5 == 0)
			tracks[i]->missing = (1u << RECO_NCOLUMNS) - 1;
		tracks[i]->key = data[(i * 3) % size] % 13 - 1;
	}

	/* of exactly the size that is needed: one too many is a report */
	order = malloc(sizeof(int) * (n > 0 ? n : 1));
	again = malloc(sizeof(int) * (n > 0 ? n : 1));
	arc = reco_order_arc(tracks, n, order);
	check(reco_order_arc(tracks, n, again) == arc);
	check(reco_order_arc_name(arc) != NULL);
	check(n == 0 || memcmp(order, again, sizeof(int) * n) == 0);
	for (int i = 0; i < n; i++)
	{
		check(order[i] >= 0 && order[i] < n && !placed[order[i]]);
		placed[order[i]] = true;
	}
	free(order);
	free(again);
	for (int i = 0; i < n; i++)
		free(tracks[i]);
	return 0;
}
