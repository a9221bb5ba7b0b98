/*-------------------------------------------------------------------------
 *
 * kernel_hits.h
 *	  The best k hits of a query so far, and the limit they set.
 *
 * Purpose: keep the best k of any number of hits in room for a few more.
 * Runs in: any process, and plain C programs.
 * Locks:	none.
 * Never:	depend on the order in which hits come.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_KERNEL_HITS_H
#define RECO_KERNEL_HITS_H

#include "catalogue/kernel.h"

/* Keeps a hit if it comes before the query's limit. */
extern void reco_kernel_push(RecoScanQuery *query, float score, uint32_t row);

/* What a score at or behind this row must be above to be a hit. */
extern float reco_kernel_bar(const RecoScanQuery *query, uint32_t row);

#endif							/* RECO_KERNEL_HITS_H */
