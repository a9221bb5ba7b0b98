/*-------------------------------------------------------------------------
 *
 * import_name.c
 *	  Ids for artists and tracks that come without one.
 *
 * Purpose: see import_name.h.
 * Runs in: a backend.
 * Locks:	those of syscache look-ups.
 * Never:	hold more than one name per slot of the cache.
 *
 *-------------------------------------------------------------------------
 */
#include "import_name.h"

#include "common/hashfn.h"
#include "common/md5.h"
#include "utils/memutils.h"

#include "import_row.h"
#include "store/sql.h"
#include "text.h"

#define CACHE_SLOTS		(1 << 14)
#define ID_PREFIX		"name:"
#define MD5_HEX_BYTES	33		/* with the terminating zero */

/* Folding costs microseconds, and the same artists come again and again. */
typedef struct CachedName
{
	char	   *name;
	char	   *id;
} CachedName;

struct RecoImportNames
{
	MemoryContext context;
	RecoTextTools tools;
	CachedName	cache[CACHE_SLOTS];
};

static char *hashed(const char *text);

RecoImportNames *
reco_import_names_open(void)
{
	RecoImportNames *names = palloc0(sizeof(RecoImportNames));

	names->context = CurrentMemoryContext;
	reco_text_open(&names->tools);
	return names;
}

/* Returns the id of an artist of whom only the name is known. */
const char *
reco_import_artist_id(RecoImportNames *names, const char *artist)
{
	uint32		hash = hash_bytes((const unsigned char *) artist, strlen(artist));
	CachedName *slot = &names->cache[hash % CACHE_SLOTS];
	char	   *id;

	if (slot->name != NULL && strcmp(slot->name, artist) == 0)
		return slot->id;

	id = reco_import_name_id(&names->tools, artist);
	if (slot->name != NULL)
	{
		pfree(slot->name);
		pfree(slot->id);
		slot->name = NULL;
	}
	slot->id = MemoryContextStrdup(names->context, id);
	slot->name = MemoryContextStrdup(names->context, artist);
	return slot->id;
}

/* Makes the id of an artist of whom only the name is known. */
char *
reco_import_name_id(const RecoTextTools *tools, const char *artist)
{
	char	   *fold = reco_text_fold(tools, artist);

	if (strlen(fold) + strlen(ID_PREFIX) > RECO_IMPORT_ID_BYTES)
		fold = hashed(fold);
	return psprintf(ID_PREFIX "%s", fold);
}

/* Returns the id of a track of which only artist and title are known. */
char *
reco_import_track_id(RecoImportNames *names, const char *artist, const char *title)
{
	char	   *fold = reco_text_fold(&names->tools, artist);

	return psprintf(ID_PREFIX "%s",
					hashed(psprintf("%s\x1f%s", fold, reco_text_fold(&names->tools, title))));
}

/* Returns the MD5 of a text in hexadecimal; it keeps nothing secret. */
static char *
hashed(const char *text)
{
	char	   *hex = palloc(MD5_HEX_BYTES);
	const char *problem = NULL;

	if (!pg_md5_hash(text, strlen(text), hex, &problem))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not make an id from a name: %s", problem),
				 errhint("Give the source columns for the ids of tracks and artists.")));
	return hex;
}
