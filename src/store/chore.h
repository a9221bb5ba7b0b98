/*-------------------------------------------------------------------------
 *
 * chore.h
 *	  What is done again and again: which chores there are, whose they are, how they went.
 *
 * Purpose: one table of chores; the tables reco.schedule, which of them pg_cron does, and
 *			reco.chore, how each went last.
 * Runs in: any process with a database and a transaction.
 * Locks:	a chore's row of reco.chore, from before it is done or registered to the end
 *			of the transaction: so nobody does it twice at a time, or when it is
 *			another's.
 * Never:	ask another database whose a chore is: what was registered is noted here.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_CHORE_H
#define RECO_CHORE_H

#include "compat.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/* In the order of the arguments of reco_schedule(). */
typedef enum RecoChore
{
	RECO_CHORE_WARM = 0,
	RECO_CHORE_PREWARM,
	RECO_CHORE_LEARN,
	RECO_CHORE_EXPIRE,
	RECO_CHORE_SNAPSHOT,
	RECO_CHORE_HISTORY,
	RECO_CHORE_REPROBE,
	RECO_CHORE_REINDEX
} RecoChore;

#define RECO_NCHORES	(RECO_CHORE_REINDEX + 1)

typedef struct RecoChoreKind
{
	const char *name;
	const char *function;		/* is called without arguments */
	const char *arguments;		/* that it has, by type */
	const int  *interval_s;		/* of the keeper's timer; 0 = off; NULL = when needed */
	const char *setting;
	bool		as_it_goes;		/* the keeper does it between other things */
	bool		of_rows;		/* its function returns rows: the result is how many */
	bool		after_change;	/* nothing to do while the catalogue has not changed */
	bool		of_workers;		/* it queues jobs, so there must be workers */
} RecoChoreKind;

extern const RecoChoreKind *reco_chore_kind(RecoChore chore);
extern int	reco_chore_of(const char *name);	/* -1 = none */

/* How often the keeper does it, in us; 0 = not by a timer, or not at all. */
extern int64 reco_chore_every(RecoChore chore);

/* Does the keeper do it, as the settings are, where pg_cron does not? */
extern bool reco_chore_is_on(RecoChore chore);

/* The function with its arguments' types, as GRANT takes it. */
extern char *reco_chore_signature(RecoChore chore);

/* The call of a chore's function, or of reco_chore() for it: an expression. */
extern char *reco_chore_call(RecoChore chore);
extern char *reco_chore_command(RecoChore chore);

/* The database where pg_cron has its jobs; NULL where it is not preloaded. */
extern const char *reco_chore_cron_database(void);

/* A chore that was registered with pg_cron. Texts are in the current context. */
typedef struct RecoChoreMark
{
	RecoChore	chore;
	bool		holds;			/* pg_cron has it, for all that is known here */
	bool		overdue;		/* ... and does not do it */
	char	   *schedule;
	char	   *command;
	int64		jobid;
	char	   *jobname;
	char	   *database;
	char	   *cron_database;
	char	   *username;
} RecoChoreMark;

/* All of them, by chore. */
extern List *reco_chore_marks(void);
extern void reco_chore_mark(const RecoChoreMark *mark);
extern void reco_chore_unmark(RecoChore chore);

/* How a chore stands. */
typedef struct RecoChoreState
{
	bool		by_cron;		/* it is pg_cron's, who does it */
	bool		overdue;		/* it is, but pg_cron has not done it for long */
	TimestampTz since;			/* 0 = it has no row yet */
	TimestampTz last_run;		/* 0 = never */
	TimestampTz last_done;		/* ... without failing; likewise */
	int			failing;		/* how often it failed since */
} RecoChoreState;

/*
 * When the keeper's timer is to do it: an interval after it was done last, or heard of;
 * after a failure no sooner than after a pause, which doubles with each, up to the
 * interval. 0 = never.
 */
extern TimestampTz reco_chore_next(RecoChore chore, const RecoChoreState *state);
extern int64 reco_chore_pause(RecoChore chore, int failing);

/* Tells it of all. */
extern void reco_chore_look(RecoChoreState states[RECO_NCHORES]);

/* Is one pg_cron's? */
extern bool reco_chore_is_crons(RecoChore chore);

/*
 * Locks a chore to the end of the transaction, and tells how it stands then. False =
 * somebody is at it; with 'wait' it waits for that.
 */
extern bool reco_chore_lock(RecoChore chore, bool wait, RecoChoreState *state);

/*
 * Does a chore that is locked, with the rights of the current user, and notes it; what
 * its function returned. 'by' is who: keeper, pg_cron, hand.
 */
extern char *reco_chore_do(RecoChore chore, const char *by);

/*
 * Notes what a run did; 'took_us' < 0 = not known. Or that it failed, in a transaction
 * after the one that did. The row of a chore that somebody is at is let alone: false.
 */
extern bool reco_chore_note(RecoChore chore, const char *by, TimestampTz started,
							int64 took_us, const char *result);
extern bool reco_chore_note_failure(RecoChore chore, const char *by, TimestampTz at,
									const char *error);

/* A row of reco_stat_chore. */
typedef struct RecoChoreFacts
{
	TimestampTz since;
	TimestampTz last_run;
	TimestampTz last_done;
	char	   *last_by;
	double		took_ms;		/* < 0 = not known */
	char	   *ended;
	char	   *result;
	char	   *error;
	int64		runs;
	int64		failures;
	int			failing;
} RecoChoreFacts;

/* Of all; those that have no row are empty. */
extern void reco_chore_facts(RecoChoreFacts facts[RECO_NCHORES]);

/* May a role execute what pg_cron would run for a chore? */
extern bool reco_chore_is_allowed(RecoChore chore, Oid role);

#endif							/* RECO_CHORE_H */
