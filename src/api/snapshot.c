/*-------------------------------------------------------------------------
 *
 * snapshot.c
 *	  The trigger that keeps denials made by hand.
 *
 * Purpose: what somebody denied or allowed must hold after a crash, too, so it is in the
 *			snapshot as soon as it is committed.
 * Runs in: whoever writes reco.deny_list, for rows made by hand.
 * Locks:	that of store/cache.h, which keeps the keeper from writing until the
 *			transaction ends.
 * Never:	write anything for a row that a service's answer made: that can be learned
 *			again.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "commands/trigger.h"
#include "executor/spi.h"
#include "store/snapshot.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(reco_note_denial);

Datum
reco_note_denial(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	HeapTuple	rows[2];
	TupleDesc	columns;
	int			column;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(data->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"note_denial\" must be called as a row trigger")));
	rows[0] = data->tg_trigtuple;
	rows[1] = data->tg_newtuple;
	columns = RelationGetDescr(data->tg_relation);
	column = SPI_fnumber(columns, "deny_key");
	for (int i = 0; i < lengthof(rows); i++)
	{
		char *deny_key = rows[i] == NULL || column <= 0
			? NULL
			: SPI_getvalue(rows[i], columns, column);

		if (deny_key != NULL)
			reco_snapshot_keep_denial(deny_key);
	}
	return PointerGetDatum(NULL);
}
