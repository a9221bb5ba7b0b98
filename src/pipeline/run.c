/*-------------------------------------------------------------------------
 *
 * run.c
 *	  One run of the pipeline, from a request to a list.
 *
 * Purpose: see run.h. Time for ranking is kept back from the deadline; what the
 *			strategies have not brought by then is left out, and said.
 * Runs in: a caller's backend; a job worker later.
 * Locks:	none held between stages.
 * Never:	use CurrentMemoryContext after the seam without setting it: the
 *			transaction may be another one.
 *
 *-------------------------------------------------------------------------
 */
#include "run.h"

#include "artifacts.h"
#include "catalogue/facet.h"
#include "catalogue/lexicon.h"
#include "catalogue/text.h"
#include "miscadmin.h"
#include "store/id.h"
#include "store/patience.h"
#include "strategy.h"
#include "utils/memutils.h"

#define RANKING_RESERVE_MS	20	/* of the deadline, at most a fifth of it */
#define POOL_TRACKS			1024	/* best-fitting tracks to choose among */
#define POOL_FACTOR			8
#define MAX_ARTISTS			50
#define MIN_POPULARITY		15	/* of an artist, where known */

static RecoRun *begin(MemoryContext context, const RecoRequest *request);
static void begin_stage(RecoRun *run, RecoStage stage, int in);
static void end_stage(RecoRun *run, RecoStage stage, int out);
static void read_prompt(RecoRun *run);
static void weigh_mood(RecoRun *run);
static void make_fit(RecoRun *run);
static void search(RecoRun *run);
static void deliver(RecoRun *run);
static void conclude(RecoRun *run);
static void prune_artists(RecoRun *run, const RecoAnswer *answer);

/* Runs a request. */
RecoRun *
reco_run_execute(const RecoRequest *request, MemoryContext context, void (*pause)(void *),
				 void *arg)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	RecoRun    *run = begin(context, request);

	reco_patience_begin(reco_run_patience(request));
	run->source = reco_source_open(context, pause, arg);
	reco_artifacts_open(run);

	begin_stage(run, RECO_STAGE_MOOD, 0);
	read_prompt(run);
	end_stage(run, RECO_STAGE_MOOD, run->mood.nphrases);

	begin_stage(run, RECO_STAGE_NAMES, run->mood.nmentions);
	reco_seeds_find_names(run);
	end_stage(run, RECO_STAGE_NAMES,
			  run->nmentioned_tracks + run->nmentioned + run->ntop_tracks);

	/* the names are gone from the words: only now the lexicon is asked */
	begin_stage(run, RECO_STAGE_MOOD, run->mood.nphrases);
	weigh_mood(run);
	make_fit(run);
	end_stage(run, RECO_STAGE_MOOD, run->mood.nphrases);

	begin_stage(run, RECO_STAGE_SEARCH, run->fit.nterms);
	search(run);
	end_stage(run, RECO_STAGE_SEARCH, run->npool + run->nartists);
	if (reco_source_tracks(run->source) == 0)
		reco_run_fail(run);

	begin_stage(run, RECO_STAGE_SEEDS,
				run->npool + run->ntop_tracks + run->nmentioned_tracks);
	reco_seeds_choose(run);
	end_stage(run, RECO_STAGE_SEEDS, run->nseeds);

	begin_stage(run, RECO_STAGE_STRATEGIES, run->nseeds + run->nartists);
	reco_strategy_run_all(run);
	end_stage(run, RECO_STAGE_STRATEGIES, run->ncandidates);

	begin_stage(run, RECO_STAGE_RANK, run->ncandidates);
	reco_strategy_rank(run);
	end_stage(run, RECO_STAGE_RANK, run->ncandidates);

	if (request->ranked == 0)
		deliver(run);
	else if (reco_source_is_behind(run->source))
		reco_select_seen(run);
	reco_artifacts_publish(run);
	conclude(run);
	reco_patience_end();

	/* where transactions ended in between, the caller's context may be gone */
	if (pause == NULL)
		MemoryContextSwitchTo(old);
	return run;
}

/* Makes the ranked candidates into a list. */
static void
deliver(RecoRun *run)
{
	begin_stage(run, RECO_STAGE_RULES, run->ncandidates);
	reco_select_list(run);
	end_stage(run, RECO_STAGE_RULES, run->nlist);

	begin_stage(run, RECO_STAGE_QUALITY, run->nlist);
	reco_select_improve(run);
	end_stage(run, RECO_STAGE_QUALITY, run->nlist);

	begin_stage(run, RECO_STAGE_ORDER, run->nlist);
	reco_select_order(run);
	end_stage(run, RECO_STAGE_ORDER, run->nlist);
}

/* Notes what is told of a run, but for its stages. */
static void
conclude(RecoRun *run)
{
	run->total_us = GetCurrentTimestamp() - run->started;
	run->catalogue = reco_source_tracks(run->source);
	run->counts = reco_source_counts(run->source);
	run->lists = reco_source_lists(run->source);
	reco_artifacts_conclude(run);
	run->reasons = palloc(sizeof(char *) * Max(run->nlist, 1));
	for (int i = 0; i < run->nlist; i++)
		run->reasons[i] = reco_reason_of(run, run->list[i]);
}

/* Only what the prompt means. */
RecoRun *
reco_run_mood(const char *prompt, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	RecoRequest *request = palloc0(sizeof(RecoRequest));
	RecoRun    *run;

	request->user_id = "";
	request->prompt = prompt;
	request->size = 1;
	request->deadline_ms = 3600 * 1000;
	run = begin(context, request);
	run->source = reco_source_open(context, NULL, NULL);
	read_prompt(run);
	reco_seeds_find_names(run);
	weigh_mood(run);
	MemoryContextSwitchTo(old);
	return run;
}

static RecoRun *
begin(MemoryContext context, const RecoRequest *request)
{
	RecoRun    *run = MemoryContextAllocZero(context, sizeof(RecoRun));
	int			reserve = Min(RANKING_RESERVE_MS, request->deadline_ms / 5);

	run->context = context;
	run->request = request;
	run->run_id = reco_id_new();
	run->role = GetUserId();
	run->started = GetCurrentTimestamp();
	run->give_up = run->started + (int64) (request->deadline_ms - reserve) * 1000;
	run->complete = true;
	return run;
}

/* Is there no time left for more strategies? */
bool
reco_run_is_late(const RecoRun *run)
{
	return GetCurrentTimestamp() >= run->give_up;
}

/* Since when a played track is not given again. */
TimestampTz
reco_run_repeat_since(const RecoRun *run)
{
	return run->started -
		(int64) run->request->repeat_days * SECS_PER_DAY * USECS_PER_SEC;
}

/* Asks the seam, and comes back to the run's own memory. */
void
reco_run_resolve(RecoRun *run, RecoAsk *asks, int nasks)
{
	reco_source_resolve(run->source, asks, nasks, run->give_up);
	MemoryContextSwitchTo(run->context);
	reco_run_note_missed(run);
	for (int i = 0; i < nasks; i++)
		for (int k = 0; k < asks[i].nkeys; k++)
		{
			RecoStageRecord *record = &run->stages[run->stage];

			*(asks[i].values[k].reused ? &record->reused : &record->asked) += 1;
			run->partial |= asks[i].values[k].partial;
			if (asks[i].values[k].outcome != RECO_OUTCOME_FRESH || run->partial)
				run->complete = false;
		}
}

static void
begin_stage(RecoRun *run, RecoStage stage, int in)
{
	RecoStageRecord *record = &run->stages[stage];
	int64		now = GetCurrentTimestamp() - run->started;

	CHECK_FOR_INTERRUPTS();
	run->stage = stage;
	if (!record->began)
	{
		record->began = true;
		record->start_us = now;
		record->in = in;
	}
	record->us -= now;
}

static void
end_stage(RecoRun *run, RecoStage stage, int out)
{
	run->stages[stage].us += GetCurrentTimestamp() - run->started;
	run->stages[stage].out = out;
}

static char *
join_stems(const char *a, const char *b)
{
	return psprintf("%s %s", a, b);
}

/* Reads the prompt's words. */
static void
read_prompt(RecoRun *run)
{
	RecoTextTools tools;

	reco_text_open(&tools);
	reco_mood_read(reco_text_words(&tools, run->request->prompt, RECO_MOOD_MAXWORDS),
				   &run->mood, join_stems);
}

/* Asks the lexicon, and weighs what it says. */
static void
weigh_mood(RecoRun *run)
{
	RecoMood   *mood = &run->mood;
	const char *stems[RECO_MOOD_MAXPHRASES + 1];
	RecoMoodEvidence *evidence;
	RecoLexiconTerm *terms;
	RecoBackground background = reco_fit_typical;
	int			ntracks = 0;
	int			nfound;
	int			n = 0;

	for (int i = 0; i < mood->nphrases; i++)
		stems[i] = mood->phrases[i].stem;
	stems[mood->nphrases] = RECO_LEXICON_BACKGROUND;
	terms = reco_lexicon_lookup(stems, mood->nphrases + 1, &nfound);
	evidence = palloc(sizeof(RecoMoodEvidence) * Max(nfound, 1));
	for (int i = 0; i < nfound; i++)
	{
		if (strcmp(terms[i].stem, RECO_LEXICON_BACKGROUND) == 0)
		{
			for (int f = 0; f < RECO_NCOLUMNS; f++)
			{
				if (terms[i].targets[f].weight <= 0)
					continue;
				background.mean[f] = terms[i].targets[f].mean;
				background.sd[f] = terms[i].targets[f].sd;
			}
			ntracks = terms[i].tracks;
			continue;
		}
		evidence[n].stem = terms[i].stem;
		evidence[n].learned = terms[i].learned;
		evidence[n].genre = terms[i].genre;
		evidence[n].tracks = terms[i].tracks;
		evidence[n++].targets = terms[i].targets;
	}
	reco_mood_weigh(mood, evidence, n, &background, Max(ntracks, 1000));
}

/* Makes what the prompt means, and the options, into what to look for. */
static void
make_fit(RecoRun *run)
{
	const RecoRequest *request = run->request;
	const RecoMood *mood = &run->mood;
	RecoFit    *fit = &run->fit;

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
}

/* Finds what fits: tracks to choose among, and artists. */
static void
search(RecoRun *run)
{
	const RecoMood *mood = &run->mood;
	const char **words = palloc(sizeof(char *) * RECO_MOOD_MAXPHRASES);
	RecoKey		track_key = {0};
	RecoKey		artist_key = {0};
	RecoAsk		asks[2] = {{0}};

	track_key.fit = &run->fit;
	track_key.limit = run->request->ranked > 0
		? Max(run->request->ranked, POOL_TRACKS)
		: Max(POOL_TRACKS, POOL_FACTOR * run->request->size);
	track_key.words = words;
	for (int i = 0; i < mood->nphrases; i++)
		if (mood->phrases[i].nwords == 1 && !mood->phrases[i].negated)
			words[track_key.nwords++] = mood->phrases[i].stem;
	artist_key.fit = &run->fit;
	artist_key.limit = 2 * MAX_ARTISTS;

	asks[0].kind = RECO_KIND_TRACK_SEARCH;
	asks[0].nkeys = 1;
	asks[0].keys = &track_key;
	asks[1].kind = RECO_KIND_ARTIST_SEARCH;
	asks[1].nkeys = run->request->strategies[RECO_ARTIST_DISCOVERY] ? 1 : 0;
	asks[1].keys = &artist_key;
	reco_run_resolve(run, asks, 2);
	run->has_words = track_key.nwords > 0;
	run->npool = asks[0].values[0].answer.ntracks;
	run->pool = asks[0].values[0].answer.tracks;
	run->pool_limit = track_key.limit;
	if (asks[1].nkeys > 0)
		prune_artists(run, &asks[1].values[0].answer);
}

/*
 * Drops artists before anything is asked about them: known to be unknown, or
 * excluded. Absent popularity is no reason.
 */
static void
prune_artists(RecoRun *run, const RecoAnswer *answer)
{
	run->artists = palloc(sizeof(RecoArtist *) * Max(answer->nartists, 1));
	for (int i = 0; i < answer->nartists; i++)
	{
		RecoArtist *artist = answer->artists[i];

		if ((artist->popularity >= 0 && artist->popularity < MIN_POPULARITY) ||
			reco_rules_listed(run->excluded, run->nexcluded, artist->artist_id))
			run->nartists_pruned++;
		else if (run->nartists < MAX_ARTISTS)
			run->artists[run->nartists++] = artist;
	}
}

const char *
reco_run_stage_name(RecoStage stage)
{
	static const char *const names[] = {
		"mood", "names", "search", "seeds", "strategies", "rank", "rules", "order", "quality"
	};

	return names[stage];
}
