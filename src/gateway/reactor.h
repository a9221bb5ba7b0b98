/*-------------------------------------------------------------------------
 *
 * reactor.h
 *	  libcurl's sockets and the latch in one wait.
 *
 * Purpose: own the multi handle: its sockets in one epoll fd, its timer as a
 *			time-out; tell transfers when they have ended.
 * Runs in: the gateway.
 * Locks:	none.
 * Never:	palloc, ereport or CHECK_FOR_INTERRUPTS inside a callback of libcurl;
 *			call libcurl with process signals open (T13); use the multi handle
 *			after it failed: all transfers are then ended and it is made anew.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_REACTOR_H
#define RECO_REACTOR_H

#include "compat.h"

#include <curl/curl.h>

/* Initialises libcurl: the first thing that the process does with it. Reserves
 * descriptors; returns how many connections there may be at once. */
extern int	reco_reactor_open(int max_connections);

/*
 * Adds and removes a transfer's handle. False = it could not be added. It begins in
 * the next turn; with 'later', only after the lookup of some name has ended. Soon
 * after 'deadline' (monotonic us) it ends with CURLE_OPERATION_TIMEDOUT even where
 * libcurl forgets to: it does while a transfer waits for a connection.
 */
extern bool reco_reactor_add(CURL *easy, int64 deadline, bool later);
extern void reco_reactor_remove(CURL *easy);

/* Called for each handle that has ended, outside of libcurl. The handle was removed. */
typedef void (*RecoReactorEnded)(CURL *easy, CURLcode result);

/*
 * Waits for the latch, a socket, or until 'until' (monotonic us; 0 or past: does not
 * wait; negative: for ever), whichever is first; the latch is reset. Then lets
 * libcurl work and reports what has ended. 'ended' may start and end transfers,
 * and may raise an error: what is unreported then is reported by the next turn.
 */
extern void reco_reactor_turn(int64 until, RecoReactorEnded ended);

#endif							/* RECO_REACTOR_H */
