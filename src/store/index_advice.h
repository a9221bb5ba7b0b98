/*-------------------------------------------------------------------------
 *
 * index_advice.h
 *	  Which of our indexes should be rebuilt.
 *
 * Purpose: find indexes of schema reco that are invalid or bloated, and the statement
 *			that mends each.
 * Runs in: any process with a database and a transaction.
 * Locks:	none but those of its SELECT on catalogues: it reads no table of ours.
 * Never:	rebuild one.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_INDEX_ADVICE_H
#define RECO_INDEX_ADVICE_H

#include "compat.h"

#include "nodes/pg_list.h"

#define RECO_INDEX_WASTED	(8 * 1024 * 1024)	/* bytes that are worth a word */

typedef struct RecoIndexAdvice
{
	Oid			index;
	char	   *name;			/* qualified */
	char	   *problem;
	int64		bytes;
	int64		wasted;
	char	   *statement;
} RecoIndexAdvice;

/* A list of RecoIndexAdvice, the most wasteful first, in the current context. */
extern List *reco_index_advice(int64 wasted);

#endif							/* RECO_INDEX_ADVICE_H */
