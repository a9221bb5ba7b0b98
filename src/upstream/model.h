/*-------------------------------------------------------------------------
 *
 * model.h
 *	  What the answers of all language models have in common.
 *
 * Purpose: errors in the shapes of google.rpc, OpenAI and their imitators become
 *			outcomes; a value that is ready becomes the answer of a call.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	show a key that an error message repeats.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_MODEL_H
#define RECO_MODEL_H

#include "completion.h"
#include "service.h"

/* An error as a service describes it. Strings belong to the parsed answer. */
typedef struct RecoModelError
{
	const char *message;		/* NULL = none */
	const char *param;			/* the parameter that it is about; NULL = not said */
	const char *status;			/* google.rpc: INVALID_ARGUMENT; NULL = none */
	const char *type;			/* OpenAI: invalid_request_error; NULL = none */
	const char *code;			/* OpenAI: rate_limit_exceeded; NULL = none, a number */
	const char *reason;			/* google.rpc.ErrorInfo; NULL = none */
	double		number;			/* the code as a number; 0 = none */
	int64_t		retry_ms;		/* RetryInfo, or said in the message; -1 = neither */
	bool		per_day;		/* a quota of the day is used up */
} RecoModelError;

/* Reads the error of an answer, if it has one. */
extern bool reco_model_error_read(const json_t *root, RecoModelError *error);

/* Does its message contain a word, whatever the case? */
extern bool reco_model_error_says(const RecoModelError *error, const char *word);

/* Writes down how a call ended; the message is made printable, keys left out. */
extern void reco_model_end(RecoSplit *split, RecoOutcome outcome, bool retry,
						   const char *format, ...) __attribute__((format(printf, 4, 5)));

/*
 * Writes down what an error means; 'status' is the answer's, or 200 where the error
 * came with one: then its code says more.
 */
extern void reco_model_fail(const RecoModelError *error, int status, const RecoCall *call,
							const RecoHttpResponse *response, RecoSplit *split);

/*
 * Opens an answer: the parsed body of a 2xx without an error. NULL = it is none of
 * those, 'split' says what, and 'root' and 'error' hold what there was to read.
 * Free 'root' in any case.
 */
extern json_t *reco_model_open(const RecoCall *call, const RecoHttpResponse *response,
							   json_t **root, RecoModelError *error, RecoSplit *split);

/* Makes a text the answer of a completion; malformed where JSON is wanted in vain. */
extern void reco_model_answer(const RecoCall *call, bool want_json,
							  const RecoBuffer *text, const char *model,
							  double prompt_tokens, double completion_tokens,
							  RecoSplit *split);

/* Makes "it answers" the answer of a probe. */
extern void reco_model_alive(const RecoCall *call, const char *model, RecoSplit *split);

#endif							/* RECO_MODEL_H */
