/*-------------------------------------------------------------------------
 *
 * live_list.c
 *	  Recommendations of ReccoBeats: guardrails, the deny list, what to try instead.
 *
 * Purpose: see live_parts.h. Before a question leaves, guardrails mend it and the deny
 *			list is looked into; one that is refused for good is asked for again in a
 *			smaller form, tier by tier, each once, as long as its ticket has time. What
 *			is left then is the embedded engine's answer, which is there already.
 * Runs in: any process with a database and a transaction.
 * Locks:	none.
 * Never:	send a question that the service is known to refuse; try anything after a
 *			refusal that passes.
 *
 *-------------------------------------------------------------------------
 */
#include "live_parts.h"

#include "lib/stringinfo.h"
#include "screen.h"
#include "upstream/denial.h"
#include "utils/json.h"

#define LIST_SIZE			40	/* tracks of a recommendation */
#define LOUDEST				2	/* dB, that ReccoBeats takes */

static void begin(RecoLive *live, RecoLiveWant *want);
static void put(RecoLive *live, RecoLiveWant *want);
static void fall_back(RecoLive *live, RecoLiveWant *want, const char *why);
static void give_up(RecoLive *live, RecoLiveWant *want);
static const char *why_denied(RecoLive *live, const RecoLiveWant *want);
static int	keep_known(RecoLive *live, const char **ids, int nids);
static const char *resolved_id(const RecoLive *live, const char *id);
static const char **resolved_ids(const RecoLive *live, const char *const *ids, int nids);
static char *make_key(const RecoLiveWant *want, const RecoGuarded *ids);
static void put_ids(StringInfo json, const char *const *ids, int nids);
static void put_targets(StringInfo json, const RecoFit *fit);

/* Is any of some ids still being asked for? */
static bool
are_pending(const RecoLive *live, const char *const *ids, int nids)
{
	for (int i = 0; i < nids; i++)
		if (reco_live_is_pending(reco_live_question(live, RECO_LIVE_IDS, ids[i])))
			return true;
	return false;
}

/*
 * Asks for a recommendation once the ids of its seeds are there, and for another one
 * instead of one that was refused.
 */
bool
reco_live_list_step(RecoLive *live, RecoLiveWant *want)
{
	if (want->stage == RECO_LIVE_SEEDS)
	{
		if (are_pending(live, want->ids.seeds, want->ids.nseeds) ||
			are_pending(live, want->ids.negatives, want->ids.nnegatives))
			return false;
		want->stage = RECO_LIVE_QUESTION;
		begin(live, want);
	}
	else
	{
		fall_back(live, want, want->question->refused);
		if (want->stage != RECO_LIVE_DONE && reco_live_is_late(want->ticket))
			give_up(live, want);
	}
	put(live, want);
	return true;
}

/* Begins with those ids that ReccoBeats has. */
static void
begin(RecoLive *live, RecoLiveWant *want)
{
	live->lists.asked++;
	want->tier = RECO_TIER_ASKED;
	want->ids.nseeds = keep_known(live, want->ids.seeds, want->ids.nseeds);
	want->ids.nnegatives = keep_known(live, want->ids.negatives, want->ids.nnegatives);
}

/*
 * Puts a want's question in its present form, or the next one that may be put. Guardrails
 * look at the ids twice: as Spotify's and as those that are sent, since two releases of a
 * recording are one there.
 */
static void
put(RecoLive *live, RecoLiveWant *want)
{
	const RecoKey *key = &want->ask->keys[want->key];

	while (want->stage != RECO_LIVE_DONE)
	{
		RecoGuarded sent;
		unsigned	found;
		const char *why;

		want->ids.size = Min(LIST_SIZE, key->limit);
		found = reco_guard_mend(&want->ids);
		sent = want->ids;
		sent.seeds = resolved_ids(live, want->ids.seeds, want->ids.nseeds);
		sent.negatives = resolved_ids(live, want->ids.negatives, want->ids.nnegatives);
		found |= reco_guard_mend(&sent);
		live->lists.found |= found;
		if (found & RECO_GUARD_EMPTY)
		{
			give_up(live, want);
			return;
		}
		why = why_denied(live, want);
		if (why != NULL)
		{
			live->lists.found |= RECO_GUARD_DENIED;
			fall_back(live, want, why);
			continue;
		}
		want->question = reco_live_add(live, RECO_LIVE_LISTS, make_key(want, &sent));
		if (want->question != NULL && want->question->refused == NULL)
			return;
		fall_back(live, want, want->question == NULL ? "" : want->question->refused);
	}
}

/* Makes the next form of a question that was refused. */
static void
fall_back(RecoLive *live, RecoLiveWant *want, const char *why)
{
	if (want->question != NULL && want->question->denied)
		live->lists.found |= RECO_GUARD_DENIED;
	want->question = NULL;
	want->tier =
		reco_guard_fall_back(&want->ids, want->tier, reco_denial_blames_negatives(why));
	if (want->tier == RECO_TIER_LOCAL)
		give_up(live, want);
	else
		live->lists.tier = Max(live->lists.tier, want->tier);
}

/* Leaves a want to the embedded engine. */
static void
give_up(RecoLive *live, RecoLiveWant *want)
{
	want->question = NULL;
	want->stage = RECO_LIVE_DONE;
	reco_live_note(live, RECO_LIVE_LISTS, RECO_OUTCOME_REJECTED,
				   "no form of the question was left that may be asked");
	want->tier = live->lists.tier = RECO_TIER_LOCAL;
}

/*
 * Why somebody denied it under Spotify's ids, which are those that people know; what is
 * denied under the ids that are sent is found on the way to the gateway.
 */
static const char *
why_denied(RecoLive *live, const RecoLiveWant *want)
{
	const RecoServer *server = reco_server_pick(live->servers, RECO_OP_RECOMMENDATION);
	const char *request = reco_remote_key(make_key(want, &want->ids));

	return server == NULL ? NULL : reco_screen_denied(server, &request, 1)[0];
}

/* Keeps those ids that ReccoBeats has; notes that some are missing there. */
static int
keep_known(RecoLive *live, const char **ids, int nids)
{
	int			n = 0;

	for (int i = 0; i < nids; i++)
	{
		if (resolved_id(live, ids[i]) != NULL)
			ids[n++] = ids[i];
		else
		{
			const RecoLiveQuestion *question =
				reco_live_question(live, RECO_LIVE_IDS, ids[i]);

			if (question != NULL && question->absent)
				live->lists.found |= RECO_GUARD_MISSING;
		}
	}
	return n;
}

/* The id that ReccoBeats has for a track; NULL = it does not know the track. */
static const char *
resolved_id(const RecoLive *live, const char *id)
{
	const char *json = reco_live_value(live, RECO_LIVE_IDS, id);

	return json == NULL ? NULL : reco_live_read_id(json);
}

static const char **
resolved_ids(const RecoLive *live, const char *const *ids, int nids)
{
	const char **resolved = palloc(sizeof(char *) * Max(nids, 1));

	for (int i = 0; i < nids; i++)
		resolved[i] = resolved_id(live, ids[i]);
	return resolved;
}

/* Writes a question with these ids. */
static char *
make_key(const RecoLiveWant *want, const RecoGuarded *ids)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"seeds\":");
	put_ids(&json, ids->seeds, ids->nseeds);
	if (ids->nnegatives > 0)
	{
		appendStringInfoString(&json, ",\"negative_seeds\":");
		put_ids(&json, ids->negatives, ids->nnegatives);
	}
	appendStringInfo(&json, ",\"size\":%d,", ids->size);
	put_targets(&json, want->ask->keys[want->key].fit);
	appendStringInfoChar(&json, '}');
	return json.data;
}

static void
put_ids(StringInfo json, const char *const *ids, int nids)
{
	appendStringInfoChar(json, '[');
	for (int i = 0; i < nids; i++)
	{
		if (i > 0)
			appendStringInfoChar(json, ',');
		escape_json(json, ids[i]);
	}
	appendStringInfoChar(json, ']');
}

/* Writes what the tracks should be like. */
static void
put_targets(StringInfo json, const RecoFit *fit)
{
	int			n = 0;

	appendStringInfoString(json, "\"targets\":{");
	for (int f = 0; fit != NULL && f < RECO_NCOLUMNS; f++)
	{
		float		value = reco_fit_clamp(f, fit->targets[f].mean);

		if (fit->targets[f].weight <= 0 || f == RECO_YEAR)
			continue;
		if (f == RECO_MODE)
			value = value >= 0.5f ? 1 : 0;
		if (f == RECO_LOUDNESS)
			value = Min(value, LOUDEST);
		appendStringInfo(json, "%s\"%s\":%.4g", n++ > 0 ? "," : "", reco_feature_name(f),
						 value);
	}
	appendStringInfoChar(json, '}');
}
