/*-------------------------------------------------------------------------
 *
 * result_share.c
 *	  Which requests share results, and by which keys.
 *
 * Purpose: what result.c needs to know of a request before it looks for its result.
 * Runs in: a caller's backend.
 * Locks:	none.
 * Never:	share what a transaction sees alone.
 *
 *-------------------------------------------------------------------------
 */
#include "result.h"

#include "access/xact.h"
#include "guc.h"
#include "mb/pg_wchar.h"
#include "result_entry.h"
#include "result_key.h"
#include "shmem/shared.h"
#include "source/remote.h"

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
	return reco_remote_key(
		psprintf("%s%c%.*s", request->user_id, RECO_CACHED_SEPARATOR, KEY_END, key));
}
