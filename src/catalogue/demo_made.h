/*-------------------------------------------------------------------------
 *
 * demo_made.h
 *	  What the files of the demo catalogue share; for no one else.
 *
 * Purpose: the parts of a made-up world: words, genres, artists, tracks.
 * Runs in: backend, inside reco_demo_catalogue().
 * Locks:	none.
 * Never:	use floating point or libc's random(): all values are integers until
 *			the last division, so that every machine makes the same rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_DEMO_MADE_H
#define RECO_DEMO_MADE_H

#include "compat.h"

#include "catalogue/demo.h"

/* ---- chance: splitmix64, one stream per thing that is made ---- */

typedef struct RecoDemoRng
{
	uint64		state;
} RecoDemoRng;

typedef enum RecoDemoStream
{
	RECO_DEMO_STREAM_DECK = 1,
	RECO_DEMO_STREAM_ARTIST,
	RECO_DEMO_STREAM_TRACK,
	RECO_DEMO_STREAM_VERSION,
	RECO_DEMO_STREAM_PLAYLIST,
	RECO_DEMO_STREAM_LISTENER
} RecoDemoStream;

extern void reco_demo_rng_start(RecoDemoRng *rng, int32 seed, RecoDemoStream stream,
								uint32 a, uint32 b);
extern uint64 reco_demo_rng_next(RecoDemoRng *rng);
extern int	reco_demo_rng_below(RecoDemoRng *rng, int n);	/* 0 .. n - 1 */
extern bool reco_demo_rng_chance(RecoDemoRng *rng, int permille);
extern int	reco_demo_rng_normal(RecoDemoRng *rng, int mean, int deviation);

/* ---- words ---- */

typedef struct RecoDemoList
{
	int			n;
	const char *const *words;
} RecoDemoList;

#define RECO_DEMO_LIST(array)  \
	{                          \
		lengthof(array), array \
	}

/* How titles of one kind are put together. */
typedef struct RecoDemoStyle
{
	RecoDemoList patterns;
	RecoDemoList adjectives;
	RecoDemoList nouns;
	RecoDemoList verbs;
} RecoDemoStyle;

typedef enum RecoDemoStyleName
{
	RECO_DEMO_STYLE_CALM_DARK,
	RECO_DEMO_STYLE_CALM_BRIGHT,
	RECO_DEMO_STYLE_LOUD_BRIGHT,
	RECO_DEMO_STYLE_LOUD_DARK,
	RECO_DEMO_STYLE_TECHNO,
	RECO_DEMO_STYLE_DANCE,
	RECO_DEMO_STYLE_AMBIENT,
	RECO_DEMO_STYLE_CLASSICAL,
	RECO_DEMO_STYLE_LOFI,
	RECO_DEMO_STYLE_METAL,
	RECO_DEMO_STYLE_COUNTRY,
	RECO_DEMO_STYLE_JAZZ,
	RECO_DEMO_STYLE_URBAN,
	RECO_DEMO_STYLE_GROOVE,
	RECO_DEMO_STYLE_REGGAE,
	RECO_DEMO_STYLE_GOSPEL,
	RECO_DEMO_STYLE_SYNTH,
	RECO_DEMO_STYLE_DREAM,
	RECO_DEMO_STYLE_ES,
	RECO_DEMO_STYLE_PT,
	RECO_DEMO_STYLE_FR,
	RECO_DEMO_STYLE_DE,
	RECO_DEMO_STYLE_FI,
	RECO_DEMO_STYLE_JA,
	RECO_DEMO_STYLE_KO,
	RECO_DEMO_STYLE_RU,
	RECO_DEMO_STYLE_AR,
	RECO_DEMO_STYLE_HI,
	RECO_DEMO_STYLE_HOLIDAY,
	RECO_DEMO_STYLE_KIDS,
	RECO_DEMO_STYLE_SOUNDTRACK,
	RECO_DEMO_STYLE_ANTHEM,
	RECO_DEMO_STYLE_COMEDY
} RecoDemoStyleName;

typedef enum RecoDemoNaming
{
	RECO_DEMO_NAMES_BAND,
	RECO_DEMO_NAMES_SOLO,
	RECO_DEMO_NAMES_DJ,
	RECO_DEMO_NAMES_URBAN,
	RECO_DEMO_NAMES_METAL,
	RECO_DEMO_NAMES_CLASSICAL,
	RECO_DEMO_NAMES_JAZZ,
	RECO_DEMO_NAMES_GROOVE,
	RECO_DEMO_NAMES_LATIN,
	RECO_DEMO_NAMES_BRAZIL,
	RECO_DEMO_NAMES_JA,
	RECO_DEMO_NAMES_KO
} RecoDemoNaming;

typedef enum RecoDemoListName
{
	RECO_DEMO_FIRSTS,
	RECO_DEMO_LASTS,
	RECO_DEMO_ROMANCE_FIRSTS,
	RECO_DEMO_ROMANCE_LASTS,
	RECO_DEMO_ROMANCE_GROUPS,
	RECO_DEMO_JA_FAMILY,
	RECO_DEMO_JA_GIVEN,
	RECO_DEMO_KO_FAMILY,
	RECO_DEMO_KO_GIVEN,
	RECO_DEMO_PLACES,
	RECO_DEMO_CITIES,
	RECO_DEMO_HOURS,
	RECO_DEMO_MONTHS,
	RECO_DEMO_JA_CITIES,
	RECO_DEMO_KO_CITIES,
	RECO_DEMO_RU_CITIES,
	RECO_DEMO_AR_CITIES,
	RECO_DEMO_HI_CITIES,
	RECO_DEMO_JA_PEOPLE,
	RECO_DEMO_RU_PEOPLE,
	RECO_DEMO_AR_PEOPLE,
	RECO_DEMO_HI_PEOPLE,
	RECO_DEMO_SYLLABLES_FIRST,
	RECO_DEMO_SYLLABLES_MIDDLE,
	RECO_DEMO_SYLLABLES_LAST,
	RECO_DEMO_FILMS,
	RECO_DEMO_ADJECTIVES_NAME,
	RECO_DEMO_NOUNS_NAME
} RecoDemoListName;

/* Styles up to RECO_DEMO_STYLE_DREAM, and from RECO_DEMO_STYLE_ES on. */
extern const RecoDemoStyle reco_demo_styles_english[];
extern const RecoDemoStyle reco_demo_styles_other[];
extern const RecoDemoList reco_demo_name_patterns[];	/* by RecoDemoNaming */
extern const RecoDemoList reco_demo_lists[];	/* by RecoDemoListName */

#define RECO_DEMO_TEXT_SIZE		256

/* What a title may mention of its track. */
typedef struct RecoDemoTitleFacts
{
	int			key;
	int			mode;
	bool		ascii;			/* the database cannot hold every script */
} RecoDemoTitleFacts;

extern void reco_demo_title(RecoDemoRng *rng, RecoDemoStyleName style,
							const RecoDemoTitleFacts *facts, char *title);
extern void reco_demo_artist_name(RecoDemoRng *rng, RecoDemoNaming naming, bool ascii,
								  char *name);

/* ---- genres and playlists ---- */

typedef enum RecoDemoGenreName
{
	RECO_DEMO_INDIE,
	RECO_DEMO_ROCK,
	RECO_DEMO_POP,
	RECO_DEMO_JAZZ,
	RECO_DEMO_ELECTRONIC,
	RECO_DEMO_EDM,
	RECO_DEMO_HIP_HOP,
	RECO_DEMO_RAP,
	RECO_DEMO_R_N_B,
	RECO_DEMO_SOUL,
	RECO_DEMO_FUNK,
	RECO_DEMO_DISCO,
	RECO_DEMO_HOUSE,
	RECO_DEMO_TECHNO,
	RECO_DEMO_TRANCE,
	RECO_DEMO_DUBSTEP,
	RECO_DEMO_DRUM_AND_BASS,
	RECO_DEMO_AMBIENT,
	RECO_DEMO_CLASSICAL,
	RECO_DEMO_COUNTRY,
	RECO_DEMO_FOLK,
	RECO_DEMO_METAL,
	RECO_DEMO_PUNK,
	RECO_DEMO_ALTERNATIVE,
	RECO_DEMO_GRUNGE,
	RECO_DEMO_SKA,
	RECO_DEMO_REGGAE,
	RECO_DEMO_BLUES,
	RECO_DEMO_GOSPEL,
	RECO_DEMO_LATIN,
	RECO_DEMO_SALSA,
	RECO_DEMO_BOSSA_NOVA,
	RECO_DEMO_SAMBA,
	RECO_DEMO_K_POP,
	RECO_DEMO_J_POP,
	RECO_DEMO_CITY_POP,
	RECO_DEMO_SYNTHWAVE,
	RECO_DEMO_VAPORWAVE,
	RECO_DEMO_LO_FI,
	RECO_DEMO_CHILLWAVE,
	RECO_DEMO_SHOEGAZE,
	RECO_DEMO_POST_ROCK,
	RECO_DEMO_POST_PUNK,
	RECO_DEMO_NEW_WAVE,
	RECO_DEMO_PSYCHEDELIC,
	RECO_DEMO_PROGRESSIVE,
	RECO_DEMO_SINGER_SONGWRITER,
	RECO_DEMO_WORLD,
	RECO_DEMO_BOLLYWOOD,
	RECO_DEMO_NGENRES
} RecoDemoGenreName;

#define RECO_DEMO_BIT(genre)	(UINT64CONST(1) << (genre))

typedef enum RecoDemoFamily
{
	RECO_DEMO_ROCKS,
	RECO_DEMO_INDIES,
	RECO_DEMO_POPS,
	RECO_DEMO_CLUBS,
	RECO_DEMO_STREETS,
	RECO_DEMO_SOULS,
	RECO_DEMO_LATINS,
	RECO_DEMO_ASIAS,
	RECO_DEMO_ROOTSES,
	RECO_DEMO_CALMS,
	RECO_DEMO_RETROS
} RecoDemoFamily;

typedef enum RecoDemoTheme
{
	RECO_DEMO_NO_THEME = 0,
	RECO_DEMO_HOLIDAY = 1,
	RECO_DEMO_KIDS = 2,
	RECO_DEMO_SOUNDTRACK = 4,
	RECO_DEMO_ANTHEM = 8,
	RECO_DEMO_COMEDY = 16
} RecoDemoTheme;

/* How a genre sounds: means per mille where no unit is given. */
typedef struct RecoDemoGenre
{
	const char *name;
	int16		weight;			/* share of the artists */
	int16		family;			/* further genres of an artist come from it */
	int16		energy;
	int16		valence;
	int16		danceability;
	int16		acousticness;
	int16		instrumental;	/* how many tracks have no voice */
	int16		speechiness;
	int16		tempo;			/* BPM */
	int16		tempo_spread;	/* BPM */
	int16		major;			/* how many tracks are in major */
	int16		fame;			/* upper end of an artist's popularity, 0..100 */
	int16		from;			/* years of the genre's tracks */
	int16		to;
	int16		seconds;
	int16		swears;			/* how many tracks are explicit */
	int16		themes;			/* bits of RecoDemoTheme that happen here */
	RecoDemoNaming naming;
	RecoDemoStyleName style;
	RecoDemoStyleName tongue;	/* other language of the genre */
	int16		foreign;		/* how many artists sing in it */
} RecoDemoGenre;

extern const RecoDemoGenre reco_demo_genres[RECO_DEMO_NGENRES];

/* A range of per mille, BPM or years; both 0 = anything. */
typedef struct RecoDemoRange
{
	int16		lo;
	int16		hi;
} RecoDemoRange;

/* A playlist and what it takes to be on it. */
typedef struct RecoDemoPlaylist
{
	const char *name;
	uint64		genres;			/* bits of RecoDemoGenreName; 0 = any */
	int			theme;			/* themed tracks are on themed lists only */
	RecoDemoRange energy;
	RecoDemoRange valence;
	RecoDemoRange danceability;
	RecoDemoRange acousticness;
	RecoDemoRange instrumentalness;
	RecoDemoRange speechiness;
	RecoDemoRange liveness;
	RecoDemoRange tempo;
	RecoDemoRange years;
} RecoDemoPlaylist;

extern const RecoDemoPlaylist reco_demo_playlists[];
extern const int reco_demo_nplaylists;

/* A listener's taste. */
typedef struct RecoDemoTaste
{
	const char *name;
	int			genres[3];
} RecoDemoTaste;

extern const RecoDemoTaste reco_demo_tastes[];
extern const int reco_demo_ntastes;

/* ---- the made-up world ---- */

typedef struct RecoDemoArtist
{
	char	   *name;
	uint8		genres[3];
	uint8		ngenres;
	int16		popularity;		/* -1 = not known */
	int16		fame;			/* what popularity would be */
	int16		year;			/* of the first track */
	int16		energy;			/* how far off the genre, per mille */
	int16		valence;
	uint8		ntracks;
	bool		foreign;		/* sings in the genre's other language */
	uint32		first;			/* number of the first track, from 1 */
	uint32		peers;			/* artists of this genre made before */
} RecoDemoArtist;

typedef struct RecoDemoWorld
{
	int32		seed;
	int			ntracks;
	int			nartists;
	bool		ascii;
	RecoDemoArtist *artists;
	int		   *by_genre;		/* artists by first genre, in the order made */
	int			genre_start[RECO_DEMO_NGENRES + 1];
	MemoryContext context;
} RecoDemoWorld;

typedef struct RecoDemoTrack
{
	int			artist;			/* index into the world's artists */
	int			guest;			/* likewise; -1 = none */
	uint32		number;
	char		title[RECO_DEMO_TEXT_SIZE];
	char		album[RECO_DEMO_TEXT_SIZE];
	char		isrc[16];		/* '' = none */
	uint32		album_number;
	int			year;
	int			month;
	int			day;
	int			precision;		/* 1 = year, 2 = month, 3 = day */
	int			duration_ms;
	bool		explicit_words;
	int			theme;
	int			popularity;		/* -1 = not known */
	int			state;			/* RecoFeatureState */
	int			ngenres;
	const char *genres[4];
	uint64		genre_bits;
	int			acousticness;	/* per mille, and so on */
	int			danceability;
	int			energy;
	int			instrumentalness;
	int			liveness;
	int			speechiness;
	int			valence;
	int			loudness;		/* 1/100 dB */
	int			tempo;			/* 1/100 BPM */
	int			key;
	int			mode;
	int			time_signature;
	int			nplaylists;
	int			playlists[4];	/* indexes into reco_demo_playlists */
} RecoDemoTrack;

/* Whether the database's encoding cannot hold every script. */
extern bool reco_demo_ascii_only(void);

extern RecoDemoWorld *reco_demo_world_make(int ntracks, int32 seed);
extern void reco_demo_track_make(const RecoDemoWorld *world, int artist, int nth,
								 RecoDemoTrack *track);

/* One play or judgement of a listener. */
typedef struct RecoDemoEvent
{
	uint32		track;			/* number, from 1 */
	int			seconds_ago;
	const char *judgement;		/* NULL = a play */
} RecoDemoEvent;

#define RECO_DEMO_MAX_EVENTS	300

extern int	reco_demo_listener_count(int ntracks);
extern int	reco_demo_listener_make(const RecoDemoWorld *world, int listener,
								   RecoDemoEvent *events);

#endif							/* RECO_DEMO_MADE_H */
