/*-------------------------------------------------------------------------
 *
 * keeper.c
 *	  What a keeper does: write, note what is in use, expire, evict.
 *
 * Purpose: see keeper.h. The process around it is keeper_main.c.
 * Runs in: the keeper of a database, in a transaction of the caller's.
 * Locks:	that of store/cache.h against invalidations, alone and without waiting, before
 *			the buffer is drained; the buffer's.
 * Never:	tell the buffer that something was written before that is committed; keep
 *			something at the head of the queue that can never be written.
 *
 *-------------------------------------------------------------------------
 */
#include "keeper.h"

#include "compat.h"

#include "access/xlog.h"
#include "keeper_chores.h"
#include "keeper_facts.h"
#include "keeper_limits.h"
#include "keeper_promises.h"
#include "keeper_snapshot.h"
#include "keeper_teach.h"
#include "keeper_wishes.h"
#include "mb/pg_wchar.h"
#include "guc.h"
#include "miscadmin.h"
#include "pipeline/record.h"
#include "pipeline/result.h"
#include "shmem/cached.h"
#include "shmem/cached_use.h"
#include "source/remote.h"
#include "store/ask.h"
#include "store/cache.h"
#include "store/denied.h"
#include "store/registry.h"
#include "store/run.h"
#include "store/sql.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define BATCH_ENTRIES	500
#define BATCH_BYTES		((Size) 4 * 1024 * 1024)
#define MOST_EXPIRED	5000	/* rows that are deleted in one transaction */
#define MOST_EVICTED	30000	/* likewise; finding them costs more than deleting them */
#define USES_US			(10 * INT64CONST(1000000))	/* between two looks at the buffer */
#define ASKS_US			(60 * INT64CONST(1000000))	/* between two counts of them */
#define AGAIN_US		INT64CONST(500000)	/* after an ERROR in what goes first */
#define MOST_DOUBLED	6		/* times that it is doubled */

/* An entry of the batch. */
typedef struct Entry
{
	RecoCategory category;
	char	   *key;
	uint64		version;
} Entry;

/* What the round did, until it is committed; in a context of its own. */
static struct
{
	MemoryContext context;
	Oid			extension;
	int			nentries;
	Entry		entries[BATCH_ENTRIES];
	int64		dropped[RECO_NCATEGORIES];
	int64		evicted[RECO_NCATEGORIES];
	int64		expired[RECO_NCATEGORIES];
} batch;

/* What goes before all else, and may fail without keeping the rest from its turn. */
typedef struct First
{
	bool		trying;			/* and no commit since */
	int			failures;		/* in a row */
	int64		next;			/* monotonic us */
} First;

static First promises;
static First limits;
static TimestampTz last_care = 0;
static TimestampTz last_trim = 0;
static TimestampTz next_asks = 0;
static TimestampTz next_uses = 0;
static bool held_up = false;	/* the last round, by an invalidation */

static bool begin_first(First *first);
static void end_first(First *first);
static void begin_batch(Oid extension);
static bool drain(void);
static bool make_run(const RecoCachedUnwritten *entry, RecoRunRow *row);
static bool trim_runs(bool written);
static bool make_row(const RecoCachedUnwritten *entry, RecoCacheRow *row);
static char *own_key(const char *key);
static bool note_uses(void);
static void note_asks(const RecoCachedUse *uses, int n);
static bool care(void);
static int64 sum_of(const RecoCacheCount *counts, int ncounts);
static bool count_gone(const RecoCacheCount *counts, int ncounts, int64 *gone,
					   int64 most);

/*
 * Does one round of work: promises and limits first, then in turn a step for the
 * snapshot, if one is due, and all else. So an error in one of them keeps nobody from
 * the others.
 */
bool
reco_keeper_round(void)
{
	static bool turn = false;
	bool		more;

	held_up = false;
	if (RecoveryInProgress() || reco_cached_counts == NULL)
		return false;
	begin_batch(reco_sql_extension());
	if (reco_keeper_keep_promises(batch.extension, begin_first(&promises)))
		return true;
	end_first(&promises);
	if (reco_keeper_keep_limits(begin_first(&limits)))
		return true;
	end_first(&limits);

	/* somebody invalidates: what is drained now might come after the deletion */
	held_up = !reco_cache_begin_writing();
	if (held_up)
		return false;
	turn = !turn;
	if (turn && reco_keeper_snapshot_is_due(batch.extension))
	{
		reco_keeper_snapshot_step();
		return true;
	}
	turn = false;
	more = reco_keeper_queue_wishes(batch.extension);
	more = drain() || more;
	more = note_uses() || more;
	more = care() || more;
	return reco_keeper_snapshot_is_due(batch.extension) || more;
}

/* May it be tried? Not for a while where the last try ended in an ERROR. */
static bool
begin_first(First *first)
{
	int64		now = reco_now_us();

	if (first->trying)
		first->next = now + (AGAIN_US << Min(first->failures++, MOST_DOUBLED));
	first->trying = now >= first->next;
	return first->trying;
}

/* It did not fail, if it was tried. */
static void
end_first(First *first)
{
	if (first->trying)
		first->failures = 0;
	first->trying = false;
}

bool
reco_keeper_is_held_up(void)
{
	return held_up;
}

/* Tells the buffer, and counts, what is now committed. */
void
reco_keeper_committed(void)
{
	end_first(&promises);
	end_first(&limits);
	reco_keeper_facts_committed();
	reco_keeper_teach_committed();
	reco_keeper_promises_committed();
	reco_keeper_limits_committed();
	reco_keeper_wishes_committed();
	for (int i = 0; i < batch.nentries; i++)
	{
		Entry	   *entry = &batch.entries[i];

		reco_cached_written(MyDatabaseId, batch.extension, entry->category, entry->key,
							entry->version);
	}
	for (int c = 0; reco_cached_counts != NULL && c < RECO_NCATEGORIES; c++)
	{
		RecoCachedCount *counts = &reco_cached_counts[c];

		if (batch.dropped[c] > 0)
			pg_atomic_fetch_add_u64(&counts->dropped, batch.dropped[c]);
		if (batch.evicted[c] > 0)
			pg_atomic_fetch_add_u64(&counts->table_evicted, batch.evicted[c]);
		if (batch.expired[c] > 0)
			pg_atomic_fetch_add_u64(&counts->expired, batch.expired[c]);
	}
	begin_batch(batch.extension);
	reco_keeper_snapshot_committed();
}

/* Forgets what an earlier round did, committed or not. */
static void
begin_batch(Oid extension)
{
	if (batch.context == NULL)
		batch.context = AllocSetContextCreate(TopMemoryContext, "reco keeper batch",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(batch.context);
	batch.extension = extension;
	reco_keeper_facts_begin(extension);
	reco_keeper_teach_begin(extension);
	batch.nentries = 0;
	memset(batch.dropped, 0, sizeof(batch.dropped));
	memset(batch.evicted, 0, sizeof(batch.evicted));
	memset(batch.expired, 0, sizeof(batch.expired));
}

/* Writes what waits, as much as a batch may have; returns whether more waits. */
static bool
drain(void)
{
	RecoCachedUnwritten *waiting = palloc(sizeof(RecoCachedUnwritten) * BATCH_ENTRIES);
	RecoCacheRow *rows = palloc(sizeof(RecoCacheRow) * BATCH_ENTRIES);
	RecoRunRow *runs = palloc(sizeof(RecoRunRow) * BATCH_ENTRIES);
	int n = reco_cached_drain(MyDatabaseId, batch.extension, waiting, BATCH_ENTRIES,
							  BATCH_BYTES);
	int			nrows = 0;
	int			nruns = 0;
	bool		more;

	for (int i = 0; i < n; i++)
	{
		Entry	   *entry = &batch.entries[batch.nentries++];

		entry->category = waiting[i].category;
		entry->key = MemoryContextStrdup(batch.context, waiting[i].key);
		entry->version = waiting[i].value.version;
		if (entry->category == RECO_CATEGORY_RUN && make_run(&waiting[i], &runs[nruns]))
			nruns++;
		else if (entry->category != RECO_CATEGORY_RUN &&
				 make_row(&waiting[i], &rows[nrows]) &&
				 (entry->category != RECO_OP_IDS || reco_registry_takes(&rows[nrows])) &&
				 (entry->category != RECO_CATEGORY_DENIED ||
				  reco_denied_takes(&rows[nrows])))
			nrows++;
		else if (entry->category >= 0 && entry->category < RECO_NCATEGORIES)
			batch.dropped[entry->category]++;
		reco_keeper_facts_take(&waiting[i]);
		reco_keeper_teach_take(&waiting[i]);
	}
	reco_cache_write(rows, nrows);
	reco_run_write(runs, nruns);
	more = trim_runs(nruns > 0);
	more = reco_keeper_teach() || more;
	return more || (n > 0 && reco_cached_waiting(MyDatabaseId) > n);
}

/* Makes an entry a row of reco.run; false = it cannot be one. */
static bool
make_run(const RecoCachedUnwritten *entry, RecoRunRow *row)
{
	const char *text = entry->value.value;
	RecoRecordOwner owner;

	memset(row, 0, sizeof(*row));
	if (text == NULL || strlen(text) != entry->value.len ||
		!pg_verify_mbstr(PG_UTF8, text, (int) entry->value.len, true))
		return false;
	row->record = reco_record_parse(reco_remote_text(text));
	if (row->record == NULL || !reco_record_owner(row->record, &owner))
		return false;
	row->user_id = owner.user_id;
	row->run_id = (int64) strtoll(entry->key, NULL, 10);
	row->role = owner.role;
	row->started = entry->value.fetched_at;
	return true;
}

/* Keeps reco.run and reco.ask within their bounds; whether there is more to delete. */
static bool
trim_runs(bool written)
{
	TimestampTz now = GetCurrentTimestamp();
	int64 age = (int64) reco_guc_run_history_age * SECS_PER_MINUTE * USECS_PER_SEC;
	int64		gone;

	if (!reco_keeper_chore_is_mine(RECO_CHORE_HISTORY) ||
		(!written && now < last_trim + reco_guc_history_interval * USECS_PER_SEC))
		return false;
	gone = reco_run_trim(now - age, reco_guc_run_history, MOST_EVICTED);
	if (now >= next_asks && gone < MOST_EVICTED)
	{
		gone += reco_ask_trim(now - age, reco_guc_run_history, MOST_EVICTED);
		next_asks = now + ASKS_US;
	}
	reco_keeper_chore_went(RECO_CHORE_HISTORY, gone);
	if (gone < MOST_EVICTED)
		last_trim = now;
	return gone >= MOST_EVICTED;
}

/*
 * Makes an entry a row; false = it cannot be one. A value is what a reader would make
 * of it, with question marks for what this encoding has no letter for. A key must stay
 * itself, or it would be the answer to another question.
 */
static bool
make_row(const RecoCachedUnwritten *entry, RecoCacheRow *row)
{
	const RecoCachedValue *value = &entry->value;

	memset(row, 0, sizeof(*row));
	if (entry->category < 0 || entry->category >= RECO_NCATEGORIES)
		return false;
	row->category = reco_category_name(entry->category);
	row->key = own_key(entry->key);
	row->absent = value->absent;
	row->fetched_at = value->fetched_at;
	row->fresh_until = value->fresh_until;
	row->usable_until = value->usable_until;
	if (row->key == NULL)
		return false;
	if (value->absent)
		return true;
	if (value->value == NULL || strlen(value->value) != value->len ||
		!pg_verify_mbstr(PG_UTF8, value->value, (int) value->len, true))
		return false;
	row->value = reco_remote_text(value->value);
	return row->value != NULL;
}

/* A key in the database's encoding; NULL where it has none for it. */
static char *
own_key(const char *key)
{
	char	   *own;

	if (!pg_verify_mbstr(PG_UTF8, key, (int) strlen(key), true))
		return NULL;
	own = reco_remote_text(key);
	return own != NULL && strcmp(reco_remote_key(own), key) == 0 ? own : NULL;
}

/* Notes in the table what was read in the buffer lately; whether there is more. */
static bool
note_uses(void)
{
	TimestampTz now = GetCurrentTimestamp();
	RecoCachedUse *uses;
	const char **categories;
	const char **keys;
	int			n;
	int			nkeys = 0;

	if (now < next_uses)
		return false;
	uses = palloc(sizeof(RecoCachedUse) * BATCH_ENTRIES);
	categories = palloc(sizeof(char *) * BATCH_ENTRIES);
	keys = palloc(sizeof(char *) * BATCH_ENTRIES);
	n = reco_cached_used(MyDatabaseId, batch.extension, uses, BATCH_ENTRIES);
	for (int i = 0; i < n; i++)
	{
		const char *key;

		if (uses[i].category < 0 || uses[i].category >= RECO_NCATEGORIES)
			continue;
		categories[nkeys] = reco_category_name(uses[i].category);
		key = uses[i].category == RECO_CATEGORY_RESULT ? reco_result_row_key(&uses[i])
													   : uses[i].key;
		keys[nkeys] = own_key(key);
		if (keys[nkeys] != NULL)
			nkeys++;
	}
	reco_cache_touch(categories, keys, nkeys);
	note_asks(uses, n);
	if (n == BATCH_ENTRIES)
		return true;
	next_uses = now + USES_US;
	return false;
}

/* Notes which lists were given that way: that they were asked for, no run tells. */
static void
note_asks(const RecoCachedUse *uses, int n)
{
	const char **users = palloc(sizeof(char *) * Max(n, 1));
	int64	   *runs = palloc(sizeof(int64) * Max(n, 1));
	int			nasks = 0;

	if (reco_guc_prewarm_budget == 0 || reco_guc_run_history == 0)
		return;
	for (int i = 0; i < n; i++)
	{
		char	   *user = NULL;

		runs[nasks] = uses[i].category == RECO_CATEGORY_RESULT
			? reco_result_given(&uses[i], &user)
			: 0;
		users[nasks] = runs[nasks] == 0 ? NULL : own_key(user);
		if (users[nasks] != NULL)
			nasks++;
	}
	reco_ask_write(users, runs, nasks);
}

/* Deletes what has expired and what is too much; whether there is more of it. */
static bool
care(void)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		due = now >= last_care + reco_guc_expire_interval * USECS_PER_SEC;
	RecoCacheCount *counts;
	int			ncounts;
	bool		more;

	/* what is too much goes at once, whoever deletes what has expired */
	due = due && reco_keeper_chore_is_mine(RECO_CHORE_EXPIRE);
	if (due)
	{
		counts = reco_cache_expire(MOST_EXPIRED, &ncounts);
		more = count_gone(counts, ncounts, batch.expired, MOST_EXPIRED);
		reco_keeper_chore_went(RECO_CHORE_EXPIRE, sum_of(counts, ncounts));
		if (more)
			return true;
	}
	counts = reco_cache_evict(MOST_EVICTED, &ncounts);
	more = count_gone(counts, ncounts, batch.evicted, MOST_EVICTED);
	if (ncounts > 0 && reco_keeper_chore_is_mine(RECO_CHORE_EXPIRE))
		reco_keeper_chore_went(RECO_CHORE_EXPIRE, sum_of(counts, ncounts));
	if (!more && due)
		last_care = now;
	return more;
}

static int64
sum_of(const RecoCacheCount *counts, int ncounts)
{
	int64		sum = 0;

	for (int i = 0; i < ncounts; i++)
		sum += counts[i].entries;
	return sum;
}

/* Adds counts to those of the batch; whether there were as many as there may be. */
static bool
count_gone(const RecoCacheCount *counts, int ncounts, int64 *gone, int64 most)
{
	bool		more = false;
	int64		sum = 0;

	for (int i = 0; i < ncounts; i++)
	{
		int			category = reco_category_of(counts[i].category);

		if (category >= 0)
			gone[category] += counts[i].entries;
		sum += counts[i].entries;
		more = more || counts[i].entries >= most;
	}
	return more || sum >= most;
}
