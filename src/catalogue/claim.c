/*-------------------------------------------------------------------------
 *
 * claim.c
 *	  Rows of a service that somebody changes by hand.
 *
 * Purpose: see claim.h.
 * Runs in: a backend that writes the catalogue, in the trigger of reco.track or
 *			reco.artist.
 * Locks:	none.
 * Never:	do SQL; look at more than the source of a row that no service told.
 *
 *-------------------------------------------------------------------------
 */
#include "claim.h"

#include "access/htup_details.h"
#include "change.h"
#include "executor/spi.h"
#include "reco.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/rel.h"

/* Columns that say who told what, and those that a trigger derives. */
static const char *const ignored[] = {
	"source", "fetched_at", "expires_at", "features_source", "features_fetched_at",
	"features_expires_at", "name_fold", "title_fold", "dup_key", "facets", "search",
};

static bool is_of_service(TriggerData *trigger, HeapTuple tuple, const char *column);
static void compare(TriggerData *trigger, HeapTuple tuple, bool *row, bool *features);
static bool is_ignored(const char *column);
static bool is_feature(const char *column);
static HeapTuple set(TriggerData *trigger, HeapTuple tuple, const char *const *columns,
					 int n, const char *first);

/* Makes a changed row somebody's own. */
HeapTuple
reco_claim_row(TriggerData *trigger, HeapTuple tuple)
{
	static const char *const row_columns[] = {"source", "expires_at"};
	static const char *const feature_columns[] = {
		"features_source", "features_fetched_at", "features_expires_at"};
	bool		told;
	bool		measured;
	bool		row;
	bool		features;

	if (!TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) || reco_change_is_learning())
		return tuple;
	told = is_of_service(trigger, tuple, "source");
	measured = is_of_service(trigger, tuple, "features_source");
	if (!told && !measured)
		return tuple;
	compare(trigger, tuple, &row, &features);
	if (told && row)
		tuple = set(trigger, tuple, row_columns, lengthof(row_columns), "manual");
	if (measured && features)
		tuple = set(trigger, tuple, feature_columns, lengthof(feature_columns), NULL);
	return tuple;
}

/* Does a column name a service, and did so before? */
static bool
is_of_service(TriggerData *trigger, HeapTuple tuple, const char *column)
{
	TupleDesc	desc = trigger->tg_relation->rd_att;
	int			number = SPI_fnumber(desc, column);
	char	   *is = number > 0 ? SPI_getvalue(tuple, desc, number) : NULL;
	HeapTuple	old = trigger->tg_trigtuple;
	char	   *was = is == NULL ? NULL : SPI_getvalue(old, desc, number);

	return was != NULL && strcmp(is, was) == 0 &&
		(strcmp(is, "spotify") == 0 || strcmp(is, "reccobeats") == 0);
}

/* Finds out whether the row was changed, and its features. */
static void
compare(TriggerData *trigger, HeapTuple tuple, bool *row, bool *features)
{
	TupleDesc	desc = trigger->tg_relation->rd_att;

	*row = *features = false;
	for (int i = 1; i <= desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i - 1);
		bool		null_old;
		bool		null_new;
		Datum		old;
		Datum		new;

		if (column->attisdropped || is_ignored(NameStr(column->attname)))
			continue;
		old = heap_getattr(trigger->tg_trigtuple, i, desc, &null_old);
		new = heap_getattr(tuple, i, desc, &null_new);
		if (null_old == null_new &&
			(null_old || datum_image_eq(old, new, column->attbyval, column->attlen)))
			continue;
		if (is_feature(NameStr(column->attname)))
			*features = true;
		else
			*row = true;
	}
}

static bool
is_ignored(const char *column)
{
	for (int i = 0; i < lengthof(ignored); i++)
		if (strcmp(ignored[i], column) == 0)
			return true;
	return false;
}

static bool
is_feature(const char *column)
{
	int			feature = reco_feature_of(column);

	return strcmp(column, "features") == 0 ||
		(feature >= 0 && feature != RECO_POPULARITY && feature != RECO_YEAR);
}

/* Sets columns: the first one to a text, the others to NULL. */
static HeapTuple
set(TriggerData *trigger, HeapTuple tuple, const char *const *columns, int n,
	const char *first)
{
	TupleDesc	desc = trigger->tg_relation->rd_att;
	int			numbers[3];
	Datum		values[3] = {0};
	bool		nulls[3] = {true, true, true};

	for (int i = 0; i < n; i++)
		numbers[i] = SPI_fnumber(desc, columns[i]);
	if (first != NULL)
	{
		values[0] = CStringGetTextDatum(first);
		nulls[0] = false;
	}
	return heap_modify_tuple_by_cols(tuple, desc, n, numbers, values, nulls);
}
