/*-------------------------------------------------------------------------
 *
 * completion.h
 *	  A question to a language model, whoever runs it.
 *
 * Purpose: the key of RECO_OP_COMPLETION and the value that it becomes, the same
 *			for Gemini and for OpenAI-compatible services.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	put anything into a prompt that the key does not hold.
 *
 * The key is a JSON object: {"prompt": text, "system": text, "schema": a JSON
 * schema (object), "max_tokens": number}; only "prompt" is required. A key that
 * is no JSON object is taken as the prompt itself.
 *
 * The value is {"text": what the model wrote, "json": the same parsed, where it
 * is JSON, "model": who wrote it, "prompt_tokens", "completion_tokens"}.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_COMPLETION_H
#define RECO_COMPLETION_H

#include "json.h"

#define RECO_COMPLETION_MAX_TOKENS	1024	/* where the key says nothing */

typedef struct RecoCompletion
{
	json_t	   *parsed;			/* owns the strings; NULL when the key is the prompt */
	const char *prompt;
	const char *system;			/* NULL = none */
	const json_t *schema;		/* NULL = free text */
	int			max_tokens;
} RecoCompletion;

/* Reads a key; false when it has no prompt. Free with reco_completion_free. */
extern bool reco_completion_read(const char *key, RecoCompletion *completion);
extern void reco_completion_free(RecoCompletion *completion);

/*
 * Writes the value from what the model wrote; fences around JSON are stripped.
 * With 'want_json', text that is no JSON makes it false: malformed.
 */
extern bool reco_completion_value(const char *text, size_t len, bool want_json,
								  const char *model, double prompt_tokens,
								  double completion_tokens, char **value,
								  size_t *value_len);

#endif							/* RECO_COMPLETION_H */
