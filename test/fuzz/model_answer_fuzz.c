/*-------------------------------------------------------------------------
 *
 * model_answer_fuzz.c
 *	  Fuzzes what a language model said: any bytes, any JSON.
 *
 * Purpose: read any value, and see that all that comes out is within its bounds, before
 *			and after a mood was refined with it.
 * Runs in: a libFuzzer program.
 * Locks:	none.
 * Never:	let a field hold what its reader would have to check again.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/features.c src/pipeline/mood.c src/pipeline/prompt.c
			src/pipeline/model_ask.c src/pipeline/model_answer.c
			src/pipeline/model_refine.c src/catalogue/facet.c src/catalogue/fit.c
			src/upstream/json.c src/upstream/buffer.c */
#include "pipeline/model_ask.h"
#include "pipeline/model_refine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue/facet.h"
#include "upstream/utf8.h"

#define check(condition)                                 \
	do                                                   \
	{                                                    \
		if (!(condition))                                \
		{                                                \
			fprintf(stderr, "failed: %s\n", #condition); \
			abort();                                     \
		}                                                \
	} while (0)

static char *
join(const char *a, const char *b)
{
	static char joined[RECO_MOOD_MAXPHRASES][64];
	static int	n;

	n = (n + 1) % RECO_MOOD_MAXPHRASES;
	snprintf(joined[n], sizeof(joined[n]), "%s %s", a, b);
	return joined[n];
}

static void
check_text(const char *text, size_t size)
{
	size_t		len = strnlen(text, size);

	check(len < size && len > 0);
	for (size_t at = 0; at < len;)
	{
		int			n = reco_utf8_char(text + at, len - at);

		check(n > 0 && (unsigned char) text[at] >= ' ' && text[at] != 0x7F);
		at += (size_t) n;
	}
}

static void
check_targets(const RecoTarget *targets)
{
	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		check(targets[f].weight >= 0 && targets[f].weight <= 1);
		if (targets[f].weight > 0)
			check(isfinite(targets[f].mean) && isfinite(targets[f].sd) &&
				  targets[f].sd > 0 &&
				  reco_fit_clamp(f, targets[f].mean) == targets[f].mean);
	}
}

static void
check_answer(const RecoModelAnswer *answer)
{
	check_targets(answer->targets);
	check(answer->nartists >= 0 && answer->nartists <= RECO_MODEL_MAXARTISTS);
	check(answer->ngenres >= 0 && answer->ngenres <= RECO_MODEL_MAXGENRES);
	check(answer->nnamed >= 0 && answer->nnamed <= RECO_MODEL_MAXNAMED);
	check(answer->ntracks >= 0 && answer->ntracks <= RECO_MODEL_MAXNAMED);
	for (int i = 0; i < answer->nartists; i++)
		check_text(answer->artists[i], sizeof(answer->artists[i]));
	for (int i = 0; i < answer->ngenres; i++)
		check_text(answer->genres[i], sizeof(answer->genres[i]));
	for (int i = 0; i < answer->nnamed; i++)
		check_text(answer->named[i], sizeof(answer->named[i]));
	for (int i = 0; i < answer->ntracks; i++)
		check_text(answer->tracks[i].title, sizeof(answer->tracks[i].title));
	check((answer->preferred & RECO_THEMES) == 0);
	check((answer->preferred & answer->excluded) == 0);
	check(answer->era_to == 0 || answer->era_from <= answer->era_to);
	check(answer->confidence >= 0 && answer->confidence <= 1);
	check(answer->prompt_tokens >= 0 && answer->completion_tokens >= 0);
	check(strlen(answer->who) < sizeof(answer->who));
}

/* A mood of two words, one of which says something. */
static void
check_refined(const RecoModelAnswer *answer)
{
	static char texts[2][8] = {"calm", "zorb"};
	static const RecoTarget targets[RECO_NCOLUMNS] = {[RECO_ENERGY] = {0.4f, 0.2f, 0.6f}};
	RecoWord	word[2] = {{texts[0], texts[0], texts[0], 0, false, false, 0},
						{texts[1], texts[1], texts[1], 0, false, false, 0}};
	RecoWords	words = {2, false, word};
	RecoMoodEvidence evidence = {.stem = "calm", .tracks = 50, .targets = targets};
	RecoMood	mood;
	float		before;

	reco_mood_read(&words, &mood, join);
	reco_mood_weigh(&mood, &evidence, 1, &reco_fit_typical, 1000);
	before = mood.confidence;
	reco_mood_refine(&mood, answer);
	check_targets(mood.targets);
	check(mood.confidence >= before && mood.confidence <= 1.001f);
	check((mood.asked & mood.excluded) == 0);
	check(mood.ngenres >= 0 && mood.ngenres <= RECO_MOOD_MAXGENRES);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static RecoModelAnswer answer;
	RecoBuffer	text = {0};
	RecoBuffer	words = {0};
	const char *why = NULL;
	bool		good = reco_model_read((const char *) data, size, &answer, &why);

	check(good == (why == NULL));
	check_answer(&answer);
	if (good)
	{
		check(answer.nfields > 0);
		check_refined(&answer);
	}

	/* the same bytes as a key */
	reco_buffer_add(&text, data, size);
	if (text.data != NULL && reco_model_asked(text.data, &words))
		check(words.data != NULL && words.len <= 4 * RECO_MODEL_MAXPROMPT);
	reco_buffer_free(&text, false);
	reco_buffer_free(&words, false);
	return 0;
}
