/*-------------------------------------------------------------------------
 *
 * keeper_chores.c
 *	  The keeper's timer: chores that pg_cron does not do.
 *
 * Purpose: see keeper_chores.h.
 * Runs in: the keeper of a database.
 * Locks:	a chore's row, if nobody has it.
 * Never:	do a chore that pg_cron has: what is remembered of that here is a moment old,
 *			so it is looked at again when the row is locked; try one that fails, or to
 *			note that, without a pause; do what lasts in the keeper itself, as long as
 *			the server has room for another process.
 *
 * A chore is due an interval after it was done last, by whoever; what failed was not
 * done, and is tried again after a pause that grows. One that was never done is due an
 * interval after it was heard of: a server that starts has other things to do.
 *
 *-------------------------------------------------------------------------
 */
#include "keeper_chores.h"

#include "chore_process.h"
#include "guc.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "shmem/chore_failure.h"
#include "utils/timestamp.h"

#define MOST_LACKING	5		/* times without a free process, then it is done here */
#define LOOK_US		(2 * INT64CONST(1000000))	/* between two looks whose they are */
#define AGAIN_US	INT64CONST(1000000) /* after an ERROR that is no chore's */
#define NOTE_US		(60 * INT64CONST(1000000))	/* between notes of one that goes on */
#define IDLE_US		(3600 * INT64CONST(1000000))	/* ... where it had nothing to do */

/* What is known of a chore. */
typedef struct Known
{
	RecoChoreState state;
	TimestampTz not_before;		/* it is not tried */
	int			failures;		/* in a row, of the keeper's */
	char		error[256];		/* of one that is to be noted; '' = none */
	TimestampTz note_after;		/* it is not tried to note it */
	uint32		logged;			/* the digest of the error that is in the log; 0 = none */
	bool		told_overdue;	/* the log knows that pg_cron does not do it */
	int			lacking;		/* how often no process was free for it */
	int			vain;			/* processes in a row that did and told nothing */
	TimestampTz failed_at;
	char		failed_by[16];

	/* of those that are done as the keeper goes */
	int64		rows;			/* since it was noted last */
	bool		went;
	TimestampTz noted_at;
} Known;

static Known known[RECO_NCHORES];
static Oid	known_of = InvalidOid;	/* which extension; InvalidOid = nothing is known */
static TimestampTz next_look = 0;
static int	doing = -1;			/* the chore that the keeper itself does in this step */
static bool did = false;		/* it ran */
static int	starting = -1;		/* one that is to begin after this step */
static int	under_way = -1;		/* one that a process is at */
static TimestampTz begun = 0;	/* since then */
static bool interrupted = false;	/* by us */
static bool told_lack = false;	/* the log knows that no process is free */
static int	noted = -1;			/* the failure that this step noted */
static int	went = -1;			/* likewise, what went on */

static void look(Oid extension);
static int	see_end(void);
static void after_end(int chore);
static void choose(int chore);
static void start(int chore);
static void tell_overdue(RecoChore chore, const RecoChoreState *state);
static void succeed(RecoChore chore);
static void fail(RecoChore chore, const char *by, TimestampTz at, const char *message);
static bool note_failure(void);
static bool note_progress(void);
static TimestampTz due_at(const Known *one, RecoChore chore);
static int	next_due(TimestampTz *due);

int64
reco_keeper_chores_due(void)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz due = next_look;
	TimestampTz next;

	for (int i = 0; i < RECO_NCHORES; i++)
		if (known[i].error[0] != '\0')
			due = Min(due, known[i].note_after);
	if (under_way >= 0)
		due = reco_chore_process_is_there() ? due : 0;
	else if (next_due(&next) >= 0)
		due = Min(due, next);
	return due <= now ? 0 : TimestampDifferenceMilliseconds(now, due) + 1;
}

/* Does one thing: looks, or notes, or chooses a chore. */
bool
reco_keeper_chores_step(Oid extension)
{
	int			ended = see_end();
	TimestampTz due;
	int			chore;

	doing = noted = went = starting = -1;
	did = false;
	if (ended >= 0 || known_of != extension || GetCurrentTimestamp() >= next_look)
		look(extension);
	if (ended >= 0)
		after_end(ended);
	if (note_failure() || note_progress())
		return true;
	chore = under_way < 0 ? next_due(&due) : -1;
	if (chore < 0 || due > GetCurrentTimestamp())
		return false;
	choose(chore);
	return true;
}

/* The chore whose process has ended since; -1 = none. */
static int
see_end(void)
{
	int			ended = under_way;

	if (under_way < 0 || reco_chore_process_is_there())
		return -1;
	under_way = -1;
	return ended;
}

/*
 * What became of it, the row says, or a failure that it told. If neither does, it was
 * interrupted, or came for nothing; if not by us, as where it may not connect, the pause
 * grows.
 */
static void
after_end(int chore)
{
	Known	   *one = &known[chore];

	int64		pause = AGAIN_US;

	if (one->state.last_done >= begun || one->error[0] != '\0')
		one->vain = 0;
	else if (!interrupted)
		pause = reco_chore_pause((RecoChore) chore, ++one->vain);
	if (one->state.last_done < begun)
		one->not_before = Max(one->not_before, GetCurrentTimestamp() + pause);
}

/* Chooses a chore, if it is free, and due as the row says. */
static void
choose(int chore)
{
	Known	   *one = &known[chore];
	RecoChoreState state;
	TimestampTz due;

	if (!reco_chore_lock((RecoChore) chore, false, &state))
	{
		/* somebody is at it: it is done then */
		one->not_before = GetCurrentTimestamp() + LOOK_US;
		return;
	}
	one->state = state;
	due = due_at(one, (RecoChore) chore);
	if (due == 0 || due > GetCurrentTimestamp())
		return;
	if (one->lacking < MOST_LACKING)
		starting = chore;
	else
	{
		doing = chore;
		(void) reco_chore_do((RecoChore) chore, "keeper");
		did = true;
	}
}

/* Has a process do it, after the step's commit: the row is free. */
static void
start(int chore)
{
	Known	   *one = &known[chore];

	begun = GetCurrentTimestamp();
	if (reco_chore_process_start(chore, known_of, one->logged))
	{
		under_way = chore;
		interrupted = false;
		one->lacking = 0;
		told_lack = false;
		return;
	}
	one->not_before = begun + AGAIN_US;
	if (++one->lacking < MOST_LACKING || told_lack)
		return;
	told_lack = true;
	ereport(
		LOG,
		(errmsg("reco could not start a process for chore \"%s\": no background worker "
				"is free",
				reco_chore_kind((RecoChore) chore)->name),
		 errdetail("The keeper does its chores itself, and nothing else meanwhile."),
		 errhint("Set max_worker_processes to at least %d and restart the server.",
				 max_worker_processes + 1)));
}

bool
reco_keeper_chores_under_way(void)
{
	return under_way >= 0;
}

void
reco_keeper_chores_interrupt(void)
{
	if (under_way < 0)
		return;
	interrupted = true;
	reco_chore_process_interrupt();
}

void
reco_keeper_chores_leave(void)
{
	if (under_way >= 0)
		reco_chore_process_leave();
}

/* Looks whose they are. One that has no row is heard of now. */
static void
look(Oid extension)
{
	RecoChoreState states[RECO_NCHORES];
	RecoChoreState state;
	RecoChoreFailure failure;

	if (known_of != extension)
	{
		memset(known, 0, sizeof(known));
		known_of = InvalidOid;
	}
	reco_chore_look(states);
	for (int i = 0; i < RECO_NCHORES; i++)
	{
		if (states[i].since == 0 && reco_chore_lock((RecoChore) i, false, &state))
			states[i] = state;
		if (states[i].overdue != known[i].told_overdue)
			tell_overdue((RecoChore) i, &states[i]);
		known[i].state = states[i];
		if (states[i].last_done > known[i].failed_at)
			succeed((RecoChore) i);
	}
	while (reco_chore_failure_take(&failure))
		if (failure.chore >= 0 && failure.chore < RECO_NCHORES)
			fail((RecoChore) failure.chore, failure.by, failure.at, failure.message);
	known_of = extension;
	next_look = GetCurrentTimestamp() + LOOK_US;
}

/* Says once that pg_cron does not do a chore that it has, or does again. */
static void
tell_overdue(RecoChore chore, const RecoChoreState *state)
{
	const char *name = reco_chore_kind(chore)->name;

	known[chore].told_overdue = state->overdue;
	if (state->overdue)
		ereport(LOG,
				(errmsg("pg_cron has missed the last times of chore \"%s\"", name),
				 errdetail("The keeper does it until pg_cron does."),
				 errhint("SELECT * FROM reco_doctor() tells what is wrong with its job; "
						 "SELECT reco_unschedule('%s') leaves the chore to the keeper.",
						 name)));
	else if (state->by_cron)
		ereport(LOG, (errmsg("the keeper leaves chore \"%s\" to pg_cron again", name)));
}

/* It was done since it failed. */
static void
succeed(RecoChore chore)
{
	if (known[chore].logged != 0)
		ereport(LOG,
				(errmsg("reco chore \"%s\" works again", reco_chore_kind(chore)->name)));
	known[chore].logged = 0;
	known[chore].failures = 0;
}

/* Remembers a failure, until it is noted; after the keeper's own there is a pause. */
static void
fail(RecoChore chore, const char *by, TimestampTz at, const char *message)
{
	Known	   *one = &known[chore];
	const char *text = message[0] == '\0' ? "it failed" : message;
	int len = pg_mbcliplen(text, (int) strlen(text), sizeof(one->error) - 1);

	one->failed_at = at;
	one->note_after = at;
	strlcpy(one->failed_by, by, sizeof(one->failed_by));
	memcpy(one->error, text, len);
	one->error[len] = '\0';
	if (strcmp(by, "keeper") != 0)
		return;
	one->logged = reco_chore_process_digest(message);
	one->failures++;
	one->not_before =
		at + reco_chore_pause(chore, Max(one->failures, one->state.failing + 1));
}

/*
 * Notes a failure, in a transaction after the one that failed; whether there was one.
 * While somebody has the row it waits.
 */
static bool
note_failure(void)
{
	TimestampTz now = GetCurrentTimestamp();

	for (int i = 0; i < RECO_NCHORES && noted < 0; i++)
	{
		Known	   *one = &known[i];

		if (one->error[0] == '\0' || one->note_after > now)
			continue;
		if (reco_chore_note_failure((RecoChore) i, one->failed_by, one->failed_at,
									one->error))
			noted = i;
		else
			one->note_after = now + LOOK_US;
	}
	return noted >= 0;
}

/* Notes that what goes on has been done; whether there was anything to note. */
static bool
note_progress(void)
{
	TimestampTz now = GetCurrentTimestamp();

	for (int i = 0; i < RECO_NCHORES && went < 0; i++)
		if (known[i].went &&
			now - known[i].noted_at >= (known[i].rows > 0 ? NOTE_US : IDLE_US) &&
			reco_chore_note((RecoChore) i, "keeper", now, -1,
							psprintf(INT64_FORMAT, known[i].rows)))
			went = i;
	return went >= 0;
}

bool
reco_keeper_chores_done(void)
{
	bool		well = true;

	if (noted >= 0)
	{
		known[noted].error[0] = '\0';
		next_look = 0;			/* when it is due next, the row says */
	}
	if (went >= 0)
	{
		known[went].noted_at = GetCurrentTimestamp();
		known[went].rows = 0;
		known[went].went = false;
	}
	if (doing >= 0 && did)
	{
		known[doing].state.last_done = GetCurrentTimestamp();
		known[doing].state.failing = 0;
		known[doing].lacking = 0;
		succeed((RecoChore) doing);
	}
	if (starting >= 0)
		start(starting);
	for (int i = 0; i < RECO_NCHORES; i++)
		well = well && known[i].failures == 0;
	doing = noted = went = starting = -1;
	return well;
}

/*
 * After an ERROR. If it was a chore's, it is tried again after a pause, others before;
 * else all wait a while.
 */
void
reco_keeper_chores_failed(const char *message)
{
	TimestampTz now = GetCurrentTimestamp();

	next_look = now + AGAIN_US;
	if (doing >= 0)
		fail((RecoChore) doing, "keeper", now, message);
	else
		for (int i = 0; i < RECO_NCHORES; i++)
			known[i].not_before = Max(known[i].not_before, now + AGAIN_US);
	doing = noted = went = starting = -1;
}

/* When a chore is due, of those that a timer does and that are ours; 0 = never. */
static TimestampTz
due_at(const Known *one, RecoChore chore)
{
	TimestampTz next = reco_chore_next(chore, &one->state);

	return next == 0 ? 0 : Max(one->not_before, next);
}

/* The chore that is due first; -1 = none ever is. */
static int
next_due(TimestampTz *due)
{
	int			first = -1;

	*due = 0;
	if (known_of == InvalidOid)
		return -1;
	for (int i = 0; i < RECO_NCHORES; i++)
	{
		TimestampTz at = due_at(&known[i], (RecoChore) i);

		if (at != 0 && (first < 0 || at < *due))
		{
			first = i;
			*due = at;
		}
	}
	return first;
}

bool
reco_keeper_chore_is_mine(RecoChore chore)
{
	return known_of != InvalidOid && !known[chore].state.by_cron;
}

void
reco_keeper_chore_went(RecoChore chore, int64 rows)
{
	known[chore].went = true;
	known[chore].rows += rows;
}
