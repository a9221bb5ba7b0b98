/*-------------------------------------------------------------------------
 *
 * popular.c
 *	  reco_warm_popular_moods, and triggers of reco.popular_mood.
 *
 * Purpose: queue what is to be made ready; tell at commit that there are other moods.
 * Runs in: a backend.
 * Locks:	those of store/job.h and store/popular.h.
 * Never:	make anything here: a job worker does.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "commands/trigger.h"
#include "executor/spi.h"
#include "guc.h"
#include "miscadmin.h"
#include "options.h"
#include "pipeline/popular_queue.h"
#include "store/stale.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(reco_warm_popular_moods);
PG_FUNCTION_INFO_V1(reco_note_popular_moods);
PG_FUNCTION_INFO_V1(reco_note_popular_role);

static bool warm(const char *prompt, bool asked, const int64 *hours);

/* Queues jobs for moods, and says how many. */
Datum
reco_warm_popular_moods(PG_FUNCTION_ARGS)
{
	char	   *prompt = PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			most = PG_ARGISNULL(1) ? PG_INT32_MAX : PG_GETARG_INT32(1);
	int64		hours[RECO_POPULAR_HOURS];
	RecoPopularRow *rows;
	bool		found = false;
	int			n;
	int			queued = 0;

	if (most < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("most must not be negative"),
				 errhint("Leave it out for all popular moods.")));
	reco_require_writable("reco_warm_popular_moods");
	reco_require_job_workers("reco_warm_popular_moods");
	if (reco_guc_popular_moods == 0)
		PG_RETURN_INT32(0);
	reco_popular_hours(hours);
	rows = reco_popular_list(reco_guc_popular_moods, &n);
	for (int i = 0; i < n && queued < most; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (prompt != NULL && strcmp(prompt, rows[i].prompt) != 0)
			continue;
		found = true;
		queued += warm(rows[i].prompt, prompt != NULL, hours);
	}
	if (prompt != NULL && !found && most > 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("\"%s\" is no popular mood", prompt),
				 errdetail("The first %d of reco.popular_mood are kept ready.",
						   reco_guc_popular_moods),
				 errhint("Insert it into reco.popular_mood, or set its \"pinned\".")));
	PG_RETURN_INT32(queued);
}

/* Queues the job of a mood, if it is due or asked for; from now on it is this role's. */
static bool
warm(const char *prompt, bool asked, const int64 *hours)
{
	RecoPopularState state;

	reco_popular_look(prompt, &state);
	if (state.names && asked)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" names an artist or a track, so it is no mood", prompt),
				 errhint("Delete it from reco.popular_mood.")));
	if (state.names)
		return false;
	reco_popular_note_role(prompt);
	if (!asked && state.found && reco_popular_due(&state, hours) > GetCurrentTimestamp())
		return false;
	return reco_popular_queue(prompt, state.digest);
}

/* Says that there are other moods now, when it is committed. */
Datum
reco_note_popular_moods(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("reco.note_popular_moods() must be called as a trigger"),
				 errhint("It belongs to table reco.popular_mood.")));
	reco_stale_listener(RECO_POPULAR_NOBODY, true);
	return PointerGetDatum(NULL);
}

/*
 * Jobs run with the rights of the role that a row names: so whoever writes it by hand
 * must be a member of that. reco_warm_popular_moods names the role that calls it.
 */
Datum
reco_note_popular_role(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	HeapTuple	row;
	char	   *name;
	Oid			role;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		!TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("reco.note_popular_role() must be called as a trigger"),
				 errhint("It belongs to table reco.popular_mood.")));
	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple
													 : trigger->tg_trigtuple;
	name = SPI_getvalue(row, RelationGetDescr(trigger->tg_relation),
						SPI_fnumber(RelationGetDescr(trigger->tg_relation), "warmed_as"));
	if (name == NULL || superuser() || reco_popular_is_noting_role())
		return PointerGetDatum(row);
	role = get_role_oid(name, true);
	if (!OidIsValid(role) || !is_member_of_role(GetUserId(), role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be a member of role \"%s\" to name it in warmed_as", name),
				 errhint("Set warmed_as to NULL, or call reco_warm_popular_moods() as that "
						 "role.")));
	return PointerGetDatum(row);
}
