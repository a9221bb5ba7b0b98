/*-------------------------------------------------------------------------
 *
 * import_row.c
 *	  From the rows of a source to the rows that are imported.
 *
 * Purpose: see import_row.h.
 * Runs in: a backend, inside the executor's run of the source's SELECT.
 * Locks:	none.
 * Never:	run SQL here, nor keep memory from row to row: the executor is in the
 *			middle of the caller's query, with the caller's rights.
 *
 *-------------------------------------------------------------------------
 */
#include "import_row.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "import_value.h"

/* The columns of a converted row. */
enum
{
	ROW_TRACK_ID = 0,
	ROW_TITLE,
	ROW_ARTISTS,
	ROW_ALBUM,
	ROW_ALBUM_ID,
	ROW_ISRC,
	ROW_RELEASE,
	ROW_EXPLICIT,
	ROW_GENRES,
	ROW_TAGS,
	ROW_ARTIST_GENRES,
	ROW_NUMBERS,				/* the fields from RECO_IMPORT_FIRST_NUMBER on */
	ROW_NCOLUMNS = ROW_NUMBERS + RECO_IMPORT_NFIELDS - RECO_IMPORT_FIRST_NUMBER
};

typedef struct ImportReceiver
{
	DestReceiver pub;
	const RecoImportColumns *columns;
	RecoImportReport *report;
	RecoImportNames *names;
	Tuplestorestate *store;
	TupleDesc	desc;
	MemoryContext row_context;
} ImportReceiver;

/* One row while it is read. */
typedef struct ImportRow
{
	char	   *text[RECO_IMPORT_EXPLICIT]; /* by field; clean */
	List	   *artists;
	List	   *artist_ids;
	List	   *genres;
	List	   *tags;
	List	   *artist_genres;
	int			release;		/* 0 = none */
	bool		has_explicit;
	bool		is_explicit;
	bool		has[RECO_IMPORT_NFIELDS];	/* numbers only */
	double		number[RECO_IMPORT_NFIELDS];
	int			artist_ids_column;
	int			feature_column;
} ImportRow;

static void receiver_startup(DestReceiver *self, int operation, TupleDesc desc);
static bool receive_row(TupleTableSlot *slot, DestReceiver *self);
static void receiver_shutdown(DestReceiver *self);
static void receiver_destroy(DestReceiver *self);
static void read_value(ImportReceiver *receiver, ImportRow *row, int column, char *value);
static void read_number(ImportReceiver *receiver, ImportRow *row, int column,
						char *value);
static void read_list(ImportReceiver *receiver, ImportRow *row, int column, char *value);
static void check_artists(ImportReceiver *receiver, ImportRow *row);
static void check_features(ImportReceiver *receiver, ImportRow *row);
static bool reject(ImportReceiver *receiver, const ImportRow *row);
static void store_row(ImportReceiver *receiver, ImportRow *row);
static void put_artists(ImportReceiver *receiver, ImportRow *row, Datum *values,
						bool *nulls);
static void put_sorted(Datum *values, bool *nulls, int column, List *members);
static char *joined(List *members, const char *separator);

DestReceiver *
reco_import_receiver(const RecoImportColumns *columns, RecoImportReport *report,
					 RecoImportNames *names, Tuplestorestate *store, TupleDesc desc)
{
	ImportReceiver *receiver = palloc0(sizeof(ImportReceiver));

	receiver->pub.receiveSlot = receive_row;
	receiver->pub.rStartup = receiver_startup;
	receiver->pub.rShutdown = receiver_shutdown;
	receiver->pub.rDestroy = receiver_destroy;
	receiver->pub.mydest = DestTuplestore;
	receiver->columns = columns;
	receiver->report = report;
	receiver->names = names;
	receiver->store = store;
	receiver->desc = desc;
	receiver->row_context = AllocSetContextCreate(CurrentMemoryContext, "reco import row",
												  ALLOCSET_DEFAULT_SIZES);
	return &receiver->pub;
}

TupleDesc
reco_import_row_desc(void)
{
	static const char *const texts[] = {"track_id", "title", "artists", "album", "album_id",
		"isrc", NULL, NULL, "genres", "tags", "artist_genres"};
	TupleDesc	desc = CreateTemplateTupleDesc(ROW_NCOLUMNS);

	for (int i = 0; i < ROW_NUMBERS; i++)
	{
		if (texts[i] == NULL)
			continue;
		TupleDescInitEntry(desc, i + 1, texts[i], TEXTOID, -1, 0);
		TupleDescInitEntryCollation(desc, i + 1, C_COLLATION_OID);
	}
	TupleDescInitEntry(desc, ROW_RELEASE + 1, "release", INT4OID, -1, 0);
	TupleDescInitEntry(desc, ROW_EXPLICIT + 1, "explicit", BOOLOID, -1, 0);
	for (int i = ROW_NUMBERS; i < ROW_NCOLUMNS; i++)
	{
		RecoImportField field = i - ROW_NUMBERS + RECO_IMPORT_FIRST_NUMBER;
		Oid			type = FLOAT4OID;
		const char *name = reco_import_field_name(field);

		if (field < RECO_IMPORT_FIRST_FEATURE || field > RECO_IMPORT_TEMPO)
			type = INT4OID;
		if (field == RECO_IMPORT_ARTIST_POPULARITY)
			name = "artist_popularity";
		else if (field == RECO_IMPORT_YEAR)
			name = "year";
		TupleDescInitEntry(desc, i + 1, name, type, -1, 0);
	}
	return desc;
}

static void
receiver_startup(DestReceiver *self, int operation, TupleDesc desc)
{
}

static void
receiver_shutdown(DestReceiver *self)
{
}

static void
receiver_destroy(DestReceiver *self)
{
}

/* Converts one row of the source and keeps it, or counts why not. */
static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	ImportReceiver *receiver = (ImportReceiver *) self;
	MemoryContext old;
	ImportRow	row;

	MemoryContextReset(receiver->row_context);
	old = MemoryContextSwitchTo(receiver->row_context);
	memset(&row, 0, sizeof(row));
	row.artist_ids_column = -1;
	row.feature_column = -1;

	receiver->report->rows++;
	slot_getallattrs(slot);
	for (int i = 0; i < receiver->columns->n; i++)
	{
		char	   *value;

		if (slot->tts_isnull[i])
			continue;
		value = reco_import_clean(TextDatumGetCString(slot->tts_values[i]));
		if (value != NULL)
			read_value(receiver, &row, i, value);
	}
	check_artists(receiver, &row);
	if (!reject(receiver, &row))
	{
		check_features(receiver, &row);
		store_row(receiver, &row);
	}
	MemoryContextSwitchTo(old);
	return true;
}

/* Takes one value, clean and not blank, into the row. */
static void
read_value(ImportReceiver *receiver, ImportRow *row, int column, char *value)
{
	RecoImportField field = receiver->columns->column[column].field;
	RecoImportReport *report = receiver->report;
	RecoImportOutcome outcome;

	switch (field)
	{
		case RECO_IMPORT_TRACK_ID:
			row->text[field] = reco_import_id(value);
			break;
		case RECO_IMPORT_TITLE:
		case RECO_IMPORT_ALBUM:
			if (reco_import_cut(value, RECO_IMPORT_TEXT_CHARACTERS))
				reco_import_report_value(report, column, RECO_IMPORT_CUT, value);
			row->text[field] = value;
			break;
		case RECO_IMPORT_ALBUM_ID:
			value = reco_import_id(value);
			if (strlen(value) > RECO_IMPORT_ID_BYTES)
				reco_import_report_value(report, column, RECO_IMPORT_TOO_LONG, value);
			else
				row->text[field] = value;
			break;
		case RECO_IMPORT_ISRC:
			outcome = reco_import_isrc(value, &row->text[field]);
			if (outcome == RECO_IMPORT_MALFORMED)
				reco_import_report_value(report, column, RECO_IMPORT_NOT_ISRC, value);
			break;
		case RECO_IMPORT_RELEASE_DATE:
			outcome = reco_import_date(value, &row->release);
			if (outcome == RECO_IMPORT_MALFORMED)
				reco_import_report_value(report, column, RECO_IMPORT_NOT_DATE, value);
			else if (outcome == RECO_IMPORT_OUT_OF_RANGE)
				reco_import_report_value(report, column, RECO_IMPORT_NO_SUCH_DATE, value);
			break;
		case RECO_IMPORT_EXPLICIT:
			outcome = reco_import_boolean(value, &row->is_explicit);
			row->has_explicit = outcome == RECO_IMPORT_OK;
			if (outcome == RECO_IMPORT_MALFORMED)
				reco_import_report_value(report, column, RECO_IMPORT_NOT_BOOLEAN, value);
			break;
		case RECO_IMPORT_ARTIST:
		case RECO_IMPORT_ARTIST_IDS:
		case RECO_IMPORT_GENRES:
		case RECO_IMPORT_TAGS:
		case RECO_IMPORT_PLAYLIST:
		case RECO_IMPORT_ARTIST_GENRES:
			read_list(receiver, row, column, value);
			break;
		default:
			read_number(receiver, row, column, value);
			break;
	}
}

static void
read_number(ImportReceiver *receiver, ImportRow *row, int column, char *value)
{
	RecoImportField field = receiver->columns->column[column].field;

	if (field >= RECO_IMPORT_FIRST_FEATURE && row->feature_column < 0)
		row->feature_column = column;

	switch (reco_import_number(field, value, &row->number[field]))
	{
		case RECO_IMPORT_OK:
			row->has[field] = true;
			break;
		case RECO_IMPORT_MISSING:
			break;
		case RECO_IMPORT_MALFORMED:
			reco_import_report_value(receiver->report, column, RECO_IMPORT_NOT_NUMBER,
									 value);
			break;
		case RECO_IMPORT_OUT_OF_RANGE:
			reco_import_report_value(receiver->report, column, RECO_IMPORT_NOT_IN_RANGE,
									 value);
			break;
	}
}

/*
 * Takes a list, or one text that may be delimited. A playlist's name is never
 * split: it may hold any punctuation.
 */
static void
read_list(ImportReceiver *receiver, ImportRow *row, int column, char *value)
{
	const RecoImportColumn *source = &receiver->columns->column[column];
	RecoImportField field = source->field;
	List	   *members;
	ListCell   *cell;
	int			limit = RECO_IMPORT_TAG_CHARACTERS;

	if (source->type == JSONOID && value[0] != '[')
		value = psprintf("[%s]", value);	/* a single text is a list of one */
	if (!reco_import_list(value, &members))
	{
		if (source->is_list)
		{
			reco_import_report_value(receiver->report, column, RECO_IMPORT_NOT_LIST,
									 value);
			return;
		}
		if (field == RECO_IMPORT_PLAYLIST)
			members = list_make1(value);
		else
			members = reco_import_split(value, field == RECO_IMPORT_ARTIST ? ";" : ";,|");
	}

	if (field == RECO_IMPORT_ARTIST)
		limit = RECO_IMPORT_TEXT_CHARACTERS;
	else if (field == RECO_IMPORT_GENRES || field == RECO_IMPORT_ARTIST_GENRES)
		limit = RECO_IMPORT_GENRE_CHARACTERS;
	else if (field == RECO_IMPORT_ARTIST_IDS)
	{
		row->artist_ids = members;
		row->artist_ids_column = column;
		return;
	}

	foreach (cell, members)
	{
		char	   *member = lfirst(cell);

		if (reco_import_cut(member, limit))
		{
			if (field == RECO_IMPORT_GENRES || field == RECO_IMPORT_ARTIST_GENRES)
			{
				reco_import_report_value(receiver->report, column, RECO_IMPORT_TOO_LONG,
										 member);
				continue;
			}
			reco_import_report_value(receiver->report, column, RECO_IMPORT_CUT, member);
		}
		if (field == RECO_IMPORT_ARTIST)
			row->artists = lappend(row->artists, member);
		else if (field == RECO_IMPORT_GENRES)
			row->genres = lappend(row->genres, reco_import_lower(member));
		else if (field == RECO_IMPORT_ARTIST_GENRES)
			row->artist_genres = lappend(row->artist_genres, reco_import_lower(member));
		else
			row->tags = lappend(row->tags, member);
	}
}

/* Brings names and ids of the artists together, or drops the ids. */
static void
check_artists(ImportReceiver *receiver, ImportRow *row)
{
	ListCell   *cell;
	int			column = 0;

	while (receiver->columns->column[column].field != RECO_IMPORT_ARTIST)
		column++;
	if (list_length(row->artists) == 1 && list_length(row->artist_ids) > 1)
	{
		/* some exports join the names with commas, which names hold as well */
		List	   *names = reco_import_split(linitial(row->artists), ",");

		if (list_length(names) == list_length(row->artist_ids))
			row->artists = names;
	}
	if (row->artist_ids != NIL &&
		list_length(row->artists) != list_length(row->artist_ids))
	{
		reco_import_report_value(receiver->report, row->artist_ids_column,
								 RECO_IMPORT_IDS_DIFFER, linitial(row->artist_ids));
		row->artist_ids = NIL;
	}
	if (list_length(row->artists) > RECO_IMPORT_MAX_ARTISTS)
	{
		reco_import_report_value(receiver->report, column, RECO_IMPORT_TOO_MANY,
								 row->text[RECO_IMPORT_TITLE]);
		row->artists = list_truncate(row->artists, RECO_IMPORT_MAX_ARTISTS);
		row->artist_ids = list_truncate(row->artist_ids, RECO_IMPORT_MAX_ARTISTS);
	}
	foreach (cell, row->artist_ids)
	{
		lfirst(cell) = reco_import_id(lfirst(cell));
		if (strlen(lfirst(cell)) > RECO_IMPORT_ID_BYTES)
		{
			reco_import_report_value(receiver->report, row->artist_ids_column,
									 RECO_IMPORT_TOO_LONG, lfirst(cell));
			row->artist_ids = NIL;
			break;
		}
	}
}

/*
 * Drops the features of a track that its source could not analyse. Spotify says
 * so with zeros in everything that needs a beat or a voice; energy, loudness and
 * key are filled in all the same, but mean nothing then.
 */
static void
check_features(ImportReceiver *receiver, ImportRow *row)
{
	int			zeros = 0;

	for (int i = RECO_IMPORT_ACOUSTICNESS; i <= RECO_IMPORT_VALENCE; i++)
	{
		if (i == RECO_IMPORT_ENERGY || !row->has[i])
			continue;
		if (row->number[i] != 0)
			return;
		zeros++;
	}
	if (zeros < 4 || row->has[RECO_IMPORT_TEMPO])
		return;

	for (int i = RECO_IMPORT_FIRST_FEATURE; i <= RECO_IMPORT_LAST_FEATURE; i++)
		row->has[i] = false;
	reco_import_report_value(receiver->report, row->feature_column, RECO_IMPORT_ALL_ZERO,
							 row->text[RECO_IMPORT_TRACK_ID] != NULL
								 ? row->text[RECO_IMPORT_TRACK_ID]
								 : row->text[RECO_IMPORT_TITLE]);
}

/* Tells whether a row cannot be a track, and counts it if so. */
static bool
reject(ImportReceiver *receiver, const ImportRow *row)
{
	const char *track_id = row->text[RECO_IMPORT_TRACK_ID];
	RecoImportReason reason;

	if (receiver->columns->has[RECO_IMPORT_TRACK_ID] && track_id == NULL)
		reason = RECO_IMPORT_NO_ID;
	else if (track_id != NULL && strlen(track_id) > RECO_IMPORT_ID_BYTES)
		reason = RECO_IMPORT_LONG_ID;
	else if (row->text[RECO_IMPORT_TITLE] == NULL)
		reason = RECO_IMPORT_NO_TITLE;
	else if (row->artists == NIL)
		reason = RECO_IMPORT_NO_ARTIST;
	else
		return false;

	reco_import_report_row(receiver->report, reason, track_id,
						   row->text[RECO_IMPORT_TITLE],
						   row->artists == NIL ? NULL : linitial(row->artists));
	return true;
}

/* Puts the converted row into the store. */
static void
store_row(ImportReceiver *receiver, ImportRow *row)
{
	static const RecoImportField texts[] = {RECO_IMPORT_TRACK_ID, RECO_IMPORT_TITLE,
											RECO_IMPORT_ALBUM, RECO_IMPORT_ALBUM_ID,
											RECO_IMPORT_ISRC};
	static const int columns[] = {ROW_TRACK_ID, ROW_TITLE, ROW_ALBUM, ROW_ALBUM_ID,
								  ROW_ISRC};
	Datum		values[ROW_NCOLUMNS];
	bool		nulls[ROW_NCOLUMNS];

	memset(values, 0, sizeof(values));
	memset(nulls, true, sizeof(nulls));
	for (int i = 0; i < lengthof(texts); i++)
	{
		if (row->text[texts[i]] == NULL)
			continue;
		values[columns[i]] = CStringGetTextDatum(row->text[texts[i]]);
		nulls[columns[i]] = false;
	}

	if (row->text[RECO_IMPORT_TRACK_ID] == NULL)
		values[ROW_TRACK_ID] = CStringGetTextDatum(
			reco_import_track_id(receiver->names, joined(row->artists, ", "),
								 row->text[RECO_IMPORT_TITLE]));
	nulls[ROW_TRACK_ID] = false;
	put_artists(receiver, row, values, nulls);
	put_sorted(values, nulls, ROW_GENRES, row->genres);
	put_sorted(values, nulls, ROW_TAGS, row->tags);
	if (list_length(row->artists) == 1)
		put_sorted(values, nulls, ROW_ARTIST_GENRES, row->artist_genres);
	else
		row->has[RECO_IMPORT_ARTIST_POPULARITY] = false;	/* whose? */

	if (row->release == 0 && row->has[RECO_IMPORT_YEAR])
		row->release = 100000000 + (int) row->number[RECO_IMPORT_YEAR] * 10000 + 101;
	values[ROW_RELEASE] = Int32GetDatum(row->release);
	nulls[ROW_RELEASE] = row->release == 0;
	values[ROW_EXPLICIT] = BoolGetDatum(row->is_explicit);
	nulls[ROW_EXPLICIT] = !row->has_explicit;

	for (int i = RECO_IMPORT_FIRST_NUMBER; i < RECO_IMPORT_NFIELDS; i++)
	{
		int			column = ROW_NUMBERS + i - RECO_IMPORT_FIRST_NUMBER;

		nulls[column] = !row->has[i];
		if (!row->has[i])
			continue;
		if (TupleDescAttr(receiver->desc, column)->atttypid == FLOAT4OID)
			values[column] = Float4GetDatum((float) row->number[i]);
		else
			values[column] = Int32GetDatum((int32) row->number[i]);
	}
	tuplestore_putvalues(receiver->store, receiver->desc, values, nulls);
}

/* Puts names and ids; the ids are made of the names where there are none. */
static void
put_artists(ImportReceiver *receiver, ImportRow *row, Datum *values, bool *nulls)
{
	bool		given = row->artist_ids != NIL;
	ListCell   *cell;

	if (!given)
	{
		foreach (cell, row->artists)
			row->artist_ids =
				lappend(row->artist_ids,
						pstrdup(reco_import_artist_id(receiver->names, lfirst(cell))));
	}
	values[ROW_ARTISTS] = CStringGetTextDatum(psprintf("%c%s\x1e%s", given ? '1' : '0',
													   joined(row->artists, "\x1f"),
													   joined(row->artist_ids, "\x1f")));
	nulls[ROW_ARTISTS] = false;
}

static int
compare_members(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

/* Puts a list as one text, sorted and each member once. */
static void
put_sorted(Datum *values, bool *nulls, int column, List *members)
{
	List	   *unique = NIL;
	ListCell   *cell;

	if (members == NIL)
		return;
	list_sort(members, compare_members);
	foreach (cell, members)
	{
		if (unique == NIL || strcmp(llast(unique), lfirst(cell)) != 0)
			unique = lappend(unique, lfirst(cell));
	}
	values[column] = CStringGetTextDatum(joined(unique, "\x1f"));
	nulls[column] = false;
}

/* Joins the members of a list. */
static char *
joined(List *members, const char *separator)
{
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach (cell, members)
	{
		if (text.len > 0)
			appendStringInfoString(&text, separator);
		appendStringInfoString(&text, lfirst(cell));
	}
	return text.data;
}
