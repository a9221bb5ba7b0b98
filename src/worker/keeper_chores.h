/*-------------------------------------------------------------------------
 *
 * keeper_chores.h
 *	  The keeper's timer: chores that pg_cron does not do.
 *
 * Purpose: know whose each chore is, and have those done that are the keeper's when it is
 *			time, in a process beside the keeper.
 * Runs in: the keeper of a database; steps are in a transaction of the caller's.
 * Locks:	those of store/chore.h, for which it never waits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_KEEPER_CHORES_H
#define RECO_KEEPER_CHORES_H

#include "compat.h"

#include "store/chore.h"

/*
 * Due: in how many ms there may be something to do. Step: looks whose the chores are, and
 * how the last one went; returns whether there may be more. Done: after its commit; has a
 * chore done that is due, and returns whether all that failed was done since. Failed:
 * after an ERROR in it.
 */
extern int64 reco_keeper_chores_due(void);
extern bool reco_keeper_chores_step(Oid extension);
extern bool reco_keeper_chores_done(void);
extern void reco_keeper_chores_failed(const char *message);

/*
 * A process of its own does a chore: is it at one? Interrupt: somebody needs the
 * extension. Leave: the keeper ends, and has left its seat.
 */
extern bool reco_keeper_chores_under_way(void);
extern void reco_keeper_chores_interrupt(void);
extern void reco_keeper_chores_leave(void);

/*
 * Of those that the keeper does as it goes: is it its own? Not as long as that is not
 * known. And that it was done, with so many rows: noted now and then.
 */
extern bool reco_keeper_chore_is_mine(RecoChore chore);
extern void reco_keeper_chore_went(RecoChore chore, int64 rows);

#endif							/* RECO_KEEPER_CHORES_H */
