/*-------------------------------------------------------------------------
 *
 * validator.c
 *	  The validator of foreign data wrapper reco_upstream.
 *
 * Purpose: check the options of CREATE and ALTER SERVER and USER MAPPING.
 * Runs in: a backend.
 * Locks:	none.
 * Never:	let a value into a message.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/reloptions.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_user_mapping.h"
#include "source/server.h"
#include "source/server_options.h"

PG_FUNCTION_INFO_V1(reco_upstream_validator);

/*
 * Keeps the statement of an error out of the log, and what PL/pgSQL says of it: there
 * are secrets in it, perhaps in the wrong place, whatever the mistake is.
 */
static void
hide_statement(void *arg)
{
	errhidestmt(true);
	errhidecontext(true);
}

/* Checks options; 'catalog' tells whose they are. */
Datum
reco_upstream_validator(PG_FUNCTION_ARGS)
{
	List	   *options = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid			catalog = PG_GETARG_OID(1);
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = hide_statement
	};

	error_context_stack = &callback;
	if (catalog == ForeignServerRelationId)
		reco_server_check_options(options);
	else if (catalog == UserMappingRelationId)
		reco_mapping_check_options(options);
	else if (catalog == ForeignTableRelationId)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("servers of \"%s\" have no foreign tables", RECO_WRAPPER),
				 errhint("Ask them with reco_generate() or reco_resolve().")));
	else if (options != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
				 errmsg("foreign data wrapper \"%s\" takes no options of its own",
						RECO_WRAPPER),
				 errhint("Options belong to servers and user mappings.")));
	error_context_stack = callback.previous;
	PG_RETURN_VOID();
}
