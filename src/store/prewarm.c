/*-------------------------------------------------------------------------
 *
 * prewarm.c
 *	  reco.prewarm: what will be asked in an hour, and what became of that.
 *
 * Purpose: see prewarm.h.
 * Runs in: a backend that predicts; job workers that make the lists.
 * Locks:	those of its statements; TAKING on the extension, until the transaction ends,
 *			by job workers alone.
 * Never:	read more rows of a week than MOST_ASKS; wait for a row that somebody's
 *			transaction has locked.
 *
 * The score of a question of a listener is a smoothed share of the past weeks in which it
 * was asked in this hour of the week,
 *
 *		sum over weeks of w * a / (sum over weeks of w + 1)
 *
 * where w = DECAY to the power of the weeks between, a = 1 where it was asked in the very
 * hour, NEAR where in the hour before or after, else 0; the weeks are those since the
 * listener's first record, WEEKS at most. A week is seven days of the session's time
 * zone. So a question that was asked once is never likely, whoever is new.
 *
 * What was asked is in the records of runs; of lists that were kept, in reco.ask. Runs
 * that nobody asked for do not count.
 */
#include "prewarm.h"

#include <math.h>

#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "id.h"
#include "sql.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#define WEEKS			8
#define DECAY			0.9
#define NEAR			"0.5"
#define LIKELY			0.5		/* what is not likelier is not predicted */
#define MOST_ASKS		5000	/* records of three hours of a week that are read */
#define MOST_PREDICTED	1000	/* rows of an hour */
#define MOST_JUDGED		48		/* hours at a time */
#define TAKING			20002	/* a number of our own, see TAKING above */

/* Longer prompts, and longer lists of ids, are not whole on record. */
#define MOST_PROMPT		"1900"
#define MOST_IDS		"20"

/* Of a row with prompt, size and options: what makes it the same question again. */
#define KEY \
	"md5(concat_ws(chr(31), reco.fold(prompt), size::text, options::text))"

/*
 * What was asked in some hours. 'span' has low, high (ids of runs), since, until, and the
 * hour that it is about; $n is how many rows of each are read.
 */
#define SAID(n) \
	"said AS MATERIALIZED (" \
	" SELECT w.hour, r.user_id, r.run_id, r.role_id, r.started AS at, true AS ran, r.record ->> 'prompt' AS prompt," \
	"  r.record -> 'size' AS size, r.record -> 'options' AS options, (r.record ->> 'total_ms')::float8 AS ms," \
	"  (r.record ->> 'spent_calls')::float8 AS calls" \
	" FROM span AS w CROSS JOIN LATERAL (SELECT * FROM reco.run WHERE run_id >= w.low AND run_id < w.high" \
	"  ORDER BY run_id DESC LIMIT " n ") AS r" \
	" WHERE NOT r.record ? 'ahead'" \
	" UNION ALL" \
	" SELECT w.hour, r.user_id, r.run_id, r.role_id, a.at, false, r.record ->> 'prompt'," \
	"  r.record -> 'size', r.record -> 'options', NULL, NULL" \
	" FROM span AS w CROSS JOIN LATERAL (SELECT * FROM reco.ask WHERE at >= w.since AND at < w.until" \
	"  ORDER BY at DESC LIMIT " n ") AS a" \
	" JOIN reco.run AS r ON r.user_id = a.user_id AND r.run_id = a.run_id)," \
	" asked AS MATERIALIZED (" \
	" SELECT s.*, w.since, " KEY " AS key FROM said AS s JOIN span AS w USING (hour)" \
	" WHERE s.at >= w.since AND s.at < w.until AND octet_length(s.prompt) <= " MOST_PROMPT \
	"  AND NOT EXISTS (SELECT FROM jsonb_each(s.options) AS o (name, value)" \
	"   WHERE CASE WHEN jsonb_typeof(o.value) = 'array' THEN jsonb_array_length(o.value) ELSE 0 END >= " MOST_IDS    \
	"))"

static RecoStatement predict_statement = {
	.text =
		"WITH span AS MATERIALIZED (SELECT low, high, hour, weight, hour - interval '1 hour' AS since,"
		"  hour + interval '2 hours' AS until FROM unnest($1, $2, $3, $4) AS w (low, high, hour, weight))," SAID(
			"$5") ","
				  " near AS MATERIALIZED (SELECT a.user_id, a.key, a.hour,"
				  "  max(CASE WHEN a.at >= a.hour AND a.at < a.hour + interval '1 hour' THEN 1 ELSE " NEAR
				  " END) AS near"
				  "  FROM asked AS a GROUP BY a.user_id, a.key, a.hour),"
				  " weeks AS MATERIALIZED (SELECT l.user_id, (SELECT sum(w.weight) FROM span AS w WHERE w.until > f.started) AS weight"
				  "  FROM (SELECT DISTINCT user_id FROM near) AS l CROSS JOIN LATERAL (SELECT r.started FROM reco.run AS r"
				  "   WHERE r.user_id = l.user_id ORDER BY r.run_id LIMIT 1) AS f),"
				  " question AS (SELECT n.user_id, n.key, sum(w.weight * n.near) / (s.weight + 1) AS score"
				  "  FROM near AS n JOIN span AS w USING (hour) JOIN weeks AS s ON s.user_id = n.user_id"
				  "  GROUP BY n.user_id, n.key, s.weight HAVING sum(w.weight * n.near) / (s.weight + 1) > $7),"
				  " listener AS (SELECT n.user_id, sum(w.weight * n.near) / (s.weight + 1) AS score"
				  "  FROM (SELECT user_id, hour, max(near) AS near FROM near WHERE user_id <> '' GROUP BY user_id, hour) AS n"
				  "  JOIN span AS w USING (hour) JOIN weeks AS s ON s.user_id = n.user_id"
				  "  WHERE n.user_id NOT IN (SELECT user_id FROM question)"
				  "  GROUP BY n.user_id, s.weight HAVING sum(w.weight * n.near) / (s.weight + 1) > $7),"
				  " latest AS (SELECT DISTINCT ON (user_id, key) user_id, key, role_id, prompt, size, options"
				  "  FROM asked ORDER BY user_id, key, run_id DESC),"
				  " cost AS (SELECT user_id, key, percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS ms, avg(calls) AS calls"
				  "  FROM asked GROUP BY user_id, key),"
				  " guess AS (SELECT q.user_id, q.key, l.role_id, q.score, c.ms, greatest(ceil(coalesce(c.calls, $8)), 1)::int AS expected,"
				  "   jsonb_build_object('prompt', l.prompt, 'size', l.size, 'options', l.options,"
				  "    'repeat_days', coalesce(l.options -> 'repeat_days', '0')) AS arguments"
				  "  FROM question AS q JOIN latest AS l USING (user_id, key) JOIN cost AS c USING (user_id, key)"
				  "  UNION ALL"
				  "  SELECT v.user_id, '', (SELECT l.role_id FROM latest AS l WHERE l.user_id = v.user_id LIMIT 1), v.score, NULL, $10, NULL"
				  "  FROM listener AS v)"
				  " INSERT INTO reco.prewarm (user_id, hour, key, role_id, arguments, score, expected, cold_ms)"
				  " SELECT user_id, $6, key, role_id, arguments, score, expected, ms FROM guess"
				  "  ORDER BY score DESC, expected, user_id, key LIMIT $9"
				  " ON CONFLICT DO NOTHING",
	.nargs = 10,
	.types = {INT8ARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID, FLOAT8ARRAYOID, INT8OID,
			  TIMESTAMPTZOID, FLOAT8OID, INT4OID, INT8OID, INT4OID},
};

static RecoStatement hour_statement = {
	.text = "INSERT INTO reco.prewarm_hour (hour, budget) VALUES ($1, $2) ON CONFLICT DO NOTHING",
	.nargs = 2,
	.types = {TIMESTAMPTZOID, INT4OID},
};

static RecoStatement open_statement = {
	.text = "SELECT user_id, key, role_id, arguments, expected FROM reco.prewarm"
	" WHERE hour = $1 AND job_id IS NULL ORDER BY score DESC, expected, user_id, key LIMIT $2",
	.nargs = 2,
	.types = {TIMESTAMPTZOID, INT8OID},
};

static RecoStatement promised_statement = {
	.text = "SELECT coalesce(sum(calls), 0)::int FROM reco.prewarm"
	" WHERE hour > $1 - interval '1 hour' AND hour < $1 + interval '1 hour'",
	.nargs = 1,
	.types = {TIMESTAMPTZOID},
};

static RecoStatement queued_statement = {
	.text = "UPDATE reco.prewarm AS p SET job_id = n.job_id, calls = p.expected"
	" FROM unnest($2, $3, $4) AS n (user_id, key, job_id)"
	" WHERE p.user_id = n.user_id AND p.hour = $1 AND p.key = n.key",
	.nargs = 4,
	.types = {TIMESTAMPTZOID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID},
};

/* Both tell: no row = somebody has it locked, or it is gone. */
static RecoStatement take_statement = {
	.text =
		"WITH mine AS (SELECT user_id, hour, key, expected, CASE WHEN begun THEN calls ELSE 0 END AS before"
		"  FROM reco.prewarm WHERE user_id = $2 AND hour = $1 AND key = $3 FOR UPDATE SKIP LOCKED),"
		" part AS (SELECT m.*, least(2 * m.expected + 2, $5, $4 - m.before - (SELECT coalesce(sum(o.calls), 0)"
		"   FROM reco.prewarm AS o WHERE o.hour > $1 - interval '1 hour' AND o.hour < $1 + interval '1 hour'"
		"    AND NOT (o.user_id = $2 AND o.hour = $1 AND o.key = $3)))::int AS most FROM mine AS m),"
		" taken AS (SELECT p.*, CASE WHEN p.most >= least(p.expected, $5) THEN p.most ELSE 0 END AS calls FROM part AS p)"
		" UPDATE reco.prewarm AS p SET calls = t.before + t.calls, begun = p.begun OR t.calls > 0"
		" FROM taken AS t"
		" WHERE p.user_id = t.user_id AND p.hour = t.hour AND p.key = t.key RETURNING t.calls",
	.nargs = 5,
	.types = {TIMESTAMPTZOID, TEXTOID, TEXTOID, INT4OID, INT4OID},
};

static RecoStatement made_statement = {
	.text =
		"UPDATE reco.prewarm AS p SET run_id = $4, calls = greatest(p.calls - $5, 0) + $6"
		" FROM (SELECT user_id, hour, key FROM reco.prewarm WHERE user_id = $2 AND hour = $1 AND key = $3"
		"  FOR UPDATE SKIP LOCKED) AS n"
		" WHERE p.user_id = n.user_id AND p.hour = n.hour AND p.key = n.key",
	.nargs = 6,
	.types = {TIMESTAMPTZOID, TEXTOID, TEXTOID, INT8OID, INT4OID, INT4OID},
};

static RecoStatement due_statement = {
	.text = "SELECT hour FROM reco.prewarm_hour WHERE hour < $1"
	" AND (judged IS NULL OR judged < hour + interval '61 min') ORDER BY hour DESC LIMIT $2",
	.nargs = 2,
	.types = {TIMESTAMPTZOID, INT8OID},
};

static RecoStatement judge_statement = {
	.text =
		"WITH span AS MATERIALIZED (SELECT low, high, hour, hour AS since, hour + interval '1 hour' AS until"
		"  FROM unnest($1, $2, $3) AS w (low, high, hour))," SAID(
			"$4") ","
				  " predicted AS MATERIALIZED (SELECT user_id, hour, key, run_id FROM reco.prewarm WHERE hour = ANY ($3)),"
				  " came AS (SELECT p.user_id, p.hour, p.key, bool_or(NOT a.ran AND a.run_id = p.run_id) AS hit"
				  "  FROM predicted AS p JOIN asked AS a ON a.hour = p.hour AND a.user_id = p.user_id"
				  "   AND (p.key = '' OR a.key = p.key) GROUP BY p.user_id, p.hour, p.key),"
				  " news AS MATERIALIZED (SELECT p.user_id, p.hour, p.key, c.hit FROM reco.prewarm AS p JOIN came AS c"
				  "   ON p.user_id = c.user_id AND p.hour = c.hour AND p.key = c.key"
				  "  WHERE NOT p.asked OR (c.hit AND NOT p.hit) FOR UPDATE OF p SKIP LOCKED),"
				  " noted AS (UPDATE reco.prewarm AS p SET asked = true, hit = p.hit OR coalesce(n.hit, false)"
				  "  FROM news AS n WHERE p.user_id = n.user_id AND p.hour = n.hour AND p.key = n.key)"
				  " UPDATE reco.prewarm_hour AS h SET judged = $5, hit_ms = $6, asked = n.asked, foreseen = n.foreseen"
				  " FROM (SELECT w.hour, count(q.key)::int AS asked, count(p.key)::int AS foreseen FROM span AS w"
				  "   LEFT JOIN (SELECT DISTINCT hour, user_id, key FROM asked) AS q USING (hour)"
				  "   LEFT JOIN predicted AS p ON p.hour = q.hour AND p.user_id = q.user_id AND p.key = q.key"
				  "   GROUP BY w.hour) AS n"
				  " WHERE h.hour = n.hour",
	.nargs = 6,
	.types = {INT8ARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID, INT8OID, TIMESTAMPTZOID,
			  FLOAT8OID},
};

static RecoStatement expire_statement = {
	.text =
		"WITH gone AS (DELETE FROM reco.prewarm_hour WHERE hour < greatest($1,"
		"   (SELECT hour FROM reco.prewarm ORDER BY hour DESC OFFSET $2 LIMIT 1)) RETURNING hour)"
		" DELETE FROM reco.prewarm AS p USING gone AS g WHERE p.hour = g.hour",
	.nargs = 2,
	.types = {TIMESTAMPTZOID, INT8OID},
};

/* Runs a statement; a plan for a small table is kept for a large one. */
static uint64
run(RecoStatement *statement, const Datum *arguments, const char *nulls)
{
	reco_sql_set("enable_seqscan", "off");
	reco_sql_run(statement, arguments, nulls, false, 0);
	return SPI_processed;
}

static Datum
value_of(uint64 row, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);
}

/* The only value of a result; 0 = there is none. */
static int
number_of(void)
{
	bool		isnull;

	return SPI_processed == 0 ? 0 : DatumGetInt32(value_of(0, 1, &isnull));
}

static Datum
array_of(Datum *values, int n, Oid type, int length, bool by_value, char align)
{
	return PointerGetDatum(construct_array(values, n, type, length, by_value, align));
}

static Datum
array_of_numbers(Datum *values, int n, Oid type)
{
	return array_of(values, n, type, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

/* An hour so many weeks earlier, in the session's time zone. */
static TimestampTz
weeks_before(TimestampTz hour, int weeks)
{
	Interval	interval = {0};

	interval.day = 7 * weeks;
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval,
												   TimestampTzGetDatum(hour),
												   PointerGetDatum(&interval)));
}

void
reco_prewarm_predict(TimestampTz hour, int budget, int unknown)
{
	Datum		lows[WEEKS];
	Datum		highs[WEEKS];
	Datum		hours[WEEKS];
	Datum		weights[WEEKS];
	Datum		arguments[10];
	RecoSql		sql;

	for (int k = 0; k < WEEKS; k++)
	{
		TimestampTz then = weeks_before(hour, k + 1);

		lows[k] = Int64GetDatum(reco_id_floor(then - USECS_PER_HOUR));
		highs[k] = Int64GetDatum(reco_id_floor(then + 2 * USECS_PER_HOUR));
		hours[k] = TimestampTzGetDatum(then);
		weights[k] = Float8GetDatum(pow(DECAY, k));
	}
	reco_sql_begin(&sql);
	arguments[0] = TimestampTzGetDatum(hour);
	arguments[1] = Int32GetDatum(budget);
	(void) run(&hour_statement, arguments, NULL);
	arguments[0] = array_of_numbers(lows, WEEKS, INT8OID);
	arguments[1] = array_of_numbers(highs, WEEKS, INT8OID);
	arguments[2] = array_of_numbers(hours, WEEKS, TIMESTAMPTZOID);
	arguments[3] = array_of_numbers(weights, WEEKS, FLOAT8OID);
	arguments[4] = Int64GetDatum(MOST_ASKS);
	arguments[5] = TimestampTzGetDatum(hour);
	arguments[6] = Float8GetDatum(LIKELY);
	arguments[7] = Int32GetDatum(unknown);
	arguments[8] = Int64GetDatum(MOST_PREDICTED);
	arguments[9] = Int32GetDatum(RECO_PREWARM_LISTENER);
	(void) run(&predict_statement, arguments, NULL);
	reco_sql_end(&sql);
}

RecoPrewarmRow *
reco_prewarm_open(TimestampTz hour, int *nrows)
{
	Datum		arguments[2];
	RecoPrewarmRow *rows;
	MemoryContext old;
	RecoSql		sql;

	arguments[0] = TimestampTzGetDatum(hour);
	arguments[1] = Int64GetDatum(MOST_PREDICTED);
	reco_sql_begin(&sql);
	*nrows = (int) run(&open_statement, arguments, NULL);
	old = MemoryContextSwitchTo(sql.caller);
	rows = palloc0(sizeof(RecoPrewarmRow) * Max(*nrows, 1));
	for (int i = 0; i < *nrows; i++)
	{
		RecoPrewarmRow *row = &rows[i];
		bool		isnull;
		Datum		asked;

		row->user_id = TextDatumGetCString(value_of(i, 1, &isnull));
		row->key = TextDatumGetCString(value_of(i, 2, &isnull));
		row->role = DatumGetObjectId(value_of(i, 3, &isnull));
		asked = value_of(i, 4, &isnull);
		row->arguments = isnull ? NULL : DatumGetJsonbPCopy(asked);
		row->expected = DatumGetInt32(value_of(i, 5, &isnull));
	}
	MemoryContextSwitchTo(old);
	reco_sql_end(&sql);
	return rows;
}

int
reco_prewarm_promised(TimestampTz hour)
{
	Datum		arguments[1];
	int			promised;
	RecoSql		sql;

	arguments[0] = TimestampTzGetDatum(hour);
	reco_sql_begin(&sql);
	(void) run(&promised_statement, arguments, NULL);
	promised = number_of();
	reco_sql_end(&sql);
	return promised;
}

void
reco_prewarm_queued(TimestampTz hour, const RecoPrewarmRow *rows, int nrows)
{
	Datum	   *users = palloc(sizeof(Datum) * Max(nrows, 1));
	Datum	   *keys = palloc(sizeof(Datum) * Max(nrows, 1));
	Datum	   *jobs = palloc(sizeof(Datum) * Max(nrows, 1));
	Datum		arguments[4];
	int			n = 0;
	RecoSql		sql;

	for (int i = 0; i < nrows; i++)
	{
		if (rows[i].job_id == 0)
			continue;
		users[n] = CStringGetTextDatum(rows[i].user_id);
		keys[n] = CStringGetTextDatum(rows[i].key);
		jobs[n++] = Int64GetDatum(rows[i].job_id);
	}
	if (n == 0)
		return;
	arguments[0] = TimestampTzGetDatum(hour);
	arguments[1] = array_of(users, n, TEXTOID, -1, false, TYPALIGN_INT);
	arguments[2] = array_of(keys, n, TEXTOID, -1, false, TYPALIGN_INT);
	arguments[3] = array_of_numbers(jobs, n, INT8OID);
	reco_sql_begin(&sql);
	(void) run(&queued_statement, arguments, NULL);
	reco_sql_end(&sql);
}

/* Two job workers must not take the same calls: one at a time, in short transactions. */
int
reco_prewarm_take(TimestampTz hour, const char *user_id, const char *key, int budget,
				  int most)
{
	Datum		arguments[5];
	int			taken = -1;
	RecoSql		sql;

	LockDatabaseObject(ExtensionRelationId, reco_sql_extension(), TAKING, ExclusiveLock);
	arguments[0] = TimestampTzGetDatum(hour);
	arguments[1] = CStringGetTextDatum(user_id);
	arguments[2] = CStringGetTextDatum(key);
	arguments[3] = Int32GetDatum(budget);
	arguments[4] = Int32GetDatum(most);
	reco_sql_begin(&sql);
	if (run(&take_statement, arguments, NULL) > 0)
		taken = number_of();
	reco_sql_end(&sql);
	return taken;
}

bool
reco_prewarm_made(TimestampTz hour, const char *user_id, const char *key, int64 run_id,
				  int taken, int spent)
{
	Datum		arguments[6];
	char		nulls[7] = "      ";
	bool		noted;
	RecoSql		sql;

	arguments[0] = TimestampTzGetDatum(hour);
	arguments[1] = CStringGetTextDatum(user_id);
	arguments[2] = CStringGetTextDatum(key);
	arguments[3] = Int64GetDatum(run_id);
	nulls[3] = run_id == 0 ? 'n' : ' ';
	arguments[4] = Int32GetDatum(taken);
	arguments[5] = Int32GetDatum(spent);
	reco_sql_begin(&sql);
	noted = run(&made_statement, arguments, nulls) > 0;
	reco_sql_end(&sql);
	return noted;
}

/* Looks at hours that have begun; those that are not over are looked at again. */
void
reco_prewarm_judge(double hit_ms)
{
	TimestampTz now = GetCurrentTimestamp();
	Datum		lows[MOST_JUDGED];
	Datum		highs[MOST_JUDGED];
	Datum		hours[MOST_JUDGED];
	Datum		arguments[6];
	int			n;
	RecoSql		sql;

	arguments[0] = TimestampTzGetDatum(now);
	arguments[1] = Int64GetDatum(MOST_JUDGED);
	reco_sql_begin(&sql);
	n = (int) run(&due_statement, arguments, NULL);
	for (int i = 0; i < n; i++)
	{
		bool		isnull;
		TimestampTz hour = DatumGetTimestampTz(value_of(i, 1, &isnull));

		lows[i] = Int64GetDatum(reco_id_floor(hour));
		highs[i] = Int64GetDatum(reco_id_floor(hour + USECS_PER_HOUR));
		hours[i] = TimestampTzGetDatum(hour);
	}
	if (n > 0)
	{
		arguments[0] = array_of_numbers(lows, n, INT8OID);
		arguments[1] = array_of_numbers(highs, n, INT8OID);
		arguments[2] = array_of_numbers(hours, n, TIMESTAMPTZOID);
		arguments[3] = Int64GetDatum(MOST_ASKS);
		arguments[4] = TimestampTzGetDatum(now);
		arguments[5] = Float8GetDatum(hit_ms);
		(void) run(&judge_statement, arguments, NULL);
	}
	reco_sql_end(&sql);
}

void
reco_prewarm_trim(TimestampTz before, int64 rows)
{
	Datum		arguments[2];
	RecoSql		sql;

	arguments[0] = TimestampTzGetDatum(before);
	arguments[1] = Int64GetDatum(rows);
	reco_sql_begin(&sql);
	(void) run(&expire_statement, arguments, NULL);
	reco_sql_end(&sql);
}
