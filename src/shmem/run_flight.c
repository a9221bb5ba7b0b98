/*-------------------------------------------------------------------------
 *
 * run_flight.c
 *	  One run per question, however many ask at once.
 *
 * Purpose: see run_flight.h. A flight is a key, who leads it, and a condition variable
 *			for who waits; it is free again when its leader lands, or ends.
 * Runs in: backends and job workers.
 * Locks:	'runs' of shared.h, never while waiting.
 * Never:	lead two flights at once: a run asks for nothing that is another run.
 *
 *-------------------------------------------------------------------------
 */
#include "run_flight.h"

#include "miscadmin.h"
#include "shared.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"

#define NFLIGHTS	128

typedef struct RunFlight
{
	Oid			database;		/* InvalidOid = free */
	Oid			extension;
	char		key[RECO_RUN_KEYSIZE];
	int			leader_pid;
	uint32		generation;		/* moves with every landing */
	ConditionVariable landed;
} RunFlight;

static RunFlight *flights = NULL;
static int	mine = -1;			/* which this process leads */

static int	find(Oid database, Oid extension, const char *key, int *unused);
static bool wait_for(int flight, uint32 generation, int64 until);
static void at_exit(int code, Datum arg);

Size
reco_run_flights_size(void)
{
	return CACHELINEALIGN(sizeof(RunFlight) * NFLIGHTS);
}

/* Fills the table in. */
void
reco_run_flights_attach(char *memory, bool fresh)
{
	flights = (RunFlight *) memory;
	if (!fresh)
		return;
	memset(flights, 0, sizeof(RunFlight) * NFLIGHTS);
	for (int i = 0; i < NFLIGHTS; i++)
		ConditionVariableInit(&flights[i].landed);
}

/* Asks whose turn it is. */
RecoRunTurn
reco_run_flight_board(Oid database, Oid extension, const char *key, int64 until)
{
	static bool registered = false;
	int			unused;
	int			flight;
	uint32		generation;

	if (reco_shared == NULL || strlen(key) >= RECO_RUN_KEYSIZE)
		return RECO_RUN_ALONE;
	if (!registered)
	{
		before_shmem_exit(at_exit, (Datum) 0);
		registered = true;
	}
	Assert(mine < 0);
	LWLockAcquire(&reco_shared->runs, LW_EXCLUSIVE);
	flight = find(database, extension, key, &unused);
	if (flight < 0 && unused >= 0)
	{
		flights[unused].database = database;
		flights[unused].extension = extension;
		strlcpy(flights[unused].key, key, RECO_RUN_KEYSIZE);
		flights[unused].leader_pid = MyProcPid;
		mine = unused;
	}
	generation = flight < 0 ? 0 : flights[flight].generation;
	LWLockRelease(&reco_shared->runs);
	if (mine >= 0)
		return RECO_RUN_LEADS;
	if (flight < 0)
		return RECO_RUN_ALONE;
	return wait_for(flight, generation, until) ? RECO_RUN_LANDED : RECO_RUN_TAKEN;
}

/* Finds the flight of a key, and one that is free. */
static int
find(Oid database, Oid extension, const char *key, int *unused)
{
	*unused = -1;
	for (int i = 0; i < NFLIGHTS; i++)
	{
		if (!OidIsValid(flights[i].database))
			*unused = *unused < 0 ? i : *unused;
		else if (flights[i].database == database && flights[i].extension == extension &&
				 strcmp(flights[i].key, key) == 0)
			return i;
	}
	return -1;
}

/* Waits for a landing; false = it did not come in time. */
static bool
wait_for(int flight, uint32 generation, int64 until)
{
	static uint32 event = 0;
	bool		landed = false;

	ConditionVariablePrepareToSleep(&flights[flight].landed);
	for (;;)
	{
		int64		left = until - reco_now_us();

		LWLockAcquire(&reco_shared->runs, LW_SHARED);
		landed = flights[flight].generation != generation;
		LWLockRelease(&reco_shared->runs);
		if (landed || left <= 0)
			break;
		(void) ConditionVariableTimedSleep(&flights[flight].landed,
										   (long) Min((left - 1) / 1000 + 1, INT_MAX),
										   reco_wait_event(&event, "RecoRun"));
	}
	ConditionVariableCancelSleep();
	return landed;
}

/* Ends the own flight. */
void
reco_run_flight_land(void)
{
	RunFlight  *flight;

	if (mine < 0)
		return;
	flight = &flights[mine];
	mine = -1;
	LWLockAcquire(&reco_shared->runs, LW_EXCLUSIVE);
	flight->database = InvalidOid;
	flight->leader_pid = 0;
	flight->generation++;
	LWLockRelease(&reco_shared->runs);
	ConditionVariableBroadcast(&flight->landed);
}

/* A leader that goes leaves the flight to who waits. */
static void
at_exit(int code, Datum arg)
{
	if (mine < 0)
		return;
	LWLockReleaseAll();
	reco_run_flight_land();
}
