/*-------------------------------------------------------------------------
 *
 * reccobeats_test.c
 *	  Tests of the ReccoBeats adapter: what is sent, what an answer means.
 *
 * Purpose: every shape and failure that is known of the service, and that a miss
 *			is only believed when the answer was whole.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	use real songs.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/upstream/service.c src/upstream/message.c src/upstream/json.c
			src/upstream/buffer.c src/upstream/outcome.c src/upstream/reccobeats.c
			src/upstream/reccobeats_check.c
			src/upstream/spotify.c src/upstream/spotify_error.c
			src/upstream/spotify_read.c src/upstream/spotify_request.c
			src/upstream/spotify_token.c src/upstream/gemini.c src/upstream/openai.c
			src/upstream/model.c src/upstream/completion.c src/upstream/header.c */
#include "upstream/reccobeats.h"

#include <string.h>

#include "tap.h"

#define A	"1QWN1ij3rsgeKkHInkAz6Y"
#define B	"4O6BcWzUa12zRnhLmcxVkB"
#define C	"3oYF9SBFbkCDrMOlXfxUaZ"
#define U	"7b1f0c52-4d0e-4f7a-9a55-0f2f6c1e9d31"
#define V	"2f4c9f0a-8d3b-4b52-8f0e-6a1b0c9d7e42"
#define T	"https://open.spotify.com/track/"
#define ISRC "FIXX02300117"

static const RecoCapabilities nothing = {0};
static RecoOptions options;

/* What the last answer meant; freed by the next. */
static RecoSplit split;

/* A call of some keys, which last for a few calls more. */
static RecoCall
call_of(RecoOperation operation, int nkeys, const char *a, const char *b, const char *c)
{
	static const char *keys[16][3];
	static int	n = 0;
	RecoCall	call = {operation, &options, &nothing, nkeys, keys[++n % 16]};

	keys[n % 16][0] = a;
	keys[n % 16][1] = b;
	keys[n % 16][2] = c;
	return call;
}

/* The target of a call; "-" when there is none. */
static const char *
target_of(RecoCall call)
{
	static char target[1000];
	RecoHttpRequest request;

	if (!reco_service_build(&call, &request))
		return "-";
	snprintf(target, sizeof(target), "%s%s%s", request.post ? "POST " : "",
			 request.auth == RECO_AUTH_NONE ? "" : "AUTH ", request.target.data);
	reco_http_request_free(&request);
	return target;
}

/* Reads an answer of a given kind. */
static void
receive_as(RecoCall call, int status, RecoContent content, bool truncated,
		   const char *body)
{
	RecoHttpResponse response = {status, content, 3000, 0, truncated, body, strlen(body)};
	RecoHttpRequest request;
	bool		built = reco_service_build(&call, &request);

	reco_split_free(&split);
	reco_service_split(&call, &request, &response, &split);
	if (built)
		reco_http_request_free(&request);
}

static void
receive(RecoCall call, int status, const char *body)
{
	receive_as(call, status, RECO_CONTENT_JSON, false, body);
}

/* Did key k become that value? With NULL: is it absent? */
static bool
became(int k, const char *value)
{
	if (split.outcome != RECO_OUTCOME_FRESH || k >= split.nanswers)
		return false;
	if (!value)
		return split.answers[k].outcome == RECO_OUTCOME_ABSENT && !split.answers[k].value;
	if (split.answers[k].outcome != RECO_OUTCOME_FRESH)
		return false;
	if (strcmp(split.answers[k].value, value) != 0)
		printf("# got %s\n", split.answers[k].value);
	return strcmp(split.answers[k].value, value) == 0 &&
		split.answers[k].value_len == strlen(value);
}

static bool
ended(RecoOutcome outcome)
{
	return split.outcome == outcome && split.nanswers == 0;
}

static void
test_targets(void)
{
	ok(strcmp(target_of(call_of(RECO_OP_IDS, 3, A, B, C)), "/track?ids=" A "," B "," C) == 0,
	   "ids");
	ok(strcmp(target_of(call_of(RECO_OP_IDS, 3, A, B, A)), "/track?ids=" A "," B) == 0,
	   "each id once");
	ok(strcmp(target_of(call_of(RECO_OP_FEATURES, 2, A, U, NULL)),
			  "/audio-features?ids=" A "," U) == 0, "features");
	ok(strcmp(target_of(call_of(RECO_OP_RB_ARTIST_TRACKS, 1, U, NULL, NULL)),
			  "/artist/" U "/track?page=0&size=50") == 0, "an artist's tracks");
	ok(strcmp(target_of(call_of(RECO_OP_PROBE, 1, "", NULL, NULL)),
			  "/track?ids=0000000000000000000000") == 0,
	   "a probe");
	ok(strcmp(target_of(call_of(RECO_OP_RECOMMENDATION, 1, "{\"seeds\":[\"" A "\"]}",
								NULL, NULL)),
			  "/track/recommendation?size=20&seeds=" A) == 0,
	   "a recommendation");
	ok(strcmp(target_of(call_of(
				  RECO_OP_RECOMMENDATION, 1,
				  "{\"seeds\":[\"" A "\",\"" U "\",\"" B "\"],\"negative_seeds\":[\"" C
				  "\"],\"size\":50,\"targets\":"
				  "{\"energy\":0.25,\"tempo\":120,\"key\":-1},\"feature_weight\":2.5}",
				  NULL, NULL)),
			  "/track/recommendation?size=50&seeds=" A "," U "," B "&negativeSeeds=" C
			  "&energy=0.25&tempo=120&key=-1&featureWeight=2.5") == 0, "one with everything");
	ok(strcmp(target_of(call_of(RECO_OP_RECOMMENDATION, 1, "{}", NULL, NULL)), "-") == 0,
	   "nothing is built from a bad key");
	ok(strcmp(target_of(call_of(RECO_OP_SEARCH, 1, "x", NULL, NULL)), "-") == 0,
	   "nor for others' operations");
}

static void
test_guardrails(void)
{
	static const struct
	{
		const char *key;
		bool		good;
	}			cases[] = {
		{"{\"seeds\":[\"" A "\"],\"size\":1}", true},
		{"{\"seeds\":[\"" A "\"],\"size\":\"100\"}", true},
		{"{\"seeds\":[\"" A "\"],\"negative_seeds\":[]}", true},
		{"{\"seeds\":[\"" A "\"],\"negative_seeds\":null}", true},
		{"{\"seeds\":[\"" A "\",\"" B "\",\"" U "\"],\"negative_seeds\":[\"" C "\"]}", true},
		{"{\"seeds\":[\"" A "\"],\"targets\":{\"mode\":1,\"loudness\":-60}}", true},
		{"", false}, {"calm", false}, {"[]", false}, {"{}", false}, {"{\"seeds\":[]}", false},
		{"{\"seeds\":\"" A "\"}", false},
		{"{\"seeds\":[\"\"]}", false},
		{"{\"seeds\":[\" \"]}", false},
		{"{\"seeds\":[null]}", false},
		{"{\"seeds\":[1]}", false},
		{"{\"seeds\":[\"" ISRC "\"]}", false},
		{"{\"seeds\":[\"" A "\",\"" A "\"]}", false},
		{"{\"seeds\":[\"" U "\",\"7B1F0C52-4D0E-4F7A-9A55-0F2F6C1E9D31\"]}", false},
		{"{\"seeds\":[\"" A "1\"]}", false},
		{"{\"seeds\":[\"" A "\",\"" B "\",\"" C "\",\"" U "\",\"" V "\",\"1"
		 "QWN1ij3rsgeKkHInkAz6Z\"]}",
		 false},
		{"{\"seeds\":[\"" A "\"],\"size\":0}", false},
		{"{\"seeds\":[\"" A "\"],\"size\":101}", false},
		{"{\"seeds\":[\"" A "\"],\"size\":1.5}", false},
		{"{\"seeds\":[\"" A "\"],\"size\":[]}", false},
		{"{\"seeds\":[\"" A "\"],\"size\":1e300}", false},
		{"{\"seeds\":[\"" A "\"],\"negative_seeds\":[\"" B "\"]}", false},
		{"{\"seeds\":[\"" A "\",\"" C "\"],\"negative_seeds\":[\"" B "\"]}", false},
		{"{\"seeds\":[\"" A "\",\"" C "\",\"" U "\"],\"negative_seeds\":[\"" C "\"]}", false},
		{"{\"seeds\":[\"" A "\",\"" C "\",\"" U "\"],\"negative_seeds\":[\"x\"]}", false},
		{"{\"seeds\":[\"" A "\"],\"negative_seeds\":\"" B "\"}", false},
		{"{\"seeds\":[\"" A "\"],\"targets\":{\"energy\":1.1}}", false},
		{"{\"seeds\":[\"" A "\"],\"targets\":{\"energy\":\"x\"}}", false},
		{"{\"seeds\":[\"" A "\"],\"targets\":{\"energy\":null}}", false},
		{"{\"seeds\":[\"" A "\"],\"targets\":{\"year\":1999}}", false},
		{"{\"seeds\":[\"" A "\"],\"targets\":{\"key\":1.5}}", false},
		{"{\"seeds\":[\"" A "\"],\"targets\":[]}", false},
		{"{\"seeds\":[\"" A "\"],\"feature_weight\":0.5}", false},
		{"{\"seeds\":[\"" A "\"],\"feature_weight\":6}", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const char *why;
		bool		good;

		good = reco_operation_check(RECO_OP_RECOMMENDATION, cases[i].key, &why);
		ok(good == cases[i].good && !why == good, "%s: %s", cases[i].key, why ? why : "good");
	}
}

static void
test_ids(void)
{
	RecoCall	call = call_of(RECO_OP_IDS, 3, A, B, C);

	receive(call, 200,
			"{\"content\":[{\"id\":\"" V "\",\"href\":\"" T B "\",\"isrc\":null},"
			"{\"id\":\"" U "\",\"trackTitle\":\"x\",\"href\":\"" T A
			"/?si=1\",\"isrc\":\"" ISRC "\"}]}");
	ok(became(0, "{\"id\":\"" U "\",\"spotify_id\":\"" A "\",\"isrc\":\"" ISRC "\"}") &&
		   became(1, "{\"id\":\"" V "\",\"spotify_id\":\"" B "\"}") && became(2, NULL),
	   "in any order, and what is left out is absent");
	receive(call, 200, "{\"content\":[]}");
	ok(became(0, NULL) && became(1, NULL) && became(2, NULL), "all are absent");
	receive(call, 200,
			"{\"content\":[null,{\"id\":\"" U "\",\"href\":\"" T
			"1111111111111111111111\"}]}");
	ok(became(0, NULL), "a twin under another id is no answer, null is none");
	receive(call, 200, "{\"content\":[{\"id\":\"" U "\",\"href\":\"" T A "\"},{\"broken\":1}]}");
	ok(became(0, "{\"id\":\"" U "\",\"spotify_id\":\"" A "\"}") &&
		   split.answers[1].outcome == RECO_OUTCOME_MALFORMED,
	   "beside a record that cannot be read, no miss is believed");
	receive(call, 200, "{\"content\":[{\"id\":\"no uuid\",\"href\":\"" T A "\"}]}");
	ok(split.answers[0].outcome == RECO_OUTCOME_MALFORMED && became(1, NULL),
	   "a record without an id");
	receive(call_of(RECO_OP_IDS, 2, A, A, NULL), 200,
			"{\"content\":[{\"id\":\"" U "\",\"href\":\"" T A "\"}]}");
	ok(became(0, "{\"id\":\"" U "\",\"spotify_id\":\"" A "\"}") &&
		   became(1, "{\"id\":\"" U "\",\"spotify_id\":\"" A "\"}"), "a key that is there twice");
	receive(call_of(RECO_OP_IDS, 2, ISRC, "FIXX02300118", NULL), 200,
			"{\"content\":[{\"id\":\"" U "\",\"href\":\"" T A "\",\"isrc\":\"fixx02300117\"}]}");
	ok(became(0, "{\"id\":\"" U "\",\"spotify_id\":\"" A "\",\"isrc\":\"fixx02300117\"}") &&
		   became(1, NULL), "by ISRC");
}

static void
test_features(void)
{
	RecoCall	call = call_of(RECO_OP_FEATURES, 2, A, U, NULL);

	receive(
		call, 200,
		"{\"content\":[{\"id\":\"7B1F0C52-4D0E-4F7A-9A55-0F2F6C1E9D31\",\"href\":null,"
		"\"energy\":1.5,\"tempo\":0,\"key\":-1,\"mode\":2,\"valence\":null,\"loudness\":\"-6.5\"},"
		"{\"id\":\"" V "\",\"href\":\"" T A "\",\"isrc\":\"" ISRC
		"\",\"acousticness\":0.0123,"
		"\"danceability\":0.611,\"energy\":0.742,\"instrumentalness\":0.00004,\"key\":9,"
		"\"liveness\":0.108,\"loudness\":-6.215,\"mode\":0,\"speechiness\":0.0371,"
		"\"tempo\":121.98,\"valence\":0.333}]}");
	ok(became(
		   0,
		   "{\"acousticness\":0.0123,\"danceability\":0.611,\"energy\":0.742,"
		   "\"instrumentalness\":4e-05,\"liveness\":0.108,\"speechiness\":0.0371,"
		   "\"valence\":0.333,\"loudness\":-6.215,\"tempo\":121.98,\"key\":9,\"mode\":0,"
		   "\"isrc\":\"" ISRC "\"}"),
	   "all features");
	ok(became(1, "{\"loudness\":-6.5}"),
	   "by UUID in any case; what is not known is left out");
	receive(call, 200, "{\"content\":[{\"href\":\"" T A "\"}]}");
	ok(became(0, "{}") && became(1, NULL), "nothing measured is not the same as absent");
}

static void
test_lists(void)
{
	RecoCall call = call_of(RECO_OP_RECOMMENDATION, 1,
							"{\"seeds\":[\"" A "\",\"" V "\"]}", NULL, NULL);

	receive(
		call, 200,
		"{\"content\":[{\"id\":\"" U "\",\"trackTitle\":\"Don\\u0000t \\ud83d\","
		"\"artists\":[{\"id\":\"" V "\",\"name\":\"Lanterna\",\"href\":"
		"\"https://open.spotify.com/artist/1LzUSkROJBosCSJ4w2QoaF\"},{\"name\":\"Solo\"},null,{}],"
		"\"durationMs\":\"214387\",\"isrc\":\"" ISRC "\",\"href\":\"" T B
		"\",\"popularity\":0},"
		"{\"id\":\"" V "\",\"href\":\"" T C "\"},"
		"{\"id\":\"11111111-4d0e-4f7a-9a55-0f2f6c1e9d31\",\"href\":\"" T A "\"},"
		"{\"id\":\"" U "\",\"trackTitle\":\"again\"},null,7,{\"trackTitle\":\"no id\"},"
		"{\"id\":\"22222222-4d0e-4f7a-9a55-0f2f6c1e9d31\",\"href\":\"x\",\"durationMs\":-1,"
		"\"popularity\":101}]}");
	ok(became(
		   0,
		   "{\"tracks\":[{\"id\":\"" B "\",\"rb_id\":\"" U "\",\"name\":"
		   "\"Don\xEF\xBF\xBDt \xEF\xBF\xBD\",\"artists\":[{\"id\":\"1LzUSkROJBosCSJ4w2QoaF\","
		   "\"name\":\"Lanterna\"},{\"name\":\"Solo\"}],\"isrc\":\"" ISRC "\","
		   "\"duration_ms\":214387,\"popularity\":0},"
		   "{\"rb_id\":\"22222222-4d0e-4f7a-9a55-0f2f6c1e9d31\",\"artists\":[]}]}"),
	   "without the seeds, what came before, and what has no id");
	receive(call, 200, "{\"content\":[]}");
	ok(became(0, "{\"tracks\":[]}"), "an empty list is a list");
	receive(call, 200, "{\"content\":[{},7]}");
	ok(split.answers[0].outcome == RECO_OUTCOME_MALFORMED, "nothing in it can be read");
	receive(call_of(RECO_OP_RB_ARTIST_TRACKS, 1, V, NULL, NULL), 200,
			"{\"content\":[{\"id\":\"" U "\",\"name\":\"x\"}],\"page\":0,\"totalPages\":1}");
	ok(became(0, "{\"tracks\":[{\"rb_id\":\"" U "\",\"name\":\"x\",\"artists\":[]}]}"),
	   "an artist's tracks");
	receive(call_of(RECO_OP_PROBE, 1, "", NULL, NULL), 200, "{\"content\":[]}");
	ok(became(0, "{\"tracks\":[]}"), "a probe is answered");
}

static void
test_unknown_seeds(void)
{
	RecoCall call =
		call_of(RECO_OP_RECOMMENDATION, 1, "{\"seeds\":[\"" A "\"]}", NULL, NULL);
	const char *body =
		"{\"timestamp\":\"2026-08-19\",\"error\":4002,\"message\":\"Cannot find any track\"}";
	static const int statuses[] = {200, 400, 404, 422, 500};

	for (int i = 0; i < 5; i++)
	{
		receive(call, statuses[i], body);
		ok(became(0, NULL) && strcmp(split.message, "Cannot find any track") == 0,
		   "4002 with %d: absent, not an empty list", statuses[i]);
	}
	receive(call, 400, "{\"status\":\"4002\",\"message\":\"m\"}");
	ok(became(0, NULL), "4002 under its other name, as a string");
	receive(call, 429, body);
	ok(ended(RECO_OUTCOME_LIMITED), "429 is 429");
	receive_as(call, 200, RECO_CONTENT_JSON, true, body);
	ok(ended(RECO_OUTCOME_MALFORMED), "truncated is truncated");
	receive(call_of(RECO_OP_IDS, 2, A, B, NULL), 400, body);
	ok(ended(RECO_OUTCOME_REJECTED), "it makes no batch absent");
	receive(call_of(RECO_OP_IDS, 2, A, B, NULL), 200, body);
	ok(ended(RECO_OUTCOME_REJECTED), "with 200, too");
}

/* Which refusals of a list are for good, and which are not. */
static void
test_permanent(void)
{
	RecoCall call =
		call_of(RECO_OP_RECOMMENDATION, 1, "{\"seeds\":[\"" A "\"]}", NULL, NULL);
	const char *wrong =
		"{\"status\":4004,\"errors\":[{\"path\":\"getRecommendation.negativeSeeds\","
		"\"message\":\"size must be between 0 and 2\"}]}";
	static const int passing[] = {401, 403, 404, 405, 408, 413,
								  429, 500, 502, 503, 504, 520};

	receive(call, 400, wrong);
	ok(ended(RECO_OUTCOME_REJECTED) && split.permanent &&
		   strstr(split.message, "negativeSeeds") != NULL, "a list that is called wrong");
	receive(call, 422, wrong);
	ok(split.permanent, "with 422, too");
	receive(call, 200, wrong);
	ok(ended(RECO_OUTCOME_REJECTED) && split.permanent, "and with 200");
	receive(
		call, 400,
		"{\"timestamp\":\"t\",\"status\":400,\"error\":\"Bad Request\",\"path\":\"/p\"}");
	ok(split.permanent, "a bad request");
	for (int i = 0; i < (int) (sizeof(passing) / sizeof(passing[0])); i++)
	{
		receive(call, passing[i], wrong);
		ok(!split.permanent, "%d is not for good", passing[i]);
	}
	receive(call, 400, "");
	ok(!split.permanent, "an empty body is not");
	receive_as(call, 400, RECO_CONTENT_HTML, false, "<html><title>Bad</title></html>");
	ok(!split.permanent, "nor a page");
	receive_as(call, 400, RECO_CONTENT_TEXT, false, "Bad Request");
	ok(!split.permanent, "nor a proxy's text");
	receive_as(call, 400, RECO_CONTENT_JSON, true, wrong);
	ok(!split.permanent, "nor what is cut");
	receive(call, 400, "{\"error\":\"Quota exceeded\"}");
	ok(!split.permanent, "nor a quota, whatever its status");
	receive(call, 400, "{\"message\":\"rate limit reached\"}");
	ok(!split.permanent, "nor a limit");
	receive(call, 200, "{\"content\":[]}");
	ok(!split.permanent, "an empty list is a list");
	receive(call_of(RECO_OP_IDS, 2, A, B, NULL), 400, wrong);
	ok(!split.permanent, "a look-up is never refused for good");
}

static void
test_id_parts(void)
{
	RecoReccobeatsId id;

	ok(reco_reccobeats_read_id("{\"id\":\"" U "\",\"spotify_id\":\"" A
							   "\",\"isrc\":\"" ISRC "\"}",
							   &id) &&
		   strcmp(id.uuid, U) == 0 && strcmp(id.spotify_id, A) == 0 &&
		   strcmp(id.isrc, ISRC) == 0,
	   "an id in its parts");
	ok(reco_reccobeats_read_id("{\"id\":\"" U "\",\"spotify_id\":null,\"isrc\":\"?\"}",
							   &id) &&
		   id.spotify_id[0] == '\0' && id.isrc[0] == '\0',
	   "what is none is not there");
	ok(!reco_reccobeats_read_id("{\"spotify_id\":\"" A "\"}", &id) &&
		   !reco_reccobeats_read_id("x", &id),
	   "without a uuid it is none");
}

static void
test_errors(void)
{
	RecoCall	call = call_of(RECO_OP_IDS, 2, A, B, NULL);
	RecoCall	artist = call_of(RECO_OP_RB_ARTIST_TRACKS, 1, U, NULL, NULL);

	receive(call, 400, "{\"status\":4004,\"errors\":[{\"path\":\"getTracks.ids\","
			"\"message\":\"size must be between 1 and 40\"}]}");
	ok(ended(RECO_OUTCOME_REJECTED) && !split.retry &&
		   strcmp(split.message, "getTracks.ids: size must be between 1 and 40") == 0, "400");
	receive(call, 200, "{\"status\":4004,\"errors\":[{\"message\":\"m\"}]}");
	ok(ended(RECO_OUTCOME_REJECTED) && strcmp(split.message, "m") == 0, "an error with 200");
	receive(call, 401, "");
	ok(ended(RECO_OUTCOME_UNAUTHORISED), "401");
	receive_as(call, 403, RECO_CONTENT_TEXT, false, "error code: 1010");
	ok(ended(RECO_OUTCOME_DENIED) && split.app_refused && !split.retry &&
		   strcmp(split.message, "error code: 1010") == 0, "Cloudflare refuses us");
	receive_as(call, 403, RECO_CONTENT_HTML, false, "<title>Forbidden</title>");
	ok(ended(RECO_OUTCOME_DENIED) && !split.app_refused && strcmp(split.message, "Forbidden") == 0,
	   "another 403");
	receive(
		call, 404,
		"{\"timestamp\":\"x\",\"status\":404,\"error\":\"Not Found\",\"path\":\"/\"}");
	ok(ended(RECO_OUTCOME_REJECTED), "404 makes no batch absent");
	receive(
		artist, 404,
		"{\"timestamp\":\"x\",\"status\":404,\"error\":\"Not Found\",\"path\":\"/\"}");
	ok(became(0, NULL) && strcmp(split.message, "Not Found") == 0,
	   "404 of one artist: absent");
	receive(artist, 404, "");
	ok(ended(RECO_OUTCOME_REJECTED), "404 without a word");
	receive_as(artist, 404, RECO_CONTENT_HTML, false, "<html>");
	ok(ended(RECO_OUTCOME_REJECTED), "404 with a page");
	receive(artist, 413, "");
	ok(ended(RECO_OUTCOME_REJECTED), "413");
	receive_as(artist, 429, RECO_CONTENT_NONE, false, "");
	ok(ended(RECO_OUTCOME_LIMITED) && split.retry_after_ms == 3000 && !split.retry, "429");
	receive_as(artist, 522, RECO_CONTENT_HTML, false, "<title>522: Connection timed out</title>");
	ok(ended(RECO_OUTCOME_UNAVAILABLE) && split.retry, "the origin is down");
	receive_as(artist, 200, RECO_CONTENT_HTML, false, "<html>");
	ok(ended(RECO_OUTCOME_UNAVAILABLE) && split.retry, "a page with 200");
}

/* A 2xx that cannot be read never makes a key absent. */
static void
test_broken(void)
{
	static const char *const bodies[] = {
		"",
		" ",
		"null",
		"[]",
		"7",
		"{}",
		"{\"content\":null}",
		"{\"content\":{}}",
		"{\"content\":\"\"}",
		"{\"content\":[]",
		"{\"content\":[{\"id\":\"" U "\",\"href\":\"" T A,
		"{\"error\":\"what\"}",
		"[{\"content\":[]}]",
	};
	RecoBuffer	many = {0};

	for (int operation = RECO_OP_IDS; operation <= RECO_OP_RB_ARTIST_TRACKS; operation++)
	{
		bool		good = true;
		RecoCall call =
			call_of(operation, 1,
					operation == RECO_OP_RECOMMENDATION ? "{\"seeds\":[\"" A "\"]}" : A,
					NULL, NULL);

		for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		{
			receive(call, 200, bodies[i]);
			good &= ended(RECO_OUTCOME_MALFORMED) && split.message[0];
		}
		receive(call, 204, "");
		good &= ended(RECO_OUTCOME_MALFORMED) && !split.truncated;
		ok(good, "%s: what cannot be read is malformed", reco_operation_name(operation));
	}
	receive(call_of(RECO_OP_IDS, 1, A, NULL, NULL), 200, "{\"content\":[");
	ok(split.truncated && !split.retry, "a cut text may be asked for once more");
	receive(call_of(RECO_OP_IDS, 1, A, NULL, NULL), 200, "{\"content\":null}");
	ok(!split.truncated, "a whole one may not");
	reco_buffer_puts(&many, "{\"content\":[null");
	for (int i = 0; i < 1000; i++)
		reco_buffer_puts(&many, ",null");
	reco_buffer_puts(&many, "]}");
	receive(call_of(RECO_OP_IDS, 1, A, NULL, NULL), 200, many.data);
	ok(ended(RECO_OUTCOME_MALFORMED), "more records than anybody asked for");
	reco_buffer_free(&many, false);
}

int
main(void)
{
	reco_service_defaults(RECO_RECCOBEATS, &options);
	test_targets();
	test_guardrails();
	test_ids();
	test_features();
	test_lists();
	test_unknown_seeds();
	test_permanent();
	test_id_parts();
	test_errors();
	test_broken();
	reco_split_free(&split);
	return tap_done();
}
