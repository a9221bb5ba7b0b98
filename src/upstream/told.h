/*-------------------------------------------------------------------------
 *
 * told.h
 *	  What values of services tell of tracks, artists and features.
 *
 * Purpose: turn values as adapters write them into rows for the catalogue, checked, as
 *			JSON: so that all rows of many values are written by one statement.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	pass on what the catalogue could not hold; fill in what was not told.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_TOLD_H
#define RECO_TOLD_H

#include "buffer.h"
#include "service.h"

/* Bounds of the catalogue's texts, as of an import. */
#define RECO_TOLD_CHARACTERS		1000
#define RECO_TOLD_GENRE_CHARACTERS	100
#define RECO_TOLD_MOST_ARTISTS		100 /* of a track */
#define RECO_TOLD_MOST_GENRES		100 /* of an artist */

/*
 * Rows of one kind: a JSON array. Each row has its number "n", from 0, "source" and
 * "fetched".
 *
 * tracks	{"track_id", "title", "artists": [names], "ids": [Spotify's], "album",
 *			"album_id", "isrc", "released": a day, "precision", "duration_ms",
 *			"explicit", "popularity"}
 * artists	{"artist_id", "name", "whole": told as an artist, not with a track,
 *			"genres", "popularity"}
 * features {"track_id", "absent", and what was measured}
 *
 * Only what was told is there.
 */
typedef struct RecoToldRows
{
	RecoBuffer	json;
	int			n;
} RecoToldRows;

typedef struct RecoTold
{
	RecoToldRows tracks;
	RecoToldRows artists;
	RecoToldRows features;
	int			nskipped;		/* what is no track, artist or feature; or no value */
} RecoTold;

/* Do values of an operation tell of tracks, artists or features? */
extern bool reco_told_is_of(RecoOperation operation);

/* Which service tells them. */
extern RecoService reco_told_service(RecoOperation operation);

/*
 * Adds what a value (NULL = absent) of a key tells; 'fetched' is written as it is. False
 * = memory is short, or there is more than 64 MB.
 */
extern void reco_told_begin(RecoTold *told);
extern bool reco_told_add(RecoTold *told, RecoOperation operation, const char *key,
						  const char *value, int64_t fetched);

/* Ends the arrays; and frees them. */
extern void reco_told_end(RecoTold *told);
extern void reco_told_free(RecoTold *told);

#endif							/* RECO_TOLD_H */
