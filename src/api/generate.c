/*-------------------------------------------------------------------------
 *
 * generate.c
 *	  reco_generate, reco_rank, reco_explain: a run as rows.
 *
 * Purpose: arguments into a request, a run's record into rows.
 * Runs in: a backend.
 * Locks:	none.
 * Never:	decide anything about music.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "options.h"
#include "pipeline/explain.h"
#include "pipeline/result.h"
#include "pipeline/result_rows.h"
#include "pipeline/run.h"
#include "pipeline/run_json.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(reco_generate);
PG_FUNCTION_INFO_V1(reco_generate_json);
PG_FUNCTION_INFO_V1(reco_rank);
PG_FUNCTION_INFO_V1(reco_explain);
PG_FUNCTION_INFO_V1(reco_mood);

static MemoryContext run_context(void);
static void put_text(Datum *values, bool *nulls, int column, const char *text);

/* The list as rows. */
Datum
reco_generate(PG_FUNCTION_ARGS)
{
	RecoRequest *request = reco_request_from(fcinfo);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context = run_context();
	RecoResult	found;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	reco_result_get(request, fcinfo->flinfo->fn_oid, context, &reco_result_rows, &found);
	reco_result_put_rows(&found, result);
	MemoryContextDelete(context);
	return (Datum) 0;
}

/* The list, the mood and the timings as one document. */
Datum
reco_generate_json(PG_FUNCTION_ARGS)
{
	RecoRequest *request = reco_request_from(fcinfo);
	MemoryContext context = run_context();
	RecoResult	found;
	Datum		json;

	reco_result_get(request, fcinfo->flinfo->fn_oid, context, &reco_result_document,
					&found);
	json = reco_result_to_jsonb(&found);
	MemoryContextDelete(context);
	PG_RETURN_DATUM(json);
}

/* All candidates with their scores. */
Datum
reco_rank(PG_FUNCTION_ARGS)
{
	RecoRequest *request = reco_rank_request_from(fcinfo);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context = run_context();
	MemoryContext row_context =
		AllocSetContextCreate(CurrentMemoryContext, "reco row", ALLOCSET_SMALL_SIZES);
	RecoRun    *run;

	InitMaterializedSRF(fcinfo, 0);
	run = reco_run_execute(request, context, NULL, NULL);
	for (int i = 0; i < run->ncandidates && i < request->ranked; i++)
	{
		const RecoCandidate *candidate = &run->candidates[i];
		MemoryContext old = MemoryContextSwitchTo(row_context);
		Datum		values[4];
		bool		nulls[4] = {false};

		values[0] = Int32GetDatum(i + 1);
		put_text(values, nulls, 1, candidate->track->track_id);
		values[2] = Float4GetDatum(candidate->score);
		values[3] =
			DirectFunctionCall1(jsonb_in, CStringGetDatum(reco_parts_json(candidate)));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		MemoryContextSwitchTo(old);
		MemoryContextReset(row_context);
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextDelete(row_context);
	MemoryContextDelete(context);
	return (Datum) 0;
}

/* The run told line by line. */
Datum
reco_explain(PG_FUNCTION_ARGS)
{
	RecoRequest *request = reco_request_from(fcinfo);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context = run_context();
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	foreach (cell, reco_explain_lines(reco_run_execute(request, context, NULL, NULL)))
	{
		Datum		value = CStringGetTextDatum(lfirst(cell));
		bool		null = false;

		tuplestore_putvalues(result->setResult, result->setDesc, &value, &null);
	}
	MemoryContextDelete(context);
	return (Datum) 0;
}

/* What a prompt means. */
Datum
reco_mood(PG_FUNCTION_ARGS)
{
	char	   *prompt = reco_argument_prompt(fcinfo, 0);
	MemoryContext context = run_context();
	RecoRun    *run;
	Datum		json;

	run = reco_run_mood(prompt, context);
	json = DirectFunctionCall1(jsonb_in, CStringGetDatum(reco_mood_json(run)));
	MemoryContextDelete(context);
	PG_RETURN_DATUM(json);
}

/* A run's own memory: gone at its end, or with the query that failed. */
static MemoryContext
run_context(void)
{
	return AllocSetContextCreate(CurrentMemoryContext, "reco run",
								 ALLOCSET_DEFAULT_SIZES);
}

static void
put_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL;
	values[column] = text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}
