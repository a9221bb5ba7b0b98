/*-------------------------------------------------------------------------
 *
 * demo_titles.c
 *	  Puts the words of made-up titles and names together.
 *
 * Purpose: expand a pattern such as "%n on %p Street".
 * Runs in: backend, inside reco_demo_catalogue().
 * Locks:	none.
 * Never:	cut a word, which would break a multibyte character: what does not fit
 *			is left out whole.
 *
 * The letters of a pattern:
 *	 titles: a adjective, n noun, N nouns, v verb, p street, P person, c city,
 *			 t hour, m month, # number, r numeral, k key, Y year, y its end, T film
 *	 names:	 A adjective, O noun, M nouns, F first, L last, G H first and last from
 *			 Spain to Brazil, I a group there, J K and D B given and family name in
 *			 Japan and Korea
 *	 both:	 z an invented word, Z the same in capitals
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalogue/demo_made.h"

typedef struct Expansion
{
	RecoDemoRng *rng;
	const RecoDemoStyle *style; /* NULL in names */
	RecoDemoStyleName tongue;
	const RecoDemoTitleFacts *facts;	/* NULL in names */
	bool		ascii;
	char	   *text;
	int			length;
} Expansion;

static void expand(Expansion *e, const char *pattern);
static void expand_letter(Expansion *e, char letter);
static void expand_fact(Expansion *e, char letter);
static void append(Expansion *e, const char *word);
static void append_number(Expansion *e, int number);
static void append_plural(Expansion *e, const char *word);
static void append_invented(Expansion *e, bool capitals);
static const char *pick_pattern(Expansion *e);
static const char *pick(Expansion *e, const RecoDemoList *list);
static const char *pick_from(Expansion *e, RecoDemoListName list);
static RecoDemoListName people_of(RecoDemoStyleName tongue);
static RecoDemoListName cities_of(RecoDemoStyleName tongue);
static bool is_ascii(const char *word);

static const char *const numerals[] = {"I", "II", "III", "IV", "V", "VI", "VII"};
static const char *const pitches[] = {"C", "C-sharp", "D", "E-flat", "E", "F",
	"F-sharp", "G", "A-flat", "A", "B-flat", "B"};

/* Makes a title in a style. */
void
reco_demo_title(RecoDemoRng *rng, RecoDemoStyleName style,
				const RecoDemoTitleFacts *facts, char *title)
{
	Expansion	e = {.rng = rng, .tongue = style, .facts = facts, .text = title};

	/* a database that cannot hold the script gets an English title */
	if (facts->ascii && style >= RECO_DEMO_STYLE_JA && style <= RECO_DEMO_STYLE_HI)
		e.tongue = RECO_DEMO_STYLE_CALM_BRIGHT;
	e.ascii = facts->ascii;
	if (e.tongue >= RECO_DEMO_STYLE_ES)
		e.style = &reco_demo_styles_other[e.tongue - RECO_DEMO_STYLE_ES];
	else
		e.style = &reco_demo_styles_english[e.tongue];
	expand(&e, pick_pattern(&e));

	/* some languages keep nouns small: a title still begins with a capital */
	if (style >= RECO_DEMO_STYLE_ES && title[0] >= 'a' && title[0] <= 'z')
		title[0] += 'A' - 'a';
}

/* Makes the name of an artist. */
void
reco_demo_artist_name(RecoDemoRng *rng, RecoDemoNaming naming, bool ascii, char *name)
{
	Expansion	e = {.rng = rng, .ascii = ascii, .text = name};

	if (ascii && (naming == RECO_DEMO_NAMES_JA || naming == RECO_DEMO_NAMES_KO))
		naming = RECO_DEMO_NAMES_SOLO;
	expand(&e, pick(&e, &reco_demo_name_patterns[naming]));
}

/* Expands a pattern. */
static void
expand(Expansion *e, const char *pattern)
{
	e->length = 0;
	e->text[0] = '\0';
	for (const char *p = pattern; *p != '\0'; p++)
	{
		if (*p == '%' && p[1] != '\0')
			expand_letter(e, *++p);
		else
		{
			char		byte[2] = {*p, '\0'};

			append(e, byte);
		}
	}
}

/* Expands one letter of a pattern into a word. */
static void
expand_letter(Expansion *e, char letter)
{
	static const struct
	{
		char		letter;
		RecoDemoListName list;
	}			plain[] = {
		{'p', RECO_DEMO_PLACES}, {'t', RECO_DEMO_HOURS},
		{'m', RECO_DEMO_MONTHS}, {'T', RECO_DEMO_FILMS},
		{'A', RECO_DEMO_ADJECTIVES_NAME}, {'O', RECO_DEMO_NOUNS_NAME},
		{'F', RECO_DEMO_FIRSTS}, {'L', RECO_DEMO_LASTS},
		{'G', RECO_DEMO_ROMANCE_FIRSTS}, {'H', RECO_DEMO_ROMANCE_LASTS},
		{'I', RECO_DEMO_ROMANCE_GROUPS}, {'J', RECO_DEMO_JA_GIVEN},
		{'K', RECO_DEMO_JA_FAMILY}, {'B', RECO_DEMO_KO_FAMILY},
		{'D', RECO_DEMO_KO_GIVEN},
	};

	switch (letter)
	{
		case 'a':
			append(e, pick(e, &e->style->adjectives));
			return;
		case 'n':
			append(e, pick(e, &e->style->nouns));
			return;
		case 'N':
			append_plural(e, pick(e, &e->style->nouns));
			return;
		case 'v':
			append(e, pick(e, &e->style->verbs));
			return;
		case 'M':
			append_plural(e, pick_from(e, RECO_DEMO_NOUNS_NAME));
			return;
		case 'P':
			append(e, pick_from(e, people_of(e->tongue)));
			return;
		case 'c':
			append(e, pick_from(e, cities_of(e->tongue)));
			return;
		case 'z':
		case 'Z':
			append_invented(e, letter == 'Z');
			return;
		default:
			break;
	}
	for (int i = 0; i < (int) lengthof(plain); i++)
	{
		if (plain[i].letter == letter)
		{
			append(e, pick_from(e, plain[i].list));
			return;
		}
	}
	expand_fact(e, letter);
}

/* Expands numbers, and what the track itself says. */
static void
expand_fact(Expansion *e, char letter)
{
	switch (letter)
	{
		case '#':
			append_number(e, 1 + reco_demo_rng_below(e->rng, 48));
			break;
		case 'r':
			append(e, numerals[reco_demo_rng_below(e->rng, lengthof(numerals))]);
			break;
		case 'k':
			append(e, pitches[e->facts->key]);
			append(e, e->facts->mode == 1 ? " major" : " minor");
			break;
		case 'Y':
			append_number(e, 1980 + reco_demo_rng_below(e->rng, 12));
			break;
		case 'y':
			append_number(e, 80 + reco_demo_rng_below(e->rng, 10));
			break;
		default:
			elog(ERROR, "unknown letter \"%c\" in a pattern of the demo catalogue", letter);
	}
}

/* Appends a word if it fits. */
static void
append(Expansion *e, const char *word)
{
	int			length = strlen(word);

	if (e->length + length >= RECO_DEMO_TEXT_SIZE)
		return;
	memcpy(e->text + e->length, word, length + 1);
	e->length += length;
}

static void
append_number(Expansion *e, int number)
{
	char		digits[16];

	snprintf(digits, sizeof(digits), "%d", number);
	append(e, digits);
}

/* Appends an English noun in the plural. */
static void
append_plural(Expansion *e, const char *word)
{
	int			length = strlen(word);
	char		last = length > 0 ? word[length - 1] : '\0';
	char		before = length > 1 ? word[length - 2] : '\0';
	char		stem[RECO_DEMO_TEXT_SIZE];

	strlcpy(stem, word, sizeof(stem));
	if (last == 'y' && strchr("aeiou", before) == NULL)
	{
		stem[length - 1] = '\0';
		append(e, stem);
		append(e, "ies");
	}
	else if (last == 'f' && before != 'f')
	{
		stem[length - 1] = '\0';
		append(e, stem);
		append(e, "ves");
	}
	else if (last == 's' || last == 'x' || (last == 'h' && strchr("cs", before) != NULL))
	{
		append(e, word);
		append(e, "es");
	}
	else
	{
		append(e, word);
		append(e, "s");
	}
}

/* Appends a word that means nothing. */
static void
append_invented(Expansion *e, bool capitals)
{
	char		word[64];
	bool		middle;

	strlcpy(word, pick_from(e, RECO_DEMO_SYLLABLES_FIRST), sizeof(word));
	middle = reco_demo_rng_chance(e->rng, 650);
	if (middle)
		strlcat(word, pick_from(e, RECO_DEMO_SYLLABLES_MIDDLE), sizeof(word));
	strlcat(word, pick_from(e, RECO_DEMO_SYLLABLES_LAST), sizeof(word));
	for (char *p = word; capitals && *p != '\0'; p++)
		*p = pg_ascii_toupper((unsigned char) *p);
	append(e, word);
}

/*
 * Picks a pattern of the style.  Those with one or two words to fill in are passed
 * over at times, because their titles are soon used up.
 */
static const char *
pick_pattern(Expansion *e)
{
	const char *pattern = NULL;

	for (int attempt = 0; attempt < 4; attempt++)
	{
		int			letters = 0;

		pattern = pick(e, &e->style->patterns);
		for (const char *p = strchr(pattern, '%'); p != NULL; p = strchr(p + 1, '%'))
			letters++;
		if (letters > 2 || reco_demo_rng_chance(e->rng, letters == 2 ? 800 : 250))
			break;
	}
	return pattern;
}

/* Picks a word, the next one that the database can hold. */
static const char *
pick(Expansion *e, const RecoDemoList *list)
{
	int			start = reco_demo_rng_below(e->rng, list->n);

	for (int i = 0; i < list->n; i++)
	{
		const char *word = list->words[(start + i) % list->n];

		if (!e->ascii || is_ascii(word))
			return word;
	}
	return "";
}

static const char *
pick_from(Expansion *e, RecoDemoListName list)
{
	return pick(e, &reco_demo_lists[list]);
}

/* Tells whose first names a language's titles mention. */
static RecoDemoListName
people_of(RecoDemoStyleName tongue)
{
	switch (tongue)
	{
		case RECO_DEMO_STYLE_ES:
		case RECO_DEMO_STYLE_PT:
			return RECO_DEMO_ROMANCE_FIRSTS;
		case RECO_DEMO_STYLE_JA:
			return RECO_DEMO_JA_PEOPLE;
		case RECO_DEMO_STYLE_KO:
			return RECO_DEMO_KO_GIVEN;
		case RECO_DEMO_STYLE_RU:
			return RECO_DEMO_RU_PEOPLE;
		case RECO_DEMO_STYLE_AR:
			return RECO_DEMO_AR_PEOPLE;
		case RECO_DEMO_STYLE_HI:
			return RECO_DEMO_HI_PEOPLE;
		default:
			return RECO_DEMO_FIRSTS;
	}
}

/* Likewise the cities, in the language's script. */
static RecoDemoListName
cities_of(RecoDemoStyleName tongue)
{
	switch (tongue)
	{
		case RECO_DEMO_STYLE_JA:
			return RECO_DEMO_JA_CITIES;
		case RECO_DEMO_STYLE_KO:
			return RECO_DEMO_KO_CITIES;
		case RECO_DEMO_STYLE_RU:
			return RECO_DEMO_RU_CITIES;
		case RECO_DEMO_STYLE_AR:
			return RECO_DEMO_AR_CITIES;
		case RECO_DEMO_STYLE_HI:
			return RECO_DEMO_HI_CITIES;
		default:
			return RECO_DEMO_CITIES;
	}
}

static bool
is_ascii(const char *word)
{
	for (; *word != '\0'; word++)
	{
		if ((unsigned char) *word >= 0x80)
			return false;
	}
	return true;
}
