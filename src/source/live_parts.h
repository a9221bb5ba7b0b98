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
 * A ticket is what one call of the seam asks. Each of its keys that a service may
 * answer is a want, a small state machine that goes on as answers come, however late
 * and in whatever order. Wants share questions: what two of them ask is put once.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_LIVE_PARTS_H
#define RECO_LIVE_PARTS_H

#include "live.h"

#include "allowance.h"
#include "live_facts.h"
#include "remote.h"
#include "upstream/guard.h"
#include "utils/hsearch.h"

#define RECO_LIVE_LAST_US \
	((int64) 5 * 1000)		   /* kept back for what answers are made into */
#define RECO_LIVE_ID		64	/* bytes of an id that can be remembered */
#define RECO_LIVE_BATCH		40	/* tracks whose features go by one call */

/* How far the features of a track are. */
typedef enum RecoLiveMeasure
{
	RECO_LIVE_UNMEASURED = 0,	/* nobody has wanted them yet */
	RECO_LIVE_WAITING,			/* for others to share their call */
	RECO_LIVE_ASKED,
	RECO_LIVE_MEASURED			/* or it cannot be done */
} RecoLiveMeasure;

/* A track that a service told of, by its id. */
typedef struct RecoLiveTrack
{
	char		id[RECO_LIVE_ID];
	RecoTrack  *track;			/* the catalogue's, where that has it */
	RecoOrigin	origin;			/* of what told of it first */
	bool		known;			/* the catalogue has it */
	bool		complete;		/* looked up, and derived */
	bool		brought;		/* a service told of it by itself, not asked for it */
	RecoLiveMeasure measure;
	List	   *copies;			/* RecoTrack: handed out before they were measured */
	float		weight;			/* of its places in answers: who is measured first */
	struct RecoLiveQuestion *features;	/* NULL = nobody looked for them yet */
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

/*
 * What is sent, in this order: it is the order in which a budget is spent. Searches for
 * names come before those that discover something.
 */
typedef enum RecoLiveLot
{
	RECO_LIVE_COMPLETION = 0,
	RECO_LIVE_NAMES,
	RECO_LIVE_TOP_TRACKS,
	RECO_LIVE_TOP_ARTISTS,
	RECO_LIVE_SEARCHES,
	RECO_LIVE_ARTIST_TRACKS,
	RECO_LIVE_TRACKS,
	RECO_LIVE_IDS,
	RECO_LIVE_LISTS,
	RECO_LIVE_FEATURES,
	RECO_LIVE_NLOTS
} RecoLiveLot;

typedef enum RecoLiveState
{
	RECO_LIVE_NEW = 0,			/* not put yet */
	RECO_LIVE_QUEUED,			/* in a lot */
	RECO_LIVE_UNDER_WAY,
	RECO_LIVE_ANSWERED			/* or it was not, and will not be */
} RecoLiveState;

/* A question that a run has, or had; it is put once. */
typedef struct RecoLiveQuestion
{
	uint64		hash;			/* of operation and key; long enough to stand for them */
	const char *key;
	RecoLiveState state;
	bool		absent;			/* the service knows no such thing */
	bool		denied;			/* nobody was asked: it is on the deny list */
	bool		renewed;		/* asked for again, and nobody waits for it */
	const char *refused;		/* why it will never be answered; NULL = it may be */
	const char *json;			/* what came of it; NULL = nothing fresh */
	RecoOrigin	origin;			/* of 'json' */
	RecoOutcome outcome;
	RecoLiveLot lot;
	int			number;			/* at the remote, and which of its keys */
	int			nth;
} RecoLiveQuestion;

/* Questions that are put together. */
typedef struct RecoLiveQueue
{
	int			n;
	int			size;
	RecoLiveQuestion **questions;
} RecoLiveQueue;

/* Where a want is. */
typedef enum RecoLiveStage
{
	RECO_LIVE_SEEDS = 0,		/* of a recommendation: waits for their ids */
	RECO_LIVE_QUESTION,			/* waits for the answer to its question */
	RECO_LIVE_FACTS,			/* its tracks are to be looked up */
	RECO_LIVE_MEASURES,			/* waits for features of its tracks */
	RECO_LIVE_DONE
} RecoLiveStage;

/* A key that a service is asked for on behalf of one key of an ask. */
typedef struct RecoLiveWant
{
	RecoLiveTicket *ticket;
	RecoAsk    *ask;
	int			key;			/* of the ask */
	RecoOperation operation;
	RecoLiveStage stage;
	RecoLiveQuestion *question; /* NULL = not asked */
	RecoGuarded ids;			/* of a recommendation, as Spotify has them */
	RecoTier	tier;			/* ... and how it is asked for now */
	bool		fresh;
	bool		merged;
	RecoLiveFacts facts;
} RecoLiveWant;

/* Is it wanted that something is known of a track, and kept: no part of an answer? */
static inline bool
reco_live_is_of_tracks(const RecoLiveWant *want)
{
	return want->ask->kind == RECO_KIND_TRACK_FEATURES ||
		want->ask->kind == RECO_KIND_RECCOBEATS_ID;
}

/* What one call of the seam asks. */
struct RecoLiveTicket
{
	RecoAsk    *asks;
	int			nasks;
	int64		until;			/* monotonic us */
	bool		settled;
	bool		told;			/* somebody was told that it is settled */
	int			nwants;
	int			size;
	RecoLiveWant *wants;
};

/* What a run may ask of a server, as it was when it began, and what it did. */
typedef struct RecoLiveAllowance
{
	const RecoServer *server;
	RecoAllowance allowance;
} RecoLiveAllowance;

struct RecoLive
{
	MemoryContext context;
	RecoEngine *engine;
	RecoPriority priority;
	bool		spares;			/* nobody is asked: only what is kept counts */
	List	   *servers;
	HTAB	   *tracks;			/* RecoLiveTrack */
	HTAB	   *artists;		/* RecoLiveName */
	HTAB	   *questions;		/* RecoLiveQuestion */
	List	   *ruled;			/* RecoLiveRuled */
	int			nsorted;		/* so many of them were, by name, at the last look */
	bool		looked_for_own; /* whether the listener is connected somewhere */
	const char *user_id;
	const RecoServer *own_server;	/* NULL = nowhere */
	int			nlists;			/* recommendations that are wanted, and ... */
	RecoLists	lists;			/* ... what became of them */
	bool		missed;			/* something was not answered, and may be another time */

	RecoRemote *remote;			/* NULL = nothing was asked yet */
	RecoTraces *traces;			/* of the questions that services were asked */
	RecoTextTools tools;		/* of the call that is under way */
	RecoLiveQueue queues[RECO_LIVE_NLOTS];	/* to be sent */
	RecoLiveQueue under_way;
	List	   *tickets;		/* that are not collected */
	List	   *unread;			/* RecoLiveTrack: to be looked up */
	List	   *waiting;		/* RecoLiveTrack: for features */
	int64		hold_until;		/* no later are features asked for; 0 = none wait */
	int64		features_until; /* deadline of what waits */

	List	   *allowances;		/* RecoLiveAllowance */
	int			most;			/* calls of all kinds together; 0 = no limit */
	int			spent[RECO_NBUDGETS];
	int			spent_on[RECO_LIVE_NLOTS];
	List	   *fallbacks;		/* RecoFallback */
};

/*
 * live.c: adds a key to what is asked, unless it was asked before (NULL = it would be
 * refused); only makes it a question; what came of a key (NULL = nothing).
 */
extern RecoLiveQuestion *reco_live_add(RecoLive *live, RecoLiveLot lot, const char *key);
extern RecoLiveQuestion *reco_live_make(RecoLive *live, RecoLiveLot lot, const char *key);
extern const char *reco_live_value(const RecoLive *live, RecoLiveLot lot,
								   const char *key);
extern bool reco_live_is_late(const RecoLiveTicket *ticket);
extern void reco_live_queue(RecoLiveQueue *queue, RecoLiveQuestion *question);

static inline bool
reco_live_is_pending(const RecoLiveQuestion *question)
{
	return question != NULL &&
		(question->state == RECO_LIVE_QUEUED || question->state == RECO_LIVE_UNDER_WAY);
}

/* The question itself, if it was put; NULL = it was not. */
extern RecoLiveQuestion *reco_live_question(const RecoLive *live, RecoLiveLot lot,
											const char *key);

/*
 * live_send.c: sends what was added, until then; answers new questions as far as
 * something is known; has keys asked for again whose time is over, for which nobody
 * waits; the operation of a lot, and who answers it; takes what came.
 */
extern void reco_live_send(RecoLive *live, RecoLiveLot lot, int64 until);
extern void reco_live_renew(RecoLive *live, RecoLiveLot lot, const char *const *keys,
							int n);
extern void reco_live_find(RecoLive *live, RecoLiveLot lot, RecoLiveQuestion **questions,
						   int n);
extern RecoOperation reco_live_operation(RecoLiveLot lot);
extern const RecoServer *reco_live_server(const RecoLive *live, RecoLiveLot lot);
extern void reco_live_harvest(RecoLive *live);

/* How many calls of a lot a run may still make; how many lists it may want. */
extern int	reco_live_left(RecoLive *live, RecoLiveLot lot);
extern int	reco_live_most_lists(RecoLive *live);

/* Notes that nothing more of a lot is asked, for want of calls. */
extern RecoOutcome reco_live_note_spent(RecoLive *live, RecoLiveLot lot);

/* Notes what could not be had of a service, and why. */
extern void reco_live_note(RecoLive *live, RecoLiveLot lot, RecoOutcome why,
						   const char *reason);

/* live_want.c: what a ticket wants to know. */
extern void reco_live_want(RecoLive *live, RecoLiveTicket *ticket);

/* live_list.c: recommendations; true = the want went on. */
extern bool reco_live_list_step(RecoLive *live, RecoLiveWant *want);

/* live_answer.c: makes what came into facts, and these into answers. */
extern void reco_live_take(RecoLive *live, RecoLiveWant *want);
extern void reco_live_merge(RecoLive *live, RecoLiveWant *want);
extern void reco_live_recall(RecoLive *live, RecoAsk *ask);

/* live_measure.c: looks tracks up that came; who is to be measured; asks for features. */
extern void reco_live_look_up(RecoLive *live);
extern void reco_live_weigh(RecoLive *live, RecoLiveWant *want);
extern bool reco_live_is_measured(const RecoLive *live, const RecoLiveWant *want);
extern bool reco_live_measure(RecoLive *live, bool now);
extern void reco_live_rule(RecoLive *live, const char *fold, const char *id);
extern const char **reco_live_ruled_ids(RecoLive *live, const RecoTrack *track, int *n);

#endif							/* RECO_LIVE_PARTS_H */
