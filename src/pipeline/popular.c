/*-------------------------------------------------------------------------
 *
 * popular.c
 *	  Popular moods: finding and keeping candidates.
 *
 * Purpose: see popular.h. Candidates are kept by what the mood means, the state of the
 *			catalogue and the services that a role may ask; as text, in the buffer and in
 *			reco.cache. A process has the last few that it used in memory, read. Lists
 *			for who is new are kept by their very words, ready to be returned.
 * Runs in: see popular.h.
 * Locks:	those of the buffer, and of SELECTs.
 * Never:	use what is in memory without a look whether it is still what is kept.
 *
 * An entry begins with the epochs that it was made in (result_epoch.h): of the catalogue,
 * and of the moods, which every edit of reco.popular_mood moves. Where only that has
 * moved, what is in the table is good if its mood is still one of them.
 *
 *-------------------------------------------------------------------------
 */
#include "popular.h"

#include "access/xlog.h"
#include "catalogue/change.h"
#include "common/hashfn.h"
#include "common/pg_prng.h"
#include "deadline.h"
#include "guc.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "popular_fit.h"
#include "popular_text.h"
#include "result.h"
#include "result_prompt.h"
#include "shmem/asked.h"
#include "shmem/shared.h"
#include "source/remote.h"
#include "store/cache.h"
#include "store/patience.h"
#include "store/popular.h"
#include "store/sql.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define EPOCHS			32		/* characters in front of an entry */
#define DIGEST			16		/* ... behind them, of lists by words; a multiple of 8 */
#define NHELD			8		/* moods that a process has in memory */
#define NPROMPTS		4		/* ways to say one of them */

/* Candidates in this process's memory. */
typedef struct Held
{
	MemoryContext context;		/* NULL = the place is free */
	Oid			extension;
	char		key[RECO_POPULAR_KEY];
	uint64		digest;
	char		epochs[EPOCHS + 1];
	uint64		version;
	TimestampTz fetched_at;
	TimestampTz fresh_until;
	uint64		used;
	RecoPopular *popular;
	uint64		prompts[NPROMPTS];	/* hashes of words that mean it, and services */
	int			next_prompt;
} Held;

static Held held[NHELD];
static uint64 nused = 0;

static bool may_answer(const RecoRequest *request);
static void begin(RecoPopularAsk *ask, const RecoRequest *request, Oid extension);
static RecoCachedKey buffer_key(const RecoPopularAsk *ask, const char *key);
static void write_epochs(const RecoPopularAsk *ask, char *text);
static bool know_listener(RecoPopularAsk *ask);
static bool find_words(RecoPopularAsk *ask, char form, const char **packed, Size *size);
static uint64 digest_of(const RecoResultReading *reading);
static RecoRequest *nobodys_request(const RecoRequest *request);
static Held *find(const RecoPopularAsk *ask);
static Held *hold(const RecoPopularAsk *ask, const RecoCachedValue *value,
				  const char *text);
static Held *find_in_table(const RecoPopularAsk *ask);
static uint64 hash_of(const RecoPopularAsk *ask);
static void note_prompt(Held *place, uint64 prompt);
static void count(const Held *found, bool table);
static RecoRequest *request_of(const char *prompt);
static void keep(const RecoPopularAsk *ask, RecoRun *run);

/* Looks at a question. */
void
reco_popular_begin(RecoPopularAsk *ask, const RecoRequest *request, Oid extension)
{
	memset(ask, 0, sizeof(*ask));
	if (reco_guc_popular_moods == 0 || reco_shared == NULL || RecoveryInProgress() ||
		!may_answer(request))
		return;
	begin(ask, request, extension);
	ask->on = reco_sql_sees(Max(Max(ask->epochs.moved_at, ask->epochs.stale_at),
								reco_cached_moved_at(MyDatabaseId)));
}

static void
begin(RecoPopularAsk *ask, const RecoRequest *request, Oid extension)
{
	ask->request = request;
	ask->extension = extension;
	ask->epoch = reco_cached_epoch(MyDatabaseId);
	reco_result_epoch_read(MyDatabaseId, RECO_POPULAR_NOBODY, &ask->epochs);
}

/* Is everything of a request at its default that its candidates depend on? */
static bool
may_answer(const RecoRequest *request)
{
	for (int s = 0; s < RECO_NSTRATEGIES; s++)
		if (!request->strategies[s])
			return false;
	return request->ranked == 0 && request->ninclude == 0 &&
		request->familiarity == 0.5f && request->era_from == 0 && request->era_to == 0 &&
		request->min_popularity < 0 && request->max_popularity < 0 &&
		strlen(request->prompt) <= RECO_ASKED_MAXPROMPT;
}

static RecoCachedKey
buffer_key(const RecoPopularAsk *ask, const char *key)
{
	RecoCachedKey cached = {MyDatabaseId, ask->extension, RECO_CATEGORY_POPULAR, key};

	return cached;
}

static void
write_epochs(const RecoPopularAsk *ask, char *text)
{
	snprintf(text, EPOCHS + 1, "%016llx%016llx", (unsigned long long) ask->epochs.all,
			 (unsigned long long) ask->epochs.listener);
}

/* Makes the key by the very words, and by who may see the record of the list's run. */
static void
make_words(RecoPopularAsk *ask, char form)
{
	RecoRequest nobodys = *ask->request;
	uint64 generation = hash_combine64(reco_result_servers(GetUserId()), GetUserId());

	nobodys.user_id = "";
	reco_result_raw_key(&nobodys, generation, ask->words);
	ask->words[0] = form;
}

/* Looks up what is known of the listener, once; false = that cannot be read. */
static bool
know_listener(RecoPopularAsk *ask)
{
	return reco_popular_listener_look(&ask->listener, ask->request->user_id,
									  ask->extension, ask->epoch);
}

/* Finds a list for who is new. */
bool
reco_popular_find_words(RecoPopularAsk *ask, char form, const char **packed, Size *size)
{
	bool		found;

	if (!ask->on)
		return false;
	reco_patience_begin(reco_run_patience(ask->request));
	found = find_words(ask, form, packed, size);
	reco_patience_end();
	return found;
}

static bool
find_words(RecoPopularAsk *ask, char form, const char **packed, Size *size)
{
	RecoCachedKey key;
	RecoCachedValue value;
	char		epochs[EPOCHS + 1];
	char		digest[DIGEST + 1];

	StaticAssertStmt((EPOCHS + DIGEST) % MAXIMUM_ALIGNOF == 0,
					 "what is packed is not aligned");

	make_words(ask, form);
	key = buffer_key(ask, ask->words);
	write_epochs(ask, epochs);
	if (!reco_cached_get(&key, &value) || value.len <= EPOCHS + DIGEST ||
		memcmp(value.value, epochs, EPOCHS) != 0 ||
		value.fresh_until <= GetCurrentTimestamp() || !know_listener(ask) ||
		ask->listener.known.listened || ask->listener.known.connected)
		return false;
	memcpy(digest, value.value + EPOCHS, DIGEST);
	digest[DIGEST] = '\0';
	*packed = value.value + EPOCHS + DIGEST;
	*size = value.len - EPOCHS - DIGEST;
	reco_asked_note(MyDatabaseId, ask->extension, strtou64(digest, NULL, 16),
					ask->request->prompt, ask->request->user_id, true);
	pg_atomic_fetch_add_u64(&reco_cached_counts[RECO_CATEGORY_POPULAR].hits, 1);
	return true;
}

/* A number for the very words, and the services that the role may ask. */
static uint64
hash_of(const RecoPopularAsk *ask)
{
	const char *prompt = ask->request->prompt;

	return hash_combine64(hash_bytes_extended((const unsigned char *) prompt,
											  (int) strlen(prompt), 0),
						  reco_result_servers(GetUserId()));
}

static void
note_prompt(Held *place, uint64 prompt)
{
	for (int i = 0; i < NPROMPTS; i++)
		if (place->prompts[i] == prompt)
			return;
	place->prompts[place->next_prompt++ % NPROMPTS] = prompt;
}

/* Knows what the prompt means, if it was read before. */
bool
reco_popular_recall(RecoPopularAsk *ask)
{
	char		epochs[EPOCHS + 1];
	uint64		prompt;

	if (!ask->on)
		return false;
	prompt = hash_of(ask);
	write_epochs(ask, epochs);
	for (int i = 0; i < NHELD; i++)
		for (int p = 0; p < NPROMPTS && held[i].context != NULL; p++)
			if (held[i].prompts[p] == prompt && held[i].extension == ask->extension &&
				strcmp(held[i].epochs, epochs) == 0)
			{
				strlcpy(ask->key, held[i].key, sizeof(ask->key));
				ask->digest = held[i].digest;
				return true;
			}
	return false;
}

/* Keeps such a list. */
void
reco_popular_put_words(const RecoPopularAsk *ask, const RecoResultForm *form,
					   const char *bytes, TimestampTz fresh_until)
{
	RecoPopularAsk own = *ask;
	RecoCachedKey key;
	RecoCachedValue value = {0};
	Size		size;
	char	   *packed = form->pack(bytes, &size);
	char	   *entry = palloc(EPOCHS + DIGEST + 1 + size);

	make_words(&own, form->kind);
	key = buffer_key(&own, own.words);
	write_epochs(ask, entry);
	snprintf(entry + EPOCHS, DIGEST + 1, "%016llx", (unsigned long long) ask->digest);
	memcpy(entry + EPOCHS + DIGEST, packed, size);
	value.value = entry;
	value.len = EPOCHS + DIGEST + size;
	value.fetched_at = GetCurrentTimestamp();
	value.fresh_until = value.usable_until = fresh_until;
	(void) reco_cached_put(&key, &value, true, ask->epoch);
	pfree(packed);
	pfree(entry);
}

/* A number for what a prompt means, whatever else there is. */
static uint64
digest_of(const RecoResultReading *reading)
{
	RecoRequest request = {.user_id = "", .prompt = "", .size = RECO_POPULAR_SIZE};
	char		key[RECO_RESULT_KEYSIZE];
	char		digits[17];

	request.familiarity = 0.5f;
	request.min_popularity = request.max_popularity = -1;
	for (int s = 0; s < RECO_NSTRATEGIES; s++)
		request.strategies[s] = true;
	reco_result_key(&request, reading, 0, key);
	memcpy(digits, key + 1, 16);
	digits[16] = '\0';
	return strtou64(digits, NULL, 16);
}

uint64
reco_popular_digest(const char *prompt)
{
	return digest_of(reco_result_read(prompt));
}

/* Notes what the prompt means. */
void
reco_popular_note_meaning(RecoPopularAsk *ask, const RecoResultReading *reading,
						  uint64 catalogue)
{
	uint64		state = hash_combine64(catalogue, reco_result_servers(GetUserId()));

	ask->digest = digest_of(reading);
	ask->names = false;
	for (int m = 0; m < reading->mood.nmentions; m++)
		ask->names |= reading->names[m] != RECO_RESULT_NOBODY;
	snprintf(ask->key, sizeof(ask->key), "p%016llx%016llx",
			 (unsigned long long) ask->digest, (unsigned long long) state);
}

/* Fits candidates to who asks. */
bool
reco_popular_fit(RecoPopularAsk *ask, bool nobodys, RecoPopularFit *fit)
{
	const RecoRequest *request = ask->request;
	Held	   *found;

	memset(fit, 0, sizeof(*fit));
	if (!ask->on || ask->key[0] == '\0' || ask->names || ask->tried)
		return false;
	ask->tried = true;
	found = find(ask);
	if (found != NULL && know_listener(ask))
	{
		note_prompt(found, hash_of(ask));
		fit->origin = found->fresh_until > GetCurrentTimestamp() ? RECO_ORIGIN_CACHED
																 : RECO_ORIGIN_STALE;
		fit->fresh_until = found->fresh_until;
		fit->for_nobody =
			nobodys && !ask->listener.known.listened && !ask->listener.known.connected;
		if (fit->for_nobody)
			request = nobodys_request(request);
		fit->run =
			reco_popular_fit_run(found->popular, request, &ask->listener, fit->origin);
		if (fit->run != NULL)
			reco_popular_listener_keep(&ask->listener, fit->run);
	}
	reco_asked_note(MyDatabaseId, ask->extension, ask->digest, ask->request->prompt,
					ask->request->user_id, fit->run != NULL);
	return fit->run != NULL;
}

/* The same request, for nobody. */
static RecoRequest *
nobodys_request(const RecoRequest *request)
{
	RecoRequest *nobodys = palloc(sizeof(RecoRequest));

	*nobodys = *request;
	nobodys->user_id = "";
	return nobodys;
}

/* Finds candidates: in memory, in the buffer, in the table. */
static Held *
find(const RecoPopularAsk *ask)
{
	RecoCachedKey key = buffer_key(ask, ask->key);
	RecoCachedValue value;
	char		epochs[EPOCHS + 1];
	Held	   *found = NULL;

	write_epochs(ask, epochs);
	if (reco_cached_copy(&key, &value, NULL, 0))
	{
		for (int i = 0; i < NHELD && found == NULL; i++)
			if (held[i].context != NULL && held[i].extension == ask->extension &&
				held[i].version == value.version &&
				held[i].fetched_at == value.fetched_at &&
				strcmp(held[i].key, ask->key) == 0 && strcmp(held[i].epochs, epochs) == 0)
			{
				held[i].used = ++nused;
				found = &held[i];
			}
		if (found == NULL && reco_cached_get(&key, &value) && value.len > EPOCHS &&
			memcmp(value.value, epochs, EPOCHS) == 0)
			found = hold(ask, &value, reco_remote_text(value.value + EPOCHS));
	}
	count(found, false);
	if (found == NULL)
	{
		found = find_in_table(ask);
		count(found, true);
	}
	return found;
}

/* Reads candidates into this process's memory, in the place of those used least. */
static Held *
hold(const RecoPopularAsk *ask, const RecoCachedValue *value, const char *text)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "reco popular mood",
							  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	RecoPopular *popular = reco_popular_read(text);
	Held	   *place = &held[0];

	if (popular != NULL)
		reco_popular_rate(popular);
	MemoryContextSwitchTo(old);
	if (popular == NULL)
	{
		MemoryContextDelete(context);
		return NULL;
	}
	for (int i = 1; i < NHELD; i++)
		if (held[i].used < place->used)
			place = &held[i];
	if (place->context != NULL)
		MemoryContextDelete(place->context);
	MemoryContextSetParent(context, TopMemoryContext);
	place->context = context;
	place->extension = ask->extension;
	strlcpy(place->key, ask->key, sizeof(place->key));
	place->digest = ask->digest;
	write_epochs(ask, place->epochs);
	place->version = value->version;
	place->fetched_at = value->fetched_at;
	place->fresh_until = value->fresh_until;
	place->used = ++nused;
	place->popular = popular;
	memset(place->prompts, 0, sizeof(place->prompts));
	return place;
}

/*
 * Finds candidates that only the table has, or that were kept before other moods became
 * popular, and puts them into the buffer.
 */
static Held *
find_in_table(const RecoPopularAsk *ask)
{
	const char *keys[1] = {ask->key};
	RecoCachedKey key = buffer_key(ask, ask->key);
	RecoCachedValue value = {0};
	RecoCacheRow *rows;
	Held	   *found;
	char		epochs[EPOCHS + 1];
	int			n;

	rows = reco_cache_read(reco_category_name(RECO_CATEGORY_POPULAR), keys, 1, &n);
	if (n == 0 || rows[0].absent || strlen(rows[0].value) <= EPOCHS)
		return NULL;
	value.fetched_at = rows[0].fetched_at;
	value.fresh_until = rows[0].fresh_until;
	value.usable_until = rows[0].usable_until;
	found = hold(ask, &value, rows[0].value + EPOCHS);
	if (found == NULL ||
		!reco_popular_has(found->popular->prompt, reco_guc_popular_moods))
		return NULL;

	/* newer than what is in the buffer from before other moods became popular */
	value.fetched_at += (int64) ask->epochs.listener;
	write_epochs(ask, epochs);
	value.value = psprintf("%s%s", epochs, reco_remote_key(rows[0].value + EPOCHS));
	value.len = strlen(value.value);
	(void) reco_cached_put(&key, &value, true, ask->epoch);
	return found;
}

/* Counts a look: what is not in the buffer may be in the table. */
static void
count(const Held *found, bool table)
{
	RecoCachedCount *counts = &reco_cached_counts[RECO_CATEGORY_POPULAR];

	if (found == NULL && !table)
		return;
	pg_atomic_fetch_add_u64(found == NULL ? &counts->misses
								: found->fresh_until <= GetCurrentTimestamp()
								? &counts->stale
								: table ? &counts->table_hits
										: &counts->hits,
							1);
}

/* A question for nobody. */
static RecoRequest *
request_of(const char *prompt)
{
	RecoRequest *request = palloc0(sizeof(RecoRequest));

	request->user_id = "";
	request->prompt = prompt;
	request->size = RECO_POPULAR_SIZE;
	return request;
}

/* Looks at a mood. */
void
reco_popular_look(const char *prompt, RecoPopularState *state)
{
	RecoPopularAsk ask = {0};
	RecoCachedValue value;
	RecoCachedKey key;
	RecoCacheRow *rows;
	const char *keys[1];
	char		epochs[EPOCHS + 1];
	uint64		catalogue;
	int			n;

	memset(state, 0, sizeof(*state));
	begin(&ask, request_of(prompt), reco_sql_extension());
	if (!reco_change_read(NULL, &catalogue))
		return;
	reco_popular_note_meaning(&ask, reco_result_read(prompt), catalogue);
	state->digest = ask.digest;
	state->names = ask.names;
	key = buffer_key(&ask, ask.key);
	write_epochs(&ask, epochs);
	if (reco_cached_get(&key, &value) && value.len > EPOCHS &&
		memcmp(value.value, epochs, EPOCHS / 2) == 0)
		state->found = true;
	else
	{
		keys[0] = ask.key;
		rows = reco_cache_read(reco_category_name(RECO_CATEGORY_POPULAR), keys, 1, &n);
		state->found = n > 0 && !rows[0].absent;
		if (state->found)
		{
			value.fetched_at = rows[0].fetched_at;
			value.fresh_until = rows[0].fresh_until;
		}
	}
	if (state->found)
	{
		state->fetched_at = value.fetched_at;
		state->fresh_until = value.fresh_until;
	}
}

/* Finds candidates for a mood and keeps them. */
RecoRun *
reco_popular_make(RecoRequest *request, MemoryContext context, RecoPauser pause,
				  void *arg)
{
	RecoPopularMark *mark = palloc0(sizeof(RecoPopularMark));
	RecoPopularAsk ask = {0};
	uint64		catalogue;
	RecoRun    *run;

	begin(&ask, request, reco_sql_own_extension());
	if (!reco_change_read(NULL, &catalogue))
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("the catalogue cannot be read now")));
	reco_popular_note_meaning(&ask, reco_result_read(request->prompt), catalogue);
	run = reco_run_execute(request, context, pause, arg);
	if (run->nmentioned_tracks + run->nmentioned + run->nexcluded + run->nopen_names > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" names an artist or a track, so it is no mood",
						request->prompt),
				 errhint("Delete it from reco.popular_mood.")));
	if (!run->complete || run->partial || reco_source_is_behind(run->source) ||
		reco_source_missed(run->source))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("what was found for \"%s\" is not complete", request->prompt),
				 errhint("reco_stat_upstream shows how the services are.")));
	reco_select_complete(run, RECO_POPULAR_MOST);
	mark->prompt = request->prompt;
	mark->run_id = run->run_id;
	run->popular = mark;
	keep(&ask, run);
	return run;
}

/* Keeps what a run found: in the buffer, from where the keeper writes it. */
static void
keep(const RecoPopularAsk *ask, RecoRun *run)
{
	RecoCachedKey key = buffer_key(ask, ask->key);
	RecoCachedValue value = {0};
	RecoCachePolicy policy;
	TimestampTz now = GetCurrentTimestamp();
	char		epochs[EPOCHS + 1];
	double		share;

	reco_cache_policy(reco_category_name(RECO_CATEGORY_POPULAR), &policy);
	if (policy.fresh_us <= 0)
		return;
	share = 1 + policy.jitter * (2 * pg_prng_double(&pg_global_prng_state) - 1);
	value.fetched_at = run->started;
	value.fresh_until = now + (int64) (policy.fresh_us * share);
	value.usable_until = now + (int64) (Max(policy.usable_us, policy.fresh_us) * share);
	write_epochs(ask, epochs);
	value.value =
		psprintf("%s%s", epochs,
				 reco_remote_key(reco_popular_write(run, run->request->prompt)));
	value.len = strlen(value.value);
	run->published = reco_cached_put(&key, &value, false, ask->epoch);
	reco_popular_note_warmed(run->request->prompt, now);
}
