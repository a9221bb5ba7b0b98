/*-------------------------------------------------------------------------
 *
 * service.h
 *	  The services: what can be asked of them, and one way to do so.
 *
 * Purpose: an adapter per service turns keys into an HTTP request and an answer
 *			into a value per key; the tables in service.c hold what differs.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none. Everything here is a pure function of its arguments.
 * Never:	touch SQL, the network, a clock, or memory of the server.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_SERVICE_H
#define RECO_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "outcome.h"

/* Names are those of the option 'kind'. */
typedef enum RecoService
{
	RECO_SPOTIFY = 0,
	RECO_RECCOBEATS,
	RECO_GEMINI,
	RECO_OPENAI,
	RECO_NSERVICES
} RecoService;

/* What can be asked of a service. Each is the business of exactly one service,
 * but completion and probe, which several have. */
typedef enum RecoOperation
{
	RECO_OP_SEARCH = 0,			/* Spotify: artists and tracks of a query, one call */
	RECO_OP_TOP_TRACKS,			/* Spotify: of a listener; key = time range */
	RECO_OP_TOP_ARTISTS,		/* Spotify: of a listener; key = time range */
	RECO_OP_TRACKS,				/* Spotify: key = track id */
	RECO_OP_ARTISTS,			/* Spotify: key = artist id */
	RECO_OP_ARTIST_TRACKS,		/* Spotify: key = artist id, or "id name" */
	RECO_OP_IDS,				/* ReccoBeats: key = Spotify id -> uuid */
	RECO_OP_FEATURES,			/* ReccoBeats: key = Spotify id or uuid */
	RECO_OP_RECOMMENDATION,		/* ReccoBeats: key = JSON, see reccobeats.c */
	RECO_OP_RB_ARTIST_TRACKS,	/* ReccoBeats: key = uuid of an artist */
	RECO_OP_COMPLETION,			/* Gemini, OpenAI: key = JSON, see completion.h */
	RECO_OP_PROBE,				/* all: does it answer, does it take the key? key = "" */
	RECO_NOPERATIONS
} RecoOperation;

/*
 * The endpoints of a service that it can refuse one by one; indexes into the
 * lane's array of endpoint states. Each service has its own numbering, from 0.
 */
#define RECO_MAXENDPOINTS	12

typedef enum RecoAuth
{
	RECO_AUTH_NONE = 0,
	RECO_AUTH_APP,				/* Bearer, a token of the app (client credentials) */
	RECO_AUTH_LISTENER,			/* Bearer, the listener's token */
	RECO_AUTH_BASIC,			/* Basic client_id:client_secret, for tokens */
	RECO_AUTH_BEARER_KEY,		/* Bearer api_key */
	RECO_AUTH_GOOGLE_KEY		/* x-goog-api-key */
} RecoAuth;

/* What the app may do, as the option 'access' says; auto = learn by asking. */
typedef enum RecoAccess
{
	RECO_ACCESS_AUTO = 0,
	RECO_ACCESS_EXTENDED,
	RECO_ACCESS_DEVELOPMENT
} RecoAccess;

/* A server's options, checked; strings belong to whoever made it. */
typedef struct RecoOptions
{
	RecoService service;
	const char *base_url;		/* without a slash at the end */
	const char *accounts_url;	/* Spotify: without a slash at the end */
	int			rate_count;		/* at most so many sends ... */
	int64_t		rate_window_us;	/* ... in any such window; 0 = no limit known */
	int			burst;			/* most sends at once; 0 = rate_count/6, at least 1 */
	int			max_concurrency;
	int			batch_max;		/* most keys a call; 0 = the service's own cap */
	int			connect_timeout_ms;
	int			timeout_ms;		/* of one attempt */
	int			deadline_ms;	/* of a question, where the caller has none */
	int			daily_quota;	/* calls in any 24 hours; 0 = no limit known */
	const char *model;			/* language models */
	double		price_in;		/* of a million tokens of questions; 0 = not said */
	double		price_out;		/* of answers */
	const char *market;			/* Spotify: two letters, or NULL */
	const char *ca_file;		/* PEM file of accepted CAs, or NULL = the system's */
	RecoAccess	access;
	bool		share_with_llm;
	bool		allow_plaintext;
	bool		allow_private;	/* private, link-local and shared addresses too */
	bool		allow_loopback; /* set by who knows that a superuser owns the server */
} RecoOptions;

/* Fills in a service's own defaults (upstreams.md E.1); strings are static. */
extern void reco_service_defaults(RecoService service, RecoOptions *options);

extern const char *reco_service_name(RecoService service);
extern int	reco_service_of(const char *name);	/* -1 = none */
extern const char *reco_operation_name(RecoOperation operation);
extern int	reco_operation_of(const char *name);	/* -1 = none */
extern bool reco_service_has(RecoService service, RecoOperation operation);
extern const char *reco_endpoint_name(RecoService service,
									  int endpoint); /* NULL = none */
extern int	reco_service_endpoints(RecoService service);

/* Does an answer depend on the listener? Then it is never shared. */
extern bool reco_operation_is_listeners(RecoOperation operation);

/*
 * How much of a key, in bytes, tells what is asked for. What follows only helps to ask:
 * an artist's name, of which sources have their own spelling. So it makes no other
 * question, no other flight, and no other entry of the cache.
 */
extern size_t reco_operation_key_len(RecoOperation operation, const char *key);

/* Does a question look like one? 'why' gets a static text. */
extern bool reco_operation_check(RecoOperation operation, const char *key,
								 const char **why);

/* Is it 22 of [0-9A-Za-z]; 8-4-4-4-12 hexadecimal digits; an ISRC? */
extern bool reco_is_spotify_id(const char *text, size_t len);
extern bool reco_is_uuid(const char *text, size_t len);
extern bool reco_is_isrc(const char *text, size_t len);

/*
 * What was learned about an app. Lives in shared memory per lane, so it has no
 * pointers. A bit of 'refused' is set when an endpoint answered as one that the
 * app may not use; the gateway clears it after a day. One of 'exhausted' is cleared
 * when the time is over that the service said.
 */
typedef struct RecoCapabilities
{
	uint32_t	refused;		/* bit per endpoint */
	uint32_t	exhausted;		/* bit per endpoint: its own quota is used up */
	int32_t		search_limit;	/* most results per type; 0 = not learned */
	int32_t		response_format;	/* OpenAI: 0 json_schema, 1 json_object, 2 text */
	uint32_t	dropped;		/* parameters refused, fields left out; bits, see the
								 * adapters */
} RecoCapabilities;

/* One call to make: the keys go together. */
typedef struct RecoCall
{
	RecoOperation operation;
	const RecoOptions *options;
	const RecoCapabilities *capabilities;
	int			nkeys;			/* 1 .. reco_service_batch_max() */
	const char *const *keys;
} RecoCall;

/* How many keys of an operation go into one call, as far as is known. */
extern int	reco_service_batch_max(RecoService service, RecoOperation operation,
								  const RecoOptions *options,
								  const RecoCapabilities *capabilities);

/* A request to send. The gateway adds authorisation and the base address. */
typedef struct RecoHttpRequest
{
	bool		post;
	bool		accounts;		/* target is below accounts_url, not base_url */
	bool		once;			/* its answer may be the only one: not to be repeated */
	int			endpoint;
	RecoAuth	auth;
	RecoBuffer	target;			/* path and query, beginning with a slash */
	RecoBuffer	body;			/* of a POST */
	const char *content_type;	/* of the body; static */
} RecoHttpRequest;

extern void reco_http_request_free(RecoHttpRequest *request);

/* What stands in the headers of an answer; see header.h. */
typedef enum RecoContent
{
	RECO_CONTENT_NONE = 0,		/* no such header */
	RECO_CONTENT_JSON,
	RECO_CONTENT_HTML,
	RECO_CONTENT_TEXT,
	RECO_CONTENT_OTHER
} RecoContent;

typedef struct RecoHttpResponse
{
	int			status;			/* 100..599 */
	RecoContent content;
	int64_t		retry_after_ms; /* as the headers say, clamped; -1 = they do not */
	int64_t		date;			/* the server's clock, seconds since 1970; 0 = not said */
	bool		truncated;		/* shorter than announced, or cut at our cap */
	const char *body;			/* NUL-terminated; never NULL */
	size_t		body_len;
} RecoHttpResponse;

/* What became of one key. */
typedef struct RecoKeyAnswer
{
	RecoOutcome outcome;
	char	   *value;			/* JSON text (malloc), NULL unless fresh */
	size_t		value_len;
} RecoKeyAnswer;

/* Longest text of a service's own that is kept, for people. */
#define RECO_MESSAGE_SIZE	200

/* What an answer says. */
typedef struct RecoSplit
{
	RecoOutcome outcome;		/* of the call as a whole; fresh = look at the answers */
	bool		retry;			/* the same request may be repeated (408, 5xx, ...) */
	bool		truncated;		/* a 2xx whose body is cut: may be repeated once */
	bool		token_expired;	/* get another token, repeat once */
	bool		other_way;		/* capabilities changed: build again, at once */
	bool		endpoint_refused;	/* the endpoint is closed for this app: for a day */
	bool		endpoint_exhausted; /* quota: of this endpoint only, others answer */
	bool		app_refused;	/* every call of this app is refused */
	bool		permanent;		/* the question is refused whenever it is asked */
	int64_t		retry_after_ms; /* of limited and quota; -1 = not said */
	RecoCapabilities capabilities;	/* as they are to be from now on */
	char		message[RECO_MESSAGE_SIZE]; /* what the service said, no secret */
	int			nanswers;		/* as many as the call had keys, where fresh */
	RecoKeyAnswer *answers;
} RecoSplit;

/*
 * Builds the request for a call: false when the capabilities leave no way (the
 * outcome is then denied, or quota where only that closes it), or memory is short.
 * Keys were checked before.
 */
extern bool reco_service_build(const RecoCall *call, RecoHttpRequest *request);

/*
 * Reads an answer. 'request' is what build made. Never fails: what cannot be
 * read is an outcome. Free the split afterwards.
 */
extern void reco_service_split(const RecoCall *call, const RecoHttpRequest *request,
							   const RecoHttpResponse *response, RecoSplit *split);
extern void reco_split_free(RecoSplit *split);

/* For adapters: room for the answers, all absent. False = no memory, and said. */
extern bool reco_split_prepare(RecoSplit *split, int nanswers);

/*
 * For adapters: what status, content type and body say where all services agree
 * (408, 429, 5xx, HTML with 2xx, ...); true = it is decided, see split.
 */
extern bool reco_split_by_status(const RecoHttpResponse *response, RecoSplit *split);

/* An adapter's two functions. */
typedef struct RecoAdapter
{
	bool (*build)(const RecoCall *call, RecoHttpRequest *request);
	void (*split)(const RecoCall *call, const RecoHttpRequest *request,
				  const RecoHttpResponse *response, RecoSplit *split);
	int			nendpoints;
	const char *const *endpoints;	/* names */
} RecoAdapter;

extern const RecoAdapter reco_adapter_spotify;
extern const RecoAdapter reco_adapter_reccobeats;
extern const RecoAdapter reco_adapter_gemini;
extern const RecoAdapter reco_adapter_openai;

/*
 * Spotify's token endpoint. 'refresh_token' NULL asks for the app's own token.
 * The answer's strings are malloc; wipe and free them.
 */
typedef struct RecoToken
{
	RecoOutcome outcome;
	bool		retry;
	bool		consent_needed; /* invalid_grant: the refresh token is dead */
	int64_t		retry_after_ms;
	int64_t		expires_in_s;
	char	   *access_token;
	char	   *refresh_token;	/* a rotated one, else NULL */
	char		message[RECO_MESSAGE_SIZE];
} RecoToken;

extern bool reco_spotify_build_token(const char *refresh_token, RecoHttpRequest *request);
extern void reco_spotify_split_token(const RecoHttpResponse *response, RecoToken *token);
extern void reco_token_free(RecoToken *token);

#endif							/* RECO_SERVICE_H */
