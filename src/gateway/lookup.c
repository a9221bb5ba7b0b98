/*-------------------------------------------------------------------------
 *
 * lookup.c
 *	  How many names are being resolved, and for whom.
 *
 * Purpose: see lookup.h.
 * Runs in: the gateway.
 * Locks:	none.
 * Never:	palloc or ereport where libcurl calls; forget a thread that lives.
 *
 * A thread that was left behind tells nobody that it has ended. So it is given its
 * lane's name: a thread begins with the name of the one that starts it, and the
 * directory of threads tells which are alive.
 *
 *-------------------------------------------------------------------------
 */
#include "lookup.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "miscadmin.h"
#include "shmem/shared.h"
#include "utils/memutils.h"

#define RECOUNT_US		((int64) 100 * 1000)	/* between two counts of threads */
#define THREAD_NAME		"reco dns "
#define NAME_SIZE		16		/* of a thread, as the kernel has it */

/* The names of one lane. */
typedef struct Lookups
{
	int			under_way;
	int			abandoned;		/* at most so many threads were left behind */
} Lookups;

static bool has_room(int lane);
static void recount(void);
static int	lane_of_thread(const char *id);

static Lookups *lookups = NULL; /* by lane */
static int	nlookups = 0;
static int	all = 0;			/* the sum of all */
static uint64 ends = 0;
static int64 counted_at = 0;
static char own_name[NAME_SIZE];	/* of the thread that we are */
static bool renamed = false;

/* Sets up. */
void
reco_lookup_open(int nlanes)
{
	lookups = MemoryContextAllocZero(TopMemoryContext, sizeof(Lookups) * nlanes);
	nlookups = nlanes;
	(void) prctl(PR_GET_NAME, own_name);
}

/* Notes that a lane begins to resolve a name, and names the thread that will. */
bool
reco_lookup_begin(int lane)
{
	char		name[NAME_SIZE];

	if (!has_room(lane) && reco_now_us() - counted_at >= RECOUNT_US)
		recount();
	if (!has_room(lane))
		return false;
	lookups[lane].under_way++;
	all++;
	snprintf(name, sizeof(name), THREAD_NAME "%d", lane);
	renamed = prctl(PR_SET_NAME, name) == 0 || renamed;
	return true;
}

/* Notes that a name is resolved, or that nobody waits for it any longer. */
void
reco_lookup_end(int lane, bool abandoned)
{
	ends++;
	lookups[lane].under_way--;
	if (abandoned)
		lookups[lane].abandoned++;
	else
		all--;
}

/* Counts what a lane has under way. */
int
reco_lookup_under_way(int lane)
{
	return lookups[lane].under_way;
}

/* Counts those that have ended, of all lanes. */
uint64
reco_lookup_ends(void)
{
	return ends;
}

/* Takes the process's own name back. */
void
reco_lookup_settle(void)
{
	if (renamed)
		(void) prctl(PR_SET_NAME, own_name);
	renamed = false;
}

/* Tells whether a lane may have one more. */
static bool
has_room(int lane)
{
	int			own = lookups[lane].under_way + lookups[lane].abandoned;

	return own < RECO_LOOKUP_SHARE &&
		all < RECO_LOOKUP_MOST - (own > 0 ? RECO_LOOKUP_SHARE : 0);
}

/* Counts the threads that are alive, and forgets those that were left and have ended. */
static void
recount(void)
{
	DIR		   *directory = opendir("/proc/self/task");
	const struct dirent *entry;

	counted_at = reco_now_us();
	if (directory == NULL)
		return;
	for (int i = 0; i < nlookups; i++)
	{
		all -= lookups[i].abandoned;
		lookups[i].abandoned = -lookups[i].under_way;
	}
	while ((entry = readdir(directory)) != NULL)
	{
		int			lane = -1;

		/* our own thread may have the name at hand for the one that it starts */
		if (atoi(entry->d_name) != MyProcPid)
			lane = lane_of_thread(entry->d_name);
		if (lane >= 0 && lane < nlookups)
			lookups[lane].abandoned++;
	}
	closedir(directory);
	for (int i = 0; i < nlookups; i++)
	{
		lookups[i].abandoned = Max(0, lookups[i].abandoned);
		all += lookups[i].abandoned;
	}
}

/* Reads from a thread's name which lane it works for; -1 = none. */
static int
lane_of_thread(const char *id)
{
	char		path[64];
	char		name[NAME_SIZE + 1];
	ssize_t		len;
	int			fd;

	snprintf(path, sizeof(path), "/proc/self/task/%.20s/comm", id);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	len = read(fd, name, NAME_SIZE);
	close(fd);
	if (len <= (ssize_t) strlen(THREAD_NAME) ||
		strncmp(name, THREAD_NAME, strlen(THREAD_NAME)) != 0)
		return -1;
	name[len] = '\0';
	return atoi(name + strlen(THREAD_NAME));
}
