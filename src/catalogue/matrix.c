/*-------------------------------------------------------------------------
 *
 * matrix.c
 *	  The catalogue in memory: which one is at hand, looking up in it.
 *
 * Purpose: see matrix.h.
 * Runs in: any process with a database.
 * Locks:	that of shmem/matrix_shared.h; AccessShareLock on reco.track.
 * Never:	wait for another process; keep two whole copies where one will do.
 *
 * A backend has at most one mapping of the shared matrix that is not in use, and no copy
 * of its own once the shared one is of the state that it sees. A mapping of an older one
 * costs no memory: whoever made the newer one has given it back (matrix_shared.c).
 *
 *-------------------------------------------------------------------------
 */
#include "matrix.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "change.h"
#include "miscadmin.h"
#include "shmem/database.h"
#include "shmem/matrix_shared.h"
#include "storage/bufmgr.h"
#include "store/patience.h"
#include "store/sql.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* Blocks of reco.track below which it is read in a moment: about 20,000 rows. */
#define SMALL_BLOCKS	1024
#define MOST_FAILURES	3		/* of the keeper in a row: then it is not waited for */

/* The shared one as it is mapped here; our own: the one in use, one that was cut. */
static RecoMatrix *shared = NULL;
static RecoMatrix *current = NULL;
static RecoMatrix *loading = NULL;
static bool passing = false;	/* our own is for this transaction only */

static RecoMatrix *acquire_any(void);
static RecoMatrix *take_any(RecoMatrix *held, RecoMatrixState *state);
static RecoMatrix *acquire_shared(void);
static uint64 learned_token(void);
static void unmap(RecoMatrix *matrix);
static bool is_refreshed(void);
static bool own_is_of(uint64 token, uint64 learned);
static RecoMatrix *acquire_own(uint64 token, TimestampTz give_up, RecoMatrixState *state);
static bool is_small(void);
static void forget_own(void);
static void drop(RecoMatrix *matrix);
static void note_own(void);
static void watch(void);

static RecoMatrixState
state_of(const RecoMatrix *common, uint64 token)
{
	return common->exact && common->token == token ? RECO_MATRIX_EXACT
												   : RECO_MATRIX_BEHIND;
}

/* Returns the catalogue. */
RecoMatrix *
reco_matrix_acquire(TimestampTz give_up, bool exact, RecoMatrixState *state)
{
	uint64		token;
	bool		known = reco_change_read("catalogue", &token);
	RecoMatrix *common = acquire_shared();
	RecoMatrix *own;

	if (!known)
		return common != NULL ? take_any(common, state) : take_any(acquire_any(), state);
	if (common != NULL)
	{
		*state = state_of(common, token);
		if (*state == RECO_MATRIX_EXACT)
		{
			forget_own();
			return common;
		}

		/* an ERROR must not leave it held */
		reco_matrix_release(common);
		if (!(exact || own_is_of(token, learned_token()) || reco_change_is_mine() ||
			  is_small() || !is_refreshed()))
		{
			common = acquire_shared();
			if (common != NULL)
			{
				*state = state_of(common, token);
				return common;
			}
		}
		passing = !is_small();
	}
	else
		passing = false;

	own = acquire_own(token, give_up, state);
	if (*state == RECO_MATRIX_PART)
	{
		/* a whole one beats a part */
		common = acquire_shared();
		if (common != NULL)
		{
			reco_matrix_release(own);
			*state = state_of(common, token);
			return common;
		}
	}
	return own;
}

/* Our own as far as there is one, held; an empty one where there is none. */
static RecoMatrix *
acquire_any(void)
{
	RecoMatrix *own = current;

	if (own == NULL)
	{
		own = reco_matrix_begin(0, 0);
		reco_matrix_finish(own);
	}
	own->holders++;
	return own;
}

/* Says of what is held how it stands to a state that nobody can tell. */
static RecoMatrix *
take_any(RecoMatrix *held, RecoMatrixState *state)
{
	*state =
		held->lease != NULL || held->complete ? RECO_MATRIX_BEHIND : RECO_MATRIX_PART;
	return held;
}

/* Gives a matrix back. */
void
reco_matrix_release(RecoMatrix *matrix)
{
	Assert(matrix->holders > 0);
	if (--matrix->holders > 0)
		return;
	if (matrix->lease != NULL)
	{
		reco_matrix_lease_return(matrix->lease);
		if (matrix != shared)
			unmap(matrix);
	}
	else if (matrix != current && matrix != loading)
		drop(matrix);
}

static void
release_callback(void *arg)
{
	reco_matrix_release(arg);
}

/* Makes the release part of the end of a memory context. */
void
reco_matrix_hold_until(RecoMatrix *matrix, MemoryContext context)
{
	MemoryContextCallback *callback =
		MemoryContextAlloc(context, sizeof(MemoryContextCallback));

	callback->func = release_callback;
	callback->arg = matrix;
	MemoryContextRegisterResetCallback(context, callback);
}

/* The shared matrix as it is now, held; NULL = there is none. */
static RecoMatrix *
acquire_shared(void)
{
	RecoMatrixLease *lease;
	RecoMatrix *matrix;
	Oid			extension;

	if (!reco_matrix_is_shareable())
	{
		if (shared != NULL && shared->holders == 0)
			unmap(shared);
		return NULL;
	}
	extension = reco_sql_extension();
	if (shared != NULL && shared->holders > 0 &&
		reco_matrix_lease_is_current(shared->lease, extension))
	{
		shared->holders++;
		return shared;
	}
	if (shared != NULL && shared->holders == 0)
	{
		if (reco_matrix_lease_renew(shared->lease, extension))
		{
			shared->holders = 1;
			return shared;
		}
		unmap(shared);
	}
	shared = NULL;				/* who holds it still has it */

	matrix = MemoryContextAllocZero(TopMemoryContext, sizeof(RecoMatrix));
	lease = reco_matrix_lease_new(extension);
	if (lease == NULL)
	{
		pfree(matrix);
		return NULL;
	}
	reco_matrix_image_read(reco_matrix_lease_area(lease), matrix);
	matrix->lease = lease;
	matrix->holders = 1;
	shared = matrix;
	return shared;
}

static void
unmap(RecoMatrix *matrix)
{
	if (matrix == shared)
		shared = NULL;
	reco_matrix_lease_end(matrix->lease);
	pfree(matrix);
}

/* Is there a keeper, or will there be one soon? */
static bool
is_refreshed(void)
{
	int			failures = 0;

	if (reco_database_keeper(MyDatabaseId) == 0)
		(void) reco_database_state(MyDatabaseId, &failures);
	return failures <= MOST_FAILURES;
}

/* What a copy of our own has of services' facts, if it is made now. */
static uint64
learned_token(void)
{
	uint64		token;

	(void) reco_change_read(RECO_CHANGE_LEARNED, &token);
	return token;
}

/* Have we a whole copy of a state of the catalogue? */
static bool
own_is_of(uint64 token, uint64 learned)
{
	return current != NULL && current->token == token && current->learned == learned &&
		current->complete;
}

/* A copy of our own as the current snapshot sees the catalogue, held. */
static RecoMatrix *
acquire_own(uint64 token, TimestampTz give_up, RecoMatrixState *state)
{
	uint64		learned = learned_token();
	bool		complete;

	*state = RECO_MATRIX_EXACT;
	if (own_is_of(token, learned))
	{
		current->holders++;
		return current;
	}

	/* somebody reads a half-loaded one: leave it to them; an ERROR cut a page */
	if (loading != NULL &&
		(loading->token != token || loading->learned != learned || loading->holders > 0 ||
		 loading->torn))
	{
		RecoMatrix *old = loading;

		loading = NULL;
		if (old->holders == 0)
			drop(old);
	}
	watch();
	if (loading == NULL)
		loading = reco_matrix_begin(token, learned);

	complete = reco_matrix_load(loading, give_up);
	note_own();
	if (!complete)
		*state = RECO_MATRIX_PART;
	if (!complete && current != NULL && current->complete)
	{
		current->holders++;		/* yesterday's catalogue beats half of today's */
		return current;
	}
	reco_matrix_finish(loading);
	loading->complete = complete;
	if (current != NULL && current != loading && current->holders == 0)
		drop(current);
	current = loading;
	if (complete)
		loading = NULL;
	current->holders++;
	note_own();
	return current;
}

/* Is the catalogue so small that reading all of it takes no time worth a word? */
static bool
is_small(void)
{
	Oid			relid = get_relname_relid("track", get_namespace_oid("reco", false));
	Relation	rel;
	BlockNumber blocks;

	if (!reco_patience_lock(RECO_READS(TRACK)))
		return false;
	rel = table_open(relid, AccessShareLock);
	blocks = RelationGetNumberOfBlocks(rel);
	table_close(rel, NoLock);
	return blocks < SMALL_BLOCKS;
}

/* Drops our own copies but those that somebody holds. */
static void
forget_own(void)
{
	if (current != NULL && current->holders == 0)
		drop(current);
	if (loading != NULL && loading->holders == 0)
		drop(loading);
	note_own();
}

static void
drop(RecoMatrix *matrix)
{
	if (matrix == current)
		current = NULL;
	if (matrix == loading)
		loading = NULL;
	reco_matrix_drop(matrix);
}

Size
reco_matrix_own_bytes(void)
{
	Size		bytes = 0;

	if (current != NULL)
		bytes += MemoryContextMemAllocated(current->context, true);
	if (loading != NULL && loading != current)
		bytes += MemoryContextMemAllocated(loading->context, true);
	return bytes;
}

/* Tells the view what our own copies take. */
static void
note_own(void)
{
	reco_matrix_note_own(reco_matrix_own_bytes());
}

/* What was made for one transaction goes with it. */
static void
at_transaction_end(XactEvent event, void *arg)
{
	if (!passing || (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT))
		return;
	passing = false;
	forget_own();
}

static void
watch(void)
{
	static bool registered = false;

	if (!registered)
		RegisterXactCallback(at_transaction_end, NULL);
	registered = true;
}

/* Finds an artist by id. */
uint32
reco_matrix_artist(const RecoMatrix *matrix, const char *artist_id)
{
	uint32		low = 0;
	uint32		high = matrix->nartists;

	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;
		int			order = strcmp(reco_matrix_artist_id(matrix, middle), artist_id);

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return RECO_NO_ROW;
}

/* Finds a track by its artist's id and its own. */
uint32
reco_matrix_row(const RecoMatrix *matrix, const char *artist_id, const char *track_id)
{
	uint32		artist = reco_matrix_artist(matrix, artist_id);
	uint32		low;
	uint32		high;

	if (artist == RECO_NO_ROW)
		return RECO_NO_ROW;
	low = matrix->artist_first[artist];
	high = matrix->artist_first[artist + 1];
	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;
		int			order = strcmp(reco_matrix_track_id(matrix, middle), track_id);

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return RECO_NO_ROW;
}
