/*-------------------------------------------------------------------------
 *
 * denial.h
 *	  Recommendations that a service refuses for good: their key, what is noted.
 *
 * Purpose: one function that makes the key of the deny list, for whoever looks there
 *			and whoever writes there; and the text that stands in the buffer.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	make two keys of one combination: order, case of a UUID, and how a number is
 *			written do not matter, nor does how many tracks are asked for.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_DENIAL_H
#define RECO_DENIAL_H

#include <stdbool.h>
#include <stddef.h>

#include "buffer.h"

#define RECO_DENIAL_KEY		33	/* bytes: 32 hexadecimal digits and NUL */

/*
 * Makes the key of a recommendation, as in reccobeats.c: a hash over the sorted seeds,
 * the sorted negative seeds, the sorted targets and feature_weight. False = it is none.
 */
extern bool reco_denial_key(const char *request, char key[RECO_DENIAL_KEY]);

/* Writes what is noted: JSON with "reason" and "request". */
extern void reco_denial_write(RecoBuffer *out, const char *reason, const char *request);

/* Reads that; strings are malloc, or NULL where they are not there. */
extern bool reco_denial_read(const char *noted, char **reason, char **request);

/* Does a refusal's reason put the blame on the negative seeds? */
extern bool reco_denial_blames_negatives(const char *reason);

#endif							/* RECO_DENIAL_H */
