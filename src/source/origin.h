/*-------------------------------------------------------------------------
 *
 * origin.h
 *	  Where a value comes from.
 *
 * Purpose: one enum for what rows say in column "origin".
 * Runs in: any process, and plain C programs (no server header).
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_ORIGIN_H
#define RECO_ORIGIN_H

/* Names are in source.c. */
typedef enum RecoOrigin
{
	RECO_ORIGIN_LOCAL = 0,		/* the embedded engine */
	RECO_ORIGIN_LIVE,			/* a service, just now */
	RECO_ORIGIN_CACHED,			/* a service, not long ago */
	RECO_ORIGIN_STALE			/* a service, a while ago; it is asked again meanwhile */
} RecoOrigin;

#endif							/* RECO_ORIGIN_H */
