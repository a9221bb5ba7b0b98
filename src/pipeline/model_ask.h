/*-------------------------------------------------------------------------
 *
 * model_ask.h
 *	  The one question of a run to a language model.
 *
 * Purpose: make what a listener asked for into the key of a completion, and get
 *			the words back out of such a key.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	put into a key what differs between two askings of the same words: it is
 *			what answers are kept by.
 *
 * The user's words are the prompt, and nothing else is in it; what is to be done with
 * them is in the system text. See upstream/completion.h for the key, model_answer.h for
 * what the answer must look like.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_MODEL_ASK_H
#define RECO_MODEL_ASK_H

#include "mood.h"
#include "upstream/buffer.h"

#define RECO_MODEL_MAXPROMPT	400 /* bytes of the user's words that are sent */
#define RECO_MODEL_MAXKNOWN		80	/* genres that the catalogue knows */
#define RECO_MODEL_MAXPLAYED	10	/* artists of the listener's */

/* What is asked; all texts are UTF-8. */
typedef struct RecoModelQuestion
{
	const char *words;			/* as reco_model_words makes them */
	int			ngenres;
	const char *const *genres;	/* that the catalogue knows, so that these are named */
	int			nplayed;		/* whom the listener plays, where that may be told */
	const char *const *played;
} RecoModelQuestion;

/*
 * Writes the user's words as they are asked: in one spelling (case, accents, spaces, and
 * punctuation where nothing is negated) if no name may be among them, else as they are
 * but for white space. 'mood' is the prompt read, 'prompt' the same as written. False =
 * there is nothing to ask.
 */
extern bool reco_model_words(const RecoMood *mood, const char *prompt, RecoBuffer *text);

/* Writes the key: JSON in ASCII, so that no encoding changes it. False = no memory. */
extern bool reco_model_ask(const RecoModelQuestion *question, RecoBuffer *key);

/* Writes the user's words of such a key; false = it is another question. */
extern bool reco_model_asked(const char *key, RecoBuffer *text);

/* Genres that people write; ends with NULL. */
extern const char *const reco_model_genres[];

#endif							/* RECO_MODEL_ASK_H */
