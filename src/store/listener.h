/*-------------------------------------------------------------------------
 *
 * listener.h
 *	  What listeners played and judged: reco.listen, reco.feedback.
 *
 * Purpose: all SQL on the two tables.
 * Runs in: any process with a database and a transaction.
 * Locks:	row locks of its INSERTs.
 * Never:	read more plays than it is asked for: histories grow for ever.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_LISTENER_H
#define RECO_LISTENER_H

#include "compat.h"

#include "utils/timestamp.h"

/* One track of a listener. */
typedef struct RecoListened
{
	const char *track_id;
	const char *artist_id;		/* NULL when the catalogue lacks the track */
	int			plays;			/* among the last plays that were looked at */
	bool		liked;
	bool		skipped;
	TimestampTz last_played;	/* 0 = never */
} RecoListened;

/*
 * What the listener judged, and played lately: the last 1000 plays, or all since
 * 'since' where that is more, most loved first: liked tracks
 * count as three plays more; later plays break ties, then ids. In the caller's
 * context. Exported for test/driver, as the next one is.
 */
extern PGDLLEXPORT RecoListened *reco_listener_tracks(const char *user_id,
													  TimestampTz since, int *nfound);

/* The same of the last 1000 plays, without artists; listener_brief.c. */
extern PGDLLEXPORT RecoListened *reco_listener_brief(const char *user_id, int *nfound);

/* A number that moves with every judgement of a listener; 0 without any. */
extern uint64 reco_listener_judged(const char *user_id);

/* When a listener's newest play was written; 0 without any, infinity where unknown. */
extern TimestampTz reco_listener_listened_at(const char *user_id);

/* What is known of a listener. */
typedef struct RecoListenerKnown
{
	bool		listened;		/* played or judged something */
	bool		connected;		/* has a token at some service */
} RecoListenerKnown;

/* False = a table could not be read. */
extern bool reco_listener_known(const char *user_id, RecoListenerKnown *known);

/* Writes a play or a judgement; each an id of its own. */
extern int64 reco_listener_play(const char *user_id, const char *track_id,
								TimestampTz at);
extern int64 reco_listener_judge(const char *user_id, const char *track_id,
								 const char *event);

#endif							/* RECO_LISTENER_H */
