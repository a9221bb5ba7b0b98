/*-------------------------------------------------------------------------
 *
 * cache.c
 *	  reco.cache and reco.cache_policy: reading, writing, invalidating.
 *
 * Purpose: see cache.h. Expiry and eviction are in cache_care.c.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of its statements. Our own one is on the extension, with a number
 *			behind it: invalidations share it, the keeper has it alone. Whoever looks for
 *			a value or its policy never waits for a table: what is locked is not there.
 * Never:	read the table on a standby, unless it was made logged.
 *
 * A key is looked up by two hashes, since it may be longer than an index entry, and
 * then compared. Two keys with the same hashes displace each other, and that is all.
 *
 *-------------------------------------------------------------------------
 */
#include "cache.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "cache_parts.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "denied.h"
#include "logged.h"
#include "miscadmin.h"
#include "patience.h"
#include "registry.h"
#include "sql.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#define WRITING			1		/* objsubid of our lock */
#define NCOLUMNS		6		/* of a row that is read */
#define SEPARATOR		'\x1f'	/* between the parts of a key */

/* The tables. */
typedef enum RecoPlace
{
	PLACE_CACHE = 0,
	PLACE_REGISTRY,
	PLACE_DENIED,
	NPLACES
} RecoPlace;

#define DIGEST(key)		"digest = hashtextextended(split_part(" key ", chr(31), 1), 0)"
#define SAME_KEY(key)	DIGEST(key) " AND variant = hashtext(" key ") AND key = " key
#define TIMES                                                                    \
	"EXTRACT(epoch FROM fresh) * 1000000, EXTRACT(epoch FROM usable) * 1000000," \
	" EXTRACT(epoch FROM absent) * 1000000"

static RecoStatement policy_statement = {
	.text = "SELECT t.fresh::bigint, t.usable::bigint, t.absent::bigint, t.jitter FROM"
	" (SELECT " TIMES ", jitter::float8 FROM reco.cache_policy WHERE category = $1)"
	" AS t (fresh, usable, absent, jitter)",
	.nargs = 1,
	.types = {TEXTOID},
};

static RecoStatement categories_statement = {
	.text = "SELECT t.fresh::bigint, t.usable::bigint, t.absent::bigint, t.jitter,"
	" t.category, t.max_entries, t.max_bytes FROM"
	" (SELECT " TIMES ", jitter::float8, category, max_entries, max_bytes FROM reco.cache_policy)"
	" AS t (fresh, usable, absent, jitter, category, max_entries, max_bytes)"
	" ORDER BY t.category",
};

static RecoStatement read_one_statement = {
	.text = "SELECT key, absent, value, fetched_at, fresh_until, usable_until FROM reco.cache"
	" WHERE category = $1 AND " SAME_KEY("$2") " AND usable_until > $3",
	.nargs = 3,
	.types = {TEXTOID, TEXTOID, TIMESTAMPTZOID},
};

/* OFFSET 0 keeps the planner at a look-up per key, however it takes the table to be */
static RecoStatement read_statement = {
	.text = "SELECT c.* FROM unnest($2) AS k (asked) CROSS JOIN LATERAL"
	" (SELECT key, absent, value, fetched_at, fresh_until, usable_until FROM reco.cache"
	"  WHERE category = $1 AND " SAME_KEY("k.asked") " AND usable_until > $3 OFFSET 0) AS c",
	.nargs = 3,
	.types = {TEXTOID, TEXTARRAYOID, TIMESTAMPTZOID},
};

/* two keys of the buffer can be one in this database's encoding */
static RecoStatement write_statement = {
	.text = "INSERT INTO reco.cache AS c"
	" (category, key, absent, value, fetched_at, fresh_until, usable_until, used_at)"
	" SELECT DISTINCT ON (n.category, hashtextextended(split_part(n.key, chr(31), 1), 0),"
	"  hashtext(n.key)) n.*, clock_timestamp()"
	" FROM unnest($1, $2, $3, $4, $5, $6, $7)"
	"  AS n (category, key, absent, value, fetched_at, fresh_until, usable_until)"
	" ORDER BY n.category, hashtextextended(split_part(n.key, chr(31), 1), 0),"
	"  hashtext(n.key), n.fetched_at DESC"
	" ON CONFLICT (category, digest, variant) DO UPDATE SET key = excluded.key,"
	"  absent = excluded.absent, value = excluded.value, fetched_at = excluded.fetched_at,"
	"  fresh_until = excluded.fresh_until, usable_until = excluded.usable_until,"
	"  used_at = excluded.used_at WHERE excluded.fetched_at >= c.fetched_at",
	.nargs = 7,
	.types = {TEXTARRAYOID, TEXTARRAYOID, BOOLARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID,
			  TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID},
};

static RecoStatement touch_statement = {
	.text = "UPDATE reco.cache AS c SET used_at = $3, hits = c.hits + 1 WHERE c.ctid = ANY"
	" (ARRAY(SELECT l.ctid FROM unnest($1, $2) AS n (category, asked) CROSS JOIN LATERAL"
	"  (SELECT ctid FROM reco.cache WHERE category = n.category AND " SAME_KEY("n.asked")
	"   AND used_at < $3 - interval '1 minute' OFFSET 0) AS l))",
	.nargs = 3,
	.types = {TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID},
};

static RecoStatement delete_all_statement = {.text = "DELETE FROM reco.cache"};

static RecoStatement delete_category_statement = {
	.text = "DELETE FROM reco.cache WHERE category = $1",
	.nargs = 1,
	.types = {TEXTOID},
};

static RecoStatement delete_key_statement = {
	.text = "DELETE FROM reco.cache WHERE " DIGEST("$1")
	" AND (key = $1 OR starts_with(key, $1 || chr(31)))",
	.nargs = 1,
	.types = {TEXTOID},
};

static RecoStatement delete_both_statement = {
	.text = "DELETE FROM reco.cache WHERE category = $1 AND " DIGEST("$2")
	" AND (key = $2 OR starts_with(key, $2 || chr(31)))",
	.nargs = 2,
	.types = {TEXTOID, TEXTOID},
};

static void take_policy(const Datum *values, RecoCachePolicy *policy);
static RecoPlace place_of(const char *category);
static int choose(const RecoCacheRow *rows, int nrows, RecoPlace place,
				  RecoCacheRow *chosen);
static void write_rows(const RecoCacheRow *rows, int nrows);
static void touch_rows(const char *const *categories, const char *const *keys, int nrows);
static Datum flags(const RecoCacheRow *rows, int n);

/* Reads the policy of a category. */
void
reco_cache_policy(const char *category, RecoCachePolicy *policy)
{
	Datum		arguments[1];
	RecoSql		sql;

	memset(policy, 0, sizeof(*policy));
	if (!reco_patience_try(RECO_READS(CACHE_POLICY)))
		return;
	arguments[0] = CStringGetTextDatum(category);
	reco_sql_begin(&sql);
	reco_sql_run(&policy_statement, arguments, NULL, true, 1);
	if (SPI_processed == 1)
	{
		Datum		values[4];
		bool		nulls[4];

		heap_deform_tuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, values, nulls);
		take_policy(values, policy);
	}
	reco_sql_end(&sql);
}

/* Reads all policies. */
RecoCacheCategory *
reco_cache_categories(int *ncategories)
{
	RecoCacheCategory *categories;
	MemoryContext old;
	RecoSql		sql;

	reco_sql_begin(&sql);
	reco_sql_run(&categories_statement, NULL, NULL, true, 0);
	old = MemoryContextSwitchTo(sql.caller);
	*ncategories = (int) SPI_processed;
	categories = palloc0(sizeof(RecoCacheCategory) * Max(*ncategories, 1));
	for (int i = 0; i < *ncategories; i++)
	{
		Datum		values[7];
		bool		nulls[7];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
		take_policy(values, &categories[i].policy);
		categories[i].name = TextDatumGetCString(values[4]);
		categories[i].max_entries = DatumGetInt64(values[5]);
		categories[i].max_bytes = DatumGetInt64(values[6]);
	}
	MemoryContextSwitchTo(old);
	reco_sql_end(&sql);
	return categories;
}

static void
take_policy(const Datum *values, RecoCachePolicy *policy)
{
	policy->fresh_us = DatumGetInt64(values[0]);
	policy->usable_us = DatumGetInt64(values[1]);
	policy->absent_us = DatumGetInt64(values[2]);
	policy->jitter = DatumGetFloat8(values[3]);
}

/* Reads the usable rows of some keys. */
RecoCacheRow *
reco_cache_read(const char *category, const char *const *keys, int nkeys, int *nfound)
{
	Datum		arguments[3];
	RecoCacheRow *rows;
	MemoryContext old;
	RecoSql		sql;

	*nfound = 0;
	if (nkeys == 0 || !reco_logged_can_read("cache") ||
		!reco_patience_try(RECO_READS(CACHE)))
		return palloc0(sizeof(RecoCacheRow));

	arguments[0] = CStringGetTextDatum(category);
	arguments[1] =
		nkeys == 1 ? CStringGetTextDatum(keys[0]) : reco_cache_texts(keys, nkeys);
	arguments[2] = TimestampTzGetDatum(GetCurrentTimestamp());
	reco_sql_begin(&sql);
	reco_sql_run(nkeys == 1 ? &read_one_statement : &read_statement, arguments, NULL,
				 true, 0);
	old = MemoryContextSwitchTo(sql.caller);
	*nfound = (int) SPI_processed;
	rows = palloc0(sizeof(RecoCacheRow) * Max(*nfound, 1));
	for (int i = 0; i < *nfound; i++)
	{
		Datum		values[NCOLUMNS];
		bool		nulls[NCOLUMNS];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
		rows[i].category = category;
		rows[i].key = TextDatumGetCString(values[0]);
		rows[i].absent = DatumGetBool(values[1]);
		rows[i].value = nulls[2] ? NULL : TextDatumGetCString(values[2]);
		rows[i].fetched_at = DatumGetTimestampTz(values[3]);
		rows[i].fresh_until = DatumGetTimestampTz(values[4]);
		rows[i].usable_until = DatumGetTimestampTz(values[5]);
	}
	MemoryContextSwitchTo(old);
	reco_sql_end(&sql);
	return rows;
}

void
reco_cache_forbid_writing(void)
{
	LockDatabaseObject(ExtensionRelationId, reco_sql_extension(), WRITING, ShareLock);
}

bool
reco_cache_begin_writing(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, ExtensionRelationId, reco_sql_extension(),
					   WRITING);
	return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

void
reco_cache_write_alone(void)
{
	LockDatabaseObject(ExtensionRelationId, reco_sql_extension(), WRITING, ExclusiveLock);
}

/* Where a category's rows are. */
static RecoPlace
place_of(const char *category)
{
	if (strcmp(category, "ids") == 0)
		return PLACE_REGISTRY;
	return strcmp(category, "denied") == 0 ? PLACE_DENIED : PLACE_CACHE;
}

/* Takes those rows that belong into one place. */
static int
choose(const RecoCacheRow *rows, int nrows, RecoPlace place, RecoCacheRow *chosen)
{
	int			n = 0;

	for (int i = 0; i < nrows; i++)
		if (place_of(rows[i].category) == place)
			chosen[n++] = rows[i];
	return n;
}

/* Writes rows, each where its category's are. */
void
reco_cache_write(const RecoCacheRow *rows, int nrows)
{
	RecoCacheRow *chosen = palloc(sizeof(RecoCacheRow) * Max(nrows, 1));

	if (nrows == 0 || RecoveryInProgress())
		return;
	write_rows(chosen, choose(rows, nrows, PLACE_CACHE, chosen));
	reco_registry_write(chosen, choose(rows, nrows, PLACE_REGISTRY, chosen));
	reco_denied_write(chosen, choose(rows, nrows, PLACE_DENIED, chosen));
	reco_cache_note_written(rows, nrows);
	pfree(chosen);
}

static void
write_rows(const RecoCacheRow *rows, int nrows)
{
	const char **strings = palloc(sizeof(char *) * Max(nrows, 1));
	Datum		arguments[7];
	RecoSql		sql;

	if (nrows == 0)
		return;
	for (int i = 0; i < nrows; i++)
		strings[i] = rows[i].category;
	arguments[0] = reco_cache_texts(strings, nrows);
	for (int i = 0; i < nrows; i++)
		strings[i] = rows[i].key;
	arguments[1] = reco_cache_texts(strings, nrows);
	arguments[2] = flags(rows, nrows);
	for (int i = 0; i < nrows; i++)
		strings[i] = rows[i].absent ? NULL : rows[i].value;
	arguments[3] = reco_cache_texts(strings, nrows);
	arguments[4] = reco_cache_times(rows, nrows, offsetof(RecoCacheRow, fetched_at));
	arguments[5] = reco_cache_times(rows, nrows, offsetof(RecoCacheRow, fresh_until));
	arguments[6] = reco_cache_times(rows, nrows, offsetof(RecoCacheRow, usable_until));

	reco_sql_begin(&sql);
	reco_sql_run(&write_statement, arguments, NULL, false, 0);
	reco_sql_end(&sql);
}

/* Notes that rows were in use, each where its category's are. */
void
reco_cache_touch(const char *const *categories, const char *const *keys, int nrows)
{
	const char **names = palloc(sizeof(char *) * Max(nrows, 1));
	const char **chosen = palloc(sizeof(char *) * Max(nrows, 1));

	if (nrows == 0 || RecoveryInProgress())
		return;
	for (int place = 0; place < NPLACES; place++)
	{
		int			n = 0;

		for (int i = 0; i < nrows; i++)
			if (place_of(categories[i]) == place)
			{
				names[n] = categories[i];
				chosen[n++] = keys[i];
			}
		if (place == PLACE_CACHE)
			touch_rows(names, chosen, n);
		else if (place == PLACE_REGISTRY)
			reco_registry_touch(chosen, n);
		else
			reco_denied_touch(chosen, n);
	}
	pfree(names);
	pfree(chosen);
}

static void
touch_rows(const char *const *categories, const char *const *keys, int nrows)
{
	Datum		arguments[3];
	RecoSql		sql;

	if (nrows == 0)
		return;
	arguments[0] = reco_cache_texts(categories, nrows);
	arguments[1] = reco_cache_texts(keys, nrows);
	arguments[2] = TimestampTzGetDatum(GetCurrentTimestamp());
	reco_sql_begin(&sql);
	reco_sql_run(&touch_statement, arguments, NULL, false, 0);
	reco_sql_end(&sql);
}

/* Deletes rows, wherever they are; what was denied by hand stays. */
int64
reco_cache_delete(const char *category, const char *asked)
{
	int			place = category == NULL ? NPLACES : place_of(category);
	int64		deleted = 0;

	if (place == NPLACES || place == PLACE_CACHE)
	{
		RecoStatement *statement = category == NULL
			? (asked == NULL ? &delete_all_statement : &delete_key_statement)
			: (asked == NULL ? &delete_category_statement : &delete_both_statement);
		Datum		arguments[2] = {0};
		int			n = 0;

		if (category != NULL)
			arguments[n++] = CStringGetTextDatum(category);
		if (asked != NULL)
			arguments[n++] = CStringGetTextDatum(asked);
		deleted = reco_cache_run_delete(statement, arguments);
	}
	if (place == NPLACES || place == PLACE_REGISTRY)
		deleted += reco_registry_delete(asked);
	if (place == NPLACES || place == PLACE_DENIED)
		deleted += reco_denied_delete(asked);
	return deleted;
}

/* Runs a statement that deletes. */
int64
reco_cache_run_delete(RecoStatement *statement, const Datum *arguments)
{
	int64		deleted;
	RecoSql		sql;

	reco_sql_begin(&sql);
	reco_sql_run(statement, arguments, NULL, false, 0);
	deleted = (int64) SPI_processed;
	if (IsolationUsesXactSnapshot())
	{
		int			code =
			SPI_execute_snapshot(statement->plan, (Datum *) arguments, NULL,
								 GetLatestSnapshot(), InvalidSnapshot, false, true, 0);

		if (code < 0)
			elog(ERROR, "SPI_execute_snapshot failed: %s", SPI_result_code_string(code));
		deleted += (int64) SPI_processed;
	}
	reco_sql_end(&sql);
	return deleted;
}

/* Cuts a key: what was asked, a separator, the address, and two empty parts. */
bool
reco_cache_cut_key(const char *key, char **asked, char **server)
{
	const char *first = strchr(key, SEPARATOR);
	const char *second = first == NULL ? NULL : strchr(first + 1, SEPARATOR);

	*asked = first == NULL ? pstrdup(key) : pnstrdup(key, first - key);
	*server = first == NULL ? pstrdup("")
		: second == NULL	? pstrdup(first + 1)
							: pnstrdup(first + 1, second - first - 1);
	return second == NULL || strcmp(second + 1, (char[]){SEPARATOR, '\0'}) == 0;
}

/* Strings as a text[]; NULL stays NULL. */
Datum
reco_cache_texts(const char *const *strings, int n)
{
	Datum	   *values = palloc(sizeof(Datum) * n);
	bool	   *nulls = palloc(sizeof(bool) * n);
	int			lower = 1;

	for (int i = 0; i < n; i++)
	{
		nulls[i] = strings[i] == NULL;
		values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(strings[i]);
	}
	return PointerGetDatum(construct_md_array(values, nulls, 1, &n, &lower, TEXTOID, -1,
											  false, TYPALIGN_INT));
}

/* The times at an offset of each row as a timestamptz[]. */
Datum
reco_cache_times(const RecoCacheRow *rows, int n, Size offset)
{
	Datum	   *values = palloc(sizeof(Datum) * n);

	for (int i = 0; i < n; i++)
	{
		const char *at = (const char *) &rows[i] + offset;

		values[i] = TimestampTzGetDatum(*(const TimestampTz *) at);
	}
	return PointerGetDatum(construct_array(values, n, TIMESTAMPTZOID, sizeof(TimestampTz),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static Datum
flags(const RecoCacheRow *rows, int n)
{
	Datum	   *values = palloc(sizeof(Datum) * n);

	for (int i = 0; i < n; i++)
		values[i] = BoolGetDatum(rows[i].absent);
	return PointerGetDatum(construct_array(values, n, BOOLOID, 1, true, TYPALIGN_CHAR));
}
