/*-------------------------------------------------------------------------
 *
 * asked.h
 *	  What is asked for most, whoever asks.
 *
 * Purpose: count questions by what they mean, so that the keeper learns which moods are
 *			popular, without a write by those who ask.
 * Runs in: any process that has the library preloaded. Backends count, the keeper takes.
 * Locks:	'asked' of shared.h: shared to count, exclusively for a prompt that is new.
 * Never:	let prompts that come once displace those that come often.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_ASKED_H
#define RECO_ASKED_H

#include "compat.h"

#include "datatype/timestamp.h"

#define RECO_ASKED_MAXPROMPT	200 /* bytes; longer ones are not counted */

/* A prompt that was asked for. */
typedef struct RecoAsked
{
	uint64		digest;			/* the same for all prompts of one meaning */
	uint32		asked;
	uint32		hits;			/* of them, answered by a popular mood */
	uint32		listeners;		/* of them, by another listener than the one before */
	TimestampTz last;
	char		prompt[RECO_ASKED_MAXPROMPT + 1];
} RecoAsked;

/* For shared.c: how much memory, and filling it in. */
extern Size reco_asked_size(void);
extern void reco_asked_attach(char *memory, bool fresh);

/* Counts a question. */
extern void reco_asked_note(Oid database, Oid extension, uint64 digest,
							const char *prompt, const char *user_id, bool hit);

/* Copies what was counted for a database, in the current context. */
extern RecoAsked *reco_asked_list(Oid database, Oid extension, int *n);

/* Subtracts what was written elsewhere; what was counted since stays. */
extern void reco_asked_take(Oid database, Oid extension, const RecoAsked *taken);

#endif							/* RECO_ASKED_H */
