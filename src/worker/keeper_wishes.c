/*-------------------------------------------------------------------------
 *
 * keeper_wishes.c
 *	  What backends wished for becomes jobs.
 *
 * Purpose: see keeper_wishes.h.
 * Runs in: the keeper of a database, in a transaction of the caller's.
 * Locks:	those of store/job.h; nobody else queues jobs of these kinds.
 * Never:	let wishes pile up: where many such jobs wait, and where a transaction fails,
 *			they are dropped and counted.
 *
 *-------------------------------------------------------------------------
 */
#include "keeper_wishes.h"

#include "guc.h"
#include "miscadmin.h"
#include "shmem/wish.h"
#include "store/job.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/syscache.h"

#define MOST_TAKEN		32		/* in one transaction */
#define MOST_WAITING	200		/* jobs; later ones would come too late to be of use */

/* What was taken and is not committed yet. */
static RecoWishMark taken[MOST_TAKEN];
static int	ntaken = 0;

static void queue(const RecoWish *wish);

bool
reco_keeper_queue_wishes(Oid extension)
{
	RecoWish   *wishes;
	int			n;

	/* the round before may have ended in an ERROR */
	reco_keeper_wishes_failed();
	wishes = palloc(sizeof(RecoWish) * MOST_TAKEN);
	n = reco_wishes_take(MyDatabaseId, extension, wishes, MOST_TAKEN);
	for (int i = 0; i < n; i++)
		taken[ntaken++] = (RecoWishMark){wishes[i].kind, wishes[i].hash};
	if (n > 0 &&
		(reco_guc_job_workers == 0 ||
		 reco_job_waiting(RECO_JOB_MENDS, MOST_WAITING) >= MOST_WAITING))
	{
		reco_keeper_wishes_failed();
		return false;
	}
	for (int i = 0; i < n; i++)
		if (SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(wishes[i].role)))
			queue(&wishes[i]);
	pfree(wishes);
	return n == MOST_TAKEN;
}

static void
queue(const RecoWish *wish)
{
	RecoJobOrder order = {.kind = reco_wish_name(wish->kind),
						  .user_id = wish->user_id,
						  .role = wish->role,
						  .priority = RECO_JOB_MENDS};

	order.arguments =
		DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(wish->arguments)));
	order.key = reco_job_key(wish->role, order.arguments);
	(void) reco_job_queue(&order);
}

/* What was taken is not queued after all. */
void
reco_keeper_wishes_failed(void)
{
	if (ntaken > 0)
		reco_wishes_dropped(taken, ntaken);
	ntaken = 0;
}

/* After the commit. */
void
reco_keeper_wishes_committed(void)
{
	ntaken = 0;
}
