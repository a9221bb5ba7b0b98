/*-------------------------------------------------------------------------
 *
 * wish.c
 *	  Jobs that a backend would like to be queued, and must not write itself.
 *
 * Purpose: see wish.h. A small table of wishes, which the keepers empty; a memory of what
 *			was wished lately, found by a hash; and the last times of listeners, in sets
 *			of a few places each.
 * Runs in: any process that has the library preloaded.
 * Locks:	'wishes' of shared.h. The keeper is woken after it is released.
 * Never:	wait while holding it.
 *
 *-------------------------------------------------------------------------
 */
#include "wish.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "shared.h"

#define NWAITING	64
#define NLATELY		512
#define NSETS		256			/* of listeners */
#define NPLACES		16			/* in each */
#define MOST_TIMES	8
#define OVERDUE_US	((int64) 5 * 1000 * 1000)	/* no keeper takes wishes, it seems */
#define FULL_US		((int64) 5 * 1000 * 1000)	/* by then another one may find room */

typedef struct Waiting
{
	uint64		number;			/* the lower, the older; 0 = free */
	RecoWish	wish;
} Waiting;

typedef struct Lately
{
	uint64		hash;
	int64		until;			/* monotonic us */
	int			times;			/* that it was wished again as soon as it could be */
} Lately;

/* When a listener had something; the oldest goes first. */
typedef struct Listener
{
	uint64		hash;			/* 0 = free */
	int64		times[MOST_TIMES];	/* monotonic us; 0 = none */
} Listener;

typedef struct Counts
{
	Oid			database;		/* InvalidOid = free */
	RecoWishCounts counts[RECO_NWISHES];
	int64		waiting_since;	/* monotonic us, as the next; 0 = none waits */
	int64		full_until;		/* the keeper dropped what it took */
} Counts;

typedef struct Wishes
{
	uint64		last;			/* number that was given */
	Waiting		waiting[NWAITING];
	Lately		lately[NLATELY];
	Listener	listeners[NSETS][NPLACES];
	Counts		counts[RECO_NDATABASES];
} Wishes;

static Wishes *wishes = NULL;

/*
 * Until the same is wished again, in s: by then it is done, or will not be soon. A list
 * that is old after its refresh is one that could not be made better, as when a service
 * is down: each time that it is wished for again, the pause is twice as long.
 */
static const struct
{
	int			pause;
	int			longest;
}			again[RECO_NWISHES] = {
	[RECO_WISH_COMPLETE] = {10, 10},
	[RECO_WISH_REFRESH] = {30, 960},
	[RECO_WISH_HYDRATE] = {10, 10},
};

static bool is_known(uint64 hash, int64 now);
static void note(RecoWishKind kind, uint64 hash, int64 now);
static bool goes_unheard(int64 now);
static bool put(const RecoWish *wish, const char *user_id, const char *arguments);
static Waiting *oldest(Oid database);
static Counts *find_counts(Oid database);
static Counts *counts_of(Oid database);
static Listener *place_of(uint64 hash, int64 now, int64 period_us);

const char *
reco_wish_name(RecoWishKind kind)
{
	static const char *const names[RECO_NWISHES] = {
		[RECO_WISH_COMPLETE] = "complete",
		[RECO_WISH_REFRESH] = "refresh",
		[RECO_WISH_HYDRATE] = "hydrate",
	};

	return names[kind];
}

Size
reco_wishes_size(void)
{
	return CACHELINEALIGN(sizeof(Wishes));
}

void
reco_wishes_attach(char *memory, bool fresh)
{
	wishes = (Wishes *) memory;
	if (fresh)
		memset(wishes, 0, sizeof(Wishes));
}

static uint64
hash_text(const char *text, uint64 seed)
{
	return hash_bytes_extended((const unsigned char *) text, (int) strlen(text), seed);
}

/* Wishes, unless that was done just now. */
bool
reco_wish(RecoWishKind kind, Oid extension, Oid role, const char *user_id,
		  const char *arguments, int64 about)
{
	RecoWish	wish = {.kind = kind,
						.database = MyDatabaseId,
						.extension = extension,
						.role = role};
	int64		now = reco_now_us();
	bool		known;
	bool		there = true;

	if (wishes == NULL)
		return false;
	wish.hash = hash_combine64(((uint64) MyDatabaseId << 32) + role, (uint64) about);
	wish.hash = hash_text(arguments, hash_text(user_id, wish.hash + kind)) | 1;

	/* of what is old, many may hear at once */
	LWLockAcquire(&reco_shared->wishes, LW_SHARED);
	known = is_known(wish.hash, now);
	there = kind != RECO_WISH_REFRESH || !goes_unheard(now);
	LWLockRelease(&reco_shared->wishes);
	if (known || !there)
		return there;
	LWLockAcquire(&reco_shared->wishes, LW_EXCLUSIVE);
	known = is_known(wish.hash, now);
	if (!known)
		there = put(&wish, user_id, arguments);
	if (!known && there)
		note(kind, wish.hash, now);
	LWLockRelease(&reco_shared->wishes);
	if (!known && there)
		reco_database_wake(MyDatabaseId);
	return there;
}

/* Was it wished lately? */
static bool
is_known(uint64 hash, int64 now)
{
	const Lately *lately = &wishes->lately[hash % NLATELY];

	return lately->hash == hash && lately->until > now;
}

/* It was. */
static void
note(RecoWishKind kind, uint64 hash, int64 now)
{
	Lately	   *lately = &wishes->lately[hash % NLATELY];
	int64		pause = (int64) again[kind].pause * 1000 * 1000;
	int64		longest = (int64) again[kind].longest * 1000 * 1000;

	/* what nobody wanted for long begins anew */
	if (lately->hash != hash || lately->until + longest < now)
		lately->times = 0;
	lately->hash = hash;
	lately->until = now + Min(pause << Min(lately->times, 10), longest);
	lately->times++;
}

/* Does the keeper take no wishes of this database, or not queue them? */
static bool
goes_unheard(int64 now)
{
	const Counts *counts = find_counts(MyDatabaseId);

	return counts != NULL &&
		(counts->full_until > now ||
		 (counts->waiting_since != 0 && counts->waiting_since + OVERDUE_US <= now));
}

/* Puts a wish where the keeper finds it; false = there is no room. */
static bool
put(const RecoWish *wish, const char *user_id, const char *arguments)
{
	Waiting    *free = NULL;
	Counts	   *counts = counts_of(MyDatabaseId);

	for (int i = 0; i < NWAITING && free == NULL; i++)
		if (wishes->waiting[i].number == 0)
			free = &wishes->waiting[i];
	if (free == NULL || strlen(user_id) >= RECO_WISH_USER ||
		strlen(arguments) >= RECO_WISH_ARGUMENTS)
	{
		if (counts != NULL)
			counts->counts[wish->kind].dropped++;
		return false;
	}
	free->number = ++wishes->last;
	memcpy(&free->wish, wish, offsetof(RecoWish, user_id));
	strcpy(free->wish.user_id, user_id);
	strcpy(free->wish.arguments, arguments);
	if (counts != NULL)
	{
		counts->counts[wish->kind].wished++;
		if (counts->waiting_since == 0)
			counts->waiting_since = reco_now_us();
	}
	return true;
}

static Counts *
find_counts(Oid database)
{
	for (int i = 0; i < RECO_NDATABASES; i++)
		if (wishes->counts[i].database == database)
			return &wishes->counts[i];
	return NULL;
}

/* The counts of a database, made if need be; NULL = there are too many databases. */
static Counts *
counts_of(Oid database)
{
	Counts	   *counts = find_counts(database);

	if (counts == NULL)
		counts = find_counts(InvalidOid);
	if (counts != NULL)
		counts->database = database;
	return counts;
}

int
reco_wishes_take(Oid database, Oid extension, RecoWish *taken, int most)
{
	Waiting    *first;
	Counts	   *counts;
	bool		any = false;
	int			n = 0;

	if (wishes == NULL)
		return 0;
	LWLockAcquire(&reco_shared->wishes, LW_SHARED);
	any = oldest(database) != NULL;
	LWLockRelease(&reco_shared->wishes);
	if (!any)
		return 0;
	LWLockAcquire(&reco_shared->wishes, LW_EXCLUSIVE);
	while (n < most && (first = oldest(database)) != NULL)
	{
		first->number = 0;
		if (first->wish.extension == extension)
			taken[n++] = first->wish;
	}
	counts = find_counts(database);
	if (counts != NULL)
		counts->waiting_since = oldest(database) != NULL ? reco_now_us() : 0;
	LWLockRelease(&reco_shared->wishes);
	return n;
}

static Waiting *
oldest(Oid database)
{
	Waiting    *found = NULL;

	for (int i = 0; i < NWAITING; i++)
	{
		Waiting    *waiting = &wishes->waiting[i];

		if (waiting->number != 0 && waiting->wish.database == database &&
			(found == NULL || waiting->number < found->number))
			found = waiting;
	}
	return found;
}

/* They may be wished again, but of these the caller is told that nobody would hear. */
void
reco_wishes_dropped(const RecoWishMark *dropped, int n)
{
	LWLockAcquire(&reco_shared->wishes, LW_EXCLUSIVE);
	for (int i = 0; i < n; i++)
	{
		Lately	   *lately = &wishes->lately[dropped[i].hash % NLATELY];
		Counts	   *counts = counts_of(MyDatabaseId);

		if (lately->hash == dropped[i].hash)
			memset(lately, 0, sizeof(*lately));
		if (counts == NULL)
			continue;
		counts->counts[dropped[i].kind].dropped++;
		counts->full_until = reco_now_us() + FULL_US;
	}
	LWLockRelease(&reco_shared->wishes);
}

void
reco_wishes_forget(Oid database)
{
	Counts	   *counts;

	if (wishes == NULL)
		return;
	LWLockAcquire(&reco_shared->wishes, LW_EXCLUSIVE);
	for (int i = 0; i < NWAITING; i++)
		if (wishes->waiting[i].wish.database == database)
			wishes->waiting[i].number = 0;
	counts = find_counts(database);
	if (counts != NULL)
		memset(counts, 0, sizeof(*counts));
	LWLockRelease(&reco_shared->wishes);
}

void
reco_wishes_read(Oid database, RecoWishCounts *counts)
{
	const Counts *found;

	memset(counts, 0, sizeof(RecoWishCounts) * RECO_NWISHES);
	if (wishes == NULL)
		return;
	LWLockAcquire(&reco_shared->wishes, LW_SHARED);
	found = find_counts(database);
	if (found != NULL)
		memcpy(counts, found->counts, sizeof(RecoWishCounts) * RECO_NWISHES);
	LWLockRelease(&reco_shared->wishes);
}

bool
reco_wish_may(Oid database, const char *user_id, int most, int64 period_us, bool *crowded)
{
	uint64		hash = hash_text(user_id, database) | 1;
	int64		now = reco_now_us();
	Listener   *listener;
	bool		may;

	Assert(most <= MOST_TIMES);
	LWLockAcquire(&reco_shared->wishes, LW_EXCLUSIVE);
	listener = place_of(hash, now, period_us);
	*crowded = listener == NULL;
	may = listener != NULL &&
		(listener->times[most - 1] == 0 || listener->times[most - 1] + period_us <= now);
	if (may)
	{
		memmove(&listener->times[1], &listener->times[0],
				sizeof(int64) * (MOST_TIMES - 1));
		listener->times[0] = now;
	}
	LWLockRelease(&reco_shared->wishes);
	return may;
}

/* The place of a listener; NULL = all that might be it are in use. */
static Listener *
place_of(uint64 hash, int64 now, int64 period_us)
{
	Listener   *set = wishes->listeners[(hash >> 32) % NSETS];
	Listener   *free = NULL;

	for (int i = 0; i < NPLACES; i++)
	{
		if (set[i].hash == hash)
			return &set[i];
		if (free == NULL && (set[i].hash == 0 || set[i].times[0] + period_us <= now))
			free = &set[i];
	}
	if (free != NULL)
	{
		memset(free, 0, sizeof(Listener));
		free->hash = hash;
	}
	return free;
}
