/*-------------------------------------------------------------------------
 *
 * deadline.h
 *	  What holds a run to its deadline, whatever does not answer.
 *
 * Purpose: share a run's time out; note what did not answer; say why there is no list.
 * Runs in: wherever a run does.
 * Locks:	none.
 * Never:	let one that does not answer take what others need.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_DEADLINE_H
#define RECO_DEADLINE_H

#include "run.h"

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

/*
 * What of a run's time is kept back for what comes behind the last answer, in us: as long
 * as that took before. A run that is over tells how long it took this time.
 */
extern int64 reco_run_reserve(const RecoRequest *request);
extern void reco_run_note_tail(const RecoRun *run);

/* How long a run may wait for locked tables in all, in us. */
extern int64 reco_run_patience(const RecoRequest *request);

/* Notes which tables could not be read so far; and those that a record names. */
extern void reco_run_note_missed(RecoRun *run);
extern uint32 reco_run_missed_of(JsonbContainer *missing);

/* Writes the names of services that would have told something another time. */
extern void reco_run_put_silent(StringInfo json, const RecoRun *run);

/* Adds a line that tells of tables. */
extern List *reco_run_explain_missed(const RecoRun *run, List *lines);

/*
 * Excludes whom a name is of where that could not be looked up; then a track may be
 * listed whose credit has no such name.
 */
extern void reco_run_exclude_name(RecoRun *run, const char *name);
extern bool reco_run_may_list(const RecoRun *run, const RecoTrack *track);

/* There is nothing to make a list of: raises an ERROR that says why. */
pg_noreturn extern void reco_run_fail(const RecoRun *run);

#endif							/* RECO_DEADLINE_H */
