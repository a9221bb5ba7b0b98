/*-------------------------------------------------------------------------
 *
 * live.h
 *	  What services add to the embedded engine's answers.
 *
 * Purpose: find the questions of a turn that a service can answer, ask all of them
 *			at once, and put what comes beside what is known locally.
 * Runs in: any process with a database and a transaction.
 * Locks:	none.
 * Never:	make an answer worse than it was: what does not come fresh changes
 *			nothing.
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

/* NULL where no service can be asked anything, which is told at once. */
extern RecoLive *reco_live_open(MemoryContext context, RecoEngine *engine);

/*
 * Adds to answers that the engine has given, until 'give_up' (0 = never) at the
 * latest; a share of the time is left for later turns.
 */
extern void reco_live_enrich(RecoLive *live, RecoAsk *asks, int nasks,
							 TimestampTz give_up);

/* Is there a server that can be asked this? */
extern bool reco_live_can_ask(const RecoLive *live, RecoOperation operation);

/* How many tracks of services are remembered. */
extern uint32 reco_live_tracks(const RecoLive *live);

/* What became of the recommendations that were asked of services so far. */
extern const RecoLists *reco_live_lists(const RecoLive *live);

/* Did a service not answer what it may answer another time? */
extern bool reco_live_missed(const RecoLive *live);

/* What services were asked, one by one; see trace.h. */
extern const RecoCallTrace *reco_live_calls(const RecoLive *live, int *n);

#endif							/* RECO_LIVE_H */
