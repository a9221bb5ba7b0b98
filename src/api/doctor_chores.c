/*-------------------------------------------------------------------------
 *
 * doctor_chores.c
 *	  reco_doctor: who does the chores, how they went; which indexes to rebuild.
 *
 * Purpose: compare what was registered with pg_cron with what is there, in whichever
 *			database; tell of chores that fail, that nobody does, or that cannot be done.
 * Runs in: a backend.
 * Locks:	none of ours.
 * Never:	raise an error for what it is there to tell; change anything.
 *
 *-------------------------------------------------------------------------
 */
#include "doctor.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "chores.h"
#include "commands/dbcommands.h"
#include "guc.h"
#include "miscadmin.h"
#include "shmem/shared.h"
#include "store/index_advice.h"
#include "store/sql.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

/* Names of chores, one behind the other. */
typedef struct Names
{
	char	   *text;
	char	   *schedules;		/* as arguments of reco_schedule() */
} Names;

static void tell_lost(ReturnSetInfo *result, const List *marks);
static void tell_jobs(ReturnSetInfo *result, const List *marks);
static const char *why_lost(const RecoChoreMark *mark);
static void tell_job(ReturnSetInfo *result, const RecoChoreMark *mark,
					 const RecoCronJob *job);
static ErrorData *look(RecoCronOrder *order);
static void tell_timer(ReturnSetInfo *result, const List *marks);
static void tell_failed(ReturnSetInfo *result);
static void tell_indexes(ReturnSetInfo *result);

void
reco_doctor_chores(ReturnSetInfo *result)
{
	List	   *marks;

	if (reco_sql_version() == NULL || strcmp(reco_sql_version(), RECO_VERSION) != 0)
		return;
	marks = reco_chore_marks();
	if (!RecoveryInProgress())
	{
		tell_lost(result, marks);
		tell_jobs(result, marks);
		tell_timer(result, marks);
		tell_failed(result);
	}
	tell_indexes(result);
}

static void
add_name(Names *names, const RecoChoreMark *mark)
{
	const char *name = reco_chore_kind(mark->chore)->name;
	const char *schedule = psprintf("%s => %s", name, quote_literal_cstr(mark->schedule));

	names->text =
		names->text == NULL ? pstrdup(name) : psprintf("%s, %s", names->text, name);
	names->schedules = names->schedules == NULL
		? pstrdup(schedule)
		: psprintf("%s, %s", names->schedules, schedule);
}

/* Tells what pg_cron was to do and does not, such that the timer does. */
static void
tell_lost(ReturnSetInfo *result, const List *marks)
{
	Names		names = {0};
	const char *why = NULL;

	for (int i = 0; i < list_length(marks); i++)
	{
		const RecoChoreMark *mark = list_nth(marks, i);

		if (mark->holds)
			continue;
		add_name(&names, mark);
		why = why_lost(mark);
	}
	if (names.text != NULL)
		reco_doctor_tell(
			result, "chores", RECO_DOCTOR_WARNING,
			psprintf("pg_cron was to do %s, but %s; the keeper's timer does them",
					 names.text, why),
			psprintf(
				"SELECT * FROM reco_schedule(%s) registers them again; SELECT * FROM "
				"reco_unschedule() leaves them to the timer for good.",
				names.schedules));
}

static const char *
why_lost(const RecoChoreMark *mark)
{
	const char *cron = reco_chore_cron_database();

	if (cron == NULL)
		return "it is not preloaded any more";
	if (strcmp(cron, mark->cron_database) != 0)
		return psprintf("its database is \"%s\" now, not \"%s\"", cron,
						mark->cron_database);
	if (strcmp(get_database_name(MyDatabaseId), mark->database) != 0)
		return psprintf("that was when this database was called \"%s\"", mark->database);
	return "extension \"pg_cron\" is not here any more";
}

/* Looks at the jobs of those that pg_cron does. */
static void
tell_jobs(ReturnSetInfo *result, const List *marks)
{
	RecoCronOrder *order = palloc(sizeof(RecoCronOrder));
	const RecoChoreMark *of[RECO_NCHORES];
	Names		names = {0};
	ErrorData  *error;

	reco_cron_begin(order, RECO_CRON_LOOK, "");
	for (int i = 0; i < list_length(marks); i++)
	{
		const RecoChoreMark *mark = list_nth(marks, i);

		if (!mark->holds)
			continue;
		strlcpy(order->cron_database, mark->cron_database, sizeof(order->cron_database));
		of[order->njobs] = mark;
		(void) reco_cron_add(order, mark);
	}
	if (order->njobs == 0)
		return;
	error = look(order);
	if (error != NULL)
		reco_doctor_tell(result, "chores", RECO_DOCTOR_WARNING,
						 psprintf("could not look at pg_cron's jobs: %s", error->message),
						 error->hint);
	for (int i = 0; i < order->njobs && error == NULL; i++)
	{
		const RecoCronJob *job = &order->jobs[i];

		if (job->found && job->active && job->same && !of[i]->overdue)
			add_name(&names, of[i]);
		else
			tell_job(result, of[i], job);
	}
	if (names.text != NULL)
		reco_doctor_tell(result, "chores", RECO_DOCTOR_OK,
						 psprintf("pg_cron does %s", names.text), NULL);
}

/* Tells what is wrong with a job. */
static void
tell_job(ReturnSetInfo *result, const RecoChoreMark *mark, const RecoCronJob *job)
{
	const char *name = reco_chore_kind(mark->chore)->name;
	const char *what =
		psprintf("pg_cron's job " INT64_FORMAT " \"%s\"", job->jobid, job->jobname);
	bool		there = job->found && job->active;
	const char *why = !job->found ? "is gone"
		: !job->active			  ? "is not active"
		: !job->same			  ? "was changed since it was registered"
								  : "has missed its times: see cron.job_run_details";
	const char *again =
		psprintf("SELECT * FROM reco_schedule(%s => %s) registers it again; SELECT * "
				 "FROM reco_unschedule('%s') leaves it to the keeper's timer.",
				 name, quote_literal_cstr(job->schedule), name);

	if (mark->overdue)
		reco_doctor_tell(result, "chores", RECO_DOCTOR_WARNING,
						 psprintf("the keeper does \"%s\" for pg_cron: %s %s", name, what,
								  why),
						 again);
	else if (!there)
		reco_doctor_tell(result, "chores", RECO_DOCTOR_ERROR,
						 psprintf("nobody does \"%s\": %s %s", name, what, why), again);
	else
		reco_doctor_tell(result, "chores", RECO_DOCTOR_WARNING,
						 psprintf("%s %s", what, why), again);
}

/*
 * Looks, with the rights of the extension's owner: pg_cron shows a role only its own
 * jobs. Returns what went wrong, in a subtransaction; NULL = nothing.
 */
static ErrorData *
look(RecoCronOrder *order)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		RecoSql		sql;

		reco_sql_begin(&sql);
		reco_cron_order(order);
		reco_sql_end(&sql);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			ReThrowError(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}

/* Tells what the keeper's timer does, and what nobody does. */
static void
tell_timer(ReturnSetInfo *result, const List *marks)
{
	bool		works = reco_shared != NULL && reco_guc_keeper;
	char	   *timer = NULL;
	char	   *nobody = NULL;

	for (int i = 0; i < RECO_NCHORES; i++)
	{
		const RecoChoreKind *kind = reco_chore_kind((RecoChore) i);
		bool		crons = false;
		char	  **list;

		for (int m = 0; m < list_length(marks); m++)
		{
			const RecoChoreMark *mark = list_nth(marks, m);

			crons = crons || ((int) mark->chore == i && mark->holds && !mark->overdue);
		}
		if (crons)
			continue;
		list = works && reco_chore_is_on((RecoChore) i) ? &timer : &nobody;
		*list = psprintf("%s%s%s", *list == NULL ? "" : *list, *list == NULL ? "" : ", ",
						 list == &timer
							 ? kind->name
							 : psprintf("%s (%s is 0)", kind->name,
										kind->of_workers && reco_guc_job_workers == 0
											? "reco.job_workers"
											: kind->setting));
	}
	if (timer != NULL)
		reco_doctor_tell(result, "chores", RECO_DOCTOR_OK,
						 psprintf("the keeper does %s", timer), NULL);
	if (nobody != NULL && works)
		reco_doctor_tell(result, "chores", RECO_DOCTOR_OK,
						 psprintf("nobody does %s", nobody), NULL);
}

/* Tells which chores failed the last time. */
static void
tell_failed(ReturnSetInfo *result)
{
	RecoChoreFacts facts[RECO_NCHORES];

	reco_chore_facts(facts);
	for (int i = 0; i < RECO_NCHORES; i++)
		if (facts[i].ended != NULL && strcmp(facts[i].ended, "failed") == 0)
			reco_doctor_tell(result, "chores", RECO_DOCTOR_WARNING,
							 psprintf("chore \"%s\" failed at %s: %s",
									  reco_chore_kind((RecoChore) i)->name,
									  timestamptz_to_str(facts[i].last_run),
									  facts[i].error == NULL ? "" : facts[i].error),
							 psprintf("It is tried again. By hand: SELECT %s.",
									  reco_chore_call((RecoChore) i)));
}

static void
tell_indexes(ReturnSetInfo *result)
{
	List	   *list = reco_index_advice(RECO_INDEX_WASTED);

	for (int i = 0; i < list_length(list); i++)
	{
		const RecoIndexAdvice *advice = list_nth(list, i);

		reco_doctor_tell(result, psprintf("index %s", advice->name), RECO_DOCTOR_WARNING,
						 advice->problem, advice->statement);
	}
}
