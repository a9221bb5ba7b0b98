/*-------------------------------------------------------------------------
 *
 * chore.c
 *	  What is done again and again: which chores there are, whose they are, how they went.
 *
 * Purpose: see chore.h.
 * Runs in: any process with a database and a transaction.
 * Locks:	rows of reco.chore.
 * Never:	take pg_cron's word for it that a chore is its: what it does not read any
 *			more, since it is not there or the database has another name, nobody does; nor
 *			what it has not done for long, as its job is gone.
 *
 * A new chore is a member of the enum, a line in the table, a setting, and an argument
 * of reco_schedule().
 *
 *-------------------------------------------------------------------------
 */
#include "chore.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "chore_parts.h"
#include "cron.h"
#include "guc.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#define AGAIN_US		INT64CONST(1000000) /* after a failure; doubles */
#define MOST_DOUBLED	25			/* a year; the interval bounds it before */

/* Of "s" and "c": from when pg_cron's times count. NULL = nobody heard of the chore yet. */
#define REFERENCE \
	"CASE WHEN c.chore IS NOT NULL THEN greatest(s.registered_at, c.since, c.last_cron) END"

static const RecoChoreKind kinds[RECO_NCHORES] = {
	[RECO_CHORE_WARM] = {"warm", "reco_warm_popular_moods", "text,integer",
						 .as_it_goes = true, .of_workers = true},
	[RECO_CHORE_PREWARM] = {"prewarm", "reco_prewarm", "timestamptz",
							&reco_guc_prewarm_interval, "reco.prewarm_interval",
							.of_workers = true},
	[RECO_CHORE_LEARN] = {"learn", "reco_learn_moods", "", &reco_guc_learn_interval,
						  "reco.learn_interval", .after_change = true},
	[RECO_CHORE_EXPIRE] = {"expire", "reco_expire", "", &reco_guc_expire_interval,
						   "reco.expire_interval", .as_it_goes = true},
	[RECO_CHORE_SNAPSHOT] = {"snapshot", "reco_snapshot", "", &reco_guc_snapshot_interval,
							 "reco.snapshot_interval", .as_it_goes = true},
	[RECO_CHORE_HISTORY] = {"history", "reco_trim_history", "", &reco_guc_history_interval,
							"reco.history_interval", .as_it_goes = true},
	[RECO_CHORE_REPROBE] = {"reprobe", "reco_reprobe", "", &reco_guc_reprobe_interval,
							"reco.reprobe_interval"},
	[RECO_CHORE_REINDEX] = {"reindex", "reco_reindex_advice", "bigint",
							&reco_guc_reindex_interval, "reco.reindex_interval",
							.of_rows = true},
};

static RecoStatement marks_statement = {
	.text = "SELECT chore, schedule, command, jobid, jobname, database, cron_database, username,"
	" " REFERENCE " FROM reco.schedule AS s LEFT JOIN reco.chore AS c USING (chore) ORDER BY chore",
};

static RecoStatement mark_statement = {
	.text = "INSERT INTO reco.schedule (chore, schedule, command, jobid, jobname, database,"
	"  cron_database, username) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
	" ON CONFLICT (chore) DO UPDATE SET schedule = excluded.schedule, command = excluded.command,"
	"  jobid = excluded.jobid, jobname = excluded.jobname, database = excluded.database,"
	"  cron_database = excluded.cron_database, username = excluded.username,"
	"  registered_at = excluded.registered_at",
	.nargs = 8,
	.types = {TEXTOID, TEXTOID, TEXTOID, INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID},
};

static RecoStatement unmark_statement = {
	.text = "DELETE FROM reco.schedule WHERE chore = $1",
	.nargs = 1,
	.types = {TEXTOID},
};

static RecoStatement look_statement = {
	.text =
		"SELECT chore, s.database, s.cron_database, c.since, c.last_run, c.last_done, c.failing,"
		" s.schedule, " REFERENCE
		" FROM reco.chore AS c FULL JOIN reco.schedule AS s USING (chore)",
};

static RecoStatement look_at_statement = {
	.text =
		"SELECT chore, s.database, s.cron_database, c.since, c.last_run, c.last_done, c.failing,"
		" s.schedule, " REFERENCE " FROM (SELECT * FROM reco.chore WHERE chore = $1) AS c"
		" FULL JOIN (SELECT * FROM reco.schedule WHERE chore = $1) AS s USING (chore)",
	.nargs = 1,
	.types = {TEXTOID},
};

static RecoStatement make_statement = {
	.text = "INSERT INTO reco.chore (chore) VALUES ($1) ON CONFLICT DO NOTHING",
	.nargs = 1,
	.types = {TEXTOID},
};

static RecoStatement lock_statement = {
	.text = "SELECT 1 FROM reco.chore WHERE chore = $1 FOR NO KEY UPDATE",
	.nargs = 1,
	.types = {TEXTOID},
};

static RecoStatement try_statement = {
	.text = "SELECT 1 FROM reco.chore WHERE chore = $1 FOR NO KEY UPDATE SKIP LOCKED",
	.nargs = 1,
	.types = {TEXTOID},
};

static RecoStatement note_statement = {
	.text = "UPDATE reco.chore SET last_run = $2, last_done = $2, last_by = $3, took_ms = $4,"
	"  result = $5, ended = 'done', runs = runs + 1, failing = 0,"
	"  last_cron = CASE $3 WHEN 'pg_cron' THEN $2 ELSE last_cron END WHERE chore = $1",
	.nargs = 5,
	.types = {TEXTOID, TIMESTAMPTZOID, TEXTOID, FLOAT8OID, TEXTOID},
};

/* It may come late, when it was done since: then it only counts. */
static RecoStatement note_failure_statement = {
	.text =
		"UPDATE reco.chore AS c SET runs = c.runs + 1, failures = c.failures + 1, error = $4,"
		"  last_run = CASE WHEN n.late THEN c.last_run ELSE $2 END,"
		"  last_by = CASE WHEN n.late THEN c.last_by ELSE $3 END,"
		"  took_ms = CASE WHEN n.late THEN c.took_ms END, result = CASE WHEN n.late THEN c.result END,"
		"  ended = CASE WHEN n.late THEN c.ended ELSE 'failed' END,"
		"  failing = CASE WHEN n.late THEN c.failing ELSE c.failing + 1 END,"
		"  last_cron = CASE $3 WHEN 'pg_cron' THEN greatest(c.last_cron, $2) ELSE c.last_cron END"
		" FROM (SELECT chore, coalesce(last_run > $2, false) AS late FROM reco.chore WHERE chore = $1) AS n"
		" WHERE c.chore = n.chore",
	.nargs = 4,
	.types = {TEXTOID, TIMESTAMPTZOID, TEXTOID, TEXTOID},
};

static RecoStatement seen_statement = {
	.text = "SELECT NOT coalesce(state = $2, false) FROM reco.chore WHERE chore = $1",
	.nargs = 2,
	.types = {TEXTOID, INT8OID},
};

static RecoStatement see_statement = {
	.text = "UPDATE reco.chore SET state = $2 WHERE chore = $1",
	.nargs = 2,
	.types = {TEXTOID, INT8OID},
};

/* The state of the catalogue, as triggers have noted it; what was learned is none. */
static RecoStatement state_statement = {
	.text = "SELECT coalesce(sum(hashint8extended(change_id, 0) / 1024), 0)::bigint"
	" FROM reco.change WHERE what = 'catalogue'",
};

static bool holds(const char *database, const char *cron_database);
static bool is_overdue(const char *schedule, TimestampTz since);

const RecoChoreKind *
reco_chore_kind(RecoChore chore)
{
	return &kinds[chore];
}

int
reco_chore_of(const char *name)
{
	for (int i = 0; i < RECO_NCHORES; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return i;
	return -1;
}

char *
reco_chore_call(RecoChore chore)
{
	return psprintf("%s.%s()", reco_sql_schema_of("reco"), kinds[chore].function);
}

int64
reco_chore_every(RecoChore chore)
{
	const RecoChoreKind *kind = &kinds[chore];

	if (kind->interval_s == NULL || !reco_chore_is_on(chore))
		return 0;
	return *kind->interval_s * USECS_PER_SEC;
}

bool
reco_chore_is_on(RecoChore chore)
{
	const RecoChoreKind *kind = &kinds[chore];

	return reco_guc_keeper && (kind->interval_s == NULL || *kind->interval_s > 0) &&
		!(kind->of_workers && reco_guc_job_workers == 0);
}

int64
reco_chore_pause(RecoChore chore, int failing)
{
	int64		pause = AGAIN_US << Min(Max(failing, 1) - 1, MOST_DOUBLED);

	return Min(pause, reco_chore_every(chore));
}

TimestampTz
reco_chore_next(RecoChore chore, const RecoChoreState *state)
{
	int64		every = reco_chore_every(chore);
	TimestampTz from = state->last_done != 0 ? state->last_done : state->since;
	TimestampTz next = from + every;

	if (kinds[chore].as_it_goes || every == 0 || state->by_cron || from == 0)
		return 0;
	if (state->failing > 0)
		next = Max(next, state->last_run + reco_chore_pause(chore, state->failing));
	return next;
}

char *
reco_chore_signature(RecoChore chore)
{
	return psprintf("%s.%s(%s)", reco_sql_schema_of("reco"), kinds[chore].function,
					kinds[chore].arguments);
}

char *
reco_chore_command(RecoChore chore)
{
	return psprintf("SELECT %s.reco_chore('%s')", reco_sql_schema_of("reco"),
					kinds[chore].name);
}

/*
 * A setting that nobody defined is only what somebody wrote into postgresql.conf: then
 * pg_cron is not loaded.
 */
const char *
reco_chore_cron_database(void)
{
	static const char *const name = "cron.database_name";
	const char *database = GetConfigOption(name, true, false);

	if (database == NULL || (GetConfigOptionFlags(name, true) & GUC_CUSTOM_PLACEHOLDER))
		return NULL;
	return database;
}

/* Does what was registered then still mean this database, and is it read? */
static bool
holds(const char *database, const char *cron_database)
{
	const char *current = get_database_name(MyDatabaseId);
	const char *cron = reco_chore_cron_database();

	return database != NULL && cron_database != NULL && cron != NULL &&
		strcmp(cron, cron_database) == 0 && strcmp(current, database) == 0 &&
		(strcmp(cron, current) != 0 || OidIsValid(get_extension_oid("pg_cron", true)));
}

/*
 * Has pg_cron missed its times? Its job may be gone though it is noted here: who took it
 * back rolled that back, and pg_cron was elsewhere; or this is a copy of a database.
 */
static bool
is_overdue(const char *schedule, TimestampTz since)
{
	return since != 0 && reco_cron_is_overdue(schedule, since);
}

/* A column of the nth row as text, in the caller's context; NULL = it is null. */
char *
reco_chore_text(const RecoSql *sql, uint64 nth, int column)
{
	char *text = SPI_getvalue(SPI_tuptable->vals[nth], SPI_tuptable->tupdesc, column);

	return text == NULL ? NULL : MemoryContextStrdup(sql->caller, text);
}

/* A column of 64 bits; 0 = it is null. */
int64
reco_chore_number(uint64 nth, int column)
{
	bool		isnull;
	Datum value =
		SPI_getbinval(SPI_tuptable->vals[nth], SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

/* The chore that the first column of a row names; -1 = none of this version. */
int
reco_chore_named(uint64 nth)
{
	char *name = SPI_getvalue(SPI_tuptable->vals[nth], SPI_tuptable->tupdesc, 1);

	return name == NULL ? -1 : reco_chore_of(name);
}

List *
reco_chore_marks(void)
{
	List	   *marks = NIL;
	RecoSql		sql;

	reco_sql_begin(&sql);
	reco_sql_run(&marks_statement, NULL, NULL, false, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		int			chore = reco_chore_named(i);
		MemoryContext old;
		RecoChoreMark *mark;

		if (chore < 0)
			continue;
		old = MemoryContextSwitchTo(sql.caller);
		mark = palloc0(sizeof(RecoChoreMark));
		mark->chore = (RecoChore) chore;
		mark->schedule = reco_chore_text(&sql, i, 2);
		mark->command = reco_chore_text(&sql, i, 3);
		mark->jobid = reco_chore_number(i, 4);
		mark->jobname = reco_chore_text(&sql, i, 5);
		mark->database = reco_chore_text(&sql, i, 6);
		mark->cron_database = reco_chore_text(&sql, i, 7);
		mark->username = reco_chore_text(&sql, i, 8);
		mark->holds = holds(mark->database, mark->cron_database);
		mark->overdue =
			mark->holds && is_overdue(mark->schedule, reco_chore_number(i, 9));
		marks = lappend(marks, mark);
		MemoryContextSwitchTo(old);
	}
	reco_sql_end(&sql);
	return marks;
}

void
reco_chore_mark(const RecoChoreMark *mark)
{
	Datum		arguments[8];
	RecoSql		sql;

	arguments[0] = CStringGetTextDatum(kinds[mark->chore].name);
	arguments[1] = CStringGetTextDatum(mark->schedule);
	arguments[2] = CStringGetTextDatum(mark->command);
	arguments[3] = Int64GetDatum(mark->jobid);
	arguments[4] = CStringGetTextDatum(mark->jobname);
	arguments[5] = CStringGetTextDatum(mark->database);
	arguments[6] = CStringGetTextDatum(mark->cron_database);
	arguments[7] = CStringGetTextDatum(mark->username);
	reco_sql_begin(&sql);
	reco_sql_run(&mark_statement, arguments, NULL, false, 0);
	reco_sql_end(&sql);
}

void
reco_chore_unmark(RecoChore chore)
{
	Datum		arguments[1];
	RecoSql		sql;

	arguments[0] = CStringGetTextDatum(kinds[chore].name);
	reco_sql_begin(&sql);
	reco_sql_run(&unmark_statement, arguments, NULL, false, 0);
	reco_sql_end(&sql);
}

/* Takes a row of the statements that look. */
static void
take_state(uint64 nth, RecoChoreState *state)
{
	SPITupleTable *table = SPI_tuptable;
	bool		theirs = holds(SPI_getvalue(table->vals[nth], table->tupdesc, 2),
						SPI_getvalue(table->vals[nth], table->tupdesc, 3));

	state->overdue = theirs &&
		is_overdue(SPI_getvalue(table->vals[nth], table->tupdesc, 8),
				   reco_chore_number(nth, 9));
	state->by_cron = theirs && !state->overdue;
	state->since = reco_chore_number(nth, 4);
	state->last_run = reco_chore_number(nth, 5);
	state->last_done = reco_chore_number(nth, 6);
	state->failing = (int) reco_chore_number(nth, 7);
}

void
reco_chore_look(RecoChoreState states[RECO_NCHORES])
{
	RecoSql		sql;

	memset(states, 0, sizeof(RecoChoreState) * RECO_NCHORES);
	reco_sql_begin(&sql);
	reco_sql_run(&look_statement, NULL, NULL, false, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		int			chore = reco_chore_named(i);

		if (chore >= 0)
			take_state(i, &states[chore]);
	}
	reco_sql_end(&sql);
}

/* Looks at one. */
static void
look_at(Datum *arguments, RecoChoreState *state)
{
	memset(state, 0, sizeof(*state));
	reco_sql_run(&look_at_statement, arguments, NULL, false, 0);
	if (SPI_processed > 0)
		take_state(0, state);
}

bool
reco_chore_is_crons(RecoChore chore)
{
	RecoChoreState state;
	Datum		arguments[1];
	RecoSql		sql;

	arguments[0] = CStringGetTextDatum(kinds[chore].name);
	reco_sql_begin(&sql);
	look_at(arguments, &state);
	reco_sql_end(&sql);
	return state.by_cron;
}

bool
reco_chore_lock(RecoChore chore, bool wait, RecoChoreState *state)
{
	Datum		arguments[1];
	bool		locked;
	RecoSql		sql;

	arguments[0] = CStringGetTextDatum(kinds[chore].name);
	reco_sql_begin(&sql);
	reco_sql_run(wait ? &lock_statement : &try_statement, arguments, NULL, false, 0);
	locked = SPI_processed > 0;
	if (!locked)
	{
		/* the first run of all; whoever came first may not have committed */
		reco_sql_run(&make_statement, arguments, NULL, false, 0);
		reco_sql_run(wait ? &lock_statement : &try_statement, arguments, NULL, false, 0);
		locked = SPI_processed > 0;
	}
	if (locked)
		look_at(arguments, state);
	reco_sql_end(&sql);
	return locked;
}

/*
 * Is there anything to do? Not where the catalogue is as it was after the last run. What
 * it is now is noted.
 */
static bool
has_changed(RecoChore chore)
{
	Datum		arguments[2];
	bool		changed;
	bool		isnull;
	RecoSql		sql;

	arguments[0] = CStringGetTextDatum(kinds[chore].name);
	reco_sql_begin(&sql);
	reco_sql_run(&state_statement, NULL, NULL, false, 0);
	arguments[1] = Int64GetDatum(reco_chore_number(0, 1));
	reco_sql_run(&seen_statement, arguments, NULL, false, 0);
	changed = SPI_processed > 0 &&
		DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
								   &isnull));
	if (changed)
		reco_sql_run(&see_statement, arguments, NULL, false, 0);
	reco_sql_end(&sql);
	return changed;
}

/* Calls a chore's function, with the rights of the current user. */
static char *
call(RecoChore chore)
{
	MemoryContext caller = CurrentMemoryContext;
	char *text = psprintf(kinds[chore].of_rows ? "SELECT * FROM %s" : "SELECT %s",
						  reco_chore_call(chore));
	char	   *result = NULL;
	bool		push = !ActiveSnapshotSet();
	int			code;

	/* the keeper has none */
	if (push)
		PushActiveSnapshot(GetTransactionSnapshot());
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	code = SPI_execute(text, false, 0);
	if (code < 0)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(code));
	if (!kinds[chore].of_rows && SPI_processed > 0)
		result = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (kinds[chore].of_rows)
		result = psprintf(UINT64_FORMAT, (uint64) SPI_processed);
	if (result != NULL)
		result = MemoryContextStrdup(caller, result);
	SPI_finish();
	if (push)
		PopActiveSnapshot();
	return result;
}

char *
reco_chore_do(RecoChore chore, const char *by)
{
	TimestampTz started = GetCurrentTimestamp();
	char	   *result = "unchanged";

	if (!kinds[chore].after_change || has_changed(chore))
		result = call(chore);
	(void) reco_chore_note(chore, by, started, GetCurrentTimestamp() - started, result);
	return result;
}

bool
reco_chore_note(RecoChore chore, const char *by, TimestampTz started, int64 took_us,
				const char *result)
{
	RecoChoreState state;
	Datum		arguments[5] = {0};
	char		nulls[6] = "     ";
	RecoSql		sql;

	if (!reco_chore_lock(chore, false, &state))
		return false;
	arguments[0] = CStringGetTextDatum(kinds[chore].name);
	arguments[1] = TimestampTzGetDatum(started);
	arguments[2] = CStringGetTextDatum(by);
	arguments[3] = Float8GetDatum(took_us / 1000.0);
	nulls[3] = took_us < 0 ? 'n' : ' ';
	nulls[4] = result == NULL ? 'n' : ' ';
	if (result != NULL)
		arguments[4] = CStringGetTextDatum(result);
	reco_sql_begin(&sql);
	reco_sql_run(&note_statement, arguments, nulls, false, 0);
	reco_sql_end(&sql);
	return true;
}

bool
reco_chore_note_failure(RecoChore chore, const char *by, TimestampTz at,
						const char *error)
{
	RecoChoreState state;
	Datum		arguments[4];
	RecoSql		sql;

	if (!reco_chore_lock(chore, false, &state))
		return false;
	arguments[0] = CStringGetTextDatum(kinds[chore].name);
	arguments[1] = TimestampTzGetDatum(at);
	arguments[2] = CStringGetTextDatum(by);
	arguments[3] = CStringGetTextDatum(error);
	reco_sql_begin(&sql);
	reco_sql_run(&note_failure_statement, arguments, NULL, false, 0);
	reco_sql_end(&sql);
	return true;
}
