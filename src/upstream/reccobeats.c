/*-------------------------------------------------------------------------
 *
 * reccobeats.c
 *	  ReccoBeats: ids, audio features, recommendations, an artist's tracks.
 *
 * Purpose: requests and answers of https://reccobeats.com.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	join by position; call a key absent unless the answer was complete and
 *			well-formed; take an error without "content" for an empty list.
 *
 * Values:
 *	 ids			 {"id": uuid, "spotify_id", "isrc"}
 *	 features		 {"acousticness", ..., "loudness", "tempo", "key", "mode", "isrc"},
 *					 only what is there and in range
 *	 recommendation, {"tracks": [{"id": Spotify's, "rb_id": uuid, "name",
 *	 rb_artist_tracks	"artists": [{"id": Spotify's, "name"}], "isrc", "duration_ms",
 *						"popularity"}]}, only what is there
 *
 * The key of a recommendation is {"seeds": [1..5 ids], "negative_seeds": [ids, fewer
 * than half as many], "size": 1..100 (20), "targets": {feature: number},
 * "feature_weight": 1..5}; ids are Spotify's or UUIDs.
 *
 *-------------------------------------------------------------------------
 */
#include "reccobeats.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "json.h"
#include "message.h"
#include "reccobeats_parts.h"

#define MOST_TRACKS		100		/* of a list that is passed on */
#define ARTIST_TRACKS	50		/* of one page, the service's cap */
#define NOBODYS_ID		"0000000000000000000000"	/* well-formed; what a probe asks for */
#define MOST_RECORDS	1000	/* of an answer; the caps of requests are far below */
#define UNKNOWN_SEEDS	4002	/* the service's own code */

static bool build_request(const RecoCall *call, RecoHttpRequest *request);
static void split_answer(const RecoCall *call, const RecoHttpRequest *request,
						 const RecoHttpResponse *response, RecoSplit *split);
static bool put_ids(RecoBuffer *target, const char *path, const RecoCall *call);
static bool put_recommendation(RecoBuffer *target, const char *key);
static void put_id_list(RecoBuffer *target, const char *name, const json_t *list);
static bool split_failure(const RecoCall *call, const RecoHttpResponse *response,
						  const json_t *root, RecoSplit *split);
static bool is_permanent(const RecoCall *call, const RecoHttpResponse *response,
						 const json_t *root, const char *message);
static int	code_of(const json_t *root);
static void split_keys(const RecoCall *call, const json_t *content, RecoSplit *split);
static void split_list(const RecoCall *call, const json_t *content, RecoSplit *split);
static const json_t *find_record(const json_t *content, const char *key);
static bool is_record_of(const json_t *record, const char *key);
static bool put_record(RecoBuffer *out, RecoOperation operation, const json_t *record);
static void put_features(RecoBuffer *out, const json_t *record);
static bool put_track(RecoBuffer *out, const json_t *track);
static void put_artists(RecoBuffer *out, const json_t *artists);
static const char *spotify_id(const json_t *record, char id[23]);
static const char *uuid_of(const json_t *record);
static bool is_same_track(const json_t *a, const json_t *b);

static const char *const endpoint_names[RECO_RECCOBEATS_NENDPOINTS] = {
	"track", "audio-features", "track/recommendation", "artist/{id}/track"
};

const RecoAdapter reco_adapter_reccobeats = {
	.build = build_request,
	.split = split_answer,
	.nendpoints = RECO_RECCOBEATS_NENDPOINTS,
	.endpoints = endpoint_names
};

/* Reads an answer to RECO_OP_IDS. */
bool
reco_reccobeats_read_id(const char *value, RecoReccobeatsId *id)
{
	json_t	   *root = reco_json_parse(value, strlen(value));
	const char *uuid = uuid_of(root);
	const char *named = reco_json_string(root, "spotify_id");
	const char *isrc = reco_json_string(root, "isrc");

	memset(id, 0, sizeof(*id));
	if (uuid)
		memcpy(id->uuid, uuid, sizeof(id->uuid) - 1);
	if (named && reco_is_spotify_id(named, strlen(named)))
		memcpy(id->spotify_id, named, sizeof(id->spotify_id) - 1);
	if (isrc && reco_is_isrc(isrc, strlen(isrc)))
		memcpy(id->isrc, isrc, sizeof(id->isrc) - 1);
	json_decref(root);
	return id->uuid[0] != '\0';
}

/* Builds the request of a call. */
static bool
build_request(const RecoCall *call, RecoHttpRequest *request)
{
	RecoBuffer *target = &request->target;

	request->auth = RECO_AUTH_NONE;
	switch (call->operation)
	{
		case RECO_OP_IDS:
			request->endpoint = RECO_RECCOBEATS_TRACK;
			return put_ids(target, "/track?ids=", call);
		case RECO_OP_FEATURES:
			request->endpoint = RECO_RECCOBEATS_FEATURES;
			return put_ids(target, "/audio-features?ids=", call);
		case RECO_OP_RECOMMENDATION:
			request->endpoint = RECO_RECCOBEATS_RECOMMENDATION;
			return put_recommendation(target, call->keys[0]);
		case RECO_OP_RB_ARTIST_TRACKS:
			request->endpoint = RECO_RECCOBEATS_ARTIST_TRACK;
			reco_buffer_puts(target, "/artist/");
			reco_buffer_put_escaped(target, call->keys[0]);
			return reco_buffer_printf(target, "/track?page=0&size=%d", ARTIST_TRACKS);
		case RECO_OP_PROBE:
			request->endpoint = RECO_RECCOBEATS_TRACK;
			return reco_buffer_puts(target, "/track?ids=" NOBODYS_ID);
		default:
			return false;
	}
}

/* Reads an answer. */
static void
split_answer(const RecoCall *call, const RecoHttpRequest *request,
			 const RecoHttpResponse *response, RecoSplit *split)
{
	json_t	   *root = reco_json_parse(response->body, response->body_len);
	const json_t *content = reco_json_array(root, "content");

	(void) request;
	if (!split_failure(call, response, root, split) &&
		reco_split_prepare(split, call->nkeys))
	{
		if (call->operation == RECO_OP_IDS || call->operation == RECO_OP_FEATURES)
			split_keys(call, content, split);
		else
			split_list(call, content, split);
	}
	json_decref(root);
}

/* Writes ids into a URL, each once: what the service does with the same id twice is
 * not known. */
static bool
put_ids(RecoBuffer *target, const char *path, const RecoCall *call)
{
	reco_buffer_puts(target, path);
	for (int i = 0; i < call->nkeys; i++)
	{
		int			k = 0;

		while (k < i && strcmp(call->keys[k], call->keys[i]) != 0)
			k++;
		if (k < i)
			continue;
		if (i > 0)
			reco_buffer_putc(target, ',');
		reco_buffer_put_escaped(target, call->keys[i]);
	}
	return !target->failed;
}

/* Writes the query of a recommendation. */
static bool
put_recommendation(RecoBuffer *target, const char *key)
{
	json_t	   *root = reco_json_parse(key, strlen(key));
	const json_t *targets = reco_json_get(root, "targets");
	const char *why;
	double		number;

	if (!root || !reco_reccobeats_check(key, &why))
	{
		json_decref(root);
		return false;
	}
	if (!reco_json_number(root, "size", &number))
		number = RECO_RECCOBEATS_DEFAULT_SIZE;
	reco_buffer_printf(target, "/track/recommendation?size=%d", (int) number);
	put_id_list(target, "&seeds=", reco_json_array(root, "seeds"));
	put_id_list(target, "&negativeSeeds=", reco_json_array(root, "negative_seeds"));
	for (int i = 0; i < RECO_RECCOBEATS_NTARGETS; i++)
		if (reco_json_number(targets, reco_reccobeats_features[i].name, &number))
		{
			reco_buffer_printf(target, "&%s=", reco_reccobeats_features[i].name);
			reco_json_put_number(target, number);
		}
	if (reco_json_number(root, "feature_weight", &number))
	{
		reco_buffer_puts(target, "&featureWeight=");
		reco_json_put_number(target, number);
	}
	json_decref(root);
	return !target->failed;
}

static void
put_id_list(RecoBuffer *target, const char *name, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
	{
		reco_buffer_puts(target, i == 0 ? name : ",");
		reco_buffer_put_escaped(target, json_string_value(json_array_get(list, i)));
	}
}

/* Decides all answers but a 2xx with "content". */
static bool
split_failure(const RecoCall *call, const RecoHttpResponse *response, const json_t *root,
			  RecoSplit *split)
{
	const json_t *content = reco_json_array(root, "content");
	const char *what = NULL;
	int			status = response->status;
	bool		good = status >= 200 && status < 300;
	bool		unknown_seeds = call->operation == RECO_OP_RECOMMENDATION &&
		code_of(root) == UNKNOWN_SEEDS && !reco_json_get(root, "content");

	/* the status that comes with this code is not known, so the body decides */
	if (unknown_seeds && !response->truncated && status != 408 && status != 429)
	{
		reco_split_prepare(split, call->nkeys);
		reco_message_of_body(split->message, sizeof(split->message), response);
		return true;
	}
	if (reco_split_by_status(response, split))
		return true;
	if (status == 401)
		split->outcome = RECO_OUTCOME_UNAUTHORISED;
	else if (status == 403)
	{
		/* Cloudflare's own codes are about who asks, not about what is asked */
		split->outcome = RECO_OUTCOME_DENIED;
		split->app_refused = strstr(split->message, "error code: 10") != NULL;
	}
	else if (status == 404 && call->operation == RECO_OP_RB_ARTIST_TRACKS &&
			 json_is_object(root))
		reco_split_prepare(split, call->nkeys);
	else if (!good)
	{
		split->outcome = RECO_OUTCOME_REJECTED;
		split->permanent = is_permanent(call, response, root, split->message);
	}
	else if (!root)
	{
		split->outcome = RECO_OUTCOME_MALFORMED;
		split->truncated = status == 200;
		what = response->body_len == 0 ? "the answer is empty" : "the answer is no JSON";
	}
	else if (!content && code_of(root) > 0)
	{
		split->outcome = RECO_OUTCOME_REJECTED;
		reco_message_of_body(split->message, sizeof(split->message), response);
		split->permanent = is_permanent(call, response, root, split->message);
	}
	else if (!content || json_array_size(content) > MOST_RECORDS)
	{
		split->outcome = RECO_OUTCOME_MALFORMED;
		what = content ? "the answer has too many records" : "the answer has no content";
	}
	else
		return false;
	if (what)
		snprintf(split->message, sizeof(split->message), "%s", what);
	return true;
}

/*
 * Is a list refused for what was asked? Only where the service itself says so, whole
 * and in its own form: a status alone may be a proxy's, and a limit passes.
 */
static bool
is_permanent(const RecoCall *call, const RecoHttpResponse *response, const json_t *root,
			 const char *message)
{
	static const char *const passing[] = {"quota", "rate limit", "too many requests"};
	int			status = response->status;

	if (call->operation != RECO_OP_RECOMMENDATION || response->truncated ||
		!json_is_object(root) || (status >= 400 && status != 400 && status != 422))
		return false;
	for (int i = 0; i < 3; i++)
		for (const char *at = message; *at; at++)
			if (strncasecmp(at, passing[i], strlen(passing[i])) == 0)
				return false;
	return true;
}

/* The service's own code, under either of its names; 0 = none. */
static int
code_of(const json_t *root)
{
	static const char *const members[] = {"error", "status", "code"};
	double		code;

	for (int i = 0; i < 3; i++)
		if (reco_json_number(root, members[i], &code) && code >= 4000 && code <= 4999)
			return (int) code;
	return 0;
}

/* Answers each key with its record. A key without one is absent, unless some record
 * cannot be read: it may have been that one. */
static void
split_keys(const RecoCall *call, const json_t *content, RecoSplit *split)
{
	bool		readable = true;

	for (size_t i = 0; i < json_array_size(content); i++)
	{
		const json_t *record = json_array_get(content, i);
		char		id[23];

		readable &= json_is_null(record) || uuid_of(record) || spotify_id(record, id) ||
			reco_json_string(record, "isrc");
	}
	for (int k = 0; k < call->nkeys; k++)
	{
		const json_t *record = find_record(content, call->keys[k]);
		RecoKeyAnswer *answer = &split->answers[k];
		RecoBuffer	out = {0};

		if (!record)
			answer->outcome = readable ? RECO_OUTCOME_ABSENT : RECO_OUTCOME_MALFORMED;
		else if (!put_record(&out, call->operation, record))
			answer->outcome = RECO_OUTCOME_MALFORMED;
		else
		{
			answer->outcome = out.failed ? RECO_OUTCOME_BUSY : RECO_OUTCOME_FRESH;
			answer->value = out.failed ? NULL : out.data;
			answer->value_len = out.failed ? 0 : out.len;
		}
		if (answer->outcome != RECO_OUTCOME_FRESH)
			reco_buffer_free(&out, false);
	}
}

/* Answers the one key of a list, or of a probe. */
static void
split_list(const RecoCall *call, const json_t *content, RecoSplit *split)
{
	json_t	   *key = reco_json_parse(call->keys[0], strlen(call->keys[0]));
	const json_t *seeds = reco_json_array(key, "seeds");
	const json_t *negative = reco_json_array(key, "negative_seeds");
	const json_t *kept[MOST_TRACKS];
	int			nkept = 0;
	int			nread = 0;
	RecoBuffer	out = {0};

	reco_buffer_puts(&out, "{\"tracks\":[");
	for (size_t i = 0; i < json_array_size(content) && nkept < MOST_TRACKS; i++)
	{
		const json_t *track = json_array_get(content, i);
		char		id[23];
		int			k = 0;

		nread += json_is_null(track) || uuid_of(track) || spotify_id(track, id);
		while (k < nkept && !is_same_track(track, kept[k]))
			k++;
		if (k < nkept || reco_reccobeats_has_id(seeds, uuid_of(track)) ||
			reco_reccobeats_has_id(negative, uuid_of(track)) ||
			reco_reccobeats_has_id(seeds, spotify_id(track, id)) ||
			reco_reccobeats_has_id(negative, spotify_id(track, id)))
			continue;
		if (put_track(&out, track))
			kept[nkept++] = track;
	}
	reco_buffer_puts(&out, "]}");
	json_decref(key);
	split->answers[0].outcome = out.failed			 ? RECO_OUTCOME_BUSY
		: nread == 0 && json_array_size(content) > 0 ? RECO_OUTCOME_MALFORMED
													 : RECO_OUTCOME_FRESH;
	if (split->answers[0].outcome != RECO_OUTCOME_FRESH)
		reco_buffer_free(&out, false);
	split->answers[0].value = out.data;
	split->answers[0].value_len = out.len;
}

/* The record that answers a key. */
static const json_t *
find_record(const json_t *content, const char *key)
{
	for (size_t i = 0; i < json_array_size(content); i++)
		if (is_record_of(json_array_get(content, i), key))
			return json_array_get(content, i);
	return NULL;
}

/* Does a record have the id, or the ISRC, that is the key? */
static bool
is_record_of(const json_t *record, const char *key)
{
	char		id[23];
	const char *isrc = reco_is_isrc(key, strlen(key)) ? reco_json_string(record, "isrc") : NULL;

	return reco_reccobeats_same_id(key, spotify_id(record, id)) ||
		reco_reccobeats_same_id(key, uuid_of(record)) ||
		(isrc && strcasecmp(isrc, key) == 0);
}

/* Writes the value of a key; false when its record lacks what is asked for. */
static bool
put_record(RecoBuffer *out, RecoOperation operation, const json_t *record)
{
	char		id[23];

	if (operation == RECO_OP_IDS && !uuid_of(record))
		return false;
	reco_buffer_putc(out, '{');
	if (operation == RECO_OP_IDS)
	{
		reco_json_put_member(out, "id", uuid_of(record));
		reco_json_put_member(out, "spotify_id", spotify_id(record, id));
	}
	else
		put_features(out, record);
	reco_json_put_member(out, "isrc", reco_json_string(record, "isrc"));
	reco_buffer_putc(out, '}');
	return true;
}

/* Writes what was measured; nothing is filled in. */
static void
put_features(RecoBuffer *out, const json_t *record)
{
	for (int i = 0; i < RECO_RECCOBEATS_NFEATURES; i++)
	{
		double		value;

		if (reco_json_number(record, reco_reccobeats_features[i].name, &value) &&
			value >= reco_reccobeats_features[i].low &&
			value <= reco_reccobeats_features[i].high &&
			value != reco_reccobeats_features[i].unknown &&
			(!reco_reccobeats_features[i].whole || value == (int) value))
			reco_json_put_real(out, reco_reccobeats_features[i].name, value);
	}
}

/* Writes a track of a list; false, and nothing is written, for what is none. */
static bool
put_track(RecoBuffer *out, const json_t *track)
{
	const char *title = reco_json_string(track, "trackTitle");
	char		id[23];
	double		number;

	if (!uuid_of(track) && !spotify_id(track, id))
		return false;
	reco_json_put_name(out, NULL);
	reco_buffer_putc(out, '{');
	reco_json_put_member(out, "id", spotify_id(track, id));
	reco_json_put_member(out, "rb_id", uuid_of(track));
	reco_json_put_member(out, "name", title ? title : reco_json_string(track, "name"));
	put_artists(out, reco_json_array(track, "artists"));
	reco_json_put_member(out, "isrc", reco_json_string(track, "isrc"));
	if (reco_json_number(track, "durationMs", &number) && number > 0)
		reco_json_put_real(out, "duration_ms", number);
	if (reco_json_number(track, "popularity", &number) && number >= 0 && number <= 100)
		reco_json_put_real(out, "popularity", number);
	reco_buffer_putc(out, '}');
	return true;
}

static void
put_artists(RecoBuffer *out, const json_t *artists)
{
	reco_json_put_name(out, "artists");
	reco_buffer_putc(out, '[');
	for (size_t i = 0; i < json_array_size(artists); i++)
	{
		const json_t *artist = json_array_get(artists, i);
		char		id[23];

		if (!reco_json_string(artist, "name"))
			continue;
		reco_json_put_name(out, NULL);
		reco_buffer_putc(out, '{');
		reco_json_put_member(out, "id", spotify_id(artist, id));
		reco_json_put_member(out, "name", reco_json_string(artist, "name"));
		reco_buffer_putc(out, '}');
	}
	reco_buffer_putc(out, ']');
}

/* The last segment of a record's link, where it is an id of Spotify's. */
static const char *
spotify_id(const json_t *record, char id[23])
{
	const char *href = reco_json_string(record, "href");
	size_t		end = href ? strcspn(href, "?#") : 0;
	size_t		start;

	while (end > 0 && href[end - 1] == '/')
		end--;
	for (start = end; start > 0 && href[start - 1] != '/'; start--)
		;
	if (end == 0 || !reco_is_spotify_id(href + start, end - start))
		return NULL;
	memcpy(id, href + start, 22);
	id[22] = '\0';
	return id;
}

static const char *
uuid_of(const json_t *record)
{
	const char *id = reco_json_string(record, "id");

	return id && reco_is_uuid(id, strlen(id)) ? id : NULL;
}

/* Do two records have an id in common? */
static bool
is_same_track(const json_t *a, const json_t *b)
{
	char		id[23];

	return (uuid_of(a) && is_record_of(b, uuid_of(a))) ||
		(spotify_id(a, id) && is_record_of(b, id));
}
