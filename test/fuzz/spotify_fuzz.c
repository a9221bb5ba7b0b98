/*-------------------------------------------------------------------------
 *
 * spotify_fuzz.c
 *	  Fuzzes the Spotify adapter: any answer to any question.
 *
 * Purpose: take question, status, content type and body from the input; see that
 *			every key has one outcome, every value is JSON that PostgreSQL takes,
 *			every message is printable, and that "build again" comes to an end.
 * Runs in: a libFuzzer program.
 * Locks:	none.
 * Never:	look at what is behind the body.
 *
 * The input: operation (or token), status, content type, switches, closed
 * endpoints, number of keys and endpoints without quota, one byte each; then the body.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/upstream/buffer.c src/upstream/completion.c src/upstream/gemini.c
			src/upstream/header.c src/upstream/json.c src/upstream/message.c
			src/upstream/model.c src/upstream/openai.c src/upstream/outcome.c
			src/upstream/reccobeats.c src/upstream/reccobeats_check.c src/upstream/service.c src/upstream/spotify.c
			src/upstream/spotify_error.c src/upstream/spotify_read.c
			src/upstream/spotify_request.c src/upstream/spotify_token.c */
#include "upstream/service.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "upstream/json.h"
#include "upstream/spotify.h"
#include "upstream/utf8.h"

#define PREFIX	 6
#define MAX_KEYS 4
#define TOKEN	 'T'			/* in place of an operation */

#define check(condition)                                 \
	do                                                   \
	{                                                    \
		if (!(condition))                                \
		{                                                \
			fprintf(stderr, "failed: %s\n", #condition); \
			abort();                                     \
		}                                                \
	} while (0)

static const RecoOperation operations[] = {
	RECO_OP_SEARCH, RECO_OP_TOP_TRACKS, RECO_OP_TOP_ARTISTS, RECO_OP_TRACKS,
	RECO_OP_ARTISTS, RECO_OP_ARTIST_TRACKS, RECO_OP_PROBE
};
#define NOPERATIONS (sizeof(operations) / sizeof(operations[0]))

static const int statuses[] = {
	200, 204, 400, 401, 403, 404, 408, 429, 500, 502, 503, 504, 302, 413, 418, 599, 101, 201
};
#define NSTATUSES (sizeof(statuses) / sizeof(statuses[0]))

static const char *const ids[] = {
	"1QWN1ij3rsgeKkHInkAz6Y", "4O6BcWzUa12zRnhLmcxVkB", "30P22HerkwcuM5aPR4WCkc",
	"1LzUSkROJBosCSJ4w2QoaF"
};

static const char *
key_for(RecoOperation operation, int k, bool named)
{
	switch (operation)
	{
		case RECO_OP_TRACKS:
		case RECO_OP_ARTISTS:
			return ids[k % 4];
		case RECO_OP_ARTIST_TRACKS:
			return named ? "1LzUSkROJBosCSJ4w2QoaF Lanterna" : ids[3];
		case RECO_OP_SEARCH:
			return "kupari";
		default:
			return "";
	}
}

/* One line of UTF-8 without control characters, within its room. */
static void
check_message(const char *message)
{
	size_t len = strnlen(message, RECO_MESSAGE_SIZE);

	check(len < RECO_MESSAGE_SIZE);
	for (size_t i = 0; i < len;)
	{
		int n = reco_utf8_char(message + i, len - i);

		check(n > 0 && (unsigned char) message[i] >= ' ' && message[i] != 0x7F);
		i += (size_t) n;
	}
}

/* A value: an object without doubles; the parser refuses NUL and lone surrogates. */
static void
check_value(const RecoKeyAnswer *answer)
{
	json_t *value;

	check(answer->value != NULL && answer->value_len == strlen(answer->value));
	value = json_loadb(answer->value, answer->value_len, JSON_REJECT_DUPLICATES, NULL);
	check(json_is_object(value));
	json_decref(value);
}

static void
check_split(const RecoCall *call, const RecoSplit *split)
{
	check(split->outcome >= 0 && split->outcome < RECO_NOUTCOMES);
	check(split->nanswers == (split->outcome == RECO_OUTCOME_FRESH ? call->nkeys : 0));
	check(split->retry_after_ms >= -1);
	check(!split->endpoint_exhausted || split->outcome == RECO_OUTCOME_QUOTA);
	check(split->outcome != RECO_OUTCOME_FRESH ||
		  !(split->retry || split->truncated || split->token_expired ||
			split->other_way || split->endpoint_refused || split->endpoint_exhausted ||
			split->app_refused));
	check_message(split->message);
	for (int k = 0; k < split->nanswers; k++)
	{
		const RecoKeyAnswer *answer = &split->answers[k];

		check(answer->outcome == RECO_OUTCOME_FRESH ||
			  answer->outcome == RECO_OUTCOME_ABSENT ||
			  answer->outcome == RECO_OUTCOME_MALFORMED);
		if (answer->outcome == RECO_OUTCOME_FRESH)
			check_value(answer);
		else
			check(answer->value == NULL);
	}
}

/* Asks, answers, and asks another way as long as the adapter wants to. */
static void
try_operation(const uint8_t *prefix, const RecoHttpResponse *response)
{
	RecoOptions options;
	RecoCapabilities capabilities = {0};
	const char *keys[MAX_KEYS];
	RecoCall call = {operations[prefix[0] % NOPERATIONS], &options, &capabilities, 1,
					 keys};
	int rounds = 0;
	bool again = true;

	reco_service_defaults(RECO_SPOTIFY, &options);
	options.access = (RecoAccess) (prefix[3] % 3);
	options.market = prefix[3] & 16 ? "FI" : NULL;
	capabilities.refused = prefix[4];
	capabilities.exhausted = prefix[5] >> 2;
	if (call.operation == RECO_OP_TRACKS || call.operation == RECO_OP_ARTISTS)
		call.nkeys = 1 + prefix[5] % MAX_KEYS;
	for (int k = 0; k < call.nkeys; k++)
		keys[k] = key_for(call.operation, k, prefix[3] & 32);
	while (again)
	{
		RecoHttpRequest request;
		RecoSplit split;

		check(rounds++ < 8);
		if (!reco_service_build(&call, &request))
		{
			check(request.target.data == NULL && request.body.data == NULL);
			return;
		}
		check(request.target.data[0] == '/');
		reco_service_split(&call, &request, response, &split);
		check_split(&call, &split);
		again = split.other_way;
		capabilities = split.capabilities;
		if (again)
			call.nkeys = 1;
		reco_split_free(&split);
		reco_http_request_free(&request);
	}
}

static void
try_token(const RecoHttpResponse *response)
{
	RecoToken token;

	reco_spotify_split_token(response, &token);
	check(token.outcome >= 0 && token.outcome < RECO_NOUTCOMES);
	check((token.outcome == RECO_OUTCOME_FRESH) == (token.access_token != NULL));
	check(!token.consent_needed || token.outcome == RECO_OUTCOME_UNAUTHORISED);
	check_message(token.message);
	if (token.access_token != NULL)
	{
		RecoHttpRequest request;

		check(token.expires_in_s >= 1 && token.expires_in_s <= 86400);
		for (const char *p = token.access_token; *p != '\0'; p++)
			check(*p > ' ' && *p <= '~');
		check(reco_spotify_build_token(token.refresh_token, &request));
		reco_http_request_free(&request);
	}
	reco_token_free(&token);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	RecoHttpResponse response;
	char *body;

	if (size < PREFIX)
		return 0;
	body = malloc(size - PREFIX + 1);
	memcpy(body, data + PREFIX, size - PREFIX);
	body[size - PREFIX] = '\0';
	memset(&response, 0, sizeof(response));
	response.status = statuses[data[1] % NSTATUSES];
	response.content = (RecoContent) (data[2] % 5);
	response.retry_after_ms = data[3] & 64 ? (int64_t) data[5] * 1000 : -1;
	response.truncated = data[3] & 128;
	response.body = body;
	response.body_len = size - PREFIX;
	if (data[0] == TOKEN)
		try_token(&response);
	else
		try_operation(data, &response);
	free(body);
	return 0;
}
