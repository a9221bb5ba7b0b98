/*-------------------------------------------------------------------------
 *
 * message.h
 *	  What a service says of itself, for people.
 *
 * Purpose: find the words in the body of an error, make them printable, leave
 *			out what may be a credential.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	let a secret through for the sake of a fuller message.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_MESSAGE_H
#define RECO_MESSAGE_H

#include "service.h"

/*
 * Copies foreign text: one line of UTF-8, cut at 'size' between characters; what
 * looks like a credential is replaced by "***".
 */
extern void reco_message_clean(char *out, size_t size, const char *text, size_t len);

/*
 * Finds what an answer says: "error" as text or object, "errors", "message",
 * "detail", a page's title, else how it begins. "" when it says nothing.
 */
extern void reco_message_of_body(char *out, size_t size,
								 const RecoHttpResponse *response);

/* Replaces a secret that is known by "***", where a message repeats it. NULL = none. */
extern void reco_message_hide(char *message, const char *secret);

#endif							/* RECO_MESSAGE_H */
