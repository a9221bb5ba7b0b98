/*-------------------------------------------------------------------------
 *
 * gemini.c
 *	  Google's Gemini, by generateContent of the REST API v1beta.
 *
 * Purpose: completion and probe; keys and values as in completion.h.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	put the key into the URL: it lands in logs.
 *
 * Many failures come with status 200: no candidate at all, a candidate without
 * content, content without parts, JSON that ends in the middle.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "completion.h"
#include "model.h"
#include "service.h"

/* Bits of capabilities->dropped. */
#define DROPPED_THINKING	1u

typedef enum Endpoint
{
	ENDPOINT_GENERATE = 0,
	ENDPOINT_MODEL,
	NENDPOINTS
} Endpoint;

static bool build(const RecoCall *call, RecoHttpRequest *request);
static void split_answer(const RecoCall *call, const RecoHttpRequest *request,
						 const RecoHttpResponse *response, RecoSplit *split);
static void put_model(const char *model, RecoBuffer *target);
static void put_body(const RecoCompletion *completion, const RecoCall *call,
					 RecoBuffer *out);
static void put_text(RecoBuffer *out, const char *text);
static void put_thinking(const RecoCall *call, RecoBuffer *out);
static void learn(const RecoModelError *error, const RecoHttpRequest *request,
				  RecoSplit *split);
static void read_completion(const RecoCall *call, json_t *root, RecoSplit *split);
static void read_text(const json_t *candidate, RecoBuffer *text);
static bool is_one_of(const char *word, const char *const *list);
static void probe(const RecoCall *call, const json_t *root, RecoSplit *split);

static const char *const endpoint_names[NENDPOINTS] = {"generateContent", "models"};

const RecoAdapter reco_adapter_gemini = {build, split_answer, NENDPOINTS, endpoint_names};

/* Builds the request; false only without a model, or without memory. */
static bool
build(const RecoCall *call, RecoHttpRequest *request)
{
	const char *model = call->options->model;
	RecoCompletion completion;

	if (model == NULL || model[0] == '\0')
		return false;
	request->auth = RECO_AUTH_GOOGLE_KEY;
	request->accounts = false;
	put_model(model, &request->target);
	if (call->operation == RECO_OP_PROBE)
	{
		request->post = false;
		request->endpoint = ENDPOINT_MODEL;
		return !request->target.failed;
	}
	if (!reco_completion_read(call->keys[0], &completion))
		return false;
	request->post = true;
	request->endpoint = ENDPOINT_GENERATE;
	request->content_type = "application/json";
	reco_buffer_puts(&request->target, ":generateContent");
	put_body(&completion, call, &request->body);
	reco_completion_free(&completion);
	return !request->target.failed && !request->body.failed;
}

/* Reads an answer. */
static void
split_answer(const RecoCall *call, const RecoHttpRequest *request,
			 const RecoHttpResponse *response, RecoSplit *split)
{
	json_t	   *root;
	RecoModelError error;
	json_t	   *good = reco_model_open(call, response, &root, &error, split);

	if (good == NULL && response->status == 400)
		learn(&error, request, split);
	else if (good != NULL && call->operation == RECO_OP_PROBE)
		probe(call, good, split);
	else if (good != NULL)
		read_completion(call, good, split);
	json_decref(root);
}

/* Writes the model's path; a model may be named with its collection before it. */
static void
put_model(const char *model, RecoBuffer *target)
{
	if (strchr(model, '/') == NULL)
		reco_buffer_puts(target, "/models");
	while (*model != '\0')
	{
		char		part[128];
		size_t		len = strcspn(model, "/");
		size_t		kept = len < sizeof(part) ? len : sizeof(part) - 1;

		memcpy(part, model, kept);
		part[kept] = '\0';
		reco_buffer_putc(target, '/');
		reco_buffer_put_escaped(target, part);
		model += len + (model[len] == '/');
	}
}

static void
put_body(const RecoCompletion *completion, const RecoCall *call, RecoBuffer *out)
{
	reco_buffer_putc(out, '{');
	if (completion->system != NULL)
	{
		reco_json_put_name(out, "systemInstruction");
		reco_buffer_puts(out, "{\"parts\":[");
		put_text(out, completion->system);
		reco_buffer_puts(out, "]}");
	}
	reco_json_put_name(out, "contents");
	reco_buffer_puts(out, "[{\"role\":\"user\",\"parts\":[");
	put_text(out, completion->prompt);
	reco_buffer_puts(out, "]}]");
	reco_json_put_name(out, "generationConfig");
	reco_buffer_putc(out, '{');
	if (completion->schema != NULL)
	{
		reco_json_put_member(out, "responseMimeType", "application/json");
		reco_json_put_name(out, "responseJsonSchema");
		reco_json_put_value(out, completion->schema);
	}
	reco_json_put_real(out, "maxOutputTokens", completion->max_tokens);
	put_thinking(call, out);
	reco_buffer_puts(out, "}}");
}

static void
put_text(RecoBuffer *out, const char *text)
{
	reco_buffer_putc(out, '{');
	reco_json_put_member(out, "text", text);
	reco_buffer_putc(out, '}');
}

/*
 * Asks a flash model to think little: thoughts count as output, so they can eat all
 * of maxOutputTokens, and they take seconds. Others are left as they are.
 */
static void
put_thinking(const RecoCall *call, RecoBuffer *out)
{
	const char *model = strstr(call->options->model, "gemini-");

	if (model == NULL || strstr(model, "flash") == NULL ||
		(call->capabilities != NULL && call->capabilities->dropped & DROPPED_THINKING))
		return;
	if (strncmp(model, "gemini-3", 8) == 0)
	{
		reco_json_put_name(out, "thinkingConfig");
		reco_buffer_puts(out, "{\"thinkingLevel\":\"MINIMAL\"}");
	}
	else if (strncmp(model, "gemini-2.5", 10) == 0)
	{
		reco_json_put_name(out, "thinkingConfig");
		reco_buffer_puts(out, "{\"thinkingBudget\":0}");
	}
}

/* Learns from a 400 that a model is not to be told how much to think. */
static void
learn(const RecoModelError *error, const RecoHttpRequest *request, RecoSplit *split)
{
	if (split->outcome != RECO_OUTCOME_REJECTED || request->body.data == NULL ||
		strstr(request->body.data, ",\"thinkingConfig\":{") == NULL ||
		!reco_model_error_says(error, "think"))
		return;
	split->capabilities.dropped |= DROPPED_THINKING;
	split->other_way = true;
}

/* Reads what the first candidate wrote, or why there is nothing. */
static void
read_completion(const RecoCall *call, json_t *root, RecoSplit *split)
{
	static const char *const refused[] = {
		"SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII",
		"OTHER", "IMAGE_SAFETY", "MODEL_ARMOR", "JAILBREAK", NULL};
	const json_t *candidate = json_array_get(reco_json_array(root, "candidates"), 0);
	const char *blocked = reco_json_string(reco_json_get(root, "promptFeedback"),
										   "blockReason");
	const json_t *usage = reco_json_get(root, "usageMetadata");
	const char *finish = reco_json_string(candidate, "finishReason");
	double		prompt_tokens = NAN;
	double		written = NAN;
	double		thoughts;
	RecoBuffer	text;
	RecoCompletion completion;

	/* What was thought is paid for like what was written. */
	reco_json_number(usage, "promptTokenCount", &prompt_tokens);
	if (reco_json_number(usage, "candidatesTokenCount", &written) &&
		reco_json_number(usage, "thoughtsTokenCount", &thoughts))
		written += thoughts;
	reco_buffer_init(&text, 0);
	read_text(candidate, &text);
	if (!json_is_object(candidate) && blocked != NULL)
		reco_model_end(split, RECO_OUTCOME_REFUSED, false, "the prompt is blocked: %s",
					   blocked);
	else if (!json_is_object(candidate))
		reco_model_end(split, RECO_OUTCOME_MALFORMED, true, "the answer has no candidate");
	else if (finish != NULL && is_one_of(finish, refused))
		reco_model_end(split, RECO_OUTCOME_REFUSED, false, "the model refuses: %s", finish);
	else if (finish != NULL && strcmp(finish, "MAX_TOKENS") == 0)
		reco_model_end(split, RECO_OUTCOME_MALFORMED, false,
					   "the model reached max_tokens before its end%s",
					   text.len == 0 ? "; it wrote nothing" : "");
	else if (text.len == 0 && !text.failed)
		reco_model_end(split, RECO_OUTCOME_MALFORMED, true, "the model wrote nothing (%s)",
					   finish == NULL ? "no reason" : finish);
	else
	{
		bool want_json =
			reco_completion_read(call->keys[0], &completion) && completion.schema != NULL;

		reco_completion_free(&completion);
		reco_model_answer(call, want_json, &text, reco_json_string(root, "modelVersion"),
						  prompt_tokens, written, split);
	}
	reco_buffer_free(&text, false);
}

/* Joins the parts of a candidate, without what it thought. */
static void
read_text(const json_t *candidate, RecoBuffer *text)
{
	json_t	   *parts = reco_json_array(reco_json_get(candidate, "content"), "parts");
	size_t		i;
	json_t	   *part;

	json_array_foreach(parts, i, part)
	{
		const char *piece = reco_json_string(part, "text");

		if (piece != NULL && !json_is_true(reco_json_get(part, "thought")))
			reco_buffer_puts(text, piece);
	}
}

static bool
is_one_of(const char *word, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(word, *list) == 0)
			return true;
	return false;
}

/* Reads what a model says of itself. */
static void
probe(const RecoCall *call, const json_t *root, RecoSplit *split)
{
	const char *name = reco_json_string(root, "name");

	if (!json_is_object(root))
		reco_model_end(split, RECO_OUTCOME_MALFORMED, false, "the answer is no model");
	else
		reco_model_alive(call,
						 name != NULL && strncmp(name, "models/", 7) == 0 ? name + 7 : name,
						 split);
}
