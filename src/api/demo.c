/*-------------------------------------------------------------------------
 *
 * demo.c
 *	  reco_demo_catalogue(tracks, seed) → jsonb.
 *
 * Purpose: check the arguments, make the catalogue, say what was made.
 * Runs in: backend.
 * Locks:	those of catalogue/demo.c.
 * Never:	start work in a transaction that may not write.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/json.h"

#include "catalogue/demo.h"
#include "options.h"

PG_FUNCTION_INFO_V1(reco_demo_catalogue);

static int32 required_argument(FunctionCallInfo fcinfo, int nth, const char *name);
static Datum describe(const RecoDemoReport *report, int32 seed);

/* Fills the catalogue with made-up music. */
Datum
reco_demo_catalogue(PG_FUNCTION_ARGS)
{
	int32		tracks = required_argument(fcinfo, 0, "tracks");
	int32		seed = required_argument(fcinfo, 1, "seed");
	RecoDemoReport report;

	if (tracks < 1 || tracks > RECO_DEMO_MAX_TRACKS)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("tracks must be between 1 and %d, not %d",
						RECO_DEMO_MAX_TRACKS, tracks),
				 errhint("Leave it out for 5000 tracks, as in reco_demo_catalogue().")));

	reco_require_writable("reco_demo_catalogue()");

	reco_demo_build(tracks, seed, &report);
	return describe(&report, seed);
}

/* Returns an argument that has to be there. */
static int32
required_argument(FunctionCallInfo fcinfo, int nth, const char *name)
{
	if (PG_ARGISNULL(nth))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name),
				 errhint("Leave it out for the default, as in reco_demo_catalogue().")));
	return PG_GETARG_INT32(nth);
}

/* Says what was made. */
static Datum
describe(const RecoDemoReport *report, int32 seed)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfo(&json,
					 "{\"tracks\": " INT64_FORMAT ", \"artists\": " INT64_FORMAT
					 ", \"playlists\": %d, \"listens\": " INT64_FORMAT
					 ", \"feedback\": " INT64_FORMAT ", \"replaced\": " INT64_FORMAT
					 ", \"seed\": %d, \"made_up\": true, \"listeners\": [",
					 report->tracks, report->artists, report->playlists, report->listens,
					 report->feedback, report->replaced, seed);
	for (int i = 0; i < report->nlisteners; i++)
	{
		if (i > 0)
			appendStringInfoString(&json, ", ");
		escape_json(&json, report->listeners[i]);
	}
	appendStringInfoString(&json, "], \"try\": ");
	escape_json(&json, "SELECT * FROM reco_generate('ana', 'rainy sunday, calm')");
	appendStringInfoChar(&json, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}
