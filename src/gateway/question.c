/*-------------------------------------------------------------------------
 *
 * question.c
 *	  What slots ask, and how they are answered.
 *
 * Purpose: turn a slot's bytes into a question whose keys wait for flights, and
 *			what flights bring into records of the slot.
 * Runs in: the gateway.
 * Locks:	those of slot.h, for moments.
 * Never:	keep a secret longer than somebody needs it.
 *
 *-------------------------------------------------------------------------
 */
#include "parts.h"

#include "common/hashfn.h"
#include "shmem/pool.h"
#include "upstream/message.h"

#define KEPT_RECORD ((size_t) 64 * 1024) /* a larger buffer is given back after use */

static RecoQuestion **questions = NULL; /* by slot */

static void take(int slot, RecoSlotRequest *request);
static void let_go(int slot);
static uint64 variant_of(const RecoWireRequest *wire);
static void refuse(int slot, uint32 generation, int nkeys, RecoOutcome outcome);
static void finish(RecoQuestion *question);
static void append(const RecoQuestion *question, const RecoWireAnswer *answer);

/* Looks at a slot. */
void
reco_question_look(int slot)
{
	RecoSlotRequest request;

	if (questions == NULL)
		questions = calloc(reco_shared->nslots, sizeof(RecoQuestion *));
	switch (reco_slot_look(slot, &request))
	{
		case RECO_SLOT_DETACHED:
			take(-1, &request);
			break;
		case RECO_SLOT_BEGIN:
			if (questions == NULL)
			{
				reco_wipe(request.bytes, request.len);
				free(request.bytes);
				reco_slot_finish(slot, request.generation);
			}
			else
				take(slot, &request);
			break;
		case RECO_SLOT_GONE:
			let_go(slot);
			break;
		case RECO_SLOT_NOTHING:
			break;
	}
}

/* Makes a slot's bytes a question, and lets its keys wait. */
static void
take(int slot, RecoSlotRequest *request)
{
	RecoQuestion *question = calloc(1, sizeof(RecoQuestion));
	int			nkeys;

	if (question == NULL ||
		!reco_wire_read_request(request->bytes, request->len, &question->wire))
	{
		reco_wipe(request->bytes, request->len);
		free(request->bytes);
		free(question);
		if (slot >= 0)
			reco_slot_finish(slot, request->generation);
		return;
	}
	nkeys = question->wire.nkeys;
	question->slot = slot;
	question->generation = request->generation;
	question->owner = request->owner;
	question->database = request->database;
	question->asked_at = request->submitted_at;
	question->deadline = request->deadline;
	question->bytes = request->bytes;
	question->len = request->len;
	question->variant = variant_of(&question->wire);
	question->pending = nkeys;
	question->refs = 1;
	question->waiters = calloc(Max(nkeys, 1), sizeof(RecoWaiter));
	question->lane = question->waiters == NULL ? NULL : reco_lane_of(question);
	if (question->lane == NULL || nkeys == 0)
	{
		if (slot >= 0)
			refuse(slot, question->generation, nkeys, RECO_OUTCOME_BUSY);
		reco_question_release(question);
		return;
	}
	if (slot >= 0)
		questions[slot] = question;
	question->lane->shared->counters[RECO_LANE_QUESTIONS] += nkeys;

	/* a reference of our own: the last answer may come while keys still join */
	question->refs++;
	for (int i = 0; i < nkeys; i++)
		question->waiters[i].question = question;
	for (int i = 0; i < nkeys; i++)
		if (!reco_flight_join(question, i))
			reco_question_answer(&question->waiters[i], RECO_OUTCOME_BUSY, NULL, 0, 0,
								 "the gateway is out of memory");
	reco_question_release(question);
}

/*
 * What an answer depends on beside the key, and who may be asked: keys of two servers
 * that differ in it share a lane's limits, and no call. Nor do two consents of a
 * listener: they may be for two accounts.
 */
static uint64
variant_of(const RecoWireRequest *wire)
{
	const RecoOptions *options = &wire->options;
	const char *const texts[] = {options->model, options->market, options->ca_file};
	uint64		variant = options->access;

	variant = variant * 2 + options->allow_plaintext;
	variant = variant * 2 + options->allow_private;
	variant = variant * 2 + options->allow_loopback;
	for (int i = 0; i < lengthof(texts); i++)
	{
		const char *text = texts[i] == NULL ? "" : texts[i];

		variant = hash_bytes_extended((const unsigned char *) text, (int) strlen(text),
									  variant);
	}
	if (reco_operation_is_listeners(wire->operation))
		variant = hash_combine64(variant, wire->listener.consent);
	return variant;
}

/* Answers all keys of a question that cannot be taken. */
static void
refuse(int slot, uint32 generation, int nkeys, RecoOutcome outcome)
{
	RecoBuffer	record;

	reco_buffer_init(&record, 0);
	for (int i = 0; i < nkeys; i++)
	{
		RecoWireAnswer answer = {.key = i, .outcome = outcome};

		reco_buffer_reset(&record);
		reco_wire_write_answer(&record, &answer);
		if (record.failed ||
			!reco_slot_append(slot, generation, record.data, record.len, false))
			break;
	}
	reco_buffer_free(&record, false);
	reco_slot_finish(slot, generation);
}

/* Lets a question go whose owner left. */
static void
let_go(int slot)
{
	RecoQuestion *question = questions == NULL ? NULL : questions[slot];

	if (question == NULL)
		return;
	questions[slot] = NULL;
	for (int i = 0; i < question->wire.nkeys; i++)
		if (question->waiters[i].flight != NULL)
			reco_flight_leave(&question->waiters[i]);
	reco_question_release(question);
}

/* Writes a record into a question's slot; false = only the news that it did not fit. */
static bool
deliver(const RecoQuestion *question, RecoBuffer *record, RecoWireAnswer *answer)
{
	reco_buffer_reset(record);
	reco_wire_write_answer(record, answer);
	if (!record->failed &&
		reco_slot_append(question->slot, question->generation, record->data, record->len,
						 answer->value != NULL))
		return true;

	/* the value may be too large for what is left; the news is small */
	answer->outcome = RECO_OUTCOME_BUSY;
	answer->value = NULL;
	answer->value_len = 0;
	answer->message = "no shared memory for the answer (reco.gateway_memory)";
	if (record->failed)
		reco_buffer_free(record, false);
	reco_buffer_reset(record);
	reco_wire_write_answer(record, answer);
	if (!record->failed)
		(void) reco_slot_append(question->slot, question->generation, record->data,
								record->len, false);
	return false;
}

/* Answers one key; the last one ends the question. */
void
reco_question_answer(RecoWaiter *waiter, RecoOutcome outcome, const char *value,
					 size_t value_len, int64 retry_at, const char *message)
{
	static RecoBuffer record;
	RecoQuestion *question = waiter->question;
	RecoLane   *lane = question->lane->shared;
	RecoWireAnswer answer = {
		.key = (int) (waiter - question->waiters),
		.outcome = outcome,
		.retry_at = retry_at,
		.value = value,
		.value_len = value == NULL ? 0 : value_len,
		.message = message
	};

	if (question->slot >= 0 && !deliver(question, &record, &answer))
		outcome = RECO_OUTCOME_BUSY;
	if (record.size > KEPT_RECORD)
		reco_buffer_free(&record, false);
	lane->outcomes[outcome]++;
	reco_histogram_add(&lane->total, reco_now_us() - question->asked_at);
	if (waiter->flight != NULL)
		reco_flight_times(waiter, &question->times);
	else
		question->times = (RecoWireTimes){.queued = reco_now_us() - question->asked_at};
	waiter->flight = NULL;
	if (--question->pending == 0)
		finish(question);
}

/* Ends a question: whoever asked may go on. */
static void
finish(RecoQuestion *question)
{
	bool		promised = false;
	const char *rotated =
		question->slot < 0 ? NULL : reco_token_rotated(question, &promised);

	if (rotated != NULL)
	{
		RecoWireAnswer answer = {
			.key = RECO_WIRE_ROTATED,
			.outcome = promised ? RECO_OUTCOME_FRESH : RECO_OUTCOME_BUSY,
			.value = rotated,
			.value_len = strlen(rotated)
		};

		append(question, &answer);
	}
	if (question->slot >= 0)
	{
		reco_question_tell(question, NULL, false, &question->times);
		questions[question->slot] = NULL;
		reco_slot_finish(question->slot, question->generation);
	}
	reco_question_release(question);
}

/* Adds a record that is not about a key, and wipes it, as far as there is memory. */
static void
append(const RecoQuestion *question, const RecoWireAnswer *answer)
{
	RecoBuffer	record;

	reco_buffer_init(&record, 0);
	reco_wire_write_answer(&record, answer);
	if (!record.failed)
		(void) reco_slot_append(question->slot, question->generation, record.data,
								record.len, false);
	reco_buffer_free(&record, true);
}

/*
 * Tells what a question came to, unless memory is short: answers are worth more. Times
 * may be a moment less than nothing.
 */
void
reco_question_tell(RecoQuestion *question, const RecoTrip *trip, bool shared,
				   const RecoWireTimes *times)
{
	RecoWireAnswer answer = {.key = RECO_WIRE_TRACE};
	RecoWireTrace *trace = &answer.trace;

	if (reco_pool_is_short())
		return;
	trace->times.queued = Max(0, times->queued);
	trace->times.limited = Max(0, times->limited);
	trace->times.network = Max(0, times->network);
	trace->times.parsed = Max(0, times->parsed);
	if (trip != NULL)
	{
		trace->call = trip->number;
		trace->sends = trip->sends;
		trace->keys = trip->call.nkeys;
		trace->shared = shared;
		trace->sent_at = trip->answered_at > 0 ? 0 : reco_now_us();
	}
	append(question, &answer);
}

/* Hides secrets. */
void
reco_question_hide(const RecoQuestion *question, char *message)
{
	const RecoWireRequest *wire = &question->wire;

	reco_message_hide(message, wire->credential.client_secret);
	reco_message_hide(message, wire->credential.api_key);
	reco_message_hide(message, wire->listener.access_token);
	reco_message_hide(message, wire->listener.refresh_token);
}

/* Gives up a reference. */
void
reco_question_release(RecoQuestion *question)
{
	if (--question->refs > 0)
		return;
	reco_wipe(question->bytes, question->len);
	free(question->bytes);
	free(question->wire.keys);
	free(question->waiters);
	free(question);
}
