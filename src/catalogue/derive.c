/*-------------------------------------------------------------------------
 *
 * derive.c
 *	  Triggers that fill the derived columns of reco.track and reco.artist.
 *
 * Purpose: whoever writes a track (import, a service's answer, a DBA's INSERT or
 *			COPY), its folded title, duplicate key, facets and search vector are
 *			right; so indexes stand on stored columns, not on expressions.
 * Runs in: a backend that writes the catalogue.
 * Locks:	none.
 * Never:	do SQL; it runs once per row.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "derive.h"
#include "executor/spi.h"
#include "facet.h"
#include "mb/pg_wchar.h"
#include "text.h"
#include "tsearch/ts_utils.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#define MAX_SEARCH_BYTES	4096	/* of one field, in the search vector */

static HeapTuple derive_track(TriggerData *trigger, HeapTuple tuple,
							  const RecoTextTools *tools);
static HeapTuple derive_artist(TriggerData *trigger, HeapTuple tuple,
							   const RecoTextTools *tools);
static char *column_text(TriggerData *trigger, HeapTuple tuple, const char *column);
static char *joined_labels(TriggerData *trigger, HeapTuple tuple, const char *column,
						   const RecoTextTools *tools, uint16 *facets);
static Datum search_part(const RecoTextTools *tools, const char *text, char weight);

/* Fills the derived columns of the row that is about to be written. */
Datum
reco_derive_row(TriggerData *trigger, FmgrInfo *call)
{
	RecoTextTools *tools = call->fn_extra;
	HeapTuple	tuple = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple
																 : trigger->tg_trigtuple;
	bool		is_track = SPI_fnumber(trigger->tg_relation->rd_att, "title") > 0;

	if (tools == NULL)
	{
		tools = MemoryContextAlloc(call->fn_mcxt, sizeof(RecoTextTools));
		reco_text_open(tools);
		call->fn_extra = tools;
	}
	return PointerGetDatum(is_track ? derive_track(trigger, tuple, tools)
									: derive_artist(trigger, tuple, tools));
}

/* The duplicate key: the title's hash above, the artist's below. */
int64
reco_derive_dup_key(const char *title_key, const char *artist_fold)
{
	uint32		high = hash_bytes((const unsigned char *) title_key, strlen(title_key));
	uint32 low = hash_bytes((const unsigned char *) artist_fold, strlen(artist_fold));

	return (int64) (((uint64) high << 32) | low);
}

static HeapTuple
derive_track(TriggerData *trigger, HeapTuple tuple, const RecoTextTools *tools)
{
	TupleDesc	desc = trigger->tg_relation->rd_att;
	char	   *title = column_text(trigger, tuple, "title");
	char	   *artist = column_text(trigger, tuple, "artist");
	char	   *album = column_text(trigger, tuple, "album");
	int			columns[4];
	Datum		values[4];
	bool		nulls[4] = {false, false, false, false};
	uint16		facets;
	char	   *genres;
	char	   *tags;
	char	   *artist_fold;
	char	   *title_fold;
	Datum		search;

	if (title == NULL || artist == NULL)
		return tuple;			/* the NOT NULL constraint says it better */

	title_fold = reco_text_fold(tools, title);
	artist_fold = reco_text_fold(tools, artist);
	facets = reco_facet_of_title(title_fold);
	if (album != NULL)
		facets |= reco_facet_of_title(reco_text_fold(tools, album)) &
			~(uint16) (1 << 4);	/* many a pop song is on a soundtrack album too */
	genres = joined_labels(trigger, tuple, "genres", tools, &facets);
	tags = joined_labels(trigger, tuple, "tags", tools, &facets);

	search = search_part(tools, artist_fold, 'A');
	search =
		DirectFunctionCall2(tsvector_concat, search, search_part(tools, title_fold, 'B'));
	search =
		DirectFunctionCall2(tsvector_concat, search, search_part(tools, genres, 'C'));
	search = DirectFunctionCall2(tsvector_concat, search, search_part(tools, tags, 'D'));

	columns[0] = SPI_fnumber(desc, "title_fold");
	values[0] = CStringGetTextDatum(title_fold);
	columns[1] = SPI_fnumber(desc, "dup_key");
	values[1] = Int64GetDatum(
		reco_derive_dup_key(reco_text_title_key(tools, title), artist_fold));
	columns[2] = SPI_fnumber(desc, "facets");
	values[2] = Int32GetDatum(facets);
	columns[3] = SPI_fnumber(desc, "search");
	values[3] = search;
	return heap_modify_tuple_by_cols(tuple, desc, 4, columns, values, nulls);
}

static HeapTuple
derive_artist(TriggerData *trigger, HeapTuple tuple, const RecoTextTools *tools)
{
	TupleDesc	desc = trigger->tg_relation->rd_att;
	char	   *name = column_text(trigger, tuple, "name");
	int			column = SPI_fnumber(desc, "name_fold");
	bool		null = false;
	Datum		value;

	if (name == NULL)
		return tuple;
	value = CStringGetTextDatum(reco_text_fold(tools, name));
	return heap_modify_tuple_by_cols(tuple, desc, 1, &column, &value, &null);
}

/* Returns a text column's value; NULL for NULL. */
static char *
column_text(TriggerData *trigger, HeapTuple tuple, const char *column)
{
	TupleDesc	desc = trigger->tg_relation->rd_att;
	bool		isnull;
	Datum		value = heap_getattr(tuple, SPI_fnumber(desc, column), desc, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/* Folds and joins the elements of a text[] column, and collects their facets. */
static char *
joined_labels(TriggerData *trigger, HeapTuple tuple, const char *column,
			  const RecoTextTools *tools, uint16 *facets)
{
	TupleDesc	desc = trigger->tg_relation->rd_att;
	bool		isnull;
	Datum		value = heap_getattr(tuple, SPI_fnumber(desc, column), desc, &isnull);
	StringInfoData joined;
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	initStringInfo(&joined);
	if (isnull)
		return joined.data;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, &n);
	for (int i = 0; i < n && joined.len < MAX_SEARCH_BYTES; i++)
	{
		char	   *fold;

		if (nulls[i])
			continue;
		fold = reco_text_fold(tools, TextDatumGetCString(elements[i]));
		*facets |= reco_facet_of_label(fold);
		appendStringInfo(&joined, "%s%s", joined.len ? " " : "", fold);
	}
	return joined.data;
}

/* Makes one weighted part of the search vector. */
static Datum
search_part(const RecoTextTools *tools, const char *text, char weight)
{
	int			len = pg_mbcliplen(text, strlen(text), MAX_SEARCH_BYTES);
	Datum		vector;

	vector = DirectFunctionCall2(to_tsvector_byid, ObjectIdGetDatum(tools->config),
								 PointerGetDatum(cstring_to_text_with_len(text, len)));
	return DirectFunctionCall2(tsvector_setweight, vector, CharGetDatum(weight));
}
