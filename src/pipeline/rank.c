/*-------------------------------------------------------------------------
 *
 * rank.c
 *	  How good a candidate is: the final score and its parts.
 *
 * Purpose: see rank.h. The final score is the weighted mean of the parts that
 *			have evidence; the weights below are tuned on real lists
 *			(test/bench/quality prints what a change does).
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	score what was not measured.
 *
 *-------------------------------------------------------------------------
 */
#include "rank.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The one table of weights. */
const float reco_rank_weights[RECO_NPARTS] = {
	[RECO_PART_MOOD] = 0.45f,
	[RECO_PART_GENRE] = 1.0f,
	[RECO_PART_TASTE] = 0.20f,
	[RECO_PART_TEXT] = 0.15f,
	[RECO_PART_AGREEMENT] = 0.01f,
	[RECO_PART_POPULARITY] = 0.05f,
	[RECO_PART_FAMILIAR] = 0.20f,
	[RECO_PART_ERA] = 0.40f,
};

#define RRF_K				60	/* of reciprocal rank fusion */
#define POPULARITY_CENTRE	60.0
#define POPULARITY_SPREAD	30.0
#define ERA_SPREAD			1.5		/* years outside an era that are near */
#define LEAST_EVIDENCE		0.4f	/* of weights, for a full score */
#define TASTE_TRACKS		3	/* nearest own tracks that count */
#define NEUTRAL_COHESION	0.7f
#define DISCOVERY_COHESION	0.75f

/* What a feature may differ before it coheres no more; 0 = does not count. */
static const float tolerances[RECO_NCOLUMNS] = {
	[RECO_ACOUSTICNESS] = 0.4f, [RECO_DANCEABILITY] = 0.3f, [RECO_ENERGY] = 0.3f,
	[RECO_INSTRUMENTALNESS] = 0.25f, [RECO_LIVENESS] = 0.4f, [RECO_SPEECHINESS] = 0.25f,
	[RECO_VALENCE] = 0.3f, [RECO_LOUDNESS] = 6, [RECO_TEMPO] = 40, [RECO_POPULARITY] = 30,
};

static float
popularity_bonus(const RecoTrack *track)
{
	if ((track->missing >> RECO_POPULARITY) & 1)
		return 0;
	return fminf(track->values[RECO_POPULARITY] / 1000, 0.1f);
}

float
reco_rank_seed_fit(const RecoTrack *track, const RecoTarget *targets)
{
	float		sum = 0;
	float		weights = 0;

	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		float		weight = targets[f].weight;

		if (weight <= 0 || ((track->missing >> f) & 1))
			continue;
		sum += weight * reco_likeness_of(f, track->values[f] - targets[f].mean);
		weights += weight;
	}
	if (weights <= 0)
		return -1;
	return fminf(1, sum / weights + popularity_bonus(track));
}

float
reco_rank_similarity(const RecoTrack *a, const RecoTrack *b)
{
	return reco_likeness(a, b);
}

float
reco_rank_cohesion(const RecoTrack *track, const RecoTarget *targets, bool *comparable)
{
	float		sum = 0;
	float		weights = 0;

	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		float		weight = targets[f].weight * reco_fit_weights[f];
		float		cohesion;

		if (weight <= 0 || tolerances[f] <= 0 || ((track->missing >> f) & 1))
			continue;
		cohesion = 1 - fabsf(track->values[f] - targets[f].mean) / tolerances[f];
		sum += weight * (cohesion > 0 ? cohesion : 0);
		weights += weight;
	}
	*comparable = weights > 0;
	return weights > 0 ? sum / weights : NEUTRAL_COHESION;
}

/* Mean similarity to the nearest few of what the listener plays. */
static float
taste_of(const RecoRanking *ranking, const RecoLikenessPack *pack, const RecoTrack *track)
{
	float		alike[RECO_LIKENESS_MOST] = {0};
	float		best[TASTE_TRACKS] = {-1, -1, -1};
	float		sum = 0;
	int			packed = track->key < RECO_LIKENESS_KEYS ? pack->n : 0;
	int			n = 0;

	if (packed > 0)
		reco_likeness_to_all(pack, track, alike);
	for (int i = 0; i < ranking->ntaste; i++)
	{
		float similarity =
			i < packed ? alike[i] : reco_likeness(track, ranking->taste[i]);
		int			at = TASTE_TRACKS;

		while (at > 0 && similarity > best[at - 1])
			at--;
		if (at == TASTE_TRACKS)
			continue;
		memmove(&best[at + 1], &best[at], sizeof(float) * (TASTE_TRACKS - at - 1));
		best[at] = similarity;
	}
	for (int i = 0; i < TASTE_TRACKS; i++)
	{
		if (best[i] < 0)
			continue;
		sum += best[i];
		n++;
	}
	return n > 0 ? sum / n : -1;
}

/* Takes what is nearest of some tracks, if that is nearer than what is known. */
static void
take_nearest(const RecoTrack *track, RecoTrack *const *others, int n,
			 const RecoLikenessPack *pack, RecoNear *near)
{
	float		alike[RECO_LIKENESS_MOST] = {0};
	int			packed = 0;

	if (pack != NULL && track->key < RECO_LIKENESS_KEYS)
	{
		reco_likeness_to_all(pack, track, alike);
		packed = pack->n;
	}
	for (int i = 0; i < n; i++)
	{
		float		similarity = i < packed ? alike[i] : reco_likeness(track, others[i]);

		if (similarity > near->similarity &&
			strcmp(others[i]->track_id, track->track_id) != 0)
		{
			near->similarity = similarity;
			near->track = others[i];
		}
	}
}

RecoNear
reco_rank_near(const RecoRanking *ranking, const RecoTrack *track)
{
	RecoNear	near = {NULL, 0};

	take_nearest(track, ranking->taste, ranking->ntaste, ranking->taste_pack, &near);
	take_nearest(track, ranking->seeds, ranking->nseeds, ranking->seeds_pack, &near);
	return near;
}

static int
compare_ids(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Reciprocal rank fusion: 1 = first in all strategies. */
static float
agreement_of(const RecoCandidate *candidate)
{
	float		sum = 0;

	for (int s = 0; s < RECO_NSTRATEGIES; s++)
		if (candidate->ranks[s] > 0)
			sum += (float) (RRF_K + 1) / (RRF_K + candidate->ranks[s]);
	return sum / RECO_NSTRATEGIES;
}

/* 1 inside the years asked for, less the further outside; unknown is outside. */
static float
era_of(const RecoRanking *ranking, const RecoTrack *track)
{
	double		off = 0;

	if ((track->missing >> RECO_YEAR) & 1)
		return 0;
	if (ranking->era_from > 0)
		off = fmax(off, ranking->era_from - track->values[RECO_YEAR]);
	if (ranking->era_to > 0)
		off = fmax(off, track->values[RECO_YEAR] - ranking->era_to);
	off /= ERA_SPREAD;
	return (float) exp(-0.5 * off * off);
}

/* Fills the parts of one candidate but for taste; a part without evidence is below 0. */
static void
fill_parts(const RecoRanking *ranking, RecoCandidate *candidate)
{
	const RecoTrack *track = candidate->track;
	bool		has_targets = false;
	uint32_t	counted = 0;

	for (int f = 0; f < RECO_NCOLUMNS; f++)
		if (ranking->fit->targets[f].weight > 0)
			counted |= 1u << f;
	has_targets = (counted & ~track->missing) != 0;

	for (int p = 0; p < RECO_NPARTS; p++)
		candidate->parts[p] = -1;
	candidate->evidence = (float) reco_fit_evidence(ranking->fit, ranking->background,
													track->values, track->missing);
	if (has_targets)
		candidate->parts[RECO_PART_MOOD] = (float) reco_fit_mood(candidate->evidence);
	else if (counted != 0)
		candidate->parts[RECO_PART_MOOD] = 0.5f;	/* even odds: no evidence */
	if (ranking->has_labels)
		candidate->parts[RECO_PART_GENRE] = track->genre_match;
	if (ranking->has_words)
		candidate->parts[RECO_PART_TEXT] = fminf(track->text_match, 1);
	candidate->parts[RECO_PART_AGREEMENT] = agreement_of(candidate);
	if (!((track->missing >> RECO_POPULARITY) & 1))
	{
		double off =
			(track->values[RECO_POPULARITY] - POPULARITY_CENTRE) / POPULARITY_SPREAD;

		candidate->parts[RECO_PART_POPULARITY] = (float) exp(-0.5 * off * off);
	}
	if (ranking->nfamiliar > 0 && ranking->familiarity != 0.5f)
	{
		bool known = bsearch(&track->artist_id, ranking->familiar, ranking->nfamiliar,
							 sizeof(char *), compare_ids) != NULL;
		float		wish = 1 - 2 * ranking->familiarity;	/* 1 = only known */

		candidate->parts[RECO_PART_FAMILIAR] = 0.5f + 0.5f * (known ? wish : -wish);
	}
	if (ranking->era_from > 0 || ranking->era_to > 0)
		candidate->parts[RECO_PART_ERA] = era_of(ranking, track);
	candidate->cohesion =
		reco_rank_cohesion(track, ranking->fit->targets, &candidate->comparable);
	if (!candidate->comparable && candidate->ranks[RECO_ARTIST_DISCOVERY] > 0)
		candidate->cohesion = DISCOVERY_COHESION;
}

/* Fills what has nothing to do with the listener. */
void
reco_rank_rate(const RecoRanking *ranking, RecoCandidate *candidates, int ncandidates)
{
	for (int i = 0; i < ncandidates; i++)
		fill_parts(ranking, &candidates[i]);
}

/* Scores candidates. */
void
reco_rank_score(const RecoRanking *ranking, RecoCandidate *candidates, int ncandidates)
{
	RecoLikenessPack own;
	const RecoLikenessPack *pack = ranking->taste_pack;

	if (pack == NULL)
	{
		reco_likeness_pack(ranking->taste, ranking->ntaste, &own);
		pack = &own;
	}
	if (!ranking->rated)
		reco_rank_rate(ranking, candidates, ncandidates);
	for (int i = 0; i < ncandidates; i++)
	{
		float		sum = 0;
		float		weights = 0;

		if (ranking->ntaste > 0)
			candidates[i].parts[RECO_PART_TASTE] =
				taste_of(ranking, pack, candidates[i].track);
		for (int p = 0; p < RECO_NPARTS; p++)
		{
			if (candidates[i].parts[p] < 0)
				continue;
			sum += reco_rank_weights[p] * candidates[i].parts[p];
			weights += reco_rank_weights[p];
		}

		/* where only habits speak (popularity, agreement), nothing fits well */
		candidates[i].score = fminf(1, fmaxf(0, sum / fmaxf(weights, LEAST_EVIDENCE)));
	}
}

RecoStrategyId
reco_rank_strategy(const RecoCandidate *candidate)
{
	int			best = -1;

	for (int s = 0; s < RECO_NSTRATEGIES; s++)
		if (candidate->ranks[s] > 0 &&
			(best < 0 || candidate->ranks[s] < candidate->ranks[best]))
			best = s;
	return best < 0 ? RECO_SEED_BASED : (RecoStrategyId) best;
}

const char *
reco_rank_part_name(RecoPart part)
{
	static const char *const names[] = {
		"mood", "genre", "taste", "text", "agreement", "popularity", "familiar", "era"
	};

	return names[part];
}

const char *
reco_rank_strategy_name(RecoStrategyId strategy)
{
	static const char *const names[] = {"user_anchors", "artist_discovery", "seed_based"};

	return names[strategy];
}

const char *
reco_rank_rule_name(RecoRule rule)
{
	static const char *const names[] = {
		"none", "duplicate", "negative", "artist cap", "excluded artist", "theme", "region",
		"era", "popularity", "repeat", "cohesion"
	};

	return names[rule];
}
