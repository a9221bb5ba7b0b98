/*-------------------------------------------------------------------------
 *
 * json.c
 *	  Foreign JSON: reading what may be broken, writing what PostgreSQL takes.
 *
 * Purpose: see json.h.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	make a jansson object or array (see json.h); hand bytes to jansson
 *			that were not cleaned.
 *
 *-------------------------------------------------------------------------
 */
#include "json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

#define MOST_LEVELS		64
#define EXACT_DIGITS	18		/* so many digits always fit into an integer */

/* What is read and where it stands. */
typedef struct Scan
{
	const char *at;
	const char *end;
	RecoBuffer	out;			/* the cleaned text */
} Scan;

static bool clean(Scan *scan);
static void clean_string(Scan *scan);
static void clean_escape(Scan *scan);
static void clean_number(Scan *scan);
static size_t number_length(const char *at, const char *end, int *digits, bool *whole);
static int	hex4(const char *at, const char *end);
static bool is_digit(char c);
static void put_text(RecoBuffer *out, const char *text, size_t len);

/* Parses foreign bytes; any value may stand alone. */
json_t *
reco_json_parse(const char *text, size_t len)
{
	Scan		scan = {text, text + len, {0}};
	json_t	   *value = NULL;

	if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
		scan.at += 3;
	if (clean(&scan) && !scan.out.failed && scan.out.len > 0)
		value = json_loadb(scan.out.data, scan.out.len, JSON_DECODE_ANY, NULL);
	reco_buffer_free(&scan.out, true);
	return value;
}

/* Finds a member. */
json_t *
reco_json_get(const json_t *object, const char *name)
{
	json_t	   *value = json_is_object(object) ? json_object_get(object, name) : NULL;

	return json_is_null(value) ? NULL : value;
}

/* Finds a member that is a string with something in it. */
const char *
reco_json_string(const json_t *object, const char *name)
{
	const char *string = json_string_value(reco_json_get(object, name));

	return string && string[0] ? string : NULL;
}

/* Finds a member that is a number, or a string that is one. */
bool
reco_json_number(const json_t *object, const char *name, double *value)
{
	const json_t *member = reco_json_get(object, name);
	const char *text = json_string_value(member);
	const char *end;
	int			digits;
	bool		whole;

	if (json_is_number(member))
	{
		*value = json_number_value(member);
		return isfinite(*value);
	}
	if (!text)
		return false;
	text += strspn(text, " \t\r\n+");
	end = text + strlen(text);
	while (end > text && strchr(" \t\r\n", end[-1]))
		end--;
	if (end == text || text + number_length(text, end, &digits, &whole) != end)
		return false;
	*value = strtod(text, NULL);
	return isfinite(*value);
}

/* Finds a member that is an array. */
json_t *
reco_json_array(const json_t *object, const char *name)
{
	json_t	   *value = reco_json_get(object, name);

	return json_is_array(value) ? value : NULL;
}

/* Writes a string; what is no UTF-8 becomes U+FFFD. */
void
reco_json_put_string(RecoBuffer *out, const char *string)
{
	put_text(out, string, strlen(string));
}

/* Writes a number; what is none becomes null. */
void
reco_json_put_number(RecoBuffer *out, double value)
{
	char		text[32];

	/* "-0" would be read back as an integer, which has no sign */
	if (value == 0)
		value = 0;
	if (!isfinite(value))
	{
		reco_buffer_puts(out, "null");
		return;
	}
	for (int precision = 15; precision <= 17; precision++)
	{
		snprintf(text, sizeof(text), "%.*g", precision, value);
		if (strtod(text, NULL) == value)
			break;
	}
	reco_buffer_puts(out, text);
}

/* Writes what stands before a value. */
void
reco_json_put_name(RecoBuffer *out, const char *name)
{
	if (out->len > 0 && !strchr("{[:,", out->data[out->len - 1]))
		reco_buffer_putc(out, ',');
	if (name)
	{
		reco_json_put_string(out, name);
		reco_buffer_putc(out, ':');
	}
}

/* Writes a member that is a string. */
void
reco_json_put_member(RecoBuffer *out, const char *name, const char *value)
{
	if (!value)
		return;
	reco_json_put_name(out, name);
	reco_json_put_string(out, value);
}

/* Writes a member that is a number; one that is not finite counts as none. */
void
reco_json_put_real(RecoBuffer *out, const char *name, double value)
{
	if (!isfinite(value))
		return;
	reco_json_put_name(out, name);
	reco_json_put_number(out, value);
}

/* Writes a value, and what is inside. The parser has bounded its depth. */
void
reco_json_put_value(RecoBuffer *out, const json_t *value)
{
	const char *name;
	json_t	   *member;
	size_t		i;

	switch (value ? json_typeof(value) : JSON_NULL)
	{
		case JSON_OBJECT:
			reco_buffer_putc(out, '{');
			json_object_foreach((json_t *) value, name, member)
			{
				reco_json_put_name(out, name);
				reco_json_put_value(out, member);
			}
			reco_buffer_putc(out, '}');
			break;
		case JSON_ARRAY:
			reco_buffer_putc(out, '[');
			json_array_foreach(value, i, member)
			{
				reco_json_put_name(out, NULL);
				reco_json_put_value(out, member);
			}
			reco_buffer_putc(out, ']');
			break;
		case JSON_STRING:
			put_text(out, json_string_value(value), json_string_length(value));
			break;
		case JSON_INTEGER:
			reco_buffer_printf(out, "%" PRId64, (int64_t) json_integer_value(value));
			break;
		case JSON_REAL:
			reco_json_put_number(out, json_real_value(value));
			break;
		default:
			reco_buffer_puts(out, json_is_true(value) ? "true" :
							 json_is_false(value) ? "false" : "null");
			break;
	}
}

/*
 * Copies a text such that jansson takes all that can be taken; false when it is
 * nested too deep. Whether it is JSON is jansson's business.
 */
static bool
clean(Scan *scan)
{
	int			level = 0;

	while (scan->at < scan->end && !scan->out.failed)
	{
		char		c = *scan->at;

		if (c == '"')
			clean_string(scan);
		else if (c == '-' || is_digit(c))
			clean_number(scan);
		else
		{
			if ((c == '[' || c == '{') && ++level > MOST_LEVELS)
				return false;
			if (c == ']' || c == '}')
				level--;
			reco_buffer_putc(&scan->out, c);
			scan->at++;
		}
	}
	return true;
}

/* Copies a string with its quotes, as far as it goes. */
static void
clean_string(Scan *scan)
{
	const char *from = scan->at++;	/* not copied yet */

	while (scan->at < scan->end && *scan->at != '"')
	{
		int			len = reco_utf8_char(scan->at, (size_t) (scan->end - scan->at));

		if (len > 0 && *scan->at != '\\')
		{
			scan->at += len;
			continue;
		}
		reco_buffer_add(&scan->out, from, (size_t) (scan->at - from));
		if (len > 0)
			clean_escape(scan);
		else
		{
			reco_buffer_puts(&scan->out, RECO_UTF8_REPLACEMENT);
			scan->at++;
		}
		from = scan->at;
	}
	if (scan->at < scan->end)
		scan->at++;
	reco_buffer_add(&scan->out, from, (size_t) (scan->at - from));
}

/* Copies what follows a backslash; NUL and lone surrogates are replaced. */
static void
clean_escape(Scan *scan)
{
	const char *from = scan->at;
	int			code = -1;
	size_t		len = scan->end - from > 1 && from[1] != '"' && from[1] != '\\' ? 1 : 2;

	if (len == 1 && from[1] == 'u')
		code = hex4(from + 2, scan->end);
	if (code >= 0)
		len = 6;
	if (code >= 0xD800 && code <= 0xDBFF && scan->end - from >= 12 && from[6] == '\\' &&
		from[7] == 'u' && hex4(from + 8, scan->end) >> 10 == 0xDC00 >> 10)
		len = 12;
	if (len > (size_t) (scan->end - from))
		len = (size_t) (scan->end - from);
	scan->at += len;
	if (code == 0 || (len == 6 && code >= 0xD800 && code <= 0xDFFF))
		reco_buffer_puts(&scan->out, "\\ufffd");
	else
		reco_buffer_add(&scan->out, from, len);
}

/*
 * Copies a number. jansson refuses a whole text for one integer beyond 64 bits or
 * one real out of range: the first is written as a real, the second as null.
 */
static void
clean_number(Scan *scan)
{
	int			digits = 0;
	bool		whole = false;
	char		text[400];
	size_t		len = number_length(scan->at, scan->end, &digits, &whole);

	if (len == 0)
	{
		reco_buffer_putc(&scan->out, *scan->at++);
		return;
	}
	if (len >= sizeof(text) || !(whole && digits <= EXACT_DIGITS))
	{
		size_t		kept = len < sizeof(text) ? len : sizeof(text) - 1;
		double		value;

		memcpy(text, scan->at, kept);
		text[kept] = '\0';
		value = len > kept ? HUGE_VAL : strtod(text, NULL);
		if (!isfinite(value))
			reco_buffer_puts(&scan->out, "null");
		else if (whole)
			reco_buffer_printf(&scan->out, "%.17e", value);
		else
			reco_buffer_add(&scan->out, scan->at, len);
	}
	else
		reco_buffer_add(&scan->out, scan->at, len);
	scan->at += len;
}

/* Length of the number at 'at', as JSON writes one; 0 = none. */
static size_t
number_length(const char *at, const char *end, int *digits, bool *whole)
{
	const char *from = at;
	const char *after;

	if (at < end && *at == '-')
		at++;
	after = at;
	while (at < end && is_digit(*at))
		at++;
	*digits = (int) (at - after);
	*whole = true;
	if (*digits == 0 || (*after == '0' && *digits > 1))
		return 0;
	if (end - at > 1 && at[0] == '.' && is_digit(at[1]))
	{
		*whole = false;
		for (at++; at < end && is_digit(*at);)
			at++;
	}
	after = at;
	if (after < end && (*after == 'e' || *after == 'E'))
	{
		after++;
		if (after < end && (*after == '-' || *after == '+'))
			after++;
		if (after < end && is_digit(*after))
		{
			*whole = false;
			for (at = after; at < end && is_digit(*at);)
				at++;
		}
	}
	return (size_t) (at - from);
}

/* The value of four hexadecimal digits; -1 = they are none. */
static int
hex4(const char *at, const char *end)
{
	int			value = 0;

	if (end - at < 4)
		return -1;
	for (int i = 0; i < 4; i++)
	{
		char		c = at[i] | 0x20;

		if (is_digit(at[i]))
			value = value * 16 + at[i] - '0';
		else if (c >= 'a' && c <= 'f')
			value = value * 16 + c - 'a' + 10;
		else
			return -1;
	}
	return value;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Writes text as a JSON string. */
static void
put_text(RecoBuffer *out, const char *text, size_t len)
{
	const char *end = text + len;
	const char *from = text;

	reco_buffer_putc(out, '"');
	while (text < end)
	{
		int			n = reco_utf8_char(text, (size_t) (end - text));
		unsigned char c = (unsigned char) *text;

		if (n > 0 && c >= 0x20 && c != '"' && c != '\\')
		{
			text += n;
			continue;
		}
		reco_buffer_add(out, from, (size_t) (text - from));
		if (n == 0 || c == 0)
			reco_buffer_puts(out, RECO_UTF8_REPLACEMENT);
		else if (c < 0x20)
			reco_buffer_printf(out, "\\u%04x", c);
		else
			reco_buffer_printf(out, "\\%c", c);
		from = ++text;
	}
	reco_buffer_add(out, from, (size_t) (text - from));
	reco_buffer_putc(out, '"');
}
