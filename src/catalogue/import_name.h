/*-------------------------------------------------------------------------
 *
 * import_name.h
 *	  Ids for artists and tracks that come without one.
 *
 * Purpose: make an id out of a name, the same one for every spelling.
 * Runs in: a backend.
 * Locks:	those of syscache look-ups.
 * Never:	grow with the number of names: the cache has a fixed size.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_IMPORT_NAME_H
#define RECO_IMPORT_NAME_H

#include "compat.h"

#include "text.h"

typedef struct RecoImportNames RecoImportNames;

/* Opens the names of one import, in the current context; needs owner's rights. */
extern RecoImportNames *reco_import_names_open(void);

/*
 * Returns the id of an artist of whom only the name is known: name:… with the
 * folded name, or its MD5 where that would be longer than 255 bytes. It is valid
 * until the next call.
 */
extern const char *reco_import_artist_id(RecoImportNames *names, const char *artist);

/* The same for one name, in the current context. */
extern char *reco_import_name_id(const RecoTextTools *tools, const char *artist);

/* Returns the id of a track of which only artist and title are known. */
extern char *reco_import_track_id(RecoImportNames *names, const char *artist,
								  const char *title);

#endif							/* RECO_IMPORT_NAME_H */
