/*-------------------------------------------------------------------------
 *
 * service.c
 *	  The services: tables, checks of keys, the way to the adapters.
 *
 * Purpose: see service.h.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	let an adapter's slip through: answers that are not as many as the
 *			keys, or fresh without a value, are malformed.
 *
 *-------------------------------------------------------------------------
 */
#include "service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "completion.h"
#include "message.h"
#include "reccobeats.h"
#include "spotify.h"
#include "utf8.h"

#define LONGEST_QUERY	1000	/* bytes of a search */
#define BODY_MAX		((size_t) 1024 * 1024)	/* of what is sent */

#define SECONDS			1000	/* in ms */
#define WINDOW(s)	  ((int64_t) (s) *1000000)

typedef struct OperationTraits
{
	const char *name;
	unsigned	services;		/* bit per service */
	bool		of_listener;
	int			batch;			/* most keys a call */
} OperationTraits;

#define OF(service)		(1u << (service))
#define MODELS			(OF(RECO_GEMINI) | OF(RECO_OPENAI))
#define EVERY			((1u << RECO_NSERVICES) - 1)

static const OperationTraits operations[RECO_NOPERATIONS] = {
	[RECO_OP_SEARCH] = {"search", OF(RECO_SPOTIFY), false, 1},
	[RECO_OP_TOP_TRACKS] = {"top_tracks", OF(RECO_SPOTIFY), true, 1},
	[RECO_OP_TOP_ARTISTS] = {"top_artists", OF(RECO_SPOTIFY), true, 1},
	[RECO_OP_TRACKS] = {"tracks", OF(RECO_SPOTIFY), false, RECO_SPOTIFY_BATCH_MAX},
	[RECO_OP_ARTISTS] = {"artists", OF(RECO_SPOTIFY), false, RECO_SPOTIFY_BATCH_MAX},
	[RECO_OP_ARTIST_TRACKS] = {"artist_tracks", OF(RECO_SPOTIFY), false, 1},
	[RECO_OP_IDS] = {"ids", OF(RECO_RECCOBEATS), false, RECO_RECCOBEATS_BATCH_MAX},
	[RECO_OP_FEATURES] = {"features", OF(RECO_RECCOBEATS), false, RECO_RECCOBEATS_BATCH_MAX},
	[RECO_OP_RECOMMENDATION] = {"recommendation", OF(RECO_RECCOBEATS), false, 1},
	[RECO_OP_RB_ARTIST_TRACKS] = {"rb_artist_tracks", OF(RECO_RECCOBEATS), false, 1},
	[RECO_OP_COMPLETION] = {"completion", MODELS, false, 1},
	[RECO_OP_PROBE] = {"probe", EVERY, false, 1},
};

static const char *const service_names[RECO_NSERVICES] = {
	[RECO_SPOTIFY] = "spotify",
	[RECO_RECCOBEATS] = "reccobeats",
	[RECO_GEMINI] = "gemini",
	[RECO_OPENAI] = "openai",
};

static const RecoAdapter *const adapters[RECO_NSERVICES] = {
	[RECO_SPOTIFY] = &reco_adapter_spotify,
	[RECO_RECCOBEATS] = &reco_adapter_reccobeats,
	[RECO_GEMINI] = &reco_adapter_gemini,
	[RECO_OPENAI] = &reco_adapter_openai,
};

/*
 * Rates are what clients get along with; no service but Spotify's window of 30 s
 * publishes one. ReccoBeats answers look-ups fast and recommendations in up to a
 * minute: one attempt may take as long as the slower of the two, the deadline of
 * whoever asks bounds the other. A quota is Spotify's only, for development apps.
 */
static const RecoOptions defaults[RECO_NSERVICES] = {
	[RECO_SPOTIFY] = {
		.service = RECO_SPOTIFY, .base_url = "https://api.spotify.com/v1",
		.accounts_url = "https://accounts.spotify.com",
		.rate_count = 90, .rate_window_us = WINDOW(30), .max_concurrency = 8,
		.connect_timeout_ms = 5 * SECONDS, .timeout_ms = 15 * SECONDS,
		.deadline_ms = 30 * SECONDS, .daily_quota = 500
	},
	[RECO_RECCOBEATS] = {
		.service = RECO_RECCOBEATS, .base_url = "https://api.reccobeats.com/v1",
		.rate_count = 60, .rate_window_us = WINDOW(30), .max_concurrency = 4,
		.connect_timeout_ms = 5 * SECONDS, .timeout_ms = 60 * SECONDS,
		.deadline_ms = 90 * SECONDS
	},
	[RECO_GEMINI] = {
		.service = RECO_GEMINI,
		.base_url = "https://generativelanguage.googleapis.com/v1beta",
		.rate_count = 15, .rate_window_us = WINDOW(60), .max_concurrency = 4,
		.connect_timeout_ms = 5 * SECONDS, .timeout_ms = 45 * SECONDS,
		.deadline_ms = 90 * SECONDS, .model = "gemini-3.6-flash"
	},
	[RECO_OPENAI] = {
		.service = RECO_OPENAI, .base_url = "https://api.openai.com/v1",
		.rate_count = 15, .rate_window_us = WINDOW(60), .max_concurrency = 4,
		.connect_timeout_ms = 5 * SECONDS, .timeout_ms = 45 * SECONDS,
		.deadline_ms = 90 * SECONDS, .model = "gpt-5-mini"
	},
};

static int index_of(const char *name, const char *(*nth)(int), int n);
static const char *nth_service(int i);
static const char *nth_operation(int i);
static bool is_query(const char *key);
static bool is_time_range(const char *key);
static bool is_artist_key(const char *key);
static bool is_prompt(const char *key);
static void check_answers(const RecoCall *call, RecoSplit *split);
static void free_answers(RecoSplit *split);
static void end_call(RecoSplit *split, RecoOutcome outcome, bool retry);
static bool is_page(const RecoHttpResponse *response);

/* Fills in the defaults. */
void
reco_service_defaults(RecoService service, RecoOptions *options)
{
	*options = defaults[service];
}

const char *
reco_service_name(RecoService service)
{
	return service_names[service];
}

int
reco_service_of(const char *name)
{
	return index_of(name, nth_service, RECO_NSERVICES);
}

const char *
reco_operation_name(RecoOperation operation)
{
	return operations[operation].name;
}

int
reco_operation_of(const char *name)
{
	return index_of(name, nth_operation, RECO_NOPERATIONS);
}

/* Tells whether a service can be asked that. */
bool
reco_service_has(RecoService service, RecoOperation operation)
{
	return (operations[operation].services & OF(service)) != 0;
}

/* Names an endpoint. */
const char *
reco_endpoint_name(RecoService service, int endpoint)
{
	if (endpoint < 0 || endpoint >= adapters[service]->nendpoints)
		return NULL;
	return adapters[service]->endpoints[endpoint];
}

int
reco_service_endpoints(RecoService service)
{
	return adapters[service]->nendpoints;
}

bool
reco_operation_is_listeners(RecoOperation operation)
{
	return operations[operation].of_listener;
}

size_t
reco_operation_key_len(RecoOperation operation, const char *key)
{
	return operation == RECO_OP_ARTIST_TRACKS ? strcspn(key, " ") : strlen(key);
}

/* Judges a key before it costs a call, or spoils a batch. */
bool
reco_operation_check(RecoOperation operation, const char *key, const char **why)
{
	size_t		len = strlen(key);

	*why = NULL;
	switch (operation)
	{
		case RECO_OP_SEARCH:
			*why = is_query(key) ? NULL : "a query is text of at most 1000 bytes, not blank";
			break;
		case RECO_OP_TOP_TRACKS:
		case RECO_OP_TOP_ARTISTS:
			*why = is_time_range(key)
				? NULL
				: "a time range is short_term, medium_term or long_term";
			break;
		case RECO_OP_TRACKS:
		case RECO_OP_ARTISTS:
			*why = reco_is_spotify_id(key, len)
				? NULL
				: "a Spotify id has 22 letters and digits";
			break;
		case RECO_OP_ARTIST_TRACKS:
			*why = is_artist_key(key)
				? NULL
				: "the key is a Spotify id of 22 letters and digits, or that and a name";
			break;
		case RECO_OP_IDS:
			*why = reco_is_spotify_id(key, len) || reco_is_isrc(key, len)
				? NULL
				: "the key is a Spotify id of 22 letters and digits, or an ISRC";
			break;
		case RECO_OP_FEATURES:
			*why = reco_is_spotify_id(key, len) || reco_is_uuid(key, len) ||
					reco_is_isrc(key, len)
				? NULL
				: "the key is a Spotify id of 22 letters and digits, a UUID, or an ISRC";
			break;
		case RECO_OP_RECOMMENDATION:
			return reco_reccobeats_check(key, why);
		case RECO_OP_RB_ARTIST_TRACKS:
			*why = reco_is_uuid(key, len) ? NULL : "the key is a UUID";
			break;
		case RECO_OP_COMPLETION:
			*why = is_prompt(key) ? NULL : "the key is a prompt, or an object with one";
			break;
		default:
			*why = len == 0 ? NULL : "a probe has no key";
			break;
	}
	return *why == NULL;
}

/* Letters and digits, as they encode 128 bits. */
bool
reco_is_spotify_id(const char *text, size_t len)
{
	for (size_t i = 0; len == 22 && i < len; i++)
		if (!((text[i] >= '0' && text[i] <= '9') ||
			  ((text[i] | 32) >= 'a' && (text[i] | 32) <= 'z')))
			return false;
	return len == 22;
}

/* A UUID as it is usually written, in any case. */
bool
reco_is_uuid(const char *text, size_t len)
{
	for (size_t i = 0; len == 36 && i < len; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23
				? text[i] != '-'
				: !((text[i] >= '0' && text[i] <= '9') ||
					((text[i] | 32) >= 'a' && (text[i] | 32) <= 'f')))
			return false;
	return len == 36;
}

/* Two letters, three letters or digits, seven digits. */
bool
reco_is_isrc(const char *text, size_t len)
{
	for (size_t i = 0; len == 12 && i < len; i++)
	{
		bool		letter = (text[i] | 32) >= 'a' && (text[i] | 32) <= 'z';
		bool		digit = text[i] >= '0' && text[i] <= '9';

		if (!(letter && i < 5) && !(digit && i >= 2))
			return false;
	}
	return len == 12;
}

/* How many keys go together: what the service takes, what the app may, what is set. */
int
reco_service_batch_max(RecoService service, RecoOperation operation,
					   const RecoOptions *options, const RecoCapabilities *capabilities)
{
	int			most = operations[operation].batch;

	if (service == RECO_SPOTIFY && most > 1)
	{
		int endpoint =
			operation == RECO_OP_TRACKS ? RECO_SPOTIFY_TRACKS : RECO_SPOTIFY_ARTISTS;

		if (reco_spotify_is_development(options, capabilities) ||
			(capabilities &&
			 ((capabilities->refused | capabilities->exhausted) >> endpoint & 1)))
			most = 1;
	}
	return options->batch_max > 0 && options->batch_max < most ? options->batch_max
															   : most;
}

void
reco_http_request_free(RecoHttpRequest *request)
{
	reco_buffer_free(&request->target, true);
	reco_buffer_free(&request->body, true);
}

/* Builds a request; a failure leaves nothing to free. */
bool
reco_service_build(const RecoCall *call, RecoHttpRequest *request)
{
	memset(request, 0, sizeof(*request));
	reco_buffer_init(&request->target, BODY_MAX);
	reco_buffer_init(&request->body, BODY_MAX);
	if (adapters[call->options->service]->build(call, request) &&
		!request->target.failed && !request->body.failed)
		return true;
	reco_http_request_free(request);
	return false;
}

/* Reads an answer. */
void
reco_service_split(const RecoCall *call, const RecoHttpRequest *request,
				   const RecoHttpResponse *response, RecoSplit *split)
{
	memset(split, 0, sizeof(*split));
	split->retry_after_ms = -1;
	if (call->capabilities)
		split->capabilities = *call->capabilities;
	adapters[call->options->service]->split(call, request, response, split);
	check_answers(call, split);
}

void
reco_split_free(RecoSplit *split)
{
	free_answers(split);
}

/* Makes room for the answers. */
bool
reco_split_prepare(RecoSplit *split, int nanswers)
{
	free_answers(split);
	split->answers =
		calloc((size_t) (nanswers > 0 ? nanswers : 1), sizeof(RecoKeyAnswer));
	if (!split->answers)
	{
		end_call(split, RECO_OUTCOME_BUSY, false);
		snprintf(split->message, sizeof(split->message), "out of memory");
		return false;
	}
	split->outcome = RECO_OUTCOME_FRESH;
	split->nanswers = nanswers;
	for (int i = 0; i < nanswers; i++)
		split->answers[i].outcome = RECO_OUTCOME_ABSENT;
	return true;
}

/*
 * Decides what all services agree on. A 2xx without a body and 4xx other than 408
 * and 429 are the adapter's; the message of the latter is filled in.
 */
bool
reco_split_by_status(const RecoHttpResponse *response, RecoSplit *split)
{
	int			status = response->status;
	bool		good = status >= 200 && status < 300;

	split->message[0] = '\0';
	if (!good || is_page(response))
		reco_message_of_body(split->message, sizeof(split->message), response);
	if (good && response->truncated)
	{
		end_call(split, RECO_OUTCOME_MALFORMED, false);
		split->truncated = true;
		snprintf(split->message, sizeof(split->message), "the answer is cut short");
		return true;
	}
	if (good && is_page(response))
		end_call(split, RECO_OUTCOME_UNAVAILABLE, true);
	else if (good)
		return false;
	else if (status == 429)
	{
		end_call(split, RECO_OUTCOME_LIMITED, false);
		split->retry_after_ms = response->retry_after_ms;
	}
	else if (status == 408 || status >= 500 || status < 200)
	{
		end_call(split, RECO_OUTCOME_UNAVAILABLE, true);
		split->retry_after_ms = response->retry_after_ms;
	}
	else if (status < 400)
	{
		end_call(split, RECO_OUTCOME_UNAVAILABLE, false);
		if (!split->message[0])
			snprintf(split->message, sizeof(split->message),
					 "the service redirects elsewhere (%d)", status);
	}
	else
		return false;
	return true;
}

/* Wipes and frees a token. */
void
reco_token_free(RecoToken *token)
{
	if (token->access_token)
		reco_wipe(token->access_token, strlen(token->access_token));
	if (token->refresh_token)
		reco_wipe(token->refresh_token, strlen(token->refresh_token));
	free(token->access_token);
	free(token->refresh_token);
	token->access_token = NULL;
	token->refresh_token = NULL;
}

static int
index_of(const char *name, const char *(*nth)(int), int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(name, nth(i)) == 0)
			return i;
	return -1;
}

static const char *
nth_service(int i)
{
	return service_names[i];
}

static const char *
nth_operation(int i)
{
	return operations[i].name;
}

/* Text that is not blank and not endless. */
static bool
is_query(const char *key)
{
	size_t		len = strlen(key);

	if (len > LONGEST_QUERY || key[strspn(key, " \t\r\n")] == '\0')
		return false;
	for (size_t i = 0; i < len;)
	{
		int			n = reco_utf8_char(key + i, len - i);

		if (n == 0)
			return false;
		i += (size_t) n;
	}
	return true;
}

static bool
is_time_range(const char *key)
{
	return strcmp(key, "short_term") == 0 || strcmp(key, "medium_term") == 0 ||
		strcmp(key, "long_term") == 0;
}

/* An id, or an id, a blank and a name. */
static bool
is_artist_key(const char *key)
{
	size_t		len = reco_operation_key_len(RECO_OP_ARTIST_TRACKS, key);

	return reco_is_spotify_id(key, len) && (key[len] == '\0' || is_query(key + len));
}

static bool
is_prompt(const char *key)
{
	RecoCompletion completion;

	if (!reco_completion_read(key, &completion))
		return false;
	reco_completion_free(&completion);
	return true;
}

/* Makes sure that a split keeps its promises. */
static void
check_answers(const RecoCall *call, RecoSplit *split)
{
	if (split->outcome != RECO_OUTCOME_FRESH)
	{
		free_answers(split);
		return;
	}
	if (split->nanswers != call->nkeys)
	{
		free_answers(split);
		end_call(split, RECO_OUTCOME_MALFORMED, false);
		return;
	}
	for (int i = 0; i < split->nanswers; i++)
		if (split->answers[i].outcome == RECO_OUTCOME_FRESH && !split->answers[i].value)
			split->answers[i].outcome = RECO_OUTCOME_MALFORMED;
}

static void
free_answers(RecoSplit *split)
{
	for (int i = 0; i < split->nanswers; i++)
		free(split->answers[i].value);
	free(split->answers);
	split->answers = NULL;
	split->nanswers = 0;
}

/* Writes down how a call ended. */
static void
end_call(RecoSplit *split, RecoOutcome outcome, bool retry)
{
	split->outcome = outcome;
	split->retry = retry;
}

/*
 * Something for people to read where JSON was expected. JSON that is merely called
 * text is let through; a page that is called JSON is not.
 */
static bool
is_page(const RecoHttpResponse *response)
{
	const char *body = response->body;
	const char *end = body + response->body_len;

	if (end - body >= 3 && memcmp(body, "\xEF\xBB\xBF", 3) == 0)
		body += 3;
	while (body < end && (*body == ' ' || (*body >= '\t' && *body <= '\r')))
		body++;
	if (body == end)
		return false;
	if (response->content == RECO_CONTENT_HTML || *body == '<')
		return true;
	return response->content == RECO_CONTENT_TEXT && *body != '{' && *body != '[';
}
