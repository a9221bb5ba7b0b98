/*-------------------------------------------------------------------------
 *
 * cache_care.c
 *	  reco.cache, the registry, the deny list: counting, expiry, eviction.
 *
 * Purpose: see cache.h.
 * Runs in: the keeper; counting in any process with a database and a transaction.
 * Locks:	those of its statements.
 * Never:	count the whole table for every few rows: that is done when, by what was
 *			written since, a category may be over its limit, or after a while.
 *
 *-------------------------------------------------------------------------
 */
#include "cache.h"

#include "access/htup_details.h"
#include "access/xlog.h"
#include "cache_parts.h"
#include "catalog/pg_type.h"
#include "logged.h"
#include "sql.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define RECOUNT_US		(10 * INT64CONST(1000000))	/* others may have written */
#define IDLE_SHARE		100		/* times as long as counting took, too */
#define MARGIN			20		/* one part in so many more than needed goes */

/* bytes of a row; what is denied by hand is not counted, nor evicted */
#define ID_SIZE			"(octet_length(spotify_id) + octet_length(server) + 64)"
#define DENIED_SIZE		"(octet_length(deny_key) + octet_length(server) +" \
	" octet_length(reason) + octet_length(request))"

/* What each table has; only that one may be readable on a standby. */
static struct
{
	const char *table;
	RecoStatement statement;
}			counting[] = {
	{"cache",
		{.text = "SELECT category, count(*), sum(size)::bigint, min(fetched_at) FROM reco.cache"
			" GROUP BY category ORDER BY category"}},
	{"id_registry",
		{.text = "SELECT 'ids', count(*), sum(" ID_SIZE ")::bigint, min(fetched_at)"
			" FROM reco.id_registry HAVING count(*) > 0"}},
	{"deny_list",
		{.text = "SELECT 'denied', count(*), sum(" DENIED_SIZE ")::bigint, min(denied_at)"
			" FROM reco.deny_list WHERE NOT by_hand HAVING count(*) > 0"}},
};

#define EXPIRE(relation, until, returns)                                             \
	"WITH gone AS (DELETE FROM " relation " WHERE ctid = ANY (ARRAY("                  \
	" SELECT ctid FROM " relation " WHERE " until " <= $1 ORDER BY " until " LIMIT $2))" \
	" RETURNING " returns ")"                                                            \
	" SELECT category, count(*), sum(size)::bigint, NULL::timestamptz FROM gone"         \
	" GROUP BY category"

static RecoStatement expire_statements[] = {
	{
		.text = EXPIRE("reco.cache", "usable_until", "category, size"),
		.nargs = 2,
		.types = {TIMESTAMPTZOID, INT8OID},
	},
	{
		.text = EXPIRE("reco.id_registry", "usable_until",
					   "'ids'::text AS category, " ID_SIZE " AS size"),
		.nargs = 2,
		.types = {TIMESTAMPTZOID, INT8OID},
	},
	{
		.text = EXPIRE("reco.deny_list", "denied_until",
					   "'denied'::text AS category, " DENIED_SIZE " AS size"),
		.nargs = 2,
		.types = {TIMESTAMPTZOID, INT8OID},
	},
};

#define EVICT(relation, size, which)                                                  \
	"WITH old AS (SELECT o.ctid, row_number() OVER w AS nth,"                           \
	"  sum(o.size) OVER w - o.size AS bytes FROM"                                        \
	"  (SELECT ctid, " size " AS size, used_at FROM " relation " WHERE " which           \
	"   ORDER BY used_at LIMIT $4) AS o"                                                 \
	"  WINDOW w AS (ORDER BY o.used_at ROWS UNBOUNDED PRECEDING)),"                      \
	" gone AS (DELETE FROM " relation " WHERE ctid = ANY (ARRAY("                        \
	"  SELECT ctid FROM old WHERE nth <= $2 OR bytes < $3)) RETURNING " size " AS size)" \
	" SELECT $1, count(*), sum(size)::bigint, NULL::timestamptz FROM gone"               \
	" HAVING count(*) > 0"
#define EVICT_ARGUMENTS	.nargs = 4, .types = {TEXTOID, INT8OID, INT8OID, INT8OID}

static RecoStatement evict_statement = {
	.text = EVICT("reco.cache", "size", "category = $1"), EVICT_ARGUMENTS
};
static RecoStatement evict_ids_statement = {
	.text = EVICT("reco.id_registry", ID_SIZE, "true"), EVICT_ARGUMENTS
};
static RecoStatement evict_denied_statement = {
	.text = EVICT("reco.deny_list", DENIED_SIZE, "NOT by_hand"), EVICT_ARGUMENTS
};

/* What was counted last, and an upper limit of what was added since. */
static struct
{
	Oid			extension;		/* InvalidOid = nothing was counted */
	TimestampTz next;			/* count again, whatever was written */
	int			ncounts;
	RecoCacheCount *counts;		/* in TopMemoryContext */
	int64		entries;		/* written since */
	int64		bytes;
} last;

static RecoCacheCount *run_counting(RecoStatement *statement, const Datum *arguments,
									bool read_only, int *ncounts);
static bool may_be_over(const RecoCacheCategory *categories, int ncategories);
static bool is_exact(void);
static void count_anew(void);
static const RecoCacheCategory *
limits_of(const char *name, const RecoCacheCategory *categories, int ncategories);
static int64 excess(int64 is, int64 limit);

/* What is written may be new; whether it is, only counting tells. */
void
reco_cache_note_written(const RecoCacheRow *rows, int nrows)
{
	last.entries += nrows;
	for (int i = 0; i < nrows; i++)
		last.bytes += strlen(rows[i].key) +
			(rows[i].value == NULL ? 0 : (int64) strlen(rows[i].value));
}

void
reco_cache_forget_counts(void)
{
	last.next = 0;
}

/* Counts all rows of the tables that can be read here. */
RecoCacheCount *
reco_cache_count(int *ncounts)
{
	RecoCacheCount *counts = palloc0(sizeof(RecoCacheCount));

	*ncounts = 0;
	for (int i = 0; i < lengthof(counting); i++)
	{
		RecoCacheCount *some;
		int			nsome;

		if (!reco_logged_can_read(counting[i].table))
			continue;
		some = run_counting(&counting[i].statement, NULL, true, &nsome);
		counts = repalloc(counts, sizeof(RecoCacheCount) * (*ncounts + nsome + 1));
		memcpy(counts + *ncounts, some, sizeof(RecoCacheCount) * nsome);
		*ncounts += nsome;
	}
	return counts;
}

/* Deletes expired rows. */
RecoCacheCount *
reco_cache_expire(int64 most, int *ncounts)
{
	RecoCacheCount *gone;
	Datum		arguments[2];

	*ncounts = 0;
	if (RecoveryInProgress())
		return palloc0(sizeof(RecoCacheCount));
	arguments[0] = TimestampTzGetDatum(GetCurrentTimestamp());
	arguments[1] = Int64GetDatum(most);
	gone = run_counting(&expire_statements[0], arguments, false, ncounts);
	for (int i = 1; i < lengthof(expire_statements); i++)
	{
		int			n;
		RecoCacheCount *more = run_counting(&expire_statements[i], arguments, false, &n);

		gone = repalloc(gone, sizeof(RecoCacheCount) * Max(*ncounts + n, 1));
		memcpy(gone + *ncounts, more, sizeof(RecoCacheCount) * n);
		*ncounts += n;
	}
	return gone;
}

/* The statement that evicts rows of a category. */
static RecoStatement *
evict_statement_of(const char *category)
{
	if (strcmp(category, "ids") == 0)
		return &evict_ids_statement;
	return strcmp(category, "denied") == 0 ? &evict_denied_statement : &evict_statement;
}

/* Deletes what is over the limits. */
RecoCacheCount *
reco_cache_evict(int64 most, int *ncounts)
{
	int			ncategories;
	RecoCacheCategory *categories = reco_cache_categories(&ncategories);
	RecoCacheCount *gone;

	*ncounts = 0;
	if (RecoveryInProgress() || !may_be_over(categories, ncategories))
		return palloc0(sizeof(RecoCacheCount));
	if (!is_exact())
		count_anew();
	gone = palloc0(sizeof(RecoCacheCount) * Max(last.ncounts, 1));
	for (int i = 0; i < last.ncounts; i++)
	{
		RecoCacheCount *count = &last.counts[i];
		const RecoCacheCategory *limits =
			limits_of(count->category, categories, ncategories);
		RecoCacheCount *removed;
		int			nremoved;
		Datum		arguments[4];

		if (count->entries <= limits->max_entries && count->bytes <= limits->max_bytes)
			continue;
		arguments[0] = CStringGetTextDatum(count->category);
		arguments[1] = Int64GetDatum(excess(count->entries, limits->max_entries));
		arguments[2] = Int64GetDatum(excess(count->bytes, limits->max_bytes));
		arguments[3] = Int64GetDatum(most);
		removed = run_counting(evict_statement_of(count->category), arguments, false,
							   &nremoved);
		if (nremoved == 0)
			continue;
		count->entries -= removed[0].entries;
		count->bytes -= removed[0].bytes;
		gone[(*ncounts)++] = removed[0];
	}
	return gone;
}

/* May any category be over its limit, for all that is known? */
static bool
may_be_over(const RecoCacheCategory *categories, int ncategories)
{
	if (last.extension != reco_sql_extension() || GetCurrentTimestamp() >= last.next)
		return true;
	for (int i = 0; i < ncategories; i++)
	{
		int64		entries = last.entries;
		int64		bytes = last.bytes;

		for (int c = 0; c < last.ncounts; c++)
			if (strcmp(last.counts[c].category, categories[i].name) == 0)
			{
				entries += last.counts[c].entries;
				bytes += last.counts[c].bytes;
			}
		if (entries > categories[i].max_entries || bytes > categories[i].max_bytes)
			return true;
	}
	return false;
}

/* Is what was counted still so? Then the next part goes without counting again. */
static bool
is_exact(void)
{
	return last.extension == reco_sql_extension() && last.entries == 0 &&
		GetCurrentTimestamp() < last.next;
}

/* Counts, and remembers that. */
static void
count_anew(void)
{
	TimestampTz began = GetCurrentTimestamp();
	TimestampTz ended;
	int			ncounts;
	RecoCacheCount *counts = reco_cache_count(&ncounts);
	RecoCacheCount *kept;

	last.extension = InvalidOid;
	for (int i = 0; i < last.ncounts; i++)
		pfree(unconstify(char *, last.counts[i].category));
	last.ncounts = 0;
	kept = MemoryContextAllocZero(TopMemoryContext,
								  sizeof(RecoCacheCount) * Max(ncounts, 1));
	if (last.counts != NULL)
		pfree(last.counts);
	last.counts = kept;
	for (int i = 0; i < ncounts; i++)
	{
		kept[i] = counts[i];
		kept[i].category = MemoryContextStrdup(TopMemoryContext, counts[i].category);
		last.ncounts++;
	}
	ended = GetCurrentTimestamp();
	last.next = ended + Max(RECOUNT_US, IDLE_SHARE * (ended - began));
	last.entries = 0;
	last.bytes = 0;
	last.extension = reco_sql_extension();
}

/* The limits of a category; one without a policy may have nothing. */
static const RecoCacheCategory *
limits_of(const char *name, const RecoCacheCategory *categories, int ncategories)
{
	static const RecoCacheCategory nothing = {0};

	for (int i = 0; i < ncategories; i++)
		if (strcmp(categories[i].name, name) == 0)
			return &categories[i];
	return &nothing;
}

/* How much is to go; nothing where the limit holds. */
static int64
excess(int64 is, int64 limit)
{
	return is <= limit ? 0 : is - limit + limit / MARGIN;
}

/* Runs a statement that tells counts of categories, into the current context. */
static RecoCacheCount *
run_counting(RecoStatement *statement, const Datum *arguments, bool read_only,
			 int *ncounts)
{
	RecoCacheCount *counts;
	MemoryContext old;
	RecoSql		sql;

	reco_sql_begin(&sql);
	/* a plan that was made for a small table is kept for a large one */
	if (!read_only)
		reco_sql_set("enable_seqscan", "off");
	reco_sql_run(statement, arguments, NULL, read_only, 0);
	old = MemoryContextSwitchTo(sql.caller);
	*ncounts = (int) SPI_processed;
	counts = palloc0(sizeof(RecoCacheCount) * Max(*ncounts, 1));
	for (int i = 0; i < *ncounts; i++)
	{
		Datum		values[4];
		bool		nulls[4];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
		counts[i].category = TextDatumGetCString(values[0]);
		counts[i].entries = DatumGetInt64(values[1]);
		counts[i].bytes = DatumGetInt64(values[2]);
		counts[i].oldest = nulls[3] ? 0 : DatumGetTimestampTz(values[3]);
	}
	MemoryContextSwitchTo(old);
	reco_sql_end(&sql);
	return counts;
}
