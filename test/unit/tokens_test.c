/*-------------------------------------------------------------------------
 *
 * tokens_test.c
 *	  Tests what a language model's answer is said to cost.
 *
 * Purpose: counts that are there, missing, of another type, or absurd.
 * Runs in: a plain C program.
 * Locks:	none.
 * Never:	read beyond the text: sanitizers watch.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/upstream/tokens.c src/upstream/json.c src/upstream/buffer.c */
#include "upstream/tokens.h"

#include <string.h>

#include "tap.h"

/* Does a value say so many tokens went in and came out? */
static bool
says(const char *value, double prompt, double completion)
{
	RecoTokens	tokens = reco_tokens_read(value, strlen(value));

	return tokens.prompt == prompt && tokens.completion == completion;
}

int
main(void)
{
	ok(says("{\"text\":\"x\",\"prompt_tokens\":120,\"completion_tokens\":7}", 120, 7),
	   "both are there");
	ok(says("{\"prompt_tokens\":\"12\"}", 12, 0), "a number as a string, and none");
	ok(says("{\"prompt_tokens\":-1,\"completion_tokens\":1e300}", 0, 0), "absurd ones");
	ok(says("{\"prompt_tokens\":[1],\"completion_tokens\":null}", 0, 0), "of other types");
	ok(says("[1,2]", 0, 0) && says("", 0, 0) && says("{\"prompt_tokens\":5", 0, 0),
	   "no object at all");
	return tap_done();
}
