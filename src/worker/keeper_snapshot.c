/*-------------------------------------------------------------------------
 *
 * keeper_snapshot.c
 *	  A keeper's work on the snapshot: take it, restore from it.
 *
 * Purpose: see keeper_snapshot.h. Also: make tables logged or unlogged as
 *			reco.logged_tables says, since what is logged needs no snapshot.
 * Runs in: the keeper of a database, in a transaction of the caller's.
 * Locks:	those of store/snapshot.h.
 * Never:	take a snapshot of tables that are not restored yet: it would lose what they
 *			lack; depend on a step that was rolled back.
 *
 * A keeper looks first whether recovery has emptied the tables: then it puts back what
 * the snapshot has, some chunks in each transaction. After that it waits for the next
 * time to take one: a table after another, for each the chunks that are not as the table
 * is now. A step notes in 'after' what is so when it is committed, and only then is it.
 *
 *-------------------------------------------------------------------------
 */
#include "keeper_snapshot.h"

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "guc.h"
#include "keeper_chores.h"
#include "miscadmin.h"
#include "store/logged.h"
#include "store/snapshot.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#define MOST_CHUNKS		64		/* of a step */
#define MOST_BYTES		(4 * 1024 * 1024)	/* of their rows, likewise */
#define MOST_STORED		(1024 * 1024)	/* of the chunks that are restored, compressed */
#define AGAIN_US		(10 * INT64CONST(1000000))	/* after a step that failed */
#define BUSY_US			(2 * INT64CONST(1000000))	/* after a table was in use */
#define MOST_SAID		10		/* damaged chunks of a table; the others are counted */
#define REFUSED_US		(60 * INT64CONST(1000000))	/* after it was refused */

typedef enum Phase
{
	PHASE_LOOK = 0,				/* nothing is known of the tables yet */
	PHASE_RESTORE,
	PHASE_WAIT,					/* for the next time to take one */
	PHASE_TAKE
} Phase;

typedef struct Work
{
	Oid			extension;		/* of another one, nothing of this counts */
	Phase		phase;
	TimestampTz began;			/* the restoring, or the taking */
	TimestampTz last;			/* when one was taken; 0 = never, or it is to be soon */

	/* restoring: where (to be told after the commit), what is done, and the last chunk */
	char		database[NAMEDATALEN];
	char		category[NAMEDATALEN];
	int32		bucket;
	RecoSnapshotRestored restored[RECO_NSNAPSHOTS];

	/* taking: chunks of the table that is under way; in 'chunk_context' */
	RecoSnapshotSource source;
	RecoSnapshotCut cut;
	int64		bytes;			/* that may come yet */
	RecoSnapshotChunk *chunks;
	int			nchunks;
	int			done;
} Work;

/* What a subtransaction does. */
typedef struct Alteration
{
	RecoSnapshotSource source;
	bool		logged;
} Alteration;

typedef struct Restoration
{
	const RecoSnapshotChunk *chunk;
	RecoSnapshotRestored *restored;
	bool		sound;
} Restoration;

static Work work;
static Work after;				/* what it is when the step is committed */
static bool pending = false;	/* a step waits for its commit */
static MemoryContext chunk_context = NULL;
static TimestampTz not_before = 0;	/* the next step */
static TimestampTz not_altered_before = 0;

static bool find_to_alter(Alteration *alteration);
static bool is_wanted_logged(RecoSnapshotSource source);
static void look(void);
static void restore(void);
static void restore_chunk(const RecoSnapshotChunk *chunk);
static void end_restoring(void);
static void tell_restored(void);
static void alter(Alteration *alteration);
static void begin_taking(void);
static void begin_source(void);
static void take(void);
static void end_taking(void);
static ErrorData *try(void (*action)(void *), void *argument);
static void do_restore(void *argument);
static void do_alter(void *argument);

/* Tells what is to be done, as far as that costs nothing. */
bool
reco_keeper_snapshot_is_due(Oid extension)
{
	TimestampTz now = GetCurrentTimestamp();
	Alteration	alteration;

	pending = false;
	if (work.extension != extension)
	{
		memset(&work, 0, sizeof(work));
		work.extension = extension;
		not_before = not_altered_before = 0;
	}
	if (now < not_before)
		return false;
	if (work.phase != PHASE_WAIT)
		return true;
	if (now >= not_altered_before && find_to_alter(&alteration))
		return true;
	return reco_guc_snapshot_interval > 0 &&
		reco_keeper_chore_is_mine(RECO_CHORE_SNAPSHOT) &&
		now >= work.last + reco_guc_snapshot_interval * INT64CONST(1000000);
}

/* If this step fails, the next one comes later; and a snapshot is begun anew. */
void
reco_keeper_snapshot_step(void)
{
	Alteration	alteration;

	not_before = GetCurrentTimestamp() + AGAIN_US;
	after = work;
	switch (work.phase)
	{
		case PHASE_LOOK:
			look();
			break;
		case PHASE_RESTORE:
			restore();
			break;
		case PHASE_WAIT:
			if (GetCurrentTimestamp() >= not_altered_before && find_to_alter(&alteration))
				alter(&alteration);
			else
				begin_taking();
			break;
		case PHASE_TAKE:
			work.phase = PHASE_WAIT;
			take();
			break;
	}
	pending = true;
}

void
reco_keeper_snapshot_committed(void)
{
	if (!pending)
		return;
	pending = false;
	if (work.phase == PHASE_RESTORE && after.phase == PHASE_WAIT)
		tell_restored();
	work = after;
	not_before = 0;
}

/* Which table is not as reco.logged_tables says? */
static bool
find_to_alter(Alteration *alteration)
{
	for (int i = 0; i < RECO_NSNAPSHOTS; i++)
	{
		alteration->source = (RecoSnapshotSource) i;
		alteration->logged = is_wanted_logged(alteration->source);
		if (reco_logged_is(reco_snapshot_table(alteration->source)) != alteration->logged)
			return true;
	}
	return false;
}

static bool
is_wanted_logged(RecoSnapshotSource source)
{
	return reco_guc_is_logged(get_database_name(MyDatabaseId),
							  reco_snapshot_table(source));
}

/* Were the tables filled before? Then there is nothing to restore. */
static void
look(void)
{
	strlcpy(after.database, get_database_name(MyDatabaseId), sizeof(after.database));
	after.last = reco_snapshot_taken_at();
	after.phase = reco_snapshot_is_alive() ? PHASE_WAIT : PHASE_RESTORE;
	after.began = GetCurrentTimestamp();
}

/* Restores the next chunks. */
static void
restore(void)
{
	int			nchunks;
	RecoSnapshotChunk *chunks = reco_snapshot_next(work.category, work.bucket,
												   MOST_CHUNKS, MOST_STORED, &nchunks);

	for (int i = 0; i < nchunks; i++)
		restore_chunk(&chunks[i]);
	if (nchunks == 0)
		end_restoring();
	else
	{
		strlcpy(after.category, chunks[nchunks - 1].category, sizeof(after.category));
		after.bucket = chunks[nchunks - 1].bucket;
	}
}

/* Restores a chunk; one that is damaged is left out. A logged table has its rows. */
static void
restore_chunk(const RecoSnapshotChunk *chunk)
{
	RecoSnapshotSource source = reco_snapshot_source_of(chunk->category);
	RecoSnapshotRestored restored = after.restored[source];
	Restoration restoration = {chunk, &restored, false};
	ErrorData  *error;

	if (reco_logged_is(reco_snapshot_table(source)))
		return;
	error = try(do_restore, &restoration);
	if (error != NULL &&
		ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_DATA_EXCEPTION &&
		ERRCODE_TO_CATEGORY(error->sqlerrcode) !=
			ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION &&
		error->sqlerrcode != ERRCODE_DATA_CORRUPTED)
		ReThrowError(error);
	if (error == NULL)
		after.restored[source] = restored;
	if (error == NULL && restoration.sound)
		return;
	if (++after.restored[source].damaged > MOST_SAID)
		return;
	ereport(WARNING,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("reco keeper skips damaged chunk %d of category \"%s\" in "
					"\"reco.snapshot\"",
					chunk->bucket, chunk->category),
			 errdetail("%s.",
					   error != NULL ? error->message
									 : "Its content is not what was written"),
			 errhint("What was in it is asked for again. Delete the row.")));
}

/* Says what was restored; from here on the tables are what they should be. */
static void
end_restoring(void)
{
	reco_snapshot_set_alive();
	after.phase = PHASE_WAIT;
	after.last = 0;				/* what was denied by hand meanwhile is not in it */
	for (int i = 0; i < RECO_NSNAPSHOTS; i++)
	{
		const RecoSnapshotRestored *restored = &work.restored[i];

		/* where there was nothing, nothing was restored */
		if (restored->rows + restored->dropped + restored->damaged > 0)
			reco_snapshot_note_restored((RecoSnapshotSource) i, work.last, restored);
	}
}

/* One line for all; none where there was no snapshot. */
static void
tell_restored(void)
{
	int64		dropped = 0;
	int64		damaged = 0;
	int64		rows = 0;

	for (int i = 0; i < RECO_NSNAPSHOTS; i++)
	{
		rows += work.restored[i].rows;
		dropped += work.restored[i].dropped;
		damaged += work.restored[i].damaged;
	}
	if (rows + dropped + damaged == 0)
		return;
	ereport(
		LOG,
		(errmsg("reco restored %lld rows of id_registry, %lld of deny_list and %lld of "
				"cache in database \"%s\" in %lld ms",
				(long long) work.restored[RECO_SNAPSHOT_ID_REGISTRY].rows,
				(long long) work.restored[RECO_SNAPSHOT_DENY_LIST].rows,
				(long long) work.restored[RECO_SNAPSHOT_CACHE].rows, work.database,
				(long long) TimestampDifferenceMilliseconds(work.began,
															GetCurrentTimestamp())),
		 errdetail("The snapshot is of %s. %lld rows were no longer valid, %lld chunks "
				   "were damaged.",
				   timestamptz_to_str(work.last), (long long) dropped,
				   (long long) damaged)));
}

/*
 * Makes a table logged or unlogged. Where its lock is not to be had soon, or it cannot be
 * changed, that is tried again later. Then a snapshot is taken, with it or without it.
 */
static void
alter(Alteration *alteration)
{
	static char said[256] = "";
	const char *table = reco_snapshot_table(alteration->source);
	ErrorData  *error = try(do_alter, alteration);

	if (error == NULL)
	{
		said[0] = '\0';
		after.last = 0;
		ereport(LOG,
				(errmsg("reco made table \"reco.%s\" in database \"%s\" %s", table,
						get_database_name(MyDatabaseId),
						alteration->logged ? "logged" : "unlogged")));
		return;
	}
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(error);
	not_altered_before = GetCurrentTimestamp() +
		(error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ? BUSY_US : REFUSED_US);
	if (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		strncmp(said, error->message, sizeof(said) - 1) == 0)
		return;
	strlcpy(said, error->message, sizeof(said));
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("reco keeper could not make table \"reco.%s\" %s: %s", table,
					alteration->logged ? "logged" : "unlogged", error->message),
			 errhint("It is tried again every minute while "
					 "\"reco.logged_tables\" says so.")));
}

static void
begin_taking(void)
{
	after.phase = PHASE_TAKE;
	after.began = GetCurrentTimestamp();
	after.bytes = (int64) reco_guc_snapshot_size * 1024;
	after.source = (RecoSnapshotSource) 0;
	begin_source();
}

/* Looks which chunks of a table have changed. A logged one has none. */
static void
begin_source(void)
{
	MemoryContext old;

	if (chunk_context == NULL)
		chunk_context = AllocSetContextCreate(TopMemoryContext, "reco snapshot chunks",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(chunk_context);
	after.chunks = NULL;
	after.nchunks = after.done = 0;
	if (reco_logged_is(reco_snapshot_table(after.source)))
	{
		reco_snapshot_clear(after.source);
		return;
	}
	reco_snapshot_cut(after.source, after.bytes, &after.cut);
	after.bytes -= after.cut.bytes;
	old = MemoryContextSwitchTo(chunk_context);
	after.chunks = reco_snapshot_changed(after.source, &after.cut, &after.nchunks);
	MemoryContextSwitchTo(old);
}

/* Writes the next chunks, or goes on to the next table. */
static void
take(void)
{
	int			n = 0;
	int64		bytes = 0;

	if (work.done == work.nchunks)
	{
		after.source = (RecoSnapshotSource) (work.source + 1);
		if (after.source == RECO_NSNAPSHOTS)
			end_taking();
		else
			begin_source();
		return;
	}
	while (work.done + n < work.nchunks && n < MOST_CHUNKS &&
		   (n == 0 || bytes + work.chunks[work.done + n].bytes <= MOST_BYTES))
		bytes += work.chunks[work.done + n++].bytes;
	reco_snapshot_write(work.source, work.chunks + work.done, n, &work.cut);
	after.done += n;
}

static void
end_taking(void)
{
	for (int i = 0; i < RECO_NSNAPSHOTS; i++)
	{
		RecoSnapshotSource source = (RecoSnapshotSource) i;

		reco_snapshot_note_taken(source,
								 reco_logged_is(reco_snapshot_table(source))
									 ? 0
									 : work.began);
	}
	reco_keeper_chore_went(RECO_CHORE_SNAPSHOT, 0);
	after.phase = PHASE_WAIT;
	after.last = work.began;
	MemoryContextReset(chunk_context);
	after.chunks = NULL;
	after.nchunks = after.done = 0;
}

static void
do_restore(void *argument)
{
	Restoration *restoration = argument;

	restoration->sound = reco_snapshot_restore(restoration->chunk, restoration->restored);
}

static void
do_alter(void *argument)
{
	Alteration *alteration = argument;

	reco_logged_set(reco_snapshot_table(alteration->source), alteration->logged);
}

/* Does something in a subtransaction; what went wrong, NULL = nothing. */
static ErrorData *
try(void (*action)(void *), void *argument)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		action(argument);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}
