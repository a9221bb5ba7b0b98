/*-------------------------------------------------------------------------
 *
 * graph.c
 *	  Drives the nodes of a run: each begins when what it needs is there.
 *
 * Purpose: see graph.h. Nodes stand in an order in which all could run one after the
 *			other; without services that is what happens.
 * Runs in: wherever a run does.
 * Locks:	none.
 * Never:	hold SPI, a snapshot, a pin or memory of the transaction at the wait.
 *
 *-------------------------------------------------------------------------
 */
#include "graph.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define LEAST_RESERVE_US	5000	/* kept back for what is made of answers */
#define RESERVE_SHARE		4		/* at most this part of the time */

typedef enum NodeState
{
	NODE_WAITS = 0,				/* for what it needs */
	NODE_ASKED,
	NODE_TAKEN
} NodeState;

typedef struct NodeRun
{
	NodeState	state;
	TimestampTz asked_at;
	int			nasks;
	RecoAsk		asks[RECO_NODE_MAXASKS];
	RecoTicket *ticket;
} NodeRun;

typedef struct Graph
{
	RecoRun    *run;
	int			nnodes;
	const RecoNode *nodes;
	NodeRun    *states;
	uint32		taken;			/* bit per node */
	bool		stopped;		/* nothing more comes: take everything as it stands */
} Graph;

static bool step(Graph *graph);
static void begin(Graph *graph, int node);
static void take(Graph *graph, int node);
static TimestampTz patience_of(const Graph *graph, int node);
static void wait(Graph *graph);

void
reco_graph_run(RecoRun *run, const RecoNode *nodes, int nnodes, uint32 wanted)
{
	Graph		graph = {.run = run, .nnodes = nnodes, .nodes = nodes};

	Assert(nnodes <= RECO_MAXNODES);
	graph.states = MemoryContextAllocZero(run->context, sizeof(NodeRun) * Max(nnodes, 1));
	for (int i = 0; i < nnodes; i++)
		if (((wanted >> i) & 1) == 0)
		{
			graph.states[i].state = NODE_TAKEN;
			graph.taken |= (uint32) 1 << i;
		}
	for (;;)
	{
		bool		all = true;

		while (step(&graph))
			continue;
		for (int i = 0; i < nnodes; i++)
			all &= graph.states[i].state == NODE_TAKEN;
		if (all)
			break;
		wait(&graph);
	}
}

/* Begins every node that can begin, and takes every one that has been answered. */
static bool
step(Graph *graph)
{
	bool		moved = false;

	for (int i = 0; i < graph->nnodes; i++)
	{
		NodeRun    *state = &graph->states[i];

		CHECK_FOR_INTERRUPTS();
		if (state->state == NODE_WAITS && (graph->nodes[i].needs & ~graph->taken) == 0)
		{
			begin(graph, i);
			moved = true;
		}
		if (state->state == NODE_ASKED &&
			(graph->stopped || reco_source_is_settled(state->ticket) ||
			 GetCurrentTimestamp() >= patience_of(graph, i)))
		{
			take(graph, i);
			moved = true;
		}
	}
	return moved;
}

/* Lets a node put its questions. */
static void
begin(Graph *graph, int node)
{
	RecoRun    *run = graph->run;
	NodeRun    *state = &graph->states[node];

	reco_run_begin_stage(run, graph->nodes[node].stage);
	if (graph->nodes[node].ask != NULL)
		state->nasks = graph->nodes[node].ask(run, state->asks);
	if (state->nasks > 0)
		state->ticket = reco_run_start(run, state->asks, state->nasks);
	reco_run_end_stage(run);
	state->asked_at = GetCurrentTimestamp();
	state->state = NODE_ASKED;
	if (state->nasks == 0)
		take(graph, node);
}

/* Lets a node take its answers, as far as they came. */
static void
take(Graph *graph, int node)
{
	RecoRun    *run = graph->run;
	NodeRun    *state = &graph->states[node];

	reco_run_begin_stage(run, graph->nodes[node].stage);
	if (state->ticket != NULL)
		reco_run_collect(run, state->ticket, state->asks, state->nasks);
	if (graph->nodes[node].take != NULL)
		graph->nodes[node].take(run, state->asks, state->nasks);
	reco_run_end_stage(run);
	state->ticket = NULL;
	state->state = NODE_TAKEN;
	graph->taken |= (uint32) 1 << node;
}

/* When services are no longer waited for: what is made of answers takes time, too. */
static TimestampTz
services_until(const RecoRun *run)
{
	int64		time = run->give_up - run->started;
	int64		busy = 0;

	for (int s = 0; s < RECO_NSTAGES; s++)
		busy += run->stages[s].us;
	return run->give_up - Min(Max(busy, LEAST_RESERVE_US), Max(time / RESERVE_SHARE, 0));
}

/* When a node's answers are taken as they stand. */
static TimestampTz
patience_of(const Graph *graph, int node)
{
	const RecoRun *run = graph->run;
	TimestampTz last = services_until(run);
	int64		time = last - run->started;
	TimestampTz until =
		run->started + (int64) ((double) time * graph->nodes[node].patience);

	if (graph->nodes[node].adds)
		until = Max(until, Min(last, graph->states[node].asked_at + RECO_NODE_GRACE));
	return until;
}

/* Waits until something comes, or somebody's patience is over. */
static void
wait(Graph *graph)
{
	RecoRun    *run = graph->run;
	TimestampTz until = DT_NOEND;
	TimestampTz began = GetCurrentTimestamp();
	int			first = -1;
	bool		came;

	for (int i = 0; i < graph->nnodes; i++)
	{
		if (graph->states[i].state != NODE_ASKED)
			continue;
		if (first < 0)
			first = i;
		until = Min(until, patience_of(graph, i));
	}
	Assert(first >= 0);
	came = reco_source_wait(run->source, until);
	MemoryContextSwitchTo(run->context);

	/* whoever comes first in the order is what the run stands still for */
	run->stages[graph->nodes[first].stage].wait_us += GetCurrentTimestamp() - began;
	if (!came && GetCurrentTimestamp() < until)
		graph->stopped = true;
}
