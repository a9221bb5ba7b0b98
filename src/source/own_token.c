/*-------------------------------------------------------------------------
 *
 * own_token.c
 *	  The token with which a service is asked for a listener's own things.
 *
 * Purpose: see own_token.h.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of a SELECT, and of shmem/promise.h.
 * Never:	use a token on a standby, where the next one could not be kept.
 *
 *-------------------------------------------------------------------------
 */
#include "own_token.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "remote.h"
#include "store/listener_token.h"
#include "store/sql.h"
#include "upstream/buffer.h"

/*
 * Finds a listener's token: what the service made of it last, where that is not written
 * yet, else what the table has.
 */
bool
reco_own_token_take(const RecoServer *server, const char *user_id, RecoPromiseKey *key,
					RecoListener *listener)
{
	RecoListenerToken token;
	char	   *newer;

	if (RecoveryInProgress() || !reco_listener_token_get(user_id, server->name, &token))
		return false;
	listener->refresh_token = token.token;	/* the caller wipes it whatever comes */
	key->database = MyDatabaseId;
	key->extension = reco_sql_extension();
	key->server = reco_remote_key(server->name);
	key->user_id = reco_remote_key(user_id);
	key->consent = token.consent;
	newer = reco_promise_get(key);
	if (newer != NULL)
	{
		reco_wipe(token.token, strlen(token.token));
		listener->refresh_token = newer;
	}
	listener->user_id = key->user_id;
	listener->consent = token.consent;
	listener->extension = key->extension;
	return true;
}

const RecoServer *
reco_own_token_server(List *servers, RecoOperation operation, const char *user_id)
{
	ListCell   *cell;

	if (RecoveryInProgress())
		return NULL;
	foreach (cell, servers)
	{
		const RecoServer *server = lfirst(cell);
		RecoListenerToken token;

		if (server->lacks != NULL ||
			!reco_service_has(server->options.service, operation) ||
			!reco_listener_token_get(user_id, server->name, &token))
			continue;
		reco_wipe(token.token, strlen(token.token));
		pfree(token.token);
		return server;
	}
	return NULL;
}
