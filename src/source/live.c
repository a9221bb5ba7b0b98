/*-------------------------------------------------------------------------
 *
 * live.c
 *	  What services add to the embedded engine's answers.
 *
 * Purpose: see live.h. A turn has up to three waves, each one wait: what was asked;
 *			recommendations, whose seeds need an id first; features of tracks that
 *			nobody here has measured.
 * Runs in: any process with a database and a transaction.
 * Locks:	none.
 * Never:	hold SPI, a snapshot of our own or a pin at a wait.
 *
 *-------------------------------------------------------------------------
 */
#include "live_parts.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define LEAST_TIME_US	((int64) 5 * 1000)	/* kept back for what answers are made into */
#define SHARE_OF_TIME	2		/* a turn may take half of what is left */

static HTAB *make_table(const char *name, Size entry, MemoryContext context);
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
	}
	MemoryContextSwitchTo(old);
	return live;
}

static HTAB *
make_table(const char *name, Size entry, MemoryContext context)
{
	HASHCTL		control = {0};

	control.keysize = RECO_LIVE_ID;
	control.entrysize = entry;
	control.hcxt = context;
	return hash_create(name, 64, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
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
		turn->batches[i].question = -1;
	reco_text_open(&turn->tools);
	reco_live_collect(turn, asks, nasks);
	if (turn->nwants > 0)
	{
		turn->remote = reco_remote_open();
		reco_live_send(turn, RECO_OP_SEARCH);
		reco_live_send(turn, RECO_OP_ARTIST_TRACKS);
		reco_live_send(turn, RECO_OP_TRACKS);
		reco_live_send(turn, RECO_OP_IDS);
		reco_remote_wait(turn->remote);
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

/* Adds a key; returns its place, or -1 for one that would be refused. */
int
reco_live_add(RecoLiveTurn *turn, RecoOperation operation, const char *key)
{
	RecoLiveBatch *batch = &turn->batches[operation];
	const char *why;

	if (!reco_operation_check(operation, reco_remote_key(key), &why))
		return -1;
	for (int i = 0; i < batch->n; i++)
		if (strcmp(batch->keys[i], key) == 0)
			return i;
	if (batch->n == batch->size)
	{
		batch->size = Max(16, 2 * batch->size);
		batch->keys = batch->keys == NULL
			? palloc(sizeof(char *) * batch->size)
			: repalloc(batch->keys, sizeof(char *) * batch->size);
	}
	batch->keys[batch->n] = key;
	return batch->n++;
}

/* Asks for all keys of an operation, if there are any and somebody to ask. */
void
reco_live_send(RecoLiveTurn *turn, RecoOperation operation)
{
	RecoLiveBatch *batch = &turn->batches[operation];
	const RecoServer *server;
	int64		own;

	if (batch->n == 0)
		return;
	server = reco_server_pick(turn->live->servers, operation);
	if (server == NULL)
		return;
	own = reco_now_us() + (int64) server->options.deadline_ms * 1000;
	batch->question =
		reco_remote_ask(turn->remote, server, operation, batch->keys, batch->n,
						RECO_PRIORITY_INTERACTIVE, Min(own, turn->until - LEAST_TIME_US));
}

/* What a service said to a key, and when; NULL unless it is of use. */
const char *
reco_live_value(const RecoLiveTurn *turn, RecoOperation operation, int at,
				RecoOrigin *origin)
{
	const RecoLiveBatch *batch = &turn->batches[operation];
	const RecoRemoteValue *value;

	if (batch->question < 0 || at < 0)
		return NULL;
	value = reco_remote_value(turn->remote, batch->question, at);
	if (origin != NULL)
		*origin = value->origin;
	return value->outcome == RECO_OUTCOME_FRESH ? value->json : NULL;
}
