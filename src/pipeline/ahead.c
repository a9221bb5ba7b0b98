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
					 Oid extension);
static bool was_cut(const RecoRun *run);
static void wish_facts(const RecoRun *run, Oid extension);
static bool lacks_features(const RecoTrack *track);
static void ask_of_tracks(RecoRun *run, const char **ids, int nids, bool facts);

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
reco_ahead_refresh(const RecoRequest *request, Oid extension)
{
	return somebody_would() &&
		wish_run(RECO_WISH_REFRESH, request, GetUserId(), extension);
}

/* Wishes for a run of the very same question, with time. */
static bool
wish_run(RecoWishKind kind, const RecoRequest *request, Oid role, Oid extension)
{
	RecoRequest patient = *request;

	patient.deadline_ms = reco_ahead_deadline();
	return reco_wish(kind, extension, role, request->user_id,
					 reco_request_arguments(&patient));
}

void
reco_ahead_mend(const RecoRun *run, Oid extension)
{
	const RecoRequest *request = run->request;
	bool		cut = request->deadline_ms < reco_ahead_deadline() && was_cut(run);

	if (request->ranked > 0 || !(cut || reco_remote_is_on()) || !somebody_would())
		return;
	if (cut && reco_guc_result_cache)
		(void) wish_run(RECO_WISH_COMPLETE, request, run->role, extension);
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

/* Wishes for what tracks of a list lack that a service would tell. */
static void
wish_facts(const RecoRun *run, Oid extension)
{
	StringInfoData json;
	int			n = 0;

	/* what nobody keeps is of no use to the next run */
	if (!reco_guc_cache || !reco_source_can_ask(run->source, RECO_KIND_TRACK_FEATURES))
		return;
	initStringInfo(&json);
	appendStringInfoString(&json, "{\"tracks\": [");
	for (int i = 0; i < run->nlist; i++)
	{
		const RecoTrack *track = run->list[i]->track;
		const char *id = track->track_id;

		if (!reco_is_spotify_id(id, strlen(id)) ||
			!(track->expired || lacks_features(track)))
			continue;
		put_string(&json, NULL, id);
		n++;
	}
	appendStringInfoString(&json, "]}");
	if (n > 0)
		(void) reco_wish(RECO_WISH_HYDRATE, extension, run->role, run->request->user_id,
						 json.data);
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
	const char **ids;

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
	for (int i = 0; i < run->ntop_tracks; i++)
		ids[i] = run->top_tracks[i]->track_id;
	ask_of_tracks(run, ids, run->ntop_tracks, false);
	reco_run_end_stage(run);
	reco_patience_end();
}

void
reco_ahead_hydrate(const RecoRequest *request, const char **ids, int nids,
				   MemoryContext context, RecoPauser pause, void *arg)
{
	RecoRun    *run = reco_run_open(request, context, pause, arg);

	reco_run_begin_stage(run, RECO_STAGE_DISCOVER);
	ask_of_tracks(run, ids, nids, true);
	reco_run_end_stage(run);
	reco_patience_end();
}

/* Asks what services know of tracks: facts and features, or features and ids. */
static void
ask_of_tracks(RecoRun *run, const char **ids, int nids, bool facts)
{
	RecoAsk    *asks = palloc0(sizeof(RecoAsk) * 2);
	RecoKey    *keys = palloc0(sizeof(RecoKey) * 2);
	int			nfeatures = 0;
	const char **features = palloc(sizeof(char *) * Max(nids, 1));

	for (int i = 0; i < nids; i++)
	{
		bool		wanted = facts;

		for (int t = 0; t < run->ntop_tracks && !wanted; t++)
			wanted = strcmp(run->top_tracks[t]->track_id, ids[i]) == 0 &&
				lacks_features(run->top_tracks[t]);
		if (wanted)
			features[nfeatures++] = ids[i];
	}
	keys[0].ids = ids;
	keys[0].nids = nids;
	keys[1].ids = features;
	keys[1].nids = nfeatures;
	asks[0].kind = facts ? RECO_KIND_TRACK_FACTS : RECO_KIND_RECCOBEATS_ID;
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
