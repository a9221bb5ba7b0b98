/*-------------------------------------------------------------------------
 *
 * memo_line.h
 *	  Tracks, artists and numbers as fields of a line of text.
 *
 * Purpose: write what a memo holds, and read it. A field ends with a tab; behind a
 *			backslash stand tabs, line ends and itself.
 * Runs in: any process with a database.
 * Locks:	none.
 * Never:	trust a line: somebody may have edited it. Lose a bit of a number.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_MEMO_LINE_H
#define RECO_MEMO_LINE_H

#include "compat.h"

#include "catalogue/track.h"
#include "lib/stringinfo.h"

#define RECO_MEMO_BITS	6		/* characters of 32 bits, 6 bits each */

/* 'put' takes NULL. */
extern void reco_memo_put(StringInfo line, const char *field);
extern void reco_memo_put_number(StringInfo line, int64 number);

/* Appends 32 bits as characters, without an end: as many as there are always. */
extern void reco_memo_put_bits(StringInfo line, uint32 bits);

/* Appends floats, to the last bit, as one field. */
extern void reco_memo_put_floats(StringInfo line, const float *values, int n);

/*
 * Appends a track with all that answers about facts and listeners tell; only what a
 * history tells of it; an artist.
 */
extern void reco_memo_put_track(StringInfo line, const RecoTrack *track);
extern void reco_memo_put_played(StringInfo line, const RecoTrack *track);
extern void reco_memo_put_artist(StringInfo line, const RecoArtist *artist);

/*
 * Reads what 'put' wrote, and moves 'line' behind it; fields are cut off in place. NULL
 * and false: that is not what stands there; NULL from 'next' also for one that was NULL.
 */
extern char *reco_memo_next(char **line);
extern bool reco_memo_next_number(char **line, int64 *number);
extern bool reco_memo_next_count(char **line, int *count);	/* of what follows */
extern bool reco_memo_read_bits(const char *text, uint32 *bits);
extern bool reco_memo_next_floats(char **line, float *values, int n);
extern bool reco_memo_next_int(char **line, int *number);
extern RecoTrack *reco_memo_read_track(char **line);
extern RecoTrack *reco_memo_read_played(char **line);
extern RecoArtist *reco_memo_read_artist(char **line);

#endif							/* RECO_MEMO_LINE_H */
