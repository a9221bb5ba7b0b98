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
#include "shmem/wire.h"

/* One question of a run: keys of one operation that were put together. */
typedef struct RecoCallTrace
{
	RecoOperation operation;
	const char *server;			/* its name */
	int			keys;			/* that were put, and known or asked for */
	int			kept;			/* ... of which the buffer or a table answered */
	int			missing;		/* ... that the registry knows to be missing */
	int			denied;			/* ... that the deny list holds back */
	int			calls;			/* HTTP requests that this question took part in */
	int			again;			/* ... that an earlier question of the run did, too */
	int			shared;			/* ... that others waited for, too */
	int			call_keys;		/* keys of all askers in these requests */
	int			failed;			/* keys without an answer, and ... */
	RecoOutcome outcome;		/* ... why: that of the last of them; fresh = all came */
	int64		start_us;		/* monotonic; in a run's record, since that began */
	int64		us;				/* until the last answer was there, or time was over */
	int64		queued_us;		/* of the slowest key: until its request was sent, */
	int64		limited_us;		/* but held back by a limit, a pause or a token, */
	int64		network_us;		/* under way, */
	int64		parsed_us;		/* and read */
	int			prompt_tokens;	/* of language models, that this question cost */
	int			completion_tokens;
	double		cost;			/* of these, by the server's prices; 0 = none are set */
} RecoCallTrace;

#define RECO_TRACE_MOST		100 /* questions of a run that are told one by one */

/* All of a run's. */
typedef struct RecoTraces RecoTraces;

extern RecoTraces *reco_traces_open(MemoryContext context);

/* All questions, at a run's end: what is under way then has taken until then. */
extern const RecoCallTrace *reco_traces_list(RecoTraces *traces, int *n);

/* Notes a question and returns its number; -1 = there are too many, or no traces. */
extern int	reco_traces_put(RecoTraces *traces, const char *server,
						   RecoOperation operation);

/* So many of its keys are asked for. */
extern void reco_traces_sent(RecoTraces *traces, int number, int keys);

/* One of them, to be filled in; NULL for -1. Valid until the next is put. */
extern RecoCallTrace *reco_traces_at(RecoTraces *traces, int number);

/* Takes in what the gateway tells of a question. */
extern void reco_traces_take(RecoTraces *traces, int number, const RecoWireTrace *told);

/* What came of a key. Of a model's answer tokens are counted, at the server's prices. */
extern void reco_traces_answer(RecoTraces *traces, int number, RecoOutcome outcome,
							   const char *json, const RecoOptions *options);

/* All there will be of keys that were asked for together was taken. */
extern void reco_traces_end(RecoTraces *traces, int number);

#endif							/* RECO_TRACE_H */
