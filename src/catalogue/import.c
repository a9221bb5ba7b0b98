/*-------------------------------------------------------------------------
 *
 * import.c
 *	  Fill the catalogue from any relation.
 *
 * Purpose: see import.h.
 * Runs in: a backend, in a transaction that may write.
 * Locks:	see import.h.
 * Never:	write a row that stays as it is, or loop over rows with SQL.
 *
 * Two halves. The first runs the source's SELECT as the caller; the executor
 * hands its rows to a receiver (import_row.c) that converts them into a
 * tuplestore. The second, with the owner's rights, sees that tuplestore as the
 * relation "imported" and is a handful of statements for any number of rows:
 * group, merge and compare, count, artists, and the two that write. What lies
 * between them is in tuplestores too, so there are no temporary tables whose
 * names could collide; what does not fit into memory goes to temporary files.
 *
 *-------------------------------------------------------------------------
 */
#include "import.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/queryenvironment.h"

#include "import_row.h"
#include "import_sql.h"
#include "lexicon.h"
#include "store/sql.h"

/*
 * The fourth field of our advisory lock's tag: the server's own functions use 1
 * and 2, so that no lock of an application can be this one.
 */
#define IMPORT_LOCK_CLASS	0x7263

/* Below so many new tracks, autovacuum's own ANALYZE is soon enough. */
#define ANALYZE_TRACKS		1000

/* Each tuplestore gets this part of maintenance_work_mem; two live at once. */
#define STORES				4

/* A receiver that keeps what a statement returns as a relation for the next. */
typedef struct KeepReceiver
{
	DestReceiver pub;
	MemoryContext context;
	Tuplestorestate *store;
	TupleDesc	desc;
} KeepReceiver;

static void check_transaction(void);
static Relation open_source(Oid source);
static Tuplestorestate *read_source(Relation source, const RecoImportColumns *columns,
									RecoImportReport *report, TupleDesc desc);
static void write_catalogue(RecoImportReport *report, const char *origin,
							Tuplestorestate *imported, TupleDesc desc);
static void lock_imports(void);
static void use_maintenance_memory(void);
static void name_rows(const char *name, Tuplestorestate *store, TupleDesc desc);
static void forget_rows(const char *name, Tuplestorestate *store);
static Tuplestorestate *keep_rows(const char *sql, const char *name,
								  MemoryContext context);
static void count_rows(const char *sql, int64 **counts, int ncounts);
static void write_rows(const char *sql, const char *origin);
static void run(const char *sql);

/* Imports a relation and says what happened. */
Datum
reco_import_relation(Oid source)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	RecoImportColumns *columns;
	RecoImportReport *report;
	Relation	relation;
	TupleDesc	desc;
	Tuplestorestate *imported;
	char	   *origin;
	instr_time	start;
	instr_time	end;
	Datum		result;

	INSTR_TIME_SET_CURRENT(start);
	check_transaction();
	context = AllocSetContextCreate(caller, "reco import", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);

	relation = open_source(source);
	columns = reco_import_recognise(relation);
	report = reco_import_report_make(DatumGetCString(
										 DirectFunctionCall1(regclassout,
															 ObjectIdGetDatum(source))),
									 columns);
	desc = reco_import_row_desc();
	origin = psprintf("table:%s", RelationGetRelationName(relation));
	imported = read_source(relation, columns, report, desc);
	relation_close(relation, NoLock);

	write_catalogue(report, origin, imported, desc);
	if (report->tracks_new + report->tracks_updated + report->artists_new +
			report->artists_updated >
		0)
		reco_lexicon_learn();

	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	report->milliseconds = INSTR_TIME_GET_MILLISEC(end);

	MemoryContextSwitchTo(caller);
	result = reco_import_report_jsonb(report);
	MemoryContextDelete(context);
	return result;
}

/* Refuses where nothing can be written, before the source is read. */
static void
check_transaction(void)
{
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot import a catalogue during recovery"),
				 errdetail("This server is a standby, where nothing can be written."),
				 errhint("Run the import on the primary server.")));
	if (XactReadOnly)
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("cannot import a catalogue in a read-only transaction"),
				 errhint("Run the import in a transaction that can write; see "
						 "\"default_transaction_read_only\".")));
}

/* Opens the source, or says why it cannot be read. The lock stays. */
static Relation
open_source(Oid source)
{
	Relation	relation = try_relation_open(source, AccessShareLock);

	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", source),
				 errhint("Name the source as in reco_catalogue_import('songs').")));
	if (strcmp(get_namespace_name(RelationGetNamespace(relation)), "reco") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot import from relation \"%s\" of the extension itself",
						RelationGetRelationName(relation)),
				 errhint("Import from a table of your own.")));
	switch (relation->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
		case RELKIND_FOREIGN_TABLE:
		case RELKIND_PARTITIONED_TABLE:
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("cannot import from relation \"%s\"",
							RelationGetRelationName(relation)),
					 errdetail_relkind_not_supported(relation->rd_rel->relkind),
					 errhint("Import from a table, a view, a materialized view or a foreign "
							 "table.")));
	}
	if (RELATION_IS_OTHER_TEMP(relation))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot import from temporary table \"%s\" of another session",
						RelationGetRelationName(relation)),
				 errhint("Import it in the session that made it, or copy it into an ordinary "
						 "table.")));
	return relation;
}

/*
 * Runs the source's SELECT as the caller; the rows land in a tuplestore. Dates
 * and floating-point numbers become text the same way in every session.
 */
static Tuplestorestate *
read_source(Relation source, const RecoImportColumns *columns, RecoImportReport *report,
			TupleDesc desc)
{
	Tuplestorestate *store =
		tuplestore_begin_heap(true, false, maintenance_work_mem / STORES);
	SPIExecuteOptions options = {0};
	RecoImportNames *names;
	RecoSql		sql;
	int			guc_level;
	int			code;

	/* names need the owner's rights: the caller may not see unaccent's schema */
	reco_sql_begin(&sql);
	MemoryContextSwitchTo(sql.caller);
	names = reco_import_names_open();
	reco_sql_end(&sql);

	options.dest = reco_import_receiver(columns, report, names, store, desc);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	guc_level = NewGUCNestLevel();
	(void) set_config_option("datestyle", "ISO", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("extra_float_digits", "1", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);

	code = SPI_execute_extended(reco_import_select(source, columns), &options);
	if (code < 0)
		elog(ERROR, "reading the source failed: %s", SPI_result_code_string(code));

	AtEOXact_GUC(false, guc_level);
	SPI_finish();
	elog(DEBUG1, "reco import: " UINT64_FORMAT " rows read, " UINT64_FORMAT " rejected",
		 report->rows, report->rejected);
	return store;
}

/* Merges the converted rows into the catalogue, with the owner's rights. */
static void
write_catalogue(RecoImportReport *report, const char *origin, Tuplestorestate *imported,
				TupleDesc desc)
{
	int64	   *tracks[] = {&report->tracks_new, &report->tracks_updated,
					   &report->tracks_unchanged, &report->tracks_measured,
					   &report->over_limit};
	int64	   *artists[] = {&report->artists_new, &report->artists_updated,
						&report->artists_unchanged};
	int64	   *words[] = {&report->genres, &report->tags};
	MemoryContext context = CurrentMemoryContext;
	Tuplestorestate *grouped;
	Tuplestorestate *merged;
	Tuplestorestate *kept_artists;
	RecoSql		sql;

	reco_sql_begin(&sql);
	lock_imports();
	use_maintenance_memory();

	name_rows("imported", imported, desc);
	grouped = keep_rows(reco_import_sql_group, "grouped", context);
	forget_rows("imported", imported);
	merged = keep_rows(reco_import_sql_merge, "merged", context);
	forget_rows("grouped", grouped);
	count_rows(reco_import_sql_count_tracks, tracks, lengthof(tracks));
	count_rows(reco_import_sql_count_words, words, lengthof(words));
	kept_artists = keep_rows(reco_import_sql_artists, "artists", context);
	count_rows(reco_import_sql_count_artists, artists, lengthof(artists));
	elog(DEBUG1, "reco import: " INT64_FORMAT " tracks new, " INT64_FORMAT " to update",
		 report->tracks_new, report->tracks_updated);

	/* a statement without rows would still tell everybody that there is news */
	if (report->artists_new + report->artists_updated > 0)
		write_rows(reco_import_sql_write_artists, origin);
	if (report->tracks_new + report->tracks_updated > 0)
		write_rows(reco_import_sql_write_tracks, origin);
	forget_rows("artists", kept_artists);
	forget_rows("merged", merged);
	if (report->tracks_new + report->tracks_updated >= ANALYZE_TRACKS)
	{
		run(reco_import_sql_clean_indexes);
		run(reco_import_sql_analyze);
	}
	reco_sql_end(&sql);
}

/*
 * Lets one import of a database write at a time: a second one waits until the
 * first one's transaction ends, and then sees its rows.
 */
static void
lock_imports(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, reco_sql_extension(), 0, IMPORT_LOCK_CLASS);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

/*
 * Gives the statements the memory of a maintenance command, which this is, until
 * the bracket closes. Pending lists of GIN indexes may grow as far: merged in
 * large lots they cost a fraction. Compiling would cost more than it brings.
 */
static void
use_maintenance_memory(void)
{
	char		kilobytes[32];

	snprintf(kilobytes, sizeof(kilobytes), "%d", maintenance_work_mem);
	if (maintenance_work_mem > work_mem)
		(void) set_config_option("work_mem", kilobytes, PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("gin_pending_list_limit", kilobytes, PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("hash_mem_multiplier", "1", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("jit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
}

/* Makes rows visible to the SQL of the open bracket under a name. */
static void
name_rows(const char *name, Tuplestorestate *store, TupleDesc desc)
{
	EphemeralNamedRelation relation = palloc0(sizeof(EphemeralNamedRelationData));
	int			code;

	relation->md.name = pstrdup(name);
	relation->md.reliddesc = InvalidOid;
	relation->md.tupdesc = desc;
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = tuplestore_tuple_count(store);
	relation->reldata = store;
	code = SPI_register_relation(relation);
	if (code < 0)
		elog(ERROR, "SPI_register_relation failed: %s", SPI_result_code_string(code));
}

/* Frees rows that no later statement reads. */
static void
forget_rows(const char *name, Tuplestorestate *store)
{
	(void) SPI_unregister_relation(name);
	tuplestore_end(store);
}

static void
keep_startup(DestReceiver *self, int operation, TupleDesc desc)
{
	KeepReceiver *receiver = (KeepReceiver *) self;
	MemoryContext old = MemoryContextSwitchTo(receiver->context);

	receiver->desc = CreateTupleDescCopy(desc);
	MemoryContextSwitchTo(old);
}

static bool
keep_row(TupleTableSlot *slot, DestReceiver *self)
{
	tuplestore_puttupleslot(((KeepReceiver *) self)->store, slot);
	return true;
}

static void
keep_nothing(DestReceiver *self)
{
}

/* Runs a SELECT and makes what it returns visible to the next statements. */
static Tuplestorestate *
keep_rows(const char *sql, const char *name, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	KeepReceiver *receiver = palloc0(sizeof(KeepReceiver));
	SPIExecuteOptions options = {0};
	int			code;

	receiver->pub.rStartup = keep_startup;
	receiver->pub.receiveSlot = keep_row;
	receiver->pub.rShutdown = keep_nothing;
	receiver->pub.rDestroy = keep_nothing;
	receiver->pub.mydest = DestTuplestore;
	receiver->context = context;
	receiver->store = tuplestore_begin_heap(true, false, maintenance_work_mem / STORES);
	MemoryContextSwitchTo(old);

	options.dest = &receiver->pub;
	code = SPI_execute_extended(sql, &options);
	if (code < 0)
		elog(ERROR, "SPI_execute_extended failed: %s", SPI_result_code_string(code));
	name_rows(name, receiver->store, receiver->desc);
	return receiver->store;
}

/* Runs a SELECT that returns one row of bigint. */
static void
count_rows(const char *sql, int64 **counts, int ncounts)
{
	int			code = SPI_execute(sql, false, 0);

	if (code != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(code));
	for (int i = 0; i < ncounts; i++)
	{
		bool		isnull;
		Datum value =
			SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1, &isnull);

		*counts[i] = isnull ? 0 : DatumGetInt64(value);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Runs one of the statements that write; $1 = where the rows come from. */
static void
write_rows(const char *sql, const char *origin)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(origin)};
	int			code = SPI_execute_with_args(sql, 1, types, values, NULL, false, 0);

	if (code != SPI_OK_INSERT)
		elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(code));
}

static void
run(const char *sql)
{
	int			code = SPI_execute(sql, false, 0);

	if (code < 0)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(code));
}
