/*-------------------------------------------------------------------------
 *
 * chores.h
 *	  What functions on chores have in common.
 *
 * Purpose: the name of a chore as an argument; looking at what pg_cron has of them.
 * Runs in: a backend.
 * Locks:	none.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_API_CHORES_H
#define RECO_API_CHORES_H

#include "compat.h"

#include "store/chore.h"
#include "store/cron.h"

/* The chore that an argument names; an ERROR where there is none. */
extern int	reco_argument_chore(FunctionCallInfo fcinfo, int nth);

/* Begins an order for pg_cron; adds a job to it, of a chore that was registered. */
extern void reco_cron_begin(RecoCronOrder *order, RecoCronWhat what,
							const char *cron_database);
extern RecoCronJob *reco_cron_add(RecoCronOrder *order, const RecoChoreMark *mark);

#endif							/* RECO_API_CHORES_H */
