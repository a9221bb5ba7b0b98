/*-------------------------------------------------------------------------
 *
 * remote.h
 *	  Questions to services, through the gateway.
 *
 * Purpose: submit any number of questions, wait for all of them at one point, and
 *			get a value or an outcome for each key.
 * Runs in: any process with a database; asking needs a transaction, waiting none.
 * Locks:	none.
 * Never:	leave a slot behind: what an ERROR interrupts is given back with the
 *			memory context.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_REMOTE_H
#define RECO_REMOTE_H

#include "compat.h"

#include "origin.h"
#include "server.h"
#include "shmem/slot.h"
#include "shmem/wire.h"
#include "trace.h"

/* What became of one key; lives as long as its RecoRemote. */
typedef struct RecoRemoteValue
{
	RecoOutcome outcome;
	RecoOrigin	origin;			/* live, cached or stale; of a fresh or absent one */
	const char *json;			/* in the database's encoding; NULL unless fresh */
	const char *message;		/* the service's words, or ours; NULL = none */
	int64		retry_at;		/* monotonic us; 0 = not known; or RECO_REMOTE_NEVER */
	bool		pending;		/* it is under way */
	bool		unasked;		/* nobody knows, and nobody was asked */
} RecoRemoteValue;

/* As 'retry_at': the question itself is refused, now and whenever it is asked. */
#define RECO_REMOTE_NEVER	RECO_WIRE_NEVER

typedef struct RecoRemote RecoRemote;

/* Can anything be asked at all: preloaded, and not switched off? Costs nothing. */
extern bool reco_remote_is_on(void);

/* Lives in a child of the current context. */
extern RecoRemote *reco_remote_open(void);

/* Where its questions are told one by one; nowhere, unless this is called first. */
extern void reco_remote_trace(RecoRemote *remote, RecoTraces *traces);
extern void reco_remote_end_traces(RecoRemote *remote); /* of what is under way */

/*
 * Submits a question and returns its number. Never waits; what cannot be asked has
 * its outcome at once. Keys are told apart by the callee: the same one twice is
 * asked once. 'deadline' is in monotonic us.
 */
extern int	reco_remote_ask(RecoRemote *remote, const RecoServer *server,
						   RecoOperation operation, const char *const *keys, int nkeys,
						   RecoPriority priority, int64 deadline);

/*
 * The same, of an operation of a listener's, with the listener's token. Whoever is not
 * connected at this server is unconfigured.
 */
extern int	reco_remote_ask_listener(RecoRemote *remote, const RecoServer *server,
									RecoOperation operation, const char *user_id,
									const char *const *keys, int nkeys,
									RecoPriority priority, int64 deadline);

/*
 * Waits until all that was asked is answered, or its deadline is over; and a moment
 * longer, until a listener's new token is written.
 */
extern void reco_remote_wait(RecoRemote *remote);

/*
 * For those who ask some of the keys only: puts a question that is answered as far as
 * something is known; with 'again', nothing is, as an earlier look has found. 'user_id'
 * is NULL but for an operation of a listener's. The server must stay.
 */
extern int	reco_remote_look(RecoRemote *remote, const RecoServer *server,
							RecoOperation operation, const char *user_id,
							const char *const *keys, int nkeys, bool again);

/*
 * Sends the first keys of such a question that nobody here knows, then those of which
 * something old is known: so many in all. Returns how many were sent.
 */
extern int	reco_remote_send(RecoRemote *remote, int question, int most,
							RecoPriority priority, int64 deadline);

/*
 * Has keys of such a question asked for again: those of which something old is known;
 * with 'all', then those that nobody here knows. So many at most; nobody waits for them,
 * the answers are kept. Not for what is a listener's. Returns how many these are.
 */
extern int	reco_remote_refresh(RecoRemote *remote, int question, bool all, int most);

/*
 * Waits until something more is answered, or its deadline is over, or until then; false =
 * nothing is under way. And takes what came; returns how many requests ended.
 */
extern bool reco_remote_wait_any(RecoRemote *remote, int64 until);
extern int	reco_remote_collect(RecoRemote *remote);
extern bool reco_remote_is_busy(const RecoRemote *remote);

/* Reads what has come so far of what is still under way. */
extern void reco_remote_peek(RecoRemote *remote);

/* Waits a moment until a listener's new token, or a used-up quota, is written, if one
 * shall be. */
extern bool reco_remote_owes(const RecoRemote *remote);
extern void reco_remote_wait_for_keeper(RecoRemote *remote, int64 until);

/* A key as services see it: in UTF-8, in the current context. */
extern char *reco_remote_key(const char *key);

/* A text of shared memory (UTF-8, as far as it is sound) in the database's encoding. */
extern char *reco_remote_text(const char *text);

/* What became of a question's key; after the wait. */
extern const RecoRemoteValue *reco_remote_value(const RecoRemote *remote, int question,
												int key);

/* Why nothing of a question could be sent; NULL = it was. */
extern const RecoProblem *reco_remote_problem(const RecoRemote *remote, int question);

extern void reco_remote_close(RecoRemote *remote);

#endif							/* RECO_REMOTE_H */
