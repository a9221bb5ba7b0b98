/*-------------------------------------------------------------------------
 *
 * prompt_fuzz.c
 *	  Fuzzes the reading of a prompt: any words, any evidence.
 *
 * Purpose: make words of the input's bytes, as the text parser may, and see that
 *			the mood they give is within its bounds.
 * Runs in: a libFuzzer program.
 * Locks:	none.
 * Never:	let a mood refer to a word that is not there.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/features.c src/pipeline/mood.c src/pipeline/prompt.c
			src/catalogue/facet.c src/catalogue/fit.c */
#include "pipeline/mood.h"

#include <ctype.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WORDS	  RECO_MOOD_MAXWORDS
#define MAX_ALLOCATED 4096

static void *allocated[MAX_ALLOCATED];
static int nallocated;

#define check(condition)                                 \
	do                                                   \
	{                                                    \
		if (!(condition))                                \
		{                                                \
			fprintf(stderr, "failed: %s\n", #condition); \
			abort();                                     \
		}                                                \
	} while (0)

/* Memory that goes with the input. */
static void *
take(size_t size)
{
	void *memory = malloc(size);

	check(memory != NULL && nallocated < MAX_ALLOCATED);
	return allocated[nallocated++] = memory;
}

static char *
join(const char *a, const char *b)
{
	size_t size = strlen(a) + strlen(b) + 2;
	char *joined = take(size);

	snprintf(joined, size, "%s %s", a, b);
	return joined;
}

static char *
copy(const uint8_t *from, size_t n)
{
	char *text = take(n + 1);

	for (size_t i = 0; i < n; i++)
		text[i] = from[i] == 0 ? 1 : (char) tolower(from[i]);
	text[n] = '\0';
	return text;
}

/* Makes words: separated by spaces, a digit of flags may stand before each. */
static int
make_words(const uint8_t *data, size_t size, RecoWord *words)
{
	size_t at = 0;
	int quote = 0;
	int pairs = 0;
	int n = 0;

	while (at < size && n < MAX_WORDS)
	{
		RecoWord *word = &words[n];
		size_t end = at;
		RecoGap		gap = RECO_GAP_NONE;

		while (at < size && (data[at] == ' ' || data[at] == '"' || data[at] == ','))
		{
			if (data[at] == '"')
				quote = quote ? 0 : ++pairs;
			gap = data[at] != ' ' ? RECO_GAP_SENTENCE : gap;
			at++;
		}
		for (end = at;
			 end < size && data[end] != ' ' && data[end] != '"' && data[end] != ',';)
			end++;
		if (end == at)
			break;
		memset(word, 0, sizeof(*word));
		word->capital = isupper(data[at]) != 0;
		word->fold = copy(data + at, end - at);
		word->written = data[end - 1] == '~' ? copy(data, 0) : word->fold;
		word->stem = data[end - 1] == '.' ? NULL : word->fold;
		word->number = strspn(word->fold, "0123456789") == strlen(word->fold);
		word->gap = gap;
		word->quote = quote;
		n++;
		at = end;
	}
	return n;
}

/* Makes what a lexicon says of some of the phrases. */
static int
make_evidence(const uint8_t *data, size_t size, const RecoMood *mood,
			  RecoMoodEvidence *evidence, RecoTarget (*targets)[RECO_NCOLUMNS])
{
	int n = 0;

	for (int i = 0; i < mood->nphrases && size > 0; i++)
	{
		uint8_t dice = data[i % size];

		if (dice % 3 == 0)
			continue;
		memset(targets[n], 0, sizeof(targets[n]));
		for (int f = 0; f < RECO_NCOLUMNS; f++)
		{
			uint8_t b = data[(i * 7 + f) % size];

			if (b % 4 == 0)
				continue;
			targets[n][f].mean = (float) (b - 100) *
				(f == RECO_YEAR		   ? 20.0f
					 : f == RECO_TEMPO ? 2.0f
									   : 0.02f);
			targets[n][f].sd = b % 5 == 0 ? 1e-20f : (float) b / 64;
			targets[n][f].weight = (float) (b % 11) / 10;
		}
		evidence[n].stem = mood->phrases[i].stem;
		evidence[n].learned = dice & 1;
		evidence[n].tracks = dice % 7 == 0 ? 0 : dice * dice;
		evidence[n].answers = dice % 5 == 0 ? dice : 0;
		evidence[n].targets = targets[n];
		n++;
	}
	return n;
}

static void
check_mood(const RecoMood *mood, int nwords)
{
	float total = 0;

	check(mood->nphrases >= 0 && mood->nphrases <= RECO_MOOD_MAXPHRASES);
	check(mood->nmentions >= 0 && mood->nmentions <= RECO_MOOD_MAXMENTIONS);
	for (int i = 0; i < mood->nphrases; i++)
	{
		const RecoPhrase *phrase = &mood->phrases[i];

		check(phrase->stem != NULL && phrase->nwords >= 1);
		check(phrase->word >= 0 && phrase->word + phrase->nwords <= nwords);
		check(phrase->tightness >= 0 && phrase->tightness <= 1);
		check(phrase->weight >= 0 && phrase->weight <= 1);
		total += phrase->weight;
	}
	check(total < 1.001f);
	for (int i = 0; i < mood->nmentions; i++)
	{
		check(mood->mentions[i].nwords >= 1 && mood->mentions[i].word >= 0);
		check(mood->mentions[i].word + mood->mentions[i].nwords <= nwords);
	}
	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		const RecoTarget *target = &mood->targets[f];

		check(target->weight >= 0 && target->weight <= 1.001f);
		if (target->weight > 0)
			check(isfinite(target->mean) && isfinite(target->sd) && target->sd >= 0);
		check(mood->speaker[f] >= -1 && mood->speaker[f] < nwords + (nwords == 0));
	}
	check(mood->confidence >= 0 && mood->confidence <= 1.001f);
	check(mood->era_from == 0 || (mood->era_from >= 1000 && mood->era_from <= 2200));
	check(mood->era_to == 0 || mood->era_from == 0 || mood->era_from <= mood->era_to);
	check((mood->asked & mood->excluded) == 0 || nwords > 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static RecoMood mood;
	static RecoMoodEvidence evidence[RECO_MOOD_MAXPHRASES];
	static RecoTarget targets[RECO_MOOD_MAXPHRASES][RECO_NCOLUMNS];
	RecoWords words = {0};

	words.words = take(sizeof(RecoWord) * (MAX_WORDS + 2));
	words.nwords = make_words(data, size, words.words);
	memset(&mood, 0, sizeof(mood));
	reco_mood_read(&words, &mood, join);
	for (int i = 0; i < mood.nmentions && size > 0; i++)
		mood.mentions[i].resolved = data[size - 1] >> (i % 8) & 1;
	reco_mood_drop_mentions(&mood);
	reco_mood_weigh(&mood, evidence, make_evidence(data, size, &mood, evidence, targets),
					&reco_fit_typical, size > 1 ? data[1] * 100 : 0);
	check_mood(&mood, words.nwords);
	while (nallocated > 0)
		free(allocated[--nallocated]);
	return 0;
}
