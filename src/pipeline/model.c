/*-------------------------------------------------------------------------
 *
 * model.c
 *	  A language model's part in a run.
 *
 * Purpose: see model.h. The model is under way while services are searched for the
 *			lexicon's mood; with its answer the catalogue is searched once more.
 * Runs in: wherever a run does.
 * Locks:	those of look-ups in the lexicon.
 * Never:	take as said by the listener what the model only says was said: a name is
 *			mentioned where its words stand in the prompt.
 *
 *-------------------------------------------------------------------------
 */
#include "model.h"

#include "catalogue/lexicon.h"
#include "catalogue/text.h"
#include "guc.h"
#include "json_write.h"
#include "mb/pg_wchar.h"
#include "model_ask.h"
#include "model_refine.h"
#include "source/remote.h"
#include "source/server.h"

#define GENRE_WEIGHT	0.5f	/* of all the model's, beside the prompt's words */
#define MOST_STEMS		8		/* words of a genre */
#define TOKENS_PRICED	1e6		/* a price is that of so many */

static char *write_question(RecoRun *run);
static const char **known_genres(int *n);
static const char **played_artists(const RecoRun *run, int *n);
static const char *useless(const RecoValue *value);
static void know_genres(RecoRun *run);
static int	name_keys(RecoRun *run, RecoKey *artists, RecoKey *tracks);

/* The server that answers; what is asked of it is the seam's business. */
static const RecoServer *
server_of(const RecoRun *run, RecoOperation operation)
{
	return reco_server_pick(reco_server_list(run->role), operation);
}

bool
reco_model_may_be_asked(const RecoRun *run)
{
	return reco_guc_model && reco_guc_llm_threshold > 0 && run->request->ranked == 0 &&
		reco_source_can_ask(run->source, RECO_KIND_COMPLETION);
}

bool
reco_model_is_told_taste(const RecoRun *run)
{
	const RecoServer *server;

	if (run->request->user_id[0] == '\0')
		return false;
	server = server_of(run, RECO_OP_TOP_ARTISTS);
	return server != NULL && server->options.share_with_llm;
}

/* Puts the question. */
int
reco_model_put(RecoRun *run, RecoAsk *asks)
{
	const RecoServer *server;
	RecoKey    *key;
	char	   *question;

	if (run->mood.nphrases == 0 || run->mood.confidence >= reco_guc_llm_threshold)
		return 0;
	server = server_of(run, RECO_OP_COMPLETION);
	if (server == NULL)
		return 0;
	run->model = palloc0(sizeof(RecoModel));
	run->model->server = pstrdup(server->name);
	run->model->before = run->mood.confidence;
	run->model->price_in = server->options.price_in;
	run->model->price_out = server->options.price_out;
	run->model->cost = -1;
	question = write_question(run);
	if (question == NULL)
		return 0;
	run->model->asked = true;
	run->stages[RECO_STAGE_MODEL].in = 1;
	key = palloc0(sizeof(RecoKey));
	key->question = question;
	asks[0].kind = RECO_KIND_COMPLETION;
	asks[0].nkeys = 1;
	asks[0].keys = key;
	return 1;
}

/* Writes the question; NULL = there is nothing to ask. */
static char *
write_question(RecoRun *run)
{
	const RecoMood *mood = &run->mood;
	int most = pg_mbcliplen(run->request->prompt, (int) strlen(run->request->prompt),
							RECO_MODEL_MAXPROMPT);
	char	   *prompt = pnstrdup(run->request->prompt, most);
	RecoModelQuestion question = {0};
	RecoBuffer	words = {0};
	RecoBuffer	key = {0};
	char	   *copy = NULL;

	if (reco_model_words(mood, prompt, &words))
		question.words = reco_remote_key(words.data);
	reco_buffer_free(&words, false);
	if (question.words == NULL)
		return NULL;
	question.genres = known_genres(&question.ngenres);
	if (reco_model_is_told_taste(run))
		question.played = played_artists(run, &question.nplayed);
	run->model->shared = question.nplayed > 0;
	if (reco_model_ask(&question, &key))
		copy = pstrdup(key.data);
	reco_buffer_free(&key, false);
	return copy;
}

/* A genre as the lexicon writes it: one word or two; NULL = it has more. */
static char *
stem_of(const RecoTextTools *tools, const char *name)
{
	const RecoWords *words = reco_text_words(tools, name, MOST_STEMS);
	char	   *stem = NULL;
	int			n = 0;

	for (int i = 0; i < words->nwords; i++)
	{
		if (words->words[i].stem == NULL)
			continue;
		stem = n == 0 ? pstrdup(words->words[i].stem)
					  : psprintf("%s %s", stem, words->words[i].stem);
		n++;
	}
	return n == 1 || n == 2 ? stem : NULL;
}

/* Says which of some stems are genres of the catalogue. */
static bool *
are_genres(const char *const *stems, int n)
{
	const char **asked = palloc(sizeof(char *) * Max(n, 1));
	bool	   *are = palloc0(sizeof(bool) * Max(n, 1));
	RecoLexiconTerm *terms;
	int			nasked = 0;
	int			nterms;

	for (int i = 0; i < n; i++)
		if (stems[i] != NULL)
			asked[nasked++] = stems[i];
	terms = reco_lexicon_lookup(asked, nasked, &nterms);
	for (int t = 0; t < nterms; t++)
		for (int i = 0; i < n; i++)
			are[i] |= stems[i] != NULL && terms[t].genre &&
				strcmp(terms[t].stem, stems[i]) == 0;
	return are;
}

/* The genres that the catalogue knows of those that people write. */
static const char **
known_genres(int *n)
{
	const char **genres = palloc(sizeof(char *) * RECO_MODEL_MAXKNOWN);
	const char *stems[RECO_MODEL_MAXKNOWN] = {NULL};
	RecoTextTools tools;
	bool	   *are;
	int			nnames = 0;

	reco_text_open(&tools);
	for (; nnames < RECO_MODEL_MAXKNOWN && reco_model_genres[nnames] != NULL; nnames++)
		stems[nnames] = stem_of(&tools, reco_model_genres[nnames]);
	are = are_genres(stems, nnames);
	*n = 0;
	for (int i = 0; i < nnames; i++)
		if (are[i])
			genres[(*n)++] = reco_model_genres[i];
	return genres;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Whom the listener plays, as the service says that lets it be told; by name. */
static const char **
played_artists(const RecoRun *run, int *n)
{
	const char **played = palloc(sizeof(char *) * RECO_MODEL_MAXPLAYED);

	*n = 0;
	for (int i = 0; i < run->ntop_artists && *n < RECO_MODEL_MAXPLAYED; i++)
	{
		const RecoArtist *artist = run->top_artists[i];

		if (artist->name != NULL &&
			reco_is_spotify_id(artist->artist_id, strlen(artist->artist_id)))
			played[(*n)++] = reco_remote_key(artist->name);
	}
	qsort(played, *n, sizeof(char *), by_name);
	return played;
}

/* Reads the answer, if it came. */
void
reco_model_take(RecoRun *run, RecoAsk *asks, int nasks)
{
	RecoModel  *model = run->model;
	const RecoValue *value = nasks > 0 ? &asks[0].values[0] : NULL;
	const char *text;

	if (value == NULL)
		return;
	model->origin = value->origin;
	model->why = useless(value);
	if (model->why != NULL)
		return;
	text = reco_remote_key(value->text);
	model->answer = palloc(sizeof(RecoModelAnswer));
	(void) reco_model_read(text, strlen(text), model->answer, &model->why);
	if (value->origin == RECO_ORIGIN_LIVE)
	{
		model->prompt_tokens = model->answer->prompt_tokens;
		model->completion_tokens = model->answer->completion_tokens;
	}
	if (model->price_in > 0 || model->price_out > 0)
		model->cost = (model->prompt_tokens * model->price_in +
					   model->completion_tokens * model->price_out) /
			TOKENS_PRICED;
	model->who = model->answer->who[0] != '\0' ? model->answer->who : NULL;
	model->dropped = model->answer->ndropped;
	if (model->why != NULL)
		model->answer = NULL;
	else
		run->stages[RECO_STAGE_MODEL].out = model->answer->nfields;
}

/* Why there is no answer; NULL = there is one. */
static const char *
useless(const RecoValue *value)
{
	if (value->text != NULL)
		return NULL;
	switch (value->outcome)
	{
		case RECO_OUTCOME_FRESH:
		case RECO_OUTCOME_TIMEOUT:
			return "it did not answer in time";
		default:
			return psprintf("it did not answer: %s", reco_outcome_name(value->outcome));
	}
}

/* Makes the mood surer, and asks for what fits it now. */
int
reco_model_refine(RecoRun *run, RecoAsk *asks)
{
	RecoModel  *model = run->model;
	RecoKey    *artists;
	RecoKey    *tracks;

	if (model == NULL || model->answer == NULL)
		return 0;
	reco_mood_refine(&run->mood, model->answer);
	know_genres(run);
	artists = palloc0(sizeof(RecoKey) * (RECO_MODEL_MAXARTISTS + RECO_MODEL_MAXNAMED));
	tracks = palloc0(sizeof(RecoKey) * RECO_MODEL_MAXNAMED);
	asks[2].kind = RECO_KIND_ARTIST_SEARCH;
	asks[2].keys = artists;
	asks[2].nkeys = name_keys(run, artists, tracks);
	asks[3].kind = RECO_KIND_TRACK_SEARCH;
	asks[3].keys = tracks;
	asks[3].nkeys = model->ntracks;
	return 2 + reco_discover_ask_local(run, asks);
}

/* Finds out by which words the catalogue knows the model's genres. */
static void
know_genres(RecoRun *run)
{
	RecoMood   *mood = &run->mood;
	const char *stems[RECO_MOOD_MAXGENRES] = {NULL};
	RecoTextTools tools;
	bool	   *are;
	int			kept = 0;

	reco_text_open(&tools);
	for (int i = 0; i < mood->ngenres; i++)
	{
		char	   *name = reco_remote_text(mood->genres[i].name);

		stems[i] = name == NULL || strlen(name) >= RECO_MOOD_GENRESIZE
			? NULL
			: stem_of(&tools, name);
		if (stems[i] != NULL)
			strcpy(mood->genres[i].name, name);
	}
	are = are_genres(stems, mood->ngenres);
	for (int i = 0; i < mood->ngenres; i++)
	{
		bool		known = !are[i];

		for (int p = 0; p < mood->nphrases && !known; p++)
			known = strcmp(mood->phrases[p].stem, stems[i]) == 0;
		for (int k = 0; k < kept && !known; k++)
			known = strcmp(mood->genres[k].stem, stems[i]) == 0;
		if (known)
		{
			run->model->dropped += !are[i];
			continue;
		}
		mood->genres[kept] = mood->genres[i];
		mood->genres[kept++].stem = stems[i];
	}
	mood->ngenres = kept;
}

/* Adds the genres to what is looked for: together as much as half of the rest. */
void
reco_model_add_genres(RecoRun *run)
{
	const RecoMood *mood = &run->mood;
	RecoFit    *fit = &run->fit;
	float		total = 0;
	int			before = fit->nterms;

	for (int i = 0; i < mood->ngenres && fit->nterms < RECO_FIT_MAXTERMS; i++)
	{
		bool		banned = false;

		for (int b = 0; b < fit->nbanned; b++)
			banned |= strcmp(fit->banned[b], mood->genres[i].stem) == 0;
		if (!banned)
			fit->terms[fit->nterms++].stem = mood->genres[i].stem;
	}
	for (int i = 0; i < before; i++)
		total += fit->terms[i].weight;
	for (int i = before; i < fit->nterms; i++)
		fit->terms[i].weight =
			(total > 0 ? GENRE_WEIGHT * total : 1) / (float) (fit->nterms - before);
}

/* Where the words of a name stand in the prompt, one after the other; -1 = nowhere. */
static int
find_words(const RecoMood *mood, const RecoWords *name)
{
	for (int i = 0; i + name->nwords <= mood->words->nwords; i++)
	{
		int			n = 0;

		while (n < name->nwords &&
			   strcmp(mood->words->words[i + n].fold, name->words[n].fold) == 0)
			n++;
		if (n == name->nwords && n > 0)
			return i;
	}
	return -1;
}

/*
 * Is a name one of the prompt's that nobody has found yet, and is it wanted? Then
 * 'mention' says where.
 */
static bool
is_mentioned(const RecoRun *run, const RecoTextTools *tools, const char *name,
			 RecoMention *mention)
{
	const RecoMood *mood = &run->mood;
	const RecoWords *words = reco_text_words(tools, name, RECO_MOOD_MAXWORDS);
	int			at = find_words(mood, words);

	if (at < 0)
		return false;
	for (int m = 0; m < mood->nmentions; m++)
		if (at < mood->mentions[m].word + mood->mentions[m].nwords &&
			at + words->nwords > mood->mentions[m].word &&
			(mood->mentions[m].resolved || mood->mentions[m].negated))
			return false;
	for (int i = 0; i < mood->nphrases; i++)
		if (mood->phrases[i].negated && at <= mood->phrases[i].word &&
			at + words->nwords > mood->phrases[i].word)
			return false;
	memset(mention, 0, sizeof(*mention));
	mention->word = at;
	mention->nwords = words->nwords;
	mention->kind = RECO_MENTION_LIKE;
	mention->resolved = true;
	return true;
}

/*
 * Makes keys of the names: artists whose music fits, then those whom the prompt names;
 * tracks that it names. Returns how many artists.
 */
static int
name_keys(RecoRun *run, RecoKey *artists, RecoKey *tracks)
{
	RecoModel  *model = run->model;
	const RecoModelAnswer *answer = model->answer;
	RecoTextTools tools;
	int			n = 0;

	reco_text_open(&tools);
	if (run->request->strategies[RECO_ARTIST_DISCOVERY])
		for (; n < answer->nartists; n++)
			artists[n].name = reco_remote_text(answer->artists[n]);
	model->artists = model->nsuggested = n;
	for (int i = 0; i < answer->nnamed; i++)
	{
		char	   *name = reco_remote_text(answer->named[i]);

		if (is_mentioned(run, &tools, name, &model->mentions[model->nnamed]))
			artists[n + model->nnamed++].name = name;
	}
	for (int i = 0; i < answer->ntracks; i++)
	{
		char	   *name = reco_remote_text(answer->tracks[i].title);
		RecoMention *mention = &model->mentions[model->nnamed + model->ntracks];

		if (!is_mentioned(run, &tools, name, mention))
			continue;
		tracks[model->ntracks].name = name;
		if (answer->tracks[i].artist[0] != '\0')
			tracks[model->ntracks].artist = reco_remote_text(answer->tracks[i].artist);
		tracks[model->ntracks++].limit = 1;
	}
	for (int i = 0; i < n + model->nnamed; i++)
	{
		artists[i].exact = true;
		artists[i].limit = artists[i].enough = 1;
	}
	return n + model->nnamed;
}

/* Takes what fits now, and whom and what the model has named. */
void
reco_model_take_refined(RecoRun *run, RecoAsk *asks, int nasks)
{
	RecoModel  *model = run->model;

	if (nasks == 0)
		return;
	run->nartists = run->nartists_pruned = 0;
	for (int i = 0; i < model->nsuggested; i++)
	{
		model->found += asks[2].values[i].answer.nartists > 0;
		reco_discover_add_artists(run, &asks[2].values[i].answer);
	}
	reco_discover_take_refined(run, asks);
	for (int i = 0; i < model->nnamed; i++)
		reco_seeds_mention(run, &asks[2].values[model->nsuggested + i].answer,
						   &model->mentions[i]);
	for (int i = 0; i < model->ntracks; i++)
		reco_seeds_mention(run, &asks[3].values[i].answer,
						   &model->mentions[model->nnamed + i]);
	reco_rules_sort(run->mentioned, run->nmentioned);
	reco_mood_drop_mentions(&run->mood);
}

/* Tells about the model. */
List *
reco_model_explain(const RecoRun *run, List *lines)
{
	const RecoModel *model = run->model;
	StringInfoData text;

	if (model == NULL || !model->asked)
		return lines;
	initStringInfo(&text);
	appendStringInfo(&text, "        Model: %s%s%s, as the lexicon's confidence was %.2f",
					 model->server, model->who != NULL ? " " : "",
					 model->who != NULL ? model->who : "", model->before);
	if (model->why != NULL)
		appendStringInfo(&text, "; of no use: %s; the lexicon's mood stands", model->why);
	else
		appendStringInfo(&text, " (%s; artists=%d found=%d dropped=%d)",
						 reco_source_origin_name(model->origin), model->artists,
						 model->found, model->dropped);
	lines = lappend(lines, text.data);
	if (model->prompt_tokens + model->completion_tokens > 0)
		lines =
			lappend(lines,
					psprintf("        Tokens: %d in, %d out%s", model->prompt_tokens,
							 model->completion_tokens,
							 model->cost < 0 ? ""
											 : psprintf(" (cost=%.6f)", model->cost)));
	return lines;
}

/* Writes about the model. */
void
reco_model_write(StringInfo json, const RecoRun *run)
{
	const RecoModel *model = run->model;

	if (model == NULL || !model->asked)
		return;
	open_with(json, "model", '{');
	put_string(json, "server", model->server);
	put_string(json, "model", model->who);
	put_string(json, "origin",
			   model->why == NULL ? reco_source_origin_name(model->origin) : NULL);
	put_string(json, "fallback", model->why);
	put_number(json, "confidence_before", model->before);
	put_bool(json, "told_taste", model->shared);
	put_number(json, "artists", model->artists);
	put_number(json, "found", model->found);
	put_number(json, "dropped", model->dropped);
	put_number(json, "prompt_tokens", model->prompt_tokens);
	put_number(json, "completion_tokens", model->completion_tokens);
	if (model->cost >= 0)
		put_number(json, "cost", model->cost);
	appendStringInfoChar(json, '}');
}
