/*-------------------------------------------------------------------------
 *
 * tokens.h
 *	  What a language model's answer cost, in tokens.
 *
 * Purpose: read from the value of a completion (completion.h) how many tokens went in
 *			and came out, for files that may not see the JSON library.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	guess: what the service did not say is 0.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_TOKENS_H
#define RECO_TOKENS_H

#include <stddef.h>

typedef struct RecoTokens
{
	double		prompt;
	double		completion;
} RecoTokens;

extern RecoTokens reco_tokens_read(const char *value, size_t len);

#endif							/* RECO_TOKENS_H */
