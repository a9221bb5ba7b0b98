/*-------------------------------------------------------------------------
 *
 * launcher.h
 *	  One keeper per database that has the extension.
 *
 * Purpose: register the launcher, and the hooks by which it learns of databases and
 *			lets go of them.
 * Runs in: postmaster (registration); hooks in backends.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_LAUNCHER_H
#define RECO_LAUNCHER_H

#include "compat.h"

/* Registers the launcher and installs the hooks; from _PG_init while preloading. */
extern void reco_launcher_register(void);

#endif							/* RECO_LAUNCHER_H */
