/*-------------------------------------------------------------------------
 *
 * keeper_model.c
 *	  What language models said, on its way into the lexicon.
 *
 * Purpose: see keeper_model.h. Each word of a prompt of which the lexicon knows little
 *			gets what the model said of the whole; words that several prompts share come
 *			out as what these have in common.
 * Runs in: the keeper of a database, in a transaction of the caller's.
 * Locks:	those of its SELECTs, and of reco_lexicon_teach.
 * Never:	teach a word that stands for a name only, or one that is not wanted.
 *
 *-------------------------------------------------------------------------
 */
#include "keeper_model.h"

#include "catalogue/lexicon.h"
#include "catalogue/names.h"
#include "catalogue/text.h"
#include "pipeline/model_answer.h"
#include "pipeline/model_ask.h"
#include "source/remote.h"

#define SURE			0.3f	/* answers of less confidence teach nothing */
#define CLEAR			0.6f	/* clearness from which a word needs no model */
#define LESSON_WEIGHT	0.5f	/* of a model's targets, below those of all others */
#define MOST_LESSONS	500		/* of one call */
#define SHORTEST		3		/* letters of a word that is learned */
#define LONGEST			40

typedef struct Lessons
{
	int			n;
	RecoLesson	lessons[MOST_LESSONS];
} Lessons;

static void read_answer(const RecoKeeperAnswer *told, Lessons *lessons);
static void add_lessons(const char *words, const RecoModelAnswer *answer,
						Lessons *lessons);
static bool is_word(const RecoMood *mood, const RecoPhrase *phrase);
static bool is_named(const RecoTextTools *tools, const char *stem,
					 const RecoModelAnswer *answer);
static bool is_known(const RecoPhrase *phrase, const RecoLexiconTerm *terms, int nterms,
					 bool *clear);
static void add_lesson(const char *stem, const RecoModelAnswer *answer, Lessons *lessons);

/* Learns from some answers. */
bool
reco_keeper_learn(RecoKeeperAnswer *const *answers, int nanswers)
{
	Lessons    *lessons = palloc0(sizeof(Lessons));

	for (int i = 0; i < nanswers; i++)
		read_answer(answers[i], lessons);
	return lessons->n == 0 || reco_lexicon_teach(lessons->lessons, lessons->n);
}

/* Reads an answer, if it is one to a question of ours. */
static void
read_answer(const RecoKeeperAnswer *told, Lessons *lessons)
{
	RecoModelAnswer *answer = palloc(sizeof(RecoModelAnswer));
	RecoBuffer	words = {0};
	char	   *own = NULL;
	const char *why;

	if (reco_model_asked(told->key, &words) && words.data != NULL)
		own = reco_remote_text(words.data);
	reco_buffer_free(&words, false);
	if (own != NULL && reco_model_read(told->value, told->len, answer, &why) &&
		answer->confidence >= SURE)
		add_lessons(own, answer, lessons);
	pfree(answer);
}

static char *
join_stems(const char *a, const char *b)
{
	return psprintf("%s %s", a, b);
}

/* Teaches the words of one prompt. */
static void
add_lessons(const char *words, const RecoModelAnswer *answer, Lessons *lessons)
{
	RecoMood   *mood = palloc0(sizeof(RecoMood));
	const char *stems[RECO_MOOD_MAXPHRASES + 1];
	RecoTextTools tools;
	RecoLexiconTerm *terms;
	int			nterms;

	reco_text_open(&tools);
	reco_mood_read(reco_text_words(&tools, words, RECO_MOOD_MAXWORDS), mood, join_stems);
	for (int i = 0; i < mood->nphrases; i++)
		stems[i] = mood->phrases[i].stem;
	stems[mood->nphrases] = RECO_LEXICON_BACKGROUND;
	terms = reco_lexicon_lookup(stems, mood->nphrases + 1, &nterms);
	for (int i = 0; i < mood->nphrases; i++)
	{
		const RecoPhrase *phrase = &mood->phrases[i];
		bool		clear = false;
		int			nnames = 0;

		if (!is_word(mood, phrase) || is_named(&tools, phrase->stem, answer))
			continue;
		if (!is_known(phrase, terms, nterms, &clear))
			(void) reco_names_artists(mood->words->words[phrase->word].fold, true, 1,
									  &nnames);
		if (!clear && nnames == 0)
			add_lesson(phrase->stem, answer, lessons);
	}
}

/* Is it one word, wanted, of letters, and no part of what may be a name? */
static bool
is_word(const RecoMood *mood, const RecoPhrase *phrase)
{
	size_t		len = strlen(phrase->stem);

	if (phrase->nwords != 1 || phrase->negated || len < SHORTEST || len > LONGEST ||
		strpbrk(phrase->stem, "0123456789 ") != NULL)
		return false;
	for (int m = 0; m < mood->nmentions; m++)
		if (phrase->word >= mood->mentions[m].word &&
			phrase->word < mood->mentions[m].word + mood->mentions[m].nwords)
			return false;
	return true;
}

/* Does a name hold a word? */
static bool
holds(const RecoTextTools *tools, const char *name, const char *stem)
{
	const RecoWords *words =
		reco_text_words(tools, reco_remote_text(name), RECO_MOOD_MAXWORDS);

	for (int i = 0; i < words->nwords; i++)
		if (words->words[i].stem != NULL && strcmp(words->words[i].stem, stem) == 0)
			return true;
	return false;
}

/* Does the model say that a word is one of a name that the prompt names? */
static bool
is_named(const RecoTextTools *tools, const char *stem, const RecoModelAnswer *answer)
{
	for (int i = 0; i < answer->nnamed; i++)
		if (holds(tools, answer->named[i], stem))
			return true;
	for (int i = 0; i < answer->ntracks; i++)
		if (holds(tools, answer->tracks[i].title, stem) ||
			holds(tools, answer->tracks[i].artist, stem))
			return true;
	return false;
}

/*
 * Does the lexicon know a word by itself? 'clear' says whether it does so well that no
 * model is needed for it.
 */
static bool
is_known(const RecoPhrase *phrase, const RecoLexiconTerm *terms, int nterms, bool *clear)
{
	RecoBackground background = reco_fit_typical;
	bool		known = false;

	for (int t = 0; t < nterms; t++)
		for (int f = 0;
			 f < RECO_NCOLUMNS && strcmp(terms[t].stem, RECO_LEXICON_BACKGROUND) == 0;
			 f++)
		{
			if (terms[t].targets[f].weight <= 0)
				continue;
			background.mean[f] = terms[t].targets[f].mean;
			background.sd[f] = terms[t].targets[f].sd;
		}
	for (int t = 0; t < nterms; t++)
	{
		RecoMoodEvidence evidence = {.targets = terms[t].targets};

		if (terms[t].answers > 0 || strcmp(terms[t].stem, phrase->stem) != 0)
			continue;
		known = true;
		*clear |= reco_mood_clearness(&evidence, &background) >= CLEAR;
	}
	return known;
}

static void
add_lesson(const char *stem, const RecoModelAnswer *answer, Lessons *lessons)
{
	RecoLesson *lesson;
	bool		says = false;

	if (lessons->n == MOST_LESSONS)
		return;
	lesson = &lessons->lessons[lessons->n];
	lesson->stem = stem;
	lesson->answers = 1;
	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		lesson->targets[f] = answer->targets[f];
		lesson->targets[f].weight *= LESSON_WEIGHT;
		says |= lesson->targets[f].weight > 0;
	}
	lessons->n += says;
}
