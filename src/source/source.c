/*-------------------------------------------------------------------------
 *
 * source.c
 *	  The seam: everything the pipeline can ask, and one way to ask it.
 *
 * Purpose: see source.h. The table below has one row per kind: how the embedded
 *			engine answers it, and what a service is asked for it. The engine
 *			always answers, unless it did before; what a service says in time is put
 *			beside it.
 * Runs in: any process with a database.
 * Locks:	none held at entry or exit.
 * Never:	return with SPI connected, a snapshot pushed or a buffer pinned.
 *
 *-------------------------------------------------------------------------
 */
#include "source.h"

#include "executor/spi.h"
#include "live.h"
#include "memo.h"
#include "remote.h"
#include "utils/memutils.h"

#define NOBODY			(-1)
#define RESOLVE_SHARE	2		/* of the time that is left, others come after it */

/* One kind of question. */
typedef struct KindRow
{
	const char *name;
	int			local;			/* RecoEngineKind: how the embedded engine answers it */
	int			service;		/* RecoOperation: what a service is asked */
} KindRow;

static const KindRow kinds[RECO_NKINDS] = {
	[RECO_KIND_USER_TOP_TRACKS] = {"user_top_tracks", RECO_ENGINE_USER_TOP_TRACKS,
								   RECO_OP_TOP_TRACKS},
	[RECO_KIND_USER_TOP_ARTISTS] = {"user_top_artists", RECO_ENGINE_USER_TOP_ARTISTS,
									RECO_OP_TOP_ARTISTS},
	[RECO_KIND_USER_HISTORY] = {"user_history", RECO_ENGINE_USER_HISTORY, NOBODY},
	[RECO_KIND_TRACK_SEARCH] = {"track_search", RECO_ENGINE_TRACK_SEARCH, RECO_OP_SEARCH},
	[RECO_KIND_ARTIST_SEARCH] = {"artist_search", RECO_ENGINE_ARTIST_SEARCH,
								 RECO_OP_SEARCH},
	[RECO_KIND_ARTIST_TRACKS] = {"artist_tracks", RECO_ENGINE_ARTIST_TRACKS,
								 RECO_OP_ARTIST_TRACKS},
	[RECO_KIND_RECOMMENDATION] = {"recommendation", RECO_ENGINE_RECOMMENDATION,
								  RECO_OP_RECOMMENDATION},
	[RECO_KIND_TRACK_FACTS] = {"track_facts", RECO_ENGINE_TRACK_FACTS, RECO_OP_TRACKS},
	[RECO_KIND_ARTIST_FACTS] = {"artist_facts", NOBODY, RECO_OP_ARTISTS},
	[RECO_KIND_TRACK_FEATURES] = {"track_features", NOBODY, RECO_OP_FEATURES},
	[RECO_KIND_RECCOBEATS_ID] = {"reccobeats_id", NOBODY, RECO_OP_IDS},
	[RECO_KIND_COMPLETION] = {"completion", NOBODY, RECO_OP_COMPLETION},
};

static const char *const origins[] = {"local", "live", "cached", "stale"};

struct RecoSource
{
	MemoryContext context;
	RecoEngine *engine;
	bool		looked;			/* for services; once a run */
	RecoLive   *live;			/* NULL = none can be asked */
	RecoMemo   *memo;			/* NULL = everything is asked each time */
	RecoPauser	pause;
	void	   *pause_arg;
	int			priority;
	int			most_calls;
	RecoSourceCount counts[RECO_NKINDS];
	int64		waited_us;
};

/* A key on its way to its value. */
typedef struct Question
{
	RecoKind	kind;
	const RecoKey *key;
	RecoValue  *value;
} Question;

static void pause_run(RecoSource *source, RecoPause how);
static void wait_for_keeper(RecoSource *source, TimestampTz until);
static void answer_locally(RecoSource *source, RecoAsk *asks, int nasks,
						   TimestampTz give_up);
static bool recall(RecoSource *source, const Question *question, TimestampTz give_up);
static int	ask_engine(RecoSource *source, Question *questions, int n,
					  TimestampTz give_up);
static void count(RecoSource *source, const RecoAsk *asks, int nasks, int64 us);

/* Opens the seam for a run. */
RecoSource *
reco_source_open(MemoryContext context, RecoPauser pause, void *arg)
{
	RecoSource *source = MemoryContextAllocZero(context, sizeof(RecoSource));

	source->context = context;
	source->engine = reco_engine_open(context);
	source->pause = pause;
	source->pause_arg = arg;
	return source;
}

void
reco_source_prioritise(RecoSource *source, int priority, int most_calls)
{
	source->priority = priority;
	source->most_calls = most_calls;
}

int
reco_source_spent(const RecoSource *source)
{
	return source->live == NULL ? 0 : reco_live_spent(source->live);
}

/* Looks for services, once a run. */
static void
look_for_services(RecoSource *source)
{
	if (source->looked)
		return;
	source->looked = true;
	if (reco_remote_is_on())
		source->live = reco_live_open(source->context, source->engine, source->priority,
									  source->most_calls);
}

void
reco_source_spare(RecoSource *source, bool kept)
{
	if (kept)
		look_for_services(source);
	source->looked = true;
	if (source->live != NULL)
		reco_live_spare(source->live);
}

bool
reco_source_can_ask(RecoSource *source, RecoKind kind)
{
	look_for_services(source);
	return source->live != NULL && kinds[kind].service != NOBODY &&
		reco_live_can_ask(source->live, kinds[kind].service);
}

/* Questions that were put. */
struct RecoTicket
{
	RecoAsk    *asks;
	int			nasks;
	RecoLiveTicket *live;		/* NULL = no service was asked */
	int64		us;				/* spent on it */
};

/* Puts several questions at once: all locally, and some to services, too. */
RecoTicket *
reco_source_start(RecoSource *source, RecoAsk *asks, int nasks, TimestampTz give_up)
{
	MemoryContext old;
	RecoTicket *ticket;
	TimestampTz start;

	pause_run(source, RECO_PAUSE_PASS);
	old = MemoryContextSwitchTo(source->context);
	start = GetCurrentTimestamp();
	ticket = palloc0(sizeof(RecoTicket));
	ticket->asks = asks;
	ticket->nasks = nasks;
	answer_locally(source, asks, nasks, give_up);
	look_for_services(source);
	if (source->live != NULL)
		ticket->live = reco_live_start(source->live, asks, nasks, give_up);
	ticket->us = GetCurrentTimestamp() - start;
	MemoryContextSwitchTo(old);
	return ticket;
}

/* Lets a job worker end its transaction, or begin one. */
static void
pause_run(RecoSource *source, RecoPause how)
{
	if (source->pause != NULL)
		source->pause(source->pause_arg, how);
}

bool
reco_source_is_settled(const RecoTicket *ticket)
{
	return ticket->live == NULL || reco_live_is_settled(ticket->live);
}

/* Waits until one more ticket is settled. */
bool
reco_source_wait(RecoSource *source, TimestampTz until)
{
	bool		going = source->live != NULL;
	TimestampTz start = GetCurrentTimestamp();

	while (going && !reco_live_has_news(source->live))
	{
		if (reco_live_hasten(source->live))
			continue;
		pause_run(source, RECO_PAUSE_LEAVE);
		going = reco_live_wait(source->live, until);
		pause_run(source, RECO_PAUSE_ENTER);
		going = going && reco_live_go_on(source->live, until);
		wait_for_keeper(source, until);
	}
	source->waited_us += GetCurrentTimestamp() - start;
	return going || (source->live != NULL && reco_live_has_news(source->live));
}

/* Waits a moment for what must be written before it counts as paid for. */
static void
wait_for_keeper(RecoSource *source, TimestampTz until)
{
	if (!reco_live_owes(source->live))
		return;
	pause_run(source, RECO_PAUSE_LEAVE);
	reco_live_wait_for_keeper(source->live, until);
	pause_run(source, RECO_PAUSE_ENTER);
}

int64
reco_source_waited(const RecoSource *source)
{
	return source->waited_us;
}

/* Makes what came the values. */
void
reco_source_collect(RecoSource *source, RecoTicket *ticket)
{
	MemoryContext old = MemoryContextSwitchTo(source->context);
	TimestampTz start = GetCurrentTimestamp();

	if (ticket->live != NULL)
		reco_live_collect(source->live, ticket->live);
	count(source, ticket->asks, ticket->nasks,
		  ticket->us + (GetCurrentTimestamp() - start));
	pfree(ticket);
	MemoryContextSwitchTo(old);
}

/* Resolves several questions at once: all locally, and some by services, too. */
void
reco_source_resolve(RecoSource *source, RecoAsk *asks, int nasks, TimestampTz give_up)
{
	TimestampTz start = GetCurrentTimestamp();
	TimestampTz until = give_up == 0 ? 0 : start + (give_up - start) / RESOLVE_SHARE;
	RecoTicket *ticket = reco_source_start(source, asks, nasks, give_up);

	while (!reco_source_is_settled(ticket) && reco_source_wait(source, until))
		;
	ticket->us = GetCurrentTimestamp() - start;
	reco_source_collect(source, ticket);
}

void
reco_source_remember(RecoSource *source, RecoMemo *memo)
{
	source->memo = memo;
}

/* Answers everything by what is remembered, and by the embedded engine. */
static void
answer_locally(RecoSource *source, RecoAsk *asks, int nasks, TimestampTz give_up)
{
	Question   *questions;
	int			n = 0;
	int			left = 0;

	for (int i = 0; i < nasks; i++)
		n += asks[i].nkeys;
	questions = palloc(sizeof(Question) * Max(n, 1));
	for (int i = 0; i < nasks; i++)
	{
		asks[i].values = palloc0(sizeof(RecoValue) * Max(asks[i].nkeys, 1));
		for (int k = 0; k < asks[i].nkeys; k++)
		{
			Question   *question = &questions[left];

			if (kinds[asks[i].kind].local == NOBODY)
				continue;

			/* a service's search text is none of the engine's business */
			if (asks[i].keys[k].query != NULL)
			{
				asks[i].values[k].answer.done = true;
				continue;
			}
			question->kind = asks[i].kind;
			question->key = &asks[i].keys[k];
			question->value = &asks[i].values[k];
			if (!recall(source, question, give_up))
				left++;
		}
	}

	/* what was asked twice is known now; unless it came too late for an answer */
	while (left > 0)
	{
		n = ask_engine(source, questions, left, give_up);
		left = 0;
		for (int i = 0; i < n; i++)
			if (!recall(source, &questions[i], give_up))
				questions[left++] = questions[i];
	}
	pfree(questions);
	for (int i = 0; i < nasks; i++)
	{
		for (int k = 0; k < asks[i].nkeys; k++)
		{
			RecoValue  *value = &asks[i].values[k];

			value->outcome = kinds[asks[i].kind].local == NOBODY
				? RECO_OUTCOME_UNCONFIGURED
				: value->answer.done ? RECO_OUTCOME_FRESH
									 : RECO_OUTCOME_TIMEOUT;
			value->origin = RECO_ORIGIN_LOCAL;
			value->partial = value->answer.partial;
			for (int t = 0; t < value->answer.ntracks; t++)
				value->answer.tracks[t]->origin = value->origin;
		}
	}
}

/* Answers a question by what is remembered. */
static bool
recall(RecoSource *source, const Question *question, TimestampTz give_up)
{
	question->value->reused = source->memo != NULL &&
		reco_memo_find(source->memo, source->engine, question->kind, question->key,
					   give_up, &question->value->answer);
	return question->value->reused;
}

/*
 * Lets the embedded engine answer what is not remembered, and remembers that. Returns
 * how many questions are left, which others of this turn have asked.
 */
static int
ask_engine(RecoSource *source, Question *questions, int n, TimestampTz give_up)
{
	RecoEngineQuestion *asked = palloc(sizeof(RecoEngineQuestion) * n);
	Question   *askers = palloc(sizeof(Question) * n);
	int			nasked = 0;
	int			left = 0;

	for (int i = 0; i < n; i++)
	{
		const RecoKey *key = source->memo == NULL
			? questions[i].key
			: reco_memo_rest(source->memo, questions[i].kind, questions[i].key);

		if (key == NULL)
		{
			questions[left++] = questions[i];
			continue;
		}
		asked[nasked].kind = kinds[questions[i].kind].local;
		asked[nasked].key = key;
		asked[nasked].answer = &questions[i].value->answer;
		askers[nasked++] = questions[i];
	}
	reco_engine_answer(source->engine, asked, nasked, give_up);
	for (int i = 0; i < nasked && source->memo != NULL; i++)
	{
		reco_memo_note(source->memo, source->engine, askers[i].kind, asked[i].key,
					   asked[i].answer);

		/* of tracks that were partly known, all are known now */
		if (asked[i].key != askers[i].key)
			(void) reco_memo_find(source->memo, source->engine, askers[i].kind,
								  askers[i].key, give_up, asked[i].answer);
	}
	pfree(asked);
	pfree(askers);
	return left;
}

/* Counts what was asked. */
static void
count(RecoSource *source, const RecoAsk *asks, int nasks, int64 us)
{
	for (int i = 0; i < nasks; i++)
	{
		RecoSourceCount *counted = &source->counts[asks[i].kind];

		for (int k = 0; k < asks[i].nkeys; k++)
		{
			const RecoValue *value = &asks[i].values[k];

			counted->live += value->origin == RECO_ORIGIN_LIVE;
			counted->kept += value->origin > RECO_ORIGIN_LIVE;
			counted->reused += value->reused;
			counted->keys += !value->reused;
		}
		counted->asks++;
		counted->us += us;
	}
}

const RecoBackground *
reco_source_background(RecoSource *source)
{
	return reco_engine_background(source->engine);
}

uint32
reco_source_tracks(const RecoSource *source)
{
	return reco_engine_tracks(source->engine) +
		(source->live == NULL ? 0 : reco_live_tracks(source->live));
}

bool
reco_source_missed(const RecoSource *source)
{
	return source->live != NULL && reco_live_missed(source->live);
}

const RecoLists *
reco_source_lists(const RecoSource *source)
{
	static const RecoLists none = {0};

	return source->live == NULL ? &none : reco_live_lists(source->live);
}

const RecoFallback *
reco_source_fallbacks(const RecoSource *source, int *n)
{
	*n = 0;
	return source->live == NULL ? NULL : reco_live_fallbacks(source->live, n);
}

bool
reco_source_is_behind(const RecoSource *source)
{
	return reco_engine_is_behind(source->engine);
}

const char *
reco_source_kind_name(RecoKind kind)
{
	return kinds[kind].name;
}

int
reco_source_kind_of(const char *name)
{
	for (int k = 0; k < RECO_NKINDS; k++)
		if (strcmp(kinds[k].name, name) == 0)
			return k;
	return -1;
}

int
reco_source_operation(RecoKind kind)
{
	return kinds[kind].service;
}

const char *
reco_source_origin_name(RecoOrigin origin)
{
	return origins[origin];
}

const RecoSourceCount *
reco_source_counts(const RecoSource *source)
{
	return source->counts;
}

const RecoCallTrace *
reco_source_calls(const RecoSource *source, int *n)
{
	*n = 0;
	return source->live == NULL ? NULL : reco_live_traces(source->live, n);
}
