/*-------------------------------------------------------------------------
 *
 * demo_artists.c
 *	  The chance and the artists of the made-up world.
 *
 * Purpose: a random generator of our own, and everyone who makes music.
 * Runs in: backend, inside reco_demo_catalogue().
 * Locks:	none.
 * Never:	make an artist depend on how many there are: a larger catalogue of the
 *			same seed begins with the smaller one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "catalogue/demo_made.h"

/* Names that are taken, as hashes in open addressing. */
typedef struct NameSet
{
	uint64	   *slots;			/* 0 = free */
	uint32		mask;
} NameSet;

/* Genres as cards, as many of each as its weight says; dealt, then shuffled again. */
typedef struct GenreDeck
{
	uint8		cards[512];
	int			ncards;
} GenreDeck;

static void make_artist(RecoDemoWorld *world, int index, int genre, NameSet *names);
static int	deal_genre(const RecoDemoWorld *world, GenreDeck *deck, int index);
static void make_name(const RecoDemoWorld *world, RecoDemoRng *rng,
					  RecoDemoArtist *artist, NameSet *names);
static int	how_many_tracks(RecoDemoRng *rng);
static int	pick_neighbour(RecoDemoRng *rng, int family);
static bool name_is_new(NameSet *names, const char *name);
static void sort_by_genre(RecoDemoWorld *world);
static uint64 mix(uint64 value);

/* Makes all artists of a catalogue of 'ntracks' tracks. */
RecoDemoWorld *
reco_demo_world_make(int ntracks, int32 seed)
{
	RecoDemoWorld *world = palloc0(sizeof(RecoDemoWorld));
	int			room = ntracks / 10 + 8;
	uint32		nslots = 64;
	uint32		next = 1;
	GenreDeck	deck = {.ncards = 0};
	NameSet		names;

	world->seed = seed;
	world->ntracks = ntracks;
	world->ascii = reco_demo_ascii_only();
	world->context = CurrentMemoryContext;
	world->artists =
		MemoryContextAllocHuge(CurrentMemoryContext, room * sizeof(RecoDemoArtist));
	while (nslots < 2 * (uint32) room)
		nslots *= 2;
	names.slots = palloc0(nslots * sizeof(uint64));
	names.mask = nslots - 1;

	while (next <= (uint32) ntracks)
	{
		RecoDemoArtist *artist;

		if (world->nartists >= room)
		{
			/* chance made more artists than expected: only small catalogues */
			room *= 2;
			world->artists = repalloc_huge(world->artists, room * sizeof(RecoDemoArtist));
		}
		CHECK_FOR_INTERRUPTS();
		artist = &world->artists[world->nartists];
		make_artist(world, world->nartists, deal_genre(world, &deck, world->nartists),
					&names);
		artist->first = next;
		artist->ntracks = Min(artist->ntracks, (uint32) ntracks - next + 1);
		next += artist->ntracks;
		world->nartists++;
	}
	pfree(names.slots);
	sort_by_genre(world);
	return world;
}

/* Makes one artist. */
static void
make_artist(RecoDemoWorld *world, int index, int genre_number, NameSet *names)
{
	RecoDemoArtist *artist = &world->artists[index];
	const RecoDemoGenre *genre = &reco_demo_genres[genre_number];
	RecoDemoRng rng;
	int			wanted;
	int			luck;

	reco_demo_rng_start(&rng, world->seed, RECO_DEMO_STREAM_ARTIST, index, 0);
	memset(artist, 0, sizeof(*artist));
	artist->genres[artist->ngenres++] = genre_number;

	/* neighbours share a family; drawing the same one again leaves it at fewer */
	wanted = 1 + reco_demo_rng_below(&rng, 3);
	while (--wanted > 0)
	{
		int			further = pick_neighbour(&rng, genre->family);

		if (further != artist->genres[0] &&
			(artist->ngenres < 2 || further != artist->genres[1]))
			artist->genres[artist->ngenres++] = further;
	}

	artist->ntracks = how_many_tracks(&rng);
	artist->energy = reco_demo_rng_normal(&rng, 0, 60);
	artist->valence = reco_demo_rng_normal(&rng, 0, 80);
	artist->year = genre->from + reco_demo_rng_below(&rng, genre->to - genre->from + 1);

	/* few are famous: the square of an even chance, per mille */
	luck = reco_demo_rng_below(&rng, 1000);
	artist->fame = 4 + (genre->fame - 4) * (luck * luck / 1000) / 1000;
	artist->popularity = reco_demo_rng_chance(&rng, 60) ? -1 : artist->fame;
	artist->foreign = reco_demo_rng_chance(&rng, genre->foreign);
	make_name(world, &rng, artist, names);
}

/* Gives the artist a name that no other one has. */
static void
make_name(const RecoDemoWorld *world, RecoDemoRng *rng, RecoDemoArtist *artist,
		  NameSet *names)
{
	const RecoDemoGenre *genre = &reco_demo_genres[artist->genres[0]];
	RecoDemoNaming naming = genre->naming;
	char		name[RECO_DEMO_TEXT_SIZE];
	char		first[RECO_DEMO_TEXT_SIZE];

	if (naming >= RECO_DEMO_NAMES_LATIN && !artist->foreign)
		naming = RECO_DEMO_NAMES_SOLO;
	reco_demo_artist_name(rng, naming, world->ascii, first);
	strlcpy(name, first, sizeof(name));
	for (int attempt = 1; !name_is_new(names, name); attempt++)
	{
		if (attempt < 8)
			reco_demo_artist_name(rng, naming, world->ascii, name);
		else
			snprintf(name, sizeof(name), "%.200s %d", first, attempt - 6);
	}
	artist->name = MemoryContextStrdup(world->context, name);
}

/* How many tracks an artist has: 1 .. 40, most few, 12 on average. */
static int
how_many_tracks(RecoDemoRng *rng)
{
	int			u = reco_demo_rng_below(rng, 1000);
	int			power = u * u / 1000;

	if (reco_demo_rng_chance(rng, 500))
		power = power * u / 1000;
	return 1 + 40 * power / 1000;
}

/*
 * Deals the next artist's genre.  A deck, rather than chance alone, so that a small
 * catalogue has something of every genre.
 */
static int
deal_genre(const RecoDemoWorld *world, GenreDeck *deck, int index)
{
	RecoDemoRng rng;

	if (deck->ncards == 0)
	{
		for (int g = 0; g < RECO_DEMO_NGENRES; g++)
		{
			for (int i = 0; i < reco_demo_genres[g].weight; i += 10)
			{
				Assert(deck->ncards < lengthof(deck->cards));
				deck->cards[deck->ncards++] = g;
			}
		}
	}
	if (index % deck->ncards == 0)
	{
		reco_demo_rng_start(&rng, world->seed, RECO_DEMO_STREAM_DECK, index, 0);
		for (int i = deck->ncards - 1; i > 0; i--)
		{
			int			other = reco_demo_rng_below(&rng, i + 1);
			uint8		card = deck->cards[i];

			deck->cards[i] = deck->cards[other];
			deck->cards[other] = card;
		}
	}
	return deck->cards[index % deck->ncards];
}

/* Picks a genre of a family, by weight. */
static int
pick_neighbour(RecoDemoRng *rng, int family)
{
	int			total = 0;
	int			left;

	for (int g = 0; g < RECO_DEMO_NGENRES; g++)
	{
		if (reco_demo_genres[g].family == family)
			total += reco_demo_genres[g].weight;
	}
	left = reco_demo_rng_below(rng, total);
	for (int g = 0; g < RECO_DEMO_NGENRES; g++)
	{
		if (reco_demo_genres[g].family != family)
			continue;
		left -= reco_demo_genres[g].weight;
		if (left < 0)
			return g;
	}
	return 0;
}

/* Adds a name to the set; false when it is there (or, very rarely, its hash). */
static bool
name_is_new(NameSet *names, const char *name)
{
	uint64		hash = UINT64CONST(0xcbf29ce484222325);
	uint32		slot;

	for (const char *p = name; *p != '\0'; p++)
	{
		/* case does not tell two names apart */
		hash ^= pg_ascii_tolower((unsigned char) *p);
		hash *= UINT64CONST(0x100000001b3);
	}
	hash = mix(hash) | 1;
	slot = (uint32) (hash >> 32) & names->mask;
	while (names->slots[slot] != 0)
	{
		if (names->slots[slot] == hash)
			return false;
		slot = (slot + 1) & names->mask;
	}
	names->slots[slot] = hash;
	return true;
}

/* Lists the artists by first genre, and tells each how many peers came before. */
static void
sort_by_genre(RecoDemoWorld *world)
{
	int			next[RECO_DEMO_NGENRES];

	world->by_genre = palloc(world->nartists * sizeof(int));
	for (int i = 0; i < world->nartists; i++)
		world->genre_start[world->artists[i].genres[0] + 1]++;
	for (int g = 0; g < RECO_DEMO_NGENRES; g++)
	{
		world->genre_start[g + 1] += world->genre_start[g];
		next[g] = world->genre_start[g];
	}
	for (int i = 0; i < world->nartists; i++)
	{
		int			g = world->artists[i].genres[0];

		world->artists[i].peers = next[g] - world->genre_start[g];
		world->by_genre[next[g]++] = i;
	}
}

/* Starts the stream of one thing; streams have nothing to do with each other. */
void
reco_demo_rng_start(RecoDemoRng *rng, int32 seed, RecoDemoStream stream, uint32 a,
					uint32 b)
{
	uint64		state = mix((uint64) (uint32) seed + UINT64CONST(0x9e3779b97f4a7c15));

	state = mix(state ^ ((uint64) stream << 32 | b));
	rng->state = mix(state + (uint64) a * UINT64CONST(0xd1342543de82ef95));
}

/* Draws 64 bits: splitmix64 of Steele, Lea and Flood. */
uint64
reco_demo_rng_next(RecoDemoRng *rng)
{
	rng->state += UINT64CONST(0x9e3779b97f4a7c15);
	return mix(rng->state);
}

/* Draws 0 .. n - 1. */
int
reco_demo_rng_below(RecoDemoRng *rng, int n)
{
	return (int) (((reco_demo_rng_next(rng) >> 32) * (uint64) n) >> 32);
}

bool
reco_demo_rng_chance(RecoDemoRng *rng, int permille)
{
	return reco_demo_rng_below(rng, 1000) < permille;
}

/*
 * Draws from a bell: the sum of four even chances, at most 3.46 deviations off.
 * 37837 is the deviation of a sum of four times 0 .. 65535.
 */
int
reco_demo_rng_normal(RecoDemoRng *rng, int mean, int deviation)
{
	uint64		bits = reco_demo_rng_next(rng);
	int			sum = 0;

	for (int i = 0; i < 4; i++)
		sum += (int) (bits >> (16 * i) & 0xffff);
	return mean + (int) ((int64) (sum - 131070) * deviation / 37837);
}

static uint64
mix(uint64 value)
{
	value = (value ^ (value >> 30)) * UINT64CONST(0xbf58476d1ce4e5b9);
	value = (value ^ (value >> 27)) * UINT64CONST(0x94d049bb133111eb);
	return value ^ (value >> 31);
}
