/*-------------------------------------------------------------------------
 *
 * reco.h
 *	  Words that every room shares: the audio features and their scales.
 *
 * Purpose: one numbering of the features, from the table's columns to the
 *			last formula.
 * Runs in: any process, and plain C programs (no server header here).
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_H
#define RECO_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The features of a track.  The first RECO_NCOLUMNS of them are the columns of
 * the matrix; RECO_KEY is circular, so it stands apart.
 */
typedef enum RecoFeature
{
	RECO_ACOUSTICNESS = 0,
	RECO_DANCEABILITY,
	RECO_ENERGY,
	RECO_INSTRUMENTALNESS,
	RECO_LIVENESS,
	RECO_SPEECHINESS,
	RECO_VALENCE,
	RECO_LOUDNESS,				/* dB, -60..5 */
	RECO_TEMPO,					/* BPM, above 0..250 */
	RECO_MODE,					/* 1 = major, 0 = minor */
	RECO_POPULARITY,			/* 0..100 */
	RECO_YEAR,					/* of release */
	RECO_KEY					/* 0 = C .. 11 = B */
} RecoFeature;

#define RECO_NAUDIO		10		/* acousticness .. mode */
#define RECO_NCOLUMNS	12		/* what the matrix holds */
#define RECO_NFEATURES	13

/* What a source can say about a track's features as a whole. */
typedef enum RecoFeatureState
{
	RECO_FEATURES_UNKNOWN = 0,	/* not asked yet */
	RECO_FEATURES_ABSENT,		/* the source does not know the track */
	RECO_FEATURES_MEASURED
} RecoFeatureState;

/*
 * What a feature should be: a mean and a spread, in the feature's own unit.
 * weight 0 = says nothing.
 */
typedef struct RecoTarget
{
	float		mean;
	float		sd;
	float		weight;			/* 0..1 as a person would say it */
} RecoTarget;

/* What parts a word from the one before. */
typedef enum RecoGap
{
	RECO_GAP_NONE = 0,
	RECO_GAP_LIST,				/* a slash, a bar, a dash: another item */
	RECO_GAP_SENTENCE			/* a comma, a stop, quotes, brackets */
} RecoGap;

/* One word of a text; strings are folded: no case, no accents. */
typedef struct RecoWord
{
	char	   *written;		/* as written; "" for the rest of a split compound */
	char	   *fold;			/* spelt the one way: hiphop is hip and hop */
	char	   *stem;			/* NULL for a stop word */
	RecoGap		gap;			/* what stood before it */
	bool		capital;		/* began with a capital letter */
	bool		number;			/* digits only */
	int			quote;			/* > 0: inside the n-th pair of quotes */
} RecoWord;

typedef struct RecoWords
{
	int			nwords;
	bool		truncated;		/* there were more than were asked for */
	RecoWord   *words;
} RecoWords;

/* The names of the features, as the columns of reco.track and JSON keys. */
extern const char *reco_feature_name(int feature);

/* The feature of a name, or -1. */
extern int	reco_feature_of(const char *name);

#endif							/* RECO_H */
