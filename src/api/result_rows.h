/*-------------------------------------------------------------------------
 *
 * result_rows.h
 *	  A run's result as bytes, and bytes as rows or as a document.
 *
 * Purpose: one form for what reco_generate and reco_generate_json return, that can be
 *			kept.
 * Runs in: a backend.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_RESULT_ROWS_H
#define RECO_RESULT_ROWS_H

#include "compat.h"

#include "funcapi.h"
#include "pipeline/run.h"
#include "source/origin.h"

/* Makes the bytes: rows and the document; text without a NUL. */
extern char *reco_result_write(const RecoRun *run);

/* Puts the rows into a result set; 'origin' other than local is shown instead. */
extern void reco_result_put_rows(const char *bytes, RecoOrigin origin,
								 ReturnSetInfo *result);

/* The document; where it comes from is its member "answer". */
extern char *reco_result_document(const char *bytes, RecoOrigin origin);

#endif							/* RECO_RESULT_ROWS_H */
