/*-------------------------------------------------------------------------
 *
 * options.c
 *	  From SQL arguments to a request.
 *
 * Purpose: see options.h.
 * Runs in: a backend.
 * Locks:	none.
 * Never:	ignore an option that it does not know.
 *
 *-------------------------------------------------------------------------
 */
#include "options.h"

#include <math.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "catalogue/text.h"
#include "guc.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#define DEFAULT_SIZE	20
#define DEFAULT_RANKED	500
#define MAX_LIST		1000	/* elements of an option that is an array */
#define MAX_DEADLINE_MS	(24 * 3600 * 1000)

/* One value of the options document. */
typedef struct Option
{
	const char *name;
	JsonbValue *value;
} Option;

static void read_options(Jsonb *options, RecoRequest *request);

char *
reco_argument_text(FunctionCallInfo fcinfo, int nth, const char *name)
{
	if (PG_ARGISNULL(nth))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name),
				 errhint("Give a value for argument \"%s\".", name)));
	return text_to_cstring(PG_GETARG_TEXT_PP(nth));
}

char *
reco_argument_user(FunctionCallInfo fcinfo, int nth, bool anonymous)
{
	char	   *user_id;

	if (PG_ARGISNULL(nth))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("user_id must not be null"),
				 anonymous ? errhint("Use '' for an anonymous listener.") : 0));
	user_id = text_to_cstring(PG_GETARG_TEXT_PP(nth));
	if (strlen(user_id) > RECO_MAX_ID && !anonymous)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("user_id must not be longer than %d bytes", RECO_MAX_ID),
				 errhint("Use the id that the application knows the listener by.")));
	if (user_id[0] == '\0' && !anonymous)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("user_id must not be empty"),
				 errhint("An anonymous listener has no history to write to.")));
	return user_id;
}

/* Raises an ERROR where nothing can be written. */
void
reco_require_writable(const char *function)
{
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s cannot run on a hot standby", function),
				 errhint("Call it on the primary server.")));
	if (XactReadOnly)
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("cannot execute %s in a read-only transaction", function),
				 errhint("Begin a READ WRITE transaction.")));
}

/* Takes the prompt; one without a visible character is an error. */
char *
reco_argument_prompt(FunctionCallInfo fcinfo, int nth)
{
	char	   *prompt = reco_argument_text(fcinfo, nth, "prompt");

	if (reco_text_is_blank(prompt))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("prompt must not be empty"),
				 errhint("Say in a few words what to listen to, for example "
						 "'rainy sunday, calm'.")));
	return prompt;
}

/* A request with everything at its default. */
static RecoRequest *
new_request(FunctionCallInfo fcinfo)
{
	RecoRequest *request = palloc0(sizeof(RecoRequest));

	request->user_id = reco_argument_user(fcinfo, 0, true);
	request->prompt = reco_argument_prompt(fcinfo, 1);
	request->size = DEFAULT_SIZE;
	request->deadline_ms = reco_guc_deadline;
	for (int s = 0; s < RECO_NSTRATEGIES; s++)
		request->strategies[s] = true;
	request->familiarity = 0.5f;
	request->repeat_days = reco_guc_repeat_days;
	request->min_popularity = request->max_popularity = -1;
	return request;
}

RecoRequest *
reco_request_from(FunctionCallInfo fcinfo)
{
	RecoRequest *request = new_request(fcinfo);

	if (!PG_ARGISNULL(2))
		request->size = PG_GETARG_INT32(2);
	if (request->size < 1 || request->size > RECO_MAX_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("size must be between 1 and %d, not %d", RECO_MAX_SIZE, request->size),
				 errhint("Ask for a list of 1 to %d tracks.", RECO_MAX_SIZE)));
	if (!PG_ARGISNULL(3))
		request->deadline_ms = reco_argument_deadline(PG_GETARG_INTERVAL_P(3));
	if (!PG_ARGISNULL(4))
		read_options(PG_GETARG_JSONB_P(4), request);
	return request;
}

RecoRequest *
reco_rank_request_from(FunctionCallInfo fcinfo)
{
	RecoRequest *request = new_request(fcinfo);

	request->ranked = PG_ARGISNULL(2) ? DEFAULT_RANKED : PG_GETARG_INT32(2);
	if (request->ranked < 1 || request->ranked > RECO_MAX_RANKED)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n must be between 1 and %d, not %d", RECO_MAX_RANKED,
						request->ranked),
				 errhint("Ask for as many tracks as you want to see ranked.")));
	if (!PG_ARGISNULL(3))
		read_options(PG_GETARG_JSONB_P(3), request);
	return request;
}

pg_noreturn static void
bad_option(const Option *option, const char *expected)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"%s\"", option->name),
			 errhint("Option \"%s\" takes %s.", option->name, expected)));
}

static double
number_of(const Option *option, double low, double high, const char *expected)
{
	double		number;

	if (option->value->type != jbvNumeric)
		bad_option(option, expected);
	number =
		DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
										   NumericGetDatum(option->value->val.numeric)));
	if (!(number >= low && number <= high))
		bad_option(option, expected);
	return number;
}

static int
integer_of(const Option *option, int low, int high, const char *expected)
{
	double		number = number_of(option, low, high, expected);

	if (number != floor(number))
		bad_option(option, expected);
	return (int) number;
}

/* The strings of an array; a single string counts as an array of one. */
static const char **
strings_of(const Option *option, int *n, const char *expected)
{
	JsonbValue *value = option->value;
	JsonbContainer *array;
	uint32		count;
	const char **strings;

	*n = 0;
	if (value->type == jbvString)
	{
		strings = palloc(sizeof(char *));
		strings[(*n)++] = pnstrdup(value->val.string.val, value->val.string.len);
		return strings;
	}
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data) ||
		JsonContainerIsScalar(value->val.binary.data))
		bad_option(option, expected);
	array = value->val.binary.data;
	count = JsonContainerSize(array);
	if (count > MAX_LIST)
		bad_option(option, psprintf("%s, at most %d", expected, MAX_LIST));
	strings = palloc(sizeof(char *) * Max(count, 1));
	for (uint32 i = 0; i < count; i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(array, i);

		if (element == NULL || element->type != jbvString)
			bad_option(option, expected);
		strings[(*n)++] = pnstrdup(element->val.string.val, element->val.string.len);
	}
	return strings;
}

static void
read_seed(const Option *option, RecoRequest *request)
{
	const char *expected = "a whole number";
	double		number = number_of(option, -9e15, 9e15, expected);

	if (number != floor(number))
		bad_option(option, expected);
	request->seed = (int64) number;
}

static void
read_order(const Option *option, RecoRequest *request)
{
	const char *expected = "\"arc\" or \"score\"";
	char	   *order;

	if (option->value->type != jbvString)
		bad_option(option, expected);
	order = pnstrdup(option->value->val.string.val, option->value->val.string.len);
	if (strcmp(order, "score") != 0 && strcmp(order, "arc") != 0)
		bad_option(option, expected);
	request->by_score = strcmp(order, "score") == 0;
}

static void
read_strategies(const Option *option, RecoRequest *request)
{
	const char *expected =
		"an array of \"user_anchors\", \"artist_discovery\" and \"seed_based\", at least one";
	int			n;
	const char **names = strings_of(option, &n, expected);

	if (n == 0)
		bad_option(option, expected);
	memset(request->strategies, 0, sizeof(request->strategies));
	for (int i = 0; i < n; i++)
	{
		int			s;

		for (s = 0; s < RECO_NSTRATEGIES; s++)
		{
			if (strcmp(names[i], reco_rank_strategy_name(s)) != 0)
				continue;
			request->strategies[s] = true;
			break;
		}
		if (s == RECO_NSTRATEGIES)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unrecognized strategy \"%s\"", names[i]),
					 errhint("Option \"strategies\" takes %s.", expected)));
	}
}

static void
read_negative_tracks(const Option *option, RecoRequest *request)
{
	request->negative_tracks = strings_of(option, &request->nnegative, "an array of track ids");
}

static void
read_exclude_artists(const Option *option, RecoRequest *request)
{
	request->exclude_artists =
		strings_of(option, &request->nexclude, "an array of artist ids or names");
}

static void
read_include_artists(const Option *option, RecoRequest *request)
{
	request->include_artists =
		strings_of(option, &request->ninclude, "an array of artist ids or names");
}

static void
read_familiarity(const Option *option, RecoRequest *request)
{
	request->familiarity =
		(float) number_of(option, 0, 1, "a number from 0 (known) to 1 (adventurous)");
}

static void
read_repeat_days(const Option *option, RecoRequest *request)
{
	request->repeat_days = integer_of(option, 0, 3650, "a whole number of days from 0 to 3650");
}

static void
read_min_popularity(const Option *option, RecoRequest *request)
{
	request->min_popularity = integer_of(option, 0, 100, "a whole number from 0 to 100");
}

static void
read_max_popularity(const Option *option, RecoRequest *request)
{
	request->max_popularity = integer_of(option, 0, 100, "a whole number from 0 to 100");
}

/* Reads one bound of an era. */
static int
era_bound(const Option *option, const char *key, const char *expected)
{
	JsonbValue *value = getKeyJsonValueFromContainer(option->value->val.binary.data, key,
													 strlen(key), NULL);
	Option		bound = *option;

	if (value == NULL || value->type == jbvNull)
		return 0;
	bound.value = value;
	return integer_of(&bound, 1000, 2100, expected);
}

/* Has an object a key? 1 or 0. */
static int
has_key(JsonbValue *object, const char *key)
{
	return getKeyJsonValueFromContainer(object->val.binary.data, key, strlen(key),
										NULL) != NULL;
}

static void
read_era(const Option *option, RecoRequest *request)
{
	const char *expected =
		"an object with \"from\" and \"to\", years from 1000 to 2100, or a decade like \"80s\"";
	JsonbValue *value = option->value;

	if (value->type == jbvString)
	{
		char	   *text = pnstrdup(value->val.string.val, value->val.string.len);
		size_t		digits = strspn(text, "0123456789");
		int			year = atoi(text);

		if ((digits != 2 && digits != 4) || strcmp(text + digits, "s") != 0 ||
			year % 10 != 0)
			bad_option(option, expected);
		request->era_from = digits == 4 ? year : year >= 30 ? 1900 + year : 2000 + year;
		if (request->era_from < 1000 || request->era_from > 2100)
			bad_option(option, expected);
		request->era_to = request->era_from + 9;
		return;
	}
	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		bad_option(option, expected);
	if (JsonContainerSize(value->val.binary.data) !=
		has_key(value, "from") + has_key(value, "to"))
		bad_option(option, expected);
	request->era_from = era_bound(option, "from", expected);
	request->era_to = era_bound(option, "to", expected);
	if ((request->era_from == 0 && request->era_to == 0) ||
		(request->era_to > 0 && request->era_from > request->era_to))
		bad_option(option, expected);
}

/* The options there are. */
static const struct
{
	const char *name;
	void (*read)(const Option *option, RecoRequest *request);
}			readers[] = {
	{"seed", read_seed},
	{"order", read_order},
	{"strategies", read_strategies},
	{"negative_tracks", read_negative_tracks},
	{"exclude_artists", read_exclude_artists},
	{"include_artists", read_include_artists},
	{"familiarity", read_familiarity},
	{"repeat_days", read_repeat_days},
	{"era", read_era},
	{"min_popularity", read_min_popularity},
	{"max_popularity", read_max_popularity},
};

/* Names all options, for a hint. */
static char *
option_names(void)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < lengthof(readers); i++)
		appendStringInfo(&names, "%s%s", i ? ", " : "", readers[i].name);
	return names.data;
}

/* Reads the options document. */
static void
read_options(Jsonb *options, RecoRequest *request)
{
	JsonbIterator *iterator = JsonbIteratorInit(&options->root);
	JsonbValue	key;
	JsonbIteratorToken token;

	if (!JB_ROOT_IS_OBJECT(options))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options must be a JSON object"),
				 errhint("Write, for example, '{\"order\": \"score\"}'. Options are %s.",
						 option_names())));
	(void) JsonbIteratorNext(&iterator, &key, true);
	while ((token = JsonbIteratorNext(&iterator, &key, true)) == WJB_KEY)
	{
		JsonbValue	value;
		Option		option;
		int			i = 0;

		option.name = pnstrdup(key.val.string.val, key.val.string.len);
		option.value = &value;
		(void) JsonbIteratorNext(&iterator, &value, true);
		while (i < lengthof(readers) && strcmp(readers[i].name, option.name) != 0)
			i++;
		if (i == lengthof(readers))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unrecognized option \"%s\"", option.name),
					 errhint("Options are %s.", option_names())));

		/* null leaves an option at its default, as a NULL argument would */
		if (value.type != jbvNull)
			readers[i].read(&option, request);
	}
	if (request->min_popularity >= 0 && request->max_popularity >= 0 &&
		request->min_popularity > request->max_popularity)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"min_popularity\" must not be above \"max_popularity\""),
				 errhint("Swap the two, or leave one out.")));
}

/* Reads a deadline, in milliseconds. */
int
reco_argument_deadline(Interval *deadline)
{
	double		ms = (double) deadline->time / 1000 +
		((double) deadline->month * DAYS_PER_MONTH + deadline->day) * 86400000.0;

	if (ms < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("deadline must not be negative"),
				 errhint("Use '0' for what is at hand, or NULL for the setting "
						 "\"reco.deadline\".")));
	return (int) fmin(ms, MAX_DEADLINE_MS);
}
