/*-------------------------------------------------------------------------
 *
 * live_facts.c
 *	  What services tell, as tracks and artists.
 *
 * Purpose: see live_facts.h. The values were written by upstream/, so they are
 *			JSON; what is in them is a service's, so every member is looked at.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of syscache look-ups.
 * Never:	fail on what a service left out.
 *
 *-------------------------------------------------------------------------
 */
#include "live_facts.h"

#include <math.h>

#include "catalogue/derive.h"
#include "catalogue/facet.h"
#include "catalogue/import_name.h"
#include "catalogue/matrix.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#define MAX_ITEMS		1000	/* of a list */
#define MAX_WORDS		8		/* of a genre */

/* What a feature can be; the catalogue's own bounds. */
static const struct
{
	float		low;
	float		high;
}			bounds[RECO_NFEATURES] = {
	[RECO_ACOUSTICNESS] = {0, 1}, [RECO_DANCEABILITY] = {0, 1}, [RECO_ENERGY] = {0, 1},
	[RECO_INSTRUMENTALNESS] = {0, 1}, [RECO_LIVENESS] = {0, 1},
	[RECO_SPEECHINESS] = {0, 1}, [RECO_VALENCE] = {0, 1}, [RECO_LOUDNESS] = {-60, 5},
	[RECO_TEMPO] = {0.01f, 250}, [RECO_MODE] = {0, 1}, [RECO_POPULARITY] = {0, 100},
	[RECO_YEAR] = {1, 9999}, [RECO_KEY] = {0, 11},
};

static RecoTrack *read_track(const RecoTextTools *tools, JsonbContainer *object);
static RecoLiveArtist *read_artist(JsonbContainer *object);
static void read_artists_of(const RecoTextTools *tools, JsonbContainer *object,
							RecoTrack *track);
static void put_feature(RecoTrack *track, int feature, double value);

/* A member of an object; NULL where it is absent. */
static JsonbValue *
member(JsonbContainer *object, const char *name)
{
	return getKeyJsonValueFromContainer(object, name, (int) strlen(name), NULL);
}

/* A string member that is not empty; else NULL. */
static char *
string_of(JsonbContainer *object, const char *name)
{
	JsonbValue *value = member(object, name);

	if (value == NULL || value->type != jbvString || value->val.string.len == 0)
		return NULL;
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static bool
number_of(JsonbContainer *object, const char *name, double *number)
{
	JsonbValue *value = member(object, name);

	if (value == NULL || value->type != jbvNumeric)
		return false;
	*number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
												 NumericGetDatum(value->val.numeric)));
	return true;
}

/* A member that is an array; else NULL. */
static JsonbContainer *
array_of(JsonbContainer *object, const char *name)
{
	JsonbValue *value = member(object, name);

	if (value == NULL || value->type != jbvBinary ||
		!JsonContainerIsArray(value->val.binary.data))
		return NULL;
	return value->val.binary.data;
}

/* The i-th element of an array, where it is an object; else NULL. */
static JsonbContainer *
object_at(JsonbContainer *array, int i)
{
	JsonbValue *value = getIthJsonbValueFromContainer(array, (uint32) i);

	if (value == NULL || value->type != jbvBinary ||
		!JsonContainerIsObject(value->val.binary.data))
		return NULL;
	return value->val.binary.data;
}

/* Parses a value; NULL where it is no object. */
static JsonbContainer *
parse(const char *json)
{
	Datum		value = DirectFunctionCall1(jsonb_in, CStringGetDatum(json));
	Jsonb	   *root = DatumGetJsonbP(value);

	return JB_ROOT_IS_OBJECT(root) ? &root->root : NULL;
}

/* Reads a value. */
void
reco_live_read(const RecoTextTools *tools, const char *json, RecoLiveFacts *facts)
{
	JsonbContainer *root = parse(json);
	JsonbContainer *tracks = root == NULL ? NULL : array_of(root, "tracks");
	JsonbContainer *artists = root == NULL ? NULL : array_of(root, "artists");
	int			ntracks = tracks == NULL ? 0 : Min(JsonContainerSize(tracks), MAX_ITEMS);
	int nartists = artists == NULL ? 0 : Min(JsonContainerSize(artists), MAX_ITEMS);

	memset(facts, 0, sizeof(*facts));
	facts->tracks = palloc(sizeof(RecoTrack *) * (ntracks + 1));
	facts->artists = palloc(sizeof(RecoLiveArtist *) * (nartists + 1));
	if (root == NULL)
		return;
	for (int i = 0; i < ntracks; i++)
	{
		JsonbContainer *object = object_at(tracks, i);
		RecoTrack  *track = object == NULL ? NULL : read_track(tools, object);

		if (track != NULL)
			facts->tracks[facts->ntracks++] = track;
	}

	/* a track has artists, too, but also an id of its own */
	if (tracks == NULL && member(root, "id") != NULL)
	{
		RecoTrack  *track = read_track(tools, root);

		if (track != NULL)
			facts->tracks[facts->ntracks++] = track;
		return;
	}
	for (int i = 0; i < nartists; i++)
	{
		JsonbContainer *object = object_at(artists, i);
		RecoLiveArtist *artist = object == NULL ? NULL : read_artist(object);

		if (artist != NULL)
			facts->artists[facts->nartists++] = artist;
	}
}

char *
reco_live_read_id(const char *json)
{
	JsonbContainer *root = parse(json);

	return root == NULL ? NULL : string_of(root, "id");
}

/* Reads one track; NULL where it lacks what a list must show. */
static RecoTrack *
read_track(const RecoTextTools *tools, JsonbContainer *object)
{
	RecoTrack  *track = palloc0(sizeof(RecoTrack));
	JsonbValue *playable = member(object, "playable");
	char	   *asked = string_of(object, "linked_from");
	double		number;

	/* relinked tracks go by the id that was asked for: the catalogue knows that one */
	track->track_id = asked != NULL ? asked : string_of(object, "id");
	track->title = string_of(object, "name");
	read_artists_of(tools, object, track);
	if (track->track_id == NULL || track->title == NULL || track->artist == NULL ||
		(playable != NULL && playable->type == jbvBool && !playable->val.boolean))
		return NULL;
	track->has_facts = true;
	track->row = RECO_NO_ROW;
	track->key = -1;
	track->missing = (1 << RECO_NCOLUMNS) - 1;
	track->album = string_of(object, "album");
	track->isrc = string_of(object, "isrc");
	track->release = string_of(object, "release_date");
	if (track->release != NULL)
		put_feature(track, RECO_YEAR, atof(track->release));
	if (number_of(object, "popularity", &number))
		put_feature(track, RECO_POPULARITY, number);
	return track;
}

/*
 * Reads who a track is by. Behind the service's ids come those that the catalogue has
 * for artists whom it knows by name only, so that the rules see one artist in both.
 */
static void
read_artists_of(const RecoTextTools *tools, JsonbContainer *object, RecoTrack *track)
{
	JsonbContainer *artists = array_of(object, "artists");
	int			n = artists == NULL ? 0 : Min(JsonContainerSize(artists), MAX_ITEMS);
	const char **by_name = palloc(sizeof(char *) * Max(n, 1));
	int			nby_name = 0;
	StringInfoData names;

	initStringInfo(&names);
	track->artist_ids = palloc(sizeof(char *) * Max(2 * n, 1));
	for (int i = 0; i < n; i++)
	{
		JsonbContainer *artist = object_at(artists, i);
		char	   *id = artist == NULL ? NULL : string_of(artist, "id");
		char	   *name = artist == NULL ? NULL : string_of(artist, "name");

		if (name != NULL)
		{
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", name);
			by_name[nby_name++] = reco_import_name_id(tools, name);
		}
		if (id != NULL)
			track->artist_ids[track->nartist_ids++] = id;
	}
	for (int i = 0; i < nby_name; i++)
		track->artist_ids[track->nartist_ids++] = by_name[i];
	if (names.len > 0)
		track->artist = names.data;
	if (track->nartist_ids > 0)
		track->artist_id = track->artist_ids[0];
}

/* Reads one artist. */
static RecoLiveArtist *
read_artist(JsonbContainer *object)
{
	RecoLiveArtist *artist = palloc0(sizeof(RecoLiveArtist));
	JsonbContainer *genres = array_of(object, "genres");
	int			n = genres == NULL ? 0 : Min(JsonContainerSize(genres), MAX_ITEMS);
	double		number;

	artist->artist.artist_id = string_of(object, "id");
	artist->artist.name = string_of(object, "name");
	artist->artist.popularity = -1;
	if (artist->artist.artist_id == NULL || artist->artist.name == NULL)
		return NULL;
	if (number_of(object, "popularity", &number) && number >= 0 && number <= 100)
		artist->artist.popularity = (int) number;
	artist->genres = palloc(sizeof(char *) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		JsonbValue *genre = getIthJsonbValueFromContainer(genres, i);

		if (genre != NULL && genre->type == jbvString)
			artist->genres[artist->ngenres++] =
				pnstrdup(genre->val.string.val, genre->val.string.len);
	}
	return artist;
}

/* Notes a feature, unless it is out of bounds, which is how services say "unknown". */
static void
put_feature(RecoTrack *track, int feature, double value)
{
	if (!(value >= bounds[feature].low && value <= bounds[feature].high))
		return;
	if (feature == RECO_KEY)
		track->key = (int) value;
	else
	{
		track->values[feature] = (float) value;
		track->missing &= ~(1u << feature);
	}
}

void
reco_live_read_features(const char *json, RecoTrack *track)
{
	JsonbContainer *root = parse(json);
	double		number;

	for (int f = 0; root != NULL && f < RECO_NFEATURES; f++)
		if (f != RECO_POPULARITY && f != RECO_YEAR &&
			number_of(root, reco_feature_name(f), &number))
			put_feature(track, f, number);
}

/* Fills what is derived: the same functions, in the same way, as derive.c. */
void
reco_live_derive(const RecoTextTools *tools, RecoTrack *track)
{
	track->facets = reco_facet_of_title(reco_text_fold(tools, track->title));
	if (track->album != NULL)
		track->facets |= reco_facet_of_title(reco_text_fold(tools, track->album)) &
			~(uint16) RECO_SOUNDTRACK;
	for (int g = 0; g < track->ngenres; g++)
		track->facets |= reco_facet_of_label(reco_text_fold(tools, track->genres[g]));
	track->dup_key = reco_derive_dup_key(reco_text_title_key(tools, track->title),
										 reco_text_fold(tools, track->artist));
}

/* Does a genre say a stem, or two of them with a space between? */
static bool
says(const RecoWords *words, const char *stem)
{
	for (int w = 0; w < words->nwords; w++)
	{
		const char *one = words->words[w].stem;
		const char *next = w + 1 < words->nwords ? words->words[w + 1].stem : NULL;
		size_t		len = one == NULL ? 0 : strlen(one);

		if (one == NULL)
			continue;
		if (strcmp(one, stem) == 0)
			return true;
		if (next != NULL && strncmp(one, stem, len) == 0 && stem[len] == ' ' &&
			strcmp(stem + len + 1, next) == 0)
			return true;
	}
	return false;
}

float
reco_live_match(const RecoTextTools *tools, const RecoTrack *track, const RecoFit *fit)
{
	bool		said[RECO_FIT_MAXTERMS] = {false};
	float		total = 0;
	float		sum = 0;

	for (int g = 0; g < track->ngenres; g++)
	{
		const RecoWords *words = reco_text_words(tools, track->genres[g], MAX_WORDS);

		for (int b = 0; b < fit->nbanned; b++)
			if (says(words, fit->banned[b]))
				return -1;
		for (int t = 0; t < fit->nterms; t++)
			said[t] |= says(words, fit->terms[t].stem);
	}
	for (int t = 0; t < fit->nterms; t++)
	{
		total += fit->terms[t].weight;
		sum += said[t] ? fit->terms[t].weight : 0;
	}
	return total > 0 ? sum / total : 0;
}
