/*-------------------------------------------------------------------------
 *
 * json.h
 *	  Foreign JSON: reading what may be broken, writing what PostgreSQL takes.
 *
 * Purpose: jansson with bounds (size, depth, duplicate keys), getters that
 *			forgive (numbers as strings, null, absent), a writer whose output
 *			jsonb always accepts.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	call json_object(): inside the server that name is the server's own
 *			function. Nothing here makes jansson objects; it only reads them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_JSON_H
#define RECO_JSON_H

#include <jansson.h>

#include "buffer.h"

/*
 * Parses; NULL when it is no JSON. A byte order mark is skipped, bytes that are
 * no UTF-8, NUL escapes and lone surrogates are replaced by U+FFFD, nesting
 * beyond 64 levels is refused. Free with json_decref.
 */
extern json_t *reco_json_parse(const char *text, size_t len);

/* Members of an object that may be NULL or no object; NULL where absent or null. */
extern json_t *reco_json_get(const json_t *object, const char *name);

/* A string member that is not empty, else NULL. */
extern const char *reco_json_string(const json_t *object, const char *name);

/* A number, also where it is written as a string; false when there is none. */
extern bool reco_json_number(const json_t *object, const char *name, double *value);

/* A member that is an array, else NULL. */
extern json_t *reco_json_array(const json_t *object, const char *name);

/* Writes a JSON string with its quotes. */
extern void reco_json_put_string(RecoBuffer *out, const char *string);

/* Writes a finite number in the shortest form that reads back the same. */
extern void reco_json_put_number(RecoBuffer *out, double value);

/*
 * Writes , "name": before a member's value; no comma after an opening bracket.
 * With name NULL, only the comma.
 */
extern void reco_json_put_name(RecoBuffer *out, const char *name);

/* A whole member; nothing is written where the value is NULL. */
extern void reco_json_put_member(RecoBuffer *out, const char *name, const char *value);
extern void reco_json_put_real(RecoBuffer *out, const char *name, double value);

/* Writes any value as it was read. */
extern void reco_json_put_value(RecoBuffer *out, const json_t *value);

#endif							/* RECO_JSON_H */
