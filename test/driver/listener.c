/*-------------------------------------------------------------------------
 *
 * listener.c
 *	  Asks a service on behalf of a listener, whose tokens are arguments.
 *
 * Purpose: driver_listener(operation, keys, user, access token, refresh token,
 *			deadline in ms, shared, consent, kept) returns what became of each key,
 *			and as key -1 the refresh token that the service put in the place of the one
 *			given. It is what a process that keeps listeners' tokens will do.
 * Runs in: a backend.
 * Locks:	none.
 * Never:	wait in any other way than all who ask do.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "shmem/cached.h"
#include "shmem/slot.h"
#include "shmem/wire.h"
#include "source/server.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(driver_listener);

static RecoOperation operation_of(const char *name);
static const char *text_or_null(FunctionCallInfo fcinfo, int nth);
static void keep(RecoWireRequest *request);
static void submit(const RecoWireRequest *request, int64 deadline, RecoSlotRef *ref);
static void put_rows(ReturnSetInfo *result, const char *bytes, Size len);

/* Asks, waits, returns the records as they come. */
Datum
driver_listener(PG_FUNCTION_ARGS)
{
	RecoWireRequest request = {0};
	RecoOperation operation = operation_of(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	const RecoServer *server = reco_server_for(operation, GetUserId());
	int64 deadline = reco_now_us() + (int64) PG_GETARG_INT32(5) * 1000;
	RecoProblem problem = {0};
	RecoSecret *secret;
	RecoSlotRef ref = {-1, 0};
	Datum *elements;
	bool done;
	Size len;
	char *bytes;

	if (server == NULL)
		elog(ERROR, "driver: no server has the operation");
	secret = reco_server_unlock(server, &problem);
	if (secret == NULL)
		elog(ERROR, "driver: %s", problem.message);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, NULL, &request.nkeys);
	request.keys = palloc(sizeof(char *) * Max(request.nkeys, 1));
	for (int i = 0; i < request.nkeys; i++)
		request.keys[i] = TextDatumGetCString(elements[i]);
	request.operation = operation;
	request.priority = RECO_PRIORITY_INTERACTIVE;
	request.batching = request.single_flight = PG_GETARG_BOOL(6);
	request.server = server->name;
	request.server_id = server->id;
	request.lane_key = secret->lane_key;
	request.fingerprint = secret->fingerprint;
	request.options = server->options;
	request.credential = secret->credential;
	request.listener.user_id = text_or_null(fcinfo, 2);
	request.listener.access_token = text_or_null(fcinfo, 3);
	request.listener.refresh_token = text_or_null(fcinfo, 4);
	request.listener.consent = (uint64) PG_GETARG_INT64(7);
	if (PG_GETARG_BOOL(8))
		keep(&request);
	InitMaterializedSRF(fcinfo, 0);
	submit(&request, deadline, &ref);
	reco_server_lock(secret);

	(void) reco_slots_wait(&ref, 1, false, deadline);
	bytes = reco_slot_take(&ref, &len, &done);
	if (bytes != NULL)
		put_rows((ReturnSetInfo *) fcinfo->resultinfo, bytes, len);
	return (Datum) 0;
}

static RecoOperation
operation_of(const char *name)
{
	if (strcmp(name, "top_tracks") == 0)
		return RECO_OP_TOP_TRACKS;
	if (strcmp(name, "top_artists") == 0)
		return RECO_OP_TOP_ARTISTS;
	elog(ERROR, "driver: no operation of a listener is named \"%s\"", name);
}

static const char *
text_or_null(FunctionCallInfo fcinfo, int nth)
{
	return PG_ARGISNULL(nth) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(nth));
}

/* Has answers kept, as a listener's are; nobody has looked whether one is there. */
static void
keep(RecoWireRequest *request)
{
	RecoWireCache *cache = &request->cache;

	cache->on = true;
	cache->extension = get_extension_oid("reco", false);
	cache->fresh_us = cache->usable_us = cache->absent_us = (int64) 600 * 1000 * 1000;
	cache->epoch = reco_cached_epoch(MyDatabaseId);
	cache->prefix = psprintf("%s\x1f", request->listener.user_id);
	cache->suffix = "\x1f" "driver";
}

/* Hands the request over. */
static void
submit(const RecoWireRequest *request, int64 deadline, RecoSlotRef *ref)
{
	RecoOutcome why = RECO_OUTCOME_BUSY;
	RecoBuffer buffer;
	bool sent;

	reco_buffer_init(&buffer, 0);
	reco_wire_write_request(&buffer, request);
	sent =
		!buffer.failed && reco_slot_submit(buffer.data, buffer.len, deadline, ref, &why);
	reco_buffer_free(&buffer, true);
	if (!sent)
		elog(ERROR, "driver: not submitted: %s", reco_outcome_name(why));
}

/* A row per record: key, outcome, value, message. */
static void
put_rows(ReturnSetInfo *result, const char *bytes, Size len)
{
	RecoReader reader;
	RecoWireAnswer answer;

	reco_reader_init(&reader, bytes, len);
	while (reco_wire_read_answer(&reader, &answer))
	{
		Datum values[4];
		bool nulls[4] = {false, false, answer.value == NULL, answer.message == NULL};

		values[0] = Int32GetDatum(answer.key);
		values[1] = CStringGetTextDatum(reco_outcome_name(answer.outcome));
		values[2] = answer.value == NULL
			? (Datum) 0
			: PointerGetDatum(cstring_to_text_with_len(answer.value, answer.value_len));
		values[3] =
			answer.message == NULL ? (Datum) 0 : CStringGetTextDatum(answer.message);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}
