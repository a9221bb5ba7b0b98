/*-------------------------------------------------------------------------
 *
 * events.c
 *	  reco_listen, reco_feedback: what a listener did.
 *
 * Purpose: check arguments, write one row.
 * Runs in: a backend, in a transaction that may write.
 * Locks:	row locks.
 * Never:	write for nobody.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "options.h"
#include "store/listener.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(reco_listen);
PG_FUNCTION_INFO_V1(reco_feedback);

/* A track's id as an argument. */
static char *
track_argument(FunctionCallInfo fcinfo, int nth)
{
	char	   *track_id = reco_argument_text(fcinfo, nth, "track_id");

	if (track_id[0] == '\0' || strlen(track_id) > RECO_MAX_ID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("track_id must have between 1 and %d bytes", RECO_MAX_ID),
				 errhint("Use the track_id of a generated row, or of the catalogue.")));
	return track_id;
}

/* Writes that a listener played a track. */
Datum
reco_listen(PG_FUNCTION_ARGS)
{
	char	   *user_id = reco_argument_user(fcinfo, 0, false);
	char	   *track_id = track_argument(fcinfo, 1);
	TimestampTz at = PG_ARGISNULL(2) ? GetCurrentTransactionStartTimestamp()
									 : PG_GETARG_TIMESTAMPTZ(2);

	if (TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the time of a listen must be finite"),
				 errhint("Leave out \"at\" for now.")));
	reco_require_writable("reco_listen()");
	PG_RETURN_INT64(reco_listener_play(user_id, track_id, at));
}

/* Writes that a listener judged a track. */
Datum
reco_feedback(PG_FUNCTION_ARGS)
{
	static const char *const events[] = {"like", "dislike", "skip", "save", "clear"};
	char	   *user_id = reco_argument_user(fcinfo, 0, false);
	char	   *track_id = track_argument(fcinfo, 1);
	char	   *event = reco_argument_text(fcinfo, 2, "event");
	int			i = 0;

	while (i < lengthof(events) && strcmp(event, events[i]) != 0)
		i++;
	if (i == lengthof(events))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized event \"%s\"", event),
				 errhint("Events are like, save, skip, dislike, and clear, which takes "
						 "earlier ones back.")));
	reco_require_writable("reco_feedback()");
	PG_RETURN_INT64(reco_listener_judge(user_id, track_id, event));
}
