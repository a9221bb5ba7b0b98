/*-------------------------------------------------------------------------
 *
 * job_warm.h
 *	  Jobs of kind "warm": the candidates of a popular mood.
 *
 * Purpose: find them, so that whoever asks gets a list of them.
 * Runs in: a job worker.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_JOB_WARM_H
#define RECO_JOB_WARM_H

#include "job_kind.h"

extern RecoRun *reco_job_warm(RecoJobWork *work);

#endif							/* RECO_JOB_WARM_H */
