/*-------------------------------------------------------------------------
 *
 * reason.c
 *	  Why a track is in the list.
 *
 * Purpose: a short true sentence from the evidence: what it is near to, whose
 *			it is, which label and which feature speak for it.
 * Runs in: wherever a run does.
 * Locks:	none.
 * Never:	say what the numbers do not.
 *
 *-------------------------------------------------------------------------
 */
#include "run.h"

#include <ctype.h>
#include <math.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/formatting.h"

#define NEAR_ENOUGH		0.9f	/* similarity from which "near" is true */
#define CLEAR_EVIDENCE	0.3		/* of one feature, from which it "fits" */
#define MAX_TITLE		60
#define MAX_CLAUSES		3

/* A value of 0..1 with two digits, without the 0 that says nothing: ".31". */
static char *
share_text(float value)
{
	int			hundredths = (int) lroundf(value * 100);

	return hundredths >= 100 ? pstrdup("1") : psprintf(".%02d", hundredths);
}

/* Appends a clause, up to MAX_CLAUSES of them. */
static bool
begin_clause(StringInfo reason, int *clauses)
{
	if (*clauses == MAX_CLAUSES)
		return false;
	if ((*clauses)++ > 0)
		appendStringInfoString(reason, ", ");
	return true;
}

/* What a track is called, cut to a length that fits a sentence. */
static char *
title_of(const RecoTrack *track)
{
	int			len;

	if (track->title == NULL)
		return NULL;
	len = pg_mbcliplen(track->title, strlen(track->title), MAX_TITLE);
	return track->title[len] == '\0' ? pstrdup(track->title)
		: psprintf("%s...", pnstrdup(track->title, len));
}

/* Says what a track is near to, and what that is to the listener. */
static void
say_near(const RecoRun *run, const RecoNear *nearest, StringInfo reason, int *clauses)
{
	const RecoTrack *near = nearest->track;
	char	   *title;
	bool		named = false;

	if (near == NULL || nearest->similarity < NEAR_ENOUGH ||
		(title = title_of(near)) == NULL)
		return;
	for (int i = 0; i < run->nmentioned_tracks; i++)
		named |= strcmp(run->mentioned_tracks[i]->track_id, near->track_id) == 0;
	if (!begin_clause(reason, clauses))
		return;
	appendStringInfo(reason, "near \"%s\"%s", title,
					 named ? " that you named" : near->events & RECO_EVENT_LIKED
					 ? " that you liked" : near->events & RECO_EVENT_PLAYED
					 ? " that you played" : "");
}

/* Says whose a track is, where that matters. */
static void
say_artist(const RecoRun *run, const RecoCandidate *candidate, StringInfo reason,
		   int *clauses)
{
	const RecoTrack *track = candidate->track;

	for (int i = 0; i < run->nnames; i++)
	{
		if (strcmp(run->names[i]->artist_id, track->artist_id) != 0)
			continue;
		if (begin_clause(reason, clauses))
			appendStringInfo(reason, "by %s, whom you named", run->names[i]->name);
		return;
	}
	if (track->events & RECO_EVENT_LIKED)
	{
		if (begin_clause(reason, clauses))
			appendStringInfoString(reason, "you liked it");
	}
	else
	{
		for (int i = 0; i < run->nhistory; i++)
		{
			int			events = run->history[i]->events;

			if (strcmp(run->history[i]->track_id, track->track_id) != 0)
				continue;
			if (begin_clause(reason, clauses))
				appendStringInfoString(reason, events & RECO_EVENT_LIKED ? "you liked it"
									   : "you played it");
			return;
		}
		for (int i = 0; i < run->ntop_artists; i++)
		{
			if (strcmp(run->top_artists[i]->artist_id, track->artist_id) != 0)
				continue;
			if (begin_clause(reason, clauses))
				appendStringInfo(reason, "by %s, whom you play",
								 track->artist != NULL ? track->artist : "an artist");
			return;
		}
	}
}

/* Says which feature fits best, with its value. */
static void
say_feature(const RecoRun *run, const RecoCandidate *candidate, StringInfo reason,
			int *clauses)
{
	const RecoTrack *track = candidate->track;
	int			word;
	RecoFit		one;
	double		best = CLEAR_EVIDENCE;
	int			feature = -1;

	memset(&one, 0, sizeof(one));
	for (int f = 0; f < RECO_NAUDIO; f++)
	{
		double		evidence;

		if (run->fit.targets[f].weight <= 0 || f == RECO_MODE)
			continue;
		one.targets[f] = run->fit.targets[f];
		evidence = reco_fit_weights[f] *
			reco_fit_evidence(&one, run->ranking.background, track->values,
							  track->missing);
		one.targets[f].weight = 0;
		if (evidence > best)
		{
			best = evidence;
			feature = f;
		}
	}
	if (feature < 0 || !begin_clause(reason, clauses))
		return;
	if (feature == RECO_TEMPO)
		appendStringInfo(reason, "tempo %.0f BPM", track->values[feature]);
	else if (feature == RECO_LOUDNESS)
		appendStringInfo(reason, "loudness %.1f dB", track->values[feature]);
	else
		appendStringInfo(reason, "%s %s", reco_feature_name(feature),
						 share_text(track->values[feature]));
	word = run->mood.speaker[feature];
	if (word >= 0 && run->mood.targets[feature].weight > 0)
		appendStringInfo(reason, " fits \"%s\"", run->mood.words->words[word].written);
	else
		appendStringInfoString(reason, " fits");
}

/* Does a folded label hold a stem's word? Stems are beginnings of words. */
static bool
label_says(const char *label, const char *stem)
{
	size_t		len = strlen(stem);

	for (const char *at = label; (at = strstr(at, stem)) != NULL; at++)
		if (at == label || !isalnum((unsigned char) at[-1]))
			return len > 1 || at[len] == '\0' || !isalnum((unsigned char) at[len]);
	return false;
}

/* Says which genre of the track was asked for. */
static void
say_genre(const RecoRun *run, const RecoCandidate *candidate, StringInfo reason,
		  int *clauses)
{
	const RecoTrack *track = candidate->track;

	for (int p = 0; p < run->mood.nphrases; p++)
	{
		const RecoPhrase *phrase = &run->mood.phrases[p];

		if (phrase->negated)
			continue;
		for (int g = 0; g < track->ngenres; g++)
		{
			if (!label_says(asc_tolower(track->genres[g], strlen(track->genres[g])),
							phrase->stem))
				continue;
			if (begin_clause(reason, clauses))
				appendStringInfo(reason, "%s is among its genres", track->genres[g]);
			return;
		}
	}
	if (candidate->track->genre_match >= 0.3f && begin_clause(reason, clauses))
		appendStringInfo(reason, "labels of its artist fit%s",
						 run->nmentioned_tracks + run->nmentioned > 0 ? " what you named" : "");
}

/* Why a track is in the list. */
char *
reco_reason_of(const RecoRun *run, const RecoCandidate *candidate, const RecoNear *near)
{
	StringInfoData reason;
	int			clauses = 0;

	initStringInfo(&reason);
	if (candidate->protected && begin_clause(&reason, &clauses))
		appendStringInfoString(&reason, "you named it");
	say_artist(run, candidate, &reason, &clauses);
	say_near(run, near, &reason, &clauses);
	say_genre(run, candidate, &reason, &clauses);
	say_feature(run, candidate, &reason, &clauses);
	if (candidate->track->text_match > 0 && begin_clause(&reason, &clauses))
		appendStringInfoString(&reason, "its title or artist has words of yours");
	if (clauses == 0 && candidate->track->missing == (1 << RECO_NCOLUMNS) - 1)
		appendStringInfoString(&reason, "fills the list: nothing is measured of it");
	else if (clauses == 0)
		appendStringInfo(&reason, "fits best of what is left, score %s",
						 share_text(candidate->score));
	return reason.data;
}
