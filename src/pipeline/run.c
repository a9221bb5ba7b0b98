/*-------------------------------------------------------------------------
 *
 * run.c
 *	  One run of the pipeline, from a request to a list.
 *
 * Purpose: see run.h. Time for ranking is kept back from the deadline; what the
 *			strategies have not brought by then is left out, and said.
 * Runs in: a caller's backend; a job worker.
 * Locks:	none held between stages.
 * Never:	use CurrentMemoryContext after the seam without setting it: the
 *			transaction may be another one.
 *
 *-------------------------------------------------------------------------
 */
#include "run.h"

#include "artifacts.h"
#include "catalogue/lexicon.h"
#include "catalogue/text.h"
#include "deadline.h"
#include "graph.h"
#include "guc.h"
#include "miscadmin.h"
#include "model.h"
#include "shmem/shared.h"
#include "shmem/stage_stat.h"
#include "store/id.h"
#include "store/patience.h"
#include "strategy.h"
#include "utils/memutils.h"

#define TASTE_PATIENCE	0.25f	/* for artists that the model is told of */
#define NEAR_PATIENCE	0.35f	/* for what services know to be near seeds */

static int	ask_to_read(RecoRun *run, RecoAsk *asks);
static int	ask_to_weigh(RecoRun *run, RecoAsk *asks);
static void rank(RecoRun *run);
static void note_calls(RecoRun *run);

/* The nodes of a run, in an order in which all could run one after the other. */
typedef enum NodeId
{
	NODE_READ = 0,
	NODE_TOP_TRACKS,
	NODE_TOP_ARTISTS,
	NODE_NAMES,
	NODE_NAMED,
	NODE_WEIGH,
	NODE_MODEL,
	NODE_SEARCH,
	NODE_DISCOVER,
	NODE_REFINE,
	NODE_ANCHORS,
	NODE_SEEDS,
	NODE_USER_ANCHORS,
	NODE_ARTIST_DISCOVERY,
	NODE_SEED_BASED,
	NNODES
} NodeId;

#define after(node)		((uint32) 1 << NODE_##node)

static const RecoNode nodes[NNODES] = {
	[NODE_READ] = {RECO_STAGE_MOOD, 0, 1, ask_to_read, NULL},
	[NODE_TOP_TRACKS] = {RECO_STAGE_TOP_TRACKS, 0, 0.5f, reco_seeds_ask_top_tracks,
						 reco_seeds_take_top_tracks},
	[NODE_TOP_ARTISTS] = {RECO_STAGE_TOP_ARTISTS, 0, 0.5f, reco_seeds_ask_top_artists,
						  reco_seeds_take_top_artists},
	[NODE_NAMES] = {RECO_STAGE_NAMES, after(READ), 0.3f, reco_seeds_ask_names,
					reco_seeds_take_names},
	[NODE_NAMED] = {RECO_STAGE_NAMES, after(NAMES), 0.5f, reco_seeds_ask_named,
					reco_seeds_take_named},

	/* the names are gone from the words: only now the lexicon is asked */
	[NODE_WEIGH] = {RECO_STAGE_MOOD, after(NAMES), 1, ask_to_weigh, NULL},
	[NODE_MODEL] = {RECO_STAGE_MODEL, after(WEIGH), 0.5f, reco_model_put,
					reco_model_take},
	[NODE_SEARCH] = {RECO_STAGE_DISCOVER, after(WEIGH) | after(NAMED), 0.7f,
					 reco_discover_ask_local, reco_discover_take_local},
	[NODE_DISCOVER] = {RECO_STAGE_DISCOVER, after(WEIGH), 0.7f,
					   reco_discover_ask_services, reco_discover_take_services},

	/* searched meanwhile for the lexicon's mood; now for what the model made of it */
	[NODE_REFINE] = {RECO_STAGE_MODEL, after(MODEL) | after(SEARCH), 0.7f,
					 reco_model_refine, reco_model_take_refined},

	/* what is near the seeds takes longest, so it does not wait for the model */
	[NODE_ANCHORS] = {RECO_STAGE_ANCHORS, after(SEARCH) | after(TOP_TRACKS), 0.8f,
					  reco_seeds_ask_anchors, reco_seeds_take_anchors},
	[NODE_SEEDS] = {RECO_STAGE_SEEDS, after(ANCHORS) | after(DISCOVER), 1, NULL,
					reco_seeds_build_pool},
	[NODE_USER_ANCHORS] = {RECO_STAGE_USER_ANCHORS,
						   after(SEEDS) | after(TOP_ARTISTS) | after(REFINE),
						   NEAR_PATIENCE, reco_strategy_ask, reco_strategy_take,
						   .adds = true},
	[NODE_ARTIST_DISCOVERY] = {RECO_STAGE_ARTIST_DISCOVERY,
							   after(SEARCH) | after(DISCOVER) | after(REFINE), 1,
							   reco_strategy_ask, reco_strategy_take},
	[NODE_SEED_BASED] = {RECO_STAGE_SEED_BASED, after(SEEDS), NEAR_PATIENCE,
						 reco_strategy_ask, reco_strategy_take, .adds = true},
};

/* What a prompt means needs no more than these. */
#define NODES_OF_MOOD	(after(READ) | after(NAMES) | after(NAMED) | after(WEIGH))

#define NODES_OF_MODEL	(after(MODEL) | after(REFINE))

/*
 * Runs nodes; the strategies one after the other, where that is wanted, and the model
 * after what it may be told, where there is one.
 */
static void
run_nodes(RecoRun *run, uint32 wanted)
{
	RecoNode	own[NNODES];

	memcpy(own, nodes, sizeof(nodes));
	if (!reco_guc_parallel_strategies)
	{
		own[NODE_ARTIST_DISCOVERY].needs |= after(USER_ANCHORS);
		own[NODE_SEED_BASED].needs |= after(ARTIST_DISCOVERY);
	}
	if ((wanted & NODES_OF_MODEL) != 0 && !reco_model_may_be_asked(run))
		wanted &= ~NODES_OF_MODEL;
	else if ((wanted & NODES_OF_MODEL) != 0 && reco_model_is_told_taste(run))
	{
		/* a model is not paid for an answer that cannot come in time any more */
		own[NODE_MODEL].needs |= after(TOP_ARTISTS);
		own[NODE_TOP_ARTISTS].patience = TASTE_PATIENCE;
	}
	reco_graph_run(run, own, NNODES, wanted);
}

/* Begins a run, and to be patient. */
RecoRun *
reco_run_open(const RecoRequest *request, MemoryContext context, RecoPauser pause,
			  void *arg)
{
	RecoRun    *run;

	MemoryContextSwitchTo(context);
	run = reco_run_begin(context, request);
	reco_patience_begin(reco_run_patience(request));
	reco_run_begin_stage(run, RECO_STAGE_OPEN);
	run->source = reco_source_open(context, pause, arg);
	reco_source_prioritise(run->source, request->priority, request->most_calls);
	reco_run_end_stage(run);
	return run;
}

/* Runs a request. */
RecoRun *
reco_run_execute(const RecoRequest *request, MemoryContext context, RecoPauser pause,
				 void *arg)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	RecoRun    *run = reco_run_open(request, context, pause, arg);

	reco_run_begin_stage(run, RECO_STAGE_OPEN);
	reco_artifacts_open(run);
	reco_run_end_stage(run);

	run_nodes(run, ((uint32) 1 << NNODES) - 1);
	if (reco_source_tracks(run->source) == 0)
		reco_run_fail(run);
	rank(run);
	if (request->ranked == 0)
		reco_run_deliver(run);
	else if (reco_source_is_behind(run->source))
		reco_select_seen(run);
	reco_run_begin_stage(run, RECO_STAGE_KEEP);
	reco_artifacts_publish(run);
	reco_run_end_stage(run);
	reco_run_conclude(run);
	reco_run_note_tail(run);
	reco_patience_end();

	/* where transactions ended in between, the caller's context may be gone */
	if (pause == NULL)
		MemoryContextSwitchTo(old);
	return run;
}

/* Ranks what the strategies found. */
static void
rank(RecoRun *run)
{
	RecoStageRecord *record = &run->stages[RECO_STAGE_RANK];

	reco_run_begin_stage(run, RECO_STAGE_RANK);
	reco_strategy_merge(run);
	reco_strategy_rank(run);
	record->in = record->out = run->ncandidates;
	reco_run_end_stage(run);
}

/* Makes the ranked candidates into a list. */
void
reco_run_deliver(RecoRun *run)
{
	static const struct
	{
		RecoStage	stage;
		void (*work)(RecoRun *run);
	}			steps[] = {
		{RECO_STAGE_RULES, reco_select_list},
		{RECO_STAGE_QUALITY, reco_select_improve},
		{RECO_STAGE_ORDER, reco_select_order},
	};

	for (int i = 0; i < lengthof(steps); i++)
	{
		RecoStageRecord *record = &run->stages[steps[i].stage];

		reco_run_begin_stage(run, steps[i].stage);
		record->in = i == 0 ? run->ncandidates : run->nlist;
		steps[i].work(run);
		record->out = run->nlist;
		reco_run_end_stage(run);
	}
}

/* Notes what is told of a run, but for its stages. */
void
reco_run_conclude(RecoRun *run)
{
	run->total_us = GetCurrentTimestamp() - run->started;
	run->catalogue = reco_source_tracks(run->source);
	run->counts = reco_source_counts(run->source);
	run->lists = reco_source_lists(run->source);
	note_calls(run);
	reco_artifacts_conclude(run);
	run->reasons = palloc(sizeof(char *) * Max(run->nlist, 1));
	run->near = palloc(sizeof(RecoNear) * Max(run->nlist, 1));
	for (int i = 0; i < run->nlist; i++)
	{
		/* the seed that it is nearest to, if there is one that can be named */
		RecoNear	near = reco_rank_near(&run->ranking, run->list[i]->track);

		run->reasons[i] = reco_reason_of(run, run->list[i], &near);
		if (near.track != NULL &&
			(near.track->title == NULL || near.track->artist == NULL))
			near.track = NULL;
		run->near[i] = near;
	}
}

/* Notes what services were asked, by the run's own time. */
static void
note_calls(RecoRun *run)
{
	int64		began = reco_now_us() - (GetCurrentTimestamp() - run->started);
	const RecoCallTrace *calls = reco_source_calls(run->source, &run->ncalls);
	RecoCallTrace *copy = palloc(sizeof(RecoCallTrace) * Max(run->ncalls, 1));

	for (int i = 0; i < run->ncalls; i++)
	{
		copy[i] = calls[i];
		copy[i].start_us -= began;
	}
	run->calls = copy;
	run->fallbacks = reco_source_fallbacks(run->source, &run->nfallbacks);
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
	request->deadline_ms = reco_guc_deadline;
	run = reco_run_begin(context, request);
	reco_patience_begin(reco_run_patience(request));
	run->source = reco_source_open(context, NULL, NULL);
	run_nodes(run, NODES_OF_MOOD);
	reco_patience_end();
	MemoryContextSwitchTo(old);
	return run;
}

RecoRun *
reco_run_begin(MemoryContext context, const RecoRequest *request)
{
	RecoRun    *run = MemoryContextAllocZero(context, sizeof(RecoRun));

	run->context = context;
	run->request = request;
	run->run_id = reco_id_new();
	run->role = GetUserId();
	run->started = GetCurrentTimestamp();
	run->give_up =
		run->started + (int64) request->deadline_ms * 1000 - reco_run_reserve(request);
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

/* Notes what became of questions. */
static void
note_values(RecoRun *run, const RecoAsk *asks, int nasks)
{
	reco_run_note_missed(run);
	for (int i = 0; i < nasks; i++)
		for (int k = 0; k < asks[i].nkeys; k++)
		{
			RecoStageRecord *record = &run->stages[run->stage];
			const RecoValue *value = &asks[i].values[k];

			*(value->reused ? &record->reused : &record->asked) += 1;
			record->kept += !value->reused && value->origin > RECO_ORIGIN_LIVE;
			run->partial |= value->partial;

			/* what services only can tell is an addition */
			if (asks[i].kind == RECO_KIND_COMPLETION || asks[i].keys[k].query != NULL)
				continue;
			record->late |= value->outcome != RECO_OUTCOME_FRESH;
			if (record->late || run->partial)
				run->complete = false;
		}
}

void
reco_run_resolve(RecoRun *run, RecoAsk *asks, int nasks)
{
	RecoStageRecord *record = &run->stages[run->stage];
	int64		waited = reco_source_waited(run->source);

	reco_source_resolve(run->source, asks, nasks, run->give_up);
	MemoryContextSwitchTo(run->context);
	waited = reco_source_waited(run->source) - waited;
	record->us -= waited;
	record->wait_us += waited;
	note_values(run, asks, nasks);
}

RecoTicket *
reco_run_start(RecoRun *run, RecoAsk *asks, int nasks)
{
	RecoTicket *ticket = reco_source_start(run->source, asks, nasks, run->give_up);

	MemoryContextSwitchTo(run->context);
	return ticket;
}

/* Collects the answers; what has not come by now is left out for time. */
void
reco_run_collect(RecoRun *run, RecoTicket *ticket, RecoAsk *asks, int nasks)
{
	if (!reco_source_is_settled(ticket))
	{
		run->stages[run->stage].late = true;
		run->complete = false;
	}
	reco_source_collect(run->source, ticket);
	MemoryContextSwitchTo(run->context);
	note_values(run, asks, nasks);
}

void
reco_run_begin_stage(RecoRun *run, RecoStage stage)
{
	RecoStageRecord *record = &run->stages[stage];

	CHECK_FOR_INTERRUPTS();
	run->stage = stage;
	run->stage_began = GetCurrentTimestamp() - run->started;
	if (!record->began)
	{
		record->began = true;
		record->start_us = run->stage_began;
		if (run->request->progress != NULL)
			run->request->progress(run->request->progress_arg, stage);
	}
}

void
reco_run_end_stage(RecoRun *run)
{
	RecoStageRecord *record = &run->stages[run->stage];

	record->end_us = GetCurrentTimestamp() - run->started;
	record->us += record->end_us - run->stage_began;
}

static char *
join_stems(const char *a, const char *b)
{
	return psprintf("%s %s", a, b);
}

/* Reads the prompt's words. */
static int
ask_to_read(RecoRun *run, RecoAsk *asks)
{
	RecoTextTools tools;

	reco_text_open(&tools);
	reco_mood_read(reco_text_words(&tools, run->request->prompt, RECO_MOOD_MAXWORDS),
				   &run->mood, join_stems);
	return 0;
}

/* Asks the lexicon, and weighs what it says. */
static int
ask_to_weigh(RecoRun *run, RecoAsk *asks)
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
		evidence[n].answers = terms[i].answers;
		evidence[n++].targets = terms[i].targets;
	}
	reco_mood_weigh(mood, evidence, n, &background, Max(ntracks, 1000));
	run->stages[RECO_STAGE_MOOD].out = mood->nphrases;
	return 0;
}

void
reco_run_count(const RecoRun *run, int64 total_us)
{
	StaticAssertStmt(RECO_NSTAGES < RECO_STAGE_STATS, "there are more stages than metrics");

	if (run == NULL)
	{
		reco_stage_stat_hit(MyDatabaseId, total_us);
		return;
	}
	reco_stage_stat_add(MyDatabaseId, RECO_STAGE_STAT_TOTAL, total_us, 0, 0);
	for (int s = 0; s < RECO_NSTAGES; s++)
	{
		const RecoStageRecord *record = &run->stages[s];

		if (record->began)
			reco_stage_stat_add(MyDatabaseId, s + 1, record->us + record->wait_us,
								record->asked + record->reused,
								record->reused + record->kept);
	}
}

const char *
reco_run_metric_name(int metric)
{
	if (metric == RECO_STAGE_STAT_TOTAL)
		return "total";
	return metric > RECO_NSTAGES ? NULL : reco_run_stage_name(metric - 1);
}

const char *
reco_run_stage_name(RecoStage stage)
{
	static const char *const names[RECO_NSTAGES] = {
		[RECO_STAGE_OPEN] = "open",
		[RECO_STAGE_MOOD] = "mood",
		[RECO_STAGE_MODEL] = "model",
		[RECO_STAGE_TOP_TRACKS] = "fetch_top_tracks",
		[RECO_STAGE_TOP_ARTISTS] = "fetch_top_artists",
		[RECO_STAGE_NAMES] = "search_user_tracks",
		[RECO_STAGE_DISCOVER] = "discover_artists",
		[RECO_STAGE_ANCHORS] = "select_anchors",
		[RECO_STAGE_SEEDS] = "build_seed_pool",
		[RECO_STAGE_USER_ANCHORS] = "user_anchors",
		[RECO_STAGE_ARTIST_DISCOVERY] = "artist_discovery",
		[RECO_STAGE_SEED_BASED] = "seed_based",
		[RECO_STAGE_RANK] = "rank",
		[RECO_STAGE_RULES] = "rules",
		[RECO_STAGE_QUALITY] = "quality",
		[RECO_STAGE_ORDER] = "order",
		[RECO_STAGE_KEEP] = "keep",
	};

	return names[stage];
}
