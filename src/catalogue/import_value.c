/*-------------------------------------------------------------------------
 *
 * import_value.c
 *	  From the text of one value to what it means.
 *
 * Purpose: see import_value.h.
 * Runs in: a backend.
 * Locks:	none.
 * Never:	raise an error for what a value holds; never read past its end.
 *
 *-------------------------------------------------------------------------
 */
#include "import_value.h"

#include <math.h>

#include "catalog/pg_collation.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/formatting.h"

typedef struct NumberRange
{
	double		low;
	double		high;
	double		missing;		/* what sources write for "not measured" */
	bool		has_missing;
	bool		whole;
} NumberRange;

#define UNIT                  \
	{                         \
		0, 1, 0, false, false \
	}

static const NumberRange ranges[RECO_IMPORT_NFIELDS] = {
	[RECO_IMPORT_ARTIST_POPULARITY] = {0, 100, 0, false, true},
	[RECO_IMPORT_YEAR] = {1000, 2199, 0, false, true},
	[RECO_IMPORT_DURATION] = {1, PG_INT32_MAX, 0, true, true},
	[RECO_IMPORT_POPULARITY] = {0, 100, 0, false, true},
	[RECO_IMPORT_ACOUSTICNESS] = UNIT,
	[RECO_IMPORT_DANCEABILITY] = UNIT,
	[RECO_IMPORT_ENERGY] = UNIT,
	[RECO_IMPORT_INSTRUMENTALNESS] = UNIT,
	[RECO_IMPORT_LIVENESS] = UNIT,
	[RECO_IMPORT_SPEECHINESS] = UNIT,
	[RECO_IMPORT_VALENCE] = UNIT,
	[RECO_IMPORT_LOUDNESS] = {-60, 5, 0, false, false},
	[RECO_IMPORT_TEMPO] = {0, 250, 0, true, false},
	[RECO_IMPORT_KEY] = {0, 11, -1, true, true},
	[RECO_IMPORT_MODE] = {0, 1, -1, true, true},
	[RECO_IMPORT_TIME_SIGNATURE] = {1, 16, 0, true, true},
};

static bool is_missing_word(const char *value);
static bool plain_number(const char *value, double *number);
static bool spelled_number(RecoImportField field, const char *value, double *number);
static bool digits(const char **p, int count, int *number);
static int	blank_length(const char *p);
static int	blank_length_before(const char *start, const char *end);

/* Cleans a text; NULL when nothing is left. */
char *
reco_import_clean(const char *value)
{
	const char *end = value + strlen(value);
	char	   *clean;
	int			n;

	while ((n = blank_length(value)) > 0)
		value += n;
	while (end > value && (n = blank_length_before(value, end)) > 0)
		end -= n;
	if (end <= value)
		return NULL;

	clean = pnstrdup(value, end - value);
	for (char *p = clean; *p != '\0'; p++)
	{
		if ((unsigned char) *p < ' ' || *p == '\x7f')
			*p = ' ';
	}
	return clean;
}

/* Cuts a text to so many characters; true when it was longer. */
bool
reco_import_cut(char *value, int characters)
{
	int			length = strlen(value);
	int			keep;

	if (length <= characters)
		return false;			/* a character has at least one byte */
	keep = pg_mbcharcliplen(value, length, characters);
	if (keep >= length)
		return false;
	value[keep] = '\0';
	return true;
}

void
reco_import_range(RecoImportField field, double *low, double *high)
{
	*low = ranges[field].low;
	*high = ranges[field].high;
}

/* Reads the number of a field and checks its range. */
RecoImportOutcome
reco_import_number(RecoImportField field, const char *value, double *number)
{
	const NumberRange *range = &ranges[field];

	if (is_missing_word(value))
		return RECO_IMPORT_MISSING;
	if (!plain_number(value, number) && !spelled_number(field, value, number))
		return RECO_IMPORT_MALFORMED;

	if (range->whole)
		*number = rint(*number);
	else
		*number = (float) *number;	/* what the table keeps */
	if (range->has_missing && *number == range->missing)
		return RECO_IMPORT_MISSING;
	if (!(*number >= range->low && *number <= range->high))
		return RECO_IMPORT_OUT_OF_RANGE;
	return RECO_IMPORT_OK;
}

/* Reads a date of one of three precisions. */
RecoImportOutcome
reco_import_date(const char *value, int *release)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	const char *p = value;
	char		separator;
	int			year;
	int			month = 0;
	int			day = 0;
	int			precision;
	bool		leap;

	if (is_missing_word(value))
		return RECO_IMPORT_MISSING;
	if (!digits(&p, 4, &year))
		return RECO_IMPORT_MALFORMED;
	if (strcmp(p, ".0") == 0)	/* a year that was kept as a float */
		p += 2;
	separator = *p;
	if (separator == '-' || separator == '/' || separator == '.')
	{
		p++;
		if (!digits(&p, 2, &month))
			return RECO_IMPORT_MALFORMED;
		if (*p == separator)
		{
			p++;
			if (!digits(&p, 2, &day))
				return RECO_IMPORT_MALFORMED;
			if (*p == ' ' || *p == 'T')
				p += strlen(p);
		}
	}
	if (*p != '\0')
		return RECO_IMPORT_MALFORMED;

	leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	if (year < ranges[RECO_IMPORT_YEAR].low || year > ranges[RECO_IMPORT_YEAR].high ||
		month > 12 || (month == 0 && day > 0) ||
		(month > 0 && day > days[month - 1] + (leap && month == 2 ? 1 : 0)))
		return RECO_IMPORT_OUT_OF_RANGE;
	precision = month == 0 ? 1 : day == 0 ? 2 : 3;
	*release = precision * 100000000 + year * 10000;
	*release += Max(month, 1) * 100 + Max(day, 1);
	return RECO_IMPORT_OK;
}

RecoImportOutcome
reco_import_boolean(const char *value, bool *result)
{
	double		number;

	if (is_missing_word(value))
		return RECO_IMPORT_MISSING;
	if (parse_bool(value, result))
		return RECO_IMPORT_OK;
	if (pg_strcasecmp(value, "explicit") == 0 || pg_strcasecmp(value, "clean") == 0)
	{
		*result = pg_strcasecmp(value, "explicit") == 0;
		return RECO_IMPORT_OK;
	}
	if (plain_number(value, &number) && (number == 0 || number == 1))
	{
		*result = number == 1;
		return RECO_IMPORT_OK;
	}
	return RECO_IMPORT_MALFORMED;
}

/* Takes the bare id out of a Spotify URI or address; other ids stay. */
char *
reco_import_id(const char *value)
{
	static const char *const kinds[] = {"track", "artist", "album"};
	static const char *const forms[] = {"spotify:%s:", "https://open.spotify.com/%s/",
		"http://open.spotify.com/%s/"};

	if (strncmp(value, "spotify:", 8) != 0 && strncmp(value, "http", 4) != 0)
		return pstrdup(value);
	for (int k = 0; k < lengthof(kinds); k++)
	{
		for (int f = 0; f < lengthof(forms); f++)
		{
			char		prefix[64];
			int			n = snprintf(prefix, sizeof(prefix), forms[f], kinds[k]);

			if (strncmp(value, prefix, n) == 0 && value[n] != '\0' && value[n] != '?')
				return pnstrdup(value + n, strcspn(value + n, "?#/"));
		}
	}
	return pstrdup(value);
}

/* Reads an ISRC, with or without hyphens: two letters, three of any, seven digits. */
RecoImportOutcome
reco_import_isrc(const char *value, char **isrc)
{
	char		code[13];
	int			n = 0;

	if (is_missing_word(value))
		return RECO_IMPORT_MISSING;
	for (const char *p = value; *p != '\0'; p++)
	{
		char		c = pg_ascii_toupper((unsigned char) *p);
		bool		letter = c >= 'A' && c <= 'Z';
		bool		digit = c >= '0' && c <= '9';

		if (c == '-')
			continue;
		if (n == 12 || !(n < 2 ? letter : n < 5 ? (letter || digit) : digit))
			return RECO_IMPORT_MALFORMED;
		code[n++] = c;
	}
	if (n != 12)
		return RECO_IMPORT_MALFORMED;
	*isrc = pnstrdup(code, 12);
	return RECO_IMPORT_OK;
}

/*
 * Puts a text into lower case. ASCII by hand, so that a Turkish database does
 * not make other genres of the same file.
 */
char *
reco_import_lower(const char *value)
{
	char	   *lower = pstrdup(value);
	bool		ascii = true;

	for (char *p = lower; *p != '\0'; p++)
	{
		if (IS_HIGHBIT_SET(*p))
			ascii = false;
		*p = pg_ascii_tolower((unsigned char) *p);
	}
	return ascii ? lower : str_tolower(lower, strlen(lower), DEFAULT_COLLATION_OID);
}

/* Is this how files write "no value"? */
static bool
is_missing_word(const char *value)
{
	static const char *const words[] = {"", "na", "n/a", "nan", "null", "none", "\\n", "-"};

	if ((value[0] >= '0' && value[0] <= '9') || strlen(value) > 4)
		return false;
	for (int i = 0; i < lengthof(words); i++)
	{
		if (pg_strcasecmp(value, words[i]) == 0)
			return true;
	}
	return false;
}

/* Reads a decimal number; strtod alone would take hexadecimal and inf as well. */
static bool
plain_number(const char *value, double *number)
{
	char	   *end;

	if (value[0] == '\0' || strspn(value, "0123456789+-.eE") != strlen(value))
		return false;
	*number = strtod(value, &end);
	return *end == '\0' && end != value;
}

/* Reads keys ("C#", "Bb"), modes ("Major") and time signatures ("4/4"). */
static bool
spelled_number(RecoImportField field, const char *value, double *number)
{
	static const int steps[] = {9, 11, 0, 2, 4, 5, 7};	/* A .. G */

	if (field == RECO_IMPORT_MODE &&
		(pg_strcasecmp(value, "major") == 0 || pg_strcasecmp(value, "minor") == 0))
	{
		*number = pg_strcasecmp(value, "major") == 0 ? 1 : 0;
		return true;
	}
	if (field == RECO_IMPORT_KEY && strlen(value) <= 4)
	{
		char		letter = pg_ascii_toupper((unsigned char) value[0]);
		const char *rest = value + 1;
		int			shift = 0;

		if (letter < 'A' || letter > 'G')
			return false;
		if (strcmp(rest, "#") == 0 || strcmp(rest, "\xe2\x99\xaf") == 0)
			shift = 1;
		else if (strcmp(rest, "b") == 0 || strcmp(rest, "\xe2\x99\xad") == 0)
			shift = 11;
		else if (rest[0] != '\0')
			return false;
		*number = (steps[letter - 'A'] + shift) % 12;
		return true;
	}
	if (field == RECO_IMPORT_TIME_SIGNATURE && strlen(value) == 3 && value[1] == '/' &&
		value[0] >= '1' && value[0] <= '9' && value[2] >= '1' && value[2] <= '9')
	{
		*number = value[0] - '0';
		return true;
	}
	return false;
}

/* Reads exactly so many digits and steps over them. */
static bool
digits(const char **p, int count, int *number)
{
	*number = 0;
	for (int i = 0; i < count; i++)
	{
		if (**p < '0' || **p > '9')
			return false;
		*number = *number * 10 + (**p - '0');
		(*p)++;
	}
	return true;
}

/* Is one of the blanks of Unicode, or a zero-width character, at p? */
static bool
is_wide_blank(const unsigned char *p)
{
	if (p[0] == 0xE2 && p[1] == 0x80)	/* U+2000..200F, 2028..202F */
		return p[2] <= 0x8F || (p[2] >= 0xA8 && p[2] <= 0xAF);
	return (p[0] == 0xE2 && p[1] == 0x81 && p[2] == 0xA0) ||	/* word joiner */
		(p[0] == 0xE3 && p[1] == 0x80 && p[2] == 0x80) ||	 /* ideographic space */
		(p[0] == 0xEF && p[1] == 0xBB && p[2] == 0xBF);		 /* byte order mark */
}

/* Returns how many bytes of white space begin here; 0 = none. */
static int
blank_length(const char *p)
{
	const unsigned char *u = (const unsigned char *) p;

	if (u[0] == '\0')
		return 0;
	if (u[0] <= ' ' || u[0] == 0x7F)
		return 1;
	if (u[0] < 0x80 || GetDatabaseEncoding() != PG_UTF8)
		return 0;
	if (u[0] == 0xC2)
		return u[1] == 0xA0 ? 2 : 0;
	if (u[1] == '\0' || u[2] == '\0')
		return 0;
	return is_wide_blank(u) ? 3 : 0;
}

/* Returns how many bytes of white space end here; 0 = none. */
static int
blank_length_before(const char *start, const char *end)
{
	const unsigned char *u = (const unsigned char *) end;

	if (u[-1] <= ' ' || u[-1] == 0x7F)
		return 1;
	if (u[-1] < 0x80 || GetDatabaseEncoding() != PG_UTF8)
		return 0;
	if (end - start >= 2 && u[-2] == 0xC2 && u[-1] == 0xA0)
		return 2;
	if (end - start >= 3 && is_wide_blank(u - 3))
		return 3;
	return 0;
}
