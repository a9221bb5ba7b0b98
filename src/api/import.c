/*-------------------------------------------------------------------------
 *
 * import.c
 *	  reco_catalogue_import(source regclass) returns jsonb.
 *
 * Purpose: the SQL-callable face of catalogue/import.c.
 * Runs in: a backend.
 * Locks:	see catalogue/import.h.
 * Never:	hold logic.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalogue/import.h"

PG_FUNCTION_INFO_V1(reco_catalogue_import);

Datum
reco_catalogue_import(PG_FUNCTION_ARGS)
{
	return reco_import_relation(PG_GETARG_OID(0));
}
