/*-------------------------------------------------------------------------
 *
 * rank_test.c
 *	  Tests of the scores: seed fit, cohesion, similarity, the final score.
 *
 * Purpose: the formulas of domain.md section 5 on hand-made tracks; a part
 *			without evidence has no weight.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	repeat a weight as a number: they are tuned.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/features.c src/pipeline/rank.c src/pipeline/likeness.c
			src/catalogue/fit.c */
#include "pipeline/rank.h"

#include <string.h>

#include "pipeline/likeness.h"

#include "tap.h"

#define ALL_MISSING ((1u << RECO_NCOLUMNS) - 1)

static const RecoTrack unmeasured = {
	.track_id = "u", .artist_id = "ua", .missing = ALL_MISSING, .key = -1
};

/* A track with the values of a typical catalogue. */
static RecoTrack
typical(const char *id)
{
	RecoTrack	track = unmeasured;

	track.track_id = id;
	track.missing = 0;
	memcpy(track.values, reco_fit_typical.mean, sizeof(track.values));
	return track;
}

/* A track that has one value and no other. */
static RecoTrack
with(int feature, float value)
{
	RecoTrack	track = unmeasured;

	track.missing = ALL_MISSING & ~(1u << feature);
	track.values[feature] = value;
	return track;
}

/* Seed fit of one value to one target; popularity adds its bonus. */
static float
fit_of(int feature, float value, float wanted)
{
	RecoTarget	targets[RECO_NCOLUMNS] = {{0}};
	RecoTrack	track = with(feature, value);

	targets[feature] = (RecoTarget){wanted, 1, 0.5f};
	return reco_rank_seed_fit(&track, targets);
}

static void
test_seed_fit(void)
{
	RecoTarget	targets[RECO_NCOLUMNS] = {{0}};
	RecoTrack	track = unmeasured;

	near(fit_of(RECO_ENERGY, 0.5f, 0.5f), 1, "at the target");
	near(fit_of(RECO_ENERGY, 0.2f, 0.5f), 0.7, "energy: 1 - d");
	near(fit_of(RECO_TEMPO, 150, 120), 0.5, "tempo: 1 - d/60");
	near(fit_of(RECO_TEMPO, 200, 120), 0, "tempo: never below 0");
	near(fit_of(RECO_LOUDNESS, -20, -5), 0.5, "loudness: 1 - d/30");
	near(fit_of(RECO_POPULARITY, 20, 60), 0.6 + 0.02, "popularity: 1 - d/100, and its bonus");
	near(fit_of(RECO_POPULARITY, 100, 100), 1, "at most 1, with any bonus");
	near(reco_rank_seed_fit(&unmeasured, targets), -1, "nothing comparable");
	targets[RECO_ENERGY] = (RecoTarget){0.5f, 1, 1};
	near(reco_rank_seed_fit(&unmeasured, targets), -1, "a target, but nothing measured");
	track = with(RECO_VALENCE, 0.5f);
	near(reco_rank_seed_fit(&track, targets), -1, "measured, but not what is asked for");

	targets[RECO_VALENCE] = (RecoTarget){0.9f, 1, 0.5f};
	track = typical("t");
	track.missing |= 1u << RECO_POPULARITY;
	track.values[RECO_ENERGY] = 0.2f;
	track.values[RECO_VALENCE] = 0.8f;
	near(reco_rank_seed_fit(&track, targets), (1 * 0.7 + 0.5 * 0.9) / 1.5, "the weighted mean");
	track.missing &= ~(1u << RECO_POPULARITY);
	track.values[RECO_POPULARITY] = 100;
	near(reco_rank_seed_fit(&track, targets), (1 * 0.7 + 0.5 * 0.9) / 1.5 + 0.1,
		 "popularity adds a tenth at most");
}

/* Similarity of two tracks that have only their keys. */
static float
keys(int a, int b)
{
	RecoTrack	x = unmeasured;
	RecoTrack	y = unmeasured;

	x.key = a;
	y.key = b;
	return reco_rank_similarity(&x, &y);
}

static void
test_similarity(void)
{
	RecoTrack	a = typical("a");
	RecoTrack	b = typical("b");
	RecoTrack	c = with(RECO_VALENCE, 0.5f);
	RecoTrack	d = with(RECO_ENERGY, 0.5f);
	bool		symmetric = true;

	near(reco_rank_similarity(&a, &b), 1, "two alike");
	near(keys(4, 4), 1, "the same key");
	near(keys(0, 1), 0.8, "one semitone up");
	near(keys(0, 11), 0.8, "one semitone down, around the circle");
	near(keys(11, 0), 0.8, "and back");
	near(keys(0, 6), 0.3, "across the circle");
	near(keys(2, 11), 0.3, "three semitones around the circle");
	near(keys(-1, 5), -1, "an unknown key is no evidence");
	near(reco_rank_similarity(&unmeasured, &a), -1, "unmeasured against measured");
	near(reco_rank_similarity(&c, &d), -1, "nothing in common");
	b.missing = 1u << RECO_ENERGY;
	b.values[RECO_ENERGY] = 99;
	near(reco_rank_similarity(&a, &b), 1, "an unmeasured value is not looked at");
	b.missing = 0;
	b.values[RECO_ENERGY] = a.values[RECO_ENERGY] - 0.5f;
	{
		double		all = 0;

		for (int f = 0; f < RECO_NCOLUMNS; f++)
			all += reco_fit_weights[f];
		near(reco_rank_similarity(&a, &b), 1 - 0.5 * reco_fit_weights[RECO_ENERGY] / all,
			 "one difference, by its weight");
	}
	for (int i = 0; i < 500; i++)
	{
		for (int f = 0; f < RECO_NCOLUMNS; f++)
		{
			a.values[f] =
				reco_fit_typical.mean[f] + reco_fit_typical.sd[f] * (4 * tap_unit() - 2);
			b.values[f] =
				reco_fit_typical.mean[f] + reco_fit_typical.sd[f] * (4 * tap_unit() - 2);
		}
		a.missing = (uint32_t) tap_draw() & 0x7FF;
		a.key = (int) (tap_draw() % 13) - 1;
		b.key = (int) (tap_draw() % 13) - 1;
		symmetric &=
			fabsf(reco_rank_similarity(&a, &b) - reco_rank_similarity(&b, &a)) < 1e-5f &&
			reco_rank_similarity(&a, &b) <= 1.0001f && reco_rank_similarity(&a, &b) >= 0;
	}
	ok(symmetric, "similarity is the same both ways, and in 0..1");
}

/* One track to many at once is the same as to each of them alone. */
static void
test_many(void)
{
	static RecoTrack tracks[RECO_LIKENESS_MOST + 3];
	RecoTrack  *pointers[RECO_LIKENESS_MOST + 3];
	RecoLikenessPack pack;
	float		alike[RECO_LIKENESS_MOST];
	bool		same = true;
	bool		full = true;

	for (int n = 0; n <= RECO_LIKENESS_MOST + 3; n++)
	{
		RecoTrack	track;

		for (int i = 0; i <= n; i++)
		{
			RecoTrack  *any = i < n ? &tracks[i] : &track;

			*any = unmeasured;
			for (int f = 0; f < RECO_NCOLUMNS; f++)
				any->values[f] = reco_fit_typical.mean[f] +
					reco_fit_typical.sd[f] * (4 * tap_unit() - 2);
			any->missing = (uint32_t) (tap_draw() & tap_draw()) & ALL_MISSING;
			any->key = (int) (tap_draw() % 13) - 1;
			if (i < n)
				pointers[i] = any;
		}
		reco_likeness_pack(pointers, n, &pack);
		full &= pack.n == (n < RECO_LIKENESS_MOST ? n : RECO_LIKENESS_MOST);
		reco_likeness_to_all(&pack, &track, alike);
		for (int i = 0; i < pack.n; i++)
			same &= fabsf(alike[i] - reco_likeness(&track, tracks + i)) < 1e-6f;
	}
	ok(full, "as many as there is room for are put side by side");
	ok(same, "one track to many at once is the same as to each of them alone");
}

/* Cohesion of one value with one target. */
static float
cohere(int feature, float value, float wanted)
{
	RecoTarget	targets[RECO_NCOLUMNS] = {{0}};
	RecoTrack	track = with(feature, value);
	bool		comparable;

	targets[feature] = (RecoTarget){wanted, 1, 1};
	return reco_rank_cohesion(&track, targets, &comparable);
}

static void
test_cohesion(void)
{
	static const struct
	{
		int			feature;
		float		tolerance;
	}			cases[] = {
		{RECO_ENERGY, 0.3f}, {RECO_VALENCE, 0.3f}, {RECO_DANCEABILITY, 0.3f},
		{RECO_ACOUSTICNESS, 0.4f}, {RECO_INSTRUMENTALNESS, 0.25f}, {RECO_SPEECHINESS, 0.25f},
		{RECO_TEMPO, 40}, {RECO_LOUDNESS, 6}, {RECO_LIVENESS, 0.4f}, {RECO_POPULARITY, 30}
	};
	RecoTarget	targets[RECO_NCOLUMNS] = {{0}};
	RecoTrack	track = typical("t");
	bool		comparable = true;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		int			f = cases[i].feature;
		float		wanted = reco_fit_typical.mean[f];

		near(cohere(f, wanted + cases[i].tolerance / 2, wanted), 0.5,
			 reco_feature_name(f));
		near(cohere(f, wanted - cases[i].tolerance * 2, wanted), 0, reco_feature_name(f));
	}
	near(reco_rank_cohesion(&track, targets, &comparable), 0.7, "no target: .7");
	ok(!comparable, "and it says that nothing is comparable");
	targets[RECO_ENERGY] = (RecoTarget){0.5f, 1, 1};
	near(reco_rank_cohesion(&unmeasured, targets, &comparable), 0.7,
		 "nothing measured: .7");
	ok(!comparable, "and it says so");
	(void) reco_rank_cohesion(&track, targets, &comparable);
	ok(comparable, "a measured value is comparable");
}

static void
test_score(void)
{
	RecoFit		fit;
	RecoRanking ranking;
	RecoTrack	near_it = typical("near");
	RecoTrack	far = typical("far");
	RecoTrack	nothing = unmeasured;
	RecoTrack	own = typical("own");
	RecoTrack	seed = typical("seed");
	RecoTrack  *taste[] = {&own};
	RecoTrack  *seeds[] = {&seed};
	const char *familiar[] = {"fa"};
	RecoCandidate c[3];
	float		sum = 0;
	float		weights = 0;

	memset(&fit, 0, sizeof(fit));
	memset(&ranking, 0, sizeof(ranking));
	memset(c, 0, sizeof(c));
	fit.targets[RECO_ENERGY] = (RecoTarget){0.2f, 0.1f, 1};
	ranking.fit = &fit;
	ranking.background = &reco_fit_typical;
	ranking.familiarity = 0.5f;
	near_it.values[RECO_ENERGY] = 0.2f;
	far.values[RECO_ENERGY] = seed.values[RECO_ENERGY] = 0.95f;
	c[0].track = &near_it;
	c[1].track = &far;
	c[2].track = &nothing;
	for (int i = 0; i < 3; i++)
		c[i].ranks[RECO_ARTIST_DISCOVERY] = 1;
	reco_rank_score(&ranking, c, 3);

	ok(c[0].score > c[2].score && c[2].score > c[1].score,
	   "what fits is above what was not measured, and that above what does not fit");
	near(c[2].parts[RECO_PART_MOOD], 0.5, "nothing measured is even odds");
	near(c[2].evidence, 0, "and evidence of nothing");
	near(c[2].cohesion, 0.75, "unmeasured, from artist discovery: .75");
	ok(!c[2].comparable && c[0].comparable, "cohesion says what it rests on");
	near(c[0].cohesion, 1, "at the target");
	ok(c[2].parts[RECO_PART_POPULARITY] < 0, "unknown popularity has no part");
	near(c[0].parts[RECO_PART_POPULARITY], exp(-0.5 * 20 * 20 / 900.0), "popularity is a bell");
	ok(c[0].parts[RECO_PART_GENRE] < 0 && c[0].parts[RECO_PART_TEXT] < 0 &&
		   c[0].parts[RECO_PART_TASTE] < 0 && c[0].parts[RECO_PART_FAMILIAR] < 0,
	   "parts that nobody asked about have no evidence");
	near(c[0].parts[RECO_PART_AGREEMENT], 1.0 / 3, "first in one strategy of three");
	for (int p = 0; p < RECO_NPARTS; p++)
	{
		if (c[0].parts[p] < 0)
			continue;
		sum += reco_rank_weights[p] * c[0].parts[p];
		weights += reco_rank_weights[p];
	}
	near(c[0].score, sum / weights, "the score is the weighted mean of the parts that are there");

	/* agreement, labels and words, taste, familiarity */
	for (int s = 0; s < RECO_NSTRATEGIES; s++)
		c[0].ranks[s] = 1;
	c[1].ranks[RECO_ARTIST_DISCOVERY] = 62;
	near_it.genre_match = 0.7f;
	near_it.text_match = 3;
	ranking.has_labels = ranking.has_words = true;
	ranking.taste = taste;
	ranking.ntaste = 1;
	own.artist_id = near_it.artist_id = "fa";
	ranking.familiar = familiar;
	ranking.nfamiliar = 1;
	ranking.familiarity = 0;
	reco_rank_score(&ranking, c, 3);
	near(c[0].parts[RECO_PART_AGREEMENT], 1, "first in all strategies");
	near(c[1].parts[RECO_PART_AGREEMENT], 61.0 / 122 / 3, "reciprocal rank fusion");
	near(c[0].parts[RECO_PART_GENRE], 0.7, "labels asked for");
	near(c[0].parts[RECO_PART_TEXT], 1, "no part is above 1");
	near(c[0].parts[RECO_PART_FAMILIAR], 1, "known was wished, and is");
	near(c[1].parts[RECO_PART_FAMILIAR], 0, "known was wished, and is not");
	ok(c[2].parts[RECO_PART_TASTE] < 0, "taste says nothing of the unmeasured");
	near(c[0].parts[RECO_PART_TASTE], reco_rank_similarity(&near_it, &own),
		 "taste is likeness");
	ok(reco_rank_near(&ranking, &near_it).track == &own,
	   "near is what the listener plays");
	near(reco_rank_near(&ranking, &near_it).similarity,
		 reco_rank_similarity(&near_it, &own), "and how near");
	ok(reco_rank_near(&ranking, &own).track == NULL, "nothing is near itself");
	ok(reco_rank_near(&ranking, &nothing).track == NULL, "nor is what was not measured");
	ranking.seeds = seeds;
	ranking.nseeds = 1;
	ok(reco_rank_near(&ranking, &far).track == &seed, "a seed that is nearer");
	ranking.nseeds = 0;
	ranking.familiarity = 1;
	reco_rank_score(&ranking, c, 3);
	near(c[0].parts[RECO_PART_FAMILIAR], 0, "adventurous was wished, and it is known");
	near(c[1].parts[RECO_PART_FAMILIAR], 1, "adventurous was wished, and it is new");
}

static void
test_random(void)
{
	bool		inside = true;

	for (int i = 0; i < 1000; i++)
	{
		RecoFit		fit;
		RecoRanking ranking;
		RecoTrack	track = typical("t");
		RecoCandidate c;

		memset(&fit, 0, sizeof(fit));
		memset(&ranking, 0, sizeof(ranking));
		memset(&c, 0, sizeof(c));
		for (int f = 0; f < RECO_NCOLUMNS; f++)
		{
			float		sd = reco_fit_typical.sd[f];

			track.values[f] += sd * (20 * tap_unit() - 10);
			fit.targets[f].mean = reco_fit_typical.mean[f] + sd * (4 * tap_unit() - 2);
			fit.targets[f].sd = sd * tap_unit();
			fit.targets[f].weight = tap_draw() & 1 ? tap_unit() : 0;
		}
		track.missing = (uint32_t) tap_draw() & ALL_MISSING;
		ranking.fit = &fit;
		ranking.background = &reco_fit_typical;
		ranking.familiarity = 0.5f;
		c.track = &track;
		reco_rank_score(&ranking, &c, 1);
		inside &= c.score >= 0 && c.score <= 1 && c.cohesion >= 0 && c.cohesion <= 1;
		for (int p = 0; p < RECO_NPARTS; p++)
			inside &= c.parts[p] <= 1;
	}
	ok(inside, "whatever the values, scores and parts stay in 0..1");
}

static void
test_strategy(void)
{
	RecoCandidate c = {0};

	ok(reco_rank_strategy(&c) == RECO_SEED_BASED, "found by none");
	c.ranks[RECO_USER_ANCHORS] = 9;
	ok(reco_rank_strategy(&c) == RECO_USER_ANCHORS, "found by one");
	c.ranks[RECO_ARTIST_DISCOVERY] = 3;
	ok(reco_rank_strategy(&c) == RECO_ARTIST_DISCOVERY, "where it stands best");
	ok(strcmp(reco_rank_strategy_name(RECO_SEED_BASED), "seed_based") == 0 &&
	   strcmp(reco_rank_part_name(RECO_PART_FAMILIAR), "familiar") == 0 &&
	   strcmp(reco_rank_rule_name(RECO_RULE_COHESION), "cohesion") == 0, "names are in step");
}

int
main(void)
{
	test_seed_fit();
	test_similarity();
	test_many();
	test_cohesion();
	test_score();
	test_random();
	test_strategy();
	return tap_done();
}
