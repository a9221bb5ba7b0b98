/*-------------------------------------------------------------------------
 *
 * cron.h
 *	  What is asked of pg_cron, in whichever database it has its jobs.
 *
 * Purpose: register jobs, take them away, look at them.
 * Runs in: a backend; a process in pg_cron's database that a backend started.
 * Locks:	those of pg_cron's functions.
 * Never:	need the extension there: pg_cron's database may be another one.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_CRON_H
#define RECO_CRON_H

#include "compat.h"

#include "datatype/timestamp.h"

#define RECO_CRON_JOBS		16	/* in one order */
#define RECO_CRON_TEXT		256 /* bytes of a schedule or a command */

typedef enum RecoCronWhat
{
	RECO_CRON_REGISTER = 0,
	RECO_CRON_REMOVE,
	RECO_CRON_LOOK
} RecoCronWhat;

typedef struct RecoCronJob
{
	char		jobname[NAMEDATALEN];
	char		former[NAMEDATALEN];	/* its name before; '' = the same, or none */
	int64		jobid;			/* as it is known; 0 = not. As it is, afterwards */
	char		schedule[RECO_CRON_TEXT];
	char		command[RECO_CRON_TEXT];

	/* of looking */
	bool		found;
	bool		active;
	bool		same;			/* schedule, command and database are these */
} RecoCronJob;

/* Has no pointers: it travels between processes. */
typedef struct RecoCronOrder
{
	RecoCronWhat what;
	char		cron_database[NAMEDATALEN];
	char		database[NAMEDATALEN];	/* where the jobs run */
	Oid			role;			/* who asks for it */
	char		username[NAMEDATALEN];
	int			njobs;
	RecoCronJob jobs[RECO_CRON_JOBS];
} RecoCronOrder;

/*
 * Does it here, in pg_cron's database, with the rights of the current user. An ERROR says
 * what is to be done about it.
 */
extern void reco_cron_do(RecoCronOrder *order);

/* Is the extension in this database? */
extern bool reco_cron_is_here(void);

/*
 * Should pg_cron have run a job three times since a moment, as far as its schedule is
 * understood, and once since the server runs?
 */
extern bool reco_cron_is_overdue(const char *schedule, TimestampTz since);

/* Does it wherever pg_cron's database is. In another one it is done at once. */
extern void reco_cron_order(RecoCronOrder *order);

#endif							/* RECO_CRON_H */
