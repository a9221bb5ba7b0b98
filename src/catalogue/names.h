/*-------------------------------------------------------------------------
 *
 * names.h
 *	  Finding tracks and artists by what they are called.
 *
 * Purpose: names, titles and words of a prompt -> ids, through the indexes on
 *			stored folded columns: exact, then by likeness (pg_trgm), and full
 *			text.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of its SELECTs.
 * Never:	let a common word read half the catalogue: words that more than
 *			RECO_NAMES_COMMON tracks carry find nothing here.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_NAMES_H
#define RECO_NAMES_H

#include "compat.h"

#include "track.h"

#define RECO_NAMES_COMMON	200

/* One hit. */
typedef struct RecoName
{
	const char *track_id;		/* NULL for an artist */
	const char *artist_id;
	const char *name;			/* of an artist */
	int			popularity;		/* -1 = unknown */
	bool		fuzzy;
	int			word;			/* which of the words, for reco_names_words */
} RecoName;

/* Results are in the caller's context, the best first. */
extern RecoName *reco_names_artists(const char *name, bool exact, int limit, int *nfound);
extern RecoName *reco_names_tracks(const char *title, const char *artist, bool exact,
								   int limit, int *nfound);

/* Is there an artist of this very name? 'learned': only services told of such. */
extern bool reco_names_is_artist(const char *name, bool *learned);

/* Those of some tracks that services should be asked for again, in the order of ids. */
extern const char **reco_names_expired(const char *const *ids, int nids, int *nfound);

/* Tracks whose artist or title holds one of the stems, as (word, track). */
extern RecoName *reco_names_words(const char *const *stems, int nstems, uint64 catalogue,
								  int *nfound);

/* The artists of these ids that the catalogue has, in the order of ids. */
extern RecoName *reco_names_artist_ids(const char *const *ids, int nids, int *nfound);

/* All that is known of these tracks. */
extern RecoTrack **reco_names_facts(const char *const *ids, int nids, int *nfound);

#endif							/* RECO_NAMES_H */
