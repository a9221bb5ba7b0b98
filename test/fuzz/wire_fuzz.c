/*-------------------------------------------------------------------------
 *
 * wire_fuzz.c
 *	  Fuzzes the bytes in a slot: what is read is what was written.
 *
 * Purpose: read any bytes as a request and as answers; what makes sense comes out
 *			byte for byte when it is written again.
 * Runs in: a libFuzzer program.
 * Locks:	none.
 * Never:	read beyond the input: sanitizers watch.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/shmem/wire.c src/upstream/buffer.c */
#include "shmem/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define check(condition)                                 \
	do                                                   \
	{                                                    \
		if (!(condition))                                \
		{                                                \
			fprintf(stderr, "failed: %s\\n", #condition); \
			abort();                                     \
		}                                                \
	} while (0)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	RecoBuffer	out = {0};
	RecoWireRequest request;
	RecoWireAnswer answer;
	RecoReader	reader;

	if (reco_wire_read_request(data, size, &request))
	{
		check(request.nkeys >= 1 && request.nkeys <= RECO_WIRE_MAXKEYS);
		check(request.operation < RECO_NOPERATIONS);
		reco_wire_write_request(&out, &request);
		check(out.len == size && memcmp(out.data, data, size) == 0);
		free(request.keys);
	}

	reco_buffer_reset(&out);
	reco_reader_init(&reader, data, size);
	while (reco_wire_read_answer(&reader, &answer))
	{
		check(answer.outcome < RECO_NOUTCOMES && answer.key >= RECO_WIRE_TRACE);
		reco_wire_write_answer(&out, &answer);
		check(out.len == (size_t) (reader.at - (const char *) data));
		check(memcmp(out.data, data, out.len) == 0);
	}
	reco_buffer_free(&out, true);
	return 0;
}
