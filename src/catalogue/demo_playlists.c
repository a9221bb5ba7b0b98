/*-------------------------------------------------------------------------
 *
 * demo_playlists.c
 *	  The named playlists of the made-up world.
 *
 * Purpose: a table of names, and of what a track must be like to be on them.
 * Runs in: backend, inside reco_demo_catalogue(); constant data only.
 * Locks:	none.
 * Never:	reorder: a playlist's number decides who is on it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalogue/demo_made.h"

#define G(genre)	RECO_DEMO_BIT(RECO_DEMO_##genre)

const RecoDemoPlaylist reco_demo_playlists[] = {
	{"Rainy Sunday", .energy = {0, 400}, .valence = {0, 480}, .acousticness = {400, 1000},
	 .speechiness = {0, 150}},
	{"Morning Coffee", .energy = {150, 550}, .valence = {450, 900},
	 .acousticness = {350, 1000}, .speechiness = {0, 150}},
	{"Workout Energy", .energy = {750, 1000}, .danceability = {550, 1000},
	 .tempo = {115, 180}},
	{"Late Night Drive",
	 .genres = G(ELECTRONIC) | G(SYNTHWAVE) | G(HOUSE) | G(ALTERNATIVE) | G(R_N_B) |
		 G(CHILLWAVE) | G(NEW_WAVE) | G(INDIE) | G(POST_PUNK),
	 .energy = {400, 780}, .valence = {0, 520}},
	{"Study Focus", .energy = {0, 450}, .instrumentalness = {500, 1000},
	 .speechiness = {0, 120}},
	{"Indie Chill",
	 .genres = G(INDIE) | G(FOLK) | G(SHOEGAZE) | G(CHILLWAVE) | G(PSYCHEDELIC) |
		 G(SINGER_SONGWRITER),
	 .energy = {0, 560}},
	{"Throwback Party", .energy = {600, 1000}, .danceability = {620, 1000},
	 .years = {1970, 1999}},
	{"Sleep Time", .energy = {0, 220}, .acousticness = {500, 1000}, .tempo = {40, 115}},
	{"Rock Out", .genres = G(ROCK) | G(ALTERNATIVE) | G(GRUNGE) | G(PUNK) | G(METAL),
	 .energy = {720, 1000}},
	{"Jazz Lounge", .genres = G(JAZZ) | G(BOSSA_NOVA) | G(SOUL) | G(BLUES),
	 .energy = {0, 520}},
	{"Road Trip",
	 .genres = G(ROCK) | G(COUNTRY) | G(POP) | G(INDIE) | G(NEW_WAVE) | G(ALTERNATIVE),
	 .energy = {550, 920}, .valence = {450, 1000}},
	{"Romantic Evening",
	 .genres =
		 G(SOUL) | G(R_N_B) | G(JAZZ) | G(POP) | G(BOSSA_NOVA) | G(SINGER_SONGWRITER),
	 .energy = {120, 540}, .valence = {280, 720}},
	{"Beach Vibes",
	 .genres = G(REGGAE) | G(LATIN) | G(CHILLWAVE) | G(SAMBA) | G(SALSA) | G(SKA) |
		 G(HOUSE) | G(BOSSA_NOVA),
	 .valence = {550, 1000}, .energy = {350, 850}},
	{"Meditation", .energy = {0, 190}, .instrumentalness = {600, 1000}},
	{"Running Fast", .energy = {700, 1000}, .tempo = {150, 190}},
	{"Gaming Session",
	 .genres =
		 G(ELECTRONIC) | G(EDM) | G(DUBSTEP) | G(DRUM_AND_BASS) | G(SYNTHWAVE) | G(METAL),
	 .energy = {680, 1000}},
	{"Coffee Shop Acoustic", .acousticness = {600, 1000}, .energy = {120, 520},
	 .instrumentalness = {0, 300}},
	{"Heartbreak Ballads", .valence = {0, 340}, .energy = {80, 500},
	 .instrumentalness = {0, 200}, .speechiness = {0, 120}},
	{"Happy Hits",
	 .genres = G(POP) | G(FUNK) | G(DISCO) | G(K_POP) | G(NEW_WAVE) | G(LATIN) | G(SOUL) |
		 G(SKA),
	 .valence = {680, 1000}, .energy = {550, 1000}},
	{"Sad Beats", .genres = G(LO_FI) | G(HIP_HOP) | G(R_N_B) | G(RAP) | G(ELECTRONIC),
	 .valence = {0, 360}},
	{"Summer Barbecue", .valence = {600, 1000}, .energy = {500, 850},
	 .danceability = {550, 1000}},
	{"Dinner with Friends",
	 .genres = G(SOUL) | G(JAZZ) | G(BOSSA_NOVA) | G(FUNK) | G(FOLK) | G(CITY_POP),
	 .energy = {250, 600}, .valence = {450, 850}},
	{"Dance Floor",
	 .genres = G(EDM) | G(HOUSE) | G(DISCO) | G(POP) | G(LATIN) | G(TECHNO) | G(K_POP),
	 .danceability = {700, 1000}, .energy = {680, 1000}},
	{"Headbangers", .genres = G(METAL) | G(PUNK), .energy = {860, 1000}},
	{"Deep House Sunset", .genres = G(HOUSE), .danceability = {680, 1000}, .energy = {500, 820}},
	{"Warehouse Techno", .genres = G(TECHNO), .energy = {650, 1000}},
	{"Trance Journey", .genres = G(TRANCE), .energy = {720, 1000}},
	{"Bass Drops", .genres = G(DUBSTEP) | G(DRUM_AND_BASS) | G(EDM), .energy = {800, 1000}},
	{"Lo-Fi Beats to Unwind", .genres = G(LO_FI), .energy = {0, 450}},
	{"Ambient Horizons", .genres = G(AMBIENT) | G(POST_ROCK), .energy = {0, 350}},
	{"Classical Mornings", .genres = G(CLASSICAL), .valence = {240, 1000}},
	{"Piano at Night", .genres = G(CLASSICAL), .energy = {0, 200}, .acousticness = {850, 1000}},
	{"Sunday Gospel", .genres = G(GOSPEL)},
	{"Folk Tales", .genres = G(FOLK) | G(SINGER_SONGWRITER), .acousticness = {600, 1000}},
	{"Country Roads", .genres = G(COUNTRY)},
	{"Blues After Dark", .genres = G(BLUES), .valence = {0, 620}},
	{"Funk Factory", .genres = G(FUNK) | G(DISCO), .danceability = {650, 1000}},
	{"Disco Fever", .genres = G(DISCO), .energy = {650, 1000}},
	{"Soul Kitchen", .genres = G(SOUL)},
	{"Old School Rap", .genres = G(HIP_HOP) | G(RAP), .years = {1986, 2004}},
	{"Street Poetry", .genres = G(RAP) | G(HIP_HOP), .speechiness = {200, 1000}},
	{"R&B Slow Jams", .genres = G(R_N_B) | G(SOUL), .energy = {0, 560},
	 .tempo = {50, 108}},
	{"Latin Heat", .genres = G(LATIN) | G(SALSA) | G(REGGAE), .energy = {650, 1000},
	 .danceability = {620, 1000}},
	{"Salsa Night", .genres = G(SALSA), .energy = {650, 1000}},
	{"Bossa Afternoon", .genres = G(BOSSA_NOVA), .energy = {0, 480}},
	{"Samba Carnival", .genres = G(SAMBA), .energy = {550, 1000}},
	{"K-Pop Party", .genres = G(K_POP), .energy = {680, 1000}},
	{"Tokyo After Hours", .genres = G(CITY_POP) | G(J_POP) | G(VAPORWAVE)},
	{"Synthwave Nights", .genres = G(SYNTHWAVE)},
	{"Vapor Mall", .genres = G(VAPORWAVE)},
	{"Shoegaze Haze", .genres = G(SHOEGAZE)},
	{"Post-Rock Skies", .genres = G(POST_ROCK), .instrumentalness = {400, 1000}},
	{"Punk Attack", .genres = G(PUNK) | G(SKA), .energy = {780, 1000}},
	{"Grunge Garage", .genres = G(GRUNGE) | G(ALTERNATIVE), .years = {1987, 1999}},
	{"Eighties Memories", .years = {1980, 1989}},
	{"Nineties Forever", .years = {1990, 1999}},
	{"Golden Sixties", .years = {1960, 1969}},
	{"Reggae Sunshine", .genres = G(REGGAE) | G(SKA), .valence = {500, 1000}},
	{"Psychedelic Trip", .genres = G(PSYCHEDELIC) | G(PROGRESSIVE)},
	{"Angry Evening",
	 .genres = G(METAL) | G(PUNK) | G(ALTERNATIVE) | G(RAP) | G(DUBSTEP) | G(GRUNGE),
	 .energy = {800, 1000}, .valence = {0, 380}},
	{"Dreamy Clouds",
	 .genres =
		 G(SHOEGAZE) | G(CHILLWAVE) | G(AMBIENT) | G(LO_FI) | G(PSYCHEDELIC) | G(INDIE),
	 .energy = {0, 600}, .valence = {0, 520}},
	{"Feel-Good Friday", .valence = {650, 1000}, .danceability = {600, 1000},
	 .energy = {500, 900}},
	{"Yoga Flow", .energy = {0, 350}, .instrumentalness = {300, 1000},
	 .tempo = {50, 112}},
	{"Housework Heroes",
	 .genres = G(POP) | G(ROCK) | G(DISCO) | G(NEW_WAVE) | G(SOUL) | G(K_POP),
	 .energy = {600, 900}, .valence = {600, 1000}},
	{"Bollywood Nights", .genres = G(BOLLYWOOD), .danceability = {500, 1000}},
	{"Around the World", .genres = G(WORLD) | G(SAMBA) | G(BOLLYWOOD) | G(LATIN) | G(REGGAE)},
	{"Live and Loud", .liveness = {650, 1000}, .energy = {550, 1000}},
	{"Silent Screens", .theme = RECO_DEMO_SOUNDTRACK, .energy = {0, 600}},
	{"Christmas at Home", .theme = RECO_DEMO_HOLIDAY},
	{"Kids' Corner", .theme = RECO_DEMO_KIDS},
};

const int	reco_demo_nplaylists = lengthof(reco_demo_playlists);
