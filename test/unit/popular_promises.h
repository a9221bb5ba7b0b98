/*-------------------------------------------------------------------------
 *
 * popular_promises.h
 *	  What holds for whatever the reader of a popular mood's text takes.
 *
 * Purpose: one list of promises, for the unit test and for the fuzzer.
 * Runs in: programs of test/unit and test/fuzz.
 * Locks:	none.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TEST_POPULAR_PROMISES_H
#define TEST_POPULAR_PROMISES_H

#include "server.h"

#include "pipeline/popular_text.h"

/* What of a run is written. */
static RecoRun *
run_of(const RecoPopular *popular)
{
	RecoRun    *run = palloc0(sizeof(RecoRun));

	run->run_id = popular->run_id;
	run->started = popular->made_at;
	run->mood = popular->mood;
	run->fit = popular->fit;
	run->ranking.background = &popular->background;
	run->ranking.has_labels = popular->has_labels;
	run->has_words = popular->has_words;
	run->era_from = popular->era_from;
	run->era_to = popular->era_to;
	run->nseeds = popular->nseeds;
	run->seeds = popular->seeds;
	run->ncandidates = popular->ncandidates;
	run->candidates = popular->candidates;
	return run;
}

/* The first promise that is broken; NULL = all hold. */
static const char *
broken_promise(const RecoPopular *popular)
{
	const RecoMood *mood = &popular->mood;

	if (popular->prompt == NULL)
		return "there is a prompt";
	if (popular->ncandidates < 1 || popular->ncandidates > RECO_POPULAR_MOST)
		return "there are candidates, and not too many";
	if (popular->nseeds < 0 || popular->nseeds > RECO_POPULAR_MOST)
		return "there are not too many seeds";
	for (int i = 0; i < popular->nseeds; i++)
		if (popular->seeds[i] == NULL || popular->seeds[i]->track_id == NULL)
			return "a seed is a track";
	for (int i = 0; i < popular->ncandidates; i++)
	{
		if (popular->candidates[i].track == NULL ||
			popular->candidates[i].track->track_id == NULL)
			return "a candidate is a track";
		if (i > 0 && popular->hashes[i - 1] > popular->hashes[i])
			return "hashes ascend";
	}
	if (mood->words == NULL || mood->words->nwords < 0 ||
		mood->words->nwords > RECO_MOOD_MAXWORDS || mood->nphrases < 0 ||
		mood->nphrases > RECO_MOOD_MAXPHRASES || mood->ngenres < 0 ||
		mood->ngenres > RECO_MOOD_MAXGENRES)
		return "a mood is no larger than one may be";
	for (int i = 0; i < mood->words->nwords; i++)
		if (mood->words->words[i].written == NULL || mood->words->words[i].fold == NULL)
			return "a word is written somehow";
	for (int f = 0; f < RECO_NCOLUMNS; f++)
		if (mood->speaker[f] < -1 || mood->speaker[f] >= mood->words->nwords)
			return "a feature's word is one of the words";
	for (int i = 0; i < mood->nphrases; i++)
		if (mood->phrases[i].stem == NULL || mood->phrases[i].word < 0 ||
			mood->phrases[i].nwords < 1 ||
			mood->phrases[i].word + mood->phrases[i].nwords > mood->words->nwords)
			return "a phrase is of the words";
	return NULL;
}

#endif							/* TEST_POPULAR_PROMISES_H */
