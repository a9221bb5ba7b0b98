/*-------------------------------------------------------------------------
 *
 * header.c
 *	  Headers of an HTTP answer, line by line.
 *
 * Purpose: see header.h.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	trust a number; use the C library's dates, which depend on locale and
 *			time zone.
 *
 *-------------------------------------------------------------------------
 */
#include "header.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#define LONGEST_VALUE	256		/* of a value that is looked at */

/* What x-ratelimit-remaining-* and -reset-* end with. */
static const char *const limit_names[RECO_HEADER_LIMITS] = {
	"requests", "tokens", "requests-day", "tokens-day", "requests-minute", "tokens-minute"
};

static void read_member(RecoHeaders *headers, const char *name, const char *value,
						int64_t now);
static void read_limits(RecoHeaders *headers, const char *name, const char *value);
static RecoContent content_of(const char *value);
static int64_t length_of(const char *value);
static int64_t retry_after(const char *value, int64_t now);
static int64_t longest(int64_t a, int64_t b);
static int64_t clamp_ms(double ms);
static const char *read_decimal(const char *text, double *value);
static const char *read_digits(const char *text, int least, int most, int *value);
static const char *read_name(const char *text, const char *const *names, int n,
							 int *which);
static const char *read_clock(const char *text, int *seconds);
static int64_t seconds_of(int year, int month, int day, int seconds);

/* Begins an answer. */
void
reco_headers_init(RecoHeaders *headers)
{
	memset(headers, 0, sizeof(*headers));
	headers->content_length = -1;
	headers->retry_after_ms = -1;
	headers->reset_ms = -1;
	for (int i = 0; i < RECO_HEADER_LIMITS; i++)
	{
		headers->remaining[i] = -1;
		headers->resets_ms[i] = -1;
	}
}

/* Reads one line. */
void
reco_headers_line(RecoHeaders *headers, const char *line, size_t len, int64_t now)
{
	char		name[64];
	char		value[LONGEST_VALUE];
	const char *end = line + len;
	const char *colon;

	if (len >= 5 && strncasecmp(line, "HTTP/", 5) == 0)
	{
		reco_headers_init(headers);
		return;
	}
	colon = len > 0 ? memchr(line, ':', len) : NULL;
	if (!colon || colon == line || (size_t) (colon - line) >= sizeof(name))
		return;
	memcpy(name, line, (size_t) (colon - line));
	name[colon - line] = '\0';
	for (line = colon + 1; line < end && (*line == ' ' || *line == '\t'); line++)
		;
	while (end > line && strchr(" \t\r\n", end[-1]))
		end--;
	len = (size_t) (end - line);
	if (len >= sizeof(value))
		len = sizeof(value) - 1;
	memcpy(value, line, len);
	value[len] = '\0';
	if (strlen(value) == len)
		read_member(headers, name, value, now);
}

/* Reads a duration: number and unit, again and again, or a number of seconds. */
int64_t
reco_duration_ms(const char *text)
{
	static const struct
	{
		const char *name;
		double		ms;
	}			units[] = {
		{"ms", 1}, {"us", 1e-3}, {"\xC2\xB5s", 1e-3}, {"ns", 1e-6},
		{"h", 3600e3}, {"m", 60e3}, {"s", 1e3}
	};
	double		total = 0;
	double		value;
	int			parts = 0;

	text += strspn(text, " \t");
	for (; *text && !strchr(" \t", *text); parts++)
	{
		size_t		u = 0;

		text = read_decimal(text, &value);
		if (!text)
			return -1;
		while (u < 7 && strncmp(text, units[u].name, strlen(units[u].name)) != 0)
			u++;
		if (u < 7)
			text += strlen(units[u].name);
		else if (parts > 0 || (*text && !strchr(" \t", *text)))
			return -1;
		total += value * (u < 7 ? units[u].ms : 1e3);
	}
	text += strspn(text, " \t");
	return parts > 0 && !*text ? clamp_ms(total) : -1;
}

/*
 * Reads a date:
 *	 Sun, 06 Nov 1994 08:49:37 GMT		RFC 1123
 *	 Sunday, 06-Nov-94 08:49:37 GMT		RFC 850
 *	 Sun Nov  6 08:49:37 1994			asctime
 */
int64_t
reco_http_date(const char *text)
{
	static const char *const months[] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
	};
	const char *comma = strchr(text, ',');
	int			day = 0;
	int			month = 0;
	int			year = 0;
	int			seconds = 0;

	if (comma)
	{
		text = comma + 1 + strspn(comma + 1, " ");
		text = read_digits(text, 1, 2, &day);
		if (text && (*text == ' ' || *text == '-'))
			text = read_name(text + 1, months, 12, &month);
		else
			return -1;
		if (text && (*text == ' ' || *text == '-'))
			text = read_digits(text + 1, 2, 4, &year);
		else
			return -1;
		if (text && *text == ' ')
			text = read_clock(text + 1, &seconds);
		else
			return -1;
		if (!text || (strcmp(text, " GMT") != 0 && strcmp(text, " UTC") != 0))
			return -1;
		if (year < 100)
			year += year < 70 ? 2000 : 1900;
	}
	else
	{
		text = strchr(text, ' ');
		text = text ? read_name(text + 1, months, 12, &month) : NULL;
		text = text ? read_digits(text + strspn(text, " "), 1, 2, &day) : NULL;
		text = text && *text == ' ' ? read_clock(text + 1, &seconds) : NULL;
		text = text && *text == ' ' ? read_digits(text + 1, 4, 4, &year) : NULL;
		if (!text || *text)
			return -1;
	}
	return seconds_of(year, month + 1, day, seconds);
}

/* Reads one header. */
static void
read_member(RecoHeaders *headers, const char *name, const char *value, int64_t now)
{
	if (strcasecmp(name, "content-type") == 0)
		headers->content = content_of(value);
	else if (strcasecmp(name, "content-length") == 0)
		headers->content_length = length_of(value);
	else if (strcasecmp(name, "content-encoding") == 0)
		headers->compressed = *value && strcasecmp(value, "identity") != 0;
	else if (strcasecmp(name, "date") == 0)
	{
		int64_t		date = reco_http_date(value);

		headers->date = date > 0 ? date : 0;
	}
	else if (strcasecmp(name, "retry-after") == 0)
	{
		/* the service's own clock is the better measure of its dates */
		int64_t		from = headers->date > 0 ? headers->date : now;

		headers->retry_after_ms =
			longest(headers->retry_after_ms, retry_after(value, from));
	}
	else if (strcasecmp(name, "retry-after-ms") == 0)
	{
		double		ms;
		const char *after = read_decimal(value, &ms);

		if (after && !*after)
			headers->retry_after_ms = longest(headers->retry_after_ms, clamp_ms(ms));
	}
	else if (strncasecmp(name, "x-ratelimit-", 12) == 0)
		read_limits(headers, name + 12, value);
}

/* Reads what is left of a limit, and when it is whole again; either may come first. */
static void
read_limits(RecoHeaders *headers, const char *name, const char *value)
{
	for (int i = 0; i < RECO_HEADER_LIMITS; i++)
	{
		if (strncasecmp(name, "remaining-", 10) == 0 &&
			strcasecmp(name + 10, limit_names[i]) == 0)
		{
			const char *after = read_decimal(value, &headers->remaining[i]);

			if (!after || *after)
				headers->remaining[i] = -1;
		}
		else if (strncasecmp(name, "reset-", 6) == 0 &&
				 strcasecmp(name + 6, limit_names[i]) == 0)
			headers->resets_ms[i] = reco_duration_ms(value);
	}
	headers->reset_ms = -1;
	for (int i = 0; i < RECO_HEADER_LIMITS; i++)
		if (headers->remaining[i] == 0)
			headers->reset_ms = longest(headers->reset_ms, headers->resets_ms[i]);
}

/* The kind of a media type. */
static RecoContent
content_of(const char *value)
{
	size_t		len = strcspn(value, "; \t,");

	if (len == 0)
		return RECO_CONTENT_NONE;
	if ((len == 16 && strncasecmp(value, "application/json", 16) == 0) ||
		(len == 9 && strncasecmp(value, "text/json", 9) == 0) ||
		(len > 5 && strncasecmp(value + len - 5, "+json", 5) == 0))
		return RECO_CONTENT_JSON;
	if ((len == 9 && strncasecmp(value, "text/html", 9) == 0) ||
		(len == 21 && strncasecmp(value, "application/xhtml+xml", 21) == 0))
		return RECO_CONTENT_HTML;
	if (len > 5 && strncasecmp(value, "text/", 5) == 0)
		return RECO_CONTENT_TEXT;
	return RECO_CONTENT_OTHER;
}

/* A number of bytes; -1 = none that can be. */
static int64_t
length_of(const char *value)
{
	int64_t		length = 0;

	if (!*value)
		return -1;
	for (; *value; value++)
	{
		if (*value < '0' || *value > '9' || length > (INT64_MAX - 9) / 10)
			return -1;
		length = length * 10 + (*value - '0');
	}
	return length;
}

/* Seconds, whole or not, or a date: how long from now, in ms; -1 = neither. */
static int64_t
retry_after(const char *value, int64_t now)
{
	double		seconds;
	const char *after = read_decimal(value, &seconds);
	int64_t		date;

	if (after)
		return *after ? -1 : clamp_ms(seconds * 1000);
	date = reco_http_date(value);
	return date >= 0 ? clamp_ms(((double) date - (double) now) * 1000) : -1;
}

static int64_t
longest(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Whole ms, rounded up: never too early. */
static int64_t
clamp_ms(double ms)
{
	if (!(ms >= 0))
		return -1;
	return ms < (double) RECO_RETRY_AFTER_MAX_MS ? (int64_t) ceil(ms - 1e-6)
												 : RECO_RETRY_AFTER_MAX_MS;
}

/* Reads 12, 1.5 or .5, without sign and exponent; NULL = none. */
static const char *
read_decimal(const char *text, double *value)
{
	double		scale = 1;
	bool		any = false;

	*value = 0;
	for (; *text >= '0' && *text <= '9'; text++, any = true)
		*value = *value * 10 + (*text - '0');
	if (*text == '.')
		for (text++; *text >= '0' && *text <= '9'; text++, any = true)
			*value += (*text - '0') * (scale /= 10);
	return any ? text : NULL;
}

/* Reads a number of so many digits; NULL = none. */
static const char *
read_digits(const char *text, int least, int most, int *value)
{
	int			n = 0;

	*value = 0;
	for (; n < most && *text >= '0' && *text <= '9'; n++)
		*value = *value * 10 + (*text++ - '0');
	return n >= least && (*text < '0' || *text > '9') ? text : NULL;
}

/* Reads one of some names of three letters; NULL = none. */
static const char *
read_name(const char *text, const char *const *names, int n, int *which)
{
	for (int i = 0; i < n; i++)
		if (strncasecmp(text, names[i], 3) == 0)
		{
			*which = i;
			return text + 3;
		}
	return NULL;
}

/* Reads hh:mm:ss; NULL = none. A leap second is the second after. */
static const char *
read_clock(const char *text, int *seconds)
{
	int			part[3] = {0};

	for (int i = 0; i < 3; i++)
	{
		text = read_digits(text, 2, 2, &part[i]);
		if (!text || (i < 2 && *text++ != ':'))
			return NULL;
	}
	if (part[0] > 23 || part[1] > 59 || part[2] > 60)
		return NULL;
	*seconds = part[0] * 3600 + part[1] * 60 + part[2];
	return text;
}

/* Seconds since 1970 of a date of the Gregorian calendar; -1 = there is none. */
static int64_t
seconds_of(int year, int month, int day, int seconds)
{
	static const int before[] = {0,	  31,  59,	90,	 120, 151, 181,
								 212, 243, 273, 304, 334, 365};
	bool		leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	int			past = year - 1;
	int64_t		days;

	if (year < 1970 || day < 1 ||
		day > before[month] - before[month - 1] + (leap && month == 2))
		return -1;
	days = (int64_t) past * 365 + past / 4 - past / 100 + past / 400 - 719162;
	days += before[month - 1] + (leap && month > 2) + day - 1;
	return days * 86400 + seconds;
}
