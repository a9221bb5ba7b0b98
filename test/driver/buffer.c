/*-------------------------------------------------------------------------
 *
 * buffer.c
 *	  The buffer, function by function, for databases that need not exist.
 *
 * Purpose: driver_buffer_*: put, get, remove, drain and so on, as the gateway, backends
 *			and the keeper call them; and a storm of puts and gets whose values can be
 *			told from half-written ones.
 * Runs in: a backend.
 * Locks:	none.
 * Never:	believe a value because it was found.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "shmem/cached.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(driver_buffer_put);
PG_FUNCTION_INFO_V1(driver_buffer_flood);
PG_FUNCTION_INFO_V1(driver_buffer_get);
PG_FUNCTION_INFO_V1(driver_buffer_found);
PG_FUNCTION_INFO_V1(driver_buffer_storm);
PG_FUNCTION_INFO_V1(driver_buffer_remove);
PG_FUNCTION_INFO_V1(driver_buffer_drain);
PG_FUNCTION_INFO_V1(driver_buffer_written);
PG_FUNCTION_INFO_V1(driver_buffer_epoch);
PG_FUNCTION_INFO_V1(driver_buffer_figures);

static RecoCachedKey key_of(FunctionCallInfo fcinfo);
static bool put(const RecoCachedKey *key, const char *value, bool written,
				int64 usable_ms, uint64 epoch);
static void fill(char *value, int size, uint32 number);
static const char *judge(const RecoCachedValue *value, uint32 *number);

/* driver_buffer_put(database, extension, category, key, value, written, ms, epoch) */
Datum
driver_buffer_put(PG_FUNCTION_ARGS)
{
	RecoCachedKey key = key_of(fcinfo);
	char *value = PG_ARGISNULL(4) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(4));
	uint64 epoch =
		PG_ARGISNULL(7) ? reco_cached_epoch(key.database) : (uint64) PG_GETARG_INT64(7);

	PG_RETURN_BOOL(put(&key, value, PG_GETARG_BOOL(5), PG_GETARG_INT64(6), epoch));
}

/*
 * driver_buffer_flood(database, extension, category, prefix, from, to, size, written,
 * ms): puts values of keys prefix || number; how many were taken.
 */
Datum
driver_buffer_flood(PG_FUNCTION_ARGS)
{
	RecoCachedKey key = key_of(fcinfo);
	const char *prefix = key.key;
	int size = PG_GETARG_INT32(6);
	char *value = palloc(size + 1);
	int64 taken = 0;

	for (int i = PG_GETARG_INT32(4); i <= PG_GETARG_INT32(5); i++)
	{
		char *name = psprintf("%s%d", prefix, i);

		CHECK_FOR_INTERRUPTS();
		key.key = name;
		fill(value, size, (uint32) i);
		if (put(&key, value, PG_GETARG_BOOL(7), PG_GETARG_INT64(8),
				reco_cached_epoch(key.database)))
			taken++;
		pfree(name);
	}
	PG_RETURN_INT64(taken);
}

/* driver_buffer_get(database, extension, category, key): {value, version}; NULL = none */
Datum
driver_buffer_get(PG_FUNCTION_ARGS)
{
	RecoCachedKey key = key_of(fcinfo);
	RecoCachedValue value;
	Datum found[2];

	if (!reco_cached_get(&key, &value))
		PG_RETURN_NULL();
	if (!value.absent && strlen(value.value) != value.len)
		elog(ERROR, "driver: a value of %zu bytes says that it has %zu",
			 strlen(value.value), value.len);
	found[0] = CStringGetTextDatum(value.absent ? "absent" : value.value);
	found[1] = CStringGetTextDatum(psprintf(UINT64_FORMAT, value.version));
	PG_RETURN_ARRAYTYPE_P(construct_array(found, 2, TEXTOID, -1, false, TYPALIGN_INT));
}

/* driver_buffer_found(database, extension, category, prefix, from, to): of a flood */
Datum
driver_buffer_found(PG_FUNCTION_ARGS)
{
	RecoCachedKey key = key_of(fcinfo);
	const char *prefix = key.key;
	int64 found = 0;

	for (int i = PG_GETARG_INT32(4); i <= PG_GETARG_INT32(5); i++)
	{
		RecoCachedValue value;
		char *name = psprintf("%s%d", prefix, i);
		uint32 number;

		CHECK_FOR_INTERRUPTS();
		key.key = name;
		if (reco_cached_get(&key, &value))
		{
			const char *wrong = judge(&value, &number);

			if (wrong != NULL || number != (uint32) i)
				elog(ERROR, "driver: %s has the value of %u: %s", name, number,
					 wrong ? wrong : "whole");
			found++;
			pfree((char *) value.value);
		}
		pfree(name);
	}
	PG_RETURN_INT64(found);
}

/*
 * driver_buffer_storm(database, extension, category, prefix, keys, rounds): puts, gets,
 * now and then drains, says "written" and removes; returns how often a get found
 * something. What is no whole value of the key is an error. All storms of a database
 * have prefixes of one length.
 */
Datum
driver_buffer_storm(PG_FUNCTION_ARGS)
{
	RecoCachedKey key = key_of(fcinfo);
	const char *prefix = key.key;
	int nkeys = PG_GETARG_INT32(4);
	int rounds = PG_GETARG_INT32(5);
	char *value = palloc(20001);
	int64 found = 0;
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "storm", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	for (int i = 0; i < rounds; i++)
	{
		uint32 n = (uint32) pg_prng_uint64_range(&pg_global_prng_state, 0, nkeys - 1);
		uint64 what = pg_prng_uint64_range(&pg_global_prng_state, 0, 999);
		RecoCachedValue got;

		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(context);
		key.key = psprintf("%s%u", prefix, n);
		if (what < 300)
		{
			uint64 bits = pg_prng_uint64(&pg_global_prng_state);

			fill(value, 16 + (int) (bits % ((bits >> 32) % 4 == 0 ? 20000 - 16 : 400)),
				 n);
			put(&key, value, what < 200, 600 * 1000, reco_cached_epoch(key.database));
		}
		else if (what < 302)
		{
			RecoCachedUnwritten entries[50];
			int count =
				reco_cached_drain(key.database, key.extension, entries, 50, 100 * 1000);

			for (int e = 0; e < count; e++)
			{
				uint32 number;
				const char *wrong = judge(&entries[e].value, &number);

				if (wrong != NULL ||
					number != (uint32) atoi(entries[e].key + strlen(prefix)))
					elog(ERROR, "driver: drained %s with a value of %u: %s",
						 entries[e].key, number, wrong ? wrong : "whole");
				reco_cached_written(key.database, key.extension, entries[e].category,
									entries[e].key, entries[e].value.version);
			}
		}
		else if (what < 310)
			reco_cached_remove(key.database, key.extension, key.category, key.key);
		else if (reco_cached_get(&key, &got))
		{
			uint32 number;
			const char *wrong = judge(&got, &number);

			if (wrong != NULL || number != n)
				elog(ERROR, "driver: %s has the value of %u: %s", key.key, number,
					 wrong ? wrong : "whole");
			found++;
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	PG_RETURN_INT64(found);
}

/* driver_buffer_remove(database, extension, category, key) */
Datum
driver_buffer_remove(PG_FUNCTION_ARGS)
{
	RecoCachedKey key = key_of(fcinfo);

	PG_RETURN_INT64(
		reco_cached_remove(key.database, key.extension, key.category, key.key));
}

/*
 * driver_buffer_drain(database, extension, most, bytes): {key, version, value, ...}; one
 * that is absent has the value "absent".
 */
Datum
driver_buffer_drain(PG_FUNCTION_ARGS)
{
	int most = PG_GETARG_INT32(2);
	RecoCachedUnwritten *entries = palloc(sizeof(RecoCachedUnwritten) * Max(most, 1));
	int count = reco_cached_drain(PG_GETARG_OID(0), PG_GETARG_OID(1), entries, most,
								  (Size) PG_GETARG_INT64(3));
	Datum *found = palloc(sizeof(Datum) * 3 * (count + 1));

	for (int i = 0; i < count; i++)
	{
		found[3 * i] = CStringGetTextDatum(entries[i].key);
		found[3 * i + 1] =
			CStringGetTextDatum(psprintf(UINT64_FORMAT, entries[i].value.version));
		found[3 * i + 2] = CStringGetTextDatum(
			entries[i].value.absent ? "absent" : entries[i].value.value);
	}
	PG_RETURN_ARRAYTYPE_P(
		construct_array(found, 3 * count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* driver_buffer_written(database, extension, category, key, version) */
Datum
driver_buffer_written(PG_FUNCTION_ARGS)
{
	RecoCachedKey key = key_of(fcinfo);

	reco_cached_written(key.database, key.extension, key.category, key.key,
						(uint64) PG_GETARG_INT64(4));
	PG_RETURN_VOID();
}

/* driver_buffer_epoch(database) */
Datum
driver_buffer_epoch(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) reco_cached_epoch(PG_GETARG_OID(0)));
}

/*
 * driver_buffer_figures(database, category): {entries, bytes, unwritten, waiting, total,
 * unused, puts, dropped, evicted}; the last three are 0 for category -1.
 */
Datum
driver_buffer_figures(PG_FUNCTION_ARGS)
{
	Oid database = PG_GETARG_OID(0);
	int category = PG_GETARG_INT32(1);
	int64 figures[9] = {0};
	Datum result[9];

	reco_cached_usage(database, category, &figures[0], &figures[1], &figures[2]);
	figures[3] = reco_cached_waiting(database);
	reco_cached_memory(&figures[4], &figures[5]);
	if (reco_cached_counts != NULL && category >= 0)
	{
		figures[6] = (int64) pg_atomic_read_u64(&reco_cached_counts[category].puts);
		figures[7] = (int64) pg_atomic_read_u64(&reco_cached_counts[category].dropped);
		figures[8] = (int64) pg_atomic_read_u64(&reco_cached_counts[category].evicted);
	}
	for (int i = 0; i < 9; i++)
		result[i] = Int64GetDatum(figures[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(result, 9, INT8OID, sizeof(int64),
										  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* The first four arguments, of most functions. */
static RecoCachedKey
key_of(FunctionCallInfo fcinfo)
{
	RecoCachedKey key;

	key.database = PG_GETARG_OID(0);
	key.extension = PG_GETARG_OID(1);
	key.category = PG_GETARG_INT32(2);
	key.key = PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3));
	return key;
}

/* Puts a value that is usable for some time; NULL = absent. */
static bool
put(const RecoCachedKey *key, const char *value, bool written, int64 usable_ms,
	uint64 epoch)
{
	RecoCachedValue put = {0};

	put.absent = value == NULL;
	put.fetched_at = GetCurrentTimestamp();
	put.fresh_until = put.usable_until = put.fetched_at + usable_ms * 1000;
	put.value = value;
	put.len = value == NULL ? 0 : strlen(value);
	return reco_cached_put(key, &put, written, epoch);
}

/* Makes a value of a number whose every byte follows from number and length. */
static void
fill(char *value, int size, uint32 number)
{
	size = Max(size, 16);
	snprintf(value, 17, "%08x%08x", number, (uint32) size);
	for (int i = 16; i < size; i++)
		value[i] = 'a' + (number + size + i / 3) % 26;
	value[size] = '\0';
}

/* What is wrong with a value that fill() made; NULL = nothing. */
static const char *
judge(const RecoCachedValue *value, uint32 *number)
{
	uint32 size;

	*number = 0;
	if (value->absent || value->len < 16 ||
		sscanf(value->value, "%8x%8x", number, &size) != 2)
		return "no such value";
	if (size != value->len || strlen(value->value) != value->len)
		return "another length";
	for (uint32 i = 16; i < size; i++)
		if (value->value[i] != (char) ('a' + (*number + size + i / 3) % 26))
			return "bytes of another value";
	return NULL;
}
