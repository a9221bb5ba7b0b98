/*-------------------------------------------------------------------------
 *
 * lane.c
 *	  The table of lanes: finding, claiming, forgetting figures.
 *
 * Purpose: see shared.h.
 * Runs in: the gateway; reco_lanes_reset in backends.
 * Locks:	'lanes' exclusively to claim and to reset. The gateway is the only one
 *			who claims, so it looks lanes up without.
 * Never:	let a lane go while what it remembers still holds something back.
 *
 *-------------------------------------------------------------------------
 */
#include "shared.h"

/* In this order lanes give way; the last one never does. */
typedef enum RecoLaneNeed
{
	RECO_LANE_FREE = 0,
	RECO_LANE_IDLE,
	RECO_LANE_LEARNED,			/* knows that something fails */
	RECO_LANE_COUNTS,			/* knows how much of a day's quota was used */
	RECO_LANE_NEEDED
} RecoLaneNeed;

static RecoLaneNeed need_of(const RecoLane *lane, int64 now);

/* Finds or claims the lane of a key. */
int
reco_lane_claim(uint64 key, RecoService service, const char *server, const char *base_url,
				uint64 fingerprint)
{
	int64		now = reco_now_us();
	RecoLaneNeed least = RECO_LANE_NEEDED;
	int			best = -1;
	RecoLane   *lane;

	for (int i = 0; i < reco_shared->nlanes; i++)
	{
		RecoLaneNeed need;

		lane = &reco_lanes[i];
		if (lane->used && lane->key == key)
		{
			lane->seen_at = now;
			return i;
		}
		need = need_of(lane, now);
		if (need < least ||
			(need == least && best >= 0 && lane->seen_at < reco_lanes[best].seen_at))
		{
			least = need;
			best = i;
		}
	}
	if (best < 0)
		return -1;

	lane = &reco_lanes[best];
	LWLockAcquire(&reco_shared->lanes, LW_EXCLUSIVE);
	memset(lane, 0, sizeof(*lane));
	lane->used = true;
	lane->key = key;
	lane->fingerprint = fingerprint;
	lane->service = service;
	strlcpy(lane->server, server, sizeof(lane->server));
	strlcpy(lane->base_url, base_url, sizeof(lane->base_url));
	lane->seen_at = now;
	LWLockRelease(&reco_shared->lanes);
	return best;
}

/*
 * Forgets the figures of all lanes. The gateway may be counting meanwhile; a count
 * that it makes in this moment may be lost, or stay.
 */
void
reco_lanes_reset(void)
{
	if (reco_shared == NULL)
		return;

	LWLockAcquire(&reco_shared->lanes, LW_EXCLUSIVE);
	for (int i = 0; i < reco_shared->nlanes; i++)
	{
		RecoLane   *lane = &reco_lanes[i];

		memset(lane->counters, 0, sizeof(lane->counters));
		memset(lane->outcomes, 0, sizeof(lane->outcomes));
		memset(&lane->queue, 0, sizeof(lane->queue));
		memset(&lane->network, 0, sizeof(lane->network));
		memset(&lane->total, 0, sizeof(lane->total));
		lane->last_status = 0;
		lane->last_error[0] = '\0';
		lane->last_error_at = 0;
	}
	LWLockRelease(&reco_shared->lanes);
}

int64
reco_lane_exhausted_until(const RecoLane *lane)
{
	int64		latest = 0;

	for (int i = 0; i < RECO_MAXENDPOINTS; i++)
		latest = Max(latest, lane->exhausted_until[i]);
	return latest;
}

/*
 * How badly is a lane needed? Not at all; to remember something that would be nice to
 * know, such as the day's count; or, what must not be forgotten: anything under way,
 * anything blocked, sends of the last window, since a lane that is claimed again begins
 * with a full bucket.
 */
static RecoLaneNeed
need_of(const RecoLane *lane, int64 now)
{
	const RecoLimit *limit = &lane->limit;
	int64		window = limit->slice_us * RECO_LIMIT_SLICES;

	if (!lane->used)
		return RECO_LANE_FREE;
	if (lane->queued > 0 || lane->in_flight > 0 || lane->unpromised > 0 ||
		limit->blocked_until > now || limit->quota_until > now ||
		limit->not_before > now || reco_lane_exhausted_until(lane) > now ||
		(lane->sent_at != 0 && lane->sent_at + window > now))
		return RECO_LANE_NEEDED;
	if (lane->keep_until > now && lane->sent_at != 0)
		return RECO_LANE_COUNTS;
	if (lane->app_refused_until > now || lane->unauthorised_until > now ||
		lane->breaker.state != RECO_BREAKER_CLOSED)
		return RECO_LANE_LEARNED;
	return RECO_LANE_IDLE;
}
