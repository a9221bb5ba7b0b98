/*-------------------------------------------------------------------------
 *
 * list.c
 *	  The question for a recommendation: taken apart, and put together.
 *
 * Purpose: see list.h.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	leave memory behind where reading fails.
 *
 *-------------------------------------------------------------------------
 */
#include "list.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"

static bool read_ids(const json_t *list, char ***ids, int *n);
static void free_ids(char **ids, int n);
static bool read_rest(const json_t *root, char **rest);
static void put_ids(RecoBuffer *out, const char *name, const char *const *ids, int n);

/* Takes a question apart. */
bool
reco_list_read(const char *key, RecoList *list)
{
	json_t	   *root = reco_json_parse(key, strlen(key));
	bool		read;

	memset(list, 0, sizeof(*list));
	read = json_is_object(root) &&
		read_ids(reco_json_array(root, "seeds"), &list->seeds, &list->nseeds) &&
		read_ids(reco_json_array(root, "negative_seeds"), &list->negatives,
				 &list->nnegatives) &&
		read_rest(root, &list->rest);
	json_decref(root);
	if (!read)
		reco_list_free(list);
	return read;
}

void
reco_list_free(RecoList *list)
{
	free_ids(list->seeds, list->nseeds);
	free_ids(list->negatives, list->nnegatives);
	free(list->rest);
	memset(list, 0, sizeof(*list));
}

/* Copies the strings of a list; what is no string is none of its ids. */
static bool
read_ids(const json_t *list, char ***ids, int *n)
{
	size_t		size = json_array_size(list);

	*n = 0;
	*ids = calloc(size > 0 ? size : 1, sizeof(char *));
	for (size_t i = 0; *ids && i < size; i++)
	{
		const char *id = json_string_value(json_array_get(list, i));

		(*ids)[*n] = id ? strdup(id) : NULL;
		if (id && !(*ids)[(*n)++])
			return false;
	}
	return *ids != NULL;
}

static void
free_ids(char **ids, int n)
{
	for (int i = 0; ids && i < n; i++)
		free(ids[i]);
	free(ids);
}

/* Copies what is not about ids. */
static bool
read_rest(const json_t *root, char **rest)
{
	RecoBuffer	out = {0};
	const char *name;
	json_t	   *member;

	reco_buffer_puts(&out, "");
	json_object_foreach((json_t *) root, name, member)
	{
		if (strcmp(name, "seeds") == 0 || strcmp(name, "negative_seeds") == 0)
			continue;
		if (out.len > 0)
			reco_buffer_putc(&out, ',');
		reco_json_put_string(&out, name);
		reco_buffer_putc(&out, ':');
		reco_json_put_value(&out, member);
	}
	*rest = out.failed ? NULL : out.data ? out.data : strdup("");
	if (out.failed)
		reco_buffer_free(&out, false);
	return *rest != NULL;
}

/* Puts one together. */
void
reco_list_write(RecoBuffer *out, const char *const *seeds, int nseeds,
				const char *const *negatives, int nnegatives, const char *rest)
{
	reco_buffer_putc(out, '{');
	put_ids(out, "\"seeds\":[", seeds, nseeds);
	if (nnegatives > 0)
		put_ids(out, ",\"negative_seeds\":[", negatives, nnegatives);
	if (rest[0] != '\0')
		reco_buffer_putc(out, ',');
	reco_buffer_puts(out, rest);
	reco_buffer_putc(out, '}');
}

static void
put_ids(RecoBuffer *out, const char *name, const char *const *ids, int n)
{
	reco_buffer_puts(out, name);
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			reco_buffer_putc(out, ',');
		reco_json_put_string(out, ids[i]);
	}
	reco_buffer_putc(out, ']');
}
