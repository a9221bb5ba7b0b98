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

#include "access/xlog.h"
#include "funcapi.h"
#include "guc.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pipeline/explain.h"
#include "pipeline/record.h"
#include "shmem/cached.h"
#include "shmem/cached_use.h"
#include "shmem/shared.h"
#include "source/remote.h"
#include "store/sql.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(reco_explain_run);
PG_FUNCTION_INFO_V1(reco_run_tracks);
PG_FUNCTION_INFO_V1(reco_run_lately);

/*
 * For so long, a record that is written is told from the buffer, too: a query may have
 * begun before it was.
 */
#define LATELY_US	(10 * INT64CONST(1000000))

static RecoRun *find_run(FunctionCallInfo fcinfo);
static void put_lately(const char *name, const RecoCachedValue *value,
					   ReturnSetInfo *result);

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
		const char *const texts[] = {
			NULL, track->track_id, track->title, track->artist, track->album, NULL,
			reco_rank_strategy_name(reco_rank_strategy(candidate)),
			reco_source_origin_name(track->origin), run->reasons[i], NULL
		};
		Datum		values[lengthof(texts)];
		bool		nulls[lengthof(texts)];

		for (int c = 0; c < lengthof(texts); c++)
		{
			nulls[c] = texts[c] == NULL;
			values[c] = nulls[c] ? (Datum) 0 : CStringGetTextDatum(texts[c]);
		}
		values[0] = Int32GetDatum(i + 1);
		values[5] = Float4GetDatum(candidate->score);
		values[9] = Int64GetDatum(run->run_id);
		nulls[0] = nulls[5] = nulls[9] = false;
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
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
		ereport(
			ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("there is no record of run " INT64_FORMAT, run_id),
			 reco_shared == NULL
				 ? errhint("Records are kept where shared_preload_libraries has reco.")
				 : reco_guc_run_history == 0
				 ? errhint("No records are kept: reco.run_history is 0.")
				 : errhint("Records are kept for as long as reco.run_history_age and "
						   "reco.run_history say; view reco_run shows those that you "
						   "may see.")));
	return reco_record_read(record);
}

/*
 * Records that are in the buffer and perhaps not in the table, as the query sees it. On
 * a standby none of its own runs ever is.
 */
Datum
reco_run_lately(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	RecoCachedKey key = {MyDatabaseId, InvalidOid, RECO_CATEGORY_RUN, NULL};
	char	  **names;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	key.extension = reco_sql_extension();
	names = reco_cached_keys(
		&key, RecoveryInProgress() ? 0 : GetCurrentTimestamp() - LATELY_US, &n);
	for (int i = 0; i < n; i++)
	{
		RecoCachedValue value;

		CHECK_FOR_INTERRUPTS();
		key.key = names[i];
		if (reco_cached_get(&key, &value) && !value.absent)
			put_lately(names[i], &value, result);
	}
	return (Datum) 0;
}

/* A row, if it is one for this role. */
static void
put_lately(const char *name, const RecoCachedValue *value, ReturnSetInfo *result)
{
	Jsonb	   *record =
		reco_record_parse(GetDatabaseEncoding() == PG_UTF8 ? value->value
														   : reco_remote_text(value->value));
	RecoRecordOwner owner;
	Datum		values[5];
	bool		nulls[5] = {false};

	if (record == NULL || !reco_record_owner(record, &owner) ||
		!reco_record_is_visible(owner.role))
		return;
	values[0] = CStringGetTextDatum(owner.user_id);
	values[1] = Int64GetDatum((int64) strtoll(name, NULL, 10));
	values[2] = ObjectIdGetDatum(owner.role);
	values[3] = TimestampTzGetDatum(value->fetched_at);
	values[4] = JsonbPGetDatum(record);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}
