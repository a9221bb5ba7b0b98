/*-------------------------------------------------------------------------
 *
 * gateway.c
 *	  The one process that talks to the world: registration and loop.
 *
 * Purpose: take questions from slots, let every lane send what it may, wait for
 *			the latch, a socket or a time, whichever is first.
 * Runs in: the gateway; registration in the postmaster.
 * Locks:	those of slot.h, for moments.
 * Never:	connect to a database, open a transaction, hold a snapshot: so it is in
 *			nobody's way. Never wait anywhere but in the reactor's turn.
 *
 * The process has no row in pg_stat_activity (it is no session of any
 * database); reco_stat_worker shows it instead.
 *
 *-------------------------------------------------------------------------
 */
#include "gateway.h"

#include "guc.h"
#include "parts.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#define RESTART_S	1			/* after it died */
#define SWEEP_US	((int64) 10 * 1000 * 1000)	/* dead owners are looked for so often */
#define ACTIVE_US	((int64) 60 * 1000 * 1000)	/* a lane asked so lately has a share */

extern PGDLLEXPORT void reco_gateway_main(Datum arg);

static void begin(void);
static void loop(void);
static void at_exit(int code, Datum arg);

RecoGatewayLane *reco_gateway_lanes = NULL;
static int	max_transfers = 1;

/* Registers the gateway with the postmaster. */
void
reco_gateway_register(void)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS;
	worker.bgw_start_time = reco_guc_gateway_on_standby ? BgWorkerStart_ConsistentState
														: BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = RESTART_S;
	strlcpy(worker.bgw_library_name, "reco", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "reco_gateway_main", BGW_MAXLEN);
	strlcpy(worker.bgw_name, "reco gateway", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "reco gateway", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
}

/* Runs the process. */
void
reco_gateway_main(Datum arg)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	begin();
	loop();
}

/* Sets the process up: its memory, libcurl, and that it can be asked. */
static void
begin(void)
{
	MemoryContextSwitchTo(
		AllocSetContextCreate(TopMemoryContext, "reco gateway", ALLOCSET_DEFAULT_SIZES));
	reco_gateway_lanes = palloc0(sizeof(RecoGatewayLane) * reco_shared->nlanes);
	max_transfers = reco_reactor_open(reco_guc_gateway_connections);

	/* what a former process had under way is gone, also where nobody asks again */
	for (int i = 0; i < reco_shared->nlanes; i++)
	{
		reco_lanes[i].queued = reco_lanes[i].in_flight = reco_lanes[i].connections = 0;
		reco_lanes[i].breaker.probes = 0;
	}

	/*
	 * From here on questions come; whatever ends the process answers them. Whoever sees
	 * it in a view can ask it.
	 */
	before_shmem_exit(at_exit, (Datum) 0);
	reco_slots_serve();
	reco_process_begin(RECO_PROCESS_GATEWAY, InvalidOid);
	reco_process_state(RECO_PROCESS_GATEWAY, InvalidOid, "serving");
	ereport(LOG,
			(errmsg("reco gateway started"),
			 errdetail("It keeps up to %d connections; libcurl %s.", max_transfers,
					   curl_version_info(CURLVERSION_NOW)->version)));
}

/* Answers whoever waits, also when the process ends with an error. */
static void
at_exit(int code, Datum arg)
{
	reco_slots_lose_all();
	reco_token_report();
	reco_process_end(RECO_PROCESS_GATEWAY, InvalidOid,
					 code == 0 ? NULL : "ended by a signal or an error; see the server's log");
}

/* Serves until it is told to end. */
static void
loop(void)
{
	int64		sweep_at = reco_now_us() + SWEEP_US;

	for (;;)
	{
		int64		next = sweep_at;
		int64		now;
		int			slot;

		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		reco_token_forget_gone();
		reco_lanes_forget_refused();
		for (int i = 0; i < reco_shared->nslots && (slot = reco_slots_next()) >= 0; i++)
			reco_question_look(slot);
		now = reco_now_us();
		for (int i = 0; i < reco_shared->nlanes; i++)
			if (reco_gateway_lanes[i].key != 0)
				next = Min(next, reco_lane_pump(&reco_gateway_lanes[i], now));
		if (now >= sweep_at)
		{
			reco_slots_sweep();
			sweep_at = now + SWEEP_US;
		}
		reco_reactor_turn(next, reco_transfer_handle_ended);
	}
}

/* Draws a random number of 0 <= x < 1. */
double
reco_gateway_dice(void)
{
	return pg_prng_double(&pg_global_prng_state);
}

/*
 * Tells whether the lane may begin one more transfer. Each lane that was asked
 * lately has an equal share, and one share stays free for who comes next: so an
 * upstream that hangs never takes the connections of another.
 */
bool
reco_gateway_has_room(const RecoGatewayLane *lane)
{
	int64		now = reco_now_us();
	int			active = 1;
	int			in_use = 0;
	int			kept = 0;
	int			share;

	for (int i = 0; i < reco_shared->nlanes; i++)
		if (reco_gateway_lanes[i].key != 0)
		{
			in_use += reco_gateway_lanes[i].in_flight;
			active += reco_gateway_lanes[i].in_flight > 0 ||
				now - reco_gateway_lanes[i].shared->seen_at < ACTIVE_US;
		}
	share = Max(1, max_transfers / active);
	if (in_use >= max_transfers)
		return false;
	if (lane->in_flight < share)
		return true;

	/* beyond its share it may take what nobody's share needs */
	for (int i = 0; i < reco_shared->nlanes; i++)
	{
		const RecoGatewayLane *other = &reco_gateway_lanes[i];

		if (other->key != 0 && other != lane && now - other->shared->seen_at < ACTIVE_US)
			kept += Max(0, share - other->in_flight);
	}
	return in_use + kept + share < max_transfers;
}
