/*-------------------------------------------------------------------------
 *
 * explain.c
 *	  A run told to people: like EXPLAIN ANALYZE.
 *
 * Purpose: see explain.h.
 * Runs in: wherever a run does.
 * Locks:	none.
 * Never:	compute anything that the run did not.
 *
 *-------------------------------------------------------------------------
 */
#include "explain.h"

#include "artifacts.h"
#include "catalogue/facet.h"
#include "deadline.h"
#include "lib/stringinfo.h"
#include "model.h"
#include "popular.h"
#include "store/patience.h"
#include "strategy.h"

#define ms(us) ((double) (us) / 1000)

static List *explain_mood(const RecoRun *run, List *lines);
static List *explain_strategies(const RecoRun *run, List *lines);
static List *explain_lists(const RecoRun *run, List *lines);
static List *explain_rules(const RecoRun *run, List *lines);
static List *explain_tracks(const RecoRun *run, List *lines);

#define line(...) (lines = lappend(lines, psprintf(__VA_ARGS__)))

/* Tells a stage's time and what went in and came out. */
static List *
explain_stage(const RecoRun *run, RecoStage stage, const char *what, List *lines)
{
	const RecoStageRecord *record = &run->stages[stage];

	if (!record->began)
		return lines;
	line("  ->  %-18s (start=%.3f time=%.3f ms) (in=%d out=%d)%s%s%s%s",
		 reco_run_stage_name(stage), ms(record->start_us), ms(record->us), record->in,
		 record->out,
		 record->wait_us > 0 ? psprintf("  waited %.3f ms", ms(record->wait_us)) : "",
		 record->late ? "  cut: time was over" : "", what[0] ? "  " : "", what);
	return lines;
}

/* Tells all stages, in their order. */
static List *
explain_stages(const RecoRun *run, List *lines)
{
	for (int s = 0; s < RECO_NSTAGES; s++)
	{
		char	   *what = "";

		switch ((RecoStage) s)
		{
			case RECO_STAGE_MOOD:
				what = reco_explain_mood(&run->mood);
				break;
			case RECO_STAGE_NAMES:
				what = psprintf("mentioned: %d tracks, %d artists",
								run->nmentioned_tracks, run->nmentioned);
				break;
			case RECO_STAGE_DISCOVER:
				what = psprintf("%d tracks of %u, %d artists (%d pruned)", run->npool,
								run->catalogue, run->nartists, run->nartists_pruned);
				break;
			case RECO_STAGE_ANCHORS:
				what =
					psprintf("%d anchors, %d negative", run->nanchors, run->nnegatives);
				break;
			case RECO_STAGE_QUALITY:
				what = psprintf("overall=%.2f cohesion=%.2f coverage=%.2f "
								"confidence=%.2f diversity=%.2f exchanged=%d",
								run->quality.overall, run->quality.cohesion,
								run->quality.coverage, run->quality.confidence,
								run->quality.diversity, run->exchanged);
				break;
			case RECO_STAGE_ORDER:
				what = run->request->by_score
					? "by score"
					: psprintf("arc: %s", reco_order_arc_name(run->arc));
				break;
			default:
				break;
		}
		lines = explain_stage(run, s, what, lines);
		if (s == RECO_STAGE_MOOD)
			lines = explain_mood(run, lines);
		else if (s == RECO_STAGE_SEED_BASED)
			lines = explain_strategies(run, lines);
		else if (s == RECO_STAGE_RULES)
			lines = explain_rules(run, lines);
	}
	return lines;
}

/* Tells of the popular mood that a list comes from, or that is kept from here on. */
static List *
explain_popular(const RecoRun *run, List *lines)
{
	const RecoPopularMark *popular = run->popular;

	if (popular == NULL)
		return lines;
	if (popular->run_id == run->run_id)
		line("Popular mood: \"%s\", kept for whoever asks", popular->prompt);
	else
		line("Popular mood: \"%s\", candidates of run " INT64_FORMAT " %.1f s ago",
			 popular->prompt, popular->run_id, (double) popular->age_us / 1000000);
	return lines;
}

/* Returns the lines. */
List *
reco_explain_lines(const RecoRun *run)
{
	const RecoRequest *request = run->request;
	const RecoSourceCount *counts = run->counts;
	List	   *lines = NIL;

	line("Playlist for \"%s\"  (%d of %d tracks) (time=%.3f ms, deadline=%d ms) (%s)",
		 request->user_id[0] ? request->user_id : "anonymous", run->nlist, request->size,
		 ms(run->total_us), request->deadline_ms,
		 run->complete						? "complete"
			 : run->missed & RECO_READS_FACTS ? "incomplete: tables were locked"
											  : "incomplete: the deadline came first");
	lines = explain_popular(run, lines);
	lines = reco_run_explain_missed(run, lines);
	lines = explain_stages(run, lines);
	lines = reco_explain_total(run, lines);
	lines = reco_explain_calls(run, lines);
	lines = reco_artifacts_explain(run, lines);
	line("Asked:");
	for (int k = 0; k < RECO_NKINDS; k++)
		if (counts[k].keys + counts[k].reused > 0)
			line("  %-18s asked=%d keys=%d%s", reco_source_kind_name(k), counts[k].asks,
				 counts[k].keys,
				 psprintf("%s%s%s",
						  counts[k].reused > 0 ? psprintf(" reused=%d", counts[k].reused)
											   : "",
						  counts[k].live > 0 ? psprintf(" live=%d", counts[k].live) : "",
						  counts[k].kept > 0 ? psprintf(" cached=%d", counts[k].kept) : ""));
	lines = explain_lists(run, lines);
	return explain_tracks(run, lines);
}

/* Says in a few words what a mood means. */
char *
reco_explain_mood(const RecoMood *mood)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "%s energy, %s", reco_mood_level_name(mood->energy_level),
					 reco_mood_emotion_name(mood->emotion));
	if (mood->era_from > 0 && mood->era_to > 0)
		appendStringInfo(&text, ", %d to %d", mood->era_from, mood->era_to);
	else if (mood->era_from > 0)
		appendStringInfo(&text, ", since %d", mood->era_from);
	else if (mood->era_to > 0)
		appendStringInfo(&text, ", until %d", mood->era_to);
	appendStringInfo(&text, ", confidence %.2f", mood->confidence);
	return text.data;
}

/* Tells which words counted, and what they came to. */
static List *
explain_mood(const RecoRun *run, List *lines)
{
	const RecoMood *mood = &run->mood;
	StringInfoData words;

	initStringInfo(&words);
	for (int i = 0; i < mood->nphrases; i++)
		if (mood->phrases[i].understood)
			appendStringInfo(&words, "%s%s%s", words.len ? ", " : "",
							 mood->phrases[i].negated ? "not " : "", mood->phrases[i].stem);
	if (words.len > 0)
		line("        Understood: %s", words.data);
	resetStringInfo(&words);
	for (int i = 0; i < mood->nphrases; i++)
		if (!mood->phrases[i].understood && mood->phrases[i].nwords == 1)
			appendStringInfo(&words, "%s%s", words.len ? ", " : "", mood->phrases[i].stem);
	if (words.len > 0)
		line("        Unknown: %s", words.data);
	resetStringInfo(&words);
	lines = reco_model_explain(run, lines);
	for (int i = 0; i < mood->ngenres; i++)
		appendStringInfo(&words, "%s%s", words.len ? ", " : "", mood->genres[i].name);
	if (words.len > 0)
		line("        Genres that the model adds: %s", words.data);
	resetStringInfo(&words);
	for (int f = 0; f < RECO_NCOLUMNS; f++)
		if (run->fit.targets[f].weight > 0)
			appendStringInfo(&words,
							 f >= RECO_TEMPO && f != RECO_MODE ? "%s%s %.0f+-%.0f"
															   : "%s%s %.2f+-%.2f",
							 words.len ? ", " : "", reco_feature_name(f),
							 run->fit.targets[f].mean, run->fit.targets[f].sd);
	if (words.len > 0)
		line("        Targets: %s", words.data);
	resetStringInfo(&words);
	for (int i = 0; i < RECO_NFACETS; i++)
		if ((run->fit.forbid >> i) & 1)
			appendStringInfo(&words, "%s%s", words.len ? ", " : "", reco_facet_name(i));
	if (words.len > 0)
		line("        Left out unless asked for: %s", words.data);
	return lines;
}

/* Tells what became of recommendations that a service was to make. */
static List *
explain_lists(const RecoRun *run, List *lines)
{
	const RecoLists *lists = run->lists;
	StringInfoData names;

	if (lists->asked == 0)
		return lines;
	initStringInfo(&names);
	for (int i = 0; i < RECO_GUARD_NFINDINGS; i++)
		if ((lists->found >> i) & 1)
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
							 reco_guard_finding_name(i));
	line("Recommendations: asked=%d tier=%d (%s)", lists->asked, lists->tier,
		 reco_tier_name(lists->tier));
	if (names.len > 0)
		line("  Guardrails found: %s", names.data);
	return lines;
}

static List *
explain_strategies(const RecoRun *run, List *lines)
{
	for (int s = 0; s < RECO_NSTRATEGIES; s++)
	{
		const RecoStrategyRecord *record = &run->strategies[s];

		line("        ->  %-17s (found=%d delivered=%d) (share=%.2f)%s",
			 reco_rank_strategy_name(s), record->candidates, record->delivered,
			 reco_strategy_share(run, s), !record->asked ? "  not asked"
			 : record->finished ? "" : "  left out: the deadline came first");
	}
	return lines;
}

static List *
explain_rules(const RecoRun *run, List *lines)
{
	for (int r = RECO_RULE_NONE + 1; r < RECO_NRULES; r++)
		if (run->pruned[r] > 0)
			line("        Pruned by %s: %d", reco_rank_rule_name(r), run->pruned[r]);
	return lines;
}

/* What nobody could tell the name of, while the catalogue was locked, has its id. */
static const char *
title_of(const RecoTrack *track)
{
	return track->title != NULL ? track->title : track->track_id;
}

static const char *
name_of(const char *name)
{
	return name != NULL ? name : "?";
}

/* Tells each track's score, part by part. */
static List *
explain_tracks(const RecoRun *run, List *lines)
{
	line("Tracks:");
	for (int i = 0; i < run->nlist; i++)
	{
		const RecoCandidate *candidate = run->list[i];
		StringInfoData parts;

		initStringInfo(&parts);
		for (int p = 0; p < RECO_NPARTS; p++)
			if (candidate->parts[p] >= 0)
				appendStringInfo(&parts, " %s=%.2f", reco_rank_part_name(p),
								 candidate->parts[p]);
		line("  %2d  %.3f  %s - %s  (%s, %s)%s cohesion=%.2f", i + 1, candidate->score,
			 name_of(candidate->track->artist), title_of(candidate->track),
			 reco_rank_strategy_name(reco_rank_strategy(candidate)),
			 reco_source_origin_name(candidate->track->origin), parts.data,
			 candidate->cohesion);
		if (run->near[i].track != NULL)
			line("             nearest seed: %s - %s (%.2f)",
				 name_of(run->near[i].track->artist), title_of(run->near[i].track),
				 run->near[i].similarity);
	}
	return lines;
}
