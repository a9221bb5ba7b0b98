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
#include "utils/wait_event.h"

/* 18 replaced pg_attribute_noreturn() by a specifier before the declaration. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

#if PG_VERSION_NUM >= 180000
#define RECO_MODULE_MAGIC	PG_MODULE_MAGIC_EXT(.name = "reco", .version = RECO_VERSION)
#else
#define RECO_MODULE_MAGIC	PG_MODULE_MAGIC
#endif

/* This process among all, as others find its latch by. Needs storage/proc.h. */
#if PG_VERSION_NUM >= 170000
#define RECO_MY_PROC_NUMBER MyProcNumber
#else
#define RECO_MY_PROC_NUMBER (MyProc->pgprocno)
#endif

/*
 * What pg_stat_activity says that a process waits for. Since 17 a wait has a name;
 * its number is asked for once and kept in '*cached', which begins as 0. Takes a lock
 * the first time, so not from where that must not be.
 */
static inline uint32
reco_wait_event(uint32 *cached, const char *name)
{
#if PG_VERSION_NUM >= 170000
	if (*cached == 0)
		*cached = WaitEventExtensionNew(name);
	return *cached;
#else
	return PG_WAIT_EXTENSION;
#endif
}

/*
 * A set of events to wait for that lives as long as the process. Since 17 a resource
 * owner can have one; none has this. Needs storage/latch.h and utils/memutils.h.
 */
#if PG_VERSION_NUM >= 170000
#define RECO_CREATE_WAIT_EVENT_SET(nevents) CreateWaitEventSet(NULL, nevents)
#else
#define RECO_CREATE_WAIT_EVENT_SET(nevents) CreateWaitEventSet(TopMemoryContext, nevents)
#endif

/* What reads a text as JSON without an ERROR. Needs common/jsonapi.h. */
#if PG_VERSION_NUM >= 170000
#define RECO_JSON_LEXER(json, len, encoding) \
	makeJsonLexContextCstringLen(NULL, json, len, encoding, true)
#else
#define RECO_JSON_LEXER(json, len, encoding) \
	makeJsonLexContextCstringLen(json, len, encoding, true)
#endif

/* May a role use a foreign server? Needs utils/acl.h, catalog/pg_foreign_server.h. */
#if PG_VERSION_NUM >= 160000
#define RECO_SERVER_ACLCHECK(server, role, mode) \
	object_aclcheck(ForeignServerRelationId, server, role, mode)
#else
#define RECO_SERVER_ACLCHECK(server, role, mode) \
	pg_foreign_server_aclcheck(server, role, mode)
#endif

/* A minimal tuple; since 18 with room in front of it. Needs access/htup_details.h. */
#if PG_VERSION_NUM >= 180000
#define reco_form_minimal_tuple(desc, values, nulls) \
	heap_form_minimal_tuple(desc, values, nulls, 0)
#else
#define reco_form_minimal_tuple(desc, values, nulls) \
	heap_form_minimal_tuple(desc, values, nulls)
#endif

#endif							/* RECO_COMPAT_H */
