/*-------------------------------------------------------------------------
 *
 * result.c
 *	  A result, from what is kept or from a run.
 *
 * Purpose: see result.h. Looked for by the raw text first, in the buffer; then by what
 *			the prompt means, in the buffer and in reco.cache; then it is generated, by
 *			one backend for all who ask. By the raw text an entry holds what the
 *			caller returns, ready to be used; by the meaning, text for all callers.
 * Runs in: a caller's backend.
 * Locks:	none held while a run goes on or is waited for.
 * Never:	lead a flight past an ERROR: that lands it, and so does the process's end.
 *
 * What makes results invalid: a change of the catalogue or the lexicon (reco.change),
 * and of what a listener judged. A commit moves an epoch (result_epoch.h) that entries of
 * the buffer carry; what only the table has is found by a key that these are a part of.
 *
 *-------------------------------------------------------------------------
 */
#include "result.h"

#include "access/xlog.h"
#include "ahead.h"
#include "catalogue/change.h"
#include "common/hashfn.h"
#include "common/pg_prng.h"
#include "deadline.h"
#include "miscadmin.h"
#include "popular.h"
#include "record.h"
#include "result_entry.h"
#include "result_key.h"
#include "result_prompt.h"
#include "result_rows.h"
#include "shmem/cached.h"
#include "shmem/result_epoch.h"
#include "shmem/run_flight.h"
#include "shmem/shared.h"
#include "source/remote.h"
#include "store/cache.h"
#include "store/patience.h"
#include "store/sql.h"
#include "utils/timestamp.h"

/* One question for a result. */
typedef struct Question
{
	RecoRequest *request;
	const RecoResultForm *form;
	Oid			extension;
	uint64		epoch;			/* of reco_cache_invalidate, when it was asked */
	RecoResultEpoch epochs;		/* of what results rest on, when it was asked */
	bool		publishes;		/* what this transaction sees is what everybody does */
	const char *raw;
	const char *key;			/* by meaning; NULL = not made yet */
	const RecoRun *run;			/* that made the list; NULL = it was kept */
	RecoPopularAsk popular;
} Question;

#define MISSED_US		((int64) 5 * 1000 * 1000)	/* for a list that lacks something */
#define BEHIND_US		((int64) 1000 * 1000)	/* ... made from an older catalogue */

static void begin(Question *question);
static int64 latest_landing(const RecoRequest *request, int64 until);
static const char *get(Question *question, int64 until, MemoryContext context,
					   RecoOrigin *origin);
static const char *lead(Question *question, int64 until, MemoryContext context,
						RecoOrigin *origin);
static bool find(const Question *question, const char *key, RecoCachedValue *value,
				 RecoOrigin *origin);
static const char *find_text(const Question *question, RecoCachedValue *value,
							 RecoOrigin *origin);
static void write_epochs(const Question *question, char *text);
static bool find_raw(Question *question, RecoResult *result);
static const char *find_by_meaning(Question *question, RecoOrigin *origin);
static const char *find_in_table(Question *question, RecoOrigin *origin);
static void note_given(const Question *question);
static bool put(const Question *question, const char *bytes, RecoCachedValue *value,
				bool written);
static void put_raw(const Question *question, const char *bytes, RecoCachedValue *value);
static void make_raw(Question *question);
static void make_key(Question *question);
static const char *generate_alone(Question *question, MemoryContext context);
static const char *generate(Question *question, MemoryContext context);
static void publish(const Question *question, const char *bytes, RecoRun *run);
static RecoCachedKey buffer_key(const Question *question, const char *key);
static void count(const char *found, RecoOrigin origin, bool table);
static bool find_popular(Question *question, RecoResult *result);
static bool is_nobodys(const Question *question);
static const char *fit_popular(Question *question, bool stale, RecoOrigin *origin);

/* Gets a result. */
void
reco_result_get(RecoRequest *request, Oid function, MemoryContext context,
				const RecoResultForm *form, RecoResult *result)
{
	Question	question = {.request = request, .form = form};
	int64		asked_at = reco_now_us();
	int64		until = asked_at + (int64) request->deadline_ms * 1000;

	memset(result, 0, sizeof(*result));
	result->origin = RECO_ORIGIN_LOCAL;
	reco_result_settle(request);
	question.extension = reco_sql_extension_of(function);
	if (!reco_result_is_shared(request))
		result->bytes = generate_alone(&question, context);
	else
	{
		begin(&question);
		if (!find_raw(&question, result) && !find_popular(&question, result))
		{
			reco_patience_begin(reco_run_patience(request));
			if (question.publishes && reco_popular_recall(&question.popular))
				result->bytes = fit_popular(&question, false, &result->origin);
			if (result->bytes == NULL)
				result->bytes = get(&question, until, context, &result->origin);
			reco_patience_end();
		}
	}
	reco_run_count(question.run, reco_now_us() - asked_at);
}

/*
 * Makes a result anew, for whoever asks from now on. It leads no flight: nobody shall
 * wait for a run that gives way to others.
 */
RecoRun *
reco_result_make(RecoRequest *request, MemoryContext context, const RecoResultForm *form,
				 RecoPauser pause, void *arg)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	Question	question = {.request = request, .form = form};
	bool		shared = reco_result_is_shared(request);
	RecoRun    *run;

	reco_result_settle(request);
	question.extension = reco_sql_own_extension();
	if (shared)
	{
		begin(&question);
		make_raw(&question);
		make_key(&question);
	}
	run = reco_run_execute(request, context, pause, arg);
	if (shared && question.publishes && question.key != NULL)
		publish(&question, form->write(run), run);
	reco_run_count(run, run->total_us);
	if (pause == NULL)
		MemoryContextSwitchTo(old);
	return run;
}

/* Is a list kept that stays fresh until a time, as far as is known now? */
bool
reco_result_holds(RecoRequest *request, TimestampTz until)
{
	Question	question = {.request = request, .form = &reco_result_rows};
	RecoCachedValue value;
	RecoOrigin	origin;

	reco_result_settle(request);
	question.extension = reco_sql_own_extension();
	if (!reco_result_is_shared(request))
		return false;
	begin(&question);
	make_key(&question);
	return question.key != NULL && find_text(&question, &value, &origin) != NULL &&
		origin == RECO_ORIGIN_CACHED && value.fresh_until >= until;
}

/* Gets the bytes of a result that is not ready for these very words. */
static const char *
get(Question *question, int64 until, MemoryContext context, RecoOrigin *origin)
{
	RecoRequest *request = question->request;
	const char *bytes = NULL;
	const char *popular;
	bool		waited = false;

	for (;;)
	{
		RecoRunTurn turn;

		make_key(question);
		if (question->key == NULL)
			break;
		bytes = find_by_meaning(question, origin);
		if (waited && bytes != NULL)
			pg_atomic_fetch_add_u64(&reco_cached_counts[RECO_CATEGORY_RESULT].coalesced,
									1);
		if ((bytes != NULL && *origin == RECO_ORIGIN_CACHED) || !question->publishes)
			break;
		popular = fit_popular(question, bytes != NULL, origin);
		if (popular != NULL)
			return popular;
		if (bytes != NULL &&
			reco_ahead_refresh(request, question->extension, reco_result_run_id(bytes)))
			break;

		/* what is stale is given at once, but for the one who makes it new */
		turn = reco_run_flight_board(MyDatabaseId, question->extension, question->key,
									 bytes != NULL ? 0 : latest_landing(request, until));
		if (turn == RECO_RUN_LEADS && (bytes == NULL || request->deadline_ms > 0))
			return lead(question, until, context, origin);
		reco_run_flight_land();
		if (turn != RECO_RUN_LANDED || bytes != NULL)
			break;
		waited = true;
		begin(question);
	}
	if (bytes != NULL)
		return bytes;

	/* the time that was spent on waiting is gone */
	*origin = RECO_ORIGIN_LOCAL;
	request->deadline_ms = (int) Max(0, (until - reco_now_us()) / 1000);
	return generate_alone(question, context);
}

/* Notes the state of everything as a question begins, or begins anew. */
static void
begin(Question *question)
{
	question->epoch = reco_cached_epoch(MyDatabaseId);
	reco_result_epoch_read(MyDatabaseId, question->request->user_id, &question->epochs);
	question->publishes =
		reco_sql_sees(Max(question->epochs.moved_at, reco_cached_moved_at(MyDatabaseId)));
	question->key = NULL;
}

/* Until when a leader is waited for: a run of our own must still fit in. */
static int64
latest_landing(const RecoRequest *request, int64 until)
{
	return until - (int64) request->deadline_ms * 1000 / 4;
}

/* Generates for all, unless somebody did just before this backend boarded. */
static const char *
lead(Question *question, int64 until, MemoryContext context, RecoOrigin *origin)
{
	RecoCachedValue value;
	const char *bytes = find_text(question, &value, origin);

	if (bytes != NULL && *origin == RECO_ORIGIN_CACHED)
	{
		reco_run_flight_land();
		return bytes;
	}
	*origin = RECO_ORIGIN_LOCAL;
	question->request->deadline_ms = (int) Max(0, (until - reco_now_us()) / 1000);
	return generate(question, context);
}

static RecoCachedKey
buffer_key(const Question *question, const char *key)
{
	RecoCachedKey cached = {MyDatabaseId, question->extension, RECO_CATEGORY_RESULT, key};

	return cached;
}

/*
 * Looks into the buffer. An entry begins with the epochs that it was made in; where one
 * has moved since, it is invalid. What is found stands behind them.
 */
static bool
find(const Question *question, const char *key, RecoCachedValue *value,
	 RecoOrigin *origin)
{
	RecoCachedKey cached = buffer_key(question, key);
	char		epochs[EPOCHS + 1];

	if (!reco_cached_get(&cached, value) || value->len <= EPOCHS)
		return false;
	write_epochs(question, epochs);
	if (memcmp(value->value, epochs, EPOCHS) != 0)
		return false;
	*origin = value->fresh_until > GetCurrentTimestamp() &&
			value->fetched_at > question->epochs.stale_at
		? RECO_ORIGIN_CACHED
		: RECO_ORIGIN_STALE;
	value->value += EPOCHS;
	value->len -= EPOCHS;
	return true;
}

/* Looks for the text by meaning in the buffer. */
static const char *
find_text(const Question *question, RecoCachedValue *value, RecoOrigin *origin)
{
	return find(question, question->key, value, origin)
		? reco_result_own_text(value->value)
		: NULL;
}

static void
write_epochs(const Question *question, char *text)
{
	snprintf(text, EPOCHS + 1, "%016llx%016llx",
			 (unsigned long long) question->epochs.all,
			 (unsigned long long) question->epochs.listener);
}

/*
 * Looks for the very words that were asked before, in the form that is returned. Nothing
 * invalidates these on a standby, where no commit is seen.
 */
static bool
find_raw(Question *question, RecoResult *result)
{
	RecoCachedValue value;

	make_raw(question);
	if (RecoveryInProgress() || !find(question, question->raw, &value, &result->origin) ||
		result->origin != RECO_ORIGIN_CACHED || value.len <= MEANING)
		return false;
	result->packed = value.value + MEANING;
	result->size = value.len - MEANING;
	count(result->packed, result->origin, false);
	return true;
}

/*
 * Looks for other words of the same meaning, in the buffer and in the table. What is
 * found only in the table is put into the buffer; what is found there, by these words.
 */
static const char *
find_by_meaning(Question *question, RecoOrigin *origin)
{
	RecoCachedValue value;
	const char *bytes;
	bool		table = false;

	bytes = find_text(question, &value, origin);
	if (bytes != NULL && *origin == RECO_ORIGIN_CACHED && question->publishes)
		put_raw(question, bytes, &value);
	if (bytes == NULL)
	{
		bytes = find_in_table(question, origin);
		table = bytes != NULL;
	}
	if (bytes != NULL && question->publishes)
		note_given(question);
	count(bytes, *origin, table);
	return bytes;
}

/* It counts as one that was read by these words: so the keeper knows whose run it was. */
static void
note_given(const Question *question)
{
	RecoCachedKey key = buffer_key(question, question->raw);
	RecoCachedValue value;

	(void) reco_cached_copy(&key, &value, NULL, 0);
}

/*
 * Looks into the table. Its key holds the state of what the result rests on; that the
 * listener has played something since is looked up.
 */
static const char *
find_in_table(Question *question, RecoOrigin *origin)
{
	const char *keys[1] = {reco_remote_text(question->key)};
	RecoCachedValue value = {0};
	RecoCacheRow *rows;
	const char *bytes;
	int			n;

	rows = reco_cache_read(reco_category_name(RECO_CATEGORY_RESULT), keys, 1, &n);
	if (n == 0 || rows[0].absent || strlen(rows[0].value) <= EPOCHS)
		return NULL;
	bytes = rows[0].value + EPOCHS;
	value.fetched_at = rows[0].fetched_at;
	value.fresh_until = rows[0].fresh_until;
	value.usable_until = rows[0].usable_until;
	if (question->request->user_id[0] != '\0' &&
		reco_listener_listened_at(question->request->user_id) >= value.fetched_at)
		value.fresh_until = Min(value.fresh_until, value.fetched_at);
	*origin = value.fresh_until > GetCurrentTimestamp() ? RECO_ORIGIN_CACHED
														: RECO_ORIGIN_STALE;
	if (question->publishes)
		(void) put(question, bytes, &value, true);
	return bytes;
}

/*
 * Puts a result into the buffer, by its meaning and its words; 'value' has its times.
 * False = there is no room, or it was invalidated meanwhile.
 */
static bool
put(const Question *question, const char *bytes, RecoCachedValue *value, bool written)
{
	RecoCachedKey key = buffer_key(question, question->key);
	char		epochs[EPOCHS + 1];

	write_epochs(question, epochs);
	value->value = psprintf("%s%s", epochs, reco_remote_key(bytes));
	value->len = strlen(value->value);
	if (!reco_cached_put(&key, value, written, question->epoch))
		return false;
	put_raw(question, bytes, value);
	return true;
}

/* Puts a result, in the form that is returned, into the buffer by its words. */
static void
put_raw(const Question *question, const char *bytes, RecoCachedValue *value)
{
	RecoCachedKey key = buffer_key(question, question->raw);
	char		epochs[EPOCHS + 1];
	int64		run_id = reco_result_run_id(bytes);
	char	   *packed;
	char	   *entry;
	Size		size;

	StaticAssertStmt((EPOCHS + MEANING) % MAXIMUM_ALIGNOF == 0,
					 "what is packed is not aligned");

	if (RecoveryInProgress())
		return;
	packed = question->form->pack(bytes, &size);
	entry = palloc0(EPOCHS + MEANING + size);
	write_epochs(question, epochs);
	memcpy(entry, epochs, EPOCHS);
	if (question->key != NULL)
		memcpy(entry + EPOCHS, question->key + strlen(question->key) - KEY_END, KEY_END);
	memcpy(entry + EPOCHS + RUN_AT, &run_id, sizeof(run_id));
	memcpy(entry + EPOCHS + MEANING, packed, size);
	value->value = entry;
	value->len = EPOCHS + MEANING + size;
	(void) reco_cached_put(&key, value, true, question->epoch);
	pfree(packed);
	pfree(entry);
}

/* Makes the key by the very words. */
static void
make_raw(Question *question)
{
	char		key[RECO_RESULT_KEYSIZE];

	reco_result_raw_key(question->request, reco_result_servers(GetUserId()), key);
	key[0] = question->form->kind;
	question->raw = reco_result_listeners_key(question->request, key);
}

/*
 * Makes the key by meaning: with the state of everything that a list depends on. There is
 * none where some of that cannot be read.
 */
static void
make_key(Question *question)
{
	char		key[RECO_RESULT_KEYSIZE];
	int			refusals = reco_patience_refusals();
	RecoResultReading *reading;
	uint64		generation;

	if (question->key != NULL || !reco_change_read(NULL, &generation))
		return;
	reading = reco_result_read(question->request->prompt);
	if (question->popular.on && reco_patience_refusals() == refusals)
		reco_popular_note_meaning(&question->popular, reading, generation);
	generation =
		hash_combine64(generation, reco_listener_judged(question->request->user_id));
	generation = hash_combine64(generation, reco_result_servers(GetUserId()));
	reco_result_key(question->request, reading, generation, key);
	if (reco_patience_refusals() == refusals)
		question->key = reco_result_listeners_key(question->request, key);
}

/* Generates a result for the caller only. */
static const char *
generate_alone(Question *question, MemoryContext context)
{
	RecoRun    *run = reco_run_execute(question->request, context, NULL, NULL);
	const char *bytes = question->form->write(run);

	question->run = run;
	reco_record_keep(run, question->extension);
	reco_ahead_mend(run, question->extension);
	return bytes;
}

/* Generates a result, for whoever waits for it, too. */
static const char *
generate(Question *question, MemoryContext context)
{
	const char *volatile bytes = NULL;
	RecoRun    *volatile run = NULL;

	PG_TRY();
	{
		run = reco_run_execute(question->request, context, NULL, NULL);
		bytes = question->form->write(run);
		publish(question, bytes, run);
	}
	PG_CATCH();
	{
		reco_run_flight_land();
		PG_RE_THROW();
	}
	PG_END_TRY();
	reco_run_flight_land();
	question->run = run;
	reco_record_keep(run, question->extension);
	reco_ahead_mend(run, question->extension);
	return bytes;
}

/*
 * Publishes a run's result, if it is one for everybody. One that lacks what a service did
 * not tell, or what came into the catalogue just now, is given to those who ask right
 * now, and then made again; where nobody asked, it is nothing to take the place of an old
 * one that lacks nothing.
 */
static void
publish(const Question *question, const char *bytes, RecoRun *run)
{
	int64		most_us = reco_source_is_behind(run->source) ? BEHIND_US
		: reco_source_missed(run->source)					? MISSED_US
													   : 0;
	RecoCachedValue value = {0};
	RecoCachePolicy policy;
	TimestampTz now = GetCurrentTimestamp();
	double		share;

	reco_cache_policy(reco_category_name(RECO_CATEGORY_RESULT), &policy);
	if (policy.fresh_us <= 0 || !run->complete || run->partial ||
		(most_us > 0 && question->request->ahead))
		return;
	if (most_us > 0)
		policy.fresh_us = policy.usable_us = Min(policy.fresh_us, most_us);

	/* what came in while it ran is newer than the list */
	share = 1 + policy.jitter * (2 * pg_prng_double(&pg_global_prng_state) - 1);
	value.fetched_at = run->started;
	value.fresh_until = now + (int64) (policy.fresh_us * share);
	value.usable_until = now + (int64) (Max(policy.usable_us, policy.fresh_us) * share);
	if (most_us == 0 && question->request->keep_until > value.fresh_until)
		value.fresh_until = Min(question->request->keep_until, value.usable_until);
	run->published = put(question, bytes, &value, most_us > 0 || RecoveryInProgress());
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

/* Looks for a popular mood's list, for who is new, by these very words. */
static bool
find_popular(Question *question, RecoResult *result)
{
	reco_popular_begin(&question->popular, question->request, question->extension);
	if (!question->publishes || !is_nobodys(question))
		return false;
	result->origin = RECO_ORIGIN_CACHED;
	return reco_popular_find_words(&question->popular, question->form->kind,
								   &result->packed, &result->size);
}

/* Is a list for nobody in this form the same as one for somebody who is new? */
static bool
is_nobodys(const Question *question)
{
	return question->request->user_id[0] == '\0' || !question->form->names_listener;
}

/* Makes a list of a popular mood's candidates; NULL = none is at hand that is better. */
static const char *
fit_popular(Question *question, bool stale, RecoOrigin *origin)
{
	RecoCachedValue value = {0};
	RecoPopularFit fit;
	const char *bytes;

	if (!reco_popular_fit(&question->popular, is_nobodys(question), &fit) ||
		(stale && fit.origin == RECO_ORIGIN_STALE))
		return NULL;
	bytes = question->form->write_own(fit.run);
	*origin = fit.origin;
	question->run = fit.run;
	reco_record_keep(fit.run, question->extension);
	if (fit.origin == RECO_ORIGIN_STALE)
		return bytes;
	value.fetched_at = fit.run->started;
	value.fresh_until = value.usable_until = fit.fresh_until;
	if (!fit.for_nobody)
		put_raw(question, bytes, &value);
	else
		reco_popular_put_words(&question->popular, question->form, bytes,
							   fit.fresh_until);
	return bytes;
}
