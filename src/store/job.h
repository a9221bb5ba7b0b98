/*-------------------------------------------------------------------------
 *
 * job.h
 *	  Work that was promised: the table reco.job.
 *
 * Purpose: queue a job, once while it is open; claim the one whose turn it is; note how
 *			far it is and how it ended; give back what died with its worker.
 * Runs in: any process with a database and a transaction.
 * Locks:	row locks, for which nobody waits but who queues the very same job.
 * Never:	let one listener's flood, or what fails, keep another listener's job waiting.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_JOB_H
#define RECO_JOB_H

#include "compat.h"

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

/* The lower, the earlier. */
typedef enum RecoJobPriority
{
	RECO_JOB_ASKED = 1,			/* somebody waits for it */
	RECO_JOB_MENDS,				/* what was asked for, better */
	RECO_JOB_AHEAD				/* nobody asked yet */
} RecoJobPriority;

/* A job that is to be queued. */
typedef struct RecoJobOrder
{
	const char *kind;
	const char *user_id;
	const char *key;			/* what makes it the same job, of a kind and a listener */
	Oid			role;			/* with whose rights; InvalidOid = the current one */
	RecoJobPriority priority;
	Jsonb	   *arguments;
	bool	   *is_new;			/* is told whether it was queued; NULL = never mind */
	TimestampTz run_after;		/* 0 = now */
} RecoJobOrder;

/* The key of a job that is made by what it shall do, and for whom. */
extern char *reco_job_key(Oid role, Jsonb *arguments);

/* Queues a job, or finds the one that is open; its id. */
extern int64 reco_job_queue(const RecoJobOrder *order);

/* A job as others see it; NULLs are what is not known. In the current context. */
typedef struct RecoJobFacts
{
	int64		job_id;
	Oid			role;
	char	   *kind;
	char	   *user_id;
	char	   *state;
	char	   *stage;
	int			percent;
	int			attempts;
	TimestampTz created;
	TimestampTz run_after;
	TimestampTz started;		/* 0 = not yet */
	TimestampTz finished;		/* 0 = not yet */
	int64		run_id;			/* 0 = none */
	char	   *error;
} RecoJobFacts;

/* False = there is no such job. */
extern bool reco_job_read(int64 job_id, RecoJobFacts *facts);

/*
 * Cancels an open job; false = it is none any more. At commit its worker is interrupted.
 */
extern bool reco_job_cancel_open(const RecoJobFacts *job);

/* A claimed job; in the current context. */
typedef struct RecoJob
{
	int64		job_id;
	int64		claim;
	Oid			role;
	char	   *kind;
	char	   *user_id;
	Jsonb	   *arguments;
	int			attempts;		/* with this one */
	int			failures;		/* of them that ended in an error */
} RecoJob;

/* Claims the job whose turn it is; NULL = none is due, or others have them all. */
extern RecoJob *reco_job_claim(int64 claim);

/*
 * Queues again what was claimed by workers that are gone, or by this one, which is at
 * none, 'own_died' by an error that could not be noted. So many deaths end a job; a worker
 * that was told to go, as by a shutdown, died not, and that was no attempt. Returns how
 * many jobs.
 */
extern int64 reco_job_take_over(int64 own, bool own_died, int most_deaths);

/* How many jobs of a priority are queued, as far as so many. */
extern int	reco_job_waiting(RecoJobPriority priority, int most);

/* When the next job is due; 0 = none waits. */
extern TimestampTz reco_job_next_due(void);

/*
 * Notes how far a job is. False = it is this worker's no more: it was cancelled. Unknown,
 * while somebody has the row locked, is true.
 */
extern bool reco_job_note(const RecoJob *job, const char *stage, int percent);

/* How a job, or an attempt at it, ended. */
typedef enum RecoJobEnd
{
	RECO_JOB_DONE = 0,
	RECO_JOB_FAILED,			/* for good */
	RECO_JOB_AGAIN,				/* it failed, and is tried again */
	RECO_JOB_GIVEN_BACK			/* it did not fail, and keeps its turn: in a moment */
} RecoJobEnd;

/*
 * Ends it. False = it is this worker's no more; or, with 'locked', somebody has the row
 * locked. 'run_after' is for the next attempt, or when it may be claimed.
 */
extern bool reco_job_end(const RecoJob *job, RecoJobEnd end, int64 run_id,
						 const char *error, TimestampTz run_after, bool *locked);

/*
 * Tells who listens on reco_progress, at commit. Whoever may connect can listen, so
 * nothing is said but which job it is and how far. Ids are texts: many languages read
 * numbers as of 53 bits. NULL and 0 = not known.
 */
extern void reco_job_tell(int64 job_id, const char *kind, const char *state,
						  const char *stage, int percent, int64 run_id);

/* Deletes what ended before a time, and beyond so many rows; at most so many. */
extern int64 reco_job_trim(TimestampTz before, int64 rows, int64 most);

#endif							/* RECO_JOB_H */
