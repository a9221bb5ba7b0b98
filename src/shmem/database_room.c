/*-------------------------------------------------------------------------
 *
 * database_room.c
 *	  Workers for which there is no process: they wait, and others make room.
 *
 * Purpose: see database.h; who has to wait is refused, and due again when a process ends;
 *			of two databases with one process for job workers, each has its turn.
 * Runs in: the launcher.
 * Locks:	'databases' of shared.h. Latches are set after it is released.
 * Never:	wait while holding it, or end a job for another one's sake.
 *
 *-------------------------------------------------------------------------
 */
#include "database_parts.h"

#include "shared.h"
#include "utils/timestamp.h"

#define PAUSE_MS	1000		/* after the first refusal; doubles */
#define TURN_MS		10000		/* of a job worker, and the longest pause */

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
		!(many || for_keeper || TimestampDifferenceExceeds(seat->entered, now, TURN_MS)))
		return 0;
	return 1 + (seat->job == 0 ? 1 : 0) + (many && !for_keeper ? 2 : 0);
}

/*
 * Asks one job worker to make room, unless one is on its way; its latch, or -1. One that
 * is at a job may stay long: beside it, one that is at none is asked.
 */
static int
ask_for_room(bool for_keeper)
{
	TimestampTz now = GetCurrentTimestamp();
	RecoSeat   *best = NULL;
	int			most = 0;
	bool		promised = false;

	for (int s = RECO_NSEATS - 1; s > RECO_SEAT_KEEPER; s--)
		for (int i = 0; i < RECO_NDATABASES; i++)
		{
			RecoDatabase *row = &reco_shared->database[i];
			RecoSeat   *seat = &row->seats[s];
			int			fit = dispensable(row, seat, for_keeper, now);

			if (seat->pid != 0 && seat->yields)
			{
				if (seat->job == 0)
					return -1;
				promised = true;
				continue;
			}
			if (fit > most)
			{
				most = fit;
				best = seat;
			}
		}
	if (best == NULL || (promised && best->job != 0))
		return -1;
	best->yields = true;
	return best->procno;
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
