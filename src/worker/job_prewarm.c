/*-------------------------------------------------------------------------
 *
 * job_prewarm.c
 *	  A job that makes a list which is likely to be asked for.
 *
 * Purpose: make a predicted list within the budget of its hour, unless one is kept that
 *			lasts through it; note what it cost.
 * Runs in: a job worker, with the rights of the role that asked the question last.
 * Locks:	those of store/prewarm.h, given back before the run begins.
 * Never:	ask a service for more than what was taken of the budget; make a list for an
 *			hour that is over.
 *
 *-------------------------------------------------------------------------
 */
#include "job_kind.h"

#include "guc.h"
#include "pipeline/ahead.h"
#include "pipeline/request_options.h"
#include "pipeline/result.h"
#include "pipeline/result_rows.h"
#include "session.h"
#include "store/prewarm.h"
#include "utils/timestamp.h"

#define DEADLINE_MS		60000	/* nobody waits */
#define TRY_MS			100
#define MOST_TRIES		50

/* Which prediction it is about. */
typedef struct Prediction
{
	TimestampTz hour;
	const char *key;
} Prediction;

/* Reads it from the arguments, as reco_prewarm() writes them. */
static Prediction
read_prediction(const RecoJob *job)
{
	const char *hour = reco_job_text(job, "hour");
	Prediction	prediction = {0, reco_job_text(job, "key")};

	if (hour == NULL || prediction.key == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("job " INT64_FORMAT " tells no hour", job->job_id),
				 errhint("Table reco.job is written by functions only.")));
	else
		prediction.hour = (TimestampTz) strtoll(hour, NULL, 10);
	return prediction;
}

/* Waits a moment, as somebody has the row locked; false = for long enough. */
static bool
wait_for_row(RecoJobWork *work, int *tries)
{
	static uint32 wait_event = 0;

	if (++*tries > MOST_TRIES)
		return false;
	reco_job_pause(work, RECO_PAUSE_LEAVE);
	(void) reco_session_wait(TRY_MS, reco_wait_event(&wait_event, "RecoJobMain"));
	reco_job_pause(work, RECO_PAUSE_ENTER);
	return true;
}

/* Takes a part of the budget; 0 = there is not enough left, or none is needed. */
static int
take(RecoJobWork *work, const Prediction *prediction, RecoRequest *request)
{
	const RecoJob *job = work->job;
	TimestampTz end = prediction->hour + USECS_PER_HOUR;
	bool		needed = GetCurrentTimestamp() < end &&
		(prediction->key[0] == '\0' || !reco_result_holds(request, end));
	int			taken;
	int			tries = 0;

	do
	{
		/* what an earlier attempt took, it may have spent */
		taken = reco_prewarm_take(prediction->hour, job->user_id, prediction->key,
								  reco_guc_prewarm_budget,
								  needed ? reco_guc_most_calls() : 0, job->attempts > 1);
	} while (taken < 0 && wait_for_row(work, &tries));
	return Max(taken, 0);
}

/* What the run is asked for: the question, or the listener without one. */
static RecoRequest *
read_request(RecoJobWork *work, const Prediction *prediction)
{
	RecoRequest *request;

	if (prediction->key[0] != '\0')
		request = reco_job_request(work);
	else
	{
		request = reco_request_new();
		request->user_id = work->job->user_id;
		request->prompt = "";
		reco_job_attach(work, request);
	}
	request->ahead = true;
	request->deadline_ms = DEADLINE_MS;
	request->keep_until = prediction->hour + USECS_PER_HOUR;
	return request;
}

/* Makes the list, or asks what any list of the listener would. */
RecoRun *
reco_job_prewarm(RecoJobWork *work)
{
	const RecoJob *job = work->job;
	Prediction	prediction = read_prediction(job);
	RecoRequest *request = read_request(work, &prediction);
	RecoRun    *run;
	int			tries = 0;

	request->most_calls = take(work, &prediction, request);
	if (request->most_calls == 0)
		return NULL;

	/* what a transaction sees that has written is not published */
	reco_job_pause(work, RECO_PAUSE_PASS);
	if (prediction.key[0] == '\0')
	{
		/* what was taken counts as spent */
		reco_ahead_prefetch(request, work->context, reco_job_pause, work);
		return NULL;
	}
	run =
		reco_result_make(request, work->context, &reco_result_rows, reco_job_pause, work);
	while (!reco_prewarm_made(prediction.hour, job->user_id, prediction.key,
							  run->published ? run->run_id : 0, request->most_calls,
							  reco_source_spent(run->source)) &&
		   wait_for_row(work, &tries))
		;
	return run;
}
