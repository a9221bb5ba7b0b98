/*-------------------------------------------------------------------------
 *
 * artifacts.c
 *	  What a run leaves behind for the listener's next one.
 *
 * Purpose: see artifacts.h. One value for each listener, of the latest run: what its mood
 *			was, and the lines of its memo (source/memo.h).
 * Runs in: wherever a run does.
 * Locks:	none.
 * Never:	publish what a transaction sees that has written, or whose snapshot is older
 *			than the last change; reuse what such a one must not see.
 *
 * What ends results ends them: an entry of the buffer begins with the epochs that the run
 * began in (result_epoch.h), so a judgement or a change of the catalogue ends it. A play
 * ends only what is known of the listener. What is found only in the table may be older
 * than the epochs: it counts where the catalogue is the one it was made from, and without
 * what is known of the listener.
 *
 *-------------------------------------------------------------------------
 */
#include "artifacts.h"

#include <math.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "catalogue/change.h"
#include "catalogue/facet.h"
#include "common/hashfn.h"
#include "common/pg_prng.h"
#include "guc.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "result.h"
#include "shmem/cached.h"
#include "shmem/cached_use.h"
#include "shmem/result_epoch.h"
#include "shmem/shared.h"
#include "source/memo.h"
#include "source/memo_line.h"
#include "source/remote.h"
#include "store/cache.h"
#include "store/sql.h"
#include "utils/timestamp.h"

#define HEADER			64		/* epochs, catalogue, beginning: 16 characters each */
#define EPOCHS			32
#define MOST_BYTES		(512 * 1024)
#define THOUSANDTHS		1000

/* What a mood asks for, as far as differences are told. */
typedef struct Mood
{
	int64		targets[RECO_NCOLUMNS]; /* in thousandths; PG_INT64_MIN = none */
	int			era_from;
	int			era_to;
	uint16		forbid;
	List	   *words;			/* of char *: "calm", "not sad" */
} Mood;

struct RecoArtifacts
{
	RecoMemo   *memo;
	bool		shared;			/* with the listener's other runs */
	RecoCachePolicy policy;
	uint64		epoch;			/* of reco_cache_invalidate, as the run began */
	RecoResultEpoch epochs;
	uint64		catalogue;
	RecoCachedKey key;
	bool		found;
	TimestampTz made_at;		/* when the earlier run began */
	Mood		mood;			/* the earlier run's */
};

static bool is_shared(const RecoRun *run);
static void load(RecoArtifacts *artifacts);
static const char *find(RecoArtifacts *artifacts, bool *listener);
static const char *find_in_table(RecoArtifacts *artifacts);
static char *write_header(const RecoArtifacts *artifacts, TimestampTz began);
static bool read_header(const char *value, uint64 *numbers);
static void write_mood(StringInfo text, const Mood *mood);
static bool read_mood(char *text, Mood *mood);
static void take_mood(const RecoRun *run, Mood *mood);
static void count(const RecoArtifacts *artifacts, bool table, bool stale);
static char *difference_of(const RecoRun *run);

/* Opens them for a run. */
void
reco_artifacts_open(RecoRun *run)
{
	RecoArtifacts *artifacts;

	if (!reco_guc_artifacts)
		return;
	artifacts = palloc0(sizeof(RecoArtifacts));
	artifacts->memo = reco_memo_open(run->context);
	run->artifacts = artifacts;
	reco_source_remember(run->source, artifacts->memo);
	if (!is_shared(run))
		return;
	reco_cache_policy(reco_category_name(RECO_CATEGORY_ARTIFACTS), &artifacts->policy);
	if (artifacts->policy.fresh_us <= 0)
		return;

	/* the state first, then whatever the run reads: what comes between makes it void */
	artifacts->epoch = reco_cached_epoch(MyDatabaseId);
	reco_result_epoch_read(MyDatabaseId, run->request->user_id, &artifacts->epochs);
	artifacts->shared =
		reco_sql_sees(Max(Max(artifacts->epochs.moved_at, artifacts->epochs.stale_at),
						  reco_cached_moved_at(MyDatabaseId)));
	if (!artifacts->shared)
		return;
	artifacts->shared = reco_change_read(NULL, &artifacts->catalogue);
	if (!artifacts->shared)
		return;
	artifacts->key.database = MyDatabaseId;
	artifacts->key.extension = reco_sql_extension();
	artifacts->key.category = RECO_CATEGORY_ARTIFACTS;
	artifacts->key.key = reco_remote_key(
		psprintf("%s%c%016llx", run->request->user_id, RECO_CACHED_SEPARATOR,
				 (unsigned long long) hash_combine64(reco_result_servers(GetUserId()),
													 GetUserId())));
	load(artifacts);
}

/*
 * May a run share anything with others of its listener? Not on a standby, where nobody
 * tells that a listener has played or judged something.
 */
static bool
is_shared(const RecoRun *run)
{
	return reco_shared != NULL && run->request->ranked == 0 &&
		!IsolationUsesXactSnapshot() &&
		!TransactionIdIsValid(GetTopTransactionIdIfAny()) && !RecoveryInProgress();
}

/* Takes what the listener's last run left. */
static void
load(RecoArtifacts *artifacts)
{
	bool		listener;
	const char *value = find(artifacts, &listener);
	char	   *mood;
	char	   *end;

	if (value == NULL)
		return;
	mood = pstrdup(value + HEADER);
	end = strchr(mood, '\n');
	if (end == NULL)
		return;
	*end = '\0';
	artifacts->found = read_mood(mood, &artifacts->mood);
	if (artifacts->found)
		reco_memo_load(artifacts->memo, value + HEADER + (end - mood) + 1, listener);
}

/* Finds it, in the buffer or else in the table; in the database's encoding. */
static const char *
find(RecoArtifacts *artifacts, bool *listener)
{
	RecoCachedValue value;
	uint64		numbers[HEADER / 16];
	const char *text;

	*listener = false;
	if (!reco_cached_get(&artifacts->key, &value))
	{
		text = find_in_table(artifacts);
		if (text == NULL)
			count(NULL, false, false);
		return text;
	}
	if (!read_header(value.value, numbers) || numbers[0] != artifacts->epochs.all ||
		numbers[1] != artifacts->epochs.listener || numbers[2] != artifacts->catalogue)
	{
		count(NULL, false, false);
		return NULL;
	}
	artifacts->made_at = (TimestampTz) numbers[3];
	*listener = artifacts->made_at > artifacts->epochs.stale_at;
	count(artifacts, false, value.fresh_until <= GetCurrentTimestamp());
	return reco_remote_text(value.value);
}

/* Finds it in the table. */
static const char *
find_in_table(RecoArtifacts *artifacts)
{
	const char *keys[1] = {reco_remote_text(artifacts->key.key)};
	uint64		numbers[HEADER / 16];
	RecoCacheRow *rows;
	int			n;

	rows = reco_cache_read(reco_category_name(RECO_CATEGORY_ARTIFACTS), keys, 1, &n);
	if (n == 0 || rows[0].absent || !read_header(rows[0].value, numbers) ||
		numbers[2] != artifacts->catalogue)
		return NULL;
	artifacts->made_at = (TimestampTz) numbers[3];
	count(artifacts, true, rows[0].fresh_until <= GetCurrentTimestamp());
	return rows[0].value;
}

static void
count(const RecoArtifacts *artifacts, bool table, bool stale)
{
	RecoCachedCount *counts = &reco_cached_counts[RECO_CATEGORY_ARTIFACTS];

	pg_atomic_fetch_add_u64(artifacts == NULL ? &counts->misses
								: stale		  ? &counts->stale
								: table		  ? &counts->table_hits
											  : &counts->hits,
							1);
}

static char *
write_header(const RecoArtifacts *artifacts, TimestampTz began)
{
	return psprintf("%016llx%016llx%016llx%016llx",
					(unsigned long long) artifacts->epochs.all,
					(unsigned long long) artifacts->epochs.listener,
					(unsigned long long) artifacts->catalogue,
					(unsigned long long) began);
}

static bool
read_header(const char *value, uint64 *numbers)
{
	if (strnlen(value, HEADER) < HEADER)
		return false;
	for (int i = 0; i < HEADER / 16; i++)
	{
		char		digits[17];
		char	   *end;

		memcpy(digits, value + 16 * i, 16);
		digits[16] = '\0';
		numbers[i] = strtou64(digits, &end, 16);
		if (end != digits + 16)
			return false;
	}
	return true;
}

/* Leaves them for the next run. */
void
reco_artifacts_publish(const RecoRun *run)
{
	const RecoArtifacts *artifacts = run->artifacts;
	RecoCachedValue value = {0};
	StringInfoData text;
	Mood		mood;
	double		share;

	if (artifacts == NULL || !artifacts->shared || !run->complete || run->partial ||
		reco_source_is_behind(run->source))
		return;
	initStringInfo(&text);
	appendStringInfoString(&text, write_header(artifacts, run->started));
	take_mood(run, &mood);
	write_mood(&text, &mood);
	appendStringInfoString(&text, reco_memo_write(artifacts->memo));
	if (text.len > MOST_BYTES)
		return;
	share =
		1 + artifacts->policy.jitter * (2 * pg_prng_double(&pg_global_prng_state) - 1);
	value.fetched_at = GetCurrentTimestamp();
	value.fresh_until = value.fetched_at + (int64) (artifacts->policy.fresh_us * share);
	value.usable_until = value.fetched_at +
		(int64) (Max(artifacts->policy.usable_us, artifacts->policy.fresh_us) * share);
	value.value = reco_remote_key(text.data);
	value.len = strlen(value.value);
	(void) reco_cached_put(&artifacts->key, &value, false, artifacts->epoch);
}

bool
reco_artifacts_found(const RecoRun *run)
{
	return run->artifacts != NULL && run->artifacts->found;
}

/* Takes what a run's mood asks for. */
static void
take_mood(const RecoRun *run, Mood *mood)
{
	const RecoFit *fit = &run->fit;

	memset(mood, 0, sizeof(*mood));
	for (int f = 0; f < RECO_NCOLUMNS; f++)
		mood->targets[f] = fit->targets[f].weight > 0
			? (int64) rint((double) fit->targets[f].mean * THOUSANDTHS)
			: PG_INT64_MIN;
	mood->era_from = run->era_from;
	mood->era_to = run->era_to;
	mood->forbid = fit->forbid;
	for (int i = 0; i < run->mood.nphrases; i++)
		if (run->mood.phrases[i].nwords == 1)
			mood->words =
				lappend(mood->words,
						psprintf("%s%s", run->mood.phrases[i].negated ? "not " : "",
								 run->mood.phrases[i].stem));
	for (int i = 0; i < run->nnames; i++)
		mood->words = lappend(mood->words, pstrdup(run->names[i]->name));
	for (int i = 0; i < run->nmentioned_tracks; i++)
		mood->words = lappend(mood->words, pstrdup(run->mentioned_tracks[i]->title));
}

static void
write_mood(StringInfo text, const Mood *mood)
{
	ListCell   *cell;

	for (int f = 0; f < RECO_NCOLUMNS; f++)
		appendStringInfo(text, INT64_FORMAT "\t", mood->targets[f]);
	appendStringInfo(text, "%d\t%d\t%d\t", mood->era_from, mood->era_to, mood->forbid);
	foreach (cell, mood->words)
		reco_memo_put(text, lfirst(cell));
	appendStringInfoChar(text, '\n');
}

/* Reads what write_mood wrote; the words point into the text. */
static bool
read_mood(char *text, Mood *mood)
{
	int64		numbers[RECO_NCOLUMNS + 3];
	char	   *word;

	for (int i = 0; i < lengthof(numbers); i++)
	{
		char	   *field = reco_memo_next(&text);
		char	   *end;

		if (field == NULL)
			return false;
		numbers[i] = strtoi64(field, &end, 10);
		if (end == field || *end != '\0')
			return false;
	}
	memcpy(mood->targets, numbers, sizeof(mood->targets));
	mood->era_from = (int) numbers[RECO_NCOLUMNS];
	mood->era_to = (int) numbers[RECO_NCOLUMNS + 1];
	mood->forbid = (uint16) numbers[RECO_NCOLUMNS + 2];
	while ((word = reco_memo_next(&text)) != NULL)
		mood->words = lappend(mood->words, word);
	return true;
}

/* Appends one difference. */
static void
differ(StringInfo text, const char *format, ...)
{
	va_list		arguments;
	char		one[256];

	va_start(arguments, format);
	vsnprintf(one, sizeof(one), format, arguments);
	va_end(arguments);
	appendStringInfo(text, "%s%s", text->len > 0 ? ", " : "", one);
}

static bool
has_word(const List *words, const char *word)
{
	ListCell   *cell;

	foreach (cell, words)
		if (strcmp(lfirst(cell), word) == 0)
			return true;
	return false;
}

/* Appends the words of one list that the other lacks. */
static void
differ_by_words(StringInfo text, char sign, const List *words, const List *others)
{
	ListCell   *cell;

	foreach (cell, words)
		if (!has_word(others, lfirst(cell)))
			appendStringInfo(text, "%s%c%s", text->len > 0 ? ", " : "", sign,
							 (const char *) lfirst(cell));
}

/* Appends a target, as it is or as it is not. */
static char *
target_text(int column, int64 thousandths)
{
	bool		share = column < RECO_LOUDNESS || column == RECO_MODE;

	if (thousandths == PG_INT64_MIN)
		return pstrdup("any");
	return psprintf(share ? "%.2f" : "%.0f", (double) thousandths / THOUSANDTHS);
}

void
reco_artifacts_conclude(RecoRun *run)
{
	run->reused.on = run->artifacts != NULL;
	run->reused.difference = difference_of(run);
	if (run->reused.difference != NULL)
		run->reused.age_us = run->started - run->artifacts->made_at;
}

/* Tells by what the mood differs from the earlier run's. */
static char *
difference_of(const RecoRun *run)
{
	StringInfoData text;
	const Mood *before;
	Mood		now;

	if (!reco_artifacts_found(run))
		return NULL;
	before = &run->artifacts->mood;
	take_mood(run, &now);
	initStringInfo(&text);
	differ_by_words(&text, '+', now.words, before->words);
	differ_by_words(&text, '-', before->words, now.words);
	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		char	   *was = target_text(f, before->targets[f]);
		char	   *is = target_text(f, now.targets[f]);

		if (strcmp(was, is) != 0)
			differ(&text, "%s %s -> %s", reco_feature_name(f), was, is);
	}
	if (now.era_from != before->era_from || now.era_to != before->era_to)
		differ(&text, "years %d to %d -> %d to %d", before->era_from, before->era_to,
			   now.era_from, now.era_to);
	for (int i = 0; i < RECO_NFACETS; i++)
		if (((now.forbid ^ before->forbid) >> i) & 1)
			differ(&text, "%s %s", reco_facet_name(i),
				   ((now.forbid >> i) & 1) ? "left out" : "let in");
	return text.data;
}

/* What became of a stage. */
const char *
reco_artifacts_stage(const RecoRun *run, RecoStage stage)
{
	const RecoStageRecord *record = &run->stages[stage];

	if (record->asked + record->reused == 0)
		return NULL;
	return record->asked == 0 ? "reused" : record->reused == 0 ? "again" : "in part";
}

/* Why a stage is what it is. */
static const char *
reason_of(const RecoRun *run, RecoStage stage)
{
	switch (stage)
	{
		case RECO_STAGE_TOP_TRACKS:
		case RECO_STAGE_TOP_ARTISTS:
			return "what the listener plays";
		case RECO_STAGE_NAMES:
			return "names, and tracks of the named artists";
		case RECO_STAGE_DISCOVER:
			return "what fits a mood is searched for each time";
		case RECO_STAGE_ANCHORS:
			return "facts of negative seeds";
		case RECO_STAGE_USER_ANCHORS:
		case RECO_STAGE_ARTIST_DISCOVERY:
			return "artists' tracks are weighed anew; what is near is searched for";
		case RECO_STAGE_SEED_BASED:
			return "what is near is searched for each time";
		default:
			return "facts of candidates";
	}
}

/* Adds all that to the lines of an explanation. */
List *
reco_artifacts_explain(const RecoRun *run, List *lines)
{
	int			asked = 0;
	int			reused = 0;
	const char *difference = run->reused.difference;

	for (int s = 0; s < RECO_NSTAGES; s++)
	{
		asked += run->stages[s].asked;
		reused += run->stages[s].reused;
	}
	if (difference == NULL)
		return lappend(lines,
					   psprintf("Artifacts: none%s; asked %d keys",
								run->reused.on ? "" : " (off)", asked));
	lines =
		lappend(lines,
				psprintf("Artifacts: of a run %.1f s ago (mood: %s); asked %d keys, "
						 "reused %d",
						 (double) run->reused.age_us / 1000000,
						 difference[0] == '\0' ? "the same" : difference, asked, reused));
	for (int s = 0; s < RECO_NSTAGES; s++)
		if (reco_artifacts_stage(run, s) != NULL)
			lines = lappend(lines,
							psprintf("  %-18s %-8s (%d of %d keys reused)  %s",
									 reco_run_stage_name(s), reco_artifacts_stage(run, s),
									 run->stages[s].reused,
									 run->stages[s].asked + run->stages[s].reused,
									 reason_of(run, s)));
	return lines;
}
