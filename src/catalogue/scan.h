/*-------------------------------------------------------------------------
 *
 * scan.h
 *	  From what is looked for to the best rows of the matrix.
 *
 * Purpose: turn a fit into a query of the kernel, run all queries of a turn in
 *			one pass, and rows back into tracks. For engine.c only.
 * Runs in: any process; no SQL here.
 * Locks:	none.
 * Never:	build the same fit's biases twice in a run.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_SCAN_H
#define RECO_SCAN_H

#include "compat.h"

#include "engine.h"
#include "fit.h"
#include "matrix.h"

/* A fit, ready for the kernel. */
typedef struct RecoScanFit
{
	const RecoFit *fit;
	float	   *by_artist;		/* genre evidence, by artist and by set; */
	float	   *by_set;			/* -INFINITY = banned */
	bool		has_labels;		/* is any of the two not all zero? */
	bool		has_targets;
	RecoPlane	pool;			/* rows that fit best, once they were scanned for */
	uint32	   *pool_rows;		/* where each of them is in the matrix */
	RecoScanQuery query;		/* fits the mood; k and hits are unset */
} RecoScanFit;

extern void reco_scan_background(const RecoMatrix *matrix, RecoBackground *background);

extern void reco_scan_prepare(const RecoMatrix *matrix, const RecoBackground *background,
							  const RecoFit *fit, RecoScanFit *prepared);

/* Makes a query for what is near the seeds and away from the negatives. */
extern void reco_scan_near(const RecoMatrix *matrix, const RecoBackground *background,
						   const RecoScanFit *prepared, const RecoKey *key,
						   RecoScanQuery *query);

/* Gives a query room for its best k, in the current context. */
extern void reco_scan_room(const RecoMatrix *matrix, RecoScanQuery *query, uint32 k);

/* Keeps up to 'most' rows that a query of the fit found, to look for near ones there. */
extern void reco_scan_keep_pool(const RecoMatrix *matrix, RecoScanFit *prepared,
								const RecoScanQuery *query, uint32 most);

/*
 * Is "near" to be sought among the rows that fit best? So it is once they are
 * known, where the fit says anything: then what is far from it is not near, however
 * close to a seed.
 */
extern bool reco_scan_has_pool(const RecoScanFit *prepared);

/* Runs a query over the pool, as reco_scan_run does over all rows. */
extern void reco_scan_pool(const RecoScanFit *prepared, RecoScanQuery *query);

/* Runs all queries in one pass; interruptible. */
extern void reco_scan_run(const RecoMatrix *matrix, RecoScanQuery *queries, int nqueries);

/*
 * How much a row stands for a fit's words: as its artist, or by its own labels. -INFINITY =
 * it is banned. With RECO_NO_ROW, how much the artist does.
 */
extern float reco_scan_match(const RecoMatrix *matrix, const RecoScanFit *prepared,
							 uint32 artist, uint32 row);

/* Makes a track of a row; its score is the given one. */
extern RecoTrack *reco_scan_track(const RecoMatrix *matrix, const RecoScanFit *prepared,
								  uint32 row, float score);

#endif							/* RECO_SCAN_H */
