/*-------------------------------------------------------------------------
 *
 * engine.h
 *	  The embedded engine: answers from the local catalogue.
 *
 * Purpose: answer every kind of question that the seam knows, from reco's own
 *			tables and the matrix; several questions share one pass.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of its SELECTs.
 * Never:	keep SPI, a snapshot or memory of the transaction after a call.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_ENGINE_H
#define RECO_ENGINE_H

#include "compat.h"

#include "fit.h"
#include "matrix.h"
#include "track.h"

/* One question. Which fields count is said at each function. */
typedef struct RecoKey
{
	const char *id;				/* a listener's or artist's */
	const char *name;			/* of a track or artist to find */
	const char *artist;			/* with the name of a track */
	bool		exact;			/* no likeness, only the folded name */
	bool		required;		/* a rule rests on it: asked however late it is */
	bool		brief;			/* of a listener: nobody asks for artists */
	const RecoFit *fit;			/* what to look for */
	int			nwords;			/* stems that a title or artist may hold */
	const char *const *words;
	int			nseeds;			/* look around these */
	RecoTrack **seeds;
	int			nnegatives;		/* and away from these */
	RecoTrack **negatives;
	int			nids;			/* tracks to tell about */
	const char *const *ids;
	int			limit;			/* at most this many */
	TimestampTz since;			/* of a history: all plays since then, at least */

	/* for services only; the engine does not look at these, but for 'enough' */
	const char *query;			/* of a search without a name: a service's search text */
	const char *question;		/* to a language model: JSON, see upstream/completion.h */
	int			enough;			/* no service is asked where the engine has so many whose
								 * time is not over; 0 = is */
	bool		catalogue_only; /* no service is asked for what is not there; those
								 * that one told of by itself may be told about */
} RecoKey;

/* One answer: as many tracks or artists as there are, best first. */
typedef struct RecoAnswer
{
	bool		done;			/* false: the deadline came first */
	bool		partial;		/* from a part of the catalogue only */
	int			ntracks;
	RecoTrack **tracks;
	int			nartists;
	RecoArtist **artists;
	int			expired;		/* of an artist's tracks: out of date; see 'enough' */
} RecoAnswer;

/* A run's hold on the catalogue; lives in the run's memory context. */
typedef struct RecoEngine RecoEngine;

extern RecoEngine *reco_engine_open(MemoryContext context);

/* What the catalogue at large is like; NULL before the first scan. */
extern const RecoBackground *reco_engine_background(RecoEngine *engine);

/* How many tracks the engine has in hand; 0 before the first scan. */
extern uint32 reco_engine_tracks(const RecoEngine *engine);

/* Were scans made over another state of the catalogue than this transaction sees? */
extern bool reco_engine_is_behind(const RecoEngine *engine);

/*
 * Each answers one key, in the engine's context, until 'give_up' (0 = never).
 *
 * track_search: fit, words, limit -> tracks that fit; or name, artist, exact.
 * artist_search: fit, limit -> artists whose tracks fit; or name, exact.
 * artist_tracks: id, fit, limit -> the artist's best-fitting tracks.
 * recommendation: fit, seeds, negatives, limit -> tracks near the seeds; once the
 *	fit was searched for and says anything, among those that fit best.
 * user_top_tracks, user_top_artists: id, since, limit -> what the listener plays.
 * user_history: id, since -> what was played lately, liked or skipped.
 * track_facts: ids -> the tracks with all that is known of them.
 */
typedef enum RecoEngineKind
{
	RECO_ENGINE_TRACK_SEARCH,
	RECO_ENGINE_ARTIST_SEARCH,
	RECO_ENGINE_ARTIST_TRACKS,
	RECO_ENGINE_RECOMMENDATION,
	RECO_ENGINE_USER_TOP_TRACKS,
	RECO_ENGINE_USER_TOP_ARTISTS,
	RECO_ENGINE_USER_HISTORY,
	RECO_ENGINE_TRACK_FACTS
} RecoEngineKind;

typedef struct RecoEngineQuestion
{
	RecoEngineKind kind;
	const RecoKey *key;
	RecoAnswer *answer;
} RecoEngineQuestion;

/* Answers all questions; those that scan share one pass over the matrix. */
extern void reco_engine_answer(RecoEngine *engine, RecoEngineQuestion *questions,
							   int nquestions, TimestampTz give_up);

/*
 * Where the tracks of a track's artist stand in the matrix; the track is of an answer to
 * artist_tracks. And that answer once more, or for another fit, without looking for the
 * artist: false where these rows are not the artist's tracks (any more). What comes is
 * what reco_engine_answer would say.
 */
extern bool reco_engine_artist_rows(const RecoEngine *engine, const RecoTrack *track,
									uint32 *first, uint32 *nrows);
extern bool reco_engine_artist_again(RecoEngine *engine, const RecoKey *key, uint32 first,
									 uint32 nrows, TimestampTz give_up,
									 RecoAnswer *answer);

/*
 * How much a track stands for the words of a fit (0..1), as a search would say; below 0
 * it is banned. 'row' is the track's, RECO_NO_ROW where only its artist is in the
 * catalogue. False = neither is, or it was not searched yet.
 */
extern bool reco_engine_match(RecoEngine *engine, const RecoFit *fit,
							  const RecoTrack *track, uint32 *row, float *match);

/* Is a part of the catalogue out of hand? */
extern bool reco_engine_is_partial(const RecoEngine *engine);

#endif							/* RECO_ENGINE_H */
