/*-------------------------------------------------------------------------
 *
 * result_prompt.h
 *	  Reading a prompt for its key.
 *
 * Purpose: the pipeline's own reading of a prompt, with what the lexicon and the
 *			catalogue know of its words: enough to tell whether two prompts mean one list.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of its SELECTs.
 * Never:	ask a service.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_RESULT_PROMPT_H
#define RECO_RESULT_PROMPT_H

#include "compat.h"

#include "result_key.h"

/*
 * Reads a prompt, in the current context. Costs the text parser, one look-up of the
 * lexicon where two words stand side by side, and one of names for each run of words that
 * may be a name: for when the raw key has found nothing. It holds as long as lexicon,
 * catalogue and servers are what they are: all of them are in the generation.
 */
extern RecoResultReading *reco_result_read(const char *prompt);

#endif							/* RECO_RESULT_PROMPT_H */
