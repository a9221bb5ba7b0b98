/*-------------------------------------------------------------------------
 *
 * model_split.h
 *	  What the fuzzers of the language models' adapters share.
 *
 * Purpose: turn bytes into a question and an answer, and hold what becomes of it
 *			against what the header promises.
 * Runs in: a libFuzzer program.
 * Locks:	none.
 * Never:	let a value through that is no JSON, or a message that is no text.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_SPLIT_H
#define MODEL_SPLIT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "upstream/completion.h"
#include "upstream/header.h"
#include "upstream/service.h"
#include "upstream/utf8.h"

#define check(condition)                                 \
	do                                                   \
	{                                                    \
		if (!(condition))                                \
		{                                                \
			fprintf(stderr, "failed: %s\n", #condition); \
			abort();                                     \
		}                                                \
	} while (0)

/* Bytes before the body: status, kind of answer, kind of question, what is learned. */
#define MODEL_PREFIX	4

static const int model_statuses[] = {200, 400, 401, 402, 403, 404, 408, 413,
									 422, 429, 500, 503, 529, 204, 302, 100};

static const char *const model_keys[] = {
	"p",
	"{\"prompt\":\"p\",\"schema\":{\"type\":\"object\"}}",
	"{\"prompt\":\"p\",\"system\":\"s\",\"max_tokens\":7,\"schema\":{\"type\":\"object\","
	"\"properties\":{\"a\":{}},\"required\":[\"a\"],\"additionalProperties\":false}}",
};

/* One line of UTF-8 that people can read. */
static inline void
check_message(const char *message)
{
	size_t		len = strlen(message);

	check(len < RECO_MESSAGE_SIZE);
	for (size_t i = 0; i < len;)
	{
		int			n = reco_utf8_char(message + i, len - i);

		check(n > 0 && (unsigned char) message[i] >= ' ' && message[i] != 0x7F);
		i += (size_t) n;
	}
}

/* A value as completion.h describes it. */
static inline void
check_value(const RecoCall *call, const RecoKeyAnswer *given, bool want_json)
{
	json_t	   *value;

	check(given->outcome == RECO_OUTCOME_FRESH && given->value != NULL);
	check(given->value_len == strlen(given->value));
	value = json_loadb(given->value, given->value_len, JSON_REJECT_DUPLICATES, NULL);
	check(json_is_object(value));
	if (call->operation == RECO_OP_PROBE)
		check(json_is_true(json_object_get(value, "ok")));
	else
	{
		check(json_is_string(json_object_get(value, "text")));
		check(!want_json || json_object_get(value, "json") != NULL);
	}
	json_decref(value);
}

/* Makes sure that the other way leads on, and comes to an end. */
static inline void
check_other_way(const RecoCall *call, const RecoHttpResponse *response,
				const RecoHttpRequest *refused, const RecoSplit *split, int depth)
{
	RecoCall	again = *call;
	RecoCapabilities learned = split->capabilities;
	RecoHttpRequest request;
	RecoSplit	next;

	check(depth < 6 && split->outcome == RECO_OUTCOME_REJECTED);
	again.capabilities = &learned;
	check(reco_service_build(&again, &request));
	check(request.body.len != refused->body.len ||
		  memcmp(request.body.data, refused->body.data, request.body.len) != 0);
	reco_service_split(&again, &request, response, &next);
	if (next.other_way)
		check_other_way(&again, response, &request, &next, depth + 1);
	reco_split_free(&next);
	reco_http_request_free(&request);
}

static inline void
check_split(const RecoCall *call, const RecoHttpRequest *request,
			const RecoHttpResponse *response, bool want_json)
{
	RecoSplit	split;

	reco_service_split(call, request, response, &split);
	check(split.outcome >= 0 && split.outcome < RECO_NOUTCOMES);
	check(split.retry_after_ms >= -1 && split.retry_after_ms <= RECO_RETRY_AFTER_MAX_MS);
	check_message(split.message);
	if (split.outcome == RECO_OUTCOME_FRESH)
	{
		check(split.nanswers == 1 && !split.retry && !split.other_way &&
			  !split.truncated);
		check(response->status / 100 == 2 || call->operation == RECO_OP_PROBE);
		check_value(call, &split.answers[0], want_json);
	}
	else
		check(split.nanswers == 0);
	if (split.retry)
		check(split.outcome == RECO_OUTCOME_UNAVAILABLE ||
			  split.outcome == RECO_OUTCOME_MALFORMED);
	if (split.other_way)
		check_other_way(call, response, request, &split, 0);
	reco_split_free(&split);
}

/* Asks with the body as the key: whatever is sent must be JSON. */
static inline void
check_build(const RecoCall *call, const char *key)
{
	const char *why;
	const char *const keys[] = {key};
	RecoCall	other = *call;
	RecoHttpRequest request;
	json_t	   *body;

	other.operation = RECO_OP_COMPLETION;
	other.keys = keys;
	if (!reco_operation_check(RECO_OP_COMPLETION, key, &why))
		return;
	check(reco_service_build(&other, &request));
	body = json_loadb(request.body.data, request.body.len, JSON_REJECT_DUPLICATES, NULL);
	check(json_is_object(body));
	json_decref(body);
	reco_http_request_free(&request);
}

static inline int
fuzz_model(RecoService service, const uint8_t *data, size_t size)
{
	RecoOptions options;
	RecoCapabilities capabilities = {0};
	const char *key;
	RecoCall	call = {RECO_OP_COMPLETION, &options, &capabilities, 1, &key};
	RecoHttpRequest request;
	RecoHttpResponse response = {0};
	char	   *body;

	if (size < MODEL_PREFIX)
		return 0;
	reco_service_defaults(service, &options);
	if (data[2] & 0x80)
		call.operation = RECO_OP_PROBE;
	key = call.operation == RECO_OP_PROBE ? "" : model_keys[data[2] % 3];
	capabilities.response_format = data[3] % 3;
	capabilities.dropped = data[3] / 3 % 4;
	body = malloc(size - MODEL_PREFIX + 1);
	check(body != NULL);
	memcpy(body, data + MODEL_PREFIX, size - MODEL_PREFIX);
	body[size - MODEL_PREFIX] = '\0';
	response.status = model_statuses[data[0] % 16];
	response.content = (RecoContent) (data[1] % 5);
	response.truncated = data[1] & 0x80;
	response.retry_after_ms = data[1] & 0x40 ? 2500 : -1;
	response.body = body;
	response.body_len = size - MODEL_PREFIX;
	check(reco_service_build(&call, &request));
	check_split(&call, &request, &response, data[2] % 3 > 0);
	reco_http_request_free(&request);
	check_build(&call, body);
	free(body);
	return 0;
}

#endif							/* MODEL_SPLIT_H */
