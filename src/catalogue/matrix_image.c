/*-------------------------------------------------------------------------
 *
 * matrix_image.c
 *	  The catalogue in memory: as one piece that any process can read.
 *
 * Purpose: write a finished matrix into one piece of memory, and read it there: the
 *			struct itself, then its arrays in a fixed order. Pointers are worked out
 *			anew by each reader, from the counts.
 * Runs in: any process.
 * Locks:	none.
 * Never:	keep a pointer in an image; write into one that was written.
 *
 *-------------------------------------------------------------------------
 */
#include "matrix.h"

#define MOST_PARTS	24
#define ALIGN		64			/* of each part, for vectors */

/* One array: the field that points to it, and its bytes. */
typedef struct Part
{
	void	  **field;
	Size		size;
} Part;

/*
 * Lists the arrays of a matrix. Those that a scan reads are as long as whole blocks of
 * rows, as they are where they were loaded.
 */
static int
list_parts(RecoMatrix *matrix, Part *parts)
{
	RecoPlane  *plane = &matrix->plane;
	uint32		nrows = plane->nrows;
	Size		rows = TYPEALIGN(RECO_KERNEL_LANES, (Size) nrows);
	int			n = 0;

#define ADD(array, bytes) \
	(parts[n].field = (void **) &(array), parts[n].size = (bytes), n++)
	ADD(plane->values, reco_kernel_values_size(nrows, RECO_NCOLUMNS));
	ADD(plane->sketch, reco_kernel_sketch_size(nrows, RECO_NCOLUMNS));
	ADD(plane->missing, reco_kernel_missing_size(nrows, RECO_NCOLUMNS));
	ADD(plane->incomplete, reco_kernel_incomplete_size(nrows));
	ADD(matrix->artist_no, sizeof(uint32) * rows);
	ADD(matrix->set_no, sizeof(uint32) * rows);
	ADD(matrix->facets, sizeof(uint16) * rows);
	ADD(matrix->dup_key, sizeof(int64) * nrows);
	ADD(matrix->key, sizeof(int8) * nrows);
	ADD(matrix->id_at, sizeof(uint32) * nrows);
	ADD(matrix->ids.bytes, matrix->ids.used);
	ADD(matrix->artist_id_at, sizeof(uint32) * matrix->nartists);
	ADD(matrix->artist_first,
		matrix->nartists > 0 ? sizeof(uint32) * ((Size) matrix->nartists + 1) : 0);
	ADD(matrix->texts.bytes, matrix->texts.used);
	ADD(matrix->sets, sizeof(RecoTagSet) * matrix->nsets);
	ADD(matrix->set_terms, sizeof(uint32) * matrix->nset_terms);
	ADD(matrix->terms, sizeof(RecoTerm) * matrix->nterms);
	ADD(matrix->slots, sizeof(uint32) * matrix->nslots);
	ADD(matrix->postings, sizeof(RecoPosting) * matrix->npostings);
	ADD(matrix->term_sets, sizeof(uint32) * matrix->nterm_sets);
#undef ADD
	Assert(n <= MOST_PARTS);
	return n;
}

static Size
round_up(Size size)
{
	return TYPEALIGN(ALIGN, size);
}

Size
reco_matrix_image_size(const RecoMatrix *matrix)
{
	RecoMatrix	copy = *matrix;
	Part		parts[MOST_PARTS];
	int			n = list_parts(&copy, parts);
	Size		size = round_up(sizeof(RecoMatrix));

	for (int i = 0; i < n; i++)
		size += round_up(parts[i].size);
	return size;
}

/* Writes a matrix; what the writer alone has a use for is left out. */
void
reco_matrix_image_write(const RecoMatrix *matrix, char *image)
{
	RecoMatrix	copy = *matrix;
	Part		parts[MOST_PARTS];
	int			n = list_parts(&copy, parts);
	char	   *at = image + round_up(sizeof(RecoMatrix));

	for (int i = 0; i < n; i++)
	{
		if (parts[i].size > 0)
			memcpy(at, *parts[i].field, parts[i].size);
		*parts[i].field = NULL;
		at += round_up(parts[i].size);
	}
	copy.context = NULL;
	copy.lease = NULL;
	copy.load = NULL;
	copy.holders = 0;
	copy.plane.group = copy.plane.set = NULL;
	copy.plane.flags = NULL;
	memcpy(image, &copy, sizeof(copy));
}

/* Makes 'matrix' read an image where it lies. */
void
reco_matrix_image_read(const char *image, RecoMatrix *matrix)
{
	Part		parts[MOST_PARTS];
	int			n;
	const char *at = image + round_up(sizeof(RecoMatrix));

	memcpy(matrix, image, sizeof(RecoMatrix));
	n = list_parts(matrix, parts);
	for (int i = 0; i < n; i++)
	{
		*parts[i].field = unconstify(char *, at);
		at += round_up(parts[i].size);
	}
	matrix->plane.group = matrix->artist_no;
	matrix->plane.set = matrix->set_no;
	matrix->plane.flags = matrix->facets;
}
