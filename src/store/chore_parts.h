/*-------------------------------------------------------------------------
 *
 * chore_parts.h
 *	  What the files of chore.h share.
 *
 * Purpose: columns of the rows that a statement returned; nobody else includes it.
 * Runs in: any process with a database and a transaction.
 * Locks:	none.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_CHORE_PARTS_H
#define RECO_CHORE_PARTS_H

#include "compat.h"

#include "sql.h"

/* A column of the nth row as text, in the caller's context; NULL = it is null. */
extern char *reco_chore_text(const RecoSql *sql, uint64 nth, int column);

/* A column of 64 bits; 0 = it is null. */
extern int64 reco_chore_number(uint64 nth, int column);

/* The chore that the first column of a row names; -1 = none of this version. */
extern int	reco_chore_named(uint64 nth);

#endif							/* RECO_CHORE_PARTS_H */
