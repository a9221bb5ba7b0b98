/*-------------------------------------------------------------------------
 *
 * cached_saved.c
 *	  The counters of what is kept, over a clean restart of the server.
 *
 * Purpose: write them to a file when the server ends, and read it when it starts, as
 *			pg_stat_statements does with its own. A crash leaves no file.
 * Runs in: the postmaster.
 * Locks:	none: nobody else is there.
 * Never:	keep the server from starting or ending: what cannot be read is not there.
 *
 * The file is text: a line of RECO_VERSION, then one per category with its name and its
 * counters in the order of RecoCachedCount. Another version's is not read.
 *
 *-------------------------------------------------------------------------
 */
#include "cached_parts.h"

#include <unistd.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"
#include "storage/ipc.h"

#define SAVED_FILE	PGSTAT_STAT_PERMANENT_DIRECTORY "/reco.stat"
#define TITLE		"reco " RECO_VERSION "\n"

static void save(int code, Datum arg);
static void read_counters(FILE *file);

/* Reads what was saved, once: after a crash it would be too old. */
void
reco_cached_load_counters(void)
{
	FILE	   *file;
	char		title[sizeof(TITLE)];

	if (IsUnderPostmaster)
		return;
	on_shmem_exit(save, (Datum) 0);
	file = AllocateFile(SAVED_FILE, PG_BINARY_R);
	if (file == NULL)
		return;
	if (fgets(title, sizeof(title), file) != NULL && strcmp(title, TITLE) == 0)
		read_counters(file);
	FreeFile(file);
	unlink(SAVED_FILE);
}

static void
read_counters(FILE *file)
{
	char		name[32];

	while (fscanf(file, "%31s", name) == 1)
	{
		RecoCategory category = reco_category_of(name);

		for (int i = 0; i < RECO_CACHED_NCOUNTERS; i++)
		{
			unsigned long long value;

			if (fscanf(file, "%llu", &value) != 1)
				return;
			if (category >= 0)
				pg_atomic_write_u64(reco_cached_counters(category) + i, value);
		}
	}
}

/* Writes the file when the server ends, but for a crash. */
static void
save(int code, Datum arg)
{
	FILE	   *file;
	bool		failed;

	if (code != 0 || reco_cached_counts == NULL)
		return;
	file = AllocateFile(SAVED_FILE ".tmp", PG_BINARY_W);
	if (file == NULL)
	{
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", SAVED_FILE ".tmp")));
		return;
	}
	fputs(TITLE, file);
	for (int c = 0; c < RECO_NCATEGORIES; c++)
	{
		fputs(reco_category_name(c), file);
		for (int i = 0; i < RECO_CACHED_NCOUNTERS; i++)
			fprintf(file, " %llu",
					(unsigned long long) pg_atomic_read_u64(reco_cached_counters(c) + i));
		fputc('\n', file);
	}
	failed = ferror(file) != 0;
	failed = FreeFile(file) != 0 || failed;
	if (failed || rename(SAVED_FILE ".tmp", SAVED_FILE) != 0)
	{
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", SAVED_FILE)));
		unlink(SAVED_FILE ".tmp");
	}
}
