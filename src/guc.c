/*-------------------------------------------------------------------------
 *
 * guc.c
 *	  The settings reco.*.
 *
 * Purpose: define each setting with its unit and bounds.
 * Runs in: any process that loads the library.
 * Locks:	none.
 * Never:	define a setting that nothing obeys; define one of the postmaster when
 *			the server runs already, which is FATAL.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <limits.h>

#include "guc.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "shmem/database.h"
#include "utils/guc.h"
#include "utils/varlena.h"

int			reco_guc_deadline = 8000;
int			reco_guc_node_id = 0;
int			reco_guc_repeat_days = 0;
bool		reco_guc_batching = true;
bool		reco_guc_single_flight = true;
int			reco_guc_run_history = 10000;
int			reco_guc_run_history_age = 30 * 24 * 60;
bool		reco_guc_result_cache = true;
int			reco_guc_popular_moods = 50;
bool		reco_guc_artifacts = true;
bool		reco_guc_parallel_strategies = true;
bool		reco_guc_cache = true;
bool		reco_guc_id_registry = true;
bool		reco_guc_deny_list = true;
bool		reco_guc_model = true;
double		reco_guc_llm_threshold = 0.6;
bool		reco_guc_upstreams = true;
RecoBudget	reco_guc_call_budget;
int			reco_guc_gateway_slots = 256;
int			reco_guc_gateway_memory = 16 * 1024;
int			reco_guc_buffer_memory = 32 * 1024;
int			reco_guc_gateway_upstreams = 32;
int			reco_guc_gateway_connections = 64;
bool		reco_guc_gateway_on_standby = false;
bool		reco_guc_keeper = true;
int			reco_guc_keeper_interval = 1000;
int			reco_guc_snapshot_interval = 300;
int			reco_guc_snapshot_size = 128 * 1024;
char	   *reco_guc_logged_tables = NULL;
int			reco_guc_matrix_memory = 4 * 1024 * 1024;
bool		reco_guc_learn = true;
int			reco_guc_learned_tracks = 200000;
int			reco_guc_job_workers = 1;
int			reco_guc_job_attempts = 5;
int			reco_guc_job_pause = 5000;
int			reco_guc_job_history = 10000;
int			reco_guc_job_history_age = 7 * 24 * 60;
int			reco_guc_prewarm_budget = 100;
int			reco_guc_prewarm_interval = 1200;
int			reco_guc_learn_interval = 24 * 3600;
int			reco_guc_expire_interval = 10;
int			reco_guc_history_interval = 10;
int			reco_guc_reprobe_interval = 24 * 3600;
int			reco_guc_reindex_interval = 7 * 24 * 3600;

static char *call_budget = NULL;	/* as it is written */

/* The tables that reco.logged_tables may name. */
static const char *const memory_tables[] = {"cache", "id_registry", "deny_list"};

static void define_history(void);
static void define_upstreams(void);
static void define_moods(void);
static void define_model(void);
static void define_gateway(void);
static void define_buffer(void);
static void define_keeper(void);
static void define_learning(void);
static void define_snapshot(void);
static void define_jobs(void);
static void define_chores(void);
static bool check_call_budget(char **value, void **extra, GucSource source);
static void assign_call_budget(const char *value, void *extra);
static bool check_logged_tables(char **value, void **extra, GucSource source);

/* Defines the settings and reserves the prefix. */
void
reco_guc_define(void)
{
	DefineCustomIntVariable(
		"reco.deadline", "Sets how long a generation may take.",
		"The best list that is ready by then is returned. "
		"The argument \"deadline\" of a call overrides it; 0 asks for what is at hand.",
		&reco_guc_deadline, 8000, 0, 3600 * 1000, PGC_USERSET, GUC_UNIT_MS, NULL, NULL,
		NULL);

	DefineCustomIntVariable("reco.node_id",
							"Sets the number of this node in the ids that reco makes.",
							"Give each node of a spread-out installation its own.",
							&reco_guc_node_id, 0, 0, 255, PGC_SIGHUP, 0, NULL, NULL,
							NULL);

	DefineCustomIntVariable(
		"reco.repeat_days",
		"Sets for how many days a track that the listener played is not given again.",
		"0 turns it off. The option \"repeat_days\" of a call overrides it.",
		&reco_guc_repeat_days, 0, 0, 3650, PGC_USERSET, 0, NULL, NULL, NULL);

	define_history();
	define_upstreams();
	define_moods();
	define_model();
	if (process_shared_preload_libraries_in_progress)
	{
		define_gateway();
		define_buffer();
		define_keeper();
		define_learning();
		define_snapshot();
		define_jobs();
		define_chores();
	}
	MarkGUCPrefixReserved("reco");
}

/* What is kept of runs: it holds prompts, so superusers decide. */
static void
define_history(void)
{
	DefineCustomIntVariable("reco.run_history",
							"Sets how many records of runs are kept in reco.run.",
							"0 keeps none.", &reco_guc_run_history, 10000, 0, INT_MAX,
							PGC_SUSET, 0, NULL, NULL, NULL);

	DefineCustomIntVariable("reco.run_history_age",
							"Sets how long records of runs are kept in reco.run.", NULL,
							&reco_guc_run_history_age, 30 * 24 * 60, 1, INT_MAX,
							PGC_SUSET, GUC_UNIT_MIN, NULL, NULL, NULL);
}

/* How upstreams are asked: anyone may change that for a session. */
static void
define_upstreams(void)
{
	DefineCustomBoolVariable("reco.result_cache",
							 "Sets whether lists are kept and given again.",
							 "How long, is in table reco.cache_policy.",
							 &reco_guc_result_cache, true, PGC_USERSET, 0, NULL, NULL,
							 NULL);

	DefineCustomBoolVariable(
		"reco.artifacts",
		"Sets whether a run reuses what the listener's last run was told.",
		"The list is the same; off, everything is asked each time. How long, is in "
		"table reco.cache_policy.",
		&reco_guc_artifacts, true, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("reco.parallel_strategies",
							 "Lets the strategies of a run ask at the same time.",
							 "Off, each waits for the answers of the one before it.",
							 &reco_guc_parallel_strategies, true, PGC_USERSET, 0, NULL,
							 NULL, NULL);

	DefineCustomBoolVariable("reco.cache",
							 "Sets whether answers of services are kept and used again.",
							 "How long, is in table reco.cache_policy.", &reco_guc_cache,
							 true, PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomBoolVariable(
		"reco.id_registry",
		"Sets whether ids of ReccoBeats are kept, and which tracks it does not have.",
		"How long, is in table reco.cache_policy. Off, it is asked each time.",
		&reco_guc_id_registry, true, PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomBoolVariable(
		"reco.deny_list",
		"Sets whether recommendations that were refused for good are not asked again.",
		"How long, is in table reco.cache_policy. Off, those denied by hand are asked, too.",
		&reco_guc_deny_list, true, PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomBoolVariable("reco.upstreams",
							 "Asks the configured servers for what is missing.",
							 "Off, what is known locally is used alone.",
							 &reco_guc_upstreams, true, PGC_USERSET, 0, NULL, NULL, NULL);

	/* calls cost money: who may change that is a superuser's business */
	DefineCustomStringVariable(
		"reco.call_budget", "Sets how many calls to upstreams one generation may cause.",
		"By kind of upstream: spotify, reccobeats, model; \"unlimited\" is none. What does "
		"not fit is made up for by what is known. Token requests do not count.",
		&call_budget, RECO_BUDGET_DEFAULT, PGC_SUSET, 0, check_call_budget,
		assign_call_budget, NULL);

	DefineCustomBoolVariable("reco.batching",
							 "Lets several keys share one call to an upstream.",
							 "Off, each key is asked for by a call of its own.",
							 &reco_guc_batching, true, PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomBoolVariable("reco.single_flight",
							 "Lets sessions that ask for the same key share one call.",
							 "Off, each session's question is sent.",
							 &reco_guc_single_flight, true, PGC_USERSET, 0, NULL, NULL,
							 NULL);
}

/* What is kept ready for whoever asks. */
static void
define_moods(void)
{
	DefineCustomIntVariable(
		"reco.popular_moods",
		"Sets how many popular moods are kept ready for whoever asks.",
		"The pinned ones of reco.popular_mood first, then what is asked most. "
		"0 turns it off.",
		&reco_guc_popular_moods, 50, 0, 1000, PGC_SUSET, 0, NULL, NULL, NULL);
}

/* When a language model is asked. */
static void
define_model(void)
{
	DefineCustomBoolVariable("reco.model",
							 "Asks a language model what an unclear prompt means.",
							 "Off, what the lexicon makes of it stands.", &reco_guc_model,
							 true, PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomRealVariable(
		"reco.llm_threshold",
		"Sets below which confidence of the lexicon a language model is asked.",
		"0 asks it never, 1 about everything that is not perfectly clear.",
		&reco_guc_llm_threshold, 0.6, 0, 1, PGC_USERSET, 0, NULL, NULL, NULL);
}

/* Sizes of shared memory, and what the gateway needs to know when it starts. */
static void
define_gateway(void)
{
	DefineCustomIntVariable("reco.gateway_slots",
							"Sets how many requests to the gateway may be under way.",
							"One that finds no slot is answered as busy, at once.",
							&reco_guc_gateway_slots, 256, 8, 65536, PGC_POSTMASTER, 0,
							NULL, NULL, NULL);

	DefineCustomIntVariable(
		"reco.gateway_memory",
		"Sets the shared memory for requests to the gateway and their answers.", NULL,
		&reco_guc_gateway_memory, 16 * 1024, 1024, 2 * 1024 * 1024, PGC_POSTMASTER,
		GUC_UNIT_KB, NULL, NULL, NULL);

	DefineCustomIntVariable("reco.gateway_upstreams",
							"Sets of how many upstreams the limits and figures are kept.",
							"An upstream is a service, its address and a credential.",
							&reco_guc_gateway_upstreams, 32, 1, 1024, PGC_POSTMASTER, 0,
							NULL, NULL, NULL);

	DefineCustomIntVariable("reco.gateway_connections",
							"Sets how many connections the gateway has open at most.",
							NULL, &reco_guc_gateway_connections, 64, 1, 1000,
							PGC_POSTMASTER, 0, NULL, NULL, NULL);

	DefineCustomBoolVariable("reco.gateway_on_standby",
							 "Runs the gateway on a standby server, too.",
							 "Primary and standby then each keep a service's limit, "
							 "so together they may exceed it.",
							 &reco_guc_gateway_on_standby, false, PGC_POSTMASTER, 0, NULL,
							 NULL, NULL);
}

/* The size of the buffer; the tables hold more than that. */
static void
define_buffer(void)
{
	DefineCustomIntVariable(
		"reco.buffer_memory",
		"Sets the shared memory for what services answered and for ready lists.",
		"A value is here until it is written, and as long as there is room.",
		&reco_guc_buffer_memory, 32 * 1024, 1024, 64 * 1024 * 1024, PGC_POSTMASTER,
		GUC_UNIT_KB, NULL, NULL, NULL);
}

/* Whether and how often the keepers work. */
static void
define_keeper(void)
{
	DefineCustomBoolVariable("reco.keeper",
							 "Runs a keeper for each database with the extension.",
							 "It writes what was learned into the tables. Off, nothing "
							 "new is kept when shared memory is full or lost.",
							 &reco_guc_keeper, true, PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomIntVariable("reco.keeper_interval",
							"Sets the longest time between two rounds of a keeper.",
							"It works earlier when there is something to write.",
							&reco_guc_keeper_interval, 1000, 10, 3600 * 1000, PGC_SIGHUP,
							GUC_UNIT_MS, NULL, NULL, NULL);

	DefineCustomIntVariable(
		"reco.matrix_memory",
		"Sets the most shared memory for the catalogue of one database.",
		"It is for scans; a catalogue that needs more, each session has in memory of its own. "
		"0 has all do that.",
		&reco_guc_matrix_memory, 4 * 1024 * 1024, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_KB,
		NULL, NULL, NULL);
}

/* Whether the catalogue learns of services, and how much. */
static void
define_learning(void)
{
	DefineCustomBoolVariable(
		"reco.learn",
		"Sets whether keepers put what services tell into the catalogue.",
		"Tracks, artists and audio features, of answers that are kept (reco.cache). How long "
		"they hold, is in table reco.cache_policy.",
		&reco_guc_learn, true, PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomIntVariable(
		"reco.learned_tracks",
		"Sets how many tracks, and artists, of services the catalogue of a database has.",
		"The oldest ones go first. 0 keeps none.", &reco_guc_learned_tracks, 200000, 0,
		INT_MAX, PGC_SIGHUP, 0, NULL, NULL, NULL);
}

/* How the memory survives a crash. */
static void
define_snapshot(void)
{
	DefineCustomIntVariable(
		"reco.snapshot_interval",
		"Sets how often keepers copy the memory to reco.snapshot.",
		"After a crash or a promotion it is restored from there. Only "
		"what has changed is written. 0 turns it off.",
		&reco_guc_snapshot_interval, 300, 0, 7 * 24 * 3600, PGC_SIGHUP, GUC_UNIT_S, NULL,
		NULL, NULL);

	DefineCustomIntVariable("reco.snapshot_size",
							"Sets how much of the memory of a database is copied.",
							"Before compression. The deny list comes first, then the "
							"registry, then what was used last of the cache.",
							&reco_guc_snapshot_size, 128 * 1024, 64, INT_MAX, PGC_SIGHUP,
							GUC_UNIT_KB, NULL, NULL, NULL);

	DefineCustomStringVariable(
		"reco.logged_tables",
		"Lists tables of the memory that keepers make logged: cache, id_registry, deny_list.",
		"database.table names a table of one database only.", &reco_guc_logged_tables, "",
		PGC_SIGHUP, GUC_LIST_INPUT, check_logged_tables, NULL, NULL);
}

/* Who does queued work, and what becomes of it. */
static void
define_jobs(void)
{
	DefineCustomIntVariable(
		"reco.job_workers",
		"Sets how many job workers each database with the extension has.",
		"They do what was queued, one job at a time each. 0 = none; "
		"nor are there any where reco.keeper is off.",
		&reco_guc_job_workers, 1, 0, RECO_MAX_JOB_WORKERS, PGC_SIGHUP, 0, NULL, NULL,
		NULL);

	DefineCustomIntVariable("reco.job_attempts",
							"Sets after how many failures a job is given up.", NULL,
							&reco_guc_job_attempts, 5, 1, 100, PGC_SIGHUP, 0, NULL, NULL,
							NULL);

	DefineCustomIntVariable(
		"reco.job_pause",
		"Sets how long a job that failed waits until it is tried again.",
		"It is four times as long after each further failure, up to an "
		"hour.",
		&reco_guc_job_pause, 5000, 1, 3600 * 1000, PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL,
		NULL);

	DefineCustomIntVariable("reco.job_history",
							"Sets how many jobs that ended are kept in reco.job.", NULL,
							&reco_guc_job_history, 10000, 0, INT_MAX, PGC_SIGHUP, 0, NULL,
							NULL, NULL);

	DefineCustomIntVariable("reco.job_history_age",
							"Sets how long jobs that ended are kept in reco.job.", NULL,
							&reco_guc_job_history_age, 7 * 24 * 60, 1, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_MIN, NULL, NULL, NULL);

	DefineCustomIntVariable(
		"reco.prewarm_budget",
		"Sets how many calls of services an hour's predicted questions may cost.",
		"reco_prewarm() has lists made before they are asked for. 0 turns it off.",
		&reco_guc_prewarm_budget, 100, 0, 1000000, PGC_SIGHUP, 0, NULL, NULL, NULL);
}

/* How many calls reco.call_budget allows a run, of all services together. */
int
reco_guc_most_calls(void)
{
	int			calls = 0;

	for (int kind = 0; kind < RECO_NBUDGETS; kind++)
		calls += reco_guc_call_budget.calls[kind];
	return calls;
}

/* How often keepers do chores that pg_cron does not. */
static void
define_chores(void)
{
	DefineCustomIntVariable(
		"reco.prewarm_interval",
		"Sets how often keepers predict the next hour, and have its lists made.",
		"0 turns it off. Where pg_cron does it, keepers do not; likewise below.",
		&reco_guc_prewarm_interval, 1200, 0, 365 * 24 * 3600, PGC_SIGHUP, GUC_UNIT_S,
		NULL, NULL, NULL);

	DefineCustomIntVariable(
		"reco.learn_interval",
		"Sets how often keepers rebuild what the lexicon learned, if the catalogue changed.",
		"0 turns it off.", &reco_guc_learn_interval, 24 * 3600, 0, 365 * 24 * 3600,
		PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);

	DefineCustomIntVariable(
		"reco.expire_interval",
		"Sets how often keepers delete answers that have expired.",
		"What is beyond the limits of reco.cache_policy goes when it is written.",
		&reco_guc_expire_interval, 10, 1, 365 * 24 * 3600, PGC_SIGHUP, GUC_UNIT_S, NULL,
		NULL, NULL);

	DefineCustomIntVariable(
		"reco.history_interval",
		"Sets how often the records of runs and jobs are looked at for old ones.",
		"Those beyond reco.run_history and reco.job_history go when new ones come.",
		&reco_guc_history_interval, 10, 1, 365 * 24 * 3600, PGC_SIGHUP, GUC_UNIT_S, NULL,
		NULL, NULL);

	DefineCustomIntVariable(
		"reco.reprobe_interval",
		"Sets how often keepers forget what services were found to refuse.",
		"The next question tries it anew. 0 turns it off.", &reco_guc_reprobe_interval,
		24 * 3600, 0, 365 * 24 * 3600, PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);

	DefineCustomIntVariable(
		"reco.reindex_interval",
		"Sets how often keepers look for indexes that should be rebuilt.",
		"They rebuild none. 0 turns it off.", &reco_guc_reindex_interval, 7 * 24 * 3600,
		0, 365 * 24 * 3600, PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
}

/* Refuses what is no budget. */
static bool
check_call_budget(char **value, void **extra, GucSource source)
{
	const char *wrong;
	RecoBudget	budget;

	if (!reco_budget_parse(*value, &budget, &wrong))
	{
		GUC_check_errdetail("Budget syntax is invalid near \"%s\".", wrong);
		GUC_check_errhint("Write it like \"%s\"; a number can be \"unlimited\".",
						  RECO_BUDGET_DEFAULT);
		return false;
	}
	return true;
}

static void
assign_call_budget(const char *value, void *extra)
{
	const char *wrong;

	(void) reco_budget_parse(value, &reco_guc_call_budget, &wrong);
}

/* The table of an element, which may have a database's name in front of it. */
static const char *
table_of(const char *element)
{
	const char *dot = strrchr(element, '.');

	return dot == NULL ? element : dot + 1;
}

/* Refuses names of other tables. */
static bool
check_logged_tables(char **value, void **extra, GucSource source)
{
	char	   *copy = pstrdup(*value);
	List	   *elements = NIL;
	ListCell   *cell;

	if (!SplitIdentifierString(copy, ',', &elements))
	{
		GUC_check_errdetail("List syntax is invalid.");
		return false;
	}
	foreach (cell, elements)
	{
		const char *table = table_of(lfirst(cell));
		bool		known = false;

		for (int i = 0; i < lengthof(memory_tables); i++)
			known = known || strcmp(memory_tables[i], table) == 0;
		if (!known)
		{
			GUC_check_errdetail("Unrecognized table: \"%s\".", table);
			GUC_check_errhint("Use cache, id_registry, deny_list, or database.table.");
			return false;
		}
	}
	return true;
}

/* Does reco.logged_tables name a table of a database? */
bool
reco_guc_is_logged(const char *database, const char *table)
{
	List	   *elements = NIL;
	ListCell   *cell;

	if (reco_guc_logged_tables == NULL || reco_guc_logged_tables[0] == '\0' ||
		!SplitIdentifierString(pstrdup(reco_guc_logged_tables), ',', &elements))
		return false;
	foreach (cell, elements)
	{
		const char *element = lfirst(cell);
		const char *named = table_of(element);
		Size		len = named - element;

		if (strcmp(named, table) == 0 &&
			(len == 0 ||
			 (strlen(database) == len - 1 && memcmp(element, database, len - 1) == 0)))
			return true;
	}
	return false;
}
