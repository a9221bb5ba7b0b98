/*-------------------------------------------------------------------------
 *
 * listener_token.h
 *	  Listeners' refresh tokens: all SQL on reco.listener_token.
 *
 * Purpose: store a token when a listener connects, find it when a service is asked for
 *			him or her, replace it by what the service made of it, erase it.
 * Runs in: any process with a database and a transaction; replacing: the keeper.
 * Locks:	those of its statements. The keeper never waits for a row.
 * Never:	leave a copy of a token in memory that its caller does not know of.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_LISTENER_TOKEN_H
#define RECO_LISTENER_TOKEN_H

#include "compat.h"

/* A listener's token at one server; text in the database's encoding. */
typedef struct RecoListenerToken
{
	uint64		consent;		/* another connection, a greater number */
	char	   *token;			/* to be wiped and freed by whoever has it */
} RecoListenerToken;

/* Stores a token of a new consent, in the place of any. */
extern void reco_listener_token_put(const char *user_id, const char *server,
									const char *token);

/* Erases a listener's tokens, of one server or (NULL) all; how many there were. */
extern int64 reco_listener_token_erase(const char *user_id, const char *server);

/*
 * Finds a token, into the current context, as it was last committed; one that this very
 * transaction wrote is not found, as nobody could replace it yet. False = there is none.
 */
extern bool reco_listener_token_get(const char *user_id, const char *server,
									RecoListenerToken *token);

/* What became of a replacement. */
typedef enum RecoListenerTokenEnd
{
	RECO_TOKEN_WRITTEN = 0,
	RECO_TOKEN_UNWANTED,		/* there is no such consent any more */
	RECO_TOKEN_LOCKED			/* somebody changes the row right now */
} RecoListenerTokenEnd;

extern RecoListenerTokenEnd reco_listener_token_replace(const char *user_id,
														const char *server,
														uint64 consent,
														const char *token);

#endif							/* RECO_LISTENER_TOKEN_H */
