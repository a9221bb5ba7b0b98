/*-------------------------------------------------------------------------
 *
 * header_test.c
 *	  Tests of headers: what is believed, and how much of it.
 *
 * Purpose: show every form of Retry-After, dates, durations, limits of language models.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	read a clock: the time is an argument.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/upstream/header.c */
#include "upstream/header.h"

#include <string.h>

#include "tap.h"

#define NOW		784111777	/* Sun, 06 Nov 1994 08:49:37 GMT */

/* Reads lines, each ended by a line feed. */
static RecoHeaders
read_lines(const char *lines)
{
	RecoHeaders headers;

	reco_headers_init(&headers);
	while (*lines)
	{
		size_t		len = strcspn(lines, "\n");

		reco_headers_line(&headers, lines, len, NOW);
		lines += len + (lines[len] == '\n');
	}
	return headers;
}

static void
test_content(void)
{
	static const struct
	{
		const char *line;
		RecoContent content;
	}			cases[] = {
		{"Content-Type: application/json; charset=utf-8\r", RECO_CONTENT_JSON},
		{"content-type:APPLICATION/JSON", RECO_CONTENT_JSON},
		{"content-type: application/problem+json", RECO_CONTENT_JSON},
		{"content-type: text/json", RECO_CONTENT_JSON},
		{"content-type: text/html; charset=UTF-8", RECO_CONTENT_HTML},
		{"content-type: application/xhtml+xml", RECO_CONTENT_HTML},
		{"content-type: text/plain", RECO_CONTENT_TEXT},
		{"content-type: application/jsonp", RECO_CONTENT_OTHER},
		{"content-type: application/octet-stream", RECO_CONTENT_OTHER},
		{"content-type:", RECO_CONTENT_NONE},
		{"x-content-type: text/html", RECO_CONTENT_NONE},
		{"content-type", RECO_CONTENT_NONE},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(read_lines(cases[i].line).content == cases[i].content, "%s", cases[i].line);
}

static void
test_lengths(void)
{
	ok(read_lines("").content_length == -1, "no length");
	ok(read_lines("Content-Length: 0").content_length == 0, "length 0");
	ok(read_lines("Content-Length:  1234 \r").content_length == 1234, "length 1234");
	ok(read_lines("Content-Length: -1").content_length == -1, "a negative length");
	ok(read_lines("Content-Length: 12x").content_length == -1, "a bad length");
	ok(read_lines("Content-Length: 99999999999999999999999").content_length == -1,
	   "an absurd length");
	ok(!read_lines("").compressed && !read_lines("content-encoding: identity").compressed,
	   "not compressed");
	ok(read_lines("Content-Encoding: gzip").compressed, "compressed");
}

static void
test_retry_after(void)
{
	static const struct
	{
		const char *line;
		int64_t		ms;
	}			cases[] = {
		{"Retry-After: 7", 7000},
		{"retry-after: 0", 0},
		{"RETRY-AFTER: 1.5\r", 1500},
		{"Retry-After: .25", 250},
		{"Retry-After: 52531", 52531000},
		{"Retry-After: 999999999999", RECO_RETRY_AFTER_MAX_MS},
		{"Retry-After: 9999999999999999999999999999999999999999", RECO_RETRY_AFTER_MAX_MS},
		{"Retry-After: -5", -1},
		{"Retry-After: soon", -1},
		{"Retry-After: 5 minutes", -1},
		{"Retry-After: 1e3", -1},
		{"Retry-After: inf", -1},
		{"Retry-After: nan", -1},
		{"Retry-After:", -1},
		{"Retry-After: Sun, 06 Nov 1994 08:50:07 GMT", 30000},
		{"Retry-After: Sunday, 06-Nov-94 08:50:07 GMT", 30000},
		{"Retry-After: Sun Nov  6 08:50:07 1994", 30000},
		{"Retry-After: Sun, 06 Nov 1994 08:49:07 GMT", -1},
		{"Retry-After: Fri, 31 Dec 9999 23:59:59 GMT", RECO_RETRY_AFTER_MAX_MS},
		{"Date: Sun, 06 Nov 1994 08:50:00 GMT\nRetry-After: Sun, 06 Nov 1994 08:50:07 GMT", 7000},
		{"retry-after-ms: 120", 120},
		{"retry-after-ms: 120.4", 121},
		{"retry-after-ms: -1", -1},
		{"retry-after-ms: 250\nretry-after: 1", 1000},
		{"retry-after: 1\nretry-after-ms: 2500", 2500},
		{"retry-after: 9\nretry-after: x", 9000},
	};

	ok(read_lines("").retry_after_ms == -1, "no Retry-After");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		int64_t		ms = read_lines(cases[i].line).retry_after_ms;

		if (!ok(ms == cases[i].ms, "%s", cases[i].line))
			printf("# got %lld\n", (long long) ms);
	}
}

static void
test_limits(void)
{
	ok(read_lines("x-ratelimit-reset-requests: 1s").reset_ms == -1, "a reset alone says nothing");
	ok(read_lines("x-ratelimit-remaining-requests: 3\nx-ratelimit-reset-requests: 1s").reset_ms
	   == -1, "nor with something left");
	ok(read_lines("x-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 1m26.4s").reset_ms
	   == 86400, "it counts when nothing is left");
	ok(read_lines("X-RateLimit-Reset-Tokens: 6m0s\nX-RateLimit-Remaining-Tokens: 0").reset_ms
	   == 360000, "in any order and case");
	ok(read_lines("x-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 120ms\n"
				  "x-ratelimit-remaining-tokens: 0\nx-ratelimit-reset-tokens: 2s").reset_ms
	   == 2000, "the longest counts");
	ok(read_lines("x-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 120ms\n"
				  "x-ratelimit-remaining-tokens: 9\nx-ratelimit-reset-tokens: 2s").reset_ms
	   == 120, "of those that are used up");
	ok(read_lines("x-ratelimit-remaining-requests-day: 0\nx-ratelimit-reset-requests-day: 90.5").
	   reset_ms == 90500, "seconds without a unit");
	ok(read_lines("x-ratelimit-remaining-requests: none\nx-ratelimit-reset-requests: 1s").reset_ms
	   == -1, "what is left is no number");
}

static void
test_durations(void)
{
	static const struct
	{
		const char *text;
		int64_t		ms;
	}			cases[] = {
		{"29s", 29000}, {"29.718232s", 29719}, {"1m26.4s", 86400}, {"120ms", 120},
		{"6m0s", 360000}, {"1h2m3s", 3723000}, {"1.5", 1500}, {"0", 0}, {"0s", 0},
		{"1us", 1}, {"\x31\xC2\xB5s", 1}, {"999ns", 1}, {" 2s ", 2000}, {".5s", 500},
		{"1.1s", 1100}, {"99999h", RECO_RETRY_AFTER_MAX_MS}, {"", -1}, {" ", -1}, {"s", -1},
		{"-1s", -1}, {"1d", -1}, {"1m30", -1}, {"1 m", -1}, {"1s x", -1}, {"1..2s", -1},
		{"1,5s", -1}, {"1e3s", -1}, {"+1s", -1}, {".", -1}, {"nan", -1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!ok(reco_duration_ms(cases[i].text) == cases[i].ms, "duration \"%s\"",
				cases[i].text))
			printf("# got %lld\n", (long long) reco_duration_ms(cases[i].text));
}

static void
test_dates(void)
{
	static const struct
	{
		const char *text;
		int64_t		seconds;
	}			cases[] = {
		{"Sun, 06 Nov 1994 08:49:37 GMT", NOW},
		{"Sunday, 06-Nov-94 08:49:37 GMT", NOW},
		{"Sun Nov  6 08:49:37 1994", NOW},
		{"sun, 6 nov 1994 08:49:37 UTC", NOW},
		{"Thu, 01 Jan 1970 00:00:00 GMT", 0},
		{"Tue, 29 Feb 2000 23:59:59 GMT", 951868799},
		{"Wed, 25 Nov 2026 12:00:00 GMT", 1795608000},
		{"Sunday, 22-Nov-26 00:00:00 GMT", 1795305600},
		{"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},
		{"Fri, 31 Dec 9999 23:59:59 GMT", INT64_C(253402300799)},
		{"Mon, 29 Feb 2100 00:00:00 GMT", -1},
		{"Mon, 31 Apr 2026 00:00:00 GMT", -1},
		{"Mon, 00 Apr 2026 00:00:00 GMT", -1},
		{"Mon, 01 Foo 2026 00:00:00 GMT", -1},
		{"Mon, 01 Apr 2026 24:00:00 GMT", -1},
		{"Mon, 01 Apr 2026 00:60:00 GMT", -1},
		{"Mon, 01 Apr 2026 00:00 GMT", -1},
		{"Mon, 01 Apr 2026 00:00:00", -1},
		{"Mon, 01 Apr 2026 00:00:00 CET", -1},
		{"Mon, 01 Apr 1969 00:00:00 GMT", -1},
		{"Mon, 01 Apr 20260 00:00:00 GMT", -1},
		{"Sun Nov 6", -1}, {"Sun Nov  6 08:49:37 94", -1}, {"Sun,", -1}, {"", -1}, {"x", -1},
		{"2026-11-22T00:00:00Z", -1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!ok(reco_http_date(cases[i].text) == cases[i].seconds, "date \"%s\"",
				cases[i].text))
			printf("# got %lld\n", (long long) reco_http_date(cases[i].text));
	ok(read_lines("date: Sun, 06 Nov 1994 08:49:37 GMT").date == NOW, "the header Date");
	ok(read_lines("date: yesterday").date == 0, "a bad Date");
}

static void
test_lines(void)
{
	RecoHeaders headers =
		read_lines("HTTP/1.1 100 Continue\nRetry-After: 9\nContent-Type: text/html\n\n"
				   "HTTP/1.1 200 OK\nContent-Length: 5");
	char		line[2000];

	ok(headers.retry_after_ms == -1 && headers.content == RECO_CONTENT_NONE &&
		   headers.content_length == 5, "a status line begins anew");
	reco_headers_init(&headers);
	reco_headers_line(&headers, "Retry-After: 1\0" "23", 17, NOW);
	ok(headers.retry_after_ms == -1, "a NUL inside");
	reco_headers_line(&headers, "Retry-After: 123", 14, NOW);
	ok(headers.retry_after_ms == 1000, "only so many bytes are read");
	memset(line, 'x', sizeof(line));
	line[1000] = ':';
	reco_headers_line(&headers, line, sizeof(line), NOW);
	memcpy(line, "content-type: ", 14);
	reco_headers_line(&headers, line, sizeof(line), NOW);
	ok(headers.content == RECO_CONTENT_OTHER, "long names and values");
	reco_headers_line(&headers, "", 0, NOW);
	reco_headers_line(&headers, ":", 1, NOW);
	reco_headers_line(&headers, ": 5", 3, NOW);
	ok(headers.retry_after_ms == 1000, "lines without a name are skipped");
}

int
main(void)
{
	test_content();
	test_lengths();
	test_retry_after();
	test_limits();
	test_durations();
	test_dates();
	test_lines();
	return tap_done();
}
