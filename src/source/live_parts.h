/*-------------------------------------------------------------------------
 *
 * live_parts.h
 *	  The inner parts of live.c.
 *
 * Purpose: what live.c and its parts share; nobody else includes it.
 * Runs in: any process with a database and a transaction.
 * Locks:	none.
 * Never:	keep memory of the transaction.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_LIVE_PARTS_H
#define RECO_LIVE_PARTS_H

#include "live.h"

#include "live_facts.h"
#include "remote.h"
#include "upstream/guard.h"
#include "utils/hsearch.h"

#define RECO_LIVE_LAST_US \
	((int64) 5 * 1000)		   /* kept back for what answers are made into */
#define RECO_LIVE_ID		64	/* bytes of an id that can be remembered */
#define RECO_LIVE_MOSTWANTS	64	/* of one turn */
#define RECO_LIVE_MEASURED	80	/* tracks whose features one turn asks for */

/* A track that a service told of, by its id. */
typedef struct RecoLiveTrack
{
	char		id[RECO_LIVE_ID];
	RecoTrack  *track;			/* the catalogue's, where that has it */
	RecoOrigin	origin;			/* of what told of it first */
	bool		known;			/* the catalogue has it */
	bool		complete;		/* looked up, measured as far as can be, derived */
} RecoLiveTrack;

typedef struct RecoLiveName
{
	char		id[RECO_LIVE_ID];	/* an artist's */
	RecoLiveArtist *artist;
} RecoLiveName;

/* A name that a rule rests on, and the ids that this rule knows it by. */
typedef struct RecoLiveRuled
{
	const char *fold;
	const char *id;
} RecoLiveRuled;

/* A question that a run has, or had; it is put once. */
typedef struct RecoLiveQuestion
{
	uint64		hash;			/* of operation and key; long enough to stand for them */
	const char *key;			/* of the turn that asks */
	bool		asked;
	bool		absent;			/* the service knows no such thing */
	bool		denied;			/* nobody was asked: it is on the deny list */
	const char *refused;		/* why it will never be answered; NULL = it may be */
	const char *json;			/* what came of it; NULL = nothing fresh */
	RecoOrigin	origin;			/* of 'json' */
} RecoLiveQuestion;

struct RecoLive
{
	MemoryContext context;
	RecoEngine *engine;
	List	   *servers;
	HTAB	   *tracks;			/* RecoLiveTrack */
	HTAB	   *artists;		/* RecoLiveName */
	HTAB	   *questions;		/* RecoLiveQuestion */
	List	   *ruled;			/* RecoLiveRuled */
	bool		looked_for_own; /* whether the listener is connected somewhere */
	const char *user_id;
	const RecoServer *own_server;	/* NULL = nowhere */
	RecoTraces *traces;			/* of the questions that services were asked */
	RecoLists	lists;			/* what became of recommendations */
	bool		missed;			/* something was not answered, and may be another time */
};

/* A key that a service is asked for on behalf of one key of an ask. */
typedef struct RecoLiveWant
{
	RecoAsk    *ask;
	int			key;			/* of the ask */
	RecoOperation operation;
	const RecoLiveQuestion *question;	/* NULL = not asked */
	RecoGuarded ids;			/* of a recommendation, as Spotify has them */
	RecoTier	tier;			/* ... and how it is asked for now */
	bool		settled;		/* ... it is answered, or given up */
	bool		fresh;
	RecoLiveFacts facts;
} RecoLiveWant;

/* Questions of one operation that are put together. */
typedef struct RecoLiveBatch
{
	int			n;
	int			size;
	RecoLiveQuestion **questions;
	int			sent;			/* number at the remote; -1 = not sent */
} RecoLiveBatch;

/* One turn: one call of the seam. */
typedef struct RecoLiveTurn
{
	RecoLive   *live;
	RecoRemote *remote;			/* NULL = nothing was asked yet */
	RecoTextTools tools;
	int64		until;			/* monotonic us */
	RecoLiveBatch batches[RECO_NOPERATIONS];
	int			nwants;
	RecoLiveWant wants[RECO_LIVE_MOSTWANTS];
} RecoLiveTurn;

/*
 * live.c: adds a key to what is asked, unless it was asked before, which may be in an
 * earlier turn (NULL = it would be refused); asks; waits and takes what came; what
 * came of a key (NULL = nothing).
 */
extern const RecoLiveQuestion *reco_live_add(RecoLiveTurn *turn, RecoOperation operation,
											 const char *key);
extern void reco_live_send(RecoLiveTurn *turn, RecoOperation operation);
extern void reco_live_wait(RecoLiveTurn *turn);
extern const char *reco_live_value(const RecoLive *live, RecoOperation operation,
								   const char *key);

/* Did a service say that it knows no such thing? */
extern bool reco_live_is_absent(const RecoLive *live, RecoOperation operation,
								const char *key);

/* live_want.c: what a turn wants to know; live_list.c: recommendations, the next wave. */
extern void reco_live_collect(RecoLiveTurn *turn, RecoAsk *asks, int nasks);
extern void reco_live_recommend(RecoLiveTurn *turn);

/* live_answer.c: makes what came into facts, and these into answers. */
extern void reco_live_take(RecoLiveTurn *turn);
extern void reco_live_merge(RecoLiveTurn *turn);
extern void reco_live_recall(RecoLive *live, RecoAsk *ask);

#endif							/* RECO_LIVE_PARTS_H */
