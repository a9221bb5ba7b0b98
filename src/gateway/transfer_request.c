/*-------------------------------------------------------------------------
 *
 * transfer_request.c
 *	  What libcurl is told of a request, and what it calls meanwhile.
 *
 * Purpose: see transfer_parts.h.
 * Runs in: the gateway.
 * Locks:	none.
 * Never:	palloc, ereport or jump in a function that libcurl calls (those below
 *			"Called by libcurl"): each writes into malloc memory up to a cap, notes
 *			why it refuses, and returns.
 *
 * Where a request may go is judged by the address, when a socket is opened, and
 * once more before the request is written: a connection that is used again may be
 * that of a server to which more is allowed.
 *
 * The lines of the header stay in memory of ours, which libcurl only reads, so
 * that the one with the secret can be wiped.
 *
 *-------------------------------------------------------------------------
 */
#include "transfer_parts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lookup.h"
#include "upstream/address.h"

#if LIBCURL_VERSION_NUM < 0x075000
#error "reco requires libcurl 7.80 or later"
#endif

#define STALL_S			10		/* a body that has begun may pause so long */
#define KEEPALIVE_IDLE_S	30
#define KEEPALIVE_PAUSE_S	10
#define RECEIVE_BUFFER	(64 * 1024L)

static bool count_lane(int lane);
static bool prepare(RecoTransfer *transfer, const RecoHttpRequest *request,
					const RecoOptions *options, const char *secret);
static bool put_secret(RecoTransfer *transfer, RecoAuth auth, const char *secret);
static void put_line(RecoTransfer *transfer, char *line);
static bool set_common(RecoTransfer *transfer);
static bool set_callbacks(RecoTransfer *transfer);
static bool set_request(RecoTransfer *transfer, const RecoOptions *options, bool tls,
						int64 timeout_us);
static bool is_allowed(const RecoTransfer *transfer, const struct sockaddr *address);
static curl_socket_t open_socket(void *data, curlsocktype purpose,
								 struct curl_sockaddr *address);
static int	close_socket(void *data, curl_socket_t fd);
static int	begin_lookup(void *resolver, void *reserved, void *data);
static int	before_request(void *data, char *peer, char *local, int peer_port,
						  int local_port);
static size_t take_header(char *bytes, size_t size, size_t n, void *data);
static size_t take_body(char *bytes, size_t size, size_t n, void *data);

static int *connections = NULL; /* by lane */
static int	nconnections = 0;
static int	all_connections = 0;

/* Sets a request up; false = memory is short, or the base address is none. */
bool
reco_transfer_set_up(RecoTransfer *transfer, const RecoHttpRequest *request,
					 const RecoOptions *options, const char *secret, int64 timeout_us)
{
	const char *base = request->accounts ? options->accounts_url : options->base_url;
	RecoAddressClass class;
	RecoUrl		url;
	const char *why;

	if (base == NULL || !reco_url_parse(base, &url, &why) || !count_lane(transfer->lane))
		return false;
	transfer->by_name = !reco_address_of_host(url.host, &class);
	transfer->most_sends = url.tls && !request->post ? 2 : 1;
	return prepare(transfer, request, options, secret) && set_common(transfer) &&
		set_callbacks(transfer) && set_request(transfer, options, url.tls, timeout_us);
}

/* Counts open connections. */
int
reco_transfer_connections(int lane)
{
	if (lane < 0)
		return all_connections;
	return lane < nconnections ? connections[lane] : 0;
}

/* Notes that the name's thread has ended, or was left behind. */
void
reco_transfer_end_lookup(RecoTransfer *transfer, bool abandoned)
{
	if (transfer->looking_up)
		reco_lookup_end(transfer->lane, abandoned);
	transfer->looking_up = false;
}

/* Makes room to count a lane's connections. */
static bool
count_lane(int lane)
{
	int			n = Max(lane + 1, nconnections * 2);
	int		   *counts;

	Assert(lane >= 0);
	if (lane < nconnections)
		return true;
	counts = realloc(connections, sizeof(int) * n);
	if (counts == NULL)
		return false;
	memset(counts + nconnections, 0, sizeof(int) * (n - nconnections));
	connections = counts;
	nconnections = n;
	return true;
}

/* Copies what libcurl reads while the request is under way. */
static bool
prepare(RecoTransfer *transfer, const RecoHttpRequest *request,
		const RecoOptions *options, const char *secret)
{
	const char *base = request->accounts ? options->accounts_url : options->base_url;
	static char accept[] = "Accept: application/json";
	static char no_expect[] = "Expect:";

	transfer->post = request->post;
	transfer->idempotent = !request->post ||
		(request->accounts
			 ? !request->once
			 : options->service == RECO_GEMINI || options->service == RECO_OPENAI);
	transfer->allow_loopback = options->allow_loopback;
	transfer->allow_private = options->allow_private;
	if (!reco_buffer_puts(&transfer->url, base) ||
		!reco_buffer_add(&transfer->url, request->target.data, request->target.len) ||
		!put_secret(transfer, request->auth, secret))
		return false;
	put_line(transfer, accept);
	if (request->post)
	{
		put_line(transfer, no_expect);
		if (!reco_buffer_printf(&transfer->content_type, "Content-Type: %s",
								request->content_type ? request->content_type
													  : "application/json") ||
			!reco_buffer_add(&transfer->sent, request->body.data, request->body.len))
			return false;
		put_line(transfer, transfer->content_type.data);
	}
	return true;
}

/* Writes the header that opens the service, in one piece of memory. */
static bool
put_secret(RecoTransfer *transfer, RecoAuth auth, const char *secret)
{
	RecoBuffer *line = &transfer->secret;
	bool		good;

	if (auth == RECO_AUTH_NONE)
		return true;
	if (secret == NULL || strpbrk(secret, "\r\n") != NULL)
		return false;
	if (auth == RECO_AUTH_GOOGLE_KEY)
		good = reco_buffer_puts(line, "x-goog-api-key: ") && reco_buffer_puts(line, secret);
	else if (auth == RECO_AUTH_BASIC)
		good = reco_buffer_puts(line, "Authorization: Basic ") &&
			reco_buffer_put_base64(line, secret, strlen(secret));
	else
		good = reco_buffer_puts(line, "Authorization: Bearer ") &&
			reco_buffer_puts(line, secret);
	if (good)
		put_line(transfer, line->data);
	return good;
}

/* Appends a line to the list that libcurl reads. */
static void
put_line(RecoTransfer *transfer, char *line)
{
	struct curl_slist *item = &transfer->lines[transfer->nlines];

	Assert(transfer->nlines < RECO_TRANSFER_LINES);
	item->data = line;
	item->next = NULL;
	if (transfer->nlines > 0)
		item[-1].next = item;
	transfer->nlines++;
}

/* Options that are the same for all requests. */
static bool
set_common(RecoTransfer *transfer)
{
	CURL	   *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
	curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE,
					 (curl_off_t) RECO_TRANSFER_BODY_MAX);
	curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long) KEEPALIVE_IDLE_S);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long) KEEPALIVE_PAUSE_S);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);

	/* an empty proxy also keeps that of the environment away */
	return curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
		curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "") == CURLE_OK &&
		curl_easy_setopt(easy, CURLOPT_USERAGENT,
						 "reco/" RECO_VERSION " (PostgreSQL extension)") == CURLE_OK;
}

/* What libcurl calls. */
static bool
set_callbacks(RecoTransfer *transfer)
{
	CURL	   *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	/* the connection outlives the transfer, so this must not be a pointer to it */
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, (void *) (intptr_t) transfer->lane);
	curl_easy_setopt(easy, CURLOPT_RESOLVER_START_FUNCTION, begin_lookup);
	curl_easy_setopt(easy, CURLOPT_RESOLVER_START_DATA, transfer);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	return curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request) == CURLE_OK;
}

/* Options of this request. */
static bool
set_request(RecoTransfer *transfer, const RecoOptions *options, bool tls,
			int64 timeout_us)
{
	CURL	   *easy = transfer->easy;
	bool		good;

	good = curl_easy_setopt(easy, CURLOPT_URL, transfer->url.data) == CURLE_OK;
#if LIBCURL_VERSION_NUM >= 0x075500
	good = good &&
		curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, tls ? "https" : "http") == CURLE_OK;
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
					 (long) (tls ? CURLPROTO_HTTPS : CURLPROTO_HTTP));
#endif

	/* many requests at once wait for the first handshake to tell if one connection
	 * can carry them all; without TLS none can, so there they must not wait */
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
					 (long) (tls ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, tls ? 1L : 0L);
	if (options->ca_file)
	{
		good =
			good && curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file) == CURLE_OK;
#if LIBCURL_VERSION_NUM >= 0x075700
		/* its content is kept for a day otherwise, whatever becomes of the file */
		curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
#endif
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}

	if (transfer->post)
	{
		/* what must not be repeated does not go where that might be asked for */
		curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, transfer->idempotent ? 0L : 1L);
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
						 (curl_off_t) transfer->sent.len);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
						 transfer->sent.data ? transfer->sent.data : "");
	}
	else
		curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->lines);

	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
					 (long) Min((timeout_us + 999) / 1000, INT_MAX));
	if (options->connect_timeout_ms > 0)
		curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
						 (long) options->connect_timeout_ms);
	return good;
}

/* Whether the request may go to an address. */
static bool
is_allowed(const RecoTransfer *transfer, const struct sockaddr *address)
{
	return reco_address_allowed(reco_address_class(address), transfer->allow_loopback,
								transfer->allow_private);
}

/* ---- Called by libcurl ---- */

/* Opens a socket if its address is allowed. */
static curl_socket_t
open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
	RecoTransfer *transfer = data;
	curl_socket_t fd;

	reco_transfer_end_lookup(transfer, false);
	if (!is_allowed(transfer, &address->addr))
	{
		transfer->forbidden = true;
		return CURL_SOCKET_BAD;
	}
	transfer->opened = true;
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
				address->protocol);
	if (fd < 0)
	{
		transfer->starved =
			errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
		return CURL_SOCKET_BAD;
	}
	connections[transfer->lane]++;
	all_connections++;
	return fd;
}

/* Closes a socket, long after its transfer as a rule; 'data' is the lane. */
static int
close_socket(void *data, curl_socket_t fd)
{
	connections[(intptr_t) data]--;
	all_connections--;
	return close(fd);
}

/* Lets a name be resolved if its lane has not too many threads, or left them behind. */
static int
begin_lookup(void *resolver, void *reserved, void *data)
{
	RecoTransfer *transfer = data;

	if (!transfer->by_name || transfer->looking_up)
		return 0;
	transfer->looking_up = reco_lookup_begin(transfer->lane);
	transfer->overloaded = !transfer->looking_up;
	return transfer->overloaded ? 1 : 0;
}

/* Judges the peer once more, before the request is written. */
static int
before_request(void *data, char *peer, char *local, int peer_port, int local_port)
{
	RecoTransfer *transfer = data;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	const struct sockaddr *address = NULL;

	/* when a connection that is used again dies, libcurl repeats what it carried,
	 * up to five times, whatever limits we keep */
	if (transfer->result.sends >= transfer->most_sends)
	{
		transfer->died = true;
		return CURL_PREREQFUNC_ABORT;
	}
	memset(&v4, 0, sizeof(v4));
	memset(&v6, 0, sizeof(v6));
	v4.sin_family = AF_INET;
	v6.sin6_family = AF_INET6;
	if (inet_pton(AF_INET, peer, &v4.sin_addr) == 1)
		address = (const struct sockaddr *) &v4;
	else if (inet_pton(AF_INET6, peer, &v6.sin6_addr) == 1)
		address = (const struct sockaddr *) &v6;
	if (address == NULL || !is_allowed(transfer, address))
	{
		transfer->forbidden = true;
		transfer->opened = false;
		return CURL_PREREQFUNC_ABORT;
	}
	transfer->result.sends++;
	return CURL_PREREQFUNC_OK;
}

/* Takes one line of the header. */
static size_t
take_header(char *bytes, size_t size, size_t n, void *data)
{
	RecoTransfer *transfer = data;
	size_t		len = size * n;

	transfer->header_bytes += len;
	if (transfer->header_bytes > RECO_TRANSFER_HEADERS_MAX)
	{
		transfer->too_large = true;
		return 0;
	}
	if (len >= 5 && memcmp(bytes, "HTTP/", 5) == 0)
		transfer->headers_done = false;
	if (transfer->headers_done)
		return len;				/* a trailer */
	reco_headers_line(&transfer->headers, bytes, len, (int64_t) time(NULL));
	if (bytes[0] != '\r' && bytes[0] != '\n')
		return len;

	/* a model may think with its head sent; all others have the body ready then */
	transfer->headers_done = true;
	if (!transfer->post)
	{
		curl_easy_setopt(transfer->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(transfer->easy, CURLOPT_LOW_SPEED_TIME, (long) STALL_S);
	}
	return len;
}

/* Takes a piece of the body, decoded. */
static size_t
take_body(char *bytes, size_t size, size_t n, void *data)
{
	RecoTransfer *transfer = data;

	if (reco_buffer_add(&transfer->body, bytes, size * n))
		return size * n;
	transfer->too_large = true;
	return 0;
}
