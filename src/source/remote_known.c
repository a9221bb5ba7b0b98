/*-------------------------------------------------------------------------
 *
 * remote_known.c
 *	  What is known here of what is asked of services.
 *
 * Purpose: answer keys from what is kept, find out which have to be asked, and tell
 *			of a question what became of its keys.
 * Runs in: any process with a database and a transaction; telling needs none.
 * Locks:	none.
 * Never:	ask a service.
 *
 *-------------------------------------------------------------------------
 */
#include "remote_parts.h"

#include "screen.h"

static void note_known(RecoRemote *remote, RecoRemoteQuestion *question,
					   const RecoScreened *screened, const bool *kept,
					   const RecoKeptAnswer *known);

/* Answers what is known, and finds out what would have to be asked. */
void
reco_remote_find(RecoRemote *remote, RecoRemoteQuestion *question, bool again)
{
	int			n = question->ndistinct;
	RecoKeptAnswer *known = palloc(sizeof(RecoKeptAnswer) * n);
	RecoScreened *screened = palloc(sizeof(RecoScreened) * n);
	bool	   *found = palloc0(sizeof(bool) * n);

	question->stale = palloc(sizeof(char *) * n);
	if (again)
	{
		memset(screened, 0, sizeof(RecoScreened) * n);
		memset(known, 0, sizeof(RecoKeptAnswer) * n);
	}
	else
	{
		reco_screen_lists(&question->kept, question->keys, n, screened);
		reco_kept_find(&question->kept, question->keys, n, known);
		for (int i = 0; i < n; i++)
			found[i] = known[i].found;
		reco_screen_features(&question->kept, question->keys, n, known);
		note_known(remote, question, screened, found, known);
	}
	for (int i = 0; i < n; i++)
	{
		RecoRemoteValue *value = &question->values[i];

		if (screened[i].outcome != RECO_OUTCOME_FRESH)
		{
			value->outcome = screened[i].outcome;
			value->origin = RECO_ORIGIN_CACHED;
			value->message = screened[i].reason;
			value->retry_at =
				value->outcome == RECO_OUTCOME_DENIED ? RECO_REMOTE_NEVER : 0;
			continue;
		}
		if (!known[i].found)
		{
			value->outcome = RECO_OUTCOME_TIMEOUT;
			value->unasked = true;
			question->asked[question->nasked++] = i;
			continue;
		}
		value->outcome = known[i].absent ? RECO_OUTCOME_ABSENT : RECO_OUTCOME_FRESH;
		value->origin = known[i].origin;
		if (!known[i].absent)
			value->json = reco_remote_server_text(known[i].value, known[i].len);
		if (known[i].origin == RECO_ORIGIN_STALE && !known[i].last)
			question->stale[question->nstale++] = question->keys[i];
	}
	pfree(known);
	pfree(found);
	pfree(screened);
}

/* Begins to tell of a question, if that was not done before, and of keys to be sent. */
void
reco_remote_begin_trace(RecoRemote *remote, RecoRemoteQuestion *question, int keys)
{
	if (question->trace < 0)
		question->trace = reco_traces_put(remote->traces, question->server->name,
										  question->kept.operation);
	if (keys > 0)
		reco_traces_sent(remote->traces, question->trace, keys);
}

/* Tells what a range of keys came to. */
void
reco_remote_end_trace(RecoRemote *remote, const RecoRemoteQuestion *question, int first,
					  int nkeys)
{
	for (int i = first; i < first + nkeys; i++)
	{
		const RecoRemoteValue *value = &question->values[question->asked[i]];

		reco_traces_answer(remote->traces, question->trace, value->outcome, value->json,
						   &question->server->options);
	}
	reco_traces_end(remote->traces, question->trace);
}

/*
 * Counts the keys of a question that are known here: 'kept' were found in the buffer or a
 * table, and 'known' are, or are missing.
 */
static void
note_known(RecoRemote *remote, RecoRemoteQuestion *question, const RecoScreened *screened,
		   const bool *kept, const RecoKeptAnswer *known)
{
	RecoCallTrace *trace;
	int			nkept = 0;
	int			missing = 0;
	int			denied = 0;

	for (int i = 0; i < question->ndistinct; i++)
	{
		bool		open = screened[i].outcome == RECO_OUTCOME_FRESH;

		denied += screened[i].outcome == RECO_OUTCOME_DENIED;
		nkept += open && kept[i];
		missing += screened[i].outcome == RECO_OUTCOME_ABSENT ||
			(open && known[i].found && !kept[i]);
	}
	if (nkept + missing + denied == 0)
		return;
	reco_remote_begin_trace(remote, question, 0);
	trace = reco_traces_at(remote->traces, question->trace);
	if (trace == NULL)
		return;
	trace->kept = nkept;
	trace->missing = missing;
	trace->denied = denied;
	trace->keys += nkept + missing + denied;
}
