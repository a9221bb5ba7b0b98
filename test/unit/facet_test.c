/*-------------------------------------------------------------------------
 *
 * facet_test.c
 *	  Tests of themes and regions: whole words only, each where it counts.
 *
 * Purpose: show that a facet is found between spaces and never inside a word,
 *			and that titles, labels and prompts have their own lists.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	look at the table inside facet.c.
 *
 *-------------------------------------------------------------------------
 */
#include "catalogue/facet.h"

#include <string.h>

#include "tap.h"

/* The bit of a facet. */
static uint16_t
bit(const char *name)
{
	for (int i = 0; i < RECO_NFACETS; i++)
		if (strcmp(reco_facet_name(i), name) == 0)
			return (uint16_t) (1 << i);
	return 0;
}

static void
test_names(void)
{
	bool		unique = true;

	for (int i = 0; i < RECO_NFACETS; i++)
		unique &= bit(reco_facet_name(i)) == 1 << i;
	ok(unique, "every facet has a name of its own");
	ok((RECO_THEMES & RECO_REGIONS) == 0 && (RECO_THEMES | RECO_REGIONS) == 0xFFFF,
	   "themes and regions share no bit and leave none");
	ok((bit("holiday") | bit("religious") | bit("kids") | bit("comedy") | bit("soundtrack") |
		bit("anthems")) == RECO_THEMES, "the six themes are the themes");
}

static void
test_whole_words(void)
{
	static const char *const innocent[] = {
		"lost", "most", "ghost", "frost", "host", "costume", "skids", "kidsing", "musicality",
		"scored", "churchill", "noelle", "adventure", "afros", "raise", "latinum", "germane",
		"filmed", "babylon", "bossa", "stand", "xmasx", "christmastime", "", " "
	};

	for (size_t i = 0; i < sizeof(innocent) / sizeof(innocent[0]); i++)
		ok(reco_facet_of_label(innocent[i]) == 0 &&
			   reco_facet_of_prompt(innocent[i]) == 0,
		   "\"%s\" names no theme or region", innocent[i]);
	ok(reco_facet_of_label("ost") == bit("soundtrack"), "\"ost\" alone is a soundtrack");
	ok(reco_facet_of_label("game ost") == bit("soundtrack"), "at the end");
	ok(reco_facet_of_label("ost lost") == bit("soundtrack"), "at the beginning");
	ok(reco_facet_of_label("lost ost most") == bit("soundtrack"),
	   "in the middle, behind a word that only ends so");
	ok(reco_facet_of_label("ostost ost") == bit("soundtrack"), "behind its own double");
	ok(reco_facet_of_label("bossa nova") == bit("brazilian"), "two words");
	ok(reco_facet_of_label("bossa nova jazz") == bit("brazilian"), "two words of three");
	ok(reco_facet_of_label("bossa  nova") == 0, "two words that are not next to each other");
}

static void
test_where(void)
{
	ok(reco_facet_of_title("last christmas") == bit("holiday"), "a title's christmas is one");
	ok(reco_facet_of_title("holiday") == 0, "a title's holiday may be a journey");
	ok(reco_facet_of_prompt("holiday songs") == bit("holiday"), "a prompt's holiday is one");
	ok(reco_facet_of_title("take me to church") == 0, "a title's church is a word like others");
	ok(reco_facet_of_prompt("church choirs") == bit("religious"), "a prompt's church asks for it");
	ok(reco_facet_of_title("baby one more time") == 0, "a baby in a title is no child");
	ok(reco_facet_of_label("gospel") == bit("religious"), "gospel as a genre is religious");
	ok(reco_facet_of_title("french kiss") == 0, "a title tells no region");
	ok(reco_facet_of_label("french pop") == bit("french"), "a label does");
	ok(reco_facet_of_label("k pop") == bit("korean") && reco_facet_of_label("pop") == 0,
	   "k pop is korean, pop is not");
	ok(reco_facet_of_label("christmas gospel") == (bit("holiday") | bit("religious")),
	   "two facets of one label");
}

int
main(void)
{
	test_names();
	test_whole_words();
	test_where();
	return tap_done();
}
