/*-------------------------------------------------------------------------
 *
 * keeper_promises.c
 *	  What the keeper writes before all else: listeners' new refresh tokens.
 *
 * Purpose: see keeper_promises.h.
 * Runs in: the keeper of a database, in a transaction of the caller's.
 * Locks:	row locks of its UPDATEs, none of which is waited for.
 * Never:	say that a promise is kept before it is flushed; wait for a standby.
 *
 *-------------------------------------------------------------------------
 */
#include "keeper_promises.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "shmem/promise.h"
#include "source/remote.h"
#include "store/listener_token.h"
#include "upstream/buffer.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#define MOST_TAKEN	32			/* in one transaction */

/* What is written, or unwanted, once the transaction commits. */
static RecoPromise *done = NULL;
static int	ndone = 0;
static int	ntaken = 0;			/* of 'done', what has not been wiped yet */
static bool trying = false;		/* and no commit since: they may be what fails */

static bool keep(const RecoPromise *promise);
static void forget(void);

/* Writes what is promised. */
bool
reco_keeper_keep_promises(Oid extension, bool may)
{
	/* the round before may have ended in an ERROR */
	forget();
	if (!may || reco_promises_waiting(MyDatabaseId) == 0)
		return false;
	if (done == NULL)
		done = MemoryContextAlloc(TopMemoryContext, sizeof(RecoPromise) * MOST_TAKEN);

	/* flushed here, whatever a standby is set to wait for */
	(void) set_config_option("synchronous_commit", "local", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
	trying = true;
	ntaken = reco_promises_take(MyDatabaseId, extension, done, MOST_TAKEN);
	for (int i = 0; i < ntaken; i++)
		if (keep(&done[i]))
		{
			RecoPromise kept = done[i];

			done[i] = done[ndone];
			done[ndone++] = kept;
			reco_wipe(&kept, sizeof(kept));
		}
	reco_wipe(&done[ndone], sizeof(RecoPromise) * (ntaken - ndone));
	ntaken = ndone;
	return ndone > 0;
}

/* Leaves no token behind. */
static void
forget(void)
{
	if (ntaken > 0)
		reco_wipe(done, sizeof(RecoPromise) * ntaken);
	ndone = ntaken = 0;
}

/* Writes one; false = it must wait, as somebody changes the row. */
static bool
keep(const RecoPromise *promise)
{
	char	   *user_id = reco_remote_text(promise->user_id);
	char	   *server = reco_remote_text(promise->server);

	return reco_listener_token_replace(user_id, server, promise->consent,
									   promise->token) != RECO_TOKEN_LOCKED;
}

/* After the commit. */
void
reco_keeper_promises_committed(void)
{
	trying = false;
	for (int i = 0; i < ndone; i++)
		reco_promise_kept(&done[i]);
	forget();
}

bool
reco_keeper_has_promises(void)
{
	return !trying && reco_promises_waiting(MyDatabaseId) > 0;
}
