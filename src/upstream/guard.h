/*-------------------------------------------------------------------------
 *
 * guard.h
 *	  Guardrails of a recommendation, and what to try when it was refused.
 *
 * Purpose: find everything that a service would refuse a request for, mend what can
 *			be mended, and look again; make the next, smaller request after a refusal.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	stop at the first finding; call a request good that was not looked at again.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_GUARD_H
#define RECO_GUARD_H

#include <stdbool.h>

#define RECO_GUARD_SEEDS		5	/* most seeds, and most negatives, that go */
#define RECO_GUARD_SIZE			100

/* What was found, as bits; names are in guard.c. */
typedef enum RecoGuardFinding
{
	RECO_GUARD_BLANK = 1 << 0,	/* an id that is empty, or blanks */
	RECO_GUARD_ID = 1 << 1,		/* one that is no id of Spotify's or ReccoBeats' */
	RECO_GUARD_TWICE = 1 << 2,	/* the same id twice in a list */
	RECO_GUARD_MANY = 1 << 3,	/* more ids than the service takes */
	RECO_GUARD_TRACKS = 1 << 4, /* asked for less than 1 or more than 100 tracks */
	RECO_GUARD_OVERLAP = 1 << 5,	/* a negative that is a seed */
	RECO_GUARD_NEGATIVES = 1 << 6,	/* negatives as many as half the seeds, or more */
	RECO_GUARD_MISSING = 1 << 7,	/* an id that ReccoBeats does not have */
	RECO_GUARD_DENIED = 1 << 8, /* on the deny list */
	RECO_GUARD_EMPTY = 1 << 9	/* no seed is left: it cannot be sent */
} RecoGuardFinding;

#define RECO_GUARD_NFINDINGS	10

extern const char *reco_guard_finding_name(int bit);

/* How a list was got at last; each is tried once at most. */
typedef enum RecoTier
{
	RECO_TIER_ASKED = 0,		/* as it was asked for */
	RECO_TIER_BLAMED,			/* without the negatives, which were to blame */
	RECO_TIER_FEWER,			/* with fewer negatives */
	RECO_TIER_SEEDS,			/* with three seeds */
	RECO_TIER_PLAIN,			/* with no negatives at all */
	RECO_TIER_LOCAL,			/* by the embedded engine alone */
	RECO_NTIERS
} RecoTier;

extern const char *reco_tier_name(RecoTier tier);

/* A request as far as guardrails look; the arrays are changed in place. */
typedef struct RecoGuarded
{
	int			nseeds;
	const char **seeds;
	int			nnegatives;
	const char **negatives;
	int			size;			/* tracks asked for */
} RecoGuarded;

/*
 * Mends a request, and returns what was found (bits): it can be sent unless
 * RECO_GUARD_EMPTY is among it. What is left is without any finding.
 */
extern unsigned reco_guard_mend(RecoGuarded *request);

/*
 * Makes the next request after a refusal, and says which tier that is. 'blamed' = the
 * negatives were to blame. RECO_TIER_LOCAL = there is nothing else to try.
 */
extern RecoTier reco_guard_fall_back(RecoGuarded *request, RecoTier from, bool blamed);

#endif							/* RECO_GUARD_H */
