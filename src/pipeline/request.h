/*-------------------------------------------------------------------------
 *
 * request.h
 *	  One question of one listener.
 *
 * Purpose: arguments and options, checked, as the pipeline takes them.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	hold a value that was not checked.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_REQUEST_H
#define RECO_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "rank.h"

#define RECO_MAX_SIZE		100
#define RECO_MAX_RANKED		2000000

typedef struct RecoRequest
{
	const char *user_id;		/* "" = anonymous */
	const char *prompt;
	int			size;			/* 1..RECO_MAX_SIZE */
	int			deadline_ms;	/* 0 = what is at hand */
	int			ranked;			/* > 0: rank this many, deliver none */
	int			priority;		/* towards services: a RecoPriority; 0 = somebody waits */
	bool		ahead;			/* nobody asked: the record is none of a habit */
	int			most_calls;		/* of services, all together; 0 = as usual */
	int64_t		keep_until;		/* it stays fresh until then; 0 = as usual */

	/* is told each stage that begins, a RecoStage; NULL = nobody wants to know */
	void		(*progress)(void *arg, int stage);
	void	   *progress_arg;

	/* options, and the document that they are from: a Jsonb; NULL = none */
	const void *options;
	int64_t		seed;			/* 0 = the plain list; others vary it */
	bool		by_score;		/* order by score, not by arc */
	bool		strategies[RECO_NSTRATEGIES];
	int			nnegative;
	const char **negative_tracks;	/* ids */
	int			nexclude;
	const char **exclude_artists;	/* ids or names */
	int			ninclude;
	const char **include_artists;
	float		familiarity;	/* 0 = known .. 1 = adventurous; .5 = no wish */
	int			repeat_days;	/* 0 = off */
	int			era_from;		/* years; 0 = not said */
	int			era_to;
	int			min_popularity; /* -1 = not said */
	int			max_popularity;
} RecoRequest;

#endif							/* RECO_REQUEST_H */
