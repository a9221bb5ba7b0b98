/*-------------------------------------------------------------------------
 *
 * mood.c
 *	  What a prompt means: weighing what the lexicon says.
 *
 * Purpose: every phrase that the lexicon knows adds its evidence; a target is
 *			the mean of the evidence, weighted by how rare the phrase is and how
 *			tight it is in that feature. Nobody is the last writer.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	let a phrase without evidence touch a target.
 *
 *-------------------------------------------------------------------------
 */
#include "mood.h"

#include <math.h>
#include <string.h>

#define RARITY_POWER	0.75	/* of log(tracks in all / tracks with the phrase) */
#define UNSEEN_TRACKS	3		/* what a phrase without evidence counts */
#define NEGATED_WEIGHT	0.7		/* "not sad" says less than "happy" */
#define VERY_SHIFT		0.25	/* "very" moves a mean this much further out */
#define FULL_TIGHTNESS	0.4		/* divergence from which a phrase is quite clear */
#define FULL_LESSON		0.35	/* weight of a model's target that all answers give */
#define HIGH_ENERGY		0.7
#define LOW_ENERGY		0.42
#define HIGH_VALENCE	0.55
#define LOW_VALENCE		0.43

/* How much a phrase counts among others, by how few tracks carry it. */
static double
rarity(int tracks, int ntracks)
{
	double		share = (double) (ntracks > 0 ? ntracks : 1) /
		(tracks > UNSEEN_TRACKS ? tracks : UNSEEN_TRACKS);

	return pow(log(share > 1.2 ? share : 1.2), RARITY_POWER);
}

/*
 * Turns a range into what it is not: everything on the far side of it, seen from
 * where it lies in the catalogue.
 */
static RecoTarget
complement(const RecoTarget *target, const RecoBackground *background, int column)
{
	RecoTarget	result = *target;
	double		mean0 = background->mean[column];
	double		sd0 = background->sd[column];

	if (target->mean > mean0)
		result.mean = (float) fmin(target->mean - target->sd - sd0, mean0);
	else
		result.mean = (float) fmax(target->mean + target->sd + sd0, mean0);
	result.sd = (float) sd0;
	result.weight *= NEGATED_WEIGHT;
	return result;
}

/*
 * A row's target. Where the answers of models contradict each other it is wider than the
 * catalogue, which says nothing, and not that the rare is wanted.
 */
static RecoTarget
target_of(const RecoMoodEvidence *evidence, const RecoBackground *background, int column)
{
	RecoTarget	target = evidence->targets[column];

	if (evidence->answers > 0)
		target.sd = fminf(target.sd, background->sd[column]);
	return target;
}

/* Sums of weighted evidence for one feature. */
typedef struct Sums
{
	double		weight;
	double		mean;
	double		variance;
	double		strength;
	double		loudest;		/* the most that one phrase adds */
	int			speaker;		/* and the word that it is about */
} Sums;

/* Adds what one row of the lexicon says, as the prompt says it. */
static void
add_evidence(const RecoPhrase *phrase, const RecoMoodEvidence *evidence,
			 const RecoBackground *background, double rare, Sums *sums)
{
	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		RecoTarget	target = target_of(evidence, background, f);
		double		weight;

		if (target.weight <= 0)
			continue;
		if (phrase->negated)
			target = complement(&target, background, f);
		else if (phrase->degree > 1)
			target.mean += (float) VERY_SHIFT * (target.mean - background->mean[f]);
		target.mean = reco_fit_clamp(f, target.mean);
		weight = rare * phrase->degree * target.weight *
			(0.02 + fmin(reco_fit_tightness(&target, background, f), 2));
		sums[f].weight += weight;
		sums[f].mean += weight * target.mean;
		sums[f].variance += weight * target.sd * target.sd;
		sums[f].strength += weight * target.weight;
		if (weight > sums[f].loudest)
		{
			sums[f].loudest = weight;
			sums[f].speaker = phrase->negated ? -1 : phrase->word + phrase->nwords - 1;
		}
	}
}

/* How clear the lexicon is about a phrase. */
double
reco_mood_clearness(const RecoMoodEvidence *evidence, const RecoBackground *background)
{
	double		most = 0;

	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		RecoTarget	target = target_of(evidence, background, f);
		double		clear;

		if (target.weight <= 0)
			continue;
		clear = fmin(reco_fit_tightness(&target, background, f) / FULL_TIGHTNESS, 1);

		/* of a model's answers some may not speak of it */
		if (evidence->answers > 0)
			clear *= fmin(target.weight / FULL_LESSON, 1);
		most = fmax(most, clear);
	}

	/* what a model said of other prompts is the surer the more often it said so */
	if (evidence->answers > 0)
		most *= (evidence->answers + 1.0) / (evidence->answers + 2.0);
	return most;
}

/*
 * Makes label weights of rarities. What is not wanted has none, nor have two words that
 * say nothing together: which words happen to be neighbours must not matter.
 */
static void
weigh_labels(RecoMood *mood, int ntracks)
{
	double		total = 0;

	for (int i = 0; i < mood->nphrases; i++)
	{
		RecoPhrase *phrase = &mood->phrases[i];

		phrase->weight = phrase->negated || (phrase->nwords > 1 && !phrase->understood)
			? 0
			: (float) (rarity(phrase->tracks, ntracks) * phrase->degree);
		total += phrase->weight;
	}
	for (int i = 0; i < mood->nphrases && total > 0; i++)
		mood->phrases[i].weight /= (float) total;
}

/*
 * Confidence: the share of words that carry a meaning and were understood,
 * weighted by how clear the evidence is; words of mentions count in full.
 */
static double
confidence(const RecoMood *mood)
{
	double		understood = 0;
	int			content = 0;

	for (int i = 0; i < mood->nphrases; i++)
	{
		const RecoPhrase *phrase = &mood->phrases[i];
		double		best = phrase->understood ? phrase->tightness : 0;

		if (phrase->nwords != 1)
			continue;

		/* a word is understood, too, as half of two */
		for (int j = 0; j < mood->nphrases; j++)
		{
			const RecoPhrase *pair = &mood->phrases[j];

			if (pair->nwords > 1 && pair->understood && phrase->word >= pair->word &&
				phrase->word < pair->word + pair->nwords)
				best = fmax(best, pair->tightness);
		}
		understood += best;
		content++;
	}
	for (int i = 0; i < mood->nmentions; i++)
	{
		if (!mood->mentions[i].resolved)
			continue;
		understood += mood->mentions[i].nwords;
		content += mood->mentions[i].nwords;
	}
	if (mood->era_from > 0 || mood->era_to > 0)
	{
		understood++;
		content++;
	}
	return content > 0 ? understood / content : 0;
}

/* Weighs the evidence into targets. */
void
reco_mood_weigh(RecoMood *mood, const RecoMoodEvidence *evidence, int nevidence,
				const RecoBackground *background, int ntracks)
{
	Sums		sums[RECO_NCOLUMNS];

	memset(sums, 0, sizeof(sums));
	for (int i = 0; i < mood->nphrases; i++)
	{
		RecoPhrase *phrase = &mood->phrases[i];

		for (int e = 0; e < nevidence; e++)
		{
			if (strcmp(evidence[e].stem, phrase->stem) != 0)
				continue;
			phrase->understood = true;
			phrase->genre |= evidence[e].genre;
			phrase->tightness =
				(float) fmax(phrase->tightness,
							 reco_mood_clearness(&evidence[e], background));
			if (evidence[e].learned)
				phrase->tracks = evidence[e].tracks;

			/* a list without a genre is not a list of that genre's opposite */
			if (phrase->negated && evidence[e].learned)
				continue;
			mood->learned |= evidence[e].learned || evidence[e].answers > 0;
			add_evidence(phrase, &evidence[e], background,
						 rarity(evidence[e].tracks, ntracks), sums);
		}
	}
	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		mood->speaker[f] = -1;
		if (sums[f].weight <= 0 || mood->targets[f].weight > 0)
			continue;			/* nothing said, or said outright ("170 bpm") */
		mood->speaker[f] = sums[f].speaker;
		mood->targets[f].mean = (float) (sums[f].mean / sums[f].weight);
		mood->targets[f].sd = (float) sqrt(sums[f].variance / sums[f].weight);
		mood->targets[f].weight = (float) (sums[f].strength / sums[f].weight);
	}
	weigh_labels(mood, ntracks);
	mood->confidence = (float) confidence(mood);
	reco_mood_label(mood);
}

/* Sets level and emotion by the targets. */
void
reco_mood_label(RecoMood *mood)
{
	if (mood->targets[RECO_ENERGY].weight > 0)
		mood->energy_level = mood->targets[RECO_ENERGY].mean > HIGH_ENERGY
			? RECO_LEVEL_HIGH
			: mood->targets[RECO_ENERGY].mean < LOW_ENERGY ? RECO_LEVEL_LOW
														   : RECO_LEVEL_MEDIUM;
	if (mood->targets[RECO_VALENCE].weight > 0)
		mood->emotion = mood->targets[RECO_VALENCE].mean > HIGH_VALENCE
			? RECO_EMOTION_POSITIVE
			: mood->targets[RECO_VALENCE].mean < LOW_VALENCE ? RECO_EMOTION_NEGATIVE
															 : RECO_EMOTION_NEUTRAL;
}

/* Takes the words of resolved mentions out of the phrases. */
void
reco_mood_drop_mentions(RecoMood *mood)
{
	int			kept = 0;

	for (int i = 0; i < mood->nphrases; i++)
	{
		const RecoPhrase *phrase = &mood->phrases[i];
		bool		mentioned = false;

		for (int m = 0; m < mood->nmentions; m++)
		{
			const RecoMention *mention = &mood->mentions[m];

			mentioned |= mention->resolved &&
				phrase->word < mention->word + mention->nwords &&
				phrase->word + phrase->nwords > mention->word;
		}
		if (!mentioned)
			mood->phrases[kept++] = *phrase;
	}
	mood->nphrases = kept;
}

const char *
reco_mood_emotion_name(RecoEmotion emotion)
{
	static const char *const names[] = {"neutral", "positive", "negative"};

	return names[emotion];
}

const char *
reco_mood_level_name(RecoLevel level)
{
	static const char *const names[] = {"medium", "low", "high"};

	return names[level];
}
