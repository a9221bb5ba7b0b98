/*-------------------------------------------------------------------------
 *
 * session.h
 *	  What our processes with a database have in common.
 *
 * Purpose: settings that nobody can spoil; the extension's lock and version.
 * Runs in: keepers, job workers, processes that do chores.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_WORKER_SESSION_H
#define RECO_WORKER_SESSION_H

#include "compat.h"

#include "shmem/database.h"

/*
 * Takes the seat, connects, and sets what must not depend on anyone; 'name' is the
 * application's, 'claim' of job workers.
 */
extern void reco_session_begin(const RecoWorkerOrder *order, int64 claim,
							   const char *name, void (*at_exit)(int, Datum));

/* Sets that only, where there is no seat. */
extern void reco_session_settle(const char *name);

/*
 * Locks the extension for the transaction. False: it is not there (InvalidOid), or
 * somebody drops or changes it right now.
 */
extern bool reco_session_lock_extension(Oid *extension);

/* Has the extension the library's version? */
extern bool reco_session_is_our_version(void);

/*
 * After an ERROR, with interrupts held: ends the transaction, and returns what happened,
 * in 'context', which is the current one then. The error is still to be flushed.
 */
extern ErrorData *reco_session_recover(MemoryContext context);

/* Waits until somebody wakes the process, or time is over: false. */
extern bool reco_session_wait(int64 ms, uint32 wait_event);

#endif							/* RECO_WORKER_SESSION_H */
