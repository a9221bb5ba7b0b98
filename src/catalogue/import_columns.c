/*-------------------------------------------------------------------------
 *
 * import_columns.c
 *	  Which column of a source table means what.
 *
 * Purpose: see import_columns.h.
 * Runs in: a backend.
 * Locks:	none; the caller holds the relation open.
 * Never:	guess by content: a column with another name is ignored, and the
 *			result of the import says so.
 *
 * Names are compared in lower case without anything that is not a letter or a
 * digit, so "Track ID", track_id and trackId are one name.
 *
 *-------------------------------------------------------------------------
 */
#include "import_columns.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

typedef struct FieldNames
{
	const char *name;			/* in the result */
	bool		many;			/* may several columns become this? */
	const char *aliases;		/* blank-separated, the best one first */
} FieldNames;

static const FieldNames fields[RECO_IMPORT_NFIELDS] = {
	[RECO_IMPORT_TRACK_ID] = {"track_id", false,
		"trackid spotifytrackid spotifyid trackuri spotifyuri uri songid id"},
	[RECO_IMPORT_TITLE] = {"title", false,
		"trackname tracktitle title songname songtitle song track name"},
	[RECO_IMPORT_ARTIST] = {"artist", false,
		"trackartist trackartists artists artistnames artistsnames artist artistname "
		"artistsname performer"},
	[RECO_IMPORT_ARTIST_IDS] = {"artist_ids", false,
		"artistids idartists artistsids artistsid trackartistids trackartistid artistid "
		"idartist artisturis artisturi"},
	[RECO_IMPORT_ALBUM] = {"album", false, "trackalbumname albumname albumtitle album"},
	[RECO_IMPORT_ALBUM_ID] = {"album_id", false, "trackalbumid albumid idalbum albumuri"},
	[RECO_IMPORT_ISRC] = {"isrc", false, "isrc trackisrc isrccode"},
	[RECO_IMPORT_RELEASE_DATE] = {"release_date", false,
		"trackalbumreleasedate albumreleasedate trackreleasedate releasedate"},
	[RECO_IMPORT_EXPLICIT] = {"explicit", false, "explicit isexplicit trackexplicit"},
	[RECO_IMPORT_GENRES] = {"genres", true,
		"genre genres trackgenre trackgenres playlistgenre playlistgenres "
		"playlistsubgenre playlistsubgenres subgenre subgenres topgenre maingenre"},
	[RECO_IMPORT_TAGS] = {"tags", true, "tag tags tracktags mood moods keyword keywords"},
	[RECO_IMPORT_PLAYLIST] = {"tags", true, "playlistname playlist playlisttitle "
		"playlists playlistnames"},
	[RECO_IMPORT_ARTIST_GENRES] = {"artist.genres", false, "artistgenres artistsgenres "
		"artistgenre"},
	[RECO_IMPORT_ARTIST_POPULARITY] = {"artist.popularity", false, "artistpopularity"},
	[RECO_IMPORT_YEAR] = {"release_date", false, "releaseyear albumreleaseyear year"},
	[RECO_IMPORT_DURATION] = {"duration_ms", false,
		"durationms trackdurationms durationmilliseconds"},
	[RECO_IMPORT_POPULARITY] = {"popularity", false, "trackpopularity popularity"},
	[RECO_IMPORT_ACOUSTICNESS] = {"acousticness", false, "acousticness"},
	[RECO_IMPORT_DANCEABILITY] = {"danceability", false, "danceability"},
	[RECO_IMPORT_ENERGY] = {"energy", false, "energy"},
	[RECO_IMPORT_INSTRUMENTALNESS] = {"instrumentalness", false, "instrumentalness"},
	[RECO_IMPORT_LIVENESS] = {"liveness", false, "liveness"},
	[RECO_IMPORT_SPEECHINESS] = {"speechiness", false, "speechiness"},
	[RECO_IMPORT_VALENCE] = {"valence", false, "valence"},
	[RECO_IMPORT_LOUDNESS] = {"loudness", false, "loudness"},
	[RECO_IMPORT_TEMPO] = {"tempo", false, "tempo bpm"},
	[RECO_IMPORT_KEY] = {"key", false, "key"},
	[RECO_IMPORT_MODE] = {"mode", false, "mode"},
	[RECO_IMPORT_TIME_SIGNATURE] = {"time_signature", false, "timesignature"},
};

static RecoImportField *assign_fields(TupleDesc desc);
static int	alias_rank(const char *name, RecoImportField field);
static char *plain_name(const char *name);
static RecoImportColumn make_column(Form_pg_attribute attribute, RecoImportField field);
static void complain_missing(Relation source, const char *what, RecoImportField field);
static void append_expression(StringInfo sql, const RecoImportColumn *column);

const char *
reco_import_field_name(RecoImportField field)
{
	return fields[field].name;
}

/* Recognises the columns of a source; ERROR without a title and an artist. */
RecoImportColumns *
reco_import_recognise(Relation source)
{
	TupleDesc	desc = RelationGetDescr(source);
	RecoImportColumns *columns = palloc0(sizeof(RecoImportColumns));
	RecoImportField *assigned = assign_fields(desc);

	columns->column = palloc0(sizeof(RecoImportColumn) * Max(desc->natts, 1));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (attribute->attisdropped)
			continue;
		if (assigned[i] == RECO_IMPORT_NFIELDS)
		{
			columns->ignored =
				lappend(columns->ignored, pstrdup(NameStr(attribute->attname)));
			continue;
		}
		columns->column[columns->n++] = make_column(attribute, assigned[i]);
		columns->has[assigned[i]] = true;
	}

	if (!columns->has[RECO_IMPORT_TITLE])
		complain_missing(source, "title", RECO_IMPORT_TITLE);
	if (!columns->has[RECO_IMPORT_ARTIST])
		complain_missing(source, "artist", RECO_IMPORT_ARTIST);
	return columns;
}

/*
 * Makes the SELECT that reads the recognised columns as text, in their order.
 * It runs with the caller's rights and search_path.
 */
char *
reco_import_select(Relation source, const RecoImportColumns *columns)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	for (int i = 0; i < columns->n; i++)
	{
		if (i > 0)
			appendStringInfoString(&sql, ", ");
		append_expression(&sql, &columns->column[i]);
	}
	appendStringInfo(&sql, " FROM %s AS s",
					 quote_qualified_identifier(get_namespace_name(
													RelationGetNamespace(source)),
												RelationGetRelationName(source)));
	return sql.data;
}

/*
 * Gives each column its field, or RECO_IMPORT_NFIELDS. Of several candidates
 * the one with the best alias wins, then the leftmost.
 */
static RecoImportField *
assign_fields(TupleDesc desc)
{
	RecoImportField *assigned = palloc(sizeof(RecoImportField) * Max(desc->natts, 1));
	int			best[RECO_IMPORT_NFIELDS];
	int			best_rank[RECO_IMPORT_NFIELDS];

	for (int field = 0; field < RECO_IMPORT_NFIELDS; field++)
		best[field] = -1;

	for (int i = 0; i < desc->natts; i++)
	{
		char	   *name = plain_name(NameStr(TupleDescAttr(desc, i)->attname));

		assigned[i] = RECO_IMPORT_NFIELDS;
		if (TupleDescAttr(desc, i)->attisdropped)
			continue;
		for (int field = 0; field < RECO_IMPORT_NFIELDS; field++)
		{
			int			rank = alias_rank(name, field);

			if (rank < 0)
				continue;
			if (!fields[field].many)
			{
				if (best[field] >= 0 && best_rank[field] <= rank)
					break;
				if (best[field] >= 0)
					assigned[best[field]] = RECO_IMPORT_NFIELDS;
				best[field] = i;
				best_rank[field] = rank;
			}
			assigned[i] = field;
			break;
		}
	}
	return assigned;
}

/* Returns the position of a name among a field's aliases, or -1. */
static int
alias_rank(const char *name, RecoImportField field)
{
	const char *p = fields[field].aliases;
	size_t		length = strlen(name);

	for (int rank = 0;; rank++)
	{
		size_t		n = strcspn(p, " ");

		if (n == length && strncmp(p, name, n) == 0)
			return rank;
		if (p[n] == '\0')
			return -1;
		p += n + 1;
	}
}

/* Returns a name in lower case, letters and digits only. */
static char *
plain_name(const char *name)
{
	char	   *plain = palloc(strlen(name) + 1);
	int			n = 0;

	for (const char *p = name; *p != '\0'; p++)
	{
		if (*p >= 'A' && *p <= 'Z')
			plain[n++] = *p - 'A' + 'a';
		else if ((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9'))
			plain[n++] = *p;
	}
	plain[n] = '\0';
	return plain;
}

/* Looks a recognised column's type up. */
static RecoImportColumn
make_column(Form_pg_attribute attribute, RecoImportField field)
{
	RecoImportColumn column;

	column.name = pstrdup(NameStr(attribute->attname));
	column.field = field;
	column.type = getBaseType(attribute->atttypid);
	column.is_list = column.type == JSONOID || column.type == JSONBOID ||
		OidIsValid(get_element_type(column.type));
	return column;
}

/* Says that a source has no column for a field that every track needs. */
static void
complain_missing(Relation source, const char *what, RecoImportField field)
{
	TupleDesc	desc = RelationGetDescr(source);
	StringInfoData seen;

	initStringInfo(&seen);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (attribute->attisdropped)
			continue;
		appendStringInfo(&seen, "%s%s", seen.len > 0 ? ", " : "",
						 quote_identifier(NameStr(attribute->attname)));
	}
	ereport(
		ERROR,
		(errcode(ERRCODE_UNDEFINED_COLUMN),
		 errmsg("relation \"%s\" has no column for the %s of a track",
				RelationGetRelationName(source), what),
		 seen.len > 0 ? errdetail("Its columns are: %s.", seen.data)
					  : errdetail("It has no columns."),
		 field == RECO_IMPORT_TITLE
			 ? errhint(
				   "Name the column track_name, title, song or name, or import a view "
				   "that does.")
			 : errhint("Name the column track_artist, artists, artist or artist_name, or "
					   "import a view that does.")));
}

/*
 * Appends the expression that turns a column into text. Arrays arrive as JSON
 * arrays; of an array of JSON objects, as Spotify's own answers have them, their
 * names. A time with zone counts in UTC, so that the result does not depend on
 * the session.
 */
static void
append_expression(StringInfo sql, const RecoImportColumn *column)
{
	const char *name = quote_identifier(column->name);

	if (column->type == TEXTOID)
		appendStringInfo(sql, "CAST(s.%s AS pg_catalog.text)", name);
	else if (column->type == TIMESTAMPTZOID)
		appendStringInfo(sql, "CAST(pg_catalog.timezone('UTC', s.%s) AS pg_catalog.text)",
						 name);
	else if (column->type == JSONBOID)
		appendStringInfo(
			sql,
			"CAST(pg_catalog.jsonb_path_query_array(s.%s, CASE WHEN "
			"pg_catalog.jsonb_path_exists(s.%s, 'lax $[*].name') "
			"THEN CAST('lax $[*].name' AS pg_catalog.jsonpath) "
			"ELSE CAST('lax $[*]' AS pg_catalog.jsonpath) END) AS pg_catalog.text)",
			name, name);
	else if (column->is_list && column->type != JSONOID)
		appendStringInfo(sql, "CAST(pg_catalog.to_jsonb(s.%s) AS pg_catalog.text)", name);
	else
		appendStringInfo(sql, "CAST(s.%s AS pg_catalog.text)", name);
}
