/*-------------------------------------------------------------------------
 *
 * memo_line.c
 *	  Tracks, artists and numbers as fields of a line of text.
 *
 * Purpose: see memo_line.h.
 * Runs in: any process with a database.
 * Locks:	none.
 * Never:	trust a line: somebody may have edited it. Lose a bit of a number.
 *
 *-------------------------------------------------------------------------
 */
#include "memo_line.h"

#define NO_FIELD		"\\N"

/* No tab, no line's end, no backslash. */
static const char digits[] =
	"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+-";

/* Appends a field. */
void
reco_memo_put(StringInfo line, const char *field)
{
	if (field == NULL)
		appendStringInfoString(line, NO_FIELD);
	else if (strpbrk(field, "\\\t\n") == NULL)
		appendStringInfoString(line, field);
	else
	{
		for (; *field != '\0'; field++)
		{
			if (*field == '\\' || *field == '\t' || *field == '\n')
				appendStringInfoChar(line, '\\');
			appendStringInfoChar(line,
								 *field == '\t'		  ? 't'
									 : *field == '\n' ? 'n'
													  : *field);
		}
	}
	appendStringInfoChar(line, '\t');
}

/* Cuts the next field off. */
char *
reco_memo_next(char **line)
{
	char	   *field = *line;
	char	   *end = strchr(field, '\t');
	char	   *to;

	if (end == NULL)
		return NULL;
	*end = '\0';
	*line = end + 1;
	if (strcmp(field, NO_FIELD) == 0)
		return NULL;
	to = strchr(field, '\\');
	for (char *from = to; from != NULL && *from != '\0'; from++)
	{
		bool		escaped = from[0] == '\\' && from[1] != '\0';

		if (escaped)
			from++;
		*to++ = escaped && *from == 't' ? '\t' : escaped && *from == 'n' ? '\n' : *from;
	}
	if (to != NULL)
		*to = '\0';
	return field;
}

void
reco_memo_put_number(StringInfo line, int64 number)
{
	appendStringInfo(line, INT64_FORMAT "\t", number);
}

/* Appends 32 bits as characters, without an end: as many as there are always. */
void
reco_memo_put_bits(StringInfo line, uint32 bits)
{
	char		text[RECO_MEMO_BITS];

	for (int i = 0; i < RECO_MEMO_BITS; i++)
		text[i] = digits[(bits >> (6 * i)) & 0x3F];
	appendBinaryStringInfo(line, text, RECO_MEMO_BITS);
}

static void
put_float(StringInfo line, float value)
{
	uint32		bits;

	memcpy(&bits, &value, sizeof(bits));
	reco_memo_put_bits(line, bits);
}

/* Appends floats, to the last bit, as one field. */
void
reco_memo_put_floats(StringInfo line, const float *values, int n)
{
	for (int i = 0; i < n; i++)
		put_float(line, values[i]);
	appendStringInfoChar(line, '\t');
}

/* Appends a track with all that answers about facts and listeners tell. */
void
reco_memo_put_track(StringInfo line, const RecoTrack *track)
{
	reco_memo_put(line, track->track_id);
	reco_memo_put(line, track->artist_id);
	reco_memo_put(line, track->title);
	reco_memo_put(line, track->artist);
	reco_memo_put(line, track->album);
	reco_memo_put(line, track->isrc);
	reco_memo_put(line, track->release);
	reco_memo_put_floats(line, track->values, RECO_NCOLUMNS);
	reco_memo_put_number(line, track->missing);
	reco_memo_put_number(line, track->key);
	reco_memo_put_number(line, track->facets);
	reco_memo_put_number(line, track->dup_key);
	reco_memo_put_number(line, track->events);
	reco_memo_put_number(line, track->plays);
	reco_memo_put_number(line, track->last_played);
	reco_memo_put_number(line, track->nartist_ids);
	reco_memo_put_number(line, track->ngenres);
	for (int i = 0; i < track->nartist_ids; i++)
		reco_memo_put(line, track->artist_ids[i]);
	for (int i = 0; i < track->ngenres; i++)
		reco_memo_put(line, track->genres[i]);
}

/* Appends what a history tells of a track. */
void
reco_memo_put_played(StringInfo line, const RecoTrack *track)
{
	reco_memo_put(line, track->track_id);
	reco_memo_put(line, track->artist_id);
	reco_memo_put_number(line, track->events);
	reco_memo_put_number(line, track->plays);
	reco_memo_put_number(line, track->last_played);
}

void
reco_memo_put_artist(StringInfo line, const RecoArtist *artist)
{
	reco_memo_put(line, artist->artist_id);
	reco_memo_put(line, artist->name);
	put_float(line, artist->score);
	put_float(line, artist->genre_match);
	appendStringInfoChar(line, '\t');
	reco_memo_put_number(line, artist->popularity);
	reco_memo_put_number(line, artist->fuzzy);
}

bool
reco_memo_next_number(char **line, int64 *number)
{
	char	   *field = reco_memo_next(line);
	char	   *end;

	if (field == NULL)
		return false;
	*number = strtoll(field, &end, 10);
	return end != field && *end == '\0';
}

bool
reco_memo_next_int(char **line, int *number)
{
	int64		wide;

	if (!reco_memo_next_number(line, &wide) || wide < PG_INT32_MIN || wide > PG_INT32_MAX)
		return false;
	*number = (int) wide;
	return true;
}

/* A number of things that follow, each of a character at least. */
bool
reco_memo_next_count(char **line, int *count)
{
	return reco_memo_next_int(line, count) && *count >= 0 &&
		(Size) *count <= strlen(*line);
}

/* What a digit stands for; -1 = it is none. */
static int
value_of(char digit)
{
	return digit >= '0' && digit <= '9' ? digit - '0'
		: digit >= 'A' && digit <= 'Z'	? digit - 'A' + 10
		: digit >= 'a' && digit <= 'z'	? digit - 'a' + 36
		: digit == '+'					? 62
		: digit == '-'					? 63
										: -1;
}

/* Reads what put_bits wrote. */
bool
reco_memo_read_bits(const char *text, uint32 *bits)
{
	*bits = 0;
	for (int i = 0; i < RECO_MEMO_BITS; i++)
	{
		int			value = value_of(text[i]);

		if (value < 0)
			return false;
		*bits |= (uint32) value << (6 * i);
	}
	return true;
}

/* Reads so many numbers that stand in one field. */
bool
reco_memo_next_floats(char **line, float *values, int n)
{
	char	   *field = reco_memo_next(line);

	if (field == NULL || strlen(field) != (Size) n * RECO_MEMO_BITS)
		return false;
	for (int i = 0; i < n; i++)
	{
		uint32		bits;

		if (!reco_memo_read_bits(field + i * RECO_MEMO_BITS, &bits))
			return false;
		memcpy(&values[i], &bits, sizeof(bits));
	}
	return true;
}

/* Reads strings; NULL where one is missing. */
static const char **
next_strings(char **line, int n)
{
	const char **strings = palloc(sizeof(char *) * Max(n, 1));

	for (int i = 0; i < n; i++)
	{
		strings[i] = reco_memo_next(line);
		if (strings[i] == NULL)
			return NULL;
	}
	return strings;
}

/* Reads a track; NULL where it is none. */
RecoTrack *
reco_memo_read_track(char **line)
{
	RecoTrack  *track = palloc0(sizeof(RecoTrack));
	int			missing;
	int			facets;

	track->has_facts = true;
	track->track_id = reco_memo_next(line);
	track->artist_id = reco_memo_next(line);
	track->title = reco_memo_next(line);
	track->artist = reco_memo_next(line);
	track->album = reco_memo_next(line);
	track->isrc = reco_memo_next(line);
	track->release = reco_memo_next(line);
	if (track->track_id == NULL || track->artist_id == NULL || track->title == NULL ||
		track->artist == NULL ||
		!reco_memo_next_floats(line, track->values, RECO_NCOLUMNS) ||
		!reco_memo_next_int(line, &missing) || missing < 0 ||
		!reco_memo_next_int(line, &track->key) || !reco_memo_next_int(line, &facets) ||
		!reco_memo_next_number(line, &track->dup_key) ||
		!reco_memo_next_int(line, &track->events) ||
		!reco_memo_next_int(line, &track->plays) ||
		!reco_memo_next_number(line, &track->last_played) ||
		!reco_memo_next_count(line, &track->nartist_ids) ||
		!reco_memo_next_count(line, &track->ngenres))
		return NULL;
	track->missing = (uint32) missing;
	track->facets = (uint16) facets;
	track->artist_ids = next_strings(line, track->nartist_ids);
	track->genres = next_strings(line, track->ngenres);
	return track->artist_ids == NULL || track->genres == NULL ? NULL : track;
}

RecoTrack *
reco_memo_read_played(char **line)
{
	RecoTrack  *track = palloc0(sizeof(RecoTrack));

	track->track_id = reco_memo_next(line);
	track->artist_id = reco_memo_next(line);
	track->missing = (1 << RECO_NCOLUMNS) - 1;
	if (track->track_id == NULL || !reco_memo_next_int(line, &track->events) ||
		!reco_memo_next_int(line, &track->plays) ||
		!reco_memo_next_number(line, &track->last_played))
		return NULL;
	return track;
}

RecoArtist *
reco_memo_read_artist(char **line)
{
	RecoArtist *artist = palloc0(sizeof(RecoArtist));
	float		numbers[2];
	int			fuzzy;

	artist->artist_id = reco_memo_next(line);
	artist->name = reco_memo_next(line);
	if (artist->artist_id == NULL || !reco_memo_next_floats(line, numbers, 2) ||
		!reco_memo_next_int(line, &artist->popularity) ||
		!reco_memo_next_int(line, &fuzzy))
		return NULL;
	artist->score = numbers[0];
	artist->genre_match = numbers[1];
	artist->fuzzy = fuzzy != 0;
	return artist;
}
