/*-------------------------------------------------------------------------
 *
 * id.c
 *	  64-bit ids without a sequence.
 *
 * Purpose: see id.h.
 * Runs in: any process.
 * Locks:	none; the last id is this process's own.
 * Never:	trust the clock to go forward.
 *
 *-------------------------------------------------------------------------
 */
#include "id.h"

#include "common/pg_prng.h"
#include "guc.h"
#include "utils/timestamp.h"

#define RANDOM_BITS		14
#define NODE_BITS		8
#define EPOCH_UNIX_MS	INT64CONST(1704067200000)	/* 2024-01-01 00:00 UTC */

static int64 last_ms = 0;
static uint32 last_random = 0;

/* Milliseconds since ids began. */
static int64
ms_of(TimestampTz time)
{
	int64 unix_ms =
		time / 1000 + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * INT64CONST(86400000);

	return Max(unix_ms - EPOCH_UNIX_MS, 0);
}

/* Makes an id: a later millisecond, or the same one and a larger random part. */
int64
reco_id_new(void)
{
	int64		ms = ms_of(GetCurrentTimestamp());

	if (ms > last_ms)
	{
		last_ms = ms;

		/* half the space at most, so that the same millisecond has room to grow */
		last_random =
			(uint32) (pg_prng_uint32(&pg_global_prng_state) >> (32 - (RANDOM_BITS - 1)));
	}
	else if (++last_random >> RANDOM_BITS)
	{
		last_ms++;
		last_random = 0;
	}
	return ((last_ms & ((INT64CONST(1) << 41) - 1)) << (NODE_BITS + RANDOM_BITS)) |
		((int64) reco_guc_node_id << RANDOM_BITS) | last_random;
}

int64
reco_id_floor(TimestampTz time)
{
	return ms_of(time) << (NODE_BITS + RANDOM_BITS);
}

TimestampTz
reco_id_time(int64 id)
{
	int64		unix_ms = (id >> (NODE_BITS + RANDOM_BITS)) + EPOCH_UNIX_MS;

	return (unix_ms - (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * INT64CONST(86400000)) *
		1000;
}
