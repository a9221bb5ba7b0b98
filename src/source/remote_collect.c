/*-------------------------------------------------------------------------
 *
 * remote_collect.c
 *	  Waits for answers of the gateway, and reads them.
 *
 * Purpose: take what came of the requests under way.
 * Runs in: any process with a database; a transaction is not needed.
 * Locks:	none.
 * Never:	hold SPI, a snapshot or a pin of our own while waiting.
 *
 *-------------------------------------------------------------------------
 */
#include "remote_parts.h"

#include "miscadmin.h"
#include "store/limit_state.h"
#include "upstream/buffer.h"

#define PROMISE_US	((int64) 1000 * 1000) /* is waited for at most */

static void wait_for_keeper(RecoRemote *remote, int64 until);
static void collect(RecoRemote *remote, RecoRemotePart *part);
static void read_records(RecoRemote *remote, const RecoRemotePart *part,
						 const char *bytes, Size len);

/* Waits for all parts, and collects what came. */
void
reco_remote_wait(RecoRemote *remote)
{
	MemoryContext old = MemoryContextSwitchTo(remote->context);
	RecoSlotRef *refs = palloc(sizeof(RecoSlotRef) * Max(remote->nparts, 1));
	int64		until = 0;

	for (int i = 0; i < remote->nparts; i++)
	{
		refs[i] = remote->parts[i].ref;
		until = Max(until, remote->parts[i].deadline);
	}
	if (remote->nparts > 0)
		(void) reco_slots_wait(refs, remote->nparts, false, until);
	for (int i = 0; i < remote->nparts; i++)
		collect(remote, &remote->parts[i]);
	remote->nparts = 0;
	pfree(refs);
	MemoryContextSwitchTo(old);
	wait_for_keeper(remote, Min(until, reco_now_us() + PROMISE_US));
}

/* Waits for one more part. */
bool
reco_remote_wait_any(RecoRemote *remote, int64 until)
{
	RecoSlotRef *refs;
	int			n = remote->nparts;

	if (n == 0)
		return false;
	refs = MemoryContextAlloc(remote->context, sizeof(RecoSlotRef) * n);
	for (int i = 0; i < n; i++)
	{
		refs[i] = remote->parts[i].ref;
		until = Min(until, remote->parts[i].deadline);
	}
	(void) reco_slots_wait(refs, n, true, until);
	pfree(refs);
	return true;
}

/* Collects what ended, or ran out of time. */
int
reco_remote_collect(RecoRemote *remote)
{
	MemoryContext old = MemoryContextSwitchTo(remote->context);
	int			left = 0;
	int			n = remote->nparts;

	for (int i = 0; i < n; i++)
	{
		RecoRemotePart		part = remote->parts[i];

		if (reco_slot_is_done(part.ref) || reco_now_us() >= part.deadline)
			collect(remote, &part);
		else
			remote->parts[left++] = part;
	}
	remote->nparts = left;
	MemoryContextSwitchTo(old);
	return n - left;
}

/* Reads what came of parts that are still under way. */
void
reco_remote_peek(RecoRemote *remote)
{
	MemoryContext old = MemoryContextSwitchTo(remote->context);

	for (int i = 0; i < remote->nparts; i++)
	{
		const RecoRemotePart *part = &remote->parts[i];
		Size		len;
		char	   *bytes = reco_slot_peek(part->ref, &len);

		read_records(remote, part, bytes, len);
		reco_wipe(bytes, len);
		pfree(bytes);
	}
	MemoryContextSwitchTo(old);
}

/* Ends the traces of what is still under way, as far as it came. */
void
reco_remote_end_traces(RecoRemote *remote)
{
	reco_remote_peek(remote);
	for (int i = 0; i < remote->nparts; i++)
	{
		RecoRemotePart *part = &remote->parts[i];

		if (!part->told)
			reco_remote_end_trace(remote, &remote->questions[part->question], part->first,
								  part->nkeys);
		part->told = true;
	}
}

bool
reco_remote_is_busy(const RecoRemote *remote)
{
	return remote->nparts > 0;
}

bool
reco_remote_owes(const RecoRemote *remote)
{
	return remote->rotated || remote->limited;
}

/* Waits for what must be written before it counts as paid for. */
void
reco_remote_wait_for_keeper(RecoRemote *remote, int64 until)
{
	wait_for_keeper(remote, Min(until, reco_now_us() + PROMISE_US));
}

/*
 * Waits until a new token is written, or that a quota is used up, so that what was
 * answered outlives a crash with its price. Who cancels, or has no keeper, does not lose
 * it: it is in shared memory.
 */
static void
wait_for_keeper(RecoRemote *remote, int64 until)
{
	if (remote->rotated)
		(void) reco_promise_wait(&remote->token, until);
	if (remote->limited)
		reco_limits_wait(MyDatabaseId, until);
	remote->rotated = remote->limited = false;
}

/* Notes that a listener's token was replaced. The gateway has seen to the new one. */
static void
note_rotation(RecoRemote *remote, const RecoRemoteQuestion *question,
			  const RecoWireAnswer *answer)
{
	remote->rotated = true;
	remote->token = question->token;
	if (answer->outcome != RECO_OUTCOME_FRESH)
		ereport(WARNING,
				(errmsg("the new token of a listener is in the gateway's memory only"),
				 errdetail("There is no room for it where the keeper finds it."),
				 errhint("See the keeper in reco_stat_worker and the server's log, or "
						 "raise reco.gateway_slots.")));
}

/*
 * Takes the records of one part; what has none was too late, found no memory, or is
 * lost.
 */
static void
collect(RecoRemote *remote, RecoRemotePart *part)
{
	RecoRemoteQuestion *question = &remote->questions[part->question];
	bool		late = reco_now_us() >= part->deadline;
	bool		crowded = reco_slot_is_crowded(part->ref);
	bool		done;
	Size		len;
	char	   *bytes;

	bytes = reco_slot_take(&part->ref, &len, &done);
	part->ref.slot = -1;
	for (int i = part->first; i < part->first + part->nkeys; i++)
		if (question->values[question->asked[i]].pending)
		{
			RecoRemoteValue *value = &question->values[question->asked[i]];

			value->pending = false;
			value->outcome = done && crowded ? RECO_OUTCOME_BUSY
				: !done && late ? RECO_OUTCOME_TIMEOUT
											 : RECO_OUTCOME_LOST;
		}
	if (bytes != NULL)
		read_records(remote, part, bytes, len);
	if (!part->told)
		reco_remote_end_trace(remote, question, part->first, part->nkeys);
	if (bytes == NULL)
		return;
	reco_wipe(bytes, len);
	pfree(bytes);
}

/* Reads records of a part. */
static void
read_records(RecoRemote *remote, const RecoRemotePart *part, const char *bytes, Size len)
{
	RecoRemoteQuestion *question = &remote->questions[part->question];
	RecoReader	reader;
	RecoWireAnswer answer;

	reco_reader_init(&reader, bytes, len);
	while (reco_wire_read_answer(&reader, &answer))
	{
		RecoRemoteValue *value;

		if (answer.key == RECO_WIRE_ROTATED && question->user_id != NULL)
			note_rotation(remote, question, &answer);
		if (answer.key == RECO_WIRE_TRACE)
			reco_traces_take(remote->traces, question->trace, &answer.trace);
		if (answer.key < 0 || answer.key >= part->nkeys)
			continue;
		value = &question->values[question->asked[part->first + answer.key]];
		value->pending = false;
		value->outcome = answer.outcome;
		remote->limited |= answer.outcome == RECO_OUTCOME_QUOTA;
		value->origin = RECO_ORIGIN_LIVE;
		value->retry_at = answer.retry_at;
		value->message = answer.message == NULL
			? NULL
			: reco_remote_server_text(answer.message, strlen(answer.message));
		if (answer.outcome == RECO_OUTCOME_FRESH && answer.value != NULL)
			value->json = reco_remote_server_text(answer.value, answer.value_len);
		if (answer.outcome == RECO_OUTCOME_FRESH && value->json == NULL)
			value->outcome = RECO_OUTCOME_MALFORMED;
	}
}
