/*-------------------------------------------------------------------------
 *
 * limit_state.c
 *	  Limits of services: all SQL on reco.limit_state.
 *
 * Purpose: see limit_state.h.
 * Runs in: any process with a database and a transaction; writing: the keeper.
 * Locks:	those of its statements; reading never waits for one.
 * Never:	trust a row: an endpoint more or less, and any time, may stand there.
 *
 *-------------------------------------------------------------------------
 */
#include "limit_state.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "patience.h"
#include "shmem/shared.h"
#include "sql.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#define NCOLUMNS	8

static RecoStatement read_statement = {
	.text = "SELECT lane, blocked_until, quota_until, exhausted_until, refused_until, hour_at,"
	" hours, updated_at FROM reco.limit_state ORDER BY updated_at DESC",
};

static RecoStatement write_statement = {
	.text = "INSERT INTO reco.limit_state AS s (lane, kind, base_url, credential, blocked_until,"
	"  quota_until, exhausted_until, refused_until, hour_at, hours, updated_at)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp())"
	" ON CONFLICT (lane) DO UPDATE SET blocked_until = excluded.blocked_until,"
	"  quota_until = excluded.quota_until, exhausted_until = excluded.exhausted_until,"
	"  refused_until = excluded.refused_until, hour_at = excluded.hour_at,"
	"  hours = excluded.hours, updated_at = excluded.updated_at",
	.nargs = 10,
	.types = {INT8OID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID,
			  TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZOID, INT4ARRAYOID},
};

static RecoStatement expire_statement = {
	.text = "DELETE FROM reco.limit_state WHERE updated_at < clock_timestamp() - interval '9 days'",
};

static RecoStatement forget_statement = {
	.text = "UPDATE reco.limit_state SET refused_until ="
	"  array_fill(NULL::timestamptz, ARRAY[cardinality(refused_until)])"
	" WHERE array_to_string(refused_until, '') <> ''",
};

static bool read_all(RecoLimitState *states, int *nstates);
static void take_row(HeapTuple tuple, TupleDesc row, RecoLimitState *state);

/* Brings it into shared memory. */
bool
reco_limit_state_load(bool anew)
{
	static bool loaded = false; /* a crash of the server ends this process, too */
	RecoLimitState *states;
	int			nstates;

	if (loaded || reco_shared == NULL)
		return true;
	if (anew || !reco_limits_are_known(MyDatabaseId))
	{
		states = palloc0(sizeof(RecoLimitState) * reco_shared->nlanes);
		if (!read_all(states, &nstates))
			return false;
		reco_limits_put(MyDatabaseId, states, nstates);
		pfree(states);
	}
	loaded = true;
	return true;
}

/* Reads the newest rows; false = somebody has the table alone. */
static bool
read_all(RecoLimitState *states, int *nstates)
{
	RecoSql		sql;

	if (!reco_patience_try(RECO_READS(LIMIT_STATE)))
		return false;
	reco_sql_begin(&sql);
	reco_sql_run(&read_statement, NULL, NULL, true, reco_shared->nlanes);
	*nstates = (int) SPI_processed;
	for (int i = 0; i < *nstates; i++)
		take_row(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, &states[i]);
	reco_sql_end(&sql);
	return true;
}

static TimestampTz
time_of(Datum value, bool isnull)
{
	TimestampTz time = isnull ? 0 : DatumGetTimestampTz(value);

	return TIMESTAMP_NOT_FINITE(time) ? 0 : time;
}

/* Takes the times of an array by endpoint. */
static void
take_times(Datum value, bool isnull, TimestampTz *times)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	if (isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(value), TIMESTAMPTZOID, sizeof(TimestampTz),
					  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, &nulls, &n);
	for (int i = 0; i < n && i < RECO_MAXENDPOINTS; i++)
		times[i] = time_of(elements[i], nulls[i]);
}

static void
take_row(HeapTuple tuple, TupleDesc row, RecoLimitState *state)
{
	Datum		values[NCOLUMNS];
	bool		nulls[NCOLUMNS];
	Datum	   *hours;
	bool	   *missing;
	int			n;

	heap_deform_tuple(tuple, row, values, nulls);
	state->lane_key = (uint64) DatumGetInt64(values[0]);
	state->blocked_until = time_of(values[1], nulls[1]);
	state->quota_until = time_of(values[2], nulls[2]);
	take_times(values[3], nulls[3], state->exhausted_until);
	take_times(values[4], nulls[4], state->refused_until);
	state->hour_at = time_of(values[5], nulls[5]);
	state->updated_at = time_of(values[7], nulls[7]);
	if (nulls[6])
		return;
	deconstruct_array(DatumGetArrayTypeP(values[6]), INT4OID, sizeof(int32), true,
					  TYPALIGN_INT, &hours, &missing, &n);
	for (int i = 0; i < n && i < RECO_LIMIT_HOURS; i++)
		state->hours[i] = missing[i] ? 0 : DatumGetInt32(hours[i]);
}

/* Times by endpoint as a timestamptz[]; 0 is NULL. */
static Datum
times(const TimestampTz *from)
{
	Datum		values[RECO_MAXENDPOINTS];
	bool		nulls[RECO_MAXENDPOINTS];
	int			n = RECO_MAXENDPOINTS;
	int			lower = 1;

	for (int i = 0; i < n; i++)
	{
		nulls[i] = from[i] == 0;
		values[i] = TimestampTzGetDatum(from[i]);
	}
	return PointerGetDatum(construct_md_array(values, nulls, 1, &n, &lower,
											  TIMESTAMPTZOID, sizeof(TimestampTz),
											  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static Datum
counts(const int32 *from)
{
	Datum		values[RECO_LIMIT_HOURS];

	for (int i = 0; i < RECO_LIMIT_HOURS; i++)
		values[i] = Int32GetDatum(from[i]);
	return PointerGetDatum(construct_array(values, RECO_LIMIT_HOURS, INT4OID,
										   sizeof(int32), true, TYPALIGN_INT));
}

/* Writes states. */
void
reco_limit_state_write(const RecoLimitState *states, int nstates)
{
	RecoSql		sql;

	reco_sql_begin(&sql);
	for (int i = 0; i < nstates; i++)
	{
		const RecoLimitState *state = &states[i];
		Datum		values[10];
		char		nulls[] = "          ";

		values[0] = Int64GetDatum((int64) state->lane_key);
		values[1] = CStringGetTextDatum(reco_service_name(state->service));
		values[2] = CStringGetTextDatum(state->base_url);
		values[3] = CStringGetTextDatum(
			psprintf("%016llx", (unsigned long long) state->fingerprint));
		values[4] = TimestampTzGetDatum(state->blocked_until);
		values[5] = TimestampTzGetDatum(state->quota_until);
		values[6] = times(state->exhausted_until);
		values[7] = times(state->refused_until);
		values[8] = TimestampTzGetDatum(state->hour_at);
		values[9] = counts(state->hours);
		nulls[4] = state->blocked_until == 0 ? 'n' : ' ';
		nulls[5] = state->quota_until == 0 ? 'n' : ' ';
		nulls[8] = nulls[9] = state->hour_at == 0 ? 'n' : ' ';
		reco_sql_run(&write_statement, values, nulls, false, 0);
	}
	reco_sql_run(&expire_statement, NULL, NULL, false, 0);
	reco_sql_end(&sql);
}

void
reco_limit_state_forget_refused(void)
{
	RecoSql		sql;

	reco_sql_begin(&sql);
	reco_sql_run(&forget_statement, NULL, NULL, false, 0);
	reco_sql_end(&sql);
}
