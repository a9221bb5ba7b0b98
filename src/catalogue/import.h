/*-------------------------------------------------------------------------
 *
 * import.h
 *	  Fill the catalogue from any relation.
 *
 * Purpose: reco_catalogue_import.
 * Runs in: a backend, in a transaction that may write.
 * Locks:	AccessShareLock on the source; one advisory lock per database, taken
 *			after the source is read, until the end of the transaction; then
 *			reco.artist and reco.track, in this order, rows in the order of ids.
 * Never:	run the source's code (views, functions, casts) with more rights than
 *			the caller's.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_IMPORT_H
#define RECO_IMPORT_H

#include "compat.h"

/* Imports a relation; returns the result, a jsonb (see import_report.h). */
extern Datum reco_import_relation(Oid source);

#endif							/* RECO_IMPORT_H */
