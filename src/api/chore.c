/*-------------------------------------------------------------------------
 *
 * chore.c
 *	  Chores by hand and for pg_cron, and rows of the view reco_stat_chore.
 *
 * Purpose: arguments into a chore, and what became of it into values.
 * Runs in: a backend.
 * Locks:	those of store/chore.h and store/care.h.
 * Never:	do a chore with other rights than the caller's.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/xlog.h"
#include "chores.h"
#include "funcapi.h"
#include "guc.h"
#include "miscadmin.h"
#include "options.h"
#include "postmaster/bgworker.h"
#include "shmem/shared.h"
#include "store/care.h"
#include "store/index_advice.h"
#include "store/sql.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(reco_expire);
PG_FUNCTION_INFO_V1(reco_snapshot);
PG_FUNCTION_INFO_V1(reco_trim_history);
PG_FUNCTION_INFO_V1(reco_reprobe);
PG_FUNCTION_INFO_V1(reco_reindex_advice);
PG_FUNCTION_INFO_V1(reco_chore);
PG_FUNCTION_INFO_V1(reco_stat_chore);

#define NCOLUMNS	16			/* of the view */

static void tell_failure(RecoChore chore, const char *by, MemoryContext context);
static const char *by_whom(void);
static void put_facts(Datum *values, bool *nulls, const RecoChoreFacts *facts);

Datum
reco_expire(PG_FUNCTION_ARGS)
{
	reco_require_writable("reco_expire()");
	PG_RETURN_INT64(reco_care_expire());
}

Datum
reco_snapshot(PG_FUNCTION_ARGS)
{
	reco_require_writable("reco_snapshot()");
	PG_RETURN_INT64(reco_care_snapshot());
}

Datum
reco_trim_history(PG_FUNCTION_ARGS)
{
	reco_require_writable("reco_trim_history()");
	PG_RETURN_INT64(reco_care_history());
}

Datum
reco_reprobe(PG_FUNCTION_ARGS)
{
	reco_require_writable("reco_reprobe()");
	PG_RETURN_INT32(reco_care_reprobe());
}

/* Lists the indexes that should be rebuilt. */
Datum
reco_reindex_advice(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int64		wasted = PG_ARGISNULL(0) ? RECO_INDEX_WASTED : PG_GETARG_INT64(0);
	List	   *list;

	InitMaterializedSRF(fcinfo, 0);
	list = reco_index_advice(wasted);
	for (int i = 0; i < list_length(list); i++)
	{
		const RecoIndexAdvice *advice = list_nth(list, i);
		Datum		values[5];
		bool		nulls[5] = {false};

		values[0] = ObjectIdGetDatum(advice->index);
		values[1] = CStringGetTextDatum(advice->problem);
		values[2] = Int64GetDatum(advice->bytes);
		values[3] = Int64GetDatum(advice->wasted);
		values[4] = CStringGetTextDatum(advice->statement);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

int
reco_argument_chore(FunctionCallInfo fcinfo, int nth)
{
	char	   *name = reco_argument_text(fcinfo, nth, "chore");
	int			chore = reco_chore_of(name);

	if (chore < 0)
	{
		char	   *names = pstrdup("");

		for (int i = 0; i < RECO_NCHORES; i++)
			names = psprintf("%s%s%s", names, i == 0 ? "" : ", ",
							 reco_chore_kind((RecoChore) i)->name);
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized chore \"%s\"", name),
				 errhint("Chores are %s.", names)));
	}
	return chore;
}

/* Does a chore. */
Datum
reco_chore(PG_FUNCTION_ARGS)
{
	RecoChore	chore = (RecoChore) reco_argument_chore(fcinfo, 0);
	const char *by = by_whom();
	RecoChoreState state;
	MemoryContext context = CurrentMemoryContext;
	char	   *result = NULL;

	reco_require_writable("reco_chore()");
	PG_TRY();
	{
		(void) reco_chore_lock(chore, true, &state);
		result = reco_chore_do(chore, by);
	}
	PG_CATCH();
	{
		/* what is written here is undone: the keeper writes it */
		tell_failure(chore, by, context);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(result));
}

/* Did somebody wish for it? A timeout has the same code. */
static bool
was_wished(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_QUERY_CANCELED &&
		(error->message_id == NULL ||
		 strcmp(error->message_id, "canceling statement due to statement timeout") != 0);
}

/* Tells the keeper of the error that is under way, but for one that somebody wished. */
static void
tell_failure(RecoChore chore, const char *by, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	ErrorData  *error = CopyErrorData();

	if (!was_wished(error))
		reco_chore_failure_tell((int) chore, by, error->message);
	FreeErrorData(error);
	MemoryContextSwitchTo(old);
}

/* Is this a process of pg_cron's, or a connection that it made? */
static const char *
by_whom(void)
{
	const char *name = GetConfigOption("application_name", true, false);

	if (MyBgworkerEntry != NULL &&
		strcmp(MyBgworkerEntry->bgw_library_name, "pg_cron") == 0)
		return "pg_cron";
	return name != NULL && strcmp(name, "pg_cron") == 0 ? "pg_cron" : "hand";
}

static void
put_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL;
	values[column] = text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

/* A number of 64 bits, or a time; 0 is NULL. */
static void
put_number(Datum *values, bool *nulls, int column, int64 value)
{
	nulls[column] = value == 0;
	values[column] = Int64GetDatum(value);
}

/* The registration of a chore that pg_cron does; NULL = none. */
static const RecoChoreMark *
mark_of(const List *marks, RecoChore chore)
{
	for (int i = 0; i < list_length(marks); i++)
	{
		const RecoChoreMark *mark = list_nth(marks, i);

		if (mark->chore == chore && mark->holds && !mark->overdue)
			return mark;
	}
	return NULL;
}

/* Does the keeper do a chore that pg_cron does not? */
static bool
is_keepers(RecoChore chore)
{
	return reco_shared != NULL && !RecoveryInProgress() && reco_chore_is_on(chore);
}

/* One row per chore. */
Datum
reco_stat_chore(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	RecoChoreFacts facts[RECO_NCHORES];
	List	   *marks;

	(void) reco_sql_own_extension();
	InitMaterializedSRF(fcinfo, 0);
	marks = reco_chore_marks();
	reco_chore_facts(facts);
	for (int i = 0; i < RECO_NCHORES; i++)
	{
		const RecoChoreKind *kind = reco_chore_kind((RecoChore) i);
		const RecoChoreMark *mark = mark_of(marks, (RecoChore) i);
		bool		timer = mark == NULL && is_keepers((RecoChore) i);
		RecoChoreState state = {.since = facts[i].since,
								.last_run = facts[i].last_run,
								.last_done = facts[i].last_done,
								.failing = facts[i].failing};
		Datum		values[NCOLUMNS];
		bool		nulls[NCOLUMNS] = {false};
		Interval   *every = palloc0(sizeof(Interval));

		every->time = reco_chore_every((RecoChore) i);
		put_text(values, nulls, 0, kind->name);
		put_text(values, nulls, 1, reco_chore_call((RecoChore) i));
		put_text(values, nulls, 2, mark != NULL ? "pg_cron" : timer ? "keeper" : NULL);
		put_text(values, nulls, 3, mark == NULL ? NULL : mark->schedule);
		nulls[4] = !timer || every->time == 0;
		values[4] = IntervalPGetDatum(every);
		put_number(values, nulls, 5, mark == NULL ? 0 : mark->jobid);
		put_facts(values, nulls, &facts[i]);
		put_number(values, nulls, 15, timer ? reco_chore_next((RecoChore) i, &state) : 0);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* How it went last. */
static void
put_facts(Datum *values, bool *nulls, const RecoChoreFacts *facts)
{
	put_number(values, nulls, 6, facts->last_run);
	put_number(values, nulls, 7, facts->last_done);
	put_text(values, nulls, 8, facts->last_by);
	nulls[9] = facts->last_run == 0 || facts->took_ms < 0;
	values[9] = Float8GetDatum(facts->took_ms);
	put_text(values, nulls, 10, facts->ended);
	put_text(values, nulls, 11, facts->result);
	put_text(values, nulls, 12, facts->error);
	values[13] = Int64GetDatum(facts->runs);
	values[14] = Int64GetDatum(facts->failures);
}
