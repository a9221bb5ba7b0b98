/*-------------------------------------------------------------------------
 *
 * cache_parts.h
 *	  What cache.c and cache_care.c share; nobody else includes it.
 *
 * Purpose: let eviction know how much was written since it counted.
 * Runs in: the keeper.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_CACHE_PARTS_H
#define RECO_CACHE_PARTS_H

#include "cache.h"

extern void reco_cache_note_written(const RecoCacheRow *rows, int nrows);

#endif							/* RECO_CACHE_PARTS_H */
