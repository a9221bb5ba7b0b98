/*-------------------------------------------------------------------------
 *
 * engine_text.c
 *	  The embedded engine: words of a prompt in titles and names.
 *
 * Purpose: add full-text matches to what fits; a word that says little finds
 *			nothing (names.h), and a label on many tracks is no title word.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of its SELECTs.
 * Never:	keep SPI, a snapshot or memory of the transaction after a call.
 *
 *-------------------------------------------------------------------------
 */
#include "engine_parts.h"

#include <math.h>

#include "names.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#define COMMON_LABEL	500		/* a label on more tracks is no title word */
#define MAX_TEXT_WORDS	6
#define TEXT_FACTOR		0.2f	/* a full match of words, against genre evidence */

typedef struct Match
{
	uint32		row;
	RecoTrack  *track;
} Match;

/* Finds the tracks that the words name and that qualify, by row; NULL for none. */
static HTAB *
find_matches(RecoEngine *engine, const RecoKey *key, const RecoScanFit *prepared,
			 const RecoScanQuery *query)
{
	const char *words[MAX_TEXT_WORDS];
	int			nwords = 0;
	int			nfound;
	RecoName   *names;
	HTAB	   *by_row;
	HASHCTL		control = {0};

	for (int i = 0; i < key->nwords && nwords < MAX_TEXT_WORDS; i++)
	{
		const RecoTerm *term = reco_matrix_term(engine->matrix, key->words[i]);

		if (term == NULL || term->tracks <= COMMON_LABEL)
			words[nwords++] = key->words[i];
	}
	names = reco_names_words(words, nwords, engine->matrix->token, &nfound);
	if (nfound == 0)
		return NULL;

	control.keysize = sizeof(uint32);
	control.entrysize = sizeof(Match);
	control.hcxt = CurrentMemoryContext;
	by_row = hash_create("reco text matches", nfound, &control,
						 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (int i = 0; i < nfound; i++)
	{
		uint32 row =
			reco_matrix_row(engine->matrix, names[i].artist_id, names[i].track_id);
		Match	   *match;
		float		score;
		bool		found;

		if (row == RECO_NO_ROW)
			continue;
		reco_kernel_score(&engine->matrix->plane, query, &row, 1, &score);
		if (!(score > -INFINITY))
			continue;
		match = hash_search(by_row, &row, HASH_ENTER, &found);
		if (!found)
			match->track = reco_scan_track(engine->matrix, prepared, row, score);
		match->track->text_match += 1.0f / Max(key->nwords, 1);
		match->track->score += TEXT_FACTOR / Max(key->nwords, 1);
	}
	return by_row;
}

/* Adds the tracks whose title or artist holds the words to an answer. */
void
reco_engine_add_text(RecoEngine *engine, const RecoKey *key, const RecoScanFit *prepared,
					 const RecoScanQuery *query, RecoAnswer *answer)
{
	HTAB	   *by_row = find_matches(engine, key, prepared, query);
	HASH_SEQ_STATUS status;
	Match	   *match;

	if (by_row == NULL)
		return;

	/* tracks of the scan take their match over; the others join */
	for (int i = 0; i < answer->ntracks; i++)
	{
		RecoTrack  *track = answer->tracks[i];
		uint32		row = track->row;
		bool		found;

		match = hash_search(by_row, &row, HASH_FIND, &found);
		if (!found)
			continue;
		track->text_match = match->track->text_match;
		track->score = match->track->score;
		hash_search(by_row, &row, HASH_REMOVE, NULL);
	}
	answer->tracks =
		repalloc_huge(answer->tracks,
					  sizeof(RecoTrack *) *
						  (answer->ntracks + hash_get_num_entries(by_row) + 1));
	hash_seq_init(&status, by_row);
	while ((match = hash_seq_search(&status)) != NULL)
		answer->tracks[answer->ntracks++] = match->track;
	hash_destroy(by_row);
}
