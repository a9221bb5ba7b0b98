/*-------------------------------------------------------------------------
 *
 * wish.h
 *	  Jobs that a backend would like to be queued, and must not write itself.
 *
 * Purpose: pass what a list lacked, or which list is old, on to the database's keeper,
 *			who queues it; and count the times that a listener may wish for something.
 * Runs in: any process that has the library preloaded.
 * Locks:	'wishes' of shared.h for all fields, for moments.
 * Never:	wait, throw, or lose anything but a wish: where there is no room, it is
 *			dropped and counted.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_WISH_H
#define RECO_WISH_H

#include "compat.h"

#define RECO_WISH_USER		256 /* with the NUL; likewise the next */
#define RECO_WISH_ARGUMENTS	4096

typedef enum RecoWishKind
{
	RECO_WISH_COMPLETE = 0,		/* a list that was cut by its deadline */
	RECO_WISH_REFRESH,			/* one that is old */
	RECO_WISH_HYDRATE,			/* facts that one lacked */
	RECO_NWISHES
} RecoWishKind;

extern const char *reco_wish_name(RecoWishKind kind);	/* of the job's kind */

/* Texts are in the database's encoding. */
typedef struct RecoWish
{
	RecoWishKind kind;
	Oid			database;
	Oid			extension;
	Oid			role;			/* with whose rights */
	uint64		hash;			/* of what makes it the same wish */
	char		user_id[RECO_WISH_USER];
	char		arguments[RECO_WISH_ARGUMENTS]; /* JSON */
} RecoWish;

/*
 * Wishes, and wakes the keeper. The same wish, about the same (a number that the caller
 * chooses), is taken once in a while; that it was, is true, too. False = it was dropped;
 * or, of a refresh, it would be: the keeper takes none, or just dropped what it took.
 */
extern bool reco_wish(RecoWishKind kind, Oid extension, Oid role, const char *user_id,
					  const char *arguments, int64 about);

/* Takes wishes of a database, the oldest first; those of another extension go. */
extern int	reco_wishes_take(Oid database, Oid extension, RecoWish *wishes, int most);

/* Of a wish that was taken. */
typedef struct RecoWishMark
{
	RecoWishKind kind;
	uint64		hash;
} RecoWishMark;

/* These were taken in this database, and not queued. */
extern void reco_wishes_dropped(const RecoWishMark *dropped, int n);

/* Forgets a database, which is gone or has no extension: its wishes and its counts. */
extern void reco_wishes_forget(Oid database);

/* What was wished in this database since the server started. */
typedef struct RecoWishCounts
{
	int64		wished;			/* each once */
	int64		dropped;
} RecoWishCounts;

extern void reco_wishes_read(Oid database, RecoWishCounts *counts); /* RECO_NWISHES */

/*
 * Counts one of so many times that a listener may have something in a period; false = not
 * once more, for now. 'crowded': there are too many listeners at the moment.
 */
extern bool reco_wish_may(Oid database, const char *user_id, int most, int64 period_us,
						  bool *crowded);

/* For shared.c. */
extern Size reco_wishes_size(void);
extern void reco_wishes_attach(char *memory, bool fresh);

#endif							/* RECO_WISH_H */
