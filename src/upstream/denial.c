/*-------------------------------------------------------------------------
 *
 * denial.c
 *	  Recommendations that a service refuses for good: their key, what is noted.
 *
 * Purpose: see denial.h.
 * Runs in: any process, and plain C programs (no server header). The gateway, too.
 * Locks:	none.
 * Never:	let a member that is no feature parameter into the key.
 *
 *-------------------------------------------------------------------------
 */
#include "denial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "json.h"
#include "service.h"

#define MOST_MEMBERS	200		/* of a list; the service takes far fewer */

/* Two hashes of the same bytes: one of 64 bits alone would do for chance. */
typedef struct Hash
{
	uint64_t	a;
	uint64_t	b;
} Hash;

static void hash_text(Hash *hash, const char *text);
static bool hash_ids(Hash *hash, const json_t *list);
static bool hash_targets(Hash *hash, const json_t *targets);
static void hash_number(Hash *hash, const char *name, double value);
static uint64_t finish(uint64_t hash);

/* Makes the key of a recommendation. */
bool
reco_denial_key(const char *request, char key[RECO_DENIAL_KEY])
{
	json_t	   *root = reco_json_parse(request, strlen(request));
	Hash		hash = {UINT64_C(0xcbf29ce484222325), UINT64_C(0x9e3779b97f4a7c15)};
	double		weight;
	bool		made = json_is_object(root) &&
		json_array_size(reco_json_array(root, "seeds")) > 0 &&
		hash_ids(&hash, reco_json_array(root, "seeds"));

	hash_text(&hash, "|");
	made = made && hash_ids(&hash, reco_json_array(root, "negative_seeds"));
	hash_text(&hash, "|");
	made = made && hash_targets(&hash, reco_json_get(root, "targets"));
	if (made && reco_json_number(root, "feature_weight", &weight))
		hash_number(&hash, "feature_weight", weight);
	json_decref(root);
	if (made)
		snprintf(key, RECO_DENIAL_KEY, "%016llx%016llx",
				 (unsigned long long) finish(hash.a),
				 (unsigned long long) finish(hash.b));
	return made;
}

/* Writes what is noted. */
void
reco_denial_write(RecoBuffer *out, const char *reason, const char *request)
{
	reco_buffer_putc(out, '{');
	reco_json_put_member(out, "reason", reason);
	reco_json_put_member(out, "request", request);
	reco_buffer_putc(out, '}');
}

bool
reco_denial_read(const char *noted, char **reason, char **request)
{
	json_t	   *root = reco_json_parse(noted, strlen(noted));
	const char *said = reco_json_string(root, "reason");
	const char *asked = reco_json_string(root, "request");
	bool		object = json_is_object(root);

	*reason = said ? strdup(said) : NULL;
	*request = asked ? strdup(asked) : NULL;
	json_decref(root);
	return object;
}

/* What services say names the parameter: "negativeSeeds", "negative seeds". */
bool
reco_denial_blames_negatives(const char *reason)
{
	for (const char *at = reason; at && *at; at++)
		if (strncasecmp(at, "negative", 8) == 0)
			return true;
	return false;
}

/* FNV-1a, and the same with another prime; the NUL parts one text from the next. */
static void
hash_text(Hash *hash, const char *text)
{
	const unsigned char *at = (const unsigned char *) text;

	do
	{
		hash->a = (hash->a ^ *at) * UINT64_C(0x100000001b3);
		hash->b = (hash->b ^ *at) * UINT64_C(0xff51afd7ed558ccd);
		hash->b ^= hash->b >> 29;
	} while (*at++ != '\0');
}

/* Spreads the last bytes over all bits. */
static uint64_t
finish(uint64_t hash)
{
	hash ^= hash >> 33;
	hash *= UINT64_C(0xc4ceb9fe1a85ec53);
	return hash ^ hash >> 29;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Ids in order, each once; UUIDs in small letters. */
static bool
hash_ids(Hash *hash, const json_t *list)
{
	size_t		n = json_array_size(list);
	char		texts[MOST_MEMBERS][64];
	const char *ids[MOST_MEMBERS];

	if (n > MOST_MEMBERS)
		return false;
	for (size_t i = 0; i < n; i++)
	{
		const char *id = json_string_value(json_array_get(list, i));
		size_t		len = id ? strlen(id) : 0;

		if (len == 0 || len >= sizeof(texts[i]))
			return false;
		memcpy(texts[i], id, len + 1);
		if (reco_is_uuid(id, len))
			for (char *c = texts[i]; *c; c++)
				*c = *c >= 'A' && *c <= 'F' ? (char) (*c - 'A' + 'a') : *c;
		ids[i] = texts[i];
	}
	qsort(ids, n, sizeof(char *), by_text);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || strcmp(ids[i], ids[i - 1]) != 0)
			hash_text(hash, ids[i]);
	return true;
}

/* Targets in order of their names. */
static bool
hash_targets(Hash *hash, const json_t *targets)
{
	const char *names[MOST_MEMBERS];
	size_t		n = 0;
	const char *name;
	json_t	   *member;

	if (!targets)
		return true;
	if (!json_is_object(targets) || json_object_size(targets) > MOST_MEMBERS)
		return false;
	json_object_foreach((json_t *) targets, name,
						member) if (member && !json_is_null(member)) names[n++] = name;
	qsort(names, n, sizeof(char *), by_text);
	for (size_t i = 0; i < n; i++)
	{
		double		value;

		if (!reco_json_number(targets, names[i], &value))
			return false;
		hash_number(hash, names[i], value);
	}
	return true;
}

/* A number by its value, however it was written; 0 and -0 are one. */
static void
hash_number(Hash *hash, const char *name, double value)
{
	char		text[32];

	snprintf(text, sizeof(text), "%.9g", value == 0 ? 0 : value);
	hash_text(hash, name);
	hash_text(hash, text);
}
