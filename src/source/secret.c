/*-------------------------------------------------------------------------
 *
 * secret.c
 *	  Secrets from a file.
 *
 * Purpose: see secret.h.
 * Runs in: a backend.
 * Locks:	none.
 * Never:	tell of a file's content; wait for a file that is a pipe; leave what was
 *			read behind in memory.
 *
 *-------------------------------------------------------------------------
 */
#include "secret.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server_options.h"
#include "storage/fd.h"
#include "upstream/buffer.h"

#define MAX_FILE	(64 * 1024)

static char *read_file(const char *path, size_t *len, RecoProblem *problem);
static bool read_lines(char *text, const char *path, RecoService service,
					   RecoCredential *credential, RecoProblem *problem);

void
reco_problem_raise(const RecoProblem *problem)
{
	ereport(ERROR,
			(errcode(problem->sqlstate), errmsg("%s", problem->message),
			 problem->hint != NULL ? errhint("%s", problem->hint) : 0,
			 errhidestmt(problem->hide)));
}

/* Notes why it cannot be done. */
static bool
fail(RecoProblem *problem, int sqlstate, const char *message, const char *hint)
{
	problem->sqlstate = sqlstate;
	problem->message = message;
	problem->hint = hint;
	return false;
}

/* Reads a file of secrets. */
bool
reco_secret_read(const char *path, RecoService service, RecoCredential *credential,
				 RecoProblem *problem)
{
	size_t		len = 0;
	char	   *text = read_file(path, &len, problem);
	bool		ok;

	if (text == NULL)
		return false;
	ok = read_lines(text, path, service, credential, problem);
	reco_wipe(text, len);
	pfree(text);
	return ok;
}

/* Opens a file and makes sure that it is one; -1 and why. */
static int
open_file(const char *path, size_t *size, RecoProblem *problem)
{
	const char *hint =
		"The server's own user must be able to read it: a regular file of up to 64 kB.";
	int file = OpenTransientFile(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | PG_BINARY);
	int			saved_errno;
	struct stat about;

	if (file < 0)
	{
		saved_errno = errno;
		errno = saved_errno;
		fail(problem, ERRCODE_FDW_ERROR,
			 psprintf("could not open secret file \"%s\": %s", path,
					  strerror(saved_errno)),
			 hint);
		return -1;
	}
	if (fstat(file, &about) != 0 || !S_ISREG(about.st_mode) || about.st_size > MAX_FILE)
	{
		CloseTransientFile(file);
		fail(problem, ERRCODE_WRONG_OBJECT_TYPE,
			 psprintf("\"%s\" is not a secret file", path), hint);
		return -1;
	}
	*size = (size_t) about.st_size;
	return file;
}

/* Reads a file as a whole; NULL and why. */
static char *
read_file(const char *path, size_t *len, RecoProblem *problem)
{
	size_t		size;
	int			file = open_file(path, &size, problem);
	char	   *text;
	ssize_t		n = 0;

	if (file < 0)
		return NULL;
	text = palloc0(size + 1);
	while (*len < size && (n = read(file, text + *len, size - *len)) > 0)
		*len += (size_t) n;
	CloseTransientFile(file);
	if (n >= 0 && strlen(text) == *len)
		return text;
	reco_wipe(text, *len);
	pfree(text);
	fail(problem, ERRCODE_FDW_ERROR, psprintf("could not read secret file \"%s\"", path),
		 "It must be a text file.");
	return NULL;
}

/* Cuts white space off both ends, in place. */
static char *
trim(char *text)
{
	size_t		len;

	while (*text != '\0' && strchr(" \t\r\n\f\v", *text) != NULL)
		text++;
	for (len = strlen(text); len > 0 && strchr(" \t\r\n\f\v", text[len - 1]) != NULL;
		 len--)
		text[len - 1] = '\0';
	return text;
}

/* Where the value of a name goes, blanks behind it cut; NULL where it is none of ours. */
static const char **
place_of(const char *name, size_t len, RecoCredential *credential)
{
	const struct
	{
		const char *name;
		const char **place;
	}			places[] = {
		{"client_id", &credential->client_id},
		{"client_secret", &credential->client_secret},
		{"api_key", &credential->api_key},
	};

	while (len > 0 && (name[len - 1] == ' ' || name[len - 1] == '\t'))
		len--;
	for (size_t i = 0; i < lengthof(places); i++)
		if (strlen(places[i].name) == len && memcmp(places[i].name, name, len) == 0)
			return places[i].place;
	return NULL;
}

/* Reads one line, "name = value" or a secret alone; false when it is
 * neither, or said twice. */
static bool
read_line(char *line, RecoService service, RecoCredential *credential)
{
	char	   *equals = strchr(line, '=');
	const char **place = NULL;
	char	   *value = line;

	if (equals != NULL)
		place = place_of(line, equals - line, credential);
	if (place != NULL)
		value = trim(equals + 1);

	/* a key may end in equals signs, as base64 does */
	if (place == NULL)
		place =
			service == RECO_SPOTIFY ? &credential->client_secret : &credential->api_key;
	if (*place != NULL || !reco_secret_is_sound(value))
		return false;
	*place = pstrdup(value);
	return true;
}

/* Reads all lines of a file. */
static bool
read_lines(char *text, const char *path, RecoService service, RecoCredential *credential,
		   RecoProblem *problem)
{
	int			number = 0;
	int			found = 0;

	for (char *next = text; next != NULL;)
	{
		char	   *line = next;

		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		number++;
		line = trim(line);
		if (line[0] == '\0' || line[0] == '#')
			continue;
		found++;
		if (!read_line(line, service, credential))
			return fail(
				problem, ERRCODE_INVALID_PARAMETER_VALUE,
				psprintf("line %d of secret file \"%s\" cannot be read", number, path),
				"Write lines like \"client_id = ...\", \"client_secret = ...\" or \"api_key = ...\", or only the secret.");
	}
	if (found == 0)
		return fail(problem, ERRCODE_INVALID_PARAMETER_VALUE,
					psprintf("secret file \"%s\" is empty", path), NULL);
	return true;
}
