/*-------------------------------------------------------------------------
 *
 * facet.h
 *	  Themes and regions as bits: of a track, and of what a prompt says.
 *
 * Purpose: one list of themes and regions for the trigger that derives them
 *			and for the mood that asks for or excludes them.
 * Runs in: any process; no server call.
 * Locks:	none.
 * Never:	find a theme inside a word.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_FACET_H
#define RECO_FACET_H

#include <stdint.h>

#define RECO_NTHEMES	6
#define RECO_NREGIONS	10
#define RECO_SOUNDTRACK	(1 << 4)	/* the bit of that theme */
#define RECO_NFACETS	(RECO_NTHEMES + RECO_NREGIONS)
#define RECO_THEMES		((uint16_t) ((1 << RECO_NTHEMES) - 1))
#define RECO_REGIONS	((uint16_t) (0xFFFF & ~RECO_THEMES))

/* The name of facet bit 'i': holiday, religious, …, latin, french, …. */
extern const char *reco_facet_name(int i);

/* What a folded title or album says: themes that are certain from it alone. */
extern uint16_t reco_facet_of_title(const char *fold);

/* What a folded genre, tag or artist-given label says. */
extern uint16_t reco_facet_of_label(const char *fold);

/* What folded words of a prompt ask for. */
extern uint16_t reco_facet_of_prompt(const char *fold);

#endif							/* RECO_FACET_H */
