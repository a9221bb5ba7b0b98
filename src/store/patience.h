/*-------------------------------------------------------------------------
 *
 * patience.h
 *	  Reading our tables without waiting for who has locked them.
 *
 * Purpose: a table that somebody has locked for himself is a source that does not
 *			answer. Who has a deadline locks what a statement will lock before that
 *			runs: what cannot be had in time is gone without, and noted.
 * Runs in: any process with a database and a transaction.
 * Locks:	AccessShareLock on the tables and their indexes, to the transaction's end, as
 *			their statements take it.
 * Never:	raise an ERROR for a lock, change a setting, or wait where there is no
 *			patience left.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_PATIENCE_H
#define RECO_PATIENCE_H

#include "compat.h"

/* The tables that a run reads: what is known, then what was asked and answered before. */
typedef enum RecoTable
{
	RECO_TABLE_TRACK = 0,
	RECO_TABLE_ARTIST,
	RECO_TABLE_MOOD_TERM,
	RECO_TABLE_CHANGE,
	RECO_TABLE_LISTEN,
	RECO_TABLE_FEEDBACK,
	RECO_TABLE_LISTENER_TOKEN,
	RECO_TABLE_CACHE,
	RECO_TABLE_CACHE_POLICY,
	RECO_TABLE_ID_REGISTRY,
	RECO_TABLE_DENY_LIST,
	RECO_TABLE_LIMIT_STATE,
	RECO_NTABLES
} RecoTable;

/* Sets of them. */
#define RECO_READS(table)	((uint32) 1 << RECO_TABLE_##table)

/* A list rests on these; without the others it is only more work. */
#define RECO_READS_FACTS	(RECO_READS(CACHE) - 1)
#define RECO_READS_ALL		(((uint32) 1 << RECO_NTABLES) - 1)

/*
 * Begins to be patient for so long in all; what is nested belongs to the outermost. Ends
 * with its end, and with the (sub)transaction that fails.
 */
extern void reco_patience_begin(int64 us);
extern void reco_patience_end(void);

/*
 * Locks tables to read. False = one could not be had: it is noted, and must not be read.
 * Who has not begun to be patient waits in his statement, as everybody does.
 */
extern bool reco_patience_lock(uint32 tables);

/* The same, and never waits. */
extern bool reco_patience_try(uint32 tables);

/* Locks what can be had now, notes nothing, and returns what could not be had. */
extern uint32 reco_patience_hold(uint32 tables);

/* Which tables could not be had since it began, and how often one could not. */
extern uint32 reco_patience_missed(void);
extern int	reco_patience_refusals(void);

extern const char *reco_table_name(RecoTable table);

#endif							/* RECO_PATIENCE_H */
