/*-------------------------------------------------------------------------
 *
 * demo_listeners.c
 *	  The listeners of the made-up world: what they played, liked and skipped.
 *
 * Purpose: give each listener a taste that shows in a history of 90 days.
 * Runs in: backend, inside reco_demo_catalogue().
 * Locks:	none.
 * Never:	look at the clock: times are seconds before a moment that the caller
 *			chooses.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalogue/demo_made.h"

#define DAY				86400
#define MAX_FAVOURITES	10
#define FEW_LISTENERS	12
#define MANY_TRACKS		50000	/* from here on all listeners come */

static int	play_evenings(const RecoDemoWorld *world, int listener, RecoDemoRng *rng,
						 RecoDemoEvent *events);
static int judge(const RecoDemoWorld *world, int listener, RecoDemoRng *rng, int nplays,
				 RecoDemoEvent *events);
static int	pick_artist(const RecoDemoWorld *world, RecoDemoRng *rng, int genre,
					   int draws);
static uint32 pick_track(const RecoDemoWorld *world, RecoDemoRng *rng, int artist);
static int	compare_events(const void *a, const void *b);

/* How many listeners come with a catalogue of this size. */
int
reco_demo_listener_count(int ntracks)
{
	return ntracks < MANY_TRACKS ? FEW_LISTENERS : reco_demo_ntastes;
}

/*
 * Makes a listener's plays and judgements, oldest first, at most
 * RECO_DEMO_MAX_EVENTS of them.
 */
int
reco_demo_listener_make(const RecoDemoWorld *world, int listener, RecoDemoEvent *events)
{
	RecoDemoRng rng;
	int			n;

	reco_demo_rng_start(&rng, world->seed, RECO_DEMO_STREAM_LISTENER, listener, 0);
	n = play_evenings(world, listener, &rng, events);
	n = judge(world, listener, &rng, n, events);
	qsort(events, n, sizeof(RecoDemoEvent), compare_events);
	return n;
}

/*
 * Plays 40 to 200 tracks in sittings of 4 to 12: most by a handful of favourite
 * artists, the others of the listener's genres, and now and then anything.
 */
static int
play_evenings(const RecoDemoWorld *world, int listener, RecoDemoRng *rng,
			  RecoDemoEvent *events)
{
	const RecoDemoTaste *taste = &reco_demo_tastes[listener];
	int			favourites[MAX_FAVOURITES];
	int			nfavourites = 6 + reco_demo_rng_below(rng, MAX_FAVOURITES - 5);
	int			wanted = 40 + reco_demo_rng_below(rng, 161);
	int			left = 0;
	int			ago = 0;

	for (int i = 0; i < nfavourites; i++)
		favourites[i] = pick_artist(world, rng, taste->genres[i % 3], 4);

	for (int n = 0; n < wanted; n++)
	{
		int			roll = reco_demo_rng_below(rng, 1000);
		int			artist;

		if (left == 0)
		{
			left = 4 + reco_demo_rng_below(rng, 9);
			ago = 2 * 3600 + reco_demo_rng_below(rng, 89 * DAY);
		}
		if (roll < 600)
			artist = favourites[reco_demo_rng_below(rng, nfavourites)];
		else if (roll < 950)
			artist =
				pick_artist(world, rng, taste->genres[reco_demo_rng_below(rng, 3)], 2);
		else
			artist = reco_demo_rng_below(rng, world->nartists);
		events[n].track = pick_track(world, rng, artist);
		events[n].seconds_ago = ago;
		events[n].judgement = NULL;
		ago -= 150 + reco_demo_rng_below(rng, 180);
		left--;
	}
	return wanted;
}

/* Likes and saves what was played, skips some of it, dislikes other genres. */
static int
judge(const RecoDemoWorld *world, int listener, RecoDemoRng *rng, int nplays,
	  RecoDemoEvent *events)
{
	const RecoDemoTaste *taste = &reco_demo_tastes[listener];
	int			n = nplays;
	int			likes = 8 + reco_demo_rng_below(rng, 20);
	int			skips = 4 + reco_demo_rng_below(rng, 12);
	int			dislikes = 2 + reco_demo_rng_below(rng, 5);

	for (int i = 0; i < likes + skips; i++)
	{
		const RecoDemoEvent *play = &events[reco_demo_rng_below(rng, nplays)];
		bool		save = reco_demo_rng_chance(rng, 200);
		int			delay = 10 + reco_demo_rng_below(rng, 100);

		events[n].track = play->track;
		events[n].seconds_ago = play->seconds_ago - delay;
		events[n].judgement = i >= likes ? "skip" : (save ? "save" : "like");
		n++;
	}
	while (dislikes > 0)
	{
		int			genre = reco_demo_rng_below(rng, RECO_DEMO_NGENRES);
		int			artist;

		if (genre == taste->genres[0] || genre == taste->genres[1] ||
			genre == taste->genres[2])
			continue;
		artist = pick_artist(world, rng, genre, 1);
		events[n].track = pick_track(world, rng, artist);
		events[n].seconds_ago = 3600 + reco_demo_rng_below(rng, 89 * DAY);
		events[n].judgement = "dislike";
		n++;
		dislikes--;
	}
	return n;
}

/* Picks an artist of a genre, the best known of 'draws'; anyone if it has none. */
static int
pick_artist(const RecoDemoWorld *world, RecoDemoRng *rng, int genre, int draws)
{
	int			start = world->genre_start[genre];
	int			count = world->genre_start[genre + 1] - start;
	int			best = -1;

	for (int i = 0; i < draws; i++)
	{
		int			artist;

		if (count > 0)
			artist = world->by_genre[start + reco_demo_rng_below(rng, count)];
		else
			artist = reco_demo_rng_below(rng, world->nartists);
		if (best < 0 || world->artists[artist].fame > world->artists[best].fame)
			best = artist;
	}
	return best;
}

/* Picks one of an artist's tracks; people know the first ones best. */
static uint32
pick_track(const RecoDemoWorld *world, RecoDemoRng *rng, int artist)
{
	const RecoDemoArtist *a = &world->artists[artist];
	int			nth = reco_demo_rng_below(rng, a->ntracks);

	return a->first + reco_demo_rng_below(rng, nth + 1);
}

/* Oldest first; the rest only so that every machine sorts alike. */
static int
compare_events(const void *a, const void *b)
{
	const RecoDemoEvent *x = a;
	const RecoDemoEvent *y = b;

	if (x->seconds_ago != y->seconds_ago)
		return x->seconds_ago > y->seconds_ago ? -1 : 1;
	if (x->track != y->track)
		return x->track < y->track ? -1 : 1;
	if (x->judgement == NULL || y->judgement == NULL)
		return (x->judgement != NULL) - (y->judgement != NULL);
	return strcmp(x->judgement, y->judgement);
}
