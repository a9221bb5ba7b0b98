/*-------------------------------------------------------------------------
 *
 * remote_send.c
 *	  Hands questions over to the gateway.
 *
 * Purpose: cut what is to be asked into requests of a slot each.
 * Runs in: any process with a database and a transaction.
 * Locks:	none.
 * Never:	leave a secret in memory that it has filled.
 *
 *-------------------------------------------------------------------------
 */
#include "remote_parts.h"

#include "guc.h"
#include "store/limit_state.h"
#include "upstream/buffer.h"

static void describe(const RecoRemoteQuestion *question, const RecoSecret *secret,
					 const RecoListener *listener, RecoPriority priority,
					 RecoWireRequest *request);
static RecoRemotePart *add_part(RecoRemote *remote);
static void refresh(const char **keys, int n, RecoWireRequest *request);
static void refresh_some(RecoWireRequest *request);
static void send_part(RecoRemote *remote, RecoWireRequest *request, RecoRemotePart *part);

/*
 * Submits what a question has to ask, in as many parts as it takes, and what is stale
 * with it: so many keys. A deadline that is over asks for what is at hand.
 */
int
reco_remote_submit(RecoRemote *remote, int number, const RecoListener *listener, int most,
				   RecoPriority priority, int64 deadline)
{
	RecoRemoteQuestion *question = &remote->questions[number];
	int			n = Min(most, question->nasked);
	int			nstale = Min(most - n, question->nstale);
	RecoSecret *secret;
	const char **keys;
	RecoWireRequest request = {0};

	for (int i = n; i < question->nasked; i++)
		question->values[question->asked[i]].outcome = RECO_OUTCOME_LIMITED;
	if (deadline <= reco_now_us() || n + nstale == 0)
		return 0;
	secret = reco_server_unlock(question->server, &question->problem);
	if (secret == NULL)
	{
		reco_remote_settle(question, 0, n, RECO_OUTCOME_UNCONFIGURED,
						   question->problem.message);
		reco_remote_begin_trace(remote, question, n);
		reco_remote_end_trace(remote, question, 0, n);
		return 0;
	}
	(void) reco_limit_state_load(false);
	keys = palloc(sizeof(char *) * Max(n, 1));
	describe(question, secret, listener, priority, &request);
	for (int i = 0; i < n; i++)
		keys[i] = question->keys[question->asked[i]];
	for (int first = 0; first < n; first += RECO_WIRE_MAXKEYS)
	{
		RecoRemotePart *part = add_part(remote);

		part->question = number;
		part->first = first;
		part->nkeys = Min(RECO_WIRE_MAXKEYS, n - first);
		part->deadline = deadline;
		part->told = false;
		part->ref.slot = -1;
		reco_remote_begin_trace(remote, question, part->nkeys);
		request.nkeys = part->nkeys;
		request.keys = keys + first;
		send_part(remote, &request, part);
	}
	refresh(question->stale, nstale, &request);
	reco_server_lock(secret);
	pfree(keys);
	return n + nstale;
}

/* What all requests of a question have in common. */
static void
describe(const RecoRemoteQuestion *question, const RecoSecret *secret,
		 const RecoListener *listener, RecoPriority priority, RecoWireRequest *request)
{
	request->operation = question->kept.operation;
	request->priority = priority;
	request->batching = reco_guc_batching;
	request->single_flight = reco_guc_single_flight;
	request->server = reco_remote_key(question->server->name);
	request->server_id = question->server->id;
	request->lane_key = secret->lane_key;
	request->fingerprint = secret->fingerprint;
	request->options = question->server->options;
	request->credential = secret->credential;
	request->listener = *listener;
	request->cache = question->kept.wire;
}

/* Makes room for one more part. */
static RecoRemotePart *
add_part(RecoRemote *remote)
{
	if (remote->nparts == remote->parts_size)
	{
		remote->parts_size = Max(8, 2 * remote->parts_size);
		remote->parts = remote->parts == NULL
			? palloc(sizeof(RecoRemotePart) * remote->parts_size)
			: repalloc(remote->parts, sizeof(RecoRemotePart) * remote->parts_size);
	}
	return &remote->parts[remote->nparts++];
}

/* Submits what only is to be known anew. */
int
reco_remote_refresh(RecoRemote *remote, int number, bool all, int most)
{
	MemoryContext old = MemoryContextSwitchTo(remote->context);
	RecoRemoteQuestion *question = &remote->questions[number];
	const char **keys = palloc(sizeof(char *) * Max(question->ndistinct, 1));
	RecoListener nobody = {0};
	RecoWireRequest request = {0};
	RecoSecret *secret = NULL;
	int			n = 0;

	for (int i = 0; i < question->nstale && n < most; i++)
		keys[n++] = question->stale[i];
	for (int i = 0; i < question->nasked && all && n < most; i++)
		keys[n++] = question->keys[question->asked[i]];
	if (n > 0)
		secret = reco_server_unlock(question->server, &question->problem);
	if (secret != NULL)
	{
		(void) reco_limit_state_load(false);
		describe(question, secret, &nobody, RECO_PRIORITY_REFRESH, &request);
		refresh(keys, n, &request);
		reco_server_lock(secret);
	}
	pfree(keys);
	MemoryContextSwitchTo(old);
	return secret == NULL ? 0 : n;
}

/* Asks for keys for which nobody waits; the answers go to the buffer. */
static void
refresh(const char **keys, int n, RecoWireRequest *request)
{
	for (int first = 0; first < n; first += RECO_WIRE_MAXKEYS)
	{
		request->priority = RECO_PRIORITY_REFRESH;
		request->nkeys = Min(RECO_WIRE_MAXKEYS, n - first);
		request->keys = keys + first;
		refresh_some(request);
	}
}

/* ... as much of it as one request carries. */
static void
refresh_some(RecoWireRequest *request)
{
	RecoBuffer	buffer;
	RecoOutcome why;

	reco_buffer_init(&buffer, 0);
	reco_wire_write_request(&buffer, request);
	if (!buffer.failed)
		(void) reco_slot_submit_detached(buffer.data, buffer.len,
										 reco_now_us() +
											 (int64) request->options.deadline_ms * 1000,
										 &why);
	reco_buffer_free(&buffer, true);
}

/* Hands one request over; the bytes hold a secret, so they are wiped. */
static void
send_part(RecoRemote *remote, RecoWireRequest *request, RecoRemotePart *part)
{
	RecoRemoteQuestion *question = &remote->questions[part->question];
	RecoOutcome why = RECO_OUTCOME_BUSY;
	RecoBuffer	buffer;
	bool		sent = false;

	reco_buffer_init(&buffer, 0);
	reco_wire_write_request(&buffer, request);
	if (!buffer.failed)
		sent =
			reco_slot_submit(buffer.data, buffer.len, part->deadline, &part->ref, &why);
	reco_buffer_free(&buffer, true);
	for (int i = part->first; i < part->first + part->nkeys; i++)
	{
		question->values[question->asked[i]].unasked = false;
		question->values[question->asked[i]].pending = sent;
	}
	if (sent)
		return;
	part->ref.slot = -1;
	reco_remote_settle(question, part->first, part->nkeys, why, NULL);
	reco_remote_end_trace(remote, question, part->first, part->nkeys);
	remote->nparts--;			/* it is the newest */
}
