/*-------------------------------------------------------------------------
 *
 * cron.c
 *	  What is asked of pg_cron, in the database where it has its jobs.
 *
 * Purpose: see cron.h. From 1.4 on a job can run in another database.
 * Runs in: a backend; a process in pg_cron's database.
 * Locks:	those of pg_cron's functions.
 * Never:	call a function by a name that somebody else may have given to one of his own:
 *			those are called that belong to the extension, all of them qualified.
 *
 *-------------------------------------------------------------------------
 */
#include "cron.h"

#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "cron_time.h"
#include "errand.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "postmaster/postmaster.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define SCHEDULE_HERE	"cron.schedule(text, text, text)"
#define SCHEDULE_THERE	"cron.schedule_in_database(text, text, text, text, text, boolean)"

#define MISSED		3			/* times */
#define GRACE_S		60			/* for a job to begin, and to be noted */

static void check(const RecoCronOrder *order);
static void check_rights(const RecoCronOrder *order, bool here);
static void put(const RecoCronOrder *order, RecoCronJob *job);
static void remove_job(const RecoCronOrder *order, RecoCronJob *job);
static void look_at(const RecoCronOrder *order, RecoCronJob *job);

bool
reco_cron_is_here(void)
{
	return OidIsValid(get_extension_oid("pg_cron", true));
}

/* The offset of the time zone of schedules, as it is now, in seconds. */
static int64
zone_offset(void)
{
	static const char *const name = "cron.timezone";
	const char *zone = GetConfigOption(name, true, false);
	pg_time_t	now = (pg_time_t) time(NULL);
	pg_tz	   *tz = zone == NULL ? NULL : pg_tzset(zone);
	struct pg_tm *tm = tz == NULL ? NULL : pg_localtime(&now, tz);

	return tm == NULL ? 0 : tm->tm_gmtoff;
}

bool
reco_cron_is_overdue(const char *schedule, TimestampTz since)
{
	int64		offset = zone_offset();
	int64		by = timestamptz_to_time_t(GetCurrentTimestamp()) + offset - GRACE_S;

	return reco_cron_time(schedule, timestamptz_to_time_t(since) + offset, MISSED, by) !=
		0 &&
		reco_cron_time(schedule, timestamptz_to_time_t(PgStartTime) + offset, 1, by) != 0;
}

void
reco_cron_order(RecoCronOrder *order)
{
	if (strcmp(order->cron_database, get_database_name(MyDatabaseId)) == 0)
		reco_cron_do(order);
	else
		reco_errand(order->cron_database, order, sizeof(*order));
}

void
reco_cron_do(RecoCronOrder *order)
{
	int			guc_level = NewGUCNestLevel();

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	check(order);
	for (int i = 0; i < order->njobs; i++)
	{
		if (order->what == RECO_CRON_REGISTER)
			put(order, &order->jobs[i]);
		else if (order->what == RECO_CRON_REMOVE)
			remove_job(order, &order->jobs[i]);
		else
			look_at(order, &order->jobs[i]);
	}
	SPI_finish();
	AtEOXact_GUC(false, guc_level);
}

/* Runs a statement with texts as arguments. */
static void
run(const char *statement, int nargs, const char *const *texts, bool read_only)
{
	Datum		arguments[8];
	Oid			types[8];
	int			code;

	for (int i = 0; i < nargs; i++)
	{
		arguments[i] = CStringGetTextDatum(texts[i]);
		types[i] = TEXTOID;
	}
	code = SPI_execute_with_args(statement, nargs, types, arguments, NULL, read_only, 0);
	if (code < 0)
		elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(code));
}

/* A column of a row; NULL = it is null. */
static char *
column(uint64 row, int nth)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, nth);
}

static bool
is_true(int nth)
{
	char	   *value = SPI_processed == 0 ? NULL : column(0, nth);

	return value != NULL && value[0] == 't';
}

/* Is pg_cron here, new enough, and may the user do that? */
static void
check(const RecoCronOrder *order)
{
	const char *current = get_database_name(MyDatabaseId);
	bool		here = strcmp(current, order->database) == 0;
	int			major = 0;
	int			minor = 0;

	run("SELECT extversion FROM pg_extension WHERE extname = 'pg_cron'", 0, NULL, true);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"pg_cron\" is not installed in database \"%s\"",
						current),
				 errhint("Run CREATE EXTENSION pg_cron in that database, or leave the "
						 "chores to the keeper's timer.")));
	if (sscanf(column(0, 1), "%d.%d", &major, &minor) < 1 || major < 1 ||
		(major == 1 && minor < 4))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("pg_cron %s is too old: 1.4 or newer is needed", column(0, 1)),
				 errhint("Install a newer one, and run ALTER EXTENSION pg_cron UPDATE in "
						 "database \"%s\".",
						 current)));
	if (order->what != RECO_CRON_LOOK)
		check_rights(order, here);
}

static void
check_rights(const RecoCronOrder *order, bool here)
{
	const char *current = get_database_name(MyDatabaseId);
	const char *role = quote_identifier(order->username);
	const char *function = here ? SCHEDULE_HERE : SCHEDULE_THERE;
	const char *arguments[1];

	arguments[0] = function;
	run("SELECT has_schema_privilege(n.oid, 'USAGE'), (SELECT has_function_privilege(p.oid, 'EXECUTE')"
		"  FROM pg_proc AS p WHERE p.pronamespace = n.oid"
		"  AND format('cron.%s(%s)', p.proname, oidvectortypes(p.proargtypes)) = $1),"
		" has_database_privilege(current_database(), 'CONNECT')"
		" FROM pg_namespace AS n WHERE n.nspname = 'cron'",
		1, arguments, true);
	if (is_true(1) && is_true(3) && (order->what == RECO_CRON_REMOVE || is_true(2)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("role \"%s\" may not %s jobs of pg_cron in database \"%s\"",
					order->username,
					order->what == RECO_CRON_REMOVE ? "remove" : "register", current),
			 errhint("In database \"%s\": %s%s%s", current,
					 is_true(3) ? ""
								: psprintf("GRANT CONNECT ON DATABASE %s TO %s; ",
										   quote_identifier(current), role),
					 is_true(1) ? ""
								: psprintf("GRANT USAGE ON SCHEMA cron TO %s; ", role),
					 order->what == RECO_CRON_REMOVE || is_true(2)
						 ? ""
						 : psprintf("GRANT EXECUTE ON FUNCTION %s TO %s;", function,
									role))));
}

/* Removes a job that was found. */
static void
unschedule(const char *jobid)
{
	const char *arguments[1];

	arguments[0] = jobid;
	run("SELECT cron.unschedule($1::bigint)", 1, arguments, false);
}

/*
 * Removes jobs of a name; 'but_own' leaves the user's own active one in its place. Those
 * of others only a superuser sees.
 */
static void
remove_named(const RecoCronOrder *order, const char *jobname, bool but_own)
{
	const char *arguments[2];
	char	  **jobids;
	uint64		n;

	arguments[0] = jobname;
	arguments[1] = order->username;
	run(but_own ? "SELECT jobid FROM cron.job WHERE jobname = $1"
				  " AND NOT (username = $2 AND active)"
				: "SELECT jobid FROM cron.job WHERE jobname = $1 AND $2 <> ''",
		2, arguments, false);
	n = SPI_processed;
	jobids = palloc(sizeof(char *) * Max(n, 1));
	for (uint64 i = 0; i < n; i++)
		jobids[i] = column(i, 1);
	for (uint64 i = 0; i < n; i++)
		unschedule(jobids[i]);
}

/* Registers a job, in the place of what there is of this name. */
static void
put(const RecoCronOrder *order, RecoCronJob *job)
{
	const char *arguments[4];
	bool		here = strcmp(get_database_name(MyDatabaseId), order->database) == 0;
	MemoryContext context = CurrentMemoryContext;

	if (job->former[0] != '\0')
		remove_named(order, job->former, false);
	remove_named(order, job->jobname, true);
	arguments[0] = job->jobname;
	arguments[1] = job->schedule;
	arguments[2] = job->command;
	arguments[3] = order->database;
	PG_TRY();
	{
		run(here ? "SELECT cron.schedule($1, $2, $3)"
				 : "SELECT cron.schedule_in_database($1, $2, $3, $4)",
			here ? 3 : 4, arguments, false);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		/* pg_cron says which schedule it does not understand, but not of which job */
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (error->sqlerrcode != ERRCODE_INVALID_PARAMETER_VALUE)
			PG_RE_THROW();
		FlushErrorState();
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("pg_cron does not take the schedule \"%s\" of job \"%s\"",
						job->schedule, job->jobname),
				 errdetail("It says: %s", error->message),
				 errhint("A schedule has five fields: minute, hour, day of the month, month, "
						 "day of the week, as in '23 4 * * *'.")));
	}
	PG_END_TRY();
	job->jobid = SPI_processed > 0 ? atoll(column(0, 1)) : 0;
	job->found = job->active = job->same = true;
}

/* Removes a job, if it is there. */
static void
remove_job(const RecoCronOrder *order, RecoCronJob *job)
{
	remove_named(order, job->jobname, false);
}

static void
look_at(const RecoCronOrder *order, RecoCronJob *job)
{
	const char *arguments[5];

	arguments[0] = job->jobname;
	arguments[1] = psprintf(INT64_FORMAT, job->jobid);
	arguments[2] = job->schedule;
	arguments[3] = job->command;
	arguments[4] = order->database;
	run("SELECT active, schedule = $3 AND command = $4 AND database = $5 FROM cron.job"
		" WHERE jobname = $1 AND jobid = $2::bigint",
		5, arguments, true);
	job->found = SPI_processed > 0;
	job->active = job->found && is_true(1);
	job->same = job->found && is_true(2);
}
