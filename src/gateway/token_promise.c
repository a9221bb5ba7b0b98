/*-------------------------------------------------------------------------
 *
 * token_promise.c
 *	  Listeners' new refresh tokens on their way to the keeper, and listeners who leave.
 *
 * Purpose: promise what a service put in the place of a token (shmem/promise.h); forget
 *			whoever disconnected; say what is lost.
 * Runs in: the gateway.
 * Locks:	that of promise.h, for moments.
 * Never:	let a token go for which there was no room.
 *
 *-------------------------------------------------------------------------
 */
#include "parts.h"

#include "shmem/promise.h"

/*
 * Puts a new refresh token where the keeper finds it; without room it is tried again. One
 * that is too long lives as long as this process.
 */
void
reco_token_promise(RecoTokenHolder *holder)
{
	RecoPromiseKey key = {
		.database = holder->database,
		.extension = holder->extension,
		.server = holder->server,
		.user_id = holder->user_id,
		.consent = holder->consent
	};

	holder->unpromised = false;
	if (holder->user_id == NULL || holder->consent == 0 || holder->rotated == NULL)
		return;
	switch (reco_promise_put(&key, holder->rotated))
	{
		case RECO_PROMISE_MADE:
			break;
		case RECO_PROMISE_NO_ROOM:
			holder->unpromised = true;
			break;
		case RECO_PROMISE_TOO_LONG:
			reco_lane_note_error(holder->lane,
								 "a listener's new refresh token is too long to be kept");
			break;
	}
}

/* Forgets the listeners who are to be forgotten, with whatever waits for them. */
void
reco_token_forget_gone(void)
{
	RecoForgotten gone;

	while (reco_promises_next_forgotten(&gone))
		for (int i = 0; i < reco_shared->nlanes; i++)
		{
			RecoGatewayLane *lane = &reco_gateway_lanes[i];
			dlist_mutable_iter iter;

			if (lane->key == 0)
				continue;
			dlist_foreach_modify(iter, &lane->listeners)
			{
				RecoTokenHolder *holder =
					dlist_container(RecoTokenHolder, node, iter.cur);

				if (OidIsValid(gone.database) && holder->database != gone.database)
					continue;
				if ((gone.server[0] != '\0' &&
					 strcmp(holder->server, gone.server) != 0) ||
					(gone.user_id[0] != '\0' &&
					 strcmp(holder->user_id, gone.user_id) != 0))
					continue;

				/* all were too many to be named: what would be lost stays */
				if (!OidIsValid(gone.database) && holder->unpromised)
					continue;
				reco_token_wipe(holder);
				if (holder->trips > 0)
					continue;	/* a call is under way: an empty holder is left */
				dlist_delete(&holder->node);
				lane->nlisteners--;
				reco_token_drop(holder);
				free(holder);
			}
		}
}

/* Says what is lost with this process. */
void
reco_token_report(void)
{
	int			lost = 0;
	dlist_iter	iter;

	for (int i = 0; i < reco_shared->nlanes; i++)
		if (reco_gateway_lanes[i].key != 0)
			dlist_foreach(iter, &reco_gateway_lanes[i].listeners)
			{
				RecoTokenHolder *holder =
					dlist_container(RecoTokenHolder, node, iter.cur);

				if (holder->unpromised)
					reco_token_promise(holder);
				lost += holder->unpromised;
			}
	if (lost > 0)
		ereport(LOG,
				(errmsg("reco gateway: %d listeners must connect again", lost),
				 errdetail("Their new refresh tokens could not be kept: no keeper has "
						   "written those that came before.")));
}
