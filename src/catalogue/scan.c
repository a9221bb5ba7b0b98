/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  From what is looked for to the best rows of the matrix.
 *
 * Purpose: see scan.h. A row's score in a scan is genre evidence (how much the
 *			artist, or the track's own labels, stand for the words asked for)
 *			plus MOOD_FACTOR times the evidence of its features plus a mild
 *			prior on popularity. It only decides which rows become candidates;
 *			the ranking weighs them again.
 * Runs in: any process; no SQL here.
 * Locks:	none.
 * Never:	run longer than SLICE rows without looking for a cancel.
 *
 *-------------------------------------------------------------------------
 */
#include "scan.h"

#include <math.h>

#include "miscadmin.h"

#define MOOD_FACTOR		0.05f	/* one unit of evidence against full genre match */
#define SET_FACTOR		0.1f	/* a track's own labels, on top of its artist's */
#define SET_MATCH		0.3f	/* the same, where the better of the two counts */
#define PRIOR_FACTOR	0.03f	/* of the popularity prior */
#define PRIOR_CENTRE	60.0f
#define PRIOR_SPREAD	30.0f
#define NEAR_FACTOR		0.5f	/* of the distance to seeds */
#define AWAY_FACTOR		0.15f	/* of the distance to negatives */
#define NEAR_SPREADS	1.0f	/* distances are in spreads of the catalogue */
#define BANNED_SHARE	0.5f	/* an artist mostly of a banned genre is banned */
#define SLICE			(1 << 18)
#define SAMPLE_ROWS		256		/* that stand together, of a sample */
#define SAMPLE_SHARE	16		/* a sample is one such stretch of so many */
#define SAMPLE_LEAST	512		/* hits that are worth a sample */

/* The catalogue's means and spreads in the features' own units. */
void
reco_scan_background(const RecoMatrix *matrix, RecoBackground *background)
{
	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		if (matrix->measured[f] < 2)
		{
			background->mean[f] = reco_fit_typical.mean[f];
			background->sd[f] = reco_fit_typical.sd[f];
			continue;
		}
		background->mean[f] = reco_matrix_unscale(f, matrix->mean[f]);
		background->sd[f] = matrix->sd[f] * reco_matrix_range(f);
	}
}

/* Adds what artists and label sets say about the words asked for. */
static void
prepare_genres(const RecoMatrix *matrix, const RecoFit *fit, RecoScanFit *prepared)
{
	const RecoTerm *terms[RECO_FIT_MAXTERMS];
	const RecoPosting *postings;
	const uint32 *sets;
	float		total = 0;

	prepared->by_artist = palloc0(sizeof(float) * Max(matrix->nartists, 1));
	prepared->by_set = palloc0(sizeof(float) * Max(matrix->nsets, 1));

	/* words that no label says must not thin out those that some do */
	for (int i = 0; i < fit->nterms; i++)
	{
		terms[i] = reco_matrix_term(matrix, fit->terms[i].stem);
		if (terms[i] != NULL)
			total += fit->terms[i].weight;
	}
	for (int i = 0; i < fit->nterms && total > 0; i++)
	{
		const RecoTerm *term = terms[i];
		float		weight = fit->terms[i].weight / total;

		if (term == NULL)
			continue;
		prepared->has_labels = true;
		postings = matrix->postings + term->artists;
		sets = matrix->term_sets + term->sets;
		for (uint32 a = 0; a < term->nartists; a++)
			prepared->by_artist[postings[a].number] += weight * postings[a].share;
		for (uint32 s = 0; s < term->nsets; s++)
			prepared->by_set[sets[s]] += SET_FACTOR * weight;
	}
	for (int i = 0; i < fit->nbanned; i++)
	{
		const RecoTerm *term = reco_matrix_term(matrix, fit->banned[i]);

		/* "not slow" means the tempo, whatever some playlist is called */
		if (term == NULL || !term->genre)
			continue;
		prepared->has_labels = true;
		postings = matrix->postings + term->artists;
		sets = matrix->term_sets + term->sets;
		for (uint32 a = 0; a < term->nartists; a++)
			if (postings[a].share > BANNED_SHARE)
				prepared->by_artist[postings[a].number] = -INFINITY;
		for (uint32 s = 0; s < term->nsets; s++)
			prepared->by_set[sets[s]] = -INFINITY;
	}
}

/* Adds a range that rows must lie in; bounds are in the feature's own unit. */
static void
add_range(RecoScanQuery *query, int column, float low, float high)
{
	query->ranges[query->nranges].column = (uint16) column;
	query->ranges[query->nranges].lo = reco_matrix_scale(column, low);
	query->ranges[query->nranges].hi = reco_matrix_scale(column, high);
	query->nranges++;
}

/* Makes a fit ready for the kernel. */
void
reco_scan_prepare(const RecoMatrix *matrix, const RecoBackground *background,
				  const RecoFit *fit, RecoScanFit *prepared)
{
	RecoScanQuery *query = &prepared->query;
	float		offset[RECO_NCOLUMNS];
	float		range[RECO_NCOLUMNS];
	float		squeeze = 100 / PRIOR_SPREAD;
	float		centre = PRIOR_CENTRE / 100;

	memset(prepared, 0, sizeof(*prepared));
	prepared->fit = fit;
	prepare_genres(matrix, fit, prepared);
	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		range[f] = reco_matrix_range(f);
		offset[f] = reco_matrix_unscale(f, 0);
	}

	/* looked up for every row, so only when there is something to find */
	query->group_bias = prepared->has_labels ? prepared->by_artist : NULL;
	query->set_bias = prepared->has_labels ? prepared->by_set : NULL;
	query->forbid = fit->forbid;
	query->floor = -INFINITY;
	for (int f = 0; f < RECO_NCOLUMNS; f++)
		prepared->has_targets |= fit->targets[f].weight > 0;
	reco_fit_query(fit, background, MOOD_FACTOR, offset, range, query);

	/* - PRIOR_FACTOR / 2 · ((popularity - centre) / spread)²; unknown = one spread off */
	query->a[RECO_POPULARITY] -= PRIOR_FACTOR / 2 * squeeze * squeeze;
	query->b[RECO_POPULARITY] += PRIOR_FACTOR * squeeze * squeeze * centre;
	query->c -= PRIOR_FACTOR / 2 * squeeze * squeeze * centre * centre;
	query->m[RECO_POPULARITY] +=
		PRIOR_FACTOR / 2 * (squeeze * squeeze * centre * centre - 1);

	if (fit->era_from > 0 || fit->era_to > 0)
		add_range(query, RECO_YEAR, fit->era_from > 0 ? fit->era_from - 0.25f : 0,
				  fit->era_to > 0 ? fit->era_to + 0.25f : 9999);
	if (fit->min_popularity >= 0 || fit->max_popularity >= 0)
		add_range(query, RECO_POPULARITY,
				  fit->min_popularity >= 0 ? fit->min_popularity - 0.25f : -1,
				  fit->max_popularity >= 0 ? fit->max_popularity + 0.25f : 101);
}

/*
 * Adds factor/2 · Σ w·((x - centre) / spread)² / Σ w around the mean of tracks;
 * a negative factor attracts. What is not measured counts as one spread off.
 */
static void
add_distance(const RecoMatrix *matrix, const RecoBackground *background,
			 RecoTrack *const *tracks, int ntracks, float factor, RecoScanQuery *query)
{
	float		centre[RECO_NCOLUMNS] = {0};
	int			count[RECO_NCOLUMNS] = {0};
	float		weights = 0;

	for (int i = 0; i < ntracks; i++)
	{
		for (int f = 0; f < RECO_NCOLUMNS; f++)
		{
			if ((tracks[i]->missing >> f) & 1)
				continue;
			centre[f] += tracks[i]->values[f];
			count[f]++;
		}
	}
	for (int f = 0; f < RECO_NCOLUMNS; f++)
		if (count[f] > 0)
			weights += reco_fit_weights[f];
	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		float		middle;
		float		scale;

		if (count[f] == 0)
			continue;
		middle = reco_matrix_scale(f, centre[f] / count[f]);
		scale = reco_matrix_range(f) / (background->sd[f] * NEAR_SPREADS);
		scale = factor * reco_fit_weights[f] / weights * scale * scale / 2;
		query->a[f] += scale;
		query->b[f] -= 2 * scale * middle;
		query->c += scale * middle * middle;
		query->m[f] +=
			factor * reco_fit_weights[f] / weights / 2 - scale * middle * middle;
	}
}

/* Makes a query for what is near the seeds and away from the negatives. */
void
reco_scan_near(const RecoMatrix *matrix, const RecoBackground *background,
			   const RecoScanFit *prepared, const RecoKey *key, RecoScanQuery *query)
{
	*query = prepared->query;
	if (key->nseeds > 0)
		add_distance(matrix, background, key->seeds, key->nseeds, -NEAR_FACTOR, query);

	/* each alone: the middle of two dislikes may be where the listener lives */
	for (int i = 0; i < key->nnegatives; i++)
		add_distance(matrix, background, &key->negatives[i], 1,
					 AWAY_FACTOR / key->nnegatives, query);
}

/* Gives a query room for its best k. */
void
reco_scan_room(const RecoMatrix *matrix, RecoScanQuery *query, uint32 k)
{
	query->k = Max(Min(k, matrix->plane.nrows), 1);
	query->hits = MemoryContextAllocExtended(CurrentMemoryContext,
											 sizeof(RecoHit) * reco_kernel_room(query->k),
											 MCXT_ALLOC_HUGE);
}

/* Runs queries in one pass, whatever their floors are. */
static void
run_pass(const RecoMatrix *matrix, RecoScanQuery *queries, int nqueries)
{
	reco_kernel_begin(queries, nqueries);
	for (uint32 row = 0; row < matrix->plane.nrows; row += SLICE)
	{
		reco_kernel_scan(&matrix->plane, row, Min(SLICE, matrix->plane.nrows - row),
						 queries, nqueries);
		CHECK_FOR_INTERRUPTS();
	}
	reco_kernel_end(queries, nqueries);
}

/*
 * Guesses from a sample of the rows what the last of many hits scores, so that
 * the pass need not look at most of what only its first rows are worse than.
 */
static void
guess_floor(const RecoMatrix *matrix, RecoScanQuery *query)
{
	uint32		share = query->k / SAMPLE_SHARE;
	RecoScanQuery sample = *query;

	if (query->k < SAMPLE_LEAST ||
		matrix->plane.nrows / SAMPLE_SHARE < query->k + SAMPLE_ROWS)
		return;

	/* half as many again: hits come in clusters, an artist's tracks together */
	sample.k = share + share / 2;
	sample.hits = palloc(sizeof(RecoHit) * reco_kernel_room(sample.k));
	reco_kernel_begin(&sample, 1);
	for (uint32 row = 0; row < matrix->plane.nrows; row += SAMPLE_SHARE * SAMPLE_ROWS)
		reco_kernel_scan(&matrix->plane, row, SAMPLE_ROWS, &sample, 1);
	reco_kernel_end(&sample, 1);
	if (sample.nhits == sample.k)
		query->floor = sample.hits[sample.k - 1].score;
	pfree(sample.hits);
}

/* Runs all queries in one pass; a guess that was too high takes another one. */
void
reco_scan_run(const RecoMatrix *matrix, RecoScanQuery *queries, int nqueries)
{
	float	   *floors = palloc(sizeof(float) * Max(nqueries, 1));

	for (int i = 0; i < nqueries; i++)
	{
		floors[i] = queries[i].floor;
		guess_floor(matrix, &queries[i]);
	}
	run_pass(matrix, queries, nqueries);
	for (int i = 0; i < nqueries; i++)
	{
		bool		guessed = queries[i].floor > floors[i];

		queries[i].floor = floors[i];
		if (guessed && queries[i].nhits < queries[i].k)
			run_pass(matrix, &queries[i], 1);
	}
	pfree(floors);
}

/* Copies up to 'most' rows that a query of the fit itself found into a plane. */
void
reco_scan_keep_pool(const RecoMatrix *matrix, RecoScanFit *prepared,
					const RecoScanQuery *query, uint32 most)
{
	RecoPlane  *pool = &prepared->pool;
	uint32		n = Min(query->nhits, most);
	uint32		room = TYPEALIGN(RECO_KERNEL_LANES, Max(n, 1));
	uint32	   *group;
	uint32	   *set;
	uint16	   *flags;

	if (pool->nrows > 0 || n == 0)
		return;
	pool->ncolumns = RECO_NCOLUMNS;
	pool->values = (float *) TYPEALIGN(
		64,
		MemoryContextAllocExtended(CurrentMemoryContext,
								   reco_kernel_values_size(room, RECO_NCOLUMNS) + 64,
								   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
	pool->missing = palloc0(reco_kernel_missing_size(room, RECO_NCOLUMNS));
	pool->incomplete = palloc0(reco_kernel_incomplete_size(room));
	pool->group = group = palloc0(sizeof(uint32) * room);
	pool->set = set = palloc0(sizeof(uint32) * room);
	pool->flags = flags = palloc0(sizeof(uint16) * room);
	prepared->pool_rows = palloc(sizeof(uint32) * n);
	for (uint32 i = 0; i < n; i++)
	{
		uint32		row = query->hits[i].row;
		float		values[RECO_NCOLUMNS];
		uint32		missing = 0;

		for (int f = 0; f < RECO_NCOLUMNS; f++)
		{
			values[f] = reco_matrix_value(matrix, row, f);
			missing |= (uint32) reco_matrix_missing(matrix, row, f) << f;
		}
		prepared->pool_rows[i] = row;
		group[i] = matrix->artist_no[row];
		set[i] = matrix->set_no[row];
		flags[i] = matrix->facets[row];
		pool->nrows = i + 1;
		reco_kernel_store(pool, i, values, missing);
	}
}

bool
reco_scan_has_pool(const RecoScanFit *prepared)
{
	return prepared->pool.nrows > 0 && (prepared->has_labels || prepared->has_targets);
}

/* Runs a query over the pool. */
void
reco_scan_pool(const RecoScanFit *prepared, RecoScanQuery *query)
{
	query->k = Max(Min(query->k, prepared->pool.nrows), 1);
	query->hits = MemoryContextAllocExtended(CurrentMemoryContext,
											 sizeof(RecoHit) * reco_kernel_room(query->k),
											 MCXT_ALLOC_HUGE);
	reco_kernel_begin(query, 1);
	reco_kernel_scan(&prepared->pool, 0, prepared->pool.nrows, query, 1);
	reco_kernel_end(query, 1);
	for (uint32 i = 0; i < query->nhits; i++)
		query->hits[i].row = prepared->pool_rows[query->hits[i].row];
}

float
reco_scan_match(const RecoMatrix *matrix, const RecoScanFit *prepared, uint32 artist,
				uint32 row)
{
	float		match = prepared->by_artist[artist];

	if (row != RECO_NO_ROW)
	{
		float own = prepared->by_set[matrix->set_no[row]] * (SET_MATCH / SET_FACTOR);

		if (own == -INFINITY)
			return own;
		match = Max(match, own);
	}
	return match == -INFINITY ? match : Max(0, Min(1, match));
}

/* Makes a track of a row. */
RecoTrack *
reco_scan_track(const RecoMatrix *matrix, const RecoScanFit *prepared, uint32 row,
				float score)
{
	RecoTrack  *track = palloc0(sizeof(RecoTrack));
	uint32		artist = matrix->artist_no[row];

	track->row = row;
	track->track_id = reco_matrix_track_id(matrix, row);
	track->artist_id = reco_matrix_artist_id(matrix, artist);
	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		if (reco_matrix_missing(matrix, row, f))
			track->missing |= 1 << f;
		else
			track->values[f] = reco_matrix_unscale(f, reco_matrix_value(matrix, row, f));
	}
	track->key = matrix->key[row];
	track->facets = matrix->facets[row];
	track->dup_key = matrix->dup_key[row];
	track->score = score;
	if (prepared != NULL)
		track->genre_match = Max(0, reco_scan_match(matrix, prepared, artist, row));
	return track;
}
