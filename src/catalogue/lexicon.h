/*-------------------------------------------------------------------------
 *
 * lexicon.h
 *	  reco.mood_term: what words mean, as ranges of features.
 *
 * Purpose: look words up, and learn them from the catalogue's labels.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of its statements; learning takes ShareUpdateExclusiveLock.
 * Never:	keep a copy: a DBA's edit counts at the next call.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_LEXICON_H
#define RECO_LEXICON_H

#include "compat.h"

#include "commands/trigger.h"
#include "reco.h"

/* What one row says. Targets are in the features' own units. */
typedef struct RecoLexiconTerm
{
	const char *stem;
	bool		learned;
	bool		genre;			/* some genre of the catalogue says it */
	int			tracks;			/* evidence; of a built-in or manual row as if */
	int			answers;		/* of a model, that it rests on; 0 = another row */
	RecoTarget	targets[RECO_NCOLUMNS];
} RecoLexiconTerm;

/* The stem of the row that holds the catalogue's own means and spreads. */
#define RECO_LEXICON_BACKGROUND		"*"

/* Returns the rows of these stems, in the caller's context. */
extern RecoLexiconTerm *reco_lexicon_lookup(const char *const *stems, int nstems,
											int *nfound);

/* Rebuilds the learned rows from the catalogue's labels; returns how many. */
extern int64 reco_lexicon_learn_terms(void);

/* The same from what is at hand of the catalogue. */
struct RecoMatrix;
extern int64 reco_lexicon_learn_from(struct RecoMatrix *matrix);

/* The same, for those who do not ask how many. */
extern void reco_lexicon_learn(void);

/* What answers of a language model say of one stem; see learn_model.c. */
typedef struct RecoLesson
{
	const char *stem;
	int			answers;		/* so many */
	RecoTarget	targets[RECO_NCOLUMNS]; /* in the features' own units */
} RecoLesson;

/*
 * Adds lessons to the model's rows of the lexicon: what several answers said of a stem is
 * averaged. For the keeper. False = nothing was written, since the table is locked: that
 * is an import, which takes long.
 */
extern bool reco_lexicon_teach(const RecoLesson *lessons, int nlessons);

/* BEFORE ROW trigger of reco.mood_term: checks targets, derives the stem. */
extern Datum reco_lexicon_derive_row(TriggerData *trigger);

#endif							/* RECO_LEXICON_H */
