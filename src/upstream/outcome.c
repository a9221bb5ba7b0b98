/*-------------------------------------------------------------------------
 *
 * outcome.c
 *	  How a question to a service can end.
 *
 * Purpose: see outcome.h.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	know a service.
 *
 *-------------------------------------------------------------------------
 */
#include "outcome.h"

#include <stddef.h>

typedef struct OutcomeTraits
{
	const char *name;
	bool		retryable;
} OutcomeTraits;

/*
 * Retryable is what says nothing about the question itself, and passes soon: a
 * used up quota lasts for hours, a malformed answer was already asked for twice.
 */
static const OutcomeTraits traits[RECO_NOUTCOMES] = {
	[RECO_OUTCOME_FRESH] = {"fresh", false},
	[RECO_OUTCOME_ABSENT] = {"absent", false},
	[RECO_OUTCOME_DENIED] = {"denied", false},
	[RECO_OUTCOME_REJECTED] = {"rejected", false},
	[RECO_OUTCOME_REFUSED] = {"refused", false},
	[RECO_OUTCOME_LIMITED] = {"limited", true},
	[RECO_OUTCOME_QUOTA] = {"quota", false},
	[RECO_OUTCOME_UNAVAILABLE] = {"unavailable", true},
	[RECO_OUTCOME_TIMEOUT] = {"timeout", true},
	[RECO_OUTCOME_MALFORMED] = {"malformed", false},
	[RECO_OUTCOME_UNAUTHORISED] = {"unauthorised", false},
	[RECO_OUTCOME_CANCELLED] = {"cancelled", true},
	[RECO_OUTCOME_BUSY] = {"busy", true},
	[RECO_OUTCOME_LOST] = {"lost", true},
	[RECO_OUTCOME_UNCONFIGURED] = {"unconfigured", false},
};

/* Names an outcome; "unknown" for what is none. */
const char *
reco_outcome_name(RecoOutcome outcome)
{
	if ((unsigned) outcome >= RECO_NOUTCOMES)
		return "unknown";
	return traits[outcome].name;
}

/* Tells whether the same question may well be answered in a moment. */
bool
reco_outcome_is_retryable(RecoOutcome outcome)
{
	return (unsigned) outcome < RECO_NOUTCOMES && traits[outcome].retryable;
}
