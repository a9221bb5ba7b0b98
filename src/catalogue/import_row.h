/*-------------------------------------------------------------------------
 *
 * import_row.h
 *	  From the rows of a source to the rows that are imported.
 *
 * Purpose: receive the source's rows from the executor, convert them, and keep
 *			them in a tuplestore that the import's SQL reads as a relation.
 * Runs in: a backend.
 * Locks:	none.
 * Never:	raise an error for what a row holds: it is counted in the report.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_IMPORT_ROW_H
#define RECO_IMPORT_ROW_H

#include "compat.h"

#include "tcop/dest.h"
#include "utils/tuplestore.h"

#include "import_columns.h"
#include "import_name.h"
#include "import_report.h"

#define RECO_IMPORT_ID_BYTES			255
#define RECO_IMPORT_TEXT_CHARACTERS		1000
#define RECO_IMPORT_GENRE_CHARACTERS	100
#define RECO_IMPORT_TAG_CHARACTERS		200
#define RECO_IMPORT_MAX_ARTISTS			100

/*
 * Makes the receiver. The rows have the columns of reco_import_row_desc and go
 * to the store.
 */
extern DestReceiver *reco_import_receiver(const RecoImportColumns *columns,
										  RecoImportReport *report,
										  RecoImportNames *names, Tuplestorestate *store,
										  TupleDesc desc);

/*
 * Describes the converted rows: texts are clean, numbers within their range.
 * artists is 1 (ids given by the source) or 0 (made of the names), then the
 * names, \x1e, and as many ids; genres, tags and artist_genres are sorted;
 * members are separated by \x1f.
 */
extern TupleDesc reco_import_row_desc(void);

#endif							/* RECO_IMPORT_ROW_H */
