/*-------------------------------------------------------------------------
 *
 * kernel_loops.h
 *	  The scan kernel's inner loops, which the compiler vectorises.
 *
 * Purpose: do one simple thing to every row of some whole blocks.
 * Runs in: any process, and plain C programs.
 * Locks:	none.
 * Never:	have two arguments of one call overlap.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_KERNEL_LOOPS_H
#define RECO_KERNEL_LOOPS_H

#include "catalogue/kernel.h"

/* Words of a row in a sketch. */
#define RECO_KERNEL_WORDS(ncolumns) (((ncolumns) + 3) / 4)

/*
 * The quadratic form c + sum of (a[f]*x + b[f])*x of each row, from values (the
 * same float operations on every CPU) or from a sketch's words (as precise, but
 * rounded as suits the CPU).
 */
extern void reco_kernel_sum_values(const float *values, size_t nblocks, size_t ncolumns,
								   const float *a, const float *b, float c, float *out);
extern void reco_kernel_sum_codes(const uint32_t *words, size_t nblocks, size_t ncolumns,
								  const float *a, const float *b, float c, float *out);

/* Says whether a row's code in the first column is 'code'. */
extern bool reco_kernel_any_code(const uint32_t *words, size_t nblocks, size_t ncolumns,
								 uint32_t code);

/* Adds to one block what its unmeasured values are worth. */
extern void reco_kernel_add_absent(const uint16_t *missing, size_t ncolumns,
								   const float *absent, float *out);

/* Adds what the ids look up; 'slack' times its magnitude on top of it. */
extern void reco_kernel_add_bias(const uint32_t *ids, const float *bias, size_t n,
								 float *out);
extern void reco_kernel_add_bias_slack(const uint32_t *ids, const float *bias,
									   float slack, size_t n, float *out);

/* Makes the scores of forbidden rows, or of those outside a range, -infinity. */
extern void reco_kernel_leave_flags(const uint16_t *flags, uint16_t forbid, size_t n,
									float *out);
extern void reco_kernel_leave_range(const uint32_t *words, size_t nblocks,
									size_t ncolumns, size_t column, float lo, float hi,
									float *out);

/* Says whether one of n scores (n a multiple of LANES) is above a bar. */
extern bool reco_kernel_any_above(const float *scores, size_t n, float bar);

/* The largest of n numbers that is not NaN, or -infinity. */
extern float reco_kernel_most(const float *numbers, size_t n);

#endif							/* RECO_KERNEL_LOOPS_H */
