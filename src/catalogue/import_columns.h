/*-------------------------------------------------------------------------
 *
 * import_columns.h
 *	  Which column of a source table means what.
 *
 * Purpose: recognise the columns of an import's source by their usual names.
 * Runs in: a backend.
 * Locks:	none; the caller holds the relation open.
 * Never:	look at a row: names and types decide.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_IMPORT_COLUMNS_H
#define RECO_IMPORT_COLUMNS_H

#include "compat.h"

#include "nodes/pg_list.h"
#include "utils/rel.h"

/* What a column can become. Genres, tags and playlists can have several. */
typedef enum RecoImportField
{
	RECO_IMPORT_TRACK_ID = 0,
	RECO_IMPORT_TITLE,
	RECO_IMPORT_ARTIST,
	RECO_IMPORT_ARTIST_IDS,
	RECO_IMPORT_ALBUM,
	RECO_IMPORT_ALBUM_ID,
	RECO_IMPORT_ISRC,
	RECO_IMPORT_RELEASE_DATE,
	RECO_IMPORT_EXPLICIT,
	RECO_IMPORT_GENRES,
	RECO_IMPORT_TAGS,
	RECO_IMPORT_PLAYLIST,
	RECO_IMPORT_ARTIST_GENRES,
	/* numbers from here on, see reco_import_range */
	RECO_IMPORT_ARTIST_POPULARITY,
	RECO_IMPORT_YEAR,
	RECO_IMPORT_DURATION,
	RECO_IMPORT_POPULARITY,
	RECO_IMPORT_ACOUSTICNESS,
	RECO_IMPORT_DANCEABILITY,
	RECO_IMPORT_ENERGY,
	RECO_IMPORT_INSTRUMENTALNESS,
	RECO_IMPORT_LIVENESS,
	RECO_IMPORT_SPEECHINESS,
	RECO_IMPORT_VALENCE,
	RECO_IMPORT_LOUDNESS,
	RECO_IMPORT_TEMPO,
	RECO_IMPORT_KEY,
	RECO_IMPORT_MODE,
	RECO_IMPORT_TIME_SIGNATURE,
	RECO_IMPORT_NFIELDS
} RecoImportField;

#define RECO_IMPORT_FIRST_NUMBER	RECO_IMPORT_ARTIST_POPULARITY
#define RECO_IMPORT_FIRST_FEATURE	RECO_IMPORT_ACOUSTICNESS
#define RECO_IMPORT_LAST_FEATURE	RECO_IMPORT_MODE

typedef struct RecoImportColumn
{
	const char *name;			/* as the source calls it */
	RecoImportField field;
	Oid			type;			/* domains looked through */
	bool		is_list;		/* arrives as the text of a JSON array */
} RecoImportColumn;

typedef struct RecoImportColumns
{
	int			n;
	RecoImportColumn *column;	/* in the source's order */
	bool		has[RECO_IMPORT_NFIELDS];
	List	   *ignored;		/* names of the other columns */
} RecoImportColumns;

/* The name of a field, as the result of an import spells it. */
extern const char *reco_import_field_name(RecoImportField field);

/* Recognises the columns; ERROR when title or artist is missing. */
extern RecoImportColumns *reco_import_recognise(Relation source);

/* Makes the SELECT that reads the recognised columns, all of them as text. */
extern char *reco_import_select(Relation source, const RecoImportColumns *columns);

#endif							/* RECO_IMPORT_COLUMNS_H */
