/*-------------------------------------------------------------------------
 *
 * errand.h
 *	  Something that is to be done in another database.
 *
 * Purpose: send a process there that does it, and wait for how it went.
 * Runs in: a backend; the process is worker/errand_main.c.
 * Locks:	none.
 * Never:	be part of the caller's transaction: it is done when this returns, whatever
 *			becomes of that.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_ERRAND_H
#define RECO_ERRAND_H

#include "compat.h"

/* What both sides share, in a segment; the order stands behind it. */
typedef struct RecoErrand
{
	bool		begun;			/* the process is in the database */
	bool		done;			/* committed */
	int			sqlerrcode;		/* of the ERROR otherwise */
	int			encoding;		/* of these */
	char		message[512];
	char		detail[512];
	char		hint[512];
	char		database[NAMEDATALEN];
	Size		size;			/* of the order */
	char		order[FLEXIBLE_ARRAY_MEMBER];
} RecoErrand;

/*
 * Has an order done in a database, and takes over what became of it there. An ERROR there
 * is one here.
 */
extern void reco_errand(const char *database, void *order, Size size);

#endif							/* RECO_ERRAND_H */
