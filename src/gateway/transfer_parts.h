/*-------------------------------------------------------------------------
 *
 * transfer_parts.h
 *	  What the two files of a transfer share.
 *
 * Purpose: the transfer itself; transfer.c has its life and its end,
 *			transfer_request.c tells libcurl what to do and is called by it.
 * Runs in: the gateway.
 * Locks:	none.
 * Never:	be included by any other file.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_TRANSFER_PARTS_H
#define RECO_TRANSFER_PARTS_H

#include "transfer.h"

#define RECO_TRANSFER_LINES 4	/* of a request's header, most */

struct RecoTransfer
{
	CURL	   *easy;
	RecoTransfer *next;			/* in the pool */
	RecoTransferEnded ended;
	void	   *owner;
	int			lane;
	int64		deadline;		/* monotonic us */
	bool		running;		/* in the reactor */

	/* the request */
	bool		post;
	bool		idempotent;
	bool		by_name;		/* its host has to be resolved */
	int			most_sends;		/* how often libcurl may write it */
	bool		allow_loopback;
	bool		allow_private;
	RecoBuffer	url;
	RecoBuffer	secret;			/* a header line */
	RecoBuffer	content_type;	/* a header line */
	RecoBuffer	sent;			/* the body of a POST */
	struct curl_slist lines[RECO_TRANSFER_LINES];	/* libcurl only reads them */
	int			nlines;

	/* what happened */
	bool		looking_up;
	bool		opened;			/* a socket to an allowed address */
	bool		forbidden;		/* an address was refused */
	bool		overloaded;		/* too many names are being resolved */
	bool		starved;		/* no descriptor or no memory for a socket */
	bool		died;			/* a connection used again, before it answered */
	bool		too_large;
	bool		headers_done;
	size_t		header_bytes;
	RecoHeaders headers;
	RecoBuffer	body;
	RecoTransferResult result;
	char		error[CURL_ERROR_SIZE];
};

/* Copies what the request needs while it is under way, and sets the handle up. */
extern bool reco_transfer_set_up(RecoTransfer *transfer, const RecoHttpRequest *request,
								 const RecoOptions *options, const char *secret,
								 int64 timeout_us);

/* Notes that the name's thread has ended, or was left behind. */
extern void reco_transfer_end_lookup(RecoTransfer *transfer, bool abandoned);

#endif							/* RECO_TRANSFER_PARTS_H */
