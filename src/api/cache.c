/*-------------------------------------------------------------------------
 *
 * cache.c
 *	  reco_cache_invalidate, and rows of the view reco_cache_stats.
 *
 * Purpose: remove answers from the buffer and the table; count what is there.
 * Runs in: a backend.
 * Locks:	that of store/cache.h, which keeps the keeper from writing until the caller's
 *			transaction ends; where denials go, that of store/snapshot.h; then those
 *			of the buffer.
 * Never:	throw at commit.
 *
 * Until the caller commits, others still see the rows, and may bring them into the
 * buffer again. So the buffer is cleared twice: at once, for the caller, and right
 * after the commit, for everybody. Clearing moves the epoch, so whoever read a row
 * before that and puts it into the buffer later is turned away.
 *
 *-------------------------------------------------------------------------
 */
#include "cache.h"

#include "access/xact.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "options.h"
#include "shmem/cached.h"
#include "shmem/cached_use.h"
#include "source/remote.h"
#include "store/cache.h"
#include "store/logged.h"
#include "store/snapshot.h"
#include "store/sql.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(reco_cache_invalidate);
PG_FUNCTION_INFO_V1(reco_stat_cache);

#define MOST_PENDING	256		/* more than so many removals become one of all */
#define NCOLUMNS		22		/* of the view */

/* What is to be removed from the buffer at commit; in TopTransactionContext. */
typedef struct Removal
{
	Oid			extension;
	RecoCategory category;		/* RECO_CATEGORY_ANSWERS = all */
	char	   *key;			/* UTF-8; NULL = all */
	struct Removal *next;
} Removal;

static Removal *pending = NULL;
static int	npending = 0;

static RecoCategory category_argument(FunctionCallInfo fcinfo, int nth, char **name);
static int64 remove_entries(const char *category_name, RecoCategory category,
							const char *key, Oid extension);
static int64 remove_artist(char *key, Oid extension);
static int64 remove_listeners(RecoCategory category, const char *user_id, Oid extension);
static int64 remove_from_buffer(Oid extension, RecoCategory category, const char *key);
static void remember(Oid extension, RecoCategory category, const char *key);
static void at_transaction_end(XactEvent event, void *arg);
static void put_category(ReturnSetInfo *result, const RecoCacheCategory *category,
						 const RecoCacheCount *rows);

/* Removes answers. */
Datum
reco_cache_invalidate(PG_FUNCTION_ARGS)
{
	char	   *category_name;
	RecoCategory category = category_argument(fcinfo, 0, &category_name);
	char	   *key = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	Oid			extension;
	int64		removed;

	reco_require_writable("reco_cache_invalidate()");
	if (key != NULL && category >= 0)
		key[reco_operation_key_len(category, key)] = '\0';
	extension = reco_sql_extension();
	reco_cache_forbid_writing();
	if (!PG_ARGISNULL(2) && key != NULL)
		PG_RETURN_INT64(0);
	if (!PG_ARGISNULL(2))
	{
		char	   *user_id = text_to_cstring(PG_GETARG_TEXT_PP(2));

		PG_RETURN_INT64(remove_listeners(category, user_id, extension));
	}
	if (category == RECO_CATEGORY_ANSWERS || category == RECO_CATEGORY_DENIED)
		reco_snapshot_lock_denials();
	remember(extension, category, key == NULL ? NULL : reco_remote_key(key));
	removed = remove_entries(category_name, category, key, extension);
	if (key != NULL && category == RECO_CATEGORY_ANSWERS)
		removed += remove_artist(key, extension);
	PG_RETURN_INT64(removed);
}

/* Removes an artist's tracks by a key with a name, which is not kept. */
static int64
remove_artist(char *key, Oid extension)
{
	size_t		len = reco_operation_key_len(RECO_OP_ARTIST_TRACKS, key);

	if (key[len] == '\0' || !reco_is_spotify_id(key, len))
		return 0;
	key[len] = '\0';
	remember(extension, RECO_OP_ARTIST_TRACKS, key);
	return remove_entries(reco_operation_name(RECO_OP_ARTIST_TRACKS),
						  RECO_OP_ARTIST_TRACKS, key, extension);
}

/* Removes what is kept per listener: there the listener stands in front of the key. */
static int64
remove_listeners(RecoCategory category, const char *user_id, Oid extension)
{
	static const RecoCategory listeners[] = {RECO_CATEGORY_RESULT,
											 RECO_CATEGORY_ARTIFACTS, RECO_OP_TOP_TRACKS,
											 RECO_OP_TOP_ARTISTS};
	int64		removed = 0;

	for (int i = 0; i < lengthof(listeners); i++)
	{
		if (category >= 0 && category != listeners[i])
			continue;
		remember(extension, listeners[i], reco_remote_key(user_id));
		removed += remove_entries(reco_category_name(listeners[i]), listeners[i], user_id,
								  extension);
	}
	return removed;
}

int64
reco_cache_forget_listener(const char *user_id)
{
	reco_cache_forbid_writing();
	return remove_listeners(-1, user_id, reco_sql_extension());
}

/*
 * Which category; NULL = all of answers. One that is never kept is an ERROR; one that has
 * no policy any more may have been kept before.
 */
static RecoCategory
category_argument(FunctionCallInfo fcinfo, int nth, char **name)
{
	StringInfoData names;
	RecoCategory category;

	*name = NULL;
	if (PG_ARGISNULL(nth))
		return RECO_CATEGORY_ANSWERS;
	*name = text_to_cstring(PG_GETARG_TEXT_PP(nth));
	category = reco_category_of(*name);
	if (reco_category_is_kept(category))
		return category;
	initStringInfo(&names);
	for (int i = 0; i < RECO_NCATEGORIES; i++)
		if (reco_category_is_kept(i))
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
							 reco_category_name(i));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized cache category \"%s\"", *name),
			 errhint("Use one of: %s; or NULL for all.", names.data)));
}

/*
 * Removes from the table, from the buffer, and from the snapshot, which only has what the
 * table has or had. An entry that is in both is one; which of those in the buffer are is
 * known only of the unwritten ones.
 */
static int64
remove_entries(const char *category_name, RecoCategory category, const char *key,
			   Oid extension)
{
	int64		entries;
	int64		bytes;
	int64		unwritten = 0;
	int64		removed;
	int64		deleted;

	if (key == NULL)
		reco_cached_usage(MyDatabaseId, category, &entries, &bytes, &unwritten);
	removed = remove_from_buffer(extension, category,
								 key == NULL ? NULL : reco_remote_key(key));
	deleted = reco_cache_delete(category_name, key);
	reco_snapshot_remove(category_name, key);
	return key == NULL ? deleted + unwritten : Max(deleted, removed);
}

static int64
remove_from_buffer(Oid extension, RecoCategory category, const char *key)
{
	if (reco_cached_counts == NULL)
		return 0;
	return key == NULL ? reco_cached_remove(MyDatabaseId, extension, category, NULL)
					   : reco_cached_remove_asked(MyDatabaseId, extension, category, key);
}

/* Has it removed again at commit. */
static void
remember(Oid extension, RecoCategory category, const char *key)
{
	static bool registered = false;
	Removal    *removal;

	if (reco_cached_counts == NULL)
		return;
	if (!registered)
		RegisterXactCallback(at_transaction_end, NULL);
	registered = true;
	if (npending == MOST_PENDING)
	{
		pending->extension = extension;
		pending->category = RECO_CATEGORY_ANSWERS;
		pending->key = NULL;
		pending->next = NULL;
		return;
	}
	removal = MemoryContextAlloc(TopTransactionContext, sizeof(Removal));
	removal->extension = extension;
	removal->category = category;
	removal->key = key == NULL ? NULL : MemoryContextStrdup(TopTransactionContext, key);
	removal->next = pending;
	pending = removal;
	npending++;
}

/*
 * Clears the buffer once more when others see the rows gone, and before the keeper may
 * write again: locks are released later than this.
 */
static void
at_transaction_end(XactEvent event, void *arg)
{
	if (pending == NULL)
		return;
	if (event == XACT_EVENT_PRE_PREPARE)
		ereport(
			ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg(
				 "cannot PREPARE a transaction that has called reco_cache_invalidate()"),
			 errhint("Call it in a transaction of its own.")));
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT)
		return;
	if (event == XACT_EVENT_COMMIT)
		for (Removal *removal = pending; removal != NULL; removal = removal->next)
			(void) remove_from_buffer(removal->extension, removal->category,
									  removal->key);
	pending = NULL;
	npending = 0;
}

/* One row per category that has a policy. */
Datum
reco_stat_cache(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	RecoCacheCategory *categories;
	RecoCacheCount *counts;
	int			ncategories;
	int			ncounts;

	InitMaterializedSRF(fcinfo, 0);
	categories = reco_cache_categories(&ncategories);
	counts = reco_cache_count(&ncounts);
	for (int i = 0; i < ncategories; i++)
	{
		static const RecoCacheCount none = {0};
		const RecoCacheCount *rows = &none;

		for (int c = 0; c < ncounts; c++)
			if (strcmp(counts[c].category, categories[i].name) == 0)
				rows = &counts[c];
		put_category(result, &categories[i], rows);
	}
	return (Datum) 0;
}

/* An interval of so many microseconds, in days and hours. */
static Datum
interval_of(int64 us)
{
	Interval   *interval = palloc0(sizeof(Interval));

	interval->day = (int32) (us / USECS_PER_DAY);
	interval->time = us % USECS_PER_DAY;
	return IntervalPGetDatum(interval);
}

static int64
read_counter(pg_atomic_uint64 *counter)
{
	return (int64) pg_atomic_read_u64(counter);
}

/* The columns of a category, in the order of the view. */
static void
put_category(ReturnSetInfo *result, const RecoCacheCategory *category,
			 const RecoCacheCount *rows)
{
	int			number = reco_category_of(category->name);
	Datum		values[NCOLUMNS] = {0};
	bool		nulls[NCOLUMNS] = {0};
	int			n = 0;

	values[n++] = CStringGetTextDatum(category->name);
	nulls[n] = nulls[n + 1] = !reco_logged_can_read(
		reco_snapshot_table(reco_snapshot_source_of(category->name)));
	values[n++] = Int64GetDatum(rows->entries);
	values[n++] = Int64GetDatum(rows->bytes);
	if (number >= 0 && reco_cached_counts != NULL)
	{
		RecoCachedCount *counts = &reco_cached_counts[number];
		int64		entries;
		int64		bytes;
		int64		unwritten;
		int64		hits = read_counter(&counts->hits);
		int64		table_hits = read_counter(&counts->table_hits);
		int64		stale = read_counter(&counts->stale);
		int64		absent = read_counter(&counts->absent);
		int64		misses = read_counter(&counts->misses);
		int64		coalesced = read_counter(&counts->coalesced);
		int64		known = hits + table_hits + stale + absent;

		reco_cached_usage(MyDatabaseId, number, &entries, &bytes, &unwritten);
		values[n++] = Int64GetDatum(entries);
		values[n++] = Int64GetDatum(bytes);
		values[n++] = Int64GetDatum(unwritten);
		values[n++] = Int64GetDatum(hits);
		values[n++] = Int64GetDatum(table_hits);
		values[n++] = Int64GetDatum(stale);
		values[n++] = Int64GetDatum(absent);
		values[n++] = Int64GetDatum(misses);
		values[n++] = Int64GetDatum(coalesced);
		nulls[n] = known + misses == 0;
		values[n++] =
			Float8GetDatum(known + misses == 0 ? 0 : (double) known / (known + misses));

		/* a list that was waited for is a hit, too; artifacts save no calls */
		nulls[n] = number == RECO_CATEGORY_ARTIFACTS;
		values[n++] = Int64GetDatum(hits + table_hits + absent +
									(number < RECO_NOPERATIONS ? coalesced : 0));
		values[n++] = Int64GetDatum(read_counter(&counts->puts));
		values[n++] = Int64GetDatum(read_counter(&counts->dropped));
		values[n++] = Int64GetDatum(read_counter(&counts->evicted));
		values[n++] = Int64GetDatum(read_counter(&counts->table_evicted));
		values[n++] = Int64GetDatum(read_counter(&counts->expired));
	}
	for (; n < NCOLUMNS - 3; n++)
		nulls[n] = true;		/* not preloaded: nothing is counted */
	nulls[n] = rows->oldest == 0;
	values[n++] = TimestampTzGetDatum(rows->oldest);
	values[n++] = interval_of(category->policy.fresh_us);
	values[n++] = interval_of(category->policy.usable_us);
	Assert(n == NCOLUMNS && n == result->setDesc->natts);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* Sets the counters to 0; what is kept stays. */
void
reco_cache_stats_reset(void)
{
	for (int c = 0; reco_cached_counts != NULL && c < RECO_NCATEGORIES; c++)
		for (int i = 0; i < RECO_CACHED_NCOUNTERS; i++)
			pg_atomic_write_u64(reco_cached_counters(c) + i, 0);
}
