/*-------------------------------------------------------------------------
 *
 * init.c
 *	  Entry of the library.
 *
 * Purpose: what happens when the library is loaded.
 * Runs in: any process.
 * Locks:	none.
 * Never:	need shared_preload_libraries for what a backend can do alone.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "gateway/gateway.h"
#include "guc.h"
#include "miscadmin.h"
#include "shmem/shared.h"
#include "worker/launcher.h"

RECO_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	reco_guc_define();
	if (process_shared_preload_libraries_in_progress)
	{
		reco_shared_install();
		reco_gateway_register();
		reco_launcher_register();
	}
}
