/*-------------------------------------------------------------------------
 *
 * options.h
 *	  From SQL arguments to a request.
 *
 * Purpose: check arguments and the options document, with errors that tell
 *			what to do.
 * Runs in: a backend.
 * Locks:	none.
 * Never:	ignore an option that it does not know.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_OPTIONS_H
#define RECO_OPTIONS_H

#include "compat.h"

#include "datatype/timestamp.h"
#include "pipeline/request.h"

#define RECO_MAX_ID		255		/* bytes of a listener's or track's id */

/* Raises an ERROR on a standby and in a read-only transaction. */
extern void reco_require_writable(const char *function);

/* Raises an ERROR where nobody would ever do a job. */
extern void reco_require_job_workers(const char *function);

/* A text argument that may not be NULL, as a C string. */
extern char *reco_argument_text(FunctionCallInfo fcinfo, int nth, const char *name);

/* The prompt: not NULL, and with something to see in it. */
extern char *reco_argument_prompt(FunctionCallInfo fcinfo, int nth);

/* The listener: '' = anonymous, NULL is an error. */
extern char *reco_argument_user(FunctionCallInfo fcinfo, int nth, bool anonymous);

/* A deadline in milliseconds, at most a day; 30-day months, as elsewhere. */
extern int	reco_argument_deadline(Interval *deadline);

/*
 * Fills a request from (user_id, prompt, size, deadline, options), NULLs of the
 * last three meaning their defaults.
 */
extern RecoRequest *reco_request_from(FunctionCallInfo fcinfo);

/* Likewise from (user_id, prompt, n, options). */
extern RecoRequest *reco_rank_request_from(FunctionCallInfo fcinfo);

#endif							/* RECO_OPTIONS_H */
