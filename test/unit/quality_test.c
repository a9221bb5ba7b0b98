/*-------------------------------------------------------------------------
 *
 * quality_test.c
 *	  Tests of a list's quality: the formula of domain.md section 8.
 *
 * Purpose: overall = .35 cohesion + .25 coverage + .2 confidence + .2 diversity,
 *			each in 0..1, on lists made by hand.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	test how diversity is mixed, beyond what it must rise with.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/pipeline/quality.c */
#include "pipeline/quality.h"

#include <string.h>

#include "tap.h"

static RecoTrack tracks[128];
static RecoCandidate candidates[128];
static RecoCandidate *list[128];
static char ids[128][16];

/* Makes n tracks; 'per' of them share an artist, a genre and a decade. */
static void
make(int n, int per, float cohesion)
{
	memset(tracks, 0, sizeof(tracks));
	memset(candidates, 0, sizeof(candidates));
	for (int i = 0; i < n; i++)
	{
		int			group = i / per;

		snprintf(ids[i], sizeof(ids[i]), "g%d", group);
		tracks[i].artist_id = ids[i];
		tracks[i].ngenres = 1;
		tracks[i].genres = (const char **) &tracks[i].artist_id;
		tracks[i].values[RECO_YEAR] = 1905 + 10.0f * group;
		candidates[i].track = &tracks[i];
		candidates[i].cohesion = cohesion;
		list[i] = &candidates[i];
	}
}

static double
formula(const RecoQuality *quality)
{
	return 0.35 * quality->cohesion + 0.25 * quality->coverage +
		0.2 * quality->confidence + 0.2 * quality->diversity;
}

int
main(void)
{
	RecoQuality quality;
	RecoQuality narrow;
	bool		inside = true;

	make(10, 1, 0.8f);
	quality = reco_quality_judge(list, 10, 10, 0.9f);
	near(quality.cohesion, 0.8, "cohesion is the mean");
	near(quality.coverage, 1, "a full list covers");
	near(quality.confidence, 0.9, "confidence is the mood's");
	near(quality.diversity, 1, "ten artists, genres and decades are diverse");
	near(quality.overall, formula(&quality), "overall is the weighted sum");
	near(quality.overall, 0.35 * 0.8 + 0.25 + 0.18 + 0.2, "as worked out by hand");

	quality = reco_quality_judge(list, 10, 40, 0.9f);
	near(quality.coverage, 0.25, "a quarter of the list");
	quality = reco_quality_judge(list, 10, 5, 0.9f);
	near(quality.coverage, 1, "more than asked for is no more than all");

	candidates[0].cohesion = 0;
	quality = reco_quality_judge(list, 10, 10, 0.9f);
	near(quality.cohesion, 0.72, "one outlier");

	make(10, 10, 0.8f);
	narrow = reco_quality_judge(list, 10, 10, 0.9f);
	ok(narrow.diversity < 0.2f, "one artist, genre and decade is not diverse");
	make(10, 2, 0.8f);
	quality = reco_quality_judge(list, 10, 10, 0.9f);
	ok(quality.diversity > narrow.diversity, "five are more diverse than one");
	make(20, 1, 0.8f);
	for (int i = 0; i < 6; i++)
		tracks[i].artist_id = ids[0];
	quality = reco_quality_judge(list, 20, 20, 0.9f);
	near(quality.diversity, 1, "unique artists count against .7");

	make(2, 1, 0.8f);
	tracks[0].ngenres = tracks[1].ngenres = 0;
	tracks[0].missing = tracks[1].missing = 0xFFF;
	quality = reco_quality_judge(list, 2, 2, 0);
	ok(quality.diversity > 0 && quality.diversity <= 1, "nothing known of genre or year");

	quality = reco_quality_judge(list, 0, 20, 0.5f);
	near(quality.overall, 0.1, "an empty list has only its confidence");

	for (int round = 0; round < 500; round++)
	{
		int			n = 1 + (int) (tap_draw() % 100);

		make(n, 1 + (int) (tap_draw() % 5), tap_unit());
		for (int i = 0; i < n; i++)
		{
			tracks[i].values[RECO_YEAR] = 5000 * tap_unit() - 1000;
			tracks[i].missing = tap_draw() & 1 ? 0xFFF : 0;
		}
		quality = reco_quality_judge(list, n, 1 + (int) (tap_draw() % 100), tap_unit());
		inside &= quality.overall >= 0 && quality.overall <= 1.0001f &&
			quality.diversity >= 0 && quality.diversity <= 1.0001f &&
			fabs(quality.overall - formula(&quality)) < 1e-4;
	}
	ok(inside, "whatever the list, all figures stay in 0..1");
	return tap_done();
}
