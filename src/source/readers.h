/*-------------------------------------------------------------------------
 *
 * readers.h
 *	  Who can read a secret.
 *
 * Purpose: find the user mappings whose secrets PostgreSQL shows to a role that is no
 *			superuser.
 * Runs in: any process with a database and a transaction.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_READERS_H
#define RECO_READERS_H

#include "compat.h"

#include "nodes/pg_list.h"

/* One mapping with a secret in it that a role can read. */
typedef struct RecoSecretReader
{
	const char *server;
	const char *role;
	bool		public;			/* it is PUBLIC's mapping, and the role owns the server */
} RecoSecretReader;

/* All of them for the servers of a list (of RecoServer), in the current context. */
extern List *reco_secret_readers(List *servers);

#endif							/* RECO_READERS_H */
