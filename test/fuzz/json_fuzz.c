/*-------------------------------------------------------------------------
 *
 * json_fuzz.c
 *	  Fuzzes foreign JSON: what comes out is what jsonb takes.
 *
 * Purpose: parse any bytes and write them back: valid JSON, valid UTF-8, no NUL,
 *			no lone surrogate, and the same when read again.
 * Runs in: a libFuzzer program.
 * Locks:	none.
 * Never:	accept a refusal of what was just written.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/upstream/json.c src/upstream/buffer.c */
#include "upstream/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "upstream/utf8.h"

#define check(condition)                                 \
	do                                                   \
	{                                                    \
		if (!(condition))                                \
		{                                                \
			fprintf(stderr, "failed: %s\\n", #condition); \
			abort();                                     \
		}                                                \
	} while (0)

/* Looks at a text without the parser that is under test. */
static void
check_text(const RecoBuffer *text)
{
	json_error_t error;
	json_t	   *value = json_loadb(text->data, text->len, JSON_DECODE_ANY, &error);
	size_t		at = 0;

	check(value != NULL);
	json_decref(value);
	while (at < text->len)
	{
		int			n = reco_utf8_char(text->data + at, text->len - at);

		check(n > 0 && (unsigned char) text->data[at] >= 0x20);
		/* control characters are the only ones that are written as \u00xx */
		if (text->data[at] == '\\' && text->data[at + 1] == 'u')
			check(memcmp(text->data + at + 2, "00", 2) == 0 &&
				  memcmp(text->data + at + 2, "0000", 4) != 0);
		at += text->data[at] == '\\' ? 2 : (size_t) n;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	RecoBuffer	out = {0};
	RecoBuffer	again = {0};
	json_t	   *value = reco_json_parse((const char *) data, size);
	char	   *text = malloc(size + 1);

	if (value)
	{
		reco_json_put_value(&out, value);
		check(!out.failed);
		check_text(&out);
		json_decref(value);
		value = reco_json_parse(out.data, out.len);
		check(value != NULL);
		reco_json_put_value(&again, value);
		check(again.len == out.len && memcmp(again.data, out.data, out.len) == 0);
		json_decref(value);
	}

	/* the same bytes as a string that we write */
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	reco_buffer_reset(&out);
	reco_json_put_string(&out, text);
	check_text(&out);
	free(text);
	reco_buffer_free(&out, false);
	reco_buffer_free(&again, false);
	return 0;
}
