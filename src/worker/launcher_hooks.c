/*-------------------------------------------------------------------------
 *
 * launcher_hooks.c
 *	  How the launcher learns of databases, and workers let go of them.
 *
 * Purpose: notice CREATE and DROP EXTENSION when they are committed, and COMMIT PREPARED;
 *			send the workers away before a command that needs its database alone.
 * Runs in: backends that run such a command.
 * Locks:	those of database.h.
 * Never:	do more after a commit than change a row of a table and set a latch: an
 *			ERROR there is a PANIC. Never register the callback twice.
 *
 * A database is held until the transaction ends, however it does: a callback then
 * releases it, so that a command which fails brings the keeper back. Whoever may not
 * run the command sends nobody away.
 *
 *-------------------------------------------------------------------------
 */
#include "parts.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "shmem/cached.h"
#include "shmem/limit_state.h"
#include "shmem/promise.h"
#include "shmem/shared.h"
#include "shmem/wish.h"
#include "storage/latch.h"
#include "storage/procarray.h"
#include "store/stale.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#define MOST_HELD		16		/* in one transaction */
#define WAIT_MS			5000	/* for a keeper to go; then the command tells itself */
#define INSIST_MS		1000
#define LOOK_MS			10

/* What to do after a command. */
typedef enum After
{
	NOTHING = 0,
	EXTENSION_CAME,				/* perhaps */
	EXTENSION_WENT,				/* perhaps */
	PREPARED_CAME,				/* whatever it was */
	DATABASE_WENT,
	DATABASE_CAME,
	DATABASE_OPENED				/* it may take connections now */
} After;

static void utility(PlannedStmt *planned, const char *query, bool read_only,
					ProcessUtilityContext context, ParamListInfo params,
					QueryEnvironment *environment, DestReceiver *dest,
					QueryCompletion *completion);
static After prepare(Node *statement, Oid *before);
static void after(After what, Node *statement, Oid before);
static void let_go(const char *database, bool as_template);
static bool may_take(Oid database, bool as_template);
static void wait_until_gone(Oid database);
static DefElem *find_option(List *options, const char *name);
static void watch(void);
static void at_end(XactEvent event, void *arg);

static ProcessUtility_hook_type previous_utility = NULL;

/* Of the current transaction. */
static Oid	held[MOST_HELD];
static int	nheld = 0;
static Oid	came = InvalidOid;	/* database to look at */
static bool opened = false;		/* look at all of them */
static Oid	forgotten = InvalidOid; /* the database of which nothing is to be kept */
static bool went = false;		/* the extension of this database, perhaps */
static bool prepared = false;	/* what was, is committed: jobs may be in it */

/* Chains the hook. */
void
reco_launcher_install_hooks(void)
{
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = utility;
}

/* The hook. Commands inside the script of an extension are not ours to look at. */
static void
utility(PlannedStmt *planned, const char *query, bool read_only,
		ProcessUtilityContext context, ParamListInfo params,
		QueryEnvironment *environment, DestReceiver *dest, QueryCompletion *completion)
{
	Node	   *statement = planned->utilityStmt;
	Oid			known = InvalidOid;
	After		what = NOTHING;

	if (reco_shared != NULL && !creating_extension && !IsBinaryUpgrade)
		what = prepare(statement, &known);
	(previous_utility ? previous_utility
					  : standard_ProcessUtility)(planned, query, read_only, context,
												 params, environment, dest, completion);
	if (what != NOTHING)
		after(what, statement, known);
}

/* Lets go of what the command needs alone; tells what to do after it. */
static After
prepare(Node *statement, Oid *before)
{
	DefElem    *option;

	switch (nodeTag(statement))
	{
		case T_CreateExtensionStmt:
			*before = get_extension_oid("reco", true);
			return EXTENSION_CAME;
		case T_DropStmt:
			if (((DropStmt *) statement)->removeType != OBJECT_EXTENSION)
				return NOTHING;
			*before = get_extension_oid("reco", true);
			return EXTENSION_WENT;
		case T_TransactionStmt:
			if (((TransactionStmt *) statement)->kind != TRANS_STMT_COMMIT_PREPARED)
				return NOTHING;
			*before = get_extension_oid("reco", true);
			return PREPARED_CAME;
		case T_CreatedbStmt:
			option = find_option(((CreatedbStmt *) statement)->options, "template");
			let_go(option && option->arg ? defGetString(option) : "template1", true);
			return DATABASE_CAME;
		case T_DropdbStmt:
			let_go(((DropdbStmt *) statement)->dbname, false);
			*before = get_database_oid(((DropdbStmt *) statement)->dbname, true);
			return DATABASE_WENT;
		case T_RenameStmt:
			if (((RenameStmt *) statement)->renameType == OBJECT_DATABASE)
				let_go(((RenameStmt *) statement)->subname, false);
			return NOTHING;
		case T_AlterDatabaseStmt:
			if (find_option(((AlterDatabaseStmt *) statement)->options, "tablespace"))
				let_go(((AlterDatabaseStmt *) statement)->dbname, false);
			return find_option(((AlterDatabaseStmt *) statement)->options,
							   "allow_connections")
				? DATABASE_OPENED
				: NOTHING;
		default:
			return NOTHING;
	}
}

/* Remembers what the commit shall tell the launcher. */
static void
after(After what, Node *statement, Oid before)
{
	Oid			now;

	switch (what)
	{
		case PREPARED_CAME:

			/* done by now: who asks after this command's own end sees it */
			reco_stale_all();
			prepared = true;
			/* FALLTHROUGH */
		case EXTENSION_CAME:
			CommandCounterIncrement();
			now = get_extension_oid("reco", true);
			if (OidIsValid(now) && now != before)
				came = MyDatabaseId;
			break;
		case EXTENSION_WENT:
			went = true;
			CommandCounterIncrement();
			if (OidIsValid(before) && !OidIsValid(get_extension_oid("reco", true)))
				forgotten = MyDatabaseId;
			break;
		case DATABASE_WENT:
			forgotten = before;
			break;
		case DATABASE_CAME:
			CommandCounterIncrement();
			came = get_database_oid(((CreatedbStmt *) statement)->dbname, true);
			break;
		case DATABASE_OPENED:
			opened = true;
			break;
		case NOTHING:
			break;
	}
	watch();
}

/* Sends the workers of a database away, and keeps others from starting. */
static void
let_go(const char *name, bool as_template)
{
	Oid			database = get_database_oid(name, true);

	if (!OidIsValid(database) || !may_take(database, as_template) || nheld >= MOST_HELD)
		return;
	watch();
	if (!reco_database_hold(database))
		return;
	held[nheld++] = database;
	wait_until_gone(database);
}

/* Whether the user may run the command, as far as that is easily told. */
static bool
may_take(Oid database, bool as_template)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
	bool		owner;
	bool		template;

	if (!HeapTupleIsValid(tuple))
		return false;
	owner = has_privs_of_role(GetUserId(), ((Form_pg_database) GETSTRUCT(tuple))->datdba);
	template = ((Form_pg_database) GETSTRUCT(tuple))->datistemplate;
	ReleaseSysCache(tuple);
	if (!as_template || superuser())
		return owner;
	if (!owner && !template)
		return false;

	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(GetUserId()));
	if (!HeapTupleIsValid(tuple))
		return false;
	owner = ((Form_pg_authid) GETSTRUCT(tuple))->rolcreatedb;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * Waits, for a while, until no worker is a session of the database any more: they
 * leave the table of database.h after the list of sessions.
 */
static void
wait_until_gone(Oid database)
{
	static uint32 wait_event = 0;
	bool		woken = false;
	int			pid = reco_database_dismiss(database, false);
	TimestampTz insist = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), INSIST_MS);
	TimestampTz give_up = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), WAIT_MS);

	while (pid != 0 && GetCurrentTimestamp() < give_up)
	{
		CHECK_FOR_INTERRUPTS();
		if (WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LOOK_MS,
					  reco_wait_event(&wait_event, "RecoKeeperGoes")) & WL_LATCH_SET)
		{
			ResetLatch(MyLatch);
			woken = true;
		}
		pid = reco_database_occupant(database);
		if (pid != 0 && GetCurrentTimestamp() >= insist)
		{
			(void) reco_database_dismiss(database, true);
			insist = TimestampTzPlusMilliseconds(insist, INSIST_MS);
		}
	}
	if (woken)
		SetLatch(MyLatch);		/* it may have been for somebody else */
}

static DefElem *
find_option(List *options, const char *name)
{
	ListCell   *cell;

	foreach (cell, options)
		if (strcmp(((DefElem *) lfirst(cell))->defname, name) == 0)
			return lfirst(cell);
	return NULL;
}

/* Has the end of the transaction seen; registered once per process. */
static void
watch(void)
{
	static bool registered = false;

	if (!registered)
		RegisterXactCallback(at_end, NULL);
	registered = true;
}

/*
 * The transaction ends. What is prepared may commit much later: COMMIT PREPARED is
 * looked at for itself, and who connects waits for the lock of a renamed database.
 */
static void
at_end(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
		event != XACT_EVENT_PREPARE)
		return;

	for (int i = 0; i < nheld; i++)
		reco_database_release(held[i]);
	nheld = 0;
	if (event == XACT_EVENT_COMMIT)
	{
		if (went)
			(void) reco_database_ask(MyDatabaseId, true);
		if (prepared)
			reco_database_wake_job_workers(MyDatabaseId);

		/* what they are at is gone */
		if (OidIsValid(forgotten) && forgotten == MyDatabaseId)
		{
			reco_database_interrupt_job(MyDatabaseId, 0);
			reco_database_wake_job_workers(MyDatabaseId);
		}

		/* what is kept for them would stay until it expires */
		if (OidIsValid(forgotten))
		{
			(void) reco_cached_remove(forgotten, InvalidOid, -1, NULL);
			reco_promises_forget(forgotten, InvalidOid, NULL, NULL);
			reco_limits_forget(forgotten);
			reco_wishes_forget(forgotten);
		}
		if (opened || (OidIsValid(came) && !reco_database_ask(came, false)))
			reco_database_ask_all();
	}
	came = forgotten = InvalidOid;
	went = opened = prepared = false;
}
