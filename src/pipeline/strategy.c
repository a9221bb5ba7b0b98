/*-------------------------------------------------------------------------
 *
 * strategy.c
 *	  Three ways to candidates: asking, merging, ranking.
 *
 * Purpose: see strategy.h. Each strategy is a node of the run: it asks as soon as what
 *			it needs is there, and is collected alone.
 * Runs in: wherever a run does.
 * Locks:	none.
 * Never:	merge by position: tracks meet by id.
 *
 *-------------------------------------------------------------------------
 */
#include "strategy.h"

#include "common/hashfn.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#define JITTER		0.04f		/* what another options.seed may change a score by */
#define MOST_KNOWN	0.8f		/* of a list, by user anchors at familiarity 0 */
#define NEAR_LEAST	40
#define NEAR_MOST	200

static const RecoStrategy *const strategies[RECO_NSTRATEGIES] = {
	[RECO_USER_ANCHORS] = &reco_strategy_user_anchors,
	[RECO_ARTIST_DISCOVERY] = &reco_strategy_artist_discovery,
	[RECO_SEED_BASED] = &reco_strategy_seed_based,
};

/* Shares of the list: mentioned, listener known, listener unknown. */
static const float shares[3][RECO_NSTRATEGIES] = {
	{0.40f, 0.40f, 0.20f},
	{0.20f, 0.50f, 0.30f},
	{0, 0.65f, 0.35f},
};

typedef struct Entry
{
	uint64		hash;
	int			candidate;
} Entry;

static uint64
hash_id(const char *id, uint64 seed)
{
	return DatumGetUInt64(
		hash_any_extended((const unsigned char *) id, (int) strlen(id), seed));
}

float
reco_strategy_share(const RecoRun *run, RecoStrategyId strategy)
{
	float		known = 1 - 2 * run->request->familiarity;
	int			row = run->nmentioned_tracks + run->nmentioned > 0 ? 0
		: run->ntop_tracks > 0							   ? 1
														   : 2;

	/* who wants the known gets it from what the listener plays */
	if (known > 0 && run->ntop_tracks > 0)
		return (1 - known) * shares[row][strategy] +
			known *
			(strategy == RECO_USER_ANCHORS ? MOST_KNOWN
										   : (1 - MOST_KNOWN) / (RECO_NSTRATEGIES - 1));
	return shares[row][strategy];
}

int
reco_strategy_near_limit(const RecoRun *run)
{
	return Max(NEAR_LEAST, Min(NEAR_MOST, 4 * run->request->size));
}

/* Appends a track. */
void
reco_found_add(RecoFound *found, RecoTrack *track)
{
	if (found->n == found->size)
	{
		found->size = found->size ? found->size * 2 : 256;
		found->tracks = found->tracks == NULL
			? palloc(sizeof(RecoTrack *) * found->size)
			: repalloc_huge(found->tracks, sizeof(RecoTrack *) * found->size);
	}
	found->tracks[found->n++] = track;
}

/* Appends the first of each list, then the second of each, and so on. */
void
reco_found_add_in_turns(RecoFound *found, const RecoAnswer *const *answers, int nanswers)
{
	int			longest = 0;

	for (int a = 0; a < nanswers; a++)
		longest = Max(longest, answers[a]->ntracks);
	for (int i = 0; i < longest; i++)
		for (int a = 0; a < nanswers; a++)
			if (i < answers[a]->ntracks)
				reco_found_add(found, answers[a]->tracks[i]);
}

/* Makes room for candidates; the list, if there is one already, moves with them. */
static void
reserve(RecoRun *run, int more)
{
	Size		size = sizeof(RecoCandidate) * (run->ncandidates + more + 1);
	RecoCandidate *candidates = MemoryContextAllocHuge(run->context, size);

	if (run->candidates != NULL)
	{
		memcpy(candidates, run->candidates, sizeof(RecoCandidate) * run->ncandidates);
		for (int i = 0; i < run->nlist; i++)
			run->list[i] = &candidates[run->list[i] - run->candidates];
		pfree(run->candidates);
	}
	run->candidates = candidates;
}

/* Adds a track to the candidates, or to what is known of it. */
static RecoCandidate *
merge(RecoRun *run, HTAB *by_id, RecoTrack *track)
{
	uint64		hash = hash_id(track->track_id, 0);
	bool		found;
	Entry	   *entry = hash_search(by_id, &hash, HASH_ENTER, &found);
	RecoCandidate *candidate;

	if (!found)
	{
		entry->candidate = run->ncandidates++;
		candidate = &run->candidates[entry->candidate];
		memset(candidate, 0, sizeof(*candidate));
		candidate->track = track;
		candidate->of_mentioned =
			reco_rules_listed(run->mentioned, run->nmentioned, track->artist_id);
		return candidate;
	}
	candidate = &run->candidates[entry->candidate];
	candidate->track->genre_match =
		Max(candidate->track->genre_match, track->genre_match);
	candidate->track->text_match = Max(candidate->track->text_match, track->text_match);
	return candidate;
}

/* Which strategy's stage is at work. */
static RecoStrategyId
strategy_at_work(const RecoRun *run)
{
	return (RecoStrategyId) (run->stage - RECO_STAGE_USER_ANCHORS);
}

/* Lets the strategy at work ask, if it is wanted and there is time. */
int
reco_strategy_ask(RecoRun *run, RecoAsk *asks)
{
	RecoStrategyId id = strategy_at_work(run);
	RecoStrategyRecord *record = &run->strategies[id];
	int			nasks = 0;

	if (run->found == NULL)
		run->found = palloc0(sizeof(RecoFound) * RECO_NSTRATEGIES);
	record->asked = run->request->strategies[id];
	record->finished = record->asked && !reco_run_is_late(run);
	if (record->finished)
		nasks = strategies[id]->ask(run, asks);
	for (int a = 0; a < nasks; a++)
		run->stages[run->stage].in += asks[a].nkeys;
	return nasks;
}

/* Lets it make candidates of the answers; those of others do not depend on it. */
void
reco_strategy_take(RecoRun *run, RecoAsk *asks, int nasks)
{
	RecoStrategyId id = strategy_at_work(run);
	RecoStrategyRecord *record = &run->strategies[id];

	if (!record->asked)
		return;
	for (int a = 0; a < nasks; a++)
		for (int k = 0; k < asks[a].nkeys; k++)
			record->finished &= asks[a].values[k].outcome == RECO_OUTCOME_FRESH;
	record->finished &= !run->stages[run->stage].late;
	strategies[id]->collect(run, asks, nasks, &run->found[id]);
	for (int a = 0; a < nasks; a++)
		for (int k = 0; k < asks[a].nkeys; k++)
			run->stages[run->stage].out += asks[a].values[k].answer.ntracks;
	run->complete &= record->finished;
}

/* Merges all that was found; nobody's rank is lost. */
void
reco_strategy_merge(RecoRun *run)
{
	RecoFound  *found = run->found;
	HASHCTL		control = {0};
	HTAB	   *by_id;
	int			total = run->nmentioned_tracks;

	for (int s = 0; s < RECO_NSTRATEGIES; s++)
	{
		if (run->strategies[s].asked && strategies[s]->conclude != NULL)
			strategies[s]->conclude(run, &found[s]);
		total += found[s].n;
	}
	control.keysize = sizeof(uint64);
	control.entrysize = sizeof(Entry);
	control.hcxt = run->context;
	by_id = hash_create("reco candidates", Max(total, 16), &control,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	reserve(run, total);
	for (int s = 0; s < RECO_NSTRATEGIES; s++)
	{
		for (int i = 0; i < found[s].n; i++)
		{
			RecoCandidate *candidate = merge(run, by_id, found[s].tracks[i]);

			if (candidate->ranks[s] == 0)
				candidate->ranks[s] = i + 1;
		}
		run->strategies[s].candidates = found[s].n;
	}
	for (int i = 0; i < run->nmentioned_tracks; i++)
		merge(run, by_id, run->mentioned_tracks[i])->protected = true;
	hash_destroy(by_id);
}

/* Better score first, then by id. */
static int
by_score(const void *a, const void *b)
{
	const RecoCandidate *x = a;
	const RecoCandidate *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return strcmp(x->track->track_id, y->track->track_id);
}

/* Scores a range of candidates and sorts it. */
static void
rank_range(RecoRun *run, int from, int n)
{
	reco_rank_score(&run->ranking, &run->candidates[from], n);
	for (int i = from; run->request->seed != 0 && i < from + n; i++)
	{
		uint64 dice =
			hash_id(run->candidates[i].track->track_id, (uint64) run->request->seed);

		run->candidates[i].score += JITTER * ((float) (dice >> 40) / (1 << 24) - 0.5f);
		run->candidates[i].score = Max(0, Min(1, run->candidates[i].score));
	}
	qsort(&run->candidates[from], n, sizeof(RecoCandidate), by_score);
}

static RecoLikenessPack *
pack_of(RecoTrack *const *tracks, int n)
{
	RecoLikenessPack *pack = palloc(sizeof(RecoLikenessPack));

	reco_likeness_pack(tracks, n, pack);
	return pack;
}

/* Would two rankings rate candidates alike, for nobody? */
static bool
same_but_for_taste(const RecoRanking *a, const RecoRanking *b)
{
	return a->has_labels == b->has_labels && a->has_words == b->has_words &&
		a->familiarity == b->familiarity && a->era_from == b->era_from &&
		a->era_to == b->era_to && a->background == b->background;
}

/* Ranks the candidates. */
void
reco_strategy_rank(RecoRun *run)
{
	RecoRanking *ranking = &run->ranking;
	bool		has_labels = run->has_labels;

	for (int i = 0; i < run->ncandidates && !has_labels; i++)
		has_labels = run->candidates[i].track->genre_match > 0;
	ranking->fit = &run->fit;
	ranking->background =
		run->background != NULL ? run->background : reco_source_background(run->source);
	ranking->has_labels = has_labels;
	ranking->has_words = run->has_words;
	ranking->ntaste = run->ntop_tracks;
	ranking->taste = run->top_tracks;
	ranking->nseeds = run->nseeds;
	ranking->seeds = run->seeds;
	ranking->familiarity = run->request->familiarity;
	ranking->era_from = run->era_from;
	ranking->era_to = run->era_to;
	ranking->familiar = palloc(sizeof(char *) * Max(run->ntop_artists, 1));
	for (int i = 0; i < run->ntop_artists; i++)
		ranking->familiar[ranking->nfamiliar++] = run->top_artists[i]->artist_id;
	reco_rules_sort(ranking->familiar, ranking->nfamiliar);
	ranking->taste_pack = pack_of(run->top_tracks, run->ntop_tracks);
	ranking->seeds_pack = pack_of(run->seeds, run->nseeds);
	ranking->rated = run->rated != NULL && same_but_for_taste(ranking, run->rated);
	rank_range(run, 0, run->ncandidates);
	ranking->rated = false;		/* what is found later is not */
}

/* Searches again without a limit, for a list that has stayed short. */
int
reco_strategy_widen(RecoRun *run)
{
	RecoKey		key = {0};
	RecoAsk		ask = {0};
	HASHCTL		control = {0};
	HTAB	   *by_id;
	int			before = run->ncandidates;
	int			filler = RECO_SEED_BASED;
	RecoAnswer *answer;

	/* a strategy that was asked for makes up for the others */
	for (int s = 0; !run->strategies[filler].asked && s < RECO_NSTRATEGIES; s++)
		if (run->strategies[s].asked)
			filler = s;

	key.fit = run->sought;
	key.limit = (int) reco_source_tracks(run->source);
	ask.kind = RECO_KIND_TRACK_SEARCH;
	ask.nkeys = 1;
	ask.keys = &key;
	reco_run_resolve(run, &ask, 1);
	answer = &ask.values[0].answer;

	control.keysize = sizeof(uint64);
	control.entrysize = sizeof(Entry);
	control.hcxt = run->context;
	by_id = hash_create("reco candidates", run->ncandidates + answer->ntracks + 16,
						&control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (int i = 0; i < before; i++)
	{
		uint64		hash = hash_id(run->candidates[i].track->track_id, 0);
		bool		found;

		((Entry *) hash_search(by_id, &hash, HASH_ENTER, &found))->candidate = i;
	}
	reserve(run, answer->ntracks);
	for (int i = 0; i < answer->ntracks; i++)
	{
		int			known = run->ncandidates;
		RecoCandidate *candidate = merge(run, by_id, answer->tracks[i]);

		if (run->ncandidates > known)
			candidate->ranks[filler] = run->pool_limit + i + 1;
	}
	hash_destroy(by_id);
	rank_range(run, before, run->ncandidates - before);
	return run->ncandidates - before;
}
