/*-------------------------------------------------------------------------
 *
 * guard.c
 *	  Guardrails of a recommendation, and what to try when it was refused.
 *
 * Purpose: see guard.h.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	change the order of ids: the first seeds are the best ones.
 *
 *-------------------------------------------------------------------------
 */
#include "guard.h"

#include <string.h>
#include <strings.h>

#include "service.h"

#define FEW_SEEDS		3		/* of the third tier */

static unsigned mend_once(RecoGuarded *request);
static unsigned mend_ids(const char **ids, int *n);
static unsigned drop_overlap(RecoGuarded *request);
static bool is_blank(const char *id);
static bool is_same(const char *a, const char *b);
static int	least(int a, int b);

static const char *const finding_names[RECO_GUARD_NFINDINGS] = {
	"blank_id", "malformed_id", "id_twice", "too_many_ids", "size", "overlap",
	"too_many_negatives", "missing_id", "denied", "no_seeds"
};

static const char *const tier_names[RECO_NTIERS] = {
	"as asked", "negatives dropped", "fewer negatives", "three seeds", "no negatives",
	"embedded engine"
};

const char *
reco_guard_finding_name(int bit)
{
	return finding_names[bit];
}

const char *
reco_tier_name(RecoTier tier)
{
	return tier_names[tier];
}

/* Mends until nothing more is found: what one rule takes away, another one counts. */
unsigned
reco_guard_mend(RecoGuarded *request)
{
	unsigned	found = 0;
	unsigned	more;

	do
	{
		more = mend_once(request);
		found |= more;
	} while ((more & ~(unsigned) RECO_GUARD_EMPTY) != 0);
	return found;
}

/* One look at everything. */
static unsigned
mend_once(RecoGuarded *request)
{
	unsigned	found = mend_ids(request->seeds, &request->nseeds);

	found |= mend_ids(request->negatives, &request->nnegatives);
	found |= drop_overlap(request);
	if (request->nnegatives > 0 && 2 * request->nnegatives >= request->nseeds)
	{
		request->nnegatives = request->nseeds > 0 ? (request->nseeds - 1) / 2 : 0;
		found |= RECO_GUARD_NEGATIVES;
	}
	if (request->size < 1 || request->size > RECO_GUARD_SIZE)
	{
		request->size = request->size < 1 ? 1 : RECO_GUARD_SIZE;
		found |= RECO_GUARD_TRACKS;
	}
	if (request->nseeds == 0)
		found |= RECO_GUARD_EMPTY;
	return found;
}

/* Drops ids that are none, or stand there twice, and the last ones of too many. */
static unsigned
mend_ids(const char **ids, int *n)
{
	unsigned	found = 0;
	int			kept = 0;

	for (int i = 0; i < *n; i++)
	{
		size_t		len = ids[i] ? strlen(ids[i]) : 0;
		int			k = 0;

		if (is_blank(ids[i]))
			found |= RECO_GUARD_BLANK;
		else if (!reco_is_spotify_id(ids[i], len) && !reco_is_uuid(ids[i], len))
			found |= RECO_GUARD_ID;
		else
		{
			while (k < kept && !is_same(ids[k], ids[i]))
				k++;
			if (k < kept)
				found |= RECO_GUARD_TWICE;
			else
				ids[kept++] = ids[i];
		}
	}
	if (kept > RECO_GUARD_SEEDS)
		found |= RECO_GUARD_MANY;
	*n = least(kept, RECO_GUARD_SEEDS);
	return found;
}

/* Drops negatives that are seeds. */
static unsigned
drop_overlap(RecoGuarded *request)
{
	unsigned	found = 0;
	int			kept = 0;

	for (int i = 0; i < request->nnegatives; i++)
	{
		int			k = 0;

		while (k < request->nseeds && !is_same(request->seeds[k], request->negatives[i]))
			k++;
		if (k < request->nseeds)
			found |= RECO_GUARD_OVERLAP;
		else
			request->negatives[kept++] = request->negatives[i];
	}
	request->nnegatives = kept;
	return found;
}

static bool
is_blank(const char *id)
{
	return !id || id[strspn(id, " \t\r\n\v\f")] == '\0';
}

/* UUIDs are the same in any case, Spotify's ids are not. */
static bool
is_same(const char *a, const char *b)
{
	return (reco_is_uuid(a, strlen(a)) ? strcasecmp(a, b) : strcmp(a, b)) == 0;
}

static int
least(int a, int b)
{
	return a < b ? a : b;
}

/* Goes down from tier to tier, past those that would ask for the same again. */
RecoTier
reco_guard_fall_back(RecoGuarded *request, RecoTier from, bool blamed)
{
	if (from < RECO_TIER_BLAMED && blamed && request->nnegatives > 0)
	{
		request->nnegatives = 0;
		return RECO_TIER_BLAMED;
	}
	if (from < RECO_TIER_FEWER && request->nnegatives > 1)
	{
		request->nnegatives = least(request->nnegatives / 2,
									request->nseeds > 0 ? (request->nseeds - 1) / 2 : 0);
		return RECO_TIER_FEWER;
	}
	if (from < RECO_TIER_SEEDS && request->nseeds > FEW_SEEDS)
	{
		request->nseeds = FEW_SEEDS;
		request->nnegatives = least(request->nnegatives, (FEW_SEEDS - 1) / 2);
		return RECO_TIER_SEEDS;
	}
	if (from < RECO_TIER_PLAIN && request->nnegatives > 0)
	{
		request->nnegatives = 0;
		return RECO_TIER_PLAIN;
	}
	return RECO_TIER_LOCAL;
}
