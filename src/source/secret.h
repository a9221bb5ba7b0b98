/*-------------------------------------------------------------------------
 *
 * secret.h
 *	  Secrets from a file.
 *
 * Purpose: read the file that a user mapping's option secret_file names.
 * Runs in: a backend.
 * Locks:	none.
 * Never:	tell of a file's content.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_SECRET_H
#define RECO_SECRET_H

#include "compat.h"

#include "shmem/wire.h"

/* Why something cannot be done, for an ERROR or a row of the doctor. */
typedef struct RecoProblem
{
	int			sqlstate;		/* 0 = there is none */
	const char *message;
	const char *hint;
	bool		hide;			/* the statement that led to it may hold a secret */
} RecoProblem;

pg_noreturn extern void reco_problem_raise(const RecoProblem *problem);

/*
 * Reads a file: lines "client_id = ...", "client_secret = ...", "api_key = ...",
 * and comments (#); or nothing but the secret itself. What it says replaces what
 * is in 'credential'; strings are in the current context. False, and why.
 */
extern bool reco_secret_read(const char *path, RecoService service,
							 RecoCredential *credential, RecoProblem *problem);

#endif							/* RECO_SECRET_H */
