/*-------------------------------------------------------------------------
 *
 * mood.h
 *	  What a prompt means.
 *
 * Purpose: read a prompt's words (negation, degree, era, mentions), then weigh
 *			what the lexicon says of them into targets.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	fail on any words; test a word by substring.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_MOOD_H
#define RECO_MOOD_H

#include "catalogue/fit.h"
#include "reco.h"

#define RECO_MOOD_MAXWORDS		120 /* of a prompt, that are read */
#define RECO_MOOD_MAXPHRASES	RECO_FIT_MAXTERMS
#define RECO_MOOD_MAXMENTIONS	8
#define RECO_MOOD_MAXGENRES		6
#define RECO_MOOD_GENRESIZE		48	/* with the NUL; longer ones are none */

/* One word, or two in a row, that may mean something. */
typedef struct RecoPhrase
{
	char	   *stem;			/* "two words" with one space */
	int			word;			/* where it begins */
	int			nwords;			/* 1, or how far two words reach */
	float		degree;			/* 1; very 1.5; slightly 0.6 */
	bool		negated;
	bool		understood;
	bool		genre;			/* some genre of the catalogue says it */
	float		tightness;		/* 0..1, of what the lexicon says of it */
	int			tracks;			/* evidence; 0 = none */
	float		weight;			/* as a label to look for; all sum up to 1 */
} RecoPhrase;

/* Why a run of words may be a name: the surest first. */
typedef enum RecoMentionKind
{
	RECO_MENTION_QUOTED = 0,	/* of a track or artist; may be misspelt */
	RECO_MENTION_LIKE,			/* the same, behind "like" */
	RECO_MENTION_BY,			/* of an artist, behind "by"; spelt right */
	RECO_MENTION_GUESS			/* of an artist; spelt right */
} RecoMentionKind;

/* A run of words that may be the name of an artist or a track. */
typedef struct RecoMention
{
	int			word;			/* where it begins */
	int			nwords;
	RecoMentionKind kind;
	bool		negated;		/* not wanted */
	bool		resolved;
} RecoMention;

typedef enum RecoEmotion
{
	RECO_EMOTION_NEUTRAL = 0,
	RECO_EMOTION_POSITIVE,
	RECO_EMOTION_NEGATIVE
} RecoEmotion;

typedef enum RecoLevel
{
	RECO_LEVEL_MEDIUM = 0,
	RECO_LEVEL_LOW,
	RECO_LEVEL_HIGH
} RecoLevel;

/* A genre that fits, but is no word of the prompt's: a language model names it. */
typedef struct RecoMoodGenre
{
	char		name[RECO_MOOD_GENRESIZE];
	const char *stem;			/* as of the catalogue's labels; NULL = it has none */
} RecoMoodGenre;

typedef struct RecoMood
{
	const RecoWords *words;
	int			nphrases;
	RecoPhrase	phrases[RECO_MOOD_MAXPHRASES];
	int			nmentions;
	RecoMention mentions[RECO_MOOD_MAXMENTIONS];
	RecoTarget	targets[RECO_NCOLUMNS]; /* in the features' own units */
	int			speaker[RECO_NCOLUMNS]; /* the word that says most of a target, or -1 */
	uint16_t	asked;			/* facets that the prompt asks for */
	uint16_t	excluded;		/* facets that it does not want */
	int			era_from;		/* years, inclusive; 0 = open */
	int			era_to;
	RecoEmotion emotion;
	RecoLevel	energy_level;
	bool		years_ruled_out;	/* some are not wanted, which is no era */
	float		confidence;		/* 0..1 */
	bool		learned;		/* the lexicon's learned rows had a say */
	bool		refined;		/* a language model had one, see model_refine.h */
	int			ngenres;		/* its genres */
	RecoMoodGenre genres[RECO_MOOD_MAXGENRES];
} RecoMood;

/* What the lexicon says of one stem. */
typedef struct RecoMoodEvidence
{
	const char *stem;
	bool		learned;
	bool		genre;
	int			tracks;
	int			answers;		/* of a model, that it rests on; 0 = on none */
	const RecoTarget *targets;	/* RECO_NCOLUMNS */
} RecoMoodEvidence;

/* Reads words into phrases, mentions, era and facets. 'join' makes one
 * string of two stems. */
extern void reco_mood_read(const RecoWords *words, RecoMood *mood,
						   char *(*join)(const char *a, const char *b));

/* Takes the words of resolved mentions out of the phrases. */
extern void reco_mood_drop_mentions(RecoMood *mood);

/*
 * Weighs the evidence into targets, label weights and confidence. 'ntracks' is
 * the size of the catalogue that the evidence was counted in.
 */
extern void reco_mood_weigh(RecoMood *mood, const RecoMoodEvidence *evidence,
							int nevidence, const RecoBackground *background, int ntracks);

/* How clear a row of the lexicon is about a phrase: 0..1. */
extern double reco_mood_clearness(const RecoMoodEvidence *evidence,
								  const RecoBackground *background);

/* Sets level and emotion by the targets, where there are any of these. */
extern void reco_mood_label(RecoMood *mood);

extern const char *reco_mood_emotion_name(RecoEmotion emotion);
extern const char *reco_mood_level_name(RecoLevel level);

#endif							/* RECO_MOOD_H */
