/*-------------------------------------------------------------------------
 *
 * run_flight.h
 *	  One run per question, however many ask at once.
 *
 * Purpose: let the first backend that asks generate, and the others wait for it.
 * Runs in: backends and job workers.
 * Locks:	'runs' of shared.h for moments; waiting is by condition variable.
 * Never:	wait longer than the own deadline; leave a flight without its leader.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_RUN_FLIGHT_H
#define RECO_RUN_FLIGHT_H

#include "compat.h"

#define RECO_RUN_KEYSIZE	320 /* bytes of a key, with the NUL */

/* For shared.c: how much memory, and filling it in. */
extern Size reco_run_flights_size(void);
extern void reco_run_flights_attach(char *memory, bool fresh);

typedef enum RecoRunTurn
{
	RECO_RUN_LEADS = 0,			/* generate, then call reco_run_flight_land */
	RECO_RUN_LANDED,			/* somebody did meanwhile: look again */
	RECO_RUN_TAKEN,				/* somebody does, and there is no time to wait */
	RECO_RUN_ALONE				/* no flight is free: generate for yourself */
} RecoRunTurn;

/*
 * Asks whose turn it is to generate the result of a key; waits until 'until' (monotonic
 * us) for another backend that does so already. Raises what cancels the backend.
 */
extern RecoRunTurn reco_run_flight_board(Oid database, Oid extension, const char *key,
										 int64 until);

/* Ends the flight that this backend leads, whether it has a result or not. */
extern void reco_run_flight_land(void);

#endif							/* RECO_RUN_FLIGHT_H */
