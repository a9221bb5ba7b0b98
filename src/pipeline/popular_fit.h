/*-------------------------------------------------------------------------
 *
 * popular_fit.h
 *	  A list for one listener from the candidates of a popular mood.
 *
 * Purpose: rank, select and order what is kept, by what the listener played, judged and
 *			excluded: all rules of a list hold.
 * Runs in: a caller's backend.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_POPULAR_FIT_H
#define RECO_POPULAR_FIT_H

#include "popular_listener.h"
#include "popular_text.h"

/* Rates candidates that were read, once for all lists that are made of them. */
extern void reco_popular_rate(RecoPopular *popular);

/*
 * Makes a run of it, there until the next one, without a question to a service; NULL
 * where too few candidates may be listed. Who is nobody, or new, gets nobody's list.
 */
extern RecoRun *reco_popular_fit_run(const RecoPopular *popular,
									 const RecoRequest *request,
									 const RecoPopularListener *listener,
									 RecoOrigin origin);

#endif							/* RECO_POPULAR_FIT_H */
