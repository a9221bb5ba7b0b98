/*-------------------------------------------------------------------------
 *
 * spotify_error.c
 *	  What the body of a Spotify error says.
 *
 * Purpose: find message and reason in all the shapes that errors come in: an
 *			object, OAuth's string, a bare message, text, an HTML page, nothing.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	need a message: many errors have none.
 *
 *-------------------------------------------------------------------------
 */
#include "spotify_parts.h"

#include <string.h>

static char lower(char c);

/*
 * Reads the body. The content type is not believed where the body is JSON, as
 * faults in front of the service send one with the other.
 */
void
reco_spotify_error_read(const RecoHttpResponse *response, RecoSpotifyError *error)
{
	json_t	   *member;
	const char *body = response->body + strspn(response->body, " \t\r\n");

	memset(error, 0, sizeof(*error));
	if (reco_spotify_is_blank(response->body, response->body_len))
	{
		error->empty = true;
		return;
	}
	error->parsed = reco_json_parse(response->body, response->body_len);
	if (error->parsed == NULL)
	{
		error->html = response->content == RECO_CONTENT_HTML || *body == '<';
		error->message = error->html || *body == '\0' ? NULL : body;
		return;
	}
	member = reco_json_get(error->parsed, "error");
	if (json_is_object(member))
	{
		error->message = reco_json_string(member, "message");
		error->reason = reco_json_string(member, "reason");
	}
	else
	{
		error->name = reco_json_string(error->parsed, "error");
		error->message = reco_json_string(error->parsed, "error_description");
		if (error->message == NULL)
			error->message = reco_json_string(error->parsed, "message");
		if (error->message == NULL)
			error->message = error->name;
		if (error->message == NULL)
			error->message = json_string_value(error->parsed);
	}
	if (error->reason == NULL)
		error->reason = reco_json_string(error->parsed, "reason");
}

void
reco_spotify_error_free(RecoSpotifyError *error)
{
	json_decref(error->parsed);
	memset(error, 0, sizeof(*error));
}

bool
reco_spotify_error_says(const RecoSpotifyError *error, const char *words)
{
	for (const char *p = error->message; p != NULL && *p != '\0'; p++)
	{
		size_t		n = 0;

		while (words[n] != '\0' && lower(p[n]) == lower(words[n]))
			n++;
		if (words[n] == '\0')
			return true;
	}
	return false;
}

bool
reco_spotify_is_blank(const char *body, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (memchr(" \t\r\n", body[i], 4) == NULL)
			return false;
	return true;
}

bool
reco_spotify_is_cut(const char *body, size_t len)
{
	bool		quoted = false;
	long		depth = 0;

	for (size_t i = 0; i < len; i++)
	{
		if (quoted && body[i] == '\\')
			i++;
		else if (body[i] == '"')
			quoted = !quoted;
		else if (!quoted && (body[i] == '{' || body[i] == '['))
			depth++;
		else if (!quoted && (body[i] == '}' || body[i] == ']'))
			depth--;
	}
	return quoted || depth > 0;
}

/* ASCII only, whatever the locale. */
static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}
