/*-------------------------------------------------------------------------
 *
 * matrix_shared.c
 *	  The matrix of a database, one for all its backends.
 *
 * Purpose: see matrix_shared.h.
 * Runs in: any process that has the library preloaded.
 * Locks:	'matrices' of shared.h for all fields of Row; the counts of a segment's head
 *			are atomic.
 * Never:	map, unmap or make a segment while holding it; let go of a segment that
 *			another process has let go of: who takes its handle out of the table does.
 *
 * Who begins to read counts itself in under the lock, having seen there that its segment
 * is the one on offer. So once another one is, the count of the old one only falls; it is
 * marked as retired after that, and whoever finds it retired and unread frees its pages.
 *
 *-------------------------------------------------------------------------
 */
#include "matrix_shared.h"

#include <sys/mman.h>
#include <unistd.h>

#include "guc.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "shared.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define MOST_TRIES	10

/* The head of a segment. */
typedef struct Head
{
	pg_atomic_uint32 readers;
	pg_atomic_uint32 retired;
} Head;

/* A database's row. */
typedef struct Row
{
	RecoMatrixFacts facts;		/* 'database' InvalidOid = free */
	dsm_handle	handle;			/* where 'offered' */
} Row;

typedef struct Table
{
	uint64		last_generation;
	Row			rows[RECO_NDATABASES];
} Table;

struct RecoMatrixLease
{
	dsm_segment *segment;
	uint64		generation;
	bool		reading;
	bool		borrowed;		/* the segment is the keeper's own, in the keeper */
};

static Table *table = NULL;

/* The keeper's: what it makes, and what it has on offer if it made that. */
static dsm_segment *made = NULL;
static dsm_segment *offered = NULL;

/* What this backend has said of its own copies. */
static Size noted_bytes = 0;

static Row *find_row(Oid database);
static Row *find_or_make_row(void);
static bool is_on_offer(const Row *row, Oid extension);
static void retire(dsm_handle handle);
static void free_pages(dsm_segment *segment);
static void at_detach(dsm_segment *segment, Datum arg);
static void at_exit(int code, Datum arg);

Size
reco_matrices_size(void)
{
	return CACHELINEALIGN(sizeof(Table));
}

void
reco_matrices_attach(char *memory, bool fresh)
{
	table = (Table *) memory;
	if (fresh)
		memset(table, 0, sizeof(*table));
}

bool
reco_matrix_is_shareable(void)
{
	return reco_shared != NULL && reco_guc_keeper;
}

static Head *
head_of(dsm_segment *segment)
{
	return dsm_segment_address(segment);
}

/* Maps what is offered. It may be replaced before it is mapped: then again. */
RecoMatrixLease *
reco_matrix_lease_new(Oid extension)
{
	for (int i = 0; i < MOST_TRIES; i++)
	{
		RecoMatrixLease *lease;
		Row		   *row;
		dsm_handle	handle = DSM_HANDLE_INVALID;
		uint64		generation = 0;
		dsm_segment *segment;

		LWLockAcquire(&reco_shared->matrices, LW_SHARED);
		row = find_row(MyDatabaseId);
		if (is_on_offer(row, extension))
		{
			handle = row->handle;
			generation = row->facts.generation;
		}
		LWLockRelease(&reco_shared->matrices);
		if (generation == 0)
			return NULL;

		/* the keeper has what it offers, and replaces it when nobody here reads */
		segment = dsm_find_mapping(handle);
		if (segment != NULL)
		{
			lease = MemoryContextAllocZero(TopMemoryContext, sizeof(RecoMatrixLease));
			lease->borrowed = true;
		}
		else
		{
			segment = dsm_attach(handle);
			if (segment == NULL)
				continue;
			dsm_pin_mapping(segment);
			lease = MemoryContextAllocZero(TopMemoryContext, sizeof(RecoMatrixLease));
			on_dsm_detach(segment, at_detach, PointerGetDatum(lease));
		}
		lease->segment = segment;
		lease->generation = generation;
		if (reco_matrix_lease_renew(lease, extension))
			return lease;
		reco_matrix_lease_end(lease);
	}
	return NULL;
}

bool
reco_matrix_lease_renew(RecoMatrixLease *lease, Oid extension)
{
	Row		   *row;

	Assert(!lease->reading);
	LWLockAcquire(&reco_shared->matrices, LW_SHARED);
	row = find_row(MyDatabaseId);
	if (is_on_offer(row, extension) && row->facts.generation == lease->generation)
	{
		pg_atomic_fetch_add_u32(&head_of(lease->segment)->readers, 1);
		lease->reading = true;
	}
	LWLockRelease(&reco_shared->matrices);
	return lease->reading;
}

bool
reco_matrix_lease_is_current(const RecoMatrixLease *lease, Oid extension)
{
	Row		   *row;
	bool		is;

	LWLockAcquire(&reco_shared->matrices, LW_SHARED);
	row = find_row(MyDatabaseId);
	is = is_on_offer(row, extension) && row->facts.generation == lease->generation;
	LWLockRelease(&reco_shared->matrices);
	return is;
}

const char *
reco_matrix_lease_area(const RecoMatrixLease *lease)
{
	return (const char *) dsm_segment_address(lease->segment) + RECO_MATRIX_HEAD;
}

void
reco_matrix_lease_return(RecoMatrixLease *lease)
{
	Head	   *head = head_of(lease->segment);

	Assert(lease->reading);
	lease->reading = false;
	if (pg_atomic_fetch_sub_u32(&head->readers, 1) == 1 &&
		pg_atomic_read_u32(&head->retired) != 0)
		free_pages(lease->segment);
}

void
reco_matrix_lease_end(RecoMatrixLease *lease)
{
	if (!lease->borrowed)
		dsm_detach(lease->segment);
	pfree(lease);
}

/* A mapping goes, perhaps because the process does. */
static void
at_detach(dsm_segment *segment, Datum arg)
{
	RecoMatrixLease *lease = (RecoMatrixLease *) DatumGetPointer(arg);

	if (lease->reading)
		reco_matrix_lease_return(lease);
}

/* Makes memory for an image; one that was made and not offered goes. */
char *
reco_matrix_make(Size bytes)
{
	Head	   *head;

	if (made != NULL)
		dsm_detach(made);
	made = NULL;
	made = dsm_create(add_size(RECO_MATRIX_HEAD, bytes), 0);
	dsm_pin_mapping(made);
	head = head_of(made);
	pg_atomic_init_u32(&head->readers, 0);
	pg_atomic_init_u32(&head->retired, 0);
	return (char *) head + RECO_MATRIX_HEAD;
}

/* Puts what was made on offer. */
void
reco_matrix_offer(const RecoMatrixFacts *facts)
{
	dsm_handle	old = DSM_HANDLE_INVALID;
	bool		had = false;
	Row		   *row;

	HOLD_INTERRUPTS();
	dsm_pin_segment(made);
	LWLockAcquire(&reco_shared->matrices, LW_EXCLUSIVE);
	row = find_or_make_row();
	if (row != NULL)
	{
		had = row->facts.offered;
		old = row->handle;
		row->handle = dsm_segment_handle(made);
		row->facts.extension = facts->extension;
		row->facts.offered = true;
		row->facts.building = false;
		row->facts.generation = ++table->last_generation;
		row->facts.token = facts->token;
		row->facts.learned = facts->learned;
		row->facts.exact = facts->exact;
		row->facts.rows = facts->rows;
		row->facts.bytes = dsm_segment_map_length(made);
		row->facts.built_at = GetCurrentTimestamp();
		row->facts.built_us = facts->built_us;
		row->facts.problem[0] = '\0';
	}
	LWLockRelease(&reco_shared->matrices);
	if (row == NULL)
	{
		dsm_unpin_segment(dsm_segment_handle(made));
		dsm_detach(made);
	}
	else
	{
		if (had)
			retire(old);
		offered = made;
	}
	made = NULL;
	RESUME_INTERRUPTS();
}

const char *
reco_matrix_offered_area(void)
{
	return offered == NULL ? NULL : (const char *) head_of(offered) + RECO_MATRIX_HEAD;
}

/* Takes what is on offer back. */
void
reco_matrix_withdraw(void)
{
	dsm_handle	old = DSM_HANDLE_INVALID;
	bool		had = false;
	Row		   *row;

	HOLD_INTERRUPTS();
	LWLockAcquire(&reco_shared->matrices, LW_EXCLUSIVE);
	row = find_row(MyDatabaseId);
	if (row != NULL)
	{
		had = row->facts.offered;
		old = row->handle;
		row->facts.offered = false;
		row->facts.building = false;
		row->facts.rows = 0;
		row->facts.bytes = 0;
		row->facts.problem[0] = '\0';
	}
	LWLockRelease(&reco_shared->matrices);
	if (had)
		retire(old);
	RESUME_INTERRUPTS();
}

/*
 * Lets go of a segment that is on offer no more. A former keeper may have made it; then
 * it is mapped once more, to say so in its head.
 */
static void
retire(dsm_handle handle)
{
	dsm_segment *segment = offered;

	offered = NULL;
	if (segment != NULL && dsm_segment_handle(segment) != handle)
	{
		dsm_detach(segment);
		segment = NULL;
	}
	if (segment == NULL)
	{
		segment = dsm_attach(handle);
		if (segment != NULL)
			dsm_pin_mapping(segment);
	}
	dsm_unpin_segment(handle);
	if (segment == NULL)
		return;
	pg_atomic_write_u32(&head_of(segment)->retired, 1);
	pg_memory_barrier();
	if (pg_atomic_read_u32(&head_of(segment)->readers) == 0)
		free_pages(segment);
	dsm_detach(segment);
}

/*
 * Gives the pages of an image back, though others have it mapped: they read it no more.
 * Where the system has no such call, or the segment is of a kind that it is not for, they
 * go with the last mapping.
 */
static void
free_pages(dsm_segment *segment)
{
#ifdef MADV_REMOVE
	uintptr_t	page = (uintptr_t) sysconf(_SC_PAGESIZE);
	uintptr_t	start = (uintptr_t) dsm_segment_address(segment);
	uintptr_t	from = TYPEALIGN(page, start + RECO_MATRIX_HEAD);
	uintptr_t	end = TYPEALIGN_DOWN(page, start + dsm_segment_map_length(segment));

	if (from < end)
		(void) madvise((void *) from, end - from, MADV_REMOVE);
#endif
}

void
reco_matrix_note_building(bool building)
{
	Row		   *row;

	LWLockAcquire(&reco_shared->matrices, LW_EXCLUSIVE);
	row = building ? find_or_make_row() : find_row(MyDatabaseId);
	if (row != NULL)
		row->facts.building = building;
	LWLockRelease(&reco_shared->matrices);
}

/* The reader's encoding is not known: what is not plain ASCII becomes a question mark. */
void
reco_matrix_note_problem(const char *problem)
{
	Row		   *row;

	LWLockAcquire(&reco_shared->matrices, LW_EXCLUSIVE);
	row = find_or_make_row();
	if (row != NULL)
	{
		row->facts.building = false;
		strlcpy(row->facts.problem, problem, sizeof(row->facts.problem));
		for (char *c = row->facts.problem; *c; c++)
			if (*c < ' ' || *c > '~')
				*c = '?';
	}
	LWLockRelease(&reco_shared->matrices);
}

/* Forgets a database. Who is connected to it still keeps what is mapped. */
void
reco_matrix_forget(Oid database)
{
	dsm_handle	old = DSM_HANDLE_INVALID;
	bool		had = false;
	Row		   *row;

	LWLockAcquire(&reco_shared->matrices, LW_EXCLUSIVE);
	row = find_row(database);
	if (row != NULL)
	{
		had = row->facts.offered;
		old = row->handle;
		if (row->facts.own_copies == 0)
			memset(row, 0, sizeof(*row));
		row->facts.offered = false;
	}
	LWLockRelease(&reco_shared->matrices);
	if (had)
		dsm_unpin_segment(old);
}

/* Says how much memory this backend's own copies take. */
void
reco_matrix_note_own(Size bytes)
{
	static bool registered = false;
	Row		   *row;

	if (reco_shared == NULL || bytes == noted_bytes)
		return;
	if (!registered)
		before_shmem_exit(at_exit, (Datum) 0);
	registered = true;
	LWLockAcquire(&reco_shared->matrices, LW_EXCLUSIVE);
	row = find_or_make_row();
	if (row != NULL)
	{
		row->facts.own_copies += (bytes > 0) - (noted_bytes > 0);
		row->facts.own_bytes += bytes - noted_bytes;
		noted_bytes = bytes;
	}
	LWLockRelease(&reco_shared->matrices);
}

static void
at_exit(int code, Datum arg)
{
	LWLockReleaseAll();
	reco_matrix_note_own(0);
}

/* Copies the facts of a database. */
bool
reco_matrix_facts(Oid database, RecoMatrixFacts *facts)
{
	Row		   *row;

	memset(facts, 0, sizeof(*facts));
	if (reco_shared == NULL)
		return false;
	LWLockAcquire(&reco_shared->matrices, LW_SHARED);
	row = find_row(database);
	if (row != NULL)
		*facts = row->facts;
	LWLockRelease(&reco_shared->matrices);
	return row != NULL;
}

RecoMatrixFacts *
reco_matrix_all_facts(int *n)
{
	RecoMatrixFacts *all = palloc(sizeof(RecoMatrixFacts) * RECO_NDATABASES);

	*n = 0;
	if (reco_shared == NULL)
		return all;
	LWLockAcquire(&reco_shared->matrices, LW_SHARED);
	for (int i = 0; i < RECO_NDATABASES; i++)
		if (OidIsValid(table->rows[i].facts.database))
			all[(*n)++] = table->rows[i].facts;
	LWLockRelease(&reco_shared->matrices);
	return all;
}

static bool
is_on_offer(const Row *row, Oid extension)
{
	return row != NULL && row->facts.offered && row->facts.extension == extension &&
		row->facts.rows > 0;
}

static Row *
find_row(Oid database)
{
	for (int i = 0; i < RECO_NDATABASES; i++)
		if (table->rows[i].facts.database == database && OidIsValid(database))
			return &table->rows[i];
	return NULL;
}

/* The row of this database; one that says nothing gives way. NULL = all say something. */
static Row *
find_or_make_row(void)
{
	Row		   *row = find_row(MyDatabaseId);

	for (int i = 0; row == NULL && i < RECO_NDATABASES; i++)
	{
		RecoMatrixFacts *facts = &table->rows[i].facts;

		if (!OidIsValid(facts->database) ||
			(!facts->offered && !facts->building && facts->own_copies == 0))
		{
			row = &table->rows[i];
			memset(row, 0, sizeof(*row));
			row->facts.database = MyDatabaseId;
		}
	}
	return row;
}
