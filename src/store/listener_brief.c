/*-------------------------------------------------------------------------
 *
 * listener_brief.c
 *	  What listeners played and judged, in a hurry.
 *
 * Purpose: see listener.h. Plays and judgements come from their indexes, one by one, and
 *			are put together here: that is a third of what it costs the executor.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of its SELECT.
 * Never:	tell anything else than reco_listener_tracks does.
 *
 *-------------------------------------------------------------------------
 */
#include "listener.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "patience.h"
#include "sql.h"
#include "utils/builtins.h"

#define LIKE_PLAYS		3		/* a liked track counts as so many more plays */

/* A play, or a judgement. */
typedef struct Event
{
	const char *track_id;
	char		event;			/* 0 = a play; liked, skipped, or cleared */
	TimestampTz at;
	int64		id;				/* of a judgement */
} Event;

static RecoStatement events_statement = {
	.text = "SELECT track_id, '' AS event, at, 0::bigint FROM"
	" (SELECT track_id, at FROM reco.listen WHERE user_id = $1 ORDER BY at DESC LIMIT 1000) AS l"
	" UNION ALL SELECT track_id, event, at, feedback_id FROM reco.feedback WHERE user_id = $1",
	.nargs = 1,
	.types = {TEXTOID},
};

static int	by_track(const void *a, const void *b);
static int	by_love(const void *a, const void *b);
static char letter_of(const char *event);

/* Reads what a listener played and judged. */
RecoListened *
reco_listener_brief(const char *user_id, int *nfound)
{
	Datum		argument = CStringGetTextDatum(user_id);
	RecoListened *tracks;
	Event	   *events;
	int			n;
	RecoSql		sql;

	*nfound = 0;
	if (!reco_patience_lock(RECO_READS(LISTEN) | RECO_READS(FEEDBACK)))
		return NULL;
	reco_sql_begin(&sql);
	reco_sql_run(&events_statement, &argument, NULL, true, 0);
	n = (int) SPI_processed;
	events = MemoryContextAlloc(sql.caller, sizeof(Event) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		Datum		values[4];
		bool		nulls[4];
		text	   *id;
		char	   *copy;

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
		id = DatumGetTextPP(values[0]);
		copy = MemoryContextAlloc(sql.caller, VARSIZE_ANY_EXHDR(id) + 1);
		memcpy(copy, VARDATA_ANY(id), VARSIZE_ANY_EXHDR(id));
		copy[VARSIZE_ANY_EXHDR(id)] = '\0';
		events[i].track_id = copy;
		events[i].event = letter_of(TextDatumGetCString(values[1]));
		events[i].at = DatumGetTimestampTz(values[2]);
		events[i].id = DatumGetInt64(values[3]);
	}
	reco_sql_end(&sql);
	qsort(events, n, sizeof(Event), by_track);
	tracks = palloc0(sizeof(RecoListened) * Max(n, 1));
	for (int i = 0; i < n;)
	{
		RecoListened *track = &tracks[*nfound];
		char		judged = events[i].event;

		memset(track, 0, sizeof(*track));
		track->track_id = events[i].track_id;
		track->liked = judged == 'l';
		track->skipped = judged == 's';
		for (; i < n && strcmp(events[i].track_id, track->track_id) == 0; i++)
			if (events[i].event == '\0')
			{
				track->plays++;
				track->last_played = Max(track->last_played, events[i].at);
			}
		*nfound += track->plays > 0 || track->liked || track->skipped;
	}
	qsort(tracks, *nfound, sizeof(RecoListened), by_love);
	return tracks;
}

/* What a judgement comes to. */
static char
letter_of(const char *event)
{
	if (event[0] == '\0')
		return '\0';
	if (strcmp(event, "like") == 0 || strcmp(event, "save") == 0)
		return 'l';
	return strcmp(event, "clear") == 0 ? 'c' : 's';
}

/* By track; the latest judgement comes first, then all else. */
static int
by_track(const void *a, const void *b)
{
	const Event *x = a;
	const Event *y = b;
	int			order = strcmp(x->track_id, y->track_id);

	if (order != 0)
		return order;
	if ((x->event == '\0') != (y->event == '\0'))
		return x->event == '\0' ? 1 : -1;
	if (x->at != y->at)
		return x->at > y->at ? -1 : 1;
	return x->id != y->id ? (x->id > y->id ? -1 : 1) : 0;
}

/* Most loved first, then what was played last, then by id. */
static int
by_love(const void *a, const void *b)
{
	const RecoListened *x = a;
	const RecoListened *y = b;
	int			more = (y->plays + (y->liked ? LIKE_PLAYS : 0)) -
		(x->plays + (x->liked ? LIKE_PLAYS : 0));

	if (more != 0)
		return more;
	if (x->last_played != y->last_played)
		return x->last_played == 0 ||
				(y->last_played != 0 && x->last_played < y->last_played)
			? 1
			: -1;
	return strcmp(x->track_id, y->track_id);
}
