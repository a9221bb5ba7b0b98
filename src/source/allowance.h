/*-------------------------------------------------------------------------
 *
 * allowance.h
 *	  What a run may ask of a server: calls, and keys in one of them.
 *
 * Purpose: make reco.call_budget, the day's quota and what was learned about an app
 *			into numbers.
 * Runs in: any process with a database and a transaction.
 * Locks:	'lanes' of shared.h and that of limit_state.h, one after another, for moments.
 * Never:	keep a secret: a server's lane is found by it, and it is wiped at once.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_ALLOWANCE_H
#define RECO_ALLOWANCE_H

#include "compat.h"

#include "server.h"
#include "upstream/budget.h"

/* What a run may still ask of a server. */
typedef struct RecoAllowance
{
	int			calls;			/* that the run may cause at the server's kind */
	bool		by_quota;		/* fewer than the budget: the day's quota says so */
	RecoCapabilities capabilities;	/* what was learned of the app */
} RecoAllowance;

/*
 * Finds out what a run may ask of a server; 'budget' calls at most. In the background, no
 * more than what two thirds of the quota allow: so a third of each hour's share is left.
 */
extern void reco_allowance_read(const RecoServer *server, int budget, bool background,
								RecoAllowance *allowance);

/*
 * How many keys go by so many calls, and how many calls so many keys cost at most. Where
 * it is not known whether an app may read in batches, the call that finds out counts.
 */
extern int	reco_allowance_keys(const RecoServer *server, const RecoAllowance *allowance,
							   RecoOperation operation, int calls);
extern int	reco_allowance_cost(const RecoServer *server, const RecoAllowance *allowance,
							   RecoOperation operation, int nkeys);

#endif							/* RECO_ALLOWANCE_H */
