/*-------------------------------------------------------------------------
 *
 * run.h
 *	  One run of the pipeline, from a request to a list.
 *
 * Purpose: drive the stages within the deadline, and keep the record of what
 *			happened: that record is the list, its explanation and its JSON.
 * Runs in: a caller's backend; a job worker.
 * Locks:	none held between stages.
 * Never:	hold SPI, a snapshot, a pin or memory of the transaction at a call
 *			of the seam; write anything.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_RUN_H
#define RECO_RUN_H

#include "compat.h"

#include "mood.h"
#include "order.h"
#include "quality.h"
#include "rank.h"
#include "request.h"
#include "rules.h"
#include "source/source.h"

/* The stages, in the order in which they are told. Names are those of metrics. */
typedef enum RecoStage
{
	RECO_STAGE_OPEN = 0,		/* the seam, and what the listener's last run left */
	RECO_STAGE_MOOD,			/* what the prompt means, by the lexicon */
	RECO_STAGE_MODEL,			/* and by a language model, where that is unsure */
	RECO_STAGE_TOP_TRACKS,		/* what the listener plays */
	RECO_STAGE_TOP_ARTISTS,
	RECO_STAGE_NAMES,			/* mentioned tracks and artists */
	RECO_STAGE_DISCOVER,		/* tracks and artists that fit the mood */
	RECO_STAGE_ANCHORS,
	RECO_STAGE_SEEDS,
	RECO_STAGE_USER_ANCHORS,	/* the strategies, in the order of RecoStrategyId */
	RECO_STAGE_ARTIST_DISCOVERY,
	RECO_STAGE_SEED_BASED,
	RECO_STAGE_RANK,
	RECO_STAGE_RULES,
	RECO_STAGE_QUALITY,
	RECO_STAGE_ORDER,
	RECO_STAGE_KEEP,			/* what the listener's next run may reuse */
	RECO_NSTAGES
} RecoStage;

/* Busy and waiting times of all stages add up to the run's. */
typedef struct RecoStageRecord
{
	bool		began;
	bool		late;			/* time was over before everything had come */
	int64		start_us;		/* since the run began */
	int64		end_us;			/* since the run began; others run in between */
	int64		us;				/* busy */
	int64		wait_us;		/* the run stood still for this stage */
	int			in;
	int			out;
	int			asked;			/* keys that the seam asked somebody for */
	int			reused;			/* keys that were answered before */
	int			kept;			/* keys beside these that a service had answered before */
} RecoStageRecord;

typedef struct RecoStrategyRecord
{
	bool		asked;
	bool		finished;
	int			candidates;
	int			delivered;
} RecoStrategyRecord;

/* What was reused of the listener's last run; see artifacts.h. */
typedef struct RecoReused
{
	bool		on;				/* runs leave artifacts at all */
	const char *difference;		/* between the moods; NULL = there was none to reuse */
	int64		age_us;
} RecoReused;

typedef struct RecoRun
{
	MemoryContext context;
	const RecoRequest *request;
	RecoSource *source;
	struct RecoArtifacts *artifacts;	/* artifacts.h; NULL = none are kept */
	int64		run_id;
	Oid			role;			/* who asked */
	TimestampTz started;
	TimestampTz give_up;		/* when strategies stop; later is for ranking */
	int64		total_us;

	RecoMood	mood;
	RecoFit		fit;
	RecoFit    *sought;			/* 'fit' as it is looked for; not one refined later */
	int			era_from;		/* of the options, else of the prompt; 0 = open */
	int			era_to;

	/* mentions and listener */
	void	   *name_keys[2];	/* of mentions.c, while names are asked for */
	int			nmentioned_tracks;
	RecoTrack **mentioned_tracks;
	int			nmentioned;
	const char **mentioned;		/* artist ids, ascending */
	int			nnames;
	RecoArtist **names;			/* the mentioned artists, for reasons */
	int			nartist_tracks;
	RecoTrack **artist_tracks;	/* some of the mentioned artists' */
	RecoTarget	named[RECO_NCOLUMNS];	/* what the named tracks are like */
	int			nopen_names;
	const char **open_names;	/* excluded, folded; who that is, is not known */
	int			nexcluded;
	const char **excluded;		/* artist ids, ascending */
	int			ntop_tracks;
	RecoTrack **top_tracks;
	int			ntop_artists;
	RecoArtist **top_artists;
	int			nhistory;
	RecoTrack **history;

	struct RecoModel *model;	/* model.h; NULL = it was not asked */
	const struct RecoPopularMark *popular;	/* popular.h; NULL = it has no part in it */

	/* what search found */
	const RecoAsk *searched;	/* at services; NULL = none, or nothing yet */
	int			npool;
	RecoTrack **pool;
	int			pool_asked;		/* how many the catalogue was asked for */
	int			pool_limit;		/* ... and with what services found */
	bool		has_words;		/* titles were searched */
	int			nartists;
	RecoArtist **artists;
	int			nartists_pruned;
	int			nanchors;
	int			nanchors_named; /* the first of them are mentioned tracks */
	RecoTrack **anchors;
	int			nseeds;
	RecoTrack **seeds;
	int			nnegatives;
	RecoTrack **negatives;

	int			nlooked;		/* what was found around the seeds */
	const RecoAnswer **looked;
	struct RecoFound *found;	/* by each strategy; see strategy.h */
	int			ncandidates;
	RecoCandidate *candidates;	/* best first, once ranked */
	const RecoBackground *background;	/* NULL = as the seam tells it */
	bool		has_labels;		/* labels were asked for that exist, as is known before */
	const RecoRanking *rated;	/* as candidates were rated before; NULL = not at all */
	RecoRanking ranking;
	RecoRules	rules;

	int			nlist;
	RecoCandidate **list;		/* in the order delivered */
	char	  **reasons;		/* why each track is in it */
	RecoNear   *near;			/* the seed that each is nearest to */
	RecoArc		arc;
	RecoQuality quality;
	int			exchanged;		/* by the improvement round */

	bool		complete;		/* nothing was left out that the list rests on */
	bool		partial;		/* the catalogue was not in hand as a whole */
	bool		published;		/* the list is kept for who asks next */
	uint32		missed;			/* tables that could not be read: store/patience.h */
	RecoStage	stage;			/* the one that is at work */
	int64		stage_began;	/* since the run began */
	RecoStageRecord stages[RECO_NSTAGES];
	RecoStrategyRecord strategies[RECO_NSTRATEGIES];
	int			pruned[RECO_NRULES];

	/* what the seam says at the end */
	uint32		catalogue;		/* tracks in hand */
	const RecoSourceCount *counts;	/* of each kind */
	const RecoLists *lists;
	int			ncalls;
	const RecoCallTrace *calls; /* what services were asked */
	int			nfallbacks;
	const RecoFallback *fallbacks;	/* what could not be had of them */
	RecoReused	reused;
} RecoRun;

/*
 * Runs a request. The result lives in 'context' (best: one of its own), which
 * must outlive transactions if 'pause' ends them; it is the current context then
 * on return. ERROR when the catalogue is empty. Exported, since 16 hides what is
 * not, for test/driver.
 */
extern PGDLLEXPORT RecoRun *reco_run_execute(const RecoRequest *request,
											 MemoryContext context, RecoPauser pause,
											 void *arg);

/*
 * Only begins one, which then asks the seam; reco_patience_end is the caller's. 'context'
 * is the current context on return.
 */
extern RecoRun *reco_run_open(const RecoRequest *request, MemoryContext context,
							  RecoPauser pause, void *arg);

/*
 * Parts of that, for a run that begins with candidates: a run without anything; the list
 * of what is ranked; what is told of a run at its end.
 */
extern RecoRun *reco_run_begin(MemoryContext context, const RecoRequest *request);
extern void reco_run_deliver(RecoRun *run);
extern void reco_run_conclude(RecoRun *run);

/* Only the first stage: what the prompt means. */
extern RecoRun *reco_run_mood(const char *prompt, MemoryContext context);

extern const char *reco_run_stage_name(RecoStage stage);

/*
 * Counts for reco_stat_stage what a list took, and each stage of the run that made it;
 * NULL = the list was kept.
 */
extern void reco_run_count(const RecoRun *run, int64 total_us);

/* A metric of stage_stat.h by its name; NULL = there is none of that number. */
extern const char *reco_run_metric_name(int metric);

/* Why a track is in the list: a short true sentence; 'near' is its nearest seed. */
extern char *reco_reason_of(const RecoRun *run, const RecoCandidate *candidate,
							const RecoNear *near);

/*
 * Nodes of the run: what each asks of the seam, and what it makes of the answers; see
 * graph.h. mentions.c: what the listener plays; names; what is like the named.
 */
extern int	reco_seeds_ask_top_tracks(RecoRun *run, RecoAsk *asks);
extern void reco_seeds_take_top_tracks(RecoRun *run, RecoAsk *asks, int nasks);
extern int	reco_seeds_ask_top_artists(RecoRun *run, RecoAsk *asks);
extern void reco_seeds_take_top_artists(RecoRun *run, RecoAsk *asks, int nasks);
extern int	reco_seeds_ask_names(RecoRun *run, RecoAsk *asks);
extern void reco_seeds_take_names(RecoRun *run, RecoAsk *asks, int nasks);
extern int	reco_seeds_ask_named(RecoRun *run, RecoAsk *asks);
extern void reco_seeds_take_named(RecoRun *run, RecoAsk *asks, int nasks);
extern void reco_seeds_add_labels(RecoRun *run);

/* Takes an artist or a track as mentioned that is found later; 'mention' says where. */
extern void reco_seeds_mention(RecoRun *run, const RecoAnswer *answer,
							   const RecoMention *mention);

/* discover.c: tracks and artists that fit the mood, here and at services. */
extern int	reco_discover_ask_local(RecoRun *run, RecoAsk *asks);
extern void reco_discover_take_local(RecoRun *run, RecoAsk *asks, int nasks);
extern int	reco_discover_ask_services(RecoRun *run, RecoAsk *asks);
extern void reco_discover_take_services(RecoRun *run, RecoAsk *asks, int nasks);

/* Once more, with a mood that is surer now: first whom to look at, then the rest. */
extern void reco_discover_add_artists(RecoRun *run, const RecoAnswer *answer);
extern void reco_discover_take_refined(RecoRun *run, RecoAsk *asks);

/* seeds.c: anchors and negative seeds; the pool of seeds. */
extern int	reco_seeds_ask_anchors(RecoRun *run, RecoAsk *asks);
extern void reco_seeds_take_anchors(RecoRun *run, RecoAsk *asks, int nasks);
extern void reco_seeds_build_pool(RecoRun *run, RecoAsk *asks, int nasks);

/* select.c: the list, one improvement round, its order. */
extern void reco_select_list(RecoRun *run);
extern void reco_select_seen(RecoRun *run);
extern void reco_select_improve(RecoRun *run);
extern void reco_select_complete(RecoRun *run, int n);
extern void reco_select_order(RecoRun *run);

/*
 * Asks the seam, and comes back to the run's own memory: at once and waiting; or putting
 * questions and collecting the answers.
 */
extern void reco_run_resolve(RecoRun *run, RecoAsk *asks, int nasks);
extern RecoTicket *reco_run_start(RecoRun *run, RecoAsk *asks, int nasks);
extern void reco_run_collect(RecoRun *run, RecoTicket *ticket, RecoAsk *asks, int nasks);

/* The time from here on is a stage's, until it ends. Stages do not nest. */
extern void reco_run_begin_stage(RecoRun *run, RecoStage stage);
extern void reco_run_end_stage(RecoRun *run);

/* Since when a played track is not given again. */
extern TimestampTz reco_run_repeat_since(const RecoRun *run);

/* Is there no time left for more strategies? */
extern bool reco_run_is_late(const RecoRun *run);

#endif							/* RECO_RUN_H */
