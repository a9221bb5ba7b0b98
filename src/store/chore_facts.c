/*-------------------------------------------------------------------------
 *
 * chore_facts.c
 *	  What is told of chores: how they went, and who may do them.
 *
 * Purpose: see chore.h; what nothing but views and checks needs.
 * Runs in: a backend.
 * Locks:	none.
 * Never:	write.
 *
 *-------------------------------------------------------------------------
 */
#include "chore.h"

#include "catalog/pg_type.h"
#include "chore_parts.h"
#include "utils/builtins.h"

static RecoStatement facts_statement = {
	.text =
		"SELECT chore, since, last_run, last_done, last_by, took_ms, ended, result, error, runs,"
		" failures, failing"
		" FROM reco.chore",
};

static RecoStatement allowed_statement = {
	.text = "SELECT has_function_privilege($1, $2, 'EXECUTE')",
	.nargs = 2,
	.types = {OIDOID, TEXTOID},
};

void
reco_chore_facts(RecoChoreFacts facts[RECO_NCHORES])
{
	RecoSql		sql;

	memset(facts, 0, sizeof(RecoChoreFacts) * RECO_NCHORES);
	reco_sql_begin(&sql);
	reco_sql_run(&facts_statement, NULL, NULL, false, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		int			chore = reco_chore_named(i);
		char	   *took = reco_chore_text(&sql, i, 6);
		RecoChoreFacts *fact;

		if (chore < 0)
			continue;
		fact = &facts[chore];
		fact->since = reco_chore_number(i, 2);
		fact->last_run = reco_chore_number(i, 3);
		fact->last_done = reco_chore_number(i, 4);
		fact->last_by = reco_chore_text(&sql, i, 5);
		fact->took_ms = took == NULL ? -1 : atof(took);
		fact->ended = reco_chore_text(&sql, i, 7);
		fact->result = reco_chore_text(&sql, i, 8);
		fact->error = reco_chore_text(&sql, i, 9);
		fact->runs = reco_chore_number(i, 10);
		fact->failures = reco_chore_number(i, 11);
		fact->failing = (int) reco_chore_number(i, 12);
	}
	reco_sql_end(&sql);
}

/* Of the command, and of what that calls. */
bool
reco_chore_is_allowed(RecoChore chore, Oid role)
{
	const char *schema = reco_sql_schema_of("reco");
	bool		allowed = true;
	RecoSql		sql;

	reco_sql_begin(&sql);
	for (int i = 0; i < 2; i++)
	{
		Datum		arguments[2];
		bool		isnull;

		arguments[0] = ObjectIdGetDatum(role);
		arguments[1] =
			CStringGetTextDatum(i == 0 ? psprintf("%s.reco_chore(text)", schema)
									   : reco_chore_signature(chore));
		reco_sql_run(&allowed_statement, arguments, NULL, true, 1);
		allowed = allowed &&
			DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
									   &isnull));
	}
	reco_sql_end(&sql);
	return allowed;
}
