/*-------------------------------------------------------------------------
 *
 * guc.h
 *	  The settings reco.*.
 *
 * Purpose: one variable per setting, for whoever obeys it.
 * Runs in: any process.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_GUC_H
#define RECO_GUC_H

extern int	reco_guc_deadline;	/* ms; how long reco_generate may take */
extern int	reco_guc_node_id;	/* 0..255; part of every id we make */
extern int	reco_guc_repeat_days;	/* days; 0 = off */

extern void reco_guc_define(void);

#endif							/* RECO_GUC_H */
