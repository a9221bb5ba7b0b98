/*-------------------------------------------------------------------------
 *
 * header.h
 *	  Headers of an HTTP answer, line by line.
 *
 * Purpose: content type, length, Retry-After in all its forms, Date, and what
 *			language models say of their limits.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	trust a number: everything is clamped.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_HEADER_H
#define RECO_HEADER_H

#include <stdint.h>

#include "service.h"

/* Longest wait that a header can make us believe in. */
#define RECO_RETRY_AFTER_MAX_MS	((int64_t) 48 * 3600 * 1000)

/* Limits that x-ratelimit-* tells apart. */
#define RECO_HEADER_LIMITS	6

typedef struct RecoHeaders
{
	RecoContent content;
	int64_t		content_length; /* -1 = not said */
	int64_t		retry_after_ms; /* -1 = not said, or nonsense */
	int64_t		date;			/* seconds since 1970; 0 = not said */
	int64_t
		reset_ms; /* of x-ratelimit-reset-*, the longest of those that are used up; -1 */
	bool		compressed;		/* a content encoding other than identity */

	/* as they came, until all lines are read; the order is header.c's */
	double		remaining[RECO_HEADER_LIMITS];	/* -1 = not said */
	int64_t		resets_ms[RECO_HEADER_LIMITS];	/* -1 = not said */
} RecoHeaders;

extern void reco_headers_init(RecoHeaders *headers);

/*
 * Reads one header line, with or without CR LF; a status line begins anew (the
 * answers of a 100 Continue are forgotten). 'now' is in seconds since 1970, for
 * dates. Lines that mean nothing here are skipped.
 */
extern void reco_headers_line(RecoHeaders *headers, const char *line, size_t len,
							  int64_t now);

/* A duration as Go, protobuf or plain seconds write it ("1m26.4s", "29s", "1.5"), in
 * ms; -1 = none. */
extern int64_t reco_duration_ms(const char *text);

/* An HTTP date (RFC 1123, RFC 850, asctime) in seconds since 1970; -1 = none. */
extern int64_t reco_http_date(const char *text);

#endif							/* RECO_HEADER_H */
