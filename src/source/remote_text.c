/*-------------------------------------------------------------------------
 *
 * remote_text.c
 *	  Texts between the database and services.
 *
 * Purpose: turn the database's encoding into UTF-8, and back.
 * Runs in: any process with a database; what has no transaction finds no conversion.
 * Locks:	none.
 * Never:	fail for a letter that an encoding has not.
 *
 *-------------------------------------------------------------------------
 */
#include "remote_parts.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

/* A copy of a text of the database, as UTF-8. */
char *
reco_remote_key(const char *key)
{
	int			encoding = GetDatabaseEncoding();
	char	   *copy = pstrdup(key);

	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
		return copy;
	return pg_server_to_any(copy, (int) strlen(copy), PG_UTF8);
}

char *
reco_remote_server_text(const char *text, Size len)
{
	int			encoding = GetDatabaseEncoding();
	bool valid =
		len <= MaxAllocSize / 4 && pg_verify_mbstr(PG_UTF8, text, (int) len, true);
	StringInfoData out;
	Oid			proc;

	if (len > MaxAllocSize / 4)
		return NULL;
	if (valid && (encoding == PG_UTF8 || encoding == PG_SQL_ASCII))
		return pnstrdup(text, len);
	proc =
		IsTransactionState() ? FindDefaultConversionProc(PG_UTF8, encoding) : InvalidOid;
	initStringInfo(&out);
	for (Size i = 0; i < len;)
	{
		unsigned char *from = (unsigned char *) unconstify(char *, text) + i;
		int			n = pg_utf_mblen(from);
		bool		legal = i + n <= len && pg_utf8_islegal(from, n);
		unsigned char to[MAX_CONVERSION_GROWTH * 4 + 1];

		if (!legal)
			n = 1;
		if (!legal)
			appendStringInfoChar(&out, '?');
		else if (n == 1)
			appendStringInfoChar(&out, text[i]);
		else if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
			appendBinaryStringInfo(&out, (char *) from, n);
		else if (OidIsValid(proc) &&
				 pg_do_encoding_conversion_buf(proc, PG_UTF8, encoding, from, n, to,
											   sizeof(to), true) == n)
			appendStringInfoString(&out, (char *) to);
		else
			appendStringInfoChar(&out, '?');
		i += n;
	}
	return out.data;
}

/* A copy of a text that others left in shared memory, fit to be shown here. */
char *
reco_remote_text(const char *text)
{
	return reco_remote_server_text(text, strlen(text));
}
