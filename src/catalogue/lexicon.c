/*-------------------------------------------------------------------------
 *
 * lexicon.c
 *	  reco.mood_term: what words mean, as ranges of features.
 *
 * Purpose: see lexicon.h. A row's targets are JSON that a DBA can write:
 *			{"energy": {"min": 0, "max": 0.4, "weight": 0.9}}, or with "mean"
 *			and "sd"; a range counts as mean ± one spread.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of its statements.
 * Never:	accept targets that a reader would have to guess at.
 *
 *-------------------------------------------------------------------------
 */
#include "lexicon.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fit.h"
#include "store/patience.h"
#include "store/sql.h"
#include "text.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/rel.h"

#define BUILTIN_TRACKS		60	/* what a row counts that names no tracks */
#define MAX_TERM_WORDS		8

static RecoStatement lookup_statement = {
	.text = "SELECT stem, source = 'learned', tracks, targets, genre, source = 'model'"
	" FROM reco.mood_term WHERE stem = ANY ($1) ORDER BY stem, source",
	.nargs = 1,
	.types = {TEXTARRAYOID},
};

static void parse_targets(Jsonb *json, RecoTarget *targets, bool strict);
static void parse_target(JsonbContainer *object, int feature, RecoTarget *target,
						 bool strict);
static char *stem_of(const char *term);

/* Returns the rows of these stems. */
RecoLexiconTerm *
reco_lexicon_lookup(const char *const *stems, int nstems, int *nfound)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(nstems, 1));
	RecoLexiconTerm *terms;
	MemoryContext spi_context;
	Datum		value;
	RecoSql		sql;

	*nfound = 0;
	if (!reco_patience_lock(RECO_READS(MOOD_TERM)))
		return NULL;
	for (int i = 0; i < nstems; i++)
		elements[i] = CStringGetTextDatum(stems[i]);
	value = PointerGetDatum(
		construct_array(elements, nstems, TEXTOID, -1, false, TYPALIGN_INT));

	reco_sql_begin(&sql);
	reco_sql_run(&lookup_statement, &value, NULL, true, 0);
	spi_context = MemoryContextSwitchTo(sql.caller);
	*nfound = (int) SPI_processed;
	terms = palloc0(sizeof(RecoLexiconTerm) * Max(*nfound, 1));
	for (int i = 0; i < *nfound; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;

		terms[i].stem = TextDatumGetCString(SPI_getbinval(tuple, desc, 1, &isnull));
		terms[i].learned = DatumGetBool(SPI_getbinval(tuple, desc, 2, &isnull));
		terms[i].tracks = DatumGetInt32(SPI_getbinval(tuple, desc, 3, &isnull));
		terms[i].genre = DatumGetBool(SPI_getbinval(tuple, desc, 5, &isnull));
		if (DatumGetBool(SPI_getbinval(tuple, desc, 6, &isnull)))
		{
			terms[i].answers = Max(terms[i].tracks, 1);
			terms[i].tracks = 0;
		}
		if (terms[i].tracks == 0)
			terms[i].tracks = BUILTIN_TRACKS;
		parse_targets(DatumGetJsonbP(SPI_getbinval(tuple, desc, 4, &isnull)),
					  terms[i].targets, false);
	}
	MemoryContextSwitchTo(spi_context);
	reco_sql_end(&sql);
	return terms;
}

/* Checks and completes a row that somebody writes. */
Datum
reco_lexicon_derive_row(TriggerData *trigger)
{
	HeapTuple	tuple = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple
																 : trigger->tg_trigtuple;
	TupleDesc	desc = trigger->tg_relation->rd_att;
	RecoTarget	targets[RECO_NCOLUMNS];
	bool		null_term;
	bool		null_source;
	bool		null_targets;
	bool		null = false;
	int			column = SPI_fnumber(desc, "stem");
	Datum		term = heap_getattr(tuple, SPI_fnumber(desc, "term"), desc, &null_term);
	Datum		source = heap_getattr(tuple, SPI_fnumber(desc, "source"), desc, &null_source);
	Datum		json = heap_getattr(tuple, SPI_fnumber(desc, "targets"), desc, &null_targets);
	Datum		stem;

	if (null_term || null_source || null_targets)
		return PointerGetDatum(tuple);	/* the NOT NULL constraints say it better */
	parse_targets(DatumGetJsonbP(json), targets, true);

	/* what was learned is stems already */
	if (strcmp(TextDatumGetCString(source), "learned") == 0 ||
		strcmp(TextDatumGetCString(source), "model") == 0)
		stem = term;
	else
		stem = CStringGetTextDatum(stem_of(TextDatumGetCString(term)));
	return PointerGetDatum(
		heap_modify_tuple_by_cols(tuple, desc, 1, &column, &stem, &null));
}

/* Stems a term: at most two words count, as in a prompt. */
static char *
stem_of(const char *term)
{
	RecoTextTools tools;
	RecoWords  *words;
	const char *stems[2];
	int			n = 0;

	reco_text_open(&tools);
	words = reco_text_words(&tools, term, MAX_TERM_WORDS);
	for (int i = 0; i < words->nwords; i++)
	{
		if (words->words[i].stem == NULL)
			continue;
		if (n == 2)
			n++;
		else
			stems[n++] = words->words[i].stem;
		if (n > 2)
			break;
	}
	if (n == 0 || n > 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid term \"%s\" for the lexicon", term),
				 errdetail("A term is one or two words that carry a meaning."),
				 errhint("Split a longer phrase into terms of one or two words.")));
	return n == 1 ? pstrdup(stems[0]) : psprintf("%s %s", stems[0], stems[1]);
}

/* Reads the targets of a row; 'strict' raises an ERROR for what is wrong. */
static void
parse_targets(Jsonb *json, RecoTarget *targets, bool strict)
{
	JsonbIterator *iterator = JsonbIteratorInit(&json->root);
	JsonbValue	value;
	JsonbIteratorToken token;

	memset(targets, 0, sizeof(RecoTarget) * RECO_NCOLUMNS);
	token = JsonbIteratorNext(&iterator, &value, true);
	if (token != WJB_BEGIN_OBJECT)
	{
		if (strict)
			ereport(
				ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("targets of a lexicon term must be a JSON object"),
				 errhint(
					 "Write, for example, {\"energy\": {\"min\": 0, \"max\": 0.4}}.")));
		return;
	}
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *name;
		int			feature;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(value.val.string.val, value.val.string.len);
		feature = reco_feature_of(name);
		token = JsonbIteratorNext(&iterator, &value, true);
		if (feature >= 0 && feature < RECO_NCOLUMNS && value.type == jbvBinary &&
			JsonContainerIsObject(value.val.binary.data))
			parse_target(value.val.binary.data, feature, &targets[feature], strict);
		else if (strict)
			ereport(
				ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid target \"%s\" of a lexicon term", name),
				 errhint(
					 "Targets are objects, named acousticness, danceability, energy, "
					 "instrumentalness, liveness, speechiness, valence, loudness, tempo, "
					 "mode, popularity or year.")));
	}
}

/* Reads a number of an object; false when it is not there, or no number. */
static bool
number_of(JsonbContainer *object, const char *key, float *number)
{
	JsonbValue *value = getKeyJsonValueFromContainer(object, key, strlen(key), NULL);

	if (value == NULL || value->type != jbvNumeric)
		return false;
	*number =
		(float) DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
												   NumericGetDatum(value->val.numeric)));
	return isfinite(*number);
}

/* Reads one target; what is wrong with it is no target, or an ERROR. */
static void
parse_target(JsonbContainer *object, int feature, RecoTarget *target, bool strict)
{
	float		low;
	float		high;
	float		weight = 1;
	uint32		known = 2;		/* keys that were read */

	target->sd = -1;
	if (number_of(object, "min", &low) && number_of(object, "max", &high))
	{
		target->mean = (low + high) / 2;
		target->sd = (high - low) / 2;
	}
	else if (!number_of(object, "mean", &target->mean) ||
			 !number_of(object, "sd", &target->sd))
		target->sd = -1;
	known += number_of(object, "weight", &weight);
	target->weight = weight;

	if (target->sd > 0 && isfinite(target->mean) && isfinite(target->sd) &&
		reco_fit_clamp(feature, target->mean) == target->mean && weight >= 0 &&
		weight <= 1 && JsonContainerSize(object) == known)
		return;
	memset(target, 0, sizeof(*target));
	if (strict)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid target \"%s\" of a lexicon term",
						reco_feature_name(feature)),
				 errdetail("It needs \"min\" below \"max\", or \"mean\" and a positive "
						   "\"sd\", as numbers around what the feature can be; "
						   "\"weight\" is between 0 and 1."),
				 errhint("Write, for example, {\"energy\": {\"min\": 0, \"max\": 0.4, "
						 "\"weight\": 0.9}}.")));
}
