/*-------------------------------------------------------------------------
 *
 * job_kind.h
 *	  What kinds of jobs there are, and what those who do them may use.
 *
 * Purpose: a row for each kind: what does it, and how it asks services.
 * Runs in: a job worker, in a transaction with the rights of who queued the job.
 *
 * Who does a kind's work may end the transaction with reco_job_pause, before and after
 * what takes long, and at each call of the seam has to: so nothing of a transaction is
 * held while it waits. It must stop where that raises an ERROR.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_JOB_KIND_H
#define RECO_JOB_KIND_H

#include "compat.h"

#include "pipeline/run.h"
#include "shmem/slot.h"
#include "store/job.h"

typedef struct RecoJobKind RecoJobKind;

/* How far a job came. */
typedef struct RecoJobStep
{
	const char *stage;
	int			percent;
} RecoJobStep;

/* A job under way. */
typedef struct RecoJobWork
{
	const RecoJob *job;
	const RecoJobKind *kind;
	MemoryContext context;		/* the current one; it outlives transactions */
	Oid			extension;
	int64		patience_us;	/* with locked tables, that is left */
	int			percent;
	int			nsteps;			/* that began and are not told */
	RecoJobStep steps[RECO_NSTAGES];
} RecoJobWork;

struct RecoJobKind
{
	const char *name;			/* as in reco.job.kind */
	RecoPriority priority;		/* towards services */

	/*
	 * Does the job, in work->context, which is current on return, in a transaction. Its
	 * run, or NULL: there is none that anyone wants to see.
	 */
	RecoRun    *(*work)(RecoJobWork *work);
	bool		is_recorded;	/* the run's record is kept, with the job's end */
};

/* What does each kind, where that is in a file of its own. */
extern RecoRun *reco_job_prewarm(RecoJobWork *work);

/* NULL = there is no such kind. */
extern const RecoJobKind *reco_job_kind(const char *name);

/* A RecoPauser, of a RecoJobWork: tells how far it is, and ends or begins a transaction. */
extern void reco_job_pause(void *work, RecoPause how);

/*
 * Notes how far it is, in percent, which never fall; told at the next pause. 'stage' is a word of letters,
 * digits and underscores that stays.
 */
extern void reco_job_progress(RecoJobWork *work, const char *stage, int percent);

/*
 * The request among the arguments, as reco_generate_async and others write it, with the
 * kind's priority, and progress that is told.
 */
extern RecoRequest *reco_job_request(RecoJobWork *work);

/* Gives a request of another kind that priority and progress. */
extern void reco_job_attach(RecoJobWork *work, RecoRequest *request);

/* A number among the arguments, and a text; the latter NULL where there is none. */
extern int	reco_job_number(const RecoJob *job, const char *name, int otherwise);
extern char *reco_job_text(const RecoJob *job, const char *name);

#endif							/* RECO_JOB_KIND_H */
