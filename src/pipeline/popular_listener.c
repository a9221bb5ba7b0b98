/*-------------------------------------------------------------------------
 *
 * popular_listener.c
 *	  What a listener plays and judged, kept for the next popular mood.
 *
 * Purpose: see popular_listener.h. It is kept in the buffer only, beside what the
 *			listener's runs leave (artifacts.h), and goes with that; as bytes, which a
 *			reader copies and points into.
 * Runs in: a caller's backend.
 * Locks:	those of the buffer, and of SELECTs.
 * Never:	keep what a service tells of a listener: who is connected is asked for anew.
 *
 * An entry begins with the epochs it was made in (result_epoch.h), and with the time when
 * the listener's results became stale: that is when a play was committed. A reader has
 * read the same numbers, and his snapshot is younger than all of them.
 *
 * What keepers learn of tracks moves no epoch (catalogue/change.h), and no list that is
 * kept goes for it. So it is kept for some minutes only.
 *
 *-------------------------------------------------------------------------
 */
#include "popular_listener.h"

#include "guc.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "shmem/cached.h"
#include "shmem/cached_use.h"
#include "shmem/shared.h"
#include "source/remote.h"
#include "store/cache.h"
#include "store/sql.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define NAME		"popular"	/* behind the listener; runs' artifacts have digits there */
#define KEEP_US		(10 * SECS_PER_MINUTE * USECS_PER_SEC)
#define MOST_BYTES	(256 * 1024)

/* How an entry begins; top tracks, events and texts follow, in this order. */
typedef struct Head
{
	uint64		all;
	uint64		listener;
	int64		stale_at;
	uint32		ntop_tracks;
	uint32		nevents;
} Head;

/* A text is where it begins, counted from the entry's own beginning; 0 = none. */
typedef struct TopTrack
{
	int64		last_played;
	float		values[RECO_NCOLUMNS];
	uint32		missing;
	int			key;
	int			events;
	int			plays;
	uint32		track_id;
	uint32		artist_id;
	uint32		title;
	uint32		artist;
} TopTrack;

/* A track that was played or judged; ascending by hash. */
typedef struct Event
{
	uint64		hash;
	uint32		track_id;
	int			events;
} Event;

static bool find(RecoPopularListener *listener, const char *user_id);
static char *key_of(const char *user_id);
static void take_top_tracks(const char *kept, RecoRun *run);
static void take_history(const char *kept, const RecoPopular *popular, RecoRun *run);
static char *write_entry(const RecoPopularListener *listener, const RecoRun *run,
						 int *size);
static int	by_hash(const void *a, const void *b);

/* Looks at a listener. */
bool
reco_popular_listener_look(RecoPopularListener *listener, const char *user_id,
						   Oid extension, uint64 epoch)
{
	if (listener->looked)
		return true;
	listener->extension = extension;
	listener->epoch = epoch;
	if (user_id[0] != '\0' && reco_guc_artifacts)
	{
		/* the state first, then whatever is read: what comes between makes it void */
		reco_result_epoch_read(MyDatabaseId, user_id, &listener->epochs);
		listener->keeps =
			reco_sql_sees(Max(listener->epochs.moved_at, listener->epochs.stale_at));
		if (listener->keeps && find(listener, user_id))
			listener->known.listened = true;
	}
	listener->looked =
		listener->kept != NULL || reco_listener_known(user_id, &listener->known);
	return listener->looked;
}

/* Finds what is kept, of this very state. */
static bool
find(RecoPopularListener *listener, const char *user_id)
{
	RecoCachedKey key = {MyDatabaseId, listener->extension, RECO_CATEGORY_ARTIFACTS,
						 key_of(user_id)};
	RecoCachedValue value;
	const Head *head;

	if (!reco_cached_get(&key, &value) || value.len < sizeof(Head))
		return false;
	head = (const Head *) value.value;
	if (head->all != listener->epochs.all ||
		head->listener != listener->epochs.listener ||
		head->stale_at != listener->epochs.stale_at)
		return false;
	listener->kept = value.value;
	return true;
}

/* The listener in front, as invalidations look for it; a role reads by its own rights. */
static char *
key_of(const char *user_id)
{
	return reco_remote_key(
		psprintf("%s%c" NAME " %u", user_id, RECO_CACHED_SEPARATOR, GetUserId()));
}

/* Gives a run what is kept. */
bool
reco_popular_listener_take(const RecoPopularListener *listener,
						   const RecoPopular *popular, RecoRun *run)
{
	if (listener->kept == NULL || run->request->repeat_days > 0)
		return false;
	take_top_tracks(listener->kept, run);
	take_history(listener->kept, popular, run);
	return true;
}

static const char *
text_at(const char *kept, uint32 at)
{
	return at == 0 ? NULL : kept + at;
}

static void
take_top_tracks(const char *kept, RecoRun *run)
{
	const Head *head = (const Head *) kept;
	const TopTrack *from = (const TopTrack *) (kept + sizeof(Head));
	RecoTrack  *tracks = palloc0(sizeof(RecoTrack) * Max(head->ntop_tracks, 1));

	run->top_tracks = palloc(sizeof(RecoTrack *) * Max(head->ntop_tracks, 1));
	for (; run->ntop_tracks < (int) head->ntop_tracks; run->ntop_tracks++, from++)
	{
		RecoTrack  *track = &tracks[run->ntop_tracks];

		track->track_id = text_at(kept, from->track_id);
		track->artist_id = text_at(kept, from->artist_id);
		track->title = text_at(kept, from->title);
		track->artist = text_at(kept, from->artist);
		track->row = RECO_NO_ROW;
		memcpy(track->values, from->values, sizeof(track->values));
		track->missing = from->missing;
		track->key = from->key;
		track->events = from->events;
		track->plays = from->plays;
		track->last_played = from->last_played;
		track->has_facts = true;
		run->top_tracks[run->ntop_tracks] = track;
	}
}

/* Of the history, what may be a candidate: nothing else is looked for in it. */
static void
take_history(const char *kept, const RecoPopular *popular, RecoRun *run)
{
	const Head *head = (const Head *) kept;
	const Event *event =
		(const Event *) (kept + sizeof(Head) + sizeof(TopTrack) * head->ntop_tracks);
	const Event *end = event + head->nevents;
	int			most = Min((int) head->nevents, popular->ncandidates);
	int			at = 0;

	run->history = palloc(sizeof(RecoTrack *) * Max(most, 1));
	while (event < end && at < popular->ncandidates)
	{
		RecoTrack  *track;

		if (event->hash != popular->hashes[at])
		{
			if (event->hash < popular->hashes[at])
				event++;
			else
				at++;
			continue;
		}
		track = palloc0(sizeof(RecoTrack));
		track->track_id = text_at(kept, event->track_id);
		track->missing = (1 << RECO_NCOLUMNS) - 1;
		track->events = event->events;
		run->history[run->nhistory++] = track;
		event++;
		at++;
	}
}

/* Keeps what a run read. */
void
reco_popular_listener_keep(const RecoPopularListener *listener, const RecoRun *run)
{
	RecoCachedKey key = {MyDatabaseId, listener->extension, RECO_CATEGORY_ARTIFACTS,
						 NULL};
	RecoCachedValue value = {0};
	RecoCachePolicy policy;
	int			size;

	if (!listener->keeps || listener->kept != NULL || !listener->known.listened ||
		listener->known.connected || run->request->repeat_days > 0 ||
		run->request->user_id[0] == '\0')
		return;
	reco_cache_policy(reco_category_name(RECO_CATEGORY_ARTIFACTS), &policy);
	if (policy.fresh_us <= 0)
		return;
	value.value = write_entry(listener, run, &size);
	value.len = size;
	if (size > MOST_BYTES)
		return;
	value.fetched_at = GetCurrentTimestamp();
	value.fresh_until = value.usable_until =
		value.fetched_at + Min(policy.fresh_us, KEEP_US);
	key.key = key_of(run->request->user_id);
	(void) reco_cached_put(&key, &value, true, listener->epoch);
}

/* Appends a text, and says where it is. */
static uint32
put_text(StringInfo entry, const char *text)
{
	uint32		at = entry->len;

	if (text == NULL)
		return 0;
	appendBinaryStringInfo(entry, text, (int) strlen(text) + 1);
	return at;
}

/* Writes an entry. */
static char *
write_entry(const RecoPopularListener *listener, const RecoRun *run, int *size)
{
	Size		top_size = sizeof(TopTrack) * run->ntop_tracks;
	Size		events_size = sizeof(Event) * run->nhistory;
	TopTrack   *top = palloc0(Max(top_size, 1));
	Event	   *events = palloc0(Max(events_size, 1));
	StringInfoData entry;
	Head		head = {0};

	StaticAssertStmt(sizeof(Head) % MAXIMUM_ALIGNOF == 0 &&
						 sizeof(TopTrack) % MAXIMUM_ALIGNOF == 0,
					 "what follows is not aligned");

	head.all = listener->epochs.all;
	head.listener = listener->epochs.listener;
	head.stale_at = listener->epochs.stale_at;
	head.ntop_tracks = run->ntop_tracks;
	head.nevents = run->nhistory;
	initStringInfo(&entry);
	enlargeStringInfo(&entry, (int) (sizeof(Head) + top_size + events_size));
	entry.len = (int) (sizeof(Head) + top_size + events_size);
	for (int i = 0; i < run->ntop_tracks; i++)
	{
		const RecoTrack *track = run->top_tracks[i];

		top[i].last_played = track->last_played;
		memcpy(top[i].values, track->values, sizeof(top[i].values));
		top[i].missing = track->missing;
		top[i].key = track->key;
		top[i].events = track->events;
		top[i].plays = track->plays;
		top[i].track_id = put_text(&entry, track->track_id);
		top[i].artist_id = put_text(&entry, track->artist_id);
		top[i].title = put_text(&entry, track->title);
		top[i].artist = put_text(&entry, track->artist);
	}
	for (int i = 0; i < run->nhistory; i++)
	{
		events[i].hash = reco_popular_hash(run->history[i]->track_id);
		events[i].track_id = put_text(&entry, run->history[i]->track_id);
		events[i].events = run->history[i]->events;
	}
	qsort(events, run->nhistory, sizeof(Event), by_hash);
	memcpy(entry.data, &head, sizeof(Head));
	memcpy(entry.data + sizeof(Head), top, top_size);
	memcpy(entry.data + sizeof(Head) + top_size, events, events_size);
	*size = entry.len;
	return entry.data;
}

static int
by_hash(const void *a, const void *b)
{
	uint64		x = ((const Event *) a)->hash;
	uint64		y = ((const Event *) b)->hash;

	return x < y ? -1 : x > y ? 1 : 0;
}
