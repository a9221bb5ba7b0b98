/*-------------------------------------------------------------------------
 *
 * live.h
 *	  What services add to the embedded engine's answers.
 *
 * Purpose: find the questions of a run that a service can answer, ask them as soon as
 *			they can be asked, and put what comes beside what is known locally.
 * Runs in: any process with a database and a transaction.
 * Locks:	none.
 * Never:	make an answer worse than it was: what does not come fresh changes
 *			nothing. Wait anywhere but in reco_live_wait.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_LIVE_H
#define RECO_LIVE_H

#include "compat.h"

#include "source.h"
#include "upstream/service.h"

/* What a run knows of services; lives in the run's memory context. */
typedef struct RecoLive RecoLive;

/* What was asked at one time. */
typedef struct RecoLiveTicket RecoLiveTicket;

/*
 * NULL where no service can be asked anything, which is told at once. 'most' calls in
 * all, 0 = as many as reco.call_budget allows.
 */
extern RecoLive *reco_live_open(MemoryContext context, RecoEngine *engine, int priority,
								int most);

/* How many calls were spent, of all services. */
extern int	reco_live_spent(const RecoLive *live);

/*
 * Asks for what can be added to answers that the engine has given, until 'give_up' (0 =
 * never) at the latest. Never waits.
 */
extern RecoLiveTicket *reco_live_start(RecoLive *live, RecoAsk *asks, int nasks,
									   TimestampTz give_up);

extern bool reco_live_is_settled(const RecoLiveTicket *ticket);

/* Is one settled of which nobody was told? Tells of all that are. */
extern bool reco_live_has_news(RecoLive *live);

/*
 * Who waits has put all that can be put now, so what waited for company goes without it;
 * true = that settled something. Then waits for one more answer, or until then, which
 * needs no transaction; false = nothing is under way. Then goes on with what came; false
 * = time is over. In the end a moment's wait may be due, which needs none either.
 */
extern bool reco_live_hasten(RecoLive *live);
extern bool reco_live_wait(RecoLive *live, TimestampTz until);
extern bool reco_live_go_on(RecoLive *live, TimestampTz until);
extern bool reco_live_owes(const RecoLive *live);
extern void reco_live_wait_for_keeper(RecoLive *live, TimestampTz until);

/* Adds to the answers what came, and forgets the ticket. */
extern void reco_live_collect(RecoLive *live, RecoLiveTicket *ticket);

/* From here on nobody is asked: only what is kept counts. */
extern void reco_live_spare(RecoLive *live);

/* Is there a server that can be asked this? */
extern bool reco_live_can_ask(const RecoLive *live, RecoOperation operation);

/* How many tracks of services are remembered. */
extern uint32 reco_live_tracks(const RecoLive *live);

/* What became of the recommendations that were asked of services so far. */
extern const RecoLists *reco_live_lists(const RecoLive *live);

/* What could not be had of services, and was made up for. */
extern const RecoFallback *reco_live_fallbacks(const RecoLive *live, int *n);

/* Did a service not answer what it may answer another time? */
extern bool reco_live_missed(const RecoLive *live);

/* What services were asked, one by one; see trace.h. */
extern const RecoCallTrace *reco_live_traces(RecoLive *live, int *n);

#endif							/* RECO_LIVE_H */
