/*-------------------------------------------------------------------------
 *
 * model_answer.c
 *	  What a language model said of a prompt, checked field by field.
 *
 * Purpose: see model_answer.h.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	keep a text that holds control characters, or is longer than its field.
 *
 *-------------------------------------------------------------------------
 */
#include "model_answer.h"

#include <math.h>
#include <string.h>

#include "catalogue/facet.h"
#include "upstream/json.h"
#include "upstream/utf8.h"

#define MOST_ITEMS		64		/* of a list that are looked at */
#define FIRST_YEAR		1900
#define LAST_YEAR		2100
#define PLAIN_CONFIDENCE	0.5f	/* of an answer that states none */
#define NARROWEST		0.15f	/* spread, in spreads of a typical catalogue */
#define MOST_TOKENS		10000000

static void read_targets(const json_t *root, RecoModelAnswer *answer);
static void read_kinds(const json_t *root, RecoModelAnswer *answer);
static void read_names(const json_t *object, const char *name, char *to, size_t size,
					   int most, int *n, RecoModelAnswer *answer);
static void read_mentions(const json_t *root, RecoModelAnswer *answer);
static void read_facets(const json_t *object, const char *name, int first, int n,
						uint16_t *to, RecoModelAnswer *answer);
static void read_regions(const json_t *root, RecoModelAnswer *answer);
static void read_era(const json_t *root, RecoModelAnswer *answer);
static void read_confidence(const json_t *root, RecoModelAnswer *answer);
static void read_envelope(const json_t *value, RecoModelAnswer *answer);

const char *
reco_model_feature_name(int i)
{
	return reco_feature_name(i);
}

const char *
reco_model_level_name(int i)
{
	return reco_mood_level_name((RecoLevel) i);
}

const char *
reco_model_emotion_name(int i)
{
	return reco_mood_emotion_name((RecoEmotion) i);
}

/* Reads a value. */
bool
reco_model_read(const char *value, size_t len, RecoModelAnswer *answer, const char **why)
{
	json_t	   *parsed = reco_json_parse(value, len);
	const json_t *root = reco_json_get(parsed, "json");

	memset(answer, 0, sizeof(*answer));
	answer->confidence = PLAIN_CONFIDENCE;
	*why = NULL;
	if (json_is_object(parsed))
		read_envelope(parsed, answer);
	if (!json_is_object(root))
		*why = parsed == NULL ? "the answer is no JSON" : "the answer is no JSON object";
	else
	{
		read_targets(root, answer);
		read_kinds(root, answer);
		read_names(root, "artists", answer->artists[0], RECO_MODEL_NAMESIZE,
				   RECO_MODEL_MAXARTISTS, &answer->nartists, answer);
		read_names(root, "genres", answer->genres[0], RECO_MODEL_GENRESIZE,
				   RECO_MODEL_MAXGENRES, &answer->ngenres, answer);
		read_mentions(root, answer);
		read_regions(root, answer);
		read_facets(root, "exclude_themes", 0, RECO_NTHEMES, &answer->excluded, answer);
		read_era(root, answer);
		read_confidence(root, answer);
		if (answer->nfields == 0)
			*why = "nothing in the answer could be used";
	}
	json_decref(parsed);
	return *why == NULL;
}

/* One field, or item of a list, is no good. */
static void
drop(RecoModelAnswer *answer)
{
	answer->ndropped++;
}

/* A list by its name; one that is there and no list is dropped. */
static const json_t *
list_of(const json_t *object, const char *name, RecoModelAnswer *answer)
{
	const json_t *member = reco_json_get(object, name);

	if (member == NULL || json_is_array(member))
		return member;
	drop(answer);
	return NULL;
}

/* How many items of a list are looked at. */
static size_t
items_of(const json_t *list)
{
	size_t		n = json_array_size(list);

	return n < MOST_ITEMS ? n : MOST_ITEMS;
}

/* Which of some names a text is; -1 = none. */
static int
choice_of(const char *text, const char *(*nth)(int), int first, int n)
{
	for (int i = first; text != NULL && i < first + n; i++)
		if (strcmp(nth(i), text) == 0)
			return i;
	return -1;
}

/* Reads one target; false = it is no good. */
static bool
read_target(const json_t *item, RecoModelAnswer *answer)
{
	int f = choice_of(reco_json_string(item, "feature"), reco_model_feature_name, 0,
					  RECO_MODEL_NFEATURES);
	double		low;
	double		high;
	double		weight = 0;
	RecoTarget *target;

	if (f < 0 || !reco_json_number(item, "low", &low) ||
		!reco_json_number(item, "high", &high) || low > high ||
		reco_fit_clamp(f, (float) low) != (float) low ||
		reco_fit_clamp(f, (float) high) != (float) high || (f == RECO_TEMPO && high <= 0))
		return false;
	if (!reco_json_number(item, "weight", &weight) || weight < 0 || weight > 1)
		return false;
	target = &answer->targets[f];
	if (target->weight > 0)
		return false;			/* said before; the first counts */
	if (weight == 0)
		return true;			/* it says that it says nothing */
	target->mean = (float) ((low + high) / 2);
	target->sd = fmaxf((float) ((high - low) / 2), NARROWEST * reco_fit_typical.sd[f]);
	target->weight = (float) weight;
	answer->nfields++;
	return true;
}

static void
read_targets(const json_t *root, RecoModelAnswer *answer)
{
	const json_t *list = list_of(root, "targets", answer);

	for (size_t i = 0; i < items_of(list); i++)
		if (!read_target(json_array_get(list, i), answer))
			drop(answer);
}

/* Reads what is one of a few words. */
static void
read_kinds(const json_t *root, RecoModelAnswer *answer)
{
	int level =
		choice_of(reco_json_string(root, "energy_level"), reco_model_level_name, 0, 3);
	int emotion =
		choice_of(reco_json_string(root, "emotion"), reco_model_emotion_name, 0, 3);

	answer->has_level = level >= 0;
	answer->has_emotion = emotion >= 0;
	if (level >= 0)
		answer->level = (RecoLevel) level;
	else if (reco_json_get(root, "energy_level") != NULL)
		drop(answer);
	if (emotion >= 0)
		answer->emotion = (RecoEmotion) emotion;
	else if (reco_json_get(root, "emotion") != NULL)
		drop(answer);
	answer->nfields += answer->has_level + answer->has_emotion;
}

/*
 * Copies a name: something to see, no control characters, no line or paragraph
 * separators, and short enough. False = it is none.
 */
static bool
copy_name(const json_t *item, char *to, size_t size)
{
	const char *text = json_string_value(item);
	size_t		len = text == NULL ? 0 : json_string_length(item);
	bool		seen = false;

	while (len > 0 && *text == ' ')
	{
		text++;
		len--;
	}
	while (len > 0 && text[len - 1] == ' ')
		len--;
	if (len == 0 || len >= size)
		return false;
	for (size_t i = 0; i < len;)
	{
		unsigned char c = (unsigned char) text[i];
		int			n = reco_utf8_char(text + i, len - i);

		if (n == 0 || c < ' ' || c == 0x7F ||
			(n == 2 && c == 0xC2 && (unsigned char) text[i + 1] < 0xA0))
			return false;
		if (n == 3 &&
			(memcmp(text + i, "\xE2\x80\xA8", 3) == 0 ||
			 memcmp(text + i, "\xE2\x80\xA9", 3) == 0 ||
			 memcmp(text + i, RECO_UTF8_REPLACEMENT, 3) == 0))
			return false;
		seen |=
			n > 1 || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
		i += (size_t) n;
	}
	if (!seen)
		return false;
	memcpy(to, text, len);
	to[len] = '\0';
	return true;
}

/* Reads a list of names, each once, into rows of 'size' bytes. */
static void
read_names(const json_t *object, const char *name, char *to, size_t size, int most,
		   int *n, RecoModelAnswer *answer)
{
	const json_t *list = list_of(object, name, answer);

	for (size_t i = 0; i < items_of(list); i++)
	{
		char	   *row = to + (size_t) *n * size;
		bool		known = false;

		if (*n == most || !copy_name(json_array_get(list, i), row, size))
		{
			drop(answer);
			continue;
		}
		for (int k = 0; k < *n; k++)
			known |= strcmp(to + (size_t) k * size, row) == 0;
		*n += !known;
		answer->nfields += !known;
	}
}

/* Reads whom and what the prompt names, as the model sees it. */
static void
read_mentions(const json_t *root, RecoModelAnswer *answer)
{
	const json_t *mentions = reco_json_get(root, "mentions");
	const json_t *list;

	if (mentions == NULL)
		return;
	if (!json_is_object(mentions))
	{
		drop(answer);
		return;
	}
	read_names(mentions, "artists", answer->named[0], RECO_MODEL_NAMESIZE,
			   RECO_MODEL_MAXNAMED, &answer->nnamed, answer);
	list = list_of(mentions, "tracks", answer);
	for (size_t i = 0; i < items_of(list); i++)
	{
		const json_t *item = json_array_get(list, i);
		const json_t *artist = reco_json_get(item, "artist");
		RecoModelTrack *track = &answer->tracks[answer->ntracks];

		if (answer->ntracks == RECO_MODEL_MAXNAMED ||
			!copy_name(reco_json_get(item, "title"), track->title, sizeof(track->title)))
		{
			drop(answer);
			continue;
		}
		track->artist[0] = '\0';
		if (artist != NULL && json_string_length(artist) > 0 &&
			!copy_name(artist, track->artist, sizeof(track->artist)))
			drop(answer);
		answer->ntracks++;
		answer->nfields++;
	}
}

/* Reads a list of themes or regions as bits; those that nobody knows are dropped. */
static void
read_facets(const json_t *object, const char *name, int first, int n, uint16_t *to,
			RecoModelAnswer *answer)
{
	const json_t *list = list_of(object, name, answer);

	for (size_t i = 0; i < items_of(list); i++)
	{
		int facet = choice_of(json_string_value(json_array_get(list, i)), reco_facet_name,
							  first, n);

		if (facet < 0)
			drop(answer);
		else
		{
			answer->nfields += !((*to >> facet) & 1);
			*to |= (uint16_t) (1 << facet);
		}
	}
}

static void
read_regions(const json_t *root, RecoModelAnswer *answer)
{
	const json_t *regions = reco_json_get(root, "regions");
	uint16_t	both;

	if (regions != NULL && !json_is_object(regions))
		drop(answer);
	read_facets(regions, "prefer", RECO_NTHEMES, RECO_NREGIONS, &answer->preferred,
				answer);
	read_facets(regions, "exclude", RECO_NTHEMES, RECO_NREGIONS, &answer->excluded,
				answer);

	/* what is said both ways is not said */
	both = answer->preferred & answer->excluded;
	if (both != 0)
		drop(answer);
	answer->preferred &= (uint16_t) ~both;
	answer->excluded &= (uint16_t) ~both;
}

/* Reads one end of an era; false = it is no year. 0 is an open end. */
static bool
read_year(const json_t *era, const char *name, int *year)
{
	double		number = 0;

	*year = 0;
	if (reco_json_get(era, name) == NULL)
		return true;
	if (!reco_json_number(era, name, &number) || number != floor(number) ||
		(number != 0 && (number < FIRST_YEAR || number > LAST_YEAR)))
		return false;
	*year = (int) number;
	return true;
}

static void
read_era(const json_t *root, RecoModelAnswer *answer)
{
	const json_t *era = reco_json_get(root, "era");
	int			from = 0;
	int			to = 0;

	if (era == NULL)
		return;
	if (!json_is_object(era) || !read_year(era, "from", &from) ||
		!read_year(era, "to", &to) || (to != 0 && from > to))
	{
		drop(answer);
		return;
	}
	answer->era_from = from;
	answer->era_to = to;
	answer->nfields += from != 0 || to != 0;
}

/* How sure it is, is no answer yet. */
static void
read_confidence(const json_t *root, RecoModelAnswer *answer)
{
	double		number;

	if (reco_json_number(root, "confidence", &number) && number >= 0 && number <= 1)
		answer->confidence = (float) number;
	else if (reco_json_get(root, "confidence") != NULL)
		drop(answer);
}

static int
tokens_of(const json_t *value, const char *name)
{
	double		number;

	return reco_json_number(value, name, &number) && number > 0 && number <= MOST_TOKENS
		? (int) number
		: 0;
}

/* Reads who wrote it, and what it cost. */
static void
read_envelope(const json_t *value, RecoModelAnswer *answer)
{
	const char *who = reco_json_string(value, "model");
	size_t		n = 0;

	answer->prompt_tokens = tokens_of(value, "prompt_tokens");
	answer->completion_tokens = tokens_of(value, "completion_tokens");
	for (; who != NULL && *who > ' ' && *who < 0x7F && n + 1 < sizeof(answer->who); who++)
		answer->who[n++] = *who;
	answer->who[n] = '\0';
}
