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
#include "remote_parts.h"

#include "guc.h"
#include "own_token.h"
#include "upstream/buffer.h"

static void release_slots(void *arg);
static void tell_apart(RecoRemoteQuestion *question, RecoOperation operation,
					   const char *const *keys, int nkeys);
static int	look(RecoRemote *remote, const RecoServer *server, RecoOperation operation,
				const char *user_id, const char *const *keys, int nkeys, bool again);
static void wipe(RecoListener *listener);

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

/* Gives back what is still under way, and wipes, however the context comes to its end. */
static void
release_slots(void *arg)
{
	RecoRemote *remote = arg;

	for (int i = 0; i < remote->nparts; i++)
		if (remote->parts[i].ref.slot >= 0)
			reco_slot_release(&remote->parts[i].ref);
	remote->nparts = 0;
	wipe(&remote->listener);
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
	int number = look(remote, server, operation, user_id, keys, nkeys, false);

	(void) reco_remote_submit(remote, number, &remote->listener, INT_MAX, priority,
							  deadline);
	wipe(&remote->listener);
	MemoryContextSwitchTo(old);
	return number;
}

int
reco_remote_look(RecoRemote *remote, const RecoServer *server, RecoOperation operation,
				 const char *user_id, const char *const *keys, int nkeys, bool again)
{
	MemoryContext old = MemoryContextSwitchTo(remote->context);
	int number = look(remote, server, operation, user_id, keys, nkeys, again);

	wipe(&remote->listener);
	MemoryContextSwitchTo(old);
	return number;
}

int
reco_remote_send(RecoRemote *remote, int number, int most, RecoPriority priority,
				 int64 deadline)
{
	MemoryContext old = MemoryContextSwitchTo(remote->context);
	RecoRemoteQuestion *question = &remote->questions[number];
	int			sent = 0;

	if (question->user_id == NULL ||
		reco_own_token_take(question->server, question->user_id, &question->token,
							&remote->listener))
		sent = reco_remote_submit(remote, number, &remote->listener, most, priority,
								  deadline);
	wipe(&remote->listener);
	MemoryContextSwitchTo(old);
	return sent;
}

/* Puts a question: what is known answers it, the rest is not sent yet. */
static int
look(RecoRemote *remote, const RecoServer *server, RecoOperation operation,
	 const char *user_id, const char *const *keys, int nkeys, bool again)
{
	RecoRemoteQuestion *question;

	if (remote->nquestions == remote->questions_size)
	{
		remote->questions_size = Max(8, 2 * remote->questions_size);
		remote->questions = remote->questions == NULL
			? palloc(sizeof(RecoRemoteQuestion) * remote->questions_size)
			: repalloc(remote->questions,
					   sizeof(RecoRemoteQuestion) * remote->questions_size);
	}
	question = &remote->questions[remote->nquestions++];
	memset(question, 0, sizeof(*question));
	question->server = server;
	question->trace = -1;
	if (user_id != NULL)
		question->user_id = pstrdup(user_id);
	tell_apart(question, operation, keys, nkeys);
	question->asked = palloc(sizeof(int) * Max(question->ndistinct, 1));
	if (user_id != NULL &&
		!reco_own_token_take(server, user_id, &question->token, &remote->listener))
	{
		for (int i = 0; i < question->ndistinct; i++)
			question->asked[i] = i;
		reco_remote_settle(question, 0, question->ndistinct, RECO_OUTCOME_UNCONFIGURED,
			   "the listener is not connected");
		question->kept.operation = operation;
		reco_remote_begin_trace(remote, question, question->ndistinct);
		reco_remote_end_trace(remote, question, 0, question->ndistinct);
	}
	else if (question->ndistinct > 0)
	{
		reco_kept_open(server, operation, remote->listener.user_id, &question->kept);
		reco_remote_find(remote, question, again);
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
	memset(listener, 0, sizeof(*listener));
}

typedef struct Place
{
	const char *key;
	size_t		len;			/* of what it asks for */
	int			at;
} Place;

/* Orders keys, and equal ones by their place. */
static int
by_key(const void *a, const void *b)
{
	const Place *x = a;
	const Place *y = b;
	int			order = memcmp(x->key, y->key, Min(x->len, y->len));

	if (order == 0)
		order = x->len < y->len ? -1 : x->len > y->len;
	return order != 0 ? order : x->at < y->at ? -1 : x->at > y->at;
}

/*
 * Finds the distinct keys, in the order in which they first come; of those that ask for
 * the same, the one that says most.
 */
static void
tell_apart(RecoRemoteQuestion *question, RecoOperation operation, const char *const *keys,
		   int nkeys)
{
	Place	   *places = palloc(sizeof(Place) * Max(nkeys, 1));
	int		   *first = palloc(sizeof(int) * Max(nkeys, 1));
	const char **longest = palloc(sizeof(char *) * Max(nkeys, 1));

	question->nkeys = nkeys;
	question->distinct = palloc(sizeof(int) * Max(nkeys, 1));
	question->keys = palloc(sizeof(char *) * Max(nkeys, 1));
	question->values = palloc0(sizeof(RecoRemoteValue) * Max(nkeys, 1));
	for (int i = 0; i < nkeys; i++)
	{
		places[i].key = keys[i];
		places[i].len = reco_operation_key_len(operation, keys[i]);
		places[i].at = i;
	}
	qsort(places, nkeys, sizeof(Place), by_key);
	for (int i = 0; i < nkeys; i++)
		first[places[i].at] = i > 0 && places[i].len == places[i - 1].len &&
				memcmp(places[i].key, places[i - 1].key, places[i].len) == 0
			? first[places[i - 1].at]
			: places[i].at;
	for (int i = 0; i < nkeys; i++)
	{
		if (first[i] != i)
		{
			int			same = question->distinct[i] = question->distinct[first[i]];

			if (strlen(keys[i]) > strlen(longest[same]))
				question->keys[same] = reco_remote_key(longest[same] = keys[i]);
			continue;
		}
		longest[question->ndistinct] = keys[i];
		question->distinct[i] = question->ndistinct;
		question->keys[question->ndistinct++] = reco_remote_key(keys[i]);
	}
	pfree(places);
	pfree(first);
	pfree(longest);
}

/* Gives a range of keys an outcome without a value. */
void
reco_remote_settle(RecoRemoteQuestion *question, int first, int nkeys,
				   RecoOutcome outcome, const char *message)
{
	for (int i = first; i < first + nkeys; i++)
	{
		RecoRemoteValue *value = &question->values[question->asked[i]];

		value->outcome = outcome;
		value->message = message;
		value->pending = value->unasked = false;
	}
}

const RecoRemoteValue *
reco_remote_value(const RecoRemote *remote, int question, int key)
{
	const RecoRemoteQuestion *asked = &remote->questions[question];

	return &asked->values[asked->distinct[key]];
}

const RecoProblem *
reco_remote_problem(const RecoRemote *remote, int question)
{
	const RecoProblem *problem = &remote->questions[question].problem;

	return problem->sqlstate != 0 ? problem : NULL;
}
