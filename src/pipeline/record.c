/*-------------------------------------------------------------------------
 *
 * record.c
 *	  The record of a run: writing it.
 *
 * Purpose: see record.h.
 * Runs in: wherever a run does.
 * Locks:	the buffer's.
 * Never:	keep a text of any length whole: a record is bounded, whatever the prompt is.
 *
 *-------------------------------------------------------------------------
 */
#include "record.h"

#include "access/xlog.h"
#include "deadline.h"
#include "guc.h"
#include "json_write.h"
#include "model.h"
#include "popular.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "shmem/cached.h"
#include "source/remote.h"
#include "store/patience.h"
#include "store/run.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define MOST_PROMPT		2000	/* bytes; of a longer text the beginning is kept */
#define MOST_TEXT		300
#define MOST_OPTIONS	20		/* ids of an option that is a list */
#define MOST_FALLBACKS	50
#define LATELY_US		(2 * INT64CONST(1000000))	/* see reco_record_lately */
#define MOST_TRIES		3		/* while others invalidate */

static char *write_record(const RecoRun *run);

/* Puts the record into the buffer; the epoch is of no meaning to it. */
void
reco_record_keep(const RecoRun *run, Oid extension)
{
	char		name[RECO_RECORD_KEYSIZE];
	RecoCachedKey key = {MyDatabaseId, extension, RECO_CATEGORY_RUN, name};
	RecoCachedValue value = {0};
	MemoryContext old;

	if (reco_guc_run_history == 0 || reco_cached_counts == NULL ||
		(!RecoveryInProgress() && reco_cached_refuses(MyDatabaseId, RECO_CATEGORY_RUN)))
		return;
	old = MemoryContextSwitchTo(run->context);
	reco_record_key(run->run_id, name);
	value.value = reco_remote_key(write_record(run));
	value.len = strlen(value.value);
	value.fetched_at = run->started;
	value.fresh_until = GetCurrentTimestamp() + LATELY_US;
	value.usable_until =
		run->started + (int64) reco_guc_run_history_age * SECS_PER_MINUTE * USECS_PER_SEC;
	for (int tries = 0; tries < MOST_TRIES; tries++)
	{
		uint64		epoch = reco_cached_epoch(MyDatabaseId);

		/* nobody writes it on a standby, so there it need not be kept for that */
		if (reco_cached_put(&key, &value, RecoveryInProgress(), epoch) ||
			reco_cached_epoch(MyDatabaseId) == epoch)
			break;
	}
	MemoryContextSwitchTo(old);
}

/* Writes the record into the table, in this transaction. */
void
reco_record_write(const RecoRun *run)
{
	RecoRunRow	row = {0};

	if (reco_guc_run_history == 0)
		return;
	row.record = reco_record_parse(write_record(run));
	if (row.record == NULL)
		return;
	row.user_id = run->request->user_id;
	row.run_id = run->run_id;
	row.role = run->role;
	row.started = run->started;
	reco_run_write(&row, 1);
}

void
reco_record_key(int64 run_id, char *key)
{
	snprintf(key, RECO_RECORD_KEYSIZE, INT64_FORMAT, run_id);
}

/* The parts of a score that have evidence. */
void
reco_record_put_parts(StringInfo json, const char *key, const RecoCandidate *candidate)
{
	open_with(json, key, '{');
	for (int p = 0; p < RECO_NPARTS; p++)
		if (candidate->parts[p] >= 0)
			put_number(json, reco_rank_part_name(p), candidate->parts[p]);
	appendStringInfoChar(json, '}');
}

/* Strategies that did not finish, and other stages that did not hear everything. */
void
reco_record_put_missing(StringInfo json, const RecoRun *run)
{
	open_with(json, "missing", '[');
	for (int s = 0; s < RECO_NSTRATEGIES; s++)
		if (run->strategies[s].asked && !run->strategies[s].finished)
			put_string(json, NULL, reco_rank_strategy_name(s));
	for (int s = 0; s < RECO_NSTAGES; s++)
		if ((s < RECO_STAGE_USER_ANCHORS || s > RECO_STAGE_SEED_BASED) &&
			run->stages[s].late)
			put_string(json, NULL, reco_run_stage_name(s));
	if (run->partial)
		put_string(json, NULL, "catalogue");
	for (int t = 0; t < RECO_NTABLES; t++)
		if ((run->missed >> t) & 1)
			put_string(json, NULL, psprintf("reco.%s", reco_table_name(t)));
	reco_run_put_silent(json, run);
	appendStringInfoChar(json, ']');
}

/* How good the list is, and what that rests on. */
void
reco_record_put_quality(StringInfo json, const RecoRun *run)
{
	open_with(json, "quality", '{');
	put_number(json, "overall", run->quality.overall);
	put_number(json, "cohesion", run->quality.cohesion);
	put_number(json, "coverage", run->quality.coverage);
	put_number(json, "confidence", run->quality.confidence);
	put_number(json, "diversity", run->quality.diversity);
	put_number(json, "exchanged", run->exchanged);
	appendStringInfoChar(json, '}');
}


/* How recommendations of services were got: null where none was asked for. */
void
reco_record_put_lists(StringInfo json, const RecoRun *run)
{
	const RecoLists *lists = run->lists;

	if (lists->asked > 0)
		put_number(json, "tier", lists->tier);
	else
		put_string(json, "tier", NULL);
	open_with(json, "guardrails", '[');
	for (int i = 0; i < RECO_GUARD_NFINDINGS; i++)
		if ((lists->found >> i) & 1)
			put_string(json, NULL, reco_guard_finding_name(i));
	appendStringInfoChar(json, ']');
}

/* A text, cut to so many bytes. */
static void
put_text(StringInfo json, const char *key, const char *value, int most)
{
	if (value != NULL && strlen(value) > most)
		value = pnstrdup(value, pg_mbcliplen(value, (int) strlen(value), most));
	put_string(json, key, value);
}

static void
put_texts(StringInfo json, const char *key, const char *const *values, int n)
{
	if (n == 0)
		return;
	open_with(json, key, '[');
	for (int i = 0; i < n && i < MOST_OPTIONS; i++)
		put_text(json, NULL, values[i], MOST_TEXT);
	appendStringInfoChar(json, ']');
}

/* The options that are not at their default, by their names. */
static void
put_options(StringInfo json, const RecoRequest *request)
{
	bool		all = true;

	for (int s = 0; s < RECO_NSTRATEGIES; s++)
		all = all && request->strategies[s];
	open_with(json, "options", '{');
	if (request->seed != 0)
		put_id(json, "seed", request->seed);
	if (request->by_score)
		put_string(json, "order", "score");
	if (!all)
	{
		open_with(json, "strategies", '[');
		for (int s = 0; s < RECO_NSTRATEGIES; s++)
			if (request->strategies[s])
				put_string(json, NULL, reco_rank_strategy_name(s));
		appendStringInfoChar(json, ']');
	}
	put_texts(json, "negative_tracks", request->negative_tracks, request->nnegative);
	put_texts(json, "exclude_artists", request->exclude_artists, request->nexclude);
	put_texts(json, "include_artists", request->include_artists, request->ninclude);
	if (request->familiarity != 0.5f)
		put_exact(json, "familiarity", request->familiarity);
	if (request->repeat_days > 0)
		put_number(json, "repeat_days", request->repeat_days);
	if (request->era_from > 0 || request->era_to > 0)
	{
		open_with(json, "era", '{');
		if (request->era_from > 0)
			put_number(json, "from", request->era_from);
		if (request->era_to > 0)
			put_number(json, "to", request->era_to);
		appendStringInfoChar(json, '}');
	}
	if (request->min_popularity >= 0)
		put_number(json, "min_popularity", request->min_popularity);
	if (request->max_popularity >= 0)
		put_number(json, "max_popularity", request->max_popularity);
	appendStringInfoChar(json, '}');
}

/* The words of a prompt, as explain tells them. */
static void
put_words(StringInfo json, const char *key, const RecoMood *mood, bool understood)
{
	open_with(json, key, '[');
	for (int i = 0; i < mood->nphrases; i++)
	{
		const RecoPhrase *phrase = &mood->phrases[i];

		if (phrase->understood != understood || (!understood && phrase->nwords != 1))
			continue;
		put_text(json, NULL,
				 understood && phrase->negated ? psprintf("not %s", phrase->stem)
											   : phrase->stem,
				 MOST_TEXT);
	}
	appendStringInfoChar(json, ']');
}

static void
put_mood(StringInfo json, const RecoRun *run)
{
	const RecoMood *mood = &run->mood;

	open_with(json, "mood", '{');
	put_string(json, "energy_level", reco_mood_level_name(mood->energy_level));
	put_string(json, "emotion", reco_mood_emotion_name(mood->emotion));
	put_number(json, "era_from", mood->era_from);
	put_number(json, "era_to", mood->era_to);
	put_exact(json, "confidence", mood->confidence);
	put_bool(json, "refined", mood->refined);
	put_words(json, "understood", mood, true);
	put_words(json, "unknown", mood, false);
	open_with(json, "targets", '{');
	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		if (run->fit.targets[f].weight <= 0)
			continue;
		open_with(json, reco_feature_name(f), '{');
		put_exact(json, "mean", run->fit.targets[f].mean);
		put_exact(json, "sd", run->fit.targets[f].sd);
		put_exact(json, "weight", run->fit.targets[f].weight);
		appendStringInfoChar(json, '}');
	}
	appendStringInfoChar(json, '}');
	put_facets(json, "left_out", run->fit.forbid);
	open_with(json, "genres", '[');
	for (int i = 0; i < mood->ngenres; i++)
		put_string(json, NULL, mood->genres[i].name);
	appendStringInfoString(json, "]}");
}

/* How many of everything there were on the way. */
static void
put_counts(StringInfo json, const RecoRun *run)
{
	open_with(json, "found", '{');
	put_number(json, "mentioned_tracks", run->nmentioned_tracks);
	put_number(json, "mentioned_artists", run->nmentioned);
	put_number(json, "top_tracks", run->ntop_tracks);
	put_number(json, "top_artists", run->ntop_artists);
	put_number(json, "catalogue", run->catalogue);
	put_number(json, "pool", run->npool);
	put_number(json, "artists", run->nartists);
	put_number(json, "artists_pruned", run->nartists_pruned);
	put_number(json, "anchors", run->nanchors);
	put_number(json, "seeds", run->nseeds);
	put_number(json, "negatives", run->nnegatives);
	appendStringInfoChar(json, '}');
}

static void
put_strategies(StringInfo json, const RecoRun *run)
{
	open_with(json, "strategies", '{');
	for (int s = 0; s < RECO_NSTRATEGIES; s++)
	{
		open_with(json, reco_rank_strategy_name(s), '{');
		put_number(json, "found", run->strategies[s].candidates);
		put_number(json, "delivered", run->strategies[s].delivered);
		put_bool(json, "asked", run->strategies[s].asked);
		put_bool(json, "finished", run->strategies[s].finished);
		appendStringInfoChar(json, '}');
	}
	appendStringInfoChar(json, '}');
	open_with(json, "pruned", '{');
	for (int r = RECO_RULE_NONE + 1; r < RECO_NRULES; r++)
		if (run->pruned[r] > 0)
			put_number(json, reco_rank_rule_name(r), run->pruned[r]);
	appendStringInfoChar(json, '}');
}

static void
put_stages(StringInfo json, const RecoRun *run)
{
	open_with(json, "stages", '{');
	for (int s = 0; s < RECO_NSTAGES; s++)
	{
		if (!run->stages[s].began)
			continue;
		open_with(json, reco_run_stage_name(s), '{');
		put_ms(json, "start_ms", run->stages[s].start_us);
		put_ms(json, "ms", run->stages[s].us);
		put_ms(json, "waited_ms", run->stages[s].wait_us);
		put_ms(json, "end_ms", run->stages[s].end_us);
		if (run->stages[s].late)
			put_bool(json, "late", true);
		put_number(json, "in", run->stages[s].in);
		put_number(json, "out", run->stages[s].out);
		put_number(json, "asked", run->stages[s].asked);
		put_number(json, "reused", run->stages[s].reused);
		appendStringInfoChar(json, '}');
	}
	appendStringInfoChar(json, '}');
}

/* What was asked of the seam, and where the tracks of the list come from. */
static void
put_calls(StringInfo json, const RecoRun *run)
{
	int			origins[RECO_ORIGIN_STALE + 1] = {0};

	open_with(json, "calls", '{');
	for (int k = 0; k < RECO_NKINDS; k++)
	{
		const RecoSourceCount *count = &run->counts[k];

		if (count->keys + count->reused == 0)
			continue;
		open_with(json, reco_source_kind_name(k), '{');
		put_number(json, "asked", count->asks);
		put_number(json, "keys", count->keys);
		put_number(json, "reused", count->reused);
		put_number(json, "live", count->live);
		put_number(json, "cached", count->kept);
		put_ms(json, "ms", count->us);
		appendStringInfoChar(json, '}');
	}
	appendStringInfoChar(json, '}');
	for (int i = 0; i < run->nlist; i++)
		origins[run->list[i]->track->origin]++;
	open_with(json, "origins", '{');
	for (int o = 0; o < lengthof(origins); o++)
		put_number(json, reco_source_origin_name(o), origins[o]);
	appendStringInfoChar(json, '}');
}

static void
put_counted(StringInfo json, const char *key, int count)
{
	if (count != 0)
		put_number(json, key, count);
}

/* What services were asked, one by one; what is 0 is left out. */
static void
put_services(StringInfo json, const RecoRun *run)
{
	open_with(json, "services", '[');
	for (int i = 0; i < run->ncalls; i++)
	{
		const RecoCallTrace *call = &run->calls[i];

		open_with(json, NULL, '{');
		put_string(json, "server", call->server);
		put_string(json, "operation", reco_operation_name(call->operation));
		put_number(json, "keys", call->keys);
		put_counted(json, "cached", call->kept);
		put_counted(json, "missing", call->missing);
		put_counted(json, "denied", call->denied);
		put_counted(json, "requests", call->calls);
		put_counted(json, "again", call->again);
		put_counted(json, "shared", call->shared);
		put_counted(json, "request_keys", call->call_keys);
		put_counted(json, "failed", call->failed);
		if (call->failed > 0)
			put_string(json, "outcome", reco_outcome_name(call->outcome));
		put_ms(json, "start_ms", call->start_us);
		put_ms(json, "ms", call->us);
		put_ms(json, "queued_ms", call->queued_us);
		put_ms(json, "limited_ms", call->limited_us);
		put_ms(json, "network_ms", call->network_us);
		put_ms(json, "parsed_ms", call->parsed_us);
		put_counted(json, "prompt_tokens", call->prompt_tokens);
		put_counted(json, "completion_tokens", call->completion_tokens);
		if (call->cost > 0)
			put_number(json, "cost_millionths", rint(call->cost * 1e6));
		appendStringInfoChar(json, '}');
	}
	appendStringInfoChar(json, ']');
}

/* What could not be had of services, and what was taken instead. */
static void
put_fallbacks(StringInfo json, const RecoRun *run)
{
	open_with(json, "fallbacks", '[');
	for (int i = 0; i < run->nfallbacks && i < MOST_FALLBACKS; i++)
	{
		const RecoFallback *fallback = &run->fallbacks[i];

		open_with(json, NULL, '{');
		put_string(json, "server", fallback->server);
		put_string(json, "operation", reco_operation_name(fallback->operation));
		put_string(json, "why", reco_outcome_name(fallback->why));
		put_text(json, "reason", fallback->reason, MOST_TEXT);
		put_text(json, "instead", fallback->instead, MOST_TEXT);
		put_number(json, "questions", fallback->n);
		appendStringInfoChar(json, '}');
	}
	appendStringInfoChar(json, ']');
}

/* What was reused of the listener's last run. */
static void
put_artifacts(StringInfo json, const RecoRun *run)
{
	open_with(json, "artifacts", '{');
	put_bool(json, "on", run->reused.on);
	put_text(json, "mood", run->reused.difference, MOST_PROMPT);
	put_ms(json, "age_ms", run->reused.age_us);
	appendStringInfoChar(json, '}');
}

/* The popular mood whose candidates it is made from. */
static void
put_popular(StringInfo json, const RecoPopularMark *popular)
{
	if (popular == NULL)
		return;
	open_with(json, "popular", '{');
	put_text(json, "prompt", popular->prompt, MOST_PROMPT);
	put_id(json, "run_id", popular->run_id);
	put_ms(json, "age_ms", popular->age_us);
	appendStringInfoChar(json, '}');
}

static void
put_track(StringInfo json, const RecoRun *run, int i)
{
	const RecoCandidate *candidate = run->list[i];
	const RecoTrack *track = candidate->track;

	open_with(json, NULL, '{');
	put_text(json, "track_id", track->track_id, MOST_TEXT);
	put_text(json, "title", track->title, MOST_TEXT);
	put_text(json, "artist", track->artist, MOST_TEXT);
	put_text(json, "album", track->album, MOST_TEXT);
	put_exact(json, "score", candidate->score);
	put_string(json, "strategy", reco_rank_strategy_name(reco_rank_strategy(candidate)));
	put_string(json, "origin", reco_source_origin_name(track->origin));
	put_text(json, "reason", run->reasons[i], MOST_TEXT);
	reco_record_put_parts(json, "parts", candidate);
	put_number(json, "cohesion", candidate->cohesion);
	if (run->near[i].track != NULL)
	{
		open_with(json, "near", '{');
		put_text(json, "title", run->near[i].track->title, MOST_TEXT);
		put_text(json, "artist", run->near[i].track->artist, MOST_TEXT);
		put_exact(json, "similarity", run->near[i].similarity);
		appendStringInfoChar(json, '}');
	}
	appendStringInfoChar(json, '}');
}

static char *
write_record(const RecoRun *run)
{
	const RecoRequest *request = run->request;
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	put_id(&json, "run_id", run->run_id);
	put_id(&json, "role", run->role);
	put_text(&json, "user_id", request->user_id, MOST_TEXT);
	put_text(&json, "prompt", request->prompt, MOST_PROMPT);
	put_number(&json, "size", request->size);
	put_number(&json, "deadline_ms", request->deadline_ms);
	put_options(&json, request);
	if (request->ahead)
		put_bool(&json, "ahead", true);
	put_ms(&json, "total_ms", run->total_us);
	put_bool(&json, "complete", run->complete);
	reco_record_put_missing(&json, run);
	put_mood(&json, run);
	reco_model_write(&json, run);
	put_counts(&json, run);
	put_strategies(&json, run);
	reco_record_put_quality(&json, run);
	put_string(&json, "arc", reco_order_arc_name(run->arc));
	put_stages(&json, run);
	put_calls(&json, run);
	put_services(&json, run);
	put_number(&json, "spent_calls", reco_source_spent(run->source));
	put_fallbacks(&json, run);
	put_number(&json, "lists", run->lists->asked);
	reco_record_put_lists(&json, run);
	put_artifacts(&json, run);
	put_popular(&json, run->popular);
	put_number(&json, "delivered", run->nlist);
	open_with(&json, "tracks", '[');
	for (int i = 0; i < run->nlist; i++)
		put_track(&json, run, i);
	appendStringInfoString(&json, "]}");
	return json.data;
}
