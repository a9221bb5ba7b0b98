/*-------------------------------------------------------------------------
 *
 * database.c
 *	  Databases that have the extension, and their keepers.
 *
 * Purpose: see database.h; one function per change of a row's state.
 * Runs in: any process that has the library preloaded.
 * Locks:	'databases' of shared.h. Latches are set after it is released.
 * Never:	wait while holding it, or throw: much of this runs after a commit or
 *			while a process ends.
 *
 * A row comes when somebody asks for a database or holds it, and goes when its keeper
 * finds no extension there, or the database is gone:
 *
 *	WANTED -> STARTING -> RUNNING -> (gone) or WANTED, after a pause
 *	hold: WANTED, STARTING -> HELD, RUNNING -> STOPPING -> HELD; release -> WANTED
 *
 * A keeper that is to start has a number, the generation: one that comes late, when
 * the row was held or given to another meanwhile, sees that and ends.
 *
 *-------------------------------------------------------------------------
 */
#include "shared.h"

#include <signal.h>

#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/timestamp.h"

#define PAUSE_MS		1000	/* after the first failure; doubles */
#define LONGEST_PAUSE_MS	60000

static RecoDatabase *find_row(Oid database);
static RecoDatabase *find_or_make_row(Oid database);
static RecoDatabase *my_row(void);
static void want(RecoDatabase *row);
static void fail(RecoDatabase *row);
static void free_row(RecoDatabase *row);
static void lock(void);
static void unlock(int procno);

static Oid	my_database = InvalidOid;	/* the keeper's */
static uint32 my_generation = 0;

/* Fills in the table. */
void
reco_database_make(void)
{
	LWLockInitialize(&reco_shared->databases, reco_shared->tranche);
	reco_shared->launcher_pid = 0;
	reco_shared->launcher_procno = -1;
	for (int i = 0; i < RECO_NDATABASES; i++)
		reco_shared->database[i].keeper_procno = -1;
}

/* Wakes the keeper of a database, if there is one. */
void
reco_database_wake(Oid database)
{
	RecoDatabase *row;
	int			procno = -1;

	if (reco_shared == NULL)
		return;
	LWLockAcquire(&reco_shared->databases, LW_SHARED);
	row = find_row(database);
	if (row != NULL && row->keeper_pid != 0)
		procno = row->keeper_procno;
	unlock(procno);
}

/* Wakes all keepers. */
void
reco_database_wake_all(void)
{
	for (int i = 0; i < RECO_NDATABASES; i++)
		if (reco_shared->database[i].keeper_pid != 0)
			reco_database_wake(reco_shared->database[i].database);
}

/* Says that the extension of a database may have come or gone; false = no room. */
bool
reco_database_ask(Oid database, bool known_only)
{
	RecoDatabase *row;
	int			procno;

	lock();
	procno = reco_shared->launcher_procno;
	row = known_only ? find_row(database) : find_or_make_row(database);
	if (row == NULL)
		procno = -1;
	else if (row->keeper_pid != 0)
	{
		row->again = true;
		procno = row->keeper_procno;
	}
	else if (row->state == RECO_KEEPER_STARTING || row->holders > 0)
		row->again = true;
	else
		want(row);
	unlock(procno);
	return row != NULL || known_only;
}

/* Says that every database may have the extension. */
void
reco_database_ask_all(void)
{
	lock();
	reco_shared->ask_all = true;
	unlock(reco_shared->launcher_procno);
}

/* Keeps keepers from starting in a database. */
bool
reco_database_hold(Oid database)
{
	RecoDatabase *row;

	lock();
	row = find_or_make_row(database);
	if (row != NULL)
	{
		row->holders++;
		if (row->state != RECO_KEEPER_NONE && row->state != RECO_KEEPER_HELD)
			row->again = true;
		if (row->keeper_pid != 0)
			row->state =
				row->state == RECO_KEEPER_RUNNING ? RECO_KEEPER_STOPPING : row->state;
		else
		{
			row->state = RECO_KEEPER_HELD;
			row->generation++;
		}
	}
	unlock(-1);
	return row != NULL;
}

/* Ends a hold; after the last one the launcher looks again at what had a keeper. */
void
reco_database_release(Oid database)
{
	RecoDatabase *row;
	int			procno = -1;

	lock();
	row = find_row(database);
	if (row != NULL && row->holders > 0 && --row->holders == 0)
	{
		if (row->keeper_pid != 0)	/* it did not go in time, and may stay */
			row->state =
				row->state == RECO_KEEPER_STOPPING ? RECO_KEEPER_RUNNING : row->state;
		else if (row->again)
			want(row);
		else
			free_row(row);
		procno = reco_shared->launcher_procno;
	}
	unlock(procno);
}

/*
 * Tells the keeper to go. The cancel signal ends a statement that is under way; the
 * process is alive while its row says so, since it clears that under this lock. While
 * it connects it could only answer with an error in the log, so that is not done at
 * once.
 */
int
reco_database_dismiss(Oid database, bool insistent)
{
	RecoDatabase *row;
	int			procno = -1;
	int			pid = 0;

	lock();
	row = find_row(database);
	if (row != NULL && row->keeper_pid != 0)
	{
		pid = row->keeper_pid;
		procno = row->keeper_procno;
		if (row->state == RECO_KEEPER_STOPPING || insistent)
			kill(pid, SIGINT);
	}
	unlock(procno);
	return pid;
}

/* The keeper's pid, 0 = there is none. */
int
reco_database_keeper(Oid database)
{
	RecoDatabase *row;
	int			pid;

	LWLockAcquire(&reco_shared->databases, LW_SHARED);
	row = find_row(database);
	pid = row != NULL ? row->keeper_pid : 0;
	unlock(-1);
	return pid;
}

/*
 * The launcher can be asked. What a former one was about to start, it starts: if that
 * keeper comes after all, it is too late.
 */
void
reco_database_serve(void)
{
	lock();
	reco_shared->launcher_pid = MyProcPid;
	reco_shared->launcher_procno = RECO_MY_PROC_NUMBER;
	reco_shared->ask_all = true;
	for (int i = 0; i < RECO_NDATABASES; i++)
	{
		RecoDatabase *row = &reco_shared->database[i];

		if (row->state == RECO_KEEPER_STARTING && row->keeper_pid == 0)
			want(row);
	}
	unlock(-1);
}

/* The launcher ends. */
void
reco_database_unserve(void)
{
	lock();
	if (reco_shared->launcher_pid == MyProcPid)
	{
		reco_shared->launcher_pid = 0;
		reco_shared->launcher_procno = -1;
	}
	unlock(-1);
}

bool
reco_database_asked_all(void)
{
	bool		asked;

	lock();
	asked = reco_shared->ask_all;
	reco_shared->ask_all = false;
	unlock(-1);
	return asked;
}

/* Takes a row that is due. */
bool
reco_database_take(TimestampTz now, RecoDatabase *due)
{
	bool		found = false;

	lock();
	for (int i = 0; i < RECO_NDATABASES && !found; i++)
	{
		RecoDatabase *row = &reco_shared->database[i];

		if (row->state != RECO_KEEPER_WANTED || row->not_before > now)
			continue;
		row->state = RECO_KEEPER_STARTING;
		row->generation++;
		row->again = false;
		*due = *row;
		found = true;
	}
	unlock(-1);
	return found;
}

/* When the next row is due, and how many are wanted. */
TimestampTz
reco_database_next_due(int *waiting)
{
	TimestampTz next = 0;

	*waiting = 0;
	lock();
	for (int i = 0; i < RECO_NDATABASES; i++)
	{
		RecoDatabase *row = &reco_shared->database[i];

		if (row->state != RECO_KEEPER_WANTED)
			continue;
		(*waiting)++;
		if (next == 0 || row->not_before < next)
			next = Max(row->not_before, 1);
	}
	unlock(-1);
	return next;
}

/* A keeper did not come to life, if it is still awaited. */
int
reco_database_not_started(Oid database, uint32 generation)
{
	RecoDatabase *row;
	int			failures = 0;

	lock();
	row = find_row(database);
	if (row != NULL && row->state == RECO_KEEPER_STARTING && row->keeper_pid == 0 &&
		row->generation == generation)
	{
		fail(row);
		failures = row->failures;
	}
	unlock(-1);
	return failures;
}

/* Frees the row of a database that is not there, or takes no connections. */
void
reco_database_forget(Oid database, uint32 generation)
{
	RecoDatabase *row;

	lock();
	row = find_row(database);
	if (row != NULL && row->state == RECO_KEEPER_STARTING && row->keeper_pid == 0 &&
		row->generation == generation)
	{
		if (row->again)
			want(row);
		else
			free_row(row);
	}
	unlock(-1);
}

RecoKeeperState
reco_database_state(Oid database, int *failures)
{
	RecoDatabase *row;
	RecoKeeperState state = RECO_KEEPER_NONE;

	*failures = 0;
	lock();
	row = find_row(database);
	if (row != NULL)
	{
		state = row->state;
		*failures = row->failures;
	}
	unlock(-1);
	return state;
}

/* This process is the keeper that was to start; false = not any more. */
bool
reco_database_enter(Oid database, uint32 generation)
{
	RecoDatabase *row;
	bool		welcome;

	lock();
	row = find_row(database);
	welcome = row != NULL && row->state == RECO_KEEPER_STARTING && row->keeper_pid == 0 &&
		row->generation == generation;
	if (welcome)
	{
		row->keeper_pid = MyProcPid;
		row->keeper_procno = RECO_MY_PROC_NUMBER;
		my_database = database;
		my_generation = generation;
	}
	unlock(-1);
	return welcome;
}

/* Whether the keeper may go on. Whatever was asked until now, its next look answers. */
bool
reco_database_continue(void)
{
	RecoDatabase *row;
	bool		welcome;

	lock();
	row = my_row();
	welcome = row != NULL && row->holders == 0;
	if (welcome)
		row->again = false;
	unlock(-1);
	return welcome;
}

/* The keeper found the extension, so it stays. */
void
reco_database_found(Oid extension)
{
	RecoDatabase *row;
	int			procno = -1;

	lock();
	row = my_row();
	if (row != NULL)
	{
		row->extension = extension;
		if (row->state == RECO_KEEPER_STARTING)
		{
			row->state = row->holders > 0 ? RECO_KEEPER_STOPPING : RECO_KEEPER_RUNNING;
			procno = reco_shared->launcher_procno;
		}
	}
	unlock(procno);
}

/* The keeper has worked for long: the next failure is the first. */
void
reco_database_well(void)
{
	RecoDatabase *row;

	lock();
	row = my_row();
	if (row != NULL)
		row->failures = 0;
	unlock(-1);
}

/* The keeper ends; it has left the list of sessions already. */
void
reco_database_leave(RecoKeeperEnd end)
{
	RecoDatabase *row;

	lock();
	row = my_row();
	if (row != NULL)
	{
		row->keeper_pid = 0;
		row->keeper_procno = -1;
		if (row->holders > 0)
			row->state = RECO_KEEPER_HELD;
		else if (end == RECO_KEEPER_FAILED)
			fail(row);
		else if (end == RECO_KEEPER_LET_GO || row->again)
		{
			want(row);
			row->failures = 0;
		}
		else
			free_row(row);
	}
	my_database = InvalidOid;
	unlock(reco_shared->launcher_procno);
}

static RecoDatabase *
find_row(Oid database)
{
	for (int i = 0; i < RECO_NDATABASES && OidIsValid(database); i++)
		if (reco_shared->database[i].database == database)
			return &reco_shared->database[i];
	return NULL;
}

/* The generation of a free row goes on counting, so late keepers are told apart. */
static RecoDatabase *
find_or_make_row(Oid database)
{
	RecoDatabase *row = find_row(database);

	for (int i = 0; row == NULL && i < RECO_NDATABASES && OidIsValid(database); i++)
		if (!OidIsValid(reco_shared->database[i].database))
		{
			row = &reco_shared->database[i];
			row->database = database;
		}
	return row;
}

static RecoDatabase *
my_row(void)
{
	RecoDatabase *row = find_row(my_database);

	return row != NULL && row->keeper_pid == MyProcPid && row->generation == my_generation
		? row
		: NULL;
}

/* The launcher shall look, at once. */
static void
want(RecoDatabase *row)
{
	row->state = RECO_KEEPER_WANTED;
	row->not_before = 0;
	row->again = false;
}

/* It shall look after a pause that grows. */
static void
fail(RecoDatabase *row)
{
	int			pause = PAUSE_MS << Min(row->failures, 10);

	want(row);
	row->failures++;
	row->not_before = GetCurrentTimestamp() + (int64) Min(pause, LONGEST_PAUSE_MS) * 1000;
}

static void
free_row(RecoDatabase *row)
{
	uint32		generation = row->generation;

	memset(row, 0, sizeof(*row));
	row->generation = generation;
	row->keeper_procno = -1;
}

static void
lock(void)
{
	LWLockAcquire(&reco_shared->databases, LW_EXCLUSIVE);
}

/* Releases the lock, then sets a latch; -1 = none. */
static void
unlock(int procno)
{
	LWLockRelease(&reco_shared->databases);
	if (procno >= 0)
		SetLatch(&GetPGProcByNumber(procno)->procLatch);
}
