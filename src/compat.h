/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  What differs between PostgreSQL 15 and 18, in one place.
 *
 * Purpose: the only file that looks at PG_VERSION_NUM.
 * Runs in: any process of the server.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_COMPAT_H
#define RECO_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "reco requires PostgreSQL 15 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#include "fmgr.h"

/* 18 replaced pg_attribute_noreturn() by a specifier before the declaration. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

#if PG_VERSION_NUM >= 180000
#define RECO_MODULE_MAGIC	PG_MODULE_MAGIC_EXT(.name = "reco", .version = RECO_VERSION)
#else
#define RECO_MODULE_MAGIC	PG_MODULE_MAGIC
#endif

#endif							/* RECO_COMPAT_H */
