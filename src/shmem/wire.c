/*-------------------------------------------------------------------------
 *
 * wire.c
 *	  The bytes in a slot: a request, and the records of its answer.
 *
 * Purpose: see wire.h.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	trust a length, or let a number through that is no member of its enum.
 *
 *-------------------------------------------------------------------------
 */
#include "wire.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC			0x7265636F32	/* moves with the layout */
#define MOST_PRIORITIES 16		/* at least as many as there are */

static void write_options(RecoBuffer *out, const RecoOptions *options);
static void read_options(RecoReader *in, RecoOptions *options);
static void write_cache(RecoBuffer *out, const RecoWireCache *cache);
static void read_cache(RecoReader *in, RecoWireCache *cache);
static void write_trace(RecoBuffer *out, const RecoWireTrace *trace);
static void read_trace(RecoReader *in, RecoWireTrace *trace);
static int64_t read_time(RecoReader *in);
static int	read_number(RecoReader *in, int64_t low, int64_t high);
static uint32_t read_oid(RecoReader *in);
static bool read_flag(RecoReader *in);

/* Appends a request; whether all went well, the buffer tells. */
void
reco_wire_write_request(RecoBuffer *out, const RecoWireRequest *request)
{
	reco_buffer_put_int(out, MAGIC);
	reco_buffer_put_int(out, request->operation);
	reco_buffer_put_int(out, request->priority);
	reco_buffer_put_int(out, request->batching);
	reco_buffer_put_int(out, request->single_flight);
	reco_buffer_put_string(out, request->server);
	reco_buffer_put_int(out, request->server_id);
	reco_buffer_put_int(out, (int64_t) request->lane_key);
	reco_buffer_put_int(out, (int64_t) request->fingerprint);
	write_options(out, &request->options);
	reco_buffer_put_string(out, request->credential.client_id);
	reco_buffer_put_string(out, request->credential.client_secret);
	reco_buffer_put_string(out, request->credential.api_key);
	reco_buffer_put_string(out, request->listener.user_id);
	reco_buffer_put_string(out, request->listener.access_token);
	reco_buffer_put_string(out, request->listener.refresh_token);
	reco_buffer_put_int(out, (int64_t) request->listener.consent);
	reco_buffer_put_int(out, request->listener.extension);
	write_cache(out, &request->cache);
	reco_buffer_put_int(out, request->nkeys);
	for (int i = 0; i < request->nkeys; i++)
		reco_buffer_put_string(out, request->keys[i]);
}

/*
 * Reads a request. Server, base address and keys are needed; a request that asks
 * nothing makes no sense, and neither does one with something behind its end.
 */
bool
reco_wire_read_request(const void *bytes, size_t len, RecoWireRequest *request)
{
	RecoReader	in;

	memset(request, 0, sizeof(*request));
	reco_reader_init(&in, bytes, len);
	in.failed = reco_reader_int(&in) != MAGIC;
	request->operation = read_number(&in, 0, RECO_NOPERATIONS - 1);
	request->priority = read_number(&in, 0, MOST_PRIORITIES - 1);
	request->batching = read_flag(&in);
	request->single_flight = read_flag(&in);
	request->server = reco_reader_string(&in);
	request->server_id = read_oid(&in);
	request->lane_key = (uint64_t) reco_reader_int(&in);
	request->fingerprint = (uint64_t) reco_reader_int(&in);
	read_options(&in, &request->options);
	request->credential.client_id = reco_reader_string(&in);
	request->credential.client_secret = reco_reader_string(&in);
	request->credential.api_key = reco_reader_string(&in);
	request->listener.user_id = reco_reader_string(&in);
	request->listener.access_token = reco_reader_string(&in);
	request->listener.refresh_token = reco_reader_string(&in);
	request->listener.consent = (uint64_t) reco_reader_int(&in);
	request->listener.extension = read_oid(&in);
	read_cache(&in, &request->cache);
	request->nkeys = read_number(&in, 1, RECO_WIRE_MAXKEYS);
	if (!in.failed && request->server && request->options.base_url)
		request->keys = calloc((size_t) request->nkeys, sizeof(*request->keys));
	for (int i = 0; request->keys && i < request->nkeys; i++)
	{
		request->keys[i] = reco_reader_string(&in);
		in.failed |= !request->keys[i];
	}
	if (request->keys && !in.failed && in.at == in.end)
		return true;
	free(request->keys);
	memset(request, 0, sizeof(*request));
	return false;
}

/* Appends a record. */
void
reco_wire_write_answer(RecoBuffer *out, const RecoWireAnswer *answer)
{
	reco_buffer_put_int(out, answer->key);
	if (answer->key == RECO_WIRE_TRACE)
	{
		write_trace(out, &answer->trace);
		return;
	}
	reco_buffer_put_int(out, answer->outcome);
	reco_buffer_put_int(out, answer->retry_at);
	reco_buffer_put_bytes(out, answer->value, answer->value ? answer->value_len : 0);
	reco_buffer_put_string(out, answer->message);
}

/* Reads a record. */
bool
reco_wire_read_answer(RecoReader *in, RecoWireAnswer *answer)
{
	memset(answer, 0, sizeof(*answer));
	if (in->failed || in->at == in->end)
		return false;
	answer->key = read_number(in, RECO_WIRE_TRACE, RECO_WIRE_MAXKEYS - 1);
	if (answer->key == RECO_WIRE_TRACE)
		read_trace(in, &answer->trace);
	else
	{
		answer->outcome = read_number(in, 0, RECO_NOUTCOMES - 1);
		answer->retry_at = reco_reader_int(in);
		answer->value = reco_reader_bytes(in, &answer->value_len);
		answer->message = reco_reader_string(in);
	}
	if (in->failed)
		memset(answer, 0, sizeof(*answer));
	return !in->failed;
}

static void
write_options(RecoBuffer *out, const RecoOptions *options)
{
	reco_buffer_put_int(out, options->service);
	reco_buffer_put_string(out, options->base_url);
	reco_buffer_put_string(out, options->accounts_url);
	reco_buffer_put_int(out, options->rate_count);
	reco_buffer_put_int(out, options->rate_window_us);
	reco_buffer_put_int(out, options->burst);
	reco_buffer_put_int(out, options->max_concurrency);
	reco_buffer_put_int(out, options->batch_max);
	reco_buffer_put_int(out, options->connect_timeout_ms);
	reco_buffer_put_int(out, options->timeout_ms);
	reco_buffer_put_int(out, options->deadline_ms);
	reco_buffer_put_int(out, options->daily_quota);
	reco_buffer_put_string(out, options->model);
	reco_buffer_put_string(out, options->market);
	reco_buffer_put_string(out, options->ca_file);
	reco_buffer_put_int(out, options->access);
	reco_buffer_put_int(out, options->share_with_llm);
	reco_buffer_put_int(out, options->allow_plaintext);
	reco_buffer_put_int(out, options->allow_private);
	reco_buffer_put_int(out, options->allow_loopback);
}

static void
read_options(RecoReader *in, RecoOptions *options)
{
	options->service = read_number(in, 0, RECO_NSERVICES - 1);
	options->base_url = reco_reader_string(in);
	options->accounts_url = reco_reader_string(in);
	options->rate_count = read_number(in, 0, INT_MAX);
	options->rate_window_us = reco_reader_int(in);
	in->failed |= options->rate_window_us < 0;
	options->burst = read_number(in, 0, INT_MAX);
	options->max_concurrency = read_number(in, 0, INT_MAX);
	options->batch_max = read_number(in, 0, INT_MAX);
	options->connect_timeout_ms = read_number(in, 0, INT_MAX);
	options->timeout_ms = read_number(in, 0, INT_MAX);
	options->deadline_ms = read_number(in, 0, INT_MAX);
	options->daily_quota = read_number(in, 0, INT_MAX);
	options->model = reco_reader_string(in);
	options->market = reco_reader_string(in);
	options->ca_file = reco_reader_string(in);
	options->access = read_number(in, 0, RECO_ACCESS_DEVELOPMENT);
	options->share_with_llm = read_flag(in);
	options->allow_plaintext = read_flag(in);
	options->allow_private = read_flag(in);
	options->allow_loopback = read_flag(in);
}

static void
write_cache(RecoBuffer *out, const RecoWireCache *cache)
{
	reco_buffer_put_int(out, cache->on);
	reco_buffer_put_int(out, cache->extension);
	reco_buffer_put_int(out, cache->fresh_us);
	reco_buffer_put_int(out, cache->usable_us);
	reco_buffer_put_int(out, cache->absent_us);
	reco_buffer_put_int(out, cache->deny_us);
	reco_buffer_put_real(out, cache->jitter);
	reco_buffer_put_int(out, (int64_t) cache->epoch);
	reco_buffer_put_string(out, cache->prefix);
	reco_buffer_put_string(out, cache->suffix);
}

static void
read_cache(RecoReader *in, RecoWireCache *cache)
{
	cache->on = read_flag(in);
	cache->extension = read_oid(in);
	cache->fresh_us = reco_reader_int(in);
	cache->usable_us = reco_reader_int(in);
	cache->absent_us = reco_reader_int(in);
	cache->deny_us = reco_reader_int(in);
	cache->jitter = reco_reader_real(in);
	in->failed |= !(cache->jitter >= 0 && cache->jitter <= 1);
	cache->epoch = (uint64_t) reco_reader_int(in);
	cache->prefix = reco_reader_string(in);
	cache->suffix = reco_reader_string(in);
	in->failed |= cache->on && cache->prefix == NULL;
	in->failed |= (cache->on || cache->deny_us > 0) && cache->suffix == NULL;
}

static void
write_trace(RecoBuffer *out, const RecoWireTrace *trace)
{
	reco_buffer_put_int(out, trace->call);
	reco_buffer_put_int(out, trace->sends);
	reco_buffer_put_int(out, trace->keys);
	reco_buffer_put_int(out, trace->shared);
	reco_buffer_put_int(out, trace->sent_at);
	reco_buffer_put_int(out, trace->times.queued);
	reco_buffer_put_int(out, trace->times.limited);
	reco_buffer_put_int(out, trace->times.network);
	reco_buffer_put_int(out, trace->times.parsed);
}

static void
read_trace(RecoReader *in, RecoWireTrace *trace)
{
	trace->call = read_time(in);
	trace->sends = read_number(in, 0, INT_MAX);
	trace->keys = read_number(in, 0, INT_MAX);
	trace->shared = read_flag(in);
	trace->sent_at = read_time(in);
	trace->times.queued = read_time(in);
	trace->times.limited = read_time(in);
	trace->times.network = read_time(in);
	trace->times.parsed = read_time(in);
}

/* Reads a time, which is never negative. */
static int64_t
read_time(RecoReader *in)
{
	int64_t		value = reco_reader_int(in);

	in->failed |= value < 0;
	return value;
}

/* Reads a number that has to be in a range; the lowest where it is not. */
static int
read_number(RecoReader *in, int64_t low, int64_t high)
{
	int64_t		value = reco_reader_int(in);

	if (!in->failed && value >= low && value <= high)
		return (int) value;
	in->failed = true;
	return (int) low;
}

/* Reads an oid, which is never negative. */
static uint32_t
read_oid(RecoReader *in)
{
	int64_t		value = reco_reader_int(in);

	in->failed |= value < 0 || value > UINT32_MAX;
	return (uint32_t) value;
}

static bool
read_flag(RecoReader *in)
{
	return read_number(in, 0, 1) == 1;
}
