/*-------------------------------------------------------------------------
 *
 * token.c
 *	  Spotify's access tokens: obtained once, kept, refreshed early.
 *
 * Purpose: find what opens a request; where that is a token, fetch it once for all
 *			who wait, and again before it expires.
 * Runs in: the gateway.
 * Locks:	none.
 * Never:	write a token anywhere but into a request, into the answer to whoever gave
 *			the refresh token, and into promise.h; keep it longer than it is of use.
 *
 *-------------------------------------------------------------------------
 */
#include "parts.h"

#define EARLY_US		((int64) 60 * 1000 * 1000)	/* refreshed before it expires */
#define FETCH_US		((int64) 10 * 1000 * 1000)	/* longest token request */
#define MOST_FAILURES	3
#define MOST_LISTENERS	1000	/* tokens kept per lane */
#define REFUSED_US		((int64) 60 * 1000 * 1000)	/* for a refused client */
#define AGAIN_US		((int64) 100 * 1000)	/* between two tries to promise a token */
#define CLOSED_US		((int64) 2 * 1000 * 1000)	/* after giving up; doubles */

static RecoTokenHolder *holder_of(RecoGatewayLane *lane, RecoQuestion *question);
static void adopt(RecoTokenHolder *holder, const RecoListener *listener);
static RecoTokenState find_or_fetch(RecoTokenHolder *holder, RecoQuestion *question,
									int64 now, RecoTokenAnswer *answer);
static bool hold_back(RecoTokenHolder *holder, RecoQuestion *question, int64 now);
static bool fetch(RecoTokenHolder *holder, RecoQuestion *question);
static void fetched(void *owner, RecoTransferResult *result);
static void rotate(RecoTokenHolder *holder, const char *refresh);
static void take(RecoTokenHolder *holder, RecoToken *token);
static void failed(RecoTokenHolder *holder, const RecoToken *token);
static void give_up(RecoTokenHolder *holder, int64 next, const char *message);
static void set_secret(char **place, const char *value);

/* Finds what opens a request. */
RecoTokenState
reco_token_acquire(RecoGatewayLane *lane, RecoAuth auth, RecoQuestion *question,
				   int64 now, RecoTokenAnswer *answer)
{
	const RecoWireRequest *wire = &question->wire;
	RecoTokenHolder *holder = &lane->app;

	switch (auth)
	{
		case RECO_AUTH_NONE:
		case RECO_AUTH_BASIC:
			return RECO_TOKEN_READY;
		case RECO_AUTH_BEARER_KEY:
		case RECO_AUTH_GOOGLE_KEY:
			answer->secret = wire->credential.api_key;
			return RECO_TOKEN_READY;
		case RECO_AUTH_APP:
			break;
		case RECO_AUTH_LISTENER:
			answer->outcome = RECO_OUTCOME_UNAUTHORISED;
			answer->message = "the listener has no token";
			holder = holder_of(lane, question);
			if (holder == NULL)
				return RECO_TOKEN_FAILED;
			adopt(holder, &wire->listener);
			break;
	}
	return find_or_fetch(holder, question, now, answer);
}

/* Hands the token out that is there, or asks for one. */
static RecoTokenState
find_or_fetch(RecoTokenHolder *holder, RecoQuestion *question, int64 now,
			  RecoTokenAnswer *answer)
{
	bool		waits = holder->transfer != NULL || holder->retry_at > now;
	bool		may = !waits && holder->closed_until <= now;

	answer->holder = holder;
	holder->used_at = now;
	if (holder->access != NULL && holder->expires_at > now)
	{
		if (holder->early_at <= now && may && holder->lane->tokens_from <= now)
			(void) fetch(holder, question);
		answer->secret = holder->access;
		return RECO_TOKEN_READY;
	}
	if (!waits && holder->closed_until > now)
	{
		answer->outcome = holder->closed_outcome;
		answer->message = "the token endpoint failed a moment ago";
		answer->retry_at = holder->closed_until;
		return RECO_TOKEN_FAILED;
	}
	if (may)
		waits = hold_back(holder, question, now);
	if (holder->transfer == NULL && holder->retry_at >= question->deadline)
	{
		answer->outcome = holder->closed_outcome;
		answer->message = "no token can be had before the deadline";
		answer->retry_at = holder->retry_at;
		return RECO_TOKEN_FAILED;
	}
	if (waits || fetch(holder, question))
		return RECO_TOKEN_PENDING;
	answer->outcome = RECO_OUTCOME_UNAUTHORISED;
	answer->message = "nothing to get a token with";
	return RECO_TOKEN_FAILED;
}

/* By whose name the asker's token is kept; "" where it is none of ours. */
static const char *
server_of(const RecoQuestion *question)
{
	return question->wire.listener.consent == 0 ? "" : question->wire.server;
}

static bool
is_holder_of(const RecoTokenHolder *holder, const RecoQuestion *question)
{
	return holder->database == question->database &&
		strcmp(holder->user_id, question->wire.listener.user_id) == 0 &&
		strcmp(holder->server, server_of(question)) == 0;
}

/* Finds or makes the holder of a listener's token; NULL = none is to be had. */
static RecoTokenHolder *
holder_of(RecoGatewayLane *lane, RecoQuestion *question)
{
	const RecoListener *listener = &question->wire.listener;
	RecoTokenHolder *oldest = NULL;
	RecoTokenHolder *holder;
	dlist_iter	iter;

	if (listener->user_id == NULL ||
		(listener->access_token == NULL && listener->refresh_token == NULL))
		return NULL;
	dlist_foreach(iter, &lane->listeners)
	{
		holder = dlist_container(RecoTokenHolder, node, iter.cur);
		if (is_holder_of(holder, question))
			return holder;
		if (holder->transfer == NULL && holder->trips == 0 && !holder->unpromised &&
			dlist_is_empty(&holder->parked) &&
			(oldest == NULL || holder->used_at < oldest->used_at))
			oldest = holder;
	}
	if (lane->nlisteners >= MOST_LISTENERS && oldest != NULL &&
		reco_now_us() - oldest->used_at > 1000 * 1000)
	{
		dlist_delete(&oldest->node);
		reco_token_drop(oldest);
		free(oldest);
		lane->nlisteners--;
	}
	holder = calloc(1, sizeof(RecoTokenHolder));
	if (holder == NULL)
		return NULL;
	holder->user_id = strdup(listener->user_id);
	holder->server = strdup(server_of(question));
	if (holder->user_id == NULL || holder->server == NULL)
	{
		free(holder->user_id);
		free(holder->server);
		free(holder);
		return NULL;
	}
	holder->lane = lane;
	holder->database = question->database;
	dlist_init(&holder->parked);
	dlist_push_head(&lane->listeners, &holder->node);
	lane->nlisteners++;
	return holder;
}

/*
 * Is what a request brings a new consent? Where consents are numbered, it is one if its
 * number is greater: who asked with a smaller one, or an older token, knows less than
 * we. Else a refresh token that is neither the one before nor what that became.
 */
static bool
is_anew(const RecoTokenHolder *holder, const RecoListener *listener)
{
	if (listener->consent != 0)
		return listener->consent > holder->consent;
	return listener->refresh_token != NULL && holder->origin != NULL &&
		strcmp(listener->refresh_token, holder->origin) != 0 &&
		(holder->rotated == NULL ||
		 strcmp(listener->refresh_token, holder->rotated) != 0);
}

/*
 * Takes over the access token that a request brings, unless it is known to be dead.
 * After a new consent all that was known is forgotten, and a token request that is under
 * way for the former one is ended: what it brings is another account's.
 */
static void
adopt(RecoTokenHolder *holder, const RecoListener *listener)
{
	if (is_anew(holder, listener))
	{
		reco_token_wipe(holder);
		holder->consent = listener->consent;
		holder->extension = listener->extension;
	}
	if (listener->access_token == NULL || holder->access != NULL ||
		listener->consent < holder->consent ||
		(holder->given != NULL && strcmp(holder->given, listener->access_token) == 0))
		return;
	set_secret(&holder->access, listener->access_token);
	holder->serial++;
	holder->expires_at = holder->early_at = PG_INT64_MAX;
}

/* The refresh token to ask with; NULL for the app, or where there is none. */
static const char *
refresh_of(const RecoTokenHolder *holder, const RecoQuestion *question)
{
	return holder->user_id == NULL ? NULL
		: holder->rotated != NULL  ? holder->rotated
								   : question->wire.listener.refresh_token;
}

/* Whether there is something to ask for a token with. */
static bool
can_ask(const RecoTokenHolder *holder, const RecoQuestion *question)
{
	const RecoCredential *credential = &question->wire.credential;

	if (credential->client_id == NULL)
		return false;
	if (holder->user_id == NULL)
		return credential->client_secret != NULL;

	/* a former consent's token is another account's, maybe */
	return refresh_of(holder, question) != NULL &&
		(holder->rotated != NULL || question->wire.listener.consent >= holder->consent);
}

/* Whether a limit that another token's request met holds this one back. */
static bool
hold_back(RecoTokenHolder *holder, RecoQuestion *question, int64 now)
{
	int64		from = holder->lane->tokens_from;

	if (from <= now || !can_ask(holder, question))
		return false;
	holder->closed_outcome = RECO_OUTCOME_LIMITED;
	holder->retry_at = from;
	if (holder->question == NULL)
	{
		question->refs++;
		holder->question = question;
	}
	return true;
}

/* Asks for a token; false = there is nothing to ask with. */
static bool
fetch(RecoTokenHolder *holder, RecoQuestion *question)
{
	const RecoCredential *credential = &question->wire.credential;
	RecoHttpRequest request;
	RecoBuffer	secret;
	int64		timeout = Min(FETCH_US, (int64) question->wire.options.timeout_ms * 1000);

	if (!can_ask(holder, question))
		return false;
	memset(&request, 0, sizeof(request));
	reco_buffer_init(&secret, 0);
	if (!reco_spotify_build_token(refresh_of(holder, question), &request))
	{
		reco_http_request_free(&request);
		return false;
	}
	if (credential->client_secret != NULL)
		reco_buffer_printf(&secret, "%s:%s", credential->client_id,
						   credential->client_secret);
	else
	{
		/* PKCE: who asks is a field, and there is no secret */
		request.auth = RECO_AUTH_NONE;
		reco_buffer_puts(&request.body, "&client_id=");
		reco_buffer_put_escaped(&request.body, credential->client_id);
	}
	if (!secret.failed && !request.body.failed)
		holder->transfer =
			reco_transfer_start(&request, &question->wire.options, secret.data, timeout,
								holder->lane->index, fetched, holder);
	reco_buffer_free(&secret, true);
	reco_wipe(request.body.data, request.body.len);
	reco_http_request_free(&request);
	if (holder->transfer == NULL)
		return false;
	if (holder->user_id != NULL && holder->origin == NULL)
		set_secret(&holder->origin, question->wire.listener.refresh_token);
	question->refs++;
	if (holder->question != NULL)
		reco_question_release(holder->question);
	holder->question = question;
	holder->retry_at = 0;
	holder->lane->shared->counters[RECO_LANE_TOKENS]++;
	return true;
}

/* The token request ended. */
static void
fetched(void *owner, RecoTransferResult *result)
{
	RecoTokenHolder *holder = owner;
	RecoQuestion *question = holder->question;
	RecoToken	token;

	memset(&token, 0, sizeof(token));
	token.retry_after_ms = -1;
	if (result->end == RECO_TRANSFER_ANSWERED)
		reco_spotify_split_token(&result->response, &token);
	else
	{
		token.outcome = result->end == RECO_TRANSFER_TIMEOUT ? RECO_OUTCOME_TIMEOUT
			: result->end == RECO_TRANSFER_FORBIDDEN_ADDRESS ? RECO_OUTCOME_DENIED
															 : RECO_OUTCOME_UNAVAILABLE;
		token.retry = result->repeatable && token.outcome != RECO_OUTCOME_DENIED;
		strlcpy(token.message, result->message, sizeof(token.message));
	}
	reco_transfer_free(holder->transfer);
	holder->transfer = NULL;
	reco_question_hide(question, token.message);

	if (token.outcome == RECO_OUTCOME_FRESH && token.access_token != NULL)
	{
		take(holder, &token);
		holder->question = NULL;
		reco_question_release(question);
	}
	else
	{
		reco_lane_note_error(holder->lane, token.message);
		failed(holder, &token);
	}
	reco_token_free(&token);
}

/* Plans another attempt, or gives up for a while. */
static void
failed(RecoTokenHolder *holder, const RecoToken *token)
{
	RecoQuestion *question = holder->question;
	int64		now = reco_now_us();
	int64		pause = token->retry_after_ms >= 0
		? token->retry_after_ms * 1000
		: reco_retry_pause_us(holder->failures + 1, reco_gateway_dice());

	holder->closed_outcome =
		token->outcome == RECO_OUTCOME_FRESH ? RECO_OUTCOME_MALFORMED : token->outcome;
	if (token->outcome == RECO_OUTCOME_LIMITED)
		holder->lane->tokens_from =
			Max(holder->lane->tokens_from, now + Max(pause, 1000));
	if ((token->retry || token->outcome == RECO_OUTCOME_LIMITED) &&
		++holder->failures < MOST_FAILURES)
	{
		holder->retry_at = now + Max(pause, 1000);
		give_up(holder, holder->retry_at, token->message);
		return;
	}
	if (token->outcome == RECO_OUTCOME_UNAUTHORISED && holder->user_id == NULL)
		holder->lane->shared->unauthorised_until = now + REFUSED_US;
	holder->failures = 0;
	holder->retry_at = 0;
	holder->closed_us = Max(CLOSED_US, Min(2 * holder->closed_us, 30 * CLOSED_US));
	holder->closed_until = now + Max(holder->closed_us, token->retry_after_ms * 1000);
	give_up(holder, PG_INT64_MAX, token->message);
	holder->question = NULL;
	reco_question_release(question);
}

/*
 * Notes the refresh token that came with a token, if it is another one. Who was told
 * of the last one has it by now, so it takes the place of the one that askers have.
 */
static void
rotate(RecoTokenHolder *holder, const char *refresh)
{
	const char *known = holder->rotated != NULL ? holder->rotated : holder->origin;

	if (refresh == NULL || (known != NULL && strcmp(known, refresh) == 0))
		return;
	if (holder->rotated != NULL)
		set_secret(&holder->origin, holder->rotated);
	set_secret(&holder->rotated, refresh);
	reco_token_promise(holder);
}

/* Keeps a token, and sends who waited for it on. */
static void
take(RecoTokenHolder *holder, RecoToken *token)
{
	int64		lifetime = token->expires_in_s * 1000 * 1000;

	set_secret(&holder->access, token->access_token);
	holder->serial++;
	holder->expires_at = reco_now_us() + lifetime;
	holder->early_at = holder->expires_at - Min(EARLY_US, lifetime / 4);
	holder->failures = 0;
	holder->retry_at = holder->closed_until = holder->closed_us = 0;
	rotate(holder, token->refresh_token);
	while (!dlist_is_empty(&holder->parked))
	{
		RecoFlight *flight =
			dlist_container(RecoFlight, node, dlist_head_node(&holder->parked));

		reco_flight_unqueue(flight);
		reco_flight_queue(flight, 0);
	}
}

/* Tells those who waited, and cannot wait until 'next', that there is no token. */
static void
give_up(RecoTokenHolder *holder, int64 next, const char *message)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &holder->parked)
	{
		RecoFlight *flight = dlist_container(RecoFlight, node, iter.cur);

		if (flight->deadline <= next)
			reco_flight_end(flight, holder->closed_outcome, NULL, 0,
							next == PG_INT64_MAX ? holder->closed_until : next,
							message[0] != '\0' ? message : "no token could be had");
	}
}

/* The service refused a token, unless another one has taken its place already. */
void
reco_token_refused(RecoTokenHolder *holder, uint32 serial)
{
	if (serial != holder->serial)
		return;
	if (holder->user_id != NULL && holder->expires_at == PG_INT64_MAX &&
		holder->access != NULL)
		set_secret(&holder->given, holder->access);
	set_secret(&holder->access, NULL);
}

/* A rotated refresh token that the asker does not know yet. */
const char *
reco_token_rotated(const RecoQuestion *question, bool *promised)
{
	const RecoListener *listener = &question->wire.listener;
	dlist_iter	iter;

	if (listener->user_id == NULL || listener->refresh_token == NULL)
		return NULL;
	dlist_foreach(iter, &question->lane->listeners)
	{
		RecoTokenHolder *holder = dlist_container(RecoTokenHolder, node, iter.cur);

		if (holder->rotated == NULL || !is_holder_of(holder, question))
			continue;
		*promised = !holder->unpromised;
		if (listener->consent != 0 ? listener->consent == holder->consent &&
					strcmp(holder->rotated, listener->refresh_token) != 0
								   : holder->origin != NULL &&
					strcmp(holder->origin, listener->refresh_token) == 0)
			return holder->rotated;
	}
	return NULL;
}

/* Repeats a failed token request whose time has come. */
static int64
pump(RecoTokenHolder *holder, int64 now)
{
	RecoQuestion *question = holder->question;

	if (holder->retry_at == 0 || holder->transfer != NULL || question == NULL)
		return PG_INT64_MAX;
	if (holder->retry_at > now)
	{
		if (!dlist_is_empty(&holder->parked))
			return holder->retry_at;

		/* nobody waits any longer; but nobody shall ask too early either */
		holder->closed_until = Max(holder->closed_until, holder->retry_at);
	}
	else if (!dlist_is_empty(&holder->parked) && hold_back(holder, question, now))
	{
		give_up(holder, holder->retry_at, "the token endpoint is limited");
		return dlist_is_empty(&holder->parked) ? now : holder->retry_at;
	}
	holder->question = NULL;
	holder->retry_at = 0;
	if (!dlist_is_empty(&holder->parked) && !fetch(holder, question))
		give_up(holder, PG_INT64_MAX, "");
	reco_question_release(question);
	return PG_INT64_MAX;
}

/* Repeats failed token requests that are due. */
int64
reco_token_pump(RecoGatewayLane *lane, int64 now)
{
	int64		next = pump(&lane->app, now);
	dlist_iter	iter;

	lane->shared->unpromised = 0;
	dlist_foreach(iter, &lane->listeners)
	{
		RecoTokenHolder *holder = dlist_container(RecoTokenHolder, node, iter.cur);

		next = Min(next, pump(holder, now));
		if (holder->unpromised)
			reco_token_promise(holder);
		if (!holder->unpromised)
			continue;
		lane->shared->unpromised++;
		next = Min(next, now + AGAIN_US);
	}
	return next;
}

/* Forgets all tokens of a lane. */
void
reco_token_forget(RecoGatewayLane *lane)
{
	reco_token_drop(&lane->app);
	while (!dlist_is_empty(&lane->listeners))
	{
		RecoTokenHolder *holder =
			dlist_container(RecoTokenHolder, node, dlist_pop_head_node(&lane->listeners));

		reco_token_drop(holder);
		free(holder);
	}
	lane->nlisteners = 0;
}

/* Replaces a secret; the old one is wiped. */
static void
set_secret(char **place, const char *value)
{
	char	   *copy = value == NULL ? NULL : strdup(value);

	if (*place != NULL)
	{
		reco_wipe(*place, strlen(*place));
		free(*place);
	}
	*place = copy;
}

/* Takes all secrets from a holder; who waits for them is told. */
void
reco_token_wipe(RecoTokenHolder *holder)
{
	RecoQuestion *question = holder->question;

	if (holder->transfer != NULL)
		reco_transfer_abort(holder->transfer);
	holder->transfer = NULL;
	holder->question = NULL;
	set_secret(&holder->access, NULL);
	set_secret(&holder->given, NULL);
	set_secret(&holder->rotated, NULL);
	set_secret(&holder->origin, NULL);
	holder->serial++;
	holder->consent = 0;
	holder->unpromised = false;
	holder->failures = 0;
	holder->retry_at = holder->closed_until = holder->closed_us = 0;
	holder->closed_outcome = RECO_OUTCOME_UNAUTHORISED;
	if (holder->user_id != NULL)
		give_up(holder, PG_INT64_MAX, "the listener was disconnected, or connected anew");
	if (question != NULL)
		reco_question_release(question);
}

/* Frees what a holder has. */
void
reco_token_drop(RecoTokenHolder *holder)
{
	reco_token_wipe(holder);
	free(holder->user_id);
	free(holder->server);
	holder->user_id = holder->server = NULL;
}
