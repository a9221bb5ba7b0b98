/*-------------------------------------------------------------------------
 *
 * cached_use.h
 *	  The buffer by what was read, and by what was asked for whoever answered.
 *
 * Purpose: tell the keeper which entries are in use, and remove a key's entries
 *			without knowing which service's they are.
 * Runs in: the keeper; backends that invalidate.
 * Locks:	one partition after another, for a stretch of buckets at a time.
 * Never:	allocate or throw while a partition is locked.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_CACHED_USE_H
#define RECO_CACHED_USE_H

#include "cached.h"

/*
 * What follows it in a key says who answers and how (a server's address, a market, a
 * model); what stands before it is what people ask for.
 */
#define RECO_CACHED_SEPARATOR	'\x1f'

#define RECO_CACHED_HEAD	80

/* An entry that was read since it was last told. */
typedef struct RecoCachedUse
{
	RecoCategory category;
	char	   *key;
	Size		nhead;
	char		head[RECO_CACHED_HEAD]; /* what its value begins with */
} RecoCachedUse;

/*
 * Tells up to 'most' written entries of a database that were read since they were told,
 * in the current context. The next call goes on where this one ended.
 */
extern int	reco_cached_used(Oid database, Oid extension, RecoCachedUse *uses, int most);

/*
 * Tells the keys of a category, in the current context: of entries that wait to be
 * written, and of written ones that are fresh at a time. The key in 'of' does not count.
 */
extern char **reco_cached_keys(const RecoCachedKey *of, TimestampTz at, int *nkeys);

/*
 * Removes the entries of what people ask for, whoever answered: category -1 = of all.
 * Returns how many; moves the epoch of the database.
 */
extern int64 reco_cached_remove_asked(Oid database, Oid extension, RecoCategory category,
									  const char *asked);

/*
 * Tells the whole keys of what people ask for that wait to be written, whoever answered,
 * in the current context.
 */
extern char **reco_cached_unwritten(Oid database, Oid extension, RecoCategory category,
									const char *asked, int *nkeys);

#endif							/* RECO_CACHED_USE_H */
