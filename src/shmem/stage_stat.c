/*-------------------------------------------------------------------------
 *
 * stage_stat.c
 *	  How long lists take, and each stage of a run: histograms by database.
 *
 * Purpose: see stage_stat.h. A row per database, claimed by the first who counts there.
 *			Lists that were kept have a histogram of their own, without a sum: their
 *			mean is told from it.
 * Runs in: any process that has the library preloaded.
 * Locks:	'stages' of shared.h, while a row is claimed; the counters are atomic.
 * Never:	wait for a lock to count.
 *
 * A row that gives way is emptied first. Who counts in it at that very moment may leave
 * a number behind; nothing rests on it.
 *
 *-------------------------------------------------------------------------
 */
#include "stage_stat.h"

#include "port/atomics.h"
#include "shared.h"
#include "utils/timestamp.h"

typedef struct Metric
{
	pg_atomic_uint32 counts[RECO_HISTOGRAM_BUCKETS];
	pg_atomic_uint64 sum_us;
	pg_atomic_uint64 max_us;
	pg_atomic_uint64 keys;
	pg_atomic_uint64 hits;
} Metric;

typedef struct Row
{
	pg_atomic_uint32 database;	/* InvalidOid = free */
	pg_atomic_uint64 used_at;	/* by a run */
	Metric		metrics[RECO_STAGE_STATS];
	pg_atomic_uint32 kept[RECO_HISTOGRAM_BUCKETS];	/* lists that were */
} Row;

static Row *rows = NULL;		/* RECO_STAGE_STAT_ROWS */
static int	mine = 0;			/* the row that this process counted in last */

static Row *claim(Oid database);
static void empty(Row *row);
static void init(Row *row);

Size
reco_stage_stats_size(void)
{
	return CACHELINEALIGN(sizeof(Row) * RECO_STAGE_STAT_ROWS);
}

void
reco_stage_stats_attach(char *memory, bool fresh)
{
	rows = (Row *) memory;
	for (int i = 0; fresh && i < RECO_STAGE_STAT_ROWS; i++)
		init(&rows[i]);
}

/* Sets a row's counters to 0. */
static void
empty(Row *row)
{
	for (int m = 0; m < RECO_STAGE_STATS; m++)
	{
		Metric	   *metric = &row->metrics[m];

		for (int i = 0; i < RECO_HISTOGRAM_BUCKETS; i++)
			pg_atomic_write_u32(&metric->counts[i], 0);
		pg_atomic_write_u64(&metric->sum_us, 0);
		pg_atomic_write_u64(&metric->max_us, 0);
		pg_atomic_write_u64(&metric->keys, 0);
		pg_atomic_write_u64(&metric->hits, 0);
	}
	for (int i = 0; i < RECO_HISTOGRAM_BUCKETS; i++)
		pg_atomic_write_u32(&row->kept[i], 0);
}

/* Makes a row's counters what they have to be before the first use. */
static void
init(Row *row)
{
	pg_atomic_init_u32(&row->database, InvalidOid);
	pg_atomic_init_u64(&row->used_at, 0);
	for (int m = 0; m < RECO_STAGE_STATS; m++)
	{
		Metric	   *metric = &row->metrics[m];

		for (int i = 0; i < RECO_HISTOGRAM_BUCKETS; i++)
			pg_atomic_init_u32(&metric->counts[i], 0);
		pg_atomic_init_u64(&metric->sum_us, 0);
		pg_atomic_init_u64(&metric->max_us, 0);
		pg_atomic_init_u64(&metric->keys, 0);
		pg_atomic_init_u64(&metric->hits, 0);
	}
	for (int i = 0; i < RECO_HISTOGRAM_BUCKETS; i++)
		pg_atomic_init_u32(&row->kept[i], 0);
}

/* The row of a database; NULL = nothing is shared. */
static Row *
row_of(Oid database)
{
	if (rows == NULL)
		return NULL;
	if (pg_atomic_read_u32(&rows[mine].database) == database)
		return &rows[mine];
	return claim(database);
}

/* Finds the row of a database, or makes the least recently used one its own. */
static Row *
claim(Oid database)
{
	int			oldest = 0;

	LWLockAcquire(&reco_shared->stages, LW_EXCLUSIVE);
	mine = -1;
	for (int i = 0; i < RECO_STAGE_STAT_ROWS && mine < 0; i++)
	{
		if (pg_atomic_read_u32(&rows[i].database) == database)
			mine = i;
		if (pg_atomic_read_u64(&rows[i].used_at) <
			pg_atomic_read_u64(&rows[oldest].used_at))
			oldest = i;
	}
	if (mine < 0)
	{
		mine = oldest;
		empty(&rows[mine]);
		pg_atomic_write_u64(&rows[mine].used_at, (uint64) GetCurrentTimestamp());
		pg_write_barrier();
		pg_atomic_write_u32(&rows[mine].database, database);
	}
	LWLockRelease(&reco_shared->stages);
	return &rows[mine];
}

/* Counts what a run took. */
void
reco_stage_stat_add(Oid database, int metric, int64 us, int keys, int hits)
{
	Row		   *row = row_of(database);
	uint64		duration = us > 0 ? (uint64) us : 0;
	Metric	   *counted;
	uint64		max;

	Assert(metric >= 0 && metric < RECO_STAGE_STATS);
	if (row == NULL)
		return;
	counted = &row->metrics[metric];
	pg_atomic_fetch_add_u32(&counted->counts[reco_histogram_bucket(duration)], 1);
	pg_atomic_fetch_add_u64(&counted->sum_us, (int64) duration);
	max = pg_atomic_read_u64(&counted->max_us);
	while (duration > max &&
		   !pg_atomic_compare_exchange_u64(&counted->max_us, &max, duration))
		;
	if (keys > 0)
		pg_atomic_fetch_add_u64(&counted->keys, keys);
	if (hits > 0)
		pg_atomic_fetch_add_u64(&counted->hits, hits);
	if (metric == RECO_STAGE_STAT_TOTAL)
		pg_atomic_write_u64(&row->used_at, (uint64) GetCurrentTimestamp());
}

/* Counts a list that was kept. */
void
reco_stage_stat_hit(Oid database, int64 us)
{
	Row		   *row = row_of(database);

	if (row != NULL)
		pg_atomic_fetch_add_u32(
			&row->kept[reco_histogram_bucket(us > 0 ? (uint64) us : 0)], 1);
}

double
reco_stage_stat_hit_us(Oid database)
{
	Row		   *row = row_of(database);
	RecoHistogram times = {0};

	for (int i = 0; row != NULL && i < RECO_HISTOGRAM_BUCKETS; i++)
	{
		uint64_t	low;

		times.counts[i] = pg_atomic_read_u32(&row->kept[i]);
		times.n += times.counts[i];
		if (times.counts[i] > 0)
			reco_histogram_bounds(i, &low, &times.max_us);
	}
	return reco_histogram_percentile(&times, 0.5);
}

/* Adds what was kept to the total. */
static void
add_kept(const Row *row, RecoStageStat *stat)
{
	for (int i = 0; i < RECO_HISTOGRAM_BUCKETS; i++)
	{
		uint64 n = pg_atomic_read_u32(unconstify(pg_atomic_uint32 *, &row->kept[i]));
		uint64_t	low;
		uint64_t	high;

		if (n == 0)
			continue;
		reco_histogram_bounds(i, &low, &high);
		stat->times.counts[i] += n;
		stat->times.n += n;
		stat->times.sum_us += n * ((low + high) / 2);
		stat->times.max_us = Max(stat->times.max_us, high);
		stat->hits += n;
	}
}

/* Reads one metric. */
void
reco_stage_stat_read(int row, int metric, RecoStageStat *stat)
{
	Metric	   *counted;

	memset(stat, 0, sizeof(*stat));
	if (rows == NULL)
		return;
	counted = &rows[row].metrics[metric];
	stat->database = pg_atomic_read_u32(&rows[row].database);
	for (int i = 0; i < RECO_HISTOGRAM_BUCKETS; i++)
	{
		stat->times.counts[i] = pg_atomic_read_u32(&counted->counts[i]);
		stat->times.n += stat->times.counts[i];
	}
	stat->times.sum_us = pg_atomic_read_u64(&counted->sum_us);
	stat->times.max_us = pg_atomic_read_u64(&counted->max_us);
	stat->keys = pg_atomic_read_u64(&counted->keys);
	stat->hits = pg_atomic_read_u64(&counted->hits);
	if (metric == RECO_STAGE_STAT_TOTAL)
		add_kept(&rows[row], stat);
}

void
reco_stage_stats_reset(void)
{
	for (int i = 0; rows != NULL && i < RECO_STAGE_STAT_ROWS; i++)
		empty(&rows[i]);
}
