/*-------------------------------------------------------------------------
 *
 * history.c
 *	  What a listener played and judged, read in two ways.
 *
 * Purpose: driver_history_differs(user) says in what reco_listener_brief and
 *			reco_listener_tracks differ; NULL where they tell the same.
 * Runs in: a backend.
 * Locks:	none.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "fmgr.h"
#include "store/listener.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(driver_history_differs);

static char *
told(const RecoListened *track)
{
	return psprintf("%s: %d plays, last " INT64_FORMAT "%s%s", track->track_id,
					track->plays, track->last_played, track->liked ? ", liked" : "",
					track->skipped ? ", skipped" : "");
}

/* Compares them, in their order. */
Datum
driver_history_differs(PG_FUNCTION_ARGS)
{
	const char *user_id = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			nbrief;
	int			nall;
	RecoListened *brief = reco_listener_brief(user_id, &nbrief);
	RecoListened *all = reco_listener_tracks(user_id, DT_NOEND, &nall);

	for (int i = 0; i < Min(nbrief, nall); i++)
		if (strcmp(told(&brief[i]), told(&all[i])) != 0)
			PG_RETURN_TEXT_P(cstring_to_text(
				psprintf("%d: %s; but %s", i, told(&brief[i]), told(&all[i]))));
	if (nbrief != nall)
		PG_RETURN_TEXT_P(cstring_to_text(psprintf("%d tracks; but %d", nbrief, nall)));
	PG_RETURN_NULL();
}
