/*-------------------------------------------------------------------------
 *
 * model_refine.c
 *	  A mood that a language model helps with.
 *
 * Purpose: see model_refine.h.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	lower the confidence: a second opinion is no harm.
 *
 *-------------------------------------------------------------------------
 */
#include "model_refine.h"

#include <math.h>
#include <string.h>

#define DECIDED			0.6f	/* clearness from which a word's target stands */
#define MODEL_WEIGHT	0.8f	/* of a model's target beside a person's */

static float clearness_of(const RecoMood *mood, int feature);
static void merge_target(RecoTarget *target, const RecoTarget *said, float own);
static void take_facets(RecoMood *mood, const RecoModelAnswer *answer);
static void take_genres(RecoMood *mood, const RecoModelAnswer *answer);

/* Merges an answer into a mood. */
void
reco_mood_refine(RecoMood *mood, const RecoModelAnswer *answer)
{
	bool		own_energy = clearness_of(mood, RECO_ENERGY) >= DECIDED;
	bool		own_valence = clearness_of(mood, RECO_VALENCE) >= DECIDED;

	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		float		own = clearness_of(mood, f);

		if (answer->targets[f].weight > 0 && own < DECIDED)
			merge_target(&mood->targets[f], &answer->targets[f], own);
	}
	reco_mood_label(mood);
	if (!own_energy && answer->has_level && answer->targets[RECO_ENERGY].weight <= 0)
		mood->energy_level = answer->level;
	if (!own_valence && answer->has_emotion && answer->targets[RECO_VALENCE].weight <= 0)
		mood->emotion = answer->emotion;
	take_facets(mood, answer);
	if (mood->era_from == 0 && mood->era_to == 0 && !mood->years_ruled_out)
	{
		mood->era_from = answer->era_from;
		mood->era_to = answer->era_to;
	}
	take_genres(mood, answer);
	mood->confidence += (1 - mood->confidence) * answer->confidence;
	mood->refined = true;
}

/*
 * How clear the words of the prompt are about a feature: 1 = said outright, or by what
 * is not wanted; 0 = not a word.
 */
static float
clearness_of(const RecoMood *mood, int feature)
{
	float		best = 0;

	if (mood->targets[feature].weight <= 0)
		return 0;
	if (mood->speaker[feature] < 0)
		return 1;
	for (int i = 0; i < mood->nphrases; i++)
	{
		const RecoPhrase *phrase = &mood->phrases[i];

		if (phrase->understood && !phrase->negated &&
			phrase->word + phrase->nwords - 1 == mood->speaker[feature])
			best = fmaxf(best, phrase->tightness);
	}
	return best;
}

/* Mixes two ranges, 'own' being the share of the first: as wide as both are together. */
static void
merge_target(RecoTarget *target, const RecoTarget *said, float own)
{
	float		share = target->weight > 0 ? own : 0;
	float		mean = share * target->mean + (1 - share) * said->mean;
	float		apart = target->mean - said->mean;
	float variance = share * target->sd * target->sd + (1 - share) * said->sd * said->sd +
		share * (1 - share) * apart * apart;

	target->mean = mean;
	target->sd = sqrtf(variance);
	target->weight =
		fmaxf(share * target->weight, (1 - share) * MODEL_WEIGHT * said->weight);
}

/* Takes regions and themes about which the prompt says nothing itself. */
static void
take_facets(RecoMood *mood, const RecoModelAnswer *answer)
{
	uint16_t	said = mood->asked | mood->excluded;

	mood->asked |= (uint16_t) (answer->preferred & ~said);
	mood->excluded |= (uint16_t) (answer->excluded & ~said);
}

/* Does a genre hold a word that the prompt does not want? ASCII letters only differ. */
static bool
is_ruled_out(const RecoMood *mood, const char *genre)
{
	for (int i = 0; i < mood->nphrases; i++)
	{
		const RecoPhrase *phrase = &mood->phrases[i];
		size_t		len = strlen(phrase->stem);

		if (!phrase->negated || phrase->nwords != 1)
			continue;
		for (const char *at = genre; *at != '\0'; at++)
		{
			size_t		n = 0;

			if (at > genre && at[-1] != ' ' && at[-1] != '-')
				continue;
			while (n < len && at[n] != '\0' &&
				   (at[n] >= 'A' && at[n] <= 'Z' ? at[n] + 0x20 : at[n]) ==
					   phrase->stem[n])
				n++;
			if (n == len)
				return true;
		}
	}
	return false;
}

static void
take_genres(RecoMood *mood, const RecoModelAnswer *answer)
{
	mood->ngenres = 0;
	for (int i = 0; i < answer->ngenres && mood->ngenres < RECO_MOOD_MAXGENRES; i++)
		if (!is_ruled_out(mood, answer->genres[i]))
			strcpy(mood->genres[mood->ngenres++].name, answer->genres[i]);
}
