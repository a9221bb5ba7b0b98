/*-------------------------------------------------------------------------
 *
 * model.h
 *	  A language model's part in a run.
 *
 * Purpose: ask a model, once, where the lexicon is unsure what a prompt means; make the
 *			mood surer by its answer, search anew, and find the artists that it names.
 * Runs in: wherever a run does.
 * Locks:	none.
 * Never:	wait for the model, or fail for want of it: the local mood stands then.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_PIPELINE_MODEL_H
#define RECO_PIPELINE_MODEL_H

#include "compat.h"

#include "lib/stringinfo.h"
#include "model_answer.h"
#include "nodes/pg_list.h"
#include "run.h"

/* What became of it; told by explain, in the document and in the record. */
typedef struct RecoModel
{
	bool		asked;
	const char *server;			/* its name */
	const char *who;			/* which model; NULL = not said */
	RecoOrigin	origin;			/* of the answer */
	const char *why;			/* it was of no use; NULL = it was of use */
	float		before;			/* the lexicon's confidence */
	bool		shared;			/* it was told whom the listener plays */
	int			artists;		/* that it named, and ... */
	int			found;			/* ... that are known here or at a service */
	int			dropped;		/* fields of its answer that were no good */
	int			prompt_tokens;	/* of this run: none for an answer that was kept */
	int			completion_tokens;
	double		cost;			/* by the server's prices; < 0 = it has none */

	/* while the run is under way */
	double		price_in;
	double		price_out;
	RecoModelAnswer *answer;	/* NULL = none, or of no use */
	int			nsuggested;		/* of the keys that are artists' names */
	int			nnamed;			/* behind them: whom the prompt names */
	int			ntracks;		/* and which tracks */
	RecoMention mentions[2 * RECO_MODEL_MAXNAMED];	/* where in the prompt */
} RecoModel;

/* Is there a model that may be asked about some prompt of this run? */
extern bool reco_model_may_be_asked(const RecoRun *run);

/* May the model be told whom the listener plays? Then it is asked once that is known. */
extern bool reco_model_is_told_taste(const RecoRun *run);

/* Nodes: the question; then what the answer changes, searched for. */
extern int	reco_model_put(RecoRun *run, RecoAsk *asks);
extern void reco_model_take(RecoRun *run, RecoAsk *asks, int nasks);
extern int	reco_model_refine(RecoRun *run, RecoAsk *asks);
extern void reco_model_take_refined(RecoRun *run, RecoAsk *asks, int nasks);

/* Adds the genres that the model named to a fit's terms. */
extern void reco_model_add_genres(RecoRun *run);

/* Lines of explain, and the member "model" of a document; nothing where none was asked. */
extern List *reco_model_explain(const RecoRun *run, List *lines);
extern void reco_model_write(StringInfo json, const RecoRun *run);

#endif							/* RECO_PIPELINE_MODEL_H */
