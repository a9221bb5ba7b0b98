/*-------------------------------------------------------------------------
 *
 * live_facts.h
 *	  What services tell, as tracks and artists.
 *
 * Purpose: read the values of upstream/, and derive what the catalogue's triggers
 *			would: so that all rules hold for live tracks as well.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of syscache look-ups.
 * Never:	fail on what a service left out.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_LIVE_FACTS_H
#define RECO_LIVE_FACTS_H

#include "compat.h"

#include "catalogue/fit.h"
#include "catalogue/text.h"
#include "catalogue/track.h"

/* An artist that a service told of. */
typedef struct RecoLiveArtist
{
	RecoArtist	artist;
	int			ngenres;
	const char **genres;
} RecoLiveArtist;

/* What stands in a value; all in the current context. */
typedef struct RecoLiveFacts
{
	int			ntracks;
	RecoTrack **tracks;			/* with facts, but nothing derived yet */
	int			nartists;
	RecoLiveArtist **artists;
} RecoLiveFacts;

/* Reads a value: an object with lists "tracks" and "artists", or one track. */
extern void reco_live_read(const RecoTextTools *tools, const char *json,
						   RecoLiveFacts *facts);

/* Reads the id that ReccoBeats has for a track; NULL = none. */
extern char *reco_live_read_id(const char *json);

/* Reads audio features into a track. */
extern void reco_live_read_features(const char *json, RecoTrack *track);

/* Fills facets and the duplicate key, as the catalogue's trigger does. */
extern void reco_live_derive(const RecoTextTools *tools, RecoTrack *track);

/*
 * How much of what a fit asks for is said by a track's genres, 0..1; -1 = they say
 * what the fit bans.
 */
extern float reco_live_match(const RecoTextTools *tools, const RecoTrack *track,
							 const RecoFit *fit);

#endif							/* RECO_LIVE_FACTS_H */
