/*-------------------------------------------------------------------------
 *
 * popular_text.h
 *	  The candidates of a popular mood, as text.
 *
 * Purpose: write what a run for nobody found, so that it can be kept, and read it again.
 * Runs in: any process with a database.
 * Locks:	none.
 * Never:	trust the text: it may come from a table that somebody edited.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_POPULAR_TEXT_H
#define RECO_POPULAR_TEXT_H

#include "compat.h"

#include "common/hashfn.h"
#include "run.h"

#define RECO_POPULAR_MOST	200 /* candidates that are kept, the best ones */

/* What is kept of a popular mood. Nobody changes it: fits work on copies. */
typedef struct RecoPopular
{
	const char *prompt;
	int64		run_id;			/* of the run that found the candidates */
	TimestampTz made_at;
	RecoMood	mood;
	RecoFit		fit;
	RecoBackground background;
	int			era_from;
	int			era_to;
	bool		has_words;
	bool		has_labels;
	int			nseeds;
	RecoTrack **seeds;
	int			ncandidates;
	RecoCandidate *candidates;	/* best first, for nobody in particular */
	uint64	   *hashes;			/* of their ids, ascending */
	RecoRanking ranking;		/* as they were rated, for nobody; popular_fit.h */
} RecoPopular;

/* A number for a track's id. */
static inline uint64
reco_popular_hash(const char *track_id)
{
	return hash_bytes_extended((const unsigned char *) track_id, (int) strlen(track_id),
							   0);
}

/* Writes what a run found, in the database's encoding. */
extern char *reco_popular_write(const RecoRun *run, const char *prompt);

/* Reads it, in the current context; NULL where the text is none. */
extern RecoPopular *reco_popular_read(const char *text);

#endif							/* RECO_POPULAR_TEXT_H */
