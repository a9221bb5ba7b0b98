/*-------------------------------------------------------------------------
 *
 * source.h
 *	  The seam: everything the pipeline can ask, and one way to ask it.
 *
 * Purpose: questions of a kind, with keys, become values, whoever knows them.
 *			Each kind is one row of one table in source.c.
 * Runs in: any process with a database; a run may be in another transaction
 *			after reco_source_resolve than before.
 * Locks:	none held at entry or exit.
 * Never:	let the pipeline see who answered, other than by 'origin'.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_SOURCE_H
#define RECO_SOURCE_H

#include "compat.h"

#include "catalogue/engine.h"
#include "origin.h"
#include "trace.h"
#include "upstream/guard.h"
#include "upstream/outcome.h"
#include "upstream/service.h"

typedef enum RecoKind
{
	RECO_KIND_USER_TOP_TRACKS = 0,
	RECO_KIND_USER_TOP_ARTISTS,
	RECO_KIND_USER_HISTORY,
	RECO_KIND_TRACK_SEARCH,
	RECO_KIND_ARTIST_SEARCH,
	RECO_KIND_ARTIST_TRACKS,
	RECO_KIND_RECOMMENDATION,
	RECO_KIND_TRACK_FACTS,

	/*
	 * Services only: nothing local answers them. Of the two in the middle nothing comes
	 * back: what is asked ahead is kept for those who need it.
	 */
	RECO_KIND_ARTIST_FACTS,
	RECO_KIND_TRACK_FEATURES,
	RECO_KIND_RECCOBEATS_ID,
	RECO_KIND_COMPLETION,
	RECO_NKINDS
} RecoKind;

/* The value of one key. */
typedef struct RecoValue
{
	RecoOutcome outcome;
	RecoOrigin	origin;			/* live: a service had a part in it */
	bool		partial;		/* from a part of what there is */
	bool		reused;			/* nobody was asked: it was known before */
	RecoAnswer	answer;
	const char *text;			/* of a completion: JSON; NULL = there is none */
} RecoValue;

/* One question: a kind, its keys, and room for as many values. */
typedef struct RecoAsk
{
	RecoKind	kind;
	int			nkeys;
	const RecoKey *keys;
	RecoValue  *values;
} RecoAsk;

/* What a run holds of the seam; lives in the run's memory context. */
typedef struct RecoSource RecoSource;

/*
 * How a job worker ends its transactions, with nothing of them held: before each start it
 * passes on to another one; around each wait it has none. A caller's backend does not.
 */
typedef enum RecoPause
{
	RECO_PAUSE_PASS = 0,
	RECO_PAUSE_LEAVE,
	RECO_PAUSE_ENTER
} RecoPause;

typedef void (*RecoPauser)(void *arg, RecoPause how);

/* Opens the seam for a run; 'pause' is NULL for a caller's backend. */
extern RecoSource *reco_source_open(MemoryContext context, RecoPauser pause, void *arg);

/*
 * Services are asked with this priority, a RecoPriority, and get so many calls all
 * together (0 = as many as reco.call_budget allows). Before anything is asked.
 */
extern void reco_source_prioritise(RecoSource *source, int priority, int most_calls);

/* How many calls of services it may have caused so far, at most. */
extern int	reco_source_spent(const RecoSource *source);

/*
 * From here on no service is asked anything; what they said before and is kept counts,
 * unless 'kept' is false.
 */
extern void reco_source_spare(RecoSource *source, bool kept);

/* Remembers answers, and gives what is remembered; see memo.h. */
struct RecoMemo;
extern void reco_source_remember(RecoSource *source, struct RecoMemo *memo);

/*
 * Puts several questions at once: what is known here answers them now, and services are
 * asked beside that until 'give_up' (0 = never). Never waits for a service. 'asks' and
 * their keys must stay until the ticket was collected. Values live in the source's
 * context. Questions of one call share what they can, those of several calls what a
 * service is asked.
 */
typedef struct RecoTicket RecoTicket;

extern RecoTicket *reco_source_start(RecoSource *source, RecoAsk *asks, int nasks,
									 TimestampTz give_up);

/* Has everything been answered that will be? */
extern bool reco_source_is_settled(const RecoTicket *ticket);

/*
 * Waits until one more ticket is settled, or until then; the one wait point of a run.
 * False = nothing is under way, or time is over.
 */
extern bool reco_source_wait(RecoSource *source, TimestampTz until);

/* How long the run has waited so far, in us. */
extern int64 reco_source_waited(const RecoSource *source);

/* Makes what came the values, as far as it came. Once, settled or not. */
extern void reco_source_collect(RecoSource *source, RecoTicket *ticket);

/* All of that: starts, waits, collects; half of the time is left for what comes next. */
extern void reco_source_resolve(RecoSource *source, RecoAsk *asks, int nasks,
								TimestampTz give_up);

/* What the catalogue at large is like, and how many tracks are in hand, live ones
 * among them. */
extern const RecoBackground *reco_source_background(RecoSource *source);
extern uint32 reco_source_tracks(const RecoSource *source);

/* Is there a service that this run may ask such a thing? */
extern bool reco_source_can_ask(RecoSource *source, RecoKind kind);

/* Was anything left out that a service would have told another time? */
extern bool reco_source_missed(const RecoSource *source);

/* How the recommendations of services were got that a run asked for. */
typedef struct RecoLists
{
	int			asked;			/* so many */
	RecoTier	tier;			/* the lowest that one of them came to */
	unsigned	found;			/* by the guardrails in all of them: RecoGuardFinding */
} RecoLists;

extern const RecoLists *reco_source_lists(const RecoSource *source);

/* What could not be had of a service, and what was taken instead; each reason once. */
typedef struct RecoFallback
{
	RecoOperation operation;
	const char *server;			/* its name */
	RecoOutcome why;
	const char *reason;			/* in words: the service's, or ours */
	const char *instead;
	bool		spared;			/* reco.call_budget is used up, as it would be again */
	int			n;				/* questions */
} RecoFallback;

/* All of a run's so far, in the order in which they came; in the current context. */
extern const RecoFallback *reco_source_fallbacks(const RecoSource *source, int *n);

/* Is what was found that of another state of the catalogue than is seen now? */
extern bool reco_source_is_behind(const RecoSource *source);

extern const char *reco_source_kind_name(RecoKind kind);
extern int	reco_source_kind_of(const char *name);	/* -1 = none */

/* What a service is asked for a kind: a RecoOperation; -1 = no service answers it. */
extern int	reco_source_operation(RecoKind kind);
extern const char *reco_source_origin_name(RecoOrigin origin);

/* How often each kind was asked, and for how many keys: for explain. */
typedef struct RecoSourceCount
{
	int			asks;
	int			keys;			/* that somebody was asked for */
	int			reused;			/* keys beside these: what was said before holds */
	int			live;			/* keys that a service answered */
	int			kept;			/* keys that it had answered before */
	int64		us;				/* spent */
} RecoSourceCount;

/* What services were asked, one by one: the rows of a waterfall, as they were put. */
extern const RecoCallTrace *reco_source_calls(const RecoSource *source, int *n);

extern const RecoSourceCount *reco_source_counts(const RecoSource *source);

#endif							/* RECO_SOURCE_H */
