/*-------------------------------------------------------------------------
 *
 * live.c
 *	  What services add to the embedded engine's answers.
 *
 * Purpose: see live.h. Whatever comes, all wants go on as far as they can, and what
 *			they ask next is sent at once: names, then what is known of these; ids of
 *			seeds, recommendations, again in a smaller form where they were refused;
 *			features of tracks that nobody here has measured, all together.
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

static HTAB *make_table(const char *name, Size entry, MemoryContext context);
static HTAB *make_questions(MemoryContext context);
static int64 monotonic(TimestampTz until);
static void advance(RecoLive *live, bool flush);
static bool step(RecoLive *live, RecoLiveWant *want);
static bool may_go_on(RecoLive *live, const RecoLiveWant *want);
static bool send_all(RecoLive *live);
static bool is_to_bring(const RecoLiveWant *want);
static bool waits(const RecoLiveWant *want);
static bool has_any(const RecoLive *live, bool (*is_such)(const RecoLiveWant *));
static void settle(RecoLive *live);

/* What the seam can ask a service for. */
static const RecoOperation operations[] = {RECO_OP_SEARCH, RECO_OP_ARTIST_TRACKS,
										   RECO_OP_TRACKS, RECO_OP_RECOMMENDATION,
										   RECO_OP_COMPLETION};

/* Opens what a run knows of services. */
RecoLive *
reco_live_open(MemoryContext context, RecoEngine *engine, int priority, int most)
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
		live->priority = (RecoPriority) priority;
		live->most = most;
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

void
reco_live_spare(RecoLive *live)
{
	live->spares = true;
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

/* Asks for what can be added to answers. */
RecoLiveTicket *
reco_live_start(RecoLive *live, RecoAsk *asks, int nasks, TimestampTz give_up)
{
	MemoryContext old = MemoryContextSwitchTo(live->context);
	RecoLiveTicket *ticket = palloc0(sizeof(RecoLiveTicket));

	ticket->asks = asks;
	ticket->nasks = nasks;
	ticket->until = monotonic(give_up);
	live->tickets = lappend(live->tickets, ticket);
	reco_text_open(&live->tools);
	reco_live_want(live, ticket);
	advance(live, false);
	ticket->told = ticket->settled;
	MemoryContextSwitchTo(old);
	return ticket;
}

/* A time as reco_now_us tells it; 0 = none. */
static int64
monotonic(TimestampTz until)
{
	int64		left = until == 0 ? USECS_PER_HOUR : until - GetCurrentTimestamp();

	return reco_now_us() + Min(left, USECS_PER_HOUR);
}

bool
reco_live_is_settled(const RecoLiveTicket *ticket)
{
	return ticket->settled;
}

/* Is a ticket settled of which nobody was told? */
bool
reco_live_has_news(RecoLive *live)
{
	bool		news = false;
	ListCell   *cell;

	foreach (cell, live->tickets)
	{
		RecoLiveTicket *ticket = lfirst(cell);

		news |= ticket->settled && !ticket->told;
		ticket->told |= ticket->settled;
	}
	return news;
}

/* Is one settled of which nobody was told? */
static bool
has_untold(const RecoLive *live)
{
	ListCell   *cell;

	foreach (cell, live->tickets)
	{
		const RecoLiveTicket *ticket = lfirst(cell);

		if (ticket->settled && !ticket->told)
			return true;
	}
	return false;
}

/* Puts what waited for company without it. */
bool
reco_live_hasten(RecoLive *live)
{
	MemoryContext old = MemoryContextSwitchTo(live->context);

	reco_text_open(&live->tools);
	advance(live, true);
	MemoryContextSwitchTo(old);
	return has_untold(live);
}

/* Waits for one more answer. */
bool
reco_live_wait(RecoLive *live, TimestampTz until)
{
	int64		limit = monotonic(until);
	int64		wake = live->hold_until > 0 ? Min(limit, live->hold_until) : limit;

	return live->remote != NULL && reco_remote_wait_any(live->remote, wake);
}

/* Goes on with what came. */
bool
reco_live_go_on(RecoLive *live, TimestampTz until)
{
	MemoryContext old = MemoryContextSwitchTo(live->context);
	int64		limit = monotonic(until);
	int			ended = reco_remote_collect(live->remote);

	reco_text_open(&live->tools);
	advance(live, false);
	MemoryContextSwitchTo(old);
	return ended > 0 || reco_now_us() < limit;
}

/* Is there something that the keeper shall write first, and nothing else under way? */
bool
reco_live_owes(const RecoLive *live)
{
	return live->remote != NULL && !reco_remote_is_busy(live->remote) &&
		reco_remote_owes(live->remote);
}

void
reco_live_wait_for_keeper(RecoLive *live, TimestampTz until)
{
	reco_remote_wait_for_keeper(live->remote, monotonic(until));
}

/* Adds to the answers what came. */
void
reco_live_collect(RecoLive *live, RecoLiveTicket *ticket)
{
	MemoryContext old = MemoryContextSwitchTo(live->context);

	reco_text_open(&live->tools);
	if (!ticket->settled && live->remote != NULL)
	{
		(void) reco_remote_collect(live->remote);
		reco_remote_peek(live->remote);
		advance(live, true);
	}
	for (int i = 0; i < ticket->nwants; i++)
	{
		RecoLiveWant *want = &ticket->wants[i];

		if (want->stage != RECO_LIVE_DONE)
		{
			RecoLiveLot lot = want->stage > RECO_LIVE_QUESTION ? RECO_LIVE_FEATURES
				: want->stage == RECO_LIVE_SEEDS			   ? RECO_LIVE_IDS
															   : want->question->lot;

			live->missed = true;
			reco_live_note(live, lot, RECO_OUTCOME_TIMEOUT, "the time was over");
		}
		reco_live_merge(live, want);
	}
	for (int i = 0; i < ticket->nasks; i++)
		if (ticket->asks[i].kind == RECO_KIND_TRACK_FACTS)
			reco_live_recall(live, &ticket->asks[i]);
	live->tickets = list_delete_ptr(live->tickets, ticket);
	MemoryContextSwitchTo(old);
}

/* Has a ticket no time for one more call? */
bool
reco_live_is_late(const RecoLiveTicket *ticket)
{
	return reco_now_us() >= ticket->until - RECO_LIVE_LAST_US;
}

/*
 * Lets all wants go on with what came, and sends what they ask; what is known already
 * answers it at once, so once more. 'flush' = what waits for company need not, where none
 * is under way.
 */
static void
advance(RecoLive *live, bool flush)
{
	bool		moved;

	do
	{
		ListCell   *cell;

		moved = false;
		reco_live_harvest(live);
		reco_live_look_up(live);
		foreach (cell, live->tickets)
		{
			RecoLiveTicket *ticket = lfirst(cell);

			for (int i = 0; i < ticket->nwants; i++)
				moved |= step(live, &ticket->wants[i]);
		}
		moved |= send_all(live);
		moved |= reco_live_measure(live,
								   flush && !has_any(live, is_to_bring) &&
									   has_any(live, waits));
	} while (moved);
	settle(live);
}

/* Lets a want go one step; true = it did. */
static bool
step(RecoLive *live, RecoLiveWant *want)
{
	switch (want->stage)
	{
		case RECO_LIVE_SEEDS:
			return reco_live_list_step(live, want);
		case RECO_LIVE_QUESTION:
			if (reco_live_is_pending(want->question))
				return false;
			if (want->operation == RECO_OP_RECOMMENDATION && want->question != NULL &&
				want->question->refused != NULL)
				return reco_live_list_step(live, want);
			want->stage = RECO_LIVE_DONE;
			if (want->question != NULL && want->question->json != NULL)
				reco_live_take(live, want);
			return true;
		case RECO_LIVE_FACTS:
			/* what a search found may go on without features; they are filled in */
			reco_live_weigh(live, want);
			want->stage = want->operation == RECO_OP_SEARCH &&
					want->ask->keys[want->key].name == NULL
				? RECO_LIVE_DONE
				: RECO_LIVE_MEASURES;
			return true;
		case RECO_LIVE_MEASURES:
			if (!reco_live_is_measured(live, want) && !reco_live_is_late(want->ticket) &&
				!may_go_on(live, want))
				return false;
			want->stage = RECO_LIVE_DONE;
			return true;
		case RECO_LIVE_DONE:
			break;
	}
	return false;
}

/*
 * May a want go on without features, which are filled in when they come? What a listener
 * plays may, where only one call for features is left: others have more need of it.
 */
static bool
may_go_on(RecoLive *live, const RecoLiveWant *want)
{
	return want->ask->kind == RECO_KIND_USER_TOP_TRACKS &&
		reco_live_left(live, RECO_LIVE_FEATURES) <= 1;
}

/* Sends all that was added; true = there was something. */
static bool
send_all(RecoLive *live)
{
	int64		until = 0;
	bool		any = false;
	ListCell   *cell;

	foreach (cell, live->tickets)
		until = Max(until, ((RecoLiveTicket *) lfirst(cell))->until);
	for (int lot = 0; lot < RECO_LIVE_NLOTS; lot++)
	{
		any |= live->queues[lot].n > 0;
		reco_live_send(live, lot, until);
	}
	return any;
}

/* May a want bring tracks yet? */
static bool
is_to_bring(const RecoLiveWant *want)
{
	return want->stage < RECO_LIVE_FACTS && want->operation != RECO_OP_COMPLETION &&
		!reco_live_is_of_tracks(want);
}

/* Does a want wait for features? */
static bool
waits(const RecoLiveWant *want)
{
	return want->stage == RECO_LIVE_MEASURES;
}

/* Is there any such want? */
static bool
has_any(const RecoLive *live, bool (*is_such)(const RecoLiveWant *))
{
	ListCell   *cell;

	foreach (cell, live->tickets)
	{
		RecoLiveTicket *ticket = lfirst(cell);

		for (int i = 0; i < ticket->nwants; i++)
			if (is_such(&ticket->wants[i]))
				return true;
	}
	return false;
}

/* Notes which tickets have all that they will get. */
static void
settle(RecoLive *live)
{
	ListCell   *cell;

	foreach (cell, live->tickets)
	{
		RecoLiveTicket *ticket = lfirst(cell);
		bool		settled = true;

		for (int i = 0; i < ticket->nwants && settled; i++)
			settled = ticket->wants[i].stage == RECO_LIVE_DONE;
		ticket->settled = settled;
	}
}

/* Finds a question, or makes room for it. */
static RecoLiveQuestion *
find_question(const RecoLive *live, RecoLiveLot lot, const char *key, HASHACTION action)
{
	RecoOperation operation = reco_live_operation(lot);
	size_t		len = reco_operation_key_len(operation, key);
	uint64		hash;
	RecoLiveQuestion *question;
	bool		found;

	hash = hash_bytes_extended((const unsigned char *) key, (int) len, operation);
	question = hash_search(live->questions, &hash, action, &found);
	if (!found && question != NULL)
	{
		memset((char *) question + sizeof(question->hash), 0,
			   sizeof(*question) - sizeof(question->hash));
		question->lot = lot;
	}
	return question;
}

/* Makes a key a question; NULL = it would be refused. */
RecoLiveQuestion *
reco_live_make(RecoLive *live, RecoLiveLot lot, const char *key)
{
	RecoLiveQuestion *question;
	const char *why;

	if (!reco_operation_check(reco_live_operation(lot), reco_remote_key(key), &why))
		return NULL;
	question = find_question(live, lot, key, HASH_ENTER);
	if (question->state == RECO_LIVE_NEW)
	{
		question->key = pstrdup(key);
		question->lot = lot;
	}
	return question;
}

/* Adds a key to those that are asked for, unless that was done before. */
RecoLiveQuestion *
reco_live_add(RecoLive *live, RecoLiveLot lot, const char *key)
{
	RecoLiveQuestion *question = reco_live_make(live, lot, key);

	if (question != NULL && question->state == RECO_LIVE_NEW)
	{
		question->state = RECO_LIVE_QUEUED;
		reco_live_queue(&live->queues[lot], question);
	}
	return question;
}

/* Appends a question. */
void
reco_live_queue(RecoLiveQueue *queue, RecoLiveQuestion *question)
{
	if (queue->n == queue->size)
	{
		queue->size = Max(16, 2 * queue->size);
		queue->questions = queue->questions == NULL
			? palloc(sizeof(RecoLiveQuestion *) * queue->size)
			: repalloc(queue->questions, sizeof(RecoLiveQuestion *) * queue->size);
	}
	queue->questions[queue->n++] = question;
}

RecoLiveQuestion *
reco_live_question(const RecoLive *live, RecoLiveLot lot, const char *key)
{
	return find_question(live, lot, key, HASH_FIND);
}

/* What a service said to a key; NULL unless it is of use. */
const char *
reco_live_value(const RecoLive *live, RecoLiveLot lot, const char *key)
{
	const RecoLiveQuestion *question = find_question(live, lot, key, HASH_FIND);

	return question == NULL ? NULL : question->json;
}

bool
reco_live_missed(const RecoLive *live)
{
	return live->missed;
}

const RecoLists *
reco_live_lists(const RecoLive *live)
{
	return &live->lists;
}

const RecoCallTrace *
reco_live_traces(RecoLive *live, int *n)
{
	if (live->remote != NULL)
		reco_remote_end_traces(live->remote);
	return reco_traces_list(live->traces, n);
}
