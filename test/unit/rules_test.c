/*-------------------------------------------------------------------------
 *
 * rules_test.c
 *	  Tests of the rules: what a delivered list must obey.
 *
 * Purpose: each rule of domain.md section 6 on hand-made tracks; what protects
 *			a track and what does not; caps.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	depend on the order in which rules are looked at, where several apply.
 *
 *-------------------------------------------------------------------------
 */
#include "pipeline/rules.h"

#include <string.h>

#include "tap.h"

static RecoFit fit;
static RecoRules rules;
static int64_t next_key;

static void
begin(int size)
{
	memset(&fit, 0, sizeof(fit));
	memset(&rules, 0, sizeof(rules));
	fit.min_popularity = fit.max_popularity = -1;
	rules.size = size;
	rules.fit = &fit;
	rules.themes = 0x3F;
}

static RecoTrack
track(const char *id, const char *artist)
{
	RecoTrack	result = {.track_id = id, .artist_id = artist, .key = -1};

	result.has_facts = true;
	result.dup_key = (++next_key) * ((INT64_C(1) << 32) + 1);
	result.values[RECO_YEAR] = 1984;
	result.values[RECO_POPULARITY] = 50;
	return result;
}

static RecoRule
judge(RecoTrack *judged, bool protected)
{
	RecoCandidate candidate = {.track = judged, .protected = protected};

	return reco_rules_judge(&rules, &candidate);
}

/* Judges a track and admits it when it may. */
static RecoRule
take(RecoTrack *taken)
{
	RecoCandidate candidate = {.track = taken};
	RecoRule	rule = reco_rules_judge(&rules, &candidate);

	if (rule == RECO_RULE_NONE)
		reco_rules_admit(&rules, &candidate);
	return rule;
}

static void
test_lists(void)
{
	const char *ids[] = {"c", "a", "", "B", "ä"};

	reco_rules_sort(ids, 5);
	ok(reco_rules_listed(ids, 5, "a") && reco_rules_listed(ids, 5, "B") &&
	   reco_rules_listed(ids, 5, "ä") && reco_rules_listed(ids, 5, ""), "what is listed is found");
	ok(!reco_rules_listed(ids, 5, "b") && !reco_rules_listed(ids, 0, "a") &&
	   !reco_rules_listed(NULL, 0, "a") && !reco_rules_listed(ids, 5, NULL),
	   "what is not, is not");
}

static void
test_excluded(void)
{
	const char *negative[] = {"n1", "n2"};
	const char *excluded[] = {"x"};
	const char *recent[] = {"r"};
	const char *guests[] = {"main", "x"};
	RecoTrack	t = track("n2", "a");

	begin(20);
	rules.negative = negative;
	rules.nnegative = 2;
	rules.excluded = excluded;
	rules.nexcluded = 1;
	rules.recent = recent;
	rules.nrecent = 1;
	ok(judge(&t, false) == RECO_RULE_NEGATIVE, "a negative track");
	ok(judge(&t, true) == RECO_RULE_NEGATIVE, "even one that was named");
	t = track("t", "x");
	ok(judge(&t, false) == RECO_RULE_EXCLUDED_ARTIST, "an excluded artist");
	ok(judge(&t, true) == RECO_RULE_EXCLUDED_ARTIST, "even one whose track was named");
	t = track("t", "main");
	t.artist_ids = guests;
	t.nartist_ids = 2;
	ok(judge(&t, false) == RECO_RULE_EXCLUDED_ARTIST, "an excluded guest");
	t = track("r", "a");
	ok(judge(&t, false) == RECO_RULE_REPEAT, "played lately");
	ok(judge(&t, true) == RECO_RULE_NONE, "but named");
	t = track("other", "a");
	ok(judge(&t, false) == RECO_RULE_NONE, "another track");
}

static void
test_facets(void)
{
	RecoTrack	t = track("t", "a");

	begin(20);
	t.facets = 1;
	ok(judge(&t, false) == RECO_RULE_NONE, "a theme that was asked for");
	fit.forbid = 0x3F;
	ok(judge(&t, false) == RECO_RULE_THEME, "a theme that was not");
	ok(judge(&t, true) == RECO_RULE_NONE, "but the track was named");
	t.facets = 1 << 6;
	ok(judge(&t, false) == RECO_RULE_NONE, "any region");
	fit.forbid |= 1 << 6;
	ok(judge(&t, false) == RECO_RULE_REGION, "a region that is not wanted");
}

static void
test_ranges(void)
{
	RecoTrack	t = track("t", "a");
	RecoTrack	unknown = track("u", "b");

	unknown.missing = 0xFFF;
	begin(20);
	ok(judge(&unknown, false) == RECO_RULE_NONE, "unknown year and popularity, none asked for");
	fit.era_from = 1980;
	fit.era_to = 1989;
	ok(judge(&t, false) == RECO_RULE_NONE, "1984 is of the eighties");
	t.values[RECO_YEAR] = 1979;
	ok(judge(&t, false) == RECO_RULE_ERA, "1979 is not");
	t.values[RECO_YEAR] = 1990;
	ok(judge(&t, false) == RECO_RULE_ERA, "nor is 1990");
	t.values[RECO_YEAR] = 1980;
	ok(judge(&t, false) == RECO_RULE_NONE, "1980 is");
	t.values[RECO_YEAR] = 1989;
	ok(judge(&t, false) == RECO_RULE_NONE, "1989 is");
	ok(judge(&unknown, false) == RECO_RULE_ERA, "an unknown year is outside");
	ok(judge(&unknown, true) == RECO_RULE_NONE, "unless it was named");
	fit.era_from = 0;
	t.values[RECO_YEAR] = 1920;
	ok(judge(&t, false) == RECO_RULE_NONE, "until 1989");
	fit.era_from = 1990;
	fit.era_to = 0;
	ok(judge(&t, false) == RECO_RULE_ERA, "since 1990");

	begin(20);
	fit.min_popularity = 50;
	ok(judge(&t, false) == RECO_RULE_NONE, "just popular enough");
	t.values[RECO_POPULARITY] = 49;
	ok(judge(&t, false) == RECO_RULE_POPULARITY, "just not");
	fit.min_popularity = -1;
	fit.max_popularity = 49;
	ok(judge(&t, false) == RECO_RULE_NONE, "just obscure enough");
	t.values[RECO_POPULARITY] = 50;
	ok(judge(&t, false) == RECO_RULE_POPULARITY, "just not");
	fit.max_popularity = 0;
	t.values[RECO_POPULARITY] = 0;
	ok(judge(&t, false) == RECO_RULE_NONE, "a limit of 0 is a limit");
	t.values[RECO_POPULARITY] = 1;
	ok(judge(&t, false) == RECO_RULE_POPULARITY, "that holds");
	ok(judge(&unknown, false) == RECO_RULE_POPULARITY, "unknown popularity is outside");
}

static void
test_duplicates(void)
{
	const char *both[] = {"a", "b"};
	RecoTrack	t[6];

	begin(20);
	for (int i = 0; i < 6; i++)
		t[i] = track((const char *[]) {"t0", "t1", "t2", "t3", "t4", "t5"}[i],
					 (const char *[]) {"a", "b", "c", "d", "e", "f"}[i]);
	t[0].isrc = "US1";
	ok(take(&t[0]) == RECO_RULE_NONE, "the first");
	ok(judge(&t[0], false) == RECO_RULE_DUPLICATE, "the same id");
	ok(judge(&t[0], true) == RECO_RULE_DUPLICATE, "the same id, and named");
	t[1].isrc = "US1";
	ok(judge(&t[1], false) == RECO_RULE_DUPLICATE, "the same ISRC");
	t[1].isrc = "US2";
	ok(judge(&t[1], false) == RECO_RULE_NONE, "another ISRC");
	t[1].isrc = "";
	ok(take(&t[1]) == RECO_RULE_NONE, "an empty ISRC");
	t[2].isrc = "";
	ok(judge(&t[2], false) == RECO_RULE_NONE, "two empty ISRCs are not the same");
	t[3].dup_key = t[0].dup_key;
	ok(judge(&t[3], false) == RECO_RULE_DUPLICATE, "the same title by the same artist");
	t[3].dup_key = (t[0].dup_key & ~INT64_C(0xFFFFFFFF)) | 77;
	ok(judge(&t[3], false) == RECO_RULE_NONE, "the same title by another artist is a cover");
	t[3].artist_ids = both;
	t[3].nartist_ids = 2;
	ok(judge(&t[3], false) == RECO_RULE_DUPLICATE, "the same title, an artist in common");

	/* t[4] is by e and g, t[5] by f and g */
	t[4].artist_ids = (const char *[]) {"e", "g"};
	t[5].artist_ids = (const char *[]) {"f", "g"};
	t[4].nartist_ids = t[5].nartist_ids = 2;
	ok(take(&t[4]) == RECO_RULE_NONE, "a title by two");
	ok(judge(&t[5], false) == RECO_RULE_NONE, "another title by one of them");
	t[5].dup_key = (t[4].dup_key & ~INT64_C(0xFFFFFFFF)) | 78;
	ok(judge(&t[5], false) == RECO_RULE_DUPLICATE, "the same title, the guest in common");
}

static void
test_caps(void)
{
	static const char *const ids[] = {
		"t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "t9", "t10", "t11"
	};
	const char *mentioned[] = {"m", "n"};
	const char *duo[] = {"d1", "d2"};
	RecoTrack	t[12];
	RecoTrack	more = track("more", "m");

	begin(20);
	for (int i = 0; i < 3; i++)
	{
		t[i] = track(ids[i], "a");
		ok(take(&t[i]) == (i < 2 ? RECO_RULE_NONE : RECO_RULE_ARTIST_CAP),
		   "track %d of one artist", i + 1);
	}
	ok(judge(&t[2], true) == RECO_RULE_NONE, "a third one that was named");

	begin(20);
	for (int i = 0; i < 3; i++)
	{
		t[i] = track(ids[i], i == 2 ? "d2" : "d1");
		t[i].artist_ids = duo;
		t[i].nartist_ids = i == 2 ? 0 : 2;
		ok(take(&t[i]) == (i < 2 ? RECO_RULE_NONE : RECO_RULE_ARTIST_CAP),
		   "guests count: track %d", i + 1);
	}
	reco_rules_expel(&rules, 0);
	ok(rules.nadmitted == 1 && take(&t[2]) == RECO_RULE_NONE, "what was taken out makes room");

	begin(10);
	rules.mentioned = mentioned;
	rules.nmentioned = 2;
	for (int i = 0; i < 6; i++)
	{
		t[i] = track(ids[i], i < 3 ? "m" : "n");
		ok(take(&t[i]) == (i < 5 ? RECO_RULE_NONE : RECO_RULE_ARTIST_CAP),
		   "mentioned artists share half of the list: track %d", i + 1);
	}
	reco_rules_expel(&rules, 1);
	ok(take(&more) == RECO_RULE_NONE && take(&t[5]) == RECO_RULE_ARTIST_CAP,
	   "what was taken out makes room for one more");

	begin(1);
	rules.mentioned = mentioned;
	rules.nmentioned = 2;
	ok(take(&t[0]) == RECO_RULE_NONE, "half of one is one");
	begin(3);
	rules.mentioned = mentioned;
	rules.nmentioned = 2;
	ok(take(&t[0]) == RECO_RULE_NONE && take(&t[1]) == RECO_RULE_ARTIST_CAP,
	   "half of three is one");
}

int
main(void)
{
	test_lists();
	test_excluded();
	test_facets();
	test_ranges();
	test_duplicates();
	test_caps();
	return tap_done();
}
