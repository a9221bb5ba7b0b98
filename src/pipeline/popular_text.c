/*-------------------------------------------------------------------------
 *
 * popular_text.c
 *	  The candidates of a popular mood, as text.
 *
 * Purpose: see popular_text.h. Lines of fields, as a memo has them (source/memo_line.h):
 *			the head, the words, a line for each phrase, and for each track.
 * Runs in: any process with a database.
 * Locks:	none.
 * Never:	trust the text: it may come from a table that somebody edited.
 *
 *-------------------------------------------------------------------------
 */
#include "popular_text.h"

#include "lib/stringinfo.h"
#include "source/memo_line.h"
#include "utils/memutils.h"

#define VERSION		"popular 1"
#define NFLOATS		(3 * RECO_NCOLUMNS) /* of as many targets */

#define UNDERSTOOD	1			/* flags of a phrase */
#define NEGATED		2
#define GENRE		4

#define LEARNED		1			/* flags of a mood */
#define REFINED		2
#define RULED_OUT	4
#define HAS_WORDS	8
#define HAS_LABELS	16

static void put_targets(StringInfo text, const RecoTarget *targets);
static void put_head(StringInfo text, const RecoRun *run, const char *prompt);
static void put_mood(StringInfo text, const RecoMood *mood);
static int	count_tracks(RecoTrack *const *tracks, int n);
static bool is_whole(const RecoTrack *track);
static char *next_line(char **text);
static bool read_head(char *line, RecoPopular *popular, int *flags);
static bool read_fit(char *line, RecoPopular *popular);
static bool read_mood(char **text, RecoMood *mood, int flags);
static bool read_tracks(char **text, RecoPopular *popular);
static void sort_hashes(RecoPopular *popular);

/* Writes what a run found. */
char *
reco_popular_write(const RecoRun *run, const char *prompt)
{
	StringInfoData text;
	int			n = 0;

	initStringInfo(&text);
	put_head(&text, run, prompt);
	put_targets(&text, run->fit.targets);
	reco_memo_put_floats(&text, run->ranking.background->mean, RECO_NCOLUMNS);
	reco_memo_put_floats(&text, run->ranking.background->sd, RECO_NCOLUMNS);
	reco_memo_put_number(&text, run->fit.forbid);
	reco_memo_put_number(&text, run->fit.era_from);
	reco_memo_put_number(&text, run->fit.era_to);
	reco_memo_put_number(&text, run->fit.min_popularity);
	reco_memo_put_number(&text, run->fit.max_popularity);
	appendStringInfoChar(&text, '\n');
	put_mood(&text, &run->mood);
	reco_memo_put_number(&text, count_tracks(run->seeds, run->nseeds));
	appendStringInfoChar(&text, '\n');
	for (int i = 0; i < run->nseeds; i++)
		if (is_whole(run->seeds[i]))
		{
			reco_memo_put_track(&text, run->seeds[i]);
			appendStringInfoChar(&text, '\n');
		}
	for (int i = 0; i < run->ncandidates && n < RECO_POPULAR_MOST; i++)
	{
		const RecoCandidate *candidate = &run->candidates[i];
		float matches[2] = {candidate->track->genre_match, candidate->track->text_match};

		if (!is_whole(candidate->track))
			continue;
		n++;
		for (int s = 0; s < RECO_NSTRATEGIES; s++)
			reco_memo_put_number(&text, candidate->ranks[s]);
		reco_memo_put_floats(&text, matches, 2);
		reco_memo_put_track(&text, candidate->track);
		appendStringInfoChar(&text, '\n');
	}
	return text.data;
}

/* Can a track be listed, as far as its facts go? */
static bool
is_whole(const RecoTrack *track)
{
	return track->has_facts && track->title != NULL && track->artist != NULL &&
		track->artist_id != NULL;
}

static int
count_tracks(RecoTrack *const *tracks, int n)
{
	int			whole = 0;

	for (int i = 0; i < n; i++)
		whole += is_whole(tracks[i]);
	return whole;
}

static void
put_head(StringInfo text, const RecoRun *run, const char *prompt)
{
	const RecoMood *mood = &run->mood;
	int			flags = (mood->learned ? LEARNED : 0) | (mood->refined ? REFINED : 0) |
		(mood->years_ruled_out ? RULED_OUT : 0) | (run->has_words ? HAS_WORDS : 0) |
		(run->ranking.has_labels ? HAS_LABELS : 0);

	reco_memo_put(text, VERSION);
	reco_memo_put(text, prompt);
	reco_memo_put_number(text, run->run_id);
	reco_memo_put_number(text, run->started);
	reco_memo_put_number(text, run->era_from);
	reco_memo_put_number(text, run->era_to);
	reco_memo_put_number(text, flags);
	appendStringInfoChar(text, '\n');
}

static void
put_targets(StringInfo text, const RecoTarget *targets)
{
	float		values[NFLOATS];

	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		values[3 * f] = targets[f].mean;
		values[3 * f + 1] = targets[f].sd;
		values[3 * f + 2] = targets[f].weight;
	}
	reco_memo_put_floats(text, values, NFLOATS);
}

/* Writes what is told of a mood. */
static void
put_mood(StringInfo text, const RecoMood *mood)
{
	put_targets(text, mood->targets);
	for (int f = 0; f < RECO_NCOLUMNS; f++)
		reco_memo_put_number(text, mood->speaker[f]);
	reco_memo_put_number(text, mood->asked);
	reco_memo_put_number(text, mood->excluded);
	reco_memo_put_number(text, mood->era_from);
	reco_memo_put_number(text, mood->era_to);
	reco_memo_put_number(text, mood->emotion);
	reco_memo_put_number(text, mood->energy_level);
	reco_memo_put_floats(text, &mood->confidence, 1);
	reco_memo_put_number(text, mood->words->nwords);
	reco_memo_put_number(text, mood->nphrases);
	reco_memo_put_number(text, mood->ngenres);
	for (int i = 0; i < mood->words->nwords; i++)
	{
		reco_memo_put(text, mood->words->words[i].written);
		reco_memo_put(text, mood->words->words[i].fold);
		reco_memo_put(text, mood->words->words[i].stem);
	}
	for (int i = 0; i < mood->ngenres; i++)
		reco_memo_put(text, mood->genres[i].name);
	appendStringInfoChar(text, '\n');
	for (int i = 0; i < mood->nphrases; i++)
	{
		const RecoPhrase *phrase = &mood->phrases[i];
		float		numbers[3] = {phrase->degree, phrase->tightness, phrase->weight};

		reco_memo_put(text, phrase->stem);
		reco_memo_put_number(text, phrase->word);
		reco_memo_put_number(text, phrase->nwords);
		reco_memo_put_number(text, phrase->tracks);
		reco_memo_put_number(text,
							 (phrase->understood ? UNDERSTOOD : 0) |
								 (phrase->negated ? NEGATED : 0) |
								 (phrase->genre ? GENRE : 0));
		reco_memo_put_floats(text, numbers, 3);
		appendStringInfoChar(text, '\n');
	}
}

/* Reads what was written. */
RecoPopular *
reco_popular_read(const char *text)
{
	RecoPopular *popular = palloc0(sizeof(RecoPopular));
	char	   *at = pstrdup(text);
	int			flags;

	if (!read_head(next_line(&at), popular, &flags) ||
		!read_fit(next_line(&at), popular) || !read_mood(&at, &popular->mood, flags) ||
		!read_tracks(&at, popular))
		return NULL;
	popular->has_words = (flags & HAS_WORDS) != 0;
	popular->has_labels = (flags & HAS_LABELS) != 0;
	return popular;
}

/* Cuts the next line off; an empty one where there is none. */
static char *
next_line(char **text)
{
	char	   *line = *text;
	char	   *end = strchr(line, '\n');

	if (end == NULL)
		*text = line + strlen(line);
	else
	{
		*end = '\0';
		*text = end + 1;
	}
	return line;
}

static bool
read_head(char *line, RecoPopular *popular, int *flags)
{
	char	   *version = reco_memo_next(&line);

	if (version == NULL || strcmp(version, VERSION) != 0)
		return false;
	popular->prompt = reco_memo_next(&line);
	return popular->prompt != NULL && reco_memo_next_number(&line, &popular->run_id) &&
		reco_memo_next_number(&line, &popular->made_at) &&
		reco_memo_next_int(&line, &popular->era_from) &&
		reco_memo_next_int(&line, &popular->era_to) && reco_memo_next_int(&line, flags);
}

static bool
read_targets(char **line, RecoTarget *targets)
{
	float		values[NFLOATS];

	if (!reco_memo_next_floats(line, values, NFLOATS))
		return false;
	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		targets[f].mean = values[3 * f];
		targets[f].sd = values[3 * f + 1];
		targets[f].weight = values[3 * f + 2];
	}
	return true;
}

static bool
read_fit(char *line, RecoPopular *popular)
{
	RecoFit    *fit = &popular->fit;
	int			forbid;

	if (!read_targets(&line, fit->targets) ||
		!reco_memo_next_floats(&line, popular->background.mean, RECO_NCOLUMNS) ||
		!reco_memo_next_floats(&line, popular->background.sd, RECO_NCOLUMNS) ||
		!reco_memo_next_int(&line, &forbid) ||
		!reco_memo_next_int(&line, &fit->era_from) ||
		!reco_memo_next_int(&line, &fit->era_to) ||
		!reco_memo_next_int(&line, &fit->min_popularity) ||
		!reco_memo_next_int(&line, &fit->max_popularity))
		return false;
	fit->forbid = (uint16) forbid;
	return true;
}

/* Reads the words of a mood. */
static bool
read_words(char **line, int nwords, RecoMood *mood)
{
	RecoWords  *words = palloc0(sizeof(RecoWords));

	words->words = palloc0(sizeof(RecoWord) * Max(nwords, 1));
	words->nwords = nwords;
	for (int i = 0; i < nwords; i++)
	{
		words->words[i].written = reco_memo_next(line);
		words->words[i].fold = reco_memo_next(line);
		words->words[i].stem = reco_memo_next(line);
		if (words->words[i].written == NULL || words->words[i].fold == NULL)
			return false;
	}
	mood->words = words;
	return true;
}

static bool
read_phrase(char *line, RecoMood *mood, RecoPhrase *phrase)
{
	float		numbers[3];
	int			flags;

	phrase->stem = reco_memo_next(&line);
	if (phrase->stem == NULL || !reco_memo_next_int(&line, &phrase->word) ||
		!reco_memo_next_int(&line, &phrase->nwords) ||
		!reco_memo_next_int(&line, &phrase->tracks) ||
		!reco_memo_next_int(&line, &flags) || !reco_memo_next_floats(&line, numbers, 3))
		return false;
	phrase->degree = numbers[0];
	phrase->tightness = numbers[1];
	phrase->weight = numbers[2];
	phrase->understood = (flags & UNDERSTOOD) != 0;
	phrase->negated = (flags & NEGATED) != 0;
	phrase->genre = (flags & GENRE) != 0;
	return phrase->word >= 0 && phrase->nwords > 0 &&
		phrase->word < mood->words->nwords &&
		phrase->nwords <= mood->words->nwords - phrase->word;
}

/* Reads what is told of a mood; where words stand is inside of what words there are. */
static bool
read_mood(char **text, RecoMood *mood, int flags)
{
	char	   *line = next_line(text);
	int			numbers[9] = {0};
	int			nwords;

	if (!read_targets(&line, mood->targets))
		return false;
	for (int f = 0; f < RECO_NCOLUMNS; f++)
		if (!reco_memo_next_int(&line, &mood->speaker[f]))
			return false;
	for (int i = 0; i < 6; i++)
		if (!reco_memo_next_int(&line, &numbers[i]))
			return false;
	if (!reco_memo_next_floats(&line, &mood->confidence, 1))
		return false;
	for (int i = 6; i < 9; i++)
		if (!reco_memo_next_int(&line, &numbers[i]))
			return false;
	mood->asked = (uint16) numbers[0];
	mood->excluded = (uint16) numbers[1];
	mood->era_from = numbers[2];
	mood->era_to = numbers[3];
	mood->emotion = numbers[4] == RECO_EMOTION_POSITIVE ? RECO_EMOTION_POSITIVE
		: numbers[4] == RECO_EMOTION_NEGATIVE		   ? RECO_EMOTION_NEGATIVE
														: RECO_EMOTION_NEUTRAL;
	mood->energy_level = numbers[5] == RECO_LEVEL_LOW ? RECO_LEVEL_LOW
		: numbers[5] == RECO_LEVEL_HIGH				  ? RECO_LEVEL_HIGH
													  : RECO_LEVEL_MEDIUM;
	mood->learned = (flags & LEARNED) != 0;
	mood->refined = (flags & REFINED) != 0;
	mood->years_ruled_out = (flags & RULED_OUT) != 0;
	nwords = numbers[6];
	if (nwords < 0 || nwords > RECO_MOOD_MAXWORDS || numbers[7] < 0 ||
		numbers[7] > RECO_MOOD_MAXPHRASES || numbers[8] < 0 ||
		numbers[8] > RECO_MOOD_MAXGENRES || !read_words(&line, nwords, mood))
		return false;
	for (int f = 0; f < RECO_NCOLUMNS; f++)
		if (mood->speaker[f] < -1 || mood->speaker[f] >= nwords)
			return false;
	for (; mood->ngenres < numbers[8]; mood->ngenres++)
	{
		const char *name = reco_memo_next(&line);

		if (name == NULL)
			return false;
		strlcpy(mood->genres[mood->ngenres].name, name, RECO_MOOD_GENRESIZE);
	}
	for (; mood->nphrases < numbers[7]; mood->nphrases++)
		if (!read_phrase(next_line(text), mood, &mood->phrases[mood->nphrases]))
			return false;
	return true;
}

static bool
read_candidate(char *line, RecoCandidate *candidate)
{
	float		matches[2];

	for (int s = 0; s < RECO_NSTRATEGIES; s++)
		if (!reco_memo_next_int(&line, &candidate->ranks[s]))
			return false;
	if (!reco_memo_next_floats(&line, matches, 2))
		return false;
	candidate->track = reco_memo_read_track(&line);
	if (candidate->track == NULL)
		return false;
	candidate->track->genre_match = matches[0];
	candidate->track->text_match = matches[1];
	return true;
}

/* Reads seeds and candidates. */
static bool
read_tracks(char **text, RecoPopular *popular)
{
	char	   *line = next_line(text);
	int			nseeds;

	if (!reco_memo_next_int(&line, &nseeds) || nseeds < 0 || nseeds > RECO_POPULAR_MOST)
		return false;
	popular->seeds = palloc(sizeof(RecoTrack *) * Max(nseeds, 1));
	for (; popular->nseeds < nseeds; popular->nseeds++)
	{
		line = next_line(text);
		popular->seeds[popular->nseeds] = reco_memo_read_track(&line);
		if (popular->seeds[popular->nseeds] == NULL)
			return false;
	}
	popular->candidates = palloc0(sizeof(RecoCandidate) * RECO_POPULAR_MOST);
	while (**text != '\0' && popular->ncandidates < RECO_POPULAR_MOST)
	{
		if (!read_candidate(next_line(text), &popular->candidates[popular->ncandidates]))
			return false;
		popular->ncandidates++;
	}
	sort_hashes(popular);
	return popular->ncandidates > 0;
}

static int
by_number(const void *a, const void *b)
{
	uint64		x = *(const uint64 *) a;
	uint64		y = *(const uint64 *) b;

	return x < y ? -1 : x > y ? 1 : 0;
}

/* So that a listener's history is compared with them in one pass. */
static void
sort_hashes(RecoPopular *popular)
{
	popular->hashes = palloc(sizeof(uint64) * Max(popular->ncandidates, 1));
	for (int i = 0; i < popular->ncandidates; i++)
		popular->hashes[i] = reco_popular_hash(popular->candidates[i].track->track_id);
	qsort(popular->hashes, popular->ncandidates, sizeof(uint64), by_number);
}
