/*-------------------------------------------------------------------------
 *
 * wire_test.c
 *	  Tests of the bytes between backend and gateway.
 *
 * Purpose: what is written comes back the same; every truncation and every
 *			number out of range is refused.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	read beyond what was written: sanitizers watch.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/shmem/wire.c src/upstream/buffer.c */
#include "shmem/wire.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

/* Equal, or both NULL. */
static bool
same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static const char *const keys[] = {"one", "", "three \xC3\xA4"};

/* A request in which each field has a value of its own. */
static RecoWireRequest
full_request(void)
{
	RecoWireRequest request = {
		.operation = RECO_OP_FEATURES, .priority = 2, .batching = true, .server = "beats",
		.server_id = UINT32_MAX, .lane_key = UINT64_MAX, .fingerprint = UINT64_C(1) << 63,
		.options = {
			.service = RECO_RECCOBEATS, .base_url = "http://127.0.0.1:8000/v1",
			.accounts_url = "http://127.0.0.1:8000", .rate_count = 90,
			.rate_window_us = INT64_C(30000000000), .burst = 9, .max_concurrency = 8,
			.batch_max = 40, .connect_timeout_ms = 1, .timeout_ms = 2, .deadline_ms = 3,
			.daily_quota = 500, .model = "m", .market = "FI", .ca_file = "/ca.pem",
			.access = RECO_ACCESS_DEVELOPMENT, .share_with_llm = true, .allow_private = true
		},
		.credential = {"id", "secret", "key"},
		.listener = {"ana", "access", "refresh", UINT64_MAX - 1, UINT32_MAX},
		.nkeys = 3, .keys = (const char **) keys
	};

	return request;
}

static bool
same_options(const RecoOptions *a, const RecoOptions *b)
{
	return a->service == b->service && same(a->base_url, b->base_url) &&
		same(a->accounts_url, b->accounts_url) && a->rate_count == b->rate_count &&
		a->rate_window_us == b->rate_window_us && a->burst == b->burst &&
		a->max_concurrency == b->max_concurrency && a->batch_max == b->batch_max &&
		a->connect_timeout_ms == b->connect_timeout_ms &&
		a->timeout_ms == b->timeout_ms && a->deadline_ms == b->deadline_ms &&
		a->daily_quota == b->daily_quota && same(a->model, b->model) &&
		same(a->market, b->market) && same(a->ca_file, b->ca_file) &&
		a->access == b->access && a->share_with_llm == b->share_with_llm &&
		a->allow_plaintext == b->allow_plaintext &&
		a->allow_private == b->allow_private && a->allow_loopback == b->allow_loopback;
}

/* Writes, reads, compares. */
static bool
comes_back(const RecoWireRequest *request)
{
	RecoBuffer	out = {0};
	RecoWireRequest read;
	bool		good;

	reco_wire_write_request(&out, request);
	good = !out.failed && reco_wire_read_request(out.data, out.len, &read);
	good = good && read.operation == request->operation &&
		read.priority == request->priority && read.batching == request->batching &&
		read.single_flight == request->single_flight &&
		same(read.server, request->server) && read.server_id == request->server_id &&
		read.lane_key == request->lane_key && read.fingerprint == request->fingerprint &&
		same_options(&read.options, &request->options) &&
		same(read.credential.client_id, request->credential.client_id) &&
		same(read.credential.client_secret, request->credential.client_secret) &&
		same(read.credential.api_key, request->credential.api_key) &&
		same(read.listener.user_id, request->listener.user_id) &&
		same(read.listener.access_token, request->listener.access_token) &&
		same(read.listener.refresh_token, request->listener.refresh_token) &&
		read.listener.consent == request->listener.consent &&
		read.listener.extension == request->listener.extension &&
		read.nkeys == request->nkeys;
	for (int i = 0; good && i < read.nkeys; i++)
		good = same(read.keys[i], request->keys[i]);
	free(read.keys);
	reco_buffer_free(&out, true);
	return good;
}

/* Is a request refused once it is changed? */
static bool
refused(const RecoWireRequest *request)
{
	RecoBuffer	out = {0};
	RecoWireRequest read;
	bool		good;

	reco_wire_write_request(&out, request);
	good = reco_wire_read_request(out.data, out.len, &read);
	if (good)
		free(read.keys);
	reco_buffer_free(&out, true);
	return !good && !read.keys;
}

static void
test_requests(void)
{
	RecoWireRequest request = full_request();
	const char *many[RECO_WIRE_MAXKEYS + 1];

	ok(comes_back(&request), "a request with everything comes back the same");
	request.credential.client_id = NULL;
	request.credential.client_secret = "";
	request.credential.api_key = NULL;
	memset(&request.listener, 0, sizeof(request.listener));
	request.options.model = request.options.market = request.options.ca_file = NULL;
	request.options.accounts_url = NULL;
	request.batching = false;
	request.single_flight = true;
	request.options.allow_plaintext = request.options.allow_loopback = true;
	ok(comes_back(&request), "NULL and the empty string stay apart");
	for (int i = 0; i <= RECO_WIRE_MAXKEYS; i++)
		many[i] = "key";
	request.keys = many;
	request.nkeys = RECO_WIRE_MAXKEYS;
	ok(comes_back(&request), "as many keys as may be");
	request.nkeys++;
	ok(refused(&request), "one more is refused");
	request.nkeys = 0;
	ok(refused(&request), "no key is refused");
}

#define refuses(member, value)                                    \
	do                                                            \
	{                                                             \
		RecoWireRequest request = full_request();                 \
		request.member = value;                                   \
		ok(refused(&request), "%s = %s is refused", #member, #value); \
	} while (0)

static void
test_nonsense(void)
{
	RecoWireRequest request = full_request();
	const char *none[] = {"a", NULL};

	refuses(operation, RECO_NOPERATIONS);
	refuses(operation, -1);
	refuses(priority, -1);
	refuses(priority, 99);
	refuses(server, NULL);
	refuses(options.service, RECO_NSERVICES);
	refuses(options.base_url, NULL);
	refuses(options.rate_count, -1);
	refuses(options.rate_window_us, -1);
	refuses(options.timeout_ms, -1);
	refuses(options.access, 3);
	request.keys = none;
	request.nkeys = 2;
	ok(refused(&request), "a key that is NULL is refused");
}

static void
test_truncations(void)
{
	RecoWireRequest request = full_request();
	RecoWireRequest read;
	RecoBuffer	out = {0};
	bool		good = true;

	reco_wire_write_request(&out, &request);
	for (size_t len = 0; len < out.len; len++)
	{
		char	   *copy = malloc(len > 0 ? len : 1);	/* so that a byte more is seen */

		memcpy(copy, out.data, len);
		if (reco_wire_read_request(copy, len, &read))
		{
			good = false;
			free(read.keys);
		}
		free(copy);
	}
	ok(good, "every truncation of a request is refused");
	reco_buffer_putc(&out, 'x');
	ok(!reco_wire_read_request(out.data, out.len, &read), "a byte too many is refused");
	out.data[0] ^= 1;
	ok(!reco_wire_read_request(out.data, out.len - 1, &read), "another layout is refused");
	reco_buffer_free(&out, true);
}

static void
test_answers(void)
{
	static const RecoWireAnswer answers[] = {
		{0, RECO_OUTCOME_FRESH, 0, "{\"a\":1}", 7, NULL, {0}},
		{-1, RECO_OUTCOME_FRESH, 0, "token", 5, NULL, {0}},
		{999, RECO_OUTCOME_LIMITED, INT64_C(123456789012345), NULL, 0, "slow down", {0}},
		{3, RECO_OUTCOME_UNCONFIGURED, -1, "", 0, "", {0}},
		{4, RECO_OUTCOME_FRESH, 0, "a\0b", 3, NULL, {0}},
	};
	RecoBuffer	out = {0};
	RecoReader	in;
	RecoWireAnswer read;

	for (int i = 0; i < 5; i++)
		reco_wire_write_answer(&out, &answers[i]);
	reco_reader_init(&in, out.data, out.len);
	for (int i = 0; i < 5; i++)
		ok(reco_wire_read_answer(&in, &read) && read.key == answers[i].key &&
			   read.outcome == answers[i].outcome &&
			   read.retry_at == answers[i].retry_at &&
			   read.value_len == answers[i].value_len &&
			   !read.value == !answers[i].value &&
			   (!read.value ||
				memcmp(read.value, answers[i].value, read.value_len + 1) == 0) &&
			   same(read.message, answers[i].message),
		   "answer %d comes back the same", i);
	ok(!reco_wire_read_answer(&in, &read) && !in.failed, "then they end");
	reco_buffer_free(&out, true);
}

/* Cut anywhere, an answer is either whole or refused. */
static void
test_cut_answers(void)
{
	static const RecoWireAnswer answer = {5, RECO_OUTCOME_QUOTA, 7, "[1]", 3, "why", {0}};
	static const RecoWireAnswer bad[] = {
		{RECO_WIRE_TRACE - 1, RECO_OUTCOME_FRESH, 0, NULL, 0, NULL, {0}},
		{RECO_WIRE_MAXKEYS, RECO_OUTCOME_FRESH, 0, NULL, 0, NULL, {0}},
		{0, RECO_NOUTCOMES, 0, NULL, 0, NULL, {0}},
	};
	RecoBuffer	out = {0};
	RecoReader	in;
	RecoWireAnswer read;
	bool		good = true;

	reco_wire_write_answer(&out, &answer);
	for (size_t len = 0; len < out.len; len++)
	{
		reco_reader_init(&in, out.data, len);
		good &=
			!reco_wire_read_answer(&in, &read) && in.failed == (len > 0) && !read.value;
		good &= !reco_wire_read_answer(&in, &read);
	}
	ok(good, "every truncation of an answer is refused, and stays so");
	for (int i = 0; i < 3; i++)
	{
		reco_buffer_reset(&out);
		reco_wire_write_answer(&out, &bad[i]);
		reco_reader_init(&in, out.data, out.len);
		ok(!reco_wire_read_answer(&in, &read) && in.failed, "bad answer %d is refused", i);
	}
	reco_buffer_free(&out, true);
}

/* What a question came to comes back the same; cut, or with a time that is none, not. */
static void
test_traces(void)
{
	static const RecoWireAnswer told = {
		.key = RECO_WIRE_TRACE,
		.trace = {INT64_C(1) << 60, 2, 40, true, 5, {6, INT64_C(7000000000), 8, 9}}
	};
	RecoWireAnswer bad = told;
	RecoBuffer	out = {0};
	RecoReader	in;
	RecoWireAnswer read;
	bool		good = true;

	reco_wire_write_answer(&out, &told);
	reco_reader_init(&in, out.data, out.len);
	ok(reco_wire_read_answer(&in, &read) && read.key == told.key &&
		   read.trace.call == told.trace.call && read.trace.sends == told.trace.sends &&
		   read.trace.keys == told.trace.keys && read.trace.shared &&
		   read.trace.sent_at == told.trace.sent_at && read.trace.times.queued == 6 &&
		   read.trace.times.limited == told.trace.times.limited &&
		   read.trace.times.network == 8 && read.trace.times.parsed == 9 &&
		   !reco_wire_read_answer(&in, &read) && !in.failed,
	   "a trace comes back the same");
	for (size_t len = 1; len < out.len; len++)
	{
		reco_reader_init(&in, out.data, len);
		good &= !reco_wire_read_answer(&in, &read) && in.failed;
	}
	ok(good, "every truncation of a trace is refused");
	bad.trace.times.network = -1;
	reco_buffer_reset(&out);
	reco_wire_write_answer(&out, &bad);
	reco_reader_init(&in, out.data, out.len);
	ok(!reco_wire_read_answer(&in, &read) && in.failed, "a negative time is refused");
	reco_buffer_free(&out, true);
}

int
main(void)
{
	test_requests();
	test_nonsense();
	test_truncations();
	test_answers();
	test_cut_answers();
	test_traces();
	return tap_done();
}
