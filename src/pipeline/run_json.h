/*-------------------------------------------------------------------------
 *
 * run_json.h
 *	  A run's record as JSON text.
 *
 * Purpose: mood, tracks, quality and timings as documents.
 * Runs in: a backend.
 * Locks:	none.
 * Never:	write a number that is not finite.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_RUN_JSON_H
#define RECO_RUN_JSON_H

#include "compat.h"

#include "run.h"

extern char *reco_run_json(const RecoRun *run);
extern char *reco_mood_json(const RecoRun *run);
extern char *reco_parts_json(const RecoCandidate *candidate);

#endif							/* RECO_RUN_JSON_H */
