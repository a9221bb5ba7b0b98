/*-------------------------------------------------------------------------
 *
 * message.c
 *	  What a service says of itself, for people.
 *
 * Purpose: see message.h.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	cut before credentials are found: half of one is still one.
 *
 *-------------------------------------------------------------------------
 */
#include "message.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "json.h"
#include "utf8.h"

#define MOST_READ		1000	/* bytes of a text that are looked at */
#define LONGEST_RUN		40		/* letters and digits in a row that are no credential */
#define LONGEST_HEX		31		/* of hexadecimal digits */
#define LONGEST_WORD	16		/* small letters in a row that are just a word */
#define MASK			"***"
#define LEAST_SECRET	4		/* bytes; a shorter one is no secret */

/* Names that stand before a secret; of the weak ones, words are no secret. */
static const struct
{
	const char *name;
	bool		weak;
}			names[] = {
	{"authorization", false}, {"x-goog-api-key", false}, {"api_key", false},
	{"api-key", false}, {"api key", false}, {"apikey", false}, {"client_secret", false},
	{"client_id", false}, {"access_token", false}, {"refresh_token", false},
	{"secret", false}, {"password", false}, {"token", true}, {"key", true},
	{NULL, false}
};

static const char *text_of_json(const json_t *root, char *joined, size_t size);
static const char *text_of_error(const json_t *error);
static void title_of_page(const char **text, size_t *len);
static size_t credential(const char *text, const char *end, size_t *shown);
static size_t named_secret(const char *text, const char *end, size_t *shown);
static size_t scheme(const char *text, const char *end);
static size_t value_length(const char *text, const char *end);
static bool is_word(const char *text, size_t len);
static size_t run_length(const char *text, const char *end);
static bool is_credential(const char *text, size_t len);
static bool is_letter_or_digit(char c);

/* Copies foreign text. */
void
reco_message_clean(char *out, size_t size, const char *text, size_t len)
{
	const char *end = text + (len < MOST_READ ? len : MOST_READ);
	size_t		n = 0;
	bool		inside = false; /* of a word */

	while (text < end)
	{
		size_t		shown = 0;	/* of what stands before a secret */
		size_t		masked = inside ? 0 : credential(text, end, &shown);
		size_t step =
			masked > 0 ? shown : (size_t) reco_utf8_char(text, (size_t) (end - text));
		bool blank = masked == 0 &&
			((unsigned char) *text <= ' ' || *text == 0x7F ||
			 (step == 2 && *text == '\xC2' && (unsigned char) text[1] < 0xA0));
		const char *from = blank ? " " : step > 0 || masked > 0 ? text : "?";
		size_t		put = blank || (step == 0 && masked == 0) ? 1 : step;

		inside = !blank && masked == 0 && is_letter_or_digit(*text);
		text += masked > 0 ? shown + masked : step > 0 ? step : 1;
		if (blank && (n == 0 || out[n - 1] == ' '))
			continue;
		if (n + put + (masked > 0 ? sizeof(MASK) : 1) > size)
			break;
		memcpy(out + n, from, put);
		n += put;
		if (masked > 0)
		{
			memcpy(out + n, MASK, sizeof(MASK) - 1);
			n += sizeof(MASK) - 1;
		}
	}
	while (n > 0 && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}

/* Finds what an answer says. */
void
reco_message_of_body(char *out, size_t size, const RecoHttpResponse *response)
{
	json_t	   *root = reco_json_parse(response->body, response->body_len);
	char		joined[2 * RECO_MESSAGE_SIZE];
	const char *text = text_of_json(root, joined, sizeof(joined));
	size_t		len = text ? strlen(text) : 0;

	if (!text)
	{
		text = response->body;
		len = response->body_len;
		title_of_page(&text, &len);
	}
	reco_message_clean(out, size, text, len);
	json_decref(root);
}

/* Replaces a secret; at the end of a message that was cut, the beginning of one, too. */
void
reco_message_hide(char *message, const char *secret)
{
	size_t		len = secret == NULL ? 0 : strlen(secret);

	if (len < LEAST_SECRET)
		return;
	for (char *at = message; *at != '\0'; at++)
	{
		size_t		n = 0;

		while (n < len && at[n] == secret[n])
			n++;
		if (n < len && (at[n] != '\0' || n < LEAST_SECRET))
			continue;
		memcpy(at, MASK, sizeof(MASK) - 1);
		memmove(at + sizeof(MASK) - 1, at + n, strlen(at + n) + 1);
		at += sizeof(MASK) - 2;
	}
}

/* The words in an error of any of the usual shapes; NULL = there are none. */
static const char *
text_of_json(const json_t *root, char *joined, size_t size)
{
	const json_t *first = json_is_array(root) ? json_array_get(root, 0) : root;
	const json_t *error = reco_json_get(first, "error");
	const char *text = text_of_error(error);
	const char *more = reco_json_string(first, "error_description");

	if (json_is_string(first))
		return json_string_value(first);
	if (text && json_is_string(error))
	{
		/* OAuth's description, or Spring's message beside "Not Found" */
		more = more ? more : reco_json_string(first, "message");
		if (more)
			snprintf(joined, size, "%s: %s", text, more);
		return more ? joined : text;
	}
	if (!text)
	{
		const json_t *one = json_array_get(reco_json_array(first, "errors"), 0);
		const char *path = reco_json_string(one, "path");

		/* which parameter is wrong */
		text = text_of_error(one);
		if (text && path)
			snprintf(joined, size, "%s: %s", path, text);
		text = text && path ? joined : text;
	}
	text = text ? text : reco_json_string(first, "message");
	text = text ? text : more;
	text = text ? text : reco_json_string(first, "detail");
	return text ? text : reco_json_string(first, "title");
}

/* The words of one error. */
static const char *
text_of_error(const json_t *error)
{
	const char *text = json_string_value(error);

	if (text)
		return *text ? text : NULL;
	text = reco_json_string(error, "message");
	return text ? text : reco_json_string(error, "status");
}

/* Narrows a page of HTML down to its title, if there is one. */
static void
title_of_page(const char **text, size_t *len)
{
	const char *end = *text + *len;
	const char *at = *text;

	while (at < end && (unsigned char) *at <= ' ')
		at++;
	if (at == end || *at != '<')
		return;
	for (; end - at > 7; at++)
		if (strncasecmp(at, "<title>", 7) == 0)
		{
			const char *close = memchr(at + 7, '<', (size_t) (end - at - 7));

			if (close && close > at + 7)
			{
				*text = at + 7;
				*len = (size_t) (close - *text);
			}
			return;
		}
}

/*
 * How many bytes of what begins here are a credential, behind 'shown' bytes that
 * may be shown; 0 = none.
 */
static size_t
credential(const char *text, const char *end, size_t *shown)
{
	size_t		run = run_length(text, end);
	size_t		masked = named_secret(text, end, shown);

	if (masked > 0)
		return masked;
	*shown = scheme(text, end);
	if (*shown > 0)
	{
		masked = value_length(text + *shown, end);
		if (masked > 0 && !is_word(text + *shown, masked))
			return masked;
	}
	*shown = 0;
	return is_credential(text, run) ? run : 0;
}

/* name=value, name: value, "name":"value" and the like. */
static size_t
named_secret(const char *text, const char *end, size_t *shown)
{
	for (int i = 0; names[i].name; i++)
	{
		size_t		len = strlen(names[i].name);
		const char *at = text + len;
		bool		sure = !names[i].weak;
		size_t		masked;

		if ((size_t) (end - text) <= len || strncasecmp(text, names[i].name, len) != 0)
			continue;
		if (at < end && strchr("\"'", *at))
			at++;
		while (at < end && *at == ' ')
			at++;
		if (at == end || (*at != '=' && *at != ':'))
			continue;
		sure |= *at == '=';
		for (at++; at < end && strchr(" \"'", *at); at++)
			sure |= *at != ' ';
		at += scheme(at, end);
		masked = value_length(at, end);
		if (masked == 0 || (!sure && is_word(at, masked)))
			continue;
		*shown = (size_t) (at - text);
		return masked;
	}
	return 0;
}

/* Length of "Bearer " or "Basic " that begins here. */
static size_t
scheme(const char *text, const char *end)
{
	size_t		len = 0;

	if (end - text > 7 && strncasecmp(text, "bearer ", 7) == 0)
		len = 7;
	else if (end - text > 6 && strncasecmp(text, "basic ", 6) == 0)
		len = 6;
	while (len > 0 && text + len < end && text[len] == ' ')
		len++;
	return len;
}

/* Length of a value that ends with a blank or a mark. */
static size_t
value_length(const char *text, const char *end)
{
	const char *at = text;

	while (at < end && (unsigned char) *at > ' ' && !strchr("\"'&,;{}()<>", *at))
		at++;
	return (size_t) (at - text);
}

/* Small letters only, and not many. */
static bool
is_word(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((text[i] < 'a' || text[i] > 'z') &&
			!(i == len - 1 && strchr(".:!?", text[i])))
			return false;
	return len <= LONGEST_WORD;
}

/* Length of what could be base64, in either alphabet. */
static size_t
run_length(const char *text, const char *end)
{
	const char *at = text;

	while (at < end && (is_letter_or_digit(*at) || (*at && strchr("+/_-=", *at))))
		at++;
	return (size_t) (at - text);
}

/* Judges a run: too long for a word, a digest, or it begins as keys begin. */
static bool
is_credential(const char *text, size_t len)
{
	static const char *const beginnings[] = {"sk-", "AIza", "gsk_", "eyJ", "ya29"};
	size_t		hex = 0;

	if (len > LONGEST_RUN)
		return true;
	for (size_t i = 0; len >= 12 && i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
		if (strncmp(text, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	while (hex < len &&
		   ((text[hex] >= '0' && text[hex] <= '9') ||
			((text[hex] | 32) >= 'a' && (text[hex] | 32) <= 'f')))
		hex++;
	return hex == len && hex > LONGEST_HEX;
}

static bool
is_letter_or_digit(char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}
