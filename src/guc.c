/*-------------------------------------------------------------------------
 *
 * guc.c
 *	  The settings reco.*.
 *
 * Purpose: define each setting with its unit and bounds.
 * Runs in: any process that loads the library.
 * Locks:	none.
 * Never:	define a setting that nothing obeys.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <limits.h>

#include "guc.h"
#include "utils/guc.h"

int			reco_guc_deadline = 8000;
int			reco_guc_node_id = 0;
int			reco_guc_repeat_days = 0;

/* Defines the settings and reserves the prefix. */
void
reco_guc_define(void)
{
	DefineCustomIntVariable(
		"reco.deadline", "Sets how long a generation may take.",
		"The best list that is ready by then is returned. "
		"The argument \"deadline\" of a call overrides it; 0 asks for what is at hand.",
		&reco_guc_deadline, 8000, 0, 3600 * 1000, PGC_USERSET, GUC_UNIT_MS, NULL, NULL,
		NULL);

	DefineCustomIntVariable("reco.node_id",
							"Sets the number of this node in the ids that reco makes.",
							"Give each node of a spread-out installation its own.",
							&reco_guc_node_id, 0, 0, 255, PGC_SIGHUP, 0, NULL, NULL,
							NULL);

	DefineCustomIntVariable(
		"reco.repeat_days",
		"Sets for how many days a track that the listener played is not given again.",
		"0 turns it off. The option \"repeat_days\" of a call overrides it.",
		&reco_guc_repeat_days, 0, 0, 3650, PGC_USERSET, 0, NULL, NULL, NULL);

	MarkGUCPrefixReserved("reco");
}
