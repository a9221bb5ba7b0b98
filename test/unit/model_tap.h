/*-------------------------------------------------------------------------
 *
 * model_tap.h
 *	  What the tests of the language models' adapters share.
 *
 * Purpose: build a call, answer it, look at what became of it.
 * Runs in: plain C programs.
 * Locks:	none.
 * Never:	talk to anybody.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_TAP_H
#define MODEL_TAP_H

#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "upstream/completion.h"
#include "upstream/service.h"

static RecoOptions options;
static RecoCapabilities capabilities;
static RecoHttpRequest request;
static RecoSplit split;
static const char *key_now;
static RecoCall call = {.options = &options,
						.capabilities = &capabilities,
						.nkeys = 1,
						.keys = &key_now};

/* Builds a request anew. */
static inline bool
ask(RecoOperation operation, const char *key)
{
	call.operation = operation;
	key_now = key;
	reco_http_request_free(&request);
	return reco_service_build(&call, &request);
}

/* Has the service answer what was asked last. */
static inline RecoSplit *
answer(int status, int64_t retry_after_ms, const char *body)
{
	RecoHttpResponse response = {status, RECO_CONTENT_JSON, retry_after_ms, 0, false,
								 body,	 strlen(body)};

	if (body[0] == '<')
		response.content = RECO_CONTENT_HTML;
	reco_split_free(&split);
	reco_service_split(&call, &request, &response, &split);
	return &split;
}

/* The value of the only key, parsed; free it. */
static inline json_t *
value(void)
{
	if (split.outcome != RECO_OUTCOME_FRESH || split.nanswers != 1 ||
		split.answers[0].outcome != RECO_OUTCOME_FRESH)
		return NULL;
	return json_loadb(split.answers[0].value, split.answers[0].value_len, 0, NULL);
}

/* Is the value this JSON? */
static inline bool
value_is(const char *json)
{
	json_t	   *got = value();
	json_t	   *wanted = json_loads(json, 0, NULL);
	bool		same = got != NULL && json_equal(got, wanted);

	if (!same)
		printf("# got %s: %s\n", reco_outcome_name(split.outcome),
			   split.nanswers > 0 && split.answers[0].value != NULL
				   ? split.answers[0].value
				   : split.message);
	json_decref(got);
	json_decref(wanted);
	return same;
}

/* Is the body of the request this JSON? */
static inline bool
body_is(const char *json)
{
	json_t	   *got = json_loadb(request.body.data, request.body.len, 0, NULL);
	json_t	   *wanted = json_loads(json, 0, NULL);
	bool		same = wanted != NULL && json_equal(got, wanted);

	if (!same)
		printf("# got %s\n", request.body.data);
	json_decref(got);
	json_decref(wanted);
	return same;
}

/* An answer that is a failure, and how it is to end. */
typedef struct Failure
{
	const char *name;
	int			status;
	int64_t		retry_after_ms; /* of the headers */
	const char *body;
	RecoOutcome outcome;
	bool		retry;
	int64_t		wait_ms;
	const char *message;		/* a part of it */
} Failure;

static inline void
check_failures(const Failure *failures, int n)
{
	for (int i = 0; i < n; i++)
	{
		const Failure *f = &failures[i];
		RecoSplit  *s = answer(f->status, f->retry_after_ms, f->body);

		if (!ok(s->outcome == f->outcome && s->retry == f->retry &&
					s->retry_after_ms == f->wait_ms && s->nanswers == 0 &&
					strstr(s->message, f->message) != NULL,
				"%s", f->name))
			printf("# got %s, retry %d after %d ms: %s\n", reco_outcome_name(s->outcome),
				   s->retry, (int) s->retry_after_ms, s->message);
	}
}

static inline int
model_done(void)
{
	reco_http_request_free(&request);
	reco_split_free(&split);
	return tap_done();
}

#endif							/* MODEL_TAP_H */
