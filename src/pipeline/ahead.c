/*-------------------------------------------------------------------------
 *
 * ahead.c
 *	  What is done so that the next question is answered at once, and in full.
 *
 * Purpose: see ahead.h.
 * Runs in: a caller's backend wishes; a job worker does.
 * Locks:	'databases' and 'wishes' of shared.h, one after another, for moments.
 * Never:	write, wait for, or fail on what nobody asked for.
 *
 *-------------------------------------------------------------------------
 */
#include "ahead.h"

#include "access/xlog.h"
#include "graph.h"
#include "guc.h"
#include "json_write.h"
#include "miscadmin.h"
#include "request_options.h"
#include "shmem/database.h"
#include "shmem/shared.h"
#include "shmem/wish.h"
#include "source/remote.h"
#include "source/server.h"
#include "store/patience.h"

#define LEAST_DEADLINE_MS	60000

static bool somebody_would(void);
static bool wish_run(RecoWishKind kind, const RecoRequest *request, Oid role,
					 Oid extension, int64 about);
static bool was_cut(const RecoRun *run);
static void wish_facts(const RecoRun *run, Oid extension);
static bool lacks_features(const RecoTrack *track);
static void ask_of_tracks(RecoRun *run, RecoKind kind, const char **ids, int nids,
						  const char **unmeasured, int nunmeasured);

int
reco_ahead_deadline(void)
{
	return Max(reco_guc_deadline, LEAST_DEADLINE_MS);
}

/* Are there job workers? */
static bool
somebody_would(void)
{
	int			wanted;

	return reco_shared != NULL && reco_guc_keeper && reco_guc_job_workers > 0 &&
		!RecoveryInProgress() && reco_database_job_workers(MyDatabaseId, &wanted) > 0;
}

bool
reco_ahead_refresh(const RecoRequest *request, Oid extension, int64 run_id)
{
	return somebody_would() && reco_database_keeper(MyDatabaseId) != 0 &&
		wish_run(RECO_WISH_REFRESH, request, GetUserId(), extension, run_id);
}

/* Wishes for a run of the very same question, with time. */
static bool
wish_run(RecoWishKind kind, const RecoRequest *request, Oid role, Oid extension,
		 int64 about)
{
	RecoRequest patient = *request;

	patient.deadline_ms = reco_ahead_deadline();
	return reco_wish(kind, extension, role, request->user_id,
					 reco_request_arguments(&patient), about);
}

void
reco_ahead_mend(const RecoRun *run, Oid extension)
{
	const RecoRequest *request = run->request;
	bool		cut = request->deadline_ms < reco_ahead_deadline() && was_cut(run);

	if (request->ranked > 0 || !(cut || reco_remote_is_on()) || !somebody_would())
		return;
	if (cut && reco_guc_result_cache)
		(void) wish_run(RECO_WISH_COMPLETE, request, run->role, extension, 0);
	else
		wish_facts(run, extension);
}

/* Is a list not what it would be with more time? */
static bool
was_cut(const RecoRun *run)
{
	for (int s = 0; s < RECO_NSTAGES; s++)
		if (run->stages[s].late)
			return true;
	for (int s = 0; s < RECO_NSTRATEGIES; s++)
		if (run->strategies[s].asked && !run->strategies[s].finished)
			return true;
	for (int i = 0; i < run->nfallbacks; i++)
		if (run->fallbacks[i].why == RECO_OUTCOME_TIMEOUT)
			return true;
	return false;
}

/* Has nobody measured a track, or not lately? */
static bool
lacks_features(const RecoTrack *track)
{
	uint32		sound = (1u << RECO_NAUDIO) - 1;

	return track->measured != RECO_MEASURED_UNKNOWN ? track->measured_expired
													: (track->missing & sound) == sound;
}

/* Is a track's title not known, or its time over? */
static bool
lacks_facts(const RecoTrack *track)
{
	return track->title == NULL || track->expired;
}

/* Writes which tracks of a list lack something; how many these are. */
static int
put_lacking(StringInfo json, const char *name, const RecoRun *run,
			bool (*lacks)(const RecoTrack *))
{
	int			n = 0;

	open_with(json, name, '[');
	for (int i = 0; i < run->nlist; i++)
	{
		const RecoTrack *track = run->list[i]->track;

		if (!lacks(track) ||
			!reco_is_spotify_id(track->track_id, strlen(track->track_id)))
			continue;
		put_string(json, NULL, track->track_id);
		n++;
	}
	appendStringInfoChar(json, ']');
	return n;
}

/* Wishes for what tracks of a list lack that a service would tell. */
static void
wish_facts(const RecoRun *run, Oid extension)
{
	StringInfoData json;
	int			n = 0;

	/* what nobody keeps is of no use to the next run */
	if (!reco_guc_cache)
		return;
	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	if (reco_source_can_ask(run->source, RECO_KIND_TRACK_FACTS))
		n += put_lacking(&json, "facts", run, lacks_facts);
	if (reco_source_can_ask(run->source, RECO_KIND_TRACK_FEATURES))
		n += put_lacking(&json, "features", run, lacks_features);
	appendStringInfoChar(&json, '}');
	if (n > 0)
		(void) reco_wish(RECO_WISH_HYDRATE, extension, run->role, run->request->user_id,
						 json.data, 0);
	pfree(json.data);
}

void
reco_ahead_prefetch(const RecoRequest *request, MemoryContext context, RecoPauser pause,
					void *arg)
{
	RecoRun    *run = reco_run_open(request, context, pause, arg);
	RecoAsk    *asks = palloc0(sizeof(RecoAsk) * 2 * RECO_NODE_MAXASKS);
	int			ntracks;
	int			nartists;
	int			nunmeasured = 0;
	const char **ids;
	const char **unmeasured;

	reco_run_begin_stage(run, RECO_STAGE_TOP_TRACKS);
	ntracks = reco_seeds_ask_top_tracks(run, asks);
	nartists = reco_seeds_ask_top_artists(run, asks + ntracks);
	reco_run_resolve(run, asks, ntracks + nartists);
	reco_seeds_take_top_tracks(run, asks, ntracks);
	reco_seeds_take_top_artists(run, asks + ntracks, nartists);
	reco_run_end_stage(run);

	/* any of these may be a seed */
	reco_run_begin_stage(run, RECO_STAGE_SEEDS);
	ids = palloc(sizeof(char *) * Max(run->ntop_tracks, 1));
	unmeasured = palloc(sizeof(char *) * Max(run->ntop_tracks, 1));
	for (int i = 0; i < run->ntop_tracks; i++)
	{
		ids[i] = run->top_tracks[i]->track_id;
		if (lacks_features(run->top_tracks[i]))
			unmeasured[nunmeasured++] = ids[i];
	}
	ask_of_tracks(run, RECO_KIND_RECCOBEATS_ID, ids, run->ntop_tracks, unmeasured,
				  nunmeasured);
	reco_run_end_stage(run);
	reco_patience_end();
}

void
reco_ahead_hydrate(const RecoRequest *request, const char **ids, int nids,
				   const char **unmeasured, int nunmeasured, MemoryContext context,
				   RecoPauser pause, void *arg)
{
	RecoRun    *run = reco_run_open(request, context, pause, arg);

	reco_run_begin_stage(run, RECO_STAGE_DISCOVER);
	ask_of_tracks(run, RECO_KIND_TRACK_FACTS, ids, nids, unmeasured, nunmeasured);
	reco_run_end_stage(run);
	reco_patience_end();
}

/* Asks something of tracks, and features of some. */
static void
ask_of_tracks(RecoRun *run, RecoKind kind, const char **ids, int nids,
			  const char **unmeasured, int nunmeasured)
{
	RecoAsk    *asks = palloc0(sizeof(RecoAsk) * 2);
	RecoKey    *keys = palloc0(sizeof(RecoKey) * 2);

	keys[0].ids = ids;
	keys[0].nids = nids;
	keys[1].ids = unmeasured;
	keys[1].nids = nunmeasured;
	asks[0].kind = kind;
	asks[1].kind = RECO_KIND_TRACK_FEATURES;
	for (int a = 0; a < 2; a++)
	{
		asks[a].nkeys = 1;
		asks[a].keys = &keys[a];
	}
	reco_run_resolve(run, asks, 2);
}

bool
reco_ahead_has_service(Oid role)
{
	static const RecoOperation operations[] = {RECO_OP_TOP_TRACKS, RECO_OP_TOP_ARTISTS,
											   RECO_OP_IDS, RECO_OP_FEATURES};
	List	   *servers = reco_remote_is_on() ? reco_server_list(role) : NIL;

	for (int i = 0; i < lengthof(operations); i++)
		if (reco_server_pick(servers, operations[i]) != NULL)
			return true;
	return false;
}
