/*-------------------------------------------------------------------------
 *
 * own_token.h
 *	  The token with which a service is asked for a listener's own things.
 *
 * Purpose: find it where it is newest: promised, or in the table.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of a SELECT, and of shmem/promise.h.
 * Never:	use a token on a standby, where the next one could not be kept.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_OWN_TOKEN_H
#define RECO_OWN_TOKEN_H

#include "compat.h"

#include "server.h"
#include "shmem/promise.h"

/*
 * Finds a listener's token at a server, and by what it is known; false = there is none.
 * The caller wipes the token in 'listener', after an ERROR as well.
 */
extern bool reco_own_token_take(const RecoServer *server, const char *user_id,
								RecoPromiseKey *key, RecoListener *listener);

/*
 * The first usable server of a list that has the operation and a token of the listener;
 * NULL = none.
 */
extern const RecoServer *reco_own_token_server(List *servers, RecoOperation operation,
											   const char *user_id);

#endif							/* RECO_OWN_TOKEN_H */
