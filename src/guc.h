/*-------------------------------------------------------------------------
 *
 * guc.h
 *	  The settings reco.*.
 *
 * Purpose: one variable per setting, for whoever obeys it.
 * Runs in: any process.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_GUC_H
#define RECO_GUC_H

#include "compat.h"

#include "upstream/budget.h"

extern int	reco_guc_deadline;	/* ms; how long reco_generate may take */
extern int	reco_guc_node_id;	/* 0..255; part of every id we make */
extern int	reco_guc_repeat_days;	/* days; 0 = off */

/* what is kept of runs */
extern int	reco_guc_run_history;	/* rows; 0 = none */
extern int	reco_guc_run_history_age;	/* min */

/* how upstreams are asked */
extern bool reco_guc_batching;	/* may keys share a call with others */
extern bool reco_guc_single_flight; /* may a key share the call of the same key */
extern bool reco_guc_result_cache;	/* whether lists are kept and given again */
extern int	reco_guc_popular_moods;	/* so many are kept ready; 0 = none */
extern bool reco_guc_parallel_strategies;	/* whether strategies ask at once */
extern bool reco_guc_artifacts; /* whether runs reuse what earlier ones were told */
extern bool reco_guc_cache;		/* whether answers are kept and used again */
extern bool reco_guc_id_registry;	/* whether ids of ReccoBeats are kept */
extern bool reco_guc_deny_list; /* whether what was refused for good is not asked again */
extern bool reco_guc_model; /* whether a language model is asked what a prompt means */
extern double reco_guc_llm_threshold;	/* of the mood's confidence; below, it is asked */
extern bool reco_guc_upstreams; /* whether reco_generate asks them at all */
extern RecoBudget reco_guc_call_budget; /* how often a run does at most */
extern int	reco_guc_most_calls(void);	/* ... of all services together */

/* of the gateway; SQL knows them only where the library is preloaded */
extern int	reco_guc_gateway_slots; /* requests under way at once */
extern int	reco_guc_gateway_memory;	/* kB; the pool of requests and answers */
extern int	reco_guc_gateway_upstreams; /* lanes */
extern int	reco_guc_gateway_connections;	/* most at once */
extern bool reco_guc_gateway_on_standby;	/* whether it runs on a standby, too */

/* of the buffer, and only where the library is preloaded, too */
extern int	reco_guc_buffer_memory; /* kB */

/* of the keepers; also only where the library is preloaded */
extern bool reco_guc_keeper;	/* whether they run */
extern int	reco_guc_keeper_interval;	/* ms; longest time between two rounds */
extern int	reco_guc_snapshot_interval; /* s; 0 = none is taken */
extern int	reco_guc_snapshot_size; /* kB, before compression */
extern char *reco_guc_logged_tables;	/* see reco_guc_is_logged */
extern int	reco_guc_matrix_memory; /* kB; of one database's shared matrix */
extern bool reco_guc_learn;		/* whether what services tell goes to the catalogue */
extern int	reco_guc_learned_tracks;	/* most of these; and as many artists */

/* of jobs; also only where the library is preloaded */
extern int	reco_guc_job_workers;	/* of each database; 0 = none */
extern int	reco_guc_job_attempts;	/* until a job that fails is given up */
extern int	reco_guc_job_pause;		/* ms; after the first failure */
extern int	reco_guc_job_history;	/* rows of jobs that ended */
extern int	reco_guc_job_history_age;	/* min */
extern int	reco_guc_prewarm_budget;	/* calls of services per hour; 0 = off */
extern int	reco_guc_prewarm_interval;
extern int	reco_guc_learn_interval;
extern int	reco_guc_expire_interval;
extern int	reco_guc_history_interval;
extern int	reco_guc_reprobe_interval;
extern int	reco_guc_reindex_interval;

/* Does reco.logged_tables name a table of a database? */
extern bool reco_guc_is_logged(const char *database, const char *table);

/* In _PG_init; those of processes only while preloading. */
extern void reco_guc_define(void);

#endif							/* RECO_GUC_H */
