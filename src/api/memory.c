/*-------------------------------------------------------------------------
 *
 * memory.c
 *	  What the catalogue takes in memory: rows of the view reco_stat_memory.
 *
 * Purpose: the facts of every database's matrix into rows.
 * Runs in: a backend.
 * Locks:	'matrices' of shared.h, for a moment.
 * Never:	build a matrix in order to measure it.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalogue/matrix.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "shmem/matrix_shared.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(reco_stat_memory);

enum
{
	AT_DATABASE,
	AT_STATE,
	AT_TRACKS,
	AT_SHARED,
	AT_GENERATION,
	AT_EXACT,
	AT_BUILT_AT,
	AT_BUILT_IN,
	AT_COPIES,
	AT_OWN,
	AT_TOTAL,
	AT_SESSION,
	AT_PROBLEM,
	NCOLUMNS
};

static void put_row(ReturnSetInfo *result, const RecoMatrixFacts *facts);

/* One row per database of which something is known, this one at least. */
Datum
reco_stat_memory(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	RecoMatrixFacts *facts;
	int			n;
	bool		mine = false;

	InitMaterializedSRF(fcinfo, 0);
	facts = reco_matrix_all_facts(&n);
	for (int i = 0; i < n; i++)
	{
		mine = mine || facts[i].database == MyDatabaseId;
		put_row(result, &facts[i]);
	}
	if (!mine)
	{
		RecoMatrixFacts own = {0};

		own.database = MyDatabaseId;
		own.own_bytes = reco_matrix_own_bytes();
		own.own_copies = own.own_bytes > 0;
		put_row(result, &own);
	}
	return (Datum) 0;
}

static const char *
state_of(const RecoMatrixFacts *facts)
{
	if (facts->offered)
		return facts->building ? "refreshing" : "shared";
	return facts->building ? "building" : "none";
}

static void
put_row(ReturnSetInfo *result, const RecoMatrixFacts *facts)
{
	Datum		values[NCOLUMNS];
	bool		nulls[NCOLUMNS] = {false};
	Interval   *built_in = palloc0(sizeof(Interval));

	built_in->time = facts->built_us;
	values[AT_DATABASE] = ObjectIdGetDatum(facts->database);
	values[AT_STATE] = CStringGetTextDatum(state_of(facts));
	values[AT_TRACKS] = Int64GetDatum(facts->rows);
	values[AT_SHARED] = Int64GetDatum(facts->offered ? (int64) facts->bytes : 0);
	values[AT_GENERATION] = Int64GetDatum((int64) facts->generation);
	values[AT_EXACT] = BoolGetDatum(facts->exact);
	values[AT_BUILT_AT] = TimestampTzGetDatum(facts->built_at);
	values[AT_BUILT_IN] = IntervalPGetDatum(built_in);
	values[AT_COPIES] = Int32GetDatum(facts->own_copies);
	values[AT_OWN] = Int64GetDatum((int64) facts->own_bytes);
	values[AT_TOTAL] =
		Int64GetDatum((int64) (facts->own_bytes + (facts->offered ? facts->bytes : 0)));
	values[AT_SESSION] = Int64GetDatum((int64) reco_matrix_own_bytes());
	values[AT_PROBLEM] = CStringGetTextDatum(facts->problem);
	nulls[AT_TRACKS] = nulls[AT_GENERATION] = nulls[AT_EXACT] = !facts->offered;
	nulls[AT_BUILT_AT] = nulls[AT_BUILT_IN] = !facts->offered;
	nulls[AT_SESSION] = facts->database != MyDatabaseId;
	nulls[AT_PROBLEM] = facts->problem[0] == '\0';
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}
