/*-------------------------------------------------------------------------
 *
 * internal.c
 *	  Functions of schema reco: ids, folding, triggers; and learning.
 *
 * Purpose: give the tables' defaults and triggers their entry points.
 * Runs in: a backend.
 * Locks:	those of the rooms below.
 * Never:	hold logic.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalogue/change.h"
#include "catalogue/derive.h"
#include "catalogue/lexicon.h"
#include "catalogue/text.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "source/remote.h"
#include "store/id.h"
#include "store/stale.h"
#include "options.h"
#include "pipeline/result_prompt.h"
#include "utils/builtins.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(reco_new_id);
PG_FUNCTION_INFO_V1(reco_fold);
PG_FUNCTION_INFO_V1(reco_derive);
PG_FUNCTION_INFO_V1(reco_derive_term);
PG_FUNCTION_INFO_V1(reco_note_change);
PG_FUNCTION_INFO_V1(reco_learn_moods);
PG_FUNCTION_INFO_V1(reco_note_listener);
PG_FUNCTION_INFO_V1(reco_prompt_key);

Datum
reco_new_id(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(reco_id_new());
}

Datum
reco_fold(PG_FUNCTION_ARGS)
{
	RecoTextTools tools;

	reco_text_open(&tools);
	PG_RETURN_TEXT_P(
		cstring_to_text(reco_text_fold(&tools, text_to_cstring(PG_GETARG_TEXT_PP(0)))));
}

/* Returns the call's trigger data; ERROR when it is not called as a trigger. */
static TriggerData *
trigger_of(FunctionCallInfo fcinfo, const char *name)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be called as a trigger", name)));
	return (TriggerData *) fcinfo->context;
}

Datum
reco_derive(PG_FUNCTION_ARGS)
{
	return reco_derive_row(trigger_of(fcinfo, "derive"), fcinfo->flinfo);
}

Datum
reco_derive_term(PG_FUNCTION_ARGS)
{
	return reco_lexicon_derive_row(trigger_of(fcinfo, "derive_term"));
}

Datum
reco_note_change(PG_FUNCTION_ARGS)
{
	const Trigger *trigger = trigger_of(fcinfo, "note_change")->tg_trigger;

	reco_change_note(trigger->tgnargs > 0 ? trigger->tgargs[0] : "catalogue");
	return PointerGetDatum(NULL);
}

/* Notes whose results a row that was written concerns; TRUNCATE: everybody's. */
Datum
reco_note_listener(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_of(fcinfo, "note_listener");
	bool gone =
		data->tg_trigger->tgnargs > 0 && strcmp(data->tg_trigger->tgargs[0], "gone") == 0;
	HeapTuple	rows[2] = {data->tg_trigtuple, data->tg_newtuple};
	int			column = SPI_fnumber(RelationGetDescr(data->tg_relation), "user_id");

	if (TRIGGER_FIRED_FOR_STATEMENT(data->tg_event))
	{
		reco_stale_all();
		return PointerGetDatum(NULL);
	}
	for (int i = 0; i < lengthof(rows); i++)
	{
		char	   *user_id = rows[i] == NULL || column <= 0
			? NULL
			: SPI_getvalue(rows[i], RelationGetDescr(data->tg_relation), column);

		if (user_id != NULL)
			reco_stale_listener(user_id, gone);
	}
	return PointerGetDatum(NULL);
}

/* Rebuilds the learned part of the lexicon; returns how many terms it has. */
Datum
reco_learn_moods(PG_FUNCTION_ARGS)
{
	reco_require_writable("reco_learn_moods()");
	PG_RETURN_INT64(reco_lexicon_learn_terms());
}

/* Shows what of a prompt tells its result from others. */
Datum
reco_prompt_key(PG_FUNCTION_ARGS)
{
	RecoResultReading *reading = reco_result_read(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	size_t		len = reco_result_prompt(reading, NULL, 0);
	char	   *text = palloc(len + 1);

	(void) reco_result_prompt(reading, text, len + 1);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(text, (int) len));
}
