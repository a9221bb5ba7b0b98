/*-------------------------------------------------------------------------
 *
 * kept.c
 *	  What is known already, so that no service is asked again.
 *
 * Purpose: see kept.h. The buffer is looked into first; what only the table has is put
 *			into the buffer, so that the next reader finds it there, unless an older
 *			snapshot may still see what was invalidated since.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of cached.h and of one SELECT.
 * Never:	read the unlogged table on a standby (store/cache.c sees to it).
 *
 *-------------------------------------------------------------------------
 */
#include "kept.h"

#include "access/xact.h"
#include "guc.h"
#include "miscadmin.h"
#include "remote.h"
#include "shmem/cached.h"
#include "store/cache.h"
#include "store/registry.h"
#include "store/sql.h"
#include "utils/timestamp.h"

#define MOST_AT_HAND	1000	/* rows of one look-up that are put into the buffer */

static const char *suffix_of(const RecoServer *server, RecoOperation operation);
static char *key_of(const RecoKept *kept, const char *key);
static bool is_kept(RecoOperation operation, const char *user_id);
static void count(RecoOperation operation, const RecoKeptAnswer *answer, bool table);
static void take(RecoKeptAnswer *answer, bool absent, const char *value,
				 TimestampTz fresh_until);
static void read_table(const RecoKept *kept, const char *const *keys, int nkeys,
					   RecoKeptAnswer *answers);
static void read_registry(const RecoKept *kept, const char *const *keys, int nkeys,
						  bool missing, RecoKeptAnswer *answers);
static void put_into_buffer(const RecoKept *kept, const char *key,
							const RecoCacheRow *row, const char *value);

/* Finds out how answers are kept. */
void
reco_kept_open(const RecoServer *server, RecoOperation operation, const char *user_id,
			   RecoKept *kept)
{
	RecoCachePolicy policy;

	memset(kept, 0, sizeof(*kept));
	kept->server = server;
	kept->operation = operation;
	if (reco_shared == NULL)
		return;
	kept->wire.extension = reco_sql_extension();
	kept->wire.epoch = reco_cached_epoch(MyDatabaseId);
	kept->wire.prefix = user_id == NULL ? "" : psprintf("%s\x1f", user_id);
	kept->wire.suffix = suffix_of(server, operation);
	if (operation == RECO_OP_RECOMMENDATION && reco_guc_deny_list)
	{
		reco_cache_policy(reco_category_name(RECO_CATEGORY_DENIED), &policy);
		kept->wire.deny_us = policy.fresh_us;
		kept->wire.jitter = policy.jitter;
	}
	if (!is_kept(operation, user_id) ||
		!(operation == RECO_OP_IDS ? reco_guc_id_registry : reco_guc_cache))
		return;
	reco_cache_policy(reco_operation_name(operation), &policy);
	if (policy.fresh_us <= 0)
		return;
	kept->wire.on = true;
	kept->wire.fresh_us = policy.fresh_us;
	kept->wire.usable_us = policy.usable_us;
	kept->wire.absent_us = policy.absent_us;
	kept->wire.jitter = policy.jitter;
}

/* A listener's own answers are kept behind an id without the separating character. */
static bool
is_kept(RecoOperation operation, const char *user_id)
{
	if (reco_operation_is_listeners(operation) &&
		(user_id == NULL || strchr(user_id, 0x1f) != NULL))
		return false;
	return reco_category_is_kept(operation);
}

/*
 * What an answer depends on beside the key: who answered (two servers of a kind may be
 * two worlds), the market, the model. Behind a character that no key has.
 */
static const char *
suffix_of(const RecoServer *server, RecoOperation operation)
{
	const RecoOptions *options = &server->options;

	return psprintf("\x1f%s\x1f%s\x1f%s", options->base_url,
					options->market == NULL ? "" : options->market,
					operation == RECO_OP_COMPLETION ? options->model : "");
}

/* As what a key is kept: whose it is, what it asks for, and what else it depends on. */
static char *
key_of(const RecoKept *kept, const char *key)
{
	return psprintf("%s%.*s%s", kept->wire.prefix,
					(int) reco_operation_key_len(kept->operation, key), key,
					kept->wire.suffix);
}

/* Finds what is known of some keys. */
void
reco_kept_find(const RecoKept *kept, const char *const *keys, int nkeys,
			   RecoKeptAnswer *answers)
{
	const char **missing = palloc(sizeof(char *) * Max(nkeys, 1));
	int		   *place = palloc(sizeof(int) * Max(nkeys, 1));
	int			nmissing = 0;

	memset(answers, 0, sizeof(RecoKeptAnswer) * nkeys);
	for (int i = 0; kept->wire.on && i < nkeys; i++)
	{
		RecoCachedKey key = {MyDatabaseId, kept->wire.extension, kept->operation,
							 key_of(kept, keys[i])};
		RecoCachedValue value;

		if (reco_cached_get(&key, &value))
		{
			take(&answers[i], value.absent, value.value, value.fresh_until);
			count(kept->operation, &answers[i], false);
			continue;
		}
		place[nmissing] = i;
		missing[nmissing++] = key.key;
	}
	if (nmissing > 0 && IsTransactionState())
	{
		RecoKeptAnswer *rest = palloc0(sizeof(RecoKeptAnswer) * nmissing);

		read_table(kept, missing, nmissing, rest);
		for (int i = 0; i < nmissing; i++)
		{
			answers[place[i]] = rest[i];
			count(kept->operation, &rest[i], true);
		}
	}
	pfree(missing);
	pfree(place);
}

/* Makes an entry or a row an answer. */
static void
take(RecoKeptAnswer *answer, bool absent, const char *value, TimestampTz fresh_until)
{
	answer->found = true;
	answer->absent = absent;
	answer->origin =
		fresh_until > GetCurrentTimestamp() ? RECO_ORIGIN_CACHED : RECO_ORIGIN_STALE;
	answer->value = absent ? NULL : value;
	answer->len = absent ? 0 : strlen(value);
}

static void
count(RecoOperation operation, const RecoKeptAnswer *answer, bool table)
{
	RecoCachedCount *counts = &reco_cached_counts[operation];

	pg_atomic_fetch_add_u64(!answer->found ? &counts->misses
								: answer->absent					  ? &counts->absent
								: answer->origin == RECO_ORIGIN_STALE ? &counts->stale
								: table ? &counts->table_hits
										: &counts->hits,
							1);
}

/* A key in the database's encoding, and which one it is. */
typedef struct Place
{
	const char *key;
	int			at;
} Place;

static int
by_key(const void *a, const void *b)
{
	return strcmp(((const Place *) a)->key, ((const Place *) b)->key);
}

/* Reads what only the table has. */
static void
read_table(const RecoKept *kept, const char *const *keys, int nkeys,
		   RecoKeptAnswer *answers)
{
	const char **own;
	Place	   *places;
	RecoCacheRow *rows;
	int			nrows;
	bool		shared = reco_sql_sees(reco_cached_moved_at(MyDatabaseId));

	if (kept->operation == RECO_OP_IDS)
	{
		read_registry(kept, keys, nkeys, false, answers);
		return;
	}
	own = palloc(sizeof(char *) * nkeys);
	places = palloc(sizeof(Place) * nkeys);
	for (int i = 0; i < nkeys; i++)
	{
		own[i] = places[i].key = reco_remote_text(keys[i]);
		places[i].at = i;
	}
	qsort(places, nkeys, sizeof(Place), by_key);
	rows = reco_cache_read(reco_operation_name(kept->operation), own, nkeys, &nrows);
	for (int r = 0; r < nrows; r++)
	{
		Place		looked_for = {rows[r].key, 0};
		Place	   *found = bsearch(&looked_for, places, nkeys, sizeof(Place), by_key);
		const char *value = rows[r].absent ? NULL : reco_remote_key(rows[r].value);

		/* two keys can be one in this database's encoding */
		while (found != NULL && found > places && by_key(found - 1, &looked_for) == 0)
			found--;
		for (; found != NULL && found < places + nkeys && by_key(found, &looked_for) == 0;
			 found++)
		{
			take(&answers[found->at], rows[r].absent, value, rows[r].fresh_until);
			if (shared && r < MOST_AT_HAND)
				put_into_buffer(kept, keys[found->at], &rows[r], value);
		}
	}
	pfree(own);
	pfree(places);
}

/* Reads what only the registry has; with 'missing' only which ids are missing. */
static void
read_registry(const RecoKept *kept, const char *const *keys, int nkeys, bool missing,
			  RecoKeptAnswer *answers)
{
	const char **ids = palloc(sizeof(char *) * nkeys);
	RecoRegistryRow *rows;
	int			nrows;
	bool		shared = reco_sql_sees(reco_cached_moved_at(MyDatabaseId));

	for (int i = 0; i < nkeys; i++)
		ids[i] = pnstrdup(keys[i], strlen(keys[i]) - strlen(kept->wire.suffix));
	rows =
		reco_registry_read(ids, nkeys, kept->server->options.base_url, missing, &nrows);
	for (int r = 0; r < nrows; r++)
	{
		const RecoCacheRow *row = &rows[r].row;

		take(&answers[rows[r].nth], row->absent, row->value, row->fresh_until);
		if (shared && r < MOST_AT_HAND)
			put_into_buffer(kept, keys[rows[r].nth], row, row->value);
	}
	pfree(ids);
}

/* Says which ids are known to be missing. */
bool *
reco_kept_missing(const RecoServer *server, const char *const *ids, int nids)
{
	bool	   *missing = palloc0(sizeof(bool) * Max(nids, 1));
	const char **keys = palloc(sizeof(char *) * Max(nids, 1));
	int		   *place = palloc(sizeof(int) * Max(nids, 1));
	RecoKeptAnswer *answers = palloc0(sizeof(RecoKeptAnswer) * Max(nids, 1));
	int			n = 0;
	RecoKept	kept;

	reco_kept_open(server, RECO_OP_IDS, NULL, &kept);
	for (int i = 0; kept.wire.on && i < nids; i++)
	{
		RecoCachedKey key = {MyDatabaseId, kept.wire.extension, RECO_OP_IDS,
							 psprintf("%s%s", ids[i], kept.wire.suffix)};
		RecoCachedValue value;

		if (!reco_is_spotify_id(ids[i], strlen(ids[i])))
			continue;
		if (reco_cached_get(&key, &value))
			missing[i] = value.absent;
		else
		{
			place[n] = i;
			keys[n++] = key.key;
		}
	}
	if (n > 0 && IsTransactionState())
		read_registry(&kept, keys, n, true, answers);
	for (int i = 0; i < n; i++)
		missing[place[i]] = answers[i].found && answers[i].absent;

	/* each of them is a question less */
	for (int i = 0; kept.wire.on && i < nids; i++)
		if (missing[i])
			pg_atomic_fetch_add_u64(&reco_cached_counts[RECO_OP_IDS].absent, 1);
	pfree(keys);
	pfree(place);
	pfree(answers);
	return missing;
}

static void
put_into_buffer(const RecoKept *kept, const char *key, const RecoCacheRow *row,
				const char *value)
{
	RecoCachedKey cached = {MyDatabaseId, kept->wire.extension, kept->operation, key};
	RecoCachedValue entry = {
		.absent = row->absent,
		.fetched_at = row->fetched_at,
		.fresh_until = row->fresh_until,
		.usable_until = row->usable_until,
		.value = value,
		.len = value == NULL ? 0 : strlen(value)
	};

	(void) reco_cached_put(&cached, &entry, true, kept->wire.epoch);
}
