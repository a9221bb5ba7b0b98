/*-------------------------------------------------------------------------
 *
 * patience.c
 *	  Reading our tables without waiting for who has locked them.
 *
 * Purpose: see patience.h. Locks are asked for conditionally, again and again while
 *			there is patience, so nothing stands in a lock's queue, no setting is changed
 *			and nothing is thrown. What was locked is remembered for the transaction.
 * Runs in: any process with a database and a transaction.
 * Locks:	AccessShareLock on tables, what is behind them, and their indexes.
 * Never:	wait longer than a cancel may take.
 *
 *-------------------------------------------------------------------------
 */
#include "patience.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/timestamp.h"

#define LONGEST_NAP_MS	8

static const char *const names[RECO_NTABLES] = {
	[RECO_TABLE_TRACK] = "track",
	[RECO_TABLE_ARTIST] = "artist",
	[RECO_TABLE_MOOD_TERM] = "mood_term",
	[RECO_TABLE_CHANGE] = "change",
	[RECO_TABLE_LISTEN] = "listen",
	[RECO_TABLE_FEEDBACK] = "feedback",
	[RECO_TABLE_LISTENER_TOKEN] = "listener_token",
	[RECO_TABLE_CACHE] = "cache",
	[RECO_TABLE_CACHE_POLICY] = "cache_policy",
	[RECO_TABLE_ID_REGISTRY] = "id_registry",
	[RECO_TABLE_DENY_LIST] = "deny_list",
	[RECO_TABLE_LIMIT_STATE] = "limit_state",
};

/* Who is patient in this process; depth 0 = nobody. */
static struct
{
	int			depth;
	int			level;			/* of the transaction in which it began */
	int64		left_us;
	uint32		missed;
	int			refusals;
}			patience;

/* What this transaction has locked. */
static uint32 locked = 0;

static void watch(void);
static uint32 try_all(uint32 tables);
static bool note(uint32 refused);
static bool lock_table(RecoTable table);
static bool lock_whole(Oid relid, Oid *toast);
static bool nap(int *ms);

/* Begins to be patient. */
void
reco_patience_begin(int64 us)
{
	if (patience.depth++ > 0)
		return;
	watch();
	patience.level = GetCurrentTransactionNestLevel();
	patience.left_us = LockTimeout > 0 ? Min(us, (int64) LockTimeout * 1000) : us;
	patience.missed = 0;
	patience.refusals = 0;
}

void
reco_patience_end(void)
{
	Assert(patience.depth > 0);
	patience.depth--;
}

uint32
reco_patience_missed(void)
{
	return patience.depth > 0 ? patience.missed : 0;
}

int
reco_patience_refusals(void)
{
	return patience.depth > 0 ? patience.refusals : 0;
}

const char *
reco_table_name(RecoTable table)
{
	return names[table];
}

/* Locks tables to read, waiting while there is patience. */
bool
reco_patience_lock(uint32 tables)
{
	int			ms = 1;
	uint32		refused;

	if (patience.depth == 0)
		return true;
	while ((refused = try_all(tables)) != 0)
		if (!nap(&ms))
			return note(refused);
	return true;
}

/* Locks tables to read, at once or not. */
bool
reco_patience_try(uint32 tables)
{
	return note(try_all(tables));
}

uint32
reco_patience_hold(uint32 tables)
{
	return try_all(tables);
}

/* Locks what can be locked now, and tells what cannot. */
static uint32
try_all(uint32 tables)
{
	uint32		left = tables & ~locked;
	uint32		refused = 0;

	if (left == 0)
		return 0;
	watch();
	for (int t = 0; t < RECO_NTABLES; t++)
	{
		if (((left >> t) & 1) == 0)
			continue;
		if (lock_table(t))
			locked |= (uint32) 1 << t;
		else
			refused |= (uint32) 1 << t;
	}
	return refused;
}

/* Notes which tables could not be had; true = none. */
static bool
note(uint32 refused)
{
	if (refused == 0)
		return true;
	patience.missed |= refused;
	patience.refusals++;
	return false;
}

/* Locks a table, what of its values lies elsewhere, and all their indexes. */
static bool
lock_table(RecoTable table)
{
	Oid			relid = get_relname_relid(names[table], get_namespace_oid("reco", true));
	Oid			toast;

	if (!OidIsValid(relid))
		return true;			/* the statement says it better */
	return lock_whole(relid, &toast) && (!OidIsValid(toast) || lock_whole(toast, &toast));
}

static bool
lock_whole(Oid relid, Oid *toast)
{
	Relation	rel;
	List	   *indexes;
	ListCell   *cell;
	bool		all = true;

	if (!ConditionalLockRelationOid(relid, AccessShareLock))
		return false;

	/* it may have been dropped before we had the lock */
	rel = try_relation_open(relid, NoLock);
	if (rel == NULL)
		return false;
	*toast = rel->rd_rel->reltoastrelid;
	indexes = RelationGetIndexList(rel);
	relation_close(rel, NoLock);
	foreach (cell, indexes)
		all = all && ConditionalLockRelationOid(lfirst_oid(cell), AccessShareLock);
	list_free(indexes);
	return all;
}

/* Waits a moment; false = there is no patience left. */
static bool
nap(int *ms)
{
	static uint32 event = 0;
	TimestampTz start = GetCurrentTimestamp();
	int64		left_ms = (patience.left_us + 999) / 1000;

	if (patience.left_us <= 0)
		return false;
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 (long) Min(*ms, left_ms), reco_wait_event(&event, "RecoTable"));
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	patience.left_us -= GetCurrentTimestamp() - start;
	*ms = Min(2 * *ms, LONGEST_NAP_MS);
	return true;
}

/* Nobody is patient any more, nothing is locked: the transaction ends, or failed. */
static void
at_transaction_end(XactEvent event, void *arg)
{
	locked = 0;
	if (event == XACT_EVENT_ABORT)
		patience.depth = 0;
}

/* A run may be in a later transaction than it began in, but outlives none that fails. */
static void
at_subtransaction_end(SubXactEvent event, SubTransactionId mine, SubTransactionId parent,
					  void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	locked = 0;
	if (patience.level >= GetCurrentTransactionNestLevel())
		patience.depth = 0;
}

/* Hears of all that, once registered. */
static void
watch(void)
{
	static bool registered = false;

	if (registered)
		return;
	registered = true;
	RegisterXactCallback(at_transaction_end, NULL);
	RegisterSubXactCallback(at_subtransaction_end, NULL);
}
