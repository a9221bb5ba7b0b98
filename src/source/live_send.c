/*-------------------------------------------------------------------------
 *
 * live_send.c
 *	  What is sent to services: as much as a run may ask, and what came of it.
 *
 * Purpose: see live_parts.h. What is known here answers questions first; of the rest as
 *			much is sent as fits into what a run may ask. Calls are counted before they
 *			are made, so no two questions can spend the same one.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of allowance.h, for moments.
 * Never:	let one kind of question use up what all the others need.
 *
 *-------------------------------------------------------------------------
 */
#include "live_parts.h"

#include "guc.h"

#define LEAST_SEARCHES	2		/* that discover something, however small the budget */
#define SEARCHES_SHARE	6		/* else they are one of so many of all calls */
#define THIRDS			3		/* ids, recommendations and features have one each */
#define RENEWED_SHARE	3		/* one part of what is left is for what is old */
#define BUDGET_SPENT	"the run's budget of calls is used up (reco.call_budget)"
#define AHEAD_SPENT		"what it may spend before anybody asks is used up (reco.prewarm_budget)"
#define SHARE_SPENT		"the run's share of the day's quota is used up (option daily_quota)"

/* One lot: what a service is asked, and what is taken where it does not answer. */
typedef struct LotRow
{
	RecoOperation operation;
	const char *instead;
} LotRow;

static const LotRow lots[RECO_LIVE_NLOTS] = {
	[RECO_LIVE_COMPLETION] = {RECO_OP_COMPLETION, "what the words mean here"},
	[RECO_LIVE_NAMES] = {RECO_OP_SEARCH, "names of the catalogue"},
	[RECO_LIVE_TOP_TRACKS] = {RECO_OP_TOP_TRACKS, "what was played here"},
	[RECO_LIVE_TOP_ARTISTS] = {RECO_OP_TOP_ARTISTS, "what was played here"},
	[RECO_LIVE_SEARCHES] = {RECO_OP_SEARCH, "what fits of the catalogue"},
	[RECO_LIVE_ARTIST_TRACKS] = {RECO_OP_ARTIST_TRACKS, "tracks of the catalogue"},
	[RECO_LIVE_TRACKS] = {RECO_OP_TRACKS, "tracks of the catalogue"},
	[RECO_LIVE_IDS] = {RECO_OP_IDS, "neighbours in the catalogue"},
	[RECO_LIVE_LISTS] = {RECO_OP_RECOMMENDATION, "neighbours in the catalogue"},
	[RECO_LIVE_FEATURES] = {RECO_OP_FEATURES, "what the catalogue measured"},
};

static RecoLiveAllowance *allowance_of(RecoLive *live, const RecoServer *server);
static int	put(RecoLive *live, RecoLiveLot lot, const char *const *keys, int n,
			   bool again);
static void take(RecoLive *live, RecoLiveQuestion *question);
static void put_under_way(RecoLive *live, RecoLiveQuestion *question);
static bool is_spent(RecoLive *live, RecoLiveQuestion *question);

RecoOperation
reco_live_operation(RecoLiveLot lot)
{
	return lots[lot].operation;
}

/* Who answers a lot; NULL = nobody. */
const RecoServer *
reco_live_server(const RecoLive *live, RecoLiveLot lot)
{
	return reco_operation_is_listeners(lots[lot].operation)
		? live->own_server
		: reco_server_pick(live->servers, lots[lot].operation);
}

/* What a run may ask of a server: found out when it is asked first. */
static RecoLiveAllowance *
allowance_of(RecoLive *live, const RecoServer *server)
{
	RecoLiveAllowance *allowance;
	ListCell   *cell;

	foreach (cell, live->allowances)
	{
		allowance = lfirst(cell);
		if (allowance->server == server)
			return allowance;
	}
	allowance = palloc(sizeof(RecoLiveAllowance));
	allowance->server = server;
	reco_allowance_read(
		server, reco_guc_call_budget.calls[reco_budget_kind(server->options.service)],
		live->priority != RECO_PRIORITY_INTERACTIVE, &allowance->allowance);
	live->allowances = lappend(live->allowances, allowance);
	return allowance;
}

/* Calls are counted before they are made. */
int
reco_live_spent(const RecoLive *live)
{
	int			spent = 0;

	for (int kind = 0; kind < RECO_NBUDGETS; kind++)
		spent += live->spent[kind];
	return spent;
}

/*
 * How many calls of a lot a run may still make. Names come before all, but leave a third
 * to what is found by them; a recommendation leaves a call to features.
 */
int
reco_live_left(RecoLive *live, RecoLiveLot lot)
{
	const RecoServer *server = reco_live_server(live, lot);
	RecoBudgetKind kind;
	int			all;
	int			left;
	int			third;

	if (server == NULL || live->spares)
		return 0;
	kind = reco_budget_kind(server->options.service);
	all = allowance_of(live, server)->allowance.calls;
	left = all - live->spent[kind];
	if (live->most > 0)
		left = Min(left, live->most - reco_live_spent(live));
	third = Max(1, all / THIRDS);
	switch (lot)
	{
		case RECO_LIVE_NAMES:
			left -= all / THIRDS;
			break;
		case RECO_LIVE_SEARCHES:
			left = Min(left,
					   Max(LEAST_SEARCHES, all / SEARCHES_SHARE) - live->spent_on[lot]);
			break;
		case RECO_LIVE_IDS:
		case RECO_LIVE_FEATURES:
			left = Min(left, third - live->spent_on[lot]);
			break;
		case RECO_LIVE_LISTS:
			left -= live->spent_on[RECO_LIVE_FEATURES] == 0 && all > 1;
			break;
		default:
			break;
	}
	return Max(0, left);
}

/* How many recommendations a run may want: smaller ones instead of refused ones apart. */
int
reco_live_most_lists(RecoLive *live)
{
	const RecoServer *server = reco_live_server(live, RECO_LIVE_LISTS);

	return server == NULL ? 0
						  : Max(1, allowance_of(live, server)->allowance.calls / THIRDS);
}

/* Sends what was added to a lot, as far as it may be asked. */
void
reco_live_send(RecoLive *live, RecoLiveLot lot, int64 until)
{
	RecoLiveQueue *queue = &live->queues[lot];
	const RecoServer *server = reco_live_server(live, lot);
	RecoOperation operation = lots[lot].operation;
	RecoAllowance *allowance;
	const char **keys;
	int			number;
	int			n = queue->n;
	int			sent;
	int			calls;

	queue->n = 0;
	if (n == 0)
		return;
	for (int i = 0; i < n; i++)
	{
		queue->questions[i]->state = RECO_LIVE_ANSWERED;
		queue->questions[i]->outcome = RECO_OUTCOME_UNCONFIGURED;
	}
	if (server == NULL)
		return;
	keys = palloc(sizeof(char *) * n);
	for (int i = 0; i < n; i++)
		keys[i] = queue->questions[i]->key;
	number = put(live, lot, keys, n, lot == RECO_LIVE_FEATURES);
	allowance = &allowance_of(live, server)->allowance;
	calls = reco_live_left(live, lot);
	until = Min(until - RECO_LIVE_LAST_US,
				reco_now_us() + (int64) server->options.deadline_ms * 1000);
	sent = reco_remote_send(live->remote, number,
							reco_allowance_keys(server, allowance, operation, calls),
							live->priority, until);
	calls = reco_allowance_cost(server, allowance, operation, sent);
	live->spent[reco_budget_kind(server->options.service)] += calls;
	live->spent_on[lot] += calls;
	for (int i = 0; i < n; i++)
	{
		RecoLiveQuestion *question = queue->questions[i];

		question->number = number;
		question->nth = i;
		if (!is_spent(live, question))
			put_under_way(live, question);
	}
	pfree(keys);
}

/* Notes a question that was not asked because there are no calls left for it. */
static bool
is_spent(RecoLive *live, RecoLiveQuestion *question)
{
	const RecoRemoteValue *value =
		reco_remote_value(live->remote, question->number, question->nth);

	if (!value->unasked || reco_live_left(live, question->lot) > 0)
		return false;
	question->outcome = reco_live_note_spent(live, question->lot);
	return true;
}

/* Notes that nothing more of a lot is asked, for want of calls. */
RecoOutcome
reco_live_note_spent(RecoLive *live, RecoLiveLot lot)
{
	const RecoServer *server = reco_live_server(live, lot);
	bool		by_quota = allowance_of(live, server)->allowance.by_quota;
	bool		by_limit = live->most > 0 && reco_live_spent(live) >= live->most;
	RecoOutcome why = by_quota ? RECO_OUTCOME_QUOTA : RECO_OUTCOME_LIMITED;

	if (live->spares)
		return RECO_OUTCOME_LIMITED;
	reco_live_note(live, lot, why,
				   by_limit	  ? AHEAD_SPENT
					   : by_quota ? SHARE_SPENT
								  : BUDGET_SPENT);
	live->missed |= by_quota || by_limit;	/* another time there may be more */
	return why;
}

/* Remembers what is under way, and takes what was known at once. */
static void
put_under_way(RecoLive *live, RecoLiveQuestion *question)
{
	if (!reco_remote_value(live->remote, question->number, question->nth)->pending)
	{
		take(live, question);
		return;
	}
	question->state = RECO_LIVE_UNDER_WAY;
	reco_live_queue(&live->under_way, question);
}

/*
 * Has what was looked at asked for again where it is stale; with 'all', where nothing is
 * known, too. Nobody waits for it, so most of the calls are left to the others.
 */
static void
refresh(RecoLive *live, RecoLiveLot lot, int number, bool all)
{
	const RecoServer *server = reco_live_server(live, lot);
	const RecoAllowance *allowance = &allowance_of(live, server)->allowance;
	RecoOperation operation = lots[lot].operation;
	int			calls = (reco_live_left(live, lot) + 1) / RENEWED_SHARE;
	int			sent;

	sent = reco_remote_refresh(live->remote, number, all,
							   reco_allowance_keys(server, allowance, operation, calls));
	calls = reco_allowance_cost(server, allowance, operation, sent);
	live->spent[reco_budget_kind(server->options.service)] += calls;
	live->spent_on[lot] += calls;
}

/* Has keys asked for again, each once; nobody waits for them. */
void
reco_live_renew(RecoLive *live, RecoLiveLot lot, const char *const *keys, int n)
{
	const char **renewed = palloc(sizeof(char *) * Max(n, 1));
	int			nrenewed = 0;

	for (int i = 0; i < n && reco_live_server(live, lot) != NULL; i++)
	{
		RecoLiveQuestion *question = reco_live_make(live, lot, keys[i]);

		if (question == NULL || question->renewed || question->state != RECO_LIVE_NEW)
			continue;
		question->renewed = true;
		renewed[nrenewed++] = question->key;
	}
	if (nrenewed > 0)
		refresh(live, lot, put(live, lot, renewed, nrenewed, false), true);
	pfree(renewed);
}

/*
 * Answers new questions as far as something is known here, and has that asked for again
 * which is old; the rest stays new.
 */
void
reco_live_find(RecoLive *live, RecoLiveLot lot, RecoLiveQuestion **questions, int n)
{
	const RecoServer *server = reco_live_server(live, lot);
	const char **keys = palloc(sizeof(char *) * Max(n, 1));
	int			number;

	if (n == 0 || server == NULL)
		return;
	for (int i = 0; i < n; i++)
		keys[i] = questions[i]->key;
	number = put(live, lot, keys, n, false);
	for (int i = 0; i < n; i++)
	{
		if (questions[i]->state != RECO_LIVE_NEW ||
			reco_remote_value(live->remote, number, i)->unasked)
			continue;
		questions[i]->number = number;
		questions[i]->nth = i;
		take(live, questions[i]);
	}
	refresh(live, lot, number, false);
	pfree(keys);
}

/* Puts keys of a lot, and answers what is known of them. */
static int
put(RecoLive *live, RecoLiveLot lot, const char *const *keys, int n, bool again)
{
	RecoOperation operation = lots[lot].operation;

	if (live->remote == NULL)
	{
		live->remote = reco_remote_open();
		reco_remote_trace(live->remote, live->traces);
	}
	return reco_remote_look(live->remote, reco_live_server(live, lot), operation,
							reco_operation_is_listeners(operation) ? live->user_id : NULL,
							keys, n, again);
}

/* Takes what came of what is under way. */
void
reco_live_harvest(RecoLive *live)
{
	RecoLiveQueue *queue = &live->under_way;
	int			left = 0;

	for (int i = 0; i < queue->n; i++)
	{
		RecoLiveQuestion *question = queue->questions[i];

		if (reco_remote_value(live->remote, question->number, question->nth)->pending)
			queue->questions[left++] = question;
		else
			take(live, question);
	}
	queue->n = left;
}

/* Takes what came of a question. */
static void
take(RecoLive *live, RecoLiveQuestion *question)
{
	const RecoRemoteValue *value =
		reco_remote_value(live->remote, question->number, question->nth);

	question->state = RECO_LIVE_ANSWERED;
	question->outcome = value->outcome;
	question->absent = value->outcome == RECO_OUTCOME_ABSENT;
	if (value->outcome == RECO_OUTCOME_FRESH)
	{
		question->json = value->json;
		question->origin = value->origin;
	}
	else if (value->retry_at == RECO_REMOTE_NEVER)
	{
		question->refused = value->message == NULL ? "" : value->message;
		question->denied = value->outcome == RECO_OUTCOME_DENIED;
	}

	/* what was refused may be allowed in another way, which a name opens; the gateway
	 * keeps refused calls from being made again */
	else if (value->outcome == RECO_OUTCOME_DENIED)
		question->state = RECO_LIVE_NEW;
	live->missed |=
		reco_outcome_is_retryable(value->outcome) || value->outcome == RECO_OUTCOME_QUOTA;

	/* a list that is refused for good may be had in a smaller form */
	if (value->outcome != RECO_OUTCOME_FRESH && value->outcome != RECO_OUTCOME_ABSENT &&
		(question->lot != RECO_LIVE_LISTS || question->refused == NULL))
		reco_live_note(live, question->lot, value->outcome, value->message);
}

/* Notes what could not be had, each reason once. */
void
reco_live_note(RecoLive *live, RecoLiveLot lot, RecoOutcome why, const char *reason)
{
	const RecoServer *server = reco_live_server(live, lot);
	const char *name =
		server == NULL ? reco_operation_name(lots[lot].operation) : server->name;
	RecoFallback *fallback;
	ListCell   *cell;

	foreach (cell, live->fallbacks)
	{
		fallback = lfirst(cell);
		if (fallback->operation == lots[lot].operation && fallback->why == why &&
			strcmp(fallback->server, name) == 0)
		{
			fallback->n++;
			return;
		}
	}
	fallback = palloc(sizeof(RecoFallback));
	fallback->spared = reason != NULL && strcmp(reason, BUDGET_SPENT) == 0;
	fallback->operation = lots[lot].operation;
	fallback->server = name;
	fallback->why = why;
	fallback->reason = reason == NULL ? reco_outcome_name(why) : pstrdup(reason);
	fallback->instead = lots[lot].instead;
	fallback->n = 1;
	live->fallbacks = lappend(live->fallbacks, fallback);
}

/* What could not be had, as an array. */
const RecoFallback *
reco_live_fallbacks(const RecoLive *live, int *n)
{
	RecoFallback *fallbacks =
		palloc(sizeof(RecoFallback) * Max(1, list_length(live->fallbacks)));
	ListCell   *cell;

	*n = 0;
	foreach (cell, live->fallbacks)
		fallbacks[(*n)++] = *(RecoFallback *) lfirst(cell);
	return fallbacks;
}
