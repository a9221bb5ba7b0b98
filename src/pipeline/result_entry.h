/*-------------------------------------------------------------------------
 *
 * result_entry.h
 *	  What stands in front of a list that is kept in the buffer.
 *
 * Purpose: one layout for who writes entries (result.c) and who looks at those in use
 *			(result_use.c).
 * Runs in: any process.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_RESULT_ENTRY_H
#define RECO_RESULT_ENTRY_H

#include "compat.h"

#define EPOCHS			32		/* characters in front of an entry, see result.c */
#define MEANING			48		/* ... behind them, by words: that key, and the run */
#define KEY_END			33		/* characters of that key */
#define RUN_AT			40		/* in MEANING: the id of the run that made the list */

#endif							/* RECO_RESULT_ENTRY_H */
