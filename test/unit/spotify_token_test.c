/*-------------------------------------------------------------------------
 *
 * spotify_token_test.c
 *	  Tests of Spotify's token endpoint.
 *
 * Purpose: show both requests, both kinds of grants, and each refusal with what
 *			it means for whoever holds the refresh token.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	use a real token.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/upstream/buffer.c src/upstream/completion.c src/upstream/gemini.c
			src/upstream/header.c src/upstream/json.c src/upstream/message.c
			src/upstream/model.c src/upstream/openai.c src/upstream/outcome.c
			src/upstream/reccobeats.c
			src/upstream/reccobeats_check.c src/upstream/service.c src/upstream/spotify.c
			src/upstream/spotify_error.c src/upstream/spotify_read.c
			src/upstream/spotify_request.c src/upstream/spotify_token.c */
#include "upstream/service.h"

#include <stdlib.h>
#include <string.h>

#include "upstream/spotify.h"

#include "tap.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define HTML "<html><head><title>Sorry</title></head></html>"

/* Reads an answer; free the token. */
static void
read_body(RecoToken *token, int status, RecoContent content, const char *body,
		  bool truncated)
{
	RecoHttpResponse response;
	char	   *copy = malloc(strlen(body) + 1);

	memset(&response, 0, sizeof(response));
	strcpy(copy, body);
	response.status = status;
	response.content = content;
	response.retry_after_ms = status == 429 ? 3000 : -1;
	response.truncated = truncated;
	response.body = copy;
	response.body_len = strlen(body);
	reco_spotify_split_token(&response, token);
	free(copy);
}

static void
test_requests(void)
{
	RecoHttpRequest request;
	char		odd[] = "AQA+/=& \xC3\xA4";

	ok(reco_spotify_build_token(NULL, &request) &&
		   strcmp(request.body.data, "grant_type=client_credentials") == 0,
	   "an app's token");
	ok(request.post && request.accounts && request.auth == RECO_AUTH_BASIC &&
		   request.endpoint == RECO_SPOTIFY_TOKEN &&
		   strcmp(request.target.data, "/api/token") == 0 &&
		   strcmp(request.content_type, "application/x-www-form-urlencoded") == 0,
	   "is asked for by a form, from the accounts service");
	ok(!request.once, "and may be asked for again");
	reco_http_request_free(&request);
	ok(reco_spotify_build_token(odd, &request) &&
		   strcmp(request.body.data, "grant_type=refresh_token&refresh_token="
									 "AQA%2B%2F%3D%26%20%C3%A4") == 0,
	   "a listener's token; whatever is in the refresh token is escaped");
	ok(strstr(request.target.data, "AQA") == NULL, "and is not in the URL");
	ok(request.once, "nor asked for again, as the answer may have had another");
	reco_http_request_free(&request);
}

static void
test_grants(void)
{
	static const struct
	{
		const char *member;
		int			seconds;
	}			expiry[] = {
		{",\"expires_in\":3600", 3600},
		{",\"expires_in\":1800.7", 1800},
		{",\"expires_in\":\"120\"", 120},
		{"", 3600},
		{",\"expires_in\":null", 3600},
		{",\"expires_in\":\"soon\"", 3600},
		{",\"expires_in\":0", 1},
		{",\"expires_in\":-5", 1},
		{",\"expires_in\":86401", 86400},
		{",\"expires_in\":1e300", 86400},
	};
	RecoToken	token;

	read_body(&token, 200, RECO_CONTENT_JSON,
			  "{\"access_token\":\"BQDinvented0example0token\",\"token_type\":\"Bearer\","
			  "\"expires_in\":3600}",
			  false);
	ok(token.outcome == RECO_OUTCOME_FRESH &&
		   strcmp(token.access_token, "BQDinvented0example0token") == 0 &&
		   token.refresh_token == NULL && token.expires_in_s == 3600 &&
		   token.message[0] == '\0' && token.retry_after_ms == -1 &&
		   !token.consent_needed,
	   "an app's token comes without a refresh token");
	reco_token_free(&token);
	read_body(&token, 200, RECO_CONTENT_JSON,
			  "{\"access_token\":\"BQCinvented1user\",\"token_type\":\"Bearer\","
			  "\"scope\":\"user-top-read playlist-read-private\",\"expires_in\":3600,"
			  "\"refresh_token\":\"AQAinvented2refresh\"}",
			  false);
	ok(token.outcome == RECO_OUTCOME_FRESH &&
		   strcmp(token.access_token, "BQCinvented1user") == 0 &&
		   strcmp(token.refresh_token, "AQAinvented2refresh") == 0,
	   "a listener's may bring a new one");
	reco_token_free(&token);
	read_body(&token, 200, RECO_CONTENT_JSON,
			  "{\"access_token\":\"BQC\",\"refresh_token\":\"\"}", false);
	ok(token.outcome == RECO_OUTCOME_FRESH && token.refresh_token == NULL,
	   "an empty one is none");
	reco_token_free(&token);
	for (size_t i = 0; i < LENGTH(expiry); i++)
	{
		char		body[200];

		snprintf(body, sizeof(body), "{\"access_token\":\"BQC\"%s}", expiry[i].member);
		read_body(&token, 200, RECO_CONTENT_JSON, body, false);
		ok(token.outcome == RECO_OUTCOME_FRESH && token.expires_in_s == expiry[i].seconds,
		   "it lasts %d s: \"%s\"", expiry[i].seconds, expiry[i].member);
		reco_token_free(&token);
	}
}

/* A token of 'length' letters, both ways. */
static void
test_long_tokens(int length, bool taken)
{
	RecoToken	token;
	RecoHttpRequest request;
	char	   *letters = malloc(length + 1);
	char	   *body = malloc(2 * length + 200);

	memset(letters, 'T', length);
	letters[length] = '\0';
	sprintf(body, "{\"access_token\":\"%s\",\"refresh_token\":\"%s\"}", letters, letters);
	read_body(&token, 200, RECO_CONTENT_JSON, body, false);
	ok(taken ? token.outcome == RECO_OUTCOME_FRESH &&
			   strcmp(token.access_token, letters) == 0 &&
			   strcmp(token.refresh_token, letters) == 0
			 : token.outcome == RECO_OUTCOME_MALFORMED,
	   "tokens of %d bytes are %s", length, taken ? "taken" : "not taken");
	reco_token_free(&token);
	ok(reco_spotify_build_token(letters, &request) &&
		   strstr(request.body.data, letters) != NULL,
	   "and can be sent");
	reco_http_request_free(&request);
	free(letters);
	free(body);
}

/* A refusal, or no token at all. */
typedef struct Row
{
	int			status;
	RecoContent content;
	bool		truncated;
	const char *body;
	RecoOutcome outcome;
	bool		retry;
	bool		consent;
	const char *message;		/* NULL = any */
} Row;

#define JSON RECO_CONTENT_JSON
#define OAUTH(name, text) "{\"error\":\"" name "\",\"error_description\":\"" text "\"}"

static const Row rows[] = {
	{400, JSON, false, OAUTH("invalid_client", "Invalid client"),
	 RECO_OUTCOME_UNAUTHORISED, false, false, "invalid_client: Invalid client"},
	{400, JSON, false, OAUTH("invalid_client", "Invalid client secret"),
	 RECO_OUTCOME_UNAUTHORISED, false, false, NULL},
	{401, JSON, false, OAUTH("invalid_client", "Invalid client"),
	 RECO_OUTCOME_UNAUTHORISED, false, false, NULL},
	{400, JSON, false, OAUTH("unauthorized_client", "x"), RECO_OUTCOME_UNAUTHORISED,
	 false, false, NULL},
	{401, RECO_CONTENT_NONE, false, "", RECO_OUTCOME_UNAUTHORISED, false, false, ""},
	{400, JSON, false, OAUTH("invalid_grant", "Refresh token revoked"),
	 RECO_OUTCOME_UNAUTHORISED, false, true, "invalid_grant: Refresh token revoked"},
	{400, JSON, false, OAUTH("invalid_grant", "Refresh token expired"),
	 RECO_OUTCOME_UNAUTHORISED, false, true, NULL},
	{400, JSON, false, OAUTH("invalid_grant", "Invalid refresh token"),
	 RECO_OUTCOME_UNAUTHORISED, false, true, NULL},
	{400, JSON, false, "{\"error\":\"invalid_grant\"}", RECO_OUTCOME_UNAUTHORISED, false,
	 true, "invalid_grant"},
	{401, JSON, false, "{\"error\":\"invalid_grant\"}", RECO_OUTCOME_UNAUTHORISED, false,
	 true, NULL},
	{400, JSON, false, "{\"error\":{\"status\":400,\"message\":\"invalid_grant\"}}",
	 RECO_OUTCOME_UNAUTHORISED, false, true, "invalid_grant"},
	{400, JSON, false, OAUTH("unsupported_grant_type", "grant_type must be one of ..."),
	 RECO_OUTCOME_REJECTED, false, false, NULL},
	{400, JSON, false, OAUTH("invalid_request", "invalid_grant is not meant"),
	 RECO_OUTCOME_REJECTED, false, false, NULL},
	{400, RECO_CONTENT_NONE, false, "", RECO_OUTCOME_REJECTED, false, false, NULL},
	{400, RECO_CONTENT_TEXT, false, "invalid_grant", RECO_OUTCOME_REJECTED, false, false,
	 "invalid_grant"},
	{403, RECO_CONTENT_HTML, false, HTML, RECO_OUTCOME_DENIED, false, false, NULL},
	{404, RECO_CONTENT_HTML, false, HTML, RECO_OUTCOME_REJECTED, false, false, NULL},
	{408, RECO_CONTENT_NONE, false, "", RECO_OUTCOME_UNAVAILABLE, true, false, NULL},
	{429, RECO_CONTENT_NONE, false, "", RECO_OUTCOME_LIMITED, false, false, NULL},
	{429, RECO_CONTENT_HTML, false, HTML, RECO_OUTCOME_LIMITED, false, false, NULL},
	{429, JSON, false, OAUTH("invalid_grant", "x"), RECO_OUTCOME_LIMITED, false, false,
	 NULL},
	{500, JSON, false, OAUTH("server_error", "x"), RECO_OUTCOME_UNAVAILABLE, true, false,
	 "server_error: x"},
	{502, RECO_CONTENT_HTML, false, HTML, RECO_OUTCOME_UNAVAILABLE, true, false, NULL},
	{503, RECO_CONTENT_NONE, false, "", RECO_OUTCOME_UNAVAILABLE, true, false, ""},
	{503, JSON, false, OAUTH("invalid_grant", "x"), RECO_OUTCOME_UNAVAILABLE, true, false, NULL},
	{302, RECO_CONTENT_NONE, false, "", RECO_OUTCOME_UNAVAILABLE, false, false, NULL},
	{200, RECO_CONTENT_HTML, false, HTML, RECO_OUTCOME_UNAVAILABLE, true, false, NULL},
	{200, JSON, false, OAUTH("invalid_grant", "x"), RECO_OUTCOME_UNAUTHORISED, false, true, NULL},
	{200, RECO_CONTENT_NONE, false, "", RECO_OUTCOME_MALFORMED, true, false, NULL},
	{200, JSON, false, "{\"access_token\":\"BQCsecret", RECO_OUTCOME_MALFORMED, true,
	 false, NULL},
	{200, JSON, true, "{\"access_token\":\"BQCsecret", RECO_OUTCOME_MALFORMED, true,
	 false, NULL},
	{200, JSON, true, "{\"access_token\":\"BQCsecret\"}", RECO_OUTCOME_MALFORMED, true,
	 false, NULL},
	{200, JSON, false, "{\"access_token\":\"BQCsecret\"]", RECO_OUTCOME_MALFORMED, false,
	 false, NULL},
	{200, RECO_CONTENT_TEXT, false, "access_token=BQCsecret", RECO_OUTCOME_UNAVAILABLE,
	 true, false, NULL},
	{200, JSON, false, "{}", RECO_OUTCOME_MALFORMED, false, false, NULL},
	{200, JSON, false, "[\"BQCsecret\"]", RECO_OUTCOME_MALFORMED, false, false, NULL},
	{200, JSON, false, "null", RECO_OUTCOME_MALFORMED, false, false, NULL},
	{200, JSON, false, "{\"access_token\":\"\"}", RECO_OUTCOME_MALFORMED, false, false,
	 NULL},
	{200, JSON, false, "{\"access_token\":7}", RECO_OUTCOME_MALFORMED, false, false,
	 NULL},
	{200, JSON, false, "{\"access_token\":\"BQCsecret\\r\\nX-Evil: 1\"}",
	 RECO_OUTCOME_MALFORMED, false, false, NULL},
	{200, JSON, false, "{\"access_token\":\"BQCsecret\\u0000x\"}", RECO_OUTCOME_MALFORMED,
	 false, false, NULL},
	{200, JSON, false, "{\"access_token\":\"BQCsecret x\"}", RECO_OUTCOME_MALFORMED,
	 false, false, NULL},
};

static void
test_refusals(void)
{
	for (size_t i = 0; i < LENGTH(rows); i++)
	{
		const Row  *row = &rows[i];
		RecoToken	token;
		bool		good;

		read_body(&token, row->status, row->content, row->body, row->truncated);
		good = token.outcome == row->outcome && token.retry == row->retry &&
			token.consent_needed == row->consent && token.access_token == NULL &&
			token.refresh_token == NULL &&
			token.retry_after_ms == (row->status == 429 ? 3000 : -1) &&
			strstr(token.message, "BQC") == NULL &&
			(row->message == NULL || strcmp(token.message, row->message) == 0);
		if (!good)
			printf("# %s, retry %d, consent %d, \"%s\"\n",
				   reco_outcome_name(token.outcome), token.retry, token.consent_needed,
				   token.message);
		ok(good, "%d %.70s is %s", row->status, row->body,
		   reco_outcome_name(row->outcome));
		reco_token_free(&token);
	}
}

int
main(void)
{
	test_requests();
	test_grants();
	test_long_tokens(4096, true);
	test_long_tokens(16384, true);
	test_long_tokens(16385, false);
	test_refusals();
	return tap_done();
}
