/*-------------------------------------------------------------------------
 *
 * tap.h
 *	  What the C tests share: TAP output and random numbers that repeat.
 *
 * Purpose: ok(), near(), done(), and draws from a seed.
 * Runs in: plain C programs.
 * Locks:	none.
 * Never:	depend on the C library's random numbers: a failure must repeat.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TAP_H
#define TAP_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

static int	tap_tests = 0;
static int	tap_failed = 0;
static uint64_t tap_seed = 1;

/* One test; says where it stands when it fails. */
#define ok(good, ...) tap_ok(good, __LINE__, __VA_ARGS__)

/* A figure, to within a thousandth. */
#define near(got, wanted, ...) tap_near(got, wanted, __LINE__, __VA_ARGS__)

static inline bool __attribute__((format(printf, 3, 4)))
tap_ok(bool good, int line, const char *format, ...)
{
	__builtin_va_list arguments;

	printf("%s %d - ", good ? "ok" : "not ok", ++tap_tests);
	__builtin_va_start(arguments, format);
	vprintf(format, arguments);
	__builtin_va_end(arguments);
	printf("\n");
	if (!good)
		printf("# line %d\n", line);
	tap_failed += !good;
	return good;
}

static inline bool
tap_near(double got, double wanted, int line, const char *name)
{
	bool		good = fabs(got - wanted) <= 1e-3;

	tap_ok(good, line, "%s", name);
	if (!good)
		printf("# got %.6f, wanted %.6f\n", got, wanted);
	return good;
}

/* splitmix64 */
static inline uint64_t
tap_draw(void)
{
	uint64_t	z = (tap_seed += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* Uniform in 0 .. 1. */
static inline float
tap_unit(void)
{
	return (float) (tap_draw() >> 40) / (float) (1 << 24);
}

/* Prints the plan; the exit status of the program. */
static inline int
tap_done(void)
{
	printf("1..%d\n", tap_tests);
	return tap_failed > 0;
}

#endif							/* TAP_H */
