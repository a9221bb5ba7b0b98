/*-------------------------------------------------------------------------
 *
 * live_want.c
 *	  Which questions of a ticket go to a service, and in which words.
 *
 * Purpose: see live_parts.h. Calls are counted and cost money, so a service is asked
 *			for what is not known here, and for no more than a few keys a ticket,
 *			whatever the budget.
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

#define MOST_NAMES			6	/* of each kind a ticket asks for */
#define MOST_ARTISTS		8
#define MOST_LISTS			4	/* recommendations; and a third of the calls */
#define OWN_RANGE			"medium_term"	/* of what a listener plays: half a year */
#define MOST_TRACKS			50
#define MOST_OF_TRACKS		100	/* of whom one thing is wanted */
#define MOST_SEEDS			5

static void want(RecoLive *live, RecoLiveTicket *ticket, RecoAsk *ask, int key);
static void want_name(RecoLive *live, RecoLiveTicket *ticket, RecoAsk *ask, int key);
static void want_search(RecoLive *live, RecoLiveTicket *ticket, RecoAsk *ask, int key);
static void want_artist(RecoLive *live, RecoLiveTicket *ticket, RecoAsk *ask, int key);
static void want_list(RecoLive *live, RecoLiveTicket *ticket, RecoAsk *ask, int key);
static void want_tracks(RecoLive *live, RecoLiveTicket *ticket, RecoAsk *ask, int key);
static void want_of_tracks(RecoLive *live, RecoLiveTicket *ticket, RecoAsk *ask, int key,
						   RecoLiveLot lot);
static void want_own(RecoLive *live, RecoLiveTicket *ticket, RecoAsk *ask, int key,
					 RecoLiveLot lot);
static void want_text(RecoLive *live, RecoLiveTicket *ticket, RecoAsk *ask, int key);

static bool
is_spotify_id(const char *id)
{
	return id != NULL && reco_is_spotify_id(id, strlen(id));
}

/*
 * Finds what a ticket wants to know of services. The first keys of all asks come before
 * the second ones, so that what may not be asked as a whole is asked for all alike.
 */
void
reco_live_want(RecoLive *live, RecoLiveTicket *ticket)
{
	int			most = 0;

	for (int i = 0; i < ticket->nasks; i++)
		most = Max(most, ticket->asks[i].nkeys);
	for (int k = 0; k < most; k++)
		for (int i = 0; i < ticket->nasks; i++)
			if (k < ticket->asks[i].nkeys)
				want(live, ticket, &ticket->asks[i], k);
}

/* Has the engine as much as its asker needs? */
static bool
has_enough(const RecoAsk *ask, int k)
{
	const RecoAnswer *answer = &ask->values[k].answer;
	bool artists =
		ask->kind == RECO_KIND_ARTIST_SEARCH || ask->kind == RECO_KIND_USER_TOP_ARTISTS;
	int			enough = ask->keys[k].enough;

	return enough > 0 &&
		(artists ? answer->nartists : answer->ntracks - answer->expired) >= enough;
}

/* Finds what one key wants to know. */
static void
want(RecoLive *live, RecoLiveTicket *ticket, RecoAsk *ask, int k)
{
	const RecoKey *key = &ask->keys[k];
	bool		enough = has_enough(ask, k);

	switch (ask->kind)
	{
		case RECO_KIND_TRACK_SEARCH:
		case RECO_KIND_ARTIST_SEARCH:
			if (key->name != NULL)
				want_name(live, ticket, ask, k);
			else if (key->query != NULL && !enough)
				want_search(live, ticket, ask, k);
			break;
		case RECO_KIND_ARTIST_TRACKS:
			if (!enough)
				want_artist(live, ticket, ask, k);
			break;
		case RECO_KIND_RECOMMENDATION:
			if (!enough)
				want_list(live, ticket, ask, k);
			break;
		case RECO_KIND_USER_TOP_TRACKS:
			if (!enough)
				want_own(live, ticket, ask, k, RECO_LIVE_TOP_TRACKS);
			break;
		case RECO_KIND_USER_TOP_ARTISTS:
			if (!enough)
				want_own(live, ticket, ask, k, RECO_LIVE_TOP_ARTISTS);
			break;
		case RECO_KIND_TRACK_FACTS:
			want_tracks(live, ticket, ask, k);
			break;
		case RECO_KIND_TRACK_FEATURES:
			want_of_tracks(live, ticket, ask, k, RECO_LIVE_FEATURES);
			break;
		case RECO_KIND_RECCOBEATS_ID:
			want_of_tracks(live, ticket, ask, k, RECO_LIVE_IDS);
			break;
		case RECO_KIND_COMPLETION:
			want_text(live, ticket, ask, k);
			break;
		default:
			break;
	}
}

/* Makes room for one more want; questions of wants stay where they are. */
static RecoLiveWant *
new_want(RecoLiveTicket *ticket)
{
	if (ticket->nwants == ticket->size)
	{
		ticket->size = Max(16, 2 * ticket->size);
		ticket->wants = ticket->wants == NULL
			? palloc(sizeof(RecoLiveWant) * ticket->size)
			: repalloc(ticket->wants, sizeof(RecoLiveWant) * ticket->size);
	}
	return memset(&ticket->wants[ticket->nwants++], 0, sizeof(RecoLiveWant));
}

/* Notes one want, if there is room and a server for it; NULL otherwise. */
static RecoLiveWant *
add_want(RecoLive *live, RecoLiveTicket *ticket, RecoAsk *ask, int key,
		 RecoOperation operation, int most)
{
	RecoLiveWant *added;
	int			n = 0;

	for (int i = 0; i < ticket->nwants; i++)
		n += ticket->wants[i].ask->kind == ask->kind;
	if (n >= most || reco_server_pick(live->servers, operation) == NULL)
		return NULL;
	added = new_want(ticket);
	added->ticket = ticket;
	added->ask = ask;
	added->key = key;
	added->operation = operation;
	added->stage = RECO_LIVE_QUESTION;
	ask->values[key].reused = false;	/* a service has its say in it */
	return added;
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
is_found(const RecoLive *live, const RecoKey *key, const RecoAnswer *answer)
{
	char	   *fold;

	if (answer->nartists > 0)
		return !answer->artists[0]->fuzzy;
	if (answer->ntracks == 0 || answer->tracks[0]->title == NULL)
		return false;
	fold = reco_text_fold(&live->tools, key->name);
	return strcmp(reco_text_fold(&live->tools, answer->tracks[0]->title), fold) == 0;
}

/* Remembers by which ids a rule knows a name: its own text, and what was found. */
static void
note_ruled(RecoLive *live, const RecoKey *key, const RecoAnswer *answer)
{
	char	   *fold = reco_text_fold(&live->tools, key->name);

	reco_live_rule(live, fold, key->name);
	for (int i = 0; i < answer->nartists; i++)
		if (!answer->artists[i]->fuzzy)
			reco_live_rule(live, fold, answer->artists[i]->artist_id);
}

/* Wants to know who or what has a name that is not known here. */
static void
want_name(RecoLive *live, RecoLiveTicket *ticket, RecoAsk *ask, int k)
{
	const RecoKey *key = &ask->keys[k];
	const RecoAnswer *answer = &ask->values[k].answer;
	bool		artist = ask->kind == RECO_KIND_ARTIST_SEARCH;
	StringInfoData query;
	RecoLiveWant *added;

	if (artist && key->required)
		note_ruled(live, key, answer);

	/* what may only be the exact title is a guess, and titles are not guessed */
	if ((!artist && key->exact) || is_found(live, key, answer))
		return;
	added = add_want(live, ticket, ask, k, RECO_OP_SEARCH, MOST_NAMES);
	if (added == NULL)
		return;
	initStringInfo(&query);
	put_filter(&query, artist ? "artist" : "track", key->name);
	if (key->artist != NULL)
		put_filter(&query, "artist", key->artist);
	added->question = reco_live_add(live, RECO_LIVE_NAMES, query.data);
}

/* Wants tracks of an artist who has a Spotify id; the name is added where known. */
static void
want_artist(RecoLive *live, RecoLiveTicket *ticket, RecoAsk *ask, int k)
{
	const char *id = ask->keys[k].id;
	RecoLiveName *name;
	RecoLiveWant *added;

	if (!is_spotify_id(id))
		return;
	added = add_want(live, ticket, ask, k, RECO_OP_ARTIST_TRACKS, MOST_ARTISTS);
	if (added == NULL)
		return;
	name = hash_search(live->artists, id, HASH_FIND, NULL);
	added->question =
		reco_live_add(live, RECO_LIVE_ARTIST_TRACKS,
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
want_list(RecoLive *live, RecoLiveTicket *ticket, RecoAsk *ask, int k)
{
	const RecoKey *key = &ask->keys[k];
	int			nseeds;
	int			nnegatives;
	const char **seeds = spotify_ids(key->seeds, key->nseeds, MOST_SEEDS, &nseeds);
	const char **negatives =
		spotify_ids(key->negatives, key->nnegatives, MOST_SEEDS, &nnegatives);
	RecoLiveWant *added;
	int			most;

	/* what is near single tracks leaves a place for what is near several */
	most = reco_live_most_lists(live);
	if (key->nseeds == 1)
		most = Max(1, most / 2);
	if (nseeds == 0 || live->nlists >= most)
		return;
	added = add_want(live, ticket, ask, k, RECO_OP_RECOMMENDATION, MOST_LISTS);
	if (added == NULL)
		return;
	added->stage = RECO_LIVE_SEEDS;
	live->nlists++;
	added->ids.nseeds = nseeds;
	added->ids.seeds = seeds;
	added->ids.nnegatives = nnegatives;
	added->ids.negatives = negatives;
	for (int i = 0; i < nseeds; i++)
		(void) reco_live_add(live, RECO_LIVE_IDS, seeds[i]);
	for (int i = 0; i < nnegatives; i++)
		(void) reco_live_add(live, RECO_LIVE_IDS, negatives[i]);
}

/*
 * Wants tracks that neither the catalogue nor an earlier turn has told of. Those whose
 * time is over are good enough for now: they are asked for, but not waited for.
 */
static void
want_tracks(RecoLive *live, RecoLiveTicket *ticket, RecoAsk *ask, int k)
{
	const RecoKey *key = &ask->keys[k];
	const RecoAnswer *answer = &ask->values[k].answer;
	const char **expired;
	int			nexpired = 0;
	int			next = 0;

	if (key->catalogue_only)
		return;
	expired = palloc(sizeof(char *) * Max(key->nids, 1));
	for (int i = 0; i < key->nids; i++)
	{
		const char *id = key->ids[i];
		const RecoTrack *here = NULL;
		RecoLiveWant *added;

		if (next < answer->ntracks && strcmp(answer->tracks[next]->track_id, id) == 0)
			here = answer->tracks[next++];
		if ((here != NULL && !here->expired) || !is_spotify_id(id) ||
			hash_search(live->tracks, id, HASH_FIND, NULL) != NULL)
			continue;
		if (here != NULL)
		{
			expired[nexpired++] = id;
			continue;
		}
		added = add_want(live, ticket, ask, k, RECO_OP_TRACKS, MOST_TRACKS);
		if (added == NULL)
			break;
		added->question = reco_live_add(live, RECO_LIVE_TRACKS, id);
	}
	reco_live_renew(live, RECO_LIVE_TRACKS, expired, nexpired);
	pfree(expired);
}

/* Wants one thing of each of some tracks, as far as nobody here knows it. */
static void
want_of_tracks(RecoLive *live, RecoLiveTicket *ticket, RecoAsk *ask, int k,
			   RecoLiveLot lot)
{
	const RecoKey *key = &ask->keys[k];
	RecoLiveQuestion **questions = palloc(sizeof(RecoLiveQuestion *) * Max(key->nids, 1));
	int			n = 0;

	for (int i = 0; i < key->nids && reco_live_server(live, lot) != NULL; i++)
	{
		RecoLiveQuestion *question =
			is_spotify_id(key->ids[i]) ? reco_live_make(live, lot, key->ids[i]) : NULL;

		if (question != NULL && question->state == RECO_LIVE_NEW)
			questions[n++] = question;
	}
	reco_live_find(live, lot, questions, n);
	for (int i = 0; i < n; i++)
	{
		RecoLiveWant *added = NULL;

		if (questions[i]->state == RECO_LIVE_NEW)
			added =
				add_want(live, ticket, ask, k, reco_live_operation(lot), MOST_OF_TRACKS);
		if (added != NULL)
			added->question = reco_live_add(live, lot, questions[i]->key);
	}
	pfree(questions);
}

/* Wants what a listener who is connected plays elsewhere. */
static void
want_own(RecoLive *live, RecoLiveTicket *ticket, RecoAsk *ask, int k, RecoLiveLot lot)
{
	RecoOperation operation = reco_live_operation(lot);
	RecoLiveWant *added;

	if (!live->looked_for_own)
	{
		live->looked_for_own = true;
		live->user_id = ask->keys[k].id;
		live->own_server = reco_own_token_server(live->servers, operation, live->user_id);
	}
	if (live->own_server == NULL)
	{
		if (reco_server_pick(live->servers, operation) != NULL)
			reco_live_note(live, lot, RECO_OUTCOME_UNCONFIGURED,
						   "the listener is not connected");
		return;
	}
	added = add_want(live, ticket, ask, k, operation, 1);
	if (added != NULL)
		added->question = reco_live_add(live, lot, OWN_RANGE);
}

/* Wants what a search finds; what artists and tracks ask is one question. */
static void
want_search(RecoLive *live, RecoLiveTicket *ticket, RecoAsk *ask, int k)
{
	RecoLiveWant *added = add_want(live, ticket, ask, k, RECO_OP_SEARCH, MOST_NAMES);

	if (added == NULL)
		return;
	added->question = reco_live_add(live, RECO_LIVE_SEARCHES, ask->keys[k].query);
}

/* Wants a language model's answer. */
static void
want_text(RecoLive *live, RecoLiveTicket *ticket, RecoAsk *ask, int k)
{
	RecoLiveWant *added;

	if (ask->keys[k].question == NULL)
		return;
	added = add_want(live, ticket, ask, k, RECO_OP_COMPLETION, 1);
	if (added != NULL)
		added->question =
			reco_live_add(live, RECO_LIVE_COMPLETION, ask->keys[k].question);
}
