/*-------------------------------------------------------------------------
 *
 * deadline.c
 *	  What holds a run to its deadline, whatever does not answer.
 *
 * Purpose: see deadline.h.
 * Runs in: wherever a run does.
 * Locks:	none.
 * Never:	let one that does not answer take what others need.
 *
 *-------------------------------------------------------------------------
 */
#include "deadline.h"

#include "catalogue/text.h"
#include "json_write.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "result.h"
#include "store/patience.h"
#include "upstream/outcome.h"

#define LEAST_RESERVE	((int64) 20 * 1000) /* us */
#define RESERVE_SHARE	5		/* of the deadline is at most a fifth for that */
#define TAIL_MARGIN		1.5		/* and for writing the result */
#define TAIL_MEMORY		8		/* runs */
#define NSIZES			10
#define LOCKS_SHARE		8		/* of the deadline is an eighth for locked tables */
#define MOST_FOR_LOCKS	((int64) 1000 * 1000)	/* us: longer waits are for jobs */

/* How long lists took from the last answer on, in us, by size: powers of two. */
static int64 tails[NSIZES];

static int
bucket_of(int size)
{
	return Min(pg_leftmost_one_pos32((uint32) Max(size, 1)), NSIZES - 1);
}

/* What is kept back for ranking, and for making the list. */
int64
reco_run_reserve(const RecoRequest *request)
{
	int64		most = (int64) request->deadline_ms * 1000 / RESERVE_SHARE;
	int64		tail = tails[bucket_of(request->size)] * TAIL_MARGIN;

	return Min(Max(tail, LEAST_RESERVE), most);
}

/* Learns how long it takes: at once where it takes longer, slowly where it does not. */
void
reco_run_note_tail(const RecoRun *run)
{
	int64	   *tail = &tails[bucket_of(run->request->size)];
	int64		taken = run->total_us - run->stages[RECO_STAGE_RANK].start_us;

	/* who waited tells nothing about work */
	if (run->missed != 0)
		return;
	for (int s = RECO_STAGE_RANK; s < RECO_NSTAGES; s++)
		taken -= run->stages[s].wait_us;
	*tail = taken > *tail ? taken : *tail + (taken - *tail) / TAIL_MEMORY;
}

/* How long a run may wait for locked tables in all. */
int64
reco_run_patience(const RecoRequest *request)
{
	return Min((int64) request->deadline_ms * 1000 / LOCKS_SHARE, MOST_FOR_LOCKS);
}

/* Notes which tables could not be read. A list that lacks facts is not complete. */
void
reco_run_note_missed(RecoRun *run)
{
	run->missed = reco_patience_missed();
	if (run->missed & RECO_READS_FACTS)
		run->complete = false;
}

/* Reads the tables among what a record says that was missing. */
uint32
reco_run_missed_of(JsonbContainer *missing)
{
	uint32		missed = 0;

	if (missing == NULL || !JsonContainerIsArray(missing))
		return 0;
	for (uint32 i = 0; i < JsonContainerSize(missing); i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(missing, i);
		char	   *name;

		if (value == NULL || value->type != jbvString)
			continue;
		name = pnstrdup(value->val.string.val, value->val.string.len);
		for (int t = 0; t < RECO_NTABLES; t++)
			if (strncmp(name, "reco.", 5) == 0 &&
				strcmp(name + 5, reco_table_name(t)) == 0)
				missed |= (uint32) 1 << t;
	}
	return missed;
}

/*
 * Does an outcome mean that a service is of no use now? What it refuses for good, or does
 * not have, is nothing that is missing.
 */
static bool
is_silent(const RecoFallback *fallback)
{
	RecoOutcome why = fallback->why;

	return !fallback->spared &&
		(reco_outcome_is_retryable(why) || why == RECO_OUTCOME_QUOTA ||
		 why == RECO_OUTCOME_UNAUTHORISED);
}

/* Writes the names of services that did not answer, each once. */
void
reco_run_put_silent(StringInfo json, const RecoRun *run)
{
	int			n;
	const RecoFallback *fallbacks = reco_source_fallbacks(run->source, &n);

	for (int i = 0; i < n; i++)
	{
		bool		told = false;

		for (int k = 0; k < i && !told; k++)
			told = is_silent(&fallbacks[k]) &&
				strcmp(fallbacks[k].server, fallbacks[i].server) == 0;
		if (!told && is_silent(&fallbacks[i]))
			put_string(json, NULL, fallbacks[i].server);
	}
}

/* Tells which tables a run went without. */
List *
reco_run_explain_missed(const RecoRun *run, List *lines)
{
	StringInfoData names;

	if (run->missed == 0)
		return lines;
	initStringInfo(&names);
	for (int t = 0; t < RECO_NTABLES; t++)
		if ((run->missed >> t) & 1)
			appendStringInfo(&names, "%sreco.%s", names.len > 0 ? ", " : "",
							 reco_table_name(t));
	return lappend(lines,
				   psprintf("Not read, as others had locked them: %s", names.data));
}

/* Notes a name that is excluded, and that nobody could look up. */
void
reco_run_exclude_name(RecoRun *run, const char *name)
{
	RecoTextTools tools;
	char	   *fold;

	reco_text_open(&tools);
	fold = reco_text_fold(&tools, name);
	if (fold[0] == '\0')
		return;
	run->open_names = run->open_names == NULL
		? palloc(sizeof(char *))
		: repalloc(run->open_names, sizeof(char *) * (run->nopen_names + 1));
	run->open_names[run->nopen_names++] = fold;
}

/* Is a track's credit free of such names? Rather too few tracks than one too many. */
bool
reco_run_may_list(const RecoRun *run, const RecoTrack *track)
{
	RecoTextTools tools;
	char	   *credit;

	if (run->nopen_names == 0)
		return true;
	if (track->artist == NULL)
		return false;
	reco_text_open(&tools);
	credit = reco_text_fold(&tools, track->artist);
	for (int i = 0; i < run->nopen_names; i++)
		if (strstr(credit, run->open_names[i]) != NULL)
			return false;
	return true;
}

/* Raises the ERROR that says why there is no list. */
void
reco_run_fail(const RecoRun *run)
{
	if (run->missed & (RECO_READS(TRACK) | RECO_READS(CHANGE)))
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("the catalogue cannot be read now"),
				 errdetail("Another session has locked table reco.%s, and no copy of the "
						   "catalogue is at hand.",
						   run->missed & RECO_READS(TRACK) ? "track" : "change"),
				 errhint("Try again, or see pg_locks for who holds the lock.")));
	if (reco_result_servers(GetUserId()) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the catalogue is empty, and no service told a track in time"),
				 errhint("Import tracks with reco_catalogue_import(), or try "
						 "reco_demo_catalogue(); reco_doctor() and reco_stat_upstream show "
						 "how the services are.")));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the catalogue is empty"),
			 errhint("Import tracks with reco_catalogue_import(), or try "
					 "reco_demo_catalogue().")));
}
