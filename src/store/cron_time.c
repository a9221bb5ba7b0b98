/*-------------------------------------------------------------------------
 *
 * cron_time.c
 *	  When a schedule of pg_cron's has come.
 *
 * Purpose: see cron_time.h.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	go through more minutes than there are in a few days: days and hours that do
 *			not fit are passed over.
 *
 * Five fields: minute, hour, day of the month, month, day of the week; each a list of
 * numbers, ranges and *, with steps; names of months and days; $ is the last day of the
 * month. Where both days are restricted, either suffices, as in every cron. Besides,
 * pg_cron takes "30 seconds" and words such as @daily.
 */
#include "cron_time.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MINUTE		60
#define HOUR		3600
#define DAY			86400
#define MOST_STEPS	100000

/* Sets of numbers, as bits. */
typedef struct Times
{
	uint64_t	minutes;
	uint64_t	hours;
	uint64_t	days;			/* of the month */
	uint64_t	months;
	uint64_t	weekdays;
	bool		last_day;		/* of the month, too */
	bool		any_day;
	bool		any_weekday;
} Times;

static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
									 "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekdays[] = {"sun", "mon", "tue", "wed",
									   "thu", "fri", "sat", NULL};

static bool read_times(const char *schedule, Times *times);
static bool read_field(const char **at, int low, int high, const char *const *names,
					   uint64_t *bits);
static bool read_number(const char **at, int low, const char *const *names, int *number);
static int64_t next_time(const Times *times, int64_t after, int64_t by);
static bool is_day(const Times *times, int64_t day);

int64_t
reco_cron_time(const char *schedule, int64_t after, int nth, int64_t by)
{
	Times		times;
	int			seconds;
	char		unit[8];

	if (sscanf(schedule, " %d %7[a-z]", &seconds, unit) == 2 &&
		strncmp(unit, "second", 6) == 0)
	{
		int64_t		at = after + (int64_t) seconds * nth;

		return seconds > 0 && at <= by ? at : 0;
	}
	if (!read_times(schedule, &times))
		return 0;
	while (nth-- > 0 && after != 0)
		after = next_time(&times, after, by);
	return after;
}

static bool
read_times(const char *schedule, Times *times)
{
	static const char *const words[][2] = {
		{"@yearly", "0 0 1 1 *"},  {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
		{"@weekly", "0 0 * * 0"},  {"@daily", "0 0 * * *"},	   {"@midnight", "0 0 * * *"},
		{"@hourly", "0 * * * *"},
	};
	const char *at = schedule;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(schedule, words[i][0]) == 0)
			at = words[i][1];
	memset(times, 0, sizeof(*times));
	if (!read_field(&at, 0, 59, NULL, &times->minutes) ||
		!read_field(&at, 0, 23, NULL, &times->hours))
		return false;
	at += strspn(at, " \t");
	times->any_day = *at == '*';
	times->last_day = *at == '$';
	if (times->last_day)
		at++;
	else if (!read_field(&at, 1, 31, NULL, &times->days))
		return false;
	if (!read_field(&at, 1, 12, months, &times->months))
		return false;
	at += strspn(at, " \t");
	times->any_weekday = *at == '*';
	if (!read_field(&at, 0, 7, weekdays, &times->weekdays))
		return false;
	if (times->weekdays & ((uint64_t) 1 << 7))
		times->weekdays |= 1;	/* both are Sunday */
	return at[strspn(at, " \t")] == '\0';
}

/* Reads a list of numbers and ranges, up to a space or the end. */
static bool
read_field(const char **at, int low, int high, const char *const *names, uint64_t *bits)
{
	*at += strspn(*at, " \t");
	for (;;)
	{
		int			from = low;
		int			to = high;
		int			step = 1;
		bool		range = true;

		if (**at == '*')
			(*at)++;
		else
		{
			if (!read_number(at, low, names, &from))
				return false;
			range = **at == '-';
			if (range)
				(*at)++;
			to = from;
			if (range && !read_number(at, low, names, &to))
				return false;
		}
		if (**at == '/')
		{
			(*at)++;
			if (!range || !read_number(at, 0, NULL, &step))
				return false;
		}
		if (from < low || to > high || from > to || step < 1)
			return false;
		for (int n = from; n <= to; n += step)
			*bits |= (uint64_t) 1 << n;
		if (**at != ',')
			return **at == '\0' || **at == ' ' || **at == '\t';
		(*at)++;
	}
}

/* Reads a number, or a name that stands for one, the first for 'low'. */
static bool
read_number(const char **at, int low, const char *const *names, int *number)
{
	for (int i = 0; names != NULL && names[i] != NULL; i++)
		if (strncasecmp(*at, names[i], 3) == 0)
		{
			*number = low + i;
			*at += 3;
			return true;
		}
	if (!isdigit((unsigned char) **at))
		return false;
	for (*number = 0; isdigit((unsigned char) **at) && *number < 1000; (*at)++)
		*number = *number * 10 + (**at - '0');
	return true;
}

/* The first time after a moment; 0 = not by then. */
static int64_t
next_time(const Times *times, int64_t after, int64_t by)
{
	int64_t		at = after - after % MINUTE + MINUTE;

	for (int steps = 0; at <= by && steps < MOST_STEPS; steps++)
	{
		if (!is_day(times, at / DAY))
			at += DAY - at % DAY;
		else if (!(times->hours >> at % DAY / HOUR & 1))
			at += HOUR - at % HOUR;
		else if (!(times->minutes >> at % HOUR / MINUTE & 1))
			at += MINUTE;
		else
			return at;
	}
	return 0;
}

/* The date of a day since 1970, in the calendar that begins its years with March. */
static void
date_of(int64_t day, int *month, int *day_of_month)
{
	int64_t		era_day = (day + 719468) % 146097;
	int64_t year = (era_day - era_day / 1460 + era_day / 36524 - era_day / 146096) / 365;
	int			year_day = (int) (era_day - (365 * year + year / 4 - year / 100));
	int			from_march = (5 * year_day + 2) / 153;

	*month = from_march < 10 ? from_march + 3 : from_march - 9;
	*day_of_month = year_day - (153 * from_march + 2) / 5 + 1;
}

static bool
is_day(const Times *times, int64_t day)
{
	int			month;
	int			day_of_month;
	int			next_month;
	int			next_day;
	bool		by_day;
	bool		by_weekday;

	date_of(day, &month, &day_of_month);
	date_of(day + 1, &next_month, &next_day);
	if (!(times->months >> month & 1))
		return false;
	by_day = (times->days >> day_of_month & 1) || (times->last_day && next_day == 1);
	by_weekday = times->weekdays >> (day + 4) % 7 & 1;
	return times->any_day || times->any_weekday ? by_day && by_weekday
												: by_day || by_weekday;
}
