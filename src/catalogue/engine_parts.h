/*-------------------------------------------------------------------------
 *
 * engine_parts.h
 *	  The inner parts of the embedded engine.
 *
 * Purpose: what engine.c and its parts share; nobody else includes it.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of its SELECTs.
 * Never:	keep SPI, a snapshot or memory of the transaction after a call.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_ENGINE_PARTS_H
#define RECO_ENGINE_PARTS_H

#include "engine.h"

#include "scan.h"
#include "store/listener.h"

#define RECO_ENGINE_MAXFITS		8	/* of one run */
#define RECO_ENGINE_ARTIST_BEST	3	/* of an artist's tracks, that stand for it */

struct RecoEngine
{
	MemoryContext context;
	RecoMatrix *matrix;			/* held until the context ends; NULL = not yet */
	RecoMatrixState state;
	RecoBackground background;
	int			nfits;
	RecoScanFit fits[RECO_ENGINE_MAXFITS];
	TimestampTz since;
	bool		brief;			/* without artists */
	const char *listener;		/* whose history is in hand */
	RecoListened *listened;
	int			nlistened;
};

/* Takes hold of the catalogue, once a run. */
extern void reco_engine_need_matrix(RecoEngine *engine, TimestampTz give_up);

/* Returns a fit made ready, once a run. */
extern RecoScanFit *reco_engine_fit(RecoEngine *engine, const RecoFit *fit);

/* engine_text.c: adds tracks whose title or artist holds the words to an answer. */
extern void reco_engine_add_text(RecoEngine *engine, const RecoKey *key,
								 const RecoScanFit *prepared, const RecoScanQuery *query,
								 RecoAnswer *answer);

/* engine_artists.c: answers with the artists whose tracks a query found. */
extern void reco_engine_find_artists(RecoEngine *engine, const RecoKey *key,
									 const RecoScanFit *prepared,
									 const RecoScanQuery *query, RecoAnswer *answer);

/* engine_lookup.c: answers what is no scan. */
extern void reco_engine_lookup(RecoEngine *engine, RecoEngineQuestion *question);

#endif							/* RECO_ENGINE_PARTS_H */
