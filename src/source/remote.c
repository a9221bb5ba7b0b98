/*-------------------------------------------------------------------------
 *
 * remote.c
 *	  Questions to services, through the gateway.
 *
 * Purpose: see remote.h. A question is cut into requests of a slot each; answers
 *			come back as records that name their key by its place.
 * Runs in: any process with a database; asking needs a transaction, waiting none.
 * Locks:	none.
 * Never:	hold SPI, a snapshot or a pin of our own while waiting.
 *
 *-------------------------------------------------------------------------
 */
#include "remote.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "guc.h"
#include "kept.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "own_token.h"
#include "screen.h"
#include "shmem/promise.h"
#include "store/limit_state.h"
#include "upstream/buffer.h"
#include "utils/memutils.h"

#define PROMISE_US	((int64) 1000 * 1000) /* is waited for at most */

/* One request of a question: some of its distinct keys. */
typedef struct Part
{
	RecoSlotRef ref;			/* slot -1 = not under way */
	int			question;
	int			first;			/* in the question's 'asked' */
	int			nkeys;
	int64		deadline;
	bool		told;			/* its trace has ended */
} Part;

typedef struct Question
{
	int			nkeys;
	int		   *distinct;		/* which distinct key each key is */
	int			ndistinct;
	const char **keys;			/* distinct, in UTF-8 */
	RecoRemoteValue *values;	/* of the distinct keys */
	int			nasked;			/* those that nobody here knows */
	int		   *asked;			/* which distinct keys these are */
	int			nstale;
	const char **stale;			/* keys of which it knows something old */
	const RecoServer *server;
	RecoKept	kept;
	const char *user_id;		/* of a listener's own; NULL otherwise */
	RecoPromiseKey token;		/* what it was asked with; UTF-8 */
	RecoProblem problem;
	int			trace;			/* number of its trace; -1 = it has none */
} Question;

struct RecoRemote
{
	MemoryContext context;
	MemoryContextCallback release;
	RecoTraces *traces;			/* NULL = nowhere */
	int			nquestions;
	int			questions_size;
	Question   *questions;
	int			nparts;
	int			parts_size;
	Part	   *parts;
	bool		rotated;		/* a listener's token was replaced: */
	RecoPromiseKey token;		/* ... this one's */
	bool		limited;		/* somebody's quota is used up: it may be news */
};

static void release_slots(void *arg);
static void tell_apart(Question *question, const char *const *keys, int nkeys);
static int	look(RecoRemote *remote, const RecoServer *server, RecoOperation operation,
				const char *user_id, const char *const *keys, int nkeys, bool again,
				RecoListener *listener);
static void find(RecoRemote *remote, Question *question, bool again);
static void note_known(RecoRemote *remote, Question *question,
					   const RecoScreened *screened, const bool *kept,
					   const RecoKeptAnswer *known);
static void begin_trace(RecoRemote *remote, Question *question, int keys);
static void end_trace(RecoRemote *remote, const Question *question, int first, int nkeys);
static int	submit(RecoRemote *remote, int number, const RecoListener *listener, int most,
				  RecoPriority priority, int64 deadline);
static void wipe(RecoListener *listener);
static void wait_for_keeper(RecoRemote *remote, int64 until);
static Part *add_part(RecoRemote *remote);
static void refresh(RecoWireRequest *request);
static void send_part(RecoRemote *remote, RecoWireRequest *request, Part *part);
static void settle(Question *question, int first, int nkeys, RecoOutcome outcome,
				   const char *message);
static void collect(RecoRemote *remote, Part *part);
static void read_records(RecoRemote *remote, const Part *part, const char *bytes,
						 Size len);
static char *server_text(const char *text, Size len);

bool
reco_remote_is_on(void)
{
	return reco_guc_upstreams && reco_shared != NULL;
}

RecoRemote *
reco_remote_open(void)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "reco remote",
												  ALLOCSET_DEFAULT_SIZES);
	RecoRemote *remote = MemoryContextAllocZero(context, sizeof(RecoRemote));

	remote->context = context;
	remote->release.func = release_slots;
	remote->release.arg = remote;
	MemoryContextRegisterResetCallback(context, &remote->release);
	return remote;
}

void
reco_remote_trace(RecoRemote *remote, RecoTraces *traces)
{
	remote->traces = traces;
}

void
reco_remote_close(RecoRemote *remote)
{
	MemoryContextDelete(remote->context);
}

/* Gives back what is still under way, however the context comes to its end. */
static void
release_slots(void *arg)
{
	RecoRemote *remote = arg;

	for (int i = 0; i < remote->nparts; i++)
		if (remote->parts[i].ref.slot >= 0)
			reco_slot_release(&remote->parts[i].ref);
	remote->nparts = 0;
}

/* Submits a question. */
int
reco_remote_ask(RecoRemote *remote, const RecoServer *server, RecoOperation operation,
				const char *const *keys, int nkeys, RecoPriority priority, int64 deadline)
{
	return reco_remote_ask_listener(remote, server, operation, NULL, keys, nkeys,
									priority, deadline);
}

int
reco_remote_ask_listener(RecoRemote *remote, const RecoServer *server,
						 RecoOperation operation, const char *user_id,
						 const char *const *keys, int nkeys, RecoPriority priority,
						 int64 deadline)
{
	MemoryContext old = MemoryContextSwitchTo(remote->context);
	RecoListener listener = {0};
	int number = look(remote, server, operation, user_id, keys, nkeys, false, &listener);

	(void) submit(remote, number, &listener, INT_MAX, priority, deadline);
	wipe(&listener);
	MemoryContextSwitchTo(old);
	return number;
}

int
reco_remote_look(RecoRemote *remote, const RecoServer *server, RecoOperation operation,
				 const char *user_id, const char *const *keys, int nkeys, bool again)
{
	MemoryContext old = MemoryContextSwitchTo(remote->context);
	RecoListener listener = {0};
	int number = look(remote, server, operation, user_id, keys, nkeys, again, &listener);

	wipe(&listener);
	MemoryContextSwitchTo(old);
	return number;
}

int
reco_remote_send(RecoRemote *remote, int number, int most, RecoPriority priority,
				 int64 deadline)
{
	MemoryContext old = MemoryContextSwitchTo(remote->context);
	Question   *question = &remote->questions[number];
	RecoListener listener = {0};
	int			sent = 0;

	if (question->user_id == NULL ||
		reco_own_token_take(question->server, question->user_id, &question->token,
							&listener))
		sent = submit(remote, number, &listener, most, priority, deadline);
	wipe(&listener);
	MemoryContextSwitchTo(old);
	return sent;
}

/* Puts a question: what is known answers it, the rest is not sent yet. */
static int
look(RecoRemote *remote, const RecoServer *server, RecoOperation operation,
	 const char *user_id, const char *const *keys, int nkeys, bool again,
	 RecoListener *listener)
{
	Question   *question;

	if (remote->nquestions == remote->questions_size)
	{
		remote->questions_size = Max(8, 2 * remote->questions_size);
		remote->questions = remote->questions == NULL
			? palloc(sizeof(Question) * remote->questions_size)
			: repalloc(remote->questions, sizeof(Question) * remote->questions_size);
	}
	question = &remote->questions[remote->nquestions++];
	memset(question, 0, sizeof(*question));
	question->server = server;
	question->trace = -1;
	if (user_id != NULL)
		question->user_id = pstrdup(user_id);
	tell_apart(question, keys, nkeys);
	question->asked = palloc(sizeof(int) * Max(question->ndistinct, 1));
	if (user_id != NULL &&
		!reco_own_token_take(server, user_id, &question->token, listener))
	{
		for (int i = 0; i < question->ndistinct; i++)
			question->asked[i] = i;
		settle(question, 0, question->ndistinct, RECO_OUTCOME_UNCONFIGURED,
			   "the listener is not connected");
		question->kept.operation = operation;
		begin_trace(remote, question, question->ndistinct);
		end_trace(remote, question, 0, question->ndistinct);
	}
	else if (question->ndistinct > 0)
	{
		reco_kept_open(server, operation, listener->user_id, &question->kept);
		find(remote, question, again);
	}
	return remote->nquestions - 1;
}

/* A listener's token has done its work. */
static void
wipe(RecoListener *listener)
{
	if (listener->refresh_token != NULL)
		reco_wipe(unconstify(char *, listener->refresh_token),
				  strlen(listener->refresh_token));
	listener->refresh_token = NULL;
}

typedef struct Place
{
	const char *key;
	int			at;
} Place;

/* Orders keys, and equal ones by their place. */
static int
by_key(const void *a, const void *b)
{
	const Place *x = a;
	const Place *y = b;
	int			order = strcmp(x->key, y->key);

	return order != 0 ? order : x->at < y->at ? -1 : x->at > y->at;
}

/* Finds the distinct keys, in the order in which they first come. */
static void
tell_apart(Question *question, const char *const *keys, int nkeys)
{
	Place	   *places = palloc(sizeof(Place) * Max(nkeys, 1));
	int		   *first = palloc(sizeof(int) * Max(nkeys, 1));

	question->nkeys = nkeys;
	question->distinct = palloc(sizeof(int) * Max(nkeys, 1));
	question->keys = palloc(sizeof(char *) * Max(nkeys, 1));
	question->values = palloc0(sizeof(RecoRemoteValue) * Max(nkeys, 1));
	for (int i = 0; i < nkeys; i++)
	{
		places[i].key = keys[i];
		places[i].at = i;
	}
	qsort(places, nkeys, sizeof(Place), by_key);
	for (int i = 0; i < nkeys; i++)
		first[places[i].at] = i > 0 && strcmp(places[i].key, places[i - 1].key) == 0
			? first[places[i - 1].at]
			: places[i].at;
	for (int i = 0; i < nkeys; i++)
	{
		if (first[i] != i)
		{
			question->distinct[i] = question->distinct[first[i]];
			continue;
		}
		question->distinct[i] = question->ndistinct;
		question->keys[question->ndistinct++] = reco_remote_key(keys[i]);
	}
	pfree(places);
	pfree(first);
}

/* Answers what is known, and finds out what would have to be asked. */
static void
find(RecoRemote *remote, Question *question, bool again)
{
	int			n = question->ndistinct;
	RecoKeptAnswer *known = palloc(sizeof(RecoKeptAnswer) * n);
	RecoScreened *screened = palloc(sizeof(RecoScreened) * n);
	bool	   *found = palloc0(sizeof(bool) * n);

	question->stale = palloc(sizeof(char *) * n);
	if (again)
	{
		memset(screened, 0, sizeof(RecoScreened) * n);
		memset(known, 0, sizeof(RecoKeptAnswer) * n);
	}
	else
	{
		reco_screen_lists(&question->kept, question->keys, n, screened);
		reco_kept_find(&question->kept, question->keys, n, known);
		for (int i = 0; i < n; i++)
			found[i] = known[i].found;
		reco_screen_features(&question->kept, question->keys, n, known);
		note_known(remote, question, screened, found, known);
	}
	for (int i = 0; i < n; i++)
	{
		RecoRemoteValue *value = &question->values[i];

		if (screened[i].outcome != RECO_OUTCOME_FRESH)
		{
			value->outcome = screened[i].outcome;
			value->origin = RECO_ORIGIN_CACHED;
			value->message = screened[i].reason;
			value->retry_at =
				value->outcome == RECO_OUTCOME_DENIED ? RECO_REMOTE_NEVER : 0;
			continue;
		}
		if (!known[i].found)
		{
			value->outcome = RECO_OUTCOME_TIMEOUT;
			value->unasked = true;
			question->asked[question->nasked++] = i;
			continue;
		}
		value->outcome = known[i].absent ? RECO_OUTCOME_ABSENT : RECO_OUTCOME_FRESH;
		value->origin = known[i].origin;
		if (!known[i].absent)
			value->json = server_text(known[i].value, known[i].len);
		if (known[i].origin == RECO_ORIGIN_STALE && !known[i].last)
			question->stale[question->nstale++] = question->keys[i];
	}
	pfree(known);
	pfree(found);
	pfree(screened);
}

/* Begins to tell of a question, if that was not done before, and of keys to be sent. */
static void
begin_trace(RecoRemote *remote, Question *question, int keys)
{
	if (question->trace < 0)
		question->trace = reco_traces_put(remote->traces, question->server->name,
										  question->kept.operation);
	if (keys > 0)
		reco_traces_sent(remote->traces, question->trace, keys);
}

/* Tells what a range of keys came to. */
static void
end_trace(RecoRemote *remote, const Question *question, int first, int nkeys)
{
	for (int i = first; i < first + nkeys; i++)
	{
		const RecoRemoteValue *value = &question->values[question->asked[i]];

		reco_traces_answer(remote->traces, question->trace, value->outcome, value->json,
						   &question->server->options);
	}
	reco_traces_end(remote->traces, question->trace);
}

/*
 * Counts the keys of a question that are known here: 'kept' were found in the buffer or a
 * table, and 'known' are, or are missing.
 */
static void
note_known(RecoRemote *remote, Question *question, const RecoScreened *screened,
		   const bool *kept, const RecoKeptAnswer *known)
{
	RecoCallTrace *trace;
	int			nkept = 0;
	int			missing = 0;
	int			denied = 0;

	for (int i = 0; i < question->ndistinct; i++)
	{
		bool		open = screened[i].outcome == RECO_OUTCOME_FRESH;

		denied += screened[i].outcome == RECO_OUTCOME_DENIED;
		nkept += open && kept[i];
		missing += screened[i].outcome == RECO_OUTCOME_ABSENT ||
			(open && known[i].found && !kept[i]);
	}
	if (nkept + missing + denied == 0)
		return;
	begin_trace(remote, question, 0);
	trace = reco_traces_at(remote->traces, question->trace);
	if (trace == NULL)
		return;
	trace->kept = nkept;
	trace->missing = missing;
	trace->denied = denied;
	trace->keys += nkept + missing + denied;
}

/*
 * Submits what a question has to ask, in as many parts as it takes, and what is stale
 * with it: so many keys. A deadline that is over asks for what is at hand.
 */
static int
submit(RecoRemote *remote, int number, const RecoListener *listener, int most,
	   RecoPriority priority, int64 deadline)
{
	Question   *question = &remote->questions[number];
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
		settle(question, 0, n, RECO_OUTCOME_UNCONFIGURED, question->problem.message);
		begin_trace(remote, question, n);
		end_trace(remote, question, 0, n);
		return 0;
	}
	(void) reco_limit_state_load(false);
	keys = palloc(sizeof(char *) * Max(n, 1));
	request.operation = question->kept.operation;
	request.priority = priority;
	request.batching = reco_guc_batching;
	request.single_flight = reco_guc_single_flight;
	request.server = reco_remote_key(question->server->name);
	request.server_id = question->server->id;
	request.lane_key = secret->lane_key;
	request.fingerprint = secret->fingerprint;
	request.options = question->server->options;
	request.credential = secret->credential;
	request.listener = *listener;
	request.cache = question->kept.wire;
	for (int i = 0; i < n; i++)
		keys[i] = question->keys[question->asked[i]];
	for (int first = 0; first < n; first += RECO_WIRE_MAXKEYS)
	{
		Part	   *part = add_part(remote);

		part->question = number;
		part->first = first;
		part->nkeys = Min(RECO_WIRE_MAXKEYS, n - first);
		part->deadline = deadline;
		part->told = false;
		part->ref.slot = -1;
		begin_trace(remote, question, part->nkeys);
		request.nkeys = part->nkeys;
		request.keys = keys + first;
		send_part(remote, &request, part);
	}
	for (int first = 0; first < nstale; first += RECO_WIRE_MAXKEYS)
	{
		request.priority = RECO_PRIORITY_REFRESH;
		request.nkeys = Min(RECO_WIRE_MAXKEYS, nstale - first);
		request.keys = question->stale + first;
		refresh(&request);
	}
	reco_server_lock(secret);
	pfree(keys);
	return n + nstale;
}

/*
 * Waits until a new token is written, or that a quota is used up, so that what was
 * answered outlives a crash with its price. Who cancels, or has no keeper, does not lose
 * it: it is in shared memory.
 */
static void
wait_for_keeper(RecoRemote *remote, int64 until)
{
	if (remote->rotated)
		(void) reco_promise_wait(&remote->token, until);
	if (remote->limited)
		reco_limits_wait(MyDatabaseId, until);
	remote->rotated = remote->limited = false;
}

/* Makes room for one more part. */
static Part *
add_part(RecoRemote *remote)
{
	if (remote->nparts == remote->parts_size)
	{
		remote->parts_size = Max(8, 2 * remote->parts_size);
		remote->parts = remote->parts == NULL
			? palloc(sizeof(Part) * remote->parts_size)
			: repalloc(remote->parts, sizeof(Part) * remote->parts_size);
	}
	return &remote->parts[remote->nparts++];
}

/* Asks again for what is stale; nobody waits, the answers go to the buffer. */
static void
refresh(RecoWireRequest *request)
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
send_part(RecoRemote *remote, RecoWireRequest *request, Part *part)
{
	Question   *question = &remote->questions[part->question];
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
	settle(question, part->first, part->nkeys, why, NULL);
	end_trace(remote, question, part->first, part->nkeys);
	remote->nparts--;			/* it is the newest */
}

/* Gives a range of keys an outcome without a value. */
static void
settle(Question *question, int first, int nkeys, RecoOutcome outcome, const char *message)
{
	for (int i = first; i < first + nkeys; i++)
	{
		RecoRemoteValue *value = &question->values[question->asked[i]];

		value->outcome = outcome;
		value->message = message;
		value->pending = value->unasked = false;
	}
}

/* Waits for all parts, and collects what came. */
void
reco_remote_wait(RecoRemote *remote)
{
	MemoryContext old = MemoryContextSwitchTo(remote->context);
	RecoSlotRef *refs = palloc(sizeof(RecoSlotRef) * Max(remote->nparts, 1));
	int64		until = 0;

	for (int i = 0; i < remote->nparts; i++)
	{
		refs[i] = remote->parts[i].ref;
		until = Max(until, remote->parts[i].deadline);
	}
	if (remote->nparts > 0)
		(void) reco_slots_wait(refs, remote->nparts, false, until);
	for (int i = 0; i < remote->nparts; i++)
		collect(remote, &remote->parts[i]);
	remote->nparts = 0;
	pfree(refs);
	MemoryContextSwitchTo(old);
	wait_for_keeper(remote, Min(until, reco_now_us() + PROMISE_US));
}

/* Waits for one more part. */
bool
reco_remote_wait_any(RecoRemote *remote, int64 until)
{
	RecoSlotRef *refs;
	int			n = remote->nparts;

	if (n == 0)
		return false;
	refs = MemoryContextAlloc(remote->context, sizeof(RecoSlotRef) * n);
	for (int i = 0; i < n; i++)
	{
		refs[i] = remote->parts[i].ref;
		until = Min(until, remote->parts[i].deadline);
	}
	(void) reco_slots_wait(refs, n, true, until);
	pfree(refs);
	return true;
}

/* Collects what ended, or ran out of time. */
int
reco_remote_collect(RecoRemote *remote)
{
	MemoryContext old = MemoryContextSwitchTo(remote->context);
	int			left = 0;
	int			n = remote->nparts;

	for (int i = 0; i < n; i++)
	{
		Part		part = remote->parts[i];

		if (reco_slot_is_done(part.ref) || reco_now_us() >= part.deadline)
			collect(remote, &part);
		else
			remote->parts[left++] = part;
	}
	remote->nparts = left;
	MemoryContextSwitchTo(old);
	return n - left;
}

/* Reads what came of parts that are still under way. */
void
reco_remote_peek(RecoRemote *remote)
{
	MemoryContext old = MemoryContextSwitchTo(remote->context);

	for (int i = 0; i < remote->nparts; i++)
	{
		const Part *part = &remote->parts[i];
		Size		len;
		char	   *bytes = reco_slot_peek(part->ref, &len);

		read_records(remote, part, bytes, len);
		reco_wipe(bytes, len);
		pfree(bytes);
	}
	MemoryContextSwitchTo(old);
}

/* Ends the traces of what is still under way, as far as it came. */
void
reco_remote_end_traces(RecoRemote *remote)
{
	reco_remote_peek(remote);
	for (int i = 0; i < remote->nparts; i++)
	{
		Part	   *part = &remote->parts[i];

		if (!part->told)
			end_trace(remote, &remote->questions[part->question], part->first,
					  part->nkeys);
		part->told = true;
	}
}

bool
reco_remote_is_busy(const RecoRemote *remote)
{
	return remote->nparts > 0;
}

/* Waits for what must be written before it counts as paid for. */
void
reco_remote_wait_for_keeper(RecoRemote *remote, int64 until)
{
	wait_for_keeper(remote, Min(until, reco_now_us() + PROMISE_US));
}

/* Notes that a listener's token was replaced. The gateway has seen to the new one. */
static void
note_rotation(RecoRemote *remote, const Question *question, const RecoWireAnswer *answer)
{
	remote->rotated = true;
	remote->token = question->token;
	if (answer->outcome != RECO_OUTCOME_FRESH)
		ereport(WARNING,
				(errmsg("the new token of a listener is in the gateway's memory only"),
				 errdetail("There is no room for it where the keeper finds it."),
				 errhint("See the keeper in reco_stat_worker and the server's log, or "
						 "raise reco.gateway_slots.")));
}

/* Takes the records of one part; what has none was too late, or is lost. */
static void
collect(RecoRemote *remote, Part *part)
{
	Question   *question = &remote->questions[part->question];
	bool		late = reco_now_us() >= part->deadline;
	bool		done;
	Size		len;
	char	   *bytes;

	bytes = reco_slot_take(&part->ref, &len, &done);
	part->ref.slot = -1;
	for (int i = part->first; i < part->first + part->nkeys; i++)
		if (question->values[question->asked[i]].pending)
		{
			question->values[question->asked[i]].pending = false;
			question->values[question->asked[i]].outcome =
				!done && late ? RECO_OUTCOME_TIMEOUT : RECO_OUTCOME_LOST;
		}
	if (bytes != NULL)
		read_records(remote, part, bytes, len);
	if (!part->told)
		end_trace(remote, question, part->first, part->nkeys);
	if (bytes == NULL)
		return;
	reco_wipe(bytes, len);
	pfree(bytes);
}

/* Reads records of a part. */
static void
read_records(RecoRemote *remote, const Part *part, const char *bytes, Size len)
{
	Question   *question = &remote->questions[part->question];
	RecoReader	reader;
	RecoWireAnswer answer;

	reco_reader_init(&reader, bytes, len);
	while (reco_wire_read_answer(&reader, &answer))
	{
		RecoRemoteValue *value;

		if (answer.key == RECO_WIRE_ROTATED && question->user_id != NULL)
			note_rotation(remote, question, &answer);
		if (answer.key == RECO_WIRE_TRACE)
			reco_traces_take(remote->traces, question->trace, &answer.trace);
		if (answer.key < 0 || answer.key >= part->nkeys)
			continue;
		value = &question->values[question->asked[part->first + answer.key]];
		value->pending = false;
		value->outcome = answer.outcome;
		remote->limited |= answer.outcome == RECO_OUTCOME_QUOTA;
		value->origin = RECO_ORIGIN_LIVE;
		value->retry_at = answer.retry_at;
		value->message = answer.message == NULL
			? NULL
			: server_text(answer.message, strlen(answer.message));
		if (answer.outcome == RECO_OUTCOME_FRESH && answer.value != NULL)
			value->json = server_text(answer.value, answer.value_len);
		if (answer.outcome == RECO_OUTCOME_FRESH && value->json == NULL)
			value->outcome = RECO_OUTCOME_MALFORMED;
	}
}

const RecoRemoteValue *
reco_remote_value(const RecoRemote *remote, int question, int key)
{
	const Question *asked = &remote->questions[question];

	return &asked->values[asked->distinct[key]];
}

const RecoProblem *
reco_remote_problem(const RecoRemote *remote, int question)
{
	const RecoProblem *problem = &remote->questions[question].problem;

	return problem->sqlstate != 0 ? problem : NULL;
}

/* A copy of a text of the database, as UTF-8. */
char *
reco_remote_key(const char *key)
{
	int			encoding = GetDatabaseEncoding();
	char	   *copy = pstrdup(key);

	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
		return copy;
	return pg_server_to_any(copy, (int) strlen(copy), PG_UTF8);
}

/*
 * A copy of a service's UTF-8 in the database's encoding. What that has no letter
 * for, and what is no UTF-8, becomes a question mark: an answer must not fail for one
 * title in it. NULL when it is too long.
 */
static char *
server_text(const char *text, Size len)
{
	int			encoding = GetDatabaseEncoding();
	bool valid =
		len <= MaxAllocSize / 4 && pg_verify_mbstr(PG_UTF8, text, (int) len, true);
	StringInfoData out;
	Oid			proc;

	if (len > MaxAllocSize / 4)
		return NULL;
	if (valid && (encoding == PG_UTF8 || encoding == PG_SQL_ASCII))
		return pnstrdup(text, len);
	proc =
		IsTransactionState() ? FindDefaultConversionProc(PG_UTF8, encoding) : InvalidOid;
	initStringInfo(&out);
	for (Size i = 0; i < len;)
	{
		unsigned char *from = (unsigned char *) unconstify(char *, text) + i;
		int			n = pg_utf_mblen(from);
		bool		legal = i + n <= len && pg_utf8_islegal(from, n);
		unsigned char to[MAX_CONVERSION_GROWTH * 4 + 1];

		if (!legal)
			n = 1;
		if (!legal)
			appendStringInfoChar(&out, '?');
		else if (n == 1)
			appendStringInfoChar(&out, text[i]);
		else if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
			appendBinaryStringInfo(&out, (char *) from, n);
		else if (OidIsValid(proc) &&
				 pg_do_encoding_conversion_buf(proc, PG_UTF8, encoding, from, n, to,
											   sizeof(to), true) == n)
			appendStringInfoString(&out, (char *) to);
		else
			appendStringInfoChar(&out, '?');
		i += n;
	}
	return out.data;
}

/* A copy of a text that others left in shared memory, fit to be shown here. */
char *
reco_remote_text(const char *text)
{
	return server_text(text, strlen(text));
}
