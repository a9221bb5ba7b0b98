/*-------------------------------------------------------------------------
 *
 * readers.c
 *	  Who can read a secret.
 *
 * Purpose: see readers.h. The rule is that of the view pg_user_mappings: a role sees
 *			its own mapping where it has USAGE on the server, and PUBLIC's where it
 *			owns the server.
 * Runs in: any process with a database and a transaction.
 * Locks:	AccessShareLock on pg_user_mapping, for the scan only.
 * Never:	look at a secret, only at the names of options.
 *
 *-------------------------------------------------------------------------
 */
#include "readers.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_type.h"
#include "catalog/pg_user_mapping.h"
#include "miscadmin.h"
#include "server.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

static bool holds_secret(HeapTuple tuple, TupleDesc desc);
static bool may_use(Oid role, const RecoServer *server);

/* Finds the mappings of our servers that somebody who is no superuser can read. */
List *
reco_secret_readers(List *servers)
{
	List	   *readers = NIL;
	Relation	rel = table_open(UserMappingRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_user_mapping form = (Form_pg_user_mapping) GETSTRUCT(tuple);
		const RecoServer *server = NULL;
		RecoSecretReader *reader;
		ListCell   *cell;
		bool		public = !OidIsValid(form->umuser);
		Oid			role;

		foreach (cell, servers)
			if (((RecoServer *) lfirst(cell))->id == form->umserver)
				server = lfirst(cell);
		if (server == NULL || !holds_secret(tuple, RelationGetDescr(rel)))
			continue;
		role = public ? server->owner : form->umuser;
		if (superuser_arg(role) || (!public && !may_use(role, server)))
			continue;
		reader = palloc0(sizeof(RecoSecretReader));
		reader->server = server->name;
		reader->role = GetUserNameFromId(role, true);
		reader->public = public;
		readers = lappend(readers, reader);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return readers;
}

/* Does a mapping have an option that is a secret itself, not a file's name? */
static bool
holds_secret(HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	Datum options = heap_getattr(tuple, Anum_pg_user_mapping_umoptions, desc, &isnull);
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	if (isnull)
		return false;
	deconstruct_array(DatumGetArrayTypeP(options), TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		static const char *const names[] = {"client_secret=", "api_key="};

		for (int k = 0; k < lengthof(names) && !nulls[i]; k++)
			if (VARSIZE_ANY_EXHDR(DatumGetPointer(elements[i])) >= strlen(names[k]) &&
				memcmp(VARDATA_ANY(DatumGetPointer(elements[i])), names[k],
					   strlen(names[k])) == 0)
				return true;
	}
	return false;
}

/* Does a role own the server or have USAGE on it? */
static bool
may_use(Oid role, const RecoServer *server)
{
	return has_privs_of_role(role, server->owner) ||
		RECO_SERVER_ACLCHECK(server->id, role, ACL_USAGE) == ACLCHECK_OK;
}
