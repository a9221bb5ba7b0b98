/*-------------------------------------------------------------------------
 *
 * model_answer.h
 *	  What a language model said of a prompt, checked field by field.
 *
 * Purpose: read the value of a completion into bounded fields. What is wrong with a
 *			field costs that field only; what is nothing as a whole has a reason.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	trust a model: it writes what it likes, and a prompt may tell it what.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_MODEL_ANSWER_H
#define RECO_MODEL_ANSWER_H

#include <stddef.h>

#include "mood.h"

#define RECO_MODEL_NFEATURES	11	/* acousticness .. popularity: not the year */
#define RECO_MODEL_MAXARTISTS	8
#define RECO_MODEL_MAXGENRES	RECO_MOOD_MAXGENRES
#define RECO_MODEL_MAXNAMED		4	/* artists, and tracks, that the prompt names */
#define RECO_MODEL_NAMESIZE		128 /* with the NUL; longer names are none */
#define RECO_MODEL_GENRESIZE	RECO_MOOD_GENRESIZE
#define RECO_MODEL_WHOSIZE		64	/* which model; longer ones are cut */

typedef struct RecoModelTrack
{
	char		title[RECO_MODEL_NAMESIZE];
	char		artist[RECO_MODEL_NAMESIZE];	/* "" = not said */
} RecoModelTrack;

/* All strings are UTF-8. */
typedef struct RecoModelAnswer
{
	RecoTarget	targets[RECO_NCOLUMNS];
	bool		has_level;
	RecoLevel	level;
	bool		has_emotion;
	RecoEmotion emotion;
	int			nartists;		/* whose music fits */
	char		artists[RECO_MODEL_MAXARTISTS][RECO_MODEL_NAMESIZE];
	int			ngenres;
	char		genres[RECO_MODEL_MAXGENRES][RECO_MODEL_GENRESIZE];
	int			nnamed;			/* whom the prompt names */
	char		named[RECO_MODEL_MAXNAMED][RECO_MODEL_NAMESIZE];
	int			ntracks;		/* and which tracks */
	RecoModelTrack tracks[RECO_MODEL_MAXNAMED];
	uint16_t	preferred;		/* regions */
	uint16_t	excluded;		/* regions and themes */
	int			era_from;		/* years, inclusive; 0 = open */
	int			era_to;
	float		confidence;		/* 0..1; where it said none, a half */

	char		who[RECO_MODEL_WHOSIZE];	/* which model; "" = not said */
	int			prompt_tokens;	/* 0 = not said */
	int			completion_tokens;
	int			nfields;		/* that say something */
	int			ndropped;		/* fields, and items of lists, that were no good */
} RecoModelAnswer;

/*
 * Reads a completion's value (JSON, see upstream/completion.h). False = it is of no use,
 * and 'why' says so; the tokens are read all the same.
 */
extern bool reco_model_read(const char *value, size_t len, RecoModelAnswer *answer,
							const char **why);

/* Names in the question's schema and in the answer. */
extern const char *reco_model_feature_name(int i);
extern const char *reco_model_level_name(int i);
extern const char *reco_model_emotion_name(int i);

#endif							/* RECO_MODEL_ANSWER_H */
