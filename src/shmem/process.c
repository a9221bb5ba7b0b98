/*-------------------------------------------------------------------------
 *
 * process.c
 *	  The table of our own processes, for reco_stat_worker.
 *
 * Purpose: see shared.h. pg_stat_activity does not show a process that has no
 *			database, so we do.
 * Runs in: our workers; read by backends.
 * Locks:	'processes', exclusively to write.
 * Never:	throw, or keep a byte that is not printable ASCII: readers have
 *			databases of any encoding.
 *
 *-------------------------------------------------------------------------
 */
#include "shared.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

static RecoProcess *find_row(RecoProcessKind kind, Oid database);
static RecoProcess *make_row(RecoProcessKind kind, Oid database);
static void copy_text(char *to, Size size, const char *from);
static void note_error(RecoProcess *row, const char *error);

/* Says that this process runs. */
void
reco_process_begin(RecoProcessKind kind, Oid database)
{
	RecoProcess *row;

	if (reco_shared == NULL)
		return;

	LWLockAcquire(&reco_shared->processes, LW_EXCLUSIVE);
	row = find_row(kind, database);
	if (row == NULL)
		row = make_row(kind, database);
	if (row != NULL)
	{
		row->pid = MyProcPid;
		row->started = GetCurrentTimestamp();
		row->starts++;
		copy_text(row->state, sizeof(row->state), "starting");
	}
	LWLockRelease(&reco_shared->processes);
}

/* Says that it ends, and why if that is an error. A successor's row is left alone. */
void
reco_process_end(RecoProcessKind kind, Oid database, const char *error)
{
	RecoProcess *row;

	if (reco_shared == NULL)
		return;

	LWLockAcquire(&reco_shared->processes, LW_EXCLUSIVE);
	row = find_row(kind, database);
	if (row != NULL && row->pid == MyProcPid)
	{
		row->pid = 0;
		copy_text(row->state, sizeof(row->state), "ended");
		note_error(row, error);
	}
	LWLockRelease(&reco_shared->processes);
}

/* Says what it does. */
void
reco_process_state(RecoProcessKind kind, Oid database, const char *state)
{
	RecoProcess *row;

	if (reco_shared == NULL)
		return;

	LWLockAcquire(&reco_shared->processes, LW_EXCLUSIVE);
	row = find_row(kind, database);
	if (row != NULL)
		copy_text(row->state, sizeof(row->state), state);
	LWLockRelease(&reco_shared->processes);
}

/* Says what went wrong. */
void
reco_process_error(RecoProcessKind kind, Oid database, const char *error)
{
	RecoProcess *row;

	if (reco_shared == NULL)
		return;

	LWLockAcquire(&reco_shared->processes, LW_EXCLUSIVE);
	row = find_row(kind, database);
	if (row != NULL)
		note_error(row, error);
	LWLockRelease(&reco_shared->processes);
}

/* Gives back the row of a process that is needed no more. */
void
reco_process_forget(RecoProcessKind kind, Oid database)
{
	RecoProcess *row;

	if (reco_shared == NULL)
		return;

	LWLockAcquire(&reco_shared->processes, LW_EXCLUSIVE);
	row = find_row(kind, database);
	if (row != NULL && (row->pid == 0 || row->pid == MyProcPid))
		row->used = false;
	LWLockRelease(&reco_shared->processes);
}

const char *
reco_process_kind_name(RecoProcessKind kind)
{
	switch (kind)
	{
		case RECO_PROCESS_GATEWAY:
			return "gateway";
		case RECO_PROCESS_LAUNCHER:
			return "launcher";
		case RECO_PROCESS_KEEPER:
			return "keeper";
		case RECO_PROCESS_JOB_WORKER:
			break;
	}
	return "job worker";
}

static RecoProcess *
find_row(RecoProcessKind kind, Oid database)
{
	for (int i = 0; i < RECO_NPROCESSES; i++)
	{
		RecoProcess *row = &reco_shared->process[i];

		if (row->used && row->kind == kind && row->database == database)
			return row;
	}
	return NULL;
}

/*
 * Makes a row: a free one, else that of the process which ended first; NULL when all
 * run, and then this one is not shown.
 */
static RecoProcess *
make_row(RecoProcessKind kind, Oid database)
{
	RecoProcess *best = NULL;

	for (int i = 0; i < RECO_NPROCESSES; i++)
	{
		RecoProcess *row = &reco_shared->process[i];

		if (row->used && row->pid != 0)
			continue;
		if (best == NULL || (best->used && (!row->used || row->started < best->started)))
			best = row;
	}
	if (best != NULL)
	{
		memset(best, 0, sizeof(*best));
		best->used = true;
		best->kind = kind;
		best->database = database;
	}
	return best;
}

static void
note_error(RecoProcess *row, const char *error)
{
	if (error == NULL)
		return;
	copy_text(row->last_error, sizeof(row->last_error), error);
	row->last_error_at = GetCurrentTimestamp();
}

/* Copies a text as far as there is room; what is not printable ASCII becomes '?'. */
static void
copy_text(char *to, Size size, const char *from)
{
	Size		n = 0;

	for (; from[n] != '\0' && n + 1 < size; n++)
		to[n] = from[n] >= ' ' && from[n] <= '~' ? from[n] : '?';
	to[n] = '\0';
}
