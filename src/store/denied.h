/*-------------------------------------------------------------------------
 *
 * denied.h
 *	  reco.deny_list: recommendations that are not asked for.
 *
 * Purpose: read and write denials by sets; those by hand stand beside those that a
 *			service's refusal made, so that neither overwrites the other.
 * Runs in: any process with a database and a transaction; writing: the keeper,
 *			reco_deny, reco_allow and reco_cache_invalidate.
 * Locks:	those of its statements.
 * Never:	read the table on a standby, unless it was made logged; evict what was denied
 *			by hand.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_STORE_DENIED_H
#define RECO_STORE_DENIED_H

#include "compat.h"

#include "cache.h"

/* What the deny list says of one key. */
typedef struct RecoDeniedRow
{
	int			nth;			/* of the keys that were asked for */
	bool		by_hand;
	const char *reason;
	const char *request;
	TimestampTz denied_at;
	TimestampTz denied_until;
} RecoDeniedRow;

/*
 * Reads the denials that hold for some keys (of upstream/denial.h) at a server, by hand
 * or by its refusal, in any order, into the current context; a key may come twice. None
 * on a standby, unless the table was made logged, or while somebody has the table alone:
 * this never waits.
 */
extern RecoDeniedRow *reco_denied_read(const char *const *keys, int nkeys,
									   const char *server, int *nfound);

/* Can an entry of the buffer be a row? */
extern bool reco_denied_takes(const RecoCacheRow *row);

/* As reco_cache_write, _touch and _delete do; they leave alone what is by hand. */
extern void reco_denied_write(const RecoCacheRow *rows, int nrows);
extern void reco_denied_touch(const char *const *keys, int nkeys);
extern int64 reco_denied_delete(const char *asked);

/* Denies a key by hand, for all servers; an earlier denial by hand is replaced. */
extern void reco_denied_add(const char *key, const char *reason, const char *request,
							TimestampTz until);

/* Deletes all denials of a key; returns whose they were: "" = by hand. */
extern char **reco_denied_allow(const char *key, int *nservers);

/* One row as the view shows it. */
typedef struct RecoDenial
{
	const char *key;
	const char *server;			/* NULL = all */
	bool		by_hand;
	const char *reason;
	const char *request;
	TimestampTz denied_at;
	TimestampTz denied_until;
	TimestampTz used_at;
	int64		hits;
} RecoDenial;

/* Reads all that hold, the newest first. On a standby as when reading. */
extern RecoDenial *reco_denied_list(int *n);

#endif							/* RECO_STORE_DENIED_H */
