/*-------------------------------------------------------------------------
 *
 * cache.h
 *	  The memory of answers, as SQL sees it.
 *
 * Purpose: let reco_stat_reset() set its figures back, too.
 * Runs in: a backend.
 * Locks:	none.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_API_CACHE_H
#define RECO_API_CACHE_H

#include "compat.h"

/* Sets the counters of reco_cache_stats to 0. */
extern void reco_cache_stats_reset(void);

/* Removes what services told of a listener, as reco_cache_invalidate would. */
extern int64 reco_cache_forget_listener(const char *user_id);

#endif							/* RECO_API_CACHE_H */
