/*-------------------------------------------------------------------------
 *
 * matrix_load.c
 *	  The catalogue in memory: reading it from the tables.
 *
 * Purpose: see matrix.h. Rows stand in the order of (artist, track id), read by
 *			index in pages: so an artist's tracks are a slice, results do not
 *			depend on where rows lie on disk, and a cut load can go on.
 * Runs in: any process with a database.
 * Locks:	AccessShareLock on reco.track, by its SELECT.
 * Never:	load past a deadline; keep SPI open between pages.
 *
 *-------------------------------------------------------------------------
 */
#include "matrix_parts.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "store/patience.h"
#include "store/sql.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define PAGE_ROWS		4096
#define FIRST_CAPACITY	8192

/* Columns of the page query. */
enum
{
	AT_ARTIST,
	AT_TRACK,
	AT_FEATURES,
	AT_KEY = AT_FEATURES + RECO_NCOLUMNS,
	AT_FACETS,
	AT_DUP,
	AT_GENRES,
	AT_TAGS,
	NPAGE_COLUMNS
};

static RecoStatement page_statement = {
	.text = "SELECT artist_id, track_id, acousticness, danceability, energy, instrumentalness,"
	" liveness, speechiness, valence, loudness, tempo, mode::real, popularity::real,"
	" CASE WHEN isfinite(release_date) THEN"
	"  extract(year FROM release_date)::real END, key, facets, dup_key, genres, tags"
	" FROM reco.track WHERE (artist_id, track_id) > ($1, $2)"
	" ORDER BY artist_id, track_id LIMIT $3",
	.nargs = 3,
	.types = {TEXTOID, TEXTOID, INT4OID},
};

/* offset and range of each column, from domain to about 0..1 */
static const float scales[RECO_NCOLUMNS][2] = {
	{0, 1}, {0, 1}, {0, 1}, {0, 1}, {0, 1}, {0, 1}, {0, 1},
	{-60, 65}, {0, 250}, {0, 1}, {0, 100}, {1950, 100}
};

static int	load_page(RecoMatrix *matrix);
static void add_row(RecoMatrix *matrix, HeapTuple tuple, TupleDesc desc);
static uint32 add_artist(RecoMatrix *matrix, Datum id);
static void *resize(RecoMatrix *matrix, void *array, Size old_size, Size new_size);
static void grow(RecoMatrix *matrix);

float
reco_matrix_scale(int column, float raw)
{
	return (raw - scales[column][0]) / scales[column][1];
}

float
reco_matrix_unscale(int column, float scaled)
{
	return scaled * scales[column][1] + scales[column][0];
}

float
reco_matrix_range(int column)
{
	return scales[column][1];
}

/* Starts a new one. */
RecoMatrix *
reco_matrix_begin(uint64 token, uint64 learned)
{
	MemoryContext context =
		AllocSetContextCreate(TopMemoryContext, "reco matrix", ALLOCSET_DEFAULT_SIZES);
	RecoMatrix *matrix = MemoryContextAllocZero(context, sizeof(RecoMatrix));

	matrix->context = context;
	matrix->load = MemoryContextAllocZero(context, sizeof(RecoMatrixLoad));
	matrix->token = token;
	matrix->learned = learned;
	matrix->exact = true;
	matrix->plane.ncolumns = RECO_NCOLUMNS;
	reco_matrix_labels_begin(matrix);
	return matrix;
}

/*
 * Loads pages until the end or the deadline, one page at least where it can be read at
 * all; true at the end.
 */
bool
reco_matrix_load(RecoMatrix *matrix, TimestampTz give_up)
{
	for (;;)
	{
		if (!reco_patience_lock(RECO_READS(TRACK)))
			return false;
		if (load_page(matrix) < PAGE_ROWS)
			return true;
		CHECK_FOR_INTERRUPTS();
		if (give_up != 0 && GetCurrentTimestamp() >= give_up)
			return false;
	}
}

void
reco_matrix_drop(RecoMatrix *matrix)
{
	MemoryContextDelete(matrix->context);
}

/* Loads the page after the last row; returns how many rows it had. */
static int
load_page(RecoMatrix *matrix)
{
	uint32		nrows = matrix->plane.nrows;
	Datum		values[3];
	RecoSql		sql;
	int			found;

	values[0] = CStringGetTextDatum(
		nrows ? reco_matrix_artist_id(matrix, matrix->artist_no[nrows - 1]) : "");
	values[1] = CStringGetTextDatum(nrows ? reco_matrix_track_id(matrix, nrows - 1) : "");
	values[2] = Int32GetDatum(PAGE_ROWS);

	matrix->torn = true;
	reco_sql_begin(&sql);
	reco_sql_run(&page_statement, values, NULL, true, 0);
	found = (int) SPI_processed;
	for (int i = 0; i < found; i++)
		add_row(matrix, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
	reco_sql_end(&sql);
	matrix->torn = false;
	return found;
}

/* Appends one row. */
static void
add_row(RecoMatrix *matrix, HeapTuple tuple, TupleDesc desc)
{
	Datum		values[NPAGE_COLUMNS];
	bool		nulls[NPAGE_COLUMNS];
	float		scaled[RECO_NCOLUMNS];
	uint32		missing = 0;
	uint32		row = matrix->plane.nrows;
	text	   *id;

	heap_deform_tuple(tuple, desc, values, nulls);
	if (row == matrix->load->capacity)
		grow(matrix);

	id = DatumGetTextPP(values[AT_TRACK]);
	matrix->id_at[row] = reco_matrix_put_text(matrix, &matrix->ids, VARDATA_ANY(id),
											  VARSIZE_ANY_EXHDR(id));
	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		if (nulls[AT_FEATURES + f])
		{
			scaled[f] = 0;
			missing |= 1 << f;
		}
		else
			scaled[f] = reco_matrix_scale(f, DatumGetFloat4(values[AT_FEATURES + f]));
	}
	matrix->artist_no[row] = add_artist(matrix, values[AT_ARTIST]);
	matrix->set_no[row] =
		reco_matrix_intern_set(matrix, values[AT_GENRES], nulls[AT_GENRES],
							   values[AT_TAGS], nulls[AT_TAGS]);
	matrix->facets[row] = (uint16) DatumGetInt32(values[AT_FACETS]);
	matrix->dup_key[row] = DatumGetInt64(values[AT_DUP]);
	matrix->key[row] = nulls[AT_KEY] ? -1 : (int8) DatumGetInt16(values[AT_KEY]);
	matrix->plane.nrows++;
	reco_kernel_store(&matrix->plane, row, scaled, missing);
}

/* Returns the number of the row's artist, a new one when the id has changed. */
static uint32
add_artist(RecoMatrix *matrix, Datum id)
{
	RecoMatrixLoad *load = matrix->load;
	text	   *value = DatumGetTextPP(id);
	int			len = VARSIZE_ANY_EXHDR(value);
	uint32		last = matrix->nartists;

	if (last > 0)
	{
		const char *known = reco_matrix_artist_id(matrix, last - 1);

		if (strncmp(known, VARDATA_ANY(value), len) == 0 && known[len] == '\0')
			return last - 1;
	}
	if (last + 1 >= load->artists_size)
	{
		Size		from = sizeof(uint32) * load->artists_size;
		Size		to = from > 0 ? from * 2 : sizeof(uint32) * 1024;

		matrix->artist_id_at = resize(matrix, matrix->artist_id_at, from, to);
		matrix->artist_first = resize(matrix, matrix->artist_first, from, to);
		load->artists_size = (uint32) (to / sizeof(uint32));
	}
	matrix->artist_id_at[last] =
		reco_matrix_put_text(matrix, &matrix->texts, VARDATA_ANY(value), len);
	matrix->artist_first[last] = matrix->plane.nrows;
	matrix->nartists++;
	return last;
}

/* Appends a text. */
uint32
reco_matrix_put_text(RecoMatrix *matrix, RecoTexts *texts, const char *bytes, Size len)
{
	Size		at = texts->used;

	if (at + len + 1 > PG_UINT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the catalogue has more than 4 GB of ids"),
				 errhint("Keep fewer tracks in reco.track.")));
	if (at + len + 1 > texts->size)
	{
		texts->size = (at + len + 1) * 3 / 2 + 65536;
		texts->bytes = texts->bytes == NULL
			? MemoryContextAllocHuge(matrix->context, texts->size)
			: repalloc_huge(texts->bytes, texts->size);
	}
	memcpy(texts->bytes + at, bytes, len);
	texts->bytes[at + len] = '\0';
	texts->used += len + 1;
	return (uint32) at;
}

/* Resizes one array; what is new is zero. */
static void *
resize(RecoMatrix *matrix, void *array, Size old_size, Size new_size)
{
	void	   *result;

	if (array == NULL)
		result = MemoryContextAllocExtended(matrix->context, new_size, MCXT_ALLOC_HUGE);
	else
		result = repalloc_huge(array, new_size);
	memset((char *) result + old_size, 0, new_size - old_size);
	return result;
}

/* Makes room for more rows. */
static void
grow(RecoMatrix *matrix)
{
	RecoPlane  *plane = &matrix->plane;
	uint32		from = matrix->load->capacity;
	uint32		to = from ? from + Max(from / 2, RECO_KERNEL_LANES) : FIRST_CAPACITY;

	to = TYPEALIGN(RECO_KERNEL_LANES, to);
#define GROW(array) \
	(array) = resize(matrix, (array), sizeof(*(array)) * from, sizeof(*(array)) * to)
	GROW(matrix->artist_no);
	GROW(matrix->set_no);
	GROW(matrix->facets);
	GROW(matrix->dup_key);
	GROW(matrix->key);
	GROW(matrix->id_at);
#undef GROW
	plane->missing = resize(matrix, plane->missing,
							from ? reco_kernel_missing_size(from, RECO_NCOLUMNS) : 0,
							reco_kernel_missing_size(to, RECO_NCOLUMNS));
	plane->incomplete =
		resize(matrix, plane->incomplete, from ? reco_kernel_incomplete_size(from) : 0,
			   reco_kernel_incomplete_size(to));

	plane->sketch = resize(matrix, plane->sketch,
						   from ? reco_kernel_sketch_size(from, RECO_NCOLUMNS) : 0,
						   reco_kernel_sketch_size(to, RECO_NCOLUMNS));

	/* vectors want 64-byte alignment, which palloc does not promise */
	{
		Size		old_size = from ? reco_kernel_values_size(from, RECO_NCOLUMNS) : 0;
		Size		new_size = reco_kernel_values_size(to, RECO_NCOLUMNS);
		char *raw =
			MemoryContextAllocExtended(matrix->context, new_size + 64, MCXT_ALLOC_HUGE);
		float	   *aligned = (float *) TYPEALIGN(64, raw);

		if (from)
		{
			memcpy(aligned, plane->values, old_size);
			pfree(matrix->load->values_raw);
		}
		memset((char *) aligned + old_size, 0, new_size - old_size);
		matrix->load->values_raw = raw;
		plane->values = aligned;
	}
	plane->group = matrix->artist_no;
	plane->set = matrix->set_no;
	plane->flags = matrix->facets;
	matrix->load->capacity = to;
}

/* Computes what needs all rows: statistics, and postings of terms. */
void
reco_matrix_finish(RecoMatrix *matrix)
{
	double		sum[RECO_NCOLUMNS] = {0};
	double		squares[RECO_NCOLUMNS] = {0};
	uint32		nrows = matrix->plane.nrows;

	memset(matrix->measured, 0, sizeof(matrix->measured));
	for (uint32 row = 0; row < nrows; row++)
	{
		for (int f = 0; f < RECO_NCOLUMNS; f++)
		{
			double		x = reco_matrix_value(matrix, row, f);

			if (reco_matrix_missing(matrix, row, f))
				continue;
			sum[f] += x;
			squares[f] += x * x;
			matrix->measured[f]++;
		}
		if ((row & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
	}
	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		double		n = Max(matrix->measured[f], 1);
		double		mean = sum[f] / n;
		double		variance = squares[f] / n - mean * mean;

		matrix->mean[f] = (float) mean;

		/* a feature that is the same everywhere tells nothing: keep it harmless */
		matrix->sd[f] = (float) sqrt(Max(variance, 1e-4));
	}
	if (matrix->nartists > 0)
		matrix->artist_first[matrix->nartists] = nrows;
	reco_matrix_labels_finish(matrix);
	matrix->plane.ngroups = matrix->nartists;
	matrix->plane.nsets = matrix->nsets;
	reco_kernel_sketch(&matrix->plane);
}
