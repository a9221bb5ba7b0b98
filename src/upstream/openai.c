/*-------------------------------------------------------------------------
 *
 * openai.c
 *	  Services that speak OpenAI's chat completions: OpenAI, OpenRouter, Groq,
 *	  vLLM, llama.cpp, Ollama and others.
 *
 * Purpose: completion and probe; keys and values as in completion.h.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	send a parameter again that this server has refused.
 *
 * Not all of them know response_format and max_completion_tokens. What a server
 * refuses is learned from its 400 and kept in the capabilities. What was sent is
 * read from the request, because others may have learned meanwhile; so these two
 * stand first in the body.
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
#define DROPPED_MAX_COMPLETION_TOKENS	1u	/* then max_tokens is sent */
#define DROPPED_MAX_TOKENS				2u	/* then neither, with the other bit */

/* Values of capabilities->response_format. */
#define FORMAT_SCHEMA	0
#define FORMAT_OBJECT	1
#define FORMAT_NONE		2

typedef enum Endpoint
{
	ENDPOINT_CHAT = 0,
	ENDPOINT_MODELS,
	NENDPOINTS
} Endpoint;

static bool build(const RecoCall *call, RecoHttpRequest *request);
static void split_answer(const RecoCall *call, const RecoHttpRequest *request,
						 const RecoHttpResponse *response, RecoSplit *split);
static bool lacks_model(const json_t *root, const char *model);
static bool is_listed_as(const char *model, const char *id);
static void put_body(const RecoCompletion *completion, const RecoCall *call,
					 RecoBuffer *out);
static void put_format(const json_t *schema, int format, RecoBuffer *out);
static void put_message(RecoBuffer *out, const char *role, const char *content);
static void put_system(const RecoCompletion *completion, bool with_schema,
					   RecoBuffer *out);
static bool fits_strict(const json_t *schema);
static bool closes_object(const json_t *schema);
static void learn(const RecoModelError *error, const RecoHttpRequest *request,
				  RecoSplit *split);
static bool learn_format(const RecoModelError *error, const char *body, RecoSplit *split);
static bool learn_tokens(const RecoModelError *error, const char *body, RecoSplit *split);
static bool begins(const char *text, const char *beginning);
static bool is_about(const RecoModelError *error, const char *word);
static void read_completion(const RecoCall *call, json_t *root, RecoSplit *split);
static bool is_failed_choice(const RecoCall *call, const json_t *choice,
							 RecoSplit *split);
static void read_text(const json_t *content, RecoBuffer *text);
static void drop_thinking(RecoBuffer *text, bool want_json);

static const char *const endpoint_names[NENDPOINTS] = {"chat/completions", "models"};

const RecoAdapter reco_adapter_openai = {build, split_answer, NENDPOINTS, endpoint_names};

/* Builds the request; false only without memory. */
static bool
build(const RecoCall *call, RecoHttpRequest *request)
{
	RecoCompletion completion;

	request->auth = RECO_AUTH_BEARER_KEY;
	request->accounts = false;
	if (call->operation == RECO_OP_PROBE)
	{
		request->post = false;
		request->endpoint = ENDPOINT_MODELS;
		return reco_buffer_puts(&request->target, "/models");
	}
	if (!reco_completion_read(call->keys[0], &completion))
		return false;
	request->post = true;
	request->endpoint = ENDPOINT_CHAT;
	request->content_type = "application/json";
	reco_buffer_puts(&request->target, "/chat/completions");
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

	if (call->operation == RECO_OP_PROBE)
	{
		/* Some local servers have no list of models, but they are there. */
		if (good != NULL && lacks_model(good, call->options->model))
			reco_model_end(split, RECO_OUTCOME_REJECTED, false,
						   "model \"%.80s\" is not among those that the server lists",
						   call->options->model);
		else if (good != NULL || response->status == 404 || response->status == 405)
			reco_model_alive(call, NULL, split);
	}
	else if (good != NULL)
		read_completion(call, good, split);
	else if (response->status == 400 || response->status == 422)
		learn(&error, request, split);
	json_decref(root);
}

/* Is there a list of models, and the model not in it? */
static bool
lacks_model(const json_t *root, const char *model)
{
	json_t	   *list = reco_json_array(root, "data");
	bool		any = false;
	size_t		i;
	json_t	   *item;

	if (model == NULL || model[0] == '\0')
		return false;
	json_array_foreach(list, i, item)
	{
		const char *id = reco_json_string(item, "id");
		const char *owner = reco_json_string(item, "owned_by");

		/* a server of one model takes whatever name it is called by */
		if ((id != NULL && is_listed_as(model, id)) ||
			(owner != NULL && strcmp(owner, "llamacpp") == 0))
			return false;
		any |= id != NULL;
	}
	return any;
}

/* Does a list mean a model by an id: its name, a tag or a folder apart? */
static bool
is_listed_as(const char *model, const char *id)
{
	size_t		len = strlen(model);

	/* Ollama lists "name:latest", OpenRouter not the variants, Gemini "models/name" */
	if (begins(id, "models/") && !begins(model, "models/"))
		id += strlen("models/");
	if (begins(id, model))
		return id[len] == '\0' || strcmp(id + len, ":latest") == 0;
	return begins(model, id) && model[strlen(id)] == ':';
}

static void
put_body(const RecoCompletion *completion, const RecoCall *call, RecoBuffer *out)
{
	uint32_t	dropped = call->capabilities == NULL ? 0 : call->capabilities->dropped;
	int format =
		call->capabilities == NULL ? FORMAT_SCHEMA : call->capabilities->response_format;
	bool		with_schema = completion->schema != NULL && format != FORMAT_SCHEMA;

	reco_buffer_putc(out, '{');
	if (!(dropped & DROPPED_MAX_COMPLETION_TOKENS))
		reco_json_put_real(out, "max_completion_tokens", completion->max_tokens);
	else if (!(dropped & DROPPED_MAX_TOKENS))
		reco_json_put_real(out, "max_tokens", completion->max_tokens);
	if (completion->schema != NULL)
		put_format(completion->schema, format, out);
	if (call->options->model != NULL && call->options->model[0] != '\0')
		reco_json_put_member(out, "model", call->options->model);
	reco_json_put_name(out, "messages");
	reco_buffer_putc(out, '[');
	if (completion->system != NULL || with_schema)
	{
		put_system(completion, with_schema, out);
		reco_buffer_putc(out, ',');
	}
	put_message(out, "user", completion->prompt);
	reco_buffer_puts(out, "]}");
}

/* Writes in which form the answer is wanted. */
static void
put_format(const json_t *schema, int format, RecoBuffer *out)
{
	if (format == FORMAT_SCHEMA)
	{
		reco_json_put_name(out, "response_format");
		reco_buffer_puts(out, "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"reco\"");
		reco_json_put_name(out, "strict");
		reco_buffer_puts(out, fits_strict(schema) ? "true" : "false");
		reco_json_put_name(out, "schema");
		reco_json_put_value(out, schema);
		reco_buffer_puts(out, "}}");
	}
	else if (format == FORMAT_OBJECT)
	{
		reco_json_put_name(out, "response_format");
		reco_buffer_puts(out, "{\"type\":\"json_object\"}");
	}
}

static void
put_message(RecoBuffer *out, const char *role, const char *content)
{
	reco_buffer_putc(out, '{');
	reco_json_put_member(out, "role", role);
	reco_json_put_member(out, "content", content);
	reco_buffer_putc(out, '}');
}

/* Writes the system message; the schema goes there where nothing else takes it. */
static void
put_system(const RecoCompletion *completion, bool with_schema, RecoBuffer *out)
{
	RecoBuffer	text;

	reco_buffer_init(&text, 0);
	if (completion->system != NULL)
		reco_buffer_puts(&text, completion->system);
	if (with_schema)
	{
		if (text.len > 0)
			reco_buffer_puts(&text, "\n\n");
		reco_buffer_puts(&text, "Answer with one JSON value and nothing else. It fits "
								"this JSON schema: ");
		reco_json_put_value(&text, completion->schema);
	}
	if (text.failed)
		out->failed = true;
	else
		put_message(out, "system", text.data);
	reco_buffer_free(&text, false);
}

/*
 * Says whether a schema may be sent as strict: in every object all properties are
 * required and there are no others; without what strict schemas do not know.
 */
static bool
fits_strict(const json_t *schema)
{
	static const char *const unknown[] = {"allOf", "oneOf", "not", "if",
										  "patternProperties", "prefixItems"};
	static const char *const maps[] = {"properties", "$defs", "definitions"};
	json_t	   *member;
	const char *name;
	size_t		i;

	if (!json_is_object(schema) || !closes_object(schema))
		return false;
	for (size_t u = 0; u < sizeof(unknown) / sizeof(unknown[0]); u++)
		if (reco_json_get(schema, unknown[u]) != NULL)
			return false;
	for (size_t m = 0; m < sizeof(maps) / sizeof(maps[0]); m++)
		json_object_foreach(reco_json_get(schema, maps[m]), name, member)
		{
			if (!fits_strict(member))
				return false;
		}
	json_array_foreach(reco_json_array(schema, "anyOf"), i, member)
	{
		if (!fits_strict(member))
			return false;
	}
	member = reco_json_get(schema, "items");
	return member == NULL || fits_strict(member);
}

/* Says whether an object's properties are all required and all there are. */
static bool
closes_object(const json_t *schema)
{
	json_t	   *type = reco_json_get(schema, "type");
	json_t	   *properties = reco_json_get(schema, "properties");
	json_t	   *required = reco_json_array(schema, "required");
	bool		is_object = properties != NULL;
	json_t	   *member;
	const char *name;
	size_t		i;

	if (json_is_string(type) && strcmp(json_string_value(type), "object") == 0)
		is_object = true;
	json_array_foreach(type, i, member)
	{
		if (json_is_string(member) && strcmp(json_string_value(member), "object") == 0)
			is_object = true;
	}
	if (!is_object)
		return true;
	if (!json_is_false(reco_json_get(schema, "additionalProperties")))
		return false;
	json_object_foreach(properties, name, member)
	{
		bool		found = false;
		json_t	   *one;

		json_array_foreach(required, i, one)
		{
			found |= json_is_string(one) && strcmp(json_string_value(one), name) == 0;
		}
		if (!found)
			return false;
	}
	return true;
}

/* Learns from a 400 which parameter not to send, if it is about one of ours. */
static void
learn(const RecoModelError *error, const RecoHttpRequest *request, RecoSplit *split)
{
	const char *body = request->body.data;

	if (split->outcome != RECO_OUTCOME_REJECTED || body == NULL)
		return;
	split->other_way =
		learn_tokens(error, body, split) || learn_format(error, body, split);
}

/* Steps down from a schema to any object, and from that to plain text. */
static bool
learn_format(const RecoModelError *error, const char *body, RecoSplit *split)
{
	const char *at = begins(body, "{\"max_") ? strchr(body, ',') : body;
	int			sent = FORMAT_NONE;

	if (at != NULL && begins(at + 1, "\"response_format\":{\"type\":\"json_schema\""))
		sent = FORMAT_SCHEMA;
	else if (at != NULL &&
			 begins(at + 1, "\"response_format\":{\"type\":\"json_object\""))
		sent = FORMAT_OBJECT;
	if (sent == FORMAT_NONE ||
		!(is_about(error, "response_format") || is_about(error, "response format") ||
		  is_about(error, "json_schema") || is_about(error, "json_object") ||
		  is_about(error, "structured output")))
		return false;
	if (split->capabilities.response_format <= sent)
		split->capabilities.response_format = sent + 1;
	return true;
}

/* Swaps max_completion_tokens for max_tokens, and drops that too. A number that is
 * too large is the key's fault, not the parameter's. */
static bool
learn_tokens(const RecoModelError *error, const char *body, RecoSplit *split)
{
	uint32_t	sent = begins(body, "{\"max_completion_tokens\":") ? DROPPED_MAX_COMPLETION_TOKENS
		: begins(body, "{\"max_tokens\":") ? DROPPED_MAX_TOKENS
										   : 0;

	if (sent == 0 || reco_model_error_says(error, "too large") ||
		reco_model_error_says(error, "context") ||
		!(is_about(error, "max_tokens") || is_about(error, "max_completion_tokens")))
		return false;
	split->capabilities.dropped |= sent;
	return true;
}

static bool
begins(const char *text, const char *beginning)
{
	return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* Does an error name a parameter, as such or in its words? */
static bool
is_about(const RecoModelError *error, const char *word)
{
	return (error->param != NULL && strstr(error->param, word) != NULL) ||
		reco_model_error_says(error, word);
}

/* Reads what the first choice says, or why it says nothing. */
static void
read_completion(const RecoCall *call, json_t *root, RecoSplit *split)
{
	const json_t *choice = json_array_get(reco_json_array(root, "choices"), 0);
	const json_t *usage = reco_json_get(root, "usage");
	double		prompt_tokens = NAN;
	double		written = NAN;
	RecoCompletion completion;
	bool		want_json;
	RecoBuffer	text;

	if (is_failed_choice(call, choice, split))
		return;
	want_json =
		reco_completion_read(call->keys[0], &completion) && completion.schema != NULL;
	reco_completion_free(&completion);
	reco_json_number(usage, "prompt_tokens", &prompt_tokens);
	reco_json_number(usage, "completion_tokens", &written);
	reco_buffer_init(&text, 0);
	read_text(reco_json_get(reco_json_get(choice, "message"), "content"), &text);
	drop_thinking(&text, want_json);
	if (text.len == 0 && !text.failed)
	{
		const char *finish = reco_json_string(choice, "finish_reason");

		reco_model_end(split, RECO_OUTCOME_MALFORMED, true, "the model wrote nothing (%s)",
					   finish == NULL ? "no reason" : finish);
	}
	else
		reco_model_answer(call, want_json, &text, reco_json_string(root, "model"),
						  prompt_tokens, written, split);
	reco_buffer_free(&text, false);
}

/* Is a choice none, an error, a refusal, or cut? Then says so. */
static bool
is_failed_choice(const RecoCall *call, const json_t *choice, RecoSplit *split)
{
	const char *finish = reco_json_string(choice, "finish_reason");
	const char *refusal = reco_json_string(reco_json_get(choice, "message"), "refusal");
	RecoModelError error;
	RecoHttpResponse none = {.status = 200, .retry_after_ms = -1, .body = ""};

	if (!json_is_object(choice))
		reco_model_end(split, RECO_OUTCOME_MALFORMED, true, "the answer has no choice");
	else if (reco_model_error_read(choice, &error))
		reco_model_fail(&error, none.status, call, &none, split);
	else if (finish != NULL && strcmp(finish, "error") == 0)
		reco_model_end(split, RECO_OUTCOME_UNAVAILABLE, true,
					   "the model's host failed and gave no reason");
	else if (refusal != NULL)
		reco_model_end(split, RECO_OUTCOME_REFUSED, false, "%s", refusal);
	else if (finish != NULL && begins(finish, "content_filter"))
		reco_model_end(split, RECO_OUTCOME_REFUSED, false, "the model refuses: %s", finish);
	else if (finish != NULL && strcmp(finish, "length") == 0)
		reco_model_end(split, RECO_OUTCOME_MALFORMED, false,
					   "the model reached max_tokens before its end");
	else
		return false;
	return true;
}

/* Reads a message's content: a string, or parts of which some may be reasoning. */
static void
read_text(const json_t *content, RecoBuffer *text)
{
	size_t		i;
	json_t	   *part;

	if (json_is_string(content))
		reco_buffer_puts(text, json_string_value(content));
	json_array_foreach(content, i, part)
	{
		const char *type = reco_json_string(part, "type");
		const char *piece = reco_json_string(part, "text");

		if (piece != NULL && (type == NULL || strcmp(type, "text") == 0))
			reco_buffer_puts(text, piece);
	}
}

/*
 * Drops reasoning that a server left in the text, <think>...</think>, and blanks. Some
 * templates open it themselves, so only its end is seen; that is looked for where
 * JSON is wanted and something else comes first.
 */
static void
drop_thinking(RecoBuffer *text, bool want_json)
{
	size_t		from = text->len == 0 ? 0 : strspn(text->data, " \t\r\n");
	const char *end;

	if (text->len == 0)
		return;
	if (begins(text->data + from, "<think>") ||
		(want_json && text->data[from] != '\0' && strchr("{[`", text->data[from]) == NULL))
	{
		end = strstr(text->data + from, "</think>");
		if (end != NULL)
			from = (size_t) (end - text->data) + strlen("</think>");
		else if (begins(text->data + from, "<think>"))
			from = text->len;
	}
	from += strspn(text->data + from, " \t\r\n");
	memmove(text->data, text->data + from, text->len - from + 1);
	text->len -= from;
}
