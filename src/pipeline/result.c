/*-------------------------------------------------------------------------
 *
 * result.c
 *	  A result, from what is kept or from a run.
 *
 * Purpose: see result.h. Looked for by the raw text first, in the buffer; then by what
 *			the prompt means, in the buffer and in reco.cache; then it is generated, by
 *			one backend for all who ask.
 * Runs in: a caller's backend.
 * Locks:	none held while a run goes on or is waited for.
 * Never:	lead a flight past an ERROR: that lands it, and so does the process's end.
 *
 * What makes results invalid: a change of the catalogue or the lexicon (reco.change),
 * and of what a listener judged. In the buffer they are removed at commit; what only
 * the table has is found by a key that these are a part of.
 *
 *-------------------------------------------------------------------------
 */
#include "result.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalogue/change.h"
#include "common/hashfn.h"
#include "guc.h"
#include "miscadmin.h"
#include "result_key.h"
#include "result_prompt.h"
#include "shmem/cached.h"
#include "shmem/cached_use.h"
#include "shmem/run_flight.h"
#include "shmem/shared.h"
#include "source/remote.h"
#include "source/server.h"
#include "store/cache.h"
#include "store/listener.h"
#include "store/sql.h"
#include "utils/inval.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

/* One question for a result. */
typedef struct Question
{
	RecoRequest *request;
	Oid			extension;
	uint64		epoch;			/* of the invalidations when it was asked */
	bool		publishes;		/* what this transaction sees is what everybody does */
	const char *raw;
	const char *key;			/* by meaning; NULL = not made yet */
} Question;

static bool is_shared(const RecoRequest *request);
static Oid	extension_of(Oid function);
static bool may_publish(void);
static const char *find_raw(Question *question, RecoOrigin *origin);
static const char *find_by_meaning(Question *question, RecoOrigin *origin);
static const char *find_in_table(Question *question, RecoOrigin *origin);
static void make_key(Question *question);
static const char *listeners_key(const RecoRequest *request, const char *key);
static uint64 servers_of(Oid role);
static const char *generate(Question *question, MemoryContext context,
							RecoResultWriter write);
static void publish(const Question *question, const char *bytes);
static RecoCachedKey buffer_key(const Question *question, const char *key);
static void count(const char *found, RecoOrigin origin, bool table);

/* Returns the bytes of a result. */
const char *
reco_result_get(RecoRequest *request, Oid function, MemoryContext context,
				RecoResultWriter write, RecoOrigin *origin)
{
	Question	question = {.request = request};
	int64		until = reco_now_us() + (int64) request->deadline_ms * 1000;
	const char *bytes;

	reco_result_settle(request);
	*origin = RECO_ORIGIN_LOCAL;
	if (!is_shared(request))
		return write(reco_run_execute(request, context, NULL, NULL));

	question.extension = extension_of(function);
	question.epoch = reco_cached_epoch(MyDatabaseId);
	question.publishes = may_publish();
	bytes = find_raw(&question, origin);
	for (;;)
	{
		RecoRunTurn turn;

		if (bytes == NULL)
			bytes = find_by_meaning(&question, origin);
		if (bytes != NULL && *origin == RECO_ORIGIN_CACHED)
			return bytes;
		if (!question.publishes)
			break;

		/* what is stale is given at once, but for the one who makes it new */
		make_key(&question);
		turn = reco_run_flight_board(MyDatabaseId, question.extension, question.key,
									 bytes != NULL ? 0 : until);
		if (turn == RECO_RUN_LEADS && (bytes == NULL || request->deadline_ms > 0))
		{
			*origin = RECO_ORIGIN_LOCAL;
			return generate(&question, context, write);
		}
		reco_run_flight_land();
		if (turn != RECO_RUN_LANDED || bytes != NULL)
			break;
	}
	if (bytes != NULL)
		return bytes;
	return write(reco_run_execute(request, context, NULL, NULL));
}

/* May a result of this request come from others at all? */
static bool
is_shared(const RecoRequest *request)
{
	return reco_guc_result_cache && reco_shared != NULL && request->ranked == 0 &&
		!TransactionIdIsValid(GetTopTransactionIdIfAny());
}

/* The extension that a function belongs to; asked once for each incarnation. */
static Oid
extension_of(Oid function)
{
	static Oid	functions[4];
	static Oid	extensions[4];
	static int	next = 0;

	for (int i = 0; i < lengthof(functions); i++)
		if (functions[i] == function && OidIsValid(function))
			return extensions[i];
	extensions[next] = reco_sql_extension();
	functions[next] = function;
	next = (next + 1) % lengthof(functions);
	return extensions[(next + lengthof(functions) - 1) % lengthof(functions)];
}

/* Does this transaction see what everybody sees? */
static bool
may_publish(void)
{
	TimestampTz seen = IsolationUsesXactSnapshot() ? GetCurrentTransactionStartTimestamp()
												   : GetCurrentStatementStartTimestamp();

	return seen > reco_cached_moved_at(MyDatabaseId);
}

static RecoCachedKey
buffer_key(const Question *question, const char *key)
{
	RecoCachedKey cached = {MyDatabaseId, question->extension, RECO_CATEGORY_RESULT, key};

	return cached;
}

/* Looks into the buffer. */
static const char *
find(const Question *question, const char *key, RecoOrigin *origin)
{
	RecoCachedKey cached = buffer_key(question, key);
	RecoCachedValue value;

	if (!reco_cached_get(&cached, &value))
		return NULL;
	*origin = value.fresh_until > GetCurrentTimestamp() ? RECO_ORIGIN_CACHED
														: RECO_ORIGIN_STALE;
	return value.value;
}

/* Looks for the very words that were asked before. */
static const char *
find_raw(Question *question, RecoOrigin *origin)
{
	char		key[RECO_RESULT_KEYSIZE];
	const char *bytes;

	reco_result_raw_key(question->request, servers_of(GetUserId()), key);
	question->raw = listeners_key(question->request, key);
	bytes = find(question, question->raw, origin);
	if (bytes != NULL)
		count(bytes, *origin, false);
	return bytes;
}

/*
 * Looks for other words of the same meaning, in the buffer and in the table. What is
 * found is put into the buffer under the own words.
 */
static const char *
find_by_meaning(Question *question, RecoOrigin *origin)
{
	const char *bytes;
	bool		table = false;

	make_key(question);
	bytes = find(question, question->key, origin);
	if (bytes == NULL)
	{
		bytes = find_in_table(question, origin);
		table = bytes != NULL;
	}
	count(bytes, *origin, table);
	return bytes;
}

static const char *
find_in_table(Question *question, RecoOrigin *origin)
{
	const char *keys[1] = {reco_remote_text(question->key)};
	RecoCachedKey cached = buffer_key(question, question->key);
	RecoCachedValue value = {0};
	RecoCacheRow *rows;
	int			n;

	rows = reco_cache_read(reco_category_name(RECO_CATEGORY_RESULT), keys, 1, &n);
	if (n == 0 || rows[0].absent)
		return NULL;
	value.value = reco_remote_key(rows[0].value);
	value.len = strlen(value.value);
	value.fetched_at = rows[0].fetched_at;
	value.fresh_until = rows[0].fresh_until;
	value.usable_until = rows[0].usable_until;
	*origin = value.fresh_until > GetCurrentTimestamp() ? RECO_ORIGIN_CACHED
														: RECO_ORIGIN_STALE;
	(void) reco_cached_put(&cached, &value, true, question->epoch);
	cached = buffer_key(question, question->raw);
	(void) reco_cached_put(&cached, &value, true, question->epoch);
	return value.value;
}

/* Makes the key by meaning: with the state of everything that a list depends on. */
static void
make_key(Question *question)
{
	char		key[RECO_RESULT_KEYSIZE];
	uint64		generation;

	if (question->key != NULL)
		return;
	generation = reco_change_token(NULL);
	generation =
		hash_combine64(generation, reco_listener_judged(question->request->user_id));
	generation = hash_combine64(generation, servers_of(GetUserId()));
	reco_result_key(question->request, reco_result_read(question->request->prompt),
					generation, key);
	question->key = listeners_key(question->request, key);
}

/*
 * The listener in front of a key, as invalidations look for it; what of the key stands
 * behind the hash is the listener once more.
 */
static const char *
listeners_key(const RecoRequest *request, const char *key)
{
	return reco_remote_key(
		psprintf("%s%c%.33s", request->user_id, RECO_CACHED_SEPARATOR, key));
}

/* What servers_of found last. */
static struct
{
	bool		valid;
	Oid			role;
	uint64		sum;
}			servers;

static void
forget_servers(Datum arg, int cache, uint32 hash)
{
	servers.valid = false;
}

/*
 * A number for the services that a role's lists may have come from: whoever may ask
 * others gets other lists. 0 where there are none.
 */
static uint64
servers_of(Oid role)
{
	static bool registered = false;
	uint64		sum = 0;
	ListCell   *cell;

	if (!reco_remote_is_on())
		return 0;
	if (servers.valid && servers.role == role)
		return servers.sum;
	if (!registered)
	{
		CacheRegisterSyscacheCallback(FOREIGNSERVEROID, forget_servers, (Datum) 0);
		CacheRegisterSyscacheCallback(USERMAPPINGOID, forget_servers, (Datum) 0);
		CacheRegisterSyscacheCallback(FOREIGNDATAWRAPPEROID, forget_servers, (Datum) 0);
		registered = true;
	}
	servers.valid = true;
	servers.role = role;
	foreach (cell, reco_server_list(role))
	{
		const RecoServer *server = lfirst(cell);

		if (server->lacks == NULL)
			sum = hash_combine64(sum, server->id);
	}
	servers.sum = sum;
	return sum;
}

/* Generates a result, for whoever waits for it, too. */
static const char *
generate(Question *question, MemoryContext context, RecoResultWriter write)
{
	const char *volatile bytes = NULL;

	PG_TRY();
	{
		RecoRun    *run = reco_run_execute(question->request, context, NULL, NULL);

		bytes = write(run);
		if (run->complete && !run->partial && may_publish())
			publish(question, bytes);
	}
	PG_CATCH();
	{
		reco_run_flight_land();
		PG_RE_THROW();
	}
	PG_END_TRY();
	reco_run_flight_land();
	return bytes;
}

/* Puts a result into the buffer, by its meaning and by its words. */
static void
publish(const Question *question, const char *bytes)
{
	RecoCachedKey key = buffer_key(question, question->key);
	RecoCachedValue value = {0};
	RecoCachePolicy policy;

	reco_cache_policy(reco_category_name(RECO_CATEGORY_RESULT), &policy);
	if (policy.fresh_us <= 0)
		return;
	value.value = bytes;
	value.len = strlen(bytes);
	value.fetched_at = GetCurrentTimestamp();
	value.fresh_until = value.fetched_at + policy.fresh_us;
	value.usable_until = value.fetched_at + Max(policy.usable_us, policy.fresh_us);
	(void) reco_cached_put(&key, &value, RecoveryInProgress(), question->epoch);
	key = buffer_key(question, question->raw);
	(void) reco_cached_put(&key, &value, true, question->epoch);
}

static void
count(const char *found, RecoOrigin origin, bool table)
{
	RecoCachedCount *counts = &reco_cached_counts[RECO_CATEGORY_RESULT];

	pg_atomic_fetch_add_u64(found == NULL ? &counts->misses
								: origin == RECO_ORIGIN_STALE ? &counts->stale
								: table						  ? &counts->table_hits
															  : &counts->hits,
							1);
}
