/*-------------------------------------------------------------------------
 *
 * sql.c
 *	  One way to run SQL on reco's own tables.
 *
 * Purpose: see sql.h.
 * Runs in: any process with a database and a transaction.
 * Locks:	AccessShareLock on pg_extension, for the look-up only.
 * Never:	leave the owner's rights or the search_path behind: user id and
 *			settings are given back by reco_sql_end, and by abort otherwise.
 *
 *-------------------------------------------------------------------------
 */
#include "sql.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

static void check_version(Relation rel, HeapTuple tuple);
static bool find_extension(const char *name, Oid *extension, Oid *owner, Oid *schema);
static bool plan_is_usable(const RecoStatement *statement);

/* Opens a bracket: owner's rights, SPI, safe search_path, a snapshot. */
void
reco_sql_begin(RecoSql *sql)
{
	Oid			owner;
	Oid			extension;
	Oid			schema;

	if (!find_extension("reco", &extension, &owner, &schema))
		(void) reco_sql_extension();	/* raises the error */

	sql->caller = CurrentMemoryContext;
	GetUserIdAndSecContext(&sql->saved_user, &sql->saved_context);

	sql->pushed_snapshot = !ActiveSnapshotSet();
	if (sql->pushed_snapshot)
		PushActiveSnapshot(GetTransactionSnapshot());

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");

	SetUserIdAndSecContext(owner, sql->saved_context | SECURITY_LOCAL_USERID_CHANGE);
	sql->guc_level = NewGUCNestLevel();
	reco_sql_set("search_path", "pg_catalog, pg_temp");
}

/* Sets a setting until the bracket closes. */
void
reco_sql_set(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
}

/* Closes the bracket. */
void
reco_sql_end(RecoSql *sql)
{
	AtEOXact_GUC(false, sql->guc_level);
	SetUserIdAndSecContext(sql->saved_user, sql->saved_context);
	SPI_finish();
	if (sql->pushed_snapshot)
		PopActiveSnapshot();
	MemoryContextSwitchTo(sql->caller);
}

/* Runs a statement, prepared on first use and kept for the backend's life. */
int
reco_sql_run(RecoStatement *statement, const Datum *values, const char *nulls,
			 bool read_only, long limit)
{
	int			code;

	if (!plan_is_usable(statement))
	{
		SPIPlanPtr	plan;

		if (statement->plan != NULL)
		{
			SPI_freeplan(statement->plan);
			statement->plan = NULL;
		}
		plan = SPI_prepare(statement->text, statement->nargs, statement->types);
		if (plan == NULL)
			elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
		if (SPI_keepplan(plan) != 0)
			elog(ERROR, "SPI_keepplan failed");
		statement->plan = plan;
		statement->extension = reco_sql_extension();
	}

	code = SPI_execute_plan(statement->plan, (Datum *) values, nulls, read_only, limit);
	if (code < 0)
		elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(code));
	return code;
}

/*
 * A plan of an extension that was dropped and created again would be rebuilt by
 * the plan cache; we prepare anew, so that nothing depends on how.
 */
static bool
plan_is_usable(const RecoStatement *statement)
{
	return statement->plan != NULL && statement->extension == reco_sql_extension();
}

/* Returns the namespace where an extension's objects live. */
Oid
reco_sql_namespace_of(const char *extension)
{
	Oid			oid;
	Oid			owner;
	Oid			schema;

	if (!find_extension(extension, &oid, &owner, &schema))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("extension \"%s\" is not installed in this database", extension),
				 errhint("Run CREATE EXTENSION %s CASCADE.", extension)));
	return schema;
}

const char *
reco_sql_schema_of(const char *extension)
{
	return quote_identifier(get_namespace_name(reco_sql_namespace_of(extension)));
}

Oid
reco_sql_extension(void)
{
	Oid			oid = get_extension_oid("reco", true);

	if (!OidIsValid(oid))
		(void) reco_sql_namespace_of("reco");	/* raises the error */
	return oid;
}

/* The version that a row of pg_extension tells. */
static char *
version_of(Relation rel, HeapTuple tuple)
{
	bool		isnull;
	Datum value =
		heap_getattr(tuple, Anum_pg_extension_extversion, RelationGetDescr(rel), &isnull);

	return isnull ? pstrdup("") : TextDatumGetCString(value);
}

/* Raises an ERROR when the library and the SQL objects are of two versions. */
static void
check_version(Relation rel, HeapTuple tuple)
{
	char	   *version = version_of(rel, tuple);

	if (strcmp(version, RECO_VERSION) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("library \"reco\" has version %s, the extension in this database "
						"version %s", RECO_VERSION, version),
				 errhint("%s", reco_sql_version_hint(version))));
	pfree(version);
}

/* Compares versions number by number. */
static int
compare_versions(const char *a, const char *b)
{
	while (*a != '\0' || *b != '\0')
	{
		char	   *next_a;
		char	   *next_b;
		long		number_a = strtol(a, &next_a, 10);
		long		number_b = strtol(b, &next_b, 10);

		if (number_a != number_b)
			return number_a < number_b ? -1 : 1;
		a = *next_a == '\0' ? next_a : next_a + 1;
		b = *next_b == '\0' ? next_b : next_b + 1;
	}
	return 0;
}

/* What to do where the SQL objects have another version than the library. */
const char *
reco_sql_version_hint(const char *version)
{
	if (version == NULL)
		return "Run CREATE EXTENSION reco CASCADE.";
	if (compare_versions(version, RECO_VERSION) < 0)
		return "Run ALTER EXTENSION reco UPDATE.";
	return "Restart the server, so that it loads the newer library; where reco is not in "
		   "shared_preload_libraries, reconnecting is enough.";
}

/* The extension, if it has the library's version; else an ERROR. */
Oid
reco_sql_own_extension(void)
{
	Oid			extension;
	Oid			owner;
	Oid			schema;

	if (!find_extension("reco", &extension, &owner, &schema))
		return reco_sql_extension();	/* raises the error */
	return extension;
}

/* The extension that functions belong to, by function; none after a change. */
static struct
{
	Oid			functions[4];
	Oid			extensions[4];
	int			next;
}			known;

static void
forget_extensions(Datum arg, int cache, uint32 hash)
{
	memset(&known, 0, sizeof(known));
}

/*
 * The extension that a function belongs to. An update of the extension goes with new
 * functions: then its version is looked at again, so that what is kept is never given to
 * a function that another library made.
 */
Oid
reco_sql_extension_of(Oid function)
{
	static bool registered = false;
	Oid			extension;

	for (int i = 0; i < lengthof(known.functions); i++)
		if (known.functions[i] == function && OidIsValid(function))
			return known.extensions[i];
	if (!registered)
		CacheRegisterSyscacheCallback(PROCOID, forget_extensions, (Datum) 0);
	registered = true;
	extension = reco_sql_own_extension();
	known.extensions[known.next] = extension;
	known.functions[known.next] = function;
	known.next = (known.next + 1) % lengthof(known.functions);
	return extension;
}

/* Looks an extension up in the catalogue. */
static bool
find_extension(const char *name, Oid *extension, Oid *owner, Oid *schema)
{
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key[1];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key[0], Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum(name));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		Form_pg_extension form = (Form_pg_extension) GETSTRUCT(tuple);

		*extension = form->oid;
		*owner = form->extowner;
		*schema = form->extnamespace;
		found = true;
		if (strcmp(name, "reco") == 0)
			check_version(rel, tuple);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/* Tells the version of the SQL objects, also where it is not the library's. */
const char *
reco_sql_version(void)
{
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key[1];
	SysScanDesc scan;
	HeapTuple	tuple;
	const char *version = NULL;

	ScanKeyInit(&key[0], Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum("reco"));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		version = version_of(rel, tuple);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return version;
}

bool
reco_sql_sees(TimestampTz since)
{
	TimestampTz taken = GetCurrentStatementStartTimestamp();

	if (IsolationUsesXactSnapshot())
		return false;
	if (ActivePortal != NULL)
		taken = Min(taken, ActivePortal->creation_time);
	return taken > since;
}
