/*-------------------------------------------------------------------------
 *
 * snapshot_parts.h
 *	  What snapshot.c and snapshot_restore.c share; nobody else includes it.
 *
 * Purpose: which chunks are of which table.
 * Runs in: any process with a database and a transaction.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_SNAPSHOT_PARTS_H
#define RECO_SNAPSHOT_PARTS_H

#include "snapshot.h"

/* Conditions for rows of reco.snapshot. */
#define RECO_SNAPSHOT_DENIED	"category = 'denied'"
#define RECO_SNAPSHOT_IDS		"category = 'ids'"
#define RECO_SNAPSHOT_REST		"category <> ALL ('{ids,denied}')"

/* Makes chunks of the columns category, bucket, bytes that SPI holds. */
extern RecoSnapshotChunk *reco_snapshot_chunks(MemoryContext context, int *nchunks);

#endif							/* RECO_SNAPSHOT_PARTS_H */
