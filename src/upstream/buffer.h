/*-------------------------------------------------------------------------
 *
 * buffer.h
 *	  Bytes in malloc memory that grow up to a cap and never throw.
 *
 * Purpose: what libcurl's callbacks and the adapters write into: a failure is
 *			a flag that sticks, looked at once at the end.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	end the process or jump when memory is short.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_BUFFER_H
#define RECO_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct RecoBuffer
{
	char	   *data;			/* NUL-terminated once anything was written; else NULL */
	size_t		len;			/* without the NUL */
	size_t		size;			/* allocated */
	size_t		max;			/* most bytes it may hold; 0 = 64 MiB */
	bool		failed;			/* over the cap, or out of memory */
} RecoBuffer;

extern void reco_buffer_init(RecoBuffer *buffer, size_t max);

/* Frees; 'wipe' overwrites the bytes first. The buffer can be used again. */
extern void reco_buffer_free(RecoBuffer *buffer, bool wipe);

/* Empties, keeps the memory. */
extern void reco_buffer_reset(RecoBuffer *buffer);

/* Each returns false, and sets 'failed', when it could not append all. */
extern bool reco_buffer_add(RecoBuffer *buffer, const void *bytes, size_t len);
extern bool reco_buffer_puts(RecoBuffer *buffer, const char *string);
extern bool reco_buffer_putc(RecoBuffer *buffer, char c);
extern bool reco_buffer_printf(RecoBuffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Percent-encodes everything but RFC 3986's unreserved characters. */
extern bool reco_buffer_put_escaped(RecoBuffer *buffer, const char *string);

/* Base64 without line breaks, for Basic authentication. */
extern bool reco_buffer_put_base64(RecoBuffer *buffer, const char *bytes, size_t len);

/* Overwrites bytes such that the compiler does not leave it out. */
extern void reco_wipe(void *bytes, size_t len);

/*
 * Fields on a wire between processes of one machine: numbers as they are in
 * memory, strings behind their length. A string may be NULL. The reader checks
 * every length; after a bad one 'failed' sticks and all fields read as 0 or NULL.
 */
extern bool reco_buffer_put_int(RecoBuffer *buffer, int64_t value);
extern bool reco_buffer_put_real(RecoBuffer *buffer, double value);
extern bool reco_buffer_put_string(RecoBuffer *buffer, const char *string);
extern bool reco_buffer_put_bytes(RecoBuffer *buffer, const void *bytes, size_t len);

typedef struct RecoReader
{
	const char *at;
	const char *end;
	bool		failed;
} RecoReader;

extern void reco_reader_init(RecoReader *reader, const void *bytes, size_t len);
extern int64_t reco_reader_int(RecoReader *reader);
extern double reco_reader_real(RecoReader *reader);

/* Points into the bytes that are read; NUL-terminated. */
extern const char *reco_reader_string(RecoReader *reader);
extern const char *reco_reader_bytes(RecoReader *reader, size_t *len);

#endif							/* RECO_BUFFER_H */
