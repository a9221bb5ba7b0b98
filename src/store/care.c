/*-------------------------------------------------------------------------
 *
 * care.c
 *	  What keeper and job workers do as they go, all of it at once.
 *
 * Purpose: see care.h.
 * Runs in: a backend: by hand, or of pg_cron; the keeper, for what it does by a timer.
 * Locks:	row locks; who deletes the same rows meanwhile waits, the keeper not for long.
 *			Of the snapshot, that of store/cache.h against invalidations and the keeper.
 * Never:	go on when it is interrupted.
 *
 *-------------------------------------------------------------------------
 */
#include "care.h"

#include "ask.h"
#include "cache.h"
#include "guc.h"
#include "job.h"
#include "limit_state.h"
#include "logged.h"
#include "miscadmin.h"
#include "run.h"
#include "shmem/cached.h"
#include "shmem/limit_state.h"
#include "shmem/shared.h"
#include "snapshot.h"
#include "utils/timestamp.h"

#define MOST_AT_ONCE	30000	/* rows that one statement deletes */
#define MOST_CHUNKS		64		/* that one statement writes */

static int64 count_gone(const RecoCacheCount *counts, int ncounts, bool evicted);

int64
reco_care_expire(void)
{
	int64		deleted = 0;
	int64		now;
	RecoCacheCount *counts;
	int			ncounts;

	do
	{
		CHECK_FOR_INTERRUPTS();
		counts = reco_cache_expire(MOST_AT_ONCE, &ncounts);
		deleted += now = count_gone(counts, ncounts, false);
	} while (now >= MOST_AT_ONCE);
	reco_cache_forget_counts();
	do
	{
		CHECK_FOR_INTERRUPTS();
		counts = reco_cache_evict(MOST_AT_ONCE, &ncounts);
		deleted += now = count_gone(counts, ncounts, true);
	} while (now >= MOST_AT_ONCE);
	return deleted;
}

/* Adds to the counters of reco_cache_stats, and up. */
static int64
count_gone(const RecoCacheCount *counts, int ncounts, bool evicted)
{
	int64		sum = 0;

	for (int i = 0; i < ncounts; i++)
	{
		int			category = reco_category_of(counts[i].category);

		sum += counts[i].entries;
		if (category < 0 || reco_cached_counts == NULL)
			continue;
		pg_atomic_fetch_add_u64(evicted ? &reco_cached_counts[category].table_evicted
										: &reco_cached_counts[category].expired,
								counts[i].entries);
	}
	return sum;
}

int64
reco_care_history(void)
{
	TimestampTz now = GetCurrentTimestamp();
	int64		minute = SECS_PER_MINUTE * USECS_PER_SEC;
	int64		deleted = 0;
	int64		some;

	do
	{
		CHECK_FOR_INTERRUPTS();
		deleted += some = reco_run_trim(now - reco_guc_run_history_age * minute,
										reco_guc_run_history, MOST_AT_ONCE);
	} while (some >= MOST_AT_ONCE);
	do
	{
		CHECK_FOR_INTERRUPTS();
		deleted += some = reco_ask_trim(now - reco_guc_run_history_age * minute,
										reco_guc_run_history, MOST_AT_ONCE);
	} while (some >= MOST_AT_ONCE);
	do
	{
		CHECK_FOR_INTERRUPTS();
		deleted += some = reco_job_trim(now - reco_guc_job_history_age * minute,
										reco_guc_job_history, MOST_AT_ONCE);
	} while (some >= MOST_AT_ONCE);
	return deleted;
}

/* Copies the chunks of a table that have changed. */
static int64
copy(RecoSnapshotSource source, int64 *bytes)
{
	RecoSnapshotCut cut;
	RecoSnapshotChunk *chunks;
	int			nchunks;

	if (reco_logged_is(reco_snapshot_table(source)))
	{
		reco_snapshot_clear(source);
		reco_snapshot_note_taken(source, 0);
		return 0;
	}
	reco_snapshot_cut(source, *bytes, &cut);
	*bytes -= cut.bytes;
	chunks = reco_snapshot_changed(source, &cut, &nchunks);
	for (int i = 0; i < nchunks; i += MOST_CHUNKS)
	{
		CHECK_FOR_INTERRUPTS();
		reco_snapshot_write(source, chunks + i, Min(MOST_CHUNKS, nchunks - i), &cut);
	}
	reco_snapshot_note_taken(source, GetCurrentTimestamp());
	return nchunks;
}

int64
reco_care_snapshot(void)
{
	int64		bytes = (int64) reco_guc_snapshot_size * 1024;
	int64		nchunks = 0;

	if (!reco_snapshot_is_alive())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the tables are not restored from the last snapshot yet"),
				 errhint("The keeper does that, within seconds where it runs; see "
						 "reco_doctor().")));
	reco_cache_write_alone();
	for (int i = 0; i < RECO_NSNAPSHOTS; i++)
		nchunks += copy((RecoSnapshotSource) i, &bytes);
	return nchunks;
}

int
reco_care_reprobe(void)
{
	int			n;

	if (reco_shared == NULL)
		return 0;
	n = reco_limits_forget_refused();
	reco_limit_state_forget_refused();
	return n;
}
