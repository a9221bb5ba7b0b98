/*-------------------------------------------------------------------------
 *
 * retry.c
 *	  When to ask again, and whether that may be.
 *
 * Purpose: see retry.h.
 * Runs in: the gateway, and plain C programs (no server header).
 * Locks:	none.
 * Never:	let retries grow with the failures that they answer.
 *
 *-------------------------------------------------------------------------
 */
#include "retry.h"

#include <string.h>

#define MILLISECOND ((int64_t) 1000)
#define SECOND		(1000 * MILLISECOND)
#define FIRST_US	(250 * MILLISECOND)
#define MOST_US		(8 * SECOND)

/* Makes the present second the newest one, and tells its cell. */
static int
advance(RecoRetryBudget *budget, int64_t now_us)
{
	int64_t		second = now_us / SECOND;

	if (second - budget->second >= RECO_RETRY_SECONDS)
	{
		memset(budget->calls, 0, sizeof(budget->calls));
		memset(budget->retries, 0, sizeof(budget->retries));
	}
	else
	{
		for (int64_t i = budget->second + 1; i <= second; i++)
		{
			budget->calls[i % RECO_RETRY_SECONDS] = 0;
			budget->retries[i % RECO_RETRY_SECONDS] = 0;
		}
	}
	if (second > budget->second)
		budget->second = second;
	return (int) (budget->second % RECO_RETRY_SECONDS);
}

/* Counts a call. */
void
reco_retry_count_call(RecoRetryBudget *budget, int64_t now_us)
{
	budget->calls[advance(budget, now_us)]++;
}

/* Takes one retry from the budget, where there is one. */
bool
reco_retry_allow(RecoRetryBudget *budget, int64_t now_us)
{
	int			cell = advance(budget, now_us);
	uint64_t	calls = 0;
	uint64_t	retries = 0;

	for (int i = 0; i < RECO_RETRY_SECONDS; i++)
	{
		calls += budget->calls[i];
		retries += budget->retries[i];
	}
	if (retries >= RECO_RETRY_FLOOR &&
		(double) (retries + 1) > RECO_RETRY_SHARE * (double) calls)
		return false;
	budget->retries[cell]++;
	return true;
}

/* Draws the pause before the n-th retry: full jitter. */
int64_t
reco_retry_pause_us(int n, double dice)
{
	int64_t		most = FIRST_US;
	int64_t		pause;

	for (int i = 1; i < n && most < MOST_US; i++)
		most *= 2;
	if (most > MOST_US)
		most = MOST_US;
	if (!(dice > 0))
		dice = 0;
	if (dice > 1)
		dice = 1;
	pause = (int64_t) (dice * (double) most);
	return pause > MILLISECOND ? pause : MILLISECOND;
}
