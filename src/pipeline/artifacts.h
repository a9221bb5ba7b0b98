/*-------------------------------------------------------------------------
 *
 * artifacts.h
 *	  What a run leaves behind for the listener's next one.
 *
 * Purpose: reuse what an earlier run of the same listener was told (names, what the
 *			listener plays, tracks, artists), where the prompt differs a little; tell
 *			which stages ran again, and by what the two moods differ.
 * Runs in: wherever a run does.
 * Locks:	none.
 * Never:	change a list: what is reused is what would be answered again. Share anything
 *			between listeners, databases, or roles that see other services.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_ARTIFACTS_H
#define RECO_ARTIFACTS_H

#include "compat.h"

#include "nodes/pg_list.h"
#include "run.h"

typedef struct RecoArtifacts RecoArtifacts;

/* Opens them for a run whose seam is open; remembers within the run, at least. */
extern void reco_artifacts_open(RecoRun *run);

/* Leaves them for the next run, if everybody sees what this one saw. */
extern void reco_artifacts_publish(const RecoRun *run);

/* Was there an earlier run to reuse? */
extern bool reco_artifacts_found(const RecoRun *run);

/*
 * Notes what is told of that: by what the mood differs from the earlier run's ("" = by
 * nothing; NULL = there is none), and how old that run is.
 */
extern void reco_artifacts_conclude(RecoRun *run);

/* What became of a stage: reused, in part, again; NULL = it asked nothing. */
extern const char *reco_artifacts_stage(const RecoRun *run, RecoStage stage);

/* Adds all that to the lines of an explanation. */
extern List *reco_artifacts_explain(const RecoRun *run, List *lines);

#endif							/* RECO_ARTIFACTS_H */
