/*-------------------------------------------------------------------------
 *
 * run.h
 *	  reco.run: all SQL on it.
 *
 * Purpose: write the records of runs by sets, read one, delete those that are too old
 *			or too many.
 * Runs in: any process with a database and a transaction; writing: the keeper.
 * Locks:	those of its statements.
 * Never:	show a record to somebody: whose it is, the caller looks at.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_STORE_RUN_H
#define RECO_STORE_RUN_H

#include "compat.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

/* One row. */
typedef struct RecoRunRow
{
	const char *user_id;
	int64		run_id;
	Oid			role;
	TimestampTz started;
	Jsonb	   *record;
} RecoRunRow;

/* Writes rows, set-based; one that is there already stays. */
extern void reco_run_write(const RecoRunRow *rows, int nrows);

/*
 * The records of an id, several where it came twice: a list of Jsonb, as of now, in the
 * current context.
 */
extern List *reco_run_read(int64 run_id);

/*
 * Deletes rows that began before a time, and the oldest ones of more than 'rows'; up to
 * 'most'. Returns how many.
 */
extern int64 reco_run_trim(TimestampTz before, int64 rows, int64 most);

#endif							/* RECO_STORE_RUN_H */
