/*-------------------------------------------------------------------------
 *
 * server.c
 *	  A fast HTTP server with answers of the services, for the benchmarks.
 *
 * Purpose: answer on loopback after an exact delay, or at once, such that what is
 *			measured is the client: http://127.0.0.1:PORT/d200/... answers after
 *			200 ms. An id that begins with d300x does so after 300 ms instead.
 * Runs in: a plain C program: server [port]. It prints its port and serves until
 *			a signal ends it. GET /calls tells how many requests there were.
 * Locks:	none: one thread, one epoll.
 * Never:	listen on anything but the loopback address; check what it is asked.
 *
 * Answers, by the path behind the delay:
 *	 .../track?ids=a,b			ReccoBeats: {"content": [{"id": uuid, "href": ...}]}
 *	 .../audio-features?ids=a,b the same, with features
 *	 .../artist/x/track			ReccoBeats: one track
 *	 .../search?q=x				Spotify: one track, one artist
 *	 .../api/token				Spotify: a token
 *	 anything else				{}
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE				/* accept4 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_REQUEST		65536
#define MAX_ANSWER		65536
#define MAX_CONNECTIONS 4096
#define MAX_IDS			100
#define MAX_EVENTS		256
#define ID_LENGTH		63		/* of one that is echoed */

typedef struct Connection
{
	int			fd;
	bool		waiting;		/* for its time; place is then in the heap */
	bool		closing;		/* after the answer */
	bool		blocked;		/* until there is room to send */
	int			place;
	int64_t		due;			/* us */
	size_t		in_len;
	size_t		out_len;
	size_t		out_sent;
	char		in[MAX_REQUEST];
	char		out[MAX_ANSWER];
} Connection;

static int	epoll_fd;
static int	listen_fd;
static uint64_t calls;

/* Who waits, the earliest first: a binary heap. */
static Connection *heap[MAX_CONNECTIONS];
static int	nheap;
static int	nconnections;

static int	open_port(int port);
static void accept_all(void);
static void read_some(Connection *connection);
static void serve(Connection *connection);
static void answer(Connection *connection, const char *target);
static void write_some(Connection *connection);
static void drop(Connection *connection);
static int64_t delay_of(const char *target);
static void wait_until(Connection *connection, int64_t due);
static void stop_waiting(Connection *connection);
static int	wake_due(void);

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t) t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int
main(int argc, char **argv)
{
	struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = NULL}};
	struct epoll_event events[MAX_EVENTS];

	signal(SIGPIPE, SIG_IGN);
	listen_fd = open_port(argc > 1 ? atoi(argv[1]) : 0);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (listen_fd < 0 || epoll_fd < 0 ||
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) < 0)
	{
		perror("server");
		return 1;
	}
	for (;;)
	{
		int			n = epoll_wait(epoll_fd, events, MAX_EVENTS, wake_due());

		for (int i = 0; i < n; i++)
		{
			Connection *connection = events[i].data.ptr;

			if (!connection)
				accept_all();
			else if (events[i].events & EPOLLOUT)
				write_some(connection);
			else
				read_some(connection);
		}
	}
}

/* Listens, and says where. */
static int
open_port(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
								  .sin_port = htons((uint16_t) port)};
	socklen_t	len = sizeof(address);
	int			fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int			yes = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
		bind(fd, (struct sockaddr *) &address, len) < 0 || listen(fd, 1024) < 0 ||
		getsockname(fd, (struct sockaddr *) &address, &len) < 0)
	{
		close(fd);
		return -1;
	}
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

static void
accept_all(void)
{
	int			fd;

	while ((fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
	{
		Connection *connection =
			nconnections < MAX_CONNECTIONS ? malloc(sizeof(*connection)) : NULL;
		struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = connection}};
		int			yes = 1;

		if (!connection || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		{
			free(connection);
			close(fd);
			continue;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
		connection->fd = fd;
		connection->waiting = connection->closing = connection->blocked = false;
		connection->in_len = connection->out_len = connection->out_sent = 0;
		nconnections++;
	}
}

/* A connection has no second event in one turn, so it can be freed at once. */
static void
drop(Connection *connection)
{
	if (connection->waiting)
		stop_waiting(connection);
	close(connection->fd);
	free(connection);
	nconnections--;
}

static void
read_some(Connection *connection)
{
	ssize_t		n = 0;

	if (connection->in_len < MAX_REQUEST - 1)
		n = recv(connection->fd, connection->in + connection->in_len,
				 MAX_REQUEST - 1 - connection->in_len, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
	{
		drop(connection);
		return;
	}
	connection->in_len += (size_t) n;
	serve(connection);
}

/* The length of a whole request, with its body; 0 = it is not all there. */
static size_t
request_length(Connection *connection)
{
	char	   *end;
	size_t		len;

	connection->in[connection->in_len] = '\0';
	end = strstr(connection->in, "\r\n\r\n");
	if (!end)
		return 0;
	len = (size_t) (end - connection->in) + 4;
	for (char *line = strstr(connection->in, "\r\n"); line < end;
		 line = strstr(line + 2, "\r\n"))
	{
		if (strncasecmp(line + 2, "content-length:", 15) == 0)
			len += strtoul(line + 17, NULL, 10);
		else if (strncasecmp(line + 2, "connection: close", 17) == 0)
			connection->closing = true;
	}
	return len <= connection->in_len ? len : 0;
}

/* Takes the next request, where one is there and none is being answered. */
static void
serve(Connection *connection)
{
	size_t		len;
	char	   *target;
	char	   *end;
	int64_t		delay;

	if (connection->waiting || connection->out_len > 0)
		return;
	len = request_length(connection);
	if (len == 0)
		return;
	target = memchr(connection->in, ' ', len);
	end = target ? memchr(target + 1, ' ', len - (size_t) (target + 1 - connection->in))
				 : NULL;
	if (!end)
	{
		drop(connection);
		return;
	}
	*end = '\0';
	delay = delay_of(target + 1);
	answer(connection, target + 1);
	connection->in_len -= len;
	memmove(connection->in, connection->in + len, connection->in_len);
	if (delay > 0)
		wait_until(connection, now_us() + delay);
	else
		write_some(connection);
}

/* Sends what is left of the answer; then the next request's turn has come. */
static void
write_some(Connection *connection)
{
	struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = connection}};
	ssize_t		n = send(connection->fd, connection->out + connection->out_sent,
					 connection->out_len - connection->out_sent, 0);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
	{
		drop(connection);
		return;
	}
	if (n > 0)
		connection->out_sent += (size_t) n;
	if (connection->out_sent < connection->out_len)
	{
		event.events = EPOLLOUT;
		connection->blocked = true;
		epoll_ctl(epoll_fd, EPOLL_CTL_MOD, connection->fd, &event);
		return;
	}
	if (connection->blocked)
		epoll_ctl(epoll_fd, EPOLL_CTL_MOD, connection->fd, &event);
	connection->blocked = false;
	connection->out_len = connection->out_sent = 0;
	if (connection->closing)
		drop(connection);
	else if (connection->in_len > 0)
		serve(connection);
}

/* ---- answers ---- */

/* A text that is being written; what does not fit is left out. */
typedef struct Text
{
	char		bytes[MAX_ANSWER - 512];
	size_t		len;
} Text;

static Text body;

static void __attribute__((format(printf, 1, 2))) put(const char *format, ...)
{
	va_list		arguments;
	int			n;

	va_start(arguments, format);
	n = vsnprintf(body.bytes + body.len, sizeof(body.bytes) - body.len, format,
				  arguments);
	va_end(arguments);
	if (n > 0 && (size_t) n < sizeof(body.bytes) - body.len)
		body.len += (size_t) n;
}

/* A UUID that belongs to an id. */
static const char *
uuid_of(const char *id)
{
	static char uuid[37];
	uint64_t	h = UINT64_C(14695981039346656037);

	for (const char *c = id; *c; c++)
		h = (h ^ (unsigned char) *c) * UINT64_C(1099511628211);
	snprintf(uuid, sizeof(uuid), "%08x-%04x-4%03x-8%03x-%012llx", (unsigned) (h >> 32),
			 (unsigned) (h >> 16) & 0xffff, (unsigned) (h >> 4) & 0xfff,
			 (unsigned) h & 0xfff,
			 (unsigned long long) (h * 31 & UINT64_C(0xffffffffffff)));
	return uuid;
}

static void
put_record(const char *id, bool features)
{
	put("{\"id\":\"%s\",\"href\":\"https://open.spotify.com/track/%s\",\"isrc\":null,",
		strlen(id) == 36 ? id : uuid_of(id), id);
	if (features)
		put("\"acousticness\":0.0123,\"danceability\":0.611,\"energy\":0.742,"
			"\"instrumentalness\":0.00004,\"key\":9,\"liveness\":0.108,"
			"\"loudness\":-6.215,\"mode\":0,\"speechiness\":0.0371,\"tempo\":121.98,"
			"\"valence\":0.333}");
	else
		put("\"trackTitle\":\"Bench\",\"artists\":[{\"id\":"
			"\"2f4c9f0a-8d3b-4b52-8f0e-6a1b0c9d7e42\",\"name\":\"Nobody\",\"href\":"
			"\"https://open.spotify.com/artist/1LzUSkROJBosCSJ4w2QoaF\"}],"
			"\"durationMs\":214387,\"ean\":null,\"upc\":null,"
			"\"availableCountries\":\"DE,FI\",\"popularity\":41}");
}

/* One record for each of the ids; a comma may be escaped. */
static void
put_records(const char *ids, bool features)
{
	char		id[ID_LENGTH + 1];

	put("{\"content\":[");
	for (int i = 0; i < MAX_IDS && *ids; i++)
	{
		size_t		len = strspn(ids, "0123456789abcdefghijklmnopqrstuvwxyz-"
									  "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

		if (len == 0 || len > ID_LENGTH)
			break;
		memcpy(id, ids, len);
		id[len] = '\0';
		if (i > 0)
			put(",");
		put_record(id, features);
		ids += len;
		if (*ids == ',')
			ids++;
		else if (strncasecmp(ids, "%2c", 3) == 0)
			ids += 3;
		else
			break;
	}
	put("]}");
}

static void
put_search(void)
{
	static const char artist[] = "{\"id\":\"1LzUSkROJBosCSJ4w2QoaF\",\"name\":\"Nobody\","
		"\"type\":\"artist\",\"uri\":\"spotify:artist:1LzUSkROJBosCSJ4w2QoaF\","
		"\"genres\":[\"pop\"],\"popularity\":40}";

	put("{\"tracks\":{\"href\":\"\",\"limit\":10,\"offset\":0,\"total\":1,\"next\":null,"
		"\"previous\":null,\"items\":[{\"id\":\"1QWN1ij3rsgeKkHInkAz6Y\","
		"\"name\":\"Bench\",\"type\":\"track\",\"uri\":"
		"\"spotify:track:1QWN1ij3rsgeKkHInkAz6Y\",\"duration_ms\":214387,"
		"\"explicit\":false,\"popularity\":41,\"is_local\":false,\"artists\":[%s],"
		"\"album\":{\"id\":\"2QWN1ij3rsgeKkHInkAz6Y\",\"name\":\"Bench\","
		"\"release_date\":\"2001-01-01\",\"release_date_precision\":\"day\"}}]},",
		artist);
	put("\"artists\":{\"href\":\"\",\"limit\":10,\"offset\":0,\"total\":1,\"next\":null,"
		"\"previous\":null,\"items\":[%s]}}",
		artist);
}

/* Writes the answer for a target into the connection's output. */
static void
answer(Connection *connection, const char *target)
{
	const char *ids = strstr(target, "ids=");
	int			n;

	body.len = 0;
	if (strcmp(target, "/calls") == 0)
		put("%llu", (unsigned long long) calls);
	else
		calls++;
	if (body.len > 0)
		;
	else if (ids && strstr(target, "/audio-features?"))
		put_records(ids + 4, true);
	else if (ids && strstr(target, "/track?"))
		put_records(ids + 4, false);
	else if (strstr(target, "/artist/"))
	{
		put("{\"page\":0,\"size\":50,\"totalElements\":1,\"totalPages\":1,\"content\":[");
		put_record("1QWN1ij3rsgeKkHInkAz6Y", false);
		put("]}");
	}
	else if (strstr(target, "/search?"))
		put_search();
	else if (strstr(target, "/api/token"))
		put("{\"access_token\":\"bench\",\"token_type\":\"Bearer\",\"expires_in\":3600}");
	else
		put("{}");
	n = snprintf(connection->out, sizeof(connection->out),
				 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
				 "Content-Length: %zu\r\n\r\n%.*s",
				 body.len, (int) body.len, body.bytes);
	connection->out_len = (size_t) n;
	connection->out_sent = 0;
}

/* ---- time ---- */

/* The delay that a target asks for, in us. */
static int64_t
delay_of(const char *target)
{
	const char *id = strstr(target, "ids=d");
	char	   *end;
	long		ms;

	if (id)
	{
		ms = strtol(id + 5, &end, 10);
		if (end > id + 5 && *end == 'x')
			return (int64_t) ms * 1000;
	}
	if (strncmp(target, "/d", 2) == 0)
	{
		ms = strtol(target + 2, &end, 10);
		if (end > target + 2 && *end == '/')
			return (int64_t) ms * 1000;
	}
	return 0;
}

/* Puts a connection into a place of the heap. */
static void
put_at(int place, Connection *connection)
{
	heap[place] = connection;
	connection->place = place;
}

/* Finds the place for a connection, from 'place' upwards or downwards. */
static void
settle(int place, Connection *connection)
{
	while (place > 0 && heap[(place - 1) / 2]->due > connection->due)
	{
		put_at(place, heap[(place - 1) / 2]);
		place = (place - 1) / 2;
	}
	for (;;)
	{
		int			child = 2 * place + 1;

		if (child + 1 < nheap && heap[child + 1]->due < heap[child]->due)
			child++;
		if (child >= nheap || heap[child]->due >= connection->due)
			break;
		put_at(place, heap[child]);
		place = child;
	}
	put_at(place, connection);
}

static void
wait_until(Connection *connection, int64_t due)
{
	connection->due = due;
	connection->waiting = true;
	heap[nheap] = connection;
	nheap++;
	settle(nheap - 1, connection);
}

static void
stop_waiting(Connection *connection)
{
	Connection *last = heap[--nheap];

	connection->waiting = false;
	if (last != connection)
		settle(connection->place, last);
}

/* Answers those whose time has come; how long to sleep for the next, in ms. */
static int
wake_due(void)
{
	int64_t		now = nheap > 0 ? now_us() : 0;

	while (nheap > 0 && heap[0]->due <= now)
	{
		Connection *connection = heap[0];

		stop_waiting(connection);
		write_some(connection);
	}
	return nheap > 0 ? (int) ((heap[0]->due - now + 999) / 1000) : -1;
}
