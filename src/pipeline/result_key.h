/*-------------------------------------------------------------------------
 *
 * result_key.h
 *	  Which requests share a result.
 *
 * Purpose: one key for all requests that the pipeline answers with the same list:
 *			by the raw text, or by what the prompt means.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	give one key to two requests whose lists may differ.
 *
 * What is not in a key, because the list does not depend on it: case, accents,
 * punctuation, stop words and fillers, word forms, the order of words, as far as the
 * reading in prompt.c drops them. What is: everything that the reading makes of a
 * prompt, as the list that "canonical" shows (see reco_result_prompt), and the options.
 * The deadline is not: a list that was cut short by one is not to be kept.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_RESULT_KEY_H
#define RECO_RESULT_KEY_H

#include <stddef.h>

#include "mood.h"
#include "request.h"

#define RECO_RESULT_MAXUSER 255 /* bytes of a listener's id that are shown in a key */
#define RECO_RESULT_BY_MEANING	'p' /* the first letter of such a key */
#define RECO_RESULT_KEYSIZE (RECO_RESULT_MAXUSER + 40)	/* with the NUL */

/* What is known of a run of words that may be a name. */
typedef enum RecoResultName
{
	RECO_RESULT_PERHAPS = 0,	/* nothing: it counts as it is written */
	RECO_RESULT_NOBODY,			/* no name: its words are words */
	RECO_RESULT_ARTIST			/* an artist's, exactly: its words are no words */
} RecoResultName;

/* A prompt, read. */
typedef struct RecoResultReading
{
	RecoMood	mood;			/* two words count only where 'understood' is set */
	RecoResultName names[RECO_MOOD_MAXMENTIONS];	/* of the mentions */
} RecoResultReading;

/*
 * Sorts the lists among a request's options and drops what is twice, in place. A run and
 * the keys want a settled request: then the order of its lists cannot matter.
 */
extern void reco_result_settle(RecoRequest *request);

/* The key by the raw text: costs a pass over the request's bytes. */
extern void reco_result_raw_key(const RecoRequest *request, uint64_t generation,
								char *key);

/* The key by what the prompt means. Both keys end with the listener's id. */
extern void reco_result_key(const RecoRequest *request, const RecoResultReading *reading,
							uint64_t generation, char *key);

/*
 * Writes what of a prompt is in its key, for people and tests, as far as 'size' goes;
 * returns how long it is. A line each for phrases ("+calm", "-sad", "+calm*1.5"), names,
 * and the years, tempo, themes and regions.
 */
extern size_t reco_result_prompt(const RecoResultReading *reading, char *text,
								 size_t size);

#endif							/* RECO_RESULT_KEY_H */
