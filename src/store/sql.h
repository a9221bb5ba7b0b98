/*-------------------------------------------------------------------------
 *
 * sql.h
 *	  One way to run SQL on reco's own tables.
 *
 * Purpose: bracket every use of SPI: the extension owner's rights, a safe
 *			search_path, a snapshot; and give all of it back.
 * Runs in: any process with a database and a transaction.
 * Locks:	none of its own.
 * Never:	run a caller's code (views, functions, operators) inside a bracket.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_SQL_H
#define RECO_SQL_H

#include "compat.h"

#include "datatype/timestamp.h"
#include "executor/spi.h"

typedef struct RecoSql
{
	Oid			saved_user;
	int			saved_context;
	int			guc_level;
	bool		pushed_snapshot;
	MemoryContext caller;		/* context at begin: results go there */
} RecoSql;

/* A statement prepared once per backend; 'plan' starts as NULL. */
typedef struct RecoStatement
{
	const char *text;
	int			nargs;
	Oid			types[12];
	SPIPlanPtr	plan;
	Oid			extension;		/* the plan belongs to this incarnation */
} RecoStatement;

/* Opens a bracket. An ERROR inside is cleaned up by the transaction's abort. */
extern void reco_sql_begin(RecoSql *sql);

/* Closes it; the current memory context is the caller's again. */
extern void reco_sql_end(RecoSql *sql);

/* Sets a setting until the bracket closes. */
extern void reco_sql_set(const char *name, const char *value);

/* Runs a statement, prepared on first use; returns the SPI result code. */
extern int reco_sql_run(RecoStatement *statement, const Datum *values, const char *nulls,
						bool read_only, long limit);

/*
 * Tells where an extension's objects live, as a quoted identifier in the
 * current context. ERROR with a hint when it is not installed.
 */
extern const char *reco_sql_schema_of(const char *extension);
extern Oid	reco_sql_namespace_of(const char *extension);

/* The oid of extension "reco"; ERROR with a hint when it is not installed. */
extern Oid	reco_sql_extension(void);

/* The same, and an ERROR where its version is not the library's. */
extern Oid	reco_sql_own_extension(void);

/* The same for a function of it, remembered until functions change. */
extern Oid	reco_sql_extension_of(Oid function);

/*
 * Does this transaction see all that was committed until a time? False in doubt: under
 * REPEATABLE READ, and where a cursor keeps an older snapshot.
 */
extern bool reco_sql_sees(TimestampTz since);

/* The version of the SQL objects in this database; NULL when not installed. */
extern const char *reco_sql_version(void);

/* What a person can do where that is not the library's. */
extern const char *reco_sql_version_hint(const char *version);

#endif							/* RECO_SQL_H */
