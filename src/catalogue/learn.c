/*-------------------------------------------------------------------------
 *
 * learn.c
 *	  Learning the lexicon from the catalogue's labels.
 *
 * Purpose: tie every word of a genre or tag (playlist names are tags) to the
 *			feature distribution of its tracks. A word's mean and spread are
 *			shrunk towards the catalogue's own by PRIOR_TRACKS tracks; how tight
 *			a word is comes out when a mood weighs it.
 * Runs in: a backend that imports, or asks for it.
 * Locks:	ShareRowExclusiveLock on reco.mood_term: one learner at a time.
 * Never:	touch built-in or manual rows.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "lexicon.h"
#include "matrix.h"
#include "miscadmin.h"
#include "store/sql.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#define PRIOR_TRACKS	30.0	/* of the catalogue at large, in each word's spread */
#define MIN_TRACKS		5		/* a word of fewer tracks is hearsay */
#define MAX_TERMS		20000
#define MIN_SPREAD		0.15	/* of the catalogue's own; nothing is tighter */
#define MIN_TIGHTNESS	0.01	/* a target that tells less is left out */
#define NCOLUMNS		5		/* of a learned row, as arrays */

typedef struct Moments
{
	double		sum[RECO_NCOLUMNS];
	double		squares[RECO_NCOLUMNS];
	uint32		count[RECO_NCOLUMNS];
} Moments;

static RecoStatement lock_statement = {
	.text = "LOCK TABLE reco.mood_term IN SHARE ROW EXCLUSIVE MODE",
};

static RecoStatement forget_statement = {
	.text = "DELETE FROM reco.mood_term WHERE source = 'learned'",
};

static RecoStatement insert_statement = {
	.text = "INSERT INTO reco.mood_term (term, source, tracks, labels, genre, targets)"
	" SELECT term, 'learned', tracks, labels, genre, targets::jsonb"
	" FROM unnest($1::text[], $2::int[], $3::int[], $4::text[], $5::text[]::boolean[])"
	" AS u (term, tracks, labels, targets, genre)",
	.nargs = NCOLUMNS,
	.types = {TEXTARRAYOID, INT4ARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID},
};

static void begin_learning(void);
static uint32 write_terms(RecoMatrix *matrix);
static void add_moments(Moments *to, const Moments *from);
static Moments *moments_by_set(const RecoMatrix *matrix);
static char *targets_json(const RecoMatrix *matrix, const Moments *moments,
						  bool background);
static int	by_tracks(const void *a, const void *b, void *arg);

void
reco_lexicon_learn(void)
{
	(void) reco_lexicon_learn_terms();
}

/*
 * Makes arrays of the terms, their tracks, labels and targets, the catalogue's
 * own first; returns how many terms there are.
 */
static uint32
describe_terms(RecoMatrix *matrix, const Moments *sets, Datum *values)
{
	uint32	   *order;
	uint32		nterms = 0;
	Datum	   *columns[NCOLUMNS];
	Moments		all = {0};

	order = palloc(sizeof(uint32) * Max(matrix->nterms, 1));
	for (uint32 t = 0; t < matrix->nterms; t++)
		if (matrix->terms[t].tracks >= MIN_TRACKS)
			order[nterms++] = t;
	qsort_arg(order, nterms, sizeof(uint32), by_tracks, matrix);
	nterms = Min(nterms, MAX_TERMS);

	for (int c = 0; c < NCOLUMNS; c++)
		columns[c] = palloc(sizeof(Datum) * (nterms + 1));
	for (uint32 s = 0; s < matrix->nsets; s++)
		add_moments(&all, &sets[s]);
	columns[0][0] = CStringGetTextDatum(RECO_LEXICON_BACKGROUND);
	columns[1][0] = Int32GetDatum((int32) matrix->plane.nrows);
	columns[2][0] = Int32GetDatum(0);
	columns[3][0] = CStringGetTextDatum(targets_json(matrix, &all, true));
	columns[4][0] = CStringGetTextDatum("f");
	for (uint32 i = 0; i < nterms; i++)
	{
		const RecoTerm *term = &matrix->terms[order[i]];
		Moments		moments = {0};

		for (uint32 s = 0; s < term->nsets; s++)
			add_moments(&moments, &sets[matrix->term_sets[term->sets + s]]);
		columns[0][i + 1] = CStringGetTextDatum(reco_matrix_stem(matrix, term));
		columns[1][i + 1] = Int32GetDatum((int32) term->tracks);
		columns[2][i + 1] = Int32GetDatum((int32) term->labels);
		columns[3][i + 1] = CStringGetTextDatum(targets_json(matrix, &moments, false));
		columns[4][i + 1] = CStringGetTextDatum(term->genre ? "t" : "f");
		CHECK_FOR_INTERRUPTS();
	}
	for (int c = 0; c < NCOLUMNS; c++)
	{
		bool		number = c == 1 || c == 2;

		values[c] = PointerGetDatum(
			construct_array(columns[c], (int) nterms + 1, number ? INT4OID : TEXTOID,
							number ? 4 : -1, number, TYPALIGN_INT));
	}
	return nterms;
}

/* Rebuilds the learned rows. */
int64
reco_lexicon_learn_terms(void)
{
	RecoMatrix *matrix;
	RecoMatrixState state;
	int64		nterms;

	/* what this transaction has just written counts */
	CommandCounterIncrement();
	begin_learning();
	matrix = reco_matrix_acquire(0, true, &state);
	reco_matrix_hold_until(matrix, CurrentMemoryContext);
	nterms = write_terms(matrix);
	PopActiveSnapshot();
	return nterms;
}

int64
reco_lexicon_learn_from(RecoMatrix *matrix)
{
	int64		nterms;

	begin_learning();
	nterms = write_terms(matrix);
	PopActiveSnapshot();
	return nterms;
}

/* Locks others out; then takes a snapshot that sees what they wrote. */
static void
begin_learning(void)
{
	RecoSql		sql;

	reco_sql_begin(&sql);
	reco_sql_run(&lock_statement, NULL, NULL, false, 0);
	reco_sql_end(&sql);
	PushActiveSnapshot(GetTransactionSnapshot());
}

/* Writes the learned rows; returns how many. */
static uint32
write_terms(RecoMatrix *matrix)
{
	Moments    *sets = moments_by_set(matrix);
	Datum		values[NCOLUMNS];
	uint32		nterms = describe_terms(matrix, sets, values);
	RecoSql		sql;

	reco_sql_begin(&sql);
	reco_sql_run(&forget_statement, NULL, NULL, false, 0);
	reco_sql_run(&insert_statement, values, NULL, false, 0);
	reco_sql_end(&sql);
	return nterms;
}

static void
add_moments(Moments *to, const Moments *from)
{
	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		to->sum[f] += from->sum[f];
		to->squares[f] += from->squares[f];
		to->count[f] += from->count[f];
	}
}

/* Sums up the scaled features of the tracks of each set of labels. */
static Moments *
moments_by_set(const RecoMatrix *matrix)
{
	Moments *sets =
		MemoryContextAllocExtended(CurrentMemoryContext, sizeof(Moments) * matrix->nsets,
								   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (uint32 row = 0; row < matrix->plane.nrows; row++)
	{
		Moments    *moments = &sets[matrix->set_no[row]];

		for (int f = 0; f < RECO_NCOLUMNS; f++)
		{
			double		x = reco_matrix_value(matrix, row, f);

			if (reco_matrix_missing(matrix, row, f))
				continue;
			moments->sum[f] += x;
			moments->squares[f] += x * x;
			moments->count[f]++;
		}
		if ((row & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
	}
	return sets;
}

/*
 * Writes a row's targets, in the features' own units. How much a target tells is
 * the Kullback-Leibler divergence from the catalogue at large.
 */
static char *
targets_json(const RecoMatrix *matrix, const Moments *moments, bool background)
{
	StringInfoData json;

	initStringInfo(&json);
	for (int f = 0; f < RECO_NCOLUMNS; f++)
	{
		double		mean0 = matrix->mean[f];
		double		var0 = (double) matrix->sd[f] * matrix->sd[f];
		double		n = moments->count[f];
		double		mean = (moments->sum[f] + PRIOR_TRACKS * mean0) / (n + PRIOR_TRACKS);
		double		var;
		double		tightness;

		if (n == 0)
			continue;
		var = (moments->squares[f] - 2 * mean * moments->sum[f] + n * mean * mean +
			   PRIOR_TRACKS * (var0 + (mean0 - mean) * (mean0 - mean))) /
			(n + PRIOR_TRACKS);
		var = Max(var, var0 * MIN_SPREAD * MIN_SPREAD);
		tightness =
			0.5 * (log(var0 / var) + (var + (mean - mean0) * (mean - mean0)) / var0 - 1);
		if (!background && tightness < MIN_TIGHTNESS)
			continue;
		appendStringInfo(&json, "%s\"%s\": {\"mean\": %.4g, \"sd\": %.4g}",
						 json.len ? ", " : "", reco_feature_name(f),
						 reco_matrix_unscale(f, (float) mean),
						 sqrt(var) * reco_matrix_range(f));
	}
	return psprintf("{%s}", json.data);
}

/* More tracks first, then by stem. */
static int
by_tracks(const void *a, const void *b, void *arg)
{
	const RecoMatrix *matrix = arg;
	const RecoTerm *x = &matrix->terms[*(const uint32 *) a];
	const RecoTerm *y = &matrix->terms[*(const uint32 *) b];

	if (x->tracks != y->tracks)
		return x->tracks > y->tracks ? -1 : 1;
	return strcmp(reco_matrix_stem(matrix, x), reco_matrix_stem(matrix, y));
}
