/*-------------------------------------------------------------------------
 *
 * chore_failure.c
 *	  Chores that failed in backends, on their way to the keeper.
 *
 * Purpose: see chore_failure.h.
 * Runs in: any process that has the library preloaded.
 * Locks:	'databases' of shared.h, for a few instructions.
 * Never:	throw: who tells a failure is handling an error.
 *
 *-------------------------------------------------------------------------
 */
#include "chore_failure.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "shared.h"
#include "utils/timestamp.h"

void
reco_chore_failure_tell(int chore, const char *by, const char *message)
{
	RecoChoreFailure *place = NULL;
	int len = pg_mbcliplen(message, (int) strlen(message), sizeof(place->message) - 1);

	if (reco_shared == NULL)
		return;
	LWLockAcquire(&reco_shared->databases, LW_EXCLUSIVE);
	for (int i = 0; i < RECO_CHORE_FAILURES; i++)
	{
		RecoChoreFailure *one = &reco_shared->chore_failure[i];

		/* the newest of a chore, else a free place, else that of the oldest */
		if (one->database == MyDatabaseId && one->chore == chore)
		{
			place = one;
			break;
		}
		if (place == NULL ||
			(OidIsValid(place->database) &&
			 (!OidIsValid(one->database) || one->at < place->at)))
			place = one;
	}
	place->database = MyDatabaseId;
	place->chore = chore;
	place->at = GetCurrentTimestamp();
	strlcpy(place->by, by, sizeof(place->by));
	memcpy(place->message, message, len);
	place->message[len] = '\0';
	LWLockRelease(&reco_shared->databases);
	reco_database_wake(MyDatabaseId);
}

bool
reco_chore_failure_take(RecoChoreFailure *failure)
{
	bool		found = false;

	LWLockAcquire(&reco_shared->databases, LW_EXCLUSIVE);
	for (int i = 0; i < RECO_CHORE_FAILURES && !found; i++)
	{
		RecoChoreFailure *one = &reco_shared->chore_failure[i];

		if (one->database != MyDatabaseId)
			continue;
		*failure = *one;
		one->database = InvalidOid;
		found = true;
	}
	LWLockRelease(&reco_shared->databases);
	return found;
}
