/*-------------------------------------------------------------------------
 *
 * memo.h
 *	  What the embedded engine said, for the rest of a run and for the next one.
 *
 * Purpose: answer a question that was answered before, in this run or in an earlier one
 *			on the same facts, as the engine would answer it now.
 * Runs in: any process with a database.
 * Locks:	none.
 * Never:	hold what a service said (that is kept under its own times), or a pointer;
 *			trust the text: somebody may have edited the table that it comes from.
 *
 * What is remembered: names; what a listener plays; tracks with all facts, each by its
 * id; and where in the matrix the tracks of an artist stand. Of these tracks the ones
 * that fit best are worked out anew, under the new mood. What depends on the mood as a
 * whole (searches for what fits, what is near some seeds) is not remembered.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_MEMO_H
#define RECO_MEMO_H

#include "compat.h"

#include "source.h"

typedef struct RecoMemo RecoMemo;

/* Opens an empty one; it lives in 'context', and so do answers. */
extern RecoMemo *reco_memo_open(MemoryContext context);

/*
 * Takes what an earlier run wrote; the text is copied. Without 'listener', what that run
 * knew of its listener is left out.
 */
extern void reco_memo_load(RecoMemo *memo, const char *text, bool listener);

/* Answers a question; false = that is not known. */
extern bool reco_memo_find(RecoMemo *memo, RecoEngine *engine, RecoKind kind,
						   const RecoKey *key, TimestampTz give_up, RecoAnswer *answer);

/*
 * What is to be asked of a question that was not found: the key itself, or one with
 * fewer ids. NULL = it is being asked already: look again when that is answered.
 */
extern const RecoKey *reco_memo_rest(RecoMemo *memo, RecoKind kind, const RecoKey *key);

/* Remembers the engine's answer to what 'rest' gave. */
extern void reco_memo_note(RecoMemo *memo, RecoEngine *engine, RecoKind kind,
						   const RecoKey *key, const RecoAnswer *answer);

/* Writes what this run was told or found: lines of text in the database's encoding. */
extern char *reco_memo_write(const RecoMemo *memo);

#endif							/* RECO_MEMO_H */
