/*-------------------------------------------------------------------------
 *
 * memo.c
 *	  What the embedded engine said, for the rest of a run and for the next one.
 *
 * Purpose: see memo.h. Each answer is a line: a digest of the question (its kind and all
 *			of its key that can change the answer), then fields. An answer is made of
 *			its line anew each time, as the pipeline writes into answers.
 * Runs in: any process with a database.
 * Locks:	none.
 * Never:	tell two questions apart by less than all that the engine looks at.
 *
 *-------------------------------------------------------------------------
 */
#include "memo.h"

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "memo_line.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#define DIGEST			(4 * RECO_MEMO_BITS)
#define MOST_HISTORY	2000	/* tracks of a listener; more are read anew */

/* One answer, or one track of an answer about facts. */
typedef struct Entry
{
	uint32		digest[4];
	const char *line;			/* behind the digest; NULL = not known */
	bool		asked;			/* the engine is being asked */
	bool		listener;		/* rests on what the listener plays */
	bool		used;			/* by this run */
} Entry;

struct RecoMemo
{
	MemoryContext context;
	HTAB	   *entries;
	int			nused;
	int			size;
	Entry	  **used;			/* in the order of use */
};

static bool digest_of(RecoKind kind, const RecoKey *key, const char *id, uint32 *digest);
static Entry *find(RecoMemo *memo, RecoKind kind, const RecoKey *key, const char *id);
static Entry *enter(RecoMemo *memo, RecoKind kind, const RecoKey *key, const char *id);
static void use(RecoMemo *memo, Entry *entry);
static bool read_answer(RecoMemo *memo, RecoEngine *engine, RecoKind kind,
						const RecoKey *key, TimestampTz give_up, const char *text,
						RecoAnswer *answer);
static bool read_facts(RecoMemo *memo, const RecoKey *key, RecoAnswer *answer);
static char *write_answer(RecoEngine *engine, RecoKind kind, const RecoAnswer *answer);
static void note_facts(RecoMemo *memo, const RecoKey *key, const RecoAnswer *answer);

static bool
is_listeners(RecoKind kind)
{
	return kind == RECO_KIND_USER_TOP_TRACKS || kind == RECO_KIND_USER_TOP_ARTISTS ||
		kind == RECO_KIND_USER_HISTORY;
}

/* Opens an empty one. */
RecoMemo *
reco_memo_open(MemoryContext context)
{
	RecoMemo   *memo = MemoryContextAllocZero(context, sizeof(RecoMemo));
	HASHCTL		control = {0};

	memo->context = context;
	control.keysize = sizeof(((Entry *) NULL)->digest);
	control.entrysize = sizeof(Entry);
	control.hcxt = context;
	memo->entries =
		hash_create("reco memo", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return memo;
}

/* Takes what an earlier run wrote; lines that are none are passed over. */
void
reco_memo_load(RecoMemo *memo, const char *text, bool listener)
{
	char	   *line = MemoryContextStrdup(memo->context, text);

	while (line != NULL && *line != '\0')
	{
		char	   *end = strchr(line, '\n');
		uint32		digest[4];
		bool		good = end != NULL && end - line > DIGEST;

		if (end != NULL)
			*end = '\0';
		for (int i = 0; i < 4 && good; i++)
			good = reco_memo_read_bits(line + i * RECO_MEMO_BITS, &digest[i]);
		if (good && (listener || line[DIGEST] != 'L'))
		{
			bool		found;
			Entry	   *entry = hash_search(memo->entries, digest, HASH_ENTER, &found);

			entry->line = line + DIGEST + 1;
			entry->listener = line[DIGEST] == 'L';
			entry->asked = entry->used = false;
		}
		line = end == NULL ? NULL : end + 1;
	}
}

/* Answers a question. */
bool
reco_memo_find(RecoMemo *memo, RecoEngine *engine, RecoKind kind, const RecoKey *key,
			   TimestampTz give_up, RecoAnswer *answer)
{
	RecoAnswer	found = {0};
	Entry	   *entry;

	if (kind == RECO_KIND_TRACK_FACTS)
	{
		if (!read_facts(memo, key, &found))
			return false;
	}
	else
	{
		entry = find(memo, kind, key, NULL);
		if (entry == NULL || entry->line == NULL ||
			!read_answer(memo, engine, kind, key, give_up, entry->line, &found))
			return false;
		use(memo, entry);
	}
	found.done = true;
	found.partial = reco_engine_is_partial(engine);
	*answer = found;
	return true;
}

/* What is to be asked of a question that was not found. */
const RecoKey *
reco_memo_rest(RecoMemo *memo, RecoKind kind, const RecoKey *key)
{
	Entry	   *entry;
	RecoKey    *rest;
	const char **ids;

	if (kind != RECO_KIND_TRACK_FACTS)
	{
		entry = enter(memo, kind, key, NULL);
		if (entry == NULL)
			return key;
		if (entry->asked)
			return NULL;
		entry->asked = true;
		return key;
	}
	rest = palloc(sizeof(RecoKey));
	ids = palloc(sizeof(char *) * Max(key->nids, 1));
	*rest = *key;
	rest->ids = ids;
	rest->nids = 0;
	for (int i = 0; i < key->nids; i++)
	{
		entry = find(memo, kind, key, key->ids[i]);
		if (entry == NULL || entry->line == NULL)
			ids[rest->nids++] = key->ids[i];
	}
	if (rest->nids > 0 && rest->nids < key->nids)
		return rest;
	pfree(ids);
	pfree(rest);
	return key;
}

/* Remembers an answer. */
void
reco_memo_note(RecoMemo *memo, RecoEngine *engine, RecoKind kind, const RecoKey *key,
			   const RecoAnswer *answer)
{
	MemoryContext old = MemoryContextSwitchTo(memo->context);

	if (kind == RECO_KIND_TRACK_FACTS)
	{
		if (answer->done)
			note_facts(memo, key, answer);
	}
	else
	{
		Entry	   *entry = find(memo, kind, key, NULL);

		if (entry != NULL)
		{
			entry->asked = false;
			entry->listener = is_listeners(kind);
			entry->line = answer->done ? write_answer(engine, kind, answer) : NULL;
			if (entry->line != NULL)
				use(memo, entry);
		}
	}
	MemoryContextSwitchTo(old);
}

/* Writes what this run was told or found. */
char *
reco_memo_write(const RecoMemo *memo)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < memo->nused; i++)
	{
		const Entry *entry = memo->used[i];

		if (entry->line == NULL)
			continue;
		for (int d = 0; d < 4; d++)
			reco_memo_put_bits(&text, entry->digest[d]);
		appendStringInfoChar(&text, entry->listener ? 'L' : '-');
		appendStringInfoString(&text, entry->line);
		appendStringInfoChar(&text, '\n');
	}
	return text.data;
}

/*
 * Makes the digest of a question, or of a track among those it is about. False where
 * the answer depends on more than can be remembered: the mood, or the time.
 */
static bool
digest_of(RecoKind kind, const RecoKey *key, const char *id, uint32 *digest)
{
	StringInfoData bytes;

	initStringInfo(&bytes);
	appendStringInfo(&bytes, "%d", (int) kind);
	switch (kind)
	{
		case RECO_KIND_USER_TOP_TRACKS:
		case RECO_KIND_USER_TOP_ARTISTS:
		case RECO_KIND_USER_HISTORY:
			if (key->since != DT_NOEND)
				return false;
			appendStringInfo(&bytes, " %d ", key->limit);
			reco_memo_put(&bytes, key->id);
			break;
		case RECO_KIND_TRACK_SEARCH:
		case RECO_KIND_ARTIST_SEARCH:
			if (key->name == NULL)
				return false;
			appendStringInfo(&bytes, " %d %d ", key->limit, key->exact);
			reco_memo_put(&bytes, key->name);
			reco_memo_put(&bytes, key->artist);
			break;
		case RECO_KIND_ARTIST_TRACKS:
			reco_memo_put(&bytes, key->id);
			break;
		case RECO_KIND_TRACK_FACTS:
			reco_memo_put(&bytes, id);
			break;
		default:
			return false;
	}
	for (int i = 0; i < 2; i++)
	{
		uint64 half =
			hash_bytes_extended((const unsigned char *) bytes.data, bytes.len, i + 1);

		digest[2 * i] = (uint32) half;
		digest[2 * i + 1] = (uint32) (half >> 32);
	}
	pfree(bytes.data);
	return true;
}

static Entry *
find(RecoMemo *memo, RecoKind kind, const RecoKey *key, const char *id)
{
	uint32		digest[4];

	if (!digest_of(kind, key, id, digest))
		return NULL;
	return hash_search(memo->entries, digest, HASH_FIND, NULL);
}

/* Finds an entry or makes one without a line; NULL where none can be. */
static Entry *
enter(RecoMemo *memo, RecoKind kind, const RecoKey *key, const char *id)
{
	uint32		digest[4];
	Entry	   *entry;
	bool		found;

	if (!digest_of(kind, key, id, digest))
		return NULL;
	entry = hash_search(memo->entries, digest, HASH_ENTER, &found);
	if (!found)
	{
		entry->line = NULL;
		entry->asked = entry->listener = entry->used = false;
	}
	return entry;
}

/* Notes that this run rests on an entry. */
static void
use(RecoMemo *memo, Entry *entry)
{
	if (entry->used)
		return;
	entry->used = true;
	if (memo->nused == memo->size)
	{
		memo->size = memo->size == 0 ? 256 : 2 * memo->size;
		memo->used = memo->used == NULL
			? MemoryContextAlloc(memo->context, sizeof(Entry *) * memo->size)
			: repalloc(memo->used, sizeof(Entry *) * memo->size);
	}
	memo->used[memo->nused++] = entry;
}

/* Makes an answer of its line; false where that is not possible. */
static bool
read_answer(RecoMemo *memo, RecoEngine *engine, RecoKind kind, const RecoKey *key,
			TimestampTz give_up, const char *text, RecoAnswer *answer)
{
	char	   *line = MemoryContextStrdup(memo->context, text);
	int			n;

	if (kind == RECO_KIND_ARTIST_TRACKS)
	{
		int64		first;
		int64		nrows;

		return reco_memo_next_number(&line, &first) &&
			reco_memo_next_number(&line, &nrows) && first >= 0 && first < RECO_NO_ROW &&
			nrows > 0 && nrows < RECO_NO_ROW &&
			reco_engine_artist_again(engine, key, (uint32) first, (uint32) nrows, give_up,
									 answer);
	}
	if (!reco_memo_next_count(&line, &n))
		return false;
	if (kind == RECO_KIND_USER_TOP_ARTISTS || kind == RECO_KIND_ARTIST_SEARCH)
	{
		answer->artists =
			MemoryContextAlloc(memo->context, sizeof(RecoArtist *) * Max(n, 1));
		for (; answer->nartists < n; answer->nartists++)
		{
			answer->artists[answer->nartists] = reco_memo_read_artist(&line);
			if (answer->artists[answer->nartists] == NULL)
				return false;
		}
		return true;
	}
	answer->tracks = MemoryContextAlloc(memo->context, sizeof(RecoTrack *) * Max(n, 1));
	for (; answer->ntracks < n; answer->ntracks++)
	{
		answer->tracks[answer->ntracks] = kind == RECO_KIND_USER_HISTORY
			? reco_memo_read_played(&line)
			: reco_memo_read_track(&line);
		if (answer->tracks[answer->ntracks] == NULL)
			return false;
	}
	return true;
}

/* Tells facts of tracks, in the order asked for; false where one is not known. */
static bool
read_facts(RecoMemo *memo, const RecoKey *key, RecoAnswer *answer)
{
	for (int i = 0; i < key->nids; i++)
	{
		Entry *entry = find(memo, RECO_KIND_TRACK_FACTS, key, key->ids[i]);

		if (entry == NULL || entry->line == NULL)
			return false;
	}
	answer->tracks =
		MemoryContextAlloc(memo->context, sizeof(RecoTrack *) * Max(key->nids, 1));
	for (int i = 0; i < key->nids; i++)
	{
		Entry *entry = find(memo, RECO_KIND_TRACK_FACTS, key, key->ids[i]);
		char	   *line;
		RecoTrack  *track;

		use(memo, entry);
		if (entry->line[0] == '\0')
			continue;			/* the catalogue has no such track */
		line = MemoryContextStrdup(memo->context, entry->line);
		track = reco_memo_read_track(&line);
		if (track == NULL || strcmp(track->track_id, key->ids[i]) != 0)
		{
			entry->line = NULL;
			return false;
		}
		answer->tracks[answer->ntracks++] = track;
	}
	return true;
}

/* Makes a line of an answer; NULL where there is nothing to remember. */
static char *
write_answer(RecoEngine *engine, RecoKind kind, const RecoAnswer *answer)
{
	StringInfoData line;

	if (kind == RECO_KIND_USER_HISTORY && answer->ntracks > MOST_HISTORY)
		return NULL;
	initStringInfo(&line);
	if (kind == RECO_KIND_ARTIST_TRACKS)
	{
		uint32		first;
		uint32		nrows;

		if (answer->ntracks == 0 ||
			!reco_engine_artist_rows(engine, answer->tracks[0], &first, &nrows))
			return NULL;
		reco_memo_put_number(&line, first);
		reco_memo_put_number(&line, nrows);
		return line.data;
	}
	if (kind == RECO_KIND_USER_TOP_ARTISTS || kind == RECO_KIND_ARTIST_SEARCH)
	{
		reco_memo_put_number(&line, answer->nartists);
		for (int i = 0; i < answer->nartists; i++)
			reco_memo_put_artist(&line, answer->artists[i]);
		return line.data;
	}
	reco_memo_put_number(&line, answer->ntracks);
	for (int i = 0; i < answer->ntracks; i++)
	{
		if (kind == RECO_KIND_USER_HISTORY)
			reco_memo_put_played(&line, answer->tracks[i]);
		else
			reco_memo_put_track(&line, answer->tracks[i]);
	}
	return line.data;
}

/* Remembers tracks, each by its id; and which are not to be had. */
static void
note_facts(RecoMemo *memo, const RecoKey *key, const RecoAnswer *answer)
{
	int			next = 0;

	for (int i = 0; i < key->nids; i++)
	{
		Entry *entry = enter(memo, RECO_KIND_TRACK_FACTS, key, key->ids[i]);
		StringInfoData line;

		initStringInfo(&line);
		if (next < answer->ntracks &&
			strcmp(answer->tracks[next]->track_id, key->ids[i]) == 0)
			reco_memo_put_track(&line, answer->tracks[next++]);
		entry->line = line.data;
		use(memo, entry);
	}
}
