/*-------------------------------------------------------------------------
 *
 * limit_state.h
 *	  Limits of services: all SQL on reco.limit_state.
 *
 * Purpose: write what lanes must not forget, and bring it back into shared memory.
 * Runs in: any process with a database and a transaction; writing: the keeper.
 * Locks:	those of its statements; reading never waits for one.
 * Never:	write in a backend, but what somebody asks for by name.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_STORE_LIMIT_STATE_H
#define RECO_STORE_LIMIT_STATE_H

#include "shmem/limit_state.h"

/*
 * Brings what this database knows into shared memory, once since the server started; who
 * asks a service has done so before. Costs nothing afterwards. With 'anew', once by this
 * process: a standby that was promoted has newer rows. False = somebody has the table
 * alone.
 */
extern bool reco_limit_state_load(bool anew);

/* Forgets here what services refuse; of reco_reprobe(), which is asked for that. */
extern void reco_limit_state_forget_refused(void);

/* Writes states, and deletes what is long over. */
extern void reco_limit_state_write(const RecoLimitState *states, int nstates);

#endif							/* RECO_STORE_LIMIT_STATE_H */
