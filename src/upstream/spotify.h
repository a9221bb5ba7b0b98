/*-------------------------------------------------------------------------
 *
 * spotify.h
 *	  Spotify's endpoints and caps.
 *
 * Purpose: numbers that the tables in service.c share with the adapter: which
 *			endpoints are told apart, and how many keys a call may have.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	renumber: the numbers are bits of capabilities in shared memory.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_SPOTIFY_H
#define RECO_SPOTIFY_H

#include "service.h"

typedef enum RecoSpotifyEndpoint
{
	RECO_SPOTIFY_SEARCH = 0,
	RECO_SPOTIFY_TOP_TRACKS,
	RECO_SPOTIFY_TOP_ARTISTS,
	RECO_SPOTIFY_TRACKS,		/* several, by ids */
	RECO_SPOTIFY_ARTISTS,		/* several, by ids */
	RECO_SPOTIFY_TRACK,
	RECO_SPOTIFY_ARTIST,
	RECO_SPOTIFY_ARTIST_TOP_TRACKS,
	RECO_SPOTIFY_TOKEN,			/* below accounts_url */
	RECO_SPOTIFY_NENDPOINTS
} RecoSpotifyEndpoint;

/* Most ids of a batch read; most results of a page, by access class. */
#define RECO_SPOTIFY_BATCH_MAX			50
#define RECO_SPOTIFY_LIMIT_EXTENDED		50
#define RECO_SPOTIFY_LIMIT_DEVELOPMENT	10

/*
 * What answers showed of an app: bits of capabilities->dropped. Who gets all fields has
 * the endpoints and limits of old, or may try; who gets fewer has those of 2026.
 */
#define RECO_SPOTIFY_ALL_FIELDS			1
#define RECO_SPOTIFY_FEWER_FIELDS		2

/* Is an app one in development mode: is that said, or was it seen? And is it none? */
extern bool reco_spotify_is_development(const RecoOptions *options,
										const RecoCapabilities *capabilities);
extern bool reco_spotify_is_extended(const RecoOptions *options,
									 const RecoCapabilities *capabilities);

#endif							/* RECO_SPOTIFY_H */
