/*-------------------------------------------------------------------------
 *
 * record_find.c
 *	  The record of a run: finding it.
 *
 * Purpose: see record.h.
 * Runs in: any process with a database.
 * Locks:	the buffer's; those of the table's statements.
 * Never:	show a run to who may not see it.
 *
 *-------------------------------------------------------------------------
 */
#include "record.h"

#include "access/xlog.h"
#include "catalog/pg_authid.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "shmem/cached.h"
#include "shmem/cached_use.h"
#include "source/remote.h"
#include "store/run.h"
#include "utils/acl.h"
#include "utils/timestamp.h"

/* Whoever may read all statistics may see the records of others, too. */
static bool
is_visible(Jsonb *record)
{
	RecoRecordOwner owner;

	return record != NULL && reco_record_owner(record, &owner) &&
		(owner.role == GetUserId() || has_privs_of_role(GetUserId(), ROLE_PG_MONITOR));
}

/*
 * Looks into the buffer first: what is not there any more is committed, and seen by the
 * snapshot that is taken then.
 */
Jsonb *
reco_record_find(int64 run_id, Oid extension)
{
	char		key[RECO_RECORD_KEYSIZE];
	TimestampTz started;
	Jsonb	   *record;
	ListCell   *cell;

	reco_record_key(run_id, key);
	record = reco_record_get(extension, key, &started);
	if (record != NULL)
		return record;

	/* several nodes, or two backends in a millisecond, may have made one id twice */
	foreach (cell, reco_run_read(run_id))
		if (is_visible(lfirst(cell)))
			return lfirst(cell);
	return NULL;
}

Jsonb *
reco_record_get(Oid extension, const char *key, TimestampTz *started)
{
	RecoCachedKey looked_for = {MyDatabaseId, extension, RECO_CATEGORY_RUN, key};
	RecoCachedValue value;
	Jsonb	   *record;

	if (!reco_cached_get(&looked_for, &value) || value.absent)
		return NULL;
	*started = value.fetched_at;
	record = reco_record_parse(
		GetDatabaseEncoding() == PG_UTF8 ? value.value : reco_remote_text(value.value));
	return is_visible(record) ? record : NULL;
}

int
reco_record_lately(Oid extension, char ***keys)
{
	RecoCachedKey of = {MyDatabaseId, extension, RECO_CATEGORY_RUN, NULL};
	int			n;

	*keys = reco_cached_keys(&of, RecoveryInProgress() ? 0 : GetCurrentTimestamp(), &n);
	return n;
}
