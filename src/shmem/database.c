/*-------------------------------------------------------------------------
 *
 * database.c
 *	  Databases that have the extension, and their workers.
 *
 * Purpose: see database.h; one function per change of a row's state. What
 *			workers do themselves is in database_worker.c.
 * Runs in: any process that has the library preloaded.
 * Locks:	'databases' of shared.h. Latches are set after it is released.
 * Never:	wait while holding it, or throw: much of this runs after a commit or
 *			while a process ends.
 *
 * A row comes when somebody asks for a database or holds it, and goes when no seat in it
 * is taken or wanted. A keeper's seat is wanted when the row comes, and given up when the
 * keeper finds no extension there, or the database is gone; job workers' seats are wanted
 * while a keeper finds the extension.
 *
 *	WANTED -> STARTING -> RUNNING -> (gone) or WANTED, after a pause
 *	hold: WANTED, STARTING -> HELD, RUNNING -> STOPPING -> HELD; release -> WANTED
 *
 * A worker that is to start has a number, the generation: one that comes late, when the
 * seat was held or given to another meanwhile, sees that and ends.
 *
 *-------------------------------------------------------------------------
 */
#include "database_parts.h"

#include <signal.h>

#include "miscadmin.h"
#include "shared.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/timestamp.h"

#define PAUSE_MS		1000	/* after the first failure; doubles */
#define LONGEST_PAUSE_MS	60000
#define TURN_MS			10000	/* of a job worker, before it makes room for another's */

static RecoDatabase *find_or_make_row(Oid database);
static void hold_seat(RecoSeat *seat, bool keeper);
static void release_seat(RecoSeat *seat);
static void wake_seats(Oid database, int first, int last, bool gatherers);

/* Fills in the table. */
void
reco_database_make(void)
{
	LWLockInitialize(&reco_shared->databases, reco_shared->tranche);
	reco_shared->launcher_pid = 0;
	reco_shared->launcher_procno = -1;
	for (int i = 0; i < RECO_NDATABASES; i++)
		for (int s = 0; s < RECO_NSEATS; s++)
			reco_shared->database[i].seats[s].procno = -1;
}

/* Wakes the keeper of a database, if there is one. */
void
reco_database_wake(Oid database)
{
	wake_seats(database, RECO_SEAT_KEEPER, RECO_SEAT_KEEPER, true);
}

/*
 * Wakes it for what there is to write. The lock is a barrier: who reads here that the
 * keeper gathers has put its entry before that ended.
 */
void
reco_database_wake_writer(Oid database)
{
	wake_seats(database, RECO_SEAT_KEEPER, RECO_SEAT_KEEPER, false);
}

void
reco_database_wake_job_workers(Oid database)
{
	wake_seats(database, RECO_SEAT_KEEPER + 1, RECO_NSEATS - 1, true);
}

/* Wakes all keepers. */
void
reco_database_wake_all(void)
{
	for (int i = 0; i < RECO_NDATABASES; i++)
		if (reco_shared->database[i].seats[RECO_SEAT_KEEPER].pid != 0)
			reco_database_wake(reco_shared->database[i].database);
}

/* Wakes who sits there. Latches are set after the lock is released. */
static void
wake_seats(Oid database, int first, int last, bool gatherers)
{
	RecoDatabase *row;
	int			procnos[RECO_NSEATS];
	int			n = 0;

	if (reco_shared == NULL)
		return;
	LWLockAcquire(&reco_shared->databases, LW_SHARED);
	row = reco_database_find(database);
	for (int s = first; row != NULL && s <= last; s++)
		if (row->seats[s].pid != 0 && (gatherers || !row->seats[s].gathers))
			procnos[n++] = row->seats[s].procno;
	LWLockRelease(&reco_shared->databases);
	for (int i = 0; i < n; i++)
		SetLatch(&GetPGProcByNumber(procnos[i])->procLatch);
}

/* Says that the extension of a database may have come or gone; false = no room. */
bool
reco_database_ask(Oid database, bool known_only)
{
	RecoDatabase *row;
	RecoSeat   *keeper;
	int			procno;

	reco_database_lock();
	procno = reco_shared->launcher_procno;
	row = known_only ? reco_database_find(database) : find_or_make_row(database);
	keeper = row == NULL ? NULL : &row->seats[RECO_SEAT_KEEPER];
	if (row == NULL)
		procno = -1;
	else if (keeper->pid != 0)
	{
		keeper->again = true;
		procno = keeper->procno;
	}
	else if (keeper->state == RECO_WORKER_STARTING || row->holders > 0)
		keeper->again = true;
	else
		reco_seat_want(keeper);
	reco_database_unlock(procno);
	return row != NULL || known_only;
}

/* Says that every database may have the extension. */
void
reco_database_ask_all(void)
{
	reco_database_lock();
	reco_shared->ask_all = true;
	reco_database_unlock(reco_shared->launcher_procno);
}

/* Keeps workers from starting in a database. */
bool
reco_database_hold(Oid database)
{
	RecoDatabase *row;

	reco_database_lock();
	row = find_or_make_row(database);
	if (row != NULL)
	{
		row->holders++;
		for (int s = 0; s < RECO_NSEATS; s++)
			hold_seat(&row->seats[s], s == RECO_SEAT_KEEPER);
	}
	reco_database_unlock(-1);
	return row != NULL;
}

static void
hold_seat(RecoSeat *seat, bool keeper)
{
	if (seat->state != RECO_WORKER_NONE && seat->state != RECO_WORKER_HELD)
		seat->again = true;
	if (seat->pid != 0)
		seat->state =
			seat->state == RECO_WORKER_RUNNING ? RECO_WORKER_STOPPING : seat->state;
	else if (keeper || seat->state != RECO_WORKER_NONE)
	{
		seat->state = RECO_WORKER_HELD;
		seat->generation++;
	}
}

/* Ends a hold; after the last one the launcher looks again at what had workers. */
void
reco_database_release(Oid database)
{
	RecoDatabase *row;
	int			procno = -1;

	reco_database_lock();
	row = reco_database_find(database);
	if (row != NULL && row->holders > 0 && --row->holders == 0)
	{
		for (int s = 0; s < RECO_NSEATS; s++)
			release_seat(&row->seats[s]);
		reco_database_free_if_empty(row);
		procno = reco_shared->launcher_procno;
	}
	reco_database_unlock(procno);
}

static void
release_seat(RecoSeat *seat)
{
	if (seat->pid != 0)			/* it did not go in time, and may stay */
		seat->state =
			seat->state == RECO_WORKER_STOPPING ? RECO_WORKER_RUNNING : seat->state;
	else if (seat->again)
		reco_seat_want(seat);
	else
		reco_seat_give_up(seat);
}

/*
 * Tells the workers to go. The cancel signal ends a statement that is under way; a
 * process is alive while its seat says so, since it clears that under this lock. While
 * it connects it could only answer with an error in the log, so that is not done at
 * once.
 */
int
reco_database_dismiss(Oid database, bool insistent)
{
	RecoDatabase *row;
	int			pid = 0;

	reco_database_lock();
	row = reco_database_find(database);
	for (int s = 0; row != NULL && s < RECO_NSEATS; s++)
	{
		RecoSeat   *seat = &row->seats[s];

		if (seat->pid == 0)
			continue;
		pid = seat->pid;
		if (seat->state == RECO_WORKER_STOPPING || insistent)
			kill(pid, SIGINT);
	}
	LWLockRelease(&reco_shared->databases);
	wake_seats(database, 0, RECO_NSEATS - 1, true);
	return pid;
}

int
reco_database_occupant(Oid database)
{
	RecoDatabase *row;
	int			pid = 0;

	LWLockAcquire(&reco_shared->databases, LW_SHARED);
	row = reco_database_find(database);
	for (int s = 0; row != NULL && s < RECO_NSEATS && pid == 0; s++)
		pid = row->seats[s].pid;
	reco_database_unlock(-1);
	return pid;
}

/* The keeper's pid, 0 = there is none. */
int
reco_database_keeper(Oid database)
{
	RecoDatabase *row;
	int			pid;

	LWLockAcquire(&reco_shared->databases, LW_SHARED);
	row = reco_database_find(database);
	pid = row != NULL ? row->seats[RECO_SEAT_KEEPER].pid : 0;
	reco_database_unlock(-1);
	return pid;
}

/*
 * The launcher can be asked. What a former one was about to start, it starts: if that
 * worker comes after all, it is too late.
 */
void
reco_database_serve(void)
{
	reco_database_lock();
	reco_shared->launcher_pid = MyProcPid;
	reco_shared->launcher_procno = RECO_MY_PROC_NUMBER;
	reco_shared->ask_all = true;
	for (int i = 0; i < RECO_NDATABASES; i++)
		for (int s = 0; s < RECO_NSEATS; s++)
		{
			RecoSeat   *seat = &reco_shared->database[i].seats[s];

			if (seat->state == RECO_WORKER_STARTING && seat->pid == 0)
				reco_seat_want(seat);
		}
	reco_database_unlock(-1);
}

/* The launcher ends. */
void
reco_database_unserve(void)
{
	reco_database_lock();
	if (reco_shared->launcher_pid == MyProcPid)
	{
		reco_shared->launcher_pid = 0;
		reco_shared->launcher_procno = -1;
	}
	reco_database_unlock(-1);
}

bool
reco_database_asked_all(void)
{
	bool		asked;

	reco_database_lock();
	asked = reco_shared->ask_all;
	reco_shared->ask_all = false;
	reco_database_unlock(-1);
	return asked;
}

/* Takes a seat that is due. */
bool
reco_database_take(TimestampTz now, bool job_workers, RecoWorkerOrder *due)
{
	RecoDatabase *best = NULL;

	reco_database_lock();
	for (int s = 0; s < (job_workers ? RECO_NSEATS : 1) && best == NULL; s++)
	{
		for (int i = 0; i < RECO_NDATABASES; i++)
		{
			RecoDatabase *row = &reco_shared->database[i];

			if (row->seats[s].state == RECO_WORKER_WANTED &&
				row->seats[s].not_before <= now &&
				(best == NULL || row->served < best->served))
				best = row;
		}
		due->seat = s;
	}
	if (best != NULL)
	{
		RecoSeat   *seat = &best->seats[due->seat];

		seat->state = RECO_WORKER_STARTING;
		seat->again = false;
		due->database = best->database;
		due->generation = ++seat->generation;
	}
	reco_database_unlock(-1);
	return best != NULL;
}

/* When the next seat is due, and how many are wanted. */
TimestampTz
reco_database_next_due(bool job_workers, int *waiting)
{
	TimestampTz next = 0;

	*waiting = 0;
	reco_database_lock();
	for (int s = 0; s < (job_workers ? RECO_NSEATS : 1); s++)
		for (int i = 0; i < RECO_NDATABASES; i++)
		{
			RecoSeat   *seat = &reco_shared->database[i].seats[s];

			if (seat->state != RECO_WORKER_WANTED)
				continue;
			(*waiting)++;
			if (next == 0 || seat->not_before < next)
				next = Max(seat->not_before, 1);
		}
	reco_database_unlock(-1);
	return next;
}

/* How many job workers of a database there are. */
static int
count_job_workers(const RecoDatabase *row)
{
	int			n = 0;

	for (int s = RECO_SEAT_KEEPER + 1; s < RECO_NSEATS; s++)
		n += row->seats[s].pid != 0;
	return n;
}

/*
 * How well a job worker may make room for one of another database, or for a keeper; 0 =
 * not yet. One of many goes first, then one at no job; else one ends its job first.
 */
static int
dispensable(const RecoDatabase *row, const RecoSeat *seat, bool for_keeper,
			TimestampTz now)
{
	bool		many = count_job_workers(row) > 1;

	if (seat->pid == 0 ||
		!(many || for_keeper ||
		  TimestampDifferenceExceeds(seat->entered, now, TURN_MS)))
		return 0;
	return 1 + (seat->job == 0 ? 1 : 0) + (many && !for_keeper ? 2 : 0);
}

/* Asks one job worker to make room, unless one is on its way; its latch, or -1. */
static int
ask_for_room(bool for_keeper)
{
	TimestampTz now = GetCurrentTimestamp();
	RecoSeat   *best = NULL;
	int			most = 0;

	for (int s = RECO_NSEATS - 1; s > RECO_SEAT_KEEPER; s--)
		for (int i = 0; i < RECO_NDATABASES; i++)
		{
			RecoDatabase *row = &reco_shared->database[i];
			RecoSeat   *seat = &row->seats[s];
			int			fit = dispensable(row, seat, for_keeper, now);

			if (seat->pid != 0 && seat->yields)
				return -1;
			if (fit > most)
			{
				most = fit;
				best = seat;
			}
		}
	if (best != NULL)
		best->yields = true;
	return best == NULL ? -1 : best->procno;
}

/* There is no process for it now. */
void
reco_database_refuse(const RecoWorkerOrder *order)
{
	RecoSeat   *seat;
	int			procno = -1;

	reco_database_lock();
	seat = reco_seat_awaited(order);
	if (seat != NULL)
	{
		int			pause = Min(PAUSE_MS << Min(seat->refusals, 10), TURN_MS);

		if (order->seat == RECO_SEAT_KEEPER ||
			count_job_workers(reco_database_find(order->database)) == 0)
			procno = ask_for_room(order->seat == RECO_SEAT_KEEPER);
		reco_seat_want(seat);
		seat->refusals++;
		seat->not_before = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), pause);
	}
	reco_database_unlock(procno);
}

/* Whoever was refused may try again. */
void
reco_database_retry(void)
{
	reco_database_lock();
	for (int i = 0; i < RECO_NDATABASES; i++)
		for (int s = 0; s < RECO_NSEATS; s++)
		{
			RecoSeat   *seat = &reco_shared->database[i].seats[s];

			if (seat->state == RECO_WORKER_WANTED && seat->refusals > 0)
				seat->not_before = 0;
		}
	reco_database_unlock(-1);
}

/* A worker did not come to life, if it is still awaited. */
void
reco_database_not_started(const RecoWorkerOrder *order)
{
	RecoSeat   *seat;

	reco_database_lock();
	seat = reco_seat_awaited(order);
	if (seat != NULL)
		reco_seat_fail(seat);
	reco_database_unlock(-1);
}

/* Gives up the seat in a database that is not there, or takes no connections. */
void
reco_database_forget(const RecoWorkerOrder *order)
{
	RecoSeat   *seat;

	reco_database_lock();
	seat = reco_seat_awaited(order);
	if (seat != NULL && seat->again)
		reco_seat_want(seat);
	else if (seat != NULL)
	{
		reco_seat_give_up(seat);
		reco_database_free_if_empty(reco_database_find(order->database));
	}
	reco_database_unlock(-1);
}

RecoWorkerState
reco_database_state(Oid database, int *failures)
{
	RecoDatabase *row;
	RecoWorkerState state = RECO_WORKER_NONE;

	*failures = 0;
	reco_database_lock();
	row = reco_database_find(database);
	if (row != NULL)
	{
		state = row->seats[RECO_SEAT_KEEPER].state;
		*failures = row->seats[RECO_SEAT_KEEPER].failures +
			row->seats[RECO_SEAT_KEEPER].refusals;
	}
	reco_database_unlock(-1);
	return state;
}

int
reco_database_failures(const RecoWorkerOrder *order)
{
	RecoDatabase *row;
	int			failures;

	reco_database_lock();
	row = reco_database_find(order->database);
	failures = row == NULL ? 0 : row->seats[order->seat].failures;
	reco_database_unlock(-1);
	return failures;
}

int
reco_database_refusals(const RecoWorkerOrder *order)
{
	RecoDatabase *row;
	int			refusals;

	reco_database_lock();
	row = reco_database_find(order->database);
	refusals = row == NULL ? 0 : row->seats[order->seat].refusals;
	reco_database_unlock(-1);
	return refusals;
}

RecoDatabase *
reco_database_find(Oid database)
{
	for (int i = 0; i < RECO_NDATABASES && OidIsValid(database); i++)
		if (reco_shared->database[i].database == database)
			return &reco_shared->database[i];
	return NULL;
}

/* Generations of a free row go on counting, so late workers are told apart. */
static RecoDatabase *
find_or_make_row(Oid database)
{
	RecoDatabase *row = reco_database_find(database);

	for (int i = 0; row == NULL && i < RECO_NDATABASES && OidIsValid(database); i++)
		if (!OidIsValid(reco_shared->database[i].database))
		{
			row = &reco_shared->database[i];
			row->database = database;
		}
	return row;
}

/* The seat of a worker that is to start, if it is still awaited. */
RecoSeat *
reco_seat_awaited(const RecoWorkerOrder *order)
{
	RecoDatabase *row = reco_database_find(order->database);
	RecoSeat   *seat = row == NULL ? NULL : &row->seats[order->seat];

	return seat != NULL && seat->state == RECO_WORKER_STARTING && seat->pid == 0 &&
			seat->generation == order->generation
		? seat
		: NULL;
}

/* The launcher shall look, at once. */
void
reco_seat_want(RecoSeat *seat)
{
	seat->state = RECO_WORKER_WANTED;
	seat->not_before = 0;
	seat->again = false;
}

/* It shall look after a pause that grows. */
void
reco_seat_fail(RecoSeat *seat)
{
	int			pause = PAUSE_MS << Min(seat->failures, 10);

	reco_seat_want(seat);
	seat->failures++;
	seat->not_before =
		GetCurrentTimestamp() + (int64) Min(pause, LONGEST_PAUSE_MS) * 1000;
}

/* Nobody is to sit there. */
void
reco_seat_give_up(RecoSeat *seat)
{
	uint32		generation = seat->generation;

	memset(seat, 0, sizeof(*seat));
	seat->generation = generation;
	seat->procno = -1;
}

void
reco_database_free_if_empty(RecoDatabase *row)
{
	for (int s = 0; s < RECO_NSEATS; s++)
		if (row->seats[s].state != RECO_WORKER_NONE || row->seats[s].pid != 0)
			return;
	if (row->holders > 0)
		return;
	row->database = row->extension = InvalidOid;
	row->served = 0;
}

void
reco_database_lock(void)
{
	LWLockAcquire(&reco_shared->databases, LW_EXCLUSIVE);
}

/* Releases the lock, then sets a latch; -1 = none. */
void
reco_database_unlock(int procno)
{
	LWLockRelease(&reco_shared->databases);
	if (procno >= 0)
		SetLatch(&GetPGProcByNumber(procno)->procLatch);
}
