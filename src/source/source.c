/*-------------------------------------------------------------------------
 *
 * source.c
 *	  The seam: everything the pipeline can ask, and one way to ask it.
 *
 * Purpose: see source.h. The table below has one row per kind; a kind that no
 *			service answers is answered by the embedded engine.
 * Runs in: any process with a database.
 * Locks:	none held at entry or exit.
 * Never:	return with SPI connected, a snapshot pushed or a buffer pinned.
 *
 *-------------------------------------------------------------------------
 */
#include "source.h"

#include "executor/spi.h"
#include "utils/memutils.h"

/* One kind of question. */
typedef struct KindRow
{
	const char *name;
	RecoEngineKind local;		/* how the embedded engine answers it */
} KindRow;

static const KindRow kinds[RECO_NKINDS] = {
	[RECO_KIND_USER_TOP_TRACKS] = {"user_top_tracks", RECO_ENGINE_USER_TOP_TRACKS},
	[RECO_KIND_USER_TOP_ARTISTS] = {"user_top_artists", RECO_ENGINE_USER_TOP_ARTISTS},
	[RECO_KIND_USER_HISTORY] = {"user_history", RECO_ENGINE_USER_HISTORY},
	[RECO_KIND_TRACK_SEARCH] = {"track_search", RECO_ENGINE_TRACK_SEARCH},
	[RECO_KIND_ARTIST_SEARCH] = {"artist_search", RECO_ENGINE_ARTIST_SEARCH},
	[RECO_KIND_ARTIST_TRACKS] = {"artist_tracks", RECO_ENGINE_ARTIST_TRACKS},
	[RECO_KIND_RECOMMENDATION] = {"recommendation", RECO_ENGINE_RECOMMENDATION},
	[RECO_KIND_TRACK_FACTS] = {"track_facts", RECO_ENGINE_TRACK_FACTS},
};

static const char *const origins[] = {"local"};

struct RecoSource
{
	MemoryContext context;
	RecoEngine *engine;
	void (*pause)(void *);
	void	   *pause_arg;
	RecoSourceCount counts[RECO_NKINDS];
};

/* Opens the seam for a run. */
RecoSource *
reco_source_open(MemoryContext context, void (*pause)(void *), void *arg)
{
	RecoSource *source = MemoryContextAllocZero(context, sizeof(RecoSource));

	source->context = context;
	source->engine = reco_engine_open(context);
	source->pause = pause;
	source->pause_arg = arg;
	return source;
}

/* Resolves several questions at once. */
void
reco_source_resolve(RecoSource *source, RecoAsk *asks, int nasks, TimestampTz give_up)
{
	MemoryContext old;
	RecoEngineQuestion *questions;
	int			nquestions = 0;
	TimestampTz start;
	int64		us;

	if (source->pause != NULL)
		source->pause(source->pause_arg);

	old = MemoryContextSwitchTo(source->context);
	start = GetCurrentTimestamp();
	for (int i = 0; i < nasks; i++)
		nquestions += asks[i].nkeys;
	questions = palloc(sizeof(RecoEngineQuestion) * Max(nquestions, 1));
	nquestions = 0;
	for (int i = 0; i < nasks; i++)
	{
		asks[i].values = palloc0(sizeof(RecoValue) * Max(asks[i].nkeys, 1));
		for (int k = 0; k < asks[i].nkeys; k++)
		{
			questions[nquestions].kind = kinds[asks[i].kind].local;
			questions[nquestions].key = &asks[i].keys[k];
			questions[nquestions++].answer = &asks[i].values[k].answer;
		}
	}
	reco_engine_answer(source->engine, questions, nquestions, give_up);
	us = GetCurrentTimestamp() - start;
	for (int i = 0; i < nasks; i++)
	{
		RecoSourceCount *count = &source->counts[asks[i].kind];

		for (int k = 0; k < asks[i].nkeys; k++)
		{
			RecoValue  *value = &asks[i].values[k];

			value->outcome =
				value->answer.done ? RECO_OUTCOME_FRESH : RECO_OUTCOME_TIMEOUT;
			value->origin = RECO_ORIGIN_LOCAL;
			value->partial = value->answer.partial;
			for (int t = 0; t < value->answer.ntracks; t++)
				value->answer.tracks[t]->origin = value->origin;
		}
		count->asks++;
		count->keys += asks[i].nkeys;
		count->us += us;
	}
	pfree(questions);
	MemoryContextSwitchTo(old);
}

const RecoBackground *
reco_source_background(RecoSource *source)
{
	return reco_engine_background(source->engine);
}

uint32
reco_source_tracks(const RecoSource *source)
{
	return reco_engine_tracks(source->engine);
}

const char *
reco_source_kind_name(RecoKind kind)
{
	return kinds[kind].name;
}

const char *
reco_source_origin_name(RecoOrigin origin)
{
	return origins[origin];
}

const RecoSourceCount *
reco_source_counts(const RecoSource *source)
{
	return source->counts;
}
