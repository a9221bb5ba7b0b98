/*-------------------------------------------------------------------------
 *
 * demo.h
 *	  A made-up catalogue to try things on: reco_demo_catalogue.
 *
 * Purpose: fill the tables with made-up artists, tracks, playlists, listeners.
 * Runs in: backend, in a transaction that may write.
 * Locks:	ShareUpdateExclusiveLock on reco.artist, so that two calls take turns;
 *			then RowExclusiveLock on the tables it fills.
 * Never:	touch a row that it did not make.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_DEMO_H
#define RECO_DEMO_H

#include "compat.h"

#define RECO_DEMO_MAX_TRACKS	2000000
#define RECO_DEMO_MAX_LISTENERS	32

/* What a call made. */
typedef struct RecoDemoReport
{
	int64		tracks;
	int64		artists;
	int			playlists;		/* with at least one track */
	int64		listens;
	int64		feedback;
	int64		replaced;		/* tracks of an earlier call that went away */
	int			nlisteners;
	const char *listeners[RECO_DEMO_MAX_LISTENERS];
} RecoDemoReport;

/*
 * Replaces the demo catalogue by one of 'ntracks' tracks; the same arguments give
 * the same rows on every machine.  ntracks is 1 .. RECO_DEMO_MAX_TRACKS.
 */
extern void reco_demo_build(int ntracks, int32 seed, RecoDemoReport *report);

#endif							/* RECO_DEMO_H */
