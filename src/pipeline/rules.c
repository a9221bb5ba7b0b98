/*-------------------------------------------------------------------------
 *
 * rules.c
 *	  What a delivered list must obey.
 *
 * Purpose: see rules.h. A track that the listener named is protected: the rules
 *			that are a matter of taste (theme, region, genre, era, popularity,
 *			repeat, caps) do not drop it; what the caller excluded outright does.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	admit a candidate whose facts are not known.
 *
 *-------------------------------------------------------------------------
 */
#include "rules.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int
compare_ids(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

bool
reco_rules_listed(const char *const *ids, int nids, const char *id)
{
	return id != NULL && nids > 0 &&
		bsearch(&id, ids, nids, sizeof(char *), compare_ids) != NULL;
}

void
reco_rules_sort(const char **ids, int nids)
{
	if (nids > 1)
		qsort(ids, nids, sizeof(char *), compare_ids);
}

/* Is any of a track's artists in a sorted list? */
static bool
by_listed_artist(const RecoTrack *track, const char *const *ids, int nids)
{
	if (reco_rules_listed(ids, nids, track->artist_id))
		return true;
	for (int i = 0; i < track->nartist_ids; i++)
		if (reco_rules_listed(ids, nids, track->artist_ids[i]))
			return true;
	return false;
}

/* Does a track name an artist among its own? */
static bool
has_artist(const RecoTrack *track, const char *artist_id)
{
	if (strcmp(track->artist_id, artist_id) == 0)
		return true;
	for (int i = 0; i < track->nartist_ids; i++)
		if (strcmp(track->artist_ids[i], artist_id) == 0)
			return true;
	return false;
}

/* Do two tracks have an artist in common, whoever of them comes first? */
static bool
share_artist(const RecoTrack *a, const RecoTrack *b)
{
	if (has_artist(a, b->artist_id))
		return true;
	for (int i = 0; i < b->nartist_ids; i++)
		if (has_artist(a, b->artist_ids[i]))
			return true;
	return false;
}

/* Are two tracks versions of one recording? */
static bool
is_duplicate(const RecoTrack *a, const RecoTrack *b)
{
	if (strcmp(a->track_id, b->track_id) == 0 || a->dup_key == b->dup_key)
		return true;
	if (a->isrc != NULL && b->isrc != NULL && a->isrc[0] != '\0' &&
		strcmp(a->isrc, b->isrc) == 0)
		return true;

	/* the same title by an artist they share, however the credit is written */
	return (uint64_t) a->dup_key >> 32 == (uint64_t) b->dup_key >> 32 &&
		share_artist(a, b);
}

/* How many admitted tracks name an artist. */
static int
count_artist(const RecoRules *rules, const char *artist_id)
{
	int			n = 0;

	for (int i = 0; i < rules->nadmitted; i++)
		n += has_artist(rules->admitted[i], artist_id);
	return n;
}

/* How many admitted tracks have a credit that reads the same, whatever its ids. */
static int
count_name(const RecoRules *rules, const char *artist)
{
	int			n = 0;

	for (int i = 0; artist != NULL && i < rules->nadmitted; i++)
		n += rules->admitted[i]->artist != NULL &&
			strcasecmp(rules->admitted[i]->artist, artist) == 0;
	return n;
}

/* Would a track exceed what its artists may have? */
static bool
exceeds_caps(const RecoRules *rules, const RecoTrack *track)
{
	int			mentioned_cap = rules->size / 2 > 1 ? rules->size / 2 : 1;

	if (by_listed_artist(track, rules->mentioned, rules->nmentioned) &&
		rules->nof_mentioned >= mentioned_cap)
		return true;
	for (int i = -1; i < track->nartist_ids; i++)
	{
		const char *id = i < 0 ? track->artist_id : track->artist_ids[i];

		if (!reco_rules_listed(rules->mentioned, rules->nmentioned, id) &&
			count_artist(rules, id) >= RECO_ARTIST_CAP)
			return true;
	}

	/* two sources may know one artist by two ids */
	return !by_listed_artist(track, rules->mentioned, rules->nmentioned) &&
		count_name(rules, track->artist) >= RECO_ARTIST_CAP;
}

/* Is a value outside what is asked for? Unknown is outside, too. */
static bool
outside(const RecoTrack *track, int feature, int from, int to, int open)
{
	if (from <= open && to <= open)
		return false;
	if ((track->missing >> feature) & 1)
		return true;
	return (from > open && track->values[feature] < (float) from - 0.25f) ||
		(to > open && track->values[feature] > (float) to + 0.25f);
}

RecoRule
reco_rules_judge(const RecoRules *rules, const RecoCandidate *candidate)
{
	const RecoTrack *track = candidate->track;
	const RecoFit *fit = rules->fit;

	if (reco_rules_listed(rules->negative, rules->nnegative, track->track_id))
		return RECO_RULE_NEGATIVE;
	if (by_listed_artist(track, rules->excluded, rules->nexcluded))
		return RECO_RULE_EXCLUDED_ARTIST;
	for (int i = 0; i < rules->nadmitted; i++)
		if (is_duplicate(track, rules->admitted[i]))
			return RECO_RULE_DUPLICATE;
	if (candidate->protected)
		return RECO_RULE_NONE;
	if (track->facets & fit->forbid)
		return track->facets & fit->forbid & rules->themes ? RECO_RULE_THEME
														   : RECO_RULE_REGION;
	if (outside(track, RECO_YEAR, fit->era_from, fit->era_to, 0))
		return RECO_RULE_ERA;
	if (outside(track, RECO_POPULARITY, fit->min_popularity, fit->max_popularity, -1))
		return RECO_RULE_POPULARITY;
	if (reco_rules_listed(rules->recent, rules->nrecent, track->track_id))
		return RECO_RULE_REPEAT;
	if (exceeds_caps(rules, track))
		return RECO_RULE_ARTIST_CAP;
	return RECO_RULE_NONE;
}

void
reco_rules_admit(RecoRules *rules, const RecoCandidate *candidate)
{
	rules->admitted[rules->nadmitted++] = candidate->track;
	rules->nof_mentioned +=
		by_listed_artist(candidate->track, rules->mentioned, rules->nmentioned);
}

void
reco_rules_expel(RecoRules *rules, int index)
{
	rules->nof_mentioned -=
		by_listed_artist(rules->admitted[index], rules->mentioned, rules->nmentioned);
	memmove(&rules->admitted[index], &rules->admitted[index + 1],
			sizeof(RecoTrack *) * (rules->nadmitted - index - 1));
	rules->nadmitted--;
}
