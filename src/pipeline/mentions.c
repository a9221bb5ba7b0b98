/*-------------------------------------------------------------------------
 *
 * mentions.c
 *	  Names in the prompt, and what the listener plays.
 *
 * Purpose: resolve mentioned tracks and artists, read the listener's history, and
 *			learn from what was named what the list should be like.
 * Runs in: wherever a run does.
 * Locks:	none.
 * Never:	ask about names one after another.
 *
 *-------------------------------------------------------------------------
 */
#include "run.h"

#include "catalogue/import_name.h"
#include "catalogue/text.h"
#include "deadline.h"
#include "lib/stringinfo.h"
#include "utils/timestamp.h"

#define TOP_TRACKS			20
#define TOP_ARTISTS			15
#define NAMED_TRACKS		8	/* of a mentioned artist, to learn what it is like */
#define NAME_PREFIXES		4	/* of a guess at a name, the whole one first */
#define MENTION_WEIGHT		0.6f	/* of what a named track is like */
#define MENTION_SPREAD		0.6f	/* in spreads of the catalogue */
#define MAX_NAMESAKES		20	/* artists of one name, from several sources */
#define MAX_LABEL_TERMS		8

/* Keys for names, and what asked for each. */
typedef struct NameKeys
{
	int			n;
	int			size;
	RecoKey    *keys;
	int		   *mention;		/* -1 = an option */
	int		   *nwords;
} NameKeys;

static void add_key(NameKeys *list, const char *name, const char *artist, bool exact,
					int mention, int nwords);
static void mention_keys(RecoRun *run, NameKeys *artists, NameKeys *tracks);
static void take_artists(RecoRun *run, const NameKeys *keys, const RecoAsk *ask,
						 bool sure);
static void take_tracks(RecoRun *run, const NameKeys *keys, const RecoAsk *ask);
static void exclude_artists(RecoRun *run, const RecoAsk *ask, const NameKeys *named,
							const RecoAsk *named_ask);

/* Makes one string of a run of words, as written. */
static char *
phrase_of(const RecoMood *mood, int first, int nwords)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = first; i < first + nwords && i < mood->words->nwords; i++)
	{
		const char *written = mood->words->words[i].written;

		if (written[0] != '\0')
			appendStringInfo(&text, "%s%s", text.len ? " " : "", written);
	}
	return text.data;
}

/* Asks what the listener plays; nothing of an anonymous one. */
static int
ask_listener(const RecoRun *run, RecoAsk *ask, RecoKind kind, int limit)
{
	const RecoRequest *request = run->request;
	RecoKey    *key;

	if (request->user_id[0] == '\0')
		return 0;
	key = palloc0(sizeof(RecoKey));
	key->id = request->user_id;
	key->limit = limit;
	key->since = request->repeat_days > 0 ? reco_run_repeat_since(run) : DT_NOEND;
	key->required = kind == RECO_KIND_USER_HISTORY;
	key->brief = run->popular != NULL;
	ask->kind = kind;
	ask->nkeys = 1;
	ask->keys = key;
	return 1;
}

/* Asks for the tracks that the listener plays most, and the history. */
int
reco_seeds_ask_top_tracks(RecoRun *run, RecoAsk *asks)
{
	return ask_listener(run, &asks[0], RECO_KIND_USER_TOP_TRACKS, TOP_TRACKS) +
		ask_listener(run, &asks[1], RECO_KIND_USER_HISTORY, 0);
}

void
reco_seeds_take_top_tracks(RecoRun *run, RecoAsk *asks, int nasks)
{
	if (nasks == 0)
		return;
	run->ntop_tracks = asks[0].values[0].answer.ntracks;
	run->top_tracks = asks[0].values[0].answer.tracks;
	run->nhistory = asks[1].values[0].answer.ntracks;
	run->history = asks[1].values[0].answer.tracks;
	run->stages[RECO_STAGE_TOP_TRACKS].out = run->ntop_tracks;
}

int
reco_seeds_ask_top_artists(RecoRun *run, RecoAsk *asks)
{
	return ask_listener(run, &asks[0], RECO_KIND_USER_TOP_ARTISTS, TOP_ARTISTS);
}

void
reco_seeds_take_top_artists(RecoRun *run, RecoAsk *asks, int nasks)
{
	if (nasks == 0)
		return;
	run->ntop_artists = asks[0].values[0].answer.nartists;
	run->top_artists = asks[0].values[0].answer.artists;
	run->stages[RECO_STAGE_TOP_ARTISTS].out = run->ntop_artists;
}

/* Asks who or what the names are. */
int
reco_seeds_ask_names(RecoRun *run, RecoAsk *asks)
{
	const RecoRequest *request = run->request;
	NameKeys   *artists = palloc0(sizeof(NameKeys));
	NameKeys   *tracks = palloc0(sizeof(NameKeys));
	NameKeys   *excluded = palloc0(sizeof(NameKeys));

	run->stages[RECO_STAGE_NAMES].in = run->mood.nmentions;
	mention_keys(run, artists, tracks);
	for (int i = 0; i < request->ninclude; i++)
	{
		add_key(artists, request->include_artists[i], NULL, true, -1, 0);
		artists->keys[artists->n - 1].limit = MAX_NAMESAKES;
	}
	for (int i = 0; i < request->nexclude; i++)
	{
		add_key(excluded, request->exclude_artists[i], NULL, true, -1, 0);
		excluded->keys[i].limit = MAX_NAMESAKES;
		excluded->keys[i].required = true;
	}
	asks[0].kind = asks[2].kind = RECO_KIND_ARTIST_SEARCH;
	asks[1].kind = RECO_KIND_TRACK_SEARCH;
	asks[0].nkeys = artists->n;
	asks[0].keys = artists->keys;
	asks[1].nkeys = tracks->n;
	asks[1].keys = tracks->keys;
	asks[2].nkeys = excluded->n;
	asks[2].keys = excluded->keys;
	run->name_keys[0] = artists;
	run->name_keys[1] = tracks;
	return artists->n + tracks->n + excluded->n > 0 ? 3 : 0;
}

/* Takes what was found: mentioned tracks and artists, and whom to leave out. */
void
reco_seeds_take_names(RecoRun *run, RecoAsk *asks, int nasks)
{
	NameKeys   *artists = run->name_keys[0];
	NameKeys   *tracks = run->name_keys[1];

	if (nasks > 0)
	{
		exclude_artists(run, &asks[2], artists, &asks[0]);

		/* a name of both is the artist's, unless quoted; a likeness comes last */
		take_artists(run, artists, &asks[0], true);
		take_tracks(run, tracks, &asks[1]);
		take_artists(run, artists, &asks[0], false);
	}
	reco_rules_sort(run->mentioned, run->nmentioned);
	reco_mood_drop_mentions(&run->mood);
}

static void
add_key(NameKeys *list, const char *name, const char *artist, bool exact, int mention,
		int nwords)
{
	if (list->n == list->size)
	{
		list->size = list->size ? list->size * 2 : 16;
		if (list->keys == NULL)
		{
			list->keys = palloc(sizeof(RecoKey) * list->size);
			list->mention = palloc(sizeof(int) * list->size);
			list->nwords = palloc(sizeof(int) * list->size);
		}
		else
		{
			list->keys = repalloc(list->keys, sizeof(RecoKey) * list->size);
			list->mention = repalloc(list->mention, sizeof(int) * list->size);
			list->nwords = repalloc(list->nwords, sizeof(int) * list->size);
		}
	}
	memset(&list->keys[list->n], 0, sizeof(RecoKey));
	list->keys[list->n].name = name;
	list->keys[list->n].artist = artist;
	list->keys[list->n].exact = exact;
	list->keys[list->n].limit = 1;
	list->mention[list->n] = mention;
	list->nwords[list->n++] = nwords;
}

/*
 * Makes the names that a prompt's mentions may be: the whole run of words, and
 * where that is only a guess, what is left as words are cut off its end.
 */
static void
mention_keys(RecoRun *run, NameKeys *artists, NameKeys *tracks)
{
	const RecoMood *mood = &run->mood;

	for (int m = 0; m < mood->nmentions; m++)
	{
		const RecoMention *mention = &mood->mentions[m];
		bool		exact = mention->kind > RECO_MENTION_LIKE;
		int			least = mention->kind < RECO_MENTION_GUESS
			? mention->nwords
			: Max(mention->nwords - NAME_PREFIXES + 1, Min(mention->nwords, 2));

		for (int n = mention->nwords; n >= least && n > 0; n--)
		{
			char	   *name = phrase_of(mood, mention->word, n);

			add_key(artists, name, NULL, exact || mention->negated, m, n);
			artists->keys[artists->n - 1].required = mention->negated;
			artists->keys[artists->n - 1].limit = MAX_NAMESAKES;
			add_key(tracks, name, NULL, exact, m, n);
		}

		/* "Hurt by Johnny Cash" */
		if (m + 1 < mood->nmentions &&
			mention->word + mention->nwords + 1 == mood->mentions[m + 1].word &&
			strcmp(mood->words->words[mention->word + mention->nwords].fold, "by") == 0)
			add_key(tracks, phrase_of(mood, mention->word, mention->nwords),
					phrase_of(mood, mood->mentions[m + 1].word,
							  mood->mentions[m + 1].nwords),
					false, m, mention->nwords);
	}
}

/* Notes an artist as mentioned. */
static void
mention_artist(RecoRun *run, RecoArtist *artist)
{
	if (run->mentioned == NULL)
	{
		int			most = MAX_NAMESAKES *
			(RECO_MOOD_MAXMENTIONS * (NAME_PREFIXES + 1) + run->request->ninclude);

		run->mentioned = palloc(sizeof(char *) * most);
		run->names = palloc(sizeof(RecoArtist *) * most);
	}
	for (int i = 0; i < run->nmentioned; i++)
		if (strcmp(run->mentioned[i], artist->artist_id) == 0)
			return;
	run->mentioned[run->nmentioned++] = artist->artist_id;
	run->names[run->nnames++] = artist;
}

/* Notes all artists of one name; of those that only look like it, the likest. */
static void
mention_namesakes(RecoRun *run, const RecoAnswer *answer)
{
	for (int i = 0; i < answer->nartists && !(i > 0 && answer->artists[i]->fuzzy); i++)
		mention_artist(run, answer->artists[i]);
}

/* Takes what was found of a mention that only a language model has seen. */
void
reco_seeds_mention(RecoRun *run, const RecoAnswer *answer, const RecoMention *mention)
{
	RecoMood   *mood = &run->mood;
	RecoTrack **tracks;

	if (answer->nartists > 0 && !answer->artists[0]->fuzzy &&
		!reco_rules_listed(run->excluded, run->nexcluded, answer->artists[0]->artist_id))
		mention_artist(run, answer->artists[0]);
	else if (answer->ntracks > 0)
	{
		tracks = palloc(sizeof(RecoTrack *) * (run->nmentioned_tracks + 1));
		for (int i = 0; i < run->nmentioned_tracks; i++)
			tracks[i] = run->mentioned_tracks[i];
		tracks[run->nmentioned_tracks++] = answer->tracks[0];
		run->mentioned_tracks = tracks;
	}
	else
		return;
	if (mood->nmentions < RECO_MOOD_MAXMENTIONS)
		mood->mentions[mood->nmentions++] = *mention;
}

/* Takes the artists that were found: only the sure ones, or all that are left. */
static void
take_artists(RecoRun *run, const NameKeys *keys, const RecoAsk *ask, bool sure)
{
	for (int i = 0; i < keys->n; i++)
	{
		const RecoAnswer *answer = &ask->values[i].answer;
		RecoMention *mention =
			keys->mention[i] >= 0 ? &run->mood.mentions[keys->mention[i]] : NULL;

		if (mention == NULL)
		{
			/* an option: a name, or else an id */
			if (answer->nartists == 0)
			{
				RecoArtist *artist = palloc0(sizeof(RecoArtist));

				artist->artist_id = artist->name = keys->keys[i].name;
				mention_artist(run, artist);
			}
			mention_namesakes(run, answer);
			continue;
		}
		if (answer->nartists == 0 || mention->resolved || mention->negated)
			continue;
		if (sure &&
			(answer->artists[0]->fuzzy ||
			 run->mood.words->words[mention->word].quote > 0))
			continue;
		mention->resolved = true;
		mention->nwords = keys->nwords[i];
		mention_namesakes(run, answer);
	}
}

/* Takes the tracks that were found; only what is quoted or liked may be a title. */
static void
take_tracks(RecoRun *run, const NameKeys *keys, const RecoAsk *ask)
{
	run->mentioned_tracks = palloc(sizeof(RecoTrack *) * Max(keys->n, 1));

	/* backwards: "Hurt by Johnny Cash" comes after plain "Hurt" */
	for (int i = keys->n - 1; i >= 0; i--)
	{
		const RecoAnswer *answer = &ask->values[i].answer;
		RecoMention *mention = &run->mood.mentions[keys->mention[i]];

		if (answer->ntracks == 0 || mention->resolved || mention->negated ||
			mention->kind > RECO_MENTION_LIKE)
			continue;
		mention->resolved = true;
		run->mentioned_tracks[run->nmentioned_tracks++] = answer->tracks[0];
	}
}

/*
 * Notes an artist as not wanted, by id and by the id that is made of the name: a service
 * may tell of him before it is known how it calls him. Room is made by exclude_artists.
 */
static void
exclude_artist(RecoRun *run, const RecoTextTools *tools, const char *artist_id,
			   const char *name)
{
	run->excluded[run->nexcluded++] = artist_id;
	run->excluded[run->nexcluded++] = reco_import_name_id(tools, name);
}

/* Takes the artists to leave out: named by the options, or in the prompt. */
static void
exclude_artists(RecoRun *run, const RecoAsk *ask, const NameKeys *named,
				const RecoAsk *named_ask)
{
	const RecoRequest *request = run->request;
	int			most = (MAX_NAMESAKES + 1) * request->nexclude + MAX_NAMESAKES * named->n;
	RecoTextTools tools;

	reco_text_open(&tools);
	run->excluded = palloc(sizeof(char *) * (2 * most + 1));
	for (int i = 0; i < request->nexclude; i++)
	{
		const RecoAnswer *answer = &ask->values[i].answer;

		exclude_artist(run, &tools, request->exclude_artists[i],
					   request->exclude_artists[i]);
		if (ask->values[i].outcome != RECO_OUTCOME_FRESH)
			reco_run_exclude_name(run, request->exclude_artists[i]);
		for (int k = 0; k < answer->nartists; k++)
			exclude_artist(run, &tools, answer->artists[k]->artist_id,
						   answer->artists[k]->name);
	}
	for (int i = 0; i < named->n; i++)
	{
		RecoMention *mention =
			named->mention[i] >= 0 ? &run->mood.mentions[named->mention[i]] : NULL;
		const RecoAnswer *answer = &named_ask->values[i].answer;

		if (mention == NULL || !mention->negated || mention->resolved)
			continue;
		if (named_ask->values[i].outcome != RECO_OUTCOME_FRESH)
			reco_run_exclude_name(run, named->keys[i].name);
		if (answer->nartists == 0)
			continue;
		mention->resolved = true;
		mention->nwords = named->nwords[i];
		for (int k = 0; k < answer->nartists; k++)
			exclude_artist(run, &tools, answer->artists[k]->artist_id,
						   answer->artists[k]->name);
	}
	reco_rules_sort(run->excluded, run->nexcluded);
}

/* Asks for some tracks of the named artists. */
int
reco_seeds_ask_named(RecoRun *run, RecoAsk *asks)
{
	RecoFit    *plain = palloc0(sizeof(RecoFit));
	RecoKey    *keys = palloc0(sizeof(RecoKey) * Max(run->nmentioned, 1));

	plain->min_popularity = plain->max_popularity = -1;
	for (int i = 0; i < run->nmentioned; i++)
	{
		keys[i].id = run->mentioned[i];
		keys[i].fit = plain;
		keys[i].limit = NAMED_TRACKS;
		keys[i].enough = NAMED_TRACKS;
	}
	asks[0].kind = RECO_KIND_ARTIST_TRACKS;
	asks[0].nkeys = run->nmentioned;
	asks[0].keys = keys;
	return run->nmentioned > 0 ? 1 : 0;
}

/*
 * Learns from what was named what the list should be like, where words do not
 * say: targets around the named tracks' own features.
 */
void
reco_seeds_take_named(RecoRun *run, RecoAsk *asks, int nasks)
{
	float		sum[RECO_NCOLUMNS] = {0};
	int			count[RECO_NCOLUMNS] = {0};
	int			nknown = 0;

	run->artist_tracks =
		palloc(sizeof(RecoTrack *) * Max(run->nmentioned * NAMED_TRACKS, 1));
	for (int i = 0; i < run->nmentioned; i++)
	{
		const RecoAnswer *answer = &asks[0].values[i].answer;

		/* a name of nobody in the catalogue is no name */
		if (answer->done && answer->ntracks == 0)
			continue;
		run->mentioned[nknown++] = run->mentioned[i];
		for (int t = 0; t < Min(answer->ntracks, NAMED_TRACKS); t++)
			run->artist_tracks[run->nartist_tracks++] = answer->tracks[t];
	}
	run->nmentioned = nknown;
	run->stages[RECO_STAGE_NAMES].out = run->nmentioned_tracks + run->nmentioned;

	for (int i = 0; i < run->nmentioned_tracks + run->nartist_tracks; i++)
	{
		const RecoTrack *track = i < run->nmentioned_tracks
			? run->mentioned_tracks[i]
			: run->artist_tracks[i - run->nmentioned_tracks];

		for (int f = 0; f < RECO_NCOLUMNS; f++)
		{
			if ((track->missing >> f) & 1)
				continue;
			sum[f] += track->values[f];
			count[f]++;
		}
	}
	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		if (count[f] == 0 || f == RECO_POPULARITY || f == RECO_MODE)
			continue;
		run->named[f].mean = sum[f] / count[f];
		run->named[f].sd = reco_source_background(run->source)->sd[f] * MENTION_SPREAD;
		run->named[f].weight = MENTION_WEIGHT;
	}
}

/* Adds the words of one label to a fit's terms, from 'before' on. */
static void
add_label(RecoFit *fit, int before, const RecoWords *words)
{
	const char *last = NULL;

	for (int w = 0; w < words->nwords; w++)
	{
		const char *stem = words->words[w].stem;
		bool		known = stem == NULL;

		/* two words where there are two: "hip hop", not all that hops */
		if (stem != NULL && last != NULL)
			stem = psprintf("%s %s", last, stem);
		last = words->words[w].stem;
		if (words->nwords > 1 && w == 0)
			continue;
		for (int k = before; !known && k < fit->nterms; k++)
			known = strcmp(fit->terms[k].stem, stem) == 0;
		if (known || fit->nterms == RECO_FIT_MAXTERMS ||
			fit->nterms - before == MAX_LABEL_TERMS)
			continue;
		fit->terms[fit->nterms].weight = 0;
		fit->terms[fit->nterms++].stem = stem;
	}
}

/* Adds the labels of what was named to what is looked for. */
void
reco_seeds_add_labels(RecoRun *run)
{
	RecoFit    *fit = &run->fit;
	int			before = fit->nterms;
	int			nids = Min(run->nmentioned_tracks + run->nartist_tracks, MAX_LABEL_TERMS);
	const char **ids = palloc(sizeof(char *) * Max(nids, 1));
	RecoTextTools tools;
	RecoKey		key = {0};
	RecoAsk		ask = {0};

	for (int f = 0; f < RECO_NCOLUMNS; f++)
		if (fit->targets[f].weight <= 0)
			fit->targets[f] = run->named[f];
	if (nids == 0)
		return;
	for (int i = 0; i < nids; i++)
		ids[i] = i < run->nmentioned_tracks
			? run->mentioned_tracks[i]->track_id
			: run->artist_tracks[i - run->nmentioned_tracks]->track_id;
	key.ids = ids;
	key.nids = nids;
	ask.kind = RECO_KIND_TRACK_FACTS;
	ask.nkeys = 1;
	ask.keys = &key;
	reco_run_resolve(run, &ask, 1);

	reco_text_open(&tools);
	for (int i = 0; i < ask.values[0].answer.ntracks; i++)
	{
		const RecoTrack *track = ask.values[0].answer.tracks[i];

		for (int g = 0; g < track->ngenres; g++)
			add_label(fit, before,
					  reco_text_words(&tools, track->genres[g], MAX_LABEL_TERMS));
	}

	/* half of the weight where the prompt has words of its own, else all */
	for (int k = 0; k < fit->nterms && fit->nterms > before; k++)
	{
		if (k >= before)
			fit->terms[k].weight = (before > 0 ? 0.5f : 1) / (fit->nterms - before);
		else
			fit->terms[k].weight *= 0.5f;
	}
}
