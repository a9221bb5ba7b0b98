/*-------------------------------------------------------------------------
 *
 * spotify_test.c
 *	  Tests of the Spotify adapter: requests, errors, objects, what is learned.
 *
 * Purpose: show each request as it is sent, each error that was seen of the
 *			service with what it comes to, and the values of all its shapes.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	name a real song.
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

#include "upstream/json.h"
#include "upstream/spotify.h"

#include "tap.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#define TRACK_1		"1QWN1ij3rsgeKkHInkAz6Y"
#define TRACK_2		"4O6BcWzUa12zRnhLmcxVkB"
#define TRACK_3		"30P22HerkwcuM5aPR4WCkc"
#define RELINKED	"3oYF9SBFbkCDrMOlXfxUaZ"
#define ARTIST		"1LzUSkROJBosCSJ4w2QoaF"
#define ARTIST_2	"5f1N0bqf6yHzYv2PNk2aQx"
#define ALBUM		"5oeyztEF9Qf6mFnACG6V7a"

/* What a split may say beside the outcome. */
#define RETRY		1
#define TRUNCATED	2
#define EXPIRED		4
#define OTHER_WAY	8
#define ENDPOINT	16
#define APP			32

/* One question and its answer. */
typedef struct Talk
{
	RecoOptions options;
	RecoCapabilities capabilities;
	RecoCall	call;
	const char *keys[RECO_SPOTIFY_BATCH_MAX + 1];
	RecoHttpRequest request;
	RecoSplit	split;
	bool		built;
} Talk;

/* Asks with up to four keys; the options may be changed before build(). */
static void
begin(Talk *talk, RecoOperation operation, const char *key)
{
	memset(talk, 0, sizeof(*talk));
	reco_service_defaults(RECO_SPOTIFY, &talk->options);
	talk->keys[0] = key;
	talk->call.operation = operation;
	talk->call.options = &talk->options;
	talk->call.capabilities = &talk->capabilities;
	talk->call.nkeys = 1;
	talk->call.keys = talk->keys;
}

static void
add_key(Talk *talk, const char *key)
{
	talk->keys[talk->call.nkeys++] = key;
}

static bool
build(Talk *talk)
{
	reco_http_request_free(&talk->request);
	talk->built = reco_service_build(&talk->call, &talk->request);
	return talk->built;
}

/* Answers, with a body that may hold NULs. */
static void
answer_bytes(Talk *talk, int status, RecoContent content, const char *body, size_t len)
{
	RecoHttpResponse response;
	char	   *copy = malloc(len + 1);

	memset(&response, 0, sizeof(response));
	memcpy(copy, body, len);
	copy[len] = '\0';
	response.status = status;
	response.content = content;
	response.retry_after_ms = status == 429 ? 7000 : -1;
	response.body = copy;
	response.body_len = len;
	if (!talk->built)
		build(talk);
	reco_split_free(&talk->split);
	reco_service_split(&talk->call, &talk->request, &response, &talk->split);
	free(copy);
}

static void
answer(Talk *talk, int status, const char *body)
{
	answer_bytes(talk, status, RECO_CONTENT_JSON, body, strlen(body));
}

static void
end(Talk *talk)
{
	reco_http_request_free(&talk->request);
	reco_split_free(&talk->split);
}

static bool
is_text(const char *got, const char *wanted)
{
	if (got != NULL && strcmp(got, wanted) == 0)
		return true;
	printf("# got    %s\n# wanted %s\n", got == NULL ? "(nothing)" : got, wanted);
	return false;
}

/* Is a key's value this? */
static bool
has_value(const Talk *talk, int k, const char *wanted)
{
	const RecoKeyAnswer *answers = talk->split.answers;

	if (k < talk->split.nanswers && answers[k].outcome == RECO_OUTCOME_FRESH)
		return is_text(answers[k].value, wanted) &&
			answers[k].value_len == strlen(wanted);
	printf("# %s, %s: %s\n", reco_outcome_name(talk->split.outcome),
		   k < talk->split.nanswers ? reco_outcome_name(answers[k].outcome) : "no answer",
		   talk->split.message);
	return false;
}

static bool
key_is(const Talk *talk, int k, RecoOutcome outcome)
{
	return talk->split.outcome == RECO_OUTCOME_FRESH && k < talk->split.nanswers &&
		talk->split.answers[k].outcome == outcome;
}

static int
flags(const RecoSplit *split)
{
	return split->retry * RETRY | split->truncated * TRUNCATED |
		split->token_expired * EXPIRED | split->other_way * OTHER_WAY |
		split->endpoint_refused * ENDPOINT | split->app_refused * APP;
}

/* The value of a body that answers one question. */
static void
value_of(RecoOperation operation, const char *key, const char *body, const char *wanted,
		 const char *name)
{
	Talk		talk;

	begin(&talk, operation, key);
	answer(&talk, 200, body);
	ok(has_value(&talk, 0, wanted), "%s", name);
	end(&talk);
}

static void
target_is(Talk *talk, const char *wanted, int endpoint, const char *name)
{
	ok(build(talk) && is_text(talk->request.target.data, wanted) &&
		   talk->request.endpoint == endpoint && !talk->request.post &&
		   !talk->request.accounts &&
		   talk->request.auth ==
			   (endpoint == RECO_SPOTIFY_TOP_TRACKS ||
						endpoint == RECO_SPOTIFY_TOP_ARTISTS
					? RECO_AUTH_LISTENER
					: RECO_AUTH_APP),
	   "%s", name);
	end(talk);
}

static void
test_search_requests(void)
{
	Talk		talk;
	char		long_query[400];

	begin(&talk, RECO_OP_SEARCH, "äiti & co \"x\" year:1990-1999");
	target_is(&talk,
			  "/search?q=%C3%A4iti%20%26%20co%20%22x%22%20year%3A1990-1999"
			  "&type=artist%2Ctrack&limit=10",
			  RECO_SPOTIFY_SEARCH, "a search asks for both types, and as many as all may have");
	begin(&talk, RECO_OP_SEARCH, "x");
	talk.capabilities.dropped = RECO_SPOTIFY_ALL_FIELDS;
	target_is(&talk, "/search?q=x&type=artist%2Ctrack&limit=50", RECO_SPOTIFY_SEARCH,
			  "50 where answers are those of an extended app");
	begin(&talk, RECO_OP_SEARCH, "x");
	talk.options.access = RECO_ACCESS_DEVELOPMENT;
	talk.options.market = "FI";
	target_is(&talk, "/search?q=x&type=artist%2Ctrack&limit=10&market=FI",
			  RECO_SPOTIFY_SEARCH, "10 for an app in development mode; in a market");
	begin(&talk, RECO_OP_SEARCH, "x");
	talk.options.access = RECO_ACCESS_EXTENDED;
	target_is(&talk, "/search?q=x&type=artist%2Ctrack&limit=50", RECO_SPOTIFY_SEARCH,
			  "50 for an extended one");
	begin(&talk, RECO_OP_SEARCH, "x");
	talk.options.access = RECO_ACCESS_EXTENDED;
	talk.capabilities.search_limit = 10;
	target_is(&talk, "/search?q=x&type=artist%2Ctrack&limit=10", RECO_SPOTIFY_SEARCH,
			  "what was learned counts most");
	begin(&talk, RECO_OP_SEARCH, "a\tb\x01\x7F" "c\xC2\x85" "d");
	target_is(&talk, "/search?q=a%20b%20%20c%20d&type=artist%2Ctrack&limit=10",
			  RECO_SPOTIFY_SEARCH, "control characters are blanks");
	memset(long_query, 'q', sizeof(long_query));
	long_query[sizeof(long_query) - 1] = '\0';
	begin(&talk, RECO_OP_SEARCH, long_query);
	ok(build(&talk) && strspn(talk.request.target.data + strlen("/search?q="), "q") == 250,
	   "no more than 250 characters of a query are sent");
	end(&talk);
	begin(&talk, RECO_OP_PROBE, "");
	talk.capabilities.refused = 1u << RECO_SPOTIFY_SEARCH;
	target_is(&talk, "/search?q=a&type=track&limit=1", RECO_SPOTIFY_SEARCH,
			  "a probe is the smallest search, closed or not");
	begin(&talk, RECO_OP_SEARCH, "x");
	talk.capabilities.refused = 1u << RECO_SPOTIFY_SEARCH;
	ok(!build(&talk), "a search that is closed has no other way");
	end(&talk);
}

static void
test_listener_requests(void)
{
	Talk		talk;

	begin(&talk, RECO_OP_TOP_TRACKS, "short_term");
	target_is(&talk, "/me/top/tracks?time_range=short_term&limit=50",
			  RECO_SPOTIFY_TOP_TRACKS, "top tracks, with the listener's token");
	begin(&talk, RECO_OP_TOP_ARTISTS, "");
	talk.options.market = "FI";
	target_is(&talk, "/me/top/artists?time_range=medium_term&limit=50",
			  RECO_SPOTIFY_TOP_ARTISTS, "top artists, of half a year, without a market");
}

static void
test_read_requests(void)
{
	Talk		talk;

	begin(&talk, RECO_OP_TRACKS, TRACK_1);
	talk.options.market = "DE";
	target_is(&talk, "/tracks/" TRACK_1 "?market=DE", RECO_SPOTIFY_TRACK, "one track");
	begin(&talk, RECO_OP_TRACKS, TRACK_1);
	add_key(&talk, TRACK_2);
	talk.options.market = "DE";
	target_is(&talk, "/tracks?ids=" TRACK_1 "," TRACK_2 "&market=DE", RECO_SPOTIFY_TRACKS,
			  "two tracks");
	begin(&talk, RECO_OP_ARTISTS, ARTIST);
	talk.options.market = "DE";
	target_is(&talk, "/artists/" ARTIST, RECO_SPOTIFY_ARTIST, "one artist has no market");
	begin(&talk, RECO_OP_ARTISTS, ARTIST);
	add_key(&talk, ARTIST_2);
	target_is(&talk, "/artists?ids=" ARTIST "," ARTIST_2, RECO_SPOTIFY_ARTISTS,
			  "two artists");
	begin(&talk, RECO_OP_TRACKS, TRACK_1);
	talk.capabilities.refused = 1u << RECO_SPOTIFY_TRACK;
	target_is(&talk, "/tracks?ids=" TRACK_1, RECO_SPOTIFY_TRACKS,
			  "where single reads are closed, a batch of one");
	begin(&talk, RECO_OP_TRACKS, TRACK_1);
	talk.capabilities.refused = 1u << RECO_SPOTIFY_TRACK | 1u << RECO_SPOTIFY_TRACKS;
	ok(!build(&talk), "where both are closed, none");
	end(&talk);
	begin(&talk, RECO_OP_TRACKS, TRACK_1);
	talk.options.access = RECO_ACCESS_DEVELOPMENT;
	target_is(&talk, "/tracks/" TRACK_1, RECO_SPOTIFY_TRACK, "development mode reads singly");
	begin(&talk, RECO_OP_TRACKS, TRACK_1);
	add_key(&talk, TRACK_2);
	talk.options.access = RECO_ACCESS_DEVELOPMENT;
	ok(!build(&talk), "development mode has no batch");
	end(&talk);
	begin(&talk, RECO_OP_TRACKS, TRACK_1);
	add_key(&talk, TRACK_2);
	talk.capabilities.dropped = RECO_SPOTIFY_FEWER_FIELDS;
	ok(!build(&talk), "nor has an app whose answers are those of development mode");
	talk.options.access = RECO_ACCESS_EXTENDED;
	ok(build(&talk), "unless somebody says that it has");
	end(&talk);
	begin(&talk, RECO_OP_TRACKS, TRACK_1);
	while (talk.call.nkeys <= RECO_SPOTIFY_BATCH_MAX)
		add_key(&talk, TRACK_2);
	ok(!build(&talk), "51 keys are too many");
	talk.call.nkeys = RECO_SPOTIFY_BATCH_MAX;
	ok(build(&talk), "50 are not");
	end(&talk);
	begin(&talk, RECO_OP_TRACKS, TRACK_1);
	talk.call.capabilities = NULL;
	ok(build(&talk), "nothing need be known");
	end(&talk);
}

static void
test_artist_tracks_requests(void)
{
	Talk		talk;

	begin(&talk, RECO_OP_ARTIST_TRACKS, ARTIST " Lanterna Norte");
	talk.options.market = "FI";
	talk.options.access = RECO_ACCESS_EXTENDED;
	target_is(&talk, "/artists/" ARTIST "/top-tracks?market=FI",
			  RECO_SPOTIFY_ARTIST_TOP_TRACKS, "an artist's top tracks");
	begin(&talk, RECO_OP_ARTIST_TRACKS, ARTIST " x");
	target_is(&talk, "/search?q=artist%3A%22x%22&type=track&limit=10", RECO_SPOTIFY_SEARCH,
			  "a search while nothing is known of the app: that is open to all");
	begin(&talk, RECO_OP_ARTIST_TRACKS, ARTIST " x");
	talk.capabilities.dropped = RECO_SPOTIFY_ALL_FIELDS;
	target_is(&talk, "/artists/" ARTIST "/top-tracks", RECO_SPOTIFY_ARTIST_TOP_TRACKS,
			  "top tracks where answers are those of an extended app");
	begin(&talk, RECO_OP_ARTIST_TRACKS, ARTIST " x");
	talk.capabilities.exhausted = 1u << RECO_SPOTIFY_SEARCH;
	target_is(&talk, "/artists/" ARTIST "/top-tracks", RECO_SPOTIFY_ARTIST_TOP_TRACKS,
			  "and where the search has no quota left");
	begin(&talk, RECO_OP_ARTIST_TRACKS, ARTIST);
	target_is(&talk, "/artists/" ARTIST "/top-tracks", RECO_SPOTIFY_ARTIST_TOP_TRACKS,
			  "no name is needed");
	begin(&talk, RECO_OP_ARTIST_TRACKS,
		  ARTIST " Lanterna \"El\" Norte: l\xE2\x80\x99\xC3\xA9t\xC3\xA9");
	talk.options.access = RECO_ACCESS_DEVELOPMENT;
	target_is(
		&talk,
		"/search?q=artist%3A%22Lanterna%20%20El%20%20Norte%20%20l%27%C3%A9t%C3%A9%22"
		"&type=track&limit=10",
		RECO_SPOTIFY_SEARCH, "in development mode a search, whose filter nothing ends");
	begin(&talk, RECO_OP_ARTIST_TRACKS, ARTIST " x");
	talk.capabilities.refused = 1u << RECO_SPOTIFY_ARTIST_TOP_TRACKS;
	target_is(&talk, "/search?q=artist%3A%22x%22&type=track&limit=10", RECO_SPOTIFY_SEARCH,
			  "and where top tracks were refused");
	begin(&talk, RECO_OP_ARTIST_TRACKS, ARTIST);
	talk.capabilities.refused = 1u << RECO_SPOTIFY_ARTIST_TOP_TRACKS;
	ok(!build(&talk), "without a name there is no way left");
	end(&talk);
	begin(&talk, RECO_OP_ARTIST_TRACKS, ARTIST " ");
	talk.options.access = RECO_ACCESS_DEVELOPMENT;
	ok(!build(&talk), "a blank is no name");
	end(&talk);
}

/* One row of what was seen of the service, see upstreams.md A.3. */
typedef struct Row
{
	RecoOperation operation;
	int			status;
	RecoContent content;
	const char *body;
	RecoOutcome outcome;
	int			flags;
	const char *message;		/* NULL = any */
} Row;

#define PREMIUM "Active premium subscription required for the owner of the app. When the " \
	"subscription status changes, it can take a few hours before requests are allowed again."
#define HTML "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body></body></html>"

#define JSON RECO_CONTENT_JSON
#define TEXT RECO_CONTENT_TEXT

static const Row rows[] = {
	{RECO_OP_TRACKS, 400, JSON, "{\"error\":{\"status\":400,\"message\":\"invalid id\"}}",
	 RECO_OUTCOME_REJECTED, 0, "invalid id"},
	{RECO_OP_TRACKS, 400, JSON,
	 "{\"error\":{\"status\":400,\"message\":\"Invalid base62 id\"}}",
	 RECO_OUTCOME_REJECTED, 0, "Invalid base62 id"},
	{RECO_OP_SEARCH, 400, JSON,
	 "{\"error\":{\"status\":400,\"message\":\"No search query\"}}",
	 RECO_OUTCOME_REJECTED, 0, "No search query"},
	{RECO_OP_SEARCH, 400, JSON,
	 "{\"error\":{\"status\":400,\"message\":\"Bad request\"}}", RECO_OUTCOME_REJECTED, 0,
	 NULL},
	{RECO_OP_SEARCH, 400, JSON,
	 "{\"error\":{\"status\":400,\"message\":\"Only valid bearer authentication supported\"}}",
	 RECO_OUTCOME_REJECTED, 0, NULL},
	{RECO_OP_SEARCH, 400, RECO_CONTENT_NONE, "", RECO_OUTCOME_REJECTED, 0, ""},
	{RECO_OP_SEARCH, 400, JSON, "{\"status\":400,\"message\":\"invalid request\"}",
	 RECO_OUTCOME_REJECTED, 0, "invalid request"},
	{RECO_OP_TOP_TRACKS, 400, JSON,
	 "{\"error\":{\"status\":400,\"message\":\"Invalid limit\"}}", RECO_OUTCOME_REJECTED,
	 0, NULL},
	{RECO_OP_SEARCH, 401, JSON,
	 "{\"error\":{\"status\":401,\"message\":\"The access token expired\"}}",
	 RECO_OUTCOME_UNAUTHORISED, EXPIRED, "The access token expired"},
	{RECO_OP_TOP_TRACKS, 401, JSON,
	 "{\"error\":{\"status\":401,\"message\":\"The access token expired\"}}",
	 RECO_OUTCOME_UNAUTHORISED, EXPIRED, NULL},
	{RECO_OP_SEARCH, 401, JSON,
	 "{\"error\":{\"status\":401,\"message\":\"Invalid access token\"}}",
	 RECO_OUTCOME_UNAUTHORISED, EXPIRED, NULL},
	{RECO_OP_SEARCH, 401, JSON,
	 "{\"error\":{\"status\":401,\"message\":\"No token provided\"}}",
	 RECO_OUTCOME_UNAUTHORISED, 0, NULL},
	{RECO_OP_TOP_ARTISTS, 401, JSON,
	 "{\"error\":{\"status\":401,\"message\":\"Valid user authentication required\"}}",
	 RECO_OUTCOME_UNAUTHORISED, 0, NULL},
	{RECO_OP_TOP_ARTISTS, 401, JSON,
	 "{\"error\":{\"status\":401,\"message\":\"Unauthorized.\"}}",
	 RECO_OUTCOME_UNAUTHORISED, 0, NULL},
	{RECO_OP_SEARCH, 401, JSON, "", RECO_OUTCOME_UNAUTHORISED, 0, NULL},
	{RECO_OP_TOP_TRACKS, 403, JSON,
	 "{\"error\":{\"status\":403,\"message\":\"Insufficient client scope\"}}",
	 RECO_OUTCOME_DENIED, 0, "Insufficient client scope"},
	{RECO_OP_TOP_TRACKS, 403, RECO_CONTENT_NONE, "", RECO_OUTCOME_DENIED, 0, NULL},
	{RECO_OP_TOP_TRACKS, 403, JSON,
	 "{\"error\":{\"status\":403,\"message\":\"Forbidden\"}}", RECO_OUTCOME_DENIED, 0,
	 NULL},
	{RECO_OP_SEARCH, 403, JSON, "{\"error\":{\"status\":403,\"message\":\"Forbidden\"}}",
	 RECO_OUTCOME_DENIED, ENDPOINT, "Forbidden"},
	{RECO_OP_SEARCH, 403, JSON, "{\"error\":{\"status\":403}}", RECO_OUTCOME_DENIED,
	 ENDPOINT, NULL},
	{RECO_OP_SEARCH, 403, JSON, "{}", RECO_OUTCOME_DENIED, ENDPOINT, NULL},
	{RECO_OP_SEARCH, 403, JSON, "{\"error\":\"Forbidden\"}", RECO_OUTCOME_DENIED, ENDPOINT, NULL},
	{RECO_OP_SEARCH, 403, RECO_CONTENT_NONE, "", RECO_OUTCOME_DENIED, 0, NULL},
	{RECO_OP_SEARCH, 403, TEXT, PREMIUM, RECO_OUTCOME_DENIED, APP, PREMIUM},
	{RECO_OP_TOP_TRACKS, 403, TEXT, PREMIUM, RECO_OUTCOME_DENIED, APP, NULL},
	{RECO_OP_TOP_TRACKS, 403, TEXT, "User not registered in the Developer Dashboard",
	 RECO_OUTCOME_DENIED, 0, "User not registered in the Developer Dashboard"},
	{RECO_OP_TOP_TRACKS, 403, TEXT,
	 "Check settings on developer.spotify.com/dashboard, the user may not be registered.",
	 RECO_OUTCOME_DENIED, 0, NULL},
	{RECO_OP_SEARCH, 403, RECO_CONTENT_HTML, HTML, RECO_OUTCOME_DENIED, 0, NULL},
	{RECO_OP_TRACKS, 404, JSON,
	 "{\"error\":{\"status\":404,\"message\":\"Service not found\"}}",
	 RECO_OUTCOME_REJECTED, 0, "Service not found"},
	{RECO_OP_TRACKS, 404, RECO_CONTENT_HTML, HTML, RECO_OUTCOME_REJECTED, 0, NULL},
	{RECO_OP_TRACKS, 404, TEXT, "404 page not found", RECO_OUTCOME_REJECTED, 0, NULL},
	{RECO_OP_TRACKS, 404, JSON, "{\"detail\":\"Not Found\"}", RECO_OUTCOME_REJECTED, 0,
	 NULL},
	{RECO_OP_SEARCH, 404, JSON, "{\"error\":{\"status\":404,\"message\":\"Not found.\"}}",
	 RECO_OUTCOME_REJECTED, 0, NULL},
	{RECO_OP_TOP_TRACKS, 404, JSON, "", RECO_OUTCOME_REJECTED, 0, NULL},
	{RECO_OP_SEARCH, 405, JSON,
	 "{\"error\":{\"status\":405,\"message\":\"Method not allowed\"}}",
	 RECO_OUTCOME_REJECTED, 0, "Method not allowed"},
	{RECO_OP_SEARCH, 414, RECO_CONTENT_HTML, HTML, RECO_OUTCOME_REJECTED, 0, NULL},
	{RECO_OP_SEARCH, 429, JSON,
	 "{\"error\":{\"status\":429,\"message\":\"API rate limit exceeded\"}}",
	 RECO_OUTCOME_LIMITED, 0, "API rate limit exceeded"},
	{RECO_OP_SEARCH, 429, TEXT, "Too many requests", RECO_OUTCOME_LIMITED, 0,
	 "Too many requests"},
	{RECO_OP_SEARCH, 429, JSON, "{}", RECO_OUTCOME_LIMITED, 0, NULL},
	{RECO_OP_SEARCH, 429, RECO_CONTENT_NONE, "", RECO_OUTCOME_LIMITED, 0, ""},
	{RECO_OP_SEARCH, 429, RECO_CONTENT_HTML, HTML, RECO_OUTCOME_LIMITED, 0, NULL},
	{RECO_OP_SEARCH, 429, JSON,
	 "{\"error\":{\"status\":429,\"message\":\"Too many requests\",\"reason\":\"QUOTA_EXCEEDED\"}}",
	 RECO_OUTCOME_QUOTA, 0, "Too many requests"},
	{RECO_OP_SEARCH, 429, JSON,
	 "{\"error\":\"Too many requests\",\"reason\":\"QUOTA_EXCEEDED\"}",
	 RECO_OUTCOME_QUOTA, 0, NULL},
	{RECO_OP_SEARCH, 408, JSON, "", RECO_OUTCOME_UNAVAILABLE, RETRY, NULL},
	{RECO_OP_SEARCH, 500, JSON, "{\"error\":{\"status\":500,\"message\":\"Internal\"}}",
	 RECO_OUTCOME_UNAVAILABLE, RETRY, NULL},
	{RECO_OP_SEARCH, 502, JSON,
	 "{\"error\":{\"status\":502,\"message\":\"Bad gateway.\"}}",
	 RECO_OUTCOME_UNAVAILABLE, RETRY, "Bad gateway."},
	{RECO_OP_SEARCH, 502, RECO_CONTENT_HTML, HTML, RECO_OUTCOME_UNAVAILABLE, RETRY, NULL},
	{RECO_OP_SEARCH, 503, RECO_CONTENT_NONE, "", RECO_OUTCOME_UNAVAILABLE, RETRY, NULL},
	{RECO_OP_SEARCH, 504, TEXT, "upstream request timeout", RECO_OUTCOME_UNAVAILABLE, RETRY, NULL},
	{RECO_OP_SEARCH, 200, RECO_CONTENT_HTML, HTML, RECO_OUTCOME_UNAVAILABLE, RETRY, NULL},
	{RECO_OP_SEARCH, 302, RECO_CONTENT_HTML, HTML, RECO_OUTCOME_UNAVAILABLE, 0, NULL},
	{RECO_OP_SEARCH, 200, JSON, "{\"tracks\":{\"items\":[{\"id\":\"1QW",
	 RECO_OUTCOME_MALFORMED, TRUNCATED, NULL},
	{RECO_OP_SEARCH, 200, JSON, "{\"tracks\":{\"items\":[{\"id\":\"1QW\\\"",
	 RECO_OUTCOME_MALFORMED, TRUNCATED, NULL},
	{RECO_OP_SEARCH, 200, JSON, "{\"tracks\":{\"items\":[}]}", RECO_OUTCOME_MALFORMED, 0,
	 NULL},
	{RECO_OP_SEARCH, 200, JSON, "{\"name\":\"\\\"\",}", RECO_OUTCOME_MALFORMED, 0, NULL},
	{RECO_OP_SEARCH, 200, JSON, "{}", RECO_OUTCOME_MALFORMED, 0, NULL},
	{RECO_OP_SEARCH, 200, JSON, "[]", RECO_OUTCOME_MALFORMED, 0, NULL},
	{RECO_OP_SEARCH, 200, JSON, "7", RECO_OUTCOME_MALFORMED, 0, NULL},
	{RECO_OP_SEARCH, 200, JSON, "{\"error\":{\"status\":500,\"message\":\"x\"}}",
	 RECO_OUTCOME_MALFORMED, 0, NULL},
	{RECO_OP_SEARCH, 200, JSON, "{\"tracks\":[],\"artists\":null}",
	 RECO_OUTCOME_MALFORMED, 0, NULL},
	{RECO_OP_TOP_TRACKS, 200, JSON, "{\"total\":0}", RECO_OUTCOME_MALFORMED, 0, NULL},
	{RECO_OP_TRACKS, 200, JSON, "{\"name\":\"x\"}", RECO_OUTCOME_MALFORMED, 0, NULL},
	{RECO_OP_TRACKS, 200, JSON, "[null]", RECO_OUTCOME_MALFORMED, 0, NULL},
	{RECO_OP_ARTIST_TRACKS, 200, JSON, "{\"tracks\":{\"items\":[]}}",
	 RECO_OUTCOME_MALFORMED, 0, NULL},
	{RECO_OP_PROBE, 200, JSON, "{\"tracks\":{}}", RECO_OUTCOME_MALFORMED, 0, NULL},
	{RECO_OP_PROBE, 204, RECO_CONTENT_NONE, "", RECO_OUTCOME_MALFORMED, 0, NULL},
	{RECO_OP_PROBE, 401, JSON,
	 "{\"error\":{\"status\":401,\"message\":\"Invalid access token\"}}",
	 RECO_OUTCOME_UNAUTHORISED, EXPIRED, NULL},
};

static const char *
key_for(RecoOperation operation)
{
	switch (operation)
	{
		case RECO_OP_TRACKS:
			return TRACK_1;
		case RECO_OP_ARTISTS:
		case RECO_OP_ARTIST_TRACKS:
			return ARTIST;
		case RECO_OP_SEARCH:
			return "x";
		default:
			return "";
	}
}

static void
test_errors(void)
{
	for (size_t i = 0; i < LENGTH(rows); i++)
	{
		const Row  *row = &rows[i];
		Talk		talk;
		bool		good;

		begin(&talk, row->operation, key_for(row->operation));
		answer_bytes(&talk, row->status, row->content, row->body, strlen(row->body));
		good = talk.split.outcome == row->outcome && flags(&talk.split) == row->flags &&
			talk.split.nanswers == 0 &&
			(row->message == NULL || is_text(talk.split.message, row->message)) &&
			talk.split.retry_after_ms == (row->status == 429 ? 7000 : -1) &&
			talk.split.capabilities.refused ==
				(row->flags & ENDPOINT ? 1u << talk.request.endpoint : 0) &&
			talk.split.capabilities.search_limit == 0;
		if (!good)
			printf("# %s, flags %d, \"%s\"\n", reco_outcome_name(talk.split.outcome),
				   flags(&talk.split), talk.split.message);
		ok(good, "%s: %d %.60s is %s", reco_operation_name(row->operation), row->status,
		   row->body, reco_outcome_name(row->outcome));
		end(&talk);
	}
}

static void
test_absent(void)
{
	static const char *const bodies[] = {
		"{\"error\":{\"status\":404,\"message\":\"Not found.\"}}",
		"{\"error\":{\"status\":404,\"message\":\"Resource not found\"}}",
		"{\"error\":{\"status\":404,\"message\":\"non existing id\"}}", "{\"error\":\"Not found\"}",
		""
	};
	static const RecoOperation operations[] = {
		RECO_OP_TRACKS, RECO_OP_ARTISTS, RECO_OP_ARTIST_TRACKS
	};
	static const RecoOperation any[] = {
		RECO_OP_SEARCH, RECO_OP_TOP_TRACKS, RECO_OP_TRACKS, RECO_OP_ARTIST_TRACKS
	};
	Talk		talk;

	for (size_t o = 0; o < LENGTH(operations); o++)
		for (size_t i = 0; i < LENGTH(bodies); i++)
		{
			begin(&talk, operations[o], key_for(operations[o]));
			answer(&talk, 404, bodies[i]);
			ok(key_is(&talk, 0, RECO_OUTCOME_ABSENT) && flags(&talk.split) == 0,
			   "%s: 404 %s is absent", reco_operation_name(operations[o]), bodies[i]);
			end(&talk);
		}
	for (size_t o = 0; o < LENGTH(any); o++)
	{
		begin(&talk, any[o], key_for(any[o]));
		answer(&talk, 204, "");
		ok(key_is(&talk, 0, RECO_OUTCOME_ABSENT), "%s: 204 is absent",
		   reco_operation_name(any[o]));
		answer(&talk, 200, " \r\n");
		ok(key_is(&talk, 0, RECO_OUTCOME_ABSENT), "%s: so is an empty 200",
		   reco_operation_name(any[o]));
		answer(&talk, 200, "null");
		ok(key_is(&talk, 0, RECO_OUTCOME_ABSENT), "%s: and null",
		   reco_operation_name(any[o]));
		end(&talk);
	}
}

static void
test_truncation(void)
{
	static const char body[] = "{\"tracks\":{\"items\":[{\"id\":\"" TRACK_1 "\",\"name\":\"}\"}]},"
		"\"artists\":{\"items\":[]}}";
	Talk		talk;
	RecoHttpResponse response;
	char	   *deep = calloc(1, 20001);
	bool		good = true;

	for (size_t len = 1; len < strlen(body); len++)
	{
		begin(&talk, RECO_OP_SEARCH, "x");
		answer_bytes(&talk, 200, JSON, body, len);
		good &= talk.split.outcome == RECO_OUTCOME_MALFORMED &&
			flags(&talk.split) == TRUNCATED;
		end(&talk);
	}
	ok(good, "an answer that is cut anywhere is malformed, and may be repeated once");
	begin(&talk, RECO_OP_SEARCH, "x");
	answer_bytes(&talk, 200, JSON, body, strlen(body));
	ok(key_is(&talk, 0, RECO_OUTCOME_FRESH), "whole it is not");
	memset(&response, 0, sizeof(response));
	response.status = 200;
	response.content = JSON;
	response.body = "";
	response.truncated = true;
	reco_split_free(&talk.split);
	reco_service_split(&talk.call, &talk.request, &response, &talk.split);
	ok(talk.split.outcome == RECO_OUTCOME_MALFORMED && talk.split.truncated,
	   "an empty body that should have been longer is cut, too");
	memset(deep, '[', 10000);
	memset(deep + 10000, ']', 10000);
	answer(&talk, 200, deep);
	ok(talk.split.outcome == RECO_OUTCOME_MALFORMED && flags(&talk.split) == 0,
	   "what is nested too deeply is malformed for good");
	answer_bytes(&talk, 200, JSON, "{\"tracks\"\0:{", 12);
	ok(talk.split.outcome == RECO_OUTCOME_MALFORMED, "so are NUL bytes");
	answer(&talk, 200, "\xEF\xBB\xBF{\"tracks\":{\"items\":[]}}");
	ok(has_value(&talk, 0, "{\"tracks\":[],\"artists\":[]}"),
	   "a byte order mark is not");
	end(&talk);
	free(deep);
}

/* What A.4 wants of waits: as the headers say, else unknown. */
static void
test_quota(void)
{
	static const char body[] =
		"{\"error\":{\"status\":429,\"message\":\"Too many requests\",\"reason\":\"QUOTA_EXCEEDED\"}}";
	Talk		talk;
	RecoHttpResponse response;

	memset(&response, 0, sizeof(response));
	response.status = 429;
	response.content = JSON;
	response.body = body;
	response.body_len = strlen(body);
	response.retry_after_ms = INT64_C(48925000);
	begin(&talk, RECO_OP_TRACKS, TRACK_1);
	build(&talk);
	reco_service_split(&talk.call, &talk.request, &response, &talk.split);
	ok(talk.split.outcome == RECO_OUTCOME_QUOTA &&
		   talk.split.retry_after_ms == INT64_C(48925000) && !talk.split.retry,
	   "a quota is over when the header says, in hours");
	reco_split_free(&talk.split);
	response.retry_after_ms = -1;
	reco_service_split(&talk.call, &talk.request, &response, &talk.split);
	ok(talk.split.outcome == RECO_OUTCOME_QUOTA && talk.split.retry_after_ms == -1,
	   "or nobody knows when");
	end(&talk);
}

/* Each endpoint has its own: another answers where there is one. */
static void
test_quota_of_endpoint(void)
{
	static const char body[] =
		"{\"error\":{\"status\":429,\"message\":\"Too many requests\",\"reason\":\"QUOTA_EXCEEDED\"}}";
	Talk		talk;
	RecoHttpResponse response;

	memset(&response, 0, sizeof(response));
	response.status = 429;
	response.content = JSON;
	response.body = body;
	response.body_len = strlen(body);
	response.retry_after_ms = -1;
	begin(&talk, RECO_OP_TRACKS, TRACK_1);
	add_key(&talk, TRACK_2);
	build(&talk);
	reco_service_split(&talk.call, &talk.request, &response, &talk.split);
	ok(talk.split.endpoint_exhausted && talk.split.other_way &&
		   talk.split.capabilities.exhausted == 1u << RECO_SPOTIFY_TRACKS &&
		   talk.split.capabilities.refused == 0,
	   "a quota is one of the endpoint: single reads have their own");
	talk.capabilities = talk.split.capabilities;
	ok(!build(&talk) &&
		   reco_service_batch_max(RECO_SPOTIFY, RECO_OP_TRACKS, &talk.options,
								  &talk.capabilities) == 1,
	   "batches are not sent meanwhile");
	talk.call.nkeys = 1;
	ok(build(&talk) && talk.request.endpoint == RECO_SPOTIFY_TRACK, "but single reads");
	reco_split_free(&talk.split);
	reco_service_split(&talk.call, &talk.request, &response, &talk.split);
	ok(talk.split.endpoint_exhausted && !talk.split.other_way,
	   "both used up: there is no other way");
	end(&talk);

	begin(&talk, RECO_OP_SEARCH, "kupari");
	build(&talk);
	reco_service_split(&talk.call, &talk.request, &response, &talk.split);
	ok(talk.split.endpoint_exhausted && !talk.split.other_way, "search has no other way");
	talk.capabilities = talk.split.capabilities;
	ok(!build(&talk), "and is not asked again");
	talk.call.operation = RECO_OP_PROBE;
	talk.keys[0] = "";
	ok(!build(&talk), "not even by a probe");
	talk.call.operation = RECO_OP_ARTIST_TRACKS;
	talk.keys[0] = ARTIST " Lanterna";
	ok(build(&talk) && talk.request.endpoint == RECO_SPOTIFY_ARTIST_TOP_TRACKS,
	   "top tracks of an artist are");
	end(&talk);
}

static void
test_search_limit(void)
{
	static const char refused[] = "{\"error\":{\"status\":400,\"message\":\"Invalid limit\"}}";
	static const char good[] = "{\"tracks\":{\"items\":[]},\"artists\":{\"items\":[]}}";
	Talk		talk;

	begin(&talk, RECO_OP_SEARCH, "limit=3&limit=4");
	talk.options.access = RECO_ACCESS_EXTENDED;
	answer(&talk, 400, refused);
	ok(talk.split.outcome == RECO_OUTCOME_REJECTED && flags(&talk.split) == OTHER_WAY &&
		   talk.split.capabilities.search_limit == 10,
	   "\"Invalid limit\" teaches 10, and to ask again");
	talk.capabilities = talk.split.capabilities;
	ok(build(&talk) && strstr(talk.request.target.data, "&limit=10") != NULL,
	   "which is then asked for");
	answer(&talk, 400, refused);
	ok(talk.split.outcome == RECO_OUTCOME_REJECTED && flags(&talk.split) == 0,
	   "10 that are refused are not asked for again");
	answer(&talk, 200, good);
	ok(talk.split.capabilities.search_limit == 10, "10 that work teach nothing new");
	end(&talk);

	begin(&talk, RECO_OP_SEARCH, "x");
	talk.options.access = RECO_ACCESS_EXTENDED;
	build(&talk);
	talk.capabilities.search_limit = 10;
	answer(&talk, 400, refused);
	ok(flags(&talk.split) == OTHER_WAY && talk.split.capabilities.search_limit == 10,
	   "one that was under way while 10 was learned is asked again");
	answer(&talk, 200, good);
	ok(talk.split.capabilities.search_limit == 10, "and does not undo it");
	end(&talk);

	begin(&talk, RECO_OP_SEARCH, "x");
	talk.options.access = RECO_ACCESS_EXTENDED;
	answer(&talk, 200, good);
	ok(talk.split.capabilities.search_limit == 50, "50 that work are learned");
	end(&talk);
	begin(&talk, RECO_OP_PROBE, "");
	answer(&talk, 200, good);
	ok(has_value(&talk, 0, "{\"ok\":true}") && talk.split.capabilities.search_limit == 0,
	   "a probe of 1 teaches nothing of limits");
	end(&talk);
	begin(&talk, RECO_OP_ARTIST_TRACKS, ARTIST " x");
	talk.capabilities.refused = 1u << RECO_SPOTIFY_ARTIST_TOP_TRACKS;
	talk.options.access = RECO_ACCESS_EXTENDED;
	answer(&talk, 400, refused);
	ok(flags(&talk.split) == OTHER_WAY && talk.split.capabilities.search_limit == 10,
	   "the search for an artist's tracks learns it as well");
	end(&talk);
}

/* What an answer shows of the app, which costs no call. */
static void
test_fields(void)
{
	static const struct
	{
		const char *body;
		uint32_t	seen;
		const char *name;
	}			cases[] = {
		{"{\"tracks\":{\"items\":[{\"id\":\"" TRACK_1 "\",\"name\":\"x\"}]}}",
		 RECO_SPOTIFY_FEWER_FIELDS, "a track without popularity: one of 2026"},
		{"{\"tracks\":{\"items\":[{\"id\":\"" TRACK_1 "\",\"name\":\"x\"},null,"
		 "{\"popularity\":null}]}}",
		 RECO_SPOTIFY_ALL_FIELDS, "one of several with it: all fields"},
		{"{\"artists\":{\"items\":[{\"genres\":[]}]}}", RECO_SPOTIFY_ALL_FIELDS,
		 "an artist with genres: all fields"},
		{"{\"artists\":{\"items\":[{\"name\":\"x\"}]}}", RECO_SPOTIFY_FEWER_FIELDS,
		 "an artist without: fewer"},
		{"{\"tracks\":{\"items\":[]},\"artists\":{\"items\":[null]}}", 0,
		 "nothing there: nothing learned"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		Talk		talk;

		begin(&talk, RECO_OP_SEARCH, "x");
		answer(&talk, 200, cases[i].body);
		ok(talk.split.outcome == RECO_OUTCOME_FRESH &&
			   talk.split.capabilities.dropped == cases[i].seen,
		   "%s", cases[i].name);
		end(&talk);
	}
}

/* Refuses a question of one or two keys, and looks at what is learned. */
static void
refused_is(RecoOperation operation, const char *key, const char *second, int status,
		   const char *body, int endpoint, bool other_way, const char *name)
{
	Talk		talk;

	begin(&talk, operation, key);
	talk.options.access = RECO_ACCESS_EXTENDED;
	if (second != NULL)
		add_key(&talk, second);
	answer(&talk, status, body);
	ok(talk.split.outcome == RECO_OUTCOME_DENIED &&
		   flags(&talk.split) == (ENDPOINT | (other_way ? OTHER_WAY : 0)) &&
		   talk.split.capabilities.refused == 1u << endpoint,
	   "%s", name);
	talk.capabilities = talk.split.capabilities;
	talk.call.nkeys = 1;
	ok(build(&talk) == other_way && (!other_way || talk.request.endpoint != endpoint),
	   "%s: then %s", name, other_way ? "another way is built" : "none is");
	end(&talk);
}

static void
test_refused_endpoints(void)
{
	static const char forbidden[] = "{\"error\":{\"status\":403,\"message\":\"Forbidden\"}}";
	static const char no_message[] = "{\"error\":{\"status\":403}}";
	Talk		talk;

	refused_is(RECO_OP_TRACKS, TRACK_1, TRACK_2, 403, forbidden, RECO_SPOTIFY_TRACKS,
			   true, "no batches of tracks");
	refused_is(RECO_OP_ARTISTS, ARTIST, ARTIST_2, 403, no_message, RECO_SPOTIFY_ARTISTS,
			   true, "no batches of artists");
	refused_is(RECO_OP_TRACKS, TRACK_1, TRACK_2, 403, "", RECO_SPOTIFY_TRACKS, true,
			   "no batches, and no words");
	refused_is(RECO_OP_TRACKS, TRACK_1, TRACK_2, 404, "", RECO_SPOTIFY_TRACKS, true,
			   "no batches, by 404");
	refused_is(RECO_OP_TRACKS, TRACK_1, TRACK_2, 400,
			   "{\"error\":{\"status\":400,\"message\":\"Too many ids requested\"}}",
			   RECO_SPOTIFY_TRACKS, true, "no batches of that size");
	refused_is(RECO_OP_TRACKS, TRACK_1, NULL, 403, forbidden, RECO_SPOTIFY_TRACK, true,
			   "no single tracks");
	refused_is(RECO_OP_ARTIST_TRACKS, ARTIST " x", NULL, 403, forbidden,
			   RECO_SPOTIFY_ARTIST_TOP_TRACKS, true, "no top tracks, but a name");
	refused_is(RECO_OP_ARTIST_TRACKS, ARTIST, NULL, 403, forbidden,
			   RECO_SPOTIFY_ARTIST_TOP_TRACKS, false, "no top tracks, and no name");
	begin(&talk, RECO_OP_PROBE, "");
	answer(&talk, 403, forbidden);
	ok(talk.split.outcome == RECO_OUTCOME_DENIED && flags(&talk.split) == ENDPOINT,
	   "a probe that is refused is not repeated");
	end(&talk);
	begin(&talk, RECO_OP_TRACKS, TRACK_1);
	add_key(&talk, TRACK_2);
	answer(&talk, 400, "{\"error\":{\"status\":400,\"message\":\"invalid id\"}}");
	ok(talk.split.outcome == RECO_OUTCOME_REJECTED && flags(&talk.split) == 0,
	   "a batch with a bad id is rejected, and batches stay open");
	answer_bytes(&talk, 404, RECO_CONTENT_HTML, HTML, strlen(HTML));
	ok(talk.split.outcome == RECO_OUTCOME_REJECTED && flags(&talk.split) == 0,
	   "a page that is not found says nothing of batches");
	end(&talk);
}

#define ARTIST_LINKS \
	"{\"external_urls\":{\"spotify\":\"https://open.spotify.com/artist/" ARTIST "\"}," \
	"\"href\":\"https://api.spotify.com/v1/artists/" ARTIST "\",\"id\":\"" ARTIST "\"," \
	"\"name\":\"Lanterna Norte\",\"type\":\"artist\",\"uri\":\"spotify:artist:" ARTIST "\"}"
#define FULL_TRACK "{\"album\":{\"album_type\":\"album\",\"artists\":[" ARTIST_LINKS "]," \
	"\"available_markets\":[\"DE\",\"FI\",\"SE\"],\"external_urls\":{},\"href\":\"\"," \
	"\"id\":\"" ALBUM \
	"\",\"images\":[{\"height\":640,\"url\":\"https://i.scdn.co/image/x\",\"width\":640}]," \
	"\"name\":\"Kupari \xE2\x9C\xA8\",\"release_date\":\"2023-09\",\"release_date_precision\":\"month\"," \
	"\"total_tracks\":11,\"type\":\"album\",\"uri\":\"spotify:album:" ALBUM "\"}," \
	"\"artists\":[" ARTIST_LINKS "],\"available_markets\":[\"DE\"],\"disc_number\":1," \
	"\"duration_ms\":214387,\"explicit\":false,\"external_ids\":{\"isrc\":\"FIXX02300117\"}," \
	"\"external_urls\":{},\"href\":\"\",\"id\":\"" TRACK_1 "\",\"is_local\":false," \
	"\"name\":\"Don\xE2\x80\x99t Look Down (feat. \xC3\x84iti) \xF0\x9F\x8E\xA7\",\"popularity\":41," \
	"\"preview_url\":null,\"track_number\":4,\"type\":\"track\",\"uri\":\"spotify:track:" TRACK_1 \
	"\"}"
#define FULL_VALUE \
	"{\"id\":\"" TRACK_1 "\"," \
	"\"name\":\"Don\xE2\x80\x99t Look Down (feat. \xC3\x84iti) \xF0\x9F\x8E\xA7\"," \
	"\"artists\":[{\"id\":\"" ARTIST "\",\"name\":\"Lanterna Norte\"}]," \
	"\"album\":\"Kupari \xE2\x9C\xA8\",\"album_id\":\"" ALBUM "\",\"isrc\":\"FIXX02300117\"," \
	"\"release_date\":\"2023-09\",\"duration_ms\":214387,\"explicit\":false,\"popularity\":41}"
#define FULL_ARTIST \
	"{\"external_urls\":{},\"followers\":{\"href\":null,\"total\":18244}," \
	"\"genres\":[\"finnish indie\",\"dream pop\"],\"href\":\"\",\"id\":\"" ARTIST \
	"\",\"images\":[]," \
	"\"name\":\"Lanterna Norte\",\"popularity\":37,\"type\":\"artist\",\"uri\":\"spotify:artist:" ARTIST \
	"\"}"
#define FULL_ARTIST_VALUE \
	"{\"id\":\"" ARTIST "\",\"name\":\"Lanterna Norte\"," \
	"\"genres\":[\"finnish indie\",\"dream pop\"],\"popularity\":37}"
#define PAGE(items) \
	"{\"href\":\"https://api.spotify.com/v1/x\",\"limit\":50,\"next\":null,\"offset\":0," \
	"\"previous\":null,\"total\":null,\"items\":[" items "]}"

static void
test_objects(void)
{
	value_of(RECO_OP_TRACKS, TRACK_1, FULL_TRACK, FULL_VALUE, "a track of an extended app");
	value_of(RECO_OP_TOP_TRACKS, "short_term", PAGE(FULL_TRACK),
			 "{\"tracks\":[" FULL_VALUE "]}", "as a top track");
	value_of(RECO_OP_TRACKS, TRACK_1,
			 "{\"album\":{\"id\":\"" ALBUM "\",\"name\":\"Kupari\",\"release_date\":\"2023\"},"
			 "\"artists\":[" ARTIST_LINKS "],\"duration_ms\":214387,\"explicit\":true,"
			 "\"external_ids\":{\"isrc\":\"FIXX02300117\"},\"id\":\"" TRACK_1
			 "\",\"is_local\":false,"
			 "\"name\":\"Don't\",\"type\":\"track\"}",
			 "{\"id\":\"" TRACK_1 "\",\"name\":\"Don't\","
			 "\"artists\":[{\"id\":\"" ARTIST
			 "\",\"name\":\"Lanterna Norte\"}],\"album\":\"Kupari\","
			 "\"album_id\":\"" ALBUM
			 "\",\"isrc\":\"FIXX02300117\",\"release_date\":\"2023\","
			 "\"duration_ms\":214387,\"explicit\":true}",
			 "a track of an app in development mode: no popularity, but its ISRC");
	value_of(RECO_OP_TRACKS, TRACK_1, "{\"id\":\"" TRACK_1 "\"}",
			 "{\"id\":\"" TRACK_1 "\"}", "an id is enough");
	value_of(
		RECO_OP_TRACKS, TRACK_1,
		"{\"id\":\"" TRACK_1
		"\",\"name\":\"\",\"artists\":[null,{},{\"id\":null,\"name\":\"x\"}],"
		"\"album\":{\"name\":\"\",\"release_date\":\"0000\",\"release_date_precision\":\"year\"},"
		"\"duration_ms\":null,\"explicit\":null,\"external_ids\":null,\"popularity\":null,"
		"\"is_playable\":true,\"linked_from\":null}",
		"{\"id\":\"" TRACK_1 "\",\"artists\":[{\"name\":\"x\"}]}",
		"what is null or empty is left out");
	value_of(
		RECO_OP_TRACKS, TRACK_1,
		"{\"id\":\"" TRACK_1 "\",\"name\":7,\"artists\":{\"id\":\"x\"},\"album\":[],"
		"\"duration_ms\":{},\"explicit\":\"no\",\"external_ids\":[],\"popularity\":[],"
		"\"is_playable\":null,\"linked_from\":7,\"type\":null}",
		"{\"id\":\"" TRACK_1 "\"}", "what has another type is left out");
	value_of(RECO_OP_TRACKS, TRACK_1,
			 "{\"id\":\"" TRACK_1 "\",\"duration_ms\":\"214387\",\"popularity\":41.0,"
			 "\"is_playable\":false,\"restrictions\":{\"reason\":\"market\"}}",
			 "{\"id\":\"" TRACK_1 "\",\"duration_ms\":214387,\"popularity\":41,\"playable\":false}",
			 "numbers as strings; and what cannot be played");
	value_of(RECO_OP_TRACKS, TRACK_1,
			 "{\"id\":\"" TRACK_1 "\",\"duration_ms\":-1,\"popularity\":101}",
			 "{\"id\":\"" TRACK_1 "\"}", "nonsense is left out");
	value_of(RECO_OP_TRACKS, TRACK_1,
			 "{\"id\":\"" TRACK_1 "\",\"duration_ms\":1e300,\"popularity\":0}",
			 "{\"id\":\"" TRACK_1 "\",\"popularity\":0}", "a popularity of 0 is not");
	value_of(RECO_OP_ARTISTS, ARTIST, FULL_ARTIST, FULL_ARTIST_VALUE, "an artist");
	value_of(RECO_OP_TOP_ARTISTS, "", PAGE(FULL_ARTIST),
			 "{\"artists\":[" FULL_ARTIST_VALUE "]}", "as a top artist");
	value_of(RECO_OP_ARTISTS, ARTIST,
			 "{\"external_urls\":{},\"href\":\"\",\"id\":\"" ARTIST
			 "\",\"images\":null,\"name\":\"L\","
			 "\"type\":\"artist\",\"uri\":\"\"}",
			 "{\"id\":\"" ARTIST "\",\"name\":\"L\"}",
			 "an artist in development mode has no genres");
	value_of(RECO_OP_ARTISTS, ARTIST,
			 "{\"id\":\"" ARTIST "\",\"genres\":[null,\"\",7,\"jazz\"],\"popularity\":\"12\"}",
			 "{\"id\":\"" ARTIST "\",\"genres\":[\"jazz\"],\"popularity\":12}",
			 "genres that are none are left out");
}

static void
test_dates(void)
{
	static const struct
	{
		const char *date;
		const char *precision;
		const char *wanted;		/* NULL = none */
	}			dates[] = {
		{"2023-09-30", "day", "2023-09-30"},
		{"2023-09-30", NULL, "2023-09-30"},
		{"2023-09", "month", "2023-09"},
		{"2023", "year", "2023"},
		{"1981-01-01", "year", "1981"},
		{"1981-05-01", "month", "1981-05"},
		{"2024-02-29", "day", "2024-02-29"},
		{"2000-02-29", "day", "2000-02-29"},
		{"2023-02-29", "day", "2023-02"},
		{"1900-02-29", "day", "1900-02"},
		{"2023-04-31", "day", "2023-04"},
		{"2023-00-00", "day", "2023"},
		{"2023-13-01", "day", "2023"},
		{"2023-9-1", "day", "2023"},
		{"2023-09-30T00:00:00Z", "day", "2023-09-30"},
		{"0000", "year", NULL},
		{"0000-00-00", "day", NULL},
		{"", "day", NULL},
		{"20", "year", NULL},
		{"20235", "year", NULL},
		{"soon", NULL, NULL},
		{"0987", "year", "0987"},
	};

	for (size_t i = 0; i < LENGTH(dates); i++)
	{
		char		body[300];
		char		wanted[200];

		snprintf(
			body, sizeof(body),
			"{\"id\":\"%s\",\"album\":{\"release_date\":\"%s\",\"release_date_precision\":%s%s%s}}",
			TRACK_1, dates[i].date, dates[i].precision == NULL ? "" : "\"",
			dates[i].precision == NULL ? "null" : dates[i].precision,
			dates[i].precision == NULL ? "" : "\"");
		snprintf(wanted, sizeof(wanted), "{\"id\":\"%s\"%s%s%s}", TRACK_1,
				 dates[i].wanted == NULL ? "" : ",\"release_date\":\"",
				 dates[i].wanted == NULL ? "" : dates[i].wanted,
				 dates[i].wanted == NULL ? "" : "\"");
		value_of(RECO_OP_TRACKS, TRACK_1, body, wanted, dates[i].date);
	}
}

#define ITEM(id) "{\"id\":\"" id "\",\"type\":\"track\"}"
#define LOCAL \
	"{\"id\":null,\"name\":\"demo 3\",\"type\":\"track\",\"is_local\":true,\"duration_ms\":61000," \
	"\"uri\":\"spotify:local:::demo+3:61\",\"artists\":[{\"id\":null,\"name\":\"\"}]," \
	"\"album\":{\"id\":null,\"name\":\"\",\"release_date\":null}}"
#define EPISODE \
	"{\"id\":\"" TRACK_2 \
	"\",\"name\":\"Episode 12\",\"type\":\"episode\",\"duration_ms\":2400000}"

static void
test_lists(void)
{
	Talk		talk;
	RecoBuffer	body = {0};
	int			n = 0;

	value_of(RECO_OP_TOP_TRACKS, "", PAGE(""), "{\"tracks\":[]}",
			 "a new account has no top tracks");
	value_of(RECO_OP_TOP_TRACKS, "",
			 PAGE("null," ITEM(TRACK_1) "," LOCAL ",7,[]," EPISODE "," ITEM(
				 TRACK_1) ",{},"
						  "{\"id\":\"" TRACK_3 "\",\"is_local\":true}," ITEM(TRACK_2)),
			 "{\"tracks\":[{\"id\":\"" TRACK_1 "\"},{\"id\":\"" TRACK_2 "\"}]}",
			 "null, local files, episodes, and what comes twice are skipped");
	value_of(RECO_OP_TOP_ARTISTS, "",
			 PAGE("null,{\"id\":\"" ARTIST "\"},{\"id\":null},{\"id\":\"" ARTIST_2
				  "\",\"type\":\"show\"},"
				  "{\"id\":\"" ARTIST "\"}"),
			 "{\"artists\":[{\"id\":\"" ARTIST "\"}]}", "the same for artists");
	value_of(RECO_OP_SEARCH, "x",
			 "{\"tracks\":" PAGE(FULL_TRACK ",null," ITEM(TRACK_2)) ",\"artists\":" PAGE(
				 FULL_ARTIST) "}",
			 "{\"tracks\":[" FULL_VALUE ",{\"id\":\"" TRACK_2
			 "\"}],\"artists\":[" FULL_ARTIST_VALUE "]}",
			 "a search brings both");
	value_of(RECO_OP_SEARCH, "x", "{\"tracks\":" PAGE("") ",\"artists\":" PAGE("") "}",
			 "{\"tracks\":[],\"artists\":[]}", "or neither");
	value_of(RECO_OP_SEARCH, "x", "{\"tracks\":null,\"artists\":" PAGE(FULL_ARTIST) "}",
			 "{\"tracks\":[],\"artists\":[" FULL_ARTIST_VALUE "]}", "one may be missing");
	value_of(RECO_OP_SEARCH, "x",
			 "{\"artists\":{\"items\":[]},\"tracks\":{\"items\":[{\"id\":\"" RELINKED "\","
			 "\"linked_from\":{\"id\":\"" TRACK_1 "\"}},{\"id\":\"" TRACK_2 "\","
			 "\"linked_from\":{\"id\":\"" TRACK_2 "\"}}]}}",
			 "{\"tracks\":[{\"id\":\"" RELINKED "\",\"linked_from\":\"" TRACK_1 "\"},"
			 "{\"id\":\"" TRACK_2 "\"}],\"artists\":[]}",
			 "relinked tracks of a list say what from");

	reco_buffer_puts(&body, "{\"items\":[");
	for (int i = 0; i < 200; i++)
		reco_buffer_printf(&body, "%s{\"id\":\"track%d\"}", i == 0 ? "" : ",", i);
	reco_buffer_puts(&body, "]}");
	begin(&talk, RECO_OP_TOP_TRACKS, "");
	answer(&talk, 200, body.data);
	for (const char *p = talk.split.answers[0].value; (p = strstr(p, "\"id\"")) != NULL;
		 p++)
		n++;
	ok(n == 50, "no more than 50 are taken");
	end(&talk);
	reco_buffer_free(&body, false);
}

static void
test_artist_tracks(void)
{
	Talk		talk;

	value_of(RECO_OP_ARTIST_TRACKS, ARTIST, "{\"tracks\":[" FULL_TRACK ",null," ITEM(TRACK_2) "]}",
			 "{\"tracks\":[" FULL_VALUE ",{\"id\":\"" TRACK_2 "\"}]}", "an artist's top tracks");
	value_of(RECO_OP_ARTIST_TRACKS, ARTIST, "{\"tracks\":[]}", "{\"tracks\":[]}",
			 "which may be none");
	begin(&talk, RECO_OP_ARTIST_TRACKS, ARTIST " Lanterna Norte");
	talk.options.access = RECO_ACCESS_DEVELOPMENT;
	answer(&talk, 200,
		   "{\"tracks\":" PAGE(FULL_TRACK ",null," ITEM(TRACK_2) ","
							   "{\"id\":\"" TRACK_3 "\",\"artists\":[null,{\"id\":\"" ARTIST_2 "\","
							   "\"name\":\"Lanterna Norte\"}]},"
							   "{\"id\":\"" RELINKED "\",\"artists\":[{\"id\":\"" ARTIST_2 "\"},"
							   "{\"id\":\"" ARTIST "\"}]}") "}");
	ok(has_value(&talk, 0,
				 "{\"tracks\":[" FULL_VALUE ",{\"id\":\"" RELINKED
				 "\",\"artists\":[{\"id\":\"" ARTIST_2 "\"},{\"id\":\"" ARTIST "\"}]}]}"),
	   "of a search, only those that the artist has a part in");
	answer(&talk, 200, "{\"tracks\":" PAGE(ITEM(TRACK_2)) "}");
	ok(key_is(&talk, 0, RECO_OUTCOME_ABSENT), "a search that finds none of the artist's");
	end(&talk);
}

/* A batch of three tracks. */
static void
begin_batch(Talk *talk)
{
	begin(talk, RECO_OP_TRACKS, TRACK_1);
	add_key(talk, TRACK_2);
	add_key(talk, TRACK_3);
}

static void
test_batches(void)
{
	Talk		talk;

	begin_batch(&talk);
	answer(
		&talk, 200,
		"{\"tracks\":[" FULL_TRACK ",null,{\"id\":\"" RELINKED
		"\",\"linked_from\":{\"id\":\"" TRACK_3
		"\",\"type\":\"track\"},\"is_playable\":true,\"name\":\"Relinked\",\"type\":\"track\"}]}");
	ok(has_value(&talk, 0, FULL_VALUE) && key_is(&talk, 1, RECO_OUTCOME_ABSENT) &&
		   has_value(&talk, 2,
					 "{\"id\":\"" RELINKED
					 "\",\"name\":\"Relinked\",\"linked_from\":\"" TRACK_3 "\"}"),
	   "a batch: found, unknown, relinked");
	answer(&talk, 200,
		   "{\"tracks\":[" ITEM(TRACK_1) "," ITEM(RELINKED) "," ITEM(TRACK_3) "]}");
	ok(has_value(&talk, 0, "{\"id\":\"" TRACK_1 "\"}") &&
		   has_value(&talk, 1, "{\"id\":\"" RELINKED "\",\"linked_from\":\"" TRACK_2 "\"}"),
	   "relinked without a word: the position tells");
	answer(&talk, 200, "{\"tracks\":[" ITEM(TRACK_3) "," ITEM(TRACK_1) ",null]}");
	ok(has_value(&talk, 0, "{\"id\":\"" TRACK_1 "\"}") &&
		   key_is(&talk, 1, RECO_OUTCOME_ABSENT) &&
		   has_value(&talk, 2, "{\"id\":\"" TRACK_3 "\"}"),
	   "out of order: the ids tell");
	answer(&talk, 200,
		   "{\"tracks\":[{\"id\":\"" RELINKED "\",\"linked_from\":{\"id\":\"" ARTIST "\"}}," EPISODE
		   ",{\"name\":\"x\"}]}");
	ok(key_is(&talk, 0, RECO_OUTCOME_ABSENT) && key_is(&talk, 1, RECO_OUTCOME_ABSENT) &&
		   key_is(&talk, 2, RECO_OUTCOME_MALFORMED),
	   "relinked from something else, an episode, nameless");
	answer(&talk, 200, "{\"tracks\":[" ITEM(TRACK_2) "]}");
	ok(key_is(&talk, 0, RECO_OUTCOME_MALFORMED) &&
		   has_value(&talk, 1, "{\"id\":\"" TRACK_2 "\"}") &&
		   key_is(&talk, 2, RECO_OUTCOME_MALFORMED),
	   "of a list that is too short, what has its id");
	answer(&talk, 200, "{\"tracks\":[null,null,null]}");
	ok(key_is(&talk, 0, RECO_OUTCOME_ABSENT) && key_is(&talk, 2, RECO_OUTCOME_ABSENT),
	   "nothing is known");
	answer(&talk, 200, "{\"tracks\":null}");
	ok(talk.split.outcome == RECO_OUTCOME_MALFORMED, "no list is not an empty one");
	answer(&talk, 200, "{\"artists\":[null,null,null]}");
	ok(talk.split.outcome == RECO_OUTCOME_MALFORMED, "nor is another list");
	end(&talk);

	begin(&talk, RECO_OP_TRACKS, TRACK_1);
	add_key(&talk, TRACK_1);
	answer(&talk, 200, "{\"tracks\":[" ITEM(TRACK_1) "," ITEM(TRACK_1) "]}");
	ok(has_value(&talk, 0, "{\"id\":\"" TRACK_1 "\"}") &&
		   has_value(&talk, 1, "{\"id\":\"" TRACK_1 "\"}"),
	   "an id that is asked for twice is answered twice");
	end(&talk);
	begin(&talk, RECO_OP_ARTISTS, ARTIST);
	add_key(&talk, ARTIST_2);
	answer(&talk, 200, "{\"artists\":[null," FULL_ARTIST "]}");
	ok(has_value(&talk, 0, FULL_ARTIST_VALUE) && key_is(&talk, 1, RECO_OUTCOME_ABSENT),
	   "artists, too");
	end(&talk);
}

static void
test_relinked_singles(void)
{
	Talk		talk;

	value_of(RECO_OP_TRACKS, TRACK_3,
			 "{\"id\":\"" RELINKED "\",\"linked_from\":{\"id\":\"" TRACK_3 "\"}}",
			 "{\"id\":\"" RELINKED "\",\"linked_from\":\"" TRACK_3 "\"}", "a relinked track");
	value_of(RECO_OP_TRACKS, TRACK_3, "{\"id\":\"" RELINKED "\"}",
			 "{\"id\":\"" RELINKED "\",\"linked_from\":\"" TRACK_3 "\"}",
			 "in development mode only the URL tells");
	begin(&talk, RECO_OP_TRACKS, TRACK_2);
	answer(&talk, 200, EPISODE);
	ok(key_is(&talk, 0, RECO_OUTCOME_ABSENT), "an episode is no track");
	end(&talk);
}

static void
test_text(void)
{
	Talk		talk;
	json_t	   *parsed;

	value_of(RECO_OP_TRACKS, TRACK_1,
			 "{\"id\":\"" TRACK_1
			 "\",\"name\":\"a\\u0000b \\ud83d c \\udfa7\\ud83c \\ud83c\\udfa7\"}",
			 "{\"id\":\"" TRACK_1 "\",\"name\":\"a\xEF\xBF\xBD"
			 "b \xEF\xBF\xBD c \xEF\xBF\xBD\xEF\xBF\xBD "
			 "\xF0\x9F\x8E\xA7\"}",
			 "NUL escapes and lone surrogates are replaced, pairs are not");
	value_of(RECO_OP_TRACKS, TRACK_1, "{\"id\":\"" TRACK_1 "\",\"name\":\"caf\xE9\"}",
			 "{\"id\":\"" TRACK_1 "\",\"name\":\"caf\xEF\xBF\xBD\"}", "so is Latin-1");
	value_of(RECO_OP_TRACKS, TRACK_1,
			 "{\"id\":\"" TRACK_1 "\",\"name\":\"x\",\"name\":\"y\"}",
			 "{\"id\":\"" TRACK_1 "\",\"name\":\"y\"}", "the last of two members counts");
	begin(&talk, RECO_OP_TRACKS, TRACK_1);
	answer(&talk, 200,
		   "{\"id\":\"" TRACK_1
		   "\",\"name\":\"\\\"\\\\\\n\\u001f\\u2028\",\"artists\":[{\"name\":\"\\t\"}]}");
	parsed =
		reco_json_parse(talk.split.answers[0].value, talk.split.answers[0].value_len);
	ok(strchr(talk.split.answers[0].value, '\n') == NULL &&
		   is_text(reco_json_string(parsed, "name"), "\"\\\n\x1F\xE2\x80\xA8"),
	   "what has to be escaped is");
	json_decref(parsed);
	end(&talk);
}

static void
test_messages(void)
{
	Talk		talk;

	begin(&talk, RECO_OP_SEARCH, "x");
	answer_bytes(&talk, 403, TEXT, "no\x1B[31m \xE9 \0 entry", 17);
	ok(talk.split.message[0] != '\0' && strchr(talk.split.message, '\x1B') == NULL &&
		   strchr(talk.split.message, '\xE9') == NULL,
	   "a message is printable");
	answer(&talk, 401,
		   "{\"error\":{\"message\":\"Bad token Bearer "
		   "BQDinventedTokenBQDinventedTokenBQDinventedTokenBQDinventedToken\"}}");
	ok(strstr(talk.split.message, "BQD") == NULL, "and says no secret");
	end(&talk);
}

int
main(void)
{
	ok(reco_service_endpoints(RECO_SPOTIFY) == RECO_SPOTIFY_NENDPOINTS &&
		   RECO_SPOTIFY_NENDPOINTS <= RECO_MAXENDPOINTS,
	   "there is room for the endpoints");
	for (int i = 0; i < RECO_SPOTIFY_NENDPOINTS; i++)
		ok(reco_endpoint_name(RECO_SPOTIFY, i) != NULL, "endpoint %d has a name", i);
	test_search_requests();
	test_listener_requests();
	test_read_requests();
	test_artist_tracks_requests();
	test_errors();
	test_absent();
	test_truncation();
	test_quota();
	test_quota_of_endpoint();
	test_search_limit();
	test_fields();
	test_refused_endpoints();
	test_objects();
	test_dates();
	test_lists();
	test_artist_tracks();
	test_batches();
	test_relinked_singles();
	test_text();
	test_messages();
	return tap_done();
}
