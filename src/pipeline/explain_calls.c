/*-------------------------------------------------------------------------
 *
 * explain_calls.c
 *	  A run told to people: the waterfall of what services were asked.
 *
 * Purpose: when each question was put, where its time went, whom it shared its requests
 *			with; what it cost, and what was not asked because it is known.
 * Runs in: wherever a run does.
 * Locks:	none.
 * Never:	tell a key, or what a service said.
 *
 *-------------------------------------------------------------------------
 */
#include "explain.h"

#include "lib/stringinfo.h"

#define ms(us)	((double) (us) / 1000)
#define BAR		20				/* columns that a run is wide */

#define line(...) (lines = lappend(lines, psprintf(__VA_ARGS__)))

/* Sums over all questions. */
typedef struct Sums
{
	int			requests;		/* that somebody sent because of this run, or with it */
	int			shared;
	int			kept;
	int			missing;
	int			denied;
	int			unasked;		/* questions that all was known of */
	int			prompt_tokens;
	int			completion_tokens;
	double		cost;
} Sums;

static Sums
sum_up(const RecoRun *run)
{
	Sums		sums = {0};

	for (int i = 0; i < run->ncalls; i++)
	{
		const RecoCallTrace *call = &run->calls[i];

		sums.requests += call->calls - call->again;
		sums.shared += call->shared;
		sums.kept += call->kept;
		sums.missing += call->missing;
		sums.denied += call->denied;
		sums.unasked += call->kept + call->missing + call->denied >= call->keys;
		sums.prompt_tokens += call->prompt_tokens;
		sums.completion_tokens += call->completion_tokens;
		sums.cost += call->cost;
	}
	return sums;
}

/* When a question was under way, of the time of the run: "|   ####     |". */
static char *
bar(const RecoRun *run, const RecoCallTrace *call)
{
	char	   *columns = palloc(BAR + 3);
	double		total = (double) Max(run->total_us, 1);
	int			first = (int) (BAR * (call->start_us / total));
	int			last = (int) (BAR * ((call->start_us + call->us) / total));

	first = Max(0, Min(first, BAR - 1));
	last = Max(first, Min(last, BAR - 1));
	memset(columns, ' ', BAR + 2);
	columns[0] = columns[BAR + 1] = '|';
	memset(columns + 1 + first, '#', last - first + 1);
	columns[BAR + 2] = '\0';
	return columns;
}

static void
put_count(StringInfo text, const char *name, int count)
{
	if (count > 0)
		appendStringInfo(text, " %s=%d", name, count);
}

/* What there is to say of a question beside its times. */
static char *
counts_of(const RecoCallTrace *call)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "keys=%d", call->keys);
	put_count(&text, "cached", call->kept);
	put_count(&text, "missing", call->missing);
	put_count(&text, "denied", call->denied);
	put_count(&text, "failed", call->failed);
	appendStringInfo(&text, " requests=%d", call->calls);
	put_count(&text, "again", call->again);
	put_count(&text, "shared", call->shared);
	put_count(&text, "request_keys", call->call_keys);
	put_count(&text, "prompt_tokens", call->prompt_tokens);
	put_count(&text, "completion_tokens", call->completion_tokens);
	if (call->cost > 0)
		appendStringInfo(&text, " cost=%.6f", call->cost);
	return text.data;
}

/* Tells what could not be had, and what was taken instead. */
static List *
explain_fallbacks(const RecoRun *run, List *lines)
{
	for (int i = 0; i < run->nfallbacks; i++)
	{
		const RecoFallback *fallback = &run->fallbacks[i];

		line("  Fall-back: %s of %s (%s: %s) questions=%d  instead: %s",
			 reco_operation_name(fallback->operation), fallback->server,
			 reco_outcome_name(fallback->why), fallback->reason, fallback->n,
			 fallback->instead);
	}
	return lines;
}

/* Tells each question, and what all of them came to. */
List *
reco_explain_calls(const RecoRun *run, List *lines)
{
	Sums		sums = sum_up(run);

	if (run->ncalls == 0 && run->nfallbacks == 0)
		return lines;
	line("Services: questions=%d%s requests=%d shared=%d", run->ncalls,
		 run->ncalls == RECO_TRACE_MOST ? " or more" : "", sums.requests, sums.shared);
	for (int i = 0; i < run->ncalls; i++)
	{
		const RecoCallTrace *call = &run->calls[i];

		line("  ->  %-32s %s (start=%.3f time=%.3f ms) (queued=%.3f limited=%.3f "
			 "network=%.3f parsed=%.3f) (%s)%s",
			 psprintf("%s %s", call->server, reco_operation_name(call->operation)),
			 bar(run, call), ms(call->start_us), ms(call->us), ms(call->queued_us),
			 ms(call->limited_us), ms(call->network_us), ms(call->parsed_us),
			 counts_of(call),
			 call->failed > 0 ? psprintf("  %s", reco_outcome_name(call->outcome)) : "");
	}
	if (sums.kept + sums.missing + sums.denied > 0)
		line("  Saved: keys=%d (cached=%d missing=%d denied=%d), questions=%d",
			 sums.kept + sums.missing + sums.denied, sums.kept, sums.missing, sums.denied,
			 sums.unasked);
	if (sums.prompt_tokens + sums.completion_tokens > 0)
		line("  Tokens: prompt=%d completion=%d%s", sums.prompt_tokens,
			 sums.completion_tokens,
			 sums.cost > 0 ? psprintf(" cost=%.6f", sums.cost) : "");
	return explain_fallbacks(run, lines);
}

/*
 * Tells what the stages come to: one works at a time, or the run waits for one, so that
 * both add up to its time, but for what is done between them.
 */
List *
reco_explain_total(const RecoRun *run, List *lines)
{
	int64		busy = 0;
	int64		waited = 0;

	for (int s = 0; s < RECO_NSTAGES; s++)
	{
		busy += run->stages[s].us;
		waited += run->stages[s].wait_us;
	}
	line("Total: time=%.3f ms (busy=%.3f waited=%.3f between=%.3f) (stages=%.1f %%)",
		 ms(run->total_us), ms(busy), ms(waited), ms(run->total_us - busy - waited),
		 100.0 * (double) (busy + waited) / (double) Max(run->total_us, 1));
	return lines;
}
