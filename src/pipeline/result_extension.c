/*-------------------------------------------------------------------------
 *
 * result_extension.c
 *	  Which extension an SQL function belongs to, and more that result.c needs to know.
 *
 * Purpose: tell it without a look at the catalogs for each call; which requests share
 *			results at all, and by which keys.
 * Runs in: a caller's backend.
 * Locks:	those of syscache look-ups.
 * Never:	remember a function past a change of any.
 *
 *-------------------------------------------------------------------------
 */
#include "result.h"

#include "access/xact.h"
#include "guc.h"
#include "mb/pg_wchar.h"
#include "result_key.h"
#include "shmem/shared.h"
#include "source/remote.h"
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

/* May a result of this request come from others at all? */
bool
reco_result_is_shared(const RecoRequest *request)
{
	return reco_guc_result_cache && reco_shared != NULL && request->ranked == 0 &&
		!IsolationUsesXactSnapshot() && !TransactionIdIsValid(GetTopTransactionIdIfAny());
}

/* The buffer's text is UTF-8. */
const char *
reco_result_own_text(const char *text)
{
	return GetDatabaseEncoding() == PG_UTF8 ? text : reco_remote_text(text);
}

/*
 * The listener in front of a key, as invalidations look for it; what of the key stands
 * behind the hash is the listener once more.
 */
const char *
reco_result_listeners_key(const RecoRequest *request, const char *key)
{
	return reco_remote_key(psprintf("%s%c%.*s", request->user_id, RECO_CACHED_SEPARATOR,
									RECO_RESULT_KEY_END, key));
}
