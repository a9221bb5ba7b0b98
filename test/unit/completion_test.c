/*-------------------------------------------------------------------------
 *
 * completion_test.c
 *	  Tests what is asked of a language model, and the value that its words become.
 *
 * Purpose: keys of all forms; JSON bare, in fences, among words, broken.
 * Runs in: a plain C program.
 * Locks:	none.
 * Never:	depend on the order of members.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/upstream/completion.c src/upstream/json.c src/upstream/buffer.c */
#include "upstream/completion.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

/* What a key says, as "prompt|system|schema?|max_tokens"; "" = it is refused. */
static bool
reads_as(const char *key, const char *wanted)
{
	static char text[400];
	RecoCompletion completion;

	text[0] = '\0';
	if (reco_completion_read(key, &completion))
		snprintf(text, sizeof(text), "%s|%s|%s|%d", completion.prompt,
				 completion.system == NULL ? "-" : completion.system,
				 completion.schema == NULL ? "-" : "schema", completion.max_tokens);
	reco_completion_free(&completion);
	if (strcmp(text, wanted) != 0)
		printf("# got %s\n", text);
	return strcmp(text, wanted) == 0;
}

/* Does a text give this value? NULL = none. */
static bool
gives(const char *text, bool want_json, const char *wanted)
{
	char	   *got;
	size_t		len;
	bool good =
		reco_completion_value(text, strlen(text), want_json, "m", 3, 4, &got, &len);
	json_t	   *a = good ? json_loadb(got, len, 0, NULL) : NULL;
	json_t	   *b = wanted == NULL ? NULL : json_loads(wanted, 0, NULL);
	bool		same = good ? a != NULL && json_equal(a, b) : wanted == NULL;

	if (!same)
		printf("# got %s\n", got == NULL ? "nothing" : got);
	json_decref(a);
	json_decref(b);
	free(got);
	return same;
}

#define META	"\"model\":\"m\",\"prompt_tokens\":3,\"completion_tokens\":4}"

static void
test_keys(void)
{
	ok(reads_as("rainy sunday", "rainy sunday|-|-|1024"), "a key that is no JSON is the prompt");
	ok(reads_as("[1]", "[1]|-|-|1024"), "so is one that is no object");
	ok(reads_as("\"calm\"", "\"calm\"|-|-|1024"), "and a string stays as it is");
	ok(reads_as("{\"prompt\":\"p\",\"system\":\"s\",\"schema\":{\"type\":\"object\"},"
				"\"max_tokens\":50}", "p|s|schema|50"), "all members");
	ok(reads_as("{\"prompt\":\"p\"}", "p|-|-|1024"), "only a prompt");
	ok(reads_as("{\"prompt\":\"p\",\"system\":null,\"schema\":7,\"max_tokens\":\"20\"}",
				"p|-|-|20"), "null, a schema that is none, a number as a string");
	ok(reads_as("{\"prompt\":\"p\",\"max_tokens\":1e300}", "p|-|-|65536"), "too many tokens");
	ok(reads_as("{\"prompt\":\"p\",\"max_tokens\":-1}", "p|-|-|1024"), "too few tokens");
	ok(reads_as("{\"system\":\"s\"}", ""), "no prompt is refused");
	ok(reads_as("{\"prompt\":\"\"}", "") && reads_as("{\"prompt\":\" \\n\"}", ""),
	   "a blank prompt too");
	ok(reads_as("", "") && reads_as("  ", ""), "and a blank key");
}

static void
test_values(void)
{
	char	   *got;
	size_t		len;

	ok(gives("{\"a\":1}", true, "{\"text\":\"{\\\"a\\\":1}\",\"json\":{\"a\":1}," META),
	   "JSON");
	ok(gives(" \n{\"a\":1}\n ", true, "{\"text\":\"{\\\"a\\\":1}\",\"json\":{\"a\":1}," META),
	   "JSON among blanks");
	ok(gives("```json\n{\"a\":1}\n```", true,
			 "{\"text\":\"{\\\"a\\\":1}\",\"json\":{\"a\":1}," META), "JSON in fences");
	ok(gives("```\n{\"a\":1}\n```\n", false,
			 "{\"text\":\"{\\\"a\\\":1}\",\"json\":{\"a\":1}," META),
	   "fences are stripped from any answer that is JSON");
	ok(gives("```json\n{\"a\":1}", true,
			 "{\"text\":\"{\\\"a\\\":1}\",\"json\":{\"a\":1}," META), "the last fence is missing");
	ok(gives("Here it is:\n```json\n{\"a\":1}\n```\nEnjoy!", true,
			 "{\"text\":\"{\\\"a\\\":1}\",\"json\":{\"a\":1}," META), "words around fences");
	ok(gives("Sure: {\"a\":[1,{}]} as you like", true,
			 "{\"text\":\"{\\\"a\\\":[1,{}]}\",\"json\":{\"a\":[1,{}]}," META),
	   "words around brackets");
	ok(gives("Sure: {\"a\":1}", false, "{\"text\":\"Sure: {\\\"a\\\":1}\"," META),
	   "words are left alone where no JSON is wanted");
	ok(gives("```sh\nls\n```", false, "{\"text\":\"```sh\\nls\\n```\"," META),
	   "and fences around something else");
	ok(gives("{\"a\":", true, NULL), "JSON that is cut");
	ok(gives("I would rather not.", true, NULL), "words where JSON is wanted");
	ok(gives("", true, NULL), "nothing where JSON is wanted");
	ok(gives("", false, "{\"text\":\"\"," META), "nothing where anything will do");
	ok(gives("{\"a\":\"\\u0000\\ud83d\"}", true,
			 "{\"text\":\"{\\\"a\\\":\\\"\\\\u0000\\\\ud83d\\\"}\","
			 "\"json\":{\"a\":\"\\ufffd\\ufffd\"}," META), "NUL and half a pair are replaced");
	ok(reco_completion_value("x\0y\xff{}", 6, false, NULL, NAN, -1, &got, &len) &&
	   len == strlen(got) && strstr(got, "tokens") == NULL && strstr(got, "model") == NULL,
	   "what is not known is left out");
	free(got);
}

int
main(void)
{
	test_keys();
	test_values();
	return tap_done();
}
