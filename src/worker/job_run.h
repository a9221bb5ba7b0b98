/*-------------------------------------------------------------------------
 *
 * job_run.h
 *	  One job, done in transactions of its own.
 *
 * Purpose: run a claimed job with the rights of whoever queued it, tell how far it is,
 *			and write what became of it.
 * Runs in: a job worker, outside a transaction.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_JOB_RUN_H
#define RECO_JOB_RUN_H

#include "compat.h"

#include "store/job.h"

/*
 * Does a job. An ERROR is the caller's to recover from, and then to tell what follows
 * from it. 'context' is the current context on return.
 */
extern void reco_job_run(const RecoJob *job, Oid extension, MemoryContext context);

/*
 * After an ERROR in a job: notes what follows. With 'innocent', the job is not to blame.
 * Needs a transaction that the caller begins and commits; false = somebody has the row
 * locked.
 */
extern bool reco_job_failed(const RecoJob *job, const ErrorData *error, bool innocent);

/* Did the last job end because it is this worker's no more, or the extension is not? */
extern bool reco_job_was_taken(void);

#endif							/* RECO_JOB_RUN_H */
