/*-------------------------------------------------------------------------
 *
 * server_options.c
 *	  The options of servers and user mappings of wrapper reco_upstream.
 *
 * Purpose: see server_options.h.
 * Runs in: a backend.
 * Locks:	none.
 * Never:	repeat an option's value in a message: it may hold a secret. An error
 *			about a mapping, or a URL with a secret in it, hides the statement.
 *			Raise an error about what stands in the catalogue already: one server
 *			must not keep the others from being asked.
 *
 *-------------------------------------------------------------------------
 */
#include "server_options.h"

#include <ctype.h>
#include <limits.h>

#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "upstream/address.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#define MAX_URL			255		/* bytes; a lane remembers no more */
#define MAX_MODEL		200
#define MAX_RATE		1000000
#define MAX_PRICE		1000000.0
#define HOUR_MS			(3600 * 1000)
#define DAY_MS			(24 * HOUR_MS)
#define NEAR_NAME		3		/* letters that a misspelt option may differ by */

typedef enum OptionType
{
	OPTION_KIND,
	OPTION_URL,
	OPTION_RATE,
	OPTION_COUNT,
	OPTION_DURATION,			/* in ms */
	OPTION_MODEL,
	OPTION_PRICE,
	OPTION_MARKET,
	OPTION_FILE,
	OPTION_ACCESS,
	OPTION_BOOL
} OptionType;

#define SPOTIFY		(1 << RECO_SPOTIFY)
#define MODELS		((1 << RECO_GEMINI) | (1 << RECO_OPENAI))
#define ALL			((1 << RECO_NSERVICES) - 1)

typedef struct OptionRow
{
	const char *name;
	OptionType	type;
	int			services;		/* that have it, as bits */
	size_t		offset;			/* in RecoServerOptions */
	int			most;			/* of a count or duration; the least is 1 */
} OptionRow;

#define AT(member) offsetof(RecoServerOptions, member)

static const OptionRow rows[] = {
	{"kind", OPTION_KIND, ALL, AT(options.service), 0},
	{"base_url", OPTION_URL, ALL, AT(options.base_url), 0},
	{"accounts_url", OPTION_URL, SPOTIFY, AT(options.accounts_url), 0},
	{"rate", OPTION_RATE, ALL, 0, 0},
	{"burst", OPTION_COUNT, ALL, AT(options.burst), MAX_RATE},
	{"max_concurrency", OPTION_COUNT, ALL, AT(options.max_concurrency), 1000},
	{"batch_max", OPTION_COUNT, ALL, AT(options.batch_max), 1000},
	{"connect_timeout", OPTION_DURATION, ALL, AT(options.connect_timeout_ms), HOUR_MS},
	{"timeout", OPTION_DURATION, ALL, AT(options.timeout_ms), HOUR_MS},
	{"deadline", OPTION_DURATION, ALL, AT(options.deadline_ms), DAY_MS},
	{"model", OPTION_MODEL, MODELS, AT(options.model), 0},
	{"price_in", OPTION_PRICE, MODELS, AT(options.price_in), 0},
	{"price_out", OPTION_PRICE, MODELS, AT(options.price_out), 0},
	{"market", OPTION_MARKET, SPOTIFY, AT(options.market), 0},
	{"share_with_llm", OPTION_BOOL, ALL, AT(options.share_with_llm), 0},
	{"allow_plaintext", OPTION_BOOL, ALL, AT(options.allow_plaintext), 0},
	{"allow_private", OPTION_BOOL, ALL, AT(options.allow_private), 0},
	{"ca_file", OPTION_FILE, ALL, AT(options.ca_file), 0},
	{"daily_quota", OPTION_COUNT, ALL, AT(options.daily_quota), INT_MAX},
	{"access", OPTION_ACCESS, SPOTIFY, AT(options.access), 0},
	{"enabled", OPTION_BOOL, ALL, AT(enabled), 0},
};

static const char *const mapping_names[] = {"client_id", "client_secret", "api_key",
											"secret_file"};

static bool read_kind(List *options, RecoService *service, RecoProblem *problem);
static bool read_option(const OptionRow *row, const char *value,
						RecoServerOptions *result, RecoProblem *problem);
static bool read_rate(const char *value, RecoOptions *options, RecoProblem *problem);
static bool read_url(const OptionRow *row, const char *value, const char **url,
					 RecoProblem *problem);
static bool check_together(List *options, const RecoServerOptions *result,
						   RecoProblem *problem);
static void check_rights(List *options, const RecoServerOptions *result);
static void check_address(const char *name, const char *url, const RecoOptions *options);
static bool unknown_option(const char *name, const char *whose, const char *const *names,
						   int nnames, RecoProblem *problem);

/* Notes what is wrong; false. */
static bool
fail(RecoProblem *problem, int sqlstate, const char *message, const char *hint)
{
	problem->sqlstate = sqlstate;
	problem->message = message;
	problem->hint = hint;
	return false;
}

/* Notes that a server option's value is wrong; false. */
static bool
bad_value(RecoProblem *problem, const char *name, const char *takes)
{
	return fail(problem, ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE,
				psprintf("invalid value for option \"%s\"", name),
				psprintf("Option \"%s\" takes %s.", name, takes));
}

/* The value of an option; "", which none takes, where there is none. */
static const char *
value_of(DefElem *option)
{
	return option->arg == NULL ? "" : defGetString(option);
}

/* Reads a server's options. */
bool
reco_server_read_options(List *options, RecoServerOptions *result, RecoProblem *problem)
{
	RecoService service = RECO_NSERVICES;
	bool		known;
	ListCell   *cell;

	memset(result, 0, sizeof(*result));
	result->enabled = true;
	known = read_kind(options, &service, problem);
	if (service != RECO_NSERVICES)
		reco_service_defaults(service, &result->options);
	result->options.service = service;
	if (!known)
		return false;
	foreach (cell, options)
	{
		DefElem    *option = lfirst(cell);
		const OptionRow *row = NULL;

		for (size_t i = 0; i < lengthof(rows); i++)
			if (strcmp(rows[i].name, option->defname) == 0)
				row = &rows[i];
		Assert(row != NULL);	/* read_kind has looked */
		if (!(row->services & (1 << service)))
			return fail(problem, ERRCODE_FDW_INVALID_OPTION_NAME,
						psprintf("a server of kind \"%s\" has no option \"%s\"",
								 reco_service_name(service), row->name),
						"Leave the option out, or choose another kind.");
		if (!read_option(row, value_of(option), result, problem))
			return false;
	}
	return check_together(options, result, problem);
}

/* Checks the options of CREATE and ALTER SERVER. */
void
reco_server_check_options(List *options)
{
	RecoServerOptions result;
	RecoProblem problem = {0};

	if (!reco_server_read_options(options, &result, &problem))
		reco_problem_raise(&problem);
	check_rights(options, &result);
}

/* Finds the kind, which decides on the defaults; unknown options end here. */
static bool
read_kind(List *options, RecoService *service, RecoProblem *problem)
{
	static const char *names[lengthof(rows)];
	int			kind = -1;
	const char *stranger = NULL;
	bool		given = false;
	ListCell   *cell;

	for (size_t i = 0; i < lengthof(rows); i++)
		names[i] = rows[i].name;
	foreach (cell, options)
	{
		DefElem    *option = lfirst(cell);
		bool		known = false;

		for (size_t i = 0; i < lengthof(rows); i++)
			known |= strcmp(rows[i].name, option->defname) == 0;
		if (!known && stranger == NULL)
			stranger = option->defname;
		if (strcmp(option->defname, "kind") != 0)
			continue;
		given = true;
		kind = reco_service_of(value_of(option));
	}
	if (kind >= 0)
		*service = (RecoService) kind;
	if (stranger != NULL)
		return unknown_option(stranger, "a server", names, lengthof(rows), problem);
	if (!given)
		return fail(problem, ERRCODE_FDW_OPTION_NAME_NOT_FOUND,
					"option \"kind\" is missing",
					"Add kind 'spotify', 'reccobeats', 'gemini' or 'openai'.");
	if (kind < 0)
		return bad_value(problem, "kind",
						 "'spotify', 'reccobeats', 'gemini' or 'openai'");
	return true;
}

/* Is a value of as many letters as a model's name may have, all printable? */
static bool
is_printable(const char *value, size_t most)
{
	size_t		len = strlen(value);

	for (size_t i = 0; i < len; i++)
		if ((unsigned char) value[i] <= ' ' || (unsigned char) value[i] > '~')
			return false;
	return len > 0 && len <= most;
}

/* Reads a whole number, with a unit of time for durations. */
static bool
read_number(const OptionRow *row, const char *value, int *number, RecoProblem *problem)
{
	bool		duration = row->type == OPTION_DURATION;

	if (parse_int(value, number, duration ? GUC_UNIT_MS : 0, NULL) && *number >= 1 &&
		*number <= row->most)
		return true;
	return bad_value(
		problem, row->name,
		duration ? psprintf("a duration of 1 ms to %d s, for example '500ms' or '15s'",
							row->most / 1000)
				 : psprintf("a whole number from 1 to %d", row->most));
}

/* Reads a price of a million tokens. */
static bool
read_price(const OptionRow *row, const char *value, double *price, RecoProblem *problem)
{
	if (parse_real(value, price, 0, NULL) && *price >= 0 && *price <= MAX_PRICE)
		return true;
	return bad_value(problem, row->name,
					 "what a million tokens cost, a number that is not negative, for "
					 "example '0.3'");
}

/* Reads a market: two letters. */
static bool
read_market(const OptionRow *row, const char *value, const char **market,
			RecoProblem *problem)
{
	char	   *letters = pstrdup(value);

	if (strlen(value) != 2 || !isalpha((unsigned char) value[0]) ||
		!isalpha((unsigned char) value[1]))
		return bad_value(problem, row->name,
						 "the two letters of a country, for example 'DE'");
	for (int i = 0; i < 2; i++)
		letters[i] = pg_toupper((unsigned char) letters[i]);
	*market = letters;
	return true;
}

static bool
read_access(const OptionRow *row, const char *value, RecoAccess *access,
			RecoProblem *problem)
{
	if (strcmp(value, "auto") == 0)
		*access = RECO_ACCESS_AUTO;
	else if (strcmp(value, "extended") == 0)
		*access = RECO_ACCESS_EXTENDED;
	else if (strcmp(value, "development") == 0)
		*access = RECO_ACCESS_DEVELOPMENT;
	else
		return bad_value(problem, row->name, "'auto', 'extended' or 'development'");
	return true;
}

/* Reads one option into its place. */
static bool
read_option(const OptionRow *row, const char *value, RecoServerOptions *result,
			RecoProblem *problem)
{
	void	   *at = (char *) result + row->offset;

	switch (row->type)
	{
		case OPTION_KIND:
			break;
		case OPTION_URL:
			return read_url(row, value, at, problem);
		case OPTION_RATE:
			return read_rate(value, &result->options, problem);
		case OPTION_COUNT:
		case OPTION_DURATION:
			return read_number(row, value, at, problem);
		case OPTION_MODEL:
			if (!is_printable(value, MAX_MODEL))
				return bad_value(problem, row->name,
								 "a model's name as the service writes it");
			*(const char **) at = pstrdup(value);
			break;
		case OPTION_PRICE:
			return read_price(row, value, at, problem);
		case OPTION_MARKET:
			return read_market(row, value, at, problem);
		case OPTION_FILE:
			if (!is_absolute_path(value))
				return bad_value(problem, row->name, "the absolute path of a file");
			*(const char **) at = pstrdup(value);
			break;
		case OPTION_ACCESS:
			return read_access(row, value, at, problem);
		case OPTION_BOOL:
			if (!parse_bool(value, (bool *) at))
				return bad_value(problem, row->name, "'true' or 'false'");
			break;
	}
	return true;
}

/* Reads a rate: so many in such a window. */
static bool
read_rate(const char *value, RecoOptions *options, RecoProblem *problem)
{
	const char *takes =
		"how many calls in which time, for example '90/30s'; at most 1000000, in 1 ms to 1 d";
	const char *slash = strchr(value, '/');
	int			count = 0;
	int			window_ms = 0;

	/* a window without a unit could mean anything */
	if (slash == NULL || strlen(slash) < 2 ||
		!isalpha((unsigned char) slash[strlen(slash) - 1]) ||
		!parse_int(pnstrdup(value, slash - value), &count, 0, NULL) || count < 1 ||
		count > MAX_RATE || !parse_int(slash + 1, &window_ms, GUC_UNIT_MS, NULL) ||
		window_ms < 1 || window_ms > DAY_MS)
		return bad_value(problem, "rate", takes);
	options->rate_count = count;
	options->rate_window_us = (int64) window_ms * 1000;
	return true;
}

/* Reads a URL, and cuts slashes off its end. */
static bool
read_url(const OptionRow *row, const char *value, const char **url, RecoProblem *problem)
{
	char	   *copy = pstrdup(value);
	RecoUrl		parts;
	const char *why = NULL;

	if (strlen(value) > MAX_URL)
		why = "it is too long";
	if (why != NULL || !reco_url_parse(value, &parts, &why))
	{
		problem->hide = strpbrk(value, "@?") != NULL;
		return fail(
			problem, ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE,
			psprintf("invalid value for option \"%s\": %s", row->name, why),
			psprintf(
				"Option \"%s\" takes http(s)://host[:port][/path] of up to %d bytes; secrets belong in a user mapping.",
				row->name, MAX_URL));
	}
	for (size_t len = strlen(copy); len > 0 && copy[len - 1] == '/'; len--)
		copy[len - 1] = '\0';
	*url = copy;
	return true;
}

/* Checks what one option says of another. */
static bool
check_together(List *given, const RecoServerOptions *result, RecoProblem *problem)
{
	const RecoOptions *options = &result->options;
	bool		model = false;
	ListCell   *cell;

	/* services give up their models within a year or two: no default would last */
	foreach (cell, given)
		model |= strcmp(((DefElem *) lfirst(cell))->defname, "model") == 0;
	if (((1 << options->service) & MODELS) && !model)
		return fail(problem, ERRCODE_FDW_OPTION_NAME_NOT_FOUND,
					"option \"model\" is missing",
					psprintf("A server of kind \"%s\" needs the name of a model.",
							 reco_service_name(options->service)));
	if (options->rate_count > 0 && options->burst > options->rate_count)
		return bad_value(
			problem, "burst",
			psprintf("a whole number from 1 to %d, the most that the rate allows",
					 options->rate_count));
	return true;
}

bool
reco_server_is_loopback(const char *url)
{
	RecoUrl		parts;
	const char *why;
	RecoAddressClass class;

	return url != NULL && reco_url_parse(url, &parts, &why) &&
		reco_address_of_host(parts.host, &class) && class == RECO_ADDRESS_LOOPBACK;
}

/* Checks what only a superuser may say, and where the addresses lead. */
static void
check_rights(List *options, const RecoServerOptions *result)
{
	static const char *const guarded[] = {"allow_private", "ca_file"};
	ListCell   *cell;

	foreach (cell, options)
		for (size_t i = 0; i < lengthof(guarded) && !superuser(); i++)
			if (strcmp(((DefElem *) lfirst(cell))->defname, guarded[i]) == 0)
				ereport(
					ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied to set option \"%s\"", guarded[i]),
					 errhint(
						 "Only a superuser can create or alter a server with this option.")));
	check_address("base_url", result->options.base_url, &result->options);
	if (result->options.accounts_url != NULL)
		check_address("accounts_url", result->options.accounts_url, &result->options);
}

/* Checks an address as it is written; names are judged when a socket opens. */
static void
check_address(const char *name, const char *url, const RecoOptions *options)
{
	RecoUrl		parts;
	const char *why;
	RecoAddressClass class = RECO_ADDRESS_PUBLIC;

	if (url == NULL || !reco_url_parse(url, &parts, &why))
		return;
	if (!reco_address_of_host(parts.host, &class))
		class = RECO_ADDRESS_PUBLIC;
	if (class == RECO_ADDRESS_LOOPBACK && !superuser())
		ereport(
			ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("option \"%s\" leads to this very machine", name),
			 errhint(
				 "Only a superuser can create or alter a server with a loopback address.")));
	if ((class == RECO_ADDRESS_PRIVATE || class == RECO_ADDRESS_LINK_LOCAL) &&
		!options->allow_private)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("option \"%s\" leads to a private address", name),
				 errhint("If that is meant, a superuser can add allow_private 'true'.")));
	if (class == RECO_ADDRESS_INVALID)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("option \"%s\" leads to an address that nobody can have", name),
				 errhint("Give the host's name, or its own address.")));
	if (!parts.tls && class != RECO_ADDRESS_LOOPBACK && !options->allow_plaintext)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("option \"%s\" would send secrets in plain text", name),
				 errhint("Use https, or add allow_plaintext 'true'.")));
}

/* Notes that there is no such option, and names those that there are; false. */
static bool
unknown_option(const char *name, const char *whose, const char *const *names, int nnames,
			   RecoProblem *problem)
{
	StringInfoData hint;
	int			nearest = -1;
	int			distance = NEAR_NAME + 1;

	initStringInfo(&hint);
	for (int i = 0; i < nnames && strlen(name) <= NAMEDATALEN; i++)
	{
		int			d = varstr_levenshtein_less_equal(name, strlen(name), names[i],
											  strlen(names[i]), 1, 1, 1, NEAR_NAME, true);

		if (d < distance && d < (int) strlen(name))
		{
			distance = d;
			nearest = i;
		}
	}
	if (nearest >= 0)
		appendStringInfo(&hint, "Perhaps you meant \"%s\". ", names[nearest]);
	appendStringInfo(&hint, "The options of %s are: ", whose);
	for (int i = 0; i < nnames; i++)
		appendStringInfo(&hint, "%s%s", i > 0 ? ", " : "", names[i]);
	appendStringInfoChar(&hint, '.');
	return fail(problem, ERRCODE_FDW_INVALID_OPTION_NAME,
				psprintf("invalid option \"%s\"", name), hint.data);
}

bool
reco_secret_is_sound(const char *secret)
{
	return is_printable(secret, RECO_SECRET_MAX);
}

/* Raises that a mapping's options do not go together. */
pg_noreturn static void
bad_mapping(const char *message, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE), errmsg("%s", message),
			 errhint("%s", hint), errhidestmt(true)));
}

/* Checks a user mapping's options. */
void
reco_mapping_check_options(List *options)
{
	const char *values[lengthof(mapping_names)] = {NULL};
	ListCell   *cell;

	foreach (cell, options)
	{
		DefElem    *option = lfirst(cell);
		size_t		i = 0;

		while (i < lengthof(mapping_names) &&
			   strcmp(mapping_names[i], option->defname) != 0)
			i++;
		if (i == lengthof(mapping_names))
		{
			RecoProblem problem = {.hide = true};

			(void) unknown_option(option->defname, "a user mapping", mapping_names,
								  lengthof(mapping_names), &problem);
			reco_problem_raise(&problem);
		}
		values[i] = defGetString(option);
		if (i < 3 && !reco_secret_is_sound(values[i]))
			bad_mapping(psprintf("invalid value for option \"%s\"", mapping_names[i]),
						"It takes 1 to 2048 printable ASCII characters, without spaces.");
	}
	if (values[3] != NULL && !superuser())
		ereport(
			ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to set option \"secret_file\""),
			 errhint(
				 "Only a superuser can create or alter a user mapping with this option."),
			 errhidestmt(true)));
	if (values[3] != NULL && !is_absolute_path(values[3]))
		bad_mapping("invalid value for option \"secret_file\"",
					"It takes the absolute path of a file on the server.");
	if (values[3] != NULL && (values[1] != NULL || values[2] != NULL))
		bad_mapping("option \"secret_file\" excludes \"client_secret\" and \"api_key\"",
					"Put the secret into the file, or into the mapping.");
	if (values[2] != NULL && (values[0] != NULL || values[1] != NULL))
		bad_mapping("option \"api_key\" excludes \"client_id\" and \"client_secret\"",
					"Spotify takes client_id and client_secret; Gemini and OpenAI take api_key.");
	if (values[3] == NULL && (values[0] == NULL) != (values[1] == NULL))
		bad_mapping("options \"client_id\" and \"client_secret\" go together",
					"Give both, or keep the secret in a file: secret_file.");
}
