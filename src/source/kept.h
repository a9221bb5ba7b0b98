/*-------------------------------------------------------------------------
 *
 * kept.h
 *	  What is known already, so that no service is asked again.
 *
 * Purpose: find answers of a server in the buffer, in reco.cache and the registry, and
 *			tell the gateway how to keep new ones.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of cached.h and of one SELECT.
 * Never:	write anything but the buffer; give one server's answer for another's that
 *			is asked with other options.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_KEPT_H
#define RECO_KEPT_H

#include "compat.h"

#include "origin.h"
#include "server.h"
#include "shmem/wire.h"

/* How answers of one operation of one server are kept; lives in the current context. */
typedef struct RecoKept
{
	const RecoServer *server;
	RecoOperation operation;
	RecoWireCache wire;			/* 'on' is false where nothing is kept */
} RecoKept;

/* 'user_id' is the listener's, in UTF-8, where the operation is one of a listener's. */
extern void reco_kept_open(const RecoServer *server, RecoOperation operation,
						   const char *user_id, RecoKept *kept);

/* What was found for a key. */
typedef struct RecoKeptAnswer
{
	bool		found;
	bool		absent;
	bool		last;			/* stale, but it would not be told again */
	RecoOrigin	origin;			/* cached, or stale: it should be asked for again */
	const char *value;			/* JSON in UTF-8; NULL where absent */
	Size		len;
} RecoKeptAnswer;

/*
 * Finds the answers to some keys (UTF-8); as many answers as keys. Values are in the
 * current context.
 */
extern void reco_kept_find(const RecoKept *kept, const char *const *keys, int nkeys,
						   RecoKeptAnswer *answers);

/*
 * Says which of some ids of Spotify's are known to be missing at a server of ReccoBeats',
 * so that it is not asked about them at all; as many answers as ids.
 */
extern bool *reco_kept_missing(const RecoServer *server, const char *const *ids,
							   int nids);

#endif							/* RECO_KEPT_H */
