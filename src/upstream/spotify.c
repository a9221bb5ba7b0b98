/*-------------------------------------------------------------------------
 *
 * spotify.c
 *	  The Spotify Web API: what an answer means.
 *
 * Purpose: tell what became of each key, and what the app was found to be allowed.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	let one listener's refusal close an endpoint for all of them; take a
 *			list that is missing for an empty one.
 *
 * What an app may do depends on its access class. One in development mode has no
 * batch reads, no top tracks of an artist, and 10 results a search where others
 * have 50; so all of these have another way, and each refusal sets a bit of the
 * capabilities that closes the way it came by. Quotas are counted by endpoint, and
 * do the same for as long as they last. As no bit is ever cleared here, "build
 * again" comes to an end.
 *
 *-------------------------------------------------------------------------
 */
#include "spotify_parts.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "message.h"

static void spotify_split(const RecoCall *call, const RecoHttpRequest *request,
						  const RecoHttpResponse *response, RecoSplit *split);

static void read_answer(const RecoCall *call, const RecoHttpRequest *request,
						const json_t *root, RecoSplit *split);
static void learn_fields(const json_t *root, RecoSplit *split);
static void read_search(const json_t *root, RecoSplit *split);
static void read_list(const json_t *items, bool artists, const char *by,
					  RecoSplit *split);
static void read_batch(const RecoCall *call, const json_t *root, RecoSplit *split);
static void read_single(const RecoCall *call, const json_t *root, RecoSplit *split);
static void read_probe(const json_t *root, RecoSplit *split);
static const json_t *items_of(const json_t *root, const char *kind);
static void give_record(RecoOperation operation, const json_t *record, const char *key,
						RecoKeyAnswer *answer);
static void give(RecoKeyAnswer *answer, RecoBuffer *out);
static void all_absent(const RecoCall *call, RecoSplit *split);
static void malformed(RecoSplit *split, const char *what);

static void read_refusal(const RecoCall *call, const RecoHttpRequest *request,
						 const RecoHttpResponse *response, RecoSplit *split);
static void read_wrong(const RecoCall *call, const RecoHttpRequest *request,
					   const RecoSpotifyError *error, RecoSplit *split);
static void read_forbidden(const RecoCall *call, const RecoHttpRequest *request,
						   const RecoSpotifyError *error, RecoSplit *split);
static void read_not_found(const RecoCall *call, const RecoHttpRequest *request,
						   const RecoSpotifyError *error, RecoSplit *split);
static void refuse(const RecoCall *call, const RecoHttpRequest *request,
				   RecoSplit *split);
static void exhaust(const RecoCall *call, const RecoHttpRequest *request,
					RecoSplit *split);
static bool has_other(const RecoCall *call, const RecoHttpRequest *request,
					  const RecoSplit *split);
static bool is_batch(const RecoHttpRequest *request);

static const char *const endpoint_names[RECO_SPOTIFY_NENDPOINTS] = {
	[RECO_SPOTIFY_SEARCH] = "search",
	[RECO_SPOTIFY_TOP_TRACKS] = "top_tracks",
	[RECO_SPOTIFY_TOP_ARTISTS] = "top_artists",
	[RECO_SPOTIFY_TRACKS] = "tracks",
	[RECO_SPOTIFY_ARTISTS] = "artists",
	[RECO_SPOTIFY_TRACK] = "track",
	[RECO_SPOTIFY_ARTIST] = "artist",
	[RECO_SPOTIFY_ARTIST_TOP_TRACKS] = "artist_top_tracks",
	[RECO_SPOTIFY_TOKEN] = "token",
};

const RecoAdapter reco_adapter_spotify = {
	.build = reco_spotify_build,
	.split = spotify_split,
	.nendpoints = RECO_SPOTIFY_NENDPOINTS,
	.endpoints = endpoint_names,
};

/* Reads an answer: decides by status first, then by content, then by shape. */
static void
spotify_split(const RecoCall *call, const RecoHttpRequest *request,
			  const RecoHttpResponse *response, RecoSplit *split)
{
	json_t	   *root;

	if (response->status < 200 || response->status > 299)
	{
		read_refusal(call, request, response, split);
		return;
	}
	if (!response->truncated && reco_spotify_is_blank(response->body, response->body_len))
	{
		all_absent(call, split);
		return;
	}
	if (reco_split_by_status(response, split))
		return;
	root = reco_json_parse(response->body, response->body_len);
	if (root == NULL)
	{
		malformed(split, "the answer is no JSON, or nested too deeply");
		split->truncated = response->truncated ||
			reco_spotify_is_cut(response->body, response->body_len);
	}
	else if (json_is_null(root))
		all_absent(call, split);
	else
		read_answer(call, request, root, split);
	json_decref(root);
}

/* Reads what a 2xx brought. */
static void
read_answer(const RecoCall *call, const RecoHttpRequest *request, const json_t *root,
			RecoSplit *split)
{
	char		id[RECO_SPOTIFY_ID_SIZE];

	switch (call->operation)
	{
		case RECO_OP_SEARCH:
			read_search(root, split);
			break;
		case RECO_OP_TOP_TRACKS:
		case RECO_OP_TOP_ARTISTS:
			read_list(reco_json_array(root, "items"),
					  call->operation == RECO_OP_TOP_ARTISTS, NULL, split);
			break;
		case RECO_OP_TRACKS:
		case RECO_OP_ARTISTS:
			if (is_batch(request))
				read_batch(call, root, split);
			else
				read_single(call, root, split);
			break;
		case RECO_OP_ARTIST_TRACKS:
			if (request->endpoint == RECO_SPOTIFY_ARTIST_TOP_TRACKS)
				read_list(reco_json_array(root, "tracks"), false, NULL, split);
			else if (reco_spotify_artist_id(call->keys[0], id))
				read_list(items_of(root, "tracks"), false, id, split);
			break;
		default:
			read_probe(root, split);
			break;
	}
	if (split->outcome == RECO_OUTCOME_FRESH && request->endpoint == RECO_SPOTIFY_SEARCH)
		learn_fields(root, split);

	/* A page of more than 10 shows that the app may have it. */
	if (split->outcome == RECO_OUTCOME_FRESH && split->capabilities.search_limit == 0 &&
		reco_spotify_asked_limit(request) > RECO_SPOTIFY_LIMIT_DEVELOPMENT &&
		request->endpoint == RECO_SPOTIFY_SEARCH)
		split->capabilities.search_limit = RECO_SPOTIFY_LIMIT_EXTENDED;
}

/*
 * Learns the kind of an app by the way, without a call: those that have fewer endpoints
 * and smaller pages get tracks without their popularity, and artists without genres.
 */
static void
learn_fields(const json_t *root, RecoSplit *split)
{
	static const char *const lists[] = {"tracks", "artists"};
	static const char *const fields[] = {"popularity", "genres"};
	uint32_t	seen = 0;

	for (int l = 0; l < 2; l++)
	{
		size_t		i;
		json_t	   *item;

		json_array_foreach(items_of(root, lists[l]), i, item)
		{
			if (json_is_object(item))
				seen |= json_object_get(item, fields[l]) != NULL
					? RECO_SPOTIFY_ALL_FIELDS
					: RECO_SPOTIFY_FEWER_FIELDS;
		}
	}

	/* one record may lack anything; all of them do not */
	if (seen & RECO_SPOTIFY_ALL_FIELDS)
		seen = RECO_SPOTIFY_ALL_FIELDS;
	if (seen != 0)
		split->capabilities.dropped = seen;
}

/* Reads both kinds of a search. One may be missing, but not both. */
static void
read_search(const json_t *root, RecoSplit *split)
{
	const json_t *tracks = items_of(root, "tracks");
	const json_t *artists = items_of(root, "artists");
	RecoBuffer	out;

	if (tracks == NULL && artists == NULL)
	{
		malformed(split, "the answer has neither tracks nor artists");
		return;
	}
	if (!reco_split_prepare(split, 1))
		return;
	reco_buffer_init(&out, 0);
	reco_buffer_puts(&out, "{\"tracks\":");
	reco_spotify_put_tracks(&out, tracks, NULL);
	reco_buffer_puts(&out, ",\"artists\":");
	reco_spotify_put_artists(&out, artists);
	reco_buffer_putc(&out, '}');
	give(&split->answers[0], &out);
}

/*
 * Reads one list, which may be empty but must be there. A search that finds nothing 'by'
 * an artist only tells that the name leads nowhere: that is forgotten sooner.
 */
static void
read_list(const json_t *items, bool artists, const char *by, RecoSplit *split)
{
	RecoBuffer	out;
	size_t		empty;

	if (items == NULL)
	{
		malformed(split, "the answer has no list");
		return;
	}
	if (!reco_split_prepare(split, 1))
		return;
	reco_buffer_init(&out, 0);
	reco_buffer_puts(&out, artists ? "{\"artists\":" : "{\"tracks\":");
	empty = out.len + strlen("[]");
	if (artists)
		reco_spotify_put_artists(&out, items);
	else
		reco_spotify_put_tracks(&out, items, by);
	if (by != NULL && out.len == empty && !out.failed)
	{
		reco_buffer_free(&out, false);
		split->answers[0].outcome = RECO_OUTCOME_ABSENT;
		return;
	}
	reco_buffer_putc(&out, '}');
	give(&split->answers[0], &out);
}

/* Reads a batch: a record, or null, for each key. */
static void
read_batch(const RecoCall *call, const json_t *root, RecoSplit *split)
{
	bool		artists = call->operation == RECO_OP_ARTISTS;
	const json_t *list = reco_json_array(root, artists ? "artists" : "tracks");

	if (list == NULL)
	{
		malformed(split, "the answer has no list");
		return;
	}
	if (!reco_split_prepare(split, call->nkeys))
		return;
	for (int k = 0; k < call->nkeys; k++)
	{
		RecoOutcome outcome;
		const json_t *record =
			reco_spotify_find(list, call->keys, call->nkeys, k, &outcome);

		if (record != NULL)
			give_record(call->operation, record, call->keys[k], &split->answers[k]);
		else if (outcome != RECO_OUTCOME_FRESH)
			split->answers[k].outcome = outcome;
	}
}

/* Reads one object; the URL says whose it is, as it may have been relinked. */
static void
read_single(const RecoCall *call, const json_t *root, RecoSplit *split)
{
	if (reco_json_string(root, "id") == NULL)
		malformed(split, "the answer has no id");
	else if (reco_split_prepare(split, 1))
		give_record(call->operation, root, call->keys[0], &split->answers[0]);
}

/* Reads a probe's answer: the list must be there, whatever is in it. */
static void
read_probe(const json_t *root, RecoSplit *split)
{
	RecoBuffer	out;

	if (items_of(root, "tracks") == NULL)
	{
		malformed(split, "the answer has no list");
		return;
	}
	if (!reco_split_prepare(split, 1))
		return;
	reco_buffer_init(&out, 0);
	reco_buffer_puts(&out, "{\"ok\":true}");
	give(&split->answers[0], &out);
}

/* The items of one kind in a search, or NULL. */
static const json_t *
items_of(const json_t *root, const char *kind)
{
	return reco_json_array(reco_json_get(root, kind), "items");
}

/* Makes a record a key's value. Something else with an id counts as absent. */
static void
give_record(RecoOperation operation, const json_t *record, const char *key,
			RecoKeyAnswer *answer)
{
	RecoBuffer	out;
	bool		written;

	reco_buffer_init(&out, 0);
	if (operation == RECO_OP_ARTISTS)
		written = reco_spotify_put_artist(&out, record);
	else
		written = reco_spotify_put_track(&out, record, key);
	if (written)
		give(answer, &out);
	else if (reco_json_string(record, "id") == NULL)
		answer->outcome = RECO_OUTCOME_MALFORMED;
}

/* Hands what was written over to a key. */
static void
give(RecoKeyAnswer *answer, RecoBuffer *out)
{
	if (out->failed)
	{
		answer->outcome = RECO_OUTCOME_BUSY;
		reco_buffer_free(out, false);
		return;
	}
	answer->outcome = RECO_OUTCOME_FRESH;
	answer->value = out->data;
	answer->value_len = out->len;
}

/* An answer without content: there is nothing, for any key. A probe wants some. */
static void
all_absent(const RecoCall *call, RecoSplit *split)
{
	if (call->operation == RECO_OP_PROBE)
		malformed(split, "the answer is empty");
	else
		reco_split_prepare(split, call->nkeys);
}

/* The answer cannot be read. */
static void
malformed(RecoSplit *split, const char *what)
{
	split->outcome = RECO_OUTCOME_MALFORMED;
	snprintf(split->message, sizeof(split->message), "%s", what);
}

/* Reads what came with any other status. */
static void
read_refusal(const RecoCall *call, const RecoHttpRequest *request,
			 const RecoHttpResponse *response, RecoSplit *split)
{
	RecoSpotifyError error;

	reco_spotify_error_read(response, &error);
	switch (response->status)
	{
		case 400:
			read_wrong(call, request, &error, split);
			break;
		case 401:
			split->outcome = RECO_OUTCOME_UNAUTHORISED;
			split->token_expired =
				reco_spotify_error_says(&error, "access token expired") ||
				reco_spotify_error_says(&error, "invalid access token");
			break;
		case 403:
			read_forbidden(call, request, &error, split);
			break;
		case 404:
			read_not_found(call, request, &error, split);
			break;
		default:
			if (!reco_split_by_status(response, split))
				split->outcome = response->status >= 400 && response->status < 500
					? RECO_OUTCOME_REJECTED
					: RECO_OUTCOME_UNAVAILABLE;
			if (response->status == 429 && error.reason != NULL &&
				strcmp(error.reason, "QUOTA_EXCEEDED") == 0)
				exhaust(call, request, split);
			break;
	}
	reco_message_of_body(split->message, sizeof(split->message), response);
	reco_spotify_error_free(&error);
}

/*
 * 400: a limit that the app may not have teaches the one that it may; a batch
 * that is too large teaches to do without. All else is the question's fault.
 */
static void
read_wrong(const RecoCall *call, const RecoHttpRequest *request,
		   const RecoSpotifyError *error, RecoSplit *split)
{
	split->outcome = RECO_OUTCOME_REJECTED;
	if (request->endpoint == RECO_SPOTIFY_SEARCH &&
		reco_spotify_asked_limit(request) > RECO_SPOTIFY_LIMIT_DEVELOPMENT &&
		reco_spotify_error_says(error, "invalid limit"))
	{
		split->capabilities.search_limit = RECO_SPOTIFY_LIMIT_DEVELOPMENT;
		split->other_way = true;
	}
	else if (is_batch(request) && reco_spotify_error_says(error, "too many ids"))
		refuse(call, request, split);
}

/*
 * 403: closed for the app as a whole (text), for a listener (text, scope, or
 * nothing at all), or an endpoint that the app does not have: "Forbidden", or no
 * message. Where an endpoint needs no listener, nothing at all means the latter
 * too, if it is one of those that are known to be closed for some.
 */
static void
read_forbidden(const RecoCall *call, const RecoHttpRequest *request,
			   const RecoSpotifyError *error, RecoSplit *split)
{
	bool closes =
		is_batch(request) || request->endpoint == RECO_SPOTIFY_ARTIST_TOP_TRACKS;

	split->outcome = RECO_OUTCOME_DENIED;
	split->app_refused = reco_spotify_error_says(error, "premium subscription required");
	if (request->auth == RECO_AUTH_LISTENER)
		return;
	if ((error->parsed != NULL &&
		 (error->message == NULL || strncasecmp(error->message, "forbidden", 9) == 0)) ||
		(error->empty && closes))
		refuse(call, request, split);
}

/*
 * 404: no such track or artist. A batch has null for that, so its 404 is a way
 * of saying that the endpoint is closed. Pages, and words about paths, come from
 * whatever else stands at the address.
 */
static void
read_not_found(const RecoCall *call, const RecoHttpRequest *request,
			   const RecoSpotifyError *error, RecoSplit *split)
{
	bool		of_service = error->empty || reco_json_get(error->parsed, "error") != NULL;

	split->outcome = RECO_OUTCOME_REJECTED;
	if (!of_service || reco_spotify_error_says(error, "service not found"))
		return;
	if (is_batch(request))
		refuse(call, request, split);
	else if (request->endpoint == RECO_SPOTIFY_TRACK ||
			 request->endpoint == RECO_SPOTIFY_ARTIST ||
			 request->endpoint == RECO_SPOTIFY_ARTIST_TOP_TRACKS)
		all_absent(call, split);
}

/* Notes that the app may not use the endpoint. */
static void
refuse(const RecoCall *call, const RecoHttpRequest *request, RecoSplit *split)
{
	split->capabilities.refused |= 1u << request->endpoint;
	split->outcome = RECO_OUTCOME_DENIED;
	split->endpoint_refused = true;
	split->other_way = has_other(call, request, split);
}

/* Notes that the endpoint's quota is used up; it says nothing about other endpoints. */
static void
exhaust(const RecoCall *call, const RecoHttpRequest *request, RecoSplit *split)
{
	split->capabilities.exhausted |= 1u << request->endpoint;
	split->outcome = RECO_OUTCOME_QUOTA;
	split->endpoint_exhausted = true;
	split->other_way = has_other(call, request, split);
}

/* Is there another endpoint for one key, now that this one is closed? */
static bool
has_other(const RecoCall *call, const RecoHttpRequest *request, const RecoSplit *split)
{
	int			endpoint = reco_spotify_choose(call, &split->capabilities, 1);

	return endpoint != RECO_SPOTIFY_NONE && endpoint != request->endpoint;
}

/* Was it a read by several ids? */
static bool
is_batch(const RecoHttpRequest *request)
{
	return request->endpoint == RECO_SPOTIFY_TRACKS ||
		request->endpoint == RECO_SPOTIFY_ARTISTS;
}
