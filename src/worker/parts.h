/*-------------------------------------------------------------------------
 *
 * parts.h
 *	  What launcher, hooks and the keeper's process share.
 *
 * Purpose: names for the files of this room; nobody else includes it.
 * Runs in: see each function.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_WORKER_PARTS_H
#define RECO_WORKER_PARTS_H

#include "compat.h"

/* How the launcher tells a keeper whose it is: bgw_extra. */
typedef struct RecoKeeperOrder
{
	Oid			database;
	uint32		generation;
} RecoKeeperOrder;

/* Installs the hooks of launcher_hooks.c; in the postmaster. */
extern void reco_launcher_install_hooks(void);

/* Entry points of the processes. */
extern PGDLLEXPORT void reco_launcher_main(Datum arg);
extern PGDLLEXPORT void reco_keeper_main(Datum arg);

#endif							/* RECO_WORKER_PARTS_H */
