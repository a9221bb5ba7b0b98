/*-------------------------------------------------------------------------
 *
 * trace.c
 *	  What a run's questions to services took, one by one.
 *
 * Purpose: see trace.h. The gateway tells of a question as each of its requests is sent
 *			and ends, and as the question does; what it tells last is the latest. Where
 *			an asker's time is over before that, the request's time goes on until then.
 * Runs in: any process with a database.
 * Locks:	none.
 * Never:	grow with a run without an end: so many questions and requests are told.
 *
 *-------------------------------------------------------------------------
 */
#include "trace.h"

#include "shmem/shared.h"
#include "upstream/tokens.h"

#define MOST_REQUESTS	1024
#define MILLION			1e6		/* tokens that a price is of */

/* One HTTP request that a question took part in. */
typedef struct Request
{
	int			question;
	int64		call;			/* its number */
	int			sends;
	int			keys;
	bool		shared;
	bool		again;
} Request;

/* What is known of a question while it is under way. */
typedef struct Progress
{
	RecoWireTimes times;		/* of the slowest part, as far as was told */
	RecoWireTimes told;			/* of the part that is taken */
	int64		sent_at;		/* of it; 0 = nothing of it is under way */
	bool		ended;			/* that part has */
	int			open;			/* parts that are not taken */
	int			unanswered;		/* keys that nothing came of yet */
} Progress;

struct RecoTraces
{
	MemoryContext context;
	int			n;
	int			size;
	RecoCallTrace *traces;
	Progress   *progress;
	int			nrequests;
	int			requests_size;
	Request    *requests;
};

static Request *request_of(RecoTraces *traces, int number, int64 call);
static void sum_up(RecoTraces *traces, int number);

RecoTraces *
reco_traces_open(MemoryContext context)
{
	RecoTraces *traces = MemoryContextAllocZero(context, sizeof(RecoTraces));

	traces->context = context;
	return traces;
}

const RecoCallTrace *
reco_traces_list(RecoTraces *traces, int *n)
{
	for (int i = 0; i < traces->n; i++)
	{
		Progress   *progress = &traces->progress[i];

		while (progress->open > 0)
			reco_traces_end(traces, i);
		if (progress->unanswered == 0)
			continue;
		traces->traces[i].failed += progress->unanswered;
		traces->traces[i].outcome = RECO_OUTCOME_TIMEOUT;
		progress->unanswered = 0;
	}
	*n = traces->n;
	return traces->traces;
}

/* Makes room for twice as many, 16 at first. */
static void *
grow(MemoryContext context, void *array, int *size, Size element)
{
	int			n = Max(16, 2 * *size);

	array = array == NULL ? MemoryContextAllocZero(context, n * element)
						  : repalloc(array, n * element);
	*size = n;
	return array;
}

/* Notes a question. */
int
reco_traces_put(RecoTraces *traces, const char *server, RecoOperation operation)
{
	RecoCallTrace *trace;

	if (traces == NULL || traces->n == RECO_TRACE_MOST)
		return -1;
	if (traces->n == traces->size)
	{
		int			size = traces->size;

		traces->progress =
			grow(traces->context, traces->progress, &size, sizeof(Progress));
		traces->traces =
			grow(traces->context, traces->traces, &traces->size, sizeof(RecoCallTrace));
	}
	memset(&traces->progress[traces->n], 0, sizeof(Progress));
	trace = &traces->traces[traces->n];
	memset(trace, 0, sizeof(*trace));
	trace->server = MemoryContextStrdup(traces->context, server);
	trace->operation = operation;
	trace->outcome = RECO_OUTCOME_FRESH;
	trace->start_us = reco_now_us();
	return traces->n++;
}

/* Keys are asked for: the question's time begins with the first of them. */
void
reco_traces_sent(RecoTraces *traces, int number, int keys)
{
	RecoCallTrace *trace = reco_traces_at(traces, number);
	Progress   *progress;

	if (trace == NULL)
		return;
	progress = &traces->progress[number];
	if (progress->open == 0 && trace->us == 0)
		trace->start_us = reco_now_us();
	trace->keys += keys;
	progress->open++;
	progress->unanswered += keys;
}

RecoCallTrace *
reco_traces_at(RecoTraces *traces, int number)
{
	return number < 0 ? NULL : &traces->traces[number];
}

/* Takes in what the gateway tells. */
void
reco_traces_take(RecoTraces *traces, int number, const RecoWireTrace *told)
{
	Progress   *progress;

	if (number < 0)
		return;
	progress = &traces->progress[number];
	progress->told = told->times;
	progress->sent_at = told->sent_at;
	progress->ended = told->call == 0;
	if (told->call > 0)
	{
		Request    *request = request_of(traces, number, told->call);

		if (request == NULL)
			return;
		request->sends = told->sends;
		request->keys = told->keys;
		request->shared = told->shared;
	}
}

/* Finds a request of a question, or makes room for it; NULL = there are too many. */
static Request *
request_of(RecoTraces *traces, int number, int64 call)
{
	Request    *request;
	bool		again = false;

	for (int i = 0; i < traces->nrequests; i++)
	{
		if (traces->requests[i].call != call)
			continue;
		if (traces->requests[i].question == number)
			return &traces->requests[i];
		again = true;
	}
	if (traces->nrequests == MOST_REQUESTS)
		return NULL;
	if (traces->nrequests == traces->requests_size)
		traces->requests = grow(traces->context, traces->requests, &traces->requests_size,
								sizeof(Request));
	request = &traces->requests[traces->nrequests++];
	request->question = number;
	request->call = call;
	request->again = again;
	return request;
}

/* Counts what came of a key. */
void
reco_traces_answer(RecoTraces *traces, int number, RecoOutcome outcome, const char *json,
				   const RecoOptions *options)
{
	RecoCallTrace *trace = reco_traces_at(traces, number);
	RecoTokens	tokens;

	if (trace == NULL)
		return;
	traces->progress[number].unanswered--;
	if (outcome != RECO_OUTCOME_FRESH && outcome != RECO_OUTCOME_ABSENT)
	{
		trace->failed++;
		trace->outcome = outcome;
	}
	if (trace->operation != RECO_OP_COMPLETION || json == NULL)
		return;
	tokens = reco_tokens_read(json, strlen(json));
	trace->prompt_tokens += (int) tokens.prompt;
	trace->completion_tokens += (int) tokens.completion;
	trace->cost +=
		(tokens.prompt * options->price_in + tokens.completion * options->price_out) /
		MILLION;
}

static int64
sum_of(const RecoWireTimes *times)
{
	return times->queued + times->limited + times->network + times->parsed;
}

/*
 * Ends a part of a question, or all of it. What was not told of the time until now was
 * on the network where a request is under way, else before it.
 */
void
reco_traces_end(RecoTraces *traces, int number)
{
	RecoCallTrace *trace = reco_traces_at(traces, number);
	Progress   *progress;
	int64		now = reco_now_us();

	if (trace == NULL)
		return;
	progress = &traces->progress[number];
	if (!progress->ended && progress->sent_at > 0)
		progress->told.network += Max(0, now - progress->sent_at);
	else if (!progress->ended)
		progress->told.queued += Max(0, now - trace->start_us - sum_of(&progress->told));
	if (sum_of(&progress->told) > sum_of(&progress->times))
		progress->times = progress->told;
	memset(&progress->told, 0, sizeof(progress->told));
	progress->sent_at = 0;
	progress->ended = false;
	progress->open = Max(0, progress->open - 1);
	trace->us = sum_of(&progress->times);
	trace->queued_us = progress->times.queued;
	trace->limited_us = progress->times.limited;
	trace->network_us = progress->times.network;
	trace->parsed_us = progress->times.parsed;
	sum_up(traces, number);
}

/* Counts the requests of a question. */
static void
sum_up(RecoTraces *traces, int number)
{
	RecoCallTrace *trace = &traces->traces[number];

	trace->calls = trace->again = trace->shared = trace->call_keys = 0;
	for (int i = 0; i < traces->nrequests; i++)
	{
		const Request *request = &traces->requests[i];

		if (request->question != number)
			continue;
		trace->calls += request->sends;
		trace->again += request->again ? request->sends : 0;
		trace->shared += request->shared ? request->sends : 0;
		trace->call_keys += request->keys;
	}
}
