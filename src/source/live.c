/*-------------------------------------------------------------------------
 *
 * live.c
 *	  What services add to the embedded engine's answers.
 *
 * Purpose: see live.h. A turn has up to three waves: what was asked; recommendations,
 *			whose seeds need an id first, and again for those that were refused; features
 *			of tracks that nobody here has measured.
 * Runs in: any process with a database and a transaction.
 * Locks:	none.
 * Never:	hold SPI, a snapshot of our own or a pin at a wait.
 *
 *-------------------------------------------------------------------------
 */
#include "live_parts.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define SHARE_OF_TIME	2		/* a turn may take half of what is left */

static HTAB *make_table(const char *name, Size entry, MemoryContext context);
static HTAB *make_questions(MemoryContext context);
static int64 time_for(TimestampTz give_up);

/* What the seam can ask a service for. */
static const RecoOperation operations[] = {
	RECO_OP_SEARCH, RECO_OP_ARTIST_TRACKS, RECO_OP_TRACKS, RECO_OP_RECOMMENDATION
};

/* Opens what a run knows of services. */
RecoLive *
reco_live_open(MemoryContext context, RecoEngine *engine)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	List	   *servers = reco_server_list(GetUserId());
	RecoLive   *live = NULL;

	for (int i = 0; i < lengthof(operations) && live == NULL; i++)
		if (reco_server_pick(servers, operations[i]) != NULL)
			live = palloc0(sizeof(RecoLive));
	if (live != NULL)
	{
		live->context = context;
		live->engine = engine;
		live->servers = servers;
		live->tracks = make_table("reco live tracks", sizeof(RecoLiveTrack), context);
		live->artists = make_table("reco live artists", sizeof(RecoLiveName), context);
		live->questions = make_questions(context);
		live->traces = reco_traces_open(context);
	}
	MemoryContextSwitchTo(old);
	return live;
}

static HTAB *
make_questions(MemoryContext context)
{
	HASHCTL		control = {0};

	control.keysize = sizeof(uint64);
	control.entrysize = sizeof(RecoLiveQuestion);
	control.hcxt = context;
	return hash_create("reco live questions", 64, &control,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Makes a table of things by their id. */
static HTAB *
make_table(const char *name, Size entry, MemoryContext context)
{
	HASHCTL		control = {0};

	control.keysize = RECO_LIVE_ID;
	control.entrysize = entry;
	control.hcxt = context;
	return hash_create(name, 64, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

bool
reco_live_can_ask(const RecoLive *live, RecoOperation operation)
{
	return reco_server_pick(live->servers, operation) != NULL;
}

uint32
reco_live_tracks(const RecoLive *live)
{
	return (uint32) hash_get_num_entries(live->tracks);
}

/* Adds to the answers of a turn. */
void
reco_live_enrich(RecoLive *live, RecoAsk *asks, int nasks, TimestampTz give_up)
{
	MemoryContext old = MemoryContextSwitchTo(live->context);
	int64		left = time_for(give_up);
	RecoLiveTurn *turn = palloc0(sizeof(RecoLiveTurn));

	turn->live = live;
	turn->until = reco_now_us() + left;
	for (int i = 0; i < RECO_NOPERATIONS; i++)
		turn->batches[i].sent = -1;
	reco_text_open(&turn->tools);
	reco_live_collect(turn, asks, nasks);
	if (turn->nwants > 0)
	{
		turn->remote = reco_remote_open();
		reco_remote_trace(turn->remote, live->traces);
		reco_live_send(turn, RECO_OP_TOP_TRACKS);
		reco_live_send(turn, RECO_OP_TOP_ARTISTS);
		reco_live_send(turn, RECO_OP_SEARCH);
		reco_live_send(turn, RECO_OP_ARTIST_TRACKS);
		reco_live_send(turn, RECO_OP_TRACKS);
		reco_live_send(turn, RECO_OP_IDS);
		reco_live_wait(turn);
		reco_live_recommend(turn);
		reco_live_take(turn);
		reco_live_merge(turn);
		reco_remote_close(turn->remote);
	}
	for (int i = 0; i < nasks; i++)
		if (asks[i].kind == RECO_KIND_TRACK_FACTS)
			reco_live_recall(live, &asks[i]);
	pfree(turn);
	MemoryContextSwitchTo(old);
}

/* How long a turn may take, in us. */
static int64
time_for(TimestampTz give_up)
{
	if (give_up == 0)
		return USECS_PER_HOUR;
	return (give_up - GetCurrentTimestamp()) / SHARE_OF_TIME;
}

/* Finds a question, or makes room for it. */
static RecoLiveQuestion *
find_question(const RecoLive *live, RecoOperation operation, const char *key,
			  HASHACTION action)
{
	size_t		len = strlen(key);
	uint64		hash;
	RecoLiveQuestion *question;
	bool		found;

	/* an artist's tracks are asked for by id; the name is there for another way only */
	if (operation == RECO_OP_ARTIST_TRACKS)
		len = strcspn(key, " ");
	hash = hash_bytes_extended((const unsigned char *) key, (int) len, operation);
	question = hash_search(live->questions, &hash, action, &found);
	if (!found && question != NULL)
	{
		question->key = NULL;
		question->asked = false;
		question->absent = question->denied = false;
		question->refused = NULL;
		question->json = NULL;
	}
	return question;
}

/* Adds a key to those that are asked for, unless that was done before. */
const RecoLiveQuestion *
reco_live_add(RecoLiveTurn *turn, RecoOperation operation, const char *key)
{
	RecoLiveBatch *batch = &turn->batches[operation];
	RecoLiveQuestion *question;
	const char *why;

	if (!reco_operation_check(operation, reco_remote_key(key), &why))
		return NULL;
	question = find_question(turn->live, operation, key, HASH_ENTER);
	if (question->asked)
		return question;
	for (int i = 0; i < batch->n; i++)
		if (batch->questions[i] == question)
			return question;
	if (batch->n == batch->size)
	{
		batch->size = Max(16, 2 * batch->size);
		batch->questions = batch->questions == NULL
			? palloc(sizeof(RecoLiveQuestion *) * batch->size)
			: repalloc(batch->questions, sizeof(RecoLiveQuestion *) * batch->size);
	}
	question->key = key;
	batch->questions[batch->n++] = question;
	return question;
}

/* Asks for all keys of an operation, if there are any and somebody to ask. */
void
reco_live_send(RecoLiveTurn *turn, RecoOperation operation)
{
	RecoLiveBatch *batch = &turn->batches[operation];
	const RecoServer *server;
	const char **keys;
	bool		own_things;
	int64		own;

	if (batch->n == 0)
		return;
	own_things = reco_operation_is_listeners(operation);
	server = own_things ? turn->live->own_server
						: reco_server_pick(turn->live->servers, operation);
	if (server == NULL)
		return;
	keys = palloc(sizeof(char *) * batch->n);
	for (int i = 0; i < batch->n; i++)
	{
		keys[i] = batch->questions[i]->key;
		batch->questions[i]->asked = true;
	}
	own = reco_now_us() + (int64) server->options.deadline_ms * 1000;
	batch->sent = reco_remote_ask_listener(turn->remote, server, operation,
										   own_things ? turn->live->user_id : NULL, keys,
										   batch->n, RECO_PRIORITY_INTERACTIVE,
										   Min(own, turn->until - RECO_LIVE_LAST_US));
	pfree(keys);
}

/* Waits for what was sent, and keeps what came for this and later turns. */
void
reco_live_wait(RecoLiveTurn *turn)
{
	reco_remote_wait(turn->remote);
	for (int o = 0; o < RECO_NOPERATIONS; o++)
	{
		RecoLiveBatch *batch = &turn->batches[o];

		for (int i = 0; i < batch->n && batch->sent >= 0; i++)
		{
			RecoLiveQuestion *question = batch->questions[i];
			const RecoRemoteValue *value =
				reco_remote_value(turn->remote, batch->sent, i);

			if (value->outcome == RECO_OUTCOME_FRESH)
			{
				question->json = pstrdup(value->json);
				question->origin = value->origin;
			}

			else if (value->retry_at == RECO_REMOTE_NEVER)
			{
				question->refused = pstrdup(value->message == NULL ? "" : value->message);
				question->denied = value->outcome == RECO_OUTCOME_DENIED;
			}

			/* what was refused may be allowed in another way, which a name opens; the
			 * gateway keeps refused calls from being made again */
			else if (value->outcome == RECO_OUTCOME_DENIED)
				question->asked = false;
			question->absent = value->outcome == RECO_OUTCOME_ABSENT;
			turn->live->missed |= reco_outcome_is_retryable(value->outcome) ||
				value->outcome == RECO_OUTCOME_QUOTA;
		}
		if (batch->sent >= 0)
			batch->n = 0;
		batch->sent = -1;
	}
}

/* What a service said to a key, and when; NULL unless it is of use. */
const char *
reco_live_value(const RecoLive *live, RecoOperation operation, const char *key)
{
	const RecoLiveQuestion *question = find_question(live, operation, key, HASH_FIND);

	return question == NULL ? NULL : question->json;
}

bool
reco_live_is_absent(const RecoLive *live, RecoOperation operation, const char *key)
{
	const RecoLiveQuestion *question = find_question(live, operation, key, HASH_FIND);

	return question != NULL && question->absent;
}

bool
reco_live_missed(const RecoLive *live)
{
	return live->missed;
}

const RecoCallTrace *
reco_live_calls(const RecoLive *live, int *n)
{
	return reco_traces_list(live->traces, n);
}

const RecoLists *
reco_live_lists(const RecoLive *live)
{
	return &live->lists;
}
