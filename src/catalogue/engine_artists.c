/*-------------------------------------------------------------------------
 *
 * engine_artists.c
 *	  The embedded engine: artists whose tracks fit.
 *
 * Purpose: rank artists by the mean of their best few tracks among those found.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of its SELECTs.
 * Never:	keep SPI, a snapshot or memory of the transaction after a call.
 *
 *-------------------------------------------------------------------------
 */
#include "engine_parts.h"

#include "names.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

typedef struct ArtistScore
{
	uint32		artist;
	int			n;
	float		sum;
} ArtistScore;

/* Better mean of its best tracks first, then by id. */
static int
by_mean(const void *a, const void *b)
{
	const ArtistScore *x = a;
	const ArtistScore *y = b;
	float		mean_x = x->sum / RECO_ENGINE_ARTIST_BEST;
	float		mean_y = y->sum / RECO_ENGINE_ARTIST_BEST;

	if (mean_x != mean_y)
		return mean_x > mean_y ? -1 : 1;
	return x->artist < y->artist ? -1 : x->artist > y->artist;
}

/* Sums up the best few hits of each artist; returns how many artists there are. */
static int
score_artists(const RecoMatrix *matrix, const RecoScanQuery *query, ArtistScore *scores)
{
	HTAB	   *seen;
	HASHCTL		control = {0};
	int			n = 0;
	struct
	{
		uint32		artist;
		int			index;
	}		   *entry;

	control.keysize = sizeof(uint32);
	control.entrysize = sizeof(*entry);
	control.hcxt = CurrentMemoryContext;
	seen = hash_create("reco artists", 1024, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (uint32 i = 0; i < query->nhits; i++)
	{
		uint32		artist = matrix->artist_no[query->hits[i].row];
		bool		found;

		entry = hash_search(seen, &artist, HASH_ENTER, &found);
		if (!found)
		{
			entry->index = n;
			scores[n].artist = artist;
			scores[n].n = 0;
			scores[n++].sum = 0;
		}
		if (scores[entry->index].n < RECO_ENGINE_ARTIST_BEST)
		{
			scores[entry->index].n++;
			scores[entry->index].sum += query->hits[i].score;
		}
	}
	hash_destroy(seen);
	return n;
}

/* Finds an artist among names, which come in the order of ids; NULL for none. */
static const RecoName *
name_of(const RecoName *names, int n, const char *artist_id)
{
	int			low = 0;
	int			high = n;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		int			order = strcmp(names[middle].artist_id, artist_id);

		if (order == 0)
			return &names[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Answers with the artists whose tracks fit best. */
void
reco_engine_find_artists(RecoEngine *engine, const RecoKey *key,
						 const RecoScanFit *prepared, const RecoScanQuery *query,
						 RecoAnswer *answer)
{
	const RecoMatrix *matrix = engine->matrix;
	uint32		nhits = query->nhits;
	float		least = nhits > 0 ? query->hits[nhits - 1].score : 0;
	ArtistScore *scores = palloc(sizeof(ArtistScore) * Max(nhits, 1));
	const char **ids;
	RecoName   *names;
	int			n;
	int			nnames;

	n = score_artists(matrix, query, scores);

	/* a track that is not among the best counts as the worst of them */
	for (int i = 0; i < n; i++)
		scores[i].sum += (RECO_ENGINE_ARTIST_BEST - scores[i].n) * least;
	qsort(scores, n, sizeof(ArtistScore), by_mean);
	n = Min(n, key->limit);

	ids = palloc(sizeof(char *) * Max(n, 1));
	for (int i = 0; i < n; i++)
		ids[i] = reco_matrix_artist_id(matrix, scores[i].artist);
	names = reco_names_artist_ids(ids, n, &nnames);
	answer->artists = palloc(sizeof(RecoArtist *) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		RecoArtist *artist = palloc0(sizeof(RecoArtist));
		const RecoName *known;

		artist->artist_id = ids[i];
		artist->popularity = -1;
		artist->score = scores[i].sum / RECO_ENGINE_ARTIST_BEST;
		artist->genre_match = Max(0, Min(1, prepared->by_artist[scores[i].artist]));
		known = name_of(names, nnames, ids[i]);
		if (known != NULL)
		{
			artist->name = known->name;
			artist->popularity = known->popularity;
		}
		answer->artists[answer->nartists++] = artist;
	}
}
