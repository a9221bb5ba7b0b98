/*-------------------------------------------------------------------------
 *
 * screen.c
 *	  What is not asked although nobody has the answer: the missing and the denied.
 *
 * Purpose: see screen.h. Both are looked for in the buffer first, where they are from
 *			the moment of the answer on, and then in the tables, all keys at once.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of cached.h and of a SELECT.
 * Never:	put a denial into the buffer that may be this transaction's own.
 *
 *-------------------------------------------------------------------------
 */
#include "screen.h"

#include "access/xact.h"
#include "guc.h"
#include "miscadmin.h"
#include "remote.h"
#include "shmem/cached.h"
#include "store/cache.h"
#include "store/denied.h"
#include "store/sql.h"
#include "upstream/denial.h"
#include "upstream/guard.h"
#include "upstream/list.h"

static void drop_missing(const RecoKept *kept, const char **keys, int nkeys,
						 RecoScreened *screened);
static bool without(const RecoList *list, const bool *missing, char **key);
static const char **denied(const RecoKept *kept, const char *const *requests,
						   int nrequests);
static const char *denied_in_buffer(const RecoKept *kept, const char *hash);
static void put_into_buffer(const RecoKept *kept, const char *hash,
							const RecoDeniedRow *row);
static void count(const char *reason, bool table);

/* Looks at questions for recommendations. */
void
reco_screen_lists(const RecoKept *kept, const char **keys, int nkeys,
				  RecoScreened *screened)
{
	const char **both;
	const char **reasons;

	memset(screened, 0, sizeof(RecoScreened) * nkeys);
	if (kept->operation != RECO_OP_RECOMMENDATION || reco_shared == NULL)
		return;

	/* a denial holds for what was asked, and for what is left of it */
	both = palloc(sizeof(char *) * 2 * Max(nkeys, 1));
	memcpy(both, keys, sizeof(char *) * nkeys);
	drop_missing(kept, keys, nkeys, screened);
	memcpy(both + nkeys, keys, sizeof(char *) * nkeys);
	reasons = denied(kept, both, 2 * nkeys);
	for (int i = 0; i < nkeys; i++)
	{
		const char *reason = reasons[i] != NULL ? reasons[i] : reasons[nkeys + i];

		if (reason == NULL || screened[i].outcome != RECO_OUTCOME_FRESH)
			continue;
		screened[i].outcome = RECO_OUTCOME_DENIED;
		screened[i].reason = reason;
	}
	pfree(both);
}

/*
 * Takes ids that are known to be missing out of questions. One without any seed left is
 * answered: the service would say that it cannot find any track.
 */
static void
drop_missing(const RecoKept *kept, const char **keys, int nkeys, RecoScreened *screened)
{
	RecoList   *lists = palloc0(sizeof(RecoList) * Max(nkeys, 1));
	int			nids = 0;
	const char **ids;
	bool	   *missing;

	for (int i = 0; i < nkeys; i++)
		if (reco_list_read(keys[i], &lists[i]))
			nids += lists[i].nseeds + lists[i].nnegatives;
	ids = palloc(sizeof(char *) * Max(nids, 1));
	nids = 0;
	for (int i = 0; i < nkeys; i++)
	{
		for (int k = 0; k < lists[i].nseeds; k++)
			ids[nids++] = lists[i].seeds[k];
		for (int k = 0; k < lists[i].nnegatives; k++)
			ids[nids++] = lists[i].negatives[k];
	}
	missing = reco_kept_missing(kept->server, ids, nids);
	nids = 0;
	for (int i = 0; i < nkeys; i++)
	{
		char	   *key = NULL;

		if (lists[i].nseeds > 0 && !without(&lists[i], missing + nids, &key))
			screened[i].outcome = RECO_OUTCOME_ABSENT;
		else if (key != NULL)
			keys[i] = key;
		nids += lists[i].nseeds + lists[i].nnegatives;
		reco_list_free(&lists[i]);
	}
	pfree(lists);
	pfree(ids);
	pfree(missing);
}

/*
 * Makes the key of a list without its missing ids; NULL = none is. False = there is no
 * seed left.
 */
static bool
without(const RecoList *list, const bool *missing, char **key)
{
	int			n = list->nseeds + list->nnegatives;
	const char **ids = palloc(sizeof(char *) * n);
	RecoGuarded guarded = {.seeds = ids, .negatives = ids + list->nseeds, .size = 1};
	RecoBuffer	out = {0};

	for (int i = 0; i < list->nseeds; i++)
		if (!missing[i])
			guarded.seeds[guarded.nseeds++] = list->seeds[i];
	for (int i = 0; i < list->nnegatives; i++)
		if (!missing[list->nseeds + i])
			guarded.negatives[guarded.nnegatives++] = list->negatives[i];
	if (guarded.nseeds + guarded.nnegatives == n)
		return true;
	if (reco_guard_mend(&guarded) & RECO_GUARD_EMPTY)
		return false;
	reco_list_write(&out, guarded.seeds, guarded.nseeds, guarded.negatives,
					guarded.nnegatives, list->rest);
	if (!out.failed)
		*key = pstrdup(out.data);
	reco_buffer_free(&out, false);
	pfree(ids);
	return true;
}

/* Features of what is missing are missing; what was kept of it stays the last word. */
void
reco_screen_features(const RecoKept *kept, const char *const *keys, int nkeys,
					 RecoKeptAnswer *answers)
{
	const char **asked;
	int		   *place;
	bool	   *missing;
	int			n = 0;

	if (kept->operation != RECO_OP_FEATURES || reco_shared == NULL)
		return;
	asked = palloc(sizeof(char *) * Max(nkeys, 1));
	place = palloc(sizeof(int) * Max(nkeys, 1));
	for (int i = 0; i < nkeys; i++)
	{
		if (answers[i].found && answers[i].origin != RECO_ORIGIN_STALE)
			continue;
		place[n] = i;
		asked[n++] = keys[i];
	}
	missing = reco_kept_missing(kept->server, asked, n);
	for (int i = 0; i < n; i++)
	{
		RecoKeptAnswer *answer = &answers[place[i]];

		if (!missing[i])
			continue;
		answer->last = true;
		if (answer->found)
			continue;
		answer->found = answer->absent = true;
		answer->origin = RECO_ORIGIN_CACHED;
	}
	pfree(asked);
	pfree(place);
	pfree(missing);
}

/* Why each of some recommendations is denied. */
const char **
reco_screen_denied(const RecoServer *server, const char *const *requests, int nrequests)
{
	RecoKept	kept;

	reco_kept_open(server, RECO_OP_RECOMMENDATION, NULL, &kept);
	return denied(&kept, requests, nrequests);
}

static const char **
denied(const RecoKept *kept, const char *const *requests, int nrequests)
{
	const char **reasons = palloc0(sizeof(char *) * Max(nrequests, 1));
	const char **hashes = palloc(sizeof(char *) * Max(nrequests, 1));
	int		   *place = palloc(sizeof(int) * Max(nrequests, 1));
	bool		shared;
	int			n = 0;
	int			nrows = 0;
	RecoDeniedRow *rows;

	if (!reco_guc_deny_list || reco_shared == NULL)
		return reasons;
	for (int i = 0; i < nrequests; i++)
	{
		char		hash[RECO_DENIAL_KEY];
		bool		twice = false;

		for (int k = 0; k < i && !twice; k++)
			twice = requests[k] == requests[i];
		if (twice || !reco_denial_key(requests[i], hash))
			continue;
		reasons[i] = denied_in_buffer(kept, hash);
		if (reasons[i] != NULL)
		{
			count(reasons[i], false);
			continue;
		}
		place[n] = i;
		hashes[n++] = pstrdup(hash);
	}
	if (n == 0 || !IsTransactionState())
		return reasons;
	shared = reco_sql_sees(reco_cached_moved_at(MyDatabaseId)) &&
		!TransactionIdIsValid(GetTopTransactionIdIfAny());
	rows = reco_denied_read(hashes, n, kept->server->options.base_url, &nrows);
	for (int r = 0; r < nrows; r++)
	{
		reasons[place[rows[r].nth]] = rows[r].reason;
		if (shared)
			put_into_buffer(kept, hashes[rows[r].nth], &rows[r]);
	}
	for (int i = 0; i < n; i++)
		count(reasons[place[i]], true);
	return reasons;
}

/* Is a key denied by hand, or by the server's refusal, as shared memory knows? */
static const char *
denied_in_buffer(const RecoKept *kept, const char *hash)
{
	const char *suffixes[] = {"", kept->wire.suffix};

	for (int i = 0; i < lengthof(suffixes); i++)
	{
		RecoCachedKey key = {MyDatabaseId, kept->wire.extension, RECO_CATEGORY_DENIED,
							 psprintf("%s%s", hash, suffixes[i])};
		RecoCachedValue value;
		char	   *reason = NULL;
		char	   *request = NULL;
		char	   *copy;

		if (!reco_cached_get(&key, &value) || value.absent)
			continue;
		(void) reco_denial_read(value.value, &reason, &request);
		copy = reco_remote_text(reason == NULL ? "denied" : reason);
		free(reason);
		free(request);
		return copy;
	}
	return NULL;
}

/* Keeps at hand what only the table had. */
static void
put_into_buffer(const RecoKept *kept, const char *hash, const RecoDeniedRow *row)
{
	RecoCachedKey key = {MyDatabaseId, kept->wire.extension, RECO_CATEGORY_DENIED,
						 psprintf("%s%s", hash, row->by_hand ? "" : kept->wire.suffix)};
	RecoCachedValue value = {0};
	RecoBuffer	out = {0};

	reco_denial_write(&out, reco_remote_key(row->reason), reco_remote_key(row->request));
	if (!out.failed)
	{
		value.fetched_at = row->denied_at;
		value.fresh_until = value.usable_until = row->denied_until;
		value.value = out.data;
		value.len = out.len;
		(void) reco_cached_put(&key, &value, true, kept->wire.epoch);
	}
	reco_buffer_free(&out, false);
}

static void
count(const char *reason, bool table)
{
	RecoCachedCount *counts = &reco_cached_counts[RECO_CATEGORY_DENIED];

	pg_atomic_fetch_add_u64(reason == NULL ? &counts->misses
								: table	   ? &counts->table_hits
										   : &counts->hits,
							1);
}
