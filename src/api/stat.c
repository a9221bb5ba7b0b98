/*-------------------------------------------------------------------------
 *
 * stat.c
 *	  What the gateway did, and how it is: rows of the reco_stat views.
 *
 * Purpose: shared memory into rows; and setting the figures back.
 * Runs in: a backend.
 * Locks:	'lanes', 'processes' and 'pool' of shared.h, one after the other.
 * Never:	show a secret: of a credential there is only a fingerprint.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "cache.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "pipeline/run.h"
#include "shmem/shared.h"
#include "shmem/slot.h"
#include "shmem/stage_stat.h"
#include "source/remote.h"
#include "utils/array.h"
#include "store/sql.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(reco_stat_upstream);
PG_FUNCTION_INFO_V1(reco_stat_worker);
PG_FUNCTION_INFO_V1(reco_stat_gateway);
PG_FUNCTION_INFO_V1(reco_stat_stage);
PG_FUNCTION_INFO_V1(reco_stat_reset);

#define MOST_COLUMNS	64

/* A row in the making. */
typedef struct Row
{
	int			n;
	Datum		values[MOST_COLUMNS];
	bool		nulls[MOST_COLUMNS];
} Row;

static void put_lane(Row *row, const RecoLane *lane);

static void
put(Row *row, Datum value)
{
	row->nulls[row->n] = false;
	row->values[row->n++] = value;
}

static void
put_null(Row *row)
{
	row->nulls[row->n] = true;
	row->values[row->n++] = (Datum) 0;
}

static void
put_text(Row *row, const char *text)
{
	if (text == NULL || text[0] == '\0')
		put_null(row);
	else
		put(row, CStringGetTextDatum(text));
}

static void
put_count(Row *row, uint64 count)
{
	put(row, Int64GetDatum((int64) count));
}

/* A calendar time; 0 is NULL. */
static void
put_time(Row *row, TimestampTz time)
{
	if (time == 0)
		put_null(row);
	else
		put(row, TimestampTzGetDatum(time));
}

/* A monotonic time that lies ahead, else NULL. */
static void
put_ahead(Row *row, int64 us)
{
	put_time(row, us > reco_now_us() ? reco_calendar_time(us) : 0);
}

/* Median, 95th and 99th percentile in ms; NULL when nothing was counted. */
static void
put_percentiles(Row *row, const RecoHistogram *histogram)
{
	static const double shares[] = {0.5, 0.95, 0.99};

	for (int i = 0; i < lengthof(shares); i++)
	{
		double		us = reco_histogram_percentile(histogram, shares[i]);

		if (us < 0)
			put_null(row);
		else
			put(row, Float8GetDatum(us / 1000));
	}
}

/* Starts a set of rows, of the columns that this library knows. */
static ReturnSetInfo *
begin_rows(FunctionCallInfo fcinfo)
{
	(void) reco_sql_own_extension();
	InitMaterializedSRF(fcinfo, 0);
	return (ReturnSetInfo *) fcinfo->resultinfo;
}

static void
put_row(ReturnSetInfo *result, Row *row)
{
	Assert(row->n == result->setDesc->natts);
	tuplestore_putvalues(result->setResult, result->setDesc, row->values, row->nulls);
}

/* One row per upstream that was asked since the server started. */
Datum
reco_stat_upstream(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = begin_rows(fcinfo);
	RecoLane   *copy;

	if (reco_shared == NULL)
		return (Datum) 0;
	copy = palloc(sizeof(RecoLane));
	for (int i = 0; i < reco_shared->nlanes; i++)
	{
		Row			row = {0};

		LWLockAcquire(&reco_shared->lanes, LW_SHARED);
		memcpy(copy, &reco_lanes[i], sizeof(RecoLane));
		LWLockRelease(&reco_shared->lanes);
		if (!copy->used)
			continue;
		put_lane(&row, copy);
		put_row(result, &row);
	}
	return (Datum) 0;
}

/* The endpoints that are closed for the app, by name. */
static void
put_refused(Row *row, const RecoLane *lane)
{
	Datum		names[RECO_MAXENDPOINTS];
	int			n = 0;

	for (int i = 0; i < reco_service_endpoints(lane->service); i++)
		if ((lane->capabilities.refused >> i) & 1)
			names[n++] = CStringGetTextDatum(reco_endpoint_name(lane->service, i));
	put(row,
		PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT)));
}

/* The columns of an upstream, in the order of the view. */
static void
put_lane(Row *row, const RecoLane *lane)
{
	static const char *const states[] = {"closed", "open", "half-open"};
	const uint64 *counters = lane->counters;

	put_text(row, reco_remote_text(lane->server));
	put_text(row, reco_service_name(lane->service));
	put_text(row, lane->base_url);
	put_text(row, psprintf("%016llx", (unsigned long long) lane->fingerprint));
	put_count(row, counters[RECO_LANE_QUESTIONS]);
	put_count(row, counters[RECO_LANE_CALLS]);
	put_count(row, counters[RECO_LANE_KEYS]);
	if (counters[RECO_LANE_CALLS] == 0)
		put_null(row);
	else
		put(row,
			Float8GetDatum((double) counters[RECO_LANE_KEYS] /
						   counters[RECO_LANE_CALLS]));
	put_count(row, counters[RECO_LANE_COALESCED]);
	put_count(row, counters[RECO_LANE_RETRIES]);
	put_count(row, counters[RECO_LANE_EXPIRED]);
	put_count(row, counters[RECO_LANE_TOKENS]);
	for (int i = 0; i <= RECO_OUTCOME_BUSY; i++)
		put_count(row, lane->outcomes[i]);
	put_percentiles(row, &lane->queue);
	put_percentiles(row, &lane->network);
	put_percentiles(row, &lane->total);
	put_count(row, counters[RECO_LANE_BYTES_SENT]);
	put_count(row, counters[RECO_LANE_BYTES_RECEIVED]);
	put(row, Int32GetDatum(lane->queued));
	put(row, Int32GetDatum(lane->in_flight));
	put(row, Int32GetDatum(lane->connections));
	put_count(row, counters[RECO_LANE_OPENED]);
	put_count(row, counters[RECO_LANE_REUSED]);
	put_text(row, states[lane->breaker.state]);
	put_ahead(row, lane->breaker.state == RECO_BREAKER_OPEN ? lane->breaker.until : 0);
	put(row, Float8GetDatum(lane->limit.concurrency));
	put_ahead(row, lane->limit.blocked_until);
	put_ahead(row, Max(lane->limit.quota_until, reco_lane_exhausted_until(lane)));
	put_ahead(row, Max(lane->app_refused_until, lane->unauthorised_until));
	put_refused(row, lane);
	put_time(row, reco_calendar_time(lane->seen_at));
	put_text(row, reco_remote_text(lane->last_error));
	put_time(row, reco_calendar_time(lane->last_error_at));
}

/* One row per process of ours. */
Datum
reco_stat_worker(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = begin_rows(fcinfo);
	RecoProcess *copy;

	if (reco_shared == NULL)
		return (Datum) 0;
	copy = palloc(sizeof(reco_shared->process));
	LWLockAcquire(&reco_shared->processes, LW_SHARED);
	memcpy(copy, reco_shared->process, sizeof(reco_shared->process));
	LWLockRelease(&reco_shared->processes);
	for (int i = 0; i < RECO_NPROCESSES; i++)
	{
		Row			row = {0};

		if (!copy[i].used)
			continue;
		put_text(&row, reco_process_kind_name(copy[i].kind));
		if (copy[i].pid == 0)
			put_null(&row);
		else
			put(&row, Int32GetDatum(copy[i].pid));
		if (OidIsValid(copy[i].database))
			put(&row, ObjectIdGetDatum(copy[i].database));
		else
			put_null(&row);
		put_text(&row, copy[i].pid == 0 ? "ended" : copy[i].state);
		put_time(&row, copy[i].started);
		put(&row, Int32GetDatum(copy[i].starts));
		put_text(&row, copy[i].last_error);
		put_time(&row, copy[i].last_error_at);
		put_row(result, &row);
	}
	return (Datum) 0;
}

/* How full the way to the gateway is: one row, none where nothing is shared. */
Datum
reco_stat_gateway(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = begin_rows(fcinfo);
	Row			row = {0};

	if (reco_shared == NULL)
		return (Datum) 0;
	LWLockAcquire(&reco_shared->pool, LW_SHARED);
	put(&row, Int32GetDatum(reco_shared->nslots));
	put(&row, Int32GetDatum(reco_shared->nfree_slots));
	put_count(&row, (uint64) reco_shared->nblocks * RECO_BLOCK_SIZE);
	put_count(&row, (uint64) reco_shared->nfree_blocks * RECO_BLOCK_SIZE);
	put_count(&row, reco_shared->refused_slots);
	put_count(&row, reco_shared->refused_blocks);
	LWLockRelease(&reco_shared->pool);
	put_count(&row, reco_shared_size());
	put_row(result, &row);
	return (Datum) 0;
}

/* The columns of a metric, in the order of the view. */
static void
put_metric(Row *row, const RecoStageStat *stat, int metric)
{
	const RecoHistogram *times = &stat->times;
	uint64		asked = metric == RECO_STAGE_STAT_TOTAL ? times->n : stat->keys;

	put(row, ObjectIdGetDatum(stat->database));
	put(row, Int32GetDatum(metric));
	put_text(row, reco_run_metric_name(metric));
	put_count(row, times->n);
	put_percentiles(row, times);
	put(row, Float8GetDatum((double) times->sum_us / 1000 / times->n));
	put(row, Float8GetDatum((double) times->max_us / 1000));
	if (metric == RECO_STAGE_STAT_TOTAL)
		put_null(row);
	else
		put_count(row, stat->keys);
	put_count(row, stat->hits);
	if (asked == 0)
		put_null(row);
	else
		put(row, Float8GetDatum((double) stat->hits / asked));
}

/* One row per database and metric of which something was counted. */
Datum
reco_stat_stage(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = begin_rows(fcinfo);
	RecoStageStat *stat = palloc(sizeof(RecoStageStat));

	for (int i = 0; i < RECO_STAGE_STAT_ROWS; i++)
		for (int m = 0; reco_run_metric_name(m) != NULL; m++)
		{
			Row			row = {0};

			reco_stage_stat_read(i, m, stat);
			if (!OidIsValid(stat->database) || stat->times.n == 0)
				continue;
			put_metric(&row, stat, m);
			put_row(result, &row);
		}
	return (Datum) 0;
}

/* Sets the figures of all upstreams to 0; limits and what was learned stay. */
Datum
reco_stat_reset(PG_FUNCTION_ARGS)
{
	if (reco_shared != NULL)
		reco_lanes_reset();
	reco_cache_stats_reset();
	reco_stage_stats_reset();
	PG_RETURN_VOID();
}
