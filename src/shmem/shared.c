/*-------------------------------------------------------------------------
 *
 * shared.c
 *	  Shared memory: asking for it, laying it out.
 *
 * Purpose: see shared.h.
 * Runs in: postmaster (hooks); any process (clock).
 * Locks:	AddinShmemInitLock, while the memory is laid out.
 * Never:	keep a pointer over a crash restart: the startup hook runs again, and
 *			everything begins anew.
 *
 * One piece: RecoShared, slots, lanes, the buffer, blocks.
 *
 *-------------------------------------------------------------------------
 */
#include "shared.h"

#include <time.h>

#include "asked.h"
#include "cached.h"
#include "common/controldata_utils.h"
#include "guc.h"
#include "limit_state.h"
#include "matrix_shared.h"
#include "miscadmin.h"
#include "pool.h"
#include "promise.h"
#include "result_epoch.h"
#include "run_flight.h"
#include "slot.h"
#include "stage_stat.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"
#include "wish.h"

RecoShared *reco_shared = NULL;
RecoSlot   *reco_slots = NULL;
RecoLane   *reco_lanes = NULL;

static shmem_request_hook_type previous_request = NULL;
static shmem_startup_hook_type previous_startup = NULL;
static int	times_made = 0;		/* by this postmaster; survives a crash restart */

static void request(void);
static void startup(void);
static void attach(char *memory, bool fresh);
static void make(void);
static bool was_shut_down(void);
static uint32 count_blocks(void);
static Size part_of_slots(void);
static Size part_of_lanes(void);

/* Chains the hooks. */
void
reco_shared_install(void)
{
	previous_request = shmem_request_hook;
	shmem_request_hook = request;
	previous_startup = shmem_startup_hook;
	shmem_startup_hook = startup;
}

/* The size, by the settings. */
Size
reco_shared_size(void)
{
	Size		size = CACHELINEALIGN(sizeof(RecoShared));

	size = add_size(size, part_of_slots());
	size = add_size(size, part_of_lanes());
	size = add_size(size, reco_cached_size());
	size = add_size(size, reco_run_flights_size());
	size = add_size(size, reco_result_epochs_size());
	size = add_size(size, reco_promises_size());
	size = add_size(size, reco_limits_size());
	size = add_size(size, reco_matrices_size());
	size = add_size(size, reco_stage_stats_size());
	size = add_size(size, reco_asked_size());
	size = add_size(size, reco_wishes_size());
	return add_size(size, reco_pool_size(count_blocks()));
}

int64
reco_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

TimestampTz
reco_calendar_time(int64 monotonic_us)
{
	if (monotonic_us == 0)
		return 0;
	return GetCurrentTimestamp() + (monotonic_us - reco_now_us());
}

/* Has the gateway look at what there is, if it runs. */
void
reco_gateway_wake(void)
{
	int			procno;

	SpinLockAcquire(&reco_shared->gateway_lock);
	procno = reco_shared->gateway_procno;
	SpinLockRelease(&reco_shared->gateway_lock);
	if (procno >= 0)
		SetLatch(&GetPGProcByNumber(procno)->procLatch);
}

/* The request hook: settings of other libraries are final by now. */
static void
request(void)
{
	if (previous_request)
		previous_request();
	RequestAddinShmemSpace(reco_shared_size());
}

/* The startup hook: at start, and again after a crash. */
static void
startup(void)
{
	bool		found;
	char	   *memory;

	if (previous_startup)
		previous_startup();

	reco_shared = NULL;
	reco_slots = NULL;
	reco_lanes = NULL;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	memory = ShmemInitStruct("reco", reco_shared_size(), &found);
	attach(memory, !found);
	LWLockRelease(AddinShmemInitLock);

	LWLockRegisterTranche(reco_shared->tranche, "reco");
	if (!found)
		ereport(
			LOG,
			(errmsg("reco: %d slots, %zu bytes for requests and answers, %d upstreams, "
					"%d connections, %zu bytes of shared memory in all",
					reco_shared->nslots, reco_pool_size(reco_shared->nblocks),
					reco_shared->nlanes, reco_guc_gateway_connections,
					reco_shared_size())));
}

/* Finds the parts; fills them in when they are fresh. */
static void
attach(char *memory, bool fresh)
{
	reco_shared = (RecoShared *) memory;
	memory += CACHELINEALIGN(sizeof(RecoShared));
	reco_slots = (RecoSlot *) memory;
	memory += part_of_slots();
	reco_lanes = (RecoLane *) memory;
	memory += part_of_lanes();
	if (fresh)
		make();
	reco_cached_attach(memory, fresh, reco_shared->tranche);
	memory += reco_cached_size();
	reco_run_flights_attach(memory, fresh);
	memory += reco_run_flights_size();
	reco_result_epochs_attach(memory, fresh);
	memory += reco_result_epochs_size();
	reco_promises_attach(memory, fresh, reco_shared->tranche);
	memory += reco_promises_size();
	reco_limits_attach(memory, fresh, reco_shared->tranche);
	memory += reco_limits_size();
	reco_matrices_attach(memory, fresh);
	memory += reco_matrices_size();
	reco_stage_stats_attach(memory, fresh);
	memory += reco_stage_stats_size();
	reco_asked_attach(memory, fresh);
	memory += reco_asked_size();
	reco_wishes_attach(memory, fresh);
	memory += reco_wishes_size();
	reco_pool_attach(memory, fresh);
}

/* Fills in all but the pool. */
static void
make(void)
{
	MemSet(reco_shared, 0, sizeof(*reco_shared));
	reco_shared->nslots = reco_guc_gateway_slots;
	reco_shared->nlanes = reco_guc_gateway_upstreams;
	reco_shared->nblocks = count_blocks();
	reco_shared->tranche = LWLockNewTrancheId();
	reco_shared->after_crash = times_made++ > 0 || !was_shut_down();
	reco_shared->made_at = reco_now_us();
	LWLockInitialize(&reco_shared->lanes, reco_shared->tranche);
	LWLockInitialize(&reco_shared->processes, reco_shared->tranche);
	LWLockInitialize(&reco_shared->pool, reco_shared->tranche);
	LWLockInitialize(&reco_shared->runs, reco_shared->tranche);
	LWLockInitialize(&reco_shared->matrices, reco_shared->tranche);
	LWLockInitialize(&reco_shared->stages, reco_shared->tranche);
	LWLockInitialize(&reco_shared->asked, reco_shared->tranche);
	LWLockInitialize(&reco_shared->wishes, reco_shared->tranche);
	reco_database_make();
	SpinLockInit(&reco_shared->gateway_lock);
	reco_shared->gateway_procno = -1;
	reco_shared->submitted_head = -1;
	reco_shared->submitted_tail = -1;

	for (int i = 0; i < reco_shared->nslots; i++)
	{
		RecoSlot   *slot = &reco_slots[i];

		memset(slot, 0, sizeof(*slot));
		LWLockInitialize(&slot->lock, reco_shared->tranche);
		slot->next = -1;
		slot->owner_procno = -1;
		slot->request = RECO_NO_BLOCK;
		slot->answer = RECO_NO_BLOCK;
		slot->answer_last = RECO_NO_BLOCK;
	}
	memset(reco_lanes, 0, part_of_lanes());
}

/*
 * Was the server shut down properly the last time? If not, what it had sent just
 * before is not known, as after a crash of this very postmaster.
 */
static bool
was_shut_down(void)
{
	bool		sound;
	ControlFileData *control = get_controlfile(DataDir, &sound);
	bool		shut_down = sound &&
		(control->state == DB_SHUTDOWNED || control->state == DB_SHUTDOWNED_IN_RECOVERY);

	pfree(control);
	return shut_down;
}

static uint32
count_blocks(void)
{
	return (uint32) ((Size) reco_guc_gateway_memory * 1024 / RECO_BLOCK_SIZE);
}

static Size
part_of_slots(void)
{
	return CACHELINEALIGN(mul_size(reco_guc_gateway_slots, sizeof(RecoSlot)));
}

static Size
part_of_lanes(void)
{
	return CACHELINEALIGN(mul_size(reco_guc_gateway_upstreams, sizeof(RecoLane)));
}
