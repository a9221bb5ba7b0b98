/*-------------------------------------------------------------------------
 *
 * job_ahead.c
 *	  Jobs that nobody waits for: completion, refresh, prefetch, hydration.
 *
 * Purpose: see job_ahead.h.
 * Runs in: a job worker, in a transaction.
 * Locks:	see pipeline/ahead.h and pipeline/result.h.
 * Never:	leave a record of a run that nobody asked for.
 *
 *-------------------------------------------------------------------------
 */
#include "job_ahead.h"

#include "pipeline/ahead.h"
#include "pipeline/request_options.h"
#include "pipeline/result.h"
#include "pipeline/result_rows.h"
#include "utils/jsonb.h"

static RecoRequest *plain_request(RecoJobWork *work);

RecoRun *
reco_job_make_anew(RecoJobWork *work)
{
	RecoRequest *request = reco_job_request(work);

	request->ahead = strcmp(work->kind->name, "generate") != 0;
	return reco_result_make(request, work->context, &reco_result_rows, reco_job_pause,
							work);
}

/* A request of the listener, for nothing in particular. */
static RecoRequest *
plain_request(RecoJobWork *work)
{
	RecoRequest *request = reco_request_new();

	request->user_id = work->job->user_id;
	request->prompt = "";
	request->deadline_ms = reco_ahead_deadline();
	reco_job_attach(work, request);
	return request;
}

RecoRun *
reco_job_prefetch(RecoJobWork *work)
{
	reco_ahead_prefetch(plain_request(work), work->context, reco_job_pause, work);
	return NULL;
}

/* Ids among the arguments. */
static const char **
read_ids(const RecoJob *job, const char *name, int *n)
{
	JsonbValue *value = getKeyJsonValueFromContainer(&job->arguments->root, name,
													 (int) strlen(name), NULL);
	JsonbContainer *list = value != NULL && value->type == jbvBinary &&
			JsonContainerIsArray(value->val.binary.data)
		? value->val.binary.data
		: NULL;
	int			nall = list == NULL ? 0 : JsonContainerSize(list);
	const char **ids = palloc(sizeof(char *) * Max(nall, 1));

	*n = 0;
	for (int i = 0; i < nall; i++)
	{
		JsonbValue *id = getIthJsonbValueFromContainer(list, i);

		if (id != NULL && id->type == jbvString)
			ids[(*n)++] = pnstrdup(id->val.string.val, id->val.string.len);
	}
	return ids;
}

RecoRun *
reco_job_hydrate(RecoJobWork *work)
{
	int			nids;
	int			nunmeasured;
	const char **ids = read_ids(work->job, "facts", &nids);
	const char **unmeasured = read_ids(work->job, "features", &nunmeasured);

	reco_ahead_hydrate(plain_request(work), ids, nids, unmeasured, nunmeasured,
					   work->context, reco_job_pause, work);
	return NULL;
}
