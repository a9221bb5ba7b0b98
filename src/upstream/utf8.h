/*-------------------------------------------------------------------------
 *
 * utf8.h
 *	  Which bytes are a character of UTF-8.
 *
 * Purpose: one test for all that cleans foreign text.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	accept a surrogate or an overlong form.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_UTF8_H
#define RECO_UTF8_H

#include <stddef.h>

#define RECO_UTF8_REPLACEMENT	"\xEF\xBF\xBD"	/* U+FFFD */

/* Length of the character at 'text', 1..4 bytes; 0 when it is none. */
static inline int
reco_utf8_char(const char *text, size_t left)
{
	const unsigned char *c = (const unsigned char *) text;
	int			len;
	unsigned	least;			/* of the second byte */
	unsigned	most;

	if (left == 0)
		return 0;
	if (c[0] < 0x80)
		return 1;
	if (c[0] < 0xC2 || c[0] > 0xF4)
		return 0;
	len = c[0] < 0xE0 ? 2 : c[0] < 0xF0 ? 3 : 4;
	least = c[0] == 0xE0 ? 0xA0 : c[0] == 0xF0 ? 0x90 : 0x80;
	most = c[0] == 0xED ? 0x9F : c[0] == 0xF4 ? 0x8F : 0xBF;
	if (left < (size_t) len || c[1] < least || c[1] > most)
		return 0;
	for (int i = 2; i < len; i++)
		if ((c[i] & 0xC0) != 0x80)
			return 0;
	return len;
}

#endif							/* RECO_UTF8_H */
