/*-------------------------------------------------------------------------
 *
 * logged.c
 *	  Which of the tables of the memory are logged, and making them so.
 *
 * Purpose: see logged.h.
 * Runs in: any process with a database and a transaction; changing: the keeper.
 * Locks:	AccessExclusiveLock on a table that is changed.
 * Never:	read an unlogged table on a standby.
 *
 *-------------------------------------------------------------------------
 */
#include "logged.h"

#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "sql.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

bool
reco_logged_is(const char *table)
{
	Oid			relation = get_relname_relid(table, get_namespace_oid("reco", true));

	return OidIsValid(relation) &&
		get_rel_persistence(relation) == RELPERSISTENCE_PERMANENT;
}

bool
reco_logged_can_read(const char *table)
{
	return !RecoveryInProgress() || reco_logged_is(table);
}

/* Changes a table. What it is part of (an extension, a dump) stays as it was. */
void
reco_logged_set(const char *table, bool logged)
{
	RecoSql		sql;
	int			code;

	reco_sql_begin(&sql);
	code = SPI_execute(psprintf("ALTER TABLE reco.%s SET %s", quote_identifier(table),
								logged ? "LOGGED" : "UNLOGGED"),
					   false, 0);
	if (code < 0)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(code));
	reco_sql_end(&sql);
}
