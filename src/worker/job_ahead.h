/*-------------------------------------------------------------------------
 *
 * job_ahead.h
 *	  Jobs that nobody waits for: completion, refresh, prefetch, hydration.
 *
 * Purpose: the work of these kinds, see job_kind.h and pipeline/ahead.h.
 * Runs in: a job worker, in a transaction.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_JOB_AHEAD_H
#define RECO_JOB_AHEAD_H

#include "compat.h"

#include "job_kind.h"

/* Makes the list that the arguments ask for, whatever is kept, for who asks next. */
extern RecoRun *reco_job_make_anew(RecoJobWork *work);

/* Asks what a run of the listener would ask first. */
extern RecoRun *reco_job_prefetch(RecoJobWork *work);

/* Asks for facts of tracks that a list has had without. */
extern RecoRun *reco_job_hydrate(RecoJobWork *work);

#endif							/* RECO_JOB_AHEAD_H */
