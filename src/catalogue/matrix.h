/*-------------------------------------------------------------------------
 *
 * matrix.h
 *	  The catalogue in memory: features, artists, labels, ready to scan.
 *
 * Purpose: one interface to the dense copy of reco.track that nearest-neighbour
 *			and mood scans run over. Where the copy lives is this room's
 *			business: today each backend has its own.
 * Runs in: any process with a database; acquire needs a transaction, reading an
 *			acquired matrix does not.
 * Locks:	none beyond those of its SELECTs.
 * Never:	change a matrix that somebody holds: a change of the catalogue makes
 *			a new one, the old one goes with its last holder.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_MATRIX_H
#define RECO_MATRIX_H

#include "compat.h"

#include "kernel.h"
#include "reco.h"
#include "utils/timestamp.h"

#define RECO_NO_ROW		PG_UINT32_MAX

/* How strongly an artist (or a tag set) stands for a term. */
typedef struct RecoPosting
{
	uint32		number;			/* of the artist or set */
	float		share;			/* of the artist's tracks, 0..1 */
} RecoPosting;

/* A word, or two in a row, of the catalogue's genres and tags; stemmed. */
typedef struct RecoTerm
{
	const char *stem;
	uint32		tracks;			/* how many tracks carry it */
	uint32		labels;			/* how many different genres and tags say it */
	bool		genre;			/* some genre says it */
	uint32		nartists;
	RecoPosting *artists;
	uint32		nsets;
	uint32	   *sets;
} RecoTerm;

/* The genres and tags that a track has; many tracks share one. */
typedef struct RecoTagSet
{
	uint32		nterms;
	uint32	   *terms;
	uint32		ngenres;
	const char **genres;		/* as the catalogue writes them */
} RecoTagSet;

typedef struct RecoMatrix
{
	MemoryContext context;
	int			holders;
	uint64		token;			/* of the catalogue's state it was loaded from */
	bool		complete;		/* false: a deadline cut the loading */
	bool		stale;			/* a newer one was cut, this one stood in */
	bool		torn;			/* an ERROR may have cut a page short */

	RecoPlane	plane;			/* RECO_NCOLUMNS columns, scaled */
	uint32		capacity;
	void	   *values_raw;		/* what plane.values was carved from */
	uint32	   *artist_no;
	uint32	   *set_no;
	uint16	   *facets;
	int64	   *dup_key;
	int8	   *key;			/* -1 = not measured */
	uint32	   *id_at;			/* nrows + 1 offsets into ids */
	char	   *ids;			/* track ids, each with its NUL */
	Size		ids_used;		/* at most 4 GB: offsets are 32 bits */
	Size		ids_size;

	uint32		nartists;
	uint32		artists_size;
	char	  **artist_ids;		/* ascending */
	uint32	   *artist_first;	/* nartists + 1: first row of each */

	uint32		nsets;
	uint32		sets_size;
	RecoTagSet *sets;			/* set 0 = no genre, no tag */
	uint32		nterms;
	uint32		terms_size;
	RecoTerm   *terms;
	void	   *set_hash;
	void	   *term_hash;
	void	   *label_hash;
	MemoryContext postings;

	float		mean[RECO_NCOLUMNS];	/* of the scaled columns, where measured */
	float		sd[RECO_NCOLUMNS];
	uint32		measured[RECO_NCOLUMNS];
} RecoMatrix;

/* The scale of a column: value in the matrix = (raw - offset) / range. */
extern float reco_matrix_scale(int column, float raw);
extern float reco_matrix_unscale(int column, float scaled);
extern float reco_matrix_range(int column);

/*
 * Returns the catalogue as the current snapshot sees it, loading it where need
 * be until 'give_up' (0 = no limit). A load that is cut gives what it has, and
 * goes on at the next call. Hold it with its release, or with hold_until.
 */
extern RecoMatrix *reco_matrix_acquire(TimestampTz give_up);
extern void reco_matrix_release(RecoMatrix *matrix);

/* Makes the release of a held matrix part of the end of a memory context. */
extern void reco_matrix_hold_until(RecoMatrix *matrix, MemoryContext context);

/* The row of a track; RECO_NO_ROW when the matrix has none. */
extern uint32 reco_matrix_row(const RecoMatrix *matrix, const char *artist_id,
							  const char *track_id);

/* The number of an artist; RECO_NO_ROW when the matrix has none. */
extern uint32 reco_matrix_artist(const RecoMatrix *matrix, const char *artist_id);

/* The term of a stem (two stems with a space for two words); NULL for none. */
extern const RecoTerm *reco_matrix_term(const RecoMatrix *matrix, const char *stem);

static inline const char *
reco_matrix_track_id(const RecoMatrix *matrix, uint32 row)
{
	return matrix->ids + matrix->id_at[row];
}

static inline float
reco_matrix_value(const RecoMatrix *matrix, uint32 row, int column)
{
	return matrix->plane
		.values[(size_t) (row / RECO_KERNEL_LANES) * RECO_NCOLUMNS * RECO_KERNEL_LANES +
				(size_t) column * RECO_KERNEL_LANES + row % RECO_KERNEL_LANES];
}

static inline bool
reco_matrix_missing(const RecoMatrix *matrix, uint32 row, int column)
{
	return (matrix->plane
				.missing[(size_t) (row / RECO_KERNEL_LANES) * RECO_NCOLUMNS + column] >>
			(row % RECO_KERNEL_LANES)) &
		1;
}

/* matrix_labels.c, for matrix.c only: */
extern uint32 reco_matrix_intern_set(RecoMatrix *matrix, Datum genres, bool no_genres,
									 Datum tags, bool no_tags);
extern void reco_matrix_labels_begin(RecoMatrix *matrix);
extern void reco_matrix_labels_finish(RecoMatrix *matrix);

#endif							/* RECO_MATRIX_H */
