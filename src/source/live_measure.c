/*-------------------------------------------------------------------------
 *
 * live_measure.c
 *	  Tracks that services told of: what the catalogue knows of them, and features.
 *
 * Purpose: see live_parts.h. New tracks are looked up in the catalogue, all together;
 *			those that nobody here has measured wait until a call is full, or nothing
 *			more can come, or their time would run short. The best come first.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of its SELECTs.
 * Never:	ask for features that cannot change the list, or that are known.
 *
 *-------------------------------------------------------------------------
 */
#include "live_parts.h"

#include "miscadmin.h"
#include "nodes/pg_list.h"

#define NAMED_WEIGHT	2.0f	/* of who was named: targets are made of it */
#define HOLD_SHARE		4		/* one part of the time left is for others to come */

static void take_features(RecoTrack *track, const RecoTrack *here);
static void complete(RecoLive *live, RecoLiveTrack *entry);
static bool is_measurable(const RecoLiveTrack *entry);
static bool is_ruled_out(RecoLive *live, const RecoTrack *track);
static void read_answers(RecoLive *live);
static void look(RecoLive *live);
static int	count_waiting(const RecoLive *live);
static int	ask(RecoLive *live, int most);
static void give_up(RecoLive *live);

/* Takes the catalogue's facts of tracks that are new, where it has them. */
void
reco_live_look_up(RecoLive *live)
{
	int			n = list_length(live->unread);
	const char **ids = palloc(sizeof(char *) * Max(n, 1));
	RecoKey		key = {0};
	RecoAnswer	answer = {0};
	RecoEngineQuestion question = {
		.kind = RECO_ENGINE_TRACK_FACTS, .key = &key, .answer = &answer
	};
	int			next = 0;
	ListCell   *cell;

	if (n == 0)
		return;
	foreach (cell, live->unread)
		ids[key.nids++] = ((RecoLiveTrack *) lfirst(cell))->track->track_id;
	key.ids = ids;
	reco_engine_answer(live->engine, &question, 1, 0);
	foreach (cell, live->unread)
	{
		RecoLiveTrack *entry = lfirst(cell);

		if (next < answer.ntracks &&
			strcmp(entry->id, answer.tracks[next]->track_id) == 0)
		{
			if (answer.tracks[next]->expired)
				take_features(entry->track, answer.tracks[next]);
			else
			{
				entry->track = answer.tracks[next];
				entry->known = true;
			}
			next++;
		}
		complete(live, entry);
	}
	list_free(live->unread);
	live->unread = NIL;
}

/* A service told a track anew whose time was over here: only its features stay. */
static void
take_features(RecoTrack *track, const RecoTrack *here)
{
	for (int f = 0; f < RECO_NAUDIO; f++)
		if (!(here->missing >> f & 1))
		{
			track->values[f] = here->values[f];
			track->missing &= ~(1u << f);
		}
	track->key = here->key;
	track->measured = here->measured;
	track->measured_expired = here->measured_expired;
}

/* Fills what rules look at. */
static void
complete(RecoLive *live, RecoLiveTrack *entry)
{
	RecoTrack  *track = entry->track;

	entry->complete = true;
	if (!entry->known)
	{
		RecoLiveName *name =
			track->artist_id != NULL && strlen(track->artist_id) < RECO_LIVE_ID
			? hash_search(live->artists, track->artist_id, HASH_FIND, NULL)
			: NULL;

		if (name != NULL)
		{
			track->ngenres = name->artist->ngenres;
			track->genres = name->artist->genres;
		}
		reco_live_derive(&live->tools, track);
	}
}

/*
 * Has nobody measured a track, or not lately, and not said that it cannot be? What is no
 * feature of its sound does not count.
 */
static bool
is_measurable(const RecoLiveTrack *entry)
{
	uint32		sound = (1u << RECO_NAUDIO) - 1;

	if (entry->measure == RECO_LIVE_MEASURED)
		return false;
	if (entry->track->measured != RECO_MEASURED_UNKNOWN)
		return entry->track->measured_expired;
	return (entry->track->missing & sound) == sound;
}

/* Is a track by somebody whom a rule excludes? */
static bool
is_ruled_out(RecoLive *live, const RecoTrack *track)
{
	int			n;

	(void) reco_live_ruled_ids(live, track, &n);
	return n > track->nartist_ids;
}

/*
 * Weighs a want's tracks, and lets those wait for features that may change the list:
 * earlier places count more, and so do several answers.
 */
void
reco_live_weigh(RecoLive *live, RecoLiveWant *want)
{
	const RecoKey *key = &want->ask->keys[want->key];
	int			n = want->facts.ntracks;

	/* of what a listener plays, no more is looked at */
	if (want->ask->kind == RECO_KIND_USER_TOP_TRACKS && key->limit > 0)
		n = Min(n, key->limit);
	for (int i = 0; i < n; i++)
	{
		RecoLiveTrack *entry =
			hash_search(live->tracks, want->facts.tracks[i]->track_id, HASH_FIND, NULL);

		if (entry == NULL || !is_measurable(entry) ||
			(key->fit != NULL &&
			 reco_live_match(&live->tools, entry->track, key->fit) < 0) ||
			is_ruled_out(live, entry->track))
			continue;
		entry->weight += 1.0f / (1 + i) + (key->name != NULL ? NAMED_WEIGHT : 0);
		if (entry->measure != RECO_LIVE_UNMEASURED)
			continue;
		entry->measure = RECO_LIVE_WAITING;
		live->waiting = lappend(live->waiting, entry);
		live->features_until = Max(live->features_until, want->ticket->until);
	}
}

/* Has everything come that a want waits for? */
bool
reco_live_is_measured(const RecoLive *live, const RecoLiveWant *want)
{
	for (int i = 0; i < want->facts.ntracks; i++)
	{
		const RecoLiveTrack *entry =
			hash_search(live->tracks, want->facts.tracks[i]->track_id, HASH_FIND, NULL);

		if (entry != NULL &&
			(entry->measure == RECO_LIVE_WAITING || entry->measure == RECO_LIVE_ASKED))
			return false;
	}
	return true;
}

/*
 * Takes features that came, and asks for more: as soon as a call is full, else now, or
 * when waiting would cost too much of the time. True = some of what waited need not wait
 * any more.
 */
bool
reco_live_measure(RecoLive *live, bool now)
{
	int			before = list_length(live->waiting);
	int64		at = reco_now_us();
	int			n;

	read_answers(live);
	look(live);
	n = count_waiting(live);
	if (n > 0 && reco_live_left(live, RECO_LIVE_FEATURES) == 0)
	{
		if (reco_live_server(live, RECO_LIVE_FEATURES) != NULL)
			(void) reco_live_note_spent(live, RECO_LIVE_FEATURES);
		give_up(live);
		n = 0;
	}
	if (n > 0 && live->hold_until == 0)
		live->hold_until = at + Max(0, live->features_until - at) / HOLD_SHARE;
	now |= at >= live->hold_until;
	if (n >= RECO_LIVE_BATCH || (n > 0 && now))
		n -= ask(live, now ? n : RECO_LIVE_BATCH);
	if (n == 0)
		live->hold_until = live->features_until = 0;
	read_answers(live);
	return list_length(live->waiting) < before;
}

/* Fills features into a track, and into copies that were handed out before. */
static void
fill_in(RecoLiveTrack *entry, const char *json)
{
	ListCell   *cell;

	reco_live_read_features(json, entry->track);
	foreach (cell, entry->copies)
		reco_live_read_features(json, lfirst(cell));
}

/* Takes what came of the features that were asked for. */
static void
read_answers(RecoLive *live)
{
	List	   *left = NIL;
	ListCell   *cell;

	foreach (cell, live->waiting)
	{
		RecoLiveTrack *entry = lfirst(cell);

		if (entry->measure == RECO_LIVE_ASKED && !reco_live_is_pending(entry->features))
		{
			entry->measure = RECO_LIVE_MEASURED;
			if (entry->features != NULL && entry->features->json != NULL)
				fill_in(entry, entry->features->json);
		}
		if (entry->measure != RECO_LIVE_MEASURED)
			left = lappend(left, entry);
	}
	list_free(live->waiting);
	live->waiting = left;
}

/* Looks at what is known of those who wait since the last time; the rest waits on. */
static void
look(RecoLive *live)
{
	RecoLiveQuestion **questions =
		palloc(sizeof(RecoLiveQuestion *) * (list_length(live->waiting) + 1));
	int			n = 0;
	ListCell   *cell;

	foreach (cell, live->waiting)
	{
		RecoLiveTrack *entry = lfirst(cell);

		if (entry->measure != RECO_LIVE_WAITING || entry->features != NULL)
			continue;
		entry->features = reco_live_make(live, RECO_LIVE_FEATURES, entry->id);
		if (entry->features == NULL)
			entry->measure = RECO_LIVE_MEASURED;
		else
			questions[n++] = entry->features;
	}
	reco_live_find(live, RECO_LIVE_FEATURES, questions, n);
	pfree(questions);
	foreach (cell, live->waiting)
	{
		RecoLiveTrack *entry = lfirst(cell);

		if (entry->measure == RECO_LIVE_WAITING &&
			entry->features->state == RECO_LIVE_ANSWERED)
			entry->measure = RECO_LIVE_ASKED;
	}
	read_answers(live);
}

static int
count_waiting(const RecoLive *live)
{
	int			n = 0;
	ListCell   *cell;

	foreach (cell, live->waiting)
		n += ((RecoLiveTrack *) lfirst(cell))->measure == RECO_LIVE_WAITING;
	return n;
}

/* The weightier first, then by id, so that the same answers ask the same. */
static int
by_weight(const ListCell *a, const ListCell *b)
{
	const RecoLiveTrack *x = lfirst(a);
	const RecoLiveTrack *y = lfirst(b);

	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return strcmp(x->id, y->id);
}

/* Asks for the features of so many at most; how many these were. */
static int
ask(RecoLive *live, int most)
{
	int			n = 0;
	ListCell   *cell;

	list_sort(live->waiting, by_weight);
	foreach (cell, live->waiting)
	{
		RecoLiveTrack *entry = lfirst(cell);

		if (entry->measure != RECO_LIVE_WAITING || n == most)
			continue;
		n++;
		entry->measure = RECO_LIVE_ASKED;
		(void) reco_live_add(live, RECO_LIVE_FEATURES, entry->id);
	}
	reco_live_send(live, RECO_LIVE_FEATURES, live->features_until);
	return n;
}

/* There is nobody to ask. */
static void
give_up(RecoLive *live)
{
	ListCell   *cell;

	foreach (cell, live->waiting)
	{
		RecoLiveTrack *entry = lfirst(cell);

		if (entry->measure == RECO_LIVE_WAITING)
			entry->measure = RECO_LIVE_MEASURED;
	}
}

/* Remembers an id by which a rule knows a name. */
void
reco_live_rule(RecoLive *live, const char *fold, const char *id)
{
	RecoLiveRuled *ruled = palloc(sizeof(RecoLiveRuled));

	ruled->fold = fold;
	ruled->id = id;
	live->ruled = lappend(live->ruled, ruled);
}

static int
by_fold(const ListCell *a, const ListCell *b)
{
	const RecoLiveRuled *x = lfirst(a);
	const RecoLiveRuled *y = lfirst(b);

	return strcmp(x->fold, y->fold);
}

/* Adds the ids by which rules know a folded name. */
static void
add_ruled(const RecoLive *live, const char *fold, const char **ids, int *n)
{
	int			first = 0;
	int			end = list_length(live->ruled);

	while (first < end)
	{
		int			middle = (first + end) / 2;
		const RecoLiveRuled *ruled = list_nth(live->ruled, middle);

		if (strcmp(ruled->fold, fold) < 0)
			first = middle + 1;
		else
			end = middle;
	}
	for (; first < list_length(live->ruled); first++)
	{
		const RecoLiveRuled *ruled = list_nth(live->ruled, first);

		if (strcmp(ruled->fold, fold) != 0)
			break;
		ids[(*n)++] = ruled->id;
	}
}

/* Folds a credit as a whole, and each of its parts; each name once. */
static List *
fold_credit(const RecoLive *live, const char *credit)
{
	List	   *folds = list_make1(reco_text_fold(&live->tools, credit));

	for (const char *part = credit; part != NULL;)
	{
		const char *end = strstr(part, ", ");
		char	   *one = pnstrdup(part, end == NULL ? strlen(part) : end - part);
		char	   *fold = reco_text_fold(&live->tools, one);
		bool		known = false;
		ListCell   *cell;

		foreach (cell, folds)
			known |= strcmp(lfirst(cell), fold) == 0;
		if (!known)
			folds = lappend(folds, fold);
		pfree(one);
		part = end == NULL ? NULL : end + 2;
	}
	return folds;
}

/*
 * The ids of a track's artists, and those by which a rule knows one of them: who is
 * excluded by name is excluded whatever the service calls him.
 */
const char **
reco_live_ruled_ids(RecoLive *live, const RecoTrack *track, int *n)
{
	const char **ids;
	List	   *folds;
	ListCell   *cell;

	CHECK_FOR_INTERRUPTS();
	*n = track->nartist_ids;
	if (live->ruled == NIL || track->artist == NULL)
		return track->artist_ids;
	if (live->nsorted != list_length(live->ruled))
		list_sort(live->ruled, by_fold);
	live->nsorted = list_length(live->ruled);
	ids = palloc(sizeof(char *) * (track->nartist_ids + live->nsorted));
	for (int i = 0; i < track->nartist_ids; i++)
		ids[i] = track->artist_ids[i];
	folds = fold_credit(live, track->artist);
	foreach (cell, folds)
		add_ruled(live, lfirst(cell), ids, n);
	list_free(folds);
	return ids;
}
