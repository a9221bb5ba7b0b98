/*-------------------------------------------------------------------------
 *
 * keeper_matrix.c
 *	  What a keeper does for scans: it keeps the shared matrix up to date.
 *
 * Purpose: read the catalogue anew when it has changed, a few pages at a time, and offer
 *			the result to all backends of the database.
 * Runs in: the keeper of a database; steps are in a transaction of the caller's.
 * Locks:	those of the engine's SELECTs, and of shmem/matrix_shared.h.
 * Never:	take longer than a moment for a step; take more of the time than its share.
 *
 * Steps have transactions of their own, so that the buffer is drained in between, and no
 * snapshot is held for long. If the catalogue changes meanwhile, pages of different
 * states come together: each track is there once, in one of them. That is good enough to
 * search in, for what a list tells of a track is read from the tables; it is marked as
 * not exact, and the next one follows. A catalogue that changes all the time would else
 * never be read to its end.
 *
 *-------------------------------------------------------------------------
 */
#include "keeper.h"

#include "catalogue/change.h"
#include "catalogue/matrix.h"
#include "commands/dbcommands.h"
#include "guc.h"
#include "miscadmin.h"
#include "shmem/matrix_shared.h"
#include "shmem/result_epoch.h"
#include "shmem/shared.h"
#include "utils/timestamp.h"

#define STEP_US		(50 * INT64CONST(1000))
#define REST		4			/* times what a matrix took, until the next one */
#define LOOK_US		(10 * INT64CONST(1000000))	/* for what no commit here told of */
#define PAUSE_US	(10 * INT64CONST(1000000))	/* after an error, at least */
#define PAUSE_REST	10			/* times what it took until then, at least */

/* The one that is being read; NULL = none. */
static RecoMatrix *building = NULL;
static int64 building_us = 0;
static bool making = false;		/* its segment */
static bool news = false;		/* of what services told */

static TimestampTz next_build = 0;
static TimestampTz next_look = 0;
static uint64 seen_epoch = 0;	/* 0 = never looked */
static int	seen_limit = 0;

/* The state and limit of one that was too large. */
static bool too_large = false;
static uint64 too_large_token = 0;
static uint64 too_large_learned = 0;

static bool begin(Oid extension);
static bool is_too_large(uint64 token, uint64 learned);
static void offer(Oid extension);
static void refuse(Size bytes);
static void give_up_building(void);
static uint64 epoch_now(void);

/* In how many ms there may be something to do; 0 = now. */
int64
reco_keeper_matrix_due(void)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz due = next_look;

	if (building != NULL)
		return 0;
	if (seen_limit != reco_guc_matrix_memory)
		return 0;
	if (news || seen_epoch != epoch_now())
		due = next_build;
	return due <= now ? 0 : TimestampDifferenceMilliseconds(now, due) + 1;
}

void
reco_keeper_matrix_look(void)
{
	news = true;
}

/* Does one step; returns whether another one follows. */
bool
reco_keeper_matrix_step(Oid extension)
{
	int64		begun = reco_now_us();
	bool		done;

	if (building == NULL && !begin(extension))
		return false;
	done = reco_matrix_load(building, GetCurrentTimestamp() + STEP_US);
	building_us += reco_now_us() - begun;
	if (done)
		offer(extension);
	return !done;
}

/* Looks whether a new one is wanted, and begins it. */
static bool
begin(Oid extension)
{
	uint64		epoch = epoch_now();	/* first: what commits now is seen next */
	uint64		token;
	uint64		learned;
	RecoMatrixFacts facts;

	(void) reco_change_read("catalogue", &token);
	(void) reco_change_read(RECO_CHANGE_LEARNED, &learned);
	(void) reco_matrix_facts(MyDatabaseId, &facts);
	news = false;
	seen_epoch = epoch;
	next_look = GetCurrentTimestamp() + LOOK_US;
	if (seen_limit != reco_guc_matrix_memory)
		too_large = false;
	seen_limit = reco_guc_matrix_memory;
	if (facts.offered &&
		(facts.extension != extension || facts.bytes > (Size) seen_limit * 1024))
	{
		reco_matrix_withdraw();
		facts.offered = false;
	}
	if (seen_limit == 0)
	{
		reco_matrix_note_problem("reco.matrix_memory is 0");
		return false;
	}
	if (is_too_large(token, learned) ||
		(facts.offered && facts.exact && facts.token == token &&
		 facts.learned == learned))
		return false;
	building = reco_matrix_begin(token, learned);
	building_us = 0;
	reco_matrix_note_building(true);
	return true;
}

/* Was a catalogue of this state too large? */
static bool
is_too_large(uint64 token, uint64 learned)
{
	return too_large && too_large_token == token && too_large_learned == learned;
}

/* Offers what was read. */
static void
offer(Oid extension)
{
	int64		begun = reco_now_us();
	RecoMatrixFacts facts = {0};
	uint64		token;
	Size		bytes;

	(void) reco_change_read("catalogue", &token);
	building->exact = token == building->token;
	building->complete = true;
	reco_matrix_finish(building);
	bytes = reco_matrix_image_size(building);
	if (bytes + RECO_MATRIX_HEAD > (Size) seen_limit * 1024)
		refuse(bytes);
	else
	{
		making = true;
		reco_matrix_image_write(building, reco_matrix_make(bytes));
		making = false;
		facts.extension = extension;
		facts.token = building->token;
		facts.learned = building->learned;
		facts.exact = building->exact;
		facts.rows = building->plane.nrows;
		facts.built_us = building_us + (reco_now_us() - begun);
		reco_matrix_offer(&facts);
		too_large = false;
	}
	building_us += reco_now_us() - begun;
	next_build = GetCurrentTimestamp() + REST * building_us;
	reco_matrix_drop(building);
	building = NULL;
}

/* Says once that it needs more memory than it may have. */
static void
refuse(Size bytes)
{
	reco_matrix_withdraw();
	reco_matrix_note_problem(psprintf("it needs %zu kB, reco.matrix_memory allows less",
									  (bytes + 1023) / 1024));
	if (!too_large)
		ereport(LOG,
				(errmsg("the catalogue of database \"%s\" needs %zu kB of shared memory, "
						"reco.matrix_memory allows %d kB",
						get_database_name(MyDatabaseId), (bytes + 1023) / 1024,
						seen_limit),
				 errdetail("Each session that searches it reads a copy of its own."),
				 errhint("Raise reco.matrix_memory, and reload the configuration.")));
	too_large = true;
	too_large_token = building->token;
	too_large_learned = building->learned;
}

/*
 * After an ERROR in a step: what it had is gone. The next try comes after a pause. Where
 * there was no room for the next one beside the former, that goes, too: it would be used
 * for ever, and there may be room then.
 */
void
reco_keeper_matrix_failed(const char *message)
{
	give_up_building();
	if (making)
		reco_matrix_withdraw();
	making = false;
	seen_limit = reco_guc_matrix_memory;
	seen_epoch = epoch_now();
	next_build = next_look =
		GetCurrentTimestamp() + Max(PAUSE_US, PAUSE_REST * building_us);
	reco_matrix_note_problem(message);
}

/* Nobody keeps the matrix up to date any more: there shall be none. */
void
reco_keeper_matrix_leave(void)
{
	give_up_building();
	reco_matrix_withdraw();
}

static void
give_up_building(void)
{
	if (building != NULL)
		reco_matrix_drop(building);
	building = NULL;
}

static uint64
epoch_now(void)
{
	RecoResultEpoch epoch;

	reco_result_epoch_read(MyDatabaseId, "", &epoch);
	return epoch.all;
}
