/*-------------------------------------------------------------------------
 *
 * job_warm.c
 *	  Jobs of kind "warm": the candidates of a popular mood.
 *
 * Purpose: see job_warm.h.
 * Runs in: a job worker.
 * Locks:	none.
 * Never:	keep what somebody who asks would not get.
 *
 *-------------------------------------------------------------------------
 */
#include "job_warm.h"

#include "pipeline/popular.h"

/* Finds candidates, and keeps them. */
RecoRun *
reco_job_warm(RecoJobWork *work)
{
	RecoRequest *request = reco_job_request(work);

	request->ahead = true;
	return reco_popular_make(request, work->context, reco_job_pause, work);
}
