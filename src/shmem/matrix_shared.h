/*-------------------------------------------------------------------------
 *
 * matrix_shared.h
 *	  The matrix of a database, one for all its backends.
 *
 * Purpose: let a keeper offer an image of the catalogue in dynamic shared memory, and
 *			backends read it while it makes the next one.
 * Runs in: any process that has the library preloaded.
 * Locks:	'matrices' of shared.h for the table, alone.
 * Never:	wait while holding it; write into an image that was offered.
 *
 * An image lives in a segment of its own. A backend keeps it mapped, for mapping is what
 * costs time, and counts itself in while it reads. When the next one is offered, nobody
 * begins to read the old one any more, and the last who does gives its pages back to the
 * system at once, whoever still has it mapped.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_MATRIX_SHARED_H
#define RECO_MATRIX_SHARED_H

#include "compat.h"

#include "datatype/timestamp.h"

/* What is known of a database's matrix. */
typedef struct RecoMatrixFacts
{
	Oid			database;
	Oid			extension;
	bool		offered;
	bool		building;		/* the keeper makes the next one */
	uint64		generation;		/* no two offers of a server's life have the same */
	uint64		token;			/* of the catalogue's state */
	uint64		learned;		/* likewise, of what services told */
	bool		exact;			/* it is that state, and not partly a later one */
	uint32		rows;
	Size		bytes;
	TimestampTz built_at;
	int64		built_us;		/* work that it took */
	int			own_copies;		/* backends that have one of their own */
	Size		own_bytes;		/* of these together */
	char		problem[160];	/* why the keeper offers none; '' = nothing */
} RecoMatrixFacts;

/* A backend's mapping of an image. */
typedef struct RecoMatrixLease RecoMatrixLease;

/* For shared.c: how much memory, and filling it in. */
extern Size reco_matrices_size(void);
extern void reco_matrices_attach(char *memory, bool fresh);

/* Can there be a shared matrix at all in this process? */
extern bool reco_matrix_is_shareable(void);

/*
 * Of readers, in this database. New: maps what is offered, and begins to read it; NULL
 * = nothing is. Renew: begins to read again, unless another one is offered by now. Is
 * current: is nothing newer offered? Return ends the reading, end the mapping.
 */
extern RecoMatrixLease *reco_matrix_lease_new(Oid extension);
extern bool reco_matrix_lease_renew(RecoMatrixLease *lease, Oid extension);
extern bool reco_matrix_lease_is_current(const RecoMatrixLease *lease, Oid extension);
extern const char *reco_matrix_lease_area(const RecoMatrixLease *lease);
extern void reco_matrix_lease_return(RecoMatrixLease *lease);
extern void reco_matrix_lease_end(RecoMatrixLease *lease);

/* Says how much memory this backend's own copies take, for the view. */
extern void reco_matrix_note_own(Size bytes);

/*
 * Of the keeper, in this database. Make: memory for an image, inside a transaction that
 * cleans up after an ERROR. Offer: takes it, with the fields from 'extension' to
 * 'built_us' of the facts, in place of what was offered before.
 */
#define RECO_MATRIX_HEAD 4096	/* bytes of a segment before the image */

extern char *reco_matrix_make(Size bytes);
extern void reco_matrix_offer(const RecoMatrixFacts *facts);
extern void reco_matrix_withdraw(void);

/* The image on offer, where this very keeper made it; NULL = it did not. */
extern const char *reco_matrix_offered_area(void);
extern void reco_matrix_note_building(bool building);
extern void reco_matrix_note_problem(const char *problem);

/* Of the launcher: a database that is gone, or takes no connections, has no matrix. */
extern void reco_matrix_forget(Oid database);

/* The facts of one database, false = none are known; and of all that have some. */
extern bool reco_matrix_facts(Oid database, RecoMatrixFacts *facts);
extern RecoMatrixFacts *reco_matrix_all_facts(int *n);

#endif							/* RECO_MATRIX_SHARED_H */
