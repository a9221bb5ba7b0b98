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
static int	taken[RECO_NWISHES];

static void queue(const RecoWish *wish);
static void drop_taken(void);

bool
reco_keeper_queue_wishes(Oid extension)
{
	RecoWish   *wishes;
	int			n;

	/* the round before may have ended in an ERROR */
	drop_taken();
	wishes = palloc(sizeof(RecoWish) * MOST_TAKEN);
	n = reco_wishes_take(MyDatabaseId, extension, wishes, MOST_TAKEN);
	for (int i = 0; i < n; i++)
		taken[wishes[i].kind]++;
	if (n > 0 &&
		(reco_guc_job_workers == 0 ||
		 reco_job_waiting(RECO_JOB_MENDS, MOST_WAITING) >= MOST_WAITING))
	{
		drop_taken();
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
static void
drop_taken(void)
{
	for (int k = 0; k < RECO_NWISHES; k++)
		if (taken[k] > 0)
			reco_wishes_dropped(k, taken[k]);
	memset(taken, 0, sizeof(taken));
}

/* After the commit. */
void
reco_keeper_wishes_committed(void)
{
	memset(taken, 0, sizeof(taken));
}
