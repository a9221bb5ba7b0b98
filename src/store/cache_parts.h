/*-------------------------------------------------------------------------
 *
 * cache_parts.h
 *	  What the files of the memory share: cache*.c, registry.c and denied.c.
 *
 * Purpose: arrays for statements on sets; a lock that never waits; how a key is put
 *			together; and let eviction know how much was written since it counted.
 * Runs in: any process with a database and a transaction.
 * Locks:	none of their own.
 * Never:	include this from another room.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_CACHE_PARTS_H
#define RECO_CACHE_PARTS_H

#include "cache.h"
#include "sql.h"

extern void reco_cache_note_written(const RecoCacheRow *rows, int nrows);

/*
 * Locks one of our tables as a SELECT does, but never waits: false = somebody has it
 * alone (VACUUM FULL, TRUNCATE). One that does not exist is the statement's to report.
 */

/* Strings as a text[], NULL stays NULL; the times at an offset of rows as an array. */
extern Datum reco_cache_texts(const char *const *strings, int n);
extern Datum reco_cache_times(const RecoCacheRow *rows, int n, Size offset);

/*
 * Runs a statement that deletes; returns how many rows. A transaction with one snapshot
 * for all its statements does not see what was committed since; that goes all the same.
 */

extern int64 reco_cache_run_delete(RecoStatement *statement, const Datum *arguments);

/*
 * Cuts a key of the registry or the deny list: what was asked, and the address of who
 * answered, "" where none is named; copies. False = it names more than that.
 */
extern bool reco_cache_cut_key(const char *key, char **asked, char **server);

#endif							/* RECO_CACHE_PARTS_H */
