/*-------------------------------------------------------------------------
 *
 * live_answer.c
 *	  From what services said to answers of the seam.
 *
 * Purpose: see live_parts.h. Of what came, that is chosen which answers the question;
 *			tracks and artists are put beside those found here, each once.
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

static void choose_track(RecoLive *live, RecoLiveWant *want);
static void choose_artists(RecoLive *live, RecoLiveWant *want);
static void take_artists(RecoLive *live, RecoLiveWant *want);
static void remember(RecoLive *live, RecoLiveWant *want);
static void merge_artists(RecoLiveWant *want);
static void merge_tracks(RecoLive *live, RecoLiveWant *want);
static void put_in_turns(RecoLiveWant *want, RecoTrack **found, int nfound);
static void put_behind(RecoLiveWant *want, RecoTrack **found, int nfound);
static void put_by_score(RecoLive *live, RecoLiveWant *want, RecoTrack **found,
						 int nfound);
static void sort_by_fit(RecoLive *live, const RecoFit *fit, RecoTrack **tracks, int n);

/* Makes what came into facts; the want goes on with these. */
void
reco_live_take(RecoLive *live, RecoLiveWant *want)
{
	bool		named = want->ask->keys[want->key].name != NULL;

	want->fresh = true;
	if (want->operation == RECO_OP_COMPLETION || reco_live_is_of_tracks(want))
		return;
	reco_live_read(&live->tools, want->question->json, &want->facts);
	if (want->ask->kind == RECO_KIND_ARTIST_SEARCH && named)
		choose_artists(live, want);
	else if (want->ask->kind == RECO_KIND_TRACK_SEARCH && named)
		choose_track(live, want);
	else if (want->facts.nartists > 0)
		take_artists(live, want);
	if (want->ask->kind == RECO_KIND_ARTIST_SEARCH ||
		want->ask->kind == RECO_KIND_USER_TOP_ARTISTS)
		want->facts.ntracks = 0;
	remember(live, want);
	if (want->facts.ntracks > 0)
		want->stage = RECO_LIVE_FACTS;
}

/* Of the tracks that a search found, keeps the one that has the title. */
static void
choose_track(RecoLive *live, RecoLiveWant *want)
{
	const RecoKey *key = &want->ask->keys[want->key];
	char	   *title = reco_text_title_key(&live->tools, key->name);
	RecoLiveFacts *facts = &want->facts;
	int			found = -1;

	for (int i = 0; i < facts->ntracks && found < 0; i++)
		if (strcmp(reco_text_title_key(&live->tools, facts->tracks[i]->title), title) ==
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
choose_artists(RecoLive *live, RecoLiveWant *want)
{
	const RecoKey *key = &want->ask->keys[want->key];
	char	   *name = reco_text_fold(&live->tools, key->name);
	RecoLiveFacts *facts = &want->facts;
	RecoLiveArtist *like = NULL;
	int			n = 0;

	facts->ntracks = 0;
	for (int i = 0; i < facts->nartists; i++)
	{
		RecoLiveArtist *artist = facts->artists[i];
		char	   *fold = reco_text_fold(&live->tools, artist->artist.name);

		if (strlen(artist->artist.artist_id) >= RECO_LIVE_ID)
			continue;
		((RecoLiveName *) hash_search(live->artists, artist->artist.artist_id, HASH_ENTER,
									  NULL))
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
		reco_live_rule(live, name, facts->artists[i]->artist.artist_id);
}

/* Remembers artists, whose tracks may be asked for by name. */
static void
take_artists(RecoLive *live, RecoLiveWant *want)
{
	RecoLiveFacts *facts = &want->facts;
	int			n = 0;

	for (int i = 0; i < facts->nartists; i++)
	{
		RecoLiveArtist *artist = facts->artists[i];

		if (strlen(artist->artist.artist_id) >= RECO_LIVE_ID)
			continue;
		((RecoLiveName *) hash_search(live->artists, artist->artist.artist_id, HASH_ENTER,
									  NULL))
			->artist = artist;
		facts->artists[n++] = artist;
	}
	facts->nartists = n;
}

/* Remembers the tracks that came; those that are new are looked up all together. */
static void
remember(RecoLive *live, RecoLiveWant *want)
{
	RecoLiveFacts *facts = &want->facts;
	int			kept = 0;

	for (int t = 0; t < facts->ntracks; t++)
	{
		RecoTrack  *track = facts->tracks[t];
		RecoLiveTrack *entry;
		bool		found;

		if (strlen(track->track_id) >= RECO_LIVE_ID)
			continue;
		entry = hash_search(live->tracks, track->track_id, HASH_ENTER, &found);
		if (!found)
		{
			memset((char *) entry + sizeof(entry->id), 0,
				   sizeof(*entry) - sizeof(entry->id));
			entry->track = track;
			entry->origin = want->question->origin;
			live->unread = lappend(live->unread, entry);
		}
		entry->brought |= want->ask->kind != RECO_KIND_TRACK_FACTS;
		facts->tracks[kept++] = track;
	}
	facts->ntracks = kept;
}

/* Puts what came of a want into its answer; what did not come in time is said. */
void
reco_live_merge(RecoLive *live, RecoLiveWant *want)
{
	RecoValue  *value = &want->ask->values[want->key];
	const RecoLiveQuestion *question = want->question;

	if (want->operation == RECO_OP_COMPLETION)
	{
		value->outcome = question == NULL ? RECO_OUTCOME_REJECTED
			: reco_live_is_pending(question) ? RECO_OUTCOME_TIMEOUT
											 : question->outcome;
		if (want->fresh)
		{
			value->text = question->json;
			value->origin = question->origin;
		}
		return;
	}
	if (reco_live_is_of_tracks(want))
	{
		if (reco_live_is_pending(question))
			value->outcome = RECO_OUTCOME_TIMEOUT;
		else if (value->outcome == RECO_OUTCOME_UNCONFIGURED)
			value->outcome = RECO_OUTCOME_FRESH;
		return;
	}
	if (want->stage < RECO_LIVE_FACTS ||
		(question != NULL && question->outcome == RECO_OUTCOME_TIMEOUT))
		value->outcome = RECO_OUTCOME_TIMEOUT;
	if (!want->fresh || want->ask->kind == RECO_KIND_TRACK_FACTS)
		return;
	value->outcome = RECO_OUTCOME_FRESH;
	value->answer.done = true;
	if (want->facts.nartists + want->facts.ntracks == 0)
		return;
	value->origin = question->origin;
	if (want->ask->kind == RECO_KIND_ARTIST_SEARCH ||
		want->ask->kind == RECO_KIND_USER_TOP_ARTISTS)
		merge_artists(want);
	else
		merge_tracks(live, want);
}

/* Finds an artist among some; NULL = is not there. */
static RecoArtist *
find_artist(RecoArtist *const *artists, int n, const RecoArtist *artist)
{
	for (int i = 0; i < n; i++)
		if (strcmp(artists[i]->artist_id, artist->artist_id) == 0)
			return artists[i];
	return NULL;
}

/* Adds an artist, or to one who is there what was not known of him. */
static void
add_artist(RecoArtist **artists, int *n, RecoArtist *artist)
{
	RecoArtist *known = find_artist(artists, *n, artist);

	if (known == NULL)
		artists[(*n)++] = artist;
	else if (known->name == NULL)	/* a history has ids only */
	{
		known->name = artist->name;
		known->popularity = artist->popularity;
	}
}

/*
 * Adds artists behind those found here, or in turns with them where both were searched
 * for without a name; who is found by name only comes first.
 */
static void
merge_artists(RecoLiveWant *want)
{
	RecoAnswer *answer = &want->ask->values[want->key].answer;
	const RecoKey *key = &want->ask->keys[want->key];
	RecoLiveFacts *facts = &want->facts;
	RecoArtist **artists =
		palloc(sizeof(RecoArtist *) * (answer->nartists + facts->nartists));
	bool turns = want->ask->kind == RECO_KIND_ARTIST_SEARCH && key->name == NULL;
	int			half = Max(answer->nartists, facts->nartists);
	int			n = 0;

	for (int i = 0; i < 2 * half; i++)
	{
		int			at = turns ? i / 2 : i % half;
		bool		live = turns ? i % 2 == 0 : i >= half;
		RecoArtist *artist = NULL;

		/* likenesses of the catalogue give way to the very name */
		if (live && at < facts->nartists &&
			!(facts->artists[at]->artist.fuzzy && answer->nartists > 0))
			artist = &facts->artists[at]->artist;
		else if (!live && at < answer->nartists && !answer->artists[at]->fuzzy)
			artist = answer->artists[at];
		if (artist != NULL)
			add_artist(artists, &n, artist);
	}
	if (n == 0)
		return;
	answer->artists = artists;
	answer->nartists = key->limit > 0 ? Min(n, key->limit) : n;
}

/* A track of its own for an answer; NULL where the fit bans it. */
static RecoTrack *
copy_for(RecoLive *live, const RecoTrack *track, const RecoFit *fit)
{
	RecoLiveTrack *entry = hash_search(live->tracks, track->track_id, HASH_FIND, NULL);
	RecoTrack  *copy;
	uint32		row = RECO_NO_ROW;
	float		match = 0;
	float		known;

	if (entry == NULL || !entry->complete)
		return NULL;
	if (fit != NULL)
		match = reco_live_match(&live->tools, entry->track, fit);
	if (match < 0)
		return NULL;

	/* as the engine would say, so that who is known here gains nothing by being told of */
	if (fit != NULL && reco_engine_match(live->engine, fit, entry->track, &row, &known))
		match = row != RECO_NO_ROW ? known : Max(known, match);
	if (match < 0)
		return NULL;
	copy = palloc(sizeof(RecoTrack));
	*copy = *entry->track;
	copy->row = row;
	copy->genre_match = match;
	copy->origin = entry->origin;
	copy->artist_ids = reco_live_ruled_ids(live, copy, &copy->nartist_ids);
	if (entry->measure == RECO_LIVE_WAITING || entry->measure == RECO_LIVE_ASKED)
		entry->copies = lappend(entry->copies, copy);
	return copy;
}

/* Puts live tracks and those found here together, each once. */
static void
merge_tracks(RecoLive *live, RecoLiveWant *want)
{
	const RecoKey *key = &want->ask->keys[want->key];
	RecoAnswer *answer = &want->ask->values[want->key].answer;
	RecoLiveFacts *facts = &want->facts;
	RecoTrack **found = palloc(sizeof(RecoTrack *) * Max(facts->ntracks, 1));
	int			nfound = 0;

	for (int i = 0; i < facts->ntracks; i++)
	{
		RecoTrack  *track = copy_for(live, facts->tracks[i], key->fit);

		if (track != NULL)
			found[nfound++] = track;
	}
	switch (want->ask->kind)
	{
		case RECO_KIND_RECOMMENDATION:
		case RECO_KIND_USER_TOP_TRACKS:
			put_in_turns(want, found, nfound);
			break;
		case RECO_KIND_TRACK_SEARCH:
			if (key->name == NULL && key->fit != NULL)
				put_by_score(live, want, found, nfound);
			else
				put_behind(want, found, nfound);
			break;
		default:
			put_behind(want, found, nfound);
			if (want->ask->kind == RECO_KIND_ARTIST_TRACKS && key->fit != NULL)
				sort_by_fit(live, key->fit, answer->tracks, answer->ntracks);
			break;
	}
	if (key->limit > 0)
		answer->ntracks = Min(answer->ntracks, key->limit);
}

/* Adds a track to a list, unless it is in it. */
static void
add_track(RecoTrack **tracks, int *n, RecoTrack *track)
{
	for (int i = 0; i < *n; i++)
		if (strcmp(tracks[i]->track_id, track->track_id) == 0)
			return;
	tracks[(*n)++] = track;
}

/*
 * Puts live tracks and those of the catalogue by turns. Among what is near something, the
 * engine has looked at the catalogue's own tracks already: others of these come last.
 */
static void
put_in_turns(RecoLiveWant *want, RecoTrack **found, int nfound)
{
	RecoAnswer *answer = &want->ask->values[want->key].answer;
	RecoTrack **tracks = palloc(sizeof(RecoTrack *) * (answer->ntracks + nfound + 1));
	bool		near = want->ask->kind == RECO_KIND_RECOMMENDATION;
	int			n = 0;

	for (int i = 0; i < Max(answer->ntracks, nfound); i++)
	{
		if (i < nfound && !(near && found[i]->row != RECO_NO_ROW))
			add_track(tracks, &n, found[i]);
		if (i < answer->ntracks)
			add_track(tracks, &n, answer->tracks[i]);
	}
	for (int i = 0; near && i < nfound; i++)
		add_track(tracks, &n, found[i]);
	answer->tracks = tracks;
	answer->ntracks = n;
}

/* Puts the catalogue's tracks behind the live ones. */
static void
put_behind(RecoLiveWant *want, RecoTrack **found, int nfound)
{
	RecoAnswer *answer = &want->ask->values[want->key].answer;
	RecoTrack **tracks = palloc(sizeof(RecoTrack *) * (answer->ntracks + nfound + 1));
	int			n = 0;

	for (int i = 0; i < nfound; i++)
		add_track(tracks, &n, found[i]);
	for (int i = 0; i < answer->ntracks; i++)
		add_track(tracks, &n, answer->tracks[i]);
	answer->tracks = tracks;
	answer->ntracks = n;
}

/* How well a track fits. */
static float
score_of(RecoLive *live, const RecoFit *fit, const RecoTrack *track)
{
	return (float) reco_fit_evidence(fit, reco_engine_background(live->engine),
									 track->values, track->missing) +
		GENRE_EVIDENCE * track->genre_match;
}

/* Puts live tracks among those that fit, which keep their order. */
static void
put_by_score(RecoLive *live, RecoLiveWant *want, RecoTrack **found, int nfound)
{
	const RecoFit *fit = want->ask->keys[want->key].fit;
	RecoAnswer *answer = &want->ask->values[want->key].answer;
	RecoTrack **tracks = palloc(sizeof(RecoTrack *) * (answer->ntracks + nfound + 1));
	int			at = 0;
	int			n = 0;

	/* who is here already stays where the engine put it */
	for (int i = 0; i < nfound; i++)
	{
		bool		known = false;

		for (int k = 0; k < answer->ntracks && !known; k++)
			known = strcmp(answer->tracks[k]->track_id, found[i]->track_id) == 0;
		if (!known)
			found[n++] = found[i];
	}
	nfound = n;
	n = 0;
	sort_by_fit(live, fit, found, nfound);
	for (int i = 0; i < answer->ntracks; i++)
	{
		float		score = score_of(live, fit, answer->tracks[i]);

		while (at < nfound && score_of(live, fit, found[at]) > score)
			tracks[n++] = found[at++];
		tracks[n++] = answer->tracks[i];
	}
	while (at < nfound)
		tracks[n++] = found[at++];
	answer->tracks = tracks;
	answer->ntracks = n;
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
	Scored	   *scored = palloc(sizeof(Scored) * Max(n, 1));

	for (int i = 0; i < n; i++)
	{
		scored[i].track = tracks[i];
		scored[i].at = i;
		scored[i].score = score_of(live, fit, tracks[i]);
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
			if (entry == NULL || !entry->complete || entry->known ||
				(key->catalogue_only && !entry->brought))
				continue;
			tracks[n] = palloc(sizeof(RecoTrack));
			*tracks[n] = *entry->track;
			tracks[n]->origin = entry->origin;
			tracks[n]->artist_ids =
				reco_live_ruled_ids(live, tracks[n], &tracks[n]->nartist_ids);
			n++;
			ask->values[k].origin = entry->origin;
		}
		answer->tracks = tracks;
		answer->ntracks = n;
	}
}
