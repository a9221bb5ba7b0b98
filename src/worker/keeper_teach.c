/*-------------------------------------------------------------------------
 *
 * keeper_teach.c
 *	  Answers of language models wait until the lexicon can be taught.
 *
 * Purpose: see keeper_teach.h. Answers wait in this process, as many as there is room
 *			for. Some of them are taught in a subtransaction; where that fails for what is
 *			in them, each half is tried by itself, and who fails alone is left out.
 * Runs in: the keeper of a database, in a transaction of the caller's.
 * Locks:	AccessShareLock on reco.mood_term and reco.artist, without waiting for them;
 *			those of reco_lexicon_teach.
 * Never:	let an ERROR out that does not end the statement anyway; forget an answer
 *			before what it says is committed, unless there is no room or no use for it.
 *
 *-------------------------------------------------------------------------
 */
#include "keeper_teach.h"

#include "access/xact.h"
#include "keeper_model.h"
#include "shmem/shared.h"
#include "store/patience.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#define MOST_WAITING	256
#define ROOM			((Size) 1024 * 1024)	/* for those that wait */
#define MOST_TAUGHT		20		/* in one round */
#define SECOND			INT64CONST(1000000)
#define LOCKED_US		(SECOND / 2)	/* until the tables are looked at again */
#define AGAIN_US		SECOND	/* after an ERROR; doubles */
#define MOST_DOUBLED	6

/* How an attempt went. */
typedef enum Outcome
{
	OUTCOME_TAUGHT,
	OUTCOME_LOCKED,
	OUTCOME_REFUSED,			/* for what is in the answers */
	OUTCOME_FAILED				/* for another reason, that may pass */
} Outcome;

/* What waits, oldest first. */
static struct
{
	MemoryContext context;		/* NULL = there was nothing yet */
	Oid			extension;
	int			n;
	int			ncommitted;		/* the others are of this round */
	int			ndone;			/* of the first; they go with the commit */
	Size		bytes;
	RecoKeeperAnswer *answers[MOST_WAITING];
}			queue;

static int64 next_try = 0;		/* monotonic us */
static int	failures = 0;		/* in a row */
static char last_error[256] = "";	/* that was logged; '' = none since all went well */

static void forget(int first, int n);
static bool teach_part(int first, int last, Outcome *outcome);
static Outcome try_part(int first, int last, char **message);
static bool is_about_answers(int sqlstate);
static void note(Outcome outcome);
static void complain(const char *message);

/* Forgets what a round did that was not committed, and what is another extension's. */
void
reco_keeper_teach_begin(Oid extension)
{
	forget(queue.ncommitted, queue.n - queue.ncommitted);
	if (queue.extension != extension)
		forget(0, queue.n);
	queue.extension = extension;
	queue.ncommitted = queue.n;
	queue.ndone = 0;
}

static void
forget(int first, int n)
{
	for (int i = first; i < first + n; i++)
	{
		queue.bytes -= queue.answers[i]->size;
		pfree(queue.answers[i]);
	}
	queue.n -= n;
	memmove(&queue.answers[first], &queue.answers[first + n],
			sizeof(queue.answers[0]) * (queue.n - first));
}

/* Takes an answer. Where there is no room, the oldest one gives way. */
void
reco_keeper_teach_take(const RecoCachedUnwritten *entry)
{
	Size		key_len;
	Size		size;
	RecoKeeperAnswer *answer;

	if (entry->category != RECO_OP_COMPLETION || entry->value.absent ||
		entry->value.value == NULL)
		return;

	/* what was asked for, without who answered, and how */
	key_len = strcspn(entry->key, "\x1f");
	size = sizeof(RecoKeeperAnswer) + key_len + 1 + entry->value.len + 1;
	if (size > ROOM)
		return;
	while (queue.n == MOST_WAITING || queue.bytes + size > ROOM)
	{
		forget(0, 1);
		queue.ncommitted = Max(queue.ncommitted - 1, 0);
	}
	if (queue.context == NULL)
		queue.context = AllocSetContextCreate(TopMemoryContext, "reco keeper teaching",
											  ALLOCSET_DEFAULT_SIZES);
	answer = MemoryContextAlloc(queue.context, size);
	answer->size = size;
	answer->len = entry->value.len;
	answer->key = (char *) (answer + 1);
	memcpy(answer->key, entry->key, key_len);
	answer->key[key_len] = '\0';
	answer->value = answer->key + key_len + 1;
	memcpy(answer->value, entry->value.value, answer->len);
	answer->value[answer->len] = '\0';
	queue.bytes += size;
	queue.answers[queue.n++] = answer;
}

/* What was taken counts, and what was taught is done. */
void
reco_keeper_teach_committed(void)
{
	forget(0, queue.ndone);
	queue.ndone = 0;
	queue.ncommitted = queue.n;
}

/* Teaches the oldest answers. */
bool
reco_keeper_teach(void)
{
	int			n = Min(queue.n, MOST_TAUGHT);
	Outcome		outcome = OUTCOME_TAUGHT;
	bool		all;

	if (n == 0 || reco_now_us() < next_try)
		return false;
	all = teach_part(0, n - 1, &outcome);
	note(outcome);
	return all && queue.n > n;
}

/*
 * Teaches a part of the answers; where that fails for what is in them, its halves. False:
 * the others are not to be tried now. Of several outcomes the worst is told.
 */
static bool
teach_part(int first, int last, Outcome *outcome)
{
	char	   *message = NULL;
	int			middle = first + (last - first) / 2;
	Outcome		now = try_part(first, last, &message);

	if (now == OUTCOME_REFUSED && first < last)
		return teach_part(first, middle, outcome) &&
			teach_part(middle + 1, last, outcome);
	*outcome = Max(*outcome, now);
	if (message != NULL)
		complain(message);
	if (now == OUTCOME_LOCKED || now == OUTCOME_FAILED)
		return false;
	queue.ndone = last + 1;
	return true;
}

/* Teaches a part in a subtransaction. */
static Outcome
try_part(int first, int last, char **message)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile Outcome outcome = OUTCOME_LOCKED;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		if (reco_patience_try(RECO_READS(MOOD_TERM) | RECO_READS(ARTIST)) &&
			reco_keeper_learn(queue.answers + first, last - first + 1))
			outcome = OUTCOME_TAUGHT;
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;

		/* who cancels means the round */
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
			ReThrowError(error);
		outcome = is_about_answers(error->sqlerrcode) ? OUTCOME_REFUSED : OUTCOME_FAILED;
		*message = error->message == NULL ? "" : error->message;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return outcome;
}

/* Is an error one of the data? All others may pass. */
static bool
is_about_answers(int sqlstate)
{
	int			category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == ERRCODE_DATA_EXCEPTION ||
		category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION ||
		category == ERRCODE_PROGRAM_LIMIT_EXCEEDED ||
		sqlstate == ERRCODE_RAISE_EXCEPTION ||
		sqlstate == ERRCODE_UNTRANSLATABLE_CHARACTER;
}

/* Sets when it is tried again, and says that it works again, if it was said that not. */
static void
note(Outcome outcome)
{
	int64		now = reco_now_us();

	if (outcome == OUTCOME_LOCKED)
		next_try = now + LOCKED_US;
	else if (outcome == OUTCOME_FAILED)
		next_try = now + (AGAIN_US << Min(failures++, MOST_DOUBLED));
	else
		failures = 0;
	if (outcome == OUTCOME_TAUGHT && last_error[0] != '\0')
	{
		ereport(LOG, (errmsg("reco keeper teaches the lexicon again")));
		last_error[0] = '\0';
	}
}

/* Says what went wrong, unless it is the same as before. */
static void
complain(const char *message)
{
	if (strncmp(last_error, message, sizeof(last_error) - 1) == 0)
		return;
	strlcpy(last_error, message, sizeof(last_error));
	ereport(LOG, (errmsg("reco keeper could not teach the lexicon: %s", message),
				  errdetail("All else is kept as before.")));
}
