/*-------------------------------------------------------------------------
 *
 * json_test.c
 *	  Tests of foreign JSON: what is read, refused, mended, written.
 *
 * Purpose: show that bytes nobody should send become JSON that jsonb takes, and
 *			that what was sent well comes out as it was.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	trust jansson to have refused something.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/upstream/json.c src/upstream/buffer.c */
#include "upstream/json.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

/* What comes out of a text; "-" when it is refused. */
static const char *
through(const char *text, size_t len)
{
	static char result[4096];
	RecoBuffer	out = {0};
	json_t	   *value = reco_json_parse(text, len);

	if (!value)
		return "-";
	reco_json_put_value(&out, value);
	snprintf(result, sizeof(result), "%s", out.data);
	reco_buffer_free(&out, false);
	json_decref(value);
	return result;
}

/* Both sides may have NULs in them; 'text' is a literal. */
#define becomes(text, wanted, ...)                                        \
	do                                                                    \
	{                                                                     \
		if (!ok(strcmp(through(text, sizeof(text) - 1), wanted) == 0, __VA_ARGS__)) \
			printf("# got %s\n", through(text, sizeof(text) - 1));        \
	} while (0)

static void
test_well_formed(void)
{
	becomes("{}", "{}", "an empty object");
	becomes("[ ]", "[]", "an empty array");
	becomes(" {\"b\": 1, \"a\" : [true,false,null, \"x\"] } ",
			"{\"b\":1,\"a\":[true,false,null,\"x\"]}", "order stays, blanks go");
	becomes("null", "null", "null alone");
	becomes("\"x\"", "\"x\"", "a string alone");
	becomes("\"\\\" \\\\ \\/ \\b\\f\\n\\r\\t\"",
			"\"\\\" \\\\ / \\u0008\\u000c\\u000a\\u000d\\u0009\"", "escapes");
	becomes("\"\\u00e4\\ud83c\\udfa7\"", "\"\xC3\xA4\xF0\x9F\x8E\xA7\"", "escaped characters");
	becomes("\"\xC3\xA4\xF0\x9F\x8E\xA7\xEF\xBF\xBD\"", "\"\xC3\xA4\xF0\x9F\x8E\xA7\xEF\xBF\xBD\"",
			"UTF-8");
	becomes("{\"a\":1,\"a\":2,\"a\":3}", "{\"a\":3}", "of equal keys the last one wins");
	becomes("\xEF\xBB\xBF{\"a\":1}", "{\"a\":1}", "a byte order mark is skipped");
}

static void
test_numbers(void)
{
	becomes("[0,-0,1.5,-2e3,1E-2,9007199254740993]", "[0,0,1.5,-2000,0.01,9007199254740993]",
			"numbers");
	becomes("[0.1,0.30000000000000004,1e22]", "[0.1,0.30000000000000004,1e+22]",
			"the shortest form that reads back the same");
	becomes("[999999999999999999]", "[999999999999999999]", "18 digits stay whole");
	becomes("[12345678901234567890123,-99999999999999999999]", "[1.2345678901234568e+22,-1e+20]",
			"an integer beyond 64 bits becomes a real");
	becomes("[1e999,-1e999,1e-999]", "[null,null,0]", "a real out of range becomes null");
	becomes("[-0e-10,-0.0,-1e-999,-0]", "[0,0,0,0]", "nothing has no sign");
	becomes("[01]", "-", "no leading zero");
	becomes("[1.]", "-", "no dot at the end");
	becomes("[.5]", "-", "no dot at the beginning");
	becomes("[+1]", "-", "no plus");
	becomes("[1e999x]", "-", "no letters behind");
	becomes("[-]", "-", "no sign alone");
	becomes("[NaN]", "-", "no NaN");
}

static void
test_mended(void)
{
	becomes("\"a\\u0000b\"", "\"a\xEF\xBF\xBD" "b\"", "a NUL escape");
	becomes("{\"a\\u0000\":1}", "{\"a\xEF\xBF\xBD\":1}", "a NUL escape in a name");
	becomes("\"\\\\u0000\"", "\"\\\\u0000\"", "an escaped backslash before u0000 is none");
	becomes("\"\\ud83d\"", "\"\xEF\xBF\xBD\"", "a high surrogate alone");
	becomes("\"\\udfa7!\"", "\"\xEF\xBF\xBD!\"", "a low surrogate alone");
	becomes("\"\\ud83d\\ud83c\\udfa7\"", "\"\xEF\xBF\xBD\xF0\x9F\x8E\xA7\"",
			"a high surrogate before a pair");
	becomes("\"\\udfa7\\ud83c\"", "\"\xEF\xBF\xBD\xEF\xBF\xBD\"", "a pair the wrong way around");
	becomes("\"\\uD83D\\n\"", "\"\xEF\xBF\xBD\\u000a\"", "a high surrogate before an escape");
	becomes("\"\\uD83D\\u\"", "-", "a high surrogate before a bad escape");
	becomes("\"Ros\xE9 \xFF\"", "\"Ros\xEF\xBF\xBD \xEF\xBF\xBD\"", "bytes of Latin 1");
	becomes("\"\xED\xA0\xBD\"", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"",
			"a surrogate in three bytes");
	becomes("\"\xC0\x80\"", "\"\xEF\xBF\xBD\xEF\xBF\xBD\"", "an overlong NUL");
	becomes("\"\xF4\x90\x80\x80\"", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"",
			"beyond the last character");
	becomes("\"\xE2\x82\"", "\"\xEF\xBF\xBD\xEF\xBF\xBD\"", "a character that ends early");
	becomes("\"\\", "-", "a backslash at the end");
	becomes("\"\\u12", "-", "an escape at the end");
}

static void
test_refused(void)
{
	char		deep[400];

	becomes("", "-", "nothing");
	becomes("  ", "-", "blanks");
	becomes("\xEF\xBB\xBF", "-", "a byte order mark alone");
	becomes("error code: 1010", "-", "text");
	becomes("<html></html>", "-", "a page");
	becomes("{\"a\":", "-", "a cut text");
	becomes("{\"a\":1}}", "-", "something behind the end");
	becomes("{'a':1}", "-", "other quotes");
	becomes("[1,]", "-", "a comma too many");
	becomes("[\"a\nb\"]", "-", "a line break inside a string");
	becomes("[1]\0", "-", "a NUL behind the end");
	for (int n = 63; n <= 65; n++)
	{
		memset(deep, '[', (size_t) n);
		memset(deep + n, ']', (size_t) n);
		ok((strcmp(through(deep, 2 * (size_t) n), "-") == 0) == (n > 64), "%d levels", n);
	}
	memset(deep, '[', 300);
	deep[0] = '"';
	deep[299] = '"';
	ok(strcmp(through(deep, 300), "-") != 0, "brackets inside a string are no levels");
}

static void
test_getters(void)
{
	const char *text = "{\"n\":null,\"s\":\"x\",\"e\":\"\",\"i\":7,\"r\":0.5,\"si\":\" 42 \","
		"\"sr\":\"-1.5e2\",\"bad\":\"1x\",\"hex\":\"0x10\",\"nan\":\"nan\",\"inf\":\"1e999\","
		"\"plus\":\"+3\",\"a\":[1],\"o\":{},\"t\":true}";
	json_t	   *object = reco_json_parse(text, strlen(text));
	json_t	   *array = reco_json_array(object, "a");
	double		value = -7;

	ok(!reco_json_get(NULL, "n") && !reco_json_get(array, "n"), "no object has no members");
	ok(!reco_json_get(object, "none") && !reco_json_get(object, "n"), "absent and null");
	ok(strcmp(reco_json_string(object, "s"), "x") == 0, "a string");
	ok(!reco_json_string(object, "e") && !reco_json_string(object, "i"), "empty, or a number");
	ok(reco_json_number(object, "i", &value) && value == 7, "an integer");
	ok(reco_json_number(object, "r", &value) && value == 0.5, "a real");
	ok(reco_json_number(object, "si", &value) && value == 42, "an integer as a string");
	ok(reco_json_number(object, "sr", &value) && value == -150, "a real as a string");
	ok(reco_json_number(object, "plus", &value) && value == 3, "with a plus");
	value = -7;
	ok(!reco_json_number(object, "bad", &value) && !reco_json_number(object, "hex", &value) &&
		   !reco_json_number(object, "nan", &value) && !reco_json_number(object, "inf", &value) &&
		   !reco_json_number(object, "e", &value) && !reco_json_number(object, "t", &value) &&
		   !reco_json_number(object, "n", &value) && !reco_json_number(NULL, "n", &value),
	   "what is no number");
	ok(array && !reco_json_array(object, "o") && !reco_json_array(object, "n"), "arrays");
	json_decref(object);
}

static void
test_writers(void)
{
	RecoBuffer	out = {0};

	reco_buffer_puts(&out, "{");
	reco_json_put_member(&out, "a", "1\"2\\3\n\x01\x7F");
	reco_json_put_member(&out, "skipped", NULL);
	reco_json_put_real(&out, "b", 1);
	reco_json_put_real(&out, "skipped", NAN);
	reco_json_put_real(&out, "skipped", INFINITY);
	reco_json_put_name(&out, "c\xFF");
	reco_buffer_puts(&out, "[");
	for (int i = 0; i < 3; i++)
	{
		reco_json_put_name(&out, NULL);
		reco_json_put_number(&out, i / 2.0);
	}
	reco_buffer_puts(&out, "]");
	reco_json_put_name(&out, "d");
	reco_json_put_value(&out, NULL);
	reco_buffer_puts(&out, "}");
	ok(strcmp(out.data, "{\"a\":\"1\\\"2\\\\3\\u000a\\u0001\x7F\",\"b\":1,\"c\xEF\xBF\xBD\":"
			  "[0,0.5,1],\"d\":null}") == 0, "an object, member by member");
	reco_buffer_reset(&out);
	reco_json_put_number(&out, NAN);
	ok(strcmp(out.data, "null") == 0, "what is no number is null");
	for (int i = 0; i < 2000; i++)
	{
		union
		{
			uint64_t	bits;
			double		real;
		}			number = {tap_draw()};
		double		back = 0;

		if (!isfinite(number.real))
			continue;
		reco_buffer_reset(&out);
		reco_json_put_number(&out, number.real);
		back = strtod(out.data, NULL);
		if (back != number.real)
			ok(false, "%s is not what was written", out.data);
	}
	ok(true, "random numbers come back the same");
	reco_buffer_free(&out, false);
}

/* Wherever a text is cut, it is refused, and nothing beyond the cut is read. */
static void
test_truncations(void)
{
	static const char text[] = "{\"a\\u0000\":[1.5e3,\"\\ud83d\\udfa7\xC3\xA4\",{\"b\":null}],"
		"\"c\":12345678901234567890}";
	bool		refused = true;

	for (size_t len = 0; len < sizeof(text) - 1; len++)
	{
		char	   *copy = malloc(len + 1);

		memcpy(copy, text, len);
		copy = realloc(copy, len > 0 ? len : 1);
		refused &= strcmp(through(copy, len), "-") == 0;
		free(copy);
	}
	ok(refused, "every truncation is refused");
	ok(strcmp(through(text, sizeof(text) - 1), "-") != 0, "the whole is not");
}

int
main(void)
{
	test_well_formed();
	test_numbers();
	test_mended();
	test_refused();
	test_getters();
	test_writers();
	test_truncations();
	return tap_done();
}
