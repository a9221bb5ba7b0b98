/*-------------------------------------------------------------------------
 *
 * gemini_test.c
 *	  Tests the adapter for Gemini.
 *
 * Purpose: what is sent; every answer that is known, good or a failure of its kind.
 * Runs in: a plain C program.
 * Locks:	none.
 * Never:	talk to Google.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/upstream/service.c src/upstream/model.c src/upstream/completion.c
			src/upstream/gemini.c src/upstream/openai.c src/upstream/reccobeats.c
			src/upstream/reccobeats_check.c
			src/upstream/spotify.c src/upstream/spotify_error.c
			src/upstream/spotify_read.c src/upstream/spotify_request.c
			src/upstream/spotify_token.c src/upstream/message.c src/upstream/json.c
			src/upstream/header.c src/upstream/buffer.c src/upstream/outcome.c */
#include "model_tap.h"

#define KEY \
	"{\"prompt\":\"rainy sunday\",\"system\":\"You plan.\"," \
	"\"schema\":{\"type\":\"object\"},\"max_tokens\":64}"
#define USAGE \
	"\"usageMetadata\":{\"promptTokenCount\":61,\"candidatesTokenCount\":18," \
	"\"thoughtsTokenCount\":2},\"modelVersion\":\"gemini-x-001\""
#define CANDIDATE(inside)	"{\"candidates\":[{" inside "}]," USAGE "}"
#define PARTS(parts)		"\"content\":{\"role\":\"model\",\"parts\":[" parts "]}"
#define RPC(code, status, message, details) \
	"{\"error\":{\"code\":" #code ",\"message\":\"" message "\",\"status\":\"" status \
	"\",\"details\":[" details "]}}"
#define RETRY(delay) \
	"{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"" delay "\"}"
#define VIOLATION(id) \
	"{\"@type\":\"type.googleapis.com/google.rpc.QuotaFailure\",\"violations\":[" \
	"{\"quotaId\":\"" id "\"}]}"

static const Failure failures[] = {
	{"a blocked prompt has no candidate", 200, -1,
	 "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"}," USAGE "}",
	 RECO_OUTCOME_REFUSED, false, -1, "SAFETY"},
	{"no candidate and no reason", 200, -1, "{" USAGE "}",
	 RECO_OUTCOME_MALFORMED, true, -1, "no candidate"},
	{"a candidate that is null", 200, -1, "{\"candidates\":[null]}",
	 RECO_OUTCOME_MALFORMED, true, -1, "no candidate"},
	{"a candidate that is refused", 200, -1, CANDIDATE("\"finishReason\":\"RECITATION\""),
	 RECO_OUTCOME_REFUSED, false, -1, "RECITATION"},
	{"refused after some words", 200, -1,
	 CANDIDATE(PARTS("{\"text\":\"{}\"}") ",\"finishReason\":\"PROHIBITED_CONTENT\""),
	 RECO_OUTCOME_REFUSED, false, -1, "PROHIBITED_CONTENT"},
	{"a function call that went wrong", 200, -1,
	 CANDIDATE("\"finishReason\":\"MALFORMED_FUNCTION_CALL\""),
	 RECO_OUTCOME_MALFORMED, true, -1, "MALFORMED_FUNCTION_CALL"},
	{"JSON cut at MAX_TOKENS", 200, -1,
	 CANDIDATE(PARTS("{\"text\":\"{\\\"a\\\":\"}") ",\"finishReason\":\"MAX_TOKENS\""),
	 RECO_OUTCOME_MALFORMED, false, -1, "max_tokens"},
	{"thinking ate the budget", 200, -1,
	 CANDIDATE("\"content\":{\"role\":\"model\"},\"finishReason\":\"MAX_TOKENS\""),
	 RECO_OUTCOME_MALFORMED, false, -1, "it wrote nothing"},
	{"STOP without parts", 200, -1,
	 CANDIDATE("\"content\":{\"role\":\"model\"},\"finishReason\":\"STOP\""),
	 RECO_OUTCOME_MALFORMED, true, -1, "nothing"},
	{"only thoughts", 200, -1,
	 CANDIDATE(PARTS("{\"text\":\"hm\",\"thought\":true}") ",\"finishReason\":\"STOP\""),
	 RECO_OUTCOME_MALFORMED, true, -1, "nothing"},
	{"words where JSON is wanted", 200, -1,
	 CANDIDATE(PARTS("{\"text\":\"I think so\"}") ",\"finishReason\":\"STOP\""),
	 RECO_OUTCOME_MALFORMED, false, -1, "I think so"},
	{"an error with 200", 200, -1, RPC(503, "UNAVAILABLE", "overloaded", ""),
	 RECO_OUTCOME_UNAVAILABLE, true, -1, "overloaded"},
	{"a per-minute limit", 429, -1,
	 RPC(429, "RESOURCE_EXHAUSTED", "You exceeded your quota.",
		 VIOLATION("GenerateRequestsPerMinutePerProjectPerModel") "," RETRY("29.718232s")),
	 RECO_OUTCOME_LIMITED, false, 29719, "exceeded"},
	{"RetryInfo before the header", 429, 7000,
	 RPC(429, "RESOURCE_EXHAUSTED", "slow", RETRY("3s")),
	 RECO_OUTCOME_LIMITED, false, 3000, "slow"},
	{"the header where there is no RetryInfo", 429, 7000,
	 RPC(429, "RESOURCE_EXHAUSTED", "slow", ""), RECO_OUTCOME_LIMITED, false, 7000, "slow"},
	{"the message where there is nothing else", 429, -1,
	 RPC(429, "RESOURCE_EXHAUSTED", "Please retry in 29.5s.", ""),
	 RECO_OUTCOME_LIMITED, false, 29500, "29.5s"},
	{"no delay at all", 429, -1, "{\"error\":{\"code\":429}}", RECO_OUTCOME_LIMITED, false, -1, ""},
	{"an absurd delay", 429, -1, RPC(429, "RESOURCE_EXHAUSTED", "x", RETRY("99999999999s")),
	 RECO_OUTCOME_QUOTA, false, INT64_C(48) * 3600 * 1000, "x"},
	{"a daily quota does not believe its delay", 429, 9000,
	 RPC(429, "RESOURCE_EXHAUSTED", "You exceeded your quota.",
		 VIOLATION("GenerateRequestsPerDayPerProjectPerModel-FreeTier") "," RETRY("29s")),
	 RECO_OUTCOME_QUOTA, false, -1, "per day"},
	{"the array of one", 429, -1,
	 "[" RPC(429, "RESOURCE_EXHAUSTED", "slow", RETRY("29s")) "]",
	 RECO_OUTCOME_LIMITED, false, 29000, "slow"},
	{"the array of one, with 200", 200, -1, "[" RPC(500, "INTERNAL", "oh", "") "]",
	 RECO_OUTCOME_UNAVAILABLE, true, -1, "oh"},
	{"a bad key comes with 400", 400, -1,
	 RPC(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.",
		 "{\"reason\":\"API_KEY_INVALID\"}"),
	 RECO_OUTCOME_UNAUTHORISED, false, -1, "API key not valid"},
	{"another 400", 400, -1, RPC(400, "INVALID_ARGUMENT", "Unknown name \\\"x\\\"", ""),
	 RECO_OUTCOME_REJECTED, false, -1, "Unknown name"},
	{"a region without service", 400, -1,
	 RPC(400, "FAILED_PRECONDITION", "User location is not supported", ""),
	 RECO_OUTCOME_REJECTED, false, -1, "location"},
	{"a blocked key", 403, -1, RPC(403, "PERMISSION_DENIED", "Permission denied", ""),
	 RECO_OUTCOME_UNAUTHORISED, false, -1, "denied"},
	{"a page in front", 403, -1, "<html><title>Forbidden</title></html>",
	 RECO_OUTCOME_DENIED, false, -1, ""},
	{"a model that is gone", 404, -1, RPC(404, "NOT_FOUND", "not found for v1beta", ""),
	 RECO_OUTCOME_REJECTED, false, -1, "\"gemini-x\": not found for v1beta"},
	{"500", 500, -1, RPC(500, "INTERNAL", "oh", ""), RECO_OUTCOME_UNAVAILABLE, true, -1, "oh"},
	{"503", 503, 2000, RPC(503, "UNAVAILABLE", "The model is overloaded.", ""),
	 RECO_OUTCOME_UNAVAILABLE, true, 2000, "overloaded"},
	{"504", 504, -1, RPC(504, "DEADLINE_EXCEEDED", "late", ""),
	 RECO_OUTCOME_UNAVAILABLE, true, -1, "late"},
	{"502 with a page", 502, -1, "<html>", RECO_OUTCOME_UNAVAILABLE, true, -1, ""},
	{"a key in a message is not shown", 401, -1,
	 RPC(401, "UNAUTHENTICATED", "bad: AIzaSyA0123456789abcdefghijklmnopqrstuv", ""),
	 RECO_OUTCOME_UNAUTHORISED, false, -1, "bad: ***"},
};

static void
test_request(void)
{
	ok(ask(RECO_OP_COMPLETION, KEY) && request.post &&
		   request.auth == RECO_AUTH_GOOGLE_KEY &&
		   strcmp(request.content_type, "application/json") == 0 &&
		   strcmp(request.target.data, "/models/gemini-x:generateContent") == 0,
	   "a completion is a POST, its key in a header");
	ok(body_is("{\"systemInstruction\":{\"parts\":[{\"text\":\"You plan.\"}]},"
			   "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"rainy sunday\"}]}],"
			   "\"generationConfig\":{\"responseMimeType\":\"application/json\","
			   "\"responseJsonSchema\":{\"type\":\"object\"},\"maxOutputTokens\":64}}"),
	   "with everything that the key says");
	ok(ask(RECO_OP_COMPLETION, "say \"hi\"\n") &&
	   body_is("{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"say \\\"hi\\\"\\n\"}]}],"
			   "\"generationConfig\":{\"maxOutputTokens\":1024}}"), "and nothing else");
	ok(ask(RECO_OP_PROBE, "") && !request.post && request.auth == RECO_AUTH_GOOGLE_KEY &&
	   request.body.len == 0 && strcmp(request.target.data, "/models/gemini-x") == 0,
	   "a probe reads the model");
	options.model = "tunedModels/my model";
	ok(ask(RECO_OP_PROBE, "") && strcmp(request.target.data, "/tunedModels/my%20model") == 0,
	   "a model of another collection");
	options.model = "models/gemini-x";
	ok(ask(RECO_OP_PROBE, "") && strcmp(request.target.data, "/models/gemini-x") == 0,
	   "a model named with its collection");
	options.model = "";
	ok(!ask(RECO_OP_COMPLETION, KEY), "no model, no request");
	options.model = "gemini-x";
}

static void
test_thinking(void)
{
	options.model = "gemini-3.6-flash";
	ok(ask(RECO_OP_COMPLETION, "p") &&
	   strstr(request.body.data, "\"thinkingConfig\":{\"thinkingLevel\":\"MINIMAL\"}") != NULL,
	   "a flash model thinks little");
	answer(400, -1, RPC(400, "INVALID_ARGUMENT", "Thinking level is not supported", ""));
	ok(split.other_way && split.capabilities.dropped != 0, "one that refuses to be told so ...");
	capabilities = split.capabilities;
	ok(ask(RECO_OP_COMPLETION, "p") && strstr(request.body.data, "thinking") == NULL,
	   "... is not told again");
	answer(400, -1, RPC(400, "INVALID_ARGUMENT", "Thinking level is not supported", ""));
	ok(!split.other_way && split.outcome == RECO_OUTCOME_REJECTED, "and that ends it");
	memset(&capabilities, 0, sizeof(capabilities));
	options.model = "gemini-2.5-flash-lite";
	ok(ask(RECO_OP_COMPLETION, "p") &&
	   strstr(request.body.data, "\"thinkingConfig\":{\"thinkingBudget\":0}") != NULL,
	   "an older one has a budget");
	answer(400, -1, RPC(400, "INVALID_ARGUMENT", "Unknown name", ""));
	ok(!split.other_way, "a 400 about something else changes nothing");
	options.model = "gemini-x";
}

static void
test_values(void)
{
	ask(RECO_OP_COMPLETION, KEY);
	answer(200, -1,
		   CANDIDATE(PARTS("{\"text\":\"{\\\"a\\\":1}\"}") ",\"finishReason\":\"STOP\""));
	ok(value_is(
		   "{\"text\":\"{\\\"a\\\":1}\",\"json\":{\"a\":1},\"model\":\"gemini-x-001\","
		   "\"prompt_tokens\":61,\"completion_tokens\":20}"),
	   "JSON");
	answer(200, -1,
		   CANDIDATE(
			   PARTS("{\"text\":\"hm\",\"thought\":true},null,"
					 "{\"text\":\"```json\\n{\\\"a\\\"\"},{\"text\":\":1}\\n```\"}")));
	ok(value_is(
		   "{\"text\":\"{\\\"a\\\":1}\",\"json\":{\"a\":1},\"model\":\"gemini-x-001\","
		   "\"prompt_tokens\":61,\"completion_tokens\":20}"),
	   "thoughts are skipped, parts joined, fences stripped");
	answer(200, -1, "{\"candidates\":[{" PARTS("{\"text\":\"[]\"}") "}]}");
	ok(value_is("{\"text\":\"[]\",\"json\":[],\"model\":\"gemini-x\"}"),
	   "without usage and modelVersion");
	ask(RECO_OP_COMPLETION, "p");
	answer(200, -1, CANDIDATE(PARTS("{\"text\":\"rain\"}")));
	ok(value_is("{\"text\":\"rain\",\"model\":\"gemini-x-001\",\"prompt_tokens\":61,"
				"\"completion_tokens\":20}"), "words where no schema is given");
	answer(200, -1, "{\"candidates\":[{\"content\":");
	ok(split.outcome == RECO_OUTCOME_MALFORMED && split.truncated, "an answer that is cut");
	answer(200, -1, " ");
	ok(split.outcome == RECO_OUTCOME_MALFORMED && split.truncated, "an empty answer");
	answer(200, -1, "<html>");
	ok(split.outcome == RECO_OUTCOME_UNAVAILABLE && split.retry, "a page with 200");
	answer(302, -1, "");
	ok(split.outcome != RECO_OUTCOME_FRESH && !split.retry, "a redirect is not followed");
	ask(RECO_OP_PROBE, "");
	answer(200, -1, "{\"name\":\"models/gemini-x\",\"version\":\"001\"}");
	ok(value_is("{\"ok\":true,\"model\":\"gemini-x\"}"), "a probe that is answered");
	answer(404, -1, RPC(404, "NOT_FOUND", "gone", ""));
	ok(split.outcome == RECO_OUTCOME_REJECTED && strstr(split.message, "gemini-x") != NULL,
	   "a probe for a model that is gone");
}

int
main(void)
{
	reco_service_defaults(RECO_GEMINI, &options);
	options.model = "gemini-x";
	test_request();
	test_thinking();
	test_values();
	ask(RECO_OP_COMPLETION, KEY);
	check_failures(failures, sizeof(failures) / sizeof(failures[0]));
	return model_done();
}
