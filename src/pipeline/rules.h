/*-------------------------------------------------------------------------
 *
 * rules.h
 *	  What a delivered list must obey.
 *
 * Purpose: admit candidates one by one; every rule in one place.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	admit a candidate whose facts are not known.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_RULES_H
#define RECO_RULES_H

#include "catalogue/fit.h"
#include "rank.h"

#define RECO_ARTIST_CAP		2	/* tracks of one artist */

/* What the rules judge by, and what they admitted so far. */
typedef struct RecoRules
{
	int			size;			/* T */
	const RecoFit *fit;
	uint16_t	themes;			/* facets that are themes */
	int			nnegative;
	const char **negative;		/* track ids, ascending */
	int			nexcluded;
	const char **excluded;		/* artist ids, ascending */
	int			nmentioned;
	const char **mentioned;		/* artist ids, ascending */
	int			nrecent;
	const char **recent;		/* track ids played lately, ascending */

	int			nadmitted;
	int			nof_mentioned;
	const RecoTrack *admitted[512];
} RecoRules;

/*
 * Judges a candidate against what was admitted; facts must be there. Does not
 * admit it.
 */
extern RecoRule reco_rules_judge(const RecoRules *rules, const RecoCandidate *candidate);

/* Admits a candidate that was judged RECO_RULE_NONE. */
extern void reco_rules_admit(RecoRules *rules, const RecoCandidate *candidate);

/* Takes the admitted track at 'index' back out. */
extern void reco_rules_expel(RecoRules *rules, int index);

/* Is a sorted list of ids holding an id? */
extern bool reco_rules_listed(const char *const *ids, int nids, const char *id);

/* Sorts a list of ids for reco_rules_listed. */
extern void reco_rules_sort(const char **ids, int nids);

#endif							/* RECO_RULES_H */
