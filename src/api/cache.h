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

#endif							/* RECO_API_CACHE_H */
