/*-------------------------------------------------------------------------
 *
 * options.c
 *	  From SQL arguments to a request.
 *
 * Purpose: see options.h.
 * Runs in: a backend.
 * Locks:	none.
 * Never:	ignore an option that it does not know.
 *
 *-------------------------------------------------------------------------
 */
#include "options.h"

#include <math.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "catalogue/text.h"
#include "guc.h"
#include "miscadmin.h"
#include "pipeline/request_options.h"
#include "shmem/shared.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define DEFAULT_RANKED	500
#define MAX_DEADLINE_MS	(24 * 3600 * 1000)

char *
reco_argument_text(FunctionCallInfo fcinfo, int nth, const char *name)
{
	if (PG_ARGISNULL(nth))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name),
				 errhint("Give a value for argument \"%s\".", name)));
	return text_to_cstring(PG_GETARG_TEXT_PP(nth));
}

char *
reco_argument_user(FunctionCallInfo fcinfo, int nth, bool anonymous)
{
	char	   *user_id;

	if (PG_ARGISNULL(nth))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("user_id must not be null"),
				 anonymous ? errhint("Use '' for an anonymous listener.") : 0));
	user_id = text_to_cstring(PG_GETARG_TEXT_PP(nth));
	if (strlen(user_id) > RECO_MAX_ID && !anonymous)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("user_id must not be longer than %d bytes", RECO_MAX_ID),
				 errhint("Use the id that the application knows the listener by.")));
	if (user_id[0] == '\0' && !anonymous)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("user_id must not be empty"),
				 errhint("An anonymous listener has no history to write to.")));
	return user_id;
}

/* Raises an ERROR where nothing can be written. */
void
reco_require_writable(const char *function)
{
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s cannot run on a hot standby", function),
				 errhint("Call it on the primary server.")));
	if (XactReadOnly)
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("cannot execute %s in a read-only transaction", function),
				 errhint("Begin a READ WRITE transaction.")));
}

/* Raises an ERROR where nobody would ever do a job. */
void
reco_require_job_workers(const char *function)
{
	if (reco_shared == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s needs job workers, and library \"reco\" is not preloaded",
						function),
				 errhint("Add reco to shared_preload_libraries and restart the server; "
						 "reco_generate works without.")));
	if (reco_guc_job_workers == 0 || !reco_guc_keeper)
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s needs job workers, and there shall be none", function),
			 errhint("Set \"%s\" and run SELECT pg_reload_conf(); reco_generate works "
					 "without.",
					 reco_guc_keeper ? "reco.job_workers" : "reco.keeper")));
}

/* Takes the prompt; one without a visible character is an error. */
char *
reco_argument_prompt(FunctionCallInfo fcinfo, int nth)
{
	char	   *prompt = reco_argument_text(fcinfo, nth, "prompt");

	if (reco_text_is_blank(prompt))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("prompt must not be empty"),
				 errhint("Say in a few words what to listen to, for example "
						 "'rainy sunday, calm'.")));
	return prompt;
}

/* A request with everything at its default. */
static RecoRequest *
new_request(FunctionCallInfo fcinfo)
{
	RecoRequest *request = reco_request_new();

	request->user_id = reco_argument_user(fcinfo, 0, true);
	request->prompt = reco_argument_prompt(fcinfo, 1);
	return request;
}

RecoRequest *
reco_request_from(FunctionCallInfo fcinfo)
{
	RecoRequest *request = new_request(fcinfo);

	if (!PG_ARGISNULL(2))
		request->size = PG_GETARG_INT32(2);
	if (request->size < 1 || request->size > RECO_MAX_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("size must be between 1 and %d, not %d", RECO_MAX_SIZE, request->size),
				 errhint("Ask for a list of 1 to %d tracks.", RECO_MAX_SIZE)));
	if (!PG_ARGISNULL(3))
		request->deadline_ms = reco_argument_deadline(PG_GETARG_INTERVAL_P(3));
	if (!PG_ARGISNULL(4))
		reco_request_read_options(PG_GETARG_JSONB_P(4), request);
	return request;
}

RecoRequest *
reco_rank_request_from(FunctionCallInfo fcinfo)
{
	RecoRequest *request = new_request(fcinfo);

	request->ranked = PG_ARGISNULL(2) ? DEFAULT_RANKED : PG_GETARG_INT32(2);
	if (request->ranked < 1 || request->ranked > RECO_MAX_RANKED)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n must be between 1 and %d, not %d", RECO_MAX_RANKED,
						request->ranked),
				 errhint("Ask for as many tracks as you want to see ranked.")));
	if (!PG_ARGISNULL(3))
		reco_request_read_options(PG_GETARG_JSONB_P(3), request);
	return request;
}

/* Reads a deadline, in milliseconds. */
int
reco_argument_deadline(Interval *deadline)
{
	double		ms = (double) deadline->time / 1000 +
		((double) deadline->month * DAYS_PER_MONTH + deadline->day) * 86400000.0;

	if (ms < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("deadline must not be negative"),
				 errhint("Use '0' for what is at hand, or NULL for the setting "
						 "\"reco.deadline\".")));
	return (int) fmin(ms, MAX_DEADLINE_MS);
}
