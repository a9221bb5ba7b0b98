/*-------------------------------------------------------------------------
 *
 * result_rows.c
 *	  A run's result as bytes, and bytes as rows or as a document.
 *
 * Purpose: see result_rows.h. A row is its fields, each ended by FIELD; rows are ended by
 *			ROW; behind END stands the document. The three characters stand in no field:
 *			they are control characters, and those of texts become spaces.
 * Runs in: a backend.
 * Locks:	none.
 * Never:	trust the bytes: they may come from a table that somebody edited.
 *
 *-------------------------------------------------------------------------
 */
#include "result_rows.h"

#include "lib/stringinfo.h"
#include "run_json.h"
#include "source/source.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#define FIELD	'\x1f'
#define ROW		'\x1e'
#define END		'\x1d'
#define NFIELDS	10
#define ABSENT	'\x1c'			/* a field that is NULL */

/* Columns that are no text. */
#define COLUMN_RANK		0
#define COLUMN_SCORE	5
#define COLUMN_ORIGIN	7
#define COLUMN_RUN		9

static void put_field(StringInfo bytes, const char *text);
static bool read_row(const char **at, const char **fields, int *lengths);
static void put_row(const char **fields, const int *lengths, RecoOrigin origin,
					ReturnSetInfo *result);

/* Makes the bytes of a run's result. */
char *
reco_result_write(const RecoRun *run)
{
	StringInfoData bytes;

	initStringInfo(&bytes);
	for (int i = 0; i < run->nlist; i++)
	{
		const RecoCandidate *candidate = run->list[i];
		const RecoTrack *track = candidate->track;
		uint32		score;

		memcpy(&score, &candidate->score, sizeof(score));
		appendStringInfo(&bytes, "%d%c", i + 1, FIELD);
		put_field(&bytes, track->track_id);
		put_field(&bytes, track->title);
		put_field(&bytes, track->artist);
		put_field(&bytes, track->album);
		appendStringInfo(&bytes, "%u%c", score, FIELD);
		put_field(&bytes, reco_rank_strategy_name(reco_rank_strategy(candidate)));
		put_field(&bytes, reco_source_origin_name(track->origin));
		put_field(&bytes, run->reasons[i]);
		appendStringInfo(&bytes, INT64_FORMAT "%c%c", run->run_id, FIELD, ROW);
	}
	appendStringInfoChar(&bytes, END);
	appendStringInfoString(&bytes, reco_run_json(run));
	return bytes.data;
}

static void
put_field(StringInfo bytes, const char *text)
{
	if (text == NULL)
		appendStringInfoChar(bytes, ABSENT);
	for (; text != NULL && *text != '\0'; text++)
		appendStringInfoChar(bytes, *text >= ABSENT && *text <= FIELD ? ' ' : *text);
	appendStringInfoChar(bytes, FIELD);
}

/* Puts all rows into a result set. */
void
reco_result_put_rows(const char *bytes, RecoOrigin origin, ReturnSetInfo *result)
{
	const char *fields[NFIELDS];
	int			lengths[NFIELDS];

	while (read_row(&bytes, fields, lengths))
		put_row(fields, lengths, origin, result);
}

/* Finds the fields of the next row; false at the end, or where it is no row. */
static bool
read_row(const char **at, const char **fields, int *lengths)
{
	if (**at == END || **at == '\0')
		return false;
	for (int i = 0; i < NFIELDS; i++)
	{
		const char *end = strchr(*at, FIELD);

		if (end == NULL)
			return false;
		fields[i] = *at;
		lengths[i] = (int) (end - *at);
		*at = end + 1;
	}
	if (**at != ROW)
		return false;
	(*at)++;
	return true;
}

static void
put_row(const char **fields, const int *lengths, RecoOrigin origin, ReturnSetInfo *result)
{
	Datum		values[NFIELDS];
	bool		nulls[NFIELDS] = {false};

	for (int i = 0; i < NFIELDS; i++)
	{
		if (i == COLUMN_RANK)
			values[i] = Int32GetDatum((int32) strtol(fields[i], NULL, 10));
		else if (i == COLUMN_RUN)
			values[i] = Int64GetDatum((int64) strtoll(fields[i], NULL, 10));
		else if (i == COLUMN_SCORE)
		{
			uint32		bits = (uint32) strtoul(fields[i], NULL, 10);
			float4		score;

			memcpy(&score, &bits, sizeof(score));
			values[i] = Float4GetDatum(score);
		}
		else if (i == COLUMN_ORIGIN && origin != RECO_ORIGIN_LOCAL)
			values[i] = CStringGetTextDatum(reco_source_origin_name(origin));
		else if (fields[i][0] == ABSENT)
			nulls[i] = true;
		else
			values[i] = PointerGetDatum(cstring_to_text_with_len(fields[i], lengths[i]));
	}
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* Returns the document. */
char *
reco_result_document(const char *bytes, RecoOrigin origin)
{
	const char *document = strchr(bytes, END);

	if (document == NULL || document[1] != '{')
		return pstrdup("{}");
	return psprintf("{\"answer\":\"%s\",%s",
					origin == RECO_ORIGIN_LOCAL ? "computed"
												: reco_source_origin_name(origin),
					document + 2);
}
