/*-------------------------------------------------------------------------
 *
 * budget.h
 *	  How many calls a run may cause.
 *
 * Purpose: read reco.call_budget; share a day's quota out over the day.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none. Everything here is a pure function of its arguments.
 * Never:	let one hour use what the rest of the day is to live on.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_BUDGET_H
#define RECO_BUDGET_H

#include "service.h"

/* What is counted together: models share one number, whoever runs them. */
typedef enum RecoBudgetKind
{
	RECO_BUDGET_SPOTIFY = 0,
	RECO_BUDGET_RECCOBEATS,
	RECO_BUDGET_MODEL,
	RECO_NBUDGETS
} RecoBudgetKind;

#define RECO_BUDGET_DEFAULT		"spotify=12, reccobeats=6, model=1"
#define RECO_BUDGET_UNLIMITED	1000000 /* calls; more than any run can make */

typedef struct RecoBudget
{
	int			calls[RECO_NBUDGETS];
} RecoBudget;

extern RecoBudgetKind reco_budget_kind(RecoService service);
extern const char *reco_budget_kind_name(RecoBudgetKind kind);

/*
 * Reads "spotify=12, model=unlimited": what is not named has its default. False, and
 * where it stopped, for what is no budget.
 */
extern bool reco_budget_parse(const char *text, RecoBudget *budget, const char **wrong);

/*
 * How many calls of a day's quota one run may cause, at most 'budget'. 'before' is what
 * was sent in the 23 hours before the present one, 'now' in the present one. quota 0 =
 * none is known.
 *
 * An hour may use a sixth of what was left at its beginning, a run a quarter of what is
 * left of that, and one call at least while there is any. So an hour never takes more
 * than a sixth, twelve busy ones leave a tenth to the thirteenth, and a steady load gets
 * five sixths of the quota (24 of 23 + 6 parts). As a quota wears on, runs ask less;
 * none is the one that finds nothing.
 *
 * In the background a quota is two thirds of what it is, whoever used it: so of what an
 * hour may use, a third is left to those who wait, and of a day's.
 *
 * Runs that begin at the same time each see the same 'now'. In the background the hour's
 * part holds all the same: the gateway counts each call by it (limiter.h). So many callers
 * who wait may use more of an hour than its part, and no more than the day's quota.
 */
extern int	reco_budget_share(int budget, int quota, bool background, int64_t before,
							 int64_t now);

/* How many calls of a quota an hour may use. */
extern int64_t reco_budget_hour(int quota, bool background, int64_t before);

#endif							/* RECO_BUDGET_H */
