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
#include "utils/hsearch.h"

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

struct RecoLive
{
	MemoryContext context;
	RecoEngine *engine;
	List	   *servers;
	HTAB	   *tracks;			/* RecoLiveTrack */
	HTAB	   *artists;		/* RecoLiveName */
	List	   *ruled;			/* RecoLiveRuled */
};

/* A key that a service is asked for on behalf of one key of an ask. */
typedef struct RecoLiveWant
{
	RecoAsk    *ask;
	int			key;			/* of the ask */
	RecoOperation operation;
	int			at;				/* key of the operation's question; -1 = not asked */
	int			nseeds;			/* of a recommendation */
	const char **seeds;
	int			nnegatives;
	const char **negatives;
	bool		fresh;
	RecoOrigin	origin;
	RecoLiveFacts facts;
} RecoLiveWant;

/* Keys of one operation that are asked for together. */
typedef struct RecoLiveBatch
{
	int			n;
	int			size;
	const char **keys;
	int			question;		/* of the remote; -1 = not asked */
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

/* live.c: adds a key to what is asked, asks, and what came of it (NULL = nothing). */
extern int	reco_live_add(RecoLiveTurn *turn, RecoOperation operation, const char *key);
extern void reco_live_send(RecoLiveTurn *turn, RecoOperation operation);
extern const char *reco_live_value(const RecoLiveTurn *turn, RecoOperation operation,
								   int at, RecoOrigin *origin);

/* live_want.c: what a turn wants to know; the second wave of it. */
extern void reco_live_collect(RecoLiveTurn *turn, RecoAsk *asks, int nasks);
extern void reco_live_recommend(RecoLiveTurn *turn);

/* live_answer.c: makes what came into facts, and these into answers. */
extern void reco_live_take(RecoLiveTurn *turn);
extern void reco_live_merge(RecoLiveTurn *turn);
extern void reco_live_recall(RecoLive *live, RecoAsk *ask);

#endif							/* RECO_LIVE_PARTS_H */
