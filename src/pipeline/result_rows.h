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
#include "result.h"

/* What reco_generate returns: packed, rows as a tuple store has them. */
extern const RecoResultForm reco_result_rows;
extern void reco_result_put_rows(const RecoResult *found, ReturnSetInfo *result);

/* What reco_generate_json returns: packed, jsonb. Its member "answer" is the origin. */
extern const RecoResultForm reco_result_document;
extern Datum reco_result_to_jsonb(const RecoResult *found);

/* The run that made a result; 0 = its list is empty. */
extern int64 reco_result_run_id(const char *bytes);

#endif							/* RECO_RESULT_ROWS_H */
