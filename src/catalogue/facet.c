/*-------------------------------------------------------------------------
 *
 * facet.c
 *	  Themes and regions as bits: of a track, and of what a prompt says.
 *
 * Purpose: see facet.h.
 * Runs in: any process; no server call.
 * Locks:	none.
 * Never:	find a theme inside a word: every phrase is matched between spaces.
 *
 *-------------------------------------------------------------------------
 */
#include "facet.h"

#include <stddef.h>
#include <string.h>

/* Where a phrase counts. */
#define IN_TITLE	1			/* enough in a title or album */
#define IN_LABEL	2			/* enough in a genre or tag */
#define IN_PROMPT	4			/* asks for it */
#define ANYWHERE	(IN_TITLE | IN_LABEL | IN_PROMPT)
#define NAMED		(IN_LABEL | IN_PROMPT)

static const char *const names[RECO_NFACETS] = {
	"holiday", "religious", "kids", "comedy", "soundtrack", "anthems",
	"latin", "french", "german", "italian", "brazilian", "korean", "japanese", "indian",
	"african", "arabic"
};

enum
{
	HOLIDAY, RELIGIOUS, KIDS, COMEDY, SOUNDTRACK, ANTHEMS,
	LATIN, FRENCH, GERMAN, ITALIAN, BRAZILIAN, KOREAN, JAPANESE, INDIAN, AFRICAN, ARABIC
};

static const struct
{
	const char *phrase;			/* folded */
	uint8_t		facet;
	uint8_t		where;
}			phrases[] = {
	{"christmas", HOLIDAY, ANYWHERE},
	{"xmas", HOLIDAY, ANYWHERE},
	{"navidad", HOLIDAY, ANYWHERE},
	{"noel", HOLIDAY, NAMED},
	{"weihnachten", HOLIDAY, ANYWHERE},
	{"holiday", HOLIDAY, IN_PROMPT},
	{"holidays", HOLIDAY, IN_PROMPT},
	{"jingle bells", HOLIDAY, IN_TITLE},
	{"santa claus", HOLIDAY, ANYWHERE},
	{"hanukkah", HOLIDAY, ANYWHERE},
	{"halloween", HOLIDAY, ANYWHERE},
	{"jingle bell rock", HOLIDAY, IN_TITLE},
	{"winter wonderland", HOLIDAY, IN_TITLE},
	{"let it snow", HOLIDAY, IN_TITLE},
	{"silent night", HOLIDAY, IN_TITLE},
	{"feliz navidad", HOLIDAY, IN_TITLE},
	{"advent", HOLIDAY, NAMED},

	{"religious", RELIGIOUS, NAMED},
	{"worship", RELIGIOUS, ANYWHERE},
	{"gospel", RELIGIOUS, NAMED},
	{"christian", RELIGIOUS, NAMED},
	{"cristiana", RELIGIOUS, NAMED},
	{"ccm", RELIGIOUS, NAMED},
	{"hymns", RELIGIOUS, ANYWHERE},
	{"hymn", RELIGIOUS, NAMED},
	{"praise", RELIGIOUS, NAMED},
	{"church", RELIGIOUS, IN_PROMPT},
	{"choirs", RELIGIOUS, IN_PROMPT},
	{"spirituals", RELIGIOUS, NAMED},
	{"nasheed", RELIGIOUS, NAMED},

	{"kids", KIDS, NAMED},
	{"children", KIDS, NAMED},
	{"children s music", KIDS, IN_LABEL},
	{"childrens", KIDS, NAMED},
	{"toddler", KIDS, NAMED},
	{"baby", KIDS, IN_PROMPT},
	{"nursery rhymes", KIDS, ANYWHERE},
	{"nursery rhyme", KIDS, ANYWHERE},
	{"nursery", KIDS, NAMED},
	{"lullaby", KIDS, NAMED},
	{"lullabies", KIDS, ANYWHERE},
	{"disney", KIDS, NAMED},
	{"kinderlieder", KIDS, ANYWHERE},

	{"comedy", COMEDY, NAMED},
	{"parody", COMEDY, ANYWHERE},
	{"stand up", COMEDY, NAMED},
	{"funny", COMEDY, IN_PROMPT},
	{"novelty", COMEDY, NAMED},
	{"humor", COMEDY, NAMED},
	{"silly", COMEDY, IN_PROMPT},

	{"soundtrack", SOUNDTRACK, ANYWHERE},
	{"soundtracks", SOUNDTRACK, ANYWHERE},
	{"ost", SOUNDTRACK, NAMED},
	{"film", SOUNDTRACK, IN_PROMPT},
	{"movie", SOUNDTRACK, IN_PROMPT},
	{"score", SOUNDTRACK, NAMED},
	{"show tunes", SOUNDTRACK, NAMED},
	{"musical", SOUNDTRACK, NAMED},
	{"original motion picture", SOUNDTRACK, IN_TITLE},
	{"main theme", SOUNDTRACK, IN_TITLE},
	{"cinematic", SOUNDTRACK, IN_PROMPT},
	{"video game music", SOUNDTRACK, NAMED},

	{"national anthem", ANTHEMS, ANYWHERE},
	{"national anthems", ANTHEMS, ANYWHERE},
	{"anthem", ANTHEMS, IN_PROMPT},
	{"anthems", ANTHEMS, IN_PROMPT},

	{"latin", LATIN, NAMED},
	{"latino", LATIN, NAMED},
	{"latina", LATIN, NAMED},
	{"reggaeton", LATIN, NAMED},
	{"salsa", LATIN, NAMED},
	{"cumbia", LATIN, NAMED},
	{"bachata", LATIN, NAMED},
	{"merengue", LATIN, NAMED},
	{"spanish", LATIN, NAMED},
	{"espanol", LATIN, NAMED},
	{"mexican", LATIN, NAMED},
	{"cuban", LATIN, NAMED},
	{"mariachi", LATIN, NAMED},
	{"tango", LATIN, NAMED},
	{"argentina", LATIN, NAMED},
	{"flamenco", LATIN, NAMED},
	{"french", FRENCH, NAMED},
	{"francais", FRENCH, NAMED},
	{"francaise", FRENCH, NAMED},
	{"chanson", FRENCH, NAMED},
	{"german", GERMAN, NAMED},
	{"deutsch", GERMAN, NAMED},
	{"deutsche", GERMAN, NAMED},
	{"schlager", GERMAN, NAMED},
	{"italian", ITALIAN, NAMED},
	{"italiana", ITALIAN, NAMED},
	{"italiane", ITALIAN, NAMED},
	{"italo", ITALIAN, NAMED},
	{"brazilian", BRAZILIAN, NAMED},
	{"brasil", BRAZILIAN, NAMED},
	{"brazil", BRAZILIAN, NAMED},
	{"bossa nova", BRAZILIAN, NAMED},
	{"samba", BRAZILIAN, NAMED},
	{"mpb", BRAZILIAN, NAMED},
	{"sertanejo", BRAZILIAN, NAMED},
	{"forro", BRAZILIAN, NAMED},
	{"k pop", KOREAN, NAMED},
	{"kpop", KOREAN, NAMED},
	{"korean", KOREAN, NAMED},
	{"k rap", KOREAN, NAMED},
	{"j pop", JAPANESE, NAMED},
	{"jpop", JAPANESE, NAMED},
	{"japanese", JAPANESE, NAMED},
	{"j rock", JAPANESE, NAMED},
	{"city pop", JAPANESE, NAMED},
	{"anime", JAPANESE, NAMED},
	{"japan", JAPANESE, NAMED},
	{"indian", INDIAN, NAMED},
	{"bollywood", INDIAN, NAMED},
	{"hindi", INDIAN, NAMED},
	{"desi", INDIAN, NAMED},
	{"punjabi", INDIAN, NAMED},
	{"tamil", INDIAN, NAMED},
	{"african", AFRICAN, NAMED},
	{"afrobeat", AFRICAN, NAMED},
	{"afrobeats", AFRICAN, NAMED},
	{"highlife", AFRICAN, NAMED},
	{"amapiano", AFRICAN, NAMED},
	{"afro", AFRICAN, NAMED},
	{"arabic", ARABIC, NAMED},
	{"arab", ARABIC, NAMED},
	{"rai", ARABIC, IN_LABEL},
	{"khaleeji", ARABIC, NAMED},
};

/* Tells whether a phrase stands in a folded text as whole words. */
static int
contains(const char *fold, const char *phrase)
{
	size_t		len = strlen(phrase);
	const char *at = fold;

	while ((at = strstr(at, phrase)) != NULL)
	{
		if ((at == fold || at[-1] == ' ') && (at[len] == '\0' || at[len] == ' '))
			return 1;
		at++;
	}
	return 0;
}

static uint16_t
facets(const char *fold, int where)
{
	uint16_t	found = 0;

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
	{
		if ((phrases[i].where & where) && !(found & (1 << phrases[i].facet)) &&
			contains(fold, phrases[i].phrase))
			found |= (uint16_t) (1 << phrases[i].facet);
	}
	return found;
}

const char *
reco_facet_name(int i)
{
	return names[i];
}

uint16_t
reco_facet_of_title(const char *fold)
{
	return facets(fold, IN_TITLE);
}

uint16_t
reco_facet_of_label(const char *fold)
{
	return facets(fold, IN_LABEL);
}

uint16_t
reco_facet_of_prompt(const char *fold)
{
	return facets(fold, IN_PROMPT);
}
