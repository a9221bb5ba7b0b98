/*-------------------------------------------------------------------------
 *
 * rank.h
 *	  How good a candidate is: the final score and its parts.
 *
 * Purpose: seed fit, cohesion, and the final score from one table of weights.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	score what was not measured; a part without evidence has no weight.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_RANK_H
#define RECO_RANK_H

#include "catalogue/fit.h"
#include "catalogue/track.h"
#include "likeness.h"
#include "reco.h"

typedef enum RecoStrategyId
{
	RECO_USER_ANCHORS = 0,
	RECO_ARTIST_DISCOVERY,
	RECO_SEED_BASED,
	RECO_NSTRATEGIES
} RecoStrategyId;

/* The parts of a final score; each 0..1. */
typedef enum RecoPart
{
	RECO_PART_MOOD = 0,			/* features fit the targets */
	RECO_PART_GENRE,			/* labels, or the artist's, say the words */
	RECO_PART_TASTE,			/* near what the listener plays */
	RECO_PART_TEXT,				/* title or artist says the words */
	RECO_PART_AGREEMENT,		/* several strategies found it */
	RECO_PART_POPULARITY,		/* bell around 60 */
	RECO_PART_FAMILIAR,			/* by an artist the listener plays (or not) */
	RECO_PART_ERA,				/* inside the years asked for, or how near */
	RECO_NPARTS
} RecoPart;

/* What a rule, or a strategy left out, did to a candidate. */
typedef enum RecoRule
{
	RECO_RULE_NONE = 0,			/* admitted */
	RECO_RULE_DUPLICATE,		/* same id, ISRC, or title and artist */
	RECO_RULE_NEGATIVE,			/* skipped, disliked, or named in negative_tracks */
	RECO_RULE_ARTIST_CAP,
	RECO_RULE_EXCLUDED_ARTIST,
	RECO_RULE_THEME,
	RECO_RULE_REGION,
	RECO_RULE_ERA,
	RECO_RULE_POPULARITY,
	RECO_RULE_REPEAT,			/* played in the last repeat_days */
	RECO_RULE_COHESION,			/* too far from the mood */
	RECO_NRULES
} RecoRule;

/* A track on its way into the list. */
typedef struct RecoCandidate
{
	RecoTrack  *track;
	int			ranks[RECO_NSTRATEGIES];	/* 1 = best; 0 = not found by it */
	bool		protected;		/* mentioned by name */
	bool		of_mentioned;	/* by a mentioned artist */
	float		parts[RECO_NPARTS]; /* < 0 = no evidence */
	float		score;			/* 0..1 */
	float		evidence;		/* of the mood, as log odds */
	float		cohesion;		/* 0..1 */
	bool		comparable;		/* cohesion rests on something measured */
	RecoRule	rule;			/* why it was left out */
} RecoCandidate;

/* What candidates are ranked for. */
typedef struct RecoRanking
{
	const RecoFit *fit;
	const RecoBackground *background;
	bool		has_labels;		/* the prompt asks for labels that exist */
	bool		has_words;		/* the prompt has words to find in titles */
	int			ntaste;
	RecoTrack **taste;			/* what the listener plays */
	int			nseeds;
	RecoTrack **seeds;			/* for 'near' */
	int			nfamiliar;
	const char **familiar;		/* artist ids the listener plays, ascending */
	float		familiarity;	/* 0 = known .. 1 = adventurous; .5 = no wish */
	int			era_from;		/* years, inclusive; 0 = open */
	int			era_to;
	bool		rated;			/* candidates are rated already, for nobody */
	const RecoLikenessPack *taste_pack; /* of 'taste' and 'seeds', for 'near' */
	const RecoLikenessPack *seeds_pack; /* NULL = they are compared one by one */
} RecoRanking;

/* Scores candidates; fills parts, score and cohesion. */
extern void reco_rank_score(const RecoRanking *ranking, RecoCandidate *candidates,
							int ncandidates);

/* Fills what of that has nothing to do with the listener: all but taste and score. */
extern void reco_rank_rate(const RecoRanking *ranking, RecoCandidate *candidates,
						   int ncandidates);

/* The seed, or the track that the listener plays, that a track is nearest to. */
typedef struct RecoNear
{
	const RecoTrack *track;		/* NULL = none is comparable */
	float		similarity;		/* 0..1 */
} RecoNear;

extern RecoNear reco_rank_near(const RecoRanking *ranking, const RecoTrack *track);

/* The weight of each part in the final score. */
extern const float reco_rank_weights[RECO_NPARTS];

/*
 * Seed fit (A): Σ w·sim / Σ w over what both have, plus min(popularity/1000, .1),
 * at most 1. sim: tempo 1 − d/60, loudness 1 − d/30, popularity 1 − d/100, key
 * 1 / .8 / .3 around the circle, others 1 − d. -1 = nothing comparable.
 */
extern float reco_rank_seed_fit(const RecoTrack *track, const RecoTarget *targets);
extern float reco_rank_similarity(const RecoTrack *a, const RecoTrack *b);

/*
 * Cohesion (C): weighted mean over measured features of max(0, 1 − |x − t|/tol).
 * Where nothing is comparable: .75 from artist discovery, .7 otherwise.
 */
extern float reco_rank_cohesion(const RecoTrack *track, const RecoTarget *targets,
								bool *comparable);

extern const char *reco_rank_part_name(RecoPart part);
extern const char *reco_rank_strategy_name(RecoStrategyId strategy);
extern const char *reco_rank_rule_name(RecoRule rule);

/* The strategy in which a candidate stands best. */
extern RecoStrategyId reco_rank_strategy(const RecoCandidate *candidate);

#endif							/* RECO_RANK_H */
