/*-------------------------------------------------------------------------
 *
 * learn_model.c
 *	  Learning the lexicon from the answers of a language model.
 *
 * Purpose: keep what a model said of prompts with a word as a row of that word, source
 *			'model', so that the next prompt with it needs no model. A row is the mean of
 *			all answers; how many there were is in 'tracks'.
 * Runs in: the keeper.
 * Locks:	RowExclusiveLock on reco.mood_term, without waiting for it.
 * Never:	touch a row of another source; move the state of the catalogue: lists that
 *			were made before are not wrong now.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <float.h>
#include <math.h>

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "change.h"
#include "fit.h"
#include "lexicon.h"
#include "nodes/pg_list.h"
#include "store/sql.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#define MOST_ROWS		10000	/* those that rest on the fewest answers go */
#define MOST_ANSWERS	200		/* that count, so that a new one still does */
#define LEAST_WEIGHT	0.02f	/* a target of less is left out */
#define NCOLUMNS		3		/* of a row, as arrays */

static RecoStatement upsert_statement = {
	.text = "INSERT INTO reco.mood_term AS m (term, source, tracks, targets)"
	" SELECT term, 'model', tracks, targets::jsonb"
	" FROM unnest($1::text[], $2::int[], $3::text[]) AS u (term, tracks, targets)"
	" ON CONFLICT (stem, source) DO UPDATE SET tracks = excluded.tracks,"
	"  targets = excluded.targets, updated_at = now()",
	.nargs = NCOLUMNS,
	.types = {TEXTARRAYOID, INT4ARRAYOID, TEXTARRAYOID},
};

/* Those that somebody edits are left alone. */
static RecoStatement lock_statement = {
	.text = "SELECT stem FROM reco.mood_term WHERE source = 'model' AND stem = ANY ($1)"
	" FOR UPDATE SKIP LOCKED",
	.nargs = 1,
	.types = {TEXTARRAYOID},
};

static RecoStatement trim_statement = {
	.text = "DELETE FROM reco.mood_term WHERE source = 'model' AND stem IN"
	" (SELECT m.stem FROM reco.mood_term AS m JOIN"
	"  (SELECT stem FROM reco.mood_term WHERE source = 'model'"
	"   ORDER BY tracks DESC, updated_at DESC, stem OFFSET $1) AS r ON r.stem = m.stem"
	"  WHERE m.source = 'model' FOR UPDATE OF m SKIP LOCKED)",
	.nargs = 1,
	.types = {INT8OID},
};

static bool lock_lexicon(void);
static int	gather(const RecoLesson *lessons, int nlessons, RecoLesson *gathered);
static int	add_known(RecoLesson *gathered, int n);
static bool is_among(List *stems, const char *stem);
static List *lock_rows(const char *const *stems, int n);
static void add(RecoLesson *to, const RecoLesson *lesson);
static RecoTarget sound(RecoTarget target, int feature);
static void write_rows(const RecoLesson *lessons, int n);
static char *targets_json(const RecoTarget *targets);

/* Adds lessons to the lexicon. */
bool
reco_lexicon_teach(const RecoLesson *lessons, int nlessons)
{
	RecoLesson *gathered = palloc0(sizeof(RecoLesson) * Max(nlessons, 1));
	int			n = gather(lessons, nlessons, gathered);

	if (n == 0)
		return true;
	if (!lock_lexicon())
		return false;
	n = add_known(gathered, n);
	reco_change_begin_learning();
	write_rows(gathered, n);
	return true;
}

/* Locks the table, or does not: an import has it until it commits. */
static bool
lock_lexicon(void)
{
	Oid relation = get_relname_relid("mood_term", get_namespace_oid("reco", false));

	return OidIsValid(relation) && ConditionalLockRelationOid(relation, RowExclusiveLock);
}

/* Makes one lesson of those about one stem. */
static int
gather(const RecoLesson *lessons, int nlessons, RecoLesson *gathered)
{
	int			n = 0;

	for (int i = 0; i < nlessons; i++)
	{
		int			at = 0;

		while (at < n && strcmp(gathered[at].stem, lessons[i].stem) != 0)
			at++;
		if (at == n)
			gathered[n++].stem = lessons[i].stem;
		add(&gathered[at], &lessons[i]);
	}
	return n;
}

/* Adds what the lexicon has from answers before; drops those whose row is locked. */
static int
add_known(RecoLesson *gathered, int n)
{
	const char **stems = palloc(sizeof(char *) * n);
	List	   *locked;
	RecoLexiconTerm *terms;
	int			nfound;
	int			kept = 0;

	for (int i = 0; i < n; i++)
		stems[i] = gathered[i].stem;
	locked = lock_rows(stems, n);
	terms = reco_lexicon_lookup(stems, n, &nfound);
	for (int i = 0; i < n; i++)
	{
		bool		free = true;

		for (int t = 0; t < nfound && free; t++)
		{
			RecoLesson	known = {.stem = terms[t].stem, .answers = terms[t].answers};

			if (known.answers == 0 || strcmp(gathered[i].stem, known.stem) != 0)
				continue;
			free = is_among(locked, known.stem);
			memcpy(known.targets, terms[t].targets, sizeof(known.targets));
			add(&gathered[i], &known);
		}
		if (free)
			gathered[kept++] = gathered[i];
	}
	return kept;
}

static bool
is_among(List *stems, const char *stem)
{
	ListCell   *cell;

	foreach (cell, stems)
		if (strcmp(lfirst(cell), stem) == 0)
			return true;
	return false;
}

/* Locks the rows of some stems; returns the stems of those that it got. */
static List *
lock_rows(const char *const *stems, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * n);
	List	   *locked = NIL;
	MemoryContext spi_context;
	Datum		value;
	RecoSql		sql;

	for (int i = 0; i < n; i++)
		elements[i] = CStringGetTextDatum(stems[i]);
	value =
		PointerGetDatum(construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT));
	reco_sql_begin(&sql);
	reco_sql_run(&lock_statement, &value, NULL, false, 0);
	spi_context = MemoryContextSwitchTo(sql.caller);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		Datum		stem =
			SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);

		locked = lappend(locked, TextDatumGetCString(stem));
	}
	MemoryContextSwitchTo(spi_context);
	reco_sql_end(&sql);
	return locked;
}

/*
 * Adds one lesson to another. A target's weight is the mean over all answers, those
 * counting as 0 that did not speak of it; mean and spread are those of all that did,
 * so that a word of which models say this and that comes out wide, which is unclear.
 */
static void
add(RecoLesson *to, const RecoLesson *lesson)
{
	float		answers = to->answers + lesson->answers;

	for (int f = 0; f < RECO_NCOLUMNS && answers > 0; f++)
	{
		RecoTarget	a = sound(to->targets[f], f);
		RecoTarget	b = sound(lesson->targets[f], f);
		float		both = to->answers * a.weight + lesson->answers * b.weight;
		float share = both > 0 ? to->answers * a.weight / both : 0;
		float		apart = a.mean - b.mean;
		float		variance = share * a.sd * a.sd + (1 - share) * b.sd * b.sd +
			share * (1 - share) * apart * apart;

		to->targets[f].mean = share * a.mean + (1 - share) * b.mean;
		to->targets[f].sd = sqrtf(variance);
		to->targets[f].weight = both / answers;
	}
	to->answers = Min((int) answers, MOST_ANSWERS);
}

/*
 * A target within what the feature can be; one that is no range says nothing. A row that
 * somebody edited may be as wide as a number can be, and its square is none.
 */
static RecoTarget
sound(RecoTarget target, int feature)
{
	float widest = reco_fit_clamp(feature, FLT_MAX) - reco_fit_clamp(feature, -FLT_MAX);

	if (!isfinite(target.mean) || !isfinite(target.sd) || !(target.weight > 0))
		return (RecoTarget){0};
	target.mean = reco_fit_clamp(feature, target.mean);
	target.sd = Min(target.sd, widest);
	target.weight = Min(target.weight, 1);
	return target;
}

/* Writes the rows, and keeps them within their bound. */
static void
write_rows(const RecoLesson *lessons, int n)
{
	Datum	   *columns[NCOLUMNS];
	Datum		values[NCOLUMNS];
	Datum		most = Int64GetDatum(MOST_ROWS);
	RecoSql		sql;

	for (int c = 0; c < NCOLUMNS; c++)
		columns[c] = palloc(sizeof(Datum) * n);
	for (int i = 0; i < n; i++)
	{
		columns[0][i] = CStringGetTextDatum(lessons[i].stem);
		columns[1][i] = Int32GetDatum(lessons[i].answers);
		columns[2][i] = CStringGetTextDatum(targets_json(lessons[i].targets));
	}
	for (int c = 0; c < NCOLUMNS; c++)
	{
		bool		number = c == 1;

		values[c] =
			PointerGetDatum(construct_array(columns[c], n, number ? INT4OID : TEXTOID,
											number ? 4 : -1, number, TYPALIGN_INT));
	}
	reco_sql_begin(&sql);
	reco_sql_run(&upsert_statement, values, NULL, false, 0);
	reco_sql_run(&trim_statement, &most, NULL, false, 0);
	reco_sql_end(&sql);
}

static char *
targets_json(const RecoTarget *targets)
{
	StringInfoData json;

	initStringInfo(&json);
	for (int f = 0; f < RECO_NCOLUMNS; f++)
		if (targets[f].weight >= LEAST_WEIGHT && targets[f].sd > 0)
			appendStringInfo(&json,
							 "%s\"%s\": {\"mean\": %.4g, \"sd\": %.4g, \"weight\": %.3g}",
							 json.len ? ", " : "", reco_feature_name(f), targets[f].mean,
							 targets[f].sd, Min(targets[f].weight, 1));
	return psprintf("{%s}", json.data);
}
