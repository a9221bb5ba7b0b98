/*-------------------------------------------------------------------------
 *
 * trace.h
 *	  What a run's questions to services took, one by one.
 *
 * Purpose: the rows of an explanation's waterfall: each call that a run took part in,
 *			and where its time went.
 * Runs in: any process with a database.
 * Locks:	none.
 * Never:	hold a key, a secret, or a service's content.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_TRACE_H
#define RECO_TRACE_H

#include "compat.h"

#include "origin.h"
#include "upstream/service.h"

/* One question of a run: keys of one operation that were put together. */
typedef struct RecoCallTrace
{
	RecoOperation operation;
	const char *server;			/* its name */
	int			keys;			/* that were put */
	int			kept;			/* ... of which the buffer or a table answered */
	int			missing;		/* ... that the registry knows to be missing */
	int			denied;			/* ... that the deny list holds back */
	int			calls;			/* HTTP requests that this question took part in */
	int			shared;			/* ... that others asked for, too */
	int			call_keys;		/* keys of all askers in these requests */
	int			failed;			/* keys without an answer, and ... */
	RecoOutcome outcome;		/* ... why: that of the last of them; fresh = all came */
	int64		start_us;		/* since the run began */
	int64		us;				/* until the last answer was taken, or time was over */
	int64		queued_us;		/* of the slowest request: until somebody looked at it, */
	int64		limited_us;		/* held back by a limit, a pause or a token, */
	int64		network_us;		/* under way, */
	int64		parsed_us;		/* and read */
	int			prompt_tokens;	/* of language models */
	int			completion_tokens;
} RecoCallTrace;

#endif							/* RECO_TRACE_H */
