/*-------------------------------------------------------------------------
 *
 * live_want.c
 *	  Which questions of a turn go to a service, and in which words.
 *
 * Purpose: see live_parts.h. Calls are counted and cost money, so a service is asked
 *			for what is not known here, and for no more than a few keys a turn.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of syscache look-ups.
 * Never:	send a question that the service is known to refuse.
 *
 *-------------------------------------------------------------------------
 */
#include "live_parts.h"

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "own_token.h"

#define MOST_NAMES			6	/* of each kind a turn asks for */
#define MOST_ARTISTS		8
#define MOST_LISTS			4	/* recommendations */
#define OWN_RANGE			"medium_term"	/* of what a listener plays: half a year */
#define MOST_TRACKS			50
#define MOST_SEEDS			5

static void want_name(RecoLiveTurn *turn, RecoAsk *ask, int key);
static void want_artist(RecoLiveTurn *turn, RecoAsk *ask, int key);
static void want_list(RecoLiveTurn *turn, RecoAsk *ask, int key);
static void want_tracks(RecoLiveTurn *turn, RecoAsk *ask, int key);
static void want_own(RecoLiveTurn *turn, RecoAsk *ask, int key, RecoOperation operation);

static bool
is_spotify_id(const char *id)
{
	return id != NULL && reco_is_spotify_id(id, strlen(id));
}

/* Finds what a turn wants to know of services. */
void
reco_live_collect(RecoLiveTurn *turn, RecoAsk *asks, int nasks)
{
	for (int i = 0; i < nasks; i++)
	{
		for (int k = 0; k < asks[i].nkeys; k++)
		{
			switch (asks[i].kind)
			{
				case RECO_KIND_TRACK_SEARCH:
				case RECO_KIND_ARTIST_SEARCH:
					if (asks[i].keys[k].name != NULL)
						want_name(turn, &asks[i], k);
					break;
				case RECO_KIND_ARTIST_TRACKS:
					want_artist(turn, &asks[i], k);
					break;
				case RECO_KIND_RECOMMENDATION:
					want_list(turn, &asks[i], k);
					break;
				case RECO_KIND_USER_TOP_TRACKS:
					want_own(turn, &asks[i], k, RECO_OP_TOP_TRACKS);
					break;
				case RECO_KIND_USER_TOP_ARTISTS:
					want_own(turn, &asks[i], k, RECO_OP_TOP_ARTISTS);
					break;
				case RECO_KIND_TRACK_FACTS:
					want_tracks(turn, &asks[i], k);
					break;
				default:
					break;
			}
		}
	}
}

/* Notes one want, if there is room, a server for it, and time; NULL otherwise. */
static RecoLiveWant *
add_want(RecoLiveTurn *turn, RecoAsk *ask, int key, RecoOperation operation, int most)
{
	RecoLiveWant *want;
	int			n = 0;

	for (int i = 0; i < turn->nwants; i++)
		n += turn->wants[i].ask->kind == ask->kind;
	if (n >= most || turn->nwants == RECO_LIVE_MOSTWANTS ||
		reco_server_pick(turn->live->servers, operation) == NULL)
		return NULL;
	want = &turn->wants[turn->nwants++];
	want->ask = ask;
	want->key = key;
	want->operation = operation;
	want->question = NULL;
	ask->values[key].reused = false;	/* a service has its say in it */
	return want;
}

/* Writes a name as a filter of a search. */
static void
put_filter(StringInfo query, const char *filter, const char *name)
{
	appendStringInfo(query, "%s%s:\"", query->len > 0 ? " " : "", filter);
	for (const char *c = name; *c != '\0'; c++)
		appendStringInfoChar(query, *c == '"' || *c == ':' ? ' ' : *c);
	appendStringInfoChar(query, '"');
}

/* Is a name found here as it is written? */
static bool
is_found(const RecoLiveTurn *turn, const RecoKey *key, const RecoAnswer *answer)
{
	char	   *fold;

	if (answer->nartists > 0)
		return !answer->artists[0]->fuzzy;
	if (answer->ntracks == 0 || answer->tracks[0]->title == NULL)
		return false;
	fold = reco_text_fold(&turn->tools, key->name);
	return strcmp(reco_text_fold(&turn->tools, answer->tracks[0]->title), fold) == 0;
}

/* Remembers by which ids a rule knows a name: its own text, and what was found. */
static void
note_ruled(RecoLiveTurn *turn, const RecoKey *key, const RecoAnswer *answer)
{
	char	   *fold = reco_text_fold(&turn->tools, key->name);

	for (int i = -1; i < answer->nartists; i++)
	{
		RecoLiveRuled *ruled = palloc(sizeof(RecoLiveRuled));

		if (i >= 0 && answer->artists[i]->fuzzy)
			continue;
		ruled->fold = fold;
		ruled->id = i < 0 ? key->name : answer->artists[i]->artist_id;
		turn->live->ruled = lappend(turn->live->ruled, ruled);
	}
}

/* Wants to know who or what has a name that is not known here. */
static void
want_name(RecoLiveTurn *turn, RecoAsk *ask, int k)
{
	const RecoKey *key = &ask->keys[k];
	const RecoAnswer *answer = &ask->values[k].answer;
	bool		artist = ask->kind == RECO_KIND_ARTIST_SEARCH;
	StringInfoData query;
	RecoLiveWant *want;

	if (artist && key->required)
		note_ruled(turn, key, answer);

	/* what may only be the exact title is a guess, and titles are not guessed */
	if ((!artist && key->exact) || is_found(turn, key, answer))
		return;
	want = add_want(turn, ask, k, RECO_OP_SEARCH, MOST_NAMES);
	if (want == NULL)
		return;
	initStringInfo(&query);
	put_filter(&query, artist ? "artist" : "track", key->name);
	if (key->artist != NULL)
		put_filter(&query, "artist", key->artist);
	want->question = reco_live_add(turn, RECO_OP_SEARCH, query.data);
}

/* Wants tracks of an artist who has a Spotify id; the name is added where known. */
static void
want_artist(RecoLiveTurn *turn, RecoAsk *ask, int k)
{
	const char *id = ask->keys[k].id;
	RecoLiveName *name;
	RecoLiveWant *want;

	if (!is_spotify_id(id))
		return;
	want = add_want(turn, ask, k, RECO_OP_ARTIST_TRACKS, MOST_ARTISTS);
	if (want == NULL)
		return;
	name = hash_search(turn->live->artists, id, HASH_FIND, NULL);
	want->question =
		reco_live_add(turn, RECO_OP_ARTIST_TRACKS,
					  name == NULL ? id
								   : psprintf("%s %s", id, name->artist->artist.name));
}

/* Takes those of some tracks that have a Spotify id, each once. */
static const char **
spotify_ids(RecoTrack *const *tracks, int ntracks, int most, int *n)
{
	const char **ids = palloc(sizeof(char *) * Max(ntracks, 1));

	*n = 0;
	for (int i = 0; i < ntracks && *n < most; i++)
	{
		const char *id = tracks[i]->track_id;
		bool		known = !is_spotify_id(id);

		for (int k = 0; k < *n && !known; k++)
			known = strcmp(ids[k], id) == 0;
		if (!known)
			ids[(*n)++] = id;
	}
	return ids;
}

/* Wants what is near some seeds; their ids at ReccoBeats come first. */
static void
want_list(RecoLiveTurn *turn, RecoAsk *ask, int k)
{
	const RecoKey *key = &ask->keys[k];
	int			nseeds;
	int			nnegatives;
	const char **seeds = spotify_ids(key->seeds, key->nseeds, MOST_SEEDS, &nseeds);
	const char **negatives =
		spotify_ids(key->negatives, key->nnegatives, MOST_SEEDS, &nnegatives);
	RecoLiveWant *want;

	if (nseeds == 0)
		return;
	want = add_want(turn, ask, k, RECO_OP_RECOMMENDATION, MOST_LISTS);
	if (want == NULL)
		return;
	want->ids.nseeds = nseeds;
	want->ids.seeds = seeds;
	want->ids.nnegatives = nnegatives;
	want->ids.negatives = negatives;
	for (int i = 0; i < nseeds; i++)
		(void) reco_live_add(turn, RECO_OP_IDS, seeds[i]);
	for (int i = 0; i < nnegatives; i++)
		(void) reco_live_add(turn, RECO_OP_IDS, negatives[i]);
}

/* Wants tracks that neither the catalogue nor an earlier turn has told of. */
static void
want_tracks(RecoLiveTurn *turn, RecoAsk *ask, int k)
{
	const RecoKey *key = &ask->keys[k];
	const RecoAnswer *answer = &ask->values[k].answer;
	int			next = 0;

	for (int i = 0; i < key->nids; i++)
	{
		RecoLiveWant *want;

		if (next < answer->ntracks &&
			strcmp(answer->tracks[next]->track_id, key->ids[i]) == 0)
		{
			if (!answer->tracks[next++]->expired)
				continue;
		}
		if (!is_spotify_id(key->ids[i]) ||
			hash_search(turn->live->tracks, key->ids[i], HASH_FIND, NULL) != NULL)
			continue;
		want = add_want(turn, ask, k, RECO_OP_TRACKS, MOST_TRACKS);
		if (want == NULL)
			return;
		want->question = reco_live_add(turn, RECO_OP_TRACKS, key->ids[i]);
	}
}

/* Wants what a listener who is connected plays elsewhere. */
static void
want_own(RecoLiveTurn *turn, RecoAsk *ask, int k, RecoOperation operation)
{
	RecoLive   *live = turn->live;
	RecoLiveWant *want;

	if (!live->looked_for_own)
	{
		live->looked_for_own = true;
		live->user_id = ask->keys[k].id;
		live->own_server = reco_own_token_server(live->servers, operation, live->user_id);
	}
	if (live->own_server == NULL)
		return;
	want = add_want(turn, ask, k, operation, 1);
	if (want != NULL)
		want->question = reco_live_add(turn, operation, OWN_RANGE);
}
