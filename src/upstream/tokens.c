/*-------------------------------------------------------------------------
 *
 * tokens.c
 *	  What a language model's answer cost, in tokens.
 *
 * Purpose: see tokens.h.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	trust the text to be an object, or a number to be one of tokens.
 *
 *-------------------------------------------------------------------------
 */
#include "tokens.h"

#include "json.h"

#define MOST	1e9

static double
count_of(const json_t *value, const char *name)
{
	double		count;

	return reco_json_number(value, name, &count) && count > 0 && count <= MOST ? count
																			   : 0;
}

RecoTokens
reco_tokens_read(const char *value, size_t len)
{
	json_t	   *parsed = reco_json_parse(value, len);
	RecoTokens	tokens = {
		count_of(parsed, "prompt_tokens"), count_of(parsed, "completion_tokens")
	};

	json_decref(parsed);
	return tokens;
}
