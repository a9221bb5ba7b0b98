/*-------------------------------------------------------------------------
 *
 * wire.h
 *	  The bytes in a slot: a request, and the records of its answer.
 *
 * Purpose: one place where both sides' layout is written and read.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	trust a length.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_WIRE_H
#define RECO_WIRE_H

#include "upstream/buffer.h"
#include "upstream/service.h"

#define RECO_WIRE_MAXKEYS	1000	/* of one request */
#define RECO_WIRE_NEVER		INT64_MAX	/* as 'retry_at': refused whenever it is asked */

/* What opens the service; any of them may be NULL. */
typedef struct RecoCredential
{
	const char *client_id;
	const char *client_secret;
	const char *api_key;
} RecoCredential;

/* What belongs to one listener, for per-listener operations. */
typedef struct RecoListener
{
	const char *user_id;		/* the application's own; NULL = none */
	const char *access_token;	/* may be NULL, or expired */
	const char *refresh_token;	/* may be NULL */
	uint64_t	consent;		/* that the token belongs to; later ones are greater;
								 * 0 = none of ours, and nothing is kept of it */
	uint32_t	extension;		/* who keeps it */
} RecoListener;

/* What the gateway needs in order to keep answers in the buffer (cached.h). */
typedef struct RecoWireCache
{
	bool		on;
	uint32_t	extension;		/* whose entries */
	int64_t		fresh_us;		/* how long an answer may be used ... */
	int64_t		usable_us;		/* ... and how long at worst */
	int64_t		absent_us;		/* how long "there is none" is believed */
	int64_t		deny_us;		/* how long a refusal for good is believed; 0 = not */
	double		jitter;			/* share by which these times vary */
	uint64_t	epoch;			/* of the invalidations when it was asked */
	const char *prefix;			/* of the entries' keys, and ... */
	const char *suffix;			/* ... what stands behind them; "" where there is none */
} RecoWireCache;

typedef struct RecoWireRequest
{
	RecoOperation operation;
	int			priority;		/* RecoPriority */
	bool		batching;		/* may share a call with other keys */
	bool		single_flight;	/* may share the call of the same key */
	const char *server;			/* its name */
	uint32_t	server_id;		/* its oid: who names the options */
	uint64_t	lane_key;		/* of (service, base_url, credential) */
	uint64_t	fingerprint;	/* of the credential */
	RecoOptions options;
	RecoCredential credential;
	RecoListener listener;
	RecoWireCache cache;
	int			nkeys;
	const char **keys;			/* the reader's array is malloc'd */
} RecoWireRequest;

extern void reco_wire_write_request(RecoBuffer *out, const RecoWireRequest *request);

/* Strings point into 'bytes'. False when the bytes make no sense. Free 'keys'. */
extern bool reco_wire_read_request(const void *bytes, size_t len,
								   RecoWireRequest *request);

/* Where the time of a question went, in us. */
typedef struct RecoWireTimes
{
	int64_t		queued;			/* nobody looked at it, or others were first */
	int64_t		limited;		/* held back by a limit, a pause or a token */
	int64_t		network;		/* under way */
	int64_t		parsed;			/* read */
} RecoWireTimes;

/*
 * What a question has come to: an HTTP request that carries some of its keys was sent, or
 * has ended; or the question has.
 */
typedef struct RecoWireTrace
{
	int64_t		call;			/* number of the request; 0 = the question has ended */
	int			sends;			/* how often it was written */
	int			keys;			/* of all who ask, in it */
	bool		shared;			/* others wait for it, too */
	int64_t		sent_at;		/* monotonic us; 0 = it has ended */
	RecoWireTimes times;		/* since the question was put, until now */
} RecoWireTrace;

#define RECO_WIRE_ROTATED \
	(-1)					 /* as 'key': a rotated token, promised (promise.h)
								 * where the outcome is fresh */
#define RECO_WIRE_TRACE		(-2)	/* as 'key': there is nothing but 'trace' */

/* One record of an answer: what became of a key, a token to be stored, or a trace. */
typedef struct RecoWireAnswer
{
	int			key;			/* index into the request's keys, or one of the above */
	RecoOutcome outcome;
	int64_t		retry_at;		/* monotonic us; 0 = not known; or RECO_WIRE_NEVER */
	const char *value;			/* JSON; the refresh token for key -1; NULL = none */
	size_t		value_len;
	const char *message;		/* the service's words, or ours; NULL = none */
	RecoWireTrace trace;
} RecoWireAnswer;

extern void reco_wire_write_answer(RecoBuffer *out, const RecoWireAnswer *answer);

/* Reads the next record; false at the end, or where the bytes make no sense. */
extern bool reco_wire_read_answer(RecoReader *reader, RecoWireAnswer *answer);

#endif							/* RECO_WIRE_H */
