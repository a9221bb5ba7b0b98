/*-------------------------------------------------------------------------
 *
 * learned.h
 *	  The part of the catalogue that services told.
 *
 * Purpose: write rows that services told beside those that somebody imported or wrote,
 *			which are never changed but where features are unknown; and remove what is
 *			out of date.
 * Runs in: the keeper, in a transaction that it began for that.
 * Locks:	those of its statements. Whether the tables are
 *			free is asked first.
 * Never:	make a list that is kept invalid: see change.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_LEARNED_H
#define RECO_LEARNED_H

#include "compat.h"

#include "datatype/timestamp.h"

/* Rows as upstream/told.h has them, in the database's encoding. */
typedef struct RecoLearnedRows
{
	const char *json;
	int			n;
} RecoLearnedRows;

/* What became of rows. */
typedef struct RecoLearnedCounts
{
	int64		tracks;			/* written */
	int64		artists;
	int64		features;
	int64		skipped;		/* they broke a constraint, or a trigger refused them */
	int64		lost;
	int64		removed;
	int64		labelled;		/* tracks that got other genres */
	bool		genres;			/* some artist's genres are news */
} RecoLearnedCounts;

/* An answer about features that is kept, of a track that has none yet. */
typedef struct RecoLearnedAnswer
{
	char	   *track_id;
	char	   *value;			/* NULL = absent */
	TimestampTz fetched_at;
} RecoLearnedAnswer;

/* Locks the tables as writing does; false = somebody has one, and nothing waits. */
extern bool reco_learned_lock(void);

/* The same, of the lexicon, for somebody who writes all of it. */
extern bool reco_learned_lock_lexicon(void);

/*
 * Each writes rows, and adds to the counts. An ERROR that is about the rows is found
 * among them, and those that have it are skipped; any other is raised.
 */
extern void reco_learned_artists(const RecoLearnedRows *rows, RecoLearnedCounts *counts);
extern void reco_learned_tracks(const RecoLearnedRows *rows, RecoLearnedCounts *counts);
extern void reco_learned_features(const RecoLearnedRows *rows, RecoLearnedCounts *counts);

/* What is kept of features of tracks that were just written and have none. */
extern RecoLearnedAnswer *reco_learned_kept(const RecoLearnedRows *tracks, int *nfound);

/*
 * Removes up to 'most' rows: those that nobody told again in time, and the oldest ones
 * of more than 'tracks'. Returns whether there may be more.
 */
extern bool reco_learned_trim(int64 tracks, int most, RecoLearnedCounts *counts);

/*
 * Looks at the next 'most' tracks for features that nobody told again in time; false =
 * that was the last of them, and the next call begins anew.
 */
extern bool reco_learned_sweep(int most, RecoLearnedCounts *counts);

/* Adds to what the view shows. */
extern void reco_learned_note(const RecoLearnedCounts *counts, bool published,
							  bool lexicon);

#endif							/* RECO_LEARNED_H */
