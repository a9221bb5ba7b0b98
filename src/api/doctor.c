/*-------------------------------------------------------------------------
 *
 * doctor.c
 *	  reco_doctor: what is wrong, and the command that mends it.
 *
 * Purpose: look at the library, the gateway and each server; ask each server one small
 *			question; say in a row per check how it stands.
 * Runs in: a backend.
 * Locks:	'lanes' of shared.h, for a moment.
 * Never:	raise an error for what it is there to tell; show a secret.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/xlog.h"
#include "doctor.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "guc.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "options.h"
#include "shmem/cached.h"
#include "shmem/database.h"
#include "shmem/matrix_shared.h"
#include "source/readers.h"
#include "source/remote.h"
#include "source/server_options.h"
#include "store/sql.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(reco_doctor);

#define MOST_SKEW_S		30		/* between a service's clock and ours */

static bool check_process(ReturnSetInfo *result);
static void check_keeper(ReturnSetInfo *result);
static void check_records(ReturnSetInfo *result);
static void check_job_workers(ReturnSetInfo *result);
static void check_matrix(ReturnSetInfo *result);
static void check_servers(ReturnSetInfo *result, List *servers, bool can_ask,
						  int64 deadline);
static const char *set_option(const RecoServer *server, const char *option,
							  const char *value);
static const char *set_mapping(const RecoServer *server);
static void check_answer(ReturnSetInfo *result, const RecoServer *server,
						 const RecoRemoteValue *value, const RecoProblem *problem);
static void check_lane(ReturnSetInfo *result, const RecoServer *server);
static void check_readers(ReturnSetInfo *result, List *servers);

/* Writes one row. */
void
reco_doctor_tell(ReturnSetInfo *result, const char *check, const char *status,
				 const char *detail, const char *hint)
{
	Datum		values[4];
	bool		nulls[4] = {false};

	values[0] = CStringGetTextDatum(check);
	values[1] = CStringGetTextDatum(status);
	values[2] = CStringGetTextDatum(detail);
	nulls[3] = hint == NULL;
	values[3] = hint == NULL ? (Datum) 0 : CStringGetTextDatum(hint);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* Looks at everything. */
Datum
reco_doctor(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int64		deadline = reco_now_us() +
		(int64) (PG_ARGISNULL(0) ? reco_guc_deadline
								 : reco_argument_deadline(PG_GETARG_INTERVAL_P(0))) *
			1000;
	List	   *servers;
	bool		can_ask;

	InitMaterializedSRF(fcinfo, 0);
	can_ask = check_process(result);
	check_keeper(result);
	check_records(result);
	check_job_workers(result);
	check_matrix(result);
	reco_doctor_chores(result);
	servers = reco_server_list(GetUserId());
	check_servers(result, servers, can_ask, deadline);
	check_readers(result, servers);
	return (Datum) 0;
}

/* Looks at versions, preloading and the gateway; true if questions can be asked. */
static bool
check_process(ReturnSetInfo *result)
{
	const char *version = reco_sql_version();
	int			pid;

	if (version != NULL && strcmp(version, RECO_VERSION) == 0)
		reco_doctor_tell(result, "version", RECO_DOCTOR_OK,
						 psprintf("library and SQL objects are %s", version), NULL);
	else
		reco_doctor_tell(result, "version", RECO_DOCTOR_ERROR,
						 psprintf("the library is %s, the SQL objects are %s",
								  RECO_VERSION, version == NULL ? "missing" : version),
						 reco_sql_version_hint(version));
	if (reco_shared == NULL)
	{
		reco_doctor_tell(result, "preloaded", RECO_DOCTOR_WARNING,
			 "the library is not preloaded: the embedded engine answers alone",
			 "Add reco to shared_preload_libraries in postgresql.conf and restart.");
		return false;
	}
	reco_doctor_tell(result, "preloaded", RECO_DOCTOR_OK,
					 psprintf("%d slots, %u kB for requests and answers",
							  reco_shared->nslots,
							  reco_shared->nblocks * (RECO_BLOCK_SIZE / 1024)),
					 NULL);
	SpinLockAcquire(&reco_shared->gateway_lock);
	pid = reco_shared->gateway_pid;
	SpinLockRelease(&reco_shared->gateway_lock);
	if (pid != 0)
		reco_doctor_tell(result, "gateway", RECO_DOCTOR_OK,
						 psprintf("it runs, with pid %d", pid), NULL);
	else if (RecoveryInProgress() && !reco_guc_gateway_on_standby)
		reco_doctor_tell(result, "gateway", RECO_DOCTOR_WARNING, "it does not run on this standby",
			 "Set reco.gateway_on_standby to on and restart, if it shall.");
	else
		reco_doctor_tell(result, "gateway", RECO_DOCTOR_ERROR, "it does not run",
			 "It restarts by itself within a second; if it does not, see the server's log, "
			 "and max_worker_processes.");
	if (!reco_guc_upstreams)
		reco_doctor_tell(result, "upstreams", RECO_DOCTOR_WARNING,
			 "reco.upstreams is off in this session: no service is asked",
			 "Set reco.upstreams to on.");
	return pid != 0 && reco_guc_upstreams;
}

/* Looks at what writes the answers and lists of this database that are kept. */
static void
check_keeper(ReturnSetInfo *result)
{
	RecoWorkerState state;
	int			failures;
	int			pid;

	if (reco_shared == NULL)
		return;
	pid = reco_database_keeper(MyDatabaseId);
	state = reco_database_state(MyDatabaseId, &failures);
	if (pid != 0)
		reco_doctor_tell(result, "keeper", RECO_DOCTOR_OK,
			 psprintf("it runs in this database, with pid %d", pid), NULL);
	else if (RecoveryInProgress())
		reco_doctor_tell(result, "keeper", RECO_DOCTOR_OK, "none works on a standby", NULL);
	else if (!reco_guc_keeper)
		reco_doctor_tell(result, "keeper", RECO_DOCTOR_WARNING,
			 "reco.keeper is off: answers and lists are kept in shared memory only",
			 "Run ALTER SYSTEM SET reco.keeper = on; and SELECT pg_reload_conf().");
	else if (failures > 0)
		reco_doctor_tell(
			result, "keeper", RECO_DOCTOR_ERROR,
			psprintf("it failed %d times in a row", failures),
			"It is tried again after a pause; see last_error in reco_stat_worker, and the "
			"server's log.");
	else if (state != RECO_WORKER_NONE)
		reco_doctor_tell(result, "keeper", RECO_DOCTOR_OK, "it is about to start", NULL);
	else
		reco_doctor_tell(result, "keeper", RECO_DOCTOR_WARNING, "none runs in this database",
			 "It starts by itself within a second; if it does not, see the server's log, "
			 "and max_worker_processes.");
}

/* Looks at whether the keeper keeps up with records of runs. */
static void
check_records(ReturnSetInfo *result)
{
	uint64		dropped;

	if (reco_cached_counts == NULL)
		return;
	dropped = pg_atomic_read_u64(&reco_cached_counts[RECO_CATEGORY_RUN].dropped);
	if (dropped > 0)
		reco_doctor_tell(
			result, "records", RECO_DOCTOR_WARNING,
			psprintf(UINT64_FORMAT
					 " runs are not on record: lists were made faster than keepers write",
					 dropped),
			"Raise reco.buffer_memory and restart the server; reco_stat_reset() begins to "
			"count anew.");
}

/* Looks at who does queued work, and whether there is room for all of them. */
static void
check_job_workers(ReturnSetInfo *result)
{
	int			wanted;
	int			running;

	if (reco_shared == NULL || RecoveryInProgress() || !reco_guc_keeper)
		return;
	running = reco_database_job_workers(MyDatabaseId, &wanted);
	if (reco_guc_job_workers == 0)
		reco_doctor_tell(result, "job workers", RECO_DOCTOR_OK,
						 "reco.job_workers is 0: nothing is queued", NULL);
	else if (running >= reco_guc_job_workers)
		reco_doctor_tell(result, "job workers", RECO_DOCTOR_OK,
						 psprintf("%d of %d run in this database", running,
								  reco_guc_job_workers),
						 NULL);
	else
	{
		int			waiting;

		(void) reco_database_next_due(true, &waiting);
		reco_doctor_tell(
			result, "job workers", RECO_DOCTOR_WARNING,
			psprintf("%d of %d run in this database", running, reco_guc_job_workers),
			waiting > 0
				? psprintf(
					  "If they do not come within a second, set max_worker_processes to at least %d "
					  "and restart the server; see its log.",
					  max_worker_processes + waiting)
				: "They start by themselves after the keeper; see the server's log.");
	}
}

/* Looks at whether sessions share the catalogue that scans run over. */
static void
check_matrix(ReturnSetInfo *result)
{
	RecoMatrixFacts facts;

	if (!reco_matrix_is_shareable() || RecoveryInProgress())
		return;
	(void) reco_matrix_facts(MyDatabaseId, &facts);
	if (facts.problem[0] != '\0')
		reco_doctor_tell(
			result, "matrix", RECO_DOCTOR_WARNING,
			psprintf("%s: %s",
					 facts.offered
						 ? "the catalogue in shared memory is not kept up to date"
						 : "each session that scans the catalogue has a copy of its own",
					 facts.problem),
			"Raise reco.matrix_memory and reload, or make room where shared memory is "
			"(/dev/shm, see dynamic_shared_memory_type).");
	else if (facts.offered)
		reco_doctor_tell(result, "matrix", RECO_DOCTOR_OK,
						 psprintf("sessions share a catalogue of %u tracks in %zu kB",
								  facts.rows, facts.bytes / 1024),
						 NULL);
}

/* Asks every server that can be asked, all at once. */
static void
check_servers(ReturnSetInfo *result, List *servers, bool can_ask, int64 deadline)
{
	RecoRemote *remote = reco_remote_open();
	int		   *questions = palloc(sizeof(int) * Max(list_length(servers), 1));
	const char *key = "";

	if (servers == NIL)
		reco_doctor_tell(
			result, "servers", RECO_DOCTOR_OK,
			"no server is configured: the embedded engine answers",
			"Live services: CREATE SERVER ... FOREIGN DATA WRAPPER " RECO_WRAPPER
			" OPTIONS (kind '...').");
	for (int i = 0; i < list_length(servers); i++)
	{
		const RecoServer *server = list_nth(servers, i);

		questions[i] = -1;
		if (can_ask && server->lacks == NULL)
			questions[i] = reco_remote_ask(remote, server, RECO_OP_PROBE, &key, 1,
										   RECO_PRIORITY_INTERACTIVE, deadline);
	}
	reco_remote_wait(remote);
	for (int i = 0; i < list_length(servers); i++)
	{
		const RecoServer *server = list_nth(servers, i);
		const char *check = psprintf("server \"%s\"", server->name);

		if (server->invalid != NULL)
			reco_doctor_tell(result, check, RECO_DOCTOR_ERROR, server->invalid->message,
							 psprintf("%s Mend it with ALTER SERVER %s OPTIONS (...).",
									  server->invalid->hint,
									  quote_identifier(server->name)));
		else if (!server->enabled)
			reco_doctor_tell(result, check, RECO_DOCTOR_OK, "it is not enabled",
				 set_option(server, "enabled", "true"));
		else if (server->lacks != NULL)
			reco_doctor_tell(result, check, RECO_DOCTOR_WARNING, server->lacks,
							 set_mapping(server));
		else if (questions[i] >= 0)
		{
			check_answer(result, server, reco_remote_value(remote, questions[i], 0),
						 reco_remote_problem(remote, questions[i]));
			check_lane(result, server);
		}
	}
	reco_remote_close(remote);
}

/* The command that gives a server's option a value, whether or not it has one. */
static const char *
set_option(const RecoServer *server, const char *option, const char *value)
{
	ForeignServer *entry = GetForeignServerExtended(server->id, FSV_MISSING_OK);
	bool		given = false;
	ListCell   *cell;

	foreach (cell, entry == NULL ? NIL : entry->options)
		given |= strcmp(((DefElem *) lfirst(cell))->defname, option) == 0;
	return psprintf("ALTER SERVER %s OPTIONS (%s %s '%s');",
					quote_identifier(server->name), given ? "SET" : "ADD", option, value);
}

/* The command that puts into a user mapping what its server's kind needs. */
static const char *
set_mapping(const RecoServer *server)
{
	static const char *const names[] = {"client_id", "client_secret", "api_key"};
	bool		spotify = server->options.service == RECO_SPOTIFY;
	StringInfoData text;
	int			n = 0;

	if (server->has & RECO_HAS_SECRET_FILE)
		return "Check the secrets in the file that its user mapping's secret_file names.";
	initStringInfo(&text);
	appendStringInfo(&text, "%s USER MAPPING FOR %s SERVER %s OPTIONS (",
					 server->mapped ? "ALTER" : "CREATE",
					 server->public
						 ? "PUBLIC"
						 : quote_identifier(GetUserNameFromId(server->role, false)),
					 quote_identifier(server->name));
	for (int i = 0; i < lengthof(names); i++)
	{
		bool		has = (server->has >> i) & 1;
		bool		wanted = spotify == (i < 2);

		if (!has && !wanted)
			continue;
		appendStringInfoString(&text, n++ > 0 ? ", " : "");
		if (server->mapped)
			appendStringInfoString(&text, !wanted ? "DROP " : has ? "SET " : "ADD ");
		appendStringInfo(&text, wanted ? "%s '...'" : "%s", names[i]);
	}
	appendStringInfoString(&text, ");");
	return text.data;
}

/* What to do about a call that must not be. */
static const char *
hint_for_denied(const RecoServer *server)
{
	const RecoOptions *options = &server->options;

	if (!superuser_arg(server->owner) &&
		(reco_server_is_loopback(options->base_url) ||
		 reco_server_is_loopback(options->accounts_url)))
		return psprintf("Only a superuser's server may lead to this very machine: "
						"ALTER SERVER %s OWNER TO a superuser.",
						quote_identifier(server->name));
	if (options->allow_private || options->allow_loopback)
		return "The service forbids it; its message says why.";
	return psprintf("The service or our own rules forbid it. For a private address, "
					"where a superuser owns the server: %s",
					set_option(server, "allow_private", "true"));
}

/* What to do about an outcome. */
static const char *
hint_for(const RecoServer *server, RecoOutcome outcome)
{
	switch (outcome)
	{
		case RECO_OUTCOME_UNAUTHORISED:
			return set_mapping(server);
		case RECO_OUTCOME_DENIED:
			return hint_for_denied(server);
		case RECO_OUTCOME_REJECTED:
			if (server->options.model != NULL)
				return psprintf("Check model, and base_url: %s",
								set_option(server, "model", "..."));
			return psprintf("Check base_url: %s", set_option(server, "base_url", "..."));
		case RECO_OUTCOME_LIMITED:
		case RECO_OUTCOME_QUOTA:
			return psprintf("Wait, see blocked_until and quota_until in "
							"reco_stat_upstream; a lower rate helps: %s",
							set_option(server, "rate", "..."));
		case RECO_OUTCOME_BUSY:
			return "See reco_stat_gateway; raise reco.gateway_slots or reco.gateway_memory.";
		default:
			return psprintf("Check that base_url can be reached from here: %s",
							set_option(server, "base_url", "..."));
	}
}

/* Says whether a server answers, and takes its key. */
static void
check_answer(ReturnSetInfo *result, const RecoServer *server,
			 const RecoRemoteValue *value, const RecoProblem *problem)
{
	const char *check = psprintf("server \"%s\"", server->name);
	bool		good =
		value->outcome == RECO_OUTCOME_FRESH || value->outcome == RECO_OUTCOME_ABSENT;

	if (problem != NULL)
		reco_doctor_tell(result, check, RECO_DOCTOR_ERROR, problem->message,
						 problem->hint);
	else if (good)
		reco_doctor_tell(result, check, RECO_DOCTOR_OK,
						 psprintf("%s answers%s", server->options.base_url,
								  server->mapped ? " and takes the credential" : ""),
						 NULL);
	else
		reco_doctor_tell(result, check, RECO_DOCTOR_ERROR,
						 psprintf("%s: %s%s%s", server->options.base_url,
								  reco_outcome_name(value->outcome),
								  value->message ? ": " : "",
								  value->message ? value->message : ""),
						 hint_for(server, value->outcome));
}

/* Says what the gateway has learned of a server: closed endpoints, the clock. */
static void
check_lane(ReturnSetInfo *result, const RecoServer *server)
{
	RecoLane	lane;
	bool		found = false;
	RecoProblem problem = {0};
	RecoSecret *secret = reco_server_unlock(server, &problem);
	const char *check = psprintf("server \"%s\"", server->name);

	if (secret == NULL)
		return;
	LWLockAcquire(&reco_shared->lanes, LW_SHARED);
	for (int i = 0; i < reco_shared->nlanes && !found; i++)
		if (reco_lanes[i].used && reco_lanes[i].key == secret->lane_key)
		{
			memcpy(&lane, &reco_lanes[i], sizeof(RecoLane));
			found = true;
		}
	LWLockRelease(&reco_shared->lanes);
	reco_server_lock(secret);
	if (!found)
		return;
	for (int i = 0; i < reco_service_endpoints(lane.service); i++)
	{
		const char *endpoint = reco_endpoint_name(lane.service, i);

		if ((lane.capabilities.refused >> i) & 1)
			reco_doctor_tell(
				result, check, RECO_DOCTOR_WARNING,
				psprintf("endpoint \"%s\" is closed for this app", endpoint),
				"Another way is taken where there is one; it is tried again after a day.");
		if (lane.exhausted_until[i] > reco_now_us())
			reco_doctor_tell(
				result, check, RECO_DOCTOR_WARNING,
				psprintf("the quota of endpoint \"%s\" is used up until %s", endpoint,
						 timestamptz_to_str(reco_calendar_time(lane.exhausted_until[i]))),
				"Other endpoints are asked as before; a lower daily_quota spreads calls.");
	}
	if (lane.clock_seen && llabs(lane.clock_skew_s) > MOST_SKEW_S)
		reco_doctor_tell(
			result, check, RECO_DOCTOR_WARNING,
			psprintf("its clock and ours differ by %lld s",
					 (long long) lane.clock_skew_s),
			"Let this machine keep its time by NTP; limits and tokens go by it.");
}

/* Says who can read a secret. */
static void
check_readers(ReturnSetInfo *result, List *servers)
{
	ListCell   *cell;

	foreach (cell, reco_secret_readers(servers))
	{
		const RecoSecretReader *reader = lfirst(cell);

		reco_doctor_tell(
			result, psprintf("server \"%s\"", reader->server), RECO_DOCTOR_WARNING,
			psprintf("role \"%s\" can read the secret in %s user mapping", reader->role,
					 reader->public ? "PUBLIC's" : "its own"),
			reader->public
				? psprintf("ALTER SERVER %s OWNER TO a superuser, or use secret_file.",
						   quote_identifier(reader->server))
				: psprintf("REVOKE USAGE ON FOREIGN SERVER %s FROM %s, map PUBLIC "
						   "instead, or use secret_file.",
						   quote_identifier(reader->server),
						   quote_identifier(reader->role)));
	}
}
