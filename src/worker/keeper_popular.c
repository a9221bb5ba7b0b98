/*-------------------------------------------------------------------------
 *
 * keeper_popular.c
 *	  A keeper's work on popular moods: learn them, have them made again in time.
 *
 * Purpose: see keeper_popular.h. Whoever asked for the moods to be warmed first, it is
 *			with that role's rights that the keeper has them warmed again; where nobody
 *			did, nothing is warmed, as calls may cost money.
 * Runs in: the keeper of a database, in a transaction of the caller's.
 * Locks:	those of store/popular.h and store/job.h, for none of which it waits long.
 * Never:	take what one listener asks again and again for something popular; queue what
 *			fails at once again.
 *
 *-------------------------------------------------------------------------
 */
#include "keeper_popular.h"

#include "access/xlog.h"
#include "guc.h"
#include "keeper_chores.h"
#include "miscadmin.h"
#include "pipeline/popular_queue.h"
#include "pipeline/result_prompt.h"
#include "shmem/asked.h"
#include "shmem/shared.h"
#include "store/cache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define STEP_US			(2 * INT64CONST(1000000))	/* between looks at what was asked */
#define LOOK_US			(30 * INT64CONST(1000000))	/* ... at what is due, at most */
#define READ_US			LOOK_US	/* ... at the table, while nothing tells of a change */
#define LOOK_SHARE		8		/* else that part of the time that candidates are fresh */
#define AGAIN_US		(60 * INT64CONST(1000000))	/* after an ERROR */
#define HOURS_US		USECS_PER_HOUR	/* ... at when little is asked */
#define PAUSE_US		(15 * USECS_PER_MINUTE) /* most between two jobs for one mood */
#define PAUSE_SHARE		4		/* else that part of the time that it is fresh */
#define LISTENERS		3		/* that ask for a mood before it is learned */
#define MOST_QUEUED		1024	/* moods of which it is known when they were queued */

/* When a mood was queued last. */
typedef struct Queued
{
	uint64		digest;
	TimestampTz at;
} Queued;

/* A mood of the table. */
typedef struct Mood
{
	const char *prompt;
	uint64		digest;
} Mood;

/* The table, as it was read last. */
static struct
{
	MemoryContext context;
	bool		known;
	RecoResultEpoch epoch;		/* of edits of it */
	TimestampTz at;
	int			n;
	Mood	   *moods;
	int			nkept;			/* of them, that stay or are learned */
	double		rarest;			/* how often a learned one is asked; 0 = there is none */
} table;

static TimestampTz next_step = 0;
static TimestampTz next_look = 0;
static TimestampTz next_hours = 0;
static int64 hours[RECO_POPULAR_HOURS];
static Queued queued[MOST_QUEUED];
static int	nqueued = 0;

/* What the step did, until it is committed. */
static struct
{
	MemoryContext context;
	Oid			extension;
	int			ntaken;
	RecoAsked  *taken;
	int64		look_us;		/* to the next look; 0 = it did not look */
} done;

static void read_table(const RecoResultEpoch *epoch);
static void write_asked(const RecoAsked *asked, int nasked);
static void take(const RecoAsked *asked);
static void look(void);
static void look_at(const RecoPopularRow *row, int64 pause);
static Queued *queued_of(uint64 digest);

/* In so many ms there is something to do. */
int64
reco_keeper_popular_due(void)
{
	TimestampTz now = GetCurrentTimestamp();

	if (reco_guc_popular_moods == 0 || reco_shared == NULL || RecoveryInProgress())
		return STEP_US / 1000;
	return next_step <= now ? 0 : (next_step - now) / 1000 + 1;
}

/* Writes what was asked, and queues what is due. */
bool
reco_keeper_popular_step(Oid extension)
{
	static uint64 epochs[2] = {0, 0};
	RecoResultEpoch now;
	RecoAsked  *asked;
	int			nasked;

	if (done.context == NULL)
		done.context = AllocSetContextCreate(TopMemoryContext, "reco keeper moods",
											 ALLOCSET_SMALL_SIZES);
	MemoryContextReset(done.context);
	done.extension = extension;
	done.ntaken = 0;
	done.look_us = 0;
	reco_result_epoch_read(MyDatabaseId, RECO_POPULAR_NOBODY, &now);
	asked = reco_asked_list(MyDatabaseId, extension, &nasked);
	if (nasked > 0)
	{
		read_table(&now);
		write_asked(asked, nasked);
	}

	/* an edit, or another catalogue: what is due may be another */
	if (now.all == epochs[0] && now.listener == epochs[1] &&
		GetCurrentTimestamp() < next_look)
		return false;
	epochs[0] = now.all;
	epochs[1] = now.listener;
	(void) reco_popular_forget(reco_guc_popular_moods);
	done.look_us = LOOK_US;
	if (reco_guc_job_workers > 0 && reco_keeper_chore_is_mine(RECO_CHORE_WARM))
		look();
	return false;
}

/* What was taken is counted in the table now. */
void
reco_keeper_popular_committed(void)
{
	TimestampTz now = GetCurrentTimestamp();

	for (int i = 0; i < done.ntaken; i++)
		reco_asked_take(MyDatabaseId, done.extension, &done.taken[i]);
	done.ntaken = 0;
	next_step = now + STEP_US;
	if (done.look_us > 0)
		next_look = now + done.look_us;
}

void
reco_keeper_popular_failed(void)
{
	nqueued = 0;				/* perhaps they are not */
	table.known = false;
	next_look = 0;
	next_step = GetCurrentTimestamp() + AGAIN_US;
}

/* Reads the table, unless it is known: while many ask for what is not popular. */
static void
read_table(const RecoResultEpoch *epoch)
{
	TimestampTz now = GetCurrentTimestamp();
	RecoPopularRow *rows;

	if (table.known && table.epoch.all == epoch->all &&
		table.epoch.listener == epoch->listener && now < table.at + READ_US)
		return;
	if (table.context == NULL)
		table.context = AllocSetContextCreate(TopMemoryContext, "reco popular moods",
											  ALLOCSET_SMALL_SIZES);
	table.known = false;
	MemoryContextReset(table.context);
	rows = reco_popular_list(-1, &table.n);
	table.moods = MemoryContextAlloc(table.context, sizeof(Mood) * Max(table.n, 1));
	table.nkept = 0;
	table.rarest = 0;
	for (int i = 0; i < table.n; i++)
	{
		table.moods[i].prompt = MemoryContextStrdup(table.context, rows[i].prompt);
		table.moods[i].digest = reco_popular_digest(rows[i].prompt);
		table.nkept += rows[i].pinned || rows[i].learned;
		if (rows[i].learned && !rows[i].pinned)
			table.rarest =
				table.rarest == 0 ? rows[i].recent : Min(table.rarest, rows[i].recent);
	}
	table.epoch = *epoch;
	table.at = now;
	table.known = true;
}

/* Writes what was asked into the table, for moods that are or become popular. */
static void
write_asked(const RecoAsked *asked, int nasked)
{
	int			nkept = table.nkept;
	bool		learned = false;

	done.taken = MemoryContextAlloc(done.context, sizeof(RecoAsked) * nasked);
	for (int a = 0; a < nasked; a++)
	{
		int			m = 0;

		while (m < table.n && table.moods[m].digest != asked[a].digest)
			m++;
		if (m < table.n)
			reco_popular_note_asked(table.moods[m].prompt, asked[a].asked, asked[a].hits,
									asked[a].last);
		else if (asked[a].listeners >= LISTENERS &&
				 (nkept < reco_guc_popular_moods ||
				  (table.rarest > 0 && asked[a].asked > table.rarest)) &&
				 reco_popular_learn(asked[a].prompt, asked[a].asked, asked[a].hits,
									asked[a].last))
		{
			nkept++;
			learned = true;
		}
		else
			continue;
		take(&asked[a]);
	}
	if (!learned)
		return;
	(void) reco_popular_forget(reco_guc_popular_moods);
	table.known = false;
}

/* Once it is committed, it counts no more where it was counted. */
static void
take(const RecoAsked *asked)
{
	done.taken[done.ntaken++] = *asked;
}

/* Looks at all moods, and queues jobs for those that are due. */
static void
look(void)
{
	RecoCachePolicy policy;
	TimestampTz now = GetCurrentTimestamp();
	RecoPopularRow *rows;
	int64		pause;
	int			n;

	reco_cache_policy(reco_category_name(RECO_CATEGORY_POPULAR), &policy);
	if (policy.fresh_us <= 0)
		return;
	rows = reco_popular_list(reco_guc_popular_moods, &n);
	if (now >= next_hours)
	{
		reco_popular_hours(hours);
		next_hours = now + HOURS_US;
	}
	done.look_us = Min(policy.fresh_us / LOOK_SHARE, LOOK_US);
	pause = Min(policy.fresh_us / PAUSE_SHARE, PAUSE_US);
	for (int i = 0; i < n; i++)
		if (OidIsValid(rows[i].role))
			look_at(&rows[i], pause);
}

/* Looks at a mood with the rights of its role, which sees its own services. */
static void
look_at(const RecoPopularRow *row, int64 pause)
{
	TimestampTz now = GetCurrentTimestamp();
	RecoPopularState state;
	Queued	   *last;
	Oid			user;
	int			context;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(row->role,
						   SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	reco_popular_look(row->prompt, &state);
	last = queued_of(state.digest);
	if (!state.names && state.digest != 0 && now >= last->at + pause &&
		(!state.found || reco_popular_due(&state, hours) <= now))
	{
		(void) reco_popular_queue(row->prompt, state.digest);
		last->at = now;
	}
	SetUserIdAndSecContext(user, context);
}

/* When a mood was queued; the oldest gives way where there are too many. */
static Queued *
queued_of(uint64 digest)
{
	Queued	   *oldest = &queued[0];

	for (int i = 0; i < nqueued; i++)
	{
		if (queued[i].digest == digest)
			return &queued[i];
		if (queued[i].at < oldest->at)
			oldest = &queued[i];
	}
	if (nqueued < MOST_QUEUED)
		oldest = &queued[nqueued++];
	oldest->digest = digest;
	oldest->at = 0;
	return oldest;
}
