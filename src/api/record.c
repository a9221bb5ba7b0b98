/*-------------------------------------------------------------------------
 *
 * record.c
 *	  reco_explain_run, reco_run_tracks, and rows of the view reco_run.
 *
 * Purpose: the record of a run into lines and rows.
 * Runs in: a backend.
 * Locks:	those of the rooms below.
 * Never:	show a role what another one asked, unless it may read all statistics; tell
 *			apart a run of somebody else's and one that there is not.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "funcapi.h"
#include "guc.h"
#include "miscadmin.h"
#include "pipeline/explain.h"
#include "pipeline/record.h"
#include "shmem/shared.h"
#include "store/sql.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(reco_explain_run);
PG_FUNCTION_INFO_V1(reco_run_tracks);
PG_FUNCTION_INFO_V1(reco_run_lately);

static RecoRun *find_run(FunctionCallInfo fcinfo);
static int	hint_missing(void);
static void put_text(Datum *values, bool *nulls, int column, const char *text);

/* What reco_explain would have told of a run. */
Datum
reco_explain_run(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	RecoRun    *run = find_run(fcinfo);
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	foreach (cell, reco_explain_lines(run))
	{
		Datum		value = CStringGetTextDatum(lfirst(cell));
		bool		null = false;

		tuplestore_putvalues(result->setResult, result->setDesc, &value, &null);
	}
	return (Datum) 0;
}

/* The rows that reco_generate returned. */
Datum
reco_run_tracks(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	RecoRun    *run = find_run(fcinfo);

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < run->nlist; i++)
	{
		const RecoCandidate *candidate = run->list[i];
		const RecoTrack *track = candidate->track;
		Datum		values[10];
		bool		nulls[10] = {false};

		values[0] = Int32GetDatum(i + 1);
		put_text(values, nulls, 1, track->track_id);
		put_text(values, nulls, 2, track->title);
		put_text(values, nulls, 3, track->artist);
		put_text(values, nulls, 4, track->album);
		values[5] = Float4GetDatum(candidate->score);
		put_text(values, nulls, 6,
				 reco_rank_strategy_name(reco_rank_strategy(candidate)));
		put_text(values, nulls, 7, reco_source_origin_name(track->origin));
		put_text(values, nulls, 8, run->reasons[i]);
		values[9] = Int64GetDatum(run->run_id);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

static void
put_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL;
	values[column] = text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

/* The run that the first argument names; ERROR when there is no record for this role. */
static RecoRun *
find_run(FunctionCallInfo fcinfo)
{
	int64		run_id;
	Jsonb	   *record;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("run_id must not be null"),
				 errhint("Column run_id of reco_generate tells it.")));
	run_id = PG_GETARG_INT64(0);
	record = reco_record_find(run_id, reco_sql_extension());
	if (record == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no record of run " INT64_FORMAT, run_id),
				 hint_missing()));
	return reco_record_read(record);
}

/* Why there may be none. */
static int
hint_missing(void)
{
	if (reco_shared == NULL)
		return errhint("Records are kept where shared_preload_libraries has reco.");
	if (reco_guc_run_history == 0)
		return errhint("No records are kept: reco.run_history is 0.");
	return errhint("How long records are kept, say reco.run_history and "
				   "reco.run_history_age; view reco_run shows those you may see.");
}

/* Records that are perhaps not in the table yet, for the view reco_run. */
Datum
reco_run_lately(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			extension = reco_sql_extension();
	char	  **keys;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	n = reco_record_lately(extension, &keys);
	for (int i = 0; i < n; i++)
	{
		TimestampTz started;
		Jsonb	   *record = reco_record_get(extension, keys[i], &started);
		RecoRecordOwner owner;
		Datum		values[5];
		bool		nulls[5] = {false};

		CHECK_FOR_INTERRUPTS();
		if (record == NULL || !reco_record_owner(record, &owner))
			continue;
		values[0] = CStringGetTextDatum(owner.user_id);
		values[1] = Int64GetDatum((int64) strtoll(keys[i], NULL, 10));
		values[2] = ObjectIdGetDatum(owner.role);
		values[3] = TimestampTzGetDatum(started);
		values[4] = JsonbPGetDatum(record);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
