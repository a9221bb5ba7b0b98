/*-------------------------------------------------------------------------
 *
 * spotify_parts.h
 *	  What the files of the Spotify adapter share.
 *
 * Purpose: requests (spotify_request.c), objects to values (spotify_read.c),
 *			the words of errors (spotify_error.c).
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	let files of other services include it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_SPOTIFY_PARTS_H
#define RECO_SPOTIFY_PARTS_H

#include "json.h"
#include "service.h"
#include "spotify.h"

#define RECO_SPOTIFY_NONE		(-1)	/* no endpoint is left */
#define RECO_SPOTIFY_ID_SIZE	64	/* an id has 22 characters; and one for NUL */

/* ---- spotify_request.c ---- */

extern bool reco_spotify_build(const RecoCall *call, RecoHttpRequest *request);

/*
 * Chooses the endpoint for a call with so many keys, of those that are open. A
 * probe is there to find out what is open, so it asks unless there is no quota.
 */
extern int reco_spotify_choose(const RecoCall *call, const RecoCapabilities *capabilities,
							   int nkeys);

/* How many results a search asked for; capabilities may have changed since. */
extern int	reco_spotify_asked_limit(const RecoHttpRequest *request);

/* Copies the id in "id name" of RECO_OP_ARTIST_TRACKS; false when it is too long. */
extern bool reco_spotify_artist_id(const char *key, char *id);

/* ---- spotify_read.c ---- */

/*
 * Writes a track's or an artist's value; false, and nothing is written, for what
 * is none: null, an episode, a local file. 'asked' is the id that was asked for,
 * NULL in a list.
 */
extern bool reco_spotify_put_track(RecoBuffer *out, const json_t *track,
								   const char *asked);
extern bool reco_spotify_put_artist(RecoBuffer *out, const json_t *artist);

/*
 * Writes [...] of the items that are tracks or artists, each once. With 'by',
 * only tracks of the artist with that id.
 */
extern void reco_spotify_put_tracks(RecoBuffer *out, const json_t *items, const char *by);
extern void reco_spotify_put_artists(RecoBuffer *out, const json_t *items);

/*
 * Finds the record that answers keys[k] in the list of a batch. NULL with fresh:
 * there is none, the list says; NULL with malformed: the list does not say.
 */
extern const json_t *reco_spotify_find(const json_t *list, const char *const *keys,
									   int nkeys, int k, RecoOutcome *outcome);

/* ---- spotify_error.c ---- */

/* What the body of an error says; strings belong to 'parsed' or the body. */
typedef struct RecoSpotifyError
{
	json_t	   *parsed;			/* NULL = no JSON */
	bool		empty;			/* no body, or blanks */
	bool		html;
	const char *name;			/* OAuth's "error", NULL elsewhere */
	const char *message;		/* NULL = it says nothing */
	const char *reason;			/* the optional third member, or NULL */
} RecoSpotifyError;

extern void reco_spotify_error_read(const RecoHttpResponse *response,
									RecoSpotifyError *error);
extern void reco_spotify_error_free(RecoSpotifyError *error);

/* Does the message have these words, in whatever case? */
extern bool reco_spotify_error_says(const RecoSpotifyError *error, const char *words);

/* Nothing but white space? */
extern bool reco_spotify_is_blank(const char *body, size_t len);

/* Does JSON end before its brackets and quotes are closed? */
extern bool reco_spotify_is_cut(const char *body, size_t len);

#endif							/* RECO_SPOTIFY_PARTS_H */
