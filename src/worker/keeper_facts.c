/*-------------------------------------------------------------------------
 *
 * keeper_facts.c
 *	  What services told becomes a part of the catalogue.
 *
 * Purpose: see keeper_facts.h. Answers wait in this process, as many as there is room
 *			for; a step writes some of them, or removes what is out of date, or lets
 *			copies of the catalogue in memory take in what is new.
 * Runs in: the keeper of a database; steps are in a transaction of the caller's.
 * Locks:	those of catalogue/learned.h.
 * Never:	wait for the catalogue's tables; forget an answer before what it tells is
 *			committed, unless there is no room; take more of the time than its share for
 *			what all copies of the catalogue have to read anew.
 *
 * What was learned changes no generation: a list that is kept stays what it is until it
 * expires. So copies of the catalogue need not have it at once. They are told when making
 * one took a hundredth of the time since they were told last.
 *
 *-------------------------------------------------------------------------
 */
#include "keeper_facts.h"

#include "catalogue/change.h"
#include "catalogue/learned.h"
#include "catalogue/lexicon.h"
#include "catalogue/matrix.h"
#include "guc.h"
#include "keeper.h"
#include "lib/ilist.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "shmem/matrix_shared.h"
#include "shmem/shared.h"
#include "source/remote.h"
#include "upstream/told.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define MOST_ANSWERS	200		/* of one step */
#define MOST_BYTES		((Size) 2 * 1024 * 1024)	/* likewise */
#define ROOM			((Size) 32 * 1024 * 1024)	/* for those that wait */
#define MOST_REMOVED	2000	/* rows, in one step */
#define MOST_SWEPT		2000	/* tracks that one step looks at */
#define SECOND			INT64CONST(1000000)
#define GATHER_US		(SECOND / 2)	/* for the features that follow a list */
#define LOCKED_US		(SECOND / 2)	/* until the tables are looked at again */
#define AGAIN_US		SECOND	/* after an ERROR; doubles */
#define MOST_DOUBLED	6
#define CARE_US			(10 * SECOND)
#define SHARE			100		/* of the time, for what is not done for each answer */
#define PUBLISH_US		(2 * SECOND)	/* at least, between two of these */
#define UNSHARED_US		(600 * SECOND)	/* ... where every session has to read it */
#define LEXICON_US		(5 * SECOND)

/* An answer that waits; in 'waiting'. */
typedef struct Answer
{
	dlist_node	node;
	RecoCategory category;
	TimestampTz fetched_at;
	Size		size;
	char	   *key;
	char	   *value;			/* NULL = absent */
} Answer;

/* What waits, oldest first; and what a round took that is not committed. */
static struct
{
	MemoryContext context;		/* NULL = there was nothing yet */
	Oid			extension;
	dlist_head	waiting;
	dlist_head	taken;
	int			nwaiting;
	Size		bytes;			/* of both */
	int64		lost;			/* since the figures were written */
} queue;

/* What is done; one that fails waits by itself, and holds up none of the others. */
typedef enum Task
{
	TASK_NONE = 0,
	TASK_WRITE,
	TASK_CARE,
	TASK_PUBLISH,
	TASK_LEXICON,
	NTASKS
} Task;

static int64 next[NTASKS] = {0};	/* not before; of the monotonic clock, in us */
static int	failures[NTASKS] = {0}; /* in a row */
static int64 unpublished = 0;	/* rows */
static bool genres = false;		/* the lexicon could learn */

/* What the step that is under way does, until it is committed. */
static struct
{
	Task		task;
	int			nanswers;
	bool		published;
	bool		lexicon;
	RecoLearnedCounts counts;
} step;

static void forget(Answer *answer);
static void forget_oldest(void);
static bool is_wanted(Task task);
static bool do_task(Task task);
static void put_off(Task task, int64 until);
static bool write_answers(void);
static int	tell(RecoTold *told);
static void write_told(RecoTold *told);
static void write_kept(const RecoLearnedRows *tracks);
static RecoLearnedRows rows_of(const RecoToldRows *rows);
static bool care(void);
static void publish(void);
static void learn_lexicon(void);

/* Forgets what a round took that was not committed, and what is another extension's. */
void
reco_keeper_facts_begin(Oid extension)
{
	dlist_mutable_iter iter;

	if (queue.context == NULL)
	{
		queue.context = AllocSetContextCreate(TopMemoryContext, "reco keeper facts",
											  ALLOCSET_DEFAULT_SIZES);
		dlist_init(&queue.waiting);
		dlist_init(&queue.taken);
	}
	dlist_foreach_modify(iter, &queue.taken)
		forget(dlist_container(Answer, node, iter.cur));
	if (queue.extension == extension && reco_guc_learn)
		return;
	while (queue.nwaiting > 0)
		forget_oldest();
	queue.extension = extension;
}

static void
forget_oldest(void)
{
	forget(dlist_head_element(Answer, node, &queue.waiting));
	queue.nwaiting--;
}

static void
forget(Answer *answer)
{
	dlist_delete(&answer->node);
	queue.bytes -= answer->size;
	pfree(answer);
}

/* Takes an answer. Where there is no room, the oldest one gives way. */
void
reco_keeper_facts_take(const RecoCachedUnwritten *entry)
{
	bool		absent = entry->value.absent;
	Size		len = absent ? 0 : entry->value.len + 1;
	Size		key_len = strlen(entry->key) + 1;
	Size		size = sizeof(Answer) + key_len + len;
	Answer	   *answer;

	if (!reco_guc_learn || !reco_told_is_of(entry->category) ||
		(absent && entry->category != RECO_OP_FEATURES) || size > ROOM ||
		(!absent && entry->value.value == NULL))
		return;
	while (queue.bytes + size > ROOM && queue.nwaiting > 0)
	{
		forget_oldest();
		queue.lost++;
	}
	if (queue.bytes + size > ROOM)
	{
		queue.lost++;
		return;
	}
	answer = MemoryContextAlloc(queue.context, size);
	answer->category = entry->category;
	answer->fetched_at = entry->value.fetched_at;
	answer->size = size;
	answer->key = (char *) (answer + 1);
	memcpy(answer->key, entry->key, key_len);

	/* what was asked for, without who answered, and how */
	answer->key[strcspn(answer->key, "\x1f")] = '\0';
	answer->value = absent ? NULL : answer->key + key_len;
	if (!absent)
		memcpy(answer->value, entry->value.value, len);
	dlist_push_tail(&queue.taken, &answer->node);
	queue.bytes += size;
}

/* What was taken counts. */
void
reco_keeper_facts_committed(void)
{
	if (queue.context == NULL || dlist_is_empty(&queue.taken))
		return;
	if (queue.nwaiting == 0)
		put_off(TASK_WRITE, reco_now_us() + GATHER_US);
	for (; !dlist_is_empty(&queue.taken); queue.nwaiting++)
		dlist_push_tail(&queue.waiting, dlist_pop_head_node(&queue.taken));
}

/* Is there anything to do of a kind? */
static bool
is_wanted(Task task)
{
	switch (task)
	{
		case TASK_WRITE:
			return queue.nwaiting > 0;
		case TASK_CARE:
			return true;
		case TASK_PUBLISH:
			return unpublished > 0;
		case TASK_LEXICON:
			return genres && unpublished == 0;
		default:
			return false;
	}
}

static void
put_off(Task task, int64 until)
{
	next[task] = Max(next[task], until);
}

/* In how many ms there may be something to do; 0 = now. */
int64
reco_keeper_facts_due(void)
{
	int64		now = reco_now_us();
	int64		due = next[TASK_CARE];

	for (Task task = TASK_WRITE; task < NTASKS; task++)
		if (is_wanted(task))
			due = Min(due, next[task]);
	return due <= now ? 0 : (due - now) / 1000 + 1;
}

/* Does one thing that is due. */
bool
reco_keeper_facts_step(Oid extension)
{
	int64		now = reco_now_us();

	memset(&step, 0, sizeof(step));
	if (RecoveryInProgress() || queue.extension != extension || !reco_learned_lock())
	{
		for (Task task = TASK_WRITE; task < NTASKS; task++)
			put_off(task, now + LOCKED_US);
		return false;
	}
	reco_change_begin_learning();
	for (Task task = TASK_WRITE; task < NTASKS; task++)
		if (is_wanted(task) && next[task] <= now)
			return do_task(task);
	return false;
}

/* Does a thing; whether there is more of it. */
static bool
do_task(Task task)
{
	step.task = task;
	switch (task)
	{
		case TASK_WRITE:
			return write_answers();
		case TASK_CARE:
			return care();
		case TASK_PUBLISH:
			publish();
			return false;
		default:
			learn_lexicon();
			return false;
	}
}

/* Notes what is committed; whether all that failed was done since. */
bool
reco_keeper_facts_done(void)
{
	int			nfailing = 0;

	failures[step.task] = 0;
	for (int i = 0; i < step.nanswers; i++)
		forget_oldest();
	unpublished += step.counts.tracks + step.counts.features + step.counts.labelled +
		step.counts.removed;
	genres = (genres && !step.lexicon) || step.counts.genres;
	queue.lost -= step.counts.lost;
	if (step.published)
	{
		unpublished = 0;
		reco_keeper_matrix_look();
	}
	memset(&step, 0, sizeof(step));
	for (Task task = TASK_WRITE; task < NTASKS; task++)
		nfailing += failures[task] > 0 && is_wanted(task);
	return nfailing == 0;
}

/* After an ERROR: the same is tried again, after a pause; if none was begun, all. */
void
reco_keeper_facts_failed(void)
{
	int64 until = reco_now_us() + (AGAIN_US << Min(failures[step.task]++, MOST_DOUBLED));

	for (Task task = TASK_WRITE; task < NTASKS; task++)
		if (step.task == task || step.task == TASK_NONE)
			put_off(task, until);
	memset(&step, 0, sizeof(step));
}

/* Writes what the oldest answers tell; whether there are more. */
static bool
write_answers(void)
{
	RecoTold	told;

	reco_told_begin(&told);
	step.counts.lost = queue.lost;
	PG_TRY();
	{
		step.nanswers = tell(&told);
		reco_told_end(&told);
		step.counts.skipped = told.nskipped;
		write_told(&told);
	}
	PG_FINALLY();
	{
		reco_told_free(&told);
	}
	PG_END_TRY();
	reco_learned_note(&step.counts, false, false);
	return queue.nwaiting > step.nanswers;
}

/* Makes rows of the oldest answers; returns of how many. */
static int
tell(RecoTold *told)
{
	dlist_iter	iter;
	Size		bytes = 0;
	int			n = 0;

	dlist_foreach(iter, &queue.waiting)
	{
		Answer	   *answer = dlist_container(Answer, node, iter.cur);

		if (n == MOST_ANSWERS || (n > 0 && bytes + answer->size > MOST_BYTES))
			break;
		bytes += answer->size;
		n++;
		if (!reco_told_add(told, answer->category, answer->key, answer->value,
						   answer->fetched_at))
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
					 errdetail("Failed while reading what services told.")));
	}
	return n;
}

/* Writes rows; artists first, for what they tell of their tracks. */
static void
write_told(RecoTold *told)
{
	RecoLearnedRows artists = rows_of(&told->artists);
	RecoLearnedRows tracks = rows_of(&told->tracks);
	RecoLearnedRows features = rows_of(&told->features);

	reco_learned_artists(&artists, &step.counts);
	reco_learned_tracks(&tracks, &step.counts);
	reco_learned_features(&features, &step.counts);
	if (step.counts.tracks > 0)
		write_kept(&tracks);
}

/* Writes features that were told before their tracks. */
static void
write_kept(const RecoLearnedRows *tracks)
{
	int			n;
	RecoLearnedAnswer *answers = reco_learned_kept(tracks, &n);
	RecoTold	told;

	if (n == 0)
		return;
	reco_told_begin(&told);
	PG_TRY();
	{
		RecoLearnedRows features;

		for (int i = 0; i < n; i++)
			(void) reco_told_add(&told, RECO_OP_FEATURES, answers[i].track_id,
								 answers[i].value == NULL
									 ? NULL
									 : reco_remote_key(answers[i].value),
								 answers[i].fetched_at);
		reco_told_end(&told);
		features = rows_of(&told.features);
		reco_learned_features(&features, &step.counts);
	}
	PG_FINALLY();
	{
		reco_told_free(&told);
	}
	PG_END_TRY();
}

/* Rows in the database's encoding. */
static RecoLearnedRows
rows_of(const RecoToldRows *rows)
{
	RecoLearnedRows own = {"[]", 0};

	if (rows->n == 0 || rows->json.failed)
		return own;
	own.json = GetDatabaseEncoding() == PG_UTF8 ? rows->json.data
												: reco_remote_text(rows->json.data);
	own.n = own.json == NULL ? 0 : rows->n;
	return own;
}

/* Removes what is out of date or too much; whether there is more of it. */
static bool
care(void)
{
	int64		begun = reco_now_us();
	bool		more;

	/* first of all: it may fail each time, and what comes after it has its turn, too */
	next[TASK_CARE] = begun + CARE_US;
	more = reco_learned_trim(reco_guc_learned_tracks, MOST_REMOVED, &step.counts);
	if (more)
		next[TASK_CARE] = begun;
	else
	{
		(void) reco_learned_sweep(MOST_SWEPT, &step.counts);
		put_off(TASK_CARE, begun + SHARE * (reco_now_us() - begun));
	}
	if (step.counts.removed > 0)
		reco_learned_note(&step.counts, false, false);
	return more;
}

/* Lets copies of the catalogue know that there is something new. */
static void
publish(void)
{
	RecoMatrixFacts facts;
	int64		pause;

	(void) reco_matrix_facts(MyDatabaseId, &facts);
	pause = facts.offered ? SHARE * facts.built_us : UNSHARED_US;
	next[TASK_PUBLISH] = reco_now_us() + Max(PUBLISH_US, pause);
	reco_change_note_learned();
	reco_learned_note(&step.counts, true, false);
	step.published = true;
}

static uint64
token_of(const char *what)
{
	uint64		token;

	(void) reco_change_read(what, &token);
	return token;
}

/*
 * Makes the lexicon anew, as there are genres that it does not know. It is made of the
 * matrix: once that has them, and only where all sessions share one.
 */
static void
learn_lexicon(void)
{
	int64		begun = reco_now_us();
	const char *area = reco_matrix_offered_area();
	RecoMatrixFacts facts;
	RecoMatrix	matrix;

	next[TASK_LEXICON] = begun + LEXICON_US;
	(void) reco_matrix_facts(MyDatabaseId, &facts);
	if (area == NULL || !facts.offered || !facts.exact ||
		facts.token != token_of("catalogue") ||
		facts.learned != token_of(RECO_CHANGE_LEARNED) || !reco_learned_lock_lexicon())
		return;
	reco_matrix_image_read(area, &matrix);
	reco_lexicon_learn_from(&matrix);
	step.lexicon = true;
	reco_learned_note(&step.counts, false, true);
	next[TASK_LEXICON] = begun + Max(LEXICON_US, SHARE * (reco_now_us() - begun));
}
