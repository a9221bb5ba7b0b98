/*-------------------------------------------------------------------------
 *
 * asked.c
 *	  What is asked for most, whoever asks.
 *
 * Purpose: see asked.h. A table of fixed size: a prompt has one of a few places, by its
 *			digest. Where all are taken, the rarest is counted down, and gives way at 0:
 *			so what comes often stays, whatever else comes.
 * Runs in: any process that has the library preloaded.
 * Locks:	'asked' of shared.h.
 * Never:	allocate or throw while it is held.
 *
 *-------------------------------------------------------------------------
 */
#include "asked.h"

#include "common/hashfn.h"
#include "port/atomics.h"
#include "shared.h"
#include "utils/timestamp.h"

#define NPLACES		512
#define WINDOW		8			/* places that a digest may have */
#define HALVED_US	USECS_PER_DAY	/* what nobody took counts half after that */

typedef struct Place
{
	Oid			database;		/* InvalidOid = it is free */
	Oid			extension;
	uint64		digest;
	TimestampTz since;			/* when it was halved last */
	pg_atomic_uint64 last;		/* TimestampTz */
	pg_atomic_uint64 listener;	/* a hash of who asked last */
	pg_atomic_uint32 asked;
	pg_atomic_uint32 hits;
	pg_atomic_uint32 listeners;
	char		prompt[RECO_ASKED_MAXPROMPT + 1];
} Place;

static Place *places = NULL;	/* NPLACES */

static Place *find(Oid database, Oid extension, uint64 digest);
static Place *make_room(uint64 digest);
static void count(Place *place, const char *user_id, bool hit);
static void halve(Place *place, TimestampTz now);

Size
reco_asked_size(void)
{
	return CACHELINEALIGN(sizeof(Place) * NPLACES);
}

/* Fills the places in. */
void
reco_asked_attach(char *memory, bool fresh)
{
	places = (Place *) memory;
	for (int i = 0; fresh && i < NPLACES; i++)
	{
		memset(&places[i], 0, sizeof(Place));
		pg_atomic_init_u64(&places[i].last, 0);
		pg_atomic_init_u64(&places[i].listener, 0);
		pg_atomic_init_u32(&places[i].asked, 0);
		pg_atomic_init_u32(&places[i].hits, 0);
		pg_atomic_init_u32(&places[i].listeners, 0);
	}
}

/* Counts a question. */
void
reco_asked_note(Oid database, Oid extension, uint64 digest, const char *prompt,
				const char *user_id, bool hit)
{
	Place	   *place;

	if (reco_shared == NULL || strlen(prompt) > RECO_ASKED_MAXPROMPT)
		return;
	LWLockAcquire(&reco_shared->asked, LW_SHARED);
	place = find(database, extension, digest);
	if (place != NULL)
		count(place, user_id, hit);
	LWLockRelease(&reco_shared->asked);
	if (place != NULL)
		return;

	LWLockAcquire(&reco_shared->asked, LW_EXCLUSIVE);
	place = find(database, extension, digest);
	if (place == NULL)
	{
		place = make_room(digest);
		if (place != NULL)
		{
			place->database = database;
			place->extension = extension;
			place->digest = digest;
			place->since = GetCurrentTimestamp();
			strlcpy(place->prompt, prompt, sizeof(place->prompt));
			pg_atomic_write_u64(&place->listener, 0);
			pg_atomic_write_u32(&place->asked, 0);
			pg_atomic_write_u32(&place->hits, 0);
			pg_atomic_write_u32(&place->listeners, 0);
		}
	}
	if (place != NULL)
		count(place, user_id, hit);
	LWLockRelease(&reco_shared->asked);
}

static Place *
find(Oid database, Oid extension, uint64 digest)
{
	for (int i = 0; i < WINDOW; i++)
	{
		Place	   *place = &places[(digest + i) % NPLACES];

		if (place->digest == digest && place->database == database &&
			place->extension == extension)
			return place;
	}
	return NULL;
}

/* A free place, or the rarest one's where that was counted down; NULL = not yet. */
static Place *
make_room(uint64 digest)
{
	Place	   *rarest = NULL;
	uint32		least = 0;

	for (int i = 0; i < WINDOW; i++)
	{
		Place	   *place = &places[(digest + i) % NPLACES];
		uint32		asked = pg_atomic_read_u32(&place->asked);

		if (!OidIsValid(place->database))
			return place;
		if (rarest == NULL || asked < least)
		{
			rarest = place;
			least = asked;
		}
	}
	if (least <= 1)
		return rarest;
	pg_atomic_write_u32(&rarest->asked, least - 1);
	return NULL;
}

static void
count(Place *place, const char *user_id, bool hit)
{
	uint64 listener =
		hash_bytes_extended((const unsigned char *) user_id, (int) strlen(user_id), 1) |
		1;

	pg_atomic_fetch_add_u32(&place->asked, 1);
	if (hit)
		pg_atomic_fetch_add_u32(&place->hits, 1);
	if (pg_atomic_exchange_u64(&place->listener, listener) != listener)
		pg_atomic_fetch_add_u32(&place->listeners, 1);
	pg_atomic_write_u64(&place->last, (uint64) GetCurrentTimestamp());
}

/* Copies what was counted for a database. */
RecoAsked *
reco_asked_list(Oid database, Oid extension, int *n)
{
	RecoAsked  *list = palloc(sizeof(RecoAsked) * NPLACES);
	TimestampTz now = GetCurrentTimestamp();

	*n = 0;
	if (reco_shared == NULL)
		return list;
	LWLockAcquire(&reco_shared->asked, LW_EXCLUSIVE);
	for (int i = 0; i < NPLACES; i++)
	{
		Place	   *place = &places[i];
		RecoAsked  *asked = &list[*n];

		if (place->database != database)
			continue;
		if (place->extension != extension)
		{
			place->database = InvalidOid;	/* of an extension that was dropped */
			continue;
		}
		halve(place, now);
		asked->digest = place->digest;
		asked->asked = pg_atomic_read_u32(&place->asked);
		asked->hits = pg_atomic_read_u32(&place->hits);
		asked->listeners = pg_atomic_read_u32(&place->listeners);
		asked->last = (TimestampTz) pg_atomic_read_u64(&place->last);
		strlcpy(asked->prompt, place->prompt, sizeof(asked->prompt));
		if (asked->asked > 0)
			(*n)++;
	}
	LWLockRelease(&reco_shared->asked);
	return list;
}

static void
halve(Place *place, TimestampTz now)
{
	if (now - place->since < HALVED_US)
		return;
	place->since = now;
	pg_atomic_write_u32(&place->asked, pg_atomic_read_u32(&place->asked) / 2);
	pg_atomic_write_u32(&place->hits, pg_atomic_read_u32(&place->hits) / 2);
	pg_atomic_write_u32(&place->listeners, pg_atomic_read_u32(&place->listeners) / 2);
}

static void
subtract(pg_atomic_uint32 *from, uint32 taken)
{
	pg_atomic_write_u32(from,
						pg_atomic_read_u32(from) - Min(taken, pg_atomic_read_u32(from)));
}

/* Subtracts what was written elsewhere. */
void
reco_asked_take(Oid database, Oid extension, const RecoAsked *taken)
{
	Place	   *place;

	LWLockAcquire(&reco_shared->asked, LW_EXCLUSIVE);
	place = find(database, extension, taken->digest);
	if (place != NULL)
	{
		subtract(&place->asked, taken->asked);
		subtract(&place->hits, taken->hits);
		subtract(&place->listeners, taken->listeners);
	}
	LWLockRelease(&reco_shared->asked);
}
