/*-------------------------------------------------------------------------
 *
 * gateway.h
 *	  The one process that talks to the world.
 *
 * Purpose: register the worker with the postmaster.
 * Runs in: postmaster.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_GATEWAY_H
#define RECO_GATEWAY_H

/* Registers the gateway; from _PG_init while preloading. */
extern void reco_gateway_register(void);

#endif							/* RECO_GATEWAY_H */
