/*-------------------------------------------------------------------------
 *
 * budget.c
 *	  How many calls a run may cause.
 *
 * Purpose: see budget.h.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	let one hour use what the rest of the day is to live on.
 *
 *-------------------------------------------------------------------------
 */
#include "budget.h"

#include <string.h>
#include <strings.h>

#define HOURS_SHARE		6		/* an hour may use one of so many parts of the rest */
#define RUNS_SHARE		4		/* and a run one of so many of the hour's */
#define UNLIMITED		"unlimited"

static const char *const kinds[RECO_NBUDGETS] = {"spotify", "reccobeats", "model"};
static const RecoBudget defaults = {{12, 6, 1}};

RecoBudgetKind
reco_budget_kind(RecoService service)
{
	return service == RECO_SPOTIFY	 ? RECO_BUDGET_SPOTIFY
		: service == RECO_RECCOBEATS ? RECO_BUDGET_RECCOBEATS
									 : RECO_BUDGET_MODEL;
}

const char *
reco_budget_kind_name(RecoBudgetKind kind)
{
	return kinds[kind];
}

static void
skip_blanks(const char **text)
{
	*text += strspn(*text, " \t\r\n");
}

/* Reads a kind's name; -1 = it is none. */
static int
read_kind(const char **text)
{
	size_t		len = strcspn(*text, "= \t\r\n,");

	for (int i = 0; i < RECO_NBUDGETS; i++)
		if (strlen(kinds[i]) == len && strncasecmp(*text, kinds[i], len) == 0)
		{
			*text += len;
			return i;
		}
	return -1;
}

/* Reads a number of calls; -1 = it is none. */
static int
read_calls(const char **text)
{
	int			calls = 0;

	if (strncasecmp(*text, UNLIMITED, strlen(UNLIMITED)) == 0)
	{
		*text += strlen(UNLIMITED);
		return RECO_BUDGET_UNLIMITED;
	}
	if (**text < '0' || **text > '9')
		return -1;
	for (; **text >= '0' && **text <= '9'; (*text)++)
	{
		calls = 10 * calls + (**text - '0');
		if (calls > RECO_BUDGET_UNLIMITED)
			return -1;
	}
	return calls;
}

/* Reads a budget. */
bool
reco_budget_parse(const char *text, RecoBudget *budget, const char **wrong)
{
	bool		seen[RECO_NBUDGETS] = {false};

	*budget = defaults;
	skip_blanks(&text);
	while (*text != '\0')
	{
		int			kind;

		*wrong = text;
		kind = read_kind(&text);
		if (kind < 0 || seen[kind])
			return false;
		seen[kind] = true;
		skip_blanks(&text);
		if (*text++ != '=')
			return false;
		skip_blanks(&text);
		budget->calls[kind] = read_calls(&text);
		if (budget->calls[kind] < 0)
			return false;
		skip_blanks(&text);
		if (*text == '\0')
			return true;
		if (*text++ != ',')
			return false;
		skip_blanks(&text);
		if (*text == '\0')
			return false;
	}
	return true;
}

/* One of so many parts, rounded up. */
static int64_t
part(int64_t whole, int parts)
{
	return whole <= 0 ? 0 : (whole + parts - 1) / parts;
}

int64_t
reco_budget_hour(int quota, bool background, int64_t before)
{
	if (background)
		quota -= quota / 3;
	return part(quota - before, HOURS_SHARE);
}

/* Shares a quota out. */
int
reco_budget_share(int budget, int quota, bool background, int64_t before, int64_t now)
{
	int64_t		runs;

	if (quota <= 0)
		return budget;
	runs = part(reco_budget_hour(quota, background, before) - now, RUNS_SHARE);
	return runs < budget ? (int) runs : budget;
}
