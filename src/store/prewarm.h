/*-------------------------------------------------------------------------
 *
 * prewarm.h
 *	  reco.prewarm: what will be asked in an hour, and what became of that.
 *
 * Purpose: predict from what is on record who asks for what; share the budget of calls
 *			out; note which lists were made, and which predictions came true.
 * Runs in: a backend that predicts; job workers that make the lists.
 * Locks:	those of its statements; and one of our own while a job worker takes its part
 *			of the budget, for that transaction.
 * Never:	let lists of one hour cost more calls than its budget; wait for a row that
 *			somebody's transaction has locked.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_STORE_PREWARM_H
#define RECO_STORE_PREWARM_H

#include "compat.h"

#include "utils/jsonb.h"
#include "utils/timestamp.h"

/* Calls that are promised to the facts of a listener, whatever is asked. */
#define RECO_PREWARM_LISTENER	4

/* One prediction. */
typedef struct RecoPrewarmRow
{
	const char *user_id;
	const char *key;			/* of the question; "" = the listener, whatever is asked */
	Oid			role;			/* that asked last */
	Jsonb	   *arguments;		/* of a job; NULL for a listener */
	int			expected;		/* calls of services */
	int64		job_id;			/* 0 = none was queued */
} RecoPrewarmRow;

/*
 * Predicts an hour, which begins at 'hour'; 'unknown' calls are expected of a question of
 * which nothing is known. Of what was predicted before for this hour nothing changes.
 */
extern void reco_prewarm_predict(TimestampTz hour, int budget, int unknown);

/* The predictions for an hour without a job, likeliest first, in the current context. */
extern RecoPrewarmRow *reco_prewarm_open(TimestampTz hour, int *nrows);

/* How many calls are spent or promised around an hour. */
extern int	reco_prewarm_promised(TimestampTz hour);

/* Notes the jobs of predictions, which promises what they are expected to cost. */
extern void reco_prewarm_queued(TimestampTz hour, const RecoPrewarmRow *rows, int nrows);

/*
 * Takes up to 'most' calls of the budget for a list that is about to be made; what an
 * attempt before took, and did not say what became of, is spent. Returns how many; 0 =
 * there are too few, -1 = somebody has the row locked, or it is gone.
 */
extern int	reco_prewarm_take(TimestampTz hour, const char *user_id, const char *key,
							 int budget, int most);

/*
 * Notes what became of it: its run, and how many of the calls were spent. False =
 * somebody has the row locked, or it is gone.
 */
extern bool reco_prewarm_made(TimestampTz hour, const char *user_id, const char *key,
							  int64 run_id, int taken, int spent);

/* Notes which predictions came true, of hours that were not over when last looked at. */
extern void reco_prewarm_judge(double hit_ms);

/* Deletes hours before a time, and the oldest ones of more than 'rows' predictions. */
extern void reco_prewarm_trim(TimestampTz before, int64 rows);

#endif							/* RECO_STORE_PREWARM_H */
