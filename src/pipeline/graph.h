/*-------------------------------------------------------------------------
 *
 * graph.h
 *	  Drives the nodes of a run: each begins when what it needs is there.
 *
 * Purpose: a node puts questions to the seam, and takes the answers. Nodes that do not
 *			need each other are under way at the same time, and there is one wait for
 *			all of them, the deadline and cancel.
 * Runs in: wherever a run does.
 * Locks:	none.
 * Never:	let one node's patience be another's; wait anywhere else.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_GRAPH_H
#define RECO_GRAPH_H

#include "run.h"

#define RECO_NODE_MAXASKS	4
#define RECO_MAXNODES		32
#define RECO_NODE_GRACE		((int64) 1500 * 1000)	/* us */

typedef struct RecoNode
{
	RecoStage	stage;			/* whose time its work and its waiting are */
	uint32		needs;			/* bit per node that must have been taken before */

	/*
	 * Of the time that there is for services, the share after which what came is taken
	 * as it stands. Every answer needs time for what is made of it.
	 */
	float		patience;

	/* Fills at most RECO_NODE_MAXASKS asks; returns how many. NULL = asks nothing. */
	int (*ask)(RecoRun *run, RecoAsk *asks);

	/* Makes something of the answers; NULL = there is nothing to make. */
	void (*take)(RecoRun *run, RecoAsk *asks, int nasks);

	/*
	 * It adds to a list that others make, and services take longest for it: its patience
	 * is small, but lasts for RECO_NODE_GRACE from when it asked, if there is that much.
	 */
	bool		adds;
} RecoNode;

/* Runs those of some nodes whose bit is set in 'wanted', until all have been taken. */
extern void reco_graph_run(RecoRun *run, const RecoNode *nodes, int nnodes,
						   uint32 wanted);

#endif							/* RECO_GRAPH_H */
