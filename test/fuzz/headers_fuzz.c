/*-------------------------------------------------------------------------
 *
 * headers_fuzz.c
 *	  Fuzzes headers: whatever stands there, figures stay in bounds.
 *
 * Purpose: read the input as header lines, and as a duration and a date.
 * Runs in: a libFuzzer program.
 * Locks:	none.
 * Never:	judge what a line means: the unit test does.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/upstream/header.c */
#include "upstream/header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW		INT64_C(1795305600)

#define check(condition)                                 \
	do                                                   \
	{                                                    \
		if (!(condition))                                \
		{                                                \
			fprintf(stderr, "failed: %s\\n", #condition); \
			abort();                                     \
		}                                                \
	} while (0)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	RecoHeaders headers;
	const char *line = (const char *) data;
	const char *end = line + size;
	char	   *text = malloc(size + 1);
	int64_t		figure;

	reco_headers_init(&headers);
	while (line < end)
	{
		const char *stop = memchr(line, '\n', (size_t) (end - line));
		size_t		len = (size_t) ((stop ? stop : end) - line);

		reco_headers_line(&headers, line, len, NOW);
		line += len + (stop != NULL);
	}
	check(headers.content <= RECO_CONTENT_OTHER);
	check(headers.content_length >= -1);
	check(headers.retry_after_ms >= -1 &&
		  headers.retry_after_ms <= RECO_RETRY_AFTER_MAX_MS);
	check(headers.reset_ms >= -1 && headers.reset_ms <= RECO_RETRY_AFTER_MAX_MS);
	check(headers.date >= 0);

	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	figure = reco_duration_ms(text);
	check(figure >= -1 && figure <= RECO_RETRY_AFTER_MAX_MS);
	figure = reco_http_date(text);
	check(figure >= -1 && figure < INT64_C(253402300800));
	free(text);
	return 0;
}
