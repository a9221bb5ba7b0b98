/*-------------------------------------------------------------------------
 *
 * database_worker.c
 *	  The seat of a worker: taking it, working in it, leaving it.
 *
 * Purpose: see database.h; what a keeper or a job worker tells of itself, and what others
 *			ask of job workers.
 * Runs in: workers; backends that look for them.
 * Locks:	'databases' of shared.h. Latches are set after it is released.
 * Never:	wait while holding it, or throw: much of this runs after a commit or
 *			while a process ends.
 *
 *-------------------------------------------------------------------------
 */
#include "database_parts.h"

#include <signal.h>

#include "miscadmin.h"
#include "shared.h"
#include "storage/proc.h"
#include "utils/timestamp.h"

#define ROOM_MS		12000	/* for another to come in: he tries once in 10 s at least */
#define AGAIN_MS	1000	/* after SIGTERM */

static RecoSeat *my_seat(void);

static Oid	my_database = InvalidOid;
static int	my_number = 0;
static uint32 my_generation = 0;
static RecoSeat *volatile seated = NULL;	/* for the signal handler */

/* Interrupts who is at a job, or all who are at one: see job_main.c for the signal. */
void
reco_database_interrupt_job(Oid database, int64 job)
{
	RecoDatabase *row;

	if (reco_shared == NULL)
		return;
	reco_database_lock();
	row = reco_database_find(database);
	for (int s = 1; row != NULL && s < RECO_NSEATS; s++)
	{
		RecoSeat   *seat = &row->seats[s];

		if (seat->pid != 0 && seat->job != 0 && (job == 0 || seat->job == job))
		{
			seat->interrupted = seat->job;
			kill(seat->pid, SIGUSR2);
		}
	}
	reco_database_unlock(-1);
}

/* Takes no lock: nobody else changes which job it is at. */
bool
reco_database_is_interrupted(void)
{
	const volatile RecoSeat *seat = seated;

	return seat != NULL && seat->job != 0 && seat->interrupted == seat->job;
}

/* By what marks jobs are known to be worked on. */
int
reco_database_claims(Oid database, int64 *claims)
{
	RecoDatabase *row;
	int			n = 0;

	LWLockAcquire(&reco_shared->databases, LW_SHARED);
	row = reco_database_find(database);
	for (int s = 1; row != NULL && s < RECO_NSEATS; s++)
		if (row->seats[s].pid != 0)
			claims[n++] = row->seats[s].claim;
	reco_database_unlock(-1);
	return n;
}

/* By which marks died who was at a job. */
int
reco_database_died(Oid database, int64 *claims)
{
	RecoDatabase *row;
	int			n = 0;

	LWLockAcquire(&reco_shared->databases, LW_SHARED);
	row = reco_database_find(database);
	for (int s = 1; row != NULL && s < RECO_NSEATS; s++)
		if (row->seats[s].died != 0)
			claims[n++] = row->seats[s].died;
	reco_database_unlock(-1);
	return n;
}

int
reco_database_job_workers(Oid database, int *wanted)
{
	RecoDatabase *row;
	int			n = 0;

	*wanted = 0;
	LWLockAcquire(&reco_shared->databases, LW_SHARED);
	row = reco_database_find(database);
	for (int s = 1; row != NULL && s < RECO_NSEATS; s++)
		if (row->seats[s].pid != 0)
			n++;
		else if (row->seats[s].state != RECO_WORKER_NONE)
			(*wanted)++;
	reco_database_unlock(-1);
	return n;
}

/* Says that this keeper will look at what there is to write, or that it looks now. */
void
reco_database_gather(bool gathers)
{
	RecoDatabase *row;

	reco_database_lock();
	row = reco_database_find(my_database);
	if (row != NULL && row->seats[my_number].pid == MyProcPid)
		row->seats[my_number].gathers = gathers;
	reco_database_unlock(-1);
}

/* This process is the worker that was to start; false = not any more. */
bool
reco_database_enter(const RecoWorkerOrder *order, int64 claim)
{
	RecoSeat   *seat;

	reco_database_lock();
	seat = reco_seat_awaited(order);
	if (seat != NULL)
	{
		seat->pid = MyProcPid;
		seat->procno = RECO_MY_PROC_NUMBER;
		seat->claim = claim;
		seat->job = seat->interrupted = 0;
		seat->yields = false;
		seat->refusals = 0;
		seat->entered = GetCurrentTimestamp();
		seated = seat;
		if (order->seat != RECO_SEAT_KEEPER)
			reco_database_find(order->database)->served = seat->entered;
		seat->gathers = false;
		my_database = order->database;
		my_number = order->seat;
		my_generation = order->generation;
	}
	reco_database_unlock(-1);
	return seat != NULL;
}

/* Whether the worker may go on. Whatever was asked until now, its next look answers. */
bool
reco_database_continue(void)
{
	RecoSeat   *seat;
	bool		welcome;

	reco_database_lock();
	seat = my_seat();
	welcome = seat != NULL && reco_database_find(my_database)->holders == 0;
	if (welcome)
		seat->again = false;
	reco_database_unlock(-1);
	return welcome;
}

/*
 * The worker found the extension, so it stays. A keeper asks for job workers then; those
 * of an extension that was there before look again.
 */
void
reco_database_found(Oid extension, int job_workers)
{
	RecoSeat   *seat;
	int			procno = -1;

	reco_database_lock();
	seat = my_seat();
	if (seat != NULL)
	{
		RecoDatabase *row = reco_database_find(my_database);

		if (seat->state == RECO_WORKER_STARTING)
		{
			seat->state = row->holders > 0 ? RECO_WORKER_STOPPING : RECO_WORKER_RUNNING;
			procno = reco_shared->launcher_procno;
		}
		for (int s = 1; my_number == RECO_SEAT_KEEPER && s < RECO_NSEATS; s++)
		{
			RecoSeat   *other = &row->seats[s];

			other->again |= other->pid != 0 && row->extension != extension;
			if (s > job_workers || row->holders > 0 || other->state != RECO_WORKER_NONE)
				continue;
			reco_seat_want(other);
			procno = reco_shared->launcher_procno;
		}
		if (my_number == RECO_SEAT_KEEPER)
			row->extension = extension;
	}
	reco_database_unlock(procno);
}

/* The worker begins a job, or with 0 has ended one: nobody interrupts it any more. */
void
reco_database_at_job(int64 job)
{
	RecoSeat   *seat;

	reco_database_lock();
	seat = my_seat();
	if (seat != NULL && job != 0)
		seat->interrupted = 0;
	if (seat != NULL)
		seat->job = job;
	reco_database_unlock(-1);
}

bool
reco_database_yields(void)
{
	RecoSeat   *seat;
	bool		yields;

	reco_database_lock();
	seat = my_seat();
	yields = seat != NULL && seat->yields;
	reco_database_unlock(-1);
	return yields;
}

/* The worker has worked for long: the next failure is the first. */
void
reco_database_well(void)
{
	RecoSeat   *seat;

	reco_database_lock();
	seat = my_seat();
	if (seat != NULL)
		seat->failures = 0;
	reco_database_unlock(-1);
}

/* The worker ends; it has left the list of sessions already. */
void
reco_database_leave(RecoWorkerEnd end)
{
	Oid			database = my_database;
	RecoSeat   *seat;

	reco_database_lock();
	seat = my_seat();
	if (seat != NULL)
	{
		RecoDatabase *row = reco_database_find(my_database);

		seat->pid = 0;
		seat->procno = -1;
		if (end == RECO_WORKER_FAILED && seat->job != 0)
			seat->died = seat->claim;
		seat->claim = seat->job = 0;
		if (row->holders > 0)
			seat->state = RECO_WORKER_HELD;
		else if (end == RECO_WORKER_FAILED)
			reco_seat_fail(seat);
		else if (seat->yields)
		{
			reco_seat_want(seat);
			seat->not_before =
				TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ROOM_MS);
		}
		else if (end == RECO_WORKER_TERMINATED)
		{
			reco_seat_want(seat);
			seat->failures = 0;
			seat->not_before =
				TimestampTzPlusMilliseconds(GetCurrentTimestamp(), AGAIN_MS);
		}
		else if (end == RECO_WORKER_LET_GO || seat->again)
		{
			reco_seat_want(seat);
			seat->failures = 0;
		}
		else
			reco_seat_give_up(seat);
		reco_database_free_if_empty(row);
	}
	my_database = InvalidOid;
	seated = NULL;
	reco_database_unlock(reco_shared->launcher_procno);

	/* what it was at is for the others */
	if (my_number != RECO_SEAT_KEEPER)
		reco_database_wake_job_workers(database);
}

static RecoSeat *
my_seat(void)
{
	RecoDatabase *row = reco_database_find(my_database);
	RecoSeat   *seat = row == NULL ? NULL : &row->seats[my_number];

	return seat != NULL && seat->pid == MyProcPid && seat->generation == my_generation
		? seat
		: NULL;
}
