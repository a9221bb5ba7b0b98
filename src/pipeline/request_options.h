/*-------------------------------------------------------------------------
 *
 * request_options.h
 *	  From the options document to a request.
 *
 * Purpose: check the options of a call, or of a job, with errors that tell what to do.
 * Runs in: any process with a database.
 * Locks:	none.
 * Never:	ignore an option that it does not know.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_REQUEST_OPTIONS_H
#define RECO_REQUEST_OPTIONS_H

#include "compat.h"

#include "request.h"
#include "utils/jsonb.h"

/* A request with everything at its default, for nobody, without a prompt; palloc'd. */
extern RecoRequest *reco_request_new(void);

/* Reads the options document into a request; it has to stay. */
extern void reco_request_read_options(Jsonb *options, RecoRequest *request);

/* What a job worker needs to make the request again, but for the listener: JSON. */
extern char *reco_request_arguments(const RecoRequest *request);

#endif							/* RECO_REQUEST_OPTIONS_H */
