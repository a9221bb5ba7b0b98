/*-------------------------------------------------------------------------
 *
 * demo_tracks.c
 *	  The tracks of the made-up world.
 *
 * Purpose: make one track, from nothing but seed, artist and number.
 * Runs in: backend, inside reco_demo_catalogue().
 * Locks:	none.
 * Never:	draw twice inside one expression: C does not say which comes first, and
 *			compilers differ.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "reco.h"
#include "catalogue/demo_made.h"

#define LAST_YEAR	2024		/* of the made-up world, whatever the clock says */

static void make_song(const RecoDemoWorld *world, int index, int nth,
					  RecoDemoTrack *track);
static void make_version(const RecoDemoWorld *world, RecoDemoRng *rng,
						 RecoDemoTrack *track);
static bool is_version(const RecoDemoWorld *world, int index, int nth, RecoDemoRng *rng);
static void pick_theme(RecoDemoRng *rng, const RecoDemoGenre *genre,
					   RecoDemoTrack *track);
static void pick_genres(RecoDemoRng *rng, const RecoDemoArtist *artist,
						RecoDemoTrack *track);
static void pick_guest(const RecoDemoWorld *world, RecoDemoRng *rng,
					   const RecoDemoArtist *artist, RecoDemoTrack *track);
static void pick_sound(RecoDemoRng *rng, const RecoDemoArtist *artist,
					   const RecoDemoGenre *genre, RecoDemoTrack *track);
static void pick_voice(RecoDemoRng *rng, const RecoDemoGenre *genre,
					   RecoDemoTrack *track);
static void pick_beat(RecoDemoRng *rng, const RecoDemoGenre *genre, RecoDemoTrack *track);
static void pick_facts(RecoDemoRng *rng, const RecoDemoArtist *artist,
					   const RecoDemoGenre *genre, RecoDemoTrack *track);
static void pick_title(const RecoDemoWorld *world, RecoDemoRng *rng,
					   const RecoDemoArtist *artist, const RecoDemoGenre *genre,
					   RecoDemoTrack *track);
static RecoDemoStyleName mood_style(int energy, int valence);
static void pick_album(const RecoDemoWorld *world, const RecoDemoArtist *artist, int nth,
					   RecoDemoTrack *track);
static void pick_playlists(const RecoDemoWorld *world, RecoDemoTrack *track);
static bool fits(const RecoDemoPlaylist *list, const RecoDemoTrack *track);
static void add_words(RecoDemoTrack *track, const char *format, const char *word);
static int	reflect(int value, int lo, int hi);

bool
reco_demo_ascii_only(void)
{
	return GetDatabaseEncoding() != PG_UTF8;
}

/* Makes the nth track (from 0) of an artist. */
void
reco_demo_track_make(const RecoDemoWorld *world, int artist, int nth,
					 RecoDemoTrack *track)
{
	uint32		number = world->artists[artist].first + nth;
	RecoDemoRng rng;
	int			base;

	if (is_version(world, artist, nth, &rng))
	{
		RecoDemoRng other;

		base = reco_demo_rng_below(&rng, nth);
		if (!is_version(world, artist, base, &other))
		{
			make_song(world, artist, base, track);
			track->number = number;
			make_version(world, &rng, track);
			pick_playlists(world, track);
			return;
		}
	}
	make_song(world, artist, nth, track);
	pick_playlists(world, track);
}

/* Makes a track that is not a version of another one. */
static void
make_song(const RecoDemoWorld *world, int index, int nth, RecoDemoTrack *track)
{
	const RecoDemoArtist *artist = &world->artists[index];
	const RecoDemoGenre *genre = &reco_demo_genres[artist->genres[0]];
	RecoDemoRng rng;

	reco_demo_rng_start(&rng, world->seed, RECO_DEMO_STREAM_TRACK, index, nth);
	memset(track, 0, sizeof(*track));
	track->artist = index;
	track->guest = -1;
	track->number = artist->first + nth;

	pick_theme(&rng, genre, track);
	pick_genres(&rng, artist, track);
	pick_sound(&rng, artist, genre, track);
	pick_voice(&rng, genre, track);
	pick_beat(&rng, genre, track);
	pick_album(world, artist, nth, track);
	pick_facts(&rng, artist, genre, track);
	pick_title(world, &rng, artist, genre, track);
	pick_guest(world, &rng, artist, track);
}

/* Tells whether the nth track is a version; rng goes on with which and of what. */
static bool
is_version(const RecoDemoWorld *world, int index, int nth, RecoDemoRng *rng)
{
	reco_demo_rng_start(rng, world->seed, RECO_DEMO_STREAM_VERSION, index, nth);
	return reco_demo_rng_chance(rng, 45) && nth > 0;
}

/* Turns a copy of an earlier track into another version of it. */
static void
make_version(const RecoDemoWorld *world, RecoDemoRng *rng, RecoDemoTrack *track)
{
	int			kind = reco_demo_rng_below(rng, 6);
	int			later = Max(1, LAST_YEAR - track->year);
	bool		same_recording = false;

	track->year += Min(LAST_YEAR - track->year, 1 + reco_demo_rng_below(rng, later));
	track->precision = 1;
	switch (kind)
	{
		case 0:
		{
			char year[16];

			snprintf(year, sizeof(year), "%d", track->year);
			add_words(track, " - Remastered %s", year);
			track->loudness = Min(track->loudness + 150, -150);
			break;
		}
		case 1:
			add_words(track, " - %s", "Radio Edit");
			track->duration_ms = track->duration_ms * 4 / 5;
			break;
		case 2:
			add_words(track, " - %s", "Live");
			track->liveness = 700 + reco_demo_rng_below(rng, 280);
			track->energy = reflect(track->energy + 40, 5, 995);
			break;
		case 3:
			add_words(track, " (%s)", "Acoustic Version");
			track->acousticness = reflect(track->acousticness + 450, 5, 995);
			track->energy = track->energy * 3 / 5;
			track->loudness -= 350;
			break;
		case 4:
			add_words(track, " - %s", "Demo");
			break;
		default:				/* once more on a compilation */
			same_recording = true;
			snprintf(track->album, sizeof(track->album), "The Best of %.150s (made up)",
					 world->artists[track->artist].name);
			break;
	}
	if (!same_recording && track->isrc[0] != '\0')
		snprintf(track->isrc, sizeof(track->isrc), "XXV%02u%02d%05u",
				 track->number / 100000, track->year % 100, track->number % 100000);
	if (track->popularity > 0)
		track->popularity = track->popularity * 2 / 3;
}

/* A few tracks are for an occasion, where the genre has such tracks. */
static void
pick_theme(RecoDemoRng *rng, const RecoDemoGenre *genre, RecoDemoTrack *track)
{
	static const struct
	{
		RecoDemoTheme theme;
		int			permille;
	}			themes[] = {
		{RECO_DEMO_HOLIDAY, 25}, {RECO_DEMO_KIDS, 20}, {RECO_DEMO_SOUNDTRACK, 60},
		{RECO_DEMO_ANTHEM, 12}, {RECO_DEMO_COMEDY, 10},
	};
	int			roll = reco_demo_rng_below(rng, 1000);

	for (int i = 0; i < (int) lengthof(themes); i++)
	{
		if (!(genre->themes & themes[i].theme))
			continue;
		roll -= themes[i].permille;
		if (roll < 0)
		{
			track->theme = themes[i].theme;
			return;
		}
	}
}

/* A track has the artist's first genre, often a second one, and its occasion. */
static void
pick_genres(RecoDemoRng *rng, const RecoDemoArtist *artist, RecoDemoTrack *track)
{
	for (int i = 0; i < artist->ngenres; i++)
	{
		int			g = artist->genres[i];

		if (i > 0 && !reco_demo_rng_chance(rng, 600))
			continue;
		track->genres[track->ngenres++] = reco_demo_genres[g].name;
		track->genre_bits |= RECO_DEMO_BIT(g);
	}
	if (track->theme == RECO_DEMO_HOLIDAY)
		track->genres[track->ngenres++] = "holiday";
	else if (track->theme == RECO_DEMO_KIDS)
		track->genres[track->ngenres++] = "kids";
	else if (track->theme == RECO_DEMO_SOUNDTRACK)
		track->genres[track->ngenres++] = "soundtrack";
	else if (track->theme == RECO_DEMO_COMEDY)
		track->genres[track->ngenres++] = "comedy";
}

/*
 * Energy, and what goes with it: loud is energetic, acoustic is not, minor is a
 * little sadder, what one can dance to a little happier.
 */
static void
pick_sound(RecoDemoRng *rng, const RecoDemoArtist *artist, const RecoDemoGenre *genre,
		   RecoDemoTrack *track)
{
	int			energy = genre->energy + artist->energy;
	int			dance;
	int			valence;
	int			acoustic;
	int			surplus;

	if (track->theme == RECO_DEMO_KIDS)
		energy = (energy + 350) / 2;
	track->energy = reflect(reco_demo_rng_normal(rng, energy, 115), 8, 992);
	surplus = track->energy - genre->energy;

	track->mode = reco_demo_rng_chance(rng, genre->major) ? 1 : 0;
	track->key = reco_demo_rng_below(rng, 12);

	dance = reco_demo_rng_normal(rng, genre->danceability, 105);
	track->danceability = reflect(dance + surplus / 8, 60, 980);

	valence = genre->valence + artist->valence + surplus * 3 / 10;
	valence += (track->danceability - genre->danceability) * 3 / 10;
	valence += track->mode == 1 ? 25 : -40;
	if (track->theme == RECO_DEMO_HOLIDAY || track->theme == RECO_DEMO_KIDS)
		valence += 150;
	track->valence = reflect(reco_demo_rng_normal(rng, valence, 150), 20, 980);

	/* wide in the middle, narrow at the ends */
	acoustic = genre->acousticness * (1000 - genre->acousticness) / 900 + 35;
	acoustic = reco_demo_rng_normal(rng, genre->acousticness - surplus * 3 / 5, acoustic);
	track->acousticness = reflect(acoustic, 2, 995);

	/* -21 dB in silence, -5 dB at .9; older masters are quieter */
	track->loudness = -2150 + track->energy * 18 / 10;
	track->loudness -= Max(0, 1995 - artist->year) * 4;
	track->loudness = reco_demo_rng_normal(rng, track->loudness, 140);
	track->loudness = Max(-4500, Min(track->loudness, -80));
}

/* Voice: sung, spoken, none; and an audience. */
static void
pick_voice(RecoDemoRng *rng, const RecoDemoGenre *genre, RecoDemoTrack *track)
{
	int			u = reco_demo_rng_below(rng, 1000);
	int			speech;

	if (reco_demo_rng_chance(rng, genre->instrumental))
		track->instrumentalness = reflect(reco_demo_rng_normal(rng, 830, 110), 300, 985);
	else
		track->instrumentalness = u * u / 1000 * u / 1000 * 140 / 1000;

	speech = reco_demo_rng_normal(rng, genre->speechiness, genre->speechiness / 3);
	track->speechiness = Max(speech, 23);
	if (track->instrumentalness > 300)
		track->speechiness = Min(track->speechiness, 90);

	u = reco_demo_rng_below(rng, 1000);
	track->liveness = 60 + 260 * (u * u / 1000) / 1000;
	if (reco_demo_rng_chance(rng, 35))
		track->liveness = 600 + reco_demo_rng_below(rng, 390);

	if (track->theme == RECO_DEMO_COMEDY)
	{
		track->speechiness = 820 + reco_demo_rng_below(rng, 140);
		track->instrumentalness = 0;
		track->liveness = 600 + reco_demo_rng_below(rng, 380);
	}
	else if (track->theme == RECO_DEMO_SOUNDTRACK)
		track->instrumentalness = 750 + reco_demo_rng_below(rng, 240);
}

/* Tempo and metre; some tracks are heard at half or double time. */
static void
pick_beat(RecoDemoRng *rng, const RecoDemoGenre *genre, RecoDemoTrack *track)
{
	int			tempo = genre->tempo * 100;
	int			roll = reco_demo_rng_below(rng, 1000);
	bool		waltz;

	tempo += (track->energy - genre->energy) * 2 * genre->tempo_spread / 10;
	tempo = reco_demo_rng_normal(rng, tempo, genre->tempo_spread * 90);
	if (roll < 40 && tempo > 12000)
		tempo /= 2;
	else if (roll > 970 && tempo < 10500)
		tempo *= 2;
	track->tempo = reflect(tempo, 4800, 21800);

	waltz = reco_demo_rng_chance(rng, genre->acousticness > 500 ? 130 : 40);
	track->time_signature = waltz ? 3 : 4;
	if (reco_demo_rng_chance(rng, 8))
		track->time_signature = 5;
}

/* Popularity, length, words, code, and whether anyone measured it. */
static void
pick_facts(RecoDemoRng *rng, const RecoDemoArtist *artist, const RecoDemoGenre *genre,
		   RecoDemoTrack *track)
{
	int			luck = reco_demo_rng_below(rng, 1000);
	int			spread = genre->seconds * 1000 / 5;
	int			roll;

	/* an artist has one or two hits, and the others live below them */
	track->popularity = artist->fame * (350 + luck * luck / 1000 * 7 / 10) / 1000;
	track->popularity = reco_demo_rng_normal(rng, track->popularity, 4);
	track->popularity = Max(0, Min(100, track->popularity));
	if (reco_demo_rng_chance(rng, 40))
		track->popularity = -1;

	track->duration_ms = reco_demo_rng_normal(rng, genre->seconds * 1000, spread);
	if (track->theme == RECO_DEMO_KIDS)
		track->duration_ms = track->duration_ms * 3 / 5;
	track->duration_ms = Max(track->duration_ms, 45000);
	track->explicit_words = reco_demo_rng_chance(rng, genre->swears) &&
		track->instrumentalness < 300 && track->theme == RECO_DEMO_NO_THEME;

	/* XX is no country */
	if (!reco_demo_rng_chance(rng, 30))
		snprintf(track->isrc, sizeof(track->isrc), "XXD%02u%02d%05u",
				 track->number / 100000, track->year % 100, track->number % 100000);

	roll = reco_demo_rng_below(rng, 1000);
	track->state = roll < 20
		? RECO_FEATURES_UNKNOWN
		: (roll < 38 ? RECO_FEATURES_ABSENT : RECO_FEATURES_MEASURED);
}

/* A title of the genre, of its other language, or of the track's mood. */
static void
pick_title(const RecoDemoWorld *world, RecoDemoRng *rng, const RecoDemoArtist *artist,
		   const RecoDemoGenre *genre, RecoDemoTrack *track)
{
	RecoDemoTitleFacts facts;
	RecoDemoStyleName style;

	facts.key = track->key;
	facts.mode = track->mode;
	facts.ascii = world->ascii;

	if (track->theme == RECO_DEMO_HOLIDAY)
		style = RECO_DEMO_STYLE_HOLIDAY;
	else if (track->theme == RECO_DEMO_KIDS)
		style = RECO_DEMO_STYLE_KIDS;
	else if (track->theme == RECO_DEMO_SOUNDTRACK)
		style = RECO_DEMO_STYLE_SOUNDTRACK;
	else if (track->theme == RECO_DEMO_ANTHEM)
		style = RECO_DEMO_STYLE_ANTHEM;
	else if (track->theme == RECO_DEMO_COMEDY)
		style = RECO_DEMO_STYLE_COMEDY;
	else if (artist->foreign && reco_demo_rng_chance(rng, 800))
		style = genre->tongue;
	else if (genre->style > RECO_DEMO_STYLE_LOUD_DARK && reco_demo_rng_chance(rng, 620))
		style = genre->style;
	else
		style = mood_style(track->energy, track->valence);
	reco_demo_title(rng, style, &facts, track->title);
}

/* The words of a mood. */
static RecoDemoStyleName
mood_style(int energy, int valence)
{
	if (energy < 560)
		return valence < 500 ? RECO_DEMO_STYLE_CALM_DARK : RECO_DEMO_STYLE_CALM_BRIGHT;
	return valence < 500 ? RECO_DEMO_STYLE_LOUD_DARK : RECO_DEMO_STYLE_LOUD_BRIGHT;
}

/* Some tracks have a guest of the same genre, often named in the title. */
static void
pick_guest(const RecoDemoWorld *world, RecoDemoRng *rng, const RecoDemoArtist *artist,
		   RecoDemoTrack *track)
{
	int			genre = artist->genres[0];
	int			permille = reco_demo_genres[genre].family == RECO_DEMO_STREETS ? 180 : 50;

	if (!reco_demo_rng_chance(rng, permille) || artist->peers == 0 ||
		track->theme != RECO_DEMO_NO_THEME)
		return;
	track->guest = world->by_genre[world->genre_start[genre] +
								   reco_demo_rng_below(rng, artist->peers)];
	if (reco_demo_rng_chance(rng, 600))
		add_words(track, " (feat. %s)", world->artists[track->guest].name);
}

/*
 * Albums of ten tracks, with a title and a date.  How exactly the date is known
 * depends on its age.
 */
static void
pick_album(const RecoDemoWorld *world, const RecoDemoArtist *artist, int nth,
		   RecoDemoTrack *track)
{
	const RecoDemoGenre *genre = &reco_demo_genres[artist->genres[0]];
	int			first = nth / 10 * 10;
	RecoDemoTitleFacts facts = {.ascii = world->ascii};
	RecoDemoStyleName style = mood_style(genre->energy, genre->valence);
	RecoDemoRng rng;
	char		title[RECO_DEMO_TEXT_SIZE];
	int			age;
	int			roll;

	reco_demo_rng_start(&rng, world->seed, RECO_DEMO_STREAM_ARTIST, track->artist,
						1 + first);
	if (artist->foreign)
		style = genre->tongue;
	reco_demo_title(&rng, style, &facts, title);
	track->album_number = artist->first + first;
	snprintf(track->album, sizeof(track->album), "%.200s (made up)", title);

	track->year = artist->year + first / 3 + reco_demo_rng_below(&rng, 4);
	track->year = Min(track->year, Min(LAST_YEAR, genre->to + 3));
	track->month = 1 + reco_demo_rng_below(&rng, 12);
	track->day = 1 + reco_demo_rng_below(&rng, 28);
	age = LAST_YEAR - track->year;
	roll = reco_demo_rng_below(&rng, 1000);
	track->precision = roll < 20 + age * 11 ? 1 : (roll < 60 + age * 12 ? 2 : 3);
	if (track->theme == RECO_DEMO_HOLIDAY)
		track->month = 11;
}

/*
 * Up to four playlists out of those that the track fits.  Fit is a little blurred,
 * as people's playlists are, and known tracks are on more of them.
 */
static void
pick_playlists(const RecoDemoWorld *world, RecoDemoTrack *track)
{
	RecoDemoTrack heard = *track;
	RecoDemoRng rng;
	int			candidates[128];
	int			n = 0;
	int			roll;
	int			wanted;

	reco_demo_rng_start(&rng, world->seed, RECO_DEMO_STREAM_PLAYLIST, track->number, 0);
	heard.energy = reco_demo_rng_normal(&rng, track->energy, 35);
	heard.valence = reco_demo_rng_normal(&rng, track->valence, 45);
	heard.danceability = reco_demo_rng_normal(&rng, track->danceability, 35);
	heard.acousticness = reco_demo_rng_normal(&rng, track->acousticness, 45);
	roll = reco_demo_rng_below(&rng, 1000) + 4 * track->popularity;
	wanted = roll < 330 ? 0 : (roll < 600 ? 1 : (roll < 820 ? 2 : (roll < 960 ? 3 : 4)));
	if (track->theme != RECO_DEMO_NO_THEME)
		wanted = Min(wanted, 1);

	for (int i = 0; i < reco_demo_nplaylists && n < (int) lengthof(candidates); i++)
	{
		if (fits(&reco_demo_playlists[i], &heard))
			candidates[n++] = i;
	}
	track->nplaylists = 0;
	while (track->nplaylists < wanted && n > 0)
	{
		int			which = reco_demo_rng_below(&rng, n);

		track->playlists[track->nplaylists++] = candidates[which];
		candidates[which] = candidates[--n];
	}
}

/* Tells whether a track belongs on a playlist. */
static bool
fits(const RecoDemoPlaylist *list, const RecoDemoTrack *track)
{
#define WITHIN(range, value) \
	((range).hi == 0 || ((value) >= (range).lo && (value) <= (range).hi))
	return list->theme == track->theme &&
		(list->genres == 0 || (list->genres & track->genre_bits) != 0) &&
		WITHIN(list->energy, track->energy) && WITHIN(list->valence, track->valence) &&
		WITHIN(list->danceability, track->danceability) &&
		WITHIN(list->acousticness, track->acousticness) &&
		WITHIN(list->instrumentalness, track->instrumentalness) &&
		WITHIN(list->speechiness, track->speechiness) &&
		WITHIN(list->liveness, track->liveness) &&
		WITHIN(list->tempo, track->tempo / 100) && WITHIN(list->years, track->year);
#undef WITHIN
}

/* Adds words to the title. */
static void
add_words(RecoDemoTrack *track, const char *format, const char *word)
{
	char		words[RECO_DEMO_TEXT_SIZE];
	int			length = strlen(track->title);

	snprintf(words, sizeof(words), format, word);
	if (length + strlen(words) < sizeof(track->title))
		strcpy(track->title + length, words);
}

/* Folds what is outside back in, so that nothing piles up at the ends. */
static int
reflect(int value, int lo, int hi)
{
	if (value < lo)
		value = lo + (lo - value) / 3;
	if (value > hi)
		value = hi - (value - hi) / 3;
	return Max(lo, Min(hi, value));
}
