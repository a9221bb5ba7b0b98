/*-------------------------------------------------------------------------
 *
 * model_refine.h
 *	  A mood that a language model helps with.
 *
 * Purpose: add what a model said to what the words of the prompt have left open.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	overrule what the listener wrote.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_MODEL_REFINE_H
#define RECO_MODEL_REFINE_H

#include "model_answer.h"

/*
 * Merges an answer into a mood that was weighed. What the listener's own words decide
 * stays: numbers, negations, years, themes and regions that are asked for or not wanted,
 * and what a clear word says of a feature. Of an unclear word's the model has the more
 * the less clear it is; what no word speaks of is the model's. Genres that the prompt
 * rules out are dropped; whether the catalogue knows the others, and how, is for the
 * caller to find out.
 */
extern void reco_mood_refine(RecoMood *mood, const RecoModelAnswer *answer);

#endif							/* RECO_MODEL_REFINE_H */
