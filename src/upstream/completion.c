/*-------------------------------------------------------------------------
 *
 * completion.c
 *	  A question to a language model, whoever runs it.
 *
 * Purpose: see completion.h.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	pass on what a model wrote as JSON without having parsed it.
 *
 *-------------------------------------------------------------------------
 */
#include "completion.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Most tokens that a key may ask for; more is a slip. */
#define MAX_MAX_TOKENS	65536

/* A part of a text. */
typedef struct Span
{
	const char *at;
	size_t		len;
} Span;

static bool is_space(char c);
static Span trim(Span span);
static json_t *find_json(Span whole, bool anywhere, Span *found);
static bool write_value(Span text, const json_t *parsed, const char *model,
						double prompt_tokens, double completion_tokens, RecoBuffer *out);

/* Reads a key: a JSON object, or else the prompt itself. */
bool
reco_completion_read(const char *key, RecoCompletion *completion)
{
	json_t	   *schema;
	double		max_tokens;

	memset(completion, 0, sizeof(*completion));
	completion->max_tokens = RECO_COMPLETION_MAX_TOKENS;
	completion->parsed = reco_json_parse(key, strlen(key));
	if (!json_is_object(completion->parsed))
	{
		reco_completion_free(completion);
		completion->prompt = key;
	}
	else
	{
		completion->prompt = reco_json_string(completion->parsed, "prompt");
		completion->system = reco_json_string(completion->parsed, "system");
		schema = reco_json_get(completion->parsed, "schema");
		if (json_is_object(schema))
			completion->schema = schema;
		if (reco_json_number(completion->parsed, "max_tokens", &max_tokens) &&
			max_tokens >= 1)
			completion->max_tokens = (int) fmin(max_tokens, MAX_MAX_TOKENS);
	}
	if (completion->prompt != NULL &&
		trim((Span){completion->prompt, strlen(completion->prompt)}).len > 0)
		return true;
	reco_completion_free(completion);
	completion->prompt = NULL;
	return false;
}

/* Frees what a key was read into; its strings are gone with it. */
void
reco_completion_free(RecoCompletion *completion)
{
	json_decref(completion->parsed);
	completion->parsed = NULL;
	completion->system = NULL;
	completion->schema = NULL;
}

/*
 * Writes the value. Where JSON is wanted, words around it are forgiven: that is
 * how models without a JSON mode answer. False also when memory is short.
 */
bool
reco_completion_value(const char *text, size_t len, bool want_json, const char *model,
					  double prompt_tokens, double completion_tokens, char **value,
					  size_t *value_len)
{
	Span whole = trim((Span){text, len});
	Span		found = whole;
	json_t	   *parsed = find_json(whole, want_json, &found);
	RecoBuffer	out;
	bool		good;

	*value = NULL;
	*value_len = 0;
	if (parsed == NULL && want_json)
		return false;
	reco_buffer_init(&out, 0);
	good = write_value(found, parsed, model, prompt_tokens, completion_tokens, &out);
	json_decref(parsed);
	if (!good)
	{
		reco_buffer_free(&out, false);
		return false;
	}
	*value = out.data;
	*value_len = out.len;
	return true;
}

static bool
write_value(Span text, const json_t *parsed, const char *model, double prompt_tokens,
			double completion_tokens, RecoBuffer *out)
{
	RecoBuffer	copy;			/* ends with NUL, as the writer wants it */

	reco_buffer_init(&copy, 0);
	if (!reco_buffer_add(&copy, text.at, text.len) || !reco_buffer_putc(&copy, '\0'))
	{
		reco_buffer_free(&copy, false);
		return false;
	}
	reco_buffer_putc(out, '{');
	reco_json_put_member(out, "text", copy.data);
	reco_buffer_free(&copy, false);
	if (parsed != NULL)
	{
		reco_json_put_name(out, "json");
		reco_json_put_value(out, parsed);
	}
	if (model != NULL && model[0] != '\0')
		reco_json_put_member(out, "model", model);
	if (isfinite(prompt_tokens) && prompt_tokens >= 0)
		reco_json_put_real(out, "prompt_tokens", prompt_tokens);
	if (isfinite(completion_tokens) && completion_tokens >= 0)
		reco_json_put_real(out, "completion_tokens", completion_tokens);
	reco_buffer_putc(out, '}');
	return !out->failed;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The part without white space around it. */
static Span
trim(Span span)
{
	while (span.len > 0 && is_space(span.at[0]))
	{
		span.at++;
		span.len--;
	}
	while (span.len > 0 && is_space(span.at[span.len - 1]))
		span.len--;
	return span;
}

/* Where three backquotes stand, at or after 'from'; the length if nowhere. */
static size_t
find_fence(Span span, size_t from)
{
	for (size_t i = from; i + 3 <= span.len; i++)
		if (memcmp(span.at + i, "```", 3) == 0)
			return i;
	return span.len;
}

/*
 * Finds what stands between fences, the first being at 'open'. A word behind the
 * opening one names the language. The closing one may be missing.
 */
static Span
inside_fence(Span span, size_t open, size_t *close)
{
	size_t		start = open + 3;

	while (start < span.len &&
		   (span.at[start] == '_' || span.at[start] == '-' ||
			(span.at[start] >= '0' && span.at[start] <= '9') ||
			(span.at[start] >= 'a' && span.at[start] <= 'z') ||
			(span.at[start] >= 'A' && span.at[start] <= 'Z')))
		start++;
	*close = find_fence(span, start);
	return trim((Span){span.at + start, *close - start});
}

/* From the first bracket to the last that could close it; empty if there is none. */
static Span
inside_brackets(Span span)
{
	size_t		start = 0;
	size_t		end = span.len;
	char		close;

	while (start < span.len && span.at[start] != '{' && span.at[start] != '[')
		start++;
	if (start == span.len)
		return (Span){span.at, 0};
	close = span.at[start] == '{' ? '}' : ']';
	while (end > start && span.at[end - 1] != close)
		end--;
	return (Span){span.at + start, end - start};
}

/*
 * Finds JSON: the whole, or all of it between fences; 'anywhere' also between
 * fences or brackets with other words around. 'found' gets the part that it is.
 */
static json_t *
find_json(Span whole, bool anywhere, Span *found)
{
	json_t	   *parsed = whole.len > 0 ? reco_json_parse(whole.at, whole.len) : NULL;
	size_t		open = find_fence(whole, 0);
	size_t		close;
	Span		part;

	if (parsed != NULL)
		return parsed;
	if (open < whole.len && (open == 0 || anywhere))
	{
		part = inside_fence(whole, open, &close);
		if (part.len > 0 && (anywhere || close + 3 >= whole.len))
			parsed = reco_json_parse(part.at, part.len);
	}
	if (parsed == NULL && anywhere)
	{
		part = inside_brackets(whole);
		if (part.len > 0)
			parsed = reco_json_parse(part.at, part.len);
	}
	if (parsed != NULL)
		*found = part;
	return parsed;
}
