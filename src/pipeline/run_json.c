/*-------------------------------------------------------------------------
 *
 * run_json.c
 *	  A run's record as JSON text.
 *
 * Purpose: see run_json.h. Shapes:
 *			mood: {interpretation, primary_emotion, energy_level, targets
 *			{feature: {target, min, max, weight}}, genres[], keywords[],
 *			unknown[], artists[], tracks[{title, artist}], regions {prefer[],
 *			exclude[]}, exclude_genres[], exclude_themes[], era {from, to},
 *			confidence, source};
 *			run: {run_id, user_id, prompt, size, complete, missing[], mood, model,
 *			tracks[{rank, track_id, title, artist, album, isrc, release,
 *			score, parts, strategy, origin, reason, features}], quality, arc,
 *			strategies, stages, total_ms, artifacts {asked, reused, found, stages}}.
 * Runs in: a backend.
 * Locks:	none.
 * Never:	write a number that is not finite.
 *
 *-------------------------------------------------------------------------
 */
#include "run_json.h"

#include "catalogue/facet.h"
#include "artifacts.h"
#include "explain.h"
#include "json_write.h"
#include "model.h"
#include "record.h"

static void
put_targets(StringInfo json, const RecoTarget *targets)
{
	open_with(json, "targets", '{');
	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		if (targets[f].weight <= 0)
			continue;
		open_with(json, reco_feature_name(f), '{');
		put_number(json, "target", targets[f].mean);
		put_number(json, "min", reco_fit_clamp(f, targets[f].mean - targets[f].sd));
		put_number(json, "max", reco_fit_clamp(f, targets[f].mean + targets[f].sd));
		put_number(json, "weight", targets[f].weight);
		appendStringInfoChar(json, '}');
	}
	appendStringInfoChar(json, '}');
}

/* A phrase as folded words; of two far apart, the two that matter. */
static const char *
phrase_text(const RecoMood *mood, const RecoPhrase *phrase)
{
	const RecoWord *words = mood->words->words;

	if (phrase->nwords == 1)
		return words[phrase->word].fold;
	return psprintf("%s %s", words[phrase->word].fold,
					words[phrase->word + phrase->nwords - 1].fold);
}

/* Is a word half of two that are understood as one? */
static bool
is_half(const RecoMood *mood, const RecoPhrase *phrase)
{
	for (int i = 0; i < mood->nphrases && phrase->nwords == 1; i++)
	{
		const RecoPhrase *pair = &mood->phrases[i];

		if (pair->nwords > 1 && pair->genre &&
			(phrase->word == pair->word || phrase->word == pair->word + pair->nwords - 1))
			return true;
	}
	return false;
}

/* The words of a mood: understood, not understood, or not wanted. */
static void
put_words(StringInfo json, const char *key, const RecoMood *mood, bool understood,
		  bool negated)
{
	open_with(json, key, '[');
	for (int i = 0; i < mood->nphrases; i++)
	{
		const RecoPhrase *phrase = &mood->phrases[i];

		if (phrase->negated != negated || (!negated && phrase->understood != understood))
			continue;
		if (phrase->nwords > 1 && !phrase->understood)
			continue;
		put_string(json, NULL, phrase_text(mood, phrase));
	}
	appendStringInfoChar(json, ']');
}

static void
put_mentions(StringInfo json, const RecoRun *run)
{
	open_with(json, "artists", '[');
	for (int i = 0; i < run->nnames; i++)
		put_string(json, NULL, run->names[i]->name);
	appendStringInfoChar(json, ']');
	open_with(json, "tracks", '[');
	for (int i = 0; i < run->nmentioned_tracks; i++)
	{
		open_with(json, NULL, '{');
		put_string(json, "title", run->mentioned_tracks[i]->title);
		put_string(json, "artist", run->mentioned_tracks[i]->artist);
		appendStringInfoChar(json, '}');
	}
	appendStringInfoChar(json, ']');
}

static void
put_mood(StringInfo json, const char *key, const RecoRun *run)
{
	const RecoMood *mood = &run->mood;

	open_with(json, key, '{');
	put_string(json, "interpretation", reco_explain_mood(mood));
	put_string(json, "primary_emotion", reco_mood_emotion_name(mood->emotion));
	put_string(json, "energy_level", reco_mood_level_name(mood->energy_level));
	put_targets(json, mood->targets);
	open_with(json, "genres", '[');
	for (int i = 0; i < mood->nphrases; i++)
		if (mood->phrases[i].genre && !mood->phrases[i].negated &&
			!is_half(mood, &mood->phrases[i]))
			put_string(json, NULL, phrase_text(mood, &mood->phrases[i]));
	for (int i = 0; i < mood->ngenres; i++)
		put_string(json, NULL, mood->genres[i].name);
	appendStringInfoChar(json, ']');
	put_words(json, "keywords", mood, true, false);
	put_words(json, "unknown", mood, false, false);
	put_words(json, "not_wanted", mood, false, true);
	put_mentions(json, run);
	open_with(json, "regions", '{');
	put_facets(json, "prefer", mood->asked & RECO_REGIONS);
	put_facets(json, "exclude", mood->excluded & RECO_REGIONS);
	appendStringInfoChar(json, '}');
	put_facets(json, "exclude_themes", (uint16) (RECO_THEMES & ~mood->asked));
	open_with(json, "era", '{');
	if (mood->era_from > 0)
		put_number(json, "from", mood->era_from);
	if (mood->era_to > 0)
		put_number(json, "to", mood->era_to);
	appendStringInfoChar(json, '}');
	put_number(json, "confidence", mood->confidence);
	put_string(json, "source", run->popular != NULL ? "popular"
			   : mood->refined ? "llm"
			   : mood->learned				 ? "learned" : "lexicon");
	appendStringInfoChar(json, '}');
}

static void
put_track(StringInfo json, const RecoRun *run, int i)
{
	const RecoCandidate *candidate = run->list[i];
	const RecoTrack *track = candidate->track;

	open_with(json, NULL, '{');
	put_number(json, "rank", i + 1);
	put_string(json, "track_id", track->track_id);
	put_string(json, "title", track->title);
	put_string(json, "artist", track->artist);
	put_string(json, "album", track->album);
	put_string(json, "isrc", track->isrc);
	put_string(json, "release", track->release);
	put_number(json, "score", candidate->score);
	reco_record_put_parts(json, "parts", candidate);
	put_string(json, "strategy", reco_rank_strategy_name(reco_rank_strategy(candidate)));
	put_string(json, "origin", reco_source_origin_name(track->origin));
	put_string(json, "reason", run->reasons[i]);
	open_with(json, "features", '{');
	for (int f = 0; f < RECO_NCOLUMNS; f++)
		if (!((track->missing >> f) & 1))
			put_number(json, reco_feature_name(f), track->values[f]);
	if (track->key >= 0)
		put_number(json, reco_feature_name(RECO_KEY), track->key);
	appendStringInfoString(json, "}}");
}

static void
put_timings(StringInfo json, const RecoRun *run)
{
	open_with(json, "strategies", '{');
	for (int s = 0; s < RECO_NSTRATEGIES; s++)
	{
		open_with(json, reco_rank_strategy_name(s), '{');
		put_number(json, "found", run->strategies[s].candidates);
		put_number(json, "delivered", run->strategies[s].delivered);
		put_bool(json, "finished", run->strategies[s].finished);
		appendStringInfoChar(json, '}');
	}
	appendStringInfoChar(json, '}');
	open_with(json, "stages", '{');
	for (int s = 0; s < RECO_NSTAGES; s++)
	{
		if (!run->stages[s].began)
			continue;
		open_with(json, reco_run_stage_name(s), '{');
		put_number(json, "ms", (double) run->stages[s].us / 1000);
		put_number(json, "waited_ms", (double) run->stages[s].wait_us / 1000);
		put_number(json, "in", run->stages[s].in);
		put_number(json, "out", run->stages[s].out);
		appendStringInfoChar(json, '}');
	}
	appendStringInfoChar(json, '}');
	put_number(json, "total_ms", (double) run->total_us / 1000);
}

/* What was reused of the listener's last run, stage by stage. */
static void
put_artifacts(StringInfo json, const RecoRun *run)
{
	int			asked = 0;
	int			reused = 0;

	open_with(json, "artifacts", '{');
	for (int s = 0; s < RECO_NSTAGES; s++)
	{
		asked += run->stages[s].asked;
		reused += run->stages[s].reused;
	}
	put_number(json, "asked", asked);
	put_number(json, "reused", reused);

	/* not what it was: the document is everybody's who may have the list, the last
	 * prompt is its writer's */
	put_bool(json, "found", run->reused.difference != NULL);
	open_with(json, "stages", '{');
	for (int s = 0; s < RECO_NSTAGES; s++)
		if (reco_artifacts_stage(run, s) != NULL)
			put_string(json, reco_run_stage_name(s), reco_artifacts_stage(run, s));
	appendStringInfoString(json, "}}");
}

char *
reco_run_json(const RecoRun *run)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	put_id(&json, "run_id", run->run_id);
	put_string(&json, "user_id", run->request->user_id);
	put_string(&json, "prompt", run->request->prompt);
	put_number(&json, "size", run->request->size);
	put_bool(&json, "complete", run->complete);
	reco_record_put_missing(&json, run);
	put_mood(&json, "mood", run);
	reco_model_write(&json, run);
	open_with(&json, "tracks", '[');
	for (int i = 0; i < run->nlist; i++)
		put_track(&json, run, i);
	appendStringInfoChar(&json, ']');
	put_string(&json, "order", run->request->by_score ? "score" : "arc");
	put_string(&json, "arc", reco_order_arc_name(run->arc));
	reco_record_put_quality(&json, run);
	reco_record_put_lists(&json, run);
	put_timings(&json, run);
	put_artifacts(&json, run);
	appendStringInfoChar(&json, '}');
	return json.data;
}

char *
reco_mood_json(const RecoRun *run)
{
	StringInfoData json;

	initStringInfo(&json);
	put_mood(&json, NULL, run);
	return json.data;
}

char *
reco_parts_json(const RecoCandidate *candidate)
{
	StringInfoData json;

	initStringInfo(&json);
	reco_record_put_parts(&json, NULL, candidate);
	return json.data;
}
