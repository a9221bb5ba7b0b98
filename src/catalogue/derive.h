/*-------------------------------------------------------------------------
 *
 * derive.h
 *	  Triggers that fill the derived columns of reco.track and reco.artist.
 *
 * Purpose: see derive.c.
 * Runs in: a backend that writes the catalogue.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_DERIVE_H
#define RECO_DERIVE_H

#include "compat.h"

#include "commands/trigger.h"

/*
 * Returns the row to write, as a BEFORE ROW trigger does. What the rows of one
 * statement share is kept with 'call'.
 */
extern Datum reco_derive_row(TriggerData *trigger, FmgrInfo *call);

/*
 * What is equal for two versions of one recording: 32 bits of the cut title's
 * hash, then 32 bits of the folded artist's.
 */
extern int64 reco_derive_dup_key(const char *title_key, const char *artist_fold);

#endif							/* RECO_DERIVE_H */
