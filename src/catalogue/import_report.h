/*-------------------------------------------------------------------------
 *
 * import_report.h
 *	  What an import says back.
 *
 * Purpose: count what was rejected or left out, keep a few examples of each,
 *			and write the result.
 * Runs in: a backend.
 * Locks:	none.
 * Never:	grow with the number of rows: three examples per reason.
 *
 * The result of reco_catalogue_import is one object:
 *
 *	source			 the relation, as regclass prints it
 *	columns			 {column of the source: what it became}
 *	ignored			 [columns that mean nothing to us]
 *	rows			 rows read
 *	rejected		 {rows, reasons: [{reason, rows, examples}]}, an example being
 *					 {track_id, title, artist}
 *	notes			 [{column, problem, values, examples}]: values that were left
 *					 out, cut or not understood while their row was kept
 *	tracks			 {new, updated, unchanged, measured}: measured = with audio features
 *	artists			 {new, updated, unchanged}
 *	genres, tags	 how many different ones the source's tracks have now
 *	over_limit		 tracks with more genres or tags than one track may have;
 *					 the last ones in the alphabet were left out
 *	milliseconds	 how long it took
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_IMPORT_REPORT_H
#define RECO_IMPORT_REPORT_H

#include "compat.h"

#include "import_columns.h"

#define RECO_IMPORT_EXAMPLES	3

/* Why a row is rejected. */
typedef enum RecoImportReason
{
	RECO_IMPORT_NO_ID = 0,
	RECO_IMPORT_LONG_ID,
	RECO_IMPORT_NO_TITLE,
	RECO_IMPORT_NO_ARTIST,
	RECO_IMPORT_NREASONS
} RecoImportReason;

/* Why a value is not taken as it is. */
typedef enum RecoImportProblem
{
	RECO_IMPORT_NOT_NUMBER = 0,
	RECO_IMPORT_NOT_IN_RANGE,
	RECO_IMPORT_NOT_DATE,
	RECO_IMPORT_NO_SUCH_DATE,
	RECO_IMPORT_NOT_BOOLEAN,
	RECO_IMPORT_NOT_ISRC,
	RECO_IMPORT_NOT_LIST,
	RECO_IMPORT_CUT,
	RECO_IMPORT_TOO_LONG,
	RECO_IMPORT_TOO_MANY,
	RECO_IMPORT_IDS_DIFFER,
	RECO_IMPORT_ALL_ZERO,
	RECO_IMPORT_NPROBLEMS
} RecoImportProblem;

typedef struct RecoImportTally
{
	uint64		count;
	int			n;
	char	   *example[RECO_IMPORT_EXAMPLES];	/* JSON */
} RecoImportTally;

typedef struct RecoImportReport
{
	MemoryContext context;		/* examples live here */
	const char *source;
	const RecoImportColumns *columns;
	uint64		rows;
	uint64		rejected;
	RecoImportTally reasons[RECO_IMPORT_NREASONS];
	RecoImportTally *problems;	/* [column * RECO_IMPORT_NPROBLEMS + problem] */

	/* filled in by the statements that write */
	int64		tracks_new;
	int64		tracks_updated;
	int64		tracks_unchanged;
	int64		tracks_measured;
	int64		artists_new;
	int64		artists_updated;
	int64		artists_unchanged;
	int64		genres;
	int64		tags;
	int64		over_limit;
	double		milliseconds;
} RecoImportReport;

extern RecoImportReport *reco_import_report_make(const char *source,
												 const RecoImportColumns *columns);

/* Counts a rejected row; the texts may be NULL. */
extern void reco_import_report_row(RecoImportReport *report, RecoImportReason reason,
								   const char *track_id, const char *title,
								   const char *artist);

/* Counts a value of a column. */
extern void reco_import_report_value(RecoImportReport *report, int column,
									 RecoImportProblem problem, const char *value);

/* Writes the result. */
extern Datum reco_import_report_jsonb(const RecoImportReport *report);

#endif							/* RECO_IMPORT_REPORT_H */
