/*-------------------------------------------------------------------------
 *
 * matrix_parts.h
 *	  The inner parts of the matrix while it is loaded.
 *
 * Purpose: what matrix_load.c and matrix_labels.c share; nobody else includes it.
 * Runs in: any process with a database.
 * Locks:	none.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_MATRIX_PARTS_H
#define RECO_MATRIX_PARTS_H

#include "matrix.h"

#include "utils/hsearch.h"

struct RecoMatrixLoad
{
	uint32		capacity;		/* rows */
	void	   *values_raw;		/* what plane.values was carved from */
	uint32		artists_size;	/* of arrays: how many elements they have room for */
	uint32		sets_size;
	uint32		terms_size;
	Size		set_terms_size;
	HTAB	   *set_hash;
	HTAB	   *term_hash;
	HTAB	   *label_hash;
	MemoryContext postings;		/* what is made anew by each finish */
};

/* Appends a text; returns where it is. ERROR beyond 4 GB. */
extern uint32 reco_matrix_put_text(RecoMatrix *matrix, RecoTexts *texts,
								   const char *bytes, Size len);

/* matrix_labels.c */
extern uint32 reco_matrix_intern_set(RecoMatrix *matrix, Datum genres, bool no_genres,
									 Datum tags, bool no_tags);
extern void reco_matrix_labels_begin(RecoMatrix *matrix);
extern void reco_matrix_labels_finish(RecoMatrix *matrix);

#endif							/* RECO_MATRIX_PARTS_H */
