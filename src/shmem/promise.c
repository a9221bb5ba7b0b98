/*-------------------------------------------------------------------------
 *
 * promise.c
 *	  Listeners' new refresh tokens, until they are written.
 *
 * Purpose: see promise.h. A table of as many places as there are slots, since a question
 *			brings one new token at most; and a short list of those whom the gateway
 *			shall forget.
 * Runs in: any process that has the library preloaded.
 * Locks:	'lock' for all fields. Latches are set after it is released.
 * Never:	take a place from a promise that is not kept.
 *
 *-------------------------------------------------------------------------
 */
#include "promise.h"

#include "guc.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "shared.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "upstream/buffer.h"

#define MOST_FORGOTTEN	64		/* of more, all are forgotten */
#define LOOK_MS			200		/* while waiting: whether a keeper is there */

typedef struct Promises
{
	LWLock		lock;
	pg_atomic_uint32 used;		/* places */
	pg_atomic_uint32 nforgotten;
	uint64		version;		/* the last one that was given */
	RecoForgotten forgotten[MOST_FORGOTTEN];
	ConditionVariable kept;
	RecoPromise place[FLEXIBLE_ARRAY_MEMBER];
} Promises;

static Promises *promises = NULL;

static RecoPromise *find(Oid database, const char *server, const char *user_id);
static void give_back(RecoPromise *promise);
static void tell_gateway(Oid database, const char *server, const char *user_id);

Size
reco_promises_size(void)
{
	return CACHELINEALIGN(
		add_size(offsetof(Promises, place),
				 mul_size(reco_guc_gateway_slots, sizeof(RecoPromise))));
}

/* Fills the table in. */
void
reco_promises_attach(char *memory, bool fresh, int tranche)
{
	promises = (Promises *) memory;
	if (!fresh)
		return;
	memset(memory, 0, reco_promises_size());
	LWLockInitialize(&promises->lock, tranche);
	pg_atomic_init_u32(&promises->used, 0);
	pg_atomic_init_u32(&promises->nforgotten, 0);
	ConditionVariableInit(&promises->kept);
}

/* Promises a token. */
RecoPromiseEnd
reco_promise_put(const RecoPromiseKey *key, const char *token)
{
	RecoPromise *promise;

	if (reco_shared == NULL)
		return RECO_PROMISE_NO_ROOM;
	if (strlen(token) >= RECO_PROMISE_TOKEN ||
		strlen(key->user_id) >= RECO_PROMISE_USER ||
		strlen(key->server) >= RECO_PROMISE_SERVER)
		return RECO_PROMISE_TOO_LONG;
	LWLockAcquire(&promises->lock, LW_EXCLUSIVE);
	promise = find(key->database, key->server, key->user_id);
	for (int i = 0; promise == NULL && i < reco_shared->nslots; i++)
		if (!OidIsValid(promises->place[i].database))
		{
			promise = &promises->place[i];
			pg_atomic_fetch_add_u32(&promises->used, 1);
		}
	if (promise != NULL)
	{
		promise->database = key->database;
		promise->extension = key->extension;
		promise->consent = key->consent;
		promise->version = ++promises->version;
		strlcpy(promise->server, key->server, sizeof(promise->server));
		strlcpy(promise->user_id, key->user_id, sizeof(promise->user_id));
		reco_wipe(promise->token, sizeof(promise->token));
		strlcpy(promise->token, token, sizeof(promise->token));
	}
	LWLockRelease(&promises->lock);
	if (promise == NULL)
		return RECO_PROMISE_NO_ROOM;
	reco_database_wake(key->database);
	return RECO_PROMISE_MADE;
}

/* Finds a token that waits. */
char *
reco_promise_get(const RecoPromiseKey *key)
{
	char	   *token;
	RecoPromise *promise;
	bool		found;

	if (reco_shared == NULL || pg_atomic_read_u32(&promises->used) == 0)
		return NULL;
	token = palloc0(RECO_PROMISE_TOKEN);
	LWLockAcquire(&promises->lock, LW_SHARED);
	promise = find(key->database, key->server, key->user_id);
	found = promise != NULL && promise->extension == key->extension &&
		promise->consent == key->consent;
	if (found)
		strlcpy(token, promise->token, RECO_PROMISE_TOKEN);
	LWLockRelease(&promises->lock);
	if (found)
		return token;
	pfree(token);
	return NULL;
}

int
reco_promises_waiting(Oid database)
{
	int			n = 0;

	if (reco_shared == NULL || pg_atomic_read_u32(&promises->used) == 0)
		return 0;
	LWLockAcquire(&promises->lock, LW_SHARED);
	for (int i = 0; i < reco_shared->nslots; i++)
		n += promises->place[i].database == database;
	LWLockRelease(&promises->lock);
	return n;
}

/* Copies some. */
int
reco_promises_take(Oid database, Oid extension, RecoPromise *taken, int most)
{
	int			n = 0;

	LWLockAcquire(&promises->lock, LW_EXCLUSIVE);
	for (int i = 0; i < reco_shared->nslots && n < most; i++)
	{
		RecoPromise *promise = &promises->place[i];

		if (promise->database != database)
			continue;
		if (promise->extension == extension)
			taken[n++] = *promise;
		else
			give_back(promise);
	}
	LWLockRelease(&promises->lock);
	return n;
}

/* Gives a place back, unless it has another token by now. */
void
reco_promise_kept(const RecoPromise *kept)
{
	RecoPromise *promise;

	LWLockAcquire(&promises->lock, LW_EXCLUSIVE);
	promise = find(kept->database, kept->server, kept->user_id);
	if (promise != NULL && promise->version == kept->version)
		give_back(promise);
	LWLockRelease(&promises->lock);
	ConditionVariableBroadcast(&promises->kept);
}

/* Waits until a token is written. */
bool
reco_promise_wait(const RecoPromiseKey *key, int64 until)
{
	static uint32 wait_event = 0;
	uint32		event = reco_wait_event(&wait_event, "RecoPromiseKept");
	bool		waits = true;

	ConditionVariablePrepareToSleep(&promises->kept);
	for (;;)
	{
		int64		ms = (until - reco_now_us() + 999) / 1000;
		RecoPromise *promise;

		LWLockAcquire(&promises->lock, LW_SHARED);
		promise = find(key->database, key->server, key->user_id);
		waits = promise != NULL && promise->consent == key->consent;
		LWLockRelease(&promises->lock);
		if (!waits || ms <= 0 || reco_database_keeper(key->database) == 0)
			break;
		(void) ConditionVariableTimedSleep(&promises->kept, Min(ms, LOOK_MS), event);
	}
	ConditionVariableCancelSleep();
	SetLatch(MyLatch);			/* an event may have been for somebody else */
	return !waits;
}

/* Forgets a listener, or all of a database. */
void
reco_promises_forget(Oid database, Oid extension, const char *server, const char *user_id)
{
	if (reco_shared == NULL)
		return;
	LWLockAcquire(&promises->lock, LW_EXCLUSIVE);
	for (int i = 0; i < reco_shared->nslots; i++)
	{
		RecoPromise *promise = &promises->place[i];

		if (promise->database == database &&
			(!OidIsValid(extension) || promise->extension == extension) &&
			(server == NULL || strcmp(promise->server, server) == 0) &&
			(user_id == NULL || strcmp(promise->user_id, user_id) == 0))
			give_back(promise);
	}
	tell_gateway(database, server, user_id);
	LWLockRelease(&promises->lock);
	ConditionVariableBroadcast(&promises->kept);
	reco_gateway_wake();
}

/* Takes one off the list of the forgotten. */
bool
reco_promises_next_forgotten(RecoForgotten *forgotten)
{
	uint32		n;

	if (pg_atomic_read_u32(&promises->nforgotten) == 0)
		return false;
	LWLockAcquire(&promises->lock, LW_EXCLUSIVE);
	n = pg_atomic_read_u32(&promises->nforgotten);
	if (n > 0)
	{
		*forgotten = promises->forgotten[n - 1];
		pg_atomic_write_u32(&promises->nforgotten, n - 1);
	}
	LWLockRelease(&promises->lock);
	return n > 0;
}

static RecoPromise *
find(Oid database, const char *server, const char *user_id)
{
	if (pg_atomic_read_u32(&promises->used) == 0)
		return NULL;
	for (int i = 0; i < reco_shared->nslots; i++)
	{
		RecoPromise *promise = &promises->place[i];

		if (promise->database == database && strcmp(promise->user_id, user_id) == 0 &&
			strcmp(promise->server, server) == 0)
			return promise;
	}
	return NULL;
}

static void
give_back(RecoPromise *promise)
{
	reco_wipe(promise, sizeof(*promise));
	promise->database = InvalidOid;
	pg_atomic_fetch_sub_u32(&promises->used, 1);
}

/* Notes whom the gateway shall forget; when there are too many, everybody. */
static void
tell_gateway(Oid database, const char *server, const char *user_id)
{
	uint32		n = pg_atomic_read_u32(&promises->nforgotten);
	RecoForgotten *forgotten = &promises->forgotten[n < MOST_FORGOTTEN ? n : 0];

	memset(forgotten, 0, sizeof(*forgotten));
	if (n >= MOST_FORGOTTEN)
	{
		pg_atomic_write_u32(&promises->nforgotten, 1);
		return;
	}
	forgotten->database = database;
	if (server != NULL)
		strlcpy(forgotten->server, server, sizeof(forgotten->server));
	if (user_id != NULL)
		strlcpy(forgotten->user_id, user_id, sizeof(forgotten->user_id));
	pg_atomic_write_u32(&promises->nforgotten, n + 1);
}
