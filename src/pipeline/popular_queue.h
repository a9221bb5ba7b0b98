/*-------------------------------------------------------------------------
 *
 * popular_queue.h
 *	  When the candidates of popular moods are made, and queueing that.
 *
 * Purpose: spread the work, and put it where little is asked.
 * Runs in: a caller's backend; the keeper.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_POPULAR_QUEUE_H
#define RECO_POPULAR_QUEUE_H

#include "popular.h"
#include "store/popular.h"

/*
 * When candidates are made again: in the second half of the time that they are fresh, in
 * the hour of the week in which least is asked; each mood at another time.
 */
extern TimestampTz reco_popular_due(const RecoPopularState *state, const int64 *hours);

/* Queues the job, with the current role's rights; false = one is open already. */
extern bool reco_popular_queue(const char *prompt, uint64 digest);

#endif							/* RECO_POPULAR_QUEUE_H */
