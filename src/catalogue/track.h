/*-------------------------------------------------------------------------
 *
 * track.h
 *	  Tracks and artists as the pipeline sees them, whoever told of them.
 *
 * Purpose: the values that go through the seam.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	point into tuples, or into a matrix that nobody holds.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_TRACK_H
#define RECO_TRACK_H

#include "reco.h"

/* What a listener did with a track; bits. */
#define RECO_EVENT_PLAYED		1
#define RECO_EVENT_LIKED		2	/* like, save */
#define RECO_EVENT_SKIPPED		4	/* skip, dislike */

/* What is known of a track's audio features, as of the catalogue. */
typedef enum RecoMeasured
{
	RECO_MEASURED_UNKNOWN = 0,	/* nobody was asked */
	RECO_MEASURED_ABSENT,		/* who was asked does not know the track */
	RECO_MEASURED
} RecoMeasured;

#define RECO_NO_ROW		UINT32_MAX

/* A track. Strings are NULL, numbers their 'unknown', where nobody told. */
typedef struct RecoTrack
{
	const char *track_id;
	const char *artist_id;		/* of the first artist */
	uint32_t	row;			/* the embedded engine's own handle; RECO_NO_ROW = none */
	int			origin;			/* RecoOrigin: who told of it */
	float		values[RECO_NCOLUMNS];	/* in the features' own units */
	uint32_t	missing;		/* bit per column */
	int			key;			/* -1 = unknown */
	uint16_t	facets;			/* themes and regions */
	int64_t		dup_key;		/* equal for versions of one recording */

	/* evidence for what was asked, from whoever answered */
	float		genre_match;	/* 0..1: words asked for, among its labels */
	float		text_match;		/* 0..1: words asked for, in title or artist */
	float		score;			/* the answerer's own, only for its order */

	/* about the listener, in answers about a listener */
	int			events;
	int			plays;
	int64_t		last_played;	/* TimestampTz; 0 = never */

	/* only in answers of kind track_facts */
	bool		has_facts;
	const char *title;
	const char *artist;
	const char *album;
	const char *isrc;
	const char *release;		/* as precise as known: 1994, 1994-03, 1994-03-07 */
	int			nartist_ids;
	const char **artist_ids;
	int			ngenres;
	const char **genres;
	bool		expired;		/* a service told that, and should be asked again */
	RecoMeasured measured;
	bool		measured_expired;	/* likewise */
} RecoTrack;

typedef struct RecoArtist
{
	const char *artist_id;
	const char *name;
	int			popularity;		/* -1 = unknown */
	float		genre_match;
	float		score;			/* the answerer's own, only for its order */
	bool		fuzzy;			/* found by likeness, not by its exact name */
} RecoArtist;

#endif							/* RECO_TRACK_H */
