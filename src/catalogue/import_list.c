/*-------------------------------------------------------------------------
 *
 * import_list.c
 *	  Lists as files write them.
 *
 * Purpose: read JSON arrays, Python's lists, PostgreSQL's array literals and
 *			joined texts into a list of clean texts (see import_value.h).
 * Runs in: a backend.
 * Locks:	none.
 * Never:	take a name in brackets ("[unknown]") for a list: what is not a list
 *			to its last character is none.
 *
 *-------------------------------------------------------------------------
 */
#include "import_value.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

static bool read_brackets(const char *p, List **members);
static bool read_braces(const char *p, List **members);
static const char *read_quoted(const char *p, bool backslash_is_plain, StringInfo text);
static const char *read_escape(const char *p, StringInfo text);
static const char *read_hex(const char *p, int count, pg_wchar *code);
static void append_character(StringInfo text, pg_wchar code);
static const char *skip_blanks(const char *p);
static void add_member(List **members, const char *value);

/* Reads a list; false, and no list, when the whole value is not one. */
bool
reco_import_list(const char *value, List **members)
{
	const char *p = skip_blanks(value);

	*members = NIL;
	if (*p == '[' && read_brackets(p + 1, members))
		return true;
	if (*p == '{' && read_braces(p + 1, members))
		return true;
	*members = NIL;
	return false;
}

/* Splits at any of the separators into clean texts. */
List *
reco_import_split(const char *value, const char *separators)
{
	List	   *members = NIL;

	for (;;)
	{
		size_t		n = strcspn(value, separators);

		add_member(&members, pnstrdup(value, n));
		if (value[n] == '\0')
			return members;
		value += n + 1;
	}
}

/* Reads the inside of [...]: quoted texts; null and None are left out. */
static bool
read_brackets(const char *p, List **members)
{
	StringInfoData text;

	initStringInfo(&text);
	p = skip_blanks(p);
	if (*p == ']')
		return *skip_blanks(p + 1) == '\0';
	for (;;)
	{
		if (*p == '\'' || *p == '"')
		{
			resetStringInfo(&text);
			p = read_quoted(p, false, &text);
			if (p == NULL)
				return false;
			add_member(members, text.data);
		}
		else if (strncmp(p, "null", 4) == 0 || strncmp(p, "None", 4) == 0)
			p += 4;
		else
			return false;
		p = skip_blanks(p);
		if (*p == ']')
			return *skip_blanks(p + 1) == '\0';
		if (*p != ',')
			return false;
		p = skip_blanks(p + 1);
	}
}

/* Reads the inside of {...}: members quoted or bare, no nested arrays. */
static bool
read_braces(const char *p, List **members)
{
	StringInfoData text;

	initStringInfo(&text);
	p = skip_blanks(p);
	if (*p == '}')
		return *skip_blanks(p + 1) == '\0';
	for (;;)
	{
		resetStringInfo(&text);
		if (*p == '"')
		{
			p = read_quoted(p, true, &text);
			if (p == NULL)
				return false;
			add_member(members, text.data);
		}
		else
		{
			size_t		n = strcspn(p, ",{}\"\\");

			appendBinaryStringInfo(&text, p, n);
			if (pg_strcasecmp(text.data, "null") != 0)
				add_member(members, text.data);
			p += n;
		}
		p = skip_blanks(p);
		if (*p == '}')
			return *skip_blanks(p + 1) == '\0';
		if (*p != ',')
			return false;
		p = skip_blanks(p + 1);
	}
}

/*
 * Reads a quoted text, from its opening quote on; returns what follows the
 * closing one, or NULL. In an array literal a backslash only protects.
 */
static const char *
read_quoted(const char *p, bool backslash_is_plain, StringInfo text)
{
	char		quote = *p++;

	while (*p != quote)
	{
		if (*p == '\0')
			return NULL;
		if (*p == '\\' && backslash_is_plain)
		{
			if (*++p == '\0')
				return NULL;
		}
		else if (*p == '\\')
		{
			p = read_escape(p + 1, text);
			if (p == NULL)
				return NULL;
			continue;
		}
		appendStringInfoChar(text, *p++);
	}
	return p + 1;
}

/* Reads what follows a backslash, in JSON's way and Python's. */
static const char *
read_escape(const char *p, StringInfo text)
{
	pg_wchar	code = 0;
	pg_wchar	low = 0;

	switch (*p)
	{
		case '\0':
			return NULL;
		case 'b':
		case 'f':
		case 'n':
		case 'r':
		case 't':
			appendStringInfoChar(text, ' ');
			return p + 1;
		case 'x':
			p = read_hex(p + 1, 2, &code);
			break;
		case 'u':
			p = read_hex(p + 1, 4, &code);
			if (p != NULL && is_utf16_surrogate_first(code) && p[0] == '\\' &&
				p[1] == 'u')
			{
				const char *next = read_hex(p + 2, 4, &low);

				if (next != NULL && is_utf16_surrogate_second(low))
				{
					code = surrogate_pair_to_codepoint(code, low);
					p = next;
				}
			}
			break;
		case 'U':
			p = read_hex(p + 1, 8, &code);
			break;
		default:
			appendStringInfoChar(text, *p);
			return p + 1;
	}
	if (p != NULL)
		append_character(text, code);
	return p;
}

/* Reads exactly so many hexadecimal digits; NULL when there are fewer. */
static const char *
read_hex(const char *p, int count, pg_wchar *code)
{
	*code = 0;
	for (int i = 0; i < count; i++, p++)
	{
		char		c = pg_ascii_tolower((unsigned char) *p);

		if (c >= '0' && c <= '9')
			*code = (*code << 4) | (c - '0');
		else if (c >= 'a' && c <= 'f')
			*code = (*code << 4) | (c - 'a' + 10);
		else
			return NULL;
	}
	return p;
}

/* Appends a code point; '?' for what the database cannot hold. */
static void
append_character(StringInfo text, pg_wchar code)
{
	unsigned char utf8[MAX_MULTIBYTE_CHAR_LEN + 1];

	if (code == 0)
		appendStringInfoChar(text, ' ');
	else if (code < 0x80)
		appendStringInfoChar(text, (char) code);
	else if (GetDatabaseEncoding() != PG_UTF8 || !is_valid_unicode_codepoint(code) ||
			 is_utf16_surrogate_first(code) || is_utf16_surrogate_second(code))
		appendStringInfoChar(text, '?');
	else
	{
		unicode_to_utf8(code, utf8);
		appendBinaryStringInfo(text, (char *) utf8, pg_utf_mblen(utf8));
	}
}

static const char *
skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')
		p++;
	return p;
}

/* Adds a text, cleaned, unless nothing is left of it. */
static void
add_member(List **members, const char *value)
{
	char	   *clean = reco_import_clean(value);

	if (clean != NULL)
		*members = lappend(*members, clean);
}
