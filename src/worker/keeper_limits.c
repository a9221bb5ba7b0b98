/*-------------------------------------------------------------------------
 *
 * keeper_limits.c
 *	  What the keeper writes of services' limits.
 *
 * Purpose: see keeper_limits.h.
 * Runs in: the keeper of a database, in a transaction of the caller's.
 * Locks:	those of its statements; none of the rows is anybody else's to write.
 * Never:	write what lanes know before it has read what the table knows.
 *
 *-------------------------------------------------------------------------
 */
#include "keeper_limits.h"

#include "miscadmin.h"
#include "shmem/shared.h"
#include "store/limit_state.h"
#include "utils/guc.h"

#define COUNTS_US	INT64CONST(10000000)	/* between two writes of the day's counts */

static uint64 writing = 0;		/* what is noted up to here is in this transaction */
static uint64 written = 0;		/* committed */
static int64 counted_at = 0;	/* monotonic us */

static bool has_new_counts(void);

/* Writes what there is to write. */
bool
reco_keeper_keep_limits(bool may)
{
	RecoLimitState *states;
	uint64		noted = reco_limits_noted();
	int64		now = reco_now_us();
	bool		urgent = noted != written;

	writing = written;
	if (!may || !reco_limit_state_load(true))
		return false;			/* it is tried again in the next round */
	if (!urgent && (now - counted_at < COUNTS_US || !has_new_counts()))
		return false;
	if (urgent)
		(void) set_config_option("synchronous_commit", "local", PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
	states = palloc(sizeof(RecoLimitState) * reco_shared->nlanes);
	reco_limit_state_write(states, reco_limits_read(states));
	writing = noted;
	counted_at = now;
	return urgent;
}

/* Was anything sent since counts were written? */
static bool
has_new_counts(void)
{
	for (int i = 0; i < reco_shared->nlanes; i++)
		if (reco_lanes[i].used && reco_lanes[i].keep_until != 0 &&
			reco_lanes[i].sent_at > counted_at)
			return true;
	return false;
}

/* After the commit. */
void
reco_keeper_limits_committed(void)
{
	if (writing == written)
		return;
	written = writing;
	reco_limits_written(MyDatabaseId, written);
}
