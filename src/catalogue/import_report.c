/*-------------------------------------------------------------------------
 *
 * import_report.c
 *	  What an import says back.
 *
 * Purpose: see import_report.h.
 * Runs in: a backend.
 * Locks:	none.
 * Never:	keep a pointer into the row that is being read: examples are copies.
 *
 *-------------------------------------------------------------------------
 */
#include "import_report.h"

#include "import_row.h"
#include "import_value.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#define EXAMPLE_CHARACTERS	80

static const char *const reason_texts[RECO_IMPORT_NREASONS] = {
	[RECO_IMPORT_NO_ID] = "no track id",
	[RECO_IMPORT_LONG_ID] = "track id longer than 255 bytes",
	[RECO_IMPORT_NO_TITLE] = "no title",
	[RECO_IMPORT_NO_ARTIST] = "no artist",
};

static void append_columns(StringInfo json, const RecoImportReport *report);
static void append_rejected(StringInfo json, const RecoImportReport *report);
static void append_notes(StringInfo json, const RecoImportReport *report);
static void append_counts(StringInfo json, const RecoImportReport *report);
static void append_tally(StringInfo json, const char *unit, const RecoImportTally *tally);
static char *problem_text(RecoImportProblem problem, RecoImportField field);
static int	text_limit(RecoImportField field);
static void append_example(StringInfo json, const char *value);

RecoImportReport *
reco_import_report_make(const char *source, const RecoImportColumns *columns)
{
	RecoImportReport *report = palloc0(sizeof(RecoImportReport));

	report->context = CurrentMemoryContext;
	report->source = source;
	report->columns = columns;
	report->problems =
		palloc0(sizeof(RecoImportTally) * columns->n * RECO_IMPORT_NPROBLEMS);
	return report;
}

/* Counts a rejected row. */
void
reco_import_report_row(RecoImportReport *report, RecoImportReason reason,
					   const char *track_id, const char *title, const char *artist)
{
	RecoImportTally *tally = &report->reasons[reason];

	report->rejected++;
	tally->count++;
	if (tally->n < RECO_IMPORT_EXAMPLES)
	{
		MemoryContext old = MemoryContextSwitchTo(report->context);
		StringInfoData json;

		initStringInfo(&json);
		appendStringInfoString(&json, "{\"track_id\": ");
		append_example(&json, track_id);
		appendStringInfoString(&json, ", \"title\": ");
		append_example(&json, title);
		appendStringInfoString(&json, ", \"artist\": ");
		append_example(&json, artist);
		appendStringInfoChar(&json, '}');
		tally->example[tally->n++] = json.data;
		MemoryContextSwitchTo(old);
	}
}

/* Counts a value that was not taken as it is. */
void
reco_import_report_value(RecoImportReport *report, int column, RecoImportProblem problem,
						 const char *value)
{
	RecoImportTally *tally = &report->problems[column * RECO_IMPORT_NPROBLEMS + problem];

	tally->count++;
	if (tally->n < RECO_IMPORT_EXAMPLES)
	{
		MemoryContext old = MemoryContextSwitchTo(report->context);
		StringInfoData json;

		initStringInfo(&json);
		append_example(&json, value);
		tally->example[tally->n++] = json.data;
		MemoryContextSwitchTo(old);
	}
}

/* Writes the result, a jsonb. */
Datum
reco_import_report_jsonb(const RecoImportReport *report)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"source\": ");
	escape_json(&json, report->source);
	append_columns(&json, report);
	appendStringInfo(&json, ", \"rows\": " UINT64_FORMAT, report->rows);
	append_rejected(&json, report);
	append_notes(&json, report);
	append_counts(&json, report);
	appendStringInfoChar(&json, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

static void
append_columns(StringInfo json, const RecoImportReport *report)
{
	const RecoImportColumns *columns = report->columns;
	ListCell   *cell;

	appendStringInfoString(json, ", \"columns\": {");
	for (int i = 0; i < columns->n; i++)
	{
		if (i > 0)
			appendStringInfoString(json, ", ");
		escape_json(json, columns->column[i].name);
		appendStringInfoString(json, ": ");
		escape_json(json, reco_import_field_name(columns->column[i].field));
	}
	appendStringInfoString(json, "}, \"ignored\": [");
	foreach (cell, columns->ignored)
	{
		if (cell != list_head(columns->ignored))
			appendStringInfoString(json, ", ");
		escape_json(json, lfirst(cell));
	}
	appendStringInfoChar(json, ']');
}

static void
append_rejected(StringInfo json, const RecoImportReport *report)
{
	const char *separator = "";

	appendStringInfo(json, ", \"rejected\": {\"rows\": " UINT64_FORMAT ", \"reasons\": [",
					 report->rejected);
	for (int i = 0; i < RECO_IMPORT_NREASONS; i++)
	{
		if (report->reasons[i].count == 0)
			continue;
		appendStringInfo(json, "%s{\"reason\": ", separator);
		escape_json(json, reason_texts[i]);
		append_tally(json, "rows", &report->reasons[i]);
		separator = ", ";
	}
	appendStringInfoString(json, "]}");
}

static void
append_notes(StringInfo json, const RecoImportReport *report)
{
	const char *separator = "";

	appendStringInfoString(json, ", \"notes\": [");
	for (int i = 0; i < report->columns->n * RECO_IMPORT_NPROBLEMS; i++)
	{
		const RecoImportColumn *column =
			&report->columns->column[i / RECO_IMPORT_NPROBLEMS];

		if (report->problems[i].count == 0)
			continue;
		appendStringInfo(json, "%s{\"column\": ", separator);
		escape_json(json, column->name);
		appendStringInfoString(json, ", \"problem\": ");
		escape_json(json, problem_text(i % RECO_IMPORT_NPROBLEMS, column->field));
		append_tally(json, "values", &report->problems[i]);
		separator = ", ";
	}
	appendStringInfoChar(json, ']');
}

static void
append_counts(StringInfo json, const RecoImportReport *report)
{
	appendStringInfo(json,
					 ", \"tracks\": {\"new\": " INT64_FORMAT ", \"updated\": " INT64_FORMAT
					 ", \"unchanged\": " INT64_FORMAT ", \"measured\": " INT64_FORMAT "}",
					 report->tracks_new, report->tracks_updated, report->tracks_unchanged,
					 report->tracks_measured);
	appendStringInfo(json,
					 ", \"artists\": {\"new\": " INT64_FORMAT
					 ", \"updated\": " INT64_FORMAT ", \"unchanged\": " INT64_FORMAT "}",
					 report->artists_new, report->artists_updated,
					 report->artists_unchanged);
	appendStringInfo(json,
					 ", \"genres\": " INT64_FORMAT ", \"tags\": " INT64_FORMAT
					 ", \"over_limit\": " INT64_FORMAT ", \"milliseconds\": %.1f",
					 report->genres, report->tags, report->over_limit,
					 report->milliseconds);
}

/* Appends the rest of an object: how many, and the examples. */
static void
append_tally(StringInfo json, const char *unit, const RecoImportTally *tally)
{
	appendStringInfo(json, ", \"%s\": " UINT64_FORMAT ", \"examples\": [", unit, tally->count);
	for (int i = 0; i < tally->n; i++)
		appendStringInfo(json, "%s%s", i > 0 ? ", " : "", tally->example[i]);
	appendStringInfoString(json, "]}");
}

/* Says what was wrong with the values of a column, and what became of them. */
static char *
problem_text(RecoImportProblem problem, RecoImportField field)
{
	double		low;
	double		high;

	switch (problem)
	{
		case RECO_IMPORT_NOT_NUMBER:
			return "not a number, left out";
		case RECO_IMPORT_NOT_IN_RANGE:
			reco_import_range(field, &low, &high);
			return psprintf("outside %.0f..%.0f, left out", low, high);
		case RECO_IMPORT_NOT_DATE:
			return "not a date like 1999, 1999-12 or 1999-12-31, left out";
		case RECO_IMPORT_NO_SUCH_DATE:
			return "no such date, left out";
		case RECO_IMPORT_NOT_BOOLEAN:
			return "neither true nor false, left out";
		case RECO_IMPORT_NOT_ISRC:
			return "not an ISRC, left out";
		case RECO_IMPORT_NOT_LIST:
			return "not a list of texts, left out";
		case RECO_IMPORT_CUT:
			return psprintf("longer than %d characters, cut", text_limit(field));
		case RECO_IMPORT_TOO_LONG:
			if (field == RECO_IMPORT_ALBUM_ID || field == RECO_IMPORT_ARTIST_IDS)
				return psprintf("longer than %d bytes, left out", RECO_IMPORT_ID_BYTES);
			return psprintf("longer than %d characters, left out", text_limit(field));
		case RECO_IMPORT_TOO_MANY:
			return psprintf("more than %d artists, the others left out",
							RECO_IMPORT_MAX_ARTISTS);
		case RECO_IMPORT_IDS_DIFFER:
			return "not one id per artist, ids left out";
		case RECO_IMPORT_ALL_ZERO:
			return "audio features all 0, taken as not measured";
		case RECO_IMPORT_NPROBLEMS:
			break;
	}
	return "";
}

/* Returns how many characters a text of a field may have. */
static int
text_limit(RecoImportField field)
{
	switch (field)
	{
		case RECO_IMPORT_GENRES:
		case RECO_IMPORT_ARTIST_GENRES:
			return RECO_IMPORT_GENRE_CHARACTERS;
		case RECO_IMPORT_TAGS:
		case RECO_IMPORT_PLAYLIST:
			return RECO_IMPORT_TAG_CHARACTERS;
		default:
			return RECO_IMPORT_TEXT_CHARACTERS;
	}
}

/* Appends a text, shortened, as JSON. */
static void
append_example(StringInfo json, const char *value)
{
	char	   *copy;

	if (value == NULL)
	{
		appendStringInfoString(json, "null");
		return;
	}
	copy = pstrdup(value);
	if (reco_import_cut(copy, EXAMPLE_CHARACTERS))
		copy = psprintf("%s...", copy);
	escape_json(json, copy);
}
