/*-------------------------------------------------------------------------
 *
 * result_use.c
 *	  What an entry of the buffer that somebody read stands for.
 *
 * Purpose: tell the keeper which row of the table a list in the buffer is, and whose run
 *			made a list that was given.
 * Runs in: the keeper.
 * Locks:	none.
 * Never:	trust that an entry has all of what stands in front of it.
 *
 *-------------------------------------------------------------------------
 */
#include "result.h"

#include "result_entry.h"
#include "result_key.h"

/* Is it one by words, with all that stands in front? How long is what comes before? */
static bool
is_by_words(const RecoCachedUse *use, Size *prefix)
{
	StaticAssertStmt(EPOCHS + MEANING <= RECO_CACHED_HEAD, "the run is not in the head");

	*prefix = Max(strlen(use->key), KEY_END) - KEY_END;
	return use->key[*prefix] != RECO_RESULT_BY_MEANING && use->nhead >= EPOCHS + MEANING;
}

/* The entry by words has the key by meaning in front. */
const char *
reco_result_row_key(const RecoCachedUse *use)
{
	Size		prefix;

	return is_by_words(use, &prefix)
		? psprintf("%.*s%.*s", (int) prefix, use->key, KEY_END, use->head + EPOCHS)
		: use->key;
}

/* Who reads an entry by words gives it to somebody; others are read by the way. */
int64
reco_result_given(const RecoCachedUse *use, char **user_id)
{
	Size		prefix;
	int64		run_id;

	if (!is_by_words(use, &prefix) || prefix == 0)
		return 0;
	memcpy(&run_id, use->head + EPOCHS + RUN_AT, sizeof(run_id));
	*user_id = pnstrdup(use->key, prefix - 1);	/* without the separator */
	return run_id;
}
