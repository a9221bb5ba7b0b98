/*-------------------------------------------------------------------------
 *
 * told_test.c
 *	  Tests of what values of services tell the catalogue.
 *
 * Purpose: what is right becomes rows, what is not is left out and counted, and whatever
 *			comes in, what comes out is JSON.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	use real songs.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/upstream/told.c src/upstream/service.c
			src/upstream/message.c src/upstream/json.c src/upstream/buffer.c
			src/upstream/outcome.c src/upstream/reccobeats.c
			src/upstream/reccobeats_check.c src/upstream/spotify.c
			src/upstream/spotify_error.c src/upstream/spotify_read.c
			src/upstream/spotify_request.c src/upstream/spotify_token.c
			src/upstream/gemini.c src/upstream/openai.c src/upstream/model.c
			src/upstream/completion.c src/upstream/header.c */
#include "upstream/told.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "upstream/json.h"

#define A	"1QWN1ij3rsgeKkHInkAz6Y"
#define B	"4O6BcWzUa12zRnhLmcxVkB"
#define C	"3oYF9SBFbkCDrMOlXfxUaZ"
#define U	"7b1f0c52-4d0e-4f7a-9a55-0f2f6c1e9d31"
#define BY	"\"artists\":[{\"id\":\"" B "\",\"name\":\"Kettle Drift\"}]"

/* The rows of one value. */
static RecoTold told;

static void
tell(RecoOperation operation, const char *key, const char *value)
{
	reco_told_free(&told);
	reco_told_begin(&told);
	(void) reco_told_add(&told, operation, key, value, 77);
	reco_told_end(&told);
}

static bool
tracks_are(const char *expected)
{
	return strcmp(told.tracks.json.data, expected) == 0;
}

/* A track of a list, of what is in 'members'. */
static void
tell_track(const char *members)
{
	char		value[8192];

	snprintf(value, sizeof(value),
			 "{\"tracks\":[{\"id\":\"" A "\",\"name\":\"Slow Kettle\"," BY "%s%s}]}",
			 members[0] == '\0' ? "" : ",", members);
	tell(RECO_OP_SEARCH, "q", value);
}

static bool
has(const RecoToldRows *rows, const char *text)
{
	return strstr(rows->json.data, text) != NULL;
}

static void
test_tracks(void)
{
	tell_track("");
	ok(tracks_are(
		   "[{\"n\":0,\"fetched\":77,\"source\":\"spotify\",\"track_id\":\"" A
		   "\",\"title\":\"Slow Kettle\",\"artists\":[\"Kettle Drift\"],\"ids\":[\"" B
		   "\"]}]"),
	   "a track: what was told, and no more");
	ok(told.artists.n == 1 && has(&told.artists, "\"name\":\"Kettle Drift\"") &&
		   !has(&told.artists, "whole"),
	   "its artist comes along, not as one that was told as such");
	tell_track(
		"\"album\":\"Kettles\",\"album_id\":\"" C "\",\"isrc\":\"QZAAA2300001\","
		"\"release_date\":\"2023-09-30\",\"duration_ms\":1234,\"explicit\":true,\"popularity\":50");
	ok(has(&told.tracks,
		   "\"album\":\"Kettles\",\"album_id\":\"" C "\",\"isrc\":\"QZAAA2300001\","
		   "\"released\":\"2023-09-30\",\"precision\":\"day\",\"duration_ms\":1234,"
		   "\"explicit\":true,\"popularity\":50}"),
	   "all of it");
	tell_track("\"linked_from\":\"" C "\"");
	ok(has(&told.tracks, "\"track_id\":\"" C "\""),
	   "a relinked one goes by the id that was asked for");
	tell_track("\"playable\":false");
	ok(told.tracks.n == 0 && told.nskipped == 0, "one that cannot be played is none");
	tell_track(
		"\"isrc\":\"?\",\"album_id\":\"?\",\"duration_ms\":-1,\"popularity\":101,\"explicit\":\"no\"");
	ok(tracks_are(
		   "[{\"n\":0,\"fetched\":77,\"source\":\"spotify\",\"track_id\":\"" A
		   "\",\"title\":\"Slow Kettle\",\"artists\":[\"Kettle Drift\"],\"ids\":[\"" B
		   "\"]}]") &&
		   told.nskipped == 0,
	   "what is wrong of it is left out");
	tell(RECO_OP_RECOMMENDATION, "{}",
		 "{\"tracks\":[{\"rb_id\":\"" U "\",\"name\":\"No id\"," BY "},{\"id\":\"" A
		 "\",\"name\":\"Two\",\"artists\":[{\"name\":\"X\"},{\"id\":\"" B "\",\"name\":\"Y\"}]}]}");
	ok(told.tracks.n == 1 && told.nskipped == 0 && has(&told.tracks, "\"source\":\"reccobeats\"") &&
		   has(&told.tracks, "\"artists\":[\"X\",\"Y\"],\"ids\":[\"" B "\"]"),
	   "of another service: who has no id of Spotify's is not known");
	tell(RECO_OP_TRACKS, A, "{\"id\":\"" A "\",\"name\":\"Alone\"," BY "}");
	ok(told.tracks.n == 1 && told.artists.n == 1, "a value that is one track");
	tell(RECO_OP_TRACKS, A, NULL);
	ok(told.tracks.n == 0 && told.nskipped == 0, "or none");
}

static void
test_dates(void)
{
	static const struct
	{
		const char *date;
		const char *row;		/* NULL = left out */
	}			dates[] = {
		{"2023", "\"released\":\"2023-01-01\",\"precision\":\"year\""},
		{"2023-09", "\"released\":\"2023-09-01\",\"precision\":\"month\""},
		{"1999-12-31", "\"released\":\"1999-12-31\",\"precision\":\"day\""},
		{"2023-04-30", "\"released\":\"2023-04-30\",\"precision\":\"day\""},
		{"2023-02-28", "\"released\":\"2023-02-28\",\"precision\":\"day\""},
		{"2024-02-29", "\"released\":\"2024-02-01\",\"precision\":\"month\""},
		{"2023-04-31", NULL}, {"2023-02-30", NULL}, {"2023-13", NULL}, {"2023-00-01", NULL},
		{"2023-01-00", NULL}, {"0000", NULL}, {"0000-02-29", NULL}, {"23", NULL},
		{"2023-9-30", NULL}, {"yesterday!", NULL}, {"2023/09/30", NULL}
	};

	for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++)
	{
		char		members[64];

		snprintf(members, sizeof(members), "\"release_date\":\"%s\"", dates[i].date);
		tell_track(members);
		ok(told.tracks.n == 1 &&
			   (dates[i].row ? has(&told.tracks, dates[i].row) : !has(&told.tracks, "released")),
		   "released %s: %s", dates[i].date, dates[i].row ? dates[i].row : "not known");
	}
}

static void
test_wrong(void)
{
	static const char *const values[] =
		{"",
		 "{",
		 "[]",
		 "7",
		 "null",
		 "\"text\"",
		 "{\"tracks\":7}",
		 "{\"tracks\":[7,null,[],\"x\"]}",
		 "{\"tracks\":[{}]}",
		 "{\"tracks\":[{\"id\":\"" A "\"}]}",
		 "{\"artists\":[{\"id\":\"short\",\"name\":\"x\"}]}",
		 "{\"tracks\":[{\"id\":\"" A "\",\"name\":\"x\",\"artists\":[]}]}",
		 "{\"tracks\":[{\"id\":\"" A "\",\"name\":\"x\",\"artists\":[7]}]}",
		 "{\"tracks\":[{\"id\":\"" A "\",\"name\":\"x\",\"artists\":{}}]}"};
	char		title[1200];
	char		value[4096];

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		for (int o = 0; o < RECO_NOPERATIONS; o++)
		{
			json_t	   *tracks;
			json_t	   *artists;
			json_t	   *features;

			if (!reco_told_is_of(o))
				continue;
			tell(o, A, values[i]);
			tracks = reco_json_parse(told.tracks.json.data, told.tracks.json.len);
			artists = reco_json_parse(told.artists.json.data, told.artists.json.len);
			features = reco_json_parse(told.features.json.data, told.features.json.len);
			if (told.tracks.n + told.artists.n + told.features.n > 0 ||
				!json_is_array(tracks) || !json_is_array(artists) ||
				!json_is_array(features))
				ok(false, "%s of %s tells nothing", values[i], reco_operation_name(o));
			json_decref(tracks);
			json_decref(artists);
			json_decref(features);
		}
	ok(true, "what is wrong tells nothing");

	/* letters of two bytes */
	for (int i = 0; i < 500; i++)
		memcpy(title + 2 * i, "\xc3\xa9", 2);
	title[1000] = '\0';
	snprintf(value, sizeof(value), "{\"id\":\"" A "\",\"name\":\"%s%s\"," BY "}", title, title);
	tell(RECO_OP_TRACKS, A, value);
	ok(told.tracks.n == 1, "a title of 1000 letters");
	snprintf(value, sizeof(value), "{\"id\":\"" A "\",\"name\":\"%s%s.\"," BY "}", title, title);
	tell(RECO_OP_TRACKS, A, value);
	ok(told.tracks.n == 0 && told.nskipped == 1, "one of 1001 is skipped, and counted");
}

static void
test_artists(void)
{
	tell(RECO_OP_ARTISTS, B,
		 "{\"id\":\"" B
		 "\",\"name\":\"Kettle Drift\",\"genres\":[\"Slow\",\"\",7],\"popularity\":9}");
	ok(strcmp(
		   told.artists.json.data,
		   "[{\"n\":0,\"fetched\":77,\"source\":\"spotify\",\"artist_id\":\"" B
		   "\",\"name\":\"Kettle Drift\",\"whole\":true,\"genres\":[\"Slow\"],\"popularity\":9}]") ==
		   0,
	   "an artist");
	tell(RECO_OP_TOP_ARTISTS, "medium_term",
		 "{\"artists\":[{\"id\":\"" B "\",\"name\":\"Kettle Drift\"}]}");
	ok(told.artists.n == 1 && !has(&told.artists, "whole"),
	   "one of whom an app is told no more than the name");
}

static void
test_features(void)
{
	tell(RECO_OP_FEATURES, A,
		 "{\"energy\":0.5,\"key\":11,\"tempo\":120.5,\"isrc\":\"x\"}");
	ok(strcmp(told.features.json.data,
			  "[{\"n\":0,\"fetched\":77,\"source\":\"reccobeats\",\"track_id\":\"" A
			  "\",\"absent\":false,\"energy\":0.5,\"tempo\":120.5,\"key\":11}]") == 0,
	   "features: those that were measured");
	tell(
		RECO_OP_FEATURES, A,
		"{\"energy\":1.5,\"key\":0.5,\"mode\":2,\"tempo\":0,\"loudness\":-61,\"valence\":0}");
	ok(told.nskipped == 5 && has(&told.features, "\"absent\":false,\"valence\":0}"),
	   "those out of bounds are left out, and counted");
	tell(RECO_OP_FEATURES, A,
		 "{\"energy\":1e-50,\"loudness\":-1e-50,\"valence\":1e-20,\"key\":1e-50}");
	ok(has(&told.features, "\"energy\":0,\"valence\":1e-20,\"loudness\":0}") &&
		   told.nskipped == 1,
	   "those that are too near to 0 for the catalogue are 0");
	tell(RECO_OP_FEATURES, A, "{\"isrc\":\"x\"}");
	ok(told.features.n == 0 && told.nskipped == 0, "where none was measured, none is");
	tell(RECO_OP_FEATURES, A, NULL);
	ok(has(&told.features, "\"absent\":true}"), "absent");
	tell(RECO_OP_FEATURES, U, "{\"energy\":0.5}");
	ok(told.features.n == 0, "of an id of another service: of no track here");
}

static void
test_many(void)
{
	reco_told_free(&told);
	reco_told_begin(&told);
	for (int i = 0; i < 3; i++)
		(void) reco_told_add(&told, RECO_OP_FEATURES, A, NULL, i);
	reco_told_end(&told);
	ok(told.features.n == 3 && has(&told.features, "},{\"n\":1,\"fetched\":1,") &&
		   has(&told.features, "{\"n\":2,\"fetched\":2,"),
	   "rows of several values have numbers");
	ok(!reco_told_is_of(RECO_OP_IDS) && !reco_told_is_of(RECO_OP_COMPLETION) &&
		   !reco_told_is_of(RECO_OP_PROBE) && !reco_told_is_of(RECO_NOPERATIONS),
	   "ids and models tell of no track");
}

int
main(void)
{
	reco_told_begin(&told);
	test_tracks();
	test_dates();
	test_wrong();
	test_artists();
	test_features();
	test_many();
	reco_told_free(&told);
	return tap_done();
}
