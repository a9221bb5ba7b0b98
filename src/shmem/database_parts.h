/*-------------------------------------------------------------------------
 *
 * database_parts.h
 *	  What the files of database.h share.
 *
 * Purpose: rows and seats of the table; nobody else includes it.
 * Runs in: any process that has the library preloaded.
 * Locks:	'databases' of shared.h is held, but for lock and unlock.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_DATABASE_PARTS_H
#define RECO_DATABASE_PARTS_H

#include "compat.h"

#include "database.h"

extern RecoDatabase *reco_database_find(Oid database);

/* Frees a row in which no seat is taken or wanted. */
extern void reco_database_free_if_empty(RecoDatabase *row);

/* The seat of a worker that is to start, if it is still awaited. */
extern RecoSeat *reco_seat_awaited(const RecoWorkerOrder *order);

/* The launcher shall look: at once; after a pause that grows; never. */
extern void reco_seat_want(RecoSeat *seat);
extern void reco_seat_fail(RecoSeat *seat);
extern void reco_seat_give_up(RecoSeat *seat);

extern void reco_database_lock(void);

/* Releases the lock, then sets a latch; -1 = none. */
extern void reco_database_unlock(int procno);

#endif							/* RECO_DATABASE_PARTS_H */
