/*-------------------------------------------------------------------------
 *
 * server.h
 *	  Upstreams as foreign servers.
 *
 * Purpose: find the server that answers a question for a role, its options and
 *			its secrets, in PostgreSQL's own catalogues.
 * Runs in: any process with a database and a transaction.
 * Locks:	AccessShareLock on pg_foreign_server, for the look-up only.
 * Never:	keep a secret longer than it takes to hand it over.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_SERVER_H
#define RECO_SERVER_H

#include "compat.h"

#include "nodes/pg_list.h"
#include "secret.h"
#include "shmem/wire.h"

#define RECO_WRAPPER	"reco_upstream"

/* What a user mapping has. */
typedef enum RecoMappingBit
{
	RECO_HAS_CLIENT_ID = 1,
	RECO_HAS_CLIENT_SECRET = 2,
	RECO_HAS_API_KEY = 4,
	RECO_HAS_SECRET_FILE = 8
} RecoMappingBit;

/* A server as a role sees it; no secret is in it. */
typedef struct RecoServer
{
	Oid			id;
	Oid			owner;
	Oid			role;			/* for whom it was looked up */
	const char *name;
	bool		enabled;
	bool		mapped;			/* there is a mapping for the role, or for PUBLIC */
	bool		public;			/* it is PUBLIC's */
	int			has;			/* what the mapping has; RecoMappingBit */
	const char *lacks;			/* why it cannot be used, for people; NULL = it can */
	const RecoProblem *invalid; /* what is wrong with its options; NULL = nothing */
	RecoOptions options;		/* only partly read where they are invalid */
} RecoServer;

/*
 * All servers of the wrapper, by name, as RecoServer, in the current context: NIL
 * where there are none, at the price of one look-up.
 */
extern List *reco_server_list(Oid role);

/* The first usable server of a list that has the operation; NULL = none. */
extern const RecoServer *reco_server_pick(List *servers, RecoOperation operation);

/* The same, looked up at once. The role needs no USAGE on the server. */
extern PGDLLEXPORT const RecoServer *reco_server_for(RecoOperation operation, Oid role);

/* What opens a service; wiped when its context goes, or by reco_server_lock. */
typedef struct RecoSecret
{
	MemoryContext context;
	RecoCredential credential;
	uint64		lane_key;		/* of service, base_url and credential */
	uint64		fingerprint;	/* of the credential; says nothing about it */
	MemoryContextCallback wipe;
} RecoSecret;

/* Reads a server's secrets for its role; NULL, and why, where that fails. */
extern PGDLLEXPORT RecoSecret *reco_server_unlock(const RecoServer *server,
												  RecoProblem *problem);
extern PGDLLEXPORT void reco_server_lock(RecoSecret *secret);

#endif							/* RECO_SERVER_H */
