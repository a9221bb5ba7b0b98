/*-------------------------------------------------------------------------
 *
 * gemini_fuzz.c
 *	  Fuzzes the reading of answers of Gemini: any status, any body.
 *
 * Purpose: see model_split.h.
 * Runs in: a libFuzzer program.
 * Locks:	none.
 * Never:	let a value through that is no JSON.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/upstream/service.c src/upstream/model.c src/upstream/completion.c
			src/upstream/gemini.c src/upstream/openai.c src/upstream/reccobeats.c
			src/upstream/reccobeats_check.c
			src/upstream/spotify.c src/upstream/spotify_error.c
			src/upstream/spotify_read.c src/upstream/spotify_request.c
			src/upstream/spotify_token.c src/upstream/message.c src/upstream/json.c
			src/upstream/header.c src/upstream/buffer.c src/upstream/outcome.c */
#include "model_split.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_model(RECO_GEMINI, data, size);
}
