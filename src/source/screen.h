/*-------------------------------------------------------------------------
 *
 * screen.h
 *	  What is not asked although nobody has the answer: the missing and the denied.
 *
 * Purpose: stand between what is kept and the gateway, for every caller: ids that are
 *			known to be missing go from a question, denied recommendations are not put.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of cached.h and of a SELECT.
 * Never:	count against a limit; hold back what was refused for a while only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_SCREEN_H
#define RECO_SCREEN_H

#include "compat.h"

#include "kept.h"

/* What is to become of a key. */
typedef struct RecoScreened
{
	RecoOutcome outcome;		/* fresh = ask; else absent or denied, without a call */
	const char *reason;			/* of a denial */
} RecoScreened;

/*
 * Looks at questions for recommendations, before anything else is looked up for them: a
 * key may become another one, without the ids that are missing. Other operations pass.
 */
extern void reco_screen_lists(const RecoKept *kept, const char **keys, int nkeys,
							  RecoScreened *screened);

/* Looks at questions for features of which nothing fresh is kept. */
extern void reco_screen_features(const RecoKept *kept, const char *const *keys, int nkeys,
								 RecoKeptAnswer *answers);

/* Why each of some recommendations is denied; NULL = it is not. As many as requests. */
extern const char **reco_screen_denied(const RecoServer *server,
									   const char *const *requests, int nrequests);

#endif							/* RECO_SCREEN_H */
