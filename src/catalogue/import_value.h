/*-------------------------------------------------------------------------
 *
 * import_value.h
 *	  From the text of one value to what it means.
 *
 * Purpose: parse numbers, dates, booleans, ids and lists as files write them.
 * Runs in: a backend.
 * Locks:	none.
 * Never:	raise an error for what a value holds: the outcome is returned.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_IMPORT_VALUE_H
#define RECO_IMPORT_VALUE_H

#include "compat.h"

#include "nodes/pg_list.h"

#include "import_columns.h"

typedef enum RecoImportOutcome
{
	RECO_IMPORT_OK = 0,
	RECO_IMPORT_MISSING,		/* blank, NA, null, or the source's "not measured" */
	RECO_IMPORT_MALFORMED,
	RECO_IMPORT_OUT_OF_RANGE
} RecoImportOutcome;

/*
 * Cleans a text: control characters become blanks, white space around it goes.
 * NULL when nothing is left.
 */
extern char *reco_import_clean(const char *value);

/* Cuts a text to so many characters; true when it was longer. */
extern bool reco_import_cut(char *value, int characters);

/* Reads the number of a field and checks its range. */
extern RecoImportOutcome reco_import_number(RecoImportField field, const char *value,
											double *number);
extern void reco_import_range(RecoImportField field, double *low, double *high);

/*
 * Reads YYYY, YYYY-MM or YYYY-MM-DD, a time after it ignored. The release is
 * precision * 10^8 + YYYYMMDD with precision 1 = year, 2 = month, 3 = day: the
 * greatest of several is the one that knows most.
 */
extern RecoImportOutcome reco_import_date(const char *value, int *release);
extern RecoImportOutcome reco_import_boolean(const char *value, bool *result);

/* Takes the bare id out of "spotify:track:…" or an open.spotify.com address. */
extern char *reco_import_id(const char *value);
extern RecoImportOutcome reco_import_isrc(const char *value, char **isrc);

/*
 * Reads ['a', "b"], a JSON array or {a,"b"} into a list of clean texts; false,
 * and no list, when the whole value is not written like that.
 */
extern bool reco_import_list(const char *value, List **members);

/* Splits at any of the separators into clean texts. */
extern List *reco_import_split(const char *value, const char *separators);

/* Puts a genre into lower case; the result does not depend on Turkish i. */
extern char *reco_import_lower(const char *value);

#endif							/* RECO_IMPORT_VALUE_H */
