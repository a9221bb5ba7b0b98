/*-------------------------------------------------------------------------
 *
 * parts.h
 *	  What launcher, hooks and the workers' processes share.
 *
 * Purpose: names for the files of this room; nobody else includes it.
 * Runs in: see each function.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_WORKER_PARTS_H
#define RECO_WORKER_PARTS_H

#include "compat.h"

#include "shmem/database.h"

/* Installs the hooks of launcher_hooks.c; in the postmaster. */
extern void reco_launcher_install_hooks(void);

/* Entry points of the processes. */
extern PGDLLEXPORT void reco_launcher_main(Datum arg);
extern PGDLLEXPORT void reco_keeper_main(Datum arg);
extern PGDLLEXPORT void reco_job_worker_main(Datum arg);
extern PGDLLEXPORT void reco_errand_main(Datum arg);
extern PGDLLEXPORT void reco_chore_main(Datum arg);

#endif							/* RECO_WORKER_PARTS_H */
