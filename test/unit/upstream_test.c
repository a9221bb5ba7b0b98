/*-------------------------------------------------------------------------
 *
 * upstream_test.c
 *	  Tests of what all services share: outcomes, buffers, tables, messages.
 *
 * Purpose: a test per outcome; buffers that fail and stay so; what status and
 *			content type decide; no credential in a message.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	know what one service answers: its own test does.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/upstream/service.c src/upstream/message.c src/upstream/json.c
			src/upstream/buffer.c src/upstream/outcome.c src/upstream/reccobeats.c src/upstream/reccobeats_check.c
			src/upstream/spotify.c src/upstream/spotify_error.c
			src/upstream/spotify_read.c src/upstream/spotify_request.c
			src/upstream/spotify_token.c src/upstream/gemini.c src/upstream/openai.c
			src/upstream/model.c src/upstream/completion.c src/upstream/header.c */
#include "upstream/message.h"
#include "upstream/service.h"
#include "upstream/spotify.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define ID	"7aZ0123456789abcdefghi"
#define UUID "7b1f0c52-4d0e-4f7a-9a55-0f2f6c1e9d31"

static void
test_outcomes(void)
{
	static const struct
	{
		RecoOutcome outcome;
		const char *name;
		bool		retryable;
	}			cases[] = {
		{RECO_OUTCOME_FRESH, "fresh", false},
		{RECO_OUTCOME_ABSENT, "absent", false},
		{RECO_OUTCOME_DENIED, "denied", false},
		{RECO_OUTCOME_REJECTED, "rejected", false},
		{RECO_OUTCOME_REFUSED, "refused", false},
		{RECO_OUTCOME_LIMITED, "limited", true},
		{RECO_OUTCOME_QUOTA, "quota", false},
		{RECO_OUTCOME_UNAVAILABLE, "unavailable", true},
		{RECO_OUTCOME_TIMEOUT, "timeout", true},
		{RECO_OUTCOME_MALFORMED, "malformed", false},
		{RECO_OUTCOME_UNAUTHORISED, "unauthorised", false},
		{RECO_OUTCOME_CANCELLED, "cancelled", true},
		{RECO_OUTCOME_BUSY, "busy", true},
		{RECO_OUTCOME_LOST, "lost", true},
		{RECO_OUTCOME_UNCONFIGURED, "unconfigured", false},
	};

	ok(sizeof(cases) / sizeof(cases[0]) == RECO_NOUTCOMES, "a test for every outcome");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(cases[i].outcome == (RecoOutcome) i &&
			   strcmp(reco_outcome_name(cases[i].outcome), cases[i].name) == 0 &&
			   reco_outcome_is_retryable(cases[i].outcome) == cases[i].retryable,
		   "%s", cases[i].name);
	ok(strcmp(reco_outcome_name(RECO_NOUTCOMES), "unknown") == 0 &&
		   strcmp(reco_outcome_name((RecoOutcome) -1), "unknown") == 0 &&
		   !reco_outcome_is_retryable(RECO_NOUTCOMES), "what is none");
}

static void
test_buffers(void)
{
	RecoBuffer	buffer;

	reco_buffer_init(&buffer, 10);
	ok(!buffer.data && buffer.len == 0, "nothing at first");
	ok(reco_buffer_puts(&buffer, "") && buffer.data && !buffer.data[0], "the empty string");
	ok(reco_buffer_add(&buffer, "01234", 5) && reco_buffer_printf(&buffer, "%d", 5678) &&
		   reco_buffer_putc(&buffer, '9') && strcmp(buffer.data, "0123456789") == 0,
	   "up to the cap");
	ok(!reco_buffer_putc(&buffer, 'x') && buffer.failed &&
		   strcmp(buffer.data, "0123456789") == 0,
	   "not beyond it");
	ok(!reco_buffer_puts(&buffer, ""), "a failure sticks");
	reco_buffer_reset(&buffer);
	ok(!buffer.failed && buffer.len == 0 && buffer.data[0] == '\0' &&
		   reco_buffer_printf(&buffer, "%s", "again"), "until it is emptied");
	ok(!reco_buffer_printf(&buffer, "%d", 123456) && strcmp(buffer.data, "again") == 0,
	   "all or nothing");
	reco_buffer_free(&buffer, true);
	ok(!buffer.data && buffer.max == 10 && reco_buffer_puts(&buffer, "x"), "and after free");
	reco_buffer_free(&buffer, false);

	reco_buffer_init(&buffer, 0);
	for (int i = 0; i < 100000; i++)
		reco_buffer_printf(&buffer, "%d,", i % 10);
	ok(!buffer.failed && buffer.len == 200000 && memcmp(buffer.data + 199994, "7,8,9,", 7) == 0,
	   "it grows");
	ok(!reco_buffer_add(&buffer, buffer.data, (size_t) 64 * 1024 * 1024), "up to 64 MiB");
	ok(!reco_buffer_add(&buffer, "", SIZE_MAX) && buffer.failed, "an absurd length");
	reco_buffer_free(&buffer, true);
}

static void
test_encodings(void)
{
	static const char *const base64[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=",
		"Zm9vYmFy"};
	RecoBuffer	buffer = {0};
	char		secret[4] = "abc";

	reco_buffer_put_escaped(&buffer, "aZ09-._~ /?&=%+\"\xC3\xA4\n");
	ok(strcmp(buffer.data, "aZ09-._~%20%2F%3F%26%3D%25%2B%22%C3%A4%0A") == 0, "percent signs");
	for (size_t n = 0; n <= 6; n++)
	{
		reco_buffer_reset(&buffer);
		reco_buffer_put_base64(&buffer, "foobar", n);
		ok(strcmp(buffer.data, base64[n]) == 0, "base64 of %d bytes", (int) n);
	}
	reco_buffer_reset(&buffer);
	reco_buffer_put_base64(&buffer, "\xFF\xFE\x00\x80", 4);
	ok(strcmp(buffer.data, "//4AgA==") == 0, "base64 of any bytes");
	reco_buffer_free(&buffer, true);
	reco_wipe(secret, sizeof(secret));
	reco_wipe(NULL, 0);
	ok(memcmp(secret, "\0\0\0", 4) == 0, "wiped");
}

static void
test_readers(void)
{
	RecoBuffer	buffer = {0};
	RecoReader	reader;
	size_t		len;
	const char *text;

	reco_buffer_putc(&buffer, 'x');	/* so that nothing is aligned */
	reco_buffer_put_int(&buffer, INT64_MIN);
	reco_buffer_put_real(&buffer, -0.1);
	reco_buffer_put_string(&buffer, NULL);
	reco_buffer_put_string(&buffer, "");
	reco_buffer_put_bytes(&buffer, "a\0b", 3);
	reco_buffer_put_bytes(&buffer, "a\0b", 3);
	reco_reader_init(&reader, buffer.data + 1, buffer.len - 1);
	ok(reco_reader_int(&reader) == INT64_MIN && reco_reader_real(&reader) == -0.1, "numbers");
	ok(!reco_reader_string(&reader) && !reader.failed, "NULL");
	text = reco_reader_string(&reader);
	ok(text && !*text, "the empty string");
	text = reco_reader_bytes(&reader, &len);
	ok(text && len == 3 && memcmp(text, "a\0b", 4) == 0, "bytes");
	ok(!reco_reader_string(&reader) && reader.failed, "bytes with a NUL are no string");
	ok(reco_reader_int(&reader) == 0 && reco_reader_real(&reader) == 0 &&
		   !reco_reader_bytes(&reader, &len) && len == 0, "after a failure all is 0");
	buffer.data[buffer.len - 1] = 'x';
	reco_reader_init(&reader, buffer.data + buffer.len - 8, 8);
	ok(!reco_reader_bytes(&reader, &len) && len == 0 && reader.failed, "bytes without their NUL");
	reco_reader_init(&reader, NULL, 0);
	ok(reco_reader_int(&reader) == 0 && reader.failed, "nothing to read");
	reco_buffer_free(&buffer, false);
}

static void
test_tables(void)
{
	RecoOptions options;
	RecoCapabilities capabilities = {0};
	bool		good = true;

	for (int s = 0; s < RECO_NSERVICES; s++)
	{
		reco_service_defaults(s, &options);
		good &= options.service == (RecoService) s && options.base_url &&
			options.timeout_ms > 0 && options.max_concurrency > 0 &&
			options.rate_count > 0 && options.rate_window_us > 0 &&
			options.connect_timeout_ms > 0 && options.deadline_ms >= options.timeout_ms &&
			options.base_url[strlen(options.base_url) - 1] != '/' &&
			strncmp(options.base_url, "https://", 8) == 0 && !options.allow_loopback;
		good &= reco_service_of(reco_service_name(s)) == s &&
			reco_service_has(s, RECO_OP_PROBE);
		good &= reco_service_endpoints(s) > 0 &&
			reco_service_endpoints(s) <= RECO_MAXENDPOINTS;
		for (int e = 0; e < reco_service_endpoints(s); e++)
			good &= reco_endpoint_name(s, e) != NULL;
		good &= !reco_endpoint_name(s, -1) &&
			!reco_endpoint_name(s, reco_service_endpoints(s));
	}
	ok(good, "each service has defaults, a name, endpoints");
	good = true;
	for (int o = 0; o < RECO_NOPERATIONS; o++)
	{
		int			services = 0;

		for (int s = 0; s < RECO_NSERVICES; s++)
			services += reco_service_has(s, o);
		good &= reco_operation_of(reco_operation_name(o)) == o;
		good &= services == (o == RECO_OP_PROBE ? 4 : o == RECO_OP_COMPLETION ? 2 : 1);
		good &= reco_operation_is_listeners(o) ==
			(o == RECO_OP_TOP_TRACKS || o == RECO_OP_TOP_ARTISTS);
	}
	ok(good, "each operation has a name and its services");
	ok(reco_service_of("none") == -1 && reco_operation_of("") == -1, "what is none");

	reco_service_defaults(RECO_SPOTIFY, &options);
	ok(options.daily_quota == 500, "Spotify has a quota");
#define batch(operation) \
	reco_service_batch_max(options.service, operation, &options, &capabilities)
	ok(batch(RECO_OP_TRACKS) == 50 && batch(RECO_OP_ARTISTS) == 50 &&
		   batch(RECO_OP_SEARCH) == 1,
	   "Spotify's batches");
	capabilities.refused = 1u << RECO_SPOTIFY_TRACKS;
	ok(batch(RECO_OP_TRACKS) == 1 && batch(RECO_OP_ARTISTS) == 50, "a batch endpoint is refused");
	options.access = RECO_ACCESS_DEVELOPMENT;
	ok(batch(RECO_OP_TRACKS) == 1 && batch(RECO_OP_ARTISTS) == 1, "access is development");
	reco_service_defaults(RECO_RECCOBEATS, &options);
	ok(batch(RECO_OP_IDS) == 40 && batch(RECO_OP_FEATURES) == 40 &&
		   batch(RECO_OP_RECOMMENDATION) == 1, "ReccoBeats' batches");
	options.batch_max = 7;
	ok(batch(RECO_OP_IDS) == 7 && batch(RECO_OP_RECOMMENDATION) == 1, "batch_max caps them");
	options.batch_max = 99;
	ok(batch(RECO_OP_IDS) == 40, "and does not lift them");
#undef batch
}

static void
test_keys(void)
{
	static const struct
	{
		RecoOperation operation;
		const char *key;
		bool		good;
	}			cases[] = {
		{RECO_OP_SEARCH, "calm", true}, {RECO_OP_SEARCH, "\xC3\xA4", true},
		{RECO_OP_SEARCH, "", false}, {RECO_OP_SEARCH, " \t", false},
		{RECO_OP_SEARCH, "\xFF", false},
		{RECO_OP_TOP_TRACKS, "short_term", true}, {RECO_OP_TOP_ARTISTS, "long_term", true},
		{RECO_OP_TOP_TRACKS, "forever", false}, {RECO_OP_TOP_TRACKS, "", false},
		{RECO_OP_TRACKS, ID, true}, {RECO_OP_ARTISTS, ID, true},
		{RECO_OP_TRACKS, ID "x", false}, {RECO_OP_TRACKS, "7aZ0123456789abcdefgh", false},
		{RECO_OP_TRACKS, "7aZ0123456789abcdefgh-", false}, {RECO_OP_TRACKS, "", false},
		{RECO_OP_ARTIST_TRACKS, ID, true}, {RECO_OP_ARTIST_TRACKS, ID " A Name", true},
		{RECO_OP_ARTIST_TRACKS, ID " ", false}, {RECO_OP_ARTIST_TRACKS, "A Name", false},
		{RECO_OP_IDS, ID, true}, {RECO_OP_IDS, "FIXX02300117", true}, {RECO_OP_IDS, UUID, false},
		{RECO_OP_IDS, "FIXX0230011", false}, {RECO_OP_IDS, "F1XX02300117", false},
		{RECO_OP_IDS, "FIXX0230011a", false},
		{RECO_OP_FEATURES, ID, true}, {RECO_OP_FEATURES, UUID, true},
		{RECO_OP_FEATURES, "FIXX02300117", true}, {RECO_OP_FEATURES, "x", false},
		{RECO_OP_RB_ARTIST_TRACKS, UUID, true}, {RECO_OP_RB_ARTIST_TRACKS, ID, false},
		{RECO_OP_RB_ARTIST_TRACKS, "7b1f0c52-4d0e-4f7a-9a55-0f2f6c1e9d3g", false},
		{RECO_OP_RB_ARTIST_TRACKS, "7b1f0c5204d0e-4f7a-9a55-0f2f6c1e9d31", false},
		{RECO_OP_COMPLETION, "calm", true}, {RECO_OP_COMPLETION, "{\"prompt\":\"calm\"}", true},
		{RECO_OP_COMPLETION, "{\"prompt\":\"\"}", false},
		{RECO_OP_PROBE, "", true}, {RECO_OP_PROBE, "x", false},
	};
	char		query[1002];
	const char *why;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		bool		good = reco_operation_check(cases[i].operation, cases[i].key, &why);

		ok(good == cases[i].good && !why == good, "%s: \"%s\"",
		   reco_operation_name(cases[i].operation), cases[i].key);
	}
	memset(query, 'a', sizeof(query) - 1);
	query[1001] = '\0';
	ok(!reco_operation_check(RECO_OP_SEARCH, query, &why), "a query of 1001 bytes");
	ok(reco_operation_check(RECO_OP_SEARCH, query + 1, &why), "a query of 1000 bytes");
}

/* What status, content type and body decide. */
static void
test_status(void)
{
	static const struct
	{
		int			status;
		RecoContent content;
		bool		truncated;
		const char *body;
		bool		decided;
		RecoOutcome outcome;
		bool		retry;
	}			cases[] = {
		{200, RECO_CONTENT_JSON, false, "{}", false, 0, false},
		{200, RECO_CONTENT_NONE, false, "{}", false, 0, false},
		{200, RECO_CONTENT_JSON, false, "", false, 0, false},
		{200, RECO_CONTENT_HTML, false, "", false, 0, false},
		{200, RECO_CONTENT_TEXT, false, " \r\n", false, 0, false},
		{204, RECO_CONTENT_NONE, false, "", false, 0, false},
		{200, RECO_CONTENT_TEXT, false, " {\"a\":1}", false, 0, false},
		{200, RECO_CONTENT_TEXT, false, "\xEF\xBB\xBF[]", false, 0, false},
		{200, RECO_CONTENT_TEXT, false, "hello", true, RECO_OUTCOME_UNAVAILABLE, true},
		{200, RECO_CONTENT_HTML, false, "<html>", true, RECO_OUTCOME_UNAVAILABLE, true},
		{200, RECO_CONTENT_HTML, false, "{}", true, RECO_OUTCOME_UNAVAILABLE, true},
		{200, RECO_CONTENT_JSON, false, "\n<html>", true, RECO_OUTCOME_UNAVAILABLE, true},
		{200, RECO_CONTENT_JSON, true, "{", true, RECO_OUTCOME_MALFORMED, false},
		{200, RECO_CONTENT_JSON, true, "", true, RECO_OUTCOME_MALFORMED, false},
		{302, RECO_CONTENT_HTML, false, "", true, RECO_OUTCOME_UNAVAILABLE, false},
		{304, RECO_CONTENT_NONE, false, "", true, RECO_OUTCOME_UNAVAILABLE, false},
		{400, RECO_CONTENT_JSON, false, "{}", false, 0, false},
		{404, RECO_CONTENT_HTML, false, "<p>", false, 0, false},
		{404, RECO_CONTENT_JSON, true, "{", false, 0, false},
		{408, RECO_CONTENT_NONE, false, "", true, RECO_OUTCOME_UNAVAILABLE, true},
		{429, RECO_CONTENT_NONE, false, "", true, RECO_OUTCOME_LIMITED, false},
		{500, RECO_CONTENT_JSON, false, "{}", true, RECO_OUTCOME_UNAVAILABLE, true},
		{503, RECO_CONTENT_HTML, false, "<html>", true, RECO_OUTCOME_UNAVAILABLE, true},
		{522, RECO_CONTENT_HTML, true, "<html>", true, RECO_OUTCOME_UNAVAILABLE, true},
		{101, RECO_CONTENT_NONE, false, "", true, RECO_OUTCOME_UNAVAILABLE, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		RecoHttpResponse response =
			{cases[i].status, cases[i].content,		1500, 0, cases[i].truncated,
			 cases[i].body,	  strlen(cases[i].body)};
		RecoSplit	split = {.retry_after_ms = -1};
		bool		decided = reco_split_by_status(&response, &split);
		bool		cut = cases[i].status == 200 && cases[i].truncated;

		ok(decided == cases[i].decided && split.outcome == cases[i].outcome &&
			   split.retry == cases[i].retry && split.truncated == cut,
		   "%d, content %d, \"%s\"", cases[i].status, cases[i].content, cases[i].body);
		if (cases[i].status == 429)
			ok(split.retry_after_ms == 1500, "the wait is passed on");
	}
}

static void
test_answers(void)
{
	RecoSplit	split = {.outcome = RECO_OUTCOME_REJECTED};

	ok(reco_split_prepare(&split, 3) && split.outcome == RECO_OUTCOME_FRESH &&
		   split.nanswers == 3 && split.answers[2].outcome == RECO_OUTCOME_ABSENT &&
		   !split.answers[2].value, "room for answers, all absent");
	split.answers[1].value = strdup("{}");
	ok(reco_split_prepare(&split, 1) && split.nanswers == 1, "once more");
	reco_split_free(&split);
	reco_split_free(&split);
	ok(split.nanswers == 0 && !split.answers, "freed twice");
}

/* What a body says, as people see it. */
static void
test_messages(void)
{
	static const struct
	{
		const char *body;
		const char *message;
	}			cases[] = {
		{"", ""}, {" \r\n", ""}, {"error code: 1010", "error code: 1010"},
		{"{\"error\":{\"status\":401,\"message\":\"The access token expired\"}}",
		 "The access token expired"},
		{"{\"error\":\"invalid_grant\",\"error_description\":\"Refresh token expired\"}",
		 "invalid_grant: Refresh token expired"},
		{"{\"error\":\"model not found\"}", "model not found"},
		{"{\"status\":4004,\"errors\":[{\"path\":\"getTracks.ids\",\"message\":\"size must be\"}]}",
		 "getTracks.ids: size must be"},
		{"{\"timestamp\":\"2026\",\"error\":4002,\"message\":\"Cannot find any track\"}",
		 "Cannot find any track"},
		{"[{\"error\":{\"code\":429,\"message\":\"quota\"}}]", "quota"},
		{"{\"detail\":\"no\"}", "no"}, {"\"words\"", "words"},
		{"{\"error\":{\"status\":403}}", "{\"error\":{\"status\":403}}"},
		{"<html><head><TITLE>502 Bad Gateway</TITLE></head>", "502 Bad Gateway"},
		{"<html>", "<html>"},
		{"a\x01 \t\n b\xFF\x7F" "c\xC2\x85\xC3\xA4", "a b? c \xC3\xA4"},
		{"Authorization: Bearer abcDEF123", "Authorization: Bearer ***"},
		{"bad bearer abcDEF123, sorry", "bad bearer ***, sorry"},
		{"Only valid bearer authentication supported",
		 "Only valid bearer authentication supported"},
		{"Basic aWQ6c2VjcmV0 was sent", "Basic *** was sent"},
		{"GET /x?api_key=hunter&b=1", "GET /x?api_key=***&b=1"},
		{"{\"client_secret\":\"hunter\",\"a\":1}", "{\"client_secret\":\"***\",\"a\":1}"},
		{"x-goog-api-key: hunter", "x-goog-api-key: ***"},
		{"API key not valid.", "API key not valid."},
		{"invalid token: expired", "invalid token: expired"},
		{"invalid token: a1b2c3", "invalid token: ***"},
		{"Incorrect API key provided: sk-abc123def456", "Incorrect API key provided: ***"},
		{"key AIzaSyInventedInventedInventedInvente01 is bad", "key *** is bad"},
		{"id 0123456789abcdef0123456789abcdef", "id ***"},
		{"id " UUID " and " ID, "id " UUID " and " ID},
		{"run abcdefghijklmnopqrstuvwxyzabcdefghijklmno!", "run ***!"},
		{"run abcdefghijklmnopqrstuvwxyzabcdefghijklmn!",
		 "run abcdefghijklmnopqrstuvwxyzabcdefghijklmn!"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		RecoHttpResponse response = {403,			RECO_CONTENT_TEXT,	  -1, 0, false,
									 cases[i].body, strlen(cases[i].body)};
		char		message[RECO_MESSAGE_SIZE];

		reco_message_of_body(message, sizeof(message), &response);
		if (!ok(strcmp(message, cases[i].message) == 0, "message %d", (int) i))
			printf("# got \"%s\"\n", message);
	}
}

static void
test_long_messages(void)
{
	char		text[3000];
	char		message[RECO_MESSAGE_SIZE];
	static const char secret[] = "\xC3\xA4\xF0\x9F\x8E\xA7 api_key=secret sk-abcdefghijkl";
	bool		good = true;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = "\xC3\xA4 "[i % 3];
	reco_message_clean(message, sizeof(message), text, sizeof(text));
	ok(strlen(message) >= RECO_MESSAGE_SIZE - 4 && strlen(message) < RECO_MESSAGE_SIZE,
	   "a long text is cut");
	for (size_t size = 1; size < sizeof(message); size++)
	{
		size_t		len;

		reco_message_clean(message, size, secret, strlen(secret));
		len = strlen(message);
		good &= len < size && !strstr(message, "secret") && !strstr(message, "sk-") &&
			(len == 0 || message[len - 1] != '\xC3');
	}
	ok(good, "of whatever size, between characters and without the secret");
}

int
main(void)
{
	test_outcomes();
	test_buffers();
	test_encodings();
	test_readers();
	test_tables();
	test_keys();
	test_status();
	test_answers();
	test_messages();
	test_long_messages();
	return tap_done();
}
