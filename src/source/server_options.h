/*-------------------------------------------------------------------------
 *
 * server_options.h
 *	  The options of servers and user mappings of wrapper reco_upstream.
 *
 * Purpose: one table of options, for the validator that checks them and for
 *			whoever reads them.
 * Runs in: a backend.
 * Locks:	none.
 * Never:	repeat an option's value in a message: it may hold a secret.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_SERVER_OPTIONS_H
#define RECO_SERVER_OPTIONS_H

#include "compat.h"

#include "nodes/pg_list.h"
#include "secret.h"
#include "upstream/service.h"

typedef struct RecoServerOptions
{
	RecoOptions options;
	bool		enabled;
} RecoServerOptions;

/*
 * Reads a server's options (DefElems), with the service's defaults for the rest;
 * strings are in the current context. False, and why, where one is wrong: what the
 * catalogue has may be older than the rules, or put there by hand. The kind is
 * RECO_NSERVICES then where it is not known.
 */
extern bool reco_server_read_options(List *options, RecoServerOptions *result,
									 RecoProblem *problem);

/*
 * Checks the options of CREATE and ALTER SERVER: ERROR with a hint where one is wrong,
 * where the current user may not set it, or where the addresses must not lead.
 */
extern void reco_server_check_options(List *options);

/* Does a URL's host, as written, stand for this very machine? */
extern bool reco_server_is_loopback(const char *url);

/* Checks a user mapping's options; their server's kind is not known here. */
extern void reco_mapping_check_options(List *options);

/* Longest secret; what is longer than this is no key of anybody. */
#define RECO_SECRET_MAX		2048

/* Is a text fit to be sent as a secret: printable ASCII, no spaces, not empty? */
extern bool reco_secret_is_sound(const char *secret);

#endif							/* RECO_SERVER_OPTIONS_H */
