/*-------------------------------------------------------------------------
 *
 * text.h
 *	  Words: folding, tokens and stems, the same for catalogue and prompt.
 *
 * Purpose: turn any text that the server lets in into comparable words.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of syscache look-ups.
 * Never:	fail on what a person typed; match by substring.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_TEXT_H
#define RECO_TEXT_H

#include "compat.h"

#include "reco.h"

/* What the words of one transaction need; cheap to make, never kept across one. */
typedef struct RecoTextTools
{
	Oid			unaccent_function;
	Oid			unaccent_dictionary;
	void	   *stemmer;		/* TSDictionaryCacheEntry */
	void	   *parser;			/* TSParserCacheEntry */
	Oid			config;			/* pg_catalog.english */
} RecoTextTools;

extern void reco_text_open(RecoTextTools *tools);

/* Folds a text: no accents, case, punctuation; words joined by single spaces. */
extern char *reco_text_fold(const RecoTextTools *tools, const char *text);

/*
 * Cuts what only tells versions of a title apart: "(feat. …)", "- Remastered
 * 2011", "[Radio Edit]". Returns the folded rest, or the folded whole when
 * nothing would be left.
 */
extern char *reco_text_title_key(const RecoTextTools *tools, const char *title);

/* Splits a text into at most 'max' words, with stems. */
extern RecoWords *reco_text_words(const RecoTextTools *tools, const char *text, int max);

/* Is there nothing in a text that a person could see? */
extern bool reco_text_is_blank(const char *text);

/* Stems one folded word; NULL for a stop word. */
extern char *reco_text_stem(const RecoTextTools *tools, const char *fold);

#endif							/* RECO_TEXT_H */
