/*-------------------------------------------------------------------------
 *
 * deny.c
 *	  reco_deny and reco_allow; rows of the views of deny list and registry.
 *
 * Purpose: edit the deny list by hand, and show what is on it.
 * Runs in: a backend.
 * Locks:	that of store/cache.h, which keeps the keeper from writing until the caller's
 *			transaction ends; that of store/snapshot.h; then the buffer's.
 * Never:	change shared memory before the commit; throw at commit.
 *
 * The table changes as any table does. The buffer changes right after the commit: what
 * was denied is put there, what is allowed goes, whoever had refused it.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "options.h"
#include "shmem/cached.h"
#include "shmem/cached_use.h"
#include "source/remote.h"
#include "store/cache.h"
#include "store/denied.h"
#include "store/logged.h"
#include "store/registry.h"
#include "store/snapshot.h"
#include "store/sql.h"
#include "upstream/denial.h"
#include "upstream/reccobeats.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(reco_deny);
PG_FUNCTION_INFO_V1(reco_allow);
PG_FUNCTION_INFO_V1(reco_stat_deny_list);
PG_FUNCTION_INFO_V1(reco_stat_id_registry);

#define MOST_IDS		100		/* of a list; no service takes so many */
#define LARGEST			1e6		/* parameter; all that are known are far smaller */
#define MOST_REASON		200		/* bytes */
#define LONGEST			(INT64CONST(3660) * USECS_PER_DAY)	/* ten years */

/* What is to be done to the buffer at commit; in TopTransactionContext. */
typedef struct Change
{
	Oid			extension;
	SubTransactionId made_in;
	char	   *key;
	char	   *value;			/* NULL = it is allowed */
	TimestampTz denied_at;
	TimestampTz denied_until;
	struct Change *next;
} Change;

static Change *pending = NULL;	/* the newest first */

static char *read_request(FunctionCallInfo fcinfo, const char *function);
static void read_ids(StringInfo json, ArrayType *array, const char *argument);
static void read_parameters(StringInfo json, Jsonb *parameters);
static char *key_of(const char *request);
static TimestampTz until_of(Interval *duration);
static void change_at_commit(const char *key, const char *reason, const char *request,
							 TimestampTz until);
static void at_transaction_end(XactEvent event, void *arg);
static void at_subtransaction_end(SubXactEvent event, SubTransactionId sub,
								  SubTransactionId parent, void *arg);
static void change_buffer(const Change *change);

/* Denies a recommendation; returns its key. */
Datum
reco_deny(PG_FUNCTION_ARGS)
{
	char	   *request;
	char	   *key;
	char	   *reason;
	TimestampTz until;

	reco_require_writable("reco_deny()");
	request = read_request(fcinfo, "reco_deny");
	key = key_of(request);
	if (PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("duration must not be null"),
				 errhint("Leave the argument out for 24 hours.")));
	until = until_of(PG_GETARG_INTERVAL_P(3));
	reason = PG_ARGISNULL(4) ? pstrdup("denied by hand")
							 : text_to_cstring(PG_GETARG_TEXT_PP(4));
	if (strlen(reason) > MOST_REASON)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg("reason is too long: %zu bytes", strlen(reason)),
				 errhint("Use at most %d bytes.", MOST_REASON)));
	reco_cache_forbid_writing();
	reco_snapshot_lock_denials();
	reco_denied_add(key, reason, request, until);
	change_at_commit(key, reason, request, until);
	PG_RETURN_TEXT_P(cstring_to_text(key));
}

/* Allows a recommendation again; returns how many denials went. */
Datum
reco_allow(PG_FUNCTION_ARGS)
{
	char	   *key;
	char	  **servers;
	char	  **waiting;
	int			nservers;
	int			nwaiting;
	int64		n;

	reco_require_writable("reco_allow()");
	if (PG_ARGISNULL(0) == PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("either seeds or deny_key must be given"),
				 errhint("View reco_deny_list has the key of each denial.")));
	key = PG_ARGISNULL(3) ? key_of(read_request(fcinfo, "reco_allow"))
						  : text_to_cstring(PG_GETARG_TEXT_PP(3));
	reco_cache_forbid_writing();
	reco_snapshot_lock_denials();
	servers = reco_denied_allow(key, &nservers);
	n = nservers;

	/* one that the keeper has not written yet is one, too */
	waiting =
		reco_cached_unwritten(MyDatabaseId, reco_sql_extension(), RECO_CATEGORY_DENIED,
							  reco_remote_key(key), &nwaiting);
	for (int i = 0; i < nwaiting; i++)
	{
		const char *server = strchr(waiting[i], RECO_CACHED_SEPARATOR);
		bool		known = false;

		for (int s = 0; server != NULL && s < nservers; s++)
		{
			size_t		len = strlen(servers[s]);

			known |= strncmp(server + 1, servers[s], len) == 0 &&
				server[1 + len] == RECO_CACHED_SEPARATOR;
		}
		n += !known;
	}
	change_at_commit(key, NULL, NULL, 0);
	PG_RETURN_INT64(n);
}

/* Reads what is denied, as the question for a recommendation. */
static char *
read_request(FunctionCallInfo fcinfo, const char *function)
{
	static const char *const arguments[] = {"seeds", "negatives", "parameters"};
	StringInfoData json;

	for (int i = 0; i < lengthof(arguments); i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s must not be null", arguments[i]),
					 errhint("Give a value for argument \"%s\" of %s().", arguments[i],
							 function)));
	initStringInfo(&json);
	appendStringInfoString(&json, "{\"seeds\":");
	read_ids(&json, PG_GETARG_ARRAYTYPE_P(0), "seeds");
	if (ArrayGetNItems(ARR_NDIM(PG_GETARG_ARRAYTYPE_P(0)),
					   ARR_DIMS(PG_GETARG_ARRAYTYPE_P(0))) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("seeds must not be empty"),
				 errhint("Give the ids of the tracks that a recommendation begins with.")));
	if (ArrayGetNItems(ARR_NDIM(PG_GETARG_ARRAYTYPE_P(1)),
					   ARR_DIMS(PG_GETARG_ARRAYTYPE_P(1))) > 0)
	{
		appendStringInfoString(&json, ",\"negative_seeds\":");
		read_ids(&json, PG_GETARG_ARRAYTYPE_P(1), "negatives");
	}
	read_parameters(&json, PG_GETARG_JSONB_P(2));
	appendStringInfoChar(&json, '}');
	return json.data;
}

static void
read_ids(StringInfo json, ArrayType *array, const char *argument)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	if (n > MOST_IDS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many %s: %d", argument, n),
				 errhint("Give at most %d.", MOST_IDS)));
	appendStringInfoChar(json, '[');
	for (int i = 0; i < n; i++)
	{
		char	   *id = nulls[i] ? pstrdup("") : TextDatumGetCString(elements[i]);
		size_t		len = strlen(id);

		if (!reco_is_spotify_id(id, len) && !reco_is_uuid(id, len))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid id in %s: \"%s\"", argument, id),
					 errhint("An id is one of Spotify's, 22 letters and digits, or a "
							 "UUID of ReccoBeats'.")));
		if (i > 0)
			appendStringInfoChar(json, ',');
		escape_json(json, id);
	}
	appendStringInfoChar(json, ']');
}

/* Reads features and feature_weight, all of them numbers. */
static void
read_parameters(StringInfo json, Jsonb *parameters)
{
	StringInfoData targets;
	StringInfoData weight;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *name = NULL;

	initStringInfo(&targets);
	initStringInfo(&weight);
	if (!JB_ROOT_IS_OBJECT(parameters))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameters must be a JSON object"),
				 errhint("For example {\"energy\": 0.8, \"feature_weight\": 2}.")));
	iterator = JsonbIteratorInit(&parameters->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *number;
		double		size;

		if (token == WJB_KEY)
			name = pnstrdup(value.val.string.val, value.val.string.len);
		if (token != WJB_VALUE)
			continue;
		if (!reco_reccobeats_has_target(name) && strcmp(name, "feature_weight") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unrecognized parameter \"%s\"", name),
					 errhint("Parameters are audio features, popularity and "
							 "feature_weight.")));
		if (value.type != jbvNumeric)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("parameter \"%s\" must be a number", name),
					 errhint("Use the value that the recommendation is asked for with.")));
		size = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
												  NumericGetDatum(value.val.numeric)));
		if (!(fabs(size) <= LARGEST))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("parameter \"%s\" is out of range", name),
					 errhint("Use the value that the recommendation is asked for with.")));
		number = DatumGetCString(
			DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric)));
		if (strcmp(name, "feature_weight") == 0)
			appendStringInfo(&weight, ",\"feature_weight\":%s", number);
		else
			appendStringInfo(&targets, "%s\"%s\":%s", targets.len > 0 ? "," : "", name,
							 number);
	}
	if (targets.len > 0)
		appendStringInfo(json, ",\"targets\":{%s}", targets.data);
	appendStringInfoString(json, weight.data);
}

/* The key of the deny list; the request was made by read_request(). */
static char *
key_of(const char *request)
{
	char	   *key = palloc(RECO_DENIAL_KEY);

	if (!reco_denial_key(request, key))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("this is no recommendation that could be asked for"),
				 errhint("Give ids in seeds, and numbers as parameters.")));
	return key;
}

static TimestampTz
until_of(Interval *duration)
{
	TimestampTz now = GetCurrentTimestamp();
	double		us = (double) duration->time +
		((double) duration->month * DAYS_PER_MONTH + duration->day) * USECS_PER_DAY;

	if (!(us > 0) || us > (double) LONGEST)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("duration must be positive, and at most 10 years"),
				 errhint("Use reco_allow() to end a denial.")));
	return now + (int64) us;
}

/* Has the buffer changed at commit. */
static void
change_at_commit(const char *key, const char *reason, const char *request,
				 TimestampTz until)
{
	static bool registered = false;
	MemoryContext old;
	Change	   *change;

	if (reco_cached_counts == NULL)
		return;
	if (!registered)
	{
		RegisterXactCallback(at_transaction_end, NULL);
		RegisterSubXactCallback(at_subtransaction_end, NULL);
	}
	registered = true;

	old = MemoryContextSwitchTo(TopTransactionContext);
	change = palloc0(sizeof(Change));
	change->extension = reco_sql_extension();
	change->made_in = GetCurrentSubTransactionId();
	change->key = reco_remote_key(key);
	if (reason != NULL)
	{
		RecoBuffer	out = {0};

		reco_denial_write(&out, reco_remote_key(reason), reco_remote_key(request));
		change->value = pstrdup(out.failed ? "{}" : out.data);
		reco_buffer_free(&out, false);
		change->denied_at = GetCurrentTimestamp();
		change->denied_until = until;
	}
	change->next = pending;
	pending = change;
	MemoryContextSwitchTo(old);
}

/*
 * Changes the buffer when others see the table changed, and before the keeper may write
 * again: locks are released later than this.
 */
static void
at_transaction_end(XactEvent event, void *arg)
{
	Change	   *first = NULL;

	if (pending == NULL)
		return;
	if (event == XACT_EVENT_PRE_PREPARE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot PREPARE a transaction that has called reco_deny() or "
						"reco_allow()"),
				 errhint("Call them in a transaction of its own.")));
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT)
		return;
	while (event == XACT_EVENT_COMMIT && pending != NULL)
	{
		Change	   *next = pending->next;

		pending->next = first;
		first = pending;
		pending = next;
	}
	for (; first != NULL; first = first->next)
		change_buffer(first);
	pending = NULL;
}

/* Forgets what a subtransaction did that is rolled back. */
static void
at_subtransaction_end(SubXactEvent event, SubTransactionId sub, SubTransactionId parent,
					  void *arg)
{
	if (event == SUBXACT_EVENT_COMMIT_SUB)
		for (Change *change = pending; change != NULL; change = change->next)
			if (change->made_in == sub)
				change->made_in = parent;
	if (event == SUBXACT_EVENT_ABORT_SUB)
		while (pending != NULL && pending->made_in >= sub)
			pending = pending->next;
}

/* What was denied before under the key, by hand, gives way, as it is older. */
static void
change_buffer(const Change *change)
{
	RecoCachedKey key = {MyDatabaseId, change->extension, RECO_CATEGORY_DENIED,
						 change->key};
	RecoCachedValue value = {0};

	if (change->value == NULL)
	{
		(void) reco_cached_remove_asked(MyDatabaseId, change->extension,
										RECO_CATEGORY_DENIED, change->key);
		return;
	}
	value.fetched_at = change->denied_at;
	value.fresh_until = value.usable_until = change->denied_until;
	value.value = change->value;
	value.len = strlen(change->value);
	(void) reco_cached_put(&key, &value, true, reco_cached_epoch(MyDatabaseId));
}

/* One row per denial that holds. */
Datum
reco_stat_deny_list(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	RecoDenial *list;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	list = reco_denied_list(&n);
	for (int i = 0; i < n; i++)
	{
		Datum		values[9];
		bool		nulls[9] = {false};

		values[0] = CStringGetTextDatum(list[i].key);
		nulls[1] = list[i].server == NULL;
		values[1] = nulls[1] ? (Datum) 0 : CStringGetTextDatum(list[i].server);
		values[2] = BoolGetDatum(list[i].by_hand);
		values[3] = CStringGetTextDatum(list[i].reason);
		values[4] = CStringGetTextDatum(list[i].request);
		values[5] = TimestampTzGetDatum(list[i].denied_at);
		values[6] = TimestampTzGetDatum(list[i].denied_until);
		values[7] = TimestampTzGetDatum(list[i].used_at);
		values[8] = Int64GetDatum(list[i].hits);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* The figures of the registry, one row. */
Datum
reco_stat_id_registry(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	RecoRegistryCount count;
	Datum		values[11] = {0};
	bool		nulls[11] = {false};

	InitMaterializedSRF(fcinfo, 0);
	reco_registry_count(&count);
	nulls[0] = nulls[1] = nulls[2] = !reco_logged_can_read("id_registry");
	nulls[3] = count.oldest == 0;
	values[0] = Int64GetDatum(count.validated);
	values[1] = Int64GetDatum(count.missing);
	values[2] = Int64GetDatum(count.expiring);
	values[3] = TimestampTzGetDatum(count.oldest);
	if (reco_cached_counts == NULL)
		memset(nulls + 4, true, sizeof(bool) * 7);
	else
	{
		RecoCachedCount *counts = &reco_cached_counts[RECO_OP_IDS];
		int64		hits = (int64) pg_atomic_read_u64(&counts->hits) +
			(int64) pg_atomic_read_u64(&counts->table_hits);
		int64		stale = (int64) pg_atomic_read_u64(&counts->stale);
		int64		missing = (int64) pg_atomic_read_u64(&counts->absent);
		int64		misses = (int64) pg_atomic_read_u64(&counts->misses);
		int64		known = hits + stale + missing;
		int64		entries;
		int64		bytes;
		int64		unwritten;

		reco_cached_usage(MyDatabaseId, RECO_OP_IDS, &entries, &bytes, &unwritten);
		values[4] = Int64GetDatum(unwritten);
		values[5] = Int64GetDatum(hits);
		values[6] = Int64GetDatum(stale);
		values[7] = Int64GetDatum(missing);
		values[8] = Int64GetDatum(misses);
		values[9] = Int64GetDatum(hits + missing);
		nulls[10] = known + misses == 0;
		values[10] =
			Float8GetDatum(nulls[10] ? 0 : (double) known / (double) (known + misses));
	}
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	return (Datum) 0;
}
