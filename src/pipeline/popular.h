/*-------------------------------------------------------------------------
 *
 * popular.h
 *	  Popular moods: candidates without a listener, fitted to whoever asks.
 *
 * Purpose: keep what a run for nobody found for a mood that many ask for; make a list of
 *			it for one listener, in memory, without a call of a service.
 * Runs in: a caller's backend; keeping: a job worker; looking: both, and the keeper.
 * Locks:	those of the buffer, and of SELECTs.
 * Never:	answer what other options would make other candidates for; give what a
 *			transaction must not see, or a mood that is not popular any more.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_POPULAR_H
#define RECO_POPULAR_H

#include "compat.h"

#include "popular_listener.h"
#include "result.h"
#include "result_key.h"
#include "run.h"
#include "shmem/cached.h"
#include "shmem/result_epoch.h"

#define RECO_POPULAR_SIZE	20	/* of the list that candidates are found for */
#define RECO_POPULAR_KEY	40	/* bytes of a key by meaning, with the NUL */

/* As if it were a listener: its epoch moves when other moods become popular. */
#define RECO_POPULAR_NOBODY "\x1fpopular moods"

/* What a list was made from; in a run's record. */
typedef struct RecoPopularMark
{
	const char *prompt;			/* of the mood */
	int64		run_id;			/* of the run that found the candidates, perhaps itself */
	int64		age_us;			/* of them */
} RecoPopularMark;

/* A question that a popular mood may answer. */
typedef struct RecoPopularAsk
{
	bool		on;				/* it may */
	const RecoRequest *request;
	Oid			extension;
	uint64		epoch;			/* of reco_cache_invalidate */
	RecoResultEpoch epochs;
	char		words[RECO_RESULT_KEYSIZE]; /* key by the very words, for who is new */
	char		key[RECO_POPULAR_KEY];	/* by meaning; "" = not read yet */
	uint64		digest;			/* of the meaning alone */
	bool		names;			/* the prompt names somebody */
	bool		tried;			/* it was fitted, or could not be */
	RecoPopularListener listener;
} RecoPopularAsk;

/* Looks at a question; before anything is read that its answer rests on. */
extern void reco_popular_begin(RecoPopularAsk *ask, const RecoRequest *request,
							   Oid extension);

/*
 * Finds a list in the form that is returned, for these very words, if nothing is known of
 * the listener.
 */
extern bool reco_popular_find_words(RecoPopularAsk *ask, char form, const char **packed,
									Size *size);

/*
 * Knows what the prompt means, where the same words were asked before in this process;
 * then candidates are in its memory, too.
 */
extern bool reco_popular_recall(RecoPopularAsk *ask);

/* Keeps such a list of a run for nobody, as long as its candidates are fresh. */
extern void reco_popular_put_words(const RecoPopularAsk *ask, const RecoResultForm *form,
								   const char *bytes, TimestampTz fresh_until);

/* Notes what the prompt means; 'catalogue' is its state (reco_change_read). */
extern void reco_popular_note_meaning(RecoPopularAsk *ask,
									  const RecoResultReading *reading, uint64 catalogue);

/* A list that was made. */
typedef struct RecoPopularFit
{
	RecoRun    *run;
	RecoOrigin	origin;			/* cached or stale */
	TimestampTz fresh_until;
	bool		for_nobody;		/* nothing is known of the listener: it is everybody's */
} RecoPopularFit;

/*
 * Fits the candidates of a mood to who asks. The run is there until the next fit. False =
 * there are none, or not enough of them are left. With 'nobodys', who is new gets a run
 * for nobody. Counts the question.
 */
extern bool reco_popular_fit(RecoPopularAsk *ask, bool nobodys, RecoPopularFit *fit);

/* A number for what a prompt means, the same for all prompts that mean it. */
extern uint64 reco_popular_digest(const char *prompt);

/* How a mood's candidates stand. */
typedef struct RecoPopularState
{
	bool		found;
	uint64		digest;			/* of the mood's meaning */
	bool		names;			/* it names somebody: so it is nobody's mood */
	TimestampTz fetched_at;
	TimestampTz fresh_until;
} RecoPopularState;

/* Looks at a mood, with the current role's rights. */
extern void reco_popular_look(const char *prompt, RecoPopularState *state);

/*
 * Finds candidates for a mood and keeps them, as the job of kind "warm" does; 'request'
 * is for nobody. ERROR where they are not complete.
 */
extern RecoRun *reco_popular_make(RecoRequest *request, MemoryContext context,
								  RecoPauser pause, void *arg);

#endif							/* RECO_POPULAR_H */
