/*-------------------------------------------------------------------------
 *
 * stage_stat.h
 *	  How long lists take, and each stage of a run: histograms by database.
 *
 * Purpose: count the time of every list that is asked for, and of every stage of the runs
 *			that made some of them, such that percentiles can be told.
 * Runs in: any process that has the library preloaded.
 * Locks:	'stages' of shared.h, once per process and database; counting takes none.
 * Never:	cost a list that is kept more than one atomic addition.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_STAGE_STAT_H
#define RECO_STAGE_STAT_H

#include "compat.h"

#include "histogram.h"

#define RECO_STAGE_STATS		24	/* metrics: the total, then stages */
#define RECO_STAGE_STAT_TOTAL	0
#define RECO_STAGE_STAT_ROWS	32	/* databases; who counted least recently gives way */

/* What is known of one metric of a database. */
typedef struct RecoStageStat
{
	Oid			database;		/* InvalidOid = the row is free */
	RecoHistogram times;
	uint64		keys;			/* asked for, by runs; of the total 0 */
	uint64		hits;			/* keys that were known; of the total lists kept */
} RecoStageStat;

extern Size reco_stage_stats_size(void);
extern void reco_stage_stats_attach(char *memory, bool fresh);

/* Counts what a run took: in all, or a stage of it with the keys that it asked for. */
extern void reco_stage_stat_add(Oid database, int metric, int64 us, int keys, int hits);

/* Counts a list that was kept: its time is in the total, too. */
extern void reco_stage_stat_hit(Oid database, int64 us);

/* The median of what lists took that were kept, in us; -1 = there was none yet. */
extern double reco_stage_stat_hit_us(Oid database);

/* Reads one metric of one row. */
extern void reco_stage_stat_read(int row, int metric, RecoStageStat *stat);

/* Sets all of them to 0. */
extern void reco_stage_stats_reset(void);

#endif							/* RECO_STAGE_STAT_H */
