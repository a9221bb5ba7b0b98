/*-------------------------------------------------------------------------
 *
 * spotify_request.c
 *	  Requests to the Spotify Web API.
 *
 * Purpose: for each operation choose an endpoint that the app may use, and write
 *			path and query.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	decide by dates what an app may do: ask, and remember the refusal.
 *
 *-------------------------------------------------------------------------
 */
#include "spotify_parts.h"

#include <stdlib.h>
#include <string.h>

#define MAX_QUERY	250			/* characters that a search takes */
#define MAX_NAME	200			/* of an artist's name, inside a query */

static bool is_open(const RecoCapabilities *capabilities, int endpoint);
static bool is_spent(const RecoCapabilities *capabilities, int endpoint);
static int	choose_for_artist(const RecoCall *call, const RecoCapabilities *capabilities);
static void put_target(const RecoCall *call, RecoHttpRequest *request);
static void put_search(const RecoCall *call, RecoBuffer *target);
static void put_ids(const RecoCall *call, RecoBuffer *target);
static void put_artist_id(RecoBuffer *target, const char *key);
static void put_market(const RecoCall *call, RecoBuffer *target);
static int	search_limit(const RecoCall *call);
static const char *name_in_key(const char *key);
static void put_query(RecoBuffer *target, const char *text, bool inside_filter, int most);

/* Writes the request for a call. */
bool
reco_spotify_build(const RecoCall *call, RecoHttpRequest *request)
{
	int			endpoint = reco_spotify_choose(call, call->capabilities, call->nkeys);

	if (endpoint == RECO_SPOTIFY_NONE)
		return false;
	request->post = false;
	request->accounts = false;
	request->endpoint = endpoint;
	request->auth =
		reco_operation_is_listeners(call->operation) ? RECO_AUTH_LISTENER : RECO_AUTH_APP;
	put_target(call, request);
	return !request->target.failed;
}

/* Chooses the endpoint for a call with so many keys, of those that are open. */
int
reco_spotify_choose(const RecoCall *call, const RecoCapabilities *capabilities, int nkeys)
{
	bool		development = reco_spotify_is_development(call->options, capabilities);
	bool		artists = call->operation == RECO_OP_ARTISTS;
	int			single = artists ? RECO_SPOTIFY_ARTIST : RECO_SPOTIFY_TRACK;
	int			batch = artists ? RECO_SPOTIFY_ARTISTS : RECO_SPOTIFY_TRACKS;
	int			endpoint = RECO_SPOTIFY_NONE;

	if (nkeys != 1 && call->operation != RECO_OP_TRACKS &&
		call->operation != RECO_OP_ARTISTS)
		return RECO_SPOTIFY_NONE;
	switch (call->operation)
	{
		case RECO_OP_PROBE:
			return is_spent(capabilities, RECO_SPOTIFY_SEARCH) ? RECO_SPOTIFY_NONE
															   : RECO_SPOTIFY_SEARCH;
		case RECO_OP_SEARCH:
			endpoint = RECO_SPOTIFY_SEARCH;
			break;
		case RECO_OP_TOP_TRACKS:
			endpoint = RECO_SPOTIFY_TOP_TRACKS;
			break;
		case RECO_OP_TOP_ARTISTS:
			endpoint = RECO_SPOTIFY_TOP_ARTISTS;
			break;
		case RECO_OP_TRACKS:
		case RECO_OP_ARTISTS:
			if (nkeys == 1 && is_open(capabilities, single))
				endpoint = single;
			else if (!development && nkeys <= RECO_SPOTIFY_BATCH_MAX)
				endpoint = batch;
			break;
		case RECO_OP_ARTIST_TRACKS:
			endpoint = choose_for_artist(call, capabilities);
			break;
		default:
			break;
	}
	return is_open(capabilities, endpoint) ? endpoint : RECO_SPOTIFY_NONE;
}

/*
 * Chooses the way to an artist's tracks. Top tracks are closed to most apps, and a search
 * by name is open to all, so that comes first until it is known that an app has both.
 */
static int
choose_for_artist(const RecoCall *call, const RecoCapabilities *capabilities)
{
	bool		top = call->options->access != RECO_ACCESS_DEVELOPMENT &&
		is_open(capabilities, RECO_SPOTIFY_ARTIST_TOP_TRACKS);
	bool		search = name_in_key(call->keys[0]) != NULL;

	if (top &&
		(!search || !is_open(capabilities, RECO_SPOTIFY_SEARCH) ||
		 reco_spotify_is_extended(call->options, capabilities)))
		return RECO_SPOTIFY_ARTIST_TOP_TRACKS;
	return search ? RECO_SPOTIFY_SEARCH : RECO_SPOTIFY_NONE;
}

bool
reco_spotify_is_development(const RecoOptions *options,
							const RecoCapabilities *capabilities)
{
	return options->access == RECO_ACCESS_DEVELOPMENT ||
		(options->access == RECO_ACCESS_AUTO && capabilities != NULL &&
		 (capabilities->dropped & RECO_SPOTIFY_FEWER_FIELDS) != 0);
}

bool
reco_spotify_is_extended(const RecoOptions *options, const RecoCapabilities *capabilities)
{
	return options->access == RECO_ACCESS_EXTENDED ||
		(options->access == RECO_ACCESS_AUTO && capabilities != NULL &&
		 (capabilities->dropped & RECO_SPOTIFY_ALL_FIELDS) != 0);
}

/* How many results a request asked for; capabilities may have changed since. */
int
reco_spotify_asked_limit(const RecoHttpRequest *request)
{
	const char *limit = NULL;

	if (request->target.data != NULL)
		limit = strstr(request->target.data, "&limit=");
	return limit == NULL ? 0 : atoi(limit + strlen("&limit="));
}

/* Copies the id in "id name"; false when it is too long to be one. */
bool
reco_spotify_artist_id(const char *key, char *id)
{
	size_t		len = reco_operation_key_len(RECO_OP_ARTIST_TRACKS, key);

	id[0] = '\0';
	if (len == 0 || len >= RECO_SPOTIFY_ID_SIZE)
		return false;
	memcpy(id, key, len);
	id[len] = '\0';
	return true;
}

/* Whether an endpoint is none of those that were refused, or have no quota left. */
static bool
is_open(const RecoCapabilities *capabilities, int endpoint)
{
	if (endpoint == RECO_SPOTIFY_NONE || is_spent(capabilities, endpoint))
		return false;
	return capabilities == NULL || (capabilities->refused & (1u << endpoint)) == 0;
}

/* Whether the quota of an endpoint is used up: a probe would be one call too many. */
static bool
is_spent(const RecoCapabilities *capabilities, int endpoint)
{
	return capabilities != NULL && (capabilities->exhausted & (1u << endpoint)) != 0;
}

/* Writes path and query of the endpoint that was chosen. */
static void
put_target(const RecoCall *call, RecoHttpRequest *request)
{
	RecoBuffer *target = &request->target;
	const char *key = call->keys[0];

	switch ((RecoSpotifyEndpoint) request->endpoint)
	{
		case RECO_SPOTIFY_SEARCH:
			put_search(call, target);
			break;
		case RECO_SPOTIFY_TOP_TRACKS:
		case RECO_SPOTIFY_TOP_ARTISTS:
			reco_buffer_puts(target,
							 request->endpoint == RECO_SPOTIFY_TOP_TRACKS
								 ? "/me/top/tracks?time_range="
								 : "/me/top/artists?time_range=");
			reco_buffer_put_escaped(target, key[0] == '\0' ? "medium_term" : key);
			reco_buffer_puts(target, "&limit=50");
			break;
		case RECO_SPOTIFY_TRACKS:
			reco_buffer_puts(target, "/tracks?ids=");
			put_ids(call, target);
			put_market(call, target);
			break;
		case RECO_SPOTIFY_ARTISTS:
			reco_buffer_puts(target, "/artists?ids=");
			put_ids(call, target);
			break;
		case RECO_SPOTIFY_TRACK:
			reco_buffer_puts(target, "/tracks/");
			reco_buffer_put_escaped(target, key);
			put_market(call, target);
			break;
		case RECO_SPOTIFY_ARTIST:
			reco_buffer_puts(target, "/artists/");
			reco_buffer_put_escaped(target, key);
			break;
		case RECO_SPOTIFY_ARTIST_TOP_TRACKS:
			reco_buffer_puts(target, "/artists/");
			put_artist_id(target, key);
			reco_buffer_puts(target, "/top-tracks");
			put_market(call, target);
			break;
		default:
			target->failed = true;
			break;
	}
}

/* Writes a search: of a query, of an artist's tracks, or the smallest there is. */
static void
put_search(const RecoCall *call, RecoBuffer *target)
{
	reco_buffer_puts(target, "/search?q=");
	if (call->operation == RECO_OP_PROBE)
	{
		reco_buffer_puts(target, "a&type=track&limit=1");
		return;
	}
	if (call->operation == RECO_OP_ARTIST_TRACKS)
	{
		reco_buffer_puts(target, "artist%3A%22");
		put_query(target, name_in_key(call->keys[0]), true, MAX_NAME);
		reco_buffer_puts(target, "%22&type=track");
	}
	else
	{
		put_query(target, call->keys[0], false, MAX_QUERY);
		reco_buffer_puts(target, "&type=artist%2Ctrack");
	}
	reco_buffer_printf(target, "&limit=%d", search_limit(call));
	put_market(call, target);
}

/* Writes all keys, in their order: the answer has the same. */
static void
put_ids(const RecoCall *call, RecoBuffer *target)
{
	for (int k = 0; k < call->nkeys; k++)
	{
		if (k > 0)
			reco_buffer_putc(target, ',');
		reco_buffer_put_escaped(target, call->keys[k]);
	}
}

/* Writes the id in "id name". */
static void
put_artist_id(RecoBuffer *target, const char *key)
{
	char		id[RECO_SPOTIFY_ID_SIZE];

	if (reco_spotify_artist_id(key, id))
		reco_buffer_put_escaped(target, id);
	else
		target->failed = true;
}

/* Adds the market, where the server has one, behind whatever query there is. */
static void
put_market(const RecoCall *call, RecoBuffer *target)
{
	const char *market = call->options->market;

	if (market == NULL || market[0] == '\0' || target->failed)
		return;
	reco_buffer_puts(target, strchr(target->data, '?') == NULL ? "?market=" : "&market=");
	reco_buffer_put_escaped(target, market);
}

/* How many results to ask for: what was learned, else what every app may have. */
static int
search_limit(const RecoCall *call)
{
	int			learned = 0;

	if (call->capabilities != NULL)
		learned = call->capabilities->search_limit;
	if (learned > 0)
		return learned < RECO_SPOTIFY_LIMIT_EXTENDED ? learned
													 : RECO_SPOTIFY_LIMIT_EXTENDED;
	return reco_spotify_is_extended(call->options, call->capabilities)
		? RECO_SPOTIFY_LIMIT_EXTENDED
		: RECO_SPOTIFY_LIMIT_DEVELOPMENT;
}

/* The name in "id name", or NULL where the key is the id alone. */
static const char *
name_in_key(const char *key)
{
	const char *name = strchr(key, ' ');

	if (name != NULL)
		name += strspn(name, " ");
	return name == NULL || name[0] == '\0' ? NULL : name;
}

/*
 * Writes the text of a query, without control characters. Quotes and colons
 * inside a field filter would end it, and the typographic apostrophe finds less
 * than the plain one.
 */
static void
put_query(RecoBuffer *target, const char *text, bool inside_filter, int most)
{
	RecoBuffer	clean;
	int			n = 0;

	reco_buffer_init(&clean, 0);
	for (const unsigned char *p = (const unsigned char *) text; *p != '\0'; p++)
	{
		bool apostrophe = p[0] == 0xE2 && p[1] == 0x80 && (p[2] == 0x98 || p[2] == 0x99);
		bool		quote = p[0] == 0xE2 && p[1] == 0x80 && p[2] >= 0x9C && p[2] <= 0x9F;

		if ((*p & 0xC0) != 0x80 && n++ == most)
			break;
		if (inside_filter && (apostrophe || quote))
		{
			reco_buffer_putc(&clean, apostrophe ? '\'' : ' ');
			p += 2;
		}
		else if (p[0] == 0xC2 && p[1] >= 0x80 && p[1] <= 0x9F)
		{
			reco_buffer_putc(&clean, ' ');
			p++;
		}
		else if (*p < ' ' || *p == 0x7F || (inside_filter && (*p == '"' || *p == ':')))
			reco_buffer_putc(&clean, ' ');
		else
			reco_buffer_putc(&clean, (char) *p);
	}
	if (clean.data != NULL)
		reco_buffer_put_escaped(target, clean.data);
	target->failed |= clean.failed;
	reco_buffer_free(&clean, false);
}
