/*-------------------------------------------------------------------------
 *
 * kernel_loops.c
 *	  The scan kernel's inner loops, which the compiler vectorises.
 *
 * Purpose: hold everything whose speed depends on the vectoriser, so that the
 *			rest of the kernel is plain C.
 * Runs in: any process, and plain C programs.
 * Locks:	none.
 * Never:	give another result on another CPU; sums of codes excepted, which
 *			only serve as bounds and allow for their rounding.
 *
 * Multiply-add is never contracted where it would show: a CPU with the fused
 * instruction rounds once where others round twice.  That floating-point
 * operations may trap is given up, as it keeps GCC from vectorising any choice
 * between two results; it changes no result.
 *
 *-------------------------------------------------------------------------
 */
#include "catalogue/kernel_loops.h"

#include <math.h>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("O3", "fp-contract=off", "no-trapping-math")
#endif

/*
 * Compiles a loop for three generations of x86-64 and lets the dynamic linker
 * choose.  GCC only: clang 14 takes the attribute, but picks the first of the
 * "arch=" names on any CPU, and gives the chooser another name than callers in
 * other files look for.  RECO_KERNEL_PLAIN switches it off.
 */
#if defined(__GNUC__) && __GNUC__ >= 12 && !defined(__clang__) && defined(__x86_64__) && \
	defined(__GLIBC__) && !defined(RECO_KERNEL_PLAIN)
#define CLONED \
	__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONED
#endif

#define LANES RECO_KERNEL_LANES

/*
 * Asks for what is AHEAD bytes behind an address: little by little between the
 * sums, as a core waits when it asks for much at once.
 */
#define AHEAD 4096
#if defined(__GNUC__)
#define PREFETCH(address) \
	__builtin_prefetch((const void *) ((uintptr_t) (address) + AHEAD))
#else
#define PREFETCH(address) ((void) 0)
#endif

/*
 * The quadratic form, with the number of columns as a constant for the widths in
 * use (then the compiler unrolls the columns and keeps a block's sums in
 * registers), and as a variable for the others.  The functions are made by
 * macros and not inlined into each other because the compiler believes
 * 'restrict' only of the parameters of a function proper.
 */
#define DEFINE_SUM(name, type, words, width, value)                                    \
	CLONED static void name(const type *restrict x, size_t nblocks, size_t ncolumns,   \
							const float *restrict a, const float *restrict b, float c, \
							float *restrict out)                                       \
	{                                                                                  \
		(void) ncolumns;                                                               \
		for (size_t block = 0; block < nblocks; block++, x += (words) *LANES)          \
		{                                                                              \
			for (size_t word = 0; word < (words); word++)                              \
				PREFETCH(x + word * LANES);                                            \
			for (size_t i = 0; i < LANES; i++)                                         \
			{                                                                          \
				const type *v = x + i;                                                 \
				float		sum = c;                                                   \
				for (size_t f = 0; f < (width); f++)                                   \
					sum += (a[f] * (value) + b[f]) * (value);                          \
				out[block * LANES + i] = sum;                                          \
			}                                                                          \
		}                                                                              \
	}

#define VALUE (v[f * LANES])
#define CODE  ((float) (int) (v[f / 4 * LANES] >> f % 4 * 8 & 0xff))

DEFINE_SUM(sum_values_10, float, 10, 10, VALUE)
DEFINE_SUM(sum_values_12, float, 12, 12, VALUE)
DEFINE_SUM(sum_values_any, float, ncolumns, ncolumns, VALUE)

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC push_options
#pragma GCC optimize("fp-contract=fast")
#endif

DEFINE_SUM(sum_codes_10, uint32_t, RECO_KERNEL_WORDS(10), 10, CODE)
DEFINE_SUM(sum_codes_12, uint32_t, RECO_KERNEL_WORDS(12), 12, CODE)
DEFINE_SUM(sum_codes_any, uint32_t, RECO_KERNEL_WORDS(ncolumns), ncolumns, CODE)

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC pop_options
#endif

void
reco_kernel_sum_values(const float *values, size_t nblocks, size_t ncolumns,
					   const float *a, const float *b, float c, float *out)
{
	if (ncolumns == 10)
		sum_values_10(values, nblocks, ncolumns, a, b, c, out);
	else if (ncolumns == 12)
		sum_values_12(values, nblocks, ncolumns, a, b, c, out);
	else
		sum_values_any(values, nblocks, ncolumns, a, b, c, out);
}

void
reco_kernel_sum_codes(const uint32_t *words, size_t nblocks, size_t ncolumns,
					  const float *a, const float *b, float c, float *out)
{
	if (ncolumns == 10)
		sum_codes_10(words, nblocks, ncolumns, a, b, c, out);
	else if (ncolumns == 12)
		sum_codes_12(words, nblocks, ncolumns, a, b, c, out);
	else
		sum_codes_any(words, nblocks, ncolumns, a, b, c, out);
}

CLONED bool
reco_kernel_any_code(const uint32_t *restrict words, size_t nblocks, size_t ncolumns,
					 uint32_t code)
{
	uint32_t	found[LANES] = {0};
	uint32_t	any = 0;

	for (size_t block = 0; block < nblocks; block++)
		for (size_t i = 0; i < LANES; i++)
			found[i] |=
				(words[block * RECO_KERNEL_WORDS(ncolumns) * LANES + i] & 0xff) == code;
	for (size_t i = 0; i < LANES; i++)
		any |= found[i];
	return any != 0;
}

/* 1 for each set bit of a byte, else 0, lowest bit first. */
#define BITS_1(n)                                                                      \
	{                                                                                  \
		(n) & 1, (n) >> 1 & 1, (n) >> 2 & 1, (n) >> 3 & 1, (n) >> 4 & 1, (n) >> 5 & 1, \
			(n) >> 6 & 1, (n) >> 7 & 1                                                 \
	}
#define BITS_4(n)  BITS_1(n), BITS_1((n) + 1), BITS_1((n) + 2), BITS_1((n) + 3)
#define BITS_16(n) BITS_4(n), BITS_4((n) + 4), BITS_4((n) + 8), BITS_4((n) + 12)
#define BITS_64(n) BITS_16(n), BITS_16((n) + 16), BITS_16((n) + 32), BITS_16((n) + 48)
static const float bits_of[256][8] = {BITS_64(0), BITS_64(64), BITS_64(128),
									  BITS_64(192)};

/*
 * Most rows that lack a column lack its neighbours too, so these are added
 * together.
 */
CLONED void
reco_kernel_add_absent(const uint16_t *restrict missing, size_t ncolumns,
					   const float *restrict absent, float *restrict out)
{
	for (size_t f = 0; f < ncolumns;)
	{
		uint32_t	rows = missing[f];
		float		worth = 0;

		do
			worth += absent[f++];
		while (f < ncolumns && missing[f] == rows);
		if (rows == 0)
			continue;
		for (size_t i = 0; i < 8; i++)
		{
			out[i] += bits_of[rows & 0xff][i] * worth;
			out[8 + i] += bits_of[rows >> 8][i] * worth;
		}
	}
}

CLONED void
reco_kernel_add_bias(const uint32_t *restrict ids, const float *restrict bias, size_t n,
					 float *restrict out)
{
	for (size_t i = 0; i < n; i++)
		out[i] += bias[ids[i]];
}

CLONED void
reco_kernel_add_bias_slack(const uint32_t *restrict ids, const float *restrict bias,
						   float slack, size_t n, float *restrict out)
{
	for (size_t i = 0; i < n; i++)
	{
		float		x = bias[ids[i]];

		out[i] += x + slack * fabsf(x);
	}
}

CLONED void
reco_kernel_leave_flags(const uint16_t *restrict flags, uint16_t forbid, size_t n,
						float *restrict out)
{
	for (size_t i = 0; i < n; i++)
		out[i] = flags[i] & forbid ? -INFINITY : out[i];
}

/* An infinite score stays: it stands for a row without codes. */
CLONED void
reco_kernel_leave_range(const uint32_t *restrict words, size_t nblocks, size_t ncolumns,
						size_t column, float lo, float hi, float *restrict out)
{
	const uint32_t *v = words + column / 4 * LANES;
	uint32_t	shift = column % 4 * 8;

	for (size_t block = 0; block < nblocks; block++)
		for (size_t i = 0; i < LANES; i++)
		{
			uint32_t	word = v[block * RECO_KERNEL_WORDS(ncolumns) * LANES + i];
			float		code = (float) (int) (word >> shift & 0xff);
			float		old = out[block * LANES + i];

			out[block * LANES + i] =
				(((code >= lo) & (code <= hi)) | (old == INFINITY)) ? old : -INFINITY;
		}
}

CLONED bool
reco_kernel_any_above(const float *restrict scores, size_t n, float bar)
{
	int			above[LANES] = {0};
	int			any = 0;

	for (size_t block = 0; block < n; block += LANES)
		for (size_t i = 0; i < LANES; i++)
			above[i] |= scores[block + i] > bar;
	for (size_t i = 0; i < LANES; i++)
		any |= above[i];
	return any != 0;
}

CLONED float
reco_kernel_most(const float *restrict numbers, size_t n)
{
	float		most[LANES];
	float		result = -INFINITY;
	size_t		i = 0;

	for (int j = 0; j < LANES; j++)
		most[j] = -INFINITY;
	for (; i + LANES <= n; i += LANES)
		for (int j = 0; j < LANES; j++)
			most[j] = numbers[i + j] > most[j] ? numbers[i + j] : most[j];
	for (; i < n; i++)
		most[0] = numbers[i] > most[0] ? numbers[i] : most[0];
	for (int j = 0; j < LANES; j++)
		result = most[j] > result ? most[j] : result;
	return result;
}
