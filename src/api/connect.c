/*-------------------------------------------------------------------------
 *
 * connect.c
 *	  reco_connect_user, reco_disconnect_user: listeners' own tokens.
 *
 * Purpose: store a listener's refresh token, and erase it wherever a copy of it may be:
 *			in the table at once, in shared memory and in the gateway at commit.
 * Runs in: a backend.
 * Locks:	that of store/cache.h, until the caller's transaction ends; at commit those of
 *			shmem/promise.h.
 * Never:	show a token: errors leave out the statement, which has it.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/xact.h"
#include "cache.h"
#include "guc.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "options.h"
#include "shmem/promise.h"
#include "shmem/shared.h"
#include "source/remote.h"
#include "store/listener_token.h"
#include "store/sql.h"
#include "store/stale.h"
#include "upstream/buffer.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(reco_connect_user);
PG_FUNCTION_INFO_V1(reco_disconnect_user);

#define MAX_TOKEN	(RECO_PROMISE_TOKEN - 1)

/* Who is to be forgotten at commit; in TopTransactionContext. Strings are UTF-8. */
typedef struct Gone
{
	Oid			extension;
	char	   *server;			/* NULL = at every server */
	char	   *user_id;
	SubTransactionId subtransaction;
	struct Gone *next;
} Gone;

static Gone *gone = NULL;

static char *user_argument(FunctionCallInfo fcinfo);
static char *token_argument(FunctionCallInfo fcinfo);
static const char *server_argument(FunctionCallInfo fcinfo, int nth);
static const char *only_server(void);
static void warn_without_keeper(void);
static void remember(const char *user_id, const char *server);
static void at_transaction_end(XactEvent event, void *arg);
static void at_subtransaction_end(SubXactEvent event, SubTransactionId mine,
								  SubTransactionId parent, void *arg);

/* Keeps the statement of an error out of the log: a token is in it. */
static void
hide_statement(void *arg)
{
	errhidestmt(true);
	errhidecontext(true);
}

/* Stores a token. */
Datum
reco_connect_user(PG_FUNCTION_ARGS)
{
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = hide_statement
	};
	char	   *user_id;
	char	   *token;
	const char *server;

	error_context_stack = &callback;
	user_id = user_argument(fcinfo);
	token = token_argument(fcinfo);
	reco_require_writable("reco_connect_user()");
	server = server_argument(fcinfo, 2);
	if (server == NULL)
		server = only_server();

	/* it may be another account: what was told of the former one must not stay */
	reco_cache_forget_listener(user_id);
	reco_listener_token_put(user_id, server, token);
	reco_stale_listener(user_id, true);
	reco_wipe(token, strlen(token));
	warn_without_keeper();
	error_context_stack = callback.previous;
	PG_RETURN_VOID();
}

/* Erases a listener's tokens. */
Datum
reco_disconnect_user(PG_FUNCTION_ARGS)
{
	char	   *user_id = user_argument(fcinfo);
	const char *server;
	int64		erased;

	reco_require_writable("reco_disconnect_user()");
	server = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	reco_cache_forget_listener(user_id);
	erased = reco_listener_token_erase(user_id, server);
	reco_stale_listener(user_id, true);
	remember(user_id, server);
	PG_RETURN_BOOL(erased > 0);
}

/* A listener's id; one with control characters would be another's key in disguise. */
static char *
user_argument(FunctionCallInfo fcinfo)
{
	char	   *user_id = reco_argument_user(fcinfo, 0, false);

	for (const unsigned char *c = (const unsigned char *) user_id; *c != '\0'; c++)
		if (*c < ' ' || *c == 0x7F)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("user_id must not contain control characters"),
					 errhint("Use the id that the application knows the listener by.")));
	return user_id;
}

static char *
token_argument(FunctionCallInfo fcinfo)
{
	char	   *token = reco_argument_text(fcinfo, 1, "refresh_token");
	size_t		len = strlen(token);

	if (len == 0 || len > MAX_TOKEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("refresh_token must have between 1 and %d bytes", MAX_TOKEN),
				 errhint("Use the refresh_token of the service's answer, as it is.")));
	for (size_t i = 0; i < len; i++)
		if (token[i] <= ' ' || token[i] > '~')
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("refresh_token has a character that no token has"),
					 errhint("Tokens are printable ASCII without blanks. Use the "
							 "refresh_token of the service's answer, as it is.")));
	return token;
}

/* The servers that have listeners' own things. */
static List *
servers_of_listeners(void)
{
	List	   *servers = NIL;
	ListCell   *cell;

	foreach (cell, reco_server_list(GetUserId()))
	{
		RecoServer *server = lfirst(cell);

		if (reco_service_has(server->options.service, RECO_OP_TOP_TRACKS))
			servers = lappend(servers, server);
	}
	return servers;
}

/* A server by name; NULL = not said. One that cannot have listeners is an ERROR. */
static const char *
server_argument(FunctionCallInfo fcinfo, int nth)
{
	char	   *name;
	ListCell   *cell;

	if (PG_ARGISNULL(nth))
		return NULL;
	name = text_to_cstring(PG_GETARG_TEXT_PP(nth));
	foreach (cell, servers_of_listeners())
		if (strcmp(((RecoServer *) lfirst(cell))->name, name) == 0)
			return name;
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("there is no server \"%s\" that listeners can connect to", name),
			 errhint("Use a server of kind spotify; see SELECT srvname FROM "
					 "pg_foreign_server.")));
}

/* The one server that there is. */
static const char *
only_server(void)
{
	List	   *servers = servers_of_listeners();

	if (list_length(servers) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 servers == NIL ? errmsg("there is no server that listeners can connect to")
								: errmsg("there are several servers that listeners can "
										 "connect to"),
				 servers == NIL
					 ? errhint("Run CREATE SERVER ... FOREIGN DATA WRAPPER %s OPTIONS "
							   "(kind 'spotify').", RECO_WRAPPER)
					 : errhint("Name one in argument \"server\".")));
	return ((RecoServer *) linitial(servers))->name;
}

/* Says what becomes of tokens that a service replaces, where nobody writes them. */
static void
warn_without_keeper(void)
{
	int			failures;

	if (reco_shared == NULL)
		ereport(WARNING,
				(errmsg("library \"reco\" is not preloaded: the token is stored, and not "
						"used"),
				 errhint("Add reco to shared_preload_libraries and restart.")));
	else if (!reco_guc_keeper ||
			 reco_database_state(MyDatabaseId, &failures) == RECO_WORKER_NONE)
		ereport(WARNING,
				(errmsg("no keeper runs in this database"),
				 errdetail("A token that the service puts in the place of this one is kept "
						   "in shared memory only, and lost when the server ends."),
				 errhint("Set \"reco.keeper\" to on; see reco_doctor().")));
}

/* Has a listener forgotten at commit. */
static void
remember(const char *user_id, const char *server)
{
	static bool registered = false;
	MemoryContext old;
	Gone	   *one;

	if (reco_shared == NULL)
		return;
	if (!registered)
	{
		RegisterXactCallback(at_transaction_end, NULL);
		RegisterSubXactCallback(at_subtransaction_end, NULL);
	}
	registered = true;
	old = MemoryContextSwitchTo(TopTransactionContext);
	one = palloc0(sizeof(Gone));
	one->extension = reco_sql_extension();
	one->server = server == NULL ? NULL : reco_remote_key(server);
	one->user_id = reco_remote_key(user_id);
	one->subtransaction = GetCurrentSubTransactionId();
	one->next = gone;
	MemoryContextSwitchTo(old);
	gone = one;
}

/* Forgets; others see the rows gone by now. */
static void
at_transaction_end(XactEvent event, void *arg)
{
	if (gone == NULL)
		return;
	if (event == XACT_EVENT_PRE_PREPARE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot PREPARE a transaction that has called "
						"reco_disconnect_user()"),
				 errhint("Call it in a transaction of its own.")));
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT)
		return;
	if (event == XACT_EVENT_COMMIT)
		for (Gone *one = gone; one != NULL; one = one->next)
			reco_promises_forget(MyDatabaseId, one->extension, one->server, one->user_id);
	gone = NULL;
}

/* What a subtransaction erased is back when it is rolled back. */
static void
at_subtransaction_end(SubXactEvent event, SubTransactionId mine, SubTransactionId parent,
					  void *arg)
{
	Gone	  **place = &gone;

	if (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB)
		return;
	while (*place != NULL)
	{
		Gone	   *one = *place;

		if (one->subtransaction == mine && event == SUBXACT_EVENT_ABORT_SUB)
		{
			*place = one->next;
			continue;
		}
		if (one->subtransaction == mine)
			one->subtransaction = parent;
		place = &one->next;
	}
}
