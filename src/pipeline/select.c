/*-------------------------------------------------------------------------
 *
 * select.c
 *	  From ranked candidates to the list.
 *
 * Purpose: admit candidates by rank until the list is full, each strategy up to
 *			its share first; exchange outliers once; put the list in order.
 * Runs in: wherever a run does.
 * Locks:	none.
 * Never:	deliver what a rule did not see.
 *
 *-------------------------------------------------------------------------
 */
#include "strategy.h"

#include "catalogue/facet.h"
#include "catalogue/import_name.h"
#include "deadline.h"
#include "miscadmin.h"
#include "store/patience.h"
#include "utils/timestamp.h"

#define FACTS_FACTOR	2		/* candidates whose facts are read at once, of T */
#define FACTS_MORE		12
#define SHARED_FACTOR	6		/* candidates that shares of strategies hold for */

static void prepare_rules(RecoRun *run);
static void mention_names(RecoRun *run);
static void need_facts(RecoRun *run, int from, int n);
static void do_without_facts(const RecoRun *run, RecoTrack *track);
static bool consider(RecoRun *run, RecoCandidate *candidate);
static bool in_list(const RecoRun *run, const RecoCandidate *candidate);

/* Takes what was named: protected tracks, and a track of each named artist. */
static void
take_named(RecoRun *run)
{
	int			size = run->request->size;

	/* protected tracks are always in */
	for (int i = 0; i < run->ncandidates && run->nlist < size; i++)
	{
		if (!run->candidates[i].protected)
			continue;
		need_facts(run, i, 1);
		consider(run, &run->candidates[i]);
	}

	/* who names an artist hears at least one track of it, the best that may be in */
	for (int m = 0; m < run->nmentioned && run->nlist < size; m++)
	{
		bool		heard = false;

		for (int i = 0; i < run->ncandidates && !heard; i++)
		{
			if (strcmp(run->candidates[i].track->artist_id, run->mentioned[m]) != 0)
				continue;
			need_facts(run, i, 1);
			heard =
				in_list(run, &run->candidates[i]) || consider(run, &run->candidates[i]);
		}
	}
}

/* Takes candidates by rank, each strategy's up to its share. */
static void
take_shares(RecoRun *run)
{
	int			size = run->request->size;
	int			shared;
	int			quota[RECO_NSTRATEGIES];

	shared = Min(run->ncandidates, SHARED_FACTOR * size);
	for (int s = 0; s < RECO_NSTRATEGIES; s++)
	{
		float		share = reco_strategy_share(run, s);

		quota[s] = (int) (share * size + 0.999f);
	}
	for (int i = 0; i < shared && run->nlist < size; i++)
	{
		RecoCandidate *candidate = &run->candidates[i];
		int			open = -1;

		for (int s = 0; s < RECO_NSTRATEGIES; s++)
			if (candidate->ranks[s] > 0 && quota[s] > 0 &&
				(open < 0 || candidate->ranks[s] < candidate->ranks[open]))
				open = s;
		if (open < 0)
			continue;
		need_facts(run, i, FACTS_FACTOR * size + FACTS_MORE);
		if (consider(run, candidate))
			quota[open]--;
	}
}

/* Takes candidates by rank: what one strategy lacks the others make up. */
static void
take_rest(RecoRun *run)
{
	int			size = run->request->size;
	bool		widened = false;

	for (int i = 0; run->nlist < size; i++)
	{
		if (i == run->ncandidates && !widened)
		{
			widened = true;
			if (run->npool >= run->pool_limit || !run->strategies[RECO_SEED_BASED].asked)
				(void) reco_strategy_widen(run);
		}
		if (i == run->ncandidates)
			break;
		need_facts(run, i, FACTS_FACTOR * size + FACTS_MORE);
		consider(run, &run->candidates[i]);
	}
}

/* Fills the list. */
void
reco_select_list(RecoRun *run)
{
	prepare_rules(run);
	run->list = palloc0(sizeof(RecoCandidate *) * (run->request->size + 1));
	take_named(run);
	take_shares(run);
	take_rest(run);
	for (int i = 0; i < run->ncandidates; i++)
		if (run->candidates[i].rule != RECO_RULE_NONE)
			run->pruned[run->candidates[i].rule]++;
}

/* Is a candidate in the list? */
static bool
in_list(const RecoRun *run, const RecoCandidate *candidate)
{
	for (int i = 0; i < run->nlist; i++)
		if (run->list[i] == candidate)
			return true;
	return false;
}

/* Puts a candidate to the rules, and into the list when they admit it. */
static bool
consider(RecoRun *run, RecoCandidate *candidate)
{
	if (candidate->rule != RECO_RULE_NONE || !candidate->track->has_facts ||
		in_list(run, candidate))
		return false;
	candidate->rule = reco_run_may_list(run, candidate->track)
		? reco_rules_judge(&run->rules, candidate)
		: RECO_RULE_EXCLUDED_ARTIST;
	if (candidate->rule != RECO_RULE_NONE)
		return false;
	reco_rules_admit(&run->rules, candidate);
	run->list[run->nlist++] = candidate;
	return true;
}

/* Gives the rules what they judge by. */
static void
prepare_rules(RecoRun *run)
{
	const RecoRequest *request = run->request;
	RecoRules  *rules = &run->rules;
	TimestampTz since = reco_run_repeat_since(run);

	rules->size = request->size;
	rules->fit = &run->fit;
	rules->themes = RECO_THEMES;
	rules->negative = palloc(sizeof(char *) * (request->nnegative + run->nhistory + 1));
	rules->recent = palloc(sizeof(char *) * (run->nhistory + 1));
	for (int i = 0; i < request->nnegative; i++)
		rules->negative[rules->nnegative++] = request->negative_tracks[i];
	for (int i = 0; i < run->nhistory; i++)
	{
		if (run->history[i]->events & RECO_EVENT_SKIPPED)
			rules->negative[rules->nnegative++] = run->history[i]->track_id;
		if (request->repeat_days > 0 && run->history[i]->last_played >= since)
			rules->recent[rules->nrecent++] = run->history[i]->track_id;
	}
	reco_rules_sort(rules->negative, rules->nnegative);
	reco_rules_sort(rules->recent, rules->nrecent);
	rules->excluded = run->excluded;
	rules->nexcluded = run->nexcluded;
	mention_names(run);
}

/* Whoever was named is so by all his ids: live tracks have one made of the name, too. */
static void
mention_names(RecoRun *run)
{
	RecoRules  *rules = &run->rules;
	RecoTextTools tools;

	rules->mentioned = palloc(sizeof(char *) * (run->nmentioned + run->nnames + 1));
	rules->nmentioned = run->nmentioned;
	for (int i = 0; i < run->nmentioned; i++)
		rules->mentioned[i] = run->mentioned[i];
	if (run->nnames > 0)
		reco_text_open(&tools);
	for (int i = 0; i < run->nnames; i++)
		if (reco_rules_listed(run->mentioned, run->nmentioned, run->names[i]->artist_id))
			rules->mentioned[rules->nmentioned++] =
				reco_import_name_id(&tools, run->names[i]->name);
	reco_rules_sort(rules->mentioned, rules->nmentioned);
}

/* Gives a candidate's track the facts that were read of it. */
static void
take_facts(RecoTrack *track, const RecoTrack *facts)
{
	RecoTrack	all = *facts;

	all.genre_match = track->genre_match;
	all.text_match = track->text_match;
	all.score = track->score;
	all.origin = track->origin;
	all.events = track->events;
	all.plays = track->plays;
	all.last_played = track->last_played;
	*track = all;
}

/*
 * Reads the facts of up to n candidates from 'from' on, unless the first has
 * them. What the rules would not have anyway is left out; what is gone from the
 * catalogue, so that no service is asked for it, stays without facts, and so out of the
 * list.
 */
static void
need_facts(RecoRun *run, int from, int n)
{
	const char **ids;
	RecoTrack **tracks;
	RecoKey		key = {0};
	RecoAsk		ask = {0};
	RecoAnswer *answer;
	bool		unread;
	int			next = 0;

	if (run->candidates[from].track->has_facts ||
		run->candidates[from].rule != RECO_RULE_NONE)
		return;
	ids = palloc(sizeof(char *) * n);
	tracks = palloc(sizeof(RecoTrack *) * n);
	for (int i = from; i < run->ncandidates && key.nids < n; i++)
	{
		RecoCandidate *candidate = &run->candidates[i];
		RecoRule	rule;

		if (candidate->track->has_facts || candidate->rule != RECO_RULE_NONE)
			continue;
		rule = reco_rules_judge(&run->rules, candidate);
		if (rule != RECO_RULE_NONE)
		{
			candidate->rule = rule;
			if (i == from)
			{
				pfree(ids);
				pfree(tracks);
				return;
			}
			continue;
		}
		tracks[key.nids] = candidate->track;
		ids[key.nids++] = candidate->track->track_id;
	}
	key.ids = ids;
	key.catalogue_only = true;
	ask.kind = RECO_KIND_TRACK_FACTS;
	ask.nkeys = 1;
	ask.keys = &key;
	reco_run_resolve(run, &ask, 1);
	answer = &ask.values[0].answer;

	/* a service that is late is no reason: the catalogue had its say */
	unread = ask.values[0].outcome != RECO_OUTCOME_FRESH &&
		(run->missed & RECO_READS(TRACK)) != 0;
	for (int i = 0; i < key.nids; i++)
	{
		if (next < answer->ntracks && strcmp(ids[i], answer->tracks[next]->track_id) == 0)
			take_facts(tracks[i], answer->tracks[next++]);
		else if (unread)
			do_without_facts(run, tracks[i]);
	}
}

/*
 * Reads the facts of the first n candidates, and of the seeds, whatever the rules made of
 * them: for others they may make something else.
 */
void
reco_select_complete(RecoRun *run, int n)
{
	const char **ids = palloc(sizeof(char *) * (n + run->nseeds));
	RecoTrack **tracks = palloc(sizeof(RecoTrack *) * (n + run->nseeds));
	RecoKey		key = {.ids = ids, .catalogue_only = true};
	RecoAsk		ask = {.kind = RECO_KIND_TRACK_FACTS, .nkeys = 1, .keys = &key};
	RecoAnswer *answer;
	int			next = 0;

	for (int i = 0; i < Min(n, run->ncandidates) + run->nseeds; i++)
	{
		RecoTrack *track =
			i < run->nseeds ? run->seeds[i] : run->candidates[i - run->nseeds].track;

		if (track->has_facts)
			continue;
		tracks[key.nids] = track;
		ids[key.nids++] = track->track_id;
	}
	if (key.nids == 0)
		return;
	reco_run_resolve(run, &ask, 1);
	answer = &ask.values[0].answer;
	for (int i = 0; i < key.nids; i++)
		if (next < answer->ntracks && strcmp(ids[i], answer->tracks[next]->track_id) == 0)
			take_facts(tracks[i], answer->tracks[next++]);
}

/*
 * Lets a track be listed that nobody can tell the title of now: the matrix has its id,
 * its artist's, and all that rules go by, but for an artist who is excluded by name.
 */
static void
do_without_facts(const RecoRun *run, RecoTrack *track)
{
	track->has_facts = run->nopen_names == 0;
}

/*
 * Drops of the first 'ranked' candidates those that this transaction does not see. The
 * list needs no such look: it has nothing without facts.
 */
void
reco_select_seen(RecoRun *run)
{
	int			n = Min(run->ncandidates, run->request->ranked);
	const char **ids = palloc(sizeof(char *) * Max(n, 1));
	RecoKey		key = {.ids = ids, .catalogue_only = true};
	RecoAsk		ask = {.kind = RECO_KIND_TRACK_FACTS, .nkeys = 1, .keys = &key};
	RecoAnswer *answer;
	int			next = 0;
	int			kept = 0;

	for (int i = 0; i < n; i++)
		if (!run->candidates[i].track->has_facts)
			ids[key.nids++] = run->candidates[i].track->track_id;
	if (key.nids == 0)
		return;
	reco_run_resolve(run, &ask, 1);
	if (ask.values[0].outcome != RECO_OUTCOME_FRESH)
		return;
	answer = &ask.values[0].answer;
	for (int i = 0; i < n; i++)
	{
		const RecoTrack *track = run->candidates[i].track;

		if (!track->has_facts)
		{
			if (next == answer->ntracks ||
				strcmp(answer->tracks[next]->track_id, track->track_id) != 0)
				continue;
			next++;
		}
		run->candidates[kept++] = run->candidates[i];
	}
	run->ncandidates = kept;
}

/*
 * Exchanges the list's outliers once, for what comes next by rank and coheres;
 * keeps the change only if the whole list is better for it.
 */
void
reco_select_improve(RecoRun *run)
{
	int			size = run->request->size;
	RecoCandidate **before;
	RecoRules	rules_before = run->rules;
	RecoQuality quality =
		reco_quality_judge(run->list, run->nlist, size, run->mood.confidence);
	int			exchanged = 0;
	int			next = 0;

	run->quality = quality;
	if (run->nlist == 0 ||
		(quality.overall >= RECO_QUALITY_ENOUGH &&
		 quality.cohesion >= RECO_QUALITY_COHESION))
		return;
	before = palloc(sizeof(RecoCandidate *) * (size + 1));
	memcpy(before, run->list, sizeof(RecoCandidate *) * run->nlist);

	for (int i = 0; i < run->nlist; i++)
	{
		RecoCandidate *out = run->list[i];
		RecoCandidate *in = NULL;
		int			at = 0;

		if (out->protected || !out->comparable || out->cohesion >= RECO_QUALITY_OUTLIER)
			continue;
		while (run->rules.admitted[at] != out->track)
			at++;
		reco_rules_expel(&run->rules, at);
		for (; next < run->ncandidates && in == NULL; next++)
		{
			RecoCandidate *candidate = &run->candidates[next];

			if (candidate->track->has_facts && candidate->comparable &&
				candidate->cohesion >= RECO_QUALITY_OUTLIER && !in_list(run, candidate) &&
				(candidate->rule == RECO_RULE_NONE ||
				 candidate->rule == RECO_RULE_ARTIST_CAP) &&
				reco_rules_judge(&run->rules, candidate) == RECO_RULE_NONE &&
				reco_run_may_list(run, candidate->track))
				in = candidate;
		}
		if (in == NULL)
			in = out;
		else
			exchanged++;
		reco_rules_admit(&run->rules, in);
		run->list[i] = in;
	}
	quality = reco_quality_judge(run->list, run->nlist, size, run->mood.confidence);
	if (exchanged > 0 && quality.overall > run->quality.overall)
	{
		run->quality = quality;
		run->exchanged = exchanged;
		return;
	}
	run->rules = rules_before;
	memcpy(run->list, before, sizeof(RecoCandidate *) * run->nlist);
}

/* Better score first, then by id. */
static int
by_score(const void *a, const void *b)
{
	const RecoCandidate *x = *(RecoCandidate *const *) a;
	const RecoCandidate *y = *(RecoCandidate *const *) b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return strcmp(x->track->track_id, y->track->track_id);
}

/* Puts the list in the order in which it is delivered. */
void
reco_select_order(RecoRun *run)
{
	RecoTrack **tracks = palloc(sizeof(RecoTrack *) * Max(run->nlist, 1));
	RecoCandidate **list = palloc(sizeof(RecoCandidate *) * Max(run->nlist, 1));
	int		   *order = palloc(sizeof(int) * Max(run->nlist, 1));

	qsort(run->list, run->nlist, sizeof(RecoCandidate *), by_score);
	for (int i = 0; i < run->nlist; i++)
	{
		run->strategies[reco_rank_strategy(run->list[i])].delivered++;
		tracks[i] = run->list[i]->track;
		list[i] = run->list[i];
	}
	run->arc = reco_order_arc(tracks, run->nlist, order);
	for (int i = 0; i < run->nlist && !run->request->by_score; i++)
		run->list[i] = list[order[i]];
}
