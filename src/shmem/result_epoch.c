/*-------------------------------------------------------------------------
 *
 * result_epoch.c
 *	  When results became invalid: for all of a database, and by listener.
 *
 * Purpose: see result_epoch.h. Places are found by a hash of database and listener; a
 *			database as a whole has a place of its own.
 * Runs in: any process that has the library preloaded.
 * Locks:	none.
 * Never:	throw: this runs after commits.
 *
 *-------------------------------------------------------------------------
 */
#include "result_epoch.h"

#include "common/hashfn.h"
#include "port/atomics.h"
#include "utils/timestamp.h"

#define NPLACES		4096

typedef struct Place
{
	pg_atomic_uint64 epoch;
	pg_atomic_uint64 moved_at;	/* TimestampTz */
	pg_atomic_uint64 stale_at;	/* TimestampTz */
} Place;

static Place *places = NULL;	/* NPLACES by listener, then as many by database */

Size
reco_result_epochs_size(void)
{
	return CACHELINEALIGN(sizeof(Place) * 2 * NPLACES);
}

/* Fills the places in. */
void
reco_result_epochs_attach(char *memory, bool fresh)
{
	places = (Place *) memory;
	for (int i = 0; fresh && i < 2 * NPLACES; i++)
	{
		pg_atomic_init_u64(&places[i].epoch, 1);
		pg_atomic_init_u64(&places[i].moved_at, 0);
		pg_atomic_init_u64(&places[i].stale_at, 0);
	}
}

static Place *
place_of(Oid database, const char *user_id)
{
	uint64 hash = user_id == NULL ? hash_bytes_uint32_extended(database, 0)
								  : hash_bytes_extended((const unsigned char *) user_id,
														(int) strlen(user_id), database);

	return &places[hash % NPLACES + (user_id == NULL ? NPLACES : 0)];
}

/* Reads the state. */
void
reco_result_epoch_read(Oid database, const char *user_id, RecoResultEpoch *epoch)
{
	Place	   *all = place_of(database, NULL);
	Place	   *listener = place_of(database, user_id);

	epoch->all = pg_atomic_read_u64(&all->epoch);
	epoch->listener = pg_atomic_read_u64(&listener->epoch);
	pg_read_barrier();
	epoch->moved_at = Max((TimestampTz) pg_atomic_read_u64(&all->moved_at),
						  (TimestampTz) pg_atomic_read_u64(&listener->moved_at));
	epoch->stale_at = (TimestampTz) pg_atomic_read_u64(&listener->stale_at);
}

/*
 * Moves an epoch. The time goes first: who reads the new epoch reads the new time, and
 * knows that an older snapshot does not see what moved it.
 */
void
reco_result_epoch_move(Oid database, const char *user_id)
{
	Place	   *place = place_of(database, user_id);

	pg_atomic_write_u64(&place->moved_at, (uint64) GetCurrentTimestamp());
	pg_write_barrier();
	pg_atomic_fetch_add_u64(&place->epoch, 1);
}

void
reco_result_epoch_age(Oid database, const char *user_id)
{
	pg_atomic_write_u64(&place_of(database, user_id)->stale_at,
						(uint64) GetCurrentTimestamp());
}
