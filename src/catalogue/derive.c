/*-------------------------------------------------------------------------
 *
 * derive.c
 *	  Triggers that fill the derived columns of reco.track and reco.artist.
 *
 * Purpose: whoever writes a track (import, a service's answer, a DBA's INSERT or
 *			COPY), its folded title, duplicate key, facets and search vector are
 *			right; so indexes stand on stored columns, not on expressions. And a row
 *			that a service told is whose who changes it.
 * Runs in: a backend that writes the catalogue.
 * Locks:	none.
 * Never:	do SQL; it runs once per row. Derive one artist, album or set of labels
 *			again for every row of a statement: parts are remembered.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "claim.h"
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
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#define MAX_SEARCH_BYTES	4096	/* of one field, in the search vector */
#define MAX_PARTS			4096	/* remembered at once */
#define MAX_PART_BYTES		1024	/* of a column's value that is remembered */

/* Columns that a track is derived from, and those that are derived. */
typedef enum Column
{
	TRACK_TITLE,
	TRACK_ARTIST,
	TRACK_ALBUM,
	TRACK_GENRES,
	TRACK_TAGS,
	TRACK_TITLE_FOLD,
	TRACK_DUP_KEY,
	TRACK_FACETS,
	TRACK_SEARCH,
	NCOLUMNS
} Column;

#define FIRST_DERIVED TRACK_TITLE_FOLD

static const char *const column_names[NCOLUMNS] = {
	"title",	  "artist",	 "album",  "genres", "tags",
	"title_fold", "dup_key", "facets", "search"};

/* What follows from the value of one column. */
typedef struct Part
{
	uint64		hash;			/* of column and value */
	Column		column;
	int			len;
	char	   *value;			/* compared: a hash is no proof */
	char	   *fold;
	uint16		facets;
	TSVector	search;			/* NULL for an album */
} Part;

/* What the rows of one statement share. */
typedef struct Shared
{
	RecoTextTools tools;
	bool		is_track;
	int			columns[NCOLUMNS];
	MemoryContext context;		/* of the parts */
	HTAB	   *parts;			/* by hash; NULL = none yet */
} Shared;

static Shared *share(TriggerData *trigger, FmgrInfo *call);
static HeapTuple derive_track(TriggerData *trigger, HeapTuple tuple, Shared *shared);
static HeapTuple derive_artist(TriggerData *trigger, HeapTuple tuple,
							   const RecoTextTools *tools);
static const Part *part_of(Shared *shared, Column column, Datum value);
static Part *recall(Shared *shared, Column column, const char *value, int len);
static void make_part(const RecoTextTools *tools, Column column, Datum value, Part *part);
static char *joined_labels(const RecoTextTools *tools, Datum labels, uint16 *facets);
static TSVector search_part(const RecoTextTools *tools, const char *text, char weight);
static TSVector join_parts(TSVector left, TSVector right);

/* Fills the derived columns of the row that is about to be written. */
Datum
reco_derive_row(TriggerData *trigger, FmgrInfo *call)
{
	Shared	   *shared = call->fn_extra;
	HeapTuple	tuple = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple
																 : trigger->tg_trigtuple;

	if (shared == NULL)
		shared = share(trigger, call);
	tuple = reco_claim_row(trigger, tuple);
	return PointerGetDatum(shared->is_track
							   ? derive_track(trigger, tuple, shared)
							   : derive_artist(trigger, tuple, &shared->tools));
}

/* The duplicate key: the title's hash above, the artist's below. */
int64
reco_derive_dup_key(const char *title_key, const char *artist_fold)
{
	uint32		high = hash_bytes((const unsigned char *) title_key, strlen(title_key));
	uint32 low = hash_bytes((const unsigned char *) artist_fold, strlen(artist_fold));

	return (int64) (((uint64) high << 32) | low);
}

/* Prepares what the rows of one statement share. */
static Shared *
share(TriggerData *trigger, FmgrInfo *call)
{
	TupleDesc	desc = trigger->tg_relation->rd_att;
	Shared	   *shared = MemoryContextAllocZero(call->fn_mcxt, sizeof(Shared));

	reco_text_open(&shared->tools);
	shared->is_track = SPI_fnumber(desc, "title") > 0;
	for (int i = 0; shared->is_track && i < NCOLUMNS; i++)
		shared->columns[i] = SPI_fnumber(desc, column_names[i]);
	shared->context = AllocSetContextCreate(call->fn_mcxt, "reco derived parts",
											ALLOCSET_DEFAULT_SIZES);
	call->fn_extra = shared;
	return shared;
}

static HeapTuple
derive_track(TriggerData *trigger, HeapTuple tuple, Shared *shared)
{
	TupleDesc	desc = trigger->tg_relation->rd_att;
	Datum		values[NCOLUMNS];
	bool		nulls[NCOLUMNS] = {false};
	const Part *artist;
	TSVector	search;
	uint16		facets;
	char	   *title;
	char	   *title_fold;

	for (int i = 0; i < FIRST_DERIVED; i++)
		values[i] = heap_getattr(tuple, shared->columns[i], desc, &nulls[i]);
	if (nulls[TRACK_TITLE] || nulls[TRACK_ARTIST])
		return tuple;			/* the NOT NULL constraint says it better */

	/* here only, as parts of this row are in use until its end */
	if (shared->parts != NULL && hash_get_num_entries(shared->parts) >= MAX_PARTS)
	{
		MemoryContextReset(shared->context);	/* the table is in it */
		shared->parts = NULL;
	}

	title = TextDatumGetCString(values[TRACK_TITLE]);
	title_fold = reco_text_fold(&shared->tools, title);
	facets = reco_facet_of_title(title_fold);
	if (!nulls[TRACK_ALBUM])
		facets |= part_of(shared, TRACK_ALBUM, values[TRACK_ALBUM])->facets;

	artist = part_of(shared, TRACK_ARTIST, values[TRACK_ARTIST]);
	search = join_parts(artist->search, search_part(&shared->tools, title_fold, 'B'));
	values[TRACK_DUP_KEY] = Int64GetDatum(
		reco_derive_dup_key(reco_text_title_key(&shared->tools, title), artist->fold));

	for (int i = TRACK_GENRES; i <= TRACK_TAGS; i++)
	{
		const Part *labels;

		if (nulls[i])
			continue;
		labels = part_of(shared, i, values[i]);
		facets |= labels->facets;
		search = join_parts(search, labels->search);
	}
	values[TRACK_TITLE_FOLD] = CStringGetTextDatum(title_fold);
	values[TRACK_FACETS] = Int32GetDatum(facets);
	values[TRACK_SEARCH] = TSVectorGetDatum(search);
	return heap_modify_tuple_by_cols(tuple, desc, NCOLUMNS - FIRST_DERIVED,
									 shared->columns + FIRST_DERIVED,
									 values + FIRST_DERIVED, nulls + FIRST_DERIVED);
}

static HeapTuple
derive_artist(TriggerData *trigger, HeapTuple tuple, const RecoTextTools *tools)
{
	TupleDesc	desc = trigger->tg_relation->rd_att;
	int			column = SPI_fnumber(desc, "name_fold");
	bool		isnull;
	Datum		value = heap_getattr(tuple, SPI_fnumber(desc, "name"), desc, &isnull);

	if (isnull)
		return tuple;
	value = CStringGetTextDatum(reco_text_fold(tools, TextDatumGetCString(value)));
	return heap_modify_tuple_by_cols(tuple, desc, 1, &column, &value, &isnull);
}

/* Returns what follows from a column's value; valid until the row's end. */
static const Part *
part_of(Shared *shared, Column column, Datum value)
{
	struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);
	int			len = VARSIZE_ANY_EXHDR(bytes);
	MemoryContext old;
	Part	   *part;

	if (len > MAX_PART_BYTES)
	{
		part = palloc(sizeof(Part));
		make_part(&shared->tools, column, PointerGetDatum(bytes), part);
		return part;
	}
	part = recall(shared, column, VARDATA_ANY(bytes), len);
	if (part->value == NULL)
	{
		Part		made;

		make_part(&shared->tools, column, PointerGetDatum(bytes), &made);
		old = MemoryContextSwitchTo(shared->context);
		part->facets = made.facets;
		part->fold = made.fold == NULL ? NULL : pstrdup(made.fold);
		part->search = NULL;
		if (made.search != NULL)
		{
			part->search = palloc(VARSIZE(made.search));
			memcpy(part->search, made.search, VARSIZE(made.search));
		}
		part->column = column;
		part->len = len;
		part->value = palloc(len + 1);
		memcpy(part->value, VARDATA_ANY(bytes), len);
		MemoryContextSwitchTo(old);
	}
	return part;
}

/* Finds what is remembered of a value; value = NULL when that is nothing. */
static Part *
recall(Shared *shared, Column column, const char *value, int len)
{
	uint64		hash = hash_bytes_extended((const unsigned char *) value, len, column);
	Part	   *part;
	bool		found;

	if (shared->parts == NULL)
	{
		HASHCTL		control = {0};

		control.keysize = sizeof(uint64);
		control.entrysize = sizeof(Part);
		control.hcxt = shared->context;
		shared->parts = hash_create("reco derived parts", 256, &control,
									HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	part = hash_search(shared->parts, &hash, HASH_ENTER, &found);
	if (!found || part->value == NULL || part->column != column || part->len != len ||
		memcmp(part->value, value, len) != 0)
		part->value = NULL;
	return part;
}

/* Derives what follows from a column's value. */
static void
make_part(const RecoTextTools *tools, Column column, Datum value, Part *part)
{
	part->facets = 0;
	part->fold = NULL;
	part->search = NULL;
	switch (column)
	{
		case TRACK_ARTIST:
			part->fold = reco_text_fold(tools, TextDatumGetCString(value));
			part->search = search_part(tools, part->fold, 'A');
			break;
		case TRACK_ALBUM:
			part->facets =
				reco_facet_of_title(reco_text_fold(tools, TextDatumGetCString(value))) &
				~(uint16)
					RECO_SOUNDTRACK; /* many a pop song is on a soundtrack album too */
			break;
		default:
			part->search = search_part(tools, joined_labels(tools, value, &part->facets),
									   column == TRACK_GENRES ? 'C' : 'D');
			break;
	}
}

/* Folds and joins the elements of a text[], and collects their facets. */
static char *
joined_labels(const RecoTextTools *tools, Datum labels, uint16 *facets)
{
	StringInfoData joined;
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	initStringInfo(&joined);
	deconstruct_array(DatumGetArrayTypeP(labels), TEXTOID, -1, false, TYPALIGN_INT,
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
static TSVector
search_part(const RecoTextTools *tools, const char *text, char weight)
{
	int			len = pg_mbcliplen(text, strlen(text), MAX_SEARCH_BYTES);
	Datum		vector;

	vector = DirectFunctionCall2(to_tsvector_byid, ObjectIdGetDatum(tools->config),
								 PointerGetDatum(cstring_to_text_with_len(text, len)));
	return DatumGetTSVector(
		DirectFunctionCall2(tsvector_setweight, vector, CharGetDatum(weight)));
}

/* Joins two parts of the search vector. */
static TSVector
join_parts(TSVector left, TSVector right)
{
	if (right->size == 0)
		return left;
	if (left->size == 0)
		return right;
	return DatumGetTSVector(DirectFunctionCall2(tsvector_concat, TSVectorGetDatum(left),
												TSVectorGetDatum(right)));
}
