/*-------------------------------------------------------------------------
 *
 * schedule.c
 *	  reco_schedule, reco_unschedule: chores, to pg_cron and back.
 *
 * Purpose: check who wants what; have pg_cron take it; note that it did.
 * Runs in: a backend.
 * Locks:	rows of reco.chore, in the order of chores, to the end of the transaction:
 *			until then neither the keeper nor pg_cron begins one of these.
 * Never:	note what pg_cron did not take; register what its role may not run.
 *
 * Where pg_cron has its jobs in another database, it takes them at once, whatever becomes
 * of the caller's transaction. If that is rolled back, pg_cron has a job that nobody
 * noted: the next reco_schedule() finds it by its name.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalog/pg_authid.h"
#include "chores.h"
#include "commands/dbcommands.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "options.h"
#include "store/sql.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(reco_schedule);
PG_FUNCTION_INFO_V1(reco_unschedule);

static void require_role(void);
static const char *require_cron(void);
static void require_rights(RecoChore chore);
static const RecoChoreMark *find_mark(const List *marks, RecoChore chore);
static void require_owner(const RecoChoreMark *mark);
static char *job_name(RecoChore chore);
static char *schedule_argument(FunctionCallInfo fcinfo, RecoChore chore);
static void put_row(ReturnSetInfo *result, const RecoChoreMark *mark);

void
reco_cron_begin(RecoCronOrder *order, RecoCronWhat what, const char *cron_database)
{
	memset(order, 0, sizeof(*order));
	order->what = what;
	order->role = GetUserId();
	strlcpy(order->username, GetUserNameFromId(order->role, false),
			sizeof(order->username));
	strlcpy(order->database, get_database_name(MyDatabaseId), sizeof(order->database));
	strlcpy(order->cron_database, cron_database, sizeof(order->cron_database));
}

RecoCronJob *
reco_cron_add(RecoCronOrder *order, const RecoChoreMark *mark)
{
	RecoCronJob *job = &order->jobs[order->njobs++];

	StaticAssertStmt(RECO_NCHORES <= RECO_CRON_JOBS, "an order has too few jobs");
	memset(job, 0, sizeof(*job));
	strlcpy(job->jobname, mark->jobname, sizeof(job->jobname));
	strlcpy(job->schedule, mark->schedule, sizeof(job->schedule));
	strlcpy(job->command, mark->command, sizeof(job->command));
	job->jobid = mark->jobid;
	return job;
}

/* Registers chores. */
Datum
reco_schedule(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	RecoChoreMark new[RECO_NCHORES];
	RecoCronOrder *order = palloc(sizeof(RecoCronOrder));
	const char *cron_database;
	List	   *marks;
	int			n = 0;

	reco_require_writable("reco_schedule()");
	InitMaterializedSRF(fcinfo, 0);
	cron_database = require_cron();
	require_role();
	reco_cron_begin(order, RECO_CRON_REGISTER, cron_database);
	marks = reco_chore_marks();
	for (int i = 0; i < RECO_NCHORES; i++)
	{
		RecoChore	chore = (RecoChore) i;
		char	   *schedule = schedule_argument(fcinfo, chore);
		const RecoChoreMark *old = find_mark(marks, chore);
		RecoChoreState state;
		RecoCronJob *job;

		if (schedule == NULL)
			continue;
		require_rights(chore);
		if (old != NULL)
			require_owner(old);
		(void) reco_chore_lock(chore, true, &state);
		new[n] = (RecoChoreMark){.chore = chore,
								 .schedule = schedule,
								 .command = reco_chore_command(chore),
								 .jobname = job_name(chore),
								 .database = order->database,
								 .cron_database = order->cron_database,
								 .username = order->username};
		job = reco_cron_add(order, &new[n++]);
		if (old != NULL && strcmp(old->jobname, job->jobname) != 0)
			strlcpy(job->former, old->jobname, sizeof(job->former));
	}
	if (n > 0)
		reco_cron_order(order);
	for (int i = 0; i < n; i++)
	{
		new[i].jobid = order->jobs[i].jobid;
		reco_chore_mark(&new[i]);
		put_row(result, &new[i]);
	}
	return (Datum) 0;
}

/* Takes chores back. What pg_cron does not read any more is only noted. */
Datum
reco_unschedule(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			only = PG_ARGISNULL(0) ? -1 : reco_argument_chore(fcinfo, 0);
	RecoCronOrder *order = palloc(sizeof(RecoCronOrder));
	const char *cron_database = reco_chore_cron_database();
	List	   *marks;

	reco_require_writable("reco_unschedule()");
	InitMaterializedSRF(fcinfo, 0);
	reco_cron_begin(order, RECO_CRON_REMOVE, cron_database == NULL ? "" : cron_database);
	marks = reco_chore_marks();
	for (int i = 0; i < RECO_NCHORES; i++)
	{
		RecoChore	chore = (RecoChore) i;
		const RecoChoreMark *mark = find_mark(marks, chore);
		RecoChoreState state;

		if (mark == NULL || (only >= 0 && i != only))
			continue;
		require_owner(mark);
		(void) reco_chore_lock(chore, true, &state);
		if (cron_database != NULL && strcmp(mark->cron_database, cron_database) == 0)
			(void) reco_cron_add(order, mark);
		reco_chore_unmark(chore);
		put_row(result, mark);
	}
	if (order->njobs > 0 &&
		(strcmp(order->cron_database, order->database) != 0 || reco_cron_is_here()))
		reco_cron_order(order);
	return (Datum) 0;
}

/* pg_cron runs a job as the role that registered it, which must be able to log in. */
static void
require_role(void)
{
	HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(GetUserId()));
	bool can_login =
		HeapTupleIsValid(tuple) && ((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	if (!can_login)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("role \"%s\" cannot log in, so pg_cron cannot run jobs as it",
						GetUserNameFromId(GetUserId(), false)),
				 errhint("Call reco_schedule() as a role with LOGIN.")));
}

/* The database where pg_cron has its jobs. */
static const char *
require_cron(void)
{
	const char *database = reco_chore_cron_database();

	if (database == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("pg_cron is not preloaded on this server"),
				 errhint("Without it keepers do the chores by a timer, see view "
						 "reco_stat_chore and the settings reco.*_interval. To use it, add "
						 "pg_cron to shared_preload_libraries, restart, and run CREATE "
						 "EXTENSION pg_cron in database cron.database_name.")));
	return database;
}

/* A job that its role may not run would fail each time. */
static void
require_rights(RecoChore chore)
{
	const RecoChoreKind *kind = reco_chore_kind(chore);
	const char *schema = reco_sql_schema_of("reco");

	if (reco_chore_is_allowed(chore, GetUserId()))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("role \"%s\" may not do chore \"%s\"",
					GetUserNameFromId(GetUserId(), false), kind->name),
			 errhint("GRANT EXECUTE ON FUNCTION %s.reco_chore(text), %s TO %s;", schema,
					 reco_chore_signature(chore),
					 quote_identifier(GetUserNameFromId(GetUserId(), false)))));
}

static const RecoChoreMark *
find_mark(const List *marks, RecoChore chore)
{
	for (int i = 0; i < list_length(marks); i++)
	{
		const RecoChoreMark *mark = list_nth(marks, i);

		if (mark->chore == chore)
			return mark;
	}
	return NULL;
}

/* Whose job it is, or a superuser. One that is read no more is anybody's. */
static void
require_owner(const RecoChoreMark *mark)
{
	const char *user = GetUserNameFromId(GetUserId(), false);

	if (superuser() || !mark->holds || strcmp(mark->username, user) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("chore \"%s\" was registered by role \"%s\"",
					reco_chore_kind(mark->chore)->name, mark->username),
			 errhint("That role, or a superuser, can run SELECT reco_unschedule('%s').",
					 reco_chore_kind(mark->chore)->name)));
}

/* A job's name in pg_cron, which keeps 63 bytes of it; two databases have two. */
static char *
job_name(RecoChore chore)
{
	const char *database = get_database_name(MyDatabaseId);
	char *name = psprintf("reco %s: %s", reco_chore_kind(chore)->name, database);

	if (strlen(name) < NAMEDATALEN)
		return name;
	return psprintf("reco %s: database %u", reco_chore_kind(chore)->name, MyDatabaseId);
}

/* The schedule of a chore; NULL = it stays as it is. */
static char *
schedule_argument(FunctionCallInfo fcinfo, RecoChore chore)
{
	char	   *schedule;

	if (PG_ARGISNULL(chore))
		return NULL;
	schedule = text_to_cstring(PG_GETARG_TEXT_PP(chore));
	if (schedule[strspn(schedule, " \t")] == '\0' || strlen(schedule) >= RECO_CRON_TEXT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the schedule of chore \"%s\" must have between 1 and %d bytes",
						reco_chore_kind(chore)->name, RECO_CRON_TEXT - 1),
				 errhint("A schedule has five fields: minute, hour, day of the month, month, "
						 "day of the week, as in '23 4 * * *'.")));
	return schedule;
}

static void
put_row(ReturnSetInfo *result, const RecoChoreMark *mark)
{
	Datum		values[4];
	bool		nulls[4] = {false};

	values[0] = CStringGetTextDatum(reco_chore_kind(mark->chore)->name);
	values[1] = CStringGetTextDatum(mark->schedule);
	values[2] = CStringGetTextDatum(mark->command);
	values[3] = Int64GetDatum(mark->jobid);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}
