/*-------------------------------------------------------------------------
 *
 * buffer.c
 *	  Bytes in malloc memory that grow up to a cap and never throw.
 *
 * Purpose: see buffer.h.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	end the process or jump when memory is short; leave a copy of what
 *			may be a secret behind when it grows.
 *
 *-------------------------------------------------------------------------
 */
#include "buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MAX		((size_t) 64 * 1024 * 1024)
#define FIRST_SIZE		256
#define NO_STRING		UINT32_MAX	/* length of a string that is NULL */

static bool make_room(RecoBuffer *buffer, size_t len);
static const char *read_raw(RecoReader *reader, size_t len);

/* Makes an empty buffer; memory of zeros is one as well. */
void
reco_buffer_init(RecoBuffer *buffer, size_t max)
{
	memset(buffer, 0, sizeof(*buffer));
	buffer->max = max;
}

/* Gives the memory back. */
void
reco_buffer_free(RecoBuffer *buffer, bool wipe)
{
	if (wipe && buffer->data)
		reco_wipe(buffer->data, buffer->size);
	free(buffer->data);
	reco_buffer_init(buffer, buffer->max);
}

/* Empties a buffer; a failure is forgotten as well. */
void
reco_buffer_reset(RecoBuffer *buffer)
{
	buffer->len = 0;
	buffer->failed = false;
	if (buffer->data)
		buffer->data[0] = '\0';
}

/* Appends bytes, all or none. */
bool
reco_buffer_add(RecoBuffer *buffer, const void *bytes, size_t len)
{
	if (!make_room(buffer, len))
		return false;
	if (len > 0)
		memcpy(buffer->data + buffer->len, bytes, len);
	buffer->len += len;
	buffer->data[buffer->len] = '\0';
	return true;
}

/* Appends a string. */
bool
reco_buffer_puts(RecoBuffer *buffer, const char *string)
{
	return reco_buffer_add(buffer, string, strlen(string));
}

/* Appends one byte. */
bool
reco_buffer_putc(RecoBuffer *buffer, char c)
{
	return reco_buffer_add(buffer, &c, 1);
}

/* Appends formatted text. */
bool
reco_buffer_printf(RecoBuffer *buffer, const char *format, ...)
{
	va_list		arguments;
	int			len;

	va_start(arguments, format);
	len = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (len < 0)
		buffer->failed = true;
	if (len < 0 || !make_room(buffer, (size_t) len))
		return false;
	va_start(arguments, format);
	vsnprintf(buffer->data + buffer->len, (size_t) len + 1, format, arguments);
	va_end(arguments);
	buffer->len += (size_t) len;
	return true;
}

/* Appends a string as a part of a URL. */
bool
reco_buffer_put_escaped(RecoBuffer *buffer, const char *string)
{
	static const char hex[] = "0123456789ABCDEF";

	for (const char *at = string; *at; at++)
	{
		unsigned char c = (unsigned char) *at;
		char		escaped[3] = {'%', hex[c >> 4], hex[c & 15]};
		bool		plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';

		if (!reco_buffer_add(buffer, plain ? at : escaped, plain ? 1 : 3))
			return false;
	}
	return !buffer->failed;
}

/* Appends bytes in base64. */
bool
reco_buffer_put_base64(RecoBuffer *buffer, const char *bytes, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *in = (const unsigned char *) bytes;

	for (size_t i = 0; i < len; i += 3)
	{
		size_t		n = len - i < 3 ? len - i : 3;
		unsigned	bits = (unsigned) in[i] << 16;
		char		out[4];

		if (n > 1)
			bits |= (unsigned) in[i + 1] << 8;
		if (n > 2)
			bits |= in[i + 2];
		out[0] = digits[bits >> 18];
		out[1] = digits[bits >> 12 & 63];
		out[2] = n > 1 ? digits[bits >> 6 & 63] : '=';
		out[3] = n > 2 ? digits[bits & 63] : '=';
		if (!reco_buffer_add(buffer, out, 4))
			return false;
	}
	return !buffer->failed;
}

/* Overwrites bytes for good. */
void
reco_wipe(void *bytes, size_t len)
{
	if (len == 0)
		return;
	memset(bytes, 0, len);
	/* the bytes count as read here, so the compiler has to write them */
	__asm__ __volatile__("" : : "r"(bytes) : "memory");
}

/* Appends a number. */
bool
reco_buffer_put_int(RecoBuffer *buffer, int64_t value)
{
	return reco_buffer_add(buffer, &value, sizeof(value));
}

/* Appends a number. */
bool
reco_buffer_put_real(RecoBuffer *buffer, double value)
{
	return reco_buffer_add(buffer, &value, sizeof(value));
}

/* Appends a string that can be read back. */
bool
reco_buffer_put_string(RecoBuffer *buffer, const char *string)
{
	return reco_buffer_put_bytes(buffer, string, string ? strlen(string) : 0);
}

/* Appends bytes that can be read back: length, bytes, NUL. NULL stays NULL. */
bool
reco_buffer_put_bytes(RecoBuffer *buffer, const void *bytes, size_t len)
{
	uint32_t	written = bytes ? (uint32_t) len : NO_STRING;

	if (len >= NO_STRING)
		buffer->failed = true;
	if (!reco_buffer_add(buffer, &written, sizeof(written)))
		return false;
	if (!bytes)
		return true;
	return reco_buffer_add(buffer, bytes, len) && reco_buffer_putc(buffer, '\0');
}

/* Begins to read. */
void
reco_reader_init(RecoReader *reader, const void *bytes, size_t len)
{
	reader->at = bytes;
	reader->end = len > 0 ? reader->at + len : reader->at;
	reader->failed = false;
}

/* Reads a number; 0 when there is none. */
int64_t
reco_reader_int(RecoReader *reader)
{
	int64_t		value = 0;
	const char *bytes = read_raw(reader, sizeof(value));

	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return value;
}

/* Reads a number; 0 when there is none. */
double
reco_reader_real(RecoReader *reader)
{
	double		value = 0;
	const char *bytes = read_raw(reader, sizeof(value));

	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return value;
}

/* Reads a string; one with a NUL inside was not written as a string. */
const char *
reco_reader_string(RecoReader *reader)
{
	size_t		len;
	const char *string = reco_reader_bytes(reader, &len);

	if (string && strlen(string) != len)
	{
		reader->failed = true;
		return NULL;
	}
	return string;
}

/* Reads bytes; a NUL stands behind them. */
const char *
reco_reader_bytes(RecoReader *reader, size_t *len)
{
	uint32_t	written = NO_STRING;
	const char *bytes = read_raw(reader, sizeof(written));

	*len = 0;
	if (bytes)
		memcpy(&written, bytes, sizeof(written));
	if (written == NO_STRING)
		return NULL;
	bytes = read_raw(reader, (size_t) written + 1);
	if (bytes && bytes[written] != '\0')
	{
		reader->failed = true;
		bytes = NULL;
	}
	if (bytes)
		*len = written;
	return bytes;
}

/*
 * Makes room for 'len' more bytes and a NUL. The old memory is wiped, which
 * realloc would not do.
 */
static bool
make_room(RecoBuffer *buffer, size_t len)
{
	size_t		max = buffer->max > 0 ? buffer->max : DEFAULT_MAX;
	size_t		size = buffer->size > 0 ? buffer->size : FIRST_SIZE;
	char	   *data;

	if (buffer->failed || len > max || buffer->len > max - len)
	{
		buffer->failed = true;
		return false;
	}
	if (buffer->len + len < buffer->size)
		return true;
	while (size <= buffer->len + len)
		size *= 2;
	data = malloc(size);
	if (!data)
	{
		buffer->failed = true;
		return false;
	}
	if (buffer->data)
	{
		memcpy(data, buffer->data, buffer->len);
		reco_wipe(buffer->data, buffer->size);
		free(buffer->data);
	}
	data[buffer->len] = '\0';
	buffer->data = data;
	buffer->size = size;
	return true;
}

/* Steps over bytes; NULL, and it sticks, when there are not so many. */
static const char *
read_raw(RecoReader *reader, size_t len)
{
	const char *bytes = reader->at;

	if (reader->failed || (size_t) (reader->end - reader->at) < len)
	{
		reader->failed = true;
		return NULL;
	}
	reader->at += len;
	return bytes;
}
