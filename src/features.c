/*-------------------------------------------------------------------------
 *
 * features.c
 *	  The names of the features.
 *
 * Purpose: one list of names, for columns, JSON and messages.
 * Runs in: any process; no server call.
 * Locks:	none.
 * Never:	name a feature otherwise than the columns of reco.track.
 *
 *-------------------------------------------------------------------------
 */
#include "reco.h"

#include <string.h>

static const char *const names[RECO_NFEATURES] = {
	"acousticness", "danceability", "energy", "instrumentalness", "liveness", "speechiness",
	"valence", "loudness", "tempo", "mode", "popularity", "year", "key"
};

const char *
reco_feature_name(int feature)
{
	return names[feature];
}

int
reco_feature_of(const char *name)
{
	for (int i = 0; i < RECO_NFEATURES; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}
