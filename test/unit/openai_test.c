/*-------------------------------------------------------------------------
 *
 * openai_test.c
 *	  Tests the adapter for services that speak OpenAI's chat completions.
 *
 * Purpose: what is sent, and what is left out once it was refused; every answer
 *			that is known, good or a failure of its kind.
 * Runs in: a plain C program.
 * Locks:	none.
 * Never:	talk to anybody.
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

#define SCHEMA \
	"{\"type\":\"object\",\"additionalProperties\":false," \
	"\"properties\":{\"a\":{\"type\":\"number\"}},\"required\":[\"a\"]}"
#define KEY \
	"{\"prompt\":\"rainy sunday\",\"system\":\"You plan.\",\"schema\":" SCHEMA \
	",\"max_tokens\":64}"
#define CHOICE(inside) \
	"{\"model\":\"m-2026\",\"choices\":[{" inside "}]," \
	"\"usage\":{\"prompt_tokens\":58,\"completion_tokens\":14}}"
#define SAYS(content)	CHOICE("\"finish_reason\":\"stop\",\"message\":{\"content\":" content "}")
#define ERROR(message, code) \
	"{\"error\":{\"message\":\"" message \
	"\",\"type\":\"requests\",\"param\":null,\"code\":" code "}}"
#define ANSWER_A \
	"{\"text\":\"{\\\"a\\\":1}\",\"json\":{\"a\":1},\"model\":\"m-2026\"," \
	"\"prompt_tokens\":58,\"completion_tokens\":14}"

static const Failure failures[] = {
	{"no choice", 200, -1, "{\"choices\":[]}", RECO_OUTCOME_MALFORMED, true, -1, "no choice"},
	{"not even a list", 200, -1, "{}", RECO_OUTCOME_MALFORMED, true, -1, "no choice"},
	{"content null", 200, -1, SAYS("null"), RECO_OUTCOME_MALFORMED, true, -1, "nothing"},
	{"content empty", 200, -1, SAYS("\"\""), RECO_OUTCOME_MALFORMED, true, -1, "nothing"},
	{"only reasoning beside it", 200, -1,
	 CHOICE("\"message\":{\"content\":null,\"reasoning\":\"{}\"}"),
	 RECO_OUTCOME_MALFORMED, true, -1, "nothing"},
	{"only reasoning in it", 200, -1, SAYS("\"<think>{}\""),
	 RECO_OUTCOME_MALFORMED, true, -1, "nothing"},
	{"a refusal", 200, -1,
	 CHOICE("\"finish_reason\":\"stop\",\"message\":{\"content\":null,\"refusal\":\"I cannot\"}"),
	 RECO_OUTCOME_REFUSED, false, -1, "I cannot"},
	{"a content filter", 200, -1,
	 CHOICE("\"finish_reason\":\"content_filter\",\"message\":{\"content\":\"{}\"}"),
	 RECO_OUTCOME_REFUSED, false, -1, "content_filter"},
	{"cut at the most tokens", 200, -1,
	 CHOICE("\"finish_reason\":\"length\",\"message\":{\"content\":\"{}\"}"),
	 RECO_OUTCOME_MALFORMED, false, -1, "max_tokens"},
	{"words where JSON is wanted", 200, -1, SAYS("\"I think so\""),
	 RECO_OUTCOME_MALFORMED, false, -1, "I think so"},
	{"an error with 200, code a number", 200, -1, ERROR("no credit", "402"),
	 RECO_OUTCOME_QUOTA, false, -1, "no credit"},
	{"code a name", 200, -1, ERROR("slow down", "\"rate_limit_exceeded\""),
	 RECO_OUTCOME_LIMITED, false, -1, "slow down"},
	{"code unknown", 200, -1, ERROR("oh", "null"), RECO_OUTCOME_UNAVAILABLE, true, -1, "oh"},
	{"only words", 200, -1, "{\"error\":\"out of slots\"}",
	 RECO_OUTCOME_UNAVAILABLE, true, -1, "out of slots"},
	{"an error in a choice", 200, -1,
	 CHOICE("\"finish_reason\":\"error\",\"error\":{\"code\":429,\"message\":\"busy\"}"),
	 RECO_OUTCOME_LIMITED, false, -1, "busy"},
	{"an error in a choice without words", 200, -1, CHOICE("\"finish_reason\":\"error\""),
	 RECO_OUTCOME_UNAVAILABLE, true, -1, "failed"},
	{"401", 401, -1, ERROR("Incorrect API key provided", "\"invalid_api_key\""),
	 RECO_OUTCOME_UNAUTHORISED, false, -1, "Incorrect"},
	{"402", 402, -1, ERROR("Insufficient credits", "402"),
	 RECO_OUTCOME_QUOTA, false, -1, "credits"},
	{"403", 403, -1, ERROR("Country not supported", "\"unsupported_country\""),
	 RECO_OUTCOME_DENIED, false, -1, "Country"},
	{"403 about the key", 403, -1, ERROR("API key is disabled", "403"),
	 RECO_OUTCOME_UNAUTHORISED, false, -1, "disabled"},
	{"403 about what was asked", 403, -1, ERROR("your input was flagged", "403"),
	 RECO_OUTCOME_REFUSED, false, -1, "flagged"},
	{"404 names the model", 404, -1, "{\"error\":\"try pulling it first\"}",
	 RECO_OUTCOME_REJECTED, false, -1, "model \"some-model\": try pulling it first"},
	{"404 in plain text", 404, -1, "404 page not found",
	 RECO_OUTCOME_REJECTED, false, -1, "404 page not found"},
	{"400", 400, -1, ERROR("maximum context length is 8192", "\"context_length_exceeded\""),
	 RECO_OUTCOME_REJECTED, false, -1, "context"},
	{"400 about what was asked", 400, -1, ERROR("filtered", "\"content_filter\""),
	 RECO_OUTCOME_REFUSED, false, -1, "filtered"},
	{"413", 413, -1, "too large", RECO_OUTCOME_REJECTED, false, -1, ""},
	{"422 as FastAPI says it", 422, -1,
	 "{\"detail\":[{\"loc\":[\"body\",\"seed\"],\"msg\":\"field required\"}]}",
	 RECO_OUTCOME_REJECTED, false, -1, "field required"},
	{"an error without the member", 400, -1,
	 "{\"object\":\"error\",\"message\":\"too long\",\"code\":400}",
	 RECO_OUTCOME_REJECTED, false, -1, "too long"},
	{"429", 429, 1500, ERROR("slow down", "\"rate_limit_exceeded\""),
	 RECO_OUTCOME_LIMITED, false, 1500, "slow down"},
	{"429, the wait in words", 429, -1,
	 ERROR("Please try again in 1m26.4s. Visit", "\"rate_limit_exceeded\""),
	 RECO_OUTCOME_LIMITED, false, 86400, "1m26.4s"},
	{"429 in plain text", 429, -1, "busy", RECO_OUTCOME_LIMITED, false, -1, "busy"},
	{"429 without credit", 429, -1, ERROR("You exceeded", "\"insufficient_quota\""),
	 RECO_OUTCOME_QUOTA, false, -1, "You exceeded"},
	{"429 without credit, with a rate's reset", 429, 120,
	 ERROR("You exceeded", "\"insufficient_quota\""), RECO_OUTCOME_QUOTA, false, -1,
	 "You exceeded"},
	{"429 without credit until tomorrow", 429, INT64_C(7200000),
	 ERROR("You exceeded", "\"insufficient_quota\""), RECO_OUTCOME_QUOTA, false, 7200000,
	 "You exceeded"},
	{"429 over a bill", 429, 120, ERROR("m", "\"billing_hard_limit_reached\""),
	 RECO_OUTCOME_QUOTA, false, -1, "m"},
	{"429 for the day", 429, -1, ERROR("Rate limit exceeded: free-models-per-day", "429"),
	 RECO_OUTCOME_QUOTA, false, -1, "per-day"},
	{"429 for hours", 429, INT64_C(7200000), ERROR("later", "429"), RECO_OUTCOME_QUOTA,
	 false, 7200000, "later"},
	{"429 of Gemini behind this interface", 429, -1,
	 "[{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\",\"message\":\"m\","
	 "\"details\":[{\"retryDelay\":\"29s\"}]}}]", RECO_OUTCOME_LIMITED, false, 29000, "m"},
	{"408", 408, -1, "{}", RECO_OUTCOME_UNAVAILABLE, true, -1, ""},
	{"409", 409, -1, "{}", RECO_OUTCOME_UNAVAILABLE, true, -1, ""},
	{"500", 500, -1, ERROR("oh", "null"), RECO_OUTCOME_UNAVAILABLE, true, -1, "oh"},
	{"503", 503, 4000, "{\"error\":\"loading model\"}",
	 RECO_OUTCOME_UNAVAILABLE, true, 4000, "loading"},
	{"529", 529, -1, "", RECO_OUTCOME_UNAVAILABLE, true, -1, ""},
};

static void
test_request(void)
{
	ok(ask(RECO_OP_COMPLETION, KEY) && request.post &&
		   request.auth == RECO_AUTH_BEARER_KEY &&
		   strcmp(request.content_type, "application/json") == 0 &&
		   strcmp(request.target.data, "/chat/completions") == 0,
	   "a completion is a POST");
	ok(body_is(
		   "{\"model\":\"some-model\",\"messages\":["
		   "{\"role\":\"system\",\"content\":\"You plan.\"},"
		   "{\"role\":\"user\",\"content\":\"rainy sunday\"}],"
		   "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"reco\","
		   "\"strict\":true,\"schema\":" SCHEMA "}},\"max_completion_tokens\":64}"),
	   "with everything that the key says");
	ok(ask(RECO_OP_COMPLETION, "say \"hi\"") &&
	   body_is("{\"model\":\"some-model\",\"max_completion_tokens\":1024,"
			   "\"messages\":[{\"role\":\"user\",\"content\":\"say \\\"hi\\\"\"}]}"),
	   "and nothing else");
	ok(ask(RECO_OP_PROBE, "") && !request.post && request.auth == RECO_AUTH_BEARER_KEY &&
	   request.body.len == 0 && strcmp(request.target.data, "/models") == 0,
	   "a probe reads the list of models");
}

/* Is a schema sent as strict? */
static bool
is_strict(const char *schema)
{
	char		key[600];

	snprintf(key, sizeof(key), "{\"prompt\":\"p\",\"schema\":%s}", schema);
	ask(RECO_OP_COMPLETION, key);
	return strstr(request.body.data, "\"strict\":true") != NULL;
}

static void
test_strict(void)
{
	ok(is_strict(SCHEMA), "a closed schema is strict");
	ok(!is_strict("{\"type\":\"object\",\"properties\":{\"a\":{}},\"required\":[\"a\"]}"),
	   "one that allows more properties is not");
	ok(!is_strict("{\"type\":\"object\",\"additionalProperties\":false,"
				  "\"properties\":{\"a\":{},\"b\":{}},\"required\":[\"a\"]}"),
	   "nor one with a property that is not required");
	ok(is_strict("{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"a\"],"
				 "\"properties\":{\"a\":{\"type\":\"array\",\"items\":" SCHEMA "}}}"),
	   "objects inside are looked at");
	ok(!is_strict("{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"a\"],"
				  "\"properties\":{\"a\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}}}}"),
	   "in lists");
	ok(!is_strict("{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"a\"],"
				  "\"properties\":{\"a\":{\"anyOf\":[{\"type\":[\"null\",\"object\"]}]}}}"),
	   "and among choices");
	ok(!is_strict("{\"type\":\"object\",\"additionalProperties\":false,\"required\":[],"
				  "\"properties\":{},\"allOf\":[]}"), "what strict schemas do not know");
}

/* Has the service refuse what was sent last; the body is then built anew. */
static bool
refuse(int status, const char *body)
{
	bool		other_way;

	answer(status, -1, body);
	other_way = split.other_way && split.outcome != RECO_OUTCOME_FRESH;
	capabilities = split.capabilities;
	ask(RECO_OP_COMPLETION, KEY);
	return other_way;
}

static bool
body_has(const char *text)
{
	return strstr(request.body.data, text) != NULL;
}

static void
test_formats(void)
{
	RecoCapabilities ahead;

	ask(RECO_OP_COMPLETION, KEY);
	ok(refuse(400, ERROR("'response_format.type' must be 'json_object'", "null")) &&
		   body_has("\"response_format\":{\"type\":\"json_object\"}") &&
		   capabilities.response_format == 1,
	   "from a schema to any object");
	ok(body_has("You plan.") && body_has("Answer with one JSON") &&
		   body_has("\\\"required\\\":[\\\"a\\\"]"),
	   "the schema goes into the system message");
	ok(refuse(422, "{\"detail\":[{\"loc\":[\"body\",\"response_format\"],"
			  "\"msg\":\"Extra inputs are not permitted\"}]}") &&
	   !body_has("response_format") && body_has("Answer with one JSON"),
	   "from there to plain text");
	ok(!refuse(400, ERROR("response_format is unknown", "null")) &&
	   capabilities.response_format == 2, "and no further");
	memset(&capabilities, 0, sizeof(capabilities));
	ask(RECO_OP_COMPLETION, KEY);
	ahead = capabilities;
	ahead.response_format = 2;
	capabilities = ahead;
	answer(400, -1, ERROR("no json_schema here", "null"));
	ok(split.other_way && split.capabilities.response_format == 2,
	   "what others learned meanwhile stays");
	memset(&capabilities, 0, sizeof(capabilities));
	ask(RECO_OP_COMPLETION, "p");
	answer(400, -1, ERROR("response_format", "null"));
	ok(!split.other_way && split.outcome == RECO_OUTCOME_REJECTED,
	   "nothing is learned where no format was sent");
	ask(RECO_OP_COMPLETION, KEY);
	answer(500, -1, ERROR("response_format", "null"));
	ok(!split.other_way, "nor from a 500");
}

static void
test_tokens(void)
{
	memset(&capabilities, 0, sizeof(capabilities));
	ask(RECO_OP_COMPLETION, KEY);
	ok(refuse(400, "{\"error\":{\"message\":\"Unrecognized argument\","
			  "\"param\":\"max_completion_tokens\"}}") &&
	   !body_has("max_completion_tokens") && body_has("\"max_tokens\":64"),
	   "max_completion_tokens is swapped");
	ok(body_has("\"response_format\":{\"type\":\"json_schema\""), "the format stays");
	ok(refuse(400, ERROR("'response_format' is unknown", "null")) &&
	   body_has("json_object") && body_has("\"max_tokens\":64"), "a step of either kind");
	ok(refuse(400, ERROR("Unsupported parameter: 'max_tokens'", "null")) &&
	   !body_has("max_"), "max_tokens is dropped");
	ok(!refuse(400, ERROR("Unsupported parameter: 'max_tokens'", "null")), "and that ends it");
	memset(&capabilities, 0, sizeof(capabilities));
	ask(RECO_OP_COMPLETION, KEY);
	ok(!refuse(400, ERROR("max_tokens is too large: 64", "null")) &&
	   body_has("max_completion_tokens"), "a number that is too large is the key's fault");
	memset(&capabilities, 0, sizeof(capabilities));
}

static void
test_values(void)
{
	ask(RECO_OP_COMPLETION, KEY);
	answer(200, -1, SAYS("\"{\\\"a\\\":1}\""));
	ok(value_is(ANSWER_A), "JSON");
	answer(
		200, -1,
		CHOICE(
			"\"error\":null,\"message\":{\"refusal\":null,"
			"\"reasoning_content\":\"hm\",\"content\":\"```json\\n{\\\"a\\\":1}\\n```\"}"));
	ok(value_is(ANSWER_A), "in fences, with reasoning beside it");
	answer(200, -1, SAYS("\"<think>\\n{\\\"a\\\":2}?\\n</think>\\n\\n{\\\"a\\\":1}\""));
	ok(value_is(ANSWER_A), "after reasoning");
	answer(200, -1, SAYS("\"so, {\\\"a\\\":2}?\\n</think>\\n{\\\"a\\\":1}\""));
	ok(value_is(ANSWER_A), "after reasoning whose beginning is not shown");
	answer(200, -1, SAYS("[{\"type\":\"thinking\",\"text\":\"hm\"},{\"type\":\"text\","
						 "\"text\":\"{\\\"a\\\"\"},null,{\"text\":\":1}\"}]"));
	ok(value_is(ANSWER_A), "in parts");
	answer(200, -1, SAYS("\"{\\\"a\\\":\\\"</think>\\\"}\""));
	ok(value_is("{\"text\":\"{\\\"a\\\":\\\"</think>\\\"}\",\"json\":{\"a\":\"</think>\"},"
				"\"model\":\"m-2026\",\"prompt_tokens\":58,\"completion_tokens\":14}"),
	   "JSON that mentions reasoning");
	answer(200, -1, "{\"choices\":[{\"message\":{\"content\":\"[]\"}}],\"usage\":null}");
	ok(value_is("{\"text\":\"[]\",\"json\":[],\"model\":\"some-model\"}"),
	   "without usage and model");
	answer(200, -1, "{\"choices\":[{\"mess");
	ok(split.outcome == RECO_OUTCOME_MALFORMED && split.truncated, "an answer that is cut");
	answer(200, -1, "<html>");
	ok(split.outcome == RECO_OUTCOME_UNAVAILABLE && split.retry, "a page with 200");
	ask(RECO_OP_COMPLETION, "p");
	answer(200, -1, SAYS("\"<think>hm</think>rain\""));
	ok(value_is("{\"text\":\"rain\",\"model\":\"m-2026\",\"prompt_tokens\":58,"
				"\"completion_tokens\":14}"), "words where no schema is given");
}

static void
test_probe(void)
{
	static const struct
	{
		const char *model;
		const char *body;
		bool		good;
	}			lists[] = {
		{"m", "{\"data\":[{\"id\":\"x\"},{\"id\":\"m\"}]}", true},
		{"m", "{\"data\":[{\"id\":\"x\"},{\"id\":\"mm\"},{\"id\":\"\"}]}", false},
		{"m", "{\"data\":[{\"id\":\"m:latest\"}]}", true},
		{"m", "{\"data\":[{\"id\":\"m:7b\"}]}", false},
		{"m:latest", "{\"data\":[{\"id\":\"m\"}]}", true},
		{"m:7b", "{\"data\":[{\"id\":\"m:latest\"}]}", false},
		{"a/m:free", "{\"data\":[{\"id\":\"a/m\"}]}", true},
		{"m", "{\"data\":[{\"id\":\"models/m\"}]}", true},
		{"m", "{\"data\":[{\"id\":\"f.gguf\",\"owned_by\":\"llamacpp\"}]}", true},
		{"m", "{\"data\":[]}", true},
		{"m", "{\"data\":[null,7,{\"id\":7}]}", true},
		{"m", "{\"object\":\"list\"}", true},
		{"m", "[{\"id\":\"x\"}]", true},
	};

	ask(RECO_OP_PROBE, "");
	answer(200, -1, "{\"object\":\"list\",\"data\":[{\"id\":\"x\"}]}");
	ok(split.outcome == RECO_OUTCOME_REJECTED && strstr(split.message, "some-model") != NULL,
	   "a probe whose list has not the model");
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
	{
		options.model = lists[i].model;
		answer(200, -1, lists[i].body);
		ok((split.outcome == RECO_OUTCOME_FRESH) == lists[i].good, "a probe: %s %s",
		   lists[i].model, lists[i].body);
	}
	options.model = "some-model";
	answer(404, -1, "404 page not found");
	ok(value_is("{\"ok\":true,\"model\":\"some-model\"}") && split.message[0] == '\0',
	   "a server without a list of models answers too");
	answer(401, -1, ERROR("bad key", "null"));
	ok(split.outcome == RECO_OUTCOME_UNAUTHORISED, "one that takes no such key");
	answer(200, -1, "{\"error\":\"oh\"}");
	ok(split.outcome == RECO_OUTCOME_UNAVAILABLE, "one that only looks well");
}

int
main(void)
{
	reco_service_defaults(RECO_OPENAI, &options);
	options.model = "some-model";
	test_request();
	test_strict();
	test_formats();
	test_tokens();
	test_values();
	test_probe();
	ask(RECO_OP_COMPLETION, KEY);
	check_failures(failures, sizeof(failures) / sizeof(failures[0]));
	return model_done();
}
