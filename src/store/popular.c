/*-------------------------------------------------------------------------
 *
 * popular.c
 *	  reco.popular_mood: all SQL on it.
 *
 * Purpose: see popular.h. How often a mood is asked lately is a sum in which a question
 *			of a day ago counts half: it is as of last_asked, so that nothing is to be
 *			written while nobody asks.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of its statements.
 * Never:	take what the keeper learns for somebody's edit.
 *
 *-------------------------------------------------------------------------
 */
#include "popular.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "sql.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#define FORGOTTEN	"0.5"		/* questions, from which a learned mood leaves */

/* Of a row "p", at a time. */
#define RECENT(at)                                                              \
	"p.recent * 0.5 ^ least(greatest(coalesce(EXTRACT(epoch FROM " at           \
	" - p.last_asked) / 86400, 1000), 0), 1000)::float8"

#define RANKED                                                                   \
	"SELECT p.prompt, p.pinned, p.learned, " RECENT("now()") " AS recent, p.warmed_as" \
	" FROM reco.popular_mood AS p WHERE p.pinned OR p.learned OR $1 IS NULL"      \
	" ORDER BY p.pinned DESC, 4 DESC, p.prompt LIMIT $1"

/* Nobody waits for a row that somebody edits. */
#define UNLOCKED \
	"(SELECT prompt FROM reco.popular_mood WHERE prompt = $1 FOR UPDATE SKIP LOCKED) AS l"

static RecoStatement list_statement = {
	.text = "SELECT r.prompt, r.pinned, r.learned, r.recent, coalesce(r.warmed_as,"
	" (SELECT w.warmed_as FROM reco.popular_mood AS w WHERE w.warmed_as IS NOT NULL"
	"  ORDER BY w.last_warmed DESC NULLS LAST, w.prompt LIMIT 1)) FROM (" RANKED ") AS r",
	.nargs = 1,
	.types = {INT8OID},
};

static RecoStatement has_statement = {
	.text = "SELECT FROM (" RANKED ") AS r WHERE r.prompt = $2",
	.nargs = 2,
	.types = {INT8OID, TEXTOID},
};

static RecoStatement asked_statement = {
	.text = "UPDATE reco.popular_mood AS p SET asked = p.asked + $2, hits = p.hits + $3,"
	" recent = " RECENT("$4") " + $2, last_asked = $4 FROM " UNLOCKED " WHERE p.prompt = l.prompt",
	.nargs = 4,
	.types = {TEXTOID, INT8OID, INT8OID, TIMESTAMPTZOID},
};

static RecoStatement warmed_statement = {
	.text = "UPDATE reco.popular_mood AS p SET last_warmed = $2 FROM " UNLOCKED
	" WHERE p.prompt = l.prompt",
	.nargs = 2,
	.types = {TEXTOID, TIMESTAMPTZOID},
};

static RecoStatement role_statement = {
	.text = "UPDATE reco.popular_mood SET warmed_as = $2 WHERE prompt = $1"
	" AND warmed_as IS DISTINCT FROM $2",
	.nargs = 2,
	.types = {TEXTOID, TEXTOID},
};

static RecoStatement learn_statement = {
	.text =
		"INSERT INTO reco.popular_mood (prompt, pinned, learned, asked, hits, recent, last_asked)"
		" VALUES ($1, false, true, $2, $3, $2, $4) ON CONFLICT DO NOTHING",
	.nargs = 4,
	.types = {TEXTOID, INT8OID, INT8OID, TIMESTAMPTZOID},
};

static RecoStatement forget_statement = {
	.text = "WITH r AS (SELECT p.prompt, " RECENT("now()") " AS recent,"
	"  row_number() OVER (ORDER BY p.pinned DESC, " RECENT("now()") " DESC, p.prompt) AS n"
	"  FROM reco.popular_mood AS p WHERE p.pinned OR p.learned)"
	" DELETE FROM reco.popular_mood AS d USING r WHERE d.prompt = r.prompt"
	"  AND d.learned AND NOT d.pinned AND (r.recent < " FORGOTTEN " OR r.n > $1)",
	.nargs = 1,
	.types = {INT8OID},
};

/* Runs that warm a mood are nobody's questions. */
static RecoStatement hours_statement = {
	.text = "SELECT (EXTRACT(epoch FROM started)::bigint / 3600 % 168)::int, count(*) FROM reco.run"
	" WHERE NOT record ? 'ahead'"
	"  AND record #>> '{popular,run_id}' IS DISTINCT FROM run_id::text GROUP BY 1",
};

/* The UPDATE under way is by the owner, who need not be a member of the caller's role. */
static bool noting_role = false;

static bool run(RecoStatement *statement, const Datum *arguments, bool reading);

/* Lists the moods that are kept ready. */
RecoPopularRow *
reco_popular_list(int most, int *n)
{
	Datum		argument = Int64GetDatum(most);
	const char *nulls = most < 0 ? "n" : NULL;
	RecoPopularRow *rows;
	MemoryContext old;
	RecoSql		sql;

	reco_sql_begin(&sql);
	reco_sql_run(&list_statement, &argument, nulls, true, 0);
	old = MemoryContextSwitchTo(sql.caller);
	*n = (int) SPI_processed;
	rows = palloc0(sizeof(RecoPopularRow) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		Datum		values[5];
		bool		nulls[5];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
		rows[i].prompt = TextDatumGetCString(values[0]);
		rows[i].pinned = DatumGetBool(values[1]);
		rows[i].learned = DatumGetBool(values[2]);
		rows[i].recent = DatumGetFloat8(values[3]);
		if (!nulls[4])
			rows[i].role = get_role_oid(TextDatumGetCString(values[4]), true);
	}
	MemoryContextSwitchTo(old);
	reco_sql_end(&sql);
	return rows;
}

/* Runs a statement; did it find or change anything? */
static bool
run(RecoStatement *statement, const Datum *arguments, bool reading)
{
	bool		any;
	RecoSql		sql;

	reco_sql_begin(&sql);
	reco_sql_run(statement, arguments, NULL, reading, 0);
	any = SPI_processed > 0;
	reco_sql_end(&sql);
	return any;
}

bool
reco_popular_has(const char *prompt, int most)
{
	Datum		arguments[2];

	arguments[0] = Int64GetDatum(most);
	arguments[1] = CStringGetTextDatum(prompt);
	return run(&has_statement, arguments, true);
}

void
reco_popular_note_asked(const char *prompt, int64 asked, int64 hits, TimestampTz last)
{
	Datum		arguments[4];

	arguments[0] = CStringGetTextDatum(prompt);
	arguments[1] = Int64GetDatum(asked);
	arguments[2] = Int64GetDatum(hits);
	arguments[3] = TimestampTzGetDatum(last);
	(void) run(&asked_statement, arguments, false);
}

void
reco_popular_note_warmed(const char *prompt, TimestampTz at)
{
	Datum		arguments[2];

	arguments[0] = CStringGetTextDatum(prompt);
	arguments[1] = TimestampTzGetDatum(at);
	(void) run(&warmed_statement, arguments, false);
}

void
reco_popular_note_role(const char *prompt)
{
	Datum		arguments[2];

	arguments[0] = CStringGetTextDatum(prompt);
	arguments[1] = CStringGetTextDatum(GetUserNameFromId(GetUserId(), false));
	noting_role = true;
	PG_TRY();
	{
		(void) run(&role_statement, arguments, false);
	}
	PG_FINALLY();
	{
		noting_role = false;
	}
	PG_END_TRY();
}

bool
reco_popular_is_noting_role(void)
{
	return noting_role;
}

bool
reco_popular_learn(const char *prompt, int64 asked, int64 hits, TimestampTz last)
{
	Datum		arguments[4];

	arguments[0] = CStringGetTextDatum(prompt);
	arguments[1] = Int64GetDatum(asked);
	arguments[2] = Int64GetDatum(hits);
	arguments[3] = TimestampTzGetDatum(last);
	return run(&learn_statement, arguments, false);
}

int64
reco_popular_forget(int most)
{
	Datum		argument = Int64GetDatum(most);
	int64		deleted;
	RecoSql		sql;

	reco_sql_begin(&sql);
	reco_sql_run(&forget_statement, &argument, NULL, false, 0);
	deleted = (int64) SPI_processed;
	reco_sql_end(&sql);
	return deleted;
}

void
reco_popular_hours(int64 *hours)
{
	RecoSql		sql;

	memset(hours, 0, sizeof(int64) * RECO_POPULAR_HOURS);
	reco_sql_begin(&sql);
	reco_sql_run(&hours_statement, NULL, NULL, true, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		int			hour = DatumGetInt32(
			SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));

		if (hour >= 0 && hour < RECO_POPULAR_HOURS)
			hours[hour] = DatumGetInt64(
				SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull));
	}
	reco_sql_end(&sql);
}
