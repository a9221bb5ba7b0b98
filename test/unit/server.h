/*-------------------------------------------------------------------------
 *
 * server.h
 *	  Memory for programs that link what is written for the server.
 *
 * Purpose: palloc and its like outside of a server; all of it is given back at once. All
 *			else that such sources call is in libpgcommon and libpgport: test/check links
 *			these where a program has a line that says "server".
 * Runs in: a plain C program, or a libFuzzer program.
 * Locks:	none.
 * Never:	include this twice in one program.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TEST_SERVER_H
#define TEST_SERVER_H

#include "compat.h"

typedef struct TestChunk
{
	struct TestChunk *next;
	struct TestChunk *before;
	Size		size;
	uint64		fill;			/* so that what follows is aligned */
} TestChunk;

static TestChunk chunks = {&chunks, &chunks, 0, 0};

static void
test_unlink(TestChunk *chunk)
{
	chunk->next->before = chunk->before;
	chunk->before->next = chunk->next;
}

void *
palloc(Size size)
{
	TestChunk  *chunk = malloc(sizeof(TestChunk) + size);

	if (chunk == NULL)
		abort();
	memset(chunk + 1, 0x7F, size);
	chunk->size = size;
	chunk->next = chunks.next;
	chunk->before = &chunks;
	chunk->next->before = chunk;
	chunks.next = chunk;
	return chunk + 1;
}

void *
palloc0(Size size)
{
	return memset(palloc(size), 0, size);
}

void
pfree(void *pointer)
{
	test_unlink((TestChunk *) pointer - 1);
	free((TestChunk *) pointer - 1);
}

void *
repalloc(void *pointer, Size size)
{
	void	   *larger = palloc(size);

	memcpy(larger, pointer, Min(size, ((TestChunk *) pointer - 1)->size));
	pfree(pointer);
	return larger;
}

char *
pstrdup(const char *text)
{
	return memcpy(palloc(strlen(text) + 1), text, strlen(text) + 1);
}

/* Gives all of it back. */
static void
test_reset(void)
{
	while (chunks.next != &chunks)
		pfree(chunks.next + 1);
}

#endif							/* TEST_SERVER_H */
