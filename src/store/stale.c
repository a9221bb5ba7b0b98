/*-------------------------------------------------------------------------
 *
 * stale.c
 *	  What a transaction makes of results that are kept.
 *
 * Purpose: see stale.h. What a subtransaction noted that was rolled back counts too: it
 *			costs a result that could have stayed, and nothing else.
 * Runs in: any process with a database and a transaction.
 * Locks:	none.
 * Never:	throw at commit; forget a note because memory is short: then all go.
 *
 * A prepared transaction is committed by another process, perhaps after a restart. So
 * COMMIT PREPARED makes all results of the database invalid, whatever was prepared.
 *
 *-------------------------------------------------------------------------
 */
#include "stale.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "shmem/result_epoch.h"
#include "shmem/shared.h"
#include "utils/memutils.h"

#define MOST_LISTENERS	100		/* of more, all results go */

/* A listener whose results are concerned; in TopTransactionContext. */
typedef struct Note
{
	bool		gone;
	char	   *user_id;
} Note;

static Note notes[MOST_LISTENERS];
static int	nnotes = 0;
static bool all = false;

static void register_once(void);
static void at_transaction_end(XactEvent event, void *arg);

void
reco_stale_all(void)
{
	if (reco_shared == NULL)
		return;
	register_once();
	all = true;
}

void
reco_stale_listener(const char *user_id, bool gone)
{
	if (reco_shared == NULL || all)
		return;
	register_once();
	for (int i = 0; i < nnotes; i++)
		if (strcmp(notes[i].user_id, user_id) == 0)
		{
			notes[i].gone |= gone;
			return;
		}
	if (nnotes == MOST_LISTENERS)
	{
		all = true;
		return;
	}
	notes[nnotes].user_id = MemoryContextStrdup(TopTransactionContext, user_id);
	notes[nnotes++].gone = gone;
}

static void
register_once(void)
{
	static bool registered = false;

	if (!registered)
		RegisterXactCallback(at_transaction_end, NULL);
	registered = true;
}

/* Does what was noted; others see the changes by now. */
static void
at_transaction_end(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
		event != XACT_EVENT_PREPARE)
		return;
	if (event != XACT_EVENT_ABORT && all)
	{
		reco_result_epoch_move(MyDatabaseId, NULL);
		reco_database_wake(MyDatabaseId);	/* the shared matrix is of an older state */
	}
	for (int i = 0; i < nnotes && event != XACT_EVENT_ABORT && !all; i++)
	{
		if (notes[i].gone)
			reco_result_epoch_move(MyDatabaseId, notes[i].user_id);
		else
			reco_result_epoch_age(MyDatabaseId, notes[i].user_id);
	}
	nnotes = 0;
	all = false;
}
