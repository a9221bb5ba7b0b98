/*-------------------------------------------------------------------------
 *
 * spotify_token.c
 *	  Spotify's token endpoint.
 *
 * Purpose: ask for an app's or a listener's access token, and read the answer,
 *			whose errors have OAuth's shape and not the Web API's.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	put anything of a good answer into a message; take a token that could
 *			break out of a header.
 *
 *-------------------------------------------------------------------------
 */
#include "spotify_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

#define DEFAULT_SECONDS	3600
#define MOST_SECONDS	86400
#define MAX_TOKEN		(16 * 1024)

static void read_tokens(const json_t *root, RecoToken *token);
static void read_error(const RecoHttpResponse *response, const RecoSpotifyError *error,
					   RecoToken *token);
static void read_status(const RecoHttpResponse *response, RecoToken *token);
static bool is_named(const RecoSpotifyError *error, const char *name);
static bool copy_token(const json_t *root, const char *name, char **copy);
static void wipe_string(const json_t *root, const char *name);
static void say(RecoToken *token, RecoOutcome outcome, const char *what);

/* Writes the request for a token; false when memory is short. */
bool
reco_spotify_build_token(const char *refresh_token, RecoHttpRequest *request)
{
	memset(request, 0, sizeof(*request));
	reco_buffer_init(&request->target, 0);
	reco_buffer_init(&request->body, 0);
	request->post = true;
	request->accounts = true;
	request->once = refresh_token != NULL;	/* the answer may have a rotated one */
	request->endpoint = RECO_SPOTIFY_TOKEN;
	request->auth = RECO_AUTH_BASIC;
	request->content_type = "application/x-www-form-urlencoded";
	reco_buffer_puts(&request->target, "/api/token");
	if (refresh_token == NULL)
		reco_buffer_puts(&request->body, "grant_type=client_credentials");
	else
	{
		reco_buffer_puts(&request->body, "grant_type=refresh_token&refresh_token=");
		reco_buffer_put_escaped(&request->body, refresh_token);
	}
	if (!request->target.failed && !request->body.failed)
		return true;
	reco_buffer_free(&request->body, true);
	reco_buffer_free(&request->target, false);
	return false;
}

/* Reads the answer of the token endpoint. */
void
reco_spotify_split_token(const RecoHttpResponse *response, RecoToken *token)
{
	RecoSpotifyError error;

	memset(token, 0, sizeof(*token));
	token->retry_after_ms = -1;
	reco_spotify_error_read(response, &error);
	if (response->status >= 200 && response->status <= 299 && !response->truncated &&
		json_is_object(error.parsed) && error.name == NULL)
		read_tokens(error.parsed, token);
	else
		read_error(response, &error, token);
	wipe_string(error.parsed, "access_token");
	wipe_string(error.parsed, "refresh_token");
	reco_spotify_error_free(&error);
}

/* Reads what was granted. */
static void
read_tokens(const json_t *root, RecoToken *token)
{
	double		seconds = DEFAULT_SECONDS;

	token->outcome = RECO_OUTCOME_FRESH;
	if (!copy_token(root, "access_token", &token->access_token) ||
		!copy_token(root, "refresh_token", &token->refresh_token))
		say(token, RECO_OUTCOME_BUSY, "out of memory");
	else if (token->access_token == NULL)
		say(token, RECO_OUTCOME_MALFORMED, "the answer has no access token");
	if (token->outcome != RECO_OUTCOME_FRESH)
		return;
	if (!reco_json_number(root, "expires_in", &seconds))
		seconds = DEFAULT_SECONDS;
	token->expires_in_s = seconds < 1 ? 1
		: seconds > MOST_SECONDS	  ? MOST_SECONDS
									  : (int64_t) seconds;
}

/*
 * Reads a refusal. Only a dead refresh token needs the listener's consent anew;
 * what is wrong with the client is a fault of configuration.
 */
static void
read_error(const RecoHttpResponse *response, const RecoSpotifyError *error,
		   RecoToken *token)
{
	int			status = response->status;
	bool		granted = status >= 200 && status <= 299;

	if (granted ? error->name == NULL
				: status == 408 || status == 429 || status < 400 || status > 499)
		read_status(response, token);
	else if (is_named(error, "invalid_grant"))
	{
		token->outcome = RECO_OUTCOME_UNAUTHORISED;
		token->consent_needed = true;
	}
	else if (status == 401 || is_named(error, "invalid_client") ||
			 is_named(error, "unauthorized_client"))
		token->outcome = RECO_OUTCOME_UNAUTHORISED;
	else
		token->outcome = status == 403 ? RECO_OUTCOME_DENIED : RECO_OUTCOME_REJECTED;
	if (!granted || error->html || error->name != NULL)
		reco_message_of_body(token->message, sizeof(token->message), response);
}

/* Reads what all services say alike: limits, pages, trouble; or no object at all. */
static void
read_status(const RecoHttpResponse *response, RecoToken *token)
{
	RecoSplit	split;

	memset(&split, 0, sizeof(split));
	split.retry_after_ms = -1;
	if (!reco_split_by_status(response, &split))
	{
		say(token, RECO_OUTCOME_MALFORMED, "the answer is no JSON object");
		token->retry = reco_spotify_is_blank(response->body, response->body_len) ||
			reco_spotify_is_cut(response->body, response->body_len);
		return;
	}
	token->outcome = split.outcome;
	token->retry = split.retry || split.truncated;
	token->retry_after_ms = split.retry_after_ms;
}

/* Is it this error, in OAuth's shape or, against the rules, in the Web API's? */
static bool
is_named(const RecoSpotifyError *error, const char *name)
{
	return error->name != NULL
		? strcmp(error->name, name) == 0
		: error->parsed != NULL && reco_spotify_error_says(error, name);
}

/*
 * Copies a token, NULL where there is none: visible ASCII that fits a header. False
 * when memory is short.
 */
static bool
copy_token(const json_t *root, const char *name, char **copy)
{
	const char *text = reco_json_string(root, name);
	size_t		len = text == NULL ? 0 : strlen(text);

	*copy = NULL;
	if (len == 0 || len > MAX_TOKEN)
		return true;
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return true;
	*copy = malloc(len + 1);
	if (*copy != NULL)
		memcpy(*copy, text, len + 1);
	return *copy != NULL;
}

/* Overwrites a string of the parsed answer, before that is freed. */
static void
wipe_string(const json_t *root, const char *name)
{
	const char *text = reco_json_string(root, name);

	if (text != NULL)
		reco_wipe((void *) text, strlen(text));
}

/* Writes down how it ended, in our own words. */
static void
say(RecoToken *token, RecoOutcome outcome, const char *what)
{
	token->outcome = outcome;
	snprintf(token->message, sizeof(token->message), "%s", what);
}
