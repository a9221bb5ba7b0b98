/*-------------------------------------------------------------------------
 *
 * list.h
 *	  The question for a recommendation: taken apart, and put together.
 *
 * Purpose: let the seam change the ids of a question, and leave all else as it is.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	make one that reco_reccobeats_check() would not take, of one that it takes and
 *			ids that the guardrails let through.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_LIST_H
#define RECO_LIST_H

#include <stdbool.h>

#include "buffer.h"

/* The key of RECO_OP_RECOMMENDATION, see reccobeats.c; memory is malloc's. */
typedef struct RecoList
{
	int			nseeds;
	char	  **seeds;
	int			nnegatives;
	char	  **negatives;
	char	   *rest;			/* the other members: "name":value,... */
} RecoList;

/* False = it is no such question, or memory is short; nothing is to be freed then. */
extern bool reco_list_read(const char *key, RecoList *list);
extern void reco_list_free(RecoList *list);

/* Writes one; 'rest' may be "". */
extern void reco_list_write(RecoBuffer *out, const char *const *seeds, int nseeds,
							const char *const *negatives, int nnegatives,
							const char *rest);

#endif							/* RECO_LIST_H */
