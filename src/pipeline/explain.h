/*-------------------------------------------------------------------------
 *
 * explain.h
 *	  A run told to people: like EXPLAIN ANALYZE.
 *
 * Purpose: stages with time, candidates in and out, what each rule pruned.
 * Runs in: wherever a run does.
 * Locks:	none.
 * Never:	compute anything that the run did not.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_EXPLAIN_H
#define RECO_EXPLAIN_H

#include "run.h"

#include "nodes/pg_list.h"

/* Returns the lines, a list of C strings. */
extern List *reco_explain_lines(const RecoRun *run);

/* explain_calls.c: what services were asked; what stages add up to. */
extern List *reco_explain_calls(const RecoRun *run, List *lines);
extern List *reco_explain_total(const RecoRun *run, List *lines);

/* Says in a few words what a mood means: "low energy, negative; 60..100 BPM". */
extern char *reco_explain_mood(const RecoMood *mood);

#endif							/* RECO_EXPLAIN_H */
