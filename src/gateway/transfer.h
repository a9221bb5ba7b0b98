/*-------------------------------------------------------------------------
 *
 * transfer.h
 *	  One HTTP request: bounded, timed, to an address that is allowed.
 *
 * Purpose: set a libcurl handle up, collect headers and body within caps, tell
 *			how it ended as a value.
 * Runs in: the gateway.
 * Locks:	none.
 * Never:	follow a redirect; put a secret into a URL; jump out of a callback;
 *			write a request again, but once where TLS may carry HTTP/2, which
 *			refuses without looking: 'sends' tells.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_TRANSFER_H
#define RECO_TRANSFER_H

#include "compat.h"

#include "reactor.h"
#include "upstream/header.h"
#include "upstream/service.h"

#define RECO_TRANSFER_BODY_MAX		(8 * 1024 * 1024)
#define RECO_TRANSFER_HEADERS_MAX	(64 * 1024)

/* How it ended, below HTTP. */
typedef enum RecoTransferEnd
{
	RECO_TRANSFER_ANSWERED = 0, /* there is a status; look at 'response' */
	RECO_TRANSFER_TIMEOUT,
	RECO_TRANSFER_NO_CONNECTION,	/* not resolved, refused, reset, TLS handshake */
	RECO_TRANSFER_BAD_CERTIFICATE,
	RECO_TRANSFER_FORBIDDEN_ADDRESS,
	RECO_TRANSFER_TOO_LARGE,	/* body or headers over the cap */
	RECO_TRANSFER_FAILED		/* anything else */
} RecoTransferEnd;

typedef struct RecoTransfer RecoTransfer;

/* What the owner gets at the end. Valid until reco_transfer_free. */
typedef struct RecoTransferResult
{
	RecoTransferEnd end;
	RecoHttpResponse response;
	char		message[RECO_MESSAGE_SIZE]; /* for people, where it is not answered */
	int64		started_at;		/* monotonic us */
	int64		ended_at;
	int64		name_us;		/* until the name was resolved, connected, TLS done */
	int64		connect_us;
	int64		tls_us;
	int64		bytes_sent;
	int64		bytes_received;
	int			sends;			/* how often the request was written */
	bool		new_connection;
	bool		repeatable;		/* nothing was sent, or it does no harm a second time */
	bool		ours;			/* not answered, and it is not the service's fault */
	char		address[64];	/* of the peer */
} RecoTransferResult;

typedef void (*RecoTransferEnded)(void *owner, RecoTransferResult *result);

/*
 * Starts a request; 'secret' is the token, key or "id:secret" that request->auth
 * needs, NULL where it needs none. 'lane' (>= 0) is whose connection it is, if one
 * is opened. 'ended' is called from the reactor's turn, once. NULL = it could not
 * be started (memory, libcurl). Nothing is kept of the arguments but 'owner'.
 */
extern RecoTransfer *reco_transfer_start(const RecoHttpRequest *request,
										 const RecoOptions *options, const char *secret,
										 int64 timeout_us, int lane,
										 RecoTransferEnded ended, void *owner);

/* Ends a transfer that is under way, without a call of 'ended', and frees it. */
extern void reco_transfer_abort(RecoTransfer *transfer);

/* Frees one that has ended; its handle is kept for the next. */
extern void reco_transfer_free(RecoTransfer *transfer);

/* How many connections that a lane opened are open; lane -1 = all. */
extern int	reco_transfer_connections(int lane);

/* The reactor's callback: finds the transfer of a handle and tells its owner. */
extern void reco_transfer_handle_ended(CURL *easy, CURLcode result);

#endif							/* RECO_TRANSFER_H */
