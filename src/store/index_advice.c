/*-------------------------------------------------------------------------
 *
 * index_advice.c
 *	  Which of our indexes should be rebuilt.
 *
 * Purpose: see index_advice.h.
 * Runs in: a backend; the keeper, where its timer is due.
 * Locks:	none but those of its SELECT.
 * Never:	open an index: whoever rebuilds one has it locked.
 *
 * The size is what VACUUM or ANALYZE saw last. What the rows need is estimated for
 * B-trees: an entry has 8 bytes, its columns as wide as ANALYZE found them, aligned, and
 * 4 bytes that lead to it; pages are filled by nine tenths. Equal keys that share an
 * entry need less, so what is found is less than what there is, never more.
 *
 *-------------------------------------------------------------------------
 */
#include "index_advice.h"

#include "catalog/pg_type.h"
#include "sql.h"
#include "utils/builtins.h"

static RecoStatement advice_statement = {
	.text =
		"WITH width AS ("
		"  SELECT i.indexrelid, sum(coalesce(s.stawidth, t.typlen, 8)) AS bytes"
		"  FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid"
		"  CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, nth)"
		"  JOIN pg_attribute AS a ON a.attrelid = i.indexrelid AND a.attnum = k.nth"
		"  JOIN pg_type AS t ON t.oid = a.atttypid"
		"  LEFT JOIN pg_statistic AS s ON NOT s.stainherit"
		"   AND s.starelid = CASE k.attnum WHEN 0 THEN i.indexrelid ELSE i.indrelid END"
		"   AND s.staattnum = CASE k.attnum WHEN 0 THEN k.nth ELSE k.attnum END"
		"  WHERE c.relnamespace = 'reco'::regnamespace GROUP BY i.indexrelid),"
		" size AS ("
		"  SELECT x.oid, x.relname, i.indisvalid, x.relpages::bigint * bs AS bytes,"
		"   CASE WHEN m.amname = 'btree' AND x.reltuples >= 0 THEN"
		"    (2 + ceil(x.reltuples * (12 + 8 * ceil(w.bytes / 8.0)) / (0.9 * (bs - 40))))::bigint * bs"
		"   ELSE x.relpages::bigint * bs END AS needed"
		"  FROM width AS w JOIN pg_class AS x ON x.oid = w.indexrelid"
		"  JOIN pg_index AS i ON i.indexrelid = x.oid JOIN pg_am AS m ON m.oid = x.relam"
		"  CROSS JOIN (SELECT current_setting('block_size')::int) AS b (bs))"
		" SELECT oid, format('%I.%I', 'reco', relname),"
		"  CASE WHEN indisvalid THEN format('%s of %s are not needed', pg_size_pretty(bytes - needed),"
		"   pg_size_pretty(bytes)) ELSE 'it is invalid: building it was not finished' END,"
		"  bytes, CASE WHEN indisvalid THEN bytes - needed ELSE bytes END,"
		/* what REINDEX CONCURRENTLY leaves behind when it fails */
		"  CASE WHEN NOT indisvalid AND relname ~ '_cc(new|old)[0-9]*$'"
		"   THEN format('DROP INDEX CONCURRENTLY reco.%I;', relname)"
		"   ELSE format('REINDEX INDEX CONCURRENTLY reco.%I;', relname) END"
		" FROM size WHERE NOT indisvalid OR (bytes > 2 * needed AND bytes - needed >= $1)"
		" ORDER BY 5 DESC, 2",
	.nargs = 1,
	.types = {INT8OID},
};

List *
reco_index_advice(int64 wasted)
{
	List	   *list = NIL;
	Datum		arguments[1];
	RecoSql		sql;

	arguments[0] = Int64GetDatum(wasted);
	reco_sql_begin(&sql);
	reco_sql_run(&advice_statement, arguments, NULL, true, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	columns = SPI_tuptable->tupdesc;
		MemoryContext old = MemoryContextSwitchTo(sql.caller);
		RecoIndexAdvice *advice = palloc0(sizeof(RecoIndexAdvice));
		bool		isnull;

		advice->index = DatumGetObjectId(SPI_getbinval(row, columns, 1, &isnull));
		advice->name = MemoryContextStrdup(sql.caller, SPI_getvalue(row, columns, 2));
		advice->problem = MemoryContextStrdup(sql.caller, SPI_getvalue(row, columns, 3));
		advice->bytes = DatumGetInt64(SPI_getbinval(row, columns, 4, &isnull));
		advice->wasted = DatumGetInt64(SPI_getbinval(row, columns, 5, &isnull));
		advice->statement =
			MemoryContextStrdup(sql.caller, SPI_getvalue(row, columns, 6));
		list = lappend(list, advice);
		MemoryContextSwitchTo(old);
	}
	reco_sql_end(&sql);
	return list;
}
