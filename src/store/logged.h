/*-------------------------------------------------------------------------
 *
 * logged.h
 *	  Which of the tables of the memory are logged, and making them so.
 *
 * Purpose: tell whether a table may be read here; change it by reco.logged_tables.
 * Runs in: any process with a database and a transaction; changing: the keeper.
 * Locks:	AccessExclusiveLock on a table that is changed.
 * Never:	read an unlogged table on a standby.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_LOGGED_H
#define RECO_LOGGED_H

#include "compat.h"

/* Is a table of schema reco logged now? False where there is none of this name. */
extern bool reco_logged_is(const char *table);

/* May a table be read here? Not an unlogged one on a standby. */
extern bool reco_logged_can_read(const char *table);

/* Makes a table logged, or unlogged; writes all of it anew, and waits for its lock. */
extern void reco_logged_set(const char *table, bool logged);

#endif							/* RECO_LOGGED_H */
