/*-------------------------------------------------------------------------
 *
 * record.h
 *	  The record of a run: what is kept of it for those who ask later.
 *
 * Purpose: a run as one JSON object, into the buffer; and from JSON as much of a run
 *			again as explain tells and reco_generate returned. Writing is in record.c,
 *			reading in record_read.c, the table's SQL in store/run.c.
 * Runs in: any process with a database.
 * Locks:	the buffer's.
 * Never:	write a table; keep a text of any length whole.
 *
 * Members: run_id, role (an oid), user_id, prompt, size, deadline_ms, options {}, ahead
 * (only where nobody asked), total_ms, complete, missing [], mood {energy_level, emotion,
 * era_from, era_to, confidence, understood [], unknown [], targets {}, left_out []},
 * found {}, strategies {}, pruned {}, quality {}, arc, stages {}, calls {}, services [],
 * spent_calls, fallbacks [], lists, tier, guardrails [], artifacts {}, origins {},
 * popular {} (where a popular mood has a part in it), delivered, tracks [].
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_RECORD_H
#define RECO_RECORD_H

#include "compat.h"

#include "lib/stringinfo.h"
#include "run.h"
#include "utils/jsonb.h"

/*
 * Puts the record of a run into the buffer, unless none are kept. Whatever becomes of
 * the transaction: it tells what happened, and is nobody's answer.
 */
extern void reco_record_keep(const RecoRun *run, Oid extension);

/* Writes it into the table instead: it is there when the transaction is committed. */
extern void reco_record_write(const RecoRun *run);

/* Parts that a run's document has in common with its record. */
extern void reco_record_put_parts(StringInfo json, const char *key,
								  const RecoCandidate *candidate);
extern void reco_record_put_missing(StringInfo json, const RecoRun *run);
extern void reco_record_put_quality(StringInfo json, const RecoRun *run);
extern void reco_record_put_lists(StringInfo json, const RecoRun *run);

/* Whose a record is. */
typedef struct RecoRecordOwner
{
	char	   *user_id;
	Oid			role;
} RecoRecordOwner;

/* A text as jsonb; NULL = it is no JSON. */
extern Jsonb *reco_record_parse(const char *text);

/* False = it is no record. */
extern bool reco_record_owner(Jsonb *record, RecoRecordOwner *owner);

/* As much of a run as its record tells, in the current context. */
extern RecoRun *reco_record_read(Jsonb *record);

/*
 * Finds the record of a run that a role may see: its own, or any for who may read all
 * statistics; in the buffer or in the table. NULL = there is none.
 */
extern Jsonb *reco_record_find(int64 run_id, Oid extension);

/*
 * Finds those in the buffer that may not be in the table, as the query sees it: what
 * waits to be written, and for a while the written ones, too, since the query may have
 * begun before they were. On a standby none of its own runs is ever written.
 */
extern int	reco_record_lately(Oid extension, char ***keys);

/* The record in the buffer with a key, if the current role may see it; NULL = none. */
extern Jsonb *reco_record_get(Oid extension, const char *key, TimestampTz *started);

/* The key of a run in the buffer. */
#define RECO_RECORD_KEYSIZE	24
extern void reco_record_key(int64 run_id, char *key);

#endif							/* RECO_RECORD_H */
