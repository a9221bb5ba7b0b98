/*-------------------------------------------------------------------------
 *
 * model.c
 *	  What the answers of all language models have in common.
 *
 * Purpose: see model.h.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	take a 200 for a success before its error member was looked for.
 *
 *-------------------------------------------------------------------------
 */
#include "model.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "header.h"
#include "message.h"

/* A limit of more than this is none to wait for. */
#define SHORT_LIMIT_MS	((int64_t) 3600 * 1000)

static void read_details(json_t *details, RecoModelError *error);
static void read_loose(const json_t *object, RecoModelError *error);
static int64_t retry_in_words(const char *message);
static bool contains(const char *text, const char *word);
static int	status_of(const RecoModelError *error);
static bool names(const RecoModelError *error, const char *word);
static bool is_about_key(const RecoModelError *error);
static bool is_refusal(const RecoModelError *error);
static void fail_limited(const RecoModelError *error, const RecoHttpResponse *response,
						 const char *said, RecoSplit *split);
static bool is_blank(const RecoHttpResponse *response);

/*
 * Reads an error: {"error": {...}}, {"error": "words"}, the same in an array of one
 * (Gemini when it streams), or one without such a member (vLLM, FastAPI), which
 * only counts where the status says that there is an error.
 */
bool
reco_model_error_read(const json_t *root, RecoModelError *error)
{
	json_t	   *inner;

	memset(error, 0, sizeof(*error));
	error->retry_ms = -1;
	if (json_is_array(root))
		root = json_array_get(root, 0);
	inner = reco_json_get(root, "error");
	if (inner == NULL || json_is_false(inner))
	{
		const char *object = reco_json_string(root, "object");

		read_loose(root, error);
		return object != NULL && strcmp(object, "error") == 0;
	}
	if (json_is_object(inner))
		read_loose(inner, error);
	else
	{
		read_loose(root, error);
		if (json_is_string(inner) && json_string_length(inner) > 0)
			error->message = json_string_value(inner);
	}
	read_details(reco_json_array(inner, "details"), error);
	if (error->retry_ms < 0)
		error->retry_ms = retry_in_words(error->message);
	return true;
}

bool
reco_model_error_says(const RecoModelError *error, const char *word)
{
	return contains(error->message, word);
}

/* Writes down how a call ended, in the service's words or ours. */
void
reco_model_end(RecoSplit *split, RecoOutcome outcome, bool retry, const char *format, ...)
{
	char		text[4 * RECO_MESSAGE_SIZE];
	va_list		arguments;

	split->outcome = outcome;
	split->retry = retry;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	reco_message_clean(split->message, sizeof(split->message), text, strlen(text));
}

/* Writes down what an error means: a table of HTTP statuses, with exceptions. */
void
reco_model_fail(const RecoModelError *error, int status, const RecoCall *call,
				const RecoHttpResponse *response, RecoSplit *split)
{
	const char *model = call->options->model;
	const char *said = error->message;
	char		found[RECO_MESSAGE_SIZE];

	if (status < 400)
		status = status_of(error);
	if (said == NULL)
	{
		reco_message_of_body(found, sizeof(found), response);
		if (found[0] == '\0')
			snprintf(found, sizeof(found), "HTTP status %d without a reason", status);
		said = found;
	}
	split->retry_after_ms = -1;
	if (status == 429)
		fail_limited(error, response, said, split);
	else if (status == 402)
		reco_model_end(split, RECO_OUTCOME_QUOTA, false, "%s", said);
	else if (status == 404)
		reco_model_end(split, RECO_OUTCOME_REJECTED, false, "model \"%.80s\": %s",
					   model == NULL ? "" : model, said);
	else if (status == 408 || status == 409 || status >= 500)
	{
		split->retry_after_ms = response->retry_after_ms;
		reco_model_end(split, RECO_OUTCOME_UNAVAILABLE, true, "%s", said);
	}
	else if (status == 401 || is_about_key(error))
		reco_model_end(split, RECO_OUTCOME_UNAUTHORISED, false, "%s", said);
	else if (is_refusal(error))
		reco_model_end(split, RECO_OUTCOME_REFUSED, false, "%s", said);
	else
		reco_model_end(split, status == 403 ? RECO_OUTCOME_DENIED : RECO_OUTCOME_REJECTED,
					   false, "%s", said);
}

/* Opens an answer; see model.h. */
json_t *
reco_model_open(const RecoCall *call, const RecoHttpResponse *response, json_t **root,
				RecoModelError *error, RecoSplit *split)
{
	bool		good = response->status >= 200 && response->status < 300;

	*root = NULL;
	memset(error, 0, sizeof(*error));
	error->retry_ms = -1;
	if (good && is_blank(response))
	{
		split->truncated = true;
		reco_model_end(split, RECO_OUTCOME_MALFORMED, false, "the answer is empty");
		return NULL;
	}
	if (reco_split_by_status(response, split) && response->status < 400)
		return NULL;
	if (response->body_len > 0)
		*root = reco_json_parse(response->body, response->body_len);
	if (response->status >= 400)
	{
		reco_model_error_read(*root, error);
		reco_model_fail(error, response->status, call, response, split);
		return NULL;
	}
	if (*root == NULL)
	{
		split->truncated = true;
		reco_model_end(split, RECO_OUTCOME_MALFORMED, false, "the answer is no JSON");
	}
	else if (reco_model_error_read(*root, error))
		reco_model_fail(error, response->status, call, response, split);
	else
		return *root;
	return NULL;
}

/* Makes a text the answer of a completion. */
void
reco_model_answer(const RecoCall *call, bool want_json, const RecoBuffer *text,
				  const char *model, double prompt_tokens, double completion_tokens,
				  RecoSplit *split)
{
	char	   *value;
	size_t		len;

	if (text->failed)
	{
		reco_model_end(split, RECO_OUTCOME_BUSY, false, "out of memory");
		return;
	}
	if (!reco_completion_value(text->data, text->len, want_json,
							   model != NULL ? model : call->options->model,
							   prompt_tokens, completion_tokens, &value, &len))
	{
		if (want_json)
			reco_model_end(split, RECO_OUTCOME_MALFORMED, false,
						   "the model wrote no JSON: %.100s", text->data);
		else
			reco_model_end(split, RECO_OUTCOME_BUSY, false, "out of memory");
		return;
	}
	if (!reco_split_prepare(split, call->nkeys))
	{
		free(value);
		return;
	}
	reco_model_end(split, RECO_OUTCOME_FRESH, false, "%s", "");
	split->answers[0].outcome = RECO_OUTCOME_FRESH;
	split->answers[0].value = value;
	split->answers[0].value_len = len;
}

/* Makes "it answers" the answer of a probe. */
void
reco_model_alive(const RecoCall *call, const char *model, RecoSplit *split)
{
	RecoBuffer	out;

	reco_buffer_init(&out, 0);
	reco_buffer_puts(&out, "{\"ok\":true");
	if (model == NULL)
		model = call->options->model;
	if (model != NULL && model[0] != '\0')
		reco_json_put_member(&out, "model", model);
	reco_buffer_putc(&out, '}');
	if (out.failed || !reco_split_prepare(split, call->nkeys))
	{
		reco_buffer_free(&out, false);
		reco_model_end(split, RECO_OUTCOME_BUSY, false, "out of memory");
		return;
	}
	reco_model_end(split, RECO_OUTCOME_FRESH, false, "%s", "");
	split->endpoint_refused = split->app_refused = false;
	split->retry_after_ms = -1;
	split->answers[0].outcome = RECO_OUTCOME_FRESH;
	split->answers[0].value = out.data;
	split->answers[0].value_len = out.len;
}

/* Reads what stands in an error object, or beside one that is only words. */
static void
read_loose(const json_t *object, RecoModelError *error)
{
	json_t	   *detail = reco_json_get(object, "detail");
	json_t	   *message = reco_json_get(object, "message");
	json_t	   *location;

	error->message = reco_json_string(object, "message");
	error->param = reco_json_string(object, "param");
	error->status = reco_json_string(object, "status");
	error->type = reco_json_string(object, "type");
	error->code = reco_json_string(object, "code");
	if (!reco_json_number(object, "code", &error->number))
		error->number = 0;
	if (detail == NULL && json_is_object(message))
		detail = reco_json_get(message, "detail");
	if (json_is_string(detail) && error->message == NULL)
		error->message = json_string_value(detail);
	if (json_is_array(detail))
	{
		detail = json_array_get(detail, 0);
		if (error->message == NULL)
			error->message = reco_json_string(detail, "msg");
		location = reco_json_array(detail, "loc");
		if (json_array_size(location) > 0)
			error->param = json_string_value(
				json_array_get(location, json_array_size(location) - 1));
	}
}

/* Reads google.rpc's details: when to come back, which quota, why. */
static void
read_details(json_t *details, RecoModelError *error)
{
	size_t		i;
	json_t	   *detail;

	json_array_foreach(details, i, detail)
	{
		const char *delay = reco_json_string(detail, "retryDelay");
		const char *reason = reco_json_string(detail, "reason");
		json_t	   *violations = reco_json_array(detail, "violations");
		size_t		v;
		json_t	   *violation;

		if (delay != NULL)
			error->retry_ms = reco_duration_ms(delay);
		if (reason != NULL)
			error->reason = reason;
		json_array_foreach(violations, v, violation)
		{
			if (contains(reco_json_string(violation, "quotaId"), "PerDay"))
				error->per_day = true;
		}
	}
}

/* Finds "retry in 29.7s." or "try again in 1m26.4s." in a message; -1 = not there. */
static int64_t
retry_in_words(const char *message)
{
	const char *at = message == NULL ? NULL : strstr(message, "retry in ");
	char		token[32];
	size_t		len = 0;

	if (message != NULL && at == NULL)
	{
		at = strstr(message, "try again in ");
		if (at != NULL)
			at += strlen("try again in ");
	}
	else if (at != NULL)
		at += strlen("retry in ");
	if (at == NULL)
		return -1;
	while (len < sizeof(token) - 1 &&
		   (isdigit((unsigned char) at[len]) || (at[len] != '\0' && strchr(".hms", at[len]))))
		len++;
	while (len > 0 && at[len - 1] == '.')
		len--;

	/* A bare number could be of any unit. */
	if (len < 2 || isdigit((unsigned char) at[len - 1]))
		return -1;
	memcpy(token, at, len);
	token[len] = '\0';
	return reco_duration_ms(token);
}

/* Does a text, which may be NULL, contain a word? Case does not count. */
static bool
contains(const char *text, const char *word)
{
	size_t		len = strlen(word);

	for (; text != NULL && *text != '\0'; text++)
		if (strncasecmp(text, word, len) == 0)
			return true;
	return false;
}

/* The HTTP status that an error would have had, had it not come with a 200. */
static int
status_of(const RecoModelError *error)
{
	static const struct
	{
		const char *word;
		int			status;
	}			table[] = {
		{"rate_limit", 429},
		{"insufficient_quota", 429},
		{"RESOURCE_EXHAUSTED", 429},
		{"authentication", 401},
		{"UNAUTHENTICATED", 401},
		{"invalid_api_key", 401},
		{"permission", 403},
		{"not_found", 404},
		{"invalid_request", 400},
		{"INVALID_ARGUMENT", 400},
		{"context_length", 400},
		{"content_filter", 400},
	};

	if (error->number >= 400 && error->number < 600)
		return (int) error->number;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (names(error, table[i].word))
			return table[i].status;
	return 503;
}

/* Does one of the error's names contain a word? */
static bool
names(const RecoModelError *error, const char *word)
{
	return contains(error->status, word) || contains(error->type, word) ||
		contains(error->code, word) || contains(error->reason, word);
}

/* Is it the key that is refused? Google says so with 400 and 403. */
static bool
is_about_key(const RecoModelError *error)
{
	return reco_model_error_says(error, "api key") ||
		reco_model_error_says(error, "api_key") || names(error, "api_key") ||
		names(error, "PERMISSION_DENIED") || names(error, "authentication") ||
		names(error, "UNAUTHENTICATED");
}

/* Is it what was asked that is refused? Azure and OpenRouter say so with 4xx. */
static bool
is_refusal(const RecoModelError *error)
{
	return names(error, "content_filter") || names(error, "content_policy") ||
		names(error, "moderation") || reco_model_error_says(error, "was flagged");
}

/* Writes down a limit: of a minute or of a day, and until when. */
static void
fail_limited(const RecoModelError *error, const RecoHttpResponse *response,
			 const char *said, RecoSplit *split)
{
	int64_t		wait = error->retry_ms;
	bool		per_day = reco_model_error_says(error, "per-day") ||
		reco_model_error_says(error, "per day");
	bool no_credit = names(error, "insufficient_quota") || names(error, "billing");

	/* The day's quota comes back at a midnight that the delay knows nothing of. */
	if (error->per_day)
	{
		reco_model_end(split, RECO_OUTCOME_QUOTA, false, "limit per day: %s", said);
		return;
	}
	if (wait < 0)
		wait = response->retry_after_ms;
	if (wait > RECO_RETRY_AFTER_MAX_MS)
		wait = RECO_RETRY_AFTER_MAX_MS;

	/* headers tell of the rate, which has nothing to do with credit */
	if (no_credit && wait < SHORT_LIMIT_MS)
		wait = -1;
	split->retry_after_ms = wait < 0 ? -1 : wait;
	if (no_credit || (per_day && wait < 0) || wait > SHORT_LIMIT_MS)
		reco_model_end(split, RECO_OUTCOME_QUOTA, false, "%s", said);
	else
		reco_model_end(split, RECO_OUTCOME_LIMITED, false, "%s", said);
}

static bool
is_blank(const RecoHttpResponse *response)
{
	for (size_t i = 0; i < response->body_len; i++)
		if (!isspace((unsigned char) response->body[i]))
			return false;
	return true;
}
