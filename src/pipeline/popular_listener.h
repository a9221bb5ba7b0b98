/*-------------------------------------------------------------------------
 *
 * popular_listener.h
 *	  What a listener plays and judged, kept for the next popular mood.
 *
 * Purpose: read a listener's plays, judgements and top tracks once, not for every list
 *			that is fitted.
 * Runs in: a caller's backend.
 * Locks:	those of the buffer, and of SELECTs.
 * Never:	tell anything else than the tables do: a play, a judgement, a connection and a
 *			change of the catalogue end what is kept as they are committed; who has
 *			written, or sees an older state, gets nothing that is kept.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_POPULAR_LISTENER_H
#define RECO_POPULAR_LISTENER_H

#include "popular_text.h"
#include "run.h"
#include "shmem/result_epoch.h"
#include "store/listener.h"

/* What is known of who asks. */
typedef struct RecoPopularListener
{
	bool		looked;
	bool		keeps;			/* what is read now is what everybody sees */
	Oid			extension;
	uint64		epoch;			/* of reco_cache_invalidate */
	RecoResultEpoch epochs;		/* as it was before anything was read */
	RecoListenerKnown known;
	const char *kept;			/* what was found; NULL = nothing */
} RecoPopularListener;

/*
 * Looks at a listener, once; 'epoch' is that of reco_cache_invalidate before. False = it
 * cannot be read now.
 */
extern bool reco_popular_listener_look(RecoPopularListener *listener, const char *user_id,
									   Oid extension, uint64 epoch);

/*
 * Gives a run the top tracks that are kept, and of the history what concerns a mood's
 * candidates. False = nothing is kept.
 */
extern bool reco_popular_listener_take(const RecoPopularListener *listener,
									   const RecoPopular *popular, RecoRun *run);

/* Keeps what a run read of its listener; it has asked for all of it. */
extern void reco_popular_listener_keep(const RecoPopularListener *listener,
									   const RecoRun *run);

#endif							/* RECO_POPULAR_LISTENER_H */
