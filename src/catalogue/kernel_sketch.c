/*-------------------------------------------------------------------------
 *
 * kernel_sketch.c
 *	  A byte per value, from which a query's scores are bounded from above.
 *
 * Purpose: fit and write the codes, and turn a query into a bound on codes.
 * Runs in: any process, and plain C programs.
 * Locks:	none.
 * Never:	bound a score too low: hits would be lost without a trace.
 *
 * A value x has the code q with |x - (lo + step * q)| <= half, checked when it is
 * written.  A row with a value for which there is none is marked as outside, and
 * is always scored from its floats.  An unmeasured value has the mean's code.
 *
 *-------------------------------------------------------------------------
 */
#include "catalogue/kernel_sketch.h"
#include "catalogue/kernel_loops.h"

#include <math.h>

static double most_of_column(double a, double b);
static void fit_column(RecoGlance *g, const RecoPlane *plane, const RecoScanQuery *query,
					   uint32_t column, double *constant, double *size);

/*
 * Fits each column's codes to mean ± 12 standard deviations of its values, cut
 * to their range, so that a few wild values do not cost the others precision.
 */
void
reco_kernel_sketch(RecoPlane *plane)
{
	plane->sketched = false;
	if (!plane->sketch || plane->ncolumns == 0)
		return;

	for (uint32_t f = 0; f < plane->ncolumns; f++)
	{
		double		n = 0;
		double		sum = 0;
		double		squares = 0;
		double		lo = 0;
		double		hi = 0;
		double		mean;
		double		reach;

		for (uint32_t row = 0; row < plane->nrows; row++)
		{
			double		x = plane->values[reco_kernel_offset(plane, row, f)];

			if (!isfinite(x) || reco_kernel_is_missing(plane, row, f))
				continue;
			lo = n == 0 || x < lo ? x : lo;
			hi = n == 0 || x > hi ? x : hi;
			n += 1;
			sum += x;
			squares += x * x;
		}
		mean = n > 0 ? sum / n : 0;
		reach = 12 * sqrt(fmax(0, n > 0 ? squares / n - mean * mean : 0));
		lo = fmax(lo, mean - reach);
		hi = fmin(hi, mean + reach);
		plane->sketch_lo[f] = (float) lo;
		plane->sketch_step[f] =
			hi > lo ? (float) ((hi - lo) / RECO_KERNEL_CODE_MAX) : 0.0f;
		plane->sketch_half[f] = plane->sketch_step[f] * 0.50001f;
		plane->sketch_mean[f] = hi > lo
			? (uint8_t) fmin(RECO_KERNEL_CODE_MAX,
							 rint((mean - lo) / (hi - lo) * RECO_KERNEL_CODE_MAX))
			: 0;
	}

	plane->grouped = plane->group != NULL && plane->ngroups > 0;
	for (uint32_t row = 1; plane->grouped && row < plane->nrows; row++)
		plane->grouped = plane->group[row - 1] <= plane->group[row];

	plane->sketched = true;
	for (uint32_t row = 0; row < plane->nrows; row++)
	{
		float		values[RECO_KERNEL_MAXCOLUMNS];
		uint32_t	missing_mask = 0;

		for (uint32_t f = 0; f < plane->ncolumns; f++)
		{
			values[f] = plane->values[reco_kernel_offset(plane, row, f)];
			missing_mask |= (uint32_t) reco_kernel_is_missing(plane, row, f) << f;
		}
		reco_kernel_encode(plane, row, values, missing_mask);
	}
}

/* No looked-up term, allowance included, is above the result. */
float
reco_kernel_most_of(const float *bias, size_t n)
{
	float		most = reco_kernel_most(bias, n);

	return isfinite(most) ? most + 2 * (float) RECO_KERNEL_ROUNDING * fabsf(most) : most;
}

/*
 * Works out what the query looks like through the sketch.  Not usable when
 * there is none, or when the numbers are so large that floats may overflow.
 */
void
reco_kernel_glance(const RecoPlane *plane, RecoScanQuery *query, RecoGlance *g)
{
	double		constant = query->c;
	double		size = 2 * fabs(query->c);

	if (!query->bounded)
	{
		query->group_most = plane->ngroups ? -INFINITY : INFINITY;
		query->set_most = plane->nsets ? -INFINITY : INFINITY;
		if (!plane->group || !query->group_bias)
			query->group_most = 0;
		else if (plane->ngroups)
			query->group_most = reco_kernel_most_of(query->group_bias, plane->ngroups);
		if (!plane->set || !query->set_bias)
			query->set_most = 0;
		else if (plane->nsets)
			query->set_most = reco_kernel_most_of(query->set_bias, plane->nsets);
		query->bounded = true;
	}

	g->usable = plane->sketched;
	if (!g->usable)
		return;
	g->absences = 0;
	for (uint32_t f = 0; f < plane->ncolumns; f++)
		fit_column(g, plane, query, f, &constant, &size);
	constant += RECO_KERNEL_ROUNDING * size + 1e-30;
	g->c = (float) constant;
	g->most = constant + RECO_KERNEL_ROUNDING * size + g->absences;
	for (uint32_t f = 0; f < plane->ncolumns; f++)
		g->most += most_of_column(g->a[f], g->b[f]);
	g->usable = size < 1e30;	/* and so not NaN */

	for (int i = 0; i < query->nranges; i++)
	{
		uint32_t	f = query->ranges[i].column;
		double		lo = -INFINITY;
		double		hi = INFINITY;

		if (f < plane->ncolumns && plane->sketch_step[f] > 0)
		{
			lo = ((double) query->ranges[i].lo - plane->sketch_lo[f]) /
				plane->sketch_step[f];
			hi = ((double) query->ranges[i].hi - plane->sketch_lo[f]) /
				plane->sketch_step[f];
		}
		g->lo[i] = isnan(lo) ? -INFINITY : (float) fmax(-1, fmin(lo - 1, 1000));
		g->hi[i] = isnan(hi) ? INFINITY : (float) fmax(-1000, fmin(hi + 1, 1000));
	}
}

/* The most that a quadratic form of one code can be, at code 0 at least 0. */
static double
most_of_column(double a, double b)
{
	double		most = fmax(0, (a * RECO_KERNEL_CODE_MAX + b) * RECO_KERNEL_CODE_MAX);

	if (a < 0 && b > 0 && b < -2 * a * RECO_KERNEL_CODE_MAX)
		most = b * b / (-4 * a);
	return most;
}

/*
 * Bounds one column's term t(x) = a·x² + b·x from above by a quadratic form of
 * the code q, where |x - y| <= h for y = lo + step·q.
 *
 * For a >= 0: t(x) <= t(y) + |t'(y)|·h + a·h², and |t'| is largest at an end.
 *
 * For a < 0, write w = -a and s = b / 2w (the peak).  Then t(x) = w·s² -
 * w·(x - s)², and with u = |y - s|, (x - s)² >= u² - 2·h·u where that is not
 * negative, and >= 0.  For each e in (0, 1], 2·h·u <= e·u² + h²/e, so
 * t(x) <= w·s² - w·(1 - e)·u² + w·h²·(1/e - 1) after taking the -h² that the
 * square also has.  The bound is tight at u = h/e; e is chosen so that this is
 * an eighth of the column's range from the peak (or from where the range comes
 * nearest to it), as the best rows tend to be there.
 */
static void
fit_column(RecoGlance *g, const RecoPlane *plane, const RecoScanQuery *query,
		   uint32_t column, double *constant, double *size)
{
	double		a = query->a[column];
	double		b = query->b[column];
	double		m = query->m[column];
	double		lo = plane->sketch_lo[column];
	double		step = plane->sketch_step[column];
	double		h = plane->sketch_half[column];
	double		hi = lo + RECO_KERNEL_CODE_MAX * step;
	double		x = fmax(fabs(lo), fabs(hi)) + h;
	double		scale = 1;
	double		more = 0;
	double		mean = plane->sketch_mean[column];
	double		at_zero;
	double		at_mean;
	double		absent;

	if (a < 0 && h > 0)
	{
		double		peak = b / (-2 * a);
		double		near = fmax(0, fmax(lo - peak, peak - hi)) + (hi - lo) / 8;
		double		e = near > h ? h / near : 1;

		scale = 1 - e;
		more = e * (b * b / (-4 * a)) - a * h * h * (1 / e - 1);
	}
	else if (h > 0)
		more = fmax(fabs(2 * a * lo + b), fabs(2 * a * hi + b)) * h + a * h * h;

	g->a[column] = (float) (scale * a * step * step);
	g->b[column] = (float) (scale * (2 * a * lo + b) * step);
	at_zero = scale * (a * lo * lo + b * lo) + more;
	at_mean = at_zero + ((double) g->a[column] * mean + g->b[column]) * mean;
	/* Times zero it must be zero, so it is finite: -infinity becomes -1e30. */
	absent =
		fmax(-1e30, m - at_mean + (isfinite(m) ? RECO_KERNEL_ROUNDING * fabs(m) : 0));
	g->absent[column] = (float) absent;
	g->absences += fmax(0, absent * (1 + RECO_KERNEL_ROUNDING));
	*constant += at_zero;
	*size += fabs(a) * x * x + fabs(b) * x + fabs(at_zero);
	*size += fabs((double) g->a[column]) * RECO_KERNEL_CODE_MAX * RECO_KERNEL_CODE_MAX;
	*size += fabs((double) g->b[column]) * RECO_KERNEL_CODE_MAX;
	if (!(m < 1e30))
		*size = INFINITY;
	/* Out of bounds where a step on the way may overflow or underflow. */
	if (!(fabs(a) < 1e30 && fabs(b) < 1e30 && x < 1e15))
		*size = INFINITY;
}

static void
put_code(RecoPlane *plane, uint32_t row, uint32_t column, uint32_t code)
{
	size_t		words = RECO_KERNEL_WORDS(plane->ncolumns);
	size_t		at = (row / RECO_KERNEL_LANES * words + column / 4) * RECO_KERNEL_LANES +
		row % RECO_KERNEL_LANES;
	uint32_t	shift = column % 4 * 8;

	plane->sketch[at] = (plane->sketch[at] & ~(UINT32_C(0xff) << shift)) | code << shift;
}

/* Writes one row's codes.  A row that they cannot describe is 'outside'. */
void
reco_kernel_encode(RecoPlane *plane, uint32_t row, const float *values,
				   uint32_t missing_mask)
{
	bool		outside = false;

	for (uint32_t f = 0; f < plane->ncolumns; f++)
	{
		double		lo = plane->sketch_lo[f];
		double		step = plane->sketch_step[f];
		double		code = plane->sketch_mean[f];

		if (!((missing_mask >> f) & 1))
		{
			code = step > 0 ? rint(((double) values[f] - lo) / step) : 0;
			if (!(code >= 0 && code <= RECO_KERNEL_CODE_MAX))
				code = 0;
			if (!(fabs(values[f] - (lo + step * code)) <= plane->sketch_half[f]))
				outside = true;
		}
		put_code(plane, row, f, (uint32_t) code);
	}
	if (outside)
		put_code(plane, row, 0, RECO_KERNEL_CODE_OUTSIDE);
}
