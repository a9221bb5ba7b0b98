/*-------------------------------------------------------------------------
 *
 * popular.h
 *	  reco.popular_mood: all SQL on it.
 *
 * Purpose: tell which moods are kept ready, note what was asked and what was warmed,
 *			take in what is asked most, let go what is not asked any more.
 * Runs in: any process with a database and a transaction; writing: the keeper, job
 *			workers, and reco_warm_popular_moods.
 * Locks:	those of its statements.
 * Never:	write on the way of a question.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_STORE_POPULAR_H
#define RECO_STORE_POPULAR_H

#include "compat.h"

#include "utils/timestamp.h"

/* A mood. */
typedef struct RecoPopularRow
{
	char	   *prompt;
	bool		pinned;
	bool		learned;
	double		recent;			/* questions; one of a day ago counts half */
	Oid			role;			/* that it is warmed as; InvalidOid = nobody */
} RecoPopularRow;

/*
 * The moods that are kept ready, those that come first: pinned ones, then what is asked
 * most; so many at most, or, with -1, all that there are. In the current context.
 */
extern RecoPopularRow *reco_popular_list(int most, int *n);

/* Is a mood one of these? */
extern bool reco_popular_has(const char *prompt, int most);

/* Notes questions. */
extern void reco_popular_note_asked(const char *prompt, int64 asked, int64 hits,
									TimestampTz last);

/* Notes when candidates were made, and that they are made with a role's rights. */
extern void reco_popular_note_warmed(const char *prompt, TimestampTz at);
extern void reco_popular_note_role(const char *prompt);

/* Is that under way in this process? Then the row names who calls. */
extern bool reco_popular_is_noting_role(void);

/* Takes a mood in as learned; false = it is there. */
extern bool reco_popular_learn(const char *prompt, int64 asked, int64 hits,
							   TimestampTz last);

/*
 * Lets go learned moods that are not asked any more, and those that are more than 'most'
 * with the pinned ones; how many.
 */
extern int64 reco_popular_forget(int most);

#define RECO_POPULAR_HOURS	168 /* of a week, from Thursday 0:00 UTC */

/* How many questions came in each hour of the week, as far as records of runs tell. */
extern void reco_popular_hours(int64 *hours);

#endif							/* RECO_STORE_POPULAR_H */
