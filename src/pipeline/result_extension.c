/*-------------------------------------------------------------------------
 *
 * result_extension.c
 *	  Which extension an SQL function belongs to.
 *
 * Purpose: tell it without a look at the catalogs for each call.
 * Runs in: a caller's backend.
 * Locks:	those of syscache look-ups.
 * Never:	remember it past a change of any function.
 *
 *-------------------------------------------------------------------------
 */
#include "result.h"

#include "store/sql.h"
#include "utils/inval.h"
#include "utils/syscache.h"

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
reco_result_extension(Oid function)
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
