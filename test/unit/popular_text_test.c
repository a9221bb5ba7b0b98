/*-------------------------------------------------------------------------
 *
 * popular_text_test.c
 *	  Tests of the text of a popular mood's candidates.
 *
 * Purpose: all of it comes back as it was; a text that was cut, or in which something was
 *			changed, is refused or within the bounds that a fit relies on.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	know how a field is written.
 *
 *-------------------------------------------------------------------------
 */
/* links: server */
/* sources: src/features.c src/pipeline/popular_text.c src/source/memo_line.c */
#include "popular_promises.h"

#include "tap.h"

#define NWORDS		3
#define NSEEDS		2
#define NCANDIDATES	5

static RecoWord words[NWORDS] = {
	{.written = "Calm,", .fold = "calm", .stem = "calm"},
	{.written = "\tand\\", .fold = "and", .stem = NULL},
	{.written = "relaxing\n", .fold = "relaxing", .stem = "relax"},
};
static RecoWords of_mood = {.words = words, .nwords = NWORDS};
static const char *artists[] = {"a:1", "a:\t2"};
static const char *genres[] = {"soft rock", "", "caf\xc3\xa9"};
static RecoTrack tracks[NSEEDS + NCANDIDATES];
static RecoTrack *seeds[NSEEDS];
static RecoCandidate candidates[NCANDIDATES];
static RecoBackground background;
static RecoRun run;

/* A run with something in all that is written. */
static void
make_run(void)
{
	for (int i = 0; i < NSEEDS + NCANDIDATES; i++)
	{
		static char ids[NSEEDS + NCANDIDATES][16];
		RecoTrack  *track = &tracks[i];

		snprintf(ids[i], sizeof(ids[i]), "t:%d", i);
		track->track_id = ids[i];
		track->artist_id = artists[i % 2];
		track->title = i % 2 ? "a title" : "another \"title\"\\";
		track->artist = "somebody";
		track->album = i % 3 ? NULL : "an album";
		track->has_facts = true;
		track->key = i - 1;
		track->missing = i % 2 ? 1 << RECO_TEMPO : 0;
		track->facets = (uint16) i;
		track->dup_key = PG_INT64_MIN + i;
		track->nartist_ids = 2;
		track->artist_ids = artists;
		track->ngenres = 3;
		track->genres = genres;
		for (int f = 0; f < RECO_NCOLUMNS; f++)
			track->values[f] = (float) tap_unit();
	}
	for (int i = 0; i < NSEEDS; i++)
		seeds[i] = &tracks[i];
	for (int i = 0; i < NCANDIDATES; i++)
	{
		candidates[i].track = &tracks[NSEEDS + i];
		candidates[i].track->genre_match = 0.1f * i;
		candidates[i].track->text_match = 1.0f / 3;
		candidates[i].ranks[i % RECO_NSTRATEGIES] = i + 1;
	}
	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		run.fit.targets[f] = (RecoTarget){(float) tap_unit(), 1.0f / 3, 0.5f};
		run.mood.targets[f] = (RecoTarget){(float) tap_unit(), 0.1f, 1};
		run.mood.speaker[f] = f % (NWORDS + 1) - 1;
		background.mean[f] = (float) tap_unit();
		background.sd[f] = 1;
	}
	run.run_id = PG_INT64_MAX;
	run.started = 815;
	run.ranking.background = &background;
	run.ranking.has_labels = true;
	run.fit.forbid = 0xFFFF;
	run.fit.min_popularity = run.fit.max_popularity = -1;
	run.era_from = 1990;
	run.era_to = 1999;
	run.mood.words = &of_mood;
	run.mood.refined = true;
	run.mood.emotion = RECO_EMOTION_NEGATIVE;
	run.mood.energy_level = RECO_LEVEL_HIGH;
	run.mood.confidence = 0.7f;
	run.mood.ngenres = 1;
	strlcpy(run.mood.genres[0].name, "ambient", RECO_MOOD_GENRESIZE);
	run.mood.nphrases = 2;
	run.mood.phrases[0].stem = "calm";
	run.mood.phrases[0].nwords = 1;
	run.mood.phrases[0].understood = true;
	run.mood.phrases[1].stem = "and relax";
	run.mood.phrases[1].word = 1;
	run.mood.phrases[1].nwords = 2;
	run.mood.phrases[1].negated = true;
	run.nseeds = NSEEDS;
	run.seeds = seeds;
	run.ncandidates = NCANDIDATES;
	run.candidates = candidates;
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
same_track(const RecoTrack *a, const RecoTrack *b)
{
	bool		same = same_text(a->track_id, b->track_id) &&
		same_text(a->artist_id, b->artist_id) && same_text(a->title, b->title) &&
		same_text(a->artist, b->artist) && same_text(a->album, b->album) &&
		memcmp(a->values, b->values, sizeof(a->values)) == 0 &&
		a->missing == b->missing && a->key == b->key && a->facets == b->facets &&
		a->dup_key == b->dup_key && a->genre_match == b->genre_match &&
		a->text_match == b->text_match && a->has_facts && b->has_facts &&
		a->nartist_ids == b->nartist_ids && a->ngenres == b->ngenres;

	for (int i = 0; same && i < a->nartist_ids; i++)
		same = same_text(a->artist_ids[i], b->artist_ids[i]);
	for (int i = 0; same && i < a->ngenres; i++)
		same = same_text(a->genres[i], b->genres[i]);
	return same;
}

static void
test_round(void)
{
	char	   *text = reco_popular_write(&run, "Calm,\tand relaxing");
	RecoPopular *popular = reco_popular_read(text);
	bool		same = true;

	ok(popular != NULL, "what is written can be read");
	if (popular == NULL)
		return;
	ok(strcmp(popular->prompt, "Calm,\tand relaxing") == 0 &&
		   popular->run_id == PG_INT64_MAX && popular->made_at == 815,
	   "the prompt, the run and its time");
	ok(popular->has_labels && !popular->has_words && popular->era_from == 1990 &&
		   popular->era_to == 1999,
	   "flags and years");
	ok(memcmp(popular->fit.targets, run.fit.targets, sizeof(run.fit.targets)) == 0 &&
		   popular->fit.forbid == 0xFFFF && popular->fit.min_popularity == -1 &&
		   memcmp(&popular->background, &background, sizeof(background)) == 0,
	   "what is asked for, to the last bit");
	for (int i = 0; i < NWORDS; i++)
		same &= same_text(popular->mood.words->words[i].written, words[i].written) &&
			same_text(popular->mood.words->words[i].fold, words[i].fold) &&
			same_text(popular->mood.words->words[i].stem, words[i].stem);
	ok(popular->mood.words->nwords == NWORDS && same, "the words");
	ok(popular->mood.refined && !popular->mood.learned &&
		   popular->mood.emotion == RECO_EMOTION_NEGATIVE &&
		   popular->mood.energy_level == RECO_LEVEL_HIGH &&
		   memcmp(popular->mood.speaker, run.mood.speaker, sizeof(run.mood.speaker)) == 0,
	   "the mood");
	ok(popular->mood.nphrases == 2 && popular->mood.phrases[1].negated &&
		   popular->mood.phrases[0].understood && popular->mood.phrases[1].nwords == 2 &&
		   strcmp(popular->mood.genres[0].name, "ambient") == 0,
	   "its phrases and genres");
	same = popular->nseeds == NSEEDS && popular->ncandidates == NCANDIDATES;
	for (int i = 0; same && i < NSEEDS; i++)
		same = same_track(popular->seeds[i], seeds[i]);
	for (int i = 0; same && i < NCANDIDATES; i++)
		same = same_track(popular->candidates[i].track, candidates[i].track) &&
			memcmp(popular->candidates[i].ranks, candidates[i].ranks,
				   sizeof(candidates[i].ranks)) == 0;
	ok(same, "seeds and candidates");
	ok(broken_promise(popular) == NULL, "all promises hold");
	ok(strcmp(reco_popular_write(run_of(popular), popular->prompt), text) == 0,
	   "written again, it is the same text");

	tracks[NSEEDS].title = NULL;
	popular = reco_popular_read(reco_popular_write(&run, "x"));
	ok(popular != NULL && popular->ncandidates == NCANDIDATES - 1,
	   "a track that nobody knows the title of is left out");
	tracks[NSEEDS].title = "again";
}

/* Whatever is read of a text that is none of ours keeps the promises. */
static void
test_damage(void)
{
	char	   *text = pstrdup(reco_popular_write(&run, "mood"));
	int			size = (int) strlen(text);
	const char *broken = NULL;
	int			taken = 0;
	int			refused = 0;

	ok(reco_popular_read("") == NULL && reco_popular_read("popular 0\tx\t") == NULL &&
		   reco_popular_read("\n\n\n\n\n\n") == NULL,
	   "what is no such text is refused");
	for (int i = 0; i < 20000 + size; i++)
	{
		char	   *damaged = pstrdup(text);
		RecoPopular *popular;

		if (i < size)
			damaged[i] = '\0';
		else
			for (int n = tap_draw() % 3; n >= 0; n--)
			{
				static const char likely[] = "\t\n\\-0123456789AZaz+";
				int			at = tap_draw() % size;

				damaged[at] = tap_draw() % 4 ? likely[tap_draw() % (sizeof(likely) - 1)]
											 : (char) (1 + tap_draw() % 255);
			}
		popular = reco_popular_read(damaged);
		*(popular == NULL ? &refused : &taken) += 1;
		if (popular != NULL && broken == NULL)
			broken = broken_promise(popular);
		if (popular != NULL && i < size && popular->ncandidates > NCANDIDATES)
			broken = "a text that was cut has no more than it had";
		pfree(damaged);
	}
	ok(broken == NULL, "a promise holds of whatever is read%s%s", broken ? ": " : "",
	   broken ? broken : "");
	ok(taken > 100 && refused > 100, "of damaged texts many are refused, and many are not");
}

int
main(void)
{
	make_run();
	test_round();
	test_damage();
	test_reset();
	return tap_done();
}
