/*-------------------------------------------------------------------------
 *
 * import_sql.h
 *	  The statements of an import.
 *
 * Purpose: keep the SQL apart from what runs it.
 * Runs in: a backend, inside a bracket of store/sql.h.
 * Locks:	those of the statements.
 * Never:	name a table without its schema: imported, grouped, merged and
 *			artists are the import's own tuplestores.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_IMPORT_SQL_H
#define RECO_IMPORT_SQL_H

/* imported -> grouped: one row per track of the source. */
extern const char *const reco_import_sql_group;

/*
 * grouped -> merged: each track as it shall be, with status n(ew), u(pdated) or
 * s(ame).
 */
extern const char *const reco_import_sql_merge;

/* merged -> artists: one row per artist as it shall be, with status. */
extern const char *const reco_import_sql_artists;

/* Counts: new, updated, same (tracks: measured and over the limit as well). */
extern const char *const reco_import_sql_count_tracks;
extern const char *const reco_import_sql_count_artists;

/* Counts the different genres and tags of merged. */
extern const char *const reco_import_sql_count_words;

/* Write what is new or updated, in the order of ids; $1 = source. */
extern const char *const reco_import_sql_write_artists;
extern const char *const reco_import_sql_write_tracks;

/* After many rows: indexes and statistics as queries like them. */
extern const char *const reco_import_sql_clean_indexes;
extern const char *const reco_import_sql_analyze;

#endif							/* RECO_IMPORT_SQL_H */
