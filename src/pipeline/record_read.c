/*-------------------------------------------------------------------------
 *
 * record_read.c
 *	  The record of a run: reading it.
 *
 * Purpose: see record.h.
 * Runs in: any process with a database.
 * Locks:	none.
 * Never:	trust what a record says: somebody may have edited the table. What is missing
 *			or of another type is nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "record.h"

#include <math.h>

#include "catalogue/facet.h"
#include "common/jsonapi.h"
#include "deadline.h"
#include "mb/pg_wchar.h"
#include "model.h"
#include "popular.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

static void read_request(JsonbContainer *record, RecoRun *run);
static void read_mood(JsonbContainer *mood, RecoRun *run);
static void read_found(JsonbContainer *found, RecoRun *run);
static void read_model(JsonbContainer *from, RecoRun *run);
static void read_strategies(JsonbContainer *record, RecoRun *run);
static void read_quality(JsonbContainer *quality, RecoRun *run);
static void read_stages(JsonbContainer *stages, RecoRun *run);
static void read_calls(JsonbContainer *calls, RecoRun *run);
static void read_services(JsonbContainer *record, RecoRun *run);
static void read_lists(JsonbContainer *record, RecoRun *run);
static void read_popular(JsonbContainer *from, RecoRun *run);
static void read_tracks(JsonbContainer *tracks, RecoRun *run);

/* A member of an object, false = none; an object that is NULL has none. */
static bool
get(JsonbContainer *object, const char *name, JsonbValue *value)
{
	return object != NULL && JsonContainerIsObject(object) &&
		getKeyJsonValueFromContainer(object, name, (int) strlen(name), value) != NULL &&
		value->type != jbvNull;
}

/* A member that is an object or an array; NULL = none. */
static JsonbContainer *
get_container(JsonbContainer *object, const char *name)
{
	JsonbValue	value;

	return get(object, name, &value) && value.type == jbvBinary ? value.val.binary.data
																: NULL;
}

static char *
get_string(JsonbContainer *object, const char *name)
{
	JsonbValue	value;

	return get(object, name, &value) && value.type == jbvString
		? pnstrdup(value.val.string.val, value.val.string.len)
		: NULL;
}

static bool
get_bool(JsonbContainer *object, const char *name)
{
	JsonbValue	value;

	return get(object, name, &value) && value.type == jbvBool && value.val.boolean;
}

/* A number by a function that converts it; 'otherwise' where there is none. */
static Datum
get_number(JsonbContainer *object, const char *name, PGFunction convert, Datum otherwise)
{
	JsonbValue	value;

	return get(object, name, &value) && value.type == jbvNumeric
		? DirectFunctionCall1(convert, NumericGetDatum(value.val.numeric))
		: otherwise;
}

static int64
get_id(JsonbContainer *object, const char *name)
{
	return DatumGetInt64(get_number(object, name, numeric_int8, Int64GetDatum(0)));
}

static int
get_int(JsonbContainer *object, const char *name)
{
	return DatumGetInt32(get_number(object, name, numeric_int4, Int32GetDatum(0)));
}

static float
get_real(JsonbContainer *object, const char *name, float otherwise)
{
	return DatumGetFloat4(
		get_number(object, name, numeric_float4, Float4GetDatum(otherwise)));
}

/* Milliseconds, as microseconds. */
static int64
get_ms(JsonbContainer *object, const char *name)
{
	Datum		ms = get_number(object, name, numeric_float8, Float8GetDatum(0));

	return (int64) rint(DatumGetFloat8(ms) * 1000);
}

/* The element of an array that is a string; NULL = it is something else. */
static char *
element_string(JsonbContainer *array, uint32 i)
{
	JsonbValue *value = getIthJsonbValueFromContainer(array, i);

	return value != NULL && value->type == jbvString
		? pnstrdup(value->val.string.val, value->val.string.len)
		: NULL;
}

static uint32
count_of(JsonbContainer *array)
{
	return array != NULL && JsonContainerIsArray(array) ? JsonContainerSize(array) : 0;
}

/* Parses without an ERROR for what is no JSON at all. */
Jsonb *
reco_record_parse(const char *text)
{
	JsonLexContext *lexer = RECO_JSON_LEXER(unconstify(char *, text), (int) strlen(text),
											GetDatabaseEncoding());

	if (pg_parse_json(lexer, &nullSemAction) != JSON_SUCCESS)
		return NULL;
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
}

bool
reco_record_owner(Jsonb *record, RecoRecordOwner *owner)
{
	owner->user_id = get_string(&record->root, "user_id");
	owner->role = (Oid) get_id(&record->root, "role");
	return owner->user_id != NULL && OidIsValid(owner->role);
}

/* Makes as much of a run as there is in a record. */
RecoRun *
reco_record_read(Jsonb *jsonb)
{
	JsonbContainer *record = &jsonb->root;
	RecoRun    *run = palloc0(sizeof(RecoRun));

	run->context = CurrentMemoryContext;
	run->run_id = get_id(record, "run_id");
	run->role = (Oid) get_id(record, "role");
	run->total_us = get_ms(record, "total_ms");
	run->complete = get_bool(record, "complete");
	run->missed = reco_run_missed_of(get_container(record, "missing"));
	read_request(record, run);
	read_mood(get_container(record, "mood"), run);
	read_model(get_container(record, "model"), run);
	read_found(get_container(record, "found"), run);
	read_strategies(record, run);
	read_quality(get_container(record, "quality"), run);
	read_stages(get_container(record, "stages"), run);
	read_calls(get_container(record, "calls"), run);
	read_services(record, run);
	read_lists(record, run);
	read_popular(get_container(record, "popular"), run);
	read_tracks(get_container(record, "tracks"), run);
	return run;
}

static void
read_popular(JsonbContainer *from, RecoRun *run)
{
	RecoPopularMark *popular = palloc(sizeof(RecoPopularMark));

	popular->prompt = get_string(from, "prompt");
	popular->run_id = get_id(from, "run_id");
	popular->age_us = get_ms(from, "age_ms");
	run->popular = popular->prompt == NULL ? NULL : popular;
}

static void
read_request(JsonbContainer *record, RecoRun *run)
{
	RecoRequest *request = palloc0(sizeof(RecoRequest));
	JsonbContainer *options = get_container(record, "options");
	const char *order = get_string(options, "order");
	const char *arc = get_string(record, "arc");

	request->user_id = get_string(record, "user_id");
	request->prompt = get_string(record, "prompt");
	request->size = get_int(record, "size");
	request->deadline_ms = get_int(record, "deadline_ms");
	request->familiarity = get_real(options, "familiarity", 0.5f);
	request->by_score = order != NULL && strcmp(order, "score") == 0;
	if (request->user_id == NULL)
		request->user_id = "";
	run->request = request;
	for (int a = RECO_ARC_CLASSIC; a <= RECO_ARC_ROLLERCOASTER; a++)
		if (arc != NULL && strcmp(arc, reco_order_arc_name(a)) == 0)
			run->arc = a;
}

/* Words as phrases, to be told as they are. */
static void
read_words(JsonbContainer *words, bool understood, RecoMood *mood)
{
	uint32		n = count_of(words);

	for (uint32 i = 0; i < n && mood->nphrases < RECO_MOOD_MAXPHRASES; i++)
	{
		RecoPhrase *phrase = &mood->phrases[mood->nphrases];

		phrase->stem = element_string(words, i);
		phrase->nwords = 1;
		phrase->understood = understood;
		if (phrase->stem != NULL)
			mood->nphrases++;
	}
}

/* Genres that a model named. */
static void
read_genres(JsonbContainer *genres, RecoMood *mood)
{
	uint32		n = count_of(genres);

	for (uint32 i = 0; i < n && mood->ngenres < RECO_MOOD_MAXGENRES; i++)
	{
		const char *name = element_string(genres, i);

		if (name != NULL)
			strlcpy(mood->genres[mood->ngenres++].name, name, RECO_MOOD_GENRESIZE);
	}
}

static void
read_mood(JsonbContainer *from, RecoRun *run)
{
	RecoMood   *mood = &run->mood;
	JsonbContainer *targets = get_container(from, "targets");
	JsonbContainer *left_out = get_container(from, "left_out");
	uint32		n = count_of(left_out);
	const char *level = get_string(from, "energy_level");
	const char *emotion = get_string(from, "emotion");

	for (int l = RECO_LEVEL_MEDIUM; l <= RECO_LEVEL_HIGH; l++)
		if (level != NULL && strcmp(level, reco_mood_level_name(l)) == 0)
			mood->energy_level = l;
	for (int e = RECO_EMOTION_NEUTRAL; e <= RECO_EMOTION_NEGATIVE; e++)
		if (emotion != NULL && strcmp(emotion, reco_mood_emotion_name(e)) == 0)
			mood->emotion = e;
	mood->era_from = get_int(from, "era_from");
	mood->era_to = get_int(from, "era_to");
	mood->confidence = get_real(from, "confidence", 0);
	mood->refined = get_bool(from, "refined");
	read_words(get_container(from, "understood"), true, mood);
	read_words(get_container(from, "unknown"), false, mood);
	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		JsonbContainer *target = get_container(targets, reco_feature_name(f));

		run->fit.targets[f].mean = get_real(target, "mean", 0);
		run->fit.targets[f].sd = get_real(target, "sd", 0);
		run->fit.targets[f].weight = get_real(target, "weight", 0);
	}
	read_genres(get_container(from, "genres"), mood);
	for (uint32 i = 0; i < n; i++)
	{
		const char *name = element_string(left_out, i);

		for (int f = 0; f < RECO_NFACETS; f++)
			if (name != NULL && strcmp(name, reco_facet_name(f)) == 0)
				run->fit.forbid |= (uint16) (1 << f);
	}
}

static void
read_model(JsonbContainer *from, RecoRun *run)
{
	RecoModel  *model;
	const char *origin = get_string(from, "origin");

	if (from == NULL)
		return;
	model = run->model = palloc0(sizeof(RecoModel));
	model->asked = true;
	model->server = get_string(from, "server");
	model->who = get_string(from, "model");
	model->why = get_string(from, "fallback");
	for (int o = RECO_ORIGIN_LOCAL; o <= RECO_ORIGIN_STALE; o++)
		if (origin != NULL && strcmp(origin, reco_source_origin_name(o)) == 0)
			model->origin = o;
	model->before = get_real(from, "confidence_before", 0);
	model->shared = get_bool(from, "told_taste");
	model->artists = get_int(from, "artists");
	model->found = get_int(from, "found");
	model->dropped = get_int(from, "dropped");
	model->prompt_tokens = get_int(from, "prompt_tokens");
	model->completion_tokens = get_int(from, "completion_tokens");
	model->cost = get_real(from, "cost", -1);
	if (model->server == NULL)
		model->server = "";
}

static void
read_found(JsonbContainer *found, RecoRun *run)
{
	run->nmentioned_tracks = get_int(found, "mentioned_tracks");
	run->nmentioned = get_int(found, "mentioned_artists");
	run->ntop_tracks = get_int(found, "top_tracks");
	run->ntop_artists = get_int(found, "top_artists");
	run->catalogue = (uint32) get_id(found, "catalogue");
	run->npool = get_int(found, "pool");
	run->nartists = get_int(found, "artists");
	run->nartists_pruned = get_int(found, "artists_pruned");
	run->nanchors = get_int(found, "anchors");
	run->nseeds = get_int(found, "seeds");
	run->nnegatives = get_int(found, "negatives");
}

static void
read_strategies(JsonbContainer *record, RecoRun *run)
{
	JsonbContainer *strategies = get_container(record, "strategies");
	JsonbContainer *pruned = get_container(record, "pruned");

	for (int s = 0; s < RECO_NSTRATEGIES; s++)
	{
		JsonbContainer *from = get_container(strategies, reco_rank_strategy_name(s));

		run->strategies[s].candidates = get_int(from, "found");
		run->strategies[s].delivered = get_int(from, "delivered");
		run->strategies[s].asked = get_bool(from, "asked");
		run->strategies[s].finished = get_bool(from, "finished");
	}
	for (int r = RECO_RULE_NONE + 1; r < RECO_NRULES; r++)
		run->pruned[r] = get_int(pruned, reco_rank_rule_name(r));
}

static void
read_quality(JsonbContainer *quality, RecoRun *run)
{
	run->quality.overall = get_real(quality, "overall", 0);
	run->quality.cohesion = get_real(quality, "cohesion", 0);
	run->quality.coverage = get_real(quality, "coverage", 0);
	run->quality.confidence = get_real(quality, "confidence", 0);
	run->quality.diversity = get_real(quality, "diversity", 0);
	run->exchanged = get_int(quality, "exchanged");
}

static void
read_stages(JsonbContainer *stages, RecoRun *run)
{
	for (int s = 0; s < RECO_NSTAGES; s++)
	{
		JsonbContainer *from = get_container(stages, reco_run_stage_name(s));

		run->stages[s].began = from != NULL;
		run->stages[s].start_us = get_ms(from, "start_ms");
		run->stages[s].us = get_ms(from, "ms");
		run->stages[s].wait_us = get_ms(from, "waited_ms");
		run->stages[s].end_us = get_ms(from, "end_ms");
		run->stages[s].late = from != NULL && get_bool(from, "late");
		run->stages[s].in = get_int(from, "in");
		run->stages[s].out = get_int(from, "out");
		run->stages[s].asked = get_int(from, "asked");
		run->stages[s].reused = get_int(from, "reused");
	}
}

static void
read_calls(JsonbContainer *calls, RecoRun *run)
{
	RecoSourceCount *counts = palloc0(sizeof(RecoSourceCount) * RECO_NKINDS);

	for (int k = 0; k < RECO_NKINDS; k++)
	{
		JsonbContainer *from = get_container(calls, reco_source_kind_name(k));

		counts[k].asks = get_int(from, "asked");
		counts[k].keys = get_int(from, "keys");
		counts[k].reused = get_int(from, "reused");
		counts[k].live = get_int(from, "live");
		counts[k].kept = get_int(from, "cached");
		counts[k].us = get_ms(from, "ms");
	}
	run->counts = counts;
}

/* An operation by its name; -1 = there is none of that name. */
static int
get_operation(JsonbContainer *object)
{
	const char *name = get_string(object, "operation");

	for (int o = 0; o < RECO_NOPERATIONS && name != NULL; o++)
		if (strcmp(name, reco_operation_name(o)) == 0)
			return o;
	return -1;
}

/* An outcome by its name; fresh where there is none of that name. */
static RecoOutcome
get_outcome(JsonbContainer *object, const char *member)
{
	const char *name = get_string(object, member);

	for (int o = 0; o < RECO_NOUTCOMES && name != NULL; o++)
		if (strcmp(name, reco_outcome_name(o)) == 0)
			return o;
	return RECO_OUTCOME_FRESH;
}

/* One question to a service; false = it names none. */
static bool
read_service(JsonbContainer *from, RecoCallTrace *call)
{
	int			operation = get_operation(from);

	call->server = get_string(from, "server");
	if (call->server == NULL || operation < 0)
		return false;
	call->operation = operation;
	call->outcome = get_outcome(from, "outcome");
	call->keys = get_int(from, "keys");
	call->kept = get_int(from, "cached");
	call->missing = get_int(from, "missing");
	call->denied = get_int(from, "denied");
	call->calls = get_int(from, "requests");
	call->again = get_int(from, "again");
	call->shared = get_int(from, "shared");
	call->call_keys = get_int(from, "request_keys");
	call->failed = get_int(from, "failed");
	call->start_us = get_ms(from, "start_ms");
	call->us = get_ms(from, "ms");
	call->queued_us = get_ms(from, "queued_ms");
	call->limited_us = get_ms(from, "limited_ms");
	call->network_us = get_ms(from, "network_ms");
	call->parsed_us = get_ms(from, "parsed_ms");
	call->prompt_tokens = get_int(from, "prompt_tokens");
	call->completion_tokens = get_int(from, "completion_tokens");
	call->cost = (double) get_id(from, "cost_millionths") / 1e6;
	return true;
}

static void
read_fallbacks(JsonbContainer *fallbacks, RecoRun *run)
{
	uint32		n = count_of(fallbacks);
	RecoFallback *all = palloc0(sizeof(RecoFallback) * Max(n, 1));

	for (uint32 i = 0; i < n; i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(fallbacks, i);
		JsonbContainer *from = value->type == jbvBinary ? value->val.binary.data : NULL;
		int			operation = get_operation(from);
		RecoFallback *fallback = &all[run->nfallbacks];

		fallback->server = get_string(from, "server");
		fallback->reason = get_string(from, "reason");
		fallback->instead = get_string(from, "instead");
		if (operation < 0 || !fallback->server || !fallback->reason || !fallback->instead)
			continue;
		fallback->operation = operation;
		fallback->why = get_outcome(from, "why");
		fallback->n = get_int(from, "questions");
		run->nfallbacks++;
	}
	run->fallbacks = all;
}

static void
read_services(JsonbContainer *record, RecoRun *run)
{
	JsonbContainer *services = get_container(record, "services");
	uint32		n = Min(count_of(services), RECO_TRACE_MOST);
	RecoCallTrace *calls = palloc0(sizeof(RecoCallTrace) * RECO_TRACE_MOST);

	for (uint32 i = 0; i < n; i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(services, i);

		if (value != NULL && value->type == jbvBinary &&
			read_service(value->val.binary.data, &calls[run->ncalls]))
			run->ncalls++;
	}
	run->calls = calls;
	read_fallbacks(get_container(record, "fallbacks"), run);
}

/* How recommendations of services were got, and what was reused. */
static void
read_lists(JsonbContainer *record, RecoRun *run)
{
	RecoLists  *lists = palloc0(sizeof(RecoLists));
	JsonbContainer *found = get_container(record, "guardrails");
	JsonbContainer *artifacts = get_container(record, "artifacts");
	int			tier = get_int(record, "tier");
	uint32		n = count_of(found);

	lists->asked = get_int(record, "lists");
	lists->tier = tier >= 0 && tier < RECO_NTIERS ? tier : RECO_TIER_ASKED;
	for (uint32 i = 0; i < n; i++)
	{
		const char *name = element_string(found, i);

		for (int f = 0; f < RECO_GUARD_NFINDINGS; f++)
			if (name != NULL && strcmp(name, reco_guard_finding_name(f)) == 0)
				lists->found |= 1U << f;
	}
	run->lists = lists;
	run->reused.on = get_bool(artifacts, "on");
	run->reused.difference = get_string(artifacts, "mood");
	run->reused.age_us = get_ms(artifacts, "age_ms");
}

/*
 * A candidate that stands in no strategy but the one that is told of it; NULL = it has
 * no name.
 */
static RecoCandidate *
read_track(JsonbContainer *from)
{
	RecoCandidate *candidate = palloc0(sizeof(RecoCandidate));
	RecoTrack  *track = palloc0(sizeof(RecoTrack));
	JsonbContainer *parts = get_container(from, "parts");
	const char *strategy = get_string(from, "strategy");
	const char *origin = get_string(from, "origin");

	candidate->track = track;
	track->track_id = get_string(from, "track_id");
	track->title = get_string(from, "title");
	track->artist = get_string(from, "artist");
	if (track->title == NULL || track->artist == NULL)
		return NULL;
	track->album = get_string(from, "album");
	candidate->score = get_real(from, "score", 0);
	candidate->cohesion = get_real(from, "cohesion", 0);
	for (int p = 0; p < RECO_NPARTS; p++)
		candidate->parts[p] = get_real(parts, reco_rank_part_name(p), -1);
	for (int s = 0; s < RECO_NSTRATEGIES; s++)
		if (strategy != NULL && strcmp(strategy, reco_rank_strategy_name(s)) == 0)
			candidate->ranks[s] = 1;
	for (int o = RECO_ORIGIN_LOCAL; o <= RECO_ORIGIN_STALE; o++)
		if (origin != NULL && strcmp(origin, reco_source_origin_name(o)) == 0)
			track->origin = o;
	return candidate;
}

/* The seed that a track is nearest to; none = NULL. */
static RecoNear
read_near(JsonbContainer *from)
{
	RecoTrack  *track = palloc0(sizeof(RecoTrack));
	RecoNear	near = {track, get_real(from, "similarity", 0)};

	track->title = get_string(from, "title");
	track->artist = get_string(from, "artist");
	if (track->title == NULL || track->artist == NULL)
		near.track = NULL;
	return near;
}

static void
read_tracks(JsonbContainer *tracks, RecoRun *run)
{
	uint32		n = Min(count_of(tracks), RECO_MAX_SIZE);

	run->list = palloc(sizeof(RecoCandidate *) * Max(n, 1));
	run->reasons = palloc0(sizeof(char *) * Max(n, 1));
	run->near = palloc0(sizeof(RecoNear) * Max(n, 1));
	for (uint32 i = 0; i < n; i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(tracks, i);

		if (value == NULL || value->type != jbvBinary)
			continue;
		run->reasons[run->nlist] = get_string(value->val.binary.data, "reason");
		run->near[run->nlist] = read_near(get_container(value->val.binary.data, "near"));
		run->list[run->nlist] = read_track(value->val.binary.data);
		if (run->list[run->nlist] != NULL)
			run->nlist++;
	}
}
