/*-------------------------------------------------------------------------
 *
 * ask.h
 *	  reco.ask: when lists that were kept were given.
 *
 * Purpose: a list that was kept costs no run, so no record tells that it was asked for:
 *			this does.
 * Runs in: the keeper, in a transaction.
 * Locks:	those of its statements.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_STORE_ASK_H
#define RECO_STORE_ASK_H

#include "compat.h"

#include "utils/timestamp.h"

/*
 * Notes that lists of runs were given to listeners just now, set-based; of those that are
 * noted as such lately, and of runs without a record, nothing.
 */
extern void reco_ask_write(const char *const *user_ids, const int64 *run_ids, int n);

/* Deletes rows from before a time, and the oldest ones of more than 'rows'. */
extern int64 reco_ask_trim(TimestampTz before, int64 rows, int64 most);

#endif							/* RECO_STORE_ASK_H */
