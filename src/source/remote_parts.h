/*-------------------------------------------------------------------------
 *
 * remote_parts.h
 *	  The inner parts of remote.c.
 *
 * Purpose: what remote.c and its parts share; nobody else includes it.
 * Runs in: any process with a database; asking needs a transaction, waiting none.
 * Locks:	none.
 * Never:	hold SPI, a snapshot or a pin of our own while waiting.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_REMOTE_PARTS_H
#define RECO_REMOTE_PARTS_H

#include "remote.h"

#include "kept.h"
#include "shmem/promise.h"
#include "utils/memutils.h"

/* One request of a question: some of its distinct keys. */
typedef struct RecoRemotePart
{
	RecoSlotRef ref;			/* slot -1 = not under way */
	int			question;
	int			first;			/* in the question's 'asked' */
	int			nkeys;
	int64		deadline;
	bool		told;			/* its trace has ended */
} RecoRemotePart;

typedef struct RecoRemoteQuestion
{
	int			nkeys;
	int		   *distinct;		/* which distinct key each key is */
	int			ndistinct;
	const char **keys;			/* distinct, in UTF-8 */
	RecoRemoteValue *values;	/* of the distinct keys */
	int			nasked;			/* those that nobody here knows */
	int		   *asked;			/* which distinct keys these are */
	int			nstale;
	const char **stale;			/* keys of which it knows something old */
	const RecoServer *server;
	RecoKept	kept;
	const char *user_id;		/* of a listener's own; NULL otherwise */
	RecoPromiseKey token;		/* what it was asked with; UTF-8 */
	RecoProblem problem;
	int			trace;			/* number of its trace; -1 = it has none */
} RecoRemoteQuestion;

struct RecoRemote
{
	MemoryContext context;
	MemoryContextCallback release;
	RecoListener listener;		/* whose token is in hand: it is wiped on release */
	RecoTraces *traces;			/* NULL = nowhere */
	int			nquestions;
	int			questions_size;
	RecoRemoteQuestion *questions;
	int			nparts;
	int			parts_size;
	RecoRemotePart *parts;
	bool		rotated;		/* a listener's token was replaced: */
	RecoPromiseKey token;		/* ... this one's */
	bool		limited;		/* somebody's quota is used up: it may be news */
};


/* remote.c: gives a range of keys an outcome without a value. */
extern void reco_remote_settle(RecoRemoteQuestion *question, int first, int nkeys,
							   RecoOutcome outcome, const char *message);

/*
 * remote_known.c: answers what is known, and finds out what would have to be asked; with
 * 'again', all of it.
 */
extern void reco_remote_find(RecoRemote *remote, RecoRemoteQuestion *question,
							 bool again);

/* Begins to tell of a question, if that was not done before, and of keys to be sent. */
extern void reco_remote_begin_trace(RecoRemote *remote, RecoRemoteQuestion *question,
									int keys);

/* Tells what a range of keys came to. */
extern void reco_remote_end_trace(RecoRemote *remote, const RecoRemoteQuestion *question,
								  int first, int nkeys);

/*
 * remote_send.c: submits what a question has to ask, in as many parts as it takes, and
 * what is stale with it: so many keys. A deadline that is over asks for what is at hand.
 */
extern int	reco_remote_submit(RecoRemote *remote, int number,
							  const RecoListener *listener, int most,
							  RecoPriority priority, int64 deadline);

/*
 * remote_text.c: a copy of a service's UTF-8 in the database's encoding. What that has
 * no letter for, and what is no UTF-8, becomes a question mark: an answer must not fail
 * for one title in it. NULL when it is too long.
 */
extern char *reco_remote_server_text(const char *text, Size len);

#endif							/* RECO_REMOTE_PARTS_H */
