/*-------------------------------------------------------------------------
 *
 * server.c
 *	  Upstreams as foreign servers.
 *
 * Purpose: see server.h.
 * Runs in: any process with a database and a transaction.
 * Locks:	AccessShareLock on pg_foreign_server, for the look-up only.
 * Never:	keep a secret longer than it takes to hand it over; let a secret into a
 *			string list of the server's own, which nobody wipes.
 *
 *-------------------------------------------------------------------------
 */
#include "server.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_type.h"
#include "catalog/pg_user_mapping.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "server_options.h"
#include "upstream/buffer.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* A user mapping's options; the strings are ours to wipe. */
typedef struct Mapping
{
	char	   *client_id;
	char	   *client_secret;
	char	   *api_key;
	char	   *secret_file;
} Mapping;

static RecoServer *read_server(ForeignServer *entry, Oid role);
static bool read_mapping(Oid server, Oid role, bool *public, Mapping *mapping);
static void wipe_mapping(Mapping *mapping);
static const char *what_lacks(const RecoServer *server, const Mapping *mapping);
static void wipe_secret(void *arg);
static uint64 digest(const RecoServer *server, const RecoCredential *credential,
					 bool with_url);

/* Orders servers by name. */
static int
by_name(const ListCell *a, const ListCell *b)
{
	return strcmp(((RecoServer *) lfirst(a))->name, ((RecoServer *) lfirst(b))->name);
}

/* Lists all servers, as a role sees them. */
List *
reco_server_list(Oid role)
{
	ForeignDataWrapper *wrapper = GetForeignDataWrapperByName(RECO_WRAPPER, true);
	List	   *ids = NIL;
	List	   *servers = NIL;
	ListCell   *cell;
	Relation	rel;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (wrapper == NULL)
		return NIL;
	rel = table_open(ForeignServerRelationId, AccessShareLock);
	ScanKeyInit(&key, Anum_pg_foreign_server_srvfdw, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(wrapper->fdwid));
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		ids = lappend_oid(ids, ((Form_pg_foreign_server) GETSTRUCT(tuple))->oid);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	foreach (cell, ids)
	{
		ForeignServer *entry = GetForeignServerExtended(lfirst_oid(cell), FSV_MISSING_OK);

		if (entry != NULL)
			servers = lappend(servers, read_server(entry, role));
	}
	list_sort(servers, by_name);
	return servers;
}

/* Picks the first usable server of a list. */
const RecoServer *
reco_server_pick(List *servers, RecoOperation operation)
{
	ListCell   *cell;

	foreach (cell, servers)
	{
		const RecoServer *server = lfirst(cell);

		if (server->lacks == NULL && reco_service_has(server->options.service, operation))
			return server;
	}
	return NULL;
}

const RecoServer *
reco_server_for(RecoOperation operation, Oid role)
{
	return reco_server_pick(reco_server_list(role), operation);
}

/* Makes a server of its entry. */
static RecoServer *
read_server(ForeignServer *entry, Oid role)
{
	RecoServer *server = palloc0(sizeof(RecoServer));
	bool		trusted = superuser_arg(entry->owner);
	RecoServerOptions settings;
	RecoProblem *problem = palloc0(sizeof(RecoProblem));
	Mapping		mapping = {0};

	if (!reco_server_read_options(entry->options, &settings, problem))
		server->invalid = problem;
	server->id = entry->serverid;
	server->owner = entry->owner;
	server->role = role;
	server->name = pstrdup(entry->servername);
	server->enabled = settings.enabled;
	server->options = settings.options;

	/* what needed a superuser once needs one as long as it is used */
	server->options.allow_private &= trusted;
	server->options.allow_loopback = trusted &&
		(reco_server_is_loopback(settings.options.base_url) ||
		 reco_server_is_loopback(settings.options.accounts_url));
	server->mapped = read_mapping(entry->serverid, role, &server->public, &mapping);
	server->has = (mapping.client_id != NULL ? RECO_HAS_CLIENT_ID : 0) |
		(mapping.client_secret != NULL ? RECO_HAS_CLIENT_SECRET : 0) |
		(mapping.api_key != NULL ? RECO_HAS_API_KEY : 0) |
		(mapping.secret_file != NULL ? RECO_HAS_SECRET_FILE : 0);
	server->lacks = what_lacks(server, &mapping);
	wipe_mapping(&mapping);
	return server;
}

/* Says what keeps a server from being used. */
static const char *
what_lacks(const RecoServer *server, const Mapping *mapping)
{
	RecoService service = server->options.service;

	if (server->invalid != NULL)
		return server->invalid->message;
	if (!server->enabled)
		return "it is not enabled";
	if (service == RECO_RECCOBEATS ||
		(service == RECO_OPENAI && reco_server_is_loopback(server->options.base_url)))
		return NULL;
	if (!server->mapped)
		return "it has no user mapping for the role or for PUBLIC";
	if (mapping->secret_file != NULL)
		return NULL;
	if (service == RECO_SPOTIFY &&
		(mapping->client_id == NULL || mapping->client_secret == NULL))
		return "its user mapping has no client_id and client_secret";
	if (service != RECO_SPOTIFY && mapping->api_key == NULL)
		return "its user mapping has no api_key";
	return NULL;
}

/* Copies an option's value, where it is one of ours. */
static void
take_option(const char *text, int len, Mapping *mapping)
{
	static const struct
	{
		const char *name;
		size_t		offset;
	}			names[] = {
		{"client_id=", offsetof(Mapping, client_id)},
		{"client_secret=", offsetof(Mapping, client_secret)},
		{"api_key=", offsetof(Mapping, api_key)},
		{"secret_file=", offsetof(Mapping, secret_file)},
	};

	for (size_t i = 0; i < lengthof(names); i++)
	{
		int			n = (int) strlen(names[i].name);

		if (len >= n && memcmp(text, names[i].name, n) == 0)
			*(char **) ((char *) mapping + names[i].offset) = pnstrdup(text + n, len - n);
	}
}

/*
 * Reads the mapping of a role, else PUBLIC's; false when there is none. The array
 * is taken apart here, in a copy, so that nothing stays of it.
 */
static bool
read_mapping(Oid server, Oid role, bool *public, Mapping *mapping)
{
	HeapTuple	tuple = SearchSysCache2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(role),
									  ObjectIdGetDatum(server));
	Datum		options;
	bool		isnull;

	*public = !HeapTupleIsValid(tuple);
	if (*public)
		tuple = SearchSysCache2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(InvalidOid),
								ObjectIdGetDatum(server));
	if (!HeapTupleIsValid(tuple))
		return false;
	options = SysCacheGetAttr(USERMAPPINGUSERSERVER, tuple,
							  Anum_pg_user_mapping_umoptions, &isnull);
	if (!isnull)
	{
		ArrayType  *array = DatumGetArrayTypePCopy(options);
		Datum	   *elements;
		bool	   *nulls;
		int			n;

		deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
		for (int i = 0; i < n; i++)
			if (!nulls[i])
				take_option(VARDATA_ANY(DatumGetPointer(elements[i])),
							(int) VARSIZE_ANY_EXHDR(DatumGetPointer(elements[i])),
							mapping);
		reco_wipe(array, VARSIZE(array));
		pfree(array);
	}
	ReleaseSysCache(tuple);
	return true;
}

static void
wipe_string(const char *string)
{
	if (string != NULL)
		reco_wipe(unconstify(char *, string), strlen(string));
}

static void
wipe_mapping(Mapping *mapping)
{
	wipe_string(mapping->client_id);
	wipe_string(mapping->client_secret);
	wipe_string(mapping->api_key);
	wipe_string(mapping->secret_file);
	memset(mapping, 0, sizeof(*mapping));
}

/* Reads a server's secrets. */
RecoSecret *
reco_server_unlock(const RecoServer *server, RecoProblem *problem)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "reco secret", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	RecoSecret *secret = palloc0(sizeof(RecoSecret));
	Mapping		mapping = {0};
	bool		public;
	bool		ok = true;

	secret->context = context;
	secret->wipe.func = wipe_secret;
	secret->wipe.arg = secret;
	MemoryContextRegisterResetCallback(context, &secret->wipe);
	(void) read_mapping(server->id, server->role, &public, &mapping);
	secret->credential.client_id = mapping.client_id;
	secret->credential.client_secret = mapping.client_secret;
	secret->credential.api_key = mapping.api_key;
	MemoryContextSwitchTo(old); /* a problem is told after the secret is gone */
	if (mapping.secret_file != NULL)
		ok = reco_secret_read(mapping.secret_file, server->options.service,
							  &secret->credential, problem);
	if (ok && server->options.service == RECO_SPOTIFY &&
		(secret->credential.client_id == NULL ||
		 secret->credential.client_secret == NULL))
	{
		problem->sqlstate = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
		problem->message =
			psprintf("server \"%s\" has no client_id or no client_secret", server->name);
		problem->hint = "Put both into the user mapping, or into its secret_file.";
		ok = false;
	}
	if (!ok)
	{
		MemoryContextDelete(context);
		return NULL;
	}
	secret->lane_key = digest(server, &secret->credential, true);
	secret->fingerprint = digest(server, &secret->credential, false);
	return secret;
}

void
reco_server_lock(RecoSecret *secret)
{
	MemoryContextDelete(secret->context);
}

/* Wipes a secret when its context goes, however that comes. */
static void
wipe_secret(void *arg)
{
	RecoCredential *credential = &((RecoSecret *) arg)->credential;

	wipe_string(credential->client_id);
	wipe_string(credential->client_secret);
	wipe_string(credential->api_key);
}

/* Adds a string to a hash, behind its length. */
static void
add_string(pg_cryptohash_ctx *hash, const char *string)
{
	uint32		len = string == NULL ? 0 : (uint32) strlen(string);

	if (pg_cryptohash_update(hash, (const uint8 *) &len, sizeof(len)) < 0 ||
		pg_cryptohash_update(hash, (const uint8 *) (string == NULL ? "" : string), len) <
			0)
		elog(ERROR, "could not compute a hash");
}

/*
 * The first 8 bytes of a SHA-256 of a credential. The cluster's own number is in it,
 * so that a fingerprint in a view cannot be compared with another cluster's, or
 * looked up.
 */
static uint64
digest(const RecoServer *server, const RecoCredential *credential, bool with_url)
{
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);
	uint64		system = GetSystemIdentifier();
	uint8		result[PG_SHA256_DIGEST_LENGTH];
	uint64		number;

	if (hash == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	if (pg_cryptohash_init(hash) < 0 ||
		pg_cryptohash_update(hash, (const uint8 *) &system, sizeof(system)) < 0)
		elog(ERROR, "could not compute a hash");
	add_string(hash, reco_service_name(server->options.service));
	if (with_url)
	{
		add_string(hash, server->options.base_url);
		add_string(hash, server->options.accounts_url);
	}
	add_string(hash, credential->client_id);
	add_string(hash, credential->client_secret);
	add_string(hash, credential->api_key);
	if (pg_cryptohash_final(hash, result, sizeof(result)) < 0)
		elog(ERROR, "could not compute a hash");
	pg_cryptohash_free(hash);
	memcpy(&number, result, sizeof(number));
	return number;
}
