/*-------------------------------------------------------------------------
 *
 * json_write.h
 *	  Writing JSON of our own: members of objects, elements of arrays.
 *
 * Purpose: one way to write a run's document and its record.
 * Runs in: any process.
 * Locks:	none.
 * Never:	write a number that is not finite.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_JSON_WRITE_H
#define RECO_JSON_WRITE_H

#include "compat.h"

#include <math.h>

#include "catalogue/facet.h"
#include "common/shortest_dec.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/json.h"

/*
 * Begins a member of an object, or an element of an array when key is NULL. Keys are our
 * own words: nothing in them is to be escaped.
 */
static inline void
begin(StringInfo json, const char *key)
{
	char		last = json->len > 0 ? json->data[json->len - 1] : '{';

	if (last != '{' && last != '[' && last != ':')
		appendStringInfoChar(json, ',');
	if (key != NULL)
	{
		appendStringInfoCharMacro(json, '"');
		appendBinaryStringInfo(json, key, (int) strlen(key));
		appendBinaryStringInfo(json, "\":", 2);
	}
}

static inline void
open_with(StringInfo json, const char *key, char bracket)
{
	begin(json, key);
	appendStringInfoChar(json, bracket);
}

/* Is there nothing in a text that escape_json would escape? How long is it? */
static inline bool
is_plain(const char *text, int *len)
{
	const char *at = text;

	while ((unsigned char) *at >= ' ' && *at != '"' && *at != '\\')
		at++;
	*len = (int) (at - text);
	return *at == '\0';
}

static inline void
put_string(StringInfo json, const char *key, const char *value)
{
	int			len;

	begin(json, key);
	if (value == NULL)
		appendStringInfoString(json, "null");
	else if (is_plain(value, &len))
	{
		appendStringInfoCharMacro(json, '"');
		appendBinaryStringInfo(json, value, len);
		appendStringInfoCharMacro(json, '"');
	}
	else
		escape_json(json, value);
}

static inline void
put_digits(StringInfo json, int64 value)
{
	char		digits[MAXINT8LEN + 1];

	appendBinaryStringInfo(json, digits, pg_lltoa(value, digits));
}

/* As "%.4g" does, which takes longer than all else where a document has many of them. */
static inline void
put_short(StringInfo json, double value)
{
	static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7};
	double		size = fabs(value);
	int			decimals = 3;
	int			digits;
	char		text[16];
	int			len = 0;

	if (!(size >= 1e-3 && size < 999.9))
	{
		appendStringInfo(json, "%.4g", value);
		return;
	}
	while (decimals > 1 && size >= powers[4 - decimals])
		decimals--;
	while (size * powers[decimals] < 999.95)
		decimals++;
	digits = (int) rint(size * powers[decimals]);
	for (; decimals > 0 && digits % 10 == 0; digits /= 10)
		decimals--;
	for (; len < decimals || digits > 0 || len == decimals; digits /= 10)
	{
		if (len == decimals && decimals > 0)
			text[sizeof(text) - 1 - decimals] = '.';
		text[sizeof(text) - 1 - len - (len >= decimals && decimals > 0)] =
			(char) ('0' + digits % 10);
		len++;
	}
	if (value < 0)
		appendStringInfoCharMacro(json, '-');
	len += decimals > 0;
	appendBinaryStringInfo(json, text + sizeof(text) - len, len);
}

static inline void
put_number(StringInfo json, const char *key, double value)
{
	begin(json, key);
	if (!isfinite(value))
		appendStringInfoString(json, "null");
	else if (value == floor(value) && fabs(value) < 1e15)
		put_digits(json, (int64) value);
	else
		put_short(json, value);
}

static inline void
put_id(StringInfo json, const char *key, int64 value)
{
	begin(json, key);
	put_digits(json, value);
}

static inline void
put_bool(StringInfo json, const char *key, bool value)
{
	begin(json, key);
	appendStringInfoString(json, value ? "true" : "false");
}

/* A number that is read back as the very same one. */
static inline void
put_exact(StringInfo json, const char *key, float value)
{
	char		digits[FLOAT_SHORTEST_DECIMAL_LEN];

	begin(json, key);
	if (isfinite(value))
		float_to_shortest_decimal_buf(value, digits);
	appendStringInfoString(json, isfinite(value) ? digits : "null");
}

/* Microseconds as milliseconds; a clock that was set back has taken no time. */
static inline void
put_ms(StringInfo json, const char *key, int64 us)
{
	int			rest = (int) (Max(us, 0) % 1000);

	begin(json, key);
	put_digits(json, Max(us, 0) / 1000);
	appendStringInfoCharMacro(json, '.');
	appendStringInfoCharMacro(json, '0' + rest / 100);
	appendStringInfoCharMacro(json, '0' + rest / 10 % 10);
	appendStringInfoCharMacro(json, '0' + rest % 10);
}

/* The facets of a mask, as an array of names. */
static inline void
put_facets(StringInfo json, const char *key, uint16 facets)
{
	open_with(json, key, '[');
	for (int i = 0; i < RECO_NFACETS; i++)
		if ((facets >> i) & 1)
			put_string(json, NULL, reco_facet_name(i));
	appendStringInfoChar(json, ']');
}

#endif							/* RECO_JSON_WRITE_H */
