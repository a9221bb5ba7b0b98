/*-------------------------------------------------------------------------
 *
 * chore_process.h
 *	  A process that does a chore, beside the keeper that has it done.
 *
 * Purpose: start it; see whether it is still there; have it stop.
 * Runs in: the keeper of a database; the process is chore_main.c.
 * Locks:	none.
 * Never:	leave it behind: what it has locked, nobody else would have it give back.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_WORKER_CHORE_PROCESS_H
#define RECO_WORKER_CHORE_PROCESS_H

#include "compat.h"

/* What it is told, in bgw_extra. */
typedef struct RecoChoreOrder
{
	Oid			database;
	Oid			extension;
	int			chore;
	int			keeper;			/* its pid */
	uint32		logged;			/* the digest of an error that is in the log; 0 = none */
} RecoChoreOrder;

/* Starts it; false = there is no free background worker. One at a time. */
extern bool reco_chore_process_start(int chore, Oid extension, uint32 logged);

/* Is it there, or on its way? Its end sets the keeper's latch. */
extern bool reco_chore_process_is_there(void);

/* Has it give up its chore, which is nobody's fault. If it only begins, ask again. */
extern void reco_chore_process_interrupt(void);

/* The same, when the keeper ends and has left its seat. */
extern void reco_chore_process_leave(void);

/* What an error is known by; never 0. */
extern uint32 reco_chore_process_digest(const char *message);

#endif							/* RECO_WORKER_CHORE_PROCESS_H */
