/*-------------------------------------------------------------------------
 *
 * result_rows.c
 *	  A run's result as bytes, and bytes as rows or as a document.
 *
 * Purpose: see result_rows.h. In the bytes a row is its fields, each ended by FIELD;
 *			rows are ended by ROW; behind END stands the document. The three
 *			characters stand in no field: they are control characters, and those of
 *			texts become spaces.
 * Runs in: a backend.
 * Locks:	none.
 * Never:	trust the bytes: they may come from a table that somebody edited.
 *
 *-------------------------------------------------------------------------
 */
#include "result_rows.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "run_json.h"
#include "source/source.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
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

/* A row that was read. */
typedef struct Row
{
	Datum		values[NFIELDS];
	bool		nulls[NFIELDS];
} Row;

static char *write_run(const RecoRun *run);
static char *write_rows(const RecoRun *run);
static void put_rows(StringInfo bytes, const RecoRun *run);
static void put_field(StringInfo bytes, const char *text);
static char *pack_rows(const char *bytes, Size *size);
static TupleDesc columns(void);
static void put_packed(const RecoResult *found, ReturnSetInfo *result);
static bool read_row(const char **at, RecoOrigin origin, Row *row);
static bool read_fields(const char **at, const char **fields, int *lengths);
static char *pack_document(const char *bytes, Size *size);
static char *document_of(const char *bytes, RecoOrigin origin);

const RecoResultForm reco_result_rows = {'r', false, write_run, write_rows, pack_rows};
const RecoResultForm reco_result_document = {'d', true, write_run, write_run,
											 pack_document};

/* Makes the bytes of a run's result. */
static char *
write_run(const RecoRun *run)
{
	StringInfoData bytes;

	initStringInfo(&bytes);
	put_rows(&bytes, run);
	appendStringInfoString(&bytes, reco_run_json(run));
	return bytes.data;
}

/* ... without the document. */
static char *
write_rows(const RecoRun *run)
{
	StringInfoData bytes;

	initStringInfo(&bytes);
	put_rows(&bytes, run);
	return bytes.data;
}

static void
put_rows(StringInfo bytes, const RecoRun *run)
{
	for (int i = 0; i < run->nlist; i++)
	{
		const RecoCandidate *candidate = run->list[i];
		const RecoTrack *track = candidate->track;
		uint32		score;

		memcpy(&score, &candidate->score, sizeof(score));
		appendStringInfo(bytes, "%d%c", i + 1, FIELD);
		put_field(bytes, track->track_id);
		put_field(bytes, track->title);
		put_field(bytes, track->artist);
		put_field(bytes, track->album);
		appendStringInfo(bytes, "%u%c", score, FIELD);
		put_field(bytes, reco_rank_strategy_name(reco_rank_strategy(candidate)));
		put_field(bytes, reco_source_origin_name(track->origin));
		put_field(bytes, run->reasons[i]);
		appendStringInfo(bytes, INT64_FORMAT "%c%c", run->run_id, FIELD, ROW);
	}
	appendStringInfoChar(bytes, END);
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
reco_result_put_rows(const RecoResult *found, ReturnSetInfo *result)
{
	const char *at = found->bytes;
	Row			row;

	if (found->packed != NULL)
	{
		put_packed(found, result);
		return;
	}
	while (read_row(&at, found->origin, &row))
		tuplestore_putvalues(result->setResult, result->setDesc, row.values, row.nulls);
}

int64
reco_result_run_id(const char *bytes)
{
	const char *fields[NFIELDS];
	int			lengths[NFIELDS];

	return read_fields(&bytes, fields, lengths)
		? (int64) strtoll(fields[COLUMN_RUN], NULL, 10)
		: 0;
}

/* Makes the tuples of all rows, one after another, each aligned. */
static char *
pack_rows(const char *bytes, Size *size)
{
	static const char padding[MAXIMUM_ALIGNOF] = {0};
	StringInfoData packed;
	Row			row;

	initStringInfo(&packed);
	while (read_row(&bytes, RECO_ORIGIN_CACHED, &row))
	{
		MinimalTuple tuple = reco_form_minimal_tuple(columns(), row.values, row.nulls);

		appendBinaryStringInfo(&packed, (char *) tuple, (int) tuple->t_len);
		appendBinaryStringInfo(&packed, padding,
							   (int) (MAXALIGN(tuple->t_len) - tuple->t_len));
		heap_free_minimal_tuple(tuple);
	}
	*size = packed.len;
	return packed.data;
}

/* The columns of reco_generate. */
static TupleDesc
columns(void)
{
	static const Oid types[NFIELDS] = {INT4OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
		FLOAT4OID, TEXTOID, TEXTOID, TEXTOID, INT8OID};
	static TupleDesc made = NULL;

	if (made == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
		TupleDesc	desc = CreateTemplateTupleDesc(NFIELDS);

		for (int i = 0; i < NFIELDS; i++)
			TupleDescInitEntry(desc, (AttrNumber) (i + 1), NULL, types[i], -1, 0);
		made = desc;
		MemoryContextSwitchTo(old);
	}
	return made;
}

static void
put_packed(const RecoResult *found, ReturnSetInfo *result)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(columns(), &TTSOpsMinimalTuple);
	const char *end = found->packed + found->size;

	for (const char *at = found->packed; at < end;)
	{
		MinimalTuple tuple = (MinimalTuple) at;

		ExecStoreMinimalTuple(tuple, slot, false);
		tuplestore_puttupleslot(result->setResult, slot);
		at += MAXALIGN(tuple->t_len);
	}
	ExecDropSingleTupleTableSlot(slot);
}

/* Reads the next row; false at the end, or where it is no row. */
static bool
read_row(const char **at, RecoOrigin origin, Row *row)
{
	const char *fields[NFIELDS];
	int			lengths[NFIELDS];

	if (!read_fields(at, fields, lengths))
		return false;
	for (int i = 0; i < NFIELDS; i++)
	{
		row->nulls[i] = false;
		if (i == COLUMN_RANK)
			row->values[i] = Int32GetDatum((int32) strtol(fields[i], NULL, 10));
		else if (i == COLUMN_RUN)
			row->values[i] = Int64GetDatum((int64) strtoll(fields[i], NULL, 10));
		else if (i == COLUMN_SCORE)
		{
			uint32		bits = (uint32) strtoul(fields[i], NULL, 10);
			float4		score;

			memcpy(&score, &bits, sizeof(score));
			row->values[i] = Float4GetDatum(score);
		}
		else if (i == COLUMN_ORIGIN && origin != RECO_ORIGIN_LOCAL)
			row->values[i] = CStringGetTextDatum(reco_source_origin_name(origin));
		else if (fields[i][0] == ABSENT)
			row->nulls[i] = true;
		else
			row->values[i] =
				PointerGetDatum(cstring_to_text_with_len(fields[i], lengths[i]));
	}
	return true;
}

/* Finds the fields of the next row; false at the end, or where it is no row. */
static bool
read_fields(const char **at, const char **fields, int *lengths)
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

/* Returns the document. */
Datum
reco_result_to_jsonb(const RecoResult *found)
{
	if (found->packed != NULL)
		return PointerGetDatum(found->packed);
	return DirectFunctionCall1(jsonb_in,
							   CStringGetDatum(document_of(found->bytes, found->origin)));
}

static char *
pack_document(const char *bytes, Size *size)
{
	Datum		json =
		DirectFunctionCall1(jsonb_in,
							CStringGetDatum(document_of(bytes, RECO_ORIGIN_CACHED)));

	*size = VARSIZE(DatumGetPointer(json));
	return DatumGetPointer(json);
}

/* The text of the document; where it comes from is its member "answer". */
static char *
document_of(const char *bytes, RecoOrigin origin)
{
	const char *document = strchr(bytes, END);

	if (document == NULL || document[1] != '{')
		return pstrdup("{}");
	return psprintf("{\"answer\":\"%s\",%s",
					origin == RECO_ORIGIN_LOCAL ? "computed"
												: reco_source_origin_name(origin),
					document + 2);
}
