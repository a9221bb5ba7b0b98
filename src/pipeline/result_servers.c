/*-------------------------------------------------------------------------
 *
 * result_servers.c
 *	  Which services a role's lists may come from.
 *
 * Purpose: a number that is another where other services, or the same in another way,
 *			would be asked: it is part of what a list is kept by.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of syscache look-ups.
 * Never:	look servers up again while nothing has changed.
 *
 *-------------------------------------------------------------------------
 */
#include "result.h"

#include "common/hashfn.h"
#include "guc.h"
#include "nodes/pg_list.h"
#include "source/remote.h"
#include "source/server.h"
#include "utils/inval.h"
#include "utils/syscache.h"

/* What reco_result_servers found last. */
static struct
{
	bool		valid;
	Oid			role;
	uint64		sum;
	bool		model;			/* one of them is a language model */
}			servers;

static uint64 with_model(uint64 sum);

static uint64
hash_text(uint64 sum, const char *text)
{
	const char *some = text == NULL ? "" : text;

	return hash_bytes_extended((const unsigned char *) some, (int) strlen(some), sum);
}

static void
forget_servers(Datum arg, int cache, uint32 hash)
{
	servers.valid = false;
}

/*
 * A number for the services that a role's lists may have come from: whoever may ask
 * others gets other lists. 0 where there are none.
 */
uint64
reco_result_servers(Oid role)
{
	static bool registered = false;
	uint64		sum = 0;
	ListCell   *cell;

	if (!reco_remote_is_on())
		return 0;
	if (servers.valid && servers.role == role)
		return with_model(servers.sum);
	if (!registered)
	{
		CacheRegisterSyscacheCallback(FOREIGNSERVEROID, forget_servers, (Datum) 0);
		CacheRegisterSyscacheCallback(USERMAPPINGOID, forget_servers, (Datum) 0);
		CacheRegisterSyscacheCallback(FOREIGNDATAWRAPPEROID, forget_servers, (Datum) 0);
		registered = true;
	}
	servers.valid = true;
	servers.role = InvalidOid;
	servers.model = false;
	foreach (cell, reco_server_list(role))
	{
		const RecoServer *server = lfirst(cell);

		if (server->lacks == NULL)
		{
			sum = hash_combine64(sum, server->id);
			sum = hash_text(sum, server->options.base_url);
			sum = hash_text(sum, server->options.market);
			sum = hash_text(sum, server->options.model);
			sum = hash_combine64(sum, server->options.share_with_llm);
			servers.model |= server->options.model != NULL;
		}
	}
	servers.sum = sum;
	servers.role = role;
	return with_model(sum);
}

/* Adds how the language model is asked, where there is one: it makes another list. */
static uint64
with_model(uint64 sum)
{
	uint64		how = 0;

	if (!servers.model)
		return sum;
	if (reco_guc_model)
		memcpy(&how, &reco_guc_llm_threshold, sizeof(how));
	return hash_combine64(sum, how);
}
