/*-------------------------------------------------------------------------
 *
 * told.c
 *	  What values of services tell of tracks, artists and features.
 *
 * Purpose: see told.h.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	trust a value because an adapter wrote it: the table that holds it can be
 *			written by hand, and a row that breaks a constraint fails all others.
 *
 *-------------------------------------------------------------------------
 */
#include "told.h"

#include <stdio.h>
#include <string.h>

#include "json.h"

#define MOST_ITEMS	1000		/* of a list */
#define LEAST		1e-30		/* what is nearer to 0 is 0: no real is smaller */

/* What the catalogue's columns can hold. */
static const struct
{
	const char *name;
	double		low;
	double		high;
	bool		whole;
}			features[] = {
	{"acousticness", 0, 1, false},	   {"danceability", 0, 1, false},
	{"energy", 0, 1, false},		   {"instrumentalness", 0, 1, false},
	{"liveness", 0, 1, false},		   {"speechiness", 0, 1, false},
	{"valence", 0, 1, false},		   {"loudness", -60, 5, false},
	{"tempo", 1, 250, false},		   {"key", 0, 11, true},
	{"mode", 0, 1, true},
};

#define NFEATURES	((int) (sizeof(features) / sizeof(features[0])))

/* What the rows of one value share. */
typedef struct Origin
{
	const char *source;
	int64_t		fetched;
} Origin;

static void add_track(RecoTold *told, const json_t *track, const Origin *origin);
static void add_artist(RecoTold *told, const json_t *artist, bool whole,
					   const Origin *origin);
static void add_features(RecoTold *told, const char *key, const json_t *value,
						 const Origin *origin);
static bool is_playable(const json_t *track);
static int	check_artists(const json_t *artists);
static void put_artists(RecoBuffer *out, const json_t *artists, int n);
static void put_album(RecoBuffer *out, const json_t *track);
static void put_release(RecoBuffer *out, const char *date);
static void put_genres(RecoBuffer *out, const json_t *genres);
static void put_whole(RecoBuffer *out, const json_t *object, const char *name, double low,
					  double high);
static void begin_row(RecoToldRows *rows, const char *id_name, const char *id,
					  const Origin *origin);

bool
reco_told_is_of(RecoOperation operation)
{
	switch (operation)
	{
		case RECO_OP_SEARCH:
		case RECO_OP_TOP_TRACKS:
		case RECO_OP_TOP_ARTISTS:
		case RECO_OP_TRACKS:
		case RECO_OP_ARTISTS:
		case RECO_OP_ARTIST_TRACKS:
		case RECO_OP_FEATURES:
		case RECO_OP_RECOMMENDATION:
		case RECO_OP_RB_ARTIST_TRACKS:
			return true;
		default:
			return false;
	}
}

RecoService
reco_told_service(RecoOperation operation)
{
	return operation == RECO_OP_FEATURES || operation == RECO_OP_RECOMMENDATION ||
			operation == RECO_OP_RB_ARTIST_TRACKS
		? RECO_RECCOBEATS
		: RECO_SPOTIFY;
}

void
reco_told_begin(RecoTold *told)
{
	memset(told, 0, sizeof(*told));
	reco_buffer_putc(&told->tracks.json, '[');
	reco_buffer_putc(&told->artists.json, '[');
	reco_buffer_putc(&told->features.json, '[');
}

void
reco_told_end(RecoTold *told)
{
	reco_buffer_putc(&told->tracks.json, ']');
	reco_buffer_putc(&told->artists.json, ']');
	reco_buffer_putc(&told->features.json, ']');
}

void
reco_told_free(RecoTold *told)
{
	reco_buffer_free(&told->tracks.json, false);
	reco_buffer_free(&told->artists.json, false);
	reco_buffer_free(&told->features.json, false);
}

/* Adds what a value tells. */
bool
reco_told_add(RecoTold *told, RecoOperation operation, const char *key, const char *value,
			  int64_t fetched)
{
	Origin		origin = {reco_service_name(reco_told_service(operation)), fetched};
	json_t	   *root = value == NULL ? NULL : reco_json_parse(value, strlen(value));
	const json_t *tracks = reco_json_array(root, "tracks");
	const json_t *artists = reco_json_array(root, "artists");

	if (value != NULL && !json_is_object(root))
		told->nskipped++;
	else if (operation == RECO_OP_FEATURES)
		add_features(told, key, root, &origin);
	else if (operation == RECO_OP_TRACKS && root != NULL)
		add_track(told, root, &origin);
	else if (operation == RECO_OP_ARTISTS && root != NULL)
		add_artist(told, root, true, &origin);
	else
	{
		for (size_t i = 0; i < json_array_size(tracks) && i < MOST_ITEMS; i++)
			add_track(told, json_array_get(tracks, i), &origin);
		for (size_t i = 0; i < json_array_size(artists) && i < MOST_ITEMS; i++)
			add_artist(told, json_array_get(artists, i), true, &origin);
	}
	json_decref(root);
	return !told->tracks.json.failed && !told->artists.json.failed &&
		!told->features.json.failed;
}

/* Is a text there, and not too long for the catalogue? */
static bool
fits(const char *text, int most)
{
	int			n = 0;

	if (text == NULL)
		return false;
	for (const char *c = text; *c != '\0' && n <= most; c++)
		n += (*c & 0xC0) != 0x80;
	return n <= most;
}

static bool
is_id(const char *id)
{
	return id != NULL && reco_is_spotify_id(id, strlen(id));
}

/* Adds a track and, as far as they are told with it, its artists. */
static void
add_track(RecoTold *told, const json_t *track, const Origin *origin)
{
	const char *asked = reco_json_string(track, "linked_from");
	const char *id = asked != NULL ? asked : reco_json_string(track, "id");
	const char *title = reco_json_string(track, "name");
	const json_t *artists = reco_json_array(track, "artists");
	const char *isrc = reco_json_string(track, "isrc");
	const json_t *explicit = reco_json_get(track, "explicit");
	RecoBuffer *out = &told->tracks.json;
	int			nartists;

	/* ReccoBeats knows tracks that Spotify has no id for, or not here any more */
	if (json_is_object(track) && (id == NULL || !is_playable(track)))
		return;
	nartists = check_artists(artists);
	if (!is_id(id) || !fits(title, RECO_TOLD_CHARACTERS) || nartists <= 0)
	{
		told->nskipped++;
		return;
	}
	begin_row(&told->tracks, "track_id", id, origin);
	reco_json_put_member(out, "title", title);
	put_artists(out, artists, nartists);
	put_album(out, track);
	if (isrc != NULL && reco_is_isrc(isrc, strlen(isrc)))
		reco_json_put_member(out, "isrc", isrc);
	put_release(out, reco_json_string(track, "release_date"));
	put_whole(out, track, "duration_ms", 1, INT32_MAX);
	if (json_is_boolean(explicit))
	{
		reco_json_put_name(out, "explicit");
		reco_buffer_puts(out, json_is_true(explicit) ? "true" : "false");
	}
	put_whole(out, track, "popularity", 0, 100);
	reco_buffer_putc(out, '}');
	for (int i = 0; i < nartists; i++)
		if (is_id(reco_json_string(json_array_get(artists, (size_t) i), "id")))
			add_artist(told, json_array_get(artists, (size_t) i), false, origin);
}

static bool
is_playable(const json_t *track)
{
	return !json_is_false(reco_json_get(track, "playable"));
}

/* How many of a track's artists are written; -1 = one of them has no fitting name. */
static int
check_artists(const json_t *artists)
{
	int			n = (int) json_array_size(artists);

	if (n > RECO_TOLD_MOST_ARTISTS)
		n = RECO_TOLD_MOST_ARTISTS;
	for (int i = 0; i < n; i++)
		if (!fits(reco_json_string(json_array_get(artists, (size_t) i), "name"),
				  RECO_TOLD_CHARACTERS))
			return -1;
	return n;
}

/* Writes names, and the ids that there are. */
static void
put_artists(RecoBuffer *out, const json_t *artists, int n)
{
	reco_json_put_name(out, "artists");
	reco_buffer_putc(out, '[');
	for (int i = 0; i < n; i++)
	{
		reco_json_put_name(out, NULL);
		reco_json_put_string(out,
							 reco_json_string(json_array_get(artists, (size_t) i),
											  "name"));
	}
	reco_buffer_putc(out, ']');
	reco_json_put_name(out, "ids");
	reco_buffer_putc(out, '[');
	for (int i = 0; i < n; i++)
	{
		const char *id = reco_json_string(json_array_get(artists, (size_t) i), "id");

		if (!is_id(id))
			continue;
		reco_json_put_name(out, NULL);
		reco_json_put_string(out, id);
	}
	reco_buffer_putc(out, ']');
}

static void
put_album(RecoBuffer *out, const json_t *track)
{
	const char *album = reco_json_string(track, "album");
	const char *id = reco_json_string(track, "album_id");

	if (fits(album, RECO_TOLD_CHARACTERS))
		reco_json_put_member(out, "album", album);
	if (is_id(id))
		reco_json_put_member(out, "album_id", id);
}

/* Writes a date as a day, and how much of it is known; nothing for what is none. */
static void
put_release(RecoBuffer *out, const char *date)
{
	static const char form[] = "dddd-dd-dd";
	static const char *const precisions[] = {
		[4] = "year", [7] = "month", [10] = "day"};
	size_t		len = date == NULL ? 0 : strlen(date);
	char		day[sizeof(form)] = "0000-01-01";
	int			month;
	int			number;

	if (len != 4 && len != 7 && len != 10)
		return;
	for (size_t i = 0; i < len; i++)
		if (form[i] == 'd' ? date[i] < '0' || date[i] > '9' : date[i] != form[i])
			return;
	memcpy(day, date, len);
	month = (day[5] - '0') * 10 + (day[6] - '0');
	number = (day[8] - '0') * 10 + (day[9] - '0');
	if (strncmp(day, "0000", 4) == 0 || month < 1 || month > 12 || number < 1 ||
		number > (month == 2 ? 28 : 30) + (month != 2 && (month + month / 8) % 2))
	{
		/* the 29th of February is not worth a calendar: the month is known */
		if (month != 2 || number != 29 || strncmp(day, "0000", 4) == 0)
			return;
		memcpy(day + 8, "01", 2);
		len = 7;
	}
	reco_json_put_member(out, "released", day);
	reco_json_put_member(out, "precision", precisions[len]);
}

/* Adds an artist. */
static void
add_artist(RecoTold *told, const json_t *artist, bool whole, const Origin *origin)
{
	const char *id = reco_json_string(artist, "id");
	const char *name = reco_json_string(artist, "name");
	const json_t *genres = reco_json_array(artist, "genres");
	RecoBuffer *out = &told->artists.json;
	double		popularity;

	if (!is_id(id) || !fits(name, RECO_TOLD_CHARACTERS))
	{
		told->nskipped++;
		return;
	}
	begin_row(&told->artists, "artist_id", id, origin);
	reco_json_put_member(out, "name", name);

	/* an app that is told neither knows no more of an artist than a track says */
	if (whole && (genres != NULL || reco_json_number(artist, "popularity", &popularity)))
	{
		reco_json_put_name(out, "whole");
		reco_buffer_puts(out, "true");
		put_genres(out, genres);
		put_whole(out, artist, "popularity", 0, 100);
	}
	reco_buffer_putc(out, '}');
}

static void
put_genres(RecoBuffer *out, const json_t *genres)
{
	int			n = 0;

	if (json_array_size(genres) == 0)
		return;
	reco_json_put_name(out, "genres");
	reco_buffer_putc(out, '[');
	for (size_t i = 0; i < json_array_size(genres) && n < RECO_TOLD_MOST_GENRES; i++)
	{
		const char *genre = json_string_value(json_array_get(genres, i));

		if (genre == NULL || genre[0] == '\0' || !fits(genre, RECO_TOLD_GENRE_CHARACTERS))
			continue;
		reco_json_put_name(out, NULL);
		reco_json_put_string(out, genre);
		n++;
	}
	reco_buffer_putc(out, ']');
}

/* Adds the features of the track that is the key; NULL = the service has none. */
static void
add_features(RecoTold *told, const char *key, const json_t *value, const Origin *origin)
{
	RecoBuffer *out = &told->features.json;
	double		numbers[NFEATURES];
	bool		known[NFEATURES] = {false};
	int			nknown = 0;
	int			nwrong = 0;

	/* of other keys, an id of ReccoBeats' or an ISRC, no track is known */
	if (!is_id(key))
		return;
	for (int f = 0; f < NFEATURES; f++)
	{
		if (!reco_json_number(value, features[f].name, &numbers[f]))
			continue;
		known[f] = numbers[f] >= features[f].low && numbers[f] <= features[f].high &&
			(!features[f].whole || numbers[f] == (int) numbers[f]);
		if (numbers[f] > -LEAST && numbers[f] < LEAST)
			numbers[f] = 0;
		nknown += known[f];
		nwrong += !known[f];
	}
	told->nskipped += nwrong;
	if (value != NULL && nknown == 0)
		return;
	begin_row(&told->features, "track_id", key, origin);
	reco_json_put_name(out, "absent");
	reco_buffer_puts(out, value == NULL ? "true" : "false");
	for (int f = 0; f < NFEATURES; f++)
		if (known[f])
			reco_json_put_real(out, features[f].name, numbers[f]);
	reco_buffer_putc(out, '}');
}

/* Writes a member that is a whole number within bounds. */
static void
put_whole(RecoBuffer *out, const json_t *object, const char *name, double low,
		  double high)
{
	double		value;

	if (reco_json_number(object, name, &value) && value >= low && value <= high)
		reco_json_put_real(out, name, (double) (int64_t) value);
}

/* Begins a row with what all of them have. */
static void
begin_row(RecoToldRows *rows, const char *id_name, const char *id, const Origin *origin)
{
	RecoBuffer *out = &rows->json;

	reco_buffer_printf(out, "%s{\"n\":%d,\"fetched\":%lld", rows->n > 0 ? "," : "",
					   rows->n, (long long) origin->fetched);
	rows->n++;
	reco_json_put_member(out, "source", origin->source);
	reco_json_put_member(out, id_name, id);
}
