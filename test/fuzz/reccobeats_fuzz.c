/*-------------------------------------------------------------------------
 *
 * reccobeats_fuzz.c
 *	  Fuzzes answers of ReccoBeats: no bytes do harm, promises are kept.
 *
 * Purpose: split any status, headers and body for each operation.
 * Runs in: a libFuzzer program.
 * Locks:	none.
 * Never:	judge whether the answer was understood: the unit test does.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/upstream/service.c src/upstream/message.c src/upstream/json.c
			src/upstream/buffer.c src/upstream/outcome.c src/upstream/reccobeats.c
			src/upstream/reccobeats_check.c
			src/upstream/spotify.c src/upstream/spotify_error.c
			src/upstream/spotify_read.c src/upstream/spotify_request.c
			src/upstream/spotify_token.c src/upstream/gemini.c src/upstream/openai.c
			src/upstream/model.c src/upstream/completion.c src/upstream/header.c */
#include "upstream/json.h"
#include "upstream/service.h"

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

#define SEED	"1QWN1ij3rsgeKkHInkAz6Y"
#define UUID	"7b1f0c52-4d0e-4f7a-9a55-0f2f6c1e9d31"

static const struct
{
	RecoOperation operation;
	int			nkeys;
	const char *keys[3];
}			calls[] = {
	{RECO_OP_IDS, 3, {SEED, "FIXX02300117", "4O6BcWzUa12zRnhLmcxVkB"}},
	{RECO_OP_FEATURES, 3, {SEED, UUID, SEED}},
	{RECO_OP_RECOMMENDATION, 1, {"{\"seeds\":[\"" SEED "\",\"" UUID "\"],\"size\":3}"}},
	{RECO_OP_RB_ARTIST_TRACKS, 1, {UUID}},
	{RECO_OP_PROBE, 1, {""}},
};

#define NCALLS	(sizeof(calls) / sizeof(calls[0]))

/* One line of UTF-8, ended. */
static void
check_message(const char *message)
{
	size_t		len = strnlen(message, RECO_MESSAGE_SIZE);

	check(len < RECO_MESSAGE_SIZE);
	for (size_t at = 0; at < len;)
	{
		int			n = reco_utf8_char(message + at, len - at);

		check(n > 0 && (unsigned char) message[at] >= ' ' && message[at] != 0x7F);
		at += (size_t) n;
	}
}

/*
 * The first bytes are the operation, the status (two bytes) and flags: content type
 * and truncated; then comes the body.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	RecoOptions options;
	RecoCapabilities capabilities = {0};
	RecoCall	call = {.options = &options, .capabilities = &capabilities};
	RecoHttpResponse response = {.retry_after_ms = -1};
	RecoHttpRequest request;
	RecoSplit	split;
	char	   *body;

	if (size < 4)
		return 0;
	reco_service_defaults(RECO_RECCOBEATS, &options);
	call.operation = calls[data[0] % NCALLS].operation;
	call.nkeys = calls[data[0] % NCALLS].nkeys;
	call.keys = calls[data[0] % NCALLS].keys;
	check(reco_service_build(&call, &request));
	response.status = 100 + (data[1] << 8 | data[2]) % 500;
	response.content = (data[3] & 7) % 5;
	response.truncated = data[3] >> 7;
	response.body_len = size - 4;
	response.body = body = malloc(size - 3);
	memcpy(body, data + 4, size - 4);
	body[size - 4] = '\0';

	reco_service_split(&call, &request, &response, &split);
	check((unsigned) split.outcome < RECO_NOUTCOMES);
	check(split.nanswers == (split.outcome == RECO_OUTCOME_FRESH ? call.nkeys : 0));
	check_message(split.message);
	for (int i = 0; i < split.nanswers; i++)
	{
		RecoKeyAnswer *answer = &split.answers[i];

		check((answer->outcome == RECO_OUTCOME_FRESH) == (answer->value != NULL));
		if (answer->value)
		{
			json_t	   *value = json_loadb(answer->value, answer->value_len, 0, NULL);

			check(json_is_object(value) && strlen(answer->value) == answer->value_len);
			json_decref(value);
		}
	}
	reco_split_free(&split);
	reco_http_request_free(&request);
	free(body);
	return 0;
}
