/*-------------------------------------------------------------------------
 *
 * result.h
 *	  A result, from what is kept or from a run.
 *
 * Purpose: give the answer to a question that was asked before at once; let one backend
 *			generate what many ask for; publish what everybody may see.
 * Runs in: a caller's backend.
 * Locks:	none held while a run goes on or is waited for.
 * Never:	publish what a transaction sees that has written, or whose snapshot is older
 *			than the last invalidation; write anything but the buffer.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_RESULT_H
#define RECO_RESULT_H

#include "compat.h"

#include "run.h"
#include "shmem/cached_use.h"
#include "source/origin.h"

/* What a caller makes of a run, and of what is kept. */
typedef struct RecoResultForm
{
	char		kind;			/* a letter that no other form has */
	bool		names_listener; /* it says whose list it is */

	/* the bytes that stand for a run's result: text without a NUL, palloc'd */
	char	   *(*write)(const RecoRun *run);

	/* as much of them as this form returns */
	char	   *(*write_own)(const RecoRun *run);

	/* what is returned where such bytes were kept, ready to be used; palloc'd */
	char	   *(*pack)(const char *bytes, Size *size);
} RecoResultForm;

/* A result: 'packed', or else bytes. */
typedef struct RecoResult
{
	RecoOrigin	origin;			/* local = it was just generated */
	const char *bytes;
	const char *packed;			/* MAXALIGNed; its origin is "cached" */
	Size		size;			/* of 'packed' */
} RecoResult;

/*
 * Gets a request's result. 'function' is the SQL function that was called; 'context' is
 * for a run.
 */
extern void reco_result_get(RecoRequest *request, Oid function, MemoryContext context,
							const RecoResultForm *form, RecoResult *result);

/*
 * Makes a request's result anew, and publishes it. 'pause' as for reco_run_execute;
 * where there is one, 'context' is the current context on return.
 */
extern RecoRun *reco_result_make(RecoRequest *request, MemoryContext context,
								 const RecoResultForm *form, RecoPauser pause, void *arg);

/*
 * Is a list in the buffer that stays fresh until a time, unless something invalidates it?
 */
extern bool reco_result_holds(RecoRequest *request, TimestampTz until);

/*
 * The key of the row that an entry of category result in the buffer stands for: entries
 * by words have none of their own. In the current context, or the entry's own key.
 */
extern const char *reco_result_row_key(const RecoCachedUse *use);

/* The run whose list was given to a listener by reading an entry; 0 = none was. */
extern int64 reco_result_given(const RecoCachedUse *use, char **user_id);

/*
 * For result.c: may a request's result come from others at all? The buffer's text, which
 * is UTF-8, in the database's encoding; a key with its listener in front.
 */
extern bool reco_result_is_shared(const RecoRequest *request);
extern const char *reco_result_own_text(const char *text);
extern const char *reco_result_listeners_key(const RecoRequest *request, const char *key);

/*
 * A number for the services that a role's lists may have come from: whoever may ask
 * others gets other lists. 0 where there are none.
 */
extern uint64 reco_result_servers(Oid role);

#endif							/* RECO_RESULT_H */
