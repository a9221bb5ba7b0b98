/*-------------------------------------------------------------------------
 *
 * live_answer.c
 *	  From what services said to answers of the seam.
 *
 * Purpose: see live_parts.h. A track that came live is looked up in the catalogue;
 *			what that does not have is measured, all together, and gets what the
 *			rules judge by.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of its SELECTs.
 * Never:	let a live track past a rule for want of a derived field; hand one track
 *			to two answers, as the pipeline writes into them.
 *
 *-------------------------------------------------------------------------
 */
#include "live_parts.h"

#include "nodes/pg_list.h"
#include "utils/varlena.h"

#define GENRE_EVIDENCE	2.0f	/* of all labels asked for, beside a fit's */
#define MAX_NAME		255		/* bytes that the distance takes */
#define LIKENESS		4		/* letters of a name, of which one may differ */

typedef struct Scored
{
	RecoTrack  *track;
	float		score;
	int			at;
} Scored;

static void choose_track(RecoLiveTurn *turn, RecoLiveWant *want);
static void choose_artists(RecoLiveTurn *turn, RecoLiveWant *want);
static void take_artists(RecoLiveTurn *turn, RecoLiveWant *want);
static int	remember(RecoLiveTurn *turn, RecoLiveTrack **entries);
static void look_up(RecoLive *live, RecoLiveTrack **entries, int n);
static void measure(RecoLiveTurn *turn, RecoLiveTrack **entries, int n);
static void complete(RecoLiveTurn *turn, RecoLiveTrack *entry);
static void add_ruled_ids(RecoLiveTurn *turn, RecoTrack *track);
static void merge_artists(RecoLiveWant *want);
static void merge_tracks(RecoLiveTurn *turn, RecoLiveWant *want);
static void sort_by_fit(RecoLive *live, const RecoFit *fit, RecoTrack **tracks, int n);

/* Makes what came into facts. */
void
reco_live_take(RecoLiveTurn *turn)
{
	RecoLiveTrack **entries;
	int			most = 0;
	int			n;

	for (int i = 0; i < turn->nwants; i++)
	{
		RecoLiveWant *want = &turn->wants[i];
		const char *json = want->question == NULL ? NULL : want->question->json;

		if (json == NULL)
			continue;
		want->fresh = true;
		reco_live_read(&turn->tools, json, &want->facts);
		if (want->ask->kind == RECO_KIND_ARTIST_SEARCH)
			choose_artists(turn, want);
		else if (want->ask->kind == RECO_KIND_TRACK_SEARCH)
			choose_track(turn, want);
		else if (want->ask->kind == RECO_KIND_USER_TOP_ARTISTS)
			take_artists(turn, want);
		most += want->facts.ntracks;
	}
	entries = palloc(sizeof(RecoLiveTrack *) * Max(most, 1));
	n = remember(turn, entries);
	if (n > 0)
	{
		look_up(turn->live, entries, n);
		measure(turn, entries, n);
		for (int i = 0; i < n; i++)
			complete(turn, entries[i]);
	}
	pfree(entries);
}

/* Of the tracks that a search found, keeps the one that has the title. */
static void
choose_track(RecoLiveTurn *turn, RecoLiveWant *want)
{
	const RecoKey *key = &want->ask->keys[want->key];
	char	   *title = reco_text_title_key(&turn->tools, key->name);
	RecoLiveFacts *facts = &want->facts;
	int			found = -1;

	for (int i = 0; i < facts->ntracks && found < 0; i++)
		if (strcmp(reco_text_title_key(&turn->tools, facts->tracks[i]->title), title) ==
			0)
			found = i;
	if (found >= 0)
		facts->tracks[0] = facts->tracks[found];
	facts->ntracks = found >= 0 ? 1 : 0;
}

/* Is a name nearly another: one letter of four may differ? */
static bool
is_like(const char *a, const char *b)
{
	int			lengths[2] = {(int) strlen(a), (int) strlen(b)};
	int			most = Min(lengths[0], lengths[1]) / LIKENESS;

	return most > 0 && Max(lengths[0], lengths[1]) <= MAX_NAME &&
		varstr_levenshtein_less_equal(a, lengths[0], b, lengths[1], 1, 1, 1, most,
									  true) <= most;
}

/*
 * Of the artists that a search found, keeps those of that name: services put the
 * best known first, so only a rule needs the others. All are remembered.
 */
static void
choose_artists(RecoLiveTurn *turn, RecoLiveWant *want)
{
	const RecoKey *key = &want->ask->keys[want->key];
	char	   *name = reco_text_fold(&turn->tools, key->name);
	RecoLiveFacts *facts = &want->facts;
	RecoLiveArtist *like = NULL;
	int			n = 0;

	facts->ntracks = 0;
	for (int i = 0; i < facts->nartists; i++)
	{
		RecoLiveArtist *artist = facts->artists[i];
		char	   *fold = reco_text_fold(&turn->tools, artist->artist.name);

		if (strlen(artist->artist.artist_id) >= RECO_LIVE_ID)
			continue;
		((RecoLiveName *) hash_search(turn->live->artists, artist->artist.artist_id,
									  HASH_ENTER, NULL))
			->artist = artist;
		if (strcmp(fold, name) == 0 && (n == 0 || key->required))
			facts->artists[n++] = artist;
		else if (like == NULL && !key->exact && is_like(fold, name))
			like = artist;
	}
	if (n == 0 && like != NULL)
	{
		like->artist.fuzzy = true;
		facts->artists[n++] = like;
	}
	facts->nartists = n;
	for (int i = 0; i < n && key->required && !facts->artists[i]->artist.fuzzy; i++)
	{
		RecoLiveRuled *ruled = palloc(sizeof(RecoLiveRuled));

		ruled->fold = name;
		ruled->id = facts->artists[i]->artist.artist_id;
		turn->live->ruled = lappend(turn->live->ruled, ruled);
	}
}

/* Remembers a listener's own artists, whose tracks may be asked for by name. */
static void
take_artists(RecoLiveTurn *turn, RecoLiveWant *want)
{
	RecoLiveFacts *facts = &want->facts;
	int			n = 0;

	facts->ntracks = 0;
	for (int i = 0; i < facts->nartists; i++)
	{
		RecoLiveArtist *artist = facts->artists[i];

		if (strlen(artist->artist.artist_id) >= RECO_LIVE_ID)
			continue;
		((RecoLiveName *) hash_search(turn->live->artists, artist->artist.artist_id,
									  HASH_ENTER, NULL))
			->artist = artist;
		facts->artists[n++] = artist;
	}
	facts->nartists = n;
}

/* Remembers the tracks that came; collects those that are new. */
static int
remember(RecoLiveTurn *turn, RecoLiveTrack **entries)
{
	int			n = 0;

	for (int i = 0; i < turn->nwants; i++)
	{
		RecoLiveFacts *facts = &turn->wants[i].facts;
		int			kept = 0;

		for (int t = 0; t < facts->ntracks; t++)
		{
			RecoTrack  *track = facts->tracks[t];
			RecoLiveTrack *entry;
			bool		found;

			if (strlen(track->track_id) >= RECO_LIVE_ID)
				continue;
			entry = hash_search(turn->live->tracks, track->track_id, HASH_ENTER, &found);
			if (!found)
			{
				entry->track = track;
				entry->origin = turn->wants[i].question->origin;
				entry->known = entry->complete = false;
				entries[n++] = entry;
			}
			facts->tracks[kept++] = track;
		}
		facts->ntracks = kept;
	}
	return n;
}

/* Takes the catalogue's facts of tracks, where it has them. */
static void
look_up(RecoLive *live, RecoLiveTrack **entries, int n)
{
	const char **ids = palloc(sizeof(char *) * n);
	RecoKey		key = {0};
	RecoAnswer	answer = {0};
	RecoEngineQuestion question = {
		.kind = RECO_ENGINE_TRACK_FACTS, .key = &key, .answer = &answer
	};
	int			next = 0;

	for (int i = 0; i < n; i++)
		ids[i] = entries[i]->track->track_id;
	key.ids = ids;
	key.nids = n;
	reco_engine_answer(live->engine, &question, 1, 0);
	for (int i = 0; i < n && next < answer.ntracks; i++)
	{
		if (strcmp(ids[i], answer.tracks[next]->track_id) != 0)
			continue;
		entries[i]->track = answer.tracks[next++];
		entries[i]->known = true;
	}
	pfree(ids);
}

/* Asks for the features of tracks that the catalogue does not have. */
static void
measure(RecoLiveTurn *turn, RecoLiveTrack **entries, int n)
{
	int			asked = 0;

	for (int i = 0; i < n; i++)
		if (!entries[i]->known && asked++ < RECO_LIVE_MEASURED)
			(void) reco_live_add(turn, RECO_OP_FEATURES, entries[i]->track->track_id);
	reco_live_send(turn, RECO_OP_FEATURES);
	reco_live_wait(turn);
	for (int i = 0; i < n; i++)
	{
		const char *json = entries[i]->known
			? NULL
			: reco_live_value(turn->live, RECO_OP_FEATURES, entries[i]->track->track_id);

		if (json != NULL)
			reco_live_read_features(json, entries[i]->track);
	}
}

/* Fills what rules and ranking look at, once everything has come. */
static void
complete(RecoLiveTurn *turn, RecoLiveTrack *entry)
{
	RecoTrack  *track = entry->track;

	entry->complete = true;
	if (!entry->known)
	{
		RecoLiveName *name = strlen(track->artist_id) < RECO_LIVE_ID
			? hash_search(turn->live->artists, track->artist_id, HASH_FIND, NULL)
			: NULL;

		if (name != NULL)
		{
			track->ngenres = name->artist->ngenres;
			track->genres = name->artist->genres;
		}
		reco_live_derive(&turn->tools, track);
	}
	add_ruled_ids(turn, track);
	track->origin = entry->origin;
}

/*
 * Adds the ids by which a rule knows one of a track's artists: who is excluded by
 * name is excluded whatever the service calls him.
 */
static void
add_ruled_ids(RecoLiveTurn *turn, RecoTrack *track)
{
	char	   *whole = reco_text_fold(&turn->tools, track->artist);
	ListCell   *cell;

	foreach (cell, turn->live->ruled)
	{
		const RecoLiveRuled *ruled = lfirst(cell);
		bool		same = strcmp(whole, ruled->fold) == 0;
		const char **ids;

		for (const char *part = track->artist; part != NULL && !same;)
		{
			const char *end = strstr(part, ", ");
			char	   *one = pnstrdup(part, end == NULL ? strlen(part) : end - part);

			same = strcmp(reco_text_fold(&turn->tools, one), ruled->fold) == 0;
			part = end == NULL ? NULL : end + 2;
		}
		if (!same)
			continue;
		ids = palloc(sizeof(char *) * (track->nartist_ids + 1));
		for (int i = 0; i < track->nartist_ids; i++)
			ids[i] = track->artist_ids[i];
		ids[track->nartist_ids++] = ruled->id;
		track->artist_ids = ids;
	}
}

/* Puts the facts into the answers. */
void
reco_live_merge(RecoLiveTurn *turn)
{
	for (int i = 0; i < turn->nwants; i++)
	{
		RecoLiveWant *want = &turn->wants[i];
		RecoValue  *value = &want->ask->values[want->key];

		if (!want->fresh || want->ask->kind == RECO_KIND_TRACK_FACTS)
			continue;
		value->outcome = RECO_OUTCOME_FRESH;
		value->answer.done = true;
		if (want->facts.nartists + want->facts.ntracks == 0)
			continue;
		value->origin = want->question->origin;
		if (want->ask->kind == RECO_KIND_ARTIST_SEARCH ||
			want->ask->kind == RECO_KIND_USER_TOP_ARTISTS)
			merge_artists(want);
		else
			merge_tracks(turn, want);
	}
}

/* Adds artists behind those found here; who is found by name only comes first. */
static void
merge_artists(RecoLiveWant *want)
{
	RecoAnswer *answer = &want->ask->values[want->key].answer;
	RecoLiveFacts *facts = &want->facts;
	RecoArtist **artists =
		palloc(sizeof(RecoArtist *) * (answer->nartists + facts->nartists));
	int			most = want->ask->keys[want->key].limit;
	int			n = 0;

	/* likenesses of the catalogue give way to the very name */
	for (int i = 0; i < answer->nartists; i++)
		if (!answer->artists[i]->fuzzy)
			artists[n++] = answer->artists[i];
	for (int i = 0; i < facts->nartists; i++)
	{
		bool		known = facts->artists[i]->artist.fuzzy && answer->nartists > 0;

		for (int k = 0; k < n && !known; k++)
			known =
				strcmp(artists[k]->artist_id, facts->artists[i]->artist.artist_id) == 0;
		if (!known)
			artists[n++] = &facts->artists[i]->artist;
	}
	if (n == 0)
		return;
	answer->artists = artists;
	answer->nartists = most > 0 ? Min(n, most) : n;
}

/* A track of its own for an answer; NULL where the fit bans it. */
static RecoTrack *
copy_for(RecoLiveTurn *turn, const RecoTrack *track, const RecoFit *fit)
{
	RecoLiveTrack *entry =
		hash_search(turn->live->tracks, track->track_id, HASH_FIND, NULL);
	RecoTrack  *copy;
	float		match = 0;

	if (entry == NULL || !entry->complete)
		return NULL;
	if (fit != NULL)
		match = reco_live_match(&turn->tools, entry->track, fit);
	if (match < 0)
		return NULL;
	copy = palloc(sizeof(RecoTrack));
	*copy = *entry->track;
	copy->genre_match = match;
	return copy;
}

/* Puts live tracks and those found here together, each once. */
static void
merge_tracks(RecoLiveTurn *turn, RecoLiveWant *want)
{
	const RecoKey *key = &want->ask->keys[want->key];
	RecoAnswer *answer = &want->ask->values[want->key].answer;
	RecoLiveFacts *facts = &want->facts;
	int			most = answer->ntracks + facts->ntracks;
	RecoTrack **tracks = palloc(sizeof(RecoTrack *) * Max(most, 1));
	bool		turns = want->ask->kind == RECO_KIND_RECOMMENDATION ||
		want->ask->kind == RECO_KIND_USER_TOP_TRACKS;
	int			n = 0;

	/* in turns, or one list behind the other */
	for (int i = 0; i < 2 * Max(answer->ntracks, facts->ntracks); i++)
	{
		int			half = Max(answer->ntracks, facts->ntracks);
		int			at = turns ? i / 2 : i % half;
		bool		live = turns ? i % 2 == 0 : i < half;
		RecoTrack  *track = NULL;

		if (live && at < facts->ntracks)
			track = copy_for(turn, facts->tracks[at], key->fit);
		else if (!live && at < answer->ntracks)
			track = answer->tracks[at];
		for (int k = 0; k < n && track != NULL; k++)
			if (strcmp(tracks[k]->track_id, track->track_id) == 0)
				track = NULL;
		if (track != NULL)
			tracks[n++] = track;
	}
	if (want->ask->kind == RECO_KIND_ARTIST_TRACKS && key->fit != NULL)
		sort_by_fit(turn->live, key->fit, tracks, n);
	answer->tracks = tracks;
	answer->ntracks = key->limit > 0 ? Min(n, key->limit) : n;
}

/* Better score first, then as they stood. */
static int
by_score(const void *a, const void *b)
{
	const Scored *x = a;
	const Scored *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return x->at < y->at ? -1 : 1;
}

/* Puts the best-fitting tracks first. */
static void
sort_by_fit(RecoLive *live, const RecoFit *fit, RecoTrack **tracks, int n)
{
	const RecoBackground *background = reco_engine_background(live->engine);
	Scored	   *scored = palloc(sizeof(Scored) * Max(n, 1));

	for (int i = 0; i < n; i++)
	{
		scored[i].track = tracks[i];
		scored[i].at = i;
		scored[i].score = (float) reco_fit_evidence(fit, background, tracks[i]->values,
													tracks[i]->missing) +
			GENRE_EVIDENCE * tracks[i]->genre_match;
	}
	qsort(scored, n, sizeof(Scored), by_score);
	for (int i = 0; i < n; i++)
		tracks[i] = scored[i].track;
	pfree(scored);
}

/* Adds tracks that services told of earlier to answers about facts, in their order. */
void
reco_live_recall(RecoLive *live, RecoAsk *ask)
{
	for (int k = 0; k < ask->nkeys && reco_live_tracks(live) > 0; k++)
	{
		const RecoKey *key = &ask->keys[k];
		RecoAnswer *answer = &ask->values[k].answer;
		RecoTrack **tracks = palloc(sizeof(RecoTrack *) * Max(key->nids, 1));
		int			next = 0;
		int			n = 0;

		for (int i = 0; i < key->nids; i++)
		{
			RecoLiveTrack *entry;

			if (next < answer->ntracks &&
				strcmp(answer->tracks[next]->track_id, key->ids[i]) == 0)
			{
				tracks[n++] = answer->tracks[next++];
				continue;
			}
			entry = strlen(key->ids[i]) < RECO_LIVE_ID
				? hash_search(live->tracks, key->ids[i], HASH_FIND, NULL)
				: NULL;
			if (entry == NULL || !entry->complete || entry->known)
				continue;
			tracks[n] = palloc(sizeof(RecoTrack));
			*tracks[n++] = *entry->track;
			ask->values[k].origin = entry->origin;
		}
		answer->tracks = tracks;
		answer->ntracks = n;
	}
}
