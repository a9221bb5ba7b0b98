/*-------------------------------------------------------------------------
 *
 * spotify_read.c
 *	  Spotify's objects as values.
 *
 * Purpose: turn track and artist objects, and lists of them, into the JSON that
 *			the rooms above know; join the answer of a batch to its keys.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	rely on a member: any may be absent, null, or of another type.
 *
 *-------------------------------------------------------------------------
 */
#include "spotify_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* More is never asked for; a longer list is somebody's mistake. */
#define MAX_ITEMS	RECO_SPOTIFY_LIMIT_EXTENDED

static bool is_a(const json_t *object, const char *type);
static bool is_first(const char **seen, int *nseen, const json_t *object);
static bool is_by(const json_t *track, const char *artist_id);
static bool belongs(const json_t *record, const char *key);
static void put_names(RecoBuffer *out, const json_t *artists);
static void put_genres(RecoBuffer *out, const json_t *genres);
static void put_date(RecoBuffer *out, const json_t *album);
static size_t date_length(const char *date, const char *precision);
static int	two_digits(const char *text);
static void put_whole(RecoBuffer *out, const json_t *object, const char *name,
					  double least, double most);

bool
reco_spotify_put_track(RecoBuffer *out, const json_t *track, const char *asked)
{
	const char *id = reco_json_string(track, "id");
	const json_t *album = reco_json_get(track, "album");
	const json_t *explicit = reco_json_get(track, "explicit");

	if (id == NULL || !is_a(track, "track") ||
		json_is_true(reco_json_get(track, "is_local")))
		return false;
	if (asked == NULL)
		asked = reco_json_string(reco_json_get(track, "linked_from"), "id");
	reco_buffer_putc(out, '{');
	reco_json_put_member(out, "id", id);
	reco_json_put_member(out, "name", reco_json_string(track, "name"));
	put_names(out, reco_json_array(track, "artists"));
	reco_json_put_member(out, "album", reco_json_string(album, "name"));
	reco_json_put_member(out, "album_id", reco_json_string(album, "id"));
	reco_json_put_member(out, "isrc",
						 reco_json_string(reco_json_get(track, "external_ids"), "isrc"));
	put_date(out, album);
	put_whole(out, track, "duration_ms", 1, INT32_MAX);
	if (json_is_boolean(explicit))
	{
		reco_json_put_name(out, "explicit");
		reco_buffer_puts(out, json_is_true(explicit) ? "true" : "false");
	}
	put_whole(out, track, "popularity", 0, 100);
	if (asked != NULL && strcmp(asked, id) != 0)
		reco_json_put_member(out, "linked_from", asked);
	if (json_is_false(reco_json_get(track, "is_playable")))
	{
		reco_json_put_name(out, "playable");
		reco_buffer_puts(out, "false");
	}
	reco_buffer_putc(out, '}');
	return true;
}

bool
reco_spotify_put_artist(RecoBuffer *out, const json_t *artist)
{
	const char *id = reco_json_string(artist, "id");

	if (id == NULL || !is_a(artist, "artist"))
		return false;
	reco_buffer_putc(out, '{');
	reco_json_put_member(out, "id", id);
	reco_json_put_member(out, "name", reco_json_string(artist, "name"));
	put_genres(out, reco_json_array(artist, "genres"));
	put_whole(out, artist, "popularity", 0, 100);
	reco_buffer_putc(out, '}');
	return true;
}

void
reco_spotify_put_tracks(RecoBuffer *out, const json_t *items, const char *by)
{
	const char *seen[MAX_ITEMS];
	int			nseen = 0;

	reco_buffer_putc(out, '[');
	for (size_t i = 0; i < json_array_size(items) && nseen < MAX_ITEMS; i++)
	{
		const json_t *item = json_array_get(items, i);

		if (!is_a(item, "track") || json_is_true(reco_json_get(item, "is_local")) ||
			(by != NULL && !is_by(item, by)) || !is_first(seen, &nseen, item))
			continue;
		reco_json_put_name(out, NULL);
		reco_spotify_put_track(out, item, NULL);
	}
	reco_buffer_putc(out, ']');
}

void
reco_spotify_put_artists(RecoBuffer *out, const json_t *items)
{
	const char *seen[MAX_ITEMS];
	int			nseen = 0;

	reco_buffer_putc(out, '[');
	for (size_t i = 0; i < json_array_size(items) && nseen < MAX_ITEMS; i++)
	{
		const json_t *item = json_array_get(items, i);

		if (!is_a(item, "artist") || !is_first(seen, &nseen, item))
			continue;
		reco_json_put_name(out, NULL);
		reco_spotify_put_artist(out, item);
	}
	reco_buffer_putc(out, ']');
}

/*
 * Order is promised, but ids are surer: a record counts for the key that it
 * names, wherever it stands. One that names none of the keys was relinked, and
 * an app in development mode is not told from what; then the position decides,
 * provided that the list is as long as the question.
 */
const json_t *
reco_spotify_find(const json_t *list, const char *const *keys, int nkeys, int k,
				  RecoOutcome *outcome)
{
	const json_t *record = json_array_get(list, k);

	*outcome = RECO_OUTCOME_FRESH;
	if (belongs(record, keys[k]))
		return record;
	for (size_t i = 0; i < json_array_size(list); i++)
		if (belongs(json_array_get(list, i), keys[k]))
			return json_array_get(list, i);
	if (json_array_size(list) != (size_t) nkeys)
	{
		*outcome = RECO_OUTCOME_MALFORMED;
		return NULL;
	}
	if (record == NULL || json_is_null(record) ||
		reco_json_string(reco_json_get(record, "linked_from"), "id") != NULL)
		return NULL;
	for (int i = 0; i < nkeys; i++)
		if (belongs(record, keys[i]))
			return NULL;
	return record;
}

/* Whether an object is of a type, or does not say of which. */
static bool
is_a(const json_t *object, const char *type)
{
	const char *said = reco_json_string(object, "type");

	return json_is_object(object) && (said == NULL || strcmp(said, type) == 0);
}

/* Whether an object has an id that was not seen before; remembers it. */
static bool
is_first(const char **seen, int *nseen, const json_t *object)
{
	const char *id = reco_json_string(object, "id");

	if (id == NULL)
		return false;
	for (int i = 0; i < *nseen; i++)
		if (strcmp(seen[i], id) == 0)
			return false;
	seen[(*nseen)++] = id;
	return true;
}

/* Whether an artist is among those of a track. */
static bool
is_by(const json_t *track, const char *artist_id)
{
	const json_t *artists = reco_json_array(track, "artists");

	for (size_t i = 0; i < json_array_size(artists); i++)
	{
		const char *id = reco_json_string(json_array_get(artists, i), "id");

		if (id != NULL && strcmp(id, artist_id) == 0)
			return true;
	}
	return false;
}

/* Whether a record has the id, or was relinked from it. */
static bool
belongs(const json_t *record, const char *key)
{
	const char *id = reco_json_string(record, "id");
	const char *linked = reco_json_string(reco_json_get(record, "linked_from"), "id");

	return (id != NULL && strcmp(id, key) == 0) ||
		(linked != NULL && strcmp(linked, key) == 0);
}

/* Writes the artists of a track; nothing where there are none. */
static void
put_names(RecoBuffer *out, const json_t *artists)
{
	bool		begun = false;

	for (size_t i = 0; i < json_array_size(artists); i++)
	{
		const json_t *artist = json_array_get(artists, i);
		const char *id = reco_json_string(artist, "id");
		const char *name = reco_json_string(artist, "name");

		if (id == NULL && name == NULL)
			continue;
		if (!begun)
		{
			reco_json_put_name(out, "artists");
			reco_buffer_putc(out, '[');
			begun = true;
		}
		reco_json_put_name(out, NULL);
		reco_buffer_putc(out, '{');
		reco_json_put_member(out, "id", id);
		reco_json_put_member(out, "name", name);
		reco_buffer_putc(out, '}');
	}
	if (begun)
		reco_buffer_putc(out, ']');
}

/* Writes the genres of an artist; nothing where there are none. */
static void
put_genres(RecoBuffer *out, const json_t *genres)
{
	bool		begun = false;

	for (size_t i = 0; i < json_array_size(genres); i++)
	{
		const char *genre = json_string_value(json_array_get(genres, i));

		if (genre == NULL || genre[0] == '\0')
			continue;
		if (!begun)
		{
			reco_json_put_name(out, "genres");
			reco_buffer_putc(out, '[');
			begun = true;
		}
		reco_json_put_name(out, NULL);
		reco_json_put_string(out, genre);
	}
	if (begun)
		reco_buffer_putc(out, ']');
}

/* Writes an album's date, as precise as it is. */
static void
put_date(RecoBuffer *out, const json_t *album)
{
	const char *date = reco_json_string(album, "release_date");
	size_t		len = 0;
	char		text[sizeof("2023-09-30")];

	if (date != NULL)
		len = date_length(date, reco_json_string(album, "release_date_precision"));
	if (len == 0)
		return;
	snprintf(text, sizeof(text), "%.*s", (int) len, date);
	reco_json_put_member(out, "release_date", text);
}

/*
 * How much of a date can be believed: its 4, 7 or 10 first characters, or none.
 * Releases that were taken down say "0000".
 */
static size_t
date_length(const char *date, const char *precision)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int			century = two_digits(date);
	int			year = century < 0 ? -1 : two_digits(date + 2);
	int			month;
	int			day;

	if (year < 0 || century + year == 0 || (date[4] != '\0' && date[4] != '-'))
		return 0;
	year += century * 100;
	month = date[4] == '-' ? two_digits(date + 5) : -1;
	if (month < 1 || month > 12 || (precision != NULL && strcmp(precision, "year") == 0))
		return 4;
	day = date[7] == '-' ? two_digits(date + 8) : -1;
	if (day < 1 || day > days[month - 1] ||
		(month == 2 && day == 29 &&
		 (year % 4 != 0 || (year % 100 == 0 && year % 400 != 0))) ||
		(precision != NULL && strcmp(precision, "month") == 0))
		return 7;
	return 10;
}

/* The number that two digits make, or -1. */
static int
two_digits(const char *text)
{
	if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
		return -1;
	return (text[0] - '0') * 10 + (text[1] - '0');
}

/* Writes a member that is a whole number within bounds, however it is spelt. */
static void
put_whole(RecoBuffer *out, const json_t *object, const char *name, double least,
		  double most)
{
	double		value;

	if (!reco_json_number(object, name, &value))
		return;
	value = round(value);
	if (value >= least && value <= most)
		reco_json_put_real(out, name, value);
}
