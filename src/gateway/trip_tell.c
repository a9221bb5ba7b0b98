/*-------------------------------------------------------------------------
 *
 * trip_tell.c
 *	  What those who ask are told of a trip.
 *
 * Purpose: number requests; say to whom one is of use, as it is sent and as it ends.
 * Runs in: the gateway.
 * Locks:	none.
 * Never:	tell a question twice of the same.
 *
 *-------------------------------------------------------------------------
 */
#include "parts.h"

/* Numbers that no request had before, not even one of a former gateway's. */
int64
reco_trip_number(void)
{
	static int64 last = 0;

	last = Max(last + 1, reco_now_us());
	return last;
}

/* Do others wait for a trip than the first who does? */
static bool
is_shared(const RecoTrip *trip)
{
	int			owner = -1;
	dlist_iter	iter;

	for (int i = 0; i < trip->call.nkeys; i++)
	{
		if (trip->flights[i] == NULL)
			continue;
		dlist_foreach(iter, &trip->flights[i]->waiters)
		{
			const RecoQuestion *question =
				dlist_container(RecoWaiter, node, iter.cur)->question;

			if (owner >= 0 && question->owner != owner)
				return true;
			owner = question->owner;
		}
	}
	return false;
}

/* Tells one who waits for a trip what it is, unless the question was told already. */
static void
tell(const RecoTrip *trip, const RecoWaiter *waiter, bool shared)
{
	int64		mark = trip->answered_at > 0 ? -trip->number : trip->number;
	RecoQuestion *question = waiter->question;
	RecoWireTimes times;

	if (question->slot < 0 || question->told == mark)
		return;
	question->told = mark;
	reco_flight_times(waiter, &times);
	reco_question_tell(question, trip, shared, &times);
}

/* Tells all who wait for a trip, each question once. */
void
reco_trip_tell(const RecoTrip *trip)
{
	bool		shared = is_shared(trip);
	dlist_iter	iter;

	for (int i = 0; i < trip->call.nkeys; i++)
	{
		if (trip->flights[i] == NULL)
			continue;
		dlist_foreach(iter, &trip->flights[i]->waiters)
			tell(trip, dlist_container(RecoWaiter, node, iter.cur), shared);
	}
}

/* Tells one who came while the trip was under way. */
void
reco_trip_tell_late(const RecoTrip *trip, const RecoWaiter *waiter)
{
	tell(trip, waiter, is_shared(trip));
}
