/*-------------------------------------------------------------------------
 *
 * reccobeats_check.c
 *	  ReccoBeats: what a question for a list may be like.
 *
 * Purpose: see reccobeats.h; the features as the service names and bounds them.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	let a question through that the service is known to refuse.
 *
 *-------------------------------------------------------------------------
 */
#include "reccobeats.h"

#include <string.h>
#include <strings.h>

#include "reccobeats_parts.h"

#define MOST_SEEDS		5

static const char *check_ids(const json_t *list);
static const char *check_targets(const json_t *targets);

const RecoReccobeatsFeature reco_reccobeats_features[RECO_RECCOBEATS_NTARGETS] = {
	{"acousticness", 0, 1, false, -1}, {"danceability", 0, 1, false, -1},
	{"energy", 0, 1, false, -1}, {"instrumentalness", 0, 1, false, -1},
	{"liveness", 0, 1, false, -1}, {"speechiness", 0, 1, false, -1},
	{"valence", 0, 1, false, -1}, {"loudness", -60, 2, false, -100},
	{"tempo", 0, 250, false, 0}, {"key", -1, 11, true, -1}, {"mode", 0, 1, true, -1},
	{"popularity", 0, 100, false, -1}
};

/* Judges a recommendation's key: what the service would refuse, or answer badly. */
bool
reco_reccobeats_check(const char *key, const char **why)
{
	json_t	   *root = reco_json_parse(key, strlen(key));
	const json_t *seeds = reco_json_array(root, "seeds");
	const json_t *negative = reco_json_get(root, "negative_seeds");
	double		size = RECO_RECCOBEATS_DEFAULT_SIZE;
	double		weight = 1;

	*why = NULL;
	if (!json_is_object(root))
		*why = "the key is a JSON object";
	else if (json_array_size(seeds) < 1 || json_array_size(seeds) > MOST_SEEDS)
		*why = "there are 1 to 5 seeds";
	else if (negative && !json_is_array(negative))
		*why = "negative_seeds is an array";
	else if (json_array_size(negative) * 2 >= json_array_size(seeds) &&
			 json_array_size(negative) > 0)
		*why = "there are fewer negative seeds than half the seeds";
	else if ((*why = check_ids(seeds)) == NULL)
		*why = negative ? check_ids(negative) : NULL;
	for (size_t i = 0; !*why && i < json_array_size(negative); i++)
		if (reco_reccobeats_has_id(seeds, json_string_value(json_array_get(negative, i))))
			*why = "a seed is no negative seed";
	if (!*why && reco_json_get(root, "size") &&
		(!reco_json_number(root, "size", &size) || !(size >= 1 && size <= 100) ||
		 size != (int) size))
		*why = "size is 1 to 100";
	if (!*why && reco_json_get(root, "feature_weight") &&
		(!reco_json_number(root, "feature_weight", &weight) || !(weight >= 1 && weight <= 5)))
		*why = "feature_weight is 1 to 5";
	if (!*why)
		*why = check_targets(reco_json_get(root, "targets"));
	json_decref(root);
	return *why == NULL;
}

bool
reco_reccobeats_has_target(const char *name)
{
	for (int i = 0; i < RECO_RECCOBEATS_NTARGETS; i++)
		if (strcmp(reco_reccobeats_features[i].name, name) == 0)
			return true;
	return false;
}

/* NULL when all are ids and no two are the same. */
static const char *
check_ids(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
	{
		const char *id = json_string_value(json_array_get(list, i));
		size_t		len = id ? strlen(id) : 0;

		if (!reco_is_spotify_id(id, len) && !reco_is_uuid(id, len))
			return "a seed is a Spotify id of 22 letters and digits, or a UUID";
		for (size_t k = 0; k < i; k++)
			if (reco_reccobeats_same_id(id, json_string_value(json_array_get(list, k))))
				return "no seed stands there twice";
	}
	return NULL;
}

/* NULL when each target is a feature's, and in range. */
static const char *
check_targets(const json_t *targets)
{
	const char *name;
	json_t	   *member;

	if (targets && !json_is_object(targets))
		return "targets is an object";
	json_object_foreach((json_t *) targets, name, member)
	{
		int			i = 0;
		double		value;

		while (i < RECO_RECCOBEATS_NTARGETS &&
			   strcmp(reco_reccobeats_features[i].name, name) != 0)
			i++;
		if (i == RECO_RECCOBEATS_NTARGETS)
			return "a target has the name of a feature";
		if (!reco_json_number(targets, name, &value) ||
			value < reco_reccobeats_features[i].low ||
			value > reco_reccobeats_features[i].high ||
			(reco_reccobeats_features[i].whole && value != (int) value))
			return "a target is a number in its feature's range";
	}
	return NULL;
}

/* Is the id in a list of ids? */
bool
reco_reccobeats_has_id(const json_t *list, const char *id)
{
	for (size_t i = 0; id && i < json_array_size(list); i++)
		if (reco_reccobeats_same_id(id, json_string_value(json_array_get(list, i))))
			return true;
	return false;
}

/* UUIDs are the same in any case, Spotify's ids are not; 'b' may be NULL. */
bool
reco_reccobeats_same_id(const char *a, const char *b)
{
	return b && (reco_is_uuid(a, strlen(a)) ? strcasecmp(a, b) : strcmp(a, b)) == 0;
}
