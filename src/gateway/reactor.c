/*-------------------------------------------------------------------------
 *
 * reactor.c
 *	  libcurl's sockets and the latch in one wait.
 *
 * Purpose: see reactor.h.
 * Runs in: the gateway.
 * Locks:	none.
 * Never:	palloc or ereport in watch_socket and set_timer, which libcurl calls;
 *			call 'ended' with signals blocked, or from inside of libcurl.
 *
 * libcurl is driven by socket actions. It says which sockets matter; they are kept
 * in a private epoll fd, which is one member of a long-lived WaitEventSet beside
 * the latch. curl_multi_poll would not see the latch, and a WaitEventSet cannot
 * give a socket up again. What libcurl's timer says becomes the wait's time-out.
 *
 * A turn under load costs one wait, one read of the epoll fd, and a pair of signal
 * masks (T13) each for what was added and for all sockets that are ready: so a
 * handle is given to libcurl in the turn, not as it is added.
 *
 * Over HTTP/2, libcurl may end one request of a connection with the answers to others
 * read already: no socket tells of those (measured with 7.88.1: answers that lay there
 * until the low speed limit). So where a request over HTTP/2 has ended, libcurl is told
 * once more that its socket is readable, until nothing ends there.
 *
 *-------------------------------------------------------------------------
 */
#include "reactor.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "libpq/pqsignal.h"
#include "lookup.h"
#include "miscadmin.h"
#include "shmem/shared.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#define BATCH			256		/* sockets that one turn serves */
#define SPARE			32		/* descriptors for lookups and second attempts */
#define GRACE_US		((int64) 50 * 1000)	/* that libcurl is late before we end it */
#define OVERDUE_US		((int64) 10 * 1000)	/* between two looks for such */
#define REOPEN_US		((int64) 1000 * 1000)	/* between tries for a multi handle */

/* Where a handle is. */
typedef enum Stage
{
	STAGE_LATER = 0,			/* waits until the lookup of some name has ended */
	STAGE_NEW,					/* libcurl gets it in the next turn */
	STAGE_RUNNING,				/* in the multi handle */
	STAGE_FAILED				/* libcurl did not take it */
} Stage;

typedef struct Entry
{
	CURL	   *easy;
	Stage		stage;
	int64		overdue_at;		/* when we end it ourselves */
} Entry;

typedef struct Entries
{
	Entry	   *items;
	int			n;
	int			size;
} Entries;

/* A socket of libcurl. */
typedef struct Watched
{
	curl_socket_t fd;
	int			port;			/* at our end; 0 = not known yet */
	bool		again;			/* HTTP/2; to be read once more */
} Watched;

static bool open_multi(void);
static int	watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known);
static int	set_timer(CURLM *handle, long timeout_ms, void *arg);
static int	reserve_descriptors(int wanted);
static int	wait_for_events(int64 until, struct epoll_event *events);
static void let_curl_begin(void);
static void let_curl_work(const struct epoll_event *events, int nevents);
static void start_anew(void);
static int	tell_ended(RecoReactorEnded ended);
static int	end_overdue(int64 now, RecoReactorEnded ended);
static void look_again(CURL *easy);
static int	port_of(curl_socket_t fd);
static void note_socket(curl_socket_t fd, bool there);
static CURLMcode let_curl_look_again(void);
static bool make_room(Entries *entries);
static bool forget(Entries *entries, const CURL *easy);

static CURLM *multi = NULL;		/* NULL = failed, and no memory for a new one yet */
static int	epoll_fd = -1;
static WaitEventSet *wait_set = NULL;
static int	max_connections = 0;
static int	max_watched = 0;

static Entries running;			/* all that are under way */
static Entries orphans;			/* of a multi handle that failed; to be told */
static bool added = false;		/* some are new, or can be */
static uint64 lookup_ends = 0;	/* as last looked at */
static bool unread = false;		/* libcurl may have news that were not read */
static Watched *watched = NULL; /* sockets of libcurl; no others are looked at */
static int	nwatched = 0;
static bool again = false;		/* there are some to look at again */
static int64 timer_at = PG_INT64_MAX;	/* when libcurl wants to work */
static int64 overdue_at = PG_INT64_MAX; /* when to look for what is overdue */

/* Opens the reactor; an ERROR says what libcurl or the system lacks. */
int
reco_reactor_open(int wanted)
{
	sigset_t	saved;
	bool		good;

	Assert(wait_set == NULL);
	sigprocmask(SIG_SETMASK, &BlockSig, &saved);
	good = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
	sigprocmask(SIG_SETMASK, &saved, NULL);
	if (!good)
		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR), errmsg("could not initialize libcurl")));

	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		ereport(ERROR, (errcode_for_socket_access(), errmsg("epoll_create1 failed: %m")));

	wait_set = RECO_CREATE_WAIT_EVENT_SET(3);
	AddWaitEventToSet(wait_set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(wait_set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(wait_set, WL_SOCKET_READABLE, epoll_fd, NULL, NULL);

	max_connections = reserve_descriptors(wanted);
	max_watched = max_connections + SPARE;
	watched = MemoryContextAllocZero(TopMemoryContext, sizeof(Watched) * max_watched);
	reco_lookup_open(reco_shared->nlanes);
	if (!open_multi())
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	return max_connections;
}

/* Adds a handle. It begins to work in the next turn, or after a lookup. */
bool
reco_reactor_add(CURL *easy, int64 deadline, bool later)
{
	Entry	   *entry;

	if (multi == NULL || !make_room(&running))
		return false;
	entry = &running.items[running.n++];
	entry->easy = easy;
	entry->stage = later ? STAGE_LATER : STAGE_NEW;
	entry->overdue_at = Min(deadline, PG_INT64_MAX - GRACE_US) + GRACE_US;
	overdue_at = Min(overdue_at, entry->overdue_at);
	added |= !later;
	return true;
}

/* Removes a handle; it will not be told of. */
void
reco_reactor_remove(CURL *easy)
{
	if (forget(&running, easy))
		curl_multi_remove_handle(multi, easy);
	else
		(void) forget(&orphans, easy);
}

/* Waits, lets libcurl work, tells what ended. */
void
reco_reactor_turn(int64 until, RecoReactorEnded ended)
{
	struct epoll_event events[BATCH];
	int			nevents;

	if (multi == NULL && !open_multi())
		until = Min(until < 0 ? PG_INT64_MAX : until, reco_now_us() + REOPEN_US);

	/* what an error left untold; and what was added begins before the wait */
	if ((orphans.n > 0 || unread) && tell_ended(ended) > 0)
		until = 0;
	if (added || again || lookup_ends != reco_lookup_ends() || timer_at <= reco_now_us())
	{
		let_curl_work(NULL, 0);
		if (tell_ended(ended) > 0)
			until = 0;
	}

	nevents = wait_for_events(again ? 0 : until, events);
	if (nevents > 0 || again || timer_at <= reco_now_us())
	{
		let_curl_work(events, nevents);
		(void) tell_ended(ended);
	}
	if (overdue_at != PG_INT64_MAX && overdue_at <= reco_now_us())
		(void) end_overdue(reco_now_us(), ended);
}

/* Makes a multi handle; false = no memory. */
static bool
open_multi(void)
{
	sigset_t	saved;

	sigprocmask(SIG_SETMASK, &BlockSig, &saved);
	multi = curl_multi_init();
	sigprocmask(SIG_SETMASK, &saved, NULL);
	if (multi == NULL)
		return false;
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
	curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long) max_connections);
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long) max_connections);
	return true;
}

/* Keeps the epoll fd as libcurl wants it. 'known' is NULL for a socket that is new. */
static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct epoll_event event;
	int			operation = known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	memset(&event, 0, sizeof(event));
	event.events = ((what & CURL_POLL_IN) ? (uint32_t) EPOLLIN : 0) |
		((what & CURL_POLL_OUT) ? (uint32_t) EPOLLOUT : 0);
	event.data.fd = fd;

	if (what == CURL_POLL_REMOVE)
	{
		/* fails where it was closed already, which took it out as well */
		(void) epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, &event);
		note_socket(fd, false);
		return 0;
	}
	if (known == NULL)
	{
		curl_multi_assign(multi, fd, &epoll_fd);
		note_socket(fd, true);
	}
	if (epoll_ctl(epoll_fd, operation, fd, &event) == 0)
		return 0;

	/* its number may have been closed and given to another one meanwhile */
	if (errno == ENOENT)
		operation = EPOLL_CTL_ADD;
	else if (errno == EEXIST)
		operation = EPOLL_CTL_MOD;
	else
		return -1;
	return epoll_ctl(epoll_fd, operation, fd, &event);
}

/* Keeps the list of libcurl's sockets. Where it is full, others are not in it. */
static void
note_socket(curl_socket_t fd, bool there)
{
	int			i = 0;

	while (i < nwatched && watched[i].fd != fd)
		i++;
	if (!there && i < nwatched)
		watched[i] = watched[--nwatched];
	else if (there && i < max_watched)
	{
		memset(&watched[i], 0, sizeof(Watched));
		watched[i].fd = fd;
		nwatched = Max(nwatched, i + 1);
	}
}

/* Takes down when libcurl wants to work next. */
static int
set_timer(CURLM *handle, long timeout_ms, void *arg)
{
	if (timeout_ms < 0)
		timer_at = PG_INT64_MAX;
	else if (timeout_ms == 0)
		timer_at = 0;
	else
		timer_at = reco_now_us() + (int64) timeout_ms * 1000;
	return 0;
}

/*
 * Announces descriptors to fd.c, once and for good, since libcurl opens them where
 * nothing may fail by an error. Returns for how many connections they suffice.
 */
static int
reserve_descriptors(int wanted)
{
	int			got = 0;
	int			enough;

	ReserveExternalFD();		/* the epoll fd; that of the set has been announced */
	while (got < wanted + SPARE && AcquireExternalFD())
		got++;
	enough = Max(1, Min(wanted, Max(got - SPARE, got / 2)));

	/* with one connection, questions are answered yet, if slowly */
	if (enough < wanted)
		ereport(WARNING,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("too few file descriptors for \"reco.gateway_connections\""),
				 errdetail("There will be %d connections, not %d.", enough, wanted),
				 errhint("Increase \"max_files_per_process\" or the limit of the "
						 "operating system (\"ulimit -n\").")));
	return enough;
}

/*
 * Waits for the latch or a socket, and resets the latch. Returns how many sockets
 * are ready, and which.
 */
static int
wait_for_events(int64 until, struct epoll_event *events)
{
	WaitEvent	occurred[3];
	int64		wake = Min(timer_at, overdue_at);
	long		timeout_ms = -1;
	int			noccurred;
	int			nevents;

	if (until >= 0)
		wake = Min(wake, until);
	if (wake < PG_INT64_MAX)
	{
		int64		left_us = wake - reco_now_us();

		timeout_ms = left_us <= 0 ? 0 : (long) Min((left_us - 1) / 1000 + 1, INT_MAX);
	}

	noccurred = WaitEventSetWait(wait_set, timeout_ms, occurred, lengthof(occurred),
								 PG_WAIT_EXTENSION);
	if (noccurred == 0)
		return 0;
	for (int i = 0; i < noccurred; i++)
		if (occurred[i].events & WL_LATCH_SET)
			ResetLatch(MyLatch);

	/* a set latch hides the sockets from the set, so they are always looked at */
	nevents = epoll_wait(epoll_fd, events, BATCH, 0);
	return Max(nevents, 0);
}

/* Gives libcurl what is new, and what waited for a lookup's end if there was one. */
static void
let_curl_begin(void)
{
	bool		later = lookup_ends != reco_lookup_ends();

	lookup_ends = reco_lookup_ends();
	added = false;
	for (int i = 0; i < running.n; i++)
	{
		Entry	   *entry = &running.items[i];

		if (entry->stage != STAGE_NEW && !(later && entry->stage == STAGE_LATER))
			continue;
		entry->stage = STAGE_RUNNING;
		if (curl_multi_add_handle(multi, entry->easy) == CURLM_OK)
			continue;
		entry->stage = STAGE_FAILED;
		entry->overdue_at = overdue_at = 0;
	}
}

/* Tells libcurl that there is something to read where a request over HTTP/2 has ended. */
static CURLMcode
let_curl_look_again(void)
{
	CURLMcode	code = CURLM_OK;
	int			left;

	again = false;
	for (int i = nwatched - 1; i >= 0 && code == CURLM_OK; i = Min(i, nwatched) - 1)
	{
		if (!watched[i].again)
			continue;
		watched[i].again = false;
		code = curl_multi_socket_action(multi, watched[i].fd, CURL_CSELECT_IN, &left);
	}
	return code;
}

/*
 * Gives what has been added, sockets that are ready, and the time to libcurl. Whichever
 * thread it starts meanwhile inherits a mask without signals (T13).
 */
static void
let_curl_work(const struct epoll_event *events, int nevents)
{
	CURLMcode	code = CURLM_OK;
	sigset_t	saved;
	int			left;

	if (multi == NULL)
	{
		timer_at = PG_INT64_MAX;
		return;
	}
	unread = true;
	sigprocmask(SIG_SETMASK, &BlockSig, &saved);
	if (again)
		code = let_curl_look_again();
	for (int i = 0; i < nevents && code == CURLM_OK; i++)
	{
		uint32_t	ready = events[i].events;
		int			bits = 0;

		if (ready & EPOLLIN)
			bits |= CURL_CSELECT_IN;
		if (ready & EPOLLOUT)
			bits |= CURL_CSELECT_OUT;
		/* reading tells what the error is */
		if (ready & (EPOLLERR | EPOLLHUP))
			bits |= CURL_CSELECT_IN | CURL_CSELECT_ERR;
		code = curl_multi_socket_action(multi, events[i].data.fd, bits, &left);
	}
	if (code == CURLM_OK && (added || lookup_ends != reco_lookup_ends()))
		let_curl_begin();
	if (code == CURLM_OK && timer_at <= reco_now_us())
	{
		timer_at = PG_INT64_MAX;
		code = curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &left);
	}
	if (code != CURLM_OK)
		start_anew();
	reco_lookup_settle();
	sigprocmask(SIG_SETMASK, &saved, NULL);
}

/* Gives up a multi handle that failed: nothing in it can be continued. */
static void
start_anew(void)
{
	Entries		empty = orphans;

	/* all orphans of before were told at the turn's head */
	Assert(orphans.n == 0);
	for (int i = 0; i < running.n; i++)
		curl_multi_remove_handle(multi, running.items[i].easy);
	curl_multi_cleanup(multi);
	orphans = running;
	running = empty;
	added = false;
	nwatched = 0;
	again = false;
	timer_at = PG_INT64_MAX;
	(void) open_multi();
}

/* Tells the owners of what has ended; returns how many. */
static int
tell_ended(RecoReactorEnded ended)
{
	const CURLMsg *message;
	int			left;
	int			n = 0;

	for (; orphans.n > 0; n++)
	{
		CURL	   *easy = orphans.items[--orphans.n].easy;

		ended(easy, CURLE_FAILED_INIT);
	}
	while (multi && (message = curl_multi_info_read(multi, &left)) != NULL)
	{
		CURL	   *easy = message->easy_handle;
		CURLcode	result = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		look_again(easy);
		reco_reactor_remove(easy);	/* the message goes with it */
		ended(easy, result);
		n++;
	}
	unread = false;
	return n;
}

/*
 * Notes the connection of a request that ended, if others may be under way over it.
 * libcurl does not tell the socket of a connection that is still in use
 * (CURLINFO_ACTIVESOCKET is of none then); the port at our end it does.
 */
static void
look_again(CURL *easy)
{
	long		version = 0;
	long		port = 0;

	if (curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version) != CURLE_OK ||
		version != CURL_HTTP_VERSION_2_0 ||
		curl_easy_getinfo(easy, CURLINFO_LOCAL_PORT, &port) != CURLE_OK)
		return;
	for (int i = 0; i < nwatched; i++)
	{
		Watched    *socket = &watched[i];

		if (socket->port == 0)
			socket->port = port_of(socket->fd);
		if (socket->port == port && port != 0)
			socket->again = again = true;
	}
}

/* The port at our end; 0 = not connected. */
static int
port_of(curl_socket_t fd)
{
	struct sockaddr_storage address;
	socklen_t	len = sizeof(address);

	if (getsockname(fd, (struct sockaddr *) &address, &len) != 0)
		return 0;
	if (address.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *) &address)->sin_port);
	if (address.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *) &address)->sin6_port);
	return 0;
}

/* Ends what libcurl did not end in time; returns how many. */
static int
end_overdue(int64 now, RecoReactorEnded ended)
{
	int64		first = PG_INT64_MAX;
	int			n = 0;

	for (int i = 0; i < running.n;)
	{
		Entry		entry = running.items[i];

		if (entry.overdue_at > now)
		{
			first = Min(first, entry.overdue_at);
			i++;
			continue;
		}
		reco_reactor_remove(entry.easy);
		ended(entry.easy,
			  entry.stage == STAGE_FAILED ? CURLE_OUT_OF_MEMORY
										  : CURLE_OPERATION_TIMEDOUT);
		n++;

		/* others may have come and gone meanwhile */
		i = 0;
		first = PG_INT64_MAX;
	}
	overdue_at = first == PG_INT64_MAX ? first : Max(first, now + OVERDUE_US);
	return n;
}

/* Makes room for one more entry. */
static bool
make_room(Entries *entries)
{
	int			size = Max(64, entries->size * 2);
	Entry	   *items;

	if (entries->n < entries->size)
		return true;
	items = realloc(entries->items, sizeof(Entry) * size);
	if (items == NULL)
		return false;
	entries->items = items;
	entries->size = size;
	return true;
}

/*
 * Takes a handle out of a list; false when it is not in it. There are as many as
 * connections at most, so looking for one costs less than the request by far.
 */
static bool
forget(Entries *entries, const CURL *easy)
{
	for (int i = entries->n - 1; i >= 0; i--)
		if (entries->items[i].easy == easy)
		{
			entries->items[i] = entries->items[--entries->n];
			return true;
		}
	return false;
}
