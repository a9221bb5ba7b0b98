/*-------------------------------------------------------------------------
 *
 * ahead.h
 *	  What is done so that the next question is answered at once, and in full.
 *
 * Purpose: wish for the completion of a list that was cut, for a new one where it is old,
 *			for facts that it lacked; and do what is asked ahead of a run.
 * Runs in: a caller's backend wishes; a job worker does.
 * Locks:	'databases' and 'wishes' of shared.h, one after another, for moments.
 * Never:	write, wait for, or fail on what nobody asked for.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_AHEAD_H
#define RECO_AHEAD_H

#include "run.h"

/*
 * A list is given that is old, the one of this run: has it made anew in the background.
 * False = nobody would, as far as is known.
 */
extern bool reco_ahead_refresh(const RecoRequest *request, Oid extension, int64 run_id);

/* A list was made for a caller: what it lacked is done in the background. */
extern void reco_ahead_mend(const RecoRun *run, Oid extension);

/* How long such a job may take, in ms. */
extern int	reco_ahead_deadline(void);

/*
 * Asks what a run for this listener would ask first: what the listener plays, features
 * and ids of that. Services keep what they told; 'pause' as for reco_run_execute.
 */
extern void reco_ahead_prefetch(const RecoRequest *request, MemoryContext context,
								RecoPauser pause, void *arg);

/* Asks for facts of tracks, and for features of others. */
extern void reco_ahead_hydrate(const RecoRequest *request, const char **ids, int nids,
							   const char **unmeasured, int nunmeasured,
							   MemoryContext context, RecoPauser pause, void *arg);

/* May a role ask a service what a prefetch asks? */
extern bool reco_ahead_has_service(Oid role);

#endif							/* RECO_AHEAD_H */
