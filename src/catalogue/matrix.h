/*-------------------------------------------------------------------------
 *
 * matrix.h
 *	  The catalogue in memory: features, artists, labels, ready to scan.
 *
 * Purpose: one interface to the dense copy of reco.track that nearest-neighbour
 *			and mood scans run over. Where the copy lives is this room's
 *			business: in shared memory, made by the keeper; else, or where that
 *			is of another state than must be, in the backend.
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
#include "track.h"
#include "utils/timestamp.h"

/* How strongly an artist (or a tag set) stands for a term. */
typedef struct RecoPosting
{
	uint32		number;			/* of the artist or set */
	float		share;			/* of the artist's tracks, 0..1 */
} RecoPosting;

/* A word, or two in a row, of the catalogue's genres and tags; stemmed. */
typedef struct RecoTerm
{
	uint32		stem;			/* where in 'texts' */
	uint32		tracks;			/* how many tracks carry it */
	uint32		labels;			/* how many different genres and tags say it */
	bool		genre;			/* some genre says it */
	uint32		nartists;
	uint32		nsets;
	Size		artists;		/* its first in 'postings' */
	Size		sets;			/* its first in 'term_sets' */
} RecoTerm;

/* What the genres and tags of a track say; many tracks share one. */
typedef struct RecoTagSet
{
	uint32		nterms;
	Size		terms;			/* its first in 'set_terms' */
} RecoTagSet;

/* Texts one behind the other, each with its NUL; at most 4 GB of them. */
typedef struct RecoTexts
{
	char	   *bytes;
	Size		used;
	Size		size;
} RecoTexts;

/* What only who loads it needs. */
typedef struct RecoMatrixLoad RecoMatrixLoad;

/* How this process has it: in memory of its own, or mapped. */
typedef struct RecoMatrixLease RecoMatrixLease;

/*
 * All that is behind a pointer is an array of plain numbers or bytes, so that an image
 * of it is good in every process (matrix_image.c).
 */
typedef struct RecoMatrix
{
	MemoryContext context;
	RecoMatrixLease *lease;		/* of the shared one; NULL = it is our own */
	RecoMatrixLoad *load;
	int			holders;
	uint64		token;			/* of the catalogue's state it was loaded from */
	uint64		learned;		/* likewise, of what services told; nothing rests on it */
	bool		exact;			/* it is that state, and not partly a later one */
	bool		complete;		/* false: a deadline cut the loading */
	bool		torn;			/* an ERROR may have cut a page short */

	RecoPlane	plane;			/* RECO_NCOLUMNS columns, scaled */
	uint32	   *artist_no;
	uint32	   *set_no;
	uint16	   *facets;
	int64	   *dup_key;
	int8	   *key;			/* -1 = not measured */
	uint32	   *id_at;			/* offsets into ids */
	RecoTexts	ids;			/* of tracks */

	uint32		nartists;
	uint32	   *artist_id_at;	/* offsets into texts; the ids ascend */
	uint32	   *artist_first;	/* nartists + 1: first row of each */
	RecoTexts	texts;			/* ids of artists, stems */

	uint32		nsets;
	RecoTagSet *sets;			/* set 0 = no genre, no tag */
	Size		nset_terms;
	uint32	   *set_terms;

	uint32		nterms;
	RecoTerm   *terms;
	uint32		nslots;			/* a power of two */
	uint32	   *slots;			/* terms by their hash: number + 1, 0 = free */
	Size		npostings;
	RecoPosting *postings;
	Size		nterm_sets;
	uint32	   *term_sets;

	float		mean[RECO_NCOLUMNS];	/* of the scaled columns, where measured */
	float		sd[RECO_NCOLUMNS];
	uint32		measured[RECO_NCOLUMNS];
} RecoMatrix;

/* How what was acquired stands to the catalogue that the current snapshot sees. */
typedef enum RecoMatrixState
{
	RECO_MATRIX_EXACT = 0,
	RECO_MATRIX_BEHIND,			/* a whole one, of another state */
	RECO_MATRIX_PART			/* a deadline cut its loading */
} RecoMatrixState;

/* The scale of a column: value in the matrix = (raw - offset) / range. */
extern float reco_matrix_scale(int column, float raw);
extern float reco_matrix_unscale(int column, float scaled);
extern float reco_matrix_range(int column);

/*
 * Returns the catalogue: the one in shared memory, whatever state it is of; or one of
 * our own, loaded where need be until 'give_up' (0 = no limit). It is our own where there
 * is no shared one, or it is of another state and: 'exact' is set, this transaction has
 * changed the catalogue, or that is so small that reading it takes no time. What was
 * learned of services since is no other state: it is in the next one. A load that
 * is cut gives what it has, and goes on at the next call. Hold it with its release, or
 * with hold_until.
 */
extern RecoMatrix *reco_matrix_acquire(TimestampTz give_up, bool exact,
									   RecoMatrixState *state);
extern void reco_matrix_release(RecoMatrix *matrix);

/* How many bytes this process's own copy takes; 0 = it has none. */
extern Size reco_matrix_own_bytes(void);

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
	return matrix->ids.bytes + matrix->id_at[row];
}

static inline const char *
reco_matrix_artist_id(const RecoMatrix *matrix, uint32 artist)
{
	return matrix->texts.bytes + matrix->artist_id_at[artist];
}

static inline const char *
reco_matrix_stem(const RecoMatrix *matrix, const RecoTerm *term)
{
	return matrix->texts.bytes + term->stem;
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

/*
 * matrix_load.c: reading it from the tables. Begin one, load pages until the end (true)
 * or the deadline, one page at least; finish what has been loaded so far. Drop gives its
 * memory back.
 */
extern RecoMatrix *reco_matrix_begin(uint64 token, uint64 learned);
extern bool reco_matrix_load(RecoMatrix *matrix, TimestampTz give_up);
extern void reco_matrix_finish(RecoMatrix *matrix);
extern void reco_matrix_drop(RecoMatrix *matrix);

/* matrix_image.c: a finished one as one piece of memory, aligned to 64 bytes. */
extern Size reco_matrix_image_size(const RecoMatrix *matrix);
extern void reco_matrix_image_write(const RecoMatrix *matrix, char *image);
extern void reco_matrix_image_read(const char *image, RecoMatrix *matrix);

#endif							/* RECO_MATRIX_H */
