/*-------------------------------------------------------------------------
 *
 * resolve.c
 *	  reco_resolve: questions to a service, by hand.
 *
 * Purpose: arguments into one question, answers into rows in the order of keys.
 * Runs in: a backend.
 * Locks:	none.
 * Never:	answer for a key what another one was told.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "guc.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "options.h"
#include "source/own_token.h"
#include "source/remote.h"
#include "source/source.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#define MAX_KEYS		100000
#define MAX_DEADLINE_MS	(24 * 3600 * 1000)

PG_FUNCTION_INFO_V1(reco_resolve);

/* What is asked. */
typedef struct Ask
{
	RecoKind	kind;
	RecoOperation operation;
	int			nkeys;
	const char **keys;
	bool	   *well_formed;
	RecoPriority priority;
	int			deadline_ms;	/* -1 = not said */
	const char *user_id;		/* NULL = nobody's */
} Ask;

static void read_arguments(FunctionCallInfo fcinfo, Ask *ask);
static void read_keys(ArrayType *array, Ask *ask);
static int	read_deadline(Interval *deadline);
static const RecoServer *find_server(const Ask *ask, Oid role);
static RecoRemote *ask_server(Ask *ask, const RecoServer *server, Oid role, int *numbers);
static void put_row(ReturnSetInfo *result, const Ask *ask, int key,
					const RecoRemoteValue *value);

/* Asks a service for keys of a kind. */
Datum
reco_resolve(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			role = GetUserId();
	Ask			ask = {0};
	RecoRemote *remote;
	int		   *numbers;

	read_arguments(fcinfo, &ask);
	numbers = palloc(sizeof(int) * Max(ask.nkeys, 1));
	InitMaterializedSRF(fcinfo, 0);
	remote = ask_server(&ask, find_server(&ask, role), role, numbers);
	for (int i = 0; i < ask.nkeys; i++)
	{
		static const RecoRemoteValue rejected = {.outcome = RECO_OUTCOME_REJECTED};
		static const RecoRemoteValue unconfigured = {
			.outcome = RECO_OUTCOME_UNCONFIGURED
		};

		/* nobody's token is at hand */
		if (remote == NULL)
			put_row(result, &ask, i, &unconfigured);
		else if (!ask.well_formed[i])
			put_row(result, &ask, i, &rejected);
		else
			put_row(result, &ask, i, reco_remote_value(remote, 0, numbers[i]));
	}
	if (remote != NULL)
		reco_remote_close(remote);
	return (Datum) 0;
}

/* Raises that an argument is none of a list of names. */
pg_noreturn static void
bad_name(const char *argument, const char *value, const char *names)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid %s: \"%s\"", argument, value),
			 errhint("Use one of: %s.", names)));
}

static void
read_arguments(FunctionCallInfo fcinfo, Ask *ask)
{
	static const char *const arguments[] = {"kind", "keys", NULL, "priority"};
	StringInfoData names;
	char	   *kind;
	char	   *priority;
	int			number;

	for (int i = 0; i < lengthof(arguments); i++)
		if (arguments[i] != NULL && PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s must not be null", arguments[i]),
					 errhint("Give a value for argument \"%s\".", arguments[i])));
	initStringInfo(&names);
	for (int k = 0; k < RECO_NKINDS; k++)
		if (reco_source_operation(k) >= 0)
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
							 reco_source_kind_name(k));
	kind = text_to_cstring(PG_GETARG_TEXT_PP(0));
	number = reco_source_kind_of(kind);
	if (number < 0 || reco_source_operation(number) < 0)
		bad_name("kind", kind, names.data);
	ask->kind = number;
	ask->operation = reco_source_operation(number);

	resetStringInfo(&names);
	for (int p = 0; p < RECO_NPRIORITIES; p++)
		appendStringInfo(&names, "%s%s", p > 0 ? ", " : "", reco_priority_name(p));
	priority = text_to_cstring(PG_GETARG_TEXT_PP(3));
	number = reco_priority_of(priority);
	if (number < 0)
		bad_name("priority", priority, names.data);
	ask->priority = number;
	if (!PG_ARGISNULL(4))
		ask->user_id = reco_argument_user(fcinfo, 4, false);
	if (ask->user_id != NULL && !reco_operation_is_listeners(ask->operation))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("questions of kind \"%s\" are no listener's", kind),
				 errhint("Leave out \"user_id\".")));
	ask->deadline_ms = PG_ARGISNULL(2) ? -1 : read_deadline(PG_GETARG_INTERVAL_P(2));
	read_keys(PG_GETARG_ARRAYTYPE_P(1), ask);
}

/* Reads the keys, and judges each. */
static void
read_keys(ArrayType *array, Ask *ask)
{
	Datum	   *elements;
	bool	   *nulls;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls,
					  &ask->nkeys);
	if (ask->nkeys > MAX_KEYS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many keys: %d", ask->nkeys),
				 errhint("Ask for at most %d keys at once.", MAX_KEYS)));
	ask->keys = palloc(sizeof(char *) * Max(ask->nkeys, 1));
	ask->well_formed = palloc0(sizeof(bool) * Max(ask->nkeys, 1));
	for (int i = 0; i < ask->nkeys; i++)
	{
		const char *why;

		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("keys must not contain nulls"),
					 errhint("Remove them, for example with array_remove(keys, NULL).")));
		ask->keys[i] = TextDatumGetCString(elements[i]);
		ask->well_formed[i] =
			reco_operation_check(ask->operation, reco_remote_key(ask->keys[i]), &why);
	}
}

/* A deadline in milliseconds; 30-day months, as elsewhere. */
static int
read_deadline(Interval *deadline)
{
	double		ms = (double) deadline->time / 1000 +
		((double) deadline->month * DAYS_PER_MONTH + deadline->day) * 86400000.0;

	if (ms < 0)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("deadline must not be negative"),
			 errhint(
				 "Use NULL for the least of \"reco.deadline\" and the server's own.")));
	return (int) fmin(ms, MAX_DEADLINE_MS);
}

/* Finds the server to ask; ERROR with the command that mends it. */
static const RecoServer *
find_server(const Ask *ask, Oid role)
{
	List	   *servers;
	const RecoServer *server;
	ListCell   *cell;

	if (reco_shared == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("library \"reco\" is not preloaded"),
				 errhint("Add reco to shared_preload_libraries and restart.")));
	if (!reco_guc_upstreams)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("upstreams are switched off"),
				 errhint("Set \"reco.upstreams\" to on.")));
	servers = reco_server_list(role);
	server = reco_server_pick(servers, ask->operation);
	if (server != NULL)
		return server;
	foreach (cell, servers)
	{
		server = lfirst(cell);
		if (reco_service_has(server->options.service, ask->operation))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("server \"%s\" cannot be used: %s", server->name, server->lacks),
					 errhint("See CREATE USER MAPPING, and ALTER SERVER for its options.")));
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("no server answers questions of kind \"%s\"",
					reco_source_kind_name(ask->kind)),
			 errhint("Add one with CREATE SERVER ... FOREIGN DATA WRAPPER %s.",
					 RECO_WRAPPER)));
}

/*
 * Asks for the keys that are well formed, and waits. 'numbers' tells which of the
 * question's keys each one is. NULL = a listener's, who is not connected.
 */
static RecoRemote *
ask_server(Ask *ask, const RecoServer *server, Oid role, int *numbers)
{
	RecoRemote *remote;
	const char **keys = palloc(sizeof(char *) * Max(ask->nkeys, 1));
	int			nkeys = 0;
	int			deadline_ms = ask->deadline_ms >= 0
		? ask->deadline_ms
		: Min(reco_guc_deadline, server->options.deadline_ms);
	const RecoProblem *problem;

	if (reco_operation_is_listeners(ask->operation))
		server = ask->user_id == NULL
			? NULL
			: reco_own_token_server(reco_server_list(role), ask->operation, ask->user_id);
	if (server == NULL)
		return NULL;
	remote = reco_remote_open();
	for (int i = 0; i < ask->nkeys; i++)
	{
		if (!ask->well_formed[i])
			continue;
		numbers[i] = nkeys;
		keys[nkeys++] = ask->keys[i];
	}
	if (nkeys == 0)
		return remote;
	(void) reco_remote_ask_listener(remote, server, ask->operation, ask->user_id, keys,
									nkeys, ask->priority,
									reco_now_us() + (int64) deadline_ms * 1000);
	problem = reco_remote_problem(remote, 0);
	if (problem != NULL)
		reco_problem_raise(problem);
	reco_remote_wait(remote);
	return remote;
}

/* Returns one row. */
static void
put_row(ReturnSetInfo *result, const Ask *ask, int key, const RecoRemoteValue *value)
{
	Datum		values[4];
	bool		nulls[4] = {false};

	values[0] = CStringGetTextDatum(ask->keys[key]);
	nulls[1] = nulls[2] = value->json == NULL;
	if (value->json != NULL)
	{
		values[1] = DirectFunctionCall1(jsonb_in, CStringGetDatum(value->json));
		values[2] = CStringGetTextDatum(reco_source_origin_name(value->origin));
	}
	values[3] = CStringGetTextDatum(reco_outcome_name(value->outcome));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	CHECK_FOR_INTERRUPTS();
}
