/*-------------------------------------------------------------------------
 *
 * discover.c
 *	  Discovery: tracks and artists that fit what the prompt means.
 *
 * Purpose: make mood and options into what to look for; search the catalogue for it, and
 *			services for what the catalogue has too little of.
 * Runs in: wherever a run does.
 * Locks:	none.
 * Never:	ask a service for what the catalogue can tell.
 *
 *-------------------------------------------------------------------------
 */
#include "run.h"

#include "catalogue/facet.h"
#include "lib/stringinfo.h"
#include "model.h"

#define POOL_TRACKS			1024	/* best-fitting tracks to choose among */
#define POOL_FACTOR			8
#define MAX_ARTISTS			50
#define MIN_POPULARITY		15	/* of an artist, where known */
#define ENOUGH_FACTOR		4	/* so many times the list, of tracks with that label */
#define MOST_QUERIES		2	/* to services */
#define QUERY_TRACKS		50	/* of each, at most */
#define MOST_QUERY_WORDS	6

static void make_fit(RecoRun *run);
static void merge_services(RecoRun *run);
static bool was_searched(const RecoRun *run);
static bool has_enough(const RecoRun *run);
static int	make_queries(const RecoRun *run, const char **queries);

/* Asks the catalogue for what fits: tracks to choose among, and artists. */
int
reco_discover_ask_local(RecoRun *run, RecoAsk *asks)
{
	const RecoMood *mood = &run->mood;
	const char **words = palloc(sizeof(char *) * RECO_MOOD_MAXPHRASES);
	RecoKey    *keys = palloc0(sizeof(RecoKey) * 2);

	make_fit(run);
	keys[0].fit = keys[1].fit = run->sought;
	run->pool_asked = run->pool_limit = keys[0].limit = run->request->ranked > 0
		? Max(run->request->ranked, POOL_TRACKS)
		: Max(POOL_TRACKS, POOL_FACTOR * run->request->size);
	keys[0].words = words;
	for (int i = 0; i < mood->nphrases; i++)
		if (mood->phrases[i].nwords == 1 && !mood->phrases[i].negated)
			words[keys[0].nwords++] = mood->phrases[i].stem;
	run->has_words = keys[0].nwords > 0;
	keys[1].limit = 2 * MAX_ARTISTS;
	run->stages[RECO_STAGE_DISCOVER].in = run->fit.nterms;

	asks[0].kind = RECO_KIND_TRACK_SEARCH;
	asks[0].nkeys = 1;
	asks[0].keys = &keys[0];
	asks[1].kind = RECO_KIND_ARTIST_SEARCH;
	asks[1].nkeys = run->request->strategies[RECO_ARTIST_DISCOVERY] ? 1 : 0;
	asks[1].keys = &keys[1];
	return 2;
}

void
reco_discover_take_local(RecoRun *run, RecoAsk *asks, int nasks)
{
	run->nartists = run->nartists_pruned = 0;
	reco_discover_take_refined(run, asks);
}

/* Takes what fits; what services have found stays beside it, and artists before it. */
void
reco_discover_take_refined(RecoRun *run, RecoAsk *asks)
{
	run->npool = asks[0].values[0].answer.ntracks;
	run->pool = asks[0].values[0].answer.tracks;
	run->pool_limit = run->pool_asked;
	if (asks[1].nkeys > 0)
		reco_discover_add_artists(run, &asks[1].values[0].answer);
	merge_services(run);
	run->stages[RECO_STAGE_DISCOVER].out = run->npool + run->nartists;
}

/* Asks services for what the catalogue has too little of. */
int
reco_discover_ask_services(RecoRun *run, RecoAsk *asks)
{
	const char *queries[MOST_QUERIES];
	RecoKey    *keys;
	int			n;

	/* who is named but not known here holds up the search here, not this one */
	if (run->request->ranked > 0 || (was_searched(run) && has_enough(run)) ||
		!reco_source_can_ask(run->source, RECO_KIND_TRACK_SEARCH))
		return 0;
	if (!was_searched(run))
		make_fit(run);
	n = make_queries(run, queries);
	keys = palloc0(sizeof(RecoKey) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		keys[i].query = queries[i];
		keys[i].fit = run->sought;
		keys[i].limit = QUERY_TRACKS;
	}
	asks[0].kind = RECO_KIND_TRACK_SEARCH;
	asks[1].kind = RECO_KIND_ARTIST_SEARCH;
	asks[0].nkeys = asks[1].nkeys = n;
	asks[0].keys = asks[1].keys = keys;
	return n > 0 ? 2 : 0;
}

void
reco_discover_take_services(RecoRun *run, RecoAsk *asks, int nasks)
{
	if (nasks == 0)
		return;
	run->searched = asks;
	if (!was_searched(run))
		return;
	merge_services(run);
	run->stages[RECO_STAGE_DISCOVER].out = run->npool + run->nartists;
}

/*
 * Puts what services found beside what the catalogue has, in turns. What the catalogue has
 * as well was searched for here, by more than a service knows: that comes last.
 */
static void
merge_services(RecoRun *run)
{
	const RecoAsk *asks = run->searched;
	int			most = run->npool;
	int			more = 0;
	int			n = 0;
	RecoTrack **pool;
	RecoTrack **known;
	int			nknown = 0;

	if (asks == NULL)
		return;
	for (int i = 0; i < asks[0].nkeys; i++)
	{
		more += asks[0].values[i].answer.ntracks;
		most = Max(most, asks[0].values[i].answer.ntracks);
	}
	pool = palloc(sizeof(RecoTrack *) * Max(run->npool + more, 1));
	known = palloc(sizeof(RecoTrack *) * Max(more, 1));
	for (int at = 0; at < most; at++)
	{
		for (int i = 0; i < asks[0].nkeys; i++)
		{
			const RecoAnswer *answer = &asks[0].values[i].answer;

			if (at >= answer->ntracks)
				continue;
			if (answer->tracks[at]->row == RECO_NO_ROW)
				pool[n++] = answer->tracks[at];
			else
				known[nknown++] = answer->tracks[at];
		}
		if (at < run->npool)
			pool[n++] = run->pool[at];
	}
	for (int i = 0; i < nknown; i++)
		pool[n++] = known[i];
	run->pool = pool;
	run->npool = n;
	run->pool_limit += more;
	for (int i = 0; i < asks[1].nkeys && run->request->strategies[RECO_ARTIST_DISCOVERY];
		 i++)
		reco_discover_add_artists(run, &asks[1].values[i].answer);
}

/* Was the catalogue searched? */
static bool
was_searched(const RecoRun *run)
{
	return run->pool_limit > 0;
}

/* Has the catalogue enough of what has the prompt's labels or words? */
static bool
has_enough(const RecoRun *run)
{
	int			n = 0;

	for (int i = 0; i < run->npool; i++)
		n += run->pool[i]->genre_match > 0 || run->pool[i]->text_match > 0;
	return n >= ENOUGH_FACTOR * run->request->size;
}

/* Adds the years that are asked for. */
static void
put_years(const RecoRun *run, StringInfo query)
{
	int			from = run->era_from > 0 ? run->era_from : 1900;
	int			to = run->era_to > 0 ? run->era_to : 2099;

	if (run->era_from > 0 || run->era_to > 0)
		appendStringInfo(query, " year:%d-%d", from, to);
}

/* Makes search texts: the prompt's words, and the label that says most. */
static int
make_queries(const RecoRun *run, const char **queries)
{
	const RecoMood *mood = &run->mood;
	const RecoPhrase *label = NULL;
	StringInfoData words;
	int			nwords = 0;
	int			n = 0;

	initStringInfo(&words);
	for (int i = 0; i < mood->nphrases; i++)
	{
		const RecoPhrase *phrase = &mood->phrases[i];

		if (phrase->negated)
			continue;
		if (phrase->genre && (label == NULL || phrase->weight > label->weight))
			label = phrase;
		if (phrase->nwords == 1 && nwords < MOST_QUERY_WORDS)
			appendStringInfo(&words, "%s%s", nwords++ > 0 ? " " : "",
							 mood->words->words[phrase->word].fold);
	}
	if (label != NULL)
	{
		StringInfoData query;

		initStringInfo(&query);
		appendStringInfoString(&query, "genre:\"");
		for (int i = 0; i < label->nwords; i++)
			appendStringInfo(&query, "%s%s", i > 0 ? " " : "",
							 mood->words->words[label->word + i].fold);
		appendStringInfoChar(&query, '"');
		put_years(run, &query);
		queries[n++] = query.data;
	}
	if (nwords > 0)
	{
		put_years(run, &words);
		queries[n++] = words.data;
	}
	return n;
}

/* Makes what the prompt means, and the options, into what to look for. */
static void
make_fit(RecoRun *run)
{
	const RecoRequest *request = run->request;
	const RecoMood *mood = &run->mood;
	RecoFit    *fit = &run->fit;

	memset(fit, 0, sizeof(*fit));
	memcpy(fit->targets, mood->targets, sizeof(fit->targets));
	for (int i = 0; i < mood->nphrases; i++)
	{
		const RecoPhrase *phrase = &mood->phrases[i];
		bool		inside = false;

		if (!phrase->negated)
		{
			fit->terms[fit->nterms].stem = phrase->stem;
			fit->terms[fit->nterms++].weight = phrase->weight;
			continue;
		}

		/* "no hip hop" bans hip hop, not all that hops; "no slow piano" no pair */
		for (int j = 0; j < mood->nphrases && phrase->nwords == 1; j++)
			inside |= mood->phrases[j].nwords > 1 && mood->phrases[j].understood &&
				phrase->word >= mood->phrases[j].word &&
				phrase->word < mood->phrases[j].word + mood->phrases[j].nwords;
		if (!inside && (phrase->nwords == 1 || phrase->understood) &&
			fit->nbanned < RECO_FIT_MAXBANNED)
			fit->banned[fit->nbanned++] = phrase->stem;
	}
	reco_seeds_add_labels(run);
	reco_model_add_genres(run);
	fit->forbid = (uint16) ((RECO_THEMES & ~mood->asked) | mood->excluded);
	if (request->era_from > 0 || request->era_to > 0)
	{
		run->era_from = request->era_from;
		run->era_to = request->era_to;
	}
	else
	{
		run->era_from = mood->era_from;
		run->era_to = mood->era_to;
	}
	fit->era_from = run->era_from;
	fit->era_to = run->era_to;
	fit->min_popularity = request->min_popularity;
	fit->max_popularity = request->max_popularity;
	if (request->ranked > 0)
	{
		/* ranking is about order: who may be in the list is not its business */
		fit->forbid = 0;
		fit->era_from = fit->era_to = 0;
	}

	/* the engine and services know a fit by its address */
	run->sought = palloc(sizeof(RecoFit));
	*run->sought = *fit;
}

/*
 * Drops artists before anything is asked about them: known to be unknown, or
 * excluded. Absent popularity is no reason.
 */
void
reco_discover_add_artists(RecoRun *run, const RecoAnswer *answer)
{
	if (run->artists == NULL)
		run->artists = palloc(sizeof(RecoArtist *) * MAX_ARTISTS);
	for (int i = 0; i < answer->nartists; i++)
	{
		RecoArtist *artist = answer->artists[i];
		bool		known = false;

		for (int k = 0; k < run->nartists && !known; k++)
			known = strcmp(run->artists[k]->artist_id, artist->artist_id) == 0;
		if (known)
			continue;
		if ((artist->popularity >= 0 && artist->popularity < MIN_POPULARITY) ||
			reco_rules_listed(run->excluded, run->nexcluded, artist->artist_id))
			run->nartists_pruned++;
		else if (run->nartists < MAX_ARTISTS)
			run->artists[run->nartists++] = artist;
	}
}
