/*-------------------------------------------------------------------------
 *
 * request_options.c
 *	  From the options document to a request.
 *
 * Purpose: see request_options.h.
 * Runs in: any process with a database.
 * Locks:	none.
 * Never:	ignore an option that it does not know.
 *
 *-------------------------------------------------------------------------
 */
#include "request_options.h"

#include <math.h>

#include "guc.h"
#include "json_write.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#define DEFAULT_SIZE	20
#define MAX_LIST		1000	/* elements of an option that is an array */

/* One value of the options document. */
typedef struct Option
{
	const char *name;
	JsonbValue *value;
} Option;

/* A request with everything at its default. */
RecoRequest *
reco_request_new(void)
{
	RecoRequest *request = palloc0(sizeof(RecoRequest));

	request->user_id = "";
	request->size = DEFAULT_SIZE;
	request->deadline_ms = reco_guc_deadline;
	for (int s = 0; s < RECO_NSTRATEGIES; s++)
		request->strategies[s] = true;
	request->familiarity = 0.5f;
	request->repeat_days = reco_guc_repeat_days;
	request->min_popularity = request->max_popularity = -1;
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

char *
reco_request_arguments(const RecoRequest *request)
{
	Jsonb	   *options = (Jsonb *) request->options;
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	put_string(&json, "prompt", request->prompt);
	put_id(&json, "size", request->size);
	put_id(&json, "deadline_ms", request->deadline_ms);
	put_id(&json, "repeat_days", request->repeat_days);
	if (options != NULL)
		appendStringInfo(&json, ", \"options\": %s",
						 JsonbToCString(NULL, &options->root, VARSIZE(options)));
	appendStringInfoChar(&json, '}');
	return json.data;
}

/* Reads the options document. */
void
reco_request_read_options(Jsonb *options, RecoRequest *request)
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
	request->options = options;
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
