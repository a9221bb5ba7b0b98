/*-------------------------------------------------------------------------
 *
 * popular_fuzz.c
 *	  Fuzzes the text of a popular mood's candidates: anything without a NUL.
 *
 * Purpose: read any text, and see that all that comes out is within the bounds that a fit
 *			relies on, and is written and read again as the same.
 * Runs in: a libFuzzer program.
 * Locks:	none.
 * Never:	let a number be an index that nobody checked.
 *
 *-------------------------------------------------------------------------
 */
/* links: server */
/* sources: src/features.c src/pipeline/popular_text.c src/source/memo_line.c */
#include "../unit/popular_promises.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "failed: %s\n", what);
	abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text = palloc(size + 1);
	RecoPopular *popular;

	memcpy(text, data, size);
	text[size] = '\0';
	popular = reco_popular_read(text);
	if (popular != NULL)
	{
		const char *broken = broken_promise(popular);
		const char *written;

		check(broken == NULL, broken);
		written = reco_popular_write(run_of(popular), popular->prompt);
		popular = reco_popular_read(written);
		check(popular != NULL, "what is written can be read");
		check(strcmp(reco_popular_write(run_of(popular), popular->prompt), written) == 0,
			  "what is read is written as the same");
	}
	test_reset();
	return 0;
}
