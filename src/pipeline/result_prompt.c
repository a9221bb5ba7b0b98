/*-------------------------------------------------------------------------
 *
 * result_prompt.c
 *	  Reading a prompt for its key.
 *
 * Purpose: see result_prompt.h.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of its SELECTs.
 * Never:	call a name nobody's that a run would look for elsewhere.
 *
 * What a name comes to is decided here as mentions.c decides it: the longest exact
 * name of an artist. What that leaves open is left as it is written, and costs no more
 * than a result that could have been shared.
 *
 *-------------------------------------------------------------------------
 */
#include "result_prompt.h"

#include "catalogue/lexicon.h"
#include "catalogue/names.h"
#include "catalogue/text.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "source/server.h"

#define NAME_PREFIXES	4		/* of a guess at a name; as in mentions.c */

static void know_pairs(RecoMood *mood);
static void know_name(RecoResultReading *reading, int m, bool live);

static char *
join_stems(const char *a, const char *b)
{
	return psprintf("%s %s", a, b);
}

/* Reads a prompt. */
RecoResultReading *
reco_result_read(const char *prompt)
{
	RecoResultReading *reading = palloc0(sizeof(RecoResultReading));
	RecoMood   *mood = &reading->mood;
	RecoTextTools tools;
	bool		live;

	reco_text_open(&tools);
	reco_mood_read(reco_text_words(&tools, prompt, RECO_MOOD_MAXWORDS), mood, join_stems);
	know_pairs(mood);
	if (mood->nmentions == 0)
		return reading;
	live = reco_server_pick(reco_server_list(GetUserId()), RECO_OP_SEARCH) != NULL;
	for (int m = 0; m < mood->nmentions; m++)
		know_name(reading, m, live);
	return reading;
}

/* Notes which two words the lexicon knows together. */
static void
know_pairs(RecoMood *mood)
{
	const char *stems[RECO_MOOD_MAXPHRASES];
	RecoLexiconTerm *terms;
	int			nstems = 0;
	int			nterms;

	for (int i = 0; i < mood->nphrases; i++)
		if (mood->phrases[i].nwords > 1)
			stems[nstems++] = mood->phrases[i].stem;
	if (nstems == 0)
		return;
	terms = reco_lexicon_lookup(stems, nstems, &nterms);
	for (int i = 0; i < mood->nphrases; i++)
		for (int t = 0; t < nterms && mood->phrases[i].nwords > 1; t++)
			if (strcmp(terms[t].stem, mood->phrases[i].stem) == 0)
				mood->phrases[i].understood = true;
}

/* Does the mention before look for a track by whom this one names? */
static bool
is_author(const RecoMood *mood, int m)
{
	const RecoMention *before = m > 0 ? &mood->mentions[m - 1] : NULL;

	return before != NULL && before->kind != RECO_MENTION_GUESS &&
		before->word + before->nwords + 1 == mood->mentions[m].word;
}

/*
 * Is a run of words, as written, exactly the name of an artist here? One whom only
 * services told of is none: a list is found again when its own run brought him.
 */
static bool
is_artist(const RecoMood *mood, int word, int nwords, bool *learned)
{
	StringInfoData name;
	bool		known;
	bool		told;

	initStringInfo(&name);
	for (int i = word; i < word + nwords; i++)
		if (mood->words->words[i].written[0] != '\0')
			appendStringInfo(&name, "%s%s", name.len > 0 ? " " : "",
							 mood->words->words[i].written);
	known = reco_names_is_artist(name.data, &told);
	*learned = *learned || (known && told);
	return known && !told;
}

/* Is a mention still told from others by its stems, if not from "Rain and Sun"? */
static bool
has_stems(const RecoMood *mood, const RecoMention *mention)
{
	const RecoWord *words = &mood->words->words[mention->word];

	return words[0].stem != NULL && words[mention->nwords - 1].stem != NULL;
}

/*
 * Notes what is known of a mention. Quotes may be around a title, and who wrote a track
 * is part of looking for it: those stay as they are. A guess is nobody only where
 * nobody else is asked, and where its words tell it from other names.
 */
static void
know_name(RecoResultReading *reading, int m, bool live)
{
	const RecoMood *mood = &reading->mood;
	RecoMention *mention = &reading->mood.mentions[m];
	bool		guess = mention->kind == RECO_MENTION_GUESS;
	int			least = mention->nwords;
	bool		learned = false;

	if (mood->words->words[mention->word].quote > 0 || is_author(mood, m))
		return;
	if (guess && !live)
		least = Max(mention->nwords - NAME_PREFIXES + 1, Min(mention->nwords, 2));
	for (int n = mention->nwords; n >= least && n > 0; n--)
	{
		if (!is_artist(mood, mention->word, n, &learned))
			continue;
		reading->names[m] = RECO_RESULT_ARTIST;
		mention->nwords = n;
		return;
	}
	if (guess && !live && !learned && has_stems(mood, mention))
		reading->names[m] = RECO_RESULT_NOBODY;
}
