/*-------------------------------------------------------------------------
 *
 * cached_database.c
 *	  The buffer's databases: epochs, and how many entries wait to be written.
 *
 * Purpose: see cached_parts.h.
 * Runs in: any process that has the library preloaded, the gateway too.
 * Locks:	'rows', exclusively, to give a row to a database. Rows are read without.
 * Never:	let an epoch come twice, whatever becomes of a row.
 *
 * All databases draw their epochs from one counter, so that a database which lost its
 * row and gets another one is never at an epoch that it was at before.
 *
 *-------------------------------------------------------------------------
 */
#include "cached_parts.h"

#include "utils/timestamp.h"

static int	look_up(Oid database);
static int	claim_row(Oid database);
static bool vacate(RecoCachedRow *row);
static uint64 next_epoch(void);

/* The epoch, for a put later; the database gets a row, so that it can be told. */
uint64
reco_cached_epoch(Oid database)
{
	int			row;

	if (reco_cached_buffer == NULL)
		return 0;
	row = reco_cached_row(database, true);
	return row < 0 ? 0 : pg_atomic_read_u64(&reco_cached_buffer->row[row].epoch);
}

TimestampTz
reco_cached_moved_at(Oid database)
{
	int			row;

	if (reco_cached_buffer == NULL)
		return 0;
	row = reco_cached_row(database, false);
	return row < 0
		? 0
		: (TimestampTz) pg_atomic_read_u64(&reco_cached_buffer->row[row].moved_at);
}

int64
reco_cached_waiting(Oid database)
{
	int			row;

	if (reco_cached_buffer == NULL)
		return 0;
	row = reco_cached_row(database, false);
	return row < 0 ? 0
				   : (int64) pg_atomic_read_u64(&reco_cached_buffer->row[row].waiting);
}

/* Finds the row of a database, or claims one. */
int
reco_cached_row(Oid database, bool claim)
{
	int			row = look_up(database);

	if (row < 0 && claim && OidIsValid(database))
	{
		LWLockAcquire(&reco_cached_buffer->rows, LW_EXCLUSIVE);
		row = look_up(database);
		if (row < 0)
			row = claim_row(database);
		LWLockRelease(&reco_cached_buffer->rows);
	}
	if (row >= 0 && claim)
		pg_atomic_write_u64(&reco_cached_buffer->row[row].used_at, GetCurrentTimestamp());
	return row;
}

/* Counts first, then looks whose row it is: see vacate(). */
bool
reco_cached_row_begin(int row, Oid database)
{
	RecoCachedRow *counted = &reco_cached_buffer->row[row];

	pg_atomic_fetch_add_u64(&counted->waiting, 1);
	if (pg_atomic_read_u32(&counted->database) == database)
		return true;
	reco_cached_row_end(row);
	return false;
}

void
reco_cached_row_end(int row)
{
	uint64 before = pg_atomic_fetch_sub_u64(&reco_cached_buffer->row[row].waiting, 1);

	Assert(before > 0);
	(void) before;
}

/*
 * Compares the epochs. The caller holds the lock of the entry's partition: whoever
 * moves the epoch later than this looks at the partition after that.
 */
bool
reco_cached_row_is_at(int row, Oid database, uint64 epoch)
{
	RecoCachedRow *read = &reco_cached_buffer->row[row];
	uint64		now = pg_atomic_read_u64(&read->epoch);

	pg_read_barrier();
	return pg_atomic_read_u32(&read->database) == database && now <= epoch;
}

/* The time goes first: who reads the new epoch reads the new time. */
void
reco_cached_row_move(Oid database)
{
	LWLockAcquire(&reco_cached_buffer->rows, LW_EXCLUSIVE);
	{
		int			row = look_up(database);

		if (row < 0)
			row = claim_row(database);
		if (row >= 0)
		{
			pg_atomic_write_u64(&reco_cached_buffer->row[row].moved_at,
								(uint64) GetCurrentTimestamp());
			pg_write_barrier();
			pg_atomic_write_u64(&reco_cached_buffer->row[row].epoch, next_epoch());
		}
	}
	LWLockRelease(&reco_cached_buffer->rows);
	pg_memory_barrier();
}

static int
look_up(Oid database)
{
	static int	last = 0;		/* a backend always asks for the same one */

	if (!OidIsValid(database))
		return -1;
	if (pg_atomic_read_u32(&reco_cached_buffer->row[last].database) == database)
		return last;
	for (int i = 0; i < RECO_NDATABASES; i++)
		if (pg_atomic_read_u32(&reco_cached_buffer->row[i].database) == database)
		{
			last = i;
			return i;
		}
	return -1;
}

/*
 * Gives a database a free row, or that of the one which asked least recently and has
 * nothing waiting; -1 = all have.
 */
static int
claim_row(Oid database)
{
	uint64		after = 0;		/* rows up to this time have been tried */

	for (int tries = 0; tries < RECO_NDATABASES; tries++)
	{
		int			best = -1;
		uint64		best_at = PG_UINT64_MAX;

		for (int i = 0; i < RECO_NDATABASES; i++)
		{
			RecoCachedRow *row = &reco_cached_buffer->row[i];
			uint64		at = pg_atomic_read_u64(&row->used_at);

			if (pg_atomic_read_u32(&row->database) == InvalidOid)
				at = 0;
			else if (at <= after || pg_atomic_read_u64(&row->waiting) > 0)
				continue;
			if (best < 0 || at < best_at)
			{
				best = i;
				best_at = at;
			}
		}
		if (best < 0)
			return -1;
		if (vacate(&reco_cached_buffer->row[best]))
		{
			RecoCachedRow *row = &reco_cached_buffer->row[best];

			/*
			 * The epoch is there before anybody finds the row. A row that was another's
			 * knows nothing of what became of this database; one that was nobody's is the
			 * first that this database has.
			 */
			if (pg_atomic_read_u64(&row->epoch) != 0)
				pg_atomic_write_u64(&row->moved_at, (uint64) GetCurrentTimestamp());
			pg_atomic_write_u64(&row->epoch, next_epoch());
			pg_write_barrier();
			pg_atomic_write_u32(&row->database, database);
			return best;
		}
		after = best_at;
	}
	return -1;
}

/*
 * Takes a row from its database, unless an entry waits. Who adds one counts first and
 * then looks whose row it is, we the other way round: one of us sees the other.
 */
static bool
vacate(RecoCachedRow *row)
{
	Oid			database = pg_atomic_exchange_u32(&row->database, InvalidOid);

	if (pg_atomic_read_u64(&row->waiting) == 0)
		return true;
	pg_atomic_write_u32(&row->database, database);
	return false;
}

static uint64
next_epoch(void)
{
	return pg_atomic_add_fetch_u64(&reco_cached_buffer->last_epoch, 1);
}
