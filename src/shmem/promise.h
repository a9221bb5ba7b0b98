/*-------------------------------------------------------------------------
 *
 * promise.h
 *	  Listeners' new refresh tokens, until they are written.
 *
 * Purpose: hold what a service put in the place of a listener's refresh token from the
 *			moment it arrives until the keeper has committed it. The old one is worth
 *			nothing by then, so nothing of this is ever dropped to make room.
 * Runs in: any process that has the library preloaded. The gateway promises, the keeper
 *			keeps, backends look and wait.
 * Locks:	one LWLock of its own, below which no other of ours is taken; none while
 *			waiting.
 * Never:	throw in the gateway; leave a token in memory that was given back.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_PROMISE_H
#define RECO_PROMISE_H

#include "compat.h"

#define RECO_PROMISE_TOKEN	4096	/* bytes of a token, NUL included */
#define RECO_PROMISE_USER	1024	/* of a listener's id in UTF-8 */
#define RECO_PROMISE_SERVER 256 /* of a server's name in UTF-8 */

/* Whose token. Strings are UTF-8. */
typedef struct RecoPromiseKey
{
	Oid			database;
	Oid			extension;
	const char *server;			/* its name */
	const char *user_id;
	uint64		consent;		/* of the connection that the token belongs to */
} RecoPromiseKey;

/* One that waits to be written. */
typedef struct RecoPromise
{
	Oid			database;		/* InvalidOid = free */
	Oid			extension;
	uint64		consent;
	uint64		version;		/* another token, another number */
	char		server[RECO_PROMISE_SERVER];
	char		user_id[RECO_PROMISE_USER];
	char		token[RECO_PROMISE_TOKEN];
} RecoPromise;

/* For shared.c. */
extern Size reco_promises_size(void);
extern void reco_promises_attach(char *memory, bool fresh, int tranche);

typedef enum RecoPromiseEnd
{
	RECO_PROMISE_MADE = 0,
	RECO_PROMISE_NO_ROOM,		/* now: whoever has the token must keep it */
	RECO_PROMISE_TOO_LONG		/* it never can be */
} RecoPromiseEnd;

/*
 * Promises a token, in the place of an older one of the same listener, and wakes the
 * keeper. Never throws.
 */
extern RecoPromiseEnd reco_promise_put(const RecoPromiseKey *key, const char *token);

/* Finds a token that waits, of this very consent; palloc'd, NULL = there is none. */
extern char *reco_promise_get(const RecoPromiseKey *key);

/* How many wait, of one database. Cheap where there are none. */
extern int	reco_promises_waiting(Oid database);

/* Copies some of a database into 'promises'; those of another extension are dropped. */
extern int	reco_promises_take(Oid database, Oid extension, RecoPromise *promises,
							  int most);

/* The promise is written, or nobody wants it any more; one that changed waits on. */
extern void reco_promise_kept(const RecoPromise *promise);

/* Waits until a listener's token is written, at most until then; raises what cancels. */
extern bool reco_promise_wait(const RecoPromiseKey *key, int64 until);

/*
 * Forgets a listener, at one server or (NULL) at all of them; the gateway does so, too.
 * 'user_id' NULL = all of a database, with InvalidOid of whatever extension.
 */
extern void reco_promises_forget(Oid database, Oid extension, const char *server,
								 const char *user_id);

/* Whom the gateway shall forget; strings are empty for all. */
typedef struct RecoForgotten
{
	Oid			database;		/* InvalidOid = of all databases */
	char		server[RECO_PROMISE_SERVER];
	char		user_id[RECO_PROMISE_USER];
} RecoForgotten;

extern bool reco_promises_next_forgotten(RecoForgotten *forgotten);

#endif							/* RECO_PROMISE_H */
