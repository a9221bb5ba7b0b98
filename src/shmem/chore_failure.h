/*-------------------------------------------------------------------------
 *
 * chore_failure.h
 *	  Chores that failed in backends, on their way to the keeper.
 *
 * Purpose: let a failure outlive the transaction that it undid, until the keeper of the
 *			database has written it.
 * Runs in: any process that has the library preloaded.
 * Locks:	'databases' of shared.h.
 * Never:	wait for room: the oldest one gives way.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_CHORE_FAILURE_H
#define RECO_CHORE_FAILURE_H

#include "compat.h"

#include "datatype/timestamp.h"

#define RECO_CHORE_FAILURES	32	/* of all databases */

typedef struct RecoChoreFailure
{
	Oid			database;		/* InvalidOid = free */
	int			chore;
	TimestampTz at;
	char		by[16];
	char		message[200];
} RecoChoreFailure;

/* Tells one of this database, and wakes its keeper. */
extern void reco_chore_failure_tell(int chore, const char *by, const char *message);

/* Takes one of this database; false = there is none. */
extern bool reco_chore_failure_take(RecoChoreFailure *failure);

#endif							/* RECO_CHORE_FAILURE_H */
