/*-------------------------------------------------------------------------
 *
 * doctor.h
 *	  What the files of reco_doctor share.
 *
 * Purpose: write a row; look at chores and indexes.
 * Runs in: a backend.
 * Locks:	see each file.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_API_DOCTOR_H
#define RECO_API_DOCTOR_H

#include "compat.h"

#include "nodes/execnodes.h"

#define RECO_DOCTOR_OK		"ok"
#define RECO_DOCTOR_WARNING	"warning"
#define RECO_DOCTOR_ERROR	"error"

/* Writes one row; the hint may be NULL. */
extern void reco_doctor_tell(ReturnSetInfo *result, const char *check, const char *status,
							 const char *detail, const char *hint);

/* doctor_chores.c: who does the chores, how they went; which indexes to rebuild. */
extern void reco_doctor_chores(ReturnSetInfo *result);

#endif							/* RECO_API_DOCTOR_H */
